"""Which exports wait for an answer, and what may their columns mean?"""

import polars as pl

from cxkit.imports import guess_mapping
from cxkit.result import Result, counted
from cxkit.store import raw_path
from cxkit.workspace import Workspace, query_text

QUESTION = "Which exports wait for an answer, and what may their columns mean?"


def unknown_exports(workspace: Workspace) -> Result:
    """Show the exports that no recipe knows, with a guess at each column and its confidence.

    A guess is never taken where it is in doubt: confirm it once, with `settle_mapping` or
    `confirm_mapping`, and every later export with the same header is read that way.

    Returns:
        One row per column of each waiting file: file, column, table, meaning (the canonical
        column; empty where none fits), confidence (0 to 1), three examples, their letters and
        digits masked, and asks (what only you can know; empty where it is clear). n is the
        number of records that wait.
    """
    waiting = workspace.query("unknown_exports")
    guesses = [
        guess_mapping(raw_path(workspace.store, sha256)).table.select(
            pl.lit(file).alias("file"), pl.all()
        )
        for file, sha256 in waiting.select("file", "sha256").iter_rows()
    ]
    table = (
        pl.concat(guesses) if guesses else pl.DataFrame({"file": []}, schema={"file": pl.String})
    )
    return Result(
        name="unknown_exports",
        question=QUESTION,
        table=table,
        finding=_finding(waiting),
        caveats=tuple(f"{file}: {note}" for file, note in waiting.select("file", "note").rows()),
        sql=query_text("unknown_exports"),
        as_of=workspace.as_of,
        n=int(waiting["records"].sum()),
    )


def _finding(waiting: pl.DataFrame) -> str:
    if waiting.is_empty():
        return "No export waits for an answer: each was read by a recipe or a mapping."
    files = counted(waiting.height, "export")
    return (
        f"{files} with {counted(int(waiting['records'].sum()), 'record')} "
        f"{'waits' if waiting.height == 1 else 'wait'} for an answer: "
        f"{', '.join(waiting['file'])}."
    )
