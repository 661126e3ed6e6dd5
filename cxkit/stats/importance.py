"""Which of several ratings that go together does an overall score go with, and how much?

Ratings of one answer resemble each other, so that plain coefficients tell little. Both measures
here share out R squared, the part of the score's spread that the ratings describe together: LMG
is what a driver adds, averaged over all orders in which the drivers can be taken in (Lindeman,
Merenda and Gold 1980; Groemping 2006); relative weights go by way of the closest drivers that do
not resemble each other (Johnson 2000). Neither says what causes what.
"""

from collections.abc import Sequence
from math import factorial, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.clustered import resampled
from cxkit.stats.intervals import Interval, Z, benjamini_hochberg

Floats = npt.NDArray[np.float64]
MOST_DRIVERS = 10  # LMG takes 2 to this power regressions per draw
_ALIKE = 1e-9  # what is left of a driver that the others already tell, on the scale of its variance


class Driver(NamedTuple):
    """What one driver has to do with the score; every interval is drawn by person.

    `lmg` (not-a-number beyond ten drivers) and `weight` are parts of R squared. `above_mean` is
    how far its importance (LMG, else the relative weight) lies from the mean of all drivers.
    `alone` is its standardised coefficient beside all others, and `q_value` how surely that is not
    0: Student's t on the bootstrap error, Benjamini and Hochberg over the drivers, and never surer
    than that the drivers matter at all.
    """

    lmg: Interval
    weight: Interval
    above_mean: Interval
    alone: Interval
    q_value: float


class Importance(NamedTuple):
    """R squared with its interval, and each driver in the order given.

    `p_value` is how likely so large an R squared is where no driver matters (F test, on as many
    answers as people).
    """

    r_squared: Interval
    p_value: float
    drivers: list[Driver]


def lmg(drivers: npt.ArrayLike, score: npt.ArrayLike) -> Floats:
    """Return each driver's part of R squared: its gain, averaged over all orders of the drivers.

    `drivers` has one row per answer and one column per driver, ten at most. The parts add up to R
    squared; not-a-number where the score does not vary.

    >>> lmg([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 2, 3]).round(6).tolist()
    [0.8, 0.2]
    """
    parts: Floats = _lmg(_correlations(drivers, score))[0]
    return parts


def relative_weights(drivers: npt.ArrayLike, score: npt.ArrayLike) -> Floats:
    """Return each driver's relative weight (Johnson 2000); the weights add up to R squared.

    >>> relative_weights([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 2, 3]).round(6).tolist()
    [0.8, 0.2]
    """
    parts: Floats = _relative_weights(_correlations(drivers, score))[0]
    return parts


def importance(
    drivers: npt.ArrayLike,
    score: npt.ArrayLike,
    person: Sequence[int] | npt.NDArray[np.int64],
    *,
    rounds: int = 1_000,
) -> Importance:
    """Return how important each driver is, with 95 % intervals from drawing people anew.

    One row per answer, `person` says whose. See `interval`: a resample describes its own noise as
    well, so that plain percentiles of R squared lie too high.

    >>> draw = np.random.default_rng(1)
    >>> x = draw.normal(size=(300, 2))
    >>> told = importance(x, x[:, 0] + draw.normal(size=300), range(300), rounds=200)
    >>> [one.q_value < 0.05 for one in told.drivers]
    [True, False]
    """
    x, y = np.asarray(drivers, float), np.asarray(score, float)
    own = _correlations(x, y)
    drawn = np.concatenate([own, *_resampled(np.column_stack([x, y]), person, rounds)])
    weights = _relative_weights(drawn)
    many = x.shape[1] > MOST_DRIVERS
    parts = np.full_like(weights, np.nan) if many else _lmg(drawn)
    first = weights if many else parts
    above = first - first.mean(axis=1, keepdims=True)
    alone = _coefficients(drawn)
    freedom = len(np.unique(np.asarray(person))) - x.shape[1] - 1
    whole = _whole_p(float(weights[0].sum()), x.shape[1], freedom)
    q_values = benjamini_hochberg([_p_value(column, freedom) for column in alone.T])
    told = [
        Driver(
            interval(parts[:, j], freedom),
            interval(weights[:, j], freedom),
            interval(above[:, j], freedom),
            interval(alone[:, j], freedom),
            max(q_values[j], whole),
        )
        for j in range(x.shape[1])
    ]
    return Importance(interval(weights.sum(axis=1), freedom), whole, told)


class Asymmetry(NamedTuple):
    """What low and what high ratings of one driver go with, in points of the score.

    `penalty` and `reward` are against the ratings between. `per_point` is how much more one point
    down costs than one point up brings; `q_value` as of `Driver`. Not-a-number: too few.
    """

    penalty: Interval
    reward: Interval
    per_point: Interval
    q_value: float


