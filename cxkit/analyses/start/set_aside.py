"""Which rows could not be loaded, and why?"""

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted
from cxkit.safe import masked
from cxkit.workspace import Workspace, query_text

QUESTION = "Which rows could not be loaded, and why?"
_MOST_LETTERS = 120  # of a record, to see where it breaks


def set_aside(workspace: Workspace) -> Result:
    """Say which rows were kept out, why, and what would let them in.

    A row is set aside when a cell that it cannot do without, an id or a date, is missing or
    cannot be read. The whole record stays in the table `set_aside` of the store.

    Returns:
        One row per file, column and reason: file, column_name (as the file calls it), reason,
        records, first_line (counted from 1), example (the first value at fault, masked), record
        (the form of the first record, letters as x and digits as 9; empty where the format has no
        lines) and what_to_do. n is the number of records in all files.
    """
    table = workspace.query("set_aside")
    form = pl.col("record").str.replace_all(r"\p{Ll}", "x").str.replace_all(r"\p{Lu}", "X")
    table = table.with_columns(
        masked(table["example"]).alias("example"),
        form.str.replace_all(r"\p{N}", "9").str.head(_MOST_LETTERS).alias("record"),
    )
    records = int(workspace.sql("select sum(records) as n from files")["n"][0] or 0)
    return Result(
        name="set_aside",
        question=QUESTION,
        table=table,
        finding=_finding(table, records),
        caveats=_caveats(table),
        sql=query_text("set_aside"),
        as_of=workspace.as_of,
        n=records,
        draw=_chart if table.height else None,
    )


def _finding(table: pl.DataFrame, records: int) -> str:
    if table.is_empty():
        return f"No row was set aside: all {counted(records, 'record')} could be read."
    worst = table.row(0, named=True)
    where = f" in '{worst['column_name']}'" if worst["column_name"] else ""
    return (
        f"{table['records'].sum():,} of {counted(records, 'record')} were set aside; most often "
        f"in {worst['file']}: {worst['reason']}{where} ({counted(worst['records'], 'record')})."
    )


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    return (
        "Rows set aside are missing from every number that follows.",
        "Once a recipe, a mapping or a setting is mended, cx.replay(store) takes them in; a mended "
        "export is imported like any other.",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    top = table.head(12).with_columns(
        pl.concat_str("file", pl.lit(": "), "reason", pl.lit(" "), "column_name").alias("where")
    )
    return charts.bars(
        top,
        length="records",
        label="where",
        title=f"{top['file'][0]} has most rows set aside: {top['reason'][0]}",
        unit="records set aside",
        texts=[f"{n:,}" for n in top["records"]],
    )
