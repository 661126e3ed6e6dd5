"""Which records of a staged file are rows, and which are header, footer, blank or broken?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxkit.imports.delimited import guess_header as guess_header
from cxkit.imports.recipes import Match
from cxkit.imports.records import Staged

HEAD, TAIL = 60, 60
_TOTAL = re.compile(
    r"(?:grand |sub-?)?(?:total|totals|sum|summe|gesamt|gesamtsumme|somme|suma|totale|soma)\b:?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """Where the rows of a staged file lie and what its columns are called."""

    names: tuple[str, ...]
    first_no: int  # the first record after the header
    footer_no: int | None  # the first record of the footer
    header: tuple[str, ...] = ()  # as it stands, to know it when it is repeated

    @property
    def width(self) -> int:
        """The cells that a whole record has at least: up to the last named column."""
        return max((i for i, name in enumerate(self.names, 1) if name), default=0)


def head(path: Path, staged: Staged, most: int = HEAD) -> list[list[str | None]]:
    """Return the cells of the first records, without blank cells at their ends."""
    rows = pl.scan_parquet(path).head(most).select(staged.cells).collect()
    return [_cut(row) for row in rows.iter_rows()]


def _cut(row: Sequence[str | None]) -> list[str | None]:
    cells = list(row)
    while cells and not (cells[-1] or "").strip():
        cells.pop()
    return cells


def lay_out(path: Path, staged: Staged, match: Match) -> Layout:
    """Return the layout of a staged file whose export is known."""
    if not match.header_no:
        return Layout(match.names, 1, None)
    last = match.header_no + match.export.header_rows - 1
    names = match.names
    records = pl.scan_parquet(path)
    if match.export.header_rows > 1:
        below = records.slice(match.header_no, match.export.header_rows - 1)
        names = _joined(names, below.select(staged.cells).collect().rows())
    as_it_stands = records.slice(match.header_no - 1, 1).select(staged.cells).collect().row(0)
    footer = _footer(path, staged, last, Layout(names, 0, None).width, match.export.footer)
    return Layout(names, last + 1, footer, tuple(cell or "" for cell in as_it_stands))


def _joined(names: Sequence[str], below: Sequence[Sequence[str | None]]) -> tuple[str, ...]:
    """Join a header of several rows: a blank cell goes on with the question on its left.

    "How satisfied are you with …" over "Delivery" and "Price" gives two names; "Response" and
    "Open-Ended Response" add nothing.
    """
    made, question = [], ""
    cells = [*names, *[""] * (max(len(row) for row in below) - len(names))]
    for place, name in enumerate(cells):
        question = name or question
        under = [(row[place] or "").strip() for row in below if place < len(row)]
        under = [text for text in under if text and "response" not in text.casefold()]
        own = name or (question if under else "")
        made.append(": ".join([own, *under]) if own else "")
    return tuple(made)


def _footer(path: Path, staged: Staged, header_no: int, width: int, pattern: str) -> int | None:
    """Return the first record of the footer: lines of one cell, or a line of totals, at the end.

    A recipe may name a `pattern` for lines that look like neither.
    """
    if width < 2:
        return None
    start = max(header_no, staged.read - TAIL)
    tail = (
        pl.scan_parquet(path)
        .slice(start, staged.read - start)
        .select("record_no", "fault", *staged.cells)
        .collect()
        .rows()
    )
    footer = None
    for number, fault, *cells in reversed(tail):
        filled = [cell for cell in cells if (cell or "").strip()]
        cut_off = number == staged.read and not staged.whole_end
        lone = len(filled) == 1 and width > 2 and not cut_off
        named = filled and (
            _TOTAL.fullmatch(filled[0].strip()) or (pattern and re.match(pattern, filled[0]))
        )
        if fault or (filled and not lone and not named):
            break
        footer = number if filled else footer
    return footer


def classified(records: pl.LazyFrame, staged: Staged, layout: Layout) -> pl.LazyFrame:
    """Add `skipped` (why a record is no row) and `fault` (why it cannot be one) to the records."""
    number = pl.col("record_no")
    if not layout.header:
        blank = pl.col("width") == 0
        skipped = pl.when(blank & pl.col("fault").is_null()).then(pl.lit("blank"))
        return records.with_columns(skipped.alias("skipped"))
    cells = staged.cells
    blank = pl.all_horizontal(pl.col(cells).fill_null("").str.strip_chars() == "")
    again = pl.all_horizontal(
        pl.col(cell).fill_null("") == name for cell, name in zip(cells, layout.header, strict=False)
    )
    beyond = [pl.col(cell).fill_null("").str.strip_chars() != "" for cell in cells[layout.width :]]
    long = pl.any_horizontal(*beyond, pl.col("width") > staged.width)
    short = pl.col("width") < layout.width
    last = (number == staged.read) & pl.lit(not staged.whole_end)
    own = pl.when(pl.col("fault") != "stray quote").then(pl.col("fault"))
    return records.with_columns(
        pl.when(number < layout.first_no)
        .then(pl.lit("header"))
        .when(blank & own.is_null())
        .then(pl.lit("blank"))
        .when(again)
        .then(pl.lit("repeated header"))
        .when(number >= pl.lit(layout.footer_no or staged.read + 1))
        .then(pl.lit("footer"))
        .alias("skipped"),
        pl.when(last & (own.is_not_null() | short))
        .then(pl.lit("cut off"))
        .when(own.is_not_null())
        .then(own)
        .when(short)
        .then(pl.lit("too few cells"))
        .when(long)
        .then(pl.lit("too many cells"))
        .alias("fault"),
    )
