"""What do comments speak of, when nobody has said yet what to look for?

Words that say nothing of the matter are left out (small words, and words that only praise or
blame), word forms are put together, and comments with like words are put into groups: KMeans on
the singular vectors of their TF-IDF weights. The groups are proposals: a person names them.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from cxkit.text.kept import mark, once
from cxkit.text.language import detect_languages
from cxkit.text.masking import mask
from cxkit.text.names import LEFT_OUT, unnamed
from cxkit.text.themes import Theme, ThemeBook, Word, stem, words_of

MOST_THEMES = 24
PER_THEME = 40  # comments: fewer tell no theme from chance
LEAST = 20  # different comments: below it nothing is proposed
LEAST_HELD = 0.4  # what of a theme has to come back without a fifth of the comments
READ_AT_MOST = 4_000  # characters of a comment that are learned from
LEARN_FROM = 12_000  # different comments; the others are put into the groups found
SUBSAMPLES = 5
_KEPT = 0.8  # share of the comments in each subsample
_DIRECTIONS = 30
_STARTS, _STARTS_AGAIN = 10, 5
_TERMS = 8
_CANDIDATES = 40
_BY_CHANCE = 1.5  # a term tells of a group that has so many times more of it than by chance
_READ_FOR_PHRASES = 300  # comments of a group
_APART = 2  # words: "prazo de entrega" is a phrase
_MOSTLY = 0.5
_SEEN = 3
_LONGEST_PHRASE = 38  # characters: two of them make a name
_QUOTES = 3
_QUOTE = 240  # characters
_A_LANGUAGE = 0.05  # share of the comments from which its common words are left out
_EVERYWHERE = 0.5  # share of the comments: a word in more of them parts none
_SHORT = 3  # letters: of a language without a list, so short a word in many comments is small
_MANY = 0.05

_LEFT_OUT = re.compile(LEFT_OUT)


@dataclass(frozen=True, slots=True)
class ThemeProposals:
    """Themes that the words alone propose, and how far they hold.

    Attributes:
        table: one row per theme, largest first: theme (its proposed name), comments, terms (a list,
            the most telling first), quotes (a list, masked, the nearest first), stability (how much
            of the theme comes back when a fifth of the comments is left out: the mean, over
            subsamples, of the largest Jaccard similarity with any theme found there).
        themes: the theme of each text, in the order given; null where no word tells of any.
        stability: the adjusted Rand index of the themes with those of 80 % subsamples, a mean;
            not-a-number where nothing is proposed.
    """

    table: pl.DataFrame
    themes: pl.Series
    stability: float

    @property
    def untagged(self) -> int:
        """How many texts are of no theme."""
        return self.themes.null_count()

    def to_book(self) -> ThemeBook:
        """Make a theme book of the proposals, for a person to edit: names, and terms as rules."""
        rows = self.table.select("theme", "terms").iter_rows()
        return ThemeBook(tuple(Theme(name, tuple(terms)) for name, terms in rows))


_SCHEMA: dict[str, Any] = {
    "theme": pl.String,
    "comments": pl.Int64,
    "terms": pl.List(pl.String),
    "quotes": pl.List(pl.String),
    "stability": pl.Float64,
}


def discover_themes(
    texts: pl.Series | Sequence[str | None],
    *,
    languages: Iterable[str] | None = None,
    brands: Iterable[str] = (),
) -> ThemeProposals:
    """Propose what comments speak of, by their words alone, in any language.

    Groups that the same term tells of are one theme; a theme of which less than .4 comes back when
    a fifth of the comments is left out is not proposed, and its comments have none. The same
    comments give the same proposals, in whatever order they come. Fewer than 20 different comments,
    or comments without words in common, give none. What may tell a person is not learned from and
    is masked in the quotes; `brands` are not learned from either (see `unnamed`). `languages` are
    those that the comments may be in (see `detect_languages`): their common words are left out.

    >>> discover_themes(["Too late", "Too dear"]).table.height
    0
    """
    column = pl.Series("text", texts, dtype=pl.String)
    among = tuple(sorted(set(languages or ())))
    named = tuple(brands)
    made_of = mark(column, among, named)
    found = once(("themes", made_of), lambda: _discovered(column, among, named))
    return replace(found, table=found.table.clone(), themes=found.themes.clone())


def _discovered(
    column: pl.Series, languages: tuple[str, ...], brands: tuple[str, ...]
) -> ThemeProposals:
    distinct = sorted({text for text in column if text is not None})
    ignored = ignored_words(distinct, languages)
    plain = unnamed(distinct, brands)
    spoken = [content_words(text, ignored) for text in plain]
    learning = chosen(distinct)
    every, known_terms = terms_held(spoken)
    known = np.zeros(every.shape[1])
    known[_telling_terms(every[learning])] = 1
    speaks = every @ known > 0
    held = learning[speaks[learning]]
    groups = min(MOST_THEMES, max(2, len(held) // PER_THEME))
    # what tells among all comments may be everywhere among those that hold it
    if len(held) < LEAST or known.sum() <= groups or not len(_telling_terms(every[held])):
        nothing = pl.Series("theme", [None] * len(column), dtype=pl.String)
        return ThemeProposals(pl.DataFrame(schema=_SCHEMA), nothing, math.nan)
    # small matrices: threads that wait for each other cost more than they save
    with threadpool_limits(1):
        kind, placed = _grouped(every[held], groups, _STARTS)
        labels = kind.labels
        shares, index = _held(every[held], labels, groups)
    everyone = np.full(len(distinct), -1)
    everyone[held] = labels
    if rest := sorted(set(np.flatnonzero(speaks).tolist()) - set(held.tolist())):
        nearest = np.argmax(kind.place(every[rest]) @ kind.centres.T, axis=1)
        everyone[rest] = kind.theme_of[nearest]
    wordings = _Wordings(plain, spoken, ignored)
    ranked = _telling(every[held], labels)
    proposed = []
    counts = Counter(column.drop_nulls())
    for group in np.flatnonzero(shares >= LEAST_HELD).tolist():
        ours = np.flatnonzero(labels == group)
        near = placed[ours] @ normalize(placed[ours].mean(axis=0, keepdims=True))[0]
        close = held[ours[np.argsort(-near.round(9), kind="stable")]]
        terms = wordings.of([known_terms[at] for at in ranked[group]], close)
        size = sum(counts[distinct[at]] for at in np.flatnonzero(everyone == group))
        quotes = [_quote(distinct[at]) for at in close[:_QUOTES]]
        proposed.append((size, terms, quotes, float(shares[group]), group))
    proposed = sorted((p for p in proposed if p[1]), key=lambda p: (-p[0], p[1]))
    titles: dict[int, str] = {}
    for _, terms, _, _, group in proposed:
        titles[group] = _title(terms, set(titles.values()))
    table = pl.DataFrame(
        [(titles[group], *rest) for *rest, group in proposed], schema=_SCHEMA, orient="row"
    )
    by_text = {text: titles.get(int(g)) for text, g in zip(distinct, everyone, strict=True)}
    themes = pl.Series("theme", [by_text.get(text) for text in column], dtype=pl.String)
    return ThemeProposals(table, themes, index)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Groups of comments, and how any comment is put into them."""

    kept: np.ndarray  # the terms that count
    idf: np.ndarray
    directions: np.ndarray  # terms x directions, the strong ones longer
    centres: np.ndarray
    theme_of: np.ndarray  # the theme of each centre: groups told by the same term are one
    labels: np.ndarray  # the themes of the comments learned from

    def place(self, held: sparse.csr_matrix) -> np.ndarray:
        """Put comments, by the terms that they hold, among the directions; all as long."""
        weighed = held[:, self.kept].multiply(self.idf).tocsr() @ self.directions
        return np.asarray(normalize(weighed))


