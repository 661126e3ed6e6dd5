"""What comments speak of, counted by hand; with a book and without one."""

import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion, BadThemes
from cxkit.stats.intervals import wilson
from cxkit.text.themes import Theme, ThemeBook, theme_book
from cxkit.theme_keep import kept_labels, tagged, to_label

BOOK = theme_book("""
[[themes]]
name = "delivery"
include = ["deliver*", "parcel"]
[[themes]]
name = "price"
include = ["price", "expensive"]
""")
LATE = "The delivery was terribly slow and awful."
DEAR = "Lovely price, but the delivery was horrible."
FLAT = "It came in a box"


def rows(*comments, **same):
    return [
        {"feedback_id": f"f{n:03}", "metric": "nps", "customer_id": f"c{n:03}",
         "given_at": f"2026-03-{n % 28 + 1:02}T10:00", "comment": text, **same}
        for n, text in enumerate(comments)
    ]  # fmt: skip


def test_themes_of_a_book_by_hand(tmp_path):
    ws = company(tmp_path, feedback=rows(*[LATE] * 20, *[DEAR] * 10, *[FLAT] * 10, None, ""))
    cx.keep_themes(ws, BOOK)
    assert cx.kept_themes(ws) == BOOK
    asked = cx.themes(ws)
    assert asked.table.select("theme", "comments", "scored", "negative").rows() == [
        ("delivery", 30, 30, 30),
        ("price", 10, 10, 0),
        ("no theme", 10, 0, 0),
    ]
    assert asked.table["share_of_comments"].to_list() == [0.75, 0.25, 0.25]
    assert asked.table["quote"].to_list()[2] is None
    assert asked.table["feedback_id"][0] in {f"f{n:03}" for n in range(30)}
    assert set(asked.table["found_by"]) == {"theme book"}
    assert asked.n == 40
    assert asked.finding == (
        "Of 40 comments 75.0 % (59.8–85.8) speak of 'delivery', more than of any other theme; "
        "'delivery' sounds worst: 100.0 % (88.6–100.0) of 30 scored comments are negative where "
        "they speak of it."
    )
    assert "10 comments of 40 have no theme." in asked.caveats
    assert "leads: 75% of the comments" in asked.chart().layout.title.text


def test_without_a_book_the_words_alone_propose(tmp_path):
    made = [f"The {a} and the {b} number {n}" for n in range(60)
            for a, b in [[("parcel", "courier"), ("shirt", "fabric")][n % 2]]]  # fmt: skip
    asked = cx.themes(company(tmp_path, feedback=rows(*made)))
    assert asked.table["comments"].to_list() == [30, 30]
    assert set(asked.table["found_by"]) == {"words alone"}
    assert "proposed by the words alone, not named by you" in asked.caveats[0]


def test_a_theme_that_grows(tmp_path):
    comments = [*[FLAT] * 40, *[LATE] * 40]
    fed = rows(*comments)
    for n, row in enumerate(fed):
        row["given_at"] = f"2026-{n // 28 + 1:02}-{n % 28 + 1:02}T10:00"
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    asked = cx.themes(ws)
    assert asked.table.row(0, named=True)["change_in_share"] == pytest.approx(1)
    assert asked.table["q"][0] < 0.001
    assert "In the later half of the comments they speak of 'delivery' more." in asked.caveats


def test_a_report_folds_themes_of_few_people(tmp_path, monkeypatch):
    fed = rows(*[LATE] * 40, *["So expensive"] * 12, *[FLAT] * 20)
    for row in fed[40:52]:
        row["customer_id"] = "one"  # many comments, one person
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).table["theme"].to_list() == ["delivery", "price", "no theme"]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "price" not in cx.themes(ws).table["theme"].to_list()


