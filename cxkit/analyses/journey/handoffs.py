"""How often do requests travel between teams, and how many times as long do those take?"""

from datetime import date, datetime
from math import exp
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import end_note
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, Interval, benjamini_hochberg, said, shares_p, wilson
from cxkit.stats.segments import gathered
from cxkit.stats.strata import slope_within
from cxkit.stats.survival import ended_after, kaplan_meier
from cxkit.workspace import Workspace, query_text

QUESTION = "How often do requests travel between teams, and how many times as long do those take?"
_ALL = "all"
_SHORTEST = 1 / 1440  # a minute: what is solved at once has no logarithm


def handoffs(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Count how often tickets change teams, topic by topic, and what each hand-off goes with.

    Hard issues travel more and take longer whatever happens, so tickets are compared with tickets
    of their own topic. A few last many times as long as most, which would rule a mean of days, so
    the answer is a ratio: the slope of the logarithm of the time to the last solution on the
    hand-offs within topics (a minute at least). Only solved tickets have such a time: open ones are
    left out of the ratio, not counted as short, and the median wait counts them as still waiting
    (Kaplan-Meier).

    Args:
        workspace: an open store.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row for "all" and one per topic, the largest first (beyond eight in 'other'): topic,
        tickets (whose transfers are known), handed_on (of them, to at least one other team),
        handed_on_share with Wilson's interval (_low, _high), handoffs_each (mean), asked_again_each
        (times the customer had to say it again; null: not recorded), median_days to the solution
        with its interval (_low, _high), open (of them, still), times_per_handoff (how many times as
        long per hand-off, topics kept apart in "all" and "other" as well) with its interval (_low,
        _high), crude_times (of "all": without regard to topics), q_value (is the share handed on
        another than that of the other topics? Benjamini-Hochberg). Below 30 tickets
        nothing is estimated.
    """
    until = workspace.moment(as_of)
    tickets = workspace.query("handoffs", as_of=until).with_columns(one=1)
    told = tickets.filter(pl.col("transfers").is_not_null())
    told = told.with_columns(topic="segment")
    table = _topics(gathered(told, "one", least=workspace.least, people=told), told)
    return Result(
        name="handoffs",
        question=QUESTION,
        table=table,
        finding=_finding(table, tickets, told),
        caveats=(*_caveats(table, tickets, told), *end_note(workspace, as_of)),
        sql=query_text("handoffs"),
        as_of=until,
        n=told.height,
        draw=_chart,
    )


def _topics(parts: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    schema: dict[str, Any] = {"topic": pl.String, "tickets": pl.Int64, "handed_on": pl.Int64}
    shares, medians, times = (
        [name, f"{name}_low", f"{name}_high"]
        for name in ("handed_on_share", "median_days", "times_per_handoff")
    )
    shares += ["handoffs_each", "asked_again_each"]
    schema |= dict.fromkeys([*shares, *medians], pl.Float64) | {"open": pl.Int64}
    schema |= dict.fromkeys([*times, "crude_times", "q_value"], pl.Float64)
    if told.is_empty():
        return pl.DataFrame(schema=schema)
    rows = [_row(_ALL, told)]
    total, moved = rows[0]["tickets"], rows[0]["handed_on"]
    groups = parts.partition_by("segment", maintain_order=True)
    p_values: dict[str, float] = {}
    for group in groups:
        row = _row(group["segment"][0], group)
        n, hits = row["tickets"], row["handed_on"]
        if min(n, total - n) >= ENOUGH:
            p_values[row["topic"]] = shares_p(hits, n, moved - hits, total - n)
        rows.append(row)
    q_values = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
    for row in rows[1:]:
        row["q_value"] = q_values.get(row["topic"])
    return pl.DataFrame(rows, schema=schema).with_columns(pl.selectors.float().fill_nan(None))


def _row(topic: str, tickets: pl.DataFrame) -> dict[str, Any]:
    n, hits = tickets.height, int((tickets["transfers"] > 0).sum())
    row: dict[str, Any] = {"topic": topic, "tickets": n, "handed_on": hits}
    share = wilson(hits, n)
    row |= {f"handed_on_share{e}": v for e, v in zip(("", "_low", "_high"), share, strict=True)}
    row["handoffs_each"] = tickets["transfers"].mean()
    row["asked_again_each"] = tickets["asked_again"].mean()
    row["open"] = int((~tickets["ended"]).sum())
    if n < ENOUGH:
        return row
    waits = tickets.filter(pl.col("days") >= 0)
    median = ended_after(kaplan_meier(waits["days"].to_numpy(), waits["ended"].to_numpy()))
    row |= {f"median_days{e}": v for e, v in zip(("", "_low", "_high"), median, strict=True)}
    solved = waits.filter("ended").with_columns(log=pl.col("days").clip(_SHORTEST).log())
    own = slope_within(solved["transfers"], solved["log"], solved["topic"])
    row |= {
        f"times_per_handoff{e}": exp(v) for e, v in zip(("", "_low", "_high"), own, strict=True)
    }
    if topic == _ALL:
        whole = pl.Series([0] * solved.height)
        row["crude_times"] = exp(slope_within(solved["transfers"], solved["log"], whole).value)
    return row


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    rows = table.filter((pl.col("q_value") < 0.05) & (pl.col("topic") != "other"))
    rows = rows.sort("q_value", "topic")
    return rows.row(0, named=True) if rows.height else None


def _finding(table: pl.DataFrame, tickets: pl.DataFrame, told: pl.DataFrame) -> str:
    if tickets.is_empty():
        return (
            "The data hold no tickets: import the help desk's export to see how requests travel "
            "between teams."
        )
    if told.is_empty():
        return (
            f"None of {counted(tickets.height, 'ticket')} says how often it changed teams: export "
            "the number of transfers."
        )
    whole = table.row(0, named=True)
    if told.height < ENOUGH:
        return (
            f"{whole['handed_on']:,} of {counted(told.height, 'ticket')} changed teams: too few to "
            "say more."
        )
    start = f"{said(whole['handed_on'], whole['tickets'])} of {whole['tickets']:,} tickets cross 2 "
    start += "teams or more"
    if whole["times_per_handoff"] is None:
        return f"{start}; what a hand-off goes with cannot be said."
    each = Interval(*(whole[f"times_per_handoff{end}"] for end in ("", "_low", "_high")))
    ends = f"({each.low:.2f}–{each.high:.2f}), topics kept apart"
    if each.low <= 1 <= each.high:
        return f"{start}; a hand-off goes with no surely longer or shorter time {ends}."
    return f"{start}; each hand-off is associated with {each.value:.2f} times the time {ends}."


def _caveats(table: pl.DataFrame, tickets: pl.DataFrame, told: pl.DataFrame) -> tuple[str, ...]:
    notes = []
    if tickets.height and (silent := tickets.height - told.height) and told.height:
        notes.append(
            f"Left out: {counted(silent, 'ticket')} that {verb(silent, 'do')} not say how often "
            f"{'it' if silent == 1 else 'they'} changed teams."
        )
    if told.height and told["asked_again"].null_count() == told.height:
        notes.append("How often customers had to say it again is not recorded: no data.")
    waiting = told.filter(~pl.col("ended")).height
    if waiting:
        notes.append(
            f"{counted(waiting, 'ticket')} {verb(waiting, 'are')} still open: part of the shares "
            "and of the median wait, not of the times per hand-off."
        )
    if table.height < 2:
        return tuple(notes)
    whole = table.row(0, named=True)
    own, crude = whole["times_per_handoff"], whole["crude_times"]
    if own is not None and crude is not None and (own - 1) * (crude - 1) < 0:
        notes.append(
            f"All topics together a hand-off goes with {crude:.2f} times the time, within topics "
            f"with {own:.2f} times: the mix of topics turns it round (Simpson's paradox)."
        )
    if apart := _apart(table):
        more = "more" if apart["handed_on_share"] > whole["handed_on_share"] else "less"
        notes.append(
            f"'{apart['topic']}' travels {more} than other topics: "
            f"{said(apart['handed_on'], apart['tickets'])} of "
            f"{apart['tickets']:,}."
        )
    few = table.filter(pl.col("tickets") < ENOUGH)
    if few.height:
        names = ", ".join(f"{row['tickets']} '{row['topic']}'" for row in few.iter_rows(named=True))
        notes.append(f"Too few tickets to say: {names}.")
    if own is not None:
        notes.append(
            "Within a topic harder cases may travel more as well: how long they take is associated "
            "with a hand-off, not caused by it."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    shown = table.filter((pl.col("tickets") >= ENOUGH) | (pl.col("topic") == _ALL))
    whole = table.row(0, named=True)
    apart = _apart(table)
    name = apart["topic"] if apart else None
    return charts.bars(
        shown,
        length="handed_on_share",
        low="handed_on_share_low",
        high="handed_on_share_high",
        label="topic",
        title=_title(whole),
        unit="share of tickets that change teams",
        texts=[
            f"{row['handed_on_share']:.0%} · n = {row['tickets']:,}"
            for row in shown.iter_rows(named=True)
        ],
        highlight=[row["topic"] == name for row in shown.iter_rows(named=True)],
    )


def _title(whole: dict[str, Any]) -> str:
    if whole["tickets"] < ENOUGH:
        tickets = counted(whole["tickets"], "ticket")
        return f"{whole['handed_on']:,} of {tickets} changed teams: too few to say more"
    return f"{whole['handed_on_share']:.0%} of {whole['tickets']:,} tickets change teams"
