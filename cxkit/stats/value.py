"""What will a customer buy, for how much, and how long does a contract last?

Three published models, each fitted by maximum likelihood on the logarithms of its parameters:

- BG/NBD (Fader, Hardie and Lee 2005): everyone buys at an own steady rate and may leave for good
  after each purchase; rates vary as a gamma, chances to leave as a beta distribution.
- Gamma-Gamma (Fader and Hardie 2013): purchases vary around an own mean, and means vary between
  customers; how much somebody spends has to be independent of how often they buy.
- sBG (Fader and Hardie 2007): contracts end with an own steady chance at each renewal.

The intervals of what they expect come from the uncertainty of the parameters alone (the delta
method with the observed information); what one customer does varies far more.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from cxkit.stats.intervals import ENOUGH, Interval, Z, mean

CLOSE = 0.10  # near enough to act on, however sure it is that a million customers differ a little
LEAST_RETURNING = 0.05  # of the buyers: with fewer, rate and departure cannot be told apart
# The ends of the parameters' logarithms: beyond e^6 everybody is alike, and nothing changes.
_BUYING_BOUNDS = [(-12.0, 6.0), (-20.0, 20.0), (-12.0, 6.0), (-12.0, 12.0)]
_SPENDING_BOUNDS = [(-12.0, 12.0), (-12.0, 12.0), (-30.0, 30.0)]
_LEAVING_BOUNDS = [(-12.0, 12.0), (-12.0, 12.0)]
_MANY = 20_000  # kinds of customers, of which a sample says where to begin
_FLAT = 0.01  # information added in every direction: nothing is less known than to a factor e^10
_STEP = 1e-4  # of a logarithm of a parameter, for derivatives

Array = np.ndarray
Scored = Callable[[Array], tuple[float, Array]]


class Buying(NamedTuple):
    """A fitted BG/NBD model: rates are gamma(r, alpha), chances to leave are beta(a, b).

    `alpha` is in the unit of time of the data. `spread` is the covariance of the parameters'
    logarithms.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    spread: Array

    @property
    def logs(self) -> Array:
        """The logarithms of the four parameters."""
        return np.log([self.r, self.alpha, self.a, self.b])


class Spending(NamedTuple):
    """A fitted Gamma-Gamma model; `spread` is the covariance of the parameters' logarithms."""

    p: float
    q: float
    v: float
    log_likelihood: float
    spread: Array

    @property
    def logs(self) -> Array:
        """The logarithms of the three parameters."""
        return np.log([self.p, self.q, self.v])

    @property
    def mean(self) -> float | None:
        """What a purchase of a customer unknown yet is expected to cost; None: without bound."""
        return self.p * self.v / (self.q - 1) if self.q > 1.01 else None


class Leaving(NamedTuple):
    """A fitted sBG model: the chance to leave at a renewal is beta(alpha, beta)."""

    alpha: float
    beta: float
    log_likelihood: float

    def staying(self, renewals: Sequence[int]) -> list[float]:
        """Return the share that is expected to be left after each number of renewals."""
        t = np.asarray(renewals, dtype=float)
        shares = np.exp(betaln(self.alpha, self.beta + t) - betaln(self.alpha, self.beta))
        return [float(share) for share in shares]

    def retention(self, renewals: Sequence[int]) -> list[float]:
        """Return the share of those still there that is expected to renew, for the t-th time."""
        t = np.asarray(renewals, dtype=float)
        shares = (self.beta + t - 1) / (self.alpha + self.beta + t - 1)
        return [float(share) for share in shares]


class Forecast(NamedTuple):
    """What customers are expected to do: a table in the order of the customers, and two totals.

    `total` is what all are expected to bring, `top` the share of it that the best tenth brings.
    """

    table: pl.DataFrame
    total: Interval
    top: Interval


def why_no_model(people: pl.DataFrame) -> str | None:
    """Say in half a sentence why purchases carry no BG/NBD model; None where they do.

    `people`: repeats and age as for `fit_buying`, and `customers` where rows stand for several.
    """
    each = _times(people)
    repeats, ages = _column(people, "repeats"), _column(people, "age")
    buyers, returning = int(each.sum()), int(each[repeats > 0].sum())
    if buyers == 0:
        return "nobody has bought"
    if buyers < ENOUGH:
        return f"there are {buyers:,} buyers only" if buyers > 1 else "there is one buyer only"
    if ages.max() <= 0:
        return "all purchases are of one day"
    who = f"of {buyers:,} buyers {returning:,} have"
    if returning < 2:
        who = f"of {buyers:,} buyers {'one' if returning else 'none'} has"
    if returning < ENOUGH or returning < LEAST_RETURNING * buyers:
        share = f" ({100 * returning / buyers:.1f} %)" if returning > 1 else ""
        return f"{who} bought on a second day{share}"
    return None


