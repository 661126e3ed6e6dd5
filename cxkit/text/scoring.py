"""How do people feel in what they write, and which comments can a scorer not judge?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from cxkit.text import general
from cxkit.text.kept import row_by_row
from cxkit.text.language import detect_languages
from cxkit.text.progress import shown
from cxkit.text.rules import word_score
from cxkit.text.vader import NO_SIGNAL, vader_score

LEVELS = ("very negative", "negative", "neutral", "positive", "very positive")
CUTS = (0.1, 0.5)  # from these sizes on, both ways, a score is (very) positive or negative


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer makes of one comment; `score` and `level` are None where it can not say."""

    scorer: str
    score: float | None = None
    reason: str | None = None  # why not scored: "empty", "language", "no signal"
    chances: tuple[float, float, float] | None = None  # negative, neutral, positive; their sum is 1
    mixed: bool | None = None  # clauses of both signs

    @property
    def scored(self) -> bool:
        """Whether there is a score."""
        return self.score is not None

    @property
    def level(self) -> str | None:
        """The score in words, one of `LEVELS`."""
        return None if self.score is None else level_of(self.score)


class Scorer(Protocol):
    """A pure function from a comment, the question it answers and its language to a Score.

    Any object with these two will do, so that a model of your own can judge:

    >>> class Shouting:
    ...     id = "shouting-1"
    ...
    ...     def score(self, text, question, language):
    ...         return Score(self.id, -1.0 if text.isupper() else 0.0)
    >>> judged = score_comments(["WHERE IS IT", "it came"], languages=["en"], scorer=Shouting())
    >>> judged["level"].to_list()
    ['very negative', 'neutral']
    """

    @property
    def id(self) -> str:
        """The name and version that stands beside each score."""
        ...

    def score(self, text: str, question: str | None, language: str | None) -> Score:
        """Judge one comment."""
        ...


def level_of(score: float) -> str:
    """Put a score from -1 to 1 into words.

    >>> [level_of(score) for score in (-0.5, -0.1, 0.0, 0.1, 0.5)]
    ['very negative', 'negative', 'neutral', 'positive', 'very positive']
    """
    size = bisect_right(CUTS, abs(score))
    return LEVELS[2 + size if score > 0 else 2 - size]


@dataclass(frozen=True, slots=True)
class RuleScorer:
    """Judge English comments by words and phrases (see `cxkit.text.rules`)."""

    id: str = "rules-en-2"

    def score(self, text: str, question: str | None = None, language: str | None = "en") -> Score:
        """Judge one comment.

        >>> RuleScorer().score("Nothing to improve").level
        'very positive'
        >>> RuleScorer().score("Muito bom", language="pt")
        Score(scorer='rules-en-2', score=None, reason='language', chances=None, mixed=None)
        """
        if reason := _unreadable(text, language):
            return Score(self.id, reason=reason)
        value = word_score(text, question)
        return Score(self.id, value, None if value is not None else "no signal")


@dataclass(frozen=True, slots=True)
class GeneralScorer:
    """Judge English comments by rules and learned words (see `cxkit.text.general`): the default."""

    id: str = general.SCORER

    def score(self, text: str, question: str | None = None, language: str | None = "en") -> Score:
        """Judge one comment.

        >>> told = GeneralScorer().score("Lovely staff, but the delivery was terribly slow")
        >>> told.level, told.mixed
        ('negative', True)
        >>> [round(chance, 2) for chance in GeneralScorer().score("Superb service").chances]
        [0.01, 0.01, 0.98]
        """
        if reason := _unreadable(text, language):
            return Score(self.id, reason=reason)
        told = general.judge(text, question)
        if told is None:
            return Score(self.id, reason="no signal")
        chances = told.negative, told.neutral, told.positive
        return Score(self.id, told.score, None, chances, told.mixed)


@dataclass(frozen=True, slots=True)
class VaderScorer:
    """Judge English comments as VADER does (see `cxkit.text.vader`): for comparison."""

    id: str = "vader-3.3"

    def score(self, text: str, question: str | None = None, language: str | None = "en") -> Score:
        """Judge one comment; the question changes nothing.

        >>> VaderScorer().score("Nothing to improve").level
        'negative'
        """
        if reason := _unreadable(text, language):
            return Score(self.id, reason=reason)
        told = vader_score(text)
        if told == NO_SIGNAL:
            return Score(self.id, reason="no signal")
        return Score(self.id, told.compound)


def _unreadable(text: str, language: str | None) -> str | None:
    if not text.strip():
        return "empty"
    return None if language == "en" else "language"


def score_comments(
    texts: pl.Series | Sequence[str | None],
    *,
    languages: Iterable[str] | None = None,
    question: str | None = None,
    scorer: Scorer | None = None,
) -> pl.DataFrame:
    """Learn how each comment sounds, and why some can not be judged.

    One row per text, in the order given: `score` (-1 to 1) and `level` (see `LEVELS`), both null
    where not scored; `scored`; `reason` ("empty", "language" or "no signal", null where scored);
    `scorer`, `language` (null where empty); `chance_negative`, `chance_neutral`, `chance_positive`
    (sum 1) and `mixed` (clauses of both signs), null where the scorer does not say. Each distinct
    text is judged once in a session (see `cxkit.text.kept`); by a scorer of your own once in each
    call, since it may have changed. `languages` are the languages the column may hold (see
    `detect_languages`): one alone switches detection off. The `scorer` is a `GeneralScorer` unless
    another is given.

    >>> score_comments(["Lovely staff", "", "It is blue"], languages=["en"])["reason"].to_list()
    [None, 'empty', 'no signal']
    """
    judge: Scorer = scorer or GeneralScorer()
    comments = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    comments = comments.with_columns(detect_languages(comments["text"], languages)["language"])
    distinct = comments.unique(maintain_order=True)
    if type(judge) in (GeneralScorer, RuleScorer, VaderScorer):
        found = row_by_row((judge, question), distinct, lambda rows: _judged(rows, judge, question))
    else:
        found = _judged(distinct, judge, question)
    scored, said = found.columns[:5], found.columns[5:]
    return comments.join(
        distinct.select("text").hstack(found),
        on="text",
        how="left",
        nulls_equal=True,
        maintain_order="left",
    ).select(*scored, "language", *said)


def _judged(rows: pl.DataFrame, judge: Scorer, question: str | None) -> pl.DataFrame:
    scores = [
        judge.score(text or "", question, language)
        for text, language in shown(rows.iter_rows(), rows.height, "judging the tone")
    ]
    columns = {
        "score": pl.Series([score.score for score in scores], dtype=pl.Float64),
        "level": pl.Series([score.level for score in scores], dtype=pl.Enum(LEVELS)),
        "scored": pl.Series([score.scored for score in scores], dtype=pl.Boolean),
        "reason": pl.Series([score.reason for score in scores], dtype=pl.String),
        "scorer": pl.Series([score.scorer for score in scores], dtype=pl.String),
    }
    said = {
        **{
            f"chance_{side}": pl.Series(
                [score.chances[at] if score.chances else None for score in scores],
                dtype=pl.Float64,
            )
            for at, side in enumerate(("negative", "neutral", "positive"))
        },
        "mixed": pl.Series([score.mixed for score in scores], dtype=pl.Boolean),
    }
    return pl.DataFrame({**columns, **said})


def mostly_foreign(scores: pl.DataFrame) -> bool:
    """Say whether most comments are in a language that the scorer does not read.

    `scores` is what `score_comments` gives. Where it is so, the few that look readable may not be.
    """
    return bool(2 * (scores["reason"] == "language").sum() > scores.height)