def test_a_report_gives_away_no_tone_of_few_who_name_one_theme_alone(tmp_path, monkeypatch):
    """Forty-three speak of the delivery, forty of them of the price too: three are left."""
    fed = rows(*[DEAR] * 40, *[LATE] * 3, *[FLAT] * 30)
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    counts = ("theme", "comments", "scored", "negative")
    assert cx.themes(ws).table.select(counts).rows() == [
        ("delivery", 43, 43, 43), ("price", 40, 40, 0), ("no theme", 30, 0, 0),
    ]  # fmt: skip
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.themes(ws)
    assert found.table.select(counts).rows() == [
        ("delivery", 43, 43, 43), ("price", None, None, None), ("no theme", 30, 0, 0),
    ]  # fmt: skip
    assert found.table.filter(theme="price").select(pl.selectors.float()).null_count().row(0) == (
        (1,) * 8
    )
    assert (
        "Left blank: 1 row of fewer than 10 people, or which would tell of so few by what other "
        "rows say." in found.caveats
    )
    assert ": 59% of the comments" in found.chart().layout.title.text  # and it leads nothing
    assert "leads" not in found.chart().layout.title.text


def test_no_comments_and_hard_ones(tmp_path):
    empty = cx.themes(company(tmp_path / "a", feedback=rows(None, "", " ")))
    assert empty.finding == "There are no comments: nobody has written anything yet."
    assert empty.table.is_empty()
    empty.chart()
    hard = ["🌷", "ok", "x" * 50_000, "<b>hi</b>", "=1+1", "Ótimo und gut"]
    odd = cx.themes(company(tmp_path / "b", feedback=rows(*hard)))
    assert odd.finding == "Cannot say: 6 comments have no themes that can be shown."
    assert odd.table["comments"].to_list() == [6]
    one = cx.themes(company(tmp_path / "c", feedback=rows(LATE)))
    assert one.n == 1


def test_a_damaged_book_is_named(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    (ws.store / "themes.toml").write_text("[[themes]]\nname = 3")
    with pytest.raises(BadThemes, match=r"themes\.toml, line 2: name is 3"):
        cx.themes(ws)


def test_a_report_quotes_no_theme_of_few_people(tmp_path, monkeypatch):
    ws = company(tmp_path, feedback=rows(*[LATE] * 3))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).table["quote"].to_list() == [LATE]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.themes(ws).table["quote"].to_list() == [None]


def test_from_proposals_to_a_book_of_ones_own(tmp_path):
    made = [f"The {a} and the {b} number {n}" for n in range(60)
            for a, b in [[("parcel", "courier"), ("shirt", "fabric")][n % 2]]]  # fmt: skip
    ws = company(tmp_path, feedback=rows(*made))
    proposed = cx.propose_themes(ws)
    assert proposed.table["comments"].to_list() == [30, 30]
    path = cx.keep_themes(ws, proposed.to_book())
    first = proposed.table["theme"][0]
    path.write_text(path.read_text().replace(f'name = "{first}"', 'name = "clothes & <fit>"'))
    asked = cx.themes(ws)
    assert asked.table["theme"].to_list()[0] == "clothes & <fit>"
    assert asked.table["comments"].to_list() == [30, 30]
    assert set(asked.table["found_by"]) == {"theme book"}
    for no_book in (3, None, ThemeBook((Theme(None, ("late",)),))):
        with pytest.raises(BadThemes, match="give a ThemeBook"):
            cx.keep_themes(ws, no_book)
    assert "clothes & <fit>" in cx.kept_themes(ws).names


def test_a_label_stands_for_the_comment(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE, DEAR, FLAT, FLAT, None))
    with pytest.raises(BadThemes, match="no theme book to label by"):
        cx.keep_labels(ws, {"f000": []})
    cx.keep_themes(ws, BOOK)
    path = cx.keep_labels(ws, {"f000": [], "f001": ["price"], "f002": ["price", "delivery"]})
    assert (path.name, path.parent) == ("labels.json", ws.store)
    assert "delivery was" not in path.read_text()
    found = tagged(ws, pl.Series([LATE, DEAR, FLAT, f"  {FLAT}\n", None]))
    assert found.mentions.select("row", "theme", "start", "end").rows() == [
        (0, None, None, None),
        (1, "price", 7, 12),  # the delivery that its terms find, the person did not
        (2, "delivery", None, None),
        (2, "price", None, None),
        (3, "delivery", None, None),  # the same words
        (3, "price", None, None),
        (4, None, None, None),
    ]
    assert found.found_by == "theme book and 3 labels"
    assert found.notes[0].startswith("3 of these comments are labelled, and 100 teach")
    cx.keep_labels(ws, {"f000": ["delivery"]})  # thought better of
    assert tagged(ws, pl.Series([LATE])).mentions["theme"].to_list() == ["delivery"]
    assert cx.themes(ws).caveats[0] == (
        "3 of these comments are labelled, and 100 teach what the others speak of: label more "
        "(cx.label_themes)."
    )


