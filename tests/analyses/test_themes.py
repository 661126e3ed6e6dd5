"""What comments speak of, counted by hand; with a book and without one."""

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadThemes
from cxkit.text.themes import theme_book

BOOK = theme_book("""
[[themes]]
name = "delivery"
include = ["deliver*", "parcel"]
[[themes]]
name = "price"
include = ["price", "expensive"]
""")
LATE = "The delivery was terribly slow and awful."
DEAR = "Lovely price, but the delivery was horrible."
FLAT = "It came in a box"


def rows(*comments, **same):
    return [
        {"feedback_id": f"f{n:03}", "metric": "nps", "customer_id": f"c{n:03}",
         "given_at": f"2026-03-{n % 28 + 1:02}T10:00", "comment": text, **same}
        for n, text in enumerate(comments)
    ]  # fmt: skip


def test_themes_of_a_book_by_hand(tmp_path):
    ws = company(tmp_path, feedback=rows(*[LATE] * 20, *[DEAR] * 10, *[FLAT] * 10, None, ""))
    cx.keep_themes(ws, BOOK)
    assert cx.kept_themes(ws) == BOOK
    asked = cx.themes(ws)
    assert asked.table.select("theme", "comments", "scored", "negative").rows() == [
        ("delivery", 30, 30, 30),
        ("price", 10, 10, 0),
        ("no theme", 10, 0, 0),
    ]
    assert asked.table["share_of_comments"].to_list() == [0.75, 0.25, 0.25]
    assert asked.table["quote"].to_list()[2] is None
    assert asked.table["feedback_id"][0] in {f"f{n:03}" for n in range(30)}
    assert set(asked.table["found_by"]) == {"theme book"}
    assert asked.n == 40
    assert asked.finding == (
        "Of 40 comments 75.0 % (59.8–85.8) speak of 'delivery', more than of any other theme; "
        "'delivery' sounds worst: 100.0 % (88.6–100.0) of 30 scored comments are negative where "
        "they speak of it."
    )
    assert "10 comments of 40 have no theme." in asked.caveats
    assert "leads: 75% of the comments" in asked.chart().layout.title.text


def test_without_a_book_the_words_alone_propose(tmp_path):
    made = [f"The {a} and the {b} number {n}" for n in range(60)
            for a, b in [[("parcel", "courier"), ("shirt", "fabric")][n % 2]]]  # fmt: skip
    asked = cx.themes(company(tmp_path, feedback=rows(*made)))
    assert asked.table["comments"].to_list() == [30, 30]
    assert set(asked.table["found_by"]) == {"words alone"}
    assert "proposed by the words alone, not named by you" in asked.caveats[0]


def test_a_theme_that_grows(tmp_path):
    comments = [*[FLAT] * 40, *[LATE] * 40]
    fed = rows(*comments)
    for n, row in enumerate(fed):
        row["given_at"] = f"2026-{n // 28 + 1:02}-{n % 28 + 1:02}T10:00"
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    asked = cx.themes(ws)
    assert asked.table.row(0, named=True)["change_in_share"] == pytest.approx(1)
    assert asked.table["q"][0] < 0.001
    assert "In the later half of the comments they speak of 'delivery' more." in asked.caveats


def test_a_report_folds_themes_of_few_people(tmp_path, monkeypatch):
    fed = rows(*[LATE] * 40, *["So expensive"] * 12, *[FLAT] * 20)
    for row in fed[40:52]:
        row["customer_id"] = "one"  # many comments, one person
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).table["theme"].to_list() == ["delivery", "price", "no theme"]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "price" not in cx.themes(ws).table["theme"].to_list()


def test_no_comments_and_hard_ones(tmp_path):
    empty = cx.themes(company(tmp_path / "a", feedback=rows(None, "", " ")))
    assert empty.finding == "There are no comments: nobody has written anything yet."
    assert empty.table.is_empty()
    empty.chart()
    hard = ["🌷", "ok", "x" * 50_000, "<b>hi</b>", "=1+1", "Ótimo und gut"]
    odd = cx.themes(company(tmp_path / "b", feedback=rows(*hard)))
    assert odd.finding == "Cannot say: 6 comments have no themes that can be shown."
    assert odd.table["comments"].to_list() == [6]
    one = cx.themes(company(tmp_path / "c", feedback=rows(LATE)))
    assert one.n == 1


def test_a_damaged_book_is_named(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    (ws.store / "themes.toml").write_text("[[themes]]\nname = 3")
    with pytest.raises(BadThemes, match=r"themes\.toml, line 1: name is 3"):
        cx.themes(ws)


def test_a_report_quotes_no_theme_of_few_people(tmp_path, monkeypatch):
    ws = company(tmp_path, feedback=rows(*[LATE] * 3))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).table["quote"].to_list() == [LATE]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.themes(ws).table["quote"].to_list() == [None]
