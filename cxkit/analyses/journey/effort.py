"""How many steps and how much time does it take to get something done?"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.notes import end_note
from cxkit.passages import UNITS, companys, kinds, kinds_of, passages, slices
from cxkit.periods import COUNTED, in_visits
from cxkit.result import Result, counted, lasted, verb
from cxkit.scores import ces_note
from cxkit.settings import Journey
from cxkit.stats.intervals import ENOUGH, said
from cxkit.stats.survival import Moment, ended_after, kaplan_meier, told_curve
from cxkit.workspace import Workspace, query_text

QUESTION = "How many steps and how much time does it take to get something done?"
_DAY = 86_400_000_000


def effort(
    workspace: Workspace,
    *,
    start: str | None = None,
    end: str | None = None,
    unit: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the steps and the time from a start to the moment at which it is done.

    A task is one unit's way from its first passage of `start` to the first passage of `end` after
    it. Steps are the touchpoints after the start, up to the end and with it; what happens at the
    very moment of either counts where the journey places it between them. What the company does
    (messages out, outreach, tickets solved or passed on, what becomes of an order) is no step of
    the customer's. A task that is given up has
    lasted as long as it was tried, and would have taken longer: it is censored there
    (Kaplan-Meier), not taken for a quick one.

    Args:
        workspace: an open store.
        start: a stage or touchpoint; default: the first stage of the settings' journey.
        end: a stage or touchpoint; default: the last stage.
        unit: "session" (a visit), "order", "case" or "customer"; default: the one of the first two
            in which both start and end happen, else customers.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        Some 25 rows per measure: measure ("steps" or "days"), tasks, done, p50 and p90 with their
        intervals (_low, _high; null: not reached), loops_each (steps back to an earlier stage per
        task), value, at_risk (still under way just before), done_share with its log-log interval
        (_low, _high).

    Raises:
        BadQuestion: where no stage is named and the settings have no journey, a stage or unit is
            unknown, or start and end are one.
    """
    journey = workspace.settings.journey
    known = kinds(workspace)
    ends = []
    for name, asked, place in (("start", start, 0), ("end", end, -1)):
        if asked is None and not journey.stages:
            raise BadQuestion(
                "No stages were named, and the settings hold no journey. "
                "Name them: start='visited', end='paid'."
            )
        stage = journey.stages[place] if asked is None else asked
        there = {*journey.stages, *journey.touchpoints, *known}
        if not isinstance(stage, str) or stage not in there:
            raise BadQuestion(f"{name} is {stage!r}. The data have: {listed(there)}.")
        ends.append(stage)
    first, last = (set(kinds_of(known, journey.touchpoints_of(stage))) for stage in ends)
    if ends[0] == ends[1] or first & last:
        raise BadQuestion(f"A task from '{ends[0]}' to '{ends[1]}' is done as it begins.")
    if unit is not None and unit not in COUNTED:
        raise BadQuestion(f"There is no unit {unit!r} of a task. There are: {listed(COUNTED)}.")
    until = workspace.moment(as_of)
    others = companys(workspace)
    followed = unit or _unit(workspace, *(journey.touchpoints_of(stage) for stage in ends))
    ranks = {
        kind: rank
        for rank, stage in enumerate(journey.stages)
        for kind in kinds_of(known, journey.touchpoints_of(stage))
    }
    tasks = pl.concat(
        _tasks(
            passages(workspace, until, followed, part),
            (first, last),
            set(kinds_of(known, others)),
            ranks,
        )
        for part in slices(workspace)
    )
    table = _curves(tasks)
    asked_ces = workspace.query("effort", as_of=until).row(0, named=True)
    return Result(
        name="effort",
        question=QUESTION,
        table=table,
        finding=_finding(
            table, tasks, (ends[0], ends[1]), followed, own=_own(ends, others, journey)
        ),
        caveats=(
            *_caveats(tasks, asked_ces, followed),
            *ces_note(workspace, until),
            *end_note(workspace, as_of),
        ),
        sql=f"{query_text('passages_of_units')}\n{query_text('effort')}",
        as_of=until,
        n=tasks.height,
        draw=_chart,
    )


