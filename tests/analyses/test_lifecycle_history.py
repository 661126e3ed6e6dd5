"""The history equals `lifecycle` at every one of its dates, and says when there is none."""

from datetime import date, timedelta

import polars as pl
import pytest
from company import company, orders
from hypothesis import given, settings
from hypothesis import strategies as st

import cxkit as cx
from cxkit.errors import BadQuestion

STATES = ["prospect", "new", "active", "loyal", "returned", "lapsed"]
RULES = {"lifecycle": {"lapse_days": 60, "new_days": 30, "loyal_orders": 3}}


def states(result: cx.Result, day: date) -> list[int]:
    rows = result.table.filter(pl.col("day") == day)
    assert rows["state"].to_list() == STATES
    return rows["customers"].to_list()


def test_one_life_by_hand(tmp_path):
    # new until 31 January, active until the silence has lasted 60 days, then lapsed; back in June
    rows = orders("ann 2026-01-01 5", "ann 2026-06-01 5", "bob 2026-06-30 5")
    contacts = [{"customer_id": "ann", "known_since": "2025-12-01"}]
    ws = company(tmp_path, RULES, customers=contacts, orders=rows)
    told = cx.lifecycle_history(ws, every_days=1)
    days = told.table["day"].unique().sort()
    assert (days[0], days[-1], len(days)) == (date(2026, 1, 1), date(2026, 6, 30), 181)
    for day, state in (
        (date(2026, 1, 31), "new"),
        (date(2026, 2, 1), "active"),
        (date(2026, 3, 2), "active"),
        (date(2026, 3, 3), "lapsed"),
        (date(2026, 5, 31), "lapsed"),
        (date(2026, 6, 1), "returned"),
    ):
        assert states(told, day) == [int(state == name) for name in STATES], day
    assert states(told, date(2026, 6, 30)) == [0, 1, 0, 0, 1, 0]
    assert told.n == 2
    assert told.finding.startswith("On 30 Jun 2026, 0 of 2 buyers are lapsed; the data are too few")
    assert [band.name for band in told.chart().data][-1] == "prospect"


def test_a_history_is_told_in_customers_who_have_not_lapsed(tmp_path):
    rows = orders(
        *[f"r{i} 2025-{m:02}-{1 + i % 20:02} 5" for i in range(40) for m in range(1, 13)],
        *[f"g{i} 2025-0{1 + i % 3}-05 5" for i in range(20)],
    )
    told = cx.lifecycle_history(company(tmp_path, RULES, orders=rows), every_days=30)
    assert told.finding == (
        "40 (66.7 %, 54.1–77.3) of 60 buyers have not lapsed on 20 Dec 2025, against 46 of 60 on "
        "24 Apr 2025; the most were 46 on 24 Apr 2025."
    )
    assert told.table["day"].max() == date(2025, 12, 20)
    assert told.chart().layout.title.text == (
        "<b>40 of 60 buyers have not lapsed; the most were 46</b>"
    )


DAYS = st.integers(0, 300).map(lambda n: date(2025, 1, 1) + timedelta(days=n))
PURCHASES = st.lists(
    st.tuples(st.sampled_from("abcdef"), DAYS, st.integers(0, 23)), min_size=1, max_size=30
)


@settings(max_examples=12)
@given(PURCHASES, st.integers(1, 120), st.integers(1, 60), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_each_date_equals_lifecycle(tmp_path_factory, purchases, limit, new_days, zone):
    rows = orders(*[f"{who} {day}T{hour:02}:30 5" for who, day, hour in purchases])
    for place, row in enumerate(rows):
        row["cancelled"] = place % 7 == 3
        row["amount"] = -5 if place % 11 == 5 else 5
    contacts = [{"customer_id": "z", "known_since": "2025-06-01T12:00"}, {"customer_id": "y"}]
    told = {
        "company": {"timezone": zone},
        "lifecycle": {"loyal_orders": 3, "new_days": new_days},
    }
    ws = company(tmp_path_factory.mktemp("c"), told, customers=contacts, orders=rows)
    history = cx.lifecycle_history(ws, every_days=37, lapse_days=limit)
    for (day,), counts in history.table.group_by("day", maintain_order=True):
        alone = cx.lifecycle(ws, as_of=day, lapse_days=limit).table
        assert counts["customers"].to_list() == alone["customers"].to_list(), day
        assert counts["share"].to_list() == pytest.approx(alone["share"].to_list())
    if history.table.height:
        # the last date is the end of the data, to the moment
        end = cx.lifecycle(ws, lapse_days=limit).table
        assert history.table["customers"][-6:].to_list() == end["customers"].to_list()
    ws.close()


def test_a_moment_within_a_day_is_not_passed(tmp_path):
    rows = orders("ann 2026-01-01T08:00 5", "bob 2026-01-03T20:00 5")
    ws = company(tmp_path, RULES, orders=rows)
    noon = cx.lifecycle_history(ws, as_of="2026-01-03T12:00")
    assert noon.n == 1
    assert states(noon, date(2026, 1, 3)) == [0, 1, 0, 0, 0, 0]


def test_little_data_says_so(tmp_path):
    nothing = "There are no purchases: the states have no history."
    empty = cx.lifecycle_history(company(tmp_path / "empty"))
    assert (empty.finding, empty.n, empty.table.height) == (nothing, 0, 0)
    assert empty.chart().layout.title.text
    contacts = [{"customer_id": "ann", "known_since": "2026-01-01"}]
    assert cx.lifecycle_history(company(tmp_path / "c", customers=contacts)).finding == nothing
    same_day = orders(*[f"c{i} 2026-01-05 5" for i in range(5)])
    five = cx.lifecycle_history(company(tmp_path / "five", RULES, orders=same_day))
    assert five.finding == (
        "On 05 Jan 2026, 0 of 5 buyers are lapsed; the data are too few or too short for a "
        "history, since a silence of more than 60 days has to pass first."
    )


def test_the_step_is_a_whole_number(tmp_path):
    with pytest.raises(BadQuestion, match="every_days is 0"):
        cx.lifecycle_history(company(tmp_path), every_days=0)


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = orders(*[f"c{i % 9} 2026-0{1 + i % 6}-0{1 + i % 8} 5" for i in range(40)])
    one = cx.lifecycle_history(company(tmp_path / "a", orders=rows))
    two = cx.lifecycle_history(company(tmp_path / "b", orders=rows[::-1]))
    assert one.table.equals(two.table)
