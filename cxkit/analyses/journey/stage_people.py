"""Who stopped where, and what did they do next?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.funnels import Plan, narrowed, plan, unmet, walked
from cxkit.notes import end_note
from cxkit.passages import UNITS, slices
from cxkit.result import Result, all_of, counted, verb
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "Who stopped where, and what did they do next?"
_SUPPORT = ("ticket opened", "message in")
_UNKNOWN = "cannot be followed"
_NOT_STOPPED = ("finished", "still has time", _UNKNOWN)
_OTHER = "other"  # in a report: too few to be shown
_MOST = 6  # next touchpoints that the chart names per stage


def stage_people(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    step_days: Mapping[str, int] | None = None,
    order: str = "ordered",
    anchored: Sequence[str] = (),
    exclude: Mapping[str, Sequence[str]] | None = None,
    unit: str = "customer",
    hold: str | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """List who entered a funnel, how far they got, why no further, and what came next.

    The arguments are those of `stage_funnel`, and its counts are the counts of this list. What
    came next is the person's first touchpoint after the moment at which they first got as far as
    they did, whatever it was: 'contacted support' where it was a ticket or a message of theirs.

    Returns:
        One row per unit that entered, in the order of the people: customer_id, known (false
        for a visitor whom nobody could link to a person), stage (the last
        one that was reached), place, reason ('finished', 'excluded', 'had it too early
        or too late', 'never had it', 'still has time', 'cannot be followed': an order or case
        where the rows of the next stage bear other numbers), next (a touchpoint, 'contacted
        support' or 'nothing'), next_after_days, entered_at and stopped_at (UTC). A report lists
        nobody: it has one row per stage, reason ('stopped' for all who did) and next, with units
        and people, those of few people put together as 'other'. n is the number of units. The
        list leaves the house by way of `write_tables`.

    Raises:
        BadQuestion: as `stage_funnel` does.
    """
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
        step_days=step_days,
        order=order,
        anchored=anchored,
        exclude=exclude,
        unit=unit,
        hold=hold,
    )
    until = workspace.moment(as_of)
    asked = narrowed(workspace, asked, where, since, until)
    walks = pl.concat(
        walked(workspace, asked, until, part, times=True) for part in slices(workspace)
    )
    units = _stops(walks, asked, unmet(asked, walks, entered=not walks.is_empty()))
    after = workspace.query(
        "stage_people",
        keys=units["customer_key"].to_list(),
        at=units["stopped"].to_list(),
        as_of=until,
    )
    table = _people(units, after, asked)
    n, noun = table.height, _noun(table, asked)
    if workspace.least:
        table = _summed(table, workspace.least)
    return Result(
        name="stage_people",
        question=QUESTION,
        table=table,
        finding=_finding(table, asked, noun, n),
        caveats=(*_caveats(table, asked, noun), *end_note(workspace, as_of)),
        sql=f"{query_text('passages')}\n{query_text('stage_people')}",
        as_of=until,
        n=n,
        draw=_chart,
        chosen=asked.chosen,
    )


def _stops(units: pl.DataFrame, asked: Plan, unknown: Collection[int]) -> pl.DataFrame:
    """Say of each unit how far it got, when, and why no further: place, stopped, reason."""
    required = [place for place, optional in enumerate(asked.optional) if not optional]
    place, stopped, reason = pl.lit(0), pl.col("at"), pl.lit("still has time")
    for here, step in enumerate(asked.step_of):
        following = next((p for p in required if p > here), None)
        why = pl.lit("finished")
        if following is not None:
            why = (
                pl.when(pl.col(f"barred_{asked.step_of[following]}"))
                .then(pl.lit("excluded"))
                .when(pl.col(f"passed_{following}"))
                .then(pl.lit("had it too early or too late"))
                .otherwise(pl.lit("never had it"))
            )
        if following in unknown:
            why = pl.lit(_UNKNOWN)
        got = pl.col(f"got_{step}")
        place = pl.when(got).then(here + 1).otherwise(place)
        stopped = pl.when(got).then(f"at_{step}").otherwise(stopped)
        reason = pl.when(got).then(why).otherwise(reason)
    return units.select(
        "customer_key", "at", place=place, stopped=stopped.cast(pl.Int64), reason=reason
    )


def _people(units: pl.DataFrame, after: pl.DataFrame, asked: Plan) -> pl.DataFrame:
    following = pl.col("next_touchpoint")
    return pl.concat([units, after], how="horizontal").select(
        "customer_id",
        known="known",
        stage=pl.when(pl.col("place") > 0)
        .then(pl.lit(list(asked.stages)).list.get(pl.max_horizontal("place", 1) - 1))
        .otherwise(pl.lit(asked.stages[0])),
        place=pl.max_horizontal("place", 1).cast(pl.Int64),
        reason="reason",
        next=pl.when(following.is_in(_SUPPORT))
        .then(pl.lit("contacted support"))
        .otherwise(following.fill_null("nothing")),
        next_after_days=pl.col("next_after_days").round(2),
        entered_at=pl.from_epoch("at", "us"),
        stopped_at="stopped_at",
    )


def _summed(people: pl.DataFrame, least: int) -> pl.DataFrame:
    """Count the list by stage, reason and what came next; groups of few people go together."""
    stopped = ~pl.col("reason").is_in(_NOT_STOPPED)
    rows = people.select(
        "stage",
        "place",
        "next",
        reason=pl.when(stopped).then(pl.lit("stopped")).otherwise("reason"),
        customer_key="customer_id",
        units=pl.lit(1, pl.Int64),
    )
    if rows["customer_key"].n_unique() < least:
        rows = rows.clear()
    rows = _gathered(rows.with_columns(segment=pl.format("{} {}", "place", "reason")), least)
    few = pl.col("segment") == _OTHER
    rows = rows.with_columns(
        pl.when(few).then(pl.lit(_OTHER)).otherwise(name).alias(name)
        for name in ("stage", "reason", "next")
    ).with_columns(place=pl.when(~few).then("place"))
    parts = [
        _gathered(part.with_columns(segment="next"), least)
        for part in rows.partition_by("stage", "reason", maintain_order=True)
    ]
    return (
        pl.concat(parts or [rows])
        .group_by("stage", "place", "reason", next="segment")
        .agg(pl.col("units").sum(), people=pl.col("customer_key").n_unique().cast(pl.Int64))
        .sort(
            "place", "reason", "units", "next", descending=[False, False, True, False],
            nulls_last=True,
        )
    )  # fmt: skip


def _gathered(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    return gathered(rows, "units", most=max(1, rows.height), least=least, people=rows)


def _many(table: pl.DataFrame) -> int:
    """Return how many units rows stand for: one each, but for a report's."""
    return int(table["units"].sum()) if "units" in table.columns else table.height


def _next(table: pl.DataFrame) -> pl.DataFrame:
    """Count what came next for those who stopped, per stage: the most frequent first."""
    stopped = table.filter(~pl.col("reason").is_in([*_NOT_STOPPED, _OTHER]))
    size = pl.col("units").sum() if "units" in table.columns else pl.len()
    counts = stopped.group_by("place", "stage", "next").agg(units=size)
    counts = counts.with_columns(stopped=pl.col("units").sum().over("place"))
    return add_wilson(counts, "units", "stopped", "share").sort(
        "place", "units", "next", descending=[False, True, False]
    )


def _worst(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the stage at which most stopped."""
    most = counts["stopped"].max()
    place = counts.filter(pl.col("stopped") == most)["place"].min()
    return counts.filter(pl.col("place") == place)


def _noun(table: pl.DataFrame, asked: Plan) -> str:
    """Name what is counted: a visitor whom nobody could link may be no customer."""
    strangers = asked.unit == "customer" and not table["known"].all()
    return "visitor or customer" if strangers else UNITS[asked.unit]


def _finding(table: pl.DataFrame, asked: Plan, noun: str, n: int) -> str:
    if n and (table.is_empty() or set(table["reason"]) == {_OTHER}):
        return "Too few people stopped anywhere for a report to say where."
    ripe = table.filter(pl.col("reason") != "still has time")
    if ripe.is_empty():
        return f"Nobody's entry at '{asked.stages[0]}' is {counted(asked.days, 'day')} old yet."
    counts = _next(table)
    unknown = ripe.filter(pl.col("reason") == _UNKNOWN)
    if counts.is_empty() and unknown.height:
        return (
            f"{all_of(_many(ripe), noun)}{asked.chosen} can be followed as far as "
            f"'{unknown['stage'][0]}': rows of later stages bear the numbers of none of them."
        )
    if counts.is_empty() and not ripe.filter(reason=_OTHER).is_empty():
        return "Too few people stopped anywhere for a report to say where."
    if counts.is_empty():
        return (
            f"{all_of(_many(ripe), noun)}{asked.chosen} got to '{asked.stages[-1]}': nobody "
            "stopped."
        )
    worst = _worst(counts)
    stopped, first = int(worst["stopped"][0]), worst.row(0, named=True)
    who = f"{counted(stopped, noun)}{asked.chosen}"
    if stopped < ENOUGH:
        return (
            f"Most of those who stopped did so after '{first['stage']}': {who}, "
            "too few to say what they did next."
        )
    told = f"for {said(first['units'], stopped)} the next thing was '{first['next']}'"
    if first["next"] == "nothing":
        told = f"nothing more is known of {said(first['units'], stopped)}"
    elif first["next"] == "contacted support":
        told = f"{said(first['units'], stopped)} contacted support next"
    support = worst.filter(next="contacted support")
    helped = ""
    if support.height and first["next"] != "contacted support":
        helped = f"; {said(support['units'][0], stopped)} contacted support"
    return f"After '{first['stage']}' {who} stopped: {told}{helped}."


def _caveats(table: pl.DataFrame, asked: Plan, noun: str) -> tuple[str, ...]:
    notes = []
    young = _many(table.filter(pl.col("reason") == "still has time"))
    if young:
        notes.append(
            f"{counted(young, noun)} entered less than {counted(asked.days, 'day')} "
            f"before the end of the data and still {verb(young, 'have')} time."
        )
    unknown = table.filter(pl.col("reason") == _UNKNOWN)
    if unknown.height:
        notes.append(
            f"{counted(_many(unknown), noun)} cannot be followed beyond where they "
            f"are: rows of the next stage bear the numbers of none that entered."
        )
    if table.filter(pl.col("next") != "nothing").height:
        notes.append(
            "What came next is whatever this person did or met next, up to the end of the data: "
            "it need not be an answer to where they stopped."
        )
    if "customer_id" not in table.columns:
        notes.append(
            "The report names no customers and lists none alone: ask stage_people(ws, ...) for the "
            "list."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    counts = _next(table)
    if counts.is_empty():
        unknown, few = ((table["reason"] == why).any() for why in (_UNKNOWN, _OTHER))
        nobody = "Too few people stopped anywhere" if few else "Nobody stopped on the way"
        return charts.nothing("Where they stopped cannot be followed" if unknown else nobody)
    worst = _worst(counts).head(_MOST)
    first = worst.row(0, named=True)
    return charts.bars(
        worst,
        length="share",
        low="share_low",
        high="share_high",
        label="next",
        title=f"After '{first['stage']}' {first['stopped']:,} stopped; next came: {first['next']} "
        f"({first['share']:.0%})",
        unit=f"share of those who stopped after '{first['stage']}'",
        texts=[f"{row['units']:,} · {row['share']:.0%}" for row in worst.iter_rows(named=True)],
        highlight=[name == "contacted support" for name in worst["next"]],
    )
