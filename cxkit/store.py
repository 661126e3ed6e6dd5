"""The store: a folder of raw exports and immutable snapshots, published by one atomic swap.

    store/raw/<sha256>.<ext>      each export under the hash of its content, kept as evidence
    store/staged/<sha256>.parquet the same as text, one row per record
    store/snapshots/<id>.duckdb   all tables, closed and never written again
    store/manifest.json           names the current snapshot; swapped in one step
    store/cx.toml                 the settings

Readers attach a snapshot READ_ONLY, so any number of them may read while an import publishes.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from cxkit import schema
from cxkit.errors import NoStore, StoreBusy
from cxkit.settings import Settings

KEPT_SNAPSHOTS = 5
_PREPARE = Path(__file__).with_name("prepare.sql")


@dataclass(frozen=True)
class Manifest:
    """What the store has published: newest snapshot last.

    Each snapshot is a dictionary with `id`, `sha256`, `bytes`, `files` (the raw hashes behind it),
    `settings` (what the recipes in use suggest) and `basis` (the hash of all it was made from).
    """

    snapshots: tuple[dict[str, Any], ...]

    @property
    def current(self) -> dict[str, Any]:
        """The newest snapshot."""
        return self.snapshots[-1]


def read_manifest(store: Path) -> Manifest | None:
    """Return what `store` has published, or None where it has published nothing yet."""
    path = Path(store) / "manifest.json"
    if not path.is_file():
        return None
    return Manifest(tuple(json.loads(path.read_text(encoding="utf-8"))["snapshots"]))


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

    All canonical tables and the tables files, set_aside, doubts and aliases exist in it. One
    process at a time may hold a draft of a store (StoreBusy otherwise); leaving the block without
    `publish` leaves the store as it was.
    """
    folder = Path(store) / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(store):
        path = folder / "draft.duckdb"
        _discard(path)
        connection = connect(path)
        try:
            for name in [*schema.TABLES, "aliases", "files", "set_aside", "doubts"]:
                connection.execute(schema.ddl(name))
            yield connection
        finally:
            connection.close()
            _discard(path)


def publish(
    store: Path,
    connection: duckdb.DuckDBPyConnection,
    *,
    files: list[str],
    settings: Settings,
    suggested: dict[str, Any],
    basis: str = "",
) -> dict[str, Any]:
    """Prepare the timeline in the draft behind `connection`, close it, and name it in the manifest.

    `basis` is the hash of all that the snapshot was made from: an import that finds the same
    basis again has nothing to publish. Returns the snapshot's entry. The snapshot's id is the hash
    of its file, so the same content under another name is never published twice. The newest five
    snapshots stay.
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
        "files": sorted(files),
        "settings": suggested,
        "basis": basis,
    }
    _sync(path)
    path.replace(snapshot_path(store, snapshot))
    before = read_manifest(store)
    older = [s for s in (before.snapshots if before else ()) if s["id"] != snapshot["id"]]
    _write_manifest(store, [*older, snapshot][-KEPT_SNAPSHOTS:])
    return snapshot


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Make people and timeline from the canonical tables: dense keys, ENUMs, sorted.

    Rows of the same instant are ordered by the declared rank: the stage's place in the journey,
    then the touchpoint's name; never by the order of the file.
    """
    zone = settings.company.timezone
    stages = [
        (touchpoint, stage, place)
        for place, stage in enumerate(settings.journey.stages)
        for touchpoint in settings.journey.touchpoints_of(stage)
    ]
    connection.execute("create temp table journey (touchpoint varchar, stage varchar, rank bigint)")
    if stages:
        connection.executemany("insert into journey values (?, ?, ?)", stages)
    connection.execute("create temp table company as select $1 as timezone", [zone])
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
    manifest = read_manifest(store)
    if manifest is None:
        raise NoStore(
            f"There is no cxkit store in '{Path(store).name}'. "
            "Import a folder of exports into it first: cx.import_exports(folder, store=...)."
        )
    path = snapshot_path(store, manifest.current)
    if not path.is_file() or path.stat().st_size != manifest.current["bytes"]:
        raise NoStore(
            f"The snapshot {path.name} is missing or was changed. "
            "Import the exports again: the raw files are still in the store."
        )
    connection = connect()
    connection.execute("set allowed_directories = [?]", [str(path.parent)])
    # ATTACH takes no bound value; the path is ours, and quotes in the folder's name are doubled.
    quoted = str(path).replace("'", "''")
    connection.execute(f"attach '{quoted}' as snapshot (read_only)")
    connection.execute("use snapshot")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return the rows of a relation as a polars frame.

    By way of Arrow: polars reading the relation itself makes DuckDB report leaks at exit.
    """
    return pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))


@contextmanager
def _lock(store: Path) -> Iterator[None]:
    """Hold the one writer's place of a store; a place left by a process that died is taken over."""
    path = Path(store) / "writing.lock"
    for _ in range(300):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            if not _alive(path):
                path.unlink(missing_ok=True)
            else:
                time.sleep(0.2)
    else:
        raise StoreBusy(
            f"Another import is writing to '{Path(store).name}'. "
            "Wait until it has ended, then run again."
        )
    try:
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)
        yield
    finally:
        path.unlink(missing_ok=True)


def _alive(path: Path) -> bool:
    """Whether the process that holds the lock still runs."""
    try:
        number = int(path.read_text() or "0")
    except (OSError, ValueError):
        return True
    if number == 0:
        return True  # it was made this instant, and its owner has not signed yet
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _discard(path: Path) -> None:
    for leftover in (path, path.with_name(path.name + ".wal")):
        leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _write_manifest(store: Path, snapshots: list[dict[str, Any]]) -> None:
    """Swap the manifest in one step, then drop snapshots that it no longer names."""
    path = Path(store) / "manifest.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"snapshots": snapshots}, indent=1), encoding="utf-8")
    _sync(temporary)
    temporary.replace(path)
    named = {f"{s['id']}.duckdb" for s in snapshots}
    for old in (Path(store) / "snapshots").glob("*.duckdb"):
        if old.name not in named:
            try:
                old.unlink()
            except OSError:
                continue  # a reader on Windows still holds it; the next publish drops it
