"""How long do contracts last?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import end_note
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, Interval, Z, add_wilson, newcombe, said
from cxkit.stats.value import fit_leaving
from cxkit.workspace import Workspace, query_text

QUESTION = "How long do contracts last?"
_FEWEST_ENDS = 10  # contracts that have ended: with fewer, how long they last is not known


def contract_retention(
    workspace: Workspace, *, as_of: date | datetime | str | None = None
) -> Result:
    """Say how many contracts renew each month, and what that alone says about loyalty.

    A contract is a customer's first unbroken run of months with an amount above 0 in the table
    subscriptions. Contracts that run in the first month of the data began at an unknown time and
    are left out; those that run in the last month are still going on, not ended. sBG (Fader and
    Hardie 2007) expects a retention that rises with age although no customer's own chance to leave
    changes: those who leave easily are gone first.

    Args:
        workspace: an open store.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per renewal: renewal (1 is the step from the first month to the second), at_risk
        (contracts that have come to it), renewed, retention_share with Wilson's interval (_low,
        _high), staying_share (of all contracts: the product of the retentions so far, by
        Kaplan-Meier) with the log-log interval on Greenwood's error (_low, _high; null where
        nobody or everybody has left), expected_retention_share and expected_staying_share (sBG;
        null where fewer than 30 contracts or 10 ends carry no model).
    """
    until = workspace.moment(as_of)
    counts = workspace.query(
        "contract_retention", as_of=until, zone=workspace.settings.company.timezone
    )
    contracts = int(counts["contracts"][0]) if counts.height else 0
    before = int(counts["begun_before"][0]) if counts.height else 0
    table = _expected(counts.filter(pl.col("at_risk") > 0), contracts)
    return Result(
        name="contract_retention",
        question=QUESTION,
        table=table,
        finding=_finding(table, contracts, before),
        caveats=(*_caveats(table, before), *end_note(workspace, as_of)),
        sql=query_text("contract_retention"),
        as_of=until,
        n=contracts,
        draw=_chart if table.height else None,
    )


def _expected(counts: pl.DataFrame, contracts: int) -> pl.DataFrame:
    ended = (counts["at_risk"] - counts["renewed"]).to_list()
    retention: list[float] | None = None
    staying: list[float] | None = None
    if contracts >= ENOUGH and sum(ended) >= _FEWEST_ENDS:
        model = fit_leaving(ended, counts["still"].to_list())
        renewals = counts["renewal"].to_list()
        retention, staying = model.retention(renewals), model.staying(renewals)
    at_risk, left = pl.col("at_risk"), pl.col("at_risk") - pl.col("renewed")
    # Greenwood's variance of the log of the share, and the interval of its log-log
    error = (left / (at_risk * pl.col("renewed"))).cum_sum().sqrt()
    staying_share = pl.col("retention_share").cum_prod()
    some = staying_share.is_between(0, 1, closed="none")
    wide = (Z * error / staying_share.log().abs()).exp()
    return add_wilson(counts, "renewed", "at_risk", "retention_share").select(
        "renewal",
        "at_risk",
        "renewed",
        "retention_share",
        "retention_share_low",
        "retention_share_high",
        staying_share=staying_share,
        staying_share_low=pl.when(some).then(staying_share**wide),
        staying_share_high=pl.when(some).then(staying_share ** (1 / wide)),
        expected_retention_share=_or_null(retention, counts.height),
        expected_staying_share=_or_null(staying, counts.height),
    )


def _or_null(shares: list[float] | None, rows: int) -> pl.Series:
    return pl.Series(shares if shares is not None else [None] * rows, dtype=pl.Float64)


def _finding(table: pl.DataFrame, contracts: int, before: int) -> str:
    if contracts + before == 0:
        return "There are no subscriptions: how long contracts last cannot be asked."
    if contracts == 0 or table.is_empty():
        return "No contract was seen from its start to a renewal: how long they last is not known."
    ended = int((table["at_risk"] - table["renewed"]).sum())
    judged = _judged(table)
    if contracts < ENOUGH or ended < _FEWEST_ENDS or judged.is_empty():
        return (
            f"Of {counted(contracts, 'contract')} {f'{ended:,}' if ended else 'none'} ended: too "
            "few to say how long they last."
        )
    first, last = table.row(0, named=True), judged.row(-1, named=True)
    later = ""
    if judged.height > 1:
        later = f", and after {last['renewal']:,} months {_staying(last)} are still running"
    missed = judged.filter(_missed()).height
    fit = ""
    if missed:
        which = f"{missed} of {judged.height} renewals" if judged.height > 1 else "it"
        fit = f" and does not fit {which}"
    return (
        f"Of {first['at_risk']:,} contracts {said(first['renewed'], first['at_risk'])} were "
        f"renewed after the first month{later}; the model expects "
        f"{100 * last['expected_staying_share']:.1f} %{fit}."
    )


def _judged(table: pl.DataFrame) -> pl.DataFrame:
    """Return the renewals that enough contracts have come to."""
    return table.filter(pl.col("at_risk") >= ENOUGH)


def _missed() -> pl.Expr:
    """Say of which renewals the model's retention lies outside the interval of what was seen."""
    return ~pl.col("expected_retention_share").is_between(
        "retention_share_low", "retention_share_high"
    )


