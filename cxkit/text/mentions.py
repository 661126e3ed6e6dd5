"""How does a comment sound where it speaks of one matter?"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

import polars as pl

from cxkit.text.language import detect_languages
from cxkit.text.scoring import Scorer, level_of, score_comments

WORDS_AROUND = 6  # on each side of a mention
_OF_CLAUSE, _OF_WINDOW, _OF_COMMENT = 0.4, 0.4, 0.2
_RUN = re.compile(r"\S+")
_BREAK = re.compile(
    r"[.!?;…\n]+|,\s(?=(?:and|the|it|they|we|i|he|she|there|this|that|my|our)\b)|\s-\s|--"
    r"|\b(?:but|although|though|however|while|whereas|yet|except)\b",
    re.IGNORECASE,
)


def score_mentions(mentions: pl.DataFrame, *, scorer: Scorer | None = None) -> pl.DataFrame:
    """Judge the tone of comments around the words that speak of one matter.

    `mentions` holds `text`, `start` and `end` (characters; null: the whole comment). The score
    blends that of the clause (.4), of six words on either side (.4) and of the whole comment (.2);
    a part without a word of feeling counts as 0. Languages are detected on whole comments.

    Returns:
        One row per mention, in order: score (-1 to 1) and level, null where the comment is in a
        language that the scorer does not read, or where no part has a word of feeling; scored.

    >>> text = "Lovely staff, so kind to all three of us, but the delivery was terribly late"
    >>> spans = {"text": [text, text], "start": [7, 50], "end": [12, 58]}
    >>> score_mentions(pl.DataFrame(spans))["score"].sign().to_list()
    [1.0, -1.0]
    """
    whole = mentions["text"].unique(maintain_order=True)
    language = dict(zip(whole, detect_languages(whole)["language"], strict=True))
    places = {text: _Places(text) for text in whole if text is not None}
    pieces: list[tuple[str, str, str] | None] = []
    for text, start, end in mentions.select("text", "start", "end").iter_rows():
        if text is None or language[text] != "en":
            pieces.append(None)
        elif start is None:
            pieces.append((text, text, text))
        else:
            pieces.append((places[text].clause(start, end), places[text].window(start, end), text))
    distinct = sorted({piece for three in pieces if three for piece in three})
    judged = score_comments(distinct, languages=["en"], scorer=scorer)["score"]
    score = dict(zip(distinct, judged, strict=True))
    found = [_blended([score[piece] for piece in three]) if three else None for three in pieces]
    return pl.DataFrame(
        {
            "score": found,
            "level": [None if s is None else level_of(s) for s in found],
            "scored": [s is not None for s in found],
        },
        schema={"score": pl.Float64, "level": pl.String, "scored": pl.Boolean},
    )


def _blended(scores: list[float | None]) -> float | None:
    if all(score is None for score in scores):
        return None
    weights = (_OF_CLAUSE, _OF_WINDOW, _OF_COMMENT)
    return sum(weight * (score or 0.0) for weight, score in zip(weights, scores, strict=True))


class _Places:
    """Where the words and clauses of one comment begin and end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [found.span() for found in _RUN.finditer(text)]
        self.breaks = [found.span() for found in _BREAK.finditer(text)]
        self.starts = [start for start, _ in self.words]
        self.opens = [begin for begin, _ in self.breaks]
        self.closes = [stop for _, stop in self.breaks]
        self.clauses: dict[tuple[int, int], str] = {}  # a long one is cut out once

    def clause(self, start: int, end: int) -> str:
        before = bisect_right(self.closes, start)
        after = bisect_left(self.opens, end)
        first = self.closes[before - 1] if before else 0
        last = self.opens[after] if after < len(self.opens) else len(self.text)
        if (first, last) not in self.clauses:
            self.clauses[first, last] = self.text[first:last]
        return self.clauses[first, last]

    def window(self, start: int, end: int) -> str:
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_left(self.starts, end) - 1, first)
        opening = self.words[max(first - WORDS_AROUND, 0)][0]
        return self.text[opening : self.words[min(last + WORDS_AROUND, len(self.words) - 1)][1]]
