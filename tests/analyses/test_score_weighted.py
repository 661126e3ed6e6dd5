"""Scores weighted by lifecycle, counted by hand, and against what all would have said."""

import pytest
from company import company, orders

import cxkit as cx

SETTINGS = {"lifecycle": {"lapse_days": 60}}


def shop(tmp_path, *, lapsed_answer: int = 10, settings=SETTINGS, **more):
    """Forty loyal customers of whom all answer, forty lapsed of whom some do; one order each."""
    bought = [*(f"now{i} 2026-05-20 10" for i in range(40))]
    bought += [*(f"gone{i} 2025-05-20 10" for i in range(40))]
    asked = {"metric": "nps", "invited_at": "2026-05-25T10:00"}
    answered = {**asked, "given_at": "2026-05-26T10:00"}
    rows = [{"customer_id": f"now{i}", "score": 10, **answered} for i in range(40)]
    rows += [
        {"customer_id": f"gone{i}", "score": 0, **answered}
        if i < lapsed_answer
        else {"customer_id": f"gone{i}", **asked}
        for i in range(40)
    ]
    return company(tmp_path, settings, orders=orders(*bought), feedback=rows, **more)


def test_each_state_counts_as_it_was_invited(tmp_path):
    weighted = cx.score_weighted(shop(tmp_path))
    assert weighted.table.select("state", "invited", "answers", "weight", "score").rows() == [
        ("new", 40, 40, 0.625, 100),
        ("lapsed", 40, 10, 2.5, -100),
        ("all, as answered", 80, 50, None, 60),
        ("all, weighted", 80, 50, None, 0),
    ]
    # the squared weights add up to 78.125: 50² / 78.125 = 32 equal ones, of which 49/50 are counted
    n = 32 * 49 / 50
    half = 100 * 1.959964 * ((n + 1.5) / (n + 3) / (n + 3)) ** 0.5
    assert weighted.table["score_high"][3] == pytest.approx(half, abs=1e-4)
    assert weighted.finding == (
        "NPS is +0.0 points (-32.7 to +32.7) weighted by lifecycle, and +60.0 (+34.9 to +78.3) as "
        "answered by 50 of 80 invited."
    )
    assert weighted.caveats[0].startswith("Weighting makes good for who answers by lifecycle, and")
    assert "theirs may lie outside of both intervals" in weighted.caveats[0]
    assert weighted.caveats[1] == (
        "NPS was answered most often by 'new' (100.0 % of 40) and least by 'lapsed' (25.0 % of 40)."
    )
    assert weighted.n == 50
    assert "NPS is +0.0 weighted by lifecycle" in weighted.chart().layout.title.text


def test_a_state_of_few_answers_is_not_weighted_alone(tmp_path):
    nine = cx.score_weighted(shop(tmp_path, lapsed_answer=9))
    assert nine.table.is_empty()
    assert nine.finding == (
        "No score can be weighted by lifecycle: no two states of the lifecycle have 10 people each "
        "who answered NPS."
    )
    assert nine.chart().layout.title.text


def test_what_cannot_be_weighted_is_said(tmp_path):
    assert cx.score_weighted(company(tmp_path / "empty")).finding == (
        "No score can be weighted by lifecycle: there are no answers on a usual scale."
    )
    alone = [{"customer_id": "a", "metric": "stars", "score": 5, "given_at": "2026-05-25"}]
    assert cx.score_weighted(company(tmp_path / "one", feedback=alone)).finding == (
        "No score can be weighted by lifecycle: no unanswered invitation to star rating is "
        "recorded."
    )
    few = [{**alone[0], "invited_at": "2026-05-24"}, {"metric": "stars", "customer_id": "b"}]
    few[1]["invited_at"] = "2026-05-24"
    assert "star rating has only 1 answer of known customers" in (
        cx.score_weighted(company(tmp_path / "few", feedback=few)).finding
    )


def test_answers_of_nobody_known_are_left_out_aloud(tmp_path):
    ws = shop(tmp_path / "a")
    same = cx.score_weighted(ws)
    rows = ws.sql(
        "select customer_id, metric, invited_at, given_at, score from feedback"
    ).to_dicts()
    bought = ws.sql("select order_id, customer_id, ordered_at, amount from orders").to_dicts()
    rows += [{"metric": "nps", "score": 0, "given_at": "2026-05-26"}] * 5
    more = cx.score_weighted(company(tmp_path / "b", SETTINGS, orders=bought, feedback=rows))
    assert more.table.equals(same.table)
    assert (
        "Left out, weighted or not: 5 answers of nobody known, whose state cannot be told."
        in more.caveats
    )
