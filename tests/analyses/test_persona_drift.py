"""Drift counted by hand: who moved, by how much, with what interval, and when to look anew."""

import json
import os
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist

import polars as pl
import pytest
from company import company
from kinds import FIELDS, LATER, PEOPLE, SETTINGS, contacts, orders

import cxkit as cx
from cxkit import demo
from cxkit.errors import BadQuestion
from cxkit.stats.intervals import newcombe_paired

MOVED = {f"q{n:02}": "l" for n in range(12)}  # twelve of the quiet ones have grown loud


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> cx.Workspace:
    folder = tmp_path_factory.mktemp("moved")
    return company(folder, SETTINGS, customers=contacts(MOVED, new=8), orders=orders())


def part(result: cx.Result, name: str) -> pl.DataFrame:
    return result.table.filter(pl.col("part") == name)


def test_who_moved_by_hand(moved):
    drift = cx.persona_drift(moved)
    quiet, busy, loud = part(drift, "share").iter_rows(named=True)
    assert [row["base"] for row in (quiet, busy, loud)] == [129, 129, 129]
    assert [row["customers_before"] for row in (quiet, busy, loud)] == [60, 36, 33]
    assert [row["customers"] for row in (quiet, busy, loud)] == [48, 36, 45]
    value, low, high = newcombe_paired(33, 0, 12, 84)
    assert loud["share_change"] == pytest.approx(12 / 129) == pytest.approx(value)
    assert (loud["share_change_low"], loud["share_change_high"]) == pytest.approx((low, high))
    assert quiet["share_change"] == pytest.approx(-12 / 129)
    assert busy["share_change"] == 0
    assert busy["q_value"] == 1
    assert (quiet["newcomers"], quiet["newcomer_share"]) == (8, 1)
    moves = part(drift, "moved").select("persona", "became", "customers", "base").rows()
    names = [row["persona"] for row in (quiet, busy, loud)]
    assert moves == [
        (names[0], names[0], 48, 60), (names[0], names[2], 12, 60),
        (names[1], names[1], 36, 36), (names[2], names[2], 33, 33),
    ]  # fmt: skip
    assert part(drift, "feature")["feature"].to_list() == ["Spend", "Visits", "Talk"]
    assert drift.n == 129


def test_the_finding_says_who_grew_and_what_to_do(moved):
    drift = cx.persona_drift(moved)
    assert drift.finding.startswith(
        "Of 129 people scored at both moments 9.3 % (5.4–15.6) changed persona from 'Then' to "
        "'Now'; "
    )
    assert " by 9.3 points (" in drift.finding
    assert drift.finding.endswith(
        "Keep the model: groups found anew agree (adjusted Rand index 1.00)."
    )
    assert any(note.startswith("8 newcomers are not in it: 8 '") for note in drift.caveats)
    assert "matched to the personas, they put 0 of 137 elsewhere" in " ".join(drift.caveats)
    assert "says little of 129 people" in " ".join(drift.caveats)
    title = drift.chart().layout.title.text
    assert title == "<b>9% became another persona</b>"


def test_nobody_moved_and_no_drift_is_claimed(tmp_path):
    ws = company(tmp_path, SETTINGS, customers=contacts(), orders=orders())
    drift = cx.persona_drift(ws)
    assert "0.0 % (0.0–2.9) changed persona" in drift.finding
    assert "no persona's share surely changed" in drift.finding


def test_people_who_swap_change_no_share(tmp_path):
    swap = {f"q{n:02}": "l" for n in range(10)} | {f"l{n:02}": "q" for n in range(10)}
    ws = company(tmp_path, SETTINGS, customers=contacts(swap), orders=orders())
    drift = cx.persona_drift(ws)
    assert "15.5 % (" in drift.finding
    assert "no persona's share surely changed" in drift.finding


def test_the_order_of_rows_does_not_matter(tmp_path, moved):
    rows = contacts(MOVED, new=8)[::-1]
    again = company(tmp_path, SETTINGS, customers=rows, orders=orders(PEOPLE[::-1]))
    one, other = cx.persona_drift(moved), cx.persona_drift(again)
    assert one.table.write_csv() == other.table.write_csv()
    assert (one.finding, one.caveats) == (other.finding, other.caveats)


