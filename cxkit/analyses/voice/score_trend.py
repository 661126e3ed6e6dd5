"""Are customers more or less content than before?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import one_of
from cxkit.notes import end_note
from cxkit.result import Result, counted, verb
from cxkit.scores import (
    RULES,
    bound,
    difference,
    level_of,
    mean_of,
    paired,
    rule_of,
    scale_notes,
    score_of,
    shown,
)
from cxkit.settings import Settings
from cxkit.stats.intervals import ENOUGH, Interval, levels_p
from cxkit.workspace import Workspace, query_text

QUESTION = "Are customers more or less content than before?"
_EVERY = {"month": "1mo", "quarter": "1q"}  # as polars calls them
_LEVEL = 0.05
_NONE = Interval(*[float("nan")] * 3)
_ENDS = ("", "_low", "_high")
_SCHEMA: dict[str, Any] = {
    "metric": pl.String,
    "scale": pl.Int64,
    "begins": pl.Date,
    "every": pl.String,
    "state": pl.String,
    "answers": pl.Int64,
    "customers": pl.Int64,
    **{f"score{end}": pl.Float64 for end in _ENDS},
    "unit": pl.String,
    **{f"mean{end}": pl.Float64 for end in _ENDS},
    **{f"change{end}": pl.Float64 for end in _ENDS},
    "p_value": pl.Float64,
    "same_customers": pl.Int64,
    **{f"same_change{end}": pl.Float64 for end in _ENDS},
    "levels_p_value": pl.Float64,
    "sure": pl.Boolean,
}
_Row = dict[str, Any]


def score_trend(
    workspace: Workspace,
    *,
    every: str = "quarter",
    touchpoint: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Show each score by month or quarter, and whether the last full one differs from that before.

    Scores and intervals are those of `score`, of the answers given in each month or quarter. The
    change is the difference of the scores (NPS: of the adjusted ones, Lewis and Sauro 2021; shares:
    Newcombe 1998), and beside it that of the customers who answered in both, from their own
    differences. It is sure only where the whole series varies by more than chance as well
    (Cochran's Q), so that a series of noise has no story, or where it would be sure among as many
    changes as the series has (Bonferroni), so that a long quiet one does not drown it. The last
    month or quarter is compared once it is over.

    Args:
        workspace: an open store.
        every: "month" or "quarter".
        touchpoint: only answers about this moment; default: all, though what is asked about may
            change.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per metric, scale and month or quarter: metric, scale, begins (its first day),
        every, state ("full" or "partial"), answers, customers, score with _low and _high, unit,
        mean with _low and _high; in the last full row change (since the row before) with _low and
        _high and p_value, same_customers (who answered in both) and same_change (theirs; null below
        30) with _low and _high; levels_p_value (of all full rows of 30 answers and
        30 customers or more: is it all one level?); in the last full row sure. n is the number of
        answers.

    Raises:
        BadQuestion: where `every` is neither month nor quarter, or no survey is about `touchpoint`.
    """
    one_of("every", every, _EVERY)
    if touchpoint is not None:
        known = workspace.sql("select distinct touchpoint as t from feedback order by t")["t"]
        one_of("touchpoint", touchpoint, known.drop_nulls().to_list())
    until = workspace.moment(as_of)
    rows = workspace.query(
        "score_trend",
        **bound(),
        every=every,
        touchpoint=touchpoint,
        as_of=until,
        zone=workspace.settings.company.timezone,
    )
    dated = rows.drop_nulls("begins")
    table = _table(dated, every, workspace.settings, workspace.least)
    return Result(
        name="score_trend",
        question=QUESTION,
        table=table,
        finding=_finding(table, every),
        caveats=(
            *_caveats(table, rows, every, workspace.settings),
            *end_note(workspace, as_of),
        ),
        sql=query_text("score_trend"),
        as_of=until,
        n=int(table["answers"].sum()),
        draw=_chart,
    )


def _table(people: pl.DataFrame, every: str, settings: Settings, least: int) -> pl.DataFrame:
    told: list[_Row] = []
    for metric, rule in RULES.items():
        scales = people.filter(metric=metric)["scale"].unique().sort(descending=True).to_list()
        for scale in sorted(scales, key=lambda scale: scale != rule.most):
            whose = people.filter(metric=metric, scale=scale)
            told += _series(metric, scale, whose, every, settings, least)
    table = pl.DataFrame(told, schema=_SCHEMA, orient="row")
    same = pl.col("same_customers")
    return table.with_columns(
        pl.selectors.float().fill_nan(None), pl.when(same >= least).then(same)
    )


