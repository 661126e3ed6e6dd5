"""A folder of exports in, one snapshot out: every record accounted for, whatever the order."""

import itertools
from datetime import datetime as dt

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imports.helping import EVENTS, account, adds_up, delimited, note, rows, take_in, write

from cxkit import settings, store
from cxkit.errors import BadFile, BadRecipe, CxError
from cxkit.imports import confirm_mapping, guess_mapping, import_exports, inbox, publish

LOG = "user,at,event\nann,2024-01-05 10:00:00,visited\nbo,2024-01-06 11:00:00,bought\n"


def test_a_mapped_file_becomes_a_timeline(tmp_path):
    result = take_in(tmp_path, EVENTS, log_csv=LOG)
    assert account(result, "log.csv") == (3, 2, 0, 0, 1)
    assert result.question == "Did every row arrive?"
    assert result.finding == (
        "All 3 records of 1 file are accounted for: 2 loaded, 0 set aside, 0 duplicate, 1 skipped."
    )
    assert result.n == 3
    assert result.as_of == dt(2024, 1, 6, 11)
    assert rows(tmp_path, "select customer_id, occurred_at, event from events order by 1") == [
        ("ann", dt(2024, 1, 5, 10), "visited"),
        ("bo", dt(2024, 1, 6, 11), "bought"),
    ]
    assert rows(tmp_path, "select customer_id, known from people order by 1") == [
        ("ann", True),
        ("bo", True),
    ]


def test_the_same_folder_again_changes_nothing(tmp_path):
    first = take_in(tmp_path, EVENTS, log_csv=LOG)
    before = {p: p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file()}
    again = import_exports(tmp_path / "exports", store=tmp_path / "store")
    assert {p: p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file()} == before
    assert again.table.equals(first.table)
    assert again.finding == first.finding + " Nothing has changed since the last import."


def test_a_mapping_is_kept_for_next_month(tmp_path):
    take_in(tmp_path, EVENTS, log_csv=LOG)
    later = "user,at,event\nann,2024-02-05 10:00:00,bought\n"
    result = take_in(tmp_path, log_csv=LOG, february_csv=later)
    assert account(result, "february.csv") == (2, 1, 0, 0, 1)
    assert note(result, "february.csv").startswith("Mapped as confirmed in cx.toml.")
    assert rows(tmp_path, "select count(*) from events") == [(3,)]


def test_what_is_wrong_with_one_file_does_not_stop_the_others(tmp_path):
    result = take_in(
        tmp_path,
        EVENTS,
        log_csv=LOG,
        empty_csv="",
        header_csv="user,at,event\n",
        page_csv="<html>Log in</html>",
        foreign_csv="city,height\nOslo,12\n",
        broken_csv='user,at,event\ncy,2024-01-05,visited\ndi,"2024-01-06,bought\n',
        cut_csv="user,at,event\ned,2024-01-05,visited\nflo,2024-01",
        names_csv="1,2\n3,4\n",
    )
    assert adds_up(result)
    found = {row["file"]: (row["loaded"], row["note"]) for row in result.table.to_dicts()}
    mapped, zone = "Mapped as confirmed in cx.toml.", "Times without a zone are taken as UTC."
    assert found == {
        "log.csv": (2, f"{mapped} {zone}"),
        "empty.csv": (0, "It is empty (0 bytes). Export it again."),
        "header.csv": (0, f"{mapped} It has a header and no rows."),
        "page.csv": (
            0,
            "It is a web page, not an export: probably a login page. Log in and download it again.",
        ),
        "foreign.csv": (
            0,
            "No customer table was recognised in its columns (city, height). "
            "If it holds customers' rows, import it with mapping={...}.",
        ),
        "broken.csv": (
            1,
            f"{mapped} {zone} 1 record set aside, the first on line 3: open quote.",
        ),
        "cut.csv": (
            1,
            f"{mapped} {zone} 1 record set aside, the first on line 3: cut off.",
        ),
        "names.csv": (
            0,
            "No row of it looks like a header, so its columns have no names. "
            "Add a header and import it again.",
        ),
    }
    assert rows(
        tmp_path,
        "select source_file, line_no, raw_text, reason, hint from set_aside order by 1",
    ) == [
        (
            "broken.csv",
            3,
            'di,"2024-01-06,bought\n',
            "open quote",
            "A quote opens in its first line and does not close there: close it in the file.",
        ),
        (
            "cut.csv",
            3,
            "flo,2024-01",
            "cut off",
            "The file ends inside this record: download it again.",
        ),
    ]


