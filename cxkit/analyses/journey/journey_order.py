"""Do customers go the way that we expect?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion
from cxkit.experience import Journey, in_words, journey, trails, who_enters
from cxkit.notes import end_note
from cxkit.passages import whom
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said
from cxkit.stats.segments import veiled
from cxkit.stats.stays import orders
from cxkit.workspace import Workspace, query_text

QUESTION = "Do customers go the way that we expect?"
_MOST = 8  # orders that the table names; the rest is one row


def journey_order(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Set the order in which customers first meet the stages against the order that is expected.

    The expected order is that of `stages`: write it down before you look. A customer follows it
    who meets no stage before an earlier one and misses no required stage before one that they
    meet; how far they get does not matter. Who met one stage alone has no order. Stages of the same
    instant stand in the expected order.

    Args:
        workspace: an open store.
        stages: the expected order, first to last; default: the journey of the settings.
        optional: stages that may be missed; default: those of the settings.
        where: only people of whom this is true (see `journey_map`).
        since: count nothing before this day; default: the beginning of the data.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per order, the expected one first, then the most frequent: order, follows,
        customers, share with Wilson's interval (_low, _high), unit (who is counted: customers, or
        visitors as well). What is beyond eight others is one
        row, and so is in a report what fewer people did than may stand alone.

    Raises:
        BadQuestion: as `journey_map` does, or where only one stage is named.
    """
    if stages is None:
        stages = workspace.settings.journey.stages
        optional = workspace.settings.journey.optional if optional is None else optional
    asked = journey(
        workspace, stages=stages, optional=optional, where=where, since=since, as_of=as_of
    )
    if len(asked.plan.stages) < 2:
        raise BadQuestion("One stage has no order: name two at least, as in ['visited', 'paid'].")
    counts: Counter[tuple[int, ...]] = Counter()
    for there, found in trails(workspace, asked) if asked.until else ():
        counts.update(orders(there, found, len(asked.plan.stages), asked.required))
    table = _orders(counts, asked, workspace.least).with_columns(
        unit=pl.lit(who_enters(workspace, asked))
    )
    return Result(
        name="journey_order",
        question=QUESTION,
        table=table,
        finding=_finding(table, where),
        caveats=(*_caveats(table, asked), *end_note(workspace, as_of)),
        sql=query_text("passages"),
        as_of=asked.until,
        n=int(table["customers"].sum()),
        draw=_chart,
        chosen=whom(where, since),
    )


def _orders(counts: Counter[tuple[int, ...]], asked: Journey, least: int) -> pl.DataFrame:
    names = asked.plan.stages
    ways = {way: " → ".join(names[place] for place in way) for way in counts if way}
    known = sorted(ways, key=lambda way: (-counts[way], ways[way]))
    alone = [way for way in known if counts[way] >= max(least, 1)][:_MOST]
    rest = sum(counts[way] for way in known) - sum(counts[way] for way in alone)
    rows = [("as expected", True, counts[()])]
    rows += [(ways[way], False, counts[way]) for way in alone]
    rows += [("any other order", False, rest)] if rest else []
    frame = pl.DataFrame(
        rows,
        schema={"order": pl.String, "follows": pl.Boolean, "customers": pl.Int64},
        orient="row",
    ).with_columns(all=pl.col("customers").sum())
    return add_wilson(frame, "customers", "all", "share").drop("all")


def _finding(table: pl.DataFrame, where: Mapping[str, str] | None) -> str:
    who = f" with {in_words(where)}" if where else ""
    people = int(table["customers"].sum())
    counted_people = counted(people, table["unit"][0])
    if not people:
        return (
            f"No {table['unit'][0]}{who} has met two of the stages: there is no order to compare."
        )
    as_expected = int(table["customers"][0])
    if people < ENOUGH:
        return (
            f"{veiled(as_expected, 0)} of {counted_people}{who} went the way that is expected: "
            "too few to say more."
        )
    start = (
        f"{said(as_expected, people)} of {counted_people}{who} who met two stages or more went the "
        "way that is expected"
    )
    others = table.filter(~pl.col("follows") & (pl.col("order") != "any other order"))
    if others.is_empty():
        return f"{start}."
    return (
        f"{start}; the most frequent other way is {others['order'][0]} "
        f"({said(others['customers'][0], people)})."
    )


def _caveats(table: pl.DataFrame, asked: Journey) -> tuple[str, ...]:
    notes = [
        f"Expected is {' → '.join(asked.plan.stages)}: the order of the settings or arguments."
    ]
    if not table["customers"].sum():
        return ()
    notes.append(
        "The data begin at some day: whoever was half-way then seems to have begun in the middle."
    )
    if "any other order" in table["order"]:
        notes.append("Rare ways are one row: 'any other order'.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    people = int(table["customers"].sum())
    if not people:
        return charts.nothing("No customer has met two of the stages")
    return charts.bars(
        table.with_columns(pl.col("order").str.replace_all(" → ", "→ ")),
        length="share",
        low="share_low",
        high="share_high",
        label="order",
        title=f"{table['share'][0]:.0%} of {counted(people, table['unit'][0])} go the way that is "
        "expected",
        unit="share of those who met two stages or more",
        texts=[f"{row['customers']:,} · {row['share']:.0%}" for row in table.iter_rows(named=True)],
        highlight=[not follows for follows in table["follows"]],
    )
