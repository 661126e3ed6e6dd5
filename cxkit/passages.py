"""Who was where, and when: the timeline in whole columns, for functions that walk along it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

from cxkit.errors import BadQuestion, listed
from cxkit.workspace import Workspace

# Whose steps may be walked; each has its name in a sentence.
UNITS = {
    "customer": "customer",
    "session": "visit",
    "order": "order",
    "case": "case",
    "attempt": "attempt",
}
_SLICE = 10_000_000  # rows that are walked at a time
_COMPANYS = ("message out", "contacted", "ticket resolved", "ticket escalated")


def passages(
    workspace: Workspace,
    until: datetime | None,
    unit: str = "customer",
    people: tuple[int, int] | None = None,
    entry: Sequence[str] = (),
) -> pl.DataFrame:
    """Return what happened up to `until`: one row per dated row of the data, in order.

    The columns are who, at (microseconds since 1970, UTC), kind (see `kinds`) and, where a unit is
    no customer, customer_key. `who` is dense within the answer. A session ends with 30 minutes of
    silence; an order or a case is one person's rows with that number; an attempt begins with each
    of the touchpoints in `entry` and ends with the next. `people` are the first and
    last customer_key to look at. Raises BadQuestion where there is no such unit.
    """
    if unit not in UNITS:
        raise BadQuestion(f"There is no unit {unit!r} to follow. There are: {listed(UNITS)}.")
    first, last = people or (0, 2**31 - 1)
    query = "passages" if unit == "customer" else "passages_of_units"
    asked = {} if unit == "customer" else {"unit": unit, "entry": list(entry)}
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


def kinds_of(known: dict[str, int], touchpoints: Iterable[str]) -> tuple[int, ...]:
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


def who(workspace: Workspace, unit: str) -> str:
    """Name a unit: a visitor whom nobody could link may be no customer."""
    if unit not in UNITS:
        raise BadQuestion(f"There is no unit {unit!r} to follow. There are: {listed(UNITS)}.")
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
    return {*told["touchpoint"], *_COMPANYS}
