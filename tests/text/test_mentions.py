"""Mentions: the tone around each, whatever stands between them, and however many there are."""

import polars as pl

from cxkit.text.mentions import MANY, score_mentions
from cxkit.text.scoring import GeneralScorer

SCHEMA = {"text": pl.String, "start": pl.Int64, "end": pl.Int64}
TEXT = "Lovely staff, so kind to all three of us, but the delivery was terribly late"
OTHER = "The desk is wonderful. The box was torn and filthy."


def asked(*rows):
    return score_mentions(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_each_mention_has_the_tone_of_its_place():
    found = asked((TEXT, 7, 12), (TEXT, 50, 58), (OTHER, 4, 8), (OTHER, 27, 30))
    assert found["score"].sign().to_list() == [1, -1, 1, -1]
    assert found["scored"].all()


def test_rows_of_several_comments_may_stand_in_any_order():
    rows = [(TEXT, 7, 12), (OTHER, 4, 8), (TEXT, 50, 58), (OTHER, 27, 30), (TEXT, 7, 12)]
    alone = [asked(row)["score"].item() for row in rows]
    assert asked(*rows)["score"].to_list() == alone


def test_without_a_place_the_whole_comment_is_judged():
    whole = GeneralScorer().score(OTHER).score
    assert abs(asked((OTHER, None, None))["score"].item() - whole) < 1e-9


def test_no_text_and_other_languages_have_no_tone():
    german = "Die Lieferung kam zwei Wochen zu spät und niemand hat sich gemeldet"
    found = asked((None, None, None), (german, 4, 13), (TEXT, 7, 12))
    assert found["score"].is_null().to_list() == [True, True, False]
    assert found["level"].to_list()[:2] == [None, None]


def test_nothing_asked_is_nothing_found():
    assert asked().height == 0


def test_many_mentions_of_one_comment_share_windows_and_keep_their_sides():
    text = "lovely staff here and all around us. " * 300 + "awful late delivery again today. " * 300
    places = [at for at in range(len(text)) if text.startswith(("staff", "delivery"), at)]
    assert len(places) > MANY
    found = asked(*((text, at, at + 5) for at in places))
    assert found["score"][:290].min() > 0 > found["score"][-290:].max()
