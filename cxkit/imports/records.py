"""From a raw file to its records as text: `staged/<sha256>.parquet`, once per file.

Nothing is converted here: cells stay text in columns c0, c1 …, with the record's number, its
line and its wording. `stage` takes and returns plain values, so that a process of its own can run
it; what it learns about a file is kept beside the Parquet file as JSON.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from cxkit.errors import BadFile
from cxkit.imports import count, delimited, tree, xes
from cxkit.imports.inbox import identify, open_bytes
from cxkit.store import sync

_BATCH = 50_000
_SAMPLE = 2_000  # records that decide how many columns there are
_MOST_COLUMNS = 2_000

_FACTS: dict[str, Any] = {
    "record_no": pl.Int64,
    "line_no": pl.Int64,
    "width": pl.Int64,  # cells that the record has
    "fault": pl.String,  # what is wrong with the record itself
    "raw_text": pl.String,  # to the letter; empty where the format has no letters (XLSX, Parquet)
}


@dataclass(frozen=True)
class Staged:
    """What is known about a staged file: everything that its content alone decides."""

    sha256: str
    format: str  # csv, json, xlsx, parquet or xes
    width: int  # columns c0 … in the Parquet file
    read: int  # records that the reader found
    counted: int  # records that the independent counter found
    names: tuple[str, ...] = ()  # where the format names its columns; else a record holds the names
    whole_end: bool = True  # false: the last line has no line end, so it may be cut off
    notices: tuple[str, ...] = ()

    @property
    def cells(self) -> list[str]:
        """The names of the columns in the staged file."""
        return [f"c{i}" for i in range(self.width)]


def stage(raw: Path, out: Path, sha256: str) -> Staged:
    """Write the records of `raw` to `out` as text. Raises BadFile where it holds no table."""
    read = {"csv": _csv, "json": _json, "xlsx": _xlsx, "parquet": _parquet, "xes": _xes}
    kind = identify(raw)
    out.parent.mkdir(parents=True, exist_ok=True)
    passing = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        staged = read[kind](raw, passing, sha256)
        sync(passing)  # what is told of it below must not outlive it
        passing.replace(out)
    finally:
        passing.unlink(missing_ok=True)
    facts = out.with_suffix(f".json.{os.getpid()}.tmp")
    facts.write_text(json.dumps(asdict(staged), ensure_ascii=False), encoding="utf-8")
    facts.replace(out.with_suffix(".json"))
    return staged


def known(out: Path) -> Staged | None:
    """Return what `stage` learnt about a file before, or None where it is not staged."""
    facts = out.with_suffix(".json")
    if not (out.is_file() and facts.is_file()):
        return None
    told = json.loads(facts.read_text(encoding="utf-8"))
    if set(told) != {item.name for item in fields(Staged)}:
        return None  # staged by another version of cxkit
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return Staged(**made)


def _csv(raw: Path, out: Path, sha256: str) -> Staged:
    encoding = delimited.encoding_of(raw)
    dialect = delimited.dialect_of(raw, encoding)
    notices = []
    if encoding in ("cp1252", "latin-1"):
        notices.append("read as Windows-1252 text, because it is not UTF-8")
    rows = delimited.records(delimited.lines(raw, encoding), dialect.delimiter)
    numbered = (
        (number, line, len(cells), fault, text, cells)
        for number, (line, text, cells, fault) in enumerate(rows, 1)
    )
    width, read = _write(out, numbered)
    with open_bytes(raw) as file:
        whole_end = _ends_with_line_end(file, encoding)
    counted = count.delimited(raw, encoding, dialect.delimiter)
    return Staged(sha256, "csv", width, read, counted, (), whole_end, tuple(notices))


def _ends_with_line_end(file: Any, encoding: str) -> bool:
    last = b""
    while block := file.read(1 << 20):
        last = (last + block)[-4:]
    return last.replace(b"\x00", b"").endswith((b"\n", b"\r"))


def _json(raw: Path, out: Path, sha256: str) -> Staged:
    encoding = delimited.encoding_of(raw)
    shape = tree.shape_of(raw, encoding)
    found = list(tree.items(raw, encoding, shape))
    names: dict[str, int] = {}
    for _, _, row, _ in found:
        for name in row or ():
            names.setdefault(name, len(names))
    numbered = (
        (
            number,
            line,
            len(names) if row else 0,
            fault,
            text,
            [row.get(name) for name in names] if row else [],
        )
        for number, (line, text, row, fault) in enumerate(found, 1)
    )
    width, read = _write(out, numbered, width=len(names))
    if shape.kind == "lines":
        counted = count.json_lines(raw, encoding)
    else:
        counted = count.json_items(raw, encoding, shape.key)
    whole_end = shape.kind == "items" or bool(found and found[-1][1].endswith(("\n", "\r")))
    return Staged(sha256, "json", width, read, counted, tuple(names), whole_end)


def _xes(raw: Path, out: Path, sha256: str) -> Staged:
    names: dict[str, int] = {}
    for _, _, row, _ in xes.events(raw):  # read twice, so that memory holds no log
        for name in row or ():
            names.setdefault(name, len(names))
    numbered = (
        (number, line, len(names), None, text, [(row or {}).get(name) for name in names])
        for number, (line, text, row, _) in enumerate(xes.events(raw), 1)
    )
    width, read = _write(out, numbered, width=len(names))
    return Staged(sha256, "xes", width, read, count.xes(raw), tuple(names))


def _xlsx(raw: Path, out: Path, sha256: str) -> Staged:
    import fastexcel

    try:
        book = fastexcel.read_excel(raw)
        sheets = [
            book.load_sheet(i, header_row=None, dtypes="string", skip_rows=0)
            for i in range(len(book.sheet_names))
        ]
    except Exception as problem:  # fastexcel has no common base for what a broken file can raise
        raise BadFile(
            f"Excel cannot have written it: {str(problem).splitlines()[0]}. Save it again as .xlsx."
        ) from None
    seen = [sheet for sheet in sheets if sheet.visible == "visible"]
    tables = [sheet for sheet in seen if sheet.width > 1 and sheet.height > 1] or seen[:1]
    if not tables or not tables[0].width:
        raise BadFile("None of its visible sheets holds a table. Fill one and import again.")
    table, notices = tables[0], []
    if len(sheets) > 1:
        others = ", ".join(f"'{sheet.name}'" for sheet in sheets if sheet is not table)
        notices.append(f"sheet '{table.name}' was read, not {others}")
    rows = table.to_polars().with_row_index("line_no", 1)
    cells = [name for name in rows.columns if name != "line_no"]
    filled = pl.any_horizontal(pl.col(cells).is_not_null() & (pl.col(cells) != ""))
    rows = rows.filter(filled).select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("record_no"),
        pl.col("line_no").cast(pl.Int64),
        pl.lit(len(cells), pl.Int64).alias("width"),
        pl.lit(None, pl.String).alias("fault"),
        pl.lit(None, pl.String).alias("raw_text"),
        *(pl.col(name).cast(pl.String).alias(f"c{i}") for i, name in enumerate(cells)),
    )
    rows.write_parquet(out)
    counted = count.sheet(raw, table.name)
    return Staged(sha256, "xlsx", len(cells), rows.height, counted, (), True, tuple(notices))


def _parquet(raw: Path, out: Path, sha256: str) -> Staged:
    try:
        rows = pl.scan_parquet(raw, glob=False)
        schema = rows.collect_schema()
        texts = [
            _as_text(name, kind).alias(f"c{i}") for i, (name, kind) in enumerate(schema.items())
        ]
        rows.with_row_index("record_no", 1).select(
            pl.col("record_no").cast(pl.Int64),
            pl.col("record_no").cast(pl.Int64).alias("line_no"),
            pl.lit(len(schema), pl.Int64).alias("width"),
            pl.lit(None, pl.String).alias("fault"),
            pl.lit(None, pl.String).alias("raw_text"),
            *texts,
        ).sink_parquet(out)
        read = pl.scan_parquet(out).select(pl.len()).collect().item()
        counted = count.parquet(raw)
    except Exception as problem:  # polars and DuckDB have no common base for a broken file
        raise BadFile(
            f"It is a broken Parquet file: {str(problem).splitlines()[0][:80]}. Write it again."
        ) from None
    return Staged(sha256, "parquet", len(schema), read, counted, tuple(schema), True)


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        if kind.time_zone:
            return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    if isinstance(kind, pl.Struct):
        return column.struct.json_encode()
    if isinstance(kind, pl.List):
        return column.cast(pl.List(pl.String)).list.join("; ")
    if isinstance(kind, pl.Binary):
        return column.bin.encode("hex")
    return column.cast(pl.String)


Numbered = tuple[int, int, int, str | None, str, list[Any]]


def _write(out: Path, rows: Iterator[Numbered], width: int | None = None) -> tuple[int, int]:
    """Write records in batches; returns how many columns and how many records there are.

    A record with more cells than the widest of the first `_SAMPLE` keeps them in its raw text.
    """
    head = list(islice(rows, _SAMPLE))
    if width is None:
        width = min(max((len(row[5]) for row in head), default=0), _MOST_COLUMNS)
    total = 0

    def batches() -> Iterator[pl.DataFrame]:
        nonlocal total
        batch = head
        while batch:
            total += len(batch)
            yield _frame(batch, width)
            batch = list(islice(rows, _BATCH))

    _sink(out, batches, {**_FACTS, **{f"c{i}": pl.String for i in range(width)}})
    return width, total


def _sink(out: Path, batches: Callable[[], Iterator[pl.DataFrame]], schema: dict[str, Any]) -> None:
    """Stream batches into one Parquet file, so that memory holds a few of them at a time."""

    def source(
        with_columns: list[str] | None, predicate: Any, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        yield from batches()

    register_io_source(io_source=source, schema=schema).sink_parquet(out)


def _frame(rows: list[Numbered], width: int) -> pl.DataFrame:
    facts = list(zip(*(row[:5] for row in rows), strict=True))
    data: dict[str, Any] = dict(zip(_FACTS, facts, strict=True))
    even = (
        row[5] if len(row[5]) == width else (row[5] + [None] * (width - len(row[5])))[:width]
        for row in rows
    )
    cells = zip(*even, strict=True) if width else ()
    data.update({f"c{i}": cell for i, cell in enumerate(cells)})
    return pl.DataFrame(data, schema={**_FACTS, **{f"c{i}": pl.String for i in range(width)}})
