"""From canonical rows of all files to one snapshot: versions, people, parts, and the proof.

The snapshot is a function of the set of files, the recipes and the settings; the order of imports
plays no part. Set-based work is SQL over temporary tables of the draft; where its text is made up
here, it is made of names from `schema` alone, never of anything that a file holds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from cxkit import schema
from cxkit.errors import CxError, listed
from cxkit.imports import identity
from cxkit.imports.queries import run
from cxkit.imports.recipes import TAKES, Match, Rows
from cxkit.imports.records import Staged
from cxkit.imports.rows import BATCH, Batch, File
from cxkit.result import counted
from cxkit.store import heed_ctrl_c, quoted

_SUMS = {
    "first": "first({0} order by file, record_no)",
    "last": "last({0} order by file, record_no)",
}
_SUMS |= {"sum": "sum({0})", "least": "min({0})", "most": "max({0})"}
assert set(_SUMS) == set(TAKES)
_PROVENANCE = [column.name for column in schema.PROVENANCE]
_TOGETHER = 500_000  # rows that are grouped or ranked at one time
_READING = 0.6  # of the time goes into reading the records; the rest into joining them


@dataclass
class Account:
    """One file's line in the table of files."""

    source_file: str
    sha256: str
    recipe: str = ""
    records: int = 0
    loaded: int = 0
    set_aside: int = 0
    duplicate: int = 0
    skipped: int = 0
    note: list[str] = field(default_factory=list)

    def row(self) -> tuple[Any, ...]:
        """Return the line as the table `files` holds it."""
        said = dict.fromkeys(text for text in self.note if text)  # each once, in order
        note = ". ".join(text[0].upper() + text[1:].rstrip(".") for text in said)
        counts = (self.records, self.loaded, self.set_aside, self.duplicate, self.skipped)
        return (self.source_file, self.sha256, self.recipe, *counts, note + "." * bool(note))


@dataclass(frozen=True)
class Source:
    """A file of the store: what it is, and how it is read where that is known."""

    account: Account
    staged: Staged | None = None
    match: Match | None = None
    file: File | None = None


def fill(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    same: Sequence[Sequence[str]] = (),
    different: Sequence[Sequence[str]] = (),
    watch: Callable[[float], None] = lambda _share: None,
) -> None:
    """Fill the draft's canonical tables and those beside them from `sources`.

    `sources` come in the order of their names; `same` are ids that the settings call one person,
    `different` ids that they call several; `watch` is called with the share of the work that is
    done. Raises CxError where a file's records do not add up to what the independent counter
    found; the draft is then worth nothing.
    """
    _make_tables(connection)
    total = sum(source.account.records for source in sources) or 1
    read = 0
    for number, source in enumerate(sources):
        for records in _read(connection, number, source) if source.file is not None else ():
            watch(_READING * (read + records) / total)
        read += source.account.records
    watch(_READING)
    _find_gone(connection)
    _link_people(connection, sources, same)
    _fold_parts(connection, sources)
    # orders and tickets first: other rows find their person through them
    names = sorted(schema.TABLES, key=lambda name: (name not in ("orders", "tickets"), name))
    for place, name in enumerate(names):
        watch(_READING + (1 - _READING) * place / len(names))
        _insert(connection, name)
    identity.propose(connection, different)
    _settle(connection, sources)


def _make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for table in schema.TABLES.values():
        columns = ", ".join(f"{c.name} {schema.SQL_TYPES[c.kind]}" for c in table.columns)
        for kind in ("candidate", "part"):
            connection.execute(
                f"create temp table {kind}_{table.name} ({columns}, file integer, "
                "record_no bigint, place integer, version timestamp, person varchar, "
                "through_table varchar, through_id varchar)"
            )
    for statement in (
        "create temp table record (file integer, record_no bigint, unit varchar, "
        "content varchar, version timestamp)",
        "create temp table export (file integer, source_file varchar, sha256 varchar, "
        "layout varchar, vendor varchar, lines boolean, exported_at timestamp)",
        "create temp table gone (file integer, record_no bigint, gave_way varchar)",
        "create temp table renamed (table_name varchar, vendor varchar, id varchar, own varchar)",
        "create temp table row_person (table_name varchar, id varchar, customer_id varchar)",
        "create temp table said (said bigint, alias varchar, strong boolean)",
        "create temp table merged (former varchar, alias varchar)",
    ):
        connection.execute(statement)


