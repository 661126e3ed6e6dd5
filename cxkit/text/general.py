"""How does an English comment sound to one who has read many before?

What the rules of `cxkit.text.rules` find, and how far the roots of words and of pairs of words
lean: the weights of `general.json`, made by benchmarks/voice/build_general.py. Docs:
docs/models.md.
"""

from __future__ import annotations

import itertools
import json
import math
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from cxkit.text import rules
from cxkit.text.rules import (
    NEGATION_REACHES,
    Feelings,
    Words,
    feelings,
    longest,
    named_in_answer,
    opens_with_nothing,
    read_words,
)

SCORER = "general-en-3"
SPREAD = 3.0  # a strong value of this size becomes a score of about .7
# people call a text neutral up to half a point of the scale of -4 to 4: so do the levels
LITTLE = 0.405
NO_LEANING, FEW = 0.1, 3.0  # silent without a word of feeling: lean below .1 + 3 / (words + 1)
FAINT, FAINTLY = 0.5, 0.5  # a comment without a clause of so much feeling counts half
MIXED, MIXED_SHARE = 0.8, 0.15  # both sides weigh so much, and the lighter so much of the heavier
CONTRAST = 0.8  # what stands on one side of a "but", with nothing like it on the other
ENDS_DENIAL = frozenset(("stop", "pause", "but"))
LEFT_TO_RULES = frozenset(("nothing", "none"))  # they mean what the question makes of them
BREAK = " "  # stands for what is not named
MOST = 4.0  # beyond this value the probabilities stay as they are

_NO_FEELINGS = Feelings(0.0, 0.0, 0.0, 0.0, 0.0, 0)


class Judgement(NamedTuple):
    """What the general scorer makes of a comment."""

    score: float  # -1 to 1
    negative: float  # probabilities; the three sum to 1
    neutral: float
    positive: float
    mixed: bool  # clauses of both signs


class Weights(NamedTuple):
    """What was learned: see benchmarks/voice/build_general.py."""

    unit: float
    bias: float
    features: tuple[float, ...]
    grams: dict[str, int]  # words
    pairs: dict[str, dict[str, int]]  # first word -> second word
    negative: tuple[float, ...]  # log odds against neutral: constant, per value, per value squared
    positive: tuple[float, ...]


def judge(
    text: str, question: str | None = None, *, weights: Weights | None = None
) -> Judgement | None:
    """Judge one English comment; None where neither rules nor learned words say anything.

    The `weights` are those that ship unless others are given.

    >>> round(judge("I waited 3 weeks and nobody called me back").score, 2)
    -0.35
    >>> abs(judge("Please add a guest checkout").score) < 0.1  # to ask for something is no blame
    True
    >>> judge("Lovely staff, but the delivery was terribly slow").mixed
    True
    >>> judge("It is blue") is None
    True
    """
    said = read_words(text)
    known = weights or _weights()
    if named := named_in_answer(said, question):
        value = named * SPREAD / rules.SPREAD
        return Judgement(squashed(value), *chances(value, known), False)
    felt = feelings(said, shouting=text.isupper(), question=question)
    leaning, count = lean(said, known)
    if felt is None and abs(leaning) < NO_LEANING + FEW / (count + 1):
        return None
    if felt is not None and felt.words == 1 and opens_with_nothing(said):
        value = felt.raw * SPREAD / rules.SPREAD  # a bare "Nothing": what the rules say of it
    else:
        value = known.bias + leaning
        for weight, feature in zip(known.features, features(text, said, felt), strict=True):
            value += weight * feature
        if faint(felt):
            value *= FAINTLY
    return Judgement(squashed(value), *chances(value, known), felt is not None and mixed(felt))


def squashed(value: float) -> float:
    """Bring a value between -1 and 1; half a point of the ratings becomes a tenth.

    >>> [round(squashed(value), 2) for value in (0.0, 0.5, 2.0, -4.0)]
    [0.0, 0.1, 0.54, -0.8]
    """
    value *= value**2 / (value**2 + LITTLE**2)  # of large ones hardly anything is taken away
    return value / math.hypot(value, SPREAD)


def lean(said: Words, known: Weights) -> tuple[float, int]:
    """Add up how far the known words and pairs lean, over the root of their number; and count.

    What counts is what `grams` names; here nothing is named that has no weight.
    """
    singles, pairs = known.grams, known.pairs
    words, told = _named(said)
    found: dict[Any, int] = {word: singles[word] for word in told if word in singles}
    following = zip(words, words[1:], map(pairs.get, words), strict=False)
    found |= {
        (one, other): below[other] for one, other, below in following if below and other in below
    }
    return sum(found.values()) * known.unit / math.sqrt(len(found) or 1), len(found)


