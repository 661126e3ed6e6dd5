"""The theme book that is kept in the store, and what comments speak of by it or without it."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from cxkit import store as store_
from cxkit.text.discovery import discover_themes
from cxkit.text.themes import ThemeBook, read_theme_book, tag_comments, theme_book
from cxkit.workspace import Workspace

FILE_NAME = "themes.toml"


class Tagged(NamedTuple):
    """Which themes comments speak of, and where."""

    mentions: pl.DataFrame  # row, theme (null: none), term, start, end; ordered by row and start
    found_by: str  # "theme book" or "words alone"
    stability: float | None  # of proposed themes: adjusted Rand index on four fifths


def tagged(workspace: Workspace, texts: pl.Series) -> Tagged:
    """Find what comments speak of, by the theme book of the store; without one by words alone."""
    book = kept_themes(workspace)
    if book is not None:
        return Tagged(tag_comments(texts, book), "theme book", None)
    proposed = discover_themes(texts)
    whose = pl.DataFrame({"row": range(len(texts)), "own": proposed.themes}).cast(
        {"row": pl.Int64, "own": pl.String}
    )
    spoken = tag_comments(texts, proposed.to_book())
    # terms are shared between proposals: a comment keeps the mentions of its own theme
    own = spoken.join(whose, on="row", how="inner").filter(pl.col("theme") == pl.col("own"))
    whole = whose.join(own, on="row", how="anti").with_columns(theme="own")
    mentions = pl.concat([own.drop("own"), whole.drop("own")], how="diagonal")
    return Tagged(mentions.sort("row", "start"), "words alone", proposed.stability)


def keep_themes(workspace: Workspace, book: ThemeBook | str | Path) -> Path:
    """Keep a theme book in the store as `themes.toml`, and return the file's path.

    `book` is a `ThemeBook` (what `discover_themes` proposes, or what `read_theme_book` reads) or
    the path of a TOML file. Raises BadThemes, and keeps nothing, where it is not one.
    """
    if not isinstance(book, ThemeBook):
        book = read_theme_book(book)
    text = book.to_toml()
    theme_book(text)  # a book that is made by hand is checked as a file is
    return store_.keep_text(workspace.store, FILE_NAME, text)


def kept_themes(workspace: Workspace) -> ThemeBook | None:
    """Return the theme book of the store; None where there is none. BadThemes where it is wrong."""
    path = workspace.store / FILE_NAME
    return read_theme_book(path) if path.is_file() else None
