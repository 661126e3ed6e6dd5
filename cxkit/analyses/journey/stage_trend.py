"""Do more of those who begin the journey finish it, week by week or month by month?"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.funnels import plan
from cxkit.notes import end_note
from cxkit.passages import UNITS
from cxkit.periods import (
    alike_note,
    apart_effect,
    by_person,
    counted_by,
    entries_by,
    person_effect,
    required,
    two_ends,
)
from cxkit.result import Result, counted, verb
from cxkit.stats.clustered import effective, within_effect
from cxkit.stats.control import trend
from cxkit.stats.intervals import ENOUGH, add_wilson, newcombe, said
from cxkit.workspace import Workspace, query_text

QUESTION = "Do more of those who begin the journey finish it than before?"
_LEVEL = 0.01  # a trend that chance brings less often than this is one
_FEW = 6  # periods from which a trend can be told


def stage_trend(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    unit: str | None = None,
    every: str = "week",
    as_of: date | datetime | str | None = None,
) -> Result:
    """Show which share of those who enter in each week or month gets to the last stage.

    All required stages have to be passed in order within `within_days` of the entry. Weeks or
    months in which somebody could still finish are marked and never compared: their share can
    only rise. Whether the share rises or falls is told by the test of Cochran and Armitage over
    the others, its error widened where they differ by more than chance within them.

    Visits of one person are alike, so intervals and the test take people for independent, not
    visits (Rao and Scott 1992); the counts stand as they are.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the journey of the settings.
        optional: stages that may be skipped; default: those of the settings.
        within_days: longest time from the first stage to the last; default: the settings'.
        unit: what is counted: "session", "order", "case" (once each) or "customer" (once in each
            period, with the first entry in it); default: visits where both ends of the journey
            happen in visits, else customers.
        every: "week", which begins on Monday, or "month".
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per week or month: begins (its first day), unit, entered, finished (units that got
        to the last stage), share with Wilson's interval (_low, _high), state ("followed" or
        "unfinished"), left_out (entries younger than the window, in no other count), trend (of the
        whole: "rises", "falls", "unsure" or "too few").

    Raises:
        BadQuestion: where there are not two stages to get from and to, a stage is optional but not
            named, or there is no such unit or period.
    """
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
    )
    asked = counted_by(workspace, two_ends(asked), unit)
    until = workspace.moment(as_of)
    counts, people = entries_by(workspace, asked, [required(asked)], until, every=every, by="all")
    alike = within_effect(by_person(people, counts["begins"].to_list()))
    scaled = counts.select(pl.col("followed", "entered") / alike)
    shares = add_wilson(scaled, "followed", "entered", "share").drop("followed", "entered")
    table = counts.hstack(shares).select(
        "begins",
        unit=pl.lit(asked.unit),
        entered="entered",
        finished="followed",
        share="share",
        share_low="share_low",
        share_high="share_high",
        state=pl.when("finished").then(pl.lit("followed")).otherwise(pl.lit("unfinished")),
        left_out="left_out",
    )
    table = table.with_columns(trend=pl.lit(_trend(table, people), pl.String))
    ends = asked.stages[0], asked.stages[required(asked)[-1]]
    return Result(
        name="stage_trend",
        question=QUESTION,
        table=table,
        finding=_finding(table, people, ends, asked.days, every),
        caveats=(*_caveats(table, people, asked.days, every), *end_note(workspace, as_of)),
        sql=f"{query_text('passages')}\n{query_text('stage_trend')}",
        as_of=until,
        n=int(table["entered"].sum()),
        draw=_chart,
    )


def _followed(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("state") == "followed", pl.col("entered") > 0)


def _halves(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the earlier and the later half of the periods; a middle one is in neither."""
    followed = _followed(table)
    half = followed.height // 2
    return followed.head(half), followed.tail(half)


def _trend(table: pl.DataFrame, people: pl.DataFrame) -> str:
    """Say whether the share surely rises or falls."""
    followed = _followed(table)
    x, n = followed["finished"].to_list(), followed["entered"].to_list()
    if sum(n) < ENOUGH or followed.height < _FEW:
        return "too few"
    slope, p = trend(x, n, by_person(people, followed["begins"].to_list()))
    if p > _LEVEL or not slope:
        return "unsure"
    return "rises" if slope > 0 else "falls"


