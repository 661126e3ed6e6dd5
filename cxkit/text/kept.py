"""Was this worked out before? Results of this session, found again by what they were made from.

An analyst asks many questions of the same comments; each is judged once. What is kept is in memory
alone and ends with the session: 256 MB at most, what was not asked for longest goes first. A result
is found again only where everything that it depends on is the same: the text, the question, the
language, the scorer, the labels, the theme book. Texts are told by 128 bits of hash, not kept.
"""

from __future__ import annotations

import hashlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import polars as pl

MOST_BYTES = 256 * 2**20
_OF_ONE = 4  # a setting's rows take a quarter of that at most
_MARKS = ("mark", "other mark")

T = TypeVar("T")

_kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
_lock = Lock()


def row_by_row(
    setting: Hashable, rows: pl.DataFrame, judge: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """Judge distinct rows, each for itself; those judged before in this setting are looked up.

    `judge` makes one row from each row that it is given, in the same order. `setting` is whatever
    else its answer depends on.

    >>> twice = lambda rows: rows.select(twice=2 * pl.col("n"))
    >>> row_by_row("doctest", pl.DataFrame({"n": [1, 2]}), twice)["twice"].to_list()
    [2, 4]
    >>> row_by_row("doctest", pl.DataFrame({"n": [2, 3]}), twice)["twice"].to_list()
    [4, 6]
    """
    marks = pl.DataFrame([rows.hash_rows(at).alias(name) for at, name in enumerate(_MARKS)])
    before = _found(setting)
    if before is None:
        new, unmet = rows, marks
    else:
        told = before.select(*_MARKS, told=True)
        told = marks.join(told, on=_MARKS, how="left", maintain_order="left")
        never = told["told"].is_null()
        new, unmet = rows.filter(never), marks.filter(never)
    if new.height or before is None:
        fresh = unmet.hstack(judge(new))
        before = fresh if before is None else pl.concat([before, fresh], rechunk=True)
        most = before.height * (MOST_BYTES // _OF_ONE) // max(before.estimated_size(), 1)
        # a filter copies what it keeps: a slice would hold on to all
        newest = before.filter(pl.int_range(pl.len()) >= before.height - most)
        _keep(setting, newest, _size(newest))
    return marks.join(before, on=_MARKS, how="left", maintain_order="left").drop(_MARKS)


def once(key: Hashable, make: Callable[[], T]) -> T:
    """Make a result, or give the one that was made of the same; `key` is all that it is made of.

    >>> once(("doctest", 1), lambda: "made"), once(("doctest", 1), lambda: "made again")
    ('made', 'made')
    """
    value: T | None = _found(key)
    if value is None:
        value = make()
        _keep(key, value, _size(value))
    return value


def mark(*parts: Any) -> str:
    """Make a short mark of columns, and of what `repr` tells in full.

    >>> mark(pl.Series(["a"]), 1) == mark(pl.Series(["a"]), 1) != mark(pl.Series(["a"]), 2)
    True
    """
    told = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, pl.Series):
            told.update(f"{part.dtype} {len(part)} ".encode())
            for seed in range(len(_MARKS)):
                told.update(part.hash(seed).to_numpy().tobytes())
        else:
            told.update(f"{part!r} ".encode())
    return told.hexdigest()


def forget() -> None:
    """Forget all, as a new session does."""
    with _lock:
        _kept.clear()


def _found(key: Hashable) -> Any:
    with _lock:
        if key not in _kept:
            return None
        _kept.move_to_end(key)
        return _kept[key][0]


def _keep(key: Hashable, value: Any, size: int) -> None:
    if size > MOST_BYTES:
        return
    with _lock:
        _kept[key] = value, size
        _kept.move_to_end(key)
        total = sum(size for _, size in _kept.values())
        while total > MOST_BYTES:
            total -= _kept.popitem(last=False)[1][1]


def _size(value: Any) -> int:
    """Say about how many bytes a result takes."""
    if isinstance(value, pl.DataFrame | pl.Series):
        return int(value.estimated_size())
    if isinstance(value, np.ndarray):
        return value.nbytes
    if is_dataclass(value) and not isinstance(value, type):
        return sum(_size(getattr(value, field.name)) for field in fields(value))
    inside: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inside = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        inside = value
    return sys.getsizeof(value) + sum(map(_size, inside))
