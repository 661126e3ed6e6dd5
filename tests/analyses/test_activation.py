"""New customers by hand; what was sent is compared from one day on; quiet where nothing is."""

from datetime import datetime, timedelta
from random import Random

import pytest
from company import company, events, orders

import cxkit as cx
from cxkit.errors import BadQuestion

BEGIN = datetime(2026, 1, 1, 12)


def order(who, day):
    when = str(BEGIN + timedelta(days=day))
    return {"order_id": f"{who}-{day}", "customer_id": who, "ordered_at": when, "amount": "5",
            "currency": "EUR"}  # fmt: skip


def message(who, day, **more):
    when = str(BEGIN + timedelta(days=day))
    told = {"message_id": f"{who}-{day}", "customer_id": who, "sent_at": when, "direction": "out"}
    return told | {"purpose": "give"} | more


FIVE = [
    order("ann", 1), order("ann", 11),  # again after ten days
    order("bob", 1), order("bob", 1.1),  # the same day: one purchase
    order("cid", 1), order("cid", 31),
    order("old", 2), order("old", 5),  # known before the data begin
    order("new", 95),  # too young
    order("zoe", 100),
    order("day", 0),
]  # fmt: skip


def test_five_by_hand(tmp_path):
    old = [{"customer_id": "old", "known_since": "2025-06-01"}]
    sent = [message("ann", 3), message("bob", 20), message("cid", 2, direction="in")]
    ws = company(tmp_path, orders=FIVE, customers=old, messages=sent)
    rows = ws.query("activation", action=[], contact_days=7, as_of=ws.as_of, zone="UTC")
    names = ws.sql("select customer_key, customer_id from people")
    told = rows.join(names, on="customer_key").sort("customer_id")
    assert told.select("customer_id", "kinds", "known_before").rows() == [
        ("ann", "message that gives", False),
        ("bob", "", False),
        ("cid", "", False),
        ("day", "", False),
        ("new", "", False),
        ("old", "", True),
        ("zoe", "", False),
    ]
    assert told["second_at"].is_null().to_list() == [False, True, False, True, True, False, True]
    result = cx.activation(ws)
    assert result.n == 4
    assert result.finding == (
        "Of 4 new customers 1 order again within 14 days: too few to say more."
    )
    assert result.caveats[:2] == (
        "Left out: 1 buyer known before the first order in the data, who may have bought before.",
        "Left out: 2 new customers whose first purchase is less than 14 days old.",
    )
    assert result.table.select("contact", "sent", "customers", "active").rows() == [
        ("all", None, 4, 1),
        ("anything", "yes", 1, 1),
        ("anything", "no", 3, 0),
        ("message that gives", "yes", 1, 1),
        ("message that gives", "no", 3, 0),
    ]
    assert result.table["median_days"][0] == 30
    assert result.chart()
    seen = events("ann 2026-01-04T12:00 opened web", "bob 2026-02-04T12:00 opened web")
    other = company(tmp_path / "b", orders=FIVE, events=seen)
    told = cx.activation(other, action="opened").table.row(0, named=True)
    assert (told["active"], told["second_orders"]) == (1, 3)


def shop(helped: float, seed: int, *, backwards=False):
    """Half get a welcome on the second day; some order again on the tenth."""
    draw, orders, sent = Random(seed), [], []
    for number in range(300):
        who, start = f"p{number:03d}", draw.randint(0, 60)
        orders.append(order(who, start))
        welcome = draw.random() < 0.5
        if welcome:
            sent.append(message(who, start + 2))
        if draw.random() < (helped if welcome else 0.2):
            orders.append(order(who, start + 10))
        if not welcome and draw.random() < 0.3:
            orders.append(order(who, start + 3))  # so early that nothing was sent any more
    orders.append(order("zoe", 100))
    return (orders[::-1], sent[::-1]) if backwards else (orders, sent)


def test_a_welcome_that_goes_with_more(tmp_path):
    orders, sent = shop(0.6, 1)
    result = cx.activation(company(tmp_path / "a", orders=orders, messages=sent))
    assert "'anything' is associated with" in result.finding
    row = result.table.filter(contact="anything", sent="yes").row(0, named=True)
    assert row["difference_low"] > 0.2
    assert row["q_value"] < 0.001
    assert any("reverse cause" in caveat for caveat in result.caveats)
    orders, sent = shop(0.6, 1, backwards=True)
    again = cx.activation(company(tmp_path / "b", orders=orders, messages=sent))
    assert again.table.equals(result.table)


def test_quiet_where_nothing_is(tmp_path):
    alarms = 0
    for seed in range(2, 12):
        orders, sent = shop(0.2, seed)
        ws = company(tmp_path / str(seed), orders=orders, messages=sent)
        alarms += "no sure difference" not in cx.activation(ws).finding
        ws.close()
    assert alarms <= 1


def test_the_next_stage_of_the_journey(tmp_path):
    stages = {"journey": {"stages": ["ordered", "set up", "used"], "optional": ["set up"]}}
    ws = company(tmp_path, settings=stages, orders=FIVE)
    assert "reach 'used' within 14 days" in cx.activation(ws).finding


def test_nobody_and_bad_questions(tmp_path):
    empty = cx.activation(company(tmp_path))
    assert empty.finding.startswith("No new customer's first purchase is 14 days old yet")
    assert empty.chart()
    ws = company(tmp_path / "some", orders=FIVE)
    assert cx.activation(ws, as_of="2026-01-10").n == 0
    with pytest.raises(BadQuestion, match="contact_days is 14"):
        cx.activation(ws, contact_days=14)
    with pytest.raises(BadQuestion, match="within_days"):
        cx.activation(ws, within_days=0)
    with pytest.raises(BadQuestion, match="action is 'dance'"):
        cx.activation(ws, action="dance")


def test_what_the_company_does_is_no_action(tmp_path):
    bought = [f"p{n} 2026-01-01 5.00" for n in range(40)] + ["end 2026-03-01 5.00"]
    log = [
        {"customer_id": f"p{n}", "event": "approved", "case_id": f"o{n + 1}",
         "occurred_at": "2026-01-01T12:00"}
        for n in range(40)
    ]  # fmt: skip
    told = [
        {"customer_id": f"p{n}", "given_at": "2026-01-05", "feedback_id": str(n)} for n in range(20)
    ]
    stages = {"journey": {"stages": ["ordered", "approved", "feedback given"]}}
    ws = company(tmp_path, settings=stages, orders=orders(*bought), events=log, feedback=told)
    assert "of 40 new customers reach 'feedback given' within" in cx.activation(ws).finding
    with pytest.raises(BadQuestion, match="'approved' is what the company does"):
        cx.activation(ws, action="approved")
    with pytest.raises(BadQuestion, match=r"action is \[\]"):
        cx.activation(ws, action=[])
