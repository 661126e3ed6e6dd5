"""What a store's rated comments teach about its comments without a rating."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import polars as pl

from cxkit.errors import BadQuestion
from cxkit.result import counted
from cxkit.scores import RULES
from cxkit.text.names import bare, names_in
from cxkit.text.own_rating import SCALES, RatingCard, RatingModel, learn_rating, users_of
from cxkit.workspace import Workspace

LEARNED_AT_MOST = 10_000  # comments: more take minutes and teach hardly more
_USERS = 5  # people: a word of fewer may be somebody's name
NAMES = {"nps": "NPS", "csat": "CSAT", "stars": "star", "ces": "CES"}


class Rated(NamedTuple):
    """The comments with a score of one metric, and the answers that are left out."""

    comments: pl.DataFrame  # metric, score, customer_key, known, comment, question
    left: pl.DataFrame  # metric, usual: on another scale than the usual one, or outside of it
    metric: str | None  # as asked, else that of the comments; None where there are none


def rated_comments(workspace: Workspace, metric: str | None, until: datetime | None) -> Rated:
    """Return the comments with a score of one metric, on its usual scale.

    Without `metric` it is the one with the most of them. BadQuestion where it is not known.
    """
    if metric is not None and not (isinstance(metric, str) and metric in SCALES):
        raise BadQuestion(f"metric={metric!r} is not known. Known are {', '.join(SCALES)}.")
    metrics = [metric] if metric else list(SCALES)
    answers = workspace.query(
        "model_card",
        metrics=metrics,
        lowest=[SCALES[name][0] for name in metrics],
        most=[SCALES[name][1] for name in metrics],
        as_of=until,
    )
    rated = answers.filter("usual", "sound")
    sizes = rated["metric"].value_counts().sort("count", "metric", descending=[True, False])
    metric = metric or next(iter(sizes["metric"].to_list()), None)
    if metric:
        rated, answers = (frame.filter(pl.col("metric") == metric) for frame in (rated, answers))
    return Rated(rated.drop("usual", "sound"), left_out(answers), metric)


def left_out(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the answers that are not on their usual scale, or outside of it."""
    return answers.filter(~(pl.col("usual") & pl.col("sound"))).select("metric", "usual")


def left_notes(left: pl.DataFrame) -> tuple[str, ...]:
    """Say how many answers are left out, and why."""
    unusual = left.filter(~pl.col("usual")).height
    outside = left.filter("usual").group_by("metric", maintain_order=True).len()
    notes = [f"Left out: {counted(unusual, 'answer')} on another scale than the usual one."]
    return (
        *(notes if unusual else []),
        *(
            f"Left out: {counted(n, 'answer')} to {RULES[metric].name} outside its scale."
            for metric, n in outside.rows()
        ),
    )


def learned(rated: pl.DataFrame, brands: Iterable[str]) -> RatingModel | None:
    """Learn from the rated comments of one metric; None where there are too few, or all alike.

    Of more than 10,000 so many are drawn, the same ones each time. `brands` are not learned from.
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
            brands=brands,
        )
    except BadQuestion:
        return None


def words_of_many(
    rated: pl.DataFrame, card: RatingCard, least: int, brands: Iterable[str]
) -> dict[str, list[str]]:
    """Return the words that speak for each class, of those that so many people use.

    Comments are no people: one who signs thirty of them makes his name a telling word. Of comments
    without a customer nobody knows whether one person wrote them, so that they do not count for
    words that look like a name. Not every name looks like one: where `least` is above 0, in a
    report, they count for no word.
    """
    rated = _drawn(rated)
    terms = [term for named in card.terms.values() for term in named]
    if least:
        rated = rated.filter("known")
    names = names_in([] if rated["known"].all() else rated["comment"])
    named = [term for term in terms if not names.isdisjoint(bare(term).split())]
    users: dict[str, int] = {}
    for some, rows in ((terms, rated), (named, rated.filter("known"))):
        writers = rows["customer_key"].to_list()
        users |= users_of(some, rows["comment"].to_list(), writers, brands) if some else {}
    return {
        name: [term for term in named if users[term] >= max(_USERS, least)]
        for name, named in card.terms.items()
    }


def _drawn(rated: pl.DataFrame) -> pl.DataFrame:
    if rated.height <= LEARNED_AT_MOST:
        return rated
    return rated.sample(LEARNED_AT_MOST, seed=0)


def cannot_learn(rated: Rated) -> str:
    """Say why nothing can be learned from so few, or such, rated comments."""
    if rated.comments.is_empty():
        score = f"{a_score(rated.metric)} score" if rated.metric else "a score"
        usual = " on the usual scale" if rated.left.height else ""
        return f"Cannot say: no comment has {score}{usual} beside it."
    return (
        f"Cannot say: from {counted(rated.comments.height, 'comment')} with "
        f"{a_score(rated.metric)} score nothing can be learned. It takes 30 that differ, with "
        "at least 5 low and 5 high or middle ones."
    )


def a_score(metric: str | None) -> str:
    """Return the name of a metric with its article.

    >>> a_score("nps"), a_score("csat")
    ('an NPS', 'a CSAT')
    """
    name = NAMES[metric or ""]
    return f"an {name}" if metric == "nps" else f"a {name}"
