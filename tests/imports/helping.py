"""Write exports, import them, and look at what came of it."""

from pathlib import Path
from typing import Any

from cxkit import store
from cxkit.imports import import_exports
from cxkit.result import Result

EVENTS = {"events": {"customer_id": "user", "occurred_at": "at", "event": "event"}}


def write(folder: Path, **files: str | bytes) -> Path:
    """Write files into a folder; `orders_csv=` becomes `orders.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / ".".join(name.rsplit("_", 1))).write_bytes(data)
    return folder


def delimited(table: list[list[str]], mark: str, end: str, quoted: bool) -> str:
    """Write a table as delimited text; cells are quoted where they have to be, or all."""
    lines = []
    for row in table:
        cells = [
            '"' + cell.replace('"', '""') + '"'
            if quoted or any(c in cell for c in f'"\r\n{mark}') or row == [""]
            else cell
            for cell in row
        ]
        lines.append(mark.join(cells) + end)
    return "".join(lines)


def take_in(folder: Path, mapping: Any = None, **files: str | bytes) -> Result:
    """Import files into `folder`/store."""
    exports = write(folder / "exports", **files)
    return import_exports(exports, store=folder / "store", mapping=mapping)


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask the store in `folder`."""
    connection = store.attach(folder / "store")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def account(result: Result, file: str) -> tuple[int, ...]:
    """Return (records, loaded, set_aside, duplicate, skipped) of one file."""
    line = next(row for row in result.table.iter_rows(named=True) if row["file"] == file)
    return tuple(line[n] for n in ("records", "loaded", "set_aside", "duplicate", "skipped"))


def note(result: Result, file: str) -> str:
    """Return what was said about one file."""
    return next(row["note"] for row in result.table.iter_rows(named=True) if row["file"] == file)


def adds_up(result: Result) -> bool:
    """Whether every file's records are accounted for."""
    parts = ("loaded", "set_aside", "duplicate", "skipped")
    return all(
        row["records"] == sum(row[part] for part in parts)
        for row in result.table.iter_rows(named=True)
    )
