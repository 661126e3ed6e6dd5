"""Visits: made by hand, and both forms against plain Python on random logs."""

from collections import Counter, defaultdict
from datetime import timedelta

import polars as pl
import pytest
from alike import of_people
from company import company, events, many_events, orders
from hypothesis import given
from hypothesis import strategies as st
from logs import LOGS, RANKS, START, micros, nearest_rank, store_of

import cxkit as cx
from cxkit.errors import BadQuestion

# ann: a visit of two and, a second more than half an hour later, one of one; bob: exactly half an
# hour between two; eve: one
ROWS = events(
    "ann 2026-01-01T10:00:00 visit web",
    "ann 2026-01-01T10:10:00 cart app",
    "ann 2026-01-01T10:40:01 pay app",
    "bob 2026-01-05T10:00:00 visit web",
    "bob 2026-01-05T10:30:00 pay web",
    "eve 2026-01-06T10:00:00 cart",
)


def test_counted_by_hand(tmp_path):
    ws = company(tmp_path, events=ROWS, orders=orders("eve 2026-01-06T10:01 5"))
    found = cx.sessions(ws)
    # of three people, one of whom came twice: their four visits say less than four of four
    assert found.table.drop("^difference.*$", "q_value").rows() == [
        ("all", 4, 6, 1, 2, 0.5, pytest.approx(0.05, abs=0.01), pytest.approx(0.95, abs=0.01),
         10.0, 30.0),
    ]  # fmt: skip
    assert found.n == 4
    assert found.finding == (
        "Of 4 visits 50.0 % (4.7–95.3) ended with their first touchpoint; half of the others took "
        "10.0 minutes or less (too few to say more)."
    )
    by = cx.sessions(ws, by="channel")
    assert by.table.select("segment", "sessions", "one_touch", "median_minutes").rows() == [
        ("web", 2, 0, 10.0), ("app", 1, 1, None), ("missing", 1, 1, None),
    ]  # fmt: skip
    assert by.finding.endswith("(too few to say more). No segment surely differs.")
    assert "Only 2 visits in 'web': too few to say." in by.caveats
    assert by.chart().layout.title.text == "<b>2 of 4 visits ended at once: too few to say</b>"
    assert cx.sessions(ws, gap_minutes=31).n == 3
    assert cx.sessions(ws, as_of="2026-01-05").n == 3


def test_a_difference_between_channels_is_said(tmp_path):
    rows = [f"c{n} 2026-01-01T10:00 visit web" for n in range(60)]
    rows += [f"c{n} 2026-01-01T10:05 cart web" for n in range(50)]
    rows += [f"d{n} 2026-01-01T10:00 visit app" for n in range(60)]
    found = cx.sessions(company(tmp_path, events=events(*rows)), by="channel")
    assert found.finding == (
        "Of 60 visits by 'app' 100.0 % (94.0–100.0) ended with their first touchpoint, of the 60 "
        "others 16.7 % (9.3–28.0): a difference of +83.3 points (+70.5 to +90.7)."
    )
    assert found.chart().layout.title.text == (
        "<b>100% of the visits by &#x27;app&#x27; end at once, 17% of the others</b>"
    )


def test_alike_channels_are_not_told_apart(tmp_path):
    rows = [f"{c}{n} 2026-01-01T10:00 visit {c}" for n in range(60) for c in ("web", "app")]
    rows += [f"{c}{n} 2026-01-01T10:05 cart {c}" for n in range(30) for c in ("web", "app")]
    found = cx.sessions(company(tmp_path, events=events(*rows)), by="channel")
    assert found.finding == (
        "Of 120 visits 50.0 % (41.2–58.8) ended with their first touchpoint. No segment surely "
        "differs."
    )


def test_nobody_one_person_and_all_ties(tmp_path):
    nobody = cx.sessions(company(tmp_path / "a", orders=orders("ann 2026-01-01 5")))
    assert (
        nobody.finding
        == "Nothing is known that anybody did on the web or in the app: no visits can be seen."
    )
    assert nobody.n == 0 and len(nobody.outputs()) == 2
    one = cx.sessions(company(tmp_path / "b", events=ROWS[:1]))
    assert one.finding == (
        "Of 1 visit 100.0 % (20.7–100.0) ended with their first touchpoint (too few to say more)."
    )
    ties = events(*(f"ann 2026-01-01T10:00 {name} web" for name in "cba"))
    tied = cx.sessions(company(tmp_path / "c", events=ties)).table.row(0, named=True)
    assert (tied["sessions"], tied["touchpoints"], tied["p90_minutes"]) == (1, 3, 0.0)


def test_bad_questions(tmp_path):
    ws = company(tmp_path, events=ROWS)
    for asked in ({"by": "region"}, {"gap_minutes": 0}, {"gap_minutes": 1.5}):
        with pytest.raises(BadQuestion):
            cx.sessions(ws, **asked)


