"""What is odd about one vendor's files beyond what the words of a recipe say?

`CELLS` mends the ids of one column; `FILES` looks at a whole file before its rows are read. A
recipe names each by its key, and each is one small function.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cxkit.imports import types

if TYPE_CHECKING:
    from cxkit.imports.layout import Layout
    from cxkit.imports.recipes import Export
    from cxkit.imports.records import Staged


def _whole_number(cell: pl.Expr) -> pl.Expr:
    """17850.0 is what a program writes for 17850 where other rows of the column are empty."""
    return cell.str.replace(r"^(\d+)\.0+$", "$1")


def _none_if_zero(cell: pl.Expr) -> pl.Expr:
    """0 is a guest, not a customer whom all guests share."""
    return pl.when(cell != "0").then(cell)


def _first_of_several(cell: pl.Expr) -> pl.Expr:
    """Of "9001;9002" the first, which the vendor lists as the primary one."""
    return cell.str.extract(r"^\s*([^;]*[^;\s])", 1)


CELLS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "whole number": _whole_number,
    "none if zero": _none_if_zero,
    "first of several": _first_of_several,
}

# (staged file, what is known of it, its layout, its export) -> the layout and export as they are
FileQuirk = Callable[[Path, "Staged", "Layout", "Export"], tuple["Layout", "Export"]]


def _survey(
    path: Path, staged: "Staged", layout: "Layout", export: "Export"
) -> tuple["Layout", "Export"]:
    """Columns are called by their questions."""
    from cxkit.imports import questions

    labels = {name: name for name in layout.names if name}
    return layout, questions.asked(path, staged, layout, export, labels)


def _qualtrics(
    path: Path, staged: "Staged", layout: "Layout", export: "Export"
) -> tuple["Layout", "Export"]:
    """Row 1 holds names, row 2 questions in the survey's language, row 3 ids and the time zone.

    Exports of an older kind lack row 3.
    """
    from cxkit.imports import questions

    first = layout.first_no - export.header_rows  # the record of row 1
    rows = pl.scan_parquet(path).slice(first - 1, 3).select(staged.cells).collect().rows()
    names = tuple((cell or "").strip() for cell in rows[0])
    texts = rows[1] if len(rows) > 1 else ()
    labels = {n: (t or "").strip() or n for n, t in zip(names, texts, strict=False) if n}
    below = rows[2] if len(rows) > 2 else ()
    told = any("ImportId" in (cell or "") for cell in below)
    zone = next((found for found in map(_zone, below) if found), "")
    header_rows = 3 if told else 2
    layout = replace(layout, names=names, first_no=first + header_rows)
    export = replace(export, header_rows=header_rows, zone=zone or export.zone)
    return layout, questions.asked(path, staged, layout, export, labels)


def _zone(cell: str | None) -> str:
    """Return the zone that a cell of Qualtrics' third row states."""
    try:
        told = json.loads(cell or "{}")
    except ValueError:
        return ""
    return types.zone_called(str(told.get("timeZone", ""))) if isinstance(told, dict) else ""


def _scores(
    path: Path, staged: "Staged", layout: "Layout", export: "Export"
) -> tuple["Layout", "Export"]:
    """A bare list of scores does not say on which scale they are: their range has to."""
    from cxkit.imports import questions

    return layout, questions.ranged(path, staged, layout, export)


def _mapped(
    path: Path, staged: "Staged", layout: "Layout", export: "Export"
) -> tuple["Layout", "Export"]:
    """A mapping names the column of scores and no metric: the column's own name may say it."""
    from cxkit.imports import questions

    return layout, questions.named(path, staged, layout, export)


FILES: dict[str, FileQuirk] = {
    "survey": _survey,
    "qualtrics": _qualtrics,
    "scores": _scores,
    "mapped": _mapped,
}