def asymmetry(
    drivers: npt.ArrayLike,
    score: npt.ArrayLike,
    person: Sequence[int] | npt.NDArray[np.int64],
    low: Sequence[float],
    high: Sequence[float],
    *,
    least: int = 10,
    rounds: int = 1_000,
) -> list[Asymmetry]:
    """Return whether low ratings cost the score more than high ratings bring, driver by driver.

    Low are ratings up to `low`, high those from `high` on, one bound per driver; both stand for
    each driver in one regression (penalty-reward contrast, Brandt 1987). Since low ratings may lie
    further from the middle than high ones, the two are compared per point of that distance. Drivers
    with fewer than `least` low, middle or high ratings are taken in as they are and not judged.

    >>> x = np.array([[1], [2], [3], [4], [5]] * 20)
    >>> [told] = asymmetry(x, np.minimum(x[:, 0], 3), range(100), [2], [5], rounds=100)
    >>> round(told.penalty.value, 2), round(told.reward.value, 2), told.per_point.low > 0
    (-1.5, 0.0, True)
    """
    x, y = np.asarray(drivers, float), np.asarray(score, float)
    columns: list[Floats] = []
    judged: dict[int, tuple[int, float, float]] = {}  # driver: first column, distances
    for j in range(x.shape[1]):
        is_low, is_high = x[:, j] <= low[j], x[:, j] >= high[j]
        middle = ~is_low & ~is_high
        if min(is_low.sum(), middle.sum(), is_high.sum()) < least:
            columns.append(x[:, j])
            continue
        centre = x[middle, j].mean()
        down, up = centre - x[is_low, j].mean(), x[is_high, j].mean() - centre
        judged[j] = len(columns), float(down), float(up)
        columns += [is_low.astype(float), is_high.astype(float)]
    none = Interval(float("nan"), float("nan"), float("nan"))
    told = [Asymmetry(none, none, none, float("nan"))] * x.shape[1]
    if not judged:
        return told
    data = np.column_stack([*columns, y])
    drawn = np.concatenate([_correlations(data[:, :-1], y), *_resampled(data, person, rounds)])
    slopes = _coefficients(drawn, plain=True)
    freedom = len(np.unique(np.asarray(person))) - len(columns) - 1
    apart = {
        j: -slopes[:, at] / down - slopes[:, at + 1] / up for j, (at, down, up) in judged.items()
    }
    q_values = benjamini_hochberg([_p_value(values, freedom) for values in apart.values()])
    for (j, (at, _, _)), q_value in zip(judged.items(), q_values, strict=True):
        told[j] = Asymmetry(
            interval(slopes[:, at], freedom),
            interval(slopes[:, at + 1], freedom),
            interval(apart[j], freedom),
            q_value,
        )
    return told


def interval(drawn: Floats, freedom: float = float("inf")) -> Interval:
    """Return the first value, and the interval that the others, drawn anew, give it.

    Percentiles corrected for bias and skewness (Efron 1987; the skewness is that of the draws),
    widened as Student's t asks for at `freedom` degrees of freedom; the value is always within.

    >>> interval(np.array([5.0, 4.0, 5.0, 6.0]))
    Interval(value=5.0, low=4.0..., high=5.9...)
    """
    from scipy.special import ndtr, ndtri  # scipy.stats takes a second to load

    value, rest = float(drawn[0]), drawn[1:][np.isfinite(drawn[1:])]
    spread = float(rest.std()) if len(rest) else 0.0
    if not np.isfinite(value) or len(rest) < 2:
        return Interval(value, float("nan"), float("nan"))
    if not spread > 0:
        return Interval(value, min(value, float(rest[0])), max(value, float(rest[0])))
    below = ((rest < value).sum() + 0.5 * (rest == value).sum()) / len(rest)
    bias = float(ndtri(np.clip(below, 1 / len(rest), 1 - 1 / len(rest))))
    skew = float(((rest - rest.mean()) ** 3).mean()) / spread**3 / 6
    at = bias + ndtri(np.array([0.025, 0.975])) * _wider(freedom)
    ends = np.quantile(rest, ndtr(bias + at / np.maximum(1 - skew * at, 0.1)))
    return Interval(value, min(value, float(ends[0])), max(value, float(ends[1])))


def _whole_p(r_squared: float, drivers: int, freedom: float) -> float:
    """Return how likely so large an R squared is by chance."""
    from scipy.special import betainc

    if not r_squared >= 0:
        return 1.0
    return 1 - float(betainc(drivers / 2, max(1.0, freedom) / 2, min(1.0, r_squared)))


def _wider(freedom: float) -> float:
    """Return by how much few people, or many drivers, make an interval wider."""
    from scipy.special import stdtrit

    if freedom == float("inf"):
        return 1.0
    freedom = max(1.0, freedom)
    return float(stdtrit(freedom, 0.975)) / Z * sqrt((freedom + 1) / freedom)


