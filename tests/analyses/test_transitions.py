"""What follows what: counts made by hand, and both forms against plain Python on random logs."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from company import company, company_of, events, orders
from hypothesis import given
from hypothesis import strategies as st
from logs import GAP, LOGS, START, micros, nearest_rank, store_of, walks

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.workspace import query_text

# ann: visit visit cart pay; bob: visit pay; eve: cart alone
ROWS = events(
    "ann 2026-01-01T10:00:00 visit",
    "ann 2026-01-01T10:10:00 visit",
    "ann 2026-01-01T10:10:40 cart",
    "ann 2026-01-02T10:10:40 pay",
    "bob 2026-01-05T10:00:00 visit",
    "bob 2026-01-05T10:02:00 pay",
    "eve 2026-01-06T10:00:00 cart",
)


def pairs(result: cx.Result) -> list[tuple[str, str, int, int]]:
    return result.table.select("from", "to", "count", "base").rows()


def test_counted_by_hand(tmp_path):
    found = cx.transitions(company(tmp_path, events=ROWS))
    assert pairs(found) == [
        ("visit", "cart", 1, 3),
        ("visit", "pay", 1, 3),
        ("visit", "visit", 1, 3),
        ("cart", "nothing more", 1, 2),
        ("cart", "pay", 1, 2),
        ("pay", "nothing more", 2, 2),
    ]
    assert found.table["step"].unique().to_list() == [0]
    assert found.table["median_seconds"].to_list() == [40.0, 120.0, 600.0, None, 86400.0, None]
    assert found.n == 7 and found.as_of == datetime(2026, 1, 6, 10)
    assert found.finding == (
        "'cart' was followed by 'pay' in 50.0 % (9.5–90.5) of 2 passages, the most frequent step "
        "between two different ones, half of these within 1.0 days (too few to say more)."
    )
    assert "1 of 4 steps lead from one to itself: repeats are counted." in found.caveats
    assert found.chart().data[0].type == "heatmap"


def test_within_a_visit(tmp_path):
    ws = company(tmp_path, events=ROWS, orders=orders("ann 2026-01-01T10:10:20 5"))
    of_visits = {row[:2]: row[2] for row in pairs(cx.transitions(ws, unit="session"))}
    assert ("cart", "pay") not in of_visits, "a day lies between"
    assert ("visit", "cart") in of_visits, "an order is no part of a visit"
    of_all = {row[:2]: row[2] for row in pairs(cx.transitions(ws))}
    assert of_all["visit", "ordered"] == of_all["ordered", "cart"] == 1


def test_flows_from_one_and_to_one(tmp_path):
    ws = company(tmp_path, events=ROWS)
    onward = cx.transitions(ws, start="visit")
    assert onward.table.select("step", "from", "to", "count", "base").rows() == [
        (1, "visit", "cart", 1, 3),
        (1, "visit", "pay", 1, 3),
        (1, "visit", "visit", 1, 3),
        (2, "cart", "pay", 1, 1),
        (2, "pay", "nothing more", 1, 1),
        (2, "visit", "cart", 1, 1),
        (3, "cart", "pay", 1, 1),
        (3, "pay", "nothing more", 1, 1),
    ]
    assert onward.n == 3
    back = cx.transitions(ws, end="pay")
    assert back.table.select("step", "from", "to", "count", "base").rows() == [
        (-1, "cart", "pay", 1, 2),
        (-1, "visit", "pay", 1, 2),
        (-2, "nothing before", "visit", 1, 1),
        (-2, "visit", "cart", 1, 1),
        (-3, "visit", "visit", 1, 1),
    ]
    assert back.finding.startswith("'pay' came right after 'cart' in 50.0 % (9.5–90.5) of 2 pass")
    for found in (onward, back):
        flow = found.chart().data[0]
        assert flow.type == "sankey"
        assert sum(flow.link.value) == found.table["count"].sum()


def test_many_names_flow_into_other(tmp_path):
    rows = [f"p{n} 2026-01-01T10:00 start" for n in range(9)]
    rows += [f"p{n} 2026-01-01T10:0{min(n, 8)}:30 next{n}" for n in range(9)]
    found = cx.transitions(company(tmp_path, events=events(*rows)), start="start")
    labels = found.chart().data[0].node.label
    assert "other · 3" in labels and "next0 · 1" in labels and "next8 · 1" not in labels


def test_since_and_as_of(tmp_path):
    ws = company(tmp_path, events=ROWS)
    late = cx.transitions(ws, since="2026-01-02")
    assert late.n == 4
    early = cx.transitions(ws, as_of="2026-01-01")
    assert early.n == 3 and early.table["to"].to_list() == ["cart", "visit", "nothing more"]
    assert cx.transitions(ws, since="2026-01-01", as_of="2026-01-01").n == 3


def test_a_stage_is_several_touchpoints(tmp_path):
    journey = {"journey": {"stages": ["start", "pay"], "touchpoints": {"start": ["visit", "cart"]}}}
    found = cx.transitions(company(tmp_path, journey, events=ROWS), of="stage")
    assert {row[:2]: row[2] for row in pairs(found)} == {
        ("start", "start"): 2,
        ("start", "pay"): 2,
        ("start", "nothing more"): 1,
        ("pay", "nothing more"): 2,
    }


def test_nobody_one_row_and_all_ties(tmp_path):
    nothing = cx.transitions(company(tmp_path / "a"))
    assert nothing.finding == "No touchpoint was passed: there is nothing to follow."
    assert nothing.n == 0 and len(nothing.outputs()) == 2
    one = cx.transitions(company(tmp_path / "b", events=ROWS[-1:]))
    assert pairs(one) == [("cart", "nothing more", 1, 1)]
    assert one.finding == "In 1 passage no touchpoint was followed by a different one."
    alone = company(tmp_path / "c", events=ROWS[-1:])
    assert one.chart() and cx.transitions(alone, start="cart").chart()
    assert cx.transitions(alone, end="cart").table.rows()[0][:5] == (
        -1, "nothing before", "cart", 1, 1,
    )  # fmt: skip
    ties = events(*(f"ann 2026-01-01T10:00 {name}" for name in "cba"))
    tied = cx.transitions(company(tmp_path / "d", events=ties))
    assert [row[:3] for row in pairs(tied)] == [
        ("a", "b", 1), ("b", "c", 1), ("c", "nothing more", 1),
    ]  # fmt: skip


def test_bad_questions_name_what_there_is(tmp_path):
    ws = company(tmp_path, events=ROWS)
    for asked, words in (
        ({"of": "page"}, "of is 'page'; it is 'touchpoint' or 'stage'."),
        ({"unit": "case"}, "There is no unit 'case' here. There are: customer, session."),
        ({"start": "cat"}, "No touchpoint is called 'cat'. The data have: cart, pay, visit."),
        ({"start": "cart", "end": "pay"}, "start and end are both given"),
        ({"since": "0001-01-01"}, "since is '0001-01-01', which is not a day."),
        ({"since": "May"}, "since is 'May', which is not a day. Write it as '2026-01-31'."),
        ({"since": "2026-02-01"}, "since is 2026-02-01 and the data end"),
    ):
        with pytest.raises(BadQuestion) as problem:
            cx.transitions(ws, **asked)
        assert words in str(problem.value)


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = cx.transitions(company(tmp_path / "a", events=ROWS))
    other = cx.transitions(company(tmp_path / "b", events=ROWS[::-1]))
    assert one.table.equals(other.table) and one.finding == other.finding


def test_shares_of_a_base_add_up(demo):
    for asked in ({}, {"unit": "session"}, {"start": "paid", "of": "stage"}, {"end": "paid"}):
        found = cx.transitions(demo, **asked)
        ends = "to" if "end" in asked else "from"
        sums = found.table.group_by("step", ends).agg(pl.col("share").sum())["share"]
        assert sums.to_list() == pytest.approx([1.0] * len(sums))


PLACES = [("touchpoint", "customer"), ("touchpoint", "session"), ("stage", "customer"),
          ("stage", "session")]  # fmt: skip


@given(LOGS, st.sampled_from(PLACES), st.sampled_from([None, START + GAP]), st.booleans())
def test_both_forms_equal_plain_python(rows, asked, until, cut):
    of, unit = asked
    after = START if cut else None
    with store_of(rows) as ws:
        as_of = until or ws.as_of
        values = {"of": of, "unit": unit, "after": after, "as_of": as_of}
        seen = [row for row in rows if after is None or START + row[1] > after]
        counts, gaps = defaultdict(int), defaultdict(list)
        around = {1: defaultdict(list), -1: defaultdict(list)}
        for walk in walks(seen, unit, of, as_of):
            for (at, here), before in zip(walk, [None, *walk], strict=False):
                counts[before and before[1], here] += 1
                if before:
                    gaps[before[1], here].append(micros(at - before[0]))
            for way, line in ((1, walk), (-1, walk[::-1])):
                for place, (_at, name) in enumerate(line):
                    trail = line[place : place + 4] if name == "a" else []
                    for step, (near, far) in enumerate(
                        zip(trail[:3], [*trail[1:], None], strict=False), 1
                    ):
                        gap = micros(abs(far[0] - near[0])) if far else None
                        around[way][step, near[1], far and far[1]].append(gap)
        whose = {0: defaultdict(set), 1: defaultdict(set), -1: defaultdict(set)}
        for person in ("ann", "bob", "cid"):
            for walk in walks([row for row in seen if row[0] == person], unit, of, as_of):
                names = [name for _at, name in walk]
                for here, after_it in zip(names, [*names[1:], None], strict=True):
                    whose[0][here, after_it].add(person)
                for way, line in ((1, names), (-1, names[::-1])):
                    for place in [at for at, name in enumerate(line) if name == "a"]:
                        trail = [*line[place : place + 4], None]
                        for step, flow in enumerate(pairwise(trail[:4]), 1):
                            if flow[0] is not None:
                                whose[way][step, *flow].add(person)
        assert {row[:2]: row[2] for row in ws.query("transition_people", **values).rows()} == {
            pair: len(people) for pair, people in whose[0].items()
        }
        portable = ws.query("transitions_portable", **values)
        prepared = ws.query("transitions", **values).join(
            ws.query("transition_times", **values),
            on=["here", "next"],
            how="left",
            maintain_order="left",
        )
        assert prepared.equals(portable)
        assert {row[:2]: row[2] for row in portable.rows()} == dict(counts)
        assert {row[:2]: row[3:] for row in portable.rows() if row[3] is not None} == {
            pair: (nearest_rank(g, 0.5), nearest_rank(g, 0.9)) for pair, g in gaps.items()
        }
        for way, flows in around.items():
            asked_of = {"spot": "a", "way": way, **values}
            found = ws.query("transitions_around", **asked_of)
            other = ws.query("transitions_around_portable", **asked_of)
            assert found.equals(other.drop("people"))
            assert {row[:3]: row[3] for row in found.rows()} == {
                flow: len(g) for flow, g in flows.items()
            }
            assert {row[:3]: row[6] for row in other.rows()} == {
                flow: len(people) for flow, people in whose[way].items()
            }
            assert {row[:3]: row[4:] for row in found.rows() if row[4] is not None} == {
                flow: (nearest_rank(g, 0.5), nearest_rank(g, 0.9))
                for flow, g in flows.items()
                if g[0] is not None
            }


LARGE = """
insert into events (customer_id, occurred_at, event, channel, event_id)
select 'c' || (random() * 9000)::int, timestamp '2026-01-01' + to_seconds((random() * 9e6)::int),
    ['visit', 'visit', 'cart', 'pay', 'help', 'read'][1 + floor(random() * 6)::int],
    ['web', 'app'][1 + floor(random() * 2)::int], i::varchar
