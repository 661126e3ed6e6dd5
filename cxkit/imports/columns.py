"""The columns of one staged file by their names, and the text that a reading takes from them."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from cxkit.imports import quirks, types
from cxkit.imports.layout import Layout
from cxkit.imports.recipes import Reading, plain
from cxkit.imports.records import Staged


class Columns:
    """Finds a file's columns as its export names them, whatever their order."""

    def __init__(self, staged: Staged, layout: Layout, mended: Mapping[str, str] | None = None):
        self._mended = {plain(name): how for name, how in (mended or {}).items()}
        self.cells = staged.cells
        self.names = layout.names
        # of two columns with one name the first is meant
        self._place = {plain(name): i for i, name in reversed(list(enumerate(layout.names)))}

    def cell(self, name: str, kind: str = "id") -> pl.Expr | None:
        """Return a column, cleaned as its kind asks; None where the file lacks it.

        "A & B" is the first of the two that a record fills.
        """
        place = self._place.get(plain(name)) if name else None
        if place is None and " & " in name:
            cells = [self.cell(part, kind) for part in name.split(" & ")]
            found = [cell for cell in cells if cell is not None]
            return pl.coalesce(*found) if found else None
        if place is None or place >= len(self.cells):
            return None
        cell = types.clean(pl.col(self.cells[place]), kind)
        mend = self._mended.get(plain(name))
        return quirks.CELLS[mend](cell) if mend else cell

    def holds(self, name: str, words: Sequence[str]) -> pl.Expr:
        """Whether a column holds one of the words, whatever their case; `*` is any text."""
        cell = self.cell(name)
        if cell is None:
            return pl.lit(False)
        open_ = "|".join(".*".join(re.escape(part) for part in word.split("*")) for word in words)
        return cell.str.contains(f"(?is)^(?:{open_})$").fill_null(False)

    def filled(self, name: str) -> pl.Expr:
        """Whether a column holds something; false where the file lacks it."""
        cell = self.cell(name)
        return pl.lit(False) if cell is None else cell.is_not_null()

    def named(self, reading: Reading) -> str:
        """Return the one column that a reading takes, to name it in messages; else nothing."""
        return next((name for name in reading.column if self.cell(name) is not None), "")

    def text(self, reading: Reading, kind: str) -> pl.Expr:
        """Return the text that a reading takes; null where the file lacks its columns."""
        nothing = pl.lit(None, pl.String)
        if reading.value:
            return pl.lit(reading.value)
        if reading.json:
            return self._json(reading)
        if reading.text:
            return self._template(reading)
        cells = [self.cell(name, kind) for name in reading.column]
        found = pl.coalesce(*(cell for cell in cells if cell is not None), nothing)
        if reading.path:
            found = found.str.json_path_match(reading.path)
        return found.str.extract(reading.pattern, 1) if reading.pattern else found

    def content(self, between: str) -> pl.Expr:
        """Return all cells of a record as one text."""
        return pl.concat_str([pl.col(c).fill_null("") for c in self.cells], separator=between)

    def raw(self) -> pl.Expr:
        """Return a record as it stood in the file, or as JSON where the format has no text."""
        named = [pl.col(c).alias(n or c) for c, n in zip(self.cells, self.names, strict=False)]
        return pl.coalesce("raw_text", pl.struct(*named).struct.json_encode())

    def _template(self, reading: Reading) -> pl.Expr:
        parts: list[pl.Expr] = []
        cells: list[pl.Expr] = []
        rest = reading.text
        for name in reading.columns:
            before, rest = rest.split("{" + name + "}", 1)
            parts.append(pl.lit(before))
            cell = self.cell(name, "text")
            if cell is not None:
                cells.append(cell.is_not_null())
                parts.append(cell.str.strip_chars().fill_null(""))
        joined = pl.concat_str([*parts, pl.lit(rest)]).str.strip_chars()
        return pl.when(pl.any_horizontal(pl.lit(False), *cells)).then(joined)

    def _json(self, reading: Reading) -> pl.Expr:
        """Keep the filled columns as one JSON object, in the order of the recipe."""
        fields = []
        for name in reading.json:
            cell = self.cell(name)
            if cell is not None:
                single = pl.struct(cell.alias(name)).struct.json_encode().str.slice(1).str.head(-1)
                fields.append(pl.when(cell.is_not_null()).then(single))
        joined = pl.concat_str([pl.lit(None, pl.String), *fields], separator=",", ignore_nulls=True)
        return pl.when(joined != "").then(pl.lit("{") + joined + pl.lit("}"))
