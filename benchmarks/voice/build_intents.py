"""Which words lean towards a complaint, and which towards praise? Writes cxkit/text/intents.json.

Run: python benchmarks/voice/build_intents.py FOLDER   (the folder of labelled comments)

Reads only sets whose licence lets weights ship: sentences of reviews (Hutto & Gilbert 2014, MIT;
Kotzias et al. 2015, CC BY 4.0) and app reviews (Maalej et al. 2016, CC0). Asking and suggesting are
not learned: these sets hold no such labels, or (feature requests) helped on no other set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from cxkit.text import intents

REVIEWS = ("hutto_amazon", "uci_amazon_cells", "uci_yelp", "uci_imdb")
LEAST_COMMENTS = 3  # a word or pair seen less often is left out
KEPT = 4_000
STRENGTH = 1.0  # of the penalty: C of the logistic regression
ABOUT = {
    "id": intents.SCORER,
    "what": "How far each word or pair of words leans towards a complaint, and towards praise.",
    "model": "Two logistic regressions (balanced, L2, C = 1) on words and pairs seen in at least "
    "3 texts; the 4,000 with the largest weight times root of count are kept and fitted again. "
    "A sentence's value = bias + sum of weights / sqrt(distinct words).",
    "labels": "complaint: human mean <= -0.7, label 0, 'Bug', or stars <= 2; "
    "praise: human mean >= 0.7, label 1, or a rating with >= 4 stars",
    "sources": [
        "Sentences of product reviews: C.J. Hutto & E. Gilbert (2014), VADER, MIT licence",
        "Sentiment Labelled Sentences: D. Kotzias et al. (2015), UCI Machine Learning Repository, "
        "CC BY 4.0; weights were computed from them",
        "App reviews: W. Maalej, Z. Kurtanovic, H. Nabil & C. Stanik (2016), CC0",
    ],
}


def labelled(folder: Path) -> list[tuple[str, bool, bool]]:
    """Each text with whether it complains and whether it praises."""
    rows: list[tuple[str, bool, bool]] = []
    for name in REVIEWS:
        frame = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        column = "gt" if "gt" in frame.columns else "label"
        bad, good = (-0.7, 0.7) if column == "gt" else (0, 1)
        for text, truth in (
            frame.select("text", pl.col(column).cast(pl.Float64)).drop_nulls().rows()
        ):
            rows.append((text, truth <= bad, truth >= good))
    apps = pl.read_csv(folder / "maalej.csv", infer_schema=False)
    apps = apps.select("text", "label", pl.col("stars").cast(pl.Int64)).drop_nulls()
    for text, label, stars in apps.unique(maintain_order=True).rows():
        praises = label in ("Rating", "UserExperience") and stars >= 4
        rows.append((text, label == "Bug" or stars <= 2, praises))
    return rows


def grams_of(text: str) -> set[str]:
    return intents.grams([w for s in intents.sentences(text) for w in s.words])


def matrix(texts: list[set[str]], places: dict[str, int]) -> csr_matrix:
    at = [[places[gram] for gram in sorted(text) if gram in places] for text in texts]
    size = [1 / np.sqrt(max(1, sum(" " not in gram for gram in text))) for text in texts]
    ends = np.cumsum([0, *map(len, at)])
    return csr_matrix(
        (np.repeat(size, list(map(len, at))), np.concatenate(at).astype(np.int64), ends),
        shape=(len(texts), len(places)),
    )


def fitted(
    texts: list[set[str]], labels: np.ndarray, places: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (one row per label) and biases."""
    features = matrix(texts, places)
    models = [
        LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced").fit(features, label)
        for label in labels.T
    ]
    return np.array([m.coef_[0] for m in models]), np.array([m.intercept_[0] for m in models])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    rows = labelled(parser.parse_args().folder)
    texts = [grams_of(text) for text, _, _ in rows]
    labels = np.array([row[1:] for row in rows])
    counts = Counter(gram for text in texts for gram in text)
    names = sorted(gram for gram, n in counts.items() if n >= LEAST_COMMENTS)
    weights, _ = fitted(texts, labels, {name: at for at, name in enumerate(names)})
    telling = np.abs(weights).sum(0) * np.sqrt([counts[name] for name in names])
    names = sorted(names[at] for at in np.argsort(-telling, kind="stable")[:KEPT])
    weights, biases = fitted(texts, labels, {name: at for at, name in enumerate(names)})
    rounded = np.round(weights * 100).astype(int)
    book = {
        "about": ABOUT | {"texts": len(rows)},
        "unit": 0.01,
        "bias": np.round(biases * 100).astype(int).tolist(),
        "weights": {name: row.tolist() for name, row in zip(names, rounded.T, strict=True)},
    }
    target = Path(intents.__file__).with_name("intents.json")
    text = json.dumps(book, ensure_ascii=False, separators=(",", ":")).replace('],"', '],\n"')
    target.write_text(text + "\n", encoding="utf-8")
    print(f"{target.name}: {len(names):,} words and pairs, {target.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
