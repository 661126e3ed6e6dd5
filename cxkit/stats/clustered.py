"""How much do visits say that were made by the same people? Shares counted by visit, by person.

Visits of one person are alike: somebody who always goes on does so at every visit. A thousand
visits of thirty people say less of the next person than a thousand visits of a thousand. The
design effect (Kish 1965) tells by how many times less: divide both counts of a share by it before
they go into an interval or a test that takes each visit for itself (Rao and Scott 1992).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from cxkit.stats.intervals import Z

Floats = npt.NDArray[np.float64]


class ByPerson(NamedTuple):
    """Of whom the samples of a series are: one row per person and sample; both count from 0."""

    person: npt.NDArray[np.int64]
    sample: npt.NDArray[np.int64]
    successes: Floats
    sizes: Floats

    def only(self, samples: npt.NDArray[np.int64], of: int) -> "ByPerson":
        """Return the rows of some of the `of` samples, which are then counted from 0 again."""
        place = np.full(of, -1)
        place[samples] = np.arange(len(samples))
        here = place[self.sample] >= 0
        return ByPerson(
            self.person[here], place[self.sample[here]], self.successes[here], self.sizes[here]
        )


def design_effect(
    successes: Sequence[float] | Floats,
    sizes: Sequence[float] | Floats,
    squares: Sequence[float] | Floats | None = None,
) -> float:
    """Return by how many times fewer independent visits would say as much; one pair per person.

    The variance of the share as a ratio of two sums over people, over that of as many independent
    visits (Rao and Scott 1992; Kish 1965), at least 1. Who has many of the visits draws the share
    to what they do, which is made good (Bell and McCaffrey 2002); and few people tell little of how
    alike visits are, so the effect is enlarged as Student's t asks for as many people as would
    weigh the same (Korn and Graubard 1998). Where all or none succeed nothing tells how alike they
    are: visits of one person then count as one. People with one visit each have an effect of 1.
    For `squares` see `contrast_effect`.

    >>> design_effect([1, 0, 1, 0], [1, 1, 1, 1])
    1.0
    >>> round(design_effect([5, 0] * 20, [5, 5] * 20), 2), design_effect([5, 5], [5, 5])
    (5.46, 5.0)
    """
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    here = np.zeros(len(x), np.int64)
    return contrast_effect(np.arange(len(x)), here, x, n, [1.0], squares)


def contrast_effect(
    person: Sequence[int] | npt.NDArray[np.int64],
    group: Sequence[int] | npt.NDArray[np.int64],
    successes: Sequence[float] | Floats,
    sizes: Sequence[float] | Floats,
    weights: Sequence[float],
    squares: Sequence[float] | Floats | None = None,
) -> float:
    """Return the design effect of a sum of shares, each times its weight: a difference is 1, -1.

    One row per person and group that they have visits in; `person` and `group` count from 0.
    People who are in several groups are in both shares with what they are like, which makes their
    difference surer: both are taken into account. Groups of weight 0 or without visits do not
    matter. Divide the counts of all groups by the effect. Of means of other values than 0 and 1,
    `successes` are the sums of the values and `squares` those of their squares. See
    `design_effect`.

    >>> same = [0, 1, 2, 3] * 2, [0] * 4 + [1] * 4, [9, 1, 8, 2, 8, 2, 9, 1], [10] * 8
    >>> contrast_effect(*same, [1, -1]), round(contrast_effect(*same, [1, 0]), 1)
    (1.0, 17.6)
    """
    who, which = np.asarray(person, np.int64), np.asarray(group, np.int64)
    x, n = np.asarray(successes, float), np.asarray(sizes, float)
    power = x if squares is None else np.asarray(squares, float)
    weight = np.asarray(weights, float)
    there = (n > 0) & (weight[which] != 0)
    who, which, x, n, power = who[there], which[there], x[there], n[there], power[there]
    if not len(n) or (n.max() <= 1 and len(np.unique(who)) == len(who)):
        return 1.0
    count = len(weight)
    totals = np.bincount(which, n, count)
    known = totals > 0
    share = np.divide(np.bincount(which, x, count), totals, out=np.zeros(count), where=known)
    alone = np.divide(np.bincount(which, n * n, count), totals, out=np.zeros(count), where=known)
    one = np.divide(weight, totals, out=np.zeros(count), where=known)
    spread = np.bincount(which, power, count) - totals * share**2
    independent = float((one**2 * spread).sum())
    if independent <= 1e-12 * float((one**2 * totals).sum()):
        return max(1.0, float(alone.max()))
    _, rows = np.unique(who, return_inverse=True)
    others = 1 - n / totals[which]  # the part of the group that does not follow this person
    if not others.all():
        return max(1.0, float(totals.max()))
    off = np.bincount(rows, one[which] * (x - share[which] * n) / np.sqrt(others))
    fewest = float((totals[known] / alone[known]).min())
    return max(1.0, float((off**2).sum()) / independent * _of_few(fewest))


def effective(successes: float, n: float, effect: float) -> tuple[float, float]:
    """Return the counts of as many independent visits as would say as much.

    >>> effective(60, 120, 4.0)
    (15.0, 30.0)
    """
    return successes / effect, n / effect


def weighted_size(
    successes: Sequence[float] | Floats,
    sizes: Sequence[float] | Floats,
    weights: Sequence[float] | Floats,
    squares: Sequence[float] | Floats | None = None,
) -> float:
    """Return of how many independent visits a weighted share is as sure; one row per person.

    The spread of the values over the variance of the weighted share as a ratio of two sums over
    people, and at most what unequal weights leave of the visits (Kish 1965). For `squares` see
    `contrast_effect`. 0 where nobody came.

    >>> weighted_size([1, 0] * 50, [1] * 100, [1] * 100)
    99.0
    >>> round(weighted_size([1, 0] * 50, [1] * 100, [1] * 50 + [3] * 50), 1)
    79.2
    """
    x, n, w = (np.asarray(values, float) for values in (successes, sizes, weights))
    power = x if squares is None else np.asarray(squares, float)
    total = float((w * n).sum())
    if not total:
        return 0.0
    share = float((w * x).sum()) / total
    kish = total**2 / float((w * w * n).sum())
    off = float(((w * (x - share * n)) ** 2).sum())
    spread = float((w * power).sum()) / total - share**2
    if off <= 0 or len(x) < 2:
        return kish
    return min(kish, spread * total**2 / off * (len(x) - 1) / len(x))


def design_effects(
    frame: pl.DataFrame, by: Sequence[str], successes: str, sizes: str
) -> pl.DataFrame:
    """Return `by`, `people` and `effect`: the design effect of each group's share.

    `frame` has one row per person and group. See `design_effect`.

    >>> frame = pl.DataFrame({"device": ["tv"] * 40, "paid": [5, 0] * 20, "visits": [5] * 40})
    >>> design_effects(frame, ["device"], "paid", "visits").row(0)[:2]
    ('tv', 40)
    """
    there = frame.filter(pl.col(sizes) > 0)
    told = [
        (*key, rows.height, design_effect(rows[successes].to_numpy(), rows[sizes].to_numpy()))
        for key, rows in there.group_by(*by, maintain_order=True)
    ]
    schema = {name: there.schema[name] for name in by}
    return pl.DataFrame(
        told, schema={**schema, "people": pl.Int64, "effect": pl.Float64}, orient="row"
    )


def covariance(people: ByPerson, samples: int) -> Floats:
    """Return how the successes of samples hang together, since the same people are in several.

    The covariance of how far each sample's successes lie from the share of all, summed over
    people; of people who are in one, with one visit, the diagonal alone is not 0.

    >>> both = ByPerson(*(np.array(column) for column in ([0, 0, 1, 1], [0, 1] * 2, [1.0, 1, 0, 0],
    ...     [1.0] * 4)))
    >>> covariance(both, 2)
    array([[1., 1.],
           [1., 1.]])
    """
    from scipy.sparse import csr_array  # takes a moment to load

    x, n = people.successes, people.sizes
    if not n.sum():
        return np.zeros((samples, samples))
    names, rows = np.unique(people.person, return_inverse=True)
    off = csr_array((x - x.sum() / n.sum() * n, (rows, people.sample)), shape=(len(names), samples))
    grown = len(names) / (len(names) - 1) if len(names) > 1 else 1.0
    return np.asarray((off.T @ off).toarray()) * grown


def within_effect(people: ByPerson) -> float:
    """Return the design effect of the share of a single sample: of visits in one and the same.

    All samples together tell it, since one has too few people. See `design_effect`.

    >>> one = ByPerson(*(np.array(column) for column in ([0, 1, 2, 3], [0, 0, 1, 1], [3.0, 0] * 2,
    ...     [3.0] * 4)))
    >>> within_effect(one)
    4.0
    """
    x, n = people.successes, people.sizes
    share = x.sum() / n.sum() if n.sum() else 0.0
    independent = share * (1 - share) * n.sum()
    if independent <= 0:
        return 1.0
    off = x - share * n
    m = len(np.unique(people.person))
    return max(1.0, float((off**2).sum() / independent) * m / max(1, m - 1))


def few(people: ByPerson) -> float:
    """Return by how much a variance has to be enlarged since so few people tell it.

    >>> three = ByPerson(np.arange(3), np.zeros(3, int), np.ones(3), np.full(3, 5.0))
    >>> round(few(three), 2)
    4.82
    """
    if not len(people.sizes):
        return 1.0
    _, rows = np.unique(people.person, return_inverse=True)
    each = np.bincount(rows, people.sizes)
    return _of_few(float(each.sum() ** 2 / (each**2).sum()))


def resampled(sums: Floats, rounds: int) -> Iterator[Floats]:
    """Draw people with replacement and add up what is theirs, in chunks that fit in memory.

    `sums` has one row per person; each chunk has one row per draw. The draws are always the same,
    so that the same answers give the same intervals.

    >>> next(resampled(np.ones((4, 1)), rounds=2)).tolist()
    [[4.0], [4.0]]
    """
    people = len(sums)
    draw = np.random.default_rng(0)
    chunk = max(1, min(rounds, 4_000_000 // people))
    for start in range(0, rounds, chunk):
        size = min(chunk, rounds - start)
        times = np.stack(
            [np.bincount(draw.integers(0, people, people), minlength=people) for _ in range(size)]
        )
        yield times @ sums


def _of_few(people: float) -> float:
    """Return the square of Student's t over that of the normal distribution."""
    from scipy.special import stdtrit  # scipy.stats takes a second to load

    return float((stdtrit(max(1.0, people - 1), 0.975) / Z) ** 2)
