"""Rows kept out: counted by file and reason, examples masked, nothing hidden."""

from company import company

import cxkit as cx


def row(file, record, reason, value, column="Email"):
    return {
        "source_file": file, "record_no": record, "line_no": record + 1, "raw_text": "…",
        "column_name": column, "value": value, "reason": reason, "hint": "Add one.",
    }  # fmt: skip


FILES = [{"source_file": "a.csv", "records": 60}, {"source_file": "b.csv", "records": 40}]


def test_counted_by_file_and_reason(tmp_path):
    kept = [
        row("a.csv", 7, "not a date", "31/31/2026", "Day") | {"raw_text": "Äo;31/31"},
        row("b.csv", 9, "no id", ""),
        row("b.csv", 3, "no id", "ann@shop.example?") | {"raw_text": "ann@1"},
    ]
    result = cx.set_aside(company(tmp_path, set_aside=kept, files=FILES))
    assert result.table.rows() == [
        ("b.csv", "Email", "no id", 2, 4, "[e-mail]?", "xxx@9", "Add one."),
        ("a.csv", "Day", "not a date", 1, 8, "31/31/2026", "Xx;99/99", "Add one."),
    ]
    assert result.finding == (
        "3 of 100 records were set aside; most often in b.csv: no id in 'Email' (2 records)."
    )
    assert result.chart().layout.title.text == "<b>b.csv has most rows set aside: no id</b>"


def test_nothing_set_aside(tmp_path):
    result = cx.set_aside(company(tmp_path, files=FILES))
    assert result.finding == "No row was set aside: all 100 records could be read."
    assert result.table.is_empty() and result.caveats == () and result.draw is None


def test_an_empty_store(tmp_path):
    assert cx.set_aside(company(tmp_path)).finding.startswith("No row was set aside")
