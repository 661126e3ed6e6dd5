"""What comments want, on comments of which nobody would dispute it."""

from typing import Any

import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion

ASK = "Do you deliver on Saturdays?"
COMPLAINT = "The parcel arrived broken and nobody called me back."
WISH = "Please add a search box."
PRAISE = "Lovely staff, thank you so much!"
NOTHING = "N/A"
FLAT = "It came in a box of two parts"
FOREIGN = "O produto chegou muito antes do prazo e gostei bastante"


def written(*comments: str | None, **same: Any) -> list[dict[str, Any]]:
    row = {"metric": "nps", "given_at": "2026-03-02T10:00", **same}
    return [
        {"feedback_id": f"f{i:03}", "customer_id": f"c{i:03}", "comment": text, **row}
        for i, text in enumerate(comments)
    ]


def counts(result: cx.Result) -> dict[str, int]:
    return dict(result.table.select("intent", "comments").iter_rows())


def test_each_intent_by_hand(tmp_path):
    rows = written(ASK, COMPLAINT, WISH, PRAISE, NOTHING, FLAT, FOREIGN, PRAISE + " " + WISH, " ")
    found = cx.intents(company(tmp_path, feedback=rows))
    assert counts(found) == {
        "asking": 1,
        "complaining": 1,
        "suggesting": 2,
        "praising": 2,
        "nothing to report": 1,
        "none of these": 1,
        "not judged: other language": 1,
    }
    assert set(found.table["judged"]) == {7}
    assert found.n == 8
    assert found.finding == ("Of 8 comments 7 could be judged: too few to say what customers want.")
    assert found.table["share_of_judged"].to_list()[:2] == [pytest.approx(1 / 7)] * 2
    quotes = dict(found.table.select("intent", "quote").iter_rows())
    assert quotes["suggesting"] == WISH
    assert quotes["complaining"] == COMPLAINT
    assert quotes["none of these"] is None


def test_the_mistakes_on_other_texts_are_told_and_not_corrected_for(tmp_path):
    rows = written(*[COMPLAINT] * 40, *[WISH] * 30, *[PRAISE] * 20, *[ASK] * 10, FOREIGN)
    found = cx.intents(company(tmp_path, feedback=rows))
    assert found.finding == (
        "Of 101 comments 100 could be judged: 40.0 % (30.9–49.8) complain, 30.0 % (21.9–39.6) "
        "suggest a change, 20.0 % (13.3–28.9) praise and 10.0 % (5.5–17.4) ask."
    )
    assert found.table["corrected_share"].drop_nulls().is_empty()
    assert "the shares need not add up to 100 %" in found.caveats[0]
    assert "1 comment in another language was not judged." in found.caveats
    assert (
        "On tweets to makers of electronics and to retailers, which are not yours, the sorter "
        "found 225 of 298 that complain, and 225 of the 256 that it took for such do."
        in found.caveats
    )
    assert "How often it errs about asking and praising was measured on no text." in found.caveats
    assert (
        "No share is corrected for mistakes, since those on your comments are unknown. Code 100 "
        "judged ones, drawn at random by comments_to_code, and ask with coded=." in found.caveats
    )
    title = found.chart().layout.title.text
    assert title == "<b>40% of 100 judged comments complain</b>"


def coding(*intents: str | None) -> pl.DataFrame:
    ids = [f"f{number:03}" for number in range(len(intents))]
    return pl.DataFrame(
        {"feedback_id": ids, "intent": intents}, schema_overrides={"intent": pl.String}
    )


