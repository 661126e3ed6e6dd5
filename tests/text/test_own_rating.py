"""Made-up sentences whose words tell the rating: what is learned is known beforehand."""

import random
from datetime import date

import numpy as np
import polars as pl
import pytest

from cxkit.errors import BadFile, BadQuestion
from cxkit.text.own_rating import CLASSES, RatingModel, learn_rating, load_rating
from cxkit.text.scoring import score_comments

WORDS = {
    "negative": ["atrasado", "quebrado", "horrível", "nunca chegou", "péssimo"],
    "neutral": ["razoável", "normal", "mais ou menos", "regular", "nada demais"],
    "positive": ["ótimo", "rápido", "perfeito", "adorei", "excelente"],
}
THINGS = ["pedido", "produto", "pacote", "sapato", "livro", "telefone", "casaco", "relógio"]
STARS = {"negative": 1, "neutral": 3, "positive": 5}


def reviews(n: int, seed: int = 0, wrong: float = 0.0) -> tuple[list[str], list[str]]:
    """Comments in Portuguese with their class; `wrong` is the share with a class by chance."""
    dice = random.Random(seed)
    texts, classes = [], []
    for number in range(n):
        side = dice.choice(CLASSES)
        word = dice.choice(WORDS[side])
        first, second = dice.sample(THINGS, 2)
        texts.append(f"o {first} da loja com o {second} estava {word}, compra {number}")
        classes.append(dice.choice(CLASSES) if dice.random() < wrong else side)
    return texts, classes


@pytest.fixture(scope="module")
def model() -> RatingModel:
    texts, classes = reviews(300, wrong=0.1)
    return learn_rating(texts, classes, languages=["pt"], learned_on=date(2026, 3, 2))


def test_the_words_that_tell_the_rating_are_learned_in_another_language(model):
    assert model.card.chosen == "own ratings"
    told, classes = reviews(200, seed=1)
    found = model.predict(told)
    assert (found["predicted_rating"].cast(pl.String) == pl.Series(classes)).mean() > 0.95
    places = pl.Series([CLASSES.index(side) for side in classes])
    assert np.corrcoef(found["score"], places)[0, 1] > 0.9
    chances = found.select(f"p_{side}" for side in CLASSES)
    assert chances.sum_horizontal().to_list() == pytest.approx([1.0] * 200)
    assert found["reason"].null_count() == 200


def test_empty_texts_get_no_rating_and_rows_keep_their_order(model):
    found = model.predict(["péssimo pedido", None, "pedido perfeito", " \n", "péssimo pedido"])
    assert found["reason"].to_list() == [None, "empty", None, "empty", None]
    assert found["predicted_rating"].to_list() == [
        "negative", None, "positive", None, "negative",
    ]  # fmt: skip
    assert found["p_neutral"][1] is None
    assert found.row(0) == found.row(4)
    assert model.predict([]).height == 0
    assert model.predict([None]).height == 1


def test_the_card_says_what_was_measured_and_when(model):
    card = model.card
    assert card.rated == card.distinct == 300
    assert sum(card.per_class.values()) == 300
    assert card.languages == {"pt": 1.0}
    assert card.learned_on == "2026-03-02"
    assert card.macro_f1[1] < card.macro_f1[0] < card.macro_f1[2]
    assert card.macro_f1[0] > 0.8 > card.general_macro_f1
    assert card.general_spearman == 0
    assert 0 <= card.calibration_error < 0.1
    assert [point[0] for point in card.curve] == [50, 100, 240]
    assert "perfeito" in card.terms["positive"]
    assert "quebrado" in card.terms["negative"]
    text = str(card)
    assert "What was learned is used" in text
    assert "Learned on        2026-03-02" in text
    assert "pt 100%" in text


def test_ratings_that_have_nothing_to_do_with_the_words_leave_the_general_scorer():
    texts, classes = reviews(60)
    random.Random(5).shuffle(classes)
    model = learn_rating(texts, classes, languages=["pt"])
    assert model.card.chosen == "general"
    assert "The general scorer stays" in str(model.card)
    found = model.predict(["o pedido estava ótimo", ""])
    assert found["reason"].to_list() == ["language", "empty"]
    assert found["predicted_rating"].null_count() == 2


def test_where_the_general_scorer_stays_its_answer_is_given():
    good = ["lovely", "great", "excellent", "wonderful"]
    bad = ["terrible", "awful", "horrible", "poor"]
    texts = [f"{word} {thing}" for word in good + bad for thing in THINGS]
    classes = ["positive"] * 32 + ["negative"] * 32
    model = learn_rating(texts, classes, languages=["en"])
    assert model.card.general_macro_f1 == 1
    assert model.card.chosen == "general"
    found = model.predict(["lovely staff", "it is blue"])
    assert found["predicted_rating"].to_list() == ["positive", None]
    assert found["reason"].to_list() == [None, "no signal"]
    assert found["p_positive"].null_count() == 2
    assert (
        found["score"].to_list()
        == score_comments(["lovely staff", "it is blue"], languages=["en"])["score"].to_list()
    )


def test_copies_of_a_text_never_judge_themselves():
    """Ratings by chance, each text three times: only a leak could predict them."""
    texts, classes = reviews(80, wrong=1.0)
    copies = [*texts, *(text.upper() for text in texts), *(f"{text}!!" for text in texts)]
    card = learn_rating(copies, classes * 3, languages=["pt"]).card
    assert card.rated == 240
    assert card.distinct == 80
    assert card.macro_f1[0] < 0.5
    assert card.chosen == "general"


