"""Who moved from which state to which, between two dates?"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion
from cxkit.lapse import LapseRule, lapse_rule
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, add_wilson, said_count
from cxkit.workspace import Workspace, query_text

QUESTION = "Who moved from which state to which, between two dates?"
_HALF_A_YEAR = 182  # days
_STAYING = ("new", "active", "loyal", "returned")  # customers who have not lapsed


def lifecycle_moves(
    workspace: Workspace,
    *,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
    lapse_days: int | None = None,
) -> Result:
    """Count the people who were in one state at `since` and in another at `as_of`.

    The states are those of `lifecycle`, with one lapse limit for both dates: nobody moves because
    the ruler did. People who became known in between come from 'not yet known'.

    Args:
        workspace: an open store.
        since: the earlier date; default: 26 weeks before the later.
        as_of: the later date; default: the latest time in the data.
        lapse_days: the lapse limit; default: as in `lifecycle`, found as of the later date.

    Returns:
        One row per pair of states, 42 in all: state_before, state, customers, people_before
        (everyone in state_before: rows add up to it), share with Wilson's interval (_low, _high)
        of people_before, since, as_of, lapse_days. The rows of one state_before add up to
        `lifecycle` at the earlier date, those of one state to `lifecycle` at the later, both with
        this limit.

    Raises:
        BadQuestion: where the earlier date is not before the later, or lapse_days is no whole
            number from 1 on.
    """
    until = workspace.moment(as_of)
    start = _start(workspace, since, until)
    limit = lapse_rule(workspace, until, lapse_days)
    life, zone = workspace.settings.lifecycle, workspace.settings.company.timezone
    counts = workspace.query(
        "lifecycle_moves",
        since=start,
        as_of=until,
        zone=zone,
        lapse_days=limit.days,
        new_days=life.new_days,
        loyal_orders=life.loyal_orders,
    )
    table = _shares(counts, _day(start, zone), _day(until, zone), limit.days)
    return Result(
        name="lifecycle_moves",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=(
            *_caveats(table, limit),
            *end_note(workspace, as_of),
            *purchases_note(workspace, start),
            *purchases_note(workspace, until),
            *link_note(workspace, until),
        ),
        sql=query_text("lifecycle_moves"),
        as_of=until,
        n=int(table["customers"].sum()),
        draw=_chart,
    )


def _start(
    workspace: Workspace, since: date | datetime | str | None, until: datetime | None
) -> datetime | None:
    if until is None:
        return None
    if since is None:
        last = _day(until, workspace.settings.company.timezone)
        since = last - timedelta(days=_HALF_A_YEAR) if last else None
    start = workspace.moment(since)
    if start is None or start >= until:
        raise BadQuestion(
            f"since is {start:%Y-%m-%d %H:%M} and as_of is {until:%Y-%m-%d %H:%M} (UTC): people "
            "move from an earlier moment to a later one. Give an earlier since."
        )
    return start


def _day(moment: datetime | None, zone: str) -> date | None:
    """Return the day of a moment where the company is."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() if moment else None


def _shares(
    counts: pl.DataFrame, since: date | None, as_of: date | None, lapse_days: int
) -> pl.DataFrame:
    frame = counts.with_columns(people_before=pl.col("customers").sum().over("state_before"))
    return add_wilson(frame, "customers", "people_before", "share").with_columns(
        since=pl.lit(since, dtype=pl.Date),
        as_of=pl.lit(as_of, dtype=pl.Date),
        lapse_days=pl.lit(lapse_days, dtype=pl.Int64),
    )


def _count(table: pl.DataFrame, before: str, after: str) -> int:
    rows = table.filter((pl.col("state_before") == before) & (pl.col("state") == after))
    return int(rows["customers"].sum())


def _base(table: pl.DataFrame, before: str) -> int:
    return int(table.filter(pl.col("state_before") == before)["customers"].sum())


