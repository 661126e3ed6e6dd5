"""Exports that wait for an answer: shown with a guess, settled once, then loaded."""

import cxkit as cx

LOG = "Date,Stars,Review\n03/04/2026,5,Lovely\n05/06/2026,1,Never came\n"
OTHER = "Date,Rating,Review\n07/04/2026,4,Fine\n08/06/2026,2,Late\n"
SHOP = "order_id,customer_id,ordered_at,amount\no1,ann,2026-06-01 10:00,20.00\n"


def folder_with(tmp_path, **files):
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    cx.import_exports(folder, store=tmp_path / "store")
    return folder, cx.open(tmp_path / "store")


def test_a_file_in_doubt_waits_and_shows_its_guess(tmp_path):
    _, ws = folder_with(tmp_path, shop=SHOP, reviews=LOG)
    result = cx.unknown_exports(ws)
    assert result.finding == "1 export with 3 records waits for an answer: reviews.csv."
    meanings = dict(result.table.select("column", "meaning").iter_rows())
    assert meanings == {"Date": "given_at", "Stars": "score", "Review": "comment"}
    assert "Lovely" not in str(result.table.rows())
    assert ws.tables["feedback"] == 0


def form(box):
    """Return the parts of the form that the box shows."""
    _, _, place = box.children
    ask, table, *lines, keep, answer = place.children[0].children
    meanings = [line.children[0].children[0] for line in lines]
    doubts = [line.children[1] for line in lines]
    return ask, table, meanings, doubts, keep, answer


def test_settling_it_in_the_notebook_loads_it_with_the_next_import(tmp_path):
    folder, ws = folder_with(tmp_path, shop=SHOP, reviews=LOG)
    box = cx.settle_mapping(ws)
    assert box.children[1].options == ("reviews.csv",)
    ask, table, meanings, doubts, keep, answer = form(box)
    assert ask.value == "reviews.csv looks like feedback. Is each column what it says below?"
    assert table.value == "feedback"
    assert [m.value for m in meanings] == ["given_at", "score", "comment"]
    # asked in words, and only where the column leaves it open
    assert [doubt.layout.display for doubt in doubts] == [None, "none", "none"]
    question, dates = doubts[0].children
    assert question.value == "In 'Date', does 03/04 mean 3 April or 4 March?"
    keep.click()
    assert answer.value == "Nothing is kept yet. Say first how 'Date' is written."
    meanings[2].value = "score"
    keep.click()
    assert answer.value == "Nothing is kept yet. Two columns are score: leave one of them out."
    meanings[2].value = "comment"
    assert not (tmp_path / "store" / "cx.toml").exists()
    dates.value = "day first"
    keep.click()
    assert answer.value == (
        "Kept in cx.toml: reviews.csv holds feedback; 'Date' is given_at (day first), 'Stars' is "
        "score, 'Review' is comment. Import the folder again, and it loads with the others."
    )
    cx.import_exports(folder, store=tmp_path / "store")
    again = cx.open(tmp_path / "store")
    given = again.sql(
        "select strftime(given_at, '%Y-%m-%d') as day, score from feedback order by 1"
    )
    assert given.rows() == [("2026-04-03", 5.0), ("2026-06-05", 1.0)]
    assert cx.unknown_exports(again).finding.startswith("No export waits for an answer")
    (only,) = cx.settle_mapping(again).children
    assert only.value.startswith("No export waits")


def test_a_proven_date_order_is_not_asked_and_leaving_a_column_out_ends_the_question(tmp_path):
    _, ws = folder_with(tmp_path, shop=SHOP, proven=LOG.replace("05/06", "25/06"), open=LOG)
    box = cx.settle_mapping(ws)
    box.children[1].value = "proven.csv"
    doubts = form(box)[3]
    assert [doubt.layout.display for doubt in doubts] == ["none"] * 3
    box.children[1].value = "open.csv"
    _, _, meanings, doubts, _, _ = form(box)
    assert doubts[0].layout.display is None
    meanings[0].value = ""
    assert doubts[0].layout.display == "none"


def test_several_waiting_files_are_settled_one_after_the_other(tmp_path):
    folder, ws = folder_with(tmp_path, shop=SHOP, a=LOG, b=OTHER)
    box = cx.settle_mapping(ws)
    assert box.children[1].options == ("a.csv", "b.csv")
    for file in box.children[1].options:
        box.children[1].value = file
        ask, _, _, doubts, keep, answer = form(box)
        assert ask.value.startswith(f"{file} looks like feedback.")
        doubts[0].children[1].value = "month first"
        keep.click()
        assert answer.value.startswith(f"Kept in cx.toml: {file} holds feedback;")
    box.children[1].value = "a.csv"
    assert form(box)[-1].value.startswith("Kept in cx.toml: a.csv")  # what was said is still there
    cx.import_exports(folder, store=tmp_path / "store")
    assert cx.open(tmp_path / "store").tables["feedback"] == 4


def test_a_table_that_lacks_what_it_needs_is_refused_in_the_box(tmp_path):
    _, ws = folder_with(tmp_path, shop=SHOP, reviews=LOG)
    _, table, meanings, doubts, keep, answer = form(cx.settle_mapping(ws))
    table.value = "orders"
    assert [m.value for m in meanings] == [""] * 3
    assert [doubt.layout.display for doubt in doubts] == ["none"] * 3
    keep.click()
    assert answer.value.startswith("Nothing is kept. ")
    assert not (tmp_path / "store" / "cx.toml").exists()
