"""How well does the general scorer tell good comments from bad, beside VADER and the rules alone?

Run: python benchmarks/voice/general.py FOLDER   (the folder of labelled comments)

Texts that stand in a source of the weights are dropped; the sources themselves are judged by fits
that have not seen the text (five folds), the sentences of reviews (uci) and the app reviews with
them in the mean. Cuts and sides are those of score_bars.py; a comment without a signal counts as 0.
Intervals: bootstrap, 95 %. ECE: of the likeliest class, ten bins; of a set whose mix of good and
bad is its own. Mixed: restaurant sentences that praise one matter and blame another (SemEval-2014
task 4). Speed: CPU time of one text after the other. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from build_general import RATED, SENTENCES, STARS, Comments, evened, fitted, sources
from scipy.stats import rankdata, spearmanr
from score_bars import labelled
from sklearn.metrics import f1_score

from cxkit.text import general
from cxkit.text.rules import word_score
from cxkit.text.scoring import CUTS, GeneralScorer
from cxkit.text.vader import vader_score

UNSEEN = ("airline", "trustpilot_pet", "sxsw_brands", "nhs_phase1")
ASKED = UNSEEN + STARS + SENTENCES
CUT = CUTS[0]


def auc(good: np.ndarray, score: np.ndarray) -> float:
    ranks, n = rankdata(score), good.sum()
    return float((ranks[good].sum() - n * (n + 1) / 2) / (n * (len(good) - n)))


def interval(side: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    random = np.random.default_rng(0)
    good, score = (side[side != 0] > 0), score[side != 0]
    draws = [random.integers(0, len(good), len(good)) for _ in range(200)]
    low, high = np.quantile([auc(good[rows], score[rows]) for rows in draws], (0.025, 0.975))
    return float(low), float(high)


def measured(frame: pl.DataFrame, score: np.ndarray, cut: float) -> dict[str, float]:
    side = frame["side"].to_numpy()
    sides = np.where(score >= cut, 1, np.where(score <= -cut, -1, 0))
    # a class that the set does not hold is not asked for
    classes = sorted(set(side.tolist()))
    return {
        "auc": auc(side[side != 0] > 0, score[side != 0]),
        "spearman": float(spearmanr(score, frame["truth"]).statistic),
        "f1": float(f1_score(side, sides, average="macro", labels=classes)),
    }


def calibration_error(side: np.ndarray, chances: np.ndarray) -> float:
    sure, right = chances.max(1), np.array([-1, 0, 1])[chances.argmax(1)] == side
    place = np.minimum((sure * 10).astype(int), 9)
    return float(
        sum(
            abs(right[place == b].mean() - sure[place == b].mean()) * (place == b).mean()
            for b in np.unique(place)
        )
    )


def scored(
    frame: pl.DataFrame, given: dict[str, general.Judgement | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (0 without a signal) and chances (a neutral comment's without a signal)."""
    flat = general.Judgement(0.0, 0.0, 1.0, 0.0, False)
    told = [given[text] or flat for text in frame["text"]]
    return np.array([t.score for t in told]), np.array([t[1:4] for t in told])


def row(
    name: str, frame: pl.DataFrame, given: dict[str, general.Judgement | None]
) -> dict[str, Any]:
    score, chances = scored(frame, given)
    side = frame["side"].to_numpy()
    rules = np.array([word_score(text) or 0.0 for text in frame["text"]])
    vader = np.array([vader_score(text).compound for text in frame["text"]])
    ours = measured(frame, score, CUT)
    low, high = interval(side, score)
    return {
        "set": name,
        "n": frame.height,
        "auc": ours["auc"],
        "auc_low": low,
        "auc_high": high,
        "spearman": ours["spearman"],
        "f1": ours["f1"],
        "no_signal": sum(given[text] is None for text in frame["text"]) / frame.height,
        "ece": calibration_error(side, chances),
        **{f"rules_{k}": v for k, v in measured(frame, rules, CUT).items()},
        **{f"vader_{k}": v for k, v in measured(frame, vader, 0.05).items()},
    }


