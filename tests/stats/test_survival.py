"""Survival against a published trial, and the lapse limit against cases made by hand."""

from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.survival import (
    clustered_log_rank_p,
    ended_after,
    ended_by,
    group_limits,
    kaplan_meier,
    lapse_interval,
    lapse_limit,
    log_rank_p,
    return_curve,
    told_curve,
)


def spells(rows: list[tuple[int, bool]]) -> pl.DataFrame:
    schema = {"days": pl.Int64, "returned": pl.Boolean}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_row_index("customer_key")


def test_kaplan_meier_on_the_freireich_trial(shared):
    trial = pl.read_csv(shared / "reference" / "gehan.csv").filter(pl.col("treat") == "6-MP")
    curve = kaplan_meier(trial["time"].to_numpy(), trial["cens"].to_numpy() == 1)
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    survival = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert curve.survival == pytest.approx(survival, abs=0.0005)
    error = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve.error == pytest.approx(error, abs=0.00005)
    assert curve.median == 23


def test_the_log_rank_test_on_the_freireich_trial(shared):
    trial = pl.read_csv(shared / "reference" / "gehan.csv")
    treated = (trial["treat"] == "6-MP").to_numpy()
    days, ended = trial["time"].to_numpy(), (trial["cens"] == 1).to_numpy()
    p = log_rank_p(days, ended, treated, np.zeros(len(days)))
    assert NormalDist().inv_cdf(p / 2) ** 2 == pytest.approx(16.79, abs=0.005)
    # the other side of the same comparison
    assert log_rank_p(days, ended, ~treated, np.zeros(len(days))) == pytest.approx(p)
    # R's survfit(conf.type = "log-log") for the treated at ten months: .753 (.503 to .889)
    curve = kaplan_meier(days[treated], ended[treated])
    assert ended_by(curve, 10, 15) == pytest.approx((1 - 0.753, 1 - 0.889, 1 - 0.503), abs=0.0006)


def test_strata_compare_like_with_like():
    """In each of two strata both groups end alike, though one group is mostly in the quick one."""
    days, ended, group, strata = [], [], [], []
    for stratum, length, members in ((0, 10, (40, 10)), (1, 50, (10, 40))):
        for code, count in enumerate(members):
            days += [length + n % 5 for n in range(count)]
            ended += [True] * count
            group += [bool(code)] * count
            strata += [stratum] * count
    arrays = (np.array(days), np.array(ended), np.array(group))
    assert log_rank_p(*arrays, np.zeros(100)) < 0.001
    assert log_rank_p(*arrays, np.array(strata)) > 0.5
    nothing = np.array([], dtype=bool)
    assert log_rank_p(np.array([]), nothing, nothing, np.array([])) == 1.0


def test_log_log_intervals_hold_the_true_share():
    held = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        wait, watched = draw.exponential(100, 150), draw.uniform(30, 300, 150)
        curve = kaplan_meier(np.minimum(wait, watched), wait < watched)
        share = ended_by(curve, 60, 150)
        held += share.low <= 1 - np.exp(-0.6) <= share.high
    assert 0.93 <= held / 400 <= 0.975


def test_limits_of_groups_are_those_of_their_own_silences():
    rows = [(10, True)] * 60 + [(200, False)] * 40
    quick, slow = spells(rows), spells([(3 * days if over else days, over) for days, over in rows])
    both = pl.concat(
        [
            quick.with_columns(segment=pl.lit("quick")),
            slow.with_columns(pl.col("customer_key") + 100, segment=pl.lit("slow")),
            spells([(5, True)] * 3).with_columns(
                pl.col("customer_key") + 500, segment=pl.lit("few")
            ),
        ]
    )
    found = group_limits(both, 30, 0.2)
    assert [found[name].days for name in ("quick", "slow", "few")] == [10, 30, None]
    assert found["quick"][1:3] == lapse_interval(quick, 30, 0.2)
    assert found["few"] == (None,) * 5
    assert found["quick"].q_value < 0.05
    assert group_limits(both.head(0), 30, 0.2) == {}


def test_the_median_may_not_be_reached():
    assert kaplan_meier(np.array([1, 2, 3]), np.array([True, False, False])).median is None


def test_a_return_curve_by_hand():
    # four silences: two return after 1 and 3 days, two are still going on after 2 and 5
    curve = return_curve(spells([(1, True), (3, True), (2, False), (5, False)]), 2)
    # S = 1, 3/4, 3/4, 3/8, 3/8, 3/8 on days 0 to 5
    assert curve["silent_days"].to_list() == [0, 1, 2, 3]
    assert curve["at_risk"].to_list() == [4, 4, 3, 2]
    assert curve["at_risk_later"].to_list() == [3, 2, 1, 1]
    assert curve["still_silent_share"].to_list() == [1, 0.75, 0.75, 0.375]
    assert curve["return_share"].to_list() == [0.25, 0.5, 0.5, 0]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1), st.integers(1, 20))
def test_the_curve_is_one_less_the_ratio_of_two_kaplan_meier_points(rows, horizon):
    frame = spells(rows)
    curve = return_curve(frame, horizon)
    whole = kaplan_meier(frame["days"].to_numpy(), frame["returned"].to_numpy())

    def survival(day: int) -> float:
        return float(np.concatenate(([1.0], whole.survival))[(whole.time <= day).sum()])

    for day, share in zip(curve["silent_days"], curve["return_share"], strict=True):
        now = survival(day)
        expected = 1 - survival(day + horizon) / now if now else None
        assert share == (pytest.approx(expected) if now else None)


