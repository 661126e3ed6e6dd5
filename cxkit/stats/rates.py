"""How sure are we of a rate, and of how troubles are shared out among owners?"""

import numpy as np
import polars as pl

from cxkit.stats.intervals import Interval


def poisson(count: int, base: float) -> Interval:
    """Return count / base with the exact interval of a Poisson count (Garwood 1936).

    A base of 0 gives not-a-number throughout.

    >>> poisson(10, 100)
    Interval(value=0.1, low=0.0479..., high=0.1839...)
    """
    if base <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    from scipy.special import gammaincinv  # scipy.stats would take a second to load

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return Interval(count / base, low / base, float(gammaincinv(count + 1, 0.975)) / base)


def shared_out(who: pl.Series, whose: pl.Series, *, rounds: int = 400) -> dict[str, Interval]:
    """Return the share of all rows that is each owner's, with a 95 % bootstrap interval.

    People are drawn with replacement, each with all rows of theirs: one unlucky customer with ten
    troubles is one customer. Owners come in the order of their names.

    >>> shared_out(pl.Series(["a", "b"]), pl.Series(["x", "x"]))
    {'x': Interval(value=1.0, low=1.0, high=1.0)}
    """
    if who.is_empty():
        return {}
    cells = pl.DataFrame({"who": who, "whose": whose}).group_by("who", "whose").len()
    names = sorted(cells["whose"].unique().to_list())
    places = {name: place for place, name in enumerate(names)}
    people = cells["who"].rank("dense").to_numpy().astype(np.int64) - 1
    owner = cells["whose"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    many = cells["len"].to_numpy().astype(float)
    size = int(people.max()) + 1
    draw = np.random.default_rng(0)  # fixed: the same export gives the same interval
    drawn = []
    for _ in range(rounds):
        times = np.bincount(draw.integers(0, size, size), minlength=size)
        totals = np.bincount(owner, weights=many * times[people], minlength=len(names))
        drawn.append(totals / max(totals.sum(), 1.0))
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    totals = np.bincount(owner, weights=many, minlength=len(names))
    return {
        name: Interval(float(share), float(least), float(most))
        for name, share, least, most in zip(names, totals / totals.sum(), low, high, strict=True)
    }