def _unit(workspace: Workspace, *ends: Sequence[str]) -> str:
    """Return the unit in which both the start and the end happen."""
    visits = min(in_visits(workspace, touchpoints) for touchpoints in ends)
    of_orders = min(
        workspace.sql(
            "select count(*) as n from timeline where case_id in (select order_id from orders) "
            "and list_contains($touchpoints, touchpoint::varchar)",
            touchpoints=list(touchpoints),
        )["n"][0]
        for touchpoints in ends
    )
    if visits > of_orders:
        return "session"
    return "order" if of_orders else "customer"


def _tasks(
    rows: pl.DataFrame, ends: tuple[set[int], set[int]], companys: set[int], ranks: dict[int, int]
) -> pl.DataFrame:
    """Return one row per task: days, steps, loops, ended."""
    first, last = ends
    kind, at, rank = pl.col("kind"), pl.col("at"), pl.col("rank")
    begins, is_end = kind.is_in(list(first)), kind.is_in(list(last))
    ranked = rows.with_columns(rank=kind.replace_strict(ranks, default=None, return_dtype=pl.Int64))
    begun = (
        ranked.filter(begins)
        .group_by("who")
        .agg(began=at.min(), from_rank=rank.sort_by("at").first())
    )
    on_way = ranked.join(begun, on="who").filter(at >= pl.col("began"))
    over = (
        on_way.filter(is_end).group_by("who").agg(done=at.min(), to_rank=rank.sort_by("at").first())
    )
    # at the moments of start and end, only what the journey places between them is on the way
    after = (at > pl.col("began")) | (rank > pl.col("from_rank"))
    before = (
        pl.col("done").is_null()
        | (at < pl.col("done"))
        | ((at == pl.col("done")) & (rank < pl.col("to_rank")))
    )
    at_start = begins & (at == pl.col("began"))
    between = (after & before & ~at_start & ~is_end).fill_null(value=False)
    own = ~kind.is_in(list(companys))
    the_end = is_end & (at == pl.col("done"))
    walk = (
        on_way.join(over, on="who", how="left")
        .with_columns(step=own & between, start=at_start, the_end=the_end)
        .filter(pl.col("step") | pl.col("start") | pl.col("the_end").fill_null(value=False))
        # of one instant the order of the journey decides
        .sort("who", "at", "rank", "kind")
    )
    staged = walk.filter(pl.col("rank").is_not_null()).with_columns(
        back=pl.col("rank") < pl.col("rank").shift(1).over("who")
    )
    loops = staged.group_by("who").agg(loops=pl.col("back").sum().cast(pl.Int64))
    return (
        walk.group_by("who")
        .agg(
            days=(at.max() - pl.col("began").first()) / _DAY,
            # several rows of the end at one moment are one arrival
            steps=(pl.col("step").sum() + (own & pl.col("the_end")).any().cast(pl.UInt32)).cast(
                pl.Int64
            ),
            ended=pl.col("done").first().is_not_null(),
        )
        .join(loops, on="who", how="left")
        .with_columns(pl.col("loops").fill_null(0))
        .sort("who")
    )


def _cases(tasks: pl.DataFrame, measure: str) -> pl.DataFrame:
    return tasks.select(days=pl.col(measure).cast(pl.Float64), ended="ended")


def _quantile(tasks: pl.DataFrame, measure: str, share: float) -> Moment:
    cases = _cases(tasks, measure)
    told = ended_after(kaplan_meier(cases["days"].to_numpy(), cases["ended"].to_numpy()), share)
    if told.days is not None and told.high is None and cases["ended"].all():
        return told._replace(high=float(cases["days"].to_numpy().max()))  # all are done by then
    return told


def _curves(tasks: pl.DataFrame) -> pl.DataFrame:
    frames = []
    for measure in ("steps", "days"):
        half, most = (_quantile(tasks, measure, share) for share in (0.5, 0.9))
        ends = {
            f"{name}{end}": pl.lit(value, pl.Float64)
            for name, told in (("p50", half), ("p90", most))
            for end, value in zip(("", "_low", "_high"), told, strict=True)
        }
        told = told_curve(_cases(tasks, measure))
        frames.append(
            told.select(
                measure=pl.lit(measure),
                tasks=pl.lit(tasks.height, pl.Int64),
                done=pl.lit(int(tasks["ended"].sum() or 0), pl.Int64),
                **ends,
                loops_each=pl.lit(tasks["loops"].mean(), pl.Float64),
                value="days",
                at_risk="at_risk",
                done_share="ended_share",
                done_share_low="ended_share_low",
                done_share_high="ended_share_high",
            )
        )
    table = pl.concat(frames)
    return table if tasks.height else table.clear()