def fit_buying(people: pl.DataFrame) -> Buying:
    """Fit BG/NBD to how often, until when and for how long customers have bought.

    `people`: one row per customer, or per kind of customer with their number in `customers`:
    repeats (purchase days after the first), last (time from the first purchase to the last) and
    age (time from the first purchase to the end of the data), in one unit of time.
    """
    kinds = (
        people.with_columns(
            pl.col("customers") if "customers" in people.columns else pl.lit(1).alias("customers")
        )
        .group_by("repeats", "last", "age")
        .agg(pl.col("customers").sum())
        .sort("repeats", "last", "age")
    )
    starts = [
        np.log([r, scale * _typical_age(kinds), a, b])
        for r, scale, a, b in ((1, 0.5, 1, 2), (0.3, 0.1, 0.5, 2), (2, 0.5, 0.1, 2))
    ]
    if kinds.height > _MANY:  # a sample knows where to begin
        few = _Kinds(kinds.gather_every(kinds.height // _MANY + 1))
        starts = [_best(few.score, starts, _BUYING_BOUNDS)[0]]
    logs, likelihood, spread = _fitted(_Kinds(kinds).score, starts, _BUYING_BOUNDS)
    r, alpha, a, b = np.exp(logs).tolist()
    return Buying(r, alpha, a, b, likelihood, spread)


def _typical_age(kinds: pl.DataFrame) -> float:
    return max(float(np.average(_column(kinds, "age"), weights=_times(kinds))), 1e-9)


class _Kinds:
    """Kinds of customers, sorted so that the likelihood works out each part only once."""

    def __init__(self, kinds: pl.DataFrame) -> None:
        x, each = _column(kinds, "repeats"), _times(kinds)
        self.counts, place = np.unique(x, return_inverse=True)
        self.of_count = np.bincount(place, weights=each)  # customers per number of repeats
        age, last = _column(kinds, "age"), _column(kinds, "last")
        again = x > 0
        self.never, self.of_never = age[~again], each[~again]
        self.x, self.place, self.each = x[again], place[again], each[again]
        self.ages, self.age = np.unique(age[again], return_inverse=True)
        self.lasts, self.last = np.unique(last[again], return_inverse=True)

    def score(self, logs: Array) -> tuple[float, Array]:
        """Return the log-likelihood and its slope in the logarithms of the parameters."""
        r, alpha, a, b = values = np.exp(logs)
        x = self.counts
        whole = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b)
        whole += gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        before = np.where(x > 0, b + x - 1, 1.0)
        stayed, left = np.log(alpha + self.ages)[self.age], np.log(alpha + self.lasts)[self.last]
        power = r + self.x
        here = -power * stayed
        # the two ways to have come here: still a customer, or gone since the last purchase
        more = (np.log(a) - np.log(before))[self.place] + power * (stayed - left)
        gone = self.each * expit(more)
        there = self.each - gone
        total = (
            self.of_count @ whole
            + self.each @ (here + np.logaddexp(0, more))
            - r * (self.of_never @ np.log(alpha + self.never))
        )
        turn = digamma(a + b) - digamma(a + b + x)
        slopes = (
            self.of_count @ (digamma(r + x) - digamma(r) + np.log(alpha))
            - self.of_never @ np.log(alpha + self.never)
            - there @ stayed
            - gone @ left,
            self.of_count.sum() * r / alpha
            - r * (self.of_never @ (1 / (alpha + self.never)))
            - (there * power) @ (1 / (alpha + self.ages))[self.age]
            - (gone * power) @ (1 / (alpha + self.lasts))[self.last],
            self.of_count @ turn + gone.sum() / a,
            self.of_count @ (turn + digamma(b + x) - digamma(b)) - gone @ (1 / before)[self.place],
        )
        return float(total), values * np.array(slopes)


def alive(model: Buying, people: pl.DataFrame) -> pl.Series:
    """Return the chance that each customer has not left for good.

    For somebody without a repeat it is 1 by construction: the model lets people leave only after
    a repeat purchase, so it says nothing about them.
    """
    x, last, age = (_column(people, name) for name in ("repeats", "last", "age"))
    return pl.Series("alive_share", _alive(model.logs, x, last, age))


def _alive(logs: Array, x: Array, last: Array, age: Array) -> Array:
    r, alpha, a, b = np.exp(logs)
    odds = np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0))
    odds = odds + (r + x) * (np.log(alpha + age) - np.log(alpha + last))
    return np.where(x > 0, expit(-odds), 1.0)


