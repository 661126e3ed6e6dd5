"""How good are proposed themes, tags learned from 200 labels, and the tone of single mentions?

Run: python benchmarks/voice/themes.py FOLDER   (the folder of labelled comments)

Texts alike but for signs and capitals count once. Purity: the share of comments whose label is
the commonest one of their proposed theme, over three samples of 3,000 comments (all, where there
are fewer); comments without a theme count as a theme of their own. Airline tweets without a known
reason are left out, restaurant sentences with several categories too. Tags: three random draws of
200 labelled comments, judged on all others, macro-F1 over all labels, also those that the 200 lack.
Tone: terms with a polarity other than "conflict"; "mixed" are the terms of sentences that have
several polarities, judged positive or negative.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import f1_score

from cxkit.text.discovery import discover_themes
from cxkit.text.kept import forget
from cxkit.text.learned_tags import learn_tags
from cxkit.text.mentions import score_mentions

BARS = {
    "airline": (0.62, 0.47),
    "restaurants": (0.60, 0.58),
    "NHS": (0.48, 0.32),
}


def read(folder: Path, name: str) -> tuple[list[str], list[list[str]]]:
    """Return the different texts and the labels of each."""
    if name == "airline":
        frame = pl.read_csv(folder / "airline.csv", infer_schema=False).rename(
            {"negativereason": "said"}
        )
        frame = frame.filter(pl.col("said") != "Can't Tell")
    elif name == "NHS":
        frame = pl.read_csv(folder / "nhs_phase1.csv", infer_schema=False).rename({"label": "said"})
    else:
        frame = pl.read_csv(folder / "absa_rest_train.csv", infer_schema=False)
        frame = frame.rename({"categories": "said"})
    key = pl.col("text").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    frame = frame.drop_nulls(["text", "said"]).with_columns(key=key).filter(pl.col("key") != "")
    frame = frame.unique("key", keep="first", maintain_order=True)
    if name == "restaurants":
        labels = [sorted({one for one, _ in json.loads(said)}) for said in frame["said"]]
    else:
        labels = [[said] for said in frame["said"]]
    return frame["text"].to_list(), labels


def purity(themes: list[str], labels: list[str]) -> float:
    frame = pl.DataFrame({"theme": themes, "label": labels})
    most = frame.group_by("theme", "label").len().group_by("theme").agg(pl.col("len").max())
    return float(most["len"].sum()) / len(labels)


def say(what: str, value: float, bar: float, n: int, below: bool = False) -> None:
    kept = value <= bar if below else value >= bar
    print(f"{what:58} {bar:6.2f} {value:7.3f} {n:7,}  {'ok' if kept else 'MISSED'}", flush=True)


def discovery(folder: Path, name: str) -> None:
    texts, labels = read(folder, name)
    one = [at for at, said in enumerate(labels) if len(said) == 1]
    found, stable, took = [], [], []
    for seed in range(3):
        at = np.random.default_rng(seed).permutation(one)[:3_000]
        forget()
        begun = time.process_time()
        proposed = discover_themes([texts[i] for i in at], languages=["en"])
        took.append(time.process_time() - begun)
        themes = [str(theme) for theme in proposed.themes]
        found.append(purity(themes, [labels[i][0] for i in at]))
        stable.append(proposed.stability)
    n = min(3_000, len(one))
    say(f"7 {name}: purity of proposed themes", float(np.mean(found)), BARS[name][0], n)
    say(f"7 {name}: Rand index with 80 % subsamples", float(np.mean(stable)), 0.65, n)
    say(f"7 {name}: seconds, subsamples too", max(took), 2.0, n, below=True)
    print(f"    without a theme in the last sample: {proposed.untagged:,}")


def tags(folder: Path, name: str) -> None:
    texts, labels = read(folder, name)
    names = sorted({label for said in labels for label in said})
    truth = np.array([[label in said for label in names] for said in labels])
    scores = []
    for seed in range(3):
        known = set(np.random.default_rng(seed).permutation(len(texts))[:200].tolist())
        given = [said if at in known else None for at, said in enumerate(labels)]
        learned = learn_tags(texts, given, themes=names).table.filter("tagged")
        judged = np.zeros_like(truth)
        place = {label: at for at, label in enumerate(names)}
        for row, theme in learned.select("row", "theme").iter_rows():
            judged[row, place[theme]] = True
        rest = [at for at in range(len(texts)) if at not in known]
        scores.append(f1_score(truth[rest], judged[rest], average="macro", zero_division=0))
    say(f"8 {name}: tags from 200 labels, macro-F1", float(np.mean(scores)), BARS[name][1],
        len(texts) - 200)  # fmt: skip


def tone(folder: Path) -> None:
    frame = pl.read_csv(folder / "absa_rest_train.csv", infer_schema=False)
    rows = [
        (text, text.find(term), text.find(term) + len(term), polarity)
        for text, terms in frame.select("text", "terms").iter_rows()
        for term, polarity in json.loads(terms)
        if polarity != "conflict" and term in text
    ]
    mentions = pl.DataFrame(rows, schema=["text", "start", "end", "polarity"], orient="row")
    score = score_mentions(mentions)["score"].fill_null(0.0).to_numpy()
    truth = mentions["polarity"].to_numpy()
    judged = np.where(score >= 0.1, "positive", np.where(score <= -0.1, "negative", "neutral"))
    several = mentions.select(pl.col("polarity").n_unique().over("text") > 1).to_series().to_numpy()
    felt = several & (truth != "neutral")
    right = (np.where(score > 0, "positive", "negative") == truth)[felt].mean()
    say("9 tone of terms, macro-F1", f1_score(truth, judged, average="macro"), 0.66, len(truth))
    say("9 tone in mixed sentences, share right", float(right), 0.70, int(felt.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"{'':58} {'bar':>6} {'found':>7} {'n':>7}")
    for name in BARS:
        discovery(folder, name)
    tone(folder)
    for name in BARS:
        tags(folder, name)


if __name__ == "__main__":
    main()
