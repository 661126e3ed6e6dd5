"""What comments speak of, by the theme book and the labels that are kept in the store.

A theme book says by its terms what speaks of a theme; labels say what a person found in single
comments. Without a book the words alone propose.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from cxkit import store as store_
from cxkit.errors import BadQuestion, BadThemes, listed, names, whole_number
from cxkit.text.discovery import ThemeProposals, discover_themes
from cxkit.text.learned_tags import LEAST_LABELLED, TO_LABEL, learn_tags, least_certain
from cxkit.text.themes import ThemeBook, read_theme_book, tag_comments, theme_book
from cxkit.workspace import Workspace

FILE_NAME = "themes.toml"
WORDS_ALONE = "words alone"
LABELS_NAME = "labels.json"
_FIELDS = ("feedback_id", "comment", "themes")


class Tagged(NamedTuple):
    """Which themes comments speak of, and where."""

    # row, theme (null: none), term, start, end (null: the whole comment); ordered by row and start
    mentions: pl.DataFrame
    found_by: str  # "theme book", "theme book and 120 labels" or "words alone"
    notes: tuple[str, ...] = ()  # caveats: on what was proposed, or learned from labels
    # of the book: theme -> the theme it is part of
    parents: Mapping[str, str] = MappingProxyType({})


def tagged(workspace: Workspace, texts: pl.Series) -> Tagged:
    """Find what comments speak of, by the theme book of the store; without one by words alone.

    A comment that a person labelled has the themes that the person found. From 100 labelled
    comments on, the others have those of the book's terms and those learned from the labels;
    where cross-validation says that the terms alone do better, theirs alone.
    """
    book = kept_themes(workspace)
    if book is not None:
        return _by_book(workspace, texts, book)
    proposed = discover_themes(texts, brands=workspace.settings.company.names)
    whose = pl.DataFrame({"row": range(len(texts)), "theme": proposed.themes})
    # terms are shared between proposals: a comment keeps the mentions of its own theme
    spoken = tag_comments(texts, proposed.to_book())
    notes = _proposed_note(proposed.stability) if spoken["theme"].drop_nulls().len() else ()
    return Tagged(_mentions(spoken, whose), WORDS_ALONE, notes)


def _proposed_note(stability: float) -> tuple[str, ...]:
    return (
        "These themes are proposed by the words alone, not named by you: edit them as a theme book "
        "and keep it (cx.keep_themes). Found again without a fifth of the comments they agree with "
        f"themselves by {stability:.2f} (adjusted Rand index; 1 is the same).",
    )


def _by_book(workspace: Workspace, texts: pl.Series, book: ThemeBook) -> Tagged:
    spoken = tag_comments(texts, book)
    kept = kept_labels(workspace)
    marks = [_mark(text) for text in texts]
    labels, stale = _labels_of(book, [kept.get(mark) for mark in marks])
    labelled = {mark for mark, said in zip(marks, labels, strict=True) if said is not None}
    if not labelled:
        return _tagged(spoken, "theme book", _stale_note(stale), book)
    found: list[set[str]] = [set() for _ in texts]
    for row, theme in spoken.select("row", "theme").drop_nulls().iter_rows():
        found[row].add(theme)
    brands = workspace.settings.company.names
    notes, learned = _learned(texts, labels, len(labelled), book, found, brands)
    for at, said in enumerate(labels):
        found[at] = set(said) if said is not None else found[at] | learned.get(at, set())
    whose = pl.DataFrame(
        {"row": range(len(found)), "theme": [sorted(themes) or None for themes in found]},
        schema={"row": pl.Int64, "theme": pl.List(pl.String)},
    ).explode("theme")
    many = f"{len(labelled)} label{'s' * (len(labelled) != 1)}"
    notes = (*notes, *_stale_note(stale))
    return _tagged(_mentions(spoken, whose), f"theme book and {many}", notes, book)


def _tagged(
    mentions: pl.DataFrame, found_by: str, notes: tuple[str, ...], book: ThemeBook
) -> Tagged:
    """Let whoever speaks of a part speak of the whole too, in the same words."""
    parents = {theme.name: theme.parent for theme in book.themes if theme.parent}
    levels = [mentions]
    while levels[-1].height and parents:
        part = levels[-1].filter(pl.col("theme").is_in(list(parents)))
        levels.append(part.with_columns(pl.col("theme").replace(parents), term=None))
    whole = pl.concat(levels, how="vertical_relaxed").unique(
        ["row", "theme", "start", "end"], keep="first", maintain_order=True
    )
    if parents:
        notes = (*notes, "A theme that has parts counts the comments of its parts as well.")
    return Tagged(whole.sort("row", "start", "theme"), found_by, notes, parents)


def _learned(
    texts: pl.Series,
    labels: list[frozenset[str] | None],
    n: int,
    book: ThemeBook,
    by_terms: list[set[str]],
    brands: tuple[str, ...],
) -> tuple[tuple[str, ...], dict[int, set[str]]]:
    """Return what to say of learning from labels, and the themes it gives, by row."""
    if n < LEAST_LABELLED:
        return (
            f"{n} of these comments {'is' if n == 1 else 'are'} labelled, and {LEAST_LABELLED} "
            "teach what the others speak of: label more (cx.label_themes).",
        ), {}
    try:
        learned = learn_tags(texts, labels, themes=book.names, by_terms=by_terms, brands=brands)
    except BadQuestion as problem:
        return (str(problem),), {}
    measured = (
        f"on comments not learned from, terms and labels together reach a macro-F1 of "
        f"{learned.macro_f1:.2f}, the terms alone {learned.macro_f1_of_terms:.2f}"
    )
    if not learned.helps:
        return (f"What {n} labelled comments teach is not used: {measured}.",), {}
    given = learned.table.filter("tagged").select("row", "theme")
    themes: dict[int, set[str]] = {}
    for row, theme in given.iter_rows():
        themes.setdefault(row, set()).add(theme)
    without = sum(
        not (said or (said is None and (terms or themes.get(at))))
        for at, (said, terms) in enumerate(zip(labels, by_terms, strict=True))
    )
    alone = sum(not terms for terms in by_terms)
    return (
        f"{n} labelled comments teach what the others speak of: {measured}. Of all comments "
        f"{without / len(texts):.0%} stay without a theme, by the terms alone "
        f"{alone / len(texts):.0%}.",
    ), themes


def _mentions(spoken: pl.DataFrame, whose: pl.DataFrame) -> pl.DataFrame:
    """Keep the mentions of the themes that each text has; a theme without one is of the whole."""
    whose = whose.cast({"row": pl.Int64, "theme": pl.String})
    own = spoken.join(whose, on=["row", "theme"], how="semi")
    whole = whose.join(own, on=["row", "theme"], how="anti")
    return pl.concat([own, whole], how="diagonal").sort("row", "start", "theme")


def propose_themes(
    workspace: Workspace, *, as_of: date | datetime | str | None = None
) -> ThemeProposals:
    """Propose what comments speak of, by their words alone, for you to edit into a theme book.

    `propose_themes(ws).table` has one row per theme: its proposed name, comments, terms, quotes
    (masked) and stability; `cx.keep_themes(ws, propose_themes(ws).to_book())` keeps them as
    `themes.toml` in the store, where you edit them.

    Args:
        workspace: an open store.
        as_of: read what was written until this moment; default: the latest time in the data.
    """
    brands = workspace.settings.company.names
    return discover_themes(_comments(workspace, as_of)["comment"], brands=brands)


def keep_themes(workspace: Workspace, book: ThemeBook | str | Path) -> Path:
    """Keep a theme book in the store as `themes.toml`, and return the file's path.

    `book` is a `ThemeBook` (what `propose_themes` gives, as `propose_themes(ws).to_book()`) or the
    path of a TOML file. Edit the kept file, or a copy: give themes your names, move terms, exclude
    some. Where another book is kept already, that one stays beside it as `themes.1.toml` (or the
    next free number). Raises BadThemes, and keeps nothing, where it is no theme book.
    """
    if isinstance(book, str | Path):
        book = read_theme_book(book)
    try:
        text = book.to_toml()
    except (AttributeError, TypeError):
        raise BadThemes(
            f"book is {book!r}; give a ThemeBook of Theme(name, include), or the path of a TOML "
            "file."
        ) from None
    theme_book(text)  # a book that is made by hand is checked as a file is
    _set_aside(workspace.store / FILE_NAME, text.encode())
    return store_.keep_text(workspace.store, FILE_NAME, text)


def _set_aside(path: Path, new: bytes) -> None:
    """Copy the book that is kept, letter by letter, before another takes its place."""
    try:
        old = path.read_bytes() if path.is_file() else new
        if old == new:
            return
        for number in itertools.count(1):
            copy = path.with_name(f"{path.stem}.{number}{path.suffix}")
            try:
                with copy.open("xb") as file:
                    file.write(old)
            except FileExistsError:
                if copy.is_file() and copy.read_bytes() == old:  # kept before
                    return
            else:
                return
    except OSError as problem:
        raise store_.not_written(path.parent, problem.strerror or str(problem)) from problem


def kept_themes(workspace: Workspace) -> ThemeBook | None:
    """Return the theme book of the store; None where there is none. BadThemes where it is wrong."""
    path = workspace.store / FILE_NAME
    return read_theme_book(path) if path.is_file() else None


def keep_labels(workspace: Workspace, labels: Mapping[str, Sequence[str]]) -> Path:
    """Keep in the store which themes a person found in comments, and return the file's path.

    `labels` says by feedback_id which themes of the theme book a comment has; an empty list: none
    of them. A comment is told again by a hash of its words, so the file, `labels.json`, holds no
    comment; its labels hold for every comment of the same words. A later label of a comment takes
    the place of the earlier one. From 100 labelled comments on, `themes` and what builds on it
    learn from them.

    Raises:
        BadThemes: where there is no theme book, or the labels kept before are damaged.
        BadQuestion: where a theme is none of the book's, or no comment has the feedback_id.
        NotWritten: where the store cannot be written.
    """
    if not isinstance(labels, Mapping):
        raise BadQuestion(
            f"labels is {labels!r:.60}; give the themes of each feedback_id, as in "
            "{'f1': ['delivery'], 'f2': []}."
        )
    book = _book_to_label_by(workspace)
    kept = _read_labels(workspace)
    written: dict[str, set[str]] = {}
    for number, comment in _comments(workspace, None).iter_rows():
        written.setdefault(number, set()).add(_mark(comment))
    for number, themes in labels.items():
        found = names(f"The label of '{number}'", themes, "['delivery']")
        strangers = sorted(set(found) - set(book.names))
        if strangers:
            raise BadQuestion(
                f"'{strangers[0]}' is no theme of the theme book. It has: {listed(book.names)}."
            )
        if number not in written:
            raise BadQuestion(
                f"No comment has the feedback_id {number!r}. `cx.quotes` and `cx.themes` show some."
            )
        for mark in written[number]:
            kept[mark] = (number, tuple(name for name in book.names if name in found))
    lines = [
        json.dumps(dict(zip(_FIELDS, (number, mark, themes), strict=True)), ensure_ascii=False)
        for mark, (number, themes) in sorted(kept.items(), key=lambda item: (item[1][0], item[0]))
    ]
    text = '{"labels": [\n' + ",\n".join(lines) + "\n]}\n"
    return store_.keep_text(workspace.store, LABELS_NAME, text)


def kept_labels(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Return the labels of the store by the hash of the comment; BadThemes where they are wrong."""
    return {mark: themes for mark, (_, themes) in _read_labels(workspace).items()}


