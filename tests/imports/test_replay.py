"""What was set aside comes out as a file, and in again once what was wrong is mended."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from imports.helping import EVENTS, account, note, rows, take_in, write

import cxkit as cx
from cxkit import settings, store
from cxkit.cli import main
from cxkit.errors import CxError, NoStore
from cxkit.imports import confirm_mapping, import_exports, sources

PROVEN = "user,at,event\nann,2024-01-05,visited\nbo,2024-01-06,bought\n"
UNCLEAR = "user,at,event\nann,03/04/2024,visited\nbo,=cmd,visited\ncy,05/05/2024,visited\n"


def test_a_mended_setting_takes_rows_in_without_the_folder(tmp_path):
    take_in(tmp_path, EVENTS, log_csv=UNCLEAR)
    home = tmp_path / "store"
    assert rows(tmp_path, "select record_no, reason from set_aside order by 1") == [
        (2, "day or month first"),
        (3, "not a date"),
    ]
    assert cx.replay(home).finding == (
        "Nothing has changed since the last import: no recipe, mapping or setting is another. "
        "2 records stay set aside."
    )
    confirm_mapping(
        home, tmp_path / "exports" / "log.csv", EVENTS, formats={"occurred_at": "day first"}
    )
    (tmp_path / "exports" / "log.csv").unlink()
    result = cx.replay(home)
    assert result.finding == (
        "Of 2 records that were set aside, 1 is taken in now. 1 record stays set aside."
    )
    assert account(result, "log.csv") == (4, 2, 1, 0, 1)
    assert result.table["taken_in"].to_list() == [1]
    assert rows(tmp_path, "select min(occurred_at)::date::text from events") == [("2024-04-03",)]
    assert cx.undo(home).finding == (
        "The import before the last is current again: 1 file with 1 loaded record, "
        "up to 05 May 2024."
    )
    assert rows(tmp_path, "select count(*) from set_aside") == [(2,)]


def test_a_mapping_takes_in_a_file_that_nobody_knew(tmp_path):
    take_in(tmp_path, what_csv="who,when,did\nann,2024-01-05,visited\nbo,2024-01-06,bought\n")
    mapping = {"events": {"customer_id": "who", "occurred_at": "when", "event": "did"}}
    confirm_mapping(tmp_path / "store", tmp_path / "exports" / "what.csv", mapping)
    result = cx.replay(tmp_path / "store")
    assert account(result, "what.csv") == (3, 2, 0, 0, 1)


def test_nothing_to_replay_or_undo_says_so(tmp_path):
    for again in (cx.replay, cx.undo):
        with pytest.raises(NoStore) as problem:
            again(tmp_path / "shop")
        assert str(problem.value) == (
            "There is no cxkit store in 'shop'. Import a folder of exports into it first: "
            "cx.import_exports(folder, store=...)."
        )
    assert list(tmp_path.iterdir()) == []


def test_rows_that_come_late_are_said_aloud(tmp_path):
    log = "user,at,event\nann,2024-02-05,visited\n"
    take_in(tmp_path, EVENTS, log_csv=log)
    late = "user,at,event\nann,2024-02-05,visited\nbo,2024-01-06,visited\ncy,2024-03-01,visited\n"
    result = take_in(tmp_path, log_csv=log, more_csv=late)
    assert result.caveats == (
        "1 row is late (1 in events): older than rows of an earlier import, "
        "so numbers of past days have changed.",
    )
    assert store.read_manifest(tmp_path / "store").current["late"] == {"events": 1}
    assert import_exports(tmp_path / "exports", store=tmp_path / "store").caveats == ()


def test_undo_takes_names_back_too(tmp_path):
    log = "user,at,event\nann,2024-02-05,visited\n"
    take_in(tmp_path, EVENTS, log_csv=log)
    import_exports(write(tmp_path / "b", a_csv=log), store=tmp_path / "store")
    assert rows(tmp_path, "select source_file from files") == [("a.csv",)]
    result = cx.undo(tmp_path / "store")
    assert result.caveats == ("cx.toml stays as it is: the next import follows it.",)
    again = import_exports(tmp_path / "exports", store=tmp_path / "store")
    assert again.finding.endswith("Nothing has changed since the last import.")
    assert rows(tmp_path, "select source_file from files") == [("log.csv",)]
    with pytest.raises(CxError, match="There is nothing to undo in 'store'"):
        cx.undo(tmp_path / "store")


def test_a_replay_reads_again_what_could_not_be_read(tmp_path):
    """A download that was cut is refused; nothing but another file can mend it."""
    take_in(tmp_path, EVENTS, log_csv=UNCLEAR, cut_parquet=b"PAR1 and no more")
    settings.keep(tmp_path / "store", {"company": {"timezone": "Europe/Berlin"}})
    result = cx.replay(tmp_path / "store")
    assert note(result, "cut.parquet").startswith("It is a broken Parquet file: ")


def test_in_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    take_in(tmp_path, EVENTS, log_csv=UNCLEAR)
    assert main(["export", "store"]) == 0
    with (tmp_path / "exported" / "set_aside.csv").open(encoding="utf-8-sig", newline="") as file:
        second = list(csv.DictReader(file))[1]
    assert (tmp_path / "exported" / "set_aside.xlsx").is_file()
    assert {name: second[name] for name in second if name != "sha256"} == {
        "source_file": "log.csv",
        "record_no": "3",
        "line_no": "3",
        "raw_text": "bo,=cmd,visited\n",
        "column_name": "at",
        "value": "'=cmd",
        "reason": "not a date",
        "hint": "Write it as 2024-12-31 23:59, or say the column's format in cx.toml.",
    }
    confirm_mapping("store", "exports/log.csv", EVENTS, formats={"occurred_at": "day first"})
    capsys.readouterr()
    assert main(["import", "--replay", "store"]) == 0
    assert "1 is taken in now. 1 record stays set aside.\n" in capsys.readouterr().out
    assert main(["undo", "--store", "store"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "The import before the last is current again: 1 file with 1 loaded record, "
        "up to 05 May 2024.",
        "! cx.toml stays as it is: the next import follows it.",
        "The store: store",
    ]
    for words, said in (
        (["import"], "Say which folder or file to import: import FOLDER --store STORE.\n"),
        (
            ["import", "--replay"],
            "A replay needs one store and no folder: import --replay STORE.\n",
        ),
    ):
        assert main(words) == 2
        assert capsys.readouterr().err == said


def test_another_cxkit_makes_the_rows_anew(tmp_path, monkeypatch):
    take_in(tmp_path, EVENTS, log_csv=PROVEN)
    home = tmp_path / "store"
    (first,) = store.read_manifest(home).snapshots
    assert cx.replay(home).finding.startswith("Nothing has changed")
    package = tmp_path / "cxkit"
    shutil.copytree(Path(sources.__file__).parents[1], package)
    asked = sources.code_of
    assert asked(package) == asked(Path(sources.__file__).parents[1])
    for name in ("imports/quirks.py", "imports/recipes/zendesk.toml", "prepare.sql", "schema.py"):
        before = asked.__wrapped__(package)
        with (package / name).open("a") as file:
            file.write("\n")
        assert asked.__wrapped__(package) != before, name
    with (package / "charts.py").open("a") as file:
        file.write("\n")  # decides nothing about rows
    after = asked.__wrapped__(package)
    monkeypatch.setattr(sources, "code_of", lambda _: after)
    assert not cx.replay(home).finding.startswith("Nothing has changed")
    assert store.read_manifest(home).current["basis"] != first["basis"]
    assert cx.replay(home).finding.startswith("Nothing has changed")


def test_what_another_reader_staged_is_staged_again(tmp_path, monkeypatch):
    take_in(tmp_path, EVENTS, log_csv=PROVEN)
    (facts,) = (tmp_path / "store" / "staged").glob("*.json")
    told = json.loads(facts.read_text())
    facts.write_text(json.dumps({**told, "read": 0, "reader": "of before"}))
    cx.replay(tmp_path / "store")
    assert json.loads(facts.read_text()) == told
