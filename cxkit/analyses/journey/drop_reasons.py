"""What separates those who go on from those who drop out?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, whole_number
from cxkit.funnels import Plan, narrowed, plan, walked
from cxkit.notes import end_note
from cxkit.passages import UNITS, micros, slices
from cxkit.periods import counted_by
from cxkit.result import Result, counted, verb
from cxkit.stats.clustered import contrast_effect, effective
from cxkit.stats.intervals import ENOUGH, Interval, benjamini_hochberg, said, wilson
from cxkit.stats.strata import Table, risk_ratio, same_p
from cxkit.workspace import Workspace, query_text

QUESTION = "What separates those who go on from those who drop out?"
_MOST = 12  # candidates that the chart shows
_SPOTS = ("device", "channel")


def drop_reasons(
    workspace: Workspace,
    *,
    after: str | None = None,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    look_back_days: int = 30,
    unit: str | None = "customer",
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Compare who went on from a stage with who did not: what had they met before?

    Looked at is the first arrival at the stage `after`. Whoever reached the next required stage at
    most `within_days` later went on, all others dropped out; arrivals younger than that are left
    out. What counts is what was met before: in the `look_back_days` up to the arrival, and after it
    up to the moment at which somebody went on. Of those who dropped out nobody knows such a moment:
    they are looked at for as long as those who went on were, so that both have had the same time.
    Only known people are compared: a visitor has no tickets, and often becomes known by going on.
    Where visitors come to the stage, devices and channels are no candidates: on each of them
    another part of the visits is linked to a person, and going on is what links them.

    The journey's own touchpoints and everything about orders are no candidates: they are how an
    earlier walk through the same journey went, and so tell who has bought before and when they buy
    again, not what befell them on the way. Whether buyers go on more often is another question
    (see `stage_people`); what an earlier order brought with it, a ticket or a glitch, stays one.

    Args:
        workspace: an open store.
        after: the stage from which people go on or do not; default: the one after which the
            largest share of those who came so far is lost.
        stages, optional, within_days: as in `stage_funnel`.
        unit: as in `stage_funnel`; None: visits where the journey happens in visits, else
            customers.
        look_back_days: how far before the arrival to look.
        where: only people of whom this is true, as in `{"device": "mobile"}`: `channel` or
            `device` of their first entry, or a field of the customers.
        since: count entries from this day on, not those before it; default: the beginning of
            the data.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per thing that at least 30 had met and at least 30 had not, the surest first: kind
        ("had" a touchpoint; a field of the customer; where no visitor came to the stage "device"
        and "channel" of the arrival), value,
        people (with it), dropped (of them), dropped_share with Wilson's interval (_low, _high),
        others, others_dropped, others_share, risk_ratio (how many times as often those with it drop
        out; Mantel and Haenszel's, among people of one device and channel) with its interval,
        crude_ratio with its interval, q_value (Cochran, Mantel and Haenszel's test,
        Benjamini-Hochberg over all rows), turned (crude and adjusted point different ways).

    Raises:
        BadQuestion: as `stage_funnel` does, or where `after` is no stage with a required one after
            it.
    """
    whole_number("look_back_days", look_back_days)
    asked = plan(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
        unit=unit or "customer",
    )
    if unit is None:
        asked = counted_by(workspace, asked, None)
    required = [place for place, skippable in enumerate(asked.optional) if not skippable]
    if len(required) < 2:
        raise BadQuestion("To go on there have to be two required stages; name them in stages.")
    steps = list(pairwise(required))
    if after is not None and after not in [asked.stages[here] for here, _ in steps]:
        known = listed(asked.stages[here] for here, _ in steps)
        raise BadQuestion(f"after is {after!r}; people can go on from: {known}.")
    until = workspace.moment(as_of)
    asked = narrowed(workspace, asked, where, since, until)
    everyone = pl.concat(
        walked(workspace, asked, until, part, times=True) for part in slices(workspace)
    ).join(workspace.sql("select customer_key, known from people"), on="customer_key")
    people = everyone.filter("known")
    found = [_arrivals(people, asked, here, there, until) for here, there in steps]
    place = _chosen(found, asked, steps, after)
    here, there = steps[place]
    units = found[place]
    met = workspace.query(
        "drop_reasons",
        keys=units["customer_key"].to_list(),
        at=units["came"].to_list(),
        ends=units["ends"].to_list(),
        days=look_back_days,
        stage=list(asked.touchpoints[here]),
        walked=[touchpoint for group in asked.touchpoints for touchpoint in group],
    )
    visitors = everyone.filter(~pl.col("known") & pl.col(f"got_{asked.step_of[here]}")).height
    table = _compared(units, met, spots=not visitors)
    way = asked.stages[here], asked.stages[there]
    return Result(
        name="drop_reasons",
        question=QUESTION,
        table=table,
        finding=_finding(table, units, way, visitors, asked),
        caveats=(
            *_caveats(table, units, way, visitors, asked),
            *end_note(workspace, as_of),
        ),
        sql=f"{query_text('passages')}\n{query_text('drop_reasons')}",
        as_of=until,
        n=units.height,
        draw=_chart,
        chosen=asked.chosen,
    )


