"""The cells of a journey map: what each shows, what it tells on hover, and what stands out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl

from cxkit.cards import Band, Card, Row
from cxkit.result import counted
from cxkit.stats.intervals import ENOUGH, said
from cxkit.tally import left, rate, three

_STANDS_OUT = 1.25  # times the other stages' mean, beyond doubt: then it is an opportunity
_ID = 12  # characters of an answer's id that a cell shows; the table has it whole
_INTERVALS = ("", "_low", "_high")


class Measure(NamedTuple):
    """A measure that may stand out: its column, the larger the worse, and how it is said."""

    column: str
    said: str
    of: str


_MEASURES = (
    Measure("share_leak", "{value} leave", "leak"),
    Measure("contacts_per_100", "{value} contacts per 100 passages", "contacts"),
    Measure("glitches_per_100", "{value} glitches per 100 passages", "glitches"),
    Measure("share_bad", "{value} of the answers are bad", "bad answers"),
)


def opportunities(table: pl.DataFrame) -> list[str | None]:
    """Say of each stage which measure stands out against the other stages, and whom to ask."""
    return [_opportunity(table, place) for place in range(table.height)]


def standing_out(table: pl.DataFrame, place: int) -> tuple[float, Measure, float, float] | None:
    """Return by how much, which measure, its value and the mean of the other stages."""
    found = []
    for measure in _MEASURES:
        values = table[measure.column].to_list()
        others = [v for p, v in enumerate(values) if p != place and v is not None]
        low = table[f"{measure.column}_low"][place]
        base = table["answers" if measure.column == "share_bad" else "passages"][place]
        if values[place] is None or not others or low is None or base < ENOUGH:
            continue
        usual = sum(others) / len(others)
        if low > usual and values[place] >= _STANDS_OUT * usual:
            found.append(
                (values[place] / usual if usual else float("inf"), measure, values[place], usual)
            )
    return max(found, key=lambda one: one[0], default=None)


def _opportunity(table: pl.DataFrame, place: int) -> str | None:
    found = standing_out(table, place)
    if found is None:
        known = [m for m in _MEASURES if table[m.column][place] is not None]
        return "Nothing stands out here." if known else None
    _, measure, value, usual = found
    share = measure.column.startswith("share")
    text, other = (f"{100 * one:.0f} %" if share else rate(one) for one in (value, usual))
    owner = table["owner"][place]
    whom = f"Ask {owner}." if owner else "No owner named."
    return f"{measure.said.format(value=text)}, elsewhere {other}. {whom}"


def cells(table: pl.DataFrame, words: int) -> pl.DataFrame:
    """Return the cells of the map, band by band: see `charts.bands`."""
    rows = table.to_dicts()
    most = {
        name: max((row[f"{name}_high"] or row[name] or 0 for row in rows), default=0) or 1
        for name in ("contacts_per_100", "glitches_per_100")
    }
    moods = [row[end] for row in rows for end in three("mood") if row[end] is not None]
    most |= {"least_mood": min([0, *moods]), "most_mood": max([20, *moods])}
    out = {row["place"] - 1: standing_out(table, row["place"] - 1) for row in rows}
    made = []
    for band, kind, told_of in _BANDS:
        for row in rows:
            found = out[row["place"] - 1]
            cell = told_of(row, found[1].column if found else "", most, words)
            made.append({"column": row["stage"], "band": band, "kind": kind, **_BLANK, **cell})
    texts = ("column", "band", "kind", "text", "more", "hover")
    return pl.DataFrame(
        made,
        schema=dict.fromkeys(texts, pl.String)
        | dict.fromkeys(("at", "low", "high", "middle"), pl.Float64)
        | {"marked": pl.Boolean},
    )


_BLANK: dict[str, Any] = {
    "text": None, "more": None, "hover": None, "at": None, "low": None, "high": None,
    "middle": None, "marked": False,
}  # fmt: skip
_Cell = dict[str, Any]


def _reach_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["reached"] is None or not row["entered"]:
        return {}
    return {
        "text": f"{row['share_reached']:.0%}",
        "more": f"{row['reached']:,}{' · may be skipped' if row['optional'] else ''}",
        "at": row["share_reached"],
        "low": row["share_reached_low"],
        "high": row["share_reached_high"],
        "hover": f"{said(row['reached'], row['entered'])} of {row['entered']:,} who entered",
    }


def _actions_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["reached"] is None or not row["passages"]:
        return {}
    text = row["actions"] or "nothing else"
    return {"text": text, "hover": f"{text} (per 100 of {row['passages']:,} passages)"}


def _mood_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    least, wide = most["least_mood"], most["most_mood"] - most["least_mood"]
    middle = {"middle": -least / wide}
    if row["mood"] is None:
        return {"hover": "nobody's answer speaks of it", **middle}
    low, high = row["mood_low"], row["mood_high"]
    interval = "" if low is None else f" ({low:+.0f} to {high:+.0f})"
    few = " (few)" if row["answers"] < ENOUGH else ""
    return {
        "text": f"{row['mood']:+.0f}",
        "more": f"n {row['answers']:,}{few}",
        **middle,
        "at": (row["mood"] - least) / wide,
        "low": None if low is None else (low - least) / wide,
        "high": None if high is None else (high - least) / wide,
        "marked": out == "share_bad",
        "hover": f"mood {row['mood']:+.0f}{interval} on a scale from -100 to 100, of "
        f"{counted(row['answers'], 'answer')}{few}; {row['share_heard'] or 0:.1%} of the passages "
        f"were heard of; {row['share_bad'] or 0:.0%} of the answers are bad",
    }


def _leak_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["share_leak"] is None:
        return {"text": "the last stage", "at": None} if row["reached"] is not None else {}
    return {
        "text": f"{row['share_leak']:.0%}",
        "at": row["share_leak"],
        "low": row["share_leak_low"],
        "high": row["share_leak_high"],
        "marked": out == "share_leak",
        "hover": f"{said(left(row), row['reached'])} of {row['reached']:,} who came here "
        "went no further in time",
    }


def _time_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["median_days_on"] is None:
        return {"text": "–"} if row["reached"] is not None else {}
    on = f"{_span(row['median_days_on'])} if they go on"
    if row["median_days"] is None:
        return {"text": on, "hover": f"half never go on in time; {on} (median)"}
    text = _span(row["median_days"])
    return {
        "text": text,
        "hover": f"half of all passages have gone on after {text} (Kaplan-Meier); of those that go "
        f"on half have after {_span(row['median_days_on'])}",
    }


def _contacts_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    return _rate_cell(row, "contacts", out, most, "tickets opened and messages in")


def _glitches_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    cell = _rate_cell(row, "glitches", out, most, "glitches met or told of")
    return cell | {"more": row["top_glitch"]} if cell else cell


def _rate_cell(row: _Cell, name: str, out: str, most: _Cell, what: str) -> _Cell:
    column = f"{name}_per_100"
    if row[column] is None:
        return {}
    ends = [row[f"{column}{end}"] for end in _INTERVALS]
    return {
        "text": rate(ends[0]),
        "at": min(1.0, ends[0] / most[column]),
        "low": ends[1] / most[column],
        "high": min(1.0, ends[2] / most[column]),
        "marked": out == column,
        "hover": f"{row[name]:,} {what} in {row['passages']:,} passages: {rate(ends[0])} per 100 "
        f"({rate(ends[1])}–{rate(ends[2])})",
    }


def _next_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["next_step"] is None:
        return {"text": "–"} if row["reached"] is not None else {}
    text = f"{row['share_next_step']:.0%} {row['next_step']}"
    if row["next_step"] != "silence":
        text += f", {row['share_silent']:.0%} silence"
    return {"text": text, "hover": f"{text}: what {row['leavers']:,} who left did next"}


def _short(name: str) -> str:
    return name if len(name) <= _ID + 1 else f"{name[:_ID]}…"


def _told_of(name: str) -> Callable[[_Cell, str, _Cell, int], _Cell]:
    """Make the cells of what is asked for, complained of or suggested: a quote, and how often."""

    def cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
        quote, many, comments = row[name], row[f"{name}s"], row["comments"]
        often = "" if many is None else f"{many:,} of {comments:,}"
        if quote is None:
            return {} if many is None else {"text": often if many else "none"}
        short = quote if len(quote) <= words else f"{quote[:words].rsplit(' ', 1)[0]} …"
        told = often or "the lowest score's comment"
        return {
            "text": f"“{short}”",
            "more": " · ".join(filter(None, (often, _short(row[f"{name}_id"])))),
            "hover": f"“{quote}” ({row[f'{name}_id']}): {told}",
        }

    return cell


def _owner_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    return {"text": row["owner"] or "no owner named"}


def _chance_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    text = row["opportunity"]
    if row["moment_of_truth"]:
        text = f"Moment of truth. {text}"
    return {"text": text, "marked": bool(out), "hover": row["moment_of_truth"] or text}


_BANDS = (
    ("Reach", "bars", _reach_cell),
    ("They also do, per 100", "words", _actions_cell),
    ("Mood", "curve", _mood_cell),
    ("They complain", "words", _told_of("complaint")),
    ("They ask", "words", _told_of("ask")),
    ("They suggest", "words", _told_of("suggestion")),
    ("Leave here", "bars", _leak_cell),
    ("Leavers next", "words", _next_cell),
    ("Time to go on (median)", "words", _time_cell),
    ("Contacts per 100", "bars", _contacts_cell),
    ("Glitches per 100", "bars", _glitches_cell),
    ("Opportunity", "words", _chance_cell),
    ("Owner", "words", _owner_cell),
)


def _span(days: float) -> str:
    """Return a time as it is read: 40 s, 4 min, 2.5 h, 12 d.

    >>> [_span(days) for days in (0.0005, 0.0018, 0.1, 12)]
    ['43 s', '2.6 min', '2.4 h', '12 d']
    """
    for unit, size in (("d", 1.0), ("h", 1 / 24), ("min", 1 / 1440)):
        if days >= size:
            value = days / size
            return (
                f"{value:.0f} {unit}"
                if value >= 9.95 or value == int(value)
                else f"{value:.1f} {unit}"
            )
    return f"{days * 86400:.0f} s"


def page(table: pl.DataFrame, title: str) -> Card:
    """Return the map as one page to print: the same cells with longer quotes."""
    shown, bands = cells(table, words=150), []
    for name in shown["band"].unique(maintain_order=True):
        rows = shown.filter(pl.col("band") == name).to_dicts()
        bands.append(
            Band(
                name,
                rows[0]["kind"],
                tuple(
                    Row(
                        row["text"] or "",
                        row["more"] or "",
                        row["at"],
                        row["low"],
                        row["high"],
                        1.0 if row["marked"] else None,
                    )
                    for row in rows
                ),
                rows[0]["middle"] or 0.0,
            )
        )
    entered = counted(int(table["entered"][0] or 0), table["unit"][0])
    return Card(
        f"The journey of {entered}",
        f"{title}. ▲ stands out against the other stages; the mood goes from -100 to 100; thin "
        "lines are 95 % intervals.",
        columns=tuple(table["stage"]),
        bands=tuple(bands),
    )
