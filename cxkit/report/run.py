"""Run notebooks, each in a fresh kernel of this very Python; one that fails stops no other."""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from cxkit import errors

CELL_SECONDS = 600  # one cell that takes longer is stopped
_ROOT = Path(__file__).resolve().parents[2]
_PAPERMILL = "papermill-error-cell-tag"  # marks the cells that papermill adds to a failed notebook
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """Where a notebook stopped, and why, in words that its reader can use."""

    notebook: str
    cell: int  # counted from 1 over all cells; 0 where no cell had begun
    section: str
    problem: str
    trace: str = field(default="", repr=False)  # for the log, where the problem cannot say it

    def __str__(self) -> str:
        place = f", cell {self.cell}" if self.cell else ""
        section = f", in the section “{self.section}”" if self.section else ""
        return f"{self.notebook}{place}{section}: {self.problem}"


@dataclass(frozen=True)
class Executed:
    """A notebook after its run: its cells with their outputs, and the failure if there was one."""

    name: str
    cells: list[dict[str, Any]]
    failure: Failure | None = None

    @property
    def title(self) -> str:
        """The notebook's first heading, else its name."""
        return next(iter(headings(self.cells)), self.name)


def headings(cells: list[dict[str, Any]]) -> list[str]:
    """Return the headings of all markdown cells, in order.

    >>> headings([{"cell_type": "markdown", "source": "# Who?\\n\\n## Where from?"}])
    ['Who?', 'Where from?']
    """
    texts = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    return [found.strip() for text in texts for found in re.findall(r"(?m)^#{1,6} +(.+)", text)]


def code_cells(path: Path) -> int:
    """Count the cells that a run will execute; 0 where the file is not a notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return sum(cell["cell_type"] == "code" for cell in cells)
    except (OSError, ValueError, LookupError, TypeError):
        return 0


@contextmanager
def own_kernel() -> Iterator[None]:
    """Offer a kernel `python3` that is this Python with this cxkit, whatever else is installed."""
    with TemporaryDirectory(prefix="cxkit-", ignore_cleanup_errors=True) as folder:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH")]
        launch = ("-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=50")
        spec = {
            "argv": [sys.executable, *launch],
            "display_name": "Python 3",
            "language": "python",
            "env": {
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "PYTHONHASHSEED": "0",
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                "POLARS_ENGINE_AFFINITY": "in-memory",  # keeps the order of rows
                "CXKIT_BATCH": "1",
                "CXKIT_REPORT": "1",  # small groups are not shown alone
                "IPYTHONDIR": str(Path(folder) / "ipython"),  # no start-up files of the reader
            },
        }
        place = Path(folder) / "kernels" / "python3"
        place.mkdir(parents=True)
        (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield
        finally:
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before


def run_notebook(
    path: Path,
    parameters: dict[str, Any],
    kept: Path,
    *,
    on_cell: Callable[[], None] = lambda: None,
) -> Executed:
    """Run one notebook with `parameters` inside `own_kernel`; keep it in `kept` as far as it got.

    `on_cell` is called after every code cell. Whatever the notebook does, this returns.
    """
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    at = 0

    def began(cell: Any, cell_index: int) -> None:
        nonlocal at
        at = cell_index

    error: tuple[str, str, str] | None = None
    try:
        papermill.execute_notebook(
            path,
            kept,
            parameters=parameters,
            kernel_name="python3",
            language="python",
            cwd=path.parent,
            progress_bar=False,
            start_timeout=120,
            execution_timeout=CELL_SECONDS,
            iopub_timeout=60,
            store_widget_state=False,
            on_cell_start=began,
            on_cell_executed=lambda **_: on_cell(),
        )
    except papermill.PapermillExecutionError as stopped:
        at = stopped.cell_index
        error = (stopped.ename, stopped.evalue, _COLOUR.sub("", "\n".join(stopped.traceback)))
    except Exception as stopped:  # a dead kernel, a file that is no notebook, a cell without end
        error = (type(stopped).__name__, str(stopped), str(stopped))

    cells = _cells(kept) or _cells(path)
    shown = [cell for cell in cells if not _tags(cell) & {"injected-parameters", _PAPERMILL}]
    if error is None:
        return Executed(path.stem, shown)
    added = [i for i, cell in enumerate(cells) if "injected-parameters" in _tags(cell)]
    place = at + 1 - sum(i <= at for i in added) if cells else 0
    section = next(reversed(headings(shown[:place])), "")
    problem, trace = _in_plain_words(*error, where=f"stopped/{path.stem}.log")
    return Executed(path.stem, shown, Failure(path.name, place, section, problem, trace))


def _in_plain_words(name: str, value: str, trace: str, *, where: str) -> tuple[str, str]:
    ours = getattr(errors, name, None)
    if isinstance(ours, type) and issubclass(ours, errors.CxError):
        return value, ""
    if name == "CellTimeoutError":
        return f"It took longer than {CELL_SECONDS // 60} minutes and was stopped.", ""
    if name == "DeadKernelError":
        return "Python stopped in the middle of it, most often for want of memory.", ""
    if name in ("NotJSONError", "ValidationError"):
        return "The file is not a notebook. Put back the one that came with cxkit.", ""
    return f"Something that cxkit did not expect ({name}). The details are in {where}.", trace


def _cells(path: Path) -> list[dict[str, Any]]:
    try:
        return list(nbformat.read(path, as_version=4).cells)
    except Exception:
        return []


def _tags(cell: dict[str, Any]) -> set[str]:
    return set(cell["metadata"].get("tags", ()))
