"""A trend against weeks counted by hand; unfinished weeks are never part of one."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from alike import of_people
from company import company, events, many_events

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.control import trend

BASKET = {"stages": ["cart", "paid"], "within_days": 28}
START = datetime(2026, 1, 5, 9)  # a Monday


def weeks(shares: list[float], many: int = 50, days: int = 20, until: int = 99) -> list[dict]:
    """Make customers at the cart on Mondays; so many pay `days` later, if by week `until`."""
    rows = []
    for week, share in enumerate(shares):
        at = START + timedelta(weeks=week)
        for number in range(many):
            who = {"customer_id": f"w{week}-{number}"}
            rows.append({**who, "occurred_at": at, "event": "cart"})
            later = at + timedelta(days=days)
            if number < round(share * many) and later <= START + timedelta(weeks=until):
                rows.append({**who, "occurred_at": later, "event": "paid"})
    return rows


def test_a_rise_is_told_with_both_halves(tmp_path):
    shares = [0.3, 0.3, 0.32, 0.34, 0.4, 0.42, 0.44, 0.5]
    ws = company(tmp_path, events=weeks(shares, days=0))
    found = cx.stage_trend(ws, unit="customer", stages=["cart", "paid"], within_days=1)
    assert found.finding == (
        "Of 350 customers that entered at 'cart' in 7 weeks, 36.0 % (31.1–41.2) got to 'paid' "
        "within 1 day; week by week the share does not surely rise or fall (from 30.7 % "
        "(23.8–38.5) in the earlier half to 42.0 % (34.4–50.0) in the later: +11.3 points (+0.5 "
        "to +21.8))."
    )
    many = company(tmp_path / "many", events=weeks(shares, many=200, days=0))
    found = cx.stage_trend(many, unit="customer", stages=["cart", "paid"], within_days=1)
    assert "; the share rises, from 30.7 % (27.1–34.5) in the earlier half to 42.0 %" in (
        found.finding
    )
    assert found.caveats[-1].startswith("A trend of the whole may be a change of who comes")
    assert found.table["finished"].to_list() == [60, 60, 64, 68, 80, 84, 88, 0]
    assert found.table["left_out"].to_list() == [0] * 7 + [200]


def test_unfinished_weeks_are_marked_and_never_make_a_fall(tmp_path):
    """Who entered in the last four weeks could hardly have paid yet: that is no worsening."""
    ws = company(tmp_path, events=weeks([0.5] * 20, until=19))
    found = cx.stage_trend(ws, unit="customer", **BASKET)
    states = found.table["state"].to_list()
    assert states == ["followed"] * 15 + ["unfinished"] * 5
    assert "does not surely rise or fall" in found.finding
    assert "Of 750 customers that entered at 'cart' in 15 weeks, 50.0 %" in found.finding
    assert found.caveats[0] == (
        "5 weeks from 20 Apr 2026 on are not finished: who entered there less than 28 days "
        "before the end of the data may still get through, so they are not compared."
    )
    drawn = found.chart().data
    assert [trace.name for trace in drawn] == ["followed to the end", "not finished yet"]
    assert drawn[0].y[15:] == (None,) * 5
    # whoever counts all that is there up to now finds a fall
    naive = ws.sql(
        "select date_trunc('week', occurred_at) as week, count(*) as n, count(*) filter "
        "(customer_id in (select customer_id from events where event = 'paid')) as x "
        "from events where event = 'cart' group by week order by week"
    )
    slope, p = trend(naive["x"].to_list(), naive["n"].to_list())
    assert slope < 0
    assert p < 0.001


def test_months_follow_the_calendar_where_the_company_is(tmp_path):
    ws = company(
        tmp_path,
        settings={"company": {"timezone": "America/New_York"}},
        events=events(
            "ann 2026-02-01T04:00 cart",  # still January in New York
            "ann 2026-02-01T04:30 paid",
            "bob 2026-02-02T04:00 cart",
            "bob 2026-05-02T04:00 other",
        ),
    )
    found = cx.stage_trend(ws, unit="customer", every="month", **BASKET)
    rows = found.table.select(pl.col("begins").dt.month(), "entered", "finished", "state").rows()
    assert rows == [
        (1, 1, 1, "followed"),
        (2, 1, 0, "followed"),
        (3, 0, 0, "followed"),
        (4, 0, 0, "unfinished"),
        (5, 0, 0, "unfinished"),
    ]
    assert found.finding.endswith("too few months or customers to tell a trend.")


def test_a_constant_journey_is_seldom_given_a_trend(tmp_path):
    """Fifty companies whose share never changes, and whose last weeks are unfinished."""
    draws, claims = np.random.default_rng(77), []
    for number in range(50):
        shares = (draws.binomial(60, 0.4, 24) / 60).tolist()
        rows = pl.DataFrame(weeks(shares, many=60, until=24))
        ws = many_events(tmp_path / str(number), rows)
        found = cx.stage_trend(ws, unit="customer", **BASKET).finding
        ws.close()
        if "does not surely rise or fall" not in found:
            claims.append(found)
    assert len(claims) <= 2, claims


def test_bad_input_is_said_not_met_with_an_error(tmp_path):
    ws = company(tmp_path / "one", events=events("ann 2026-01-05T10:00 cart"))
    assert cx.stage_trend(ws, **BASKET).finding == (
        "No week in which somebody entered at 'cart' could be followed for 28 days: nothing can "
        "be said."
    )
    assert cx.stage_trend(ws, **BASKET).chart().layout.title.text
    assert cx.stage_trend(company(tmp_path / "empty"), **BASKET).n == 0
    wrongs = (
        {"every": "day"},
        {"every": []},
        {"unit": "week"},
        {"unit": "attempt"},
        {"stages": []},
    )
    for wrong in (*wrongs, {"stages": ["cart"]}, {"as_of": "soon"}):
        with pytest.raises(BadQuestion):
            cx.stage_trend(ws, **(BASKET | wrong))


def test_other_people_are_no_trend(tmp_path):
    """Nobody changes: each visit for itself, three of four would be told a trend."""
    told = []
    for seed in range(840, 860):
        ws = many_events(tmp_path / str(seed), of_people(seed, 60, 70, 0.8, stretches=True))
        journey = {"stages": ["visit", "cart"], "within_days": 1}
        told.append(cx.stage_trend(ws, unit="session", **journey).table["trend"][0])
        ws.close()
    assert told.count("unsure") >= 18, told
