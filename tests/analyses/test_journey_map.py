"""The journey map against counts made by hand, the portable query, and a company of many."""

from datetime import datetime, timedelta
from random import Random

import polars as pl
import pytest
from company import company, events
from hypothesis import given, settings
from hypothesis import strategies as st

import cxkit as cx
from cxkit import demo
from cxkit.errors import BadQuestion
from cxkit.map_cells import _span

STAGES = ["visit", "cart", "buy"]
# ann buys; bob gets as far as the cart and asks for help; cid meets an error after the visit.
THREE = events(
    "ann 2026-01-01T10:00 visit web mobile",
    "ann 2026-01-01T10:10 cart web mobile",
    "ann 2026-01-01T10:30 buy web mobile",
    "bob 2026-01-02T10:00 visit app mobile",
    "bob 2026-01-02T11:00 cart app mobile",
    "cid 2026-01-03T10:00 visit web desktop",
    "cid 2026-01-03T10:05 error web desktop",
    "zoe 2026-03-31T00:00 newsletter",
)
TICKETS = [
    {"ticket_id": "t1", "customer_id": "bob", "opened_at": "2026-01-03T10:00", "topic": "cart"}
]
FEEDBACK = [
    {
        "feedback_id": "f1", "customer_id": "ann", "given_at": "2026-01-05", "metric": "csat",
        "score": 5, "scale": 5, "touchpoint": "after buying",
    },
    {
        "feedback_id": "f2", "customer_id": "bob", "given_at": "2026-01-04", "metric": "csat",
        "score": 1, "scale": 5,
        "comment": "Terrible, nobody called me back at bob@example.test",
    },
]  # fmt: skip
ISSUES = [{"topic": "error", "stage": "buy", "owner": "Payments"}]
TOLD = {
    "journey": {
        "stages": STAGES,
        "touchpoints": {"buy": ["buy", "after buying"]},
        "owners": {"cart": "Shop team"},
    }
}


@pytest.fixture
def three(tmp_path):
    return company(tmp_path, TOLD, events=THREE, tickets=TICKETS, feedback=FEEDBACK, issues=ISSUES)


def test_three_customers_counted_by_hand(three):
    result = cx.journey_map(three)
    table = result.table
    assert table["stage"].to_list() == STAGES
    assert table["reached"].to_list() == [3, 2, 1]
    assert table["share_reached"].to_list() == pytest.approx([1, 2 / 3, 1 / 3])
    assert table["passages"].to_list() == [3, 2, 1]
    assert table["share_leak"].to_list() == [pytest.approx(1 / 3), 0.5, None]
    minutes = [None if days is None else round(1440 * days) for days in table["median_days"]]
    assert minutes == [60, 20, None]
    on = [None if days is None else round(1440 * days) for days in table["median_days_on"]]
    assert on == [35, 20, None]
    assert table["contacts"].to_list() == [0, 1, 0]
    assert table["contacts_per_100"].to_list() == [0, 50, 0]
    assert table["glitches"].to_list() == [0, 0, 1], "the register says at which stage it hits"
    assert table["glitches_per_100"].to_list() == [0, 0, 100]
    assert table["top_glitch"].to_list() == [None, None, "error (1)"]
    assert table["mood"].to_list() == [None, -100, 100]
    assert table["answers"].to_list() == [0, 1, 1]
    assert table["share_heard"].to_list() == [0, 0.5, 1]
    assert table["complaint"].to_list()[1] == "Terrible, nobody called me back at [e-mail]"
    assert table["complaint_id"].to_list() == [None, "f2", None]
    assert table.select("comments", "complaints", "asks").rows()[1] == (1, 1, 0)
    assert table["owner"].to_list() == [None, "Shop team", "Payments"]
    assert table["next_step"].to_list() == ["error", "contacted support", None]
    assert table["leavers"].to_list() == [1, 1, 0]
    assert table["share_silent"].to_list() == [0, 0, None]
    assert table["opportunity"].to_list() == ["Nothing stands out here."] * 3, "too few to say"
    assert result.n == 3
    assert result.finding == (
        "Of 3 customers at 'visit' 33.3 % (6.1–79.2) got to 'buy' within 30 days: too few to say "
        "more."
    )
    assert "1 of 2 answers names no moment" in " ".join(result.caveats)


