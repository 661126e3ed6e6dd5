"""Which Python has the packages of cxkit? If none does, `.venv` is made, with the standard library.

A command runs in the Python that started it if that one has every package at a fitting version
(conda, an environment of one's own). Otherwise it runs in `.venv` beside the package, made from
the hash-locked requirements the first time and again whenever the lock or the Python changes.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path

from cxkit import lock

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "set-up.stamp"  # written last: without it the set-up was interrupted
TURN = VENV / "set-up.turn"  # held by the process that sets up; its presence says cxkit made .venv
LOG = VENV / "set-up.log"

TROUBLES = {  # what pip complains of: what the reader is told
    r"DO NOT MATCH THE HASHES": "A package was refused: it is not the one that requirements.lock "
    "names. Run the same command again; if it stays so, ask who runs your network.",
    r"No space left": "The disk is full. Make room for 1.5 GB, then run the same command again.",
    r"[Cc]onnect|[Tt]imed? ?out|name resolution|Max retries": "The packages could not be fetched: "
    "no package index answers. Connect to the internet, then run the same command again.",
}


class SetUpError(Exception):
    """The packages cannot be set up: the text says why and what to do."""


def python_for(arguments: Sequence[str]) -> str:
    """Find the Python that can run these arguments of `python3 -m cxkit`, making it if need be."""
    extras = ["test"] if arguments[:1] == ["test"] else []
    if not LOCK.exists() or not lacking(extras, sys.path):
        return sys.executable
    if ready():
        return str(PYTHON)
    if VENV.exists() and any(VENV.iterdir()) and not TURN.exists():  # never empty another's .venv
        if missing := lacking(extras, [str(folder) for folder in site_packages()]):
            raise SetUpError(
                f"The folder .venv was not made by cxkit and lacks {', '.join(missing[:3])}. "
                "Rename or remove that folder, then run the same command again."
            )
        return str(PYTHON)
    if Path(sys.prefix).resolve() == VENV.resolve():
        raise SetUpError(
            "The environment .venv is out of date, and it cannot be remade from inside. "
            "Type `deactivate`, then run the same command again."
        )
    if not (util.find_spec("venv") and util.find_spec("ensurepip")):
        raise SetUpError(
            "This Python cannot make a virtual environment. On Debian or Ubuntu type "
            "`sudo apt install python3-venv`, then run the same command again."
        )
    try:
        VENV.mkdir(exist_ok=True)
        with turn():
            if not ready():  # another process may have made it meanwhile
                set_up()
    except (OSError, subprocess.SubprocessError) as error:
        raise SetUpError(
            f"Setting up .venv failed: {error}. "
            "Close whatever uses .venv (JupyterLab?), then run the same command again."
        ) from error
    return str(PYTHON)


def lacking(extras: Sequence[str], path: Sequence[str]) -> list[str]:
    """Name the requirements of pyproject.toml that nothing installed on `path` meets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    missing = []
    for requirement in wanted:
        name, bounds = re.findall(r"^([\w.-]+)(.*)$", requirement)[0]
        found = next(iter(metadata.distributions(name=name, path=list(path))), None)
        if found is None or not fits(str(found.version), bounds):
            missing.append(requirement)
    return missing


def fits(version: str, bounds: str) -> bool:
    """Say whether a version is within bounds.

    >>> fits("2.1.0", ">=2.0,<3"), fits("3.0", ">=2.0,<3")
    (True, False)
    """

    def numbers(text: str) -> list[int]:
        parts = [int(part) for part in re.findall(r"^[\d.]*", text)[0].split(".") if part]
        return parts + [0] * (6 - len(parts))  # 2.0 is 2.0.0

    compare = {">=": list.__ge__, "<": list.__lt__, "==": list.__eq__}
    pairs = re.findall(r"([<>=!~]+)\s*([^,\s]+)", bounds)
    return all(compare[sign](numbers(version), numbers(bound)) for sign, bound in pairs)


def stamp() -> str:
    """Name what .venv is made from: this lock and this Python."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return "{} python {}.{}\n".format(digest, *sys.version_info)


def ready() -> bool:
    """Say whether .venv is complete and made from this lock by this Python."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text("utf-8") == stamp()


def site_packages() -> list[Path]:
    """Find where .venv keeps its packages, on any system."""
    return [*VENV.glob("lib/python*/site-packages"), *VENV.glob("Lib/site-packages")]


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Let one process at a time set up; the system ends the turn of a process that dies."""
    waited = False
    while (file := lock.take(TURN)) is None:
        if not waited:
            say("Another cxkit command is setting up .venv: waiting for it.")
        waited = True
        time.sleep(0.5)
    with file:
        yield


def set_up() -> None:
    """Make .venv from nothing, out of the locked requirements."""
    import venv  # not every Debian has it: python_for has looked

    began = time.monotonic()
    say("Setting up cxkit in .venv, once: this needs the internet and about 1.5 GB of disk.")
    STAMP.unlink(missing_ok=True)
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != TURN:
            entry.unlink()
    venv.create(VENV, with_pip=True, symlinks=os.name != "nt")
    install()
    for folder in site_packages():
        # code instead of a bare path: ASCII is read alike in every system's encoding
        line = f"import sys; sys.path.append({str(ROOT)!a})\n"
        (folder / "cxkit.pth").write_text(line, "utf-8")
    STAMP.write_text(stamp(), "utf-8")
    say(f"Set up in {time.monotonic() - began:.0f} s.")


def install() -> None:
    """Have pip install what the lock names, and count the packages aloud."""
    wanted = len(re.findall(r"^[\w.-]+==", LOCK.read_text("utf-8"), re.MULTILINE))
    command = [str(PYTHON), "-I", "-u", "-m", "pip", "install", "--require-hashes", "-r", str(LOCK)]
    command += ["--only-binary=:all:", "--no-compile", "--no-input", "--progress-bar=off"]
    living, told = sys.stderr.isatty(), ""
    with LOG.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as pip:
        while pip.poll() is None:
            time.sleep(0.2)
            installed = sum(len(list(folder.glob("*.dist-info"))) for folder in site_packages())
            step, count, total = progress(LOG.read_text("utf-8", "replace"), wanted, installed)
            count = count if living else count // 25 * 25
            line = f"  {step} {count} of {total} packages"
            if count and line != told:
                say(line.ljust(len(told)), end="\r" if living else "\n")
            told = line
    if living:
        say("")
    if pip.returncode:
        raise SetUpError(trouble(LOG.read_text("utf-8", "replace")))


def progress(log: str, wanted: int, installed: int) -> tuple[str, int, int]:
    """Read from pip's log so far what it does, how many packages are done, and of how many."""
    total = wanted - len(re.findall(r"^Ignoring ", log, re.MULTILINE))  # meant for other systems
    if "Installing collected packages" in log:
        return "installing", min(installed, total), total
    return "fetching", len(re.findall(r"^(?:Collecting|Processing) ", log, re.MULTILINE)), total


def trouble(log: str) -> str:
    """Say in a sentence or two why pip failed and what to do."""
    complaints = "\n".join(re.findall(r"^\s*(?:WARNING|ERROR): .*", log, re.MULTILINE))
    for pattern, advice in TROUBLES.items():
        if re.search(pattern, complaints):
            return advice
    last = complaints.splitlines()[-1:] or log.splitlines()[-1:] or ["it said nothing"]
    return f"pip could not install the packages: {last[0]}. Its whole log is .venv/set-up.log."


def say(text: str, end: str = "\n") -> None:
    """Tell the reader on the error stream, which leaves a command's own output alone."""
    print(text, end=end, file=sys.stderr, flush=True)
