"""Who stays how long at which place, what happens there, and in which order are places met?

A stay begins at a row of a place and lasts as long as rows of the same place follow, however many
other rows lie between them, each at most `within` after the one before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cxkit.stats.walks import Bools, Ints, Log, rows_of

_NEVER = np.iinfo(np.int64).max


class Stays(NamedTuple):
    """The stays of a log, in its order.

    `rows` holds the row at which each begins and `places` the place. `there` holds the rows of any
    place, `stay` the number of the stay that each of these belongs to, and `latest` for each row
    of the log the index in `there` of the last one up to it (-1: none yet).
    """

    rows: Ints
    places: npt.NDArray[np.int8]
    there: Ints
    stay: Ints
    latest: Ints


def stays(log: Log, places: Sequence[tuple[int, ...]], within: int) -> Stays:
    """Return the stays at places; a place is a tuple of kinds, and no kind belongs to two.

    >>> import polars as pl
    >>> from cxkit.stats.walks import log
    >>> rows = pl.DataFrame({"who": [1, 1, 1, 1], "at": [0, 2, 3, 99], "kind": [1, 1, 2, 2]})
    >>> stays(log(rows), [(1,), (2,)], within=50).rows
    array([0, 2, 3])
    """
    place = _placed(log, places)
    known = place >= 0
    there = np.flatnonzero(known)
    latest = np.cumsum(known, dtype=np.int32) - np.int32(1)
    here, who, at = place[there], log.who[there], log.at[there]
    begins = np.ones(len(there), bool)
    begins[1:] = (here[1:] != here[:-1]) | (who[1:] != who[:-1]) | (at[1:] - at[:-1] > within)
    stay = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    first = np.flatnonzero(begins)
    return Stays(there[first], here[first], there, stay, latest)


def _placed(log: Log, places: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int8]:
    """Return the place of each row; -1 where its kind is of none."""
    kinds = [kind for group in places for kind in group]
    of_kind = np.full(max([*kinds, int(log.kind.max(initial=0))]) + 1, -1, np.int8)
    for number, group in enumerate(places):
        of_kind[list(group)] = number
    placed: npt.NDArray[np.int8] = of_kind[log.kind]
    return placed


def seats(log: Log, found: Stays, rows: Ints, within: int) -> Ints:
    """Return the stay during or after which each row came; -1 where there is none.

    It is the stay of the last row of a place before it, at most `within` ago. A row of a place
    counts towards the stay before it where it begins one itself.
    """
    last = found.latest[rows]
    at_place = np.zeros(len(rows), bool)
    some = last >= 0
    at_place[some] = found.there[last[some]] == rows[some]
    last = last - at_place
    known = np.flatnonzero(last >= 0)
    before = found.there[last[known]]
    fits = log.who[before] == log.who[rows[known]]
    fits &= log.at[rows[known]] - log.at[before] <= within
    seat = np.full(len(rows), -1, np.int64)
    seat[known[fits]] = found.stay[last[known[fits]]]
    return seat


def seated(log: Log, found: Stays, kinds: Collection[int], size: int, within: int) -> Ints:
    """Count the rows of some kinds by the place at which, or after which, they came.

    One entry per place, of `size` places.
    """
    if not kinds:
        return np.zeros(size, np.int64)
    seat = seats(log, found, rows_of(log, kinds), within)
    return np.bincount(found.places[seat[seat >= 0]], minlength=size)


def doings(log: Log, found: Stays, places_of: Sequence[tuple[int, ...]], within: int) -> Ints:
    """Count, by place and kind, the rows of a place and those that came after it, in time.

    One line per place and one column per kind; `places_of` are the places as `stays` takes them.
    """
    kinds, size = int(log.kind.max(initial=0)) + 1, len(places_of)
    counts = np.zeros((size, kinds), np.int64)
    others = np.flatnonzero(np.diff(found.latest, prepend=np.int32(-1)) == 0)
    last = found.latest[others]
    there = found.there[np.maximum(last, 0)] if len(found.there) else others
    fits = (last >= 0) & (log.who[there] == log.who[others])
    fits &= log.at[others] - log.at[there] <= within
    places = found.places[found.stay[last[fits]]].astype(np.int32)
    counts += np.bincount(places * kinds + log.kind[others[fits]], minlength=size * kinds).reshape(
        size, kinds
    )
    own = np.bincount(log.kind, minlength=kinds)
    for place, group in enumerate(places_of):
        for kind in group:
            if kind < kinds:
                counts[place, kind] = own[kind]
    return counts


class Waits(NamedTuple):
    """How long each of some stays waited for what it waited for: microseconds, and whether."""

    waited: Ints
    ended: Bools


def waits(log: Log, starts: Ints, ends: Ints, within: int, until: int) -> Waits:
    """Return the waits from rows to rows, -1 where there is none in time.

    Who is still waiting has been watched up to `until`, and for `within` at most.
    """
    ended = ends >= 0
    began = log.at[starts]
    waited = log.at[ends]
    waited -= began
    still = np.flatnonzero(~ended)
    waited[still] = np.clip(until - began[still], 0, within)
    return Waits(waited, ended)


def _gathered(parts: Iterable[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def median_wait(parts: Sequence[Waits]) -> int | None:
    """Return the median wait by Kaplan and Meier; None where half never end.

    >>> median_wait([Waits(np.array([1, 2, 2, 3]), np.array([True, True, False, False]))])
    2
    """
    ends = np.sort(_gathered(part.waited[part.ended] for part in parts))
    still = np.sort(_gathered(part.waited[~part.ended] for part in parts))
    if not len(ends):
        return None
    first = np.flatnonzero(np.append(True, ends[1:] != ends[:-1]))
    over = np.diff(np.append(first, len(ends)))
    at_risk = len(ends) + len(still) - first - np.searchsorted(still, ends[first])
    survival = np.cumprod(1 - over / at_risk)
    below = np.flatnonzero(survival <= 0.5 + 1e-9)
    return int(ends[first[below[0]]]) if len(below) else None


def median_of_ended(parts: Sequence[Waits]) -> int | None:
    """Return the median wait of those that ended; None where none did.

    >>> median_of_ended([Waits(np.array([1, 4, 9]), np.array([True, True, False]))])
    2
    """
    ends = _gathered(part.waited[part.ended] for part in parts)
    return int(np.median(ends)) if len(ends) else None


def last_rows(log: Log, rows: Ints, besides: Ints) -> Ints:
    """Return the last of `rows` of everyone who has none in `besides`; both in the log's order."""
    who = log.who[rows]
    last: Ints = rows[np.append(who[1:] != who[:-1], True)[: len(rows)]]
    alone: Ints = last[~np.isin(log.who[last], log.who[besides])]
    return alone


