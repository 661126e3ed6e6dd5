"""When is a share above its own past? Against published run lengths, and where nothing moves."""

import numpy as np
import pytest

from cxkit.stats.cusum import FEW, limit_for, rise


def test_the_limit_is_siegmunds():
    """Of a limit of 5 a false alarm comes after 938 samples on average (h = 5, k = .5)."""
    for samples in (10, 104, 500):
        level = 1 - np.exp(-samples / 938.2)
        assert limit_for(samples, 1, level) == pytest.approx(5, abs=0.001)
    assert limit_for(0, 3) == limit_for(5, 0) == float("inf")


@pytest.mark.parametrize(("share", "size"), [(0.005, 40), (0.05, 40), (0.3, 40), (0.1, 300)])
def test_no_more_alarms_than_allowed_where_nothing_moves(share, size):
    draws, alarms, weeks = np.random.default_rng(1), 0, 80
    limit = limit_for(weeks, 1, 0.1)
    for _ in range(200):
        sizes = draws.poisson(size, weeks)
        found = rise(draws.binomial(sizes, share).tolist(), sizes.tolist(), limit)
        alarms += found.alarm is not None
    assert alarms <= 28  # at 20 of 200 chance alone brings more in 3 % of runs


def test_a_company_in_which_no_theme_moves_is_quiet():
    draws, alarms, themes, weeks = np.random.default_rng(21), 0, 10, 60
    shares = np.geomspace(0.003, 0.3, themes)
    limit = limit_for(weeks, themes)
    for _ in range(100):
        sizes = draws.poisson(45, weeks)
        found = (draws.binomial(sizes, share) for share in shares)
        alarms += any(rise(x.tolist(), sizes.tolist(), limit).alarm is not None for x in found)
    assert alarms <= 5


def test_more_of_everything_is_no_rise():
    found = rise([2] * 30 + [20] * 30, [40] * 30 + [400] * 30, limit_for(60, 1, 0.5))
    assert found.alarm is None


def test_a_share_that_doubles_is_found_and_one_that_halves_is_not():
    up = rise([8] * 30 + [16] * 20, [80] * 50, limit_for(50, 10))
    assert up.start == 30
    assert up.alarm is not None and up.alarm <= 37
    assert up.p < 0.01
    down = rise([16] * 30 + [8] * 20, [80] * 50, limit_for(50, 10))
    assert (down.start, down.alarm) == (None, None)
    assert down.p > 0.2


def test_samples_that_differ_by_more_than_chance_raise_no_alarm():
    draws, alarms = np.random.default_rng(3), 0
    limit = limit_for(100, 1, 0.01)
    for _ in range(60):
        share = np.clip(draws.normal(0.2, 0.08, 100), 0.01, 0.9)
        found = rise(draws.binomial(200, share).tolist(), [200] * 100, limit)
        alarms += found.alarm is not None
    assert alarms <= 4  # of 60; without the spread it would be every other one


def test_a_rise_takes_several_people():
    many = [0] * 20 + [2] * 20
    one = [[] if not x else [7, 8] for x in many]
    others = [[] if not x else [at, at + 100] for at, x in enumerate(many)]
    limit = limit_for(40, 1)
    assert rise(many, [20] * 40, limit).alarm is not None
    assert rise(many, [20] * 40, limit, one).alarm is None
    told = rise(many, [20] * 40, limit, others)
    assert told.alarm is not None and 2 * (told.alarm - 20 + 1) >= FEW


def test_empty_and_uniform_series():
    limit = limit_for(10, 1)
    assert rise([], [], limit) == ([], None, None, 1.0)
    for x, n in ((0, 0), (0, 9), (9, 9)):
        found = rise([x] * 10, [n] * 10, limit)
        assert found.alarm is None and found.p == 1.0