def to_label(
    workspace: Workspace, most: int = TO_LABEL, as_of: date | datetime | str | None = None
) -> pl.DataFrame:
    """Say which comments a person should label next: feedback_id and comment, unmasked.

    Until 100 are labelled they are drawn by lot (always the same ones), so that they stand for all;
    then come those whose themes are least certain.

    Raises:
        BadThemes: where there is no theme book, or it or the labels are damaged.
        BadQuestion: where `most` is no whole number.
    """
    most = whole_number("most", most)
    book = _book_to_label_by(workspace)
    kept = kept_labels(workspace)
    comments = _comments(workspace, as_of).unique("comment", keep="first", maintain_order=True)
    texts = comments["comment"]
    labels, _ = _labels_of(book, [kept.get(_mark(text)) for text in texts])
    try:
        brands = workspace.settings.company.names
        learned = learn_tags(texts, labels, themes=book.names, brands=brands)
    except BadQuestion:  # too few yet
        asked = [at for at, said in enumerate(labels) if said is None]
        return comments[sorted(asked, key=lambda at: _mark(texts[at]))[:most]]
    return comments[least_certain(learned.table, most)]


def _book_to_label_by(workspace: Workspace) -> ThemeBook:
    book = kept_themes(workspace)
    if book is None:
        raise BadThemes(
            "There is no theme book to label by. Keep one first, as in cx.keep_themes(ws, "
            "cx.propose_themes(ws).to_book()), and edit it."
        )
    return book


