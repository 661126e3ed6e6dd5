"""The one query door: bound values, honest types, plain refusals."""

import json
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from pathlib import Path

import polars as pl
import pytest
from company import company, orders

import cxkit as cx
from cxkit import workspace
from cxkit.analyses.who.lifecycle import lifecycle
from cxkit.errors import BadQuestion
from cxkit.notes import purchases_note


@pytest.fixture
def ws(tmp_path):
    return company(
        tmp_path, orders=orders("ann 2026-01-01 10.10", "ann 2026-01-03 9.95", "bob 2026-01-02 5")
    )


def test_values_are_bound_and_never_become_sql(ws):
    sql = "select order_id from orders where customer_id = $who order by order_id"
    assert ws.sql(sql, who="ann")["order_id"].to_list() == ["o1", "o2"]
    assert ws.sql(sql, who="ann' or 'a' = 'a").is_empty()


def test_sums_divide_as_one_expects(ws):
    table = ws.sql("select sum(1) as n, sum(amount) as money, sum(9) / count(*) as x from orders")
    assert table.schema == {"n": pl.Int64, "money": pl.Float64, "x": pl.Float64}
    assert (table["n"] / 2)[0] == 1.5
    assert table["money"][0] == 25.05


def test_words_come_as_text(ws):
    assert ws.sql("select distinct touchpoint from timeline").schema["touchpoint"] == pl.String


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1 where $x", "The query could not run."),
        ("selec 1", "The query could not run. Parser Error"),
        ("select no_such from orders", "The query could not run. Binder Error"),
        ("select 1 as a, 2 as a", "The result is no table: "),
        ("select 170141183460469231731687303715884105727::hugeint as a", "The result is no table"),
        ("select max(ordered_at) - min(ordered_at) as gap from orders",
         "The column 'gap' is an INTERVAL: give it as days or seconds."),
    ],
)  # fmt: skip
def test_what_it_refuses(ws, sql, message):
    with pytest.raises(BadQuestion, match="^" + message):
        ws.sql(sql)
    assert ws.sql("select 1 as one")["one"].to_list() == [1]


def test_a_value_that_no_query_asks_for_is_refused(ws):
    with pytest.raises(BadQuestion, match="Expected 0, got 1"):
        ws.sql("select 1", excess=1)


def test_as_of_is_the_latest_time_in_the_data_never_the_clock(ws):
    assert ws.as_of == datetime(2026, 1, 3)
    assert ws.moment(None) == datetime(2026, 1, 3)
    assert ws.moment(date(2026, 1, 2)) == datetime(2026, 1, 2, 23, 59, 59, 999999)
    assert ws.moment("2026-01-02") == datetime(2026, 1, 2, 23, 59, 59, 999999)
    assert ws.moment(datetime(2026, 1, 2, 12, tzinfo=UTC)) == datetime(2026, 1, 2, 12)


def test_a_day_ends_where_the_company_is(tmp_path):
    told = {"company": {"timezone": "Pacific/Auckland"}}
    ws = company(tmp_path, told, orders=orders("ann 2026-03-31T10:00 1", "ann 2026-03-31T20:00 1"))
    assert ws.moment("2026-03-31") == datetime(2026, 3, 31, 10, 59, 59, 999999)
    assert ws.moment("2026-03-31T10:00") == datetime(2026, 3, 31, 10)
    # the second order was on 1 April there, so March had ended
    assert cx.month_ends(ws, 2) == [date(2026, 3, 31), date(2026, 2, 28)]
    assert cx.month_ends(company(tmp_path / "none"), 2) == []


def test_segments_are_fields_that_the_data_have(tmp_path):
    known = [{"customer_id": "ann", "attributes": '{"tier": "gold"}'}]
    ws = company(tmp_path, customers=known)
    assert [ws.segment(by, own=("device",)) for by in (None, "device", "region", "tier")] == [
        "all",
        "device",
        "region",
        "tier",
    ]
    with pytest.raises(BadQuestion) as problem:
        ws.segment("nope")
    assert str(problem.value) == (
        "There is no field 'nope' to compare by. There are: preferred_channel, region, source, "
        "tier."
    )


@pytest.mark.parametrize("by", [3, 2.5, True, ["x"], ("region", "source"), {"a": 1}, b"x", str])
def test_what_is_no_name_is_no_field(tmp_path, by):
    with pytest.raises(BadQuestion) as problem:
        company(tmp_path).segment(by)
    assert str(problem.value) == f"by is {by!r}; give the name of one field, as in 'region'."


