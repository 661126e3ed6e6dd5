"""Frequent paths: counts made by hand, a real log's variants, both forms against plain Python."""

from collections import Counter, defaultdict

import polars as pl
import pytest
from company import company, events, orders
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
    "bob 2026-01-01T10:05 cart",
    "cid 2026-01-01T10:00 visit",
    "cid 2026-01-01T10:05 cart",
    "dan 2026-01-01T10:00 help",
)


def paths(result: cx.Result) -> list[tuple[str, int]]:
    return result.table.select("path", "count").rows()


def test_counted_by_hand(tmp_path):
    ws = company(tmp_path, events=ROWS)
    found = cx.top_paths(ws)
    assert paths(found) == [("visit → cart", 2), ("help", 1), ("visit → cart → pay", 1)]
    assert found.table["share"].to_list() == [0.5, 0.25, 0.25]
    assert found.table["different"].to_list() == [3, 3, 3] and found.n == 4
    assert found.finding == (
        "The most frequent path of 5 first steps was taken by 50.0 % (15.0–85.0) of 4 customers: "
        "visit → cart; the 3 most frequent of 3 different paths are those of 100.0 % (51.0–100.0) "
        "(too few to say more)."
    )
    assert found.chart().layout.title.text == (
        "<b>50.0% take the most frequent of 3 different paths</b>"
    )
    two = cx.top_paths(ws, steps=2, most=1)
    assert paths(two) == [("visit → cart", 3)] and two.table["different"][0] == 2
    assert "this one of 2 different paths is those of 75.0 %" in two.finding


def test_visits_orders_and_cases(tmp_path):
    rows = [row | {"case_id": f"k{number % 2}"} for number, row in enumerate(ROWS)]
    ws = company(tmp_path, events=rows, orders=orders("ann 2026-01-02T10:00 5"))
    assert paths(cx.top_paths(ws, unit="session")) == [("visit → cart", 3), ("help", 1), ("pay", 1)]
    assert paths(cx.top_paths(ws, unit="order")) == [("ordered", 1)]
    whole = cx.top_paths(ws, unit="case", steps=None)
    # a number that two people share is one case of each
    assert paths(whole) == [
        ("cart", 3), ("visit", 2), ("help", 1), ("ordered", 1), ("visit → pay", 1),
    ]  # fmt: skip
    assert whole.finding.startswith("The most frequent whole path was taken by 37.5 %")


def test_a_report_shows_no_path_of_few(tmp_path, monkeypatch):
    ws = company(tmp_path, events=ROWS)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.top_paths(ws)
    assert found.table.is_empty() and found.n == 4
    assert found.finding == ("No path of the 4 customers is shared by enough of them to be shown.")
    assert found.caveats[0] == (
        "3 paths of too few people to be shown in a report left out, taken by 4 customers."
    )


def test_a_report_counts_people_not_visits(tmp_path, monkeypatch):
    """Three people who come often are three people."""
    often = [f"c{n} 2026-01-{day:02}T10:00 clinic" for n in range(3) for day in range(1, 21)]
    once = [f"d{n} 2026-01-01T10:00 visit" for n in range(12)]
    ws = company(tmp_path, events=events(*often, *once))
    assert paths(cx.top_paths(ws, unit="session")) == [("clinic", 60), ("visit", 12)]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    for unit, steps in (("session", 5), ("session", 9)):
        found = cx.top_paths(ws, unit=unit, steps=steps)
        assert found.table.select("place", "path", "count").rows() == [(2, "visit", 12)]
        assert found.caveats[0] == (
            "1 path of too few people to be shown in a report left out, taken by 60 visits."
        )
        assert found.finding.startswith(f"The most frequent path of {steps} first steps that can ")
        assert "clinic" not in str(found.outputs())


def test_nobody_one_person_and_one_path(tmp_path):
    nobody = cx.top_paths(company(tmp_path / "a"))
    assert nobody.finding == "No customer has passed any touchpoint: there are no paths."
    assert nobody.n == 0 and len(nobody.outputs()) == 3 - 1
    one = cx.top_paths(company(tmp_path / "b", events=ROWS[:2]))
    assert one.finding == "The one customer took one path: visit → cart."
    assert one.chart().layout.title.text == "<b>The one customer took one path</b>"
    ties = events(*(f"ann 2026-01-01T10:00 {name}" for name in "cba"))
    assert paths(cx.top_paths(company(tmp_path / "c", events=ties))) == [("a → b → c", 1)]


