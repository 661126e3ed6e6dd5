"""How far do customers get along the journey, and where do they stop?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.funnels import NUMBERED, Plan, narrowed, plan, unmet, walked
from cxkit.notes import apart_note, end_note, link_note
from cxkit.passages import SPOTS, UNITS, slices
from cxkit.persona_keep import FIELD
from cxkit.result import Result, all_of, counted, verb
from cxkit.stats.clustered import contrast_effect, design_effect, effective
from cxkit.stats.intervals import (
    ENOUGH,
    add_wilson,
    benjamini_hochberg,
    newcombe,
    said,
    shares_p,
    wilson,
)
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "How far do customers get along the journey?"
_COUNTS = [
    "reached", "visitors", "onward_through", "excluded", "otherwise", "left_out", "came_again",
]  # fmt: skip


def stage_funnel(
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
    by: str | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the customers who reached each stage in order, and say where most stop.

    A customer counts once. They reach a stage when they pass all required stages up to it in
    order, at most `within_days` (inclusive) after a first stage; of several tries the one that
    got furthest counts. Stages of the same instant count in the order of the journey; a stage
    that is named twice must come at a later time. Customers whose only entries are younger than
    the window could not finish yet: they are left out and counted.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the journey of the settings.
        optional: stages that may be skipped; default: those of the settings.
        within_days: longest time from the first stage to any later; default: the settings'.
        step_days: longest time since the required stage before, for stages of their own, as in
            `{"paid": 1}`.
        order: "ordered": other touchpoints may lie between two stages; "strict": none may, except
            repeats of the stage before; "any": the stages in any order within the window.
        anchored: with order="any", the stages that keep their place.
        exclude: touchpoints that end a try on its way to a stage, as in
            `{"paid": ["ticket opened"]}`: whom they stopped is counted in `excluded` as well.
        unit: what is counted: "customer", "session" (a visit ends with 30 minutes of silence),
            "order", "case" or "attempt" (each passage of the first stage begins a new one, so
            that whoever comes again counts again).
        hold: "order", "case" or "session": customers are counted, but all stages must be of one
            order, case or session.
        by: `channel` or `device` of the entry, `region`, `source` or `preferred_channel` of the
            customer, or a field of the customers' attributes. Segments add up to the total.
        where: only people of whom this is true, as in `{"device": "mobile"}`: `channel` or
            `device` of their first entry, or a field of the customers.
        since: count entries from this day on, not those before it; default: the beginning of
            the data.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per segment and stage: segment ("all" without `by`), place (1 is the first), stage,
        optional, unit, entered (units at the first stage), reached (units that got there),
        share_of_start and share_of_previous with Wilson's interval (_low, _high; of visits, orders
        or attempts on as many as the people behind them are worth), lost (to the
        previous required stage), excluded (of the lost: stopped by `exclude`), skipped (went on
        without the optional stage), otherwise (of the other lost: had the stage, but too early or
        too late), visitors (of the reached: browsers that nobody could link to a person), left_out
        (too young to count), came_again (entered more than once), design_effect (by how many
        times less the segment's difference from the others says since one person's visits, orders
        or attempts are alike; 1 for customers). Where no order or case that
        entered has a stage at all, though the data hold rows of it, it cannot be followed there:
        reached, shares and lost are null from then on. The semantics are those of
        ClickHouse's `windowFunnel`, over every entry that is at least `within_days` old.

    Raises:
        BadQuestion: where there is no stage, a stage is optional but not named, the first stage
            is optional, the arguments do not fit together, `by` is no field of the data, or
            nobody is such as `where` says.
    """
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
        step_days=step_days,
        order=order,
        anchored=anchored,
        exclude=exclude,
        unit=unit,
        hold=hold,
    )
    field = workspace.segment(by, own=SPOTS)
    until = workspace.moment(as_of)
    asked = narrowed(workspace, asked, where, since, until)
    parts = [_counted(workspace, asked, until, field, part) for part in slices(workspace)]
    counts = pl.concat(found for found, _ in parts)
    people = pl.concat(found for _, found in parts)
    framed = _framed(counts, asked, field)
    entered = framed.filter(pl.col("place") == 1).select("reached", "left_out")
    unknown = unmet(asked, counts, entered=bool(entered.sum_horizontal().sum()))
    kept = _gather(framed, workspace.least, people if asked.unit != "customer" else None)
    names = kept.select("own", "segment").unique()
    people = people.rename({"segment": "own"}).join(names, on="own", maintain_order="left")
    table = _with_effects(_shares(_added(kept), unknown), people, asked)
    table = _with_ends(table, people, asked)
    alike = _alike(people.drop("segment"), asked)
    return Result(
        name="stage_funnel",
        question=QUESTION,
        table=table,
        finding=_finding(table, asked, by, alike),
        caveats=(
            *_caveats(table, asked, by),
            *_of_people(table, people, asked),
            *_of_buyers(workspace, by),
            *end_note(workspace, as_of),
            *(
                link_note(workspace, until)
                if asked.chosen
                else link_note(
                    workspace,
                    until,
                    "entered",
                    asked.touchpoints,
                    asked.latest_start(until) if until else None,
                )
            ),
        ),
        sql=f"{query_text('passages')}\n{query_text('stage_funnel')}",
        as_of=until,
        n=_total(table, "entered"),
        draw=_chart,
        chosen=asked.chosen,
    )


