"""A form for reading by hand: who is drawn, what it shows, and that it comes back as it went."""

import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion

COMPLAINT = "The parcel arrived broken and nobody called me back"
PRAISE = "Lovely staff, thank you so much"
FOREIGN = "O produto chegou muito antes do prazo e gostei bastante"


def written(count, foreign=0, name="f{:04}"):
    texts = [f"{(COMPLAINT, PRAISE)[i % 2]}, number {i}." for i in range(count)]
    return [
        {"feedback_id": name.format(i), "customer_id": f"c{i}", "comment": text, "metric": "nps",
         "given_at": "2026-03-02T10:00"}
        for i, text in enumerate([*texts, *[FOREIGN] * foreign])
    ]  # fmt: skip


def coded(form):
    wants = pl.when(pl.col("comment").str.contains("parcel")).then(pl.lit("complaining"))
    return form.with_columns(intent=wants.otherwise(pl.lit("praising")))


def test_a_hundred_judged_comments_are_drawn_and_always_the_same(tmp_path):
    ws = company(tmp_path, feedback=written(300, foreign=50))
    found = cx.comments_to_code(ws)
    assert found.table.columns == ["feedback_id", "intent", "comment", "question"]
    assert found.table.height == found.table["feedback_id"].n_unique() == found.n == 100
    assert found.table["intent"].null_count() == 100
    assert FOREIGN not in found.table["comment"].to_list()
    assert found.finding == (
        "100 comments were drawn by lot, of 350 in all: write into intent what each one wants, and "
        "ask intents(ws, coded=...)."
    )
    assert cx.comments_to_code(ws).table.equals(found.table)
    assert cx.comments_to_code(ws, n=40).table.equals(found.table.head(40))
    other = cx.comments_to_code(ws, seed=1).table
    assert set(other["feedback_id"]) != set(found.table["feedback_id"])
    # each has the same chance: of 300 those of the first half are some 50 of the 100
    first = [
        sum(name < "f0150" for name in cx.comments_to_code(ws, seed=seed).table["feedback_id"])
        for seed in range(20)
    ]
    assert 45 < sum(first) / 20 < 55


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("name", ["f{:04}", "{:05}", "=A{}", "'=A{}"])
def test_drawn_filled_in_and_given_back(tmp_path, kind, name):
    ws = company(tmp_path / "store", feedback=written(140, name=name))
    path = cx.comments_to_code(ws).save(tmp_path / f"form.{kind}")
    form = pl.read_csv(path, infer_schema=False) if kind == "csv" else pl.read_excel(path)
    assert form.height == 100
    found = cx.intents(ws, coded=coded(form))
    rows = {row["intent"]: row for row in found.table.iter_rows(named=True)}
    assert rows["complaining"]["corrected_share"] == pytest.approx(0.5)
    assert any("On the comments that you coded" in note for note in found.caveats)


def test_what_it_shows_is_masked(tmp_path):
    row = {**written(1)[0], "comment": "Why does nobody answer ann@shop.test when I write?"}
    told = cx.comments_to_code(company(tmp_path, feedback=[row])).table["comment"][0]
    assert "ann@shop.test" not in told and told.startswith("Why does nobody answer")


def test_ids_that_a_spreadsheet_loses_or_that_stand_twice_are_told(tmp_path):
    rows = written(110)
    for row, name in zip(rows, ["", "\tf1", "f\x01", "a\nb"], strict=False):
        row["feedback_id"] = name
    rows[5]["feedback_id"] = rows[4]["feedback_id"]
    found = cx.comments_to_code(company(tmp_path / "a", feedback=rows), n=105)
    assert set(found.table["feedback_id"]) == {f"f{i:04}" for i in range(4, 110) if i != 5}
    assert (
        "Left out of the draw: of all comments 4 have an id that a spreadsheet loses, and 1 "
        "repeats the id of another." in found.caveats
    )
    same = company(tmp_path / "b", feedback=written(5, name="d"))
    found = cx.comments_to_code(same, n=3)
    assert found.finding == (
        "Of 5 comments only 1 can be drawn, fewer than the 3 asked for; intents(coded=) takes 100: "
        "4 repeat the id of another."
    )
    empty = company(tmp_path / "c", feedback=[{**written(1)[0], "feedback_id": ""}])
    assert cx.comments_to_code(empty).finding == (
        "None of 1 comment can be drawn: 1 has an id that a spreadsheet loses."
    )


def test_few_comments_and_none(tmp_path, monkeypatch):
    few = company(tmp_path / "a", feedback=written(30, foreign=5))
    found = cx.comments_to_code(few)
    assert found.finding == (
        "Of 35 comments only 30 can be judged, fewer than the 100 asked for; intents(coded=) takes "
        "100."
    )
    assert found.n == 30
    foreign = cx.comments_to_code(company(tmp_path / "b", feedback=written(0, foreign=3)))
    assert foreign.finding == "None of 3 comments can be judged: there is nothing to draw."
    nobody = cx.comments_to_code(company(tmp_path / "c"))
    assert nobody.finding == "There are no comments: nothing can be drawn."
    assert nobody.n == 0 and nobody.caveats == () and nobody.outputs()
    for asked in ({"n": 0}, {"n": "x"}, {"seed": -1}, {"seed": 1.5}):
        with pytest.raises(BadQuestion, match="give a whole number"):
            cx.comments_to_code(few, **asked)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    told = cx.comments_to_code(few)
    assert told.table.is_empty() and "parcel" not in str(told.outputs())
    assert told.finding == (
        "A report holds no form to fill in: ask comments_to_code(ws) in a notebook."
    )