def test_labels_that_fit_nothing_are_refused(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    cx.keep_themes(ws, BOOK)
    with pytest.raises(BadQuestion, match="'weather' is no theme of the theme book"):
        cx.keep_labels(ws, {"f000": ["weather"]})
    with pytest.raises(BadQuestion, match="No comment has the feedback_id 'f9'"):
        cx.keep_labels(ws, {"f9": ["price"]})
    with pytest.raises(BadQuestion, match="give a list of texts"):
        cx.keep_labels(ws, {"f000": "price"})
    assert kept_labels(ws) == {}


def test_labels_of_themes_that_the_book_has_no_more(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE, DEAR))
    cx.keep_themes(ws, BOOK)
    cx.keep_labels(ws, {"f000": ["price"], "f001": ["delivery", "price"]})
    cx.keep_themes(ws, theme_book('[[themes]]\nname = "delivery"\ninclude = ["deliver*"]'))
    asked = cx.themes(ws)
    assert set(asked.table["found_by"]) == {"theme book and 1 label"}
    assert "Labels name 1 theme that the theme book has not, as 'price' (2 comments)" in " ".join(
        asked.caveats
    )
    assert asked.table["comments"][0] == 2


MATTERS = {"delivery": ["courier", "doorstep", "tracking"], "price": ["bargain", "tariff", "fee"]}


def spoken(n: int) -> list[str]:
    return [f"The {MATTERS[name][at % 3]} and the {MATTERS[name][(at + 1) % 3]} {at}"
            for at in range(n) for name in [sorted(MATTERS)[at % 2]]]  # fmt: skip


def test_from_a_hundred_labels_on_the_others_are_tagged_by_them(tmp_path):
    texts = [*spoken(200), *["Blue " + "sky " * n for n in range(1, 11)]]
    ws = company(tmp_path, feedback=rows(*texts))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).table["theme"].to_list() == ["no theme"]
    said = {f"f{n:03}": [sorted(MATTERS)[n % 2]] for n in range(100)}
    cx.keep_labels(ws, said | {f"f{n}": [] for n in range(200, 210)})
    asked = cx.themes(ws)
    assert asked.table.select("theme", "comments").rows() == [
        ("delivery", 100), ("price", 100), ("no theme", 10),
    ]  # fmt: skip
    assert set(asked.table["found_by"]) == {"theme book and 110 labels"}
    assert asked.caveats[0] == (
        "110 labelled comments teach what the others speak of: on comments not learned from, "
        "terms and labels together reach a macro-F1 of 1.00, the terms alone 0.00. Of all comments "
        "5% stay without a theme, by the terms alone 100%."
    )


def test_terms_that_do_better_alone_are_left_alone(tmp_path):
    texts = [f"The {['parcel', 'price'][n % 2]} number {n}" for n in range(120)]
    ws = company(tmp_path, feedback=rows(*texts))
    cx.keep_themes(ws, BOOK)
    cx.keep_labels(ws, {f"f{n:03}": [["delivery", "price"][n % 2]] for n in range(110)})
    asked = cx.themes(ws)
    assert asked.table["comments"].to_list() == [60, 60]
    assert asked.caveats[0].startswith("What 110 labelled comments teach is not used")


