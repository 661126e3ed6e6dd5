"""Write executed notebooks as one page that opens offline and asks no server for anything.

Whatever a notebook shows is treated as foreign: markdown and HTML pass a sanitiser, text is
escaped, charts travel as data, and the page's policy runs no script but its own two.
"""

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import polars as pl
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors.sanitize import SanitizeHTML

from cxkit import __version__, cards, charts
from cxkit.report.run import Executed
from cxkit.result import MIME
from cxkit.safe import escape, html_table, shown

_HERE = Path(__file__).parent
_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_FOR_LEARNERS = "for-learners"  # the tag of a section's first cell that no report needs
_CLOSING = {"Your turn", "Where next"}  # these need no tag: every notebook ends with them
_TAGS = (
    "a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p"
    " pre small span strong sub summary sup table tbody td tfoot th thead tr ul"
).split()
_CLASSES = {"cxkit", "cxkit-result", "cxkit-caveats", "cxkit-learned"}
_LONG = 12  # printed lines that are shown without a fold


@dataclass(frozen=True)
class Cover:
    """What the first page says before any finding."""

    company: str
    as_of: str  # as the reader sees it: 28 Jun 2026
    counts: dict[str, int]  # what there is of what: customers, orders …
    imported: str  # one sentence
    notes: tuple[str, ...]  # what to be careful about in it
    files: pl.DataFrame  # one row per imported file


@dataclass
class _Chapter:
    """One notebook on its way into the page; an identical chart or table is shown only once."""

    name: str
    title: str
    parts: list[str] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    drawn: bool = False  # whether the last result has a chart
    code: list[str] = field(default_factory=list)


def write_page(path: Path, cover: Cover, notebooks: list[Executed]) -> Path:
    """Write the report to `path`; the same notebooks give the same bytes."""
    names = {notebook.name for notebook in notebooks}
    chapters = [_chapter(notebook, names) for notebook in notebooks]
    contents = [("findings", "Findings"), *((c.name, c.title) for c in chapters)]
    scripts = {
        "plotly": charts.plotly_js().replace("\r\n", "\n"),
        "script": "\n" + (_HERE / "page.js").read_text(encoding="utf-8"),
    }
    hashes = " ".join(f"'sha256-{_sha256(text)}'" for text in scripts.values())
    page = Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'",
        title=f"{escape(cover.company)} · {escape(cover.as_of)}",
        style=(_HERE / "page.css").read_text(encoding="utf-8") + cards.STYLE,
        contents="\n".join(
            f'<li><a href="#{escape(name)}">{escape(title)}</a></li>' for name, title in contents
        ),
        main=_first_page(cover, notebooks, chapters) + "".join(map(_section, chapters)),
        version=__version__,
        as_of=escape(cover.as_of),
        **scripts,
    )
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def results_of(notebook: Executed) -> list[dict[str, Any]]:
    """Return the results that a notebook shows, each once, in order of first appearance."""
    found: dict[str, dict[str, Any]] = {}
    for cell in for_readers(notebook.cells):
        for output in cell.get("outputs", ()):
            result = output.get("data", {}).get(MIME)
            if result and "finding" in result:
                found.setdefault(json.dumps(result, sort_keys=True), result)
    return list(found.values())


def _first_page(cover: Cover, notebooks: list[Executed], chapters: list[_Chapter]) -> str:
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{count:,}</dd></div>"
        for name, count in cover.counts.items()
        if count
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in cover.notes)
    imported = (
        f'<div class="imported">{escape(cover.imported)}'
        f"{f'<ul>{notes}</ul>' if notes else ''}<details><summary>File by file</summary>"
        f"{html_table(cover.files, most=500)}</details></div>"
    )
    failed = [notebook for notebook in notebooks if notebook.failure]
    stopped = "".join(
        f'<p><a href="#{escape(n.name)}">{escape(n.title)}</a> — {escape(n.failure)}</p>'
        for n in failed
    )
    warning = (
        f'<aside class="failures" aria-label="What is missing"><p><b>{len(failed)} of '
        f"{len(notebooks)} chapters stopped before their end.</b></p>{stopped}</aside>"
    )
    answers = "".join(
        f"<h3>{escape(chapter.title)}</h3>"
        f'<div class="cards">{_cards(chapter.findings, cover)}</div>'
        for chapter in chapters
        if chapter.findings
    )
    return (
        '<section id="findings" aria-label="Findings"><header>'
        f'<p class="eyebrow">Customer report</p><h1>{escape(cover.company)}</h1>'
        f'<p class="standfirst">What the data say up to {escape(cover.as_of)}</p>'
        f'<dl class="figures">{figures}</dl>'
        f"{imported if cover.files.height else ''}</header>"
        f'{warning if failed else ""}<div class="answers">{answers}</div></section>'
    )


