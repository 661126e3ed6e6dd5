"""The mood after short and long waits: by hand, planted, and against the portable query."""

from datetime import datetime, timedelta
from random import Random

import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion

TOLD = {"journey": {"stages": ["order", "parcel"], "within_days": 60}}
START = datetime(2026, 1, 1)


def answer(number: int, person: str, at: datetime, score: int) -> dict[str, object]:
    return {
        "feedback_id": f"f{number:04}",
        "customer_id": person,
        "given_at": at,
        "metric": "stars",
        "score": score,
        "scale": 5,
        "touchpoint": "parcel",
    }


def made(folder, score, people: int = 200, seed: int = 0):
    """Make customers who wait 1 to 30 days for a parcel; every tenth answers before it is there."""
    draw = Random(seed)
    rows, feedback = [], []
    for number in range(people):
        person, days = f"c{number:03}", 1 + draw.random() * 29
        rows.append({"customer_id": person, "occurred_at": START, "event": "order"})
        there = START + timedelta(days=days)
        if number % 10:
            rows.append({"customer_id": person, "occurred_at": there, "event": "parcel"})
        feedback.append(answer(number, person, there + timedelta(hours=3), score(days, number)))
    return company(folder, TOLD, events=rows, feedback=feedback)


def test_counted_by_hand(tmp_path):
    rows = events("ann 2026-01-01T00:00 order", "ann 2026-01-03T00:00 parcel",
                  "bob 2026-01-01T00:00 order", "bob 2026-01-11T00:00 parcel",
                  "cid 2026-01-01T00:00 order")  # fmt: skip
    feedback = [
        answer(1, "ann", datetime(2026, 1, 4), 5),
        answer(2, "bob", datetime(2026, 1, 12), 2),
        answer(3, "cid", datetime(2026, 1, 12), 1),
    ]
    result = cx.mood_by_wait(company(tmp_path, TOLD, events=rows, feedback=feedback))
    known = result.table.select("wait", "least_days", "most_days", "answers", "mood", "share_bad")
    assert known.rows() == [
        ("second quarter", 2, 2, 1, 100, 0),
        ("slowest quarter", 10, 10, 1, -50, 1),
        ("not there yet", None, None, 1, -100, 1),
    ]
    assert result.finding == (
        "3 answers are known with a wait before: too few to say whether waiting matters."
    )


def test_long_waits_that_spoil_the_mood_are_found(tmp_path):
    ws = made(tmp_path, lambda days, number: (5 if days < 15 else 2) - number % 2)
    result = cx.mood_by_wait(ws)
    table = result.table
    assert table["wait"][-1] == "not there yet"
    assert table["answers"].to_list() == [45, 45, 45, 45, 20]
    assert 50 < table["mood"][0] < 100
    assert -100 < table["mood"][3] < -50
    assert result.finding.startswith("After the longest waits from 'order' to 'parcel' (")
    assert "no sure difference" not in result.finding
    result.chart()
    assert cx.mood_by_wait(ws, stage="parcel", since_stage="order").table.equals(table)


def test_the_waits_are_those_of_the_portable_query(tmp_path):
    ws = made(tmp_path, lambda days, number: 3)
    waits = ws.query(
        "mood_by_wait", moments=["parcel"], since=datetime(1900, 1, 1), as_of=ws.as_of,
        from_touchpoints=["order"], to_touchpoints=["parcel"],
    )  # fmt: skip
    there = waits.drop_nulls("arrived_at")
    days = sorted(
        (arrived - began) / timedelta(days=1)
        for arrived, began in there.select("arrived_at", "began_at").rows()
    )
    table = cx.mood_by_wait(ws).table
    assert table["least_days"][0] == pytest.approx(days[0])
    assert table["most_days"][3] == pytest.approx(days[-1])
    assert table["least_days"][1] == pytest.approx(days[45])
    assert table["answers"][4] == waits.height - there.height


def test_no_effect_is_said_so(tmp_path):
    ws = made(tmp_path, lambda days, number: 1 + number % 5)
    finding = cx.mood_by_wait(ws).finding
    assert ": no sure difference" in finding


def test_what_it_refuses_and_no_answers(tmp_path):
    ws = company(tmp_path, TOLD, events=events("ann 2026-01-01T00:00 order"))
    result = cx.mood_by_wait(ws)
    assert result.finding == (
        "0 answers are known with a wait before: too few to say whether waiting matters."
    )
    result.chart()
    with pytest.raises(BadQuestion, match="'fax' is no stage"):
        cx.mood_by_wait(ws, stage="fax")
    with pytest.raises(BadQuestion, match="has to begin at an earlier stage"):
        cx.mood_by_wait(ws, stage="order")
    assert cx.mood_by_wait(company(tmp_path / "none", TOLD)).n == 0
