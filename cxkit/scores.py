"""How do answers to a survey become a score? Their scales, their top boxes, and how sure it is.

A frame of `people` has one row per person and group: answers, top and bottom (those in the boxes),
total and squares (of the answers). Answers of one person are alike, so intervals and tests take
people for independent, not answers (see `stats.clustered`).
"""

from datetime import datetime
from math import sqrt
from typing import Any, NamedTuple

import polars as pl

from cxkit.result import counted
from cxkit.settings import Settings
from cxkit.stats import intervals
from cxkit.stats.clustered import contrast_effect, design_effect, effective, weighted_size
from cxkit.stats.intervals import Interval
from cxkit.workspace import Workspace

BOXES = ("answers", "top", "bottom", "total", "squares")


class Rule(NamedTuple):
    """How the answers to one metric become a score: its scale, and where the top box begins."""

    name: str
    least: int
    most: int
    top: int
    unit: str


# NPS: Reichheld 2003. CES 2.0: Dixon, Toman and DeLisi 2013.
RULES = {
    "nps": Rule("NPS", 0, 10, 9, "points"),
    "csat": Rule("CSAT", 1, 5, 4, "% top box (4-5 of 5)"),
    "ces": Rule("CES", 1, 7, 5, "% top box (5-7 of 7)"),
    "stars": Rule("star rating", 1, 5, 4, "% top box (4-5 of 5)"),
}
_CES_OF_FIVE = Rule("CES", 1, 5, 4, "% top box (4-5 of 5)")  # once somebody said what 5 means

CES_UNSAID = (
    "nothing says whether 5 is easy or, as in 2010, much effort. Write ces_high = "
    '"easy" or "hard" under [surveys] in cx.toml.'
)


def rule_of(metric: str, scale: int, settings: Settings) -> Rule | None:
    """Return the rule that scores the answers on this scale; None where none does.

    CES on five points may be that of 2010, where 5 is much effort, or mean the opposite: it is
    scored once the settings say which.
    """
    if metric == "ces" and scale == _CES_OF_FIVE.most:
        return _CES_OF_FIVE if settings.surveys.ces_high else None
    rule = RULES.get(metric)
    return rule if rule and rule.most == scale else None


def bound() -> dict[str, list[Any]]:
    """Return the rules as the parallel lists that a query binds."""
    rules = RULES.values()
    return {
        "metrics": list(RULES),
        "least": [rule.least for rule in rules],
        "most": [rule.most for rule in rules],
        "top": [rule.top for rule in rules],
    }


def score_of(metric: str, people: pl.DataFrame) -> Interval:
    """Return the score of one metric on its scale: NPS in points, a top box in per cent."""
    told = _summed(people, _effect(metric, people))
    if metric == "nps":
        return intervals.nps(told["top"], told["bottom"], told["answers"])
    return _percent(intervals.wilson(told["top"], told["answers"]))


def weighted_score(metric: str, people: pl.DataFrame) -> Interval:
    """Return the score where the answers of each person count by their `weight`."""
    x, squares = _values(metric, people)
    n, weight = people["answers"], people["weight"]
    size = weighted_size(x.to_numpy(), n.to_numpy(), weight.to_numpy(), squares.to_numpy())
    part = size / float((weight * n).sum())
    top, bottom = (part * float((weight * people[name]).sum()) for name in ("top", "bottom"))
    if metric == "nps":
        return intervals.nps(top, bottom, size)
    return _percent(intervals.wilson(top, size))


def mean_of(metric: str, scale: int, people: pl.DataFrame) -> Interval:
    """Return the mean answer with Student's t interval."""
    x, n, squares = (people[name].to_numpy() for name in ("total", "answers", "squares"))
    told = _summed(people, design_effect(x, n, squares))
    least = 0 if metric == "nps" else 1
    return intervals.mean(told["answers"], told["total"], told["squares"], least, scale)


def level_of(metric: str, people: pl.DataFrame) -> tuple[float, float]:
    """Return the score as an estimate with its standard error, for comparing many of them.

    NPS with three pseudo-answers (Rocks 2016), a share with four (Agresti and Coull 1998).
    """
    told = _summed(people, _effect(metric, people))
    n = told["answers"]
    if metric == "nps":
        return intervals.adjusted_nps(told["top"], told["bottom"], n)
    share = (told["top"] + 2) / (n + 4)
    return share, sqrt(share * (1 - share) / (n + 4))


