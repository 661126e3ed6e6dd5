"""Control charts against Montgomery's orange juice, and against chance."""

import numpy as np
import polars as pl
import pytest

from cxkit.stats.clustered import ByPerson
from cxkit.stats.control import between, p_chart, trend


@pytest.fixture(scope="module")
def cans(shared) -> pl.DataFrame:
    """Montgomery's first 30 samples of 50 cans of orange juice."""
    read = pl.read_csv(shared / "reference" / "qcc_orangejuice.txt", separator="\t")
    return read.filter(pl.col("trial"))


def test_orange_juice_has_the_published_limits(cans):
    spoilt, sizes = cans["D"].to_list(), cans["size"].to_list()
    chart = p_chart(spoilt, sizes)
    assert round(chart.centre, 4) == 0.2313
    assert (round(chart.low[0], 4), round(chart.high[0], 4)) == (0.0524, 0.4102)
    assert cans["sample"].filter(pl.Series(chart.outside)).to_list() == [15, 23]
    frozen = p_chart(spoilt, sizes, ~chart.outside)
    assert round(frozen.centre, 4) == 0.2150
    assert (round(frozen.low[0], 4), round(frozen.high[0], 4)) == (0.0407, 0.3893)
    assert set(cans["sample"].filter(pl.Series(frozen.outside)).to_list()) >= {15, 23}


def test_limits_do_not_move_with_what_came_after():
    clean = [50, 52, 49, 51] * 5
    chart = p_chart([*clean, 20, 20, 20], [100] * 23, [True] * 20 + [False] * 3)
    assert chart.centre == p_chart(clean, [100] * 20).centre
    assert np.flatnonzero(chart.outside).tolist() == [20, 21, 22]


def test_a_wider_spread_between_weeks_widens_the_limits():
    draws = np.random.default_rng(4)
    plain = draws.binomial(400, 0.5, 2000)
    moving = draws.binomial(400, draws.beta(50, 50, 2000))  # its sd is .05, that of chance .025
    for successes, spread in ((plain, 1.0), (moving, np.sqrt(1 + (0.05 / 0.025) ** 2))):
        assert between(successes, [400] * 2000) == pytest.approx(spread, rel=0.06)  # 3 sd
        chart = p_chart(successes, [400] * 2000, laney=True)
        assert chart.outside.mean() < 0.01
    assert p_chart(moving, [400] * 2000).outside.mean() > 0.1
    # and a narrower one does not narrow them
    assert p_chart([200] * 30, [400] * 30, laney=True).spread == 1
    assert p_chart([200, 300] * 5, [400] * 10, laney=True).spread == 1  # too few to tell


def test_nothing_to_chart_has_no_limits():
    assert np.isnan(p_chart([], []).centre)
    chart = p_chart([0, 3], [0, 6])
    assert chart.centre == 0.5
    assert np.isnan(chart.low[0])
    assert not chart.outside.any()


@pytest.mark.parametrize("spread", [0.0, 0.04])
def test_a_trend_is_claimed_of_none_no_more_often_than_stated(spread):
    draws, claimed = np.random.default_rng(8), 0
    for _ in range(1500):
        share = draws.normal(0.5, spread, 52).clip(0, 1)
        claimed += trend(draws.binomial(200, share), [200] * 52)[1] <= 0.05
    assert 0.03 < claimed / 1500 < 0.075


def test_a_trend_needs_three_samples_that_differ():
    assert trend([1, 2], [9, 9]) == (0.0, 1.0)
    assert trend([9, 9, 9], [9, 9, 9])[1] == 1.0
    assert trend([0, 10, 0, 20, 30], [0, 100, 0, 100, 100])[0] > 0


def test_other_people_who_come_later_are_no_trend() -> None:
    """Ten who always go on come first, ten who never do come later: twenty people, not a trend."""
    week = np.repeat(np.arange(20), 10)
    person = np.where(week < 10, 0, 10) + np.tile(np.arange(10), 20)
    draws = np.random.default_rng(8)
    always = draws.permutation(np.repeat([1.0, 0.0], 10))
    people = ByPerson(person, week, 5 * always[person], np.full(200, 5.0))
    x = np.bincount(week, people.successes).tolist()
    assert trend(x, [50] * 20)[1] < trend(x, [50] * 20, people)[1]
    same = ByPerson(np.arange(200), week, 5.0 * (np.arange(200) % 2), np.full(200, 5.0))
    assert trend(np.bincount(week, same.successes).tolist(), [50] * 20, same)[1] > 0.5
