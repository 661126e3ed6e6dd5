"""Sentences about one person, one order or one day say so in the singular."""

import pytest
from company import company, events, orders

import cxkit as cx

TWO = [
    {"customer_id": "ann", "known_since": "2026-01-01", "region": "north"},
    {"customer_id": "bob", "known_since": "2026-01-03", "region": "south"},
]
VISITS = events("ann 2026-01-05 visit", "bob 2026-03-01 letter")
LATE = ["zoe 2026-03-01 note"]
PAID = orders("ann 2026-01-05T12:00 5")


@pytest.fixture
def ws(tmp_path):
    return company(tmp_path, customers=TWO, events=VISITS, orders=PAID)


def test_states(ws):
    tail = "silent for more than 1 day (too few to say more)."
    assert cx.lifecycle(ws, lapse_days=1).finding == (
        f"Of 2 known people 1 has never bought; the one buyer is lapsed: {tail}"
    )
    assert cx.lifecycle(ws, lapse_days=1, as_of="2026-01-06").finding == (
        f"Of 2 known people 1 has never bought; the one buyer is not lapsed: not {tail}"
    )
    history = cx.lifecycle_history(ws, lapse_days=1)
    assert history.finding == (
        "On 01 Mar 2026, 1 of 1 buyer is lapsed; the data are too few or too short for a history, "
        "since a silence of more than 1 day has to pass first."
    )
    assert history.chart().layout.title.text == "<b>0 of 1 buyer has not lapsed</b>"
    moves = cx.lifecycle_moves(ws, since="2026-01-04")
    assert moves.finding == (
        "Of 2 prospects on 04 Jan 2026, 1 has bought by 01 Mar 2026 (too few to say more)."
    )


def test_buyers_of_all_who_are_known(tmp_path):
    ws = company(tmp_path, orders=orders("ann 2026-01-05 5", "bob 2026-01-05 5"))
    assert cx.lifecycle(ws, lapse_days=5).finding == (
        "All 2 known people have bought; 0 of the 2 buyers are lapsed: silent for more than 5 days "
        "(too few to say more)."
    )


def test_groups_and_prospects(ws):
    assert cx.lapse_groups(ws, by="region").finding == (
        "The one buyer is of one kind, 'north': by region there is nothing to compare."
    )


def test_a_prospect(tmp_path):
    late = [*TWO, {"customer_id": "cid", "known_since": "2026-01-06"}]
    paid = orders("ann 2026-01-01T12:00 5", "bob 2026-01-02 5", "dan 2026-01-09 5")
    prospects = cx.prospect_conversion(company(tmp_path, customers=late, orders=paid))
    assert prospects.finding == (
        "1 prospect can be followed, who has not bought: too few to say more."
    )
    early = cx.prospect_conversion(company(tmp_path / "early", customers=late[:1], orders=PAID))
    assert early.caveats == (
        "Left out: 1 who was known before the first order in the data: whether they had bought "
        "before cannot be seen.",
    )


def test_a_funnel(ws):
    whole = cx.stage_funnel(ws, stages=["visit", "ordered"], within_days=30)
    assert whole.finding == "The one customer at 'visit' got to 'ordered' within 30 days."


def test_a_funnel_in_another_order(tmp_path):
    ws = company(tmp_path, events=events("ann 2026-01-05 visit", "ann 2026-01-09 letter", *LATE))
    assert cx.stage_funnel(ws, stages=["letter", "visit"], within_days=1).caveats[0] == (
        "The one who got no further than 'letter' does have 'visit', but before 'letter' or more "
        "than 1 day after they entered."
    )


def test_people_who_may_be_one(tmp_path):
    assert cx.identity_links(company(tmp_path, orders=PAID)).finding == (
        "Fewer than two people are known: nobody can be counted twice."
    )


def test_comments_and_answers(tmp_path):
    answer = {"feedback_id": "f", "customer_id": "ann", "given_at": "2026-01-06", "scale": 10}
    answer |= {"metric": "nps", "score": 9, "comment": "Lovely, thank you", "touchpoint": "shop"}
    ws = company(tmp_path, customers=TWO, feedback=[answer])
    assert cx.score(ws, by="touchpoint").finding == (
        "The one answer to NPS falls in one segment, 'shop': by touchpoint there is nothing to "
        "compare."
    )
    assert cx.quotes(ws, sentiment="negative").finding == (
        "The one comment does not match 'negative'."
    )
    assert cx.quotes(ws, metric="nps").finding == "1 of 1 comment matches 'nps'; it is shown."
