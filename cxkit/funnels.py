"""What a funnel asks for, step by step, and how far each one got through it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from cxkit.errors import BadQuestion, by_name, names, one_of, whole_number
from cxkit.passages import (
    UNITS,
    beginning,
    chosen,
    in_the_data,
    kinds,
    kinds_of,
    micros,
    passages,
    whom,
)
from cxkit.stats.walks import (
    Step,
    common,
    earliest,
    entries,
    flags,
    log,
    people,
    rows_of,
    walk,
)
from cxkit.workspace import Workspace

ORDERS = ("ordered", "strict", "any")
NUMBERED = ("order", "case")  # units that are known by a number that their rows bear
_HELD = ("session", "order", "case")  # what all stages can be asked to lie in
_DAY = 86_400_000_000  # microseconds


class Plan(NamedTuple):
    """What has to be passed, as `stats.walks` understands it.

    `step_of` is the step of each stage, `onward_of` the one that reaches the next required stage
    by way of an optional one, `touchpoints` and `kinds` what counts as each stage. Entries count
    from `since` on, of the people whose keys are in `who` (None: of everyone); `chosen` says both
    in words.
    """

    stages: tuple[str, ...]
    optional: tuple[bool, ...]
    touchpoints: tuple[tuple[str, ...], ...]
    kinds: tuple[tuple[int, ...], ...]
    order: str
    steps: tuple[Step, ...]
    step_of: tuple[int, ...]
    onward_of: tuple[int | None, ...]
    days: int
    unit: str
    hold: str | None
    since: datetime | None = None
    who: pl.Series | None = None
    chosen: str = ""

    @property
    def within(self) -> int:
        """The longest time from the first step to any other, in microseconds."""
        return self.days * _DAY

    def latest_start(self, until: datetime) -> datetime:
        """Return the last moment at which one may begin and still have the whole time."""
        return until - timedelta(days=self.days)

    def of_use(self) -> set[int]:
        """Return the kinds that the walk looks at."""
        asked = {kind for step in self.steps for group in step.passes for kind in group}
        return asked | {kind for step in self.steps for kind in step.bars}


def plan(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    step_days: Mapping[str, int] | None = None,
    order: str = "ordered",
    anchored: Sequence[str] = (),
    exclude: Mapping[str, Sequence[str]] | None = None,
    unit: str = "customer",
    hold: str | None = None,
) -> Plan:
    """Return the plan that the arguments of `stage_funnel` describe; it explains them.

    Raises BadQuestion where they do not fit together.
    """
    journey = workspace.settings.journey
    named = names("stages", stages) if stages is not None else journey.stages
    chosen = () if stages is not None else journey.optional
    skippable = names("optional", optional) if optional is not None else chosen
    days = journey.within_days if within_days is None else whole_number("within_days", within_days)
    anchored = names("anchored", anchored)
    limits = by_name("step_days", step_days, "{'paid': 1}")
    barred = by_name("exclude", exclude, "{'paid': ['ticket opened']}")
    _check_stages(named, skippable)
    _check_order(named, order, anchored, limits, barred)
    one_of("unit", unit, UNITS)
    if hold is not None:
        one_of("hold", hold, _HELD)
        if unit != "customer":
            raise BadQuestion(
                f"hold={hold!r} and unit={unit!r} are both given: hold counts customers. To count "
                f"each {UNITS[hold]} by itself, leave hold out and ask with unit={hold!r}."
            )
    known = kinds(workspace)
    barring = {
        stage: _ending(workspace, names("exclude", those), known) for stage, those in barred.items()
    }
    touched = tuple(tuple(journey.touchpoints_of(stage)) for stage in named)
    counted = tuple(kinds_of(known, group) for group in touched)
    free = [order == "any" and stage not in anchored for stage in named]
    steps: list[Step] = []
    step_of: list[int] = []
    onward_of: list[int | None] = [None] * len(named)
    block: list[int] = []  # the required stages, up to here, that may come in any order
    before: int | None = None  # the step before that block
    latest: int | None = None  # the last required stage
    skipped: list[int] = []  # the optional stages since then

    def add(place: int, passed: Sequence[int], after: int | None, way: Sequence[int]) -> int:
        """Add a step; `way` are the stages that were passed on the way to it, the last one last."""
        bars = set(barring.get(named[place], ()))
        if order == "strict" and way:
            own = [kind for p in (way[-1], *skipped) for kind in counted[p]]
            bars |= set(known.values()) - set(own)
        limit = limits.get(named[place])
        shared = {t for p in way for t in touched[p]} & set(touched[place])
        steps.append(
            Step(
                tuple(counted[p] for p in passed),
                after,
                later=bool(shared) and len(passed) == 1,
                within=None if limit is None else whole_number("step_days", limit) * _DAY,
                bars=tuple(sorted(bars)),
            )
        )
        return len(steps) - 1

    way: list[int] = []
    for place, stage in enumerate(named):
        together = free[place] and latest is not None and free[latest]
        if stage in skippable:
            passed, after = ([*block, place], before) if together else ([place], step_of[way[-1]])
            step_of.append(add(place, passed, after, way))
            skipped.append(place)
            continue
        if not together:
            before = step_of[way[-1]] if way else None
            block = []
        block = [*block, place]
        step_of.append(add(place, block, before, way))
        for passing in skipped:
            passed, after = ([*block, passing], before) if together else (block, step_of[passing])
            onward_of[passing] = add(place, passed, after, [*way, passing])
        way, skipped, latest = [*way, place], [], place
    return Plan(
        named,
        tuple(stage in skippable for stage in named),
        touched,
        counted,
        order,
        tuple(steps),
        tuple(step_of),
        tuple(onward_of),
        days,
        unit,
        hold,
    )


def narrowed(
    workspace: Workspace,
    asked: Plan,
    where: Mapping[str, str] | None,
    since: date | datetime | str | None,
    until: datetime | None,
) -> Plan:
    """Return a plan for entries from a day on, and for the people of whom `where` is true.

    `where` is as in `passages.chosen`. Raises BadQuestion where either cannot be.
    """
    begins = beginning(workspace, since)
    people = chosen(workspace, asked.touchpoints[0], where, begins, until)
    return asked._replace(since=begins, who=people, chosen=whom(where, since))


def _ending(
    workspace: Workspace, those: Sequence[str], known: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the kinds of touchpoints and stages that end a try; BadQuestion for strangers."""
    journey = workspace.settings.journey
    in_the_data(workspace, "exclude names", those)
    return kinds_of(known, [one for name in those for one in journey.touchpoints_of(name)])