def _arrivals(
    units: pl.DataFrame, asked: Plan, here: int, there: int, until: datetime | None
) -> pl.DataFrame:
    """Return who came to a stage early enough, whether they dropped out, and how long to look."""
    came, went = pl.col(f"at_{asked.step_of[here]}"), pl.col(f"at_{asked.step_of[there]}")
    got_here, got_there = (pl.col(f"got_{asked.step_of[place]}") for place in (here, there))
    edge = micros(until) if until is not None else 0
    in_time = got_there & (went - came <= asked.within) & (went >= came)
    arrived = (
        units.filter(got_here & (came <= edge - asked.within))
        .select("customer_key", came=came, dropped=~in_time, waited=went - came)
        .sort("came", "customer_key")
    )
    waits = arrived.filter(~pl.col("dropped"))["waited"].sort()
    if waits.is_empty():
        return arrived.with_columns(ends="came")
    # the waits of those who went on, dealt out evenly to the others, whenever they came
    turn = (pl.int_range(1, pl.len() + 1) * 0.6180339887) % 1
    dealt = arrived.select((turn * len(waits)).floor().cast(pl.UInt32)).to_series()
    return arrived.with_columns(lent=waits.gather(dealt)).with_columns(
        ends=pl.col("came") + pl.when("dropped").then("lent").otherwise("waited")
    )


def _chosen(
    found: Sequence[pl.DataFrame],
    asked: Plan,
    steps: Sequence[tuple[int, int]],
    after: str | None,
) -> int:
    """Return the step that was asked for, or that loses the largest share."""
    if after is not None:
        return next(i for i, (here, _) in enumerate(steps) if asked.stages[here] == after)
    lost = [float(units["dropped"].mean() or 0) for units in found]  # type: ignore[arg-type]
    lost = [share if share < 1 else -1.0 for share in lost]  # where nobody goes on none compares
    return max(range(len(lost)), key=lambda place: lost[place])


