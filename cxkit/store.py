"""The store: a folder of raw exports and immutable snapshots, published by one atomic swap.

    store/raw/<sha256>.<ext>      each export under the hash of its content, kept as evidence
    store/staged/<sha256>.parquet the same as text, one row per record
    store/snapshots/<id>.duckdb   all tables, closed and never written again
    store/manifest.json           names the current snapshot; swapped in one step
    store/cx.toml                 the settings
    store/personas.json           the personas that were kept, if any
    store/themes.toml, labels.json  the theme book and the labels that were kept, if any

Readers attach a snapshot READ_ONLY, so any number of them may read while an import publishes.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import polars as pl

from cxkit import lock, schema
from cxkit.errors import CxError, NoStore, NotWritten, StoreBusy
from cxkit.settings import Settings

_T = TypeVar("_T")

KEPT_SNAPSHOTS = 5
_PATIENCE = 60.0  # seconds that a writer waits for the one before it
_MEMORY = "250MB"  # of DuckDB while tables are built; what is beyond it goes to the disk
_ROOMY = 20_000_000  # dated rows beyond which their timeline needs more memory than that
_PER_ROW = 20  # bytes of it for each such row
# What DuckDB says of it depends on where it was: in a query, after one, or in a frame handed to it.
_CTRL_C = re.compile(r"INTERRUPT Error|^Query interrupted|failed: KeyboardInterrupt")
_WRITTEN = ("", "raw", "staged")  # folders in which files are written as *.tmp and then renamed
_PREPARE = Path(__file__).with_name("prepare.sql")
_SALES = Path(__file__).with_name("sales.sql")
_BESIDE = [name for name in schema.SNAPSHOT_TABLES if name not in ("people", "timeline")]


@dataclass(frozen=True)
class Manifest:
    """What the store has published: newest snapshot last.

    Each snapshot is a dictionary with `id`, `sha256`, `bytes`, `files` (the raw hashes behind it:
    the names that each came under, and why it was refused), `settings` (what the recipes in use
    suggest), `basis` (the hash of all it was made from) and `late` (rows by table that came after
    later ones had: of this import, so not in the tables).
    """

    snapshots: tuple[dict[str, Any], ...]

    @property
    def current(self) -> dict[str, Any]:
        """The newest snapshot."""
        return self.snapshots[-1]


def read_manifest(store: Path) -> Manifest | None:
    """Return what `store` has published, or None where it has published nothing yet.

    Raises NoStore where the manifest is not what was written.
    """
    path = Path(store) / "manifest.json"
    if not path.is_file():
        return None
    try:
        text = _patiently(lambda: path.read_text(encoding="utf-8"))
        snapshots = tuple(json.loads(text)["snapshots"])
        if not snapshots or not all(isinstance(entry, dict) for entry in snapshots):
            raise ValueError("no snapshot")
    except (ValueError, KeyError, TypeError):
        raise NoStore(
            f"manifest.json of '{Path(store).name}' is damaged. "
            "Rename it and import the exports again: every raw file is still in the store."
        ) from None
    return Manifest(snapshots)


def snapshot_path(store: Path, snapshot: dict[str, Any]) -> Path:
    """Return where a snapshot's file lies."""
    return Path(store) / "snapshots" / f"{snapshot['id']}.duckdb"


