"""Everything that leaves the house: escaped for HTML and charts, guarded for spreadsheets.

Feedback is written by strangers. A comment may hold a script, a link that plotly would make
clickable, or a formula that a spreadsheet would run; so nothing reaches a page, a chart or a file
except through here.
"""

import csv
import html
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMULA = re.compile(r"^[\s﻿]*[=+\-@＝＋－＠\t\r]")


def escape(text: object) -> str:
    """Return text that HTML and plotly show to the letter, never as markup or a link.

    >>> escape("<b>Hi</b> & bye")
    '&lt;b&gt;Hi&lt;/b&gt; &amp; bye'
    """
    return html.escape(_CONTROL.sub("", str(text)), quote=True)


def guard(value: object) -> object:
    """Return a cell that no spreadsheet runs: text that starts like a formula gets an apostrophe.

    Numbers stay numbers: only text is guarded.

    >>> guard("=1+1"), guard(-5)
    ("'=1+1", -5)
    """
    if not isinstance(value, str):
        return value
    text = _CONTROL.sub("", value)
    return f"'{text}" if _FORMULA.match(text) else text


def write_csv(frame: pl.DataFrame, path: Path) -> Path:
    """Write a table as UTF-8 CSV with guarded cells; returns the path.

    The file starts with a byte-order mark, so that spreadsheets read its letters right.
    """
    with Path(path).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([guard(name) for name in frame.columns])
        writer.writerows([guard(value) for value in row] for row in frame.iter_rows())
    return Path(path)


def write_xlsx(tables: dict[str, pl.DataFrame], path: Path) -> Path:
    """Write one sheet per table, text as text: no formula and no link comes alive.

    Sheet names are shortened to the 31 characters that a spreadsheet allows. Returns the path.
    """
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # the same table, the same file
        bold = book.add_format({"bold": True})
        formats = {
            "share": book.add_format({"num_format": "0.0%"}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for name, frame in tables.items():
            sheet = book.add_worksheet(_sheet_name(name, book))
            for column, title in enumerate(frame.columns):
                sheet.write_string(0, column, str(guard(title)), bold)
                width = max([len(title), *(len(str(v)) for v in frame[title].head(50))])
                sheet.set_column(column, column, min(60, width + 2))
                for row, value in enumerate(frame[title], start=1):
                    _write_cell(sheet, row, column, value, title, formats)
            sheet.freeze_panes(1, 0)
            if frame.width and frame.height:
                sheet.autofilter(0, 0, frame.height, frame.width - 1)
    return Path(path)


def _write_cell(
    sheet: Any, row: int, column: int, value: object, title: str, formats: dict[str, Any]
) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, formats["share"] if is_share(title) else None)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats["date"])
    else:
        sheet.write_string(row, column, str(guard(str(value)))[:32_767])


def _sheet_name(name: str, book: Any) -> str:
    taken = {sheet.get_name().lower() for sheet in book.worksheets()}
    short = re.sub(r"[\[\]:*?/\\']", " ", name).strip()[:31] or "table"
    number = 2
    while short.lower() in taken:
        short = f"{short[:28]} {number}"
        number += 1
    return short


def is_share(column: str) -> bool:
    """Whether a column's name says that it holds shares of 1, shown as per cent.

    >>> is_share("share_of_start_low"), is_share("customers")
    (True, False)
    """
    return "share" in column.split("_")


def shown(value: object, column: str = "") -> str:
    """Return a value as a reader wants to see it: 38.2 %, 1,204, 28 Jun 2026.

    >>> shown(0.382, "share_of_start"), shown(1204), shown(None)
    ('38.2 %', '1,204', '')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value != value:
            return ""
        case float() if is_share(column):
            return f"{100 * value:.1f} %"
        case float():
            return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
        case datetime():
            midnight = value.hour == value.minute == value.second == 0
            return f"{value:%d %b %Y}" if midnight else f"{value:%d %b %Y %H:%M}"
        case date():
            return f"{value:%d %b %Y}"
        case _:
            return str(value)


def html_table(frame: pl.DataFrame, most: int = 30) -> str:
    """Return a table as HTML, every cell escaped; says how many rows it leaves out."""
    # notebooks and the report set every cell to the right, as numbers should be
    left = ' style="text-align:left"'
    align = ["" if frame[name].dtype.is_numeric() else left for name in frame.columns]
    head = "".join(
        f'<th scope="col"{side}>{escape(title.replace("_", " "))}</th>'
        for title, side in zip(frame.columns, align, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{side}>{escape(shown(value, title))}</td>"
            for value, title, side in zip(row, frame.columns, align, strict=True)
        )
        + "</tr>"
        for row in frame.head(most).iter_rows()
    )
    rest = frame.height - most
    more = f"<p>… and {rest:,} more rows in <code>.table</code>.</p>" if rest > 0 else ""
    return f'<table class="cxkit"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}'


def masked(texts: pl.Series) -> pl.Series:
    """Return texts without e-mail addresses, phone, card and account numbers."""
    from cxkit.text.masking import mask_texts

    return mask_texts(texts)
