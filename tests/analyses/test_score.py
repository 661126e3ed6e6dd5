"""Scores against answers counted by hand, and response rates against invitations."""

from typing import Any

import polars as pl
import pytest
from company import company

import cxkit as cx


def answers(metric: str, *scores: float, **same: Any) -> list[dict[str, Any]]:
    row = {"metric": metric, "given_at": "2026-03-02T10:00", **same}
    return [{"customer_id": f"{metric}{i}", "score": s, **row} for i, s in enumerate(scores)]


def silent(metric: str, count: int, **same: Any) -> list[dict[str, Any]]:
    row = {"metric": metric, "invited_at": "2026-03-01T10:00", **same}
    return [{"customer_id": f"silent{i}", **row} for i in range(count)]


def test_five_answers_by_hand(tmp_path):
    score = cx.score(company(tmp_path, feedback=answers("nps", 10, 9, 8, 6, 0)))
    row = score.table.row(0, named=True)
    assert (row["metric"], row["scale"], row["segment"], row["answers"]) == ("nps", 10, "all", 5)
    assert row["invited"] == 0
    assert row["response_share"] is None
    assert row["score"] == 0
    # three pseudo-answers: 2.75 of 8 on each side, so +-1.96 * sqrt(.6875 / 8)
    assert row["score_high"] == pytest.approx(57.456, abs=1e-3)
    assert row["score_low"] == pytest.approx(-57.456, abs=1e-3)
    assert row["unit"] == "points"
    assert row["mean"] == 6.6
    assert score.n == 5
    assert score.finding == "NPS has too few answers to say (5)."
    assert score.caveats == (
        "No unanswered invitation to NPS is recorded: how many were asked and kept silent cannot "
        "be said, and they may feel otherwise.",
    )


def test_the_finding_names_each_score_with_its_base(tmp_path):
    rows = [
        *answers("nps", *[10] * 20, *[7] * 10, *[3] * 10, invited_at="2026-03-01T10:00"),
        *silent("nps", 60),
        *answers("csat", *[5] * 15, *[4] * 15, *[2] * 10),
    ]
    score = cx.score(company(tmp_path, feedback=rows))
    # NPS with three pseudo-answers: 20.75 and 10.75 of 43, so 23.3 +- 1.96 * 12.6
    assert score.finding == (
        "NPS is +25.0 points (-1.4 to +47.9) from 40 answers (40.0 % of 100 invited); CSAT is "
        "75.0 % in the top box (59.8 to 85.8) from 40 answers."
    )
    assert score.table["response_share"].to_list() == [0.4, None]
    assert score.table["score"].to_list() == [25, 75]
    assert [figure.x for figure in score.chart().data] == [(25.0,), (75.0,)]


def test_scales_are_never_pooled(tmp_path):
    rows = answers("csat", 5, 4, 1) + answers("csat", 7, 6, scale=7) + answers("ces", 7, 5, 4)
    score = cx.score(company(tmp_path, feedback=rows))
    assert score.table.select("metric", "scale", "answers", "score").rows() == [
        ("csat", 5, 3, pytest.approx(200 / 3)),
        ("csat", 7, 2, None),
        ("ces", 7, 3, pytest.approx(200 / 3)),
    ]
    assert score.table["mean"].to_list() == [pytest.approx(10 / 3), 6.5, pytest.approx(16 / 3)]
    assert (
        "In a row of its own, with a mean and no score: CSAT on a scale up to 7 (2 answers)."
        in score.caveats
    )


def test_what_is_left_out_is_counted(tmp_path):
    rows = answers("nps", 10, 11, -1, 0) + answers("stars", 0, 5, 5.5) + answers("item", 3)
    score = cx.score(company(tmp_path, feedback=rows))
    assert dict(score.table.select("metric", "answers").iter_rows()) == {"nps": 2, "stars": 1}
    assert "Left out: 2 answers to NPS outside its scale." in score.caveats
    assert "Left out: 2 answers to star rating outside its scale." in score.caveats
    assert "Left out: 1 answer to 'item', which is no score of its own." in score.caveats


