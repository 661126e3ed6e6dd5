"""What goes with a higher or lower risk, at each moment of those still at risk?"""

from collections.abc import Sequence
from math import exp, inf, nan
from typing import NamedTuple

import numpy as np
import polars as pl

from cxkit.stats.intervals import Interval, Z, two_sided

_ROUNDS = 50
_SURE = 50.0  # standard deviations of a feature: no error is as large as that
_NEAR = 1e-9  # a gain of log-likelihood that is none


class Hazards(NamedTuple):
    """A fitted Cox model: one entry per feature.

    `log_ratio` holds the coefficients and `error` their standard errors; `settled` is false where
    no maximum was found, as when nobody with a feature came to an end.
    """

    log_ratio: tuple[float, ...]
    error: tuple[float, ...]
    log_likelihood: float
    settled: bool

    def ratio(self, place: int = 0) -> Interval:
        """Return the hazard ratio of a feature with its Wald interval."""
        middle, wide = self.log_ratio[place], Z * self.error[place]
        return Interval(_exp(middle), _exp(middle - wide), _exp(middle + wide))

    def p_value(self, place: int = 0) -> float:
        """Return how likely so large a coefficient is where there is none (Wald)."""
        return two_sided(self.log_ratio[place] / self.error[place])


def _exp(value: float) -> float:
    return exp(min(value, 700.0)) if value == value else float("nan")


def cox(cases: pl.DataFrame, features: Sequence[str]) -> Hazards:
    """Fit Cox's proportional hazards (1972), with ties after Efron (1977), by Newton's method.

    `cases`: one row per stretch of time in which the features of a case stand still, from `start`
    to `stop`; `ended` is true where the case came to its end at `stop`. A case is at risk after
    `start` and up to `stop`, so that features may change over time.

    >>> cases = pl.DataFrame({"start": [0] * 6, "stop": [1, 2, 3, 4, 5, 6], "ended": [True] * 6})
    >>> cox(cases.with_columns(x=pl.Series([1, 0, 1, 1, 0, 0])), ["x"]).ratio()
    Interval(value=4.03..., low=0.41..., high=39.5...)
    """
    start, stop = (cases[name].to_numpy().astype(float) for name in ("start", "stop"))
    ended = cases["ended"].to_numpy().astype(bool)
    told = cases.select(features).to_numpy().astype(float).reshape(len(stop), len(features))
    middle = told.mean(axis=0) if len(told) else np.zeros(len(features))
    spread = told.std(axis=0) if len(told) else np.ones(len(features))
    spread = np.where(spread > 0, spread, 1.0)
    fit = _Partial(start, stop, ended, (told - middle) / spread)
    beta = np.zeros(len(features))
    value, slope, bend = fit.at(beta)
    settled = False
    for _ in range(_ROUNDS if ended.any() else 0):
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        ahead = fit.at(beta + step)
        while not value - _NEAR <= ahead[0] < inf and np.abs(step).max() > 1e-12:
            step = step / 2
            ahead = fit.at(beta + step)
        gain, beta = ahead[0] - value, beta + step
        value, slope, bend = ahead
        if not np.isfinite(bend).all():
            return Hazards((nan,) * len(beta), (nan,) * len(beta), nan, settled=False)
        if abs(gain) < _NEAR * (1 + abs(value)):
            settled = True
            break
    inverse = np.linalg.pinv(bend) if len(features) else bend
    error = np.sqrt(np.clip(np.diag(inverse), 0, None))
    # a coefficient that runs away has no maximum, and no error to speak of
    settled = settled and bool(((error > 0) & (error < _SURE)).all())
    return Hazards(
        tuple((beta / spread).tolist()), tuple((error / spread).tolist()), float(value), settled
    )


class _Partial:
    """Efron's partial likelihood: sorted once, asked at many coefficients."""

    def __init__(
        self, start: np.ndarray, stop: np.ndarray, ended: np.ndarray, features: np.ndarray
    ) -> None:
        self.features = features
        self.by_stop, self.by_start = np.argsort(stop), np.argsort(start)
        times, place = np.unique(stop[ended], return_inverse=True)
        self.ends = np.flatnonzero(ended)
        self.place = place
        # from these places on a case is still there, or has not come yet
        self.here = np.searchsorted(stop[self.by_stop], times, side="left")
        self.later = np.searchsorted(start[self.by_start], times, side="left")
        ties = np.bincount(place, minlength=len(times))
        self.which = np.repeat(np.arange(len(times)), ties)
        first = np.concatenate(([0], np.cumsum(ties)[:-1])).astype(int)
        # of d ends at one time the k-th is drawn from the others and a part (d - k) / d of the d
        self.part = (np.arange(len(self.which)) - first[self.which]) / ties[self.which]

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log-likelihood, its slope and the information matrix."""
        x, n = self.features, len(beta)
        with np.errstate(over="ignore", invalid="ignore"):
            line = x @ beta
            risk = np.exp(line - line.max(initial=0))
            first = risk[:, None] * x
            second = (first[:, :, None] * x[:, None, :]).reshape(len(x), n * n)
            sums = np.column_stack([risk, first, second])
            total = self._at_risk(sums)
            tied = np.zeros_like(total)
            np.add.at(tied, self.place, sums[self.ends])
            drawn = total[self.which] - self.part[:, None] * tied[self.which]
            base = drawn[:, 0]
            mean = drawn[:, 1 : 1 + n] / base[:, None]
            spread = drawn[:, 1 + n :].reshape(-1, n, n) / base[:, None, None]
            value = (line - line.max(initial=0))[self.ends].sum() - np.log(base).sum()
            slope = x[self.ends].sum(axis=0) - mean.sum(axis=0)
            bend = (spread - mean[:, :, None] * mean[:, None, :]).sum(axis=0)
        return float(value), slope, bend

    def _at_risk(self, sums: np.ndarray) -> np.ndarray:
        """Sum over the cases at risk at each time of an end."""

        def onward(order: np.ndarray, places: np.ndarray) -> np.ndarray:
            tail = np.zeros((len(order) + 1, sums.shape[1]))
            tail[:-1] = sums[order][::-1].cumsum(axis=0)[::-1]
            found: np.ndarray = tail[places]
            return found

        there: np.ndarray = onward(self.by_stop, self.here) - onward(self.by_start, self.later)
        return there
