"""What is each comment about, by the terms of a theme book?

A theme book is a TOML file that a person edits: themes with the terms that speak of them. Terms
match words by a light stem ("delivery" also finds "deliveries" and "delivered"; "can" does not find
"can't", nor the other way round), by how they begin ("refund*"), or as several words in a row ("on
hold").
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from cxkit.errors import BadThemes, listed
from cxkit.text.kept import mark, once

_RUN = r"[^\W_]+(?:[\u0300-\u036f][^\W_]*)*"  # letters and digits; accents may stand apart
_WORD = re.compile(rf"{_RUN}(?:['’]{_RUN})*|[.!?…]+(?=\s|$)|[\n\r]+")
_HEADER = re.compile(r"\s*\[\[\s*themes\s*\]\]\s*(?:#.*)?")
_NO_WORDS = re.compile(r"[|()\[\]{}^\\]|\*(?!\s|$)|(?<!\S)\*")  # as of a pattern; a * inside a word
_LONGEST_NAME = 80  # characters
_TAKEN = ("no theme", "other")  # what answers call comments without a theme, and small themes
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
        return theme_book(path.read_text(encoding="utf-8-sig"), path.name)
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
    except RecursionError:
        raise BadThemes(
            f"{where} has lists in lists, too deep to read. A list holds texts alone."
        ) from None
    tables = told.pop("themes", None)
    if told:
        raise BadThemes(f"{where} has '{min(told)}'. It holds tables that start with [[themes]].")
    if not isinstance(tables, list) or not tables:
        raise BadThemes(f"{where} holds no theme. Each theme starts with a line [[themes]].")
    places = _places(text, len(tables), where)
    themes = tuple(map(_theme, tables, places))
    _check_names(themes, places)
    return ThemeBook(themes)


class _Place:
    """Where a theme stands in a book: for the file and line in errors."""

    def __init__(self, where: str, number: int, lines: Mapping[str, int]) -> None:
        """Remember the lines of the theme's header ("") and fields; none where not known."""
        self.where, self.number, self.lines = where, number, lines

    def of(self, field: str = "") -> str:
        line = self.lines.get(field) or self.lines.get("")
        return f"{self.where}, line {line}" if line else f"{self.where}, theme {self.number}"


