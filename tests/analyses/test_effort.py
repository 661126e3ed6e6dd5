"""Steps and times by hand; what was given up is censored, not quick."""

from datetime import datetime, timedelta
from random import Random

import pytest
from company import company, events, orders

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
    for unit in ("month", "attempt"):
        with pytest.raises(BadQuestion, match=f"no unit '{unit}' of a task"):
            cx.effort(ws, unit=unit)
    for end in ("start", "end"):
        with pytest.raises(BadQuestion, match=rf"{end} is \[\]"):
            cx.effort(ws, **{end: []})
    with pytest.raises(BadQuestion, match="hold no journey"):
        cx.effort(company(tmp_path / "bare", events=FOUR))


def test_what_happens_at_the_moments_of_start_and_end_is_not_on_the_way(tmp_path):
    settings = {"journey": {"stages": ["a", "m", "b"]}}
    log = []
    for number in range(20):
        ann, bob = f"ann{number} 2026-01-01T10:0", f"bob{number} 2026-01-01T10:0"
        log += [f"{ann}0 zz", f"{ann}0 a", f"{ann}5 b", f"{ann}5 zz2"]
        log += [f"{bob}0 a", f"{bob}0 m", f"{bob}5 m", f"{bob}5 b", f"{bob}5 b"]
    ws = company(tmp_path, settings=settings, events=events(*log))
    steps = cx.effort(ws, unit="customer").table.filter(measure="steps").row(0, named=True)
    assert (steps["p50"], steps["p90"]) == (1, 3)  # ann's one, and bob's two between and the end


def shop(count):
    """Orders that the company approves and delivers; every customer then says something."""
    log, bought, told = [], [], []
    for number in range(count):
        who = f"p{number}"
        bought.append(f"{who} 2026-01-01T10:00 5.00")
        for day, event in ((2, "approved"), (6, "delivered")):
            row = {"customer_id": who, "event": event, "case_id": f"o{number + 1}"}
            log.append(row | {"occurred_at": f"2026-01-0{day}T10:00"})
        told.append({"customer_id": who, "given_at": "2026-01-08T10:00", "feedback_id": who})
    return {"events": log, "orders": orders(*bought), "feedback": told}


def test_what_the_company_does_is_no_step(tmp_path):
    stages = ["ordered", "approved", "delivered", "feedback given"]
    ws = company(tmp_path, settings={"journey": {"stages": stages}}, **shop(40))
    steps = cx.effort(ws).table.filter(measure="steps").row(0, named=True)
    assert (steps["p50"], steps["p50_low"], steps["p50_high"]) == (1, 1, 1)
    assert "half would need 1 steps" not in cx.effort(ws).finding
    assert cx.effort(ws, end="delivered").finding == (
        "40 of 40 orders got from 'ordered' to 'delivered'; what lies between is what the company "
        "does, so no steps can be counted; if all go on, half are there after 5.0 days, nine in "
        "ten after 5.0 days."
    )
    assert cx.effort(ws, end="delivered").chart()


def test_few_are_not_said_in_shares(tmp_path):
    ws = company(tmp_path, settings=JOURNEY, events=FOUR)
    title = cx.effort(ws).chart().layout.title.text.replace("<br>", " ")
    assert title == "<b>2 of 3 got there: too few to say with how many steps</b>"
