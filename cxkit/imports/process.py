"""Reads exports in a process of its own, so that no file can take the whole program along.

`stage` is `records.stage` at arm's length: the same arguments, the same answer, with limits of
memory and time. One process reads file after file, and ends when it has nothing to do, when its
limits are passed, or when the program that started it ends, however it ends.

The two talk in lines of JSON. It is started by a command line rather than by `multiprocessing`,
which would run the caller's script or notebook a second time.
"""

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cxkit.errors import BadFile
from cxkit.imports import inbox, records
from cxkit.imports.records import Staged

_PACKAGES = Path(__file__).resolve().parents[2]
_IDLE = 30.0  # seconds without work after which the process ends


@dataclass(frozen=True)
class Limits:
    """What the reading of one file may take: bytes of memory and seconds; 0: by the machine."""

    memory: int = 0
    seconds: float = 0.0

    def of(self, size: int) -> "Limits":
        """Return the limits for a file of `size` bytes.

        Half of the machine's memory, at least 2 GB; two minutes, and one more per 15 MB, which is
        many times what the readers need.
        """
        machine = 4 << 30
        if hasattr(os, "sysconf"):
            with suppress(ValueError, OSError):
                machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory = self.memory or max(2 << 30, machine // 2)
        return Limits(memory, self.seconds or 120 + size / 250_000)


def stage(
    raw: Path,
    out: Path,
    sha256: str,
    *,
    watch: Callable[[float], None] | None = None,
    limits: Limits | None = None,
) -> Staged:
    """Write the records of `raw` to `out` as text, as `records.stage` does.

    `watch` is called with the share of the file that is read. Raises BadFile where it holds no
    table or its reading had to be stopped, OSError where `out` cannot be written.
    """
    size = raw.stat().st_size
    with _turn:
        answer = _ask(raw, out, sha256, size, (limits or Limits()).of(size), watch)
    if "refused" in answer:
        raise BadFile(answer["refused"])
    if "unwritten" in answer:
        raise OSError(answer["errno"], answer["unwritten"])
    staged = records.known(out)
    assert staged is not None  # the process said so
    return staged


def start() -> None:
    """Start the process ahead of its first file, so that it warms up while files are copied."""
    with _turn:
        _ready()


_turn = threading.RLock()
_reader: "_Reader | None" = None


def _ready() -> "_Reader":
    global _reader
    if _reader is None or not _reader.alive():
        _end()
        _reader = _Reader()
    _reader.rest(_end_idle)
    return _reader


def _end() -> None:
    global _reader
    if _reader is not None:
        _reader.end()
    _reader = None


def _end_idle() -> None:
    if _turn.acquire(blocking=False):  # it works otherwise
        try:
            if _reader is not None and _reader.idle() >= _IDLE:
                _end()
        finally:
            _turn.release()


atexit.register(_end)


def _ask(
    raw: Path,
    out: Path,
    sha256: str,
    size: int,
    limits: Limits,
    watch: Callable[[float], None] | None,
) -> dict[str, Any]:
    reader = _ready()
    number = reader.process.pid
    try:
        asked = {"raw": str(raw.absolute()), "out": str(out.absolute()), "sha256": sha256}
        reader.send({**asked, "memory": limits.memory})
        until = time.monotonic() + limits.seconds
        while True:
            told = reader.hear()
            going = told is None or "read" in told
            if going and time.monotonic() > until:
                raise BadFile(
                    f"Reading it took longer than {_spoken(limits.seconds)}, so it was stopped. "
                    "Split it into smaller files and import them."
                )
            if told is None:
                continue
            if "read" in told:
                if watch:
                    watch(min(told["read"] / (inbox.PASSES * size), 1.0) if size else 1.0)
                continue
            if "ended" in told:
                raise BadFile(reader.last_words(limits.memory))
            if "memory" in told:
                raise BadFile(_too_large(limits.memory))
            if "failed" in told:
                raise BadFile(
                    f"cxkit could not read it ({told['failed']}). "
                    "Please send its first lines to whoever looks after cxkit."
                )
            reader.rest(_end_idle)
            return told
    except BaseException:
        _end()
        for leftover in out.parent.glob(f"*.{number}.tmp"):
            with suppress(OSError):
                leftover.unlink()
        raise


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:.3g} seconds"


