"""Each way in which a file can be spoilt ends in a full load, or in one plain message."""

import gzip
import io
import zipfile

import polars as pl
import pytest
from imports.helping import EVENTS, account, adds_up, note, rows, take_in

ROWS = [(f"u{n}", f"2024-03-{n + 1:02} 10:00:00", "paid") for n in range(9)]
LINES = ["user,at,event", *(",".join(row) for row in ROWS)]
PLAIN = "\n".join(LINES) + "\n"
QUOTED = PLAIN.replace("paid", '"paid"')


def spoilt(place: int, line: str) -> str:
    return "\n".join([*LINES[:place], line, *LINES[place:]]) + "\n"


def packed(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return held.getvalue()


def half_parquet() -> bytes:
    held = io.BytesIO()
    pl.DataFrame({"user": ["a"] * 1000}).write_parquet(held)
    return held.getvalue()[:200]


# content, (records, loaded, set_aside, duplicate, skipped), what the note says
LOADED = {
    "short row": (spoilt(5, "u77,2024-03-01 10:00:00"), (11, 9, 1, 0, 1), "line 6: too few cells"),
    "long row": (spoilt(5, "u77,2024-03-01 10:00:00,a,b"), (11, 9, 1, 0, 1), "line 6: too many"),
    "quote open early": (
        QUOTED.replace('"paid"', '"paid', 1), (10, 8, 1, 0, 1), "line 2: open quote",
    ),
    "quote open late": (
        QUOTED[::-1].replace('"', "", 1)[::-1], (10, 8, 1, 0, 1), "line 10: open quote",
    ),
    "preamble": ("Report\nfrom March\n\n" + PLAIN, (13, 9, 0, 0, 4), ""),
    "latin-1": (
        PLAIN.replace("paid", "réglé").encode("cp1252"), (10, 9, 0, 0, 1), "Windows-1252",
    ),
    "utf-16 mark": (PLAIN.encode("utf-16"), (10, 9, 0, 0, 1), ""),
    "utf-16-le": (PLAIN.encode("utf-16-le"), (10, 9, 0, 0, 1), ""),
    "utf-16-be": (PLAIN.encode("utf-16-be"), (10, 9, 0, 0, 1), ""),
    "mixed ends": (PLAIN.replace("\n", "\r\n", 4), (10, 9, 0, 0, 1), ""),
    "CR only": (PLAIN.replace("\n", "\r"), (10, 9, 0, 0, 1), ""),
    "sep line": ("sep=,\n" + PLAIN, (11, 9, 0, 0, 2), ""),
    "cut off": (PLAIN[:-12], (10, 8, 1, 0, 1), "line 10: cut off"),
    "BOM header only": (
        b"\xef\xbb\xbfuser,at,event\n", (1, 0, 0, 0, 1), "It has a header and no rows",
    ),
    "long line": (
        spoilt(5, "u77,2024-03-01 10:00:00," + "x" * 3_000_000), (11, 10, 0, 0, 1), "",
    ),
    "repeated header": (spoilt(5, LINES[0]), (11, 9, 0, 0, 2), "repeated header"),
    "footer": (PLAIN + "Total,,9\n", (11, 9, 0, 0, 2), "footer"),
    "NUL": (spoilt(5, "u77,2024-03-01 10:00:00,a\x00b"), (11, 10, 0, 0, 1), ""),
    "double header": (PLAIN.replace("event", "event,event", 1).replace("paid", "paid,x"),
                      (10, 9, 0, 0, 1), ""),
    "empty header": (PLAIN.replace("event", "event,", 1).replace("paid", "paid,x"),
                     (10, 9, 0, 0, 1), "called 'column 4' by place"),
    "hash row": (spoilt(5, "#7,2024-03-01 10:00:00,seen"), (11, 10, 0, 0, 1), ""),
    "backslash quotes": (
        PLAIN.replace("paid", '"said \\"hi\\", then"'), (10, 9, 0, 0, 1), "",
    ),
}  # fmt: skip

REFUSED = {
    "empty": (b"", "It is empty (0 bytes). Export it again."),
    "BOM only": (b"\xef\xbb\xbf", "It holds no text, only blanks. Export it again."),
    "login": (b"\n <!-- x -->\n<html><body>Sign in</body></html>", "It is a web page"),
    "locked zip": (
        packed("a.csv", b"a,b\n1,2\n").replace(b"\x14\x00\x00\x00\x08", b"\x14\x00\x01\x00\x08"),
        "It is protected by a password. Save it without one and import again.",
    ),
    "fake workbook": (
        packed("xl/workbook.xml", b"no workbook"), "Excel cannot have written it",
    ),
    "cut gz": (gzip.compress(PLAIN.encode() * 99)[:-9], "It is a broken or cut .gz file."),
    "packed twice": (gzip.compress(gzip.compress(PLAIN.encode())), "It is a packed file inside"),
    "half parquet": (half_parquet(), "It is a broken Parquet file"),
    "duckdb": (bytes(8) + b"DUCK" + bytes(99), "It is a DuckDB database"),
    "pickle": (b"\x80\x04\x95abc", "It is a Python pickle, which is never opened."),
    "seven zip": (b"7z\xbc\xaf\x27\x1c" + bytes(99), "It is a 7z archive."),
}  # fmt: skip


@pytest.mark.parametrize("name", LOADED)
def test_a_spoilt_file_loads_all_that_is_whole(tmp_path, name):
    content, expected, said = LOADED[name]
    result = take_in(tmp_path, EVENTS, file_csv=content)
    assert account(result, "file.csv") == expected
    assert adds_up(result)
    assert said in note(result, "file.csv")
    whole = rows(tmp_path, "select count(distinct customer_id) from events where event <> 'x'")
    assert whole[0][0] >= expected[1] - (name == "long line")


def test_what_is_no_table_leaves_the_rest_alone(tmp_path):
    files = {f"{name.replace(' ', '')}_csv": content for name, (content, _) in REFUSED.items()}
    result = take_in(tmp_path, EVENTS, good_csv=PLAIN, **files)
    assert account(result, "good.csv") == (10, 9, 0, 0, 1)
    for name, (_, said) in REFUSED.items():
        file = f"{name.replace(' ', '')}.csv"
        assert account(result, file) == (0, 0, 0, 0, 0)
        assert note(result, file).startswith(said), note(result, file)
        assert note(result, file).count(". ") <= 1
