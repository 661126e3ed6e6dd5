"""The four rules of the house: one way through, one home per library, ask/say/draw, static SQL."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import cxkit

HOUSE = Path(cxkit.__file__).parent

# A part imports only from parts before it. `house` is the door that the public face opens.
ORDER = [
    "errors", "lock", "schema", "settings", "stats", "text", "safe", "charts", "cards", "result",
    "store", "workspace", "notes", "lapse", "scores", "imports", "demo", "house", "passages",
    "funnels", "periods", "experience", "tally", "map_cells", "persona_model", "persona_keep",
    "theme_keep", "spoken", "ratings", "analyses", "widgets", "report", "checks", "cli",
]  # fmt: skip

# An outside library is imported in these parts and nowhere else.
HOMES = {
    "duckdb": {"store", "workspace", "imports"},
    "plotly": {"charts"},
    "ipywidgets": {"widgets"},
    "IPython": {"result", "widgets"},
    "xlsxwriter": {"safe"},
    "fastexcel": {"imports"},
    "pyarrow": {"imports"},
    "tomlkit": {"settings"},
    "scipy": {"stats", "text"},
    "sklearn": {"stats", "text"},
    "numpy": {"stats", "text", "demo"},
    "threadpoolctl": {"stats", "text"},
    "vaderSentiment": {"text"},
    "py3langid": {"text"},
    "papermill": {"report", "checks"},
    "nbconvert": {"report"},
    "tqdm": {"report", "text"},
    "nbformat": {"report", "checks"},
    "polars": set(ORDER),
}
FREE = {"__init__", "__main__", "bootstrap"}  # the public face and the set-up


def part_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


MODULES = sorted(p for p in HOUSE.rglob("*.py") if part_of(p) not in FREE)
ANALYSES = sorted(p for p in (HOUSE / "analyses").rglob("*.py") if p.name != "__init__.py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_imports_go_one_way_and_libraries_stay_at_home(path):
    part = part_of(path)
    assert part in ORDER, f"{part} is not a part of the house: name it in ORDER and ARCHITECTURE"
    for name in imported(path):
        assert not name.startswith("."), f"{name}: imports are absolute"
        top, *rest = name.split(".")
        if top == "cxkit":
            if rest == ["__version__"]:
                continue
            target = rest[0]
            assert target in ORDER, f"{part} imports {name}"
            assert ORDER.index(target) <= ORDER.index(part), f"{part} imports {name}: upstream"
        elif top in HOMES:
            assert part in HOMES[top], f"{top} is not at home in {part}"


@pytest.mark.parametrize("path", ANALYSES, ids=lambda p: p.stem)
def test_an_analysis_asks_says_and_draws(path):
    functions = [n.name for n in tree(path).body if isinstance(n, ast.FunctionDef)]
    assert path.stem in functions, "the public function carries the module's name"
    assert [n for n in functions if not n.startswith("_")] == [path.stem]
    assert "_finding" in functions
    assert path.with_suffix(".sql").is_file(), "its query stands beside it"
    assert (ast.get_docstring(tree(path)) or "").rstrip().endswith("?"), "the question comes first"
    assert not [n for n in imported(path) if n.startswith("cxkit.analyses")]
    assert path.stem in dir(cxkit), "the public face names it"
    test = HOUSE.parent / "tests" / "analyses" / f"test_{path.stem}.py"
    assert test.is_file(), "its test carries the same name"


@pytest.mark.parametrize("path", ANALYSES, ids=lambda p: p.stem)
def test_a_drawing_only_draws(path):
    draw = [n for n in tree(path).body if isinstance(n, ast.FunctionDef) and n.name == "_chart"]
    for function in draw:
        assert len(function.args.args) == 1, "_chart sees the finished table and nothing else"


SQL = sorted(HOUSE.rglob("*.sql"))
# Longer than 60 lines, since parting them would tear one thought in two.
LONG = {
    "bad_touches", "journey_map_portable", "link_ids", "prepare", "prospect_conversion",
    "readiness", "score", "stage_funnel_portable",
}  # fmt: skip


@pytest.mark.parametrize("path", SQL, ids=lambda p: str(p.relative_to(HOUSE)))
def test_sql_files_say_what_they_ask(path):
    text = path.read_text(encoding="utf-8")
    assert (len(text.splitlines()) > 60) == (path.stem in LONG), "60 lines at most"
    first = text.splitlines()[0]
    assert first.startswith("-- ")
    assert "?" in first, "line 1 is the question"
    code = "\n".join(line.split("--")[0] for line in text.splitlines())
    code = re.sub(r"'[^']*'", "''", code)
    assert code == code.lower(), "SQL is lower case"
    if "analyses" in path.parts:
        assert "coalesce(cancelled" not in code, "what a purchase is stands in sales.sql alone"
        stored = "in the order in which they are stored" in first  # those who read it check it
        assert stored or "order by" in code, "every query fixes its order"
        comments = "\n".join(line for line in text.splitlines() if line.startswith("--"))
        for name in set(re.findall(r"\$(\w+)", code)):
            assert f"${name}" in comments, f"${name} is explained at the top"


def test_no_sql_text_is_built_from_data():
    """An f-string may hold SQL only where it is filled from the schema or from our own paths."""
    allowed = {"schema.py", "store.py", "imports"}
    words = re.compile(r"\b(select|insert into|create table|attach|copy)\b", re.IGNORECASE)
    for path in MODULES:
        if path.name in allowed or part_of(path) in allowed:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.JoinedStr):
                fixed = "".join(v.value for v in node.values if isinstance(v, ast.Constant))
                assert not re.search(words.pattern + r".*\bfrom\b", fixed, re.I | re.S), path


def test_data_reach_a_page_only_through_safe():
    """Ways to show text as live HTML, which nothing but the output module may know."""
    banned = ("widgets.HTML(", "HTMLMath(", "IPython.display import HTML", "Styler", "innerHTML")
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in banned if word in text], path
        assert "import pickle" not in text, path


def test_the_public_face_names_the_same_for_people_and_type_checkers():
    face = tree(HOUSE / "__init__.py")
    block = next(n for n in face.body if isinstance(n, ast.If))
    typed = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == cxkit._HOMES
    for name in cxkit._HOMES:
        assert getattr(cxkit, name).__doc__, f"{name} says what one learns from it"


def test_import_is_quick_because_it_loads_nothing():
    """What `import cxkit` loads, counted; the time itself stands in benchmarks/."""
    import subprocess
    import sys

    code = "import cxkit, sys; print(sorted({m.split('.')[0] for m in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(out.stdout))
    assert not loaded & {"duckdb", "polars", "plotly", "numpy", "pyarrow", "ipywidgets"}