from range(250000) as made(i)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    ws = company_of(tmp_path_factory.mktemp("large"), LARGE)
    yield ws
    ws.close()


ASKED = [
    ("transitions", {"after": None}),
    ("transition_times", {"after": None}),
    ("transitions_around", {"after": None, "spot": "cart", "way": 1}),
    ("transitions_around", {"after": None, "spot": "cart", "way": -1}),
    ("top_paths", {"steps": 5, "most": 20, "people": True}),
    ("step_matrix", {"steps": 6, "people": True}),
    ("sessions", {"by": "channel", "gap": 1_800_000_000, "first": 0, "last": 10_000}),
]


@pytest.mark.parametrize("unit", ["customer", "session"])
@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_streaming_over_many_rows_in_several_threads(large, name, asked, unit):
    """The prepared forms look at the row beside a row: that it is the next one has to hold."""
    values = {**asked, "as_of": large.as_of - timedelta(days=1)}
    if name != "sessions":
        values |= {"of": "stage" if unit == "session" else "touchpoint", "unit": unit}
    (plan,) = large._connection.execute(f"explain {query_text(name)}", values).fetchall()
    assert "Streaming Window" in plan[1] or "STREAMING_WINDOW" in plan[1]
    prepared = large.query(name, **values)
    if name.startswith("transition") and "around" not in name:
        portable = large.query("transitions_portable", **values)
        assert prepared.equals(
            portable.select(prepared.columns)
            if name == "transitions"
            else portable.drop_nulls("here").select(prepared.columns)
        )
    else:
        portable = large.query(f"{name}_portable", **values)
        assert prepared.equals(portable.select(prepared.columns))
    assert prepared.height > 1


