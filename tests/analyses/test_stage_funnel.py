"""The funnel against counts made by hand, and against a brute force on random logs."""

import itertools
from datetime import datetime, timedelta
from html import unescape
from random import Random

import polars as pl
import pytest
from company import company, events, many_events
from hypothesis import given, settings
from hypothesis import strategies as st

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.intervals import wilson

# ann buys on her second try; bob skips the cart; cid stops; dan enters too late to count;
# eve has the cart before the visit. The last row makes the as-of date 31 March.
FIVE = events(
    "ann 2026-01-01T10:00 visit web",
    "ann 2026-02-01T10:00 visit app",
    "ann 2026-02-02T10:00 cart app",
    "ann 2026-02-03T10:00 buy app",
    "bob 2026-01-05T10:00 visit app",
    "bob 2026-01-05T10:00 buy app",
    "cid 2026-01-07T10:00 visit web",
    "cid 2026-01-08T10:00 cart web",
    "dan 2026-03-20T10:00 visit web",
    "eve 2026-01-02T10:00 cart web",
    "eve 2026-01-03T10:00 visit web",
    "zoe 2026-03-31T00:00 newsletter",
)


def counts(result: cx.Result) -> list[tuple[str, str, int]]:
    return result.table.select("segment", "stage", "reached").rows()


def test_five_customers_counted_by_hand(tmp_path):
    funnel = cx.stage_funnel(company(tmp_path, events=FIVE), stages=["visit", "cart", "buy"])
    assert counts(funnel) == [("all", "visit", 4), ("all", "cart", 2), ("all", "buy", 1)]
    assert funnel.table["lost"].to_list() == [None, 2, 1]
    assert funnel.table["left_out"].to_list() == [1, 1, 1]
    assert funnel.n == 4
    assert funnel.as_of == datetime(2026, 3, 31)
    assert funnel.finding == (
        "Of 4 customers at 'visit', 25.0 % (4.6–69.9) got to 'buy' within 30 days; the largest "
        "loss is between 'visit' and 'cart': 50.0 % (15.0–85.0) of 4 got no further (too few to "
        "say more)."
    )
    assert funnel.caveats[0] == (
        "1 customer entered less than 30 days before the end of the data: they may still be on "
        "their way, and are left out."
    )
    assert funnel.sql.startswith("-- What happened to whom")


def test_an_optional_stage_may_be_skipped_and_says_so(tmp_path):
    ws = company(tmp_path, events=FIVE)
    funnel = cx.stage_funnel(ws, stages=["visit", "cart", "buy"], optional=["cart"])
    assert counts(funnel) == [("all", "visit", 4), ("all", "cart", 2), ("all", "buy", 2)]
    assert funnel.table["skipped"].to_list() == [None, 1, None]
    assert "'cart' is optional: 2 passed it, and 1 went on without it." in funnel.caveats


def test_segments_add_up_to_the_total(tmp_path):
    ws = company(tmp_path, events=FIVE)
    funnel = cx.stage_funnel(ws, stages=["visit", "cart", "buy"], by="channel")
    assert counts(funnel) == [
        ("web", "visit", 3),
        ("web", "cart", 2),
        ("web", "buy", 1),
        ("app", "visit", 1),
        ("app", "cart", 0),
        ("app", "buy", 0),
    ]


def test_by_a_field_of_the_customers(tmp_path):
    known = [
        {"customer_id": "ann", "region": "north", "attributes": '{"tier": "gold"}'},
        {"customer_id": "bob", "region": "south"},
    ]
    ws = company(tmp_path, events=FIVE, customers=known)
    by_region = cx.stage_funnel(ws, stages=["visit", "buy"], by="region")
    assert counts(by_region)[:2] == [("missing", "visit", 2), ("missing", "buy", 0)]
    assert ("north", "buy", 1) in counts(by_region)
    by_tier = cx.stage_funnel(ws, stages=["visit", "buy"], by="tier")
    assert ("gold", "buy", 1) in counts(by_tier)


def test_small_segments_are_gathered_and_still_add_up(tmp_path):
    rows = [f"c{n} 2026-01-01T10:00 visit shop{n % 11}" for n in range(44)] + [
        "zoe 2026-03-31T00:00 end"
    ]
    ws = company(tmp_path, events=events(*rows))
    table = cx.stage_funnel(ws, stages=["visit"], by="channel").table
    assert table["segment"].to_list()[-1] == "other"
    assert table.height == 9
    assert table["reached"].sum() == 44


def test_a_report_shows_no_small_segment_alone(tmp_path, monkeypatch):
    rows = [f"w{n} 2026-01-01T10:00 visit web" for n in range(20)]
    rows += [f"a{n} 2026-01-01T10:00 visit app" for n in range(9)]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 end"))
    asked = {"stages": ["visit"], "by": "channel"}
    assert counts(cx.stage_funnel(ws, **asked)) == [("web", "visit", 20), ("app", "visit", 9)]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert counts(cx.stage_funnel(ws, **asked)) == [("other", "visit", 29)]


def test_a_stage_that_is_absent_gives_a_zero_row(tmp_path):
    funnel = cx.stage_funnel(company(tmp_path, events=FIVE), stages=["visit", "fax", "buy"])
    assert counts(funnel) == [("all", "visit", 4), ("all", "fax", 0), ("all", "buy", 0)]
    assert "No row of the data has the stage 'fax': it counts as 0." in funnel.caveats
    funnel.chart()


def test_the_first_stage_absent_or_no_data_at_all(tmp_path):
    ws = company(tmp_path / "some", events=FIVE)
    nobody = cx.stage_funnel(ws, stages=["fax", "buy"], by="channel")
    assert nobody.n == 0
    empty = cx.stage_funnel(company(tmp_path / "none"), stages=["visit", "buy"])
    assert counts(empty) == [("all", "visit", 0), ("all", "buy", 0)]
    for result in (nobody, empty):
        assert result.table["reached"].sum() == 0
        assert result.finding.endswith("there is nothing to count.")
        assert result.chart().layout.title.text
        assert "visit" in str(empty)