def _comments(workspace: Workspace, as_of: date | datetime | str | None) -> pl.DataFrame:
    found = workspace.query("themes", as_of=workspace.moment(as_of))
    return found.select(pl.col("feedback_id").cast(pl.String), "comment")


def _mark(text: str | None) -> str:
    """Tell a comment again without keeping it: a hash of its words."""
    words = " ".join((text or "").split())
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _labels_of(
    book: ThemeBook, given: list[tuple[str, ...] | None]
) -> tuple[list[frozenset[str] | None], dict[str, int]]:
    """Return labels in themes of the book, and how often themes were named that it has not.

    A label that names such themes alone says nothing any more.
    """
    known, stale, labels = set(book.names), dict[str, int](), list[frozenset[str] | None]()
    for said in given:
        left = frozenset(said or ()) & known
        for name in set(said or ()) - known:
            stale[name] = stale.get(name, 0) + 1
        labels.append(None if said is None or (said and not left) else left)
    return labels, stale


def _stale_note(stale: dict[str, int]) -> tuple[str, ...]:
    if not stale:
        return ()
    name = min(stale)
    return (
        f"Labels name {len(stale)} theme{'s' * (len(stale) != 1)} that the theme book has not, as "
        f"'{name}' ({stale[name]:,} comment{'s' * (stale[name] != 1)}): these are left out.",
    )