def _check_stages(stages: Sequence[str], skippable: Sequence[str]) -> None:
    if not stages:
        raise BadQuestion(
            "No stages were named, and the settings hold no journey. "
            'Name them, first to last: stages=["visited", "bought"].'
        )
    strangers = [stage for stage in skippable if stage not in stages]
    if strangers:
        raise BadQuestion(f"'{strangers[0]}' is optional but is not among the stages.")
    if stages[0] in skippable:
        raise BadQuestion(f"The first stage, '{stages[0]}', cannot be optional: all start there.")


def _check_order(
    stages: Sequence[str],
    order: str,
    anchored: Sequence[str],
    limits: Mapping[str, int],
    barred: Mapping[str, Sequence[str]],
) -> None:
    one_of("order", order, ORDERS)
    for name, value in (("anchored", anchored), ("step_days", limits), ("exclude", barred)):
        strangers = [stage for stage in value if stage not in stages]
        if strangers:
            raise BadQuestion(f"{name} names '{strangers[0]}', which is not among the stages.")
    if anchored and order != "any":
        raise BadQuestion("anchored is for order='any': in any other order every stage is.")
    for name, value in (("step_days", limits), ("exclude", barred)):
        if value and order == "any":
            raise BadQuestion(f"{name} needs an order of the stages: it looks at the step before.")
        if stages[0] in value:
            raise BadQuestion(f"{name} names '{stages[0]}': nothing comes before the first stage.")
    if barred and order == "strict":
        raise BadQuestion("exclude adds nothing to order='strict': there anything else ends a try.")
    if order == "any" and len(set(stages)) < len(stages):
        raise BadQuestion(
            "A stage is named twice: that needs an order, the second after the first."
        )