def _p_value(drawn: Floats, freedom: float) -> float:
    """Return how likely a value so far from 0 is by chance: Student's t on the drawn error."""
    from scipy.special import stdtr

    error = float(np.nanstd(drawn[1:], ddof=1)) if len(drawn) > 2 else 0.0
    if not error > 0:
        return 1.0 if not drawn[0] else 0.0
    freedom = max(1.0, freedom)
    error *= sqrt((freedom + 1) / freedom)
    return 2 * float(stdtr(freedom, -abs(float(drawn[0])) / error))


def _resampled(
    data: Floats, person: Sequence[int] | npt.NDArray[np.int64], rounds: int
) -> list[Floats]:
    """Draw people with replacement; return covariances, draws by columns by columns, in chunks."""
    _, who = np.unique(np.asarray(person), return_inverse=True)
    people, width = int(who.max()) + 1, data.shape[1] + 1
    data = np.column_stack([np.ones(len(data)), data - data.mean(axis=0)])
    sums = np.zeros((people, width * width))
    np.add.at(sums, who, (data[:, :, None] * data[:, None, :]).reshape(len(data), -1))
    found = []
    for drawn in resampled(sums, rounds):
        moments: Floats = drawn.reshape(len(drawn), width, width)
        moments = moments / moments[:, :1, :1]
        mean = moments[:, 0, 1:]
        found.append(moments[:, 1:, 1:] - mean[:, :, None] * mean[:, None, :])
    return found


def _correlations(drivers: npt.ArrayLike, score: npt.ArrayLike) -> Floats:
    """Return the covariances of the drivers and, last, the score, as one draw."""
    data = np.column_stack([np.asarray(drivers, float), np.asarray(score, float)])
    off = data - data.mean(axis=0)
    covariances: Floats = (off.T @ off / len(off))[None]
    return covariances


def _scaled(covariances: Floats) -> Floats:
    """Return correlations; a column that does not vary goes with nothing."""
    spread = np.sqrt(np.clip(np.einsum("bii->bi", covariances), 0, None))
    largest = np.sqrt(np.abs(covariances).max(axis=(1, 2), initial=0.0))[:, None]
    usable = spread > _ALIKE * largest
    by = np.divide(1.0, spread, out=np.zeros_like(spread), where=usable)
    scaled: Floats = covariances * by[:, :, None] * by[:, None, :]
    return scaled


def _lmg(covariances: Floats) -> Floats:
    """Go through all subsets of drivers, each one driver more than the one it comes from."""
    left = _scaled(covariances)
    k = left.shape[1] - 1
    varies = left[:, k, k] > 0
    told = np.zeros((1 << k, len(left)))  # subset (bits) -> R squared

    def grow(subset: int, first: int, left: Floats) -> None:
        for j in range(first, k):
            pivot, column = left[:, j, j], left[:, :, j]
            new = pivot > _ALIKE
            by = np.divide(1.0, pivot, out=np.zeros_like(pivot), where=new)
            rest = left - column[:, :, None] * column[:, None, :] * by[:, None, None]
            told[subset | 1 << j] = 1 - rest[:, k, k]
            if j + 1 < k:
                grow(subset | 1 << j, j + 1, rest)

    grow(0, 0, left)
    parts = np.zeros((len(left), k))
    weight = [factorial(size) * factorial(k - size - 1) / factorial(k) for size in range(k)]
    for subset in range(1 << k):
        for j in range(k):
            if not subset >> j & 1:
                gain = told[subset | 1 << j] - told[subset]
                parts[:, j] += weight[subset.bit_count()] * gain
    parts[~varies] = np.nan
    return parts


def _relative_weights(covariances: Floats) -> Floats:
    scaled = _scaled(covariances)
    k = scaled.shape[1] - 1
    values, vectors = np.linalg.eigh(scaled[:, :k, :k])
    root = np.sqrt(np.clip(values, 0, None))
    by = np.divide(1.0, root, out=np.zeros_like(root), where=values > _ALIKE)
    towards = vectors * root[:, None, :] @ vectors.transpose(0, 2, 1)
    back = vectors * by[:, None, :] @ vectors.transpose(0, 2, 1)
    through = (back @ scaled[:, :k, k:])[:, :, 0]
    parts: Floats = ((towards**2) @ (through**2)[:, :, None])[:, :, 0]
    parts[scaled[:, k, k] <= 0] = np.nan
    return parts


def _coefficients(covariances: Floats, *, plain: bool = False) -> Floats:
    """Return the coefficients beside all other drivers: standardised, or in the score's units."""
    scaled = _scaled(covariances)
    k = scaled.shape[1] - 1
    inverse = np.linalg.pinv(scaled[:, :k, :k], rcond=_ALIKE, hermitian=True)
    found: Floats = (inverse @ scaled[:, :k, k:])[:, :, 0]
    if not plain:
        return found
    spread = np.sqrt(np.clip(np.einsum("bii->bi", covariances), 0, None))
    by = np.divide(1.0, spread[:, :k], out=np.zeros_like(found), where=spread[:, :k] > 0)
    slopes: Floats = found * spread[:, k:] * by
    return slopes