def test_one_customer_and_one_stage(tmp_path):
    rows = events("ann 2026-01-01T10:00 visit", "ann 2026-03-31T10:00 end")
    ws = company(tmp_path, events=rows)
    assert cx.stage_funnel(ws, stages=["visit"]).finding == (
        "1 customer entered at 'visit'; a funnel needs a second stage."
    )


def test_the_window_is_inclusive_to_the_microsecond(tmp_path):
    rows = events(
        "ann 2026-01-01T10:00 visit",
        "ann 2026-01-02T10:00 buy",
        "bob 2026-01-01T10:00 visit",
        "bob 2026-01-02T10:00:00.000001 buy",
        "zoe 2026-03-31T00:00 end",
    )
    funnel = cx.stage_funnel(company(tmp_path, events=rows), stages=["visit", "buy"], within_days=1)
    assert counts(funnel) == [("all", "visit", 2), ("all", "buy", 1)]


def test_a_stage_named_twice_needs_a_later_time(tmp_path):
    rows = events(
        "ann 2026-01-01T10:00 buy",
        "ann 2026-01-02T10:00 buy",
        "bob 2026-01-01T10:00 buy",
        "zoe 2026-03-31T00:00 end",
    )
    funnel = cx.stage_funnel(company(tmp_path, events=rows), stages=["buy", "buy"])
    assert [count for *_, count in counts(funnel)] == [2, 1]
    assert "2 customers at 'buy', 50.0 % (9.5–90.5) got to 'buy (2)'" in funnel.finding
    assert list(funnel.chart().data[0].y) == ["buy", "buy (2)"]


def test_the_settings_name_the_journey(tmp_path):
    told = {
        "journey": {
            "stages": ["seen", "bought"],
            "touchpoints": {"seen": ["visit", "newsletter"], "bought": ["buy"]},
            "within_days": 10,
        }
    }
    funnel = cx.stage_funnel(company(tmp_path, told, events=FIVE))
    assert counts(funnel) == [("all", "seen", 5), ("all", "bought", 2)]
    assert "within 10 days" in funnel.finding


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "No stages were named, and the settings hold no journey."),
        ({"stages": ["visit"], "optional": ["cart"]}, "'cart' is optional but is not among"),
        ({"stages": ["visit", "buy"], "optional": ["visit"]}, "The first stage, 'visit', cannot"),
        (
            {"stages": ["visit"], "within_days": 0},
            "within_days is 0; give a whole number from 1 to 100,000.",
        ),
        ({"stages": ["visit"], "within_days": "30"}, "within_days is '30'; give a whole number"),
        ({"stages": "visit"}, "stages is 'visit'; give a list of texts"),
        ({"stages": ["visit"], "by": "nope"}, "There is no field 'nope' to compare by. There are:"),
        ({"stages": ["visit"], "as_of": 20260101}, "as_of is 20260101, which is not a date."),
        ({"stages": ["visit"], "as_of": "soon"}, "as_of is 'soon', which is not a date."),
    ],
)
def test_questions_it_refuses(tmp_path, asked, message):
    with pytest.raises(BadQuestion, match="^" + message.replace("(", r"\(")):
        cx.stage_funnel(company(tmp_path, events=FIVE), **asked)


def test_the_segment_that_differs_is_named_and_chance_is_not(tmp_path):
    def log(app_buyers):
        rows = [f"w{n} 2026-01-01T10:00 visit web" for n in range(100)]
        rows += [f"w{n} 2026-01-01T11:00 buy web" for n in range(60)]
        rows += [f"a{n} 2026-01-01T10:00 visit app" for n in range(100)]
        rows += [f"a{n} 2026-01-01T11:00 buy app" for n in range(app_buyers)]
        return events(*rows, "zoe 2026-03-31T00:00 end")

    broken = company(tmp_path / "broken", events=log(30))
    result = cx.stage_funnel(broken, stages=["visit", "buy"], by="channel")
    assert result.finding == (
        "From 'visit' to 'buy', 'app' keeps 30.0 % (21.9–39.6) of 100 customers, the others 60.0 % "
        "(50.2–69.1) of 100: a difference of -30.0 points (-42.2 to -16.3), the largest between "
        "segments."
    )
    assert result.chart().layout.title.text.startswith("<b>&#x27;app&#x27; keeps 30%")
    alike = company(tmp_path / "alike", events=log(55))
    assert cx.stage_funnel(alike, stages=["visit", "buy"], by="channel").finding.endswith(
        "No segment surely differs."
    )


def test_a_segment_that_no_row_has_compares_nothing(tmp_path):
    ws = company(tmp_path, events=FIVE)
    finding = cx.stage_funnel(ws, stages=["visit", "buy"], by="device").finding
    assert finding.endswith("By device there is nothing to compare: all are 'missing'.")


def test_visitors_count_and_are_said(tmp_path):
    rows = events("ann 2026-01-01T10:00 visit", "zoe 2026-03-31T00:00 end")
    rows.append({"visitor_id": "v1", "occurred_at": "2026-01-01T10:00", "event": "visit"})
    funnel = cx.stage_funnel(company(tmp_path, events=rows), stages=["visit", "buy"])
    assert funnel.finding.startswith("Of 2 visitors or customers at 'visit'")
    assert funnel.table["visitors"].to_list() == [1, 0]
    assert funnel.caveats[0] == (
        "1 of those who entered is a visitor whom nobody could link to a customer, and they did "
        "not get to 'buy': whoever buys becomes known. One person with two browsers counts twice."
    )


