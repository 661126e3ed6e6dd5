"""What is each comment about, by the terms of a theme book?

A theme book is a TOML file that a person edits: themes with the terms that speak of them. Terms
match words by a light stem ("delivery" also finds "deliveries" and "delivered"), by how they begin
("refund*"), or as several words in a row ("on hold").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from cxkit.errors import BadThemes, listed

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[.!?…]+(?=\s|$)|[\n\r]+")
_LONGEST_STEMMED = 40  # characters: longer runs are no words
_MOST_WORDS = 8  # in one term
_FIELDS = ("name", "include", "exclude", "parent")


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme: the terms that speak of it, and those beside which they do not count."""

    name: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    parent: str = ""


@dataclass(frozen=True, slots=True)
class ThemeBook:
    """Themes, as a person named them; `to_toml` writes what `read_theme_book` reads."""

    themes: tuple[Theme, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the themes, in the order of the book."""
        return tuple(theme.name for theme in self.themes)

    def to_toml(self) -> str:
        """Write the book as TOML, one table per theme.

        >>> print(ThemeBook((Theme("delivery", ("deliver*", "too late")),)).to_toml())
        [[themes]]
        name = "delivery"
        include = ["deliver*", "too late"]
        exclude = []
        parent = ""
        <BLANKLINE>
        """
        return "\n".join(
            f"[[themes]]\nname = {_quoted(theme.name)}\ninclude = {_quoted(theme.include)}\n"
            f"exclude = {_quoted(theme.exclude)}\nparent = {_quoted(theme.parent)}\n"
            for theme in self.themes
        )


def read_theme_book(path: str | Path) -> ThemeBook:
    """Read a theme book from a TOML file; BadThemes names the file, the line and the field."""
    path = Path(path)
    try:
        return theme_book(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as problem:
        raise BadThemes(
            f"The theme book '{path.name}' cannot be read: {problem}. Save it as UTF-8 text."
        ) from None


def theme_book(text: str, where: str = "the theme book") -> ThemeBook:
    """Read a theme book from TOML text; `where` names it in errors.

    Each theme is a table [[themes]] with `name`, `include` (a list of terms), and, where needed,
    `exclude` (terms) and `parent` (the name of another theme).

    >>> theme_book('[[themes]]\\nname = "price"\\ninclude = ["expensive", "cheap*"]').names
    ('price',)

    Raises:
        BadThemes: where the text is no TOML, or a field is unknown, missing or of the wrong kind.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadThemes(f"{where} is not valid TOML: {problem}. Mend that line.") from None
    tables = told.pop("themes", None)
    if told:
        raise BadThemes(f"{where} has '{min(told)}'. It holds tables that start with [[themes]].")
    if not isinstance(tables, list) or not tables:
        raise BadThemes(f"{where} holds no theme. Each theme starts with a line [[themes]].")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "[[themes]]"]
    places = lines if len(lines) == len(tables) else [0] * len(tables)
    themes = tuple(
        _theme(table, f"{where}, line {line}" if line else f"{where}, theme {number}")
        for number, (table, line) in enumerate(zip(tables, places, strict=True), 1)
    )
    _check_names(themes, where)
    return ThemeBook(themes)


def _theme(table: Any, place: str) -> Theme:
    """Check one theme of a book."""
    if not isinstance(table, Mapping):
        raise BadThemes(f"{place}: a theme is a table of names and values, not {table!r}.")
    unknown = sorted(set(table) - set(_FIELDS))
    if unknown:
        raise BadThemes(f"{place}: a theme has no field '{unknown[0]}'. It has: {listed(_FIELDS)}.")
    for name in ("name", "parent"):
        if not isinstance(table.get(name, ""), str):
            raise BadThemes(f"{place}: {name} is {table[name]!r}; write a text in quotes.")
    name = table.get("name", "").strip()
    if not name:
        raise BadThemes(f'{place}: name is missing or empty. Write name = "delivery".')
    terms = {field: _terms(table.get(field, []), f"{place}: {field}") for field in _FIELDS[1:3]}
    if not terms["include"]:
        raise BadThemes(
            f"{place}: include is missing or empty, so nothing speaks of '{name}'. "
            'Write include = ["late", "deliver*"].'
        )
    return Theme(name, terms["include"], terms["exclude"], table.get("parent", "").strip())


