"""From a raw file to its records as text: `staged/<sha256>.parquet`, once per file.

Nothing is converted here: cells stay text in columns c0, c1 …, with the record's number, its
line and its wording. `stage` takes and returns plain values, so that a process of its own can run
it; what it learns about a file is kept beside the Parquet file as JSON.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from polars.io.plugins import register_io_source

from cxkit import store
from cxkit.errors import BadFile
from cxkit.imports import count, delimited, tree, xes
from cxkit.imports.delimited import Dialect
from cxkit.imports.inbox import identify, members, open_bytes, tell, zipped
from cxkit.imports.swallowed import swallowed
from cxkit.result import counted as in_words
from cxkit.store import sync

_BATCH = 20_000  # records, or
_BATCH_TEXT = 8 << 20  # characters, whichever comes first
_ROW_GROUP = 16 << 20  # bytes of text
_SAMPLE = 2_000  # records that decide how many columns there are
_MOST_COLUMNS = 2_000
_WORTH_IT = 1 << 19  # bytes from which DuckDB is quicker than the csv module

_FACTS: dict[str, Any] = {
    "record_no": pl.Int64,
    "line_no": pl.Int64,
    "width": pl.Int64,  # cells that the record has
    "fault": pl.String,  # what is wrong with the record itself
    # To the letter, of faulty and of JSON records; `Wording` finds that of any other in its file.
    "raw_text": pl.String,
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
    dialect: tuple[str, ...] = ()  # the fields of delimited.Dialect, where the format is csv
    swallowed: tuple[int, ...] = ()  # the records that hold others, by their numbers
    reader: str = ""  # the hash of the code that read it

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
        staged = replace(read[kind](raw, passing, sha256), reader=_reader())
        if kind != "xlsx" and zipped(raw) and len(held := members(raw)) > 1:
            said = (
                f"{len(held):,} files of the archive were read one after another, from "
                f"'{held[0]}' to '{held[-1]}', and lines are counted through all of them"
            )
            staged = replace(staged, notices=(said, *staged.notices))
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
    return Staged(**made) if made["reader"] == _reader() else None


@cache
def _reader() -> str:
    """Return the hash of the code that stages files: what another one staged is read again."""
    names = ("count", "delimited", "inbox", "records", "swallowed", "tree", "xes")
    return hash_of([Path(__file__).with_name(f"{name}.py") for name in names])


def hash_of(files: Iterable[Path]) -> str:
    """Return one hash of what several files are called and hold, in any order."""
    told = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        content = path.read_bytes()
        told.update(f"{path.name} {len(content)}\n".encode() + content)
    return told.hexdigest()


def read_records(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the records of any delimited file as text, no parameters given.

    Encoding, delimiter, quotes and escapes are found from the whole file. Records keep their own
    number of cells; what stands above the header is left out, and the names are empty where no
    record looks like a header.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "orders.csv")
    ...     _ = path.write_bytes("id;name\\r\\n1;'Zoë; Ann'\\r\\n2;Bo\\r\\n".encode("cp1252"))
    ...     read_records(path)
    (['id', 'name'], [['1', 'Zoë; Ann'], ['2', 'Bo']])
    """
    encoding = delimited.encoding_of(path)
    dialect = delimited.dialect_of(path, encoding)
    found = [
        cells for _, _, cells, _ in delimited.records(delimited.lines(path, encoding), dialect)
    ]
    header = delimited.guess_header(found[:60])
    return (found[header - 1], found[header:]) if header else ([], found)


