"""A quote that stays open may swallow the records below it: no count differs, the lines tell."""

import pytest
from imports.helping import account, note, rows, take_in

from cxkit.imports import records

MAPPING = {
    "orders": {"order_id": "id", "customer_id": "user", "ordered_at": "at", "product": "item"}
}
LINES = ["id,user,at,item", *(f"{n},u{n},2024-01-0{n},cable" for n in range(1, 9))]


def with_lines(**changed: str) -> str:
    """Return the table with some of its lines, counted from 1, written anew."""
    lines = [changed.get(f"line_{n}", line) for n, line in enumerate(LINES, 1)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "expected", "aside"),
    [
        (  # an inch mark closes it
            with_lines(line_4='3,u3,2024-01-03,"24 in', line_7='6,u6,2024-01-06,cable 3"'),
            (6, 4, 1, 0, 1),
            [(4, 4)],
        ),
        (  # the opening quote of a cell that begins with a delimiter
            with_lines(line_4='3,u3,2024-01-03,"24 in', line_7='6,u6,2024-01-06,", red"'),
            (6, 4, 1, 0, 1),
            [(4, 4)],
        ),
        (  # of a cell that begins with a line end: the rest of that cell is no record either
            with_lines(line_4='3,u3,2024-01-03,"24 in', line_7='6,u6,2024-01-06,"\nred"'),
            (7, 4, 2, 0, 1),
            [(4, 4), (5, 8)],
        ),
        (  # in the middle of the record, and only one more line
            with_lines(line_4='3,"u3,2024-01-03,cable', line_5='4,u4",2024-01-04,cable'),
            (8, 6, 1, 0, 1),
            [(4, 4)],
        ),
    ],
)
def test_what_a_quote_swallowed_is_set_aside_whole(tmp_path, text, expected, aside):
    result = take_in(tmp_path, MAPPING, orders_csv=text)
    assert account(result, "orders.csv") == expected
    assert "the first on line 4: open quote" in note(result, "orders.csv")
    found = rows(tmp_path, "select record_no, line_no, raw_text, reason from set_aside order by 1")
    assert [row[:2] for row in found] == aside
    assert {row[3] for row in found} == {"open quote"}
    held = "".join(row[2] for row in found)
    assert held in text
    loaded = rows(tmp_path, "select order_id from orders order by order_id")
    for line in LINES[1:]:  # each record is loaded, or stands in what was set aside
        number = line[0]
        assert ((number,) in loaded) != (f"{number}," in held)


@pytest.mark.parametrize(
    "comment",
    [
        "Hi,\nthanks for it",
        "Hi,\nthanks, a, b, c",  # as many cells as a record, but no number before them
        "Hi\n\n\nthanks,\n",
        "see below\n9,u9,yesterday,cable",  # nearly a record
        "a,b,c\n1,2",
        "\n",
    ],
)
def test_a_comment_over_several_lines_stays_one_cell(tmp_path, comment):
    text = with_lines(line_4=f'3,u3,2024-01-03,"{comment}"')
    result = take_in(tmp_path, MAPPING, orders_csv=text)
    assert account(result, "orders.csv") == (9, 8, 0, 0, 1)
    assert "quote" not in note(result, "orders.csv")


def test_a_cell_that_ends_with_a_line_end_before_one_with_a_delimiter_stays_one(tmp_path):
    lines = [f"{n}\tok" for n in range(20)]
    lines[7:9] = ['7\t"fine\n"', '8\t"\tx"']  # from the second line on: "\n8\t" and x"
    path = tmp_path / "notes.csv"
    path.write_text("\n".join(["id\tnote", *lines]) + "\n")
    staged = records.stage(path, tmp_path / "staged.parquet", "")
    assert (staged.read, staged.counted, staged.swallowed) == (21, 21, ())


def test_where_no_column_can_prove_it_the_line_is_named(tmp_path):
    body = ["anna,paris,calm", 'bo,"rome,loud', 'cy,oslo",calm', "dana,bonn,loud"]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["who,where,mood", *body]) + "\n")
    staged = records.stage(path, tmp_path / "staged.parquet", "")
    assert (staged.read, staged.counted, staged.swallowed) == (4, 4, ())
    assert staged.notices == (
        "1 quoted cell over lines that look like records: see line 3, "
        "where a quote may have stayed open",
    )


def test_a_quote_far_down_is_found_in_a_file_of_many_comments(tmp_path):
    lines = [f'{n},u{n},2024-01-01,"good, and\nfast {n}"' for n in range(60_000)]
    lines[50_000] = '50000,u50000,2024-01-01,"24 in'
    lines[50_001] = '50001,u50001,2024-01-01,24"'
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([LINES[0], *lines]) + "\n")
    staged = records.stage(path, tmp_path / "staged.parquet", "")
    assert (staged.read, staged.counted) == (60_000, 60_000)
    assert staged.swallowed == (50_002,)
