"""Who entered in which week or month, and how many of them went on? Counted for charts over time.

A week begins on Monday, a month on its first day, where the company is.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from cxkit.errors import BadQuestion, listed
from cxkit.funnels import Plan
from cxkit.passages import UNITS, micros, passages, slices
from cxkit.stats.clustered import ByPerson, contrast_effect, design_effect
from cxkit.stats.segments import gathered
from cxkit.stats.walks import Log, Step, log, onward, rows_of
from cxkit.workspace import Workspace

EVERY = {"week": "1w", "month": "1mo"}  # as polars calls them
SPOTS = ("channel", "device")  # of the entry, not of the person
COUNTED = ("customer", "session", "order", "case")  # an attempt begins at any touchpoint


class Entries(NamedTuple):
    """How many entered and went on in each period, and how many of them were of one person.

    Both have the columns route (its number), segment, begins (the period's first day), entered and
    followed. `counts` has a row for every period of the data and each route and segment, with
    finished (all its entries could be followed) and left_out; `people` one row per person
    (customer_key) who entered, since visits of one person are alike (see `stats.clustered`).
    """

    counts: pl.DataFrame
    people: pl.DataFrame


def counted_by(workspace: Workspace, asked: Plan, unit: str | None) -> Plan:
    """Return the plan with what is followed in it: what was asked, else visits, else customers.

    Visits where the first and the last stage both happen in visits: what becomes of an order
    later does not. Raises BadQuestion where the unit is none that enters a period, as an attempt,
    of which one customer makes any number.
    """
    if unit is not None and unit not in COUNTED:
        raise BadQuestion(f"There is no unit {unit!r} by period. There are: {listed(COUNTED)}.")
    ends = (asked.touchpoints[0], asked.touchpoints[required(asked)[-1]])
    seen = unit is None and all(in_visits(workspace, end) for end in ends)
    return asked._replace(unit=unit or ("session" if seen else "customer"))


def in_visits(workspace: Workspace, touchpoints: Sequence[str]) -> int:
    """Return how often these touchpoints happen in visits."""
    found = workspace.sql(
        "select count(*) as n from timeline "
        "where source = 'events' and list_contains($touchpoints, touchpoint::varchar)",
        touchpoints=list(touchpoints),
    )
    return int(found["n"][0])


def visits_or(workspace: Workspace, unit: str | None) -> str:
    """Return the unit that was asked for; None: visits where there are any, else customers."""
    if unit is not None:
        return unit
    seen = workspace.sql("select exists (from timeline where source = 'events') as seen")
    return "session" if seen["seen"][0] else "customer"


def required(asked: Plan) -> tuple[int, ...]:
    """Return the places of the stages that may not be skipped."""
    return tuple(place for place, optional in enumerate(asked.optional) if not optional)


def ways(asked: Plan) -> Plan:
    """Return the plan; BadQuestion where it has one stage, from which no step leads on."""
    if len(asked.stages) < 2:
        raise BadQuestion(
            f"'{asked.stages[0]}' is the only stage: no step leads on from it. "
            'Name two or more: stages=["visited", "bought"].'
        )
    return asked


def two_ends(asked: Plan) -> Plan:
    """Return the plan; BadQuestion where it has no way from one stage to another."""
    if len(required(asked)) < 2:
        raise BadQuestion(
            f"'{asked.stages[0]}' is the only stage that has to be passed: there is no way to "
            'follow. Name two or more: stages=["visited", "bought"].'
        )
    return asked


def steps_between(asked: Plan) -> list[tuple[int, int]]:
    """Return every step of the journey: from a stage to the next, and past optional ones."""
    count = len(asked.stages)
    return [
        (here, there)
        for here in range(count)
        for there in range(here + 1, count)
        if all(asked.optional[here + 1 : there])
    ]


def entries_by(
    workspace: Workspace,
    asked: Plan,
    routes: Sequence[Sequence[int]],
    until: datetime | None,
    *,
    every: str,
    by: str,
) -> Entries:
    """Count the entries of each week or month and those that went on, by route and segment.

    A route is a list of places in `asked.stages`: who enters at its first and gets through the
    others in order within the window has gone on. A customer enters once in each period, with
    their first passage in it; a session, order or case once, with its first. Entries that are
    younger than the window are left out, and counted.

    Raises BadQuestion where `every` is neither week nor month.
    """
    if not isinstance(every, str) or every not in EVERY:
        raise BadQuestion(f"There is no period {every!r}. There are: {listed(EVERY)}.")
    zone = workspace.settings.company.timezone
    told = [_NONE]
    for part in slices(workspace):
        rows = passages(workspace, until, asked.unit, part)
        there = log(rows, asked.of_use())
        for number, route in enumerate(routes):
            found = _entries(there, asked, route, every, zone)
            if asked.unit != "customer":
                owner = rows.select("who", "customer_key").unique("who")
                found = found.join(owner, on="who", how="left")
            else:
                found = found.with_columns(customer_key="who")
            found = _segmented(workspace, found, asked, route[0], until, by, part)
            ripe = pl.col("at") <= pl.lit(_latest(asked, until))
            told.append(
                found.group_by("segment", "begins", "customer_key")
                .agg(
                    entered=ripe.sum().cast(pl.Int64),
                    followed=(ripe & pl.col("followed")).sum().cast(pl.Int64),
                    left_out=(~ripe).sum().cast(pl.Int64),
                )
                .select(pl.lit(number, pl.Int64).alias("route"), pl.all())
                .cast(_NONE.schema)
            )
    people = pl.concat(told)
    found = people.group_by("route", "segment", "begins").agg(
        pl.col("entered", "followed", "left_out").sum()
    )
    calendar = workspace.query(
        "stage_trend",
        every=every,
        touchpoints=sorted({one for group in asked.touchpoints for one in group}),
        zone=zone,
        as_of=until,
        within_days=asked.days,
    )
    counts = (
        found.select("route", "segment")
        .unique()
        .join(calendar, how="cross")
        .join(found, on=["route", "segment", "begins"], how="left")
        .with_columns(pl.col("entered", "followed", "left_out").fill_null(0))
        .sort("route", "segment", "begins")
    )
    entered = people.filter(pl.col("entered") > 0).drop("left_out")
    return Entries(counts, entered.sort("route", "segment", "begins", "customer_key"))


def by_person(people: pl.DataFrame, begins: Sequence[date]) -> ByPerson:
    """Return who entered in which of these periods, for `stats`; other periods are left out."""
    places = pl.DataFrame({"begins": begins}, schema={"begins": pl.Date}).with_row_index("sample")
    rows = people.join(places, on="begins", maintain_order="left")
    return ByPerson(
        rows["customer_key"].to_numpy(),
        rows["sample"].cast(pl.Int64).to_numpy(),
        rows["followed"].cast(pl.Float64).to_numpy(),
        rows["entered"].cast(pl.Float64).to_numpy(),
    )


def person_effect(people: pl.DataFrame) -> float:
    """Return the design effect of the share of all these entries: see `stats.clustered`."""
    each = people.group_by("customer_key").agg(pl.col("entered", "followed").sum())
    return design_effect(each["followed"].to_numpy(), each["entered"].to_numpy())


def alike_note(people: pl.DataFrame, table: pl.DataFrame) -> tuple[str, ...]:
    """Say how many people the entries of a table are of, where they are not one of each."""
    entries, persons = int(people["entered"].sum()), people["customer_key"].n_unique()
    if table.is_empty() or entries == persons:
        return ()
    unit = table["unit"][0]
    nouns = "entries" if unit == "customer" else f"{UNITS[unit]}s"
    people_said = "1 person" if persons == 1 else f"{persons:,} people"
    alike = round(entries / person_effect(people))
    return (
        f"{entries:,} {nouns} are of {people_said}, and what one person does at several is alike: "
        f"intervals and tests take people, not {nouns}, for independent. Of the whole they say as "
        f"much as {alike:,} of as many people would.",
    )


def apart_effect(people: pl.DataFrame, one: Sequence[date], other: Sequence[date]) -> float:
    """Return the design effect of the difference between two sets of periods: see `stats`."""
    rows = (
        people.with_columns(
            group=pl.when(pl.col("begins").is_in(list(one)))
            .then(0)
            .when(pl.col("begins").is_in(list(other)))
            .then(1)
        )
        .drop_nulls("group")
        .group_by("customer_key", "group")
        .agg(pl.col("entered", "followed").sum())
        .sort("group", "customer_key")
    )
    names = ("customer_key", "group", "followed", "entered")
    who, group, x, n = (rows[name].to_numpy() for name in names)
    return contrast_effect(who, group, x, n, [1.0, -1.0])


_NONE = pl.DataFrame(
    schema={
        "route": pl.Int64,
        "segment": pl.String,
        "begins": pl.Date,
        "customer_key": pl.Int64,
        "entered": pl.Int64,
        "followed": pl.Int64,
        "left_out": pl.Int64,
    }
)


def gathered_entries(entries: Entries, least: int) -> Entries:
    """Keep the largest segments, and add up the others: see `stats.segments.gathered`.

    A segment of fewer than `least` people does not stand alone, however often they came.
    """
    sizes = entries.counts.group_by("segment").agg(pl.col("entered").sum())
    kept = gathered(
        sizes.with_columns(own="segment"), "entered", least=least, people=entries.people
    ).select("own", "segment")

    def summed(rows: pl.DataFrame, *over: str) -> pl.DataFrame:
        keys = ["route", "segment", "begins", *over]
        numbers = [name for name in rows.columns if name not in keys]
        return (
            rows.rename({"segment": "own"})
            .join(kept, on="own")
            .group_by(keys)
            .agg(pl.col(numbers).sum())
            .sort(keys)
        )

    return Entries(summed(entries.counts, "finished"), summed(entries.people, "customer_key"))


def _latest(asked: Plan, until: datetime | None) -> int:
    """Return the last moment of an entry that could be followed, in microseconds."""
    return micros(asked.latest_start(until)) if until else 0


def _entries(there: Log, asked: Plan, route: Sequence[int], every: str, zone: str) -> pl.DataFrame:
    """Return one row per entry: who, at, begins, followed."""
    rows = rows_of(there, asked.kinds[route[0]])
    local = pl.from_epoch("at", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    one = ["who", "begins"] if asked.unit == "customer" else ["who"]
    begun = (
        pl.DataFrame({"row": rows, "who": there.who[rows], "at": there.at[rows]})
        .with_columns(begins=local.dt.date().dt.truncate(EVERY[every]))
        .unique(one, keep="first", maintain_order=True)
    )
    steps = [
        Step(
            (asked.kinds[place],),
            later=bool(number and set(asked.touchpoints[place]) & _passed(asked, route[:number])),
        )
        for number, place in enumerate(route)
    ]
    reached = onward(there, begun["row"].to_numpy(), steps, asked.within)[-1]
    return begun.with_columns(followed=pl.Series(reached >= 0)).drop("row")


def _passed(asked: Plan, places: Sequence[int]) -> set[str]:
    return {touchpoint for place in places for touchpoint in asked.touchpoints[place]}


def _segmented(
    workspace: Workspace,
    found: pl.DataFrame,
    asked: Plan,
    place: int,
    until: datetime | None,
    by: str,
    part: tuple[int, int],
) -> pl.DataFrame:
    """Add to each entry its segment: that of the moment, or that of the person."""
    if by == "all":
        return found.with_columns(segment=pl.lit("all"))
    told = workspace.query(
        "stage_breaks",
        by=by,
        touchpoints=list(asked.touchpoints[place]),
        as_of=until,
        first=part[0],
        last=part[1],
    )
    on = ["customer_key", "at"]
    return found.join(told, on=on, how="left").with_columns(pl.col("segment").fill_null("missing"))
