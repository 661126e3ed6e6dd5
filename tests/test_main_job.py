"""The main job, as a person runs it: one command, the demo company, a whole report."""

import html
import json
import re
from pathlib import Path

import nbformat
import pytest

import cxkit as cx
from cxkit.cli import main
from cxkit.report import NOTEBOOKS
from cxkit.report.page import for_readers, results_of
from cxkit.report.run import Executed

PLOTLY = "application/vnd.plotly.v1+json"
OF_FEW = {"theme_trend"}  # the login loop is told of by eight people
JOURNEYS_OF_FEW = "A report shows no journeys of fewer than 10 customers."  # five are laid out


def in_a_report(name: str) -> str:
    """Return the finding of an analysis of few people: a report puts them among the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXKIT_REPORT", "1")
        return str(getattr(cx, name)(cx.open()).finding)


def recorded(path: Path) -> tuple[list[str], int]:
    """Return the findings and the number of different charts that a notebook was committed with."""
    cells = nbformat.read(path, as_version=4).cells
    shown = [output for cell in for_readers(cells) for output in cell.get("outputs", ())]
    charts = [o["data"][PLOTLY] for o in shown if PLOTLY in o.get("data", {})]
    different = {json.dumps([chart["data"], chart["layout"]], sort_keys=True) for chart in charts}
    findings = [
        JOURNEYS_OF_FEW
        if result["name"] == "journeys"
        else in_a_report(result["name"])
        if result["name"] in OF_FEW
        else result["finding"]
        for result in results_of(Executed(path.stem, cells))
    ]
    return findings, len(different)


@pytest.mark.timeout(600)
def test_the_report_of_the_demo_company_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(["report"])
    heard = capsys.readouterr()
    assert code == 0, heard.err
    folder = tmp_path / "reports" / "2026-06-28"
    assert heard.out.splitlines()[-2:] == [
        f"The report: {Path('reports/2026-06-28/index.html')}",
        f"The tables: {Path('reports/2026-06-28/tables')}",
    ]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<h1>Brindlewick</h1>" in page
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        start = page.index(f'<section class="chapter" id="{path.stem}"')
        chapter = page[start : page.index("</section>", start)]
        findings, charts = recorded(path)
        assert findings
        text = html.unescape(chapter).replace("\u00a0%", " %")
        assert [finding for finding in findings if finding not in text] == []
        assert chapter.count('class="plot"') == charts
        assert (folder / "tables" / f"{path.stem}.xlsx").is_file()
    assert not (folder / "stopped").exists()
    assert not re.findall(r"Traceback|<img|javascript:", page[: page.index("<footer>")])
