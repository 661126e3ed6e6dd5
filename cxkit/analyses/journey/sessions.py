"""How many visits are there, how long are they, and how many end at once?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, whole_number
from cxkit.notes import apart_note, end_note
from cxkit.passages import lasting, slices
from cxkit.result import Result, counted
from cxkit.stats.clustered import contrast_effect, design_effect, design_effects, effective
from cxkit.stats.intervals import (
    ENOUGH,
    Interval,
    add_wilson,
    benjamini_hochberg,
    newcombe,
    said,
    shares_p,
)
from cxkit.stats.segments import gathered
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
    orders, tickets and messages are no part of it, and what becomes of an order neither (approved,
    delivered). Visits of one person are alike: intervals and tests take people for independent,
    not visits (Rao and Scott 1992); the counts stand as they are.

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
        touchpoint has no length), difference of the share to that of the other known segments
        with Newcombe's interval (_low, _high) and q_value (Benjamini-Hochberg; null where either
        side has fewer than 30). n is the number of visits.

    Raises:
        BadQuestion: where by is neither, or gap_minutes no whole number.
    """
    if by is not None and by not in SPOTS:
        raise BadQuestion(f"There is no {by!r} of a visit. There are: {listed(SPOTS)}.")
    until = workspace.moment(as_of)
    gap = whole_number("gap_minutes", gap_minutes) * 60_000_000
    kinds, people = (
        pl.concat(
            workspace.query(name, by=by or "all", gap=gap, as_of=until, first=first, last=last)
            for first, last in slices(workspace)
        )
        for name in ("sessions", "session_people")
    )
    if by is not None:
        kinds, people = (
            gathered(rows, "visits", least=workspace.least, people=people)
            for rows in (kinds, people)
        )
        people = people.group_by("segment", "customer_key", maintain_order=True).sum()
    table = _compared(_shares(kinds, people), people)
    return Result(
        name="sessions",
        question=QUESTION,
        table=table,
        finding=_finding(table, people),
        caveats=(*_caveats(table, people, gap_minutes, by), *end_note(workspace, as_of)),
        sql=f"{query_text('sessions')}\n{query_text('session_people')}",
        as_of=until,
        n=int(table["sessions"].sum()),
        draw=_chart,
    )


def _shares(kinds: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
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
    alike = design_effects(people, ["segment"], "one_touch", "visits").drop("people")
    counts = counts.join(alike, on="segment", how="left").with_columns(
        x=pl.col("one_touch") / pl.col("effect"), n=pl.col("sessions") / pl.col("effect")
    )
    return (
        add_wilson(counts, "x", "n", "share_one_touch")
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


def _compared(table: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Set each segment beside the others of which one knows."""
    schema: dict[str, Any] = {"segment": pl.String}
    schema |= dict.fromkeys(
        ("difference", "difference_low", "difference_high", "q_value"), pl.Float64
    )
    known = people.filter(pl.col("segment") != "missing")
    found, p_values = [], []
    for row in table.filter(pl.col("segment") != "missing").iter_rows(named=True):
        rest, others = _rest(table, row)
        if min(row["sessions"], others) < ENOUGH:
            continue
        sides = (
            known.group_by(
                "customer_key", group=(pl.col("segment") != row["segment"]).cast(pl.Int64)
            )
            .agg(pl.col("visits", "one_touch").sum())
            .sort("group", "customer_key")
        )
        names = ("customer_key", "group", "one_touch", "visits")
        who, group, x, n = (sides[name].to_numpy() for name in names)
        effect = contrast_effect(who, group, x, n, [1.0, -1.0])
        counts = (*effective(row["one_touch"], row["sessions"], effect),
                  *effective(rest, others, effect))  # fmt: skip
        found.append((row["segment"], *newcombe(*counts)))
        p_values.append(shares_p(*counts))
    rows = [(*one, q) for one, q in zip(found, benjamini_hochberg(p_values), strict=True)]
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return table.join(told, on="segment", how="left", maintain_order="left")


def _rest(table: pl.DataFrame, row: dict[str, Any]) -> tuple[int, int]:
    """Return the visits of one touchpoint, and all, of the other known segments."""
    known = table.filter(~pl.col("segment").is_in(["missing", row["segment"]]))
    return int(known["one_touch"].sum()), int(known["sessions"].sum())


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment whose share of one-touch visits surely differs most from the others'."""
    sure = table.filter(pl.col("q_value") <= 0.05)
    if sure.is_empty():
        return None
    row = sure.sort(pl.col("difference").abs(), descending=True).row(0, named=True)
    rest, others = _rest(table, row)
    gap = Interval(row["difference"], row["difference_low"], row["difference_high"])
    return {**row, "rest": rest, "others": others, "gap": gap}


def _said(people: pl.DataFrame) -> str:
    """Return the share of one-touch visits with the interval that people, not visits, make."""
    each = people
    if people["segment"].n_unique() > 1:
        each = people.group_by("customer_key").agg(pl.col("visits", "one_touch").sum())
    effect = design_effect(each["one_touch"].to_numpy(), each["visits"].to_numpy())
    return said(*effective(int(each["one_touch"].sum()), int(each["visits"].sum()), effect))


def _finding(table: pl.DataFrame, people: pl.DataFrame) -> str:
    n = int(table["sessions"].sum())
    if n == 0:
        return "Nothing is known that anybody did on the web or in the app: no visits can be seen."
    if apart := _apart(table):
        gap, known = apart["gap"], people.filter(pl.col("segment") != "missing")
        here = pl.col("segment") == apart["segment"]
        return (
            f"Of {counted(apart['sessions'], 'visit')} by '{apart['segment']}' "
            f"{_said(known.filter(here))} ended with their first touchpoint, of "
            f"the {apart['others']:,} others {_said(known.filter(~here))}: a difference "
            f"of {100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})."
        )
    small = " (too few to say more)" if n < ENOUGH else ""
    one = int(table["one_touch"].sum())
    first = f"Of {counted(n, 'visit')} {_said(people)} ended with their first touchpoint"
    alike = " No segment surely differs." if table.height > 1 else ""
    if table.height > 1 or one == n:
        return f"{first}{small}.{alike}"
    row = table.row(0, named=True)
    return f"{first}; half of the others took {lasting(60 * row['median_minutes'])} or less{small}."


def _caveats(
    table: pl.DataFrame, people: pl.DataFrame, gap: int, by: str | None
) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        f"A visit ends with more than {counted(gap, 'minute')} of silence: how long its last page "
        "was read is not known, so lengths are too short rather than too long.",
    ]
    visits, persons = int(table["sessions"].sum()), people["customer_key"].n_unique()
    if visits > persons:
        notes.append(
            f"{counted(visits, 'visit')} are of "
            f"{'1 person' if persons == 1 else f'{persons:,} people'}, and visits of one person "
            "are alike: intervals and tests take people, not visits, for independent."
        )
    notes += [
        f"Only {counted(row['sessions'], 'visit')} in '{row['segment']}': too few to say."
        for row in table.filter(pl.col("sessions") < ENOUGH).iter_rows(named=True)
    ]
    if by and table.height > 1:
        notes.append(apart_note(by, "Visits"))
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    n, apart = int(table["sessions"].sum()), _apart(table)
    title = f"{table['one_touch'].sum() / n:.0%} of {counted(n, 'visit')} end at once"
    if n < ENOUGH:
        title = (
            f"{table['one_touch'].sum():,} of {counted(n, 'visit')} ended at once: too few to say"
        )
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
