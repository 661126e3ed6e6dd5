"""The return curve against silences counted by hand, and what it says when it cannot say."""

from datetime import datetime

import polars as pl
import pytest
from company import company, orders

import cxkit as cx
from cxkit.errors import BadQuestion

# ann: 10 days, then 20, then silent for 10 until the as-of date; bob: silent for 30
FIVE = orders(
    "ann 2026-01-01T09:00 5",
    "ann 2026-01-01T18:00 5",
    "ann 2026-01-11 5",
    "ann 2026-01-31 5",
    "bob 2026-01-11 5",
    "cid 2026-02-10 5",
)
# 60 regulars buy every month and 50 people bought once, long ago
REGULARS = orders(
    *[f"r{i} 2026-{m:02}-{1 + i % 20:02} 5" for i in range(60) for m in range(1, 13)],
    *[f"g{i} 2026-0{1 + i % 3}-05 5" for i in range(50)],
)


def test_silences_by_hand(tmp_path):
    ws = company(tmp_path, orders=FIVE)
    curve = cx.lapse_curve(ws, horizon_days=10)
    found = ws.query("lapse_curve", as_of=ws.as_of, zone="UTC")
    assert found.select("days", "returned").rows() == [
        (10, True),
        (20, True),
        (10, False),
        (30, False),
        (0, False),
    ]
    # S falls to 3/4 on day 10 and to 3/8 on day 20
    days = [0, 9, 10, 19, 20]
    rows = curve.table.filter(pl.col("silent_days").is_in(days))
    assert rows["at_risk"].to_list() == [5, 4, 4, 2, 2]
    assert rows["still_silent_share"].to_list() == [1, 1, 0.75, 0.75, 0.375]
    assert rows["return_share"].to_list() == [0.25, 0.25, 0.5, 0.5, 0]
    assert curve.table["silent_days"].to_list() == list(range(21))
    assert curve.n == 3
    assert curve.as_of == datetime(2026, 2, 10)
    assert curve.finding == (
        "The data hold 5 purchases of 3 buyers only: too few to say when a customer has lapsed."
    )


def test_the_limit_and_its_interval(tmp_path):
    curve = cx.lapse_curve(company(tmp_path, orders=REGULARS))
    limit = curve.table.filter(~pl.col("lapsed"))["silent_days"][-1]
    # gaps are as long as months are: from day 31 on nobody is left who comes back
    assert limit == 31
    assert curve.finding == (
        "After 31 days of silence (95 % interval 31–31) at most 20 % of the customers buy again "
        "within the next 90 days: a longer silence is lapsed (770 purchases of 110 customers)."
    )
    assert curve.caveats[0] == "50 of 110 buyers have bought on one day only so far."
    assert "31 days" in curve.chart().layout.title.text


def test_when_it_cannot_say(tmp_path):
    def finding(name: str, *rows: str, **asked: float) -> str:
        curve = cx.lapse_curve(company(tmp_path / name, orders=orders(*rows)), **asked)
        assert not curve.table["lapsed"].any()
        curve.chart()
        return curve.finding

    once = [f"c{i} 2026-0{1 + i % 6}-01 5" for i in range(60)]
    assert finding("none") == "There are no purchases: when a customer has lapsed cannot be said."
    assert finding("one", "ann 2026-01-01 5").startswith("The data hold 1 purchase of 1 buyer only")
    assert finding("once", *once) == (
        "None of the 60 buyers has bought on a second day: silence cannot say who has lapsed."
    )
    assert finding("rarely", *once, "c0 2026-02-01 5", horizon_days=30) == (
        "Silence does not say who has lapsed: at no time do more than 2.0 % of the 60 buyers buy "
        "again within 30 days."
    )
    assert finding("short", *once, "c0 2026-02-01 5", horizon_days=400) == (
        "Cannot say: too few customers were watched for 400 days after a purchase; the longest "
        "silence is 151 days. Ask with a shorter horizon_days."
    )
    monthly = [f"r{i} 2026-{m:02}-01 5" for i in range(40) for m in range(1, 13)]
    assert finding("loyal", *monthly, horizon_days=20).startswith("No limit is found: even after")


def test_long_curves_are_thinned_and_keep_the_limit(tmp_path):
    old = orders(*[f"o{i} 2022-01-01 5" for i in range(40)])
    for number, row in enumerate(old):
        row["order_id"] = f"old{number}"
    table = cx.lapse_curve(company(tmp_path, orders=[*REGULARS, *old])).table
    assert 300 < table.height <= 402
    assert 31 in table["silent_days"]
    assert table["at_risk"].is_sorted(descending=True)
    assert table["still_silent_share"].is_sorted(descending=True)
    assert table["return_share"].drop_nulls().is_between(0, 1).all()


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.lapse_curve(company(tmp_path / "a", orders=REGULARS))
    two = cx.lapse_curve(company(tmp_path / "b", orders=REGULARS[::-1]))
    assert one.table.equals(two.table)
    assert one.finding == two.finding


def test_values_it_cannot_use(tmp_path):
    ws = company(tmp_path)
    with pytest.raises(BadQuestion, match="give a whole number"):
        cx.lapse_curve(ws, horizon_days=0)
    with pytest.raises(BadQuestion, match="between 0 and 1"):
        cx.lapse_curve(ws, return_share=20)


def test_a_limit_that_samples_lack_is_called_uncertain_wherever_it_is_used(tmp_path):
    # 14 came back after 10 days, 20 never did: a share of returns so near 20 % that some draws of
    # the customers have no limit
    once = [f"g{i} 2024-01-01 5" for i in range(20)] + ["last 2025-02-04 5"]
    twice = [f"r{i} 2024-01-{day} 5" for i in range(14) for day in ("01", "11")]
    life = {"lifecycle": {"horizon_days": 30}}
    ws = company(tmp_path, settings=life, orders=orders(*once, *twice))
    curve = cx.lapse_curve(ws)
    assert curve.finding == (
        "After 10 days of silence at most 20 % of the customers buy again within the next 30 days: "
        "a longer silence is lapsed (49 purchases of 35 customers)."
    )
    assert curve.caveats[2] == (
        "The limit is uncertain: too many samples drawn from the customers show none."
    )
    source = (
        "Lapsed means silent for more than 10 days (uncertain: too many samples drawn from the "
        "customers show no limit): from then on at most 20 % buy again within 30 days (see "
        "lapse_curve)."
    )
    for ask in (cx.lifecycle, cx.lifecycle_moves, cx.lifecycle_history):
        assert ask(ws).caveats[0] == source
