"""How sure are we of a share, a difference, a score or a list of findings?

All intervals are 95 % intervals unless a `level` is given.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import polars as pl

ENOUGH = 30  # below this base a rate is "too few to say"
Z = NormalDist().inv_cdf(0.975)


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


def wilson(successes: float, n: float) -> Interval:
    """Return a share with Wilson's score interval (Wilson 1927; Newcombe 1998).

    A base of 0 gives not-a-number throughout.

    >>> wilson(81, 263)
    Interval(value=0.3079..., low=0.2552..., high=0.3662...)
    """
    if n <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    p, z2 = successes / n, Z * Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # rounding must not make nothing look like something, nor all like nearly all
    low, high = centre - half if successes else 0.0, centre + half if successes < n else 1.0
    return Interval(p, low, high)


def said(successes: float, n: float) -> str:
    """Return a share and its Wilson interval as a sentence says them.

    >>> said(38, 100)
    '38.0 % (29.1–47.8)'
    """
    share = wilson(successes, n)
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f}–{100 * share.high:.1f})"


def said_count(successes: int, n: int) -> str:
    """Return a count with its share and Wilson interval; of fewer than 30 the bare count.

    >>> said_count(1498, 6000), said_count(2, 5)
    ('1,498 (25.0 %, 23.9–26.1)', '2')
    """
    if n < ENOUGH:
        return f"{successes:,}"
    share = wilson(successes, n)
    low, high = 100 * share.low, 100 * share.high
    return f"{successes:,} ({100 * share.value:.1f} %, {low:.1f}–{high:.1f})"


def add_wilson(frame: pl.DataFrame, successes: str, base: str, name: str) -> pl.DataFrame:
    """Add `name`, `name_low` and `name_high`: the share of `base` with Wilson's interval.

    Rows with a base of 0 or null get nulls.
    """
    n = pl.when(pl.col(base) > 0).then(pl.col(base)).cast(pl.Float64)
    p, z2 = pl.col(successes) / n, Z * Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * (p * (1 - p) / n + z2 / (4 * n * n)).sqrt() / (1 + z2 / n)
    return frame.with_columns(
        p.alias(name),
        pl.when(p > 0).then(centre - half).otherwise(p).alias(f"{name}_low"),
        pl.when(p < 1).then(centre + half).otherwise(p).alias(f"{name}_high"),
    )


def ratio(parts: pl.Series, wholes: pl.Series) -> Interval:
    """Return the sum of `parts` over the sum of `wholes`, one pair per person, with its interval.

    The spread is that of the residuals of each part around its whole times the ratio (Cochran 1977,
    6.3). One pair, or wholes that add up to nothing, have no interval.

    >>> ratio(pl.Series([10.0, 0.0, 5.0]), pl.Series([10.0, 10.0, 5.0]))
    Interval(value=0.6, low=-0.118..., high=1.318...)
    """
    n, total = len(wholes), float(wholes.sum())
    if not total:
        return Interval(float("nan"), float("nan"), float("nan"))
    value = float(parts.sum()) / total
    if n < 2:
        return Interval(value, float("nan"), float("nan"))
    residuals = parts - value * wholes
    error = sqrt(float((residuals * residuals).sum()) * n / (n - 1)) / total
    return Interval(value, value - Z * error, value + Z * error)


def newcombe(successes: float, n: float, other_successes: float, other_n: float) -> Interval:
    """Return the difference of two independent shares with Newcombe's score interval (1998).

    >>> newcombe(56, 70, 48, 80)
    Interval(value=0.2000..., low=0.0524..., high=0.3338...)
    """
    one, two = wilson(successes, n), wilson(other_successes, other_n)
    difference = one.value - two.value
    low = sqrt((one.value - one.low) ** 2 + (two.high - two.value) ** 2)
    high = sqrt((one.high - one.value) ** 2 + (two.value - two.low) ** 2)
    return Interval(difference, difference - low, difference + high)


def newcombe_paired(both: int, only_before: int, only_after: int, neither: int) -> Interval:
    """Return by how much a share of the same people changed, with Newcombe's interval (1998).

    The four counts are people who were in the group before and after, and so on. Method 10 of
    "Improved confidence intervals for the difference between binomial proportions based on paired
    data". Nobody gives not-a-number throughout.

    >>> newcombe_paired(36, 2, 12, 0)
    Interval(value=0.2, low=0.0569..., high=0.3404...)
    """
    n = both + only_before + only_after + neither
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    before, after = wilson(both + only_before, n), wilson(both + only_after, n)
    margins = (both + only_before) * (only_after + neither) * (both + only_after)
    margins *= only_before + neither
    agree: float = both * neither - only_before * only_after
    if agree > 0:  # corrected for continuity
        agree = max(agree - n / 2, 0)
    phi = agree / sqrt(margins) if margins else 0.0

    def reach(one: float, other: float) -> float:
        return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    change = (only_after - only_before) / n
    down = reach(after.value - after.low, before.high - before.value)
    up = reach(after.high - after.value, before.value - before.low)
    return Interval(change, change - down, change + up)


def changed_p(only_before: int, only_after: int) -> float:
    """Return how likely so uneven a move in and out of a group is by chance: McNemar's exact test.

    >>> round(changed_p(2, 12), 4)
    0.0129
    """
    moved = only_before + only_after
    if not moved:
        return 1.0
    fewer = min(only_before, only_after)
    from scipy.special import bdtr  # the binomial distribution; scipy.stats takes a second to load

    return min(1.0, 2 * float(bdtr(fewer, moved, 0.5)))


def nps(promoters: float, detractors: float, n: float) -> Interval:
    """Return the Net Promoter Score, -100 to 100, with the adjusted-Wald interval (Rocks 2016).

    The value is the plain score; the interval comes from three pseudo-answers (3/4 promoter, 3/2
    passive, 3/4 detractor), so that ten delighted people do not give certainty. No answers give
    not-a-number.

    >>> nps(9, 0, 10)
    Interval(value=90.0, low=38.07..., high=100.0)
    """
    if n <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    middle, error = adjusted_nps(promoters, detractors, n)
    low, high = 100 * (middle - Z * error), 100 * (middle + Z * error)
    value = 100 * (promoters - detractors) / n
    # one answer can lie outside what three pseudo-answers allow: the interval holds the score
    return Interval(value, min(value, max(-100.0, low)), max(value, min(100.0, high)))


def mean(n: float, total: float, squares: float, least: float, most: float) -> Interval:
    """Return the mean of `n` answers between `least` and `most`, with Student's t interval.

    `total` and `squares` are the sums of the answers and of their squares. One answer alone, or
    answers that are all alike, have no interval; an interval never leaves the scale.

    >>> mean(3, 6, 14, 1, 5)
    Interval(value=2.0, low=1..., high=4.48...)
    """
    from scipy.special import stdtrit  # scipy.stats would take a second to load

    if n <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    middle = total / n
    if n <= 1:
        return Interval(middle, float("nan"), float("nan"))
    spread = sqrt(max(0.0, squares - total * middle) / (n - 1) / n)
    if spread < 1e-9:  # rounding must not make answers that are all alike differ
        return Interval(middle, float("nan"), float("nan"))
    half = float(stdtrit(n - 1, 0.975)) * spread
    return Interval(middle, max(least, middle - half), min(most, middle + half))


def shares_p(successes: float, n: float, other_successes: float, other_n: float) -> float:
    """Return how likely so large a difference of two equal shares is: the pooled z test.

    1 where a side is empty or both sides are all or nothing.

    >>> round(shares_p(56, 70, 48, 80), 3)
    0.008
    """
    both = n + other_n
    pooled = (successes + other_successes) / both if both else 0.0
    if not n or not other_n or pooled in (0.0, 1.0):
        return 1.0
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    return two_sided((successes / n - other_successes / other_n) / error)


def nps_p(
    promoters: float,
    detractors: float,
    n: float,
    other_promoters: float,
    other_detractors: float,
    other_n: float,
) -> float:
    """Return how likely so large a difference of two equal scores is (Lewis and Sauro 2021).

    Both scores are the adjusted ones of `nps`; 1 where a side is empty.

    >>> nps_p(60, 20, 100, 60, 20, 100)
    1.0
    """
    if not n or not other_n:
        return 1.0
    one, error = adjusted_nps(promoters, detractors, n)
    two, other_error = adjusted_nps(other_promoters, other_detractors, other_n)
    return two_sided((one - two) / sqrt(error**2 + other_error**2))


def nps_difference(
    promoters: float,
    detractors: float,
    n: float,
    other_promoters: float,
    other_detractors: float,
    other_n: float,
) -> Interval:
    """Return how far one Net Promoter Score lies above another, of other people, in points.

    The value is the difference of the plain scores; the interval is that of the adjusted ones
    (Lewis and Sauro 2021). Not-a-number where a side is empty. For the same people asked twice take
    the mean of their own differences instead.

    >>> nps_difference(60, 20, 100, 50, 30, 100)
    Interval(value=20.0, low=-3.38..., high=42.2...)
    """
    if n <= 0 or other_n <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    one, error = adjusted_nps(promoters, detractors, n)
    two, other_error = adjusted_nps(other_promoters, other_detractors, other_n)
    half = Z * sqrt(error**2 + other_error**2)
    value = 100 * ((promoters - detractors) / n - (other_promoters - other_detractors) / other_n)
    low, high = 100 * (one - two - half), 100 * (one - two + half)
    return Interval(value, min(value, max(-200.0, low)), max(value, min(200.0, high)))


def levels_p(values: Sequence[float], errors: Sequence[float]) -> float:
    """Return how likely independent estimates of one and the same value differ so much.

    Cochran's Q (1954): the squared distances from their weighted mean, each over its variance.
    1 where there are not two, or an estimate has no error.

    >>> round(levels_p([0.1, 0.2, 0.3], [0.05, 0.05, 0.05]), 4)
    0.0183
    """
    if len(values) < 2 or min(errors) <= 0:
        return 1.0
    weights = [1 / error**2 for error in errors]
    middle = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    apart = sum(w * (v - middle) ** 2 for w, v in zip(weights, values, strict=True))
    from scipy.special import chdtrc  # scipy.stats takes a second to load

    return float(chdtrc(len(values) - 1, apart))


def adjusted_nps(promoters: float, detractors: float, n: float) -> tuple[float, float]:
    """Return score and standard error, -1 to 1, with three pseudo-answers (Rocks 2016).

    >>> adjusted_nps(5, 5, 10)
    (0.0, 0.26...)
    """
    up, down = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    return up - down, sqrt((up + down - (up - down) ** 2) / (n + 3))


def shuffled_p(n: int, total: float, all_n: int, all_total: float, all_squares: float) -> float:
    """Return how likely a group's mean is so far from everyone's if groups were drawn at random.

    The normal approximation of the permutation test: the spread is everyone's, so that a group in
    which a rare thing hardly occurs does not seem sure of it. `n` and `total` are part of `all_n`
    and `all_total`; 1 where nobody is outside the group, or all are alike.

    >>> round(shuffled_p(100, 60.0, 200, 100.0, 100.0), 4)
    0.0048
    """
    if n <= 0 or n >= all_n:
        return 1.0
    middle = all_total / all_n
    spread = (all_squares - all_total * middle) / (all_n - 1)
    if spread <= 0:
        return 1.0
    return two_sided((total / n - middle) / sqrt(spread * (1 / n - 1 / all_n)))


def two_sided(z: float) -> float:
    """Return how likely a value so far from 0 is under the normal distribution.

    >>> round(two_sided(1.96), 3)
    0.05
    """
    return 2 * NormalDist().cdf(-abs(z))


def means_p(
    n: int,
    total: float,
    squares: float,
    other_n: int,
    other_total: float,
    other_squares: float,
) -> float:
    """Return the p-value of two means being equal, from sums and sums of squares.

    Welch's test with the normal approximation, for groups of at least some 30.

    >>> round(means_p(100, 500.0, 2600.0, 100, 550.0, 3125.0), 4)
    0.0004
    """
    one, two = total / n, other_total / other_n
    spread = (squares / n - one * one) / (n - 1)
    other_spread = (other_squares / other_n - two * two) / (other_n - 1)
    if spread + other_spread <= 0:
        return 1.0 if one == two else 0.0
    return two_sided((one - two) / sqrt(spread + other_spread))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the q-value of each p-value: the least false discovery rate at which it stands out.

    Method: Benjamini and Hochberg (1995).

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place], reverse=True)
    q_values, least = [0.0] * len(p_values), 1.0
    for rank, place in zip(range(len(p_values), 0, -1), order, strict=True):
        least = min(least, p_values[place] * len(p_values) / rank)
        q_values[place] = least
    return q_values