def test_a_horizon_longer_than_the_data_leaves_no_curve():
    assert return_curve(spells([(3, True), (5, False)]), 6).is_empty()
    assert return_curve(spells([]), 6).is_empty()


def test_the_limit_is_the_first_day_after_which_few_return():
    # 100 return after 10 days, 60 stay away: from day 10 on nobody comes back within 30 days
    curve = return_curve(spells([(10, True)] * 100 + [(200, False)] * 60), 30)
    assert lapse_limit(curve, 0.2) == 10


def test_a_yearly_customer_is_not_lapsed_in_spring():
    # nobody returns within the 90 days after a purchase, and yet nearly all do after a year
    curve = return_curve(spells([(365, True)] * 100 + [(600, False)] * 40), 90)
    assert curve["return_share"][0] == 0
    assert lapse_limit(curve, 0.2) == 365


def test_rare_return_gives_no_limit():
    assert (
        lapse_limit(return_curve(spells([(20, True)] * 3 + [(300, False)] * 97), 90), 0.2) is None
    )


def test_few_silences_give_no_limit():
    curve = return_curve(spells([(10, True)] * 15 + [(200, False)] * 14), 30)
    assert lapse_limit(curve, 0.2) is None


def test_a_limit_that_some_draws_miss_has_no_interval():
    steady = spells([(10, True)] * 100 + [(200, False)] * 60)
    assert lapse_interval(steady, 30, 0.2) == (10, 10)
    assert lapse_interval(spells([(10, True)] * 20 + [(200, False)] * 10), 30, 0.2) is None


def test_the_interval_holds_the_true_limit():
    # each silence ends by a purchase (rate 1/20 a day) or by leaving for good (rate 1/100):
    # the return curve crosses 20 % where a customer is gone with odds of about 4 to 1
    def limit_of(random: np.random.Generator, customers: int) -> pl.DataFrame:
        back = random.exponential(20, customers * 6)
        gone = random.random(customers * 6) < 0.2
        days = np.where(gone, 400, np.minimum(back, 400)).astype(int)
        keys = np.repeat(np.arange(customers), 6)
        return pl.DataFrame({"customer_key": keys, "days": days, "returned": ~gone & (back < 400)})

    # silent at d and alive: .8 e^(-d/20); R(d) = .8 e^(-d/20) / (.2 + .8 e^(-d/20)) = .2
    truth = 20 * np.log(16)
    held = 0
    for seed in range(40):
        low, high = lapse_interval(
            limit_of(np.random.default_rng(seed), 60), 90, 0.2, rounds=100
        ) or (0, 0)
        held += low - 1 <= truth <= high + 1  # whole days
    assert held >= 35


def test_gehan_median_and_its_interval(shared):
    """R's survfit with conf.type = "log-log" gives 23 with 13 as its lower end and no upper."""
    rows = pl.read_csv(shared / "reference" / "gehan.csv").filter(pl.col("treat") == "6-MP")
    curve = kaplan_meier(rows["time"].to_numpy(), rows["cens"].to_numpy() == 1)
    assert ended_after(curve) == (23, 13, None)
    assert ended_after(curve, 0.9) == (None, None, None)


def test_a_told_curve_ends_where_too_few_are_known():
    cases = pl.DataFrame({"days": [float(d) for d in range(1, 21)], "ended": [True, False] * 10})
    told = told_curve(cases, marks=[5, 100], points=3)
    assert told["days"].to_list() == [0, 1, 5, 9, 19, 100]
    assert told["at_risk"].to_list() == [20, 20, 16, 12, 2, 0]
    assert told["ended_share"][-1] == told["ended_share"][-2]
    few = told_curve(cases.head(5), marks=[1])
    assert few["days"].to_list() == [0]


def test_the_clustered_log_rank_test_of_one_case_each_is_nearly_the_plain_one():
    draw = np.random.default_rng(1)
    for _ in range(20):
        days, ended = draw.integers(1, 30, 400), draw.random(400) < 0.7
        group = draw.random(400) < 0.5
        plain = log_rank_p(days, ended, group, np.zeros(400))
        assert clustered_log_rank_p(days, ended, group, np.arange(400)) == pytest.approx(
            plain, abs=0.03
        )


def test_starts_of_the_same_people_are_no_independent_ones():
    """Each of 60 people is quick or slow at all of 20 starts, in whichever group they are."""
    draw = np.random.default_rng(2)
    plain = clustered = 0
    for _ in range(200):
        pace, person = draw.exponential(1, 60), np.repeat(np.arange(60), 20)
        group = (draw.random(60) < 0.5)[person]
        days = draw.exponential(1, 1200) * pace[person]
        ended = days < 3
        days = np.minimum(days, 3)
        plain += log_rank_p(days, ended, group, np.zeros(1200)) < 0.05
        clustered += clustered_log_rank_p(days, ended, group, person) < 0.05
    assert plain > 80
    assert clustered <= 16  # one in twenty, and what chance allows
