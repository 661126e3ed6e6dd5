"""Delimited text: what a record is, and that nothing of a file is lost."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imports.helping import delimited as delimited_text

from cxkit.errors import BadFile
from cxkit.imports import count, delimited, records

COMMA = delimited.Dialect("utf-8", ",")
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=8)
NASTY = st.text(st.sampled_from('a",;\t|\n\r é'), max_size=8)


def read(tmp_path, text, encoding="utf-8", delimiter=None):
    """Return the records of a text by the reader, after holding both counts equal."""
    path = tmp_path / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    encoding = delimited.encoding_of(path)
    found = delimited.dialect_of(path, encoding)
    if delimiter:
        found = delimited.Dialect(encoding, delimiter)
    made = list(delimited.records(delimited.lines(path, encoding), found))
    assert len(made) == counted(path, found)
    return made


def counted(path, dialect):
    spelt = (dialect.encoding, dialect.delimiter, dialect.quote, dialect.escape)
    return count.delimited(path, *spelt)


def cells(tmp_path, text, **how):
    return [cells for _, _, cells, _ in read(tmp_path, text, **how)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_is_found(tmp_path, mark, end):
    table = [["id", "name", "note"], ["1", "Ann", "a"], ["2", "Bo", ""]]
    text = end.join(mark.join(row) for row in table) + end
    assert cells(tmp_path, text) == table


def test_quotes_hold_delimiters_line_ends_and_quotes(tmp_path):
    text = 'id,note\n1,"one, two"\n2,"first\nsecond\r\nthird"\n3,"say ""hi"""\n4,5" pipe\n'
    assert cells(tmp_path, text) == [
        ["id", "note"],
        ["1", "one, two"],
        ["2", "first\nsecond\r\nthird"],
        ["3", 'say "hi"'],
        ["4", '5" pipe'],
    ]


def test_records_know_their_lines(tmp_path):
    made = read(tmp_path, 'a,b\n1,"x\ny"\n2,z\n')
    assert [(line, raw) for line, raw, _, _ in made] == [
        (1, "a,b\n"),
        (2, '1,"x\ny"\n'),
        (4, "2,z\n"),
    ]


def test_an_open_quote_costs_one_record(tmp_path):
    text = 'id,score,note\n1,9,"fine, thanks"\n2,5,"never closed, sorry\n3,7,"fine, thanks"\n'
    made = read(tmp_path, text)
    assert [(cells[0], fault) for _, _, cells, fault in made] == [
        ("id", None),
        ("1", None),
        ("2", "open quote"),
        ("3", None),
    ]
    assert made[3][2] == ["3", "7", "fine, thanks"]


def test_stray_quotes_stay_in_the_text(tmp_path):
    made = read(tmp_path, 'id,note\n1,"He said "hi" to me"\n2,plain\n')
    assert made[1][2:] == (["1", 'He said "hi" to me'], "stray quote")


def test_a_quoted_cell_ends_after_so_many_lines(tmp_path):
    long = "\n".join(["x"] * (delimited.LONGEST_CELL + 1))
    assert len(read(tmp_path, f'a,b\n1,"{long}"\n', delimiter=",")) == 2
    longer = long + "\nx"
    made = read(tmp_path, f'a,b\n1,"{longer}"\n', delimiter=",")
    assert made[1][3] == "open quote"
    assert len(made) == delimited.LONGEST_CELL + 3


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_every_encoding_is_found(tmp_path, encoding, found):
    path = tmp_path / "file.csv"
    path.write_bytes("id,name\n1,Grüße\n2,Zoë\n".encode(encoding))
    assert delimited.encoding_of(path) == found
    made = cells(tmp_path, path.read_bytes())
    assert made == [["id", "name"], ["1", "Grüße"], ["2", "Zoë"]]


def test_a_long_line_and_a_nul_arrive(tmp_path):
    long = "x" * 3_000_000
    made = cells(tmp_path, f'id,note\n1,{long}\n2,"{long}"\n3,a\x00b\n')
    assert made[1:] == [["1", long], ["2", long], ["3", "a\x00b"]]


def test_sep_line_names_the_delimiter(tmp_path):
    assert cells(tmp_path, "sep=;\na;b,c\n1;2,5\n")[1:] == [["a", "b,c"], ["1", "2,5"]]


