"""How does a comment sound where it speaks of one matter?"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter

import polars as pl

from cxkit.text.language import detect_languages
from cxkit.text.scoring import Scorer, level_of, score_comments

WORDS_AROUND = 6  # on each side of a mention
MANY, STEP = (
    500,
    4,
)  # in a comment of more mentions than so many, windows begin at every fourth word
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
    # a long comment with many mentions stands in many rows: it is looked at once per run of these
    told = mentions.with_columns(run=pl.col("text").rle_id())
    runs = told.unique("run", keep="first", maintain_order=True)["text"].to_list()
    sizes = told["run"].value_counts().sort("run")["count"].to_list()
    mentioned: Counter[str | None] = Counter()
    for text, size in zip(runs, sizes, strict=True):
        mentioned[text] += size
    whole = pl.Series("text", list(mentioned), dtype=pl.String)
    pieces = _Pieces()
    places = {
        text: _Places(text, pieces, STEP if mentioned[text] > MANY else 1)
        for text, language in zip(mentioned, detect_languages(whole)["language"], strict=True)
        if text is not None and language == "en"
    }
    place_of = [None if text is None else places.get(text) for text in runs]
    asked: list[tuple[int, int, int] | None] = []
    for run, start, end in told.select("run", "start", "end").iter_rows():
        place = place_of[run]
        if place is None:
            asked.append(None)
        elif start is None:
            asked.append((place.whole, place.whole, place.whole))
        else:
            asked.append((place.clause(start, end), place.window(start, end), place.whole))
    judged = score_comments(list(pieces), languages=["en"], scorer=scorer)["score"].to_list()
    found = [_blended([judged[at] for at in three]) if three else None for three in asked]
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


class _Pieces(dict[str, int]):
    """The distinct pieces of comments, numbered in the order in which they were met."""

    def __missing__(self, piece: str) -> int:
        self[piece] = len(self)
        return self[piece]


class _Places:
    """Where the words and clauses of one comment begin and end; its pieces by number."""

    def __init__(self, text: str, pieces: _Pieces, step: int) -> None:
        self.text, self.pieces, self.step = text, pieces, step
        self.words = [found.span() for found in _RUN.finditer(text)]
        self.breaks = [found.span() for found in _BREAK.finditer(text)]
        self.starts = [start for start, _ in self.words]
        self.opens = [begin for begin, _ in self.breaks]
        self.closes = [stop for _, stop in self.breaks]
        self.whole = pieces[text]
        self.known: dict[tuple[int, int], int] = {}  # a long piece is cut out and compared once

    def clause(self, start: int, end: int) -> int:
        before = bisect_right(self.closes, start)
        after = bisect_left(self.opens, end)
        first = self.closes[before - 1] if before else 0
        last = self.opens[after] if after < len(self.opens) else len(self.text)
        return self._numbered(first, last)

    def window(self, start: int, end: int) -> int:
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_left(self.starts, end) - 1, first)
        first = max(first - WORDS_AROUND, 0) // self.step * self.step
        last = -(-(last + WORDS_AROUND + 1) // self.step) * self.step - 1
        return self._numbered(self.words[first][0], self.words[min(last, len(self.words) - 1)][1])

    def _numbered(self, first: int, last: int) -> int:
        if (first, last) not in self.known:
            self.known[first, last] = self.pieces[self.text[first:last]]
        return self.known[first, last]
