"""Times between stages by hand, the published pairs of funneljoin, and a brute force."""

from datetime import datetime, timedelta
from random import Random

import polars as pl
import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion

BEGIN = datetime(2026, 1, 1)
JOURNEY = {"journey": {"stages": ["visit", "cart", "paid"]}}
FOUR = events(
    "ann 2026-01-01T10:00 visit web phone",
    "ann 2026-01-01T11:00 cart web phone",
    "ann 2026-01-03T10:00 paid web phone",
    "bob 2026-01-02T10:00 visit web desk",
    "bob 2026-01-02T10:00 paid web desk",  # the same instant: at once
    "cid 2026-01-04T10:00 visit web desk",
    "dan 2026-01-01T09:00 paid web desk",  # before the first visit
    "dan 2026-01-05T10:00 visit web phone",
    "dan 2026-01-11T10:00 visit web phone",
)


def times(ws, **asked):
    asked = {"start": ["visit"], "end": ["paid"], "later": False, "by": "all"} | asked
    asked = {"pairs": "first-firstafter", "since": None, "as_of": ws.as_of} | asked
    told = ws.query("time_to_stage", **asked)
    names = ws.sql("select customer_key, customer_id from people")
    told = told.join(names, on="customer_key").sort("customer_id", "started_at")
    return told.select("customer_id", "days", done=pl.col("ended_at").is_not_null()).rows()


def test_four_people_by_hand(tmp_path):
    ws = company(tmp_path, settings=JOURNEY, events=FOUR)
    firsts = [("ann", 2.0, True), ("bob", 0.0, True), ("cid", 7.0, False)]
    assert times(ws) == [*firsts, ("dan", 6.0, False)]
    every = [("dan", 6.0, False), ("dan", 0.0, False)]
    assert times(ws, pairs="any-firstafter") == [*firsts, *every]
    assert times(ws, pairs="first-first")[-1][1] < 0, "dan's first payment came first"
    assert times(ws, later=True)[1] == ("bob", 9.0, False)
    result = cx.time_to_stage(ws)
    assert result.n == 4
    assert result.finding == (
        "From 'visit' to 'paid' 4 people can be followed, 2 arrived: too few to say more."
    )
    assert cx.time_to_stage(ws, pairs="first-first").caveats[0] == (
        "Left out: 1 person whose first 'paid' came before their first 'visit'."
    )
    assert cx.time_to_stage(ws, end="cart").table["arrived"].to_list() == [1]
    early = cx.time_to_stage(ws, as_of="2026-01-02")
    assert early.n == 2
    assert early.table["arrived"].to_list() == [1]


# Made-up logs from which the counts follow that the README of the R package funneljoin
# (github.com/robinsones/funneljoin) publishes: 4, 3 (75 %) and 2 (66.7 %; 50 % of the start) people
# at three stages, 6 pairs of a first start and the first end after it, 5 of a first and a first.
TOURS = """
ina 03-11 tour
ina 03-13 quote
ina 03-20 booking
ina 04-02 booking
joe 02-05 tour
joe 02-26 quote
kay 04-08 tour
kay 05-02 quote
kay 05-09 booking
lea 03-30 tour
"""
CALLED = "ina 10-03,joe 10-03,kay 10-05,lea 10-04,lea 10-09,max 10-20,max 10-24,nea 10-15"
CALLED += ",nea 10-17,pia 11-02,pia 11-06"
SIGNED = "ina 10-06,kay 10-05,lea 09-12,lea 10-06,max 10-21,nea 10-19,nea 10-22,ole 10-14"
SIGNED += ",pia 11-04,pia 11-09"


def test_the_published_counts_of_funneljoin_activity(tmp_path):
    rows = [line.split() for line in TOURS.strip().splitlines()]
    log = events(*(f"{who} 2023-{day}T00:00 {event}" for who, day, event in rows))
    late = events("zed 2023-12-31T00:00 noise")  # so that all had their time
    ws = company(tmp_path, events=[*log, *late])
    first = cx.time_to_stage(ws, start="tour", end="quote")
    assert first.n == 4
    assert first.table["arrived"][0] == 3
    onward = cx.time_to_stage(ws, start="quote", end="booking")
    assert onward.n == 3
    assert onward.table["arrived"][0] == 2
    funnel = cx.stage_funnel(ws, stages=["tour", "quote", "booking"], within_days=36)
    steps = funnel.table.select("reached", "share_of_previous").rows()
    assert steps == [(4, None), (3, 0.75), (2, pytest.approx(0.667, abs=0.001))]
    assert funnel.table["share_of_start"].to_list() == [1, 0.75, 0.5]


