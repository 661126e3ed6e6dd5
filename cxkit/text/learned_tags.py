"""Which themes does a comment have, by what a person said of other comments?"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from cxkit.errors import BadQuestion
from cxkit.text.discovery import (
    chosen,
    content_words,
    ignored_words,
    terms_held,
    without_marks,
)
from cxkit.text.kept import mark, once
from cxkit.text.names import unnamed
from cxkit.text.themes import words_of

LEAST_LABELLED = 100  # comments
LEAST_OF_A_THEME = 1  # labelled comment, beside the theme's name
TO_LABEL = 20
READ_AT_MOST = 4_000  # characters
_DIRECTIONS = 150
_COMMON_MATTERS = 0.5  # directions that many comments share weigh more, by this power
_OTHERS = 3_000  # comments nobody labelled: the surest of them teach as well
_SUREST = 0.6  # share of those judged to have a theme
_GUESSED = 0.3  # what such a comment weighs, beside 1 for a labelled one
_SURE, _BEST = 0.5, 0.3  # a theme from the first on, or the likeliest from the second on
_FOLDS = 5
_PIECES = (3, 4, 5)  # letters
_LONGEST = 40  # letters of a word


@dataclass(frozen=True, slots=True)
class LearnedTags:
    """Tags learned from labelled comments, and how they did on labelled ones not learned from.

    Attributes:
        table: one row per text and learned theme, in the order given and then by theme: row (from
            0), theme, probability, tagged, labelled.
        labelled: how many different comments were learned from.
        themes: the themes that could be learned.
        macro_f1: the mean F1 of all labelled themes in five-fold cross-validation; where `by_terms`
            is given, of both together.
        macro_f1_of_terms: that of the terms alone on the same comments; not-a-number without them.
    """

    table: pl.DataFrame
    labelled: int
    themes: tuple[str, ...]
    macro_f1: float
    macro_f1_of_terms: float

    @property
    def helps(self) -> bool:
        """Whether terms and labels together do better than the terms alone."""
        return not self.macro_f1 <= self.macro_f1_of_terms


def learn_tags(
    texts: pl.Series | Sequence[str | None],
    labels: Sequence[Collection[str] | None],
    *,
    themes: Iterable[str] = (),
    by_terms: Sequence[Collection[str]] | None = None,
    languages: Iterable[str] | None = None,
    brands: Iterable[str] = (),
) -> LearnedTags:
    """Tag all comments by what is learned from the labelled ones.

    `labels` holds per text its themes, an empty list where a person found none, or None where
    nobody has looked; where a text comes twice its last label counts. Matters (words and pairs of
    words, small words left out) and pieces of words of all texts are brought down to 150 directions
    each (latent semantic analysis), so that comments nobody labelled help too; each theme has a
    logistic regression of its own, which is also shown the theme's name as a comment that has it,
    and in a second round, with less weight, comments nobody labelled that it was surest of. Themes
    without a labelled comment are not learned. A comment has each theme of
    probability .5 or more, and otherwise the likeliest one, if that has .3.

    `themes` names those there are, also such as nobody has labelled yet; `by_terms` holds per text
    the themes that a theme book's terms find, to be judged together; `languages` are those that the
    comments may be in. What may tell a person is not learned from, nor are `brands` (see
    `unnamed`).

    Raises:
        BadQuestion: where fewer than 100 different comments are labelled, or no theme can be
            learned.
    """
    column = pl.Series("text", texts, dtype=pl.String)
    if len(labels) != len(column):
        raise BadQuestion(
            f"There are {len(column):,} texts and {len(labels):,} labels; give one for each text, "
            "None where nobody has looked."
        )
    themes, among = sorted(set(themes)), tuple(sorted(set(languages or ())))
    given = [None if said is None else sorted(said) for said in labels]
    terms = None if by_terms is None else [sorted(found) for found in by_terms]
    named = tuple(brands)
    made_of = mark(column, given, themes, terms, among, named)
    learned = once(
        ("learned tags", made_of), lambda: _learned(column, given, themes, terms, among, named)
    )
    return replace(learned, table=learned.table.clone())


def _learned(
    column: pl.Series,
    labels: Sequence[Collection[str] | None],
    themes: Sequence[str],
    by_terms: Sequence[Collection[str]] | None,
    languages: tuple[str, ...],
    brands: tuple[str, ...],
) -> LearnedTags:
    said = {
        text: frozenset(given)
        for text, given in zip(column, labels, strict=True)
        if given is not None and text is not None and text.strip()
    }
    if len(said) < LEAST_LABELLED:
        raise BadQuestion(
            f"{len(said)} of {len(column):,} comments are labelled; tags are learned from "
            f"{LEAST_LABELLED} on. Label more of them, or tag by the terms of a theme book."
        )
    distinct = sorted({text for text in column if text is not None})
    place = {text: at for at, text in enumerate(distinct)}
    known = np.array(sorted(place[text] for text in said))
    names = sorted({name for given in said.values() for name in given} | set(themes))
    truth = np.array([[name in said[distinct[at]] for name in names] for at in known])
    learned = [
        name
        for name, labelled in zip(names, truth.sum(axis=0), strict=True)
        if LEAST_OF_A_THEME <= labelled < len(known)
    ]
    if not learned:
        raise BadQuestion(
            "No theme can be learned: none has a labelled comment and others without it. Label "
            "more comments."
        )
    with threadpool_limits(1):
        ignored = ignored_words(distinct, languages)
        features = _features([*unnamed(distinct, brands), *learned], known, ignored)
        named = features[len(distinct) :]
        at = [names.index(name) for name in learned]
        unseen = np.setdiff1d(chosen(distinct, _OTHERS), known)
        shown = features[known], truth[:, at], named, features[unseen]
        chance = _chances(*shown, features[: len(distinct)])
        guessed = np.zeros_like(truth)
        guessed[:, at] = _unseen(*shown)
    empty = [at for at, text in enumerate(distinct) if not text.strip()]
    chance[empty] = 0.0
    by_row = np.array([place.get(text, -1) for text in column], dtype=int)
    every = np.vstack([chance, np.zeros(len(learned))])[by_row]  # the last row: no text
    found = {text: set(by) for text, by in zip(column, by_terms or (), strict=False)}
    terms = np.array([[n in found.get(distinct[at], ()) for n in names] for at in known])
    return LearnedTags(
        pl.DataFrame(
            {
                "row": np.repeat(np.arange(len(column)), len(learned)),
                "theme": learned * len(column),
                "probability": every.ravel(),
                "tagged": _tagged(every).ravel(),
                "labelled": np.repeat([text in said for text in column], len(learned)),
            },
            schema_overrides={"row": pl.Int64, "theme": pl.String, "labelled": pl.Boolean},
        ),
        labelled=len(known),
        themes=tuple(learned),
        macro_f1=_macro_f1(truth, guessed | terms),
        macro_f1_of_terms=math.nan if by_terms is None else _macro_f1(truth, terms),
    )


def least_certain(tags: pl.DataFrame, most: int = TO_LABEL) -> list[int]:
    """Say which comments a person should label next: those whose likeliest theme is least sure.

    `tags` is the table of `learn_tags`; the answer holds rows that nobody has labelled, the least
    sure first.

    >>> tags = pl.DataFrame({"row": [0, 0, 1, 1], "theme": ["a", "b"] * 2,
    ...     "probability": [0.5, 0.1, 0.9, 0.2], "labelled": [False] * 4})
    >>> least_certain(tags)
    [0, 1]
    """
    unsure = (pl.col("probability") - _SURE).abs().min()
    asked = tags.filter(~pl.col("labelled")).group_by("row").agg(unsure=unsure)
    asked = asked.with_columns(pl.col("unsure").round(9))
    return list(asked.sort("unsure", "row")["row"].head(most))


def _chances(
    known: np.ndarray,
    truth: np.ndarray,
    named: np.ndarray,
    others: np.ndarray,
    asked: np.ndarray,
) -> np.ndarray:
    """Learn from labels and names, then from the surest others too; judge those asked about."""
    seen = np.vstack([known, named])
    has = np.vstack([truth, np.eye(len(named), dtype=bool)])
    chance = _judged(seen, has, np.ones(len(seen)), others)
    sure = chance.max(axis=1, initial=0) >= _SURE
    best = np.where(sure, chance.argmax(axis=1), -1)
    taken = []
    for theme in range(len(named)):
        of_it = np.flatnonzero(best == theme)
        surest = np.argsort(-chance[of_it, theme].round(9), kind="stable")
        taken += of_it[surest[: int(_SUREST * len(of_it))]].tolist()
    also = chance[taken] == chance[taken].max(axis=1, keepdims=True, initial=0)
    if (truth.sum(axis=1) > 1).any():
        also |= chance[taken] >= _SURE
    weights = np.concatenate([np.ones(len(seen)), np.full(len(taken), _GUESSED)])
    return _judged(np.vstack([seen, others[taken]]), np.vstack([has, also]), weights, asked)


def _judged(
    seen: np.ndarray, has: np.ndarray, weights: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Fit one regression per theme, and say how likely each comment asked about has it."""
    chance = np.zeros((len(asked), has.shape[1]))
    for theme in range(has.shape[1] if len(asked) else 0):
        judge = LogisticRegression(C=1.0, class_weight="balanced", max_iter=300)
        chance[:, theme] = judge.fit(seen, has[:, theme], weights).predict_proba(asked)[:, 1]
    return chance