def _cards(findings: list[dict[str, Any]], cover: Cover) -> str:
    """Return one card per new sentence; it names its day where that is not the report's."""
    told: dict[tuple[str, str], str] = {}
    for finding in findings:
        if finding["finding"] == cover.imported:
            continue
        question, place = escape(finding["question"]), escape(finding["place"])
        day = finding["as_of"] and shown(date.fromisoformat(finding["as_of"][:10]))
        base = f"n = {finding['n']:,}"
        if day and day != cover.as_of:
            base += f" · as of {day}"
        card = (
            f'<article class="card"><p class="question">{question}</p>'
            f'<h4 class="sentence">{_told(finding["finding"])}</h4>'
            f'<p class="foot"><span>{base}</span>'
            f'<a href="#{place}" aria-label="Read more: {question}">Read more</a></p></article>'
        )
        told.setdefault((finding["finding"], base), card)
    return "".join(told.values())


def _section(chapter: _Chapter) -> str:
    tables = (
        f'<p class="get">The tables of this chapter: '
        f'<a href="tables/{escape(chapter.name)}.xlsx">tables/{escape(chapter.name)}.xlsx</a></p>'
    )
    return (
        f'\n<section class="chapter" id="{escape(chapter.name)}" '
        f'aria-label="{escape(chapter.title)}">{"".join(chapter.parts)}'
        f"{tables if chapter.findings else ''}</section>"
    )


def _chapter(notebook: Executed, names: set[str]) -> _Chapter:
    chapter = _Chapter(notebook.name, notebook.title)
    end = notebook.failure.cell if notebook.failure else None
    for cell in for_readers(notebook.cells[:end]):
        if cell["cell_type"] == "markdown":
            _fold_code(chapter)
            kind = "text reading" if cell["source"].startswith("**What it shows") else "text"
            text = _markdown(cell["source"].split("\n**You need**")[0], names)
            chapter.parts.append(f'<div class="{kind}">{text}</div>')
        elif cell["cell_type"] == "code":
            chapter.code.append(cell["source"])
            chapter.parts += [_output(output, chapter, names) for output in cell["outputs"]]
    _fold_code(chapter)
    if not any(part.startswith('<div class="text"><h2') for part in chapter.parts):
        chapter.parts.insert(0, f"<h2>{escape(notebook.title)}</h2>")
    if notebook.failure:
        chapter.parts.append(
            '<aside class="failures"><p><b>This chapter stopped here.</b></p>'
            f"<p>{escape(notebook.failure)}</p></aside>"
        )
    return chapter


