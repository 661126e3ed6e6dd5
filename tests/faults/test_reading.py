"""A short run of readers beside a writer, and two writers at once."""

import os
import subprocess
import sys
from pathlib import Path

from faults.helping import EXPORTS, leftovers, prepare, state, take_in, write

IMPORTS = 100 if os.environ.get("CXKIT_THOROUGH") == "1" else 10
HERE = Path(__file__).parent


def test_readers_beside_a_writer_see_one_snapshot_each_and_no_lock():
    done = subprocess.run(
        [sys.executable, HERE / "reading.py", str(IMPORTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("faults: 0\n")


def test_of_two_writers_at_once_one_waits_for_the_other(tmp_path):
    home = prepare(tmp_path / "store")
    halves = (list(EXPORTS)[:3], list(EXPORTS)[3:])
    code = (
        "import sys; from cxkit.imports import import_exports\n"
        "import_exports(sys.argv[1], store=sys.argv[2])"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, write(tmp_path / str(n), half), home])
        for n, half in enumerate(halves)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    together = prepare(tmp_path / "together")
    take_in(write(tmp_path / "all"), together)
    assert state(home) == state(together)
    assert leftovers(home) == []
