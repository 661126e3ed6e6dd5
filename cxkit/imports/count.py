"""How many records does a file hold? Counted from the bytes, apart from the readers.

A second opinion: nothing here is shared with `delimited`, `tree` or `sheet`, and where the two
counts differ the file is not published.
"""

import codecs
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import duckdb

from cxkit.imports.inbox import heard, open_bytes

# What a quoted cell may hold; see the rule in `delimited`.
_MOST_LINES = 10_000
_MOST_BYTES = 8 << 20


def delimited(path: Path, encoding: str, delimiter: str, quote: str = '"', escape: str = "") -> int:
    """Count the records of delimited text, blank lines and headers included.

    Between quotes line ends are counted, inside quotes they are not. Where each quote of a block
    stands at the edge of a cell, its parity says which is which; else a state machine jumps from
    quote to quote, and a quoted cell that never closes gives its record's first line back.
    """
    rule = _Rule(delimiter.encode(), quote.encode(), escape.encode())
    blocks = _utf8(path, encoding)
    data, total = b"", 0
    while (block := next(blocks, None)) is not None:
        data += block
        done, count = rule.by_parity(data) or rule.count(data, ended=False)
        data, total = data[done:], total + count
    return total + rule.count(data, ended=True)[1]


class _Rule:
    """Counts the records of a stretch of text that begins with one."""

    def __init__(self, mark: bytes, quote: bytes, escape: bytes):
        self._mark, self._quote, self._escape = mark, quote, escape
        before = rb"(?:\A|[\r\n]|" + re.escape(mark) + rb")"
        self._opening = re.compile(before + quote)
        self._pair = re.compile(rb"\\[\\" + quote + rb"]|" + quote + quote + rb"?")
        edge = rb"[^\r\n" + re.escape(mark + quote) + rb"]"
        # begins with the quote, which is quick to search for
        self._misplaced = re.compile(quote + rb"(?:(?<=" + edge + quote + rb")|(?=" + edge + rb"))")
        self._line_end = re.compile(rb"\r\n|\r|\n")

    def by_parity(self, data: bytes) -> tuple[int, int] | None:
        """Do as `count` does, where every quote opens or closes a cell; else None."""
        if self._escape or len(self._mark) > 1:
            return None
        if data.endswith(b"\r"):
            data = data[:-1]  # a line feed may follow
        parts = data.split(self._quote)
        outside = parts[0::2]
        while outside and b"\n" not in outside[-1] and b"\r" not in outside[-1]:
            outside.pop()  # of the record that the block cuts
        if not outside:
            return None
        inside = parts[1 : 2 * len(outside) - 2 : 2]
        last = outside[-1]
        outside[-1] = last[: max(last.rfind(b"\n"), last.rfind(b"\r")) + 1]
        text = self._quote.join(outside)
        within = self._quote.join(inside)
        if self._misplaced.search(text) or _line_ends(within, 0, len(within)) > _MOST_LINES:
            return None
        # every part but the first stands behind a quote
        done = len(text) + sum(map(len, inside)) + len(inside)
        return (done, _line_ends(text, 0, len(text))) if done <= _MOST_BYTES else None

    def count(self, data: bytes, ended: bool) -> tuple[int, int]:
        """Return where the last whole record ends, and how many there are up to there."""
        size = len(data)
        if not ended and data.endswith(b"\r"):
            size -= 1  # a line feed may follow
        at = record = count = 0  # up to `at` all is seen; the record at `at` began at `record`
        while True:
            # step back, so that the delimiter or line end before a quote is seen
            found = self._opening.search(data, max(at - len(self._mark), 0), size)
            while found and found.end() - 1 < at:
                found = self._opening.search(data, found.start() + 1, size)
            quote = found.end() - 1 if found else size
            ends = _line_ends(data, at, quote)
            if ends:
                count += ends
                record = max(data.rfind(b"\n", at, quote), data.rfind(b"\r", at, quote)) + 1
            if found is None:
                break
            close = self._closing(data, quote + 1, size, ended)
            if close is None:
                break
            if close >= 0:
                at = close + 1
                continue
            first = self._line_end.search(data, record, size)
            if first is None:
                break
            count += 1
            at = record = first.end()
        if not ended:
            return record, count
        return size, count + (record < size)

    def _closing(self, data: bytes, start: int, size: int, ended: bool) -> int | None:
        """Return where a quoted cell closes, -1 where it does not as it should, None if unclear."""
        at = self._first_single(data, start, size)
        unclear = at < 0 or at + 1 + len(self._mark) > size
        if unclear and not ended:
            over = size - start > _MOST_BYTES or _line_ends(data, start, size) > _MOST_LINES
            return -1 if over else None
        if at < 0 or at - start > _MOST_BYTES:
            return -1
        fits = data[at + 1 : at + 2] in (b"", b"\r", b"\n") or data.startswith(self._mark, at + 1)
        return at if fits and _line_ends(data, start, at) <= _MOST_LINES else -1

    def _first_single(self, data: bytes, start: int, size: int) -> int:
        """Return the first quote that stands for no text, or -1."""
        if self._escape:
            quotes = self._pair.finditer(data, start, size)
            return next((m.start() for m in quotes if len(m[0]) == 1), -1)
        at = data.find(self._quote, start, size)
        while at >= 0 and data.startswith(self._quote * 2, at):
            at = data.find(self._quote, at + 2, size)
        return at


