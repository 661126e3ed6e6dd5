"""What happened to these customers, one by one?"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import names
from cxkit.result import Result, counted
from cxkit.safe import shown
from cxkit.workspace import Workspace, query_text

QUESTION = "What happened to these customers, one by one?"
_HIDDEN = "A report lays out no journeys of single people: ask journeys(ws, ...) in a notebook."


def journeys(
    workspace: Workspace,
    *,
    customers: Sequence[str],
    as_of: date | datetime | str | None = None,
) -> Result:
    """Lay out every touchpoint of a few customers, in order: the rows behind a number.

    Args:
        workspace: an open store.
        customers: their customer_ids; one that nobody knows has no rows.
        as_of: up to this moment; default: the latest time in the data.

    Returns:
        One row per touchpoint: customer_id, occurred_at (UTC), touchpoint, channel, amount.
        n is the number of customers found. The ids are as in the store: think before you pass
        the result on. A report has no rows, and says nothing of fewer than the smallest group: n
        is 0 then.
    """
    until = workspace.moment(as_of)
    asked = names("customers", customers)
    table = workspace.query("journeys", customers=list(asked), as_of=until)
    found = table["customer_id"].n_unique()
    return Result(
        name="journeys",
        question=QUESTION,
        table=table.clear() if workspace.least else table,
        finding=_few(workspace.least)
        if 0 < found < workspace.least
        else _finding(table, len(set(asked))),
        caveats=(_HIDDEN,) if workspace.least else _caveats(workspace, asked),
        sql=query_text("journeys"),
        as_of=until,
        n=0 if found < workspace.least else found,
        draw=_chart,
    )


def _few(least: int) -> str:
    return f"A report shows no journeys of fewer than {least:,} customers."


def _finding(table: pl.DataFrame, asked: int) -> str:
    if table.is_empty():
        return f"Nothing is known of {'this customer' if asked == 1 else 'these customers'}."
    found = table["customer_id"].n_unique()
    first, last = table["occurred_at"].min(), table["occurred_at"].max()
    return (
        f"{counted(found, 'customer')}{'' if found == asked else f' of {asked}'} had "
        f"{counted(table.height, 'touchpoint')} between {shown(first)} and {shown(last)}."
    )


def _caveats(workspace: Workspace, asked: Sequence[str]) -> tuple[str, ...]:
    alike = workspace.sql(
        "select unnest([customer_id, other_id]) as one, unnest([other_id, customer_id]) as other "
        "from proposed_links"
    ).filter(pl.col("one").is_in(list(asked)) & ~pl.col("other").is_in(list(asked)))
    people = alike["one"].n_unique()
    if not people:
        return ()
    each = "" if people == 1 else " each"
    return (
        f"{counted(people, 'customer')} may{each} be known by another id too, which is not laid "
        "out here (see identity_links).",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    busiest = (
        table.group_by("customer_id").len().sort(["len", "customer_id"], descending=[True, False])
    )
    return charts.lanes(
        table,
        x="occurred_at",
        lane="customer_id",
        text="touchpoint",
        title=f"{busiest['customer_id'][0]} had most touchpoints: {busiest['len'][0]}",
        unit="time (UTC)",
    )
