"""Where do the stars and the words not agree?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import apart_note
from cxkit.ratings import left_notes, left_out
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.stats.clustered import contrast_effect, design_effects, effective
from cxkit.stats.intervals import ENOUGH, add_wilson, benjamini_hochberg, shares_p
from cxkit.stats.segments import gathered
from cxkit.text.own_rating import SCALES
from cxkit.text.scoring import LEVELS, mostly_foreign, score_comments
from cxkit.workspace import Workspace, query_text

QUESTION = "Where do the stars and the words not agree?"
_HIGH, _LOW = "high score, negative words", "low score, positive words"
_KEYS = ["metric", "segment", "gap"]
_NAMES = {"nps": "NPS", "csat": "CSAT", "stars": "star", "ces": "CES"}


def rating_text_gap(
    workspace: Workspace,
    *,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the comments whose words say otherwise than the score beside them.

    A rating is not the feeling in the words: some give five stars and complain. Words are judged
    as in `sentiment`, (very) negative or (very) positive. A score is high or low as its metric
    counts it: NPS from 9 and up to 6, CSAT and stars from 4 and up to 2, CES from 5 and up to 3.
    English is read only; where most comments are in another language nothing is said. Comments of
    one customer are alike: intervals and tests take customers for independent, not comments.

    Args:
        workspace: an open store.
        by: `touchpoint` or `question` of the survey, `region`, `source` or `preferred_channel` of
            the customer, or a field of the customers' attributes.
        as_of: read what was given until this moment; default: the latest time in the data.

    Returns:
        Two rows per metric and segment ("all" without `by`), "high score, negative words" and "low
        score, positive words": metric, segment, gap, answers, base (comments beside a high or low
        score whose words could be judged), customers (who wrote those; a comment of nobody known
        counts as one), gap_share with Wilson's interval (_low, _high), q_value (with `by`: does the
        segment differ from the others of the metric? Benjamini-Hochberg), example (the strongest
        words, masked) and its feedback_id. In a report there is no example of fewer customers than
        the smallest group. Scores on another scale than the usual one, or outside of it, are left
        out and counted in a caveat. n is the number of scores with a comment beside them.
    """
    until = workspace.moment(as_of)
    answers = workspace.query(
        "rating_text_gap",
        metrics=list(SCALES),
        lowest=[scale[0] for scale in SCALES.values()],
        most=[scale[1] for scale in SCALES.values()],
        as_of=until,
        by=workspace.segment(by, own=("touchpoint", "question")),
    )
    usual, left = answers.filter("usual", "sound"), left_out(answers)
    scores = _judged(usual)
    foreign = mostly_foreign(scores)
    table = _gaps(usual, scores, foreign, workspace.least, bool(by))
    return Result(
        name="rating_text_gap",
        question=QUESTION,
        table=table,
        finding=_finding(table, by, usual.height, left.height, foreign),
        caveats=_caveats(table, scores, left, by, foreign),
        sql=query_text("rating_text_gap"),
        as_of=until,
        n=usual.height,
        draw=_chart,
    )


def _judged(answers: pl.DataFrame) -> pl.DataFrame:
    """Judge the comments, each with its question: what "Nothing" means depends on it."""
    languages = score_comments(answers["comment"]).select("language", "reason", "level", "score")
    numbered = answers.select("comment", "question").with_row_index("row")
    if numbered["question"].null_count() == numbered.height:
        return languages
    parts = [
        score_comments(part["comment"], languages=["en"], question=question).select(
            part["row"], asked_level="level", asked_score="score"
        )
        for (question,), part in numbered.group_by("question", maintain_order=True)
    ]
    english = pl.col("language") == "en"
    return (
        languages.with_row_index("row")
        .join(pl.concat(parts), on="row", how="left", maintain_order="left")
        .with_columns(
            level=pl.when(english).then("asked_level"),
            score=pl.when(english).then("asked_score"),
        )
        .drop("row", "asked_level", "asked_score")
    )


