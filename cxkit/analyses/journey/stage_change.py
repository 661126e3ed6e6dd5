"""Did more get through than before, or did others come?"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, names, whole_number
from cxkit.funnels import plan
from cxkit.notes import end_note
from cxkit.passages import UNITS
from cxkit.periods import (
    SPOTS,
    Entries,
    alike_note,
    counted_by,
    entries_by,
    person_effect,
    required,
    two_ends,
)
from cxkit.result import Result, counted, verb
from cxkit.stats.clustered import contrast_effect, effective
from cxkit.stats.intervals import (
    ENOUGH,
    Interval,
    benjamini_hochberg,
    newcombe,
    said,
    shares_p,
)
from cxkit.stats.mix import Part, kitagawa, mantel_haenszel
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "Did more get through than before, or did others come?"
_LEVEL = 0.01  # false discoveries among the segments
_PERIODS = ("before", "after")
_COUNTS = ["before_entered", "before_finished", "after_entered", "after_finished"]


def stage_change(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    unit: str | None = None,
    by: str | None = "device",
    segments: Sequence[str] | None = None,
    weeks: int = 13,
    weeks_back: int | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Compare how many got through the journey in two periods, and split the change by segment.

    The change of the whole is split, exactly, into what comes from other segments entering (mix)
    and what from each segment doing better or worse (rate; Kitagawa 1955). The change within
    segments is also told as one number, the Mantel-Haenszel difference (variance of Sato 1989):
    where it and the change of the whole point in opposite directions, the finding warns
    (Simpson's paradox). Visits of one person are alike: intervals and tests take people for
    independent, not visits (Rao and Scott 1992); the counts stand as they are. A segment is named
    where Benjamini and Hochberg's procedure over
    all segments keeps false discoveries at one in a hundred.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the journey of the settings.
        optional: stages that may be skipped; default: those of the settings.
        within_days: longest time from the first stage to the last; default: the settings'.
        unit: what is counted: "session", "order", "case" (once each) or "customer" (once a week,
            with the first entry in it); default: visits where both ends of the journey happen
            in visits, else customers.
        by: `channel` or `device` of the entry, a field of the customers, or None.
        segments: the segments that make the whole, as in ["mobile", "desktop"]; default: all.
        weeks: weeks in each period; the later ends with the last week that was followed whole.
        weeks_back: how many weeks the earlier period lies before the later; default: `weeks`, the
            period directly before; 52: the same weeks a year ago.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per segment, the largest first: segment, unit, before_from and before_to,
        after_from and after_to (days), before_entered, before_finished, before_share, likewise
        after_, before_of_all_share and after_of_all_share (of all entries), change (of the share,
        in parts of 1) with Newcombe's interval (change_low, change_high), q_value, mix and rate
        (what the segment adds to the change of the whole; their sums are that change),
        design_effect (by how many times fewer visits, each of another person, would say as much
        of the segment's change), whole_effect and within_effect (of the change of the whole, and
        within segments).

    Raises:
        BadQuestion: where there are not two stages to get from and to, a stage is optional but not
            named, there is no such unit, field or segment, or a number of weeks is none.
    """
    field = workspace.segment(by, own=SPOTS)
    length = whole_number("weeks", weeks)
    back = length if weeks_back is None else whole_number("weeks_back", weeks_back)
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
    )
    asked = counted_by(workspace, two_ends(asked), unit)
    chosen = None if segments is None else names("segments", segments)
    if chosen is not None and not chosen:
        raise BadQuestion("No segment is named. Leave segments out for all of them.")
    until = workspace.moment(as_of)
    entries = entries_by(workspace, asked, [required(asked)], until, every="week", by=field)
    known = entries.counts["begins"].min() if entries.counts.height else None
    if chosen is not None:
        entries = _only(entries, chosen)
    periods = workspace.query(
        "stage_change",
        weeks=length,
        weeks_back=back,
        zone=workspace.settings.company.timezone,
        as_of=until,
        within_days=asked.days,
    )
    inside = _inside(entries.people, periods, workspace.least)
    table = _compared(inside, periods, asked.unit)
    ends = asked.stages[0], asked.stages[required(asked)[-1]]
    return Result(
        name="stage_change",
        question=QUESTION,
        table=table,
        finding=_finding(table, inside, ends, by),
        caveats=(*_caveats(table, inside, by, known), *end_note(workspace, as_of)),
        sql="\n".join(query_text(name) for name in ("passages", "stage_breaks", "stage_change")),
        as_of=until,
        n=int(table["before_entered"].sum()) + int(table["after_entered"].sum()),
        draw=_chart,
    )


