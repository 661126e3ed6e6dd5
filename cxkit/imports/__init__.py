"""From a folder of exports to one published snapshot: read, check, set aside, publish.

    inbox -> records (+ count) -> sources (layout, recipes, guess) -> rows -> publish

Each file is copied and staged once, under the hash of its content. Every import then builds the
snapshot from all files that the store holds, so the order of imports plays no part.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from cxkit import schema, settings
from cxkit import store as stores
from cxkit.errors import BadFile, CxError
from cxkit.imports import inbox, publish, recipes, records, sources
from cxkit.imports.identity import accept_links
from cxkit.imports.mappings import MappingOf, confirm_all, confirm_mapping, guess_mapping
from cxkit.imports.publish import Account
from cxkit.imports.sources import Arrived, staged_path
from cxkit.result import Result, counted

__all__ = ["accept_links", "confirm_mapping", "guess_mapping", "import_exports"]

_SQL = "select * exclude (sha256) from files order by source_file"
_QUESTION = "Did every row arrive?"
_COUNTS = ("loaded", "set_aside", "duplicate", "skipped")

Progress = Callable[[int, int, str], None]


def import_exports(
    source: str | Path,
    *,
    store: str | Path,
    mapping: MappingOf | None = None,
    progress: Progress | None = None,
) -> Result:
    """Say whether every row of a folder of exports (or of one file) arrived in the store.

    Files are known by their content. One that no recipe knows is taken where its columns are
    beyond doubt or were confirmed; otherwise it stays out and its note asks one question.
    `mapping` confirms the columns of such a file, and is kept in `cx.toml` for next month:
    canonical table -> {canonical column: the file's column}, as in
    `{"events": {"customer_id": "user_id", "occurred_at": "timestamp", "event": "event"}}`.
    `progress` is called with the bytes done, all bytes, and the file's name.

    The table has one row per file: file, recipe, records, loaded, set_aside, duplicate, skipped,
    note; records = loaded + set_aside + duplicate + skipped in every row, where `records` is
    counted apart from the reader. The same files again change nothing.

    Raises CxError where there is nothing to import, BadRecipe where `mapping` names what does
    not exist, StoreBusy where another import holds the store.
    """
    folder, home = Path(source), Path(store)
    found = inbox.found(folder, store=home)
    arrived = _take_in(found, home, progress)
    if mapping:
        confirm_all(home, arrived, mapping)
    readable = [item for item in arrived if not item.refused]
    if not readable and stores.read_manifest(home) is None:
        first = arrived[0]
        raise CxError(f"{first.name} could not be imported. {first.refused}")
    changed = _build(home, arrived)
    return _told(home, arrived, changed)


def _take_in(found: Sequence[inbox.Found], home: Path, progress: Progress | None) -> list[Arrived]:
    """Copy and stage each file that the store does not hold yet."""
    sizes = [file.path.stat().st_size for file in found]
    done, total = 0, sum(sizes)
    arrived = []
    for file, size in zip(found, sizes, strict=True):
        if progress:
            progress(done, total, file.name)
        arrived.append(_take_one(file, home))
        done += size
    if progress:
        progress(done, total, "")
    return arrived


def _take_one(file: inbox.Found, home: Path) -> Arrived:
    digest = ""
    try:
        digest = inbox.digest(file.path)
        if records.known(staged_path(home, digest)) is None:
            inbox.identify(file.path)
            raw = inbox.copy_raw(file.path, home, digest)
            records.stage(raw, staged_path(home, digest), digest)
        return Arrived(file.name, digest)
    except BadFile as problem:
        return Arrived(file.name, digest or inbox.unread(file.path), str(problem))


def _build(home: Path, arrived: Sequence[Arrived]) -> bool:
    """Publish a snapshot of all files of the store, unless it would be the one there is."""
    with stores.draft(home) as connection:
        manifest = stores.read_manifest(home)
        held = set(manifest.current["files"]) if manifest else set()
        ledger = sources.noted(home, arrived)
        files = {name: ledger[name] for name in held | {item.sha256 for item in arrived}}
        mapped = recipes.from_settings(settings.load(home).imports)
        found = sources.sources_of(home, files, mapped)
        suggested = sources.suggested_by(found)
        company = settings.load(home, suggested)
        basis = sources.basis_of(files, company)
        if manifest and manifest.current.get("basis") == basis:
            return False
        readied = [sources.ready(home, source, company) for source in found]
        publish.fill(connection, readied, company.people.same)
        stores.publish(
            home,
            connection,
            files=sorted(files),
            settings=company,
            suggested=suggested,
            basis=basis,
        )
        return True


def _told(home: Path, arrived: Sequence[Arrived], changed: bool) -> Result:
    """Tell about the files of this import, from the snapshot that holds them."""
    connection = stores.attach(home)
    try:
        files = stores.frame(connection.sql("select * from files order by source_file"))
        as_of = connection.execute("select max(occurred_at) from timeline").fetchone()
        shared = connection.execute(
            "select column_name, cells from doubts where source_file = 'all files' order by 1"
        ).fetchall()
    finally:
        connection.close()
    by_hash = {row["sha256"]: row for row in files.iter_rows(named=True)}
    lines = []
    seen: dict[str, str] = {}
    for item in arrived:
        row = by_hash.get(item.sha256)
        if item.refused or row is None:
            account = Account(item.name, item.sha256, note=[item.refused])
        elif item.sha256 in seen:
            account = Account(item.name, item.sha256, row["recipe"], row["records"])
            account.duplicate = row["records"]
            account.note = [f"the same content as {seen[item.sha256]}"]
        else:
            seen[item.sha256] = item.name
            counts = {name: row[name] for name in _COUNTS}
            account = Account(
                item.name, item.sha256, row["recipe"], row["records"], note=[row["note"]], **counts
            )
        lines.append(account.row())
    columns = {c.name: c.kind for c in schema.SNAPSHOT_TABLES["files"][1]}
    kinds = {n: pl.Int64 if kind == "count" else pl.String for n, kind in columns.items()}
    table = pl.DataFrame(lines, schema=kinds, orient="row").drop("sha256")
    return Result(
        "import_exports",
        _QUESTION,
        table.rename({"source_file": "file"}),
        _finding(table, changed),
        tuple(_caveats(table, shared)),
        _SQL,
        as_of[0] if as_of else None,
        int(table["records"].sum()),
    )


def _finding(table: pl.DataFrame, changed: bool) -> str:
    sums = {name: int(table[name].sum()) for name in ("records", *_COUNTS)}
    sentence = (
        f"All {counted(sums['records'], 'record')} of {counted(table.height, 'file')} are "
        f"accounted for: {sums['loaded']:,} loaded, {sums['set_aside']:,} set aside, "
        f"{sums['duplicate']:,} duplicate, {sums['skipped']:,} skipped."
    )
    return sentence if changed else f"{sentence} Nothing has changed since the last import."


def _caveats(table: pl.DataFrame, shared: Sequence[tuple[str, int]]) -> list[str]:
    said = []
    out = table.filter((pl.col("loaded") + pl.col("set_aside") + pl.col("duplicate")) == 0)
    for name, note in out.select("source_file", "note").iter_rows():
        said.append(f"{name}: {note}")
    for kind, aliases in shared:
        said.append(f"{counted(aliases, kind)} with several owners: such an id links nobody.")
    return said