def test_visitors_do_not_make_one_segment_look_better(tmp_path):
    """Half of all known customers buy on either channel; visitors, who never do, are on the web."""
    rows = [f"w{n} 2026-01-01T10:00 visit web" for n in range(60)]
    rows += [f"w{n} 2026-01-01T11:00 buy web" for n in range(30)]
    rows += [f"a{n} 2026-01-01T10:00 visit app" for n in range(60)]
    rows += [f"a{n} 2026-01-01T11:00 buy app" for n in range(30)]
    strangers = [
        {"visitor_id": f"v{n}", "occurred_at": "2026-01-01", "event": "visit", "channel": "web"}
        for n in range(200)
    ]
    ws = company(tmp_path, events=[*events(*rows, "zoe 2026-03-31T00:00 end"), *strangers])
    finding = cx.stage_funnel(ws, stages=["visit", "buy"], by="channel").finding
    assert finding.endswith("No segment surely differs.")


def test_who_has_the_next_stage_at_another_time_is_said(tmp_path):
    rows = [f"c{n} 2026-01-02T10:00 deliver" for n in range(10)]
    rows += [f"c{n} 2026-01-01T10:00 review" for n in range(4)]
    rows += [f"c{n} 2026-01-03T10:00 review" for n in range(4, 9)]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 end"))
    funnel = cx.stage_funnel(ws, stages=["deliver", "review"])
    assert funnel.table["otherwise"].to_list() == [0, 4]
    assert (
        "4 of the 5 who got no further than 'deliver' do have 'review', but before 'deliver' "
        "or more than 30 days after they entered." in funnel.caveats
    )


def brute_force(log, path, as_of, window):
    """Try every choice of one row per stage: the customers who can walk the whole path."""
    walked = set()
    for customer in {row[0] for row in log}:
        rows = sorted({(t, e) for c, t, e in log if c == customer and t <= as_of})
        stages = [[t for t, e in rows if e == stage] for stage in path]
        for chain in itertools.product(*stages):
            in_order = all(
                a < b or (a == b and path[j + 1] not in path[: j + 1])
                for j, (a, b) in enumerate(itertools.pairwise(chain))
            )
            ripe = chain[0] <= as_of - window
            if in_order and ripe and chain[-1] <= chain[0] + window:
                walked.add(customer)
                break
    return walked


# Few customers, few instants, few events: nearly every log is full of ties.
START = datetime(2026, 1, 1)
LOGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.sampled_from("vcpr")), max_size=24
)
PATHS = st.lists(st.sampled_from("vcpr"), min_size=1, max_size=4)


