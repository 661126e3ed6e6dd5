"""Who came back after good and bad experiences: by hand, planted, and where nothing is planted."""

from datetime import datetime, timedelta
from random import Random

import pytest
from company import company, events

import cxkit as cx

TOLD = {"journey": {"stages": ["visit", "buy"], "touchpoints": {"buy": ["buy", "after buying"]}}}
START = datetime(2026, 1, 1)


def answer(number: int, person: str, score: int, **more: object) -> dict[str, object]:
    return {
        "feedback_id": f"f{number:04}",
        "customer_id": person,
        "given_at": START + timedelta(days=2),
        "metric": "csat",
        "score": score,
        "scale": 5,
        "touchpoint": "after buying",
        **more,
    }


def test_counted_by_hand(tmp_path):
    rows = events(
        "ann 2026-01-01T10:00 visit", "ann 2026-01-01T11:00 buy", "ann 2026-02-01T10:00 visit",
        "bob 2026-01-01T10:00 visit", "bob 2026-01-01T11:00 buy", "bob 2026-04-20T10:00 visit",
        "cid 2026-01-01T10:00 visit", "cid 2026-01-01T11:00 buy",
        "zoe 2026-06-30T10:00 end",
    )  # fmt: skip
    feedback = [
        answer(1, "ann", 5),
        answer(2, "ann", 1, given_at="2026-01-05"),  # a second answer does not count
        answer(3, "bob", 4),  # came back after 108 days
        answer(4, "cid", 1),
        answer(5, "cid", 3, touchpoint="visit"),  # neither good nor bad
    ]
    result = cx.moments_of_truth(company(tmp_path, TOLD, events=rows, feedback=feedback))
    row = result.table.row(0, named=True)
    assert result.table.height == 1
    assert (row["stage"], row["moment"], row["good"], row["bad"]) == ("buy", "after buying", 2, 1)
    assert (row["share_good_returned"], row["share_bad_returned"]) == (0.5, 0)
    assert row["q_value"] is None
    assert result.finding == (
        "The one moment has not 30 good and 30 bad experiences: too few to say where it is "
        "decided who comes back."
    )
    result.chart()


def made(folder, chance_good: float, chance_bad: float, seed: int = 0):
    """Make 300 customers who bought and answered; how often they come back hangs on the answer."""
    draw = Random(seed)
    rows, feedback = [], []
    for number in range(300):
        person = f"c{number:03}"
        good = draw.random() < 0.5
        rows += [
            {"customer_id": person, "occurred_at": START, "event": "visit"},
            {"customer_id": person, "occurred_at": START + timedelta(hours=1), "event": "buy"},
        ]
        feedback.append(answer(number, person, 5 if good else 1))
        if draw.random() < (chance_good if good else chance_bad):
            back = START + timedelta(days=3 + draw.randrange(80))
            rows.append({"customer_id": person, "occurred_at": back, "event": "visit"})
    rows.append({"customer_id": "zoe", "occurred_at": datetime(2026, 6, 30), "event": "end"})
    return company(folder, TOLD, events=rows, feedback=feedback)


def test_a_planted_moment_is_found_and_stands_on_the_map(tmp_path):
    ws = made(tmp_path, 0.7, 0.3)
    result = cx.moments_of_truth(ws)
    row = result.table.row(0, named=True)
    assert row["stands_out"]
    assert row["gap_share"] == pytest.approx(0.4, abs=0.12)
    assert result.finding.startswith("The moment of truth is 'buy' (after buying): after ")
    assert "associated with it" in result.finding
    (drawn,) = result.chart().data
    assert list(drawn.x) == [pytest.approx(100 * row["gap_share"])]
    told = cx.journey_map(ws).table["moment_of_truth"].to_list()
    assert told[0] is None
    assert "came back after a good experience" in told[1]


def test_no_effect_is_a_result(tmp_path):
    found = [
        cx.moments_of_truth(made(tmp_path / str(seed), 0.5, 0.5, seed)).table["stands_out"][0]
        for seed in range(10)
    ]
    assert sum(found) <= 1
    finding = cx.moments_of_truth(made(tmp_path / "one", 0.5, 0.5, 1)).finding
    assert finding.startswith("No moment of truth is found among 1 compared")


def test_nothing_said_or_all_too_young(tmp_path):
    nothing = cx.moments_of_truth(company(tmp_path / "1", TOLD))
    assert nothing.finding == (
        "No good or bad experience of customers is 90 days old yet at any stage: nothing can be "
        "compared."
    )
    nothing.chart()
    young = company(tmp_path / "2", TOLD, events=events("ann 2026-01-01T10:00 buy"),
                    feedback=[answer(1, "ann", 5)])  # fmt: skip
    assert cx.moments_of_truth(young).table.is_empty()


def test_a_report_shows_no_moment_of_few(tmp_path, monkeypatch):
    ws = made(tmp_path, 0.7, 0.3)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.moments_of_truth(ws).table.height == 1
    few = company(tmp_path / "few", TOLD, events=events("a 2026-01-01T00:00 buy",
                  "z 2026-06-01T00:00 end"), feedback=[answer(1, "a", 5)])  # fmt: skip
    assert cx.moments_of_truth(few).table.is_empty()
