"""Which themes does a comment have, by what a person said of other comments?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from cxkit.errors import BadQuestion
from cxkit.text.themes import stem, words_of

LEAST_LABELLED = 100  # comments
LEAST_OF_A_THEME = 5  # labelled comments: fewer teach nothing
TO_LABEL = 20
_DIRECTIONS = 200
_SURE, _BEST = 0.5, 0.3  # a theme from the first on, or the likeliest from the second on
_READ_AT_MOST = 4_000  # characters


def learn_tags(
    texts: pl.Series | Sequence[str | None], labels: Sequence[Sequence[str] | None]
) -> pl.DataFrame:
    """Tag all comments by what is learned from the labelled ones.

    `labels` holds per text its themes, an empty list where a person found none, or None where
    nobody has looked. Words and pairs of words of all texts are brought down to 200 directions
    (latent semantic analysis), so that comments nobody labelled help too; each theme has a logistic
    regression of its own. Themes with fewer than 5 labelled comments are not learned.

    Returns:
        One row per text and learned theme, in the order given and then by theme: row (from 0),
        theme, probability, tagged, labelled. A comment has each theme of probability .5 or more,
        and otherwise the likeliest one, if that has .3.

    Raises:
        BadQuestion: where fewer than 100 comments are labelled, or no theme can be learned.
    """
    column = pl.Series("text", texts, dtype=pl.String)
    known = [at for at, said in enumerate(labels) if said is not None and column[at] is not None]
    if len(labels) != len(column) or len(known) < LEAST_LABELLED:
        raise BadQuestion(
            f"{len(known)} of {len(column):,} comments are labelled; tags are learned from "
            f"{LEAST_LABELLED} on. Label more of them, or tag by the terms of a theme book."
        )
    said = [frozenset(labels[at] or ()) for at in known]
    names = sorted({name for themes in said for name in themes})
    features = _directions(column)
    chances: dict[str, np.ndarray] = {}
    for name in names:
        is_one = np.array([name in themes for themes in said])
        if LEAST_OF_A_THEME <= is_one.sum() < len(is_one):
            judge = LogisticRegression(C=3.0, class_weight="balanced", max_iter=300)
            chances[name] = judge.fit(features[known], is_one).predict_proba(features)[:, 1]
    if not chances:
        raise BadQuestion(
            f"No theme can be learned: none has {LEAST_OF_A_THEME} labelled comments and others "
            "without it. Label more comments."
        )
    chance = np.column_stack(list(chances.values()))
    empty = (column.fill_null("").str.strip_chars() == "").to_numpy()
    chance[empty] = 0.0
    best = chance.max(axis=1, keepdims=True)
    tagged = (chance >= _SURE) | ((chance == best) & (best >= _BEST))
    rows, wide = np.arange(len(column)), len(chances)
    return pl.DataFrame(
        {
            "row": np.repeat(rows, wide),
            "theme": list(chances) * len(column),
            "probability": chance.ravel(),
            "tagged": tagged.ravel(),
            "labelled": np.repeat(np.isin(rows, known), wide),
        }
    )


def least_certain(tags: pl.DataFrame, most: int = TO_LABEL) -> list[int]:
    """Say which comments a person should label next: those whose likeliest theme is least sure.

    `tags` is what `learn_tags` gives; the answer holds rows that nobody has labelled, the least
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


def _directions(texts: pl.Series) -> np.ndarray:
    counted = TfidfVectorizer(analyzer=_terms, min_df=2, sublinear_tf=True)
    try:
        matrix = counted.fit_transform(texts.fill_null("").to_list())
    except ValueError:  # no term is in two comments
        matrix = sparse.csr_matrix((len(texts), 1))
    most = max(1, min(_DIRECTIONS, *(side - 1 for side in matrix.shape)))
    left, sizes, _ = randomized_svd(matrix, most, random_state=0)
    return np.asarray(normalize(left * sizes))


def _terms(text: str) -> list[str]:
    stems = [stem(found.word) for found in words_of(text[:_READ_AT_MOST])]
    return stems + [f"{one} {two}" for one, two in pairwise(stems)]
