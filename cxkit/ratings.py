"""What a store's rated comments teach about its comments without a rating."""

from datetime import datetime

import polars as pl

from cxkit.errors import BadQuestion
from cxkit.result import counted
from cxkit.text.own_rating import SCALES, RatingModel, learn_rating
from cxkit.workspace import Workspace

LEARNED_AT_MOST = 10_000  # comments: more take minutes and teach hardly more
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
    if rated.height > LEARNED_AT_MOST:
        rated = rated.sample(LEARNED_AT_MOST, seed=0)
    try:
        return learn_rating(
            rated["comment"],
            rated["score"],
            metric=rated["metric"][0],
            questions=rated["question"],
        )
    except BadQuestion:
        return None


def cannot_learn(rated: pl.DataFrame) -> str:
    """Say why nothing can be learned from so few, or such, rated comments."""
    if rated.is_empty():
        return "Cannot say: no comment has a score beside it."
    return (
        f"Cannot say: from {counted(rated.height, 'comment')} with a "
        f"{NAMES[rated['metric'][0]]} score nothing can be learned. It takes 30 that differ, with "
        "at least 5 low and 5 high or middle ones."
    )
