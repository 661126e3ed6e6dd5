"""Scores by quarter and month, counted by hand; and how often noise is taken for a change."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion


def given(day: str, *scores: float, metric: str = "nps", who: str = "c", **same: Any) -> list[dict]:
    """Write answers of one day, each of a customer of their own unless `who` says whose."""
    return [
        {
            "customer_id": f"{who}{number}" if who != "c" else f"{metric} {day} {number}",
            "metric": metric,
            "given_at": f"{day}T12:00",
            "score": score,
            **same,
        }
        for number, score in enumerate(scores)
    ]


END = [{"customer_id": "last", "occurred_at": "2026-06-30T23:00", "event": "visit"}]


def test_a_sure_change_is_named_with_both_scores(tmp_path):
    rows = given("2026-02-10", *[9] * 60, *[7] * 20, *[3] * 20)
    rows += given("2026-05-10", *[9] * 20, *[7] * 20, *[3] * 60)
    trend = cx.score_trend(company(tmp_path, feedback=rows, events=END))
    assert trend.table.select("begins", "state", "answers", "customers", "score").rows() == [
        (date(2026, 1, 1), "full", 100, 100, 40),
        (date(2026, 4, 1), "full", 100, 100, -40),
    ]
    last = trend.table.row(1, named=True)
    assert last["change"] == -80
    # the difference of the adjusted scores: -80 · 100/103, and its error from both
    error = 100 * 1.959964 * np.sqrt(2 * ((81.5 / 103) - (40 / 103) ** 2) / 103)
    assert last["change_low"] == pytest.approx(-8000 / 103 - error, abs=1e-3)
    assert last["p_value"] < 0.001
    assert trend.finding == (
        "NPS was -40.0 points (-54.3 to -23.4) in Q2 2026 from 100 answers, against +40.0 in Q1 "
        "2026 (100): -80.0 points (-99.5 to -55.8), a sure change."
    )
    assert trend.n == 200
    assert "-80.0 points in Q2 2026, a sure change" in trend.chart().layout.title.text


def test_a_quarter_that_is_not_over_is_named_and_not_compared(tmp_path):
    rows = given("2025-11-10", *[9] * 40) + given("2026-02-10", *[9] * 39, 0)
    rows += given("2026-05-10", *[0] * 40)
    trend = cx.score_trend(company(tmp_path, feedback=rows))
    assert trend.table["state"].to_list() == ["full", "full", "partial"]
    assert trend.table["change"].to_list() == [None, pytest.approx(-5), None]
    assert (
        "in Q1 2026 from 40 answers, against +100.0 in Q4 2025 (40): -5.0 points" in trend.finding
    )
    assert "Q2 2026 is not over: its 40 answers are shown and not compared." in trend.caveats
    assert [line.y[-1] for line in trend.chart().data] == [None, -100]


def test_a_quarter_without_answers_stands_between(tmp_path):
    rows = given("2025-08-10", *[9] * 40) + given("2026-02-10", *[0] * 40)
    trend = cx.score_trend(company(tmp_path, feedback=rows, events=END))
    assert trend.table["answers"].to_list() == [40, 0, 40]
    assert trend.table["change"].drop_nulls().is_empty()
    assert "too few answers in the quarter before to compare" in trend.finding


def test_the_same_people_are_compared_with_themselves(tmp_path):
    # everyone who stays is as content as before; the unhappy newcomers make the change
    loyal = [10] * 40
    rows = given("2026-02-10", *loyal, who="loyal") + given("2026-05-10", *loyal, who="loyal")
    rows += given("2026-05-11", *[0] * 40)
    trend = cx.score_trend(company(tmp_path, feedback=rows, events=END))
    last = trend.table.row(1, named=True)
    assert (last["change"], last["same_customers"], last["same_change"]) == (-100, 40, 0)
    assert (
        "The 40 customers who answered NPS in both quarters changed by +0.0 points: the change may "
        "be one of who answers." in trend.caveats
    )


def test_paired_answers_take_each_customers_own_difference(tmp_path):
    before, after = [9, 9, 7, 3] * 10, [9, 7, 7, 7] * 10
    rows = given("2026-02-10", *before, who="p") + given("2026-05-10", *after, who="p")
    last = cx.score_trend(company(tmp_path, feedback=rows, events=END)).table.row(1, named=True)
    # of four 0, -1, 0 and +1: mean 0, and Student's t of 39 on a variance of 20/39
    half = 100 * 2.022691 * np.sqrt(20 / 39 / 40)
    assert last["same_change"] == 0
    assert last["same_change_high"] == pytest.approx(half, abs=1e-3)
    assert last["change"] == 0


def test_scales_and_moments_are_not_pooled(tmp_path):
    rows = given("2026-02-10", *[5] * 30, metric="csat", touchpoint="shop")
    rows += given("2026-02-10", *[7] * 30, metric="csat", scale=7, touchpoint="phone", who="q")
    ws = company(tmp_path, feedback=rows, events=END)
    trend = cx.score_trend(ws, every="month")
    assert trend.table.select("scale", "score", "mean").rows() == [(5, 100, 5), (7, None, 7)]
    assert any("CSAT on a scale up to 7 (30 answers)" in note for note in trend.caveats)
    assert any("pools answers about 2 moments" in note for note in trend.caveats)
    shop = cx.score_trend(ws, every="month", touchpoint="shop")
    assert shop.table["scale"].to_list() == [5]
    assert not any("pools" in note for note in shop.caveats)


def test_nothing_little_and_wrong_questions(tmp_path):
    nothing = cx.score_trend(company(tmp_path / "empty"))
    assert nothing.finding == (
        "No survey has a dated answer on a usual scale: there is no score to follow."
    )
    assert nothing.chart().layout.title.text
    one = cx.score_trend(company(tmp_path / "one", feedback=given("2026-02-10", 9), events=END))
    assert one.finding == "NPS has too few answers in Q1 2026 to say (1)."
    undated = company(tmp_path / "undated", feedback=[{"metric": "nps", "score": 9}])
    assert "Left out: 1 answer without a date." in cx.score_trend(undated).caveats
    with pytest.raises(BadQuestion, match=r"^every is 'year'; give one of: month, quarter\.$"):
        cx.score_trend(undated, every="year")
    with pytest.raises(BadQuestion, match="touchpoint is 'x', and the data have none"):
        cx.score_trend(undated, touchpoint="x")


def test_a_report_shows_no_score_of_few(tmp_path, monkeypatch):
    rows = given("2026-02-10", *[9] * 5) + given("2026-05-10", *[9] * 30)
    ws = company(tmp_path, feedback=rows, events=END)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.score_trend(ws).table["score"].to_list() == [None, 100]


def quarters(many: int, last: list[int], *, before: list[int]) -> list[dict]:
    """Write so many quarters up to Q2 2026: all alike, and the last of other answers."""
    rows = given("2026-05-10", *last)
    for back in range(1, many):
        year, quarter = divmod(4 * 2026 + 1 - back, 4)
        rows += given(f"{year}-{3 * quarter + 2:02}-10", *before)
    return rows


MIXED = [9] * 40 + [7] * 30 + [3] * 30  # +10


def test_a_long_quiet_series_does_not_drown_a_sure_change(tmp_path):
    """Among 59 changes it is sure still, though sixty quarters are hardly more than noise."""
    rows = quarters(60, [9] * 20 + [7] * 25 + [3] * 55, before=MIXED)
    trend = cx.score_trend(company(tmp_path, feedback=rows, events=END))
    last = trend.table.filter(pl.col("change").is_not_null()).row(0, named=True)
    assert last["levels_p_value"] > 0.05
    assert last["p_value"] * 59 < 0.05
    assert last["sure"]
    assert trend.table["sure"].count() == 1
    assert trend.finding.startswith("NPS was -35.0 points (")
    assert trend.finding.endswith("a sure change.")
    assert "a sure change" in trend.chart().layout.title.text


def test_a_change_that_is_one_of_many_is_said_to_be(tmp_path):
    """The same interval, without 0, where chance alone has had so many occasions."""
    rows = quarters(60, [9] * 30 + [7] * 25 + [3] * 45, before=MIXED)
    trend = cx.score_trend(company(tmp_path / "long", feedback=rows, events=END))
    last = trend.table.filter(pl.col("change").is_not_null()).row(0, named=True)
    assert last["p_value"] < 0.05 and last["change_high"] < 0
    assert last["sure"] is False
    assert trend.finding.endswith(
        "no sure change: it would be one by itself, but of 59 changes in a series one such may be "
        "chance."
    )
    # forty answers of twenty customers are none that the change is counted among
    twice = [one for day in (10, 11) for one in given(f"2011-05-{day}", *[9] * 20, who="x")]
    among = company(tmp_path / "among", feedback=rows + twice, events=END)
    assert "but of 59 changes in a series" in cx.score_trend(among).finding
    short = company(tmp_path / "short", feedback=rows[:200], events=END)
    assert cx.score_trend(short).finding.endswith("a sure change.")


def test_noise_is_hardly_ever_taken_for_a_change(tmp_path):
    draws = np.random.default_rng(4)
    found = 0
    for world in range(20):
        rows = []
        for quarter in range(8):
            year, part = divmod(4 * 2024 + 2 + quarter, 4)
            answers = draws.choice([9, 7, 3], 60, p=[0.42, 0.28, 0.30]).tolist()
            rows += given(f"{year}-{3 * part + 2:02}-10", *answers)
        trend = cx.score_trend(company(tmp_path / str(world), feedback=rows, events=END))
        found += trend.finding.endswith("a sure change.")
    assert found <= 1
