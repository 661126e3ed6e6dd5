"""Where is everybody at their first, second and third step?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.notes import end_note, link_note
from cxkit.passages import place_names, who
from cxkit.periods import visits_or
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.workspace import Workspace, query_text

QUESTION = "Where is everybody at their first, second and third step?"
_AHEAD = 8  # steps that the prepared query looks ahead
_ENDED = "ended"
_MOST = 12  # rows of the chart
_PERSONS = ("customer", "visitor or customer")  # units that are a person each
_OTHER = "other"


def step_matrix(
    workspace: Workspace,
    *,
    steps: int = 6,
    of: str = "touchpoint",
    unit: str | None = "customer",
    as_of: date | datetime | str | None = None,
) -> Result:
    """Show which share of all is at which touchpoint at each step, and how many have ended.

    Step 1 is the first touchpoint of a unit, step 2 the next, whatever the time between. Those of
    one instant stand in the order of the journey.

    Args:
        workspace: an open store.
        steps: how many steps to look at.
        of: each "touchpoint" by itself, or the "stage" that it stands for.
        unit: whose steps: "customer", "session" (a visit on the web; it ends with 30 minutes of
            silence), "order" or "case"; None: visits where there are any, else customers.
        as_of: what was known at this moment; default: the latest time in the data.

    Returns:
        One row per step and touchpoint: step, place (a touchpoint, or 'ended'), unit, count, share
        of all units with Wilson's interval (_low, _high), base (all units). The shares of a step
        add up to 1. n is the number of units. A report puts places of few units together as
        'other', step by step, and shows nothing where there are few in all.

    Raises:
        BadQuestion: where `of` or `unit` is none that there is, or steps no whole number.
    """
    place_names(workspace, of)
    unit = visits_or(workspace, unit)
    noun = who(workspace, unit)
    many = whole_number("steps", steps, most=50)
    until = workspace.moment(as_of)
    ready = unit in ("customer", "session") and many <= _AHEAD
    query = "step_matrix" if ready else "step_matrix_portable"
    found = workspace.query(
        query, of=of, unit=unit, steps=many, as_of=until, people=bool(workspace.least)
    )
    whole = _grid(found, noun)
    table = _guarded(whole, workspace.least).drop("people")
    return Result(
        name="step_matrix",
        question=QUESTION,
        table=table,
        finding=_finding(whole, table, workspace.least),
        caveats=(
            *_caveats(table, unit, whole),
            *end_note(workspace, as_of),
            *(link_note(workspace, until) if unit == "customer" else ()),
        ),
        sql=query_text(query),
        as_of=until,
        n=int(whole["base"][0]) if whole.height else 0,
        draw=_chart,
    )


def _grid(found: pl.DataFrame, noun: str) -> pl.DataFrame:
    """Give every place its row at every step, in the order of how many pass it; the ended last."""
    counts = found.select(
        pl.col("step").cast(pl.Int64), pl.col("place").fill_null(_ENDED), "people", count="units"
    )
    places = (
        counts.group_by("place")
        .agg(pl.col("count").sum())
        .sort(pl.col("place") == _ENDED, "count", "place", descending=[False, True, False])
        .select("place")
    )
    if counts.height and _ENDED not in places["place"]:
        places = pl.concat([places, pl.DataFrame({"place": [_ENDED]})])
    base = int(counts.filter(pl.col("step") == 1)["count"].sum())
    grid = (
        counts.select("step")
        .unique()
        .sort("step")
        .join(places, how="cross", maintain_order="left_right")
        .join(counts, on=["step", "place"], how="left", maintain_order="left")
        .with_columns(
            pl.col("count", "people").fill_null(0),
            unit=pl.lit(noun),
            base=pl.lit(base, pl.Int64),
        )
    )
    return add_wilson(grid, "count", "base", "share").select(
        "step", "place", "unit", "count", "share", "share_low", "share_high", "base", "people"
    )


def _guarded(table: pl.DataFrame, least: int) -> pl.DataFrame:
    """Put places of too few people to be shown in a report together, step by step."""
    if not least or table.is_empty():
        return table
    if _at_least(table.filter(pl.col("step") == 1)) < least:
        return table.clear()
    steps = [
        _gathered(rows, least)
        for rows in table.filter(pl.col("count") > 0).partition_by("step", maintain_order=True)
    ]
    return add_wilson(pl.concat(steps), "count", "base", "share").select(table.columns)


def _gathered(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """Put the places of one step together that fewer than `least` people are at.

    Where they are too few together the smallest of the others joins them: they would be the total
    less the rest.
    """
    ranked = rows.sort("people", "count", "place", descending=[True, True, False])
    kept = ranked.filter(pl.col("people") >= least).height
    if 0 < kept < ranked.height and _at_least(ranked[kept:]) < least:
        kept -= 1
    alone = ranked["place"][:kept].to_list()
    place = pl.when(pl.col("place").is_in(alone)).then("place").otherwise(pl.lit(_OTHER))
    return (
        rows.with_columns(place=place)
        .group_by("step", "place", "unit", "base")
        .agg(pl.col("count", "people").sum())
        .sort(pl.col("place") == _OTHER, "count", "place", descending=[False, True, False])
    )


def _at_least(rows: pl.DataFrame) -> int:
    """Return how many people are at any of these places of one step, at the least.

    Whoever comes often may be at several of them.
    """
    people = rows["people"].to_list()
    return int(sum(people) if rows["unit"][0] in _PERSONS else max(people, default=0))


def _finding(table: pl.DataFrame, shown: pl.DataFrame, least: int) -> str:
    """Say where most begin and end; of what stands among others in `shown` nothing is said."""
    if table.is_empty():
        return "Nobody has passed any touchpoint: there are no steps."
    noun, base = table["unit"][0], int(table["base"][0])
    if _at_least(table.filter(pl.col("step") == 1)) < least:
        few = counted(least, noun) if noun in _PERSONS else f"{least:,} people"
        return f"Fewer than {few} took a step: a report does not show them."
    here = table.filter(pl.col("place") != _ENDED).sort(
        "step", "count", "place", descending=[False, True, False]
    )
    first = here.row(0, named=True)
    small = " (too few to say more)" if base < ENOUGH else ""
    ended = table.filter((pl.col("place") == _ENDED) & (pl.col("count") > 0))
    far = int(table["step"][-1])
    if base == 1:
        steps = counted(int(ended["step"][0]) - 1, "step") if ended.height else ""
        end = f"ended after {steps}" if ended.height else f"had not ended before step {far}"
        return f"The one {noun} began with '{first['place']}' and {end}."

    seen = set(shown.select("step", "place").rows())
    begun = f"Of {counted(base, noun)} "
    if (first["step"], first["place"]) in seen:
        begun += f"{said(first['count'], base)} began with '{first['place']}'"
    elif noun in _PERSONS and first["people"] < least:
        begun += f"fewer than {least} began with the same"
    else:
        begun += "a share not shown here began with the same"
    if ended.is_empty():
        return f"{begun}; none had ended before step {far}{small}."
    begin = int(ended["step"][0])  # before this step nobody has ended
    last = ended.with_columns(
        gone=pl.col("count") - pl.col("count").shift(1, fill_value=0),
        people=pl.col("people") - pl.col("people").shift(1, fill_value=0),
    )
    row = last.sort("gone", descending=True, maintain_order=True).row(0, named=True)
    step = int(row["step"])
    steps = f"the largest share to end does so after {counted(step - 1, 'step')}"
    both = all((at, _ENDED) in seen for at in (step - 1, step) if at >= begin)
    if both and row["people"] >= least:
        steps += f": {said(row['gone'], base)} of all"
    elif noun in _PERSONS and row["people"] < least:
        steps += f": fewer than {least} of all"
    else:
        steps = "after how many steps most end is not shown here"
    on = f"{said(base - int(last['count'][-1]), base)} have not ended before step {far}"
    if (far, _ENDED) not in seen:
        on = f"how many have not ended before step {far} is not shown here"
    return f"{begun}; {steps}; {on}{small}."


def _caveats(table: pl.DataFrame, unit: str, whole: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    folded = whole.filter(pl.col("count") > 0).join(table, on=["step", "place"], how="anti")
    notes = [
        "Who is at the same step need not be at the same time: a step says how many touchpoints "
        "came before, not when.",
    ]
    if unit != "session":
        notes.append(
            f"'{_ENDED}' means nothing more up to the end of the data: whoever came lately may go "
            "on."
        )
    if places := folded["place"].n_unique():
        notes.append(
            f"'{_OTHER}' puts together, step by step, {counted(places, 'place')} of too few people "
            f"to be shown in a report, {int(folded['count'].sum()):,} of the counts in all."
        )
    if int(table["base"][0]) < ENOUGH:
        notes.append(f"Only {counted(int(table['base'][0]), table['unit'][0])}: too few to say.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    places = table["place"].unique(maintain_order=True).to_list()
    shown = [place for place in places if place != _ENDED][: _MOST - 1]
    rest = len(places) - 1 - len(shown)
    kept = (
        table.with_columns(
            place=pl.when(pl.col("place").is_in([*shown, _ENDED]))
            .then("place")
            .otherwise(pl.lit("other"))
        )
        .group_by("step", "place", maintain_order=True)
        .agg(pl.col("count").sum(), pl.col("base").first())
    )
    order = [*shown, *(["other"] if rest else []), _ENDED]
    kept = kept.with_columns(
        share=pl.col("count") / pl.col("base"),
        at=pl.format("step {}", "step"),
        row=pl.col("place").replace_strict({p: n for n, p in enumerate(order)}),
    ).sort("row", "step")
    last = table.filter(pl.col("step") == table["step"].max())
    ended = last.filter(pl.col("place") == _ENDED)
    share = float(ended["share"].sum())
    base, noun = int(table["base"][0]), table["unit"][0]
    title = f"{share:.0%} have ended before step {last['step'][0]}"
    if base == 1:
        title = f"The one {noun} has {'' if share else 'not '}ended before step {last['step'][0]}"
    elif ended.is_empty():
        title = f"Where {counted(base, noun)} are, step by step"
    return charts.matrix(
        kept,
        x="at",
        y="place",
        value="share",
        texts=[f"{share:.0%}" if share >= 0.005 else "" for share in kept["share"]],
        title=title,
        x_unit=f"share of {counted(base, noun)}",
        y_unit="where they are",
    )
