"""Who are our best customers, and which of them have gone quiet?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.lapse import lapse_rule
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, Interval, said_count
from cxkit.stats.value import (
    Forecast,
    check_total,
    expected_purchases,
    fit_buying,
    fit_spending,
    forecast,
    spend_with_frequency,
    why_no_model,
)
from cxkit.workspace import Workspace, query_text

QUESTION = "Who are our best customers, and which of them have gone quiet?"
_QUIET = 0.5  # below this P(alive) somebody has rather left than not
_TIED = 0.2  # a correlation beyond which Gamma-Gamma's independence is strained
_MOST_POINTS = 100
_COLUMNS = {
    "rank": pl.Int64,
    "decile": pl.Int64,
    "customer_id": pl.String,
    "purchases": pl.Int64,
    "past_spend": pl.Float64,
    "past_decile": pl.Int64,
    "silent_days": pl.Int64,
    "alive_share": pl.Float64,
    "expected_orders": pl.Float64,
    "expected_orders_low": pl.Float64,
    "expected_orders_high": pl.Float64,
    "expected_spend": pl.Float64,
    "expected_value": pl.Float64,
    "expected_value_low": pl.Float64,
    "expected_value_high": pl.Float64,
    "gone_quiet": pl.Boolean,
    "customers_share": pl.Float64,
    "best_expected_share": pl.Float64,
    "best_past_share": pl.Float64,
}


def best_customers(
    workspace: Workspace,
    *,
    horizon_days: int = 365,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Rank the customers on what they are expected to spend, and find the best who went quiet.

    Expected value = P(alive) x expected purchases within `horizon_days` x expected spend per
    purchase: BG/NBD for the purchases (Fader, Hardie and Lee 2005), Gamma-Gamma for the spend
    (Fader and Hardie 2013), both fitted to these customers by maximum likelihood. Orders of one
    day are one purchase; cancelled orders and refunds are none, and refunds lower the past spend
    alone. Value is revenue: neither margin nor discounted.

    Args:
        workspace: an open store.
        horizon_days: how far to look ahead.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per customer who has bought, best first, ties by past spend and then id: rank,
        decile (1 is the best tenth), customer_id (empty in a report), purchases, past_spend,
        past_decile (by past spend), silent_days, alive_share = P(alive), expected_orders,
        expected_spend (per purchase), expected_value, gone_quiet (P(alive) below 0.5, or silent
        for longer than the lapse limit of `lapse_curve`), customers_share (rank by number of
        customers), best_expected_share and best_past_share (what so many of the best bring of all
        expected value, and what so many of the best by past spend have brought). _low and _high
        are the ends of 95 % intervals from the uncertainty of the fitted parameters (delta
        method). Without amounts in one currency the rank is by expected orders, and columns of
        value are null; where purchases carry no model (fewer than 30 buyers or 30 who bought
        again, or those under 5 %, or all on one day) everything expected is null and the rank is
        by past spend.

    Raises:
        BadQuestion: where horizon_days is no whole number from 1 on.
    """
    whole_number("horizon_days", horizon_days)
    until = workspace.moment(as_of)
    company = workspace.settings.company
    people = workspace.query(
        "best_customers", as_of=until, zone=company.timezone, currency=company.currency
    )
    limit = _limit(workspace, until)
    no_model, no_value = why_no_model(people), _why_no_value(people)
    seen = None
    if no_model is None:
        again = people.filter(pl.col("spend_days") > 0)
        spending = None if no_value else fit_spending(again)
        if spending is not None and spending.mean is None:
            spending, no_value = None, "what purchases cost varies without bound"
        seen = forecast(people, fit_buying(people), spending, horizon_days / 7)
    problem = no_model or no_value
    table = _ranked(people, seen, limit)
    if workspace.least:
        table = table.with_columns(customer_id=pl.lit(None, dtype=pl.String))
    money = _money(people)
    return Result(
        name="best_customers",
        question=QUESTION,
        table=table,
        finding=_finding(table, seen, horizon_days, problem, money),
        caveats=(
            *_caveats(people, seen, horizon_days, limit, money, problem),
            *(_check(workspace, until) if seen is not None else ()),
            *(
                ["The report names no customers: ask best_customers(ws) for them."]
                if workspace.least
                else []
            ),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=query_text("best_customers"),
        as_of=until,
        n=table.height,
        draw=_chart
        if table["best_expected_share"].count() + table["best_past_share"].count()
        else None,
    )


def _limit(workspace: Workspace, until: datetime | None) -> int | None:
    """Return the lapse limit that the settings or the data give."""
    rule = lapse_rule(workspace, until)
    return None if rule.convention else rule.days


def _money(people: pl.DataFrame) -> str | None:
    """Return the one currency of the amounts, '' where it has no name; None: none or several."""
    currency: str | None = people["currency"][0] if people.height else None
    return None if currency is None or "," in currency else currency


def _why_no_value(people: pl.DataFrame) -> str | None:
    """Say in half a sentence why amounts carry no model of spending; None where they do."""
    currency = people["currency"][0] if people.height else None
    again = int((people["spend_days"] > 0).sum())
    if currency is None:
        return "no order has an amount"
    if "," in currency:
        return f"amounts are in several currencies ({currency})"
    if again < ENOUGH:
        who = f"only {counted(again, 'buyer')}" if again else "nobody"
        return f"{who} paid for a repeat purchase"
    return None


def _ranked(people: pl.DataFrame, seen: Forecast | None, limit: int | None) -> pl.DataFrame:
    frame = people.select("customer_id", "purchases", "past_spend", "silent_days")
    if _money(people) is None:
        frame = frame.with_columns(past_spend=pl.lit(None, dtype=pl.Float64))
    if seen is not None:
        frame = frame.hstack(seen.table)
    missing = [name for name in _COLUMNS if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=_COLUMNS[name]).alias(name) for name in missing)
    size = pl.len()
    by_past = frame.sort("past_spend", "customer_id", descending=[True, False], nulls_last=True)
    by_past = by_past.with_columns(
        past_decile=pl.when(pl.col("past_spend").is_not_null()).then(_decile(size)),
        best_past_share=_cumulated("past_spend"),
    )
    past = by_past["best_past_share"]
    worth = pl.coalesce("expected_value", "expected_orders")
    quiet = pl.col("alive_share") < _QUIET
    if limit is not None:
        quiet = quiet.fill_null(False) | (pl.col("silent_days") > limit)
    return (
        by_past.sort(
            worth, "past_spend", "customer_id", descending=[True, True, False], nulls_last=True
        )
        .with_columns(
            rank=pl.int_range(1, size + 1),
            decile=_decile(size),
            gone_quiet=quiet,
            customers_share=pl.int_range(1, size + 1) / size,
            best_expected_share=_cumulated(worth),
            best_past_share=past,
        )
        .select(pl.col(name).cast(kind) for name, kind in _COLUMNS.items())
    )


