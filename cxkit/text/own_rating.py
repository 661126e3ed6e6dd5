"""What would people who write like this rate us, learned from the ratings we have?

Surveys hold a score beside the comment. From such pairs a linear model is learned, in any language
or several: words and pairs of words, pieces of words of three to five letters (both as TF-IDF;
words after a "not" are others than without), the signs used, the question, and what the general
scorer says. A logistic regression gives the class (negative, neutral, positive), a ridge
regression the score. Cross-validation decides whether what was learned is used at all. What comes
out is a *predicted rating*, which is not the feeling in the words: people give five stars with
angry words.

A model is plain numbers: it is kept as JSON and arrays, and a file that is damaged is refused.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import platform
import re
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import scipy
from scipy import sparse
from scipy.special import softmax
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from cxkit.errors import BadFile, BadQuestion, listed
from cxkit.text.kept import mark, once
from cxkit.text.language import detect_languages
from cxkit.text.names import LEFT_OUT, unnamed
from cxkit.text.negation import TURNED, negators, turned
from cxkit.text.scoring import CUTS, Score, score_comments

CLASSES = ("negative", "neutral", "positive")
# per metric: the ends of its scale, the highest negative and the lowest positive rating
SCALES = {
    "nps": (0, 10, 6, 9),
    "csat": (1, 5, 2, 4),
    "stars": (1, 5, 2, 4),
    "ces": (1, 7, 3, 5),
}
LEAST_RATED = 30  # distinct comments
LEAST_OF_A_CLASS = 5
FOLDS = 5
RESAMPLES = 1000
CURVE = (50, 100, 200, 500, 1000, 2000)
CHEAP = 200  # rows: up to here each point of the learning curve is the mean of all folds
LANGUAGE_COUNTS = 0.05  # of the comments: a rarer language is more likely misread than there
STRENGTH = 1.0  # C of the logistic regression
PENALTY = 4.0  # of the ridge regression
GENERAL_COUNTS = 2.0  # what the general score weighs beside the words before fitting
MOST_TERMS, MOST_PIECES = 20_000, 30_000
SHOWN_FROM = 5  # comments: a rarer term is not shown, it might be somebody's name
SHOWN = 12
READ_AT_MOST = 20_000  # characters of one comment
BINS = 10  # of the calibration error

_TOKEN = re.compile(LEFT_OUT.lower() + r"|[^\W_]+(?:'[^\W_]+)*|[^\w\s]")
_UNACCENTED = {
    letter: plain
    for letter in range(0xC0, 0x250)  # the Latin ones
    if (plain := unicodedata.normalize("NFD", chr(letter))[0]).isascii() and plain.isalpha()
}
_SIGNS_FOR_WORDS = "\u2e80"  # Chinese, Japanese and Korean ones come from here on
_LONGEST = 40  # characters of a token; what is longer is cut into such pieces
_SIGNS = ("length", "exclamations", "questions", "capitals", "digits", "unscored")
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class RatingCard:
    """What a model was learned from and how good it is; all figures are cross-validated."""

    metric: str  # one of SCALES, or "classes"
    rated: int  # comments learned from
    distinct: int  # of them, texts that differ in more than signs and capitals
    per_class: dict[str, int]
    languages: dict[str, float]  # share of the comments
    learned_on: str | None  # as told, never read off the clock
    versions: dict[str, str]
    macro_f1: tuple[float, float, float]  # with the ends of the 95 % interval
    spearman: tuple[float, float, float]
    general_macro_f1: float
    general_spearman: float
    gain: tuple[float, float, float]  # mean gain of both over the general scorer
    calibration_error: float
    curve: list[tuple[int, float, float]]  # comments learned from, macro-F1, Spearman
    terms: dict[str, list[str]] = field(default_factory=dict)  # the words that speak for a class
    general_read: int | None = None  # comments that the general scorer could judge, where known

    @property
    def chosen(self) -> str:
        """Which scorer is used: "own ratings", or "general" where learning gains nothing sure."""
        better = self.macro_f1[0] >= self.general_macro_f1
        better &= self.spearman[0] >= self.general_spearman and self.spearman[1] > 0
        return "own ratings" if better and self.gain[1] > 0 else "general"

    def __str__(self) -> str:
        mix = ", ".join(f"{name} {share:.0%}" for name, share in self.languages.items())
        sizes = ", ".join(f"{self.per_class[name]:,} {name}" for name in CLASSES)
        verdict = "What was learned is used: it is surely better than the general scorer."
        if self.chosen == "general":
            verdict = "The general scorer stays: what was learned is not surely better."
        lines = [
            "Predicted rating, learned from the ratings beside the comments",
            verdict,
            "",
            f"Learned from      {self.rated:,} comments rated by {self.metric} "
            f"({self.distinct:,} distinct): {sizes}",
            f"Languages         {mix}",
            f"Macro-F1          {_with_ends(self.macro_f1)}; general {self.general_macro_f1:.3f}",
            f"Spearman          {_with_ends(self.spearman)}; general {self.general_spearman:.3f}",
            f"Mean gain of both {_with_ends(self.gain, '+')}",
            f"Calibration error {self.calibration_error:.3f} (expected, {BINS} bins)",
            "Learning curve    "
            + "; ".join(f"{n:,}: {f1:.3f} / {rho:.3f}" for n, f1, rho in self.curve),
            *(f"Speaks for {name:9} {', '.join(self.terms.get(name, []))}" for name in CLASSES),
            f"Learned on        {self.learned_on or 'not told'}; "
            + ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            f"Figures are cross-validated ({FOLDS} folds, like texts kept together). A rating is "
            "not the feeling in the words.",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class RatingModel:
    """Predicts ratings from comments; `card` says how well, and which scorer is used.

    `predict` is what most want; as a `Scorer` the model can be given to `score_comments`.
    """

    card: RatingCard
    terms: _Terms
    idf: np.ndarray
    weights: np.ndarray  # one row per term, piece, sign and word of a question; classes, then score
    bias: np.ndarray
    calibration: np.ndarray  # what makes the three values probabilities: a factor, three shifts
    learned_languages: tuple[str, ...]
    brands: tuple[str, ...]  # names that are masked before reading

    @property
    def id(self) -> str:
        """The name and version that stands beside each score."""
        return f"predicted-rating-{_FORMAT}"

    def predict(
        self,
        texts: pl.Series | Sequence[str | None],
        questions: pl.Series | Sequence[str | None] | str | None = None,
    ) -> pl.DataFrame:
        """Learn how people who write like this rate.

        One row per text, in the order given: `predicted_rating` (negative, neutral or positive;
        each class counts alike, however rare), `score` (-1 to 1: the ends of the scale),
        `p_negative`, `p_neutral`, `p_positive` (as common as they were in learning) and `reason`.
        Where the general scorer stays its answer is given, without probabilities; all are null,
        and `reason` says why, where a text is empty or the general scorer cannot read it.
        """
        column = pl.Series("text", texts, dtype=pl.String)
        asked = _questions(questions, len(column))
        rows = pl.DataFrame({"text": column, "question": asked})
        distinct = rows.unique(maintain_order=True)
        known = distinct.filter(pl.col("text").str.contains(r"[^\s\p{Z}]"))
        found = self._learned(known) if self.card.chosen == "own ratings" else self._general(known)
        return (
            rows.join(
                pl.concat([known, found], how="horizontal"),
                on=["text", "question"],
                how="left",
                nulls_equal=True,
                maintain_order="left",
            )
            .with_columns(
                pl.when(pl.col("predicted_rating").is_null())
                .then(pl.col("reason").fill_null("empty"))
                .alias("reason")
            )
            .drop("text", "question")
        )

    def score(self, text: str, question: str | None = None, language: str | None = None) -> Score:
        """Judge one comment; many are judged far faster by `predict`."""
        row = self.predict([text], question).row(0, named=True)
        return Score(self.id, row["score"], row["reason"])

    def save(self, path: str | Path) -> None:
        """Keep the model: what can be read as `path`.json, the numbers as `path`.npz.

        The files hold words of the comments: keep them where the comments may be kept.
        """
        numbers = _beside(path, ".npz")
        np.savez_compressed(
            numbers,
            pairs=self.terms.pairs,
            idf=self.idf,
            weights=self.weights,
            bias=self.bias,
            calibration=self.calibration,
        )
        told = {
            "format": _FORMAT,
            "numbers": hashlib.sha256(numbers.read_bytes()).hexdigest(),
            "card": asdict(self.card),
            "words": self.terms.words,
            "pieces": self.terms.pieces,
            "asked": self.terms.asked,
            "negators": sorted(self.terms.negators),
            "learned_languages": self.learned_languages,
            "brands": self.brands,
        }
        _beside(path, ".json").write_text(
            json.dumps(told, ensure_ascii=False, allow_nan=False), encoding="utf-8"
        )

    def _learned(self, known: pl.DataFrame) -> pl.DataFrame:
        masked, asked = unnamed(known["text"].to_list(), self.brands), known["question"].to_list()
        general = _general_scores(known, self.learned_languages)["score"]
        counts = self.terms.counts(masked)
        matrix = _weighted(counts, self.idf, len(self.terms.words) + len(self.terms.pairs))
        signs = self.terms.signs(masked, asked, general)
        split = matrix.shape[1]
        values = matrix @ self.weights[:split] + signs @ self.weights[split:] + self.bias
        chances = _calibrated(values[:, :3], self.calibration)
        return pl.DataFrame(
            {
                "predicted_rating": _named(values[:, :3].argmax(axis=1)),
                "score": pl.Series(values[:, 3].clip(-1, 1), dtype=pl.Float64),
                **{
                    f"p_{name}": pl.Series(chances[:, at], dtype=pl.Float64)
                    for at, name in enumerate(CLASSES)
                },
                "reason": pl.Series([None] * len(masked), dtype=pl.String),
            }
        )

    def _general(self, known: pl.DataFrame) -> pl.DataFrame:
        scores = _general_scores(known, self.learned_languages)
        nothing = pl.lit(None, dtype=pl.Float64)
        found = scores.select(
            _named(_sides(scores["score"].to_numpy())).alias("predicted_rating"),
            "score",
            *(nothing.alias(f"p_{name}") for name in CLASSES),
            "reason",
        )
        silent = pl.col("score").is_null()
        return found.with_columns(pl.when(~silent).then("predicted_rating"))


class _Terms(NamedTuple):
    """What is counted in a comment: words, pairs of them, pieces of words, words of questions."""

    words: list[str]
    pairs: np.ndarray  # sorted: place of the first word * number of words + place of the second
    pieces: list[str]
    asked: list[str]
    negators: frozenset[str]

    def counts(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Count words and pairs, then pieces; one row per text."""
        said = _spoken(texts, self.negators)
        n, size = len(texts), len(self.words)
        place = {word: at for at, word in enumerate(self.words)}
        known = np.array([place.get(word, -1) for word in said.words] or [-1])[said.ids]
        rows = np.repeat(np.arange(n), said.lengths)
        words = _counted(rows[known >= 0], known[known >= 0], (n, size))

        follows = (rows[:-1] == rows[1:]) & (known[:-1] >= 0) & (known[1:] >= 0)
        keys = (known[:-1] * size + known[1:])[follows]
        at = np.searchsorted(self.pairs, keys)
        at[at == len(self.pairs)] = 0
        hit = self.pairs[at] == keys if len(self.pairs) else np.zeros(len(keys), dtype=bool)
        pairs = _counted(rows[:-1][follows][hit], at[hit], (n, len(self.pairs)))

        spelled = _spelled(said.words, {piece: at for at, piece in enumerate(self.pieces)})
        pieces = _counted(rows, said.ids, (n, len(said.words))) @ spelled
        return sparse.hstack([words, pairs, pieces], format="csr", dtype=np.float32)

    def signs(
        self, texts: Sequence[str], asked: Sequence[str | None], general: pl.Series
    ) -> np.ndarray:
        """Say per text what the general scorer makes of it, how it is written, what was asked."""
        score = general.to_numpy()
        unscored = np.isnan(score)
        written = np.array([_written(text) for text in texts]).reshape(len(texts), len(_SIGNS) - 1)
        place = {word: at for at, word in enumerate(self.asked)}
        question: dict[str | None, np.ndarray] = {None: np.zeros(len(self.asked))}
        for text in set(asked) - {None}:
            row = np.zeros(len(self.asked))
            row[[place[word] for word in _asked(text) if word in place]] = 1
            question[text] = row / max(math.sqrt(row.sum()), 1)
        value = GENERAL_COUNTS * np.where(unscored, 0, score)
        words = np.array([question[text] for text in asked]).reshape(len(texts), len(self.asked))
        return np.column_stack([value, written, unscored / 2, words]).astype(np.float32)


