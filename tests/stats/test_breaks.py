"""Breaks against the Nile, against every stretch by hand, and against chance."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.breaks import mean_breaks, share_breaks
from cxkit.stats.clustered import ByPerson


def test_the_nile_broke_once_after_1898(shared):
    flow = pl.read_csv(shared / "reference" / "Nile.csv")["value"].to_list()
    (found,) = mean_breaks(flow)
    assert (found.start, found.end) == (28, 100)
    assert found.p <= 0.01


weeks = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=4, max_size=14)


@given(weeks)
def test_the_stretch_is_the_one_that_lies_furthest_from_the_rest(pairs):
    x, n = np.array([min(p) for p in pairs]), np.array([max(p) for p in pairs])
    share = x.sum() / n.sum() if n.sum() else 0
    found = share_breaks(x, n)
    kept = np.flatnonzero(n)
    off = (x - n * share)[kept]
    if share in (0, 1) or len(kept) < 4 or not np.any(np.abs(off) > 1e-9):
        assert len(found) <= 1
        return
    size = n[kept]

    def far(first, last):
        inside, whole = size[first:last].sum(), size.sum()
        return off[first:last].sum() ** 2 / (inside * (1 - inside / whole))

    best = max(
        far(i, j)
        for i in range(len(kept))
        for j in range(i + 1, len(kept) + 1)
        if j - i < len(kept)
    )
    first = np.searchsorted(kept, found[0].start)
    last = np.searchsorted(kept, found[0].end)
    assert far(first, last) == pytest.approx(best)
    assert 0 < found[0].p <= 1
    assert first > 0  # a change is what comes later


def test_several_breaks_are_found_one_by_one():
    n = [200] * 60
    x = [120] * 10 + [60] * 4 + [121] * 20 + [170] * 6 + [119] * 20
    x = [value + (3, -2, 1, -4, 2)[place % 5] for place, value in enumerate(x)]
    found = share_breaks(x, n, level=0.001)
    assert sorted((one.start, one.end) for one in found) == [(10, 14), (34, 40)]


def test_weeks_without_anybody_change_nothing():
    x, n = [50, 52, 49, 48, 20, 22, 51, 48], [100] * 8
    (plain, *_) = share_breaks(x, n)
    (holes, *_) = share_breaks(
        [50, 0, 52, 49, 48, 20, 0, 22, 51, 48], [100, 0, *[100] * 4, 0, *[100] * 3]
    )
    assert (plain.start, plain.end) == (4, 6)
    assert (holes.start, holes.end) == (5, 8)
    assert share_breaks([], []) == []
    assert share_breaks([0] * 9, [5] * 9) == []
    assert share_breaks([5] * 9, [5] * 9) == []
    assert share_breaks([1, 2, 3], [5] * 3) == []


@pytest.mark.parametrize(
    ("size", "share", "spread"),
    [(60, 0.55, 0.0), (60, 0.55, 0.08), (6, 0.55, 0.0), (60, 0.98, 0.0)],
)
def test_chance_alone_is_called_a_break_as_seldom_as_stated(size, share, spread):
    draws, tries = np.random.default_rng(11), 400
    p_values = []
    for seed in range(tries):
        sizes = draws.poisson(size, 104)
        level = draws.normal(share, spread, 104).clip(0, 1)
        found = share_breaks(draws.binomial(sizes, level), sizes, seed=seed)
        p_values.append(found[0].p)
    assert np.mean(np.array(p_values) <= 0.05) < 0.085  # .05 and three standard errors
    assert np.mean(np.array(p_values) <= 0.01) < 0.026


def test_seven_bad_weeks_are_found_to_the_week():
    """The size of the demo company's broken checkout, on draws of its own."""
    draws, near = np.random.default_rng(12), 0
    for seed in range(60):
        share = np.full(104, 0.55)
        share[29:36] = 0.30
        sizes = draws.binomial(130, 0.46, 104)
        found = share_breaks(draws.binomial(sizes, share), sizes, level=0.001, seed=seed)[0]
        near += abs(found.start - 29) <= 1 and abs(found.end - 36) <= 1 and found.p <= 0.001
    assert near >= 58


def test_weeks_of_one_person_are_no_break() -> None:
    """One of forty never goes on, and comes often in a few weeks: that is this person, no break."""
    draws = np.random.default_rng(4)
    person, week = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(40)))
    sizes, successes = np.full(1600, 2.0), draws.binomial(2, 0.5, 1600).astype(float)
    often = (person == 0) & (week >= 10) & (week < 16)
    sizes[often], successes[often] = 60.0, 0.0
    people = ByPerson(person, week, successes, sizes)
    x, n = (np.bincount(week, counts).tolist() for counts in (successes, sizes))
    assert share_breaks(x, n)[0][:2] == (10, 16)
    assert share_breaks(x, n)[0].p < 0.01
    assert share_breaks(x, n, people=people)[0].p > 0.1


def test_a_break_that_all_share_is_found_by_people_as_well() -> None:
    draws = np.random.default_rng(5)
    person, week = (part.ravel() for part in np.meshgrid(np.arange(60), np.arange(40)))
    rate = np.where((week >= 10) & (week < 16), 0.2, 0.6)
    successes = draws.binomial(2, rate).astype(float)
    people = ByPerson(person, week, successes, np.full(len(person), 2.0))
    x = np.bincount(week, successes).tolist()
    told = share_breaks(x, [120] * 40, people=people)[0]
    assert told[:2] == (10, 16)
    assert told.p < 0.01
