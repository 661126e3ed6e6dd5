"""What each theme goes with in the score, counted by hand: drag and impact are two figures."""

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.text.themes import theme_book

BOOK = theme_book("""
[[themes]]
name = "delivery"
include = ["deliver*", "parcel"]
[[themes]]
name = "price"
include = ["price", "expensive"]
""")
LATE, DEAR, FLAT = "The delivery was slow", "Such a price", "It came in a box"


def rows(*answers, metric="csat", scale=5, who="c"):
    """Write answers as (comment, score)."""
    return [
        {"feedback_id": f"{who}{metric}{n:03}", "metric": metric, "customer_id": f"{who}{n:03}",
         "given_at": "2026-03-01", "comment": text, "score": score, "scale": scale,
         "source_file": f"{who}{metric}", "record_no": n}
        for n, (text, score) in enumerate(answers)
    ]  # fmt: skip


def asked(folder, *tables, book=BOOK, **how):
    ws = company(folder, feedback=[row for table in tables for row in table])
    if book:
        cx.keep_themes(ws, book)
    return cx.theme_impact(ws, **how)


def test_drag_and_impact_by_hand(tmp_path):
    fed = rows(*[(LATE, 2)] * 40, *[(DEAR, 5)] * 40, *[(FLAT, 4)] * 20, *[(None, 5)] * 50)
    found = asked(tmp_path, fed)
    table = found.table
    assert table["theme"].to_list() == ["delivery", "price", "no theme"]
    delivery, price, none = table.to_dicts()
    assert (delivery["mentions"], delivery["people"], delivery["without"]) == (40, 40, 60)
    assert delivery["score_with"] == 2
    assert delivery["score_without"] == pytest.approx((200 + 80) / 60)
    assert delivery["drag"] == pytest.approx(2 - 280 / 60)
    assert delivery["impact"] == pytest.approx(360 / 100 - 280 / 60)
    assert price["drag"] == pytest.approx(5 - 160 / 60)
    assert price["impact"] == pytest.approx(3.6 - 160 / 60)
    assert (none["mentions"], none["drag"], none["impact"]) == (20, None, None)
    assert (table["mentions"] + table["without"]).to_list() == [100] * 3
    assert found.n == 100
    assert delivery["drag_low"] < delivery["drag"] < delivery["drag_high"] < 0
    assert delivery["q_value"] < 1e-6
    assert found.finding == (
        "Where people write of 'delivery' CSAT is 2.67 ("
        f"{-delivery['drag_high']:.2f}–{-delivery['drag_low']:.2f}) lower (40 of 100 answers with "
        "a comment); without those answers the whole would read 1.07 ("
        f"{-delivery['impact_high']:.2f}–{-delivery['impact_low']:.2f}) higher (associated with, "
        "not caused by)."
    )
    assert found.caveats[0] == (
        "100 of 150 answers to CSAT have a comment and give 3.60; the 50 without one give 5.00, "
        "and what they would speak of is not known."
    )
    assert "80 of 100 answers with a comment name a theme, 20 name none." in found.caveats
    assert "weighs most on CSAT" in found.chart().layout.title.text


def test_nps_is_in_points_and_scales_are_never_pooled(tmp_path):
    nps = rows(*[(LATE, 3)] * 40, *[(FLAT, 10)] * 40, metric="nps", scale=10, who="n")
    stars = rows(*[(LATE, 5)] * 35, *[(FLAT, 1)] * 35, metric="stars", who="s")
    odd = rows((LATE, 9), metric="stars", scale=10, who="o")
    found = asked(tmp_path, nps, stars, odd)
    row = found.table.row(0, named=True)
    assert (row["theme"], row["drag"], row["impact"]) == ("delivery", -200, -100)
    assert (row["drag_low"], row["drag_high"]) == (None, None)
    assert found.finding == (
        "Where people write of 'delivery' NPS is 200.0 points lower (40 of 80 answers with a "
        "comment: all 40 count the same, and so do all 40 others; how sure this figure is cannot "
        "be said); without those answers the whole would read 100.0 points ("
        f"{-row['impact_high']:.1f}–{-row['impact_low']:.1f}) higher (associated with, not caused "
        "by)."
    )
    assert found.chart().layout.xaxis.range[0] < -200
    assert any("ask metric='stars'" in caveat for caveat in found.caveats)
    assert "Left out: 1 answer on another scale than the usual one." in found.caveats
    other = asked(tmp_path / "b", nps, stars, odd, metric="stars")
    assert "Where people write of 'delivery' the star rating is 4.00" in other.finding
    assert "higher" in other.finding.split(";")[0]
    with pytest.raises(BadQuestion, match="No metric is called 'joy'"):
        asked(tmp_path / "c", nps, metric="joy")
    with pytest.raises(BadQuestion, match="No metric is called"):
        asked(tmp_path / "d", nps, metric=["nps"])


