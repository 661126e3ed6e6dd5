"""The check of the model: expectations set beside what customers did, and the published table."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from company import company, company_of, orders

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.value import expected_purchases, fit_buying


def drawn(seed: int, *, summer: float = 1.0, buyers: int = 150) -> list[str]:
    """Write orders of people who follow the model; in the last 60 days they buy `summer` as often.

    Begun in the first 60 of 180 days; gamma(2, 30 days) rates, beta(1, 9) chances to leave.
    """
    draw, rows = np.random.default_rng(seed), []
    for number in range(buyers):
        rate, chance = draw.gamma(2) / 30, draw.beta(1, 9)
        day = float(draw.integers(0, 60))
        while day < 180:
            rows.append(f"c{number:03} {date(2026, 1, 1) + timedelta(days=int(day))} 20")
            if draw.random() < chance and len(rows) > 1 and rows[-2][:4] == rows[-1][:4]:
                break
            day += draw.exponential() / rate / (summer if day > 120 else 1)
    return [*rows, "zoe 2026-06-30 20"]  # the data end that day


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> cx.Workspace:
    return company(tmp_path_factory.mktemp("drawn"), orders=orders(*drawn(1)))


def test_who_bought_how_often_before_and_since(tmp_path):
    rows = orders(
        "ann 2026-01-01 5",
        "ann 2026-01-01 5",
        "ann 2026-01-11 5",
        "ann 2026-03-02 5",
        "ann 2026-03-02T10:00 5",
        "bob 2026-01-01 5",
        "cid 2026-03-02 5",
    )
    ws = company(tmp_path, orders=rows)
    # 60 days: the first 40 say what the last 20 should bring; cid came too late
    found = ws.query("value_check", as_of=ws.as_of, zone="UTC", holdout_days=None)
    assert found.rows() == [(0, 0.0, 40 / 7, 0, 20, 1), (1, 10 / 7, 40 / 7, 1, 20, 1)]
    later = ws.query("value_check", as_of=ws.as_of, zone="UTC", holdout_days=55)
    assert later.rows() == [(0, 0.0, 5 / 7, 0, 55, 1), (0, 0.0, 5 / 7, 2, 55, 1)]


def test_a_model_that_holds(ws):
    check = cx.value_check(ws)
    table = check.table
    assert table["repeats"].to_list() == ["0", "1", "2", "3", "4", "5", "6", "7 or more"]
    assert table["holdout_days"].unique().to_list() == [60]
    assert table["customers"].sum() == check.n == 150
    kinds = ws.query("value_check", as_of=ws.as_of, zone="UTC", holdout_days=60)
    expected = expected_purchases(fit_buying(kinds), kinds, 60 / 7) * kinds["customers"]
    actual = kinds["later"] * kinds["customers"]
    assert table["expected_total"].sum() == pytest.approx(expected.sum())
    assert table["actual_total"].sum() == actual.sum()
    for row in table.iter_rows(named=True):
        assert row["expected_orders"] == pytest.approx(row["expected_total"] / row["customers"])
        assert row["actual_orders"] == pytest.approx(row["actual_total"] / row["customers"])
        assert row["actual_low"] <= row["actual_orders"] <= row["actual_high"]
        held = row["actual_low"] <= row["expected_orders"] <= row["actual_high"]
        held |= abs(row["expected_orders"] / row["actual_orders"] - 1) <= 0.1
        assert row["fits"] == (held if row["customers"] >= 30 else None)
    assert check.finding.startswith(
        f"For the last 60 days the model expected {expected.sum():,.0f} purchases of 150 "
        f"customers, and {actual.sum():,} ("
    )
    assert "which is within what chance allows" in check.finding
    assert not any("read best_customers as a ranking" in note for note in check.caveats)
    did, expected_line = check.chart().data
    assert list(did.y) == table["actual_orders"].to_list()
    assert list(expected_line.y) == table["expected_orders"].to_list()
    assert expected_line.line.dash == "dot"


def test_a_model_that_does_not(tmp_path):
    check = cx.value_check(company(tmp_path, orders=orders(*drawn(1, summer=0.3))), holdout_days=60)
    assert "the model expected" in check.finding.split(" came: ")[1]
    assert "too many, which is outside what chance allows; it misses " in check.finding
    assert "it holds in" not in check.finding
    assert check.caveats[0].startswith("The model is off: read best_customers as a ranking")


def test_the_record_shop_in_39_weeks(shared, tmp_path):
    """The record shop's 39 weeks after 30 September 1997, by purchases in the 39 before."""
    file = shared / "reference" / "cdnow_elog_btyd.csv"
    text = """
        insert into orders (order_id, customer_id, ordered_at, amount)
        select row_number() over (), masterid, strptime(date, '%Y%m%d'), sales
        from read_csv($file, types = {'date': 'varchar'})
    """
    check = cx.value_check(company_of(tmp_path, text, file=str(file)), holdout_days=273)
    assert check.n == 2357
    assert check.table["customers"].to_list() == [1411, 439, 214, 100, 62, 38, 29, 64]
    log = pl.read_csv(file).with_columns(pl.col("date").cast(pl.String).str.to_date("%Y%m%d"))
    later = log.filter(pl.col("date") > date(1997, 9, 30)).unique(["masterid", "date"])
    assert check.table["actual_total"].to_list() == [334, 306, 298, 156, 157, 112, 112, 407]
    assert later.height == 1882
    assert check.finding == (
        "For the last 273 days the model expected 1,653 purchases of 2,357 customers, and 1,882 "
        "(1,686–2,078) came: the model expected 12.1 % too few, which is outside what chance "
        "allows; it misses 2 of 7 classes."
    )
    assert check.caveats[:2] == (
        "The model is off: read best_customers as a ranking, not as amounts.",
        "It misses customers with 1 and 2 repeat purchases. One class of twenty lies outside its "
        "interval by chance alone.",
    )


