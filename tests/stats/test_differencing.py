"""Which sums over overlapping groups tell of few: against all small groups of people, by hand."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.differencing import tells_of_few


def test_by_hand():
    nested = [[True, True]] * 12 + [[True, False]] + [[False, False]] * 12
    assert tells_of_few(nested, range(25), 10), "the larger group less the smaller one is one"
    assert not tells_of_few([row[:1] for row in nested], range(25), 10)
    crossed = [[True, False]] * 12 + [[False, True]] * 12 + [[False, False]] * 12
    assert not tells_of_few([*crossed, [True, True]], range(37), 10), "the one in both stays inside"
    and_none = [[*row, not any(row)] for row in [*crossed, [True, True]]]
    assert tells_of_few(and_none, range(37), 10), "with the rest told, the groups less all are one"
    some = [[*row, not any(row)] for row in [*crossed, *[[True, True]] * 10]]
    assert not tells_of_few(some, range(46), 10)
    assert tells_of_few([[True]] * 9, range(9), 10), "all are too few"
    assert tells_of_few([[True]] * 30 + [[False]] * 30, [0] * 30 + [*range(30)], 10), "one of many"


@given(
    st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=9),
    st.integers(1, 4),
)
def test_against_every_small_group_of_people(held, least):
    """Where it says no, no weighted sum of the sums is of fewer than `least` people alone."""
    sums = np.column_stack([np.ones(len(held)), np.array(held, float)])
    rank = np.linalg.matrix_rank(sums)
    told = any(
        np.linalg.matrix_rank(np.delete(sums, few, axis=0)) < rank if len(few) < len(held) else True
        for size in range(1, least)
        for few in combinations(range(len(held)), size)
    )
    assert tells_of_few(held, range(len(held)), least) >= told
    assert not tells_of_few(held, range(len(held)), 1)
