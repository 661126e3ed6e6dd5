"""The report, opened from the disk: every chart drawn, nothing asked for, nothing run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest

from cxkit import charts
from cxkit.report.page import Cover, write_page
from cxkit.report.run import Executed
from cxkit.result import Result

PAYLOAD = "<img src='https://evil.test/x' onerror=\"document.title='owned'\"><b>"
CHARTS = 20


def bars(table: pl.DataFrame) -> charts.Figure:
    texts = [f"{people} people" for people in table["people"]]
    return charts.bars(
        table, length="people", label="who", title=f"{PAYLOAD} stay", unit="people", texts=texts
    )


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report with twenty charts, one of them empty, and a payload in every text."""
    cells = [nbformat.v4.new_markdown_cell(f"# Who stays? {PAYLOAD}")]
    for number in range(CHARTS):
        people = [number, 2 * number + 1] if number else []
        table = pl.DataFrame({"who": [PAYLOAD, "others"][: len(people)], "people": people})
        result = Result(
            "stay", f"Who stays {number}?", table, f"{PAYLOAD} {number} %.", n=9, draw=bars
        )
        outputs = [nbformat.v4.new_output("display_data", data=data) for data in result.outputs()]
        cells.append(nbformat.v4.new_code_cell("stay", outputs=outputs))
    files = pl.DataFrame({"file": ["orders.csv"], "records": [12]})
    cover = Cover(PAYLOAD, "1 Mar 2026", {"customers": 12}, "1 file.", ("!",), files)
    return write_page(tmp_path / "index.html", cover, [Executed("01_who", cells)])


@pytest.mark.parametrize("width", [1360, 390])
def test_every_chart_is_drawn_offline(browse: Callable[..., Any], report: Path, width: int) -> None:
    watched = browse(width)
    page = watched.page
    page.goto(report.as_uri())
    drawn = page.locator(".plot .main-svg").first
    assert page.locator(".plot[data-drawn]").count() < CHARTS  # a long page opens at once
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for(state="attached")
    assert drawn.is_visible()
    watched.picture(f"report_{width}")
    assert page.locator(".plot[data-drawn]").count() == CHARTS
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.title() != "owned"
    assert page.locator("main img").count() == 0
    assert page.locator("svg a").count() == 0
    assert watched.outside == []
    assert watched.complaints == []


def test_the_policy_stops_a_script_that_slipped_in(
    browse: Callable[..., Any], report: Path
) -> None:
    text = report.read_text(encoding="utf-8")
    slipped = (
        "<script>document.title = 'owned'</script><img src=x onerror='document.title=`owned`'>"
    )
    report.write_text(text.replace("<main>", f"<main>{slipped}"), encoding="utf-8")
    watched = browse()
    watched.page.goto(report.as_uri())
    watched.page.locator(".plot").first.scroll_into_view_if_needed()
    watched.page.locator(".main-svg").first.wait_for(state="attached")
    assert watched.page.title() != "owned"
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)


def test_the_contents_say_where_the_reader_is(browse: Callable[..., Any], report: Path) -> None:
    page = browse().page
    page.goto(report.as_uri())
    page.get_by_role("navigation").get_by_role("link").nth(1).click()
    page.locator(".contents a[aria-current][href='#01_who']").wait_for()
