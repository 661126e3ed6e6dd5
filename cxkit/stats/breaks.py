"""Where did a series break, and since when? Stretches whose level surely differs from the rest.

Circular binary segmentation (Olshen, Venkatraman, Lucito and Wigler 2004): the stretch that lies
furthest from all else is found among all stretches, a change without an end being one that lasts
to the end. Whether chance alone brings so extreme a stretch is told by shuffling the series, with
as many shuffles as that takes (Besag and Clifford 1991). What is found is taken out, and the rest
is looked at again.

Shuffling takes the weeks as exchangeable. Where the same people come in several weeks they are
not: a stretch may be that of one person. So the stretch has to be as extreme, too, among series in
which each person's weeks keep together and only people are left to chance (a score bootstrap by
person, Kline and Santos 2012).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.clustered import ByPerson, covariance, few, within_effect
from cxkit.stats.control import RANGE, SAMPLES

_BATCH = 200  # shuffles that are scored at a time
_ENOUGH = 20  # shuffles that beat the series: more would not change what they say

Floats = npt.NDArray[np.float64]


class Break(NamedTuple):
    """A stretch from index `start` up to, but not with, `end`, and how likely chance brings it."""

    start: int
    end: int
    p: float


def share_breaks(
    successes: Sequence[int],
    sizes: Sequence[int],
    *,
    people: ByPerson | None = None,
    level: float = 0.01,
    seed: int = 0,
) -> list[Break]:
    """Return the stretches in which a share differs from the rest, the surest first.

    The first is always given with its p-value, however likely chance brings it, so that those of
    many series can be judged together; the others only where theirs is at most `level`. A series
    in which all, none or nobody succeeds has none. Samples may differ in size and by more than
    chance within them: what is shuffled is how far each lies from the common share, in its own
    standard deviations. With `people`, who come in several samples, the p-value is the larger of
    that and of the one among people (see the head of this file).

    >>> share_breaks([50, 52, 49, 20, 22, 51, 48, 50, 51, 49], [100] * 10)[0][:2]
    (3, 5)
    """
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    total = n.sum()
    share = x.sum() / total if total else 0.0
    return _breaks(x - n * share, n * share * (1 - share), level, seed, people)


def mean_breaks(values: Sequence[float], *, level: float = 0.01, seed: int = 0) -> list[Break]:
    """Return the stretches in which a mean differs from the rest, as `share_breaks` does.

    >>> mean_breaks([1.0, 1.1, 0.9, 1.0, 1.1, 5.0, 5.1, 4.9, 5.0, 5.2])[0][:2]
    (5, 10)
    """
    y = np.asarray(values, float)
    return _breaks(y - y.mean() if len(y) else y, np.ones(len(y)), level, seed)


def _breaks(
    off: Floats, weight: Floats, level: float, seed: int, people: ByPerson | None = None
) -> list[Break]:
    draws = np.random.default_rng(seed)
    there = np.flatnonzero(weight > 0)
    gap = np.zeros(len(there), bool)  # whether something was taken out before this place
    found: list[Break] = []
    while len(there) >= 4:
        z = off[there] / np.sqrt(weight[there])
        z = z - (off[there].sum() / weight[there].sum()) * np.sqrt(weight[there])
        if not found and not np.any(z):
            break
        root = None if people is None else _root(people, there, weight, z)
        first, last, p = _furthest(z, weight[there], gap, level, draws, root)
        if found and p > level:
            break
        found.append(Break(int(there[first]), int(there[last - 1]) + 1, p))
        if p > level:
            break
        if last < len(there):
            gap[last] = True
        kept = np.r_[0:first, last : len(there)]
        there, gap = there[kept], gap[kept]
    return found


def _root(people: ByPerson, there: npt.NDArray[np.int64], weight: Floats, z: Floats) -> Floats:
    """Return what turns independent draws into samples that hang together as those of people do.

    Two samples hang together by the people who are in both; each by itself varies as visits of the
    same people in it do or, if more, as neighbours differ (see `control.between`).
    """
    kept = people.only(there, len(weight))
    together = covariance(kept, len(there)) / np.sqrt(np.outer(weight[there], weight[there]))
    alone = within_effect(kept)
    if len(there) >= SAMPLES:
        alone = max(alone, float(np.abs(np.diff(z)).mean() / RANGE) ** 2)
    np.fill_diagonal(together, alone)
    lengths, ways = np.linalg.eigh(together)
    return np.asarray(ways * np.sqrt(np.maximum(lengths, 0) * few(kept)))


def _furthest(
    z: Floats,
    weight: Floats,
    gap: npt.NDArray[np.bool_],
    level: float,
    draws: np.random.Generator,
    root: Floats | None,
) -> tuple[int, int, float]:
    """Return the stretch that lies furthest from the rest, and how likely chance brings it."""
    scan = _Scan(weight, gap)
    stretches = [far[0] for far in scan.far(z[None, :])]
    length = int(np.argmax([far.max() for far in stretches]))
    first = int(stretches[length].argmax())
    last = first + length + 1
    score = float(stretches[length][first])
    if first == 0 and not gap[last + 1 :].any():  # what comes later lies as far: it is the change
        first, last = last, len(z)

    def shuffled(count: int) -> Floats:
        return draws.permuted(np.broadcast_to(z, (count, len(z))), axis=1)

    def of_people(count: int) -> Floats:
        return np.asarray(draws.standard_normal((count, len(z))) @ np.asarray(root).T)

    p = _beyond(scan, score, level, shuffled)
    return first, last, p if root is None else max(p, _beyond(scan, score, level, of_people))


def _beyond(scan: "_Scan", score: float, level: float, drawn: Callable[[int], Floats]) -> float:
    """Return the share of drawn series with a stretch as far from the rest as `score`."""
    beyond, done, most = 0, 0, int(np.ceil(2 / level))
    while done < most:
        batch = drawn(min(_BATCH, most - done))
        best = np.zeros(len(batch))
        for far in scan.far(batch):
            np.maximum(best, far.max(axis=1), out=best)
        beats = best >= score - 1e-9
        if beyond + beats.sum() >= _ENOUGH:
            place = np.flatnonzero(beats)[_ENOUGH - beyond - 1]
            return _ENOUGH / float(done + place + 1)
        beyond += int(beats.sum())
        done += len(batch)
    return (beyond + 1) / (done + 1)


class _Scan:
    """How far each stretch of a series lies from the rest, for many shuffles at a time.

    In squared standard deviations. A stretch does not reach across a gap, and the rest of it is
    not empty.
    """

    def __init__(self, weight: Floats, gap: npt.NDArray[np.bool_]) -> None:
        self.root = np.sqrt(weight)
        self.sums = np.concatenate(([0.0], np.cumsum(weight)))
        part = np.concatenate(([0], np.cumsum(gap)))
        self.precision = []
        for length in range(1, len(weight)):
            inside = self.sums[length:] - self.sums[:-length]
            spread = inside * (1 - inside / self.sums[-1])
            spread[part[length:] != part[1 : len(part) - length + 1]] = np.inf
            self.precision.append(1 / spread)

    def far(self, z: Floats) -> Iterator[Floats]:
        """Give the distances of all stretches of length 1, 2 ...: one row for each row of `z`."""
        path = np.zeros((len(z), z.shape[1] + 1))
        np.cumsum(z * self.root, axis=1, out=path[:, 1:])
        path -= path[:, -1:] * (self.sums / self.sums[-1])
        for length, precision in enumerate(self.precision, 1):
            apart = path[:, length:] - path[:, :-length]
            np.square(apart, out=apart)
            apart *= precision
            yield apart
