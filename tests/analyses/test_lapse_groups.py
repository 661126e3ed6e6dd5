"""Limits of kinds of customers: planted rhythms come apart, and chance alone does not."""

import numpy as np
import polars as pl
import pytest
from company import company, orders

import cxkit as cx
from cxkit.errors import BadQuestion

# 60 people of the north buy every month, 60 of the south every second month; of both, 20 left
REGULARS = orders(
    *[f"n{i} 2026-{m:02}-{1 + i % 20:02} 5" for i in range(60) for m in range(1, 13)],
    *[f"s{i} 2026-{m:02}-{1 + i % 20:02} 5" for i in range(60) for m in range(1, 13, 2)],
    *[f"n{i} 2026-02-05 5" for i in range(60, 80)],
    *[f"s{i} 2026-02-05 5" for i in range(60, 80)],
)
PLACES = [
    {"customer_id": f"{letter}{i}", "region": region, "attributes": f'{{"kind": "{region}"}}'}
    for letter, region in (("n", "north"), ("s", "south"))
    for i in range(80)
]


def test_two_rhythms_have_two_limits(tmp_path):
    ws = company(tmp_path, customers=PLACES, orders=REGULARS)
    told = cx.lapse_groups(ws, by="region")
    north, south = told.table.sort("segment").to_dicts()
    assert (north["buyers"], north["purchases"], north["once"]) == (80, 740, 20)
    assert north["lapse_days"] == south["lapse_days_others"] == 31
    assert south["lapse_days"] == north["lapse_days_others"] == 62
    assert north["q_value"] < 0.01
    assert told.finding == (
        "By region 2 of 2 lapse limits differ from the others', from 31 days (31–31) for 80 "
        "'north' to 62 days (62–62) for 80 'south'."
    )
    assert told.n == 160
    assert told.chart().layout.title.text == (
        "<b>&#x27;south&#x27; lapse after 62 days, the others after 31 days</b>"
    )
    field = cx.lapse_groups(ws, by="kind")
    assert field.table.equals(told.table)


def test_lifecycle_takes_each_kinds_own_limit_when_asked(tmp_path):
    # the last purchase of n0 and s0 is 40 days ago: only the monthly buyer is lapsed by it
    late = orders("zoe 2027-01-10 5")
    late[0]["order_id"] = "late"
    ws = company(tmp_path, customers=PLACES, orders=[*REGULARS, *late])
    common, own = cx.lifecycle(ws), cx.lifecycle(ws, lapse_by="region")
    silent = ws.sql(
        "select left(customer_id, 1) as kind, date '2027-01-10' - max(ordered_at)::date as days "
        "from orders group by customer_id"
    )
    limits = pl.col("kind").replace_strict({"n": 31, "s": 62, "z": 62}, return_dtype=pl.Int64)
    lapsed = silent.filter(pl.col("days") > limits).height
    assert own.table["customers"][5] == lapsed != common.table["customers"][5]
    assert own.table["lapse_days"].null_count() == 6
    assert own.finding.endswith("silent for longer than the limit of their kind by region.")
    assert (
        "By region these kinds have a limit of their own: 31 days for 'north', 62 days for "
        "'south'. The one above holds for all others (see lapse_groups)." in own.caveats
    )
    assert "longer than their kind is" in own.chart().layout.title.text
    alike = cx.lifecycle(ws, lapse_by="source")
    assert alike.table.equals(common.table)
    with pytest.raises(BadQuestion, match="Give one of them"):
        cx.lifecycle(ws, lapse_by="region", lapse_days=30)


def test_a_stricter_share_gives_a_longer_limit(tmp_path):
    ws = company(tmp_path, customers=PLACES, orders=REGULARS)
    limits = [cx.lifecycle(ws, return_share=share).table["lapse_days"][0] for share in (0.5, 0.1)]
    assert limits[0] <= limits[1]
    with pytest.raises(BadQuestion, match="between 0 and 1"):
        cx.lifecycle(ws, return_share=2.0)


def test_when_it_cannot_say(tmp_path):
    def finding(name, customers=(), rows=(), by="region"):
        ws = company(tmp_path / name, customers=list(customers), orders=list(rows))
        told = cx.lapse_groups(ws, by=by)
        told.chart()
        return told.finding

    assert finding("none") == "There are no purchases: when a customer has lapsed cannot be said."
    assert finding("one", PLACES[:1], orders("n0 2026-01-01 5")) == (
        "The one buyer is of one kind, 'north': by region there is nothing to compare."
    )
    five = [PLACES[0], PLACES[1], *PLACES[-3:]]
    bought = orders(*[f"{row['customer_id']} 2026-01-01 5" for row in five])
    assert finding("five", five, bought) == "The data hold 5 buyers only: too few to say."
    once = orders(*[f"{row['customer_id']} 2026-01-01 5" for row in PLACES])
    assert finding("once", PLACES, once) == (
        "By region no kind of the 160 buyers shows after how long a silence it has lapsed (see "
        "lapse_curve)."
    )
    with pytest.raises(BadQuestion, match="no field 'colour'"):
        finding("field", by="colour")


def test_small_kinds_are_said(tmp_path):
    few = [{"customer_id": f"e{i}", "region": "east"} for i in range(3)]
    rows = orders(*[f"e{i} 2026-01-01 5" for i in range(3)])
    for row in rows:
        row["order_id"] += "e"
    ws = company(tmp_path, customers=[*PLACES, *few], orders=[*REGULARS, *rows])
    told = cx.lapse_groups(ws, by="region")
    assert "Too few buyers to say: 3 in 'east'." in told.caveats
    assert told.table.filter(pl.col("segment") == "east")["lapse_days"][0] is None


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.lapse_groups(company(tmp_path / "a", customers=PLACES, orders=REGULARS), by="region")
    two = cx.lapse_groups(
        company(tmp_path / "b", customers=PLACES[::-1], orders=REGULARS[::-1]), by="region"
    )
    assert one.table.equals(two.table)
    assert (one.finding, one.caveats) == (two.finding, two.caveats)


def test_chance_alone_makes_no_kinds():
    """Four groups drawn by lot from one rhythm: at most 5 % of 50 companies may show a limit."""
    from cxkit.stats.survival import group_limits

    alarms = 0
    for seed in range(50):
        draw = np.random.default_rng(seed)
        rows = []
        for customer in range(400):
            mean = draw.choice([18, 30, 45, 90], p=[0.12, 0.4, 0.21, 0.27])
            day, left = draw.uniform(0, 300), draw.exponential(800)
            while True:
                gap = max(1, int(draw.gamma(4, mean / 4)))
                if gap + day > min(700, left):
                    rows.append((customer, f"g{customer % 4}", int(700 - day), False))
                    break
                rows.append((customer, f"g{customer % 4}", gap, True))
                day += gap
        spells = pl.DataFrame(
            rows, schema=["customer_key", "segment", "days", "returned"], orient="row"
        )
        limits = group_limits(spells, 90, 0.2, rounds=99)
        alarms += any((one.q_value or 1) < 0.05 for one in limits.values())
    assert alarms <= 2
