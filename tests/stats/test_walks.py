"""Walks along a log against a brute force that tries every choice of rows."""

from itertools import pairwise, product
from random import Random

import numpy as np
import polars as pl
import pytest

from cxkit.stats.walks import Step, log, onward, people, walk

LOGS = 10_000


def drawn(draw, last):
    """Draw a few rows of a few people at a few instants, in any order: nearly all are ties."""
    rows = [
        (draw.randrange(3), draw.randrange(8), draw.randint(0, last))
        for _ in range(draw.randint(0, 30))
    ]
    draw.shuffle(rows)
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    return rows, log(pl.DataFrame(dict(zip(("who", "at", "kind"), columns, strict=True))))


def furthest(there, reached):
    told = dict.fromkeys(range(3), 0)
    for level, step in enumerate(reached, 1):
        told |= dict.fromkeys(people(there, step.rows).tolist(), level)
    return told


def brute_force(rows, length, allowed):
    """Return how many kinds 1, 2, … can be chained; `allowed` judges a chain of instants."""
    times = [[at for at, kind in rows if kind == level + 1] for level in range(length)]
    for level in range(length, 0, -1):
        if any(allowed(chain) for chain in product(*times[:level])):
            return level
    return 0


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_logs_with_windows_steps_and_bars(seed):
    draw = Random(seed)
    got_far = 0
    for _ in range(LOGS // 4):
        length = draw.randint(1, 4)
        rows, there = drawn(draw, last=length + 1)  # the last kind is what may bar
        window, until = draw.choice([0, 2, 3, 7]), draw.choice([None, 3])
        limits = {k: draw.choice([None, None, 1, 2]) for k in range(2, length + 1)}
        barred = {k for k in range(2, length + 1) if draw.random() < 0.4}
        later = {k for k in range(2, length + 1) if draw.random() < 0.3}
        steps = [
            Step(
                ((k,),),
                after=k - 2 if k > 1 else None,
                later=k in later,
                within=limits.get(k),
                bars=(length + 1,) if k in barred else (),
            )
            for k in range(1, length + 1)
        ]
        told = furthest(there, walk(there, steps, window, until))
        for one in range(3):
            own = [(at, kind) for who, at, kind in rows if who == one]
            stops = [at for at, kind in own if kind == length + 1]

            def allowed(chain, limits=limits, barred=barred, later=later, stops=stops,
                        window=window, until=until):  # fmt: skip
                if chain[-1] - chain[0] > window or (until is not None and chain[0] > until):
                    return False
                for k, (a, b) in enumerate(pairwise(chain), 2):
                    too_long = limits[k] is not None and b - a > limits[k]
                    if b < a or (k in later and b == a) or too_long:
                        return False
                    if k in barred and any(a < stop < b for stop in stops):
                        return False
                return True

            assert told[one] == brute_force(own, length, allowed), (rows, steps, window, until)
            got_far += told[one] >= 3
    assert got_far > 100, "too few long walks to mean anything"


def test_steps_in_any_order_between_anchored_ones():
    draw = Random(5)
    for _ in range(4000):
        length, window = draw.randint(1, 4), draw.choice([0, 2, 3, 7])
        until = draw.choice([None, 3, 5])
        rows, there = drawn(draw, last=length)
        blocks: list[list[int]] = []
        for k in range(1, length + 1):
            if blocks and draw.random() < 0.6:
                blocks[-1].append(k)
            else:
                blocks.append([k])
        steps, after = [], None
        for block in blocks:
            for n in range(len(block)):
                steps.append(Step(tuple((k,) for k in block[: n + 1]), after))
            after = len(steps) - 1
        told = furthest(there, walk(there, steps, window, until))
        for one in range(3):
            own = [(at, kind) for who, at, kind in rows if who == one]

            def allowed(chain, blocks=blocks, window=window, until=until):
                if until is not None and chain[0] > until:  # an entry that is too young
                    return False
                times = dict(enumerate(chain, 1))
                spans = [[times[k] for k in block if k in times] for block in blocks]
                spans = [span for span in spans if span]
                ends = all(max(a) <= min(b) for a, b in pairwise(spans))
                return ends and max(chain) - min(chain) <= window

            assert told[one] == brute_force(own, length, allowed), (rows, blocks, window, until)


def test_onward_takes_the_first_row_that_fits_from_a_given_start():
    rows = pl.DataFrame(
        {
            "who": [1, 1, 1, 1, 2, 2],
            "at": [0, 5, 5, 9, 1, 30],
            "kind": [1, 2, 3, 2, 1, 2],
        }
    )
    there = log(rows)
    steps = [Step(((1,),)), Step(((2,),), 0), Step(((3,),), 1)]
    starts = np.array([0, 4])
    assert [found.tolist() for found in onward(there, starts, steps)] == [[0, 4], [1, 5], [2, -1]]
    short = onward(there, starts, steps, within=10)
    assert [found.tolist() for found in short] == [[0, 4], [1, -1], [2, -1]]
    apart = [Step(((1,),)), Step(((2,),), 0), Step(((3,),), 1, later=True)]
    assert onward(there, starts, apart)[2].tolist() == [-1, -1]


def test_an_empty_log_and_kinds_that_nobody_has():
    empty = log(pl.DataFrame(schema={"who": pl.Int64, "at": pl.Int64, "kind": pl.Int64}))
    assert walk(empty, [Step(((1,),)), Step(((2,),), 0)], 5)[1].rows.tolist() == []
    some = log(pl.DataFrame({"who": [1], "at": [0], "kind": [1]}))
    assert [len(r.rows) for r in walk(some, [Step(((1,),)), Step(((),), 0)], 5)] == [1, 0]
    assert len(walk(some, [Step(((),))], 5)[0].rows) == 0