def _compared(units: pl.DataFrame, met: pl.DataFrame, *, spots: bool) -> pl.DataFrame:
    base = units.with_row_index("place").select(
        pl.col("place").cast(pl.Int64), "customer_key", "dropped"
    )
    alone = units["customer_key"].n_unique() == units.height
    for spot in _SPOTS:
        where = met.filter(pl.col("kind") == spot).select("place", pl.col("value").alias(spot))
        base = base.join(where, on="place", how="left", maintain_order="left")
    base = base.with_columns(pl.col(_SPOTS).fill_null("missing"))
    rows = []
    for (kind, value), having in met.group_by("kind", "value", maintain_order=True):
        if not ENOUGH <= having.height <= base.height - ENOUGH:
            continue
        if kind in _SPOTS and not spots:
            continue
        strata = [spot for spot in _SPOTS if spot != kind]
        told = base.with_columns(has=pl.col("place").is_in(having["place"].implode()))
        whole = _tables(told, [])[0]
        effect = 1.0 if alone else _effect(told)
        alike = _tables(told, strata)
        own, plain = (risk_ratio(_thinned(tables, effect)) for tables in (alike, [whole]))
        share = wilson(*effective(whole.hits, whole.n, effect))
        rows.append(
            (
                kind, value, int(whole.n), int(whole.hits), *share,
                int(whole.other_n), int(whole.other_hits), whole.other_hits / whole.other_n,
                *own, *plain, same_p(alike, effect), _turned(own, plain),
            )
        )  # fmt: skip
    shares = ["dropped_share", "dropped_share_low", "dropped_share_high"]
    ratios = [f"{n}{e}" for n in ("risk_ratio", "crude_ratio") for e in ("", "_low", "_high")]
    schema: dict[str, Any] = {"kind": pl.String, "value": pl.String}
    schema |= {"people": pl.Int64, "dropped": pl.Int64} | dict.fromkeys(shares, pl.Float64)
    schema |= {"others": pl.Int64, "others_dropped": pl.Int64, "others_share": pl.Float64}
    schema |= dict.fromkeys([*ratios, "q_value"], pl.Float64) | {"turned": pl.Boolean}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    q_values = benjamini_hochberg(table["q_value"].to_list())
    return (
        table.with_columns(q_value=pl.Series(q_values, dtype=pl.Float64))
        .with_columns(pl.selectors.float().fill_nan(None))
        .sort("q_value", "kind", "value")
    )


def _effect(told: pl.DataFrame) -> float:
    """Return the design effect of the difference, since visits of one person are alike."""
    each = told.group_by("customer_key", "has", maintain_order=True).agg(
        pl.col("dropped").sum().cast(pl.Int64), n=pl.len().cast(pl.Int64)
    )
    return contrast_effect(
        each["customer_key"].to_numpy(),
        each["has"].cast(pl.Int64).to_numpy(),
        each["dropped"].to_numpy(),
        each["n"].to_numpy(),
        [-1.0, 1.0],
    )


def _thinned(tables: Sequence[Table], effect: float) -> list[Table]:
    """Return tables of as many independent units as say as much."""
    return [Table(*(count / effect for count in table)) for table in tables]


def _tables(told: pl.DataFrame, strata: Sequence[str]) -> list[Table]:
    has, dropped = pl.col("has"), pl.col("dropped")
    counts = told.group_by(*strata) if strata else told.group_by(pl.lit(0))
    return [
        Table(*row)
        for row in counts.agg(
            hits=(has & dropped).sum(),
            n=has.sum(),
            other_hits=(~has & dropped).sum(),
            other_n=(~has).sum(),
        )
        .select("hits", "n", "other_hits", "other_n")
        .sort(pl.all())
        .rows()
    ]


def _turned(own: Interval, plain: Interval) -> bool:
    """Say whether like with like points the other way than all together, and one of them surely."""
    sure = any(one.low > 1 or one.high < 1 for one in (own, plain))
    return sure and (own.value - 1) * (plain.value - 1) < 0


def _told(row: Mapping[str, Any]) -> str:
    if row["kind"] == "had":
        return f"'{row['value']}' before"
    return f"{row['kind']} '{row['value']}'"


def _sure(table: pl.DataFrame) -> pl.DataFrame:
    """Return what surely goes with dropping out or going on, the surest first."""
    ratio = pl.col("risk_ratio")
    return table.filter((pl.col("q_value") < 0.05) & ratio.is_not_null() & (ratio > 0))