def test_two_dates_of_behaviour(tmp_path):
    """Half of the quiet buyers start to buy often and dearly; fields of a list show no dates."""
    rows = []
    for n in range(120):
        often = n >= 60
        gap = 22 + n * 7 % 13 if often else 70 + n * 11 % 37
        noise = NormalDist().inv_cdf((n * 17 % 60 + 0.5) / 60)
        for turn in range(360 // gap):
            day = date(2025, 1, 1) + timedelta(days=gap * turn)
            rows.append((f"c{n:03}", day, round((90 if often else 30) + 5 * noise, 2)))
        for turn in range(12 if n < 20 else 1):
            rows.append((f"c{n:03}", date(2026, 1, 5) + timedelta(days=14 * turn), 110))
    bought = [
        {"order_id": f"o{i}", "customer_id": who, "ordered_at": day, "amount": amount}
        for i, (who, day, amount) in enumerate(rows)
    ]
    settings = {"personas": {"features": ["mean_basket", "median_gap_days"]}}
    ws = company(tmp_path, settings, orders=bought)
    drift = cx.persona_drift(ws, before="2025-12-31")
    assert "from 31 Dec 2025 to 08 Jun 2026" in drift.finding
    moved = part(drift, "moved").filter(pl.col("persona") != pl.col("became"))
    assert moved["customers"].sum() == 20
    assert any(note.startswith("Behaviour is counted") for note in drift.caveats)


def test_what_may_not_be_asked(moved):
    with pytest.raises(BadQuestion, match="`later` names 1 field and `features` 3"):
        cx.persona_drift(moved, later=LATER[:1])
    with pytest.raises(BadQuestion, match="two dates show no drift"):
        cx.persona_drift(moved, features=FIELDS, before="2026-01-31")
    with pytest.raises(BadQuestion, match="Name an earlier date"):
        cx.persona_drift(moved, before="2026-04-15")


def test_when_there_is_nothing_to_find(tmp_path):
    for name, tables in {
        "empty": {},
        "five": {"orders": orders(PEOPLE[:5])},
        "alike": {"orders": orders(PEOPLE[:60])},
    }.items():
        drift = cx.persona_drift(company(tmp_path / name, **tables))
        assert drift.finding == (
            "There are no personas that hold, so nobody can have become another."
        )
        drift.chart()


def test_a_kept_model_is_the_frozen_one(tmp_path):
    ws = company(tmp_path, SETTINGS, customers=contacts(), orders=orders())
    cx.keep_personas(ws)
    later = company(tmp_path, SETTINGS, customers=contacts(MOVED), orders=orders())
    names = [persona.name for persona in cx.kept_personas(later).personas]
    drift = cx.persona_drift(later)
    assert part(drift, "share")["persona"].to_list() == names
    assert part(drift, "share")["customers"].to_list() == [48, 36, 45]
    assert len(FIELDS) == len(part(drift, "feature"))


def test_a_report_shows_no_small_moves(tmp_path, monkeypatch):
    """Twelve of 60 quiet ones moved, and eight are new; a report must show 13 or more."""
    settings = {**SETTINGS, "privacy": {"smallest_group": 13}}
    ws = company(tmp_path, settings, customers=contacts(MOVED, new=8), orders=orders())
    open_ = cx.persona_drift(ws)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    drift = cx.persona_drift(ws)
    quiet, busy, loud = part(drift, "share")["persona"]
    moves = {(p, b): n for p, b, n in part(drift, "moved")["persona", "became", "customers"].rows()}
    assert moves == {
        (quiet, quiet): None, (quiet, loud): None,  # the one would be 60 less the other
        (busy, busy): 36, (loud, loud): None,  # nor 45 less those who came
    }  # fmt: skip
    assert part(drift, "share")["newcomers"].to_list() == [None, 0, 0]
    assert part(drift, "share")["customers"].to_list() == [48, 36, 45]
    assert "fewer than 13 changed persona" in drift.finding
    said = " ".join(drift.caveats)
    assert "Fewer than 13 newcomers are not in it: fewer than 13 '" in said
    assert "A report shows no moves of fewer than 13 people; " in said
    assert drift.chart().layout.title.text == "<b>Who became another persona</b>"
    assert "12 · 20%" in str(open_.chart()) and "12 · 20%" not in str(drift.chart())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_t22_the_drift_of_the_discount_group(tmp_path, seed):
    profile = "full" if os.environ.get("CXKIT_THOROUGH") == "1" else "small"
    folder: Path = demo.make(tmp_path, seed=seed, profile=profile)
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["T22"]
    cx.import_exports(folder / "exports", store=folder / "store")
    drift = cx.persona_drift(cx.open(folder / "store"))
    discount = part(drift, "share").filter(pl.col("persona").str.contains("high Discount"))
    row = discount.sort("share_change", descending=True).row(0, named=True)
    planted = told["share_after"] - told["share_before"]
    assert row["share_change"] == pytest.approx(planted, abs=0.01)
    if profile == "full":
        assert row["q_value"] < 0.05
        assert f"'{row['persona']}' grew" in drift.finding
    assert row["share_change_low"] <= 0.04 <= row["share_change_high"]
    assert "Keep the model" in drift.finding
