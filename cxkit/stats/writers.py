"""What share of the comments is of a kind, when some people write many of them?

Comments of one person do not count as independent: see `cxkit.stats.clustered`.
"""

import numpy as np
import polars as pl

from cxkit.stats.clustered import contrast_effect, design_effect, effective
from cxkit.stats.intervals import Interval, shares_p, wilson


class Writers:
    """Who wrote each comment, and whether in the later half; comments are named by their row.

    >>> writers = Writers(pl.Series(["ann"] * 5 + ["bob"]), pl.Series([False] * 3 + [True] * 3))
    >>> writers.share(pl.Series([0, 1, 2])).value, writers.in_each_half
    (0.5, 3)
    """

    def __init__(self, who: pl.Series, late: pl.Series) -> None:
        """Take one value per comment; `late` is null where a comment is not dated."""
        self._person = who.rank("dense").to_numpy().astype(np.int64) - 1
        self._half = late.cast(pl.Int64).fill_null(-1).to_numpy()  # -1: not dated
        self._people = int(self._person.max(initial=-1)) + 1
        every = np.arange(len(who))
        self._comments = self._by_person(every)
        self._comments_by_half = self._by_person_and_half(every)

    @property
    def in_each_half(self) -> int:
        """How many comments the half has that has fewer."""
        return int(self._comments_by_half.reshape(-1, 2).sum(axis=0).min())

    def share(self, rows: pl.Series, among: pl.Series | None = None) -> Interval:
        """Return which share some comments are of others (of all), as sure as people make it."""
        x = self._by_person(rows.to_numpy())
        n = self._comments if among is None else self._by_person(among.to_numpy())
        x, n = x[n > 0], n[n > 0]
        return wilson(*effective(float(x.sum()), float(n.sum()), design_effect(x, n)))

    def change(self, rows: pl.Series) -> tuple[float, float]:
        """Return the share of the later half less that of the earlier one, and its p-value."""
        x, n = self._by_person_and_half(rows.to_numpy()), self._comments_by_half
        there = np.flatnonzero(n)
        person, half = np.divmod(there, 2)
        effect = contrast_effect(person, half, x[there], n[there], [-1, 1])
        (before, after), (earlier, later) = (v.reshape(-1, 2).sum(axis=0) for v in (x, n))
        p = shares_p(*effective(after, later, effect), *effective(before, earlier, effect))
        return float(after / later - before / earlier), p

    def _by_person(self, rows: np.ndarray) -> np.ndarray:
        return np.bincount(self._person[rows], minlength=self._people).astype(float)

    def _by_person_and_half(self, rows: np.ndarray) -> np.ndarray:
        rows = rows[self._half[rows] >= 0]
        places = 2 * self._person[rows] + self._half[rows]
        return np.bincount(places, minlength=2 * self._people).astype(float)
