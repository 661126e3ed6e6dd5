"""Two periods against counts by hand; mix and rate add up; Simpson's paradox is said aloud."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from alike import of_people
from company import company, events, many_events

import cxkit as cx
from cxkit.errors import BadQuestion

BASKET = {"stages": ["cart", "paid"], "within_days": 7, "weeks": 2}
START = datetime(2026, 1, 5, 9)  # a Monday


def log(counts: dict[str, list[tuple[int, int]]]) -> list[dict[str, object]]:
    """Make customers by device: so many at the cart on each Monday, so many of them paid."""
    rows = []
    for device, weeks in counts.items():
        for week, (entered, paid) in enumerate(weeks):
            at = START + timedelta(weeks=week)
            for number in range(entered):
                who = {"customer_id": f"{device}{week}-{number}", "device": device}
                rows.append({**who, "occurred_at": at, "event": "cart"})
                if number < paid:
                    later = at + timedelta(minutes=1)
                    rows.append({**who, "occurred_at": later, "event": "paid"})
    end = START + timedelta(weeks=4, days=6)  # the fourth week is followed to its end
    return [*rows, {"customer_id": "end", "occurred_at": end, "event": "other"}]


SIMPSON = {
    "mobile": [(500, 125), (500, 125), (500, 110), (500, 110)],
    "desktop": [(200, 80), (200, 80), (800, 290), (800, 290)],
}


def test_a_rise_of_the_whole_with_a_fall_in_every_part_is_warned_of(tmp_path):
    found = cx.stage_change(company(tmp_path, events=log(SIMPSON)), **BASKET)
    assert found.finding == (
        "From 19 Jan 2026 to 1 Feb 2026 30.8 % (29.0–32.6) of 2,600 visits got from 'cart' to "
        "'paid', from 5 Jan 2026 to 18 Jan 2026 29.3 % (27.0–31.7) of 1,400: +1.5 points (-1.5 to "
        "+4.4), no sure change. The mix of device makes +4.8 of it and the rates within make -3.3. "
        "Simpson's paradox: within device the change is the other way round, -3.3 points (-6.4 to "
        "-0.2)."
    )
    assert found.caveats[0].startswith("The whole changed by +1.5 points")
    table = found.table
    assert table.select("segment", "before_entered", "before_finished").rows() == [
        ("desktop", 400, 160),
        ("mobile", 1000, 250),
    ]
    assert table["mix"].sum() + table["rate"].sum() == pytest.approx(800 / 2600 - 410 / 1400)
    assert table["before_to"][0] == date(2026, 1, 18)
    title = found.chart().layout.title.text.replace("<br>", " ")
    assert "within segments it went the other way" in title


def test_without_segments_the_two_periods_stand_alone(tmp_path):
    found = cx.stage_change(company(tmp_path, events=log(SIMPSON)), by=None, **BASKET)
    assert found.finding.endswith("+1.5 points (-1.5 to +4.4), no sure change.")
    assert found.table["segment"].to_list() == ["all"]


def test_some_segments_can_be_made_the_whole(tmp_path):
    ws = company(tmp_path, events=log(SIMPSON))
    found = cx.stage_change(ws, segments=["mobile"], **BASKET)
    assert found.table["segment"].to_list() == ["mobile"]
    assert "22.0 % (19.5–24.7) of 1,000 visits" in found.finding
    with pytest.raises(BadQuestion, match="no segment 'tablet'"):
        cx.stage_change(ws, segments=["tablet"], **BASKET)


def test_the_surest_segment_is_named(tmp_path):
    counts = {"mobile": [(300, 150)] * 2 + [(300, 90)] * 2, "desktop": [(300, 150)] * 4}
    found = cx.stage_change(company(tmp_path, events=log(counts)), **BASKET)
    assert found.finding.endswith("'mobile' changed most: -20.0 points (-25.3 to -14.5).")
    assert "Simpson" not in found.finding
    q = dict(found.table.select("segment", "q_value").iter_rows())
    assert q["mobile"] < 0.001
    assert q["desktop"] == 1


def test_an_earlier_period_may_lie_further_back(tmp_path):
    ws = company(tmp_path, events=log({"mobile": [(40, 10), (40, 20), (40, 30), (40, 35)]}))
    found = cx.stage_change(ws, **(BASKET | {"weeks": 1, "weeks_back": 3})).table
    assert found.select(
        "before_from", "after_from", "before_finished", "after_finished"
    ).rows() == [(date(2026, 1, 5), date(2026, 1, 26), 10, 35)]
    early = cx.stage_change(ws, **(BASKET | {"weeks": 4, "weeks_back": 2}))
    assert early.caveats[0] == (
        "The data begin in the week of 5 Jan 2026, later than the earlier period: compare fewer "
        "weeks."
    )


def test_segments_that_come_or_go_keep_the_sum(tmp_path):
    counts = {"mobile": [(40, 20)] * 4, "tablet": [(0, 0)] * 2 + [(50, 10)] * 2}
    found = cx.stage_change(company(tmp_path, events=log(counts)), **BASKET)
    table = found.table
    assert table["mix"].sum() + table["rate"].sum() == pytest.approx(60 / 180 - 40 / 80)
    assert table.filter(pl.col("segment") == "tablet")["before_share"].to_list() == [None]
    assert found.chart().data


def test_two_like_periods_are_seldom_said_to_differ(tmp_path):
    """Fifty companies in which nothing changes: no segment, and no paradox."""
    draws, said = np.random.default_rng(31), []
    for number in range(50):
        counts = {
            device: [(100, int(draws.binomial(100, share))) for _ in range(4)]
            for device, share in (("mobile", 0.3), ("desktop", 0.5), ("app", 0.6))
        }
        ws = many_events(tmp_path / str(number), pl.DataFrame(log(counts)))
        finding = cx.stage_change(ws, **BASKET).finding
        ws.close()
        if "changed most" in finding or "Simpson" in finding:
            said.append(finding)
    assert len(said) <= 2, said


def test_bad_input_is_said_not_met_with_an_error(tmp_path):
    ws = company(tmp_path / "one", events=events("ann 2026-01-05T10:00 cart"))
    assert cx.stage_change(ws, **BASKET).finding == (
        "Nobody entered at 'cart' in either period: nothing can be compared."
    )
    assert cx.stage_change(ws, **BASKET).chart().layout.title.text
    assert cx.stage_change(company(tmp_path / "empty"), **BASKET).n == 0
    wrongs = (
        {"weeks": 0}, {"weeks_back": -1}, {"by": "colour"}, {"unit": "week"}, {"stages": []},
        {"unit": "attempt"}, {"segments": []}, {"stages": ["cart"]},
    )  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(BadQuestion):
            cx.stage_change(ws, **(BASKET | wrong))


JOURNEY = {"stages": ["visit", "cart"], "within_days": 1, "unit": "session"}


def test_other_people_are_no_change(tmp_path):
    """Sixty people, seventy visits each, who come and go; nobody changes. Each visit for itself,
    half of these companies would be said to have changed.
    """
    said = []
    for seed in range(820, 840):
        ws = many_events(tmp_path / str(seed), of_people(seed, 60, 70, 0.8, stretches=True))
        found = cx.stage_change(ws, **JOURNEY)
        ws.close()
        said.append("no sure change" not in found.finding or "changed most" in found.finding)
        assert "are of 60 people" in " ".join(found.caveats) or found.n < 4200
    assert sum(said) <= 2, said


def test_people_who_stay_show_a_change_that_is_theirs(tmp_path):
    """Forty people, all less often from week 57 on: they are compared with themselves."""
    rows = of_people(5, 40, 140, 3.0)
    edge = rows["occurred_at"].min() + timedelta(weeks=57)
    lost = (pl.col("event") == "cart") & (pl.col("occurred_at") > edge)
    kept = rows.with_row_index().filter(~lost | (pl.col("index") % 2 == 0)).drop("index")
    found = cx.stage_change(many_events(tmp_path, kept), **JOURNEY, by=None)
    assert "no sure change" not in found.finding
    assert found.table["change_high"][0] < 0


def test_in_a_report_people_are_counted_not_visits(tmp_path, monkeypatch):
    few = of_people(1, 2, 600, 1.0).with_columns(device=pl.lit("tv"))
    many = of_people(2, 60, 30, 1.0).with_columns(customer_id="q" + pl.col("customer_id"))
    ws = many_events(tmp_path, pl.concat([few, many]))
    assert "tv" in cx.stage_change(ws, **JOURNEY).table["segment"].to_list()
    assert "tv" in cx.stage_breaks(ws, **JOURNEY).table["segment"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "tv" not in cx.stage_change(ws, **JOURNEY).table["segment"].to_list()
    assert "tv" not in cx.stage_breaks(ws, **JOURNEY).table["segment"].to_list()
