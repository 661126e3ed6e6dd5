"""Where is everybody at their first, second and third step?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.notes import end_note, link_note
from cxkit.passages import place_names, who
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.workspace import Workspace, query_text

QUESTION = "Where is everybody at their first, second and third step?"
_AHEAD = 8  # steps that the prepared query looks ahead
_ENDED = "ended"
_MOST = 12  # rows of the chart


def step_matrix(
    workspace: Workspace,
    *,
    steps: int = 6,
    of: str = "touchpoint",
    unit: str = "customer",
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
            silence), "order" or "case".
        as_of: what was known at this moment; default: the latest time in the data.

    Returns:
        One row per step and touchpoint: step, place (a touchpoint, or 'ended'), unit, count, share
        of all units with Wilson's interval (_low, _high), base (all units). The shares of a step
        add up to 1. n is the number of units.

    Raises:
        BadQuestion: where `of` or `unit` is none that there is, or steps no whole number.
    """
    place_names(workspace, of)
    noun = who(workspace, unit)
    many = whole_number("steps", steps, most=50)
    until = workspace.moment(as_of)
    ready = unit in ("customer", "session") and many <= _AHEAD
    query = "step_matrix" if ready else "step_matrix_portable"
    found = workspace.query(query, of=of, unit=unit, steps=many, as_of=until)
    table = _grid(found, noun)
    return Result(
        name="step_matrix",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=(
            *_caveats(table, unit),
            *end_note(workspace, as_of),
            *(link_note(workspace, until) if unit == "customer" else ()),
        ),
        sql=query_text(query),
        as_of=until,
        n=int(table["base"][0]) if table.height else 0,
        draw=_chart,
    )


def _grid(found: pl.DataFrame, noun: str) -> pl.DataFrame:
    """Give every place its row at every step, in the order of how many pass it; the ended last."""
    counts = found.select(
        pl.col("step").cast(pl.Int64), pl.col("place").fill_null(_ENDED), count="units"
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
        .with_columns(pl.col("count").fill_null(0), unit=pl.lit(noun), base=pl.lit(base, pl.Int64))
    )
    return add_wilson(grid, "count", "base", "share").select(
        "step", "place", "unit", "count", "share", "share_low", "share_high", "base"
    )


def _finding(table: pl.DataFrame) -> str:
    if table.is_empty():
        return "Nobody has passed any touchpoint: there are no steps."
    noun, base = table["unit"][0], int(table["base"][0])
    here = table.filter(pl.col("place") != _ENDED).sort(
        "step", "count", "place", descending=[False, True, False]
    )
    first = here.row(0, named=True)
    small = " (too few to say more)" if base < ENOUGH else ""
    ended = table.filter((pl.col("place") == _ENDED) & (pl.col("count") > 0))
    begun = f"Of {counted(base, noun)} {said(first['count'], base)} began with '{first['place']}'"
    if ended.is_empty():
        return f"{begun}; none had ended before step {int(table['step'][-1])}{small}."
    last = ended.with_columns(
        before=pl.col("count").shift(1, fill_value=0), step_before=pl.col("step") - 1
    ).with_columns(gone=pl.col("count") - pl.col("before"), still=base - pl.col("before"))
    row = last.sort("gone", descending=True, maintain_order=True).row(0, named=True)
    steps = counted(int(row["step_before"]), "step")
    if base == 1:
        return f"The one {noun} began with '{first['place']}' and ended after {steps}."
    return (
        f"{begun}; the largest share to end does so after {steps}: {said(row['gone'], base)} of "
        f"all; {said(base - last['count'][-1], base)} have not ended before step "
        f"{int(table['step'][-1])}{small}."
    )


def _caveats(table: pl.DataFrame, unit: str) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        "Who is at the same step need not be at the same time: a step says how many touchpoints "
        "came before, not when.",
    ]
    if unit != "session":
        notes.append(
            f"'{_ENDED}' means nothing more up to the end of the data: whoever came lately may go "
            "on."
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
    end = table.filter(pl.col("place") == _ENDED).row(-1, named=True)
    return charts.matrix(
        kept,
        x="at",
        y="place",
        value="share",
        texts=[f"{share:.0%}" if share >= 0.005 else "" for share in kept["share"]],
        title=f"{end['share']:.0%} have ended before step {end['step']}",
        x_unit=f"share of {counted(int(table['base'][0]), table['unit'][0])}",
        y_unit="where they are",
    )
