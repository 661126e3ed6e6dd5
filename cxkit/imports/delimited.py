"""The record reader for delimited text: what are the records, their lines and their cells?

The rule of a record, which `count` follows on its own from the bytes:
- a line ends at LF, CR LF or CR; outside quotes it ends the record;
- a quote opens a quoted cell only at the very start of a cell; inside, two quotes are one, and
  where the file escapes with backslashes, a backslash makes the next quote or backslash text;
- a quoted cell must close before a delimiter or a line end, within LONGEST_CELL lines and
  LARGEST_CELL bytes. One that does not was never closed: its record ends with its first line, and
  reading goes on after it, so an open quote costs one record and changes no other.

`records` is the rule itself. `pieces` cuts a file into stretches of records that keep the rule
without a fault, which faster readers may take, and single records that need `records`.
"""

import codecs
import csv
import io
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cxkit.errors import BadFile
from cxkit.imports.inbox import open_bytes, wide_without_mark

DELIMITERS = (",", ";", "\t", "|")
_RARE = (" ", "^", "~", "\x1f", "\x01", "::")  # taken where none of the usual ones cuts anything
_LONGER = {",": ", ", ";": "; ", "|": "||"}
LONGEST_CELL = 10_000  # line ends inside one quoted cell
LARGEST_CELL = 8 << 20  # bytes of UTF-8 inside one quoted cell
_LARGEST_RECORD = 64 << 20
_PIECE = 2 << 20
_HEAD, _WINDOW, _WINDOWS = 1 << 18, 1 << 15, 48  # the sample that decides the dialect
_MIXED = "+cp1252"
_VALUE = re.compile(r"[-+(]?[\d.,:/ -]+\)?%?|\d{4}-\d{2}-\d{2}.*")

# line, text as it stood, cells, what is wrong with it (None: nothing)
Record = tuple[int, str, list[str], str | None]


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written."""

    encoding: str
    delimiter: str
    quote: str = '"'
    escape: str = ""  # a backslash, or nothing: quotes inside quotes are doubled

    @property
    def plain(self) -> bool:
        """Whether `pieces` can cut it: one ASCII character cuts, and quotes are doubled."""
        single = len(self.delimiter) == 1 and self.delimiter.isascii()
        return single and not self.escape and self.delimiter != self.quote


# -- encoding --------------------------------------------------------------------------------------


def _read_as_windows(problem: UnicodeError) -> tuple[str, int]:
    """Read the bytes that break a text's encoding as Windows-1252, the usual intruder."""
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    broken = problem.object[problem.start : problem.end]
    if problem.encoding.startswith("utf-16"):
        return "\N{REPLACEMENT CHARACTER}", problem.end
    read = (bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in broken)
    return "".join(read), problem.end


codecs.register_error("cxkit.windows", _read_as_windows)


def encoding_of(path: Path) -> str:
    """Return the codec of a text file, from all of its bytes.

    A byte order mark decides, then UTF-16 by its zeros, then strict UTF-8, then Windows-1252. A
    file of UTF-8 with a few bytes that are none is `utf-8+cp1252`: those bytes alone are read as
    Windows-1252.
    """
    with open_bytes(path) as file:
        head = file.read(1 << 16)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    wide = wide_without_mark(head)
    if wide:
        return wide
    letters, broken = _utf8_letters(path)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig" + _MIXED * bool(broken)
    if not broken:
        return "utf-8"
    return "utf-8" + _MIXED if letters > 4 * broken else "cp1252"


def _utf8_letters(path: Path) -> tuple[int, int]:
    """Count the characters beyond ASCII that are proper UTF-8, and the bytes that are not."""
    broken = 0

    def note(problem: UnicodeError) -> tuple[str, int]:
        nonlocal broken
        assert isinstance(problem, UnicodeDecodeError)
        broken += problem.end - problem.start
        return "", problem.end

    codecs.register_error("cxkit.count", note)
    decoder = codecs.getincrementaldecoder("utf-8")("cxkit.count")
    letters = 0
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            if not block.isascii() or decoder.getstate()[0]:
                text = decoder.decode(block)
                letters += 0 if text.isascii() else len(text.encode()) - len(text)
        decoder.decode(b"", final=True)
    return letters, broken


