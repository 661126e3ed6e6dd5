"""The notebooks keep one frame and stay light: limits that a reader feels."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LIMITS = {"words": 80, "code_lines": 8, "cells": 40, "sections": 6, "kilobytes": 300}


def source(cell):
    return "".join(cell["source"])


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request):
    return request.param, json.loads(request.param.read_text(encoding="utf-8"))


def test_there_are_notebooks():
    assert [path.stem[:2] for path in NOTEBOOKS] == [
        "00",
        "01",
        "02",
        "03",
        "03",
        "03",
        "04",
        "05",
        "05",
        "05",
    ]


def test_limits(notebook):
    path, content = notebook
    cells = content["cells"]
    assert path.stat().st_size <= LIMITS["kilobytes"] * 1000
    assert len(cells) <= LIMITS["cells"]
    for cell in cells:
        text = source(cell)
        assert text.strip(), "no cell is empty"
        if cell["cell_type"] == "markdown":
            assert len(re.findall(r"\w[\w'-]*", text)) <= LIMITS["words"], text
        else:
            assert len(text.splitlines()) <= LIMITS["code_lines"], text


def test_the_frame(notebook):
    _, content = notebook
    cells = content["cells"]
    first = source(cells[0])
    assert re.match(r"# .+\?\n", first), "the title is the question"
    for promise in ("**You will learn**", "**You need**", "**It takes**"):
        assert promise in first
    setup, parameters = (
        cells[1],
        next(c for c in cells if "parameters" in c["metadata"].get("tags", [])),
    )
    assert setup["metadata"]["jupyter"]["source_hidden"] is True
    assert sum("parameters" in c["metadata"].get("tags", []) for c in cells) == 1
    assert source(parameters).startswith(("store = None", "# "))
    headings = [h for cell in cells for h in re.findall(r"^## (.+)", source(cell), re.M)]
    *questions, learned, turn, where = headings
    assert (learned, turn, where) == ("What we learned", "Your turn", "Where next")
    assert 3 <= len(questions) <= LIMITS["sections"]
    assert all(question.endswith("?") for question in questions)
    assert "<details>" in "".join(source(c) for c in cells[-3:])


def test_cells_call_the_library_and_nothing_else(notebook):
    _, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] != "code":
            continue
        code = source(cell)
        for word in ("plotly", "ipywidgets", "duckdb", "select ", "import numpy", "print("):
            assert word not in code, f"'{word}' belongs in the library: {code}"
        assert not re.search(r"^\s*(def|class|for|with) ", code, re.M), code


def test_findings_are_computed_never_typed(notebook):
    """Prose teaches how to read; a number of the data in it would go stale."""
    _, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            prose = re.sub(r"`[^`]*`|\(\S+\)|\*\*It takes\*\*[^\n]*", "", source(cell))
            assert not re.search(r"\d+(\.\d+)? ?%|\b\d{3,}\b", prose), prose


def test_committed_as_run_in_order_from_a_fresh_kernel(notebook):
    _, content = notebook
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert "widgets" not in content["metadata"], "no widget state is stored"
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
