"""How long does it take to get from one stage to another?"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.notes import end_note, link_note
from cxkit.passages import SPOTS, beginning, chosen, in_the_data, whom
from cxkit.result import Result, counted, lasted, verb
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg
from cxkit.stats.segments import gathered
from cxkit.stats.survival import (
    Moment,
    clustered_log_rank_p,
    ended_after,
    kaplan_meier,
    log_rank_p,
    told_curve,
)
from cxkit.workspace import Workspace, query_text

QUESTION = "How long does it take to get from one stage to another?"
PAIRS = ("first-firstafter", "first-first", "any-firstafter")
_DAYS = (1.0, 7.0, 30.0)  # for which the share is always told
_LEAST = 10  # who arrived: of fewer, groups are not compared


def time_to_stage(
    workspace: Workspace,
    *,
    start: str | None = None,
    end: str | None = None,
    by: str | None = None,
    pairs: str = "first-firstafter",
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Follow people from one stage to a later one, those still on their way included.

    The share that has arrived after so many days is one less the Kaplan-Meier estimate: whoever
    has not arrived by `as_of` is watched until then and counts as that, not as lost, and not as
    quick. The median is the time by which half have arrived, or it is not reached.

    Args:
        workspace: an open store.
        start: a stage or touchpoint; default: the first stage of the settings' journey.
        end: a stage or touchpoint; default: the last stage.
        by: `channel` or `device` of the start, `region`, `source` or `preferred_channel` of the
            customer, or a field of the customers' attributes; None: all.
        pairs: which passages belong together. "first-firstafter": each one's first start, and the
            first end after it. "first-first": the first start and the first end ever; whose first
            end came before has no pair and is left out. "any-firstafter": every start, each with
            the first end after it. An end at the same instant counts as after, unless one
            touchpoint is both.
        where: only people of whom this is true, as in `{"device": "mobile"}`: `channel` or
            `device` of their first start, or a field of the customers.
        since: count starts from this day on, not those before it; default: the beginning of
            the data.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        Some 25 rows per segment, the largest first (beyond eight in 'other'; where there are
        several, of known people alone, not visitors): segment, start and
        end (the stages), starts, arrived (of them, by as_of), median_days with its interval (_low,
        _high; null: not reached), q_value (is its pace another than the others'? Log-rank test,
        Benjamini-Hochberg over segments), days, at_risk (still on
        their way just before), arrived_share with its log-log interval (_low, _high). 1, 7 and 30
        days are always among the rows, as far as the data reach. The
        pairs are those of the R package funneljoin.

    Raises:
        BadQuestion: where no stage is named and the settings have no journey, a stage is not in
            the data, `pairs` is none of the three, or `by` is no field.
    """
    if pairs not in PAIRS:
        raise BadQuestion(f"There are no pairs {pairs!r}. There are: {listed(PAIRS)}.")
    ends = _stage(workspace, "start", start, 0), _stage(workspace, "end", end, -1)
    touchpoints = [list(workspace.settings.journey.touchpoints_of(stage)) for stage in ends]
    if set(touchpoints[0]) == set(touchpoints[1]) and start is None and end is None:
        raise BadQuestion(
            f"The journey has the one stage '{ends[0]}'. Name where to go: end='paid'."
        )
    until, begins = workspace.moment(as_of), beginning(workspace, since)
    people = chosen(workspace, touchpoints[0], where, begins, until)
    walks = workspace.query(
        "time_to_stage",
        start=touchpoints[0],
        end=touchpoints[1],
        pairs=pairs,
        later=bool(set(touchpoints[0]) & set(touchpoints[1])),
        by=workspace.segment(by, own=SPOTS),
        since=begins,
        as_of=until,
    ).with_columns(ended=pl.col("ended_at").is_not_null(), one=1)
    if people is not None:
        walks = walks.filter(pl.col("customer_key").is_in(people.implode()))
    cases = walks.filter(pl.col("days") >= 0)
    groups = _of_groups(cases)
    groups = gathered(groups, "one", least=workspace.least, people=groups)
    table = _curves(groups, ends)
    only = whom(where, since)
    return Result(
        name="time_to_stage",
        question=QUESTION,
        table=table,
        finding=_finding(table, cases, groups, walks.height - cases.height, ends, pairs, by, only),
        caveats=(
            *_caveats(table, cases, groups, walks.height - cases.height, ends, pairs, by),
            *end_note(workspace, as_of),
            *(
                link_note(workspace, until)
                if only
                else link_note(workspace, until, "entered", touchpoints, until)
            ),
        ),
        sql=query_text("time_to_stage"),
        as_of=until,
        n=cases.height,
        draw=_chart,
        chosen=only,
    )


