"""Channels wanted and used: counted by hand, under all the names that exports give them."""

from typing import Any

import polars as pl
import pytest
from company import company

import cxkit as cx


def wants(who: str, channel: str | None) -> dict[str, Any]:
    return {"customer_id": who, "preferred_channel": channel}


def message(who: str, channel: str, direction: str = "out", **more: Any) -> dict[str, Any]:
    known = {"customer_id": who, "channel": channel, "direction": direction}
    return known | {"sent_at": "2026-01-02"} | more


# ann and bob want e-mail, cid the phone; dan never said
PEOPLE = [wants("ann", "Email"), wants("bob", "e-mail"), wants("cid", "Phone"), wants("dan", None)]
MESSAGES = [
    message("ann", "E-Mail"),
    message("ann", "mail"),
    message("ann", "Telephone"),
    message("bob", "phone"),
    message("cid", "call"),
    message("dan", "phone"),
    # no move of ours: an automatic reply, and an answer in a thread that bob began
    message("bob", "chat", automatic=True),
    message("bob", "chat", "in", thread="t1"),
    message("bob", "chat", thread="t1", sent_at="2026-01-03"),
]
TICKETS = [
    {"ticket_id": "1", "customer_id": "bob", "opened_at": "2026-01-04", "channel": "Web form"}
]
OUTREACH = [
    {"list": "l", "customer_id": "cid", "listed_at": "2026-01-01", "contacted_at": "2026-01-02",
     "kind": "letter"},
    {"list": "l", "customer_id": "ann", "listed_at": "2026-01-01", "kind": "letter"},
]  # fmt: skip


def cells(result: cx.Result, side: str, column: str) -> dict[tuple[str, str], Any]:
    rows = result.table.filter(pl.col("side") == side)
    return {(r["wanted"], r["used"]): r[column] for r in rows.iter_rows(named=True)}


def test_four_people_by_hand(tmp_path):
    ws = company(tmp_path, customers=PEOPLE, messages=MESSAGES, tickets=TICKETS, outreach=OUTREACH)
    fit = cx.channel_fit(ws)
    assert cells(fit, "company", "customers") == {
        ("e-mail", "e-mail"): 1, ("e-mail", "letter"): 0, ("e-mail", "phone"): 2,
        ("phone", "e-mail"): 0, ("phone", "letter"): 1, ("phone", "phone"): 1,
    }  # fmt: skip
    assert cells(fit, "company", "contacts")["e-mail", "e-mail"] == 2
    assert cells(fit, "company", "base_contacts")["e-mail", "e-mail"] == 4
    assert cells(fit, "company", "contacts_share")["e-mail", "phone"] == 0.5
    assert cells(fit, "company", "mainly")["e-mail", "e-mail"] == 1
    assert cells(fit, "person", "customers") == {
        ("e-mail", "chat"): 1, ("e-mail", "e-mail"): 0, ("e-mail", "web"): 1,
    }  # fmt: skip
    assert fit.n == 3
    assert fit.finding == (
        "Only 3 customers who asked for a channel were contacted: too few to say."
    )
    assert fit.chart().layout.title.text.startswith("<b>67% were ever reached by us")


def shop(n: int) -> dict[str, Any]:
    """Every person wants e-mail and gets it; every third is phoned as well."""
    people = [f"c{i:03}" for i in range(n)]
    sent = [message(who, "email") for who in people]
    sent += [message(who, "phone") for who in people[::3]]
    return {"customers": [wants(who, "E-Mail") for who in people], "messages": sent}


def test_the_finding_counts_people(tmp_path):
    fit = cx.channel_fit(company(tmp_path, **shop(90)))
    assert fit.finding == (
        "33.3 % (24.5–43.6) of the 90 contacted people who asked for e-mail were phoned at least "
        "once."
    )
    assert fit.chart().layout.title.text == (
        "<b>33% of those who asked for e-mail were phoned at least once</b>"
    )
    assert "Who asked for e-mail got 75.0 % (" in fit.caveats[0]
    row = fit.table.filter(pl.col("used") == "e-mail").row(0, named=True)
    # 120 contacts of 90 people; a mean of shares that are 1 or a half
    assert (row["base_contacts"], row["contacts"]) == (120, 90)
    assert row["contacts_share_low"] < 0.75 < row["contacts_share_high"]


def test_no_wish_no_contact_nobody(tmp_path):
    assert cx.channel_fit(company(tmp_path / "a")).finding == (
        "Nobody's wanted channel is known, so nothing can be compared with it."
    )
    only = company(tmp_path / "b", customers=PEOPLE)
    fit = cx.channel_fit(only)
    assert fit.finding == (
        "3 customers asked for a channel, but no message or call of ours to them is in the data."
    )
    assert fit.table.is_empty()
    fit.chart()


def test_what_came_later_is_not_counted(tmp_path):
    ws = company(tmp_path, customers=PEOPLE, messages=MESSAGES, tickets=TICKETS, outreach=OUTREACH)
    assert cx.channel_fit(ws, as_of="2026-01-01").table.is_empty()


def test_the_order_of_rows_does_not_matter(tmp_path):
    told = shop(60)
    turned = {name: rows[::-1] for name, rows in told.items()}
    one = cx.channel_fit(company(tmp_path / "a", **told))
    other = cx.channel_fit(company(tmp_path / "b", **turned))
    assert one.table.write_csv() == other.table.write_csv()
    assert (one.finding, one.caveats) == (other.finding, other.caveats)


def test_a_report_shows_no_small_group(tmp_path, monkeypatch):
    told = shop(60)
    told["customers"] += [wants(f"d{i}", "fax") for i in range(4)]
    told["messages"] += [message(f"d{i}", "fax") for i in range(4)]
    ws = company(tmp_path, **told)
    assert set(cx.channel_fit(ws).table["wanted"]) == {"e-mail", "fax"}
    monkeypatch.setenv("CXKIT_REPORT", "1")
    folded = cx.channel_fit(ws)
    assert "fax" not in set(folded.table["wanted"])
    assert folded.n == 64


@pytest.mark.parametrize("name", ["email", "E-mail", "E_Mail", " MAIL "])
def test_one_channel_under_many_names(name):
    from cxkit.text.channels import channel_name

    assert channel_name(name) == "e-mail"
