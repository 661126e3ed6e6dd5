"""Does a long wait spoil the mood?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.experience import Journey, in_words, journey, placed, spots, told, trails
from cxkit.notes import end_note
from cxkit.passages import whom
from cxkit.result import Result, counted
from cxkit.scores import ces_note
from cxkit.stats.intervals import ENOUGH, add_wilson, mean
from cxkit.workspace import Workspace, query_text

QUESTION = "Does a long wait spoil the mood?"
_DAY = 86_400_000_000  # microseconds
_NOT_YET = "not there yet"


def mood_by_wait(
    workspace: Workspace,
    *,
    stage: str | None = None,
    since_stage: str | None = None,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Set what customers said of a stage against how long they had waited for it.

    The wait is the time from the last passage of an earlier stage to the passage that the answer
    speaks of. Answers are cut into four groups of about the same size, from the quickest to the
    slowest; who answered before they got there is a group of its own.

    Args:
        workspace: an open store.
        stage: what the answers speak of; default: the stage with most answers.
        since_stage: where the wait begins; default: the first stage.
        stages: as in `journey_map`, like all that follow.
        optional: stages that may be skipped.
        within_days: the window.
        where: only people of whom this is true.
        since: count nothing before this day.
        as_of: count what was known at this moment.

    Returns:
        One row per group, quickest first: stage, wait, least_days and most_days (null: not there
        yet), answers, mood (-100 to 100) with Student's interval (_low, _high), share_bad with
        Wilson's.

    Raises:
        BadQuestion: as `journey_map` does, or where a stage is not among the stages, or the wait
            would begin at the stage itself or later.
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
    for name in (stage, since_stage):
        if name is not None and name not in asked.plan.stages:
            raise BadQuestion(f"'{name}' is no stage. The stages are: {listed(asked.plan.stages)}.")
    answers = told(workspace, asked)
    trail: list[pl.DataFrame] = []
    first = 0
    for there, found in trails(workspace, asked) if asked.until and answers.height else ():
        trail.append(spots(there, found, answers["customer_key"], first))
        first += len(found.rows)
    here = placed(answers, asked, trail).filter(pl.col("mood").is_not_null())
    here, place = _of_stage(here, asked, stage)
    begin = asked.plan.stages.index(since_stage) if since_stage else 0
    if stage is not None and begin >= place:
        raise BadQuestion(f"The wait for '{stage}' has to begin at an earlier stage.")
    table = _table(_waited(here, trail, begin), asked.plan.stages[place])
    begins = asked.plan.stages[begin]
    return Result(
        name="mood_by_wait",
        question=QUESTION,
        table=table,
        finding=_finding(table, begins, where),
        caveats=(*_caveats(table), *ces_note(workspace, asked.until), *end_note(workspace, as_of)),
        sql=f"{query_text('passages')}\n{query_text('journey_map')}",
        as_of=asked.until,
        n=int(table["answers"].sum()),
        draw=_chart,
        chosen=whom(where, since),
    )


def _of_stage(here: pl.DataFrame, asked: Journey, stage: str | None) -> tuple[pl.DataFrame, int]:
    """Return the answers of one stage that has touchpoints, and its place."""
    if stage is not None:
        place = asked.plan.stages.index(stage)
    else:
        seen = [place for place, known in enumerate(asked.plan.kinds) if known and place]
        counts = here.filter(pl.col("place").is_in(seen)).group_by("place").len()
        counts = counts.sort("len", "place", descending=[True, False])
        place = int(counts["place"][0]) if counts.height else len(asked.plan.stages) - 1
    return here.filter(pl.col("place") == place), place


def _waited(here: pl.DataFrame, trail: list[pl.DataFrame], begin: int) -> pl.DataFrame:
    """Add to each answer how long the wait had been (days), and whether it was over (arrived)."""
    if here.is_empty() or not trail:
        return here.head(0).with_columns(
            days=pl.lit(None, pl.Float64), arrived=pl.lit(None, pl.Boolean)
        )
    rows = pl.concat(trail)
    arrivals = rows.group_by("stay").agg(arrived_at=pl.col("at").min())
    starts = rows.filter(pl.col("place") == begin).select("customer_key", began_at="at")
    return (
        here.join(arrivals, on="stay", how="left", maintain_order="left")
        .with_columns(until=pl.coalesce("arrived_at", "at"))
        .sort("until", maintain_order=True)
        .join_asof(
            starts.sort("began_at"),
            left_on="until",
            right_on="began_at",
            by="customer_key",
            check_sortedness=False,
            coalesce=False,
        )
        .filter(pl.col("began_at").is_not_null())
        .with_columns(
            days=(pl.col("until") - pl.col("began_at")) / _DAY,
            arrived=pl.col("arrived_at").is_not_null(),
        )
    )


def _table(waited: pl.DataFrame, stage: str) -> pl.DataFrame:
    there = waited.filter("arrived").sort("days", "feedback_id")
    size = there.height
    parts: list[tuple[str, pl.DataFrame]] = []
    names = ("quickest quarter", "second quarter", "third quarter", "slowest quarter")
    edges = [there["days"][min(size - 1, size * part // 4)] for part in (1, 2, 3)] if size else []
    for place, name in enumerate(names if size else ()):
        low = edges[place - 1] if place else None
        high = edges[place] if place < 3 else None
        part = there.filter(
            pl.lit(True) if low is None else pl.col("days") >= low,
            pl.lit(True) if high is None else pl.col("days") < high,
        )
        parts.append((name, part))
    parts.append((_NOT_YET, waited.filter(~pl.col("arrived"))))
    rows = [
        {
            "stage": stage,
            "wait": name,
            "least_days": part["days"].min() if name != _NOT_YET else None,
            "most_days": part["days"].max() if name != _NOT_YET else None,
            "answers": part.height,
            "_bad": int((part["tone"] == -1).sum()),
            **_mood(part["mood"]),
        }
        for name, part in parts
        if part.height
    ]
    frame = pl.DataFrame(
        rows,
        schema={"stage": pl.String, "wait": pl.String, "least_days": pl.Float64}
        | {"most_days": pl.Float64, "answers": pl.Int64, "_bad": pl.Int64}
        | dict.fromkeys(("mood", "mood_low", "mood_high"), pl.Float64),
    ).fill_nan(None)
    return add_wilson(frame, "_bad", "answers", "share_bad").drop("_bad")


def _mood(felt: pl.Series) -> dict[str, Any]:
    value = mean(len(felt), float(felt.sum()), float((felt * felt).sum()), -1, 1)
    return dict(zip(("mood", "mood_low", "mood_high"), (100 * v for v in value), strict=True))


def _finding(table: pl.DataFrame, begins: str, where: Mapping[str, str] | None) -> str:
    who = f" of customers with {in_words(where)}" if where else ""
    total = int(table["answers"].sum())
    if total < ENOUGH:
        return (
            f"{counted(total, 'answer')}{who} {'is' if total == 1 else 'are'} known with a wait "
            "before: too few to say whether waiting matters."
        )
    there = table.filter(pl.col("wait") != _NOT_YET)
    if there.height < 2:
        return f"The {total:,} answers{who} cannot be told apart by how long people had waited."
    quick, slow = there.row(0, named=True), there.row(-1, named=True)
    apart = slow["mood_high"] is not None and quick["mood_low"] is not None
    apart = apart and (
        slow["mood_high"] < quick["mood_low"] or slow["mood_low"] > quick["mood_high"]
    )
    end = "" if apart else ": no sure difference"
    for row in table.filter(
        (pl.col("wait") == _NOT_YET) & (pl.col("answers") >= ENOUGH)
    ).to_dicts():
        end += f"; of those who were not there yet when they answered it is {_said(row)}"
    return (
        f"After the longest waits from '{begins}' to '{slow['stage']}' ({slow['least_days']:.1f} "
        f"days or more) the mood{who} is {_said(slow)}, after the shortest (up to "
        f"{quick['most_days']:.1f} days) {_said(quick)}{end}."
    )


def _said(row: Mapping[str, Any]) -> str:
    if row["mood_low"] is None:
        return f"{row['mood']:+.0f} (n = {row['answers']:,})"
    return (
        f"{row['mood']:+.0f} ({row['mood_low']:+.0f} to {row['mood_high']:+.0f}, "
        f"n = {row['answers']:,})"
    )


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        "Who waits long may differ in more, as in how far away they live: the mood is associated "
        "with the wait."
    ]
    early = table.filter(pl.col("wait") == _NOT_YET)
    if early.height:
        many = int(early["answers"][0])
        notes.append(
            f"{counted(many, 'answer')} came before the stage was reached: "
            f"{'it is' if many == 1 else 'they are'} a group of {'its' if many == 1 else 'their'} "
            "own."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    if table.is_empty():
        return charts.nothing("No answer is known with a wait before")
    there = table.filter(pl.col("wait") != _NOT_YET)
    title = "The mood by how long people had waited"
    if there.height > 1:
        ends = there["mood"][0], there["mood"][-1]
        title = f"Mood {ends[0]:+.0f} after the shortest waits, {ends[1]:+.0f} after the longest"
    days = [
        "not there yet" if row["least_days"] is None
        else f"{row['wait']} ({row['least_days']:.1f}–{row['most_days']:.1f} days)"
        for row in table.iter_rows(named=True)
    ]  # fmt: skip
    return charts.dots(
        table.with_columns(
            pl.Series("label", days),
            pl.lit("mood, from -100 to 100").alias("unit"),
            ends=pl.lit([-100, 100]),
        ),
        value="mood",
        low="mood_low",
        high="mood_high",
        label="label",
        unit="unit",
        ends="ends",
        title=title,
        texts=[f"{row['mood']:+.0f} · n {row['answers']:,}" for row in table.iter_rows(named=True)],
    )
