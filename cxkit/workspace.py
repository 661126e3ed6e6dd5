"""One open store: asks DuckDB and gives polars frames. Analyses are functions on it."""

import os
from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from cxkit import settings as settings_
from cxkit import store as store_
from cxkit.errors import BadQuestion, between_0_and_1, listed, whole_number
from cxkit.result import counted
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.segments import MOST
from cxkit.stats.survival import lapse_interval, lapse_limit, return_curve

_EARLIEST = 1900  # years before it are slips
_BEYOND = timedelta(days=31)  # a month's end may be asked for where the last days brought nothing
_UNSURE = " (uncertain: too many samples drawn from the customers show no limit)"
_QUIET = 5  # purchases that a silence should have brought, so that it is none by chance
_ANALYSES = Path(__file__).with_name("analyses")
_TAG = Path(__file__).with_name("tag.sql")


class LapseRule(NamedTuple):
    """The lapse limit in days, where it comes from, and whether the data had none to give."""

    days: int
    source: str
    convention: bool = False


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

    def link_effect(
        self,
        until: datetime | None,
        stages: Sequence[Sequence[str]] = (),
        entered_by: datetime | None = None,
    ) -> dict[str, int]:
        """Count what the proposed links between people known at `until` would change.

        `stages` are the touchpoints of each stage of a funnel: who had one of the first stage's
        until `entered_by` has entered it.
        """
        return self.query(
            "link_effect",
            as_of=until,
            entry=[touchpoint for stage in stages[:1] for touchpoint in stage],
            walked=[touchpoint for stage in stages for touchpoint in stage],
            entered_by=entered_by,
        ).row(0, named=True)

    def link_note(
        self,
        until: datetime | None,
        of: str = "people",
        stages: Sequence[Sequence[str]] = (),
        entered_by: datetime | None = None,
    ) -> tuple[str, ...]:
        """Return the caveats of a total of people: what links change in it, applied or proposed.

        `of` is what is counted: people, buyers, or those who entered a funnel (see `link_effect`).
        Nothing where no link was accepted, and none is proposed that would change the total.
        """
        proposed = self.tables.get("proposed_links")
        effect = self.link_effect(until, stages, entered_by) if proposed else {}
        return (*_applied(self.settings.people.same, self.persons), *_not_applied(effect, of))

    def end_note(self, as_of: object = None) -> tuple[str, ...]:
        """Return the caveat of an as-of moment that nobody named and few rows make.

        These rows stand more than 30 days after all others and are at most 1 % of all dated rows
        (or one alone), where there are at least 30: a date typed wrong, or a plan for later.
        """
        found = () if as_of is not None else self._apart.iter_rows(named=True)
        return tuple(
            f"The data end on {row['newest']:%d %b %Y} by no more than {row['rows']:,} of "
            f"{row['dated']:,} dated rows (in {row['tables']}): all others are of "
            f"{row['ends_on']:%d %b %Y} or before. If the late date is a slip, ask with "
            f"as_of='{row['ends_on']}'."
            for row in found
        )

    def purchases_note(self, until: datetime | None) -> tuple[str, ...]:
        """Return the caveats of what an analysis of purchases cannot see at `until`.

        That orders stop before it, where at the pace of the year before at least five should have
        come since (by chance none would in less than 1 % of cases); that orders begin shortly
        before it; that people pay without an order.
        """
        if until is None:
            return ()
        zone = self.settings.company.timezone
        seen = self.query("purchases_seen", as_of=until, zone=zone).row(0, named=True)
        today, notes = f"{seen['today']:%d %b %Y}", []
        many = seen["purchases"] >= ENOUGH
        if many and seen["expected"] >= _QUIET:
            notes.append(
                f"The last purchase is of {seen['last_day']:%d %b %Y}, "
                f"{counted(seen['silent_days'], 'day')} before {today}; at the pace of the year up "
                f"to it {seen['expected']:,.0f} more would have come since. If the export just "
                f"lacks them, ask with as_of='{seen['last_day']}'."
            )
        if seen["first_day"] is None and seen["orders"]:
            notes.append(
                f"No purchase is known up to {today}: whoever had bought by then counts as a "
                "prospect."
            )
        elif many and seen["seen_days"] < self.settings.lifecycle.horizon_days:
            notes.append(
                f"The orders begin on {seen['first_day']:%d %b %Y}, "
                f"{counted(seen['seen_days'], 'day')} before {today}: whoever bought earlier "
                "counts as one who did not."
            )
        if seen["subscribers"]:
            who = "person pays" if seen["subscribers"] == 1 else "people pay"
            notes.append(
                f"{seen['subscribers']:,} {who} for a subscription without an order: only orders "
                "count as purchases here."
            )
        return tuple(notes)

    @cached_property
    def _apart(self) -> pl.DataFrame:
        return self.query("end_of_data", zone=self.settings.company.timezone)

    def lapse_rule(
        self,
        until: datetime | None,
        asked: int | None = None,
        return_share: float | None = None,
    ) -> LapseRule:
        """Return after how many days of silence a customer is lapsed, as was known at `until`.

        The limit that was asked for, or the settings' own, or the one that the return curve shows
        (for `return_share`, else the settings'), or, where it shows none, `horizon_days`. Raises
        BadQuestion for values that cannot be used.
        """
        life = self.settings.lifecycle
        if asked is not None:
            asked = whole_number("lapse_days", asked)
        told = asked or (0 if return_share is not None else life.lapse_days)
        if told:
            by = "as asked" if asked else "as the settings say"
            return LapseRule(
                told, f"Lapsed means silent for more than {counted(told, 'day')}, {by}."
            )
        share = (
            life.return_share
            if return_share is None
            else between_0_and_1("return_share", return_share)
        )
        spells = self.query("lapse_curve", as_of=until, zone=self.settings.company.timezone)
        found = lapse_limit(return_curve(spells, life.horizon_days), share)
        if found is not None:
            sure = lapse_interval(spells, life.horizon_days, share) is not None
            unsure = "" if sure else _UNSURE
            return LapseRule(
                found,
                f"Lapsed means silent for more than {counted(found, 'day')}{unsure}: from then on "
                f"at most {100 * share:.0f} % buy again within "
                f"{counted(life.horizon_days, 'day')} (see lapse_curve).",
            )
        return LapseRule(
            life.horizon_days,
            "The data do not show after how long a silence a customer has lapsed (see "
            f"lapse_curve): {_the_days(life.horizon_days)} a convention.",
            convention=True,
        )

    def with_field(self, name: str, values: pl.DataFrame) -> "Workspace":
        """Return a workspace on the same snapshot in which customers have one more field.

        `values` holds customer_id and `name`. Analyses find the field in the customers' attributes,
        where it replaces one of the same name; people without a row in `customers` get one. This
        workspace stays as it is.
        """
        other = copy(self)
        other._connection = store_.attach_snapshot(self.store, self.snapshot)
        told = values.drop_nulls()
        tags, customers = _TAG.read_text(encoding="utf-8").split(";\n")
        people = {"ids": told["customer_id"].to_list(), "told": told[name].to_list()}
        other._connection.execute(tags, people)
        other._connection.execute(customers, {"name": name})
        return other

    def close(self) -> None:
        """Let go of the snapshot."""
        self._connection.close()


