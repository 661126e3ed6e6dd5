import pytest

from cxkit.errors import BadQuestion
from cxkit.text.language import detect_languages

ENGLISH = "The parcel came two weeks late"
PORTUGUESE = "O produto chegou antes do prazo"


def test_short_comments_inherit_the_majority():
    found = detect_languages([PORTUGUESE, "Ok", ENGLISH, PORTUGUESE + " certo"], ["en", "pt"])
    assert found.rows() == [
        ("pt", "detected"),
        ("pt", "inherited"),
        ("en", "detected"),
        ("pt", "detected"),
    ]


def test_only_short_comments_are_read_together():
    texts = ["muito bom", "recomendo", "entrega rápida", "não recebi"]
    found = detect_languages(texts, ["en", "pt"])
    assert found["language"].unique().to_list() == ["pt"]
    assert found["reason"].unique().to_list() == ["inherited"]


def test_a_tie_goes_to_the_first_in_the_alphabet():
    found = detect_languages([PORTUGUESE, ENGLISH, "Ok"], ["pt", "en"])
    assert found["language"].to_list() == ["pt", "en", "en"]


def test_addresses_are_not_words():
    found = detect_languages(["@the_shop https://www.shop.test/the/best/of/all ok", PORTUGUESE])
    assert found["reason"].to_list() == ["inherited", "detected"]


def test_an_address_among_emoji_tells_no_language():
    found = detect_languages(["😡😡", "👍", "https://x.y/z"])
    assert found["language"].unique().to_list() == ["en"]


def test_empty_texts_have_no_language():
    assert detect_languages(["", None, " "]).rows() == [(None, "empty")] * 3
    assert detect_languages([]).height == 0


def test_one_candidate_is_taken_as_given():
    assert detect_languages(["Ok", PORTUGUESE], ["en"]).rows() == [("en", "given")] * 2


def test_an_unknown_language_is_named():
    with pytest.raises(BadQuestion) as error:
        detect_languages([ENGLISH], ["en", "klingon"])
    assert str(error.value) == (
        "No language is called klingon. Use ISO 639-1 codes such as en, de or pt."
    )


def test_small_words_tell_the_language_of_a_short_comment():
    found = detect_languages(["The parcel came late.", "THE WORST EXPERIENCE EVER"])
    assert found["language"].to_list() == ["en", "en"]


def test_the_other_comments_have_a_say_in_a_short_one():
    unclear = "Material entregue no prazo"  # alone it looks Spanish
    assert detect_languages([unclear], ["es", "pt"])["language"].to_list() == ["es"]
    found = detect_languages([unclear] + [f"{PORTUGUESE} {n}" for n in range(50)], ["es", "pt"])
    assert found["language"].unique().to_list() == ["pt"]


def test_emoji_alone_are_read_as_the_scorers_read_them():
    assert detect_languages(["😡", "👍 👍", "!!"])["language"].unique().to_list() == ["en"]
    assert detect_languages(["😡", PORTUGUESE])["language"].to_list() == ["pt", "pt"]


def test_other_alphabets_are_no_language_that_was_asked_about():
    texts = [ENGLISH, "配送が遅い", "Привет, где моя посылка", "Το δέμα άργησε πολύ"]
    assert detect_languages(texts)["language"].to_list() == ["en", "und", "und", "und"]
    assert detect_languages(texts, ["en", "ru"])["language"].to_list() == ["en", "und", "ru", "und"]
    russian = detect_languages(["Привет", "очень плохо", "ok"])
    assert russian["language"].to_list() == ["und", "und", "und"]
