"""How well can ratings be told from comments here, and by which scorer?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts, ratings
from cxkit.ratings import (
    a_score,
    cannot_learn,
    learned,
    left_notes,
    rated_comments,
    words_of_many,
)
from cxkit.result import Result
from cxkit.text.own_rating import CLASSES, FOLDS, RatingCard
from cxkit.workspace import Workspace, query_text

QUESTION = "How well can ratings be told from comments here, and by which scorer?"
_CHANCE = 1 / 3  # macro-F1 of a guess at three classes
_NO_WORDS = "A report shows no words here: no comment says whose it is."
_SCHEMA = {
    "metric": pl.String,
    "scorer": pl.String,
    "learned_from": pl.Int64,
    "macro_f1": pl.Float64,
    "macro_f1_low": pl.Float64,
    "macro_f1_high": pl.Float64,
    "spearman": pl.Float64,
    "spearman_low": pl.Float64,
    "spearman_high": pl.Float64,
    "used": pl.Boolean,
}


def model_card(
    workspace: Workspace,
    *,
    metric: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Learn to predict ratings from your own rated comments, and tell how good that is.

    The own-rating scorer learns from comments with a score beside them, in any language, and is
    used only where it is surely better than the general English scorer (see `learn_rating`). All
    figures are cross-validated over five folds with like texts kept together. Words that speak for
    a class are shown where five people use them, in a report as many as its smallest group has;
    what looks like a name where so many known customers do, and in a report every word: comments
    of nobody known may all be of one person. The company's names and brands in the settings are not
    learned from.

    Args:
        workspace: an open store.
        metric: `nps`, `csat`, `stars` or `ces`; default: the one with the most rated comments.
        as_of: learn from what was given until this moment; default: the latest time in the data.

    Returns:
        One row for the general scorer and one per point of the learning curve of the own-rating
        scorer, the last being all: metric, scorer ("general", "own ratings"), learned_from (rated
        comments of yours, 10,000 at most; null for the general scorer), macro_f1 (low, middle and
        high ratings count alike; a guess gets about .33) and spearman (rank correlation with the
        rating), both with the ends of 95 % intervals (_low, _high; in the last row only) and used
        (by `predicted_ratings`). n is the number of rated comments.
        Scores on another scale than the usual one, or outside of it, are left out and counted in a
        caveat.

    Raises:
        BadQuestion: where metric is not one of these.
    """
    until = workspace.moment(as_of)
    rated = rated_comments(workspace, metric, until)
    brands = workspace.settings.company.names
    model = learned(rated.comments, brands)
    terms = {}
    if model and model.card.chosen == "own ratings":
        terms = words_of_many(rated.comments, model.card, workspace.least, brands)
    table = _table(model.card) if model else pl.DataFrame(schema=_SCHEMA)
    return Result(
        name="model_card",
        question=QUESTION,
        table=table,
        finding=_finding(model.card) if model else cannot_learn(rated),
        caveats=(
            *(_caveats(model.card, rated.comments, terms) if model else ()),
            *(
                [_NO_WORDS]
                if terms and workspace.least and not rated.comments["known"].any()
                else []
            ),
            *left_notes(rated.left),
        ),
        sql=query_text("model_card"),
        as_of=until,
        n=rated.comments.height,
        draw=_chart,
    )


def _table(card: RatingCard) -> pl.DataFrame:
    own = card.chosen == "own ratings"
    general = [None, card.general_macro_f1, None, None, card.general_spearman, None, None, not own]
    rows = [[card.metric, "general", *general]]
    for n, f1, rho in card.curve[:-1]:
        rows.append([card.metric, "own ratings", n, f1, None, None, rho, None, None, False])
    rows.append([card.metric, "own ratings", card.rated, *card.macro_f1, *card.spearman, own])
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _finding(card: RatingCard) -> str:
    f1, low, high = card.macro_f1
    told = (
        f"Learned from {card.rated:,} comments of your own with {a_score(card.metric)} score, "
        f"the predicted rating gets {f1:.2f} ({low:.2f}–{high:.2f}) for being right about low, "
        f"middle or high, where a guess gets {_CHANCE:.2f} and no mistake 1.00 (macro-F1), and "
        f"{card.spearman[0]:.2f} ({card.spearman[1]:.2f}–{card.spearman[2]:.2f}) for putting "
        "comments in the order of their ratings, where chance gets 0 and the very order 1.00 "
        "(Spearman); the general scorer "
        + (
            "does not read them"
            if card.general_read == 0
            else f"gets {card.general_macro_f1:.2f} and {card.general_spearman:.2f}"
        )
    )
    if card.chosen == "own ratings":
        return f"{told}. What was learned is surely better, so it is used."
    return f"{told}. What was learned is not surely better, so the general scorer stays."


def _caveats(card: RatingCard, rated: pl.DataFrame, terms: dict[str, list[str]]) -> tuple[str, ...]:
    mix = [f"{name} {share:.0%}" for name, share in card.languages.items() if share >= 0.005]
    sizes = ", ".join(f"{card.per_class[name]:,} {name}" for name in CLASSES)
    drawn = f"Of {rated.height:,} rated comments {card.rated:,} were drawn at random to learn from."
    return (
        *([drawn] if rated.height > ratings.LEARNED_AT_MOST else []),
        f"Learned from {sizes} ({card.distinct:,} distinct texts); languages: {', '.join(mix)}.",
        f"Of the chances that it gives the expected calibration error is "
        f"{card.calibration_error:.3f}: .05 means five points off.",
        *(
            f"Words that speak for {name}: {', '.join(terms[name])}."
            for name in CLASSES
            if terms.get(name)
        ),
        f"Figures are cross-validated ({FOLDS} folds, like texts kept together); next month's "
        "comments may differ from these.",
        "A predicted rating is not the feeling in the words: some give five stars and complain.",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    own = table.filter(scorer="own ratings")
    if own.is_empty():
        return charts.nothing("Too few rated comments to learn from")
    general = table.filter(scorer="general")["macro_f1"][0]
    used = "is used" if own["used"][-1] else "is not surely better than the general scorer"
    return charts.lines(
        own,
        x="learned_from",
        lines={"macro_f1": "macro-F1", "spearman": "Spearman"},
        ends={
            "macro_f1": ("macro_f1_low", "macro_f1_high"),
            "spearman": ("spearman_low", "spearman_high"),
        },
        title=f"Learning from {own['learned_from'][-1]:,} rated comments {used}",
        x_unit="rated comments learned from",
        y_unit=f"agreement with the rating (general scorer: macro-F1 {general:.2f})",
    )
