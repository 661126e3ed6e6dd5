"""Is anything lost or changed in silence? Generated tables: dialects x encodings x faults.

Each table is written by this file's own writer, and read with no parameters given. Every record
has to come back to the letter, or carry the fault that was planted; the independent counter has to
agree each time. `CXKIT_THOROUGH=1` reads 100,000 tables, another run a few hundred.
"""

import os
import random
from collections import Counter
from dataclasses import dataclass

import polars as pl
import pytest

from cxkit.imports import count, delimited, records
from cxkit.imports.delimited import Dialect
from cxkit.imports.swallowed import swallowed

TABLES = 100_000 if os.environ.get("CXKIT_THOROUGH") == "1" else 1_000
SEED = int(os.environ.get("CXKIT_SEED", "20240301"))
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")
FAULTS = (
    "none", "short", "long", "blank", "preamble", "footer", "open quote", "stray quote",
    "sep line", "repeated header", "cut off", "nul", "mixed ends",
)  # fmt: skip
NAMES = ("id", "Customer", "E-mail", "Created at", "Amount", "Comment", "Größe", "Tags", "Status")
WORDS = ("fine", "Zoë", "thanks", "not yet", "straße", "ok", "Ann", "late", "x", "#1", "NULL")
NASTY = ("", " ", ",", ";", "\t", "|", '"', "'", '""', "\n", "\r\n", "\r", "\\", "#", "=1+1", "ñ")


@dataclass(frozen=True)
class Written:
    """A table as a file, and what has to come out of it."""

    data: bytes
    dialect: Dialect
    whole: list[list[str]]  # records that have to be there to the letter, in this order
    fault: str


def cell(draw: random.Random, column: int, row: int, nasty: float) -> str:
    if column == 0:
        return str(1000 + row)
    kind = column % 4
    if kind == 1 and draw.random() > nasty:
        return draw.choice(("", f"{draw.choice('abcdef')}{row}@shop.test", f"Person {row}"))
    if kind == 2:
        return f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02} 10:{row % 60:02}:00"
    if kind == 3 and draw.random() > nasty:
        return draw.choice((f"{row},50", f"-{row}.25", "", f"1.{row:03},00"))
    parts = draw.choices(WORDS, k=draw.randint(0, 4))
    if draw.random() < nasty:
        parts.insert(draw.randint(0, len(parts)), "".join(draw.choices(NASTY, k=3)))
    return " ".join(parts)


def spelt(text: str, dialect: Dialect, always: bool) -> str:
    quote = dialect.quote
    if not (always or any(mark in text for mark in (dialect.delimiter, quote, "\n", "\r"))):
        return text
    if dialect.escape:
        text = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    else:
        text = text.replace(quote, quote * 2)
    return quote + text + quote


def written(draw: random.Random, known: bool) -> Written:
    """Draw a table; where the reader is told its dialect, its cells are as nasty as can be.

    Where it is not, nothing is drawn that a person could not tell from the file either.
    """
    mark = draw.choice(
        (",", ",", ";", "\t", "|", " ") if not known else (",", ";", "\t", "|", ", ")
    )
    quote = draw.choice(('"', '"', '"', "'"))
    escape = draw.choice(("", "", "", "\\"))
    encoding = draw.choice(ENCODINGS)
    dialect = Dialect(encoding, mark, quote, escape)
    fault = draw.choice(FAULTS)
    always, end = draw.random() < 0.3, draw.choice(("\n", "\r\n", "\r"))
    if quote == "'" and not known:
        always, fault = True, "none" if "quote" in fault else fault
    width = draw.randint(3 if mark == " " else 2, len(NAMES))
    table = [list(NAMES[:width])]
    nasty = 0.6 if known else 0.15
    for row in range(draw.randint(4, 25)):
        table.append([cell(draw, column, row, nasty) for column in range(width)])
    if fault == "open quote":
        # A quote that stays open inverts all quotes below it. Where cells begin with a line end or
        # with a quote, so that theirs look like ends, again and again, no reading is beyond doubt.
        table = [[text.lstrip("\r\n\"'") for text in row] for row in table]
    if escape:  # else nothing in the file may show that it is one
        table[-1][-1] = f"a {quote}b{quote}, c"
    if fault == "nul":
        table[-1][-1] += "a\x00b"
    ends = [draw.choice(("\n", "\r\n")) if fault == "mixed ends" else end for _ in table]
    lines = [
        mark.join(spelt(text, dialect, always or mark == " ") for text in row) + ends[place]
        for place, row in enumerate(table)
    ]
    place = draw.randint(1, len(table) - 1)
    whole = list(table)
    if fault == "short":
        lines.insert(place, spelt("7", dialect, always) + end)
    elif fault == "long":
        extra = mark.join(spelt("7", dialect, always) for _ in range(width + 2))
        lines.insert(place, extra + end)
    elif fault == "blank":
        lines.insert(place, end)
    elif fault == "preamble":
        lines[:0] = ["Report" + end, end]
    elif fault == "footer":
        lines.append("Confidential" + end)
    elif fault == "open quote":
        lines.insert(place, mark.join(["7", quote + "never closed"] + ["x"] * (width - 2)) + end)
    elif fault == "stray quote":
        lines.insert(place, mark.join(["7", f"{quote}so{quote}called"] + ["x"] * (width - 2)) + end)
    elif fault == "sep line" and len(mark) == 1:
        lines.insert(0, f"sep={mark}{end}")
    elif fault == "repeated header":
        lines.insert(place, lines[0])
        whole.insert(place, table[0])
    elif fault == "cut off":
        text = spelt("thanks for all of it", dialect, True)[:-5]
        lines.append(mark.join(["7", text]))
    data = "".join(lines).encode(encoding, "replace")
    return Written(data, dialect, whole, fault)