def terms_held(documents: list[list[tuple[str, str]]]) -> tuple[sparse.csr_matrix, list[str]]:
    """Make a matrix of which comment holds which word or pair of words; and name these."""
    terms: dict[str, int] = {}
    places: list[int] = []
    ends = [0]
    for document in documents:
        stems = [pair[0] for pair in document]
        pairs = [f"{one} {two}" for one, two in itertools.pairwise(stems)]
        places += sorted({terms.setdefault(term, len(terms)) for term in stems + pairs})
        ends.append(len(places))
    shape = (len(documents), len(terms))
    held = sparse.csr_matrix((np.ones(len(places)), np.array(places, int), np.array(ends)), shape)
    return held, list(terms)


def _telling_terms(held: sparse.csr_matrix) -> np.ndarray:
    """Say which terms are neither too rare nor everywhere."""
    often = np.asarray(held.sum(axis=0)).ravel()
    rare = 2 if held.shape[0] < 300 else 3
    return np.flatnonzero((often >= rare) & (often <= max(_EVERYWHERE * held.shape[0], rare)))


def _grouped(held: sparse.csr_matrix, groups: int, starts: int) -> tuple[_Kind, np.ndarray]:
    kept = _telling_terms(held)
    matrix = held[:, kept]
    often = np.asarray(matrix.sum(axis=0)).ravel()
    idf = np.log((1 + held.shape[0]) / (1 + often)) + 1
    matrix = normalize(matrix.multiply(idf).tocsr())
    most = max(1, min(_DIRECTIONS, *(side - 1 for side in matrix.shape)))
    _, sizes, directions = randomized_svd(matrix, most, random_state=0)
    # strong directions weigh more: what many comments share is what comes back in a subsample
    weighed = directions.T * sizes**2
    placed = normalize(matrix @ weighed)
    found = KMeans(groups, n_init=starts, random_state=0).fit(placed)
    theme_of = _told_apart(held[:, kept], found.labels_, groups)
    kind = _Kind(
        kept, idf, weighed, normalize(found.cluster_centers_), theme_of, theme_of[found.labels_]
    )
    return kind, placed


