"""Steps: shares made by hand, and both forms against plain Python on random logs."""

from collections import Counter, defaultdict

import polars as pl
import pytest
from company import company, events
from hypothesis import given
from hypothesis import strategies as st
from logs import LOGS, store_of, walks

import cxkit as cx
from cxkit.errors import BadQuestion

ROWS = events(
    "ann 2026-01-01T10:00 visit",
    "ann 2026-01-01T10:05 cart",
    "ann 2026-01-03T10:00 pay",
    "bob 2026-01-01T10:00 visit",
    "bob 2026-01-01T10:05 visit",
    "cid 2026-01-01T10:00 visit",
    "dan 2026-01-01T10:00 help",
)


def test_counted_by_hand(tmp_path):
    found = cx.step_matrix(company(tmp_path, events=ROWS), steps=3)
    assert found.table.select("step", "place", "count").rows() == [
        (1, "visit", 3), (1, "cart", 0), (1, "help", 1), (1, "pay", 0), (1, "ended", 0),
        (2, "visit", 1), (2, "cart", 1), (2, "help", 0), (2, "pay", 0), (2, "ended", 2),
        (3, "visit", 0), (3, "cart", 0), (3, "help", 0), (3, "pay", 1), (3, "ended", 3),
    ]  # fmt: skip
    assert found.n == 4
    assert found.finding == (
        "Of 4 customers 75.0 % (30.1–95.4) began with 'visit'; the largest share to end does so "
        "after 1 step: 50.0 % (15.0–85.0) of all; 25.0 % (4.6–69.9) have not ended before step 3 "
        "(too few to say more)."
    )
    assert found.chart().layout.title.text == "<b>75% have ended before step 3</b>"
    assert found.caveats[-1] == "Only 4 customers: too few to say."


def test_visits_and_the_as_of_date(tmp_path):
    ws = company(tmp_path, events=ROWS)
    assert cx.step_matrix(ws, unit="session").n == 5
    early = cx.step_matrix(ws, as_of="2026-01-01")
    assert "pay" not in early.table["place"]
    assert early.finding.endswith("have not ended before step 6 (too few to say more).")


def test_nobody_one_person_and_none_who_ended(tmp_path):
    nobody = cx.step_matrix(company(tmp_path / "a"))
    assert nobody.finding == "Nobody has passed any touchpoint: there are no steps."
    assert nobody.n == 0 and len(nobody.outputs()) == 2
    one = cx.step_matrix(company(tmp_path / "b", events=ROWS[5:6]), steps=1)
    assert one.finding == "The one customer began with 'visit' and had not ended before step 1."
    assert one.chart().layout.title.text == "<b>The one customer has not ended before step 1</b>"
    two = cx.step_matrix(company(tmp_path / "c", events=ROWS[5:6]), steps=2)
    assert two.finding == "The one customer began with 'visit' and ended after 1 step."


def test_bad_questions(tmp_path):
    ws = company(tmp_path, events=ROWS)
    for asked in ({"of": "page"}, {"unit": "team"}, {"steps": 0}, {"steps": 51}):
        with pytest.raises(BadQuestion):
            cx.step_matrix(ws, **asked)


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.step_matrix(company(tmp_path / "a", events=ROWS))
    other = cx.step_matrix(company(tmp_path / "b", events=ROWS[::-1]))
    assert one.table.equals(other.table)


@pytest.mark.parametrize("unit", ["customer", "session", "order", "case"])
def test_the_shares_of_a_step_add_up(demo, unit):
    for steps in (6, 12):
        found = cx.step_matrix(demo, unit=unit, steps=steps)
        sums = found.table.group_by("step").agg(pl.col("share").sum(), pl.col("count").sum())
        assert sums["share"].to_list() == pytest.approx([1.0] * sums.height)
        assert set(sums["count"]) == {found.n}
        ended = found.table.filter(pl.col("place") == "ended")["count"]
        assert ended.is_sorted()
        shown = found.chart().data[0].z
        assert [sum(column) for column in zip(*shown, strict=True)] == pytest.approx(
            [1.0] * sums.height
        )