def expected_purchases(model: Buying, people: pl.DataFrame, horizon: float) -> pl.Series:
    """Return how many purchase days each customer is expected to have within the next `horizon`.

    >>> cdnow = Buying(0.2426, 4.4137, 0.7930, 2.4262, 0, np.eye(4))
    >>> ann = pl.DataFrame({"repeats": [2], "last": [30.43], "age": [38.86]})
    >>> expected_purchases(cdnow, ann, 39).round(3).to_list()
    [1.226]
    """
    x, last, age = (_column(people, name) for name in ("repeats", "last", "age"))
    return pl.Series("expected_orders", _expected(model.logs, x, last, age, horizon))


def mean_purchases(model: Buying, horizon: float) -> float:
    """Return how many repeat purchases a new customer is expected to make within `horizon`."""
    none = np.zeros(1)
    return float(_expected(model.logs, none, none, none, horizon)[0])


def _expected(logs: Array, x: Array, last: Array, age: Array, horizon: float) -> Array:
    r, alpha, a, b = np.exp(logs)
    if abs(a - 1) < 1e-5:  # the formula divides by a - 1; what it says has no jump there
        a = 1 + 1e-5
    ahead = horizon / (alpha + age + horizon)
    third = a + b + x - 1
    third = np.where(np.abs(third) < 1e-7, 1e-7, third)
    # Euler's transformation of the published formula: no power of x, so nothing overflows
    left = (1 - ahead) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, third, ahead)
    return np.asarray(third / (a - 1) * (1 - left) * _alive(logs, x, last, age))


class Check(NamedTuple):
    """How many purchases the model expected in days kept apart, and how many came.

    `came` has the interval of so many customers' total, not-a-number where all did the same.
    """

    expected: float
    came: Interval

    @property
    def beyond_chance(self) -> bool:
        """Whether the model is off by more than chance allows."""
        return self.expected < self.came.low or self.expected > self.came.high

    @property
    def off(self) -> bool:
        """Whether it is off beyond chance, and by more than a tenth of what came."""
        far = abs(self.expected - self.came.value) > CLOSE * self.came.value
        return far and (bool(np.isnan(self.came.low)) or self.beyond_chance)


def check_total(kinds: pl.DataFrame, expected: pl.Series, days: int) -> Check:
    """Set the purchases expected in the `days` kept apart beside those that came.

    `kinds`: one row per kind of customer, `customers` of them, each with `later` purchase days;
    `expected`: purchase days expected of each of them.
    """
    times, later = _times(kinds), _column(kinds, "later")
    n, total, squares = int(times.sum()), float(times @ later), float(times @ later**2)
    each = mean(n, total, squares, 0, days)
    came = Interval(total, n * each.low, n * each.high)
    return Check(float((expected * kinds["customers"]).sum()), came)


def fit_spending(people: pl.DataFrame) -> Spending:
    """Fit Gamma-Gamma to what repeat purchases cost.

    `people`: one row per customer with `spend_days` (repeat purchases with an amount, at least 1)
    and `mean_spend` (what one of them cost on average, above 0).
    """
    sorted_ = people.sort("spend_days", "mean_spend")
    x, z = _column(sorted_, "spend_days"), _column(sorted_, "mean_spend")
    typical = float(np.mean(z))

    def score(logs: Array) -> tuple[float, Array]:
        p, q, v = np.exp(logs)
        all_of, beyond = p * x, np.log(v + x * z)
        total = float(
            np.sum(
                gammaln(all_of + q)
                - gammaln(all_of)
                - gammaln(q)
                + q * np.log(v)
                + (all_of - 1) * np.log(z)
                + all_of * np.log(x)
                - (all_of + q) * beyond
            )
        )
        both = digamma(all_of + q)
        slopes = (
            np.sum(x * (both - digamma(all_of) + np.log(z) + np.log(x) - beyond)),
            np.sum(both - digamma(q) + np.log(v) - beyond),
            np.sum(q / v - (all_of + q) / (v + x * z)),
        )
        return total, np.array(slopes) * np.exp(logs)

    starts = [np.log([p, q, typical * (q - 1) / p]) for p, q in ((2, 4), (6, 2), (20, 10))]
    logs, likelihood, spread = _fitted(score, starts, _SPENDING_BOUNDS)
    p, q, v = np.exp(logs).tolist()
    return Spending(p, q, v, likelihood, spread)


