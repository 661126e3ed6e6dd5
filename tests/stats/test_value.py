"""The models of value against published figures, integrals, and customers drawn from the models."""

from itertools import pairwise
from math import exp, lgamma, log

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import rankdata

from cxkit.stats import value
from cxkit.stats.value import (
    Buying,
    Spending,
    alive,
    expected_purchases,
    expected_spend,
    fit_buying,
    fit_leaving,
    fit_spending,
    forecast,
    mean_purchases,
    spend_with_frequency,
    why_no_model,
)

TRUE = Buying(0.9, 9.0, 0.6, 3.0, 0.0, np.eye(4))
CDNOW = Buying(0.2426, 4.4137, 0.7930, 2.4262, 0.0, np.eye(4))


def people(*rows: tuple[float, ...], names=("repeats", "last", "age")) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(names), orient="row")


def drawn(seed: int, model: Buying = TRUE, n: int = 4500, weeks: float = 104):
    """Draw customers from BG/NBD: their histories, their rates and chances, and who is still there.

    Everyone began at some time within the data's `weeks`, at least a quarter of them ago.
    """
    draw = np.random.default_rng(seed)
    rate = draw.gamma(model.r, 1 / model.alpha, n)
    chance = draw.beta(model.a, model.b, n)
    age = draw.uniform(weeks / 4, weeks, n)
    repeats, last, now = np.zeros(n, dtype=int), np.zeros(n), np.zeros(n)
    there = going = np.ones(n, dtype=bool)
    while going.any():
        now = np.where(going, now + draw.exponential(1, n) / rate, now)
        buys = going & (now <= age)
        repeats, last = repeats + buys, np.where(buys, now, last)
        leaves = buys & (draw.random(n) < chance)
        there, going = there & ~leaves, buys & ~leaves
    return pl.DataFrame({"repeats": repeats, "last": last, "age": age}), there


@pytest.fixture(scope="module")
def cdnow(shared) -> pl.DataFrame:
    """The 1997 cohort of a record shop until 30 September 1997, in weeks."""
    log_ = pl.read_csv(shared / "reference" / "cdnow_elog_btyd.csv")
    day = pl.col("date").cast(pl.String).str.to_date("%Y%m%d")
    end = pl.date(1997, 9, 30)
    return (
        log_.with_columns(day)
        .filter(pl.col("date") <= end)
        .group_by("masterid")
        .agg(
            repeats=pl.col("date").n_unique() - 1,
            last=(pl.col("date").max() - pl.col("date").min()).dt.total_days() / 7,
            age=(end - pl.col("date").min()).dt.total_days() / 7,
        )
        .sort("masterid")
    )


# Published figures


def test_bg_nbd_on_the_record_shop(cdnow):
    assert cdnow.height == 2357
    model = fit_buying(cdnow)
    assert model.log_likelihood == pytest.approx(-9582.429, abs=0.001)
    found = (model.r, model.alpha, model.a, model.b)
    assert found == pytest.approx((0.2426, 4.4137, 0.7930, 2.4262), abs=0.0005)


def test_the_likelihood_is_the_published_formula(cdnow):
    def one(x: int, last: float, age: float) -> float:
        r, alpha, a, b = 0.25, 4.0, 0.8, 2.5
        beta = lambda p, q: exp(lgamma(p) + lgamma(q) - lgamma(p + q))  # noqa: E731
        rate = exp(lgamma(r + x) - lgamma(r)) * alpha**r
        stayed = beta(a, b + x) / beta(a, b) * rate / (alpha + age) ** (r + x)
        left = 0.0
        if x:
            left = beta(a + 1, b + x - 1) / beta(a, b) * rate / (alpha + last) ** (r + x)
        return log(stayed + left)

    rows = cdnow.head(200)
    expected = sum(one(*row) for row in rows.select("repeats", "last", "age").iter_rows())
    at, kinds = np.log([0.25, 4.0, 0.8, 2.5]), value._Kinds(rows)
    total, slopes = kinds.score(at)
    assert total == pytest.approx(expected, abs=1e-8)
    for number, step in enumerate(np.eye(4) * 1e-6):
        up, down = (kinds.score(at + way)[0] for way in (step, -step))
        assert slopes[number] == pytest.approx((up - down) / 2e-6, rel=1e-4)


def test_gamma_gamma_on_the_record_shop(shared):
    rows = pl.read_csv(shared / "reference" / "cdnow_rfm_monetary.csv").filter(pl.col("x") > 0)
    again = rows.select(pl.col("x").alias("repeats"), spend_days="x", mean_spend="zbar")
    assert again.height == 946
    assert again["mean_spend"].mean() == pytest.approx(35.08, abs=0.005)
    model = fit_spending(again)
    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert spend_with_frequency(again) == pytest.approx(
        np.corrcoef(again["repeats"], again["mean_spend"])[0, 1]
    )


