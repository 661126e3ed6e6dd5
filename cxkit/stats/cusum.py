"""Since when has a share been above what it was before, told as the weeks come in?

A self-starting CUSUM (Page 1954; Hawkins 1987): each week is judged by the weeks before it alone,
so that nobody has to say what is usual. How surprising a week is, given how many there were up to
and with it, is told by the hypergeometric distribution; as normal scores these surprises are
added up, less an allowance. How long chance alone takes to reach a limit is known (Siegmund 1985).
"""

from collections.abc import Collection, Sequence
from math import expm1, log1p, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.control import RANGE, SAMPLES

FEW = 5  # people who make a rise
ALLOWANCE = 0.5  # standard deviations: half of the rise that is to be found soonest
_OVERSHOOT = 1.166  # by how much a sum passes its limit, on average
_FURTHEST = 8.0  # standard deviations that one sample may count for
Floats = npt.NDArray[np.float64]


class Rise(NamedTuple):
    """The sums of a series; where they first pass the limit, and since when they had been growing.

    `start` and `alarm` are None where the limit is never passed. `p` is how likely chance alone
    brings sums as high as the highest in a series of this length.
    """

    sums: list[float]
    start: int | None
    alarm: int | None
    p: float


def rise(
    successes: Sequence[int],
    sizes: Sequence[int],
    limit: float,
    people: Sequence[Collection[int]] | None = None,
    effect: float = 1.0,
) -> Rise:
    """Find the first sample at which a share has surely risen above that of the samples before.

    `successes` of `sizes` in each sample, in the order of time. Where samples so far differ by
    more than chance within them, scores are made smaller by as much (the mean distance of
    neighbours, as in `control.between`; of the first 12 samples together). Empty samples change
    nothing. See `limit_for` for `limit`. With `people`, whose successes are those of each sample,
    an alarm needs 5 of them since the sums began to grow: one who comes back every week is no rise.
    Where the same people are in many samples, `effect` is the design effect of the share (see
    `stats.clustered`): scores are made smaller by its root.

    >>> found = rise([0] * 8 + [3, 5, 6, 6], [40] * 12, limit=limit_for(12, 1))
    >>> found.start, found.alarm
    (8, 9)
    """
    scores = _scores(successes, sizes)
    told = [score for score in scores if score is not None]
    sums: list[float] = []
    level, begun, known = 0.0, None, 0
    start = alarm = None
    came: set[int] = set()
    for place, score in enumerate(scores):
        if score is not None:
            # the first samples are too few to tell how they differ: the twelfth tells of all
            spread = max(_spread(told[: max(known, SAMPLES)]), sqrt(effect))
            level = max(0.0, level + min(score / spread, _FURTHEST) - ALLOWANCE)
            known += 1
        begun = None if not level else place if begun is None else begun
        came = came.union(people[place]) if people and level else set()
        if alarm is None and level >= limit and (people is None or len(came) >= FEW):
            start, alarm = begun, place
        sums.append(level)
    return Rise(sums, start, alarm, _chance(max(sums, default=0.0), known))


def limit_for(samples: int, series: int, level: float = 0.01) -> float:
    """Return the limit that any of so many series of samples passes by chance as rarely as `level`.

    >>> round(limit_for(104, 12), 2), round(limit_for(104, 1, 0.5), 2)
    (9.87, 3.22)
    """
    if samples < 1 or series < 1:
        return float("inf")
    wanted = -samples * series / log1p(-level)  # samples until a false alarm, on average
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _run_length(middle) < wanted else (low, middle)
    return high


def _run_length(limit: float) -> float:
    """Return after how many samples chance alone passes the limit, on average (Siegmund 1985)."""
    b = 2 * ALLOWANCE * (limit + _OVERSHOOT)
    return (expm1(b) - b) / (2 * ALLOWANCE**2)


def _chance(highest: float, samples: int) -> float:
    return -expm1(-samples / _run_length(highest)) if highest > 0 else 1.0


def _spread(scores: Sequence[float]) -> float:
    """Return by how much samples so far differ, where 1 is what chance within them makes."""
    if len(scores) < 2:
        return 1.0
    return max(1.0, float(np.abs(np.diff(scores)).mean()) / RANGE)


def _scores(successes: Sequence[int], sizes: Sequence[int]) -> list[float | None]:
    """Return how surprising each sample is, given those before it; None: nothing to compare."""
    scores: list[float | None] = []
    had = before = 0
    for x, n in zip(successes, sizes, strict=True):
        scores.append(_score(x, n, had + x, before + n) if n and before else None)
        had, before = had + x, before + n
    return scores


def _score(x: int, n: int, had: int, before: int) -> float:
    """Return how surprising `x` of `n` is as a normal score, where `had` of `before` with them."""
    from scipy.special import gammaln, ndtri  # scipy.stats takes a second to load

    if not had or had == before:
        return 0.0
    least, most = max(0, had - (before - n)), min(n, had)
    at = np.arange(least, most + 1, dtype=float)

    def ways(of: int, take: Floats) -> Floats:
        return np.asarray(gammaln(of + 1.0) - gammaln(take + 1) - gammaln(of - take + 1))

    chance = np.exp(ways(n, at) + ways(before - n, had - at) - ways(before, np.full(1, had)))
    above = float(chance[at > x].sum() + chance[at == x].sum() / 2)  # half of a tie
    below = float(chance[at < x].sum() + chance[at == x].sum() / 2)
    return float(-ndtri(above) if above < below else ndtri(below))
