import numpy as np
import polars as pl
import pytest

from cxkit.stats.clustered import (
    ByPerson,
    contrast_effect,
    covariance,
    design_effect,
    design_effects,
    effective,
    few,
    within_effect,
)
from cxkit.stats.intervals import newcombe, shares_p, wilson


def test_the_effect_is_that_of_a_ratio_of_two_sums() -> None:
    # 2 and 98 by hand, 100 people with 3 visits of whom a half always succeed: effect 3 · 100/99
    effect = design_effect([3, 0] * 50, [3, 3] * 50)
    few = (1.98422 / 1.95996) ** 2  # Student's t of 99 degrees of freedom
    assert effect == pytest.approx(3 * 100 / 99 * few, rel=1e-4)


def test_people_who_come_once_are_what_they_are() -> None:
    assert design_effect([1, 0, 1, 1], [1, 1, 1, 1]) == 1.0
    assert design_effect([], []) == 1.0
    assert effective(5, 20, 1.0) == (5, 20)


def test_visits_of_one_person_say_as_much_as_one() -> None:
    assert design_effect([7], [20]) == 20
    assert design_effect([20], [20]) == 20
    assert design_effect([0, 0], [10, 30]) == 25  # (10² + 30²) / 40


def test_people_in_both_groups_make_the_difference_surer() -> None:
    person = np.tile(np.arange(50), 2)
    group = np.repeat([0, 1], 50)
    x, n = np.tile([9, 1], 50), np.full(100, 10)
    assert contrast_effect(person, group, x, n, [1, -1]) == 1.0
    assert contrast_effect(np.arange(100), group, x, n, [1, -1]) > 5


def test_the_effects_of_several_groups_stand_beside_each_other() -> None:
    frame = pl.DataFrame({"place": [1, 1, 2, 2, 3], "x": [5, 0, 1, 0, 0], "n": [5, 5, 1, 1, 0]})
    told = design_effects(frame, ["place"], "x", "n")
    assert told["place"].to_list() == [1, 2]
    assert told["people"].to_list() == [2, 2]
    assert told["effect"][0] > 10 and told["effect"][1] == 1.0


def test_the_covariance_of_people_who_come_once_is_a_diagonal() -> None:
    once = ByPerson(np.arange(4), np.array([0, 0, 1, 1]), np.array([1.0, 0, 1, 0]), np.ones(4))
    assert covariance(once, 3) == pytest.approx(np.diag([0.5, 0.5, 0]) * 4 / 3)
    nobody = ByPerson(*(np.zeros(0, kind) for kind in (int, int, float, float)))
    assert covariance(nobody, 2).tolist() == [[0, 0], [0, 0]]
    assert within_effect(nobody) == few(nobody) == 1.0


# people, visits each (mean), the beta distribution of their own rates, and whether a few come often
WORLDS = [(20, 60, 0.6, 0.6, False), (60, 12, 0.8, 0.8, False), (150, 6, 1, 6, True)]


@pytest.mark.parametrize("number", range(len(WORLDS)))
def test_intervals_hold_what_they_promise_and_alarms_are_rare(number: int) -> None:
    people, visits, a, b, often = WORLDS[number]
    draws = np.random.default_rng([7310, number])
    rounds, truth = 4000, a / (a + b)
    person, group = np.arange(2 * people), np.repeat([0, 1], people)
    held = apart = alarms = naive = 0
    for _ in range(rounds):
        busy = draws.lognormal(-0.5, 1.0, 2 * people) if often else np.ones(2 * people)
        n = np.maximum(1, draws.poisson(visits * busy))
        x = draws.binomial(n, draws.beta(a, b, 2 * people))
        one, two = slice(people), slice(people, None)
        share = wilson(*effective(x[one].sum(), n[one].sum(), design_effect(x[one], n[one])))
        held += share.low <= truth <= share.high
        effect = contrast_effect(person, group, x, n, [1, -1])
        plain = (x[one].sum(), n[one].sum(), x[two].sum(), n[two].sum())
        counts = effective(*plain[:2], effect) + effective(*plain[2:], effect)
        gap = newcombe(*counts)
        apart += gap.low <= 0 <= gap.high
        alarms += shares_p(*counts) < 0.05
        naive += shares_p(*plain) < 0.05
    assert 0.93 <= held / rounds <= 0.97
    assert 0.93 <= apart / rounds <= 0.97
    assert alarms / rounds <= 0.06
    assert naive / rounds > 0.1  # what taking each visit for itself would do