@given(
    LOGS,
    st.sampled_from(["customer", "session", "order", "case"]),
    st.sampled_from(["touchpoint", "stage"]),
    st.integers(1, 8),
)
def test_both_forms_equal_plain_python(rows, unit, of, steps):
    with store_of(rows) as ws:
        asked = {"of": of, "unit": unit, "steps": steps, "as_of": ws.as_of, "people": True}
        counts = Counter(
            (step, walk[step - 1][1] if step <= len(walk) else None)
            for walk in walks(rows, unit, of)
            for step in range(1, steps + 1)
        )
        whose = defaultdict(set)
        for person in ("ann", "bob", "cid"):
            for walk in walks([row for row in rows if row[0] == person], unit, of):
                for step in range(1, steps + 1):
                    place = walk[step - 1][1] if step <= len(walk) else None
                    whose[step, place].add(person)
        portable = ws.query("step_matrix_portable", **asked)
        assert {row[:2]: row[2] for row in portable.rows()} == dict(counts)
        assert {row[:2]: row[3] for row in portable.rows()} == {
            cell: len(people) for cell, people in whose.items()
        }
        if unit in ("customer", "session"):
            assert ws.query("step_matrix", **asked).equals(portable)


def test_attempts_need_a_stage_that_begins_them(tmp_path):
    ws = company(tmp_path, events=ROWS)
    known = "There are: case, customer, order, session."
    with pytest.raises(BadQuestion, match=f"no unit 'attempt' to follow here. {known}"):
        cx.step_matrix(ws, unit="attempt")
    with pytest.raises(BadQuestion, match="There is no unit"):
        cx.step_matrix(ws, unit=[])


def test_a_report_puts_places_of_few_together(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-01T10:00 visit" for n in range(30)]
    rows += [f"c{n} 2026-01-02T10:00 {'cart' if n < 20 else f'rare{n}'}" for n in range(25)]
    ws = company(tmp_path / "a", events=events(*rows))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.step_matrix(ws, steps=2)
    assert found.table.select("step", "place", "count").rows() == [
        (1, "visit", 30), (2, "cart", 20), (2, "other", 10),
    ]  # fmt: skip
    assert "100.0 % (88.6–100.0) began with 'visit'" in found.finding
    assert "after 1 step: fewer than 10 of all" in found.finding
    assert found.chart().layout.title.text == "<b>Where 30 customers are, step by step</b>"
    few = cx.step_matrix(company(tmp_path / "b", events=ROWS))
    assert few.table.is_empty()
    assert few.finding == "Fewer than 10 customers took a step: a report does not show them."
    few.chart()


def test_a_report_speaks_of_no_place_among_the_others(tmp_path, monkeypatch):
    """Three who went on are joined by the many who ended: how many did is then not told."""
    walks = [(40, "visit cart pay"), (30, "visit cart"), (3, "visit clinic pay"), (20, "visit"),
             (3, "visit cart pay help")]  # fmt: skip
    people = [steps.split() for many, steps in walks for _ in range(many)]
    rows = [f"c{n} 2026-01-0{at}T10:00 {step}"
            for n, steps in enumerate(people) for at, step in enumerate(steps, 1)]  # fmt: skip
    ws = company(tmp_path, events=events(*rows))
    assert "after 3 steps: 44.8 % (35.2–54.7) of all; 0.0 %" in cx.step_matrix(ws).finding
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.step_matrix(ws)
    assert found.finding == (
        "Of 96 customers 100.0 % (96.2–100.0) began with 'visit'; after how many steps most end is "
        "not shown here; 0.0 % (0.0–3.8) have not ended before step 6."
    )
    # ended and clinic before the third step, ended and help before the fifth
    assert (
        "'other' puts together, step by step, 3 places of too few people to be shown in a report, "
        "119 of the counts in all." in found.caveats
    )
    assert "how many have not ended before step 4 is not shown here" in (
        cx.step_matrix(ws, steps=4).finding
    )


def test_a_report_counts_people_not_visits(tmp_path, monkeypatch):
    """Three people who come often are three people: their place is no place of its own."""
    often = [f"c{n} 2026-01-{day:02}T10:00 clinic" for n in range(3) for day in range(1, 21)]
    once = [f"d{n} 2026-01-01T10:00 {'visit' if n < 13 else 'cart'}" for n in range(24)]
    ws = company(tmp_path / "a", events=events(*often, *once))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    for steps in (1, 9):
        found = cx.step_matrix(ws, unit="session", steps=steps)
        # what is hidden is three people: the smaller of the others joins them
        first = found.table.filter(step=1).select("place", "count").rows()
        assert first == [("visit", 13), ("other", 71)]
        assert found.finding.startswith("Of 84 visits a share not shown here began with the same")
        assert "'other' puts together, step by step, 2 places of too few people" in str(found)
        assert "clinic" not in str(found.outputs())
    few = cx.step_matrix(company(tmp_path / "b", events=events(*often)), unit="session")
    assert few.table.is_empty()
    assert few.finding == "Fewer than 10 people took a step: a report does not show them."
