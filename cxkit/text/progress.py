"""How far is a long reading of comments?"""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

SHOWN_FROM = 2  # seconds

T = TypeVar("T")


def shown(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """Go through items; in a terminal a bar says how far, where it takes longer than 2 seconds.

    >>> list(shown([1, 2], 2, "comments read"))
    [1, 2]
    """
    bar: Iterable[T] = tqdm(
        items,
        desc=what,
        total=total,
        file=sys.stderr,
        disable=None,  # draws in a terminal alone
        delay=SHOWN_FROM,
        leave=False,
        bar_format="  {bar:24}  {n_fmt} of {total_fmt}  {desc}  {remaining} left",
    )
    return bar