def _ends(told: Moment, unit: str) -> str:
    def said_of(value: float) -> str:
        return f"{value:.0f}" if unit == "steps" else lasted(value)

    if told.days is None:
        return "not reached"
    high = said_of(told.high) if told.high is not None else "not reached"
    if told.low is None or (told.low == told.days == told.high):
        return said_of(told.days)
    return f"{said_of(told.days)} ({said_of(told.low)} to {high})"


def _own(ends: Sequence[str], others: set[str], journey: Journey) -> bool:
    """Say whether the end is what a customer does."""
    return not set(journey.touchpoints_of(ends[1])) <= others


def _finding(
    table: pl.DataFrame, tasks: pl.DataFrame, ends: tuple[str, str], unit: str, *, own: bool
) -> str:
    noun, done = UNITS[unit], int(tasks["ended"].sum() or 0)
    way = f"from '{ends[0]}' to '{ends[1]}'"
    if tasks.is_empty():
        return f"No {noun} passes '{ends[0]}': there is no task to follow."
    base = f"{done:,} of {counted(tasks.height, noun)} got {way}"
    if tasks.height < ENOUGH or done == 0:
        return f"{base}: too few to say how much effort it takes."
    steps, days = (_quantile(tasks, measure, 0.5) for measure in ("steps", "days"))
    most = _quantile(tasks, "steps", 0.9), _quantile(tasks, "days", 0.9)
    if not own and not tasks["steps"].sum():
        return (
            f"{base}; what lies between is what the company does, so no steps can be counted; if "
            f"all go on, half are there after {_ends(days, 'days')}, nine in ten after "
            f"{_ends(most[1], 'days')}."
        )
    return (
        f"{base}; if all kept trying, half would need {_ends(steps, 'steps')} "
        f"{'step' if steps.days == 1 else 'steps'} and {_ends(days, 'days')}, nine in ten "
        f"{_ends(most[0], 'steps')} {'step' if most[0].days == 1 else 'steps'} and "
        f"{_ends(most[1], 'days')}."
    )


def _caveats(tasks: pl.DataFrame, ces: dict[str, int], unit: str) -> tuple[str, ...]:
    notes = []
    given_up = tasks.filter(~pl.col("ended")).height
    if given_up:
        notes.append(
            f"{counted(given_up, UNITS[unit])} {verb(given_up, 'have')} not got there: "
            f"{'it counts' if given_up == 1 else 'they count'} as tried so far, not as quick; that "
            "those who gave up would have gone on as the others did cannot be known."
        )
    if tasks.height >= ENOUGH:
        back = tasks.filter(pl.col("loops") > 0).height
        notes.append(
            f"{said(back, tasks.height)} of {tasks.height:,} went back to an earlier stage on "
            "their way."
        )
    if ces["answers"] >= ENOUGH:
        notes.append(
            f"Asked how easy it was, {said(ces['easy'], ces['answers'])} of {ces['answers']:,} "
            "gave 5 to 7 of 7 (about their request to the help desk or what else was asked)."
        )
    elif ces["answers"]:
        notes.append(f"{counted(ces['answers'], 'answer')} on how easy it was: too few to say.")
    elif ces["others"]:
        notes.append(
            "How easy it was has been asked, not on seven points: see score "
            f"({counted(ces['others'], 'answer')})."
        )
    elif not ces["unsaid"]:
        notes.append("How easy it was has not been asked (customer effort score): no data.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    steps = table.filter(pl.col("measure") == "steps")
    row = steps.row(0, named=True)
    half = row["p50"]
    title = f"{row['done']:,} of {row['tasks']:,} got there: too few to say with how many steps"
    if row["tasks"] >= ENOUGH and row["done"]:
        title = "Fewer than half get there"
        if half is not None:
            title = f"Half get there in {half:.0f} step{'' if half == 1 else 's'}, of those who "
            title += "keep trying"
        if half == 0:
            title = "The customers have nothing to do on the way"
    return charts.curve(
        steps,
        x="value",
        y="done_share",
        title=title,
        x_unit="steps after the start",
        y_unit="share who got there",
        mark=None if half is None else (half, f"half: {half:.0f}"),
        stairs=True,
    )
