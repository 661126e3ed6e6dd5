"""What a person in a terminal reads: one sentence and an exit code, never a traceback."""

import csv
from pathlib import Path

import pytest
from company import company, orders

from cxkit import __version__
from cxkit.cli import lab_command, main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, what it said and what it complained of."""
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse leaves this way
        code = int(stop.code or 0)
    heard = capsys.readouterr()
    return code, heard.out, heard.err


@pytest.fixture
def store(tmp_path: Path) -> Path:
    company(tmp_path / "stores" / "tea", orders=orders("ann 2026-03-01 20.00"))
    return Path("stores/tea")


def test_a_store_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "report", "--store", "stores/none") == (
        2,
        "",
        "There is no cxkit store in 'none'. "
        "Import a folder of exports into it first: cx.import_exports(folder, store=...).\n",
    )


def test_a_day_that_is_not_a_date(capsys: pytest.CaptureFixture[str], store: Path) -> None:
    assert told(capsys, "report", "--store", str(store), "--as-of", "28/6/26") == (
        2,
        "",
        "as_of is '28/6/26', which is not a date. Write it as 2026-06-28.\n",
    )


def test_a_folder_that_is_not_there_leaves_nothing_behind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = told(capsys, "report", "exports")
    assert (code, out) == (2, "")
    assert "exports" in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_two_folders_of_one_name_are_kept_apart(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for client in ("a", "b"):
        (tmp_path / client / "exports").mkdir(parents=True)
    told(capsys, "import", "a/exports")
    code, _, err = told(capsys, "import", "b/exports")
    assert (code, err) == (
        2,
        f"'{Path('stores/exports')}' holds the exports of another folder, "
        f"{tmp_path / 'a' / 'exports'}. Name a store for this one: --store stores/b-exports.\n",
    )


def test_an_argument_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "report", "--fast")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "cxkit: error: this is not known: --fast"


def test_what_nobody_foresaw_is_one_sentence_and_a_log(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "manifest.json").write_text('{"snapshots": [{}]}')
    assert told(capsys, "export", "stores", "--out", "tables") == (
        3,
        "",
        "Something that cxkit did not expect (KeyError). The details are in cxkit-error.log: "
        "please send that file to whoever looks after cxkit.\n",
    )
    assert "KeyError: 'id'" in (tmp_path / "cxkit-error.log").read_text(encoding="utf-8")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "--version") == (0, f"cxkit {__version__}\n", "")


@pytest.mark.parametrize("command", ["report", "import", "lab", "demo", "doctor", "export", "test"])
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = told(capsys, command, "--help")
    assert code == 0
    assert f"examples:\n  python3 -m cxkit {command}" in out


def test_import_says_where_every_record_went(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,amount\n1,ann,2026-03-01 10:00,5.00\n2,,2026-03-01,1.00\n"
    )
    code, out, _ = told(capsys, "import", "data")
    assert code == 0
    assert "orders.csv: " in out and " records = 1 loaded + 1 set aside + 0 duplicate + " in out
    assert out.splitlines()[-1] == f"The store: {Path('stores/data')}"


def test_export_writes_guarded_tables(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    code, out, _ = told(capsys, "export", str(store), "--out", "tables")
    assert (code, out.splitlines()) == (0, ["orders.csv: 1 row", "The tables: tables"])
    with (tmp_path / "tables" / "orders.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["order_id"], row["amount"]) == ("o1", "20.0")
    assert (tmp_path / "tables" / "set_aside.xlsx").is_file()


def test_the_doctor_finds_a_changed_file(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    code, out, _ = told(capsys, "doctor")
    assert code == 0
    assert out.splitlines()[-2:] == [
        f"ok    {store}: every raw file and snapshot is as it was written",
        f"ok    {store}: the settings are valid",
    ]
    snapshot = next((tmp_path / store / "snapshots").glob("*.duckdb"))
    with snapshot.open("ab") as file:
        file.write(b"x")
    (tmp_path / store / "cx.toml").write_text("[company]\ntimezone = 'Mars'\n")
    code, out, _ = told(capsys, "doctor", "--store", str(store))
    assert code == 1
    assert out.splitlines()[-2:] == [
        f"MEND  {store / 'snapshots' / snapshot.name} is missing or was changed. "
        "Import the exports again.",
        "MEND  cx.toml: company.timezone is 'Mars', not an IANA zone name. Mend it and run again.",
    ]


def test_lab_stays_on_this_machine_and_asks_nobody(tmp_path: Path) -> None:
    command, environment = lab_command(tmp_path / "settings")
    assert "--ip=127.0.0.1" in command
    assert "--LabApp.extension_manager=readonly" in command
    assert environment["JUPYTER_CONFIG_PATH"].startswith(str(tmp_path / "settings"))


def test_demo_writes_exports_that_can_be_reported_on(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "made"), "--profile", "small", "--null"]) == 0
    exports = tmp_path / "made" / "exports"
    assert capsys.readouterr().out == (
        f"The exports: {exports}. Now: python3 -m cxkit report {exports}\n"
    )
    assert len(list(exports.iterdir())) == 9
    assert (tmp_path / "made" / "truth.json").is_file()
