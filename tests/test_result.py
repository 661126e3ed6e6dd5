"""A Result shows itself: question, finding, chart, folded table, caveats; and as text."""

import json
from datetime import datetime

import polars as pl
import pytest

from cxkit import charts
from cxkit.errors import BadQuestion
from cxkit.result import MIME, Result, counted

TABLE = pl.DataFrame({"stage": ["visit", "<b>buy</b>"], "customers": [4, 1], "share": [1.0, 0.25]})


def draw(table):
    return charts.bars(
        table, length="share", label="stage", title="One in four buys", unit="share of visitors",
        texts=["4", "1"],
    )  # fmt: skip


RESULT = Result(
    name="toy", question="How far?", table=TABLE, finding="1 of 4 <i>buys</i>.",
    caveats=("Only 4 people.",), sql="select 1", as_of=datetime(2026, 6, 28), n=4, draw=draw,
)  # fmt: skip


def test_what_a_notebook_shows_in_order():
    head, chart, tail = RESULT.outputs()
    assert "How far?" in head["text/html"]
    assert "1 of 4 &lt;i&gt;buys&lt;/i&gt;." in head["text/html"]
    assert "as of 28 Jun 2026 UTC, n = 4" in head["text/html"]
    drawn = chart["application/vnd.plotly.v1+json"]
    assert drawn["data"][0]["x"] == [1.0, 0.25]
    assert drawn["config"]["showSendToCloud"] is False
    assert chart["text/plain"] == "[chart] <b>One in four buys</b>"
    assert "<li>Only 4 people.</li>" in tail["text/html"]
    assert "<details><summary>The table behind it (2 rows)" in tail["text/html"]
    assert "&lt;b&gt;buy&lt;/b&gt;" in tail["text/html"] and "25.0 %" in tail["text/html"]


def test_what_travels_for_reports_is_plain_json():
    plain = json.loads(json.dumps(RESULT.outputs()[0][MIME]))
    assert plain["finding"] == "1 of 4 <i>buys</i>."
    assert plain["table"] == {
        "columns": ["stage", "customers", "share"],
        "rows": [["visit", 4, 1.0], ["<b>buy</b>", 1, 0.25]],
        "height": 2,
    }


def test_as_text_where_there_is_no_html():
    assert str(RESULT).startswith(
        "How far?\n  1 of 4 <i>buys</i>.\n  (as of 28 Jun 2026 UTC, n = 4)\n  ! Only 4 people.\n"
    )


def test_without_rows_the_chart_says_so():
    empty = Result("toy", "How far?", TABLE.clear(), "Nobody came.", draw=draw)
    assert empty.chart().layout.title.text == "<b>Nobody came.</b>"
    assert empty.chart().layout.annotations[0].text == "no data"
    assert len(empty.outputs()) == 2  # no table to fold


def test_counted():
    assert [counted(n, "person") for n in (0, 1, 2000)] == [
        "0 persons",
        "1 person",
        "2,000 persons",
    ]


def test_a_table_leaves_as_a_guarded_file(tmp_path):
    told = Result(name="toy", question="?", finding=".", table=pl.DataFrame({"who": ["=1+1", "é"]}))
    assert told.save(tmp_path / "toy.csv").read_text(encoding="utf-8-sig") == "who\n'=1+1\né\n"
    assert told.save(str(tmp_path / "toy.XLSX")).stat().st_size > 1000
    with pytest.raises(BadQuestion, match=r"'toy.pdf' is neither .csv nor .xlsx"):
        told.save(tmp_path / "toy.pdf")
