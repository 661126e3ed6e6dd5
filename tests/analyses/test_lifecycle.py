"""The six states against customers placed by hand."""

from datetime import datetime

import polars as pl
import pytest
from company import company, orders

import cxkit as cx
from cxkit.analyses.who import lifecycle
from cxkit.errors import BadQuestion
from cxkit.stats.survival import GroupLimit

STATES = ["prospect", "new", "active", "loyal", "returned", "lapsed"]

# As of 30 June, with a limit of 60 days: ann never bought, bob is new, cid active (his two orders
# of one day are one), dan loyal by four days, eve came back after 4 months, fay has left.
CONTACTS = [{"customer_id": "ann", "known_since": "2026-01-01"}]
SIX = orders(
    "bob 2026-06-15T10:00 20.00",
    "cid 2026-05-10T10:00 10.00",
    "cid 2026-05-10T18:00 5.00",
    "dan 2026-03-01T10:00 1.00",
    "dan 2026-04-01T10:00 2.00",
    "dan 2026-05-01T10:00 3.00",
    "dan 2026-06-01T10:00 4.00",
    "eve 2026-02-01T10:00 7.00",
    "eve 2026-06-01T10:00 8.00",
    "fay 2026-01-10T10:00 9.00",
    "bob 2026-06-30T10:00 0.50",
)


def states(result: cx.Result) -> dict[str, int]:
    return dict(result.table.select("state", "customers").iter_rows())


def test_six_people_one_in_each_state(tmp_path):
    life = cx.lifecycle(company(tmp_path, customers=CONTACTS, orders=SIX), lapse_days=60)
    assert life.table.select("state", "customers", "orders", "revenue", "currency").rows() == [
        ("prospect", 1, 0, 0.0, "EUR"),
        ("new", 1, 2, 20.5, "EUR"),
        ("active", 1, 2, 15.0, "EUR"),
        ("loyal", 1, 4, 10.0, "EUR"),
        ("returned", 1, 2, 15.0, "EUR"),
        ("lapsed", 1, 1, 9.0, "EUR"),
    ]
    assert life.table["share"].to_list() == [pytest.approx(1 / 6)] * 6
    assert life.n == 6
    assert life.as_of == datetime(2026, 6, 30, 10)
    assert life.finding == (
        "Of 6 known people 1 has never bought; 1 of the 5 buyers is lapsed: silent for more "
        "than 60 days (too few to say more)."
    )
    assert life.caveats[0] == "Lapsed means silent for more than 60 days, as asked."


def test_the_edges_of_the_windows(tmp_path):
    # silent for exactly the limit is not lapsed; a first order exactly 30 days ago is new
    rows = orders("ann 2026-03-02 1", "bob 2026-03-03 1", "cid 2026-04-02 1", "dan 2026-05-02 1")
    told = {"lifecycle": {"lapse_days": 60, "new_days": 30}}
    life = cx.lifecycle(company(tmp_path, told, orders=rows))
    assert states(life) == dict.fromkeys(STATES, 0) | {"lapsed": 1, "active": 1, "new": 2}
    assert "as the settings say" in life.caveats[0]


def test_cancelled_orders_and_refunds_are_no_purchases(tmp_path):
    rows = orders("ann 2026-06-01 5", "bob 2026-01-01 5", "bob 2026-06-30 -5", "cid 2026-06-01 9")
    rows[3]["cancelled"] = True
    life = cx.lifecycle(company(tmp_path, orders=rows), lapse_days=60)
    assert states(life) == dict.fromkeys(STATES, 0) | {"prospect": 1, "new": 1, "lapsed": 1}
    assert life.table["revenue"].sum() == 5
    assert life.table["orders"].sum() == 2
    assert life.caveats[1:3] == (
        "No purchases, but taken off the revenue: 1 refund.",
        "No purchases: 1 cancelled order.",
    )


def test_nobody_is_counted_before_they_were_known(tmp_path):
    ws = company(
        tmp_path,
        customers=[*CONTACTS, {"customer_id": "late", "known_since": "2026-06-20"}],
        orders=SIX,
        events=[{"visitor_id": "v1", "occurred_at": "2026-01-01", "event": "visit"}],
    )
    assert cx.lifecycle(ws, lapse_days=60).n == 7
    may = cx.lifecycle(ws, lapse_days=60, as_of="2026-05-31")
    assert states(may) == dict.fromkeys(STATES, 0) | {
        "prospect": 1,  # ann; bob and late are not known yet
        "new": 1,  # cid
        "active": 1,  # dan, with three purchases
        "lapsed": 2,  # eve, who will return in June, and fay
    }
    assert may.as_of == datetime(2026, 5, 31, 23, 59, 59, 999999)