def test_a_hundred_comments_coded_by_hand_correct_the_shares(tmp_path):
    # every fifth complaint is worded so that the sorter misses it, by the analyst's reading
    texts = ([COMPLAINT] * 4 + [FLAT] + [PRAISE] * 5) * 20
    ws = company(tmp_path, feedback=written(*texts))
    coded = coding(*(["complaining"] * 5 + ["praising"] * 5) * 10)
    found = cx.intents(ws, coded=coded)
    rows = {row["intent"]: row for row in found.table.iter_rows(named=True)}
    assert rows["complaining"]["share_of_judged"] == 0.4
    # 40 of 50 found, and 50 of 50 others left out: .4 / .8
    assert rows["complaining"]["corrected_share"] == pytest.approx(0.5)
    assert rows["praising"]["corrected_share"] == rows["praising"]["share_of_judged"] == 0.5
    assert rows["none of these"]["corrected_share"] is None
    assert rows["asking"]["corrected_share"] is None  # nobody asked: nothing tells what is missed
    [told] = [note for note in found.caveats if "that complain" in note]
    assert told.startswith(
        "On the comments that you coded the sorter found 40 of 50 that complain, and 40 of the 40 "
        "that it took for such do: corrected for that, 50.0 % ("
    )
    assert not any(
        "electronics" in note or "No share is corrected" in note for note in found.caveats
    )
    by = cx.intents(ws, coded=coded, by="metric")
    assert by.table["corrected_share"].drop_nulls().is_empty()
    assert any("not corrected by segment" in note for note in by.caveats)


def test_fewer_than_a_hundred_coded_comments_are_too_few(tmp_path):
    ws = company(tmp_path, feedback=written(*[COMPLAINT] * 99, FOREIGN))
    found = cx.intents(ws, coded=coding(*["complaining"] * 99, None))
    assert found.table["corrected_share"].drop_nulls().is_empty()
    assert any(
        "Of 100 coded comments 99 are judged: too few. Code 100 judged ones" in note
        for note in found.caveats
    )
    found = cx.intents(ws, coded=coding(*["complaining"] * 99))
    assert any("99 coded comments are too few. Code 100 judged" in note for note in found.caveats)
    foreign_ids = coding(*["complaining"] * 200).with_columns(
        feedback_id="x" + pl.col("feedback_id")
    )
    found = cx.intents(ws, coded=foreign_ids)
    assert any(
        "None of the 200 coded ids is that of a judged comment. Code 100 judged ones" in note
        for note in found.caveats
    )
    with pytest.raises(BadQuestion, match="lacks intent"):
        cx.intents(ws, coded=pl.DataFrame({"feedback_id": ["f001"]}))
    with pytest.raises(BadQuestion, match="names the intents moaning"):
        cx.intents(ws, coded=coding("moaning"))
    for wrong in ({"feedback_id": ["f001"], "intent": ["asking"]}, "x", 3):
        with pytest.raises(BadQuestion, match="are no polars frame but"):
            cx.intents(ws, coded=wrong)
    with pytest.raises(BadQuestion, match="hold lists as intent"):
        cx.intents(ws, coded=pl.DataFrame({"feedback_id": ["f001"], "intent": [["asking"]]}))


def test_coded_rows_of_no_judged_comment_are_told(tmp_path, monkeypatch):
    ws = company(tmp_path, feedback=written(*[COMPLAINT] * 104, FOREIGN))
    coded = coding(*["complaining"] * 110, *["asking"] * 2).with_columns(
        feedback_id=pl.when(pl.int_range(pl.len()) > 109).then(None).otherwise("feedback_id")
    )
    told = "Left out of the coded comments: 6 ids of no judged comment{}, and 2 rows without an id."
    found = cx.intents(ws, coded=coded)
    assert told.format(" (f104, f105, f106 and 3 more)") in found.caveats
    assert any("On the comments that you coded" in note for note in found.caveats)
    whole = cx.intents(ws, coded=coded.head(104))
    assert not any("Left out of the coded" in note for note in whole.caveats)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert told.format("") in cx.intents(ws, coded=coded).caveats


def test_an_empty_intent_says_that_a_comment_wants_nothing(tmp_path):
    ws = company(tmp_path, feedback=written(*[COMPLAINT, FLAT] * 60))
    told = cx.intents(ws, coded=coding(*["complaining", None] * 60))
    empty = cx.intents(ws, coded=coding(*["complaining", ""] * 60))
    assert told.table.equals(empty.table) and told.caveats == empty.caveats
    assert told.table["corrected_share"][1] == 0.5


