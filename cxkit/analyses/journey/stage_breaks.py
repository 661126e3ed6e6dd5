"""Where did the journey break, and since when?"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.funnels import Plan, plan
from cxkit.notes import end_note
from cxkit.passages import UNITS
from cxkit.periods import (
    SPOTS,
    Entries,
    alike_note,
    apart_effect,
    by_person,
    counted_by,
    entries_by,
    gathered_entries,
    person_effect,
    steps_between,
    ways,
)
from cxkit.result import Result, counted, verb
from cxkit.stats.breaks import share_breaks
from cxkit.stats.clustered import effective, within_effect
from cxkit.stats.control import chance_outside, p_chart
from cxkit.stats.intervals import (
    ENOUGH,
    Interval,
    benjamini_hochberg,
    newcombe,
    said,
)
from cxkit.workspace import Workspace, query_text

QUESTION = "Where did the journey break, and since when?"
_LEVEL = 0.01  # false discoveries among all series; one alarm in twenty would be too many to follow
_SERIES = ["place", "segment"]


def stage_breaks(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    unit: str | None = None,
    by: str | None = "device",
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find the step and segment in which the journey broke, from which week to which.

    For each step and segment the weekly share that went on is searched for stretches that lie
    apart from the other weeks (circular binary segmentation, Olshen and others 2004; whether
    chance alone brings them is told by shuffling the weeks, and by leaving it to chance which
    people come, since visits of one person are alike). Benjamini and Hochberg's procedure
    over all steps and segments keeps false discoveries at one in a hundred. Each series stands on
    a p-chart; its limits come from the weeks outside of the breaks, or up to a break that has not
    ended, and are widened where visits are of the same people and where weeks differ by more than
    chance (Laney 2002). A break is compared with the weeks before it that did not break where that
    tells a sure change, else with those afterwards.

    A step leads from a stage to the next, and past optional ones. A visit, order or case enters a
    step once; a customer once a week, with the first passage in that week. Who reaches the next
    stage within `within_days` went on. Weeks that could not be followed to the end are not judged.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the journey of the settings.
        optional: stages that may be skipped; default: those of the settings.
        within_days: longest time from the one stage to the next; default: the settings'.
        unit: what is counted: "session", "order", "case" or "customer"; default: visits where
            both ends of the journey happen in visits, else customers.
        by: `channel` or `device` of the entry, a field of the customers, or None.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per step, segment and week, the surest break first: place (number of the step),
        step, after (the stage it starts from), next, segment, unit, week (its Monday), entered,
        followed, share, centre_share (of the baseline), centre_share_low and centre_share_high
        (the limits), outside ("above", "below" or ""), state ("judged", "unfinished", or "too few"
        where the series has fewer than 30 that went on or 30 that did not), break_no (0: none; 1:
        the surest of the series), q_value (of the series), spread (1: only chance within weeks),
        left_out (too young to count), and for the weeks of a break: compared ("before" or
        "afterwards"), base (entries there) and change of the share against it, in parts of 1, with
        Newcombe's interval (change_low, change_high; null: fewer than 30 on a side).

    Raises:
        BadQuestion: where there are not two stages, a stage is optional but not named, or there is
            no such unit or field.
    """
    field = workspace.segment(by, own=SPOTS)
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
    )
    asked = counted_by(workspace, ways(asked), unit)
    until = workspace.moment(as_of)
    entries = entries_by(workspace, asked, steps_between(asked), until, every="week", by=field)
    entries = _gathered(entries, workspace.least)
    table = _compared(_judged(entries, asked), entries.people)
    return Result(
        name="stage_breaks",
        question=QUESTION,
        table=table,
        finding=_finding(table, entries.people, asked.days),
        caveats=(*_caveats(table, entries.people, asked.days, by), *end_note(workspace, as_of)),
        sql=f"{query_text('passages')}\n{query_text('stage_breaks')}\n{query_text('stage_trend')}",
        as_of=until,
        n=int(table["entered"].sum()),
        draw=_chart,
    )


def _gathered(entries: Entries, least: int) -> Entries:
    """Keep the largest segments of the whole and add up the others, week by week."""
    if entries.counts["segment"].n_unique() < 2:
        every = pl.lit("all").alias("segment")
        return Entries(*(rows.with_columns(every) for rows in entries))
    return gathered_entries(entries, least)


