"""The reader for JSON: one object a line, an array of objects, or an object that holds one.

Nested objects become dotted names (`properties.time`); numbers keep the digits they were written
with, so long ids survive.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxkit.errors import BadFile
from cxkit.imports.delimited import lines

# line, text as it stood, the object flattened (None: not one), what is wrong with it
Item = tuple[int, str, dict[str, str | None] | None, str | None]


@dataclass(frozen=True)
class Shape:
    """How a JSON file holds its records: "lines", or "items" of an array, perhaps under a `key`."""

    kind: str
    key: str | None = None


def shape_of(path: Path, encoding: str) -> Shape:
    """Return how the file holds its records."""
    filled = (line for line in lines(path, encoding) if line.strip())
    first = _object(next(filled, ""))
    if first is not None and next(filled, None) is not None:
        return Shape("lines")
    whole = _whole(path, encoding) if first is None else first
    if isinstance(whole, list):
        return Shape("items")
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
    whole = _whole(path, encoding)
    for number, value in enumerate(whole if shape.key is None else whole[shape.key], 1):
        raw = json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            yield number, raw, flat(value), None
        else:
            yield number, raw, None, "not a record"


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(path: Path, encoding: str) -> Any:
    text = "".join(lines(path, encoding))
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as problem:
        raise BadFile(
            f"It is not valid JSON: line {problem.lineno} breaks off or is misspelt. "
            "Download it again."
        ) from None
    except (ValueError, RecursionError):
        raise BadFile("It is JSON nested too deeply to be a table. Export it as CSV.") from None


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
