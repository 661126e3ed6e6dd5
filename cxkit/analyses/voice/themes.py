"""What do customers talk about, and how do they sound when they do?"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.spoken import OTHER, UNTAGGED, left_blank
from cxkit.stats.differencing import tells_of_few
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg
from cxkit.stats.segments import gathered
from cxkit.stats.writers import Writers
from cxkit.text.excerpts import most_typical
from cxkit.text.mentions import score_mentions
from cxkit.text.scoring import mostly_foreign, score_comments
from cxkit.theme_keep import WORDS_ALONE, Tagged, tagged
from cxkit.workspace import Workspace, query_text

QUESTION = "What do customers talk about, and how do they sound when they do?"
_TOLD = (
    "share_of_comments",
    "share_of_comments_low",
    "share_of_comments_high",
    "share_negative",
    "share_negative_low",
    "share_negative_high",
    "change_in_share",
    "p",
)
_READ_FOR_A_QUOTE = 200  # comments of a theme that the typical one is looked for among


def themes(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Count the comments that speak of each theme, and how many of those sound negative there.

    The themes are those of the theme book that is kept with the store (see `keep_themes`); without
    one they are proposed by the words alone (see `propose_themes`), and the answer says so. A
    comment may have several themes of a book. Where comments were labelled (see `label_themes`),
    those have the themes that a person found, and from 100 on the others are tagged by what the
    labels teach as well; a caveat says how well that goes. The tone is judged around the words that
    speak of the theme, by clause, in English comments only; where most comments are not English
    none is judged. Intervals and the test of a change count as many comments as the people behind
    them are worth: somebody who writes forty times is one person.

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
        well; null: none). In a report, themes of few people go into 'other', and the figures of a
        row are null where few people could be worked out from rows that overlap.

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
        finding=_finding(table, comments.height, spoken.found_by == WORDS_ALONE),
        caveats=_caveats(table, comments.height, spoken, workspace.least),
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
    bad = pl.col("score") <= -0.1
    table = spoken.group_by(theme="segment").agg(
        comments=pl.len().cast(pl.Int64),
        scored=pl.col("score").is_not_null().sum().cast(pl.Int64),
        negative=bad.sum().cast(pl.Int64),
    )
    last = pl.col("theme").is_in([OTHER, UNTAGGED])
    table = table.sort(last, -pl.col("comments"), "theme")
    blank = _telling(spoken, least)
    figures = pl.col("comments", "scored", "negative")
    table = table.with_columns(pl.when(~pl.col("theme").is_in(list(blank))).then(figures))
    writers = Writers(rows["customer_key"], rows["late"])
    both = writers.in_each_half >= ENOUGH
    told: list[tuple[float | None, ...]] = []
    for theme in table["theme"]:
        if theme in blank:
            told.append((None,) * len(_TOLD))
            continue
        here = spoken.filter(pl.col("segment") == theme).with_columns(bad=bad.fill_null(False))
        of_it = here["row"]
        scored = of_it.filter(here["score"].is_not_null())
        share = writers.share(of_it)
        negative = writers.share(of_it.filter(here["bad"]), scored)
        told.append((*share, *negative, *(writers.change(of_it) if both else (None, None))))
    table = table.hstack(pl.DataFrame(told, schema=dict.fromkeys(_TOLD, pl.Float64), orient="row"))
    table = table.with_columns(pl.selectors.float().fill_nan(None))
    known = table.with_row_index("at").drop_nulls("p")
    q = dict(zip(known["at"], benjamini_hochberg(known["p"].to_list()), strict=True))
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
        "change_in_share",
        pl.Series("q", [q.get(at) for at in range(table.height)], dtype=pl.Float64),
        pl.Series("quote", [quote for quote, _ in quotes], dtype=pl.String),
        pl.Series("feedback_id", [number for _, number in quotes], dtype=pl.String),
        pl.lit(found_by).alias("found_by"),
    )


def _telling(spoken: pl.DataFrame, least: int) -> set[str]:
    """Return the themes whose figures a report leaves blank, so that none tells of few people.

    How all comments sound is not told, so there is no whole to subtract from.
    """
    if not least:
        return set()
    whose = spoken.select("row", "customer_key").unique("row", maintain_order=True)
    people = whose["customer_key"].rank("dense").to_list()
    places = dict(spoken.group_by("segment").agg("row").iter_rows())
    held = {name: whose["row"].is_in(rows).to_list() for name, rows in places.items()}

    def tell(names: Iterable[str]) -> bool:
        groups = [held[name] for name in names]
        return tells_of_few(list(zip(*groups, strict=True)), people, least, total=False)

    return left_blank({name: len(rows) for name, rows in places.items()}, tell)


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
    """Return the rows of themes that something is said of."""
    named = table.filter(
        ~pl.col("theme").is_in([OTHER, UNTAGGED]), pl.col("comments").is_not_null()
    )
    return named.rows(named=True)


def _said(row: dict[str, Any], share: str) -> str:
    value, low, high = (100 * row[f"{share}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"


def _finding(table: pl.DataFrame, comments: int, proposed: bool) -> str:
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
    source = " (themes proposed by the words alone)" if proposed else ""
    return (
        f"Of {comments:,} comments {_said(most, 'share_of_comments')} speak of '{most['theme']}'"
        f"{_beside(table, named)}{source}; {_tone(named, _blank(table) > 0)}."
    )


def _blank(table: pl.DataFrame) -> int:
    """Return how many rows a report says nothing of."""
    return table["comments"].null_count()


def _beside(table: pl.DataFrame, named: list[dict[str, Any]]) -> str:
    """Set the first theme against the others, where there are any."""
    most, *others = named
    alike = [row["theme"] for row in others if row["comments"] == most["comments"]]
    if alike:
        more = f" and {len(alike) - 1:,} more" if len(alike) > 1 else ""
        return f", as many as of '{alike[0]}'{more}"
    if not others:
        return ""
    folded = table.filter(pl.col("theme") == OTHER)["comments"].sum()
    hides = folded >= most["comments"] or _blank(table)
    return f", more than of any other theme{' shown' if hides else ''}"


def _tone(named: list[dict[str, Any]], hides: bool) -> str:
    judged = [row for row in named if row["scored"] >= ENOUGH]
    if not judged:
        return "how they sound cannot be said"
    worst = max(judged, key=lambda row: (row["share_negative_low"], row["theme"]))
    of = f"{worst['scored']:,} scored comments"
    if not any(row["negative"] for row in judged):
        if len(judged) == 1:
            return f"none of {of} is negative where they speak of '{worst['theme']}'"
        which = f"theme{' shown' if hides else ''} with {ENOUGH} scored comments or more"
        return f"of no {which} is one negative"
    told = f"{_said(worst, 'share_negative')} of {of} are negative where they speak of it"
    if len(named) == 1:
        return told
    alike = [row for row in judged if row["share_negative_low"] == worst["share_negative_low"]]
    if len(alike) > 1:
        return f"no theme{' shown' if hides else ''} sounds worse than '{worst['theme']}': {told}"
    return f"'{worst['theme']}' sounds worst{' of those shown' if hides else ''}: {told}"


def _caveats(table: pl.DataFrame, comments: int, spoken: Tagged, least: int) -> tuple[str, ...]:
    if comments == 0:
        return ()
    # what is said of proposals says nothing where none is shown
    notes = list(spoken.notes) if _tagged(table) or spoken.found_by != WORDS_ALONE else []
    none = table.filter(pl.col("theme") == UNTAGGED)["comments"]
    if not none.has_nulls():
        without = int(none.sum())
        notes.append(
            f"{counted(without, 'comment')} of {comments:,} {verb(without, 'have')} no theme."
            if without
            else "Every comment has a theme, or is among the others."
            if OTHER in table["theme"]
            else "Every comment has a theme."
        )
    if blank := _blank(table):
        notes.append(
            f"Left blank: {counted(blank, 'row')} of fewer than {least} people, or which would "
            "tell of so few by what other rows say."
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
        leads = not _blank(table) and len(named) > 1 and named[0]["comments"] > named[1]["comments"]
        title = f"'{named[0]['theme']}'{' leads' if leads else ''}: "
        title += f"{named[0]['share_of_comments']:.0%} of the comments"
    table = table.drop_nulls("comments")
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