def _csv(raw: Path, out: Path, sha256: str) -> Staged:
    encoding = delimited.encoding_of(raw)
    dialect = delimited.dialect_of(raw, encoding)
    notices = []
    if encoding == "cp1252":
        notices.append("read as Windows-1252 text, because it is not UTF-8")
    elif "+" in encoding:
        notices.append("some letters are not UTF-8 and were read as Windows-1252")
    head = [
        len(cells)
        for _, _, cells, _ in islice(
            delimited.records(delimited.lines(raw, encoding), dialect), _SAMPLE
        )
    ]
    width = min(max(head, default=0), _MOST_COLUMNS)
    usual = Counter(head).most_common(1)[0][0] if head else 0
    counted = count.delimited(raw, encoding, dialect.delimiter, dialect.quote, dialect.escape)
    per_record = -(-raw.stat().st_size // max(counted, 1))
    read = -1
    if dialect.plain:
        with contextlib.suppress(_Irregular):
            read = _sink(out, _quick(raw, dialect, width, usual), width, per_record)
    if read != counted:
        read = _sink(out, careful(raw, dialect, width), width, per_record)
    with open_bytes(raw) as file:
        whole_end = _ends_with_line_end(file)
    held = swallowed(pl.scan_parquet(out), raw, dialect, width, usual)
    if held.perhaps:
        lines = ", ".join(f"{line:,}" for line in held.perhaps[:3])
        notices.append(
            f"{in_words(len(held.perhaps), 'quoted cell')} over lines that look like records: "
            f"see line {lines}, where a quote may have stayed open"
        )
    return Staged(
        sha256,
        "csv",
        width,
        read,
        counted,
        whole_end=whole_end,
        notices=tuple(notices),
        dialect=(encoding, dialect.delimiter, dialect.quote, dialect.escape),
        swallowed=held.records,
    )


class _Irregular(Exception):
    """A quick reader met what only `careful` can judge."""


def careful(raw: Path, dialect: Dialect, width: int) -> Iterator[pl.DataFrame]:
    """Yield the records of a delimited file as staged, cut one by one."""
    rows = delimited.records(delimited.lines(raw, dialect.encoding), dialect)
    numbered = (
        (number, line, len(cells), fault, text if fault else None, cells, len(text))
        for number, (line, text, cells, fault) in enumerate(rows, 1)
    )
    return _frames(numbered, width)


def _quick(raw: Path, dialect: Dialect, width: int, usual: int) -> Iterator[pl.DataFrame]:
    """Yield the same as `careful`: long stretches cut by DuckDB, the rest by the csv module."""
    with contextlib.closing(_Duck(dialect, usual)) as duck:
        record, line = 1, 1
        waiting: list[Numbered] = []
        size = 0
        for well_formed, piece in delimited.pieces(raw, dialect):
            stretch = [(well_formed, piece)]
            while stretch:
                well_formed, piece = stretch.pop()
                frame = duck.read(piece) if well_formed and len(piece) >= _WORTH_IT else None
                halves = _halves(piece, dialect) if frame is None and well_formed else None
                if halves:
                    stretch += [(True, half) for half in reversed(halves)]
                    continue
                if frame is None:
                    rows = list(_by_csv(piece, dialect, well_formed, record, line))
                    waiting += rows
                    size += len(piece)
                    record += len(rows)
                    if size > _BATCH_TEXT:
                        yield _frame(waiting, width)
                        waiting, size = [], 0
                else:
                    if waiting:
                        yield _frame(waiting, width)
                        waiting, size = [], 0
                    yield _placed(frame, record, line, usual, width)
                    record += frame.height
                line += delimited.line_ends(piece)
        if waiting:
            yield _frame(waiting, width)


def _halves(piece: bytes, dialect: Dialect) -> list[bytes] | None:
    """Cut a piece between two records near its middle, where it is long enough to be worth it."""
    if len(piece) < 2 * _WORTH_IT:
        return None
    middle = delimited.well_formed(piece[: len(piece) // 2], 0, False, dialect)
    return [piece[:middle], piece[middle:]] if middle else None


def _by_csv(
    piece: bytes, dialect: Dialect, well_formed: bool, record: int, line: int
) -> Iterator["Numbered"]:
    """Yield the records of a piece, cut by the csv module where that follows the rule."""
    text = piece.decode()
    if well_formed:
        rows = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            strict=True,
        )
        made: list[Numbered] = []
        before = 0
        try:
            for cells in rows:
                if rows.line_num - before > delimited.LONGEST_CELL:
                    raise _Irregular
                number = record + len(made)
                cells = cells or [""]
                made.append((number, line + before, len(cells), None, None, cells, 0))
                before = rows.line_num
        except csv.Error:  # a cell beyond the module's limit
            made = []
        if made:
            yield from made
            return
    source = io.StringIO(text, newline="")
    for number, (at, raw, cells, fault) in enumerate(delimited.records(source, dialect), record):
        if well_formed and fault:
            raise _Irregular
        told = raw if fault else None
        yield number, line + at - 1, len(cells), fault, told, cells, 0


class _Duck:
    """DuckDB as a reader of well-formed pieces: an explicit dialect, and every byte accounted."""

    def __init__(self, dialect: Dialect, width: int):
        self._dialect = dialect
        self._names = [f"c{i}" for i in range(width)]
        self._opened = contextlib.ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._path = Path()

    def _open(self) -> bool:
        """Start DuckDB where there is work for it."""
        # one column: blank lines are records to us and nothing to DuckDB
        if self._connection is None and 1 < len(self._names) <= _MOST_COLUMNS:
            folder = self._opened.enter_context(tempfile.TemporaryDirectory())
            self._path = Path(folder, "piece.csv")
            if not set("*?[") & set(folder):  # to DuckDB a path is a pattern
                self._connection = self._opened.enter_context(store.connect())
                self._connection.execute("set memory_limit = '256MB'")
                self._connection.execute("set produce_arrow_string_view = true")
        return self._connection is not None

    def close(self) -> None:
        """Stop DuckDB and leave nothing behind."""
        self._opened.close()

    def read(self, piece: bytes) -> pl.DataFrame | None:
        """Return the cells of a piece, or None where DuckDB does not read it as the rule does."""
        quote = self._dialect.quote.encode()
        quotes = piece.count(quote)
        if b"\x00" in piece or not self._open():
            return None
        end = b"\n"
        if b"\r" in piece:
            if not quotes:
                piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            elif delimited.ends_evenly(piece, self._dialect):
                end = b"\r\n"
            else:
                return None
        self._path.write_bytes(piece)
        try:
            frame = self._cells(end.decode(), bool(quotes))
        except duckdb.Error as problem:
            store.heed_ctrl_c(problem)
            return None
        return frame if self._whole(frame, piece, quotes, len(end)) else None

    def _cells(self, end: str, quoted: bool) -> pl.DataFrame:
        # strict mode returns nothing at all for CR LF; the piece is well formed, and `_whole` looks
        assert self._connection is not None
        made = self._connection.sql(
            """
            select * from read_csv(
                $path, auto_detect = false, header = false, columns = $columns,
                force_not_null = $names, delim = $delimiter, quote = $quote, escape = $quote,
                new_line = $line_end, comment = '', skip = 0, null_padding = false,
                strict_mode = false, ignore_errors = false, parallel = false
            )
            """,
            params={
                "path": str(self._path),
                "columns": dict.fromkeys(self._names, "VARCHAR"),
                "names": self._names,
                "delimiter": self._dialect.delimiter,
                "quote": self._dialect.quote if quoted else "",
                "line_end": {"\n": "\\n", "\r\n": "\\r\\n"}[end],
            },
        )
        return pl.DataFrame(pl.from_arrow(made.to_arrow_table()))

    def _whole(self, frame: pl.DataFrame, piece: bytes, quotes: int, end: int) -> bool:
        """Whether cells, quotes, delimiters and line ends are all the bytes of the piece."""
        if frame.is_empty():
            return False
        if quotes and max(frame.select(pl.all().str.len_bytes().max()).row(0)) > (
            delimited.LARGEST_CELL
        ):
            raise _Irregular
        letters = frame.select(pl.sum_horizontal(pl.all().str.len_bytes().sum())).item()
        inner = 0
        if quotes:
            mark = self._dialect.quote
            found = pl.all().str.count_matches(mark, literal=True).sum()
            inner = frame.select(pl.sum_horizontal(found)).item()
        between = frame.height * (len(self._names) - 1 + end)
        return bool(letters + quotes - inner + between == len(piece))


def _placed(cells: pl.DataFrame, record: int, line: int, usual: int, width: int) -> pl.DataFrame:
    """Add to cells that DuckDB read where their records stand."""
    inside = pl.lit(0, pl.UInt32)
    breaks = cells.select(pl.all().str.contains(r"[\r\n]").any()).row(0)
    broken = [name for name, found in zip(cells.columns, breaks, strict=True) if found]
    if broken:
        inside = pl.sum_horizontal(pl.col(broken).str.count_matches(r"\r\n|\r|\n"))
    made = cells.with_columns(inside.cast(pl.Int64).alias("inside"))
    if broken and made["inside"].max() >= delimited.LONGEST_CELL:  # type: ignore[operator]
        raise _Irregular
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    return made.select(
        (place + record).alias("record_no"),
        (place + line + pl.col("inside").cum_sum() - pl.col("inside")).alias("line_no"),
        pl.lit(usual, pl.Int64).alias("width"),
        pl.lit(None, pl.String).alias("fault"),
        pl.lit(None, pl.String).alias("raw_text"),
        *(pl.col(f"c{i}") for i in range(usual)),
        *(pl.lit(None, pl.String).alias(f"c{i}") for i in range(usual, width)),
    )


class Wording:
    """Finds what records say to the letter, in the file that they were staged from.

    It reads the file once from front to back, so ask for records in their order.
    """

    def __init__(self, raw: Path, staged: Staged):
        self._dialect = Dialect(*staged.dialect)
        self._lines = delimited.lines(raw, self._dialect.encoding)
        self._ahead: deque[str] = deque()
        self._next = 1

    def of(self, lines: Sequence[int]) -> list[str]:
        """Return the text of the records that begin on `lines`, which rise."""
        return [self._one(line) for line in lines]

    def _one(self, line: int) -> str:
        while self._next < line:
            if self._ahead:
                self._ahead.popleft()
            else:
                next(self._lines)
            self._next += 1
        taken: list[str] = []

        def source() -> Iterator[str]:
            for text in chain(iter(self._ahead.copy()), self._lines):
                taken.append(text)
                yield text

        raw = next(delimited.records(source(), self._dialect))[1]
        held = taken + list(self._ahead)[len(taken) :]
        self._ahead = deque(held)
        return raw


def wording_of(path: Path, staged: Staged) -> Wording | None:
    """Return what finds the wording of records that are staged at `path` of a store, if need be."""
    found = sorted((path.parent.parent / "raw").glob(f"{staged.sha256}*"))
    return Wording(found[0], staged) if found and staged.dialect else None


def _ends_with_line_end(file: Any) -> bool:
    last = b""
    while block := file.read(1 << 20):
        last = (last + block)[-4:]
    return last.replace(b"\x00", b"").endswith((b"\n", b"\r"))


def _json(raw: Path, out: Path, sha256: str) -> Staged:
    encoding = delimited.encoding_of(raw)
    shape = tree.shape_of(raw, encoding)
    if shape.kind == "lines":
        counted = count.json_lines(raw, encoding)
    else:
        counted = count.json_items(raw, encoding, shape.key)
    names: dict[str, int] = {}
    for _, _, row, _ in islice(tree.items(raw, encoding, shape), _SAMPLE):
        names.update((name, len(names)) for name in row or () if name not in names)
    while True:  # again where a late record has names of its own
        width = len(names)
        read = _sink(out, _json_frames(raw, encoding, shape, names), width, 0)
        if len(names) == width:
            break
    with open_bytes(raw) as file:
        whole_end = shape.kind == "items" or _ends_with_line_end(file)
    return Staged(sha256, "json", len(names), read, counted, tuple(names), whole_end)


def _json_frames(
    raw: Path, encoding: str, shape: tree.Shape, names: dict[str, int]
) -> Iterator[pl.DataFrame]:
    """Yield the records of a JSON file as staged, and note names that are new."""
    width = len(names)

    def numbered() -> Iterator[Numbered]:
        for number, (line, text, row, fault) in enumerate(tree.items(raw, encoding, shape), 1):
            cells: list[str | None] = [None] * width if row else []
            for name, cell in (row or {}).items():
                place = names.setdefault(name, len(names))
                if place < width:
                    cells[place] = cell
            yield number, line, len(cells), fault, text, cells, len(text)

    return _frames(numbered(), width)


def _xes(raw: Path, out: Path, sha256: str) -> Staged:
    names: dict[str, int] = {}
    for _, _, row, _ in xes.events(raw):  # read twice, so that memory holds no log
        for name in row or ():
            names.setdefault(name, len(names))
    width = len(names)
    numbered = (
        (number, line, width, None, text, [(row or {}).get(name) for name in names], len(text))
        for number, (line, text, row, _) in enumerate(xes.events(raw), 1)
    )
    read = _sink(out, _frames(numbered, width), width, 0)
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
    tell(raw, 0.5)
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
    tell(raw, 0.25)  # the rest is told by the counter
    counted = count.sheet(raw, table.name)
    return Staged(sha256, "xlsx", len(cells), rows.height, counted, (), True, tuple(notices))


def _parquet(raw: Path, out: Path, sha256: str) -> Staged:
    try:
        rows = pl.scan_parquet(raw, glob=False)
        schema = rows.collect_schema()
        texts = [
            _as_text(name, kind).alias(f"c{i}") for i, (name, kind) in enumerate(schema.items())
        ]
        counted = count.parquet(raw)
        staged = rows.with_row_index("record_no", 1).select(
            pl.col("record_no").cast(pl.Int64),
            pl.col("record_no").cast(pl.Int64).alias("line_no"),
            pl.lit(len(schema), pl.Int64).alias("width"),
            pl.lit(None, pl.String).alias("fault"),
            pl.lit(None, pl.String).alias("raw_text"),
            *texts,
        )

        def frames() -> Iterator[pl.DataFrame]:
            for frame in staged.collect_batches(chunk_size=_BATCH, maintain_order=True):
                yield frame
                tell(raw, frame.height / max(counted, 1))

        read = _sink(out, frames(), len(schema), -(-raw.stat().st_size // max(counted, 1)))
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


# record_no, line_no, width, fault, raw_text, cells, and about how much text that is
Numbered = tuple[int, int, int, str | None, str | None, list[Any], int]


def _frames(rows: Iterable[Numbered], width: int) -> Iterator[pl.DataFrame]:
    """Yield records in frames of a bounded size."""
    batch: list[Numbered] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += row[6]
        if len(batch) >= _BATCH or size > _BATCH_TEXT:
            yield _frame(batch, width)
            batch, size = [], 0
    if batch:
        yield _frame(batch, width)


def _frame(rows: list[Numbered], width: int) -> pl.DataFrame:
    """Return records as staged; one with more cells than there are columns has them cut off.

    Its `width` tells, and `Wording` has them all.
    """
    facts = list(zip(*(row[:5] for row in rows), strict=True))
    data: dict[str, Any] = dict(zip(_FACTS, facts, strict=True))
    even = (
        row[5] if len(row[5]) == width else (row[5] + [None] * (width - len(row[5])))[:width]
        for row in rows
    )
    cells = zip(*even, strict=True) if width else ()
    data.update({f"c{i}": cell for i, cell in enumerate(cells)})
    return pl.DataFrame(data, schema=_schema(width))


def _schema(width: int) -> dict[str, Any]:
    return {**_FACTS, **{f"c{i}": pl.String for i in range(width)}}


def _sink(out: Path, frames: Iterator[pl.DataFrame], width: int, per_record: int) -> int:
    """Stream frames into one Parquet file, a few of them in memory; returns how many records.

    Row groups hold about `_ROW_GROUP` bytes, so that readers can be as modest.
    """
    total = 0
    problem: Exception | None = None

    def source(
        with_columns: list[str] | None, predicate: Any, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal total, problem
        try:
            for frame in frames:
                total += frame.height
                yield frame
        except Exception as raised:  # polars would make it one of its own
            problem = raised

    group = max(1_000, min(100_000, _ROW_GROUP // max(per_record, 1)))
    plan = register_io_source(io_source=source, schema=_schema(width))
    plan.sink_parquet(out, compression="lz4", row_group_size=group)
    if problem is not None:
        raise problem
    return total
