"""What is installed: one list of packages, told to pip, conda and the lock alike."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import cxkit
from cxkit import bootstrap

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

CONDA = {"duckdb": "python-duckdb", "playwright": "playwright-python"}  # named otherwise there


def split(requirement: str) -> tuple[str, str]:
    """Split 'Duckdb >=2.0,<3' into its name, as every index spells it, and its bounds."""
    name, bounds = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
    return name.lower().replace("_", "-"), bounds


RUN_AND_TEST = dict(map(split, PROJECT["dependencies"] + EXTRAS["test"]))
ALL = RUN_AND_TEST | dict(map(split, EXTRAS["dev"]))


def test_conda_and_pip_are_told_the_same():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    told = dict(map(split, re.findall(r"^  - (\S+ .*)$", text, re.MULTILINE)))
    expected = {CONDA.get(name, name): bounds for name, bounds in RUN_AND_TEST.items()}
    assert told == {"python": PROJECT["requires-python"], **expected}
    assert re.findall(r"^  - (\S+)$", text, re.MULTILINE) == ["conda-forge"]


@pytest.mark.parametrize("requirement", ALL)
def test_the_lock_satisfies_every_bound(requirement):
    locked = re.findall(rf"^{requirement}==(\S+)", LOCK, re.MULTILINE)
    assert locked, "not in the lock: run `make lock`"
    assert [v for v in locked if not bootstrap.fits(v, ALL[requirement])] == []


@pytest.mark.parametrize("requirement", ALL)
def test_the_set_up_understands_every_bound(requirement):
    assert re.fullmatch(r"((>=|<|==)[\d.]+(,|$))+", ALL[requirement])


def test_the_lock_names_no_host_and_hashes_every_package():
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE), "no option such as an index address"
    packages = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    for package in packages:
        assert re.fullmatch(
            r"[\w.-]+==[\w.]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n", package
        ), package


def test_the_version_is_told_once():
    assert PROJECT["version"] == cxkit.__version__


def test_every_file_of_the_package_is_shipped():
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    endings = {
        Path(pattern).suffix for pattern in shipped["tool"]["setuptools"]["package-data"]["cxkit"]
    }
    package = [path for path in (ROOT / "cxkit").rglob("*.*") if path.is_file()]
    others = {path.suffix for path in package} - {".py", ".pyc"}
    assert others <= endings


def test_no_file_names_a_package_registry_or_a_place_on_one_machine():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    # written in parts, or this file would name them itself
    hosts = [b"pypi" + b".org", b"python" + b"hosted", b"anaconda" + b".org", b"npmjs" + b".org"]
    folders = rb"(?<![\w.$-])/(?:work|root|home|tmp|opt|Users)/\w|[A-Z]:\\+Users\\"
    named = re.compile(b"|".join([*map(re.escape, hosts), folders]))
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:  # a picture or a parquet file is no text
                found += [f"{name}: {m.group()!r}" for m in named.finditer(content)]
    assert found == []
