"""How was each export read, and why so?"""

import polars as pl

from cxkit.imports.decisions import decisions
from cxkit.result import Result, counted
from cxkit.workspace import Workspace, query_text

QUESTION = "How was each export read, and why so?"
_COLUMNS = dict.fromkeys(("file", "asked", "decided", "why"), pl.String)


def import_decisions(workspace: Workspace) -> Result:
    """Show what was decided about every file: its letters, cells, recipe, dates and time zone.

    Nothing is a likelier guess: a date order is proven by a day above 12, said by the recipe or
    confirmed by somebody, and where it is none of these the file waits or the cells stay empty.

    Returns:
        One row per file and decision, in the order in which they were made: file, asked (format,
        letters, cells, recipe, column, dates, numbers, time zone, scores, person, left out),
        decided, why (empty where `decided` says it). n is the number of files.
    """
    files = workspace.query("import_decisions")
    rows = [
        (file, *decision)
        for file, sha256, note in files.select("file", "sha256", "note").iter_rows()
        for decision in decisions(workspace.store, sha256, note)
    ]
    table = pl.DataFrame(rows, schema=_COLUMNS, orient="row")
    return Result(
        name="import_decisions",
        question=QUESTION,
        table=table,
        finding=_finding(files, table),
        caveats=_caveats(table),
        sql=query_text("import_decisions"),
        as_of=workspace.as_of,
        n=files.height,
    )


def _finding(files: pl.DataFrame, table: pl.DataFrame) -> str:
    if files.is_empty():
        return "No file has been imported into this store."
    read = files.filter(pl.col("recipe") != "")
    guessed = int(read["recipe"].str.starts_with("guessed").sum())
    confirmed = int(read["recipe"].str.starts_with("mapped to").sum())
    by = (
        (read.height - guessed - confirmed, "by a recipe"),
        (confirmed, "as somebody confirmed"),
        (guessed, "by columns beyond doubt"),
        (files.height - read.height, "not yet"),
    )
    told = ", ".join(f"{number} {how}" for number, how in by if number)
    return (
        f"{counted(files.height, 'file')}: {told}; {counted(table.height, 'decision')} in all, "
        "each with its reason."
    )


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    zones = table.filter(pl.col("asked") == "time zone")
    if zones.is_empty():
        return ()
    return (
        f"In {counted(zones['file'].n_unique(), 'file')} the times say no zone. If that of the "
        "company is wrong, keep another: cx.keep_settings(store, company={'timezone': ...}).",
    )
