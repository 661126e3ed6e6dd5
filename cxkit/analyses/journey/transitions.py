"""What follows what on the journey, how often and how soon?"""

from datetime import date, datetime, timedelta

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.notes import end_note
from cxkit.passages import UNITS, lasting, place_names, whom
from cxkit.result import Result, counted, verb
from cxkit.safe import shown
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.workspace import Workspace, query_text

QUESTION = "What follows what on the journey, how often and how soon?"
_UNITS = ("customer", "session")
_AFTER, _BEFORE = "nothing more", "nothing before"
_MOST = 12  # rows and columns of a matrix
_LANES = 6  # names per step of a flow
_COLUMNS = [
    "step", "from", "to", "count", "base", "share", "share_low", "share_high", "median_seconds",
    "p90_seconds",
]  # fmt: skip


def transitions(
    workspace: Workspace,
    *,
    of: str = "touchpoint",
    unit: str = "customer",
    start: str | None = None,
    end: str | None = None,
    since: date | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count which touchpoint follows which, or the flows from one of them or to it.

    Every passage of a touchpoint counts, and the next one of the same unit follows it, itself
    included. Those of one instant follow each other in the order of the journey. The last passage
    of a unit is followed by 'nothing more'.

    Args:
        workspace: an open store.
        of: what is passed: each "touchpoint" by itself, or the "stage" that it stands for.
        unit: whose next step is counted: a "customer's" whatever the time between, or one within
            the same "session" (a visit on the web; it ends with 30 minutes of silence).
        start: show the three steps after each passage of this one.
        end: show the three steps before each passage of this one.
        since: count from this day on.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per pair: step (0; with `start` 1, 2, 3, with `end` -1, -2, -3), from, to, count,
        base (all passages of `from`; with `end` of `to`; at this step), share of the base with
        Wilson's interval (_low, _high), median_seconds and p90_seconds between the two (nearest
        rank, null for 'nothing'). The shares of a base add up to 1; a report leaves out pairs of
        few people. n is the number of passages
        counted; with `start` or `end` of those of that one.

    Raises:
        BadQuestion: where `of`, `unit`, `start` or `end` is none that there is, start and end are
            both given, or since is no day before as_of.
    """
    known = place_names(workspace, of)
    if unit not in _UNITS:
        raise BadQuestion(f"There is no unit {unit!r} here. There are: {listed(_UNITS)}.")
    if start is not None and end is not None:
        raise BadQuestion("start and end are both given: ask for one, then for the other.")
    spot = start if start is not None else end
    if spot is not None and spot not in known:
        raise BadQuestion(f"No {of} is called {spot!r}. The data have: {listed(known)}.")
    until = workspace.moment(as_of)
    after = _day_before(workspace, since, until)
    asked = {"of": of, "unit": unit, "after": after, "as_of": until}
    if spot is None:
        queries = ["transitions", "transition_times"]
        table = _pairs(workspace.query(queries[0], **asked), workspace.query(queries[1], **asked))
        if workspace.least:
            queries.append("transition_people")
            table = _with_people(table, workspace.query(queries[2], **asked))
    else:
        # the slower form counts the people as well
        queries = [f"transitions_around{'_portable' if workspace.least else ''}"]
        way = 1 if end is None else -1
        table = _flows(workspace.query(queries[0], spot=spot, way=way, **asked), way)
    passed = _passages(table)
    shown = table["people"] >= workspace.least  # no one is counted where every step may be shown
    hidden = table.filter(~shown)
    table = table.filter(shown).drop("people")
    return Result(
        name="transitions",
        question=QUESTION,
        table=table,
        finding=_finding(table, hidden, of, passed),
        caveats=(
            *_caveats(table, unit, after, hidden),
            *end_note(workspace, as_of),
        ),
        sql="\n".join(query_text(name) for name in queries),
        as_of=until,
        n=passed,
        draw=_chart,
        chosen=whom(None, since),
    )


def _day_before(
    workspace: Workspace, since: date | str | None, until: datetime | None
) -> datetime | None:
    """Return the last moment of the day before `since`: what came later counts."""
    if since is None or until is None:
        return None
    try:
        day = date.fromisoformat(since) if isinstance(since, str) else since
        after = workspace.moment(day - timedelta(days=1))
    except (ValueError, TypeError, OverflowError):
        raise BadQuestion(
            f"since is {since!r}, which is not a day. Write it as '2026-01-31'."
        ) from (None)
    if after is None or after >= until:
        raise BadQuestion(f"since is {since} and the data end {shown(until)}: give an earlier day.")
    return after


def _pairs(counts: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """Join counts and times, and give the last passages their row."""
    passed = counts.group_by(pl.col("next").alias("here")).agg(base=pl.col("steps").sum())
    steps = counts.drop_nulls("here").join(times, on=["here", "next"], how="left")
    on = steps.group_by("here").agg(went_on=pl.col("steps").sum())
    last = (
        passed.join(on, on="here", how="left")
        .with_columns(steps=pl.col("base") - pl.col("went_on").fill_null(0), next=pl.lit(_AFTER))
        .filter(pl.col("steps") > 0)
        .select("here", "next", "steps")
    )
    table = pl.concat([steps, last], how="diagonal_relaxed").join(passed, on="here")
    named = table.rename({"here": "from", "next": "to"})
    return _told(named.with_columns(step=pl.lit(0, pl.Int64), people=pl.lit(0, pl.Int64)))


def _with_people(table: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Say of how many people each step is."""
    steps = people.select(pl.col("next").fill_null(_AFTER).alias("to"), "people", here="here")
    return table.drop("people").join(
        steps.rename({"here": "from"}), on=["from", "to"], how="left", maintain_order="left"
    )


