"""Breaks of a journey against weeks counted by hand, and quiet where nothing broke."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from alike import of_people
from company import company, events, many_events
from hypothesis import given, settings
from hypothesis import strategies as st

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.funnels import plan
from cxkit.periods import entries_by, steps_between

BASKET = {"stages": ["cart", "paid"], "within_days": 7}
MONDAY = date(2026, 1, 5)


def visits(weeks: list[tuple[int, int]], device: str, days: int = 0) -> list[dict[str, object]]:
    """Make visits on the Mondays of the weeks: so many at the cart, so many of them paid."""
    rows = []
    for week, (entered, paid) in enumerate(weeks):
        at = datetime(2026, 1, 5, 9) + timedelta(weeks=week)
        for number in range(entered):
            who = {"customer_id": f"{device}{week}-{number}", "device": device, "channel": "web"}
            rows.append({**who, "occurred_at": at, "event": "cart"})
            if number < paid:
                later = at + timedelta(minutes=5, days=days)
                rows.append({**who, "occurred_at": later, "event": "paid"})
    return rows


def test_a_broken_step_names_segment_weeks_and_rates(tmp_path):
    steady = [(20, 10 + wave) for wave in (0, 1, -1, 2, -2, 0, 1, -1) * 4]
    broken = [(n, 3 if 12 <= week < 17 else x) for week, (n, x) in enumerate(steady)]
    ws = company(tmp_path, events=visits(broken, "mobile") + visits(steady, "desktop"))
    found = cx.stage_breaks(ws, **BASKET)
    assert found.finding == (
        "From the week of 30 Mar 2026 to that of 27 Apr 2026 (until 3 May 2026) the share that "
        "went on from 'cart' to 'paid' in 'mobile' fell to 15.0 % (9.3–23.3) of 100 visits, "
        "against 50.8 % (44.5–57.1) of 240 before: -35.8 points (-44.3 to -25.4); since then it "
        "is 50.0 % (44.0–56.0). At this step 'desktop' did not move."
    )
    assert found.caveats[0] == (
        "The 2 weeks from 3 Aug 2026 on are not judged: who entered then could not be followed for "
        "7 days."
    )
    mobile = found.table.filter(pl.col("segment") == "mobile")
    assert mobile.filter(pl.col("break_no") == 1)["week"].to_list() == [
        MONDAY + timedelta(weeks=week) for week in range(12, 17)
    ]
    assert mobile["centre_share"].unique().to_list() == [0.504]  # of the 500 in 25 good weeks
    assert set(mobile.filter(pl.col("break_no") == 1)["outside"]) == {"below"}
    assert mobile["left_out"].to_list() == [0] * 31 + [20]
    assert found.chart().layout.title.text.startswith("<b>cart → paid: ")
    assert len(found.chart().layout.shapes) == 1


def test_a_break_that_has_not_ended_says_since_when(tmp_path):
    weeks = [(40, 20 if week < 20 else 30) for week in range(30)]
    ws = company(tmp_path, events=visits(weeks, "mobile"))
    found = cx.stage_breaks(ws, **BASKET)
    assert found.finding == (
        "From the week of 25 May 2026 on the share that went on from 'cart' to 'paid' rose to "
        "75.0 % (70.0–79.4) of 320 visits, against 50.0 % (46.5–53.5) of 800 before: +25.0 "
        "points (+18.9 to +30.6)."
    )
    assert "By device there is nothing to compare: all are taken together." in found.caveats


def test_a_quiet_journey_says_so_with_what_chance_brings(tmp_path):
    weeks = [(40, 20 + (1, -2, 0, 2, -1)[week % 5]) for week in range(30)]
    ws = company(tmp_path, events=visits(weeks, "mobile") + visits(weeks, "desktop"))
    assert cx.stage_breaks(ws, **BASKET).finding == (
        "No step broke: in 2 series of weeks (1 step, 2 segments) nothing lies apart that chance "
        "would not bring; 0 of 56 weeks lie outside of their limits, where chance alone brings "
        "about 0."
    )


def test_customers_enter_once_a_week_and_visits_once(tmp_path):
    ws = company(
        tmp_path,
        settings={"company": {"timezone": "America/New_York"}},
        events=events(
            "ann 2026-01-05T04:00 cart",  # still Sunday in New York
            "ann 2026-01-05T06:00 cart",
            "ann 2026-01-06T06:00 cart",
            "ann 2026-01-12T06:00 paid",  # seven days after the second
            "bob 2026-01-07T06:00 paid",  # before
            "bob 2026-01-07T06:10 cart",
            "bob 2026-01-07T06:10 paid",  # at the same moment
            "eve 2026-02-01T06:00 cart",
        ),
    )
    for unit, rows in (
        ("customer", [(date(2025, 12, 29), 1, 0), (MONDAY, 2, 2)]),
        ("session", [(date(2025, 12, 29), 1, 0), (MONDAY, 3, 1)]),
    ):
        asked = plan(ws, unit=unit, **BASKET)
        counts = entries_by(
            ws, asked, steps_between(asked), ws.as_of, every="week", by="all"
        ).counts
        told = counts.filter(pl.col("entered") > 0).select("begins", "entered", "followed").rows()
        assert told == rows
        assert counts["finished"].to_list() == [True, True, True, True, False]


def test_optional_stages_may_be_passed_or_not(tmp_path):
    ws = company(tmp_path, events=events("ann 2026-01-05T04:00 a"))
    asked = plan(ws, stages=["a", "b", "c", "d"], optional=["b", "c"])
    assert steps_between(asked) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


passed = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.integers(0, 40 * 24),  # hours
        st.sampled_from(["cart", "paid", "other"]),
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(passed)
def test_entries_are_those_of_a_plain_count(tmp_path_factory, rows):
    zone, start = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 9)  # clocks change on 29 March
    seen = [(who, start + timedelta(hours=hours), event) for who, hours, event in rows]
    ws = company(
        tmp_path_factory.mktemp("plain"),
        settings={"company": {"timezone": "Europe/Berlin"}},
        events=[
            {"event_id": str(n), "customer_id": who, "occurred_at": at, "event": event}
            for n, (who, at, event) in enumerate(seen)
        ],
    )
    asked = plan(ws, unit="customer", **BASKET)
    if not seen:
        assert cx.stage_breaks(ws, **BASKET).finding.startswith("No week could be followed")
        return
    end = max(at for _, at, _ in seen)

    def week(at):
        day = at.replace(tzinfo=UTC).astimezone(zone).date()
        return day - timedelta(days=day.weekday())

    told = {}
    for who, at in sorted({(who, at) for who, at, event in seen if event == "cart"}):
        if (who, week(at)) not in told:
            until = at + timedelta(days=7)
            got = any(w == who and e == "paid" and at <= t <= until for w, t, e in seen)
            told[who, week(at)] = (until <= end, got)
    expected = {}
    for (_, monday), (ripe, got) in told.items():
        entered, followed, young = expected.get(monday, (0, 0, 0))
        expected[monday] = (entered + ripe, followed + (ripe and got), young + (not ripe))
    counts = entries_by(ws, asked, [(0, 1)], ws.as_of, every="week", by="all").counts
    found = {
        row["begins"]: (row["entered"], row["followed"], row["left_out"])
        for row in counts.iter_rows(named=True)
        if row["entered"] or row["left_out"]
    }
    assert found == expected


def test_bad_input_is_said_not_met_with_an_error(tmp_path):
    ws = company(tmp_path / "one", events=events("ann 2026-01-05T10:00 cart"))
    assert cx.stage_breaks(ws, **BASKET).finding == (
        "No week could be followed for 7 days: where the journey broke cannot be said."
    )
    assert cx.stage_breaks(ws, **BASKET).table.height == 1
    empty = cx.stage_breaks(company(tmp_path / "empty"), **BASKET)
    assert empty.n == 0
    few = company(tmp_path / "few", events=visits([(5, 2)] * 10, "mobile"))
    assert cx.stage_breaks(few, **BASKET).finding == (
        "No step has 30 that went on and 30 that did not: too few to say where the journey broke."
    )
    wrongs = ({"by": "colour"}, {"unit": "week"}, {"stages": []}, {"as_of": "soon"})
    for wrong in (*wrongs, {"stages": ["cart"]}, {"unit": "attempt"}):
        with pytest.raises(BadQuestion):
            cx.stage_breaks(ws, **(BASKET | wrong))


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = visits([(12, 6 + week % 3) for week in range(14)], "mobile")
    one = cx.stage_breaks(company(tmp_path / "a", events=rows), **BASKET).table
    other = cx.stage_breaks(company(tmp_path / "b", events=rows[::-1]), **BASKET).table
    assert one.equals(other)


# Weekly visits and steps of the demo company's web where nothing is planted.
WEB = {"mobile": (130, (0.80, 0.75, 0.77, 0.55)), "desktop": (100, (0.90, 0.88, 0.88, 0.60))}
STEPS = ["visited", "product viewed", "added to cart", "checkout started", "paid"]


def a_log(folder, seed: int) -> cx.Workspace:
    """Publish 104 weeks of visits of the null company's size, each step a toss of its own."""
    draws, parts = np.random.default_rng(seed), []
    for device, (many, goes_on) in WEB.items():
        depth = np.cumprod(draws.random((104 * many, 4)) < goes_on, axis=1).sum(axis=1)
        week = np.repeat(np.arange(104), many)
        step = np.repeat(np.arange(len(depth)), depth + 1)
        number = np.arange(len(step)) - np.repeat(np.cumsum(depth + 1) - depth - 1, depth + 1)
        minute = draws.integers(0, 7 * 1440 - 60, len(depth))
        parts.append(
            pl.DataFrame(
                {
                    "customer_id": [f"{device}{one}" for one in step],
                    "occurred_at": 1_719_792_000_000_000
                    + (week[step] * 7 * 1440 + minute[step] + number) * 60_000_000,
                    "event": [STEPS[one] for one in number],
                    "device": device,
                }
            )
        )
    return many_events(
        folder / str(seed),
        pl.concat(parts).with_columns(pl.from_epoch("occurred_at", "us")),
    )


