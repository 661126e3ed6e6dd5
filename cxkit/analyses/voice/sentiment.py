"""How do customers sound in their own words?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import apart_note
from cxkit.result import Result, counted, verb
from cxkit.stats.clustered import contrast_effect, design_effect, effective
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg, said, shares_p, wilson
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
    "und": "in another alphabet",
}
_SCHEMA: dict[str, Any] = {
    "segment": pl.String,
    "sentiment": pl.String,
    "comments": pl.Int64,
    **{
        f"{name}{end}": pl.Float64
        for name in ("share_of_comments", "share_of_scored")
        for end in ("", "_low", "_high")
    },
    "q_value": pl.Float64,
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
    neutral. A score or star that stands beside the comment is not looked at. Comments of one
    customer are alike: intervals and tests take customers for independent, not comments.

    Args:
        workspace: an open store.
        by: `touchpoint`, `metric` or `question` of the survey, `region`, `source` or
            `preferred_channel` of the customer, or a field of the customers' attributes.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per segment ("all" without `by`) and level, from very negative to very positive,
        then one per reason for not scoring: segment, sentiment, comments, share_of_comments (of
        all comments with text) and share_of_scored, both with Wilson's interval (_low, _high; on
        as many comments as the customers are worth) and q_value (with `by`: does the segment's
        share of (very) negative ones differ from that of the others? Benjamini-Hochberg; the same
        in all its rows). The comments of a segment add up to its comments with text.
    """
    until = workspace.moment(as_of)
    comments = workspace.query(
        "sentiment", as_of=until, by=workspace.segment(by, own=("touchpoint", "metric", "question"))
    )
    scores = score_comments(comments["comment"])
    written = gathered(
        comments.with_columns(scores.select(_labels(scores)).to_series(), one=pl.lit(1)),
        "one",
        least=workspace.least,
        people=comments,
    )
    people = _people(written)
    table = _levels(people)
    languages = scores.filter(pl.col("reason") == "language")["language"].to_list()
    most = max(sorted(set(languages)), key=languages.count, default="")
    return Result(
        name="sentiment",
        question=QUESTION,
        table=table,
        finding=_finding(table, people, by, _NAMES.get(most, most)),
        caveats=_caveats(people, by),
        sql=query_text("sentiment"),
        as_of=until,
        n=comments.height,
        draw=_chart,
    )


def _people(written: pl.DataFrame) -> pl.DataFrame:
    """Count the comments of each person in each segment by level: one column per row name."""
    label = pl.col("sentiment")
    return written.group_by("segment", "customer_key", maintain_order=True).agg(
        *[(label == name).sum().cast(pl.Int64).alias(name) for name in _ROWS],
        comments=pl.len().cast(pl.Int64),
        scored=label.is_in(LEVELS).sum().cast(pl.Int64),
        bad=label.is_in(LEVELS[:2]).sum().cast(pl.Int64),
        good=label.is_in(LEVELS[-2:]).sum().cast(pl.Int64),
    )


def _worth(people: pl.DataFrame, part: str, base: str) -> tuple[float, float]:
    """Return both counts of a share, as people for independent would have written them."""
    each = people.group_by("customer_key", maintain_order=True).agg(pl.col(part, base).sum())
    x, n = (each[name].cast(pl.Float64).to_numpy() for name in (part, base))
    return effective(float(x.sum()), float(n.sum()), design_effect(x, n))


def _levels(people: pl.DataFrame) -> pl.DataFrame:
    names = people["segment"].unique(maintain_order=True).to_list() or ["all"]
    labels = _ROWS if people[_TOO_FEW].sum() else _ROWS[:-1]
    told = _q_values(people, names)
    rows = []
    for name in names:
        own = people.filter(pl.col("segment") == name)
        for label in labels:
            row: dict[str, Any] = {
                "segment": name,
                "sentiment": label,
                "comments": int(own[label].sum()),
                "q_value": told.get(name),
            }
            bases = ("comments", "scored") if label in LEVELS else ("comments",)
            for base in bases:
                share = wilson(*_worth(own, label, base))
                ends = [f"share_of_{base}{end}" for end in ("", "_low", "_high")]
                row |= dict(zip(ends, share, strict=True))
            rows.append(row)
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    return table.with_columns(pl.selectors.float().fill_nan(None))


def _labels(scores: pl.DataFrame) -> pl.Expr:
    """Name the level of each comment, or why it has none."""
    reasons = {"language": _OTHER, "no signal": _SILENT, "empty": _SILENT}
    foreign = mostly_foreign(scores)
    level = pl.lit(_TOO_FEW) if foreign else pl.col("level").cast(pl.String)
    why = pl.col("reason").replace_strict(reasons, return_dtype=pl.String)
    return pl.when("scored").then(level).otherwise(why).alias("sentiment")


def _counts(people: pl.DataFrame) -> dict[str, int]:
    """Return the comments per row name over all segments."""
    return {name: int(people[name].sum()) for name in _ROWS}


