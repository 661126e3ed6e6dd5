"""The fast VADER gives the package's four figures: on turns of its rules, and on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxkit.text.scoring import VaderScorer
from cxkit.text.vader import vader_score

THEIRS = SentimentIntensityAnalyzer().polarity_scores
WORDS = (
    "good BAD great awful no not never so this without doubt at least very kind of sort or nor "
    "the shit bomb bad ass bus stop yeah right kiss death to die for beating heart but BUT Very "
    "EXTREMELY slightly isn't dont nothing :) :( ! ?? parcel Shop I 😂 😡x 💘 (good) just enough"
).split()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "The parcel came",
        "The desk was lovely",
        "The desk was LOVELY",
        "LOVELY DESK",
        "no good",
        "no, good and bad",
        "no nice or good",
        "never so good a desk",
        "we have never had this good a desk",
        "without a doubt good",
        "the least good desk",
        "at least good desks",
        "very least good",
        "least good",
        "kind of good",
        "only sort of very good",
        "this chair is the shit",
        "yeah right it was good",
        "a bad ass chair",
        "a chair to die for",
        "a bus stop near the shop",
        "good but bad",
        "good good but bad bad but good",
        "good!!!!! why???",
        "not VERY good but hardly the WORST",
        "😂😂 good😂bad",
        "😂",
        "@!? (good) :-) x",
    ],
)
def test_the_same_as_the_package(text):
    assert vader_score(text)._asdict() == THEIRS(text)


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_the_same_on_any_words(words):
    text = " ".join(words)
    assert vader_score(text)._asdict() == THEIRS(text)


@given(st.text(max_size=80))
def test_the_same_on_any_text(text):
    assert vader_score(text)._asdict() == THEIRS(text)


# Searching the whole comment for each word after "but" would take minutes here.
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["😂" * 100_000, "good but " * 11_000, "not so very good " * 6_000, "a" * 100_000]
)
def test_no_input_stops_it(text):
    assert -1 <= vader_score(text).compound <= 1


def test_no_signal_and_other_languages_are_not_scored():
    scorer = VaderScorer()
    assert scorer.score("The parcel came").reason == "no signal"
    assert scorer.score("Muito bom", language="pt").reason == "language"
    assert scorer.score(" ").reason == "empty"
    assert scorer.score("Good").score == vader_score("Good").compound