def test_the_published_pairs_of_funneljoin(tmp_path):
    log = []
    for told, event in ((CALLED, "called"), (SIGNED, "signed")):
        pairs = (row.split() for row in told.split(","))
        log += [f"{who} 2023-{day}T00:00 {event}" for who, day in pairs]
    ws = company(tmp_path, events=events(*log))

    def pairs_of(kind):
        result = cx.time_to_stage(ws, start="called", end="signed", pairs=kind)
        return int(result.table["arrived"].max())

    assert pairs_of("first-firstafter") == 6
    assert pairs_of("first-first") == 5


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Make 2,000 short random logs: ties, repeats and steps of a millisecond."""
    draw = Random(5)
    log = [
        (who, draw.randrange(9), draw.choice("abx"))
        for who in range(2000)
        for _ in range(draw.randrange(7))
    ]
    rows = [
        {"customer_id": f"p{who}", "occurred_at": str(BEGIN + timedelta(milliseconds=at)),
         "event": what, "event_id": str(number)}
        for number, (who, at, what) in enumerate(log)
    ]  # fmt: skip
    ws = company(tmp_path_factory.mktemp("crowd"), events=rows)
    names = dict(ws.sql("select customer_key, customer_id from people").iter_rows())
    return ws, log, names


@pytest.mark.parametrize("pairs", ["first-firstafter", "first-first", "any-firstafter"])
@pytest.mark.parametrize("shared", [False, True])
def test_pairs_equal_a_brute_force(crowd, pairs, shared):
    ws, log, names = crowd
    start, end = (["a", "b"] if shared else ["a"]), ["b"]
    at_start, at_end = {}, {}
    for who, at, what in log:
        if what in start:
            at_start.setdefault(who, set()).add(at)
        if what in end:
            at_end.setdefault(who, set()).add(at)
    expected = set()
    for who, starts in at_start.items():
        ends = at_end.get(who, set())
        for at in starts if pairs == "any-firstafter" else [min(starts)]:
            after = {e for e in ends if e > at or (e == at and not shared)}
            after = ends if pairs == "first-first" else after
            expected.add((f"p{who}", at, min(after, default=None)))
    told = ws.query(
        "time_to_stage",
        start=start,
        end=end,
        pairs=pairs,
        later=shared,
        by="all",
        since=None,
        as_of=ws.as_of,
    )

    def ms(moment):
        return None if moment is None else round((moment - BEGIN).total_seconds() * 1000)

    rows = told.select("customer_key", "started_at", "ended_at").rows()
    assert {(names[who], ms(at), ms(over)) for who, at, over in rows} == expected
    assert len(rows) == len(expected)


def many(fast: int, slow: int, *, reverse: bool = False) -> list[dict[str, str]]:
    """Phones arrive after one day, desks after ten; every fifth never does."""
    begin, log = datetime(2026, 1, 1), []
    for number in range(fast + slow):
        device, days = ("phone", 1) if number < fast else ("desk", 10)
        log.append(f"p{number:03d} {begin.isoformat()} visit web {device}")
        if number % 5:
            log.append(f"p{number:03d} {(begin + timedelta(days)).isoformat()} paid web {device}")
    log.append(f"zed {(begin + timedelta(40)).isoformat()} noise web desk")
    return events(*(reversed(log) if reverse else log))


def test_groups_of_another_pace_are_named(tmp_path):
    ws = company(tmp_path / "a", settings=JOURNEY, events=many(50, 50))
    result = cx.time_to_stage(ws, by="device")
    assert result.finding == (
        "From 'visit' to 'paid' half have arrived after 10 days (24 hours to 10 days) (n = 100): "
        "40.0 % (31.2–50.3) within 1 day, 40.0 % (31.2–50.3) within 7 days, 80.0 % (71.7–87.2) "
        "within 30 days; 'desk' is associated with another pace: half have arrived after 10 days "
        "of 50 people, of the 50 others half have arrived after 24 hours."
    )
    assert result.table.filter(pl.col("days") == 30)["arrived_share"].to_list() == [0.8, 0.8]
    assert result.table["at_risk"].is_between(0, 50).all()
    assert result.chart().layout.title.text
    again = company(tmp_path / "b", settings=JOURNEY, events=many(50, 50, reverse=True))
    other = cx.time_to_stage(again, by="device")
    assert other.table.equals(result.table)
    assert other.finding == result.finding


def test_nobody_one_person_and_bad_questions(tmp_path):
    ws = company(tmp_path / "none", settings=JOURNEY)
    empty = cx.time_to_stage(ws)
    assert empty.finding == "Nobody was at 'visit': how long it takes from there cannot be said."
    assert empty.table.is_empty()
    assert empty.chart()
    one = company(tmp_path / "one", settings=JOURNEY, events=FOUR[:1])
    result = cx.time_to_stage(one)
    assert result.finding == (
        "From 'visit' to 'paid' 1 person can be followed, none arrived yet: too few to say more."
    )
    assert result.chart()
    with pytest.raises(BadQuestion, match=r"start is 'vist'\. The data have: "):
        cx.time_to_stage(one, start="vist")
    with pytest.raises(BadQuestion, match="There are no pairs 'last'"):
        cx.time_to_stage(one, pairs="last")
    with pytest.raises(BadQuestion, match="There is no field 'shoe'"):
        cx.time_to_stage(one, by="shoe")
    bare = company(tmp_path / "bare", events=FOUR)
    with pytest.raises(BadQuestion, match="hold no journey"):
        cx.time_to_stage(bare)
    alone = company(tmp_path / "alone", settings={"journey": {"stages": ["visit"]}}, events=FOUR)
    with pytest.raises(BadQuestion, match="has the one stage"):
        cx.time_to_stage(alone)
    again = cx.time_to_stage(alone, start="visit", end="visit")  # until they come back
    assert again.table["arrived"].max() == 1


def test_in_a_report_small_groups_go_into_other(tmp_path, monkeypatch):
    ws = company(tmp_path, settings=JOURNEY, events=many(50, 3))
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert cx.time_to_stage(ws, by="device").table["segment"].unique().to_list() == ["other"]


def test_the_demo_company_answers(demo):
    result = cx.time_to_stage(demo, start="checkout started", end="paid", by="device")
    assert result.n > 600
    assert "visitors whom nobody could link" in " ".join(result.caveats)


def test_pairs_of_which_none_is_left_are_not_called_nobody(tmp_path):
    rows = events(
        "ann 2026-01-01T10:00 paid",
        "ann 2026-01-02T10:00 visited",
        "ann 2026-01-03T10:00 paid",
        "bob 2026-01-01T10:00 paid",
        "bob 2026-01-04T10:00 visited",
    )
    ws = company(tmp_path, events=rows)
    found = cx.time_to_stage(ws, start="visited", end="paid", pairs="first-first")
    assert found.finding == (
        "All 2 people at 'visited' had their first 'paid' before: no pair of first and first is "
        "left. Ask with pairs='first-firstafter'."
    )
    with pytest.raises(BadQuestion, match=r"start is \[\]. The data have: paid, visited"):
        cx.time_to_stage(ws, start=[], end="paid")
    with pytest.raises(BadQuestion, match=r"end is \[\]"):
        cx.time_to_stage(ws, start="visited", end=[])


def test_starts_from_a_day_on_of_chosen_people(tmp_path):
    """dan's first visit, cid's and all of the desks' go: two visits of phones are left."""
    ws = company(tmp_path, settings=JOURNEY, events=FOUR)
    every = cx.time_to_stage(ws, pairs="any-firstafter")
    late = cx.time_to_stage(ws, pairs="any-firstafter", since="2026-01-05")
    assert (every.n, late.n) == (
        ws.sql("select count(*) as n from timeline where touchpoint = 'visit'")["n"][0],
        ws.sql(
            "select count(*) as n from timeline where touchpoint = 'visit' "
            "and occurred_at >= timestamp '2026-01-05'"
        )["n"][0],
    )
    phones = cx.time_to_stage(ws, where={"device": "phone"}, since="2026-01-05")
    assert phones.n == 1
    assert phones.finding.startswith(
        "From 'visit' to 'paid', of people with device phone since 2026-01-05, 1 person can be"
    )


