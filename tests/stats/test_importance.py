"""Importance on numbers that fit on paper, on published figures, and on made answers by lot."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.importance import asymmetry, importance, interval, lmg, relative_weights

GRID = [[0, 0], [0, 1], [1, 0], [1, 1]]


def r_squared(x: np.ndarray, y: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(y)), x])
    rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return 1 - float(rest @ rest) / float(((y - y.mean()) ** 2).sum())


def by_orders(x: np.ndarray, y: np.ndarray) -> list[float]:
    """LMG as it is defined: what each driver adds, averaged over all orders."""
    orders = list(permutations(range(x.shape[1])))
    gain = np.zeros(x.shape[1])
    for order in orders:
        for place, j in enumerate(order):
            before = list(order[:place])
            gain[j] += r_squared(x[:, [*before, j]], y) - (r_squared(x[:, before], y))
    return list(gain / len(orders))


@pytest.mark.parametrize("measure", [lmg, relative_weights])
def test_drivers_that_do_not_go_together_get_their_squared_correlation(measure):
    # y = 2 a + b on a square: r = 2 / sqrt(5) and 1 / sqrt(5)
    assert measure(GRID, [0, 1, 2, 3]) == pytest.approx([0.8, 0.2])
    # y = a b: of the spread 3/16 each has (1/4)^2 / (1/4 * 3/16) = 1/3
    assert measure(GRID, [0, 0, 0, 1]) == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.parametrize("measure", [lmg, relative_weights])
def test_a_driver_twice_shares_its_part_with_itself(measure):
    assert measure([[0, 0], [1, 1], [2, 2]], [0, 1, 2]) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("measure", [lmg, relative_weights])
def test_what_does_not_vary_has_no_part(measure):
    assert measure([[0, 7], [1, 7], [2, 7]], [0, 1, 2]) == pytest.approx([1, 0])
    assert np.isnan(measure(GRID, [3, 3, 3, 3])).all()


@pytest.fixture(scope="module")
def cars(shared) -> tuple[np.ndarray, np.ndarray]:
    frame = pl.read_csv(shared / "reference" / "mtcars.csv")
    return frame.select("cyl", "disp", "hp", "gear").to_numpy(), frame["mpg"].to_numpy()


def test_relative_weights_of_the_published_example(cars):
    found = relative_weights(*cars)
    assert found == pytest.approx([0.2284797, 0.2221469, 0.2321744, 0.0963886], abs=5e-8)
    assert found.sum() == pytest.approx(0.7791896, abs=5e-8)


def test_lmg_is_the_mean_over_all_orders(cars):
    assert lmg(*cars) == pytest.approx(by_orders(*cars))


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_both_add_up_to_r_squared(seed, k):
    draw = np.random.default_rng(seed)
    x = draw.integers(1, 6, (40, k)).astype(float)
    y = x @ draw.normal(size=k) + draw.normal(size=40)
    whole = r_squared(x, y)
    assert lmg(x, y).sum() == pytest.approx(whole)
    assert relative_weights(x, y).sum() == pytest.approx(whole)
    assert (lmg(x, y) > -1e-9).all()


def test_the_order_and_the_units_of_the_drivers_do_not_matter():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(50, 4))
    y = x @ [1, 2, 0, -1] + draw.normal(size=50)
    assert lmg(x[:, ::-1] * 7 + 3, 5 - 2 * y)[::-1] == pytest.approx(lmg(x, y))


def answers(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three drivers and a placebo with one halo, as rated by people."""
    draw = np.random.default_rng(seed)
    halo = np.sqrt(0.5)
    x = halo * draw.normal(size=(n, 1)) + halo * draw.normal(size=(n, 4))
    return x, x[:, :3] @ [0.5, 0.3, 0.2] + 0.5 * draw.normal(size=n)


def test_the_placebo_has_a_part_by_its_halo_and_none_of_its_own():
    x, y = answers(1_200, 5)
    told = importance(x, y, np.arange(1_200))
    parts = [one.lmg.value for one in told.drivers]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) == pytest.approx(told.r_squared.value)
    assert [one.q_value < 0.05 for one in told.drivers] == [True, True, True, False]
    placebo = told.drivers[3]
    assert placebo.lmg.low > 0.02  # the halo
    assert placebo.alone.low < 0 < placebo.alone.high
    assert sum(one.above_mean.value for one in told.drivers) == pytest.approx(0)


def test_answers_given_twice_are_no_surer():
    x, y = answers(150, 1)
    once = importance(x, y, np.arange(150))
    twice = importance(np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(np.arange(150), 2))
    assert twice.drivers[0].lmg == pytest.approx(once.drivers[0].lmg)
    assert twice.drivers[0].q_value == pytest.approx(once.drivers[0].q_value)


def test_more_than_ten_drivers_have_relative_weights_alone():
    x = np.random.default_rng(0).normal(size=(200, 11))
    told = importance(x, x.sum(axis=1), np.arange(200), rounds=50)
    assert np.isnan(told.drivers[0].lmg.value)
    assert sum(one.weight.value for one in told.drivers) == pytest.approx(1)


def test_a_value_beyond_all_draws_stays_within_its_interval():
    assert interval(np.array([9.0, 1.0, 2.0, 3.0])).high == 9
    assert np.isnan(interval(np.array([1.0])).low)


def test_low_ratings_that_cost_more_than_high_ones_bring():
    x = np.array([[1], [2], [3], [4], [5]] * 40)
    people = np.arange(200)
    noise = np.tile([-0.1, 0.1], 100)
    [even] = asymmetry(x, 2.0 * x[:, 0] + noise, people, [2], [5])
    # middle 3.5: the low ones lie 2 points down, 5 lies 1.5 up, each worth 2 per point
    assert (even.penalty.value, even.reward.value) == pytest.approx((-4, 3))
    assert even.per_point.value == pytest.approx(0, abs=1e-9)
    [punished] = asymmetry(x, np.minimum(x[:, 0], 3) + noise, people, [2], [5])
    assert punished.penalty.value == pytest.approx(-1.5)
    assert punished.per_point.low > 0
    assert punished.q_value < 0.001


def test_a_driver_with_few_low_ratings_is_not_judged():
    x = np.array([[1], [3], [4], [5]] * 9)
    [told] = asymmetry(x, x[:, 0], np.arange(36), [2], [5])
    assert np.isnan(told.penalty.value)
