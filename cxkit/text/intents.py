"""What does a comment want: an answer, an end to a trouble, a change, or to say thanks?

The rules are the phrases of `intents.toml`. They are matched word by word and only forward, each
at most a dozen words long, so the work grows with the length of the comment and not faster. How
far the words lean towards a complaint or praise refines them: the weights of `intents.json`, made
by benchmarks/voice/build_intents.py (see docs/models.md). Each sentence is judged by itself; a
comment wants whatever one of its sentences wants.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

import polars as pl

from cxkit.text.kept import row_by_row
from cxkit.text.language import detect_languages
from cxkit.text.progress import shown
from cxkit.text.rules import _spelled_out, asked_for, word_score

INTENTS = ("asking", "complaining", "suggesting", "praising")
SCORER = "intents-en-2"
ENOUGH = 1.0  # evidence from which on a sentence has an intent
# How a sentence sounds (-1 to 1, see `word_score`) is evidence too; beyond these it is enough.
SOUNDS_BAD, SOUNDS_GOOD = -0.3, 0.45
# How far its words lean is a fifth of a case per unit, and never more than two fifths.
LEANS, LEANS_AT_MOST = 0.2, 2.0

_TOKEN = re.compile(
    r"(?:https?://|www\.)\S+|[@#]\w+|&(?:amp|gt|lt|quot|nbsp|\#\d{1,6});"
    r"|\b\d{1,2}[.)](?=\s)"  # the number of a list; so far all is read over
    r"|(?P<word>[^\W_]+(?:['’`][^\W_]+)*|['’](?:d|ll|m|n't|re|s|ve)\b)"
    r"|(?P<stop>[.!?…]+(?![^\W_])|[\n\r\t\v\f]+)"
)
_PAUSES = frozenset((", ", ": ", "; ", "- "))
_MARKUP = re.compile(r"<[^<>]{1,200}>")
_REMEMBERED = 40  # characters: longer words are rare and would only fill the memory
_SHORTENED = {
    "d": "would", "ll": "will", "m": "am", "re": "are", "s": "is", "ve": "have",
}  # fmt: skip


class Word(NamedTuple):
    """One word of a sentence: under which names rules know it, and where it stands."""

    names: tuple[str, ...]
    start: int
    end: int


class Sentence(NamedTuple):
    """One sentence: its words, between a start and its end sign, and where it stands."""

    words: list[Word]
    start: int
    end: int


class Rule(NamedTuple):
    """Phrases that mean the same: what they are evidence of, and how strong."""

    name: str
    intent: str
    weight: float  # 0: no evidence, but phrases that overlap with these are none either
    question: str | None  # "faults", "praise": counts only where the question asks for these


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules find in one sentence."""

    found: dict[str, float]  # rule -> weight
    spans: list[tuple[str, int, int]]  # intent, start, end
    sound: float | None
    leaning: tuple[float, float]  # towards a complaint, towards praise
    words: int


def find_intents(
    texts: pl.Series | Sequence[str | None],
    *,
    languages: Iterable[str] | None = None,
    question: str | None = None,
) -> pl.DataFrame:
    """Learn what each comment wants: it may ask, complain, suggest and praise, or none of these.

    One row per text, in the order given: `asking`, `complaining`, `suggesting`, `praising` and
    `nothing` (it says that there is nothing to report), all null where not judged; `spans`, which
    characters of the text made a rule speak (list of `intent`, which may be "nothing", `start`,
    `end`; empty where the words as a whole decided); `reason` ("empty" or "language", null where
    judged); `scorer`; `language` (null where empty). Each distinct text is judged once. English
    only. `languages` are the languages the column may hold (see `detect_languages`); `question` is
    what the comments answer: "More staff" is a suggestion where it asks what to improve.

    >>> found = find_intents(["Lovely staff, but please add a lift", "N/A"], languages=["en"])
    >>> found.select("praising", "suggesting", "nothing").rows()
    [(True, True, False), (False, False, True)]
    >>> [(span["intent"], span["start"], span["end"]) for span in found["spans"][0]]
    [('praising', 0, 12), ('suggesting', 18, 30)]
    """
    comments = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    comments = comments.with_columns(detect_languages(comments["text"], languages)["language"])
    distinct = comments.unique(maintain_order=True)
    asked = asked_for(question)
    found = row_by_row((SCORER, asked), distinct, lambda rows: _all_judged(rows, asked))
    judged = found.with_columns(distinct["text"], scorer=pl.lit(SCORER))
    return comments.join(
        judged, on="text", how="left", nulls_equal=True, maintain_order="left"
    ).select(*found.columns, "scorer", "language")


