"""How well are suggestions and complaints found, by rules and by what is learned from labels?

Run: python benchmarks/voice/intents.py FOLDER   (the folder of labelled comments)

Suggestions: SemEval-2019 task 9. Texts alike but for signs and capitals count once, and none of
the trial set is trained on. Sentences of one thread (the number before "_") stay together. The
rules were written while reading threads of even number; those of odd number are unseen. "at 10 %":
the same judgements where one sentence in ten is a suggestion, as in real comments. Complaints:
each domain is judged by what was learned from the others; tweets of no domain are no complaints to
anybody, every other one is for learning. App reviews have one label each, which is not an intent:
a feature request should suggest, a bug report complain.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from cxkit.text.intent_model import learn_intent
from cxkit.text.intents import INTENTS, find_intents
from cxkit.text.kept import forget

RARE = 0.104


def read(folder: Path, name: str) -> pl.DataFrame:
    frame = pl.read_csv(folder / f"{name}.csv", infer_schema=False).drop_nulls("text")
    key = pl.col("text").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    return frame.with_columns(key=key).filter(pl.col("key") != "")


def f1(truth: np.ndarray, judged: np.ndarray, base: float | None = None) -> float:
    """F1; with `base`, as if that share had the intent."""
    found, wrong = (truth & judged).sum(), (~truth & judged).sum()
    missed = (truth & ~judged).sum()
    if base is not None:
        wrong = wrong * (truth.sum() / base * (1 - base)) / (~truth).sum()
    return float(2 * found / (2 * found + wrong + missed))


def macro(truth: np.ndarray, judged: np.ndarray) -> float:
    return (f1(truth, judged) + f1(~truth, ~judged)) / 2


def by_rules(frame: pl.DataFrame, intent: str) -> np.ndarray:
    return find_intents(frame["text"], languages=["en"])[intent].to_numpy()


def is_one(frame: pl.DataFrame) -> np.ndarray:
    return (frame["label"] == "1").to_numpy()


def say(what: str, value: float, n: int, bar: float | None = None) -> bool:
    """Print a line; whether the bar was missed."""
    verdict = "" if bar is None else ("ok" if value >= bar else "MISSED")
    print(f"{what:64} {'' if bar is None else f'{bar:.2f}':>5} {value:6.3f} {n:7,}  {verdict}")
    return verdict == "MISSED"


def suggestions(folder: Path) -> int:
    trial, other = read(folder, "suggest_A_trial"), read(folder, "suggest_B_trial")
    train = read(folder, "suggest_A_train").unique("key", keep="first", maintain_order=True)
    train = train.filter(~pl.col("key").is_in(trial["key"].to_list()))
    thread = train["id"].str.extract(r"^(\d+)").cast(pl.Int64).to_numpy()
    missed = 0
    truth, judged = is_one(train), by_rules(train, "suggesting")
    for name, rows in (("read", thread % 2 == 0), ("unseen", thread % 2 == 1)):
        n = int(rows.sum())
        bar = 0.62 if name == "unseen" else None
        missed += say(f"suggestion, rules, {name} threads", f1(truth[rows], judged[rows]), n, bar)
        rare = f1(truth[rows], judged[rows], RARE)
        missed += say(f"suggestion, rules, {name} threads, at 10 %", rare, n, bar)
    say("suggestion, rules, A trial", f1(is_one(trial), by_rules(trial, "suggesting")), len(trial))
    say("suggestion, rules, B trial", f1(is_one(other), by_rules(other, "suggesting")), len(other))
    fold = np.random.default_rng(0).integers(0, 5, thread.max() + 1)[thread]
    learned = np.zeros(len(train), dtype=bool)
    for out in range(5):
        model = learn_intent(train["text"].filter(fold != out), truth[fold != out])
        learned[fold == out] = model.judge(train["text"].filter(fold == out))["has"]
    missed += say(
        "suggestion, learned, unseen threads (5 folds)", f1(truth, learned), len(train), 0.64
    )
    rare = f1(truth, learned, RARE)
    missed += say("suggestion, learned, unseen threads, at 10 %", rare, len(train), 0.64)
    model = learn_intent(train["text"], truth)
    got = model.judge(trial["text"])["has"].to_numpy()
    missed += say("suggestion, learned, A trial", f1(is_one(trial), got), len(trial), 0.82)
    got = model.judge(other["text"])["has"].to_numpy()
    say("suggestion, learned on A, B trial", f1(is_one(other), got), len(other))
    return missed


def complaints(folder: Path) -> int:
    frame = read(folder, "complaints").with_row_index()
    frame = frame.unique("key", keep="first", maintain_order=True)
    nowhere = frame["domain"].str.starts_with("random").to_numpy()
    known = nowhere & (frame["index"] % 2 == 0).to_numpy()
    truth, judged = is_one(frame), by_rules(frame, "complaining")
    learned = np.zeros(len(frame), dtype=bool)
    domains = sorted(frame["domain"].filter(~nowhere).unique())
    for domain in domains:
        out = (frame["domain"] == domain).to_numpy()
        fit = (~nowhere & ~out) | known
        model = learn_intent(frame["text"].filter(fit), truth[fit], name="complaining")
        learned[out] = model.judge(frame["text"].filter(out))["has"]
        say(f"complaint, shipped, {domain}", f1(truth[out], judged[out]), int(out.sum()))
        say(f"complaint, learned on the others, {domain}", f1(truth[out], learned[out]), out.sum())
    fit = ~nowhere | known
    model = learn_intent(frame["text"].filter(fit), truth[fit], name="complaining")
    rest = nowhere & ~known
    learned[rest] = model.judge(frame["text"].filter(rest))["has"]
    missed = 0
    for name, result in (("shipped", judged), ("learned", learned)):
        to = ~nowhere
        n = int(to.sum())
        missed += say(f"complaint, {name}, unseen domains", f1(truth[to], result[to]), n, 0.75)
        say(f"complaint, {name}, unseen domains, macro-F1", macro(truth[to], result[to]), n)
        to = ~known
        n = int(to.sum())
        missed += say(
            f"complaint, {name}, and tweets to nobody", f1(truth[to], result[to]), n, 0.75
        )
        say(f"complaint, {name}, and tweets to nobody, macro-F1", macro(truth[to], result[to]), n)
    return missed


def app_reviews(folder: Path) -> None:
    seen = read(folder, "maalej")["key"].to_list()
    for name, column in (("maalej", "label"), ("gplay_intents", "intent")):
        frame = read(folder, name).unique("key", keep="first", maintain_order=True)
        if name != "maalej":
            frame = frame.filter(~pl.col("key").is_in(seen))
        found = find_intents(frame["text"], languages=["en"])
        table = pl.concat([frame.select(column), found.select(INTENTS)], how="horizontal")
        shares = table.group_by(column).agg(pl.len().alias("n"), pl.col(INTENTS).mean())
        print(name, shares.sort(column))


def speed(folder: Path) -> int:
    texts = read(folder, "airline")["text"]
    find_intents(texts.head(100), languages=["en"])
    forget()
    started = time.process_time()
    find_intents(texts, languages=["en"])
    rate = len(texts) / (time.process_time() - started)
    return say("thousand comments of 18 words per CPU second", rate / 1000, len(texts), 5.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"{'':64} {'bar':>5} {'F1':>6} {'n':>7}")
    missed = suggestions(folder) + complaints(folder) + speed(folder)
    with pl.Config(tbl_hide_dataframe_shape=True, float_precision=3):
        app_reviews(folder)
    print(f"missed: {missed}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