def _read_labels(workspace: Workspace) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Read the labels: feedback_id and themes by the hash of the comment."""
    path = workspace.store / LABELS_NAME
    mend = f"Mend it, or rename {LABELS_NAME} and label anew."
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        raise BadThemes(
            f"{LABELS_NAME} of '{workspace.store.name}' cannot be read: {problem}. {mend}"
        ) from None
    labels = told.get("labels") if isinstance(told, dict) else None
    if not isinstance(labels, list):
        raise BadThemes(f"{LABELS_NAME} of '{workspace.store.name}' holds no labels. {mend}")
    kept = {}
    for at, label in enumerate(labels, 1):
        right = isinstance(label, dict) and set(label) == set(_FIELDS)
        if not (
            right
            and isinstance(label["feedback_id"], str)
            and isinstance(label["comment"], str)
            and isinstance(label["themes"], list)
            and all(isinstance(name, str) for name in label["themes"])
        ):
            raise BadThemes(
                f"{LABELS_NAME} of '{workspace.store.name}': label {at} has not {_FIELDS[0]}, "
                f"{_FIELDS[1]} (texts) and {_FIELDS[2]} (a list of texts). {mend}"
            )
        kept[label["comment"]] = (label["feedback_id"], tuple(label["themes"]))
    return kept