@given(log=LOGS, path=PATHS, window=st.integers(1, 3), draw=st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_equal_to_a_brute_force_whatever_the_row_order(tmp_path_factory, log, path, window, draw):
    log = [(c, START + timedelta(days=day), e) for c, day, e in log]
    log.append(("z", START + timedelta(days=7), "end"))
    rows = [{"customer_id": c, "occurred_at": t, "event": e} for c, t, e in log]
    draw.shuffle(rows)
    ws = company(tmp_path_factory.mktemp("log"), events=rows)
    as_of, days = START + timedelta(days=7), timedelta(days=window)
    told = cx.stage_funnel(ws, stages=path, within_days=window).table["reached"].to_list()
    assert told == [len(brute_force(log, path[: k + 1], as_of, days)) for k in range(len(path))]
    if len(path) == len(set(path)) and len(path) >= 3:
        skip = path[1]
        required = [stage for stage in path if stage != skip]
        table = cx.stage_funnel(ws, stages=path, optional=[skip], within_days=window).table
        ways = {stage: required[: required.index(stage) + 1] for stage in required}
        ways[skip] = [path[0], skip]
        expected = [len(brute_force(log, ways[stage], as_of, days)) for stage in path]
        assert table["reached"].to_list() == expected
        through = len(brute_force(log, path[:3], as_of, days))
        assert table["skipped"].to_list()[1] == expected[2] - through
    ws.close()


def portable(ws, path, optional, window, by="all"):
    """Count with the form of the query that runs on any engine: reached per segment and stage."""
    places = range(1, len(path) + 1)
    required = [place for place in places if path[place - 1] not in optional]
    ways = {0: required} | {p: sorted([*required, p]) for p in places if p not in required}
    steps = [(way, step, place) for way, walk in ways.items() for step, place in enumerate(walk, 1)]
    earlier = [[path[p - 1] for p in ways[way][: step - 1]] for way, step, _ in steps]
    frame = ws.query(
        "stage_funnel_portable",
        stages=list(path),
        optional=[stage in optional for stage in path],
        touchpoints=list(path),
        places=list(places),
        routes=[way for way, _, _ in steps],
        steps=[step for _, step, _ in steps],
        route_places=[place for _, _, place in steps],
        later=[path[place - 1] in e for (_, _, place), e in zip(steps, earlier, strict=True)],
        as_of=ws.as_of,
        within_days=window,
        by=by,
    )
    return frame.select(
        "segment", "stage", "place", "customers", "otherwise", "visitors", "left_out", "came_again"
    ).rows()


@given(log=LOGS, path=PATHS, window=st.integers(1, 3), draw=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_prepared_form_equals_the_portable_one(tmp_path_factory, log, path, window, draw):
    """Ties, a stage named twice, times that differ by a microsecond, one stage, no events."""
    micro = timedelta(microseconds=1)
    rows = [
        {
            "customer_id": None if c == "c" else c,
            "visitor_id": f"{c}{day % 2}" if c == "c" else None,
            "occurred_at": START + timedelta(days=day) + draw.choice([0, 0, 1]) * micro,
            "event": e,
            "channel": draw.choice(["web", "app", None]),
        }
        for c, day, e in log
    ]
    rows.append({"customer_id": "z", "occurred_at": START + timedelta(days=7), "event": "end"})
    ws = company(tmp_path_factory.mktemp("forms"), events=rows)
    optional = [path[1]] if len(path) == len(set(path)) and len(path) > 1 else []
    columns = [
        "segment", "stage", "place", "reached", "otherwise", "visitors", "left_out", "came_again",
    ]  # fmt: skip
    for by in ("all", "channel"):
        asked = None if by == "all" else by
        funnel = cx.stage_funnel(
            ws, stages=path, optional=optional, within_days=window, by=asked
        ).table.sort("segment", "place")
        assert funnel.select(columns).rows() == sorted(
            portable(ws, path, optional, window, by), key=lambda row: (row[0], row[2])
        )
    ws.close()


def test_equal_to_a_brute_force_on_a_log_too_large_for_shortcuts(tmp_path):
    """The query planner takes other ways on larger tables: 300 customers, 6,000 events."""
    draw = Random(7)
    log = [
        (f"c{draw.randrange(300)}", START + timedelta(hours=draw.randrange(2400)), e)
        for e in draw.choices("vcpr", weights=(4, 3, 2, 2), k=6000)
    ]
    log.append(("z", START + timedelta(days=101), "end"))
    rows = [{"customer_id": c, "occurred_at": t, "event": e} for c, t, e in log]
    ws = company(tmp_path, events=rows)
    as_of, window = START + timedelta(days=101), timedelta(days=5)
    told = cx.stage_funnel(ws, stages=list("vcpr"), within_days=5).table["reached"].to_list()
    assert told == [len(brute_force(log, "vcpr"[: k + 1], as_of, window)) for k in range(4)]
    assert told[3] > 0


def test_counts_never_rise_and_segments_sum(tmp_path):
    rows = [
        f"c{n} 2026-01-{1 + n % 20:02d}T{n % 24:02d}:00 {'vcb'[k]} {'web' if n % 3 else 'app'}"
        for n in range(60)
        for k in range(1 + n % 3)
    ] + ["zoe 2026-03-31T00:00 end"]
    ws = company(tmp_path, events=events(*rows))
    whole = cx.stage_funnel(ws, stages=["v", "c", "b"]).table
    assert whole["reached"].to_list() == [60, 40, 20]
    parts = cx.stage_funnel(ws, stages=["v", "c", "b"], by="channel").table
    sums = parts.group_by("stage", maintain_order=True).agg(pl.col("reached").sum())
    assert sums["reached"].to_list() == [60, 40, 20]


def test_people_of_no_segment_are_on_neither_side(tmp_path):
    """North 40 of 60 bought, south 20 of 60; of 60 without a region nobody did."""
    rows, done = [], []
    for region, bought in (("north", 40), ("south", 20), (None, 0)):
        for n in range(60):
            who = f"{region}{n:02}"
            rows.append({"customer_id": who, "region": region})
            done.append(f"{who} 2026-01-01 look")
            done += [f"{who} 2026-01-02 buy"] * (n < bought)
    done.append("late 2026-03-01 end")
    ws = company(tmp_path, customers=rows, events=events(*done))
    funnel = cx.stage_funnel(ws, stages=["look", "buy"], by="region", within_days=5)
    assert "66.7 %" in funnel.finding
    assert "the others 33.3 %" in funnel.finding
    assert "of 60: a difference of +33.3 points" in funnel.finding


def test_people_of_no_segment_stay_a_row_of_their_own(tmp_path, monkeypatch):
    # eleven towns of twelve to two people, and one person who gave none
    towns = [f"t{place:02}" for place in range(11) for _ in range(12 - place)]
    known = [
        {"customer_id": f"c{i}", "attributes": f'{{"town": "{t}"}}'} for i, t in enumerate(towns)
    ]
    log = [f"{who} 2026-01-05 visit" for who in [*(row["customer_id"] for row in known), "ann"]]
    ws = company(tmp_path, customers=known, events=events(*log, "zoe 2026-03-31 other"))
    whole = cx.stage_funnel(ws, stages=["visit"])
    funnel = cx.stage_funnel(ws, stages=["visit"], by="town")
    assert funnel.table.select("segment", "reached").rows() == [
        *[(f"t{place:02}", 12 - place) for place in range(7)],
        ("missing", 1),
        ("other", 5 + 4 + 3 + 2),
    ]
    assert funnel.table["reached"].sum() == whole.n == 78
    monkeypatch.setenv("CXKIT_REPORT", "1")
    reported = cx.stage_funnel(ws, stages=["visit"], by="town").table
    assert reported.select("segment", "reached").rows() == [
        ("t00", 12),
        ("t01", 11),
        ("t02", 10),
        ("other", 45),
    ]


# One life each; the letters say what the options make of it.
OPTIONS = events(
    "ann 2026-01-01T10:00 visit",  # straight on
    "ann 2026-01-02T10:00 cart",
    "ann 2026-01-03T10:00 buy",
    "bob 2026-01-01T10:00 visit",  # something lies between visit and cart
    "bob 2026-01-02T09:00 help",
    "bob 2026-01-02T10:00 cart",
    "bob 2026-01-03T10:00 buy",
    "cid 2026-01-01T10:00 buy",  # the other way round
    "cid 2026-01-02T10:00 cart",
    "cid 2026-01-03T10:00 visit",
    "dan 2026-01-01T10:00 visit",  # a slow step
    "dan 2026-01-09T10:00 cart",
    "dan 2026-01-10T10:00 buy",
    "eve 2026-01-01T10:00 visit",  # the cart again: no break
    "eve 2026-01-02T10:00 cart",
    "eve 2026-01-02T11:00 cart",
    "eve 2026-01-03T10:00 buy",
    "zoe 2026-03-31T00:00 newsletter",
)


@pytest.mark.parametrize(
    ("asked", "reached", "excluded"),
    [
        ({}, [5, 4, 4], [0, 0, 0]),
        ({"order": "strict"}, [5, 3, 3], [0, 0, 0]),
        ({"order": "any"}, [5, 5, 5], [0, 0, 0]),
        ({"order": "any", "anchored": ["visit"]}, [5, 4, 4], [0, 0, 0]),
        ({"order": "any", "anchored": ["buy"]}, [5, 5, 4], [0, 0, 0]),
        ({"step_days": {"cart": 7}}, [5, 3, 3], [0, 0, 0]),
        ({"step_days": {"buy": 1}}, [5, 4, 4], [0, 0, 0]),
        ({"exclude": {"cart": ["help"]}}, [5, 3, 3], [0, 1, 0]),
        ({"exclude": {"buy": ["help"]}}, [5, 4, 4], [0, 0, 0]),
        ({"within_days": 2}, [5, 3, 3], [0, 0, 0]),
    ],
)
def test_orders_windows_and_exclusions_by_hand(tmp_path, asked, reached, excluded):
    ws = company(tmp_path, events=OPTIONS)
    funnel = cx.stage_funnel(ws, stages=["visit", "cart", "buy"], **asked)
    assert funnel.table["reached"].to_list() == reached
    assert funnel.table["excluded"].to_list() == excluded


def test_strict_counts_what_order_strict_left_out_as_lost(tmp_path):
    """With order="strict" a foreign touchpoint ends the try: that is no exclusion of one's own."""
    ws = company(tmp_path, events=OPTIONS)
    strict = cx.stage_funnel(ws, stages=["visit", "cart", "buy"], order="strict").table
    assert strict["lost"].to_list() == [None, 2, 0]


def test_visits_attempts_and_orders_are_counted_each(tmp_path):
    rows = events(
        "ann 2026-01-01T10:00 visit",
        "ann 2026-01-01T10:30 cart",  # 30 minutes later: the same visit
        "ann 2026-01-01T11:01 buy",  # 31 minutes later: the next one
        "ann 2026-01-05T10:00 visit",
        "ann 2026-01-05T10:10 buy",
        "bob 2026-01-02T10:00 visit",
        "bob 2026-01-02T10:05 cart",
        "bob 2026-01-02T10:06 buy",
        "zoe 2026-03-31T00:00 newsletter",
    )
    ws = company(tmp_path, events=rows)
    path = ["visit", "cart", "buy"]
    assert cx.stage_funnel(ws, stages=path).table["reached"].to_list() == [2, 2, 2]
    visits = cx.stage_funnel(ws, stages=path, unit="session")
    assert visits.table["reached"].to_list() == [3, 2, 1]
    assert visits.finding.startswith("Of 3 visits at 'visit', ")
    attempts = cx.stage_funnel(ws, stages=path, unit="attempt")
    assert attempts.table["reached"].to_list() == [3, 2, 2]
    held = cx.stage_funnel(ws, stages=path, hold="session")
    assert held.table["reached"].to_list() == [2, 2, 1]
    assert " within 30 days in one visit; " in held.finding


def test_an_order_is_held_constant(tmp_path):
    """ann's two orders each went half the way: no order was both sent and delivered."""
    rows = [
        {"customer_id": who, "occurred_at": f"2026-01-0{day}", "event": event, "case_id": case}
        for who, day, event, case in [
            ("ann", 1, "placed", "o1"),
            ("ann", 2, "sent", "o1"),
            ("ann", 3, "placed", "o2"),
            ("ann", 4, "delivered", "o2"),
            ("bob", 1, "placed", "o3"),
            ("bob", 2, "sent", "o3"),
            ("bob", 3, "delivered", "o3"),
        ]
    ]
    rows.append({"customer_id": "zoe", "occurred_at": "2026-03-31", "event": "newsletter"})
    ws = company(tmp_path, events=rows)
    path = ["placed", "sent", "delivered"]
    assert cx.stage_funnel(ws, stages=path).table["reached"].to_list() == [2, 2, 2]
    assert cx.stage_funnel(ws, stages=path, hold="case").table["reached"].to_list() == [2, 2, 1]
    cases = cx.stage_funnel(ws, stages=path, unit="case")
    assert cases.table["reached"].to_list() == [3, 2, 1]
    assert cases.table["unit"].unique().to_list() == ["case"]
    orders = cx.stage_funnel(ws, stages=path, unit="order")
    assert orders.finding == "No order has 'placed': there is nothing to count."
    held = cx.stage_funnel(ws, stages=path, hold="order")
    assert held.finding == "No customer has 'placed' in any order: there is nothing to count."


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"order": "random"}, "order is 'random'; give one of: any, ordered, strict."),
        ({"unit": "cow"}, "unit is 'cow'; give one of: attempt, case, customer, order"),
        ({"hold": "cow"}, "hold is 'cow'; give one of: case, order, session."),
        ({"hold": "attempt"}, "hold is 'attempt'; give one of"),
        ({"hold": "order", "unit": "session"}, "leave hold out and ask with unit='order'"),
        ({"unit": []}, r"unit is \[\]; give one of"),
        ({"hold": []}, r"hold is \[\]; give one of"),
        ({"step_days": 5}, "step_days is 5; give values by name, as in {'paid': 1}."),
        ({"exclude": 5}, "exclude is 5; give values by name"),
        ({"exclude": ["visit", "buy"]}, "give values by name"),
        ({"exclude": {"buy": ["hellp"]}}, "exclude names 'hellp'. The data have: buy, cart, help,"),
        ({"anchored": None, "order": "any"}, "anchored is None; give a list of texts"),
        ({"anchored": "visit", "order": "any"}, "anchored is 'visit'; give a list of texts"),
        ({"optional": "cart"}, "optional is 'cart'; give a list of texts"),
        ({"step_days": {"fax": 1}}, "step_days names 'fax', which is not among the stages."),
        ({"step_days": {"visit": 1}}, "nothing comes before the first stage"),
        ({"exclude": {"buy": "help"}}, "exclude is 'help'; give a list"),
        ({"exclude": {"buy": ["help"]}, "order": "any"}, "exclude needs an order of the stages"),
        ({"exclude": {"buy": ["help"]}, "order": "strict"}, "exclude adds nothing"),
        ({"stages": ["a", "a"], "order": "any"}, "A stage is named twice"),
    ],
)
def test_options_that_do_not_fit_together(tmp_path, asked, message):
    ws = company(tmp_path, events=OPTIONS)
    with pytest.raises(BadQuestion, match=message):
        cx.stage_funnel(ws, **{"stages": ["visit", "cart", "buy"], **asked})


