"""Does any comment of 100 kB take more than half a second to score, to mask or to
find intents in?

Run: python benchmarks/voice/hostile.py   (the texts are those of tests/text)

Prints the CPU time of each, the slowest first, and ends with 1 where one is above the bar. Also:
600 emoji, whose bar is 10 ms.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cxkit.text.intents import find_intents
from cxkit.text.masking import mask
from cxkit.text.rules import word_score
from cxkit.text.scoring import GeneralScorer
from cxkit.text.vader import vader_score

TESTS = Path(__file__).resolve().parents[2] / "tests" / "text"
BAR, EMOJI_BAR = 0.5, 0.010


def hostile(name: str) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.HOSTILE)


def cpu(run: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    run(text)
    return time.process_time() - started


def intents(text: str) -> object:
    return find_intents([text], languages=["en"])


def general(text: str) -> object:
    return GeneralScorer().score(text)


def main() -> int:
    for run in (word_score, general, vader_score, mask, intents):
        run("warm up")
    times = [
        (min(cpu(run, text) for _ in range(3)), run.__name__, name)
        for module, run in (
            ("test_rules", word_score),
            ("test_rules", general),
            ("test_rules", vader_score),
            ("test_masking", mask),
            ("test_intents", intents),
        )
        for name, text in hostile(module).items()
    ]
    for seconds, function, name in sorted(times, reverse=True):
        print(f"{1000 * seconds:7.1f} ms  {function:10}  {name}")
    emoji = max(
        min(cpu(run, "\U0001f602" * 600) for _ in range(5))
        for run in (word_score, general, vader_score)
    )
    print(f"{1000 * emoji:7.1f} ms  600 emoji")
    return int(max(times)[0] > BAR or emoji > EMOJI_BAR)


if __name__ == "__main__":
    sys.exit(main())