def _too_large(memory: int) -> str:
    return (
        f"Reading it takes more than {memory >> 20:,} MB of memory, so it was stopped. "
        "Export it as CSV, or split it into smaller files, and import again."
    )


class _Reader:
    """The process, as the program sees it."""

    def __init__(self) -> None:
        packages = os.pathsep.join([str(_PACKAGES), *filter(None, sys.path)])
        self.complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from cxkit.imports import process; process.work()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            env={**os.environ, "PYTHONPATH": packages, "PYTHONUTF8": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.owner = os.getpid()
        self.heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._timer: threading.Timer | None = None
        self._since = time.monotonic()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.put(json.loads(line))
        self.heard.put({"ended": True})

    def alive(self) -> bool:
        """Whether it can be asked: it runs, and no fork has taken it to another program."""
        return self.owner == os.getpid() and self.process.poll() is None

    def send(self, asked: dict[str, Any]) -> None:
        """Ask for one file."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError, OSError):  # it ended: `hear` will say so
            self.process.stdin.write(json.dumps(asked).encode() + b"\n")
            self.process.stdin.flush()

    def hear(self) -> dict[str, Any] | None:
        """Return what it says, or None where it says nothing for a moment."""
        with suppress(queue.Empty):  # in short steps, so that Ctrl-C is heard on Windows too
            return self.heard.get(timeout=0.1)
        return None

    def last_words(self, memory: int) -> str:
        """Say in a sentence for the reader why it ended."""
        code = self.process.wait()
        self.complaints.seek(0)
        said = self.complaints.read()[-10_000:]
        if b"memory allocation" in said or b"MemoryError" in said or b"bad_alloc" in said:
            return _too_large(memory)
        if code == -getattr(signal, "SIGKILL", 9):
            return (
                "The system ended the reading of it, most likely for want of memory. "
                "Close other programs, or split the file, and import again."
            )
        return (
            f"The reading of it broke off (code {code}), so it may be damaged. "
            "Export it again, as CSV if you can."
        )

    def idle(self) -> float:
        """Return the seconds since it last had something to do."""
        return time.monotonic() - self._since

    def rest(self, then: Callable[[], None]) -> None:
        """Call `then` once it has had nothing to do for a while."""
        self._since = time.monotonic()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(_IDLE + 0.1, then)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """End it at once."""
        if self._timer is not None:
            self._timer.cancel()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.complaints):
            with suppress(OSError):
                if stream is not None:
                    stream.close()


# -- in the process --------------------------------------------------------------------------------


def work() -> None:
    """Read file after file, as told on standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which then ends this
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(json.loads(line))
        os._exit(0)  # the program ended, so nobody wants to know

    threading.Thread(target=listen, daemon=True).start()
    while True:
        told = _stage_one(asked.get(), answers)
        print(json.dumps(told), file=answers, flush=True)


def _stage_one(asked: dict[str, Any], answers: IO[str]) -> dict[str, Any]:
    _limit_memory(asked["memory"])
    read, said = 0, time.monotonic()

    def count(size: int) -> None:
        nonlocal read, said
        read += size
        if time.monotonic() - said > 0.2:
            said = time.monotonic()
            print(json.dumps({"read": read}), file=answers, flush=True)

    inbox.listener = count
    try:
        records.stage(Path(asked["raw"]), Path(asked["out"]), asked["sha256"])
        return {"staged": True}
    except BadFile as problem:
        return {"refused": str(problem)}
    except MemoryError:
        return {"memory": True}
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno:
            return {"unwritten": os.strerror(problem.errno), "errno": problem.errno}
        if "os error 28" in str(problem):  # polars names no number
            return {"unwritten": os.strerror(28), "errno": 28}
        if "OutOfMemory" in type(problem).__name__:
            return {"memory": True}
        traceback.print_exc()
        return {"failed": type(problem).__name__}
    finally:
        inbox.listener = None


def _limit_memory(size: int) -> None:
    """Have the system refuse more memory than `size`, where it knows how (Linux)."""
    if sys.platform == "linux":
        import resource

        # what is written to; RLIMIT_AS would count a file that is only mapped as well
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
