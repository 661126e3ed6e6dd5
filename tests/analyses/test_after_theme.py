"""What people did after they wrote of a theme, counted by hand and where nothing is planted."""

import os
import random
from datetime import date, timedelta

import polars as pl
import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.intervals import newcombe
from cxkit.text.themes import theme_book

BOOK = theme_book('[[themes]]\nname = "delivery"\ninclude = ["deliver*"]')
LATE, FLAT = "The delivery was slow", "It came in a box"
START, END = date(2026, 1, 1), date(2026, 12, 31)


def wrote(who, day, text):
    return {"feedback_id": f"{who}-{day}-{text[:4]}", "metric": "comment", "customer_id": who,
            "given_at": f"{day}T10:00", "comment": text}  # fmt: skip


def bought(who, day, **more):
    return {"order_id": f"{who}-{day}", "customer_id": who, "ordered_at": f"{day}T12:00",
            "amount": 20, "currency": "EUR"} | more  # fmt: skip


def day(after):
    return START + timedelta(days=after)


EDGES = [bought("edge", START), bought("edge", END)]  # the orders span the year


def asked(folder, book=BOOK, how=None, **tables):
    ws = company(folder, **tables)
    if book:
        cx.keep_themes(ws, book)
    return cx.after_theme(ws, **(how or {}))


def test_shares_by_hand(tmp_path):
    """Forty wrote of it, ten bought; forty did not, thirty bought."""
    fed, orders = [], list(EDGES)
    for n in range(80):
        who, text = f"c{n:02}", LATE if n < 40 else FLAT
        fed.append(wrote(who, day(10), text))
        if n < 10 or n >= 50:
            orders.append(bought(who, day(100)))  # ninety days later: just in time
        else:
            orders.append(bought(who, day(101)))  # too late
        orders.append(bought(who, day(10)))  # the day itself does not count
    limit = {"lifecycle": {"lapse_days": 90}}
    found = asked(tmp_path, settings=limit, feedback=fed, orders=orders)
    row = found.table.row(0, named=True)
    assert found.table["did"].to_list() == ["bought", "lapsed"] * 2
    assert (row["theme"], row["people"], row["people_did"]) == ("delivery", 40, 10)
    assert (row["others"], row["others_people"], row["others_did"]) == (40, 40, 30)
    gap = newcombe(10, 40, 30, 40)
    assert [row[name] for name in ("change", "change_low", "change_high")] == pytest.approx(gap)
    assert row["q_value"] < 0.001
    assert found.n == 80
    assert found.finding == (
        "Of 40 people who wrote of 'delivery' 25.0 % (14.2–40.2) bought within 90 days, against "
        "75.0 % after 40 other comments: -50.0 points (-65.3 to -28.5) (associated with, not "
        "caused by)."
    )
    # all eighty bought on that day, and the limit is as long as the deeds are followed
    assert found.caveats[:4] == (
        "Also: Of 40 customers who wrote of 'delivery' 75.0 % (59.8–85.8) lapsed (bought nothing "
        "within 90 days), against 25.0 % after 40 other comments: +50.0 points (+28.5 to +65.3).",
        "Bought or not is told of 80 of 80 comments; the days after 0 are not wholly in the data, "
        "and 0 are of nobody known or have no date.",
        "Lapsed or not is told of 80 of 80 comments of customers; the 90 days after 0 are not "
        "wholly in the data.",
        "Lapsed means silent for more than 90 days, as the settings say.",
    )
    assert "The data do not tell whether people come back or get in touch again." in found.caveats
    assert "buy less often than after others" in found.chart().layout.title.text


def test_a_person_counts_once_by_the_first_mention(tmp_path):
    fed = [wrote("ann", day(10), FLAT), wrote("ann", day(20), LATE), wrote("ann", day(30), LATE),
           wrote("ann", day(40), FLAT)]  # fmt: skip
    row = asked(tmp_path, feedback=fed, orders=[*EDGES, bought("ann", day(105))]).table.row(
        0, named=True
    )
    # on the one side the comment of day 20, on the other that of day 10, ninety-five days before
    assert (row["people"], row["people_did"]) == (1, 1)
    assert (row["others"], row["others_did"]) == (1, 0)
    assert row["change"] is None


