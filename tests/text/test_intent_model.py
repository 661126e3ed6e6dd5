import json
import math
import random

import polars as pl
import pytest

from cxkit.errors import BadQuestion
from cxkit.text.intent_model import IntentCheck, comment_features, learn_intent, load_intent

PLACES = "hall lift shop cafe ward desk pool park yard roof bar gate path door lawn".split()
WISHES = [f"the {place} could do with {n} more lamps" for place in PLACES for n in (2, 3)]
TALES = [f"we met {n} friends at the {place}" for place in PLACES for n in (2, 3)]
TEXTS = WISHES + TALES
LABELS = [True] * len(WISHES) + [False] * len(TALES)


@pytest.fixture(scope="module")
def model():
    return learn_intent(TEXTS, LABELS)


def test_what_can_be_told_apart_is_told_apart(model):
    assert model.check == IntentCheck(found=30, missed=0, wrong=0, left=30)
    assert model.check.f1 == 1
    assert model.check.sensitivity == (30, 30)
    assert model.check.specificity == (30, 30)
    table = model.judge(["The barn could do with more lamps", "We met at the barn", None, " "])
    assert table["has"].to_list() == [True, False, None, None]
    assert table["probability"][0] > 0.5 > table["probability"][1]
    assert "more lamps" in model.telling()
    assert not [word for word in model.telling(1000) if word.startswith("|")]


def test_the_rules_stand_beside_it(model):
    assert model.rules is not None
    assert model.rules.found + model.rules.missed == 30
    assert learn_intent(TEXTS, LABELS, name="about lamps").rules is None


def test_precision_recall_and_kappa_by_hand():
    check = IntentCheck(found=20, missed=5, wrong=10, left=15)
    assert check.precision == pytest.approx(2 / 3)
    assert check.recall == pytest.approx(0.8)
    assert check.f1 == pytest.approx(8 / 11)
    assert check.kappa.value == pytest.approx(0.4)  # (.7 - .5) / (1 - .5)


def test_labels_without_pattern_are_not_learned():
    check = learn_intent(TEXTS, [n // 2 % 2 == 0 for n in range(len(TEXTS))]).check
    assert check.kappa.low < 0.3


def test_the_same_comment_twice_does_not_flatter():
    # every text stands twice with a label by lot; a twin in another fold would give it away
    texts = [f"{place} {n}" for place in PLACES for n in "abcd"]
    lot = random.Random(0)
    labels = [lot.random() < 0.5 for _ in texts]
    twins = [text.upper() + "!" for text in texts]
    check = learn_intent(texts + twins, labels + labels).check
    assert check.kappa.value < 0.3


def test_a_kept_model_judges_alike(model, tmp_path):
    path = tmp_path / "lamps.json"
    model.save(path)
    again = load_intent(path)
    assert again == model
    assert again.judge(TEXTS).equals(model.judge(TEXTS))
    assert set(json.loads(path.read_text())) >= {"name", "bias", "words", "check"}


def test_the_probability_knows_how_common_the_intent_was():
    rare = learn_intent(WISHES[:20] + TALES * 4, [True] * 20 + [False] * 120)
    assert rare.odds == pytest.approx(1 / 6)
    unknown = rare.judge(["zzz"])["probability"].item()
    assert unknown < 0.5
    assert math.isfinite(unknown)


def test_rows_without_text_or_label_are_left_out(model):
    more = learn_intent([*TEXTS, None, "", "x"], [*LABELS, True, True, None])
    assert more.check == model.check


@pytest.mark.parametrize("marked", [0, 19, len(TEXTS) - 19])
def test_too_few_marked_comments(marked):
    labels = [n < marked for n in range(len(TEXTS))]
    with pytest.raises(BadQuestion, match="Learning needs 20 comments"):
        learn_intent(TEXTS, labels)


def test_texts_and_labels_go_together():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        learn_intent(["a"], [])


def test_judging_is_the_same_on_any_batch(model):
    whole = model.judge(TEXTS)
    alone = pl.concat([model.judge([text]) for text in TEXTS])
    assert whole.equals(alone)


def test_features_of_any_language():
    counts, found = comment_features("Mais lâmpadas, por favor")
    assert counts["por favor"] == 1
    assert "length" in found


def test_a_word_at_the_start_is_not_the_word_later_on():
    counts, _ = comment_features("Allow guests to pay by card and others will allow it")
    assert counts[">^ allow guests"] == counts[">allow"] == 1
    assert counts["allow"] == 2
    assert ">card" not in counts