def next_kinds(log: Log, rows: Ints, among: Ints, within: int) -> Counter[int]:
    """Count of what kind the next of the rows `among` is after each; -1: none comes in time.

    >>> import polars as pl
    >>> from cxkit.stats.walks import log
    >>> one = log(pl.DataFrame({"who": [1, 1, 2], "at": [0, 5, 6], "kind": [1, 2, 1]}))
    >>> next_kinds(one, np.array([0, 2]), np.array([1]), within=9)
    Counter({2: 1, -1: 1})
    """
    known = np.append(among, -1)
    place = np.searchsorted(among, rows, side="right")
    there = known[place]
    fits = (there >= 0) & (log.who[there] == log.who[rows])
    fits &= log.at[there] - log.at[rows] <= within
    found, many = np.unique(
        np.where(fits, log.kind[there].astype(np.int64), -1), return_counts=True
    )
    counts = dict(zip(found.tolist(), many.tolist(), strict=True))
    return Counter(dict(sorted(counts.items(), reverse=True)))


def orders(log: Log, found: Stays, size: int, required: Sequence[bool]) -> Counter[tuple[int, ...]]:
    """Count in which order people met places first: tuples of places, or () for as numbered.

    Who met one place alone has no order and is not counted. Places met at one instant, and only
    those, may stand in any order. Who met a later place without a required one before has not
    followed the numbers.
    """
    if not len(found.rows):
        return Counter()
    first, last = int(log.who[0]), int(log.who[-1])
    met = np.full((last - first + 1, size), _NEVER, np.int64)
    for place in range(size):
        rows = found.rows[found.places == place]
        who = log.who[rows]
        new = np.append(True, who[1:] != who[:-1])[: len(rows)]
        met[who[new] - first, place] = log.at[rows[new]]
    known = met != _NEVER
    met = met[known.sum(axis=1) > 1]
    known = met != _NEVER
    latest = np.zeros(len(met), np.int64)
    follows = np.ones(len(met), bool)
    missed = np.zeros(len(met), bool)
    for place in range(size):
        here = known[:, place]
        follows &= ~here | ((met[:, place] >= latest) & ~missed)
        latest = np.where(here, met[:, place], latest)
        missed |= ~here & required[place]
    counts: Counter[tuple[int, ...]] = Counter()
    if int(follows.sum()):
        counts[()] = int(follows.sum())
    others = met[~follows]
    order = np.argsort(others, axis=1, kind="stable").astype(np.int8)
    order[np.take_along_axis(others, order.astype(np.int64), axis=1) == _NEVER] = -1
    ways, many = np.unique(order, axis=0, return_counts=True)
    for way, count in zip(ways.tolist(), many.tolist(), strict=True):
        counts[tuple(place for place in way if place >= 0)] = count
    return counts
