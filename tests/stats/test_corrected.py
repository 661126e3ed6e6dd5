import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.corrected import corrected_share


@pytest.mark.parametrize(
    ("observed", "sensitivity", "specificity", "expected"),
    [
        ((30, 100), (8, 10), (9, 10), 2 / 7),  # (.3 + .9 - 1) / (.8 + .9 - 1)
        ((30, 100), (10, 10), (10, 10), 0.3),  # a sorter without mistakes changes nothing
        ((50, 100), (6, 10), (6, 10), 0.5),  # (.5 + .6 - 1) / (.6 + .6 - 1)
        ((5, 100), (9, 10), (9, 10), 0.0),  # fewer than the false alarms alone: clipped
        ((95, 100), (9, 10), (9, 10), 1.0),
        ((0, 100), (10, 10), (10, 10), 0.0),
    ],
)
def test_rogan_and_gladen_by_hand(observed, sensitivity, specificity, expected):
    assert corrected_share(observed, sensitivity, specificity).value == pytest.approx(expected)


def test_the_interval_of_a_faultless_sorter_is_that_of_a_share():
    share = corrected_share((300, 1000), (500, 500), (500, 500), rounds=20_000)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert share.low == pytest.approx(0.3 - half, abs=0.003)
    assert share.high == pytest.approx(0.3 + half, abs=0.003)


def test_few_hand_sorted_cases_make_it_wide():
    few = corrected_share((300, 1000), (16, 20), (18, 20))
    many = corrected_share((300, 1000), (1600, 2000), (1800, 2000))
    assert few.value == pytest.approx(many.value)
    assert few.high - few.low > 2 * (many.high - many.low)


@pytest.mark.parametrize(
    ("observed", "sensitivity", "specificity"),
    [
        ((0, 0), (8, 10), (9, 10)),
        ((3, 10), (0, 0), (9, 10)),
        ((3, 10), (8, 10), (0, 0)),
        ((3, 10), (5, 10), (5, 10)),  # no better than tossing a coin
        ((3, 10), (1, 10), (2, 10)),
    ],
)
def test_where_nothing_can_be_said(observed, sensitivity, specificity):
    assert all(map(math.isnan, corrected_share(observed, sensitivity, specificity)))


def test_the_interval_covers_the_planted_share():
    import numpy as np

    draw = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        observed = int(draw.binomial(1000, 0.25 * 0.8 + 0.75 * 0.1))
        hits, left = int(draw.binomial(100, 0.8)), int(draw.binomial(200, 0.9))
        share = corrected_share((observed, 1000), (hits, 100), (left, 200), rounds=500)
        inside += share.low <= 0.25 <= share.high
    assert inside >= 180


counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts, counts)
def test_a_share_stays_a_share(observed, sensitivity, specificity):
    share = corrected_share(observed, sensitivity, specificity, rounds=50)
    assert math.isnan(share.value) or 0 <= share.low <= share.value <= share.high <= 1


@pytest.mark.parametrize(("share", "coded"), [(0.1, 100), (0.35, 150)])
def test_the_interval_holds_the_truth_from_a_hundred_coded_cases(share, coded):
    """A sorter finds 60 % and takes 3 % of the others in; a hundred of 450 are coded by hand."""
    draws = np.random.default_rng([16, coded])
    held, rounds = 0, 400
    for _ in range(rounds):
        observed = draws.binomial(450, 0.6 * share + 0.03 * (1 - share))
        truly = draws.binomial(coded, share)
        found, left = draws.binomial(truly, 0.6), draws.binomial(coded - truly, 0.97)
        told = corrected_share((observed, 450), (found, truly), (left, coded - truly), rounds=500)
        held += told.low <= share <= told.high
    assert held / rounds >= 0.93


def test_faultless_on_few_cases_is_not_faultless():
    few = corrected_share((45, 450), (12, 12), (88, 88))
    many = corrected_share((45, 450), (1200, 1200), (8800, 8800))
    assert few.value == many.value == pytest.approx(0.1)
    assert few.high - few.low > 1.15 * (many.high - many.low)
