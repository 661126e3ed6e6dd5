"""What do customers say, word for word?"""

from datetime import date, datetime

import polars as pl

from cxkit.errors import BadQuestion, listed, one_of, whole_number
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.text.scoring import LEVELS, mostly_foreign, score_comments
from cxkit.workspace import Workspace, query_text

QUESTION = "What do customers say, word for word?"
_FEW_WORDS = 4  # "Great!" is strong and tells nothing: it comes last


def quotes(
    workspace: Workspace,
    *,
    sentiment: str | None = None,
    metric: str | None = None,
    touchpoint: str | None = None,
    most: int = 10,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Show comments to the letter, the strongest words first; those of under four words last.

    E-mail addresses, telephone, card and account numbers are masked; names are not found, so read
    the quotes before you pass them on.

    Args:
        workspace: an open store.
        sentiment: only comments of this level: very negative, negative, neutral, positive or very
            positive (see the analysis `sentiment`); default: all, also those without a level.
        metric: only comments beside an answer to this metric, as in `nps`: of the same row, or of
            another answer in the same record of the file that has no comment of its own.
        touchpoint: only comments about this moment, or beside an answer about it.
        most: how many to show.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per comment: comment (masked), score (the customer's own), metric, touchpoint (all
        three of the answer that was asked for), given_at, sentiment (null where it could not be
        scored), feedback_id. Strongest first, ties by feedback_id. n is the number of comments that
        match. A report shows none where fewer people than the smallest group wrote them; n is 0.

    Raises:
        BadQuestion: where sentiment is not one of the five levels, no answer is of the metric or
            the touchpoint, or most is below 1.
    """
    if sentiment is not None and sentiment not in LEVELS:
        raise BadQuestion(
            f"No sentiment is called '{sentiment}'. The levels are: {listed(LEVELS)}."
        )
    whole_number("most", most)
    until = workspace.moment(as_of)
    answers = workspace.query("quotes", as_of=until)
    for name, value in (("metric", metric), ("touchpoint", touchpoint)):
        if value is not None and not (isinstance(value, str) and answers.is_empty()):
            one_of(name, value, answers[name].drop_nulls().unique())
    answers = answers.filter(pl.col("in_time"), pl.col("comment").is_not_null())
    comments = answers.filter(~pl.col("beside"))
    scores = score_comments(comments["comment"])
    foreign = mostly_foreign(scores)
    level = pl.lit(None, dtype=pl.String) if foreign else pl.col("level").cast(pl.String)
    levels = comments.select("comment_no").with_columns(
        scores.select(level.alias("sentiment"), pl.col("score").abs().alias("strength"))
    )
    asked = metric is not None or touchpoint is not None
    matching = (
        (answers if asked else comments)
        .join(levels, on="comment_no", maintain_order="left")
        .filter(
            *([pl.col("sentiment") == sentiment] if sentiment else []),
            *([pl.col("metric") == metric] if metric else []),
            *([pl.col("touchpoint") == touchpoint] if touchpoint else []),
        )
        .unique("comment_no", keep="first", maintain_order=True)
    )
    of_few = 0 < matching["customer_key"].n_unique() < workspace.least
    found, matching = matching.height, matching.clear() if of_few else matching
    short = pl.col("comment").str.count_matches(r"\w+") < _FEW_WORDS
    strength = pl.when(not foreign).then("strength")
    table = (
        matching.sort(
            short, strength, descending=[False, True], nulls_last=True, maintain_order=True
        )
        .head(most)
        .select("comment", "score", "metric", "touchpoint", "given_at", "sentiment", "feedback_id")
    )
    table = table.with_columns(masked(table["comment"]).alias("comment"))
    which = [sentiment, metric, touchpoint]
    finding = _finding(table, found, comments.height, which, foreign)
    if of_few:
        finding = _hidden(which, workspace.least)
    return Result(
        name="quotes",
        question=QUESTION,
        table=table,
        finding=finding,
        caveats=_caveats(table, foreign),
        sql=query_text("quotes"),
        as_of=until,
        n=matching.height,
    )


def _hidden(asked: list[str | None], least: int) -> str:
    which = " and ".join(f"'{value}'" for value in asked if value)
    what = f"comments that match {which}" if which else "comments"
    return f"Fewer than {least:,} people have written {what}: a report shows no quotes of so few."


def _finding(
    table: pl.DataFrame, matching: int, comments: int, asked: list[str | None], foreign: bool
) -> str:
    if comments == 0:
        return "There are no comments: nobody has written anything yet."
    if foreign and asked[0]:
        return (
            "Cannot say: most comments are not English, and the scorer reads English only; ask "
            "without a sentiment to read them."
        )
    which = " and ".join(f"'{value}'" for value in asked if value)
    if matching == 0:
        if comments == 1:
            return f"The one comment does not match {which}."
        return f"None of the {comments:,} comments matches {which}."
    whose = f"Customers have written {counted(comments, 'comment')}"
    if which:
        whose = f"{matching:,} of {counted(comments, 'comment')} {verb(matching, 'match')} {which}"
    order = "the first" if foreign else "the strongest"
    shown = f"{order} {table.height:,} {verb(table.height, 'are')}"
    if table.height == matching:
        shown = "it is" if matching == 1 else "all are"
    return f"{whose}; {shown} shown."


def _caveats(table: pl.DataFrame, foreign: bool) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = ["Quotes illustrate, they do not count: the shares stand in the analysis sentiment."]
    if not foreign:
        notes.append("The strongest words come first: they are not typical ones.")
    notes.append("Addresses and numbers are masked, names are not: read before you pass them on.")
    return tuple(notes)
