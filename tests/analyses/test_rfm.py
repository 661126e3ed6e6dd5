"""RFM against published scores and fifths counted by hand; every buyer has a class."""

import polars as pl
import pytest
from company import company, company_of, orders

import cxkit as cx

SEGMENTS = [
    *("champions", "growing", "first steps", "regulars", "cooling"),
    *("frequent but quiet", "asleep", "long gone"),
]


def scores(ws: cx.Workspace) -> pl.DataFrame:
    return ws.query("rfm", as_of=ws.as_of, zone="UTC", currency="")


def test_the_published_scores(shared, tmp_path):
    """4,906 orders of 995 customers as of 31 December 2006, as the R package rfm scores them."""
    text = """
        insert into orders (order_id, customer_id, ordered_at, amount)
        select row_number() over (), customer_id, order_date, revenue from read_csv($file)
    """
    file = shared / "reference" / "rfm_data_orders.csv"
    ws = company_of(tmp_path, text, file=str(file))
    found = ws.query("rfm", as_of="2006-12-31", zone="UTC", currency="")
    assert found.height == 995
    told = {
        row["customer_id"]: (
            row["recency_days"],
            row["purchases"],
            row["spend"],
            f"{row['recency']}{row['frequency']}{row['monetary']}",
        )
        for row in found.iter_rows(named=True)
    }
    assert told["Abbey O'Reilly"] == (205, 6, 472, "343")
    assert told["Add Senger"] == (140, 3, 340, "412")
    assert told["Aden Lesch"] == (194, 4, 405, "323")
    assert told["Aden Murphy"] == (98, 7, 596, "544")
    assert told["Admiral Senger"] == (132, 5, 448, "433")
    result = cx.rfm(ws, as_of="2006-12-31")
    assert result.table["customers"].sum() == result.n == 995


# ten buyers a day apart; number n buys on n days, for n.50 each
TEN = [
    f"c{number} 2026-01-{30 - 2 * number - day:02} {number}.50"
    for number in range(1, 11)
    for day in range(number if number < 4 else 1)
]


def test_fifths_by_hand(tmp_path):
    found = scores(company(tmp_path, orders=orders(*TEN))).sort("recency_days")
    assert found["recency_days"].to_list() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    # quantiles of 0, 2, 4 … 18 are 3.6, 7.2, 10.8, 14.4; a fifth ends a day above
    assert found["recency"].to_list() == [5, 5, 5, 4, 4, 3, 2, 2, 1, 1]
    # eight bought once, one twice, one three times: quantiles 1, 1, 1, 1.2
    assert found["purchases"].to_list() == [1, 2, 3, 1, 1, 1, 1, 1, 1, 1]
    assert found["frequency"].to_list() == [1, 4, 5, 1, 1, 1, 1, 1, 1, 1]
    assert found["spend"].to_list() == [1.5, 5, 10.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]
    # quantiles 4.9, 6.1, 7.9, 9.7; a fifth ends 0.01 above, since amounts are not whole
    assert found["monetary"].to_list() == [1, 2, 5, 1, 2, 3, 3, 4, 4, 5]


def test_every_pair_of_scores_is_in_one_class(tmp_path):
    pairs = pl.DataFrame({"recency": range(1, 6)}).join(
        pl.DataFrame({"frequency": range(1, 6)}), how="cross"
    )
    from cxkit.analyses.who.rfm import _classes

    rows = pairs.with_columns(
        recency_days=pl.lit(1),
        purchases=pl.lit(1),
        spend=pl.lit(2.0),
        monetary=pl.lit(1),
        currency=pl.lit("EUR"),
    )
    table = _classes(rows)
    assert table["segment"].to_list() == SEGMENTS
    assert table["customers"].to_list() == [4, 4, 2, 2, 3, 4, 3, 3]
    assert table["customers"].sum() == 25