def _decile(size: pl.Expr) -> pl.Expr:
    return pl.int_range(0, size) * 10 // size + 1


def _cumulated(value: str | pl.Expr) -> pl.Expr:
    """Return the share of the total that the rows so far bring; null where there is no total."""
    each = pl.col(value) if isinstance(value, str) else value
    return pl.when(each.sum() > 0).then(each.cum_sum() / each.sum())


def _top(table: pl.DataFrame) -> pl.DataFrame:
    """Return the top tenth by past spend."""
    return table.filter(pl.col("past_decile") == 1)


def _finding(
    table: pl.DataFrame,
    seen: Forecast | None,
    horizon: int,
    problem: str | None,
    money: str | None,
) -> str:
    if table.is_empty():
        return "Nobody has bought yet: there are no best customers."
    buyers, top = table.height, _top(table)
    past = ""
    if top.height and table["best_past_share"].count():
        share = table["best_past_share"][top.height - 1]
        past = (
            f"the top tenth by past spend ({top.height:,} of {buyers:,}) brought {share:.1%} of "
            "all spend so far"
        )
        past = past.replace("%", " %")
    if seen is None:
        known = f"; {past}" if past and buyers >= ENOUGH else ""
        return f"Who will be best cannot be said: {problem}{known}" + (
            ", which is no forecast." if known else "."
        )
    best = f"The top tenth of {buyers:,} buyers is expected to bring {_said(seen.top)} of the"
    if problem:
        return (
            f"{best} {_amount(seen.total)} purchases expected within "
            f"{counted(horizon, 'day')}; in money it cannot be said: {problem}."
        )
    quiet = int(top["gone_quiet"].sum())
    gone = f"{said_count(quiet, top.height)} of them {verb(quiet, 'have')} gone quiet"
    if not quiet and top.height < ENOUGH:
        gone = "none of them has gone quiet"
    return (
        f"{best} {_amount(seen.total)}{f' {money}' if money else ''} expected within "
        f"{counted(horizon, 'day')}; {past}, and {gone}."
    )


