"""Delimited text: what a record is, and that nothing of a file is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imports.helping import delimited as delimited_text

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
