"""The theme book, tags with their characters, what is proposed, and what is learned."""

import random
import time
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxkit.errors import BadQuestion, BadThemes
from cxkit.text.discovery import discover_themes
from cxkit.text.kept import forget
from cxkit.text.learned_tags import learn_tags, least_certain
from cxkit.text.mentions import score_mentions
from cxkit.text.themes import (
    Theme,
    ThemeBook,
    read_theme_book,
    stem,
    tag_comments,
    theme_book,
    words_of,
)

BOOK = theme_book("""
[[themes]]
name = "delivery"
include = ["deliver*", "late", "two days late", "parcel"]
exclude = ["delivery room"]

[[themes]]
name = "price"
include = ["expensive", "price", "preço"]

[[themes]]
name = "waiting"
include = ["on hold"]
parent = "delivery"
""")


def themes(*texts):
    return [set(t) - {None} for t in _by_row(tag_comments(list(texts), BOOK))]


def _by_row(tags):
    return tags.group_by("row", maintain_order=True).agg("theme")["theme"].to_list()


def test_mentions_have_the_characters_that_say_so():
    text = "Prices fine. DELIVERED two days late, on\nhold for ages"
    tags = tag_comments([text], BOOK)
    assert tags["found"].to_list() == ["Prices", "DELIVERED", "two days late", "on\nhold"]
    assert tags["theme"].to_list() == ["price", "delivery", "delivery", "waiting"]
    spans = tags.select("start", "end", "found").rows()
    assert all(text[start:end] == found for start, end, found in spans)


def test_an_excluded_term_bars_its_sentence_alone():
    assert themes("The delivery room was calm. My parcel came", "The delivery room was calm") == [
        {"delivery"},
        set(),
    ]


def test_untagged_comments_are_rows_too():
    hard = ["", None, "🌷🌷", "Ok", "=1+1", "<b>late</b>", "O preço é alto, parcel late"]
    assert themes(*hard) == [
        set(), set(), set(), set(), set(), {"delivery"}, {"price", "delivery"},
    ]  # fmt: skip
    assert tag_comments([], BOOK).is_empty()


@pytest.mark.parametrize(
    "text",
    [
        "late " * 20_000,
        "a" * 100_000,
        "on " * 33_000,
        "@!." * 33_000,
        "e\u0301" * 50_000,
        "a" + "\u0301" * 100_000,
        "a'" * 50_000,
    ],
)
def test_long_comments_take_no_time(text):
    tag_comments(["warm up"], BOOK)
    begun = time.process_time()
    tag_comments([text], BOOK)
    assert time.process_time() - begun < 0.5


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text):
    for word in words_of(text):
        assert 0 <= word.start < word.end <= len(text)
        assert stem(word.word)
    assert tag_comments([text], BOOK)["row"].unique().to_list() == [0]