def test_the_same_comments_give_the_same_model():
    texts, classes = reviews(60, wrong=0.1)
    one, two = (learn_rating(texts, classes, languages=["pt"]) for _ in range(2))
    assert one.card == two.card
    assert np.array_equal(one.weights, two.weights)
    assert one.terms.words == two.terms.words


def test_scales_are_read_by_their_metric():
    texts, classes = reviews(90)
    stars = learn_rating(texts, [STARS[side] for side in classes], metric="stars")
    nps = learn_rating(texts, [{1: 6, 3: 7, 5: 9}[STARS[side]] for side in classes], metric="nps")
    named = learn_rating(texts, classes)
    assert stars.card.per_class == nps.card.per_class == named.card.per_class
    off = [STARS[side] for side in classes]
    off[:10] = [0, 6, None, float("nan"), 0, 6, 6, 0, 0, 0]
    assert learn_rating(texts, off, metric="stars").card.rated == 80


def test_the_question_is_learned_from():
    """The same answers, good after one question and bad after another."""
    texts = [f"the {thing} number {at}" for at in range(10) for thing in THINGS]
    asked = ["What was good?", "What was broken?"] * 40
    classes = ["positive", "negative"] * 40
    model = learn_rating(texts, classes, questions=asked, languages=["en"])
    assert model.card.macro_f1[0] == 1
    found = model.predict(["the hat", "the hat"], ["What was good?", "What was broken?"])
    assert found["predicted_rating"].to_list() == ["positive", "negative"]


def test_what_names_people_is_not_learned():
    texts, classes = reviews(60)
    texts = [f"{text} @ana_souza ana@loja.test https://loja.test/x" for text in texts]
    model = learn_rating(texts, classes, languages=["pt"])
    assert not {"ana_souza", "ana", "souza", "test", "https"} & set(model.terms.words)


def test_too_few_comments_or_one_rating_alone_are_refused():
    texts, classes = reviews(29)
    with pytest.raises(BadQuestion, match=r"needs 30 different comments.*there are 29"):
        learn_rating(texts, classes)
    with pytest.raises(BadQuestion, match="there are 1"):
        learn_rating(["bom"] * 100, [1, 5] * 50, metric="stars")
    texts, classes = reviews(50)
    with pytest.raises(BadQuestion, match="Nearly all 50 comments have the same rating"):
        learn_rating(texts, [5] * 46 + [1] * 4, metric="stars")
    with pytest.raises(BadQuestion, match="No metric is called 'thumbs'"):
        learn_rating(texts, classes, metric="thumbs")
    with pytest.raises(BadQuestion, match="50 comments and 49 ratings"):
        learn_rating(texts, classes[1:])
    with pytest.raises(BadQuestion, match="50 comments and 2 questions"):
        learn_rating(texts, classes, questions=["Why?", "How?"])


@pytest.mark.parametrize(
    "strange", ["🙂" * 600, "a" * 50_000, "<b>=1+1</b>" * 500, "'" * 9_000, "好" * 5_000, "\u0000"]
)
def test_strange_texts_are_judged_too(model, strange):
    found = model.predict([strange])
    assert found["predicted_rating"][0] in CLASSES
    assert -1 <= found["score"][0] <= 1


def test_two_classes_are_enough():
    texts, classes = reviews(120)
    kept = [at for at, side in enumerate(classes) if side != "neutral"]
    model = learn_rating([texts[at] for at in kept], [classes[at] for at in kept])
    assert model.card.per_class["neutral"] == 0
    found = model.predict(texts)
    assert set(found["predicted_rating"]) == {"negative", "positive"}
    assert found["p_neutral"].max() < 0.05


def test_as_a_scorer_it_is_called_by_its_name(model):
    scores = score_comments(["o pedido estava perfeito"], languages=["pt"], scorer=model)
    assert scores["scorer"][0] == "predicted-rating-2"
    assert scores["score"][0] == model.predict(["o pedido estava perfeito"])["score"][0]


def test_a_kept_model_judges_as_before(model, tmp_path):
    model.save(tmp_path / "ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.json", "ours.npz"]
    again = load_rating(tmp_path / "ours.json")
    assert again.card == model.card
    texts, _ = reviews(50, seed=2)
    assert again.predict(texts).equals(model.predict(texts))


@pytest.mark.parametrize("harm", ["cut", "no numbers", "other numbers", "no json", "field gone"])
def test_a_damaged_file_is_refused(model, tmp_path, harm):
    model.save(tmp_path / "ours")
    told, numbers = tmp_path / "ours.json", tmp_path / "ours.npz"
    if harm == "cut":
        told.write_text(told.read_text(encoding="utf-8")[:-100], encoding="utf-8")
    elif harm == "no numbers":
        numbers.unlink()
    elif harm == "other numbers":
        numbers.write_bytes(numbers.read_bytes()[:-30] + b"0" * 30)
    elif harm == "no json":
        told.write_bytes(b"\xff\xfe\x00")
    else:
        told.write_text(told.read_text(encoding="utf-8").replace('"asked"', '"ask"'), "utf-8")
    with pytest.raises(BadFile, match=r"ours\.json and ours\.npz are no whole model"):
        load_rating(tmp_path / "ours")