def test_a_field_that_tells_people_apart_is_no_segment(tmp_path):
    def told(i):
        # of 60 people 'name' has 31 values; 'zip' 30, two people each; 'city' 20, three people
        # each; 'rare' has one for each of 29 people, too few to say what kind of field it is
        field = {"name": i % 31, "zip": i % 30, "city": i % 20, "a/b": i % 2}
        return json.dumps(field | ({"rare": i} if i < 29 else {}))

    people = [{"customer_id": f"c{i}", "attributes": told(i)} for i in range(60)]
    ws = company(tmp_path, customers=people, orders=orders("c1 2026-01-01 5", "c2 2026-01-01 5"))
    known = " There are: a/b, city, preferred_channel, rare, region, source."
    for by, found in (("name", 31), ("zip", 30)):
        with pytest.raises(BadQuestion) as problem:
            ws.segment(by)
        assert str(problem.value) == (
            f"'{by}' has {found} values among 60 people, too many to compare by.{known}"
        )
    with pytest.raises(BadQuestion, match=r"^There is no field 'nope' to compare by\.") as problem:
        ws.segment("nope")
    assert str(problem.value).endswith(known)
    assert [ws.segment(by) for by in ("city", "rare")] == ["city", "rare"]
    # a slash is part of the name, not a way into it
    assert cx.lapse_groups(ws, by="a/b").table["segment"].to_list() == ["0", "1"]


def test_the_query_shown_is_the_query_run():
    text = workspace.query_text("stage_funnel")
    assert text.startswith("-- Who are the people that may enter the funnel?")
    with pytest.raises(BadQuestion, match=r"There is no query 'fun'\. The queries are: .*funnel"):
        workspace.query_text("fun")


def test_a_store_is_a_path():
    with pytest.raises(BadQuestion, match=r"^store is 5; give the path of a store"):
        cx.open(5)


@pytest.mark.parametrize(
    ("given", "what"),
    [(None, "None"), ("store/", "'store/'"), (Path("store"), f"a {type(Path()).__name__}")],
)
def test_an_analysis_asked_of_no_store_says_so(given, what):
    with pytest.raises(BadQuestion) as problem:
        cx.lifecycle(given)
    assert str(problem.value) == (
        f"lifecycle was asked of {what}, which is no open store. Open one first, as in "
        "cx.lifecycle(cx.open('store/'))."
    )
    assert cx.lifecycle is cx.lifecycle
    assert signature(cx.lifecycle) == signature(lifecycle)
    assert cx.lifecycle.__doc__ == lifecycle.__doc__


def test_a_moment_long_after_the_data_is_refused(tmp_path):
    ws = company(tmp_path, orders=orders("ann 2026-03-10T10:00 5"))
    assert ws.moment("2026-03-31") == datetime(2026, 3, 31, 23, 59, 59, 999999)
    with pytest.raises(BadQuestion, match="The data end on 10 Mar 2026, so what was on 01 Jan"):
        cx.lifecycle(ws, as_of="2030-01-01")
    with pytest.raises(BadQuestion, match="before any data"):
        cx.lifecycle_moves(ws, as_of="0001-01-01")


def test_orders_that_stop_before_the_end_are_said_aloud(tmp_path):
    """40 purchases in 40 days, then 40 days with tickets alone: 40 more were to be expected."""
    days = [datetime(2026, 1, 1) + timedelta(days=n) for n in range(40)]
    bought = orders(*[f"c{n} {day:%Y-%m-%d} 5" for n, day in enumerate(days)])
    asked = [{"ticket_id": "t", "customer_id": "c1", "opened_at": "2026-03-21"}]
    paid = [{"customer_id": "sam", "month": "2026-02-01", "amount": 9}]
    ws = company(tmp_path, orders=bought, tickets=asked, subscriptions=paid)
    assert purchases_note(ws, ws.moment("2026-03-21")) == (
        "The last purchase is of 09 Feb 2026, 40 days before 21 Mar 2026; at the pace of the year "
        "up to it 40 more would have come since. If the export just lacks them, ask with "
        "as_of='2026-02-09'.",
        "The orders begin on 01 Jan 2026, 79 days before 21 Mar 2026: whoever bought earlier "
        "counts as one who did not.",
        "1 person pays for a subscription without an order: only orders count as purchases here.",
    )
    told = cx.lifecycle(ws, as_of="2026-02-09").caveats
    assert not any(note.startswith("The last purchase") for note in told)
    assert purchases_note(ws, ws.moment("2025-12-31")) == (
        "No purchase is known up to 31 Dec 2025: whoever had bought by then counts as a prospect.",
    )