def test_in_any_order_the_entry_is_old_enough_not_what_came_before_it(tmp_path):
    """ann had b in time, but entered at a too late to be followed: she is left out."""
    rows = events(
        "ann 2026-01-10T00:00 b",
        "ann 2026-01-13T00:00 a",
        "bob 2026-01-01T00:00 a",
        "bob 2026-01-21T00:00 x",
    )
    ws = company(tmp_path, events=rows)
    funnel = cx.stage_funnel(ws, stages=["a", "b"], within_days=10, order="any")
    assert funnel.table["reached"].to_list() == [1, 0]
    assert funnel.table["left_out"].to_list() == [1, 1]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_equals_a_brute_force_and_never_widens(tmp_path, seed):
    draw = Random(seed)
    begun = datetime(2026, 1, 1)
    log = [
        (f"p{draw.randrange(25)}", begun + timedelta(days=draw.randrange(16)), draw.choice("abcx"))
        for _ in range(160)
    ]
    ws = company(
        tmp_path,
        events=[{"customer_id": who, "occurred_at": at, "event": name} for who, at, name in log],
    )
    as_of = max(at for _, at, _ in log)
    for days in (1, 3, 8):
        edge, path, reached = as_of - timedelta(days=days), "abc", [0, 0, 0]
        for one in {who for who, _, _ in log}:
            times = {name: [at for who, at, n in log if (who, n) == (one, name)] for name in path}
            for length in range(1, 4):
                reached[length - 1] += any(
                    chain[0] <= edge and max(chain) - min(chain) <= timedelta(days=days)
                    for chain in itertools.product(*(times[name] for name in path[:length]))
                )
        funnel = cx.stage_funnel(ws, stages=list(path), within_days=days, order="any")
        assert funnel.table["reached"].to_list() == reached
        assert reached == sorted(reached, reverse=True)


