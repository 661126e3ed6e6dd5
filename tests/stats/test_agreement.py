"""Agreement beyond chance, against an independent implementation and a published interval."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cxkit.stats.agreement import kappa
from cxkit.stats.intervals import changed_p, newcombe_paired


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_kappa_is_that_of_scikit_learn(pairs):
    table = [[sum(pair == (i, j) for pair in pairs) for j in range(4)] for i in range(4)]
    value, low, high = kappa(table)
    if math.isnan(value):
        return
    expected = cohen_kappa_score(*zip(*pairs, strict=True), labels=[0, 1, 2, 3])
    assert value == pytest.approx(expected)
    assert low <= value <= high


def test_kappa_has_nothing_to_say_of_nobody_or_of_one_kind():
    assert math.isnan(kappa([]).value)
    assert math.isnan(kappa([[5, 0], [0, 0]]).value)


def test_the_paired_interval_of_newcombe():
    value, low, high = newcombe_paired(36, 2, 12, 0)
    assert (round(value, 4), round(low, 4), round(high, 4)) == (0.2, 0.0569, 0.3404)
    assert math.isnan(newcombe_paired(0, 0, 0, 0).value)
    assert newcombe_paired(5, 0, 0, 5).value == 0


def test_the_paired_interval_covers_the_truth():
    random = np.random.default_rng(1)
    chances = [0.22, 0.02, 0.06, 0.70]  # a true change of 4 points
    hits = 0
    for both, before, after, neither in random.multinomial(300, chances, 1000).tolist():
        _, low, high = newcombe_paired(both, before, after, neither)
        hits += low <= 0.04 <= high
    assert 930 <= hits <= 975


def test_mcnemar_is_the_binomial_test():
    from scipy.stats import binomtest

    for before, after in ((0, 0), (0, 5), (3, 3), (2, 12), (40, 20)):
        moved = before + after
        expected = binomtest(before, moved, 0.5).pvalue if moved else 1.0
        assert changed_p(before, after) == pytest.approx(expected)
