"""Six overlapping exports in any order, one by one or together, once or often: the same tables."""

import os
import random

import pytest
from faults.helping import EXPORTS, prepare, state, take_in, write

from cxkit import store

TIMES = 200 if os.environ.get("CXKIT_THOROUGH") == "1" else 15


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """All six at once, and what they hold, counted by hand."""
    folder = tmp_path_factory.mktemp("together")
    home = prepare(folder / "store")
    take_in(write(folder / "inbox"), home)
    connection = store.attach(home)
    orders = "select order_id, customer_id, amount::int, product from orders order by 1"
    assert connection.execute(orders).fetchall() == [
        ("#1", "1", 10, "Pot"),
        ("#2", "2", 25, "Spade"),
        ("#3", "email:guest@x.test", 5, "Seeds"),
        ("#4", "3", 7, "Pot"),
        ("#6", "1", 3, "Seeds"),
    ]
    regions = "select customer_id, region from customers where region is not null order by 1"
    assert connection.execute(regions).fetchall() == [
        ("1", "North"),
        ("2", "West"),
        ("3", "East"),
    ]
    aside = "select source_file, record_no, value from set_aside order by 1"
    assert connection.execute(aside).fetchall() == [
        ("log.csv", 4, "not a day"),
        ("shop_2.csv", 5, "soon"),
    ]
    connection.close()
    return state(home)


@pytest.mark.parametrize("seed", range(TIMES))
def test_any_order_and_repetition_gives_the_same_tables(tmp_path, expected, seed):
    draw = random.Random(seed)
    order = [*EXPORTS, *draw.choices(list(EXPORTS), k=draw.randrange(4))]
    draw.shuffle(order)
    home = prepare(tmp_path / "store")
    number = 0
    while order:
        together = [order.pop() for _ in range(min(len(order), draw.choice([1, 1, 1, 2, 3])))]
        number += 1
        take_in(write(tmp_path / str(number), together), home)
    assert state(home) == expected


def test_after_an_undo_the_same_folder_gives_the_same_tables(tmp_path, expected):
    home = prepare(tmp_path / "store")
    take_in(write(tmp_path / "first", ["shop_1.csv", "crm_1.csv"]), home)
    before = state(home)
    take_in(write(tmp_path / "second"), home)
    assert state(home) == expected
    store.step_back(home)
    assert state(home) == before
    take_in(tmp_path / "second", home)
    assert state(home) == expected
