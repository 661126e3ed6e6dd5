"""Exports that wait for an answer: shown with a guess, settled once, then loaded."""

import cxkit as cx

LOG = "Date,Stars,Review\n03/04/2026,5,Lovely\n05/06/2026,1,Never came\n"
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


def test_settling_it_in_the_notebook_loads_it_with_the_next_import(tmp_path):
    folder, ws = folder_with(tmp_path, shop=SHOP, reviews=LOG)
    box = cx.settle_mapping(ws)
    said, table, *meanings, dates, keep = box.children
    assert table.value == "feedback"
    assert [m.value for m in meanings] == ["given_at", "score", "comment"]
    dates.value = "day first"
    keep.click()
    assert said.value == "Kept. Import the folder again, and reviews.csv loads with the others."
    cx.import_exports(folder, store=tmp_path / "store")
    again = cx.open(tmp_path / "store")
    given = again.sql(
        "select strftime(given_at, '%Y-%m-%d') as day, score from feedback order by 1"
    )
    assert given.rows() == [("2026-04-03", 5.0), ("2026-06-05", 1.0)]
    assert cx.unknown_exports(again).finding.startswith("No export waits for an answer")
    (only,) = cx.settle_mapping(again).children
    assert only.value.startswith("No export waits")


def test_a_table_that_lacks_what_it_needs_is_refused_in_the_box(tmp_path):
    _, ws = folder_with(tmp_path, shop=SHOP, reviews=LOG)
    said, table, *meanings, _dates, keep = cx.settle_mapping(ws).children
    table.value = "orders"
    assert [m.value for m in meanings] == ["– none –"] * 3
    keep.click()
    assert not said.value.startswith("Kept")
