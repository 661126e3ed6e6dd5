"""Is this checkout right? Runs the tests, and records the outputs that notebooks are compared with.

python3 -m cxkit test [ARGUMENTS OF PYTEST]
python3 -m cxkit.checks record [NOTEBOOK ...]
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# What must be the same in every run whose outputs are compared.
BATCH = {
    "CXKIT_BATCH": "1",  # one thread, no progress bar
    "PYTHONHASHSEED": "0",
    "POLARS_ENGINE_AFFINITY": "in-memory",  # keeps the order of rows
    "JUPYTER_PLATFORM_DIRS": "1",  # spares a warning in every kernel
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # spares another
    "PYTHONUTF8": "1",
}

OPTIONS = [
    "--doctest-modules",
    *("--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"),
    *("-n", "2", "--dist", "loadfile"),  # the cells of one notebook share a kernel
]


def run_tests(arguments: Sequence[str] = ()) -> int:
    """Run the tests, the doctests and the notebooks in one go; return pytest's exit code.

    `arguments` are pytest's own: `["-k", "funnel"]` chooses by name, a path chooses a part.
    """
    environment = {**os.environ, **BATCH}
    # made here, once, rather than by each worker; a failure is the tests' to tell
    demo = [sys.executable, "-c", "import cxkit; cxkit.open()"]
    subprocess.run(demo, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, check=False)
    tests = [sys.executable, "-m", "pytest", *OPTIONS, *arguments]
    return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


def record(notebooks: Sequence[str] = ()) -> int:
    """Run notebooks in fresh kernels and keep their outputs in them; 1 if one failed.

    Without names, all of `notebooks/`. A notebook that fails is named with its cell and stays as
    it was. Recording twice with nothing changed gives the same bytes.
    """
    paths = [Path(name) for name in notebooks] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    failed = 0
    for path in paths:
        began = time.monotonic()
        print(f"{path.name} ...", end=" ", flush=True)
        problem = _record_one(path)
        print(problem or f"recorded in {time.monotonic() - began:.0f} s")
        failed += bool(problem)
    return 1 if failed else 0


def _record_one(path: Path) -> str:
    """Record one notebook; return what went wrong, or nothing."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        store_widget_state=False,  # megabytes of script
        record_timing=False,  # differs every time
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    try:
        client.execute(env={**os.environ, **BATCH})
    except CellExecutionError as error:
        number = client.code_cells_executed
        return f"FAILED in code cell {number}: {error.ename}: {error.evalue}"
    except (CellTimeoutError, DeadKernelError) as error:
        return f"FAILED: {error}"
    text = nbformat.writes(nbformat.from_dict(without_noise(notebook)))
    path.write_text(text.rstrip() + "\n", encoding="utf-8", newline="\n")
    return ""


def without_noise(notebook: dict[str, Any]) -> dict[str, Any]:
    """Drop from an executed notebook what differs from run to run and from editor to editor.

    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"], "scrolled": True}}
    >>> without_noise({"cells": [cell], "metadata": {"toc": {}}})["cells"][0]["metadata"]
    {'tags': ['parameters']}
    """
    for cell in notebook["cells"]:
        kept = cell["metadata"].keys() & {"tags", "jupyter"}
        cell["metadata"] = {key: cell["metadata"][key] for key in sorted(kept)}
        for output in cell.get("outputs", []):
            # the model of a widget is not stored, so its random id leads nowhere
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


if __name__ == "__main__":
    if sys.argv[1:2] != ["record"]:
        sys.exit("Type `python3 -m cxkit.checks record` to re-run and record the notebooks.")
    sys.exit(record(sys.argv[2:]))
