"""Which requests were answered in time, on a desk small enough to count."""

from typing import Any

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion


def message(who: str, when: str, direction: str = "in", **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "sent_at": when, "direction": direction, **more}


def numbered(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"message_id": f"m{number}", **row} for number, row in enumerate(rows)]


LATE = message("zoe", "2026-03-01", "out", purpose="ask")  # ends the data


def test_messages_by_hand(tmp_path):
    rows = numbered(
        message("ann", "2026-01-01T08:00", thread="1"),
        message("ann", "2026-01-01T08:01", "out", thread="1", automatic=True),
        message("ann", "2026-01-02T08:00", "out", thread="1"),  # a day later
        message("bob", "2026-01-01T08:00", thread="2"),
        message("bob", "2026-01-02T08:00", "out", thread="3", purpose="ask"),  # no answer
        message("cem", "2026-01-01T08:00", thread="4"),
        message("cem", "2026-01-20T08:00", "out", thread="4"),  # too late
        message("dia", "2026-02-25T08:00", thread="5"),  # its days are not over
        LATE,
    )
    found = cx.answered(company(tmp_path, messages=rows))
    row = found.table.row(0, named=True)
    assert found.table.height == 1
    assert (row["requests"], row["unfinished"], row["base"], row["in_time"]) == (4, 1, 3, 1)
    assert row["share_in_time"] == pytest.approx(1 / 3)
    assert row["median_days"] is None  # too few to say
    assert found.finding == (
        "Too few to say whether customers are answered: at most 3 requests of a kind had 14 days "
        "time."
    )
    longer = cx.answered(company(tmp_path / "again", messages=rows), within_days=20)
    assert longer.table["in_time"].to_list() == [2]


def test_without_threads_an_answer_is_what_is_written_to_the_same_customer(tmp_path):
    rows = numbered(
        message("ann", "2026-01-01"),
        message("ann", "2026-01-02", "out", purpose="ask"),
        message("ann", "2026-01-03", "out", purpose="give"),
        message("bob", "2026-01-01"),
        message("eve", "2026-01-02", "out", purpose="give"),
        LATE,
    )
    found = cx.answered(company(tmp_path, messages=rows))
    assert found.table["in_time"].to_list() == [1]