def _only(entries: Entries, segments: Sequence[str]) -> Entries:
    known = entries.counts["segment"].unique().sort().to_list()
    strangers = [name for name in segments if name not in known]
    if strangers:
        raise BadQuestion(f"There is no segment {strangers[0]!r}. There are: {listed(known)}.")
    kept = pl.col("segment").is_in(list(segments))
    return Entries(entries.counts.filter(kept), entries.people.filter(kept))


def _inside(people: pl.DataFrame, periods: pl.DataFrame, least: int) -> pl.DataFrame:
    """Return who entered in each period, by segment, the largest first."""
    parts = [people.clear().with_columns(period=pl.lit(0))]
    for number, name in enumerate(_PERIODS):
        for edge in periods.filter(pl.col("period") == name).iter_rows(named=True):
            weeks = pl.col("begins").is_between(edge["first_week"], edge["last_week"])
            parts.append(people.filter(weeks).with_columns(period=pl.lit(number)))
    both = pl.concat(parts)
    return (
        gathered(both, "entered", least=least, people=both)
        .group_by("segment", "period", "customer_key", maintain_order=True)
        .agg(pl.col("entered", "followed").sum())
    )


def _compared(inside: pl.DataFrame, periods: pl.DataFrame, unit: str) -> pl.DataFrame:
    """Count each segment in both periods, and split the change of the whole."""
    edges = {row["period"]: row for row in periods.iter_rows(named=True)}
    sums, days = {}, {}
    for number, name in enumerate(_PERIODS):
        first, last = (edges.get(name, {}).get(end) for end in ("first_week", "last_week"))
        for count, column in (("entered", "entered"), ("finished", "followed")):
            here = pl.col("period") == number
            sums[f"{name}_{count}"] = pl.col(column).filter(here).sum().cast(pl.Int64)
        days[f"{name}_from"] = pl.lit(first, pl.Date)
        days[f"{name}_to"] = pl.lit(last, pl.Date) + timedelta(days=6)
    table = inside.group_by("segment", maintain_order=True).agg(**sums)
    effects, whole, within = _effects(inside, table)
    parts = _parts(table, effects)
    gaps = [newcombe(p.after, p.after_n, p.before, p.before_n) for p in parts]
    splits = kitagawa(_parts(table))
    fewest = table.select(pl.min_horizontal("before_entered", "after_entered")).to_series()
    tested = [p for p, least in zip(parts, fewest, strict=True) if least >= ENOUGH]
    qs = benjamini_hochberg([shares_p(p.after, p.after_n, p.before, p.before_n) for p in tested])
    q_of = dict(zip((id(p) for p in tested), qs, strict=True))

    def share(name: str) -> pl.Expr:
        base = pl.col(f"{name}_entered")
        return pl.when(base > 0).then(pl.col(f"{name}_finished") / base)

    def of_all(name: str) -> pl.Expr:
        base = pl.col(f"{name}_entered")
        return pl.when(base.sum() > 0).then(base / base.sum())

    def numbers(name: str, values: Sequence[float | None]) -> pl.Series:
        return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)

    return table.select(
        "segment",
        pl.lit(unit).alias("unit"),
        *(value.alias(name) for name, value in days.items()),
        "before_entered",
        "before_finished",
        share("before").alias("before_share"),
        "after_entered",
        "after_finished",
        share("after").alias("after_share"),
        of_all("before").alias("before_of_all_share"),
        of_all("after").alias("after_of_all_share"),
        numbers("change", [gap.value for gap in gaps]),
        numbers("change_low", [gap.low for gap in gaps]),
        numbers("change_high", [gap.high for gap in gaps]),
        numbers("q_value", [q_of.get(id(p)) for p in parts]),
        numbers("mix", [mix for mix, _ in splits]),
        numbers("rate", [rate for _, rate in splits]),
        numbers("design_effect", effects),
        pl.lit(whole).alias("whole_effect"),
        pl.lit(within).alias("within_effect"),
    )