def _flows(steps: pl.DataFrame, way: int) -> pl.DataFrame:
    """Say of each step away from the chosen one where it leads, or where it comes from."""
    ends = ("from", "to") if way == 1 else ("to", "from")
    nothing = _AFTER if way == 1 else _BEFORE
    table = steps.with_columns(
        pl.col("far").fill_null(nothing),
        base=pl.col("steps").sum().over("step", "near"),
        step=way * pl.col("step").cast(pl.Int64),
        people=pl.col("people") if "people" in steps.columns else pl.lit(0, pl.Int64),
    )
    return _told(table.rename({"near": ends[0], "far": ends[1]}))


def _told(table: pl.DataFrame) -> pl.DataFrame:
    frame = add_wilson(table.rename({"steps": "count"}), "count", "base", "share").with_columns(
        median_seconds=pl.col("median_gap") / 1e6, p90_seconds=pl.col("p90_gap") / 1e6
    )
    return frame.select(*_COLUMNS, "people").sort(
        pl.col("step").abs(),
        "base",
        "from",
        "count",
        "to",
        descending=[False, True, False, True, False],
    )


def _passages(table: pl.DataFrame) -> int:
    first = table.filter(pl.col("step").abs() == pl.col("step").abs().min())
    return int(first["count"].sum())


def _finding(table: pl.DataFrame, hidden: pl.DataFrame, of: str, passed: int) -> str:
    if table.is_empty() and passed:
        return "No step was taken by enough people to be shown in a report."
    if table.is_empty():
        return f"No {of} was passed: there is nothing to follow."
    first = table.filter(pl.col("step").abs() == pl.col("step").abs().min())
    on = (pl.col("from") != pl.col("to")) & (pl.col("to") != _AFTER) & (pl.col("from") != _BEFORE)
    steps = first.filter(on).sort("count", "from", "to", descending=[True, False, False])
    if steps.is_empty() and hidden.filter(on).height:
        return "No step between two different ones was taken by enough people to be shown."
    if steps.is_empty():
        return f"In {counted(passed, 'passage')} no {of} was followed by a different one."
    row = steps.row(0, named=True)
    small = " (too few to say more)" if row["base"] < ENOUGH else ""
    soon = f"half of these within {lasting(row['median_seconds'])}{small}."
    share = f"{said(row['count'], row['base'])} of {counted(row['base'], 'passage')}"
    if row["step"] < 0:
        return f"'{row['to']}' came right after '{row['from']}' in {share}, {soon}"
    most = ", the most frequent step between two different ones" if row["step"] == 0 else ""
    if most and hidden.filter(on, pl.col("count") > row["count"]).height:
        most += " that can be shown"
    return f"'{row['from']}' was followed by '{row['to']}' in {share}{most}, {soon}"


