"""The errors a reader can meet: what is wrong, what was found, what to do next."""

from collections.abc import Iterable, Mapping
from typing import Any


class CxError(Exception):
    """A problem that the reader can mend, told in at most two sentences.

    The message names the file, line and column where there is one, and the next step.
    """


class NoStore(CxError):
    """There is no store, or no published snapshot, where one was asked for."""


class BadQuestion(CxError):
    """An analysis was asked with a value that it cannot use."""


class BadSettings(CxError):
    """A value in `cx.toml` is not one that cxkit knows."""


class BadThemes(CxError):
    """A theme book is no TOML, or a theme in it has a field that cxkit does not know."""


class BadRecipe(CxError):
    """A recipe or a mapping names a table, column or reading that does not exist."""


class BadFile(CxError):
    """A file cannot be read as a table: it is broken, foreign, encrypted or too large."""


class StoreBusy(CxError):
    """Another process is publishing to the same store."""


class NotWritten(CxError):
    """The store could not be written: no room, no right, or a broken disk. It is as it was."""


def listed(names: object, most: int = 12) -> str:
    """Name the known values inside a message, sorted, and say how many were left out.

    >>> listed(["visit", "buy"])
    'buy, visit'
    """
    known = sorted(str(name) for name in names)  # type: ignore[attr-defined]
    if not known:
        return "nothing"
    rest = len(known) - most
    return ", ".join(known[:most]) + (f" and {rest} more" if rest > 0 else "")


def between_0_and_1(name: str, value: float) -> float:
    """Return an argument that is a share between 0 and 1; BadQuestion otherwise.

    >>> between_0_and_1("return_share", 0.2)
    0.2
    """
    if not isinstance(value, float) or not 0 < value < 1:
        raise BadQuestion(f"{name} is {value!r}; it lies between 0 and 1, as in 0.2.")
    return value


def whole_number(name: str, value: object, least: int = 1, most: int = 100_000) -> int:
    """Return `value` where it is a whole number from `least` to `most`; BadQuestion otherwise.

    >>> whole_number("within_days", 30)
    30
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise BadQuestion(f"{name} is {value!r}; give a whole number from {least} to {most:,}.")


def names(name: str, values: object, example: str = "['visited', 'paid']") -> tuple[str, ...]:
    """Return a list of texts as a tuple; BadQuestion where it is one text, or holds others.

    >>> names("stages", ["visited", "paid"])
    ('visited', 'paid')
    """
    if isinstance(values, list | tuple) and all(isinstance(value, str) for value in values):
        return tuple(values)
    raise BadQuestion(f"{name} is {values!r}; give a list of texts, as in {example}.")


def by_name(name: str, values: object, example: str) -> dict[str, Any]:
    """Return a mapping from texts as a dict, {} for None; BadQuestion where it is none.

    >>> by_name("step_days", {"paid": 1}, "{'paid': 1}")
    {'paid': 1}
    """
    if values is None:
        return {}
    if isinstance(values, Mapping) and all(isinstance(key, str) for key in values):
        return dict(values)
    raise BadQuestion(f"{name} is {values!r}; give values by name, as in {example}.")


def one_of(name: str, value: object, known: Iterable[str]) -> str:
    """Return a text that is among the known ones; BadQuestion otherwise.

    >>> one_of("order", "any", ("any", "strict"))
    'any'
    """
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    if not known:
        raise BadQuestion(f"{name} is {value!r}, and the data have none: leave it out.")
    raise BadQuestion(f"{name} is {value!r}; give one of: {listed(known)}.")