def test_false_alarms_stay_below_one_in_twenty(tmp_path):
    """Fifty companies of the size of the demo's web, in which nothing ever changes."""
    alarms = []
    for seed in range(500, 550):
        ws = a_log(tmp_path, seed)
        found = cx.stage_breaks(ws, stages=STEPS, optional=["checkout started"])
        ws.close()
        if not found.finding.startswith("No step broke: in 10 series of weeks"):
            alarms.append((seed, found.finding))
    assert len(alarms) <= 2, alarms


def test_other_people_are_no_break(tmp_path):
    """Nobody changes: each visit for itself, ten of twelve of these companies would be alarmed."""
    alarms = []
    for seed in range(860, 880):
        ws = many_events(tmp_path / str(seed), of_people(seed, 60, 70, 0.8, stretches=True))
        journey = {"stages": ["visit", "cart"], "within_days": 1, "unit": "session"}
        alarms.append(bool(cx.stage_breaks(ws, **journey).table["break_no"].max()))
        ws.close()
    assert sum(alarms) <= 1, alarms


def test_a_small_clean_stretch_is_no_measure(tmp_path):
    """Two visits before a break say nothing of how far it fell; the weeks after it do."""
    weeks = [(1, 1)] * 2 + [(30, 3)] * 8 + [(30, 14 + week % 3) for week in range(20)]
    found = cx.stage_breaks(company(tmp_path, events=visits(weeks, "mobile")), **BASKET)
    broken = found.table.filter(pl.col("break_no") == 1)
    assert broken.height == 8
    assert broken["compared"].unique().to_list() == ["afterwards"]
    assert broken["base"].unique().to_list() == [540]
    assert (
        "fell to 10.0 % (6.8–14.4) of 240 visits, against 50.0 % (45.8–54.2) of 540 afterwards: "
        "-40.0 points"
    ) in found.finding


def test_what_cannot_be_measured_is_not_put_as_points(tmp_path):
    weeks = [(10, 9)] * 2 + [(60, 20 + week % 3) for week in range(30)]
    found = cx.stage_breaks(company(tmp_path, events=visits(weeks, "mobile")), **BASKET)
    assert found.finding == (
        "From the week of 19 Jan 2026 on the share that went on from 'cart' to 'paid' lies apart "
        "from the other weeks (587 of 1,680 visits); with 20 before there are too few to say by "
        "how much."
    )
    assert "lies apart from 19 Jan 2026 on" in found.chart().layout.title.text
    assert found.table["change"].null_count() == found.table.height


def test_title_and_finding_say_one_thing(tmp_path):
    few = cx.stage_breaks(company(tmp_path, events=visits([(5, 2)] * 10, "mobile")), **BASKET)
    assert "too few to say" in few.finding
    assert "too few to say" in few.chart().layout.title.text
