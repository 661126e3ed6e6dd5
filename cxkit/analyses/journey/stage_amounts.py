"""What becomes of the money along the journey?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.funnels import Plan, narrowed, plan, unmet, walked
from cxkit.notes import end_note
from cxkit.passages import UNITS, slices
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, ratio
from cxkit.workspace import Workspace, query_text

QUESTION = "What becomes of the money along the journey?"


def stage_amounts(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    within_days: int | None = None,
    unit: str = "customer",
    hold: str | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Add up the amounts recorded at each stage, and the part of them that went on.

    Of every customer that gets to a stage (see `stage_funnel`) the amount counts that was recorded
    when they first did: a basket, an order, an invoice. It went on where that customer got to the
    next stage as well, whatever was paid there. Of orders and cases only the amounts of their own
    number count, of a held one those of the orders or cases by which the customer first got there.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the required stages of the settings' journey.
        within_days: longest time from the first stage to any later; default: the settings'.
        unit: "customer", "session", "order", "case" or "attempt".
        hold: "order", "case" or "session": all stages must be of one order, case or session.
        where: only people of whom this is true, as in `{"device": "mobile"}`: `channel` or
            `device` of their first entry, or a field of the customers.
        since: count entries from this day on, not those before it; default: the beginning of
            the data.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per stage: place, stage, unit, reached, with_amount (of the reached: how many have
        an amount there), amount (their sum, as recorded; null where there is none or in several
        currencies), amount_median, amount_went_on (of it: of those who got to the next stage),
        went_on_share with a 95 % interval (_low, _high; the linearised ratio of two sums, Cochran
        1977, 6.3). The last stage has no next; nor has one beyond which no order or case can be
        followed by its number (see `stage_funnel`), and reached is null there. A report shows no
        sums of few people, nor of few who went on or did not.

    Raises:
        BadQuestion: as `stage_funnel` does.
    """
    journey = workspace.settings.journey
    if stages is None:
        stages = [stage for stage in journey.stages if stage not in journey.optional]
    asked = plan(
        workspace, stages=stages, optional=[], within_days=within_days, unit=unit, hold=hold
    )
    until = workspace.moment(as_of)
    asked = narrowed(workspace, asked, where, since, until)
    # what is held is walked for itself: each one's amounts are those of its own number
    each = asked._replace(unit=asked.hold or asked.unit, hold=None)
    units = pl.concat(
        walked(workspace, each, until, part, times=True) for part in slices(workspace)
    )
    currencies = workspace.sql(
        "select distinct coalesce(currency, $own) as money from orders where amount is not null "
        "order by 1",
        own=workspace.settings.company.currency,
    )["money"].to_list()
    unknown = unmet(each, units, entered=not units.is_empty())
    amounts = _amounts(workspace, units, asked)
    if asked.hold:
        units, amounts = _of_customers(units, amounts)
    table = _table(units, amounts, asked, unknown, mixed=len(currencies) > 1, least=workspace.least)
    return Result(
        name="stage_amounts",
        question=QUESTION,
        table=table,
        finding=_finding(table, currencies, asked.chosen),
        caveats=(*_caveats(table, currencies), *end_note(workspace, as_of)),
        sql=f"{query_text('passages')}\n{query_text('stage_amounts')}",
        as_of=until,
        n=int(table["reached"][0]),
        draw=_chart,
        chosen=asked.chosen,
    )


def _amounts(workspace: Workspace, units: pl.DataFrame, asked: Plan) -> pl.DataFrame:
    """Return the amount, if any, of each unit at each place that it reached."""
    passed = pl.concat(
        units.with_row_index("unit")
        .filter(pl.col(f"got_{step}"))
        .select(
            "unit",
            "customer_key",
            place=pl.lit(place),
            at=pl.col(f"at_{step}"),
            case_id=pl.col("case_id") if "case_id" in units.columns else pl.lit(None, pl.String),
        )
        for place, step in enumerate(asked.step_of, 1)
    )
    named = [(t, place) for place, group in enumerate(asked.touchpoints, 1) for t in group]
    found = workspace.query(
        "stage_amounts",
        keys=passed["customer_key"].to_list(),
        places=passed["place"].to_list(),
        at=passed["at"].to_list(),
        cases=passed["case_id"].to_list(),
        touchpoints=[touchpoint for touchpoint, _ in named],
        stage_places=[place for _, place in named],
    )
    return passed.with_row_index("passage").join(
        found.with_columns(pl.col("passage").cast(pl.UInt32)),
        on="passage",
        how="left",
        maintain_order="left",
    )