@given(
    table=st.lists(st.lists(TEXT | NASTY, min_size=2, max_size=4), min_size=1, max_size=8),
    mark=st.sampled_from([",", ";", "\t", "|"]),
    quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(tmp_path_factory, table, mark, quoted, end, encoding):
    """Cells come back to the letter, whatever they hold and however they are written."""
    text = delimited_text(table, mark, end, quoted)
    path = tmp_path_factory.mktemp("written")
    assert cells(path, text, encoding=encoding, delimiter=mark) == table


@given(text=st.text(st.sampled_from('ab",\n\r'), max_size=60))
@example('"\n"\r\n,"a""\n"')
@example('a,"b\n"c\n')
def test_any_text_is_kept_whole_and_counted_alike(tmp_path_factory, text):
    """However broken: the records joined are the file, and both counts agree."""
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_text(text, encoding="utf-8", newline="")
    made = list(delimited.records(delimited.lines(path, "utf-8"), COMMA))
    assert "".join(raw for _, raw, _, _ in made) == text
    assert len(made) == count.delimited(path, "utf-8", ",")


@given(rows=st.integers(0, 4200))
def test_batches_lose_no_record(tmp_path_factory, rows):
    """The reader works in batches; the border between two of them holds every record."""
    folder = tmp_path_factory.mktemp("many")
    path = folder / "file.csv"
    path.write_text("n,m\n" + "".join(f"{n},x\n" for n in range(rows)), encoding="utf-8")
    staged = records.stage(path, folder / "out.parquet", "hash")
    assert (staged.read, staged.counted) == (rows + 1, rows + 1)


@pytest.mark.parametrize(
    ("text", "found", "record"),
    [
        ("id name note\n1 Ann 'a b'\n2 Bo ok\n3 Cy 'c d'\n", (" ", "'", ""), ["1", "Ann", "a b"]),
        ("id, name, note\n1, Ann, a\n2, Bo, b\n", (", ", '"', ""), ["1", "Ann", "a"]),
        ("id||name\n1||Ann\n2||Bo\n", ("||", '"', ""), ["1", "Ann"]),
        ("'id','note'\n'1','a, b'\n'2','c'\n", (",", "'", ""), ["1", "a, b"]),
        ('id,note\n1,"say \\"hi\\", she"\n2,b\n', (",", '"', "\\"), ["1", 'say "hi", she']),
        ('id,note\n1,"C:\\dir\\"\n2,"b"\n', (",", '"', ""), ["1", "C:\\dir\\"]),
        ("id;price\n1;2,50\n2;3,75\n", (";", '"', ""), ["1", "2,50"]),
        ("id,note\n1,'tis\n2,it's\n", (",", '"', ""), ["1", "'tis"]),
        ("at\n2024-01-01 10:00:00\n2024-01-02 11:00:00\n", (",", '"', ""), ["2024-01-01 10:00:00"]),
    ],
)
def test_the_dialect_is_found_with_no_parameters(tmp_path, text, found, record):
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8", newline="")
    dialect = delimited.dialect_of(path, "utf-8")
    assert (dialect.delimiter, dialect.quote, dialect.escape) == found
    assert records.read_records(path)[1][0] == record


def test_the_dialect_comes_from_the_whole_file(tmp_path):
    """A long head of one column decides nothing about what stands below it."""
    path = tmp_path / "file.csv"
    head = "".join(f"# comment, number {n}\n" for n in range(20_000))
    body = "".join(f"{n};Ann {n};{n}\n" for n in range(400_000))
    path.write_text(head + "id;name;n\n" + body, encoding="utf-8")
    assert delimited.dialect_of(path, "utf-8").delimiter == ";"


def test_a_few_broken_letters_do_not_spoil_the_others(tmp_path):
    path = tmp_path / "file.csv"
    path.write_bytes(b"id,name\n" + "1,Zoë é ü ñ\n".encode() * 3 + b"2,Gr\xfc\xdfe\n")
    assert delimited.encoding_of(path) == "utf-8+cp1252"
    made = cells(tmp_path, path.read_bytes())
    assert made[1:] == [["1", "Zoë é ü ñ"]] * 3 + [["2", "Grüße"]]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_in_any_alphabet(tmp_path, encoding):
    path = tmp_path / "file.csv"
    path.write_bytes("номер;имя\n1;Анна\n2;Борис\n".encode(encoding))
    assert delimited.encoding_of(path) == encoding


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_quick_and_the_careful_way_stage_the_same(tmp_path, monkeypatch, quoted, end):
    """DuckDB reads the well-formed stretches; a short row and an open quote stand between."""
    monkeypatch.setattr(records, "_WORTH_IT", 1 << 10)
    used = []
    read = records._Duck.read
    monkeypatch.setattr(
        records._Duck, "read", lambda self, piece: used.append(read(self, piece)) or used[-1]
    )
    rows = [[str(n), f"say {n}, or\nnot", "é", ""] for n in range(4000)]
    text = delimited_text([["a", "b", "c", "d"], *rows], ",", end, quoted)
    middle = text.index("1500" + '"' * quoted + ",")
    middle = text.rindex(end, 0, middle) + len(end)
    text = text[:middle] + f'short,1{end}1,"open,2,3{end}x,y,z,{end}' + text[middle:]
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode())
    dialect = delimited.dialect_of(path, "utf-8")
    careful = pl.concat(list(records.careful(path, dialect, 4)))
    quick = pl.concat(list(records._quick(path, dialect, 4, 4)))
    assert quick.equals(careful)
    if end != "\r":  # DuckDB does not tell such an end from a line end inside quotes
        assert sum(frame.height for frame in used if frame is not None) > 3000
    faults = careful.filter(pl.col("fault").is_not_null())
    assert faults["raw_text"].to_list() == [f'1,"open,2,3{end}']
    assert careful.height == 4000 + 4


def test_a_staged_record_is_found_to_the_letter(tmp_path):
    text = 'id,note\r\n1,"a\nb"\r\n"2",c\n3,""\r\n'
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode("utf-16"))
    staged = records.stage(path, tmp_path / "out.parquet", "hash")
    lines = pl.read_parquet(tmp_path / "out.parquet")["line_no"].to_list()
    assert lines == [1, 2, 4, 5]
    assert records.Wording(path, staged).of(lines) == [
        "id,note\r\n", '1,"a\nb"\r\n', '"2",c\n', '3,""\r\n',
    ]  # fmt: skip
    assert records.Wording(path, staged).of([4]) == ['"2",c\n']


def test_a_line_without_end_is_no_table(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_LARGEST_RECORD", 1 << 16)
    path = tmp_path / "file.csv"
    path.write_text("a,b\n1,2\n" + "x" * (1 << 17), encoding="utf-8")
    with pytest.raises(BadFile, match=r"^Line 3 is longer than .+ Export it again as CSV\.$"):
        records.stage(path, tmp_path / "out.parquet", "hash")
