"""Ratings of those who gave none, learned from those who did."""

import random

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
         "score": 4, "scale": scale, "comment": text if which == "csat" else None, "record_no": n}
        for n, text in enumerate(texts(GOOD, 0, 3))
        for which, scale in (("csat", 5), ("ces", 7))
    ]  # fmt: skip
    ws = company(tmp_path, feedback=told)
    assert cx.model_card(ws, metric="ces").n == 3
    assert cx.predicted_ratings(ws, metric="ces").n == 0


def test_comments_under_no_score_are_predicted(tmp_path):
    told = rows((5, texts(GOOD, 0, 45)), (1, texts(BAD, 0, 45)))
    for number, (text, metric) in enumerate(
        [(text, None) for text in texts(BAD, 45)] + [(text, "comment") for text in texts(GOOD, 45)]
    ):
        told.append({"feedback_id": f"w{number}", "metric": metric, "comment": text})
    # twice in one record is one comment; beside a score of any metric it has one
    told += [{**told[-1], "feedback_id": "z", "record_no": len(told)}]
    same = {"source_file": "two.csv", "record_no": 1}
    told += [
        {"feedback_id": "c", "metric": "nps", "comment": "não sei", **same},
        {"feedback_id": "d", "metric": "csat", "score": 4, **same},
    ]
    ws = company(tmp_path, feedback=told)
    for metric in (None, "stars"):
        found = cx.predicted_ratings(ws, metric=metric)
        assert found.table["comments"].to_list() == [15, 0, 15, 0]
        assert found.n == 30
    assert cx.predicted_ratings(ws, metric="nps").finding.startswith("Cannot say: no comment has")


def test_where_nothing_is_predicted_what_is_there_is_said(tmp_path):
    loose = [{"feedback_id": f"w{n}", "comment": f"bom {n}"} for n in range(40)]
    found = cx.predicted_ratings(company(tmp_path / "loose", feedback=loose))
    assert found.finding.startswith("Cannot say: no comment has a")
    assert (found.n, found.table["comments"].to_list()) == (40, [0, 0, 0, 40])
    beside = rows((5, texts(GOOD)), metric="csat")
    found = cx.predicted_ratings(company(tmp_path / "csat", feedback=beside), metric="nps")
    assert found.finding == "Nothing to predict: each of 60 comments has a score beside it."


def test_comments_of_one_customer_are_not_so_many(tmp_path):
    learned = rows((5, texts(GOOD, 0, 40)), (1, texts(BAD, 0, 40)))
    silent = rows((None, texts(BAD, 40) + texts(GOOD, 40)))
    silent = [{**row, "feedback_id": f"s{n}"} for n, row in enumerate(silent)]
    ends = ("comments", "share_of_comments", "share_of_comments_low", "share_of_comments_high")
    found = {}
    for people in (40, 4):
        asked = [{**row, "customer_id": f"c{n * people // 40}"} for n, row in enumerate(silent)]
        result = cx.predicted_ratings(company(tmp_path / str(people), feedback=learned + asked))
        found[people] = result.table.select(ends).row(0)
        low, high = (f"{100 * end:.1f}" for end in found[people][2:])
        assert f"Of 40 comments without a score 50.0 % ({low}–{high}) read" in result.finding
    assert found[40] == (20, 0.5, pytest.approx(0.3520, abs=1e-4), pytest.approx(0.6480, abs=1e-4))
    assert found[4][:2] == (20, 0.5)
    assert found[4][2] < 0.2 and found[4][3] > 0.8  # of four people, who are each of one mind


def test_the_finding_says_by_which_scorer(tmp_path):
    every = [f"The {thing} is green" for thing in texts("{} {}")]
    random.Random(3).shuffle(every)
    good = "The staff were lovely and so helpful, great service"
    told = rows((5, every[::2]), (1, every[1::2]), (None, [good] * 30))
    found = cx.predicted_ratings(company(tmp_path, feedback=told))
    assert found.finding == (
        "Of 30 comments without a score 0.0 % (0.0–11.4) read like those beside a low one, by the "
        "general scorer: what 60 rated comments teach is not surely better."
    )
    assert found.caveats[0].startswith("Predicted by the general scorer")


def test_what_no_scorer_can_read_is_not_called_high(tmp_path):
    every = texts("a {} da {} é verde")
    random.Random(3).shuffle(every)
    told = rows((5, every[::2]), (1, every[1::2]), (None, texts(BAD, 0, 40)))
    found = cx.predicted_ratings(company(tmp_path, feedback=told))
    assert found.table["comments"].to_list() == [0, 0, 0, 40]
    assert found.finding == (
        "Cannot say: what 60 rated comments teach is not surely better than the general scorer, "
        "which can read none of 40 comments without a score."
    )