def _staying(row: dict[str, Any]) -> str:
    share = f"{100 * row['staying_share']:.1f} %"
    if row["staying_share_low"] is None:
        return share
    return f"{share} ({100 * row['staying_share_low']:.1f}–{100 * row['staying_share_high']:.1f})"


def _caveats(table: pl.DataFrame, before: int) -> tuple[str, ...]:
    notes = []
    if before:
        notes.append(
            f"Left out: {counted(before, 'contract')} that ran in the first month of the data, "
            f"since when {'it' if before == 1 else 'they'} began is not known."
        )
    if table.is_empty():
        return tuple(notes)
    if table["expected_retention_share"].count():
        notes += _against_the_model(_judged(table))
    notes.append(
        "Whoever pays again after a gap counts as ended; a last month that is not billed in full "
        "yet makes contracts look ended."
    )
    return tuple(notes)


def _against_the_model(judged: pl.DataFrame) -> list[str]:
    """Say whether retention rises or falls with age, and which renewals the model misses."""
    notes = []
    middle = judged.height // 2
    early, late = judged[:middle], judged[middle:]
    counts = [int(half[name].sum()) for half in (late, early) for name in ("renewed", "at_risk")]
    change = newcombe(*counts) if middle else Interval(0.0, 0.0, 0.0)
    if change.low > 0:
        notes.append(
            "Rising retention is not proof of improving loyalty: those who leave easily leave "
            "first, so it rises by sorting alone, as in the model."
        )
    if change.high < 0:
        notes.append(
            f"Retention falls with age, from {said(*counts[2:])} at {_renewals(early)} to "
            f"{said(*counts[:2])} at {_renewals(late)}: sBG lets it only rise and cannot describe "
            "that."
        )
    missed = judged.filter(_missed())
    if missed.height:
        *some, last = [f"{number:,}" for number in missed["renewal"]]
        several = f"renewals {', '.join(some)} and {last}" if some else f"renewal {last}"
        notes.append(
            f"The model's retention lies outside what was seen at {several}. One renewal of twenty "
            "lies outside its interval by chance alone."
        )
    return notes


def _renewals(half: pl.DataFrame) -> str:
    first, last = half["renewal"][0], half["renewal"][-1]
    return f"renewal {first}" if first == last else f"renewals {first} to {last}"


def _chart(table: pl.DataFrame) -> charts.Figure:
    last = table.row(-1, named=True)
    curves = {"staying_share": "still running", "expected_staying_share": "expected by the model"}
    start = pl.DataFrame({"renewal": [0], **{name: [1.0] for name in curves}})
    curves = {name: label for name, label in curves.items() if table[name].count()}
    return charts.lines(
        pl.concat([start, table.select(start.columns)], how="vertical_relaxed"),
        x="renewal",
        lines=curves,
        dotted=["expected_staying_share"],
        title=f"{last['staying_share']:.0%} of contracts run on after "
        f"{counted(last['renewal'], 'month')}",
        x_unit="months since the contract began",
        y_unit="share of contracts still running",
    )