def _unseen(
    known: np.ndarray, truth: np.ndarray, named: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Tag each labelled comment by what is learned from the other folds."""
    fold = np.random.default_rng(0).permutation(len(known)) % _FOLDS
    found = np.zeros_like(truth)
    for one in range(_FOLDS):
        rest, asked = fold != one, fold == one
        found[asked] = _tagged(_chances(known[rest], truth[rest], named, others, known[asked]))
    return found


def _tagged(chance: np.ndarray) -> np.ndarray:
    best = chance.max(axis=1, keepdims=True)
    return np.asarray((chance >= _SURE) | ((chance == best) & (best >= _BEST)))


def _macro_f1(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the mean F1 of the themes that a person found somewhere."""
    there = truth.any(axis=0)
    both = (truth & found).sum(axis=0)[there]
    return float(np.mean(2 * both / (truth.sum(axis=0) + found.sum(axis=0))[there]))


def _features(texts: list[str], known: np.ndarray, ignored: frozenset[str]) -> np.ndarray:
    """Place texts by their matters and by the pieces of their words; each part equally long."""
    learning = np.unique(np.concatenate([chosen(texts), known]))
    matters, _ = terms_held([content_words(text, ignored) for text in texts])
    return np.hstack(
        [
            _placed(matters, learning),
            _placed(_pieces_held(texts), learning, lambda n: np.log(n) + 1),
        ]
    )


def _placed(
    held: sparse.csr_matrix,
    learning: np.ndarray,
    weigh: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Bring texts, by what they hold, down to a few directions that `learning` spans."""
    often = held[learning].getnnz(axis=0)
    kept = np.flatnonzero(often > 1)
    most = min(_DIRECTIONS, len(kept) - 1, len(learning) - 1)
    if most < 1:
        return np.zeros((held.shape[0], 1), dtype=np.float32)
    idf = np.log((1 + len(learning)) / (1 + often[kept])) + 1
    matrix = held[:, kept]
    if weigh:
        matrix.data = weigh(matrix.data)
    matrix = normalize(matrix.multiply(idf).tocsr()).astype(np.float32)
    _, sizes, directions = randomized_svd(matrix[learning], most, n_iter=3, random_state=0)
    return np.asarray(normalize(matrix @ (directions.T * sizes**_COMMON_MATTERS)))


def _pieces_held(texts: list[str]) -> sparse.csr_matrix:
    """Count the pieces of words in each text, by way of its words: each is cut up once."""
    words: dict[str, int] = {}
    places: list[int] = []
    ends = [0]
    for text in texts:
        found = words_of(without_marks(text[:READ_AT_MOST]))
        places += [words.setdefault(word.word[:_LONGEST], len(words)) for word in found]
        ends.append(len(places))
    counted = sparse.csr_matrix(
        (np.ones(len(places)), np.array(places, int), np.array(ends)), (len(texts), len(words))
    )
    pieces: dict[str, int] = {}
    parts: list[int] = []
    stops = [0]
    for word in words:
        parts += [pieces.setdefault(piece, len(pieces)) for piece in _pieces(word)]
        stops.append(len(parts))
    cut = sparse.csr_matrix(
        (np.ones(len(parts)), np.array(parts, int), np.array(stops)), (len(words), len(pieces))
    )
    return (counted @ cut).tocsr()


def _pieces(word: str) -> list[str]:
    """Cut a word into pieces of 3 to 5 signs, with a space before and after it.

    >>> _pieces("too")
    [' to', 'too', 'oo ', ' too', 'too ', ' too ']
    """
    whole = f" {word} "
    return [whole[at : at + n] for n in _PIECES for at in range(len(whole) - n + 1)] or [whole]
