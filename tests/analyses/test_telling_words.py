"""Which words tell the unhappy from the happy: by person, masked, quiet where nothing differs."""

import random

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.intervals import wilson

BAD = "The parcel came broken by the courier"
GOOD = "Lovely colour of the curtains in our kitchen"


def rows(*answers, metric="nps", scale=10):
    return [
        {"feedback_id": f"f{n:04}", "metric": metric, "scale": scale, "customer_id": f"c{n:04}",
         "given_at": "2026-03-01", "comment": text, "score": score}
        for n, (text, score) in enumerate(answers)
    ]  # fmt: skip


def test_words_by_hand(tmp_path):
    fed = rows(*[(BAD, 3)] * 40, *[(GOOD, 9)] * 60, *[(GOOD, 7)] * 5, *[("Fine in May", 2)] * 40)
    found = cx.telling_words(company(tmp_path, feedback=fed))
    assert found.n == 140
    table = found.table
    assert table["side"].unique(maintain_order=True).to_list() == ["low score", "high score"]
    low = {row["word"]: row for row in table.filter(side="low score").to_dicts()}
    assert {"parcel", "courier"} <= set(low)
    parcel = low["parcel"]
    assert (parcel["people"], parcel["base"], parcel["others"], parcel["others_base"]) == (
        40, 80, 0, 60,
    )  # fmt: skip
    assert [parcel[name] for name in ("share", "share_low", "share_high")] == list(wilson(40, 80))
    assert parcel["quote"] == BAD
    assert parcel["feedback_id"] in {f"f{n:04}" for n in range(40)}
    assert set(table.filter(side="high score")["word"]) == {"colour", "curtains", "kitchen"}
    assert table.filter(word="parcel")["q_value"].max() < 0.05
    assert "tells people who give 0–6 NPS most surely: 50.0 % (39.3–60.7) of 80 use it" in (
        found.finding
    )
    assert found.caveats[0] == (
        "5 of 145 comments beside a score stand beside a middling one, on neither side."
    )
    assert found.chart().data


def test_who_repeats_a_word_fifty_times_is_one(tmp_path):
    loud = " ".join(["umbrella"] * 50)
    fed = rows(*[(BAD, 2)] * 40, *[(loud, 2)] * 40, *[(GOOD, 10)] * 60)
    for row in fed[40:80]:
        row["customer_id"] = "one"
    found = cx.telling_words(company(tmp_path, feedback=fed))
    assert "umbrella" not in found.table["word"].to_list()
    assert found.table["base"].to_list()[0] == 41


def test_a_name_counts_where_known_customers_write_it(tmp_path):
    fed = rows(*[(f"{BAD} and I rang Zebulon", 2)] * 40, *[(GOOD, 10)] * 60)
    assert (
        "zebulon" in cx.telling_words(company(tmp_path / "a", feedback=fed)).table["word"].to_list()
    )
    for row in fed[4:]:
        del row["customer_id"]
    nobodys = cx.telling_words(company(tmp_path / "b", feedback=fed)).table
    assert "zebulon" not in nobodys["word"].to_list()
    assert nobodys.filter(word="courier")["people"].to_list() == [40]


def test_brands_are_left_out(tmp_path):
    fed = rows(*[(f"{BAD} of Oakli Shoes, 020 7946 0958", 2)] * 40, *[(GOOD, 10)] * 60)
    told = {"company": {"brands": ["Oakli Shoes"]}}
    words = cx.telling_words(company(tmp_path, told, feedback=fed)).table["word"].to_list()
    assert {"parcel", "courier"} <= set(words)
    assert {"oakli", "shoes", "phone"}.isdisjoint(words)


def test_quotes_are_masked_and_hold_the_word(tmp_path):
    text = "Hello there. The parcel for ann@mail.test was crushed. " + "So it goes on. " * 60
    fed = rows(*[(text, 1)] * 40, *[(GOOD, 10)] * 40)
    found = cx.telling_words(company(tmp_path, feedback=fed))
    quote = found.table.filter(word="parcel")["quote"][0]
    assert quote == "The parcel for [e-mail] was crushed."
    assert not {"ann", "mail", "test"} & set(found.table["word"])


