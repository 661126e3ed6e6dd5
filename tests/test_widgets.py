"""Widgets ask again and show the Result: nothing more."""

import json

import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion, BadThemes
from cxkit.text.themes import theme_book

ROWS = events(
    "ann 2026-01-01T10:00 visit web",
    "ann 2026-01-02T10:00 buy web",
    "bob 2026-01-01T10:00 visit app",
    "zoe 2026-06-01T10:00 end web",
)


@pytest.fixture
def box(tmp_path):
    ws = company(tmp_path, events=ROWS)
    return cx.explore(
        cx.stage_funnel, ws, fixed={"stages": ["visit", "buy"]}, by=[None, "channel"],
        within_days=[30, 0],
    )  # fmt: skip


def parts(box):
    controls, output = box.children
    by, within = controls.children
    return by, within, output


def test_the_first_choice_is_shown_at_once(box):
    by, within, output = parts(box)
    assert [option for option, _ in by.options] == ["all", "channel"]
    assert (by.description, within.description) == ("by", "within days")
    kinds = [sorted(shown["data"]) for shown in output.outputs]
    assert kinds[1] == ["application/vnd.plotly.v1+json", "text/plain"]


def test_a_change_asks_again(box):
    by, _, output = parts(box)
    before = output.outputs
    by.value = "channel"
    assert output.outputs != before
    chart = output.outputs[1]["data"]["application/vnd.plotly.v1+json"]
    assert [trace["name"] for trace in chart["data"]] == ["app", "web"]
    by.value = None
    assert output.outputs == before


def test_a_question_it_cannot_ask_shows_the_message(box):
    _, within, output = parts(box)
    within.value = 0
    (shown,) = output.outputs
    assert shown["data"]["text/plain"] == "within_days is 0; give a whole number from 1 to 100,000."


def test_a_slider_goes_from_the_least_to_the_most_and_starts_with_the_first(tmp_path):
    ws = company(tmp_path, events=ROWS)
    box = cx.explore(
        cx.stage_funnel, ws, fixed={"stages": ["visit", "buy"]}, sliders=["within_days", "as_of"],
        within_days=[30, 7, 120], as_of=[None, *cx.month_ends(ws, 2)],
    )  # fmt: skip
    within, as_of = box.children[0].children
    output = box.children[1]
    assert [label for label, _ in within.options] == ["7", "30", "120"]
    assert [label for label, _ in as_of.options] == ["2026-04-30", "2026-05-31", "default"]
    assert (within.value, as_of.value) == ((30,), (None,))
    assert not within.continuous_update
    before = output.outputs
    as_of.value = (cx.month_ends(ws, 1)[0],)
    assert output.outputs != before
    mixed = cx.explore(
        cx.stage_funnel, ws, fixed={"stages": ["visit"]}, sliders=["as_of"],
        as_of=["2026-05-15", *cx.month_ends(ws, 2)],
    )  # fmt: skip
    (as_of,) = mixed.children[0].children
    assert [label for label, _ in as_of.options] == ["2026-04-30", "2026-05-15", "2026-05-31"]


def test_choices_that_cannot_be_offered_are_refused(tmp_path):
    ws = company(tmp_path, events=ROWS)
    with pytest.raises(BadQuestion, match="no choice 'by' to slide: within_days"):
        cx.explore(cx.stage_funnel, ws, sliders=["by"], within_days=[7])
    with pytest.raises(BadQuestion, match="within_days is an empty list"):
        cx.explore(cx.stage_funnel, ws, within_days=[])


def test_a_filter_is_offered_in_words():
    from cxkit.widgets import _label

    assert _label({"device": "mobile", "region": "north"}) == "device mobile, region north"


BOOK = """
[[themes]]
name = "delivery"
include = ["deliver*"]
[[themes]]
name = "<b>price</b>"
include = ["price"]
"""


@pytest.fixture
def labelling(tmp_path):
    ws = company(tmp_path, feedback=[
        {"feedback_id": f"f{n}", "metric": "nps", "given_at": "2026-03-01T10:00", "comment": text}
        for n, text in enumerate(["Too late, mail ann@x.test", "$a$ dear", "<i>nice</i>", None])
    ])  # fmt: skip
    cx.keep_themes(ws, theme_book(BOOK))
    return ws, cx.label_themes(ws)


