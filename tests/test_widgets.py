"""Widgets ask again and show the Result: nothing more."""

import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion

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
