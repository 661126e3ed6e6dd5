"""Cards that know no customers: what stands on them in, HTML out, every text of it escaped.

A card travels as data beside its HTML, as a chart does: a report draws it anew and trusts no HTML
that stood in a notebook. A notebook that is not trusted yet loses the style sheet and keeps plain
styles on the tags: so a card in a notebook carries the least of its look there too.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxkit.charts import COLOURS
from cxkit.safe import escape

STYLE = Path(__file__).with_name("cards.css").read_text(encoding="utf-8")

# What a card looks like where its style sheet is taken away: the start of a tag, and the styles
# put there. Only what JupyterLab leaves in a notebook that is not trusted; the sheet overrules it.
_COLUMNS = "display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);gap:2px"
_PLAIN = {
    '<div class="cxc">': "display:grid;gap:28px;margin:20px 0;max-width:900px;color:#1d2129",
    '<article class="cxc-card" style="': "background:#fff;border:1px solid #e2dfd8;"
    "border-top:6px solid {colour};border-radius:12px;padding:24px 28px 26px;",
    '<p class="cxc-eyebrow">': "margin:0;font-size:12px;color:#5d6470",
    "<h4>": "margin:4px 0 6px;font-size:24px;font-weight:600;color:#1d2129",
    '<p class="cxc-warning">': "margin:14px 0 0;padding:8px 14px;background:#fff4ec;"
    "color:#7a2f00;border-left:4px solid #b34700",
    '<dl class="cxc-figures">': "display:grid;gap:14px 24px;margin:20px 0 0;padding:16px 0;"
    "grid-template-columns:repeat(auto-fit,minmax(140px,1fr));border:solid #e8e5de;"
    "border-width:1px 0",
    "<dt>": "float:none;width:auto;font-size:12.5px;font-weight:400;color:#5d6470",
    "<dd>": "float:none;width:auto;margin:0;font-size:19px;font-weight:600",
    '<div class="cxc-parts">': "display:grid;gap:26px 40px;margin-top:24px;"
    "grid-template-columns:repeat(auto-fit,minmax(300px,1fr))",
    '<div class="cxc-part cxc-wide">': "grid-column:1/-1",
    "<h5>": "font-weight:700;border-bottom:2px solid {colour}",
    '<p class="cxc-title">': "margin:12px 0 4px",
    "<ul>": "display:grid;gap:8px;margin:0;padding:0;list-style:none",
    "<b>": "float:right",
    '<i aria-hidden="true">': "display:grid;clear:both;height:8px;background:#eeece6",
    '<i style="width': "grid-area:1/1/2/2;background:{colour};",
    '<i style="margin-left': "grid-area:1/1/2/2;opacity:.45;background:{colour};",
    '<u style="': "grid-area:1/1/2/2;width:4px;background:#1d2129;",
    '<s style="margin-left': "grid-area:1/1/2/2;border-left:2px dotted;",
    '<div class="cxc-strip">': f"{_COLUMNS};height:56px;border-bottom:1px solid #b9b4a8",
    "<em>": "display:flex;align-items:end",
    '<i style="height': "flex:1;background:{colour};",
    '<div class="cxc-axis">': f"{_COLUMNS};font-size:11px;text-align:center;white-space:nowrap",
    '<article class="cxc-card cxc-page" style="': "background:#fff;padding:14px 16px;",
    '<table class="cxc-map">': "width:100%;border-collapse:collapse;font-size:12px;"
    "text-align:left;vertical-align:top",
    '<th scope="col">': "background:#1f4e79;color:#fff;text-align:center;padding:8px",
    '<th scope="row">': "text-align:left;vertical-align:top;padding:6px",
    "<td>": "text-align:left;vertical-align:top;padding:6px",
    '<td class="cxc-out">': "text-align:left;vertical-align:top;padding:6px;color:#8f3a00",
}


@dataclass(frozen=True)
class Row:
    """One line of a block. `at`, `low`, `high` and `mark` are places from 0 to 1.

    A bar is as long as `at`; a range reaches from `low` to `high` with a tick at `at`; a column is
    as high as `at`. `mark` shows everyone for comparison.
    """

    label: str
    text: str = ""
    at: float | None = None
    low: float | None = None
    high: float | None = None
    mark: float | None = None


@dataclass(frozen=True)
class Block:
    """A few rows under one heading. `kind`: bars, ranges, columns, quotes or notes."""

    kind: str
    title: str
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Part:
    """One of the questions that a card answers; a wide one has its blocks side by side."""

    title: str
    blocks: tuple[Block, ...]
    wide: bool = False


@dataclass(frozen=True)
class Band:
    """One line of a map. `kind`: bars, curve or words; `middle` is where a curve turns good.

    A cell shows its label, and quieter its text; with a `mark` it stands out. An empty label says
    that there are no data.
    """

    title: str
    kind: str
    cells: tuple[Row, ...]
    middle: float = 0.0


@dataclass(frozen=True)
class Card:
    """One card: a title, a sentence, a few figures (label and text), the parts, and a warning.

    With `columns` and `bands` it is a map: a page of its own, across, where it is printed.
    """

    title: str
    lead: str
    figures: tuple[Row, ...] = ()
    parts: tuple[Part, ...] = ()
    warning: str = ""
    columns: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()

    def to_json(self) -> str:
        """Return the card as one line of JSON."""
        return json.dumps(_filled_in(asdict(self)), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> "Card":
        """Return the card that `to_json` wrote; ValueError where it is none."""
        try:
            told = json.loads(line)
            return cls(
                str(told["title"]),
                str(told["lead"]),
                _rows(told.get("figures", ())),
                tuple(
                    Part(
                        str(part["title"]),
                        tuple(
                            Block(str(b["kind"]), str(b.get("title", "")), _rows(b.get("rows", ())))
                            for b in part["blocks"]
                        ),
                        bool(part.get("wide")),
                    )
                    for part in told.get("parts", ())
                ),
                str(told.get("warning", "")),
                tuple(str(name) for name in told.get("columns", ())),
                tuple(
                    Band(
                        str(band["title"]),
                        str(band["kind"]),
                        _rows(band["cells"]),
                        float(band.get("middle", 0)),
                    )
                    for band in told.get("bands", ())
                ),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError("not a card") from problem


def _filled_in(value: Any) -> Any:
    """Leave out what is empty: a card travels inside a notebook."""
    if isinstance(value, dict):
        told = {k: v for k, v in value.items() if v is not False and v not in (None, "", ())}
        return {k: _filled_in(v) for k, v in told.items()}
    if isinstance(value, float):
        return round(value, 4)
    return [_filled_in(item) for item in value] if isinstance(value, list | tuple) else value


def _rows(told: Sequence[dict[str, Any]]) -> tuple[Row, ...]:
    places = ("at", "low", "high", "mark")
    return tuple(
        Row(
            str(row.get("label", "")),
            str(row.get("text", "")),
            **{name: float(row[name]) for name in places if name in row},
        )
        for row in told
    )


def html(cards: Sequence[Card], *, style: bool = True) -> str:
    """Return the cards as HTML; `style` brings their style along, as a notebook needs it."""
    wrap, drawn = '<div class="cxc">', [_card(*one, len(cards)) for one in enumerate(cards)]
    if not style:
        return f"{wrap}{''.join(drawn)}</div>"
    drawn = [_plain(card, _colour(place)) for place, card in enumerate(drawn)]
    sheet = re.sub(r"\s*([{},;])\s*", r"\1", STYLE)
    return f"<style>{sheet}</style>{_plain(wrap)}{''.join(drawn)}</div>"


def text(cards: Sequence[Card]) -> str:
    """Return what stands at the top of each card as plain text."""
    lines = []
    for card in cards:
        lines += [card.title, f"  {card.lead}"]
        lines += [f"  {row.text} {row.label}" for row in card.figures]
        lines += [f"  ! {card.warning}"] if card.warning else []
    return "\n".join(lines)


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _card(place: int, card: Card, count: int) -> str:
    figures = "".join(
        f"<div><dt>{escape(row.label)}</dt><dd>{_told(row.text)}</dd></div>" for row in card.figures
    )
    warning = f'<p class="cxc-warning">{escape(card.warning)}</p>' if card.warning else ""
    parts = "".join(_part(part) for part in card.parts if part.blocks)
    body = f'<dl class="cxc-figures">{figures}</dl><div class="cxc-parts">{parts}</div>'
    eyebrow = f'<p class="cxc-eyebrow">{place + 1} of {count}</p>'
    kind = "cxc-card"
    if card.columns:
        body, eyebrow, kind = _map(card), "", "cxc-card cxc-page"
    return (
        f'<article class="{kind}" style="--cxc: {_colour(place)}">'
        f"<header>{eyebrow}<h4>{escape(card.title)}</h4><p>{_told(card.lead)}</p></header>"
        f"{warning}{body}</article>"
    )


def _map(card: Card) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in card.columns)
    lines = "".join(
        f'<tr class="cxc-{escape(band.kind)}"><th scope="row">{escape(band.title)}</th>'
        f"{''.join(_cell(band, place) for place in range(len(band.cells)))}</tr>"
        for band in card.bands
    )
    return (
        f'<table class="cxc-map"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _cell(band: Band, place: int) -> str:
    """Return one cell of a map; of a curve with the stretch that leads to the next one."""
    row = band.cells[place]
    if band.kind == "curve":
        following = band.cells[place + 1].at if place + 1 < len(band.cells) else None
        return f"<td>{_point(row, band.middle, following)}</td>"
    if not row.label:
        return "<td><small>no data</small></td>"
    small = f"<small>{escape(row.text)}</small>" if row.text else ""
    marked = ' class="cxc-out"' if row.mark else ""
    if row.at is None:
        return f"<td{marked}>{_told(row.label)} {small}</td>"
    whisker = ""
    if row.low is not None and row.high is not None:
        low, high = _place(row.low), _place(row.high)
        whisker = (
            f'<u style="margin-left:{_percent(low)};width:{_percent(max(0.004, high - low))}"></u>'
        )
    out = "▲ " if row.mark else ""
    return (
        f"<td{marked}><strong>{out}{_told(row.label)}</strong>"
        f'<i aria-hidden="true"><i style="width:{_percent(row.at)}"></i>{whisker}</i>{small}</td>'
    )


def _lifted(place: float | None) -> float:
    """Leave room in a cell, above a point for its text and below the lowest one."""
    return 0.1 + 0.64 * _place(place)


def _point(row: Row, middle: float, following: float | None) -> str:
    ground = f'<s style="height:{_percent(_lifted(middle))}"></s>'
    if row.at is None:
        return f'<div class="cxc-level">{ground}<small>no data</small></div>'
    at = _lifted(row.at)
    line = whisker = ""
    if following is not None:
        ends = [100 * (1 - at), 100 * (1 - _lifted(following))]
        shape = (
            f"0 {ends[0] - 1.6:.1f}%,100% {ends[1] - 1.6:.1f}%,"
            f"100% {ends[1] + 1.6:.1f}%,0 {ends[0] + 1.6:.1f}%"
        )
        line = f'<q style="clip-path:polygon({shape})"></q>'
    if row.low is not None and row.high is not None:
        low, high = _lifted(row.low), _lifted(row.high)
        whisker = f'<u style="bottom:{_percent(low)};height:{_percent(high - low)}"></u>'
    top = _percent(_lifted(row.high) if row.high is not None else at)
    marked = ' class="cxc-out"' if row.mark else ""
    return (
        f'<div class="cxc-level">{ground}{line}{whisker}'
        f'<b{marked} style="bottom:{_percent(at)}"></b>'
        f'<span style="bottom:{top}"><strong>{_told(row.label)}</strong> {escape(row.text)}</span>'
        "</div>"
    )


def _plain(drawn: str, colour: str = "") -> str:
    """Put the plain styles on the tags; texts are escaped, so none of them holds a tag."""
    for tag, plain in _PLAIN.items():
        styled = plain.replace("{colour}", colour)
        if tag.endswith(">"):
            drawn = drawn.replace(tag, f'{tag[:-1]} style="{styled}">')
        else:
            drawn = drawn.replace(tag, tag.replace(' style="', f' style="{styled}'))
    return drawn


def _part(part: Part) -> str:
    blocks = "".join(_block(block) for block in part.blocks)
    wide = " cxc-wide" if part.wide else ""
    return (
        f'<div class="cxc-part{wide}"><h5>{escape(part.title)}</h5>'
        f'<div class="cxc-blocks">{blocks}</div></div>'
    )


def _block(block: Block) -> str:
    return f'<div class="cxc-{escape(block.kind)}">{_filled(block)}</div>'


def _filled(block: Block) -> str:
    title = f'<p class="cxc-title">{_told(block.title)}</p>' if block.title else ""
    if not block.rows:
        return title
    if block.kind == "columns":
        return f"{title}{_columns(block)}"
    if block.kind == "quotes":
        quotes = "".join(
            f"<li><q>{escape(row.label)}</q> <small>{escape(row.text)}</small></li>"
            for row in block.rows
        )
        return f"{title}<ul>{quotes}</ul>"
    draw = {"bars": _bar, "ranges": _range}.get(block.kind)
    lines = "".join(
        f"<li>{escape(row.label)} <b>{_told(row.text)}</b>{draw(row) if draw else ''}</li>"
        for row in block.rows
    )
    return f"{title}<ul>{lines}</ul>"


def _bar(row: Row) -> str:
    return f'<i aria-hidden="true"><i style="width:{_percent(row.at)}"></i>{_mark(row)}</i>'


def _range(row: Row) -> str:
    low, high = _place(row.low), _place(row.high)
    return (
        f'<i aria-hidden="true"><i style="margin-left:{_percent(low)};'
        f'width:{_percent(max(0.01, high - low))}"></i>{_mark(row)}'
        f'<u style="margin-left:{_percent(row.at)}"></u></i>'
    )


def _mark(row: Row) -> str:
    return "" if row.mark is None else f'<s style="margin-left:{_percent(row.mark)}"></s>'


def _columns(block: Block) -> str:
    told = ", ".join(f"{row.label} {row.text}" for row in block.rows)
    columns = "".join(
        f'<em><i style="height:{_percent(row.at)}"></i>'
        f'<s style="bottom:{_percent(row.mark)}"></s></em>'
        for row in block.rows
    )
    every = max(1, -(-len(block.rows) // 12))
    labels = "".join(
        f"<span>{escape(row.label) if n % every == 0 else ''}</span>"
        for n, row in enumerate(block.rows)
    )
    return (
        f'<div role="img" aria-label="{escape(told)}">'
        f'<div class="cxc-strip">{columns}</div><div class="cxc-axis">{labels}</div></div>'
    )


def _place(value: float | None) -> float:
    return min(1.0, max(0.0, value)) if value is not None and value == value else 0.0


def _percent(value: float | None) -> str:
    return f"{100 * _place(value):.1f}%"


def _told(words: str) -> str:
    return escape(words).replace(" %", "\u00a0%")
