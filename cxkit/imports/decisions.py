"""What was decided about a file when it was read, and what each decision rests on."""

import re
from collections.abc import Iterator
from pathlib import Path

from cxkit import settings
from cxkit import store as stores
from cxkit.errors import listed
from cxkit.imports import delimited, recipes, records
from cxkit.imports.records import Staged
from cxkit.imports.sources import guesses_for, known_as, staged_path
from cxkit.imports.types import FORMATS

Decision = tuple[str, str, str]  # what was asked, what was decided, why

_ENCODINGS = {
    "utf-8": ("UTF-8", "every byte of it reads so"),
    "utf-8-sig": ("UTF-8", "its first bytes say so"),
    "utf-16": ("UTF-16", "its first bytes say so"),
    "cp1252": ("Windows-1252", "it is not UTF-8 throughout"),
    "latin-1": ("Latin-1", "it is neither UTF-8 nor Windows-1252 throughout"),
}
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_FORMATS = {"csv": "delimited text", "json": "JSON", "xlsx": "a workbook", "parquet": "Parquet"}

# Sentences of the import's note, by the question that they answer.
_TOLD = {
    "time zone": "zone are taken",
    "dates": "proven|ways of writing|day or (the )?month",
    "numbers": "decimal",
    "left out": "left out|gave way|set aside|stayed empty",
    "scores": "is read as",
    "person": "another system|nobody",
}


def decisions(store: Path, sha256: str, note: str) -> Iterator[Decision]:
    """Yield what was decided about one file of the store, in the order in which it was."""
    path = staged_path(store, sha256)
    staged = records.known(path)
    if staged is not None:
        yield from _written(stores.raw_path(store, sha256), staged)
        yield from _known(store, path, staged)
    for sentence in note.rstrip(".").split(". "):
        asked = next((what for what, words in _TOLD.items() if re.search(words, sentence)), "")
        if asked:
            yield asked, sentence, ""


def _written(raw: Path, staged: Staged) -> Iterator[Decision]:
    yield "format", _FORMATS[staged.format], "its content looks so, whatever it is called"
    if staged.format != "csv":
        return
    dialect = delimited.dialect_of(raw, delimited.encoding_of(raw))
    name, why = _ENCODINGS.get(dialect.encoding, (dialect.encoding, "its letters make sense so"))
    yield "letters", name, why
    mark = _MARKS.get(dialect.delimiter, f"'{dialect.delimiter}'")
    yield "cells", f"cut at {mark}", "so every record has the same number of cells"


def _known(store: Path, path: Path, staged: Staged) -> Iterator[Decision]:
    """Yield what reads the file, and the formats and columns that were settled beforehand."""
    mapped = recipes.from_settings(settings.load(store).imports)
    match, question = known_as(path, staged, mapped)
    if match is None:
        yield "recipe", "none: it waits for an answer", question
        return
    export = match.export
    if match.recipe is not None:
        yield "recipe", export.name, f"its header has {listed(export.header, 4)}"
        said = "the recipe says so"
    elif export.name.startswith("guessed"):
        yield "recipe", export.name, "no recipe knows it, and its columns are beyond doubt"
        best = guesses_for(path, staged, match.names, match.header_no)[0]
        for name, (column, fit) in best.columns.items():
            if column in best.mapping[best.table].values():
                yield "column", f"'{column}' is {name}", f"{fit:.0%} sure".replace("%", " %")
        return
    else:
        yield "recipe", export.name, "somebody confirmed it: it stands in cx.toml"
        said = "somebody confirmed it: it stands in cx.toml"
    settled = {
        (reading.columns[0], reading.format)
        for rows in export.rows
        for reading in rows.columns.values()
        if reading.format and reading.columns
    }
    for column, form in sorted(settled):
        dates = form in FORMATS["time"]
        yield "dates" if dates else "numbers", f"'{column}': {form}", said