def _read(connection: duckdb.DuckDBPyConnection, number: int, source: Source) -> Iterator[int]:
    """Put one file's rows into the temporary tables; yields how many of its records are in."""
    assert source.file is not None
    account, export = source.account, source.file.export
    newest: datetime | None = None
    # exports that the company mapped itself share its own ids
    recipe = source.match.recipe if source.match else None
    vendor = recipe.vendor if recipe and recipe.own_ids else ""
    for done, batch in enumerate(source.file.batches(), start=1):
        newest = max((t for t in (newest, _newest(batch)) if t is not None), default=None)
        _put(connection, "record", batch.records, file=number)
        _put(connection, "merged", batch.merged)
        spaced = batch.said.with_columns(pl.col("said") + number * (1 << 40))
        _put(connection, "said", spaced)
        aside = batch.set_aside.with_columns(
            pl.lit(account.source_file).alias("source_file"), pl.lit(account.sha256).alias("sha256")
        )
        _put(connection, "set_aside", aside)
        keys = batch.records.select("record_no", "unit", "version")
        for rows, place, frame in batch.rows:
            dated = frame.join(keys, on="record_no", how="left", maintain_order="left")
            _put_rows(connection, rows, dated, export.name, number, place)
        yield min(done * BATCH, account.records)
    connection.execute(
        "insert into export values (?, ?, ?, ?, ?, ?, ?)",
        [number, account.source_file, account.sha256, export.name, vendor, export.lines, newest],
    )


def _own_id(name: str) -> str | None:
    """Return the key of a table whose rows get an id of their own where the export gives none."""
    table = schema.TABLES[name]
    return next((k for k in table.key if k.endswith("_id") and k not in table.required), None)


def _newest(batch: Batch) -> datetime | None:
    """Return the latest time in a batch: an export cannot be older than what it tells."""
    times = [batch.records["version"].max()]
    for rows, _, frame in batch.rows:
        times += [
            frame[column.name].max()
            for column in schema.TABLES[rows.table].columns
            if column.kind == "time" and column.name in frame.columns
        ]
    found = [time for time in times if isinstance(time, datetime)]
    return max(found, default=None)


def _put(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    frame: pl.DataFrame,
    kept: str = "*",
    bound: Mapping[str, str] | None = None,
    **constants: int,
) -> None:
    if frame.is_empty():
        return
    named = [pl.lit(value, pl.Int32).alias(name) for name, value in constants.items()]
    connection.register("batch", frame.with_columns(named))
    connection.execute(f"insert into {table} by name select {kept} from batch", bound).fetchall()
    connection.unregister("batch")


def _put_rows(
    connection: duckdb.DuckDBPyConnection,
    rows: Rows,
    frame: pl.DataFrame,
    layout: str,
    file: int,
    place: int,
) -> None:
    """Put canonical rows where they wait; one without an id gets it from its record's content."""
    own_id = _own_id(rows.table)
    if own_id and not rows.part:
        if own_id not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(own_id))
        named = f"coalesce({own_id}, md5(concat_ws('|', $layout, unit, place)))"
        kept, bound = f"* exclude unit replace ({named} as {own_id})", {"layout": layout}
    else:
        kept, bound = "* exclude unit", {}
    into = f"{'part' if rows.part else 'candidate'}_{rows.table}"
    _put(connection, into, frame, kept, bound, file=file, place=place)