A = '[[themes]]\nname = "a"\ninclude = ["late"]\n'
FAULTS = {
    "name = ": "my.toml is not valid TOML",
    'names = "x"': "my.toml has 'names'",
    "x = " + "[" * 5_000: "lists in lists, too deep",
    "": "my.toml holds no theme",
    '[[themes]]\ninclude = ["a"]': "my.toml, line 1: name is missing",
    '\n[[ themes ]] # mine\nname = "a"': "my.toml, line 2: include is missing or empty",
    '[[themes]]\nname = "a"\ninclude = "late"': "my.toml, line 3: include is 'late'",
    '[[themes]]\nname = "a"\ninclude = ["?"]': "my.toml, line 3: include has '?'",
    '[[themes]]\nname = "a"\ninclude = ["late", " "]': "line 3: include has ' '; a term has 1 to 8",
    '[[themes]]\nname = "a"\ninclude = ["l*"]': "at least two letters",
    '[[themes]]\nname = "a"\ninclude = ["(late|dear)+"]': "has '(late|dear)+' with '('",
    '[[themes]]\nname = "a"\ninclude = ["de*liver"]': "a * may end a word",
    '[[themes]]\nname = "a"\ninclude = ["*late"]': "a * may end a word",
    '[[themes]]\nname = "a"\ninclude = ["late *"]': "a * may end a word",
    '[[themes]]\nname = "a"\ninclude = ["' + "x" * 41 + '"]': "at most 40 letters",
    A + 'exclude = ["LATE"]': "my.toml, line 4: 'LATE' is included and excluded",
    A + "exlude = []": "my.toml, line 4: a theme has no field 'exlude'",
    A + 'parent = "b"': "my.toml, line 4: the parent of 'a' is 'b', which is no theme",
    A + 'parent = "a"': "my.toml, line 4: 'a' is its own parent. Leave",
    A + 'parent = "b"\n' + A.replace('"a"', '"b"') + 'parent = "c"\n' + A.replace('"a"', '"c"')
    + 'parent = "b"': "my.toml, line 8: 'b' is its own parent, by way of 'c'",
    A * 2: "my.toml, line 5: two themes are called 'a'. Give",
    A + A.replace('"a"', '" A "'): "my.toml, line 5: two themes are called 'a' and 'A'",
    A.replace('"a"', '"No Theme"'): "my.toml, line 2: name is 'No Theme', which answers use",
    A.replace('"a"', '"a\\u200b"'): "signs that can be seen",
    A.replace('"a"', '"' + "a" * 81 + '"'): "at most 80 signs",
    A.replace('"a"', "3"): "my.toml, line 2: name is 3; write a text in quotes",
    "themes = [3]": "my.toml, theme 1: a theme is a table",
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_in_a_book_is_named(text, tmp_path: Path):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(BadThemes) as told:
        read_theme_book(path)
    assert FAULTS[text] in str(told.value)
    assert "my.toml" in str(told.value)


def test_a_book_that_is_missing_is_named(tmp_path):
    with pytest.raises(BadThemes, match=r"'none\.toml' cannot be read"):
        read_theme_book(tmp_path / "none.toml")


def test_a_book_may_be_saved_by_any_editor(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbf" + A.replace("\n", "\r\n").encode())
    assert read_theme_book(path).names == ("a",)


def test_accents_count_the_same_joined_or_apart():
    apart = "O prec\u0327o esta\u0301 alto"
    tags = tag_comments([apart], BOOK)
    assert tags.select("theme", "start", "end").rows() == [("price", 2, 8)]
    assert [word.word for word in words_of(apart)] == ["o", "preço", "está", "alto"]


PRINTABLE = st.text(min_size=1, max_size=80).filter(lambda t: t.strip() and t.isprintable())


@given(st.lists(PRINTABLE, min_size=1))
@settings(max_examples=50)
def test_a_book_survives_being_written(names):
    book = ThemeBook(tuple(Theme(name.strip(), ('say "late"', "c'est cher")) for name in names))
    try:
        read = theme_book(book.to_toml())
    except BadThemes as told:
        assert "two themes are called" in str(told)
        assert len({unicodedata.normalize("NFKC", n.strip()).casefold() for n in names}) < len(
            names
        )
        return
    assert read == book


MATTERS = {
    "parcel": ["parcel", "courier", "tracking", "doorstep"],
    "app": ["app", "login", "password", "update"],
    "shirt": ["shirt", "fabric", "sleeve", "colour"],
}


def written(n: int) -> list[str]:
    draw = random.Random(1)
    made = []
    for number in range(n):
        words = draw.sample(MATTERS[sorted(MATTERS)[number % 3]], 3)
        made.append(f"The {words[0]} was good and the {words[1]} with my {words[2]} {number}")
    return made


def test_planted_themes_are_found_in_any_order():
    texts = written(120)
    found = discover_themes(texts, languages=["en"])
    assert found.table["comments"].to_list() == [40, 40, 40]
    for start in range(3):
        assert len(set(found.themes[start::3])) == 1
    assert found.stability == pytest.approx(1)
    assert found.table["stability"].to_list() == pytest.approx([1.0] * 3)
    assert {term for row in found.table["terms"] for term in row[:4]} == {
        word for words in MATTERS.values() for word in words
    }
    turned = discover_themes(texts[::-1], languages=["en"])
    assert turned.table.equals(found.table)
    assert turned.themes.reverse().equals(found.themes)
    assert theme_book(found.to_book().to_toml()) == found.to_book()


def test_names_are_phrases_that_people_write():
    texts = [
        f"{['Your', 'The', 'This'][n % 3]} customer service hung up {n} times"
        if n % 2
        else f"{['O', 'Meu'][n % 4 // 2]} dinheiro de volta, {['nota', 'taxa'][n % 3 // 2]} {n}"
        for n in range(120)
    ]
    found = discover_themes(texts, languages=["en", "pt"])
    terms = {term for row in found.table["terms"] for term in row}
    assert {"customer service", "dinheiro de volta"} < terms
    assert not terms & {"customer", "service", "dinheiro", "volta", "volta nota"}
    tags = tag_comments(texts, found.to_book()).filter(pl.col("theme").is_not_null())
    assert tags["row"].n_unique() == 120


def test_no_term_tells_of_two_themes():
    found = discover_themes(written(240), languages=["en"])
    terms = [term for row in found.table["terms"] for term in row]
    assert len(terms) == len(set(terms))
    assert found.table["theme"].n_unique() == found.table.height


def test_themes_that_do_not_hold_are_not_proposed():
    draw = random.Random(3)
    sounds = [a + b + c for a in "bdfgk" for b in "aeiou" for c in "lmnrt"]
    noise = [" ".join(draw.sample(sounds, 8)) for _ in range(400)]
    found = discover_themes([*written(120), *noise], languages=["en"])
    assert found.table["stability"].min() >= 0.4
    assert found.table.filter(pl.col("stability") > 0.99)["comments"].to_list() == [40, 40, 40]
    assert found.themes[:120].null_count() == 0
    assert found.untagged > 200


def test_quotes_are_masked():
    texts = [f"{text}, write to ann{n}@shop.test" for n, text in enumerate(written(90))]
    found = discover_themes(texts, languages=["en"])
    assert all("[e-mail]" in quote for row in found.table["quotes"] for quote in row)
    assert not any("shop" in term for row in found.table["terms"] for term in row)


HARD = ["", "   ", "🌷🌷🌷", "ok", None, "word " * 10_000, "x" * 50_000, "<b>alert(1)</b>",
        "=HYPERLINK(1)", "Ótimo, but zu spät"]  # fmt: skip


@pytest.mark.parametrize("texts", [[], [None], ["ok"] * 500, HARD, ["🌷" * n for n in range(50)]])
def test_nothing_is_proposed_of_nothing(texts):
    found = discover_themes(texts)
    assert found.table.is_empty()
    assert found.untagged == len(found.themes) == len(texts)


def test_hard_comments_among_others():
    found = discover_themes([*written(120), *HARD], languages=["en", "de", "pt"])
    assert found.table["comments"].sum() + found.untagged == 120 + len(HARD)
    assert found.themes[120] is None


def labelled(texts, n, *extra):
    names = sorted(MATTERS)
    return [[names[at % 3]] if at < n else None for at in range(len(texts))] + list(extra)


def test_tags_are_learned_from_labels():
    texts = written(300)
    learned = learn_tags([*texts, "", None], labelled(texts, 120, None, None), languages=["en"])
    tagged = learned.table.filter("tagged").select("row", "theme").rows()
    assert tagged == [(n, sorted(MATTERS)[n % 3]) for n in range(300)]
    assert (learned.labelled, learned.macro_f1) == (120, 1)
    assert learned.helps
    asked = least_certain(learned.table)
    assert len(asked) == 20
    assert min(asked) >= 120


def test_too_few_labels_are_named():
    texts = written(150)
    with pytest.raises(BadQuestion, match="99 of 150 comments are labelled"):
        learn_tags(texts, labelled(texts, 99))
    with pytest.raises(BadQuestion, match="No theme can be learned"):
        learn_tags(texts, [[]] * 150)
    with pytest.raises(BadQuestion, match="2 texts and 1 labels"):
        learn_tags(["late", "dear"], [None])


def test_terms_and_labels_are_judged_together():
    texts = written(240)
    said = labelled(texts, 120)
    names = sorted(MATTERS)
    right = [{names[n % 3]} for n in range(240)]
    nothing = learn_tags(texts, said, by_terms=[set()] * 240, languages=["en"])
    assert (nothing.macro_f1, nothing.macro_f1_of_terms) == (1, 0)
    assert nothing.helps
    assert not learn_tags(texts, said, by_terms=right, languages=["en"]).helps
    # the terms find every theme in every comment: F1 is 2/3 · 120/160, as 40 are right and 80 wrong
    loud = learn_tags(texts, said, by_terms=[set(names)] * 240, languages=["en"])
    assert loud.macro_f1_of_terms == pytest.approx(2 * 40 / (40 + 120))


def test_the_same_labels_teach_the_same_in_any_order():
    texts = written(200)
    said = labelled(texts, 110)
    one = learn_tags(texts, said, languages=["en"])
    other = learn_tags(texts[::-1], said[::-1], languages=["en"])
    assert one.macro_f1 == other.macro_f1
    turned = other.table.with_columns(row=199 - pl.col("row")).sort("row", "theme")
    assert turned.equals(one.table)


def test_hard_comments_are_tagged_too():
    texts = written(120)
    said = labelled(texts, 120, *[None] * len(HARD))
    learned = learn_tags([*texts, *HARD], said)
    tags = learned.table.filter(pl.col("row") >= 120)
    assert tags.height == len(HARD) * 3
    assert not tags.filter(pl.col("row").is_in([120, 121, 124]))["tagged"].any()


@pytest.mark.parametrize("text", ["late " * 20_000, "a" * 100_000, "@ab " * 25_000, "🌷" * 100_000])
def test_proposals_from_long_comments_take_no_time(text):
    texts = written(120)
    discover_themes(texts, languages=["en"])
    forget()
    begun = time.process_time()
    discover_themes(texts, languages=["en"])
    usual = time.process_time() - begun
    begun = time.process_time()
    discover_themes([*texts, text], languages=["en"])
    assert time.process_time() - begun < usual + 0.5


@pytest.mark.parametrize("text", ["late " * 20_000, "a" * 100_000, "@ab " * 25_000, "🌷" * 100_000])
def test_learning_from_long_comments_takes_no_time(text):
    texts = written(120)
    forget()
    begun = time.process_time()
    learn_tags(texts, labelled(texts, 120), languages=["en"])
    usual = time.process_time() - begun
    begun = time.process_time()
    learn_tags([*texts, text], labelled(texts, 120, None), languages=["en"])
    assert time.process_time() - begun < usual + 0.5


def test_tone_is_that_of_the_clause():
    text = "The food was wonderful, but the waiter was rude and terribly slow."
    rows = pl.DataFrame({"text": [text, text, "O garçom foi rude e muito lento comigo", None],
                         "start": [4, 32, 2, None], "end": [8, 38, 8, None]})  # fmt: skip
    told = score_mentions(rows)
    assert told["level"].to_list()[2:] == [None, None]
    assert told["score"][0] > 0.1
    assert told["score"][1] < -0.1


@pytest.mark.parametrize("text", ["late, the " * 10_000, "late and " * 11_000])
def test_a_hundred_kilobytes_of_mentions_are_quick(text):
    spans = tag_comments([text], BOOK).select("start", "end")
    mentions = spans.with_columns(text=pl.lit(text))
    score_mentions(mentions.head(1))
    begun = time.process_time()
    assert score_mentions(mentions).height >= 10_000
    assert time.process_time() - begun < 1.5


@pytest.mark.parametrize("term", ["can't log in", "can’t log in"])
def test_what_denies_is_another_word(term):
    book = theme_book(f'[[themes]]\nname = "login"\ninclude = ["{term}"]')
    said = ["I can't log in", "I CAN’T log in", "I can log in", "I can s log in"]
    assert tag_comments(said, book)["theme"].to_list() == ["login", "login", None, None]


def test_denials_are_told_from_what_they_deny():
    book = theme_book("""
[[themes]]
name = "no"
include = ["can't", "don't"]
[[themes]]
name = "yes"
include = ["can"]
[[themes]]
name = "shop"
include = ["shop"]
""")
    said = ["You can do it", "You can’t", "I don't", "Don, the shop's owner", "cannot"]
    assert tag_comments(said, book).select("row", "theme").rows() == [
        (0, "yes"), (1, "no"), (2, "no"), (3, "shop"), (4, None),
    ]  # fmt: skip