def _series(
    metric: str, scale: int, whose: pl.DataFrame, every: str, settings: Settings, least: int
) -> list[_Row]:
    """Return a row per month or quarter from the first answer to the last, also those without.

    Those of fewer than `least` customers have no score.
    """
    rule = rule_of(metric, scale, settings)
    dates: list[date] = whose["begins"].to_list()
    rows: list[_Row] = []
    for begins in pl.date_range(min(dates), max(dates), _EVERY[every], eager=True):
        there = whose.filter(begins=begins)
        some = there if there.height >= least else there.clear()
        rows.append(
            {
                "metric": metric,
                "scale": scale,
                "begins": begins,
                "every": every,
                "state": "full" if there["finished"].all() else "partial",
                "answers": there["answers"].sum(),
                "customers": there.height,
                **_ends("score", score_of(metric, some) if rule else _NONE),
                "unit": rule.unit if rule else "",
                **_ends("mean", mean_of(metric, scale, some)),
            }
        )
    full = [row for row in rows if row["state"] == "full"]
    large = [row for row in full if min(row["answers"], row["customers"]) >= ENOUGH]
    if rule and large:
        levels = [level_of(metric, whose.filter(begins=row["begins"])) for row in large]
        p = levels_p(*zip(*levels, strict=True)) if len(large) > 1 else None
        for row in rows:
            row["levels_p_value"] = p
    if rule and len(large) > 1 and full[-2:] == large[-2:]:
        last = _change(metric, whose, full[-1]["begins"], full[-2]["begins"])
        alone = last["p_value"] * (len(large) - 1) < _LEVEL
        last["sure"] = last["p_value"] < _LEVEL and (alone or full[-1]["levels_p_value"] < _LEVEL)
        full[-1] |= last
    return rows


def _change(metric: str, whose: pl.DataFrame, last: date, before: date) -> _Row:
    both = whose.filter(pl.col("begins").is_in([last, before])).with_columns(
        group=(pl.col("begins") == before).cast(pl.Int64)
    )
    gap, p = difference(metric, both)
    same, own = paired(metric, both)
    return {
        **_ends("change", gap),
        "p_value": p,
        "same_customers": same,
        **_ends("same_change", own if same >= ENOUGH else _NONE),
    }


def _ends(name: str, told: Interval) -> _Row:
    return {f"{name}{end}": value for end, value in zip(_ENDS, told, strict=True)}


def _finding(table: pl.DataFrame, every: str) -> str:
    scored = table.filter(pl.col("score").is_not_null())
    if scored.is_empty():
        return "No survey has a dated answer on a usual scale: there is no score to follow."
    told = [_metric_told(rows, every) for _, rows in scored.group_by("metric", maintain_order=True)]
    text = "; ".join(told) + "."
    return text[0].upper() + text[1:]


def _metric_told(rows: pl.DataFrame, every: str) -> str:
    name = RULES[rows["metric"][0]].name
    full = rows.filter(state="full")
    if full.is_empty():
        return f"{name} has no full {every} yet"
    last = full.row(-1, named=True)
    if last["answers"] < ENOUGH or last["score"] is None:
        return f"{name} has too few answers in {_named(last)} to say ({last['answers']:,})"
    base = f"in {_named(last)} from {counted(last['answers'], 'answer')}"
    text = f"{name} was {shown(last)} {base}"
    if last["p_value"] is None:
        return f"{text}: too few answers in the {every} before to compare"
    before = full.row(-2, named=True)
    sign = "+" if last["metric"] == "nps" else ""
    text += f", against {before['score']:{sign}.1f} in {_named(before)} ({before['answers']:,}): "
    text += _points(last, "change")
    if last["sure"]:
        return f"{text}, a sure change"
    text += ", no sure change"
    large = full.filter(pl.min_horizontal("answers", "customers") >= ENOUGH)
    if last["p_value"] < _LEVEL:
        return (
            f"{text}: it would be one by itself, but of {large.height - 1:,} changes in a series "
            "one such may be chance"
        )
    if last["levels_p_value"] >= _LEVEL:
        return f"{text}; over {counted(large.height, every)} it stays within its noise"
    top, low = (
        large.sort("score", "begins", descending=side).row(0, named=True) for side in (True, False)
    )
    return (
        f"{text}, though over {counted(large.height, every)} it varies by more than chance, from "
        f"{low['score']:{sign}.1f} in {_named(low)} to {top['score']:{sign}.1f} in {_named(top)}"
    )


