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

from cxkit.imports.inbox import open_bytes

_MOST_LINES = 10_000  # line ends that a quoted cell may hold; see the rule in `delimited`


def delimited(path: Path, encoding: str, delimiter: str) -> int:
    """Count the records of delimited text, blank lines and headers included.

    A state machine that jumps from quote to quote: between quotes line ends are counted, inside
    quotes they are not. A quoted cell that never closes gives its record's first line back.
    """
    data = b"".join(_utf8(path, encoding))
    mark = delimiter.encode()
    opening = re.compile(rb"(?:\A|[\r\n]|" + re.escape(mark) + rb')"')
    line_end = re.compile(rb"\r\n|\r|\n")
    size, count = len(data), 0
    at = 0  # everything before is counted
    record = 0  # where the record at `at` began
    while True:
        # step back one byte, so that the delimiter or line end before a quote is seen
        found = opening.search(data, max(at - 1, 0))
        quote = found.end() - 1 if found else size
        ends = _line_ends(data, at, quote)
        if ends:
            count += ends
            record = max(data.rfind(b"\n", at, quote), data.rfind(b"\r", at, quote)) + 1
        if found is None:
            break
        close = _closing(data, quote + 1, mark)
        if close is None:
            first = line_end.search(data, record)
            if first is None:
                break
            count += 1
            at = record = first.end()
        else:
            at = close + 1
    return count + (1 if record < size else 0)


def _line_ends(data: bytes, start: int, end: int) -> int:
    feeds = data.count(b"\n", start, end)
    returns = data.count(b"\r", start, end)
    return feeds + returns - data.count(b"\r\n", start, end)


def _closing(data: bytes, start: int, mark: bytes) -> int | None:
    """Return where a quoted cell closes, or None where it does not close as it should."""
    at = data.find(b'"', start)
    while at >= 0:
        following = data[at + 1 : at + 2]
        if following == b'"':
            at = data.find(b'"', at + 2)
            continue
        fits = following in (b"", b"\r", b"\n") or data.startswith(mark, at + 1)
        return at if fits and _line_ends(data, start, at) <= _MOST_LINES else None
    return None


def _utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """Yield the text as UTF-8 whatever it was, without its byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def json_lines(path: Path, encoding: str) -> int:
    """Count the lines of a file with one JSON value a line, blank lines included."""
    data = b"".join(_utf8(path, encoding))
    return data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0)


def json_items(path: Path, encoding: str, key: str | None) -> int:
    """Count the items of a JSON array: the whole file, or the array under `key` of its object."""
    depth, count, filled = 0, 0, False
    inside = key is None
    level = 1 if key is None else 2
    name = b"" if key is None else json.dumps(key, ensure_ascii=False).encode()
    token = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
    last = b""
    for found in token.finditer(b"".join(_utf8(path, encoding))):
        text = found[0]
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
    with zipfile.ZipFile(path) as archive:
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
