"""Do kinds of customers lapse after another silence?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import between_0_and_1, whole_number
from cxkit.lapse import spells_by
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.persona_keep import rhythm_note
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.survival import group_limits, lapse_limit, return_curve
from cxkit.workspace import Workspace, query_text

QUESTION = "Do kinds of customers lapse after another silence?"


def lapse_groups(
    workspace: Workspace,
    *,
    by: str,
    horizon_days: int | None = None,
    return_share: float | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find the lapse limit of each kind of customer, and say whether any surely differs.

    The limit is that of `lapse_curve`, from the silences of one group alone. Each group is set
    against all others together: how often is the difference as large where the customers are dealt
    to the groups by lot (a permutation test), with Benjamini and Hochberg's procedure over groups?

    Args:
        workspace: an open store.
        by: `region`, `source` or `preferred_channel` of the customer, or a field of the
            customers' attributes.
        horizon_days: how far to look ahead; default: `lifecycle.horizon_days` of the settings.
        return_share: the chance, 0 to 1, that counts as hardly any; default: the settings'.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per group, the largest first (beyond eight in 'other'): segment, buyers, purchases
        (days of purchase), once (buyers of one day only), lapse_days with its 95 % bootstrap
        interval (_low, _high; customers drawn with replacement), lapse_days_others (all other
        groups together), q_value. Null: too few buyers, or a limit that the data do not show.

    Raises:
        BadQuestion: where the horizon is below 1 day, the share is not between 0 and 1, or `by` is
            no field of the data.
    """
    life = workspace.settings.lifecycle
    asked = life.horizon_days if horizon_days is None else horizon_days
    horizon = whole_number("horizon_days", asked)
    share = life.return_share if return_share is None else return_share
    between_0_and_1("return_share", share)
    until = workspace.moment(as_of)
    spells = spells_by(workspace, until, by)
    table = _limits(spells, horizon, share)
    whole = lapse_limit(return_curve(spells, horizon), share)
    return Result(
        name="lapse_groups",
        question=QUESTION,
        table=table,
        finding=_finding(table, by, whole),
        caveats=(
            *(rhythm_note(workspace, by) if table.height > 1 else ()),
            *_caveats(table, by, horizon, share),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=f"{query_text('lapse_curve')}\n{query_text('lapse_groups')}",
        as_of=until,
        n=int(table["buyers"].sum()),
        draw=_chart,
    )


def _limits(spells: pl.DataFrame, horizon: int, share: float) -> pl.DataFrame:
    found = group_limits(spells, horizon, share)
    names = ["lapse_days", "lapse_days_low", "lapse_days_high", "lapse_days_others", "q_value"]
    kinds = [pl.Float64 if name == "q_value" else pl.Int64 for name in names]
    limits = pl.DataFrame(
        [[name, *limit] for name, limit in found.items()],
        schema={"segment": pl.String, **dict(zip(names, kinds, strict=True))},
        orient="row",
    )
    days = spells.group_by("segment", "customer_key", maintain_order=True).len()
    counts = days.group_by("segment", maintain_order=True).agg(
        buyers=pl.len().cast(pl.Int64),
        purchases=pl.col("len").sum().cast(pl.Int64),
        once=(pl.col("len") == 1).sum().cast(pl.Int64),
    )
    return counts.join(limits, on="segment", how="left", maintain_order="left")


def _apart(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the groups whose limit surely differs from the others', the shortest first."""
    rows = table.filter(pl.col("q_value") < 0.05).sort("lapse_days", "segment")
    return rows.to_dicts()


def _said(row: dict[str, Any]) -> str:
    low, high = row["lapse_days_low"], row["lapse_days_high"]
    ends = f"{low}–{high}" if low is not None else "uncertain"
    return f"{counted(row['lapse_days'], 'day')} ({ends}) for {row['buyers']:,} '{row['segment']}'"


def _finding(table: pl.DataFrame, by: str, whole: int | None) -> str:
    buyers = int(table["buyers"].sum())
    if buyers == 0:
        return "There are no purchases: when a customer has lapsed cannot be said."
    if table.height == 1:
        whose = "The one buyer is" if buyers == 1 else f"All {buyers:,} buyers are"
        return f"{whose} of one kind, '{table['segment'][0]}': by {by} there is nothing to compare."
    if buyers < ENOUGH:
        return f"The data hold {counted(buyers, 'buyer')} only: too few to say."
    shown = table.filter(pl.col("lapse_days").is_not_null())
    if shown.is_empty():
        return (
            f"By {by} no kind of the {buyers:,} buyers shows after how long a silence it has "
            "lapsed (see lapse_curve)."
        )
    apart = _apart(table)
    if not apart:
        common = f"; of all together it is {counted(whole, 'day')}" if whole is not None else ""
        return (
            f"By {by} no kind's lapse limit surely differs from the others'{common} "
            f"({buyers:,} buyers, {table.height} kinds)."
        )
    if len(apart) == 1:
        others = counted(apart[0]["lapse_days_others"], "day")
        return f"By {by} one lapse limit differs: {_said(apart[0])}, against {others} for others."
    return (
        f"By {by} {len(apart)} of {table.height} lapse limits differ from the others', from "
        f"{_said(apart[0])} to {_said(apart[-1])}."
    )


def _caveats(table: pl.DataFrame, by: str, horizon: int, share: float) -> tuple[str, ...]:
    if table.height < 2:
        return ()
    notes = [
        "Each limit is the silence after which at most "
        f"{100 * share:.0f} % buy again within {counted(horizon, 'day')} (see lapse_curve)."
    ]
    few = table.filter(pl.col("buyers") < ENOUGH)
    if few.height:
        told = ", ".join(
            f"{buyers} in '{name}'" for name, buyers in few.select(pl.nth(0, 1)).rows()
        )
        notes.append(f"Too few buyers to say: {told}.")
    unknown = table.filter((pl.col("buyers") >= ENOUGH) & pl.col("lapse_days").is_null())
    if unknown.height:
        told = ", ".join(f"'{name}'" for name in unknown["segment"])
        notes.append(
            f"These kinds show no limit: {told}; {int(unknown['once'].sum()):,} of their "
            f"{int(unknown['buyers'].sum()):,} buyers have bought on one day only."
        )
    unsure = table.filter(pl.col("lapse_days").is_not_null() & pl.col("lapse_days_low").is_null())
    if unsure.height:
        told = ", ".join(f"'{name}'" for name in unsure["segment"])
        notes.append(f"Uncertain, since too many samples drawn from them show no limit: {told}.")
    notes.append(
        f"Kinds by {by} differ in more than {by}; the field is taken as it stands now, whenever "
        "the purchases were."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    shown = table.filter(pl.col("lapse_days").is_not_null())
    if shown.is_empty():
        return charts.nothing("No kind of customer shows when it has lapsed")
    apart = _apart(table)
    title = "No kind's lapse limit surely differs"
    if apart:
        row = apart[-1] if apart[-1]["lapse_days"] > apart[-1]["lapse_days_others"] else apart[0]
        title = (
            f"'{row['segment']}' lapse after {counted(row['lapse_days'], 'day')}, the others after "
            f"{counted(row['lapse_days_others'], 'day')}"
        )
    longest = max(high or 0 for pair in ("lapse_days", "lapse_days_high") for high in shown[pair])
    framed = shown.with_columns(
        unit=pl.lit("days of silence"),
        ends=pl.lit([0, 1.1 * longest], dtype=pl.List(pl.Float64)),
    )
    return charts.dots(
        framed,
        value="lapse_days",
        low="lapse_days_low",
        high="lapse_days_high",
        label="segment",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{row['lapse_days']} · n = {row['buyers']:,}" for row in shown.iter_rows(named=True)
        ],
    )
