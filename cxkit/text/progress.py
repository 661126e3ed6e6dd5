"""How far is a long reading of comments?"""

import os
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

SHOWN_FROM = 2  # seconds

T = TypeVar("T")


def shown(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """Go through items; a bar says how far, where it takes longer than 2 seconds.

    It is drawn in notebooks and terminals, and gone in the end; not in reports and checks.

    >>> list(shown([1, 2], 2, "comments read"))
    [1, 2]
    """
    if os.environ.get("CXKIT_BATCH"):
        return items
    from tqdm.auto import tqdm  # the bar of notebooks where this is one

    terminal: dict[str, Any] = {
        "file": sys.stderr,
        "disable": None,  # draws in a terminal alone
        "bar_format": "  {bar:24}  {n_fmt} of {total_fmt}  {desc}  {remaining} left",
    }
    place = {} if "ipykernel" in sys.modules else terminal
    bar: Iterable[T] = tqdm(items, desc=what, total=total, delay=SHOWN_FROM, leave=False, **place)
    return bar