def test_the_day_is_the_companys(tmp_path):
    # 23:30 and 00:30 in Berlin are two days, though one day in UTC: with them dan has four
    rows = orders(
        "dan 2026-06-01T21:30 1",
        "dan 2026-06-01T22:30 1",
        "dan 2026-06-20 1",
        "dan 2026-04-01 1",
    )
    told = {"company": {"timezone": "Europe/Berlin"}, "lifecycle": {"lapse_days": 90}}
    assert states(cx.lifecycle(company(tmp_path / "b", told, orders=rows)))["loyal"] == 1
    told["company"]["timezone"] = "UTC"
    assert states(cx.lifecycle(company(tmp_path / "u", told, orders=rows)))["active"] == 1


def test_currencies_are_not_mixed(tmp_path):
    rows = orders("ann 2026-06-01 5", "bob 2026-06-02 5")
    rows[1]["currency"] = "USD"
    life = cx.lifecycle(company(tmp_path, orders=rows))
    assert life.table["revenue"].null_count() == 6
    assert any("several currencies (EUR, USD)" in caveat for caveat in life.caveats)


def test_without_a_limit_in_the_data_the_horizon_is_used_and_said(tmp_path):
    rows = orders(*[f"c{i} 2026-0{1 + i % 6}-01 5" for i in range(60)])
    life = cx.lifecycle(company(tmp_path, orders=rows))
    assert life.caveats[0].endswith("the 90 days are a convention.")
    assert life.finding.endswith("silent for more than 90 days, which is a convention here.")
    assert states(life)["lapsed"] == 30  # silent since January, February, March: 151, 120, 92 days


def test_the_limit_that_lapse_curve_finds_is_used(tmp_path):
    rows = orders(
        *[f"r{i} 2026-{m:02}-{1 + i % 20:02} 5" for i in range(60) for m in range(1, 13)],
        *[f"g{i} 2026-0{1 + i % 3}-05 5" for i in range(50)],
    )
    ws = company(tmp_path, orders=rows)
    limit = cx.lapse_curve(ws).table.filter(~pl.col("lapsed"))["silent_days"][-1]
    assert 28 <= limit <= 31
    life = cx.lifecycle(ws)
    assert life.finding.endswith(f"silent for more than {limit} days.")
    assert states(life)["lapsed"] == 50


def test_an_empty_store_and_one_customer(tmp_path):
    nobody = cx.lifecycle(company(tmp_path / "empty"))
    assert nobody.table["customers"].to_list() == [0] * 6
    assert nobody.finding == "Nobody is known yet: there is neither a contact list nor an order."
    assert nobody.chart().layout.title.text
    one = cx.lifecycle(company(tmp_path / "one", orders=orders("ann 2026-01-05 20.00")))
    assert one.finding == "The one known person is new: too few to say more."
    contact = cx.lifecycle(company(tmp_path / "contact", customers=CONTACTS))
    assert contact.finding == "The one known person is a prospect: too few to say more."
    two = cx.lifecycle(company(tmp_path / "two", customers=[*CONTACTS, {"customer_id": "bob"}]))
    assert two.finding == "Of 2 known people nobody has bought yet."


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.lifecycle(company(tmp_path / "a", customers=CONTACTS, orders=SIX), lapse_days=60)
    again = company(tmp_path / "b", customers=CONTACTS, orders=SIX[::-1])
    two = cx.lifecycle(again, lapse_days=60)
    assert one.table.equals(two.table)
    assert one.finding == two.finding


def test_an_uncertain_limit_of_a_kind_is_said():
    own = {"a": GroupLimit(40, 38, 44, 90, 0.01), "b": GroupLimit(70, None, None, 41, 0.03)}
    assert lifecycle._own_limits_said(own, "region") == (
        "By region these kinds have a limit of their own: 40 days for 'a', 70 days (uncertain) for "
        "'b'. The one above holds for all others (see lapse_groups).",
    )


def test_a_limit_below_a_day_is_refused(tmp_path):
    with pytest.raises(BadQuestion, match="give a whole number"):
        cx.lifecycle(company(tmp_path), lapse_days=0)


def test_the_demo_company_adds_up(demo):
    life = cx.lifecycle(demo)
    people = demo.sql("select count(*) as n from people where known")["n"][0]
    placed = demo.sql(
        "select count(*) as n from orders where not coalesce(cancelled, false) and amount >= 0"
    )["n"][0]
    assert life.table["state"].to_list() == STATES
    assert life.table["customers"].sum() == life.n == people
    assert life.table["orders"].sum() == placed


def test_who_only_had_orders_cancelled_is_said(tmp_path):
    bought, tried = orders("ann 2026-01-05 20.00", "bob 2026-01-05 20.00")
    states = cx.lifecycle(company(tmp_path, orders=[bought, tried | {"cancelled": True}]))
    assert (
        "1 of those who have never bought did place an order: it was cancelled, or could not be "
        "supplied." in states.caveats
    )