def _points(row: _Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    ends = f" ({low:+.1f} to {high:+.1f})" if low is not None else ""
    return f"{row[name]:+.1f} points{ends}"


def _named(row: _Row) -> str:
    """Name a month or quarter: Mar 2026, Q1 2026."""
    begins = row["begins"]
    if row["every"] == "month":
        return f"{begins:%b %Y}"
    return f"Q{(begins.month + 2) // 3} {begins.year}"


def _caveats(
    table: pl.DataFrame, people: pl.DataFrame, every: str, settings: Settings
) -> tuple[str, ...]:
    notes: list[str] = []
    compared = table.filter(pl.col("change").is_not_null()).rows(named=True)
    for row in compared:
        name = RULES[row["metric"]].name
        if row["same_change"] is None:
            continue
        told = (
            f"The {row['same_customers']:,} customers who answered {name} in both {every}s changed "
            f"by {_points(row, 'same_change')}"
        )
        low, high = row["same_change_low"], row["same_change_high"]
        moved = low is not None and (low > 0 or high < 0)
        if row["sure"] and not (moved and row["same_change"] * row["change"] > 0):
            told += ": the change may be one of who answers"
        notes.append(f"{told}.")
    partial = table.filter(state="partial")
    if partial.height:
        row = partial.row(0, named=True)
        notes.append(
            f"{_named(row)} is not over: its {counted(int(partial['answers'].sum()), 'answer')} "
            f"{verb(int(partial['answers'].sum()), 'are')} shown and not compared."
        )
    some = table.filter(pl.col("score").is_not_null(), state="full")
    few = some.filter(pl.col("answers") < ENOUGH).height
    if few:
        hint = ' every="quarter" has more.' if every == "month" else ""
        notes.append(
            f"{few:,} of {some.height:,} scores by {every} rest on fewer than {ENOUGH} answers: "
            f"too few to say.{hint}"
        )
    if compared:
        notes.append(
            "Who answers may change from one survey to the next: see the response rates of score."
        )
    for (metric,), whose in people.group_by("metric", maintain_order=True):
        moments = whose["touchpoints"].explode().drop_nulls().n_unique()
        if moments > 1:
            notes.append(
                f"{RULES[metric].name} pools answers about {moments} moments: a change may be one "
                "of what is asked about. Ask for one of them with touchpoint=."
            )
    undated = int(people.filter(pl.col("begins").is_null())["answers"].sum())
    if undated:
        notes.append(f"Left out: {counted(undated, 'answer')} without a date.")
    counts = table.group_by("metric", "scale", maintain_order=True).agg(pl.col("answers").sum())
    notes += scale_notes(counts, settings)
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    """Draw the metric with the most answers."""
    scored = table.filter(pl.col("unit") != "")
    if scored.is_empty():
        return charts.nothing("No survey has a dated answer")
    sizes = scored.group_by("metric", maintain_order=True).agg(pl.col("answers").sum())
    rows = scored.filter(metric=sizes["metric"][sizes["answers"].arg_max() or 0])
    every, unit = rows["every"][0], rows["unit"][0]
    full = pl.col("state") == "full"
    compared = rows.filter(pl.col("change").is_not_null()).rows(named=True)
    name = RULES[rows["metric"][0]].name
    title = f"{name}, {every} by {every}: too few answers to compare the last two"
    if compared:
        change = f"{compared[0]['change']:+.1f} points in {_named(compared[0])}"
        title = f"{name}: {change}, {'a sure' if compared[0]['sure'] else 'no sure'} change"
    drawn = rows.with_columns(
        score_full=pl.when(full).then("score"),
        score_partial=pl.when(~full).then("score"),
        low=pl.when(full).then("score_low"),
        high=pl.when(full).then("score_high"),
    )
    return charts.lines(
        drawn,
        x="begins",
        lines={"score_full": f"full {every}", "score_partial": "not over yet"},
        ends={"score_full": ("low", "high")},
        dotted=["score_partial"],
        title=title[0].upper() + title[1:],
        x_unit=f"{every} that begins on",
        y_unit=f"{name}, {unit}",
    )