def _finding(table: pl.DataFrame, people: pl.DataFrame, by: str | None, language: str) -> str:
    count = _counts(people)
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
        return _segments_differ(table, people, by)
    why = [
        f"{count[_OTHER]:,} in another language" if count[_OTHER] else "",
        f"{count[_SILENT]:,} without a word of feeling" if count[_SILENT] else "",
    ]
    rest = " and ".join(reason for reason in why if reason)
    share = said(*_worth(people, "scored", "comments")).replace(" (", ", ", 1)
    return (
        f"Of {comments:,} comments {scored:,} ({share} could be scored"
        f"{f' (not: {rest})' if rest else ''}; {said(*_worth(people, 'bad', 'scored'))} of the "
        f"scored sound negative or very negative, {said(*_worth(people, 'good', 'scored'))} "
        "positive or very positive."
    )


def _q_values(people: pl.DataFrame, names: list[str]) -> dict[str, float]:
    """Test the share of negative comments of each segment against that of all others."""
    tested, p_values = [], []
    for name in names:
        sides = people.with_columns(group=(pl.col("segment") != name).cast(pl.Int64))
        if all(_worth(sides.filter(group=side), "bad", "scored")[1] >= ENOUGH for side in (0, 1)):
            tested.append(name)
            p_values.append(_difference(sides))
    return dict(zip(tested, benjamini_hochberg(p_values), strict=True))


def _standing_out(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment whose share of negative comments differs most upwards, else downwards."""
    comments, level = pl.col("comments"), pl.col("sentiment")
    tones = table.group_by("segment", maintain_order=True).agg(
        pl.col("q_value").first(),
        bad=comments.filter(level.is_in(LEVELS[:2])).sum(),
        scored=comments.filter(level.is_in(LEVELS)).sum(),
    )
    bad, scored = int(tones["bad"].sum()), int(tones["scored"].sum())
    apart = [
        row
        | {"more": row["bad"] * scored - bad * row["scored"], "share": row["bad"] / row["scored"]}
        for row in tones.filter(pl.col("q_value") < 0.05).iter_rows(named=True)
    ]
    worse = [row for row in apart if row["more"] > 0]
    if worse:
        return max(worse, key=lambda row: row["share"])
    return min(apart, key=lambda row: row["share"], default=None)


def _difference(sides: pl.DataFrame) -> float:
    """Return the p-value of the difference between group 0 and 1; who is in both counts so."""
    each = (
        sides.group_by("customer_key", "group")
        .agg(pl.col("bad", "scored").sum().cast(pl.Float64))
        .sort("group", "customer_key")
    )
    who = each["customer_key"].rank("dense").cast(pl.Int64).to_numpy()
    group, x, n = (each[name].to_numpy() for name in ("group", "bad", "scored"))
    effect = contrast_effect(who, group, x, n, [1.0, -1.0])
    one, two = (
        effective(float(x[group == side].sum()), float(n[group == side].sum()), effect)
        for side in (0, 1)
    )
    return shares_p(*one, *two)


def _segments_differ(table: pl.DataFrame, people: pl.DataFrame, by: str) -> str:
    scored = int(people["scored"].sum())
    if people["segment"].n_unique() == 1:
        return (
            f"All {counted(scored, 'scored comment')} fall in one segment, "
            f"'{people['segment'][0]}': by {by} there is nothing to compare."
        )
    row = _standing_out(table)
    if row is None:
        return (
            f"By {by} no comments sound clearly more negative than the others "
            f"({said(*_worth(people, 'bad', 'scored'))} of {scored:,} scored do)."
        )
    how = "more" if row["more"] > 0 else "less"
    mine = pl.col("segment") == row["segment"]
    own, rest = (said(*_worth(people.filter(side), "bad", "scored")) for side in (mine, ~mine))
    return (
        f"By {by} '{row['segment']}' sounds {how} negative than the others: {own} of "
        f"{row['scored']:,} scored comments, against {rest} of {scored - row['scored']:,}."
    )


def _caveats(people: pl.DataFrame, by: str | None) -> tuple[str, ...]:
    count = _counts(people)
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
        for segment in people["segment"].unique(maintain_order=True):
            own = people.filter(pl.col("segment") == segment)
            scored, heads = int(own["scored"].sum()), own.filter(pl.col("scored") > 0).height
            who = "1 person" if heads == 1 else f"{heads:,} people"
            if scored < ENOUGH:
                notes.append(
                    f"Only {counted(scored, 'comment')} of '{segment}' could be scored: too few "
                    "to say."
                )
            elif _worth(own, "bad", "scored")[1] < ENOUGH:
                notes.append(
                    f"The {scored:,} scored comments of '{segment}' are of {who}, "
                    "and those of one person are alike: too few to say."
                )
        notes.append(apart_note(by))
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    whole = table.group_by("sentiment").agg(pl.col("comments").sum())
    count = dict.fromkeys(_ROWS, 0) | dict(whole.iter_rows())
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
        levels = table.filter(pl.col("sentiment").is_in(LEVELS))
        sizes = dict(levels.group_by("segment").agg(pl.col("comments").sum()).iter_rows())
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
