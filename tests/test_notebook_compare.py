"""Notebooks are compared by value: proved by running nbval on small ones in their own folder."""

import base64
import json
import math
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode, v4, write

ROOT = Path(__file__).resolve().parent.parent
CHART = "application/vnd.plotly.v1+json"
RESULT = "application/vnd.cxkit.result+json"

FINDING = "38.5% of the 1,204 who visited never bought."
SHARE = 0.3850498338870432
REVENUE = 12345678.5


def packed(*numbers: float) -> dict[str, str]:
    """Pack numbers as plotly does."""
    raw = struct.pack(f"<{len(numbers)}d", *numbers)
    return {"dtype": "f8", "bdata": base64.b64encode(raw).decode()}


def shown(finding: str = FINDING, customers: int = 41, share: float = SHARE) -> dict[str, Any]:
    """A chart, a result and its table, as a cell shows them."""
    return {
        CHART: {
            "data": [{"uid": "a1", "x": ["web", "shop"], "y": packed(customers, share, REVENUE)}],
            "layout": {"template": {"layout": {}}, "title": {"text": finding}},
        },
        RESULT: {
            "finding": finding,
            "caveats": ["Only 12 customers: read with care."],
            "table": [{"stage": "visit", "customers": customers, "share": share}],
        },
        "text/html": f"<p>{finding}</p><td>{customers}</td><td>{share}</td>",
        "text/plain": f"visit {customers} {share}",
    }


def changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    """Record something else at one place."""

    def change(recorded: dict[str, Any]) -> None:
        *way, last = path
        for step in way:
            recorded = recorded[step]
        recorded[last] = to

    return change


def dropped(kind: str) -> Callable[[dict[str, Any]], None]:
    """Record without one kind of output."""
    return lambda recorded: recorded.pop(kind)


LAST_BIT = math.nextafter(SHARE, 1)
Y = (CHART, "data", 0, "y")

PASSES = {
    "equal": lambda recorded: None,
    "last_bit": lambda recorded: recorded.update(shown(share=LAST_BIT)),
    "id_of_a_trace": changed(CHART, "data", 0, "uid", to="b2"),
    "theme": changed(CHART, "layout", "template", to={"layout": {"font": {"size": 13}}}),
    "unpacked": changed(*Y, to=[41, SHARE, REVENUE]),
}
FAILS = {
    "point_moved_by_1": changed(*Y, to=packed(42, SHARE, REVENUE)),
    "large_point_moved_by_1": changed(*Y, to=packed(41, SHARE, REVENUE + 1)),
    "share_in_the_sixth_digit": changed(*Y, to=packed(41, SHARE + 1e-6, REVENUE)),
    "one_point_less": changed(*Y, to=packed(41, SHARE)),
    "word_on_the_axis": changed(CHART, "data", 0, "x", 1, to="shops"),
    "word_of_the_finding": changed(RESULT, "finding", to=FINDING.replace("never", "seldom")),
    "number_of_the_finding": changed(RESULT, "finding", to=FINDING.replace("38.5", "38.6")),
    "caveat_gone": changed(RESULT, "caveats", to=[]),
    "cell_of_the_table": changed(RESULT, "table", 0, "customers", to=42),
    "column_of_the_table": changed(RESULT, "table", 0, to={"stage": "visit", "customers": 41}),
    "cell_of_the_html": lambda recorded: recorded.update(
        {"text/html": shown(customers=42)["text/html"]}
    ),
    "cell_of_the_text": changed("text/plain", to=f"visit 42 {SHARE}"),
    "chart_missing": dropped(CHART),
    "kind_missing": dropped("text/html"),
}


def notebook(records: dict[str, Callable[[dict[str, Any]], None]]) -> NotebookNode:
    """Write one cell per case: it shows the same each time, and something else was recorded."""
    made = v4.new_notebook()
    for number, (name, change) in enumerate(records.items(), start=1):
        recorded = shown()
        change(recorded)
        source = (
            f"import json\nfrom IPython.display import display\n# {name}\n"
            f"display(json.loads({json.dumps(shown())!r}), raw=True)"
        )
        outputs = [v4.new_output("display_data", data=recorded)]
        made.cells.append(v4.new_code_cell(source, execution_count=number, outputs=outputs))
    return made


def verdicts(folder: Path, made: NotebookNode) -> tuple[list[str], str]:
    """Run nbval on a notebook: what pytest says of each cell, and its whole log."""
    shutil.copy(ROOT / "conftest.py", folder)
    write(made, folder / "made.ipynb")
    options = ["--nbval", "--nbval-current-env", "-rA", "--color=no", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "made.ipynb"],
        cwd=folder,
        env={**os.environ, "PYTEST_ADDOPTS": "", "JUPYTER_PLATFORM_DIRS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = run.stdout.partition("short test summary info")[2]
    words = [line.split() for line in summary.splitlines() if "made.ipynb::Cell" in line]
    cells = sorted((int(word[2]), word[0]) for word in words)
    return [verdict for _, verdict in cells], run.stdout


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """Judge all cases in one kernel."""
    cases = {**PASSES, **FAILS}
    told, log = verdicts(tmp_path_factory.mktemp("notebooks"), notebook(cases))
    return dict(zip(cases, told, strict=True)), log


@pytest.mark.parametrize("case", PASSES)
def test_passes(judged, case):
    assert judged[0][case] == "PASSED", judged[1]


@pytest.mark.parametrize("case", FAILS)
def test_fails(judged, case):
    assert judged[0][case] == "FAILED"


def test_the_place_of_a_difference_is_told(judged):
    assert f"output 1, {CHART} .data[0].y[0]: 42.0 was recorded, now it is 41.0" in judged[1]
    assert f"output 1, {RESULT} .table[0].share: is new" in judged[1]


def test_a_notebook_stripped_of_its_outputs_fails(tmp_path):
    made = v4.new_notebook(cells=[v4.new_code_cell("seen = 1", execution_count=1)])
    told, log = verdicts(tmp_path, made)
    assert told == ["FAILED"]
    assert "The notebook has no outputs" in log


def test_an_output_more_or_less_fails_and_so_does_a_cell_that_was_never_run(tmp_path):
    made = notebook(dict.fromkeys(["twice", "none", "printed", "equal"], PASSES["equal"]))
    made.cells[0].outputs *= 2
    made.cells[1].outputs = []
    made.cells[2].outputs.append(v4.new_output("stream", name="stdout", text="done\n"))
    made.cells.append(v4.new_code_cell("1 + 1"))
    told, log = verdicts(tmp_path, made)
    assert told == ["FAILED", "FAILED", "FAILED", "PASSED", "FAILED"]
    assert "never run: record the notebook with `make notebooks`" in log