def test_bad_questions(tmp_path):
    ws = company(tmp_path, events=ROWS)
    for asked in ({"of": "page"}, {"unit": "team"}, {"steps": 0}, {"most": 0}):
        with pytest.raises(BadQuestion):
            cx.top_paths(ws, **asked)


def test_the_order_of_rows_and_the_as_of_date(tmp_path):
    one = company(tmp_path / "a", events=ROWS)
    other = company(tmp_path / "b", events=ROWS[::-1])
    assert cx.top_paths(one).table.equals(cx.top_paths(other).table)
    assert paths(cx.top_paths(one, as_of="2026-01-02"))[0] == ("visit → cart", 3)


def test_the_variants_of_a_real_log(shared, tmp_path):
    """1,434 cases of a municipality's building permits, whose 116 variants are published."""
    file = shared / "reference" / "receipt_events.csv"
    if not file.is_file():
        pytest.skip("no receipt log beside the checkout")
    log = pl.read_csv(file).sort("case_id", "seq")
    # rows of one instant stand in the order of the log there; a microsecond keeps it here
    moment = pl.col("timestamp").str.to_datetime(time_zone="UTC", time_unit="us")
    rows = log.select(
        customer_id="case_id",
        case_id="case_id",
        occurred_at=moment.dt.replace_time_zone(None) + pl.duration(microseconds=pl.col("seq")),
        event="activity",
        event_id=pl.format("{}/{}", "case_id", "seq"),
    )
    ws = company(tmp_path, events=rows.to_dicts())
    for unit in ("case", "customer"):
        found = cx.top_paths(ws, unit=unit, steps=None, most=1000)
        expected = Counter(log.group_by("case_id").agg(pl.col("activity"))["activity"]
                           .list.join(" → "))  # fmt: skip
        assert dict(paths(found)) == dict(expected)
        assert (found.n, found.table["different"][0]) == (1434, 116)
        assert sum(len(p.split(" → ")) * n for p, n in paths(found)) == 8577
    assert ws.tables["timeline"] == 8577


UNITS = ["customer", "session", "order", "case"]


@given(LOGS, st.sampled_from(UNITS), st.sampled_from(["touchpoint", "stage"]), st.integers(1, 8))
def test_both_forms_equal_plain_python(rows, unit, of, steps):
    with store_of(rows) as ws:
        asked = {
            "of": of,
            "unit": unit,
            "steps": steps,
            "most": 5,
            "as_of": ws.as_of,
            "people": True,
        }
        taken = Counter(
            " → ".join(name for _at, name in walk[:steps]) for walk in walks(rows, unit, of)
        )
        ranked = sorted(taken.items(), key=lambda path: (-path[1], path[0].encode()))[:5]
        whose = defaultdict(set)
        for person in ("ann", "bob", "cid"):
            for walk in walks([row for row in rows if row[0] == person], unit, of):
                whose[" → ".join(name for _at, name in walk[:steps])].add(person)
        portable = ws.query("top_paths_portable", **asked)
        assert portable.rows() == [
            (path, count, len(whose[path]), taken.total(), len(taken)) for path, count in ranked
        ]
        if unit in ("customer", "session"):
            assert ws.query("top_paths", **asked).equals(portable)


def test_attempts_need_a_stage_that_begins_them(tmp_path):
    ws = company(tmp_path, events=ROWS)
    known = "There are: case, customer, order, session."
    with pytest.raises(BadQuestion, match=f"no unit 'attempt' to follow here. {known}"):
        cx.top_paths(ws, unit="attempt")
    with pytest.raises(BadQuestion, match="There is no unit"):
        cx.top_paths(ws, unit=[])


def test_no_unit_is_visits_where_there_are_any(tmp_path):
    seen = company(
        tmp_path / "a", events=events("ann 2026-01-01T10:00 a", "ann 2026-01-03T10:00 b")
    )
    assert cx.top_paths(seen, unit=None).table["unit"][0] == "visit"
    assert cx.step_matrix(seen, unit=None).n == 2
    bought = company(tmp_path / "b", orders=orders("ann 2026-01-01 9.00", "ann 2026-01-03 9.00"))
    assert cx.top_paths(bought, unit=None).table["unit"][0] == "customer"
    assert cx.step_matrix(bought, unit=None).n == 1
