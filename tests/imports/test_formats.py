"""JSON, Excel and Parquet: the same records, read and counted twice."""

import gzip
import json
import zipfile
from datetime import datetime

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from cxkit.errors import BadFile
from cxkit.imports import count, inbox, records


def stage(tmp_path, name, content):
    """Return what is known about a file and its rows as text."""
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.write_text(content, encoding="utf-8")
    staged = records.stage(path, tmp_path / "out.parquet", "hash")
    assert staged.read == staged.counted
    return staged, pl.read_parquet(tmp_path / "out.parquet").select(staged.cells).rows()


def test_json_lines(tmp_path):
    text = (
        '{"event": "paid", "properties": {"time": 1709251200, "id": 12345678901234567890}}\n'
        "\n"
        '{"event": "seen", "tags": ["a", "b"], "ok": true, "price": 1.50, "none": null}\n'
    )
    staged, rows = stage(tmp_path, "log.jsonl", text)
    assert staged.names == (
        "event", "properties.time", "properties.id", "tags", "ok", "price", "none",
    )  # fmt: skip
    assert rows[0][:3] == ("paid", "1709251200", "12345678901234567890")
    assert rows[1] == (None,) * 7
    assert rows[2] == ("seen", None, None, "a; b", "true", "1.50", None)
    assert staged.read == 3


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1, "b": "x, [y]"}, {"a": 2, "b": "\\"}"}]',
        '{"count": 2, "rows": [{"a": 1, "b": "x, [y]"}, {"a": 2, "b": "\\"}"}], "next": null}',
        '[\n {"a": 1,\n  "b": "x, [y]"},\n {"a": 2, "b": "\\"}"}\n]',
    ],
)
def test_json_arrays(tmp_path, text):
    staged, rows = stage(tmp_path, "export.json", text)
    assert staged.names == ("a", "b")
    assert rows == [("1", "x, [y]"), ("2", '"}')]


def test_an_item_that_is_no_object_is_counted(tmp_path):
    staged, _ = stage(tmp_path, "export.json", '[{"a": 1}, 5, [], {"a": {"b": []}}]')
    assert staged.read == 4


def test_packed_json(tmp_path):
    staged, rows = stage(tmp_path, "log.json.gz", gzip.compress(b'{"a": 1}\n{"a": 2}\n'))
    assert rows == [("1",), ("2",)]
    assert staged.read == 2


def test_half_characters_do_not_stop_the_file(tmp_path):
    _, rows = stage(tmp_path, "log.jsonl", '{"a": "\\ud83d"}\n{"a": "b"}\n')
    assert rows == [("?",), ("b",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[{"a": 1}, {"a": ',
            "It is not valid JSON: line 1 breaks off or is misspelt. Download it again.",
        ),
        (
            '{"a": 1, "b": {"c": 2}, "list": [1, 2]',
            "It is not valid JSON: line 1 breaks off or is misspelt. Download it again.",
        ),
        (
            json.dumps({"T01": {"a": 1}}, indent=1),
            "It is JSON without a list of records. Export the table itself as CSV.",
        ),
    ],
)
def test_json_that_is_no_table(tmp_path, text, message):
    with pytest.raises(BadFile) as problem:
        stage(tmp_path, "export.json", text)
    assert str(problem.value) == message


def test_excel(tmp_path):
    """Dates as dates, leading zeros kept, the first visible sheet with a table, no blank rows."""
    with xlsxwriter.Workbook(tmp_path / "report.xlsx") as book:
        cover, table, hidden = (book.add_worksheet(n) for n in ("About", "Tickets", "Internal"))
        cover.write(0, 0, "Exported by the desk")
        hidden.write(0, 0, "secret")
        hidden.hide()
        table.write_row(0, 0, ["Ticket report"])
        table.write_row(2, 0, ["ID", "Created", "Score", "Share"])
        table.write_string(3, 0, "00042")
        table.write_datetime(
            3, 1, datetime(2024, 3, 1, 9, 30), book.add_format({"num_format": "d/m/yy hh:mm"})
        )
        table.write_row(3, 2, [7, 0.25])
        table.write_string(5, 0, "00043")
        table.write_boolean(5, 2, True)
    staged, rows = stage(tmp_path, "report.xlsx", None)
    assert rows == [
        ("Ticket report", None, None, None),
        ("ID", "Created", "Score", "Share"),
        ("00042", "2024-03-01 09:30:00", "7", "0.25"),
        ("00043", None, "true", None),
    ]
    assert staged.notices == ("sheet 'Tickets' was read, not 'About', 'Internal'",)
    lines = pl.read_parquet(tmp_path / "out.parquet")["line_no"].to_list()
    assert lines == [1, 3, 4, 6]


def test_parquet(tmp_path):
    frame = pl.DataFrame(
        {
            "id": [1, 2],
            "at": [datetime(2024, 1, 1, 12), None],
            "amount": [1.5, None],
            "tags": [["a", "b"], []],
        }
    )
    frame.with_columns(pl.col("at").dt.replace_time_zone("Europe/Berlin")).write_parquet(
        tmp_path / "rows.parquet"
    )
    staged, rows = stage(tmp_path, "rows.parquet", None)
    assert staged.names == ("id", "at", "amount", "tags")
    assert rows == [("1", "2024-01-01T11:00:00.000000Z", "1.5", "a; b"), ("2", None, None, "")]


def _zip(path, **entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


REFUSED = {
    "empty.csv": (b"", "It is empty (0 bytes). Export it again."),
    "blank.csv": (b"\xef\xbb\xbf \n\n", "It holds no text, only blanks. Export it again."),
    "login.csv": (
        b"<!DOCTYPE html><html>log in</html>",
        "It is a web page, not an export: probably a login page. Log in and download it again.",
    ),
    "old.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "It is an old Excel or Office file (.xls). Save it as .xlsx or CSV.",
    ),
    "locked.xlsx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "It is protected by a password. Save it without one and import again.",
    ),
    "half.xlsx": (
        b"PK\x03\x04half a workbook",
        "It is a broken Excel or zip file. Download it again.",
    ),
    "table.parquet": (
        b"PAR1 not really PAR1",
        "It is a broken Parquet file: parquet: File out of specification: "
        "Invalid thrift: protocol error. Write it again.",
    ),
    "store.duckdb": (
        bytes(8) + b"DUCK" + bytes(100),
        "It is a DuckDB database, which is not read as an export. Export its tables.",
    ),
    "model.pkl": (
        b"\x80\x04\x95abc",
        "It is a Python pickle, which is never opened. Save the table as CSV.",
    ),
    "page.pdf": (b"%PDF-1.7", "It is a PDF, not a table. Export the table as CSV or Excel."),
    "log.xes": (
        b'<?xml version="1.0"?><log/>',
        "It is XML, which cxkit does not read yet. Export it as CSV or Excel.",
    ),
    "noise.bin": (
        bytes([0, 7, 200]) * 300,
        "It is not a table that cxkit can read. Export it as CSV, Excel or JSON.",
    ),
    "cut.csv.gz": (
        gzip.compress(b"a,b\n" * 1000)[:-20],
        "It is a broken or cut .gz file. Download it again.",
    ),
}


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "table.parquet"])
def test_what_is_no_table_is_refused_in_plain_words(tmp_path, name):
    content, message = REFUSED[name]
    with pytest.raises(BadFile) as problem:
        stage(tmp_path, name, content)
    assert str(problem.value) == message