class _Spoken(NamedTuple):
    """The distinct tokens of texts, their places in each, and how many each text has."""

    words: list[str]
    ids: np.ndarray
    lengths: np.ndarray


def load_rating(path: str | Path) -> RatingModel:
    """Read a model that `RatingModel.save` has kept; BadFile where its files are damaged."""
    file, numbers = _beside(path, ".json"), _beside(path, ".npz")
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if hashlib.sha256(numbers.read_bytes()).hexdigest() != told["numbers"]:
            raise ValueError
        with np.load(numbers, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        card = told["card"]
        for name in ("macro_f1", "spearman", "gain"):
            card[name] = tuple(card[name])
        card["curve"] = [tuple(point) for point in card["curve"]]
        words, pieces, asked = told["words"], told["pieces"], told["asked"]
        model = RatingModel(
            card=RatingCard(**card),
            terms=_Terms(words, kept["pairs"], pieces, asked, frozenset(told["negators"])),
            idf=kept["idf"],
            weights=kept["weights"],
            bias=kept["bias"],
            calibration=kept["calibration"],
            learned_languages=tuple(told["learned_languages"]),
            brands=tuple(told["brands"]),
        )
        terms = len(words) + len(kept["pairs"]) + len(pieces)
        if model.idf.shape != (terms,) or told["format"] != _FORMAT:
            raise ValueError
        if model.weights.shape != (terms + 1 + len(_SIGNS) + len(asked), 4):
            raise ValueError
        if model.bias.shape != (4,) or model.calibration.shape != (4,):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BadFile(
            f"{file.name} and {numbers.name} are no whole model of predicted ratings. Learn it "
            "again with learn_rating and save it anew."
        ) from error
    return model


def learn_rating(
    texts: pl.Series | Sequence[str | None],
    ratings: pl.Series | Sequence[Any],
    *,
    metric: str = "classes",
    questions: pl.Series | Sequence[str | None] | str | None = None,
    languages: Iterable[str] | None = None,
    brands: Iterable[str] = (),
    learned_on: date | None = None,
) -> RatingModel:
    """Learn to predict ratings from comments that have both, in any language or several.

    Personal data, handles, addresses of pages and names of brands are masked first (see `unnamed`).
    Rows without text or rating are left out, and so are ratings off the scale.

    Args:
        texts: the comments.
        ratings: the rating beside each comment.
        metric: what the ratings are: `nps`, `csat`, `stars` or `ces` (numbers on their scales), or
            `classes` ("negative", "neutral", "positive").
        questions: the question that each comment answers, or one for all.
        languages: the languages that the comments may be in (see `detect_languages`).
        brands: names of the company and of what it sells, however they are written.
        learned_on: stands in the card.

    Raises:
        BadQuestion: where there are under 30 distinct rated comments, or all have the same rating,
            or metric is not known.
    """
    rated = _rated(texts, ratings, metric, _questions(questions, len(texts)))
    among = tuple(sorted(set(languages or ())))
    named = tuple(brands)
    made_of = mark(*rated, metric, among, named, learned_on)
    return once(("rating", made_of), lambda: _learned(rated, metric, among, named, learned_on))


def _learned(
    rated: pl.DataFrame,
    metric: str,
    languages: tuple[str, ...],
    brands: tuple[str, ...],
    learned_on: date | None,
) -> RatingModel:
    side, value = rated["side"].to_numpy(), rated["value"].to_numpy()
    _, groups = np.unique(rated["key"].to_list(), return_inverse=True)
    mix = detect_languages(rated["text"], languages)["language"]
    shares = {
        str(name): number / rated.height
        for name, number in mix.value_counts(sort=True)
        .sort("count", "language", descending=[True, False])
        .rows()
    }
    kept = tuple(name for name, share in shares.items() if share >= LANGUAGE_COUNTS)
    general = _general_scores(rated, kept)["score"]

    masked, asked = unnamed(rated["text"].to_list(), brands), rated["question"].to_list()
    terms = _found_terms(masked, asked, negators(kept))
    learner = _Learner(
        counts=terms.counts(masked),
        signs=terms.signs(masked, asked, general),
        phrases=len(terms.words) + len(terms.pairs),
        side=side,
        value=value,
    )
    with threadpool_limits(1):  # on steps this small more threads only wait for each other
        out, curve = _crossed(learner, groups)
        card = _card(out, side, value, groups, general)
        fitted = learner.fit(np.arange(rated.height))
    names = terms.words + [
        f"{terms.words[key // len(terms.words)]} {terms.words[key % len(terms.words)]}"
        for key in terms.pairs.tolist()
    ]
    common = np.bincount(learner.counts.indices, minlength=learner.counts.shape[1])
    return RatingModel(
        card=RatingCard(
            metric=metric,
            rated=rated.height,
            distinct=int(groups.max()) + 1,
            per_class={name: int((side == at).sum()) for at, name in enumerate(CLASSES)},
            languages=shares,
            learned_on=learned_on.isoformat() if learned_on else None,
            versions=_versions(),
            curve=curve,
            terms=_as_written(_telling(names, fitted.weights, common), masked),
            general_read=general.len() - general.null_count(),
            **card,
        ),
        terms=terms,
        idf=fitted.idf,
        weights=fitted.weights,
        bias=fitted.bias,
        calibration=_calibration(out[:, :3], side),
        learned_languages=kept,
        brands=brands,
    )


def users_of(
    terms: Iterable[str],
    texts: Sequence[str | None],
    people: Sequence[Hashable],
    brands: Iterable[str] = (),
) -> dict[str, int]:
    """Count the people who use each word or pair of words, however they accent it.

    `people` says of each text who wrote it. What is masked before learning is nobody's word.

    >>> users_of(["não", "bom"], ["Nao, nao", "não é", "não"], ["ann", "bob", "bob"])
    {'não': 2, 'bom': 0}
    """
    plain = {term: " ".join(_tokens(term)) for term in terms}
    masked = unnamed([text or "" for text in texts], brands)
    who: defaultdict[str, set[Hashable]] = defaultdict(set)
    for at, term, _ in _uses(plain.values(), masked):
        who[term].add(people[at])
    return {term: len(who[form]) for term, form in plain.items()}


class _Fitted(NamedTuple):
    idf: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, slots=True)
