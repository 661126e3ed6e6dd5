"""How would VADER score a comment? The published method, several times as fast.

Hutto & Gilbert (2014), as version 3.3 of the package vaderSentiment counts; word lists are read
from there. What each word is gets remembered, and only words of feeling look at their neighbours.
All four figures are the same, the quirks included: benchmarks/voice/vader.py compares them.
"""

from __future__ import annotations

import math
import re
import string
from functools import cache
from heapq import heapify, heappop, heappush
from importlib import resources
from typing import NamedTuple

from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES

NEGATED, SHOUTED = -0.74, 0.733
FURTHER = (1.0, 0.95, 0.9)  # what an intensifier counts one, two and three words before
NEVER_SO = 1.25
BEFORE_BUT, AFTER_BUT = 0.5, 1.5
SPREAD = 15  # compound = sum / sqrt(sum^2 + SPREAD)
_REMEMBERED, _AT_MOST = 40, 1 << 16  # longer words, and more of them, are not kept

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class VaderScore(NamedTuple):
    """Shares of negative, neutral and positive words, and the compound score from -1 to 1."""

    neg: float
    neu: float
    pos: float
    compound: float


class Token(NamedTuple):
    """One word as VADER sees it."""

    word: str  # lower case
    shouted: bool
    weight: float | None  # None where it carries no feeling of its own
    listed: bool
    reach: int  # how many words after it may weigh otherwise for it
    push: float  # of an intensifier
    negates: bool
    idiom: bool  # the longest word of an idiom
    opens: bool  # may weigh otherwise for what follows it


PLAIN = Token("", False, None, False, 0, 0.0, False, False, False)
PLAIN_SHOUTED = PLAIN._replace(shouted=True)
EMPTY, NO_SIGNAL = VaderScore(0.0, 0.0, 0.0, 0.0), VaderScore(0.0, 1.0, 0.0, 0.0)


def vader_score(text: str) -> VaderScore:
    """Score a comment as VADER does: shares rounded to 3 places, the compound to 4.

    >>> vader_score("VADER is smart, handsome, and funny!")
    VaderScore(neg=0.0, neu=0.248, pos=0.752, compound=0.8439)
    >>> vader_score("I waited 3 weeks and nobody called me back").compound
    0.0
    """
    if not text.isascii():
        text = _emoji_in_words(text)
    tokens = list(map(_tokens().__getitem__, text.split()))
    if not tokens:
        return EMPTY
    weights: list[float] = []
    places: list[int] = []
    some_shouted: bool | None = None  # in capitals while others are not; found out when asked for
    but = stirred = -1  # the first "but"; up to here a word looks back
    for at, token in enumerate(tokens):
        if token is PLAIN:
            continue
        word, loud, weight, _, reach, _, _, idiom, opens = token
        if weight is not None:
            looks = opens or idiom or at <= stirred
            if (loud or looks) and some_shouted is None:
                some_shouted = 0 < sum([token[1] for token in tokens]) < len(tokens)
            if looks:
                weight = _in_context(tokens, at, bool(some_shouted))
            elif loud and some_shouted:
                weight += SHOUTED if weight > 0 else -SHOUTED
            if weight:
                weights.append(weight)
                places.append(at)
        if reach and at + reach > stirred:
            stirred = at + reach
        elif word == "but" and but < 0:
            but = at
    if not weights:
        return NO_SIGNAL
    if but >= 0:
        _weigh_but(weights, places, but)
    return _added_up(weights, len(tokens), text)


def _added_up(weights: list[float], words: int, text: str) -> VaderScore:
    total = float(sum(weights))
    questions = text.count("?")
    emphasis = min(text.count("!"), 4) * 0.292
    emphasis += 0 if questions < 2 else questions * 0.18 if questions <= 3 else 0.96
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    good = bad = 0.0
    for weight in weights:
        if weight > 0:
            good += weight + 1
        else:
            bad += weight - 1
    flat = words - len(weights)
    if good > -bad:
        good += emphasis
    elif good < -bad:
        bad -= emphasis
    size = good - bad + flat
    compound = max(-1.0, min(1.0, total / math.sqrt(total * total + SPREAD)))
    return VaderScore(
        round(abs(bad / size), 3), round(flat / size, 3), round(good / size, 3), round(compound, 4)
    )


def _in_context(tokens: list[Token], at: int, some_shouted: bool) -> float:
    """Weigh one word of feeling by the three words before it and the idioms it stands in."""
    word, loud, alone, _, _, _, _, idiom, opens = tokens[at]
    assert alone is not None
    weight = alone
    before = tokens[at - 3 : at] if at > 2 else tokens[:at]
    before.reverse()
    words = [token[0] for token in before]
    if opens and at + 1 < len(tokens):
        if word == "kind" and tokens[at + 1].word == "of":
            return 0.0
        if word == "no" and tokens[at + 1].listed:
            weight = 0.0
    if "no" in words and ("no" in words[:2] or words[0] in ("or", "nor")):
        weight = alone * NEGATED
    if loud and some_shouted:
        weight += SHOUTED if weight > 0 else -SHOUTED
    for distance, token in enumerate(before):
        if token is PLAIN:
            if distance < 2:
                continue
        elif token[3]:
            continue
        push = token[5]
        if push:
            if weight < 0:
                push = -push
            if token[1] and some_shouted:
                push += SHOUTED if weight > 0 else -SHOUTED
            weight += push * FURTHER[distance]
        if distance == 0:
            if token[6]:
                weight *= NEGATED
        elif token[6] or distance == 2:
            weight = _negated(weight, words, distance, token[6])
        if distance == 2 and (idiom or opens or any(token.idiom for token in before)):
            weight = _idiom(weight, words, [token.word for token in tokens[at : at + 3]])
    if words[:1] == ["least"] and words[1:2] not in (["at"], ["very"]) and not before[0].listed:
        weight *= NEGATED
    return weight


