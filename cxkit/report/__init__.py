"""The main job: a folder of exports in, one page with every notebook's findings out."""

import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import polars as pl
from tqdm import tqdm

from cxkit import demo, safe
from cxkit.analyses.start.import_report import import_report
from cxkit.errors import NoStore
from cxkit.report.page import Cover, results_of, write_page
from cxkit.report.run import Executed, Failure, code_cells, own_kernel, run_notebook
from cxkit.result import Result
from cxkit.workspace import Workspace

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
_COUNTED = ("customers", "orders", "events", "tickets", "messages", "feedback", "subscriptions")


@dataclass(frozen=True)
class Report:
    """Where the report lies, which notebooks stopped, and what to know about the import."""

    page: Path
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


def write_report(
    folder: str | Path | None = None,
    *,
    store: str | Path | None = None,
    out: str | Path = "reports",
    as_of: str | None = None,
    notebooks: str | Path = NOTEBOOKS,
) -> Report:
    """Import a folder of exports, run the notebooks on it, and write one page that opens offline.

    Without a folder the report speaks of `store`, and without either of the demo company. The
    exports are kept in `stores/<name of the folder>` unless `store` says where; next month's
    report reads the same folder again. Beside `index.html` in `out/<as-of date>/` lie the tables
    as `tables/<notebook>.xlsx` and as CSV; a notebook that stopped is kept in `stopped/`.

    Raises NoStore where there is nothing to report on, and what `import_exports` raises.
    """
    notes: tuple[str, ...] = ()
    if folder is not None:
        place, outcome = import_folder(folder, store)
        notes = outcome.caveats
    else:
        place = Path(store) if store is not None else demo.store()
    workspace = Workspace(place)
    until = workspace.moment(as_of)
    cover = _cover(workspace, safe.shown(until.date()) if until else "no date", notes)
    workspace.close()
    target = Path(out) / (f"{until:%Y-%m-%d}" if until else "undated")
    executed = _run(
        sorted(Path(notebooks).glob("*.ipynb")),
        {"store": str(place.resolve()), "as_of": as_of},
        target,
    )
    _write_tables(target / "tables", executed)
    page = write_page(target / "index.html", cover, executed)
    return Report(page, tuple(one.failure for one in executed if one.failure), notes)


def import_folder(folder: str | Path, store: str | Path | None = None) -> tuple[Path, Result]:
    """Import exports into `store`, by default `stores/<name of the folder>`; returns both."""
    from cxkit.imports import import_exports

    source = Path(folder).resolve()
    if store is None:
        store = Path("stores") / (source.stem if source.is_file() else source.name)
        _claim(store, source)
    with _Line(in_bytes=True) as line:
        return Path(store), import_exports(source, store=store, progress=line.show)


def replay_store(store: str | Path) -> Result:
    """Replay a store's raw files, and show how far it is."""
    from cxkit.imports import replay

    with _Line(in_bytes=True) as line:
        return replay(store, progress=line.show)


def _claim(store: Path, source: Path) -> None:
    """Keep two companies apart whose folders have the same name."""
    note = store / "folder.txt"
    if note.is_file() and note.read_text(encoding="utf-8") != str(source):
        raise NoStore(
            f"'{store}' holds the exports of another folder, {note.read_text(encoding='utf-8')}. "
            f"Name a store for this one: --store stores/{source.parent.name}-{source.name}."
        )
    if source.exists():
        store.mkdir(parents=True, exist_ok=True)
        note.write_text(str(source), encoding="utf-8")


def _cover(workspace: Workspace, as_of: str, notes: tuple[str, ...]) -> Cover:
    arrived = import_report(workspace)
    return Cover(
        company=workspace.settings.company.name or workspace.store.resolve().name,
        as_of=as_of,
        counts={name: workspace.tables.get(name, 0) for name in _COUNTED},
        imported=arrived.finding,
        notes=notes or arrived.caveats,
        files=arrived.table,
    )