def spread() -> list[str]:
    """Forty buyers: number n last bought n days ago and has bought 1 + n % 7 times."""
    return [
        f"c{number:02} 2026-{6 - day:02}-{28 - number % 28:02} {10 + number}"
        for number in range(40)
        for day in range(number // 28, 1 + number % 6)
    ]


def test_classes_add_up_and_the_finding_is_theirs(tmp_path):
    ws = company(tmp_path / "a", orders=orders(*spread()))
    result = cx.rfm(ws)
    table, rows = result.table, scores(ws)
    assert table["segment"].to_list() == SEGMENTS
    assert table["customers"].sum() == rows.height == result.n
    assert table["share"].sum() == pytest.approx(1)
    assert table["revenue"].sum() == pytest.approx(rows["spend"].sum())
    best = rows.filter((pl.col("recency") >= 4) & (pl.col("frequency") >= 4))
    quiet = rows.filter((pl.col("recency") <= 2) & (pl.col("frequency") >= 4))
    first = table.row(0, named=True)
    assert first["customers"] == best.height > 0
    assert first["spend"] == best["spend"].median()
    assert first["recency_days"] == best["recency_days"].median()
    share = 100 * best["spend"].sum() / rows["spend"].sum()
    assert f"Of {rows.height} buyers {best.height} (" in result.finding
    assert f"with {share:.0f} % of the revenue so far; {quiet.height} (" in result.finding
    assert "champions" in result.chart().layout.title.text
    again = cx.rfm(company(tmp_path / "b", orders=orders(*spread())[::-1]))
    assert again.table.equals(table)
    assert again.finding == result.finding


def test_what_it_cannot_say(tmp_path):
    def asked(name: str, *rows: str, **changes: object) -> cx.Result:
        made = orders(*rows)
        for row in made:
            row |= changes
        result = cx.rfm(company(tmp_path / name, orders=made))
        assert result.table["customers"].sum() == result.n
        result.chart()
        return result

    assert asked("none").finding == "Nobody has bought yet: there is nothing to sort."
    few = ": too few to sort into fifths."
    assert asked("one", "ann 2026-01-01 5").finding == f"There is one buyer only{few}"
    two = asked("two", "ann 2026-01-01 5", "bob 2026-01-02 6")
    assert two.finding == f"There are 2 buyers only{few}"
    assert [note.split()[0] for note in two.caveats[:2]] == ["2", "Fifths"]  # nobody is tied
    assert two.caveats[0].startswith("2 of 2 buyers bought equally often, so frequency takes the ")
    assert "takes the score 1 alone" in two.caveats[0]
    assert asked("few", *TEN).finding == f"There are 10 buyers only{few}"
    once = [f"c{i:02} 2026-01-{1 + i % 28:02} {i}" for i in range(39)]
    result = asked("once", *once, "c00 2026-01-28 7")
    assert result.finding == (
        "Of 39 buyers 38 (97.4 %, 86.8–99.5) have bought on 1 day only: how often says "
        "nothing about them, and the classes tell recency alone."
    )
    assert result.caveats[0] == (
        "38 of 39 buyers bought equally often, so frequency takes the scores 1 and 5 alone and "
        "says little."
    )
    day = asked("day", *[f"c{i} 2026-01-01 {i}" for i in range(40)])
    assert any("40 of 40 buyers bought last on the same day" in note for note in day.caveats)
    free = asked("no amounts", *spread(), amount=None)
    assert "No order has an amount: spend has no score." in free.caveats
    assert "of the revenue" not in free.finding
    assert free.table["monetary"].null_count() == 8
    refunds = asked("refunds", *once, amount=-5)
    assert refunds.finding == "Nobody has bought yet: there is nothing to sort."


def test_several_currencies_are_not_added_up(tmp_path):
    rows = orders(*spread())
    rows[0]["currency"] = "USD"
    result = cx.rfm(company(tmp_path, orders=rows))
    assert result.table["revenue"].null_count() == result.table.height
    assert result.caveats[0].startswith("Amounts are in several currencies (EUR, USD)")
    assert result.table["customers"].sum() == result.n
