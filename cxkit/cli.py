"""What can be typed after `python3 -m cxkit`: one short function per command.

Whoever types here may never have seen a traceback, and does not see one now: a problem that can
be mended is told in its own words, any other in one sentence that names a log file.
"""

import argparse
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cxkit import __version__
from cxkit.errors import CxError

if TYPE_CHECKING:
    from cxkit.result import Result

_ROOT = Path(__file__).resolve().parent.parent
_NOTEBOOKS = _ROOT / "notebooks"
_LOG = Path("cxkit-error.log")
_PASSED_ON = {"lab", "test"}  # commands whose other arguments are JupyterLab's and pytest's

# JupyterLab fetches no news, looks for no updates and asks for no kernel.
_LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a report or test that found fault, 2 a problem told."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter shows '?'
    parser = _parser()
    args, others = parser.parse_known_args(arguments)
    if others and args.command not in _PASSED_ON:
        parser.error(f"this is not known: {' '.join(others)}")
    args.others = others
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except CxError as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        where = " The store is as it was." if args.command == "import" else ""
        print(f"\nStopped.{where}", file=sys.stderr)
        return 130
    except PermissionError as problem:
        place = problem.filename or "a file"
        print(
            f"{place} cannot be written or read. "
            "Close the program that has it open, or choose another folder, and run again.",
            file=sys.stderr,
        )
        return 2
    except Exception as problem:
        _LOG.write_text(traceback.format_exc(), encoding="utf-8")
        print(
            f"Something that cxkit did not expect ({type(problem).__name__}). "
            f"The details are in {_LOG}: please send that file to whoever looks after cxkit.",
            file=sys.stderr,
        )
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cxkit",
        description="Who are our customers, how does their journey go, what do they say, and whom "
        "should we help first?",
        epilog="examples:\n"
        "  python3 -m cxkit report             the report of the demo company\n"
        "  python3 -m cxkit report exports/    the report of your own exports\n"
        "  python3 -m cxkit lab                the same questions, to explore yourself",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cxkit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *examples: str
    ) -> argparse.ArgumentParser:
        shown = "".join(f"\n  python3 -m cxkit {example}" for example in examples)
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"examples:{shown}" if shown else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        made.set_defaults(run=run)
        return made

    report = command(
        "report",
        _report,
        "Import a folder of exports, answer every question, and write one page that opens offline.",
        "report",
        "report exports/",
        "report exports/ --as-of 2026-06-28",
    )
    report.add_argument("folder", nargs="?", help="your exports; without it, the demo company")
    report.add_argument("--store", help="where the imported data is kept: stores/<folder's name>")
    report.add_argument("--out", default="reports", help="where the report is written: reports")
    report.add_argument("--as-of", metavar="DATE", help="the last day that counts, as 2026-06-28")

    imports = command(
        "import",
        _import,
        "Import exports into a store, and say where every record went.",
        "import exports/ --store stores/mine",
        "import --replay stores/mine",
    )
    imports.add_argument("folder", nargs="?", help="a folder of exports, or one file")
    imports.add_argument("--store", help="where the imported data is kept: stores/<folder's name>")
    imports.add_argument(
        "--replay",
        action="store_true",
        help="no folder but a store: read its raw files again, with what was mended since",
    )

    undo = command(
        "undo",
        _undo,
        "Step back one import, and say which one is current now.",
        "undo --store stores/mine",
    )
    undo.add_argument("--store", required=True, help="the store")

    command("lab", _lab, "Open the notebooks in JupyterLab, on this machine alone.", "lab")

    demo = command(
        "demo",
        _demo,
        "Write the exports of the made-up demo company into a folder.",
        "demo",
        "demo other/ --profile small --seed 7",
    )
    demo.add_argument("out", nargs="?", default="exports/demo", help="into which folder")
    demo.add_argument("--seed", type=int, default=2026, help="another seed, another company: 2026")
    demo.add_argument("--profile", default="full", help="full, or small for a tenth of it")
    demo.add_argument(
        "--null", action="store_true", help="a company in which nothing is to be found"
    )

    doctor = command(
        "doctor",
        _doctor,
        "Check the set-up, and that no store was changed behind cxkit's back.",
        "doctor",
        "doctor --store stores/mine",
    )
    doctor.add_argument("--store", help="one store; without it, every store in stores/")

    export = command(
        "export",
        _export,
        "Write the tables of a store as CSV, and what was set aside as a workbook as well.",
        "export stores/mine --out tables/",
    )
    export.add_argument("store", help="the store")
    export.add_argument("--out", default="exported", help="the folder to write into: exported")

    command(
        "test", _test, "Check that cxkit works here; takes pytest's arguments.", "test -k funnel"
    )
    return parser


def _report(args: argparse.Namespace) -> int:
    from cxkit.report import write_report

    report = write_report(args.folder, store=args.store, out=args.out, as_of=args.as_of)
    for note in report.notes:
        print(f"! {note}", file=sys.stderr)
    for failure in report.failures:
        print(f"Stopped: {failure}", file=sys.stderr)
    print(f"The report: {report.page}")
    print(f"The tables: {report.page.parent / 'tables'}")
    return 1 if report.failures else 0


