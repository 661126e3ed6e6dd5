"""Contracts month by month, counted by hand, and the model beside them."""

from math import exp, log, sqrt
from typing import Any

import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.stats.value import fit_leaving


def months(*rows: str) -> list[dict[str, Any]]:
    """Write contracts as 'ann 2026-01 2026-03': every month from the first to the last."""
    made = []
    for row in rows:
        who, first, last = row.split()
        at, end = ([int(part) for part in text.split("-")] for text in (first, last))
        while at <= end:
            month = f"{at[0]}-{at[1]:02}-01"
            made.append({"customer_id": who, "month": month, "amount": 10, "currency": "EUR"})
            at = [at[0] + at[1] // 12, at[1] % 12 + 1]
    return made


# old ran when the data begin; eve paused in April and came back
FIVE = [
    *("old 2026-01 2026-05", "ann 2026-02 2026-02", "bob 2026-02 2026-04"),
    *("cid 2026-03 2026-05", "dan 2026-05 2026-05", "eve 2026-02 2026-03", "eve 2026-05 2026-05"),
]


def test_renewals_by_hand(tmp_path):
    ws = company(tmp_path, subscriptions=months(*FIVE))
    counts = ws.query("contract_retention", as_of=ws.as_of, zone="UTC")
    assert counts.rows() == [
        # renewal, at risk, renewed, still, contracts, begun before
        (1, 4, 3, 0, 5, 1),  # ann left; dan has not come to it
        (2, 3, 2, 1, 5, 1),  # eve left; cid still runs
        (3, 1, 0, 0, 5, 1),  # bob left; cid has not come to it
        (4, 0, 0, 0, 5, 1),
        (5, 0, 0, 0, 5, 1),
    ]
    result = cx.contract_retention(ws)
    assert result.n == 5
    assert result.table["renewal"].to_list() == [1, 2, 3]
    assert result.table["retention_share"].to_list() == pytest.approx([3 / 4, 2 / 3, 0])
    assert result.table["staying_share"].to_list() == pytest.approx([3 / 4, 1 / 2, 0])
    assert result.table["expected_staying_share"].null_count() == 3
    assert result.finding == "Of 5 contracts 3 ended: too few to say how long they last."
    assert result.caveats[0].startswith("Left out: 1 contract that ran in the first month")
    result.chart()


def sorted_out() -> list[str]:
    """130 contracts begun in February: fewer and fewer of those left end each month."""
    ends = [*[2] * 30, *[3] * 15, *[4] * 8, *[5] * 4, *[6] * 2, *[7] * 1, *[8] * 70]
    rows = [f"c{number:03} 2026-02 2026-{end:02}" for number, end in enumerate(ends)]
    return ["old 2026-01 2026-08", *rows]


def test_the_model_beside_what_happened(tmp_path):
    result = cx.contract_retention(company(tmp_path / "a", subscriptions=months(*sorted_out())))
    table = result.table
    assert table["at_risk"].to_list() == [130, 100, 85, 77, 73, 71]
    assert table["renewed"].to_list() == [100, 85, 77, 73, 71, 70]
    assert table["staying_share"].to_list()[-1] == pytest.approx(70 / 130)
    model = fit_leaving([30, 15, 8, 4, 2, 1], [0, 0, 0, 0, 0, 70])
    assert table["expected_staying_share"].to_list() == pytest.approx(model.staying(range(1, 7)))
    assert table["expected_retention_share"].to_list() == pytest.approx(
        model.retention(range(1, 7))
    )
    assert table["retention_share"].is_sorted()  # though nobody became more loyal
    # nobody is censored before the sixth renewal: Greenwood's error is that of one share
    share = 70 / 130
    error = sqrt(share * (1 - share) / 130)
    wide = exp(1.959964 * error / (share * abs(log(share))))
    low, high = 100 * share**wide, 100 * share ** (1 / wide)
    assert result.finding == (
        "Of 130 contracts 76.9 % (69.0–83.3) were renewed after the first month, and after 6 "
        f"months 53.8 % ({low:.1f}–{high:.1f}) are still running; the model expects "
        f"{100 * model.staying([6])[0]:.1f} %."
    )
    told = " ".join(result.caveats)
    assert "outside" not in told
    assert "falls" not in told
    assert "Rising retention is not proof of improving loyalty" in told
    assert [line.name for line in result.chart().data] == ["still running", "expected by the model"]
    again = company(tmp_path / "b", subscriptions=months(*sorted_out())[::-1])
    assert cx.contract_retention(again).table.equals(table)


def ending(*left: int, still: int) -> list[str]:
    """Write contracts begun in February 2025: so many end at their 1st, 2nd … renewal."""
    ends = [month for month, number in enumerate(left) for _ in range(number)]
    ends += [len(left)] * still
    rows = [
        f"c{n:03} 2025-02 {2025 + (1 + end) // 12}-{1 + (1 + end) % 12:02}"
        for n, end in enumerate(ends)
    ]
    return ["old 2025-01 2025-02", *rows]


def test_retention_that_falls_is_nothing_the_model_describes(tmp_path):
    rows = ending(2, 2, 2, 2, 2, 60, still=130)
    result = cx.contract_retention(company(tmp_path, subscriptions=months(*rows)))
    assert result.table["at_risk"].to_list() == [200, 198, 196, 194, 192, 190]
    told = " ".join(result.caveats)
    assert "Rising retention" not in told
    assert "Retention falls with age, from 99.0 % (" in told  # 588 of 594
    assert ") at renewals 1 to 3 to 88.9 % (" in told  # 512 of 576
    assert "sBG lets it only rise and cannot describe that." in told
    missed = [
        row["renewal"]
        for row in result.table.iter_rows(named=True)
        if not row["retention_share_low"]
        <= row["expected_retention_share"]
        <= row["retention_share_high"]
    ]
    assert 6 in missed
    assert len(missed) > 1
    assert result.finding.endswith(f" % and does not fit {len(missed)} of 6 renewals.")
    assert f"and {missed[-1]}. One renewal of twenty" in told


def test_retention_that_neither_rises_nor_falls_is_not_commented(tmp_path):
    rows = ending(20, 18, 16, 15, still=131)
    result = cx.contract_retention(company(tmp_path, subscriptions=months(*rows)))
    told = " ".join(result.caveats)
    assert "etention is not proof" not in told
    assert "falls" not in told
    assert "since when it began" in told


def test_one_renewal_and_contracts_that_have_come_to_none(tmp_path):
    rows = ending(15, still=45)
    one = cx.contract_retention(company(tmp_path / "one", subscriptions=months(*rows)))
    assert one.finding == (
        "Of 60 contracts 75.0 % (62.8–84.2) were renewed after the first month; the model expects "
        "75.0 %."
    )
    # 15 have come to a renewal, 25 begin in the last month
    new = [f"n{n} 2025-03 2025-03" for n in range(25)]
    few = company(tmp_path / "few", subscriptions=months(*ending(12, still=3), *new))
    assert cx.contract_retention(few).finding == (
        "Of 40 contracts 12 ended: too few to say how long they last."
    )


def test_nothing_to_say(tmp_path):
    def finding(name: str, *rows: str, **changes: Any) -> str:
        made = months(*rows)
        for row in made:
            row |= changes
        result = cx.contract_retention(company(tmp_path / name, subscriptions=made))
        assert isinstance(result.table, pl.DataFrame)
        result.chart()
        return result.finding

    none = "There are no subscriptions: how long contracts last cannot be asked."
    assert finding("none") == none
    assert finding("free", "ann 2026-01 2026-03", amount=0) == none
    unseen = "No contract was seen from its start to a renewal: how long they last is not known."
    assert finding("one", "ann 2026-01 2026-03") == unseen
    assert finding("one month", *[f"c{i} 2026-01 2026-01" for i in range(40)]) == unseen
    loyal = ["old 2026-01 2026-06", *[f"c{i} 2026-02 2026-06" for i in range(40)]]
    assert finding("loyal", *loyal) == (
        "Of 40 contracts none ended: too few to say how long they last."
    )
