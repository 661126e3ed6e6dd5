"""Ratings of those who gave none, learned from those who did."""

import pytest
from company import company
from rated import BAD, GOOD, rows, texts

import cxkit as cx


def test_who_wrote_without_a_score_is_predicted_and_counted(tmp_path):
    told = rows(
        (5, texts(GOOD, 0, 45)),
        (1, texts(BAD, 0, 45)),
        (3, texts("a {} da {} é verde", 0, 12)),
        (None, texts(BAD, 45) + texts(GOOD, 45) + ["não recebi, ligue 020 7946 0958"] * 5),
    )
    found = cx.predicted_ratings(company(tmp_path, feedback=told))
    counts = dict(found.table.select("predicted_rating", "comments").rows())
    assert counts == {"negative": 20, "neutral": 0, "positive": 15, "not predicted": 0}
    assert found.n == 35
    assert found.finding == (
        "Of 35 comments without a score 57.1 % (40.9–72.0) read like those beside a low one, by "
        "what 102 rated comments teach."
    )
    assert "020 7946" not in str(found.table["example"].to_list())
    assert found.chart().layout.title.text == (
        "<b>20 of 35 comments without a score read like low ratings</b>"
    )


def test_every_comment_has_a_score(tmp_path):
    found = cx.predicted_ratings(company(tmp_path, feedback=rows((5, texts(GOOD)))))
    assert found.finding == "Nothing to predict: each of 60 comments has a score beside it."
    assert found.table["comments"].sum() == 0


@pytest.mark.parametrize(
    "told",
    [
        rows((5, ["bom", "mau"]), (None, ["sei lá"])),
        rows((5, texts(GOOD)), (None, ["🙂", "?", "<b>oi</b>", "=1+1"])),
        rows((5, ["mesmo texto"] * 80), (1, ["mesmo texto"] * 80), (None, ["mesmo texto"])),
    ],
)
def test_what_teaches_nothing_is_said(tmp_path, told):
    ws = company(tmp_path, feedback=told)
    for found in (cx.model_card(ws), cx.predicted_ratings(ws)):
        assert found.finding.startswith("Cannot say: from ")
        assert "It takes 30 that differ" in found.finding
        found.chart()
    assert cx.predicted_ratings(ws).table["comments"].sum() == len(
        [row for row in told if row["score"] is None]
    )


def test_nobody_has_written(tmp_path):
    ws = company(tmp_path, feedback=[{"feedback_id": "a", "metric": "nps", "score": 9}])
    assert cx.model_card(ws).finding == "Cannot say: no comment has a score beside it."
    assert cx.predicted_ratings(ws).finding == (
        "There are no comments: nobody has written anything yet."
    )


def test_an_answer_beside_the_comment_counts_as_its_score(tmp_path):
    told = [
        {"feedback_id": f"{n}{which}", "metric": which, "given_at": "2026-03-02T10:00",
         "score": 4, "comment": text if which == "csat" else None, "record_no": n}
        for n, text in enumerate(texts(GOOD, 0, 3))
        for which in ("csat", "ces")
    ]  # fmt: skip
    ws = company(tmp_path, feedback=told)
    assert cx.model_card(ws, metric="ces").n == 3
    assert cx.predicted_ratings(ws, metric="ces").n == 0