def test_a_missing_required_cell_sets_the_record_aside_an_optional_one_does_not(tmp_path):
    text = (
        "user,at,event,worth\n"
        "ann,2024-01-05,visited,5\n"
        ",2024-01-05,visited,5\n"  # nobody: events may be of nobody
        "bo,soon,visited,5\n"
        "cy,2024-01-06,,5\n"
        "di,2024-01-07,visited,a lot\n"
    )
    mapping = {"events": {**EVENTS["events"], "amount": "worth"}}
    result = take_in(tmp_path, mapping, log_csv=text)
    assert account(result, "log.csv") == (6, 3, 2, 0, 1)
    assert rows(
        tmp_path, "select record_no, column_name, value, reason from set_aside order by 1"
    ) == [(4, "at", "soon", "not a date"), (5, "event", None, "empty")]
    assert rows(tmp_path, "select * from doubts") == [
        ("log.csv", "worth", 1, "a lot", "not a number")
    ]


def test_an_unclear_date_order_is_asked_once_and_the_answer_kept(tmp_path):
    text = "user,at,event\nann,03/04/2024,visited\nbo,05/05/2024,visited\n"
    result = take_in(tmp_path, EVENTS, log_csv=text)
    assert account(result, "log.csv") == (3, 1, 1, 0, 1)
    assert "In 'at', does 03/04 mean 3 April or 4 March? Say so in cx.toml." in note(
        result, "log.csv"
    )
    assert rows(tmp_path, "select reason from set_aside") == [("day or month first",)]
    confirm_mapping(
        tmp_path / "store",
        tmp_path / "exports" / "log.csv",
        EVENTS,
        formats={"occurred_at": "day first"},
    )
    result = take_in(tmp_path, log_csv=text)
    assert account(result, "log.csv") == (3, 2, 0, 0, 1)
    assert rows(tmp_path, "select min(occurred_at) from events") == [(dt(2024, 4, 3),)]


def test_repeated_records_and_files_count_once(tmp_path):
    result = take_in(
        tmp_path, EVENTS, log_csv=LOG + LOG.splitlines()[1] + "\n", copy_csv=LOG, twin_csv=LOG
    )
    assert account(result, "log.csv")[1:4] == (2, 0, 1) or account(result, "copy.csv")[1] == 2
    assert adds_up(result)
    assert account(result, "twin.csv") == (3, 0, 0, 3, 0)
    assert note(result, "twin.csv") == "The same content as copy.csv."
    assert rows(tmp_path, "select count(*) from events") == [(2,)]


PARTS = {
    "january_csv": "order_no,who,day,total\n1,ann,2024-01-05,10.00\n2,bo,2024-01-06,20.00\n",
    "february_csv": "order_no,who,day,total\n2,bo,2024-01-06,25.00\n3,ann,2024-02-01,7.00\n",
    "again_csv": "order_no,who,day,total\n3,ann,2024-02-01,7.00\n1,ann,2024-01-05,10.00\n",
    "log_csv": LOG,
}
ORDERS = {
    "orders": {
        "order_id": "order_no", "customer_id": "who", "ordered_at": "day", "amount": "total",
    },
}  # fmt: skip


def _tables(folder):
    names = ["orders", "events", "people", "timeline", "aliases", "files", "set_aside"]
    return [rows(folder, f"select * from {name} order by all") for name in names]


