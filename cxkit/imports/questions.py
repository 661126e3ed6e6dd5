"""Which columns of a survey's export are questions, and on which scale were they answered?

A survey tool puts the company's own questions into the header, so no recipe can name them. They
are known by their words in the larger European languages, and count only where the cells agree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from cxkit.imports import guess, types
from cxkit.imports.layout import Layout
from cxkit.imports.recipes import Export, Reading, Rows, fitted, plain
from cxkit.imports.records import Staged

_SAMPLE = 50_000

# A metric, the words of its question, and its scale where the answers do not show a longer one.
_METRICS = (
    ("nps", r"recommend|empfehl|recommand|recomend|raccomand|aanbev|\bnps\b|net promoter", 10),
    ("ces", r"\beas(?:y|ily|e)\b|effort|einfach|leicht|aufwand|facil|fácil|\bces\b", 7),
    ("csat", r"satisf|zufrieden|tevreden|soddisf|\bcsat\b|how happy|how would you rate", 5),
    ("stars", r"\bstars?\b|\brating\b|\brate\b|sterne|bewertung", 5),
)
_COMMENT = (
    r"\bwhy\b|reason|comment|improv|better|tell us|feedback|explain|suggest|thoughts|anything else"
    r"|warum|grund|kommentar|verbesser|anmerk|motivo|pourquoi|raison|amélior|por qu[eé]|mejorar"
    r"|melhorar|remark"
)
_NUMBER = r"^\d{1,3}(?:[.,]\d+)?$"
_LABELLED = r"^\D*?(\d{1,2})\D*$"  # "10 - Extremely likely", "Extremely likely - 10"
_WORDS = {
    "very satisfied": "5", "satisfied": "4", "neither satisfied nor dissatisfied": "3",
    "neutral": "3", "dissatisfied": "2", "unsatisfied": "2", "very dissatisfied": "1",
    "very unsatisfied": "1", "sehr zufrieden": "5", "zufrieden": "4", "teils, teils": "3",
    "unzufrieden": "2", "sehr unzufrieden": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One scored question of a survey."""

    column: str
    text: str
    metric: str
    scale: int
    reading: Reading


def asked(
    path: Path, staged: Staged, layout: Layout, export: Export, labels: Mapping[str, str]
) -> Export:
    """Return the export with one row per scored question, made of its only `rows` as a pattern.

    The first question carries the comment and stands for the answer as a whole: a person who
    answered nothing counts as asked. `labels` gives the question of each column.
    """
    fixed = fitted(export, layout.names)
    used = {plain(name) for name in fixed.wanted}
    cells = _cells(path, staged, layout)
    open_ = [n for n in layout.names if n and plain(n) not in used and n in cells.columns]
    scored = [q for q in (_scored(n, labels.get(n, n), cells[n]) for n in open_) if q]
    comments = _comments([n for n in open_ if n not in {q.column for q in scored}], labels, cells)
    comment = _joined(comments)
    template = export.rows[0]
    if not scored and comment is None:
        return replace(
            export,
            rows=(),
            note="No question of it was recognised as NPS, CSAT, CES or a comment. "
            "Say with mapping={'feedback': {...}} which column holds the score",
        )
    if not scored:
        made: dict[str, Reading] = {"metric": Reading(value="comment")}
        rows = [_row(template, made, "comment", comment)]
    else:
        rows = []
        for question in scored:
            times = sum(q.metric == question.metric for q in scored[: len(rows)])
            made = {
                "metric": Reading(value=question.metric),
                "score": question.reading,
                "scale": Reading(value=str(question.scale)),
                "question": Reading(value=question.text),
            }
            name = f"{question.metric} {times + 1}" if times else question.metric
            row = _row(template, made, name, None if rows else comment)
            rows.append(replace(row, when=(question.column,)) if rows else row)
    return replace(export, rows=tuple(rows), note=_told(export, scored, comments))


def ranged(path: Path, staged: Staged, layout: Layout, export: Export) -> Export:
    """Return the export of bare scores with the metric and scale that their range shows.

    Whole numbers up to 10 that pass 5 can only be NPS among the metrics; of others only the
    scale is known.
    """
    template = export.rows[0]
    column = fitted(export, layout.names).rows[0].columns["score"].column[0]
    number = _cells(path, staged, layout)[column].drop_nulls().cast(pl.Float64, strict=False)
    most = number.drop_nulls().max()
    top = most if isinstance(most, float) else 0.0
    scale = next((s for s in (5, 7, 10, 100) if top <= s), 0)
    nps = 5 < top <= 10 and bool((number.drop_nulls() % 1 == 0).all())
    if nps:
        scale = 10
    made = {
        **template.columns,
        "metric": Reading(value="nps" if nps else "item"),
        "scale": Reading(value=str(scale) if scale else ""),
        "question": Reading(value=column),
    }
    said = f"'{column}' is read as {'nps, 0 to 10' if nps else f'a score of at most {scale}'}"
    note = f"{export.note}. {said}" if export.note else said
    return replace(export, rows=(replace(template, columns=made),), note=note)