def for_readers(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the sections that teach the notebook's user, and what is under them."""
    kept, hidden = [], False
    for cell in cells:
        heading = re.match(r"#{1,6} +(.+)", cell["source"])
        if cell["cell_type"] == "markdown" and heading:
            tagged = _FOR_LEARNERS in cell["metadata"].get("tags", ())
            hidden = tagged or heading[1].strip() in _CLOSING
        if not hidden:
            kept.append(cell)
    return kept


def _fold_code(chapter: _Chapter) -> None:
    """Put the code since the last text behind one fold."""
    source = "\n\n".join(chapter.code)
    chapter.code.clear()
    if source.strip():
        coloured = Highlight2HTML(pygments_lexer="python")(source)
        chapter.parts.append(f'<details class="code"><summary>Code</summary>{coloured}</details>')


def _output(output: dict[str, Any], chapter: _Chapter, names: set[str]) -> str:
    """Return one output as HTML; nothing for a widget, for noise, and for what stands above."""
    if output["output_type"] == "stream":
        return _printed(output["text"]) if output["name"] == "stdout" else ""
    data = output.get("data", {})
    if _WIDGET in data:
        return ""
    if "finding" in data.get(MIME, {}):
        return _result(data, chapter)
    if _PLOTLY in data:
        return _chart(data[_PLOTLY], chapter)
    if data.get(MIME, {}).get("part") == "cards":
        return _dealt(data[MIME], chapter)
    if "text/html" in data:
        text = _clean(re.sub(r"(?is)<(style|script)\b.*?</\1>", "", data["text/html"]), strip=True)
        excel = f'in <a href="tables/{escape(chapter.name)}.xlsx">the Excel file</a>'
        text = text.replace("in <code>.table</code>", excel)
        if not chapter.drawn:  # where there is no chart, the table is what there is to see
            text = text.replace("<details>", "<details open>")
        return text if _first(text, chapter) else ""
    if "text/markdown" in data:
        return f'<div class="text">{_markdown(data["text/markdown"], names)}</div>'
    return _printed(data.get("text/plain", ""))


def _result(data: dict[str, Any], chapter: _Chapter) -> str:
    result = data[MIME]
    known = [{**f, "place": ""} for f in chapter.findings]
    if {**result, "place": ""} in known:
        return _clean(data["text/html"], strip=True)
    chapter.drawn = False
    place = f"{chapter.name}.{len(chapter.findings) + 1}"
    chapter.findings.append({**result, "place": place})
    return f'<div id="{escape(place)}">{_clean(data["text/html"], strip=True)}</div>'


def _first(content: str, chapter: _Chapter) -> bool:
    """Whether a chapter shows this content for the first time."""
    known = content in chapter.shown
    chapter.shown.add(content)
    return not known


def _chart(figure: dict[str, Any], chapter: _Chapter) -> str:
    """Return a chart as data beside its place; its title becomes text that wraps and is read."""
    layout = dict(figure.get("layout", {}))
    title = layout.pop("title", None) or ""
    title = title.get("text", "") if isinstance(title, dict) else title
    title = html.unescape(re.sub(r"<[^>]*>", " ", title or ""))
    title = " ".join(title.split())
    legend = any(trace.get("showlegend") for trace in figure["data"])
    above = 48 if legend else 14
    theme = layout.get("template", {}).get("layout", {}).get("margin", {})
    margin = {"t": 100, **theme, **layout.get("margin", {})}
    height = layout["height"] = layout.get("height", 450) - margin["t"] + above
    layout["margin"] = {**margin, "t": above}
    drawn = {"data": figure["data"], "layout": layout, "config": charts.CONFIG}
    finding = chapter.findings[-1]["finding"] if chapter.findings else ""
    label = escape(f"Chart. {title}. {finding}".replace("..", "."))
    packed = json.dumps(drawn, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    chapter.drawn = True
    if not _first(f"{title} {packed}", chapter):
        return ""
    return (
        f"<figure>{f'<figcaption>{escape(title)}</figcaption>' if title else ''}"
        f'<div class="plot" role="img" aria-label="{label}" style="height:{height:.0f}px"></div>'
        f'<script type="application/json">{packed}</script></figure>'
    )


def _dealt(told: dict[str, Any], chapter: _Chapter) -> str:
    """Return cards drawn anew from their data; nothing where these stand above already."""
    chapter.drawn = True
    try:
        dealt = [cards.Card.from_json(card) for card in told["cards"]]
    except (ValueError, KeyError, TypeError):
        return ""
    drawn = cards.html(dealt, style=False)
    return drawn if _first(drawn, chapter) else ""


def _printed(text: str) -> str:
    lines = text.rstrip().count("\n") + 1
    shown = f"<pre>{escape(text.rstrip())}</pre>"
    if not text.strip():
        return ""
    if lines <= _LONG:
        return shown
    return f"<details><summary>Printed text ({lines} lines)</summary>{shown}</details>"


def _markdown(source: str, names: set[str]) -> str:
    """Return markdown as HTML: raw HTML is shown as text, but for folds; headings go one down."""

    def to_chapter(link: re.Match[str]) -> str:
        return f"(#{link[1]})" if link[1] in names else "()"

    source = re.sub(r"\n(?=\*\*)", "  \n", source)  # a line that begins in bold stays a line
    source = re.sub(r"(?<=\])\((?:\./)?([\w-]+)\.ipynb(?:#[^)]*)?\)", to_chapter, source)
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    text = _clean(MarkdownWithMath(renderer=renderer).render(source), strip=False)
    return re.sub(r"(</?h)([1-5])\b", lambda found: f"{found[1]}{int(found[2]) + 1}", text)


def _told(text: str) -> str:
    return escape(text).replace(" %", "\u00a0%")  # a number and its unit stay on one line


def _clean(text: str, *, strip: bool) -> str:
    return str(_sanitiser(strip).sanitize_html_tags(text)).replace(" %", "\u00a0%")


@cache
def _sanitiser(strip: bool) -> SanitizeHTML:
    def allowed(tag: str, name: str, value: str) -> bool:
        return (
            name == "style"  # of which only text-align is kept
            or (name == "class" and value in _CLASSES)
            or (name == "scope" and tag == "th")
            or (name == "href" and tag == "a" and value.startswith(("https://", "http://", "#")))
        )

    return SanitizeHTML(tags=_TAGS, attributes=allowed, styles=["text-align"], strip=strip)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
