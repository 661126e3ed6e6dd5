"""What the exports carry, judged by hand, and everything odd in them counted aloud."""

from datetime import datetime
from typing import Any

from company import company, events, orders

import cxkit as cx
from cxkit.analyses.start.readiness import NEEDS
from cxkit.notes import end_note

JOURNEY = {"journey": {"stages": ["visit", "buy"]}}
FULL: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {
            "customer_id": f"c{i}",
            "known_since": "2026-05-01T10:00",
            "preferred_channel": "e-mail",
            "attributes": '{"First Name": "Ann"}',
        }
        for i in range(40)
    ],
    "orders": orders(*[f"c{i % 10} 2026-05-{1 + i % 28:02}T10:0{i % 10} 5" for i in range(40)]),
    "feedback": [
        {
            "customer_id": f"c{i}",
            "metric": "nps",
            "score": 9,
            "question": "How likely are you to recommend us?",
            "comment": "Great",
            "invited_at": "2026-05-01T10:00",
            "given_at": "2026-05-20T11:00",
            "answered_at": "2026-05-21T11:00",
        }
        for i in range(40)
    ],
}

# everyone answers here, and nobody rates a single aspect
LACKING = {
    ("score_weighted", "feedback.silent"): (
        "missing",
        "no row of feedback is an invitation that nobody answered",
    ),
    ("drivers", "feedback.aspects"): (
        "missing",
        "no row of feedback rates an aspect beside an overall score",
    ),
}
# nobody has contracts, events or tickets here, so nothing is asked about them
UNASKED = {need.analysis for need in NEEDS} - {n.analysis for n in NEEDS if not n.if_any}
QUESTIONS = len({need.analysis for need in NEEDS} - UNASKED)


def verdicts(result: cx.Result) -> dict[str, str]:
    return dict(result.table.select("analysis", "verdict").iter_rows())


def flaws(result: cx.Result) -> dict[tuple[str, str], tuple[str, str]]:
    rows = result.table.filter(result.table["reason"].is_not_null())
    return {
        (row["analysis"], row["field"]): (row["state"], row["reason"])
        for row in rows.iter_rows(named=True)
    }


def test_good_exports(tmp_path):
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL))
    assert {name for name, told in verdicts(ready).items() if told != "go"} == {
        name for name, _ in LACKING
    }
    assert flaws(ready) == LACKING
    assert ready.finding == (
        f"{QUESTIONS - 2} of {QUESTIONS} questions can be answered in full; 'score_weighted', "
        "'drivers' are not possible ('score_weighted': no row of feedback is an invitation that "
        "nobody answered); collect next: export the invitations too, answered or not."
    )
    asked = [n for n in NEEDS if n.analysis not in UNASKED]
    assert ready.table["collect_next"].null_count() + 2 == ready.table.height == len(asked)
    filled = dict(ready.table.select("field", "filled_share").iter_rows())
    assert filled.pop("orders.repeated") == 0.75  # each of 10 customers came back three times
    assert 0 < filled.pop("timeline.amount") < 1  # orders have one, tickets none
    assert filled.pop("feedback.silent") == filled.pop("feedback.aspects") == 0
    assert filled.pop("timeline.answered") == 0.5  # 40 comments beside 40 orders
    absent = {field for field, share in filled.items() if share is None}
    # nobody visits, so nobody enters the journey
    assert absent == {
        f"{table}.known" for table in ("sessions", "entrants", "events", "tickets", "messages")
    }
    states = dict(ready.table.select("field", "state").iter_rows())
    assert {field for field, state in states.items() if state == "absent"} == absent
    assert all(share == 1 for field, share in filled.items() if field not in absent)
    row = ready.table.filter(ready.table["field"] == "orders.ordered_at").row(0, named=True)
    assert (row["rows"], row["linked_share"], row["days_old"]) == (40, 1, 0)
    assert row["latest"] == datetime(2026, 5, 28, 10, 7)
    assert ready.n == 120


