"""Which paths do most take, and how many different ones are there?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.notes import end_note, link_note
from cxkit.passages import place_names, who
from cxkit.periods import visits_or
from cxkit.result import Result, all_of, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.workspace import Workspace, query_text

QUESTION = "Which paths do most take, and how many different ones are there?"
_AHEAD = 8  # steps that the prepared query looks ahead
_WHOLE = 1_000_000  # steps, more than any path has
_LONGEST = 90  # letters of a path beside its bar


def top_paths(
    workspace: Workspace,
    *,
    steps: int | None = 5,
    of: str = "touchpoint",
    unit: str | None = "customer",
    most: int = 20,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the paths that units take from their first touchpoint on, and show the most frequent.

    A path is the first `steps` touchpoints in order, or all of them; one that ends sooner is a
    path of its own. Touchpoints of one instant stand in the order of the journey.

    Args:
        workspace: an open store.
        steps: how many touchpoints make a path; None for whole paths (variants), which suits
            orders and cases.
        of: what a path is made of: each "touchpoint" by itself, or the "stage" it stands for.
        unit: whose paths: "customer", "session" (a visit on the web; it ends with 30 minutes of
            silence), "order" or "case"; None: visits where there are any, else customers.
        most: how many paths to show.
        as_of: what was known at this moment; default: the latest time in the data.

    Returns:
        One row per path, the most frequent first: place (1 is the first), path, unit, count,
        share of all units with Wilson's interval (_low, _high), base (all units), different (how
        many different paths there are in all). n is the number of units. In a report paths of
        few people are left out.

    Raises:
        BadQuestion: where `of` or `unit` is none that there is, or a number is no whole number.
    """
    place_names(workspace, of)
    unit = visits_or(workspace, unit)
    noun = who(workspace, unit)
    long = _WHOLE if steps is None else whole_number("steps", steps, most=1000)
    until = workspace.moment(as_of)
    ready = unit in ("customer", "session") and long <= _AHEAD
    query = "top_paths" if ready else "top_paths_portable"
    found = workspace.query(
        query,
        of=of,
        unit=unit,
        steps=long,
        most=whole_number("most", most),
        as_of=until,
        people=bool(workspace.least),
    )
    n = int(found["base"][0]) if found.height else 0
    shown = found["people"] >= workspace.least  # no one is counted where every path may be shown
    paths = _shares(found, noun)
    table = paths.filter(shown)
    return Result(
        name="top_paths",
        question=QUESTION,
        table=table,
        finding=_finding(table, steps, noun, n),
        caveats=(
            *_caveats(table, unit, steps, paths.filter(~shown)),
            *end_note(workspace, as_of),
            *(link_note(workspace, until) if unit == "customer" else ()),
        ),
        sql=query_text(query),
        as_of=until,
        n=n,
        draw=_chart,
    )


def _shares(found: pl.DataFrame, noun: str) -> pl.DataFrame:
    return add_wilson(found.rename({"units": "count"}), "count", "base", "share").select(
        place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        path="path",
        unit=pl.lit(noun),
        count="count",
        share="share",
        share_low="share_low",
        share_high="share_high",
        base="base",
        different="different",
    )


def _finding(table: pl.DataFrame, steps: int | None, noun: str, n: int) -> str:
    if n == 0:
        return f"No {noun} has passed any touchpoint: there are no paths."
    if table.is_empty():
        return f"No path of the {counted(n, noun)} is shared by enough of them to be shown."
    row = table.row(0, named=True)
    tied = table.filter(pl.col("count") == row["count"]).height > 1
    path = "paths" if tied else "path"
    what = f"whole {path}" if steps is None else f"{path} of {counted(steps, 'first step')}"
    if row["different"] == 1:
        return f"{all_of(n, noun)} took one path: {row['path']}."
    small = " (too few to say more)" if n < ENOUGH else ""
    top = "One of the most frequent" if tied else "The most frequent"
    what += "" if row["place"] == 1 else " that can be shown"
    gaps = int(table["place"][-1]) > table.height
    cover = f"the {table.height} {'shown' if gaps else 'most frequent'}"
    cover = cover if table.height > 1 else "this one"
    are = "are" if table.height > 1 else "is"
    return (
        f"{top} {what} was taken by {said(row['count'], n)} of {counted(n, noun)}: {row['path']}; "
        f"{cover} of {counted(row['different'], 'different path')} {are} those of "
        f"{said(int(table['count'].sum()), n)}{small}."
    )


def _caveats(
    table: pl.DataFrame, unit: str, steps: int | None, hidden: pl.DataFrame
) -> tuple[str, ...]:
    notes = []
    if hidden.height:
        takers = counted(int(hidden["count"].sum()), hidden["unit"][0])
        notes.append(
            f"{counted(hidden.height, 'path')} of too few people to be shown in a report left out, "
            f"taken by {takers}."
        )
    if table.is_empty():
        return tuple(notes)
    if table["different"][0] > 0.5 * table["base"][0] and table["base"][0] >= ENOUGH:
        notes.append(
            "More than half as many paths as there are to take them: hardly two go the same way. "
            "Ask for fewer steps, or of='stage'."
        )
    if unit == "customer":
        notes.append(
            "A path begins with the first dated row of the data: who came before is seen from the "
            "middle of the journey on."
        )
    if steps is None or unit != "session":
        notes.append("Whoever came lately has had little time: their paths may still grow.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    cut = pl.col("path").str.len_chars() > _LONGEST
    short = pl.format("{}…", pl.col("path").str.slice(0, _LONGEST))
    labelled = table.with_columns(
        label=pl.format("{}. {}", "place", pl.when(cut).then(short).otherwise("path"))
    )
    first = table.row(0, named=True)
    return charts.bars(
        labelled,
        length="share",
        low="share_low",
        high="share_high",
        label="label",
        title=f"{all_of(first['base'], first['unit'])} took one path"
        if first["different"] == 1
        else (
            f"{first['share']:.1%} take the most frequent {'' if first['place'] == 1 else 'shown '}"
            f"of {counted(first['different'], 'different path')}"
        ),
        unit=f"share of {counted(first['base'], first['unit'])}",
        texts=[f"{row['count']:,} · {row['share']:.1%}" for row in table.iter_rows(named=True)],
    )