def walked(
    workspace: Workspace,
    asked: Plan,
    until: datetime | None,
    part: tuple[int, int],
    *,
    times: bool = False,
) -> pl.DataFrame:
    """Return how far each unit got that entered, of the people from part[0] to part[1].

    One row per unit: who, customer_key, at (its first entry, in microseconds), tries (its
    entries), ripe (its first entry is as old as the window) and, by number, whether it `got_` to
    each step of the plan, was `barred_` from it, and `passed_` each later stage at any time. With
    `times` also `at_` each step: when it first got there, in microseconds; and the case_id of
    orders and cases. Of these also whether the one that entered has `met_` each later stage.
    """
    followed = asked.hold or asked.unit
    numbered = times and asked.unit in NUMBERED
    rows = passages(workspace, until, followed, part, asked.touchpoints[0], named=numbered)
    if asked.who is not None:
        key = "who" if followed == "customer" else "customer_key"
        rows = rows.filter(pl.col(key).is_in(asked.who.implode()))
        if key != "who":  # dense again
            rows = rows.with_columns((pl.col("who").rank("dense") - 1).cast(pl.Int32))
    there = log(rows, asked.of_use())
    start = None if until is None else micros(asked.latest_start(until))
    since = None if asked.since is None else micros(asked.since)
    reached = walk(there, asked.steps, asked.within, start, since)
    begun = entries(there, asked.kinds[0], since)
    of_people = asked.unit == "customer"
    if followed == "customer":
        owned = begun.with_columns(customer_key="who")
    else:
        of_unit = ["customer_key", *(["case_id"] if numbered else [])]
        owner = rows.group_by("who").agg(pl.col(of_unit).first()).sort("who")
        owned = begun.join(owner, on="who", maintain_order="left")
        if of_people:
            owned = (
                owned.group_by("customer_key")
                .agg(pl.col("at").min(), pl.col("tries").sum())
                .with_columns(who="customer_key")
            )
    first = part[0] if of_people else 0
    size = part[1] - first + 1 if of_people else rows["who"].n_unique()

    def of(ids: Any) -> Any:
        """Return whose walks these are: with `hold`, a customer's several."""
        if of_people and followed != "customer":
            return owner["customer_key"].gather(ids).to_numpy()
        return ids

    columns: dict[str, Any] = {"who": pl.int_range(first, first + size, dtype=pl.Int32, eager=True)}
    for number, step in enumerate(reached):
        columns[f"got_{number}"] = flags(of(people(there, step.rows)), first, size)
        # where any other touchpoint ends a try, that is no exclusion that somebody asked for
        barred = step.barred[:0] if asked.order == "strict" else step.barred
        columns[f"barred_{number}"] = flags(of(people(there, barred)), first, size)
        if times:
            at = earliest(of(there.who[step.rows]), there.at[step.rows], first, size)
            columns[f"at_{number}"] = at
    begin = begun["who"].to_numpy()
    for place, kind in enumerate(asked.kinds[1:], 1):
        passing = people(there, rows_of(there, kind))
        columns[f"passed_{place}"] = flags(of(passing), first, size)
        if followed in NUMBERED:
            columns[f"met_{place}"] = flags(of(common(begin, passing)), first, size)
    return (
        pl.DataFrame(columns)
        .join(owned, on="who", maintain_order="left")
        .with_columns(ripe=pl.col("at") <= (start if start is not None else 0))
    )


def unmet(asked: Plan, found: pl.DataFrame, *, entered: bool) -> frozenset[int]:
    """Return the places to which no order or case that entered can be followed.

    `found` has the columns `met_` of `walked`, or their sums. Where none of those that entered
    has a row of a stage at whatever time, though the data hold such rows, these bear other numbers
    or none: that is no loss. Nor can anything be followed beyond such a stage that is required.
    """
    if not entered or (asked.hold or asked.unit) not in NUMBERED:
        return frozenset()
    places = range(1, len(asked.stages))
    blind = {place for place in places if asked.kinds[place] and not found[f"met_{place}"].sum()}
    ends = min((place for place in blind if not asked.optional[place]), default=None)
    return frozenset(blind | {place for place in places if ends is not None and place >= ends})
