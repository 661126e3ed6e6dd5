"""The record reader for delimited text: what are the records, their lines and their cells?

The rule of a record, which `count` follows on its own from the bytes:
- a line ends at LF, CR LF or CR; outside quotes it ends the record;
- a quote opens a quoted cell only at the very start of a cell; inside, two quotes are one;
- a quoted cell must close before a delimiter or a line end, within LONGEST_CELL lines. One that
  does not was never closed: its record ends with its first line, and reading goes on after it,
  so an open quote costs one record and changes no other.
"""

import codecs
import csv
import io
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxkit.imports.inbox import open_bytes, wide_without_mark

QUOTE = '"'
DELIMITERS = (",", ";", "\t", "|")
LONGEST_CELL = 10_000  # lines inside one quoted cell
_SAMPLE = 1 << 18

# line, text as it stood, cells, what is wrong with it (None: nothing)
Record = tuple[int, str, list[str], str | None]


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written."""

    encoding: str
    delimiter: str


def encoding_of(path: Path) -> str:
    """Return the codec of a text file: its byte order mark, strict UTF-8, UTF-16, else cp1252."""
    with open_bytes(path) as file:
        head = file.read(1 << 16)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig" if _decodes(path, "utf-8-sig") else "cp1252"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        wide = wide_without_mark(head)
    if wide:
        return wide
    return next((name for name in ("utf-8", "cp1252") if _decodes(path, name)), "latin-1")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_bytes(path) as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a text file with their ends, whatever mixture of ends there is."""
    with open_bytes(path) as file:
        yield from io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")


def dialect_of(path: Path, encoding: str) -> Dialect:
    """Return how the file is written: the delimiter that cuts it most evenly."""
    sample: list[str] = []
    size = 0
    for line in lines(path, encoding):
        sample.append(line)
        size += len(line)
        if size > _SAMPLE:
            break
    hint = re.fullmatch(r"sep=(.)", sample[0].strip(), re.IGNORECASE) if sample else None
    if hint:
        return Dialect(encoding, hint[1])
    # max keeps the first of equals, so a file of one column is read with commas
    return Dialect(encoding, max(DELIMITERS, key=lambda mark: _evenness(sample, mark)))


def _evenness(sample: list[str], delimiter: str) -> float:
    """Score a delimiter: many cells, and the same number of them in every record."""
    widths = Counter(len(cells) for _, raw, cells, _ in records(sample, delimiter) if raw.strip())
    total = sum(widths.values())
    if not total:
        return 0.0
    kinds = math.exp(-sum(n / total * math.log(n / total) for n in widths.values()))
    cut = sum(n * (width - 1) / width for width, n in widths.items())
    return cut / total / kinds


def records(source: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of `source`, a series of lines with their ends."""
    numbered = enumerate(source, 1)
    given_back: deque[tuple[int, str]] = deque()

    def take() -> tuple[int, str] | None:
        return given_back.popleft() if given_back else next(numbered, None)

    while (item := take()) is not None:
        number, line = item
        body = line.rstrip("\r\n")
        if QUOTE not in body:
            yield number, line, body.split(delimiter), None
            continue
        cells = _one_line(body, delimiter)
        if cells is not None:
            yield number, line, cells, None
            continue
        taken = [item]
        cut = _many_lines(line, delimiter, take, taken)
        if isinstance(cut, list):
            yield number, "".join(text for _, text in taken), cut, None
            continue
        given_back.extendleft(reversed(taken[1:]))
        fault = cut if len(taken) == 1 else "open quote"
        yield number, line, _as_it_stands(body, delimiter), fault


def _one_line(body: str, delimiter: str) -> list[str] | None:
    """Cut a record that ends with its line; None where a quote is open or stray."""
    try:
        return next(csv.reader((body,), delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def _many_lines(
    text: str,
    delimiter: str,
    take: Callable[[], tuple[int, str] | None],
    taken: list[tuple[int, str]],
) -> list[str] | str:
    """Cut a record from `text` on, taking further lines while a quote is open.

    Returns the name of the fault where that does not end well.
    """
    cells: list[str] = []
    start = 0
    while True:
        if not text.startswith(QUOTE, start):
            end = text.find(delimiter, start)
            if end < 0:
                cells.append(text[start:].rstrip("\r\n"))
                return cells
            cells.append(text[start:end])
            start = end + 1
            continue
        held, at = [], start + 1
        while True:
            close = _close(text, at)
            held.append(text[at:close] if close is not None else text[at:])
            if close is not None:
                break
            following = take() if len(held) <= LONGEST_CELL else None
            if following is None:
                return "open quote"
            taken.append(following)
            text, at = following[1], 0
        cells.append("".join(held).replace(QUOTE * 2, QUOTE))
        rest = text[close + 1 : close + 2]
        if rest == delimiter:
            start = close + 2
        elif rest in ("", "\r", "\n"):
            return cells
        else:
            return "stray quote"


def _close(text: str, start: int) -> int | None:
    """Return where the quote closes that was opened before `start`; doubled quotes are text."""
    at = text.find(QUOTE, start)
    while at >= 0 and text.startswith(QUOTE * 2, at):
        at = text.find(QUOTE, at + 2)
    return at if at >= 0 else None


def _as_it_stands(body: str, delimiter: str) -> list[str]:
    """Cut a faulty line: a quoted cell ends at a quote before a delimiter, others are literal."""
    mark = re.escape(delimiter)
    cell = re.compile(rf'"((?:[^"]|"(?!{mark}|$))*)"(?={mark}|$)|([^{mark}]*)')
    cells, at = [], 0
    while True:
        match = cell.match(body, at)
        assert match is not None  # the second branch matches anything
        cells.append(match[1].replace(QUOTE * 2, QUOTE) if match[1] is not None else match[2])
        at = match.end() + 1
        if at > len(body):
            return cells