def test_sbg_on_the_published_contracts():
    survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    ended = [one - two for one, two in pairwise(survivors)]
    model = fit_leaving(ended, [0] * 6 + [491])
    assert (model.alpha, model.beta) == pytest.approx((0.668, 3.806), abs=0.001)
    # the five years that followed, which the model did not see, to within two points
    later = [share * 1000 for share in model.staying(range(8, 13))]
    assert later == pytest.approx([468, 445, 427, 409, 394], abs=20)
    retention = model.retention(range(1, 13))
    assert retention == sorted(retention)  # it rises by sorting alone


def test_sbg_with_contracts_that_still_run():
    """5,000 contracts begun at any time of the last ten months; most are cut off by the end."""
    draw = np.random.default_rng(1)
    chance, watched = draw.beta(0.67, 3.8, 5000), draw.integers(1, 11, 5000)
    renewals = draw.geometric(chance)  # the renewal at which each would end
    ended = [int(((renewals == t) & (renewals <= watched)).sum()) for t in range(1, 11)]
    still = [int(((watched == t) & (renewals > watched)).sum()) for t in range(1, 11)]
    assert sum(ended) + sum(still) == 5000
    model = fit_leaving(ended, still)
    truth = value.Leaving(0.67, 3.8, 0.0)
    assert model.staying([1, 5, 10]) == pytest.approx(truth.staying([1, 5, 10]), abs=0.02)


# What follows from the parameters


def test_expectations_are_the_integrals_of_the_model():
    """E = P(alive) x mean of (1 - ((alpha + T) / (alpha + T + p t)) ^ (r + x)) / p over p."""

    def expected(model: Buying, x: int, age: float, horizon: float) -> float:
        left, right, power = model.a, model.b + x, model.r + x
        scale = lgamma(left + right) - lgamma(left) - lgamma(right)

        def part(odds: float) -> float:  # p on the scale of log-odds, where nothing is steep
            log_p, log_q = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
            weight = exp(scale + left * log_p + right * log_q)
            buys = -np.expm1(-power * np.log1p(horizon * exp(log_p) / (model.alpha + age)))
            return weight * buys / exp(log_p)

        middle = log(left / right)
        ends = (middle - 60 / min(1, left), middle + 60)
        return quad(part, *ends, points=[middle - 4, middle, middle + 4], limit=400)[0]

    draw = np.random.default_rng(1)
    for _ in range(200):
        logs = draw.uniform([-4, -2, -2, 0], [4, 7, 5, 8])
        x, age, horizon = int(draw.integers(0, 200)), draw.uniform(0, 100), draw.uniform(1, 150)
        model = Buying(*np.exp(logs), 0, np.eye(4))
        one = people((x, age, age))  # bought on the last day: P(alive) is 1 / (1 + a / (b + x - 1))
        chance = model.a / (model.b + x - 1) if x else 0.0
        found = expected_purchases(model, one, horizon)[0] * (1 + chance)
        assert found == pytest.approx(expected(model, x, age, horizon), rel=1e-4)
    # nothing happens at a = 1, where the formula divides by zero
    near = [Buying(0.5, 3, a, 2, 0, np.eye(4)) for a in (0.999, 1.0, 1.001)]
    low, at, high = (mean_purchases(model, 52) for model in near)
    assert low > at > high
    assert at == pytest.approx((low + high) / 2, rel=1e-4)


def test_p_alive_by_hand_and_one_for_those_without_a_repeat():
    rows = people((0, 0, 38.86), (0, 0, 400), (2, 30.43, 38.86), (10, 10, 38.86))
    shares = alive(CDNOW, rows).to_list()
    assert shares[:2] == [1, 1]  # by construction
    odds = 0.7930 / (2.4262 + 1) * ((4.4137 + 38.86) / (4.4137 + 30.43)) ** 2.2426
    assert shares[2] == pytest.approx(1 / (1 + odds))
    assert shares[3] < 0.001  # ten purchases in ten weeks, then half a year of silence


def test_expected_spend_lies_between_the_own_mean_and_that_of_all():
    model = Spending(6.25, 3.74, 15.44, 0.0, np.eye(3))
    rows = people((0, None), (1, 100.0), (50, 100.0), names=("spend_days", "mean_spend"))
    none, once, often = expected_spend(model, rows).to_list()
    assert none == pytest.approx(model.mean)
    assert none == pytest.approx(6.25 * 15.44 / 2.74)
    assert once == pytest.approx(6.25 * (15.44 + 100) / (6.25 + 2.74))
    assert none < once < often < 100
    assert Spending(6, 0.9, 15, 0.0, np.eye(3)).mean is None


# Customers drawn from the model (T11)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_t11_the_truth_is_recovered(seed):
    rows, there = drawn(seed)
    model = fit_buying(rows)
    chance, again = alive(model, rows).to_numpy(), (rows["repeats"] > 0).to_numpy()
    ranks = rankdata(chance[again])
    stayed = there[again]
    wins = ranks[stayed].sum() - stayed.sum() * (stayed.sum() + 1) / 2
    assert wins / (stayed.sum() * (~stayed).sum()) >= 0.83
    assert abs(chance[again].mean() - stayed.mean()) <= 0.015
    assert abs(chance.mean() - there.mean()) <= 0.015
    assert model.r / model.alpha == pytest.approx(TRUE.r / TRUE.alpha, rel=0.07)
    assert abs(model.a / (model.a + model.b) - TRUE.a / (TRUE.a + TRUE.b)) <= 0.015
    assert mean_purchases(model, 52) == pytest.approx(mean_purchases(TRUE, 52), rel=0.04)


