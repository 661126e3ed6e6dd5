"""The reader for JSON: one object a line, an array of objects, or an object that holds one.

Nested objects become dotted names (`properties.time`); numbers keep the digits they were written
with, so long ids survive.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxkit.errors import BadFile
from cxkit.imports.delimited import lines, utf8

# line, text as it stood, the object flattened (None: not one), what is wrong with it
Item = tuple[int, str, dict[str, str | None] | None, str | None]


_LARGEST = 64 << 20  # characters of one record, or of a file that can only be read whole
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Shape:
    """How a JSON file holds its records: "lines", or "items" of an array, perhaps under a `key`."""

    kind: str
    key: str | None = None


def shape_of(path: Path, encoding: str) -> Shape:
    """Return how the file holds its records."""
    if next(filter(None, (text.lstrip() for text in _texts(path, encoding))), "")[:1] == "[":
        return Shape("items")
    filled = (line for line in lines(path, encoding) if line.strip())
    first = _object(next(filled, ""))
    if first is not None and next(filled, None) is not None:
        return Shape("lines")
    whole = _whole(path, encoding) if first is None else first
    tables = {
        key: len(value)
        for key, value in whole.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    }
    if first is not None and not tables:
        return Shape("lines")  # one line, one record
    if not tables:
        raise BadFile("It is JSON without a list of records. Export the table itself as CSV.")
    return Shape("items", max(tables, key=lambda key: tables[key]))


def items(path: Path, encoding: str, shape: Shape) -> Iterator[Item]:
    """Yield the records of the file."""
    if shape.kind == "lines":
        for number, line in enumerate(lines(path, encoding), 1):
            value = _object(line) if line.strip() else {}
            fault = None if value is not None else "not JSON"
            yield number, line, None if value is None else flat(value), fault
        return
    found = _array(path, encoding) if shape.key is None else _whole(path, encoding)[shape.key]
    for number, value in enumerate(found, 1):
        raw = json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            yield number, raw, flat(value), None
        else:
            yield number, raw, None, "not a record"


def _texts(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in utf8(path, encoding):
        yield decoder.decode(block)


def _array(path: Path, encoding: str) -> Iterator[Any]:
    """Yield the items of an array, however long, holding a few of them at a time."""
    texts = _texts(path, encoding)
    text, at, line, ended = "", 0, 1, False
    due = "["  # what has to come next: the array, an item or its end, or what stands between two

    def more() -> None:
        """Drop what is read, and at least double what is not."""
        nonlocal text, at, line, ended
        line += text.count("\n", 0, at)
        held, size, wanted = [text[at:]], 0, max(len(text) - at, 1)
        while size < wanted and not ended:
            block = next(texts, None)
            ended = block is None
            held.append(block or "")
            size += len(held[-1])
        text, at = "".join(held), 0
        if len(text) > _LARGEST and not ended:
            raise BadFile("One record of it is too long for a table. Export it as CSV.")

    while True:
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
        if at == len(text):
            if ended:
                break
            more()
            continue
        if due == "end":
            break
        if due == "[" and text[at] == "[":
            due, at = "first", at + 1
        elif due in ("first", "next") and text[at] == "]":
            due, at = "end", at + 1
        elif due == "next" and text[at] == ",":
            due, at = "item", at + 1
        elif due in ("first", "item"):
            try:
                value, end = _DECODER.raw_decode(text, at)
            except RecursionError:
                raise _too_deep() from None
            except ValueError:
                if ended:
                    break
                more()
                continue
            if end == len(text) and not ended:
                more()  # a number may go on
                continue
            yield value
            due, at = "next", end
        else:
            break
    if due != "end" or at < len(text):
        raise _misspelt(line + text.count("\n", 0, at))


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(path: Path, encoding: str) -> Any:
    held, size = [], 0
    for text in _texts(path, encoding):
        held.append(text)
        size += len(text)
        if size > _LARGEST:
            raise BadFile(
                f"It is one JSON object of more than {_LARGEST >> 20} MB. "
                "Export it as JSON lines or CSV."
            )
    text = "".join(held)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as problem:
        raise _misspelt(problem.lineno) from None
    except (ValueError, RecursionError):
        raise _too_deep() from None


def _misspelt(line: int) -> BadFile:
    return BadFile(
        f"It is not valid JSON: line {line:,} breaks off or is misspelt. Download it again."
    )


def _too_deep() -> BadFile:
    return BadFile("It is JSON nested too deeply to be a table. Export it as CSV.")


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
    """Flatten nested objects into dotted names and texts.

    >>> flat({"event": "paid", "properties": {"time": "17", "tags": ["a", "b"]}})
    {'event': 'paid', 'properties.time': '17', 'properties.tags': 'a; b'}
    """
    row: dict[str, str | None] = {}
    for name, item in value.items():
        if isinstance(item, str):
            row[prefix + name] = _clean(item)
        elif isinstance(item, dict) and item:
            row.update(flat(item, f"{prefix}{name}."))
        else:
            row[prefix + name] = _text(item)
    return row


def _text(item: Any) -> str | None:
    if item is None or item in ([], {}):
        return None
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, list) and not any(isinstance(part, dict | list) for part in item):
        return "; ".join(_text(part) or "" for part in item)
    return _clean(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False))


def _clean(text: str) -> str:
    """Replace half characters, which JSON can hold and text cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
