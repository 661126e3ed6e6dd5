"""What could the columns of an unknown file mean? A guess with its confidence, never a decision.

Names are compared with what tools commonly call a column, and a name counts only where the cells
agree: nothing is a time that does not read as one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cxkit import schema
from cxkit.imports import types
from cxkit.imports.recipes import plain

SURE = 0.9

# What tools call each canonical column, after `words`. The first of a table's columns named in
# `_TELLING` are what makes a file that table and no other.
_NAMES: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customer id", "customer", "user id", "userid", "client id", "contact id", "person id",
        "customer number", "customer no", "customer email", "email", "email address", "e mail",
        "kundennr", "kundennummer", "user email", "requester email", "member id", "shopper id",
    ),
    "visitor_id": ("visitor id", "anonymous id", "device id", "cookie id", "user pseudo id"),
    "order_id": (
        "order id", "order number", "order no", "invoice no", "invoice number", "invoice",
        "transaction id", "bestellnummer",
    ),
    "ordered_at": (
        "ordered at", "order date", "purchase date", "purchased at", "invoice date", "order time",
        "created at", "date", "datum", "bestelldatum", "timestamp",
    ),
    "amount": ("amount", "total", "order total", "revenue", "value", "umsatz", "betrag"),
    "currency": ("currency", "waehrung", "wahrung"),
    "channel": ("channel", "source", "via", "kanal", "platform"),
    "device": ("device", "device type", "device category"),
    "product": ("product", "product name", "item", "item name", "category", "sku"),
    "status": ("status", "order status", "ticket status", "state"),
    "event_id": ("event id", "message id", "insert id"),
    "occurred_at": (
        "occurred at", "timestamp", "event time", "event timestamp", "event date", "time",
        "datetime", "created at", "date",
    ),
    "event": ("event", "event name", "event type", "action", "activity", "touchpoint"),
    "session": ("session", "session id", "visit id"),
    "case_id": ("case id", "case"),
    "topic": ("topic", "reason", "issue", "page"),
    "ticket_id": ("ticket id", "ticket", "ticket number", "ticket no", "case number"),
    "opened_at": ("opened at", "created", "created at", "created time", "opened", "date"),
    "resolved_at": ("resolved at", "resolved time", "solved at", "closed at", "resolved"),
    "subject": ("subject", "title"),
    "agent": ("agent", "assignee", "owner"),
    "message_id": ("message id",),
    "sent_at": ("sent at", "sent", "send time", "created at", "date", "timestamp"),
    "direction": ("direction", "inbound or outbound"),
    "thread": ("thread", "thread id", "conversation id", "conversation"),
    "feedback_id": ("response id", "respondent id", "feedback id", "review id", "survey id"),
    "given_at": (
        "given at", "submitted at", "response date", "answered at", "review date", "date",
        "timestamp", "created at", "datum",
    ),
    "score": ("score", "rating", "nps", "nps score", "csat", "stars", "star rating", "bewertung"),
    "comment": ("comment", "comments", "review", "review text", "feedback", "kommentar"),
    "month": ("month", "monat", "period"),
}  # fmt: skip

_TELLING: dict[str, tuple[str, ...]] = {
    "orders": ("order_id", "customer_id", "ordered_at"),
    "events": ("event", "occurred_at"),
    "tickets": ("ticket_id", "opened_at"),
    "messages": ("direction", "sent_at", "customer_id"),
    "feedback": ("score", "given_at"),
    "subscriptions": ("month", "amount", "customer_id"),
}
# Names that say one thing only; others ("date", "total") fit several columns of several tables.
_VAGUE = {"date", "timestamp", "created at", "time", "created", "datum", "source", "state", "value"}
_VAGUE |= {"customer", "invoice", "title", "item", "category", "owner", "reason", "page", "case"}
_VAGUE |= {"status", "total", "action", "review", "ticket", "sent", "event date"}


@dataclass(frozen=True)
class Guess:
    """What a file may be: a canonical table and its columns, with confidences from 0 to 1."""

    table: str
    columns: Mapping[str, tuple[str, float]]  # canonical column -> the file's column, confidence
    confidence: float

    @property
    def mapping(self) -> dict[str, dict[str, str]]:
        """What may be taken without asking, in the words of `import_exports(mapping=...)`."""
        sure = {name: column for name, (column, fit) in self.columns.items() if fit >= SURE}
        return {self.table: sure}

    @property
    def sure(self) -> bool:
        """Whether the guess may be taken without asking."""
        return self.confidence >= SURE

    def question(self) -> str:
        """Ask about the guess in one sentence."""
        said = ", ".join(f"'{column}' as {name}" for name, (column, _) in self.columns.items())
        return (
            f"Is this {self.table}, with {said} ({self.confidence:.0%} sure)? "
            "Confirm it in notebook 00 or import it with mapping={...}"
        )


def words(name: str) -> str:
    """Return a column's name as plain words.

    >>> words("star_Rating"), words("npsScore")
    ('star rating', 'nps score')
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain(split).replace("ä", "ae")).split())