def test_mostly_foreign_comments_are_not_judged(tmp_path):
    rows = written(*[FOREIGN] * 40, *[COMPLAINT] * 39)
    found = cx.intents(company(tmp_path, feedback=rows))
    assert found.finding == (
        "Cannot say: 40 of 79 comments are not English, and intents are read in English only."
    )
    assert set(found.table["share_of_judged"]) == {None}
    assert found.chart().layout.title.text == "<b>No comment could be judged</b>"


def test_many_comments_of_one_customer_are_not_many_customers(tmp_path):
    rows = written(*[COMPLAINT] * 50, *[PRAISE] * 50)
    alone = cx.intents(company(tmp_path / "alone", feedback=rows)).table.row(1, named=True)
    for number, row in enumerate(rows):
        row["customer_id"] = f"c{number // 10}"
    few = cx.intents(company(tmp_path / "few", feedback=rows)).table.row(1, named=True)
    assert (few["comments"], few["customers"]) == (50, 5)
    assert few["share_of_judged"] == alone["share_of_judged"] == 0.5
    assert few["share_of_judged_high"] > alone["share_of_judged_high"] + 0.15


def test_the_segment_that_wants_something_else(tmp_path):
    one = written(*[COMPLAINT] * 40, *[PRAISE] * 20, touchpoint="delivery")
    other = written(*[COMPLAINT] * 10, *[PRAISE] * 50, touchpoint="support")
    for number, row in enumerate(other):
        row |= {"feedback_id": f"g{number}", "customer_id": f"d{number}"}
    found = cx.intents(company(tmp_path, feedback=one + other), by="touchpoint")
    assert found.finding.startswith("By touchpoint '")
    assert "stands out: " in found.finding
    assert found.table.filter(intent="complaining")["q_value"].max() < 0.001
    assert found.table["comments"].sum() == 120
    assert "'delivery'" in found.chart().layout.title.text or "'support'" in str(found.chart())


def test_a_report_shows_no_segment_and_no_quote_of_few(tmp_path, monkeypatch):
    monkeypatch.setattr(cx.Workspace, "least", 10)
    one = written(*[COMPLAINT] * 30, *[ASK] * 3, touchpoint="delivery")
    two = written(*[PRAISE] * 40, touchpoint="support")
    few = written(*[WISH] * 4, touchpoint="lobby")
    for letter, rows in (("g", two), ("h", few)):
        for number, row in enumerate(rows):
            row |= {"feedback_id": f"{letter}{number}", "customer_id": f"{letter}{number}"}
    found = cx.intents(company(tmp_path, feedback=one + two + few), by="touchpoint")
    assert "lobby" not in found.table["segment"].to_list()
    quotes = found.table.filter(found.table["quote"].is_not_null())
    assert quotes["customers"].min() >= 10


def test_numbers_in_quotes_are_masked(tmp_path):
    rows = written(*["Please call me at +49 30 1234567."] * 3)
    found = cx.intents(company(tmp_path, feedback=rows))
    assert "1234567" not in "".join(found.table["quote"].drop_nulls())


def test_the_words_before_a_number_tell_what_it_is(tmp_path):
    text = (
        "My mobile number is below.\n5550199 can you call me back when the oak bench is in stock?"
    )
    found = cx.intents(company(tmp_path, feedback=written(*[text] * 40)))
    quotes = dict(found.table.select("intent", "quote").iter_rows())
    assert quotes["asking"] == "[phone] can you call me back when the oak bench is in stock?"


def test_no_comments(tmp_path):
    found = cx.intents(company(tmp_path, feedback=written(None, "")))
    assert found.finding == "There are no comments: nobody has written anything yet."
    assert found.chart().layout.title.text == "<b>No comment could be judged</b>"
    assert found.caveats == ()