def _finding(
    table: pl.DataFrame, people: pl.DataFrame, ends: tuple[str, str], days: int, every: str
) -> str:
    followed = _followed(table)
    x, n = int(followed["finished"].sum()), int(followed["entered"].sum())
    if not n:
        return (
            f"No {every} in which somebody entered at '{ends[0]}' could be followed for "
            f"{counted(days, 'day')}: nothing can be said."
        )
    noun = UNITS[table["unit"][0]]
    whole = effective(x, n, person_effect(_of(people, followed)))
    told = (
        f"Of {counted(n, noun)} that entered at '{ends[0]}' in {counted(followed.height, every)}, "
        f"{said(*whole)} got to '{ends[1]}' within {counted(days, 'day')}"
    )
    if table["trend"][0] == "too few":
        return f"{told}: too few {every}s or {noun}s to tell a trend."
    earlier, later = _halves(table)
    effect = apart_effect(people, earlier["begins"].to_list(), later["begins"].to_list())
    one, two = (_counts(half) for half in (earlier, later))
    gap = newcombe(*effective(*two, effect), *effective(*one, effect))
    before, after = (
        said(*effective(*_counts(half), person_effect(_of(people, half))))
        for half in (earlier, later)
    )
    change = (
        f"from {before} in the earlier half to {after} in the later: "
        f"{100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
    )
    if table["trend"][0] == "unsure":
        return f"{told}; {every} by {every} the share does not surely rise or fall ({change})."
    return f"{told}; the share {table['trend'][0]}, {change}."


def _counts(rows: pl.DataFrame) -> tuple[int, int]:
    return int(rows["finished"].sum()), int(rows["entered"].sum())


def _of(people: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return people.filter(pl.col("begins").is_in(rows["begins"].to_list()))


def _caveats(table: pl.DataFrame, people: pl.DataFrame, days: int, every: str) -> tuple[str, ...]:
    notes = []
    young = table.filter(pl.col("state") == "unfinished")
    if young.height:
        first = young["begins"][0]
        notes.append(
            f"{counted(young.height, every)} from {first.day} {first:%b %Y} on "
            f"{verb(young.height, 'are')} not finished: who entered there less than "
            f"{counted(days, 'day')} before the end of the data may still get through, so "
            f"{'it is' if young.height == 1 else 'they are'} not compared."
        )
    small = table.filter(pl.col("entered") < ENOUGH, pl.col("state") == "followed").height
    if small:
        notes.append(
            f"In {counted(small, every)} fewer than {ENOUGH} entered: too few to say by "
            f"{'itself' if small == 1 else 'themselves'}."
        )
    notes += alike_note(_of(people, _followed(table)), table)
    if table.height and table["trend"][0] in ("rises", "falls"):
        notes.append(
            "A trend of the whole may be a change of who comes, not of how they fare: "
            "stage_change parts the two."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    followed = _followed(table)
    if followed.is_empty():
        return charts.nothing("Nothing could be followed to the end")
    one, two = (_share(half) for half in _halves(table))
    moves, (x, n) = table["trend"][0], _counts(followed)
    title = f"{_share(followed):.0%} get through; the share does not surely rise or fall"
    if moves == "too few":
        title = f"{x:,} of {n:,} got through: too few to tell a trend"
    elif moves != "unsure":
        title = f"The share that gets through {moves}: "
        title += f"{one:.1%} in the earlier half, {two:.1%} in the later"
    young = pl.col("state") == "unfinished"
    drawn = table.with_columns(
        share_followed=pl.when(~young).then("share"),
        share_unfinished=pl.when(young).then("share"),
        low=pl.when(~young).then("share_low"),
        high=pl.when(~young).then("share_high"),
    )
    return charts.lines(
        drawn,
        x="begins",
        lines={"share_followed": "followed to the end", "share_unfinished": "not finished yet"},
        ends={"share_followed": ("low", "high")},
        dotted=["share_unfinished"],
        title=title,
        x_unit=f"entered in the {_every(table)} that begins on",
        y_unit="share that got to the last stage",
    )


def _share(rows: pl.DataFrame) -> float:
    return int(rows["finished"].sum()) / max(1, int(rows["entered"].sum()))


def _every(table: pl.DataFrame) -> str:
    """Name the period: months begin on a first day."""
    return "month" if table["begins"].dt.day().eq(1).all() else "week"
