"""Who entered in which week or month, and how many of them went on? Counted for charts over time.

A week begins on Monday, a month on its first day, where the company is.
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from cxkit.errors import BadQuestion, listed
from cxkit.funnels import Plan
from cxkit.passages import micros, passages, slices
from cxkit.stats.walks import Log, Step, log, onward, rows_of
from cxkit.workspace import Workspace

EVERY = {"week": "1w", "month": "1mo"}  # as polars calls them
SPOTS = ("channel", "device")  # of the entry, not of the person


def usual_unit(workspace: Workspace) -> str:
    """Return what is followed week by week where nobody says: visits where there are any."""
    return "session" if workspace.tables.get("events") else "customer"


def required(asked: Plan) -> tuple[int, ...]:
    """Return the places of the stages that may not be skipped."""
    return tuple(place for place, optional in enumerate(asked.optional) if not optional)


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
) -> pl.DataFrame:
    """Count the entries of each week or month and those that went on, by route and segment.

    A route is a list of places in `asked.stages`: who enters at its first and gets through the
    others in order within the window has gone on. A customer enters once in each period, with
    their first passage in it; a session, order or case once, with its first. Entries that are
    younger than the window are left out, and counted.

    The columns are route (its number), segment, begins (the period's first day), finished (all
    its entries could be followed), entered, followed, left_out. Each route and segment has a row
    for every period of the data. Raises BadQuestion where `every` is neither week nor month.
    """
    if every not in EVERY:
        raise BadQuestion(f"There is no period {every!r}. There are: {listed(EVERY)}.")
    zone = workspace.settings.company.timezone
    counts = [_NONE]
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
            counts.append(
                found.group_by("segment", "begins")
                .agg(
                    entered=ripe.sum().cast(pl.Int64),
                    followed=(ripe & pl.col("followed")).sum().cast(pl.Int64),
                    left_out=(~ripe).sum().cast(pl.Int64),
                )
                .select(pl.lit(number, pl.Int64).alias("route"), pl.all())
            )
    found = (
        pl.concat(counts)
        .group_by("route", "segment", "begins")
        .agg(pl.col("entered", "followed", "left_out").sum())
    )
    calendar = workspace.query(
        "stage_trend",
        every=every,
        touchpoints=sorted({one for group in asked.touchpoints for one in group}),
        zone=zone,
        as_of=until,
        within_days=asked.days,
    )
    return (
        found.select("route", "segment")
        .unique()
        .join(calendar, how="cross")
        .join(found, on=["route", "segment", "begins"], how="left")
        .with_columns(pl.col("entered", "followed", "left_out").fill_null(0))
        .sort("route", "segment", "begins")
    )


_NONE = pl.DataFrame(
    schema={
        "route": pl.Int64,
        "segment": pl.String,
        "begins": pl.Date,
        "entered": pl.Int64,
        "followed": pl.Int64,
        "left_out": pl.Int64,
    }
)


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