def _effects(inside: pl.DataFrame, table: pl.DataFrame) -> tuple[list[float], float, float]:
    """Return the design effects of each segment's change, of the whole's and of all within."""
    places = {name: place for place, name in enumerate(table["segment"])}
    place = pl.col("segment").replace_strict(places, default=0, return_dtype=pl.Int64)
    each = inside.with_columns(group=2 * place + pl.col("period"))
    crude = inside.group_by("customer_key", group="period").agg(pl.col("entered", "followed").sum())

    def effect(rows: pl.DataFrame, weights: Sequence[float]) -> float:
        names = ("customer_key", "group", "followed", "entered")
        who, group, x, n = (rows.sort("group", "customer_key")[name].to_numpy() for name in names)
        return contrast_effect(who, group, x, n, weights)

    own, together = [], [0.0] * (2 * table.height)
    for here, part in enumerate(_parts(table)):
        alone = [0.0] * len(together)
        alone[2 * here : 2 * here + 2] = [-1.0, 1.0]
        own.append(effect(each, alone))
        if n := part.before_n + part.after_n:
            weight = part.before_n * part.after_n / n
            together[2 * here : 2 * here + 2] = [-weight, weight]
    return own, effect(crude, [-1.0, 1.0]), effect(each, together)


def _parts(table: pl.DataFrame, effects: Sequence[float] | None = None) -> list[Part]:
    rows = table.select(_COUNTS).rows()
    alike = effects or [1.0] * len(rows)
    return [
        Part(*effective(x, n, one), *effective(y, m, one))
        for (n, x, m, y), one in zip(rows, alike, strict=True)
    ]


def _whole(table: pl.DataFrame) -> dict[str, Any]:
    """Return the change of the whole, plain and within segments, and its two parts."""
    x, n, y, m = (int(table[name].sum()) for name in (
        "after_finished", "after_entered", "before_finished", "before_entered"
    ))  # fmt: skip
    alone, within = (
        float(table[f"{name}_effect"][0]) if table.height else 1.0 for name in ("whole", "within")
    )
    crude = newcombe(*effective(x, n, alone), *effective(y, m, alone))
    adjusted = mantel_haenszel(_parts(table, [within] * table.height))
    opposite = crude.value * adjusted.value < 0
    sure = _sure(crude) or _sure(adjusted)
    return {
        "after": (x, n),
        "before": (y, m),
        "crude": crude,
        "adjusted": adjusted,
        "mix": table["mix"].sum(),
        "rate": table["rate"].sum(),
        "opposite": opposite and sure,
        "maybe": opposite and not sure,
    }


def _sure(gap: Interval) -> bool:
    return gap.low > 0 or gap.high < 0


def _finding(
    table: pl.DataFrame, inside: pl.DataFrame, ends: tuple[str, str], by: str | None
) -> str:
    whole = _whole(table)
    n, m = whole["after"][1], whole["before"][1]
    if not n or not m:
        empty = "either period" if not n and not m else "the earlier period" if n else "the later"
        return f"Nobody entered at '{ends[0]}' in {empty}: nothing can be compared."
    noun = UNITS[table["unit"][0]]
    one = table.row(0, named=True)
    shares = []
    for number, name in enumerate(_PERIODS):
        alike = person_effect(inside.filter(pl.col("period") == number))
        shares.append(said(*effective(whole[name][0], whole[name][1], alike)))
    before, after = shares
    told = (
        f"From {_day(one['after_from'])} to {_day(one['after_to'])} {after} of "
        f"{counted(n, noun)} got from '{ends[0]}' to '{ends[1]}', from "
        f"{_day(one['before_from'])} to {_day(one['before_to'])} {before} of {m:,}: "
        f"{_points(whole['crude'])}"
    )
    if min(n, m) < ENOUGH:
        return f"{told}; too few to say more."
    if not _sure(whole["crude"]):
        told += ", no sure change"
    if table.height == 1:
        return f"{told}."
    told += (
        f". The mix of {by} makes {100 * whole['mix']:+.1f} of it and the rates within make "
        f"{100 * whole['rate']:+.1f}"
    )
    if whole["opposite"]:
        return (
            f"{told}. Simpson's paradox: within {by} the change is the other way round, "
            f"{_points(whole['adjusted'])}."
        )
    return f"{told}; within {by} the change is {_points(whole['adjusted'])}.{_surest(table)}"