def test_words_of_few_people_stay_out_of_reports(tmp_path, monkeypatch):
    fed = rows(*[(f"{BAD} tulips", 1)] * 9, *[(BAD, 1)] * 21, *[(GOOD, 10)] * 200)
    ws = company(tmp_path, feedback=fed)
    assert "tulips" in cx.telling_words(ws).table["word"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    shown = cx.telling_words(ws).table
    assert "tulips" not in shown["word"].to_list()
    assert shown.height and shown["people"].min() >= ws.least


def test_a_report_counts_known_customers_for_every_word(tmp_path, monkeypatch):
    """Thirty comments with a name that looks like a word may all be of one person."""
    fed = rows(*[(f"{BAD} zebulon", 1)] * 30, *[(BAD, 1)] * 30, *[(GOOD, 10)] * 60)
    for row in fed[9:30]:
        del row["customer_id"]
    ws = company(tmp_path / "a", feedback=fed)
    assert "zebulon" in cx.telling_words(ws).table["word"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    shown = cx.telling_words(ws).table["word"].to_list()
    assert "zebulon" not in shown and "courier" in shown
    assert "Names in quotes are not masked: read before you pass them on." in (
        cx.telling_words(ws).caveats
    )
    for row in fed[30:]:
        del row["customer_id"]
    few = cx.telling_words(company(tmp_path / "b", feedback=fed))
    assert few.table.is_empty() and few.finding.startswith(
        "No word that 10 known customers use surely tells them apart: comments are of 60 people "
    )
    for row in fed[:9]:
        del row["customer_id"]
    none = cx.telling_words(company(tmp_path / "c", feedback=fed))
    assert none.table.is_empty() and none.finding.startswith(
        "A report shows no words here: no comment says whose it is: comments are of 60 people "
    )
    none.chart()


def test_by_segment_each_against_the_others(tmp_path):
    people = [{"customer_id": f"c{n:04}", "region": "north" if n < 50 else "south"}
              for n in range(100)]  # fmt: skip
    fed = rows(*[(BAD, None)] * 50, *[(GOOD, None)] * 50, *[("Nobody knows me", None)] * 3,
               metric="comment", scale=None)  # fmt: skip
    found = cx.telling_words(company(tmp_path, customers=people, feedback=fed), by="region")
    assert set(found.table["side"]) == {"north", "south"}
    assert set(found.table.filter(side="north")["word"]) >= {"parcel", "courier"}
    assert found.n == 100
    assert "Left out: 3 comments of nobody whose region is known." in found.caveats
    assert "of 'north'" in found.finding and "of 'south'" in found.finding


def test_the_metric_with_most_comments_and_wrong_questions(tmp_path):
    fed = rows(*[(BAD, 1)] * 40, *[(GOOD, 5)] * 40, metric="stars", scale=5)
    fed += rows(*[(GOOD, 1)] * 31, *[(BAD, 10)] * 31)
    for n, row in enumerate(fed):
        row["feedback_id"] = row["customer_id"] = f"x{n}"
    ws = company(tmp_path, feedback=fed)
    assert "who give 1–2 stars" in cx.telling_words(ws).finding
    assert "who give 0–6 NPS" in cx.telling_words(ws, metric="nps").finding
    with pytest.raises(BadQuestion, match="No metric is called 'joy'"):
        cx.telling_words(ws, metric="joy")
    with pytest.raises(BadQuestion, match="No metric is called"):
        cx.telling_words(ws, metric=["nps"])
    with pytest.raises(BadQuestion, match="ask for metric or by"):
        cx.telling_words(ws, metric="nps", by="region")
    with pytest.raises(BadQuestion):
        cx.telling_words(ws, by="shoe size")


def test_scores_that_cannot_be_read_are_left_out_and_counted(tmp_path):
    five = rows(*[(BAD, 1)] * 40, *[(GOOD, 5)] * 40, metric="ces", scale=None)
    found = cx.telling_words(company(tmp_path / "a", feedback=five), metric="ces")
    assert found.n == 0 and found.table.is_empty()
    assert "Left out: 80 comments beside a score on another scale than the usual one." in (
        found.caveats
    )
    fed = rows(*[(BAD, 1)] * 40, *[(GOOD, 10)] * 40, (BAD, 11), (BAD, float("nan")), (BAD, -1))
    found = cx.telling_words(company(tmp_path / "b", feedback=fed))
    assert found.n == 80
    assert found.caveats[0].startswith("0 of 80 comments beside a score")
    assert "Left out: 3 comments beside a score off its scale." in found.caveats


def test_where_words_are_by_chance_none_tells(tmp_path):
    words = [
        f"{a}{b}" for a in ("ba", "do", "ki", "mu", "ra") for b in ("lom", "ter", "fin", "sep")
    ]
    found = 0
    for seed in range(20):
        draw = random.Random(seed)
        fed = rows(*[(" ".join(draw.choices(words, k=6)), draw.choice([2, 10]))
                     for _ in range(300)])  # fmt: skip
        asked = cx.telling_words(company(tmp_path / str(seed), feedback=fed))
        found += not asked.finding.startswith("No word surely tells them apart")
    assert found <= 2


def test_hostile_comments(tmp_path):
    none = cx.telling_words(company(tmp_path / "a", feedback=rows((None, 1), ("", 10), (" ", 3))))
    assert none.finding == "Cannot say: no comment stands beside a low or high score."
    assert none.table.is_empty() and none.n == 0
    none.chart()
    same = cx.telling_words(company(tmp_path / "b", feedback=rows(*[(BAD, 1)] * 50)))
    assert same.finding == (
        "Cannot say: all comments are of 50 people who give 0–6 NPS, so there is nobody to "
        "compare with."
    )
    few = cx.telling_words(company(tmp_path / "c", feedback=rows(*[(BAD, 1)] * 50, (GOOD, 10))))
    assert few.finding == (
        "Too few to say which words tell them apart: comments are of 50 people who give 0–6 NPS "
        "and 1 person who gives 9–10 NPS, and it takes 30 on each side."
    )
    hard = ["🌷", "ok", "x" * 50_000, "<b>hi</b>", "=1+1", "12345"]
    odd = [(text, score) for text in hard for score in (1, 10) for _ in range(20)]
    found = cx.telling_words(company(tmp_path / "d", feedback=rows(*odd)))
    assert found.finding.startswith("No word surely tells them apart")
    found.chart()
    one = rows(*[(BAD, 1)] * 50, *[(GOOD, 10)] * 50)
    for row in one:
        row["customer_id"] = "one"
    alone = cx.telling_words(company(tmp_path / "e", feedback=one))
    assert alone.finding.startswith("Too few to say")
