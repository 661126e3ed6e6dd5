"""Does the model of purchases foretell what customers did?"""

from datetime import date, datetime
from math import isnan

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.notes import end_note, purchases_note
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, mean
from cxkit.stats.value import (
    CLOSE,
    Check,
    check_total,
    expected_purchases,
    fit_buying,
    why_no_model,
)
from cxkit.workspace import Workspace, query_text

QUESTION = "Does the model of purchases foretell what customers did?"
_LAST_CLASS = 7  # so many repeats or more are one class


def value_check(
    workspace: Workspace,
    *,
    holdout_days: int | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Set what the model of purchases expected beside what customers did.

    BG/NBD, the model behind `best_customers`, is fitted to the purchases before the last
    `holdout_days` days, and then says how many each customer is expected to make in those days
    (the test of Fader, Hardie and Lee 2005). Customers whose first purchase came later are left
    out.

    Args:
        workspace: an open store.
        holdout_days: how many of the last days are kept for the check; default: a third of them.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per number of repeat purchase days before (0 to 6, and 7 or more): repeats,
        customers, expected_orders and actual_orders (per customer, in the days kept), actual_low
        and actual_high (Student's 95 % interval), fits (the expectation lies in it, or within a
        tenth of what they did; null below 30 customers), expected_total, actual_total,
        holdout_days. Empty where the purchases carry no model.

    Raises:
        BadQuestion: where holdout_days is no whole number from 1 on.
    """
    if holdout_days is not None:
        whole_number("holdout_days", holdout_days)
    until = workspace.moment(as_of)
    kinds = workspace.query(
        "value_check",
        as_of=until,
        zone=workspace.settings.company.timezone,
        holdout_days=holdout_days,
    )
    days = int(kinds["holdout_days"][0]) if kinds.height else 0
    problem = why_no_model(kinds) or ("all purchases are of one day" if days < 1 else None)
    judged = kinds if problem is None else kinds.clear()
    expected = pl.Series("expected", [], dtype=pl.Float64)
    if judged.height:
        expected = expected_purchases(fit_buying(judged), judged, days / 7)
    table = _compared(judged, expected, days)
    check = check_total(judged, expected, days)
    return Result(
        name="value_check",
        question=QUESTION,
        table=table,
        finding=_finding(table, check, problem),
        caveats=(
            *_caveats(table, check),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
        ),
        sql=query_text("value_check"),
        as_of=until,
        n=int(kinds["customers"].sum()),
        draw=_chart if table.height else None,
    )


def _compared(kinds: pl.DataFrame, expected: pl.Series, days: int) -> pl.DataFrame:
    times = pl.col("customers")
    classes = (
        kinds.with_columns(
            expected.alias("expected"), repeats=pl.col("repeats").clip(0, _LAST_CLASS)
        )
        .group_by("repeats", maintain_order=True)
        .agg(
            times.sum(),
            expected_total=(times * pl.col("expected")).sum(),
            actual_total=(times * pl.col("later")).sum(),
            squares=(times * pl.col("later") ** 2).sum(),
        )
        .sort("repeats")
    )
    ends = [
        mean(n, total, squares, 0, days)
        for n, total, squares in classes.select("customers", "actual_total", "squares").iter_rows()
    ]
    label = pl.col("repeats").cast(pl.String)
    return classes.with_columns(
        pl.Series("actual_low", [end.low for end in ends], dtype=pl.Float64).fill_nan(None),
        pl.Series("actual_high", [end.high for end in ends], dtype=pl.Float64).fill_nan(None),
        expected_orders=pl.col("expected_total") / times,
        actual_orders=pl.col("actual_total") / times,
    ).select(
        pl.when(pl.col("repeats") < _LAST_CLASS)
        .then(label)
        .otherwise(pl.format("{} or more", label))
        .alias("repeats"),
        "customers",
        "expected_orders",
        "actual_orders",
        "actual_low",
        "actual_high",
        pl.when(times >= ENOUGH)
        .then(
            pl.col("expected_orders").is_between("actual_low", "actual_high")
            | ((pl.col("expected_orders") / pl.col("actual_orders") - 1).abs() <= CLOSE)
        )
        .alias("fits"),
        "expected_total",
        "actual_total",
        holdout_days=pl.lit(days, dtype=pl.Int64),
    )


def _off(check: Check) -> str:
    """Say how far the model is off."""
    expected, came = check.expected, check.came
    if came.value == 0:
        return "none came"
    share = f"{100 * abs(expected / came.value - 1):.1f}"
    much = f"{share} % too {'many' if expected > came.value else 'few'}"
    off = "the model expected " + ("as many" if share == "0.0" else much)
    if isnan(came.low):  # all did the same: nothing says what chance allows
        return f"{came.value:,.0f} came: {off}"
    sure = "outside" if check.beyond_chance else "within"
    return (
        f"{came.value:,.0f} ({came.low:,.0f}–{came.high:,.0f}) came: {off}, which is {sure} what "
        "chance allows"
    )


def _held(table: pl.DataFrame, check: Check) -> str:
    """Say in how many classes the model holds; where the total is off, how many it misses."""
    judged = table["fits"].drop_nulls()
    classes, held = len(judged), int(judged.sum())
    if not classes:
        return ""
    if check.beyond_chance:
        missed = classes - held
        if classes == 1:
            return f"; it misses the one class of {ENOUGH} customers or more" if missed else ""
        return f"; it misses {missed} of {classes} classes" if missed else ""
    if classes == 1:
        verb = "holds in" if held else "misses"
        return f"; it {verb} the one class of {ENOUGH} customers or more"
    return f"; it holds in {held or 'none'} of {classes} classes"


def _finding(table: pl.DataFrame, check: Check, problem: str | None) -> str:
    if problem:
        return f"Whether a model of purchases would hold cannot be said: {problem}."
    days = table["holdout_days"][0]
    last = "last day" if days == 1 else f"last {days:,} days"
    return (
        f"For the {last} the model expected {counted(round(check.expected), 'purchase')} of "
        f"{table['customers'].sum():,} customers, and {_off(check)}"
        f"{_held(table, check)}."
    )


def _caveats(table: pl.DataFrame, check: Check) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = []
    if check.off:
        notes.append("The model is off: read best_customers as a ranking, not as amounts.")
    missed = table.filter(~pl.col("fits"))
    if missed.height:
        *some, last = missed["repeats"]
        several = f"{', '.join(some)} and {last}" if some else last
        noun = "repeat purchase" if several == "1" else "repeat purchases"
        notes.append(
            f"It misses customers with {several} {noun}. One class of twenty lies outside its "
            "interval by chance alone."
        )
    if (table["customers"] < ENOUGH).any():
        notes.append(f"Classes of fewer than {ENOUGH} customers are too few to judge by.")
    notes.append(
        "A season, a campaign or a new range in the days kept for the check counts against the "
        "model, which expects that all goes on as before."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    expected, actual = table["expected_total"].sum(), table["actual_total"].sum()
    return charts.lines(
        table,
        x="repeats",
        lines={"actual_orders": "what they did", "expected_orders": "what the model expected"},
        ends={"actual_orders": ("actual_low", "actual_high")},
        dotted=["expected_orders"],
        title=f"{expected:,.0f} purchases expected, {actual:,.0f} made",
        x_unit=f"repeat purchase days before the last {counted(table['holdout_days'][0], 'day')}",
        y_unit="purchase days per customer since",
    )