def test_the_order_of_imports_plays_no_part(tmp_path):
    """Four overlapping files, one after the other in 8 orders: the same tables each time."""
    seen = []
    for number, order in enumerate(list(itertools.permutations(PARTS))[::3]):
        folder = tmp_path / str(number)
        write(folder / "all", **PARTS)
        for name in order:
            file = ".".join(name.rsplit("_", 1))
            mapping = EVENTS if name == "log_csv" else ORDERS
            import_exports(folder / "all" / file, store=folder / "store", mapping=mapping)
        seen.append(_tables(folder))
    assert all(tables == seen[0] for tables in seen)
    assert rows(tmp_path / "0", "select order_id, amount::double from orders order by 1") == [
        ("1", 10.0),
        ("2", 25.0),  # the export that reaches further into February knows better
        ("3", 7.0),
    ]


def test_joining_in_many_parts_changes_nothing(tmp_path, monkeypatch):
    """Large tables are joined part by part; here every part is one row."""
    seen = []
    for together in (500_000, 1):
        monkeypatch.setattr(publish, "_TOGETHER", together)
        folder = tmp_path / str(together)
        write(folder / "all", **PARTS)
        for name in PARTS:
            mapping = EVENTS if name == "log_csv" else ORDERS
            export = folder / "all" / ".".join(name.rsplit("_", 1))
            import_exports(export, store=folder / "store", mapping=mapping)
        seen.append(_tables(folder))
    assert seen[0] == seen[1]


def test_records_of_one_key_that_differ_between_files_are_said_aloud(tmp_path):
    header = "order_no,who,day,total\n"
    old, new = "1,ann,2024-01-05,10.00\n", "1,ann,2024-01-05,12.00\n2,bo,2024-02-01,5.00\n"
    result = take_in(tmp_path, ORDERS, a_csv=header + old, b_csv=header + new)
    assert account(result, "a.csv") == (2, 0, 0, 1, 1)
    assert "1 record gave way to another file's with the same 'order_no'" in note(result, "a.csv")


def test_records_of_one_key_that_differ_are_said_aloud(tmp_path):
    text = "order_no,who,day,total\n1,ann,2024-01-05,10.00\n1,ann,2024-01-05,12.00\n"
    result = take_in(tmp_path, ORDERS, orders_csv=text)
    assert account(result, "orders.csv") == (3, 1, 0, 1, 1)
    assert "1 record gave way to a later one with the same 'order_no' that says something" in note(
        result, "orders.csv"
    )


def test_preamble_footer_blank_lines_and_repeated_headers_are_skipped(tmp_path):
    text = (
        "Event report\n"
        "As of 2024-02-01\n"
        "\n"
        "user;at;event\n"
        "ann;2024-01-05;visited\n"
        ";;\n"
        "user;at;event\n"
        "bo;2024-01-06;bought\n"
        "\n"
        "Total;2;\n"
        "Generated by the desk\n"
    )
    result = take_in(tmp_path, EVENTS, report_csv=text)
    assert account(result, "report.csv") == (11, 2, 0, 0, 9)
    assert "2 lines left out: footer" in note(result, "report.csv")
    assert "1 line left out: repeated header" in note(result, "report.csv")


def test_german_excel(tmp_path):
    text = "Kunde;Datum;Umsatz (€)\r\n007;22.04.2024 04:15;44.522,01\r\nÄnne;01.02.2024;7\r\n"
    mapping = {
        "orders": {
            "order_id": "Kunde", "customer_id": "Kunde", "ordered_at": "Datum",
            "amount": "Umsatz (€)",
        },
    }  # fmt: skip
    settings.keep(tmp_path / "store", {"company": {"timezone": "Europe/Berlin"}})
    result = take_in(tmp_path, mapping, umsatz_csv=text.encode("cp1252"))
    assert note(result, "umsatz.csv") == (
        "Mapped as confirmed in cx.toml. Read as Windows-1252 text, because it is not UTF-8. "
        "'Umsatz (€)' has a decimal comma. Times without a zone are taken as Europe/Berlin."
    )
    assert rows(tmp_path, "select customer_id, ordered_at, amount::double from orders") == [
        ("007", dt(2024, 4, 22, 2, 15), 44522.01),
        ("Änne", dt(2024, 1, 31, 23), 7.0),
    ]