def test_only_what_could_be_followed_counts(tmp_path):
    fed = [wrote("ann", day(-5), LATE), wrote("bob", day(300), LATE), wrote("cem", day(50), LATE)]
    fed.append({**wrote("x", day(50), LATE), "customer_id": None})
    orders = [*EDGES, bought("cem", day(60), cancelled=True), bought("cem", day(61), amount=-20)]
    found = asked(tmp_path, feedback=fed, orders=orders)
    assert (found.table["people"].to_list(), found.table["people_did"].to_list()) == ([1], [0])
    assert found.caveats[0] == (
        "Bought or not is told of 1 of 4 comments; the days after 2 are not wholly in the data, "
        "and 1 are of nobody known or have no date."
    )


def test_where_there_are_no_orders_visits_and_contacts_tell(tmp_path):
    fed, events, tickets = [], [], []
    for n in range(80):
        who = f"c{n:02}"
        fed.append(wrote(who, day(10), LATE if n < 40 else FLAT))
        events.append({"customer_id": who, "occurred_at": day(5), "event": "visit"})
        if n % 2:
            events.append({"customer_id": who, "occurred_at": day(30), "event": "visit"})
        if n < 30 or n >= 75:
            tickets.append({"ticket_id": who, "customer_id": who, "opened_at": day(40)})
    for end in (START, END):
        events.append({"customer_id": "edge", "occurred_at": end, "event": "visit"})
        tickets.append({"ticket_id": f"t{end}", "customer_id": "edge", "opened_at": end})
    found = asked(tmp_path, feedback=fed, events=events, tickets=tickets)
    told = found.table.filter(theme="delivery").select("did", "people_did", "others_did").rows()
    assert told == [("came back", 20, 20), ("contacted", 30, 5)]
    assert "75.0 % (59.8–85.8) got in touch again within 90 days" in found.finding


def busy(seed, effect=0.0):
    """Invent people of whom some write and buy often; the theme is by chance, or buys less."""
    draw = random.Random(seed)
    fed, orders = [], list(EDGES)
    for n in range(500):
        who, often = f"c{n:03}", draw.choice([1, 1, 1, 4])
        for _ in range(often):
            at, late = draw.randint(1, 270), draw.random() < 0.3
            fed.append(wrote(who, day(at), LATE if late else FLAT))
            if draw.random() < 0.15 + 0.12 * often - effect * late:
                orders.append(bought(who, day(at + draw.randint(1, 80))))
    unique = {row["feedback_id"]: row for row in fed}
    return {"feedback": list(unique.values()),
            "orders": list({row["order_id"]: row for row in orders}.values())}  # fmt: skip


def test_whoever_writes_often_and_buys_often_is_no_finding(tmp_path):
    """Counting people by whether they ever wrote of it would find the busy ones every time."""
    flagged = 0
    for seed in range(12):
        found = asked(tmp_path / str(seed), **busy(seed))
        flagged += "is it sure that people buy more or less" not in found.finding
    assert flagged <= 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_difference_is_found(tmp_path, seed):
    found = asked(tmp_path, **busy(seed, effect=0.2))
    row = found.table.row(0, named=True)
    assert row["q_value"] < 0.05
    assert row["change_high"] < 0
    assert "associated with, not caused by" in found.finding


