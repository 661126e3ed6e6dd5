"""Is a difference between two groups still there when like is compared with like?"""

from collections.abc import Iterable
from math import exp, log, sqrt
from typing import NamedTuple

import polars as pl

from cxkit.stats.intervals import Interval, Z, two_sided


class Table(NamedTuple):
    """Two groups of one stratum: how many of `n` it happened to, and of the `other_n` others."""

    hits: float
    n: float
    other_hits: float
    other_n: float


def risk_ratio(tables: Iterable[Table]) -> Interval:
    """Return how many times as often it happens in the group: Mantel and Haenszel's risk ratio.

    Each stratum compares like with like; one stratum alone gives the crude ratio. The interval is
    that of Greenland and Robins (1985); not-a-number where there is none.

    >>> risk_ratio([Table(30, 100, 15, 100)])
    Interval(value=2.0, low=1.14..., high=3.48...)
    """
    top = bottom = spread = 0.0
    for one in _both(tables):
        whole = one.n + one.other_n
        hits = one.hits + one.other_hits
        top += one.hits * one.other_n / whole
        bottom += one.other_hits * one.n / whole
        spread += (one.n * one.other_n * hits - one.hits * one.other_hits * whole) / whole**2
    if top <= 0 or bottom <= 0:
        value = float("nan") if bottom <= 0 else 0.0
        return Interval(value, float("nan"), float("nan"))
    wide = Z * sqrt(max(0.0, spread / (top * bottom)))
    middle = log(top / bottom)
    return Interval(exp(middle), exp(middle - wide), exp(middle + wide))


def same_p(tables: Iterable[Table], effect: float = 1.0) -> float:
    """Return how likely so large a difference is where there is none in any stratum.

    The test of Cochran (1954) and Mantel and Haenszel (1959), without a correction; 1 where no
    stratum has both groups and both outcomes. `effect` is by how many times less the cases say
    than as many independent ones (see `clustered`).

    >>> round(same_p([Table(30, 100, 15, 100)]), 4), round(same_p([Table(30, 100, 15, 100)], 4), 4)
    (0.0113, 0.2052)
    """
    gap = spread = 0.0
    for one in _both(tables):
        whole = one.n + one.other_n
        hits = one.hits + one.other_hits
        gap += one.hits - one.n * hits / whole
        if whole > 1:
            spread += one.n * one.other_n * hits * (whole - hits) / (whole**2 * (whole - 1))
    return two_sided(gap / sqrt(spread * effect)) if spread > 0 else 1.0


def _both(tables: Iterable[Table]) -> list[Table]:
    """Return the strata in which both groups are."""
    return [one for one in tables if one.n > 0 and one.other_n > 0]


def slope_within(x: pl.Series, y: pl.Series, stratum: pl.Series) -> Interval:
    """Return by how much y is larger per unit of x, among cases of one stratum.

    Least squares with a level of its own per stratum; the interval allows for spreads that differ
    (White 1980, with MacKinnon and White's HC1). Not-a-number where x does not vary in any stratum.

    >>> one = pl.Series([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    >>> slope_within(one, 3 * one + pl.Series([5, 5, 5, 9, 9, 9]), pl.Series([*"aaabbb"]))
    Interval(value=3.0, low=3.0, high=3.0)
    """
    table = pl.DataFrame({"x": x.cast(pl.Float64), "y": y.cast(pl.Float64), "s": stratum})
    told = table.with_columns(pl.col(name) - pl.col(name).mean().over("s") for name in ("x", "y"))
    spread = float((told["x"] ** 2).sum())
    n, levels = told.height, told["s"].n_unique()
    if spread <= 1e-12 or n <= levels + 1:
        return Interval(float("nan"), float("nan"), float("nan"))
    slope = float((told["x"] * told["y"]).sum()) / spread
    left = told["y"] - slope * told["x"]
    noise = float((told["x"] ** 2 * left**2).sum()) * n / (n - levels - 1)
    wide = Z * sqrt(noise) / spread
    return Interval(slope, slope - wide, slope + wide)