def staged(path, dialect: Dialect, draw: random.Random) -> list[tuple]:
    """Read as `stage` does: the quick way where the dialect allows it, the careful way else.

    Records that hold others are told as `layout` tells them.
    """
    width = 30
    frames = list(records.careful(path, dialect, width))
    made = pl.concat(frames) if frames else pl.DataFrame()
    if dialect.plain:
        quick = pl.concat(list(records._quick(path, dialect, width, draw.choice((2, 5)))))
        assert quick.equals(made), "the quick and the careful way differ"
    usual = Counter(made["width"]).most_common(1)[0][0]
    held = swallowed(made.lazy(), path, dialect, width, usual).records
    open_ = pl.when(pl.col("record_no").is_in(held)).then(pl.lit("open quote"))
    return made.with_columns(open_.otherwise("fault").alias("fault")).rows()


def differs(case: Written, rows: list[tuple]) -> str:
    """Return what was lost or changed in silence, or nothing.

    Records that the writer spoilt may come out as they like, if they say so: a fault of their
    own, or a width of their own.
    """
    width = len(case.whole[0])
    kept = []
    for _, _, cells, fault, _, *texts in rows:
        text = texts[:cells]
        told = fault or cells != width or not any(text) or text[0].startswith("sep=")
        if not told:
            kept.append(text)
    expected = [row for row in case.whole if any(row)]
    expected = [[_as_encoded(item, case.dialect.encoding) for item in row] for row in expected]
    if case.fault == "open quote":  # it may swallow records, in one record that says so
        rest = iter(expected)
        return "" if all(row in rest for row in kept) else f"{kept!r} is not in {expected!r}"
    return "" if kept == expected else f"{kept!r} is not {expected!r}"


def _as_encoded(text: str, encoding: str) -> str:
    return text.encode("cp1252", "replace").decode("cp1252") if encoding == "cp1252" else text


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_changed_in_silence(tmp_path, known, monkeypatch):
    draw = random.Random(SEED + known)
    path = tmp_path / "table.csv"
    wrong: list[str] = []
    seen: Counter = Counter()
    for number in range(TABLES // 2):
        case = written(draw, known)
        path.write_bytes(case.data)
        monkeypatch.setattr(delimited, "_PIECE", draw.choice((64, 1 << 20)))
        encoding = delimited.encoding_of(path)
        found = delimited.dialect_of(path, encoding)
        if known:
            spelt_out = case.dialect
            found = Dialect(encoding, spelt_out.delimiter, spelt_out.quote, spelt_out.escape)
        rows = staged(path, found, draw)
        counted = count.delimited(path, encoding, found.delimiter, found.quote, found.escape)
        if counted != len(rows):
            wrong.append(f"table {number}: counted {counted}, read {len(rows)}: {case}")
        problem = differs(case, rows)
        if problem:
            wrong.append(f"table {number} ({case.fault}, {case.dialect} as {found}): {problem}")
        seen[case.fault] += 1
    assert not wrong, f"{len(wrong)} of {sum(seen.values())}; " + "\n".join(wrong[:3])
    assert len(seen) == len(FAULTS)
