"""Conversion against prospects followed by hand, and quiet where nothing is planted."""

import numpy as np
import polars as pl
import pytest
from company import company, events, orders

import cxkit as cx
from cxkit import demo
from cxkit.errors import BadQuestion

# orders begin on 1 January; all are followed until 31 March
OPENING = orders("old 2026-01-01 5", "zoe 2026-03-31 5")


def contact(name: str, since: str, source: str | None = None, **more: str) -> dict[str, str | None]:
    return {"customer_id": name, "known_since": since, "source": source, **more}


FOUR = [
    contact("ann", "2026-01-11"),  # buys after 10 days
    contact("bob", "2026-01-11"),  # buys after 40 days
    contact("cid", "2026-03-11"),  # watched for 20 days
    contact("dan", "2026-01-11"),  # watched for 79 days
    contact("eve", "2025-12-01"),  # known before the first order in the data
    contact("fay", "2026-02-01"),  # buys on the day she becomes known
    {"customer_id": "gus"},  # undated
]
BOUGHT = orders(
    "ann 2026-01-21 5", "bob 2026-02-20 5", "fay 2026-02-01T20:00 5", "eve 2026-02-02 5"
)
for number, row in enumerate(BOUGHT):
    row["order_id"] = f"b{number}"


def test_four_prospects_by_hand(tmp_path):
    ws = company(tmp_path, customers=FOUR, orders=[*OPENING, *BOUGHT])
    people = ws.query("prospect_conversion", as_of=ws.as_of, zone="UTC", by="all")
    named = ws.sql("select customer_key, customer_id from people")
    told = people.join(named, on="customer_key").sort("customer_id")
    assert told.select("customer_id", "kind", "days", "bought").rows() == [
        ("ann", "prospect", 10, True),
        ("bob", "prospect", 40, True),
        ("cid", "prospect", 20, False),
        ("dan", "prospect", 79, False),
        ("eve", "known before", 63, True),
        ("fay", "bought at once", 0, True),
        ("gus", "undated", None, False),
        ("old", "bought at once", 0, True),
        ("zoe", "bought at once", 0, True),
    ]
    result = cx.prospect_conversion(ws, by=None)
    assert result.finding == ("4 prospects can be followed, of whom 2 bought: too few to say more.")
    assert result.n == 4
    assert result.caveats[:3] == (
        "Left out: 3 who bought on the day they became known or were first known by their "
        "purchase; they never were prospects.",
        "Left out: 1 who was known before the first order in the data: whether they had bought "
        "before cannot be seen.",
        "Left out: 1 of whom no date says since when they are known.",
    )


def crowd(fast: int = 30, slow: int = 10) -> tuple[list[dict], list[dict]]:
    """Forty people of each source; `fast` friends buy after 30 days, and `slow` of the others."""
    people = [
        contact(f"{source[0]}{i:02}", "2026-01-02", source, region="north")
        for source in ("friend", "search")
        for i in range(40)
    ]
    rows = orders(
        *[f"f{i:02} 2026-02-01 5" for i in range(fast)],
        *[f"s{i:02} 2026-02-01 5" for i in range(slow)],
    )
    for number, row in enumerate(rows):
        row["order_id"] = f"c{number}"
    return people, [*OPENING, *rows]


def test_a_source_that_differs_is_told_with_both_shares(tmp_path):
    people, rows = crowd()
    result = cx.prospect_conversion(
        company(tmp_path, customers=people, orders=rows), within_days=60
    )
    assert result.finding == (
        "Within 60 days of becoming known 50.0 % (39.7–61.4) of 80 prospects bought; 'friend' is "
        "associated with another pace: 75.0 % (61.0–87.0) of 40, against 25.0 % (14.3–41.5) of 40 "
        "others."
    )
    rate = result.table.filter((pl.col("days") == 60) & (pl.col("segment") == "friend"))
    assert rate["converted_share"].to_list() == [0.75]
    assert rate["at_risk"].to_list() == [10]
    assert rate["q_value"][0] < 0.001
    before = result.table.filter((pl.col("days") < 30) & (pl.col("segment") == "friend"))
    assert set(before["converted_share"]) == {0.0}
    assert [line.name for line in result.chart().data] == ["friend (n = 40)", "search (n = 40)"]
    assert any("associated with it, not caused by it" in caveat for caveat in result.caveats)


def test_within_one_source_the_region_makes_no_difference(tmp_path):
    """Friends live in the north and buy more: among people of one source regions are alike."""
    people, rows = crowd()
    for place, person in enumerate(people):
        friend = person["source"] == "friend"
        person["region"] = "north" if place % 5 < (4 if friend else 1) else "south"
    ws = company(tmp_path, customers=people, orders=rows)
    result = cx.prospect_conversion(ws, by="region", within_days=60)
    rates = dict(
        result.table.filter(pl.col("days") == 60).select("segment", "converted_share").iter_rows()
    )
    assert rates["north"] - rates["south"] > 0.2
    assert "by region no group surely buys sooner or later than the others." in result.finding
    assert "Groups are compared among people of the same source (2 sources)." in result.caveats