def _gaps(
    answers: pl.DataFrame, scores: pl.DataFrame, foreign: bool, least: int, segments: bool
) -> pl.DataFrame:
    ends = {metric: scale[2:] for metric, scale in SCALES.items()}
    bad = pl.col("metric").replace_strict({m: e[0] for m, e in ends.items()}, return_dtype=pl.Int64)
    good = pl.col("metric").replace_strict(
        {m: e[1] for m, e in ends.items()}, return_dtype=pl.Int64
    )
    level = scores["level"].cast(pl.String)
    rated = (
        answers.with_columns(level=level, strength=scores["score"])
        .with_columns(pl.lit(foreign).alias("foreign"), size=pl.lit(1))
        .with_columns(
            gap=pl.when(pl.col("score") >= good)
            .then(pl.lit(_HIGH))
            .when(pl.col("score") <= bad)
            .then(pl.lit(_LOW))
        )
    )
    rated = gathered(rated, "size", least=least, people=rated).drop("size")
    judged = pl.col("level").is_not_null() & ~pl.col("foreign")
    against = pl.when(pl.col("gap") == _HIGH).then(pl.lit(-1)).otherwise(pl.lit(1))
    apart = judged & (pl.col("strength") * against > 0) & (pl.col("level") != LEVELS[2])
    rated = rated.with_columns(judged=judged, apart=apart.fill_null(False))
    people = (
        rated.filter("judged")
        .group_by(*_KEYS, "customer_key", maintain_order=True)
        .agg(answers=pl.col("apart").sum().cast(pl.Int64), base=pl.len().cast(pl.Int64))
    )
    counts = (
        rated.sort(
            pl.col("strength").abs(), "feedback_id", descending=[True, False], nulls_last=True
        )
        .group_by(_KEYS)
        .agg(
            answers=pl.col("apart").sum().cast(pl.Int64),
            base=pl.col("judged").sum().cast(pl.Int64),
            voices=pl.col("customer_key").filter("apart").n_unique(),
            example=pl.col("comment").filter("apart").first(),
            feedback_id=pl.col("feedback_id").filter("apart").first(),
        )
    )
    sides = pl.DataFrame({"gap": [_HIGH, _LOW]})
    table = (
        rated.group_by("metric", "segment", maintain_order=True)
        .len("all")
        .with_columns(
            pl.col("all").sum().over("metric").alias("whole"), order=pl.int_range(pl.len())
        )
        .sort("whole", "metric", "order", descending=[True, False, False])
        .join(sides, how="cross", maintain_order="left_right")
        .join(counts, on=_KEYS, how="left", maintain_order="left")
        .join(design_effects(people, _KEYS, "answers", "base"), on=_KEYS, how="left")
        .with_columns(pl.col("answers", "base", "people", "voices").fill_null(0))
    )
    alike = table.select(pl.col("answers", "base") / pl.col("effect").fill_null(1.0))
    shares = add_wilson(alike, "answers", "base", "gap_share").drop("answers", "base")
    q_values = _q_values(table, people) if segments else [None] * table.height
    shown = pl.col("voices") >= max(1, least)
    return table.hstack(shares).select(
        *_KEYS,
        "answers",
        "base",
        pl.col("people").alias("customers"),
        "gap_share",
        "gap_share_low",
        "gap_share_high",
        pl.Series("q_value", q_values, dtype=pl.Float64),
        pl.when(shown).then(masked(table["example"])).alias("example"),
        pl.when(shown).then("feedback_id").alias("feedback_id"),
    )


def _q_values(table: pl.DataFrame, people: pl.DataFrame) -> list[float]:
    """Compare each segment with the others of its metric and side."""
    p_values = []
    for metric, segment, gap in table.select(_KEYS).rows():
        rows = (
            people.filter(metric=metric, gap=gap)
            .group_by("customer_key", group=(pl.col("segment") != segment).cast(pl.Int64))
            .agg(pl.col("answers", "base").sum())
            .sort("group", "customer_key")
            .with_columns(who=pl.col("customer_key").rank("dense").cast(pl.Int64))
        )
        who, group, x, n = (rows[name].to_numpy() for name in ("who", "group", "answers", "base"))
        effect = contrast_effect(who, group, x, n, [1.0, -1.0])
        one, two = (
            effective(float(x[group == side].sum()), float(n[group == side].sum()), effect)
            for side in (0, 1)
        )
        p_values.append(shares_p(*one, *two))
    return benjamini_hochberg(p_values)


def _totals(table: pl.DataFrame) -> pl.DataFrame:
    """Return both sides of the metric that has the most answers, over all segments.

    Of several segments together there is no interval: some people may be in more than one.
    """
    first = table.filter(pl.col("metric") == table["metric"].first())
    ends = [f"gap_share{end}" for end in ("_low", "_high")]
    return first.group_by("metric", "gap", maintain_order=True).agg(
        pl.col("answers").sum(),
        pl.col("base").sum(),
        pl.when(pl.len() == 1).then(pl.col(ends).first()),
    )


def _said(row: dict[str, Any]) -> str:
    """Write a share of comments, with its interval where there is one."""
    share = f"{100 * row['answers'] / row['base']:.1f} %"
    if row.get("gap_share_low") is None:
        return share
    return f"{share} ({100 * row['gap_share_low']:.1f}–{100 * row['gap_share_high']:.1f})"


