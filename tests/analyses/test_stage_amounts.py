"""What becomes of the money: against baskets written by hand."""

from math import sqrt

import pytest
from company import company, orders

import cxkit as cx
from cxkit.errors import BadQuestion


def event(who, day, name, amount=None):
    return {"customer_id": who, "occurred_at": f"2026-01-{day:02}", "event": name, "amount": amount}


END = {"customer_id": "zoe", "occurred_at": "2026-03-31", "event": "newsletter"}


def test_baskets_by_hand(tmp_path):
    """40 baskets of 10, 20, 30, 40; those of 10 and 20 are paid; one more has no amount."""
    rows = []
    for n in range(40):
        basket = 10 * (1 + n % 4)
        rows += [event(f"c{n}", 1, "cart", basket), event(f"c{n}", 9, "cart", 999)]
        if basket <= 20:
            rows.append(event(f"c{n}", 2, "paid", basket - 1))
    rows += [event("none", 1, "cart"), END]
    found = cx.stage_amounts(company(tmp_path, events=rows), stages=["cart", "paid"])
    cart, paid = found.table.to_dicts()
    assert (cart["reached"], cart["with_amount"], cart["amount"]) == (41, 40, 1000.0)
    assert (cart["amount_median"], cart["amount_went_on"]) == (25.0, 300.0)
    assert cart["went_on_share"] == pytest.approx(0.3)
    spread = 10 * ((7**2) + (14**2) + (9**2) + (12**2))  # part - .3 * whole, ten of each
    half = 1.959964 * sqrt(spread * 40 / 39) / 1000
    assert cart["went_on_share_low"] == pytest.approx(0.3 - half, abs=1e-6)
    assert (paid["with_amount"], paid["amount"], paid["went_on_share"]) == (20, 280.0, None)
    assert found.finding == (
        "Of 1,000 recorded at 'cart' 30.0 % "
        f"({30 - 100 * half:.1f}–{30 + 100 * half:.1f}) belong to those who went on "
        "(40 customers with an amount); 700 did not."
    )
    assert "At 'cart' 1 of 41 have no amount: they are left out." in found.caveats
    assert "30% of the money at 'cart' goes on" in found.chart().layout.title.text.replace(
        "&#x27;", "'"
    )


def test_too_few_none_and_several_currencies(tmp_path):
    few = [event("ann", 1, "cart", 5), event("ann", 2, "paid", 5), END]
    ask = {"stages": ["cart", "paid"]}
    assert cx.stage_amounts(company(tmp_path / "few", events=few), **ask).finding == (
        "Amounts of 1 customer are recorded: too few to say."
    )
    paid = [event("ann", 1, "cart"), event("ann", 2, "paid", 5), END]
    assert cx.stage_amounts(company(tmp_path / "paid", events=paid), **ask).finding == (
        "Only at 'paid' amounts are recorded: 5 of 1 customer. What is lost before is not known."
    )
    none = cx.stage_amounts(company(tmp_path / "none"), **ask)
    assert none.finding.startswith("No stage of the journey has recorded an amount")
    money = [
        {**order, "currency": currency}
        for order, currency in zip(
            orders("ann 2026-01-01 20", "bob 2026-01-01 30"), ["EUR", "USD"], strict=True
        )
    ]
    mixed = cx.stage_amounts(company(tmp_path / "mixed", events=few, orders=money), **ask)
    assert mixed.finding == "Amounts are in several currencies (EUR, USD): they do not add up."
    assert mixed.table["amount"].to_list() == [None, None]
    with pytest.raises(BadQuestion, match="unit is 'cow'; give one of: attempt, case"):
        cx.stage_amounts(cx.open(), unit="cow")


def test_orders_of_one_instant_keep_their_own_amounts(tmp_path):
    """ann placed two orders at once, and one of them was delivered."""
    ws = company(
        tmp_path,
        orders=orders("ann 2026-01-01T10:00 10", "ann 2026-01-01T10:00 30", "bob 2026-01-02 5"),
        events=[event("ann", 3, "delivered") | {"case_id": "o1"}, END],
    )
    ask = {"stages": ["ordered", "delivered"], "within_days": 10}
    money = ["reached", "with_amount", "amount", "amount_went_on"]
    by_order = cx.stage_amounts(ws, unit="order", **ask).table.select(money).rows()
    assert by_order == [(3, 3, 45.0, 10.0), (1, 0, None, None)]
    # with an order held, a customer's amount is that of the orders that were there first
    held = cx.stage_amounts(ws, hold="order", **ask).table.select(money).rows()
    assert held == [(2, 2, 45.0, 40.0), (1, 0, None, None)]
    people = cx.stage_amounts(ws, **ask).table.select(money).rows()
    assert people == [(2, 2, 45.0, 40.0), (1, 0, None, None)]


def test_with_an_order_held_what_another_order_paid_is_not_counted(tmp_path):
    """At the instant at which ann's o1 is approved o2 is as well, which was never placed."""
    rows = [
        event("ann", 1, "placed", 10) | {"case_id": "o1"},
        event("ann", 2, "approved", 11) | {"case_id": "o1"},
        event("ann", 2, "approved", 99) | {"case_id": "o2"},
        END,
    ]
    ws = company(tmp_path / "a", events=rows)
    ask = {"stages": ["placed", "approved"], "within_days": 10}
    assert cx.stage_amounts(ws, hold="case", **ask).table["amount"].to_list() == [10.0, 11.0]
    assert cx.stage_amounts(ws, unit="case", **ask).table["amount"].to_list() == [10.0, 11.0]

    # who first got there without an amount has none, whatever a later case paid
    rows[0] = event("ann", 1, "placed") | {"case_id": "o1"}
    rows.insert(1, event("ann", 2, "placed", 7) | {"case_id": "o3"})
    later = cx.stage_amounts(company(tmp_path / "b", events=rows), hold="case", **ask).table
    assert later["with_amount"].to_list() == [0, 1]


def test_a_report_shows_no_money_of_few(tmp_path, monkeypatch):
    rows = [event(f"c{n}", 1, "cart", 10) for n in range(40)]
    rows += [event(f"c{n}", 2, "paid", 9999 if n == 0 else None) for n in range(5)]
    ws = company(tmp_path, events=[*rows, END])
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.stage_amounts(ws, stages=["cart", "paid"])
    assert found.table["amount"].to_list() == [400.0, None]
    assert found.table["amount_went_on"].to_list() == [None, None]  # that of five people
    assert found.table["went_on_share"].to_list() == [None, None]
    assert "9,999" not in str(found.outputs()) and "9999" not in str(found.outputs())
    few = cx.stage_amounts(ws, stages=["paid"])
    assert few.finding == "Amounts of few are recorded: a report does not show them."
    few.chart()


def test_money_of_chosen_people_from_a_day_on(tmp_path):
    rows = [event(f"c{n}", 1 + n % 9, "cart", 10) | {"device": "pd"[n % 2]} for n in range(90)]
    rows += [event(f"c{n}", 12, "paid") for n in range(0, 90, 4)]
    ws = company(tmp_path, events=[*rows, END])
    ask = {"stages": ["cart", "paid"], "where": {"device": "p"}, "since": "2026-01-04"}
    found = cx.stage_amounts(ws, **ask)
    chosen = [n for n in range(90) if n % 2 == 0 and 1 + n % 9 >= 4]
    assert found.table["amount"][0] == 10 * len(chosen)
    assert found.table["amount_went_on"][0] == 10 * sum(n % 4 == 0 for n in chosen)
    assert f"({len(chosen)} customers with device p since 2026-01-04 and with an" in found.finding
