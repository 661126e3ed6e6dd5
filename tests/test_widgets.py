"""Widgets ask again and show the Result: nothing more."""

import pytest
from company import company, events

import cxkit as cx

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