def _told_apart(held: sparse.csr_matrix, labels: np.ndarray, groups: int) -> np.ndarray:
    """Put groups together whose most telling term is the same; returns the theme of each group."""
    theme_of = np.arange(groups)
    while True:
        worth = _worth(held, theme_of[labels], theme_of.max() + 1)
        none = worth.max(axis=1) == 0
        told = np.where(none, -1 - np.arange(len(worth)), worth.argmax(axis=1))
        _, merged = np.unique(told, return_inverse=True)
        if merged.max() + 1 == len(worth):
            return theme_of
        theme_of = merged[theme_of]


def _worth(held: sparse.csr_matrix, labels: np.ndarray, groups: int) -> np.ndarray:
    """Say how well each term tells each group from the others; 0 where no better than chance.

    The measure is F1: the share of the group that holds the term, and the share of those who hold
    it that the group has.
    """
    places = (labels, np.arange(len(labels)))
    member = sparse.csr_matrix((np.ones(len(labels)), places), (groups, len(labels)))
    here = np.asarray((member @ held).todense())
    often, sizes = here.sum(axis=0), np.bincount(labels, minlength=groups)[:, None]
    worth = 2 * here / np.maximum(often + sizes, 1)
    worth[(here < 2) | (here * len(labels) <= _BY_CHANCE * often * sizes)] = 0
    return np.asarray(worth.round(9))


def _held(held: sparse.csr_matrix, labels: np.ndarray, groups: int) -> tuple[np.ndarray, float]:
    """Return how much of each group comes back in subsamples, and the mean Rand index."""
    draw = np.random.default_rng(0)
    shares, indexes = np.zeros(labels.max() + 1), []
    for _ in range(SUBSAMPLES):
        part = np.sort(draw.permutation(len(labels))[: int(_KEPT * len(labels))])
        if not len(_telling_terms(held[part])):  # nothing comes back
            indexes.append(0.0)
            continue
        again = _grouped(held[part], groups, _STARTS_AGAIN)[0].labels
        before = labels[part]
        indexes.append(adjusted_rand_score(before, again))
        both = np.zeros((labels.max() + 1, again.max() + 1))
        np.add.at(both, (before, again), 1)
        either = both.sum(1)[:, None] + both.sum(0)[None, :] - both
        shares += (both / np.maximum(either, 1)).max(axis=1)
    return shares / SUBSAMPLES, float(np.mean(indexes))