def test_a_zone_in_a_columns_name_is_used(tmp_path):
    text = "user,Started at (America/New_York),event\nann,2024-07-01 08:00:00,visited\n"
    mapping = {"events": {**EVENTS["events"], "occurred_at": "Started at (America/New_York)"}}
    result = take_in(tmp_path, mapping, log_csv=text)
    assert rows(tmp_path, "select occurred_at from events") == [(dt(2024, 7, 1, 12),)]
    assert "zone" not in note(result, "log.csv")


def test_of_two_columns_with_one_name_either_can_be_meant(tmp_path):
    text = "when,who,score,score\n2024-01-05,ann,1,9\n2024-01-06,bo,2,10\n"
    columns = {"customer_id": "who", "given_at": "when", "score": "score (2)"}
    take_in(tmp_path, {"feedback": columns}, answers_csv=text)
    assert rows(tmp_path, "select score from feedback order by given_at") == [(9.0,), (10.0,)]


def test_a_file_that_cannot_be_opened_is_said_in_plain_words(tmp_path):
    with pytest.raises(BadFile) as problem:
        inbox.digest(tmp_path / "gone.csv")
    assert str(problem.value) == (
        "It could not be read (No such file or directory). Close it elsewhere and import again."
    )


def test_hostile_names_are_only_names(tmp_path):
    """Names of files and columns never reach the text of a query."""
    name = 'x"; drop table events; --'
    text = f'user,at,"{name.replace(chr(34), chr(34) * 2)}"\nann,2024-01-05,visited\n'
    exports = write(tmp_path / "exports")
    (exports / "[a]*'; drop table files; --.csv").write_text(text)
    mapping = {"events": {**EVENTS["events"], "event": name}}
    result = import_exports(exports, store=tmp_path / "store", mapping=mapping)
    assert account(result, "[a]*'; drop table files; --.csv") == (2, 1, 0, 0, 1)
    assert rows(tmp_path, "select event from events") == [("visited",)]


def test_sure_guesses_load_and_say_so_others_ask(tmp_path):
    sure = "user_id,event_time,event_name\nann,2024-01-05 10:00:00,visited\n"
    unsure = "date,action,who\n2024-01-05,visited,ann\n"
    result = take_in(tmp_path, sure_csv=sure, unsure_csv=unsure)
    assert account(result, "sure.csv") == (2, 1, 0, 0, 1)
    assert note(result, "sure.csv").startswith(
        "Guessed with 95% confidence: 'user_id' is customer_id, 'event_time' is occurred_at, "
        "'event_name' is event."
    )
    assert account(result, "unsure.csv") == (2, 0, 0, 0, 2)
    assert note(result, "unsure.csv") == (
        "Is this events, with 'date' as occurred_at, 'action' as event (70% sure)? "
        "Confirm it in notebook 00 or import it with mapping={...}."
    )


def test_several_rows_of_one_order_are_never_taken_by_a_guess(tmp_path):
    text = "order_id,customer_id,ordered_at,sku\n" + "".join(
        f"{n // 3},ann,2024-01-0{1 + n // 3},s{n}\n" for n in range(9)
    )
    result = take_in(tmp_path, lines_csv=text)
    assert account(result, "lines.csv") == (10, 0, 0, 0, 10)
    assert "(60% sure)?" in note(result, "lines.csv")


def test_guess_mapping_shows_the_form_of_values_and_hides_what_they_say(tmp_path):
    write(tmp_path, log_csv="user_id,event_time,event_name\nAnn-7,2024-01-05,visited\n")
    guess = guess_mapping(tmp_path / "log.csv")
    assert guess.table.select("column", "table", "meaning", "confidence", "example_1").rows() == [
        ("user_id", "events", "customer_id", 0.95, "Xxx-9"),
        ("event_time", "events", "occurred_at", 0.95, "9999-99-99"),
        ("event_name", "events", "event", 0.95, "xxxxxxx"),
    ]
    assert guess.finding == (
        "Is this events, with 'user_id' as customer_id, 'event_time' as occurred_at, "
        "'event_name' as event (95% sure)? "
        "Confirm it in notebook 00 or import it with mapping={...}."
    )


