"""Stays and bad touches by hand, and a hazard ratio planted in a made-up company."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from company import company, events, orders

import cxkit as cx
from cxkit import store
from cxkit.errors import BadQuestion
from cxkit.settings import Settings

# lapsed after 30 days; the data end on 30 June, so that stays are watched up to 31 May
RULE = {"lifecycle": {"lapse_days": 30}}
BOUGHT = orders(
    "ann 2026-01-01 5",  # stays to the end
    "ann 2026-01-21 5", "ann 2026-02-10 5", "ann 2026-03-02 5", "ann 2026-03-22 5",
    "ann 2026-04-11 5", "ann 2026-05-01 5", "ann 2026-05-21 5", "ann 2026-06-10 5",
    "ann 2026-06-30 5",
    "bob 2026-01-01 5",  # leaves after the first order
    "cid 2026-06-20 5",  # too young
)  # fmt: skip
SEEN = events(
    "ann 2026-01-05T10:00 glitch",
    "ann 2026-01-05T12:00 glitch",  # the same day: one bad touch
    "ann 2026-01-25T10:00 glitch",
    "bob 2026-02-20T10:00 glitch",  # long after he left
)


def stays(ws, **asked):
    marks = ws.query(
        "bad_marks", touchpoints=["glitch"], topics=False, low=False, days=None,
        as_of=ws.as_of, zone="UTC",
    )  # fmt: skip
    told = ws.query(
        "bad_touches", keys=marks["customer_key"].to_list(), at=marks["at"].to_list(),
        lapse_days=30, as_of=ws.as_of, zone="UTC",
    )  # fmt: skip
    names = ws.sql("select customer_key, customer_id from people")
    return told.join(names, on="customer_key").drop("customer_key")


def test_stays_by_hand(tmp_path):
    ws = company(tmp_path, settings=RULE, orders=BOUGHT, events=SEEN)
    told = stays(ws)
    ann = (
        told.filter(customer_id="ann")
        .select("start", "stop", "ended", "bad", "purchases", "others")
        .rows()
    )
    assert ann == [
        (0, 4, False, 0, 1, 0),
        (4, 24, False, 1, 1, 0),  # the visit with the glitch is no other visit
        (24, 30, False, 2, 2, 0),
        (30, 60, False, 2, 2, 0),
        (60, 90, False, 2, 4, 0),
        (90, 120, False, 2, 5, 0),
        (120, 150, False, 2, 7, 0),
    ]
    bob = told.filter(customer_id="bob").row(-1, named=True)
    assert bob["ended"]
    assert bob["bad"] == 0, "what came after he left counts for nothing"
    assert bob["stop"] <= 30
    assert "cid" not in told["customer_id"].to_list()
    result = cx.bad_touches(ws)
    assert result.n == 2
    assert result.finding == (
        "Cannot say: 1 lapse of 2 buyers, 1 of whom met a bad touch; with and without one, "
        "customers have to be watched for so long that 10 would lapse at everyone's rate."
    )
    assert result.chart()
    assert result.table["person_days"][-1] == 150 + bob["stop"]


def test_what_counts_as_bad(tmp_path):
    one = orders("ann 2026-01-01 5", "zoe 2026-06-30 5")
    answers = [
        ("01-10", "nps", 6, 10), ("02-01", "nps", 7, 10), ("02-02", "csat", 2, 5),
        ("02-03", "csat", 3, 5), ("02-04", "ces", 3, 7), ("02-05", "ces", 4, 7),
        ("02-06", "item", 1, 5),
    ]  # fmt: skip
    feedback = [
        {"customer_id": "ann", "given_at": f"2026-{day}", "metric": metric, "score": score,
         "scale": scale, "feedback_id": day}
        for day, metric, score, scale in answers
    ]  # fmt: skip

    def message(day, direction, **more):
        return {"customer_id": "ann", "sent_at": f"2026-{day}", "direction": direction} | more

    messages = [
        message("03-01", "in"),  # answered
        message("03-05", "out", purpose="give"),
        message("04-01", "in"),  # answered by a machine and by a survey alone
        message("04-02", "out", automatic=True),
        message("04-03", "out", purpose="ask"),
        message("06-28", "in"),  # the wait is not over yet
    ]
    for number, row in enumerate(messages):
        row["message_id"] = str(number)
    glitches = [
        {"customer_id": "ann", "occurred_at": "2026-05-01", "event": "page seen", "topic": "loop"},
        {"customer_id": "ann", "occurred_at": "2026-05-02", "event": "page seen", "topic": "shoes"},
    ]
    ws = company(
        tmp_path, settings=RULE, orders=one, feedback=feedback, messages=messages, events=glitches,
        issues=[{"topic": "loop"}],
    )  # fmt: skip
    told = ws.query(
        "bad_marks", touchpoints=[], topics=True, low=True, days=7, as_of=ws.as_of, zone="UTC"
    )
    assert told.select("day", "kind").rows() == [
        (date(2026, 1, 10), "low score"),
        (date(2026, 2, 2), "low score"),
        (date(2026, 2, 4), "low score"),
        (date(2026, 4, 8), "unanswered message"),
        (date(2026, 5, 1), "page seen"),
    ]


def made(
    folder, seed: int, ratio: float, *, people=500, apart=False, backwards: bool = False
) -> cx.Workspace:
    """Publish people who buy at random; each glitch multiplies their hazard of leaving.

    Glitches come with a tenth of the purchases or, `apart`, to three in ten people at a pace of
    their own, as visits of their own between purchases that come more regularly.
    """
    draw = np.random.default_rng(seed)
    bought, seen = [], []
    for person in range(people):
        gap, day, met = draw.choice([8.0, 15.0, 25.0]), draw.uniform(0, 400), 0
        exposed = apart and draw.random() < 0.3
        while day < 730:
            bought.append((f"p{person:03d}", day))
            onward = day + (draw.gamma(4, gap / 4) if apart else draw.exponential(gap))
            own = np.sort(draw.uniform(day, onward, draw.poisson(0.06 * (onward - day) * exposed)))
            if not apart and draw.random() < 0.10:
                own = np.array([day + 0.01])
            left = False
            for glitch in (*own, onward):
                left = draw.exponential(1 / (0.0016 * ratio**met)) < glitch - day
                if left or glitch == onward or glitch > 730:
                    break
                seen.append((f"p{person:03d}", glitch))
                day, met = glitch, min(met + 1, 3)
            if left:
                break
            day = onward
    begin = datetime(2024, 1, 1)
    sort = -1 if backwards else 1
    with store.draft(folder) as draft:
        for table, when, what, rows in (
            ("orders", "ordered_at", "order_id", bought),
            ("events", "occurred_at", "event", seen),
        ):
            rows = rows[::sort]
            draft.execute(
                f"insert into {table} (customer_id, {when}, {what}) "
                f"select unnest($who), unnest($at), unnest($what)",
                {
                    "who": [who for who, _ in rows],
                    "at": [begin + timedelta(days) for _, days in rows],
                    "what": [f"{w} {d}" if what == "order_id" else "glitch" for w, d in rows],
                },
            )
        store.publish(folder, draft, files={}, settings=Settings(), suggested={})
    return cx.open(folder)


def test_a_planted_ratio_is_found_and_none_is_not(tmp_path):
    planted = cx.bad_touches(made(tmp_path / "planted", 1, 2.0))
    each = planted.table.row(-1, named=True)
    assert each["hazard_ratio_low"] > 1
    assert each["hazard_ratio"] == pytest.approx(2.0, rel=0.25)
    assert "Each further bad touch, up to 3, is associated with" in planted.finding
    steps = planted.table["hazard_ratio"].to_list()[:4]
    assert steps == sorted(steps)
    assert planted.table["step"].to_list() == ["none", "1", "2", "3 or more", "each further one"]
    assert planted.table["lapses"][:-1].sum() == planted.table["lapses"][-1]
    none = cx.bad_touches(made(tmp_path / "none", 2, 1.0))
    assert "no surely higher or lower risk" in none.finding
    again = cx.bad_touches(made(tmp_path / "again", 2, 1.0, backwards=True))
    assert again.table.equals(none.table)
    early = cx.bad_touches(cx.open(tmp_path / "none"), as_of="2024-12-31")
    assert early.table["lapses"][-1] < none.table["lapses"][-1]


@pytest.mark.parametrize("apart", [False, True])
def test_no_link_no_claim(tmp_path, apart):
    """Of 20 companies without a link a true 5 % alarms more than 3 times in 1 of 60 cases."""
    alarms, ratios = 0, []
    for seed in range(20):
        ws = made(tmp_path / str(seed), 100 + seed, 1.0, people=300, apart=apart)
        result = cx.bad_touches(ws)
        each = result.table.row(-1, named=True)
        missed = not each["hazard_ratio_low"] <= 1 <= each["hazard_ratio_high"]
        assert missed == ("is associated with" in result.finding)
        alarms += missed
        ratios.append(each["hazard_ratio"])
        ws.close()
    assert alarms <= 3
    assert np.log(ratios).mean() == pytest.approx(0, abs=2 * np.log(ratios).std() / 20**0.5)


def test_low_scores_count_only_when_named(demo):
    """Whoever is asked once in their time was asked early where that time was short."""
    told = cx.bad_touches(demo)
    assert not any("'low score'" in caveat for caveat in told.caveats)
    assert not any("unanswered" in caveat for caveat in told.caveats)
    assert any("'glitch seen'" in caveat for caveat in told.caveats)
    named = cx.bad_touches(demo, bad=["low score"])
    assert any("who were asked early also had a short life" in c for c in named.caveats)


def test_nobody_and_bad_questions(tmp_path):
    empty = cx.bad_touches(company(tmp_path / "none"))
    assert empty.finding == (
        "Nobody's first purchase is one lapse limit old: what goes with a lapse cannot be said."
    )
    assert empty.table.is_empty()
    assert empty.chart()
    ws = company(tmp_path / "some", settings=RULE, orders=BOUGHT)
    assert cx.bad_touches(ws).finding == (
        "No bad touch of 2 buyers is known: name in bad what counts as one."
    )
    with pytest.raises(BadQuestion, match="'slap' is nothing that the data have"):
        cx.bad_touches(ws, bad=["slap"])
    with pytest.raises(BadQuestion, match="bad is empty"):
        cx.bad_touches(ws, bad=[])
    with pytest.raises(BadQuestion, match="answer_days"):
        cx.bad_touches(ws, answer_days=0)


def test_the_demo_company_shows_the_planted_direction(demo):
    """T06: who meets the glitch and is not helped lapses three times as fast."""
    each = cx.bad_touches(demo).table.row(-1, named=True)
    assert each["hazard_ratio"] > 1
