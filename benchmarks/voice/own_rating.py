"""How well are ratings predicted from an export's own rated comments, from few and from many?

Run: python benchmarks/voice/own_rating.py FOLDER   (the folder of labelled comments)

Per set a third of the comments (2,000 at most) is held out and never learned from; of the others
n are drawn at random, several times, and what `learn_rating` makes of them judges those held out.
Texts alike but for signs and capitals count once. The general scorer has read the app reviews
(maalej), so there it looks better than it is. Seconds and rates
are CPU time of one core, nothing being known from before. "used" is the share of draws in which
cross-validation chose what was learned; "own" is what was learned whether chosen or not. Prints
one row per set and n, then each bar with what was measured. Takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import spearmanr
from sklearn.metrics import f1_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxkit.errors import BadQuestion
from cxkit.text.kept import forget
from cxkit.text.own_rating import BINS, CLASSES, SCALES, RatingModel, learn_rating
from cxkit.text.scoring import CUTS, score_comments

SETS = {"airline": "label", "trustpilot_pet": "stars", "maalej": "stars", "olist_pt": "stars"}
PORTUGUESE = "olist_pt"
# comments learned from -> draws
DRAWS = {30: 12, 50: 12, 100: 12, 200: 6, 500: 3, 1000: 3, 2000: 2, 5000: 1}
HELD_OUT = 2000


def read(folder: Path, name: str) -> pl.DataFrame:
    """One row per distinct comment in a fixed random order: text, rating, side (0, 1, 2), value."""
    rating = pl.col(SETS[name])
    if SETS[name] == "stars":
        rating = rating.cast(pl.Float64, strict=False)
        side = pl.when(pl.col("rating") <= 2).then(0).when(pl.col("rating") >= 4).then(2)
        value = pl.col("rating")
    else:
        place = {label: at for at, label in enumerate(CLASSES)}
        side = pl.when(pl.col("rating").is_in(CLASSES)).then(
            pl.col("rating").replace_strict(place, default=1)
        )
        value = side.cast(pl.Float64)
    key = pl.col("text").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    return (
        pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        .select("text", rating=rating)
        .drop_nulls()
        .with_columns(key=key, side=side.otherwise(1), value=value)
        .filter(pl.col("key") != "")
        .unique("key", keep="first", maintain_order=True)
        .sample(fraction=1, shuffle=True, seed=6)
    )


def macro(truth: np.ndarray, sides: np.ndarray) -> float:
    return float(f1_score(truth, sides, average="macro"))


def rank(scores: np.ndarray, value: np.ndarray) -> float:
    return 0.0 if np.ptp(scores) == 0 else float(spearmanr(scores, value).statistic)


def sides_of(scores: np.ndarray, cut: float) -> np.ndarray:
    return np.where(scores >= cut, 2, np.where(scores <= -cut, 0, 1))


def judged(model: RatingModel, held: pl.DataFrame) -> tuple[float, float]:
    found = model.predict(held["text"])
    place = {label: at for at, label in enumerate(CLASSES)}
    named = found["predicted_rating"].cast(pl.String).fill_null("neutral")
    sides = named.replace_strict(place, return_dtype=pl.Int64).to_numpy()
    scores = found["score"].fill_null(0).to_numpy()
    return macro(held["side"].to_numpy(), sides), rank(scores, held["value"].to_numpy())


def calibration_error(model: RatingModel, held: pl.DataFrame) -> float:
    found = model.predict(held["text"]).select(f"p_{label}" for label in CLASSES).to_numpy()
    sure, right = found.max(axis=1), found.argmax(axis=1) == held["side"].to_numpy()
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, sure - right, minlength=BINS)).sum() / len(sure))


def always(model: RatingModel) -> RatingModel:
    """The same model, used whatever cross-validation said."""
    sure = replace(model.card, gain=(1, 1, 1), general_macro_f1=-1, general_spearman=-1)
    return replace(model, card=replace(sure, spearman=(1, 1, 1)))


def measured(folder: Path, name: str, most: int) -> list[dict[str, float | str]]:
    frame = read(folder, name)
    held = frame.head(min(HELD_OUT, frame.height // 3))
    pool = frame.slice(held.height)
    truth, value = held["side"].to_numpy(), held["value"].to_numpy()
    metric = "classes" if SETS[name] == "label" else "stars"
    assert metric == "classes" or metric in SCALES
    judge = SentimentIntensityAnalyzer()
    vader = np.array([judge.polarity_scores(text)["compound"] for text in held["text"]])
    languages = ["pt"] if name == PORTUGUESE else ["en"]
    general = score_comments(held["text"], languages=languages)["score"].fill_null(0).to_numpy()
    fixed = {
        "vader_f1": macro(truth, sides_of(vader, 0.05)),
        "vader_rho": rank(vader, value),
        "general_f1": macro(truth, sides_of(general, CUTS[0])),
        "general_rho": rank(general, value),
    }
    rows: list[dict[str, float | str]] = []
    for n, draws in DRAWS.items():
        if n > min(pool.height, most):
            continue
        found = []
        for draw in range(draws):
            part = pool.sample(n, seed=100 * n + draw)
            forget()
            started = time.process_time(), time.perf_counter()
            try:
                model = learn_rating(part["text"], part["rating"], metric=metric)
            except BadQuestion as error:  # the general scorer stays
                print(f"{name} n = {n}, draw {draw}: {error}")
                found.append([fixed["general_f1"], fixed["general_rho"], 0, *[np.nan] * 6])
                continue
            ended = time.process_time(), time.perf_counter()
            chosen, own = judged(model, held), always(model)
            forget()
            begun = time.process_time()
            own.predict(held["text"])
            rate = held.height / (time.process_time() - begun)
            forced = judged(own, held)
            used = model.card.chosen == "own ratings"
            off = calibration_error(own, held)
            seconds = [now - then for now, then in zip(ended, started, strict=True)]
            found.append([*chosen, used, *forced, off, *seconds, rate])
        names = "f1 rho used own_f1 own_rho ece fit_cpu_s fit_s docs_per_cpu_s".split()
        mean = dict(zip(names, np.nanmean(np.array(found, dtype=float), axis=0), strict=True))
        rows.append({"set": name, "n": n, "draws": draws} | mean | fixed)
        print(f"{name:15} {n:5} " + " ".join(f"{k} {v:.3f}" for k, v in mean.items()), flush=True)
    return rows


def say(what: str, bar: str, value: float, ok: bool) -> int:
    print(f"{what:58} {bar:>8} {value:9.3f}  {'ok' if ok else 'MISSED'}")
    return int(not ok)


def bars(table: pl.DataFrame, folder: Path) -> int:
    missed = 0
    for row in table.iter_rows(named=True):
        name, n = row["set"], row["n"]
        if n == 100:
            bar = row["vader_rho"] + 0.10
            missed += say(
                f"4 {name}, n = 100: Spearman", f"{bar:.3f}", row["rho"], row["rho"] >= bar
            )
        if n == 200:
            bar = row["vader_f1"] + 0.06
            missed += say(f"4 {name}, n = 200: macro-F1", f"{bar:.3f}", row["f1"], row["f1"] >= bar)
        if n <= 100:
            for key in ("f1", "rho"):
                gain = row[key] - row[f"general_{key}"]
                missed += say(
                    f"4 {name}, n = {n}: {key} less general", "-0.010", gain, gain >= -0.01
                )
        if n >= 500:
            missed += say(f"5 {name}, n = {n}: ECE", "0.050", row["ece"], row["ece"] <= 0.05)
        if n in (2000, 5000):
            bar = 3 if n == 2000 else 10
            ok = row["fit_cpu_s"] <= bar
            missed += say(f"5 {name}, n = {n}: CPU s to fit", f"{bar}", row["fit_cpu_s"], ok)
            rate = row["docs_per_cpu_s"] / 1000
            missed += say(f"5 {name}: thousand predictions per CPU s", "10", rate, rate >= 10)
        if name == PORTUGUESE and n == 1000:
            missed += say(
                "6 Portuguese, n = 1,000: macro-F1", "0.610", row["f1"], row["f1"] >= 0.61
            )
            missed += say(
                "6 Portuguese, n = 1,000: Spearman", "0.750", row["rho"], row["rho"] >= 0.75
            )
    texts = read(folder, PORTUGUESE)["text"]
    texts = texts.filter(texts.str.count_matches(r"[^\W\d_]+") >= 4)
    silent = float((score_comments(texts)["reason"] == "language").mean())
    return missed + say(
        f"6 Portuguese: not scored, n = {len(texts):,}", "0.995", silent, silent >= 0.995
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--most", type=int, default=max(DRAWS), help="comments learned from")
    told = parser.parse_args()
    rows = [row for name in told.sets for row in measured(told.folder, name, told.most)]
    table = pl.DataFrame(rows)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=220, float_precision=3):
        print(table)
    missed = bars(table, told.folder)
    print(f"missed: {missed}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
