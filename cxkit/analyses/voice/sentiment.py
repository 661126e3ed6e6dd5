"""How do customers sound in their own words?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import apart_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, add_wilson, benjamini_hochberg, said, said_count, shares_p
from cxkit.stats.segments import gathered
from cxkit.text.scoring import LEVELS, mostly_foreign, score_comments
from cxkit.workspace import Workspace, query_text

QUESTION = "How do customers sound in their own words?"
_OTHER, _SILENT = "not scored: other language", "not scored: no signal"
_TOO_FEW = "not scored: too few in English"
_ROWS = (*LEVELS, _OTHER, _SILENT, _TOO_FEW)
_COLOURS = dict(zip(LEVELS, charts.DIVERGING, strict=True))
_NAMES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
}


def sentiment(
    workspace: Workspace,
    *,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Judge the tone of the comments in five levels, and count those that cannot be judged.

    Every comment is scored by its words, from very negative to very positive (see
    `cxkit.text.rules`). The scorer reads English: comments in other languages are counted and
    not scored, and where they are the majority no comment is, since the few that look English
    may not be. A comment without any word of feeling has no signal, which is not the same as
    neutral. A score or star that stands beside the comment is not looked at.

    Args:
        workspace: an open store.
        by: `touchpoint`, `metric` or `question` of the survey, `region`, `source` or
            `preferred_channel` of the customer, or a field of the customers' attributes.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per segment ("all" without `by`) and level, from very negative to very positive,
        then one per reason for not scoring: segment, sentiment, comments, share_of_comments (of
        all comments with text) and share_of_scored, both with Wilson's interval (_low, _high).
        The comments of a segment add up to its comments with text.
    """
    until = workspace.moment(as_of)
    comments = workspace.query(
        "sentiment", as_of=until, by=workspace.segment(by, own=("touchpoint", "metric", "question"))
    )
    scores = score_comments(comments["comment"])
    table = _levels(comments["segment"], scores, workspace.least)
    languages = scores.filter(pl.col("reason") == "language")["language"].to_list()
    most = max(sorted(set(languages)), key=languages.count, default="")
    return Result(
        name="sentiment",
        question=QUESTION,
        table=table,
        finding=_finding(table, by, _NAMES.get(most, most)),
        caveats=_caveats(table, by),
        sql=query_text("sentiment"),
        as_of=until,
        n=comments.height,
        draw=_chart,
    )


def _levels(segments: pl.Series, scores: pl.DataFrame, least: int) -> pl.DataFrame:
    found = (
        scores.select(_labels(scores))
        .with_columns(segments)
        .group_by("segment", "sentiment")
        .agg(comments=pl.len().cast(pl.Int64))
    )
    comments = pl.col("comments")
    counts = (
        gathered(found, "comments", least=least)
        .group_by("segment", "sentiment", maintain_order=True)
        .agg(comments.sum())
    )
    names = counts["segment"].unique(maintain_order=True).to_list() or ["all"]
    labels = _ROWS if _TOO_FEW in counts["sentiment"] else _ROWS[:-1]
    every = pl.DataFrame(
        [(name, label, label in LEVELS) for name in names for label in labels],
        schema={"segment": pl.String, "sentiment": pl.String, "scored": pl.Boolean},
        orient="row",
    )
    table = (
        every.join(counts, on=["segment", "sentiment"], how="left", maintain_order="left")
        .with_columns(comments.fill_null(0))
        .with_columns(comments.sum().over("segment").alias("all"))
        .with_columns(
            pl.when("scored").then(comments.sum().over("segment", "scored")).alias("all_scored")
        )
    )
    table = add_wilson(table, "comments", "all", "share_of_comments")
    table = add_wilson(table, "comments", "all_scored", "share_of_scored")
    return table.drop("scored", "all", "all_scored")


def _labels(scores: pl.DataFrame) -> pl.Expr:
    """Name the level of each comment, or why it has none."""
    reasons = {"language": _OTHER, "no signal": _SILENT, "empty": _SILENT}
    foreign = mostly_foreign(scores)
    level = pl.lit(_TOO_FEW) if foreign else pl.col("level").cast(pl.String)
    why = pl.col("reason").replace_strict(reasons, return_dtype=pl.String)
    return pl.when("scored").then(level).otherwise(why).alias("sentiment")


def _counts(table: pl.DataFrame) -> dict[str, int]:
    """Return the comments per row name over all segments."""
    whole = table.group_by("sentiment").agg(pl.col("comments").sum())
    return dict.fromkeys(_ROWS, 0) | dict(whole.iter_rows())


