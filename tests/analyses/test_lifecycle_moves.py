"""Movements against people placed by hand; rows and columns add up to the states of each date."""

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

# From 31 March to 30 June: ann stays a prospect, bob buys, cid lapses, dan becomes loyal, eve
# comes back, fay is not known yet in March, gus remains lapsed.
CONTACTS = [
    {"customer_id": "ann", "known_since": "2026-01-01"},
    {"customer_id": "bob", "known_since": "2026-02-01"},
]
SEVEN = orders(
    "bob 2026-06-15 5",
    "cid 2026-02-10 5",
    "dan 2026-02-10 5",
    "dan 2026-04-05 5",
    "dan 2026-05-20 5",
    "eve 2026-01-05 5",
    "eve 2026-06-01 5",
    "fay 2026-06-20 5",
    "gus 2026-01-03 5",
    "gus 2026-01-04 -5",
)


def moved(result: cx.Result) -> dict[tuple[str, str], int]:
    rows = result.table.filter(pl.col("customers") > 0)
    return {(one, two): n for one, two, n in rows.select(pl.nth(0, 1, 2)).iter_rows()}


def sums(result: cx.Result, column: str) -> dict[str, int]:
    return dict(result.table.group_by(column).agg(pl.col("customers").sum()).iter_rows())


def test_seven_people_by_hand(tmp_path):
    ws = company(tmp_path, RULES, customers=CONTACTS, orders=SEVEN)
    moves = cx.lifecycle_moves(ws, since="2026-03-31", as_of="2026-06-30")
    assert moved(moves) == {
        ("not yet known", "new"): 1,
        ("prospect", "prospect"): 1,
        ("prospect", "new"): 1,
        ("active", "loyal"): 1,
        ("active", "lapsed"): 1,
        ("lapsed", "returned"): 1,
        ("lapsed", "lapsed"): 1,
    }
    assert moves.table.height == 42
    assert moves.n == 7
    assert moves.finding == (
        "Of 2 active on 31 Mar 2026, 1 is lapsed by 30 Jun 2026 (too few to say more); of 2 lapsed "
        "then, 1 has bought again (too few to say more)."
    )
    assert moves.caveats[0] == ("Lapsed means silent for more than 60 days, as the settings say.")
    assert "1 person became known in between: they come from no state." in moves.caveats
    heat = moves.chart()
    assert heat.layout.title.text == (
        "<b>2 of 6 people are in the state of 31 Mar 2026 on 30 Jun 2026</b>"
    )
    assert heat.data[0].y[0] == "not yet known (1)"


def test_a_large_group_is_told_with_its_interval(tmp_path):
    rows = orders(
        *[f"c{i} 2026-01-{10 + i % 5} 5" for i in range(40)],
        *[f"c{i} 2026-04-01 5" for i in range(10)],
        *[f"g{i} 2025-06-01 5" for i in range(40)],
        *[f"g{i} 2026-04-20 5" for i in range(4)],
    )
    moves = cx.lifecycle_moves(
        company(tmp_path, RULES, orders=rows), since="2026-02-28", as_of="2026-04-30"
    )
    assert moves.finding == (
        "Of 40 active on 28 Feb 2026, 30 (75.0 %, 59.8–85.8) are lapsed by 30 Apr 2026; of 40 "
        "lapsed then, 4 (10.0 %, 4.0–23.1) have bought again."
    )


def test_the_default_is_half_a_year(tmp_path):
    ws = company(tmp_path, RULES, customers=CONTACTS, orders=SEVEN)
    moves = cx.lifecycle_moves(ws)
    assert moves.table["as_of"][0] == date(2026, 6, 20)
    assert moves.table["since"][0] == date(2025, 12, 20)
    assert moves.finding == (
        "On 20 Dec 2025 nobody was known yet: all 7 became known by 20 Jun 2026."
    )


def test_little_data_says_so(tmp_path):
    def finding(name, **tables):
        moves = cx.lifecycle_moves(company(tmp_path / name, RULES, **tables))
        assert moves.table.height == 42
        moves.chart()
        return moves.finding

    assert finding("empty") == "Nobody is known yet: there is neither a contact list nor an order."
    nobody_dated = [{"customer_id": "ann"}, {"customer_id": "bob"}]
    assert finding("undated", customers=nobody_dated) == (
        "Nothing is dated: nobody can have moved."
    )
    assert finding("one", orders=orders("ann 2026-01-05 5")) == (
        "On 07 Jul 2025 nobody was known yet: the one became known by 05 Jan 2026."
    )
    contacts = [{"customer_id": f"p{i}", "known_since": "2025-01-01"} for i in range(5)]
    assert finding("five", customers=contacts, orders=orders("p1 2026-01-05 5")) == (
        "Of 5 prospects on 07 Jul 2025, 1 has bought by 05 Jan 2026 (too few to say more)."
    )
    assert (
        "Too few to say where they go: 5 prospect."
        in cx.lifecycle_moves(
            company(tmp_path / "six", RULES, customers=contacts, orders=orders("p1 2026-01-05 5"))
        ).caveats
    )


def test_the_earlier_date_comes_first(tmp_path):
    ws = company(tmp_path, RULES, orders=SEVEN)
    with pytest.raises(BadQuestion, match="Give an earlier since"):
        cx.lifecycle_moves(ws, since="2026-07-01", as_of="2026-06-01")
    with pytest.raises(BadQuestion, match="whole number"):
        cx.lifecycle_moves(ws, lapse_days=0)


DAYS = st.integers(0, 400).map(lambda n: date(2025, 1, 1) + timedelta(days=n))
PURCHASES = st.lists(st.tuples(st.sampled_from("abcdefgh"), DAYS), min_size=1, max_size=40)


@settings(max_examples=25)
@given(PURCHASES, st.integers(1, 120), st.tuples(DAYS, DAYS).filter(lambda d: d[0] != d[1]))
def test_rows_and_columns_add_up_to_the_states_of_each_date(
    tmp_path_factory, purchases, limit, dates
):
    rows = orders(*[f"{who} {day} 5" for who, day in purchases])
    contacts = [{"customer_id": "z", "known_since": "2025-06-01"}, {"customer_id": "y"}]
    told = {"company": {"timezone": "Europe/Berlin"}, "lifecycle": {"loyal_orders": 3}}
    # a visitor whom nobody knows ends the data after every date that is asked for
    end = [{"event_id": "e", "visitor_id": "v", "occurred_at": "2026-12-31T10:00", "event": "end"}]
    ws = company(tmp_path_factory.mktemp("c"), told, customers=contacts, orders=rows, events=end)
    since, until = sorted(dates)
    moves = cx.lifecycle_moves(ws, since=since, as_of=until, lapse_days=limit)
    for day, column in ((since, "state_before"), (until, "state")):
        states = cx.lifecycle(ws, as_of=day, lapse_days=limit).table
        told = sums(moves, column)
        told.pop("not yet known", None)
        assert told == dict(states.select("state", "customers").iter_rows())
    assert moves.n == cx.lifecycle(ws, as_of=until).n
    ws.close()


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.lifecycle_moves(company(tmp_path / "a", RULES, customers=CONTACTS, orders=SEVEN))
    two = cx.lifecycle_moves(
        company(tmp_path / "b", RULES, customers=CONTACTS[::-1], orders=SEVEN[::-1])
    )
    assert one.table.equals(two.table)
    assert (one.finding, one.caveats) == (two.finding, two.caveats)
