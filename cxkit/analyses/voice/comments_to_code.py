"""Which comments should you read by hand, to know how often the sorter is wrong?"""

import hashlib
from datetime import date, datetime

import polars as pl

from cxkit.errors import whole_number
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.text.intents import INTENTS, find_intents
from cxkit.workspace import Workspace, query_text

QUESTION = "Which comments should you read by hand, to know how often the sorter is wrong?"
_ENOUGH = 100  # as `intents` asks for
_AT_ONCE = 500  # comments that are judged at a time
_KEPT = r"^[^\x00-\x1f\x7f]+$"  # ids that come back from a spreadsheet as they went
_EMPTY = ": there is nothing to draw"
_HIDDEN = "A report holds no form to fill in: ask comments_to_code(ws) in a notebook."


def comments_to_code(
    workspace: Workspace,
    *,
    n: int = _ENOUGH,
    seed: int = 0,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Draw comments by lot and lay them out to be coded by hand: a form for `intents(coded=)`.

    Drawn are comments that `intents` judges, each with the same chance. Left out are comments with
    an id that a spreadsheet loses (empty, or with tabs or other control characters), and of several
    with the same id all but one. The lot of a comment is
    made of its id, its words and `seed` alone: the same question draws the same comments, and a
    larger `n` keeps those of a smaller one.

    Write into `intent` what a comment wants: "asking", "complaining", "suggesting" or "praising";
    leave it empty where it wants none of these; where it wants two things, copy its row. Save the
    form with `.save("form.csv")` or `.save("form.xlsx")` and read it as text:
    `pl.read_csv("form.csv", infer_schema=False)`.

    Args:
        workspace: an open store.
        n: how many comments to draw; `intents` takes 100 or more.
        seed: another number draws other comments.
        as_of: draw from what was written until this moment; default: the latest time in the data.

    Returns:
        One row per drawn comment, in the order of the lots: feedback_id, intent (empty), comment
        (masked), question. n is the number of them. A report shows none: it is a form to fill in.

    Raises:
        BadQuestion: where n or seed is no whole number.
    """
    many = whole_number("n", n)
    lot = whole_number("seed", seed, least=0, most=1_000_000_000)
    until = workspace.moment(as_of)
    comments = workspace.query("comments_to_code", as_of=until)
    # an id that would come back as another tells nothing of its comment
    kept = comments.filter(pl.col("feedback_id").str.contains(_KEPT))
    apart = kept.unique("feedback_id", keep="first", maintain_order=True)
    drawn = _drawn(apart, many, lot)
    table = drawn.select(
        "feedback_id",
        pl.lit(None, pl.String).alias("intent"),
        masked(drawn["comment"]).alias("comment"),
        "question",
    )
    table = table.clear() if workspace.least else table
    unread = apart.height - drawn.height if drawn.height < many else 0
    left = _left(comments.height - kept.height, kept.height - apart.height, unread)
    return Result(
        name="comments_to_code",
        question=QUESTION,
        table=table,
        finding=_HIDDEN if workspace.least else _finding(table, many, comments.height, left),
        caveats=_caveats(table, left),
        sql=query_text("comments_to_code"),
        as_of=until,
        n=table.height,
    )


def _drawn(comments: pl.DataFrame, many: int, seed: int) -> pl.DataFrame:
    """Draw by lot among those that are judged; not all need judging for that."""
    lots = [
        hashlib.blake2b(f"{seed}\n{name}\n{text}".encode("utf-8", "replace")).hexdigest()
        for name, text in comments.select("feedback_id", "comment").iter_rows()
    ]
    ranked = comments.with_columns(lot=pl.Series(lots, dtype=pl.String)).sort("lot", "feedback_id")
    found = ranked.clear()
    for part in ranked.iter_slices(_AT_ONCE):
        if found.height >= many:
            break
        found = pl.concat([found, part.filter(_judged(part))])
    return found.head(many)


def _judged(comments: pl.DataFrame) -> pl.Series:
    """Say which comments `intents` judges, each as an answer to its question."""
    sure = pl.Series([False] * comments.height, dtype=pl.Boolean)
    for question, rows in comments.with_row_index("at").group_by("question", maintain_order=True):
        told = find_intents(rows["comment"], question=question[0])
        sure = sure.scatter(rows["at"], told["reason"].is_null())
    return sure


def _left(lost: int, twice: int, unread: int) -> list[str]:
    """Say why comments are not drawn, where it is not for their words alone."""
    reasons = []
    if lost:
        reasons.append(f"{lost:,} {verb(lost, 'have')} an id that a spreadsheet loses")
    if twice:
        reasons.append(f"{twice:,} {verb(twice, 'repeat')} the id of another")
    if reasons and unread:
        reasons.append(f"{unread:,} cannot be judged")
    return reasons


def _finding(table: pl.DataFrame, many: int, comments: int, left: list[str]) -> str:
    if not comments:
        return "There are no comments: nothing can be drawn."
    can, why = ("drawn", f": {', and '.join(left)}") if left else ("judged", "")
    if table.is_empty():
        return f"None of {counted(comments, 'comment')} can be {can}{why or _EMPTY}."
    if table.height < many:
        few = "" if table.height >= _ENOUGH else f"; intents(coded=) takes {_ENOUGH}"
        return (
            f"Of {counted(comments, 'comment')} only {table.height:,} can be {can}, fewer than "
            f"the {many:,} asked for{few}{why}."
        )
    return (
        f"{counted(table.height, 'comment')} were drawn by lot, of {comments:,} in all: write into "
        "intent what each one wants, and ask intents(ws, coded=...)."
    )


def _caveats(table: pl.DataFrame, left: list[str]) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    return (
        *([f"Left out of the draw: of all comments {', and '.join(left)}."] if left else []),
        f"intent is one of {', '.join(INTENTS)}, or empty: an empty row says that a comment wants "
        "none of these. Where it wants two things, copy its row.",
        "Code all of them, and without a look at what the sorter says: whichever are left out, or "
        "picked, are no longer drawn by lot.",
        "Addresses and numbers are masked, names are not: read before you pass the form on.",
    )
