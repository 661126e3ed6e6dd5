"""Rates and shares of owners against published values and plain counting."""

import math

import polars as pl
import pytest

from cxkit.stats.rates import poisson, shared_out


def test_garwoods_interval_of_a_count():
    # the exact limits of a Poisson count of 10, as printed in tables: 4.80 and 18.39
    assert poisson(10, 1) == pytest.approx((10, 4.795, 18.390), abs=0.001)
    assert poisson(0, 1) == pytest.approx((0, 0, 3.689), abs=0.001)
    assert math.isnan(poisson(3, 0).value)


def test_shares_add_up_and_people_are_drawn_not_rows():
    who = pl.Series([1, 2, 3, 4] + [5] * 96)
    whose = pl.Series(["a", "a", "b", "b"] + ["c"] * 96)
    shares = shared_out(who, whose)
    assert sum(share.value for share in shares.values()) == pytest.approx(1)
    assert shares["c"].value == 0.96
    assert shares["c"].low == 0.0, "one customer's 96 troubles may all be absent from a draw"
    assert shared_out(pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.String)) == {}
    assert shared_out(who.reverse(), whose.reverse()) == shares
