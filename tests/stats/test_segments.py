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


@given(
    st.lists(st.tuples(st.sampled_from([*"abcdefg", "missing"]), st.integers(0, 9))),
    st.integers(1, 5),
    st.integers(0, 20),
)
def test_nobody_is_lost(rows, most, least):
    schema = {"segment": pl.String, "n": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    found = gathered(table, "n", most, least)
    assert found["n"].sum() == table["n"].sum()
    assert found["segment"].n_unique() <= most + 1
    sizes = dict(found.group_by("segment").agg(pl.col("n").sum()).rows())
    assert len(sizes) < 2 or all(size >= least for size in sizes.values())
    missing = table.filter(pl.col("segment") == "missing")["n"].sum()
    rest = table["n"].sum() - missing
    if "missing" in table["segment"] and missing >= least and (rest >= least or len(sizes) > 1):
        assert sizes["missing"] == missing


def test_who_is_missing_is_not_one_of_the_others():
    table = pl.DataFrame({"segment": ["a", "b", "c", "d", "missing"], "n": [40, 30, 20, 12, 11]})
    # as a segment like any other it would be the smallest, and the last of 'other'
    found = gathered(table, "n", most=3).sort("n", descending=True)
    assert found["segment"].to_list() == ["a", "b", "other", "other", "missing"]
    assert gathered(table, "n", most=3)["segment"].unique(maintain_order=True).to_list() == [
        "a",
        "b",
        "missing",
        "other",
    ]
    # in a report it stands alone where it is large enough, and 'other' is filled up without it
    small = pl.DataFrame({"segment": ["a", "missing", "b"], "n": [40, 20, 4]})
    assert gathered(small, "n", least=10)["segment"].to_list() == ["missing", "other", "other"]
    assert gathered(small, "n", least=25)["segment"].to_list() == ["other", "other", "other"]
    two = pl.DataFrame({"segment": ["missing", "b"], "n": [20, 4]})
    assert gathered(two, "n", least=10)["segment"].to_list() == ["other", "other"]


def test_no_small_segment_stands_alone_and_none_can_be_worked_out():
    table = pl.DataFrame({"segment": ["a", "b", "c", "d"], "n": [40, 20, 12, 4]})
    # 'd' alone would be the total less the others, so 'c' goes with it
    assert gathered(table, "n", least=10)["segment"].to_list() == ["a", "b", "other", "other"]
    small = pl.DataFrame({"segment": ["a", "b"], "n": [3, 2]})
    assert gathered(small, "n", least=10)["segment"].to_list() == ["other", "other"]
    large = pl.DataFrame({"segment": ["a", "b"], "n": [30, 20]})
    assert gathered(large, "n", least=10)["segment"].to_list() == ["a", "b"]
    alone = pl.DataFrame({"segment": ["all"], "n": [3]})
    assert gathered(alone, "n", least=10)["segment"].to_list() == ["all"]
