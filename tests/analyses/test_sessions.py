"""Visits: made by hand, and both forms against plain Python on random logs."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from company import company, events, orders
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
    assert found.table.rows() == [
        ("all", 4, 6, 1, 2, 0.5, pytest.approx(0.15, abs=0.01), pytest.approx(0.85, abs=0.01),
         10.0, 30.0),
    ]  # fmt: skip
    assert found.n == 4
    assert found.finding == (
        "Of 4 visits 50.0 % (15.0–85.0) ended with their first touchpoint; half of the others took "
        "10.0 minutes or less (too few to say more)."
    )
    by = cx.sessions(ws, by="channel")
    assert by.table.select("segment", "sessions", "one_touch", "median_minutes").rows() == [
        ("web", 2, 0, 10.0), ("app", 1, 1, None), ("missing", 1, 1, None),
    ]  # fmt: skip
    assert by.finding.endswith("(too few to say more). No segment surely differs.")
    assert "Only 2 visits in 'web': too few to say." in by.caveats
    assert by.chart().layout.title.text == "<b>50% of 4 visits end at once</b>"
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
    assert nobody.finding == "There are no events of anybody: no visits can be seen."
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
                minutes_at(longer, 0.5),
                minutes_at(longer, 0.9),
            )
        )
    with store_of(rows) as ws:
        asked = {"by": by, "gap": micros(gap), "as_of": ws.as_of, "first": 0, "last": 9}
        portable = ws.query("sessions_portable", **asked)
        assert portable.rows() == [(*kind, n) for kind, n in sorted(kinds.items())]
        assert ws.query("sessions", **asked).equals(portable)
        found = cx.sessions(ws, gap_minutes=minutes, by=None if by == "all" else by)
        assert sorted(row[:5] + row[8:] for row in found.table.rows()) == sorted(expected)