def test_one_survey_with_two_questions_has_one_response_rate(tmp_path):
    # each record is one invitation; those who kept silent stand under the first question alone,
    # and csat is also asked after deliveries, where it stands alone
    asked = {"invited_at": "2026-03-01T10:00", "touchpoint": "relationship"}
    rows = [
        *[answers("nps", 9, record_no=i, **asked)[0] for i in range(4)],
        *[answers("csat", 4, record_no=i, **asked)[0] for i in range(3)],
        *[row | {"record_no": 10 + i} for i, row in enumerate(silent("nps", 6, **asked))],
        *[row | {"record_no": 20 + i} for i, row in enumerate(silent("csat", 5, touchpoint="d"))],
        answers("csat", 5, record_no=30, invited_at="2026-03-01T10:00", touchpoint="d")[0],
    ]
    table = cx.score(company(tmp_path, feedback=rows)).table
    assert table.select("metric", "answers", "invited", "response_share").rows() == [
        ("nps", 4, 10, 0.4),
        ("csat", 4, 16, 0.25),
    ]
    by = cx.score(company(tmp_path / "by", feedback=rows), by="touchpoint").table
    assert by.select("metric", "segment", "answers", "invited").rows() == [
        ("nps", "relationship", 4, 10),
        ("csat", "relationship", 3, 10),
        ("csat", "d", 1, 6),
    ]


def test_an_export_of_answers_alone_has_no_response_rate(tmp_path):
    rows = answers("stars", *[5] * 40, invited_at="2026-03-01T10:00")
    table = cx.score(company(tmp_path, feedback=rows)).table
    assert table.row(0, named=True)["invited"] == 40
    assert table["response_share"].to_list() == [None]


def test_answers_given_later_are_invitations_still_open(tmp_path):
    rows = answers("nps", 10, 0, invited_at="2026-03-01T10:00")
    rows[1]["given_at"] = "2026-05-01"
    rows += answers("nps", 5, invited_at="2026-06-01", given_at="2026-06-02")
    table = cx.score(company(tmp_path, feedback=rows), as_of="2026-04-01").table
    assert table.select("answers", "invited", "response_share").rows() == [(1, 2, 0.5)]


def test_a_segment_that_differs_is_named(tmp_path):
    rows = answers("csat", *[5] * 45, *[1] * 5, touchpoint="shop")
    rows += answers("csat", *[5] * 20, *[1] * 30, touchpoint="phone")
    rows += answers("csat", *[5] * 8, touchpoint="mail")
    score = cx.score(company(tmp_path, feedback=rows), by="touchpoint")
    assert score.finding == (
        "By touchpoint 'phone' has a lower CSAT than the others: 40.0 % in the top box (27.6 to "
        "53.8) from 50 answers, against 91.4 % from 58."
    )
    assert "Only 8 answers to CSAT in 'mail': too few to say." in score.caveats
    assert "associated with it, not caused by it" in score.caveats[-1]
    assert score.table["q_value"][1] < 0.001
    assert "phone&#x27; stands out" in score.chart().layout.title.text
    alone = cx.score(company(tmp_path / "alone", feedback=rows[:50]), by="touchpoint")
    assert alone.finding == (
        "All 50 answers to CSAT fall in one segment, 'shop': by touchpoint there is nothing to "
        "compare."
    )
    same = [row | {"score": 5 if i % 2 else 1} for i, row in enumerate(rows)]
    quiet = cx.score(company(tmp_path / "same", feedback=same), by="touchpoint")
    assert (
        quiet.finding
        == "By touchpoint no segment's CSAT surely differs from the others' (108 answers)."
    )


def test_small_segments_are_gathered_and_nobody_is_lost(tmp_path):
    rows = [
        row
        for place in range(12)
        for row in answers("nps", *[9] * (place + 1), touchpoint=f"t{place:02}")
    ]
    table = cx.score(company(tmp_path, feedback=rows), by="touchpoint").table
    assert table["segment"].to_list() == [*(f"t{i:02}" for i in range(11, 3, -1)), "other"]
    assert table["answers"].sum() == len(rows)