def test_a_store_without_any_rows_is_still_a_store(tmp_path):
    result = take_in(tmp_path, foreign_csv="city,height\nOslo,12\n")
    assert account(result, "foreign.csv") == (2, 0, 0, 0, 2)
    assert rows(tmp_path, "select count(*) from timeline") == [(0,)]
    assert result.as_of is None


def test_nothing_to_import_is_said_in_plain_words(tmp_path):
    home = tmp_path / "store"
    with pytest.raises(CxError) as problem:
        import_exports(tmp_path / "nowhere", store=home)
    assert str(problem.value) == (
        "There is no file or folder 'nowhere'. Give the folder that holds your exports."
    )
    (tmp_path / "inbox").mkdir()
    with pytest.raises(CxError) as problem:
        import_exports(tmp_path / "inbox", store=home)
    assert str(problem.value) == (
        "The folder 'inbox' holds no files to import. "
        "Put your exports (CSV, Excel, JSON or Parquet) into it."
    )
    write(tmp_path / "inbox", empty_csv="")
    with pytest.raises(CxError) as problem:
        import_exports(tmp_path / "inbox", store=home)
    assert str(problem.value) == (
        "empty.csv could not be imported. It is empty (0 bytes). Export it again."
    )
    assert store.read_manifest(home) is None


def test_a_mapping_that_names_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadRecipe) as problem:
        take_in(tmp_path, {"events": {"event": "what"}}, log_csv=LOG)
    assert str(problem.value) == (
        "No file has the columns of the mapping: what. "
        "Look at a file's columns with guess_mapping(file)."
    )
    with pytest.raises(BadRecipe, match="events has no column 'when'"):
        take_in(tmp_path, {"events": {"when": "at"}}, log_csv=LOG)
    with pytest.raises(BadRecipe, match="There is no table 'visits'"):
        take_in(tmp_path, {"visits": {"event": "event"}}, log_csv=LOG)


def test_passing_files_and_the_store_itself_are_left_alone(tmp_path):
    exports = write(tmp_path / "exports", log_csv=LOG)
    write(exports, half_part=LOG, cx_toml="")
    (exports / ".hidden.csv").write_text(LOG)
    (exports / "~$open.xlsx").write_text("x")
    write(exports / "2024", more_csv=LOG.replace("ann", "cy"))
    home = exports / "store"
    result = import_exports(exports, store=home, mapping=EVENTS)
    assert result.table["file"].to_list() == ["2024/more.csv", "log.csv"]
    again = import_exports(exports, store=home)
    assert again.table["file"].to_list() == ["2024/more.csv", "log.csv"]


def test_progress_counts_bytes_and_names_files(tmp_path):
    exports = write(tmp_path / "exports", a_csv=LOG, b_csv=LOG.replace("ann", "cy"))
    told = []
    import_exports(
        exports,
        store=tmp_path / "store",
        mapping=EVENTS,
        progress=lambda done, total, name: told.append((done, total, name)),
    )
    total = len(LOG) + len(LOG) - 1
    done = [step[0] for step in told]
    assert done == sorted(done)
    assert told[0] == (0, total, "a.csv")
    assert told[-1] == (total, total, "")
    assert list(dict.fromkeys(step[2] for step in told)) == [
        "a.csv",
        "b.csv",
        "building the tables",
        "",
    ]


def test_progress_moves_inside_a_long_file(tmp_path):
    lines = "".join(f"c{n},2024-01-05 10:00:00,visited\n" for n in range(1_000_000))
    exports = write(tmp_path / "exports", log_csv="user,at,event\n" + lines)
    told = []
    import_exports(
        exports,
        store=tmp_path / "store",
        mapping=EVENTS,
        progress=lambda done, _total, name: told.append((name, done)),
    )
    inside = {done for name, done in told if name == "log.csv"}
    assert len(inside) > 3
    assert len({done for name, done in told if name == "building the tables"}) > 3


