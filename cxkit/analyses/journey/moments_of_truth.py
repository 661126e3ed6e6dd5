"""At which moment does a good or bad experience go with coming back?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.experience import (
    RETURN_DAYS,
    Journey,
    Moment,
    in_words,
    journey,
    moments,
    placed,
    spots,
    trails,
)
from cxkit.experience import told as answers_of
from cxkit.notes import end_note
from cxkit.passages import whom
from cxkit.result import Result, counted
from cxkit.scores import ces_note
from cxkit.stats.intervals import ENOUGH, said
from cxkit.workspace import Workspace, query_text

QUESTION = "At which moment does a good or bad experience go with coming back?"


def moments_of_truth(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Compare who came back within 90 days after good and bad experiences, moment by moment.

    An experience is an answer to a survey or review, placed at its stage as in `journey_map`; a
    customer's first of each moment counts. Good is 9 or 10 of NPS, 4 or 5 of CSAT and stars, 5 to 7
    of CES, or a comment that sounds positive where there is no score; bad are 0 to 6, 1 or 2,
    1 to 3, and negative. Coming back is an order or a passage of the first stage. Answers younger
    than 90 days are left out. Benjamini and Hochberg's procedure keeps false alarms among all
    moments at one in twenty; moments with fewer than 30 good or bad experiences are not compared.

    The arguments are those of `journey_map`.

    Returns:
        One row per stage and moment, the largest standardised difference first: stage, moment
        ("any" where the survey names none), good and bad (customers), share_good_returned and
        share_bad_returned, gap_share with Newcombe's interval (_low, _high), effect (Cohen's h),
        q_value (null: too few to compare), stands_out.

    Raises:
        BadQuestion: as `journey_map` does.
    """
    asked = journey(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
        where=where,
        since=since,
        as_of=as_of,
    )
    answers = answers_of(workspace, asked)
    trail: list[pl.DataFrame] = []
    first = 0
    for there, found in trails(workspace, asked) if asked.until and answers.height else ():
        trail.append(spots(there, found, answers["customer_key"], first))
        first += len(found.rows)
    found_moments = moments(workspace, asked, placed(answers, asked, trail))
    table = _table(found_moments, asked, workspace.least)
    return Result(
        name="moments_of_truth",
        question=QUESTION,
        table=table,
        finding=_finding(table, where),
        caveats=(*_caveats(table), *ces_note(workspace, asked.until), *end_note(workspace, as_of)),
        sql=f"{query_text('journey_map')}\n{query_text('moments_of_truth')}",
        as_of=asked.until,
        n=int((table["good"] + table["bad"]).sum()),
        draw=_chart,
        chosen=whom(where, since),
    )


def _table(found: list[Moment], asked: Journey, least: int) -> pl.DataFrame:
    rows = [
        {
            "stage": asked.plan.stages[one.place],
            "moment": one.moment,
            "good": one.good,
            "bad": one.bad,
            "share_good_returned": one.good_returned / one.good if one.good else None,
            "share_bad_returned": one.bad_returned / one.bad if one.bad else None,
            "gap_share": one.gap.value,
            "gap_share_low": one.gap.low,
            "gap_share_high": one.gap.high,
            "effect": one.effect,
            "q_value": one.q_value,
            "stands_out": one.q_value is not None and one.q_value <= 0.05,
        }
        for one in found
        if min(one.good, one.bad) >= least
    ]
    shares = ("share_good_returned", "share_bad_returned", "gap_share", "gap_share_low")
    schema = (
        {"stage": pl.String, "moment": pl.String, "good": pl.Int64, "bad": pl.Int64}
        | dict.fromkeys((*shares, "gap_share_high", "effect", "q_value"), pl.Float64)
        | {"stands_out": pl.Boolean}
    )
    compared = pl.col("q_value").is_null()
    return (
        pl.DataFrame(rows, schema=schema)
        .fill_nan(None)
        .sort(compared, pl.col("effect").abs(), "stage", "moment",
              descending=[False, True, False, False], nulls_last=True)
    )  # fmt: skip


def _finding(table: pl.DataFrame, where: Mapping[str, str] | None) -> str:
    who = f" with {in_words(where)}" if where else ""
    if table.is_empty():
        return (
            f"No good or bad experience of customers{who} is {RETURN_DAYS} days old yet at any "
            "stage: nothing can be compared."
        )
    compared = table.filter(pl.col("q_value").is_not_null())
    if compared.is_empty():
        many = f"None of {table.height} moments has"
        if table.height == 1:
            many = "The one moment has not"
        return (
            f"{many} {ENOUGH} good and {ENOUGH} bad experiences: too few to say where it is "
            "decided who comes back."
        )
    best = compared.row(0, named=True)
    good, bad = best["good"], best["bad"]
    shares = (
        f"after {good:,} good experiences "
        f"{said(round(best['share_good_returned'] * good), good)} came back within {RETURN_DAYS} "
        f"days, after {bad:,} bad ones {said(round(best['share_bad_returned'] * bad), bad)}"
    )
    gap = (
        f"{100 * best['gap_share']:+.1f} points ({100 * best['gap_share_low']:+.1f} to "
        f"{100 * best['gap_share_high']:+.1f})"
    )
    if not best["stands_out"]:
        return (
            f"No moment of truth is found among {compared.height:,} compared: the largest "
            f"difference, at '{best['stage']}', is {gap}: {shares}."
        )
    return (
        f"The moment of truth is '{best['stage']}' ({best['moment']}): {shares}, a difference of "
        f"{gap} associated with it."
    )


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        "Who is content may have come back anyway: a difference is associated with the experience, "
        "not caused by it.",
        "Only those who answered are compared.",
    ]
    few = table.filter(pl.col("q_value").is_null()).height
    if few:
        notes.append(
            f"{counted(few, 'moment')} with fewer than {ENOUGH} good or bad experiences "
            f"{'is' if few == 1 else 'are'} not compared."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    known = table.drop_nulls(["gap_share", "q_value"]).head(8)
    if known.is_empty():
        return charts.nothing("Too few good and bad experiences to compare")
    ends = known["gap_share_low"].min(), known["gap_share_high"].max()
    best = known.row(0, named=True)
    drawn = known.with_columns(
        *(pl.col(f"gap_share{end}") * 100 for end in ("", "_low", "_high")),
        label=pl.format("{} · {}", "stage", "moment"),
        unit=pl.lit("points more who came back after a good experience than after a bad one"),
        ends=pl.lit([100 * min(0.0, ends[0]) - 2, 100 * max(0.0, ends[1]) + 2]),  # type: ignore[type-var, operator]
    )
    title = f"'{best['stage']}' is the moment of truth: {100 * best['gap_share']:+.0f} points"
    if not best["stands_out"]:
        title = "No moment surely goes with coming back"
    return charts.dots(
        drawn,
        value="gap_share",
        low="gap_share_low",
        high="gap_share_high",
        label="label",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{row['gap_share']:+.0f} ({row['good']:,} good, {row['bad']:,} bad)"
            for row in drawn.iter_rows(named=True)
        ],
    )
