"""Did every row arrive?"""

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted
from cxkit.workspace import Workspace, query_text

QUESTION = "Did every row arrive?"
_PLACES = ("loaded", "set_aside", "duplicate", "skipped")


def import_report(workspace: Workspace) -> Result:
    """Say for every file in the store where its records went.

    Returns:
        One row per file: file, recipe (empty where none is known), records (by a counter of its
        own), loaded, set_aside, duplicate, skipped and note; the four places add up to records.
        n is the number of records.
    """
    table = workspace.query("import_report")
    return Result(
        name="import_report",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=_caveats(table),
        sql=query_text("import_report"),
        as_of=workspace.as_of,
        n=int(table["records"].sum()),
        draw=_chart,
    )


def _finding(table: pl.DataFrame) -> str:
    if table.is_empty():
        return "No file has been imported into this store."
    sums = {place: int(table[place].sum()) for place in _PLACES}
    told = ", ".join(f"{sums[place]:,} {place.replace('_', ' ')}" for place in _PLACES)
    whole = sum(sums.values()) == table["records"].sum()
    waiting = table.filter((pl.col("recipe") == "") & (pl.col("records") > 0))
    wait = f" {int(waiting['records'].sum()):,} of the skipped wait for an answer."
    return (
        f"{'All' if whole else 'NOT all'} {counted(int(table['records'].sum()), 'record')} of "
        f"{counted(table.height, 'file')} are accounted for: {told}."
        f"{wait if waiting.height else ''}"
    )


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    out = table.filter((pl.col("records") > 0) & (pl.col("skipped") == pl.col("records")))
    return tuple(f"{file}: {note}" for file, note in out.select("file", "note").iter_rows())


def _chart(table: pl.DataFrame) -> charts.Figure:
    shares = table.with_columns(
        share_arrived=(pl.col("loaded") + pl.col("duplicate"))
        / pl.when(pl.col("records") > 0).then(pl.col("records"))
    )
    kept_out = int(table["set_aside"].sum())
    title = "Every record that should have loaded did"
    if kept_out:
        worst = table.sort(["set_aside", "file"], descending=[True, False]).row(0, named=True)
        most = "all" if worst["set_aside"] == kept_out else "most"
        title = f"{counted(kept_out, 'record')} kept out, {most} of them in {worst['file']}"
    return charts.bars(
        shares,
        length="share_arrived",
        label="file",
        title=title,
        unit="share of records that were loaded, or that another record says again",
        texts=[f"{row['loaded']:,} of {row['records']:,}" for row in table.iter_rows(named=True)],
    )
