"""The order of first passages against counts made by hand and against the portable query."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from company import company, events
from hypothesis import given, settings
from hypothesis import strategies as st

import cxkit as cx
from cxkit.errors import BadQuestion

STAGES = ["visit", "cart", "buy"]
# ann and bob go as expected, cid buys first, dan skips the cart, eve meets one stage alone.
FIVE = events(
    "ann 2026-01-01T10:00 visit web",
    "ann 2026-01-01T10:00 cart web",
    "ann 2026-01-01T11:00 buy web",
    "bob 2026-01-02T10:00 visit app",
    "bob 2026-01-03T10:00 cart app",
    "cid 2026-01-02T10:00 buy app",
    "cid 2026-01-03T10:00 visit app",
    "dan 2026-01-02T10:00 visit web",
    "dan 2026-01-03T10:00 buy web",
    "eve 2026-01-03T10:00 visit web",
)


def test_five_customers_counted_by_hand(tmp_path):
    ws = company(tmp_path, events=FIVE)
    result = cx.journey_order(ws, stages=STAGES)
    assert result.table.select("order", "follows", "customers").rows() == [
        ("as expected", True, 2),
        ("buy → visit", False, 1),
        ("visit → buy", False, 1),
    ]
    assert result.finding == (
        "2 of 4 customers went the way that is expected: too few to say more."
    )
    relaxed = cx.journey_order(ws, stages=STAGES, optional=["cart"])
    assert relaxed.table["customers"].to_list() == [3, 1]
    assert cx.journey_order(ws, stages=STAGES, where={"channel": "web"}).n == 2
    assert cx.journey_order(ws, stages=STAGES, since="2026-01-03").n == 0
    assert cx.journey_order(ws, stages=STAGES, as_of="2026-01-02").n == 1
    result.chart()


def test_many_say_which_other_way_is_most_frequent(tmp_path):
    rows = [f"c{n:02} 2026-01-01T10:{n:02} {'visit' if n % 3 else 'buy'}" for n in range(45)]
    rows += [f"c{n:02} 2026-01-02T10:{n:02} {'cart' if n % 3 else 'visit'}" for n in range(45)]
    result = cx.journey_order(company(tmp_path, events=events(*rows)), stages=STAGES)
    assert result.finding == (
        "66.7 % (52.1–78.6) of 45 customers who met two stages or more went the way that is "
        "expected; the most frequent other way is buy → visit (33.3 % (21.4–47.9))."
    )
    assert (
        result.chart().layout.title.text == "<b>67% of 45 customers go the way that is expected</b>"
    )


def test_nobody_and_one_stage(tmp_path):
    ws = company(tmp_path, events=FIVE[-1:])
    result = cx.journey_order(ws, stages=STAGES)
    assert result.finding == (
        "No customer has met two of the stages: there is no order to compare."
    )
    result.chart()
    empty = cx.journey_order(company(tmp_path / "none"), stages=STAGES)
    assert empty.n == 0
    with pytest.raises(BadQuestion, match="One stage has no order"):
        cx.journey_order(ws, stages=["visit"])


def test_a_report_gathers_what_few_did(tmp_path, monkeypatch):
    ws = company(tmp_path, events=FIVE)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    table = cx.journey_order(ws, stages=STAGES).table
    assert table["order"].to_list() == ["as expected", "any other order"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 8), st.sampled_from([*STAGES, "end"])),
        min_size=1,
        max_size=25,
    )
)
def test_equal_to_the_portable_form(tmp_path_factory, rows):
    start = datetime(2026, 1, 1)
    made = [
        {"customer_id": who, "occurred_at": start + timedelta(hours=at), "event": event}
        for who, at, event in rows
    ]
    ws = company(tmp_path_factory.mktemp("many"), {"journey": {"stages": STAGES}}, events=made)
    ways = ws.query(
        "journey_order",
        touchpoints=STAGES,
        places=[1, 2, 3],
        since=datetime(1900, 1, 1),
        as_of=ws.as_of,
    )["way"].to_list()
    expected = Counter(
        "as expected" if list(way) == list(range(1, len(way) + 1))
        else " → ".join(STAGES[place - 1] for place in way)
        for way in ways
    )  # fmt: skip
    table = cx.journey_order(ws).table
    told = dict(table.select("order", "customers").iter_rows())
    assert {way: many for way, many in told.items() if many} == expected
