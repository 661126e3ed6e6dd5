"""Which sentences want an answer? Hand-made, since no labelled set of asks is to be had."""

import pytest

from cxkit.text.intents import find_intents

ASKS = [
    "When will my order be shipped?",
    "Could you please confirm my booking",
    "How do I reset my password?",
    "Can I change the date of my flight?",
    "Do you deliver to Northern Ireland?",
    "Is breakfast included in the price?",
    "What are your opening hours on Sunday?",
    "Please let me know if the part is in stock",
    "I would like to know why my bill is higher this month",
    "Where can I see my meter readings?",
    "Which form do I need for a refund?",
    "Can someone call me about my claim",
    "Any news on my parcel?",
    "How long does a transfer take?",
    "Does the gym have parking?",
    "Who do I contact about a lost card?",
    "Is there a student discount?",
    "I need help setting up my router",
    "Are dogs allowed in the rooms?",
    "Please send me a copy of the invoice",
    "May I bring a friend to the course?",
    "Could someone tell me which ward he is on",
    "I was wondering whether you ship abroad",
    "What happens if I miss my appointment?",
    "How much is a family ticket?",
    "Can you check what happened to my refund?",
    "Has my prescription been sent to the pharmacy?",
    "Will the concert be moved indoors if it rains?",
    "Why was I charged twice?",
    "Please advise how to cancel my subscription",
    "Is it possible to pay by invoice?",
    "Tell me how to export my data please",
]
ASKS_NOTHING = [
    "Are you kidding me?",
    "How hard can it be to answer a phone?",
    "Is this a joke?",
    "Who does that?",
    "What more can I say?",
    "What is not to like?",
    "Why would anyone shop here?",
    "Seriously?",
    "Do you even care about your customers?",
    "How dare you treat people like this",
    "Thanks for asking",
    "I asked three people and nobody knew",
    "They answered all of my questions",
    "The nurse asked how I felt",
    "No questions asked returns",
    "It was easy to find out what to do",
    "I know where to go next time",
    "We never asked for this",
    "He told me when the train would leave",
    "What a lovely meal!",
    "How kind of you all",
    "Such a friendly team, when in doubt they help",
    "I do not know how you do it, simply wonderful",
    "You can see why people love it",
    "That is how it should be",
    "The question is answered",
    "Whoever designed this deserves a medal",
    "Where we live the signal is weak",
    "When it arrived it was broken",
    "How it works is a mystery",
    "Which is a shame",
    "Could not be happier",
]


@pytest.mark.parametrize("text", ASKS)
def test_it_asks(text):
    assert find_intents([text], languages=["en"])["asking"].to_list() == [True]


@pytest.mark.parametrize("text", ASKS_NOTHING)
def test_it_does_not_ask(text):
    assert find_intents([text], languages=["en"])["asking"].to_list() == [False]