def codec_of(encoding: str) -> str:
    """Return the name that Python knows an encoding by."""
    return encoding.removesuffix(_MIXED)


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a text file with their ends, whatever mixture of ends there is.

    Raises BadFile where a line is too long to be one of a table.
    """
    with open_bytes(path) as file:
        text = io.TextIOWrapper(file, codec_of(encoding), "cxkit.windows", newline="")
        number = 1
        while line := text.readline(_LARGEST_RECORD):
            if len(line) >= _LARGEST_RECORD:
                raise _too_long(number)
            yield line
            number += 1


def _too_long(line: int) -> BadFile:
    return BadFile(
        f"Line {line:,} is longer than {_LARGEST_RECORD >> 20} MB, so it is no table. "
        "Export it again as CSV."
    )


def utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """Yield the text of a file in blocks of UTF-8, without its byte order mark."""
    with open_bytes(path) as file:
        if encoding in ("utf-8", "utf-8-sig"):  # proved by `encoding_of`
            file.read(3 if encoding == "utf-8-sig" else 0)
            while block := file.read(1 << 20):
                yield block
            return
        decoder = codecs.getincrementaldecoder(codec_of(encoding))("cxkit.windows")
        while block := file.read(1 << 20):
            yield decoder.decode(block).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")


# -- dialect ---------------------------------------------------------------------------------------


def dialect_of(path: Path, encoding: str) -> Dialect:
    """Return how the file is written: the delimiter, quote and escape that cut it most evenly.

    The widths of records are taken at its start and in windows all over the file.
    """
    windows = _windows(path, encoding)
    plain = Dialect(encoding, ",")
    if not windows:
        return plain
    framed = _framed(windows[0], plain)
    if framed:
        return _evenest(windows, [framed])[0]
    hint = re.match(r'"?sep=(.)"?[\r\n]', windows[0], re.IGNORECASE)
    usual = [replace(plain, delimiter=mark) for mark in ((hint[1],) if hint else DELIMITERS)]
    best, score = _evenest(windows, usual)
    if score < 0.25 and not hint:
        rare, rare_score = _evenest(windows, [replace(plain, delimiter=mark) for mark in _RARE])
        widths = _widths(windows, rare)
        # two columns by a space may be a date and its time
        if rare_score > 0.35 and max(widths, key=lambda width: widths[width]) > 2:
            best, score = rare, rare_score
    longer = _LONGER.get(best.delimiter)
    if longer and not hint and _cuts_alike(windows, best, longer):
        best = replace(best, delimiter=longer)
    return best


def _framed(text: str, plain: Dialect) -> Dialect | None:
    """Return the dialect that a line proves whose cells are all quoted, if one of the first is."""
    for line in re.findall(r"[^\r\n]+", text[:_WINDOW])[:5]:
        for quote in ('"', "'"):
            cell = rf"{quote}[^{quote}]*+{quote}"
            for mark in (*DELIMITERS, *_RARE, *_LONGER.values()):
                if re.fullmatch(rf"{cell}(?:{re.escape(mark)}{cell})+", line):
                    return replace(plain, delimiter=mark, quote=quote)
    return None


def _windows(path: Path, encoding: str) -> list[str]:
    """Return the head of a text, and whole lines from windows spread over the rest of it."""
    head = bytearray()
    kept: list[bytes] = []
    stride = place = 1
    for block in utf8(path, encoding):
        if len(head) < _HEAD:
            head += block  # a file of one block is looked at whole
            continue
        if place % stride == 0:
            kept.append(block[:_WINDOW])
            if len(kept) > _WINDOWS:
                kept, stride = kept[1::2], stride * 2
        place += 1
    if kept:
        del head[max(head.rfind(b"\n", 0, _HEAD), head.rfind(b"\r", 0, _HEAD), 0) + 1 :]
    texts = [head.decode("utf-8", "ignore")]
    for part in kept:
        whole = re.search(rb"[\r\n]+(.*[\r\n])", part, re.DOTALL)
        if whole:
            texts.append(whole[1].decode("utf-8", "ignore"))
    return [text for text in texts if text.strip()]


def _evenest(windows: Sequence[str], dialects: Sequence[Dialect]) -> tuple[Dialect, float]:
    """Return the dialect with the best score; the first of equals."""
    best, most = dialects[0], -1.0
    for dialect in dialects:
        for tried in _quotings(windows, dialect):
            score = _evenness(_widths(windows, tried))
            # another way of quoting has to show in the widths, not by a hair
            margin = 0.0 if tried == dialect else 1e-9 if tried.quote == dialect.quote else 0.01
            if score > most + margin:
                best, most = tried, score
    if best.quote == '"' and not best.escape and _in_apostrophes(windows, best):
        best, most = replace(best, quote="'"), -1.0
        for tried in (best, replace(best, escape="\\")):
            score = _evenness(_widths(windows, tried))
            if score > most + 1e-9:
                best, most = tried, score
    return best, most


def _quotings(windows: Sequence[str], dialect: Dialect) -> Iterator[Dialect]:
    """Yield the ways of quoting that a sample gives reason to try."""
    yield dialect
    mark = re.escape(dialect.delimiter)
    for quote in dict.fromkeys((dialect.quote, "'")):
        if quote != dialect.quote:
            around = rf"(?:^|[\r\n]|{mark}){quote}([^{quote}]*+){quote}(?=[\r\n]|{mark}|$)"
            cells = [cell for text in windows for cell in re.findall(around, text)]
            if len(cells) < 2 and not any(cell.splitlines() == [cell] for cell in cells):
                continue  # two apostrophes some lines apart are no reason
            yield replace(dialect, quote=quote)
        if any(f"\\{quote}" in text for text in windows):
            yield replace(dialect, quote=quote, escape="\\")


def _widths(windows: Sequence[str], dialect: Dialect) -> Counter[int]:
    """Count the records by their number of cells; broken ones as -1."""
    widths: Counter[int] = Counter()
    for text in windows:
        for _, raw, cells, fault in records(io.StringIO(text, newline=""), dialect):
            if raw.strip():
                widths[-1 if fault else len(cells)] += 1
    return widths


def _evenness(widths: Counter[int]) -> float:
    """Score a dialect: many cells, and the same number of them in every record."""
    total = sum(widths.values())
    if not total:
        return 0.0
    kinds = math.exp(-sum(n / total * math.log(n / total) for n in widths.values()))
    cut = sum(n * (width - 1) / width for width, n in widths.items() if width > 0)
    return cut / total / kinds


def _cuts_alike(windows: Sequence[str], dialect: Dialect, longer: str) -> bool:
    """Whether a longer delimiter makes the same cuts, so that its other half is no text."""
    short, long = _widths(windows, dialect), _widths(windows, replace(dialect, delimiter=longer))
    if max(long, default=0) < 2 or -1 in long or sum(long.values()) < 2:
        return False
    doubled = longer == dialect.delimiter * 2
    return long == Counter({(w + 1) // 2 if doubled else w: n for w, n in short.items()})


def _in_apostrophes(windows: Sequence[str], dialect: Dialect) -> bool:
    """Whether apostrophes stand around cells as quotes do: all of the header, or most cells."""
    text = windows[0]
    if f"{dialect.delimiter}'" not in text and not text.startswith("'"):
        return False
    some = [c for _, _, c, _ in records(io.StringIO(text[:_HEAD], newline=""), dialect)]
    filled = [[cell for cell in row if cell] for row in some]

    def around(cell: str) -> bool:
        return len(cell) > 1 and cell[0] == cell[-1] == "'"

    rows = [row for row in filled if row]
    cells = [cell for row in rows for cell in row]
    wrapped = sum(map(around, cells))
    opened = sum(cell[0] == "'" for cell in cells)
    if not rows or opened - wrapped > 0.1 * wrapped:
        return False
    header = len(rows[0]) > 1 and all(map(around, rows[0]))
    return (header and len(rows) > 1) or wrapped > 0.5 * len(cells) > 1


# -- records ---------------------------------------------------------------------------------------


def records(source: Iterable[str], dialect: Dialect) -> Iterator[Record]:
    """Yield the records of `source`, a series of lines with their ends."""
    numbered = enumerate(source, 1)
    given_back: deque[tuple[int, str]] = deque()
    delimiter, quote = dialect.delimiter, dialect.quote

    def take() -> tuple[int, str] | None:
        return given_back.popleft() if given_back else next(numbered, None)

    while (item := take()) is not None:
        number, line = item
        body = line.rstrip("\r\n")
        if quote not in body:
            yield number, line, body.split(delimiter), None
            continue
        cells = _one_line(body, dialect)
        if cells is not None:
            yield number, line, cells, None
            continue
        taken = [item]
        cut = _many_lines(line, dialect, take, taken)
        if isinstance(cut, list):
            yield number, "".join(text for _, text in taken), cut, None
            continue
        given_back.extendleft(reversed(taken[1:]))
        fault = cut if len(taken) == 1 else "open quote"
        yield number, line, _as_it_stands(body, dialect), fault


def _one_line(body: str, dialect: Dialect) -> list[str] | None:
    """Cut a record that ends with its line; None where a quote is open or stray."""
    if len(dialect.delimiter) > 1 or dialect.escape:
        return None
    try:
        return next(
            csv.reader((body,), delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
        )
    except csv.Error:
        return None


def _many_lines(
    text: str,
    dialect: Dialect,
    take: Callable[[], tuple[int, str] | None],
    taken: list[tuple[int, str]],
) -> list[str] | str:
    """Cut a record from `text` on, taking further lines while a quote is open.

    Returns the name of the fault where that does not end well.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    cells: list[str] = []
    start = 0
    while True:
        if not text.startswith(quote, start):
            end = text.find(delimiter, start)
            if end < 0:
                cells.append(text[start:].rstrip("\r\n"))
                return cells
            cells.append(text[start:end])
            start = end + len(delimiter)
            continue
        held, at, size = [], start + 1, 0
        while True:
            close = _close(text, at, dialect)
            held.append(text[at:close] if close is not None else text[at:])
            size += len(held[-1].encode("utf-8", "replace"))
            if size > LARGEST_CELL:
                return "open quote"
            if close is not None:
                break
            following = take() if len(held) <= LONGEST_CELL else None
            if following is None:
                return "open quote"
            taken.append(following)
            text, at = following[1], 0
        cells.append(_unquoted("".join(held), dialect))
        if text.startswith(delimiter, close + 1):
            start = close + 1 + len(delimiter)
        elif text[close + 1 : close + 2] in ("", "\r", "\n"):
            return cells
        else:
            return "stray quote"


