"""Scores with words beside them of which nobody would dispute how they sound."""

from typing import Any

import pytest
from company import company

import cxkit as cx

GOOD = "The staff were lovely and so helpful, great service"
BAD = "I waited three weeks and nobody called me back. Terrible!"
FLAT = "It came in a box of two parts"
FOREIGN = "O produto chegou muito antes do prazo e gostei bastante"
HIGH, LOW = "high score, negative words", "low score, positive words"


def rated(*answers: tuple[float | None, str | None], **same: Any) -> list[dict[str, Any]]:
    start = {"metric": "stars", "given_at": "2026-03-02T10:00", **same}
    name = start.get("touchpoint", "")
    return [
        {"feedback_id": f"{name}{i:03}", "score": score, "comment": text, **start}
        for i, (score, text) in enumerate(answers)
    ]


def test_six_answers_by_hand(tmp_path):
    rows = rated((5, GOOD), (5, BAD), (4, FLAT), (1, BAD), (2, GOOD), (3, BAD), (5, None), (5, " "))
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    columns = gap.table.select("metric", "segment", "gap", "answers", "base", "gap_share")
    assert columns.rows() == [
        ("stars", "all", HIGH, 1, 2, 0.5),
        ("stars", "all", LOW, 1, 2, 0.5),
    ]
    assert gap.table["example"].to_list() == [BAD, GOOD]
    assert gap.table["feedback_id"].to_list() == ["001", "004"]
    assert gap.n == 6
    assert gap.finding == (
        "Of 6 comments beside a score 4 beside a high or low star score could be judged: too few "
        "to say."
    )
    assert "Not judged: 1 score with a comment without a word of feeling." in gap.caveats


def test_the_finding_says_both_sides_and_hides_numbers_of_people(tmp_path):
    called = BAD.replace("me", "me on 020 7946 0958")
    rows = rated(*[(10, GOOD)] * 36, *[(9, called)] * 4, *[(6, BAD)] * 12, (0, GOOD), metric="nps")
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.finding == (
        "Of 40 comments beside a high NPS score 4 (10.0 %, 4.0–23.1) sound negative; beside a low "
        "one there are 13: too few to say."
    )
    assert gap.table["example"][0] == BAD.replace("me", "me on [phone]")
    title = gap.chart().layout.title.text
    assert title == "<b>4 of 40 comments sound negative beside a high NPS score</b>"


def test_scales_are_never_pooled_and_other_scales_are_left_out(tmp_path):
    rows = rated((5, BAD), (5, GOOD), (5, GOOD)) + rated((7, BAD), metric="ces", touchpoint="c")
    rows += rated((9, BAD), scale=10, touchpoint="d")
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.table.select("metric", "base").rows() == [
        ("stars", 3), ("stars", 0), ("ces", 1), ("ces", 0),
    ]  # fmt: skip
    assert gap.n == 4
    assert "Left out: 1 answer on another scale than the usual one." in gap.caveats


def test_scores_outside_the_scale_are_left_out_and_counted(tmp_path):
    rows = rated((5, GOOD), (85, BAD), (float("nan"), BAD), (0, GOOD), metric="csat")
    rows += rated((11, BAD), (-1, GOOD), (10, GOOD), metric="nps", touchpoint="n")
    gap = cx.rating_text_gap(company(tmp_path / "a", feedback=rows))
    assert gap.table.select("metric", "answers", "base").rows() == [
        ("csat", 0, 1), ("csat", 0, 0), ("nps", 0, 1), ("nps", 0, 0),
    ]  # fmt: skip
    assert gap.n == 2
    assert "Left out: 3 answers to CSAT outside its scale." in gap.caveats
    assert "Left out: 2 answers to NPS outside its scale." in gap.caveats
    gap = cx.rating_text_gap(company(tmp_path / "b", feedback=rated((85, BAD), metric="csat")))
    assert gap.finding == (
        "No score on a usual scale has a comment beside it: there is nothing to compare."
    )
    assert gap.caveats == ("Left out: 1 answer to CSAT outside its scale.",)


def test_what_is_too_few_is_named_and_what_is_not_judged_are_scores(tmp_path):
    rows = rated(*[(1, BAD)] * 36, *[(2, GOOD)] * 4, *[(5, FOREIGN)] * 12)
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.finding == (
        "Beside a high star score there are only 0 comments: too few to say; of 40 comments beside "
        "a low star score 4 (10.0 %, 4.0–23.1) sound positive."
    )
    assert "Not judged: 12 scores with a comment in another language." in gap.caveats


def test_the_comment_may_stand_beside_another_answer_of_the_record(tmp_path):
    same = {"source_file": "survey.csv", "record_no": 7, "given_at": "2026-03-02"}
    rows = [
        {"feedback_id": "a", "metric": "csat", "score": 5, **same},
        {"feedback_id": "b", "metric": "comment", "comment": BAD, **same},
    ]
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.table.select("gap", "answers", "base").row(0) == (HIGH, 1, 1)


def test_the_question_decides_what_nothing_means(tmp_path):
    rows = rated((5, "Nothing"), question="What could we improve?", touchpoint="a")
    rows += rated((5, "Nothing"), question="What did you like?", touchpoint="b")
    rows += rated((5, GOOD), touchpoint="c")
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.table["answers"][0] == 1
    assert gap.table["feedback_id"][0] == "b000"


