"""After how long a silence has a customer lapsed?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import between_0_and_1, whole_number
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.survival import carried, lapse_interval, lapse_limit, return_curve
from cxkit.workspace import Workspace, query_text

QUESTION = "After how long a silence has a customer lapsed?"
_MOST_ROWS = 400


def lapse_curve(
    workspace: Workspace,
    *,
    horizon_days: int | None = None,
    return_share: float | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find the silence after which hardly any customer buys again.

    Every purchase day begins a silence, which ends with the customer's next purchase day or is
    still going on at `as_of`. R(d) is the chance that a customer who has been silent for d days
    buys within the next `horizon_days`; the lapse limit is the day after the curve's peak from
    which R(d) is at most `return_share`.

    Args:
        workspace: an open store.
        horizon_days: how far to look ahead; default: `lifecycle.horizon_days` of the settings.
        return_share: the chance, 0 to 1, that counts as hardly any; default: the settings'.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per day of silence, thinned to about 400: silent_days, at_risk (silences at least
        that long), still_silent_share = S(d) by Kaplan-Meier, return_share = R(d), horizon_days,
        lapsed (past the limit). The limit stands in the finding with its 95 % bootstrap interval
        (customers drawn with replacement). Cancelled orders and refunds are no purchases, orders
        of one day are one. Silences that go on are censored, not left out: the percentile of
        finished gaps would forget everyone who never came back.

    Raises:
        BadQuestion: where the horizon is below 1 day or the share is not between 0 and 1.
    """
    life = workspace.settings.lifecycle
    asked = life.horizon_days if horizon_days is None else horizon_days
    horizon = whole_number("horizon_days", asked)
    chosen = life.return_share if return_share is None else return_share
    share = between_0_and_1("return_share", chosen)
    until = workspace.moment(as_of)
    spells = workspace.query("lapse_curve", as_of=until, zone=workspace.settings.company.timezone)
    curve = return_curve(spells, horizon)
    limit = lapse_limit(curve, share)
    interval = lapse_interval(spells, horizon, share) if limit is not None else None
    return Result(
        name="lapse_curve",
        question=QUESTION,
        table=_thinned(curve, horizon, limit),
        finding=_finding(curve, spells, horizon, share, limit, interval),
        caveats=(
            *_caveats(spells, limit, interval),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=query_text("lapse_curve"),
        as_of=until,
        n=spells["customer_key"].n_unique(),
        draw=_chart,
    )


def _thinned(curve: pl.DataFrame, horizon: int, limit: int | None) -> pl.DataFrame:
    """Keep every so many days, and the limit itself."""
    step = -(-max(1, curve.height) // _MOST_ROWS)
    day = pl.col("silent_days")
    return curve.filter((day % step == 0) | (day == pl.lit(limit))).select(
        "silent_days",
        "at_risk",
        "still_silent_share",
        "return_share",
        horizon_days=pl.lit(horizon, dtype=pl.Int64),
        lapsed=day > limit if limit is not None else pl.lit(False),
    )


def _finding(
    curve: pl.DataFrame,
    spells: pl.DataFrame,
    horizon: int,
    share: float,
    limit: int | None,
    interval: tuple[int, int] | None,
) -> str:
    ahead = counted(horizon, "day")
    purchases, buyers = spells.height, spells["customer_key"].n_unique()
    if purchases == 0:
        return "There are no purchases: when a customer has lapsed cannot be said."
    if min(purchases, buyers) < ENOUGH:
        few = f"{counted(purchases, 'purchase')} of {counted(buyers, 'buyer')}"
        return f"The data hold {few} only: too few to say when a customer has lapsed."
    if not spells["returned"].any():
        return (
            f"None of the {buyers:,} buyers has bought on a second day: "
            "silence cannot say who has lapsed."
        )
    chances = carried(curve)["return_share"].drop_nulls().to_list()
    if not chances:
        longest = max(spells["days"].to_list())
        return (
            f"Cannot say: too few customers were watched for {ahead} after a purchase; the "
            f"longest silence is {counted(longest, 'day')}. Ask with a shorter horizon_days."
        )
    if limit is None and max(chances) <= share:
        return (
            "Silence does not say who has lapsed: at no time do more than "
            f"{100 * max(chances):.1f} % of the {buyers:,} buyers buy again within {ahead}."
        )
    if limit is None:
        return (
            f"No limit is found: even after the longest silence {100 * chances[-1]:.0f} % of the "
            f"{buyers:,} buyers buy again within {ahead}, more than {100 * share:.0f} %."
        )
    ends = f" (95 % interval {interval[0]}–{interval[1]})" if interval else ""
    return (
        f"After {counted(limit, 'day')} of silence{ends} at most {100 * share:.0f} % of the "
        f"customers buy again within the next {ahead}: a longer silence is lapsed "
        f"({purchases:,} purchases of {buyers:,} customers)."
    )


def _caveats(
    spells: pl.DataFrame, limit: int | None, interval: tuple[int, int] | None
) -> tuple[str, ...]:
    if spells.height < ENOUGH:
        return ()
    days = spells.group_by("customer_key").len()["len"]
    once = int((days == 1).sum())
    notes = [
        f"{once:,} of {counted(len(days), 'buyer')} {verb(once or len(days), 'have')} bought on "
        "one day only so far."
    ]
    if limit is not None:
        notes.append(
            "The limit is one for all: kinds of customers who buy at another pace, or only in one "
            "season, cross it at another time (see lapse_groups)."
        )
    if limit is not None and interval is None:
        notes.append("The limit is uncertain: too many samples drawn from the customers show none.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    horizon = table["horizon_days"][0]
    shown = table.filter(~pl.col("lapsed"))["silent_days"]
    limit = shown[-1] if table["lapsed"].any() else None
    title = "No silence tells who has lapsed"
    if limit is not None:
        back = table.filter(pl.col("silent_days") == limit)["return_share"][0]
        silence, within = counted(limit or 0, "day"), counted(horizon, "day")
        title = f"After {silence} of silence only {back:.0%} buy again within {within}"
    return charts.curve(
        table,
        x="silent_days",
        y="return_share",
        title=title,
        x_unit="days since the last purchase",
        y_unit=f"share who buy within the next {counted(horizon, 'day')}",
        mark=(limit, f"lapsed after {counted(limit, 'day')}") if limit is not None else None,
    )