def test_what_to_label_next(tmp_path):
    texts = [*spoken(130), "The courier and the tariff", "", None, *spoken(3)]
    ws = company(tmp_path, feedback=rows(*texts))
    cx.keep_themes(ws, BOOK)
    first = to_label(ws)
    assert first.height == 20
    assert first.equals(to_label(ws))
    assert to_label(ws, 500).height == 131  # each different one once
    with pytest.raises(BadQuestion, match="most is 0"):
        to_label(ws, 0)
    cx.keep_labels(ws, {f"f{n:03}": [sorted(MATTERS)[n % 2]] for n in range(104)})
    assert to_label(ws)["comment"][0] == "The courier and the tariff"
    assert not set(to_label(ws, 500)["comment"]) & set(texts[:104])


BROKEN = {
    "{": "labels.json of 'x' cannot be read",
    "[]": "labels.json of 'x' holds no labels",
    "[" * 100_000: "labels.json of 'x' cannot be read",
    '{"labels": [{"feedback_id": "f", "comment": "a", "themes": []}, 3]}': "label 2 has not",
    '{"labels": [{"feedback_id": "f", "comment": "a", "themes": "late"}]}': "label 1 has not",
    '{"labels": [{"feedback_id": 3, "comment": "a", "themes": []}]}': "label 1 has not",
    '{"labels": [{"comment": "a", "themes": []}]}': "label 1 has not feedback_id",
}


@pytest.mark.parametrize("text", BROKEN)
def test_damaged_labels_are_named_and_kept(text, tmp_path):
    ws = company(tmp_path / "x", feedback=rows(LATE))
    cx.keep_themes(ws, BOOK)
    path = ws.store / "labels.json"
    path.write_text(text)
    for ask in (cx.themes, cx.label_themes, lambda ws: cx.keep_labels(ws, {"f000": []})):
        with pytest.raises(BadThemes) as told:
            ask(ws)
        assert BROKEN[text] in str(told.value)
        assert str(told.value).endswith("Mend it, or rename labels.json and label anew.")
    assert path.read_text() == text


def test_labels_that_are_no_text_at_all(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    cx.keep_themes(ws, BOOK)
    (ws.store / "labels.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(BadThemes, match="cannot be read"):
        cx.themes(ws)


def test_a_theme_counts_the_comments_of_its_parts(tmp_path):
    book = """
[[themes]]
name = "delivery"
include = ["courier"]
[[themes]]
name = "late"
include = ["late"]
parent = "delivery"
[[themes]]
name = "very late"
include = ["months"]
parent = "late"
[[themes]]
name = "price"
include = ["price"]
"""
    words = ["the courier came", "the courier was late", "late again", "it took months", "a price"]
    told = [
        {"feedback_id": f"f{n}", "comment": text, "given_at": "2026-03-02T10:00"}
        for n, text in enumerate(words)
    ]
    ws = company(tmp_path, feedback=told)
    cx.keep_themes(ws, theme_book(book))
    found = cx.themes(ws)
    assert found.table.select("theme", "comments", "parent").rows() == [
        ("delivery", 4, None),
        ("late", 3, "delivery"),
        ("price", 1, None),
        ("very late", 1, "late"),
    ]
    assert "A theme that has parts counts the comments of its parts as well." in found.caveats


def test_many_comments_of_one_person_are_not_as_many_people(tmp_path):
    fed = rows(*[FLAT] * 60, *[LATE] * 40)
    for n, row in enumerate(fed):
        row["given_at"] = f"2026-{n // 28 + 1:02}-{n % 28 + 1:02}T10:00"
    for row in fed[60:]:
        row["customer_id"] = "one"
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    asked = cx.themes(ws)
    told = asked.table.row(0, named=True)
    assert (told["theme"], told["comments"], told["change_in_share"]) == ("delivery", 40, 0.8)
    assert told["q"] > 0.05
    assert "later half" not in " ".join(asked.caveats)
    assert told["share_of_comments"] == 0.4
    assert told["share_of_comments_high"] - told["share_of_comments_low"] > 0.5
    one = wilson(1, 1)  # forty comments of one person say as much as one
    assert [told[f"share_negative{end}"] for end in ("", "_low", "_high")] == pytest.approx(one)
    assert "40.0 % (" in asked.finding
    assert f"{100 * told['share_of_comments_low']:.1f}–" in asked.finding


def test_praise_alone_is_said(tmp_path):
    praise = "The delivery was wonderful, thank you"
    ws = company(tmp_path / "a", feedback=rows(*[praise] * 40))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).finding == (
        "Of 40 comments 100.0 % (91.2–100.0) speak of 'delivery'; none of 40 scored comments is "
        "negative where they speak of 'delivery'."
    )
    assert "Every comment has a theme." in cx.themes(ws).caveats
    ws = company(tmp_path / "b", feedback=rows(*[praise] * 40, *["A wonderful price"] * 40))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).finding == (
        "Of 80 comments 50.0 % (39.3–60.7) speak of 'delivery', as many as of 'price'; of no theme "
        "with 30 scored comments or more is one negative."
    )
    assert cx.themes(ws).chart().layout.title.text.endswith(": 50% of the comments</b>")


