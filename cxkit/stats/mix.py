"""Did the whole change because its parts did, or because their shares did?"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from cxkit.stats.intervals import Interval, Z


class Part(NamedTuple):
    """One part of a whole, before and after: how many succeeded of how many, maybe `effective`."""

    before: float
    before_n: float
    after: float
    after_n: float


def kitagawa(parts: Sequence[Part]) -> list[tuple[float, float]]:
    """Return, for each part, how much its share of the whole and its rate changed the whole.

    The sums of both are the change of the whole, exactly (Kitagawa 1955). A part that was not
    there before, or is not there after, keeps the rate that it had: it changes the mix alone.
    Nothing changes where one of the periods is empty.

    >>> split = kitagawa([Part(20, 100, 15, 50), Part(50, 100, 75, 150)])
    >>> [(round(mix, 4), round(rate, 4)) for mix, rate in split]
    [(-0.0625, 0.0375), (0.125, 0.0)]
    """
    n, m = sum(part.before_n for part in parts), sum(part.after_n for part in parts)
    told = []
    for part in parts:
        if not n or not m or not (part.before_n or part.after_n):
            told.append((0.0, 0.0))
            continue
        one = part.before / part.before_n if part.before_n else part.after / part.after_n
        two = part.after / part.after_n if part.after_n else one
        small, large = part.before_n / n, part.after_n / m
        told.append(((large - small) * (one + two) / 2, (two - one) * (small + large) / 2))
    return told


def mantel_haenszel(parts: Sequence[Part]) -> Interval:
    """Return by how much rates changed within the parts: the Mantel-Haenszel difference of shares.

    Each part weighs by how much it can say; the variance is that of Sato (1989), which holds for
    few large parts and for many small ones. Not-a-number where no part is there in both periods.

    >>> mantel_haenszel([Part(10, 100, 20, 100), Part(60, 200, 80, 200)])
    Interval(value=0.1, low=0.029..., high=0.170...)
    """
    weight = top = p = q = 0.0
    for part in parts:
        x, n, y, m = part.after, part.after_n, part.before, part.before_n
        if not n or not m:
            continue
        size = n + m
        weight += n * m / size
        top += (x * m - y * n) / size
        p += (n * n * y - m * m * x + n * m * (m - n) / 2) / size**2
        q += (x * (m - y) + y * (n - x)) / (2 * size)
    if not weight:
        return Interval(float("nan"), float("nan"), float("nan"))
    value = top / weight
    half = Z * sqrt(max(0.0, value * p + q)) / weight
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))