def test_hostile_companies(tmp_path):
    none = asked(tmp_path / "a", feedback=[wrote("ann", START, "  ")], orders=EDGES)
    assert none.finding == "There are no comments: what people did after them cannot be said."
    assert none.table.is_empty() and none.n == 0
    none.chart()
    alone = asked(tmp_path / "b", feedback=[wrote("ann", day(5), LATE)])
    assert alone.finding == (
        "Cannot say: the data hold no purchases, no visits or other events and no tickets or "
        "messages of known people, so what they did next is not known."
    )
    late = asked(tmp_path / "f", feedback=[wrote("ann", day(300), LATE)], orders=EDGES)
    assert late.finding == (
        "Cannot say: of 1 comment none is of a known person whose 90 days afterwards lie in the "
        "data."
    )
    nobody = asked(tmp_path / "g", feedback=[{**wrote("x", day(5), LATE), "customer_id": None}])
    assert nobody.finding == late.finding
    assert any("people buy, come back, get in touch again or lapse" in c for c in alone.caveats)
    same = asked(tmp_path / "c", feedback=[wrote("one", day(n), LATE) for n in range(200)],
                 orders=EDGES)  # fmt: skip
    assert same.table["people"].to_list() == [1]
    assert same.finding.startswith("Cannot say: 200 comments could be followed")
    odd = asked(tmp_path / "d", book=None, orders=EDGES,
                feedback=[wrote(f"c{n}", day(n), "🌷") for n in range(60)])  # fmt: skip
    assert odd.table["theme"].unique().to_list() == ["no theme"]
    odd.chart()
    with pytest.raises(BadQuestion):
        asked(tmp_path / "e", how={"within_days": 0})


def test_rare_deeds_are_not_judged(tmp_path):
    """Two of forty is more than one of four hundred, and may be by chance."""
    fed = [wrote(f"c{n}", day(10), LATE if n < 40 else FLAT) for n in range(440)]
    orders = [*EDGES, *(bought(f"c{n}", day(20)) for n in (0, 1, 400))]
    found = asked(tmp_path, feedback=fed, orders=orders)
    assert found.table["change"].null_count() == 2
    assert found.finding.startswith("Cannot say: 440 comments could be followed")


