"""Documents that cannot rot: pages made from code are current, links lead somewhere."""

import json
import re
from pathlib import Path

import pytest
from scripts import loaded

import cxkit

ROOT = Path(__file__).parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "data").glob("*.md"),
    *(ROOT / "benchmarks").rglob("*.md"),
]


def load_writer():
    return loaded("docs/write.py")


def test_pages_made_from_code_are_current():
    writer = load_writer()
    for page, text in (("data.md", writer.data_page()), ("reference.md", writer.reference_page())):
        committed = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert committed == text, f"docs/{page} is old: run python docs/write.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_our_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_stays_short_and_names_every_notebook():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{notebook.name}" in text
    for command in ("python3 -m cxkit report", "python3 -m cxkit test", "python3 -m cxkit lab"):
        assert command in text


def test_the_readme_shows_what_the_notebook_found():
    notebook = json.loads((ROOT / "notebooks" / "03_journey_funnel.ipynb").read_text("utf-8"))
    found = [
        output["data"]["application/vnd.cxkit.result+json"].get("finding")
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "application/vnd.cxkit.result+json" in output.get("data", {})
    ]
    told = re.findall(r"^\*(Of .*?)\*$", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
    assert " ".join(told[0].split()) in found


def test_architecture_names_every_part():
    from test_architecture import ORDER

    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for part in ORDER:
        assert f"`{part}" in text, f"ARCHITECTURE.md does not name {part}"
    assert len(text.splitlines()) <= 100


def test_the_readme_example_names_what_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"\bcx\.(\w+)", text):
        assert name in dir(cxkit) or name == "toml", f"README names cx.{name}"
