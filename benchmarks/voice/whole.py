"""How long do 100,000 comments take from text to language, tone, intents and themes, on one core?

Run: python benchmarks/voice/whole.py FOLDER [COMMENTS]   (the folder of labelled comments)

The comments are those of the folder of 5 to 60 words, and, until there are enough, halves of two of
them put together; one in ten stands there twice. One process, held to one core, does all steps one
after the other, as a monthly run does. Seconds are CPU time of all threads. Ends with 1 where a bar
is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from cxkit.text.intents import find_intents
from cxkit.text.language import detect_languages
from cxkit.text.scoring import score_comments
from cxkit.text.themes import tag_comments, theme_book

SETS = (
    "airline",
    "sxsw_brands",
    "maalej",
    "hutto_tweets",
    "hutto_amazon",
    "nhs_phase1",
    "uci_yelp",
)
SHORTEST, LONGEST = 5, 60  # words
TWICE = 0.1
SECONDS, GIGABYTES = 60, 1.5
THEMES = {
    "delivery": "deliver* late delay* arriv* shipping courier parcel flight departure boarding",
    "waiting": "wait waited waiting queue hold hours minutes appointment",
    "staff": "staff nurse* doctor* agent* attendant crew reception* manager team rude friendly",
    "price": "price* expensive cheap cost* fee* refund* charge* money paid worth",
    "contact": "call* phone email reply answer* contact* line support 'customer service'",
    "product": "quality broke* screen battery case charger sound fit material",
    "app": "app update* crash* login password download install* feature* bug*",
    "food": "food meal* menu drink* taste* breakfast coffee",
    "luggage": "bag bags luggage baggage lost seat*",
    "parking": "park* car toilet* ward room* clean* dirty noise",
}


def comments(folder: Path, count: int) -> list[str]:
    """Comments in a fixed random order, one in ten of them a copy."""
    texts = pl.concat(
        pl.read_csv(folder / f"{name}.csv", infer_schema=False).select("text") for name in SETS
    )
    words = pl.col("text").str.split(" ").list.len()
    real = (
        texts.drop_nulls()
        .filter(words.is_between(SHORTEST, LONGEST))
        .unique(maintain_order=True)["text"]
        .to_list()
    )
    random = np.random.default_rng(6)
    distinct = round(count * (1 - TWICE))
    known = dict.fromkeys(real[at] for at in random.permutation(len(real))[:distinct])
    while len(known) < distinct:
        one, other = (real[at].split(" ") for at in random.integers(0, len(real), 2))
        known[" ".join(one[: len(one) // 2] + other[len(other) // 2 :])] = None
    all_of_them = list(known)
    again = random.choice(distinct, count - distinct, replace=False)
    all_of_them += [all_of_them[at] for at in again]
    return [all_of_them[at] for at in random.permutation(count)]


def book() -> str:
    """A theme book as an analyst writes one."""
    return "".join(
        f'[[themes]]\nname = "{name}"\ninclude = {terms.replace(chr(39), "").split()}\n'
        for name, terms in THEMES.items()
    ).replace("'", '"')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("comments", nargs="?", type=int, default=100_000)
    told = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = pl.Series("text", comments(told.folder, told.comments))
    words = texts.str.split(" ").list.len()
    print(
        f"{len(texts):,} comments, {texts.n_unique():,} distinct, {words.median():.0f} words "
        f"in the median; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB before"
    )
    themes = theme_book(book())
    languages: dict[str, pl.Series] = {}

    def language() -> None:
        languages["found"] = detect_languages(texts)["language"]

    steps: dict[str, Callable[[], object]] = {
        "language": language,
        "sentiment": lambda: score_comments(texts, languages=["en"]),
        "intents": lambda: find_intents(texts, languages=["en"]),
        "tagging": lambda: tag_comments(texts, themes),
    }
    seconds = {}
    for name, step in steps.items():  # each but tagging shows a bar of its own in a terminal
        began = time.process_time()
        step()
        seconds[name] = time.process_time() - began
        print(
            f"{name:10} {seconds[name]:6.1f} CPU s  {len(texts) / seconds[name]:9,.0f} comments/s"
        )
    total = sum(seconds.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    bars = (("CPU s, all", SECONDS, total), ("GB at most", GIGABYTES, peak))
    print(f"English: {(languages['found'] == 'en').mean():.1%}")
    for what, most, got in bars:
        print(f"{what:10} {got:6.2f}  bar {most}  {'ok' if got <= most else 'MISSED'}")
    return int(any(got > most for _, most, got in bars))


if __name__ == "__main__":
    sys.exit(main())
