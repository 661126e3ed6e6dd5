"""The columns that walks run along: whole, in order, and the same in slices."""

from datetime import datetime

import polars as pl
import pytest
from company import company, company_of, events

import cxkit as cx
from cxkit import passages as passages_
from cxkit.errors import BadQuestion
from cxkit.funnels import plan, walked
from cxkit.passages import kinds, kinds_of, passages, slices

MANY = """
insert into events (customer_id, occurred_at, event, event_id)
select 'c' || (i * 7919 % 20000), timestamp '2026-01-01' + to_seconds((hash(i) % 7776000)::bigint),
    ['visit', 'cart', 'pay'][(1 + hash(i + 1) % 3)::bigint], i::varchar
from range(300000) as made(i)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return company_of(tmp_path_factory.mktemp("many"), MANY)


def test_rows_come_in_the_order_in_which_they_are_stored(many):
    """Several threads read several row groups: the order must hold without being asked for."""
    rows = passages(many, many.as_of)
    assert rows.height == 300_000
    assert rows.equals(rows.sort("who", "at", maintain_order=True))
    counts = many.sql(
        "select customer_key as who, count(*) as n from timeline group by 1 order by 1"
    )
    assert rows.group_by("who").len("n").sort("who")["n"].to_list() == counts["n"].to_list()


def test_slices_walk_everybody_once(many, monkeypatch):
    asked = plan(many, stages=["visit", "cart", "pay"], within_days=30)
    whole = walked(many, asked, many.as_of, slices(many)[0], times=True)
    monkeypatch.setattr(passages_, "_SLICE", 40_000)
    parts = slices(many)
    assert len(parts) == 8
    assert [last + 1 for _, last in parts[:-1]] == [first for first, _ in parts[1:]]
    apart = pl.concat(walked(many, asked, many.as_of, part, times=True) for part in parts)
    assert apart.equals(whole)
    assert 0 < whole["got_2"].sum() < whole["got_0"].sum()


def test_kinds_and_units_by_hand(tmp_path):
    ws = company(
        tmp_path,
        events=events(
            "ann 2026-01-01T10:00 visit",
            "ann 2026-01-01T10:30 pay",
            "ann 2026-01-01T11:00:01 visit",
            "bob 2026-01-01T10:00 pay",
            "bob 2026-01-01T10:10 visit",
        ),
    )
    assert kinds(ws) == {"pay": 0, "visit": 1}
    assert kinds_of(kinds(ws), ["visit", "fax"]) == (1,)

    def rows(unit, **asked):
        found = passages(ws, ws.as_of, unit, **asked)
        return found.select("who", "kind").rows()

    assert rows("customer") == [(0, 1), (0, 0), (0, 1), (1, 0), (1, 1)]
    assert rows("session") == [(0, 1), (0, 0), (1, 1), (2, 0), (2, 1)]
    # bob's payment stands before any visit of his: it belongs to no attempt
    assert rows("attempt", entry=["visit"]) == [(0, 1), (0, 0), (1, 1), (2, 1)]
    assert rows("case") == rows("order") == []
    assert rows("customer", people=(1, 1)) == [(1, 0), (1, 1)]
    early = passages(ws, datetime(2026, 1, 1, 10))
    assert early.height == 2
    with pytest.raises(BadQuestion, match="There is no unit 'cow' to follow"):
        passages(ws, ws.as_of, "cow")


def test_a_company_of_nobody(tmp_path):
    ws = company(tmp_path)
    assert slices(ws) == [(0, -1)]
    assert passages(ws, ws.as_of).is_empty()
    assert cx.stage_funnel(ws, stages=["visit"]).n == 0
