"""Who is a prospect, who a customer, and who has left?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion
from cxkit.lapse import LapseRule, lapse_rule, spells_by
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.persona_keep import rhythm_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, add_wilson, said_count
from cxkit.stats.survival import GroupLimit, group_limits
from cxkit.workspace import Workspace, query_text

QUESTION = "Who is a prospect, who a customer, and who has left?"
_NEARLY_ALL = 0.9  # of the buyers bought once: then there is no rhythm
_NOBODY = pl.DataFrame(schema={"customer_key": pl.Int64, "days": pl.Int64})


def lifecycle(
    workspace: Workspace,
    *,
    as_of: date | datetime | str | None = None,
    lapse_days: int | None = None,
    return_share: float | None = None,
    lapse_by: str | None = None,
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
        return_share: the chance of coming back, 0 to 1, that sets the limit in the data; default:
            the settings'.
        lapse_by: give each kind of customer whose limit surely differs its own (see
            `lapse_groups`): a field of the customers or of their attributes.

    Returns:
        Six rows, which add up to all known people: state, customers, share with Wilson's interval
        (_low, _high), orders, revenue (refunds taken off; null where the amounts are in several
        currencies or missing), currency. Purchases of one day by one customer are one purchase;
        cancelled orders and refunds are none. Visitors whom nobody could link to a person are not
        counted, nor are people who became known after `as_of`.

    Raises:
        BadQuestion: where lapse_days is no whole number from 1 on, return_share is not between 0
            and 1, both are given, or `lapse_by` is no field of the data.
    """
    if lapse_days is not None and (return_share is not None or lapse_by is not None):
        raise BadQuestion(
            "lapse_days is the lapse limit itself: return_share and lapse_by would find another. "
            "Give one of them."
        )
    until = workspace.moment(as_of)
    limit = lapse_rule(workspace, until, lapse_days, return_share)
    own: dict[str, GroupLimit] = {}
    people = _NOBODY
    if lapse_by is not None:
        own, people = _own_limits(workspace, until, lapse_by, return_share)
    life, company = workspace.settings.lifecycle, workspace.settings.company
    counts = workspace.query(
        "lifecycle",
        as_of=until,
        zone=company.timezone,
        lapse_days=limit.days,
        own_keys=people["customer_key"].to_list(),
        own_days=people["days"].to_list(),
        new_days=life.new_days,
        loyal_orders=life.loyal_orders,
        currency=company.currency,
    )
    table = _shares(counts, None if own else limit.days)
    return Result(
        name="lifecycle",
        question=QUESTION,
        table=table,
        finding=_finding(table, limit, lapse_by if own else None),
        caveats=(
            *_caveats(table, limit, counts),
            *_own_limits_said(own, lapse_by),
            *(rhythm_note(workspace, lapse_by) if own else ()),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until),
        ),
        sql=query_text("lifecycle"),
        as_of=until,
        n=int(table["customers"].sum()),
        draw=_chart,
    )


def _own_limits(
    workspace: Workspace, until: datetime | None, by: str, share: float | None
) -> tuple[dict[str, GroupLimit], pl.DataFrame]:
    """Return the groups whose limit surely differs from the others', and whose limit holds whom."""
    life = workspace.settings.lifecycle
    spells = spells_by(workspace, until, by)
    found = group_limits(spells, life.horizon_days, share or life.return_share)
    own = {
        name: limit
        for name, limit in found.items()
        if name != "other" and limit.days and limit.q_value is not None and limit.q_value < 0.05
    }
    people = spells.unique("customer_key").filter(pl.col("segment").is_in(list(own)))
    days = {name: limit.days for name, limit in own.items()}
    return own, people.with_columns(
        days=pl.col("segment").replace_strict(days, default=None, return_dtype=pl.Int64)
    )


def _shares(counts: pl.DataFrame, lapse_days: int | None) -> pl.DataFrame:
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


def _finding(table: pl.DataFrame, limit: LapseRule, by: str | None = None) -> str:
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
    silent = f"more than {counted(limit.days, 'day')}{convention}"
    if by:
        silent = f"longer than the limit of their kind by {by}"
    never, lapsed = count["prospect"], count["lapsed"]
    first = f"All {known:,} known people have bought"
    if never:
        first = f"Of {known:,} known people {said_count(never, known)} {verb(never, 'have')} never "
        first += "bought"
    if buyers == 1:
        no = "" if lapsed else "not "
        return f"{first}; the one buyer is {no}lapsed: {no}silent for {silent}{small}."
    return (
        f"{first}; {said_count(lapsed, buyers)} of the {buyers:,} buyers {verb(lapsed, 'are')} "
        f"lapsed: silent for {silent}{small}."
    )


def _caveats(table: pl.DataFrame, limit: LapseRule, counts: pl.DataFrame) -> tuple[str, ...]:
    count = _customers(table)
    buyers = sum(count.values()) - count["prospect"]
    currency, cancelled = counts["currency"][0], int(counts["cancelled"][0])
    refunds, tried = int(counts["refunds"].sum()), int(counts["tried"].sum())
    notes = [limit.source] if buyers else []
    once = int(counts["once"].sum())
    if buyers >= ENOUGH and once >= _NEARLY_ALL * buyers:
        notes.append(
            f"{said_count(once, buyers)} of the {buyers:,} buyers have bought on one day only: "
            "there is no rhythm to lapse from and no loyal class to speak of. 'Lapsed' says how "
            "long ago they bought, not that they left."
        )
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


def _own_limits_said(own: dict[str, GroupLimit], by: str | None) -> tuple[str, ...]:
    if by is None:
        return ()
    if not own:
        return (
            f"By {by} no kind's limit surely differs from the others', so the one above holds for "
            "all (see lapse_groups).",
        )
    told = ", ".join(
        f"{counted(limit.days or 0, 'day')}{' (uncertain)' * (limit.low is None)} for '{name}'"
        for name, limit in own.items()
    )
    return (
        f"By {by} these kinds have a limit of their own: {told}. The one above holds for all "
        "others (see lapse_groups).",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    count = _customers(table)
    known = sum(count.values())
    buyers = known - count["prospect"]
    never, people = count["prospect"], "person" if known == 1 else "people"
    title = f"{never:,} of {known:,} known {people} {verb(never or known, 'have')} never bought"
    if buyers:
        days = table["lapse_days"][0]
        silent = f"over {counted(days, 'day')}" if days else "longer than their kind is"
        title = f"{count['lapsed']:,} of {counted(buyers, 'buyer')} silent for {silent}; {title}"
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