def _surest(table: pl.DataFrame) -> str:
    """Name the segment that surely changed most."""
    sure = table.filter(pl.col("q_value") <= _LEVEL, ~pl.col("segment").is_in(["missing", "other"]))
    if sure.is_empty():
        return " No segment surely changed."
    most = sure.sort(pl.col("change").abs(), "segment", descending=[True, False]).row(0, named=True)
    gap = Interval(most["change"], most["change_low"], most["change_high"])
    return f" '{most['segment']}' changed most: {_points(gap)}."


def _points(gap: Interval) -> str:
    return f"{100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _caveats(
    table: pl.DataFrame, inside: pl.DataFrame, by: str | None, known: Any
) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    whole, notes = _whole(table), []
    if whole["opposite"]:
        notes.append(
            f"The whole changed by {_points(whole['crude'])}, but within {by} by "
            f"{_points(whole['adjusted'])}: other entries came, and the whole says nothing of how "
            "anyone fared. Speak of the segments."
        )
    if whole["maybe"]:
        notes.append(
            f"The whole and the change within {by} point in opposite directions "
            f"({100 * whole['crude'].value:+.1f} and {100 * whole['adjusted'].value:+.1f} points), "
            "and neither is sure."
        )
    before = table["before_from"][0]
    if known is not None and before < known:
        notes.append(
            f"The data begin in the week of {_day(known)}, later than the earlier period: compare "
            "fewer weeks."
        )
    small = table.filter(pl.min_horizontal("before_entered", "after_entered") < ENOUGH)
    if small.height and table.height > 1:
        notes.append(
            f"{counted(small.height, 'segment')} {verb(small.height, 'have')} fewer than {ENOUGH} "
            "entries in a period: too few to say."
        )
    notes += alike_note(inside, table)
    notes.append(
        "Two periods differ in season and in much else: a change is associated with what happened "
        "between them."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    whole = _whole(table)
    n, m = whole["after"][1], whole["before"][1]
    title = f"The share that got through changed by {_points(whole['crude'])}"
    if min(n, m) < ENOUGH:
        title = f"{m:,} entered before, {n:,} after: too few to say whether more got through"
    elif table.height > 1:
        title += f": {100 * whole['mix']:+.1f} by mix, {100 * whole['rate']:+.1f} by rates"
    if whole["opposite"]:
        title += "; within segments it went the other way"
    rows = [
        {
            "label": "all",
            "change": whole["crude"].value,
            "low": whole["crude"].low,
            "high": whole["crude"].high,
        }
    ]
    if table.height > 1:
        within = whole["adjusted"]
        rows.append(
            {"label": "within segments", "change": within.value, "low": within.low,
             "high": within.high}
        )  # fmt: skip
        rows += [
            {"label": row["segment"], "change": row["change"], "low": row["change_low"],
             "high": row["change_high"]}
            for row in table.iter_rows(named=True)
        ]  # fmt: skip
    drawn = pl.DataFrame(rows).fill_nan(None).drop_nulls()
    drawn = drawn.with_columns(pl.col("change", "low", "high") * 100)
    if drawn.is_empty():
        return charts.nothing("Nothing can be compared")
    reach = 1.15 * max([1.0, *drawn["low"].abs(), *drawn["high"].abs()])
    return charts.dots(
        drawn.with_columns(
            unit=pl.lit("change of the share that got through, in points"),
            ends=pl.lit([-reach, reach]),
        ),
        value="change",
        low="low",
        high="high",
        label="label",
        unit="unit",
        ends="ends",
        title=title,
        texts=[f"{value:+.1f}" for value in drawn["change"]],
    )
