"""Turns of phrase that mean something else than their words, and how both scorers read them."""

import pytest

from cxkit.text.general import judge
from cxkit.text.rules import asked_for, named_in_answer, read_words, word_score
from cxkit.text.scoring import CUTS, GeneralScorer

GOOD = [
    "Could be worse",
    "Not bad at all",
    "can't complain",
    "Can't fault it",
    "Nothing but praise",
    "They went above and beyond",
    "no complaints",
    "Second to none",
    "I would not hesitate to recommend them",
    "Spot on",
    "Better than expected",
    "A hidden gem",
    "You won't be disappointed",
    "worth every penny",
    "It works like a charm",
    "A user-friendly app",
    "Never had any problems",
    "treated like royalty",
    "Arrived 3 days early",
    "10/10",
    "Wish I could give more stars",
]
BAD = [
    "Never again",
    "Avoid like the plague",
    "It took forever",
    "On hold for 40 minutes",
    "I was fobbed off",
    "Left in the lurch",
    "They couldn't care less",
    "What a waste of money",
    "Wish I could give zero stars",
    "Still waiting",
    "Passed from pillar to post",
    "We were ripped off",
    "Hit and miss",
    "Great, another delay",
    "Thanks for nothing",
    "It used to be good",
    "This bank has gone downhill",
    "Worse than ever",
    "for the 5th time",
    "3 weeks and no reply",
    "Would have been nice to know",
    "Not fit for purpose",
    "Far from perfect",
    "treated like a criminal",
    "taking my business elsewhere",
    "1/10",
]


@pytest.mark.parametrize("text", GOOD)
def test_praise_in_other_words(text):
    assert word_score(text) > 0.1
    assert judge(text).score > 0.1


@pytest.mark.parametrize("text", BAD)
def test_blame_in_other_words(text):
    assert word_score(text) < -0.1
    assert judge(text).score < -0.1


@pytest.mark.parametrize(
    "text", ["The waiting room", "My credit card", "We waited in the pop-up shop", "24 hours"]
)
def test_names_of_things_are_no_blame(text):
    told = judge(text)
    assert told is None or told.score > -0.25


def test_a_hyphen_joins_no_words_into_another():
    assert word_score("well-made") == word_score("well made")
    assert word_score("over-priced") == word_score("over priced")


def test_any_number_will_do_in_a_phrase():
    assert word_score("waited 7 weeks") == word_score("waited 45 weeks") < -0.3


FAULTS, PRAISE = "What could we improve?", "What did you like?"


@pytest.mark.parametrize("text", ["Parking", "Staff attitude", "The food", "Communication"])
def test_an_answer_that_names_a_matter_sounds_as_the_question_asks(text):
    assert word_score(text, FAULTS) == pytest.approx(-word_score(text, PRAISE))
    assert judge(text, FAULTS).score < -0.1
    assert judge(text, PRAISE).score > 0.1


@pytest.mark.parametrize("text", ["", "N/A", "not sure", "OK", "All fine", "Rude staff", "123"])
def test_what_judges_or_names_nothing_is_read_as_ever(text):
    assert named_in_answer(read_words(text), FAULTS) == 0
    assert word_score(text, FAULTS) == word_score(text)


def test_other_questions_ask_for_no_side():
    assert asked_for("Anything else?") is None
    assert asked_for("What did you like least about your stay?") == "faults"
    assert word_score("The food", "Anything else?") is None


@pytest.mark.parametrize(
    "question",
    [
        "What did you like and what could we improve?",
        "What was the best and worst part?",
        "What worked well / did not work well?",
        "What is the best way to reach you?",
        "Did we do well?",
    ],
)
def test_a_question_of_both_kinds_or_of_none_says_nothing_of_an_answer(question):
    assert asked_for(question) is None
    assert GeneralScorer().score("The staff", question).score == (
        GeneralScorer().score("The staff", "Comments").score
    )


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("The delivery was late", -1),
        ("Delivery late", -1),
        ("They are never late", 1),
        ("Switching over was a breeze", 1),
        ("They jacked up my bill with zero notice", -1),
        ("Opened the account in five minutes flat", 1),
        ("Steak was like shoe leather", -1),
    ],
)
def test_plain_words_have_a_side(text, side):
    assert side * GeneralScorer().score(text).score >= CUTS[0]
