"""Quotes: which, in which order, and without what they must not show."""

import re
from datetime import datetime

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion

ROWS = [
    {
        "feedback_id": number,
        "comment": comment,
        "metric": metric,
        "score": score,
        "touchpoint": touchpoint,
        "given_at": f"2026-03-0{number}T10:00",
    }
    for number, comment, metric, score, touchpoint in (
        ("3", "Terrible, terrible service, I hate it", "nps", 0, "phone"),
        ("1", "Lovely", "nps", 10, "shop"),
        ("2", "Lovely", "csat", 5, "shop"),
        ("4", "Call me on +44 7911 123456, the delivery was late", "csat", 2, "shop"),
        ("5", "It came in a box of two parts", "csat", 3, None),
    )
]


def ids(result: cx.Result) -> list[str]:
    return result.table["feedback_id"].to_list()


def test_the_strongest_come_first_and_ties_by_number(tmp_path):
    words = cx.quotes(company(tmp_path, feedback=ROWS))
    assert ids(words) == ["3", "4", "5", "1", "2"]  # one word tells little and comes last
    assert words.table.row(0) == (
        "Terrible, terrible service, I hate it",
        0.0,
        "nps",
        "phone",
        datetime(2026, 3, 3, 10),
        "very negative",
        "3",
    )
    assert words.table["sentiment"][2] is None
    assert words.finding == "Customers have written 5 comments; all are shown."
    assert words.draw is None


def test_personal_data_are_masked(tmp_path):
    comments = cx.quotes(company(tmp_path, feedback=ROWS)).table["comment"]
    assert "7911" not in " ".join(comments)
    assert "[phone]" in comments[1]


def test_a_reader_chooses(tmp_path):
    ws = company(tmp_path, feedback=ROWS)
    assert ids(cx.quotes(ws, metric="csat")) == ["4", "5", "2"]
    assert ids(cx.quotes(ws, touchpoint="shop", most=2)) == ["4", "1"]
    chosen = cx.quotes(ws, sentiment="very negative", touchpoint="phone")
    assert ids(chosen) == ["3"]
    assert chosen.n == 1
    assert chosen.finding == "1 of 5 comments matches 'very negative' and 'phone'; it is shown."
    none = cx.quotes(ws, sentiment="very negative", touchpoint="shop")
    assert none.table.is_empty()
    assert none.finding == "None of the 5 comments matches 'very negative' and 'shop'."
    assert cx.quotes(ws, most=2).finding == (
        "Customers have written 5 comments; the strongest 2 are shown."
    )
    assert ids(cx.quotes(ws, as_of="2026-03-02")) == ["1", "2"]


def test_mostly_foreign_comments_have_no_level(tmp_path):
    foreign = [
        {"feedback_id": f"p{i}", "comment": f"O produto numero {i} chegou muito antes do prazo"}
        for i in range(6)
    ]
    ws = company(tmp_path, feedback=[*ROWS, *foreign])
    words = cx.quotes(ws)
    assert words.table["sentiment"].null_count() == 10
    assert ids(words) == ["3", "4", "5", *(f"p{i}" for i in range(6)), "1"]
    assert cx.quotes(ws, sentiment="negative").finding.startswith("Cannot say: most comments")


def test_an_empty_store(tmp_path):
    nothing = cx.quotes(company(tmp_path))
    assert nothing.table.is_empty()
    assert nothing.finding == "There are no comments: nobody has written anything yet."
    assert nothing.caveats == ()


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.quotes(company(tmp_path / "a", feedback=ROWS))
    two = cx.quotes(company(tmp_path / "b", feedback=ROWS[::-1]))
    assert one.table.equals(two.table)


