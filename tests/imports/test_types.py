"""Text into times and numbers: proven or asked, never guessed in silence."""

from datetime import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.imports import types
from cxkit.imports.types import DAY_FIRST, MONTH_FIRST, Evidence


def read(kind, values, declared="", zone="UTC", pooled=None):
    """Return the typed cells of a column, and the question that it leaves."""
    cells = pl.DataFrame({"cell": pl.Series(values, dtype=pl.String)})
    clean = cells.select(types.clean(pl.col("cell"), kind)).to_series()
    seen = types.evidence(kind, clean)
    how = types.decide(seen, pooled or Evidence(), declared, zone)
    return types.typed(kind, clean, how).to_list(), types.question(seen, how)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-01-05", dt(2024, 1, 5)),
        ("2024-01-05 10:30", dt(2024, 1, 5, 10, 30)),
        ("2024-01-05T10:30:15", dt(2024, 1, 5, 10, 30, 15)),
        ("2024-01-05T10:30:15.123456Z", dt(2024, 1, 5, 10, 30, 15, 123456)),
        ("2024-01-05 10:30:15 +0200", dt(2024, 1, 5, 8, 30, 15)),
        ("2024-01-05 10:30:15-05:00", dt(2024, 1, 5, 15, 30, 15)),
        ("2024/1/5 9:05", dt(2024, 1, 5, 9, 5)),
        ("20240105", dt(2024, 1, 5)),
        ("05.01.2024 10:30", dt(2024, 1, 5, 10, 30)),
        ("5.1.24", dt(2024, 1, 5)),
        ("31/12/2024 23:59", dt(2024, 12, 31, 23, 59)),
        ("12/31/2024 12:05 AM", dt(2024, 12, 31, 0, 5)),
        ("12/31/2024 12:05 PM", dt(2024, 12, 31, 12, 5)),
        ("5 Jan 2024 10:30", dt(2024, 1, 5, 10, 30)),
        ("January 5, 2024", dt(2024, 1, 5)),
        ("1704450615", dt(2024, 1, 5, 10, 30, 15)),
        ("1704450615000", dt(2024, 1, 5, 10, 30, 15)),
        ("1704450615123456", dt(2024, 1, 5, 10, 30, 15, 123456)),
        ("2024-02-30", None),
        ("31/02/2024 25:61", None),
        ("yesterday", None),
        ("", None),
        ("NULL", None),
    ],
)
def test_times(text, time):
    assert read("time", [text]) == ([time], "")


def test_one_day_above_twelve_proves_the_order_of_the_column():
    first = ["03/04/2024", "13/04/2024"]
    assert read("time", first) == ([dt(2024, 4, 3), dt(2024, 4, 13)], "")
    second = ["03/04/2024", "04/13/2024"]
    assert read("time", second) == ([dt(2024, 3, 4), dt(2024, 4, 13)], "")


def test_an_unproven_order_is_asked_and_the_cells_stay_empty():
    times, question = read("time", ["03/04/2024", "05/05/2024"])
    assert question == "does 03/04 mean 3 April or 4 March?"
    assert times == [None, dt(2024, 5, 5)], "5 May reads the same both ways"


def test_a_declared_order_answers_the_question():
    assert read("time", ["03/04/2024"], DAY_FIRST) == ([dt(2024, 4, 3)], "")
    assert read("time", ["03/04/2024"], MONTH_FIRST) == ([dt(2024, 3, 4)], "")


def test_another_column_of_the_file_may_prove_the_order():
    proof = Evidence(day_first=1)
    assert read("time", ["03/04/2024"], pooled=proof) == ([dt(2024, 4, 3)], "")


def test_one_misspelt_date_against_fifty_settles_nothing():
    """It is set aside; the order of the others is proven by themselves."""
    cells = ["01/31/2024"] * 51 + ["31/01/2024", "03/04/2024"]
    seen = types.evidence("time", pl.Series(cells))
    how = types.decide(seen, Evidence(), "", "UTC")
    assert how.order == types.MONTH_FIRST
    assert types.typed("time", pl.Series(cells[-2:]), how).to_list() == [None, dt(2024, 3, 4)]
    impossible = types.evidence("time", pl.Series(["01/31/2024", "31/02/2024 25:61"]))
    assert types.decide(impossible, Evidence(), "", "UTC").order == types.MONTH_FIRST


