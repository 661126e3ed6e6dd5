"""Who is best: the ranking against sums by hand and the published formulas, and when it is mute."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from company import company, company_of, orders

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.value import fit_buying, fit_spending

# ann buys twice on one day, bob's refund and cancelled order are no purchases
FIVE = [
    *orders(
        "ann 2026-01-01T09:00 10",
        "ann 2026-01-01T18:00 20",
        "ann 2026-01-31 40",
        "bob 2026-01-11 100",
        "bob 2026-01-21 -30",
        "bob 2026-01-31 500",
        "cid 2026-03-02 25",
    ),
]
FIVE[5]["cancelled"] = True


def shop(buyers: int = 80) -> list[str]:
    """Write the orders of people who buy every 5 to 44 days, some of whom have left long ago."""
    rows = []
    for number in range(buyers):
        gap, first = 5 + 7 * number % 40, date(2026, 1, 1) + timedelta(days=3 * number % 60)
        times = 0 if number % 4 == 0 else 2 + number % 5 if number % 3 == 0 else 200
        day, spend = first, 20 + 3 * (11 * number % 17)
        while times >= 0 and day <= date(2026, 6, 30):
            rows.append(f"c{number:03} {day} {spend + (day.day % 5)}")
            day, times = day + timedelta(days=gap), times - 1
    return rows


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> cx.Workspace:
    return company(tmp_path_factory.mktemp("shop"), orders=orders(*shop()))


def test_what_everybody_has_done_by_hand(tmp_path):
    ws = company(tmp_path, orders=FIVE)
    found = ws.query("best_customers", as_of=ws.as_of, zone="UTC", currency="")
    assert found.select(
        "customer_id", "purchases", "past_spend", "repeats", "silent_days", "spend_days"
    ).rows() == [
        ("ann", 2, 70.0, 1, 30, 1),
        ("bob", 1, 70.0, 0, 50, 0),
        ("cid", 1, 25.0, 0, 0, 0),
    ]
    assert found["last"].to_list() == [30 / 7, 0, 0]
    assert found["age"].to_list() == [60 / 7, 50 / 7, 0]
    assert found["mean_spend"].to_list() == [40.0, None, None]
    assert found["currency"].unique().to_list() == ["EUR"]


def test_five_customers_carry_no_model(tmp_path):
    best = cx.best_customers(company(tmp_path, orders=FIVE))
    assert best.finding == "Who will be best cannot be said: there are 3 buyers only."
    table = best.table
    assert table.select("rank", "decile", "customer_id", "past_spend").rows() == [
        (1, 1, "ann", 70.0),
        (2, 4, "bob", 70.0),
        (3, 7, "cid", 25.0),
    ]
    assert table["best_past_share"].to_list() == pytest.approx([70 / 165, 140 / 165, 1])
    for name in table.columns:
        if name.startswith(("expected", "alive", "best_expected", "gone")):
            assert table[name].null_count() == 3, name
    best.chart()


def test_the_ranking_is_the_published_formulas(ws):
    """Each step again in plain Python: P(alive), the first terms of the sum for E, the spend."""
    best = cx.best_customers(ws, horizon_days=70)
    rows = ws.query("best_customers", as_of=ws.as_of, zone="UTC", currency="")
    r, alpha, a, b = fit_buying(rows)[:4]
    p, q, v = fit_spending(rows.filter(pl.col("spend_days") > 0))[:3]

    def sum_of(one: float, two: float, three: float, z: float) -> float:  # Gauss's series
        term = total = 1.0
        for n in range(5000):
            term *= (one + n) * (two + n) / (three + n) / (n + 1) * z
            total += term
        return total

    told = {row["customer_id"]: row for row in best.table.iter_rows(named=True)}
    worth = {}
    for row in rows.iter_rows(named=True):
        x, last, age, horizon = row["repeats"], row["last"], row["age"], 10.0
        alive = 1.0
        if x:
            alive = 1 / (1 + a / (b + x - 1) * ((alpha + age) / (alpha + last)) ** (r + x))
        z = horizon / (alpha + age + horizon)
        series = sum_of(r + x, b + x, a + b + x - 1, z)
        orders_ = (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (r + x) * series) * alive
        m = row["spend_days"]
        spend = p * (v + m * (row["mean_spend"] or 0)) / (p * m + q - 1)
        here = told[row["customer_id"]]
        assert here["alive_share"] == pytest.approx(alive)
        assert here["expected_orders"] == pytest.approx(orders_, rel=1e-5)
        assert here["expected_spend"] == pytest.approx(spend)
        assert here["expected_value"] == pytest.approx(orders_ * spend, rel=1e-5)
        worth[row["customer_id"]] = (-here["expected_value"], -row["past_spend"])
    ranked = sorted(worth, key=lambda name: (*worth[name], name))
    assert best.table["customer_id"].to_list() == ranked
    assert best.n == len(ranked) == 80


def test_deciles_shares_and_the_finding_add_up(ws):
    best = cx.best_customers(ws)
    table = best.table
    assert table["rank"].to_list() == list(range(1, 81))
    assert table["decile"].value_counts().sort("decile")["count"].to_list() == [8] * 10
    value = table["expected_value"]
    assert table["best_expected_share"].to_list() == pytest.approx(
        (value.cum_sum() / value.sum()).to_list()
    )
    past = table["past_spend"].sort(descending=True)
    assert table["best_past_share"].to_list() == pytest.approx(
        (past.cum_sum() / past.sum()).to_list()
    )
    assert table["customers_share"][-1] == table["best_past_share"][-1] == 1
    for name in ("expected_orders", "expected_value"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()
    top = table.filter(pl.col("past_decile") == 1)
    quiet = top.filter(pl.col("gone_quiet"))
    assert (top.height, quiet.height) == (8, 0)
    assert f"is expected to bring {100 * value[:8].sum() / value.sum():.1f} % (" in best.finding
    assert f" of the {value.sum():,.0f} (" in best.finding
    assert best.finding.endswith(
        f"the top tenth by past spend (8 of 80) brought {100 * past[:8].sum() / past.sum():.1f} % "
        "of all spend so far, and none of them has gone quiet."
    )
    assert (
        "Value is revenue: costs are not taken off, and later money counts in full. What a first "
        "purchase cost is not used, and one-time buyers count at the mean spend of all."
    ) in best.caveats
    once = table.filter(pl.col("purchases") == 1)
    assert once.height == 20
    assert once["alive_share"].to_list() == [1.0] * 20
    told = " ".join(best.caveats)
    assert "20 of 80 buyers have bought on one day only so far." in told
    assert "P(alive) is 1 for these 20 by construction" in told
    assert "365 days ahead from 180 days of data" in told
    assert "correlate by" in told
    lines = best.chart().data
    assert [line.name for line in lines] == ["expected value", "past spend"]
    assert [line.line.dash for line in lines] == ["solid", "dot"]
    assert best.chart().layout.title.text.startswith("<b>The best tenth: ")
    assert lines[0].x[0] == 0
    assert lines[0].y[-1] == pytest.approx(1)


def test_gone_quiet_is_p_alive_or_the_lapse_limit(ws, tmp_path):
    table = cx.best_customers(ws).table
    told = company(tmp_path, settings={"lifecycle": {"lapse_days": 20}}, orders=orders(*shop()))
    strict = cx.best_customers(told)
    for row in strict.table.iter_rows(named=True):
        assert row["gone_quiet"] == (row["alive_share"] < 0.5 or row["silent_days"] > 20)
    assert strict.table["gone_quiet"].sum() > table["gone_quiet"].sum() > 0
    assert any("silent for more than 20 days" in note for note in strict.caveats)
    gone = strict.table.filter((pl.col("past_decile") == 1) & pl.col("gone_quiet")).height
    assert gone == 0
    assert strict.finding.endswith(", and none of them has gone quiet.")
    one = company(
        tmp_path / "one", settings={"lifecycle": {"lapse_days": 1}}, orders=orders(*shop())
    )
    day = cx.best_customers(one, horizon_days=1)
    assert any(note.endswith("silent for more than 1 day.") for note in day.caveats)
    assert " expected within 1 day; the top tenth" in day.finding


def test_a_model_that_would_have_been_off_is_said(ws, tmp_path):
    """The shop again, where hardly anybody buys in the last 60 days, though they had before."""
    assert any(
        note == "Whether the model fits: see value_check." for note in cx.best_customers(ws).caveats
    )
    rows = [row for row in shop() if row.split()[1] < "2026-05-05" or row < "c004"]
    ws = company(tmp_path, orders=orders(*rows))
    check = cx.value_check(ws)
    assert check.caveats[0].startswith("The model is off: ")
    expected, days = check.table["expected_total"].sum(), check.table["holdout_days"][0]
    share = 100 * (expected / check.table["actual_total"].sum() - 1)
    assert share > 10
    assert (
        f"The model is off: for the last {days} days it would have expected {expected:,.0f} "
        f"purchases, {share:.1f} % too many. Read this as a ranking, not as amounts; see "
        "value_check."
    ) in cx.best_customers(ws).caveats


def test_row_order_and_repetition_do_not_matter(ws, tmp_path):
    rows = orders(*shop())
    again = cx.best_customers(company(tmp_path, orders=rows[::-1]))
    first = cx.best_customers(ws)
    assert again.table.equals(first.table)
    assert (again.finding, again.caveats) == (first.finding, first.caveats)


@pytest.mark.parametrize("analysis", ["best_customers", "value_check", "rfm"])
def test_many_orders_give_the_same_bytes_each_time(many, analysis):
    first = getattr(cx, analysis)(many[0])
    for ws in [*many] * 4:
        again = getattr(cx, analysis)(ws)
        assert again.table.equals(first.table)
        assert (again.finding, again.caveats) == (first.finding, first.caveats)


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> list[cx.Workspace]:
    """300,000 orders of 3,000 people, more than one thread reads at once, in two orders of rows."""
    text = """
        insert into orders (order_id, customer_id, ordered_at, amount)
        select n, who, timestamp '2024-01-01' + to_days((hash(n) % (1 + 7 * (who % 100)))::integer),
            hash(n + 1) % 99999 / 100
        from (select n, n % 3000 as who from range(300000) t(n)) order by {}
    """
    folder = tmp_path_factory.mktemp("many")
    return [
        company_of(folder / name, text.format(by))
        for name, by in (("straight", "n"), ("shuffled", "hash(n + 2)"))
    ]


def test_a_report_names_no_customers(ws, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    best = cx.best_customers(ws)
    assert best.table["customer_id"].null_count() == 80
    assert best.caveats[-1] == "The report names no customers: ask best_customers(ws) for them."


def spent(**changes: Any) -> list[dict[str, Any]]:
    rows = orders(*shop())
    for number, row in enumerate(rows):
        row |= {name: made(number) for name, made in changes.items()}
    return rows


def test_without_amounts_in_one_currency_it_ranks_on_purchases(tmp_path):
    def ranked(name: str, **changes: Any) -> cx.Result:
        best = cx.best_customers(company(tmp_path / name, orders=spent(**changes)))
        assert best.table["expected_value"].null_count() == 80
        assert best.table["expected_orders"].is_sorted(descending=True)
        assert best.table["gone_quiet"].null_count() == 0
        assert "purchases expected within 365 days; in money it cannot be said: " in best.finding
        best.chart()
        return best

    none = ranked("none", amount=lambda _: None)
    assert none.finding.endswith("in money it cannot be said: no order has an amount.")
    assert none.table["past_spend"].null_count() == 80
    mixed = ranked("mixed", currency=lambda n: ["EUR", "USD"][n % 2])
    assert mixed.finding.endswith("amounts are in several currencies (EUR, USD).")
    assert mixed.table["past_spend"].null_count() == 80
    assert mixed.table["best_past_share"].null_count() == 80
    free = ranked("free", amount=lambda _: 0)
    assert free.finding.endswith("it cannot be said: nobody paid for a repeat purchase.")


def test_orders_that_cannot_say(tmp_path):
    def finding(name: str, *rows: str, **changes: Any) -> str:
        made = orders(*rows)
        for row in made:
            row |= changes
        best = cx.best_customers(company(tmp_path / name, orders=made))
        assert best.table["expected_orders"].null_count() == best.table.height
        best.chart()
        return best.finding

    assert finding("none") == "Nobody has bought yet: there are no best customers."
    refunds = [f"c{i} 2026-01-0{1 + i % 9} -5" for i in range(40)]
    assert finding("refunds", *refunds) == "Nobody has bought yet: there are no best customers."
    cannot = "Who will be best cannot be said: "
    assert finding("one", "ann 2026-01-01 5") == f"{cannot}there is one buyer only."
    one_day = [f"c{i:02} 2026-01-01 {10 + i}" for i in range(40)]
    assert finding("one day", *one_day) == (
        f"{cannot}all purchases are of one day; the top tenth by past spend (4 of 40) brought "
        "16.1 % of all spend so far, which is no forecast."
    )
    once = [f"c{i:02} 2026-0{1 + i % 6}-01 10" for i in range(40)]
    assert finding("once", *once, amount=None) == (
        f"{cannot}of 40 buyers none has bought on a second day."
    )


def test_values_it_cannot_use(ws):
    with pytest.raises(BadQuestion, match="horizon_days is 0; give a whole number"):
        cx.best_customers(ws, horizon_days=0)
