"""The general scorer: plain praise and blame, and what it must not be led to say."""

import math
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.text import general
from cxkit.text.general import (
    Weights,
    chances,
    features,
    grams,
    judge,
    lean,
    read_weights,
    squashed,
)
from cxkit.text.rules import feelings, read_words
from cxkit.text.scoring import GeneralScorer, score_comments


@pytest.mark.parametrize(
    "text",
    [
        "Lovely staff",
        "Nothing to improve",
        "My chair came a day early and looks superb",
        "Could not be happier with the desk",
        "superb " * 7_000,
        "They sorted it out in no time, thank you!",
        "👍",
    ],
)
def test_praise(text):
    assert judge(text).score > 0.1
    assert judge(text).positive > judge(text).negative


@pytest.mark.parametrize(
    "text",
    [
        "I waited 3 weeks and nobody called me back",
        "The desk arrived broken and I want my money back",
        "awful " * 7_000,
        "What a waste of money",
        "It still does not work",
        "👎",
    ],
)
def test_blame(text):
    assert judge(text).score < -0.1
    assert judge(text).negative > judge(text).positive


@pytest.mark.parametrize("text", ["", "It is blue", "12345", "Nothing", "?", "@help_desk"])
def test_no_signal_is_not_a_zero(text):
    assert judge(text) is None


def test_the_question_says_what_nothing_means():
    assert judge("Nothing", "What could we improve?").score > 0.1
    assert judge("Nothing", "What did you like?").score < -0.1


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("Lovely staff, but the delivery was terribly slow", True),
        ("The desk is beautiful. The instructions are useless.", True),
        ("The food is great but it took an hour to arrive", True),
        ("The room was clean, but that is all one can say about it", True),
        ("It was late. But they were lovely about it", True),
        ("Lovely staff and a fast delivery", False),
        ("Lovely staff, but also a fast delivery", False),
        ("Nice place though", False),
        ("Not good, not helpful, never again", False),
    ],
)
def test_mixed_is_clauses_of_both_signs(text, mixed):
    assert judge(text).mixed is mixed


def test_words_lean_by_their_sum_over_the_root_of_their_number():
    known = Weights(0.01, 0.0, (), {"blue": 30}, {"blue": {"desk": 50}}, (0, 0, 0), (0, 0, 0))
    assert lean(read_words("blue desk"), known) == pytest.approx((0.8 / math.sqrt(2), 2))
    assert lean(read_words("blue blue desk"), known) == pytest.approx((0.8 / math.sqrt(2), 2))
    assert lean(read_words("a chair"), known) == (0, 0)


@given(st.lists(st.sampled_from("not never nothing good , . but slow helped blue desk ''".split())))
def test_what_leans_is_what_is_named(words):
    tokens = read_words(" ".join(words))
    book = {gram: at + 1 for at, gram in enumerate(sorted(grams(tokens)))}
    told = {"unit": 1, "bias": 0, "features": (), "negative": (), "positive": ()}
    total, count = lean(tokens, read_weights({**told, "weights": book}))
    assert count == len(book)
    assert total == pytest.approx(sum(book.values()) / math.sqrt(count or 1))


def test_nothing_is_left_to_the_rules():
    assert grams(read_words("nothing is blue")) == {"!is", "!blue", "is blue"}


def test_forms_of_a_word_share_a_weight_and_a_denied_word_has_its_own():
    assert grams(read_words("disappointing")) == grams(read_words("disappointed"))
    assert "!help" in grams(read_words("they did not help"))
    assert "!help" not in grams(read_words("they did not know, help came"))


@pytest.mark.parametrize(
    "text",
    [
        "Please add a guest checkout.",
        "It would be nice if the app had a calendar.",
        "Could you put the opening hours on the door?",
        "Please send the invoice by post.",
        "I would like to choose the day of delivery.",
    ],
)
def test_to_ask_for_something_is_no_blame(text):
    told = judge(text)
    assert told is None or told.score > -0.1


def test_a_request_with_blame_is_blame():
    assert judge("Please fix this horrible app, it crashes all the time").score < -0.1


@given(st.floats(-4, 4), st.floats(-4, 4))
def test_a_greater_value_is_a_greater_score(one, other):
    assert (squashed(one) < squashed(other)) == (one < other) or abs(one - other) < 1e-9


def test_equal_odds_are_thirds():
    known = Weights(0.01, 0.0, (), {}, {}, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert chances(3.0, known) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@given(st.text(max_size=200))
def test_any_text_gets_an_answer_or_none(text):
    told = judge(text)
    if told is not None:
        assert -1 <= told.score <= 1
        assert sum(told[1:4]) == pytest.approx(1)
    tokens = read_words(text)
    assert all(-3 < feature < 3 for feature in features(text, tokens, feelings(tokens)))


def test_the_weights_stay_small():
    file = resources.files(general.__package__).joinpath("general.json")
    assert len(file.read_bytes()) <= 300_000


def test_it_is_the_default_and_its_chances_stand_beside_the_score():
    table = score_comments(["Lovely staff", "", "It is blue"], languages=["en"])
    assert table["scorer"].unique().to_list() == [GeneralScorer().id]
    sums = table.select(s=sum(table[f"chance_{s}"] for s in ("negative", "neutral", "positive")))
    assert sums["s"].to_list() == [pytest.approx(1), None, None]
    assert table["mixed"].to_list() == [False, None, None]
