"""What do customers talk about, and how do they sound when they do?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.spoken import OTHER, UNTAGGED
from cxkit.stats.intervals import (
    ENOUGH,
    add_wilson,
    benjamini_hochberg,
    said,
    shares_p,
)
from cxkit.stats.segments import gathered
from cxkit.text.excerpts import most_typical
from cxkit.text.mentions import score_mentions
from cxkit.text.scoring import mostly_foreign, score_comments
from cxkit.theme_keep import Tagged, tagged
from cxkit.workspace import Workspace, query_text

QUESTION = "What do customers talk about, and how do they sound when they do?"
_READ_FOR_A_QUOTE = 200  # comments of a theme that the typical one is looked for among


def themes(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Count the comments that speak of each theme, and how many of those sound negative there.

    The themes are those of the theme book that is kept with the store (see `keep_themes`); without
    one they are proposed by the words alone (see `propose_themes`), and the answer says so. A
    comment may have several themes of a book. Where comments were labelled (see `label_themes`),
    those have the themes that a person found, and from 100 on the others are tagged by what the
    labels teach as well; a caveat says how well that goes. The tone is judged around the words that
    speak of the theme, by clause, in English comments only; where most comments are not English
    none is judged.

    Args:
        workspace: an open store.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per theme, most comments first, then "no theme": theme, comments, share_of_comments
        (with Wilson's interval, _low and _high), scored (comments whose tone could be judged),
        negative, share_negative (of the scored, with interval), change_in_share (later less
        earlier half of the comments; null where not dated), q (of that change, corrected for the
        number of themes after Benjamini and Hochberg), quote (a typical comment, masked),
        feedback_id (of the quote), found_by ("theme book", "theme book and 120 labels" or "words
        alone"), parent (the theme of the book that it is part of, and that counts its comments as
        well; null: none). In a report, themes of few people go into 'other'.

    Raises:
        BadThemes: where the theme book or the labels kept with the store have a fault.
    """
    until = workspace.moment(as_of)
    comments = workspace.query("themes", as_of=until)
    spoken = tagged(workspace, comments["comment"])
    table = _table(comments, spoken.mentions, workspace.least, spoken.found_by).with_columns(
        parent=pl.col("theme").replace_strict(spoken.parents, default=None, return_dtype=pl.String)
    )
    return Result(
        name="themes",
        question=QUESTION,
        table=table,
        finding=_finding(table, comments.height),
        caveats=_caveats(table, comments.height, spoken),
        sql=query_text("themes"),
        as_of=until,
        n=comments.height,
        draw=_chart,
    )


def _table(
    comments: pl.DataFrame, mentions: pl.DataFrame, least: int, found_by: str
) -> pl.DataFrame:
    texts = comments["comment"]
    rows = comments.with_row_index("row").with_columns(
        pl.col("row").cast(pl.Int64), late=pl.col("given_at") > pl.col("given_at").median()
    )
    mentions = mentions.join(rows, on="row", how="left", maintain_order="left")
    scores = score_mentions(mentions.rename({"comment": "text"}))
    if mostly_foreign(score_comments(texts)):
        scores = scores.with_columns(score=pl.lit(None, pl.Float64))
    spoken = (
        mentions.with_columns(
            scores["score"],
            segment=pl.col("theme").fill_null(UNTAGGED),
        )
        .group_by("segment", "row", maintain_order=True)
        .agg(pl.col("score").mean(), pl.col("customer_key", "late").first())
        .with_columns(one=pl.lit(1))
    )
    if spoken.is_empty():
        return _counts(spoken, rows, least, found_by)
    spoken = gathered(
        spoken,
        "one",
        most=spoken["segment"].n_unique(),
        least=least,
        people=spoken.select("segment", "customer_key"),
    )
    # a comment with two themes that are put together counts once
    spoken = spoken.group_by("segment", "row", maintain_order=True).agg(
        pl.col("score").mean(), pl.col("customer_key", "late").first()
    )
    return _counts(spoken, rows, least, found_by)


