"""Recording notebooks: fresh kernels, nothing in the file that changes by itself."""

import nbformat
from nbformat import v4

from cxkit import checks

CELLS = [
    "import ipywidgets\nfrom IPython.display import display",
    "display(ipywidgets.Dropdown(options=['web', 'shop']))",
    "print('41 customers')\n6 * 7",
]


def test_recording_twice_gives_the_same_bytes_and_no_noise(tmp_path):
    path = tmp_path / "made.ipynb"
    made = v4.new_notebook(cells=[v4.new_code_cell(source) for source in CELLS])
    made.cells[0].metadata = {"tags": ["parameters"], "jupyter": {"source_hidden": True}}
    made.cells[2].metadata = {"scrolled": True, "papermill": {"duration": 1.5}}
    made.metadata = {"kernelspec": {"name": "my-kernel", "display_name": "Mine"}, "toc": {}}
    nbformat.write(made, path)

    assert checks.record([str(path)]) == 0
    first = path.read_bytes()
    assert checks.record([str(path)]) == 0
    assert path.read_bytes() == first

    recorded = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in recorded.cells] == [1, 2, 3]
    assert recorded.cells[0].metadata == made.cells[0].metadata
    assert recorded.cells[2].metadata == {}
    assert recorded.metadata.keys() == {"kernelspec", "language_info"}
    assert recorded.metadata.kernelspec.name == "python3"
    assert list(recorded.cells[1].outputs[0].data) == ["text/plain"]
    assert recorded.cells[2].outputs[0].text == "41 customers\n"
    assert recorded.cells[2].outputs[1].data == {"text/plain": "42"}
    assert b"\r" not in first
    assert first.endswith(b"}\n")


def test_a_notebook_that_fails_is_named_with_its_cell_and_left_as_it_was(tmp_path, capsys):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1 + 1")]), good)
    nbformat.write(
        v4.new_notebook(cells=[v4.new_markdown_cell("x"), v4.new_code_cell("1 / 0")]), bad
    )
    before = bad.read_bytes()
    assert checks.record([str(bad), str(good)]) == 1
    assert bad.read_bytes() == before
    assert nbformat.read(good, as_version=4).cells[0].execution_count == 1
    told = capsys.readouterr().out
    assert "bad.ipynb ... FAILED in code cell 1: ZeroDivisionError: division by zero\n" in told
    assert "good.ipynb ... recorded in " in told
