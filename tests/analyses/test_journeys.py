"""Single journeys: every row, in order, of the customers asked for and of nobody else."""

from datetime import datetime

from company import company, events, orders

import cxkit as cx

ROWS = events(
    "bob 2026-01-05T10:00 visit app",
    "ann 2026-01-02T10:00 visit web",
    "ann 2026-01-01T10:00 newsletter",
)


def test_rows_in_order(tmp_path):
    ws = company(tmp_path, events=ROWS, orders=orders("ann 2026-01-03 20.00"))
    result = cx.journeys(ws, customers=["ann", "nobody"])
    assert result.table.rows() == [
        ("ann", datetime(2026, 1, 1, 10), "newsletter", None, None),
        ("ann", datetime(2026, 1, 2, 10), "visit", "web", None),
        ("ann", datetime(2026, 1, 3), "ordered", None, 20.0),
    ]
    assert result.finding == (
        "1 customer of 2 had 3 touchpoints between 01 Jan 2026 10:00 and 03 Jan 2026."
    )
    assert result.chart().layout.title.text == "<b>ann had most touchpoints: 3</b>"


def test_a_report_lays_out_nobody(tmp_path, monkeypatch):
    ws = company(tmp_path, events=ROWS)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    told = "A report shows no journeys of fewer than 10 customers."
    for asked in (["ann"], ["ann", "bob"]):
        result = cx.journeys(ws, customers=asked)
        assert result.table.is_empty() and result.n == 0
        assert result.finding == told
        assert result.caveats == (
            "A report lays out no journeys of single people: ask journeys(ws, ...) in a notebook.",
        )
        shown = str(result.outputs())
        assert "newsletter" not in shown and "bob" not in shown and "01 Jan" not in shown
        assert result.chart().layout.title.text == f"<b>{told}</b>"


def test_a_report_counts_the_journeys_of_many(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-{n + 1:02}T10:00 visit" for n in range(10)]
    ws = company(tmp_path, events=events(*rows))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    result = cx.journeys(ws, customers=[f"c{n}" for n in range(10)])
    assert result.table.is_empty() and result.n == 10
    assert result.finding == (
        "10 customers had 10 touchpoints between 01 Jan 2026 10:00 and 10 Jan 2026 10:00."
    )
    assert "10 customers had 10 touchpoints" in result.chart().layout.title.text


def test_up_to_the_as_of_date(tmp_path):
    ws = company(tmp_path, events=ROWS)
    assert cx.journeys(ws, customers=["ann"], as_of="2026-01-01").table.height == 1


def test_nobody_and_nothing(tmp_path):
    ws = company(tmp_path)
    result = cx.journeys(ws, customers=["ann"])
    assert result.finding == "Nothing is known of this customer."
    assert result.n == 0 and len(result.outputs()) == 2