def _finding(table: pl.DataFrame, by: str | None, language: str) -> str:
    count = _counts(table)
    comments, scored = sum(count.values()), sum(count[level] for level in LEVELS)
    if comments == 0:
        return "There are no comments: nobody has written anything yet."
    if 2 * count[_OTHER] > comments:
        return (
            f"Cannot say: {count[_OTHER]:,} of {counted(comments, 'comment')} "
            f"{verb(count[_OTHER], 'are')} not English (mostly {language}), and this "
            "scorer reads English only."
        )
    if scored < ENOUGH:
        return (
            f"Of {counted(comments, 'comment')} {scored:,} could be scored: too few to say how "
            "customers sound."
        )
    if by:
        return _segments_differ(table, by)
    bad = count["very negative"] + count["negative"]
    good = count["very positive"] + count["positive"]
    why = [
        f"{count[_OTHER]:,} in another language" if count[_OTHER] else "",
        f"{count[_SILENT]:,} without a word of feeling" if count[_SILENT] else "",
    ]
    rest = " and ".join(reason for reason in why if reason)
    return (
        f"Of {comments:,} comments {said_count(scored, comments)} could be scored"
        f"{f' (not: {rest})' if rest else ''}; {said(bad, scored)} of the scored sound negative or "
        f"very negative, {said(good, scored)} positive or very positive."
    )


def _tones(table: pl.DataFrame) -> pl.DataFrame:
    """Return per segment the scored comments and the (very) negative ones."""
    comments, level = pl.col("comments"), pl.col("sentiment")
    return table.group_by("segment", maintain_order=True).agg(
        bad=comments.filter(level.is_in(LEVELS[:2])).sum(),
        scored=comments.filter(level.is_in(LEVELS)).sum(),
    )


def _standing_out(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment whose share of negative comments differs most upwards, else downwards."""
    tones = _tones(table)
    bad, scored = int(tones["bad"].sum()), int(tones["scored"].sum())
    rows = list(tones.iter_rows(named=True))
    p_values = [
        shares_p(row["bad"], row["scored"], bad - row["bad"], scored - row["scored"])
        for row in rows
    ]
    apart = [
        row
        | {"more": row["bad"] * scored - bad * row["scored"], "share": row["bad"] / row["scored"]}
        for row, q in zip(rows, benjamini_hochberg(p_values), strict=True)
        if q < 0.05 and row["scored"] >= ENOUGH
    ]
    worse = [row for row in apart if row["more"] > 0]
    if worse:
        return max(worse, key=lambda row: row["share"])
    return min(apart, key=lambda row: row["share"], default=None)


def _segments_differ(table: pl.DataFrame, by: str) -> str:
    tones = _tones(table)
    bad, scored = int(tones["bad"].sum()), int(tones["scored"].sum())
    row = _standing_out(table)
    if row is None:
        return (
            f"By {by} no comments sound clearly more negative than the others "
            f"({said(bad, scored)} of {scored:,} scored do)."
        )
    how = "more" if row["more"] > 0 else "less"
    return (
        f"By {by} '{row['segment']}' sounds {how} negative than the others: "
        f"{said(row['bad'], row['scored'])} of {row['scored']:,} scored comments, against "
        f"{said(bad - row['bad'], scored - row['scored'])} of {scored - row['scored']:,}."
    )


def _caveats(table: pl.DataFrame, by: str | None) -> tuple[str, ...]:
    count = _counts(table)
    if sum(count.values()) == 0:
        return ()
    notes = []
    if count[_TOO_FEW]:
        notes.append(
            f"{counted(count[_TOO_FEW], 'comment')} may be English: among so many others that "
            "cannot be told surely enough to score them."
        )
    elif any(count[level] for level in LEVELS):
        notes.append(
            "A single comment can be misread (irony, two opinions in one): trust the shares."
        )
    notes.append("Whoever writes a comment may feel differently from those who write none.")
    if by and any(count[level] for level in LEVELS):
        notes += [
            f"Only {counted(scored, 'comment')} of '{segment}' could be scored: too few to say."
            for segment, _, scored in _tones(table).iter_rows()
            if scored < ENOUGH
        ]
        notes.append(apart_note(by))
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    count = _counts(table)
    scored = sum(count[level] for level in LEVELS)
    bad = count["very negative"] + count["negative"]
    title = "No comment could be scored"
    if scored:
        title = f"{bad / scored:.0%} of {counted(scored, 'scored comment')} "
        title += f"{verb(scored, 'sound')} negative"
    if table["segment"].n_unique() > 1 and scored:
        apart = _standing_out(table)
        if apart:
            title = f"'{apart['segment']}' stands out: {apart['share']:.0%} sound negative"
        sizes = dict(_tones(table).select("segment", "scored").iter_rows())
        levels = table.filter(pl.col("sentiment").is_in(LEVELS))
        return charts.stacked(
            levels.with_columns(
                pl.Series("name", [f"{s} (n = {sizes[s]:,})" for s in levels["segment"]])
            ),
            length="share_of_scored",
            label="name",
            part="sentiment",
            colours=_COLOURS,
            title=title,
            unit="share of the comments that could be scored",
        )
    return charts.bars(
        table,
        length="share_of_comments",
        low="share_of_comments_low",
        high="share_of_comments_high",
        label="sentiment",
        title=title,
        unit="share of all comments with text",
        texts=[
            f"{row['comments']:,} · {row['share_of_comments'] or 0:.0%}"
            for row in table.iter_rows(named=True)
        ],
        highlight=[level in LEVELS[:2] for level in table["sentiment"]],
    )
