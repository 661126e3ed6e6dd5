"""Who stopped where: the list against the funnel's counts and against lives written by hand."""

from datetime import datetime

import polars as pl
import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion

# ann buys; bob stops after the cart and asks for help; cid stops at once and is gone; dan has the
# cart too late; eve asks for help on the way, which is excluded where asked; fay is too young.
SIX = events(
    "ann 2026-01-01T10:00 visit",
    "ann 2026-01-02T10:00 cart",
    "ann 2026-01-03T10:00 buy",
    "bob 2026-01-01T10:00 visit",
    "bob 2026-01-02T10:00 cart",
    "cid 2026-01-01T10:00 visit",
    "dan 2026-01-01T10:00 visit",
    "dan 2026-02-20T10:00 cart",
    "eve 2026-01-01T10:00 visit",
    "eve 2026-01-02T10:00 help",
    "eve 2026-01-03T10:00 cart",
    "fay 2026-03-30T10:00 visit",
    "zoe 2026-03-31T00:00 newsletter",
)
TICKETS = [{"ticket_id": "1", "customer_id": "bob", "opened_at": "2026-01-04T10:00"}]
PATH = ["visit", "cart", "buy"]


@pytest.fixture
def ws(tmp_path):
    return company(tmp_path, events=SIX, tickets=TICKETS)


def test_six_lives_by_hand(ws):
    found = cx.stage_people(ws, stages=PATH)
    columns = ["customer_id", "stage", "reason", "next", "next_after_days"]
    assert found.table.select(columns).rows() == [
        ("ann", "buy", "finished", "nothing", None),
        ("bob", "cart", "never had it", "contacted support", 2.0),
        ("cid", "visit", "never had it", "nothing", None),
        ("dan", "visit", "had it too early or too late", "cart", 50.0),
        ("eve", "cart", "never had it", "nothing", None),
        ("fay", "visit", "still has time", "nothing", None),
    ]
    assert found.table["stopped_at"][1] == datetime(2026, 1, 2, 10)
    assert found.table["entered_at"][1] == datetime(2026, 1, 1, 10)
    assert found.n == 6
    assert found.finding == (
        "Most of those who stopped did so after 'visit': 2 customers, too few to say what they did "
        "next."
    )
    assert found.caveats[0] == (
        "1 customer entered less than 30 days before the end of the data and still has time."
    )


def test_what_is_excluded_is_told_apart_from_losses(ws):
    asked = {"stages": PATH, "exclude": {"cart": ["help"]}}
    reasons = dict(cx.stage_people(ws, **asked).table.select("customer_id", "reason").rows())
    assert reasons["eve"] == "excluded"
    funnel = cx.stage_funnel(ws, **asked)
    assert funnel.table["reached"].to_list() == [5, 2, 1]
    assert funnel.table["excluded"].to_list() == [0, 1, 0]
    assert funnel.table["otherwise"].to_list() == [0, 1, 0]
    assert any("who got no further than 'visit' was stopped by" in c for c in funnel.caveats)


@pytest.mark.parametrize("asked", [{}, {"order": "any"}, {"order": "strict"}, {"unit": "session"}])
def test_the_list_adds_up_to_the_funnel(asked):
    ws = cx.open()
    people = cx.stage_people(ws, **asked).table
    funnel = cx.stage_funnel(ws, **asked)
    required = funnel.table.filter(~pl.col("optional"))
    got = [people.filter((pl.col("place") >= place) & (pl.col("reason") != "still has time")).height
           for place in required["place"]]  # fmt: skip
    assert got == required["reached"].to_list()
    assert people.filter(reason="still has time").height == funnel.table["left_out"][0]
    assert got[-1] > 100


def test_a_finding_of_enough_people_names_what_came_next(tmp_path):
    rows = [f"c{n} 2026-01-01T10:00 visit" for n in range(50)]
    rows += [f"c{n} 2026-01-01T11:00 search" for n in range(20)]
    rows += [f"c{n} 2026-01-02T10:00 buy" for n in range(40, 50)]
    tickets = [
        {"ticket_id": str(n), "customer_id": f"c{n}", "opened_at": "2026-01-01T12:00"}
        for n in range(10, 30)
    ]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 newsletter"), tickets=tickets)
    found = cx.stage_people(ws, stages=["visit", "buy"])
    assert found.finding == (
        "After 'visit' 40 customers stopped: for 50.0 % (35.2–64.8) the next thing was 'search'; "
        "25.0 % (14.2–40.2) contacted support."
    )
    assert "40 stopped; next came: search (50%)" in found.chart().layout.title.text


def test_nobody_and_bad_questions(tmp_path, monkeypatch, ws):
    empty = company(tmp_path / "empty")
    assert cx.stage_people(empty, stages=PATH).table.is_empty()
    with pytest.raises(BadQuestion, match="anchored is for order='any'"):
        cx.stage_people(ws, stages=PATH, anchored=["cart"])
    monkeypatch.setenv("CXKIT_REPORT", "1")
    told = cx.stage_people(ws, stages=PATH)
    assert "customer_id" not in told.table.columns
    assert told.caveats[-1].startswith("The report names no customers")
    assert told.table.is_empty() and told.n == 6
    assert told.finding == "Too few people stopped anywhere for a report to say where."
    told.chart()


def test_a_report_counts_and_lists_nobody(tmp_path, monkeypatch):
    """Of 40 who stop at the visit 24 search next and 16 do what few do; 3 stop at the cart."""
    rows = [f"c{n} 2026-01-01T10:00 visit" for n in range(60)]
    rows += [f"c{n} 2026-01-02T10:00 search" for n in range(24)]
    rows += [f"c{n} 2026-01-02T10:00 {'clinic' if n % 2 else 'pharmacy'}" for n in range(24, 40)]
    rows += [f"c{n} 2026-01-03T10:00 cart" for n in range(40, 60)]
    rows += [f"c{n} 2026-01-04T10:00 buy" for n in range(43, 60)]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 newsletter"))
    whole = cx.stage_people(ws, stages=PATH)
    assert whole.table.height == 60
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.stage_people(ws, stages=PATH)
    # the three at the cart are not the whole less the others: those who finished join them
    assert found.table.rows() == [
        ("visit", 1, "stopped", "search", 24, 24),
        ("visit", 1, "stopped", "other", 16, 16),
        ("other", None, "other", "other", 20, 20),
    ]
    assert found.n == 60 and found.finding == whole.finding
    assert found.chart().layout.title.text == whole.chart().layout.title.text
    assert not {"clinic", "pharmacy", "c1"} & set(str(found.outputs()).replace("'", " ").split())


def test_a_report_does_not_deny_the_few_who_stopped(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-01T10:00 visit" for n in range(53)]
    rows += [f"c{n} 2026-01-02T10:00 buy" for n in range(50)]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-06-30T10:00 newsletter"))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.stage_people(ws, stages=["visit", "buy"])
    assert found.finding == "Too few people stopped anywhere for a report to say where."
    assert "Too few people stopped anywhere" in found.chart().layout.title.text
