"""Mix and rate add up; the adjusted difference covers the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.mix import Part, kitagawa, mantel_haenszel

count = st.integers(0, 50)
part = st.builds(lambda a, b, c, d: Part(min(a, b), max(a, b), min(c, d), max(c, d)), *[count] * 4)


@given(st.lists(part, min_size=1, max_size=6))
def test_mix_and_rate_are_the_change_of_the_whole(parts):
    n, m = sum(p.before_n for p in parts), sum(p.after_n for p in parts)
    split = kitagawa(parts)
    whole = sum(p.after for p in parts) / m - sum(p.before for p in parts) / n if n and m else 0
    assert sum(mix + rate for mix, rate in split) == pytest.approx(whole, abs=1e-12)


def test_who_was_not_there_before_changes_the_mix_alone():
    assert kitagawa([Part(5, 10, 5, 10), Part(0, 0, 9, 10)])[1] == pytest.approx((0.45, 0.0))
    assert kitagawa([Part(0, 0, 9, 10)]) == [(0.0, 0.0)]


def test_the_adjusted_difference_of_one_part_is_the_plain_one():
    assert mantel_haenszel([Part(10, 50, 30, 100)]).value == pytest.approx(0.1)
    assert np.isnan(mantel_haenszel([Part(0, 0, 3, 9)]).value)
    assert np.isnan(mantel_haenszel([]).value)


def test_simpson_is_seen():
    parts = [Part(2500, 10_000, 2250, 10_000), Part(1600, 4000, 6080, 16_000)]
    crude = 8330 / 26_000 - 4100 / 14_000
    adjusted = mantel_haenszel(parts)
    assert adjusted.low < adjusted.value < adjusted.high < 0 < crude


def test_its_interval_covers_the_truth():
    draws, covered = np.random.default_rng(3), 0
    for _ in range(1500):
        parts = [
            Part(int(draws.binomial(n, p)), n, int(draws.binomial(m, p + 0.05)), m)
            for n, m, p in ((40, 90, 0.3), (300, 120, 0.6), (15, 20, 0.1))
        ]
        gap = mantel_haenszel(parts)
        covered += gap.low <= 0.05 <= gap.high
    assert 0.93 <= covered / 1500 <= 0.97