def test_who_keeps_silent_is_compared(tmp_path):
    known = [{"customer_id": f"nps{i}", "known_since": "2025-03-01T10:00"} for i in range(30)]
    known += [{"customer_id": f"silent{i}", "known_since": "2026-02-01T10:00"} for i in range(30)]
    rows = answers("nps", *[9] * 30, invited_at="2026-03-01T10:00") + silent("nps", 30)
    score = cx.score(company(tmp_path, customers=known, feedback=rows))
    assert score.caveats == (
        "Those who answered NPS had been known longer: 365 days on average when asked, against 28 "
        "of those who kept silent. The score speaks for those known longer.",
    )


def test_an_empty_store_and_silence_alone(tmp_path):
    nothing = cx.score(company(tmp_path / "empty"))
    assert nothing.table.is_empty()
    assert nothing.finding == "No survey has an answer on a usual scale: there is no score to give."
    assert nothing.chart().layout.title.text
    asked = cx.score(company(tmp_path / "asked", feedback=silent("nps", 4)))
    assert asked.finding == (
        "None of the 4 invitations has an answer on a usual scale: there is no score to give."
    )
    assert asked.table["response_share"].to_list() == [0]
    assert asked.chart().layout.title.text
    cx.score(company(tmp_path / "by"), by="region")


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = answers("nps", 10, 9, 6, 7, 0) + answers("ces", 1, 6, 7) + silent("nps", 3)
    one = cx.score(company(tmp_path / "a", feedback=rows))
    two = cx.score(company(tmp_path / "b", feedback=rows[::-1]))
    assert one.table.equals(two.table)
    assert one.finding == two.finding


def test_the_old_effort_score_is_not_read_the_wrong_way_round(tmp_path):
    rows = answers("ces", *[5] * 20, *[1] * 20, scale=5)
    unsaid = cx.score(company(tmp_path / "unsaid", feedback=rows))
    assert unsaid.table.select("scale", "answers", "score", "mean").rows() == [(5, 40, None, 3)]
    assert unsaid.finding == "No survey has an answer on a usual scale: there is no score to give."
    assert unsaid.caveats[0] == (
        "CES on a scale up to 5 (40 answers) has a mean and no score: nothing says whether 5 is "
        'easy or, as in 2010, much effort. Write ces_high = "easy" or "hard" under [surveys] in '
        "cx.toml."
    )
    # without a scale, answers up to 5 are no answers up to 7
    unscaled = [{**row, "scale": None} for row in rows]
    assert cx.score(company(tmp_path / "unscaled", feedback=unscaled)).table.equals(unsaid.table)


def test_the_settings_say_what_a_high_effort_score_means(tmp_path):
    rows = answers("ces", *[5] * 10, *[2] * 30, scale=5)
    easy = company(tmp_path / "easy", {"surveys": {"ces_high": "easy"}}, feedback=rows)
    hard = company(tmp_path / "hard", {"surveys": {"ces_high": "hard"}}, feedback=rows)
    named = ("scale", "score", "mean", "unit")
    assert cx.score(easy).table.select(named).row(0) == (5, 25, 2.75, "% top box (4-5 of 5)")
    assert cx.score(hard).table.select(named).row(0) == (5, 75, 3.25, "% top box (4-5 of 5)")
    assert "is read turned round, 5 as 1." in " ".join(cx.score(hard).caveats)
    # every analysis reads them so
    assert hard.sql("select score from feedback order by score")["score"].to_list()[0] == 1
    unscaled = [{**row, "scale": None} for row in rows] + answers("ces", 7)
    seven = company(tmp_path / "seven", {"surveys": {"ces_high": "hard"}}, feedback=unscaled)
    assert cx.score(seven).table.select("scale", "score").row(0) == (7, pytest.approx(3000 / 41))


def test_seven_points_are_read_as_the_new_effort_score(tmp_path):
    score = cx.score(company(tmp_path, feedback=answers("ces", *[7] * 30, *[2] * 10)))
    assert score.table.select("scale", "score").row(0) == (7, 75)
    assert "CES up to 7 (40 answers) is read as CES 2.0, where 7 is easy" in score.caveats[-1]


