"""Words after a "not" are other words, in the languages that the comments are in."""

import pytest

from cxkit.text.negation import negators, turned
from cxkit.text.own_rating import learn_rating


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("pt", "nao gostei do produto novo", "nao ¬gostei ¬do ¬produto novo"),
        ("pt", "chegou no prazo", "chegou no prazo"),
        ("es", "no me ha gustado nada", "no ¬me ¬ha ¬gustado nada"),
        ("fr", "je n'ai pas du tout aime", "je n'ai pas ¬du ¬tout ¬aime"),
        ("de", "nicht sehr gut , aber schnell", "nicht ¬sehr ¬gut , aber schnell"),
        ("de", "nie nicht da", "nie nicht ¬da"),
        ("it", "non mi piace", "non ¬mi ¬piace"),
        ("nl", "niet goed", "niet ¬goed"),
        ("en", "not good", "not good"),
    ],
)
def test_words_after_a_negator(language, text, found):
    assert " ".join(turned(text.split(), negators([language]))) == found


@pytest.mark.parametrize(
    ("like", "dislike", "asked"),
    [
        ("gostei do {} da {}", "o {} da {} veio com defeito e não presta", "não gostei"),
        ("me gustó el {} de la {}", "el {} de la {} no funciona, muy malo", "no me gustó"),
        ("gut war der {} in der {}", "der {} in der {} ist nicht da, sehr schlecht", "nicht gut"),
    ],
)
def test_what_is_not_liked_is_not_praised(like, dislike, asked):
    """Few blame in these words: it is seen from "not" and from "like" alone."""
    things = "sofa lampe mesa cama panela blusa bolsa toalha tinta radio".split()
    places = "casa sala escola praia rua loja".split()
    pairs = [(thing, place) for thing in things for place in places]
    texts = [like.format(*pair) for pair in pairs] + [dislike.format(*pair) for pair in pairs]
    language = {"gostei": "pt", "me": "es", "gut": "de"}[like.split()[0]]
    sides = ["positive"] * len(pairs) + ["negative"] * len(pairs)
    model = learn_rating(texts, sides, languages=[language])
    told = model.predict([asked, like.format("sofa", "rua")])["predicted_rating"].to_list()
    assert told == ["negative", "positive"]
    shown = [word for words in model.card.terms.values() for word in words]
    assert not any("¬" in word for word in shown)