def _close(text: str, start: int, dialect: Dialect) -> int | None:
    """Return where the quote closes that was opened before `start`; doubled quotes are text."""
    if dialect.escape:
        return next(
            (m.start() for m in _escaped(dialect.quote).finditer(text, start) if len(m[0]) == 1),
            None,
        )
    at = text.find(dialect.quote, start)
    while at >= 0 and text.startswith(dialect.quote * 2, at):
        at = text.find(dialect.quote, at + 2)
    return at if at >= 0 else None


@cache
def _escaped(quote: str) -> re.Pattern[str]:
    """Match a quote, or what makes one or a backslash text."""
    return re.compile(rf"\\[\\{quote}]|{quote}{quote}|{quote}")


def _unquoted(text: str, dialect: Dialect) -> str:
    if dialect.escape:
        return _escaped(dialect.quote).sub(lambda found: found[0][-1], text)
    return text.replace(dialect.quote * 2, dialect.quote)


def _as_it_stands(body: str, dialect: Dialect) -> list[str]:
    """Cut a faulty line: a quoted cell ends at a quote before a delimiter, others are literal."""
    quote, mark = dialect.quote, re.escape(dialect.delimiter)
    quoted = re.compile(rf"{quote}((?:[^{quote}]|{quote}(?!{mark}|$))*+){quote}(?={mark}|$)")
    cells, at = [], 0
    while True:
        match = quoted.match(body, at)
        if match:
            cells.append(_unquoted(match[1], dialect))
            end = match.end()
        else:
            end = body.find(dialect.delimiter, at)
            end = len(body) if end < 0 else end
            cells.append(body[at:end])
        at = end + len(dialect.delimiter)
        if end >= len(body):
            return cells