def chosen(texts: list[str], most: int = LEARN_FROM) -> np.ndarray:
    """Say which texts are learned from: all, or those of the smallest hash, in their order."""
    if len(texts) <= most:
        return np.arange(len(texts))
    marks = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.array(sorted(sorted(range(len(texts)), key=marks.__getitem__)[:most]))


def stems_of(
    texts: Sequence[str], *, languages: Iterable[str] | None = None, brands: Iterable[str] = ()
) -> tuple[list[frozenset[str]], dict[str, str]]:
    """List the stems of what each text speaks of, and how each stem is written most often.

    Words that say nothing of the matter are left out, as in `discover_themes`; so are numbers,
    tags, `brands`, and what may tell a person.

    >>> stems_of(["The parcel was late, so late", "Parcels in the rain"])[1]
    {'parcel': 'parcel', 'late': 'late', 'rain': 'rain'}
    """
    ignored = ignored_words(sorted(set(texts)), languages)
    distinct = list(dict.fromkeys(texts))
    plain = unnamed(distinct, brands)
    known = {text: content_words(told, ignored) for text, told in zip(distinct, plain, strict=True)}
    documents = [known[text] for text in texts]
    return [frozenset(one for one, _ in words) for words in documents], _spelled(documents)


def without_marks(text: str) -> str:
    """Leave out addresses, handles and tags, and what says that something was masked.

    >>> without_marks("@shop the parcel, see www.x.test or ann@x.test, is #late")
    'the parcel, see or is'
    >>> without_marks("Mail [e-mail] or [phone]!")
    'Mail ~ or ~!'
    """
    if "[" in text:
        text = _LEFT_OUT.sub("~", text)  # no word, so that those beside it are no phrase
    if "@" in text or "://" in text or "#" in text or "www." in text or "&" in text:
        marks = ("@", "#", "http:", "https:", "www.")
        chunks = [chunk for chunk in text.split() if not chunk.lower().startswith(marks)]
        text = " ".join(chunk for chunk in chunks if "@" not in chunk)
    return text


def content_words(text: str, ignored: frozenset[str]) -> list[tuple[str, str]]:
    """List stem and word of what a comment speaks of; no numbers, addresses, handles or tags."""
    text = without_marks(text[:READ_AT_MOST])
    found = []
    for word, *_ in words_of(text):
        bare = word.partition("'")[0]
        if len(bare) > 1 and bare.isalpha() and bare not in ignored and len(bare) <= 40:
            found.append((stem(bare), bare))
    return found


def ignored_words(texts: list[str], languages: Iterable[str] | None) -> frozenset[str]:
    """Gather the words that say nothing: those of the languages written in, and by the data."""
    some = [texts[at][:300] for at in _spread(len(texts), 2_000)]
    found = Counter(detect_languages(some, languages)["language"].drop_nulls())
    used = [name for name, count in found.items() if count >= _A_LANGUAGE * found.total()]
    ignored = set().union(*(_common_words().get(name, frozenset()) for name in used))
    if set(used) <= set(_common_words()):
        return frozenset(ignored)
    held = Counter(word for text in some for word in {found.word for found in words_of(text)})
    many = max(_MANY * len(some), 3)
    return frozenset(ignored | {w for w, n in held.items() if len(w) <= _SHORT and n >= many})


