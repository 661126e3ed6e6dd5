"""Who gets how far through a list of steps? Whole columns at a time, in one pass per step.

For each row that reaches a step, `walk` keeps the newest start from which it can be reached. No
older start lasts longer, and the row of the step before that came last has the newest start of
all: so one look back decides, whatever the windows. Rows of one instant may count in any order.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


class Log(NamedTuple):
    """Who was where and when, in the order of `who` and `at`.

    `at` is in microseconds and `kind` a small number for what happened. `moment` numbers the
    different pairs of who and at, and `first` holds the row at which each of them begins.
    """

    who: npt.NDArray[Any]
    at: Ints
    kind: npt.NDArray[Any]
    moment: npt.NDArray[np.int32]
    first: Ints


class Step(NamedTuple):
    """What reaches a step: one of each of `passes`, in any order, since the step `after`.

    A pass is a tuple of kinds that count alike. `after` is an index in the list of steps, None
    where the walk begins. `later` asks for a time after the step before, not the same; `within` is
    the longest time since it in microseconds. Who does one of the kinds in `bars` between the two
    does not reach this step from there.
    """

    passes: tuple[tuple[int, ...], ...]
    after: int | None = None
    later: bool = False
    within: int | None = None
    bars: tuple[int, ...] = ()


class Reached(NamedTuple):
    """The rows of the log that reach a step: where they started, and by way of which row.

    `before` points into the rows of the step before. `barred` are the rows that would have reached
    the step if nothing had barred them.
    """

    rows: Ints
    starts: Ints
    before: Ints
    barred: Ints


def log(rows: pl.DataFrame, kinds: Collection[int] | None = None) -> Log:
    """Return the log of the columns who, at and kind, of some `kinds` alone.

    It is sorted where it does not come in the order of who and at.
    """
    if kinds is not None:
        rows = rows.filter(pl.col("kind").is_in(list(kinds)))
    who, at, kind = (rows[name].to_numpy() for name in ("who", "at", "kind"))
    back = (who[1:] < who[:-1]) | ((who[1:] == who[:-1]) & (at[1:] < at[:-1]))
    if back.any():
        order = np.lexsort((at, who))
        who, at, kind = who[order], at[order], kind[order]
    moment = np.zeros(len(who), np.int32)
    begins = (who[1:] != who[:-1]) | (at[1:] != at[:-1])
    np.cumsum(begins, out=moment[1:])
    first = np.concatenate(([0], np.flatnonzero(begins) + 1, [len(who)])).astype(np.int64)
    return Log(who, at, kind, moment, first)


def walk(
    log: Log,
    steps: Sequence[Step],
    within: int | None = None,
    until: int | None = None,
    since: int | None = None,
) -> list[Reached]:
    """Return for each step the rows that reach it at most `within` after a start, inclusive.

    All are in microseconds. The first pass of the first step, the entry, is no earlier than `since`
    and no later than `until`; what came before it in any order lies in the same window, so that
    every walk that is counted was watched to its end. The semantics are those of ClickHouse's
    windowFunnel.

    >>> rows = pl.DataFrame({"who": [1, 1, 1], "at": [0, 5, 9], "kind": [1, 2, 2]})
    >>> there = walk(log(rows), [Step(((1,),)), Step(((2,),), after=0)], within=5)[1]
    >>> there.rows, there.starts
    (array([1]), array([0]))
    """
    found: list[Reached] = []
    for step in steps:
        edges = (since, until) if step.after is None else (None, None)
        rows, began = _all_passed(log, step.passes, *edges)
        if step.after is None:
            if len(step.passes) > 1 and within is not None:
                kept = np.flatnonzero(log.at[rows] - log.at[began] <= within)
                rows, began = rows[kept], began[kept]
            found.append(Reached(rows, began, began, rows[:0]))
            continue
        origin = found[step.after]
        before = _latest(log, origin.rows, began, strictly=step.later)
        known = np.flatnonzero(before >= 0)
        rows, before = rows[known], before[known]
        starts = origin.starts[before]
        fits = log.who[starts] == log.who[rows]
        if within is not None:
            fits &= log.at[rows] - log.at[starts] <= within
        if step.within is not None:
            fits &= log.at[rows] - log.at[origin.rows[before]] <= step.within
        kept = np.flatnonzero(fits)
        rows, starts, before = rows[kept], starts[kept], before[kept]
        barred = np.zeros(len(rows), bool)
        if step.bars:
            barred = _between(log, step.bars, origin.rows[before], rows)
        found.append(Reached(rows[~barred], starts[~barred], before[~barred], rows[barred]))
    return found


def onward(log: Log, starts: Ints, steps: Sequence[Step], within: int | None = None) -> list[Ints]:
    """Return, for each start, the row of each step that comes first after it; -1 where none does.

    From a given start nothing gets further than the first row that fits. `starts` are rows of the
    log; the first of `steps` is the start itself, and every other follows the one before.
    """
    found = [starts]
    for step in steps[1:]:
        rows = rows_of(log, [kind for kinds in step.passes for kind in kinds])
        last = found[-1]
        place = _latest(log, rows, last, strictly=not step.later) + 1
        there = np.append(rows, -1)[place]
        fits = (last >= 0) & (there >= 0) & (log.who[there] == log.who[starts])
        if within is not None:
            fits &= log.at[there] - log.at[starts] <= within
        if step.within is not None:
            fits &= log.at[there] - log.at[last] <= step.within
        found.append(np.where(fits, there, -1))
    return found


def people(log: Log, rows: Ints) -> npt.NDArray[Any]:
    """Return who the rows belong to, each once, in order.

    >>> rows = pl.DataFrame({"who": [3, 3, 7], "at": [0, 1, 2], "kind": [1, 1, 1]})
    >>> people(log(rows), np.array([0, 1, 2]))
    array([3, 7])
    """
    who: npt.NDArray[Any] = log.who[rows]
    first: npt.NDArray[Any] = who[np.append(True, who[1:] != who[:-1])[: len(who)]]
    return first


def either(log: Log, parts: Sequence[Ints], of: Ints) -> Ints:
    """Return the rows of any part that belong to somebody who has a row in `of`, in order.

    >>> rows = pl.DataFrame({"who": [3, 3, 7], "at": [0, 1, 2], "kind": [1, 1, 1]})
    >>> either(log(rows), [np.array([1]), np.array([2])], of=np.array([0]))
    array([1])
    """
    rows = np.unique(np.concatenate(parts))
    belongs: Ints = rows[np.isin(log.who[rows], people(log, of))]
    return belongs


def common(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the ids that are among both, each once, in order.

    >>> common(np.array([3, 7]), np.array([2, 7, 9]))
    array([7])
    """
    return np.intersect1d(some, others)