def _all_judged(distinct: pl.DataFrame, asked: str | None) -> pl.DataFrame:
    rows = [
        _judged(text, language, asked)
        for text, language in shown(distinct.iter_rows(), distinct.height, "finding intents")
    ]
    span = pl.Struct({"intent": pl.String, "start": pl.Int64, "end": pl.Int64})
    schema: dict[str, Any] = {
        **dict.fromkeys((*INTENTS, "nothing"), pl.Boolean),
        "spans": pl.List(span),
        "reason": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _judged(text: str | None, language: str | None, asked: str | None) -> tuple[Any, ...]:
    """Judge one comment: the four intents, nothing, spans, reason."""
    if text is None or not text.strip():
        return None, None, None, None, None, [], "empty"
    if language != "en":
        return None, None, None, None, None, [], "language"
    wants = dict.fromkeys((*INTENTS, "nothing"), False)
    spans: list[tuple[str, int, int]] = []
    silent: set[str] = set()  # sentences without intent: the same again says no more
    for sentence in sentences(text):
        said = text[sentence.start : sentence.end]
        if said in silent:
            continue
        evidence = read_sentence(text, sentence, asked)
        intents = _decide(evidence)
        if not intents:
            silent.add(said)
        for intent in intents:
            wants[intent] = True
        spans += [span for span in evidence.spans if span[0] in intents]
    wants["nothing"] &= not (wants["asking"] or wants["complaining"] or wants["suggesting"])
    shown = [
        {"intent": intent, "start": start, "end": end}
        for intent, start, end in _united(spans)
        if wants[intent]
    ]
    return *wants.values(), shown, None


def _decide(evidence: Evidence) -> set[str]:
    return {intent for intent, value in evidence_of(evidence).items() if value >= ENOUGH}


def evidence_of(evidence: Evidence) -> dict[str, float]:
    """Add up what speaks for each intent, and for nothing to report, in one sentence.

    >>> [sentence] = sentences("Please add a lift")
    >>> evidence_of(read_sentence("Please add a lift", sentence))["suggesting"] >= ENOUGH
    True
    """
    rules = _rules()[0]
    total = dict.fromkeys((*INTENTS, "nothing"), 0.0)
    for name, weight in evidence.found.items():
        total[rules[name].intent] += weight
    sound, leans = evidence.sound, evidence.leaning
    if total["nothing"] >= ENOUGH:
        # "nothing", "no" and "could be better" sound like blame and are none here
        total["complaining"] = max(
            (w for n, w in evidence.found.items() if rules[n].intent == "complaining"), default=0.0
        )
        short = evidence.words <= 4  # "No complaints" is no praise, "No, lovely staff" is
        sound = None if short or sound is None else max(sound, 0.0)
        leans = (0.0, 0.0 if short else leans[1])
    if sound is not None:
        # a wish or a question may be worded kindly or angrily without being praise or complaint
        total["complaining"] += max(sound / SOUNDS_BAD, 0.0)
    # a rule that is enough by itself is not outweighed by words that lean the other way
    enough = total["complaining"] >= ENOUGH
    total["complaining"] += max(_held(leans[0]), 0.0) if enough else _held(leans[0])
    if total["suggesting"] < ENOUGH and total["asking"] < ENOUGH:
        total["praising"] += max((sound or 0.0) / SOUNDS_GOOD, 0.0) + _held(leans[1])
    if sound is not None and sound < 0:
        total["praising"] = 0.0
    if total["complaining"] >= ENOUGH and total["praising"] < 2 * ENOUGH:
        total["praising"] = 0.0
    return total


def _held(leaning: float) -> float:
    return LEANS * min(max(leaning, -LEANS_AT_MOST), LEANS_AT_MOST)


def _united(spans: list[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Join spans of one intent that overlap; in the order of the text."""
    last: dict[str, list[Any]] = {}
    joined: list[list[Any]] = []
    for intent, start, end in sorted(spans, key=lambda span: (span[1], span[2])):
        before = last.get(intent)
        if before is not None and start < before[2]:
            before[2] = max(before[2], end)
        else:
            last[intent] = [intent, start, end]
            joined.append(last[intent])
    return ((intent, start, end) for intent, start, end in joined)


def read_sentence(text: str, sentence: Sentence, asked: str | None = None) -> Evidence:
    """Find the rules that speak in one sentence, and how it sounds.

    >>> text = "I wish it were warmer"
    >>> [evidence] = [read_sentence(text, sentence) for sentence in sentences(text)]
    >>> evidence.found, evidence.spans[0]
    ({'suggests_wish': 1.0}, ('suggesting', 0, 9))
    """
    tree = _rules()[1]
    words = sentence.words
    hits: list[tuple[Rule, int, int]] = []
    for first, word in enumerate(words):
        for name in word.names:
            if name in tree:
                _follow(tree[name], words, first, first + 1, hits)
    found: dict[str, float] = {}
    spans: list[tuple[str, int, int]] = []
    shown: list[tuple[Rule, int, int]] = []
    if hits:
        silenced: dict[str, set[int]] = {}
        for rule, first, end in hits:
            if not rule.weight:
                silenced.setdefault(rule.intent, set()).update(range(first, end))
        for rule, first, end in hits:
            if not rule.weight or (rule.question and rule.question != asked):
                continue
            covered = silenced.get(rule.intent)
            if covered and any(place in covered for place in range(first, end)):
                continue
            found[rule.name] = rule.weight
            if rule.weight > 0:
                shown.append((rule, *_where(words, first, end)))
        whole = {rule.intent for rule, _, _ in shown if rule.weight >= ENOUGH}
        # where one rule is enough, the halves of a case beside it are not shown
        spans = [
            (rule.intent, start, end)
            for rule, start, end in shown
            if rule.weight >= ENOUGH or rule.intent not in whole
        ]
    sound = word_score(text[sentence.start : sentence.end])
    return Evidence(found, spans, sound, leaning(words), len(words) - 2)


def _where(words: list[Word], first: int, end: int) -> tuple[int, int]:
    """Say where words stand in the text, without the sign at their end."""
    if end - first > 1 and words[end - 1].names[0] in "$?":
        end -= 1
    return words[first].start, words[end - 1].end


def _follow(
    node: dict[Any, Any], words: list[Word], first: int, at: int, hits: list[tuple[Rule, int, int]]
) -> None:
    """Collect the phrases that go on from `node` at word `at`."""
    if None in node:
        hits += [(rule, first, at) for rule in node[None]]
    if at < len(words):
        for name in words[at].names:
            if name in node:
                _follow(node[name], words, first, at + 1, hits)


def sentences(text: str) -> Iterator[Sentence]:
    """Cut a comment into sentences: at end signs, at tabs and at the ends of lines.

    >>> [text[s.start:s.end] for text in ["Wi-Fi is 3.5 stars. Why?"] for s in sentences(text)]
    ['Wi-Fi is 3.5 stars.', ' Why?']
    """
    if "<" in text:
        text = _MARKUP.sub(lambda found: " " * len(found.group()), text)
    words: list[Word] = []
    begin = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        start, end = token.span()
        if kind == "word":
            if not words:
                words = [Word(("^",), start, start)]
            spelled = token.group()
            known = _names_of(spelled) if end - start <= _REMEMBERED else (("*",),)
            if text[start - 2 : start] in _PAUSES:
                known = (known[0] + tuple("," + name for name in known[0]), *known[1:])
            words += [Word(names, start, end) for names in known]
        elif kind == "stop":
            words = words or [Word(("^",), start, start)]
            words.append(Word(("?" if "?" in token.group() else "$",), start, end))
            yield Sentence(words, begin, end)
            words, begin = [], end
    rest = text[begin:]
    if words or rest.strip():  # signs alone, such as emoji, are a sentence too
        words = words or [Word(("^",), begin, begin)]
        words.append(Word(("$",), words[-1].end, words[-1].end))
        yield Sentence(words, begin, len(text))


def grams(words: list[Word]) -> set[str]:
    """List the distinct words and pairs of words.

    >>> sorted(grams([Word(("well",), 0, 4), Word(("done",), 5, 9)]))
    ['done', 'well', 'well done']
    """
    names = [word.names[0] for word in words]
    return {*names, *map(" ".join, itertools.pairwise(names))}


def leaning(words: list[Word]) -> tuple[float, float]:
    """Say how far the words of a sentence lean towards a complaint, and towards praise.

    >>> [sentence] = sentences("The battery died after a week")
    >>> complaint, praise = leaning(sentence.words)
    >>> complaint > 0 > praise
    True
    """
    unit, (bad, good), weights = _weights()
    some = grams(words)
    complaint = praise = 0
    for gram in some:
        weight = weights.get(gram)
        if weight:
            complaint += weight[0]
            praise += weight[1]
    size = math.sqrt(sum(" " not in gram for gram in some) or 1)
    return unit * (bad + complaint / size), unit * (good + praise / size)


@cache
def _weights() -> tuple[float, list[int], dict[str, list[int]]]:
    told = resources.files(__package__).joinpath("intents.json").read_text("utf-8")
    book = json.loads(told)
    return book["unit"], book["bias"], book["weights"]


@lru_cache(maxsize=1 << 16)
def _names_of(spelled: str) -> tuple[tuple[str, ...], ...]:
    """Write a word as the rules know it: the word, the classes it belongs to, any word.

    >>> [names[0] for names in _names_of("Couldn't")], [names[0] for names in _names_of("I'd")]
    (['could', 'not'], ['i', 'would'])
    """
    word = spelled.lower().replace("’", "'").replace("`", "'")
    classes = _classes()
    parts: tuple[str, ...]
    stem, mark, ending = word.partition("'")
    if mark and ending in _SHORTENED and word not in ("let's",):
        parts = (stem, _SHORTENED[ending]) if stem else (_SHORTENED[ending],)
    else:
        parts = tuple(part for part in _spelled_out(word, _COMMON) if part)
    return tuple((part, *classes.get(part, ()), "*") for part in parts)


_COMMON: dict[str, float] = {}  # no word list: "soooo" becomes "so"


@cache
def _book() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("intents.toml").read_text("utf-8"))


@cache
def _classes() -> dict[str, tuple[str, ...]]:
    """Say in which groups of single words each word is."""
    classes: dict[str, list[str]] = {}
    for name, members in _groups().items():
        for member in members:
            if member and " " not in member and member != "*":
                classes.setdefault(member, []).append(f"<{name}>")
    return {word: tuple(names) for word, names in classes.items()}


@cache
def _groups() -> dict[str, list[str]]:
    """List the members of each group; a string of words is a list of them."""
    return {
        name: members.split() if isinstance(members, str) else members
        for name, members in _book()["groups"].items()
    }


def _choices(piece: str) -> list[str]:
    """Say what one piece of a phrase may be: a word, a class of words, or several words.

    >>> _choices("please"), _choices("[very]")
    (['please'], ['very', ''])
    """
    if piece.startswith(","):
        return ["," + choice for choice in _choices(piece[1:])]
    if piece.startswith("[") and piece.endswith("]"):
        return [*_choices(piece[1:-1]), ""]
    if not piece.startswith("{"):
        return [piece]
    members = _groups()[piece[1:-1]]
    single = any(member and " " not in member and member != "*" for member in members)
    several = [member for member in members if not member or " " in member or member == "*"]
    return [f"<{piece[1:-1]}>"] * single + several


@cache
def _rules() -> tuple[dict[str, Rule], dict[Any, Any]]:
    """Read the rules, and the tree of their phrases."""
    rules: dict[str, Rule] = {}
    tree: dict[Any, Any] = {}
    for name, told in _book()["rules"].items():
        rule = Rule(name, told["intent"], float(told["weight"]), told.get("question"))
        rules[name] = rule
        for phrase in told["phrases"].splitlines():
            choices = [_choices(piece) for piece in phrase.split()]
            for chosen in itertools.product(*choices):
                node = tree
                for word in " ".join(chosen).split():
                    node = node.setdefault(word, {})
                if node is not tree:
                    ends = node.setdefault(None, [])
                    if rule not in ends:
                        ends.append(rule)
    return rules, tree
