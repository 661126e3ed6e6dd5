"""Which comments of ours have an intent, once we have marked some by hand?

The words and pairs of words of a comment, its turns of phrase (pairs and triples in which words
that the rules use alike are one), how its sentences open (all three as TF-IDF) and what the rules
of `cxkit.text.intents` find in it, weighed by a logistic regression. A model is plain numbers: it
is kept as JSON and judges without the library that fitted it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from cxkit.errors import BadQuestion
from cxkit.stats.agreement import kappa
from cxkit.stats.intervals import Interval
from cxkit.text import intents

LEAST_MARKED = 20  # comments with the intent, and as many without it
FOLDS = 5
STRENGTH = 2.0  # of the penalty: C of the logistic regression
RULES_COUNT = 0.5  # what a rule weighs beside a word before fitting
TURN = "|"  # begins the name of a turn of phrase
OPENING = ">"  # begins the name of how a sentence opens
SIZES = {"": 1.0, TURN: 1.0, OPENING: 0.5}  # of all words, all turns, all openings together
OPENS_WITH = 5  # words: what is wanted is mostly said in the first ones
STEPS = (0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5)  # more evidence than this


@dataclass(frozen=True, slots=True)
class IntentCheck:
    """How far judging agrees with the hand-marked comments, each judged by a fit without it."""

    found: int  # marked and judged so
    missed: int  # marked, not judged so
    wrong: int  # judged so, not marked
    left: int  # neither

    @property
    def precision(self) -> float:
        """The share of those judged to have the intent that do."""
        return _share(self.found, self.found + self.wrong)

    @property
    def recall(self) -> float:
        """The share of those with the intent that are judged so: the sensitivity."""
        return _share(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall.

        >>> IntentCheck(found=6, missed=2, wrong=2, left=10).f1
        0.75
        """
        return _share(2 * self.found, 2 * self.found + self.missed + self.wrong)

    @property
    def kappa(self) -> Interval:
        """Cohen's kappa, with its interval."""
        return kappa([[self.found, self.missed], [self.wrong, self.left]])

    @property
    def sensitivity(self) -> tuple[int, int]:
        """Found, of all that have the intent: what `corrected_share` asks for."""
        return self.found, self.found + self.missed

    @property
    def specificity(self) -> tuple[int, int]:
        """Left out, of all without the intent: what `corrected_share` asks for."""
        return self.left, self.left + self.wrong


@dataclass(frozen=True, slots=True)
class IntentModel:
    """A fitted model of one intent, and how good it is.

    `check` is cross-validated; `rules` is what the rules alone give on the same comments, None
    where they know no such intent.
    """

    name: str
    odds: float  # of the intent among the comments it was learned from
    bias: float
    words: dict[str, tuple[float, float]]  # word, pair, turn, opening -> idf, weight
    features: dict[str, float]  # what the rules find -> weight
    check: IntentCheck
    rules: IntentCheck | None

    def judge(self, texts: pl.Series | Sequence[str | None]) -> pl.DataFrame:
        """Learn which comments have the intent; both columns are null where there is no text.

        `has`: the comment speaks more for the intent than against it, were both as common;
        `probability`: how likely it is where the intent is as common as it was in learning.
        """
        column = pl.Series("text", texts, dtype=pl.String)
        values = {text: self._value(text) for text in column.unique(maintain_order=True)}
        value = pl.Series([values[text] for text in column], dtype=pl.Float64)
        chance = 1 / (1 + (-(value.clip(-500, 500) + math.log(self.odds))).exp())
        return pl.DataFrame({"has": value >= 0, "probability": chance})

    def telling(self, most: int = 20) -> list[str]:
        """Name the words and pairs that speak most for the intent, the strongest first."""
        weights = {word: weight for word, (_, weight) in self.words.items() if not _mark(word)}
        return sorted(weights, key=lambda word: (-weights[word], word))[:most]

    def save(self, path: str | Path) -> None:
        """Keep the model as JSON."""
        Path(path).write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    def _value(self, text: str | None) -> float | None:
        if text is None or not text.strip():
            return None
        counts, features = comment_features(text)
        idf = {word: self.words[word][0] for word in counts if word in self.words}
        value = self.bias
        value += sum(v * self.words[word][1] for word, v in _tf_idf(counts, idf).items())
        return value + sum(self.features.get(name, 0.0) * so for name, so in features.items())


def load_intent(path: str | Path) -> IntentModel:
    """Read a model that `IntentModel.save` has kept."""
    told: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    told["words"] = {word: (idf, weight) for word, (idf, weight) in told["words"].items()}
    told["check"] = IntentCheck(**told["check"])
    told["rules"] = told["rules"] and IntentCheck(**told["rules"])
    return IntentModel(**told)