def desk(answered: int, waiting: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(answered + waiting):
        who, thread = f"c{number:03}", f"t{number:03}"
        rows.append(message(who, "2026-01-01T00:00", thread=thread))
        if number < answered:
            rows.append(message(who, f"2026-01-{2 + number // 15:02}", "out", thread=thread))
    return numbered(*rows, LATE)


def test_the_median_counts_those_who_still_wait(tmp_path):
    """45 answers, 15 a day on days 1 to 3, and 15 never: half of the 60 have one after 2 days."""
    found = cx.answered(company(tmp_path, messages=desk(45, 15)))
    row = found.table.row(0, named=True)
    assert (row["median_days"], row["median_days_of_answered"]) == (2, 2)
    assert found.finding == (
        "Of 60 messages 75.0 % (62.8–84.2) were answered by a person within 14 days, half within "
        "2.0 days."
    )
    found = cx.answered(company(tmp_path / "more", messages=desk(45, 35)))
    row = found.table.row(0, named=True)
    assert (row["median_days"], row["median_days_of_answered"]) == (3, 2)
    assert (
        "Of 'messages answered' the median of those answered alone (2.0 days) is too short: it "
        "leaves out who still waits."
    ) in found.caveats
    never = cx.answered(company(tmp_path / "most", messages=desk(15, 45)))
    assert never.table["median_days"].to_list() == [None]
    assert "half within" not in never.finding


def test_tickets_and_comments(tmp_path):
    tickets = [
        {
            "ticket_id": f"t{n}",
            "customer_id": f"c{n}",
            "opened_at": "2026-01-01",
            "first_reply_at": "2026-01-02" if n < 30 else None,
            "resolved_at": "2026-01-04" if n < 20 else None,
        }
        for n in range(40)
    ]
    feedback = [
        {
            "feedback_id": f"f{n}",
            "customer_id": f"c{n}",
            "given_at": "2026-01-01",
            "comment": "Please add a search box." if n % 2 else "Do you deliver on Saturdays?",
            "answered_at": "2026-01-02" if n < 20 else None,
        }
        for n in range(80)
    ]
    rows = numbered(LATE)
    found = cx.answered(company(tmp_path, tickets=tickets, feedback=feedback, messages=rows))
    assert found.table.select("what", "base", "in_time").rows() == [
        ("tickets answered", 40, 30),
        ("tickets resolved", 40, 20),
        ("questions in comments answered", 40, 10),
        ("suggestions acknowledged", 40, 10),
    ]
    assert found.finding.startswith(
        "Of 40 tickets 75.0 % (59.8–85.8) got a first reply within 14 days, half within 24 hours; "
        "of 40 tickets 50.0 % (35.2–64.8) were resolved; of 40 questions in comments 25.0 % "
    )
    assert "Whether messages are answered cannot be said: no export holds any." in found.caveats
    title = found.chart().layout.title.text
    assert title == "<b>Least often done: questions in comments answered, 25% of 40</b>"


def test_an_export_that_never_says_when_is_not_one_of_no_answers(tmp_path):
    tickets = [
        {"ticket_id": "t1", "customer_id": "ann", "opened_at": "2026-01-01"},
    ]
    feedback = [{"feedback_id": "f1", "given_at": "2026-01-01", "comment": "Why is it late?"}]
    found = cx.answered(company(tmp_path, tickets=tickets, feedback=feedback))
    assert found.table.is_empty()
    assert found.finding.startswith("Cannot say: there are no messages of customers, and no")
    assert any("no export tells when somebody wrote back" in note for note in found.caveats)
    assert found.chart().layout.title.text.startswith("<b>Cannot say: ")


def test_what_was_answered_later_is_not_known_yet(tmp_path):
    ws = company(tmp_path, messages=desk(45, 15))
    early = cx.answered(ws, within_days=1, as_of="2026-01-03T12:00")
    assert early.table["in_time"].to_list() == [15]
    assert early.table["requests"].to_list() == [60]


def test_many_messages_of_one_customer_make_the_interval_wider(tmp_path):
    rows = desk(30, 30)
    one = cx.answered(company(tmp_path / "one", messages=rows)).table.row(0, named=True)
    for row in rows:
        if row["customer_id"] != "zoe":
            row["customer_id"] = f"d{int(row['customer_id'][1:]) // 10}"
    same = cx.answered(company(tmp_path / "same", messages=rows)).table.row(0, named=True)
    assert same["customers"] == 6
    assert same["share_in_time_low"] < one["share_in_time_low"] - 0.1


def test_no_data_and_no_days(tmp_path):
    ws = company(tmp_path)
    assert cx.answered(ws).finding.startswith("Cannot say: ")
    with pytest.raises(BadQuestion):
        cx.answered(ws, within_days=0)


def test_messages_of_one_side_tell_nothing(tmp_path):
    rows = numbered(*[message(f"c{n}", "2026-01-01") for n in range(40)])
    found = cx.answered(company(tmp_path, messages=rows))
    assert found.table.is_empty()
    assert (
        "Whether messages are answered cannot be said: no export holds the company's own."
        in found.caveats
    )


def test_a_thread_tells_the_answer_to_somebody_unknown(tmp_path):
    unknown = {"sent_at": "2026-01-01", "direction": "in"}
    rows = numbered(
        {**unknown, "thread": "1"},
        {"sent_at": "2026-01-02", "direction": "out", "thread": "1"},
        {**unknown, "thread": "2"},
        unknown,  # nothing tells which answer would be theirs
        LATE,
    )
    found = cx.answered(company(tmp_path, messages=rows))
    assert found.table.select("requests", "customers", "in_time").rows() == [(2, 2, 1)]
    assert (
        "Left out: 1 message without a thread and of nobody known, of which no answer could be "
        "found." in found.caveats
    )


def asked(number: int, **more: Any) -> dict[str, Any]:
    row = {"feedback_id": f"f{number}", "customer_id": f"c{number}"}
    return {**row, "comment": "Do you deliver on Saturdays?", **more}


def test_comments_without_a_date_are_not_lost(tmp_path):
    first = [asked(n, given_at="2026-01-01", answered_at="2026-01-02") for n in range(40)]
    invited = [asked(n, invited_at="2026-01-01") for n in range(40, 80)]
    found = cx.answered(
        company(tmp_path / "invited", feedback=first + invited, messages=numbered(LATE))
    )
    assert found.table.select("what", "base", "in_time").rows() == [
        ("questions in comments answered", 80, 40)
    ]
    assert not any("nothing tells when" in note for note in found.caveats)
    undated = [asked(n) for n in range(40, 80)] + [asked(80, comment="It came in a box")]
    found = cx.answered(
        company(tmp_path / "undated", feedback=first + undated, messages=numbered(LATE))
    )
    assert found.finding.startswith("Of 40 questions in comments 100.0 %")
    assert (
        "Left out: 40 comments that ask, suggest or complain, of which nothing tells when."
        in found.caveats
    )


def complaints(*days: str | None, who: str = "c") -> list[dict[str, Any]]:
    """Write complaints of 10 January, each with the day of its reply."""
    return [
        {"feedback_id": f"{who}{n}", "customer_id": f"{who}{n}", "given_at": "2026-01-10",
         "comment": "My order never arrived, this is terrible!", "answered_at": day}
        for n, day in enumerate(days)
    ]  # fmt: skip


def ticket(who: str, opened: str, resolved: str | None = None, **more: Any) -> dict[str, Any]:
    number = f"{who} {opened} {resolved}"
    return {"ticket_id": number, "customer_id": who, "opened_at": opened,
            "resolved_at": resolved} | more  # fmt: skip


ROW = ("what", "requests", "base", "in_time", "by_reply", "by_ticket")


def settled(folder: Any, feedback: list, tickets: list, **how: Any) -> Any:
    return cx.answered(
        company(folder, feedback=feedback, tickets=tickets, messages=numbered(LATE)), **how
    )


def test_a_ticket_near_a_complaint_settles_it_once_resolved(tmp_path):
    fed = complaints("2026-01-12", *[None] * 9, "2026-01-20", "2026-01-12")
    desk = [
        ticket("c1", "2026-01-03", "2026-01-15"),  # seven days before, resolved after the comment
        ticket("c2", "2026-01-17", "2026-01-24"),  # seven days after, resolved on the last day
        ticket("c3", "2026-01-17T00:01", "2026-01-18"),  # too far
        ticket("c4", "2026-01-10", None, reopened=1),  # open again
        ticket("c5", "2026-01-05", "2026-01-09"),  # closed before they complained
        ticket("c6", "2026-01-11", "2026-01-12"),
        ticket("c6", "2026-01-12", None),  # one of two is open
        ticket("c7", "2026-01-11", "2026-01-12", reopened=2),  # the last time that it was
        ticket("c7", "2026-01-11", "2026-01-14"),
        ticket("c8", "2026-01-11", "2026-01-25"),  # after more than fourteen days
        ticket("x", "2026-01-11", "2026-01-12"),  # somebody else's
        ticket("c10", "2026-01-11", "2026-01-13"),  # before the reply
        ticket("c11", "2026-01-11", "2026-01-13"),  # after the reply
    ]
    found = settled(tmp_path, fed, desk)
    row = found.table.select(ROW).row(-1)
    assert row == ("complaints in comments settled", 12, 12, 6, 2, 4)
    assert found.caveats[2] == (
        "Beside 8 of 12 complaints in comments stands a ticket within 7 days that was not closed "
        "before, still open in 2; that it is of the same matter is taken for granted."
    )
    assert "complaints in comments answered" not in found.table["what"].to_list()
    early = settled(tmp_path / "early", fed, desk, as_of="2026-01-24T00:00")
    # what was resolved on the day after is open still, as are the complaints of nobody's ticket
    assert early.table.select(ROW).row(-1) == row
    before = settled(tmp_path / "before", fed, desk, as_of="2026-01-14T00:00", within_days=4)
    assert before.table.select(ROW).row(-1)[1:] == (12, 12, 4, 2, 2)


def test_a_closed_ticket_without_a_time_is_neither_open_nor_settling(tmp_path):
    fed = complaints("2026-01-12", *[None] * 4)
    desk = [
        ticket("c1", "2026-01-11", status="Closed"),
        ticket("c2", "2026-01-11", status="Solved - by phone"),
        ticket("c2", "2026-01-11", "2026-01-13", status="Solved"),
        ticket("c3", "2026-01-11", status="Open"),
        ticket("c4", "2026-01-11", "2026-01-14"),
    ]
    found = settled(tmp_path, fed, desk)
    assert found.table.select(ROW).row(-1) == ("complaints in comments settled", 5, 5, 3, 1, 2)
    assert found.caveats[2:4] == (
        "Beside 2 complaints in comments stands a ticket that is closed, of which nothing tells "
        "when: it is taken for none.",
        "Beside 3 of 5 complaints in comments stands a ticket within 7 days that was not closed "
        "before, still open in 1; that it is of the same matter is taken for granted.",
    )


def test_the_finding_says_how_many_were_settled_which_way(tmp_path):
    fed = complaints(*["2026-01-12"] * 20, *[None] * 20)
    desk = [ticket(f"c{n}", "2026-01-11", "2026-01-14") for n in range(20, 30)]
    desk += [ticket(f"c{n}", "2026-01-11") for n in range(30, 35)]
    found = settled(tmp_path, fed, desk)
    assert found.finding == (
        "Of 40 complaints in comments 75.0 % (59.8–85.8) were settled within 14 days, half within "
        "2.0 days (20 by a reply, 10 by a ticket)."
    )
    row = found.table.row(-1, named=True)
    assert (row["median_days"], row["median_days_of_answered"]) == (2, 2)
    assert found.table["by_ticket"].null_count() == found.table.height - 1


def test_suggestions_and_questions_are_not_settled_by_tickets(tmp_path):
    fed = complaints(None)
    fed += [asked(1, given_at="2026-01-10", answered_at="2026-01-12"),
            asked(2, given_at="2026-01-10")]  # fmt: skip
    desk = [ticket(who, "2026-01-11", "2026-01-12") for who in ("c0", "c1", "c2")]
    table = settled(tmp_path, fed, desk).table
    assert table.select(ROW).rows()[-2:] == [
        ("questions in comments answered", 2, 2, 1, None, None),
        ("complaints in comments settled", 1, 1, 1, 0, 1),
    ]


def test_without_a_ticket_a_reply_alone_settles_a_complaint(tmp_path):
    found = settled(tmp_path / "none", complaints("2026-01-12", None), [])
    assert found.table.select(ROW).rows() == [
        ("complaints in comments answered", 2, 2, 1, None, None)
    ]
    told = (
        "Nothing but a reply settles the 2 complaints in comments: beside none stands a ticket "
        "within 7 days that was not closed before."
    )
    assert told in found.caveats
    # a desk that never says when it resolved does not say that it did not
    never = settled(
        tmp_path / "never", complaints("2026-01-12", None), [ticket("c1", "2026-01-11")]
    )
    assert never.table.select(ROW).row(-1) == found.table.select(ROW).row(0)
    assert told in never.caveats


def test_where_no_export_tells_of_replies_only_complaints_with_a_ticket_count(tmp_path):
    desk = [ticket("c0", "2026-01-11", "2026-01-12"), ticket("c1", "2026-01-11")]
    fed = [*complaints(None, None, None), asked(7, given_at="2026-01-10")]
    found = settled(tmp_path, fed, desk)
    assert found.table.select(ROW).row(-1) == ("complaints in comments settled", 2, 2, 1, 0, 1)
    assert (
        "No export tells when somebody replied to a comment: 1 complaint without a ticket is left "
        "out, and nothing is said of questions and suggestions in comments." in found.caveats
    )


def test_a_share_of_those_with_a_ticket_is_not_told_as_one_of_all(tmp_path):
    fed = complaints(*[None] * 400)
    fed += [{**one, "given_at": "2026-02-25"} for one in complaints(*[None] * 9, who="young")]
    desk = [ticket(f"c{n}", "2026-01-11", "2026-01-12") for n in range(40)]
    desk += [ticket("young0", "2026-02-26")]
    found = settled(tmp_path, fed, desk)
    assert found.finding.endswith(
        "f the 40 of 400 complaints in comments that have a ticket 100.0 % (91.2–100.0) were "
        "settled (0 by a reply, 40 by a ticket)."
    )
    row = found.table.row(-1, named=True)
    assert (row["requests"], row["base"], row["without_ticket"]) == (41, 40, 360)
    assert (
        "No export tells when somebody replied to a comment: 368 complaints without a ticket are "
        "left out, and nothing is said of questions and suggestions in comments." in found.caveats
    )
    assert any(note.startswith("Beside 41 of 409 complaints in") for note in found.caveats)
    alone = found.draw(found.table.tail(1))
    assert alone.layout.title.text == (
        "<b>Least often done: complaints in comments settled, 100% of 40 with a ticket (400 in all)"
        "</b>"
    )
    assert "40 of 40 · 100% with a ticket (400 in all)" in str(alone.to_dict())


def test_days_that_are_not_over_leave_a_complaint_out_of_the_share(tmp_path):
    fed = [{**one, "given_at": "2026-02-25"} for one in complaints(None, None)]
    fed += complaints("2026-01-12", who="d")
    desk = [ticket("c0", "2026-02-26", "2026-02-27"), ticket("c1", "2026-02-26")]
    row = settled(tmp_path, fed, desk).table.row(-1, named=True)
    assert (row["requests"], row["unfinished"], row["base"], row["in_time"]) == (3, 2, 1, 1)


def test_an_id_that_stands_twice_takes_nobody_elses_ticket(tmp_path):
    twice = complaints(None, None)
    twice[1]["feedback_id"] = twice[0]["feedback_id"]
    found = settled(tmp_path, twice, [ticket("c0", "2026-01-11", "2026-01-12")])
    assert found.table.select(ROW).row(-1) == ("complaints in comments settled", 1, 1, 1, 0, 1)