def test_a_file_that_became_readable_takes_the_place_of_the_refused_one(tmp_path):
    take_in(tmp_path, EVENTS, log_csv=LOG, page_csv="<html>Log in</html>")
    assert rows(tmp_path, "select source_file from files order by 1") == [
        ("log.csv",),
        ("page.csv",),
    ]
    take_in(tmp_path, page_csv=LOG.replace("ann", "cy").replace("bo", "di"))
    assert rows(tmp_path, "select source_file, loaded from files order by 1") == [
        ("log.csv", 2),
        ("page.csv", 2),
    ]


FEWER = hypothesis.settings(max_examples=hypothesis.settings().max_examples // 2)
CELL = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=6)


@FEWER
@given(
    people=st.lists(st.sampled_from(["ann", "bo", "cy", ""]), max_size=8),
    notes=st.lists(CELL | st.sampled_from(['a"b', "one\ntwo", "x,y;z"]), min_size=8, max_size=8),
    days=st.lists(
        st.sampled_from(["2024-01-05", "2024-01-06 10:00", "soon", ""]), min_size=8, max_size=8
    ),
    blanks=st.sets(st.integers(0, 8), max_size=3),
    mark=st.sampled_from([",", ";", "\t", "|"]),
    quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_record_is_accounted_for(
    tmp_path_factory, people, notes, days, blanks, mark, quoted, end, encoding
):
    """Against what was written: loaded, set aside, duplicate and skipped, record by record."""
    folder = tmp_path_factory.mktemp("random")
    text = delimited([["user", "at", "event", "note"]], mark, end, quoted)
    good, skipped, aside = [], 1, 0
    for number, (who, note_, day) in enumerate(zip(people, notes, days, strict=False)):
        if number in blanks:
            text += end
            skipped += 1
        text += delimited([[who, day, "visited", note_]], mark, end, quoted)
        if day[:4] == "2024":
            good.append((who, day, note_))
        else:
            aside += 1
    loaded = len(set(good))
    (folder / "exports").mkdir()
    (folder / "exports" / "log.csv").write_bytes(text.encode(encoding))
    result = import_exports(folder / "exports", store=folder / "store", mapping=EVENTS)
    written = len(people) + skipped
    assert account(result, "log.csv") == (written, loaded, aside, len(good) - loaded, skipped)


def test_orders_without_a_number_are_known_by_their_content(tmp_path):
    mapping = {"orders": {"customer_id": "who", "ordered_at": "day", "amount": "paid"}}
    shop = "who,day,paid\nann,2024-01-05,10.00\nann,2024-01-06,10.00\nann,2024-01-06,10.00\n"
    result = take_in(tmp_path, mapping, shop_csv=shop)
    assert account(result, "shop.csv") == (4, 2, 0, 1, 1)
    assert rows(tmp_path, "select count(distinct order_id), sum(amount)::double from orders") == [
        (2, 20.0)
    ]


def test_a_mapping_names_what_the_table_cannot_do_without(tmp_path):
    with pytest.raises(BadRecipe) as problem:
        take_in(tmp_path, {"events": {"customer_id": "user", "occurred_at": "at"}}, log_csv=LOG)
    assert str(problem.value) == (
        "events cannot do without event. Say which of the file's columns holds it."
    )


@pytest.mark.parametrize(
    "mapping", ["orders", ["a"], {"orders": None}, {"orders": {"order_id": 3}}, {1: {"a": "b"}}]
)
def test_a_mapping_that_is_none_is_one_sentence(tmp_path, mapping):
    with pytest.raises(BadRecipe, match=r"^The mapping is .*\. Write it as "):
        take_in(tmp_path, mapping, log_csv=LOG)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    for ask in (
        lambda: guess_mapping(tmp_path / "none.csv"),
        lambda: guess_mapping(tmp_path),
        lambda: confirm_mapping(tmp_path, tmp_path / "none.csv", {"orders": {"order_id": "a"}}),
    ):
        with pytest.raises(BadFile, match=r"^There is no file '.*'\. Give the path of one export"):
            ask()
