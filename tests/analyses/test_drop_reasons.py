"""What goes with dropping out, by hand; nothing from after the drop; like with like."""

from datetime import datetime, timedelta
from random import Random

import polars as pl
import pytest
from company import company, events, many_events, orders

import cxkit as cx
from cxkit.errors import BadQuestion

JOURNEY = {"journey": {"stages": ["cart", "paid"], "within_days": 7}}
BEGIN = datetime(2026, 1, 1)


def log(*rows, backwards=False):
    """Write (who, minutes, event, device); the data end much later."""
    told = [
        f"{who} {(BEGIN + timedelta(minutes=at)).isoformat()} {event} web {device}"
        for who, at, event, device in rows
    ]
    told.append(f"zed {(BEGIN + timedelta(60)).isoformat()} noise web phone")
    return events(*(reversed(told) if backwards else told))


def shop(errors_when_dropped: float, errors_else: float, people: int = 400, seed: int = 1):
    draw = Random(seed)
    rows = []
    for number in range(people):
        who, drops = f"p{number:03d}", draw.random() < 0.4
        device = draw.choice(["phone", "desk"])
        rows.append((who, 0, "cart", device))
        if draw.random() < (errors_when_dropped if drops else errors_else):
            rows.append((who, 2, "error", device))
        if not drops:
            rows.append((who, 10, "paid", device))
        rows.append((who, 300, "regret" if drops else "joy", device))  # after all is decided
        if draw.random() < 0.5:
            rows.append((who, -100, "guide", device))
    return rows


def test_an_error_before_the_drop_is_found_and_what_came_after_is_not(tmp_path):
    ws = company(tmp_path / "a", settings=JOURNEY, events=log(*shop(0.6, 0.2)))
    result = cx.drop_reasons(ws)
    values = result.table["value"].to_list()
    assert "error" in values
    assert "guide" in values
    assert not {"regret", "joy", "paid", "cart"} & set(values)
    first = result.table.row(0, named=True)
    assert first["value"] == "error"
    assert first["risk_ratio_low"] > 1.5
    assert first["q_value"] < 0.001
    assert "'error' before is associated with" in result.finding
    assert "did not go on to 'paid' within 7 days" in result.finding
    assert first["dropped"] + first["others_dropped"] == sum(
        what == "regret" for _, _, what, _ in shop(0.6, 0.2)
    )
    assert result.chart()
    again = company(tmp_path / "b", settings=JOURNEY, events=log(*shop(0.6, 0.2), backwards=True))
    assert cx.drop_reasons(again).table.equals(result.table)


def test_nothing_planted_nothing_found(tmp_path):
    alarms = 0
    for seed in range(2, 12):
        ws = company(tmp_path / str(seed), settings=JOURNEY, events=log(*shop(0.3, 0.3, 200, seed)))
        result = cx.drop_reasons(ws)
        alarms += "none surely goes with it" not in result.finding
        ws.close()
    assert alarms <= 1


def test_an_earlier_order_is_no_reason(tmp_path):
    """Who has just bought rarely buys again at once: that says nothing of the way."""
    rows, bought = [], []
    for number in range(200):
        who = f"p{number:03d}"
        rows += [(who, 0, "cart", "phone"), (who, -5, "guide", "phone")][: 1 + (number % 3 == 0)]
        if number % 2:
            rows.append((who, 10, "paid", "phone"))
        else:
            bought.append(f"{who} 2025-12-30 5")
    ws = company(tmp_path, settings=JOURNEY, events=log(*rows), orders=orders(*bought))
    assert cx.drop_reasons(ws).table["value"].to_list() == ["guide"]


def test_both_have_had_the_same_time(tmp_path):
    """An error every minute for those who wait: a wait of its own is no reason."""
    rows = []
    for number in range(200):
        who, drops = f"p{number:03d}", number % 2
        rows.append((who, 0, "cart", "phone"))
        rows += [(who, minute, "ping", "phone") for minute in range(5, 200, 60)]
        if not drops:
            rows.append((who, 3, "paid", "phone"))
    ws = company(tmp_path, settings=JOURNEY, events=log(*rows))
    assert cx.drop_reasons(ws).table.filter(value="ping").is_empty(), "none in three minutes"


def test_the_mix_of_devices_turns_it_round(tmp_path):
    """Helped people drop out less on each device, but help is given where most drop out."""
    rows, number = [], 0
    cells = {
        ("phone", True): (300, 180), ("phone", False): (100, 70),
        ("desk", True): (100, 10), ("desk", False): (300, 60),
    }  # fmt: skip
    for (device, helped), (people, dropped) in cells.items():
        for place in range(people):
            who = f"p{number:04d}"
            number += 1
            rows.append((who, 0, "cart", device))
            if helped:
                rows.append((who, -5, "help", device))
            if place >= dropped:
                rows.append((who, 10, "paid", device))
    ws = company(tmp_path, settings=JOURNEY, events=log(*rows))
    result = cx.drop_reasons(ws)
    row = result.table.filter(value="help").row(0, named=True)
    assert row["crude_ratio"] == pytest.approx(190 / 400 / (130 / 400))
    top = 180 * 100 / 400 + 10 * 300 / 400
    assert row["risk_ratio"] == pytest.approx(top / (70 * 300 / 400 + 60 * 100 / 400))
    assert row["turned"]
    assert any("(Simpson's paradox)" in caveat for caveat in result.caveats)


