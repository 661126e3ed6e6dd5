"""Steps and times by hand; what was given up is censored, not quick."""

from datetime import datetime, timedelta
from random import Random

import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion

JOURNEY = {"journey": {"stages": ["visit", "cart", "paid"]}}
FOUR = events(
    "ann 2026-01-01T10:00 visit web",
    "ann 2026-01-01T10:02 cart web",
    "ann 2026-01-01T10:03 visit web",  # back
    "ann 2026-01-01T10:05 cart web",
    "ann 2026-01-01T10:06 paid web",
    "ann 2026-01-01T10:07 visit web",  # after it was done
    "bob 2026-01-01T10:00 visit web",
    "bob 2026-01-01T10:10 help web",  # gives up after ten minutes
    "cid 2026-01-01T10:00 visit web",
    "cid 2026-01-01T10:00 paid web",  # at once
    "dan 2026-01-01T10:00 paid web",  # never began
)


def test_four_visits_by_hand(tmp_path):
    result = cx.effort(company(tmp_path, settings=JOURNEY, events=FOUR))
    assert result.n == 3
    row = result.table.row(0, named=True)
    assert (row["tasks"], row["done"], row["loops_each"]) == (3, 2, pytest.approx(1 / 3))
    assert result.finding == (
        "2 of 3 visits got from 'visit' to 'paid': too few to say how much effort it takes."
    )
    assert result.caveats[-1] == (
        "How easy it was has not been asked (customer effort score): no data."
    )
    assert result.chart()


def many(seed, *, backwards=False):
    """Everyone needs one to six steps of a minute; each step, a fifth gives up."""
    draw, rows, truth = Random(seed), [], []
    begin = datetime(2026, 1, 1)
    for number in range(1500):
        need = draw.randint(1, 6)
        truth.append(need)
        rows.append(f"p{number:04d} {begin.isoformat()} visit web")
        for step in range(1, need + 1):
            if draw.random() < 0.2:
                break
            when = (begin + timedelta(minutes=step)).isoformat()
            rows.append(f"p{number:04d} {when} {'paid' if step == need else 'look'} web")
    return events(*(reversed(rows) if backwards else rows)), sorted(truth)


def test_censoring_finds_what_all_would_need(tmp_path):
    log, truth = many(1)
    result = cx.effort(company(tmp_path / "a", settings=JOURNEY, events=log))
    steps = result.table.filter(measure="steps").row(0, named=True)
    assert steps["p50"] == truth[750] == 3 or abs(steps["p50"] - truth[750]) <= 1
    assert steps["p90"] == truth[1350]
    assert steps["p50_low"] <= steps["p50"] <= steps["p50_high"]
    days = result.table.filter(measure="days").row(0, named=True)
    assert days["p90"] == pytest.approx(steps["p90"] / 1440)
    shares = result.table.filter(measure="steps")["done_share"].to_list()
    assert shares == sorted(shares)
    assert "if all kept trying, half would need" in result.finding
    log, _ = many(1, backwards=True)
    again = cx.effort(company(tmp_path / "b", settings=JOURNEY, events=log))
    assert again.table.equals(result.table)


def test_effort_that_was_asked(tmp_path):
    feedback = [
        {"customer_id": f"p{n}", "given_at": "2026-01-02", "metric": "ces", "score": 4 + n % 2,
         "scale": 7, "feedback_id": str(n)}
        for n in range(40)
    ]  # fmt: skip
    ws = company(tmp_path, settings=JOURNEY, events=FOUR, feedback=feedback)
    said = cx.effort(ws).caveats[-1]
    assert said.startswith("Asked how easy it was, 50.0 % (35.2–64.8) of 40 gave 5 to 7 of 7")
    assert "has not been asked" in cx.effort(ws, as_of="2026-01-01").caveats[-1]


def test_nobody_and_bad_questions(tmp_path):
    empty = cx.effort(company(tmp_path / "none", settings=JOURNEY))
    assert empty.finding == "No customer passes 'visit': there is no task to follow."
    assert empty.table.is_empty()
    assert empty.chart()
    ws = company(tmp_path / "some", settings=JOURNEY, events=FOUR)
    assert cx.effort(ws, unit="customer").n == 3
    with pytest.raises(BadQuestion, match=r"start is 'x'\. The data have"):
        cx.effort(ws, start="x")
    with pytest.raises(BadQuestion, match="is done as it begins"):
        cx.effort(ws, end="visit")
    with pytest.raises(BadQuestion, match="no unit 'month'"):
        cx.effort(ws, unit="month")
    with pytest.raises(BadQuestion, match="hold no journey"):
        cx.effort(company(tmp_path / "bare", events=FOUR))
