"""Which files does the store hold, and what reads each of them?

The manifest names them: each content by its hash, with all names under which it came. Everything
here is a function of that set, of the recipes and of `cx.toml`; the order of imports plays no part.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from cxkit import __version__, settings
from cxkit import store as stores
from cxkit.errors import BadFile, CxError, listed
from cxkit.imports import guess, layout, process, quirks, recipes, records, rows
from cxkit.imports.publish import Account, Source
from cxkit.imports.recipes import Match
from cxkit.imports.records import Staged


@dataclass(frozen=True)
class Arrived:
    """One file of this import: its name, the hash of its content, or why it was refused."""

    name: str
    sha256: str
    refused: str = ""


def held(home: Path) -> dict[str, dict[str, Any]]:
    """Return the files behind the current snapshot by hash: names, and why one was refused."""
    manifest = stores.read_manifest(home)
    files = manifest.current["files"] if manifest else {}
    if isinstance(files, list):  # a store of before, which kept the names beside the manifest
        names = json.loads((home / "files.json").read_text(encoding="utf-8"))
        return {digest: names[digest] for digest in files}
    return dict(files)


def joined(
    files: Mapping[str, Mapping[str, Any]], arrived: Sequence[Arrived]
) -> dict[str, dict[str, Any]]:
    """Return the files of the store with those that arrived: each content with all its names."""
    made = {digest: dict(file) for digest, file in files.items()}
    for item in arrived:
        names = {*made.get(item.sha256, {"names": ()})["names"], item.name}
        made[item.sha256] = {"names": sorted(names), "refused": item.refused}
    return dict(sorted(made.items()))


def basis_of(files: Mapping[str, Any], company: settings.Settings) -> str:
    """Return the hash of everything that decides what a snapshot holds."""
    made_from = {
        "cxkit": __version__,
        "files": files,
        "settings": settings.as_told(company),
        "recipes": [recipe.stamp for recipe in recipes.recipes()],
        "code": code_of(Path(__file__).parents[1]),
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


@cache
def code_of(package: Path) -> str:
    """Return the hash of the code that makes rows of files: another cxkit makes them anew."""
    files = [p for p in (package / "imports").rglob("*") if p.suffix in (".py", ".sql", ".toml")]
    return records.hash_of([*files, package / "schema.py", package / "prepare.sql"])


def sources_of(
    home: Path, files: Mapping[str, Mapping[str, Any]], mapped: Sequence[recipes.Export]
) -> list[Source]:
    """Return the files of the store in the order of their names, each with what reads it."""
    readable = {f["names"][0] for f in files.values() if not f["refused"]}
    # a refused file gives way once a download of the same name could be read
    kept = {d: f for d, f in files.items() if not f["refused"] or f["names"][0] not in readable}
    times = Counter(file["names"][0] for file in kept.values())
    named = []
    for digest, file in kept.items():
        name = file["names"][0]
        shown = f"{name} ({digest[:8]})" if times[name] > 1 else name
        named.append((shown, digest, file["refused"]))
    return [_source(home, name, digest, refused, mapped) for name, digest, refused in sorted(named)]


def _source(
    home: Path, name: str, digest: str, refused: str, mapped: Sequence[recipes.Export]
) -> Source:
    account = Account(name, digest)
    if refused:
        account.note.append(refused)
        return Source(account)
    path = staged_path(home, digest)
    staged = records.known(path)
    if staged is None:
        try:
            staged = _again(home, digest)
        except BadFile as problem:
            account.note.append(str(problem))
            return Source(account)
    account.records = account.skipped = staged.counted
    if staged.read != staged.counted:
        account.note.append(
            f"the reader found {staged.read:,} records and a second count {staged.counted:,}, "
            "so nothing of it was loaded. Please report this file's layout"
        )
        return Source(account, staged)
    match, question = known_as(path, staged, mapped)
    if match is None:
        account.note.append(question)
    elif match.export.skip:
        account.recipe = match.export.name
        account.note.append(match.export.skip)
    else:
        account.recipe = match.export.name
        account.note.append(match.told)
    return Source(account, staged, match)


def _again(home: Path, digest: str) -> Staged:
    """Stage a raw file once more, where its staged form was lost."""
    for raw in (home / "raw").glob(f"{digest}*"):
        return process.stage(raw, staged_path(home, digest), digest)
    raise CxError(
        f"The store has lost the raw file {digest[:8]}. Import that export again into a new store."
    )


def known_as(
    path: Path, staged: Staged, mapped: Sequence[recipes.Export]
) -> tuple[Match | None, str]:
    """Return what a staged file is, or the question that has to be answered first."""
    first = [list(staged.names)] if staged.names else layout.head(path, staged)
    match = recipes.match(first, bool(staged.names), mapped)
    if match is not None:
        return _all_named(path, staged, match)
    header_no = 1 if staged.names else layout.guess_header(first)
    if header_no is None:
        return None, (
            "No row of it looks like a header, so its columns have no names. "
            "Add a header and import it again"
        )
    names = recipes.unique([cell or "" for cell in first[header_no - 1]])
    if not staged.names:
        found = layout.named(path, staged, names, header_no)
        if found.question:
            return None, found.question
        names = found.names
    best = guesses_for(path, staged, names, 0 if staged.names else header_no)
    if not best:
        return None, (
            f"No customer table was recognised in its columns ({listed(_filled(names), 6)}). "
            "If it holds customers' rows, import it with mapping={...}"
        )
    if not best[0].sure:
        return None, best[0].question()
    taken = best[0].mapping[best[0].table]
    said = ", ".join(f"'{column}' is {name}" for name, column in taken.items())
    export = recipes.from_mapping(
        best[0].mapping, names, {}, f"guessed with {best[0].confidence:.0%} confidence: {said}"
    )
    named = replace(export, name=f"guessed {best[0].table}")
    if staged.names:
        return Match(named, names, 0), ""
    return Match(named, names, header_no, told=found.told), ""


def _all_named(path: Path, staged: Staged, match: Match) -> tuple[Match | None, str]:
    """Return a match with a name for every column, or the question that has to be answered."""
    if match.export.skip or match.export.header_rows > 1:
        return match, ""  # no rows are read, or rows below name what the first leaves open
    found = layout.named(path, staged, match.names, match.header_no)
    if found.question:
        return None, found.question
    return replace(match, names=found.names, told=found.told), ""


def _filled(names: Sequence[str]) -> list[str]:
    return [name for name in names if name]


def guesses_for(
    path: Path, staged: Staged, names: Sequence[str], header_no: int
) -> list[guess.Guess]:
    """Return what an unknown file may be, likeliest first, from its first rows."""
    sample = pl.scan_parquet(path).slice(header_no, 1000).select(staged.cells).collect()
    return guess.guesses(names, sample)


def suggested_by(sources: Sequence[Source]) -> dict[str, Any]:
    """Return the settings that the recipes in use suggest, where they agree."""
    made: dict[str, dict[str, Any]] = {}
    unlike: set[tuple[str, str]] = set()
    used = {s.match.recipe.vendor: s.match.recipe for s in sources if s.match and s.match.recipe}
    for _, recipe in sorted(used.items()):
        for section, values in recipe.suggests.items():
            for name, value in values.items():
                if made.setdefault(section, {}).setdefault(name, value) != value:
                    unlike.add((section, name))
    for section, name in unlike:
        del made[section][name]
    return made


def ready(home: Path, source: Source, company: settings.Settings) -> Source:
    """Return the source with its reader, where it is known and gives rows."""
    if source.match is None or source.staged is None or source.match.export.skip:
        return source
    path = staged_path(home, source.account.sha256)
    laid = layout.lay_out(path, source.staged, source.match)
    export = recipes.with_formats(source.match.export, source.match.names, company.imports)
    if export.quirk:
        laid, export = quirks.FILES[export.quirk](path, source.staged, laid, export)
    export = recipes.fitted(export, laid.names)
    file = rows.File(path, source.staged, laid, export, company.company.timezone)
    return replace(source, file=file)


def staged_path(home: Path, digest: str) -> Path:
    """Return where the staged form of a file lies."""
    return home / "staged" / f"{digest}.parquet"