def test_themes_that_sound_alike_and_one_alone(tmp_path):
    ws = company(tmp_path / "a", feedback=rows(*[LATE] * 40, *["The price is awful"] * 40))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).finding.endswith(
        "; no theme sounds worse than 'price': 100.0 % (91.2–100.0) of 40 scored comments are "
        "negative where they speak of it."
    )
    ws = company(tmp_path / "b", feedback=rows(*[LATE] * 40, *[FLAT] * 10))
    cx.keep_themes(ws, BOOK)
    assert cx.themes(ws).finding == (
        "Of 50 comments 80.0 % (67.0–88.8) speak of 'delivery'; 100.0 % (91.2–100.0) of 40 scored "
        "comments are negative where they speak of it."
    )


def test_stale_labels_are_said_where_no_theme_is_found(tmp_path):
    ws = company(tmp_path, feedback=rows(FLAT, FLAT + " too"))
    cx.keep_themes(ws, BOOK)
    cx.keep_labels(ws, {"f000": ["price"]})
    cx.keep_themes(ws, theme_book('[[themes]]\nname = "delivery"\ninclude = ["deliver*"]'))
    asked = cx.themes(ws)
    assert asked.table["theme"].to_list() == ["no theme"]
    assert asked.caveats[0].startswith("Labels name 1 theme that the theme book has not")


def test_the_finding_says_that_themes_are_proposals(tmp_path):
    asked = cx.themes(company(tmp_path, feedback=rows(*spoken(60), *spoken(30)[::2])))
    assert ", more than of any other theme (themes proposed by the words alone); " in asked.finding


@pytest.mark.parametrize("labels", [[("f000", ["price"])], None, "f000", 3])
def test_labels_that_are_no_mapping(labels, tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    cx.keep_themes(ws, BOOK)
    with pytest.raises(BadQuestion, match="give the themes of each feedback_id"):
        cx.keep_labels(ws, labels)


def test_a_book_that_another_replaces_stays_beside_it(tmp_path):
    ws = company(tmp_path, feedback=rows(LATE))
    path = cx.keep_themes(ws, BOOK)
    edited = "# for the board\n" + path.read_text()
    path.write_text(edited)
    other = theme_book('[[themes]]\nname = "box"\ninclude = ["box"]')
    cx.keep_themes(ws, other)
    assert cx.kept_themes(ws) == other
    assert (ws.store / "themes.1.toml").read_text() == edited
    cx.keep_themes(ws, other)
    path.write_bytes(b"\xff no book at all")
    cx.keep_themes(ws, BOOK)
    assert (ws.store / "themes.2.toml").read_bytes() == b"\xff no book at all"
    assert (ws.store / "themes.1.toml").read_text() == edited
    path.write_text(edited)
    cx.keep_themes(ws, other)  # that one is kept already
    assert len(list(ws.store.glob("themes*"))) == 3
    with pytest.raises(BadThemes):
        cx.keep_themes(ws, 3)
    assert len(list(ws.store.glob("themes*"))) == 3
