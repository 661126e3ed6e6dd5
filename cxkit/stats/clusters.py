"""Which groups are there, do they hold, and who belongs to which?

k-means on prepared features. How many groups: the most whose prediction strength is at least .8
(Tibshirani and Walther 2005) and of which any two neighbours are tighter than two halves of data
of the same spread and correlations without groups (as SigClust: Liu and others 2008). How well
each holds: the mean Jaccard similarity with its likeness in bootstrap samples (Hennig 2007).

Same rows in the same order, same answer to the last bit: seeds are fixed, and k-means runs on one
thread, since several would add up the same numbers in another order each time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
import polars as pl

from cxkit.stats.intervals import ENOUGH

STRONG = 0.8  # prediction strength from which groups hold
APART = 0.05  # p-value of neighbours that are two groups (SigClust)
DRAWS = 99
NAMED, STABLE, HIGHLY = 0.60, 0.75, 0.85  # Jaccard: below the first, a group is no group
MOST_GROUPS = 10
MOST_LEVELS = 20  # of a category; more are texts or ids
_ONE_VALUE = 0.95  # a feature with one value for more people than this tells nobody apart
_MISSING = 0.5
_ATOM = 0.05  # a value that more people share is no accident of measuring
_SKEWED = 1.0
NOT_KNOWN = "(not known)"

_FIT, _CHECKED, _COMPARED = 50_000, 5_000, 2_000  # most rows to fit on, to check on, to compare
_SPLITS, _BOOTSTRAPS = 10, 50
_STARTS = 5

Matrix = np.ndarray


@dataclass(frozen=True)
class Feature:
    """How one feature becomes numbers: kept, so that next month's people are treated alike.

    A number is logged (`log`: of 1 + value), held between `low` and `high`, and standardised; one
    that is not known becomes `fill`. A category becomes one column per entry of `levels`, scaled
    so that all of them together have half the variance of a number (Hennig and Liao 2013): else
    the groups would be the categories.
    """

    name: str
    log: bool = False
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    sd: float = 1.0
    fill: float = 0.0
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def columns(self, values: pl.Series) -> Matrix:
        """Return one row per value, with one column for a number and one per level otherwise."""
        if self.levels:
            told = np.array(values.cast(pl.String).fill_null(NOT_KNOWN).to_list(), dtype=object)
            hit = np.column_stack([told == level for level in self.levels]).astype(float)
            shares = np.array(self.shares)
            result: Matrix = (hit - shares) / np.sqrt(2 * float((shares * (1 - shares)).sum()))
            return result
        numbers = _numbers(values)
        if self.log:
            numbers = np.log1p(np.maximum(numbers, 0))
        numbers = np.clip(np.where(np.isnan(numbers), self.fill, numbers), self.low, self.high)
        return ((numbers - self.mean) / self.sd)[:, None]


@dataclass(frozen=True)
class Prepared:
    """The features that can be used, in the order of the matrix, and why others cannot."""

    features: tuple[Feature, ...]
    dropped: dict[str, str] = field(default_factory=dict)  # name -> reason

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each category has; they stand after the numbers."""
        return tuple(len(f.levels) for f in self.features if f.levels)

    def matrix(self, frame: pl.DataFrame) -> Matrix:
        """Return one row per row of `frame`."""
        columns = [feature.columns(frame[feature.name]) for feature in self.features]
        return np.hstack(columns) if columns else np.zeros((frame.height, 0))

    def known(self, frame: pl.DataFrame) -> list[bool]:
        """Say of each row whether at least half of the features are known."""
        names = [feature.name for feature in self.features]
        if not names:
            return [False] * frame.height
        filled = frame.select(pl.sum_horizontal(pl.col(names).is_not_null()).alias("n"))["n"]
        return (filled * 2 >= len(names)).to_list()


