"""Cards counted by hand: what stands out, what they are worth, whose words, and small groups."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from company import company
from kinds import PEOPLE, SETTINGS, SIZES, contacts, orders

import cxkit as cx
from cxkit.stats.intervals import wilson

TICKETS = [
    {"ticket_id": who, "customer_id": who, "opened_at": "2025-02-01", "channel": "Phone",
     "topic": "sizes" if who[0] == "q" else "refund"}
    for who in PEOPLE
]  # fmt: skip
FEEDBACK = [
    {"feedback_id": f"f{who}", "customer_id": who, "given_at": "2025-03-01",
     "comment": f"Write to {who}@post.test, please and thanks" if who != "q01" else "Great!"}
    for who in ("q00", "q01", "q02", "q03", "q04", "b07")
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> cx.Workspace:
    return company(
        tmp_path_factory.mktemp("cards"),
        SETTINGS,
        customers=contacts(),
        orders=orders(),
        tickets=TICKETS,
        feedback=FEEDBACK,
    )


@pytest.fixture(scope="module")
def cards(shop) -> cx.Result:
    return cx.persona_cards(shop)


def facts(cards: cx.Result, place: int, about: str) -> list[dict[str, Any]]:
    name = cards.table["persona"].unique(maintain_order=True)[place]
    return cards.table.filter(persona=name, about=about).to_dicts()


def test_size_and_stability(cards):
    (size,) = facts(cards, 0, "size")
    share = wilson(60, 129)
    assert (size["customers"], size["base"]) == (60, 129)
    assert (size["share"], size["share_low"], size["share_high"]) == pytest.approx(share, abs=1e-4)
    assert facts(cards, 0, "stability")[0]["item"] == "highly stable"


def test_what_stands_out(cards):
    (pot,) = facts(cards, 0, "buys")
    assert (pot["item"], pot["share"], pot["stands_out"]) == ("pot", 1, True)
    assert pot["share_of_all"] == pytest.approx(60 / 129, abs=1e-4)
    assert pot["lift"] == pytest.approx(129 / 60, abs=1e-4)
    assert (pot["customers"], pot["base"], pot["q_value"]) == (60, 60, 0)
    assert facts(cards, 0, "asks about")[0]["item"] == "sizes"
    assert facts(cards, 1, "asks about")[0]["item"] == "refund"
    assert facts(cards, 0, "orders through")[0]["item"] == "web"
    assert facts(cards, 0, "asks through")[0]["item"] == "phone"


def test_when_and_what_they_are_worth(cards):
    hours = facts(cards, 0, "hour")
    assert [row["item"] for row in hours] == ["0", "3", "6", "9", "12", "15", "18", "21"]
    assert [row["share"] for row in hours] == [0, 0, 0, 1, 0, 0, 0, 0]
    # 60 x 10 of 60 x 10 + 69 x 40 + 40
    revenue = facts(cards, 0, "revenue")
    assert revenue[0]["share"] == pytest.approx(600 / 3400, abs=1e-4)
    assert revenue[0]["share_low"] < revenue[0]["share"] < revenue[0]["share_high"]
    assert (revenue[1]["low_quartile"], revenue[1]["median"], revenue[1]["median_of_all"]) == (
        10, 10, 40,
    )  # fmt: skip
    assert facts(cards, 0, "lapsed")[0]["customers"] == 60
    loud = next(n for n in range(3) if facts(cards, n, "size")[0]["customers"] == 33)
    lapsed = facts(cards, loud, "lapsed")[0]
    assert (lapsed["customers"], lapsed["base"]) == (32, 33)  # the last one came again


def test_quotes_are_masked_and_of_those_nearest_the_middle(cards):
    quotes = facts(cards, 0, "quote")
    assert len(quotes) == 3
    assert {row["item"] for row in quotes} == {"Write to [e-mail], please and thanks"}
    assert "fq01" not in [row["row_id"] for row in quotes]  # one word tells nothing
    assert facts(cards, 0, "writes")[0]["customers"] == 5
    assert not cards.table.filter(about="answers").height  # no silence is recorded
    assert any(
        "they do not count: 6 of 129 people (4.7 %) left a comment. Those who kept silent may feel "
        "otherwise." in caveat
        for caveat in cards.caveats
    )


def test_quotes_say_how_many_answered_when_asked(tmp_path):
    """Forty of the quiet ones were asked and ten of them answered, five with words."""
    asked = [
        {"feedback_id": f"f{n}", "customer_id": f"q{n:02}", "invited_at": "2025-03-01",
         "given_at": "2025-03-02" if n < 10 else None, "score": 9 if n < 10 else None,
         "metric": "nps", "comment": f"I like pot {n} a lot" if n < 5 else None}
        for n in range(40)
    ]  # fmt: skip
    ws = company(tmp_path, SETTINGS, customers=contacts(), orders=orders(), feedback=asked)
    told = cx.persona_cards(ws)
    row = facts(told, 0, "answers")[0]
    assert (row["customers"], row["base"], row["share"]) == (10, 40, 0.25)
    assert facts(told, 1, "answers")[0]["base"] == 0
    page = "".join(part.get("text/html", "") for part in told.outputs())
    assert "5 of 60 left a comment (10 of 40 asked gave feedback); these are nearest" in page
    assert any(
        "5 of 129 people (3.9 %) left a comment. 10 of 40 asked for feedback (25.0 %) gave any. "
        "Those who kept silent may feel otherwise." in caveat
        for caveat in told.caveats
    )
    before = cx.persona_cards(ws, as_of="2025-03-01")  # asked, and not yet answered
    assert facts(before, 0, "answers")[0]["customers"] == 0


def test_the_finding(cards):
    assert cards.finding == (
        "3 personas among 129 buyers: 'high Spend, high Visits', 27.9 % (20.9–36.2) of them, "
        "brings 42.4 % (32.2–52.5) of revenue."
    )


def test_the_cards_themselves(cards):
    shown = cards.outputs()
    page = "".join(part.get("text/html", "") for part in shown)
    assert page.count("<article") == 3
    assert "Write to [e-mail]" in page
    assert "@post.test" not in page
    for part in ("Who they are", "What they do", "Why they turn to us", "How they reach us"):
        assert page.count(part) == 3
    assert str(cards).count("of revenue") == 4  # the finding, and one line per card


def test_the_order_of_rows_does_not_matter(cards, tmp_path):
    again = company(
        tmp_path,
        SETTINGS,
        customers=contacts()[::-1],
        orders=orders(PEOPLE)[::-1],
        tickets=TICKETS[::-1],
        feedback=FEEDBACK[::-1],
    )
    other = cx.persona_cards(again)
    assert cards.table.write_csv() == other.table.write_csv()
    assert (cards.finding, cards.caveats) == (other.finding, other.caveats)


def test_a_report_puts_small_groups_together(shop, monkeypatch):
    settings = {**SETTINGS, "privacy": {"smallest_group": 35}}
    folder = shop.store.parent / "small"
    ws = company(folder, settings, customers=contacts(), orders=orders())
    assert cx.persona_cards(ws).table.filter(about="size").height == 3
    monkeypatch.setenv("CXKIT_REPORT", "1")
    sizes = cx.persona_cards(ws).table.filter(about="size").select("persona", "customers").rows()
    assert [count for _, count in sizes] == [69, 60]
    assert sizes[0][0] == "other"
    assert SIZES == {"q": 60, "b": 36, "l": 33}


def test_no_cards_where_no_groups_hold(tmp_path):
    for name, tables in {
        "empty": {},
        "one": {"orders": orders(PEOPLE[:1])},
        "five": {"orders": orders(PEOPLE[:5])},
        "alike": {"orders": orders(PEOPLE[:60])},
    }.items():
        found = cx.persona_cards(company(tmp_path / name, **tables))
        assert found.finding == (
            "There are no personas that hold, so there are no cards (see personas)."
        )
        assert found.table.is_empty()
        assert isinstance(found.table, pl.DataFrame)
        assert "<article" not in str(found.outputs())


def test_nothing_stands_out_among_groups_drawn_at_random(demo):
    """On the real tables, with the people dealt out anew: at most the false alarms of the level."""
    from cxkit.analyses.personas.persona_cards import _shares
    from cxkit.persona_model import carded, fit_personas

    people = carded(fit_personas(demo), 0)
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(40):
        dealt = random.permutation(people["persona"].to_numpy()).tolist()
        counts = demo.query(
            "persona_cards",
            ids=people["customer_id"].to_list(),
            personas=dealt,
            as_of=demo.as_of,
            zone="Europe/Berlin",
            told=[],
            named=[],
        )
        alarms += bool((_shares(counts, people)["q_value"] < 0.05).sum())
    assert alarms <= 5
