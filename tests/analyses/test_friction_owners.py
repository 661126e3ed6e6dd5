"""Friction by owner, counted by hand; large stages do not win by their size."""

import pytest
from company import company, events

import cxkit as cx

TOLD = {
    "journey": {
        "stages": ["visit", "buy"],
        "touchpoints": {"buy": ["buy", "payment"]},
        "owners": {"visit": "Marketing"},
    }
}
ISSUES = [{"topic": "double charge", "stage": "payment", "owner": "Payments"}]


def some(folder, visits: int = 4):
    """ann meets a glitch twice and writes once; bob opens a ticket of no known topic."""
    rows = events(
        *(f"ann 2026-01-{day:02}T10:00 visit" for day in range(1, 1 + visits)),
        "ann 2026-02-01T11:00 buy",
        "bob 2026-01-02T10:00 visit",
        "zoe 2026-03-31T00:00 end",
    )
    rows += [
        {"customer_id": "ann", "occurred_at": f"2026-02-0{day}T12:00", "event": "page shown",
         "topic": "double charge"}
        for day in (1, 8)
    ]  # fmt: skip
    tickets = [
        {"ticket_id": "1", "customer_id": "ann", "opened_at": "2026-02-02T10:00",
         "topic": "double charge"},
        {"ticket_id": "2", "customer_id": "bob", "opened_at": "2026-01-03T10:00", "topic": "hello"},
    ]  # fmt: skip
    feedback = [
        {"feedback_id": "f", "customer_id": "ann", "given_at": "2026-02-03", "metric": "csat",
         "score": 1, "scale": 5, "touchpoint": "yearly"},
    ]  # fmt: skip
    return company(folder, TOLD, events=rows, tickets=tickets, feedback=feedback, issues=ISSUES)


def test_counted_by_hand(tmp_path):
    result = cx.friction_owners(some(tmp_path))
    known = result.table.select("owner", "kind", "friction", "passages", "topic").rows()
    assert known == [
        # the ticket two days after the first glitch tells of that one
        ("Payments", "glitches", 2, 1, "double charge"),
        ("Payments", "tickets", 1, 1, "double charge"),
        ("Marketing", "tickets", 1, 2, "hello"),
        ("no owner named", "bad answers", 1, 0, "yearly"),
    ]
    assert result.table["share_of_kind"].to_list() == [1, 0.5, 0.5, 1]
    assert result.table["per_100"].to_list() == [200, 100, 50, None]
    assert result.n == 5
    assert result.finding == "5 cases of friction in all: too few to say whose they are."
    assert any("1 of 5 cases of friction have no owner" in note for note in result.caveats)
    result.chart()


def test_rates_are_per_passage_so_size_does_not_decide(tmp_path):
    rows, tickets = [], []
    for number in range(300):
        rows.append(f"c{number:03} 2026-01-01T10:00 visit")
        if number < 60:
            rows.append(f"c{number:03} 2026-01-02T10:00 buy")
        if number < 24 or number >= 240:
            # 24 of 60 who bought meet a glitch there, 60 of 300 who visited meet one there
            tickets.append(
                {"ticket_id": str(number), "customer_id": f"c{number:03}",
                 "opened_at": "2026-01-02T11:00",
                 "topic": "double charge" if number < 24 else "slow"}
            )  # fmt: skip
    issues = [*ISSUES, {"topic": "slow", "stage": "visit", "owner": "Marketing"}]
    rows.append("zoe 2026-03-31T00:00 end")
    ws = company(tmp_path, TOLD, events=events(*rows), tickets=tickets, issues=issues)
    result = cx.friction_owners(ws)
    assert result.finding.startswith("Marketing has 71.4 % (")
    assert "per 100 passages Payments has most glitches, 40.0 (25.6–59.5)" in result.finding
    assert result.finding.endswith("; 29 % of all friction is outside marketing.")
    shares = result.table.filter(kind="glitches")["share_of_kind"]
    assert shares.sum() == pytest.approx(1)


def test_nobody_named_and_nothing_known(tmp_path):
    tickets = [{"ticket_id": "1", "customer_id": "ann", "opened_at": "2026-01-01"}]
    told = {"journey": {"stages": ["visit"]}}
    result = cx.friction_owners(company(tmp_path / "1", told, tickets=tickets))
    assert result.finding == (
        "Nobody is named as owner of 1 case of friction: name owners in the settings, [journey] "
        "owners, or in the glitch register."
    )
    result.chart()
    none = cx.friction_owners(company(tmp_path / "2", told))
    assert none.finding == (
        "No glitch, ticket or bad answer is known: there is no friction to share out."
    )
    none.chart()


def test_a_report_leaves_out_owners_of_few(tmp_path, monkeypatch):
    ws = some(tmp_path)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.friction_owners(ws).table.is_empty()