def _negated(weight: float, words: list[str], distance: int, negates: bool) -> float:
    """Turn a weight round for a word before it that negates, but for two turns of phrase.

    `words` stand before it, the nearest first; `distance` says which one.
    """
    never = words[distance] == "never"
    # three words before, a "so" or "this" right before the word is enough: VADER's own way
    if (never and words[distance - 1] in ("so", "this")) or (
        distance == 2 and words[0] in ("so", "this")
    ):
        return weight * NEVER_SO
    if not negates or (words[distance] == "without" and "doubt" in words[:distance]):
        return weight
    return weight * NEGATED


def _idiom(weight: float, words: list[str], after: list[str]) -> float:
    """Replace the weight in an idiom; `after` begins with the word itself."""
    first, second, third = words
    own = after[0]
    for phrase in (
        f"{first} {own}",
        f"{second} {first} {own}",
        f"{second} {first}",
        f"{third} {second} {first}",
        f"{third} {second}",
    ):
        if phrase in SPECIAL_CASES:
            weight = SPECIAL_CASES[phrase]
            break
    for length in range(2, len(after) + 1):
        weight = SPECIAL_CASES.get(" ".join(after[:length]), weight)
    for phrase in (f"{third} {second} {first}", f"{third} {second}", f"{second} {first}"):
        weight += BOOSTER_DICT.get(phrase, 0.0)
    return weight


def _weigh_but(weights: list[float], places: list[int], but: int) -> None:
    """Halve what stands before "but" and raise what follows, in place.

    VADER changes the first word of the same weight, which need not be the word it looks at. A heap
    of places per weight finds that one without searching the whole comment each time.
    """
    same: dict[float, list[int]] = {}
    for index, weight in enumerate(weights):
        same.setdefault(weight, []).append(index)
    for heap in same.values():
        heapify(heap)
    for index in range(len(weights)):
        first = heap[0] if (heap := same[weights[index]]) else index
        if places[first] == but:
            continue
        heappop(heap)
        weights[first] *= BEFORE_BUT if places[first] < but else AFTER_BUT
        heappush(same.setdefault(weights[first], []), first)


class _Memo(dict[str, Token]):
    """What each run of characters between spaces is, found out once."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = _word_list("vader_lexicon.txt")
        phrases = [phrase.split() for phrase in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in phrase]
        self.idioms = {max(words, key=len) for words in phrases}
        self.opening = {words[0] for words in phrases} | {"kind", "no"}
        self.negations = frozenset(NEGATE)
        self.other = {word for words in phrases for word in words}
        self.other |= set("but or nor doubt at so this least".split())

    def __missing__(self, run: str) -> Token:
        bare = run.strip(string.punctuation)
        if len(bare) <= 2:
            bare = run
        word = bare.lower()
        shouted = bare.isupper()
        listed = word in self.weights
        push = BOOSTER_DICT.get(word, 0.0)
        negates = word in self.negations or "n't" in word
        if not (listed or push or negates or word in self.other):
            token = PLAIN_SHOUTED if shouted else PLAIN
        else:
            far = push or negates or word in self.idioms or word in ("no", "so")
            token = Token(
                word=word,
                shouted=shouted,
                weight=float(self.weights[word]) if listed and not push else None,
                listed=listed,
                reach=3 if far else 1 if word in ("this", "least") else 0,
                push=push,
                negates=negates,
                idiom=word in self.idioms,
                opens=word in self.opening,
            )
        if len(run) <= _REMEMBERED:
            if len(self) >= _AT_MOST:
                self.clear()
            self[run] = token
        return token


@cache
def _tokens() -> _Memo:
    return _Memo()


def _word_list(name: str) -> dict[str, str]:
    lines = resources.files("vaderSentiment").joinpath(name).read_text("utf-8").rstrip("\n")
    pairs = (line.strip().split("\t") for line in lines.split("\n") if line)
    return {pair[0]: pair[1] for pair in pairs}


@cache
def _emoji() -> dict[str, str]:
    return {s: name for s, name in _word_list("emoji_utf8_lexicon.txt").items() if len(s) == 1}


def _emoji_in_words(text: str) -> str:
    """Write each emoji as its description, with a space before it where there is none."""
    names = _emoji()
    if names.keys().isdisjoint(text):
        return text

    def described(found: re.Match[str]) -> str:
        sign, at = found[0], found.start()
        if sign not in names:
            return sign
        return (" " if at and text[at - 1] != " " else "") + names[sign]

    return _NOT_ASCII.sub(described, text)