def flags(ids: npt.NDArray[Any], first: int, size: int) -> Bools:
    """Return for each of `size` ids from `first` on whether it is among `ids`.

    >>> flags(np.array([4, 6, 6]), first=4, size=3)
    array([ True, False,  True])
    """
    known = np.zeros(size, bool)
    known[ids - first] = True
    return known


def earliest(ids: npt.NDArray[Any], at: Ints, first: int, size: int) -> Ints:
    """Return for each of `size` ids from `first` on its least `at`; -1 where it has none.

    >>> earliest(np.array([4, 6, 6]), np.array([9, 8, 7]), first=4, size=3)
    array([ 9, -1,  7])
    """
    found = np.full(size, -1, np.int64)
    latest_first = np.argsort(-at, kind="stable")
    found[ids[latest_first] - first] = at[latest_first]  # the last one written stays
    return found


def entries(log: Log, kinds: Collection[int], since: int | None = None) -> pl.DataFrame:
    """Return when each one was first at one of the kinds, and how often: who, at, tries.

    What happened before `since` is no entry.

    Rows of one instant are one try.

    >>> rows = pl.DataFrame({"who": [3, 3, 7], "at": [0, 1, 2], "kind": [1, 1, 1]})
    >>> entries(log(rows), [1]).rows()
    [(3, 0, 2), (7, 2, 1)]
    """
    rows = rows_of(log, kinds)
    if since is not None:
        rows = rows[log.at[rows] >= since]
    moment = log.moment[rows]
    rows = rows[np.append(True, moment[1:] != moment[:-1])[: len(rows)]]
    who = log.who[rows]
    first = np.flatnonzero(np.append(True, who[1:] != who[:-1])[: len(who)])
    tries = np.diff(np.append(first, len(who)))
    return pl.DataFrame({"who": who[first], "at": log.at[rows[first]], "tries": tries})


def _lookup(kind: npt.NDArray[Any], kinds: Collection[int]) -> Bools:
    """Tell which rows are of one of the kinds."""
    known = np.zeros(max([*kinds, int(kind.max(initial=0))]) + 1, bool)
    known[list(kinds)] = True
    there: Bools = known[kind]
    return there


def rows_of(log: Log, kinds: Collection[int]) -> Ints:
    """Return the rows of some kinds."""
    if len(kinds) == 1:  # half the time of looking each one up
        return np.flatnonzero(log.kind == next(iter(kinds)))
    return np.flatnonzero(_lookup(log.kind, kinds))


def _all_passed(
    log: Log, passes: Sequence[tuple[int, ...]], since: int | None, until: int | None
) -> tuple[Ints, Ints]:
    """Return the rows by which all is passed, and the earliest of their latest passages.

    The first of `passes` counts from `since` to `until`.
    """
    there = [rows_of(log, kinds) for kinds in passes]
    if since is not None:
        there[0] = there[0][log.at[there[0]] >= since]
    if until is not None:
        there[0] = there[0][log.at[there[0]] <= until]
    if len(passes) == 1:
        return there[0], there[0]
    any_of_them = np.zeros(len(log.who), bool)
    for passed in there:
        any_of_them[passed] = True
    rows = began = np.flatnonzero(any_of_them)
    for passed in there:
        latest = _latest(log, passed, rows)
        known = latest >= 0
        rows, began, latest = rows[known], began[known], passed[latest[known]]
        known = log.who[latest] == log.who[rows]
        rows, began = rows[known], np.minimum(began[known], latest[known])
    return rows, began


def _latest(log: Log, among: Ints, rows: Ints, *, strictly: bool = False) -> Ints:
    """Return the last index in `among` that is no later than each row; -1 where there is none."""
    passed = np.zeros(len(log.who) + 1, np.int32)
    passed[among + 1] = 1
    np.cumsum(passed, out=passed)
    edge = log.moment[rows] + (not strictly)
    return passed[log.first[edge]] - 1


def _between(log: Log, kinds: tuple[int, ...], after: Ints, rows: Ints) -> Bools:
    """Tell between which two rows one of the kinds happened, at neither of their instants."""
    bars = rows_of(log, kinds)
    latest = _latest(log, bars, rows, strictly=True)
    moment = np.append(log.moment[bars], -1)[latest]
    between: Bools = moment > log.moment[after]
    return between
