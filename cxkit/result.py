"""What every question gives back: a table, a sentence, a chart, and what to be careful about."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cxkit.errors import BadQuestion
from cxkit.safe import escape, html_table, shown, write_csv, write_xlsx

if TYPE_CHECKING:
    from cxkit.cards import Card
    from cxkit.charts import Figure

MIME = "application/vnd.cxkit.result+json"
# Rows of a table that travel inside a notebook: a report's tables are exported from them.
_MOST_ROWS = 100
_MOST_REPORTED = 10_000


@dataclass(frozen=True)
class Result:
    """The answer to one question.

    Attributes:
        name: the analysis, as its function is called.
        question: what was asked.
        table: the numbers behind everything else; `share` in a column's name means 0 to 1.
        finding: one computed sentence with its base.
        caveats: what to be careful about, one sentence each.
        sql: the query that made the table, as it ran; empty where there was none.
        as_of: the moment that the answer speaks of, in UTC; None where nothing was dated.
        n: how many people, answers or records the finding rests on.
        draw: makes the chart from the table; None where there is no chart.
        deal: makes the cards from the table; None where there are none.
        chosen: of whom alone it speaks, after a noun: ' with device mobile since 2026-01-31'; empty
            where that is everyone, ever. The chart says it under its title.
    """

    name: str
    question: str
    table: pl.DataFrame
    finding: str
    caveats: tuple[str, ...] = ()
    sql: str = ""
    as_of: datetime | None = None
    n: int = 0
    draw: "Callable[[pl.DataFrame], Figure] | None" = None
    deal: "Callable[[pl.DataFrame], list[Card]] | None" = None
    chosen: str = ""

    def chart(self) -> "Figure":
        """Return the chart as a plotly Figure; its title states the answer."""
        from cxkit import charts

        if self.draw is None or self.table.is_empty():
            return charts.nothing(self.finding)
        drawn = self.draw(self.table)
        return charts.only(drawn, self.chosen) if self.chosen else drawn

    def save(self, path: str | Path) -> Path:
        """Write the table as .csv or .xlsx, guarded against formulas; returns the path.

        Ids of people are in it as they are in the table: think before you pass it on. Raises
        BadQuestion for any other kind of file.
        """
        target = Path(path)
        if target.suffix.lower() == ".csv":
            return write_csv(self.table, target)
        if target.suffix.lower() == ".xlsx":
            return write_xlsx({self.name: self.table}, target)
        raise BadQuestion(f"'{target.name}' is neither .csv nor .xlsx: name it '{self.name}.csv'.")

    def outputs(self) -> list[dict[str, Any]]:
        """Return what a notebook shows, in order, each as a MIME bundle: sentence, chart, table."""
        from cxkit import charts

        shown_parts = [{"text/html": self._head(), "text/plain": self._said(), MIME: self._plain()}]
        if self.draw is not None:
            shown_parts.append(charts.mime_bundle(self.chart()))
        if self.deal is not None and not self.table.is_empty():
            shown_parts.append(_dealt(self.deal(self.table)))
        if tail := self._tail():
            shown_parts.append({"text/html": tail, "text/plain": "", MIME: {"part": "tail"}})
        return shown_parts

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for bundle in self.outputs():
            display(bundle, raw=True)

    def __str__(self) -> str:
        if self.deal is not None:
            from cxkit import cards

            table = cards.text(self.deal(self.table))
        else:
            with pl.Config(tbl_hide_dataframe_shape=True, tbl_rows=20, fmt_str_lengths=40):
                table = str(self.table)
        return f"{self._said()}\n{table}"

    __repr__ = __str__

    def _said(self) -> str:
        caveats = "".join(f"\n  ! {caveat}" for caveat in self.caveats)
        return f"{self.question}\n  {self.finding}\n  ({self._base()}){caveats}"

    def _base(self) -> str:
        known = f"n = {self.n:,}"
        return f"as of {shown(self.as_of)} UTC, {known}" if self.as_of else known

    def _head(self) -> str:
        return (
            '<div class="cxkit-result" style="border-left:4px solid #0072B2;padding:2px 14px">'
            f'<p style="margin:0;opacity:.75">{escape(self.question)}</p>'
            f'<p style="margin:4px 0;font-size:1.15em"><b>{escape(self.finding)}</b></p>'
            f'<p style="margin:0;opacity:.75"><small>{escape(self._base())}</small></p></div>'
        )

    def _tail(self) -> str:
        items = "".join(f"<li>{escape(caveat)}</li>" for caveat in self.caveats)
        caveats = f'<div class="cxkit-caveats"><b>Be careful</b><ul>{items}</ul></div>'
        if self.table.is_empty() or self.deal is not None:  # cards show their table
            return caveats if items else ""
        return (
            f"{caveats if items else ''}<details><summary>The table behind it "
            f"({self.table.height:,} rows)</summary>{html_table(self.table)}</details>"
        )

    def _plain(self) -> dict[str, Any]:
        """Return the result as plain JSON, for reports and for comparing re-runs."""
        most = _MOST_REPORTED if os.environ.get("CXKIT_REPORT") else _MOST_ROWS
        rows = [[_json(v) for v in row] for row in self.table.head(most).iter_rows()]
        return {
            "name": self.name,
            "question": self.question,
            "finding": self.finding,
            "caveats": list(self.caveats),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "n": self.n,
            "table": {"columns": self.table.columns, "rows": rows, "height": self.table.height},
        }


class Learned:
    """The findings of several questions, side by side, as a notebook closes with them."""

    def __init__(self, results: tuple[Result, ...]) -> None:
        """Keep the results in the order in which they were asked."""
        self.results = results

    def __str__(self) -> str:
        return "\n".join(f"- {r.finding}" for r in self.results)

    __repr__ = __str__

    def _repr_mimebundle_(self, **_kinds: Any) -> dict[str, Any]:
        items = "".join(
            f"<li>{escape(r.finding)} <small>({escape(r._base())})</small></li>"
            for r in self.results
        )
        html = f'<ul class="cxkit-learned">{items}</ul>'
        return {"text/html": html, "text/plain": str(self), MIME: {"part": "learned"}}


def learned(*results: Result) -> Learned:
    """Show the findings of several results as one list, to close a notebook with."""
    return Learned(results)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the singular or the plural.

    >>> counted(1, "customer"), counted(1204, "visitor or customer")
    ('1 customer', '1,204 visitors or customers')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun.replace(' or ', 's or ')}s"


def all_of(n: int, noun: str) -> str:
    """Return all of a number with its noun, at the beginning of a sentence.

    >>> all_of(1, "customer"), all_of(1204, "visit")
    ('The one customer', 'All 1,204 visits')
    """
    return f"The one {noun}" if n == 1 else f"All {counted(n, noun)}"


def lasted(days: float) -> str:
    """Return a length of time in the unit that suits it.

    >>> lasted(45.2), lasted(3.25), lasted(0.21), lasted(0.0015), lasted(0)
    ('45 days', '3.2 days', '5.0 hours', '2.2 minutes', '0 seconds')
    """
    for unit, noun in ((1, "day"), (24, "hour"), (1440, "minute")):
        if days * unit >= 2:
            return (
                f"{days * unit:,.0f} {noun}s" if days * unit >= 10 else f"{days * unit:.1f} {noun}s"
            )
    return f"{days * 86_400:.0f} seconds"


def verb(n: int, plural: str) -> str:
    """Return a verb in the form that a number asks for.

    >>> f"1 {verb(1, 'have')}, 2 {verb(2, 'have')}, 1 {verb(1, 'sound')}"
    '1 has, 2 have, 1 sounds'
    """
    irregular = {"have": "has", "are": "is", "were": "was", "do": "does", "match": "matches"}
    return irregular.get(plural, f"{plural}s") if n == 1 else plural


def _dealt(dealt: "list[Card]") -> dict[str, Any]:
    from cxkit import cards

    plain = {"part": "cards", "cards": [card.to_json() for card in dealt]}
    return {"text/html": cards.html(dealt), "text/plain": "", MIME: plain}


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value != value:
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
