"""The tone of comments whose tone nobody would dispute, and of those that cannot be judged."""

from typing import Any

import pytest
from company import company

import cxkit as cx
from cxkit.text.scoring import LEVELS

GOOD = "The staff were lovely and so helpful, great service"
BAD = "I waited three weeks and nobody called me back. Terrible!"
FLAT = "It came in a box of two parts"
FOREIGN = "O produto chegou muito antes do prazo e gostei bastante"


def written(*comments: str | None, **same: Any) -> list[dict[str, Any]]:
    row = {"metric": "nps", "given_at": "2026-03-02T10:00", **same}
    return [{"feedback_id": f"f{i:03}", "comment": text, **row} for i, text in enumerate(comments)]


def counts(result: cx.Result) -> dict[str, int]:
    return {
        name: count
        for name, count in result.table.select("sentiment", "comments").iter_rows()
        if count
    }


def test_five_comments_by_hand(tmp_path):
    rows = written(GOOD, BAD, FLAT, FOREIGN, GOOD, None, "", " \n\u00a0")
    mood = cx.sentiment(company(tmp_path, feedback=rows))
    assert mood.table["sentiment"].to_list() == [
        *LEVELS,
        "not scored: other language",
        "not scored: no signal",
    ]
    assert mood.table["comments"].to_list() == [1, 0, 0, 0, 2, 1, 1]
    assert mood.table["share_of_comments"].to_list() == [0.2, 0, 0, 0, 0.4, 0.2, 0.2]
    third = pytest.approx(1 / 3)
    assert mood.table["share_of_scored"].to_list() == [
        third, 0, 0, 0, pytest.approx(2 / 3), None, None,
    ]  # fmt: skip
    assert mood.n == 5
    assert mood.finding == ("Of 5 comments 3 could be scored: too few to say how customers sound.")


def test_the_finding_counts_what_was_not_scored(tmp_path):
    rows = written(*[GOOD] * 30, *[BAD] * 20, *[FLAT] * 6, *[FOREIGN] * 4)
    mood = cx.sentiment(company(tmp_path, feedback=rows))
    assert mood.finding == (
        "Of 60 comments 50 (83.3 %, 72.0–90.7) could be scored (not: 4 in another language and 6 "
        "without a word of feeling); 40.0 % (27.6–53.8) of the scored sound negative or very "
        "negative, 60.0 % (46.2–72.4) positive or very positive."
    )
    assert mood.table["comments"].sum() == mood.n == 60
    assert mood.chart().layout.title.text == "<b>40% of 50 scored comments sound negative</b>"


def test_mostly_foreign_comments_get_no_score(tmp_path):
    rows = written(*[FOREIGN] * 45, *[GOOD] * 5)
    mood = cx.sentiment(company(tmp_path, feedback=rows))
    assert mood.finding == (
        "Cannot say: 45 of 50 comments are not English (mostly Portuguese), and this scorer reads "
        "English only."
    )
    assert counts(mood) == {
        "not scored: other language": 45,
        "not scored: too few in English": 5,
    }
    assert mood.table["share_of_scored"].null_count() == mood.table.height
    assert mood.chart().layout.title.text == "<b>No comment could be scored</b>"


def test_a_segment_that_differs_is_named(tmp_path):
    rows = written(*[GOOD] * 40, *[BAD] * 10, touchpoint="shop")
    rows += written(*[GOOD] * 10, *[BAD] * 30, touchpoint="phone")
    rows += written(BAD, touchpoint="mail")
    mood = cx.sentiment(company(tmp_path, feedback=rows), by="touchpoint")
    assert mood.finding == (
        "By touchpoint 'phone' sounds more negative than the others: 75.0 % (59.8–85.8) of 40 "
        "scored comments, against 21.6 % (12.5–34.6) of 51."
    )
    assert "Only 1 comment of 'mail' could be scored: too few to say." in mood.caveats
    assert mood.table["comments"].sum() == 91
    assert len(mood.chart().data) == len(LEVELS)


def test_an_empty_store_and_one_comment(tmp_path):
    nothing = cx.sentiment(company(tmp_path / "empty"))
    assert nothing.finding == "There are no comments: nobody has written anything yet."
    assert nothing.table["comments"].to_list() == [0] * 7
    assert nothing.chart().layout.title.text
    one = cx.sentiment(company(tmp_path / "one", feedback=written(GOOD)), by="region")
    assert one.finding == "Of 1 comment 1 could be scored: too few to say how customers sound."
    assert one.table["segment"].unique().to_list() == ["missing"]


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = written(GOOD, BAD, FLAT, FOREIGN, GOOD)
    one = cx.sentiment(company(tmp_path / "a", feedback=rows))
    two = cx.sentiment(company(tmp_path / "b", feedback=rows[::-1]))
    assert one.table.equals(two.table)


def test_as_of_leaves_out_later_words(tmp_path):
    rows = written(GOOD) + written(BAD, given_at="2026-06-01")
    assert counts(cx.sentiment(company(tmp_path, feedback=rows), as_of="2026-04-01")) == {
        "very positive": 1
    }