def _caveats(
    table: pl.DataFrame, unit: str, after: datetime | None, hidden: pl.DataFrame
) -> tuple[str, ...]:
    notes = []
    if hidden.height:
        times = counted(int(hidden["count"].sum()), "time")
        notes.append(
            f"{counted(hidden.height, 'step')} of too few people to be shown in a report "
            f"{verb(hidden.height, 'are')} left out, taken {times} in all: the shares do not add "
            "up to 1."
        )
    if table.is_empty():
        return tuple(notes)
    who = UNITS[unit]
    first = table.filter(pl.col("step").abs() == pl.col("step").abs().min())
    steps = int(
        first.filter(~pl.col("to").is_in([_AFTER]) & (pl.col("from") != _BEFORE))["count"].sum()
    )
    again = int(first.filter(pl.col("from") == pl.col("to"))["count"].sum())
    if again:
        notes.append(
            f"{again:,} of {counted(steps, 'step')} lead from one to itself: repeats are counted."
        )
    if table["step"].max() >= 0:  # type: ignore[operator]
        until = "" if unit == "session" else " up to the end of the data: some of them will go on"
        notes.append(f"'{_AFTER}' stands for the last passage of each {who}{until}.")
    else:
        begun = " since the day that was asked for" if after else ""
        notes.append(f"'{_BEFORE}' stands for the first passage of each {who}{begun}.")
    if unit == "customer":
        notes.append(
            "Everything dated counts as a touchpoint, the company's own messages among them; the "
            "next one may come months later (see the seconds)."
        )
    small = first.filter(pl.col("base") < ENOUGH)["from" if table["step"].max() >= 0 else "to"]  # type: ignore[operator]
    if small.n_unique():
        names = listed([f"'{name}'" for name in small.unique()], 6)
        notes.append(f"Passed fewer than {ENOUGH} times, too few to say: {names}.")
    notes.append(
        f"One {who} may pass often, and their passages are alike: the intervals, which take each "
        "passage for itself, are narrower than they should be."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    return _matrix(table) if table["step"][0] == 0 else _flow(table)


def _matrix(table: pl.DataFrame) -> charts.Figure:
    sizes = table.group_by("from").agg(pl.col("base").first())
    most = sizes.sort("base", "from", descending=[True, False])["from"].head(_MOST).to_list()
    cells = table.filter(pl.col("from").is_in(most) & pl.col("to").is_in([*most, _AFTER]))
    grid = (
        pl.DataFrame({"from": most})
        .join(pl.DataFrame({"to": [*most, _AFTER]}), how="cross")
        .join(cells, on=["from", "to"], how="left", maintain_order="left")
        .with_columns(pl.col("share").fill_null(0.0))
    )
    best = table.filter((pl.col("from") != pl.col("to")) & (pl.col("to") != _AFTER))
    title = "No one is followed by another"
    if not best.is_empty():
        row = best.sort("count", "from", "to", descending=[True, False, False]).row(0, named=True)
        title = f"'{row['to']}' follows {row['share']:.0%} of the passages of '{row['from']}'"
    rest = sizes.height - len(most)
    return charts.matrix(
        grid,
        x="to",
        y="from",
        value="share",
        texts=[f"{share:.0%}" if share >= 0.005 else "" for share in grid["share"]],
        title=f"{title}{f' (the {_MOST} most frequent of {sizes.height})' if rest else ''}",
        x_unit="followed by",
        y_unit="share of the passages of",
    )


def _flow(table: pl.DataFrame) -> charts.Figure:
    ahead = table["step"][0] > 0
    first = table.filter(pl.col("step").abs() == 1)
    spot = first["from" if ahead else "to"][0]
    layers = table.with_columns(
        layer=pl.col("step") - 1 if ahead else pl.col("step") + 3,
        near="from" if ahead else "to",
        far="to" if ahead else "from",
    )
    # where many meet, the smaller ones go together
    sizes = (
        layers.group_by("step", "far")
        .agg(pl.col("count").sum())
        .sort("step", "count", "far", descending=[False, True, False])
        .with_columns(place=pl.int_range(pl.len()).over("step"))
    )
    large = sizes.filter(
        (pl.col("place") < _LANES) | pl.col("far").is_in([_AFTER, _BEFORE])
    ).select("step", "far", name="far")
    way = 1 if ahead else -1
    named = layers.join(large, on=["step", "far"], how="left").join(
        large.select(pl.col("step") + way, near="far", near_name="name"),
        on=["step", "near"],
        how="left",
    )
    near = (
        pl.when(pl.col("step") == way)
        .then("near")
        .otherwise(pl.col("near_name").fill_null("other"))
    )
    far = pl.col("name").fill_null("other")
    flows = (
        named.with_columns(near=near, far=far)
        .group_by("layer", "near", "far")
        .agg(pl.col("count").sum())
        .sort("layer", "count", "near", "far", descending=[False, True, False, False])
        .rename({"near": "from" if ahead else "to", "far": "to" if ahead else "from"})
    )
    best = first.filter(~pl.col("to" if ahead else "from").is_in([_AFTER, _BEFORE, spot]))
    title = f"'{spot}' stands alone"
    if not best.is_empty():
        row = best.sort("count", "from", "to", descending=[True, False, False]).row(0, named=True)
        after, before = (row["to"], spot) if ahead else (spot, row["from"])
        title = f"{row['share']:.0%} of the passages of '{spot}': '{before}', then '{after}'"
    return charts.sankey(
        flows,
        layer="layer",
        source="from",
        target="to",
        value="count",
        title=title,
        unit="passages",
    )