def learn_intent(
    texts: pl.Series | Sequence[str | None],
    labels: pl.Series | Sequence[bool | None],
    *,
    name: str = "suggesting",
) -> IntentModel:
    """Learn to judge an intent from comments that were marked by hand, and how well it is judged.

    `labels` says for each text whether it has the intent; where text or label is missing, the row
    is left out. Needs 20 comments with the intent and 20 without it. `check` is five-fold
    cross-validated: comments that differ in signs and capitals alone stay in one fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # seconds to load

    pairs = [
        (text, bool(label))
        for text, label in zip(texts, labels, strict=True)
        if text is not None and label is not None and text.strip()
    ]
    marked = np.array([label for _, label in pairs], dtype=bool)
    least = min(int(marked.sum()), int((~marked).sum()))
    if least < LEAST_MARKED:
        raise BadQuestion(
            f"Learning needs {LEAST_MARKED} comments with the intent and {LEAST_MARKED} without; "
            f"there are {int(marked.sum())} and {int((~marked).sum())}. Mark some more by hand."
        )
    features = [comment_features(text) for text, _ in pairs]
    alike = [" ".join(sorted(counts)) for counts, _ in features]
    judged = np.zeros(len(pairs), dtype=bool)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for fitted, kept in folds.split(marked, marked, alike):
        part = _fitted([features[at] for at in fitted], marked[fitted])
        model = IntentModel(name, 1.0, *part, IntentCheck(0, 0, 0, 0), None)
        judged[kept] = model.judge([pairs[at][0] for at in kept])["has"].to_numpy()
    rules = None
    if name in intents.INTENTS:
        by_rules = intents.find_intents([text for text, _ in pairs], languages=["en"])[name]
        rules = _checked(marked, by_rules.to_numpy())
    odds = float(marked.sum() / (~marked).sum())
    return IntentModel(name, odds, *_fitted(features, marked), _checked(marked, judged), rules)


Features = tuple[Counter[str], dict[str, float]]


@lru_cache(maxsize=1 << 12)
def comment_features(text: str) -> Features:
    """Count the words and pairs of a comment, and say what the rules find in it.

    >>> counts, found = comment_features("Please add a lift")
    >>> counts["add a"], found["suggests_please"], found["suggesting > 0.9"]
    (1, 0.5, 0.5)
    """
    counts: Counter[str] = Counter()
    openings: Counter[str] = Counter()
    found: dict[str, float] = {}
    most = dict.fromkeys(intents.INTENTS, 0.0)
    for sentence in intents.sentences(text):
        names = [word.names[0] for word in sentence.words]
        counts.update(names)
        counts.update(map(" ".join, pairwise(names)))
        kinds = [word.names[1 if len(word.names) > 2 else 0] for word in sentence.words]
        for length in (2, 3):
            ends = range(length, len(kinds) + 1)
            counts.update(TURN + " ".join(kinds[end - length : end]) for end in ends)
        for first in (names, kinds):  # the first of each is the sign of a start
            openings.update(OPENING + " ".join(first[:end]) for end in (2, 3, 4))
            openings.update(OPENING + word for word in first[1 : OPENS_WITH + 1])
        evidence = intents.read_sentence(text, sentence)
        found.update(dict.fromkeys(evidence.found, 1.0))
        for intent, weight in intents.evidence_of(evidence).items():
            most[intent] = max(most.get(intent, 0.0), weight)
    for intent, weight in most.items():
        found[intent] = weight
        found |= {f"{intent} > {step}": 1.0 for step in STEPS if weight >= step}
    found["length"] = min(counts.total() / 160, 3.0)
    counts.update(openings)
    return counts, {name: RULES_COUNT * weight for name, weight in found.items() if weight}


def _fitted(
    features: Sequence[Features], marked: np.ndarray
) -> tuple[float, dict[str, tuple[float, float]], dict[str, float]]:
    """Fit bias, words and features."""
    from sklearn.linear_model import LogisticRegression

    seen = Counter(word for counts, _ in features for word in counts)
    words = sorted(word for word, n in seen.items() if n >= 2)
    names = sorted({name for _, found in features for name in found})
    idf = {word: math.log((1 + len(features)) / (1 + seen[word])) + 1 for word in words}
    place = {word: at for at, word in enumerate(words)}
    rule_place = {name: len(words) + at for at, name in enumerate(names)}
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for counts, found in features:
        known = _tf_idf(counts, idf)
        columns += [*map(place.__getitem__, known), *map(rule_place.__getitem__, found)]
        values += [*known.values(), *found.values()]
        ends.append(len(columns))
    matrix = csr_matrix((values, columns, ends), shape=(len(features), len(words) + len(names)))
    matrix.sort_indices()
    model = LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced")
    model.fit(matrix, marked)
    weights = [float(weight) for weight in model.coef_[0]]
    return (
        float(model.intercept_[0]),
        {word: (idf[word], weights[at]) for word, at in place.items()},
        {name: weights[at] for name, at in rule_place.items()},
    )


def _tf_idf(counts: Counter[str], idf: dict[str, float]) -> dict[str, float]:
    """Weigh the known words by how often and how rare; words and turns have length 1, openings .5.

    >>> idf = {"a": 3.0, "b": 4.0, "|x y": 2.0, ">x": 2.0}
    >>> {word: round(value, 2) for word, value in _tf_idf(Counter(list(idf)), idf).items()}
    {'a': 0.6, 'b': 0.8, '|x y': 1.0, '>x': 0.5}
    """
    known = {word: idf[word] * (1 + math.log(n)) for word, n in counts.items() if word in idf}
    size = dict.fromkeys(SIZES, 0.0)
    for word, value in known.items():
        size[_mark(word)] += value * value
    scale = {mark: SIZES[mark] / math.sqrt(square or 1) for mark, square in size.items()}
    return {word: value * scale[_mark(word)] for word, value in known.items()}


def _mark(word: str) -> str:
    """Say what a name begins with: the mark of a turn or of an opening; words have none."""
    return word[0] if word[0] in SIZES else ""


def _checked(marked: np.ndarray, judged: np.ndarray) -> IntentCheck:
    return IntentCheck(
        found=int((marked & judged).sum()),
        missed=int((marked & ~judged).sum()),
        wrong=int((~marked & judged).sum()),
        left=int((~marked & ~judged).sum()),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
