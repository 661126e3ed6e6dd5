"""Who was where, and when: the timeline in whole columns, for functions that walk along it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl

from cxkit.errors import BadQuestion, by_name, listed
from cxkit.workspace import Workspace

# Whose steps may be walked; each has its name in a sentence.
UNITS = {
    "customer": "customer",
    "session": "visit",
    "order": "order",
    "case": "case",
    "attempt": "attempt",
}
SPOTS = ("channel", "device")  # of the entry, not of the person
_SLICE = 10_000_000  # rows that are walked at a time
COMPANYS = ("message out", "contacted", "ticket resolved", "ticket escalated")


def passages(
    workspace: Workspace,
    until: datetime | None,
    unit: str = "customer",
    people: tuple[int, int] | None = None,
    entry: Sequence[str] = (),
    *,
    named: bool = False,
) -> pl.DataFrame:
    """Return what happened up to `until`: one row per dated row of the data, in order.

    The columns are who, at (microseconds since 1970, UTC), kind (see `kinds`) and, where a unit is
    no customer, customer_key. `who` is dense within the answer. A session ends with 30 minutes of
    silence; an order or a case is one person's rows with that number; an attempt begins with each
    of the touchpoints in `entry` and ends with the next. `people` are the first and
    last customer_key to look at. With `named` orders and cases bear their number, case_id. Raises
    BadQuestion where there is no such unit.
    """
    _check_unit(unit, attempts=bool(entry))
    first, last = people or (0, 2**31 - 1)
    query = "passages" if unit == "customer" else "passages_of_units"
    asked = {} if unit == "customer" else {"unit": unit, "entry": list(entry), "named": named}
    return workspace.query(query, as_of=until, first=first, last=last, **asked)


def micros(moment: datetime) -> int:
    """Return a moment in UTC without a zone as `passages` counts time.

    >>> micros(datetime(1970, 1, 2))
    86400000000
    """
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def kinds(workspace: Workspace) -> dict[str, int]:
    """Return the number that stands for each touchpoint in `passages`."""
    names = workspace.sql("select unnest(enum_range(null::touchpoint_name))::varchar as name")
    return {name: place for place, name in enumerate(names["name"])}


def kinds_of(known: Mapping[str, int], touchpoints: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of those touchpoints that the data hold.

    >>> kinds_of({"cart": 0, "paid": 1}, ["paid", "phoned"])
    (1,)
    """
    return tuple(known[name] for name in touchpoints if name in known)