def test_what_is_missing_is_named_with_the_next_step(tmp_path):
    anonymous = [
        row | {"customer_id": row["customer_id"] if i < 32 else None}
        for i, row in enumerate(FULL["feedback"])
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"feedback": anonymous}))
    assert verdicts(ready)["score"] == verdicts(ready)["journeys"] == "limited"
    why = ("would help", "20 % of 40 rows of feedback belong to nobody known")
    assert flaws(ready) == {
        ("score", "feedback.known"): why,
        ("journeys", "feedback.known"): why,
        ("score_weighted", "feedback.known"): ("partly", why[1]),
        ("after_theme", "feedback.known"): ("partly", why[1]),
        **LACKING,
    }
    assert ready.finding.startswith(
        f"{QUESTIONS - 5} of {QUESTIONS} questions can be answered in full; 'journeys', 'score', "
        "'after_theme' are limited ('after_theme': 20 % of 40 rows of feedback belong to nobody "
        "known); "
    )
    steps = ready.table["collect_next"].drop_nulls().to_list()
    assert steps.count("send surveys with a personal link") == 4
    assert "8 rows (20.0 %) of feedback without any id" in " ".join(ready.caveats)


def test_few_rows_and_old_rows_are_limited(tmp_path):
    few = company(tmp_path / "few", JOURNEY, orders=FULL["orders"][:2])
    ready = cx.readiness(few)
    assert flaws(ready)["lapse_curve", "orders.ordered_at"] == (
        "partly",
        "only 2 rows of orders with ordered_at",
    )
    assert verdicts(ready)["lifecycle"] == "limited"
    assert verdicts(ready)["lapse_curve"] == verdicts(ready)["score"] == "no-go"
    old = company(tmp_path / "old", JOURNEY, **FULL, events=events("c1 2026-07-01T10:00 visit"))
    assert flaws(cx.readiness(old))["score", "feedback.score"] == (
        "partly",
        "the newest row of feedback is 41 days old",
    )


def test_unlinked_visitors_limit_the_funnel(tmp_path):
    visits = [
        {"visitor_id": f"v{i}", "occurred_at": f"2026-05-20T12:{i:02}", "event": "visit"}
        for i in range(60)
    ] + events(*[f"c{i} 2026-05-20T12:00 visit" for i in range(20)])
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL, events=visits))
    assert flaws(ready)["stage_funnel", "entrants.known"] == (
        "would help",
        "75 % of the 80 who enter the journey are visitors whom nobody could link to a person",
    )
    assert flaws(ready)["journeys", "events.known"] == (
        "would help",
        "75 % of the 80 people and visitors with events are visitors whom nobody could link to a "
        "person",
    )
    assert ready.table.filter(ready.table["field"] == "timeline.stage")["linked_share"][0] == 5 / 8


def test_without_a_journey_there_is_no_funnel(tmp_path):
    ready = cx.readiness(company(tmp_path, **FULL))
    walked = {need.analysis for need in NEEDS if need.field == "journey"}
    walked |= {name for name, _ in LACKING}
    assert {name for name, told in verdicts(ready).items() if told == "no-go"} == walked
    assert ready.finding.startswith(
        f"{QUESTIONS - len(walked)} of {QUESTIONS} questions can be answered in full; "
    )
    assert "'stage_funnel'" in ready.finding
    assert ready.finding.endswith(
        "are not possible ('stage_funnel': the settings name no journey); collect next: name the "
        "stages in the settings: [journey] stages."
    )


def test_only_purchases_are_fresh_and_filled(tmp_path):
    """A cancelled order and a refund of July do not make the purchases of May newer."""
    late = orders("c1 2026-07-05T10:00 5", "c2 2026-07-06T10:00 -5", "c3 2026-07-07T10:00 5")
    dead = [row | {"order_id": f"late{i}"} for i, row in enumerate(late)]
    dead[0]["cancelled"] = dead[2]["cancelled"] = True
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"orders": FULL["orders"] + dead}))
    row = ready.table.filter(ready.table["field"] == "orders.ordered_at").row(0, named=True)
    assert (row["rows"], row["latest"], row["days_old"]) == (40, datetime(2026, 5, 28, 10, 7), 39)
    assert flaws(ready)["lifecycle", "orders.ordered_at"] == (
        "partly",
        "the newest purchase is 39 days old",
    )
    none = cx.readiness(company(tmp_path / "none", JOURNEY, **FULL | {"orders": dead}))
    assert flaws(none)["lifecycle", "orders.customer_id"] == (
        "missing",
        "no row of orders is a purchase",
    )