def _largest_loss(table: pl.DataFrame) -> str | None:
    """Return the state from which most customers have lapsed; None where nobody was a customer."""
    rows = table.filter(pl.col("state_before").is_in(_STAYING) & (pl.col("state") == "lapsed"))
    rows = rows.filter(pl.col("people_before") > 0)
    place = rows["customers"].arg_max()
    return str(rows["state_before"][place]) if place is not None else None


def _finding(table: pl.DataFrame) -> str:
    people = int(table["customers"].sum())
    if people == 0:
        return "Nobody is known yet: there is neither a contact list nor an order."
    since, until = table["since"][0], table["as_of"][0]
    if since is None:
        return "Nothing is dated: nobody can have moved."
    start, end = f"{since:%d %b %Y}", f"{until:%d %b %Y}"
    known = people - _base(table, "not yet known")
    if known == 0:
        who = f"all {people:,}" if people > 1 else "the one"
        return f"On {start} nobody was known yet: {who} became known by {end}."
    state = _largest_loss(table)
    gone, before = _base(table, "lapsed"), _base(table, "prospect")
    if state is None and gone == 0:
        bought = known - _count(table, "prospect", "prospect")
        small = " (too few to say more)" if before < ENOUGH else ""
        return (
            f"Of {counted(before, 'prospect')} on {start}, {said_count(bought, before)} "
            f"{verb(bought, 'have')} bought by {end}{small}."
        )
    said = []
    if state is not None:
        base, left = _base(table, state), _count(table, state, "lapsed")
        small = " (too few to say more)" if base < ENOUGH else ""
        said.append(
            f"of {base:,} {state} on {start}, {said_count(left, base)} {verb(left, 'are')} lapsed "
            f"by {end}{small}"
        )
    if gone:
        back = gone - _count(table, "lapsed", "lapsed")
        small = " (too few to say more)" if gone < ENOUGH else ""
        said.append(
            f"of {gone:,} lapsed then, {said_count(back, gone)} {verb(back, 'have')} bought "
            f"again{small}"
        )
        if state is None:
            said[0] = said[0].replace("then", f"on {start}").replace("again", f"again by {end}")
    text = "; ".join(said) + "."
    return text[0].upper() + text[1:]


def _caveats(table: pl.DataFrame, limit: LapseRule) -> tuple[str, ...]:
    if not int(table["customers"].sum()):
        return ()
    notes = [limit.source, "The same limit holds for both dates, so that only people move."]
    arrived = _base(table, "not yet known")
    if arrived:
        who = "1 person" if arrived == 1 else f"{arrived:,} people"
        notes.append(f"{who} became known in between: they come from no state.")
    small = {
        state: base
        for state, base in table.select("state_before", "people_before")
        .unique()
        .sort("state_before")
        .rows()
        if 0 < base < ENOUGH
    }
    if small:
        told = ", ".join(f"{base} {state}" for state, base in small.items())
        notes.append(f"Too few to say where they go: {told}.")
    notes.append(
        "Two dates do not show what lay between: who lapsed and came back in the meantime has "
        "not moved here."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    since, until = table["since"][0], table["as_of"][0]
    people = int(table["customers"].sum())
    if people == 0 or since is None:
        return charts.nothing("Nobody can have moved")
    stayed = table.filter(pl.col("state_before") == pl.col("state"))
    known = people - _base(table, "not yet known")
    same = int(stayed["customers"].sum())
    title = (
        f"{same:,} of {known:,} {'person' if known == 1 else 'people'} "
        f"{verb(same or known, 'are')} in the state of {since:%d %b %Y} on {until:%d %b %Y}"
    )
    rows = table.filter(pl.col("people_before") > 0).with_columns(
        before=pl.format("{} ({})", "state_before", "people_before")
    )
    return charts.matrix(
        rows,
        x="state",
        y="before",
        value="share",
        texts=[f"{n:,}" if n else "" for n in rows["customers"]],
        title=title,
        x_unit=f"state on {until:%d %b %Y}",
        y_unit=f"state on {since:%d %b %Y} (people)",
    )