def _stage(workspace: Workspace, name: str, asked: str | None, place: int) -> str:
    """Return the stage that was asked for, or the journey's own."""
    journey = workspace.settings.journey
    if asked is None:
        if not journey.stages:
            raise BadQuestion(
                "No stages were named, and the settings hold no journey. "
                "Name them: start='visited', end='paid'."
            )
        return journey.stages[place]
    in_the_data(workspace, f"{name} is", [asked])
    return asked


def _of_groups(cases: pl.DataFrame) -> pl.DataFrame:
    """Return those whose groups are compared: known people, where there are several groups.

    Who arrives often becomes known, so visitors who are still unknown are the ones who did not.
    """
    known = cases.filter(~pl.col("visitor"))
    return known if cases["segment"].n_unique() > 1 and known.height else cases


def _curves(cases: pl.DataFrame, ends: tuple[str, str]) -> pl.DataFrame:
    frames = []
    q_values = _q_values(cases)
    for members in cases.partition_by("segment", maintain_order=True):
        name = members["segment"][0]
        curve = kaplan_meier(members["days"].to_numpy(), members["ended"].to_numpy())
        median = ended_after(curve)
        told = told_curve(members, _DAYS)
        frames.append(
            told.select(
                segment=pl.lit(name),
                start=pl.lit(ends[0]),
                end=pl.lit(ends[1]),
                starts=pl.lit(members.height, pl.Int64),
                arrived=pl.lit(int(members["ended"].sum()), pl.Int64),
                median_days=pl.lit(median.days, pl.Float64),
                median_days_low=pl.lit(median.low, pl.Float64),
                median_days_high=pl.lit(median.high, pl.Float64),
                q_value=pl.lit(q_values.get(name), pl.Float64),
                days="days",
                at_risk="at_risk",
                arrived_share="ended_share",
                arrived_share_low="ended_share_low",
                arrived_share_high="ended_share_high",
            )
        )
    return pl.concat(frames) if frames else _nothing()


def _nothing() -> pl.DataFrame:
    kinds: dict[str, Any] = dict.fromkeys(["segment", "start", "end"], pl.String)
    kinds |= {"starts": pl.Int64, "arrived": pl.Int64}
    kinds |= dict.fromkeys(["median_days", "median_days_low", "median_days_high"], pl.Float64)
    kinds |= {"q_value": pl.Float64, "days": pl.Float64, "at_risk": pl.Int64}
    shares = ["arrived_share", "arrived_share_low", "arrived_share_high"]
    return pl.DataFrame(schema=kinds | dict.fromkeys(shares, pl.Float64))


def _q_values(cases: pl.DataFrame) -> dict[str, float]:
    """Set the pace of each segment against that of all others together."""
    sizes = cases.group_by("segment", maintain_order=True).agg(pl.len(), pl.col("ended").sum())
    all_arrived = int(cases["ended"].sum())
    names = [
        name
        for name, starts, arrived in sizes.iter_rows()
        if min(starts, cases.height - starts) >= ENOUGH and all_arrived >= _LEAST
    ]
    days, ended = cases["days"].to_numpy(), cases["ended"].to_numpy()
    person = cases["customer_key"].to_numpy()
    alone = cases["customer_key"].n_unique() == cases.height
    strata = pl.zeros(cases.height, eager=True).to_numpy()
    p_values = []
    for name in names:
        group = (cases["segment"] == name).to_numpy()
        p_values.append(
            log_rank_p(days, ended, group, strata)
            if alone
            else clustered_log_rank_p(days, ended, group, person)
        )
    return dict(zip(names, benjamini_hochberg(p_values), strict=True))