def difference(metric: str, people: pl.DataFrame) -> tuple[Interval, float]:
    """Return how far the score of group 0 lies above that of group 1, and the p-value.

    `people` has a column `group`, and one row per person and group. People who are in both make
    the difference surer.
    """
    x, squares = _values(metric, people)
    names = ("customer_key", "group", "answers")
    who, group, n = (people[name] for name in names)
    codes = who.rank("dense").cast(pl.Int64).to_numpy()
    effect = contrast_effect(
        codes, group.to_numpy(), x.to_numpy(), n.to_numpy(), [1.0, -1.0], squares.to_numpy()
    )
    one, two = (_summed(people.filter(group == side), effect) for side in (0, 1))
    if metric == "nps":
        boxes = [side[name] for side in (one, two) for name in ("top", "bottom", "answers")]
        return intervals.nps_difference(*boxes), intervals.nps_p(*boxes)
    shares = [side[name] for side in (one, two) for name in ("top", "answers")]
    if not one["answers"] or not two["answers"]:
        return Interval(*[float("nan")] * 3), 1.0
    return _percent(intervals.newcombe(*shares)), intervals.shares_p(*shares)


def paired(metric: str, people: pl.DataFrame) -> tuple[int, Interval]:
    """Return how many people are in both groups, and by how much their own score is higher in 0.

    The mean of the differences, person by person, with Student's t: the same people asked twice
    are no two samples. NPS counts 1, 0 or -1 for each answer, other metrics 1 for the top box.
    """
    x, _ = _values(metric, people)
    own = people.select("customer_key", "group", value=x / people["answers"])
    both = own.filter(pl.col("group") == 0).join(own.filter(pl.col("group") == 1), "customer_key")
    apart = 100 * (both["value"] - both["value_right"])
    least = -200 if metric == "nps" else -100
    squares = float((apart * apart).sum())
    return both.height, intervals.mean(both.height, float(apart.sum()), squares, least, -least)


def shown(row: dict[str, Any], name: str = "score") -> str:
    """Write a score with its interval: +28.4 points (+25.6 to +31.2)."""
    sign, unit = ("+", "points") if row["metric"] == "nps" else ("", "% in the top box")
    ends = f"{row[f'{name}_low']:{sign}.1f} to {row[f'{name}_high']:{sign}.1f}"
    return f"{row[name]:{sign}.1f} {unit} ({ends})"


def scale_notes(counts: pl.DataFrame, settings: Settings) -> list[str]:
    """Say how CES was read, and which answers have a mean and no score.

    `counts` has a row per metric and scale, with its answers.
    """
    notes, high = [], settings.surveys.ces_high
    for metric, scale, answers in counts.select("metric", "scale", "answers").rows():
        n = counted(answers, "answer")
        five = metric == "ces" and scale == _CES_OF_FIVE.most
        if not answers:
            continue
        if metric == "ces" and high == "hard":
            notes.append(
                f"A high answer to CES ({n} up to {scale}) means much effort, as cx.toml says: it "
                f"is read turned round, {scale} as 1."
            )
        elif five and not high:
            notes.append(f"CES on a scale up to 5 ({n}) has a mean and no score: {CES_UNSAID}")
        elif metric == "ces" and rule_of(metric, scale, settings) and not high:
            notes.append(
                f"CES up to 7 ({n}) is read as CES 2.0, where 7 is easy: if it is much effort "
                'here, write ces_high = "hard" under [surveys] in cx.toml.'
            )
        elif not rule_of(metric, scale, settings):
            notes.append(
                "In a row of its own, with a mean and no score: "
                f"{RULES[metric].name} on a scale up to {scale} ({n})."
            )
    return notes


def ces_note(workspace: Workspace, until: datetime | None) -> tuple[str, ...]:
    """Return the caveat of answers to CES that are set aside: nobody said which end is good."""
    unsaid = int(workspace.query("ces_unsaid", as_of=until)["answers"][0])
    if not unsaid:
        return ()
    return (f"Set aside: {counted(unsaid, 'answer')} to CES on a scale up to 5: {CES_UNSAID}",)


def alike_note(metric: str, people: pl.DataFrame) -> tuple[str, ...]:
    """Say of how many people the answers are, where that makes the interval wider."""
    answers, persons = int(people["answers"].sum()), people["customer_key"].n_unique()
    worth = round(answers / _effect(metric, people.group_by("customer_key").agg(_ALL)))
    if worth > 0.95 * answers:
        return ()
    return (
        f"{answers:,} answers to {RULES[metric].name} are of {counted(persons, 'customer')}, and "
        "what one of them answers is alike: its interval is that of "
        f"{counted(worth, 'answer')} of as many customers.",
    )


_ALL = pl.col(BOXES).sum()


def _effect(metric: str, people: pl.DataFrame) -> float:
    x, squares = _values(metric, people)
    return design_effect(x.to_numpy(), people["answers"].to_numpy(), squares.to_numpy())


def _values(metric: str, people: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return what each person's answers count for the score in sum, and in sum of squares."""
    if metric == "nps":
        return people["top"] - people["bottom"], people["top"] + people["bottom"]
    return people["top"], people["top"]


def _summed(people: pl.DataFrame, effect: float) -> dict[str, float]:
    """Return the counts of as many independent answers as would say as much."""
    return {name: effective(float(people[name].sum()), 0, effect)[0] for name in BOXES}


def _percent(share: Interval) -> Interval:
    return Interval(*(100 * end for end in share))