def test_a_report_folds_themes_of_few_people(tmp_path, monkeypatch):
    fed = [wrote(f"c{n}", day(10), LATE if n < 4 else FLAT) for n in range(60)]
    ws = company(tmp_path, feedback=fed, orders=EDGES)
    cx.keep_themes(ws, BOOK)
    assert "delivery" in cx.after_theme(ws).table["theme"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "delivery" not in cx.after_theme(ws).table["theme"].to_list()


def test_a_report_says_nothing_of_few_people(tmp_path, monkeypatch):
    """Of each deed by itself: of the fifty whose visits are followed two wrote of nothing else."""
    fed = [wrote(f"c{n:02}", day(10) if n < 50 else day(200), LATE if n < 48 else FLAT)
           for n in range(80)]  # fmt: skip
    visits = [{"customer_id": "edge", "occurred_at": end, "event": "visit"}
              for end in (START, day(150))]  # fmt: skip
    ws = company(tmp_path, feedback=fed, orders=[*EDGES, bought("c00", day(20))], events=visits)
    cx.keep_themes(ws, BOOK)
    counts = ["people", "others", "others_people", "others_did"]
    table = cx.after_theme(ws).table.filter(theme="delivery", did="came back")
    assert table.select(counts).rows() == [(48, 2, 2, 0)]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.after_theme(ws)
    table = found.table.filter(did="came back")
    assert table["theme"].to_list() == ["delivery", "no theme"]
    named = ("theme", "did", "within_days", "found_by")
    assert table.select(pl.exclude(named).null_count() == 2).row(0) == (True,) * 15
    assert found.table.filter(theme="delivery", did="bought").select(counts).rows() == [
        (48, 32, 32, 0)
    ]
    assert (
        "Left blank: 2 rows where a side, or what sets it apart from other rows, is of fewer than "
        "10 people." in found.caveats
    )
    found.chart()


TWO = theme_book("""
[[themes]]
name = "delivery"
include = ["deliver*"]
[[themes]]
name = "price"
include = ["price*"]
""")


def test_a_report_gives_away_no_deed_of_few_who_name_one_theme_alone(tmp_path, monkeypatch):
    """Forty-three speak of the delivery, forty of them of the price too: three are left."""
    texts = ["The delivery price was high"] * 40 + [LATE] * 3 + [FLAT] * 40
    fed = [wrote(f"c{n:02}", day(10), text) for n, text in enumerate(texts)]
    orders = [*EDGES, *(bought(f"c{n:02}", day(20)) for n in range(0, 83, 2))]
    ws = company(tmp_path, feedback=fed, orders=orders)
    cx.keep_themes(ws, TWO)
    counts = ("theme", "people", "people_did", "others", "others_did")
    whole = cx.after_theme(ws).table.filter(did="bought").select(counts).rows()
    assert whole == [("delivery", 43, 22, 40, 20), ("price", 40, 20, 43, 22),
                     ("no theme", 40, 20, 43, 22)]  # fmt: skip
    monkeypatch.setenv("CXKIT_REPORT", "1")
    shown = cx.after_theme(ws).table.filter(did="bought").select(counts).rows()
    assert shown == [whole[0], ("price", None, None, None, None), whole[2]]


def test_a_report_gives_away_no_deed_of_few_who_wrote_again(tmp_path, monkeypatch):
    """Both sides of a theme are all but what one person wrote of it again."""
    texts = ["The price was high"] * 40 + [LATE] * 30 + [FLAT] * 40
    fed = [wrote(f"c{n:03}", day(10), text) for n, text in enumerate(texts)]
    fed.append(wrote("c000", day(30), "The price was high"))
    orders = [*EDGES, *(bought(f"c{n:03}", day(40)) for n in range(0, 110, 2))]
    ws = company(tmp_path, feedback=fed, orders=orders)
    cx.keep_themes(ws, TWO)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    shown = cx.after_theme(ws).table.filter(did="bought")
    sums = shown.select("theme", pl.col("people") + pl.col("others")).rows()
    assert sums == [("price", None), ("delivery", 111), ("no theme", 111)]


RULE = {"lifecycle": {"lapse_days": 60}}


def told_lapsed(folder, fed, orders, settings=RULE):
    ws = company(folder, settings, feedback=fed, orders=orders)
    cx.keep_themes(ws, BOOK)
    return cx.after_theme(ws)


def test_lapsed_is_a_customer_who_then_buys_nothing_for_as_long_as_the_limit(tmp_path):
    fed = [wrote(who, day(100), LATE) for who in ("stays", "gone", "late", "left", "never", "day")]
    fed.append(wrote("end", day(320), LATE))  # not sixty days before the end
    orders = [
        *EDGES,
        bought("stays", day(40)), bought("stays", day(160)),  # just in time, both
        bought("gone", day(99)),
        bought("late", day(90)), bought("late", day(161)),  # within 90 days, and had lapsed
        bought("left", day(39)), bought("left", day(110)),  # was lapsed when they wrote
        bought("never", day(101)),  # no customer yet
        bought("day", day(100)),  # on the very day: a customer, and then silent
        bought("end", day(319)),
    ]  # fmt: skip
    found = told_lapsed(tmp_path, fed, orders)
    rows = found.table.select("did", "within_days", "people", "people_did").rows()
    assert rows == [("bought", 90, 6, 4), ("lapsed", 60, 4, 3)]
    assert (
        "Lapsed or not is told of 4 of 5 comments of customers; the 60 days after 1 are not wholly "
        "in the data. 2 more are left out: the data hold no purchase of these people in the 60 "
        "days before they wrote, so that nothing tells that they were customers then."
        in found.caveats
    )
    assert "Lapsed means silent for more than 60 days, as the settings say." in found.caveats


def customers(seed, effect=0.0, people=250):
    """Invent customers, busy ones and others, of whom some leave; the theme is by chance, or not.

    Whoever buys often writes often, so whoever wrote of anything twice is no ordinary customer.
    """
    draw = random.Random(seed)
    fed, orders = {}, {row["order_id"]: row for row in EDGES}
    for n in range(people):
        who, gap = f"c{n:03}", draw.choice([15, 30, 60])
        many = draw.choice([1, 1, 1, 4]) * (2 if gap == 15 else 1)
        told = sorted((draw.randint(1, 300), draw.random() < 0.3) for _ in range(many))
        leaves, at = draw.choice([400, draw.randint(30, 360)]), draw.randint(0, 40)
        late = [after for after, speaks in told if speaks]
        if late and draw.random() < effect:
            leaves = min(leaves, late[0] + 1)
        while at < min(365, leaves):
            row = bought(who, day(at))
            orders[row["order_id"]] = row
            at += max(1, round(draw.expovariate(1 / gap)))
        for after, speaks in told:
            row = wrote(who, day(after), LATE if speaks else FLAT)
            fed[row["feedback_id"]] = row
    return list(fed.values()), list(orders.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lapse_counted_again_one_by_one(tmp_path, seed):
    fed, orders = customers(seed, people=60)
    row = told_lapsed(tmp_path, fed, orders).table.row(1, named=True)
    days = {}
    for order in orders:
        days.setdefault(order["customer_id"], []).append(
            date.fromisoformat(str(order["ordered_at"])[:10])
        )
    counts = [0, 0, 0, 0]  # wrote of it, of them lapsed, others, of them lapsed
    spoke = set()
    for told in sorted(fed, key=lambda told: (told["given_at"], told["feedback_id"])):
        who, at = told["customer_id"], date.fromisoformat(told["given_at"][:10])
        since = [(at - bought_on).days for bought_on in days.get(who, [])]
        if not any(0 <= gap <= 60 for gap in since) or at + timedelta(60) > END or who in spoke:
            continue
        side = 0 if told["comment"] == LATE else 2
        counts[side] += 1
        counts[side + 1] += not any(-60 <= gap < 0 for gap in since)
        if side == 0:
            spoke.add(who)
    assert [row[name] for name in ("people", "people_did", "others", "others_did")] == counts


def test_where_lapse_has_nothing_to_do_with_the_theme_it_is_hardly_ever_found(tmp_path):
    """Though whoever buys often writes often; of a hundred such companies two were flagged."""
    worlds = 100 if os.environ.get("CXKIT_THOROUGH") == "1" else 10
    flagged = 0
    for seed in range(worlds):
        table = told_lapsed(tmp_path / str(seed), *customers(seed)).table
        q_value = table.filter(theme="delivery", did="lapsed")["q_value"][0]
        assert q_value is not None
        flagged += q_value < 0.05
    assert flagged <= max(1, worlds / 20)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_customers_who_leave_after_the_theme_are_found(tmp_path, seed):
    found = told_lapsed(tmp_path, *customers(seed, effect=0.3))
    row = found.table.filter(theme="delivery", did="lapsed").row(0, named=True)
    assert row["q_value"] < 0.05 and row["change_low"] > 0
    assert any(
        "customers who wrote of 'delivery'" in said for said in (found.finding, *found.caveats)
    )
    assert "lapsed: points more than after other comments" in str(found.chart())


def test_a_company_without_a_difference_says_so_of_lapse_too(tmp_path):
    fed = [wrote(f"c{n:03}", day(50), LATE if n < 100 else FLAT) for n in range(200)]
    orders = [*EDGES, *(bought(f"c{n:03}", day(40)) for n in range(200)),
              *(bought(f"c{n:03}", day(70)) for n in range(0, 200, 2))]  # fmt: skip
    assert told_lapsed(tmp_path, fed, orders).finding == (
        "After none of 1 theme is it sure that people buy more or less often within 90 days, or "
        "lapse more or less often (buy nothing within 60 days), than after other comments (200 "
        "comments followed)."
    )


def test_a_report_says_nothing_of_the_few_who_were_no_customers(tmp_path, monkeypatch):
    """Over the same days "bought" less "not lapsed" is what those few did who could not lapse."""
    fed = [wrote(f"c{n:02}", day(10), LATE if n < 40 else FLAT) for n in range(80)]
    orders = [*EDGES, *(bought(f"c{n:02}", day(9)) for n in range(2, 80)),
              *(bought(f"c{n:02}", day(20)) for n in range(0, 80, 2))]  # fmt: skip
    same = {"lifecycle": {"lapse_days": 90}}
    table = told_lapsed(tmp_path / "a", fed, orders, same).table.filter(theme="delivery")
    assert table.select("did", "people").rows() == [("bought", 40), ("lapsed", 38)]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    table = told_lapsed(tmp_path / "b", fed, orders, same).table.filter(theme="delivery")
    assert table.select("did", "people").rows() == [("bought", 40), ("lapsed", None)]
    apart = told_lapsed(tmp_path / "c", fed, orders).table.filter(theme="delivery")
    assert apart.select("did", "people").rows() == [("bought", 40), ("lapsed", 38)]
