"""Snapshots: published whole or not at all, read by many, closed to everything else."""

import subprocess
import sys

import duckdb
import pytest
from company import company, events, orders

from cxkit import store
from cxkit.errors import BadQuestion, CxError, NoStore, StoreBusy
from cxkit.settings import Settings
from cxkit.workspace import Workspace


def test_nothing_published_says_what_to_do(tmp_path):
    with pytest.raises(NoStore) as problem:
        store.attach(tmp_path / "shop")
    assert str(problem.value) == (
        "There is no cxkit store in 'shop'. Import a folder of exports into it first: "
        "cx.import_exports(folder, store=...)."
    )


def test_a_draft_that_is_not_published_leaves_the_store_as_it_was(tmp_path):
    company(tmp_path, orders=orders("ann 2026-01-01 10"))
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(RuntimeError), store.draft(tmp_path) as draft:
        draft.execute("delete from orders")
        raise RuntimeError
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert [p.suffix for p in (tmp_path / "snapshots").iterdir()] == [".duckdb"]
    assert not (tmp_path / "writing.lock").exists()


@pytest.mark.parametrize(
    "told",
    [
        duckdb.InterruptException("INTERRUPT Error: Interrupted!"),
        duckdb.InvalidInputException(
            "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query "
            "result\nError: INTERRUPT Error: Interrupted!"
        ),
        duckdb.InvalidInputException(
            "Invalid Input Error: counting the rows of the object registered as 'batch' failed: "
            "KeyboardInterrupt: "
        ),
        RuntimeError("Query interrupted"),
    ],
)
def test_ctrl_c_is_ctrl_c_however_duckdb_tells_of_it(tmp_path, told):
    with pytest.raises(KeyboardInterrupt), store.draft(tmp_path):
        raise told
    assert not (tmp_path / "writing.lock").exists()


def test_a_value_that_speaks_of_interruption_is_no_ctrl_c(tmp_path):
    with pytest.raises(duckdb.ConversionException), store.draft(tmp_path) as draft:
        draft.execute("select cast('Query interrupted by Ctrl-C' as integer)")


def test_a_reader_keeps_its_snapshot_while_another_is_published(tmp_path):
    first = company(tmp_path, orders=orders("ann 2026-01-01 10"))
    second = company(tmp_path, orders=orders("ann 2026-01-01 10", "bob 2026-01-02 10"))
    assert first.tables["orders"] == 1
    assert second.tables["orders"] == 2


def test_five_snapshots_stay(tmp_path):
    for day in range(1, 9):
        company(tmp_path, orders=orders(f"ann 2026-01-{day:02d} 10")).close()
    assert len(store.read_manifest(tmp_path).snapshots) == 5
    assert len(list((tmp_path / "snapshots").glob("*.duckdb"))) == 5


def test_a_snapshot_that_was_changed_is_not_opened(tmp_path):
    ws = company(tmp_path, orders=orders("ann 2026-01-01 10"))
    path = store.snapshot_path(tmp_path, ws.snapshot)
    ws.close()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(NoStore, match=r"is missing or was changed\. Import the exports again"):
        store.attach(tmp_path)


HOLD = """
import sys, time
from pathlib import Path
from cxkit import store
with store.draft(Path(sys.argv[1])) as draft:
    print("holding", flush=True)
    time.sleep(60)
"""


def test_the_place_of_a_killed_writer_is_free_and_of_a_living_one_is_not(tmp_path, monkeypatch):
    before = company(tmp_path, orders=orders("ann 2026-01-01 10"))
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"holding\n"
        assert before.tables["orders"] == 1
        monkeypatch.setattr(store, "_PATIENCE", 0.3)
        with pytest.raises(StoreBusy) as problem, store.draft(tmp_path):
            pass
        assert str(problem.value) == (
            f"Another import is writing to '{tmp_path.name}'. "
            "Wait until it has ended, then run again."
        )
        holder.kill()
    assert (tmp_path / "snapshots" / "draft.duckdb").exists()
    after = company(tmp_path, orders=orders("ann 2026-01-01 10", "bob 2026-01-02 10"))
    assert after.tables["orders"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "snapshots"]