def _applied(
    same: Sequence[Sequence[str]], persons: Callable[[Sequence[str]], dict[str, str]]
) -> tuple[str, ...]:
    """Say which of the accepted links the snapshot has applied."""
    ids = sorted({one for group in same for one in group})
    person = persons(ids) if ids else {}
    done = [group for group in same if len({person[one] for one in group}) == 1]
    if not done:
        return ()
    joined = {one for group in done for one in group}
    people = len({person[one] for one in joined})
    return (
        f"{len(done):,} accepted {'link is' if len(done) == 1 else 'links are'} applied: "
        f"{len(joined):,} ids count as {people:,} {'person' if people == 1 else 'people'} "
        "(see [people] same in cx.toml).",
    )


def _not_applied(effect: dict[str, int], of: str) -> tuple[str, ...]:
    """Say what the proposed links would make of a total."""
    pairs = effect.get("pairs" if of == "people" else f"pairs_of_{of}", 0)
    if not pairs:
        return ()
    before, after = effect[of], effect[f"{of}_linked"]
    between = {"people": "", "buyers": " between buyers", "entered": " of people who entered"}[of]
    if of == "entered":
        fewer = f"{after:,} entered instead of {before:,}, and " if after < before else ""
        change = f"{fewer}some may have got further"
    else:
        noun = "person" if after == 1 else "people"
        noun = noun if of == "people" else "buyer" if after == 1 else "buyers"
        change = f"{after:,} {noun} instead of {before:,}"
    if of == "people" and effect["buyers_linked"] < effect["buyers"]:
        change += f", and {effect['buyers_linked']:,} buyers instead of {effect['buyers']:,}"
    return (
        f"{pairs:,} proposed {'link' if pairs == 1 else 'links'}{between} "
        f"{'is not applied: with it' if pairs == 1 else 'are not applied: with them'} "
        f"{change} (see identity_links).",
    )


def _tells_people_apart(people: int, kinds: int, largest: int, **_names: str) -> bool:
    """Say whether an attribute is of persons, not of kinds of them: see `Workspace.segment`."""
    thin = kinds > MOST + 1 and largest < min(ENOUGH, people / 20)
    return people >= ENOUGH and (thin or kinds > people / 2)


def _no_field(by: str, told: pl.DataFrame) -> str:
    if told.is_empty():
        return f"There is no field {by!r}"
    return f"{by!r} has {told['kinds'][0]:,} values among {told['people'][0]:,} people, too many"


def _the_days(days: int) -> str:
    return "the 1 day is" if days == 1 else f"the {days} days are"


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
