"""How have the states of the people we know grown and shrunk?"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.lapse import LapseRule, lapse_rule
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, add_wilson, said_count
from cxkit.workspace import Workspace, query_text

QUESTION = "How have the states of the people we know grown and shrunk?"
# from those one may lose to those one has lost; prospects stand apart in grey
_COLOURS = {
    "loyal": "#0072B2",
    "active": "#56B4E9",
    "returned": "#009E73",
    "new": "#E69F00",
    "lapsed": "#D55E00",
    "prospect": "#D5D9DF",
}


def lifecycle_history(
    workspace: Workspace,
    *,
    every_days: int = 7,
    as_of: date | datetime | str | None = None,
    lapse_days: int | None = None,
) -> Result:
    """Count the six states of `lifecycle` at many dates, in one pass over the orders.

    The dates go back from `as_of` in steps of `every_days` to the first purchase in the data; one
    lapse limit holds for all of them, so that no state grows because the ruler moved.

    Args:
        workspace: an open store.
        every_days: days between two dates.
        as_of: the last date; default: the latest time in the data.
        lapse_days: the lapse limit; default: as in `lifecycle`, found as of the last date.

    Returns:
        Six rows per date, oldest first: day, state, customers, share of all people known that day
        with Wilson's interval (_low, _high), known, lapse_days. Each date is counted to its end
        where the company is, and equals `lifecycle(as_of=day, lapse_days=...)`.

    Raises:
        BadQuestion: where every_days or lapse_days is no whole number from 1 on.
    """
    whole_number("every_days", every_days)
    until = workspace.moment(as_of)
    limit = lapse_rule(workspace, until, lapse_days)
    life, zone = workspace.settings.lifecycle, workspace.settings.company.timezone
    counts = workspace.query(
        "lifecycle_history",
        days=_days(workspace, until, every_days),
        as_of=until,
        zone=zone,
        lapse_days=limit.days,
        new_days=life.new_days,
        loyal_orders=life.loyal_orders,
    )
    table = _shares(counts, limit.days)
    return Result(
        name="lifecycle_history",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=(
            *_caveats(table, limit),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until),
        ),
        sql=query_text("lifecycle_history"),
        as_of=until,
        n=int(table["known"][-1]) if table.height else 0,
        draw=_chart,
    )


def _days(workspace: Workspace, until: datetime | None, every_days: int) -> list[date]:
    """Return the dates, oldest first, from the first purchase on."""
    first = workspace.sql(
        "select min(ordered_at) as first from sales where purchase and ordered_at <= $until",
        until=until,
    )["first"][0]
    if until is None or first is None:
        return []
    zone = ZoneInfo(workspace.settings.company.timezone)
    begin, end = (moment.replace(tzinfo=UTC).astimezone(zone).date() for moment in (first, until))
    steps = (end - begin).days // every_days
    return [end - timedelta(days=every_days * step) for step in range(steps, -1, -1)]


def _shares(counts: pl.DataFrame, lapse_days: int) -> pl.DataFrame:
    frame = counts.with_columns(known=pl.col("customers").sum().over("day"))
    return add_wilson(frame, "customers", "known", "share").select(
        "day",
        "state",
        "customers",
        "share",
        "share_low",
        "share_high",
        "known",
        lapse_days=pl.lit(lapse_days, dtype=pl.Int64),
    )


def _buyers(table: pl.DataFrame) -> pl.DataFrame:
    """Return per date all buyers, those who are lapsed and those who are not."""
    return (
        table.group_by("day", maintain_order=True)
        .agg(
            buyers=pl.col("customers").filter(pl.col("state") != "prospect").sum(),
            lapsed=pl.col("customers").filter(pl.col("state") == "lapsed").sum(),
        )
        .filter(pl.col("buyers") > 0)
        .with_columns(staying=pl.col("buyers") - pl.col("lapsed"))
    )


def _able(table: pl.DataFrame) -> pl.DataFrame:
    """Return the dates that can be compared: enough buyers, and somebody can have lapsed."""
    begin = table["day"][0] + timedelta(days=table["lapse_days"][0])
    return _buyers(table).filter((pl.col("day") > begin) & (pl.col("buyers") >= ENOUGH))


def _finding(table: pl.DataFrame) -> str:
    rows = _buyers(table)
    if rows.is_empty():
        return "There are no purchases: the states have no history."
    last, able = rows.row(-1, named=True), _able(table)
    end = f"{last['day']:%d %b %Y}"
    if able.height < 2:
        return (
            f"On {end}, {last['lapsed']:,} of {counted(last['buyers'], 'buyer')} "
            f"{verb(last['lapsed'] or last['buyers'], 'are')} lapsed; the data are too few or too "
            "short for a history, since a silence of more than "
            f"{counted(table['lapse_days'][0], 'day')} has to pass first."
        )
    first = able.row(0, named=True)
    most = able.row(int(able["staying"].arg_max() or 0), named=True)
    peak = f"the most were {most['staying']:,} on {most['day']:%d %b %Y}"
    if most["staying"] == last["staying"]:
        peak = "on no day counted here were there more"
    return (
        f"{said_count(last['staying'], last['buyers'])} of {last['buyers']:,} "
        f"buyers {verb(last['staying'], 'have')} not lapsed on {end}, against "
        f"{first['staying']:,} of {first['buyers']:,} on {first['day']:%d %b %Y}; {peak}."
    )


def _caveats(table: pl.DataFrame, limit: LapseRule) -> tuple[str, ...]:
    if _buyers(table).is_empty():
        return ()
    return (
        limit.source,
        "The same limit holds for every date, so that only people move.",
        f"The first day counted here is {table['day'][0]:%d %b %Y}. Whoever had bought before the "
        "orders in the data begin is first a prospect here, then new, and nobody can be lapsed "
        "before the limit has passed once.",
        "The lapsed add up over the years, so their share of all buyers grows by itself: compare "
        "the numbers of active and loyal customers as well.",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    rows = _buyers(table)
    if rows.is_empty():
        return charts.nothing("The states have no history")
    last, able = rows.row(-1, named=True), _able(table)
    title = f"{last['staying']:,} of {counted(last['buyers'], 'buyer')} "
    title += f"{verb(last['staying'] or last['buyers'], 'have')} not lapsed"
    if able.height > 1:
        most = max(able["staying"].to_list())
        title += f"; the most were {most:,}" if most > last["staying"] else "; never were more"
    return charts.areas(
        table.filter(pl.col("day").is_in(rows["day"].to_list())),
        x="day",
        y="customers",
        part="state",
        colours=_COLOURS,
        title=title,
        unit="known people",
    )