def _link_people(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    same: Sequence[Sequence[str]],
) -> None:
    run(connection, "held_ids.sql")
    run(connection, "link_ids.sql")
    named = [source.file.export.person for source in sources if source.file]
    kinds_of_id = {kind for person in named for kind in (*person.ids, *person.aliases)}
    identity.merge_accepted(connection, same, kinds_of_id)
    kinds = connection.execute(
        "select kind from held where not strong group by kind, place order by place, kind"
    ).fetchall()
    for (kind,) in kinds:
        run(connection, "link_aliases.sql", kind=kind)
    connection.execute(
        "insert into aliases select alias, person_name(person) from link order by alias"
    ).fetchall()


def _find_gone(connection: duckdb.DuckDBPyConnection) -> None:
    run(connection, "contested.sql")
    for part in _parts(connection, "contested"):
        run(connection, "gone.sql", **part)


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"select count(*) from {table}").fetchone()
    return found[0] if found else 0


def _parts(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[dict[str, int]]:
    """Yield the parts in which a table's rows are to be joined, so that each fits in memory."""
    parts = -(-_rows(connection, table) // _TOGETHER)
    for part in range(parts):
        yield {"parts": parts, "part": part}


def _fold_parts(connection: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """Turn the parts of each export (payments, items) into one contribution per row they fill."""
    done = set()
    for source in sources:
        export = source.file.export if source.file else None
        for place, rows in enumerate(export.rows if export else ()):
            assert export is not None
            if not rows.part or (export.name, place) in done:
                continue
            done.add((export.name, place))
            key = schema.TABLES[rows.table].key
            taken = {name: r.take for name, r in rows.columns.items() if name not in key}
            sums = ", ".join(f"{_SUMS[take].format(n)} as {n}" for n, take in taken.items())
            filled = ", ".join(key)
            for part in _parts(connection, f"part_{rows.table}"):
                connection.execute(
                    f"""
                    insert into candidate_{rows.table} by name
                    select {filled}, {sums}, min(file) as file, min(record_no) as record_no,
                        max(version) as version, -1 as place
                    from part_{rows.table}
                    semi join (select * from export where layout = $layout) using (file)
                    anti join gone using (file, record_no)
                    where place = $place and hash({filled}) % $parts = $part
                    group by {filled}
                    """,
                    {"layout": export.name, "place": place, **part},
                ).fetchall()


def _insert(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Fill one canonical table: people resolved, rows of one key made one, in a fixed order."""
    table = schema.TABLES[name]
    columns = [column.name for column in table.columns]
    key = ", ".join(table.key)
    _tell_apart(connection, name)
    _resolve(connection, name)
    connection.execute(
        f"""
        create or replace temp table repeated as
        select {key} from resolved group by {key} having count(*) > 1 or bool_or(part)
        """
    )
    connection.execute(
        f"""
        insert into {name} by name
        select {", ".join(columns)}, source_file, record_no
        from resolved
        anti join repeated using ({key})
        order by {key}
        """
    ).fetchall()
    # the newer version, then the export that reaches further; the rest only fixes the order
    merged = ", ".join(
        f"arg_min({c}, priority) as {c}" for c in [*columns, *_PROVENANCE] if c not in table.key
    )
    for part in _parts(connection, f"resolved semi join repeated using ({key})"):
        connection.execute(
            f"""
            insert into {name} by name
            with ranked as (
                select
                    *,
                    row_number() over (
                        partition by {key}
                        order by part, version desc nulls last, layout,
                            exported_at desc nulls last, file, record_no, place
                    ) as priority
                from resolved
                semi join repeated using ({key})
                where hash({key}) % $parts = $part
            )

            select {key}, {merged}
            from ranked
            group by {key}
            having not bool_and(part)
            order by {key}
            """,
            part,
        ).fetchall()
    if name in ("orders", "tickets"):
        connection.execute(
            f"insert into row_person select ?, {key}, customer_id from {name} "
            "where customer_id is not null",
            [name],
        ).fetchall()


def _tell_apart(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Name anew the ids that several vendors gave: the first vendor's rows keep the bare id."""
    own_id = schema.TABLES[name].key[0]
    if own_id == "customer_id" or not own_id.endswith("_id"):
        return
    connection.execute(
        f"""
        insert into renamed
        with given as (
            select {own_id} as id, export.vendor
            from candidate_{name}
            join export using (file)
            where vendor <> ''
        ),

        clashing as (
            select id from given group by id having min(vendor) <> max(vendor)
        )

        select distinct '{name}', vendor, id, vendor || ':' || id
        from given
        semi join clashing using (id)
        qualify dense_rank() over (partition by id order by vendor) > 1
        """
    ).fetchall()


def _resolve(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make `resolved`: the rows of one table that stay, with the person that each is about."""
    table = schema.TABLES[name]
    columns = [column.name for column in table.columns]
    replaced = []
    joined = []
    if _rows(connection, f"renamed where table_name = '{name}'"):
        own_id = table.key[0]
        replaced.append(f"coalesce(renamed.own, candidate.{own_id}) as {own_id}")
        joined.append(
            f"left join renamed on renamed.table_name = '{name}' "
            f"and renamed.vendor = export.vendor and renamed.id = candidate.{own_id}"
        )
    if "customer_id" in columns:
        unknown = "null" if "customer_id" not in table.required else "candidate.person"
        visitor = ""
        if "visitor_id" in columns:
            visitor = ", person_name(visitor.person)"
            joined.append(
                "left join link as visitor on visitor.alias = 'visitor:' || candidate.visitor_id"
            )
        replaced.append(
            "coalesce(person_name(link.person), owner.customer_id, "
            "case when candidate.person = candidate.through_table || ':' || candidate.through_id "
            f"then {unknown} else person_name(candidate.person) end{visitor}) as customer_id"
        )
    made = f"candidate.* replace ({', '.join(replaced)})" if replaced else "candidate.*"
    connection.execute(
        f"""
        create or replace temp view resolved as
        select
            {made}, export.layout, export.exported_at, export.source_file,
            candidate.place < 0 as part
        from candidate_{name} as candidate
        anti join gone using (file, record_no)
        join export using (file)
        left join link on link.alias = candidate.person
        left join renamed as through
            on through.table_name = candidate.through_table
            and through.vendor = export.vendor
            and through.id = candidate.through_id
        left join row_person as owner
            on owner.table_name = candidate.through_table
            and owner.id = coalesce(through.own, candidate.through_id)
        {" ".join(joined)}
        """
    )


def _settle(connection: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """Write the account of every file, once it is proved that all its records are in it."""
    gone: dict[int, dict[str, int]] = {}
    for number, why, records in connection.execute(
        "select file, gave_way, count(*) from gone group by file, gave_way"
    ).fetchall():
        gone.setdefault(number, {})[why] = records
    orphans = _orphans(connection)
    for number, source in enumerate(sources):
        account = source.account
        if source.file is not None and source.staged is not None:
            tally = source.file.tally
            lonely = orphans.get(number, 0)
            account.set_aside = sum(records for records, _ in tally.set_aside.values())
            gave_way = gone.get(number, {})
            account.duplicate = sum(gave_way.values())
            account.loaded = tally.good - account.duplicate - lonely
            account.skipped = sum(tally.skipped.values()) + lonely
            account.note += list(_told(source, lonely, gave_way))
            for (column, reason), (cells, example) in sorted(tally.doubts.items()):
                connection.execute(
                    "insert into doubts values (?, ?, ?, ?, ?)",
                    [account.source_file, column, cells, example, reason],
                ).fetchall()
        told = account.loaded + account.set_aside + account.duplicate + account.skipped
        if told != account.records:
            raise CxError(
                f"{account.source_file}: {account.records:,} records came in and {told:,} are "
                "accounted for, so nothing was published. Please report this file's layout."
            )
        connection.execute(
            "insert into files values (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(account.row())
        ).fetchall()
    for kind, aliases in connection.execute("select kind, aliases from shared").fetchall():
        connection.execute(
            "insert into doubts values ('all files', ?, ?, null, 'belongs to several people')",
            [kind, aliases],
        ).fetchall()


def _orphans(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Count per file the records that only fill columns of rows that no file has."""
    found: dict[int, int] = {}
    for table in schema.TABLES.values():
        first, *others = table.key
        same = " and ".join(f"part.{name} = filled.{name}" for name in others) or "true"
        rows = connection.execute(
            f"""
            select part.file, count(distinct part.record_no)
            from (
                select part.* replace (coalesce(renamed.own, {first}) as {first})
                from part_{table.name} as part
                join export using (file)
                left join renamed on renamed.table_name = '{table.name}'
                    and renamed.vendor = export.vendor and renamed.id = part.{first}
            ) as part
            anti join gone using (file, record_no)
            anti join candidate_{table.name} as own
                on own.file = part.file and own.record_no = part.record_no and own.place >= 0
            anti join {table.name} as filled on filled.{first} = part.{first} and {same}
            group by part.file
            """
        ).fetchall()
        for file, records in rows:
            found[file] = found.get(file, 0) + records
    return found


def _told(source: Source, lonely: int, gave_way: Mapping[str, int]) -> Iterator[str]:
    """Yield what was decided and found about a file, in plain words."""
    assert source.file is not None and source.staged is not None
    tally, export = source.file.tally, source.file.export
    yield export.note
    yield from source.staged.notices
    yield from tally.questions
    yield from tally.said
    if not (tally.good or tally.set_aside or lonely or "not asked for" in tally.skipped):
        yield "it has a header and no rows"
    if lonely:
        yield f"{counted(lonely, 'record')} left out: they belong to rows that no file has"
    key = " and ".join(f"'{name}'" for name in export.key)
    for where, later in (("in this file", "a later one"), ("in another file", "another file's")):
        if where in gave_way:
            yield (
                f"{counted(gave_way[where], 'record')} gave way to {later} with the same {key} "
                "that says something else"
            )
    for why, records in sorted(tally.skipped.items()):
        if why in ("footer", "repeated header", "not asked for"):
            yield f"{counted(records, 'line')} left out: {why}"
    for why, (records, line) in sorted(tally.set_aside.items()):
        yield f"{counted(records, 'record')} set aside, the first on line {line:,}: {why}"
    lost = sum(cells for cells, _ in tally.doubts.values())
    if lost:
        columns = listed({column for column, _ in tally.doubts})
        yield f"{counted(lost, 'cell')} could not be read and stayed empty: {columns}"


@dataclass(frozen=True)
class News:
    """What the draft holds that the snapshot before it did not.

    `late` counts by table the rows that are new and happened before the last that the table had;
    a table that had no rows has no late ones. `taken_in` counts by file (its hash) the records
    that had been set aside and are taken in.
    """

    late: Mapping[str, int] = field(default_factory=dict)
    taken_in: Mapping[str, int] = field(default_factory=dict)


def news(connection: duckdb.DuckDBPyConnection, before: Path) -> News:
    """Hold a filled draft against the snapshot in the file `before`."""
    if not before.is_file():
        return News()
    try:
        connection.execute(f"attach '{quoted(before)}' as before (read_only)")
    except duckdb.Error as problem:
        heed_ctrl_c(problem)
        return News()  # it was damaged: the new one takes its place
    try:
        return News(dict(_late(connection)), dict(_taken_in(connection)))
    except duckdb.BinderException:
        return News()  # of another version of cxkit, with other columns
    finally:
        connection.execute("detach before")


def _late(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int]]:
    for table in schema.TABLES.values():
        if table.time is None:
            continue
        rows = connection.execute(
            f"""
            select count(*)
            from {table.name} as mine
            anti join before.{table.name} as theirs using ({", ".join(table.key)})
            where mine.{table.time} < (select max({table.time}) from before.{table.name})
            """
        ).fetchone()
        if rows and rows[0]:
            yield table.name, rows[0]


def _taken_in(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    return connection.execute(
        """
        select export.sha256, count(*)
        from record
        join export using (file)
        semi join before.set_aside as aside
            on aside.sha256 = export.sha256 and aside.record_no = record.record_no
        group by export.sha256
        order by export.sha256
        """
    ).fetchall()