def test_groups_are_drawn_of_known_people_and_missing_is_no_name(tmp_path):
    """Visitors come by phone and never pay: in the groups they would make phones look slow."""
    rows = many(50, 50)
    rows += [
        {"visitor_id": f"v{n}", "occurred_at": "2026-01-01", "event": "visit", "device": "desk"}
        for n in range(60)
    ]
    ws = company(tmp_path, settings=JOURNEY, events=rows)
    found = cx.time_to_stage(ws, by="device")
    starts = found.table.unique("segment").sort("segment").select("segment", "starts").rows()
    assert sum(n for _, n in starts) == 100 and found.n == 160
    assert (
        "60 visitors whom nobody could link to a person are among those who started, and in "
        in (found.caveats[1] + found.caveats[0])
    )
    assert "of 50 known people" in found.finding
    region = cx.time_to_stage(ws, by="region")
    assert "'missing': half" not in region.chart().layout.title.text.replace("&#x27;", "'")


def test_a_report_shows_no_group_of_few_people_however_many_starts(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-0{1 + n % 7}T10:00 visit web desk" for n in range(40)]
    rows += [
        f"ann 2026-01-{day}T{hour}:00 visit web tv" for day in (10, 11) for hour in range(10, 22)
    ]
    rows += ["zoe 2026-03-31T10:00 end"]
    ws = company(tmp_path, settings=JOURNEY, events=events(*rows))
    ask = {"by": "device", "pairs": "any-firstafter"}
    assert set(cx.time_to_stage(ws, **ask).table["segment"]) == {"desk", "tv"}
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert set(cx.time_to_stage(ws, **ask).table["segment"]) == {"other"}