def test_a_comment_beside_a_score_belongs_to_it(tmp_path):
    """One record holds a score and a comment in rows of their own."""
    fed = rows(*[(None, 1)] * 40, *[(None, 5)] * 40)
    words = rows(*[(LATE, None)] * 40, *[(FLAT, None)] * 40, metric="comment", scale=None)
    for row in words:
        row["source_file"] = fed[0]["source_file"]
    found = asked(tmp_path, fed, words)
    assert found.n == 80
    assert found.table.row(0, named=True)["drag"] == -4


def test_two_comments_beside_a_score_both_belong_to_it(tmp_path):
    """What they speak of together is what the answer speaks of; it is one answer."""
    fed = rows(*[(None, 1)] * 40, *[(None, 5)] * 40)
    one = rows(*[(FLAT, None)] * 80, metric="comment", scale=None, who="c")
    two = rows(*[(LATE, None)] * 40, metric="comment", scale=None, who="d")
    for row in [*one, *two]:
        row["source_file"] = fed[0]["source_file"]
        row["customer_id"] = f"c{row['record_no']:03}"
    found = asked(tmp_path, fed, one, two)
    assert found.n == 80
    assert found.table.select("theme", "mentions", "drag").rows() == [
        ("delivery", 40, -4), ("no theme", 40, None),
    ]  # fmt: skip


def test_ces_of_five_points_is_not_read_as_seven(tmp_path):
    """Without a scale, answers up to 5 are of five points: which end is good is not known."""
    five = rows(*[(LATE, 1)] * 40, *[(FLAT, 5)] * 40, metric="ces", scale=None)
    found = asked(tmp_path / "a", five, metric="ces")
    assert found.n == 0 and found.table.is_empty()
    assert found.finding == "Cannot say: no score on the usual scale has a comment beside it."
    assert "Left out: 80 answers on another scale than the usual one." in found.caveats
    seven = rows((FLAT, 6), metric="ces", scale=None, who="s")
    assert asked(tmp_path / "b", five, seven, metric="ces").n == 81
    odd = rows((FLAT, 99), (FLAT, float("nan")), metric="ces", scale=None, who="o")
    assert asked(tmp_path / "c", five, odd, metric="ces").n == 0


def test_scores_off_the_scale_are_left_out_and_counted(tmp_path):
    odd = rows((LATE, 0), (LATE, 9), (LATE, float("nan")), (LATE, -1), who="o")
    found = asked(tmp_path, rows(*[(LATE, 2)] * 40, *[(FLAT, 4)] * 40), odd)
    assert found.n == 80
    assert found.table["score_with"][0] == 2
    assert "Left out: 4 answers whose score is not on its scale." in found.caveats


def test_one_person_is_no_crowd(tmp_path):
    fed = rows(*[(LATE, 1)] * 40, *[(FLAT, 5)] * 60)
    for row in fed[:40]:
        row["customer_id"] = "one"
    found = asked(tmp_path, fed)
    row = found.table.filter(theme="delivery").row(0, named=True)
    assert (row["mentions"], row["people"], row["drag"]) == (40, 1, None)
    assert found.finding == (
        "Too few to say what goes with CSAT: of 100 answers with a comment no theme is named by 30 "
        "people and left unnamed by 30."
    )
    assert row["share_of_answers_high"] - row["share_of_answers_low"] > 0.8, "one says little"


def test_where_nothing_differs_nothing_is_said(tmp_path):
    found = asked(tmp_path, rows(*[(LATE, 1), (LATE, 5), (FLAT, 1), (FLAT, 5)] * 20))
    assert found.finding == (
        "None of 1 theme surely goes with a lower or higher CSAT (80 answers with a comment)."
    )
    same = asked(tmp_path / "b", rows(*[(LATE, 4), (FLAT, 4)] * 40))
    assert same.finding.startswith("None of 1 theme surely goes")
    same.chart()


def test_hostile_answers(tmp_path):
    none = asked(tmp_path / "a", rows((None, 5), ("", 4), (" ", 3)))
    assert none.finding == "Cannot say: no score has a comment beside it."
    assert none.table.is_empty() and none.n == 0
    none.chart()
    hard = ["🌷", "ok", "x" * 50_000, "<b>hi</b>", "=1+1", "Ótimo und gut"]
    odd = asked(tmp_path / "b", rows(*[(text, 3) for text in hard]), book=None)
    assert odd.finding == (
        "Cannot say what goes with CSAT: in 6 answers with a comment no theme is found."
    )
    odd.chart()
    unscored = asked(tmp_path / "c", rows(*[(LATE, None)] * 40))
    assert unscored.finding == "Cannot say: no score has a comment beside it."
    empty = asked(tmp_path / "d", [])
    assert empty.n == 0
    one = asked(tmp_path / "e", rows((LATE, 2)))
    assert one.finding == (
        "Too few to say what goes with CSAT: of 1 answer with a comment no theme is named by 30 "
        "people and left unnamed by 30."
    )