def test_a_stage_that_is_excluded_stands_for_its_touchpoints(tmp_path):
    journey = {"touchpoints": {"asked for help": ["help", "ticket opened"]}}
    ws = company(tmp_path, {"journey": journey}, events=OPTIONS)
    ask = {"stages": ["visit", "cart", "buy"]}
    told = cx.stage_funnel(ws, exclude={"cart": ["asked for help"]}, **ask).table
    assert told["reached"].to_list() == [5, 3, 3]
    assert told["excluded"].to_list() == [0, 1, 0]


def test_an_attempt_takes_in_all_of_its_first_instant(tmp_path):
    """The journey of the settings ranks x before zz: that must not part what happened at once."""
    rows = events(
        "ann 2026-01-05T10:00 zz",
        "ann 2026-01-05T10:00 x",
        "ann 2026-01-05T10:00 zz",
        "ann 2026-03-05T10:00 q",
    )
    ws = company(tmp_path, {"journey": {"stages": ["x", "y"]}}, events=rows)
    for unit in ("customer", "session", "attempt"):
        funnel = cx.stage_funnel(ws, stages=["zz", "x"], unit=unit, within_days=10)
        assert funnel.table["reached"].to_list() == [1, 1], unit


def shipped(reviews: bool) -> list[dict[str, str]]:
    """Forty orders are placed and thirty of them sent; reviews are numbered on their own."""
    rows = []
    for n in range(40):
        made = [("placed", 1, f"o{n}"), ("sent", 2, f"o{n}"), ("reviewed", 3, f"r{n}")]
        for name, day, case in made[: 3 if reviews else 2]:
            if name == "placed" or n < 30:
                row = {"customer_id": f"c{n}", "occurred_at": f"2026-01-0{day}", "event": name}
                rows.append(row | {"case_id": case})
    return [*rows, {"customer_id": "zoe", "occurred_at": "2026-03-31", "event": "newsletter"}]


def test_where_a_number_ends_is_no_loss(tmp_path):
    ws = company(tmp_path / "a", events=shipped(reviews=True))
    path = ["placed", "sent", "reviewed"]
    assert cx.stage_funnel(ws, stages=path).table["reached"].to_list() == [40, 30, 30]
    for asked in ({"unit": "case"}, {"hold": "case"}):
        funnel = cx.stage_funnel(ws, stages=path, **asked)
        assert funnel.table["reached"].to_list() == [40, 30, None]
        assert funnel.table["lost"].to_list() == [None, 10, None]
        assert funnel.table["share_of_previous"].to_list()[2] is None
        assert "got to 'sent'" in funnel.finding and "25.0 %" in funnel.finding
        assert funnel.finding.endswith(
            "No case at 'placed' can be followed to 'reviewed': its rows bear the numbers of none "
            "of them."
        )
        assert "25% of 40" in plain(funnel)
        assert "; 'reviewed' cannot be followed" in plain(funnel)
    # without any such row it is a stage that nobody has, and said as that
    none = cx.stage_funnel(company(tmp_path / "b", events=shipped(False)), stages=path, unit="case")
    assert none.table["reached"].to_list() == [40, 30, 0]
    two = cx.stage_funnel(ws, stages=["placed", "reviewed"], unit="case")
    assert two.finding.startswith("40 cases entered at 'placed'. No case at 'placed' can be")
    skipped = cx.stage_funnel(
        ws, stages=["placed", "reviewed", "sent"], optional=["reviewed"], unit="case"
    )
    assert skipped.table["reached"].to_list() == [40, None, 30]
    assert (
        "'reviewed' is optional, and no case can be followed to it: its rows bear other numbers, "
        "or none." in skipped.caveats
    )
    skipped.chart()


