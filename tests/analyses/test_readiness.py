"""What the exports carry, judged by hand, and everything odd in them counted aloud."""

from datetime import datetime
from typing import Any

from company import company, events, orders

import cxkit as cx
from cxkit.analyses.start.readiness import NEEDS

JOURNEY = {"journey": {"stages": ["visit", "buy"]}}
FULL: dict[str, list[dict[str, Any]]] = {
    "customers": [{"customer_id": f"c{i}"} for i in range(40)],
    "orders": orders(*[f"c{i} 2026-05-{1 + i % 28:02}T10:0{i % 10} 5" for i in range(40)]),
    "feedback": [
        {
            "customer_id": f"c{i}",
            "metric": "nps",
            "score": 9,
            "comment": "Great",
            "invited_at": "2026-05-01T10:00",
            "given_at": "2026-05-20T11:00",
        }
        for i in range(40)
    ],
}


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
    assert set(verdicts(ready).values()) == {"go"}
    assert ready.finding == "All 6 questions can be answered in full."
    assert ready.table["collect_next"].null_count() == len(NEEDS)
    assert ready.table["filled_share"].to_list() == [1] * len(NEEDS)
    row = ready.table.row(0, named=True)
    assert (row["rows"], row["linked_share"], row["days_old"]) == (40, 1, 0)
    assert row["latest"] == datetime(2026, 5, 28, 10, 7)
    assert ready.n == 120


def test_what_is_missing_is_named_with_the_next_step(tmp_path):
    anonymous = [
        row | {"customer_id": row["customer_id"] if i < 32 else None}
        for i, row in enumerate(FULL["feedback"])
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"feedback": anonymous}))
    assert verdicts(ready)["score"] == "limited"
    assert flaws(ready) == {
        ("score", "feedback.customer_id"): (
            "would help",
            "20 % of 40 rows of feedback have no customer_id",
        )
    }
    assert ready.finding == (
        "5 of 6 questions can be answered in full; 'score' is limited (20 % of 40 rows of "
        "feedback have no customer_id)."
    )
    steps = ready.table["collect_next"].drop_nulls().to_list()
    assert steps == ["send surveys with a personal link"]
    assert "8 rows (20.0 %) of feedback without any id" in " ".join(ready.caveats)


def test_few_rows_and_old_rows_are_limited(tmp_path):
    few = company(tmp_path / "few", JOURNEY, orders=FULL["orders"][:2])
    ready = cx.readiness(few)
    assert flaws(ready)["lapse_curve", "orders.ordered_at"] == (
        "partly",
        "only 2 rows of orders with ordered_at",
    )
    assert verdicts(ready)["lapse_curve"] == "limited"
    assert verdicts(ready)["score"] == "no-go"
    old = company(tmp_path / "old", JOURNEY, **FULL, events=events("c1 2026-07-01T10:00 visit"))
    assert flaws(cx.readiness(old))["score", "feedback.score"] == (
        "partly",
        "the newest row of feedback is 41 days old",
    )


def test_unlinked_visitors_limit_the_funnel(tmp_path):
    visits = [
        {"visitor_id": f"v{i}", "occurred_at": f"2026-05-20T12:{i:02}", "event": "visit"}
        for i in range(60)
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL, events=visits))
    assert flaws(ready)["stage_funnel", "timeline.known"] == (
        "would help",
        "43 % of 140 rows of timeline belong to nobody known",
    )
    assert ready.table.filter(ready.table["field"] == "timeline.stage")["linked_share"][0] == 4 / 7


def test_without_a_journey_there_is_no_funnel(tmp_path):
    ready = cx.readiness(company(tmp_path, **FULL))
    assert verdicts(ready)["stage_funnel"] == "no-go"
    assert ready.finding == (
        "5 of 6 questions can be answered in full; 'stage_funnel' is not possible (the settings "
        "name no journey)."
    )


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
    assert nothing.finding.startswith("0 of 6 questions can be answered in full; ")
    assert nothing.chart().layout.title.text
    one = cx.readiness(company(tmp_path / "one", orders=orders("ann 2026-01-05T10:00 20.00")))
    assert verdicts(one)["lifecycle"] == "limited"


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.readiness(company(tmp_path / "a", **FULL))
    two = cx.readiness(company(tmp_path / "b", **{k: v[::-1] for k, v in FULL.items()}))
    assert one.table.equals(two.table)
    assert one.caveats == two.caveats


def test_only_analyses_that_exist_are_judged():
    assert {need.analysis for need in NEEDS} <= set(dir(cx))


def test_comments_in_another_language_limit_sentiment(tmp_path):
    foreign = [
        row | {"comment": "O produto chegou antes do prazo e estou muito satisfeito"}
        for row in FULL["feedback"]
    ]
    ready = cx.readiness(company(tmp_path, JOURNEY, **FULL | {"feedback": foreign}))
    assert verdicts(ready)["sentiment"] == "no-go"
    assert flaws(ready) == {
        ("sentiment", "comments.english"): ("missing", "100% of the comments are not English")
    }
