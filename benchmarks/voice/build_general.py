"""Which words lean towards good or bad in what people write? Writes cxkit/text/general.json.

Run: python benchmarks/voice/build_general.py FOLDER   (the folder of labelled comments)

Reads only sets whose licence lets weights ship: tweets, articles and reviews with human ratings
(Hutto & Gilbert 2014, MIT), review sentences (Kotzias et al. 2015, CC BY 4.0), app reviews with
stars (Maalej et al. 2016, CC0). The probabilities come from texts of each set as judged by a fit
on the other sets, so that they are no surer than on a trade never read; each set counts alike.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from score_bars import labelled
from sklearn.linear_model import LogisticRegression, Ridge

from cxkit.text import general
from cxkit.text.rules import feelings, read_words

RATED = ("hutto_tweets", "hutto_amazon", "hutto_movie", "hutto_nyt")
SENTENCES = ("uci_amazon_cells", "uci_yelp", "uci_imdb")
STARS = ("maalej",)
SOURCES = RATED + SENTENCES + STARS
STAR = 1.4  # points of the ratings' scale that a star is worth
LEAST_COMMENTS = 2
KEPT = 13_400
PENALTY = 7.0
UNIT = 0.01
ABOUT = {
    "id": general.SCORER,
    "what": "How far each word or pair of words leans towards good or bad, on a scale of -4 to 4.",
    "model": "Ridge regression (penalty 7) of the human rating on the roots of words and of "
    "pairs seen in at least 2 texts ('!' before a denied one), each 1 / root of the number of "
    "different ones, and 13 features of the rules; the 13,400 with the largest weight times root "
    "of count are kept and fitted again.",
    "sources": [
        "Tweets, review sentences and articles with human ratings: C.J. Hutto & E. Gilbert (2014), "
        "VADER, MIT licence",
        "Sentiment Labelled Sentences: D. Kotzias et al. (2015), UCI Machine Learning Repository, "
        "CC BY 4.0; weights were computed from them",
        "App reviews: W. Maalej, Z. Kurtanovic, H. Nabil & C. Stanik (2016), CC0",
    ],
}


class Comments:
    """What the model sees of some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        tokens = [read_words(text) for text in texts]
        self.grams = [general.grams(words) for words in tokens]
        found = [
            feelings(words, shouting=text.isupper())
            for text, words in zip(texts, tokens, strict=True)
        ]
        self.faint = np.array([general.faint(felt) for felt in found])
        self.features = np.array(
            [
                general.features(text, words, felt)
                for text, words, felt in zip(texts, tokens, found, strict=True)
            ]
        )

    def matrix(self, places: dict[str, int], rows: np.ndarray) -> csr_matrix:
        found = [sorted(places[gram] for gram in self.grams[row] if gram in places) for row in rows]
        lengths = [len(row) for row in found]
        values = np.repeat([1 / np.sqrt(n or 1) for n in lengths], lengths)
        columns = np.array([place for row in found for place in row], dtype=np.int64)
        shape = (len(rows), len(places))
        words = csr_matrix((values, columns, np.cumsum([0, *lengths])), shape=shape)
        return hstack([words, csr_matrix(self.features[rows])]).tocsr()


def fitted(
    seen: Comments, truth: np.ndarray, counts_as: np.ndarray, rows: np.ndarray
) -> dict[str, Any]:
    """The book of weights learned from some rows, without the probabilities."""
    counts = Counter(gram for row in rows for gram in seen.grams[row])
    names = sorted(gram for gram, n in counts.items() if n >= LEAST_COMMENTS)
    for last in (False, True):
        places = {name: at for at, name in enumerate(names)}
        model = Ridge(PENALTY, solver="sparse_cg", tol=1e-5).fit(
            seen.matrix(places, rows), truth[rows], sample_weight=counts_as[rows]
        )
        weights = model.coef_[: len(names)]
        if not last:
            telling = np.abs(weights) * np.sqrt([counts[name] for name in names])
            names = sorted(names[at] for at in np.argsort(-telling, kind="stable")[:KEPT])
    return {
        "unit": UNIT,
        "bias": round(float(model.intercept_), 4),
        "features": [round(float(weight), 4) for weight in model.coef_[len(names) :]],
        "weights": {
            name: whole
            for name, weight in zip(names, weights, strict=True)
            if (whole := round(float(weight) / UNIT))
        },
    }


