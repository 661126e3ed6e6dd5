"""Who speaks of what: the themes of all comments, for every analysis that asks what goes with them.

All comments are read, whatever an analysis asks of them: so a theme means the same everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

import polars as pl

from cxkit.stats.segments import gathered
from cxkit.theme_keep import tagged
from cxkit.workspace import Workspace

UNTAGGED, OTHER = "no theme", "other"
_Key = TypeVar("_Key", str, tuple[str, str])


class Spoken(NamedTuple):
    """The comments known at a moment, and of which theme each one speaks."""

    comments: pl.DataFrame  # row, feedback_id, customer_key, given_at, comment
    themes: pl.DataFrame  # row, theme ("no theme": none), customer_key; one row for each of both
    found_by: str
    notes: tuple[str, ...]  # caveats on how the themes were found


def spoken(workspace: Workspace, until: datetime | None) -> Spoken:
    """Return the comments known at `until` with their themes (see `theme_keep.tagged`)."""
    comments = workspace.query("themes", as_of=until).with_row_index("row")
    comments = comments.with_columns(pl.col("row").cast(pl.Int64))
    found = tagged(workspace, comments["comment"])
    themes = (
        found.mentions.select("row", pl.col("theme").fill_null(UNTAGGED))
        .unique(maintain_order=True)
        .join(comments.select("row", "customer_key"), on="row", how="left", maintain_order="left")
    )
    return Spoken(comments, themes, found.found_by, found.notes)


def shown_apart(themes: pl.DataFrame, least: int) -> pl.DataFrame:
    """Put themes of fewer than `least` people together as 'other', largest themes first.

    A comment that speaks of several of them counts once. `themes` is that of `Spoken`, or part of
    it; its other columns stay as they are in the first row of each.
    """
    if themes.is_empty():
        return themes
    marked = themes.rename({"theme": "segment"}).with_columns(one=pl.lit(1))
    people = marked.select("segment", "customer_key")
    kept = gathered(
        marked, "one", most=marked["segment"].n_unique(), least=least, people=people
    ).drop("one")
    return kept.unique(["segment", "row"], keep="first", maintain_order=True).rename(
        {"segment": "theme"}
    )


def theme_order(themes: pl.DataFrame) -> list[str]:
    """Return the themes, most comments first, then 'other' and 'no theme'."""
    order = themes.group_by("theme").len().sort(pl.col("len"), "theme", descending=[True, False])
    names = order["theme"].to_list()
    last = [name for name in (OTHER, UNTAGGED) if name in names]
    return [name for name in names if name not in last] + last


def left_blank(sizes: Mapping[_Key, int], tell: Callable[[Iterable[_Key]], bool]) -> set[_Key]:
    """Return the rows whose figures a report leaves blank, so that none tells of few people.

    `sizes` holds the rows, named by their theme or by theme and deed, and how large each is; `tell`
    says whether few people can be worked out from some of them (see `stats.differencing`). Themes
    overlap, so they can be subtracted from each other and from those of no theme. As long as they
    tell of few, the one that is needed least goes: no theme, then 'other', then the smallest.
    """

    def needed(key: _Key) -> tuple[bool, bool, int, _Key]:
        theme = key if isinstance(key, str) else key[0]
        return theme != UNTAGGED, theme != OTHER, sizes[key], key

    blank = {key for key in sizes if tell([key])}
    left = sorted(sizes.keys() - blank, key=needed)
    while left and tell(left):
        one = next((key for key in left if not tell(k for k in left if k != key)), left[0])
        left.remove(one)
        blank.add(one)
    return blank