class _Line:
    """What is being done and for how long yet: a bar in a terminal, elsewhere a line for each."""

    def __init__(self, *, in_bytes: bool = False) -> None:
        self.name = ""
        self.in_bytes = in_bytes
        self.began = self.said = time.monotonic()
        counts = "  {n_fmt}B of {total_fmt}B" if in_bytes else ""
        self.bar = tqdm(
            file=sys.stderr,
            disable=None,  # draws in a terminal alone
            leave=False,
            unit="B" if in_bytes else "it",
            unit_scale=in_bytes,
            bar_format="  {bar:24}" + counts + "  {desc}  {remaining} left",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.bar.close()

    def show(self, done: int, total: int, name: str) -> None:
        """Say that `done` of `total` is done, and `name` is at work."""
        if self.bar.disable and name:
            self._say(done, total, name)
        self.name = name
        self.bar.total, self.bar.n = total, done
        self.bar.set_description_str(name)

    def _say(self, done: int, total: int, name: str) -> None:
        """Print a line for each new name, and for one that takes long every ten seconds."""
        now = time.monotonic()
        if name == self.name and (not self.in_bytes or now - self.said < 10):
            return
        self.said = now
        far = ""
        if self.in_bytes and now - self.began >= 10 and done:
            left = (now - self.began) / done * (total - done)
            sizes = f"{tqdm.format_sizeof(done)}B of {tqdm.format_sizeof(total)}B"
            far = f"  {sizes}, about {tqdm.format_interval(left)} left"
        print(f"  {name}{far}", file=sys.stderr, flush=True)


def _run(paths: list[Path], parameters: dict[str, Any], target: Path) -> list[Executed]:
    """Run the notebooks in order; keep those that stopped, with their log, in `target`."""
    steps = [code_cells(path) + 1 for path in paths]  # and the cell of the parameters
    executed: list[Executed] = []
    with (
        TemporaryDirectory(prefix="cxkit-", ignore_cleanup_errors=True) as place,
        own_kernel(),
        _Line() as line,
    ):
        folder = Path(place)
        for number, path in enumerate(paths):
            done, total = count(sum(steps[:number])), sum(steps)
            name = f"{number + 1} of {len(paths)}  {path.stem}"
            line.show(next(done), total, name)
            executed.append(
                run_notebook(
                    path,
                    parameters,
                    folder / path.name,
                    on_cell=lambda: line.show(next(done), total, name),  # noqa: B023
                )
            )
        stopped = target / "stopped"
        _clear(stopped)
        for one in executed:
            if one.failure:
                _keep(one.failure, folder, stopped)
    return executed


def _keep(failure: Failure, folder: Path, stopped: Path) -> None:
    """Keep a notebook as far as it got, with a log where its message does not say all."""
    stopped.mkdir(parents=True, exist_ok=True)
    partial = folder / failure.notebook
    if partial.is_file():
        (stopped / failure.notebook).write_bytes(partial.read_bytes())
    if failure.trace:
        log = (stopped / failure.notebook).with_suffix(".log")
        log.write_text(failure.trace, encoding="utf-8")


def _write_tables(folder: Path, executed: list[Executed]) -> None:
    """Write each notebook's tables: one workbook that starts with the findings, and CSV files."""
    _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for notebook in executed:
        tables: dict[str, pl.DataFrame] = {}
        findings = []
        for result in results_of(notebook):
            name, number = result["name"], 2
            while name in tables:
                name, number = f"{result['name']}_{number}", number + 1
            tables[name] = _frame(result["table"])
            findings.append(_finding(name, result))
            safe.write_csv(tables[name], folder / f"{notebook.name}.{name}.csv")
        if tables:
            sheets = {"findings": pl.DataFrame(findings), **tables}
            safe.write_xlsx(sheets, folder / f"{notebook.name}.xlsx")


def _frame(table: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        table["rows"],
        schema=table["columns"],
        orient="row",
        strict=False,
        infer_schema_length=None,
    )


def _finding(sheet: str, result: dict[str, Any]) -> dict[str, Any]:
    height, rows = result["table"]["height"], len(result["table"]["rows"])
    return {
        "sheet": sheet,
        "question": result["question"],
        "finding": result["finding"],
        "n": result["n"],
        "as_of": result["as_of"],
        "be_careful": " ".join(result["caveats"]),
        "rows": "all" if height == rows else f"the first {rows:,} of {height:,}",
    }


def _clear(folder: Path) -> None:
    """Remove what the last report of the same date left in a folder of its own."""
    for pattern in ("*.xlsx", "*.csv", "*.ipynb", "*.log"):
        for old in folder.glob(pattern):
            old.unlink()