def expected_spend(model: Spending, people: pl.DataFrame) -> pl.Series:
    """Return what the next purchase of each customer is expected to cost.

    It lies between the customer's own mean and that of all; without a repeat (spend_days 0) it is
    that of all.
    """
    x, z = _column(people, "spend_days"), _column(people, "mean_spend")
    return pl.Series("expected_spend", _spend(model.logs, x, z))


def _spend(logs: Array, x: Array, z: Array) -> Array:
    p, q, v = np.exp(logs)
    return np.asarray(p * (v + x * np.where(x > 0, z, 0.0)) / (p * x + max(q - 1, 1e-9)))


def spend_with_frequency(people: pl.DataFrame) -> float | None:
    """Return the correlation of repeats with mean spend, of customers with a repeat.

    Gamma-Gamma takes it for 0. None where one of the two does not vary.
    """
    again = people.filter(pl.col("spend_days") > 0)
    x, z = _column(again, "repeats"), _column(again, "mean_spend")
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(z) <= 1e-9 * np.max(np.abs(z)):
        return None
    return float(np.corrcoef(x, z)[0, 1])


def forecast(
    people: pl.DataFrame, buying: Buying, spending: Spending | None, horizon: float
) -> Forecast:
    """Return what each customer is expected to bring within the next `horizon`, with intervals.

    `people` as for `fit_buying` and `fit_spending`, one row per customer. The table has, in the
    same order: alive_share, expected_orders, expected_spend, expected_value (orders x spend), and
    the ends of the intervals of orders and value. Without a model of spending the last two are
    null, and the totals count purchases.
    """
    kinds, place = np.unique(
        np.column_stack([_column(people, name) for name in ("repeats", "last", "age")]),
        axis=0,
        return_inverse=True,
    )
    x, last, age = kinds.T
    place = place.reshape(-1)

    def orders_of(logs: Array) -> Array:
        return _expected(logs, x, last, age, horizon)

    expected, slopes = _with_slopes(orders_of, buying.logs)
    error = np.sqrt(np.einsum("ij,jk,ik->i", slopes, buying.spread, slopes))
    columns = {
        "alive_share": _alive(buying.logs, x, last, age)[place],
        "expected_orders": expected[place],
        "expected_orders_low": (expected * np.exp(-Z * error))[place],
        "expected_orders_high": (expected * np.exp(Z * error))[place],
    }
    worth, slopes, spread = expected[place], slopes[place], buying.spread
    none = np.full(len(place), np.nan)
    columns |= dict.fromkeys(_OF_VALUE, none)
    if spending is not None:
        days, means = _column(people, "spend_days"), _column(people, "mean_spend")
        spend, more = _with_slopes(lambda logs: _spend(logs, days, means), spending.logs)
        worth, slopes = worth * spend, np.hstack([slopes, more])
        spread = np.zeros((7, 7))
        spread[:4, :4], spread[4:, 4:] = buying.spread, spending.spread
        error = np.sqrt(np.einsum("ij,jk,ik->i", slopes, spread, slopes))
        ends = (worth * np.exp(-Z * error), worth * np.exp(Z * error))
        columns |= dict(zip(_OF_VALUE, (spend, worth, *ends), strict=True))
    table = pl.DataFrame(columns).with_columns(pl.all().fill_nan(None))
    return Forecast(table, *_totals(worth, slopes, spread))


_OF_VALUE = ("expected_spend", "expected_value", "expected_value_low", "expected_value_high")


