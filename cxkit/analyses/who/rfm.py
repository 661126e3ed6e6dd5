"""Who bought recently, often and for much?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result
from cxkit.stats.intervals import ENOUGH, add_wilson, said_count
from cxkit.workspace import Workspace, query_text

QUESTION = "Who bought recently, often and for much?"
# Every pair of a recency and a frequency of 1 to 5 is in exactly one class.
_CLASSES = (
    ("champions", (4, 5), (4, 5)),
    ("growing", (4, 5), (2, 3)),
    ("first steps", (4, 5), (1, 1)),
    ("regulars", (3, 3), (4, 5)),
    ("cooling", (3, 3), (1, 3)),
    ("frequent but quiet", (1, 2), (4, 5)),
    ("asleep", (2, 2), (1, 3)),
    ("long gone", (1, 1), (1, 3)),
)


def rfm(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Sort the buyers into eight classes by how recently and how often they bought.

    Each buyer gets a score of 1 to 5 for recency, frequency and monetary value (Hughes 1994): the
    fifth of the buyers they are in, 5 being the most recent, most frequent or highest. A fifth
    ends one unit above its quantile (type 7: linear between two ranks), and a value on that
    end belongs to the next fifth; the unit is a day, a purchase, and 1 or 0.01 of the currency,
    whichever the amounts are whole in. Equal values always get equal scores, so fifths with many
    ties are of unequal size. Recency and frequency make the class; spend is shown beside it.

    Args:
        workspace: an open store.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        Eight rows, which add up to all buyers: segment, recency and frequency (the scores that
        make it), customers, share with Wilson's interval (_low, _high), recency_days, purchases
        and spend (medians), monetary (mean score), revenue, revenue_share, currency. Purchases
        are purchase days; cancelled orders and refunds are none, and refunds lower the spend. The
        scores of each customer: `ws.query("rfm", as_of=..., zone=..., currency=...)`. RFM
        describes the past; for what comes see `best_customers`.
    """
    until = workspace.moment(as_of)
    company = workspace.settings.company
    scores = workspace.query("rfm", as_of=until, zone=company.timezone, currency=company.currency)
    table = _classes(scores)
    return Result(
        name="rfm",
        question=QUESTION,
        table=table,
        finding=_finding(table, scores),
        caveats=(
            *_caveats(scores),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=query_text("rfm"),
        as_of=until,
        n=scores.height,
        draw=_chart if scores.height else None,
    )


def _classes(scores: pl.DataFrame) -> pl.DataFrame:
    segment = pl.lit(None, dtype=pl.String)
    for name, recency, frequency in _CLASSES:
        here = pl.col("recency").is_between(*recency) & pl.col("frequency").is_between(*frequency)
        segment = pl.when(here).then(pl.lit(name)).otherwise(segment)
    found = (
        scores.with_columns(segment=segment)
        .group_by("segment")
        .agg(
            customers=pl.len(),
            recency_days=pl.col("recency_days").median(),
            purchases=pl.col("purchases").median(),
            spend=pl.col("spend").median(),
            monetary=pl.col("monetary").mean(),
            revenue=pl.when(pl.col("spend").count() > 0).then(pl.col("spend").sum()),
        )
    )
    currency = scores["currency"][0] if scores.height else None
    one = currency is not None and "," not in currency
    frame = pl.DataFrame(
        [
            {"segment": name, "recency": _span(recency), "frequency": _span(frequency)}
            for name, recency, frequency in _CLASSES
        ]
    ).join(found, on="segment", how="left", maintain_order="left")
    total = pl.col("revenue").sum()
    return add_wilson(
        frame.with_columns(
            pl.col("customers").fill_null(0).cast(pl.Int64),
            buyers=pl.lit(scores.height, dtype=pl.Int64),
        ),
        "customers",
        "buyers",
        "share",
    ).select(
        "segment",
        "recency",
        "frequency",
        "customers",
        "share",
        "share_low",
        "share_high",
        "recency_days",
        "purchases",
        "spend",
        "monetary",
        "revenue",
        revenue_share=pl.when(total > 0).then(pl.col("revenue") / total),
        currency=pl.lit(currency if one else None, dtype=pl.String),
    )


def _span(scores: tuple[int, int]) -> str:
    low, high = scores
    return f"{low}" if low == high else f"{low}–{high}"


def _finding(table: pl.DataFrame, scores: pl.DataFrame) -> str:
    buyers = int(table["customers"].sum())
    if buyers == 0:
        return "Nobody has bought yet: there is nothing to sort."
    if buyers < ENOUGH:
        there = "There is one buyer" if buyers == 1 else f"There are {buyers:,} buyers"
        return f"{there} only: too few to sort into fifths."
    usual = scores["purchases"].value_counts().sort("count", descending=True).row(0, named=True)
    if usual["count"] > 0.8 * buyers:  # then no fifth of frequency can be told from another
        times = usual["purchases"]
        days = "1 day only" if times == 1 else f"{times:,} days each"
        return (
            f"Of {buyers:,} buyers {said_count(usual['count'], buyers)} have bought on {days}: how "
            "often says nothing about them, and the classes tell recency alone."
        )
    row = {row["segment"]: row for row in table.iter_rows(named=True)}
    best, quiet = row["champions"], row["frequent but quiet"]
    share = ""
    if best["revenue_share"] is not None:
        share = f", with {100 * best['revenue_share']:.0f} % of the revenue so far"
    are = "is quiet" if quiet["customers"] == 1 else "are quiet"
    return (
        f"Of {buyers:,} buyers {said_count(best['customers'], buyers)} {_champions(best)}, who "
        f"bought recently and often{share}; {said_count(quiet['customers'], buyers)} bought often "
        f"but {are}."
    )


def _champions(row: dict[str, Any]) -> str:
    return "is a champion" if row["customers"] == 1 else "are champions"


def _caveats(scores: pl.DataFrame) -> tuple[str, ...]:
    buyers = scores.height
    if buyers == 0:
        return ()
    notes = []
    currency = scores["currency"][0]
    if currency is None:
        notes.append("No order has an amount: spend has no score.")
    elif "," in currency:
        notes.append(
            f"Amounts are in several currencies ({currency}): they are not added up, and spend has "
            "no score."
        )
    for name, values, told in (
        ("recency", "recency_days", "bought last on the same day"),
        ("frequency", "purchases", "bought equally often"),
        ("monetary", "spend", "spent the same"),
    ):
        held = scores[values].drop_nulls()
        if held.is_empty():
            continue
        tied = int(held.value_counts(sort=True)["count"][0])
        if tied > 1 and tied > 0.4 * buyers:  # then two fifths at least fall together
            *some, last = map(str, scores[name].drop_nulls().unique().sort())
            takes = f"scores {', '.join(some)} and {last}" if some else f"score {last}"
            notes.append(
                f"{tied:,} of {buyers:,} buyers {told}, so {name} takes the {takes} alone and says "
                "little."
            )
    notes.append(
        "Fifths are ranks among these buyers: somebody is always at the top, however the company "
        "fares."
    )
    notes.append("RFM describes the past, it is no forecast: see best_customers.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    buyers = int(table["customers"].sum())
    best = table.row(0, named=True)
    return charts.bars(
        table,
        length="share",
        low="share_low",
        high="share_high",
        label="segment",
        title=f"{best['customers']:,} of {buyers:,} buyers {_champions(best)}: in the upper fifths "
        "of both scores"
        if buyers > 1
        else "One buyer cannot be sorted into fifths",
        unit="share of all buyers",
        texts=[
            f"{row['customers']:,} · {row['share'] or 0:.0%}" for row in table.iter_rows(named=True)
        ],
        highlight=[name == "frequent but quiet" for name in table["segment"]],
    )
