"""One process at a time: a lock on a file, which the system itself lets go of when its holder dies.

Only the standard library: the set-up runs it before there are packages.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO


def take(path: Path) -> IO[str] | None:
    """Lock the file at `path`, made if need be; None where another holds it.

    The lock lasts until the file is closed or the process ends, however it ends. Nothing is read
    from the file and nothing written to it.
    """
    file = path.open("a")
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever held it may have removed the file: then this lock is on nothing
            if not path.exists() or os.fstat(file.fileno()).st_ino != path.stat().st_ino:
                file.close()
                return None
    except (BlockingIOError, PermissionError, FileNotFoundError):
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file


def give_back(path: Path, file: IO[str]) -> None:
    """Let go of a lock and remove its file."""
    if sys.platform == "win32":
        file.close()  # a file that is open cannot be removed there, nor one that another has opened
    with suppress(OSError):
        path.unlink()  # elsewhere it is still locked, so nobody can hold this very file
    file.close()