def grams(said: Words) -> set[str]:
    """Name the words and pairs of words by their roots; "!" stands before a denied word.

    Words that are left to the rules are not named; what they deny is. Nor are the words of an idiom
    that means the opposite of what they say ("not bad at all").

    >>> sorted(grams(read_words("never helpful, works")))
    ['!helpful', ',', ', work', 'helpful ,', 'nev', 'nev helpful', 'work']
    """
    words, told = _named(said)
    pairs = {
        f"{one} {other}" for one, other in itertools.pairwise(words) if BREAK not in (one, other)
    }
    return set(told) - {BREAK} | pairs


def _named(said: Words) -> tuple[list[str], list[str]]:
    """List the roots of words as they stand in pairs, and as they stand alone: "!" where denied.

    `BREAK` stands for words that are not named; no pair goes across it.
    """
    tokens, stirring = said
    words = [token[5] for token in tokens]
    told = words.copy()
    position = 0
    for start in stirring:
        if start < position:
            continue
        token = tokens[start]
        if token[2] != "negation" and not (token[6] and longest(token[6], tokens, start)):
            continue
        # from here on to where nothing is denied any more
        position, denied = start, 0  # denied: how many words the last negation still reaches
        while position < len(tokens):
            word, _, role, _, _, short, idioms, _, _ = tokens[position]
            length = 1
            if idioms and (idiom := longest(idioms, tokens, position)):
                length = idiom[1]
                rest = [BREAK] * length
                words[position : position + length] = told[position : position + length] = rest
                denied = max(denied - length, 0)
            elif word in LEFT_TO_RULES:
                words[position] = told[position] = BREAK
                denied = NEGATION_REACHES
            elif short:  # no quotation mark
                if role in ENDS_DENIAL:
                    denied = 0
                if denied:
                    told[position] = "!" + short
                denied = NEGATION_REACHES if role == "negation" else max(denied - 1, 0)
            position += length
            if not denied:
                break
    if "" in words:
        words, told = list(filter(None, words)), list(filter(None, told))
    return words, told


def features(text: str, said: Words, felt: Feelings | None) -> tuple[float, ...]:
    """Say in 13 numbers what the rules find; all are bounded, so that no length outweighs words."""
    tokens, stirring = said
    silent = felt is None
    found = felt or _NO_FEELINGS
    size = math.sqrt(len(tokens) or 1)
    weights = [weight for at in stirring if (weight := tokens[at][1])]
    good = sum(weight for weight in weights if weight > 0)
    bad = good - sum(weights)
    raw = found.raw
    return (
        raw / math.hypot(raw, 1),
        raw / math.hypot(raw, 2),
        raw / math.hypot(raw, 6),
        found.good / math.hypot(found.good, 2),
        found.bad / math.hypot(found.bad, 2),
        found.last / math.hypot(found.last, 2),
        raw * size / math.hypot(raw * size, 12),
        good / math.hypot(good, 2 * size),
        bad / math.hypot(bad, 2 * size),
        float(silent),
        math.log(min(len(tokens), 80) + 1) - 2.5,
        float("?" in text),
        min(text.count("!"), 4) / 4,
    )


def faint(felt: Feelings | None) -> bool:
    """Say whether no clause holds more feeling than a polite request does."""
    return felt is None or max(felt.good, felt.bad) * math.sqrt(felt.words or 1) < FAINT


def mixed(felt: Feelings) -> bool:
    """Say whether some clauses sound good and others bad, or a "but" turns what stands before."""
    size = math.sqrt(felt.words or 1)
    less, more = sorted((felt.good * size, felt.bad * size))
    if felt.contrast >= CONTRAST:
        return True
    return less >= MIXED and less >= MIXED_SHARE * more


def chances(value: float, known: Weights) -> tuple[float, float, float]:
    """Turn a value into the probabilities of negative, neutral and positive."""
    value = max(-MOST, min(MOST, value))
    odds = [
        math.exp(constant + slope * value + curve * value * value)
        for constant, slope, curve in (known.negative, known.positive)
    ]
    total = 1 + odds[0] + odds[1]
    return odds[0] / total, 1 / total, odds[1] / total


@cache
def _weights() -> Weights:
    told = resources.files(__package__).joinpath("general.json").read_text("utf-8")
    return read_weights(json.loads(told))


def read_weights(book: dict[str, Any]) -> Weights:
    """Read what the build script has written."""
    words: dict[str, int] = {}
    pairs: dict[str, dict[str, int]] = {}
    for name, weight in book["weights"].items():
        first, _, second = name.partition(" ")
        if second:
            pairs.setdefault(first, {})[second] = weight
        else:
            words[first] = weight
    return Weights(
        book["unit"],
        book["bias"],
        tuple(book["features"]),
        words,
        pairs,
        tuple(book["negative"]),
        tuple(book["positive"]),
    )