def test_answers_of_one_customer_are_not_so_many(tmp_path):
    each = [
        {**row, "customer_id": f"c{i}"}
        for i in range(40)
        for row in answers("nps", *[10 if i % 2 else 3] * 5)
    ]
    once = answers("nps", *[10] * 20, *[3] * 20)
    many = cx.score(company(tmp_path / "many", feedback=each))
    few = cx.score(company(tmp_path / "few", feedback=once))
    assert many.table.select("answers", "customers", "score").row(0) == (200, 40, 0)
    wide, narrow = (r.table["score_high"][0] - r.table["score_low"][0] for r in (many, few))
    assert narrow < wide < 1.06 * narrow  # as if each had answered once, and few tell it
    assert many.caveats[-1].startswith("200 answers to NPS are of 40 customers, and what one of")
    assert few.caveats == many.caveats[:-1]


def test_alike_answers_do_not_make_segments_differ(tmp_path):
    # ten people answer twenty times each about the shop, all alike; the others once about the phone
    rows = [
        {**row, "customer_id": f"c{i}", "touchpoint": "shop"}
        for i in range(10)
        for row in answers("csat", *[5 if i < 8 else 1] * 20)
    ]
    rows += answers("csat", *[5] * 20, *[1] * 20, touchpoint="phone")
    score = cx.score(company(tmp_path, feedback=rows), by="touchpoint")
    assert score.table.select("segment", "answers", "score").rows() == [
        ("shop", 200, 80),
        ("phone", 40, 50),
    ]
    assert score.finding.startswith("By touchpoint no segment's CSAT surely differs")


def test_a_report_counts_customers_not_answers(tmp_path, monkeypatch):
    rows = [{**row, "customer_id": "one"} for row in answers("nps", *[9] * 40, touchpoint="a")]
    rows += answers("nps", *[9] * 30, touchpoint="b") + answers("nps", *[9] * 30, touchpoint="c")
    ws = company(tmp_path, feedback=rows)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.score(ws, by="touchpoint").table["segment"].to_list() == ["b", "other"]


def test_a_report_shows_no_score_of_few(tmp_path, monkeypatch):
    """Each score is guarded by itself: many NPS answers in a region hide no single CES answer."""
    monkeypatch.setenv("CXKIT_REPORT", "1")
    people = [{"customer_id": f"c{n}", "region": "North" if n < 40 else "South"} for n in range(60)]
    given = [
        {"feedback_id": f"f{n}", "customer_id": f"c{n}", "metric": "nps", "score": n % 11,
         "given_at": "2026-03-02T10:00"}
        for n in range(60)
    ]  # fmt: skip
    one = {"customer_id": "c1", "given_at": "2026-03-03T10:00"}
    given += [{**one, "feedback_id": "x", "metric": "ces", "scale": 7, "score": 3}]
    given += [{**one, "feedback_id": "y", "metric": "nps", "scale": 5, "score": 2}]
    ws = company(tmp_path, customers=people, feedback=given)
    for found in (cx.score(ws), cx.score(ws, by="region")):
        few = found.table.filter(pl.col("customers") < 10)
        assert few.height == 2
        assert few.select(pl.selectors.float()).null_count().sum_horizontal().item() == 2 * len(
            few.select(pl.selectors.float()).columns
        )
        assert found.caveats[0].startswith("Fewer than 10 customers answered CES, NPS on one")
        assert "North" not in few["segment"].to_list()
        found.chart()
    assert cx.score(ws).finding.startswith("NPS is ")


@pytest.mark.parametrize("stray", [99, float("nan"), -3])
def test_what_is_off_the_scale_does_not_tell_how_far_it_goes(tmp_path, stray):
    """Five points of CES stay five, whose direction nobody has told, beside one stray answer."""
    given = [
        {"feedback_id": f"f{n}", "customer_id": f"c{n}", "metric": "ces", "score": score,
         "given_at": "2026-03-02T10:00", "comment": "The delivery came late again"}
        for n, score in enumerate([*[1, 2, 3, 4, 5] * 20, stray])
    ]  # fmt: skip
    ws = company(tmp_path, feedback=given)
    row = cx.score(ws).table.row(0, named=True)
    assert (row["scale"], row["score"]) == (5, None)
    assert cx.rating_text_gap(ws).table.is_empty()
    assert cx.model_card(ws, metric="ces").n == 0
