"""Each notebook, opened in JupyterLab: all cells run, its widgets change the view, no complaint."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from company import company_of

from cxkit.cli import lab_command

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await Promise.all([panel.revealed, panel.context.ready, panel.sessionContext.ready]);
    return await window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""
PLOTLY = "application/vnd.plotly.v1+json"
HEIGHT = "document.querySelector('.jp-Cell:last-child').getBoundingClientRect().bottom"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


class Server:
    """A JupyterLab of its own, on this machine alone, in folders of its own."""

    def __init__(self, folder: Path) -> None:
        command, environment = lab_command(folder / "settings")
        settings = folder / "settings" / "labconfig" / "default_setting_overrides.json"
        told = json.loads(settings.read_text(encoding="utf-8"))
        told["@jupyterlab/notebook-extension:tracker"]["windowingMode"] = (
            "none"  # all cells at once
        )
        settings.write_text(json.dumps(told), encoding="utf-8")
        own = {
            name: str(folder / name.lower())
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        }
        self.work = folder / "work"
        self.work.mkdir()
        for notebook in NOTEBOOKS:
            shutil.copy(notebook, self.work)
        flags = ["--no-browser", "--port=0", "--allow-root", "--LabApp.expose_app_in_browser=True"]
        self.log = (folder / "lab.log").open("wb")
        self.process = subprocess.Popen(
            [*command, *flags],
            cwd=self.work,
            env={**environment, **own, "IPYTHONDIR": str(folder / "ipython")},
            stdout=self.log,
            stderr=self.log,
        )
        note = folder / "jupyter_runtime_dir" / f"jpserver-{self.process.pid}.json"
        until = time.monotonic() + 90
        while not note.is_file() and time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.1)
        told = json.loads(note.read_text(encoding="utf-8"))
        self.url, self.token = told["url"], told["token"]

    def ask(self, method: str, path: str, content: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}api/{path}",
            data=json.dumps(content).encode(),
            headers={"Authorization": f"token {self.token}"},
            method=method,
        )
        urllib.request.urlopen(request, timeout=60).close()

    def open(self, notebook: str) -> str:
        """Start the notebook's kernel, and return the address of the notebook."""
        session = {"path": notebook, "name": notebook, "type": "notebook"}
        self.ask("POST", "sessions", {**session, "kernel": {"name": "python3"}})
        own = Path(notebook).stem  # a workspace of its own: Lab would restore the last notebook too
        return f"{self.url}lab/workspaces/{own}/tree/{notebook}?token={self.token}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not any(map(shutil.which, ("chromium", "chromium-browser"))):
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    started = Server(tmp_path_factory.mktemp("lab"))
    yield started
    started.close()


@pytest.mark.parametrize("notebook", [path.name for path in NOTEBOOKS])
def test_a_notebook_runs_and_its_widgets_answer(
    browse: Callable[..., Any], server: Server, notebook: str
) -> None:
    watched = browse(1360, 8000 if os.environ.get("CXKIT_SCREENSHOTS") else 1000)
    page = watched.page
    page.goto(server.open(notebook))
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=60_000)
    page.evaluate(RUN_ALL)
    cells = page.evaluate(CELLS)
    written = json.loads((server.work / notebook).read_text(encoding="utf-8"))["cells"]
    assert [c["source"] for c in cells] == ["".join(c["source"]) for c in written]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in code if cell["execution_count"] is None] == []
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []
    charts = [output for output in outputs if PLOTLY in output.get("data", {})]
    drawn = page.locator(".jp-Cell-outputArea > * > .jp-RenderedPlotly:has(.main-svg)")
    playwright.expect(drawn).to_have_count(len(charts))
    views = page.locator(".jp-OutputArea-output > .widget-vbox:has(> .widget-output)").all()
    assert len(views) == sum("cx.explore(" in cell["source"] for cell in code)
    for view in views:
        for dropdown in view.locator("select").all():
            _answers(page, view, dropdown)
    watched.picture(f"lab_{Path(notebook).stem}", height=page.evaluate(HEIGHT) + 40)
    assert watched.outside == []
    assert watched.complaints == []


def _answers(page: Any, view: Any, dropdown: Any) -> None:
    """Choose other values of a dropdown until the view says something else; it must."""
    shown = view.locator(".widget-output").first
    shown.locator(".main-svg, table, p").first.wait_for(state="attached")
    before = shown.text_content()
    start = dropdown.input_value()
    for choice in dropdown.locator("option").all():
        if choice.get_attribute("value") == start:
            continue
        dropdown.select_option(choice.get_attribute("value"))
        until = time.monotonic() + 15
        while time.monotonic() < until:
            if shown.text_content() not in (before, ""):
                return
            page.wait_for_timeout(100)
    raise AssertionError(f"no choice of {dropdown.inner_text()!r} changed the view")


MILLION = """
insert into events (customer_id, occurred_at, event, channel, device, event_id)
select 'c' || (i * 7919 % 50000), timestamp '2026-01-01' + to_seconds(i * 104729 % 15552000),
    ['visit', 'visit', 'cart', 'pay', 'help'][1 + i % 5], ['web', 'app', 'shop'][1 + i % 3],
    ['mobile', 'desktop'][1 + i % 2], i::varchar
from range(1000000) as made(i)
"""


def test_an_explorer_of_a_million_events_answers(
    browse: Callable[..., Any], server: Server, tmp_path: Path, record_property: Any
) -> None:
    """How long a changed dropdown takes is printed, since a busy machine must not fail a test.

    Run this test alone with `-s` on a quiet machine: the bar is half a second.
    """
    company_of(tmp_path, MILLION).close()
    source = (
        f"import cxkit as cx\nws = cx.open({str(tmp_path)!r})\n"
        "cx.explore(cx.stage_funnel, ws, by=[None, 'device', 'channel'], within_days=[30, 7, 14],\n"
        "           fixed={'stages': ['visit', 'cart', 'pay']})"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, server.work / "million.ipynb")
    page = browse(1360, 1000).page
    page.goto(server.open("million.ipynb"))
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=60_000)
    page.evaluate(RUN_ALL)
    view = page.locator(".jp-OutputArea-output > .widget-vbox:has(> .widget-output)").first
    shown = view.locator(".widget-output").first
    shown.locator(".main-svg").first.wait_for(timeout=60_000)
    by, days = view.locator("select").all()
    seconds = {}
    for dropdown, value in [
        (days, "7"),
        (days, "14"),
        (by, "device"),
        (by, "channel"),
        (by, "all"),
    ]:
        before = shown.text_content()
        dropdown.select_option(label=value)
        started = time.monotonic()
        while (said := shown.text_content()) in (before, "") and time.monotonic() < started + 15:
            page.wait_for_timeout(5)
        assert said not in (before, ""), value
        shown.locator(".main-svg").first.wait_for()
        seconds[value] = round(time.monotonic() - started, 2)
    record_property("seconds", seconds)
    print("seconds from choice to chart:", seconds)