def _groups(table: pl.DataFrame) -> pl.DataFrame:
    """Return one row per segment: what is told of it as a whole."""
    return table.unique("segment", keep="first", maintain_order=True)


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment whose pace surely differs from the others', the surest first."""
    rows = _groups(table).filter(
        (pl.col("q_value") < 0.05) & (pl.col("arrived") >= 1) & (pl.col("segment") != "other")
    )
    rows = rows.filter(pl.col("segment") != "missing").sort("q_value", "segment")
    return rows.row(0, named=True) if rows.height else None


def _median(moment: Moment) -> str:
    days, low, high = moment
    if days is None:
        return "the median is not reached"
    if low is None or (low == high and lasted(low) == lasted(days)):
        return f"half have arrived after {lasted(days)}"
    return (
        f"half have arrived after {lasted(days)} ({lasted(low)} to "
        f"{lasted(high) if high is not None else 'not reached'})"
    )


def _plural(pairs: str) -> str:
    return "starts" if pairs == "any-firstafter" else "people"


def _who(n: int, pairs: str) -> str:
    return counted(n, "start") if pairs == "any-firstafter" else _people(n)


def _people(n: int) -> str:
    return "1 person" if n == 1 else f"{n:,} people"


def _finding(
    table: pl.DataFrame,
    cases: pl.DataFrame,
    groups: pl.DataFrame,
    without: int,
    ends: tuple[str, str],
    pairs: str,
    by: str | None,
    only: str,
) -> str:
    begun, arrived = cases.height, int(cases["ended"].sum())
    way = f"From '{ends[0]}' to '{ends[1]}'"
    way += f", of {_plural(pairs)}{only}," if only else ""
    everyone = "The one person" if without == 1 else f"All {_people(without)}"
    if begun == 0 and without:
        return (
            f"{everyone}{only} at '{ends[0]}' had their first '{ends[1]}' before: no pair of first "
            "and first is left. Ask with pairs='first-firstafter'."
        )
    if begun == 0:
        return f"Nobody{only} was at '{ends[0]}': how long it takes from there cannot be said."
    if begun < ENOUGH:
        of_them = "arrived" if arrived else "none arrived yet"
        told = f"{arrived:,} {of_them}" if arrived else of_them
        return f"{way} {_who(begun, pairs)} can be followed, {told}: too few to say more."
    if arrived == 0:
        return f"{way} none of {_who(begun, pairs)} has arrived yet."
    curve = kaplan_meier(cases["days"].to_numpy(), cases["ended"].to_numpy())
    whole = told_curve(cases, _DAYS).filter(pl.col("days").is_in(_DAYS))
    shares = [
        f"{_share(row)} within {counted(int(row['days']), 'day')}"
        for row in whole.iter_rows(named=True)
        if row["ended_share_low"] is not None
    ]
    told = f": {', '.join(shares)}" if shares else ""
    start = f"{way} {_median(ended_after(curve))} (n = {begun:,}){told}"
    if by is None:
        return f"{start}."
    if groups["segment"].n_unique() == 1:
        who = "all" if groups.height == cases.height else "all known people"
        return f"{start}; by {by} there is nothing to compare: {who} are '{groups['segment'][0]}'."
    apart = _apart(table)
    if apart is None:
        return f"{start}; by {by} no group's pace surely differs from the others'."
    own = groups.filter(pl.col("segment") == apart["segment"])
    rest = groups.filter(pl.col("segment") != apart["segment"])
    whom = _plural(pairs)
    if groups.height < cases.height:
        whom = "known people" if whom == "people" else f"{whom} of known people"
    return (
        f"{start}; '{apart['segment']}' is associated with another pace: {_pace(own)} of "
        f"{own.height:,} {whom}, of the {rest.height:,} others {_pace(rest)}."
    )