def _finding(
    table: pl.DataFrame, units: pl.DataFrame, way: tuple[str, str], visitors: int, asked: Plan
) -> str:
    noun, whose = UNITS[asked.unit], ""
    if visitors and asked.unit == "customer":
        noun = "known customer"
    elif visitors:
        whose = " of known people"
    arrived, dropped = units.height, int(units["dropped"].sum())
    if arrived == 0:
        return (
            f"No known {UNITS[asked.unit]} has come to '{way[0]}' at least "
            f"{counted(asked.days, 'day')} ago: nothing can be compared."
        )
    base = f"{counted(arrived, noun)}{whose}{asked.chosen} at '{way[0]}'"
    if arrived < ENOUGH:
        return f"{base}, {dropped:,} of whom dropped out: too few to say what separates them."
    share = (
        f"{said(dropped, arrived)} did not go on to '{way[1]}' within {counted(asked.days, 'day')}"
    )
    if dropped in (0, arrived):
        return f"Of {base} {'none' if dropped == 0 else 'all'} dropped out: nothing to compare."
    sure = _sure(table)
    if sure.is_empty():
        return (
            f"Of {base} {share}; of {counted(table.height, 'thing')} that they had met or were, "
            "none surely goes with it."
        )
    row = sure.row(0, named=True)
    times = Interval(*(row[f"risk_ratio{end}"] for end in ("", "_low", "_high")))
    return (
        f"Of {base} {share}; {_told(row)} is associated with {times.value:.2f} times the risk of "
        f"dropping out ({times.low:.2f}–{times.high:.2f}, like with like): "
        f"{said(row['dropped'], row['people'])} of {row['people']:,}, against "
        f"{said(row['others_dropped'], row['others'])} of {row['others']:,} others."
    )


def _caveats(
    table: pl.DataFrame, units: pl.DataFrame, way: tuple[str, str], visitors: int, asked: Plan
) -> tuple[str, ...]:
    notes, noun = [], UNITS[asked.unit]
    if visitors:
        notes.append(
            f"Left out: {counted(visitors, 'visitor' if asked.unit == 'customer' else noun)} "
            f"{'' if asked.unit == 'customer' else 'of visitors '}whom nobody could link to a "
            "person: they have no tickets, and often become known by going on. Devices and "
            "channels are not compared for the same reason (see stage_funnel)."
        )
    if table.is_empty():
        return tuple(notes)
    if units["customer_key"].n_unique() < units.height:
        notes.append(
            f"Several {noun}s of one customer count each, and are alike: intervals and tests take "
            "customers, not their "
            f"{noun}s, for independent."
        )
    for row in table.filter("turned").iter_rows(named=True):
        notes.append(
            f"{_told(row)}: all together {row['crude_ratio']:.2f} times the risk, among people of "
            f"one device and channel {row['risk_ratio']:.2f} times: the mix of devices and "
            "channels turns it round (Simpson's paradox)."
        )
    notes.append(
        f"{counted(table.height, 'thing')} {verb(table.height, 'are')} compared, with "
        "Benjamini and Hochberg's procedure over them; what fewer than 30 had met, or had not, is "
        "left out."
    )
    notes.append(
        f"What was met before '{way[0]}' or soon after goes with dropping out or does not; who met "
        "it may differ in more, so it is associated with it, not its cause."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    shown = table.filter(
        pl.col("risk_ratio").is_not_null() & pl.col("risk_ratio_high").is_not_null()
    ).head(_MOST)
    if shown.is_empty():
        return charts.nothing("Nothing to compare")
    sure = _sure(table)
    title = "Nothing surely separates those who go on from those who drop out"
    if sure.height:
        first = sure.row(0, named=True)
        title = f"{_told(first)} goes with {first['risk_ratio']:.1f} times the risk of dropping out"
    longest = max(2.0, *shown["risk_ratio_high"])
    framed = shown.with_columns(
        label=pl.Series([_told(row) for row in shown.iter_rows(named=True)]),
        unit=pl.lit("times the risk of dropping out (1 = as the others)"),
        ends=pl.lit([0.0, 1.1 * longest], dtype=pl.List(pl.Float64)),
    )
    return charts.dots(
        framed,
        value="risk_ratio",
        low="risk_ratio_low",
        high="risk_ratio_high",
        label="label",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{row['risk_ratio']:.2f}{'' if row['q_value'] < 0.05 else ' · not sure'} · n = "
            f"{row['people']:,}"
            for row in shown.iter_rows(named=True)
        ],
    )
