"""How long does it last, when some cases are still going on?"""

from typing import NamedTuple

import numpy as np
import polars as pl

from cxkit.stats.intervals import ENOUGH

_ENOUGH_LATER = 10  # cases still watched at the far end of the horizon


class Curve(NamedTuple):
    """A Kaplan-Meier curve: one entry per distinct time at which something ended.

    `at_risk` counts the cases still going on just before each time; `error` is Greenwood's.
    """

    time: np.ndarray
    survival: np.ndarray
    at_risk: np.ndarray
    error: np.ndarray

    @property
    def median(self) -> float | None:
        """The first time at which at most half still go on; None where that is not reached."""
        below = np.nonzero(self.survival <= 0.5)[0]
        return float(self.time[below[0]]) if len(below) else None


def kaplan_meier(durations: np.ndarray, ended: np.ndarray) -> Curve:
    """Return the product-limit estimate (Kaplan and Meier 1958) with Greenwood's error.

    `durations` is how long each case was watched; `ended` is true where it ended then and false
    where it was still going on (censored). Of cases that end and cases that are censored at the
    same time, the ends come first.

    >>> kaplan_meier(np.array([1, 2, 2, 3]), np.array([True, True, False, False])).survival
    array([0.75, 0.5 ])
    """
    times, place = np.unique(np.asarray(durations, dtype=float), return_inverse=True)
    left = np.bincount(place, minlength=len(times))
    ends = np.bincount(place, weights=np.asarray(ended, dtype=float), minlength=len(times))
    at_risk, survival = _product_limit(left, ends)
    staying = at_risk - ends
    terms = np.divide(ends, at_risk * staying, out=np.zeros(len(times)), where=staying > 0)
    error = survival * np.sqrt(np.cumsum(terms))
    some = ends > 0
    return Curve(times[some], survival[some], at_risk[some], error[some])


def _product_limit(left: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cases at risk and share still going on, per time; `left` counts ends and censored."""
    at_risk = left[::-1].cumsum()[::-1]
    kept = np.divide(at_risk - ends, at_risk, out=np.ones(len(left)), where=at_risk > 0)
    return at_risk, np.cumprod(kept)


def return_curve(
    spells: pl.DataFrame, horizon_days: int, weights: np.ndarray | None = None
) -> pl.DataFrame:
    """Return, per day of silence, the chance of coming back within the next `horizon_days`.

    `spells`: one row per silence with `days` (until the return, or until we stopped watching)
    and `returned`; `weights` counts each several times. One row per day 0, 1, 2 … as far as the
    data reach: silent_days, at_risk (silences at least that long), at_risk_later (at least
    `horizon_days` longer), still_silent_share = S(d) by Kaplan-Meier, and
    return_share = R(d) = 1 - S(d + horizon) / S(d).
    """
    days = spells["days"].to_numpy()
    returned = spells["returned"].to_numpy().astype(float)
    left = np.bincount(days, weights=weights)
    ends = np.bincount(days, weights=returned if weights is None else weights * returned)
    at_risk, silent = _product_limit(left, ends)
    reach = max(0, len(silent) - horizon_days)
    now, later = silent[:reach], silent[horizon_days:]
    back = np.divide(now - later, now, out=np.full(reach, np.nan), where=now > 0)
    return pl.DataFrame(
        {
            "silent_days": np.arange(reach),
            "at_risk": at_risk[:reach].astype(np.int64),
            "at_risk_later": at_risk[horizon_days:].astype(np.int64),
            "still_silent_share": now,
            "return_share": back,
        }
    ).with_columns(pl.col("return_share").fill_nan(None))


def carried(curve: pl.DataFrame) -> pl.DataFrame:
    """Return the days of a return curve that enough silences carry, now and a horizon later."""
    return curve.filter((pl.col("at_risk") >= ENOUGH) & (pl.col("at_risk_later") >= _ENOUGH_LATER))


def lapse_limit(curve: pl.DataFrame, return_share: float) -> int | None:
    """Return the day of silence from which at most `return_share` come back.

    It is the first such day after the curve's peak: somebody who buys once a year is not lapsed
    in March. Only days that enough silences carry are looked at. None where return is that rare
    at any time (silence then says nothing), or where the curve never falls so far.
    """
    curve = carried(curve).drop_nulls("return_share")
    peak = curve["return_share"].arg_max()
    if peak is None or curve["return_share"][peak] <= return_share:
        return None
    low = curve[peak:].filter(pl.col("return_share") <= return_share)
    return int(low["silent_days"][0]) if low.height else None


def lapse_interval(
    spells: pl.DataFrame, horizon_days: int, return_share: float, *, rounds: int = 200
) -> tuple[int, int] | None:
    """Return the 95 % bootstrap interval of the lapse limit, customers drawn with replacement.

    `spells` as for `return_curve`, with `customer_key`. None where more than one draw in forty
    has no limit at all: then the interval has no upper end.
    """
    keys, place = np.unique(spells["customer_key"].to_numpy(), return_inverse=True)
    draw = np.random.default_rng(0)  # fixed: the same export gives the same interval
    limits = []
    for _ in range(rounds):
        times_drawn = np.bincount(draw.integers(0, len(keys), len(keys)), minlength=len(keys))
        curve = return_curve(spells, horizon_days, times_drawn[place].astype(float))
        limits.append(lapse_limit(curve, return_share))
    found = [limit for limit in limits if limit is not None]
    if rounds - len(found) > rounds / 40:
        return None
    low, high = np.quantile(found, [0.025, 0.975], method="inverted_cdf")
    return int(low), int(high)
