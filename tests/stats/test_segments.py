"""Gathering small segments: the total stays, and what is kept is the largest."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.segments import gathered


def test_the_largest_stay_and_the_rest_become_other():
    table = pl.DataFrame({"segment": ["a", "b", "c", "d", "b"], "n": [1, 5, 9, 2, 5]})
    assert gathered(table, "n", most=2).rows() == [
        ("b", 5),
        ("b", 5),
        ("c", 9),
        ("other", 1),
        ("other", 2),
    ]


def test_one_segment_too_many_keeps_its_name():
    table = pl.DataFrame({"segment": ["a", "b", "c"], "n": [1, 2, 3]})
    assert gathered(table, "n", most=2)["segment"].to_list() == ["c", "b", "a"]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 9))), st.integers(1, 5))
def test_nobody_is_lost(rows, most):
    schema = {"segment": pl.String, "n": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    found = gathered(table, "n", most)
    assert found["n"].sum() == table["n"].sum()
    assert found["segment"].n_unique() <= most + 1
