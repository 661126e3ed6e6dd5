"""A short run of the harness that kills imports: `python tests/faults/kills.py` is the long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 1000 if os.environ.get("CXKIT_THOROUGH") == "1" else 25


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks")
@pytest.mark.timeout(4 * KILLS + 200)
def test_no_kill_tears_a_store_or_loses_an_import():
    harness = Path(__file__).with_name("kills.py")
    done = subprocess.run(
        [sys.executable, harness, str(KILLS), "7"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{KILLS:,} kills")
    assert done.stdout.endswith("faults: 0\n")
