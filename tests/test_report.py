"""The report on notebooks of a few cells: what it shows, what it hides, what it says of errors."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from company import company, events

from cxkit import charts
from cxkit.report import Report, write_report
from cxkit.report.page import Cover, write_page
from cxkit.report.run import Executed
from cxkit.result import Result

PAYLOAD = "<img src=x onerror=\"document.title='owned'\"></script><script>alert(1)</script>"
PARAMETERS = "store = None\nas_of = None"
ANSWER = f"""
import polars as pl
from cxkit.result import Result
table = pl.DataFrame({{"comment": ["=1+1", {PAYLOAD!r}], "share": [0.25, 0.75]}})
Result("words", "What do they say?", table, {PAYLOAD!r} + " 75 % of 4.", ("Small.",), n=4)
"""


def notebook(folder: Path, name: str, *cells: tuple[str, str]) -> None:
    """Write a notebook from ("md", text), ("code", text) and ("parameters", text)."""
    made = []
    for kind, source in cells:
        if kind == "md":
            made.append(nbformat.v4.new_markdown_cell(source))
        else:
            tags = {"tags": ["parameters"]} if kind == "parameters" else {}
            made.append(nbformat.v4.new_code_cell(source, metadata=tags))
    folder.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    company(
        folder / "store",
        {"company": {"name": "Tea & Sons"}},
        events=events("ann 2026-03-01T10:00 visited web", "bob 2026-03-31T09:30 visited app"),
    )
    return folder


@pytest.fixture(scope="module")
def report(place: Path) -> Report:
    """Four notebooks: one good, one refused by cxkit, one broken, and one after them."""
    opened = ("code", "import cxkit as cx\nws = cx.open(store)\nwhen = ws.moment(as_of)")
    start = (("parameters", PARAMETERS), opened)
    books = place / "notebooks"
    notebook(books, "01_words", ("md", "# What do they say?"), *start, ("code", ANSWER))
    notebook(
        books,
        "02_refused",
        ("md", "# Refused"),
        *start,
        ("md", "## Where do they stop?"),
        ("code", "cx.stage_funnel(ws, stages=['a'], within_days=0)"),
        ("md", "never reached"),
    )
    notebook(books, "03_broken", ("code", "1 / 0"))
    notebook(books, "04_last", ("md", "# Last"), *start, ("code", "print(f'{when:%d %B}')"))
    return write_report(
        store=place / "store", out=place / "reports", as_of="2026-03-15", notebooks=books
    )


def test_the_page_lies_under_the_as_of_date(place: Path, report: Report) -> None:
    assert report.page == place / "reports" / "2026-03-15" / "index.html"
    page = report.page.read_text(encoding="utf-8")
    assert "<title>Tea &amp; Sons · 15 Mar 2026</title>" in page
    assert "<pre>15 March</pre>" in page  # the parameters reached the last notebook


def test_each_failure_is_named_in_plain_words_and_the_others_still_run(report: Report) -> None:
    assert [str(failure) for failure in report.failures] == [
        "02_refused.ipynb, cell 5, in the section “Where do they stop?”: "
        "within_days is 0; give a whole number from 1 to 100,000.",
        "03_broken.ipynb, cell 1: Something that cxkit did not expect (ZeroDivisionError). "
        "The details are in stopped/03_broken.log.",
    ]
    page = report.page.read_text(encoding="utf-8")
    assert "2 of 4 chapters stopped before their end." in page
    assert "within_days is 0; give a whole number from 1 to 100,000." in page
    assert "never reached" not in page
    assert "Traceback" not in page
    stopped = report.page.parent / "stopped"
    assert sorted(path.name for path in stopped.iterdir()) == [
        "02_refused.ipynb",
        "03_broken.ipynb",
        "03_broken.log",
    ]
    assert "ZeroDivisionError: division by zero" in (stopped / "03_broken.log").read_text("utf-8")


def test_the_tables_travel_guarded(report: Report) -> None:
    tables = report.page.parent / "tables"
    assert sorted(path.name for path in tables.iterdir()) == ["01_words.words.csv", "01_words.xlsx"]
    with (tables / "01_words.words.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["comment", "share"], ["'=1+1", "0.25"], [PAYLOAD, "0.75"]]
    sheets = pl.read_excel(tables / "01_words.xlsx", sheet_id=0, engine="calamine")
    assert list(sheets) == ["findings", "words"]
    assert sheets["words"]["comment"].to_list() == ["'=1+1", PAYLOAD]
    assert sheets["findings"]["rows"].to_list() == ["all"]


def test_the_same_input_gives_the_same_bytes(place: Path, report: Report) -> None:
    kept = [report.page, *sorted((report.page.parent / "tables").iterdir())]
    before = [path.read_bytes() for path in kept]
    books = place / "notebooks"
    write_report(store=place / "store", out=place / "reports", as_of="2026-03-15", notebooks=books)
    assert [path.read_bytes() for path in kept] == before


def cells(*sources: Any) -> list[dict[str, Any]]:
    """Make executed cells: text is markdown, anything else the outputs of a code cell."""
    return [
        nbformat.v4.new_markdown_cell(source)
        if isinstance(source, str)
        else nbformat.v4.new_code_cell(
            "…", outputs=[nbformat.v4.new_output("display_data", data=data) for data in source]
        )
        for source in sources
    ]


def page_of(tmp_path: Path, *sources: Any) -> str:
    """Return what stands in <main> for a page of one notebook, named 05_words."""
    cover = Cover("Tea", "1 Mar 2026", {}, "", (), pl.DataFrame())
    path = write_page(tmp_path / "p.html", cover, [Executed("05_words", cells(*sources))])
    page = path.read_text(encoding="utf-8")
    return page[page.index("<main>") : page.index("<footer>")]


def result(finding: str = "3 of 4 stay.", rows: int = 2) -> Result:
    table = pl.DataFrame({"who": [f"<b>{i}</b>" for i in range(rows)], "people": [3] * rows})
    return Result("stay", "Who stays?", table, finding, n=4, draw=bars)


def bars(table: pl.DataFrame) -> charts.Figure:
    texts = ["3"] * table.height
    return charts.bars(
        table, length="people", label="who", title="</script> stays", unit="people", texts=texts
    )


def test_nothing_that_a_stranger_wrote_becomes_markup(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        f"# {PAYLOAD}\n\n[a](javascript:alert(1)) <a href='javascript:alert(1)'>b</a> {PAYLOAD}",
        result(PAYLOAD).outputs(),
        [{"text/html": f"<table onclick='x()'><tr><td>{PAYLOAD}</td></tr></table>"}],
        [{"text/plain": PAYLOAD}],
        [{"text/markdown": PAYLOAD}],
    )
    tags = set(re.findall(r"<([a-z0-9]+)", page))
    assert not tags & {"img", "iframe", "svg", "object", "style", "link", "form"}
    assert re.findall(r"<script[^>]*>", page) == ['<script type="application/json">']
    assert not re.findall(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page))
    assert 'href="javascript' not in page


def test_the_page_allows_no_script_but_its_own_and_no_address(tmp_path: Path) -> None:
    page_of(tmp_path, "# Who?")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[0]
    assert re.sub(r"'sha256-[\w+/=]{44}'", "HASH", policy) == (
        "default-src 'none'; script-src HASH HASH; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = page[: page.index("<main>")]
    assert not re.findall(r"(?:src|href)=\"(?!#)", head)


def test_a_chart_is_data_with_its_title_as_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, "# Who?", result().outputs())
    assert "<figcaption>&lt;/script&gt; stays</figcaption>" in page
    assert 'role="img" aria-label="Chart. &lt;/script&gt; stays. 3 of 4 stay."' in page
    packed = re.findall(r'<script type="application/json">(.*?)</script>', page)
    drawn = json.loads(packed[0])
    assert drawn["config"] == charts.CONFIG
    assert drawn["data"][0]["x"] == [3, 3]
    assert "title" not in drawn["layout"]


def test_what_is_shown_twice_stands_once_and_keeps_its_sentence(tmp_path: Path) -> None:
    page = page_of(tmp_path, "# Who?", result().outputs(), "## Again", result().outputs())
    assert page.count("<figure>") == 1
    assert page.count('class="card"') == 1
    assert page.count("3 of 4 stay.</b>") == 2
    assert page.count("The table behind it") == 1


def test_widgets_noise_and_learners_sections_leave_no_gap(tmp_path: Path) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox()"}
    made = cells("# Who?", [widget], "## A toy", result().outputs(), "## Your turn", "## Next")
    made[2]["metadata"]["tags"] = ["for-learners"]
    made[1]["outputs"].append(nbformat.v4.new_output("stream", name="stderr", text="noise"))
    cover = Cover("Tea", "1 Mar 2026", {}, "", (), pl.DataFrame())
    path = write_page(tmp_path / "p.html", cover, [Executed("05_words", made)])
    page = path.read_text(encoding="utf-8")
    main = page[page.index("<main>") : page.index("<footer>")]
    for left_out in ("VBox", "noise", "A toy", "3 of 4 stay", "Your turn"):
        assert left_out not in main
    assert "<h3>Next</h3>" in main


def test_markdown_keeps_folds_links_and_lines(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "# Who?\n\nsee [this](05_words.ipynb), [that](07_other.ipynb), [docs](../docs/x.md) "
        "and [out](https://example.test)",
        "<details><summary>Hint</summary>\n\n`x`\n\n</details>",
        "**What it shows** a.\n**How to read it** b.",
    )
    assert '<a href="#05_words">this</a>, <a>that</a>, <a>docs</a>' in page
    assert '<a href="https://example.test">out</a>' in page
    assert "<details><summary>Hint</summary>" in page
    assert "a.<br>" in page


def test_a_long_table_says_where_the_rest_is(tmp_path: Path) -> None:
    page = page_of(tmp_path, "# Who?", result(rows=40).outputs())
    assert '10 more rows in <a href="tables/05_words.xlsx">the Excel file</a>' in page


def test_a_result_without_a_chart_shows_its_table(tmp_path: Path) -> None:
    words = Result("quotes", "Their words?", pl.DataFrame({"comment": ["Late!"]}), "1 comment.")
    page = page_of(tmp_path, "# Who?", words.outputs(), result().outputs())
    assert page.count("<details open><summary>The table behind it") == 1
    assert page.count("<details><summary>The table behind it") == 1