def guesses(names: Sequence[str], sample: pl.DataFrame) -> list[Guess]:
    """Return what a file may be, likeliest first; `sample` holds rows as columns c0, c1 …"""
    made = []
    for table, telling in _TELLING.items():
        columns = _columns(table, names, sample)
        if any(name not in columns for name in telling):
            continue
        confidence = min(columns[name][1] for name in telling)
        key = [columns[name][0] for name in schema.TABLES[table].key if name in columns]
        if len(key) == 1 and _repeats(sample[f"c{list(names).index(key[0])}"]):
            # several rows of one order: taken as they are, all but one would count as repeated
            confidence = min(confidence, 0.6)
        made.append(Guess(table, columns, confidence))
    made.sort(key=lambda guess: (-guess.confidence, -len(guess.columns), guess.table))
    if len(made) > 1 and made[0].confidence - made[1].confidence < 0.1:
        # two tables fit about equally well: that is a question, however well each fits
        made = [Guess(g.table, g.columns, min(g.confidence, 0.8)) for g in made]
    return made


def _repeats(cells: pl.Series) -> bool:
    filled = cells.drop_nulls()
    return filled.n_unique() < 0.95 * filled.len()


def _columns(
    table: str, names: Sequence[str], sample: pl.DataFrame
) -> dict[str, tuple[str, float]]:
    """Return for each canonical column the file's column that fits best, each used once."""
    fits = []
    for column in schema.TABLES[table].columns:
        for place, name in enumerate(names):
            if name and f"c{place}" in sample.columns:
                fit = _fit(column, name, sample[f"c{place}"])
                if fit > 0.3:
                    fits.append((fit, -place, column.name, name))
    found: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for fit, _, column_name, name in sorted(fits, reverse=True):
        if column_name not in found and name not in used:
            found[column_name] = (name, round(fit, 2))
            used.add(name)
    order = [column.name for column in schema.TABLES[table].columns]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0])))


def _fit(column: schema.Column, name: str, cells: pl.Series) -> float:
    said = words(name)
    known = _NAMES.get(column.name, ())
    if said == words(column.name):
        by_name = 1.0
    elif said in known:
        by_name = 0.7 if said in _VAGUE else 0.95
    elif any(f" {word} " in f" {said} " for word in known):
        by_name = 0.5
    else:
        return 0.0
    return by_name * _readable(column.kind, cells)


def _readable(kind: str, cells: pl.Series) -> float:
    """Return the share of filled cells that read as `kind`."""
    frame = cells.to_frame("cell").select(types.clean(pl.col("cell"), kind)).drop_nulls()
    if frame.is_empty():
        return 0.5
    seen = types.evidence(kind, frame["cell"])
    declared = types.DAY_FIRST if kind == "time" else types.POINT
    how = types.decide(seen, seen, "" if not types.question(seen, types.How()) else declared, "UTC")
    read = types.typed(kind, frame["cell"], how)
    return 1 - read.null_count() / read.len()


def shape(text: str | None) -> str:
    """Return how a value looks without what it says: letters become x, digits 9.

    >>> shape("Ann@example.test 2024-01-05")
    'Xxx@xxxxxxx.xxxx 9999-99-99'
    """
    masked = re.sub(r"[^\W\d_]", lambda m: "X" if m[0].isupper() else "x", text or "")
    return re.sub(r"\d", "9", masked)[:40]
