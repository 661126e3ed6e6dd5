"""Mantel and Haenszel's figures by hand, against a published example, and by simulation."""

from math import isnan, log, sqrt

import numpy as np
import pytest

from cxkit.stats.strata import Table, risk_ratio, same_p


def test_one_stratum_is_the_crude_ratio():
    """The interval of one table is Katz's (1978)."""
    found = risk_ratio([Table(30, 100, 15, 100)])
    error = sqrt(1 / 30 - 1 / 100 + 1 / 15 - 1 / 100)
    assert found.value == pytest.approx(2)
    assert log(found.high) - log(found.value) == pytest.approx(1.959964 * error)


def test_the_kidney_stones():
    """Charig (1986): the better treatment looks worse until stones of a size are compared."""
    small, large = Table(81, 87, 234, 270), Table(192, 263, 55, 80)
    crude = risk_ratio([Table(273, 350, 289, 350)])
    adjusted = risk_ratio([small, large])
    assert crude.value < 1 < adjusted.value
    assert crude.value == pytest.approx(273 / 289)


def test_the_same_gap_in_every_stratum_is_the_gap():
    found = risk_ratio([Table(20, 100, 10, 100), Table(60, 100, 90, 300)])
    assert found.value == pytest.approx(2)


def test_what_cannot_be_compared():
    assert isnan(risk_ratio([]).value)
    assert isnan(risk_ratio([Table(5, 10, 0, 0)]).value)
    assert risk_ratio([Table(0, 10, 5, 10)]).value == 0
    assert same_p([]) == 1
    assert same_p([Table(10, 10, 10, 10)]) == 1
    assert same_p([Table(5, 10, 5, 10)]) == 1


def test_intervals_cover_the_truth():
    draw = np.random.default_rng(4)
    covered, false = 0, 0
    for _ in range(400):
        tables, level = [], []
        for base, one, other in ((0.2, 120, 60), (0.4, 50, 150)):
            tables.append(
                Table(draw.binomial(one, 1.5 * base), one, draw.binomial(other, base), other)
            )
            level.append(Table(draw.binomial(one, base), one, draw.binomial(other, base), other))
        found = risk_ratio(tables)
        covered += found.low <= 1.5 <= found.high
        false += same_p(level) < 0.05
    assert 0.93 <= covered / 400 <= 0.97
    assert false / 400 <= 0.07
