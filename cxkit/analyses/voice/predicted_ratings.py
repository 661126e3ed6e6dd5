"""How would those have rated us who wrote without a score?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.ratings import Rated, cannot_learn, learned, rated_comments
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.stats.clustered import design_effects
from cxkit.stats.intervals import ENOUGH, add_wilson
from cxkit.text.own_rating import CLASSES, RatingCard
from cxkit.workspace import Workspace, query_text

QUESTION = "How would those have rated us who wrote without a score?"
_NOT = "not predicted"
_WHO = ["predicted_rating", "customer_key"]


def predicted_ratings(
    workspace: Workspace,
    *,
    metric: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Predict the rating of comments without a score, by what is learned from those with one.

    The scorer is the one that `model_card` says is used: the own-rating scorer, or the general one
    where learning gains nothing sure. A predicted rating is low, middle or high as the metric
    counts it: NPS up to 6, 7 to 8, from 9; CSAT and stars up to 2, 3, from 4; CES up to 3, 4,
    from 5. A comment has a score where one of any metric stands beside it. Comments of one customer
    are alike: intervals take customers for independent, not comments.

    Args:
        workspace: an open store.
        metric: the score to predict, `nps`, `csat`, `stars` or `ces`; default: the one with the
            most rated comments.
        as_of: read what was given until this moment; default: the latest time in the data.

    Returns:
        One row per predicted rating ("negative", "neutral", "positive") and one for comments that
        the scorer cannot read ("not predicted"): predicted_rating, comments, customers,
        share_of_comments (of those without a score, with Wilson's interval, _low and _high),
        example (the clearest, masked) and its feedback_id. Rows of fewer customers than a report
        may show are without example. n is the number of comments without a score.

    Raises:
        BadQuestion: where metric is not one of these.
    """
    until = workspace.moment(as_of)
    rated = rated_comments(workspace, metric, until)
    written = workspace.query("predicted_ratings", as_of=until)
    silent = written.filter(pl.col("comment").is_not_null())
    brands = workspace.settings.company.names
    model = learned(rated.comments, brands) if silent.height else None
    if model:
        told = model.predict(silent["comment"], silent["question"])
        told = told.select(pl.col("predicted_rating").cast(pl.String), "score")
    else:
        told = pl.DataFrame(schema={"predicted_rating": pl.String, "score": pl.Float64})
        told = told.clear(silent.height)
    silent = silent.hstack(told)
    table = _table(silent, workspace.least)
    return Result(
        name="predicted_ratings",
        question=QUESTION,
        table=table,
        finding=_finding(table, written.height, rated, model.card if model else None),
        caveats=_caveats(model.card, table) if model else (),
        sql=query_text("predicted_ratings"),
        as_of=until,
        n=silent.height,
        draw=_chart,
    )


def _table(silent: pl.DataFrame, least: int) -> pl.DataFrame:
    rows = silent.with_columns(pl.col("predicted_rating").fill_null(_NOT))
    counts = (
        rows.sort(pl.col("score").abs(), "feedback_id", descending=[True, False], nulls_last=True)
        .group_by("predicted_rating")
        .agg(
            comments=pl.len().cast(pl.Int64),
            customers=pl.col("customer_key").n_unique().cast(pl.Int64),
            example=pl.col("comment").first(),
            feedback_id=pl.col("feedback_id").first(),
        )
    )
    kinds = pl.DataFrame({"predicted_rating": [*CLASSES, _NOT]})
    people = kinds.join(rows.group_by("customer_key").len("base"), how="cross").join(
        rows.group_by("predicted_rating", "customer_key").len("comments"),
        on=["predicted_rating", "customer_key"],
        how="left",
    )
    people = people.select(pl.col("comments", "base").fill_null(0).cast(pl.Int64), *_WHO)
    table = (
        kinds.join(counts, on="predicted_rating", how="left", maintain_order="left")
        .join(
            design_effects(people.sort(_WHO), ["predicted_rating"], "comments", "base"),
            on="predicted_rating",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("comments", "customers").fill_null(0), base=pl.lit(rows.height))
    )
    alike = table.select(pl.col("comments", "base") / pl.col("effect").fill_null(1.0))
    shares = add_wilson(alike, "comments", "base", "share_of_comments").drop("comments", "base")
    shown = (pl.col("customers") >= least) & (pl.col("predicted_rating") != _NOT)
    return table.hstack(shares).select(
        "predicted_rating",
        "comments",
        "customers",
        "share_of_comments",
        "share_of_comments_low",
        "share_of_comments_high",
        pl.when(shown).then(masked(table["example"])).alias("example"),
        pl.when(shown).then("feedback_id").alias("feedback_id"),
    )


def _finding(table: pl.DataFrame, written: int, rated: Rated, card: RatingCard | None) -> str:
    n = int(table["comments"].sum())
    if written == 0:
        return "There are no comments: nobody has written anything yet."
    if n == 0:
        each = "the one comment" if written == 1 else f"each of {written:,} comments"
        return f"Nothing to predict: {each} has a score beside it."
    if card is None:
        return cannot_learn(rated)
    row, unread = table.row(0, named=True), int(table.filter(predicted_rating=_NOT)["comments"][0])
    low = row["comments"]
    if unread == n:
        return (
            f"Cannot say: what {card.rated:,} rated comments teach is not surely better than the "
            f"general scorer, which can read none of {counted(n, 'comment')} without a score."
        )
    if n < ENOUGH:
        return (
            f"{low} of {counted(n, 'comment')} without a score {verb(low, 'read')} like those "
            "beside a low one: too few to say more."
        )
    share, least, most = (100 * row[f"share_of_comments{end}"] for end in ("", "_low", "_high"))
    by = f"what {card.rated:,} rated comments teach"
    if card.chosen != "own ratings":
        by = f"the general scorer: {by} is not surely better"
    return (
        f"Of {n:,} comments without a score {share:.1f} % ({least:.1f}–{most:.1f}) read like those "
        f"beside a low one, by {by}."
    )


def _caveats(card: RatingCard, table: pl.DataFrame) -> tuple[str, ...]:
    unread = int(table.filter(predicted_rating=_NOT)["comments"][0])
    by = "your own rated comments" if card.chosen == "own ratings" else "the general scorer"
    f1 = card.macro_f1[0] if card.chosen == "own ratings" else card.general_macro_f1
    notes = [
        f"Predicted by {by}, with a macro-F1 of {f1:.2f} in cross-validation (see model_card): "
        "single comments are often misjudged, and shares lean towards rare ratings.",
        "Whoever writes without a score may rate differently from those who give one.",
    ]
    if unread:
        notes.insert(1, f"{counted(unread, 'comment')} could not be read.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    if not table["comments"].sum():
        return charts.nothing("No comment is without a score")
    low = table.row(0, named=True)
    return charts.bars(
        table.filter(pl.col("comments") > 0),
        length="share_of_comments",
        low="share_of_comments_low",
        high="share_of_comments_high",
        label="predicted_rating",
        title=f"{low['comments']:,} of {int(table['comments'].sum()):,} comments without a score "
        "read like low ratings",
        unit="share of the comments without a score, by predicted rating",
        texts=[f"{row['comments']:,}" for row in table.iter_rows(named=True) if row["comments"]],
    )
