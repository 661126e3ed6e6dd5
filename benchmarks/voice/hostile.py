"""Does any comment of 100 kB take more than half a second at any door that reads comments?

Run: python benchmarks/voice/hostile.py   (the texts are those of tests/text)

Every hostile text goes through every door: language, the three scorers, intents, tags of a theme
book, the tone around mentions (every other word is one, up to 10,000), masking, and the prediction
of ratings. Prints the CPU time of each, the slowest first, and ends with 1 where one is above the
bar. Also: 600 emoji, whose bar is 10 ms.
"""

import importlib.util
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from cxkit.text.intents import find_intents
from cxkit.text.kept import forget
from cxkit.text.language import detect_languages
from cxkit.text.masking import mask
from cxkit.text.mentions import score_mentions
from cxkit.text.own_rating import RatingModel, learn_rating
from cxkit.text.rules import word_score
from cxkit.text.scoring import GeneralScorer
from cxkit.text.themes import tag_comments, theme_book
from cxkit.text.vader import vader_score

TESTS = Path(__file__).resolve().parents[2] / "tests" / "text"
BAR, EMOJI_BAR = 0.5, 0.010
MODULES = ("test_rules", "test_masking", "test_intents")
MOST_MENTIONS = 10_000
BOOK = theme_book(
    '[[themes]]\nname = "waiting"\ninclude = ["wait*", "a", "not a good", "on hold"]\n'
    'exclude = ["no wait"]\n[[themes]]\nname = "staff"\ninclude = ["nobody got", "very", "staff"]\n'
)


def hostile(name: str) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.HOSTILE)


def cpu(run: Callable[[Any], object], text: Any) -> float:
    forget()
    started = time.process_time()
    run(text)
    return time.process_time() - started


def intents(text: str) -> object:
    return find_intents([text], languages=["en"])


def general(text: str) -> object:
    return GeneralScorer().score(text)


def language(text: str) -> object:
    return detect_languages([text])


def tagging(text: str) -> object:
    return tag_comments([text], BOOK)


def mentions(text: str) -> pl.DataFrame:
    places = [found.span() for found in re.finditer(r"\S+", text)][: 2 * MOST_MENTIONS : 2]
    starts, ends = ([place[at] for place in places] for at in (0, 1))
    frame = {"text": [text] * len(places), "start": starts, "end": ends}
    return pl.DataFrame(frame, schema={"text": pl.String, "start": pl.Int64, "end": pl.Int64})


def learned() -> RatingModel:
    """A model of made-up comments, used whatever cross-validation says of it."""
    good = [f"lovely {thing}, thank you {at}" for at in range(20) for thing in ("desk", "chair")]
    bad = [f"awful {thing}, never again {at}" for at in range(20) for thing in ("desk", "chair")]
    model = learn_rating(good + bad, ["positive"] * 40 + ["negative"] * 40, languages=["en"])
    sure = {"gain": (1.0, 1.0, 1.0), "general_macro_f1": -1.0, "general_spearman": -1.0}
    return replace(model, card=replace(model.card, **sure))


def main() -> int:
    model = learned()

    def rating(text: str) -> object:
        return model.predict([text])

    doors = (word_score, general, vader_score, mask, intents, language, tagging, rating)
    for run in doors:
        run("warm up")
    texts = {name: text for module in MODULES for name, text in hostile(module).items()}
    times = [
        (min(cpu(run, text) for _ in range(2)), run.__name__, name)
        for name, text in texts.items()
        for run in doors
    ]
    for name, text in texts.items():
        asked = mentions(text)
        times.append((min(cpu(score_mentions, asked) for _ in range(2)), "mentions", name))
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