def test_the_list_of_people_and_the_money_know_where_a_number_ends(tmp_path):
    rows = shipped(reviews=True)
    for row in rows:
        row["amount"] = 10 if row["event"] == "sent" else None
    ws = company(tmp_path, events=rows)
    people = cx.stage_people(ws, stages=["placed", "sent", "reviewed"], unit="case")
    assert sorted(people.table["reason"].value_counts().rows()) == [
        ("cannot be followed", 30),
        ("never had it", 10),
    ]
    money = cx.stage_amounts(ws, stages=["placed", "sent", "reviewed"], unit="case")
    assert money.table["reached"].to_list() == [40, 30, None]
    assert money.table["went_on_share"].to_list() == [None, None, None]
    assert money.finding == (
        "Only at 'sent' amounts are recorded: 300 of 30 cases. What is lost before is not known."
    )
    money.chart()


def test_one_customer_is_said_in_the_singular(tmp_path):
    one = company(tmp_path, events=events("ann 2026-01-01 visit", "zoe 2026-03-31 newsletter"))
    stopped = cx.stage_funnel(one, stages=["visit", "newsletter"])
    assert "The one customer at 'visit' gets no further" in plain(stopped)
    assert cx.stage_people(one, stages=["visit"]).finding.startswith("The one customer got to")


def plain(result: cx.Result) -> str:
    return unescape(result.chart().layout.title.text.replace("<br>", " "))


@pytest.mark.parametrize("order", ["ordered", "any"])
@pytest.mark.parametrize("seed", range(4))
def test_entries_from_a_day_on_of_chosen_people_equal_a_brute_force(tmp_path, seed, order):
    """What lies before the day is no entry; in any order it may still be a later stage."""
    draw = Random(seed)
    begun, window = datetime(2026, 1, 1), timedelta(days=3)
    log = [
        (
            f"p{draw.randrange(30):02}",
            begun + timedelta(hours=draw.randrange(16 * 24)),
            draw.choice("abcx"),
            draw.choice(["phone", "desk"]),
        )
        for _ in range(250)
    ]
    ws = company(
        tmp_path,
        events=[
            {"customer_id": who, "occurred_at": at, "event": name, "device": device}
            for who, at, name, device in log
        ],
        customers=[
            {"customer_id": f"p{n:02}", "region": "north" if n % 3 else "south"} for n in range(30)
        ],
    )
    since, as_of = datetime(2026, 1, 5), max(at for _, at, _, _ in log)

    def furthest(own):
        times = {name: [at for at, n, _ in own if n == name] for name in "abc"}
        for length in (3, 2, 1):
            for chain in itertools.product(*(times[name] for name in "abc"[:length])):
                fits = since <= chain[0] <= as_of - window and max(chain) - min(chain) <= window
                if fits and (order == "any" or list(chain) == sorted(chain)):
                    return length
        return 0

    for where in (
        None,
        {"device": "phone"},
        {"region": "south"},
        {"device": "desk", "region": "north"},
    ):
        reached, young = [0, 0, 0], 0
        for one in {who for who, *_ in log}:
            own = sorted((at, name, device) for who, at, name, device in log if who == one)
            entries = [row for row in own if row[1] == "a" and row[0] >= since]
            devices = [device for at, _, device in entries if at == entries[0][0]]
            told = {
                "device": min(devices, default=None),
                "region": "north" if int(one[1:]) % 3 else "south",
            }
            if any(told[field] != value for field, value in (where or {}).items()):
                continue
            far = furthest(own)
            reached = [n + (place < far) for place, n in enumerate(reached)]
            young += bool(entries) and entries[0][0] > as_of - window
        funnel = cx.stage_funnel(
            ws, stages=list("abc"), within_days=3, order=order, where=where, since="2026-01-05"
        )
        assert funnel.table["reached"].to_list() == reached, where
        assert funnel.table["left_out"][0] == young
        people = cx.stage_people(
            ws, stages=list("abc"), within_days=3, order=order, where=where, since="2026-01-05"
        )
        ripe = people.table.filter(pl.col("reason") != "still has time")
        assert [ripe.filter(pl.col("place") > n).height for n in range(3)] == reached
        assert (people.table["entered_at"] >= since).all()


def test_who_is_chosen_and_since_when_is_said(tmp_path):
    ws = company(tmp_path, {"company": {"timezone": "Asia/Tokyo"}}, events=FIVE)
    ask = {"stages": ["visit", "cart", "buy"]}
    app = cx.stage_funnel(ws, where={"channel": "app"}, since="2026-01-05", **ask)
    assert app.table["reached"].to_list() == [2, 1, 1]  # ann's second visit, and bob's
    assert app.finding.startswith(
        "Of 2 customers with channel app since 2026-01-05 at 'visit', 50.0 %"
    )
    # the day begins in Tokyo: bob's visit of 19:00 there is still of the 5th
    assert cx.stage_funnel(ws, since="2026-01-06", **ask).table["reached"][0] == 2
    held = cx.stage_funnel(ws, where={"channel": "app"}, hold="session", **ask)
    assert held.table["reached"].to_list() == [1, 0, 0]
    visits = cx.stage_funnel(ws, where={"channel": "app"}, unit="session", **ask)
    assert visits.table["reached"].to_list() == [1, 0, 0]
    none = cx.stage_funnel(ws, since="2026-03-25", **ask)
    assert none.finding == ("No customer since 2026-03-25 has 'visit': there is nothing to count.")
    for asked, words in (
        ({"where": {"device": 5}}, "Nobody's device is 5. There are: missing."),
        ({"where": "app"}, "where is 'app'; give values by name, as in {'channel': 'app'}"),
        ({"where": {"shoe": "x"}}, "There is no field 'shoe'"),
        ({"since": 5}, "since is 5, which is not a day."),
        ({"since": "May"}, "since is 'May', which is not a date."),
        ({"since": "0001-01-01"}, "since is 0001-01-01, which is before any data."),
        ({"since": "2027-01-01"}, "The data end on 31 Mar 2026"),
    ):
        with pytest.raises(BadQuestion) as problem:
            cx.stage_funnel(ws, **ask, **asked)
        assert words in str(problem.value), problem.value