def test_a_device_is_no_reason_where_visitors_come_by(tmp_path):
    """At the desk people become known by paying: hardly a known one of them drops out."""
    rows, strangers = [], []
    for number in range(120):
        paid = [(f"p{number:03d}", 10, "paid", "phone")] * (number % 2)
        rows += [(f"p{number:03d}", 0, "cart", "phone"), *paid]
        if number % 2 or number < 4:
            paid = [(f"d{number:03d}", 10, "paid", "desk")] * (number % 2)
            rows += [(f"d{number:03d}", 0, "cart", "desk"), *paid]
        else:
            strangers.append({"visitor_id": f"v{number}", "occurred_at": BEGIN, "event": "cart"})
    known = company(tmp_path / "known", settings=JOURNEY, events=log(*rows))
    result = cx.drop_reasons(known)
    assert result.table.row(0, named=True)["kind"] == "device"
    assert "'desk'" in result.finding
    met = company(tmp_path / "met", settings=JOURNEY, events=log(*rows) + strangers)
    result = cx.drop_reasons(met)
    assert result.table.is_empty()
    assert "58 visitors whom nobody could link" in " ".join(result.caveats)
    assert "Devices and channels are not compared" in " ".join(result.caveats)
    assert "182 known customers at 'cart'" in result.finding


def test_few_nobody_and_bad_questions(tmp_path):
    empty = cx.drop_reasons(company(tmp_path / "none", settings=JOURNEY))
    assert empty.finding.startswith("No known customer has come to 'cart' at least 7 days ago")
    assert empty.table.is_empty()
    assert empty.chart()
    ordered = company(tmp_path / "0", settings=JOURNEY, orders=orders("ann 2026-01-01 9.00"))
    assert "No known customer has" in cx.drop_reasons(ordered, unit=None).finding
    one = company(tmp_path / "one", settings=JOURNEY, events=log(("ann", 0, "cart", "phone")))
    assert cx.drop_reasons(one).finding == (
        "1 customer at 'cart', 1 of whom dropped out: too few to say what separates them."
    )
    early = cx.drop_reasons(one, as_of="2026-01-03")
    assert early.n == 0, "seven days are not over"
    with pytest.raises(BadQuestion, match="two required stages"):
        cx.drop_reasons(one, stages=["cart"])
    with pytest.raises(BadQuestion, match="after is 'paid'"):
        cx.drop_reasons(one, after="paid")
    with pytest.raises(BadQuestion, match="look_back_days"):
        cx.drop_reasons(one, look_back_days=0)


def test_all_or_none_drop_out(tmp_path):
    rows = [(f"p{n}", 0, "cart", "phone") for n in range(40)]
    ws = company(tmp_path, settings=JOURNEY, events=log(*rows))
    assert cx.drop_reasons(ws).finding == (
        "Of 40 customers at 'cart' all dropped out: nothing to compare."
    )


def test_visits_of_the_same_people_are_no_independent_ones(tmp_path):
    """Forty people, sixty visits each; who reads the guide goes on neither more nor less."""
    alarms = 0
    for seed in range(12):
        draw = Random(seed)
        rows = []
        for person in range(40):
            rate, device = draw.betavariate(0.6, 0.6), draw.choice(["phone", "desk"])
            reads = draw.random() < 0.5
            for hour in draw.sample(range(24 * 180), 60):
                at = BEGIN + timedelta(hours=hour)
                rows.append((f"p{person}", at, "cart", device))
                if reads:
                    rows.append((f"p{person}", at - timedelta(minutes=5), "guide", device))
                if draw.random() < rate:
                    rows.append((f"p{person}", at + timedelta(minutes=2), "paid", device))
        names = ["customer_id", "occurred_at", "event", "device"]
        ws = many_events(tmp_path / str(seed), pl.DataFrame(rows, schema=names, orient="row"))
        found = cx.drop_reasons(ws, stages=["cart", "paid"], within_days=1, unit="session")
        assert set(found.table["value"]) >= {"guide", "desk", "phone"}
        alarms += "is associated with" in found.finding
        ws.close()
    assert alarms <= 2
    assert any("take customers, not their visits, for independent" in n for n in found.caveats)


def test_reasons_among_those_of_a_day_on_and_of_one_device(tmp_path):
    ws = company(tmp_path, settings=JOURNEY, events=log(*shop(0.6, 0.2)))
    everyone = cx.drop_reasons(ws)
    phones = cx.drop_reasons(ws, where={"device": "phone"}, since="2026-01-01")
    assert 0 < phones.n < everyone.n
    assert f"Of {phones.n} customers with device phone since 2026-01-01 at 'cart'" in phones.finding
    assert cx.drop_reasons(ws, since="2026-01-02").n == 0
