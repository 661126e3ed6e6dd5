"""What a store's rated comments teach about its comments without a rating."""

from datetime import datetime

import polars as pl

from cxkit.errors import BadQuestion
from cxkit.result import counted
from cxkit.text.own_rating import SCALES, RatingCard, RatingModel, learn_rating, users_of
from cxkit.workspace import Workspace

LEARNED_AT_MOST = 10_000  # comments: more take minutes and teach hardly more
_USERS = 5  # people: a word of fewer may be somebody's name
NAMES = {"nps": "NPS", "csat": "CSAT", "stars": "star", "ces": "CES"}


def rated_comments(
    workspace: Workspace, metric: str | None, until: datetime | None
) -> pl.DataFrame:
    """Return the comments with a score of one metric, on its usual scale.

    Without `metric` it is the one with the most of them. BadQuestion where it is not known.
    """
    if metric is not None and metric not in SCALES:
        raise BadQuestion(f"metric={metric!r} is not known. Known are {', '.join(SCALES)}.")
    rated = workspace.query(
        "model_card",
        metrics=[metric] if metric else list(SCALES),
        most=[SCALES[name][1] for name in ([metric] if metric else SCALES)],
        as_of=until,
    )
    sizes = rated["metric"].value_counts().sort("count", "metric", descending=[True, False])
    return rated.join(sizes.head(1), on="metric", how="semi", maintain_order="left")


def learned(rated: pl.DataFrame) -> RatingModel | None:
    """Learn from the rated comments of one metric; None where there are too few, or all alike.

    Of more than 10,000 so many are drawn, the same ones each time.
    """
    if rated.is_empty():
        return None
    rated = _drawn(rated)
    try:
        return learn_rating(
            rated["comment"],
            rated["score"],
            metric=rated["metric"][0],
            questions=rated["question"],
        )
    except BadQuestion:
        return None


def words_of_many(rated: pl.DataFrame, card: RatingCard, least: int) -> dict[str, list[str]]:
    """Return the words that speak for each class, of those that so many people use.

    Comments are no people: one who signs thirty of them makes his name a telling word.
    """
    rated = _drawn(rated)
    terms = [term for named in card.terms.values() for term in named]
    users = users_of(terms, rated["comment"].to_list(), rated["customer_key"].to_list())
    return {
        name: [term for term in named if users[term] >= max(_USERS, least)]
        for name, named in card.terms.items()
    }


def _drawn(rated: pl.DataFrame) -> pl.DataFrame:
    if rated.height <= LEARNED_AT_MOST:
        return rated
    return rated.sample(LEARNED_AT_MOST, seed=0)


def cannot_learn(rated: pl.DataFrame) -> str:
    """Say why nothing can be learned from so few, or such, rated comments."""
    if rated.is_empty():
        return "Cannot say: no comment has a score beside it."
    return (
        f"Cannot say: from {counted(rated.height, 'comment')} with a "
        f"{NAMES[rated['metric'][0]]} score nothing can be learned. It takes 30 that differ, with "
        "at least 5 low and 5 high or middle ones."
    )