# -- header ----------------------------------------------------------------------------------------


def guess_header(first: Sequence[Sequence[str | None]]) -> int | None:
    """Return the number of the record that looks like a header, or None where none does.

    A header has as many cells as most records have, nearly all different, and no figures. Where
    no record is one, it may be one that leaves the first or the last column without a name.
    """
    widths = Counter(len(cells) for cells in first if len(cells) > 1)
    if not widths:
        widths = Counter(len(cells) for cells in first if cells)
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    for least in (usual, usual - 1) if usual > 2 else (usual,):
        for number, cells in enumerate(first[:30], 1):
            names = [(cell or "").strip() for cell in cells]
            filled = [name for name in names if name]
            if len(names) < max(least, 1) or len(filled) < 0.6 * len(names):
                continue
            if len(set(filled)) < 0.8 * len(filled) or any(_VALUE.fullmatch(n) for n in filled):
                continue
            return number
    return None


# -- pieces ----------------------------------------------------------------------------------------


def pieces(path: Path, dialect: Dialect) -> Iterator[tuple[bool, bytes]]:
    """Yield the text as UTF-8, cut between records: (True, records that keep the rule) or
    (False, one record that may not).

    For dialects that are `plain`. Raises BadFile where a record is too long to be one of a table.
    """
    blocks = utf8(path, dialect.encoding)
    data, ended, line = b"", False, 1
    while True:
        taken = [data]
        size = len(data)
        least = size + 1 if size >= _PIECE else _PIECE
        while not ended and size < least:
            block = next(blocks, None)
            ended = block is None
            taken.append(block or b"")
            size += len(taken[-1])
        data = b"".join(taken)
        if not data:
            return
        at = 0
        while at < len(data):
            end = well_formed(data, at, ended, dialect)
            if end > at:
                yield True, data[at:end]
            else:
                found = _single(data, at, ended, dialect)
                if found is None and len(data) - at < _LARGEST_RECORD:
                    break  # the block ends inside the record
                if found is None:
                    raise _too_long(line + line_ends(data[:at]))
                end = found
                yield False, data[at:end]
            at = end
        line += line_ends(data[:at])
        data = data[at:]