def test_its_reach_is_that_of_the_funnel(three):
    funnel = cx.stage_funnel(three).table
    table = cx.journey_map(three).table
    assert table["reached"].to_list() == funnel["reached"].to_list()
    lost = (1 - funnel["share_of_previous"].drop_nulls()).to_list()
    assert table["share_leak"].drop_nulls().to_list() == pytest.approx(lost)


def test_who_where_and_when(three):
    assert cx.journey_map(three, where={"channel": "web"}).table["reached"].to_list() == [2, 1, 1]
    both = cx.journey_map(three, where={"channel": "web", "device": "desktop"})
    assert both.table["reached"].to_list() == [1, 0, 0]
    assert both.finding.startswith("Of 1 customer with channel web, device desktop at 'visit'")
    late = cx.journey_map(three, since="2026-01-02")
    assert late.table["reached"].to_list() == [2, 1, 0]
    assert late.table["answers"].to_list() == [0, 1, 1]
    assert cx.journey_map(three, as_of="2026-01-01", within_days=1).n == 0
    with pytest.raises(BadQuestion, match=r"Nobody's channel is 'fax'. There are: app, web"):
        cx.journey_map(three, where={"channel": "fax"})
    with pytest.raises(BadQuestion, match="There is no field 'shoe size'"):
        cx.journey_map(three, where={"shoe size": "44"})
    with pytest.raises(BadQuestion, match="where is 'web'"):
        cx.journey_map(three, where="web")


def test_a_field_of_the_customers(tmp_path):
    known = [{"customer_id": "ann", "region": "north"}, {"customer_id": "bob", "region": "south"}]
    ws = company(tmp_path, events=THREE, customers=known)
    there = cx.journey_map(ws, stages=STAGES, where={"region": "north"})
    assert there.table["reached"].to_list() == [1, 1, 1]


def test_a_touchpoint_belongs_to_one_stage(three):
    with pytest.raises(BadQuestion, match="'buy' counts as 'buy' and as 'after'"):
        told = {"journey": {"stages": ["visit", "buy", "after"], "touchpoints": {"after": ["buy"]}}}
        cx.journey_map(company(three.store.parent / "two", told, events=THREE))
    with pytest.raises(BadQuestion, match=r"'cart' is named twice. A map shows each stage once."):
        cx.journey_map(three, stages=["visit", "cart", "cart"])


def test_a_stage_that_only_surveys_and_the_register_know(tmp_path):
    told = {"journey": {**TOLD["journey"], "touchpoints": {"delivery": ["after buying"]},
                        "afterwards": ["delivery"]}}  # fmt: skip
    issues = [{"topic": "error", "stage": "delivery", "owner": "Logistics"}]
    ws = company(tmp_path, told, events=THREE, feedback=FEEDBACK, issues=issues)
    result = cx.journey_map(ws)
    last = result.table.row(-1, named=True)
    assert last["stage"] == "delivery"
    assert last["reached"] is None
    assert last["median_days"] is None
    assert last["mood"] == 100
    assert last["glitches_per_100"] == 100, "by the passages of the stage before it"
    assert last["share_heard"] == 1
    assert last["owner"] == "Logistics"
    assert result.caveats[0] == (
        "No row of the timeline has the stage 'delivery': its reach and time are not known, and "
        "its glitches are per 100 passages of 'buy'."
    )
    funnel = cx.stage_funnel(ws)
    assert "delivery" not in funnel.table["stage"].to_list()


def test_answers_about_no_stage_are_counted_and_named(tmp_path):
    feedback = [{**FEEDBACK[0], "touchpoint": "yearly survey"}]
    ws = company(tmp_path, TOLD, events=THREE, feedback=feedback)
    result = cx.journey_map(ws)
    assert result.table["answers"].sum() == 0
    assert any("about 'yearly survey': name it in" in caveat for caveat in result.caveats)