def raw_path(store: Path, digest: str) -> Path:
    """Return the copy of an export that the store keeps under its content's hash."""
    found = sorted((Path(store) / "raw").glob(f"{digest}.*"))
    if not found:
        raise NoStore(f"The export {digest[:8]} is missing from the store. Import it again.")
    return found[0]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def draft(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a connection to a new, empty snapshot that nobody sees until `publish`.

    All canonical tables and those beside them exist in it, but for people and timeline. One
    process at a time may hold a draft of a store (StoreBusy otherwise); leaving the block without
    `publish` leaves the store as it was. What a process that died left behind is cleared first.
    Raises NotWritten where the disk or the memory does not suffice.
    """
    with _writing(store):
        _sweep(store)
        path = Path(store) / "snapshots" / "draft.duckdb"
        path.parent.mkdir(exist_ok=True)
        connection = None
        try:
            connection = connect(path, memory_limit=_MEMORY)
            for name in [*schema.TABLES, *_BESIDE]:
                connection.execute(schema.ddl(name))
            yield connection
        except (duckdb.Error, RuntimeError) as problem:
            heed_ctrl_c(problem)
            raise
        finally:
            if connection is not None:
                connection.close()
            _discard(path)


def publish(
    store: Path,
    connection: duckdb.DuckDBPyConnection,
    *,
    files: dict[str, Any],
    settings: Settings,
    suggested: dict[str, Any],
    basis: str = "",
    late: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Prepare the timeline in the draft behind `connection`, close it, and name it in the manifest.

    `files` says what each raw file was called, by its hash. `basis` is the hash of all that the
    snapshot was made from: an import that finds the same basis again has nothing to publish.
    `late` counts rows that came after later ones had. Returns the snapshot's entry. The snapshot's
    id is the hash of its file, so the same content is never published twice. The newest five stay.
    """
    prepare(connection, settings)
    connection.execute("checkpoint")
    connection.close()
    path = Path(store) / "snapshots" / "draft.duckdb"
    digest = sha256(path)
    snapshot = {
        "id": digest[:16],
        "sha256": digest,
        "bytes": path.stat().st_size,
        "files": files,
        "settings": suggested,
        "basis": basis,
        "late": late or {},
    }
    sync(path)
    target = snapshot_path(store, snapshot)
    # the same bytes may be there and open: Windows would not let them be replaced
    if not (target.is_file() and sha256(target) == digest):
        _replace(path, target)
    sync_folder(path.parent)
    before = read_manifest(store)
    older = [s for s in (before.snapshots if before else ()) if s["id"] != snapshot["id"]]
    _write_manifest(store, [*older, snapshot][-KEPT_SNAPSHOTS:])
    return snapshot


def step_back(store: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the snapshot before the current one current again; returns the one left and that one.

    Raises NoStore where nothing was published, or where the earlier snapshot is not as it was;
    CxError where there is no earlier one.
    """
    if read_manifest(store) is None:
        raise _nothing(store)
    with _writing(store):
        manifest = read_manifest(store)
        assert manifest is not None  # a manifest is never removed
        if len(manifest.snapshots) < 2:
            raise CxError(
                f"There is nothing to undo in '{Path(store).name}': it holds one import and no "
                "earlier one. To begin anew, import into another store."
            )
        *earlier, left = manifest.snapshots
        path = snapshot_path(store, earlier[-1])
        if not path.is_file() or sha256(path) != earlier[-1]["sha256"]:
            raise NoStore(
                f"The snapshot before this one, {path.name}, is missing or was changed, so the "
                "store stays as it is. Import the right exports instead."
            )
        _write_manifest(store, earlier)
        return left, earlier[-1]


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Make people and timeline from the canonical tables: dense keys, ENUMs, sorted.

    Rows of the same instant are ordered by the declared rank: the stage's place in the journey,
    then the touchpoint's name; never by the order of the file.
    """
    zone = settings.company.timezone
    stages: dict[str, tuple[str, str, int]] = {}
    for place, stage in enumerate(settings.journey.stages):
        for touchpoint in settings.journey.touchpoints_of(stage):
            # one that counts as two stages stands once on the timeline, at the first of them
            stages.setdefault(touchpoint, (touchpoint, stage, place))
    connection.execute("create temp table journey (touchpoint varchar, stage varchar, rank bigint)")
    if stages:
        connection.executemany("insert into journey values (?, ?, ?)", list(stages.values()))
    connection.execute("create temp table company as select $1 as timezone", [zone])
    ((rows,),) = connection.execute(
        "select coalesce(sum(estimated_size), 0)::bigint from duckdb_tables()"
    ).fetchall()
    if rows > _ROOMY:  # a join that has no room stops, and does not go to the disk
        megabytes = (_PER_ROW * rows) // 1_000_000
        connection.execute(f"set memory_limit = '{megabytes}MB'")
    for statement in _PREPARE.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.execute(statement).fetchall()


def connect(path: Path | None = None, **config: Any) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection that neither loads extensions nor reads Python's variables."""
    connection = duckdb.connect(
        str(path) if path else ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
            **({"threads": 1} if os.environ.get("CXKIT_BATCH") else {}),
            **config,
        },
    )
    # In a notebook the bar would be one more output, at random; cxkit shows its own progress.
    connection.execute("set enable_progress_bar = false")
    connection.execute("set timezone = 'UTC'")
    return connection


def attach(store: Path) -> duckdb.DuckDBPyConnection:
    """Open the current snapshot read-only, with every other file, setting and network closed.

    Raises NoStore where nothing was published, or where the snapshot is not the one published.
    """
    return attach_current(store)[1]


def attach_current(store: Path) -> tuple[dict[str, Any], duckdb.DuckDBPyConnection]:
    """Open the current snapshot as `attach` does, and return its entry in the manifest as well."""
    tried = None
    while True:
        manifest = read_manifest(store)
        if manifest is None:
            raise _nothing(store)
        try:
            return manifest.current, attach_snapshot(store, manifest.current)
        except NoStore:
            # imports may have replaced and dropped it since the manifest was read: look again
            if manifest.current["id"] == tried:
                raise
            tried = manifest.current["id"]


def _nothing(store: Path) -> NoStore:
    return NoStore(
        f"There is no cxkit store in '{Path(store).name}'. "
        "Import a folder of exports into it first: cx.import_exports(folder, store=...)."
    )


def attach_snapshot(store: Path, snapshot: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open one of the store's snapshots as `attach` opens the current one; NoStore likewise."""
    path = snapshot_path(store, snapshot)
    changed = NoStore(
        f"The snapshot {path.name} is missing or was changed. "
        "Import the exports again: the raw files are still in the store."
    )
    if not path.is_file() or path.stat().st_size != snapshot["bytes"]:
        raise changed
    connection = connect()
    try:
        connection.execute("set allowed_directories = [?]", [str(path.parent)])
        connection.execute(f"attach '{quoted(path)}' as snapshot (read_only)")
        connection.execute("use snapshot")
        for statement in _SALES.read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
    except duckdb.Error as problem:
        connection.close()
        heed_ctrl_c(problem)
        raise changed from None
    return connection


def heed_ctrl_c(problem: Exception) -> None:
    """Raise KeyboardInterrupt where an error of DuckDB's only tells that Ctrl-C was pressed."""
    if _CTRL_C.search(str(problem)):
        raise KeyboardInterrupt from None


def quoted(path: Path) -> str:
    """Return a path of ours for the text of ATTACH, which takes no bound value."""
    return str(path).replace("'", "''")


def frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return the rows of a relation as a polars frame.

    By way of Arrow: polars reading the relation itself makes DuckDB report leaks at exit.
    """
    return pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))


@contextmanager
def _writing(store: Path) -> Iterator[None]:
    """Hold the one writer's place of a store; a place left by a process that died is free."""
    place = Path(store) / "writing.lock"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _PATIENCE
        while (file := lock.take(place)) is None:
            if time.monotonic() > until:
                raise StoreBusy(
                    f"Another import is writing to '{Path(store).name}'. "
                    "Wait until it has ended, then run again."
                )
            time.sleep(0.1)
        try:
            yield
        finally:
            lock.give_back(place, file)
    except OSError as problem:
        raise not_written(store, problem.strerror or str(problem)) from problem
    except (duckdb.IOException, duckdb.FatalException) as problem:
        # 'IO Error: Could not write file "…": No space left on device'
        raise not_written(store, str(problem).splitlines()[0].split(": ")[-1]) from problem
    except (MemoryError, duckdb.OutOfMemoryException) as problem:
        raise NotWritten(
            f"The tables of '{Path(store).name}' need more memory than there is. "
            "The store is as it was: close other programs and run again."
        ) from problem


def not_written(store: Path, why: str) -> NotWritten:
    """Return the error that says why a store could not be written."""
    return NotWritten(
        f"The store '{Path(store).name}' could not be written: {why.rstrip('.')}. "
        "It is as it was: make room, or mend its folder's rights, and run again."
    )


def keep_text(store: Path, name: str, text: str) -> Path:
    """Keep a text as the file `name` of a store, beside its snapshots; returns its path.

    Whoever reads the file meanwhile sees the old text or the new one, whole. Raises StoreBusy and
    NotWritten as an import does.
    """
    path = Path(store) / name
    with _writing(store):  # an import clears away what another writer leaves half done
        _swap(path, text)
        sync_folder(path.parent)
    return path


def _swap(path: Path, text: str) -> None:
    """Write a file in one step: under another name first, then renamed."""
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        sync(temporary)
        _replace(temporary, path)
    except BaseException:
        _drop(temporary)
        raise


def _replace(source: Path, target: Path) -> None:
    """Rename over another file, which a reader may have open this moment."""
    _patiently(lambda: source.replace(target))


def _patiently(do: Callable[[], _T]) -> _T:
    """Return what `do` gives; on Windows wait while another process has the file this moment."""
    for _ in range(50 if os.name == "nt" else 0):
        try:
            return do()
        except PermissionError:
            time.sleep(0.02)
    return do()


def _sweep(store: Path) -> None:
    """Clear what a writer that died left behind. Only whoever holds the writer's place may."""
    home = Path(store)
    _discard(home / "snapshots" / "draft.duckdb")
    for leftover in (p for part in _WRITTEN for p in (home / part).glob("*.tmp")):
        _drop(leftover)
    manifest = read_manifest(home)
    _drop_unnamed(home, manifest.snapshots if manifest else ())


def _drop_unnamed(store: Path, snapshots: Iterable[dict[str, Any]]) -> None:
    """Drop the snapshots that the manifest does not name."""
    named = {f"{s['id']}.duckdb" for s in snapshots}
    for path in (Path(store) / "snapshots").glob("*.duckdb"):
        if path.name not in named:
            _drop(path)


def _drop(path: Path) -> None:
    with suppress(OSError):  # a reader on Windows still holds it; the next import drops it
        path.unlink()


def _discard(path: Path) -> None:
    _drop(path)
    _drop(path.with_name(path.name + ".wal"))
    shutil.rmtree(path.with_name(path.name + ".tmp"), ignore_errors=True)  # DuckDB's spilled rows


def sync(path: Path) -> None:
    """Have a file's content written to the disk itself."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk itself, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_manifest(store: Path, snapshots: list[dict[str, Any]]) -> None:
    """Swap the manifest in one step, then drop snapshots that it no longer names."""
    path = Path(store) / "manifest.json"
    text = json.dumps({"snapshots": snapshots}, indent=1, sort_keys=True, ensure_ascii=False)
    _swap(path, text)
    # from here on it is published: nothing that fails below changes that
    with suppress(OSError):
        sync_folder(path.parent)
    _drop_unnamed(store, snapshots)