def learned(folder: Path) -> tuple[dict[str, general.Judgement | None], set[str]]:
    """Judgements of the sources' texts by fits without them, and the texts' keys."""
    texts, truth, side, of = sources(folder)
    fold = np.random.default_rng(0).integers(0, 5, len(truth))
    seen, known, counts_as = Comments(texts), general._weights(), evened(side, of)
    found: dict[str, general.Judgement | None] = {}
    for out in range(5):
        book = fitted(seen, truth, counts_as, np.flatnonzero(fold != out))
        weights = general.read_weights(
            {**book, "negative": known.negative, "positive": known.positive}
        )
        found |= {
            texts[at]: general.judge(texts[at], weights=weights)
            for at in np.flatnonzero(fold == out)
        }
    keys = pl.Series(texts).str.to_lowercase().str.replace_all(r"\W+", " ")
    return found, set(keys)


def mixed_found(folder: Path) -> tuple[float, float, int]:
    """Precision and recall of `mixed` on sentences whose matters are marked good and bad."""
    frame = pl.read_csv(folder / "absa_rest_train.csv", infer_schema=False)
    truth, told = [], []
    for text, *marks in frame.select("text", "categories", "terms").iter_rows():
        sides = {side for marked in marks for _, side in json.loads(marked)}
        truth.append("conflict" in sides or {"positive", "negative"} <= sides)
        judged = general.judge(text)
        told.append(judged is not None and judged.mixed)
    both = (np.array(truth) & np.array(told)).sum()
    return float(both / sum(told)), float(both / sum(truth)), frame.height


def per_second(texts: list[str], run: Callable[[str], object]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for text in texts:
            run(text)
        best = min(best, time.process_time() - started)
    return len(texts) / best


def table(folder: Path) -> pl.DataFrame:
    found, keys = learned(folder)
    rows = []
    for name in UNSEEN:
        frame = labelled(folder, name).filter(~pl.col("key").is_in(keys))
        rows.append(row(name, frame, {text: general.judge(text) for text in frame["text"]}))
    for name in STARS + SENTENCES + RATED:
        frame = labelled(folder, name)
        rows.append(row(name, frame.filter(pl.col("text").is_in(found.keys())), found))
    return pl.DataFrame(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = table(folder)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=250, float_precision=3):
        print(rows)
    asked = rows.filter(pl.col("set").is_in(ASKED))
    behind = rows.filter(pl.col("auc") <= pl.col("vader_auc"))["set"].to_list()
    texts = labelled(folder, "airline")["text"].to_list()[:8000]
    scorer = GeneralScorer()
    shipped = "general.json", "phrases.toml"
    kilobytes = sum(Path(general.__file__).with_name(f).stat().st_size for f in shipped) / 1000
    means = {name: float(asked[name].mean()) for name in asked.columns if name not in ("set", "n")}
    bars = [
        ("mean AUC", 0.93, means["auc"], means["vader_auc"]),
        ("mean Spearman", 0.62, means["spearman"], means["vader_spearman"]),
        ("mean macro-F1", 0.58, means["f1"], means["vader_f1"]),
        ("rules only: mean AUC", 0.90, means["rules_auc"], means["vader_auc"]),
        ("sets above VADER in AUC", len(rows), len(rows) - len(behind), 0),
        (
            "comments of 18 words per CPU second",
            15_000,
            per_second(texts, lambda t: scorer.score(t)),
            per_second(texts, vader_score),
        ),
    ]
    print(f"{'':38}{'bar':>9}{'measured':>10}{'VADER':>10}   n = {asked['n'].sum():,}")
    missed = kilobytes > 300
    for what, bar, got, theirs in bars:
        missed |= got < bar
        print(f"{what:38}{bar:9,.6g}{got:10,.6g}{theirs:10,.6g}   {'' if got >= bar else 'MISSED'}")
    print(f"{'kB of weights and phrases':38}{300:9}{kilobytes:10.0f}")
    print(f"mean ECE {means['ece']:.3f}; not above VADER on: {behind or 'none'}")
    never = rows.filter(pl.col("set").is_in(UNSEEN))
    print(
        f"sets that nothing was learned from ({', '.join(UNSEEN)}): "
        + ", ".join(
            f"{name} {float(never[name].mean()):.3f} (VADER {float(never[theirs].mean()):.3f})"
            for name, theirs in ((name, f"vader_{name}") for name in ("auc", "spearman", "f1"))
        )
        + f", ECE {float(never['ece'].mean()):.3f}"
    )
    precision, recall, n = mixed_found(folder)
    print(f"mixed: precision {precision:.3f}, recall {recall:.3f}, n = {n:,}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
