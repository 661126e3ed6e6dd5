"""Which records have swallowed the ones below them, because a quote opened and stayed open?

By the rule of a record such a quote closes at the next one that stands where a cell may end: the
inch mark of `24",` is enough. What it swallowed is then text in one cell, and no count differs. It
shows in the lines: read as if the quote were a letter, the first line is a whole record, and so are
those below it, with cells that look as the columns do. A comment over several lines does not.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import polars as pl

from cxkit.imports import delimited
from cxkit.imports.delimited import Dialect

_BATCH = 20_000  # records that are looked at in one go
_SAMPLE = 2_000  # records that show how the cells of a column look
_BEYOND = 100  # lines below a record that the last one in it may need
_MOSTLY = 0.8  # of the lines below; one may itself be spoilt

# how the cells of a column can look so that a sentence does not; the first that fits counts
_FORMS = (
    r"-?\d+",
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?",
    r"\S+@\S+\.\S+",
    r"[^\s@]*\d[^\s@]*",
)


@dataclass(frozen=True)
class Swallowed:
    """The records of a file that hold others, by number, and the lines of those that only may."""

    records: tuple[int, ...]
    perhaps: tuple[int, ...]


def swallowed(
    records: pl.LazyFrame, raw: Path, dialect: Dialect, width: int, usual: int
) -> Swallowed:
    """Look through the records of a delimited file as they are staged from `raw`.

    `width` is how many columns are staged, `usual` how many cells most records have.
    """
    places = records.select("record_no", "line_no").collect()
    beyond = pl.col("line_no").shift(-1) - pl.col("line_no")
    several = places.filter((beyond > 1) | beyond.is_null())[
        "record_no"
    ]  # the last one may be long
    if usual < 2 or not len(several):
        return Swallowed((), ())
    forms = _Forms(records, usual)
    looked = _Lines(raw, dialect)
    sure: set[int] = set()
    perhaps = []
    for start in range(0, places.height, _BATCH):
        some = several.filter((several > start) & (several <= start + _BATCH))
        if not len(some):
            continue
        batch = records.slice(start, _BATCH).filter(pl.col("record_no").is_in(some.implode()))
        for suspect in _suspects(batch.collect(), dialect, width, usual, forms.first):
            if suspect.number in sure:
                continue
            below = looked.below(suspect.line, suspect.ends)
            inside = [item for item in below if item[0] <= suspect.ends]
            whole = [cells for _, cells, fault in inside if not fault and len(cells) == usual]
            if not whole or len(whole) < _MOSTLY * len(inside):
                continue
            if not forms.all:
                perhaps += [suspect.line] * (usual > 2)
            elif _alike(whole, suspect.place, forms.all):
                sure.update(_torn(suspect, below, places))
    return Swallowed(tuple(sorted(sure)), tuple(perhaps))


@dataclass(frozen=True)
class _Suspect:
    number: int  # of the record
    line: int
    ends: int  # line ends inside it
    place: int  # of the cell that goes on over its line


# of the lines below a record, read as records: at which of these lines, cells, fault
_Below = list[tuple[int, list[str], str | None]]


def _alike(whole: Sequence[list[str]], place: int, forms: dict[int, tuple[str, bool]]) -> bool:
    """Whether the cells of all records look as those of their columns do, and one of them shows it.

    What stands behind `place` in the last one is no proof: it ends the record in either reading.
    """
    shown = 0
    for number, cells in enumerate(whole, 1):
        for at, (form, always) in forms.items():
            if number == len(whole) and at > place:
                continue
            cell = cells[at].strip(" ")  # a line end is no part of a cell that has a form
            if (always and not cell) or (cell and not re.fullmatch(form, cell)):
                return False
            shown += bool(cell)
    return shown > 0


def _torn(suspect: _Suspect, below: _Below, places: pl.DataFrame) -> range:
    """Return the numbers of the records up to where both readings begin one on the same line.

    Where they never do, these are all records that were looked at.
    """
    starts, index = places["line_no"], suspect.number
    for at, _, _ in below:
        if at > suspect.ends:
            line = suspect.line + at
            index = int(starts.search_sorted(line))
            if index < len(starts) and starts[index] == line:
                break
    else:
        index = max(index, int(starts.search_sorted(suspect.line + below[-1][0], "right")))
    return range(suspect.number, index + 1)


class _Forms:
    """How the cells of each column look, where they look alike."""

    def __init__(self, records: pl.LazyFrame, usual: int):
        names = [f"c{place}" for place in range(usual)]
        proper = (pl.col("width") == usual) & pl.col("fault").is_null()
        self._cells = records.head(_SAMPLE).filter(proper).select(names)
        self.first = _form(self._cells.select("c0").collect().to_series())

    @cached_property
    def all(self) -> dict[int, tuple[str, bool]]:
        """Return the forms of the columns that have one, by place, and if all cells are filled."""
        found = {}
        for place, column in enumerate(self._cells.collect()):
            form = _form(column)
            if form:
                found[place] = form, bool((column.str.strip_chars() != "").mean() == 1)
        return found


def _form(column: pl.Series) -> str:
    """Return how the cells of a column look, or nothing where they do not look alike."""
    cells = column.str.strip_chars()
    filled = cells.filter(cells != "")
    for form in _FORMS if len(filled) > 0.5 * len(cells) else ():
        fits = int(filled.str.contains(f"^(?:{form})$").sum())
        if fits > 1 and fits >= 0.95 * len(filled) - 3:  # not the header, nor what is torn
            return form
    return ""


def _suspects(
    batch: pl.DataFrame, dialect: Dialect, width: int, usual: int, form: str
) -> Iterator[_Suspect]:
    """Yield the records whose first line alone is a whole record.

    Where the first column has a form, the second line has to begin with a cell of it.
    """
    batch = batch.filter(pl.col("fault").is_null())
    names = [f"c{place}" for place in range(width)]
    breaks = batch.select(pl.col(names).str.contains(r"[\r\n]").any()).row(0)
    held = [place for place, found in enumerate(breaks) if found]
    if not held:
        return
    several = [pl.col(names[place]).str.contains(r"[\r\n]").fill_null(False) for place in held]
    suspect, at = pl.lit(False), pl.lit(0)
    for place, here in zip(reversed(held), reversed(several), strict=True):
        cell = pl.col(names[place])
        first = cell.str.extract(r"^([^\r\n]*)", 1)
        whole = first.str.count_matches(dialect.delimiter, literal=True) == usual - 1 - place
        if form:
            second = cell.str.extract(r"^[^\r\n]*(?:\r\n|\r|\n)([^\r\n]*)", 1)
            begins = second.str.split(dialect.delimiter).list.first().str.strip_chars()
            whole &= (begins == "") | begins.str.contains(f"^(?:{form})")
        suspect = pl.when(here).then(whole).otherwise(suspect)
        at = pl.when(here).then(place).otherwise(at)
    ends = [pl.col(names[place]).str.count_matches(r"\r\n|\r|\n").fill_null(0) for place in held]
    found = batch.filter(suspect)
    told = found.select("record_no", "line_no", pl.sum_horizontal(ends), at.alias("place"))
    yield from (_Suspect(*row) for row in told.iter_rows())


class _Lines:
    """The lines of a file, once from front to back."""

    def __init__(self, raw: Path, dialect: Dialect):
        self._dialect = dialect
        self._lines = delimited.lines(raw, dialect.encoding)
        self._ahead: deque[str] = deque()
        self._next = 1

    def below(self, line: int, ends: int) -> _Below:
        """Return the records that the lines below a line hold, a good few of them."""
        while self._next <= line:
            if self._ahead:
                self._ahead.popleft()
            else:
                next(self._lines)
            self._next += 1
        self._ahead.extend(islice(self._lines, max(ends + _BEYOND - len(self._ahead), 0)))
        found = delimited.records(iter(self._ahead), self._dialect)
        return [(at, cells, fault) for at, text, cells, fault in found if text.strip()]