class _Learner:
    """The counted comments with their ratings; fits on some rows, judges others."""

    counts: sparse.csr_matrix
    signs: np.ndarray
    phrases: int  # how many of the columns are words and pairs; the others are pieces
    side: np.ndarray
    value: np.ndarray

    def fit(self, rows: np.ndarray) -> _Fitted:
        from sklearn.linear_model import LogisticRegression, Ridge  # seconds to load

        counts = self.counts[rows]
        common = np.bincount(counts.indices, minlength=counts.shape[1])
        # a term of one comment alone says nothing about the next
        idf = np.where(common > 1, np.log((1 + len(rows)) / (1 + common)) + 1, 0)
        idf = idf.astype(np.float32)
        used = np.flatnonzero(idf)
        matrix = _weighted(counts, idf, self.phrases)[:, used]
        matrix = sparse.hstack([matrix, sparse.csr_matrix(self.signs[rows])], format="csr")
        terms = self.counts.shape[1]
        columns = np.concatenate([used, np.arange(terms, terms + self.signs.shape[1])])
        weights = np.zeros((terms + self.signs.shape[1], 4), dtype=np.float32)
        bias = np.array([-8, -8, -8, 0], dtype=np.float32)  # a class never seen is never said

        side = self.side[rows]
        seen = np.unique(side)
        if len(seen) > 1:
            classes = LogisticRegression(
                C=STRENGTH, class_weight="balanced", tol=3e-3, max_iter=200
            ).fit(matrix, side)
            coefficients, intercepts = classes.coef_, classes.intercept_
            if len(seen) == 2:  # one line stands for two
                coefficients = np.vstack([-coefficients, coefficients]) / 2
                intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
            weights[np.ix_(columns, seen)] = coefficients.T
            bias[seen] = intercepts
        else:
            bias[seen] = 8
        score = Ridge(alpha=PENALTY, solver="sparse_cg", tol=1e-3).fit(matrix, self.value[rows])
        weights[columns, 3], bias[3] = score.coef_, score.intercept_
        return _Fitted(idf, weights, bias)

    def judge(self, fitted: _Fitted, rows: np.ndarray) -> np.ndarray:
        matrix = _weighted(self.counts[rows], fitted.idf, self.phrases)
        split = self.counts.shape[1]
        found = matrix @ fitted.weights[:split] + self.signs[rows] @ fitted.weights[split:]
        return np.asarray(found + fitted.bias)