def test_a_segment_that_differs_is_named(tmp_path):
    rows = rated(*[(5, GOOD)] * 60, *[(5, BAD)] * 3, touchpoint="shop")
    rows += rated(*[(5, GOOD)] * 25, *[(5, BAD)] * 15, touchpoint="phone")
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows), by="touchpoint")
    assert gap.finding == (
        "By touchpoint 'phone' stands out: 37.5 % (24.2–53.0) of 40 comments beside a high star "
        "score sound negative, against 4.8 % (1.6–13.1) of 63."
    )
    assert gap.table["q_value"][0] < 0.05


def test_a_report_folds_small_groups(tmp_path, monkeypatch):
    rows = rated(*[(5, GOOD)] * 20, touchpoint="shop") + rated((5, BAD), touchpoint="phone")
    ws = company(tmp_path, feedback=rows)
    assert set(cx.rating_text_gap(ws, by="touchpoint").table["segment"]) == {"shop", "phone"}
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "phone" not in set(cx.rating_text_gap(ws, by="touchpoint").table["segment"])


@pytest.mark.parametrize("by", [None, "touchpoint", "region"])
def test_no_comments_at_all(tmp_path, by):
    for name, rows in (("empty", []), ("silent", rated((5, None), (1, "")))):
        gap = cx.rating_text_gap(company(tmp_path / name, feedback=rows), by=by)
        assert gap.finding == "No score has a comment beside it: there is nothing to compare."
        assert gap.table.is_empty()
        assert gap.n == 0
        assert gap.chart().layout.title.text


def test_emoji_only_and_all_the_same_score(tmp_path):
    faces = cx.rating_text_gap(company(tmp_path / "a", feedback=rated(*[(5, "📦")] * 40)))
    assert faces.table["base"].to_list() == [0, 0]
    assert faces.finding == (  # a parcel has no feeling, and no language either
        "Of 40 comments beside a score 0 beside a high or low star score could be judged: too few "
        "to say."
    )
    same = cx.rating_text_gap(company(tmp_path / "b", feedback=rated(*[(5, GOOD)] * 40)))
    assert same.finding == (
        "Of 40 comments beside a high star score 0 (0.0 %, 0.0–8.8) sound negative; beside a low "
        "one there are 0: too few to say."
    )


def test_mostly_foreign_words_are_not_judged(tmp_path):
    rows = rated(*[(1, FOREIGN)] * 45, *[(1, GOOD)] * 5)
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows))
    assert gap.finding == (
        "Cannot say: most of the 50 comments beside a score are not English, and the words of no "
        "other language are judged."
    )
    assert gap.table["base"].to_list() == [0, 0]
    assert gap.chart().layout.title.text


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = rated((5, GOOD), (5, BAD), (4, BAD), (1, BAD), (2, GOOD))
    one = cx.rating_text_gap(company(tmp_path / "a", feedback=rows))
    two = cx.rating_text_gap(company(tmp_path / "b", feedback=rows[::-1]))
    assert one.table.equals(two.table)


def test_as_of_leaves_out_later_answers(tmp_path):
    rows = rated((5, BAD)) + rated((5, BAD), given_at="2026-06-01", touchpoint="late")
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows), as_of="2026-04-01")
    assert gap.n == 1


def test_comments_of_one_customer_are_not_so_many(tmp_path, monkeypatch):
    each = [(5, BAD if number < 10 else GOOD) for number in range(40)]
    once = [
        {**row, "customer_id": f"c{i}"} for i, row in enumerate(rated(*each, touchpoint="once"))
    ]
    often = [{**row, "feedback_id": f"{row['feedback_id']}-{n}"} for row in once for n in range(4)]
    few = cx.rating_text_gap(company(tmp_path / "once", feedback=once))
    many = cx.rating_text_gap(company(tmp_path / "often", feedback=often))
    assert many.table.select("answers", "base", "customers").row(0) == (40, 160, 40)
    ends = ("gap_share_low", "gap_share_high")
    narrow, wide = (result.table.select(ends).row(0) for result in (few, many))
    assert wide[0] < narrow[0] and wide[1] > narrow[1]  # 40 people, however much they write
    low, high = (f"{100 * end:.1f}" for end in wide)
    assert f"40 (25.0 %, {low}–{high}) sound negative" in many.finding

    # in a report one customer's hundred comments are no group, and no example is theirs alone
    busy = [
        {**row, "customer_id": "busy", "feedback_id": f"b{i}"}
        for i, row in enumerate(rated(*[(5, BAD)] * 40, touchpoint="busy"))
    ]
    quiet = [{**row, "touchpoint": "quiet"} for row in once if row["comment"] == GOOD]
    quiet = [{**row, "feedback_id": f"q{i}"} for i, row in enumerate(quiet)]
    told = cx.rating_text_gap(
        company(tmp_path / "apart", feedback=[*busy, *quiet]), by="touchpoint"
    )
    assert told.table["segment"].unique(maintain_order=True).to_list() == ["busy", "quiet"]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    ws = company(tmp_path / "report", feedback=[*busy, *quiet])
    report = cx.rating_text_gap(ws, by="touchpoint")
    assert report.table["segment"].unique().to_list() == ["other"]
    assert report.table["example"].to_list() == [None, None]


def test_one_customer_does_not_make_a_segment(tmp_path):
    rows = [
        {**row, "customer_id": "busy", "feedback_id": f"b{i}"}
        for i, row in enumerate(rated(*[(5, BAD)] * 40, touchpoint="a"))
    ]
    rows += [{**row, "customer_id": f"c{i}"} for i, row in enumerate(rated(*[(5, GOOD)] * 40))]
    gap = cx.rating_text_gap(company(tmp_path, feedback=rows), by="touchpoint")
    assert "By touchpoint no segment surely differs." in gap.finding