def test_a_date_far_after_all_others_is_said_wherever_it_makes_the_end_of_the_data(tmp_path):
    slip = orders("c1 2049-05-28T10:00 5")[0] | {"order_id": "slip"}
    ws = company(tmp_path / "slip", JOURNEY, **FULL | {"orders": [*FULL["orders"], slip]})
    said = (
        "The data end on 28 May 2049 by no more than 1 of 81 dated rows (in orders): all others "
        "are of 28 May 2026 or before. If the late date is a slip, ask with as_of='2026-05-28'."
    )
    for result in (cx.readiness(ws), cx.lifecycle(ws), cx.lapse_curve(ws), cx.stage_funnel(ws)):
        assert said in result.caveats
    assert said not in cx.lifecycle(ws, as_of="2026-05-28").caveats
    # a pause of 30 days, or more than one row in a hundred after it, is no slip
    for name, when, rows in (("near", "2026-06-27", 1), ("many", "2026-07-30", 2)):
        more = orders(*[f"c{i} {when}T10:00 5" for i in range(rows)])
        more = [row | {"order_id": f"{name}{i}"} for i, row in enumerate(more)]
        ws = company(tmp_path / name, JOURNEY, **FULL | {"orders": FULL["orders"] + more})
        assert end_note(ws) == ()


def test_every_oddity_is_counted_aloud(tmp_path):
    ready = cx.readiness(
        company(
            tmp_path,
            orders=orders("ann 2026-05-01 5", "bob 2026-05-01 -5", "ann 2026-05-01 7"),
            customers=[{"customer_id": "ann"}],
            events=[
                {"occurred_at": "2026-05-02T10:00", "event": "visit"},
                {"visitor_id": "v1", "occurred_at": "2026-05-02T10:00", "event": "visit"},
            ],
            tickets=[{"ticket_id": "t1", "opened_at": "2026-05-02T10:00"}],
            files=[
                {"source_file": "orders.csv", "duplicate": 4},
                {"source_file": "clean.csv", "duplicate": 0},
            ],
            set_aside=[{"source_file": "orders.csv", "reason": "no id"}] * 2,
            doubts=[
                {
                    "source_file": "orders.csv",
                    "column_name": "Paid at",
                    "cells": 3,
                    "example": "soon",
                    "reason": "not a date",
                }
            ],
        )
    )
    assert ready.caveats == (
        "2 rows of orders.csv set aside: no id.",
        "4 rows of orders.csv repeated another and counted once.",
        '3 cells of orders.csv left empty or unused: Paid at (not a date, as in "soon").',
        "1 row (50.0 %) of events without any id: counted, but part of nobody's journey.",
        "1 row (100.0 %) of tickets without any id: counted, but part of nobody's journey.",
        "1 row (25.0 %) of the timeline belong to visitors whom nobody could link to a person.",
        "1 row (33.3 %) of orders with a negative amount: taken as refunds.",
        "1 customer in orders missing from the contact list.",
        "3 rows of orders at midnight sharp: a date without a time of day, it seems.",
        "2 rows (50.0 %) of the timeline share customer and instant with another: the order of "
        "the journey decides which came first.",
    )


def test_an_empty_store_and_one_customer(tmp_path):
    nothing = cx.readiness(company(tmp_path / "empty"))
    assert set(verdicts(nothing).values()) == {"no-go"}
    assert nothing.n == 0
    assert nothing.finding.startswith(f"0 of {QUESTIONS} questions can be")
    assert nothing.chart().layout.title.text
    one = cx.readiness(company(tmp_path / "one", orders=orders("ann 2026-01-05T10:00 20.00")))
    assert verdicts(one)["lifecycle"] == "limited"


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.readiness(company(tmp_path / "a", **FULL))
    two = cx.readiness(company(tmp_path / "b", **{k: v[::-1] for k, v in FULL.items()}))
    assert one.table.equals(two.table)
    assert one.caveats == two.caveats


