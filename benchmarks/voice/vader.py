"""Is the fast VADER the same as vaderSentiment in all four figures, and how much faster is it?

Run: python benchmarks/voice/vader.py FOLDER   (the folder of labelled comments)

Compares on every distinct text of the folder, as it stands, in capitals, and joined two by two with
"but" between; speed is CPU time, the best of three, with memory of words warm as in real columns.
Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxkit.text.vader import vader_score

EMOJI = "\U0001f602" * 600


def texts_of(folder: Path) -> list[str]:
    columns = [
        pl.read_csv(path, infer_schema=False)["text"]
        for path in sorted(folder.glob("*.csv"))
        if path.name != "MANIFEST.csv"
    ]
    return pl.concat(columns).drop_nulls().unique(maintain_order=True).to_list()


def seconds(run: Callable[[str], object], texts: list[str]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for text in texts:
            run(text)
        best = min(best, time.process_time() - started)
    return best


def differing(texts: list[str], theirs: Callable[[str], dict[str, float]]) -> int:
    count = 0
    for text in texts:
        if vader_score(text)._asdict() != theirs(text):
            count += 1
            if count <= 5:
                print(repr(text[:300]), vader_score(text), theirs(text), sep="\n  ")
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    theirs = SentimentIntensityAnalyzer().polarity_scores
    texts = texts_of(parser.parse_args().folder)
    louder = [text.upper() for text in texts[::4]]
    joined = [f"{a} but {b} !? {a[:40]}" for a, b in zip(texts[::5], texts[2::5], strict=False)]
    words = [(len(text.split()), text) for text in texts]
    short = [text for n, text in words if 14 <= n <= 22][:4000]
    run = " ".join(text for n, text in words if n >= 40).split()
    long = [" ".join(run[at : at + 175]) for at in range(0, 175 * 400, 175)]
    rows = [
        ("texts that differ, as they stand", 0, differing(texts, theirs), len(texts)),
        ("texts that differ, in capitals", 0, differing(louder, theirs), len(louder)),
        ("texts that differ, joined by but", 0, differing(joined, theirs), len(joined)),
    ]
    missed = len(texts) < 60_000 or any(found for _, _, found, _ in rows)
    for name, bar, some in (("short", 2.5, short), ("175 words", 6.0, long)):
        times = seconds(theirs, some) / seconds(vader_score, some)
        missed |= times < bar
        rows.append((f"times as fast, {name}", bar, round(times, 2), len(some)))
        rows.append(
            (
                f"documents per CPU second, {name}",
                "-",
                round(len(some) / seconds(vader_score, some)),
                len(some),
            )
        )
    milliseconds = 1000 * seconds(vader_score, [EMOJI])
    missed |= milliseconds > 10
    rows.append(("milliseconds for 600 emoji", 10, round(milliseconds, 2), 1))
    for what, bar, found, n in rows:
        print(f"{what:40} {bar!s:>5} {found:>9} {n:>7,}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