def test_a_column_that_contradicts_itself_is_asked():
    times, question = read("time", ["13/04/2024", "04/13/2024", "03/04/2024"])
    assert times == [dt(2024, 4, 13), dt(2024, 4, 13), None]
    assert question


def test_naive_times_are_of_the_zone_and_clock_changes_are_bridged():
    times, _ = read(
        "time",
        [
            "2024-07-01 12:00:00",
            "2024-03-31 02:30:00",  # the hour that the clock skips
            "2024-10-27 02:30:00",  # the hour that comes twice: its first time
        ],
        zone="Europe/Berlin",
    )
    assert times == [dt(2024, 7, 1, 10), dt(2024, 3, 31, 1, 30), dt(2024, 10, 27, 0, 30)]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,010.00", "1001.50", "1,234"], [1010.0, 1001.5, 1234.0]),
        (["44.522,01", "12", "1.234"], [44522.01, 12.0, 1234.0]),
        (["1.234.567"], [1234567.0]),
        (["1'234.50"], [1234.5]),
        (["1 234,50"], [1234.5]),
        (["€ 12.50", "12.50 €", "USD 4", "$-3.10"], [12.5, 12.5, 4.0, -3.1]),
        (["(12.50)", "-12.5", "12.50-", "'-5"], [-12.5, -12.5, -12.5, -5.0]),
        (["1e3", "0.125"], [1000.0, 0.125]),
        (["twelve", "12 pieces", "1,2,3.4", "1.2.3"], [None, None, None, None]),
    ],
)
def test_numbers(texts, numbers):
    assert read("number", texts) == (numbers, "")


def test_an_unproven_decimal_mark_is_asked():
    assert read("number", ["1,234", "2,500"]) == (
        [None, None],
        "does 1,234 mean a thousand or one and a bit?",
    )
    assert read("number", ["1,234"], types.COMMA) == ([1.234], "")
    assert read("number", ["1,234"], types.POINT) == ([1234.0], "")


def test_counts_money_and_yes_or_no():
    assert read("count", ["3", "3.0", "3.5"])[0] == [3, 3, None]
    assert [str(x) for x in read("money", ["12.3456", "-1"])[0]] == ["12.35", "-1.00"]
    assert read("yes_no", ["Yes", "nein", "0", "TRUE", "perhaps"])[0] == [
        True, False, False, True, None,
    ]  # fmt: skip


def test_ids_keep_their_zeros_and_lose_the_spreadsheets_guard():
    assert read("id", ["007", "'01067", "'+4915", " a ", "NULL"])[0] == [
        "007", "01067", "+4915", "a", None,
    ]  # fmt: skip
    assert read("text", ["'=1+1", " two ", "none", "  "])[0] == ["=1+1", " two ", "none", None]


@given(st.datetimes(dt(1990, 1, 1), dt(2060, 1, 1)))
def test_any_time_survives_the_common_ways_to_write_it(time):
    second = time.replace(microsecond=0)
    # the pandas of the world write these; the proof stands in the second cell
    for form, proof in (
        ("%Y-%m-%d %H:%M:%S", "2024-01-01 00:00:00"),
        ("%Y-%m-%dT%H:%M:%SZ", "2024-01-01T00:00:00Z"),
        ("%d/%m/%Y %H:%M:%S", "31/12/2024 00:00:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/31/2024 12:00:00 AM"),
        ("%d.%m.%Y %H:%M:%S", "31.12.2024 00:00:00"),
    ):
        assert read("time", [second.strftime(form), proof])[0][0] == second


@given(st.integers(-(10**9), 10**9))
def test_any_amount_survives_the_common_ways_to_write_it(cents):
    amount = cents / 100
    plain = f"{amount:,.2f}"
    german = plain.translate(str.maketrans(",.", ".,"))
    assert read("number", [plain, "0.55"])[0][0] == amount
    assert read("number", [german, "0,55"])[0][0] == amount