def test_what_a_writer_that_died_left_behind_is_cleared(tmp_path):
    company(tmp_path, orders=orders("ann 2026-01-01 10"))
    before = sorted(tmp_path.rglob("*"))
    for name in ("manifest.tmp", "raw/ab.csv.77.tmp", "staged/ab.parquet.77.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    for name in ("draft.duckdb", "draft.duckdb.wal", "0123456789abcdef.duckdb"):
        (tmp_path / "snapshots" / name).write_text("half")
    (tmp_path / "snapshots" / "draft.duckdb.tmp").mkdir()
    with store.draft(tmp_path):
        pass
    after = sorted(path for path in tmp_path.rglob("*") if path.name not in ("raw", "staged"))
    assert after == before


def test_undo_steps_back_one_snapshot_at_a_time(tmp_path):
    for day in (1, 2, 3):
        company(tmp_path, orders=orders(f"ann 2026-01-0{day} {day}0")).close()
    reader = Workspace(tmp_path)
    left, now = store.step_back(tmp_path)
    assert reader.sql("select amount::double as amount from orders")["amount"][0] == 30.0
    manifest = store.read_manifest(tmp_path)
    assert (left["id"] != now["id"], manifest.current, len(manifest.snapshots)) == (True, now, 2)
    assert store.attach(tmp_path).execute("select amount::int from orders").fetchall() == [(20,)]
    assert len(list((tmp_path / "snapshots").glob("*.duckdb"))) == 2
    store.step_back(tmp_path)
    with pytest.raises(CxError) as problem:
        store.step_back(tmp_path)
    assert str(problem.value) == (
        f"There is nothing to undo in '{tmp_path.name}': it holds one import and no earlier one. "
        "To begin anew, import into another store."
    )


def test_undo_to_a_snapshot_that_was_changed_leaves_the_store_as_it_is(tmp_path):
    first = company(tmp_path, orders=orders("ann 2026-01-01 10"))
    first.close()
    company(tmp_path, orders=orders("ann 2026-01-02 20")).close()
    path = store.snapshot_path(tmp_path, first.snapshot)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(NoStore) as problem:
        store.step_back(tmp_path)
    assert str(problem.value) == (
        f"The snapshot before this one, {path.name}, is missing or was changed, so the store stays "
        "as it is. Import the right exports instead."
    )
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_the_open_door_leads_nowhere_else(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    ws = company(tmp_path / "shop", orders=orders("ann 2026-01-01 10"))
    frame = [1]  # a Python variable that SQL must not see  # noqa: F841
    for attack in (
        f"from '{secret}'",
        f"select * from read_text('{secret}')",
        f"attach '{secret}' as other",
        f"copy orders to '{secret}'",
        "install httpfs",
        "set lock_configuration = false",
        "set enable_external_access = true",
        "select * from frame",
        "delete from orders",
        "create table snapshot.mine as select 1",
    ):
        with pytest.raises(BadQuestion):
            ws.sql(attack)
    assert secret.read_text() == "a\n1\n"
    assert ws.sql("select count(*) as n from orders")["n"][0] == 1


def test_sales_leave_out_cancelled_orders_and_tell_purchases_from_refunds(tmp_path):
    told = {"bought": (5, None), "free": (0, False), "unpriced": (None, False)}
    told |= {"refund": (-5, None), "cancelled": (5, True), "cancelled refund": (-5, True)}
    rows = orders(*["ann 2026-03-31T12:00 0"] * len(told))
    for row, (name, (amount, cancelled)) in zip(rows, told.items(), strict=True):
        row |= {"order_id": name, "amount": amount, "cancelled": cancelled}
    found = company(tmp_path, orders=rows).sql(
        "select order_id, purchase, local_day(ordered_at, 'Pacific/Auckland')::varchar "
        "from sales order by purchase desc, order_id"
    )
    assert found.rows() == [
        ("bought", True, "2026-04-01"),
        ("free", True, "2026-04-01"),
        ("unpriced", True, "2026-04-01"),
        ("refund", False, "2026-04-01"),
    ]


def test_a_folder_with_a_quote_in_its_name(tmp_path):
    assert (
        company(tmp_path / "ann's shop", orders=orders("ann 2026-01-01 10")).tables["orders"] == 1
    )


def test_timeline_is_sorted_dense_and_independent_of_row_order(tmp_path):
    told = {"journey": {"stages": ["cart", "buy"]}}
    rows = events(
        "bob 2026-01-01T10:00 buy web",
        "bob 2026-01-01T10:00 cart web",
        "ann 2026-01-02T00:00 cart app",
    )
    once = company(tmp_path / "a", told, events=rows, orders=orders("cid 2026-01-05 1"))
    twice = company(tmp_path / "b", told, events=rows[::-1], orders=orders("cid 2026-01-05 1"))
    query = "select customer_key, touchpoint, rank, date_only from timeline"
    assert (
        once.sql(query).rows()
        == twice.sql(query).rows()
        == [
            (0, "cart", 0, True),
            (1, "cart", 0, False),
            (1, "buy", 1, False),
            (2, "ordered", 255, True),
        ]
    )
    kinds = once.sql(
        "select column_name, data_type from duckdb_columns() "
        "where table_name = 'timeline' and data_type like 'ENUM%'"
    )
    assert set(kinds["column_name"]) == {"touchpoint", "stage", "channel", "device"}


def test_a_date_without_a_time_is_midnight_where_the_company_is(tmp_path):
    told = {"company": {"timezone": "Europe/Berlin"}}
    rows = events("ann 2026-01-01T23:00 a", "bob 2026-01-02T00:00 a")
    ws = company(tmp_path, told, events=rows)
    assert ws.sql("select date_only from timeline order by 1 desc")["date_only"].to_list() == [
        True,
        False,
    ]


def test_a_touchpoint_of_two_stages_stands_once_on_the_timeline(tmp_path):
    told = {"journey": {"stages": ["x", "y"], "touchpoints": {"x": ["ordered"], "y": ["ordered"]}}}
    ws = company(tmp_path, told, orders=orders("ann 2026-01-01 10"))
    assert ws.sql("select stage, rank, amount from timeline").rows() == [("x", 0, 10.0)]


def test_visitors_are_kept_but_are_not_known_people(tmp_path):
    rows = [{"visitor_id": "v1", "occurred_at": "2026-01-01", "event": "visit"}]
    ws = company(tmp_path, events=rows)
    assert ws.sql("select customer_id, known from people").rows() == [("visitor:v1", False)]


def test_connect_reads_no_python_variable_and_loads_nothing():
    connection = store.connect()
    hidden = 1  # noqa: F841
    with pytest.raises(duckdb.Error):
        connection.execute("select * from hidden").fetchall()
    zone = connection.execute("select current_setting('timezone')").fetchall()
    assert zone == [("UTC",)]


def test_prepare_of_an_empty_store(tmp_path):
    ws = company(tmp_path)
    assert ws.as_of is None
    assert ws.tables["timeline"] == 0
    assert ws.settings == Settings()


@pytest.mark.parametrize("text", ["{bad", "{}", '{"snapshots": []}', '{"snapshots": [1]}'])
def test_a_damaged_manifest_is_one_sentence(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(NoStore, match=r"^manifest.json of '.*' is damaged\. Rename it and import"):
        store.read_manifest(tmp_path)
