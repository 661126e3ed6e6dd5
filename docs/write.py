"""Write docs/data.md from the schema and docs/reference.md from the docstrings.

`python docs/write.py` writes both; a test holds the committed pages equal to what this makes.
`python docs/write.py picture` draws the README's funnel of the demo company with Chromium.
"""

import inspect
import json
import shutil
import sys
import tempfile
from pathlib import Path

import cxkit
from cxkit import schema

HERE = Path(__file__).parent


def data_page() -> str:
    """Return docs/data.md: every table, its columns, and what they mean."""
    lines = [
        "# The data",
        "",
        "Written from `cxkit/schema.py` by `docs/write.py`: change it there.",
        "",
        "Imports turn exports into the canonical tables below. A column in **bold** is required: "
        "without it the row is set aside, whole, with the reason. Times are UTC; money keeps its "
        "currency and is never added across currencies. Each row also carries "
        + " and ".join(f"`{c.name}` ({c.meaning})" for c in schema.PROVENANCE)
        + ".",
        "",
        "## Canonical tables",
    ]
    for table in schema.TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key)
        lines += ["", f"### {table.name}", "", f"{table.meaning} Key: {key}.", ""]
        lines += _columns(table.columns)
    lines += [
        "",
        "## What an open store adds",
        "",
        "Every query finds two things more, from `cxkit/sales.sql`. The view `sales` holds the "
        "orders that were not cancelled, with one more column: `purchase` is false for a refund, "
        "whose amount is below 0. `local_day(moment, zone)` is the day of a time where the company "
        "is. Of days with a purchase: `select distinct customer_id, local_day(ordered_at, "
        "'Europe/Berlin') as day from sales where purchase`.",
        "",
        "## Tables that every store holds beside them",
    ]
    for name, (meaning, columns) in schema.SNAPSHOT_TABLES.items():
        lines += ["", f"### {name}", "", meaning, ""]
        lines += _columns(columns)
    return "\n".join(lines) + "\n"


def _columns(columns: tuple[schema.Column, ...]) -> list[str]:
    rows = ["| column | type | meaning |", "|---|---|---|"]
    for column in columns:
        name = f"**{column.name}**" if column.required else column.name
        rows.append(f"| {name} | {column.kind.replace('_', '/')} | {column.meaning} |")
    return rows


def reference_page() -> str:
    """Return docs/reference.md: every public name with its signature and docstring."""
    lines = [
        "# Reference",
        "",
        "Written from the docstrings by `docs/write.py`: change them there. "
        "All names are in `cxkit`, imported as `cx`.",
    ]
    for name in cxkit._HOMES:
        thing = getattr(cxkit, name)
        signature = f"({_parameters(thing)})" if inspect.isfunction(thing) else ""
        lines += ["", f"## {name}", ""]
        if signature:
            lines += ["```python", f"cx.{name}{signature}", "```", ""]
        lines += ["```text", inspect.getdoc(thing) or "", "```"]
    return "\n".join(lines) + "\n"


def _parameters(function: object) -> str:
    parts, keyword = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            parts, keyword = [*parts, "*"], True
        text = parameter.name
        if parameter.kind is parameter.VAR_KEYWORD:
            text = f"**{text}"
        elif parameter.kind is parameter.VAR_POSITIONAL:
            text, keyword = f"*{text}", True
        elif parameter.default is not parameter.empty:
            text += f"={parameter.default!r}"
        parts.append(text)
    return ", ".join(parts)


def draw_picture() -> None:
    """Draw docs/img/funnel.png: the funnel of the demo company, as notebook 03 shows it."""
    from playwright.sync_api import sync_playwright

    from cxkit import charts

    figure = cxkit.stage_funnel(cxkit.open()).chart().update_layout(width=860)
    parts = [json.dumps(part) for part in (figure.to_plotly_json()[k] for k in ("data", "layout"))]
    page = (
        f"<!doctype html><meta charset=utf-8><script>{charts.plotly_js()}</script><div id=chart>"
        f"</div><script>Plotly.newPlot('chart', {parts[0]}, {parts[1]}, {{staticPlot: true}})"
        "</script>"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "chart.html"
        file.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(device_scale_factor=1.5)
        tab.goto(file.as_uri())
        tab.locator("#chart .main-svg").first.screenshot(path=HERE / "img" / "funnel.png")
        browser.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["picture"]:
        sys.exit(draw_picture())
    for page, text in (("data.md", data_page()), ("reference.md", reference_page())):
        (HERE / page).write_text(text, encoding="utf-8", newline="\n")