def test_a_broken_parquet_file_is_refused(tmp_path):
    with pytest.raises(BadFile, match=r"It is a broken Parquet file: .+\. Write it again\."):
        stage(tmp_path, "table.parquet", REFUSED["table.parquet"][0])


def test_bombs_are_refused_before_they_unpack(tmp_path):
    _zip(tmp_path / "bomb.xlsx", **{"xl/workbook.xml": b"0" * (300 << 20)})
    with pytest.raises(BadFile, match="It would unpack to 300 MB"):
        stage(tmp_path, "bomb.xlsx", None)
    with pytest.raises(BadFile, match="It unpacks to more than 100 MB"):
        stage(tmp_path, "bomb.csv.gz", gzip.compress(bytes(120 << 20), 9))


def test_a_csv_called_xlsx_is_read_as_what_it_is(tmp_path):
    staged, rows = stage(tmp_path, "fake.xlsx", "a,b\n1,2\n")
    assert staged.format == "csv"
    assert rows == [("a", "b"), ("1", "2")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a"[]{},:\\\n é')),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", 'c"', "rows"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(items=st.lists(JSON, max_size=5), indent=st.sampled_from([None, 1]), plain=st.booleans())
def test_any_json_array_is_counted_as_json_counts_it(tmp_path_factory, items, indent, plain):
    path = tmp_path_factory.mktemp("json") / "items.json"
    path.write_text(json.dumps(items, indent=indent, ensure_ascii=plain), encoding="utf-8")
    assert count.json_items(path, "utf-8", None) == len(items)
    wrapped = {"first": {"rows": [1]}, "rows": items, "last": [[], {}]}
    path.write_text(json.dumps(wrapped, indent=indent, ensure_ascii=plain), encoding="utf-8")
    assert count.json_items(path, "utf-8", "rows") == len(items)


@pytest.mark.parametrize("name", ["table.parquet", "table.xlsx"])
def test_what_other_programs_read_tells_how_far_it_is(tmp_path, monkeypatch, name):
    rows = 50_000 if name == "table.parquet" else 3_000
    frame = pl.DataFrame({"id": range(rows), "note": [f"note {n % 7}" for n in range(rows)]})
    path = tmp_path / name
    if name == "table.parquet":
        frame.write_parquet(path)
    else:
        frame.write_excel(path)
    told: list[int] = []
    monkeypatch.setattr(inbox, "listener", told.append)
    staged = records.stage(path, tmp_path / "staged.parquet", "")
    assert staged.read == staged.counted == rows + (name == "table.xlsx")
    whole = inbox.PASSES * path.stat().st_size
    assert max(told) < whole  # in several steps
    assert 0.9 * whole < sum(told) < 1.5 * whole