def _terms(told: Any, place: str) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(term, str) for term in told):
        raise BadThemes(f'{place} is {told!r}; write a list of texts, as in ["late", "deliver*"].')
    for term in told:
        words = _pieces(term)
        if not words or len(words) > _MOST_WORDS:
            raise BadThemes(f"{place} has '{term}'; a term has 1 to {_MOST_WORDS} words.")
        bare = [word for word in words if len(word.rstrip("*")) < 2]
        if "*" in term and bare:
            raise BadThemes(f"{place} has '{term}'; at least two letters stand before a *.")
    return tuple(dict.fromkeys(told))


def _check_names(themes: tuple[Theme, ...], where: str) -> None:
    names = [theme.name for theme in themes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadThemes(f"{where} has two themes called '{twice[0]}'. Give each its own name.")
    parents = {theme.name: theme.parent for theme in themes}
    for theme in themes:
        if theme.parent and theme.parent not in parents:
            raise BadThemes(
                f"{where}: the parent of '{theme.name}' is '{theme.parent}', which is no theme. "
                f"The themes are: {listed(names)}."
            )
        seen, at = {theme.name}, theme.parent
        while at:
            if at in seen:
                raise BadThemes(
                    f"{where}: '{theme.name}' is its own parent, by way of '{at}'. "
                    "Leave one parent empty."
                )
            seen.add(at)
            at = parents[at]


def _quoted(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


class Word(NamedTuple):
    """One word of a comment, in small letters, where it stands, and in which sentence."""

    word: str
    start: int
    end: int
    sentence: int


def words_of(text: str) -> list[Word]:
    """List the words of a comment.

    >>> [(word.word, word.sentence) for word in words_of("Never again. I'm DONE")]
    [('never', 0), ('again', 0), ("i'm", 1), ('done', 1)]
    """
    words, sentence = [], 0
    for found in _WORD.finditer(text):
        if not found[0][0].isalnum():
            sentence += 1
            continue
        words.append(Word(found[0].lower().replace("’", "'"), *found.span(), sentence))
    return words


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Cut the endings that word forms differ by; crude, the same for every language.

    >>> [stem(word) for word in ("delivery", "deliveries", "delivered", "booking", "booked")]
    ['deliver', 'deliver', 'deliver', 'book', 'book']
    >>> [stem(word) for word in ("prices", "pricing", "produto", "produtos", "gas", "press")]
    ['pric', 'pric', 'produt', 'produt', 'gas', 'press']
    """
    word = word.partition("'")[0] or word
    if len(word) > _LONGEST_STEMMED:
        return word
    for ending, instead in (("ies", "y"), ("ing", ""), ("ed", ""), ("s", "")):
        kept = len(word) - len(ending)
        if word.endswith(ending) and kept >= 3 and not word.endswith(("ss", "eed")):
            word = word[:kept] + instead
            if ending in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 4 and word[-1] in "aeo":
        word = word[:-1]
    if len(word) > 6 and word[-1] == "y":
        word = word[:-1]
    return word


def _pieces(term: str) -> tuple[str, ...]:
    """Cut a term into words as comments are cut; a word that ends in * stands for its beginning.

    >>> _pieces("On hold"), _pieces("Refund*")
    (('on', 'hold'), ('refund*',))
    """
    pieces: list[str] = []
    for chunk in term.split():
        words = [word.word for word in words_of(chunk)]
        if words and chunk.endswith("*"):
            words[-1] += "*"
        pieces += words
    return tuple(pieces)


class _Matcher:
    """All terms of a book in one tree, so that a comment is read once, however many there are."""

    def __init__(self, book: ThemeBook) -> None:
        self.tree: dict[Any, Any] = {}
        self.lengths: list[int] = []
        beginnings = set()
        for place, theme in enumerate(book.themes):
            for counts, terms in ((True, theme.include), (False, theme.exclude)):
                for term in terms:
                    node = self.tree
                    for piece in _pieces(term):
                        if piece.endswith("*"):
                            beginnings.add(len(piece) - 1)
                        node = node.setdefault(piece if piece[-1] == "*" else stem(piece), {})
                    node.setdefault(None, []).append((place, counts, term))
        self.lengths = sorted(beginnings)
        self.known: dict[str, tuple[str, ...]] = {}
        self.pieces = {piece for node in _nodes(self.tree) for piece in node if piece}

    def keys(self, word: str) -> tuple[str, ...]:
        """Say which pieces of terms a word is."""
        found = self.known.get(word)
        if found is None:
            started = (word[:length] + "*" for length in self.lengths if length <= len(word))
            keys = (stem(word), *started)
            found = tuple(key for key in keys if key in self.pieces)
            if len(word) <= _LONGEST_STEMMED:
                self.known[word] = found
        return found

    def matches(self, words: list[Word]) -> Iterator[tuple[int, bool, str, int, int]]:
        """Yield theme, whether it counts, term, and the first and last word, of each match."""
        keys = [self.keys(word.word) for word in words]
        for first in range(len(words)):
            if not keys[first]:
                continue
            nodes, at = [self.tree], first
            while nodes and at < len(words):
                nodes = [node[key] for node in nodes for key in keys[at] if key in node]
                for node in nodes:
                    for place, counts, term in node.get(None, ()):
                        yield place, counts, term, first, at
                at += 1


def _nodes(tree: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    yield tree
    for piece, node in tree.items():
        if piece is not None:
            yield from _nodes(node)


def tag_comments(texts: pl.Series | Sequence[str | None], book: ThemeBook) -> pl.DataFrame:
    """Learn which themes each comment speaks of, and in which words.

    One row per mention, in the order of the texts and then of the words: `row` (of the text, from
    0), `theme`, `term` (of the book), `start` and `end` (characters of the text), `found` (the
    words themselves). A comment with no theme has one row with nulls, so that it can be counted as
    untagged. A comment may have several themes. Where mentions of one theme overlap, the longest
    stands. A mention does not count where an excluded term of its theme is in the same sentence.
    Each distinct text is read once; the work grows with its length and not faster.

    >>> book = theme_book('[[themes]]\\nname = "delivery"\\ninclude = ["late", "deliver*"]')
    >>> tag_comments(["Delivered two days late", "Lovely", None], book).rows()
    [(0, 'delivery', 'deliver*', 0, 9, 'Delivered'), (0, 'delivery', 'late', 19, 23, 'late'),
     (1, None, None, None, None, None), (2, None, None, None, None, None)]
    """
    matcher = _Matcher(book)
    column = pl.Series("text", texts, dtype=pl.String)
    known: dict[str | None, list[tuple[Any, ...]]] = {None: []}
    rows: list[tuple[Any, ...]] = []
    for row, text in enumerate(column):
        if text not in known:
            known[text] = list(_mentions(text, matcher, book))
        found = known[text] or [(None,) * 5]
        rows += [(row, *mention) for mention in found]
    schema = {
        "row": pl.Int64,
        "theme": pl.String,
        "term": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "found": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _mentions(text: str, matcher: _Matcher, book: ThemeBook) -> Iterator[tuple[Any, ...]]:
    words = words_of(text)
    matches = list(matcher.matches(words))
    barred = {
        (place, words[at].sentence)
        for place, counts, _, first, last in matches
        if not counts
        for at in (first, last)
    }
    covered: dict[int, int] = {}  # the last word that the theme's mentions have taken
    # the longest first among those that begin at one word
    for place, counts, term, first, last in sorted(matches, key=lambda m: (m[3], -m[4], m[0])):
        if not counts or first <= covered.get(place, -1):
            continue
        if (place, words[first].sentence) in barred:
            continue
        covered[place] = last
        start, end = words[first].start, words[last].end
        yield book.themes[place].name, term, start, end, text[start:end]
