"""How long do contracts last?"""

from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, add_wilson, said
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
        Kaplan-Meier), expected_retention_share and expected_staying_share (sBG; null where fewer
        than 30 contracts or 10 ends carry no model).
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
        caveats=(*_caveats(table, before), *workspace.end_note(as_of)),
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
    return add_wilson(counts, "renewed", "at_risk", "retention_share").select(
        "renewal",
        "at_risk",
        "renewed",
        "retention_share",
        "retention_share_low",
        "retention_share_high",
        staying_share=pl.col("retention_share").cum_prod(),
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
    if contracts < ENOUGH or ended < _FEWEST_ENDS:
        return (
            f"Of {counted(contracts, 'contract')} {ended:,} ended: too few to say how long they "
            "last."
        )
    first = table.row(0, named=True)
    last = table.filter(pl.col("at_risk") >= ENOUGH).row(-1, named=True)
    return (
        f"Of {first['at_risk']:,} contracts {said(first['renewed'], first['at_risk'])} were "
        f"renewed after the first month, and after {counted(last['renewal'], 'month')} "
        f"{100 * last['staying_share']:.1f} % are still running; the model expects "
        f"{100 * last['expected_staying_share']:.1f} %."
    )


def _caveats(table: pl.DataFrame, before: int) -> tuple[str, ...]:
    notes = []
    if before:
        notes.append(
            f"Left out: {counted(before, 'contract')} that ran in the first month of the data, "
            "since when they began is not known."
        )
    if table.is_empty():
        return tuple(notes)
    if table["expected_retention_share"].count():
        notes.append(
            "Rising retention is not proof of improving loyalty: those who leave easily leave "
            "first, so it rises by sorting alone, as in the model."
        )
    notes.append(
        "Whoever pays again after a gap counts as ended; a last month that is not billed in full "
        "yet makes contracts look ended."
    )
    return tuple(notes)


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
