"""What happens at each stage of a journey, counted along the timeline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from cxkit.experience import CONTACTS, Journey, contact_kinds, spots, trails
from cxkit.passages import micros
from cxkit.stats.intervals import add_wilson
from cxkit.stats.rates import poisson
from cxkit.stats.stays import (
    Stays,
    Waits,
    doings,
    last_rows,
    median_of_ended,
    median_wait,
    next_kinds,
    seated,
    waits,
)
from cxkit.stats.walks import Log, either, onward, people, rows_of, walk
from cxkit.workspace import Workspace

_DAY = 86_400_000_000  # microseconds
_ACTIONS = 3  # named per stage
_INTERVALS = ("", "_low", "_high")


class Tally(NamedTuple):
    """What was counted of some of the people, stage by stage: added up over all parts."""

    reached: list[int]
    visitors: list[int]  # of the first stage: whom nobody could link to a customer
    went_on: list[int | None]  # of those: to the next required stage, or an optional one before it
    stays: list[int]
    waits: list[list[Waits]]
    contacts: list[int]
    doings: list[Counter[int]]
    steps: list[Counter[int]]  # what the leavers did next


def tallied(
    workspace: Workspace, asked: Journey, heard: pl.Series
) -> tuple[Tally, list[pl.DataFrame]]:
    """Count along the timeline; also return where those were who said or met something."""
    size = len(asked.plan.stages)
    tally = Tally(
        [0] * size,
        [0],
        [None] * size,
        [0] * size,
        [[] for _ in range(size)],
        [0] * size,
        [Counter() for _ in range(size)],
        [Counter() for _ in range(size)],
    )
    trail: list[pl.DataFrame] = []
    if asked.until is None:
        return tally, trail
    strangers = workspace.sql("select customer_key from people where not known")["customer_key"]
    for there, found in trails(workspace, asked):
        if len(heard):
            trail.append(spots(there, found, heard, sum(tally.stays)))
        _add(tally, asked, there, found, strangers)
    return tally, trail


def _add(tally: Tally, asked: Journey, there: Log, found: Stays, strangers: pl.Series) -> None:
    plan, until = asked.plan, asked.until
    assert until is not None
    size, start = len(plan.stages), micros(plan.latest_start(until))
    walked = walk(there, plan.steps, plan.within, start)
    contacts = seated(there, found, contact_kinds(asked), size, plan.within).tolist()
    done = doings(there, found, plan.kinds, plan.within)
    own = rows_of(there, asked.own_kinds)
    entered = people(there, walked[plan.step_of[0]].rows)
    tally.visitors[0] += int(pl.Series(entered).is_in(strangers.implode()).sum())
    for place in range(size):
        here = walked[plan.step_of[place]].rows
        tally.reached[place] += len(people(there, here))
        tally.contacts[place] += contacts[place]
        for kind in done[place].nonzero()[0].tolist():
            tally.doings[place][kind] += int(done[place][kind])
        starts = found.rows[found.places == place]
        tally.stays[place] += len(starts)
        following = next((p for p in range(place + 1, size) if asked.required[p]), None)
        if following is None:
            continue
        further = plan.onward_of[place] if plan.optional[place] else plan.step_of[following]
        assert further is not None
        on = walked[further].rows
        between = [walked[plan.step_of[p]].rows for p in range(place + 1, following)]
        if between:
            on = either(there, [on, *between], of=here)
        tally.went_on[place] = (tally.went_on[place] or 0) + len(people(there, on))
        here_to_next = [plan.steps[plan.step_of[p]] for p in (place, following)]
        ends = onward(there, starts, here_to_next, plan.within)[-1]
        tally.waits[place].append(waits(there, starts, ends, plan.within, micros(until)))
        left = last_rows(there, here, on)
        left = left[there.at[left] <= start]
        tally.steps[place].update(next_kinds(there, left, own, plan.within))


def stage_counts(tally: Tally, asked: Journey) -> pl.DataFrame:
    """Return one row per stage with what was counted: see `journey_map`."""
    plan = asked.plan
    names = {kind: name for name, kind in asked.kinds.items()}
    does = {kind: names[kind] for kind in asked.own_kinds if names[kind] not in asked.glitch_names}
    seen = [bool(known) for known in plan.kinds]
    asks = bool(contact_kinds(asked))  # where nobody records contacts there are no data
    bases = [tally.stays[base] for base in asked.bases]
    rates = [
        poisson(count, base) if there and asks else poisson(0, 0)
        for count, base, there in zip(tally.contacts, tally.stays, seen, strict=True)
    ]
    steps = [_next_step(counts, names) for counts in tally.steps]
    frame = pl.DataFrame(
        {
            "place": list(range(1, len(plan.stages) + 1)),
            "stage": list(plan.stages),
            "optional": list(plan.optional),
            "entered": [tally.reached[0]] * len(plan.stages),
            "visitors": [tally.visitors[0]] * len(plan.stages),
            "unit": ["visitor or customer" if tally.visitors[0] else "customer"] * len(plan.stages),
            "reached": [n if there else None for n, there in zip(tally.reached, seen, strict=True)],
            "_went_on": tally.went_on,
            "passages": bases,
            "actions": [
                _actions(counts, stays, does, own)
                for counts, stays, own in zip(tally.doings, tally.stays, plan.kinds, strict=True)
            ],
            "median_days": [_days(median_wait(parts)) for parts in tally.waits],
            "median_days_on": [_days(median_of_ended(parts)) for parts in tally.waits],
            "contacts": [
                n if there and asks else None for n, there in zip(tally.contacts, seen, strict=True)
            ],
            **ends("contacts_per_100", rates, 100),
            "next_step": [step for step, _, _, _ in steps],
            "_step": [many for _, many, _, _ in steps],
            "_silent": [silent for _, _, silent, _ in steps],
            "leavers": [base for _, _, _, base in steps],
        },
        schema_overrides={
            "reached": pl.Int64,
            "_went_on": pl.Int64,
            "actions": pl.String,
            "median_days": pl.Float64,
            "median_days_on": pl.Float64,
            "contacts": pl.Int64,
            "next_step": pl.String,
        },
    ).with_columns(left=pl.col("reached") - pl.col("_went_on"))
    frame = add_wilson(frame, "reached", "entered", "share_reached")
    frame = add_wilson(frame, "left", "reached", "share_leak")
    frame = add_wilson(frame, "_step", "leavers", "share_next_step")
    frame = add_wilson(frame, "_silent", "leavers", "share_silent")
    return frame.select(
        "place",
        "stage",
        "optional",
        "unit",
        "entered",
        "visitors",
        "reached",
        *three("share_reached"),
        "passages",
        "actions",
        "median_days",
        "median_days_on",
        *three("share_leak"),
        "contacts",
        *three("contacts_per_100"),
        "leavers",
        "next_step",
        *three("share_next_step"),
        *three("share_silent"),
    )


def three(name: str) -> list[str]:
    """Name a value and the ends of its interval."""
    return [f"{name}{end}" for end in _INTERVALS]


def ends(name: str, values: Sequence[Any], times: float = 1) -> dict[str, pl.Series]:
    """Return intervals as three columns; not-a-number becomes null."""
    return {
        column: pl.Series([times * value[end] for value in values], dtype=pl.Float64).fill_nan(None)
        for end, column in enumerate(three(name))
    }


def _days(wait: int | None) -> float | None:
    return None if wait is None else wait / _DAY


def _actions(
    counts: Counter[int], stays: int, names: dict[int, str], own: Sequence[int]
) -> str | None:
    """Name what is done most, per 100 passages, beside the touchpoint of a stage that has one."""
    known = [one for one in counts.items() if one[0] in names and [one[0]] != list(own)]
    most = sorted(known, key=lambda one: (-one[1], names[one[0]]))[:_ACTIONS]
    return ", ".join(f"{names[kind]} {rate(100 * n / stays)}" for kind, n in most) or None


def rate(value: float) -> str:
    """Return a rate per 100 as it is read: whole numbers, smaller ones with one decimal."""
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}"


def _next_step(counts: Counter[int], names: dict[int, str]) -> tuple[str | None, int, int, int]:
    """Say what most leavers did next, how many of them, how many were silent, and of how many."""
    base = sum(counts.values())
    steps: Counter[str] = Counter()
    for kind, many in counts.items():
        name = names.get(kind, "silence")
        steps["contacted support" if name in CONTACTS else name] += many
    silent = steps["silence"]
    most = min(steps.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
    return (most[0] if base else None), most[1], silent, base


def left(row: Mapping[str, Any]) -> int:
    """Return how many of those who reached a stage did not go on."""
    return round(float(row["share_leak"]) * int(row["reached"]))