def _of_customers(units: pl.DataFrame, amounts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put what was held together again: a customer counts once, as of when they first got there."""
    got = [name for name in units.columns if name.startswith("got_")]
    people = units.group_by("customer_key", maintain_order=True).agg(pl.col(got).any())
    first = amounts.filter(pl.col("at") == pl.col("at").min().over("customer_key", "place"))
    added = first.group_by("customer_key", "place", maintain_order=True).agg(
        amount=pl.when(pl.col("amount").is_not_null().any()).then(pl.col("amount").sum())
    )
    unit = people.with_row_index("unit").select("unit", "customer_key")
    return people, added.join(unit, on="customer_key", maintain_order="left")


def _table(
    units: pl.DataFrame,
    amounts: pl.DataFrame,
    asked: Plan,
    unknown: Collection[int],
    *,
    mixed: bool,
    least: int,
) -> pl.DataFrame:
    rows = []
    for place, (stage, step) in enumerate(zip(asked.stages, asked.step_of, strict=True), 1):
        here = amounts.filter(pl.col("place") == place).drop_nulls("amount")
        here = here["unit", "customer_key", "amount"]
        last = place == len(asked.stages) or place in unknown
        following = None if last else asked.step_of[place]
        went_on = pl.lit(None) if following is None else pl.col(f"got_{following}")
        known = units.with_row_index("unit").select("unit", went_on=went_on)
        here = here.join(known, on="unit", maintain_order="left")
        people = here["customer_key"].n_unique()
        some = here.height > 0 and not mixed and people >= least
        # a report shows no sum of few, nor one that leads to it
        went = {g: rows["customer_key"].n_unique() for (g,), rows in here.group_by("went_on")}
        if least and min(went.get(True, 0), went.get(False, 0)) < least:
            following = None
        kept = ratio(here["amount"] * here["went_on"], here["amount"]) if following else None
        rows.append(
            {
                "place": place,
                "stage": stage,
                "unit": asked.unit,
                "reached": None if place - 1 in unknown else int(units[f"got_{step}"].sum()),
                "with_amount": here.height,
                "amount": here["amount"].sum() if some else None,
                "amount_median": here["amount"].median() if some else None,
                "amount_went_on": (here["amount"] * here["went_on"]).sum()
                if some and following
                else None,
                "went_on_share": kept.value if some and kept else None,
                "went_on_share_low": max(0.0, kept.low) if some and kept else None,
                "went_on_share_high": min(1.0, kept.high) if some and kept else None,
            }
        )
    money = ["amount", "amount_median", "amount_went_on"]
    share = ["went_on_share", "went_on_share_low", "went_on_share_high"]
    kinds = dict.fromkeys([*money, *share], pl.Float64)
    return pl.DataFrame(rows, schema_overrides=kinds).with_columns(
        pl.col(money).round(2), pl.col(share).fill_nan(None)
    )


def _finding(table: pl.DataFrame, currencies: list[str], chosen: str) -> str:
    if len(currencies) > 1:
        return f"Amounts are in several currencies ({', '.join(currencies)}): they do not add up."
    recorded = table.filter(pl.col("with_amount") > 0)
    some = recorded.filter(pl.col("amount").is_not_null())
    if some.is_empty() and recorded.height:
        return "Amounts of few are recorded: a report does not show them."
    if some.is_empty():
        return "No stage of the journey has recorded an amount: what the money does is not known."
    money = f" {currencies[0]}" if currencies and currencies[0] else ""
    judged = some.filter((pl.col("with_amount") >= ENOUGH) & pl.col("went_on_share").is_not_null())
    if judged.is_empty() and some.height > 1:
        most = int(some["with_amount"].max())  # type: ignore[arg-type]
        noun = counted(most, UNITS[some["unit"][0]])
        return f"Amounts of {noun}{chosen} are recorded: too few to say."
    if judged.is_empty():
        row = some.row(-1, named=True)
        noun = counted(row["with_amount"], UNITS[row["unit"]])
        return (
            f"Only at '{row['stage']}' amounts are recorded: {row['amount']:,.0f}{money} of "
            f"{noun}{chosen}. What is lost before is not known."
        )
    row = judged.sort("went_on_share").row(0, named=True)
    low, high = 100 * row["went_on_share_low"], 100 * row["went_on_share_high"]
    whom = f"{UNITS[row['unit']]}s{f'{chosen} and' if chosen else ''} with an amount"
    return (
        f"Of {row['amount']:,.0f}{money} recorded at '{row['stage']}' "
        f"{100 * row['went_on_share']:.1f} % ({low:.1f}–{high:.1f}) belong to those who went on "
        f"({row['with_amount']:,} {whom}); "
        f"{row['amount'] - row['amount_went_on']:,.0f}{money} did not."
    )


def _caveats(table: pl.DataFrame, currencies: list[str]) -> tuple[str, ...]:
    notes = []
    without = table.filter((pl.col("with_amount") == 0) & (pl.col("reached") > 0))["stage"]
    if without.len() and without.len() < table.height:
        notes.append(f"No amount is recorded at {', '.join(f'{name!r}' for name in without)}.")
    partly = table.filter((pl.col("with_amount") > 0) & (pl.col("with_amount") < pl.col("reached")))
    notes += [
        f"At '{stage}' {reached - known:,} of {reached:,} have no amount: they are left out."
        for stage, reached, known in partly.select("stage", "reached", "with_amount").rows()
    ]
    notes += [
        f"No {UNITS[unit]} can be followed to '{stage}': its rows bear the numbers of none."
        for stage, unit in table.filter(pl.col("reached").is_null())["stage", "unit"].rows()
    ][:1]
    if len(currencies) == 1 and table["with_amount"].sum():
        notes.append("Each one's amount is that of the first time they got to the stage.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    some = table.filter(pl.col("amount").is_not_null())
    if some.is_empty():
        return charts.nothing("No amounts are recorded along the journey")
    judged = some.filter(pl.col("went_on_share").is_not_null()).sort("went_on_share")
    title = f"Amounts are recorded at '{some['stage'][-1]}' alone"
    if judged.height:
        row = judged.row(0, named=True)
        title = f"{row['went_on_share']:.0%} of the money at '{row['stage']}' goes on"
    return charts.bars(
        some,
        length="amount",
        label="stage",
        title=title,
        unit="sum of the amounts recorded",
        texts=[f"{row['amount']:,.0f} · n = {row['with_amount']:,}" for row in some.to_dicts()],
    )