def test_the_order_of_rows_does_not_matter(tmp_path):
    one = company(tmp_path / "a", events=ROWS)
    other = company(tmp_path / "b", events=ROWS[::-1])
    for by in (None, "channel"):
        assert cx.sessions(one, by=by).table.equals(cx.sessions(other, by=by).table)


@given(LOGS, st.sampled_from(["all", "channel"]), st.sampled_from([30, 60]))
def test_both_forms_equal_plain_python(rows, by, minutes):
    gap = timedelta(minutes=minutes)
    visits = defaultdict(list)
    seen = sorted(
        (who, START + after, RANKS.get(name, 255), name, case or "~", channel or "~")
        for who, after, name, case, channel in rows
        if name not in (None, "ordered")
    )
    for row, before in zip(seen, [None, *seen], strict=False):
        if before is None or before[0] != row[0] or row[1] - before[1] > gap:
            visit = [row]
            segment = "all" if by == "all" else row[5].replace("~", "missing")
            visits[segment].append(visit)
        else:
            visit.append(row)

    def minutes_at(lengths, share):
        return nearest_rank(lengths, share) / 60e6 if lengths else None

    expected, kinds = [], Counter()
    for segment, group in visits.items():
        sizes = [len(visit) for visit in group]
        lengths = [micros(visit[-1][1] - visit[0][1]) for visit in group]
        kinds.update(zip([segment] * len(group), sizes, lengths, strict=True))
        longer = [length for size, length in zip(sizes, lengths, strict=True) if size > 1]
        expected.append(
            (
                segment,
                len(group),
                sum(sizes),
                nearest_rank(sizes, 0.5),
                sizes.count(1),
                *(
                    m if m is None else round(m, 6)
                    for m in (minutes_at(longer, 0.5), minutes_at(longer, 0.9))
                ),
            )
        )
    with store_of(rows) as ws:
        asked = {"by": by, "gap": micros(gap), "as_of": ws.as_of, "first": 0, "last": 9}
        portable = ws.query("sessions_portable", **asked)
        assert portable.rows() == [(*kind, n) for kind, n in sorted(kinds.items())]
        assert ws.query("sessions", **asked).equals(portable)
        each = ws.query("session_people", **asked)
        assert each["visits"].sum() == sum(map(len, visits.values()))
        assert each["one_touch"].sum() == sum(len(v) == 1 for g in visits.values() for v in g)
        assert each.n_unique(["segment", "customer_key"]) == each.height
        found = cx.sessions(ws, gap_minutes=minutes, by=None if by == "all" else by)
        rows_found = found.table.with_columns(pl.col("median_minutes", "p90_minutes").round(6))
        assert sorted(row[:5] + row[8:10] for row in rows_found.rows()) == sorted(expected)


def test_what_becomes_of_an_order_is_no_visit(tmp_path):
    """Approved and delivered are the company's doing; a click that names its order is a visit."""
    dates = [
        {"customer_id": "ann", "occurred_at": at, "event": event, "case_id": "o1"}
        for at, event in (("2026-01-02T10:00", "approved"), ("2026-01-05T10:00", "delivered"))
    ]
    click = dates[0] | {"event": "paid", "session": "s1", "occurred_at": "2026-01-01T09:00"}
    ws = company(tmp_path, events=[*dates, click], orders=orders("ann 2026-01-01 5"))
    assert cx.sessions(ws).n == 1
    assert cx.top_paths(ws, unit="session").table["path"].to_list() == ["paid"]
    assert cx.stage_funnel(ws, stages=["approved", "delivered"], unit="session").n == 0
    without = company(tmp_path / "none", events=dates, orders=orders("ann 2026-01-01 5"))
    assert cx.sessions(without).n == 0


def test_many_visits_of_few_people_make_no_difference_between_devices(tmp_path):
    """The devices are drawn at random: each visit for itself, nine of ten would tell them apart."""
    said = []
    for seed in range(740, 760):
        ws = many_events(tmp_path / str(seed), of_people(seed, 40, 60, 0.6))
        said.append("a difference" in cx.sessions(ws, by="device").finding)
        ws.close()
    assert sum(said) <= 2, said


def test_in_a_report_people_are_counted_not_visits(tmp_path, monkeypatch):
    """Two people with forty visits each do not stand alone."""
    few = of_people(1, 2, 40, 1.0).with_columns(device=pl.lit("tv"))
    many = of_people(2, 40, 2, 1.0).with_columns(customer_id="q" + pl.col("customer_id"))
    ws = many_events(tmp_path, pl.concat([few, many]))
    assert "tv" in cx.sessions(ws, by="device").table["segment"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "tv" not in cx.sessions(ws, by="device").table["segment"].to_list()