def _said(share: Interval) -> str:
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f}–{100 * share.high:.1f})"


def _amount(total: Interval) -> str:
    return f"{total.value:,.0f} ({total.low:,.0f}–{total.high:,.0f})"


def _caveats(
    people: pl.DataFrame,
    seen: Forecast | None,
    horizon: int,
    limit: int | None,
    money: str | None,
    problem: str | None,
) -> tuple[str, ...]:
    if people.is_empty():
        return ()
    buyers, once = people.height, int((people["repeats"] == 0).sum())
    have = verb(once or buyers, "have")
    notes = [f"{once:,} of {counted(buyers, 'buyer')} {have} bought on one day only so far."]
    if seen is None:
        if money is not None:
            notes.append("Ranked on past spend: who spent most last year tends to spend less next.")
        return tuple(notes)
    if once:
        notes.append(
            f"P(alive) is 1 for {'this one' if once == 1 else f'these {once:,}'} by construction: "
            "the model lets people leave only after a repeat purchase, so it cannot tell whether "
            "they did."
        )
    if limit is None:
        notes.append("The data give no lapse limit: gone quiet means P(alive) below 0.5 alone.")
    else:
        notes.append(
            f"Gone quiet means P(alive) below 0.5, or silent for more than {counted(limit, 'day')}."
        )
    if money is not None and problem is None:
        tied = spend_with_frequency(people)
        again = int((people["spend_days"] > 0).sum())
        notes.append(
            "Value is revenue: costs are not taken off, and later money counts in full. What a "
            "first purchase cost is not used, and one-time buyers count at the mean spend of all."
        )
        if tied is not None:
            strained = ": more than the model of spending allows for" if abs(tied) > _TIED else ""
            notes.append(
                f"Spend per purchase and number of purchases correlate by {tied:.2f} (n = "
                f"{again:,} who bought again){strained}."
            )
    observed = 7 * float(people.select(pl.max("age")).item())
    if horizon > observed:
        notes.append(
            f"{counted(horizon, 'day')} ahead from {counted(round(observed), 'day')} of data: the "
            "model reaches further than what it has seen."
        )
    notes.append(
        "The intervals hold the uncertainty of the model's parameters; what one customer does "
        "varies far more."
    )
    return tuple(notes)


def _check(workspace: Workspace, until: datetime | None) -> tuple[str, ...]:
    """Say whether the model would have foretold the last third of the data: see value_check."""
    zone = workspace.settings.company.timezone
    kinds = workspace.query("value_check", as_of=until, zone=zone, holdout_days=None)
    days = int(kinds["holdout_days"][0]) if kinds.height else 0
    if why_no_model(kinds) or days < 1:
        return ("Too little has happened to check whether the model fits.",)
    expected = expected_purchases(fit_buying(kinds), kinds, days / 7)
    check = check_total(kinds, expected, days)
    if not check.off:
        return ("Whether the model fits: see value_check.",)
    last = "last day" if days == 1 else f"last {days:,} days"
    if check.came.value == 0:
        came = "and none came"
    else:
        share = 100 * abs(check.expected / check.came.value - 1)
        many = "many" if check.expected > check.came.value else "few"
        came = f"{share:.1f} % too {many}"
    return (
        f"The model is off: for the {last} it would have expected "
        f"{counted(round(check.expected), 'purchase')}, {came}. Read this as a ranking, not as "
        "amounts; see value_check.",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    step = -(-table.height // _MOST_POINTS)
    points = table.filter((pl.col("rank") % step == 0) | (pl.col("rank") == table.height))
    kind = "value" if table["expected_value"].count() else "purchases"
    start = pl.DataFrame(
        {"customers_share": 0.0, "best_expected_share": 0.0, "best_past_share": 0.0}
    )
    curves = {"best_expected_share": f"expected {kind}", "best_past_share": "past spend"}
    curves = {name: label for name, label in curves.items() if table[name].count()}
    tenth = -(-table.height // 10) - 1
    shares = [f"{table[name][tenth]:.0%} of {label}" for name, label in curves.items()]
    return charts.lines(
        pl.concat([start, points.select(start.columns)]),
        x="customers_share",
        lines=curves,
        dotted=["best_past_share"],
        title=f"The best tenth: {', '.join(shares)}",
        x_unit="customers, best first",
        y_unit="share of the total",
    )