def _judged(entries: Entries, asked: Plan) -> pl.DataFrame:
    """Judge each series by itself, then all together."""
    counts, steps = entries.counts, steps_between(asked)
    people = dict(entries.people.group_by("route", "segment"))
    lost = pl.col("entered") - pl.col("followed")
    over = ["route", "segment"]
    ripe = pl.col("finished")
    counts = counts.sort("route", "segment", "begins").with_columns(
        enough=(pl.col("followed").filter(ripe).sum().over(over) >= ENOUGH)
        & (lost.filter(ripe).sum().over(over) >= ENOUGH)
    )
    series = counts.filter("enough").select(over).unique().height
    frames, found, alike = [], [], []
    for (number, segment), rows in counts.group_by(over, maintain_order=True):
        weeks = rows.filter("finished")
        x, n = weeks["followed"].to_list(), weeks["entered"].to_list()
        of = by_person(people.get((number, segment), _NOBODY), weeks["begins"].to_list())
        told = share_breaks(x, n, people=of, level=_LEVEL / series) if rows["enough"][0] else []
        found.append((told[0].p if told else None, told))
        alike.append(within_effect(of))
        here, there = (asked.stages[place] for place in steps[int(str(number))])
        frames.append(
            rows.with_columns(
                place=pl.lit(int(str(number)) + 1),
                step=pl.lit(f"{here} → {there}"),
                after=pl.lit(here),
                next=pl.lit(there),
                unit=pl.lit(asked.unit),
                state=pl.when(~ripe)
                .then(pl.lit("unfinished"))
                .when("enough")
                .then(pl.lit("judged"))
                .otherwise(pl.lit("too few")),
            )
        )
    q_values = benjamini_hochberg([p for p, _ in found if p is not None])
    charted = []
    for frame, (p, told), effect in zip(frames, found, alike, strict=True):
        q = None if p is None else q_values.pop(0)
        charted.append(_charted(frame, told if q is not None and q <= _LEVEL else [], q, effect))
    return pl.concat([_EMPTY, *charted], how="diagonal_relaxed").select(_EMPTY.columns)


