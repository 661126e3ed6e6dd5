"""What is learned from rated comments, and when it is used."""

import random

import pytest
from company import company
from rated import BAD, GOOD, rows, texts

import cxkit as cx
from cxkit.errors import BadQuestion


def test_the_card_of_clear_portuguese_comments(tmp_path):
    learned = rows((5, texts(GOOD)), (1, texts(BAD)), (3, texts("a {} da {} é verde", 0, 12)))
    card = cx.model_card(company(tmp_path, feedback=learned))
    last = card.table.row(-1, named=True)
    assert card.n == last["learned_from"] == 132
    assert last["scorer"] == "own ratings"
    assert last["used"]
    assert last["macro_f1_low"] > 0.9 > 1 / 3 > card.table.filter(scorer="general")["macro_f1"][0]
    assert card.table["used"].sum() == 1
    f1, rho = (
        [f"{last[name + end]:.2f}" for end in ("", "_low", "_high")]
        for name in ("macro_f1", "spearman")
    )
    assert card.finding == (
        "Learned from 132 comments of your own with a star score, the predicted rating gets "
        f"{f1[0]} ({f1[1]}–{f1[2]}) for being right about low, middle or high, where a guess gets "
        f"0.33 and no mistake 1.00 (macro-F1), and {rho[0]} ({rho[1]}–{rho[2]}) for putting "
        "comments in the order of their ratings, where chance gets 0 and the very order 1.00 "
        "(Spearman); the general scorer does not read them. What was learned is surely better, so "
        "it is used."
    )
    assert card.caveats[0].startswith("Learned from 60 negative, 12 neutral, 60 positive (132 ")
    assert any(c.startswith("Words that speak for negative: ") and "não" in c for c in card.caveats)
    assert card.chart().layout.title.text == "<b>Learning from 132 rated comments is used</b>"


def test_words_that_say_nothing_of_the_score_are_not_used(tmp_path):
    every = texts("a {} da {} é verde")
    random.Random(3).shuffle(every)
    learned = rows((5, every[::2]), (1, every[1::2]))
    card = cx.model_card(company(tmp_path, feedback=learned))
    assert card.table.filter("used")["scorer"].to_list() == ["general"]
    assert card.finding.endswith("not surely better, so the general scorer stays.")


def test_scores_outside_the_scale_are_left_out_and_counted(tmp_path):
    told = rows(
        (9, texts(GOOD)), (3, texts(BAD)), (85, ["bom"]), (float("nan"), ["mau"]), metric="nps"
    )
    card = cx.model_card(company(tmp_path, feedback=told))
    assert card.n == card.table["learned_from"].max() == 120
    assert "Left out: 2 answers to NPS outside its scale." in card.caveats
    assert card.finding.startswith("Learned from 120 comments of your own with an NPS score, ")


def test_ces_that_ends_at_five_has_no_known_direction(tmp_path):
    told = rows((5, texts(GOOD)), (1, texts(BAD)), metric="ces")
    card = cx.model_card(company(tmp_path / "five", feedback=told))
    assert card.finding == "Cannot say: no comment has a score on the usual scale beside it."
    assert card.caveats == ("Left out: 120 answers on another scale than the usual one.",)
    assert card.n == 0
    seven = [*told, {**told[0], "feedback_id": "x", "score": 7, "comment": None}]
    assert cx.model_card(company(tmp_path / "seven", feedback=seven)).n == 120
    said = [{**row, "scale": 7} for row in told]
    assert cx.model_card(company(tmp_path / "said", feedback=said), metric="ces").n == 120


def test_no_word_of_one_customer_is_shown(tmp_path, monkeypatch):
    def told(people: int) -> list[dict]:
        signed = [f"{text}, Zebulon" for text in texts(BAD, 0, 30)]
        made = rows((5, texts(GOOD)), (1, signed + texts(BAD, 30)))
        for number, row in enumerate(row for row in made if "Zebulon" in row["comment"]):
            row["customer_id"] = f"z{number % people}"
        return made

    ours = company(tmp_path / "one", feedback=told(1))
    card = cx.model_card(ours)
    assert card.table.row(-1, named=True)["used"]
    assert any("speak for negative" in caveat for caveat in card.caveats)
    assert "zebulon" not in str(card.caveats).lower()
    assert "zebulon" not in str(cx.model_card(company(tmp_path / "4", feedback=told(4)))).lower()
    five = company(tmp_path / "5", feedback=told(5))
    assert "zebulon" in str(cx.model_card(five).caveats)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "zebulon" not in str(cx.model_card(five).caveats)
    ten = company(tmp_path / "10", feedback=told(10))
    assert "zebulon" in str(cx.model_card(ten).caveats)


