"""From a folder of exports to one published snapshot: read, check, set aside, publish.

    inbox -> records (+ count) -> sources (layout, recipes, guess) -> rows -> publish

Each file is copied and staged once, under the hash of its content. Every import then builds the
snapshot from all files that the store holds, so the order of imports plays no part.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from cxkit import settings
from cxkit import store as stores
from cxkit.errors import BadFile, CxError
from cxkit.imports import inbox, process, publish, recipes, records, sources, told
from cxkit.imports.identity import accept_links, reject_links
from cxkit.imports.mappings import MappingOf, confirm_all, confirm_mapping, guess_mapping
from cxkit.imports.publish import News
from cxkit.imports.sources import Arrived, staged_path
from cxkit.result import Result

__all__ = [
    "accept_links",
    "confirm_mapping",
    "guess_mapping",
    "import_exports",
    "reject_links",
    "replay",
    "undo",
]

Progress = Callable[[int, int, str], None]
_BUILDING = 3.0  # of the time that reading a byte takes, spent on it again when tables are built


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
    `progress` is called with the bytes done, all bytes, and what is at work: a file, or the tables.

    The table has one row per file: file, recipe, records, loaded, set_aside, duplicate, skipped,
    note; records = loaded + set_aside + duplicate + skipped in every row, where `records` is
    counted apart from the reader. The same files again change nothing. An import that is stopped
    or fails leaves the store as it was.

    Raises CxError where there is nothing to import, BadRecipe where `mapping` names what does
    not exist, StoreBusy where another import holds the store, NotWritten where the disk is full.
    """
    folder, home = Path(source), Path(store)
    found = inbox.found(folder, store=home)
    with stores.draft(home) as connection:
        work = _Work(progress, home, found)
        arrived = _take_in(found, home, work)
        if mapping:
            confirm_all(home, arrived, mapping)
        if all(item.refused for item in arrived) and stores.read_manifest(home) is None:
            first = arrived[0]
            raise CxError(f"{first.name} could not be imported. {first.refused}")
        news = _build(home, connection, arrived, work)
        work.end()
    return told.imported(home, arrived, news)


def replay(store: str | Path, *, progress: Progress | None = None) -> Result:
    """Take in from a store's own raw files what a recipe, a setting or a mapping mended meanwhile.

    The folder of exports is not needed. Records that were set aside are read again, and so are
    files that no recipe knew or that could not be read. `progress` is as in `import_exports`.

    The table has one row per file of the store, as `import_exports` gives it, with `taken_in`: the
    records that were set aside before and are not now. Raises NoStore where nothing was imported
    yet, StoreBusy and NotWritten as `import_exports` does.
    """
    home = Path(store)
    stores.attach(home).close()  # says where there is nothing to replay
    with stores.draft(home) as connection:
        files = sources.held(home)
        work = _Work(progress, home, [])
        arrived = [
            _again(Arrived(file["names"][0], digest, file["refused"]), home)
            for digest, file in files.items()
        ]
        arrived.sort(key=lambda item: item.name)
        aside = _set_aside(home)
        news = _build(home, connection, arrived, work)
        work.end()
    return told.replayed(home, arrived, aside, news)


def undo(store: str | Path) -> Result:
    """Step back one import: the snapshot before the current one is current again, in one step.

    A store keeps its last five snapshots, so up to four steps are possible. Raw files and `cx.toml`
    stay; an import of the same folder takes its files back in. The table has one row per file of
    the snapshot that is current now, as `import_exports` gives it.

    Raises CxError where there is no earlier snapshot, NoStore where nothing was imported yet or
    the earlier snapshot was changed, StoreBusy where an import is at work.
    """
    home = Path(store)
    left, now = stores.step_back(home)
    return told.undone(home, left, now)


class _Work:
    """How far an import is, in bytes of the files it was given."""

    def __init__(self, progress: Progress | None, home: Path, found: Sequence[inbox.Found]) -> None:
        self._progress = progress
        raw = {path.name.split(".")[0]: path.stat().st_size for path in (home / "raw").glob("*.*")}
        built = sum(raw.get(digest, 0) for digest in sources.held(home))
        self.sizes = {file.path: file.path.stat().st_size for file in found}
        reading = sum(self.sizes.values())
        building = _BUILDING * (reading + built)
        self.bytes = reading or built
        self._scale = self.bytes / ((reading + building) or 1)
        self._building, self._read = building, 0

    def reading(self, file: inbox.Found, share: float) -> None:
        """Say that a share of a file is read."""
        self._tell(self._read + share * self.sizes[file.path], file.name)

    def have_read(self, file: inbox.Found) -> None:
        """Say that a file is read."""
        self._read += self.sizes[file.path]

    def building(self, share: float) -> None:
        """Say that a share of the tables is built."""
        self._tell(self._read + share * self._building, "building the tables")

    def end(self) -> None:
        """Say that all is done."""
        if self._progress:
            self._progress(self.bytes, self.bytes, "")

    def _tell(self, done: float, name: str) -> None:
        if self._progress:
            self._progress(round(done * self._scale), self.bytes, name)


def _take_in(found: Sequence[inbox.Found], home: Path, work: _Work) -> list[Arrived]:
    """Copy and stage each file that the store does not hold yet."""
    arrived = []
    for file in found:
        work.reading(file, 0)
        arrived.append(_take_one(file, home, work))
        work.have_read(file)
    return arrived


def _take_one(file: inbox.Found, home: Path, work: _Work) -> Arrived:
    digest = ""
    try:
        digest = inbox.digest(file.path)
        if records.known(staged_path(home, digest)) is None:
            inbox.identify(file.path)
            process.start()
            raw = inbox.copy_raw(file.path, home, digest)
            process.stage(
                raw,
                staged_path(home, digest),
                digest,
                watch=lambda share: work.reading(file, share),
            )
        return Arrived(file.name, digest)
    except BadFile as problem:
        return Arrived(file.name, digest or inbox.unread(file.path), str(problem))


def _again(item: Arrived, home: Path) -> Arrived:
    """Try once more to read a file that could not be read."""
    raw = next(iter((home / "raw").glob(f"{item.sha256}*")), None)
    if not item.refused or raw is None:
        return item
    try:
        process.stage(raw, staged_path(home, item.sha256), item.sha256)
        return Arrived(item.name, item.sha256)
    except BadFile as problem:
        return Arrived(item.name, item.sha256, str(problem))


def _build(
    home: Path, connection: duckdb.DuckDBPyConnection, arrived: Sequence[Arrived], work: _Work
) -> News | None:
    """Publish a snapshot of all files of the store, unless it would be the one there is."""
    manifest = stores.read_manifest(home)
    files = sources.joined(sources.held(home), arrived)
    mapped = recipes.from_settings(settings.load(home).imports)
    found = sources.sources_of(home, files, mapped)
    suggested = sources.suggested_by(found)
    company = settings.load(home, suggested)
    basis = sources.basis_of(files, company)
    if manifest and manifest.current.get("basis") == basis:
        return None
    ready = [sources.ready(home, source, company) for source in found]
    people = company.people
    publish.fill(connection, ready, people.same, people.different, work.building)
    news = News()
    if manifest:
        news = publish.news(connection, stores.snapshot_path(home, manifest.current))
    stores.publish(
        home,
        connection,
        files=files,
        settings=company,
        suggested=suggested,
        basis=basis,
        late=dict(news.late),
    )
    return news


def _set_aside(home: Path) -> dict[str, int]:
    connection = stores.attach(home)
    try:
        return dict(
            connection.execute("select sha256, count(*) from set_aside group by 1").fetchall()
        )
    finally:
        connection.close()