def _import(args: argparse.Namespace) -> int:
    from cxkit.report import import_folder, replay_store

    if args.replay:
        if bool(args.folder) == bool(args.store):
            raise CxError("A replay needs one store and no folder: import --replay STORE.")
        place = Path(args.folder or args.store)
        return _account(replay_store(place), place)
    if args.folder is None:
        raise CxError("Say which folder or file to import: import FOLDER --store STORE.")
    place, outcome = import_folder(args.folder, args.store)
    return _account(outcome, place)


def _undo(args: argparse.Namespace) -> int:
    from cxkit.imports import undo

    return _account(undo(args.store), Path(args.store))


def _account(outcome: "Result", store: Path) -> int:
    """Print where the records of each file are, and what to know."""
    for row in outcome.table.iter_rows(named=True):
        note = f"\n    {row['note']}" if row.get("note") else ""
        print(
            f"{row['file']}: {row['records']:,} records = {row['loaded']:,} loaded + "
            f"{row['set_aside']:,} set aside + {row['duplicate']:,} duplicate + "
            f"{row['skipped']:,} skipped{note}"
        )
    print(outcome.finding)
    for caveat in outcome.caveats:
        print(f"! {caveat}")
    print(f"The store: {store}")
    return 0


def _lab(args: argparse.Namespace) -> int:
    with TemporaryDirectory(prefix="cxkit-", ignore_cleanup_errors=True) as folder:
        command, environment = lab_command(Path(folder))
        print("JupyterLab opens in your browser: begin with 00_start_here.ipynb.")
        print("Press Ctrl+C here to end it.", flush=True)
        with subprocess.Popen([*command, *args.others], cwd=_NOTEBOOKS, env=environment) as lab:
            try:
                return lab.wait()
            except KeyboardInterrupt:  # the terminal told JupyterLab as well
                with suppress(subprocess.TimeoutExpired):
                    return lab.wait(10)
                lab.terminate()
                return lab.wait()


def lab_command(config: Path) -> tuple[list[str], dict[str, str]]:
    """Return what starts JupyterLab and in which environment; its settings go into `config`."""
    settings = config / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(_LAB_SETTINGS), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", "--log-level=WARN", "-y"),
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",  # the other one asks a package index
    ]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_PATH": _path(str(config), os.environ.get("JUPYTER_CONFIG_PATH")),
        "PYTHONPATH": _path(str(_ROOT), os.environ.get("PYTHONPATH")),
    }
    return command, environment


def _demo(args: argparse.Namespace) -> int:
    from cxkit import demo

    demo.make(Path(args.out), seed=args.seed, profile=args.profile, null=args.null)
    exports = Path(args.out) / "exports"
    print(f"The exports: {exports}. Now: python3 -m cxkit report {exports}")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from cxkit import settings

    faults = 0

    def say(fault: str, fine: str) -> None:
        nonlocal faults
        faults += bool(fault)
        print(f"{'MEND' if fault else 'ok  '}  {fault or fine}")

    packages = ("duckdb", "polars", "plotly", "jupyterlab", "ipykernel")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    say("", f"cxkit {__version__} on Python {sys.version.split()[0]}, with {versions}")
    say(
        "" if util.find_spec("ipykernel") else "ipykernel is missing: run `pip install ipykernel`.",
        f"notebooks run in {sys.executable}",
    )
    count = len(list(_NOTEBOOKS.glob("*.ipynb")))
    say("" if count else "The notebooks are missing: get cxkit again.", f"{count} notebooks")
    stores = [Path(args.store)] if args.store else [p.parent for p in _manifests()]
    for place in stores:
        say(_changed(place), f"{place}: every raw file and snapshot is as it was written")
        try:
            settings.load(place)
            say("", f"{place}: the settings are valid")
        except CxError as error:
            say(str(error), "")
    return 1 if faults else 0


def _changed(place: Path) -> str:
    """Name a file of a store that is not what was written; nothing where all are."""
    from cxkit import store

    manifest = store.read_manifest(place)
    if manifest is None:
        return f"There is no store in '{place}'. Import exports into it first."
    written = {store.snapshot_path(place, s): s["sha256"] for s in manifest.snapshots}
    written |= {path: path.name.split(".")[0] for path in sorted((place / "raw").glob("*.*"))}
    for path, digest in written.items():
        if not path.is_file() or store.sha256(path) != digest:
            return f"{path} is missing or was changed. Import the exports again."
    return ""


def _export(args: argparse.Namespace) -> int:
    from cxkit import safe, schema
    from cxkit.result import counted
    from cxkit.workspace import Workspace

    workspace, out = Workspace(args.store), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    asides = ("files", "set_aside", "doubts")
    kept = {}
    for name in (*schema.TABLES, *asides):
        table = workspace.sql(f"from {name} order by all")
        if name in asides:
            kept[name] = table
        if table.height:
            safe.write_csv(table, out / f"{name}.csv")
            print(f"{name}.csv: {counted(table.height, 'row')}")
    safe.write_xlsx(kept, out / "set_aside.xlsx")
    print(f"The tables: {out}")
    return 0


def _test(args: argparse.Namespace) -> int:
    from cxkit.checks import run_tests

    return run_tests(args.others)


def _manifests() -> list[Path]:
    return sorted(Path("stores").glob("*/manifest.json"))


def _path(*parts: str | None) -> str:
    return os.pathsep.join(filter(None, parts))
