"""How does an English comment sound to one who has read many before?

What the rules of `cxkit.text.rules` find, and how far the roots of words and of pairs of words
lean: the weights of `general.json`, made by benchmarks/voice/build_general.py. Docs:
docs/models.md.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from cxkit.text import rules
from cxkit.text.rules import (
    NEGATION_REACHES,
    Feelings,
    Token,
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
    tokens = read_words(text)
    known = weights or _weights()
    if named := named_in_answer(tokens, question):
        value = named * SPREAD / rules.SPREAD
        return Judgement(squashed(value), *chances(value, known), False)
    felt = feelings(tokens, shouting=text.isupper(), question=question)
    leaning, count = lean(tokens, known)
    if felt is None and abs(leaning) < NO_LEANING + FEW / (count + 1):
        return None
    if felt is not None and felt.words == 1 and opens_with_nothing(tokens):
        value = felt.raw * SPREAD / rules.SPREAD  # a bare "Nothing": what the rules say of it
    else:
        value = known.bias + leaning
        for weight, feature in zip(known.features, features(text, tokens, felt), strict=True):
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


def lean(tokens: list[Token], known: Weights) -> tuple[float, int]:
    """Add up how far the known words and pairs lean, over the root of their number; and count.

    What counts is what `grams` names; here nothing is named that has no weight.
    """
    singles, pairs = known.grams, known.pairs
    found: dict[Any, int] = {}
    before = ""
    denied = 0  # how many words the last negation still reaches
    after: dict[str, int] | None = None  # the weights of pairs that begin with the word before
    skipped = 0
    for at, (word, _, role, _, _, short, idioms) in enumerate(tokens):
        if skipped:
            skipped -= 1
            continue
        if idioms is not None and (idiom := longest(idioms, tokens, at)):
            skipped, after = idiom[1] - 1, None
            denied = max(denied - idiom[1], 0)
            continue
        if word in LEFT_TO_RULES:
            denied, after = NEGATION_REACHES, None
            continue
        if not short:  # a quotation mark
            continue
        if after is not None and short in after:
            found[before, short] = after[short]
        before, after = short, pairs.get(short)
        if role in ENDS_DENIAL:
            denied = 0
        if denied:
            denied -= 1
            short = "!" + short
        if short in singles:
            found[short] = singles[short]
        if role == "negation":
            denied = NEGATION_REACHES
    return sum(found.values()) * known.unit / math.sqrt(len(found) or 1), len(found)


def grams(tokens: list[Token]) -> set[str]:
    """Name the words and pairs of words by their roots; "!" stands before a denied word.

    Words that are left to the rules are not named; what they deny is. Nor are the words of an idiom
    that means the opposite of what they say ("not bad at all").

    >>> sorted(grams(read_words("never helpful, works")))
    ['!helpful', ',', ', work', 'helpful ,', 'nev', 'nev helpful', 'work']
    """
    named = set()
    denied, before, skipped = 0, "", 0
    for at, (word, _, role, _, _, short, idioms) in enumerate(tokens):
        if skipped:
            skipped -= 1
            continue
        if idioms is not None and (idiom := longest(idioms, tokens, at)):
            skipped, before = idiom[1] - 1, ""
            denied = max(denied - idiom[1], 0)
            continue
        if word in LEFT_TO_RULES:
            denied, before = NEGATION_REACHES, ""
            continue
        if not short:  # a quotation mark
            continue
        if before:
            named.add(f"{before} {short}")
        before = short
        if role in ENDS_DENIAL:
            denied = 0
        named.add("!" + short if denied else short)
        denied = NEGATION_REACHES if role == "negation" else max(denied - 1, 0)
    return named


def features(text: str, tokens: list[Token], felt: Feelings | None) -> tuple[float, ...]:
    """Say in 13 numbers what the rules find; all are bounded, so that no length outweighs words."""
    silent = felt is None
    found = felt or _NO_FEELINGS
    size = math.sqrt(len(tokens) or 1)
    weights = [token[1] for token in tokens if token[1]]
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
