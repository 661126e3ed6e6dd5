"""Does a share of this week lie within what chance brings? Control charts of shares."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.clustered import ByPerson, covariance, few, within_effect

SAMPLES = 12  # weeks from which the spread between weeks can be told
RANGE = 1.128  # the mean distance of two normal draws, in standard deviations


class Chart(NamedTuple):
    """A p-chart: the centre, the limits of each sample, and which samples lie `outside` of them.

    `spread` is 1 where only chance within the samples makes the limits; above 1 they are wider by
    that factor, since samples differ by more than that (Laney's p'-chart).
    """

    centre: float
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    outside: npt.NDArray[np.bool_]
    spread: float


def p_chart(
    successes: Sequence[int],
    sizes: Sequence[int],
    baseline: Sequence[bool] | None = None,
    *,
    laney: bool = False,
) -> Chart:
    """Return the limits three standard deviations around the share of the baseline.

    Only samples in `baseline` (default: all) make centre and spread: what came after is judged by
    limits that it did not move. With `laney` the limits are widened where samples of the baseline
    differ by more than chance within them (Laney 2002; the spread is that of the moving ranges,
    and it is never taken to be less than 1). Fewer than 12 samples cannot tell. Samples of size 0
    have no limits.

    >>> chart = p_chart([5, 4, 6, 5, 20], [50] * 5, [True] * 4 + [False])
    >>> round(chart.centre, 2), [round(float(high), 3) for high in chart.high[:1]], chart.outside
    (0.1, [0.227], array([False, False, False, False,  True]))
    """
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    base = np.ones(len(x), bool) if baseline is None else np.asarray(baseline, bool)
    base = base & (n > 0)
    total = n[base].sum()
    if not total:
        nan = np.full(len(x), np.nan)
        return Chart(float("nan"), nan, nan, np.zeros(len(x), bool), 1.0)
    centre = float(x[base].sum() / total)
    spread = 1.0
    if laney and base.sum() >= SAMPLES:
        spread = max(1.0, between(x[base].tolist(), n[base].tolist()))
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 3 * spread * np.sqrt(centre * (1 - centre) / n)
        share = x / n
    half[n == 0] = np.nan
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    outside = (share < low) | (share > high)
    return Chart(centre, low, high, outside, spread)


def between(successes: Sequence[float], sizes: Sequence[float]) -> float:
    """Return how much samples of one share differ, where 1 is as much as chance within them makes.

    From the mean distance of neighbours, so that a slow drift or a step does not count as spread
    (Laney 2002). 1 where the share is 0 or 1, or there is one sample.

    >>> between([10, 30, 10, 30], [100, 100, 100, 100])
    4.43...
    """
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    share = x.sum() / n.sum() if n.sum() else 0.0
    if len(x) < 2 or share in (0.0, 1.0):
        return 1.0
    z = (x / n - share) / np.sqrt(share * (1 - share) / n)
    return float(np.abs(np.diff(z)).mean() / RANGE)


def chance_outside(samples: int) -> float:
    """Return how many of so many samples lie outside of three standard deviations by chance.

    >>> round(chance_outside(1000), 1)
    2.7
    """
    return samples * 0.0026998


def trend(
    successes: Sequence[int], sizes: Sequence[int], people: ByPerson | None = None
) -> tuple[float, float]:
    """Return how a share moves from sample to sample, and how likely so large a move is by chance.

    The weighted slope and the test of Cochran and Armitage (1954, 1955); where neighbours differ
    by more than chance within samples, the error is widened by as much (see `between`). With
    `people`, who are in several samples, the error is that of sums over people (Rao and Scott
    1992): without it, who comes early and who comes late would seem to be a trend.

    >>> slope, p = trend([10, 20, 30, 40], [100] * 4)
    >>> round(slope, 2), p < 0.001
    (0.1, True)
    """
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    known = np.flatnonzero(n > 0)
    time = known.astype(float)
    x, n = x[known], n[known]
    if len(x) < 3:
        return 0.0, 1.0
    share = x.sum() / n.sum()
    centred = time - (n * time).sum() / n.sum()
    steepness = (n * centred**2).sum()
    spread = between(x.tolist(), n.tolist()) if len(x) >= SAMPLES else 1.0
    alike = 1.0
    if people is not None:
        kept = people.only(known, len(sizes))
        spread /= sqrt(within_effect(kept))
        error = few(kept) * float(centred @ covariance(kept, len(x)) @ centred)
        alike = error / (share * (1 - share) * steepness) if 0 < share < 1 else 1.0
    slope = float(((x - n * share) * centred).sum() / steepness)
    error = max(1.0, spread) * sqrt(max(1.0, alike) * share * (1 - share) / steepness)
    from scipy.special import ndtr  # scipy.stats takes a second to load

    return slope, float(2 * ndtr(-abs(slope / error))) if error else 1.0
