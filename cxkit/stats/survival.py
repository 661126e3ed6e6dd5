"""How long does it last, when some cases are still going on?"""

from collections.abc import Iterator, Sequence
from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import polars as pl

from cxkit.stats.clustered import ByPerson, few
from cxkit.stats.intervals import ENOUGH, Interval, Z, benjamini_hochberg, wilson

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


class Moment(NamedTuple):
    """After how long a share has ended, with the ends of its interval; None: not reached."""

    days: float | None
    low: float | None
    high: float | None


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


def return_curve(spells: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Return, per day of silence, the chance of coming back within the next `horizon_days`.

    `spells`: one row per silence with `days` (until the return, or until we stopped watching)
    and `returned`. One row per day 0, 1, 2 … as far as the data reach: silent_days, at_risk
    (silences at least that long), at_risk_later (at least `horizon_days` longer),
    still_silent_share = S(d) by Kaplan-Meier, and return_share = R(d) = 1 - S(d + horizon) / S(d).
    """
    day, returned = spells["days"].to_numpy(), spells["returned"].to_numpy()
    curve = _returns(np.bincount(day), np.bincount(day, weights=returned), horizon_days)
    return pl.DataFrame(
        {
            "silent_days": np.arange(len(curve.back)),
            "at_risk": curve.at_risk,
            "at_risk_later": curve.at_risk_later,
            "still_silent_share": curve.still_silent,
            "return_share": curve.back,
        }
    ).with_columns(pl.col("return_share").fill_nan(None))


class _Returns(NamedTuple):
    """A return curve as arrays, one entry per day of silence."""

    at_risk: np.ndarray
    at_risk_later: np.ndarray
    still_silent: np.ndarray
    back: np.ndarray  # not-a-number where nobody is left


def _returns(left: np.ndarray, ends: np.ndarray, horizon_days: int) -> _Returns:
    """Return the return curve of the silences that are over or no longer watched, per day.

    `ends` are those of them that are over.
    """
    at_risk, silent = _product_limit(left, ends)
    reach = max(0, len(silent) - horizon_days)
    now, later = silent[:reach], silent[horizon_days:]
    back = np.divide(now - later, now, out=np.full(reach, np.nan), where=now > 0)
    return _Returns(
        at_risk[:reach].astype(np.int64), at_risk[horizon_days:].astype(np.int64), now, back
    )


def carried(curve: pl.DataFrame) -> pl.DataFrame:
    """Return the days of a return curve that enough silences carry, now and a horizon later."""
    return curve.filter((pl.col("at_risk") >= ENOUGH) & (pl.col("at_risk_later") >= _ENOUGH_LATER))


def lapse_limit(curve: pl.DataFrame, return_share: float) -> int | None:
    """Return the day of silence from which at most `return_share` come back.

    It is the first such day after the curve's peak: somebody who buys once a year is not lapsed
    in March. Only days that enough silences carry are looked at. None where return is that rare
    at any time (silence then says nothing), or where the curve never falls so far.
    """
    back = curve["return_share"].fill_null(float("nan")).to_numpy()
    return _limit(
        _Returns(curve["at_risk"].to_numpy(), curve["at_risk_later"].to_numpy(), back, back),
        return_share,
    )


def _limit(curve: _Returns, return_share: float) -> int | None:
    """Find the lapse limit on arrays, which a bootstrap does many times."""
    enough = (curve.at_risk >= ENOUGH) & (curve.at_risk_later >= _ENOUGH_LATER)
    days = np.flatnonzero(enough & ~np.isnan(curve.back))
    back = curve.back[days]
    if not len(back) or back.max() <= return_share:
        return None
    peak = int(back.argmax())
    low = np.flatnonzero(back[peak:] <= return_share)
    return int(days[peak + low[0]]) if len(low) else None


def lapse_interval(
    spells: pl.DataFrame, horizon_days: int, return_share: float, *, rounds: int = 200
) -> tuple[int, int] | None:
    """Return the 95 % bootstrap interval of the lapse limit, customers drawn with replacement.

    `spells` as for `return_curve`, with `customer_key`. None where more than one draw in forty
    has no limit at all: then the interval has no upper end.
    """
    draw = np.random.default_rng(0)  # fixed: the same export gives the same interval
    drawn = _drawn(spells, draw, rounds)
    return _ends([_limit(_returns(*counts, horizon_days), return_share) for counts in drawn])


def _drawn(
    spells: pl.DataFrame, draw: np.random.Generator, rounds: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw customers with replacement: yield the counts that `_returns` asks for, once per round.

    The silences are put in order once, so that a round has only sums to take.
    """
    keys, place = np.unique(spells["customer_key"].to_numpy(), return_inverse=True)
    cell = 2 * spells["days"].to_numpy() + spells["returned"].to_numpy()
    order = np.argsort(cell, kind="stable")
    cells, starts = np.unique(cell[order], return_index=True)
    place = place[order]
    counts = np.zeros((cells[-1] // 2 + 1, 2))
    for _ in range(rounds):
        times_drawn = np.bincount(draw.integers(0, len(keys), len(keys)), minlength=len(keys))
        counts.flat[cells] = np.add.reduceat(times_drawn[place], starts)
        yield counts.sum(axis=1), counts[:, 1]


def _ends(limits: list[int | None]) -> tuple[int, int] | None:
    """Return the 95 % interval of resampled limits; None where too many have none."""
    found = [limit for limit in limits if limit is not None]
    if not found or len(limits) - len(found) > len(limits) / 40:
        return None
    low, high = np.quantile(found, [0.025, 0.975], method="inverted_cdf")
    return int(low), int(high)


class GroupLimit(NamedTuple):
    """The lapse limit of one group of customers, and whether it differs from the others'.

    `days`, `low` and `high` are as of `lapse_limit` and `lapse_interval`; `others` is the limit of
    all other groups together; `q_value` says how sure the difference is. None: cannot be said.
    """

    days: int | None
    low: int | None
    high: int | None
    others: int | None
    q_value: float | None


def group_limits(
    spells: pl.DataFrame, horizon_days: int, return_share: float, *, rounds: int = 200
) -> dict[str, GroupLimit]:
    """Return the lapse limit of each `segment` of the silences, in the order of appearance.

    `days`, with its bootstrap interval, is set against the limit of all others together: how often
    is the difference as large where the customers' groups are dealt out anew by lot (a permutation
    test)? Benjamini and Hochberg's procedure keeps the false alarms over the groups at bay. Groups
    of fewer than 30 customers get nothing.
    """
    if spells.is_empty():
        return {}
    _, first, place = np.unique(
        spells["customer_key"].to_numpy(), return_index=True, return_inverse=True
    )
    names = spells["segment"].unique(maintain_order=True).to_list()
    codes = {name: code for code, name in enumerate(names)}
    group = spells["segment"].replace_strict(codes, return_dtype=pl.Int64).to_numpy()[first]
    day, over = spells["days"].to_numpy(), spells["returned"].to_numpy().astype(float)
    days = int(day.max()) + 1

    def counts(groups: np.ndarray) -> np.ndarray:
        """Count per group: (left, ends) x days."""
        cell, cells = groups[place] * days + day, len(names) * days
        left = np.bincount(cell, minlength=cells).reshape(len(names), days)
        ends = np.bincount(cell, weights=over, minlength=cells).reshape(len(names), days)
        return np.stack([left, ends], axis=1)

    def limit(counted: np.ndarray) -> int | None:
        return _limit(_returns(counted[0], counted[1], horizon_days), return_share)

    own = counts(group)
    whole = own.sum(axis=0)
    large = [code for code in range(len(names)) if (group == code).sum() >= ENOUGH]
    limits = {code: limit(own[code]) for code in large}
    others = {code: limit(whole - own[code]) for code in large}
    gaps = {
        code: abs(days_of - others_of)
        for code in large
        if (days_of := limits[code]) is not None and (others_of := others[code]) is not None
    }
    larger = dict.fromkeys(gaps, 0)
    deal = np.random.default_rng(0)  # fixed: the same export gives the same answer
    for _ in range(rounds if len(names) > 1 else 0):
        dealt = counts(deal.permutation(group))
        for code, gap in gaps.items():
            one, two = limit(dealt[code]), limit(whole - dealt[code])
            # a deal without a limit speaks against nothing
            larger[code] += one is None or two is None or abs(one - two) >= gap
    p_values = [(1 + times) / (1 + rounds) for times in larger.values()]
    sure = dict(zip(gaps, benjamini_hochberg(p_values), strict=True)) if len(names) > 1 else {}
    found = {}
    for code, name in enumerate(names):
        ends = None
        if limits.get(code) is not None:
            members = spells.filter(pl.col("segment") == name)
            ends = lapse_interval(members, horizon_days, return_share, rounds=rounds)
        low, high = ends or (None, None)
        found[name] = GroupLimit(limits.get(code), low, high, others.get(code), sure.get(code))
    return found


def ended_by(curve: Curve, day: float, watched: int) -> Interval:
    """Return the share that has ended by `day`, 1 - S, with its log-log interval.

    Method: Kalbfleisch and Prentice (1980) on Greenwood's error. `watched` is how many were still
    watched then: where nothing has ended, the upper end is Wilson's for none of them.

    >>> curve = kaplan_meier(np.array([1, 2, 3, 4]), np.array([True, False, True, False]))
    >>> ended_by(curve, 2, 2)
    Interval(value=0.25, low=0.0394..., high=0.8720...)
    """
    place = int(np.searchsorted(curve.time, day, side="right"))
    if place == 0:
        return Interval(0.0, 0.0, wilson(0, watched).high)
    still, error = float(curve.survival[place - 1]), float(curve.error[place - 1])
    if still <= 0 or error <= 0:
        return Interval(1 - still, float("nan"), float("nan"))
    wide = exp(Z * error / (still * abs(log(still))))
    return Interval(1 - still, 1 - still ** (1 / wide), 1 - still**wide)


def ended_after(curve: Curve, share: float = 0.5) -> Moment:
    """Return after how long a share has ended; 0.5 gives the median.

    The interval holds the times at which the log-log interval of the curve holds the share
    (Brookmeyer and Crowley 1982).

    >>> curve = kaplan_meier(np.array([1, 2, 3, 4]), np.array([True, True, True, False]))
    >>> ended_after(curve), ended_after(curve, 0.9).days
    (Moment(days=2.0, low=1.0, high=None), None)
    """
    left, near = 1 - share, 1e-9  # products of fractions miss a half by a hair
    known = (curve.survival > 0) & (curve.error > 0)
    still = np.where(known, curve.survival, 0.5)
    wide = np.exp(Z * np.where(known, curve.error, 0) / (still * np.abs(np.log(still))))
    ends = [still**wide, np.where(known, still ** (1 / wide), np.inf)]
    # where none is left the curve has no interval: it is below any share
    ends[0] = np.where(curve.survival > 0, ends[0], 0)

    def first(level: np.ndarray) -> float | None:
        below = np.flatnonzero(level <= left + near)
        return float(curve.time[below[0]]) if len(below) else None

    return Moment(*(first(level) for level in (curve.survival, *ends)))


def told_curve(cases: pl.DataFrame, marks: Sequence[float] = (), points: int = 24) -> pl.DataFrame:
    """Return the share that has ended, at `marks` and at times that show how the curve runs.

    `cases` holds `days` and `ended`, one row per case. One row per time: days, at_risk (cases still
    going on just before), ended_share with its log-log interval (_low, _high). Left out are times
    by which the end, or that there was none, is known of fewer than 10 cases.

    >>> cases = pl.DataFrame({"days": [1.0] * 15 + [5.0] * 5, "ended": [True] * 15 + [False] * 5})
    >>> told_curve(cases, marks=[7])["ended_share"].to_list()
    [0.0, 0.75, 0.75]
    """
    days, ended = cases["days"].to_numpy().astype(float), cases["ended"].to_numpy().astype(bool)
    curve = kaplan_meier(days, ended)
    places = np.linspace(0, 1, points)
    times = {0.0, *map(float, marks)}
    if ended.any():
        times |= set(np.quantile(days[ended], places, method="inverted_cdf").tolist())
    rows = []
    for time in sorted(times):
        watched = int((ended | (days >= time)).sum())
        if time and watched < _ENOUGH_LATER:
            continue
        share = ended_by(curve, time, watched)
        ends = (share.low, share.high) if time or share.value else (0.0, 0.0)
        rows.append((time, int((days >= time).sum()), share.value, *ends))
    names = ("ended_share", "ended_share_low", "ended_share_high")
    schema = {"days": pl.Float64, "at_risk": pl.Int64, **dict.fromkeys(names, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.selectors.float().fill_nan(None)
    )


def log_rank_p(
    durations: np.ndarray, ended: np.ndarray, group: np.ndarray, strata: np.ndarray
) -> float:
    """Return how likely so different a pace of `group` and the rest is, if it is the same.

    The log-rank test (Mantel 1966), summed over `strata`: cases are compared with cases of the
    same stratum only. 1 where there is nothing to compare.

    >>> days = np.array([1, 2, 3, 4, 5, 6, 7, 8])
    >>> first = np.array([True] * 4 + [False] * 4)
    >>> round(log_rank_p(days, np.full(8, True), first, np.zeros(8)), 3)
    0.007
    """
    gap = spread = 0.0
    for stratum in np.unique(strata):
        here = strata == stratum
        times, place = np.unique(durations[here], return_inverse=True)

        def counts(which: np.ndarray, place: np.ndarray = place, n: int = len(times)) -> np.ndarray:
            return np.bincount(place, weights=which.astype(float), minlength=n)

        member, over = group[here].astype(bool), ended[here].astype(bool)
        at_risk = counts(np.ones(len(place)))[::-1].cumsum()[::-1]
        own = counts(member)[::-1].cumsum()[::-1]
        ends = counts(over)
        gap += float((counts(over & member) - ends * own / at_risk).sum())
        several = np.maximum(at_risk - 1, 1)
        share = own / at_risk
        spread += float((ends * share * (1 - share) * (at_risk - ends) / several).sum())
    return 2 * NormalDist().cdf(-abs(gap) / sqrt(spread)) if spread > 0 else 1.0


def clustered_log_rank_p(
    durations: np.ndarray, ended: np.ndarray, group: np.ndarray, person: np.ndarray
) -> float:
    """Return the same as `log_rank_p` where several cases are of one person, and so are alike.

    The log-rank sum is taken apart by person, and its variance is that of people (Lee, Wei and
    Amato 1992), enlarged where few people tell of it (see `clustered.few`). Who is in both groups
    is in both with what they are like. 1 where there is nothing to compare.

    >>> days, all_ended = np.arange(1, 41), np.full(40, True)
    >>> first = days <= 20
    >>> of_forty = clustered_log_rank_p(days, all_ended, first, np.arange(40))
    >>> of_four = clustered_log_rank_p(days, all_ended, first, np.arange(40) // 10)
    >>> of_forty < 0.0001 < of_four
    True
    """
    times, place = np.unique(durations, return_inverse=True)
    member, over = group.astype(float), ended.astype(float)

    def counts(weights: np.ndarray) -> np.ndarray:
        return np.bincount(place, weights=weights, minlength=len(times))

    at_risk = counts(np.ones(len(place)))[::-1].cumsum()[::-1]
    share = counts(member)[::-1].cumsum()[::-1] / at_risk
    hazard = counts(over) / at_risk
    all_so_far, own_so_far = hazard.cumsum()[place], (share * hazard).cumsum()[place]
    off = over * (member - share[place]) - member * all_so_far + own_so_far
    _, whose = np.unique(person, return_inverse=True)
    each = np.bincount(whose, weights=off)
    people = len(each)
    spread = float((each**2).sum()) * people / max(people - 1, 1)
    sides = (whose[group.astype(bool)], whose[~group.astype(bool)])
    spread *= max(
        few(ByPerson(s, np.zeros_like(s), np.ones(len(s)), np.ones(len(s)))) for s in sides
    )
    return 2 * NormalDist().cdf(-abs(float(off.sum())) / sqrt(spread)) if spread > 0 else 1.0
