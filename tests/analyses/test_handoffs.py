"""Hand-offs by hand, within topics, and what is said where there are none."""

from datetime import datetime, timedelta
from random import Random

import polars as pl
import pytest
from company import company, events

import cxkit as cx

BEGIN = datetime(2026, 1, 1)


def ticket(number, topic, transfers, days, **more):
    opened = BEGIN + timedelta(hours=number)
    solved = None if days is None else str(opened + timedelta(days=days))
    return {"ticket_id": f"t{number:04d}", "customer_id": f"p{number}", "opened_at": str(opened),
            "resolved_at": solved, "topic": topic, "transfers": transfers} | more  # fmt: skip


def test_five_tickets_by_hand(tmp_path):
    tickets = [
        ticket(1, "refund", 0, 1), ticket(2, "refund", 2, 3), ticket(3, "login", 1, 2),
        ticket(4, "login", 0, None), ticket(5, None, None, 1),
    ]  # fmt: skip
    result = cx.handoffs(company(tmp_path, tickets=tickets))
    assert result.n == 4
    assert result.finding == "2 of 4 tickets changed teams: too few to say more."
    assert result.table.select("topic", "tickets", "handed_on", "handoffs_each").rows() == [
        ("all", 4, 2, 0.75),
        ("login", 2, 1, 0.5),
        ("refund", 2, 1, 1.0),
    ]
    assert result.caveats[:3] == (
        "Left out: 1 ticket that does not say how often it changed teams.",
        "How often customers had to say it again is not recorded: no data.",
        "1 ticket is still open: part of the shares and of the median wait, not of the times per "
        "hand-off.",
    )
    assert result.chart()


def desk(seed, *, each=1.5, backwards=False):
    """Hard topics travel more and take longer; a hand-off takes `each` times as long.

    A few last very long, whatever happened to them.
    """
    draw, made = Random(seed), []
    for number in range(600):
        topic = draw.choice(["easy", "hard"])
        moves = sum(draw.random() < (0.6 if topic == "hard" else 0.1) for _ in range(2))
        days = (12 if topic == "hard" else 2) * each**moves * draw.lognormvariate(0, 1)
        made.append(ticket(number, topic, moves, days, asked_again=moves))
    return made[::-1] if backwards else made


def test_times_per_handoff_within_topics(tmp_path):
    result = cx.handoffs(company(tmp_path / "a", tickets=desk(1)))
    whole = result.table.row(0, named=True)
    assert whole["times_per_handoff"] == pytest.approx(1.5, abs=0.25)
    assert whole["times_per_handoff_low"] <= 1.5 <= whole["times_per_handoff_high"]
    assert whole["times_per_handoff_low"] > 1
    assert whole["crude_times"] > 2, "without regard to topics it is more"
    told = f"each hand-off is associated with {whole['times_per_handoff']:.2f} times the time ("
    assert told in result.finding
    assert result.finding.endswith(", topics kept apart.")
    assert whole["asked_again_each"] == whole["handoffs_each"]
    hard = result.table.filter(topic="hard").row(0, named=True)
    assert hard["q_value"] < 0.001
    parts = result.table.filter(pl.col("topic") != "all")
    assert parts["tickets"].sum() == whole["tickets"]
    assert parts["handed_on"].sum() == whole["handed_on"]
    again = cx.handoffs(company(tmp_path / "b", tickets=desk(1, backwards=True)))
    assert again.table.equals(result.table)


def test_the_mix_of_topics_turns_it_round(tmp_path):
    result = cx.handoffs(company(tmp_path, tickets=desk(2, each=0.7)))
    assert any("(Simpson's paradox)" in caveat for caveat in result.caveats)
    assert result.table["times_per_handoff_high"][0] < 1


def test_a_time_per_handoff_by_hand_and_open_tickets_are_not_short(tmp_path):
    """Each hand-off doubles the time; open tickets without one would hide it, counted as short."""
    solved = [ticket(n, "refund", n % 3, 2 ** (n % 3)) for n in range(60)]
    waiting = [ticket(n, "refund", 2, None) for n in range(60, 70)]
    end = ticket(99, "refund", 0, 0)  # solved at once: a minute
    whole = cx.handoffs(company(tmp_path / "a", tickets=solved)).table.row(0, named=True)
    assert whole["times_per_handoff"] == pytest.approx(2)
    result = cx.handoffs(company(tmp_path / "b", tickets=[*solved, *waiting]))
    assert result.table["times_per_handoff"][0] == pytest.approx(2)
    assert result.table["open"].to_list() == [10, 10]
    assert any(caveat.startswith("10 tickets are still open") for caveat in result.caveats)
    whole = cx.handoffs(company(tmp_path / "c", tickets=[*solved, end])).table.row(0, named=True)
    assert whole["times_per_handoff"] > 2


def test_quiet_where_a_handoff_costs_nothing(tmp_path):
    alarms = 0
    for seed in range(20):
        ws = company(tmp_path / str(seed), tickets=desk(seed, each=1.0)[:200])
        alarms += "no surely longer or shorter time" not in cx.handoffs(ws).finding
        ws.close()
    assert alarms <= 3


def test_no_tickets_and_no_transfers_say_so(tmp_path):
    none = cx.handoffs(company(tmp_path / "none", events=events("ann 2026-01-01 visit")))
    assert none.finding.startswith("The data hold no tickets: import the help desk's export")
    assert none.table.is_empty()
    assert none.chart()
    silent = cx.handoffs(company(tmp_path / "some", tickets=[ticket(1, "refund", None, 1)]))
    assert silent.finding == (
        "None of 1 ticket says how often it changed teams: export the number of transfers."
    )
    early = cx.handoffs(company(tmp_path / "as_of", tickets=desk(1)), as_of="2026-01-02")
    assert early.n == 48


def test_in_a_report_people_are_counted_not_tickets(tmp_path, monkeypatch):
    """Twenty tickets of one person are one person's; a few are no share in a title."""
    mine = [ticket(n, "mine", n % 2, 1) | {"customer_id": "ann"} for n in range(20)]
    theirs = [ticket(100 + n, "theirs", n % 3, 1) for n in range(40)]
    ws = company(tmp_path / "some", tickets=mine + theirs)
    assert "mine" in cx.handoffs(ws).table["topic"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "mine" not in cx.handoffs(ws).table["topic"].to_list()
    few = company(tmp_path / "few", tickets=theirs[:4])
    assert cx.handoffs(few).chart().layout.title.text == (
        "<b>2 of 4 tickets changed teams: too few to say more</b>"
    )
