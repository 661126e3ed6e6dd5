"""Files are read in a process of its own: what kills that process costs one file, never more."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from imports.helping import EVENTS, account, note, take_in, write

from cxkit.errors import BadFile
from cxkit.imports import import_exports, process
from cxkit.imports.process import Limits

LOG = "user,at,event\nann,2024-01-05 10:00:00,visited\n"
LONG = "user,at,event\n" + "".join(f"c{n},2024-01-05 10:00:00,visited\n" for n in range(300_000))


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_crash_costs_one_file_and_the_others_arrive(tmp_path):
    exports = write(tmp_path / "exports", a_csv=LOG, crash_csv=LONG, z_csv=LOG.replace("ann", "cy"))
    heard = []

    def kill(done, _total, name):
        if name == "crash.csv":
            heard.append(done)
            if len(heard) == 2:  # the first time it has only been named
                os.kill(process._reader.process.pid, signal.SIGSEGV)

    result = import_exports(exports, store=tmp_path / "store", mapping=EVENTS, progress=kill)
    assert account(result, "a.csv") == (2, 1, 0, 0, 1)
    assert account(result, "z.csv") == (2, 1, 0, 0, 1)
    assert note(result, "crash.csv") == (
        "The reading of it broke off (code -11), so it may be damaged. "
        "Export it again, as CSV if you can."
    )
    assert list((tmp_path / "store").rglob("*.tmp")) == []
    again = import_exports(exports, store=tmp_path / "store")
    assert account(again, "crash.csv")[1] == 1 + 299_999


def refused(tmp_path, limits):
    raw = write(tmp_path, log_csv=LONG) / "log.csv"
    with pytest.raises(BadFile) as problem:
        process.stage(raw, tmp_path / "staged" / "log.parquet", "0", limits=limits)
    assert list((tmp_path / "staged").glob("*")) == []
    assert process.stage(raw, tmp_path / "staged" / "log.parquet", "0").read == 300_001
    return str(problem.value)


def test_a_file_that_takes_too_long_is_stopped(tmp_path):
    assert refused(tmp_path, Limits(seconds=0.02)) == (
        "Reading it took longer than 0.02 seconds, so it was stopped. "
        "Split it into smaller files and import them."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_a_file_that_takes_too_much_memory_is_stopped(tmp_path):
    assert refused(tmp_path, Limits(memory=160 << 20)) == (
        "Reading it takes more than 160 MB of memory, so it was stopped. "
        "Export it as CSV, or split it into smaller files, and import again."
    )


def test_the_process_ends_with_the_program_however_that_ends(tmp_path):
    code = (
        "import time; from cxkit.imports import process; process.start()\n"
        "print(process._reader.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as program:
        reader = int(program.stdout.readline())
        time.sleep(1)
        program.kill()
    until = time.monotonic() + 10
    while Path(f"/proc/{reader}").exists() and time.monotonic() < until:
        status = Path(f"/proc/{reader}/stat")
        if status.exists() and status.read_text().split()[2] == "Z":
            break  # ended, and nobody has asked how
        time.sleep(0.1)
    else:
        assert not Path(f"/proc/{reader}").exists()


def test_a_script_without_a_main_guard_and_code_from_stdin_import_once(tmp_path):
    """`multiprocessing` would run such a script again, and finds none at all on stdin."""
    write(tmp_path / "exports", log_csv=LOG)
    script = (
        "print('ran')\nfrom cxkit.imports import import_exports\n"
        f"result = import_exports('exports', store='store', mapping={EVENTS!r})\n"
        "print(result.table['loaded'].sum())\n"
    )
    (tmp_path / "script.py").write_text(script)
    root = str(Path(process.__file__).resolve().parents[2])
    for command, given in (["script.py"], None), (["-"], script):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": root},
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "ran\n1\n"
        assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of Ctrl-C")
@pytest.mark.parametrize("place", ["log.csv", "building the tables"])
def test_ctrl_c_leaves_the_store_as_it_was(tmp_path, place):
    write(tmp_path / "one", a_csv=LOG)
    take_in(tmp_path, EVENTS, a_csv=LOG)
    exports = write(tmp_path / "exports", log_csv=LONG)
    home = tmp_path / "store"
    before = {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}
    command = [sys.executable, "-m", "cxkit", "import", str(exports), "--store", str(home)]
    root = Path(process.__file__).resolve().parents[2]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        for line in program.stderr:
            if line.strip().startswith(place):
                break
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        out, told = program.communicate(timeout=60)
    assert (program.returncode, out) == (130, ""), told
    assert told.endswith("\nStopped. The store is as it was.\n")
    after = {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}
    kept = re.compile(r"(raw|staged)/[0-9a-f]{64}\.(csv|parquet|json)$")  # read once, for next time
    assert {p: b for p, b in after.items() if p in before} == before
    assert all(kept.search(p.as_posix()) for p in after.keys() - before.keys())
    assert import_exports(exports, store=home).table["loaded"].sum() == 300_001