def visits_of_few(folder, seed, people=40, times=60):
    """Publish many visits of few people, each with a device and a rate of going on of their own."""
    draw = Random(seed)
    rows = []
    for person in range(people):
        rate, device = draw.betavariate(0.6, 0.6), draw.choice(["phone", "desk"])
        for hour in draw.sample(range(24 * 180), times):
            at = datetime(2026, 1, 5) + timedelta(hours=hour)
            rows.append((f"p{person}", at, "a", device))
            if draw.random() < rate:
                rows.append((f"p{person}", at + timedelta(minutes=2), "b", device))
    names = ["customer_id", "occurred_at", "event", "device"]
    return many_events(folder, pl.DataFrame(rows, schema=names, orient="row"))


def test_visits_of_the_same_people_are_no_independent_ones(tmp_path):
    """Devices make no difference: at most one of fifteen such companies may say that they do."""
    alarms = 0
    for seed in range(15):
        ws = visits_of_few(tmp_path / str(seed), seed)
        funnel = cx.stage_funnel(ws, stages=["a", "b"], within_days=1, unit="session", by="device")
        alarms += "a difference" in funnel.finding
        effects = funnel.table.filter(pl.col("place") == 2)["design_effect"]
        assert effects.min() > 5  # sixty visits of one person say little more than one
        ws.close()
    assert alarms <= 2
    told = "are of 40 people, and those of one person are alike"
    assert any(told in note for note in funnel.caveats)


def test_shares_of_visits_are_as_sure_as_their_people(tmp_path):
    """Ten people make ten visits each: five always go on and five never do."""
    rows = [
        f"p{person} 2026-01-{day:02}T10:0{minute} {name} {'web' if person < 6 else 'app'}"
        for person in range(10)
        for day in range(1, 11)
        for minute, name in enumerate(["visit", "cart"][: 1 + person % 2])
    ]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 newsletter"))
    asked = {"stages": ["visit", "cart"], "within_days": 1}
    found = cx.stage_funnel(ws, unit="session", **asked)
    cart = found.table.row(1, named=True)
    assert (cart["entered"], cart["reached"], cart["share_of_start"]) == (100, 50, 0.5)
    effect = design_effect([10, 0] * 5, [10] * 10)
    ends = wilson(*effective(50, 100, effect))
    for name in ("share_of_start", "share_of_previous"):
        assert (cart[f"{name}_low"], cart[f"{name}_high"]) == (ends.low, ends.high)
    assert ends.high - ends.low > 0.55, "ten people, not a hundred visits"
    assert f"50.0 % ({100 * ends.low:.1f}–{100 * ends.high:.1f}) got to 'cart'" in found.finding
    assert (
        "100 visits are of 10 people, and those of one person are alike: the intervals take people "
        "for independent."
    ) in found.caveats
    parts = cx.stage_funnel(ws, unit="session", by="channel", **asked).table
    web = parts.filter(segment="web", place=2).row(0, named=True)
    ends = wilson(*effective(30, 60, design_effect([10, 0] * 3, [10] * 6)))
    assert (web["share_of_start_low"], web["share_of_start_high"]) == (ends.low, ends.high)
    people = cx.stage_funnel(ws, **asked).table.row(1, named=True)
    assert people["share_of_start_low"] == pytest.approx(wilson(5, 10).low)


def test_the_chart_says_of_whom_it_speaks(tmp_path):
    ws = company(tmp_path, events=FIVE)
    asked = {"stages": ["visit", "buy"]}
    whole = cx.stage_funnel(ws, **asked).chart().layout
    found = cx.stage_funnel(ws, where={"channel": "web"}, since="2026-01-01", **asked)
    told = found.chart().layout
    assert told.title.text.endswith(
        '</b><br><span style="font-size:13px">Only with channel web since 2026-01-01</span>'
    )
    assert told.height == whole.height + 19 and told.margin.t == 84 + 19
    assert "Only" not in whole.title.text


def test_a_difference_between_people_is_found_in_their_visits(tmp_path):
    draw = Random(3)
    rows = []
    for person in range(200):
        device = "phone" if person % 2 else "desk"
        rate = 0.3 if device == "phone" else 0.7
        for day in range(6):
            at = datetime(2026, 1, 5 + day, person % 24)
            one = {"customer_id": f"p{person}", "device": device}
            rows.append(one | {"occurred_at": at, "event": "a"})
            if draw.random() < rate:
                rows.append(one | {"occurred_at": at + timedelta(minutes=2), "event": "b"})
    rows.append({"customer_id": "zoe", "occurred_at": "2026-03-31", "event": "end"})
    ws = company(tmp_path, events=rows)
    funnel = cx.stage_funnel(ws, stages=["a", "b"], unit="session", by="device", within_days=1)
    assert "a difference of" in funnel.finding
    customers = cx.stage_funnel(ws, stages=["a", "b"], by="device", within_days=1)
    assert customers.table["design_effect"].drop_nulls().to_list() == [1.0, 1.0]
    assert not any("are alike" in note for note in customers.caveats)


def test_a_report_counts_people_not_their_visits(tmp_path, monkeypatch):
    rows = [f"c{n} 2026-01-01T10:00 visit web" for n in range(20)]
    rows += [f"ann 2026-01-{day:02}T10:00 visit app" for day in range(1, 21)]
    ws = company(tmp_path, events=events(*rows, "zoe 2026-03-31T00:00 end"))
    asked = {"stages": ["visit"], "by": "channel", "unit": "session"}
    assert set(counts(cx.stage_funnel(ws, **asked))) == {("web", "visit", 20), ("app", "visit", 20)}
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert counts(cx.stage_funnel(ws, **asked)) == [("other", "visit", 40)]
