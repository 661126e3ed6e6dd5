"""One open store: asks DuckDB and gives polars frames. Analyses are functions on it."""

import os
from collections.abc import Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from cxkit import settings as settings_
from cxkit import store as store_
from cxkit.errors import BadQuestion, listed
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.segments import MOST

_EARLIEST = 1900  # years before it are slips
_BEYOND = timedelta(days=31)  # a month's end may be asked for where the last days brought nothing
_ANALYSES = Path(__file__).with_name("analyses")
_TAG = Path(__file__).with_name("tag.sql")
_TURNED = Path(__file__).with_name("turned.sql")
_JUDGED = Path(__file__).with_name("judged.sql")


class Workspace:
    """A read-only view of the snapshot that a store publishes at this moment.

    Later imports do not change an open workspace: open it again to see them.
    """

    def __init__(self, store: str | Path) -> None:
        """Open `store`, a folder that `import_exports` has published to; NoStore otherwise."""
        self.store = Path(store)
        self.made_from: dict[str, tuple[str, ...]] = {}  # of what a field was made: `with_field`
        self.snapshot, self._connection = store_.attach_current(self.store)
        self._read_surveys()

    @cached_property
    def settings(self) -> settings_.Settings:
        """What the recipes in use suggest, then what the store's `cx.toml` says."""
        return settings_.load(self.store, self.snapshot["settings"])

    def _read_surveys(self) -> None:
        """Say which answers can be judged, and read CES turned round where high means effort."""
        high = self.settings.surveys.ces_high
        if high == "hard":
            self._connection.execute(_TURNED.read_text(encoding="utf-8"))
        self._connection.execute("set variable ces_high = $high", {"high": high})
        self._connection.execute(_JUDGED.read_text(encoding="utf-8"))

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
            store_.heed_ctrl_c(problem)
            reason = str(problem).split("\n\n")[0]
            raise BadQuestion(f"The query could not run. {reason}") from None
        except pl.exceptions.PolarsError as problem:
            reason = str(problem).split("\n")[0]
            raise BadQuestion(
                f"The result is no table: {reason}. Give each column a name and a type of its own."
            ) from None

    def query(self, name: str, **values: Any) -> pl.DataFrame:
        """Run `analyses/**/<name>.sql` with every `$parameter` bound, and return a polars frame."""
        return self.sql(query_text(name), **values)

    def segment(self, by: str | None, own: Sequence[str] = ()) -> str:
        """Return the name by which an analysis breaks people down; 'all' where nothing is asked.

        It is a field of the customers, of their attributes, or one of the analysis's `own`. An
        attribute that 30 people or more have is no such field where it tells people apart, not
        kinds of people, as names, numbers and free text do: where it has more than half as many
        values as people, or more than stand side by side (the rest is 'other'), of which not one
        is shared by 30 people or by one in twenty. Raises BadQuestion, naming the fields there
        are, where `by` is none of them.
        """
        if by is None:
            return "all"
        if not isinstance(by, str):
            raise BadQuestion(f"by is {by!r}; give the name of one field, as in 'region'.")
        if by in (fields := [*own, "region", "source", "preferred_channel"]):
            return by
        told = self.query("segment_fields", field=by)
        if told.is_empty() or _tells_people_apart(**told.row(0, named=True)):
            every = self.query("segment_fields", field=None).rows(named=True)
            fields += [row["field"] for row in every if not _tells_people_apart(**row)]
            raise BadQuestion(f"{_no_field(by, told)} to compare by. There are: {listed(fields)}.")
        return str(told["pointer"][0])

    def moment(self, as_of: "date | datetime | str | None") -> datetime | None:
        """Return the as-of moment in UTC without a zone: what was asked, else the latest time.

        A date means the end of that day where the company is. Raises BadQuestion for anything that
        is no date, and for a day after the end of the data: the silence there was never watched.
        """
        if as_of is None:
            return self.as_of
        asked = self._moment(as_of)
        zone = ZoneInfo(self.settings.company.timezone)
        if self.as_of is not None:
            last = self.as_of.replace(tzinfo=UTC).astimezone(zone).date()
            if asked > self._moment(last) + _BEYOND:
                raise BadQuestion(
                    f"The data end on {last:%d %b %Y}, so what was on {asked:%d %b %Y} cannot be "
                    f"said. Ask with as_of='{last}' or an earlier day."
                )
        return asked

    def _moment(self, as_of: "date | datetime | str") -> datetime:
        if isinstance(as_of, str):
            try:
                as_of = datetime.fromisoformat(as_of) if "T" in as_of else date.fromisoformat(as_of)
            except ValueError:
                raise BadQuestion(
                    f"as_of is '{as_of}', which is not a date. Write it as 2026-06-28."
                ) from None
        if isinstance(as_of, datetime) and as_of.year >= _EARLIEST:
            return as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
        if not isinstance(as_of, date):
            raise BadQuestion(f"as_of is {as_of!r}, which is not a date. Write it as '2026-06-28'.")
        if as_of.year < _EARLIEST:
            raise BadQuestion(
                f"as_of is {as_of}, which is before any data. Write it as '2026-06-28'."
            )
        zone = ZoneInfo(self.settings.company.timezone)
        end = datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, 999999, tzinfo=zone)
        return end.astimezone(UTC).replace(tzinfo=None)

    def persons(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the person whom each id stands for, which is the id itself where none else is."""
        found = self.sql(
            "select id, coalesce(as_customer.customer_id, as_written.customer_id, id) as person "
            "from (select unnest($ids::varchar[]) as id) "
            "left join aliases as as_customer on as_customer.alias = 'customer:' || id "
            "left join aliases as as_written on as_written.alias = id",
            ids=list(ids),
        )
        return dict(found.iter_rows())

    def with_field(
        self, name: str, values: pl.DataFrame, made_from: Sequence[str] = ()
    ) -> "Workspace":
        """Return a workspace on the same snapshot in which customers have one more field.

        `values` holds customer_id and `name`; `made_from` names the features that the values were
        made from, so that an analysis of the same ones can say so. Analyses find the field in the
        customers' attributes, where it replaces one of the same name; people without a row in
        `customers` get one. This workspace stays as it is.
        """
        other = copy(self)
        other.made_from = {**self.made_from, name: tuple(made_from)}
        other._connection = store_.attach_snapshot(self.store, self.snapshot)
        other._read_surveys()
        told = values.drop_nulls()
        tags, customers = _TAG.read_text(encoding="utf-8").split(";\n")
        people = {"ids": told["customer_id"].to_list(), "told": told[name].to_list()}
        other._connection.execute(tags, people)
        other._connection.execute(customers, {"name": name})
        return other

    def close(self) -> None:
        """Let go of the snapshot."""
        self._connection.close()


def _tells_people_apart(people: int, kinds: int, largest: int, **_names: str) -> bool:
    """Say whether an attribute is of persons, not of kinds of them: see `Workspace.segment`."""
    thin = kinds > MOST + 1 and largest < min(ENOUGH, people / 20)
    return people >= ENOUGH and (thin or kinds > people / 2)


def _no_field(by: str, told: pl.DataFrame) -> str:
    if told.is_empty():
        return f"There is no field {by!r}"
    return f"{by!r} has {told['kinds'][0]:,} values among {told['people'][0]:,} people, too many"


@cache
def query_text(name: str) -> str:
    """Return the SQL of one analysis, exactly as it runs.

    >>> query_text("lifecycle").splitlines()[0][:2]
    '--'
    """
    found = {path.stem: path for path in _ANALYSES.rglob("*.sql")}
    if name not in found:
        raise BadQuestion(
            f"There is no query '{name}'. The queries are: {listed(found, len(found))}."
        )
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
