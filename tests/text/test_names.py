"""What names people or brands is not learned from, and words that look like names are found."""

import polars as pl
import pytest

from cxkit.text.discovery import discover_themes, stems_of
from cxkit.text.learned_tags import learn_tags
from cxkit.text.names import names_in, unnamed
from cxkit.text.own_rating import learn_rating, load_rating, users_of

THINGS = "desk chair lamp shelf table bench stool couch mirror drawer".split()


@pytest.mark.parametrize(
    ("text", "brands", "shown"),
    [
        ("I love Oakli Shoes!", ["Oakli Shoes"], "I love [brand]!"),
        (
            "OAKLI-SHOES, oaklishoes and oakli  shoes'",
            ["Oakli Shoes"],
            "[brand], [brand] and [brand]'",
        ),
        ("Oakli's app is no Oaklinia", ["Oakli"], "[brand] app is no Oaklinia"),
        ("Sao Joao and São João", ["São João"], "[brand] and [brand]"),
        ("an oaklis thing", ["Oakli"], "an oaklis thing"),
        ("Oakli Shoes and Oakli", ["Oakli", "Oakli Shoes"], "[brand] and [brand]"),
        ("C++ (and .*) stay", ["C++ Ltd", ".*", ""], "C++ (and .*) stay"),
        ("ann@shop.test, +44 20 7946 0958, www.x.test", [], "[e-mail], [phone], [URL]"),
        ("Hauptstraße 5, @help_desk, 4111 1111 1111 1111", [], "[address], [handle], [card]"),
        ("order [1234] of [mine]", [], "order [1234] of [mine]"),
        ("", ["Oakli"], ""),
    ],
)
def test_what_is_left_out(text, brands, shown):
    assert unnamed([text], brands) == [shown]


def test_names_are_told_by_their_capitals_inside_of_sentences():
    texts = [
        "so I told Zebulon about the parcel",
        "then we rang Zebulon again about the Parcel",
        "THE PARCEL WAS LATE, ZEBULON",
        "Parcel was late. Late again",
    ] * 5
    assert names_in(texts, ["en"]) == {"zebulon"}
    assert names_in(texts[:2] * 2, ["en"]) == frozenset()  # four uses


def test_german_nouns_are_no_names_and_signatures_are():
    texts = ["Das Paket kam mit dem Auto zu spät. Gruß Wolfgang", "Leider war das Paket nass"] * 5
    assert names_in(texts, ["de"]) == {"wolfgang"}
    assert names_in(["Wolfgang", None, "", "Wolfgang!"] * 5, ["de"]) == frozenset()


def test_names_lose_their_accents():
    assert names_in(["falei com o João de novo"] * 5, ["pt"]) == {"joao"}


@pytest.fixture
def comments():
    good = [f"lovely Oaklinia {thing}, ring 020 7946 0{at}58" for at, thing in enumerate(THINGS)]
    bad = [f"awful Oaklinia {thing}, Bergstraße {at + 1}" for at, thing in enumerate(THINGS)]
    return [text + " " + extra for extra in ("now", "again", "here") for text in good + bad]


def learned_words(comments, brands):
    ratings = ["positive" if "lovely" in text else "negative" for text in comments]
    return learn_rating(comments, ratings, languages=["en"], brands=brands)


def test_no_learner_reads_them(comments, tmp_path):
    assert "oaklinia" in learned_words(comments, []).terms.words
    model = learned_words(comments, ["Oaklinia"])
    hidden = {"oaklinia", "phone", "address", "bergstrasse", "020", "7946"}
    assert hidden.isdisjoint(model.terms.words)
    assert {"[phone]", "[address]", "[brand]"} <= set(model.terms.words)
    assert not any("[" in word for words in model.card.terms.values() for word in words)
    assert not any("oakli" in piece for piece in model.terms.pieces)
    model.save(tmp_path / "model")
    kept = load_rating(tmp_path / "model")
    assert kept.brands == ("Oaklinia",)
    assert kept.predict(comments).equals(model.predict(comments))

    _, spelled = stems_of(comments, languages=["en"], brands=["Oaklinia"])
    assert hidden.isdisjoint(spelled.values())
    assert set(THINGS) <= set(spelled.values())
    assert users_of(["oaklinia"], comments, range(60), ["Oaklinia"]) == {"oaklinia": 0}
    assert users_of(["oaklinia"], comments, range(60)) == {"oaklinia": 60}


def test_proposals_and_tags_do_not_read_them(comments):
    theme = [f"{text} parcel courier" if at % 2 else f"{text} waiter kitchen"
             for at, text in enumerate(comments)]  # fmt: skip
    told = discover_themes(theme, languages=["en"], brands=["Oaklinia"])
    assert told.table.height
    assert "oaklinia" not in told.table["terms"].explode().to_list()


def test_tags_do_not_read_them():
    texts = [f"{one} {thing} {at}" for at in range(10) for thing in THINGS
             for one in ("the parcel and the", "the waiter of Oaklinia and the")]  # fmt: skip
    labels = [["delivery"] if "parcel" in text else ["food"] for text in texts]
    asked = ["Oaklinia", "020 7946 0958", "parcel"]
    chances = []
    for brands in ([], ["Oaklinia"]):
        given = [*texts, *asked], [*labels, None, None, None]
        found = learn_tags(*given, languages=["en"], brands=brands).table
        rows = found.filter(pl.col("row") >= len(texts), theme="food")
        chances.append(rows["probability"].to_list())
    (named, _, _), (hidden, number, parcel) = chances
    assert hidden == pytest.approx(number)
    assert named > 0.7 > hidden + 0.1
    assert parcel < 0.4
