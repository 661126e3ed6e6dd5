"""Log-odds with a Dirichlet prior against figures worked out by hand."""

from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.keyness import keyness


def test_two_words_by_hand():
    """Of 30 words 9 are "late" and 21 "the": a prior of 15 words holds 4.5 and 10.5 of them."""
    table = keyness({"late": 8, "the": 10}, {"late": 1, "the": 11}, prior=15)
    late = table.row(0, named=True)
    log_odds = log(12.5 / 20.5) - log(5.5 / 21.5)
    assert late["word"] == "late"
    assert late["log_odds"] == pytest.approx(log_odds) == pytest.approx(0.8686, abs=1e-4)
    assert late["z"] == pytest.approx(log_odds / sqrt(1 / 12.5 + 1 / 5.5))
    assert late["z"] == pytest.approx(1.6976, abs=1e-4)


def test_a_word_said_once_does_not_stand_out():
    common = {"late": 80, "the": 400}
    table = keyness(common | {"zebra": 1}, {"late": 10, "the": 400})
    z = dict(table.select("word", "z").iter_rows())
    assert z["late"] > 4
    assert 0 < z["zebra"] < 1


def test_nothing_to_compare():
    assert keyness({}, {"late": 3, "the": 4}).is_empty()
    assert keyness({"late": 3}, {"late": 4}).is_empty()
    assert keyness({"late": 0}, {}).columns == ["word", "first", "second", "log_odds", "z"]


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=2)


@given(counts, counts)
def test_turned_round_the_signs_turn(first, second):
    there = dict(keyness(first, second).select("word", "z").iter_rows())
    back = dict(keyness(second, first).select("word", "z").iter_rows())
    assert there == {word: pytest.approx(-z) for word, z in back.items()}
