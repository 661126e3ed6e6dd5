"""The set-up, run for real in a checkout of two packages: one made here, one that is nowhere."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from cxkit import bootstrap

PACKAGE = Path(bootstrap.__file__).parent
CLI = """
import os, sys
def main(argv):
    print(sys.prefix, argv, os.environ["PYTHONPATH"].split(os.pathsep)[0])
    return 7 if argv == ["seven"] else 0
"""


class Ran(NamedTuple):
    code: int
    out: str
    told: str


class Checkout(NamedTuple):
    """A folder with the set-up of cxkit, and a command line that says where it runs."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / bootstrap.PYTHON.relative_to(bootstrap.VENV)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.root.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "cxkit", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": "", **offline, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Ran:
        process = self.start(*arguments, **environment)
        out, told = process.communicate(timeout=120)
        return Ran(process.returncode, out, told)

    def says(self, prefix: Path | str, *arguments: str) -> str:
        return f"{prefix} {list(arguments)} {self.root}\n"


def checkout(folder: Path, requirement: str) -> Checkout:
    """Lay out a checkout that needs `requirement`, and beside it a wheel of 'tiny' 1.0, locked."""
    root = folder.resolve()
    (root / "cxkit").mkdir(parents=True)
    for name in ("__main__.py", "bootstrap.py", "lock.py"):
        shutil.copy(PACKAGE / name, root / "cxkit")
    (root / "cxkit" / "__init__.py").touch()
    (root / "cxkit" / "cli.py").write_text(CLI)
    (root / "pyproject.toml").write_text(f"[project]\ndependencies = ['{requirement}']\n")
    wheel = root / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny.py", "")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements.lock").write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n")
    return Checkout(root)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Start two commands at once where an earlier set-up was interrupted."""
    made = checkout(tmp_path_factory.mktemp("a folder of é"), "tiny>=1,<2")
    made.venv.mkdir()
    (made.venv / "set-up.turn").touch()
    (made.venv / "half").mkdir()
    both = [made.start("one"), made.start("two")]
    told = [process.communicate(timeout=120) for process in both]
    return made, [Ran(p.returncode, *texts) for p, texts in zip(both, told, strict=True)]


def test_two_commands_at_once_share_one_set_up(fresh):
    made, (one, two) = fresh
    assert (one.code, one.out) == (0, made.says(made.venv, "one")), one.told
    assert (two.code, two.out) == (0, made.says(made.venv, "two")), two.told
    assert (one.told + two.told).count("Set up in ") == 1
    assert (one.told + two.told).count("waiting for it") == 1


def test_an_interrupted_set_up_is_made_anew(fresh):
    assert not (fresh[0].venv / "half").exists()
    assert (fresh[0].venv / "set-up.stamp").exists()


def test_the_next_time_nothing_is_set_up_and_the_exit_code_is_kept(fresh):
    made, _ = fresh
    assert made.run("seven") == (7, made.says(made.venv, "seven"), "")


def test_the_package_is_found_from_any_folder(fresh, tmp_path):
    made, _ = fresh
    code = "import cxkit, tiny; print(cxkit.__file__)"
    bare = {**os.environ, "PYTHONPATH": ""}
    out = subprocess.check_output([made.python, "-c", code], cwd=tmp_path, env=bare, text=True)
    assert out.strip() == str(made.root / "cxkit" / "__init__.py")


def test_an_environment_that_has_the_packages_is_left_alone(tmp_path):
    made = checkout(tmp_path, "pytest>=9")
    assert made.run("doctor") == (0, made.says(sys.prefix, "doctor"), "")
    assert not made.venv.exists()


def test_an_environment_of_ones_own_is_used_if_it_fits_and_never_emptied(tmp_path):
    made = checkout(tmp_path, "tiny>=1,<2")
    venv.create(made.venv, symlinks=os.name != "nt")
    ran = made.run("doctor")
    assert ran.code == 1
    assert ran.told.startswith("The folder .venv was not made by cxkit and lacks tiny>=1,<2.")
    (site,) = [*made.venv.glob("lib/python*/site-packages"), *made.venv.glob("Lib/site-packages")]
    with zipfile.ZipFile(made.root / "tiny-1.0-py3-none-any.whl") as wheel:
        wheel.extractall(site)
    assert made.run("doctor") == (0, made.says(made.venv, "doctor"), "")
    assert not (made.venv / "set-up.turn").exists()


def test_a_python_that_cannot_make_environments_is_told_what_to_install(tmp_path):
    made = checkout(tmp_path, "tiny>=1,<2")
    debian = tmp_path / "debian"
    debian.mkdir()
    (debian / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    ran = made.run("doctor", PYTHONPATH=str(debian))
    assert ran.code == 1
    assert "type `sudo apt install python3-venv`, then run the same command again." in ran.told
    assert not made.venv.exists()


@pytest.mark.parametrize(
    ("version", "bounds", "expected"),
    [
        ("2.1.0", ">=2.0,<3", True),
        ("2", ">=2.0.0", True),
        ("10.0", ">=9,<10", False),
        ("9.10", ">=9.9", True),
        ("3.0", ">=2.0,<3", False),
        ("0.11.0", "==0.11.0", True),
        ("0.11.1", "==0.11.0", False),
        ("2.0.0rc1", ">=2.0", True),
        ("1.9+local", "<2", True),
        ("None", ">=1", False),
        ("5", "", True),
    ],
)
def test_versions_fit_bounds_as_numbers(version, bounds, expected):
    assert bootstrap.fits(version, bounds) is expected


LOG = """Looking in indexes: somewhere
Ignoring appnope: markers 'sys_platform == "darwin"' don't match your environment
Collecting anyio==4.16.0 (from -r requirements.lock (line 169))
  Downloading anyio-4.16.0-py3-none-any.whl (134 kB)
Processing argon2_cffi-25.1.0-py3-none-any.whl
"""


def test_progress_counts_the_packages_of_this_system():
    assert bootstrap.progress("", 10, 1) == ("fetching", 0, 10)
    assert bootstrap.progress(LOG, 10, 1) == ("fetching", 2, 9)
    installing = LOG + "Installing collected packages: argon2_cffi, anyio\n"
    assert bootstrap.progress(installing, 10, 2) == ("installing", 2, 9)
    assert bootstrap.progress(installing, 10, 10) == ("installing", 9, 9)


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for anyio==4.16.0",
            "no package index answers",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE FILE.", "was refused"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for x==1", "found for x==1. Its whole log is"),
        ("Killed", "could not install the packages: Killed. Its whole log is .venv/set-up.log."),
        ("", "could not install the packages: it said nothing."),
    ],
)
def test_a_failure_of_pip_is_told_in_a_sentence(complaint, advice):
    assert advice in bootstrap.trouble(complaint)


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_gets_as_far_as_the_sentence(name):
    """These two are read before the sentence, so they keep to old syntax and old annotations."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"), feature_version=(3, 7))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    hints = [hint for f in functions for hint in (f.returns, *(a.annotation for a in f.args.args))]
    hints += [node.annotation for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    new = [ast.unparse(h) for h in hints if not isinstance(h, ast.Name | ast.Constant | None)]
    assert new == [], "write these as text"
    assert "from __future__" not in (PACKAGE / name).read_text(encoding="utf-8")
