"""How well does the rule scorer tell good comments from bad, beside VADER, set by set?

Run: python benchmarks/voice/score_bars.py FOLDER   (the folder of labelled comments)

Binary: non-neutral rows. Three classes: stars <= 2 / 3 / >= 4, human means <= -0.5 / between /
>= 0.5. A comment without any signal counts as 0. Duplicates (normalised text) are dropped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import spearmanr
from sklearn.metrics import f1_score, roc_auc_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxkit.text.rules import word_score
from cxkit.text.scoring import CUTS

# per set: the column of the truth, and where its negative and positive sides begin
SETS = {
    "airline": ("label", -1, 1),
    "trustpilot_pet": ("stars", 2, 4),
    "maalej": ("stars", 2, 4),
    "sxsw_brands": ("sentiment", -1, 1),
    "nhs_phase1": ("criticality", -1, 1),
    "uci_amazon_cells": ("label", 0, 1),
    "uci_yelp": ("label", 0, 1),
    "uci_imdb": ("label", 0, 1),
    "hutto_tweets": ("gt", -0.5, 0.5),
    "hutto_amazon": ("gt", -0.5, 0.5),
    "hutto_movie": ("gt", -0.5, 0.5),
    "hutto_nyt": ("gt", -0.5, 0.5),
}
WORDS = {"negative": "-1", "neutral": "0", "positive": "1"}


def labelled(folder: Path, name: str) -> pl.DataFrame:
    """One row per distinct comment: text, truth, side (-1, 0, 1)."""
    column, negative, positive = SETS[name]
    truth = pl.col(column).replace(WORDS).cast(pl.Float64, strict=False)
    return (
        pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        .select("text", truth=truth)
        .drop_nulls()
        .with_columns(
            side=pl.when(pl.col("truth") <= negative)
            .then(-1)
            .when(pl.col("truth") >= positive)
            .then(1)
            .otherwise(0),
            key=pl.col("text").str.to_lowercase().str.replace_all(r"\W+", " "),
        )
        .unique("key", keep="first", maintain_order=True)
    )


def measured(
    frame: pl.DataFrame, score: Callable[[str], float | None], cut: float
) -> dict[str, float]:
    texts = frame["text"].to_list()
    started = time.perf_counter()
    found = [score(text) for text in texts]
    seconds = time.perf_counter() - started
    scores = np.array([value or 0.0 for value in found])
    side = frame["side"].to_numpy()
    sides = np.where(scores >= cut, 1, np.where(scores <= -cut, -1, 0))
    return {
        "auc": roc_auc_score(side[side != 0] > 0, scores[side != 0]),
        "spearman": float(spearmanr(scores, frame["truth"]).statistic),
        "macro_f1": f1_score(side, sides, average="macro"),
        "no_signal": sum(value is None for value in found) / len(found),
        "docs_per_s": len(texts) / seconds,
    }


def table(folder: Path, names: list[str]) -> pl.DataFrame:
    vader = SentimentIntensityAnalyzer()
    rows = []
    for name in names:
        frame = labelled(folder, name)
        theirs = measured(frame, lambda text: vader.polarity_scores(text)["compound"], 0.05)
        ours = measured(frame, word_score, CUTS[0])
        rows.append(
            {"set": name, "n": frame.height}
            | {f"vader_{key}": value for key, value in theirs.items() if key != "no_signal"}
            | ours
        )
    return pl.DataFrame(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    chosen = parser.parse_args()
    rows = table(chosen.folder, chosen.sets)
    means = rows.select(pl.lit("mean").alias("set"), pl.exclude("set", "n").mean())
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(pl.concat([rows, means], how="diagonal"))
    worse = rows.filter(pl.col("auc") <= pl.col("vader_auc"))["set"].to_list()
    mean = float(means["auc"].item())
    print(f"bar 3: mean AUC {mean:.3f} (>= .90); not above VADER on: {worse or 'none'}")
    return int(bool(worse) or mean < 0.90)


if __name__ == "__main__":
    sys.exit(main())
