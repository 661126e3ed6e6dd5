"""`python3 -m cxkit ...`: run a command where the packages are, on a machine with only Python.

The syntax stays that of Python 3.6, so that an older Python reaches the sentence below.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "cxkit needs Python 3.11 or newer, and this is Python %d.%d. "
        "Install a newer Python and run the same command with it." % sys.version_info[:2]
    )

import os
import subprocess

from cxkit import bootstrap


def main() -> int:
    """Run `cxkit.cli` here if this Python has the packages, else in `.venv`, made if need be."""
    paths = [str(bootstrap.ROOT), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # kernels find this cxkit too
    os.environ.setdefault("PYTHONUTF8", "1")  # a Windows console is not UTF-8 by itself
    try:
        python = bootstrap.python_for(sys.argv[1:])
    except bootstrap.SetUpError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next run starts the set-up again.")
    if python == sys.executable:
        from cxkit.cli import main as run

        return run(sys.argv[1:])
    command = [python, "-m", "cxkit"] + sys.argv[1:]
    if os.name != "nt":
        os.execv(python, command)
    return subprocess.call(command)  # exec on Windows would not wait for the end


if __name__ == "__main__":
    sys.exit(main())