def test_what_came_later_does_not_choose_the_group(tmp_path):
    people, rows = crowd()
    seen = events(
        "f01 2026-01-02T10:00 read web", "f02 2026-01-20 read web", "f03 2026-01-02 ask chat"
    )
    ws = company(tmp_path, customers=people, orders=rows, events=seen)
    told = ws.query("prospect_conversion", as_of=ws.as_of, zone="UTC", by="channel")
    assert dict(
        told.filter(pl.col("kind") == "prospect")["segment"].value_counts().iter_rows()
    ) == {
        "missing": 78,
        "web": 1,
        "chat": 1,
    }
    caveats = cx.prospect_conversion(ws, by="touchpoint", within_days=60).caveats
    assert any(caveat.startswith("Too few prospects to say: 1 in ") for caveat in caveats)


def test_whoever_looks_like_somebody_known_is_no_prospect(tmp_path):
    people, rows = crowd()
    twin = contact("twin", "2026-02-02", "desk")
    link = {"customer_id": "f01", "other_id": "twin", "person_id": "f01", "score": 6}
    ws = company(
        tmp_path,
        customers=[*people, twin],
        orders=rows,
        proposed_links=[link | {"reasons": "name"}],
    )
    result = cx.prospect_conversion(ws)
    assert result.n == 80
    assert any(
        caveat.startswith("Left out: 1 who looks like one person with") for caveat in result.caveats
    )


def test_whoever_is_known_by_a_cancelled_order_is_no_prospect(tmp_path):
    people, rows = crowd()
    tried = orders("try 2026-02-02 5")[0] | {"order_id": "t", "cancelled": True}
    result = cx.prospect_conversion(company(tmp_path, customers=people, orders=[*rows, tried]))
    assert result.n == 80
    assert any("known by an order that was cancelled" in caveat for caveat in result.caveats)


def test_a_curve_ends_where_few_are_watched(tmp_path):
    people = [contact(f"p{i:02}", f"2026-01-{2 + i % 28:02}", "search") for i in range(56)]
    result = cx.prospect_conversion(company(tmp_path, customers=people, orders=OPENING))
    assert result.table["at_risk"].min() >= 10
    assert result.finding == (
        "Cannot say: of 56 prospects too few were watched for 90 days. Ask with a smaller "
        "within_days."
    )
    assert (
        cx.prospect_conversion(
            company(tmp_path / "b", customers=people, orders=OPENING), within_days=30
        ).finding
        == "None of the 56 prospects has bought yet."
    )


def test_little_data_says_so(tmp_path):
    def finding(name, **tables):
        result = cx.prospect_conversion(company(tmp_path / name, **tables))
        result.chart()
        return result.finding

    nobody = (
        "Nobody can be followed as a prospect: no one is known who had not ordered by the day they "
        "became known, after the data begin."
    )
    assert finding("empty") == nobody
    assert finding("one", orders=orders("ann 2026-01-05 5")) == nobody
    same_day = orders(*[f"c{i} 2026-01-05 5" for i in range(5)])
    assert finding("same", orders=same_day) == nobody
    without_orders = [contact(f"p{i}", "2026-01-01") for i in range(40)]
    seen = events("p1 2026-06-01 visit web")
    assert finding("no orders", customers=without_orders, events=seen) == (
        "None of the 40 prospects has bought yet."
    )
    ws = company(tmp_path / "bad")
    with pytest.raises(BadQuestion, match="within_days is 0"):
        cx.prospect_conversion(ws, within_days=0)
    with pytest.raises(BadQuestion, match="no field 'shoe'"):
        cx.prospect_conversion(ws, by="shoe")


def test_the_order_of_rows_does_not_matter(tmp_path):
    people, rows = crowd()
    one = cx.prospect_conversion(company(tmp_path / "a", customers=people, orders=rows))
    two = cx.prospect_conversion(company(tmp_path / "b", customers=people[::-1], orders=rows[::-1]))
    assert one.table.equals(two.table)
    assert (one.finding, one.caveats) == (two.finding, two.caveats)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_null_company_is_quiet(tmp_path, seed):
    folder = demo.make(tmp_path, seed=seed, profile="small", null=True)
    cx.import_exports(folder / "exports", store=tmp_path / "store")
    ws = cx.open(tmp_path / "store")
    for by in ("source", "region"):
        assert f"by {by} no group surely buys" in cx.prospect_conversion(ws, by=by).finding
    ws.close()


def test_sources_by_lot_rarely_differ():
    """Five sources by lot in 200 companies of 300 prospects: about one alarm in twenty."""
    from cxkit.analyses.who.prospect_conversion import _q_values

    alarms = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        wait, watched = draw.exponential(120, 300), draw.uniform(10, 400, 300)
        frame = pl.DataFrame(
            {
                "segment": draw.choice(list("abcde"), 300),
                "source": ["all"] * 300,
                "days": np.minimum(wait, watched).astype(int),
                "bought": wait < watched,
            }
        )
        alarms += min(_q_values(frame, 90, "source").values()) < 0.05
    assert alarms <= 18  # 5 % of 200 is 10; 18 is exceeded by chance once in a hundred