def _compared(table: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Set each break beside a stretch that did not break; the surest break first."""
    told = [_NO_BREAK]
    for (place, segment), rows in table.filter(pl.col("state") == "judged").group_by(
        _SERIES, maintain_order=True
    ):
        came = people.filter(pl.col("route") == place - 1, pl.col("segment") == segment)
        clean = rows.filter(pl.col("break_no") == 0)
        for number in sorted(set(rows["break_no"]) - {0}):
            inside = rows.filter(pl.col("break_no") == number)
            sides = {
                "before": clean.filter(pl.col("week") < inside["week"].min()),
                "afterwards": clean.filter(pl.col("week") > inside["week"].max()),
            }
            changes = {name: _change(inside, side, came) for name, side in sides.items()}
            compared = max(sides, key=lambda side: _counts(sides[side])[1])
            for name, (_, low, high) in reversed(changes.items()):
                if low is not None and high is not None and (low > 0 or high < 0):
                    compared = name  # before it, where that is sure
            change, m = changes[compared], _counts(sides[compared])[1]
            names = ("change", "change_low", "change_high")
            told.append(
                pl.DataFrame(
                    {"place": place, "segment": segment, "break_no": number, "compared": compared,
                     "base": m, **dict(zip(names, change, strict=True))},
                    schema=_NO_BREAK.schema,
                )
            )  # fmt: skip
    sure = (pl.col("change_low") > 0) | (pl.col("change_high") < 0)
    order = (
        pl.concat(told)
        .sort(
            sure.fill_null(value=False).not_(), pl.col("change") > 0, pl.col("change").abs(),
            "place", "segment", "break_no", descending=[False, False, True, False, False, False],
            nulls_last=True,
        )
        .with_row_index("rank")
    )  # fmt: skip
    first = order.group_by(_SERIES).agg(first=pl.col("rank").min())
    return (
        table.drop("compared", "base", "change", "change_low", "change_high")
        .join(order, on=[*_SERIES, "break_no"], how="left")
        .join(first, on=_SERIES, how="left")
        .sort("first", "place", "segment", "week", nulls_last=True)
        .with_columns(pl.col("compared").fill_null(""))
        .select(_EMPTY.columns)
    )


def _change(
    inside: pl.DataFrame, beside: pl.DataFrame, came: pl.DataFrame
) -> tuple[float | None, float | None, float | None]:
    """Return by how much the share of the break differs, with its interval; null: too few."""
    (x, n), (y, m) = _counts(inside), _counts(beside)
    if min(n, m) < ENOUGH:
        return None, None, None
    effect = apart_effect(came, inside["week"].to_list(), beside["week"].to_list())
    return newcombe(*effective(x, n, effect), *effective(y, m, effect))


def _counts(rows: pl.DataFrame) -> tuple[int, int]:
    return int(rows["followed"].sum()), int(rows["entered"].sum())


_NOBODY = pl.DataFrame(
    schema={"begins": pl.Date, "customer_key": pl.Int64, "followed": pl.Int64, "entered": pl.Int64}
)
_NO_BREAK = pl.DataFrame(
    schema={
        "place": pl.Int64,
        "segment": pl.String,
        "break_no": pl.Int64,
        "compared": pl.String,
        "base": pl.Int64,
        "change": pl.Float64,
        "change_low": pl.Float64,
        "change_high": pl.Float64,
    }
)
_EMPTY = pl.DataFrame(
    schema={
        "place": pl.Int64,
        "step": pl.String,
        "after": pl.String,
        "next": pl.String,
        "segment": pl.String,
        "unit": pl.String,
        "week": pl.Date,
        "entered": pl.Int64,
        "followed": pl.Int64,
        "share": pl.Float64,
        "centre_share": pl.Float64,
        "centre_share_low": pl.Float64,
        "centre_share_high": pl.Float64,
        "outside": pl.String,
        "state": pl.String,
        "break_no": pl.Int64,
        "q_value": pl.Float64,
        "spread": pl.Float64,
        "left_out": pl.Int64,
        "compared": pl.String,
        "base": pl.Int64,
        "change": pl.Float64,
        "change_low": pl.Float64,
        "change_high": pl.Float64,
    }
)


def _charted(
    frame: pl.DataFrame, breaks: Sequence[Any], q: float | None, effect: float
) -> pl.DataFrame:
    """Put one series on its p-chart, with limits from the weeks that did not break."""
    numbers = [0] * frame.height
    for number, told in enumerate(breaks, 1):
        numbers[told.start : told.end] = [number] * (told.end - told.start)
    good = [not number for number in numbers]
    judged = (frame["state"] == "judged").to_list()
    baseline = [a and b for a, b in zip(good, judged, strict=True)]
    x, n = ((frame[name] / effect).to_list() for name in ("followed", "entered"))
    chart = p_chart(x, n, baseline, laney=True)
    share = pl.when(pl.col("entered") > 0).then(pl.col("followed") / pl.col("entered"))
    return frame.with_columns(
        pl.Series("break_no", numbers, dtype=pl.Int64),
        pl.Series("centre_share_low", chart.low).fill_nan(None),
        pl.Series("centre_share_high", chart.high).fill_nan(None),
        week="begins",
        share=share,
        centre_share=pl.lit(chart.centre).fill_nan(None),
        outside=pl.when(pl.col("state") != "judged")
        .then(pl.lit(""))
        .when(share < pl.Series("low", chart.low))
        .then(pl.lit("below"))
        .when(share > pl.Series("high", chart.high))
        .then(pl.lit("above"))
        .otherwise(pl.lit("")),
        q_value=pl.lit(q, pl.Float64),
        spread=pl.lit(chart.spread),
    )


def _breaks(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return every break with the counts in it and beside it: the surest and largest fall first."""
    found = []
    for (place, segment), rows in table.group_by(_SERIES, maintain_order=True):
        judged = rows.filter(pl.col("state") == "judged")
        clean = judged.filter(pl.col("break_no") == 0)
        for number in sorted(set(rows["break_no"]) - {0}):
            inside = judged.filter(pl.col("break_no") == number)
            one = inside.row(0, named=True)
            start, end = inside["week"][0], inside["week"][-1]
            later = clean.filter(pl.col("week") > end)
            earlier = clean.filter(pl.col("week") < start)
            known = one["change"] is not None
            gap = Interval(one["change"], one["change_low"], one["change_high"]) if known else None
            found.append(
                {
                    "place": place,
                    "segment": segment,
                    "step": one["step"],
                    "after": one["after"],
                    "next": one["next"],
                    "start": start,
                    "end": end,
                    "ended": bool(judged.filter(pl.col("week") > end).height),
                    "compared": one["compared"],
                    "inside": inside,
                    "beside": later if one["compared"] == "afterwards" else earlier,
                    "earlier": earlier,
                    "later": later,
                    "gap": gap,
                    "sure": gap is not None and (gap.low > 0 or gap.high < 0),
                }
            )
    return sorted(
        found,
        key=lambda told: (
            not told["sure"],
            told["gap"] is None,
            told["gap"] is not None and told["gap"].value > 0,
            -abs(told["gap"].value) if told["gap"] else 0.0,
        ),
    )


def _said(rows: pl.DataFrame, people: pl.DataFrame) -> str:
    """Return the share of these weeks with the interval that people, not visits, make."""
    one = rows.row(0, named=True)
    came = people.filter(
        pl.col("route") == one["place"] - 1,
        pl.col("segment") == one["segment"],
        pl.col("begins").is_in(rows["week"].to_list()),
    )
    return said(*effective(*_counts(rows), person_effect(came)))


def _finding(table: pl.DataFrame, people: pl.DataFrame, days: int) -> str:
    judged = table.filter(pl.col("state") == "judged")
    if judged.is_empty():
        few = table.filter(pl.col("state") == "too few")
        if few.is_empty():
            return (
                f"No week could be followed for {counted(days, 'day')}: where the journey broke "
                "cannot be said."
            )
        return (
            f"No step has {ENOUGH} that went on and {ENOUGH} that did not: too few to say where "
            "the journey broke."
        )
    noun = UNITS[table["unit"][0]]
    series = judged.select(_SERIES).unique().height
    parts = judged["segment"].n_unique() > 1 or judged["segment"][0] != "all"
    found = _breaks(table)
    if not found:
        weeks, out = judged.height, judged.filter(pl.col("outside") != "").height
        return (
            f"No step broke: in {series:,} series of weeks "
            f"({counted(judged['step'].n_unique(), 'step')}{_segments(judged)}) nothing lies "
            f"apart that chance would not bring; {out:,} of {weeks:,} weeks lie outside of their "
            f"limits, where chance alone brings about {chance_outside(weeks):,.0f}."
        )
    worst = found[0]
    (x, n), m = _counts(worst["inside"]), _counts(worst["beside"])[1]
    who = f" in '{worst['segment']}'" if parts else ""
    when, step = _when(worst), f"from '{worst['after']}' to '{worst['next']}'{who}"
    if not worst["sure"]:
        least = f"; with {m:,} {worst['compared']} there are too few to say by how much"
        if worst["gap"]:
            least = f", but against {m:,} {worst['compared']} by no sure amount"
        return (
            f"{when} the share that went on {step} lies apart from the other weeks "
            f"({x:,} of {counted(n, noun)}){least}.{_others(table, worst, found)}"
        )
    moved = "fell to" if worst["gap"].value < 0 else "rose to"
    if not _counts(worst["earlier"])[1]:  # it stands at the beginning of the data
        moved = "was"
    here, there = (_said(worst[side], people) for side in ("inside", "beside"))
    return (
        f"{when} the share that went on {step} {moved} {here} of {n:,} {noun}s, against "
        f"{there} of {m:,} {worst['compared']}: {_points(worst['gap'])}"
        f"{_recovered(worst, people)}.{_others(table, worst, found)}"
    )


def _when(told: dict[str, Any]) -> str:
    if not told["ended"]:
        return f"From the week of {_day(told['start'])} on"
    until = told["end"] + timedelta(days=6)
    return (
        f"From the week of {_day(told['start'])} to that of {_day(told['end'])} "
        f"(until {_day(until)})"
    )


def _recovered(worst: dict[str, Any], people: pl.DataFrame) -> str:
    n = _counts(worst["later"])[1]
    if not worst["ended"] or worst["compared"] == "afterwards" or n < ENOUGH:
        return ""
    return f"; since then it is {_said(worst['later'], people)}"


def _others(table: pl.DataFrame, worst: dict[str, Any], found: Sequence[dict[str, Any]]) -> str:
    """Say what did not move at this step, and how many other breaks there are."""
    here = table.filter(pl.col("place") == worst["place"], pl.col("state") == "judged")
    still = here.group_by("segment").agg(pl.col("break_no").max()).filter(pl.col("break_no") == 0)
    names = [f"'{name}'" for name in sorted(still["segment"])]
    said_still = ""
    if names:
        listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        said_still = f" At this step {listed} did not move."
    more = len(found) - 1
    if not more:
        return said_still
    return f"{said_still} {counted(more, 'other break')} {verb(more, 'stand')} below."


def _segments(judged: pl.DataFrame) -> str:
    many = judged["segment"].n_unique()
    return f", {many:,} segments" if many > 1 else ""


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _points(gap: Interval) -> str:
    return f"{100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def _caveats(
    table: pl.DataFrame, people: pl.DataFrame, days: int, by: str | None
) -> tuple[str, ...]:
    notes = [
        f"Also: from the week of {_day(told['start'])}"
        f"{' to that of ' + _day(told['end']) if told['ended'] else ' on'}, "
        f"'{told['after']}' to '{told['next']}' in '{told['segment']}': "
        f"{_said(told['inside'], people)}, "
        f"{_points(told['gap']) if told['sure'] else 'by how much cannot be said'}."
        for told in _breaks(table)[1:6]
    ]
    young = table.filter(pl.col("state") == "unfinished")["week"].unique().sort()
    if len(young):
        which = f"The week from {_day(young[0])} is" if len(young) == 1 else (
            f"The {len(young):,} weeks from {_day(young[0])} on are"
        )  # fmt: skip
        notes.append(
            f"{which} not judged: who entered then could not be followed for "
            f"{counted(days, 'day')}."
        )
    few = table.filter(pl.col("state") == "too few").select("step", "segment").unique()
    if few.height:
        notes.append(
            f"{few.height:,} series of weeks {verb(few.height, 'have')} "
            f"fewer than {ENOUGH} that went on, or that did not: too few to say."
        )
    wide = table.filter(pl.col("state") == "judged", pl.col("spread") > 1.2)
    if wide.height:
        notes.append(
            f"In {wide.select(_SERIES).unique().height:,} series weeks differ by more than chance "
            "within them: their limits are widened (Laney's p'-chart)."
        )
    if by and table["segment"].n_unique() == 1 and table["segment"][0] == "all":
        notes.append(f"By {by} there is nothing to compare: all are taken together.")
    first = table.filter(pl.col("place") == 1)
    weeks = first.filter(pl.col("state") == "judged")["week"].to_list()
    entered = people.filter(pl.col("route") == 0, pl.col("begins").is_in(weeks))
    notes += alike_note(entered, table)
    notes.append("A break is associated with what happened in those weeks, not explained by it.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    found = _breaks(table)
    judged = table.filter(pl.col("state") == "judged")
    shown = found[0]["place"] if found else (table if judged.is_empty() else judged)["place"].max()
    here = table.filter(pl.col("place") == shown)  # what broke stands first
    step = str(here["step"].first() or "The journey")
    title = f"{step}: no week lies apart that chance would not bring"
    if judged.is_empty():
        title = f"{step}: too few to say whether it broke"
    if found:
        worst = found[0]
        (x, n), (y, m) = _counts(worst["inside"]), _counts(worst["beside"])
        until = f" to {_day(worst['end'])}" if worst["ended"] else " on"
        title = f"{step}: '{worst['segment']}' lies apart from {_day(worst['start'])}{until}"
        if worst["sure"]:
            title = (
                f"{step}: '{worst['segment']}' kept {x / n:.0%} from {_day(worst['start'])}"
                f"{until}, {y / m:.0%} {worst['compared']}"
            )
    return charts.control(
        here,
        x="week",
        y="share",
        centre="centre_share",
        low="centre_share_low",
        high="centre_share_high",
        panel="segment",
        marked="break_no",
        pale=(here["state"] == "unfinished").to_list(),
        outside=(here["outside"] != "").to_list(),
        title=title,
        x_unit="week that begins on",
        y_unit="went on",
    )