def slices(workspace: Workspace) -> list[tuple[int, int]]:
    """Return ranges of customer_key that together are everyone, of some ten million rows each."""
    people, rows = workspace.tables["people"], workspace.tables["timeline"]
    parts = min(max(1, -(-rows // _SLICE)), max(1, people))
    edges = [people * part // parts for part in range(parts + 1)]
    return [(first, last - 1) for first, last in pairwise(edges)]


def beginning(workspace: Workspace, since: date | datetime | str | None) -> datetime | None:
    """Return the first moment that counts: of a day its beginning where the company is.

    Raises BadQuestion where it is no moment, or one after the end of the data.
    """
    if since is None:
        return None
    if not isinstance(since, date | str):
        raise BadQuestion(f"since is {since!r}, which is not a day. Write it as '2026-01-31'.")
    try:
        moment = workspace.moment(since)
    except BadQuestion as problem:
        raise BadQuestion(str(problem).replace("as_of", "since")) from None
    if isinstance(since, datetime) or "T" in str(since):
        return moment
    day = date.fromisoformat(since) if isinstance(since, str) else since
    before = workspace.moment(day - timedelta(days=1))
    return None if before is None else before + timedelta(microseconds=1)


def chosen(
    workspace: Workspace,
    entry: Sequence[str],
    where: Mapping[str, str] | None,
    since: datetime | None,
    until: datetime | None,
) -> pl.Series | None:
    """Return the keys of the people of whom all is true that `where` says; None: of everyone.

    A channel or a device is that of the first passage of one of the touchpoints in `entry`, from
    `since` to `until`. Raises BadQuestion where it is no mapping, nobody is such, or in a report
    too few are.
    """
    where = by_name("where", where, "{'channel': 'app'}")
    if not where:
        return None
    everyone = {"first": 0, "last": 2**31 - 1}
    found: pl.Series | None = None
    for by, value in where.items():
        field = workspace.segment(by, own=SPOTS)
        if by in SPOTS:
            told = workspace.query(
                "entry_spots", by=by, touchpoints=list(entry), as_of=until, **everyone
            )
            if since is not None:
                told = told.filter(pl.col("at") >= micros(since))
            told = told.unique("customer_key", keep="first", maintain_order=True)
        else:
            told = workspace.query("stage_funnel", by=field, **everyone)
        told = told.with_columns(pl.col("segment").fill_null("missing"))
        values = told["segment"].unique().to_list()
        if value not in values:
            raise BadQuestion(f"Nobody's {by} is {value!r}. There are: {listed(values)}.")
        keys = told.filter(pl.col("segment") == value)["customer_key"]
        found = keys if found is None else found.filter(found.is_in(keys.implode()))
    if found is not None and found.len() < workspace.least:
        raise BadQuestion(
            f"Fewer than {workspace.least} people have {in_words(where)}: a report does not single "
            "them out. Ask in a notebook."
        )
    return found


def in_words(values: Mapping[str, str] | None) -> str:
    """Return a filter in words: 'device mobile, channel web'."""
    return ", ".join(f"{field} {value}" for field, value in (values or {}).items())


def whom(where: Mapping[str, str] | None, since: date | datetime | str | None) -> str:
    """Say after a noun who is counted and from when on; nothing where that is everyone, ever.

    >>> whom({"device": "mobile"}, "2026-01-31"), whom(None, None)
    (' with device mobile since 2026-01-31', '')
    """
    told = f" with {in_words(where)}" if where else ""
    return told if since is None else f"{told} since {since}"


def lasting(seconds: float) -> str:
    """Return a length of time in the unit that suits it.

    >>> lasting(1), lasting(59.4), lasting(90), lasting(5400), lasting(200_000)
    ('1 second', '59 seconds', '1.5 minutes', '1.5 hours', '2.3 days')
    """
    if seconds < 60:
        return f"{seconds:.0f} second{'' if 0.5 < seconds < 1.5 else 's'}"
    size, unit = next(
        (size, unit)
        for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
        if seconds >= size
    )
    return f"{seconds / size:.1f} {unit}"


def place_names(workspace: Workspace, of: str) -> list[str]:
    """Return the touchpoints or the stages of the data; BadQuestion where `of` is neither."""
    if of == "touchpoint":
        return list(kinds(workspace))
    if of == "stage":
        names = workspace.sql("select unnest(enum_range(null::stage_name))::varchar as name")
        return names["name"].to_list()
    raise BadQuestion(f"of is {of!r}; it is 'touchpoint' or 'stage'.")


def in_the_data(workspace: Workspace, says: str, asked: Iterable[object]) -> None:
    """Raise BadQuestion where what was asked for is no stage or touchpoint of data or settings."""
    journey = workspace.settings.journey
    there = {*journey.stages, *journey.touchpoints, *kinds(workspace)}
    for one in asked:
        if not isinstance(one, str) or one not in there:
            raise BadQuestion(f"{says} {one!r}. The data have: {listed(there)}.")


def _check_unit(unit: str, *, attempts: bool) -> None:
    """Raise BadQuestion where there is no such unit; attempts need a stage that begins them."""
    known = [name for name in UNITS if attempts or name != "attempt"]
    if not isinstance(unit, str) or unit not in known:
        raise BadQuestion(f"There is no unit {unit!r} to follow here. There are: {listed(known)}.")


def who(workspace: Workspace, unit: str) -> str:
    """Name a unit that has no entry: a visitor whom nobody could link may be no customer.

    Raises BadQuestion where there is no such unit, or it is an attempt: those begin with an entry.
    """
    _check_unit(unit, attempts=False)
    strangers = workspace.sql("select count(*) as n from people where not known")["n"][0]
    return "visitor or customer" if unit == "customer" and strangers else UNITS[unit]


def companys(workspace: Workspace) -> set[str]:
    """Return the touchpoints that are never a customer's doing: what becomes of their orders,
    what is sent to them, and what the help desk does with a ticket.
    """
    told = workspace.sql(
        "select touchpoint::varchar as touchpoint from timeline where touchpoint is not null "
        "group by touchpoint having bool_and(coalesce(source = 'order dates' or direction = 'out', "
        "false))"
    )
    return {*told["touchpoint"], *COMPANYS}
