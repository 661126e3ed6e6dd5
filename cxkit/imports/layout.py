"""Which records of a staged file are rows, and which are header, footer, blank or broken?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from cxkit.imports import recipes
from cxkit.imports.delimited import guess_header as guess_header
from cxkit.imports.recipes import Match
from cxkit.imports.records import Staged
from cxkit.result import counted

HEAD, TAIL = 60, 60
_TOTAL = re.compile(
    r"(?:grand |sub-?)?(?:total|totals|sum|summe|gesamt|gesamtsumme|somme|suma|totale|soma)\b:?",
    re.IGNORECASE,
)
_NEARLY_ALL = 0.95
_FEW = 3  # rows, below which their width proves nothing
_LOOKS = 20_000  # rows whose cells may prove which column a name belongs to
_LONGER = (
    "Its rows have {cells} cells and its header {names} names: does the first column lack its "
    "name, or the last, or is a cell with a delimiter in it not quoted? "
    "Name every column in the header and import it again"
)
_NUMBER = r"[-+(]?\W{0,3}\d[\d.,']*\)?\W{0,3}"
# words in the name of a column, and how its cells look then; the first that fits counts
_TELLING = (
    (r"\be ?mail\b", r"\S+@\S+"),
    (r"\b(?:date|datum|time|timestamp|at|on)\b", r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{10,16}"),
    (
        r"\b(?:amount|price|total|sum|revenue|value|qty|quantity|count|score|rating|betrag)\b",
        _NUMBER,
    ),
    (r"\b(?:id|number|no|nr|sku|zip)\b", r"[^\s@]*\d[^\s@]*"),
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


@dataclass(frozen=True)
class Named:
    """The columns of a file by name: those that its header leaves out are called by their place."""

    names: tuple[str, ...]
    told: str = ""  # what was decided, in plain words
    question: str = ""  # what only a person can answer before the rows can be read


def named(path: Path, staged: Staged, names: Sequence[str], header_no: int) -> Named:
    """Return the names of all columns that hold something, for a file with a header of one row.

    A header can leave columns without a name: inside it, at its end, or because nearly all rows
    have more cells than it. Where the rows are longer than the header, the cells on the left or on
    the right may be the ones without a name, and only the cells themselves can tell.
    """
    given = [*names[: staged.width], *[""] * (staged.width - len(names))]
    last = max((i for i, name in enumerate(given, 1) if name), default=0)
    if not header_no or "" not in given:
        return Named(tuple(names))
    records = pl.scan_parquet(path)
    head = records.slice(header_no - 1, 1).select("width").collect().item()
    body = records.filter((pl.col("record_no") > header_no) & pl.col("fault").is_null())
    body = body.filter(pl.col("width") >= last)
    widths = dict(body.group_by("width").len().collect().iter_rows())
    whole = sum(widths.values())
    usual = max(widths, key=lambda width: (widths[width], width), default=last)
    # where the header itself has a cell there, most rows are enough
    enough = 0.5 if usual == head else _NEARLY_ALL
    agreed = usual <= staged.width and widths.get(usual, 0) >= enough * whole
    if not agreed or (usual > head and whole < _FEW):
        usual = last  # what stands beyond is no column but a fault of its record
    open_ = [place for place in range(usual) if not given[place]]
    body = body.filter(pl.col("width") >= usual)
    filled = [_filled(staged.cells[place]).any().alias(str(place)) for place in open_]
    holds = body.select(filled).collect().row(0) if open_ else ()
    kept = [place for place, some in zip(open_, holds, strict=True) if some]
    empty = [place for place in open_ if place not in kept]
    if max(kept, default=-1) >= last:
        rows = body.filter(pl.col("width") == usual).head(_LOOKS).select(staged.cells[:usual])
        side = _side(rows.collect(), given[:last], head < usual)
        if not side:
            return Named(tuple(names), question=_LONGER.format(cells=usual, names=last))
        if side == "left":
            given, last = ["" for _ in range(usual - last)] + given[:last], usual
            kept, empty = [place for place in range(usual) if not given[place]], []
    for place in kept:
        given[place] = f"column {place + 1}"
    told = []
    if kept:
        called = ", ".join(f"'{given[place]}'" for place in kept[:6]) + " …" * (len(kept) > 6)
        told.append(f"{counted(len(kept), 'column')} without a name, called {called} by place")
    if empty and staged.format == "csv":  # a sheet is as wide as its widest frame
        told.append(f"{counted(len(empty), 'column')} without a name or content left out")
    return Named(
        recipes.unique(given[: max([last, *(place + 1 for place in kept)])]), ". ".join(told)
    )


def _filled(cell: str) -> pl.Expr:
    return pl.col(cell).fill_null("").str.strip_chars() != ""


def _side(rows: pl.DataFrame, names: Sequence[str], shorter: bool) -> str:
    """Return on which side of the names the rows have columns more: left or right, or nothing.

    Nothing where the cells do not prove it, and where a cell may be cut by a delimiter of its own:
    a decimal comma, or a comma and a blank.
    """
    columns = [column.fill_null("") for column in rows]
    for place, (cell, after) in enumerate(pairwise(columns)):
        number = _all(cell, r"-?\d+") and _all(after, r"\d\d") and after.n_unique() > 1
        money = place < len(names) and _expected(names[place]) == _NUMBER
        if (number and (shorter or money)) or (shorter and _all(after, r" .*")):
            return ""
    if not shorter:
        return "right"
    more = len(columns) - len(names)
    right = sum(_agrees(name, column) for name, column in zip(names, columns, strict=False))
    left = sum(_agrees(name, column) for name, column in zip(names, columns[more:], strict=True))
    steps = columns[0].cast(pl.Int64, strict=False).diff(null_behavior="drop")
    index = columns[0][0] in ("0", "1") and not steps.null_count() and set(steps) == {1}
    if index or set(columns[0].str.strip_chars()) == {""}:
        left += 1
    if max(left, right) < 1 or abs(left - right) < 2:
        return ""
    return "left" if left > right else "right"


def _all(cells: pl.Series, pattern: str) -> bool:
    return int(cells.str.contains(f"^(?:{pattern})$").sum()) >= _NEARLY_ALL * len(cells)


def _expected(name: str) -> str:
    """Return what the cells of a column look like whose name says so, else nothing."""
    words = " ".join(
        re.sub(r"[^a-z0-9äöüß]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()).split()
    )
    return next((form for known, form in _TELLING if re.search(known, words)), "")


def _agrees(name: str, cells: pl.Series) -> int:
    """Say whether cells look as the name of their column lets expect: 1, -1, or 0: unknown."""
    form, filled = _expected(name), cells.filter(cells != "")
    if not form or filled.is_empty():
        return 0
    return 1 if _all(filled, form) else -1


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
    if staged.swallowed:
        open_ = pl.when(number.is_in(staged.swallowed)).then(pl.lit("open quote"))
        records = records.with_columns(open_.otherwise("fault").alias("fault"))
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