def _line_ends(data: bytes, start: int, end: int) -> int:
    feeds = data.count(b"\n", start, end)
    returns = data.count(b"\r", start, end)
    return feeds + returns - data.count(b"\r\n", start, end)


def _utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """Yield the text as UTF-8 whatever it was, without its byte order mark."""
    codec = encoding.partition("+")[0]
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    plain = codec in ("utf-8", "cp1252")  # whose ASCII is ASCII
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            if plain and block.isascii() and not decoder.getstate()[0]:
                yield block
            else:
                yield decoder.decode(block).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def json_lines(path: Path, encoding: str) -> int:
    """Count the lines of a file with one JSON value a line, blank lines included."""
    count, last = 0, b"\n"
    for block in _utf8(path, encoding):
        count += block.count(b"\n")
        last = block[-1:] or last
    return count + (last != b"\n")


def json_items(path: Path, encoding: str, key: str | None) -> int:
    """Count the items of a JSON array: the whole file, or the array under `key` of its object."""
    depth, count, filled = 0, 0, False
    inside = key is None
    level = 1 if key is None else 2
    name = b"" if key is None else json.dumps(key, ensure_ascii=False).encode()
    last = b""
    for text in _tokens(path, encoding):
        if text in (b"[", b"{"):
            if inside and depth == level:
                filled = True
            depth += 1
            if key is not None and depth == 2 and text == b"[" and last == name:
                inside, count, filled = True, 0, False
        elif text in (b"]", b"}"):
            if inside and depth == level:
                count += filled
                inside = False
            depth -= 1
        elif inside and depth == level:
            if text == b",":
                count += 1
                filled = False
            else:
                filled = True
        if text != b":":
            last = text
    return count


def xes(path: Path) -> int:
    """Count the events of an XES log: its opening tags, outside comments and attributes."""
    with open_bytes(path) as file:
        data = file.read()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16").encode()
    bare = re.sub(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|\"[^\"]*\"|'[^']*'", b"", data, flags=re.DOTALL)
    return len(re.findall(rb"<(?:\w+:)?event[\s/>]", bare))


def _tokens(path: Path, encoding: str) -> Iterator[bytes]:
    """Yield the tokens of JSON; one that reaches the end of a block waits for the next."""
    token = re.compile(
        rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL
    )
    data = b""
    for block in _utf8(path, encoding):
        data, rest = data + block, b""
        for found in token.finditer(data):
            if found.end() == len(data):
                rest = found[0]
            else:
                yield found[0]
        data = rest
    yield from (found[0] for found in token.finditer(data))


def parquet(path: Path) -> int:
    """Count the rows that a Parquet file's own footer states."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        found = connection.execute(
            "select sum(num_rows)::bigint from parquet_file_metadata([?])", [str(path)]
        ).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def sheet(path: Path, name: str) -> int:
    """Count the rows of a sheet that hold anything, from the XML of the workbook."""
    with heard(path) as book, zipfile.ZipFile(book) as archive:
        shared = _shared_texts(archive)
        with archive.open(_sheet_part(archive, name)) as file:
            count = 0
            for _, row in ElementTree.iterparse(file):
                if row.tag == f"{_SHEET}row":
                    count += any(_filled(cell, shared) for cell in row.iter(f"{_SHEET}c"))
                    row.clear()
    return count


def _sheet_part(archive: zipfile.ZipFile, name: str) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    link = next(s.get(_LINK) for s in book.iter(f"{_SHEET}sheet") if s.get("name") == name)
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(item.get("Target", "") for item in links if item.get("Id") == link)
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _shared_texts(archive: zipfile.ZipFile) -> list[bool]:
    """Return for each shared text whether it holds anything."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    return [any(t.text for t in item.iter(f"{_SHEET}t")) for item in root.iter(f"{_SHEET}si")]


def _filled(cell: ElementTree.Element, shared: list[bool]) -> bool:
    value = cell.findtext(f"{_SHEET}v") or ""
    if cell.get("t") == "s":
        return bool(value) and shared[int(value)]
    if cell.get("t") == "inlineStr":
        return any(t.text for t in cell.iter(f"{_SHEET}t"))
    return bool(value)