def _counted(
    workspace: Workspace, asked: Plan, until: datetime | None, by: str, part: tuple[int, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count who of some of the people got how far: one row per segment.

    Where one person may count several times, also one row per segment and person: segment,
    customer_key, visitor, and of how many of theirs got to each place (`n_`).
    """
    units = walked(workspace, asked, until, part).join(
        workspace.query(
            "stage_funnel", by="all" if by in SPOTS else by, first=part[0], last=part[1]
        ),
        on="customer_key",
        maintain_order="left",
    )
    if by in SPOTS:
        spots = workspace.query(
            "entry_spots",
            by=by,
            touchpoints=list(asked.touchpoints[0]),
            as_of=until,
            first=part[0],
            last=part[1],
        )
        units = units.drop("segment").join(
            spots, on=["customer_key", "at"], how="left", maintain_order="left"
        )
        units = units.with_columns(pl.col("segment").fill_null("missing"))
    visitor = pl.col("visitor")
    told = {
        "left_out": (~pl.col("ripe")).sum(),
        "came_again": (pl.col("ripe") & (pl.col("tries") > 1)).sum(),
    }
    before = pl.lit(False)
    for place, (step, onward) in enumerate(zip(asked.step_of, asked.onward_of, strict=True), 1):
        here = pl.col(f"got_{step}")
        through = pl.lit(0) if onward is None else pl.col(f"got_{onward}").sum()
        required = not asked.optional[place - 1]
        lost = before & ~here & required
        barred = lost & pl.col(f"barred_{step}")
        told[f"reached_{place}"] = here.sum()
        told[f"visitors_{place}"] = (here & visitor).sum()
        told[f"onward_through_{place}"] = through
        told[f"excluded_{place}"] = barred.sum()
        passed = pl.col(f"passed_{place - 1}") if place > 1 else pl.lit(False)
        told[f"otherwise_{place}"] = (lost & ~barred & passed).sum()
        before = here if required else before
        if f"met_{place - 1}" in units.columns:
            told[f"met_{place - 1}"] = pl.col(f"met_{place - 1}").sum()
    each = units.filter(f"got_{asked.step_of[0]}" if asked.unit != "customer" else pl.lit(False))
    people = each.group_by("segment", "customer_key", maintain_order=True).agg(
        pl.col("visitor").first(),
        *(
            pl.col(f"got_{step}").sum().cast(pl.Int64).alias(f"n_{place}")
            for place, step in enumerate(asked.step_of, 1)
        ),
    )
    return units.group_by("segment").agg(**told), people


def _framed(counts: pl.DataFrame, asked: Plan, by: str) -> pl.DataFrame:
    """Give each stage of each segment its row; where nobody entered the stages still stand."""
    counts = counts.group_by("segment").agg(pl.all().sum())
    if counts.is_empty():
        empty = pl.DataFrame({"segment": ["all" if by == "all" else "missing"]})
        counts = pl.concat([counts, empty], how="diagonal").fill_null(0)
    rows = [
        counts.select(
            "segment",
            pl.lit(stage).alias("stage"),
            pl.lit(place, pl.Int64).alias("place"),
            pl.lit(optional).alias("optional"),
            pl.lit(asked.unit).alias("unit"),
            *(
                pl.col(name if name in counts.columns else f"{name}_{place}")
                .cast(pl.Int64)
                .alias(name)
                for name in _COUNTS
            ),
        )
        for place, (stage, optional) in enumerate(zip(asked.stages, asked.optional, strict=True), 1)
    ]
    return pl.concat(rows).sort("segment", "place")


def _of_buyers(workspace: Workspace, by: str | None) -> tuple[str, ...]:
    """Return the caveat of personas that nobody has who did not buy."""
    if by != FIELD:
        return ()
    others = workspace.sql(
        "select count(*) from customers where customer_id not in "
        "(select customer_id from sales where customer_id is not null) "
        "and json_extract_string(attributes, '/' || $by) is not null",
        by=by,
    ).item()
    if others:
        return ()
    return (
        "Personas are of buyers only: whoever is in one has bought, by construction, and whoever "
        "is 'missing' has not. Compare personas with each other; none of them shows who will buy.",
    )


def _gather(table: pl.DataFrame, least: int, people: pl.DataFrame | None) -> pl.DataFrame:
    """Name the largest segments, and all others 'other'; `own` is what each was called."""
    entries = pl.when(pl.col("place") == 1).then("reached").otherwise(0)
    named = table.with_columns(_entries=entries, own="segment")
    return gathered(named, "_entries", least=least, people=people)


def _added(table: pl.DataFrame) -> pl.DataFrame:
    """Add up what goes by one name, so that the total stays the total."""
    return table.group_by("segment", "stage", "place", "optional", "unit", maintain_order=True).agg(
        pl.col(_COUNTS).sum()
    )


def _with_effects(table: pl.DataFrame, people: pl.DataFrame, asked: Plan) -> pl.DataFrame:
    """Add the design effect of each segment's difference from the others, step by step.

    `people` are as in `_counted`. Compared are known people in known segments, as in `_apart`. Of
    customers, who count once, it is 1; where there is one segment alone it is null.
    """
    rows = people.filter(~pl.col("visitor") & (pl.col("segment") != "missing"))
    required = [place for place, skip in enumerate(asked.optional, 1) if not skip]
    found = []
    segments = table["segment"].unique(maintain_order=True)
    for segment in segments if len(segments) > 1 else ():
        each = (
            rows.with_columns(group=(pl.col("segment") != segment).cast(pl.Int64))
            .group_by("customer_key", "group", maintain_order=True)
            .agg(pl.col("^n_.*$").sum())
        )
        who, group = each["customer_key"].to_numpy(), each["group"].to_numpy()
        for before, place in pairwise(required):
            x, n = each[f"n_{place}"].to_numpy(), each[f"n_{before}"].to_numpy()
            found.append((segment, place, contrast_effect(who, group, x, n, [1.0, -1.0])))
    schema = {"segment": pl.String, "place": pl.Int64, "design_effect": pl.Float64}
    effects = pl.DataFrame(found, schema=schema, orient="row")
    return table.join(effects, on=["segment", "place"], how="left", maintain_order="left")


def _alike(people: pl.DataFrame, asked: Plan) -> dict[tuple[int, int], float]:
    """Return the design effect of the share of each base that got to each place, (base, place).

    `people` are as in `_counted`. Of customers, who count once, there is none to know of.
    """
    each = people.group_by("customer_key", maintain_order=True).agg(pl.col("^n_.*$").sum())
    found, before = dict[tuple[int, int], float](), 1
    for place, skip in enumerate(asked.optional, 1) if each.height else ():
        for base in {1, before}:
            found[base, place] = design_effect(
                each[f"n_{place}"].to_numpy(), each[f"n_{base}"].to_numpy()
            )
        before = before if skip else place
    return found


def _with_ends(table: pl.DataFrame, people: pl.DataFrame, asked: Plan) -> pl.DataFrame:
    """Give shares of visits, orders or attempts the intervals that their people allow."""
    if people.is_empty():
        return table
    required = [place for place, skip in enumerate(asked.optional, 1) if not skip]
    rows = []
    for part in table.partition_by("segment", maintain_order=True):
        alike = _alike(people.filter(pl.col("segment") == part["segment"][0]), asked)
        reached = dict(part.select("place", "reached").rows())
        for row in part.iter_rows(named=True):
            before = max((p for p in required if p < row["place"]), default=None)
            for name, base in (("share_of_start", 1), ("share_of_previous", before)):
                effect = alike.get((base or 0, row["place"]))
                if row[name] is not None and effect is not None:
                    ends = wilson(*effective(row["reached"], reached[base], effect))
                    row |= {f"{name}_low": ends.low, f"{name}_high": ends.high}
            rows.append(row)
    return pl.DataFrame(rows, schema=table.schema)


def _shares(table: pl.DataFrame, unknown: frozenset[int]) -> pl.DataFrame:
    known = ~(pl.col("place") - 1).is_in(list(unknown))
    table = table.with_columns(
        pl.when(known).then(name).alias(name)
        for name in ("reached", "visitors", "onward_through", "excluded", "otherwise")
    )
    walked = pl.when(~pl.col("optional")).then(pl.col("reached"))
    frame = table.with_columns(
        entered=pl.col("reached").first().over("segment"),
        _previous=walked.forward_fill().shift(1).over("segment"),
        _next=walked.shift(-1).backward_fill().over("segment"),
    )
    frame = add_wilson(frame, "reached", "entered", "share_of_start")
    frame = add_wilson(frame, "reached", "_previous", "share_of_previous")
    return frame.select(
        "segment",
        "place",
        "stage",
        "optional",
        "unit",
        "entered",
        "reached",
        "share_of_start",
        "share_of_start_low",
        "share_of_start_high",
        "share_of_previous",
        "share_of_previous_low",
        "share_of_previous_high",
        lost=pl.when(~pl.col("optional")).then(pl.col("_previous") - pl.col("reached")),
        excluded="excluded",
        skipped=pl.when("optional").then(pl.col("_next") - pl.col("onward_through")),
        otherwise="otherwise",
        visitors="visitors",
        left_out="left_out",
        came_again="came_again",
    )


def _total(table: pl.DataFrame, column: str) -> int:
    return int(table.group_by("segment").agg(pl.col(column).first())[column].sum())


def _whole(table: pl.DataFrame) -> pl.DataFrame:
    """Return the required stages of all segments together; one named twice is numbered."""
    whole = (
        table.filter(~pl.col("optional") & pl.col("reached").is_not_null())
        .group_by("place", "stage", maintain_order=True)
        .agg(pl.col("reached", "excluded", "otherwise", "visitors").sum())
    )
    again = pl.int_range(1, pl.len() + 1).over("stage")
    label = pl.when(again > 1).then(pl.format("{} ({})", "stage", again)).otherwise("stage")
    return whole.with_columns(stage=label)


def _worst(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the step that loses most of those who came so far."""
    steps = _whole(table).with_columns(
        before=pl.col("stage").shift(1),
        base=pl.col("reached").shift(1),
        base_place=pl.col("place").shift(1),
    )
    losses = [
        {**row, "lost": row["base"] - row["reached"]}
        for row in steps.iter_rows(named=True)
        if row["base"]
    ]
    return max(losses, key=lambda loss: loss["lost"] / loss["base"], default=None)


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the step at which one segment differs most from all others, if any surely does.

    Every segment is set against the others at every step; Benjamini and Hochberg's procedure
    keeps the false alarms among all these comparisons at one in twenty. Visitors stay out: a
    visitor who buys becomes known, so those still unknown are the ones who did not. People whose
    segment is missing are on neither side: a field may be filled in only when somebody buys.
    """
    known = pl.col("reached") - pl.col("visitors")
    steps = (
        table.filter(
            ~pl.col("optional") & pl.col("reached").is_not_null() & (pl.col("segment") != "missing")
        )
        .with_columns(known=known)
        .with_columns(
            base=pl.col("known").shift(1).over("segment"),
            before=pl.col("stage").shift(1).over("segment"),
            all_known=pl.col("known").sum().over("place"),
        )
        .with_columns(all_base=pl.col("base").sum().over("place"))
        .filter(pl.col("before").is_not_null() & (pl.col("segment") != "other"))
    )
    found = []
    for row in steps.iter_rows(named=True):
        rest, rest_base = row["all_known"] - row["known"], row["all_base"] - row["base"]
        if row["base"] >= ENOUGH and rest_base >= ENOUGH:
            # visits of one person are alike: they count as so many fewer
            alone = effective(row["known"], row["base"], row["design_effect"])
            others = effective(rest, rest_base, row["design_effect"])
            gap, p = newcombe(*alone, *others), shares_p(*alone, *others)
            told = {"rest": rest, "rest_base": rest_base, "alone": alone, "others": others}
            found.append({**row, **told, "gap": gap, "p": p})
    surely = [
        told
        for told, q in zip(found, benjamini_hochberg([t["p"] for t in found]), strict=True)
        if q <= 0.05
    ]
    return max(surely, key=lambda told: abs(told["gap"].value), default=None)


def _beyond(table: pl.DataFrame) -> str | None:
    """Return the first required stage to which nothing can be followed by its number."""
    unknown = table.filter(~pl.col("optional") & pl.col("reached").is_null())
    return str(unknown["stage"][0]) if unknown.height else None


def _finding(
    table: pl.DataFrame, asked: Plan, by: str | None, alike: Mapping[tuple[int, int], float]
) -> str:
    told, beyond = _told(table, asked, by, alike), _beyond(table)
    if beyond is None:
        return told
    return (
        f"{told} No {UNITS[asked.hold or asked.unit]} at '{table['stage'][0]}' can be followed to "
        f"'{beyond}': its rows bear the numbers of none of them."
    )


def _told(
    table: pl.DataFrame, asked: Plan, by: str | None, effects: Mapping[tuple[int, int], float]
) -> str:
    days = asked.days
    entered = _total(table, "entered")
    if table["segment"].n_unique() > 1 and (apart := _apart(table)):
        known = f"{UNITS[asked.unit]}s"
        if _total(table, "visitors"):
            known = "known customers" if asked.unit == "customer" else f"{known} of known people"
        known += asked.chosen
        return (
            f"From '{apart['before']}' to '{apart['stage']}', '{apart['segment']}' keeps "
            f"{said(*apart['alone'])} of {apart['base']:,} {known}, the others "
            f"{said(*apart['others'])} of {apart['rest_base']:,}: a difference "
            f"of {100 * apart['gap'].value:+.1f} points ({100 * apart['gap'].low:+.1f} to "
            f"{100 * apart['gap'].high:+.1f}), the largest between segments."
        )
    first, who = table["stage"][0], _noun(table)
    if entered == 0 and not _total(table, "left_out"):
        held = f" in any {UNITS[asked.hold]}" if asked.hold else ""
        return f"No {who}{asked.chosen} has '{first}'{held}: there is nothing to count."
    if entered == 0:
        return (
            f"Nobody's entry at '{first}' is {counted(days, 'day')} old yet: nothing can be said."
        )
    worst = _worst(table)
    if worst is None and _beyond(table):
        return f"{counted(entered, who)}{asked.chosen} entered at '{first}'."
    if worst is None:
        return (
            f"{counted(entered, who)}{asked.chosen} entered at '{first}'; a funnel needs a second "
            "stage."
        )
    last, arrived, end = _whole(table).select("stage", "reached", "place").row(-1)
    got = said(*effective(arrived, entered, effects.get((1, end), 1.0)))
    alike_there = effects.get((worst["base_place"], worst["place"]), 1.0)
    lost = said(*effective(worst["lost"], worst["base"], alike_there))
    window = f"within {counted(days, 'day')}{f' in one {UNITS[asked.hold]}' if asked.hold else ''}"
    if worst["lost"] == 0:
        return f"{all_of(entered, who)}{asked.chosen} at '{first}' got to '{last}' {window}."
    small = " (too few to say more)" if worst["base"] < ENOUGH else ""
    alike = ""
    if by and table["segment"].n_unique() == 1:
        alike = f" By {by} there is nothing to compare: all are '{table['segment'][0]}'."
    elif by:
        alike = " No segment surely differs."
    return (
        f"Of {counted(entered, who)}{asked.chosen} at '{first}', {got} got to "
        f"'{last}' {window}; the largest loss is between '{worst['before']}' and "
        f"'{worst['stage']}': {lost} of {worst['base']:,} got no "
        f"further{small}.{alike}"
    )


def _noun(table: pl.DataFrame) -> str:
    """Name what is counted: a visitor whom nobody could link may be no customer."""
    unit = table["unit"][0]
    return (
        "visitor or customer" if unit == "customer" and _total(table, "visitors") else UNITS[unit]
    )


def _caveats(table: pl.DataFrame, asked: Plan, by: str | None) -> tuple[str, ...]:
    days, notes = asked.days, []
    young, visitors = _total(table, "left_out"), _total(table, "visitors")
    if young:
        notes.append(
            f"{counted(young, _noun(table))} entered less than {counted(days, 'day')} before the "
            "end of the data: they may still be on their way, and are left out."
        )
    again = _total(table, "came_again")
    if again and asked.unit == "customer":
        notes.append(f"{again:,} entered more than once: the try that got furthest counts.")
    whole = _whole(table)
    if visitors and asked.unit == "customer":
        arrived = int(whole["visitors"][-1])
        who, some = "are visitors", f"{arrived:,} of them got"
        if visitors == 1:
            who, some = "is a visitor", "they got" if arrived else "they did not get"
        notes.append(
            f"{visitors:,} of those who entered {who} whom nobody could link to a customer, and "
            f"{some} to '{whole['stage'][-1]}': whoever buys becomes known. One person with two "
            "browsers counts twice."
        )
    for before, after in pairwise(whole.iter_rows(named=True)):
        lost = before["reached"] - after["reached"]
        if after["excluded"]:
            notes.append(
                f"{_of_the(after['excluded'], lost)} who got no further than "
                f"'{before['stage']}' {verb(after['excluded'], 'were')} stopped by what was "
                f"excluded on the way to '{after['stage']}': that is no loss of interest."
            )
        if after["otherwise"] > max(0.1 * lost, 0):
            notes.append(
                f"{_of_the(after['otherwise'], lost)} who got no further than "
                f"'{before['stage']}' {verb(after['otherwise'], 'do')} have '{after['stage']}', "
                f"but before '{before['stage']}' or more than {counted(days, 'day')} after they "
                "entered."
            )
    notes += [
        f"No row of the data has the stage '{stage}': it counts as 0."
        for stage, kinds in zip(asked.stages, asked.kinds, strict=True)
        if not kinds
    ]
    notes += [
        f"'{stage}' is optional, and no {UNITS[asked.hold or asked.unit]} can be followed to it: "
        "its rows bear other numbers, or none."
        for stage in table.filter(pl.col("optional") & pl.col("reached").is_null())["stage"].unique(
            maintain_order=True
        )
        if (asked.hold or asked.unit) in NUMBERED
    ]
    for stage, skipped, passed in (
        table.filter(pl.col("optional") & pl.col("reached").is_not_null())
        .group_by("place", "stage", maintain_order=True)
        .agg(
            pl.when(pl.col("skipped").is_not_null().any()).then(pl.col("skipped").sum()),
            pl.col("reached").sum(),
        )
        .drop("place")
        .iter_rows()
    ):
        without = "" if skipped is None else f", and {skipped:,} went on without it"
        notes.append(f"'{stage}' is optional: {passed:,} passed it{without}.")
    small = table.filter((pl.col("entered") < ENOUGH) & (pl.col("entered") > 0))
    for segment, entered in small.select("segment", "entered").unique(maintain_order=True).rows():
        notes.append(f"Only {entered:,} entered in '{segment}': too few to say.")
    if by and table["segment"].n_unique() > 1:
        notes.append(apart_note(by))
    return tuple(notes)


def _of_the(some: int, of: int) -> str:
    return "The one" if of == 1 else f"{some:,} of the {of:,}"


def _of_people(table: pl.DataFrame, people: pl.DataFrame, asked: Plan) -> tuple[str, ...]:
    """Say of how many people the visits, orders or attempts are."""
    entered, persons = _total(table, "entered"), people["customer_key"].n_unique()
    if asked.unit == "customer" or persons == entered:
        return ()
    groups = table["segment"].n_unique() > 1
    return (
        f"{counted(entered, UNITS[asked.unit])} are of {persons:,} "
        f"{'person' if persons == 1 else 'people'}, and those of one person are alike: the "
        f"intervals{' and the test between segments' if groups else ''} take people for "
        "independent.",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    worst = _worst(table)
    parts = table["segment"].n_unique() > 1
    apart = _apart(table) if parts else None
    title = f"{counted(_total(table, 'entered'), _noun(table))} entered"
    if apart:
        title = (
            f"'{apart['segment']}' keeps {apart['known'] / apart['base']:.0%} of its "
            f"{'known ' * bool(_total(table, 'visitors'))}{UNITS[apart['unit']]}s from "
            f"'{apart['before']}' to '{apart['stage']}', the others "
            f"{apart['rest'] / apart['rest_base']:.0%}"
        )
    elif worst:
        here = f"{counted(worst['base'], _noun(table))} at '{worst['before']}'"
        title = f"The largest loss: {worst['lost'] / worst['base']:.0%} of {here} get no further"
        if worst["base"] == 1:
            end = "gets no further" if worst["lost"] else f"gets to '{worst['stage']}'"
            title = f"The one {_noun(table)} at '{worst['before']}' {end}"
        elif not worst["lost"]:
            title = f"All {here} get to '{worst['stage']}'"
    if beyond := _beyond(table):
        title += f"; '{beyond}' cannot be followed"
    again = pl.int_range(1, pl.len() + 1).over("segment", "stage")
    labelled = table.with_columns(
        label=pl.when(again > 1).then(pl.format("{} ({})", "stage", again)).otherwise("stage")
    )
    return charts.bars(
        labelled,
        length="share_of_start",
        low="share_of_start_low",
        high="share_of_start_high",
        label="label",
        group="segment" if parts else None,
        title=title,
        unit=f"share of those who reached '{table['stage'][0]}'",
        texts=[
            "cannot be followed"
            if row["reached"] is None
            else f"{row['reached']:,} · {row['share_of_start'] or 0:.0%}"
            for row in table.iter_rows(named=True)
        ],
        highlight=None
        if parts
        else [worst is not None and place == worst["place"] for place in table["place"]],
    )