def test_every_analysis_of_customers_is_judged():
    about_files = {"import_report", "set_aside", "unknown_exports", "import_decisions"}
    exist = {name for name, home in cx._HOMES.items() if home.startswith("cxkit.analyses.")}
    assert {need.analysis for need in NEEDS} == exist - about_files - {"readiness"}


def test_contracts_are_asked_about_where_there_are_any(tmp_path):
    months = [
        {"customer_id": f"c{i}", "month": f"2026-0{1 + i % 5}-01", "amount": 9} for i in range(40)
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL, subscriptions=months))
    assert verdicts(ready)["contract_retention"] == "go"
    assert ready.finding.startswith(f"{QUESTIONS - 1} of {QUESTIONS + 1} questions can be ")
    assert "contract_retention" not in verdicts(cx.readiness(company(tmp_path / "none")))


def test_a_shop_where_hardly_anybody_returns_carries_no_model_of_value(tmp_path):
    once = [f"c{i} 2026-05-{1 + i % 28:02} 5" for i in range(800)]
    again = [f"c{i} 2026-05-{2 + i % 27:02}T10:00 5" for i in range(35)]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"orders": orders(*once, *again)}))
    why = ("partly", "96 % of 835 rows of orders follow no other of their customer")
    assert flaws(ready) == {
        ("best_customers", "orders.repeated"): why,
        ("value_check", "orders.repeated"): why,
        **LACKING,
    }


def test_customers_who_never_come_back_limit_the_lapse_curve(tmp_path):
    once = orders(*[f"c{i} 2026-05-{1 + i % 28:02}T10:00 5" for i in range(40)])
    again = orders(*[f"c{i} 2026-05-{1 + i % 28:02}T10:00 5" for i in range(35)], "c1 2026-05-09 5")
    some = cx.readiness(company(tmp_path / "some", JOURNEY, **FULL | {"orders": again}))
    assert flaws(some)["lapse_curve", "orders.repeated"] == (
        "partly",
        "only 1 row of orders that follow another of their customer",
    )
    none = cx.readiness(company(tmp_path / "none", JOURNEY, **FULL | {"orders": once}))
    assert verdicts(none)["lapse_curve"] == "no-go"
    assert verdicts(none)["lifecycle"] == "go"


def test_linkable_is_counted_per_table_and_session(tmp_path):
    """Ann logs in once in the first of two visits: the whole visit is hers."""
    web = [
        {"visitor_id": "v", "session": "s1", "occurred_at": "2026-05-20T12:00", "event": "visit"},
        {"customer_id": "c1", "session": "s1", "occurred_at": "2026-05-20T12:01", "event": "buy"},
        {"visitor_id": "w", "session": "s2", "occurred_at": "2026-05-20T12:02", "event": "visit"},
    ]
    desk = [
        {"ticket_id": "t1", "customer_id": "c1", "opened_at": "2026-05-20T12:00"},
        {"ticket_id": "t2", "opened_at": "2026-05-20T12:00"},
        {"ticket_id": "t3", "opened_at": "2026-05-20T12:00"},
        {"ticket_id": "t4", "opened_at": "2026-05-20T12:00"},
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL, events=web, tickets=desk)).table
    linked = dict(ready.select("field", "linked_share").iter_rows())
    assert linked["sessions.known"] == 1 / 2
    assert linked["events.known"] == 1 / 3
    assert linked["entrants.known"] == 0
    assert linked["tickets.known"] == 1 / 4
    assert linked["messages.known"] is None