def test_without_comments_tickets_glitches_or_owners(tmp_path):
    result = cx.journey_map(company(tmp_path, events=THREE[:5]), stages=STAGES, within_days=1)
    table = result.table
    for name in (
        "mood",
        "complaint",
        "ask",
        "suggestions",
        "owner",
        "contacts",
        "glitches",
        "glitches_per_100",
        "moment_of_truth",
    ):
        assert table[name].null_count() == 3, name
    texts = list(result.chart().data[-3].text)
    # mood, words, contacts and glitches of three stages, and what could stand out at the last
    assert texts.count("no data") == 19
    assert texts.count("no owner named") == 3
    (card,) = cx.journey_map(
        company(tmp_path / "2", events=THREE[:5]), stages=STAGES, within_days=1, page=True
    ).deal(table)
    assert card.columns == tuple(STAGES)


def test_one_stage_one_person_no_events(tmp_path):
    one = cx.journey_map(company(tmp_path / "1", events=THREE), stages=["visit"])
    assert one.table["share_leak"].to_list() == [None]
    one.chart()
    alone = company(tmp_path / "2", events=events("ann 2026-01-01T10:00 visit"))
    assert cx.journey_map(alone, stages=STAGES).finding == (
        "Nobody entered at 'visit' at least 30 days ago."
    )
    cx.journey_map(alone, stages=STAGES).chart()
    none = cx.journey_map(company(tmp_path / "3"), stages=STAGES)
    assert none.finding == "Nobody entered at 'visit' at least 30 days ago."
    assert none.table["reached"].to_list() == [None, None, None]
    none.chart()
    none.deal or cx.journey_map(company(tmp_path / "4"), stages=STAGES, page=True).outputs()
    with pytest.raises(BadQuestion, match="No stages were named"):
        cx.journey_map(company(tmp_path / "5"))


