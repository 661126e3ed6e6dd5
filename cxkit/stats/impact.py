"""What does a theme that people mention go with in the score: per mention, and for the whole?

Two figures that are often mixed up. The drag is how much lower (or higher) the score is where the
theme is mentioned than where it is not. The impact is how much the whole score differs from that
of all answers that do not mention it; of a mean it is the drag times the share of mentions. A
theme that few mention may weigh down those few heavily and the whole hardly at all.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.clustered import resampled
from cxkit.stats.intervals import ENOUGH, Interval, Z, benjamini_hochberg

Floats = npt.NDArray[np.float64]


class Theme(NamedTuple):
    """What one theme goes with; both with intervals drawn by person.

    `mentions` counts answers, `people` who wrote them. `drag` is the score with the theme less the
    score without it; `impact` the score of all less the score without it. Both are below 0 where
    the theme goes with low scores, and not-a-number where fewer than 30 answers or people mention
    it or do not. Where all scores with the theme are the same, and all without, drawing people anew
    tells nothing of how exact a drag is: it then has no ends, nor has an impact whose draws are all
    the same. `q_value`: how surely the drag is not 0, Benjamini and Hochberg over the themes
    judged.
    """

    mentions: int
    people: int
    drag: Interval
    impact: Interval
    q_value: float


def theme_impact(
    scores: Sequence[float] | Floats,
    mentions: npt.ArrayLike,
    person: Sequence[int] | npt.NDArray[np.int64],
    *,
    rounds: int = 2_000,
) -> list[Theme]:
    """Return drag and impact of each theme on a mean score, in the order of the columns.

    `scores` has one value per answer: a rating, 0 or 1 for a share, or 100, 0 and -100 for NPS.
    `mentions` has one row per answer and one column per theme, true where it is mentioned;
    `person` says whose answer it is. Answers without a score do not belong here. The 95 %
    intervals draw people anew (bootstrap percentiles), and are widened as Student's t asks for as
    few people as mention the theme.

    >>> told = theme_impact([2.0] * 30 + [5.0] * 60, [[True]] * 30 + [[False]] * 60, range(90))
    >>> told[0].drag.value, told[0].impact.value
    (-3.0, -1.0)
    """
    y = np.asarray(scores, float)
    held = np.asarray(mentions, bool).reshape(len(y), -1)
    names, who = np.unique(np.asarray(person), return_inverse=True)
    themes = held.shape[1]
    writers = [len(np.unique(who[column])) for column in held.T]
    others = [len(np.unique(who[~column])) for column in held.T]
    enough = [
        theme
        for theme in range(themes)
        if min(held[:, theme].sum(), (~held[:, theme]).sum(), writers[theme], others[theme])
        >= ENOUGH
    ]
    none = Interval(float("nan"), float("nan"), float("nan"))
    told = [
        Theme(int(held[:, theme].sum()), writers[theme], none, none, float("nan"))
        for theme in range(themes)
    ]
    if not enough:
        return told
    some = held[:, enough].astype(float)
    columns = np.column_stack([np.ones(len(y)), y - y.mean(), some, some * (y - y.mean())[:, None]])
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, who, columns)
    drag, impact = _figures(np.concatenate([sums.sum(axis=0)[None], *resampled(sums, rounds)]))
    p_values = []
    for place, theme in enumerate(enough):
        people = min(writers[theme], others[theme])
        alike = not np.ptp(y[held[:, theme]]) and not np.ptp(y[~held[:, theme]])
        told[theme] = told[theme]._replace(
            drag=_interval(drag[:, place], people, alike),
            impact=_interval(impact[:, place], people, alike and not np.ptp(y)),
        )
        p_values.append(_p_value(drag[:, place], people))
    for theme, q_value in zip(enough, benjamini_hochberg(p_values), strict=True):
        told[theme] = told[theme]._replace(q_value=q_value)
    return told


def _figures(sums: Floats) -> tuple[Floats, Floats]:
    """Return drag and impact, draws by themes; not-a-number where all or none mention it."""
    themes = (sums.shape[1] - 2) // 2
    n, total = sums[:, :1], sums[:, 1:2]
    of, their = sums[:, 2 : 2 + themes], sums[:, 2 + themes :]
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (total - their) / (n - of)
        return their / of - without, total / n - without


def _interval(drawn: Floats, people: int, alike: bool) -> Interval:
    value, rest = float(drawn[0]), drawn[1:]
    if alike:  # all draws say the same
        return Interval(value, float("nan"), float("nan"))
    low, high = np.nanquantile(rest, [0.025, 0.975])
    wider = sqrt(people / (people - 1)) * _t(people) / Z
    return Interval(value, value - wider * (value - low), value + wider * (high - value))


def _p_value(drawn: Floats, people: int) -> float:
    from scipy.special import stdtr  # scipy.stats takes a second to load

    error = float(np.nanstd(drawn[1:], ddof=1)) * sqrt(people / (people - 1))
    if not error > 0:
        return 1.0 if not drawn[0] else 0.0
    return 2 * float(stdtr(people - 1, -abs(float(drawn[0])) / error))


def _t(people: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(people - 1, 0.975))
