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


HILLTOP = [
    {"customer_id": f"c{n:02}", "region": "Valley" if n < 60 else "Hilltop"} for n in range(61)
]


def by_person(*whose: tuple[str, str, int]) -> list[dict[str, Any]]:
    rows = [{"customer_id": who, "comment": text} for who, text, n in whose for _ in range(n)]
    return [{"feedback_id": f"f{i:03}", "given_at": "2026-03-02", **r} for i, r in enumerate(rows)]


def test_many_comments_of_one_person_are_not_many_people(tmp_path):
    content = [(f"c{n:02}", GOOD, 1) for n in range(60)]
    rows = by_person(*content, ("c60", BAD, 40))
    ws = company(tmp_path / "two", customers=HILLTOP, feedback=rows)
    mood = cx.sentiment(ws, by="region")
    assert mood.finding.startswith(
        "By region no comments sound clearly more negative than the others (40.0 % ("
    )
    assert (
        "The 40 scored comments of 'Hilltop' are of 1 person, and those of one person are alike: "
        "too few to say." in mood.caveats
    )
    row = mood.table.filter(segment="Hilltop", sentiment="very negative").row(0, named=True)
    assert (row["comments"], row["share_of_scored"]) == (40, 1)
    assert row["share_of_scored_low"] == pytest.approx(0.2065, abs=1e-4)  # of one comment
    assert "stands out" not in mood.chart().layout.title.text
    alone = cx.sentiment(company(tmp_path / "one", feedback=by_person(("c60", BAD, 40))))
    assert "; 100.0 % (20.7–100.0) of the scored sound negative" in alone.finding


def test_a_report_counts_the_people_of_a_segment(tmp_path, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    customers = HILLTOP + [{"customer_id": f"d{n:02}", "region": "Coast"} for n in range(20)]
    others = [(f"c{n:02}", GOOD, 1) for n in range(60)] + [(f"d{n:02}", GOOD, 1) for n in range(20)]
    rows = by_person(*others, ("c60", BAD, 26))
    mood = cx.sentiment(company(tmp_path, customers=customers, feedback=rows), by="region")
    assert "Hilltop" not in mood.table["segment"].to_list()
    assert "Hilltop" not in f"{mood.finding} {mood.caveats}"
    assert mood.table["comments"].sum() == 106


def test_one_segment_leaves_nothing_to_compare(tmp_path):
    mood = cx.sentiment(company(tmp_path, feedback=written(*[GOOD] * 40)), by="region")
    assert mood.finding == (
        "All 40 scored comments fall in one segment, 'missing': by region there is nothing to "
        "compare."
    )
