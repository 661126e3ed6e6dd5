"""Companies small enough to count on paper: rows in, an open workspace out."""

from pathlib import Path
from typing import Any

import polars as pl

from cxkit import schema, store
from cxkit.settings import Settings, overlay
from cxkit.workspace import Workspace


def company(
    folder: Path, settings: dict[str, Any] | None = None, **tables: list[dict[str, Any]]
) -> Workspace:
    """Publish a store in `folder` whose canonical tables hold the given rows."""
    told = settings or {}
    with store.draft(folder) as draft:
        draft.begin()  # one commit for all rows
        for table, rows in tables.items():
            for number, row in enumerate(rows, start=1):
                origin = {"source_file": f"{table}.csv", "record_no": number}
                known = _columns(table)
                values = {k: v for k, v in origin.items() if k in known} | row
                names = ", ".join(values)
                marks = ", ".join("?" for _ in values)
                draft.execute(
                    f"insert into {table} ({names}) values ({marks})", list(values.values())
                )
        draft.commit()
        store.publish(
            folder, draft, files={}, settings=overlay(Settings(), told, "test"), suggested=told
        )
    return Workspace(folder)


def company_of(folder: Path, text: str, **values: Any) -> Workspace:
    """Publish a store in `folder` whose canonical tables are filled by an SQL text."""
    with store.draft(folder) as draft:
        draft.execute(text, values)
        store.publish(folder, draft, files={}, settings=Settings(), suggested={})
    return Workspace(folder)


def many_events(folder: Path, rows: pl.DataFrame) -> Workspace:
    """Publish a store in `folder` with the events of a frame, by the names of its columns."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "events.parquet"
    rows.with_row_index("event_id", 1).with_columns(
        pl.col("event_id").cast(pl.String), source_file=pl.lit("made"), record_no="event_id"
    ).write_parquet(made)
    text = "insert into events by name select * from read_parquet($made)"
    return company_of(folder, text, made=str(made))


def _columns(table: str) -> set[str]:
    if table in schema.TABLES:
        return {c.name for c in schema.TABLES[table].columns + schema.PROVENANCE}
    return {c.name for c in schema.SNAPSHOT_TABLES[table][1]}


def events(*rows: str) -> list[dict[str, Any]]:
    """Write events as 'ann 2026-01-05T10:00 visit web'; channel and device may be left out."""
    made = []
    for row in rows:
        customer, when, event, *rest = row.split()
        places = dict(zip(("channel", "device"), rest, strict=False))
        made.append({"customer_id": customer, "occurred_at": when, "event": event, **places})
    return made


def orders(*rows: str) -> list[dict[str, Any]]:
    """Write orders as 'ann 2026-01-05 20.00'."""
    made = []
    for number, row in enumerate(rows, start=1):
        customer, when, amount = row.split()
        made.append(
            {
                "order_id": f"o{number}",
                "customer_id": customer,
                "ordered_at": when,
                "amount": amount,
                "currency": "EUR",
            }
        )
    return made