def test_comments_of_nobody_known_do_not_count_for_a_name(tmp_path):
    """Thirty comments without a customer, all signed alike, may be of one person."""
    signed = [f"{text}, Zebulon" for text in texts(BAD, 0, 30)]
    made = rows((5, texts(GOOD)), (1, signed + texts(BAD, 30)))
    card = cx.model_card(company(tmp_path / "nobody", feedback=made))
    assert card.table.row(-1, named=True)["used"]
    assert any("speak for negative: " in caveat for caveat in card.caveats)
    assert "zebulon" not in str(card.caveats).lower()
    small = [{**row, "comment": row["comment"].lower()} for row in made]  # then it is a word
    assert "zebulon" in str(cx.model_card(company(tmp_path / "word", feedback=small)).caveats)


def test_a_report_counts_known_customers_for_every_word(tmp_path, monkeypatch):
    """Nothing tells 'zebulon' from a word: in a report nobody known counts as nobody."""
    monkeypatch.setenv("CXKIT_REPORT", "1")
    for known in (0, 9, 10):
        signed = [f"{text} zebulon" for text in texts(BAD, 0, 30)]
        made = rows((5, texts(GOOD)), (1, signed + texts(BAD, 30)))
        for number, row in enumerate(row for row in made if "zebulon" in row["comment"]):
            row["customer_id"] = f"z{number}" if number < known else None
        told = cx.model_card(company(tmp_path / str(known), feedback=made)).caveats
        words = [caveat for caveat in told if caveat.startswith("Words")]
        assert ("zebulon" in str(words)) == (known == 10)
        assert ("A report shows no words here: no comment says whose it is." in told) == (not known)


def test_the_names_of_the_company_are_not_learned(tmp_path):
    bad = [f"{text}, oaklinia" for text in texts(BAD)]
    made = rows((5, texts(GOOD)), (1, bad))
    assert "oaklinia" in str(cx.model_card(company(tmp_path / "not said", feedback=made)).caveats)
    told = {"company": {"name": "Oakli Ltd", "brands": ["Oaklinia"]}}
    card = cx.model_card(company(tmp_path / "said", told, feedback=made))
    assert any("speak for negative: " in caveat for caveat in card.caveats)
    assert "oakli" not in str(card.caveats).lower()


def test_of_very_many_some_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("cxkit.ratings.LEARNED_AT_MOST", 100)
    ws = company(tmp_path, feedback=rows((5, texts(GOOD)), (1, texts(BAD))))
    card = cx.model_card(ws)
    assert (card.n, card.table["learned_from"].max()) == (120, 100)
    assert card.caveats[0] == "Of 120 rated comments 100 were drawn at random to learn from."
    assert cx.model_card(ws).table.equals(card.table)


def test_scales_are_not_pooled_and_the_metric_can_be_chosen(tmp_path):
    told = rows((5, texts(GOOD)), (1, texts(BAD)))
    told += [
        {**row, "feedback_id": "n" + row["feedback_id"], "metric": "nps"}
        for row in rows((9, texts(GOOD, 0, 20)), (3, texts(BAD, 0, 20)))
    ]
    told += [{**row, "feedback_id": "x", "scale": 10} for row in rows((9, ["outra escala"]))]
    ws = company(tmp_path, feedback=told)
    assert cx.model_card(ws).table["metric"].unique().to_list() == ["stars"]
    assert cx.model_card(ws).n == 120
    assert cx.model_card(ws, metric="nps").n == 40
    with pytest.raises(BadQuestion, match=r"^metric='effort' is not known\. Known are nps, csat"):
        cx.model_card(ws, metric="effort")


def test_the_demo(demo):
    card = cx.model_card(demo)
    assert card.table.filter("used").height == 1
    assert card.table["macro_f1"].is_between(0, 1).all()
    assert card.n == card.table["learned_from"].max()