def test_what_is_said_of_one_class_and_of_none(tmp_path):
    """40 people buy every 20 days (n times before the last 40 days), and then nobody or all do."""

    def check(name: str, *since: str) -> cx.Result:
        days = ["2026-01-01", "2026-01-21", "2026-02-10", *since]
        rows = [f"c{i:02} {day} 5" for i in range(40) for day in days]
        ws = company(tmp_path / name, orders=orders(*rows, "zoe 2026-03-22 5"))
        return cx.value_check(ws, holdout_days=35)

    gone = check("gone")
    assert gone.finding.endswith("purchases of 40 customers, and none came.")
    alike = check("alike", "2026-03-02")
    assert " purchases of 40 customers, and 40 came: the model expected " in alike.finding
    assert "nan" not in alike.finding
    for result in (gone, alike):
        assert "1 of 1" not in result.finding
        assert not any("Classes of fewer" in note for note in result.caveats)


def test_row_order_does_not_matter(ws, tmp_path):
    again = cx.value_check(company(tmp_path, orders=orders(*drawn(1))[::-1]))
    assert again.table.equals(cx.value_check(ws).table)
    assert again.finding == cx.value_check(ws).finding


def test_when_it_cannot_say(tmp_path):
    def finding(name: str, *rows: str, days: int | None = None) -> str:
        check = cx.value_check(company(tmp_path / name, orders=orders(*rows)), holdout_days=days)
        assert check.table.is_empty()
        check.chart()
        return check.finding.removeprefix(
            "Whether a model of purchases would hold cannot be said: "
        )

    monthly = [f"c{i:02} 2026-0{m}-01 5" for i in range(40) for m in (1, 2, 3)]
    assert finding("none") == "nobody has bought."
    assert finding("one", "ann 2026-01-01 5", "ann 2026-02-01 5") == "there is one buyer only."
    assert finding("five", *monthly[:15]) == "there are 5 buyers only."
    assert finding("day", *[f"c{i} 2026-01-01 5" for i in range(40)]) == (
        "all purchases are of one day."
    )
    assert finding("long", *monthly, days=1000) == "nobody has bought."
    once = [f"c{i:03} 2026-01-{1 + i % 28:02} 5" for i in range(200)]
    assert finding("once", *once, days=5) == "of 165 buyers none has bought on a second day."


def test_values_it_cannot_use(ws):
    with pytest.raises(BadQuestion, match="holdout_days is -1; give a whole number"):
        cx.value_check(ws, holdout_days=-1)