def _counts(spoken: pl.DataFrame, rows: pl.DataFrame, least: int, found_by: str) -> pl.DataFrame:
    late = pl.col("late")
    bad = pl.col("score") <= -0.1
    table = spoken.group_by(theme="segment").agg(
        comments=pl.len().cast(pl.Int64),
        scored=pl.col("score").is_not_null().sum().cast(pl.Int64),
        negative=bad.sum().cast(pl.Int64),
        before=(~late).sum(),
        after=late.sum(),
    )
    last = pl.col("theme").is_in([OTHER, UNTAGGED])
    table = table.sort(last, -pl.col("comments"), "theme").with_columns(base=pl.lit(rows.height))
    table = add_wilson(table, "comments", "base", "share_of_comments")
    table = add_wilson(table, "negative", "scored", "share_negative")
    earlier, later = int((~rows["late"]).sum() or 0), int(rows["late"].sum() or 0)
    both = earlier >= ENOUGH and later >= ENOUGH
    p_values = [
        shares_p(after, later, before, earlier)
        for before, after in table.select("before", "after").iter_rows()
    ]
    q = benjamini_hochberg(p_values) if both else [None] * table.height
    change = pl.col("after") / later - pl.col("before") / earlier if both else pl.lit(None)
    quotes = [_quoted(spoken, rows, theme, least) for theme in table["theme"]]
    return table.select(
        "theme",
        "comments",
        "share_of_comments",
        "share_of_comments_low",
        "share_of_comments_high",
        "scored",
        "negative",
        "share_negative",
        "share_negative_low",
        "share_negative_high",
        change.cast(pl.Float64).alias("change_in_share"),
        pl.Series("q", q, dtype=pl.Float64),
        pl.Series("quote", [quote for quote, _ in quotes], dtype=pl.String),
        pl.Series("feedback_id", [number for _, number in quotes], dtype=pl.String),
        pl.lit(found_by).alias("found_by"),
    )


def _quoted(
    spoken: pl.DataFrame, rows: pl.DataFrame, theme: str, least: int
) -> tuple[str | None, str | None]:
    """Return a typical comment of a theme, masked, and its id."""
    if theme in (OTHER, UNTAGGED):
        return None, None
    of_it = spoken.filter(pl.col("segment") == theme)
    if of_it["customer_key"].n_unique() < least:  # one small theme alone has no 'other' to go into
        return None, None
    of_it = of_it.select("row").head(_READ_FOR_A_QUOTE)
    found = rows.join(of_it, on="row", how="semi")
    texts = [text[:1_000] for text in found["comment"]]
    at = most_typical(texts, among=texts)
    shown = masked(pl.Series([texts[at]]))[0]
    return (shown if len(shown) <= 240 else shown[:239] + "…"), str(found["feedback_id"][at])


def _tagged(table: pl.DataFrame) -> list[dict[str, Any]]:
    return [row for row in table.iter_rows(named=True) if row["theme"] not in (OTHER, UNTAGGED)]


def _finding(table: pl.DataFrame, comments: int) -> str:
    if comments == 0:
        return "There are no comments: nobody has written anything yet."
    named = _tagged(table)
    if not named:
        return (
            f"Cannot say: {counted(comments, 'comment')} {verb(comments, 'have')} no themes that "
            "can be shown."
        )
    if comments < ENOUGH:
        return f"{counted(comments, 'comment')}: too few to say what customers talk about."
    most = named[0]
    sentence = (
        f"Of {comments:,} comments {said(most['comments'], comments)} speak of '{most['theme']}', "
        "more than of any other theme"
    )
    judged = [row for row in named if row["scored"] >= ENOUGH and row["negative"]]
    if not judged:
        return f"{sentence}; how they sound cannot be said."
    worst = max(judged, key=lambda row: (row["share_negative_low"], row["theme"]))
    return (
        f"{sentence}; '{worst['theme']}' sounds worst: {said(worst['negative'], worst['scored'])} "
        f"of {worst['scored']:,} scored comments are negative where they speak of it."
    )


def _caveats(table: pl.DataFrame, comments: int, spoken: Tagged) -> tuple[str, ...]:
    if comments == 0:
        return ()
    notes = list(spoken.notes) if _tagged(table) else []
    without = int(table.filter(pl.col("theme") == UNTAGGED)["comments"].sum())
    notes.append(
        f"{counted(without, 'comment')} of {comments:,} {verb(without, 'have')} no theme."
        if without
        else "Every comment shown has a theme, or is among the others."
    )
    if not table["scored"].sum():
        notes.append("No tone could be judged: the scorer reads English, and words of feeling.")
    changed = [
        f"'{row['theme']}' {'more' if row['change_in_share'] > 0 else 'less'}"
        for row in _tagged(table)
        if row["q"] is not None and row["q"] < 0.05
    ]
    if changed:
        notes.append(f"In the later half of the comments they speak of {', '.join(changed[:5])}.")
    notes.append("Whoever writes a comment may feel differently from those who write none.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    named = _tagged(table)
    title = "No themes can be shown"
    if named:
        title = f"'{named[0]['theme']}' leads: {named[0]['share_of_comments']:.0%} of the comments"
    return charts.bars(
        table,
        length="share_of_comments",
        low="share_of_comments_low",
        high="share_of_comments_high",
        label="theme",
        title=title,
        unit="share of all comments with text (a comment may have several themes)",
        texts=[
            f"{row['comments']:,}"
            + (f" · {row['share_negative']:.0%} negative" if row["scored"] >= ENOUGH else "")
            for row in table.iter_rows(named=True)
        ],
        highlight=[(row["share_negative_low"] or 0) > 0.5 for row in table.iter_rows(named=True)],
    )