def _pace(cases: pl.DataFrame) -> str:
    return _median(ended_after(kaplan_meier(cases["days"].to_numpy(), cases["ended"].to_numpy())))


def _share(row: dict[str, Any]) -> str:
    value, low, high = (100 * row[f"ended_share{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"


def _caveats(
    table: pl.DataFrame,
    cases: pl.DataFrame,
    groups: pl.DataFrame,
    without: int,
    ends: tuple[str, str],
    pairs: str,
    by: str | None,
) -> tuple[str, ...]:
    notes = []
    if without:
        notes.append(
            f"Left out: {_people(without)} whose first '{ends[1]}' came before their first "
            f"'{ends[0]}'."
        )
    waiting = cases.filter(~pl.col("ended")).height
    if waiting:
        notes.append(
            f"{_who(waiting, pairs)} {verb(waiting, 'have')} not arrived: they are watched as far "
            "as the data go, and count neither as lost nor as quick."
        )
    visitors = cases.filter(pl.col("visitor")).n_unique("customer_key")
    if visitors:
        apart = ", and in no group" if groups.height < cases.height else ""
        notes.append(
            f"{counted(visitors, 'visitor')} whom nobody could link to a person "
            f"{verb(visitors, 'are')} among those who started{apart}: where somebody becomes "
            "known by arriving, those still unknown are the ones who did not."
        )
    if pairs == "any-firstafter" and cases.n_unique("customer_key") < cases.height:
        notes.append(
            "Several starts of one person count each, and may share one end: the intervals are "
            "narrower than those of people; tests between groups take people for independent."
        )
    if by is None or groups["segment"].n_unique() < 2 or cases.height < ENOUGH:
        return tuple(notes)
    few = [
        f"{row['starts']:,} in '{row['segment']}'"
        for row in _groups(table).filter(pl.col("starts") < ENOUGH).iter_rows(named=True)
    ]
    if few:
        notes.append(f"Too few to say: {', '.join(few)}.")
    notes.append(
        f"Groups by {by} differ in more than {by}: another pace is associated with it, not "
        "caused by it."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    large = table.filter(pl.col("starts") >= ENOUGH)
    shown = large if large.height else table
    longest = float(shown["days"].max() or 0)  # type: ignore[arg-type]
    reach = shown.filter(pl.col("arrived_share") < 0.98)["days"].max() or longest
    unit, each = ("days", 1) if float(reach) >= 3 else ("hours", 24)  # type: ignore[arg-type]
    if float(reach) * 24 < 3:  # type: ignore[arg-type]
        unit, each = "minutes", 1440
    named_ones = _groups(shown).filter(~pl.col("segment").is_in(["missing", "other"]))
    first = (named_ones if named_ones.height else _groups(shown)).row(0, named=True)
    apart = _apart(table)
    told = apart or first
    who = f"'{told['segment']}': half" if table["segment"].n_unique() > 1 else "Half"
    if who != "Half" and told["segment"] == "missing":
        who = "Of those in no group half"
    who = who if told["median_days"] is not None else f"{who} or more"
    title = (
        f"{who} are at '{told['end']}' {lasted(told['median_days'] or 0)} after '{told['start']}'"
    )
    if told["median_days"] is None:
        title = (
            f"{who} have not come from '{told['start']}' to '{told['end']}' by the end of the data"
        )
    each_group = shown.select("segment", "starts").iter_rows()
    named = shown.with_columns(
        label=pl.Series([f"{row[0]} (n = {row[1]:,})" for row in each_group]),
        time=pl.col("days") * each,
    )
    return charts.curves(
        named,
        x="time",
        y="arrived_share",
        line="label",
        title=title,
        x_unit=f"{unit} since the start",
        y_unit="share who have arrived",
    )