def test_a_report_hides_cells_of_few_people(three, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    table = cx.journey_map(three).table
    for name in ("mood", "complaint", "complaint_id", "next_step", "actions", "median_days"):
        assert table[name].null_count() == 3, name


def answers(*rows, start="2026-01-05"):
    """Write (who, moment, score, comment), all on a day of their own."""
    return [
        {
            "feedback_id": f"f{number}",
            "customer_id": who,
            "given_at": f"{start[:8]}{int(start[8:]) + number % 20:02d}",
            "metric": "csat",
            "scale": "5",
            "touchpoint": moment,
            "score": score,
            "comment": comment,
        }
        for number, (who, moment, score, comment) in enumerate(rows)
    ]


def test_what_is_asked_complained_of_and_suggested_at_each_stage(tmp_path):
    said = answers(
        ("ann", "cart", "2", "The parcel is late again. Where is my parcel?"),
        ("bob", "cart", "2", "When does the parcel arrive?"),
        ("cat", "cart", "5", "Lovely shop! Please add a map of the stores."),
        ("ann", "cart", "1", "Awful, nobody called me back."),
        ("cat", "buy", "5", ""),
    )
    table = cx.journey_map(company(tmp_path, TOLD, events=THREE, feedback=said)).table
    cart = table.row(1, named=True)
    assert cart["comments"] == 4
    assert (cart["asks"], cart["complaints"], cart["suggestions"]) == (2, 2, 1)
    assert cart["ask"] == "Where is my parcel?"
    assert cart["ask_id"] == "f0"
    assert cart["suggestion"] == "Please add a map of the stores."
    assert cart["suggestion_id"] == "f2"
    assert table.row(2, named=True)["asks"] is None, "nothing was written there"


def test_a_score_outside_of_its_scale_is_no_mood(tmp_path):
    said = answers(("ann", "cart", "50", ""), ("bob", "cart", "4", ""), ("cat", "cart", "-3", ""))
    result = cx.journey_map(company(tmp_path, TOLD, events=THREE, feedback=said))
    assert result.table["mood"].to_list()[1] == 50
    assert result.table["answers"].to_list()[1] == 1
    assert any("2 scores outside of the scale" in caveat for caveat in result.caveats)


def test_who_goes_on_to_an_optional_stage_has_not_left(tmp_path):
    rows = events(
        *(f"{who} 2026-01-01T10:00 visit" for who in "abcde"),
        *(f"{who} 2026-01-01T10:01 help" for who in "abc"),
        *(f"{who} 2026-01-01T10:02 buy" for who in "ad"),
        "z 2026-03-01T10:00 noise",
    )
    ws = company(tmp_path, events=rows)
    asked = {"stages": ["visit", "help", "buy"], "optional": ["help"], "within_days": 7}
    table = cx.journey_map(ws, **asked).table
    assert table["share_leak"].to_list() == [pytest.approx(1 / 5), pytest.approx(2 / 3), None]
    assert table["leavers"].to_list() == [1, 2, 0]
    stopped = cx.stage_people(ws, **asked).table.filter(reason="never had it")
    assert sorted(stopped["stage"]) == ["help", "help", "visit"], "each is told of once"


def test_a_report_counts_people_not_their_answers(tmp_path, monkeypatch):
    """One person who writes twelve times and meets a glitch stays one person."""
    crowd = [
        row
        for number in range(20)
        for row in (f"p{number} 2026-01-01T10:00 visit", f"p{number} 2026-01-01T10:01 cart")
    ]
    said = answers(*[("p0", "cart", "1", "My knee hurts, nobody called me back")] * 12)
    secret = ["p0 2026-01-01T10:02 error_of_one"]
    ws = company(tmp_path, TOLD, events=events(*crowd, *secret), feedback=said)
    shown = cx.journey_map(ws)
    assert "knee" in str(shown.table.row(1))
    assert "error_of_one (1)" in shown.table["top_glitch"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    hidden = cx.journey_map(ws)
    assert "knee" not in str(hidden.table.rows()) + hidden.chart().to_json()
    assert "error_of_one" not in str(hidden.table["top_glitch"].to_list())
    assert hidden.table["mood"].to_list() == [None, None, None]


def test_a_report_singles_nobody_out(three, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    with pytest.raises(BadQuestion, match=r"Fewer than 10 people have device desktop"):
        cx.journey_map(three, where={"device": "desktop"})


def many(seed: int) -> list[dict[str, object]]:
    """Make 400 customers: at the cart three in five leave, and every second one writes."""
    draw = Random(seed)
    rows = []
    for number in range(400):
        at = datetime(2026, 1, 1) + timedelta(minutes=draw.randrange(40_000))
        steps = 1 + (draw.random() < 0.9) + (draw.random() < 0.4)
        for step in STAGES[: steps if steps < 3 or number % 10 else 2]:
            rows.append({"customer_id": f"c{number:03}", "occurred_at": at, "event": step})
            at += timedelta(minutes=draw.randrange(1, 200))
    rows.append({"customer_id": "zoe", "occurred_at": datetime(2026, 6, 30), "event": "end"})
    return rows


def test_the_stage_that_stands_out_is_said(tmp_path):
    rows = many(1)
    people = sorted({row["customer_id"] for row in rows})
    tickets = [
        {"ticket_id": f"t{n}", "customer_id": person, "opened_at": "2026-03-01", "topic": "x"}
        for n, person in enumerate(people)
    ]
    result = cx.journey_map(company(tmp_path, events=rows, tickets=tickets[:5]), stages=STAGES)
    leak = result.table["share_leak"].to_list()
    assert leak[1] > 0.5 > leak[0]
    assert result.table["opportunity"][1].endswith("No owner named.")
    assert "leave, elsewhere" in result.table["opportunity"][1]
    assert "'cart' leaks most" in result.finding
    assert "▲" in " ".join(result.chart().data[-3].text)


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = many(2)
    one = cx.journey_map(company(tmp_path / "1", events=rows), stages=STAGES)
    Random(3).shuffle(rows)
    two = cx.journey_map(company(tmp_path / "2", events=rows), stages=STAGES)
    assert one.table.equals(two.table)


LOGS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cid"]),
        st.integers(0, 60),
        st.sampled_from(["visit", "cart", "buy", "look", "message in", "guide"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(LOGS, st.sampled_from([1, 3]))
def test_the_prepared_form_equals_the_portable_one(tmp_path_factory, rows, days):
    """Half-days, so that many rows share an instant; `look` counts as a visit too."""
    told = {"journey": {"stages": STAGES, "touchpoints": {"visit": ["visit", "look"]},
                        "within_days": days}}  # fmt: skip
    made = [
        {
            "customer_id": who,
            "occurred_at": datetime(2026, 1, 1) + timedelta(hours=12 * at, microseconds=at % 2),
            "event": event,
        }
        for who, at, event in rows
    ]
    ws = company(tmp_path_factory.mktemp("many"), told, events=made)
    table = cx.journey_map(ws, optional=["cart"]).table
    passages = ws.query(
        "journey_map_portable",
        touchpoints=["visit", "look", "cart", "buy"],
        places=[1, 1, 2, 3],
        next=[3, 3, 0],
        contacts=["message in"],
        within_days=days,
        since=datetime(1900, 1, 1),
        as_of=ws.as_of,
    )
    window = timedelta(days=days)
    for row in table.iter_rows(named=True):
        here = passages.filter(pl.col("place") == row["place"])
        if row["reached"] is None:
            assert here.is_empty()
            continue
        assert here.height == row["passages"]
        assert here["contacts"].sum() == (row["contacts"] or 0)
        waits = sorted(
            ((on - began), False) if on else (min(ws.as_of - began, window), True)
            for began, on in here.select("began_at", "went_on_at").rows()
        )
        if row["place"] == 3:
            assert row["median_days"] is None
            continue
        still, median = 1.0, None
        for place, (wait, open_) in enumerate(waits):
            if not open_:
                still *= 1 - 1 / (len(waits) - place)
            if still <= 0.5 + 1e-9:
                median = wait / timedelta(days=1)
                break
        assert row["median_days"] == (None if median is None else pytest.approx(median, abs=1e-9))
        ended = [wait / timedelta(days=1) for wait, open_ in waits if not open_]
        middle = pl.Series(ended, dtype=pl.Float64).median()
        assert row["median_days_on"] == (
            None if middle is None else pytest.approx(middle, abs=1e-9)
        )


def test_times_as_they_are_read():
    spans = [_span(days) for days in (0, 0.0005, 0.0018, 0.1, 1, 12)]
    assert spans == ["0 s", "43 s", "2.6 min", "2.4 h", "1 d", "12 d"]


def test_the_demo_companys_map_against_queries_of_their_own():
    ws = cx.open()
    table = cx.journey_map(ws).table
    rows = {row["stage"]: row for row in table.to_dicts()}
    felt = ws.sql(
        "select touchpoint, 100 * avg((score - 1) / 2 - 1) as mood, count(*) as n from feedback "
        "where metric = 'csat' and given_at is not null and customer_id is not null group by all"
    )
    told = {name: (mood, n) for name, mood, n in felt.rows()}
    assert rows["delivery"]["mood"] == pytest.approx(told["after delivery"][0])
    assert rows["delivery"]["answers"] == told["after delivery"][1]
    seen = ws.sql(
        "select topic, count(*) as n from events where event = 'glitch seen' group by all"
    )
    assert dict(seen.rows()).keys() == {"double charge", "coupon rejected"}
    assert rows["paid"]["top_glitch"].startswith("double charge (")
    assert rows["checkout started"]["top_glitch"].startswith("coupon rejected (")
    late = ws.sql(
        "select count(*) as n from tickets join issues using (topic) "
        "where issues.stage = 'delivery' and customer_id is not null"
    )["n"][0]
    assert rows["delivery"]["glitches"] == late
    assert rows["delivery"]["owner"] == "Logistics"
    contacts = ws.sql(
        "select count(*) as n from timeline where touchpoint in ('ticket opened', 'message in')"
    )["n"][0]
    assert 0.5 * contacts < table["contacts"].sum() <= contacts, "each belongs to one stage at most"
    after = table.filter(stage="paid")["share_leak"][0]
    assert after is None, "what comes after the last required stage may be skipped"
    owned = cx.friction_owners(ws).table
    assert owned["owner"][0] == "Payments", "two glitches that are met again and again are theirs"


@pytest.mark.timeout(300)
def test_a_company_with_nothing_planted_has_no_moment_of_truth(tmp_path):
    folder = demo.make(tmp_path, seed=2026, profile="small", null=True)
    cx.import_exports(folder / "exports", store=folder / "store")
    ws = cx.open(folder / "store")
    assert not cx.moments_of_truth(ws).table["stands_out"].any()
    assert cx.journey_map(ws).table["moment_of_truth"].null_count() == 7