def test_a_report_leaves_out_what_few_did(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-01T10:00 visit" for n in range(12)]
    rows += [f"c{n} 2026-01-02T10:00 {'cart' if n < 11 else 'illness'}" for n in range(12)]
    ws = company(tmp_path, events=events(*rows))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.transitions(ws)
    pairs = [("visit", "cart", 11), ("cart", "nothing more", 11)]
    assert found.table.select("from", "to", "count").rows() == pairs
    assert found.n == 24
    assert found.caveats[0] == (
        "2 steps of too few people to be shown in a report are left out, taken 2 times in all: the "
        "shares do not add up to 1."
    )
    assert "illness" not in str(found.outputs())
    assert cx.transitions(ws, start="illness").finding == (
        "No step was taken by enough people to be shown in a report."
    )


def test_a_report_counts_people_not_passages(tmp_path, monkeypatch):
    """Three people who come often are three people, whichever way the steps are asked for."""
    often = [
        f"c{n} 2026-01-{day:02}T10:0{minute} {name}"
        for n in range(3)
        for day in range(1, 21)
        for minute, name in enumerate(("clinic", "pharmacy"))
    ]
    once = [f"d{n} 2026-01-01T10:0{at} {('visit', 'cart')[at]}" for n in range(12) for at in (0, 1)]
    ws = company(tmp_path, events=events(*often, *once))
    whole = cx.transitions(ws, unit="session")
    assert ("clinic", "pharmacy", 60) in whole.table.select("from", "to", "count").rows()
    assert "people" not in whole.table.columns
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.transitions(ws, unit="session")
    steps = [("cart", "nothing more", 12), ("visit", "cart", 12)]
    assert found.table.select("from", "to", "count").rows() == steps
    assert "left out, taken 120 times in all" in found.caveats[0]
    assert "the most frequent step between two different ones that can be shown" in found.finding
    for side in ({"start": "clinic"}, {"end": "pharmacy"}):
        assert cx.transitions(ws, unit="session", **side).table.is_empty()
        assert cx.transitions(ws, unit="customer", **side).table.is_empty()
    assert cx.transitions(ws, unit="session", start="visit").table.height == 2


def test_people_in_several_threads(large):
    """Who takes each step, where rows are looked at one beside the other and by windows."""
    for unit in ("customer", "session"):
        values = {"of": "touchpoint", "unit": unit, "after": None, "as_of": large.as_of}
        found = large.query("transition_people", **values)
        expected = large.sql(
            """
            select here, next, count(distinct customer_key) as people from (
                select customer_key, touchpoint::varchar as here,
                    if($unit = 'customer'
                        or epoch_us(lead(occurred_at) over one) - epoch_us(occurred_at)
                            <= 1800000000,
                        lead(touchpoint::varchar) over one, null) as next
                from timeline where touchpoint is not null
                window one as (
                    partition by customer_key order by occurred_at, rank, touchpoint::varchar
                )
            ) group by here, next order by here, next nulls last
            """,
            unit=unit,
        )
        assert found.equals(expected) and found.height > 5
