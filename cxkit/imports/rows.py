"""The typed layer: from the records of one staged file to canonical rows, as its export says.

Works in batches. Of each record it decides: skipped, set aside whole (a required cell is missing
or unreadable), or good; which good ones are duplicates is decided later, over all files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from cxkit import schema
from cxkit.errors import listed
from cxkit.imports import persons, types
from cxkit.imports.columns import Columns
from cxkit.imports.layout import Layout, classified
from cxkit.imports.recipes import Export, Reading, Rows
from cxkit.imports.records import Staged, wording_of
from cxkit.imports.types import Evidence, How

BATCH = 100_000
_BATCH_CELLS = 1_000_000  # fewer records of a wide file, so that memory does not depend on it
_BETWEEN = "\x1f"  # between the cells of a key; no export holds it
_ZONE_IN_NAME = r"\(([A-Za-z]+(?:/[A-Za-z_]+)+|UTC|GMT)\)"
_MEASURED = ("time", "money", "number", "count")  # kinds whose format a column has to prove

HINTS = {
    "cut off": "The file ends inside this record: download it again.",
    "open quote": "A quote opens in its first line and does not close there: close it in the file.",
    "not JSON": "The line is not one JSON object: mend it in the file.",
    "not a record": "It is a single value where an object was due: mend it in the file.",
    "too few cells": "It has fewer cells than the header: mend the line in the file.",
    "too many cells": "It has more cells than the header: quote the cell that holds a delimiter.",
    "no id": "Nothing in it says who it is about: fill one of these columns in the export.",
    "empty": "This cell has to be filled: fill it in the export, or leave the record out.",
    "not a date": "Write it as 2024-12-31 23:59, or say the column's format in cx.toml.",
    "day or month first": "Say in cx.toml whether the day or the month comes first.",
    "not a number": "Write it with digits and at most one decimal mark.",
    "decimal mark unclear": "Say in cx.toml whether the decimal mark is a comma or a point.",
    "not yes or no": "Write yes or no.",
}


@dataclass
class Tally:
    """What became of the records of one file so far."""

    good: int = 0
    set_aside: dict[str, list[int]] = field(default_factory=dict)  # [records, first line]
    skipped: dict[str, int] = field(default_factory=dict)
    doubts: dict[tuple[str, str], list[Any]] = field(default_factory=dict)  # [cells, example]
    questions: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # what was decided, in plain words

    def skip(self, reasons: pl.Series) -> None:
        """Count skipped records by their reasons; null where a record is not skipped."""
        for reason, records in reasons.drop_nulls().value_counts(sort=True).iter_rows():
            self.skipped[reason] = self.skipped.get(reason, 0) + records

    def put_aside(self, records: pl.DataFrame) -> None:
        """Count records that were set aside, and remember where the first of each kind stands."""
        grouped = records.group_by("reason", maintain_order=True)
        for reason, count, line in grouped.agg(pl.len().alias("n"), pl.min("line_no")).iter_rows():
            self.set_aside.setdefault(reason, [0, line])[0] += count


@dataclass(frozen=True)
class Batch:
    """The canonical rows of one batch of records, and what stands beside them."""

    records: pl.DataFrame  # record_no, unit, content, version: one row per good record
    rows: list[tuple[Rows, int, pl.DataFrame]]  # with the place of the `Rows` in its export
    said: pl.DataFrame
    merged: pl.DataFrame
    set_aside: pl.DataFrame


class File:
    """One staged file read as its export says."""

    def __init__(self, path: Path, staged: Staged, layout: Layout, export: Export, zone: str):
        self.path, self.staged, self.layout, self.export = path, staged, layout, export
        self.columns = Columns(staged, layout, export.cells)
        self.tally = Tally()
        self._batch = max(1_000, min(BATCH, _BATCH_CELLS // max(staged.width, 1)))
        self._wording = wording_of(path, staged)
        self._zone = export.zone or zone
        self._how = self._decided()

    def batches(self) -> Iterator[Batch]:
        """Yield the canonical rows, batch after batch, and count what becomes of each record."""
        for number, records in enumerate(self._records()):
            yield self._read(records, number * self._batch)

    def _records(self) -> Iterator[pl.DataFrame]:
        records = pl.scan_parquet(self.path)
        for start in range(0, self.staged.read, self._batch):
            batch = records.slice(start, self._batch)
            yield classified(batch, self.staged, self.layout).collect()

    # -- decisions over the whole file -------------------------------------------------------------

    def _decided(self) -> dict[tuple[str, str], How]:
        """Decide for every dated or numeric column how it is read, from all its cells."""
        wanted = self._measured()
        found = {key: Evidence() for key in wanted}
        for records in self._records() if wanted else ():
            body = records.filter(pl.col("skipped").is_null() & pl.col("fault").is_null())
            for column, kind in wanted:
                cell = self.columns.cell(column, kind)
                assert cell is not None  # _measured names only columns that the file has
                found[column, kind] += types.evidence(kind, body.select(cell).to_series())
        pooled = types.pool(found.values())
        how = {}
        for (column, kind), reading in wanted.items():
            declared = reading.format
            if self.staged.format != "csv" and kind != "time":
                declared = declared or types.POINT  # written by a program, not for a country
            zone = reading.zone or _zone_in(column) or self._zone
            how[column, kind] = types.decide(found[column, kind], pooled, declared, zone)
        self._tell(wanted, found, how)
        return how

    def _measured(self) -> dict[tuple[str, str], Reading]:
        """Return the columns that are read as times or numbers, by name and kind."""
        wanted: dict[tuple[str, str], Reading] = {}
        readings = [("time", Reading(column=(name,))) for name in self.export.version]
        if self.export.grows:
            readings.append(("money", Reading(column=(self.export.grows,))))
        for rows in self.export.rows:
            for name, reading in rows.columns.items():
                kind = schema.TABLES[rows.table].column(name).kind
                if reading.since:
                    reading = replace(reading, column=(reading.since,), since="")
                readings.append((kind, reading))
                if reading.times:
                    readings.append((kind, replace(reading, column=(reading.times,))))
        for kind, reading in readings:
            asks = (
                reading.true_when,
                reading.values,
                reading.filled,
                reading.pattern,
                reading.path,
            )
            column = self.columns.named(reading)
            if column and kind in _MEASURED and not any(asks):
                wanted.setdefault((column, kind), reading)
        return wanted

    def _tell(
        self,
        wanted: dict[tuple[str, str], Reading],
        found: dict[tuple[str, str], Evidence],
        how: dict[tuple[str, str], How],
    ) -> None:
        """Note what was decided, and ask what could not be."""
        naive = False
        for (column, kind), reading in wanted.items():
            seen, made = found[column, kind], how[column, kind]
            asked = types.question(seen, made)
            if asked:
                self.tally.questions.append(f"In '{column}', {asked} Say so in cx.toml")
            elif not reading.format and seen.slashed and made.order:
                self.tally.said.append(f"'{column}' is proven {made.order}")
            ways = [name for name, cells in seen.ways.items() if cells]
            if len(ways) > 1:
                self.tally.said.append(
                    f"'{column}' has {len(ways)} ways of writing a date: {listed(ways)}"
                )
            if not reading.format and seen.comma and made.mark == types.COMMA:
                self.tally.said.append(f"'{column}' has a decimal comma")
            told = reading.zone or _zone_in(column) or self.export.zone
            naive |= kind == "time" and not told and seen.filled > seen.zoned + seen.unix
        if naive:
            self.tally.said.append(f"times without a zone are taken as {self._zone}")

    # -- rows --------------------------------------------------------------------------------------

    def _read(self, records: pl.DataFrame, first: int) -> Batch:
        self.tally.skip(records["skipped"])
        body = records.filter(pl.col("skipped").is_null())
        broken = body.filter(pl.col("fault").is_not_null()).with_columns(
            pl.lit("").alias("column_name"),
            pl.lit(None, pl.String).alias("value"),
            pl.col("fault").alias("reason"),
        )
        body = body.filter(pl.col("fault").is_null())
        body = body.with_columns(persons.person(self.export, self.columns).alias("person"))
        typed = _Typed(body, self.columns, self._how, self._zone)
        asked = [body.select(self._condition(rows)).to_series() for rows in self.export.rows]
        body = body.hstack(self._problems(typed, asked))
        refused = body.filter(pl.col("reason").is_not_null())
        unasked = body.filter(pl.col("reason").is_null() & ~pl.col("asked"))
        self.tally.skip(pl.Series(["not asked for"] * unasked.height, dtype=pl.String))
        good = body["reason"].is_null() & body["asked"]
        self.tally.good += int(good.sum())
        kept = body.filter(good)
        aside = self._aside(pl.concat([broken, refused.select(broken.columns)]))
        self.tally.put_aside(aside)
        return Batch(
            self._keys(kept),
            [
                (rows, place, self._rows(typed, rows, good & asked[place]))
                for place, rows in enumerate(self.export.rows)
            ],
            persons.said(kept, self.export, self.columns, first),
            persons.merged(kept, self.export, self.columns),
            aside,
        )

    def _condition(self, rows: Rows) -> pl.Expr:
        """Whether a record gives this row at all."""
        filled = [self.columns.filled(name) for name in rows.when]
        empty = [~self.columns.filled(name) for name in rows.unless]
        holding = [self.columns.holds(name, words) for name, words in rows.where.items()]
        out = [~self.columns.holds(name, words) for name, words in self.export.leave_out.items()]
        return pl.all_horizontal(pl.col("record_no").is_not_null(), *filled, *empty, *holding, *out)

    def _problems(self, typed: "_Typed", asked: list[pl.Series]) -> pl.DataFrame:
        """Say for each record whether any row is asked of it, and why it cannot be one.

        The first row that a record gives decides: where a required cell of it is missing, the
        record is set aside whole. Of its further rows only those that can be read are made.
        """
        open_ = pl.Series("open", [True] * typed.body.height, dtype=pl.Boolean)
        nothing = pl.Series([None] * typed.body.height, dtype=pl.String)
        reason = column = value = nothing
        for rows, condition in zip(self.export.rows, asked, strict=True):
            table = schema.TABLES[rows.table]
            mine = open_ & condition
            open_ = open_ & ~condition
            needed = table.key if rows.part else table.required
            dated = table.time if table.time in rows.columns and not rows.part else None
            for name in dict.fromkeys([*needed, *filter(None, [dated])]):
                if name == "customer_id":
                    missing, cell = typed.body["person"].is_null(), nothing
                    named = " or ".join(self.export.person.columns)
                    why = pl.Series(["no id"] * typed.body.height, dtype=pl.String)
                else:
                    reading, kind = rows.columns.get(name, Reading()), table.column(name).kind
                    missing, cell = typed(kind, reading).is_null(), typed.text(kind, reading)
                    if name not in needed:  # it may be empty, but not unreadable
                        missing = missing & cell.is_not_null()
                    named = self.columns.named(reading) or name
                    if not (mine & missing).any():
                        continue
                    why = self._unreadable(kind, named, cell)
                here = mine & missing & reason.is_null()
                reason = why.zip_with(here, reason)
                value = cell.zip_with(here, value)
                names = pl.Series([named] * typed.body.height, dtype=pl.String)
                column = names.zip_with(here, column)
        given = pl.select(pl.any_horizontal(*asked)).to_series() if asked else ~open_
        return pl.DataFrame(
            {"asked": given, "reason": reason, "column_name": column, "value": value}
        )

    def _unreadable(self, kind: str, column: str, cells: pl.Series) -> pl.Series:
        """Name why each cell ends empty."""
        how, cell = self._how.get((column, kind), How()), pl.col("cell")
        if kind == "time":
            unclear = pl.lit(not how.order) & cell.str.contains(r"^\d{1,2}[/-]\d{1,2}[/-]\d")
            why = (
                pl.when(unclear).then(pl.lit("day or month first")).otherwise(pl.lit("not a date"))
            )
        elif kind == "yes_no":
            why = pl.lit("not yes or no")
        elif kind == "duration":
            why = pl.lit("not a duration")
        else:
            unclear = pl.lit(not how.mark) & cell.str.contains(r"^\D*\d{1,3}[.,]\d{3}\D*$")
            why = (
                pl.when(unclear)
                .then(pl.lit("decimal mark unclear"))
                .otherwise(pl.lit("not a number"))
            )
        empty = pl.when(cell.is_null()).then(pl.lit("empty")).otherwise(why)
        return cells.to_frame("cell").select(empty).to_series()

    def _aside(self, records: pl.DataFrame) -> pl.DataFrame:
        records = records.sort("record_no")
        if self._wording is not None:
            plain = pl.col("raw_text").is_null()
            texts = self._wording.of(records.filter(plain)["line_no"].to_list())
            lines = records.filter(plain).select(
                "record_no", pl.Series("letters", texts, pl.String)
            )
            records = records.join(lines, on="record_no", how="left", maintain_order="left")
            records = records.with_columns(raw_text=pl.coalesce("raw_text", "letters"))
        return records.select(
            "record_no",
            "line_no",
            self.columns.raw().alias("raw_text"),
            "column_name",
            "value",
            "reason",
            pl.col("reason").replace_strict(HINTS, default="").alias("hint"),
        )

    def _rows(self, typed: "_Typed", rows: Rows, asked: pl.Series) -> pl.DataFrame:
        """Return the canonical rows that the good records give for one table."""
        table = schema.TABLES[rows.table]
        made = {}
        for name, reading in rows.columns.items():
            kind, column = table.column(name).kind, self.columns.named(reading)
            made[name] = typed(kind, reading)
            if name == "currency":
                made[name] = made[name].str.to_uppercase()  # ISO 4217 is written so
            if column and kind not in ("id", "text", "category"):
                lost = asked & made[name].is_null() & typed.text(kind, reading).is_not_null()
                read_as = "duration" if reading.since else kind
                self._doubt(column, read_as, typed.text(kind, reading).filter(lost))
        needed = table.key if rows.part else table.required
        whole = [
            made[n].is_not_null() if n in made else asked for n in needed if n != "customer_id"
        ]
        if "customer_id" in needed and not rows.part:
            whole.append(typed.body["person"].is_not_null())
        for mask in whole:
            asked = asked & mask
        beside = [*persons.through(self.export, self.columns)]
        if rows.table == "events":
            beside.append(persons.visitor(self.export, self.columns).alias("visitor_id"))
        about = typed.body.select("record_no", "person", *beside)
        return about.with_columns(**made).filter(asked)

    def _doubt(self, column: str, kind: str, cells: pl.Series) -> None:
        """Count the cells of a column that were filled and could not be read."""
        if cells.is_empty():
            return
        reasons = pl.DataFrame({"reason": self._unreadable(kind, column, cells), "cell": cells})
        grouped = reasons.group_by("reason", maintain_order=True)
        for reason, count, example in grouped.agg(
            pl.len().alias("cells"), pl.first("cell")
        ).iter_rows():
            self.tally.doubts.setdefault((column, reason), [0, example])[0] += count

    def _keys(self, good: pl.DataFrame) -> pl.DataFrame:
        """Return for each good record its key, its whole content and its version."""
        content = self.columns.content(_BETWEEN)
        cells = [self.columns.cell(name) for name in self.export.key]
        key = [cell for cell in cells if cell is not None]
        complete = bool(key) and len(key) == len(cells)
        unit = pl.coalesce(pl.concat_str(key, separator=_BETWEEN), content) if complete else content
        version = self._version(good)
        # of single records only whether they differ is asked
        whole = content if self.export.lines else content.hash().cast(pl.String)
        keys = good.select("record_no", unit.alias("unit"), whole.alias("content"))
        return keys.with_columns(version)

    def _version(self, good: pl.DataFrame) -> pl.Series:
        """Return for each record when it was as it is: null where the export does not say."""
        read = {}
        named = [("time", name) for name in self.export.version]
        for kind, name in [*named, ("money", self.export.grows)]:
            how, cell = self._how.get((name, kind)), self.columns.cell(name)
            if how is not None and cell is not None:
                read[name] = types.typed(kind, good.select(cell).to_series(), how)
        grown = read.pop(self.export.grows, None)
        nothing = pl.lit(None, pl.Datetime("us"))
        times = [pl.lit(time) for time in read.values()]
        latest = pl.max_horizontal(nothing, *times)
        if grown is not None:
            # exports date by the second: cents count as microseconds, below any real difference
            cents = (pl.lit(grown).cast(pl.Float64) * 100).fill_null(0).clip(0, 999_999)
            latest = latest + pl.duration(microseconds=cents.cast(pl.Int64))
        return good.with_columns(latest.alias("version"))["version"]


class _Typed:
    """The columns of one batch as typed cells; each reading is done once, however often asked."""

    def __init__(
        self, body: pl.DataFrame, columns: Columns, how: dict[tuple[str, str], How], zone: str
    ):
        self.body = body
        self._columns, self._how, self._zone = columns, how, zone
        self._texts: dict[tuple[str, str], pl.Series] = {}
        self._cells: dict[tuple[str, str], pl.Series] = {}

    def text(self, kind: str, reading: Reading) -> pl.Series:
        """Return the text that a reading takes, cleaned."""
        key = (kind, repr(reading))
        if key not in self._texts:
            text = self._columns.text(reading, kind)
            self._texts[key] = self.body.with_columns(text.alias("text"))["text"]
        return self._texts[key]

    def __call__(self, kind: str, reading: Reading) -> pl.Series:
        """Return the typed cells of a reading."""
        key = (kind, repr(reading))
        if key not in self._cells:
            self._cells[key] = self._read(kind, reading)
        return self._cells[key]

    def _read(self, kind: str, reading: Reading) -> pl.Series:
        text = self.text(kind, reading)
        if reading.filled:
            return text.is_not_null()
        words = text.str.to_lowercase()
        if reading.true_when:
            return words.is_in([word.lower() for word in reading.true_when])
        if reading.values:
            ours = {word.lower(): value for word, value in reading.values.items()}
            mapped = words.replace_strict(ours, default=None, return_dtype=pl.String)
            # a category keeps a word that the recipe does not know
            keeps = kind in ("category", "text", "id")
            text = mapped.zip_with(mapped.is_not_null(), text) if keeps else mapped
        if reading.since:
            start = self(kind, Reading(column=(reading.since,)))
            return types.passed(start, text, reading.unit)
        column = self._columns.named(reading)
        plain = How(mark=types.POINT, zone=self._zone)
        made = types.typed(kind, text, self._how.get((column, kind), plain))
        if reading.times:
            by = self(kind, Reading(column=(reading.times,)))
            product = made.cast(pl.Float64) * by.cast(pl.Float64)
            made = product.round(2).cast(made.dtype)
        return made


def _zone_in(column: str) -> str:
    """Return the time zone that a column's name states: `Sent at (Europe/Berlin)`."""
    found = re.search(_ZONE_IN_NAME, column, re.IGNORECASE)
    return types.zone_called(found[1]) if found else ""