def test_values_it_cannot_use(tmp_path):
    ws = company(tmp_path)
    with pytest.raises(BadQuestion, match="No sentiment is called 'angry'"):
        cx.quotes(ws, sentiment="angry")
    with pytest.raises(BadQuestion, match="give a whole number"):
        cx.quotes(ws, most=0)
    ws = company(tmp_path / "some", feedback=ROWS)
    with pytest.raises(BadQuestion, match=r"^metric is 'ces'; give one of: csat, nps\.$"):
        cx.quotes(ws, metric="ces")
    with pytest.raises(BadQuestion, match=r"^touchpoint is 'lobby'; give one of: phone, sho"):
        cx.quotes(ws, touchpoint="lobby")
    for wrong in (3, "", ["nps"]):
        with pytest.raises(BadQuestion, match=f"metric is {re.escape(repr(wrong))}; give one of"):
            cx.quotes(ws, metric=wrong)
        with pytest.raises(BadQuestion, match=f"touchpoint is {re.escape(repr(wrong))}; give"):
            cx.quotes(ws, touchpoint=wrong)


def test_a_comment_stands_beside_all_answers_of_its_record(tmp_path):
    same = {"source_file": "survey.csv", "given_at": "2026-03-01", "touchpoint": "shop"}
    rows = [
        {"feedback_id": "1n", "record_no": 1, "metric": "nps", "score": 2, "comment": "Late again"},
        {"feedback_id": "1c", "record_no": 1, "metric": "ces", "score": 6},
        {"feedback_id": "1d", "record_no": 1, "metric": "ces", "score": 4},
        {"feedback_id": "2n", "record_no": 2, "metric": "nps", "score": 9, "comment": "It is here"},
        {"feedback_id": "2c", "record_no": 2, "metric": "ces", "score": 7, "comment": "Quite easy"},
        {"feedback_id": "3c", "record_no": 3, "metric": "ces", "score": 1, "comment": " "},
    ]
    ws = company(tmp_path, feedback=[{**same, **row} for row in rows])
    found = cx.quotes(ws, metric="ces")
    assert found.table.select("comment", "metric", "score", "feedback_id").rows() == [
        ("Quite easy", "ces", 7, "2c"),
        ("Late again", "ces", 6, "1n"),
    ]
    assert found.finding == "2 of 3 comments match 'ces'; all are shown."
    assert sorted(ids(cx.quotes(ws))) == ["1n", "2c", "2n"]
    assert sorted(ids(cx.quotes(ws, touchpoint="shop"))) == ["1n", "2c", "2n"]
    assert cx.quotes(ws, metric="nps").n == 2


def test_a_report_shows_no_quotes_of_few_people(tmp_path, monkeypatch):
    rows = [
        {
            "feedback_id": f"f{n:02}",
            "customer_id": f"c{n if n < 10 else 10}",
            "touchpoint": "shop" if n < 10 else "lobby",
            "given_at": "2026-03-01",
            "comment": f"Lovely shelf number {n} in oak",
        }
        for n in range(24)
    ]
    ws = company(tmp_path, feedback=rows)
    assert cx.quotes(ws, touchpoint="lobby").n == 14
    monkeypatch.setenv("CXKIT_REPORT", "1")
    hidden = cx.quotes(ws, touchpoint="lobby")
    assert (hidden.table.height, hidden.n, hidden.caveats) == (0, 0, ())
    assert hidden.finding == (
        "Fewer than 10 people have written comments that match 'lobby': a report shows no quotes "
        "of so few."
    )
    assert cx.quotes(ws, touchpoint="shop").n == 10


def test_each_of_two_comments_beside_a_score_is_quoted(tmp_path):
    record = {"source_file": "s.csv", "record_no": 1, "given_at": "2026-03-01"}
    fed = [
        {**record, "feedback_id": "a", "metric": "nps", "score": 1},
        {**record, "feedback_id": "b", "metric": "comment", "comment": "The box was torn open."},
        {
            **record,
            "feedback_id": "c",
            "metric": "comment",
            "comment": "The courier was very rude.",
        },
    ]
    found = cx.quotes(company(tmp_path, feedback=fed), metric="nps")
    assert sorted(found.table["feedback_id"]) == ["b", "c"]
    assert found.table["score"].to_list() == [1, 1]