def _crossed(
    learner: _Learner, groups: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, float, float]]]:
    """Judge each comment by what was learned without it and its likes; and from ever fewer."""
    side, value = learner.side, learner.value
    random = np.random.default_rng(0)
    fold = _folds(side, groups, random)
    splits = [(np.flatnonzero(fold != at), np.flatnonzero(fold == at)) for at in range(FOLDS)]
    out = np.zeros((len(side), 4), dtype=np.float32)
    points: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for number, (rows, held) in enumerate(splits):
        out[held] = learner.judge(learner.fit(rows), held)
        shuffled = random.permutation(rows)
        for size in CURVE:
            if size <= 0.7 * len(rows) and (size <= CHEAP or number == 0):
                found = learner.judge(learner.fit(np.sort(shuffled[:size])), held)
                points[size].append(
                    _measured(found[:, :3].argmax(axis=1), found[:, 3], side[held], value[held])
                )
    curve = [(size, *np.mean(found, axis=0).tolist()) for size, found in sorted(points.items())]
    whole = _measured(out[:, :3].argmax(axis=1), out[:, 3], side, value)
    return out, [*curve, (round(len(side) * (1 - 1 / FOLDS)), *whole)]


def _folds(side: np.ndarray, groups: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Deal distinct texts into folds, each class evenly; copies of a text stay together."""
    _, first = np.unique(groups, return_index=True)
    order = np.lexsort((random.random(len(first)), side[first]))
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    return np.asarray(fold[groups])


def _card(
    out: np.ndarray, side: np.ndarray, value: np.ndarray, groups: np.ndarray, general: pl.Series
) -> dict[str, Any]:
    """Compare with the general scorer: paired bootstrap by distinct text."""
    plain = np.nan_to_num(general.to_numpy())
    sides, other = out[:, :3].argmax(axis=1), _sides(plain)
    random = np.random.default_rng(0)
    number = int(groups.max()) + 1
    drawn: list[np.ndarray] = []
    ranks = [rankdata(column) for column in (out[:, 3], plain, value)]
    for _ in range(RESAMPLES // 100):
        times = random.multinomial(number, np.full(number, 1 / number), size=100)[:, groups]
        times = times.astype(np.float32)
        drawn.append(
            np.column_stack(
                [
                    _macro_f1(times, sides, side),
                    _macro_f1(times, other, side),
                    _correlation(times, ranks[0], ranks[2]),
                    _correlation(times, ranks[1], ranks[2]),
                ]
            )
        )
    sample = np.concatenate(drawn)
    once = np.ones((1, len(side)), dtype=np.float32)
    f1, other_f1 = float(_macro_f1(once, sides, side)[0]), float(_macro_f1(once, other, side)[0])
    rho = float(_correlation(once, ranks[0], ranks[2])[0])
    other_rho = float(_correlation(once, ranks[1], ranks[2])[0])
    gains = (sample[:, 0] - sample[:, 1] + sample[:, 2] - sample[:, 3]) / 2
    return {
        "macro_f1": (f1, *_ends(sample[:, 0])),
        "spearman": (rho, *_ends(sample[:, 2])),
        "general_macro_f1": other_f1,
        "general_spearman": other_rho,
        "gain": _widened((f1 - other_f1 + rho - other_rho) / 2, *_ends(gains)),
        "calibration_error": _calibration_error(out[:, :3], side, groups),
    }


def _ends(sample: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(sample, [0.025, 0.975])
    return float(low), float(high)


def _widened(gain: float, low: float, high: float) -> tuple[float, float, float]:
    """Widen an interval by what folds that share their training rows hide (Nadeau & Bengio 2003).

    Drawing the judged comments again does not show how much another sample to learn from would
    change; with k folds the variance is 1 + k / (k - 1) times as large.

    >>> _widened(0.1, 0.06, 0.12)
    (0.1, 0.04, 0.13)
    """
    wider = math.sqrt(1 + FOLDS / (FOLDS - 1))
    return gain, round(gain - wider * (gain - low), 9), round(gain + wider * (high - gain), 9)


def _measured(
    sides: np.ndarray, scores: np.ndarray, side: np.ndarray, value: np.ndarray
) -> tuple[float, float]:
    once = np.ones((1, len(side)), dtype=np.float32)
    rho = _correlation(once, rankdata(scores), rankdata(value))[0]
    return float(_macro_f1(once, sides, side)[0]), float(rho)


def _macro_f1(times: np.ndarray, judged: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the mean F1 of the classes there are, per row of `times` (how often a text counts)."""
    found = []
    for at in np.unique(truth):
        both = times @ ((judged == at) & (truth == at)).astype(np.float32)
        either = times @ ((judged == at).astype(np.float32) + (truth == at))
        found.append(2 * both / np.maximum(either, 1))
    return np.asarray(np.mean(found, axis=0))


def _correlation(times: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlation of two columns of ranks, per row of `times`; 0 where one is flat."""
    one, other = (
        ((column - column.mean()) / (column.std() or 1)).astype(np.float32)
        for column in (one, other)
    )
    total = times.sum(axis=1)
    a, b = times @ one / total, times @ other / total
    spread = (times @ (one * one) / total - a * a) * (times @ (other * other) / total - b * b)
    both = times @ (one * other) / total - a * b
    return np.asarray(np.where(spread > 1e-9, both / np.sqrt(np.maximum(spread, 1e-9)), 0))


def _calibration(values: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Find the factor and the three shifts that make values likely (Guo et al. 2017, 4.2)."""
    from scipy.optimize import minimize

    values, truth = values.astype(float), np.eye(3)[side]
    # as if one comment of each class had been seen in addition: no shift runs away
    prior = (truth.sum(axis=0) + 1) / (len(side) + 3)

    def loss(told: np.ndarray) -> tuple[float, np.ndarray]:
        chances = softmax(values * told[0] + told[1:], axis=1)
        off = chances - truth
        size = -float(np.log(np.maximum(chances[truth > 0], 1e-12)).sum())
        pull = told[1:] - np.log(prior)
        slope = np.concatenate([[(off * values).sum()], off.sum(axis=0) + pull / 4])
        return size + float((pull * pull).sum()) / 8, slope

    start = np.concatenate([[1.0], np.log(prior)])
    bounds = [(0.05, 20), *[(-15, 15)] * 3]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float64)


def _calibrated(values: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    return np.asarray(softmax(values.astype(float) * calibration[0] + calibration[1:], axis=1))


def _calibration_error(values: np.ndarray, side: np.ndarray, groups: np.ndarray) -> float:
    """Return the expected calibration error, each comment calibrated by the others' values."""
    fold = np.random.default_rng(0).integers(0, FOLDS, int(groups.max()) + 1)[groups]
    sure, right = np.zeros(len(side)), np.zeros(len(side))
    for out in range(FOLDS):
        held = fold == out
        chances = _calibrated(values[held], _calibration(values[~held], side[~held]))
        sure[held], right[held] = chances.max(axis=1), chances.argmax(axis=1) == side[held]
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    off = np.bincount(bins, sure - right, minlength=BINS)
    return float(np.abs(off).sum() / len(side))


def _general_scores(rows: pl.DataFrame, languages: Sequence[str]) -> pl.DataFrame:
    """Ask the general scorer: score and reason per row, null throughout where none is English."""
    if "en" not in languages or rows.is_empty():
        reasons = pl.Series("reason", ["language"] * rows.height, dtype=pl.String)
        return pl.DataFrame({"score": [None] * rows.height}, {"score": pl.Float64}).with_columns(
            reasons
        )
    numbered = rows.select("text", "question").with_row_index("row")
    parts = []
    for (question,), part in numbered.group_by("question", maintain_order=True):
        asked = None if question is None else str(question)
        scores = score_comments(part["text"], languages=languages, question=asked)
        parts.append(scores.select(part["row"], "score", "reason"))
    return pl.concat(parts).sort("row").drop("row")


def _rated(
    texts: pl.Series | Sequence[str | None],
    ratings: pl.Series | Sequence[Any],
    metric: str,
    questions: pl.Series,
) -> pl.DataFrame:
    """One row per comment that has a rating: text, question, key, side (0, 1, 2), value (-1..1)."""
    column, given = pl.Series("text", texts, dtype=pl.String), _column(ratings)
    if len(column) != len(given):
        raise BadQuestion(
            f"There are {len(column):,} comments and {len(given):,} ratings; give one rating for "
            "each comment, null where there is none."
        )
    rating = pl.col("rating")
    if metric == "classes":
        place = {name: at for at, name in enumerate(CLASSES)}
        side = rating.cast(pl.String).replace_strict(place, default=None, return_dtype=pl.Int64)
        value = side - 1.0
    elif metric in SCALES:
        low, high, bad, good = SCALES[metric]
        number = rating.cast(pl.Float64, strict=False)
        number = pl.when(number.is_between(low, high)).then(number)
        side = pl.when(number <= bad).then(0).when(number >= good).then(2).otherwise(1)
        side = pl.when(number.is_not_null()).then(side)
        value = (number - (low + high) / 2) / ((high - low) / 2)
    else:
        raise BadQuestion(f"No metric is called '{metric}'. Known: {listed(['classes', *SCALES])}.")
    key = pl.col("text").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    frame = (
        pl.DataFrame({"text": column, "rating": given, "question": questions})
        .select("text", "question", side=side, value=value, key=key)
        .filter(pl.col("text").str.contains(r"[^\s\p{Z}]"), pl.col("side").is_not_null())
        .with_columns(key=pl.when(pl.col("key") != "").then("key").otherwise("text"))
    )
    distinct = frame["key"].n_unique()
    if distinct < LEAST_RATED:
        raise BadQuestion(
            f"Learning needs {LEAST_RATED} different comments with a rating; there are {distinct}. "
            "Until there are more the general scorer stays."
        )
    sizes = frame.unique("key").group_by("side").len()["len"]
    if (sizes >= LEAST_OF_A_CLASS).sum() < 2:
        raise BadQuestion(
            f"Nearly all {frame.height:,} comments have the same rating: {LEAST_OF_A_CLASS} of "
            "another class are needed to tell them apart. Until then the general scorer stays."
        )
    return frame


def _column(ratings: pl.Series | Sequence[Any]) -> pl.Series:
    if isinstance(ratings, pl.Series):
        return ratings.alias("rating")
    return pl.Series("rating", list(ratings), strict=False)


def _found_terms(
    texts: Sequence[str], asked: Sequence[str | None], negators: frozenset[str]
) -> _Terms:
    """Find the words, pairs and pieces that at least two comments hold, the commonest first."""
    said = _spoken(texts, negators)
    n = len(texts)
    rows = np.repeat(np.arange(n), said.lengths)
    held = _counted(rows, said.ids, (n, len(said.words)))
    common = np.bincount(held.indices, minlength=len(said.words))
    order = sorted(range(len(said.words)), key=lambda at: (-common[at], said.words[at]))
    chosen = [at for at in order if common[at] > 1][:MOST_TERMS]
    words = [said.words[at] for at in chosen]
    place = np.full(len(said.words) or 1, -1)
    place[chosen] = np.arange(len(chosen))
    known = place[said.ids]
    follows = (rows[:-1] == rows[1:]) & (known[:-1] >= 0) & (known[1:] >= 0)
    size = max(len(words), 1)
    keys = (known[:-1] * size + known[1:])[follows]
    both = np.unique(rows[:-1][follows] * size * size + keys) % (size * size)
    pairs, times = np.unique(both, return_counts=True)
    pairs, times = pairs[times > 1], times[times > 1]
    pairs = np.sort(pairs[np.argsort(-times, kind="stable")][:MOST_TERMS])

    every = sorted({piece for word in said.words for piece in _pieces(word)})
    spelled = _spelled(said.words, {piece: at for at, piece in enumerate(every)})
    common = np.bincount((held @ spelled).indices, minlength=len(every))
    best = np.argsort(-common, kind="stable")[:MOST_PIECES]
    pieces = [every[at] for at in best if common[at] > 1]
    questions = sorted({word for text in set(asked) - {None} for word in _asked(text)})
    return _Terms(words, pairs.astype(np.int64), pieces, questions, negators)


def _spoken(texts: Sequence[str], negators: frozenset[str]) -> _Spoken:
    place: defaultdict[str, int] = defaultdict(count().__next__)
    ids: list[int] = []
    lengths = []
    for text in texts:
        tokens = _tokens(text)
        if negators and not negators.isdisjoint(tokens):
            tokens = turned(tokens, negators)
        ids += map(place.__getitem__, tokens)
        lengths.append(len(tokens))
    return _Spoken(list(place), np.array(ids, dtype=np.int64), np.array(lengths, dtype=np.int64))


def _tokens(text: str) -> list[str]:
    """Part a text into words and signs, in small letters and without accents: many leave them out.

    >>> _tokens("It's LATE!"), _tokens("Não gostei")
    (["it's", 'late', '!'], ['nao', 'gostei'])
    """
    return _cut(_TOKEN.findall(_plain(_small(text))))


def _written_tokens(text: str) -> list[str]:
    """Part a text into the same tokens as `_tokens`, with their accents.

    >>> _written_tokens("Não gostei")
    ['não', 'gostei']
    """
    small = _small(text)
    # accents fall off letter by letter: a token stands where its plain form does
    return _cut([small[token.start() : token.end()] for token in _TOKEN.finditer(_plain(small))])


def _small(text: str) -> str:
    text = text[:READ_AT_MOST].lower().replace("’", "'")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _plain(text: str) -> str:
    return text if text.isascii() else text.translate(_UNACCENTED)


def _cut(tokens: list[str]) -> list[str]:
    if max(map(len, tokens), default=0) <= _LONGEST:
        return tokens
    return [token[at : at + _LONGEST] for token in tokens for at in range(0, len(token), _LONGEST)]


def _asked(question: str | None) -> list[str]:
    return _tokens(question or "")


def _pieces(word: str) -> list[str]:
    """List the pieces of three to five letters of a word with a space around it.

    Of scripts that write a word in one or two signs, those of two as well.

    >>> _pieces("go"), _pieces("很慢")
    ([' go', 'go ', ' go '], [' 很', '很慢', '慢 ', ' 很慢', '很慢 ', ' 很慢 '])
    """
    if word[0] == TURNED and len(word) > 1:
        return [TURNED + piece for piece in _pieces(word[1:])]
    least = 3 if word[0] < _SIGNS_FOR_WORDS else 2
    word = f" {word} "
    return [
        word[at : at + size]
        for size in range(least, 6)
        for at in range(max(len(word) - size + 1, 0))
    ]


def _spelled(words: Sequence[str], place: dict[str, int]) -> sparse.csr_matrix:
    """Count the pieces of each word, once for all comments that use it."""
    columns: list[int] = []
    ends = [0]
    for word in words:
        columns += [at for at in map(place.get, _pieces(word)) if at is not None]
        ends.append(len(columns))
    shape = (len(words), len(place))
    ones = np.ones(len(columns), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, columns, ends), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _counted(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    ones = np.ones(len(rows), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows, columns)), shape=shape)


def _weighted(counts: sparse.csr_matrix, idf: np.ndarray, phrases: int) -> sparse.csr_matrix:
    """Weigh counts by how often and how rare; phrases and pieces of a text are each of length 1."""
    matrix = counts.copy()
    matrix.data = (1 + np.log(matrix.data)) * idf[matrix.indices]
    n = matrix.shape[0]
    piece = (matrix.indices >= phrases).astype(np.int64)
    kind = 2 * np.repeat(np.arange(n), np.diff(matrix.indptr)) + piece
    size = np.sqrt(np.bincount(kind, matrix.data**2, minlength=2 * n))
    matrix.data = (matrix.data / np.maximum(size, 1e-9)[kind]).astype(np.float32)
    return matrix


def _written(text: str) -> tuple[float, ...]:
    """Say how a text is written: length, signs, capitals and digits, each about 0 to 1."""
    n = len(text)
    head = text[:200]
    capitals = sum(map(str.isupper, head))
    digits = sum(map(str.isdigit, head))
    return (
        min(math.log1p(n) / 8, 1.0),
        min(text.count("!"), 4) / 4,
        min(text.count("?"), 4) / 4,
        capitals / max(len(head), 1),
        min(digits, 10) / 10,
    )


def _sides(scores: np.ndarray) -> np.ndarray:
    """Put general scores into the three classes; not-a-number is neutral."""
    scores = np.nan_to_num(scores)
    return np.where(scores >= CUTS[0], 2, np.where(scores <= -CUTS[0], 0, 1))


def _named(sides: np.ndarray) -> pl.Series:
    kind = pl.Enum(CLASSES)
    return pl.Series("predicted_rating", np.array(CLASSES)[sides].tolist(), dtype=kind)


def _telling(names: list[str], weights: np.ndarray, common: np.ndarray) -> dict[str, list[str]]:
    """Name the words and pairs that speak most for each class; no pair of a word named before."""
    shown = np.flatnonzero(common[: len(names)] >= SHOWN_FROM)
    found: dict[str, list[str]] = {}
    for at, side in enumerate(CLASSES):
        strength = weights[shown, at] - weights[shown, :3].mean(axis=1)
        named = found[side] = []
        for place in np.argsort(-strength, kind="stable"):
            words = names[shown[place]].split()
            if words[0][0] == TURNED:  # shown without its negator it would say the contrary
                continue
            if len(named) == SHOWN or strength[place] <= 0:
                break
            # full stops and commas tell a reader nothing, an emoji does
            told = all(word.strip(TURNED).isalnum() or not word.isascii() for word in words)
            if told and not set(words) & {word for name in named for word in name.split()}:
                named.append(names[shown[place]])
    return {side: [name.replace(TURNED, "") for name in named] for side, named in found.items()}


def _uses(terms: Iterable[str], texts: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Find plain words and pairs in masked texts: place of the text, term, how it is written."""
    sought = set(terms)
    first = {term.split()[0] for term in sought}
    for at, text in enumerate(texts):
        plain = _tokens(text)
        if first.isdisjoint(plain):
            continue
        written = plain if text.isascii() else _written_tokens(text)
        for size in (1, 2):
            for start in range(len(plain) - size + 1):
                if (term := " ".join(plain[start : start + size])) in sought:
                    yield at, term, " ".join(written[start : start + size])


def _as_written(terms: dict[str, list[str]], texts: Sequence[str]) -> dict[str, list[str]]:
    """Give the terms of each class the accents that most of their writers give them.

    >>> _as_written({"negative": ["nao gostei"]}, ["não gostei", "Não gostei!", "nao gostei"])
    {'negative': ['não gostei']}
    """
    forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, term, written in _uses(itertools.chain.from_iterable(terms.values()), texts):
        forms[term][written] += 1
    best = {term: min(form, key=lambda one: (-form[one], one)) for term, form in forms.items()}
    return {side: [best[term] for term in named if term in best] for side, named in terms.items()}


def _questions(questions: pl.Series | Sequence[str | None] | str | None, n: int) -> pl.Series:
    if questions is None or isinstance(questions, str):
        return pl.Series("question", [questions] * n, dtype=pl.String)
    asked = pl.Series("question", questions, dtype=pl.String)
    if len(asked) != n:
        raise BadQuestion(
            f"There are {n:,} comments and {len(asked):,} questions; give one for each comment, or "
            "one text for all."
        )
    return asked


def _versions() -> dict[str, str]:
    import sklearn

    from cxkit import __version__

    return {
        "cxkit": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
    }


def _with_ends(value: tuple[float, float, float], sign: str = "") -> str:
    return f"{value[0]:{sign}.3f} ({value[1]:{sign}.3f} to {value[2]:{sign}.3f})"


def _beside(path: str | Path, ending: str) -> Path:
    path = Path(path)
    return path.with_name(path.name.removesuffix(".json").removesuffix(".npz") + ending)