def values(seen: Comments, rows: np.ndarray, book: dict[str, Any]) -> np.ndarray:
    """The value of each row, as the scorer counts it."""
    grams = book["weights"]
    leaning = []
    for row in rows:
        found = [grams[gram] for gram in seen.grams[row] if gram in grams]
        leaning.append(sum(found) * UNIT / np.sqrt(len(found) or 1))
    value = book["bias"] + np.array(leaning) + seen.features[rows] @ np.array(book["features"])
    return np.where(seen.faint[rows], general.FAINTLY * value, value)


def calibrated(value: np.ndarray, side: np.ndarray, weight: np.ndarray) -> dict[str, list[float]]:
    """Log odds of negative and positive against neutral, as the scorer counts them."""
    value = np.clip(value, -general.MOST, general.MOST)
    model = LogisticRegression(C=100, max_iter=2000).fit(
        np.c_[value, value**2], side, sample_weight=weight
    )
    odds = np.c_[model.intercept_, model.coef_]
    negative, neutral, positive = (odds[list(model.classes_).index(s)] for s in (-1, 0, 1))
    return {
        "negative": [round(float(x), 4) for x in negative - neutral],
        "positive": [round(float(x), 4) for x in positive - neutral],
    }


def sources(folder: Path) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Texts, truth (-4..4), side and set; a text that stands in two sets counts once."""
    texts, truth, side, of, met = [], [], [], [], set()
    for name in SOURCES:
        for text, told, where, key in labelled(folder, name).iter_rows():
            if key in met:
                continue
            met.add(key)
            texts.append(text)
            if name in SENTENCES:
                told = 4 * told - 2
            elif name in STARS:
                told = STAR * (told - 3)
            truth.append(told)
            side.append(where)
            of.append(name)
    return texts, np.array(truth), np.array(side), np.array(of)


def evened(side: np.ndarray, of: np.ndarray) -> np.ndarray:
    """How much each text counts: less where its side is common in its set, by the share's root.

    A set that is nearly all praise does not teach then that every word in it is praise.
    """
    weight = np.ones(len(side))
    for name in SOURCES:
        here = of == name
        for one in set(side[here].tolist()):
            weight[here & (side == one)] = 1 / np.sqrt((side[here] == one).mean())
        weight[here] /= weight[here].mean()
    return weight


def without_their_set(
    seen: Comments, truth: np.ndarray, counts_as: np.ndarray, of: np.ndarray
) -> np.ndarray:
    """The value of each text, from a fit on the other sets."""
    value = np.zeros(len(truth))
    for name in SOURCES:
        book = fitted(seen, truth, counts_as, np.flatnonzero(of != name))
        value[of == name] = values(seen, np.flatnonzero(of == name), book)
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    texts, truth, side, of = sources(folder)
    seen = Comments(texts)
    counts_as = evened(side, of)
    book = fitted(seen, truth, counts_as, np.arange(len(texts)))
    share = {name: 1000 / (of == name).sum() for name in SOURCES}
    weight = np.array([share[name] for name in of])
    book = {
        "about": ABOUT | {"texts": len(texts)},
        **calibrated(without_their_set(seen, truth, counts_as, of), side, weight),
        **book,
    }
    target = Path(general.__file__).with_name("general.json")
    text = json.dumps(book, ensure_ascii=False, separators=(",", ":"))
    target.write_text(text.replace(',"weights":{', ',\n"weights":{') + "\n", encoding="utf-8")
    print(f"{target.name}: {len(book['weights']):,} grams, {target.stat().st_size / 1000:.0f} kB")
    print({key: book[key] for key in ("bias", "features", "negative", "positive")})
    return 0


if __name__ == "__main__":
    sys.exit(main())
