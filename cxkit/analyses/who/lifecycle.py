"""Who is a prospect, who a customer, and who has left?"""

from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said_count
from cxkit.stats.survival import lapse_limit, return_curve
from cxkit.workspace import Workspace, query_text

QUESTION = "Who is a prospect, who a customer, and who has left?"


class _Limit(NamedTuple):
    """The lapse limit in days, where it comes from, and whether the data had none to give."""

    days: int
    source: str
    convention: bool = False


def lifecycle(
    workspace: Workspace,
    *,
    as_of: date | datetime | str | None = None,
    lapse_days: int | None = None,
) -> Result:
    """Count the known people in six states, from prospect to lapsed.

    The states exclude each other and are tested in this order: prospect (no purchase yet), lapsed
    (silent for more than the lapse limit), new (first purchase within `lifecycle.new_days`),
    returned (silent for longer than the limit before the latest purchase), loyal (at least
    `lifecycle.loyal_orders` purchases), active (everyone else).

    Args:
        workspace: an open store.
        as_of: count what was known at this moment; default: the latest time in the data.
        lapse_days: the lapse limit; default: that of the settings, else the one that
            `lapse_curve` finds in the data, else `lifecycle.horizon_days`.

    Returns:
        Six rows, which add up to all known people: state, customers, share with Wilson's interval
        (_low, _high), orders, revenue (refunds taken off; null where the amounts are in several
        currencies or missing), currency. Purchases of one day by one customer are one purchase;
        cancelled orders and refunds are none. Visitors whom nobody could link to a person are not
        counted, nor are people who became known after `as_of`.

    Raises:
        BadQuestion: where lapse_days is no whole number from 1 on.
    """
    if lapse_days is not None:
        whole_number("lapse_days", lapse_days)
    until = workspace.moment(as_of)
    limit = _limit(workspace, until, lapse_days)
    life, company = workspace.settings.lifecycle, workspace.settings.company
    counts = workspace.query(
        "lifecycle",
        as_of=until,
        zone=company.timezone,
        lapse_days=limit.days,
        new_days=life.new_days,
        loyal_orders=life.loyal_orders,
        currency=company.currency,
    )
    table = _shares(counts, limit.days)
    return Result(
        name="lifecycle",
        question=QUESTION,
        table=table,
        finding=_finding(table, limit),
        caveats=(
            *_caveats(table, limit, counts),
            *workspace.end_note(as_of),
            *workspace.link_note(until),
        ),
        sql=query_text("lifecycle"),
        as_of=until,
        n=int(table["customers"].sum()),
        draw=_chart,
    )


def _limit(workspace: Workspace, until: datetime | None, asked: int | None) -> _Limit:
    life = workspace.settings.lifecycle
    told = asked or life.lapse_days
    if told:
        by = "as asked" if asked else "as the settings say"
        return _Limit(told, f"Lapsed means silent for more than {told} days, {by}.")
    spells = workspace.query("lapse_curve", as_of=until, zone=workspace.settings.company.timezone)
    found = lapse_limit(return_curve(spells, life.horizon_days), life.return_share)
    if found is not None:
        return _Limit(
            found,
            f"Lapsed means silent for more than {found} days: from then on at most "
            f"{100 * life.return_share:.0f} % buy again within {life.horizon_days} days "
            "(see lapse_curve).",
        )
    return _Limit(
        life.horizon_days,
        "The data do not show after how long a silence a customer has lapsed (see lapse_curve): "
        f"the {life.horizon_days} days are a convention.",
        convention=True,
    )


def _shares(counts: pl.DataFrame, lapse_days: int) -> pl.DataFrame:
    currency = counts["currency"][0]
    one = currency is not None and "," not in currency
    frame = counts.with_columns(
        revenue=pl.col("revenue") if one else pl.lit(None, dtype=pl.Float64),
        currency=pl.lit(currency if one else None, dtype=pl.String),
        known=pl.col("customers").sum(),
    )
    return add_wilson(frame, "customers", "known", "share").select(
        "state",
        "customers",
        "share",
        "share_low",
        "share_high",
        "orders",
        "revenue",
        "currency",
        lapse_days=pl.lit(lapse_days, dtype=pl.Int64),
    )


def _customers(table: pl.DataFrame) -> dict[str, int]:
    return dict(table.select("state", "customers").iter_rows())


def _finding(table: pl.DataFrame, limit: _Limit) -> str:
    count = _customers(table)
    known = sum(count.values())
    buyers = known - count["prospect"]
    if known == 0:
        return "Nobody is known yet: there is neither a contact list nor an order."
    here = next((state for state, customers in count.items() if customers), "")
    if known == 1:
        return f"The one known person is {'a ' * (here == 'prospect')}{here}: too few to say more."
    if buyers == 0:
        return f"Of {known:,} known people nobody has bought yet."
    convention = ", which is a convention here" if limit.convention else ""
    small = " (too few to say more)" if buyers < ENOUGH else ""
    return (
        f"Of {known:,} known people {said_count(count['prospect'], known)} have never bought; "
        f"{said_count(count['lapsed'], buyers)} of the {buyers:,} buyers are lapsed: silent for "
        f"more than {limit.days} days{convention}{small}."
    )


def _caveats(table: pl.DataFrame, limit: _Limit, counts: pl.DataFrame) -> tuple[str, ...]:
    count = _customers(table)
    buyers = sum(count.values()) - count["prospect"]
    currency, cancelled = counts["currency"][0], int(counts["cancelled"][0])
    refunds, tried = int(counts["refunds"].sum()), int(counts["tried"].sum())
    notes = [limit.source] if buyers else []
    if currency is not None and "," in currency:
        notes.append(
            f"Amounts are in several currencies ({currency}): they are not added up to a revenue."
        )
    elif currency is None and buyers:
        notes.append("No order has an amount: there is no revenue to show.")
    if refunds:
        notes.append(f"No purchases, but taken off the revenue: {counted(refunds, 'refund')}.")
    if cancelled:
        notes.append(f"No purchases: {counted(cancelled, 'cancelled order')}.")
    if tried:
        notes.append(
            f"{tried:,} of those who have never bought did place an order: it was cancelled, or "
            "could not be supplied."
        )
    if sum(count.values()):
        notes.append("A person known by two ids that nothing links is counted twice.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    count = _customers(table)
    known = sum(count.values())
    buyers = known - count["prospect"]
    title = f"{count['prospect']:,} of {known:,} known people have never bought"
    if buyers:
        silent = counted(table["lapse_days"][0], "day")
        title = f"{count['lapsed']:,} of {buyers:,} buyers silent for over {silent}; {title}"
    return charts.bars(
        table,
        length="share",
        low="share_low",
        high="share_high",
        label="state",
        title=title,
        unit="share of all known people",
        texts=[
            f"{row['customers']:,} · {row['share'] or 0:.0%}" for row in table.iter_rows(named=True)
        ],
        highlight=[state == "lapsed" for state in table["state"]],
    )