def _numbers(values: pl.Series) -> Matrix:
    told = values.cast(pl.Float64, strict=False).fill_null(float("nan"))
    numbers = np.array(told.to_numpy(), dtype=float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def prepare(frame: pl.DataFrame, features: Sequence[str]) -> Prepared:
    """Return how the columns `features` of `frame` become numbers, and which of them cannot.

    Texts are categories, numbers and yes/no are numbers. Numbers that are never negative and
    skewed (above 1) are logged; the lowest and highest hundredth are held at their limits. Left
    out: features that nobody has, that more than half of the people lack, or in which at least
    95 % are alike; texts with more than 20 different values.

    >>> made = prepare(pl.DataFrame({"a": [1, 2, 3], "b": [1, 1, 1]}), ["a", "b"])
    >>> made.matrix(pl.DataFrame({"a": [2]})), made.dropped
    (array([[0.]]), {'b': 'alike for all'})
    """
    numbers, categories, dropped = [], [], {}
    for name in features:
        values = frame[name]
        reason = _unusable(values)
        if reason:
            dropped[name] = reason
            continue
        if values.dtype == pl.String:
            told = values.fill_null(NOT_KNOWN).value_counts(sort=True).sort(name)
            shares = tuple((told["count"] / frame.height).to_list())
            categories.append(Feature(name, levels=tuple(told[name].to_list()), shares=shares))
            continue
        made = _scaled(name, _numbers(values))
        if not isfinite(made.sd):
            dropped[name] = "numbers too large to measure their spread"
        elif made.sd > 1e-9:
            numbers.append(made)
        else:
            dropped[name] = "alike for nearly all"
    return Prepared((*numbers, *categories), dropped)


def _unusable(values: pl.Series) -> str:
    known = values.drop_nulls()
    if known.is_empty():
        return "known of nobody"
    if known.n_unique() == 1:
        return "alike for all"
    if len(known) < (1 - _MISSING) * len(values):
        return f"known of {len(known):,} of {len(values):,}"
    if int(known.value_counts()["count"].max() or 0) >= _ONE_VALUE * len(known):  # type: ignore
        return "alike for at least 95 %"
    if values.dtype == pl.String and known.n_unique() > MOST_LEVELS:
        return f"{known.n_unique():,} different texts"
    return ""


@np.errstate(over="ignore", invalid="ignore")  # of numbers near the largest: see `prepare`
def _scaled(name: str, numbers: Matrix) -> Feature:
    known = numbers[~np.isnan(numbers)]
    log = bool(known.min() >= 0 and not _skewness(known) <= _SKEWED)
    if log:
        known = np.log1p(known)
    low, high = (float(value) for value in np.quantile(known, [0.01, 0.99]))
    fill = float(np.median(known))
    held = np.clip(np.concatenate([known, np.full(len(numbers) - len(known), fill)]), low, high)
    sd = float(held.std())
    return Feature(name, log, low, high, float(held.mean()), sd, fill)


def _skewness(values: Matrix) -> float:
    gap = values - values.mean()
    sd = float(values.std())
    return float((gap**3).mean() / sd**3) if sd > 0 else 0.0


@dataclass(frozen=True)
class Groups:
    """What was found. `k` is 1 where no groups hold.

    labels: the group of each row, 0 being the largest. centres: one row per group. strength: of
    each number of groups tried, the prediction strength. tighter: of each number of groups that
    was compared with data without groups, the p-value. jaccard: how well each group came back in
    bootstrap samples. checked: how many rows the last three rest on.
    """

    k: int
    labels: Matrix
    centres: Matrix
    strength: dict[int, float]
    apart: dict[int, float]
    jaccard: tuple[float, ...]
    checked: int

    @property
    def stable(self) -> tuple[bool, ...]:
        """Say of each group whether its Jaccard similarity is at least .75."""
        return tuple(value >= STABLE for value in self.jaccard)


def find_groups(matrix: Matrix, *, widths: Sequence[int] = (), seed: int = 0) -> Groups:
    """Find the groups in `matrix`, or that there are none that hold.

    `widths`: how many of the last columns belong to each category. Of more than 50,000 rows
    k-means sees a random 50,000 and assigns the rest; strength and stability are measured on a
    random 5,000, the comparison with data without groups on 2,000. No number of groups is tried
    that would leave fewer than 30 rows per group on average.
    """
    random = np.random.default_rng(seed)
    checked = _sample(matrix, _CHECKED, random)
    most = min(MOST_GROUPS, len(matrix) // ENOUGH, len(np.unique(checked, axis=0)) - 1)
    strength = {k: prediction_strength(checked, k, seed) for k in range(2, most + 1)}
    apart: dict[int, float] = {}
    for k in sorted((k for k, value in strength.items() if value >= STRONG), reverse=True):
        centres = _k_means(checked, k, seed).cluster_centers_
        apart[k] = apart_p(checked, centres, widths=widths, seed=seed)
        if apart[k] <= APART:
            return _found(matrix, checked, k, strength, apart, seed)
    middle = matrix.mean(axis=0, keepdims=True) if len(matrix) else np.zeros((1, matrix.shape[1]))
    nobody = np.zeros(len(matrix), dtype=np.int64)
    return Groups(1, nobody, middle, strength, apart, (), len(checked))


def _found(
    matrix: Matrix,
    checked: Matrix,
    k: int,
    strength: dict[int, float],
    apart: dict[int, float],
    seed: int,
) -> Groups:
    sample = _sample(matrix, _FIT, np.random.default_rng(seed))
    centres = _k_means(sample, k, seed, starts=10).cluster_centers_
    labels, _ = assign(centres, matrix)
    by_size = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    centres = centres[by_size]
    labels = np.argsort(by_size)[labels]
    jaccard = bootstrap_jaccard(checked, centres, seed)
    return Groups(k, labels, centres, strength, apart, jaccard, len(checked))


def _sample(matrix: Matrix, most: int, random: np.random.Generator) -> Matrix:
    if len(matrix) <= most:
        return matrix
    return matrix[np.sort(random.choice(len(matrix), most, replace=False))]


def _k_means(matrix: Matrix, k: int, seed: int, starts: int = _STARTS) -> Any:
    from sklearn.cluster import KMeans  # seconds to load

    with _threads().limit(limits=1):
        return KMeans(k, n_init=starts, random_state=seed).fit(matrix)


@cache
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController  # it knows the libraries loaded by now

    return ThreadpoolController()


def prediction_strength(matrix: Matrix, k: int, seed: int = 0) -> float:
    """Return how well the groups of one half of the rows foretell those of the other.

    Of each group in one half: the share of its pairs that the other half's centres keep together;
    the worst group counts. Mean over 10 random halvings, each half foretelling the other;
    fewer where the first ones settle that it stays below .8.
    """
    random = np.random.default_rng([seed, k])
    worst = []
    for turn in range(_SPLITS):
        order = random.permutation(len(matrix))
        halves = matrix[order[: len(order) // 2]], matrix[order[len(order) // 2 :]]
        one, other = (_k_means(half, k, seed + turn) for half in halves)
        for teller, told, half in ((one, other, halves[1]), (other, one, halves[0])):
            foretold = assign(teller.cluster_centers_, half)[0]
            kept = []
            for group in range(k):
                sizes = np.bincount(foretold[told.labels_ == group], minlength=k)
                pairs = sizes.sum() * (sizes.sum() - 1)
                kept.append((sizes * (sizes - 1)).sum() / pairs if pairs else 0.0)
            worst.append(min(kept))
        missing = 2 * _SPLITS - len(worst)
        if sum(worst) + missing < STRONG * 2 * _SPLITS:
            break  # not even perfect halvings from here on would make these groups hold
    return float(np.mean(worst))


def bootstrap_jaccard(matrix: Matrix, centres: Matrix, seed: int = 0) -> tuple[float, ...]:
    """Return, per group, how alike it is to the likest group of a bootstrap sample, on average.

    Alike is the Jaccard similarity of the two sets of rows, counted among the rows drawn. Below .6
    a group is unstable, from .75 stable, from .85 highly stable (Hennig 2007).
    """
    k = len(centres)
    labels, _ = assign(centres, matrix)
    random = np.random.default_rng([seed, k, 1])
    total = np.zeros(k)
    for turn in range(_BOOTSTRAPS):
        drawn = random.integers(0, len(matrix), len(matrix))
        again = _k_means(matrix[drawn], k, seed + turn).labels_
        rows, first = np.unique(drawn, return_index=True)
        shared = np.zeros((k, k))
        np.add.at(shared, (labels[rows], again[first]), 1)
        either = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
        total += np.divide(shared, either, out=np.zeros((k, k)), where=either > 0).max(axis=1)
    return tuple(float(value) for value in total / _BOOTSTRAPS)


def apart_p(matrix: Matrix, centres: Matrix, *, widths: Sequence[int] = (), seed: int = 0) -> float:
    """Return how likely two neighbours are one group that was cut in two (p-value, the worst).

    Each group and the one nearest to it are taken together, and the share of their spread that the
    cut leaves inside the two is compared with the best cuts of 99 draws of data without groups
    (SigClust). Such data have the same correlations, and features of the same shape with several
    peaks melted into one (Silverman 1981), joined by a Gaussian copula; features with values that
    many share keep them. Numbers and categories are looked at one after the other, and one of the
    two must tell the neighbours apart; categories without groups are dealt out independently.
    """
    labels, _ = assign(centres, matrix)
    away = ((centres[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(away, np.inf)
    neighbours = {(min(a, b), max(a, b)) for a, b in enumerate(away.argmin(axis=1).tolist())}
    random = np.random.default_rng([seed, len(centres), 2])
    numeric = matrix.shape[1] - sum(widths)
    worst = 0.0
    for a, b in sorted(neighbours, key=lambda pair: (float(away[pair]), pair)):
        rows = _sample(np.flatnonzero((labels == a) | (labels == b)), _COMPARED, random)
        both, first = matrix[rows], labels[rows] == a
        least = _cut_p(both[:, :numeric], first, _numbers_alike(both[:, :numeric]), random, seed)
        if least > APART and widths:
            told = both[:, numeric:]
            least = min(least, _cut_p(told, first, _categories_alike(told, widths), random, seed))
        worst = max(worst, least)
        if worst > APART:
            break
    return worst


def _cut_p(
    matrix: Matrix,
    first: Matrix,
    make: Callable[[np.random.Generator], Matrix],
    random: np.random.Generator,
    seed: int,
) -> float:
    """Return the share of draws from `make` that can be cut in two as tightly as `matrix` is."""
    spread = _spread(matrix)
    if spread <= 0:
        return 1.0
    index = (_spread(matrix[first]) + _spread(matrix[~first])) / spread
    as_tight = 0
    for _ in range(DRAWS):
        drawn = make(random)
        as_tight += float(_k_means(drawn, 2, seed, starts=3).inertia_) <= index * _spread(drawn)
    return (1 + as_tight) / (1 + DRAWS)


def _spread(matrix: Matrix) -> float:
    return float(((matrix - matrix.mean(axis=0)) ** 2).sum())


def _categories_alike(
    matrix: Matrix, widths: Sequence[int]
) -> Callable[[np.random.Generator], Matrix]:
    """Return what deals out the categories of `matrix` independently of each other."""
    edges = np.cumsum((0, *widths))
    blocks = [matrix[:, a:b] for a, b in pairwise(edges)]
    return lambda random: np.hstack([block[random.permutation(len(block))] for block in blocks])


def _numbers_alike(matrix: Matrix) -> Callable[[np.random.Generator], Matrix]:
    """Return what draws numbers like `matrix` without groups."""
    from scipy.special import ndtr

    # two groups may be alike in a feature to the last person
    numbers = matrix[:, matrix.std(axis=0) > 1e-9]
    shapes = [_one_peak(column) for column in numbers.T]
    root = _copula(np.atleast_2d(np.corrcoef(numbers.T)), shapes) if shapes else np.eye(0)

    def draw(random: np.random.Generator) -> Matrix:
        ranks = ndtr(random.standard_normal((len(numbers), len(shapes))) @ root.T)
        return np.column_stack([shape(ranks[:, j]) for j, shape in enumerate(shapes)])

    return draw


def _one_peak(values: Matrix) -> Callable[[Matrix], Matrix]:
    """Return the quantiles of `values` with their several peaks melted into one, as widely spread.

    The least Gaussian smoothing that leaves one peak is Silverman's critical bandwidth.
    """
    from scipy.ndimage import gaussian_filter1d

    if np.unique(values, return_counts=True)[1].max() > _ATOM * len(values):
        in_order = np.sort(values)
        return lambda ranks: in_order[(ranks * len(in_order)).astype(int).clip(0, len(values) - 1)]
    bins, reach = 512, float(np.ptp(values)) / 2
    counts, edges = np.histogram(values, bins, (values.min() - reach, values.max() + reach))
    middles = (edges[1:] + edges[:-1]) / 2

    def smooth(width: float) -> Matrix:
        density: Matrix = gaussian_filter1d(counts.astype(float), width, mode="constant")
        return np.where(density < 1e-9 * density.max(), 0, density)

    narrow, wide = 0.5, bins / 4
    for _ in range(25):
        between = (narrow * wide) ** 0.5
        turns = np.sign(np.diff(smooth(between)))
        turns = turns[turns != 0]
        one_peak = int((np.diff(turns) < 0).sum()) <= 1
        narrow, wide = (narrow, between) if one_peak else (between, wide)
    density = smooth(wide)
    below = np.cumsum(density) / density.sum()
    mean = float((density * middles).sum() / density.sum())
    sd = float(np.sqrt((density * (middles - mean) ** 2).sum() / density.sum()))
    fitted = values.mean() + (middles - mean) * (values.std() / sd)
    return lambda ranks: np.interp(ranks, below, fitted)


def _copula(wanted: Matrix, shapes: Sequence[Callable[[Matrix], Matrix]]) -> Matrix:
    """Return a root of the Gaussian correlations that give `wanted` after taking on the shapes."""
    from scipy.special import ndtr

    normal = np.random.default_rng(0).standard_normal((20_000, len(wanted)))
    latent, root = wanted, np.eye(len(wanted))
    for _ in range(4):  # a few steps are enough: the shapes weaken correlations a little
        values, vectors = np.linalg.eigh(np.clip(latent, -0.999, 0.999))
        root = vectors * np.sqrt(np.maximum(values, 1e-6))
        root = root / np.sqrt((root**2).sum(axis=1, keepdims=True))
        ranks = ndtr(normal @ root.T)
        made = np.column_stack([shape(ranks[:, j]) for j, shape in enumerate(shapes)])
        latent = root @ root.T + wanted - np.atleast_2d(np.corrcoef(made.T))
        np.fill_diagonal(latent, 1)
    return root


def assign(centres: Matrix, matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return the nearest centre of each row, and by what margin: 1 at the centre, 0 between two.

    The margin is 1 - (distance to the nearest) / (distance to the second nearest).

    >>> assign(np.array([[0.0], [10.0]]), np.array([[0.0], [5.0], [8.0]]))
    (array([0, 0, 1]), array([1.  , 0.  , 0.75]))
    """
    labels = np.zeros(len(matrix), dtype=np.int64)
    margin = np.ones(len(matrix))
    for start in range(0, len(matrix), 100_000):
        part = slice(start, start + 100_000)
        away = np.stack([((matrix[part] - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
        labels[part] = away.argmin(axis=1)
        if len(centres) > 1:
            two = np.sqrt(np.partition(away, 1, axis=1)[:, :2])
            ratio = np.divide(two[:, 0], two[:, 1], out=np.ones(len(two)), where=two[:, 1] > 0)
            margin[part] = 1 - ratio
    return labels, margin


def away(centres: Matrix, matrix: Matrix, labels: Sequence[int]) -> list[float]:
    """Return how far each row is from the centre of its group."""
    gaps = matrix - centres[np.asarray(labels, dtype=int)]
    return np.sqrt((gaps**2).sum(axis=1)).tolist()  # type: ignore[no-any-return]


def points(rows: Iterable[Sequence[float]]) -> Matrix:
    """Return kept centres as `assign` takes them."""
    return np.array(list(rows), dtype=float)


def differences(matrix: Matrix, labels: Matrix, k: int) -> list[list[float]]:
    """Return, per group, the standardised difference of each column to all other rows.

    Cohen's d with the spread inside the group and inside the rest pooled; 0 where neither varies.
    """
    result = []
    for group in range(k):
        one, rest = matrix[labels == group], matrix[labels != group]
        gap = one.mean(axis=0) - rest.mean(axis=0)
        spread = (len(one) * one.var(axis=0) + len(rest) * rest.var(axis=0)) / len(matrix)
        within = np.sqrt(spread)
        result.append(np.divide(gap, within, out=np.zeros_like(gap), where=within > 1e-9).tolist())
    return result


def matched(old: Sequence[int], new: Sequence[int]) -> dict[int, int]:
    """Return which old label each new label is, so that as many rows as possible agree.

    The Hungarian assignment on the rows that both share; a new label beyond the old ones gets the
    next free number.

    >>> matched([0, 0, 1, 1], [5, 5, 3, 3])
    {3: 1, 5: 0}
    """
    from scipy.optimize import linear_sum_assignment

    olds, one = np.unique(np.asarray(old), return_inverse=True)
    news, other = np.unique(np.asarray(new), return_inverse=True)
    shared = np.zeros((len(news), len(olds)))
    np.add.at(shared, (other, one), 1)
    rows, columns = linear_sum_assignment(-shared)
    pairs = {int(news[r]): int(olds[c]) for r, c in zip(rows, columns, strict=True)}
    free = int(olds.max(initial=-1)) + 1
    for label in news.tolist():
        if label not in pairs:
            pairs[label], free = free, free + 1
    return dict(sorted(pairs.items()))


def adjusted_rand(one: Sequence[Any], other: Sequence[Any]) -> float:
    """Return how far two groupings of the same rows agree: 1 wholly, 0 as by chance.

    Hubert and Arabie (1985); what the groups are called does not matter.

    >>> adjusted_rand([0, 0, 1, 1], ["b", "b", "a", "a"])
    1.0
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def psi(before: pl.Series, after: pl.Series) -> float | None:
    """Return the population stability index: above .25 a feature is no longer what it was.

    Numbers fall into the tenths of `before`, texts are their own classes, and what is not known is
    a class of its own; None where a side is empty. An empty class counts as half a case.

    >>> psi(pl.Series([1, 2, 3, 4]), pl.Series([1, 2, 3, 4]))
    0.0
    """
    if before.is_empty() or after.is_empty():
        return None
    if before.dtype == pl.String:
        sides = [side.cast(pl.String).fill_null(NOT_KNOWN) for side in (before, after)]
    else:
        known = _numbers(before.drop_nulls())
        edges = np.unique(np.quantile(known, np.linspace(0.1, 0.9, 9)) if len(known) else known)
        sides = []
        for side in (before, after):
            numbers = _numbers(side)
            place = np.searchsorted(edges, numbers)
            sides.append(pl.Series(np.where(np.isnan(numbers), -1, place)))
    classes = sorted({*sides[0].unique().to_list(), *sides[1].unique().to_list()})
    counts = [dict(side.value_counts().iter_rows()) for side in sides]
    total = 0.0
    for name in classes:
        p, q = (max(c.get(name, 0), 0.5) / len(s) for c, s in zip(counts, sides, strict=True))
        total += (q - p) * float(np.log(q / p))
    return total


def gower(frame: pl.DataFrame, *, asymmetric: Sequence[str] = ()) -> Matrix:
    """Return how far each pair of rows is apart, 0 to 1, over features of all kinds (Gower 1971).

    Numbers: the gap as a share of the range; texts and yes/no: 0 where alike, else 1. `asymmetric`
    names 0/1 features in which two zeros say nothing. A feature that one of the two lacks is left
    out of their mean; a pair with nothing to compare is not-a-number.

    >>> gower(pl.DataFrame({"size": [0, 5, 10], "kind": ["a", "a", "b"]})).tolist()
    [[0.0, 0.25, 1.0], [0.25, 0.0, 0.75], [1.0, 0.75, 0.0]]
    """
    total = np.zeros((frame.height, frame.height))
    weight = np.zeros_like(total)
    for name in frame.columns:
        column = frame[name]
        if column.dtype == pl.String:
            values = column.cast(pl.Categorical).to_physical().cast(pl.Float64)
            numbers = _numbers(values)
            gap = (numbers[:, None] != numbers[None, :]).astype(float)
        else:
            numbers = _numbers(column)
            reach = float(np.nanmax(numbers) - np.nanmin(numbers)) if column.count() else 0.0
            gap = np.abs(numbers[:, None] - numbers[None, :]) / (reach or 1.0)
        known = ~np.isnan(numbers)
        counts = known[:, None] & known[None, :]
        if name in asymmetric:
            counts &= (numbers[:, None] != 0) | (numbers[None, :] != 0)
        total += np.where(counts, gap, 0)
        weight += counts
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
