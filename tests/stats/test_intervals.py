"""Intervals against published figures, and against the truth in simulations."""

from math import comb, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats import intervals


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)]
)
def test_wilson_as_published_by_newcombe(successes, n, low, high):
    found = intervals.wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_newcombe_difference_as_published():
    found = intervals.newcombe(56, 70, 48, 80)
    assert [round(end, 4) for end in found] == [0.2, 0.0524, 0.3339]


def test_benjamini_hochberg_rejects_four_as_published():
    p_values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert sum(q <= 0.05 for q in intervals.benjamini_hochberg(p_values)) == 4
    shuffled = intervals.benjamini_hochberg(p_values[::-1])
    assert shuffled[::-1] == intervals.benjamini_hochberg(p_values)
    assert intervals.benjamini_hochberg([]) == []


def test_nps_and_its_standard_error_as_published():
    # 1/2 promoters and 1/6 detractors of 324: the plain standard error is .0414, and so many
    # answers leave the three pseudo-answers little to say
    score = intervals.nps(162, 54, 324)
    assert score.value == pytest.approx(100 / 3)
    assert (score.high - score.low) / 200 / intervals.Z == pytest.approx(0.0414, abs=0.0002)


def test_no_answers_give_no_number():
    for found in (intervals.wilson(0, 0), intervals.nps(0, 0, 0), intervals.mean(0, 0, 0, 1, 5)):
        assert all(end != end for end in found)
    assert intervals.shares_p(0, 0, 3, 9) == intervals.nps_p(0, 0, 0, 1, 1, 5) == 1.0


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_frame_gets_the_same_interval_as_one_share(case):
    successes, n = case
    frame = intervals.add_wilson(pl.DataFrame({"k": [successes], "n": [n]}), "k", "n", "share")
    found = intervals.wilson(successes, n)
    assert frame.row(0)[2:] == pytest.approx(tuple(found))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low == 0) == (successes == 0)
    assert (found.high == 1) == (successes == n)


def test_a_base_of_nothing_gives_nulls():
    frame = pl.DataFrame({"k": [0, 1], "n": [0, None]})
    added = intervals.add_wilson(frame, "k", "n", "share")
    assert added.select("share", "share_low", "share_high").rows() == [(None,) * 3] * 2


def test_the_mean_stays_on_its_scale():
    found = intervals.mean(4, 19, 91, 1, 5)  # 5 5 5 4
    assert found.value == 4.75
    assert found.low == pytest.approx(3.9544, abs=1e-4)
    assert found.high == 5
    one = intervals.mean(1, 3, 9, 1, 5)
    assert one.value == 3
    assert one.low != one.low


@pytest.mark.parametrize(("n", "shares"), [(30, (0.15, 0.25, 0.6)), (300, (0.3, 0.3, 0.4))])
def test_nps_intervals_hold_the_truth_as_often_as_they_say(n, shares):
    draws = np.random.default_rng(1).multinomial(n, shares, size=1000)
    truth = 100 * (shares[2] - shares[0])
    held = [low <= truth <= high for _, low, high in (intervals.nps(p, d, n) for d, _, p in draws)]
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(
    ("n", "shares", "plain", "adjusted"),
    [
        (10, (0.15, 0.25, 0.60), 0.903, 0.956),
        (10, (0.02, 0.08, 0.90), 0.649, 0.930),
        (30, (0.02, 0.08, 0.90), 0.843, 0.960),
    ],
)
def test_nps_intervals_cover_as_published_by_rocks(n, shares, plain, adjusted):
    """Exact: over all ways in which n people can answer; the plain interval is too narrow."""
    detractors, _, promoters = shares
    truth, held, naive = 100 * (promoters - detractors), 0.0, 0.0
    for up in range(n + 1):
        for down in range(n + 1 - up):
            ways = comb(n, up) * comb(n - up, down)
            chance = ways * promoters**up * detractors**down * shares[1] ** (n - up - down)
            value, low, high = intervals.nps(up, down, n)
            held += chance * (low <= truth <= high)
            error = 100 * sqrt(((up + down) / n - ((up - down) / n) ** 2) / n)
            naive += chance * (abs(value - truth) <= intervals.Z * error)
    # what was published are shares of simulations
    assert naive == pytest.approx(plain, abs=0.005)
    assert held == pytest.approx(adjusted, abs=0.005)


@pytest.mark.parametrize(("n", "share"), [(50, 0.3), (400, 0.1)])
def test_wilson_intervals_hold_the_truth_as_often_as_they_say(n, share):
    draws = np.random.default_rng(2).binomial(n, share, size=2000)
    held = [low <= share <= high for _, low, high in (intervals.wilson(int(k), n) for k in draws)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_equal_segments_seldom_seem_to_differ():
    random = np.random.default_rng(3)
    nps = random.multinomial(200, (0.3, 0.3, 0.4), size=(800, 2))
    top = random.binomial(200, 0.6, size=(800, 2))
    alarms = [intervals.nps_p(a[2], a[0], 200, b[2], b[0], 200) < 0.05 for a, b in nps]
    assert 0.03 <= np.mean(alarms) <= 0.07
    alarms = [intervals.shares_p(a, 200, b, 200) < 0.05 for a, b in top]
    assert 0.03 <= np.mean(alarms) <= 0.07
    assert intervals.shares_p(120, 200, 60, 200) < 1e-6
    assert intervals.nps_p(120, 20, 200, 60, 80, 200) < 1e-6


def test_the_difference_of_two_scores_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(4)
    one = draws.multinomial(40, (0.1, 0.3, 0.6), size=2000)
    two = draws.multinomial(25, (0.4, 0.3, 0.3), size=2000)
    found = [
        intervals.nps_difference(a[2], a[0], 40, b[2], b[0], 25)
        for a, b in zip(one, two, strict=True)
    ]
    assert 0.93 <= np.mean([low <= 60 <= high for _, low, high in found]) <= 0.97
    assert np.isnan(intervals.nps_difference(3, 0, 3, 0, 0, 0)).all()
    held = intervals.nps_difference(1, 0, 1, 0, 1, 1)
    assert held.value == held.high == 200


def test_equal_levels_seldom_seem_to_differ():
    draws = np.random.default_rng(5)
    errors = [0.05, 0.1, 0.02, 0.07]
    p_values = [intervals.levels_p(draws.normal(0.4, errors).tolist(), errors) for _ in range(2000)]
    assert 0.035 <= np.mean(np.array(p_values) < 0.05) <= 0.065
    assert intervals.levels_p([0.1, 0.9], [0.05, 0.05]) < 1e-6
    assert intervals.levels_p([0.1], [0.05]) == intervals.levels_p([0.1, 0.2], [0.0, 0.1]) == 1.0