def test_what_the_import_decided_is_told_by_file(tmp_path):
    zone = "Times without a zone are taken as Europe/Berlin"
    late = [
        {"ticket_id": f"t{i}", "opened_at": f"2026-05-{1 + i % 28:02}T12:{i:02}"} for i in range(28)
    ] + [{"ticket_id": "late", "opened_at": "2026-05-02T12:00"}]
    said = cx.readiness(
        company(
            tmp_path,
            tickets=late,
            files=[
                {"source_file": "a.csv", "note": f"{zone}. 2 records set aside."},
                {"source_file": "b.csv", "note": f"{zone}. 1 line left out: footer."},
            ],
            aliases=[{"alias": "customer:9", "customer_id": "1"}],
        )
    ).caveats
    assert said[-4:] == (
        "1 row of tickets.csv stand more than a day below later ones: late arrivals or repeats, "
        "put in their place in time.",
        "1 row (100.0 %) of the table aliases are former ids: they stand for the person they were "
        "merged into.",
        f"a.csv, b.csv: {zone}.",
        "b.csv: 1 line left out: footer.",
    )


def test_comments_in_another_language_limit_sentiment(tmp_path):
    foreign = [
        row | {"comment": "O produto chegou antes do prazo e estou muito satisfeito"}
        for row in FULL["feedback"]
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"feedback": foreign}))
    assert verdicts(ready)["sentiment"] == "no-go"
    assert (
        flaws(ready)
        == {
            (analysis, "comments.english"): ("missing", "100% of the comments are not English")
            for analysis in ("sentiment", "rating_text_gap", "intents")
        }
        | LACKING
    )


def test_whatever_tells_of_answers_carries_the_question_whether_we_answer(tmp_path):
    def told(name: str, **tables: Any) -> tuple[str | None, bool]:
        ws = company(tmp_path / name, JOURNEY, **tables, events=events("c1 2026-05-20 visit"))
        says = cx.answered(ws).finding
        return verdicts(cx.readiness(ws)).get("answered"), says.startswith("Cannot say")

    day = "2026-05-01T10:00"
    tickets = [{"ticket_id": f"t{i}", "customer_id": f"c{i}", "opened_at": day} for i in range(40)]
    replied = [row | {"first_reply_at": "2026-05-01T12:00"} for row in tickets]
    inbound = [
        {"message_id": f"m{i}", "customer_id": f"c{i}", "sent_at": day, "direction": "in"}
        for i in range(40)
    ]
    outbound = [
        row | {"message_id": f"o{row['message_id']}", "direction": "out"} for row in inbound
    ]
    comments = [
        {"feedback_id": f"f{i}", "customer_id": f"c{i}", "given_at": day, "comment": "Why so late?"}
        for i in range(40)
    ]
    replied_to = [row | {"answered_at": "2026-05-01T12:00"} for row in comments]
    assert told("tickets", tickets=replied) == ("go", False)
    assert told("tickets without a reply", tickets=tickets) == ("no-go", True)
    assert told("messages", messages=inbound + outbound) == ("go", False)
    assert told("messages of one side", messages=inbound) == ("no-go", True)
    assert told("comments", feedback=replied_to) == ("go", False)
    assert told("comments without a reply", feedback=comments) == ("no-go", True)
    assert told("both", tickets=replied, feedback=comments) == ("limited", False)


def test_drivers_need_aspects_beside_an_overall_score(tmp_path):
    def rated(name: str, *metrics: str) -> str:
        rows = [
            {"metric": m, "score": 4, "question": "Price", "record_no": i, "given_at": "2026-05-20"}
            for i in range(40)
            for m in metrics
        ]
        return verdicts(cx.readiness(company(tmp_path / name, feedback=rows)))["drivers"]

    assert rated("both", "item", "csat") == "go"
    assert rated("aspects alone", "item") == rated("scores alone", "csat") == "no-go"


def test_fields_of_tickets_are_counted(tmp_path):
    tickets = [
        {
            "ticket_id": f"t{i}",
            "customer_id": f"c{i}",
            "topic": "late",
            "transfers": 1,
            "asked_again": 0,
            "opened_at": "2026-05-20T10:00",
            "resolved_at": "2026-05-21T10:00",
        }
        for i in range(40)
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL, tickets=tickets))
    assert verdicts(ready)["handoffs"] == "go"
