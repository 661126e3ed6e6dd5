"""The theme book that is kept in the store, for every analysis that asks what comments say."""

from pathlib import Path

from cxkit import store as store_
from cxkit.text.themes import ThemeBook, read_theme_book, theme_book
from cxkit.workspace import Workspace

FILE_NAME = "themes.toml"


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
