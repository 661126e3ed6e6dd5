"""What leaves the house: no live markup, no live formula, no link, no personal data."""

import csv
import zipfile
from datetime import date, datetime

import polars as pl
import pytest

from cxkit import charts, safe

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="https://evil.example">free</a>',
    "</script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "<b>bold</b> & <br>",
    "\x00null\x1b[31m",
    "<details ontoggle=alert(1) open>",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "＝1",
    "﻿=1",
    "mailto:a@b.example",
]


@pytest.mark.parametrize("text", PAYLOADS)
def test_text_is_shown_to_the_letter(text):
    shown = safe.escape(text)
    assert "<" not in shown and ">" not in shown and '"' not in shown
    frame = pl.DataFrame({text: [text], "n": [1]})
    table = safe.html_table(frame)
    for tag in ("<script", "<img", "<a ", "<svg", "<b>", "<details"):
        assert tag not in table
    figure = charts.bars(
        pl.DataFrame({"label": [text], "n": [1]}),
        length="n", label="label", title=text, unit=text, texts=[text],
    )  # fmt: skip
    drawn = figure.to_json()
    for tag in ("<script", "<img", "<a ", "<svg", "<details", "<br> "):
        assert tag not in drawn.replace("\\u003c", "<")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_starts_like_a_formula(tmp_path, text):
    frame = pl.DataFrame({"comment": [text], "n": [-5]})
    with safe.write_csv(frame, tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        _, row = csv.reader(file)
    assert row[1] == "-5"
    assert row[0] == ("mailto:a@b.example" if "mailto" in text else safe.guard(text))
    assert not row[0].lstrip("\ufeff ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    path = safe.write_xlsx({"t": frame}, tmp_path / "t.xlsx")
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            assert b"<f>" not in book.read(name)
            assert b"<hyperlink" not in book.read(name).lower().replace(b"<hyperlinkschanged", b"")


def test_the_same_table_gives_the_same_spreadsheet(tmp_path):
    frame = pl.DataFrame(
        {"share": [0.5, None], "day": [date(2026, 1, 1), None], "ok": [True, None]}
    )
    one = safe.write_xlsx({"a": frame}, tmp_path / "1.xlsx").read_bytes()
    two = safe.write_xlsx({"a": frame}, tmp_path / "2.xlsx").read_bytes()
    assert one == two


def test_sheet_names_are_legal_and_distinct(tmp_path):
    frame = pl.DataFrame({"a": [1]})
    names = ["x" * 40, "x" * 40 + "y", "a/b:c", ""]
    path = safe.write_xlsx(dict.fromkeys(names, frame), tmp_path / "t.xlsx")
    read = pl.read_excel(path, sheet_id=0, engine="calamine")
    assert list(read) == ["x" * 31, "x" * 28 + " 2", "a b c", "table"]


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.382, "share_of_start", "38.2 %"),
        (0.382, "customers", "0.38"),
        (12345.6, "amount", "12,346"),
        (1204, "n", "1,204"),
        (None, "n", ""),
        (float("nan"), "share", ""),
        (True, "optional", "yes"),
        (datetime(2026, 6, 28), "at", "28 Jun 2026"),
        (datetime(2026, 6, 28, 9, 5), "at", "28 Jun 2026 09:05"),
        (date(2026, 6, 28), "on", "28 Jun 2026"),
    ],
)
def test_values_as_a_reader_wants_to_see_them(value, column, text):
    assert safe.shown(value, column) == text


def test_a_long_table_says_what_it_leaves_out():
    assert "and 2 more rows" in safe.html_table(pl.DataFrame({"a": range(32)}))


def test_masked():
    said = safe.masked(pl.Series(["write to ann@shop.example please"]))
    assert said.to_list() == ["write to [e-mail] please"]