def told(ws):
    labels = json.loads((ws.store / "labels.json").read_text())["labels"]
    return {label["feedback_id"]: label["themes"] for label in labels}


def pieces(box):
    heading, comment, delivery, price, typed, buttons, answer = box.children
    return heading, comment, (delivery, price), typed, buttons.children, answer


def asked_about(comment):
    starts = {"Too": "f0", "$a$": "f1", "<i>": "f2"}
    return starts[comment.value[:3]]


def test_comments_are_labelled_one_after_another(labelling):
    ws, box = labelling
    heading, comment, boxes, _, (keep, none, skip, back), answer = pieces(box)
    assert [one.description for one in boxes] == ["1 delivery", "2 <b>price</b>"]
    assert heading.value == "Comment 1 of 3: what is it about?"
    assert back.disabled
    keep.click()
    assert answer.value == "Nothing is ticked: tick a theme, or press None of these."
    first = asked_about(comment)
    boxes[1].value = True
    keep.click()
    assert answer.value == "Kept: <b>price</b>."
    assert told(ws) == {first: ["<b>price</b>"]}
    assert (boxes[0].value, boxes[1].value) == (False, False)
    second = asked_about(comment)
    none.click()
    assert told(ws) == {first: ["<b>price</b>"], second: []}
    skip.click()
    assert heading.value == "2 of 3 comments are labelled."
    assert keep.disabled and none.disabled and skip.disabled and not back.disabled
    back.click()
    back.click()
    back.click()
    assert heading.value == "Comment 1 of 3: what is it about?"
    assert boxes[1].value  # as it was kept
    boxes[0].value = True
    keep.click()
    assert told(ws)[first] == ["delivery", "<b>price</b>"]
    again = cx.label_themes(ws)
    assert again.children[0].value == "Comment 1 of 1: what is it about?"


def test_comments_are_labelled_from_the_keyboard(labelling):
    ws, box = labelling
    _, comment, _, typed, _, answer = pieces(box)
    assert not typed.continuous_update
    order = [asked_about(comment)]
    for wrong in ("3", "1 x", "0 1", "٣", "²"):
        typed.value = wrong
        assert answer.value.startswith(
            f"Nothing is kept: '{wrong.split()[-1 if 'x' in wrong else 0]}'"
        )
        assert typed.value == ""
    typed.value = "2, 1"
    order.append(asked_about(comment))
    typed.value = "S"
    order.append(asked_about(comment))
    typed.value = "b"
    assert asked_about(comment) == order[1]
    typed.value = "0"
    typed.value = "1"
    assert told(ws) == {
        order[0]: ["delivery", "<b>price</b>"], order[1]: [], order[2]: ["delivery"],
    }  # fmt: skip
    typed.value = "1"  # nothing is left
    assert [box.value for box in cx.label_themes(ws).children] == ["Every comment is labelled."]


def test_a_comment_is_shown_masked_and_to_the_letter(labelling):
    _, box = labelling
    _, comment, _, typed, _, _ = pieces(box)
    shown = [comment.value]
    for _ in range(2):
        typed.value = "s"
        shown.append(comment.value)
    assert sorted(shown) == ["$a$ dear", "<i>nice</i>", "Too late, mail [e-mail]"]
    assert comment.disabled


def test_a_label_that_cannot_be_kept_says_so(labelling):
    ws, box = labelling
    heading, _, _, typed, _, answer = pieces(box)
    (ws.store / "labels.json").write_text("{")
    typed.value = "1"
    assert answer.value.startswith("Nothing is kept. labels.json of")
    assert heading.value == "Comment 1 of 3: what is it about?"


def test_without_a_theme_book_there_is_nothing_to_label_by(tmp_path):
    ws = company(tmp_path, events=ROWS)
    with pytest.raises(BadThemes, match="There is no theme book to label by"):
        cx.label_themes(ws)