def line_ends(data: bytes) -> int:
    """Count the line ends in a text, inside quotes and outside."""
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def well_formed(data: bytes, at: int, ended: bool, dialect: Dialect) -> int:
    """Return where the records end that keep the rule and whose lines end, from `at` on."""
    limit = len(data)
    if not ended and data.endswith(b"\r"):
        limit -= 1  # half of a CR LF, perhaps
    if data.find(dialect.quote.encode(), at) < 0:
        return max(data.rfind(b"\n", at, limit), data.rfind(b"\r", at, limit), at - 1) + 1
    found = _proper(dialect.delimiter, dialect.quote).match(data, at, limit)
    return found.end() if found else at


def ends_evenly(piece: bytes, dialect: Dialect) -> bool:
    """Whether all records of a well-formed piece end with CR LF, whatever its cells hold."""
    return bool(_proper(dialect.delimiter, dialect.quote, rb"\r\n").fullmatch(piece))


@cache
def _proper(delimiter: str, quote: str, end: bytes = rb"\r\n?|\n") -> re.Pattern[bytes]:
    """Match whole records whose quotes, if any, stand around cells."""
    mark, q = re.escape(delimiter).encode(), quote.encode()
    last = rb"[" + mark + rb"\r\n]"
    before = rb"(?<![^" + mark + rb"\r\n])"
    body = rb"[^" + q + rb"]*+"
    cell = before + q + body + rb"(?:" + q + q + body + rb")*+" + q + rb"(?=" + last + rb")"
    return re.compile(rb"(?:(?:[^" + q + rb"\r\n]++|" + cell + rb")*+(?:" + end + rb"))*+")


def _single(data: bytes, at: int, ended: bool, dialect: Dialect) -> int | None:
    """Return where the record at `at` ends by the rule; None where more text may change that."""
    for size in (1 << 14, 1 << 20, len(data)):
        window = data[at : at + size]
        text = window.decode("utf-8", "ignore")
        source = io.StringIO(text, newline="")
        raw = next(records(source, dialect))[1]
        if source.tell() < len(text) or (ended and at + size >= len(data)):
            return at + len(raw.encode())
    return None