def _places(text: str, themes: int, where: str) -> list[_Place]:
    """Find the lines of each theme and its fields; none where a text may hold what looks so."""
    found: list[dict[str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.fullmatch(line):
            found.append({"": number})
        elif found:
            found[-1].setdefault(line.partition("=")[0].strip(), number)
    if len(found) != themes:
        found = [{} for _ in range(themes)]
    return [_Place(where, number, lines) for number, lines in enumerate(found, 1)]


def _theme(table: Any, place: _Place) -> Theme:
    """Check one theme of a book."""
    if not isinstance(table, Mapping):
        raise BadThemes(f"{place.of()}: a theme is a table of names and values, not {table!r}.")
    unknown = sorted(set(table) - set(_FIELDS))
    if unknown:
        raise BadThemes(
            f"{place.of(unknown[0])}: a theme has no field '{unknown[0]}'. It has: "
            f"{listed(_FIELDS)}."
        )
    for field in ("name", "parent"):
        if not isinstance(table.get(field, ""), str):
            raise BadThemes(
                f"{place.of(field)}: {field} is {table[field]!r}; write a text in quotes."
            )
    name, at = table.get("name", "").strip(), place.of("name")
    if not name:
        raise BadThemes(f'{at}: name is missing or empty. Write name = "delivery".')
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadThemes(
            f"{at}: name is {name[:_LONGEST_NAME]!r}; a name has one line of at most "
            f"{_LONGEST_NAME} signs that can be seen."
        )
    if _alike(name) in _TAKEN:
        raise BadThemes(
            f"{at}: name is '{name}', which answers use for themselves. Choose another."
        )
    terms = {field: _terms(table.get(field, []), field, place) for field in _FIELDS[1:3]}
    if not terms["include"]:
        raise BadThemes(
            f"{place.of('include')}: include is missing or empty, so nothing speaks of '{name}'. "
            'Write include = ["late", "deliver*"].'
        )
    included = {_pieces(term): term for term in terms["include"]}
    for term in terms["exclude"]:
        if _pieces(term) in included:
            raise BadThemes(
                f"{place.of('exclude')}: '{term}' is included and excluded, so it never counts. "
                "Leave one of them out."
            )
    return Theme(name, terms["include"], terms["exclude"], table.get("parent", "").strip())


def _terms(told: Any, field: str, place: _Place) -> tuple[str, ...]:
    at = f"{place.of(field)}: {field}"
    if not isinstance(told, list) or not all(isinstance(term, str) for term in told):
        raise BadThemes(f'{at} is {told!r}; write a list of texts, as in ["late", "deliver*"].')
    for term in told:
        if sign := _NO_WORDS.search(term):
            raise BadThemes(
                f"{at} has '{term}' with '{sign[0]}'; a term is words as people write them, and a "
                "* may end a word, as in 'deliver*'."
            )
        words = _pieces(term)
        if not words or len(words) > _MOST_WORDS:
            raise BadThemes(f"{at} has '{term}'; a term has 1 to {_MOST_WORDS} words.")
        if any(word.endswith("*") and len(word) < 3 for word in words):
            raise BadThemes(f"{at} has '{term}'; at least two letters stand before a *.")
        if any(len(word) > _LONGEST_STEMMED for word in words):
            raise BadThemes(
                f"{at} has '{term[:_LONGEST_NAME]}'; a word has at most {_LONGEST_STEMMED} letters."
            )
    return tuple(dict.fromkeys(told))


def _alike(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_names(themes: tuple[Theme, ...], places: Sequence[_Place]) -> None:
    names: dict[str, str] = {}
    for theme, place in zip(themes, places, strict=True):
        first = names.setdefault(_alike(theme.name), theme.name)
        if first != theme.name or list(names).index(_alike(theme.name)) != place.number - 1:
            other = "" if first == theme.name else f" and '{theme.name}'"
            raise BadThemes(
                f"{place.of('name')}: two themes are called '{first}'{other}. Give each its own "
                "name."
            )
    parents = {theme.name: theme.parent for theme in themes}
    for theme, place in zip(themes, places, strict=True):
        if theme.parent and theme.parent not in parents:
            raise BadThemes(
                f"{place.of('parent')}: the parent of '{theme.name}' is '{theme.parent}', which is "
                f"no theme. The themes are: {listed(parents)}."
            )
    for theme, place in zip(themes, places, strict=True):
        above, at = [theme.name], theme.parent
        while at and at not in above:
            above.append(at)
            at = parents[at]
        if at == theme.name:
            way = f", by way of '{above[-1]}'" if len(above) > 1 else ""
            raise BadThemes(
                f"{place.of('parent')}: '{at}' is its own parent{way}. Leave one parent empty."
            )


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
        word = found[0].lower().replace("’", "'")
        if not word.isascii():
            word = unicodedata.normalize("NFC", word)
        words.append(Word(word, *found.span(), sentence))
    return words


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Cut the endings that word forms differ by; crude, the same for every language.

    >>> [stem(word) for word in ("delivery", "deliveries", "delivered", "booking", "booked")]
    ['deliver', 'deliver', 'deliver', 'book', 'book']
    >>> [stem(word) for word in ("prices", "pricing", "produto", "produtos", "gas", "press")]
    ['pric', 'pric', 'produt', 'produt', 'gas', 'press']
    >>> stem("shop's"), stem("can't")  # what denies is another word
    ('shop', "can't")
    """
    if word.endswith("n't"):
        return word
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
    column = pl.Series("text", texts, dtype=pl.String)
    return once(("tags", mark(column, book)), lambda: _all_tagged(column, book)).clone()


def _all_tagged(column: pl.Series, book: ThemeBook) -> pl.DataFrame:
    matcher = _Matcher(book)
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