def _spread(n: int, most: int) -> range:
    return range(0, n, max(1, n // most))


@cache
def _common_words() -> dict[str, frozenset[str]]:
    folder = resources.files(__package__)
    told = tomllib.loads(folder.joinpath("common_words.toml").read_text("utf-8"))
    lists = {
        language: frozenset(f"{group['small']} {group['feeling']}".split())
        for language, group in told.items()
    }
    lexicon = resources.files("vaderSentiment").joinpath("vader_lexicon.txt").read_text("utf-8")
    felt = {line.partition("\t")[0] for line in lexicon.splitlines()}
    lists["en"] |= felt - set(told["en"]["matters"].split())
    return lists


def _telling(held: sparse.csr_matrix, labels: np.ndarray) -> list[np.ndarray]:
    """List the terms that part each group best from the other comments, the best first.

    A term tells of one group alone, so that no two are called the same.
    """
    worth = _worth(held, labels, labels.max() + 1)
    worth[worth.argmax(axis=0) != np.arange(len(worth))[:, None]] = 0
    best = np.argsort(-worth, axis=1, kind="stable")[:, :_CANDIDATES]
    return [terms[worth[group, terms] > 0] for group, terms in enumerate(best)]


def _spelled(documents: list[list[tuple[str, str]]]) -> dict[str, str]:
    """Say how each stem is written most often."""
    forms: dict[str, Counter[str]] = {}
    for document in documents:
        for one, word in document:
            forms.setdefault(one, Counter())[word] += 1
    return {one: _commonest(written) for one, written in forms.items()}


class _Wordings:
    """How people write the terms that comments are put together by."""

    def __init__(
        self, texts: list[str], documents: list[list[tuple[str, str]]], ignored: frozenset[str]
    ) -> None:
        self.texts, self.ignored = texts, ignored
        self.words = _spelled(documents)

    def of(self, terms: list[str], members: np.ndarray) -> list[str]:
        """Write terms as people do: two words as a phrase, where they are mostly said so.

        `members` are the comments of the group, the nearest first.
        """
        phrases = self._phrases(
            {term for term in terms if " " in term}, members[:_READ_FOR_PHRASES]
        )
        found: list[str] = []
        used: set[str] = set()
        for term in terms:
            phrase = next((pair for pair in phrases if term in (pair, *pair.split())), term)
            parts = set(phrase.split())
            if parts & used or (" " in phrase and phrase not in phrases):
                continue
            used |= parts
            found.append(phrases.get(phrase) or self.words[phrase])
        return found[:_TERMS]

    def _phrases(self, pairs: set[str], members: np.ndarray) -> dict[str, str]:
        """Say how pairs of words are written, where most uses of either word are such a pair."""
        written: dict[str, Counter[str]] = {pair: Counter() for pair in pairs}
        uses: Counter[str] = Counter()
        for at in members:
            text = without_marks(self.texts[at][:READ_AT_MOST])
            words = words_of(text)
            spoken = [
                (place, stem(bare))
                for place, word in enumerate(words)
                if (bare := word.word.partition("'")[0]) not in self.ignored
            ]
            uses.update({one for _, one in spoken})
            said = {
                f"{one} {two}": phrase
                for (first, one), (last, two) in itertools.pairwise(spoken)
                if last - first <= _APART and (phrase := _phrase(text, words[first : last + 1]))
            }
            for pair in said.keys() & pairs:
                written[pair][said[pair]] += 1
        mostly = []
        for pair, forms in written.items():
            often = forms.total()
            phrase = _commonest(forms) if forms else ""
            whole = often >= max(_MOSTLY * max(uses[one] for one in pair.split()), _SEEN)
            if whole and forms[phrase] >= _MOSTLY * often:
                mostly.append((-often, pair, phrase))
        return {pair: phrase for _, pair, phrase in sorted(mostly)}


def _phrase(text: str, words: list[Word]) -> str:
    """Return words that stand side by side as one phrase; nothing where a sign is between them.

    >>> _phrase("Not late, dear", words_of("Not late, dear")[:2])
    'not late'
    >>> _phrase("Not late, dear", words_of("Not late, dear")[1:])
    ''
    """
    joined = all(text[one.end : two.start].isspace() for one, two in itertools.pairwise(words))
    phrase = " ".join(word.word for word in words)
    return phrase if joined and len(phrase) <= _LONGEST_PHRASE else ""


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))


def _title(terms: list[str], taken: set[str]) -> str:
    """Name a theme by its two first terms; more where another has that name.

    >>> _title(["bag", "lost", "claim"], {"bag, lost"})
    'bag, lost, claim'
    """
    for many in range(min(2, len(terms)), len(terms) + 1):
        if (title := ", ".join(terms[:many])) not in taken:
            return title
    return next(t for n in range(2, 99) if (t := f"{', '.join(terms)} ({n})") not in taken)


def _quote(text: str) -> str:
    """Mask a comment and keep its beginning."""
    shown = mask(text[: 4 * _QUOTE])
    return shown if len(shown) <= _QUOTE else shown[: _QUOTE - 1] + "…"
