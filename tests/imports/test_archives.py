"""A zip archive of one table, or of pieces of one, is read as one file; nothing is unpacked."""

import gzip
import io
import json
import zipfile

import pytest
from imports.helping import EVENTS, account, adds_up, note, rows, take_in

from cxkit.imports import inbox, records

HEADER = "user,at,event\n"


def lines(*numbers: int) -> str:
    return "".join(f"u{n},2024-01-{n:02} 10:00:00,paid\n" for n in numbers)


def packed(**members: bytes | str) -> bytes:
    """Return a zip archive; `a_csv=` becomes `a.csv`."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(".".join(name.rsplit("_", 1)), content)
    return held.getvalue()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def repacked(data: bytes) -> bytes:
    """Name a way of packing that nobody has in both places where an archive names it."""
    return data.replace(b"\x08\x00", b"\x63\x00")


def loaded(folder):
    return [n for (n,) in rows(folder, "select customer_id from events order by 1")]


def test_an_archive_of_one_table_is_that_table(tmp_path):
    archive = packed(export_csv=HEADER + lines(1, 2, 3))
    result = take_in(tmp_path, EVENTS, all_zip=archive)
    assert account(result, "all.zip") == (4, 3, 0, 0, 1)
    assert "archive" not in note(result, "all.zip")
    (raw,) = (tmp_path / "store" / "raw").iterdir()
    assert (raw.suffix, raw.read_bytes()) == (".zip", archive)
    again = take_in(tmp_path, EVENTS, all_zip=archive)
    assert again.finding.endswith("Nothing has changed since the last import.")


def test_pieces_of_one_table_are_one_file_whatever_their_ends_and_marks(tmp_path):
    archive = packed(
        **{
            "in/b_csv": b"\xef\xbb\xbf" + (HEADER + lines(3, 4)).encode(),
            "in/a_csv": (HEADER + lines(1, 2)).rstrip("\n"),
            "in/c_csv": gzip.compress((HEADER + lines(5) + "u9,soon,paid\nu8,x\n").encode()),
            "__MACOSX/in/._a_csv": b"\x00\x05\x16\x07",
            "in/d_csv": b"",
        }
    )
    result = take_in(tmp_path, EVENTS, all_zip=archive)
    # three headers, a cell that is no date, a line that breaks off
    assert account(result, "all.zip") == (10, 5, 2, 0, 3)
    assert adds_up(result)
    assert loaded(tmp_path) == ["u1", "u2", "u3", "u4", "u5"]
    assert note(result, "all.zip").startswith(
        "Mapped as confirmed in cx.toml. 3 files of the archive were read one after another, from "
        "'in/a.csv' to 'in/c.csv', and lines are counted through all of them"
    )
    assert rows(tmp_path, "select line_no, raw_text, reason from set_aside order by 1") == [
        (9, "u9,soon,paid\n", "not a date"),
        (10, "u8,x\n", "too few cells"),
    ]


def test_hours_of_an_event_export_are_one_file(tmp_path):
    def hour(n: int) -> bytes:
        events = [
            {
                "$insert_id": f"{n}-{i}", "event_type": "visited", "user_id": f"u{i}",
                "event_time": f"2024-01-05 {n:02}:00:00.000000", "amplitude_id": i,
                "device_id": "d", "server_upload_time": "2024-01-06 00:00:00.000000",
                "uuid": f"{n}{i}",
            }
            for i in range(3)
        ]  # fmt: skip
        return gzip.compress("".join(json.dumps(event) + "\n" for event in events).encode())

    hours = {f"186__186_2024-01-05_{n:02}#0.json_gz": hour(n) for n in range(24)}
    result = take_in(tmp_path, export_zip=packed(**hours))
    assert account(result, "export.zip") == (72, 72, 0, 0, 0)
    assert result.table["recipe"].to_list() == ["Amplitude events"]
    assert rows(tmp_path, "select count(*), count(distinct occurred_at) from events") == [(72, 24)]


REFUSED = {
    "two tables": (
        packed(a_csv=HEADER, b_csv="id,total\n1,2\n"),
        "It is a zip archive of tables that differ in their columns. "
        "Unpack it and import the files inside.",
    ),
    "two arrays": (packed(a_json='[{"a": 1}]', b_json='[{"a": 1}]'), "It is a zip archive of tab"),
    "a picture": (
        packed(a_csv=HEADER, b_png=b"\x89PNG..."),
        "It is a zip archive that holds more than text. Unpack it and import the files inside.",
    ),
    "an archive": (packed(a_zip=packed(a_csv=HEADER)), "It is a zip archive that holds more than"),
    "nothing": (packed(), "It is a zip archive that holds no text."),
    "only blanks": (packed(a_csv=" \n"), "It is a zip archive that holds no text."),
    "a login page": (packed(a_csv="<html><body>Sign in"), "It is a web page, not an export"),
    "cut": (packed(a_csv=HEADER + lines(1))[:-30], "It is a broken Excel or zip file."),
    "one bit": (
        flipped(packed(a_csv=HEADER + lines(1)), 45), "It is a broken zip archive.",
    ),
    "another way of packing": (
        repacked(packed(a_csv=HEADER + lines(1))), "It is a zip archive packed in an unusual way.",
    ),
    "a bomb": (packed(a_csv=bytes(120 << 20)), "It would unpack to 120 MB"),
    "a bomb in gzip": (
        packed(a_csv=gzip.compress(HEADER.encode() + b"\n" * (120 << 20), 9)),
        "It unpacks to more than 100 MB",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_archives_end_in_one_sentence_and_one_step(tmp_path, name):
    content, said = REFUSED[name]
    result = take_in(tmp_path, EVENTS, good_csv=HEADER + lines(1), bad_zip=content)
    assert account(result, "good.csv") == (2, 1, 0, 0, 1)
    assert account(result, "bad.zip") == (0, 0, 0, 0, 0)
    assert note(result, "bad.zip").startswith(said), note(result, "bad.zip")
    assert note(result, "bad.zip").count(". ") <= 1


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inbox, "_MOST_MEMBERS", 2)
    path = tmp_path / "all.zip"
    path.write_bytes(packed(a_csv=HEADER, b_csv=HEADER, c_csv=HEADER))
    with pytest.raises(inbox.BadFile, match="It is a zip archive of 3 files"):
        inbox.identify(path)


def test_the_names_inside_an_archive_reach_no_file(tmp_path):
    path = tmp_path / "in" / "all.zip"
    path.parent.mkdir()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("../../outside.csv", HEADER + lines(1))
        archive.writestr("/etc/outside.csv", HEADER + lines(2))
    path.write_bytes(held.getvalue())
    staged = records.stage(path, tmp_path / "in" / "staged.parquet", "")
    assert (staged.read, staged.counted) == (4, 4)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "all.zip", "in", "staged.json", "staged.parquet",
    ]  # fmt: skip