def named(path: Path, staged: Staged, layout: Layout, export: Export) -> Export:
    """Return a mapped export with the metric that the name of its column of scores says.

    Only where every answer stands on the metric's usual scale: of answers up to 10 in 'Stars', or
    up to 5 in 'Effort', the name leaves open what they are, and they stay without a metric.
    """
    fixed = fitted(export, layout.names)
    made, notes = [], [export.note] if export.note else []
    for rows, found in zip(export.rows, fixed.rows, strict=True):
        reading = found.columns.get("score")
        column = reading.column[0] if reading and reading.column else ""
        if rows.table != "feedback" or "metric" in rows.columns or not column:
            made.append(rows)
            continue
        cells = _cells(path, staged, layout)[column]
        question = _scored(column, guess.words(column), cells)
        if question is None or not _fits(question, cells):
            made.append(rows)
            continue
        metric = {"metric": Reading(value=question.metric)}
        scale = {"scale": Reading(value=str(question.scale))}
        made.append(replace(rows, columns={**scale, **rows.columns, **metric}))
        notes.append(_read_as(question))
    return replace(export, rows=tuple(made), note=". ".join(notes))


def _fits(question: Asked, cells: pl.Series) -> bool:
    """Whether all answers are numbers on the usual scale of a metric, and on no shorter one."""
    number = cells.drop_nulls().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    usual = next(scale for metric, _, scale in _METRICS if metric == question.metric)
    least = 0 if question.metric == "nps" else 1
    if number.is_empty() or number.has_nulls() or question.scale != usual:
        return False
    # effort is asked for on five points as well as on seven
    shortest = 6 if question.metric == "ces" else least
    return bool((number >= least).all()) and bool((number >= shortest).any())


def _joined(comments: list[str]) -> Reading | None:
    """Read what people wrote as one text; a question may itself hold braces, which stand alone."""
    if len(comments) < 2 or any("{" in name or "}" in name for name in comments):
        return Reading(column=(comments[0],)) if comments else None
    return Reading(text="\n".join(f"{{{name}}}" for name in comments))


def _row(template: Rows, made: dict[str, Reading], name: str, comment: Reading | None) -> Rows:
    columns = {**template.columns, **made}
    if comment:
        columns["comment"] = comment
    if "feedback_id" in columns:
        said = columns["feedback_id"]
        text = said.text or f"{{{said.column[0]}}}"
        columns["feedback_id"] = Reading(text=f"{text} {name}")
    return replace(template, columns=columns)


def _told(export: Export, scored: list[Asked], comments: list[str]) -> str:
    said = [export.note] if export.note else []
    said += [_read_as(question) for question in scored]
    if comments:
        said.append(f"the comment is '{_short(comments[0])}'")
    return ". ".join(said)


def _read_as(question: Asked) -> str:
    scale = f"{0 if question.metric == 'nps' else 1} to {question.scale}"
    return f"'{_short(question.column)}' is read as {question.metric}, {scale}"


def _short(column: str) -> str:
    """Shorten a question for a note, where a question mark is kept for what cxkit asks."""
    return " ".join(column.split())[:60].rstrip("?")


def _cells(path: Path, staged: Staged, layout: Layout) -> pl.DataFrame:
    """Return the answers by the names of their columns, cleaned."""
    named: dict[str, pl.Expr] = {}
    for place, name in enumerate(layout.names[: staged.width]):
        if name:
            named.setdefault(name, types.clean(pl.col(staged.cells[place]), "category"))
    records = pl.scan_parquet(path).slice(layout.first_no - 1, _SAMPLE)
    return records.select(cell.alias(name) for name, cell in named.items()).collect()


def _scored(name: str, text: str, cells: pl.Series) -> Asked | None:
    words = plain(text)
    if re.search(r"\bgroup\b|gruppe|_nps_group$", plain(name)) or words.endswith("- group"):
        return None  # Detractor, Passive, Promoter: made from the answer beside it
    metric, least = next(
        ((metric, scale) for metric, known, scale in _METRICS if re.search(known, words)), ("", 0)
    )
    if not metric:
        return None
    filled = cells.drop_nulls()
    if filled.is_empty():
        return Asked(name, text, metric, least, Reading(column=(name,)))
    reading = _reading(name, filled)
    if reading is None:
        return None
    if reading.values:
        return Asked(name, text, metric, 5, reading)
    number = filled.str.replace(",", ".", literal=True).str.extract(r"(\d+(?:\.\d+)?)", 1)
    most = number.cast(pl.Float64, strict=False).max()
    assert isinstance(most, float)
    scale = next((s for s in (least, 5, 7, 10) if s >= max(most, least)), 0)
    return Asked(name, text, metric, scale, reading) if scale else None


def _reading(name: str, filled: pl.Series) -> Reading | None:
    """Return how nearly all answers of a column become numbers, or None where they do not."""
    enough = 0.8 * filled.len()
    if filled.str.contains(_NUMBER).sum() >= enough:
        return Reading(column=(name,))
    if filled.str.contains(_LABELLED).sum() >= enough and (filled.str.len_chars() < 60).all():
        return Reading(column=(name,), pattern=_LABELLED)
    if filled.str.to_lowercase().is_in(list(_WORDS)).sum() >= enough:
        return Reading(column=(name,), values=_WORDS)
    return None


def _comments(open_: list[str], labels: Mapping[str, str], cells: pl.DataFrame) -> list[str]:
    """Return the columns that hold what people wrote: by their words, else the first question."""
    texts = [n for n in open_ if not _is_choice(cells[n])]
    found = [n for n in texts if re.search(_COMMENT, plain(labels.get(n, n)))]
    asking = [n for n in texts if labels.get(n, n).strip().endswith("?")]
    return found or asking[:1]


def _is_choice(cells: pl.Series) -> bool:
    """Whether a column holds one of a few ready answers, or figures, rather than free text."""
    filled = cells.drop_nulls()
    if filled.is_empty():
        return False
    figures = filled.str.contains(r"^[\d.,:/ -]+$").sum()
    return figures > 0.8 * filled.len() or (filled.len() >= 10 and filled.n_unique() <= 2)
