"""How does a comment sound, judged by its words alone?

A general English word list (VADER: Hutto & Gilbert 2014, read from the installed package), the
phrases of `phrases.toml`, and a few rules: a negation turns what follows it, an intensifier
strengthens it, what follows "but" counts more. Every rule looks only forward, so the work grows
with the length of the comment and not faster.
"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

NEGATED = -0.74  # a negated word keeps three quarters of its strength, turned round (Hutto 2014)
NEGATION_REACHES = 3  # words
NEGATION = -0.6  # a bare "not": people rarely write one to a company to praise it
INTENSIFIED = 0.35
SHOUTED = 0.7  # one word in capitals among others
BEFORE_BUT, AFTER_BUT = 0.5, 1.5
LEAST_OF_A_SIDE = 2  # words on each side of a "but" that sets one against the other
# an answer of so few words, none of which judges, names what is good or bad: it weighs so much
MOST_NAMED, LEAST_JUDGED, NAMED = 10, 1.0, 0.6
EXCLAMATION, MOST_EXCLAMATIONS = 0.06, 4
NUMBER = "<n>"  # in a phrase: any number in digits
SPREAD = 2.0  # the raw value that becomes a score of .71

_NEGATIONS = frozenset(
    "not no never nobody nothing none neither nor without hardly barely scarcely rarely seldom "
    "nowhere zero lacks lacking noone".split()
)
_STRONGER = frozenset(
    "absolutely completely deeply entirely especially exceptionally extremely fully greatly "
    "highly hugely incredibly insanely really remarkably so such super thoroughly total totally "
    "truly unbelievably utterly utter very complete genuinely beyond bloody freaking fucking "
    "more most quite ridiculously".split()
)
_WEAKER = frozenset(
    "slightly somewhat fairly rather partly almost occasionally sometimes little bit".split()
)
_BUT = frozenset("but although though except however yet".split())
_PUSHES = {"stronger": INTENSIFIED, "weaker": -INTENSIFIED}
_ROLES = {
    **dict.fromkeys(_NEGATIONS, "negation"),
    **dict.fromkeys(_STRONGER, "stronger"),
    **dict.fromkeys(_WEAKER, "weaker"),
    **dict.fromkeys(_BUT, "but"),
    **dict.fromkeys(",;:", "pause"),
    **dict.fromkeys(".!?", "stop"),
}

_NOTHING = frozenset("nothing none no nil nope nah".split())
_NOTHING_GOES_ON = frozenset(
    "is was are were has have had do did does ever can could would will works worked like of but "
    "about to more less good works seems happened happens helped helps changed gets got".split()
)
_ASKS_FOR_FAULTS = frozenset(
    "improve improved improvement improvements better differently change changed wrong worst "
    "dislike disliked problem problems frustrated frustrating bad missing broken broke poor fix "
    "complaint complaints complain annoyed annoying disappointed disappointing disappoint concern "
    "concerns hate hated fail failed lacking lacked unhappy dissatisfied fault faults least "
    "stopped prevented".split()
)
_ASKS_FOR_PRAISE = frozenset(
    "like liked love loved enjoy enjoyed well good great best happy praise impressed favourite "
    "favorite delighted strengths".split()
)

_PARTS = re.compile(r"\b(?:and|or|but)\b|[/&;,.?!|]")  # of a question that asks for several things
_YES_OR_NO = re.compile(r"\W{0,9}(?:did|do|does|is|are|was|were|have|has|had|can|will|would)\b")
_ANY = re.compile(r"\b(?:any|anything|something|what|which|why|how)\b")

# an answer with one of these says that there is nothing to name, or that all was well
_NAMES_NOTHING = frozenset(
    "n na nothing none nil nope nah yes yeah yep ok okay fine everything everyone everybody all "
    "anything any well sure unsure know idea comment comments answer maybe dunno same above".split()
)

_VERBS_BEFORE_NT = "are could did does do had has have is must need should was were would".split()
_WITHOUT_APOSTROPHE = {verb + "nt": verb for verb in _VERBS_BEFORE_NT} | {
    "cant": "can",
    "wont": "will",
    "cannot": "can",
    "aint": "is",
}
_IRREGULAR = {"can't": "can", "won't": "will", "ain't": "is", "shan't": "shall"}

_ENDINGS = {  # by their last letter; the first that fits is cut
    "y": ("ingly", "edly", "ly", "y"),
    "s": ("ings", "ies", "es", "s"),
    "g": ("ing",),
    "d": ("ied", "ed"),
    "r": ("er",),
    "t": ("est",),
    "e": ("e",),
}

_NONE: dict[Any, Any] = {}  # no phrase starts here
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")
_HYPHEN = re.compile(r"(?<=[^\W_])[-‐‑](?=[^\W_])")  # "well-made" is "well made"
_STRETCHED = re.compile(r"(.)\1{2,}")
_MARKUP = re.compile(r"<[^<>]{1,200}>")
# longer runs without a space, and more of them, are not kept
_REMEMBERED, _AT_MOST = 40, 1 << 16  # characters, runs


class Token(NamedTuple):
    """One word or sign of a comment."""

    word: str
    weight: float  # 0 where it carries no feeling of its own
    role: str  # "negation", "stronger", "weaker", "but", "pause", "stop" or ""
    shouted: bool
    phrases: dict[Any, Any]  # the phrases that start here: word -> ... -> None: weight
    root: str  # the word without its ending
    idioms: dict[Any, Any]  # those of the phrases that mean the opposite of their words
    stirs: bool  # has a weight or a role
    number: bool  # in digits


class Words(NamedTuple):
    """The words and signs of a comment."""

    tokens: list[Token]
    stirring: list[int]  # places: which tokens stir, or may begin a phrase; most do not


class Feelings(NamedTuple):
    """The weights of a comment, each divided by the root of the number of its words."""

    raw: float  # all, with what the exclamation marks add
    good: float  # of the clauses that sound good
    bad: float  # of those that sound bad; positive
    last: float  # of the last sentence
    contrast: float  # of the heavier side of a "but" whose other side does not agree; undivided
    words: int


def word_score(text: str, question: str | None = None) -> float | None:
    """Say how a comment sounds, from -1 to 1; None where no word carries any feeling.

    The score is raw / sqrt(raw^2 + 4) with raw = sum of weights / sqrt(number of words), so that
    a comment is not louder for being long. The question decides what a bare "Nothing" means, and
    how an answer sounds that only names a matter ("Parking").

    >>> round(word_score("Lovely staff"), 2)
    0.7
    >>> word_score("I waited 3 weeks and nobody called me back") < -0.5
    True
    >>> word_score("Nothing to improve") > 0.5
    True
    >>> word_score("It is blue") is None
    True
    >>> [round(word_score("Parking", f"What {was}?"), 2) for was in ("was good", "went wrong")]
    [0.29, -0.29]
    """
    said = read_words(text)
    if named := named_in_answer(said, question):
        return squashed(named)
    found = feelings(said, shouting=text.isupper(), question=question)
    return squashed(found.raw) if found else None


def squashed(raw: float) -> float:
    """Bring a raw value between -1 and 1.

    >>> squashed(0.0), round(squashed(2.0), 2)
    (0.0, 0.71)
    """
    return raw / math.hypot(raw, SPREAD)


def feelings(
    said: Words, *, shouting: bool = False, question: str | None = None
) -> Feelings | None:
    """Weigh the words of a comment, as a whole and by clause; None where none carries a feeling.

    `shouting` says that all of it is in capitals, so that they emphasise nothing.
    """
    tokens, stirring = said
    mixed_case = not shouting
    total = sentence = push = 0.0  # push: what the intensifier just before adds
    clause = good = bad = 0.0
    side = contrast = 0.0  # side: the clauses since the sentence began or since its last "but"
    other: float | None = None  # the clauses before that "but"
    emphasis = 1.0
    words = exclamations = position = begun = 0  # begun: the words before this side
    negated = 0  # how many words the last negation still reaches
    felt = False
    if opens_with_nothing(said):
        total, position = _meaning_of_nothing(question), 1
        words, felt = 1, total != 0
    for at in stirring:
        if at < position:  # in the phrase before
            continue
        if passed := at - position:
            words, push, negated = words + passed, 0.0, max(negated - passed, 0)
        word, weight, role, shouted, phrases, _, _, _, _ = tokens[at]
        length = 1
        if phrases and (found := longest(phrases, tokens, at)):
            weight, length = found
            # "still not" goes on denying; "nobody called me back" has said it all
            role = "negation" if tokens[at + length - 1].role == "negation" else ""
        position = at + length
        if role in ("pause", "stop", "but"):
            negated, push = 0, 0.0
            if clause > 0:
                good += clause
            else:
                bad -= clause
            side += clause
            clause = 0.0
            if role == "pause":
                continue
            if other is not None and words - begun >= LEAST_OF_A_SIDE:
                contrast = max(contrast, _disagreement(other, side))
            if role == "stop":
                total, sentence, emphasis = total + sentence, 0.0, 1.0
                exclamations += word == "!"
                other = None
            else:
                sentence, emphasis = sentence * BEFORE_BUT, AFTER_BUT
                other = side if words - begun >= LEAST_OF_A_SIDE else None
                words += length
            side, begun = 0.0, words
            continue
        words += length
        if role == "negation":
            sentence += (weight or NEGATION) * emphasis
            clause += weight or NEGATION
            negated, push, felt = NEGATION_REACHES, 0.0, True
            continue
        if weight:
            louder = push + SHOUTED * (shouted and mixed_case)
            weight = math.copysign(max(abs(weight) + louder, 0.0), weight)
            weight *= NEGATED if negated else 1.0
            sentence += weight * emphasis
            clause += weight
            felt = True
        push = _PUSHES.get(role, 0.0)
        negated = max(negated - length, 0)
    if not felt:
        return None
    words += len(tokens) - position
    if other is not None and words - begun >= LEAST_OF_A_SIDE:
        contrast = max(contrast, _disagreement(other, side + clause))
    root = math.sqrt(words or 1)
    raw = (total + sentence) / root
    raw *= 1 + EXCLAMATION * min(exclamations, MOST_EXCLAMATIONS)
    return Feelings(
        raw,
        (good + max(clause, 0.0)) / root,
        (bad - min(clause, 0.0)) / root,
        sentence / root,
        contrast,
        words,
    )


def _disagreement(one: float, other: float) -> float:
    """Weigh two sides of a "but": the heavier where the other one sounds unlike it or like nothing.

    >>> _disagreement(2.0, -1.0), _disagreement(-1.5, 0.0), _disagreement(2.0, 1.0)
    (2.0, 1.5, 0.0)
    """
    return 0.0 if one * other > 0 else max(abs(one), abs(other))


def opens_with_nothing(said: Words) -> bool:
    """Find "Nothing", "None." or "No, ..." that answers the question and denies nothing itself."""
    tokens = said.tokens
    if not tokens or tokens[0].word not in _NOTHING:
        return False
    if len(tokens) == 1 or tokens[1].role in ("pause", "stop"):
        return True
    return tokens[0].word in ("nothing", "none") and tokens[1].word not in _NOTHING_GOES_ON


def _meaning_of_nothing(question: str | None) -> float:
    """Weigh the answer "nothing": good where the question asks for faults, bad where for praise.

    >>> _meaning_of_nothing("What could we improve?"), _meaning_of_nothing("What did you like?")
    (2.0, -1.5)
    >>> _meaning_of_nothing(None)
    0.0
    """
    return {"faults": 2.0, "praise": -1.5}.get(asked_for(question) or "", 0.0)


@lru_cache(maxsize=1 << 8)
def asked_for(question: str | None) -> str | None:
    """Say what a question asks for: "faults", "praise", or neither, or both.

    >>> [asked_for(words) for words in ("What could we do better?", "What did you like?", "Other")]
    ['faults', 'praise', None]
    >>> asked_for("What didn't you like?"), asked_for("What would you like to tell us?")
    ('faults', None)
    >>> asked_for("What did you like, and what could we improve?"), asked_for("Did we do well?")
    (None, None)
    """
    asked = (question or "").lower().replace("’", "'")
    if _YES_OR_NO.match(asked) and not _ANY.search(asked):
        return None
    sides = {_side(part) for part in _PARTS.split(asked)} - {None}
    return sides.pop() if len(sides) == 1 else None


def _side(asked: str) -> str | None:
    words = {word for part in _WORD.findall(asked) for word in _spelled_out(part, {})}
    praise = words & _ASKS_FOR_PRAISE
    if "would" in words:  # "What would you like to add?" asks for neither
        praise -= {"like", "love"}
    if "way" in words:  # "What is the best way to reach you?"
        praise -= {"best", "good"}
    if words & _ASKS_FOR_FAULTS or (praise and "not" in words):
        return "faults"
    return "praise" if praise else None


def named_in_answer(said: Words, question: str | None) -> float:
    """Weigh an answer that only names a matter, by what was asked; 0 where it does more or less.

    >>> [named_in_answer(read_words("Staff attitude"), question)
    ...  for question in ("What could we improve?", "What did you like?", "Comments")]
    [-0.6, 0.6, 0.0]
    >>> named_in_answer(read_words("Rude staff"), "What did you like?")
    0.0
    """
    tokens = said.tokens
    side = asked_for(question) if question else None
    if side is None or not 0 < sum(token.word[:1].isalpha() for token in tokens) <= MOST_NAMED:
        return 0.0
    position = 0
    while position < len(tokens):
        word, weight, role, _, phrases, *_ = tokens[position]
        if word in _NAMES_NOTHING or role == "negation":
            return 0.0
        found = longest(phrases, tokens, position)
        weight, length = found or (weight, 1)
        if abs(weight) > LEAST_JUDGED:
            return 0.0
        position += length
    return -NAMED if side == "faults" else NAMED


def longest(node: dict[Any, Any], tokens: list[Token], position: int) -> tuple[float, int] | None:
    """Find the longest phrase that starts at a position: its weight and its length in words.

    `node` is the tree of phrases that begin with the word there.
    """
    found = None
    for at in range(position + 1, len(tokens)):  # no phrase in the tree is of one word
        token = tokens[at]
        below = node.get(token[0]) or (node.get(NUMBER) if token[8] else None)
        if below is None:
            return found
        node = below
        if None in node:
            found = node[None], at - position + 1
    return found


def read_words(text: str) -> Words:
    """Take a comment apart into words and signs, as the phrases know them."""
    text = text.replace("’", "'")
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    tokens = list(itertools.chain.from_iterable(map(_runs.__getitem__, text.split())))
    stirring = [
        at
        for at, (one, following) in enumerate(itertools.pairwise(tokens))
        if one[7] or following[0] in one[4] or (following[8] and one[4])
    ]
    if tokens and tokens[-1].stirs:
        stirring.append(len(tokens) - 1)
    return Words(tokens, stirring)


def _read(chunk: str) -> tuple[Token, ...]:
    """Read one run of characters without a space: a word or several, a sign; no addresses."""
    lower = chunk.lower()
    if lower.startswith(("@", "http:", "https:", "www.")):
        return ()
    if not chunk.isalnum():
        weights = _knowledge()[0]
        emoticon = weights.get(chunk, weights.get(lower))
        if emoticon is not None:
            stirs = bool(emoticon)
            return (Token(chunk, emoticon, "", False, _NONE, chunk, _NONE, stirs, False),)
    shouted = len(chunk) > 1 and chunk.isupper()
    if lower.isalnum():
        return _tokens_of(lower, shouted)
    plain = lower.isascii() and "-" not in lower
    found = _WORD.findall(lower if plain else _HYPHEN.sub(" ", lower))
    tokens: list[Token] = []
    for part in found:
        tokens += _tokens_of(part, shouted)
    return tuple(tokens)


def _tokens_of(part: str, shouted: bool) -> tuple[Token, ...]:
    read = _tokens if len(part) <= _REMEMBERED else _tokens.__wrapped__
    return read(part, shouted)


@lru_cache(maxsize=_AT_MOST)
def _tokens(part: str, shouted: bool) -> tuple[Token, ...]:
    """Read a word or sign, which may stand for two words ("didn't")."""
    weights, phrases, idioms = _knowledge()
    return tuple(
        Token(
            word,
            weight := weights.get(word, 0.0),
            role := _ROLES.get(word, ""),
            shouted,
            _below(phrases, word) or _NONE,
            root(word),
            _below(idioms, word) or _NONE,
            bool(weight or role),
            word.isdigit(),
        )
        for word in _spelled_out(part, weights)
    )


def _below(tree: dict[Any, Any], word: str) -> dict[Any, Any] | None:
    return tree.get(word) or (tree.get(NUMBER) if word.isdigit() else None)


class _Memo(dict[str, tuple[Token, ...]]):
    """What each run of characters between spaces holds, found out once."""

    def __missing__(self, run: str) -> tuple[Token, ...]:
        tokens = _read(run)
        if len(run) <= _REMEMBERED:
            if len(self) >= _AT_MOST:
                self.clear()
            self[run] = tokens
        return tokens


_runs = _Memo()


def _spelled_out(word: str, known: dict[str, float]) -> tuple[str, ...]:
    """Write a word as the phrases know it.

    >>> _spelled_out("didn't", {}), _spelled_out("cant", {}), _spelled_out("sooo", {"so": 1.0})
    (('did', 'not'), ('can', 'not'), ('so',))
    """
    if word.endswith("n't"):
        return _IRREGULAR.get(word, word[:-3]), "not"
    if word in _WITHOUT_APOSTROPHE:
        return _WITHOUT_APOSTROPHE[word], "not"
    word = word.partition("'")[0]
    # the count rules most words out, at a tenth of the cost
    if word not in known and len(set(word)) <= len(word) - 2 and _STRETCHED.search(word):
        twice = _STRETCHED.sub(r"\1\1", word)
        return (twice if twice in known else _STRETCHED.sub(r"\1", word),)
    return (word,)


def root(word: str) -> str:
    """Cut the ending that forms of an English word differ by.

    >>> [root(word) for word in ("disappointed", "disappointing", "crashes", "easily", "is", "bus")]
    ['disappoint', 'disappoint', 'crash', 'eas', 'is', 'bus']
    """
    if len(word) > 4:
        for ending in _ENDINGS.get(word[-1], ()):
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                word = word[: -len(ending)]
                break
        if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
            word = word[:-1]
        if len(word) > 3 and word[-1] in "iy":
            word = word[:-1]
    return word


@cache
def _knowledge() -> tuple[dict[str, float], dict[Any, Any], dict[Any, Any]]:
    """Read the word list and the phrases: weights of words, and trees of phrases and of idioms."""
    weights: dict[str, float] = {}
    for line in _vader_lines("vader_lexicon.txt"):
        word, weight, _ = line.split("\t", 2)
        weights[word] = float(weight)
    for line in _vader_lines("emoji_utf8_lexicon.txt"):
        sign, _, meaning = line.partition("\t")
        if len(sign) == 1:
            weights[sign] = sum(weights.get(word, 0.0) for word in meaning.split())
    phrases = read_phrases()
    weights |= {phrase[0]: strength for phrase, strength in phrases if len(phrase) == 1}
    tree: dict[Any, Any] = {}
    idioms: dict[Any, Any] = {}
    for phrase, strength in phrases:
        if len(phrase) == 1:
            continue
        _plant(tree, phrase, strength)
        if _is_idiom(phrase, strength, weights):
            _plant(idioms, phrase, strength)
    for word in [word for word in tree if word.isdigit()]:
        _join(tree[word], tree[NUMBER])
    return weights, tree, idioms


def _is_idiom(phrase: tuple[str, ...], strength: float, weights: dict[str, float]) -> bool:
    """Say whether a phrase means the opposite of its words; a plain "not good" does not.

    >>> weights = {"bad": -2.5, "good": 1.9, "thanks": 1.5}
    >>> [_is_idiom(tuple(phrase.split()), strength, weights) for phrase, strength in
    ...  (("not bad", 1.2), ("not good", -2.0), ("thanks for nothing", -2.8), ("so good", 2.0))]
    [True, False, True, False]
    """
    if strength * sum(weights.get(word, 0.0) for word in phrase) >= 0:
        return False
    first = next(word for word in phrase if weights.get(word) or _ROLES.get(word) == "negation")
    return strength > 0 or _ROLES.get(first) != "negation"


def _plant(tree: dict[Any, Any], phrase: tuple[str, ...], strength: float) -> None:
    for word in phrase:
        tree = tree.setdefault(word, {})
    tree[None] = strength


def _join(node: dict[Any, Any], other: dict[Any, Any]) -> None:
    """Let a node of the tree lead wherever the other leads, where it leads nowhere yet."""
    for word, below in other.items():
        if word is None:
            node.setdefault(None, below)
        else:
            _join(node.setdefault(word, {}), below)


def read_phrases() -> list[tuple[tuple[str, ...], float]]:
    """List the customer phrases with their groups written out: words and weight."""
    book = tomllib.loads(resources.files(__package__).joinpath("phrases.toml").read_text("utf-8"))
    groups: dict[str, list[str]] = book.pop("groups")
    phrases: list[tuple[tuple[str, ...], float]] = [
        ((word,), float(weight))
        for weight, words in book.pop("words").items()
        for word in words.split()
    ]
    for reason in book.values():
        for name, told in reason.items():
            # either a phrase and its weight, or a weight and its phrases
            several = isinstance(told, str)
            weight = float(name if several else told)
            for phrase in told.split(";") if several else (name,):
                choices = [groups[p[1:-1]] if p.startswith("{") else [p] for p in phrase.split()]
                phrases += [
                    (tuple(" ".join(chosen).split()), weight)
                    for chosen in itertools.product(*choices)
                ]
    return phrases


def _vader_lines(name: str) -> list[str]:
    return resources.files("vaderSentiment").joinpath(name).read_text("utf-8").splitlines()
