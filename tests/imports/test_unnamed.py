"""Columns that the header leaves without a name: taken by place, never shifted, or asked about."""

import pytest
from imports.helping import EVENTS, account, note, rows, take_in

from cxkit.imports import guess_mapping, import_exports

BODY = [f"u{n},2024-01-0{n + 1} 10:00:00,paid" for n in range(9)]
READ = [(f"u{n}", f"2024-01-0{n + 1} 10:00:00", "paid") for n in range(9)]
ASKED = "Its rows have 4 cells and its header 3 names: does the first column lack its name"
BY_PLACE = "1 column without a name, called 'column {}' by place"


def table(header: str, lines: list[str]) -> str:
    return "\n".join([header, *lines]) + "\n"


def events(folder):
    return rows(
        folder, "select customer_id, occurred_at::varchar, event from events order by occurred_at"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table("user,at,event,", [f"{line},x{n}" for n, line in enumerate(BODY)]), "4"),
        (table("user,at,event", [f"{line},x{n}" for n, line in enumerate(BODY)]), "4"),
        # nearly all rows hold something there
        (table("user,at,event,", [BODY[0] + ","] + [f"{line},x" for line in BODY[1:]]), "4"),
        # as R writes the numbers of rows, and as pandas does
        (table("user,at,event", [f"{n},{line}" for n, line in enumerate(BODY, 1)]), "1"),
        (table(",user,at,event", [f"{n},{line}" for n, line in enumerate(BODY)]), "1"),
        (table(",user,at,event", [f"{100 - n},{line}" for n, line in enumerate(BODY)]), "1"),
        (table("user,,at,event", [line.replace(",", ",x,", 1) for line in BODY]), "2"),
    ],
)
def test_a_column_without_a_name_is_taken_by_its_place(tmp_path, text, said):
    result = take_in(tmp_path, EVENTS, log_csv=text)
    assert account(result, "log.csv") == (10, 9, 0, 0, 1)
    assert events(tmp_path) == READ
    assert BY_PLACE.format(said) in note(result, "log.csv")


@pytest.mark.parametrize("header", ["user,at,event,", "user,at,event"])
def test_an_empty_column_without_a_name_is_left_out_and_said(tmp_path, header):
    result = take_in(tmp_path, EVENTS, log_csv=table(header, [line + "," for line in BODY]))
    assert account(result, "log.csv") == (10, 9, 0, 0, 1)
    assert events(tmp_path) == READ
    assert "1 column without a name or content left out" in note(result, "log.csv")


@pytest.mark.parametrize(
    "lines",
    [
        [f"a{n},b{n},c{n},d{n}" for n in range(9)],  # nothing tells
        [f"{n},b{n},c{n},d{n}" for n in range(9)],  # row numbers, or ids
        [
            f"u{n},2024-01-0{n + 1},{n},{50 + n}" for n in range(9)
        ],  # a decimal comma, or two numbers
        [f"u{n},2024-01-0{n + 1},Smith, Ann {n}" for n in range(9)],  # one cell, or two
    ],
)
def test_where_the_cells_do_not_tell_one_question_is_asked(tmp_path, lines):
    result = take_in(tmp_path, EVENTS, log_csv=table("user,at,event", lines))
    assert account(result, "log.csv") == (10, 0, 0, 0, 10)
    assert note(result, "log.csv").startswith(ASKED)
    assert note(result, "log.csv").count("?") == 1


def test_a_decimal_comma_is_not_taken_for_a_column_without_a_name(tmp_path):
    header = "order_id,customer_id,ordered_at,amount"
    lines = [f"o{n},u{n},2024-01-0{n + 1},{n + 10},{50 + n}" for n in range(9)]
    for end in ("", ","):
        result = take_in(tmp_path / f"end{end}", log_csv=table(header + end, lines))
        assert account(result, "log.csv") == (10, 0, 0, 0, 10)
        assert note(result, "log.csv").startswith("Its rows have 5 cells and its header 4 names")


@pytest.mark.parametrize("long", [1, 2])
def test_longer_rows_among_others_are_set_aside_as_before(tmp_path, long):
    lines = [line + ",x" * (n < long) for n, line in enumerate(BODY)]
    result = take_in(tmp_path, EVENTS, log_csv=table("user,at,event", lines))
    assert account(result, "log.csv") == (10, 9 - long, long, 0, 1)
    assert "the first on line 2: too many cells" in note(result, "log.csv")


def test_where_the_header_has_a_cell_for_it_most_rows_are_enough(tmp_path):
    lines = [line + f",x{n}" * (n > 1) for n, line in enumerate(BODY)]
    result = take_in(tmp_path, EVENTS, log_csv=table("user,at,event,", lines))
    assert account(result, "log.csv") == (10, 7, 2, 0, 1)
    assert "2 records set aside, the first on line 2: too few cells" in note(result, "log.csv")


def test_two_rows_prove_nothing_about_a_header(tmp_path):
    text = table("user,at,event", [line + ",x" for line in BODY[:2]])
    result = take_in(tmp_path, EVENTS, log_csv=text)
    assert account(result, "log.csv") == (3, 0, 2, 0, 1)


def test_a_known_export_keeps_its_recipe_and_a_mapping_its_formats(tmp_path):
    header = "order_id,customer_id,ordered_at,amount,"
    lines = [f"o{n},u{n},0{n + 1}/02/2024,{n + 10}.5,note {n}" for n in range(9)]
    mapping = {
        "orders": {n: n for n in ("order_id", "customer_id", "ordered_at")},
        "feedback": {
            "customer_id": "customer_id", "given_at": "ordered_at", "comment": "column 5",
        },
    }  # fmt: skip
    result = take_in(tmp_path, mapping, log_csv=table(header, lines))
    assert "Say so in cx.toml" in note(result, "log.csv")
    store = tmp_path / "store"
    told = (store / "cx.toml").read_text()
    assert '"column 5"' in told
    (store / "cx.toml").write_text(
        told + '\n[[imports]]\nfile = "log.csv"\ntable = "orders"\n'
        'header = ["order_id", "customer_id", "ordered_at", "amount"]\n'
        'columns = {}\nformats = { ordered_at = "day first", given_at = "day first" }\n'
    )
    result = import_exports(tmp_path / "exports", store=store)
    assert rows(tmp_path, "select comment from feedback order by given_at limit 2") == [
        ("note 0",),
        ("note 1",),
    ]


def test_a_guess_shows_the_column_by_its_place(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(table("user,at,event,", [f"{line},x{n}" for n, line in enumerate(BODY)]))
    assert guess_mapping(path).table["column"].to_list() == ["user", "at", "event", "column 4"]
