"""One open store: asks DuckDB and gives polars frames. Analyses are functions on it."""

import os
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from cxkit import settings as settings_
from cxkit import store as store_
from cxkit.errors import BadQuestion, listed

_ANALYSES = Path(__file__).with_name("analyses")


class Workspace:
    """A read-only view of the snapshot that a store publishes at this moment.

    Later imports do not change an open workspace: open it again to see them.
    """

    def __init__(self, store: str | Path) -> None:
        """Open `store`, a folder that `import_exports` has published to; NoStore otherwise."""
        self.store = Path(store)
        self.snapshot, self._connection = store_.attach_current(self.store)

    @cached_property
    def settings(self) -> settings_.Settings:
        """What the recipes in use suggest, then what the store's `cx.toml` says."""
        return settings_.load(self.store, self.snapshot["settings"])

    @property
    def least(self) -> int:
        """The fewest people that a segment may show alone: the settings' number in a report.

        An analyst at work sees every group, and is told which are too small to say anything.
        """
        reporting = os.environ.get("CXKIT_REPORT")
        return self.settings.privacy.smallest_group if reporting else 0

    @cached_property
    def as_of(self) -> datetime | None:
        """The latest time in the data, in UTC; None where nothing is dated. Never the clock."""
        latest: datetime | None = self.sql("select max(occurred_at) as t from timeline")["t"][0]
        return latest

    @cached_property
    def tables(self) -> dict[str, int]:
        """Rows per table of the snapshot."""
        counts = self.sql(
            "select table_name, estimated_size from duckdb_tables() "
            "where database_name = 'snapshot' order by table_name"
        )
        return dict(counts.iter_rows())

    def sql(self, text: str, **values: Any) -> pl.DataFrame:
        """Run SQL and return a polars frame; each `$name` in the text takes a bound value.

        Whole-number sums come as Int64 and decimals as Float64, so that polars divides them as
        one expects. Raises BadQuestion where DuckDB refuses the text or a column is an INTERVAL.
        """
        try:
            relation = self._connection.sql(text, params=values or None)
            return pl.DataFrame() if relation is None else _frame(relation)
        except duckdb.Error as problem:
            reason = str(problem).split("\n\n")[0]
            raise BadQuestion(f"The query could not run. {reason}") from None

    def query(self, name: str, **values: Any) -> pl.DataFrame:
        """Run `analyses/**/<name>.sql` with every `$parameter` bound, and return a polars frame."""
        return self.sql(query_text(name), **values)

    def moment(self, as_of: "date | datetime | str | None") -> datetime | None:
        """Return the as-of moment in UTC without a zone: what was asked, else the latest time.

        A date means the end of that day. Raises BadQuestion for text that is not a date.
        """
        if as_of is None:
            return self.as_of
        if isinstance(as_of, str):
            try:
                as_of = date.fromisoformat(as_of)
            except ValueError:
                raise BadQuestion(
                    f"as_of is '{as_of}', which is not a date. Write it as 2026-06-28."
                ) from None
        if isinstance(as_of, datetime):
            return as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
        return datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, 999999)

    def close(self) -> None:
        """Let go of the snapshot."""
        self._connection.close()


@cache
def query_text(name: str) -> str:
    """Return the SQL of one analysis, exactly as it runs.

    >>> query_text("lifecycle").splitlines()[0][:2]
    '--'
    """
    found = {path.stem: path for path in _ANALYSES.rglob("*.sql")}
    if name not in found:
        raise BadQuestion(f"There is no query '{name}'. The queries are: {listed(found, 60)}.")
    return found[name].read_text(encoding="utf-8")


def _frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    kinds = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    for name, kind in kinds.items():
        if kind == "INTERVAL":
            raise BadQuestion(f"The column '{name}' is an INTERVAL: give it as days or seconds.")
    frame = store_.frame(relation)
    whole = [n for n, kind in kinds.items() if kind in ("HUGEINT", "UHUGEINT")]
    decimal = [n for n, kind in kinds.items() if kind.startswith("DECIMAL")]
    words = [n for n, kind in kinds.items() if kind.startswith("ENUM")]
    return frame.with_columns(
        pl.col(whole).cast(pl.Int64),
        pl.col(decimal).cast(pl.Float64),
        pl.col(words).cast(pl.String),
    )
