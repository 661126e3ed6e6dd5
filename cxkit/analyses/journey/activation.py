"""How many new customers take the next step soon, and does it go with what was sent to them?"""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, whole_number
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.passages import companys
from cxkit.result import Result, counted, lasted
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg, newcombe, said, shares_p, wilson
from cxkit.stats.survival import ended_after, kaplan_meier
from cxkit.workspace import Workspace, query_text

QUESTION = "How many new customers take the next step soon?"
_PURCHASES = ("ordered", "paid")
_DAY = 86_400_000_000
_LEAST = 10  # who acted: of fewer, kinds of contact are not compared


def activation(
    workspace: Workspace,
    *,
    action: str | None = None,
    within_days: int = 14,
    contact_days: int = 7,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the new customers who take a key action soon after their first purchase.

    New is who made the first purchase that the data hold and was not known before the data begin.
    Whose first purchase is younger than `within_days` had no time yet and is left out. What was
    sent in the first `contact_days` is set beside what came after them: compared are those who had
    not acted by then, so that nobody is counted as helped for having waited long enough to be
    written to. An invitation to a survey is no such contact where the action is the answer.

    Args:
        workspace: an open store.
        action: a stage or touchpoint; default: the next required stage of the journey after the
            purchase that is the customer's doing (not what becomes of the order, as approved or
            delivered), or, where there is none, a second order on another day.
        within_days: how soon.
        contact_days: the days after the first purchase in which something may have been sent.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row for "all" and two for each kind of contact (a message that asks or gives, an
        automatic one, outreach of a kind, an invitation to a survey, and "anything"): contact, sent
        (yes or no), customers, active (of them, within the days), active_share with Wilson's
        interval (_low, _high), second_orders, median_days to the second order by Kaplan-Meier with
        its interval (_low, _high; null: not reached), counted from the first purchase, for the
        kinds from the end of the contact days. In the row of those it was sent to: difference
        (of the two shares) with Newcombe's interval, q_value (Benjamini-Hochberg over kinds).

    Raises:
        BadQuestion: where a number of days is not a whole one, contact_days is not less than
            within_days, or the action is nothing that the data have, or what the company does.
    """
    whole_number("within_days", within_days)
    whole_number("contact_days", contact_days)
    if contact_days >= within_days:
        raise BadQuestion(
            f"contact_days is {contact_days} and within_days {within_days}: what was sent has to "
            "come before what it may go with. Give contact_days a smaller number."
        )
    step = _action(workspace, action)
    until = workspace.moment(as_of)
    journey = workspace.settings.journey
    everyone = workspace.query(
        "activation",
        action=list(journey.touchpoints_of(step)) if step else [],
        contact_days=contact_days,
        as_of=until,
        zone=workspace.settings.company.timezone,
    )
    fresh = everyone.filter(~pl.col("known_before"))
    edge = until - timedelta(days=within_days) if until else datetime(1970, 1, 1)
    ripe = fresh.filter(pl.col("first_at") <= edge).with_columns(
        days=_days(pl.col("acted_at") - pl.col("first_at")),
        again=_days(pl.coalesce("second_at", pl.lit(until)) - pl.col("first_at")),
        ordered=pl.col("second_at").is_not_null(),
    )
    table = _groups(ripe, within_days, contact_days)
    told = f"reach '{step}'" if step else "order again"
    return Result(
        name="activation",
        question=QUESTION,
        table=table,
        finding=_finding(table, ripe, told, within_days),
        caveats=(
            *_caveats(table, everyone, fresh, ripe, within_days, contact_days),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=query_text("activation"),
        as_of=until,
        n=ripe.height,
        draw=_chart,
    )


def _days(length: pl.Expr) -> pl.Expr:
    return length.dt.total_microseconds() / _DAY


def _action(workspace: Workspace, asked: str | None) -> str | None:
    """Return the stage that was asked for, else the required one after the purchase, if any."""
    journey = workspace.settings.journey
    others = companys(workspace)
    if asked is not None:
        names = workspace.sql("select unnest(enum_range(null::touchpoint_name))::varchar as name")
        known = {*journey.stages, *journey.touchpoints, *names["name"]}
        if not isinstance(asked, str) or asked not in known:
            raise BadQuestion(f"action is {asked!r}. The data have: {listed(known)}.")
        if set(journey.touchpoints_of(asked)) <= others:
            raise BadQuestion(
                f"'{asked}' is what the company does, no action of a customer's. Leave action out "
                "for the next step that is theirs."
            )
        return asked
    places = [
        place
        for place, stage in enumerate(journey.stages)
        if set(journey.touchpoints_of(stage)) & set(_PURCHASES)
    ]
    later = journey.stages[places[-1] + 1 :] if places else ()
    return next(
        (
            stage
            for stage in later
            if stage not in journey.optional and not set(journey.touchpoints_of(stage)) <= others
        ),
        None,
    )


def _groups(ripe: pl.DataFrame, within_days: int, contact_days: int) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    if ripe.height:
        rows.append({"contact": "all", "sent": None, **_told(ripe, within_days, 0)})
    split = ripe.with_columns(kind=pl.col("kinds").str.split("|"))
    kinds = split.explode("kind").filter(pl.col("kind") != "")["kind"].unique().sort().to_list()
    p_values: list[float] = []
    for kind in ["anything", *kinds] if kinds else []:
        has = pl.col("kinds") != "" if kind == "anything" else pl.col("kind").list.contains(kind)
        both = [
            _told(split.filter(has if sent else ~has), within_days, contact_days)
            for sent in (True, False)
        ]
        (one, n), (other, other_n) = ((row["active"], row["customers"]) for row in both)
        if min(n, other_n) >= ENOUGH and one + other >= _LEAST:
            gap = newcombe(one, n, other, other_n)
            told = zip(("", "_low", "_high"), gap, strict=True)
            both[0] |= {f"difference{end}": value for end, value in told} | {
                "q_value": len(p_values)
            }
            p_values.append(shares_p(one, n, other, other_n))
        for sent, row in zip(("yes", "no"), both, strict=True):
            rows.append({"contact": kind, "sent": sent, **row})
    q_values = benjamini_hochberg(p_values)
    for row in rows:
        if row.get("q_value") is not None:
            row["q_value"] = q_values[row["q_value"]]
    schema: dict[str, Any] = {"contact": pl.String, "sent": pl.String}
    schema |= {"customers": pl.Int64, "active": pl.Int64}
    schema |= dict.fromkeys([f"active_share{end}" for end in ("", "_low", "_high")], pl.Float64)
    schema |= {"second_orders": pl.Int64}
    ends = [
        f"{name}{end}" for name in ("median_days", "difference") for end in ("", "_low", "_high")
    ]
    schema |= dict.fromkeys([*ends, "q_value"], pl.Float64)
    return pl.DataFrame(rows, schema=schema).with_columns(pl.selectors.float().fill_nan(None))


def _told(people: pl.DataFrame, within_days: int, from_day: int) -> dict[str, Any]:
    """Count who had not acted by `from_day` and did within the days, and when they ordered."""
    here = people.filter(pl.col("days").is_null() | (pl.col("days") > from_day))
    active = here.filter(pl.col("days") <= within_days).height
    still = people.filter(pl.col("again") > from_day)
    curve = kaplan_meier((still["again"] - from_day).to_numpy(), still["ordered"].to_numpy())
    median = ended_after(curve)
    names = ("active_share", "active_share_low", "active_share_high")
    shares = dict(zip(names, wilson(active, here.height), strict=True))
    medians = dict(zip(("median_days", "median_days_low", "median_days_high"), median, strict=True))
    return {
        "customers": here.height,
        "active": active,
        **shares,
        "second_orders": int(still["ordered"].sum()),
        **medians,
    }


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    rows = table.filter(pl.col("q_value") < 0.05).sort("q_value", "contact")
    return rows.row(0, named=True) if rows.height else None


def _finding(table: pl.DataFrame, ripe: pl.DataFrame, told: str, within_days: int) -> str:
    if ripe.is_empty():
        return (
            f"No new customer's first purchase is {counted(within_days, 'day')} old yet, or none "
            "is known: nothing can be said."
        )
    whole = table.row(0, named=True)
    if ripe.height < ENOUGH:
        return (
            f"Of {counted(ripe.height, 'new customer')} {whole['active']:,} {told} within "
            f"{counted(within_days, 'day')}: too few to say more."
        )
    median = (
        f"half have ordered again after {lasted(whole['median_days'])}"
        if whole["median_days"] is not None
        else "the median time to a second order is not reached"
    )
    start = (
        f"{said(whole['active'], whole['customers'])} of {whole['customers']:,} new customers "
        f"{told} within {counted(within_days, 'day')}; {median}"
    )
    if table.height == 1:
        return f"{start}; nothing is known of what was sent to them in their first days."
    apart = _apart(table)
    if apart is None:
        return f"{start}; what was sent to them first goes with no sure difference."
    other = table.filter((pl.col("contact") == apart["contact"]) & (pl.col("sent") == "no"))
    rest = other.row(0, named=True)
    return (
        f"{start}; '{apart['contact']}' is associated with "
        f"{said(apart['active'], apart['customers'])} of {apart['customers']:,} from then on, "
        f"against {said(rest['active'], rest['customers'])} of {rest['customers']:,} without."
    )


def _caveats(
    table: pl.DataFrame,
    everyone: pl.DataFrame,
    fresh: pl.DataFrame,
    ripe: pl.DataFrame,
    within_days: int,
    contact_days: int,
) -> tuple[str, ...]:
    notes = []
    if before := everyone.height - fresh.height:
        notes.append(
            f"Left out: {counted(before, 'buyer')} known before the first order in the data, who "
            "may have bought before."
        )
    if young := fresh.height - ripe.height:
        notes.append(
            f"Left out: {counted(young, 'new customer')} whose first purchase is less than "
            f"{counted(within_days, 'day')} old."
        )
    if table.height > 1:
        few = [
            f"'{row['contact']}' ({row['customers']:,})"
            for row in table.filter((pl.col("sent") == "yes") & pl.col("q_value").is_null())
            .iter_rows(named=True)
        ]  # fmt: skip
        if few:
            notes.append(f"Too few with it or without it to say: {', '.join(few)}.")
        notes.append(
            f"What was sent in the first {counted(contact_days, 'day')} is compared among those "
            "who had not acted by then. It was not sent at random, and may have been sent because "
            "somebody was active (reverse cause): a random hold-out would tell."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    named = table.with_columns(
        label=pl.when(pl.col("contact") == "all")
        .then(pl.lit("all new customers"))
        .when(pl.col("sent") == "yes")
        .then(pl.format("{}: sent", "contact"))
        .otherwise(pl.format("{}: not sent", "contact"))
    )
    shown = named.filter((pl.col("customers") >= ENOUGH) | (pl.col("contact") == "all"))
    whole = table.row(0, named=True)
    apart = _apart(table)
    named_apart = apart["contact"] if apart else None
    title = f"{whole['active_share']:.0%} of {whole['customers']:,} new customers become active"
    if whole["customers"] < ENOUGH:
        title = (
            f"{whole['active']:,} of {counted(whole['customers'], 'new customer')} active: too few "
            "to say more"
        )
    if apart:
        title += f"; '{apart['contact']}' goes with {100 * apart['difference']:+.0f} points"
    return charts.bars(
        shown,
        length="active_share",
        low="active_share_low",
        high="active_share_high",
        label="label",
        title=title,
        unit="share who take the next step in time",
        texts=[
            f"{row['active_share']:.0%} · n = {row['customers']:,}"
            for row in shown.iter_rows(named=True)
        ],
        highlight=[row["contact"] == named_apart for row in shown.iter_rows(named=True)],
    )