def _finding(table: pl.DataFrame, by: str | None, n: int, left: int, foreign: bool) -> str:
    if n == 0 and left:
        return "No score on a usual scale has a comment beside it: there is nothing to compare."
    if n == 0:
        return "No score has a comment beside it: there is nothing to compare."
    if foreign:
        return (
            f"Cannot say: most of the {counted(n, 'comment')} beside a score are not English, and "
            "the words of no other language are judged."
        )
    whole = _totals(table)
    name = _NAMES[whole["metric"][0]]
    if max(whole["base"].to_list()) < ENOUGH:
        return (
            f"Of {counted(n, 'comment')} beside a score {int(whole['base'].sum()):,} beside a high "
            f"or low {name} score could be judged: too few to say."
        )
    apart = _standing_out(table) if by else None
    if apart:
        rest = _rest(table, apart)
        tone, side = ("negative", "high") if apart["gap"] == _HIGH else ("positive", "low")
        return (
            f"By {by} '{apart['segment']}' stands out: "
            f"{_said(apart)} of {apart['base']:,} comments beside a {side} "
            f"{_NAMES[apart['metric']]} score sound {tone}, against {_said(rest)} of "
            f"{rest['base']:,}."
        )
    parts: list[str] = []
    for row in whole.rows(named=True):
        answers, base = row["answers"], row["base"]
        side, tone = ("high", "negative") if row["gap"] == _HIGH else ("low", "positive")
        if base < ENOUGH:
            which = "one there are" if parts else f"{name} score there are only"
            noun = f"{base:,}" if parts else counted(base, "comment")
            parts.append(f"beside a {side} {which} {noun}: too few to say")
            continue
        parts.append(
            f"of {base:,} comments beside a {side} {name} score {answers:,} "
            f"({_said(row).replace(' (', ', ').rstrip(')')}) {verb(answers, 'sound')} {tone}"
        )
    text = "; ".join(parts) + "."
    more = f" By {by} no segment surely differs." if by else ""
    return text[0].upper() + text[1:] + more


def _standing_out(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment with the largest gap among those that surely have more than the others."""
    rows = [
        row
        for row in table.filter(pl.col("q_value") < 0.05, pl.col("base") >= ENOUGH).rows(named=True)
        for rest in [_rest(table, row)]
        if row["answers"] * rest["base"] > rest["answers"] * row["base"]
    ]
    return max(rows, key=lambda row: row["gap_share"], default=None)


def _rest(table: pl.DataFrame, row: dict[str, Any]) -> dict[str, Any]:
    """Return the other segments together; of more than one there is no interval."""
    others = table.filter(
        pl.col("metric") == row["metric"],
        pl.col("gap") == row["gap"],
        pl.col("segment") != row["segment"],
    )
    if others.height == 1:
        return others.row(0, named=True)
    return {name: int(others[name].sum()) for name in ("answers", "base")}


def _caveats(
    table: pl.DataFrame, scores: pl.DataFrame, left: pl.DataFrame, by: str | None, foreign: bool
) -> tuple[str, ...]:
    notes = []
    if not foreign and table["base"].sum():
        notes.append(
            "Some of these are comments misread (irony, two opinions in one): read the examples "
            "before you trust a small share."
        )
        other = int((scores["reason"] == "language").sum())
        silent = int(scores["level"].is_null().sum()) - other
        why = [
            f"{counted(other, 'score')} with a comment in another language" if other else "",
            f"{counted(silent, 'score')} with a comment without a word of feeling"
            if silent
            else "",
        ]
        if any(why):
            notes.append(f"Not judged: {' and '.join(filter(None, why))}.")
        notes.append("Whoever writes a comment may feel differently from those who write none.")
    notes += left_notes(left)
    if by and table["base"].sum():
        notes.append(apart_note(by))
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    shown = table.filter(pl.col("base") > 0)
    if shown.is_empty():
        return charts.nothing("No score could be compared with the words beside it")
    whole = _totals(shown).row(0, named=True)
    tone = "negative beside a high" if whole["gap"] == _HIGH else "positive beside a low"
    title = f"{whole['answers']:,} of {counted(whole['base'], 'comment')} "
    title += f"{verb(whole['answers'], 'sound')} {tone} {_NAMES[whole['metric']]} score"
    several = shown["segment"].n_unique() > 1
    label = pl.concat_str(
        [pl.col("metric").replace_strict(_NAMES), *(["segment"] if several else [])], separator=", "
    )
    return charts.bars(
        shown.with_columns(name=pl.concat_str(label, "gap", separator=": ")),
        length="gap_share",
        low="gap_share_low",
        high="gap_share_high",
        label="name",
        title=title,
        unit="share of the judged comments beside such a score",
        texts=[
            f"{row['answers']:,} of {row['base']:,} · {row['gap_share']:.0%}"
            + (" (too few to say)" if row["base"] < ENOUGH else "")
            for row in shown.iter_rows(named=True)
        ],
    )