def test_intervals_hold_what_the_truth_expects():
    """Of 40 shops the interval of the total misses the true expectation twice, give or take."""
    held = totals = 0
    for seed in range(40):
        rows, _ = drawn(100 + seed, n=600)
        told = forecast(rows, fit_buying(rows), None, 26)
        truth = expected_purchases(TRUE, rows, 26)
        totals += told.total.low <= truth.sum() <= told.total.high
        inside = truth.is_between(
            told.table["expected_orders_low"], told.table["expected_orders_high"]
        )
        held += inside.mean()
    assert 34 <= totals <= 40
    assert 0.85 <= held / 40 <= 1


def test_the_forecast_is_its_parts(cdnow):
    rows = cdnow.with_columns(
        spend_days=pl.col("repeats"), mean_spend=20.0 + pl.col("masterid") % 30
    )
    buying, spending = fit_buying(rows), fit_spending(rows.filter(pl.col("repeats") > 0))
    told = forecast(rows, buying, spending, 52)
    table = told.table
    assert table["alive_share"].to_list() == pytest.approx(alive(buying, rows).to_list())
    orders, spend = expected_purchases(buying, rows, 52), expected_spend(spending, rows)
    assert table["expected_orders"].to_list() == pytest.approx(orders.to_list())
    assert table["expected_value"].to_list() == pytest.approx((orders * spend).to_list())
    assert told.total.value == pytest.approx((orders * spend).sum())
    best = (orders * spend).sort(descending=True)[:236]
    assert told.top.value == pytest.approx(best.sum() / told.total.value)
    assert told.top.low < told.top.value < told.top.high
    for name in ("expected_orders", "expected_value"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
    bare = forecast(rows, buying, None, 52)
    assert bare.table["expected_value"].null_count() == rows.height
    assert bare.total.value == pytest.approx(orders.sum())


def test_many_kinds_of_customers_are_fitted_as_few_are():
    rows, _ = drawn(1, n=30_000)
    assert rows.n_unique() > value._MANY
    model = fit_buying(rows)
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.9, 9, 0.6, 3), rel=0.1)
    slopes = value._Kinds(rows).score(model.logs)[1]
    assert slopes == pytest.approx([0, 0, 0, 0], abs=2)  # of 30,000 customers' slopes


# What does not matter, and what cannot be


def test_order_grouping_and_unit_of_time_do_not_matter(cdnow):
    model = fit_buying(cdnow)
    assert fit_buying(cdnow.sample(fraction=1, shuffle=True, seed=1))[:4] == model[:4]
    kinds = cdnow.group_by("repeats", "last", "age").agg(customers=pl.len())
    assert kinds.height < cdnow.height
    assert fit_buying(kinds)[:4] == model[:4]
    days = fit_buying(cdnow.with_columns(pl.col("last", "age") * 7))
    assert days.alpha / 7 == pytest.approx(model.alpha, rel=1e-4)
    assert (days.r, days.a, days.b) == pytest.approx((model.r, model.a, model.b), rel=1e-3)


def test_customers_who_are_all_alike_are_expected_to_go_on():
    """Everyone buys every week and nobody has left: no variance to find, and no crash."""
    rows = people(*[(20.0, 20.0, 20.0)] * 50)
    model = fit_buying(rows)
    assert expected_purchases(model, rows, 10)[0] == pytest.approx(10, rel=0.1)
    told = forecast(rows, model, None, 10)
    assert told.top.value == pytest.approx(0.1)
    spend = people(*[(20, 50.0)] * 50, names=("spend_days", "mean_spend"))
    assert expected_spend(fit_spending(spend), spend)[0] == pytest.approx(50, rel=0.01)
    assert spend_with_frequency(spend.with_columns(repeats=pl.lit(20))) is None


def test_purchases_that_carry_no_model():
    def why(*rows: tuple[float, ...]) -> str | None:
        return why_no_model(people(*rows))

    once, twice = (0, 0.0, 9.0), (1, 3.0, 9.0)
    assert why_no_model(people(once).clear()) == "nobody has bought"
    assert why(once) == "there is one buyer only"
    assert why(*[twice] * 29) == "there are 29 buyers only"
    assert why(*[(0, 0.0, 0.0)] * 40) == "all purchases are of one day"
    assert why(*[once] * 40) == "of 40 buyers none has bought on a second day"
    assert why(*[once] * 40, twice) == "of 41 buyers one has bought on a second day"
    assert why(*[once] * 400, *[twice] * 29) == (
        "of 429 buyers 29 have bought on a second day (6.8 %)"
    )
    assert why(*[once] * 970, *[twice] * 30) == (
        "of 1,000 buyers 30 have bought on a second day (3.0 %)"
    )
    assert why(*[once] * 30, *[twice] * 30) is None
