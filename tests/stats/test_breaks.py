"""Breaks against the Nile, against every stretch by hand, and against chance."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.breaks import mean_breaks, share_breaks


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