def test_a_report_folds_themes_of_few_people(tmp_path, monkeypatch):
    fed = rows(*[(LATE, 2)] * 40, *[(DEAR, 5)] * 4, *[(FLAT, 4)] * 40)
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    assert "price" in cx.theme_impact(ws).table["theme"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "price" not in cx.theme_impact(ws).table["theme"].to_list()


def test_a_report_gives_away_no_score_of_a_person(tmp_path, monkeypatch):
    """What one of forty-one says is the whole less what the forty say."""
    both = "Such a price for a delivery"
    fed = rows(*[(both, 9)] * 30, *[(LATE, 9)] * 10, (DEAR, 0), metric="nps", scale=10)
    ws = company(tmp_path / "a", feedback=fed)
    cx.keep_themes(ws, BOOK)
    delivery = cx.theme_impact(ws).table.filter(theme="delivery").row(0, named=True)
    assert (delivery["without"], delivery["score_without"]) == (1, -100)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.theme_impact(ws)
    delivery, price = (
        found.table.filter(theme=name).row(0, named=True) for name in ("delivery", "price")
    )
    told = {name for name, value in delivery.items() if value is not None}
    assert told == {"theme", "metric", "found_by"}
    assert (price["people"], price["without"], price["score_without"]) == (31, 10, 100)
    assert (
        "Left blank: 1 row where fewer than 10 people speak of the theme, or fewer do not, or "
        "which would tell of so few by what other rows say."
    ) in found.caveats
    found.chart()


def test_a_report_of_one_comment_says_no_score(tmp_path, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    one = asked(tmp_path / "a", rows((LATE, 0), metric="nps", scale=10))
    assert one.table.select("mentions", "people", "score_with").rows() == [(None, None, None)]
    beside = asked(tmp_path / "b", rows((LATE, 0), *[(None, 9)] * 20, metric="nps", scale=10))
    assert beside.caveats[0] == "1 of 21 answers to NPS has a comment."
    assert not any("name" in caveat and "none" in caveat for caveat in beside.caveats)


def test_what_is_known_at_a_moment(tmp_path):
    fed = rows(*[(LATE, 2)] * 40, *[(FLAT, 4)] * 40)
    for row in fed[70:]:
        row["given_at"] = "2026-05-01"
    assert asked(tmp_path, fed, as_of="2026-04-01").n == 70


def _sum(row, side):
    count = {"with": "mentions", "without": "without"}[side]
    return row[f"score_{side}"] * row[count]


def test_no_one_can_be_worked_out_from_themes_that_overlap(tmp_path, monkeypatch):
    """Whoever names any theme, less those who name the delivery, is the one who names the price."""
    both = "Such a price for a delivery"
    fed = rows(*[(LATE, 2)] * 30, *[(both, 4)] * 30, *[(FLAT, 5)] * 39, (DEAR, 1))
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    whole = {row["theme"]: row for row in cx.theme_impact(ws).table.to_dicts()}
    attack = _sum(whole["no theme"], "without") - _sum(whole["delivery"], "with")
    assert attack == pytest.approx(1), "in a notebook it is the score of one"
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.theme_impact(ws)
    shown = {row["theme"]: row for row in found.table.to_dicts()}
    assert [shown[name]["mentions"] for name in ("delivery", "price", "no theme")] == [60, 31, None]
    assert not any("name none" in caveat for caveat in found.caveats)
    assert any(caveat.startswith("Left blank: 1 row where") for caveat in found.caveats)


def test_themes_of_which_nobody_few_can_be_worked_out_stay(tmp_path, monkeypatch):
    both = "Such a price for a delivery"
    monkeypatch.setenv("CXKIT_REPORT", "1")
    for few, none in ((3, None), (12, 30)):
        # of both themes and none together, less all, there remain those who name both
        fed = rows(*[(LATE, 2)] * 30, *[(both, 4)] * few, *[(FLAT, 5)] * 30, *[(DEAR, 1)] * 30)
        ws = company(tmp_path / str(few), feedback=fed)
        cx.keep_themes(ws, BOOK)
        table = cx.theme_impact(ws).table.sort("theme")
        assert table["mentions"].to_list() == [30 + few, none, 30 + few]