def _totals(worth: Array, slopes: Array, spread: Array) -> tuple[Interval, Interval]:
    """Return all worth together, and the share of it that the best tenth brings."""
    best = np.argsort(-worth, kind="stable")[: -(-len(worth) // 10)]
    total, top = float(worth.sum()), float(worth[best].sum())
    if total <= 0:
        nothing = Interval(0.0, 0.0, 0.0)
        return nothing, nothing
    of_all = worth @ slopes / total
    of_top = worth[best] @ slopes[best] / top
    error = float(np.sqrt(of_all @ spread @ of_all))
    share = top / total
    # on the scale of log-odds, where a share cannot leave 0 to 1
    turn = (of_top - of_all) / max(1 - share, 1e-9)
    odds, turned = np.log(share / max(1 - share, 1e-9)), float(np.sqrt(turn @ spread @ turn))
    low, high = expit(odds - Z * turned), expit(odds + Z * turned)
    return (
        Interval(total, total * float(np.exp(-Z * error)), total * float(np.exp(Z * error))),
        Interval(share, float(low), float(high)),
    )


def fit_leaving(ended: Sequence[int], still: Sequence[int]) -> Leaving:
    """Fit sBG to how many contracts ended at their 1st, 2nd … renewal, and how many still run.

    `ended[t - 1]` counts contracts that ended at their t-th renewal, `still[t - 1]` those that
    renewed t times and have not come to the next renewal yet.

    >>> model = fit_leaving([131, 126, 90, 60, 42, 34, 26], [0, 0, 0, 0, 0, 0, 491])
    >>> round(model.alpha, 3), round(model.beta, 3)
    (0.668, 3.806)
    """
    gone, open_ = np.asarray(ended, dtype=float), np.asarray(still, dtype=float)
    t = np.arange(1, len(gone) + 1, dtype=float)

    def score(logs: Array) -> tuple[float, Array]:
        alpha, beta = np.exp(logs)
        at_start = betaln(alpha, beta)
        left = betaln(alpha + 1, beta + t - 1) - at_start
        stayed = betaln(alpha, beta + t) - at_start
        total = float(gone @ left + open_ @ stayed)
        both = digamma(alpha + beta) - digamma(alpha + beta + t)
        slope_alpha = gone @ (digamma(alpha + 1) - digamma(alpha) + both) + open_ @ both
        slope_beta = gone @ (digamma(beta + t - 1) - digamma(beta) + both)
        slope_beta += open_ @ (digamma(beta + t) - digamma(beta) + both)
        return total, np.array([alpha * slope_alpha, beta * slope_beta])

    starts = [np.log([1.0, 1.0]), np.log([1.0, 10.0])]
    logs, likelihood, _ = _fitted(score, starts, _LEAVING_BOUNDS)
    alpha, beta = np.exp(logs)
    return Leaving(float(alpha), float(beta), likelihood)


def _fitted(
    score: Scored, starts: list[Array], bounds: list[tuple[float, float]]
) -> tuple[Array, float, Array]:
    """Return the best logarithms of the parameters, their log-likelihood and their covariance."""
    logs, likelihood = _best(score, starts, bounds)
    return logs, likelihood, _spread(score, logs)


def _best(
    score: Scored, starts: list[Array], bounds: list[tuple[float, float]]
) -> tuple[Array, float]:
    """Return the highest point that the climbs from all starts have found."""
    found: Any = None
    for start in starts:
        tried = minimize(
            lambda logs: tuple(-part for part in score(logs)),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
        )
        if np.isfinite(tried.fun) and (found is None or tried.fun < found.fun - 1e-9):
            found = tried
    return np.asarray(found.x), -float(found.fun)


def _spread(score: Scored, logs: Array) -> Array:
    """Return the covariance of the estimates: the inverse of the observed information."""
    steps = np.eye(len(logs)) * _STEP
    bends = [(score(logs + step)[1] - score(logs - step)[1]) / (2 * _STEP) for step in steps]
    information = -(np.array(bends) + np.array(bends).T) / 2
    sizes, ways = np.linalg.eigh(information)
    return np.asarray((ways / (np.maximum(sizes, 0) + _FLAT)) @ ways.T)


def _with_slopes(expected: Callable[[Array], Array], logs: Array) -> tuple[Array, Array]:
    """Return what is expected, and how its logarithm moves with the parameters' logarithms."""
    values = expected(logs)
    slopes = np.zeros((len(values), len(logs)))
    for place, step in enumerate(np.eye(len(logs)) * _STEP):
        change = expected(logs + step) - expected(logs - step)
        np.divide(change, 2 * _STEP * values, out=slopes[:, place], where=values > 0)
    return values, slopes


def _column(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].cast(pl.Float64).fill_null(0).to_numpy()


def _times(frame: pl.DataFrame) -> Array:
    """Return how many customers each row stands for."""
    return _column(frame, "customers") if "customers" in frame.columns else np.ones(frame.height)
