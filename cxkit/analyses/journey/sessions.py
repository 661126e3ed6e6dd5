"""How many visits are there, how long are they, and how many end at once?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, whole_number
from cxkit.notes import end_note
from cxkit.passages import lasting, slices
from cxkit.result import Result, counted
from cxkit.stats.intervals import (
    ENOUGH,
    add_wilson,
    benjamini_hochberg,
    newcombe,
    said,
    shares_p,
)
from cxkit.workspace import Workspace, query_text

QUESTION = "How many visits are there, how long are they, and how many end at once?"
SPOTS = ("channel", "device")


def sessions(
    workspace: Workspace,
    *,
    gap_minutes: int = 30,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count visits: stretches of one person's or visitor's events without a longer silence.

    Only events count, since a visit is what somebody does on the web or in the app: the company's
    orders, tickets and messages are no part of it.

    Args:
        workspace: an open store.
        gap_minutes: a silence longer than this ends a visit.
        by: "channel" or "device" of the first touchpoint of a visit.
        as_of: what was known at this moment; default: the latest time in the data.

    Returns:
        One row per segment ("all" without `by`, "missing" where it is not known): segment,
        sessions, touchpoints, median_touchpoints, one_touch (visits of one touchpoint),
        share_one_touch with Wilson's interval (_low, _high), median_minutes and p90_minutes of the
        visits of two touchpoints or more, from the first to the last (nearest rank; a single
        touchpoint has no length). n is the number of visits.

    Raises:
        BadQuestion: where by is neither, or gap_minutes no whole number.
    """
    if by is not None and by not in SPOTS:
        raise BadQuestion(f"There is no {by!r} of a visit. There are: {listed(SPOTS)}.")
    until = workspace.moment(as_of)
    gap = whole_number("gap_minutes", gap_minutes) * 60_000_000
    kinds = [
        workspace.query("sessions", by=by or "all", gap=gap, as_of=until, first=first, last=last)
        for first, last in slices(workspace)
    ]
    table = _shares(pl.concat(kinds))
    return Result(
        name="sessions",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=(*_caveats(table, gap_minutes, by), *end_note(workspace, as_of)),
        sql=query_text("sessions"),
        as_of=until,
        n=int(table["sessions"].sum()),
        draw=_chart,
    )


def _shares(kinds: pl.DataFrame) -> pl.DataFrame:
    """Count the visits of each segment, and find the sizes and lengths in the middle."""
    one = pl.col("size") == 1
    counts = kinds.group_by("segment").agg(
        sessions=pl.col("visits").sum(),
        touchpoints=(pl.col("visits") * pl.col("size")).sum(),
        one_touch=pl.col("visits").filter(one).sum(),
    )
    for name, values, column, share in (
        ("median_touchpoints", kinds, "size", 0.5),
        ("median_minutes", kinds.filter(~one), "length", 0.5),
        ("p90_minutes", kinds.filter(~one), "length", 0.9),
    ):
        ranked = values.group_by("segment", column).agg(pl.col("visits").sum()).sort(column)
        up_to = pl.col("visits").cum_sum().over("segment")
        reached = up_to >= (share * pl.col("visits").sum().over("segment")).round(6)
        nearest = ranked.filter(reached).group_by("segment").agg(pl.col(column).min().alias(name))
        counts = counts.join(nearest, on="segment", how="left")
    return (
        add_wilson(counts, "one_touch", "sessions", "share_one_touch")
        .select(
            "segment",
            "sessions",
            "touchpoints",
            "median_touchpoints",
            "one_touch",
            "share_one_touch",
            "share_one_touch_low",
            "share_one_touch_high",
            pl.col("median_minutes", "p90_minutes") / 60e6,
        )
        .sort("sessions", "segment", descending=[True, False])
    )


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment whose share of one-touch visits surely differs most from the others'."""
    known = table.filter(pl.col("segment") != "missing")
    visits, ended = int(known["sessions"].sum()), int(known["one_touch"].sum())
    found = []
    for row in known.iter_rows(named=True):
        rest, others = ended - row["one_touch"], visits - row["sessions"]
        if row["sessions"] >= ENOUGH and others >= ENOUGH:
            counts = (row["one_touch"], row["sessions"], rest, others)
            found.append({**row, "rest": rest, "others": others, "gap": newcombe(*counts),
                          "p": shares_p(*counts)})  # fmt: skip
    sure = benjamini_hochberg([told["p"] for told in found])
    surely = [told for told, q in zip(found, sure, strict=True) if q <= 0.05]
    return max(surely, key=lambda told: abs(told["gap"].value), default=None)


def _finding(table: pl.DataFrame) -> str:
    n = int(table["sessions"].sum())
    if n == 0:
        return "There are no events of anybody: no visits can be seen."
    if apart := _apart(table):
        gap = apart["gap"]
        return (
            f"Of {counted(apart['sessions'], 'visit')} by '{apart['segment']}' "
            f"{said(apart['one_touch'], apart['sessions'])} ended with their first touchpoint, of "
            f"the {apart['others']:,} others {said(apart['rest'], apart['others'])}: a difference "
            f"of {100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})."
        )
    small = " (too few to say more)" if n < ENOUGH else ""
    one = int(table["one_touch"].sum())
    first = f"Of {counted(n, 'visit')} {said(one, n)} ended with their first touchpoint"
    alike = " No segment surely differs." if table.height > 1 else ""
    if table.height > 1 or one == n:
        return f"{first}{small}.{alike}"
    row = table.row(0, named=True)
    return f"{first}; half of the others took {lasting(60 * row['median_minutes'])} or less{small}."


def _caveats(table: pl.DataFrame, gap: int, by: str | None) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        f"A visit ends with more than {counted(gap, 'minute')} of silence: how long its last page "
        "was read is not known, so lengths are too short rather than too long.",
        "Frequent visitors come many times: intervals, which take each visit for itself, are "
        "narrower than they should be.",
    ]
    notes += [
        f"Only {counted(row['sessions'], 'visit')} in '{row['segment']}': too few to say."
        for row in table.filter(pl.col("sessions") < ENOUGH).iter_rows(named=True)
    ]
    if by and table.height > 1:
        notes.append(
            f"Visits by {by} differ in more than {by}: a difference is associated with it, not "
            "caused by it."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    n, apart = int(table["sessions"].sum()), _apart(table)
    title = f"{table['one_touch'].sum() / n:.0%} of {counted(n, 'visit')} end at once"
    if apart:
        title = (
            f"{apart['share_one_touch']:.0%} of the visits by '{apart['segment']}' end at once, "
            f"{apart['rest'] / apart['others']:.0%} of the others"
        )
    return charts.bars(
        table,
        length="share_one_touch",
        low="share_one_touch_low",
        high="share_one_touch_high",
        label="segment",
        title=title,
        unit="share of visits with one touchpoint",
        texts=[f"{row['share_one_touch']:.0%} of {row['sessions']:,}"
               for row in table.iter_rows(named=True)],
    )  # fmt: skip
