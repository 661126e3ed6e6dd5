"""Stays against a walk by hand, row by row."""

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats import stays as s
from cxkit.stats.survival import kaplan_meier
from cxkit.stats.walks import log, rows_of

PLACES = [(1,), (2, 3)]
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=25
).map(sorted)


def made(rows):
    return log(
        pl.DataFrame(rows, schema={"who": pl.Int32, "at": pl.Int64, "kind": pl.UInt8}, orient="row")
    )


def by_hand(rows, within):
    """Return each stay as (first row, place), and for each row the stay that it follows."""
    found, seats = [], []
    last = None  # the last row at a place: who, at, place, stay
    for number, (who, at, kind) in enumerate(rows):
        place = next((p for p, group in enumerate(PLACES) if kind in group), None)
        near = last is not None and last[0] == who and at - last[1] <= within
        seats.append(last[3] if near else -1)
        if place is None:
            continue
        if not near or last[2] != place:
            found.append((number, place))
        last = (who, at, place, len(found) - 1)
    return found, seats


@given(ROWS, st.integers(1, 8))
def test_stays_seats_and_doings(rows, within):
    there = made(rows)
    found = s.stays(there, PLACES, within)
    expected, seats = by_hand(rows, within)
    assert list(zip(found.rows.tolist(), found.places.tolist(), strict=True)) == expected
    every = np.arange(len(rows))
    assert s.seats(there, found, every, within).tolist() == seats
    told = Counter(expected[seat][1] for (_, _, kind), seat in zip(rows, seats, strict=True)
                   if kind in (0, 3) and seat >= 0)  # fmt: skip
    assert s.seated(there, found, [0, 3], 2, within).tolist() == [told[0], told[1]]
    done = s.doings(there, found, PLACES, within)
    for place in range(2):
        for kind in range(done.shape[1]):
            many = sum(
                kind in PLACES[place]
                or (kind in (0, 4) and seat >= 0 and expected[seat][1] == place)
                for (_, _, k), seat in zip(rows, seats, strict=True)
                if k == kind
            )
            assert done[place, kind] == many


@given(ROWS, st.integers(1, 8))
def test_orders_and_what_came_next(rows, within):
    there = made(rows)
    found = s.stays(there, PLACES, within)
    counts = Counter()
    for who in {row[0] for row in rows}:
        first = [
            min((at for w, at, kind in rows if w == who and kind in group), default=None)
            for group in PLACES
        ]
        if None not in first:
            counts[() if first[0] <= first[1] else (1, 0)] += 1
    assert s.orders(there, found, 2, [True, True]) == counts
    starts = rows_of(there, (1,))
    expected = Counter()
    for number in starts.tolist():
        who, at, _ = rows[number]
        after = [(a, k) for w, a, k in rows[number + 1 :] if w == who and k in (0, 2)]
        near = after and after[0][0] - at <= within
        expected[after[0][1] if near else -1] += 1
    assert s.next_kinds(there, starts, rows_of(there, (0, 2)), within) == expected


def test_a_required_place_that_is_missed_is_not_the_expected_order():
    there = made([(1, 0, 1), (1, 5, 4), (2, 0, 1), (2, 1, 2), (2, 2, 4), (3, 0, 1)])
    places = [(1,), (2,), (4,)]
    found = s.stays(there, places, 9)
    assert s.orders(there, found, 3, [True, True, True]) == {(): 1, (0, 2): 1}
    assert s.orders(there, found, 3, [True, False, True]) == {(): 2}


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_the_median_wait_is_kaplan_and_meiers(cases):
    waited = np.array([wait for wait, _ in cases])
    ended = np.array([over for _, over in cases])
    curve = kaplan_meier(waited, ended)
    below = np.flatnonzero(curve.survival <= 0.5 + 1e-9)
    expected = int(curve.time[below[0]]) if len(below) else None
    assert s.median_wait([s.Waits(waited, ended)]) == expected
    half = len(cases) // 2
    parts = [s.Waits(waited[:half], ended[:half]), s.Waits(waited[half:], ended[half:])]
    assert s.median_wait(parts) == expected


def test_nobody_waits_forever_to_be_counted():
    assert s.median_wait([]) is None
    assert s.median_of_ended([]) is None
    there = made([(1, 0, 1), (1, 4, 2), (2, 7, 1)])
    waits = s.waits(there, np.array([0, 2]), np.array([1, -1]), within=9, until=10)
    assert waits.waited.tolist() == [4, 3]
    assert waits.ended.tolist() == [True, False]


def test_last_rows_of_those_who_have_none_besides():
    there = made([(1, 0, 1), (1, 1, 1), (2, 0, 1), (2, 1, 2)])
    assert s.last_rows(there, np.array([0, 1, 2]), np.array([3])).tolist() == [1]
