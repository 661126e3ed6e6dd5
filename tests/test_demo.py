"""The demo company: the planted truths, read back from the exported files alone."""

import csv
import gzip
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from cxkit import demo
from cxkit.demo.draws import Draws
from cxkit.demo.lives import _first_waits, _gaps
from cxkit.demo.truth import lifecycle_states
from cxkit.errors import BadQuestion

FIRST_DAY = date(2024, 7, 1)
COMMITTED = Path(__file__).parent.parent / "data" / "demo"
FILES = (
    "crm_contacts.xlsx",
    "glitch_log.csv",
    "helpdesk_tickets.csv",
    "messages.csv",
    "outreach_calls.csv",
    "review_portal.csv",
    "shop_orders_export.csv",
    "survey_responses.csv",
    "web_events.jsonl.gz",
)
Record = dict[str, str]


class Exports:
    """The exports of one company, read with nothing but the standard library."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "exports"
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text("utf-8"))

    def lines(self, name: str, *, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
        text = (self.folder / name).read_bytes().decode(encoding)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))

    def _records(self, lines: list[list[str]]) -> list[Record]:
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]

    @cached_property
    def contacts(self) -> list[Record]:
        space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
        with zipfile.ZipFile(self.folder / "crm_contacts.xlsx") as book:
            sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        rows = []
        for row in sheet.iter(space + "row"):
            cells = {
                re.sub(r"\d", "", cell.attrib["r"]): "".join(cell.itertext())
                for cell in row.iter(space + "c")
            }
            rows.append(cells)
        header = rows[0]
        return [{name: row.get(place, "") for place, name in header.items()} for row in rows[1:]]

    @cached_property
    def person(self) -> dict[str, str]:
        """E-mail addresses and the phone numbers of one record only, to its Record ID."""
        phones = Counter(digits(record["Phone Number"]) for record in self.contacts)
        found = {record["Email"]: record["Record ID"] for record in self.contacts}
        for record in self.contacts:
            if phones[digits(record["Phone Number"])] == 1:
                found[digits(record["Phone Number"])] = record["Record ID"]
        return found

    @cached_property
    def orders(self) -> list[Record]:
        """The first row of each order, once, with the person and the day."""
        once: dict[str, Record] = {}
        for record in self._records(self.lines("shop_orders_export.csv")):
            if record["Total"]:
                once.setdefault(record["Name"], record)
        for record in once.values():
            email, phone = record["Email"].lower(), digits(record["Phone"])
            record["person"] = self.person.get(email or phone, "")
            record["day"] = str((date.fromisoformat(record["Created at"][:10]) - FIRST_DAY).days)
        return list(once.values())

    @cached_property
    def purchases(self) -> list[Record]:
        return [
            order
            for order in self.orders
            if order["person"] and not order["Cancelled at"] and order["Total"][0] != "-"
        ]

    @cached_property
    def order_days(self) -> dict[str, list[int]]:
        days: dict[str, set[int]] = defaultdict(set)
        for order in self.purchases:
            days[order["person"]].add(int(order["day"]))
        return {person: sorted(found) for person, found in days.items()}

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        once = {}
        with gzip.open(self.folder / "web_events.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)
                once[event["message_id"]] = event
        return list(once.values())

    @cached_property
    def sessions(self) -> dict[str, dict[str, Any]]:
        """Web sessions: device, week, and the events that they hold."""
        found: dict[str, dict[str, Any]] = {}
        for event in self.events:
            if event["channel"] == "web":
                day = (date.fromisoformat(event["timestamp"][:10]) - FIRST_DAY).days
                session = found.setdefault(
                    event["session_id"],
                    {"device": event["device"], "week": day // 7 + 1, "events": set()},
                )
                session["events"].add(event["event"])
        return found

    @cached_property
    def tickets(self) -> list[Record]:
        lines = self.lines("helpdesk_tickets.csv", encoding="utf-8-sig")
        whole = [line for line in lines if len(line) > 1]
        once = {record["Ticket ID"]: record for record in self._records(whole)}
        return list(once.values())

    @cached_property
    def answers(self) -> list[Record]:
        questions, details, *lines = self.lines("survey_responses.csv")
        header = [
            detail if detail not in ("", "Response", "Open-Ended Response") else question
            for question, detail in zip(questions, details, strict=True)
        ]
        return self._records([header, *lines])

    @cached_property
    def messages(self) -> list[Record]:
        records = self._records(self.lines("messages.csv"))
        return list({record["Message ID"]: record for record in records}.values())

    @cached_property
    def calls(self) -> list[Record]:
        lines = self.lines("outreach_calls.csv", encoding="cp1252", delimiter=";")
        return self._records(lines)

    def checkout_by_week(self, device: str) -> tuple[np.ndarray, np.ndarray]:
        started, paid = np.zeros(105), np.zeros(105)
        for session in self.sessions.values():
            if session["device"] == device and "checkout started" in session["events"]:
                started[session["week"]] += 1
                paid[session["week"]] += "paid" in session["events"]
        return started[1:], paid[1:]

    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Net revenue by month, of those known before the data begins and of the others."""
        before = {
            record["Record ID"]
            for record in self.contacts
            if record["Create Date"] < str(FIRST_DAY)
        }
        month = np.zeros((2, 24))
        for order in self.orders:
            if order["person"] and not order["Cancelled at"]:
                year, number = int(order["Created at"][:4]), int(order["Created at"][5:7])
                place = 12 * (year - 2024) + number - 7
                month[int(order["person"] not in before), place] += float(order["Total"])
        return month[0], month[1]


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def opened_day(ticket: Record) -> int:
    text = ticket["Created time"][:10]
    day = date.fromisoformat(text) if text[4] == "-" else datetime.strptime(text, "%d/%m/%Y").date()
    return (day - FIRST_DAY).days


def below_limits(started: np.ndarray, paid: np.ndarray) -> list[int]:
    """Weeks whose share lies under the lower 3-sigma limit of the clean weeks 1-26."""
    base = paid[:26].sum() / started[:26].sum()
    limit = base - 3 * np.sqrt(base * (1 - base) / started)
    return (np.flatnonzero(paid / started < limit) + 1).tolist()


def scored(company: Exports, question: str, survey: str) -> dict[str, int]:
    """Each answerer's score in one survey."""
    return {
        answer["Email Address"]: int(answer[question])
        for answer in company.answers
        if answer["Custom Data 1"] == survey and answer[question]
    }


NPS = "How likely are you to recommend Brindlewick to a friend?"
CSAT = "Overall, how satisfied are you with Brindlewick?"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(demo.make(tmp_path_factory.mktemp("planted")))


@pytest.fixture(scope="module")
def null(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(demo.make(tmp_path_factory.mktemp("null"), null=True))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.make(tmp_path_factory.mktemp("small"), profile="small")


# --- the files ---------------------------------------------------------------------------------


def content(folder: Path) -> dict[str, object]:
    """Every file's content: unpacked where it is packed, because zlibs pack differently."""
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".gz":
            found[name] = gzip.decompress(path.read_bytes())
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found[name] = {part: book.read(part) for part in book.namelist()}
        else:
            found[name] = path.read_bytes()
    return found


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = demo.make(tmp_path, profile="small")
    for name in FILES:
        assert (again / "exports" / name).read_bytes() == (small / "exports" / name).read_bytes()
    assert (again / "truth.json").read_bytes() == (small / "truth.json").read_bytes()


def test_another_seed_gives_another_company(small: Path, tmp_path: Path) -> None:
    other = demo.make(tmp_path, seed=7, profile="small")
    same = [n for n in FILES if content(other)[f"exports/{n}"] == content(small)[f"exports/{n}"]]
    assert same == ["glitch_log.csv"]


def test_the_committed_company_is_the_small_one(small: Path) -> None:
    if not COMMITTED.is_dir():
        pytest.skip("no data/demo beside the code")
    # a checkout may carry other line ends only where git was told to change them
    assert content(COMMITTED) == content(small)


def test_an_unknown_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadQuestion, match=r"no profile 'huge'.*known are full, small"):
        demo.make(tmp_path, profile="huge")


def test_the_full_profile_has_the_promised_size(planted: Exports) -> None:
    assert len(planted.contacts) == 6000 + 480
    assert len(planted.order_days) == 4500
    assert 41_000 < len(planted.purchases) < 47_000
    assert 240_000 < len(planted.events) < 265_000
    assert len(planted.tickets) == 9000
    assert 27_000 < len(planted.messages) < 31_000
    assert 4_700 < sum(1 for answer in planted.answers if answer["End Date"]) < 5_300
    assert len(planted.lines("glitch_log.csv")) == 1 + 14


def test_ids_agree_between_the_files(planted: Exports) -> None:
    assert len({record["Email"] for record in planted.contacts}) == len(planted.contacts)
    emails = {record["Email"] for record in planted.contacts}
    assert {t["Requester email"] for t in planted.tickets} - emails == {""}
    assert {m["User email"] for m in planted.messages} <= emails
    assert {a["Email Address"] for a in planted.answers} - emails == {""}
    users = {record["Shop User ID"] for record in planted.contacts}
    assert {event["user_id"] for event in planted.events if "user_id" in event} <= users
    known = {i for r in planted.contacts for i in (r["Record ID"], r["Merged Record IDs"])}
    assert {call["Record ID"] for call in planted.calls} <= known
    # the decoy column looks like an id and matches nothing
    assert not {ticket["Customer No"] for ticket in planted.tickets} & known
    assert all(re.fullmatch(r".+\.(example|test)", email) for email in emails)


def test_each_web_and_app_order_has_its_paid_event(planted: Exports) -> None:
    paid = {e["order"]: e for e in planted.events if e["event"] == "paid"}
    orders = {o["Name"]: o for o in planted.purchases if o["Source"] in ("web", "app")}
    assert paid.keys() == orders.keys()
    users = {record["Record ID"]: record["Shop User ID"] for record in planted.contacts}
    for name, event in paid.items():
        order = orders[name]
        created = datetime.strptime(order["Created at"], "%Y-%m-%d %H:%M:%S %z")
        waited = created - datetime.fromisoformat(event["timestamp"])
        assert 0 < waited.total_seconds() < 60
        assert f"{event['value']:.2f}" == order["Total"]
        assert (event["device"], event["channel"]) == (order["Device"], order["Source"])
        assert event["user_id"] == users[order["person"]]


def test_times_carry_the_offset_of_the_zone(planted: Exports) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for order in planted.orders:
        created = datetime.strptime(order["Created at"], "%Y-%m-%d %H:%M:%S %z")
        assert created.utcoffset() == created.astimezone(zone).utcoffset()
    for message in planted.messages:  # no time that does not exist or exists twice
        local = datetime.fromisoformat(message["Sent at (Europe/Berlin)"])
        early, late = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        assert early == late


def test_order_lines_add_up_to_the_total(planted: Exports) -> None:
    sums: dict[str, float] = defaultdict(float)
    seen = set()
    lines = planted.lines("shop_orders_export.csv")
    field = {name: place for place, name in enumerate(lines[0])}
    repeated = planted.truth["T20"]["shop_orders_export.csv"]["repeated_rows"]
    for line in lines[1 : len(lines) - repeated]:
        quantity, price = line[field["Lineitem quantity"]], line[field["Lineitem price"]]
        if quantity:
            sums[line[0]] += int(quantity) * float(price)
        if line[field["Total"]]:
            assert line[0] not in seen
            seen.add(line[0])
            total = float(line[field["Total"]]) + float(line[field["Discount Amount"]] or 0)
            sums[line[0]] -= total - float(line[field["Shipping"]] or 0)
    refunds = {name for name in seen if name.endswith("-R1")}
    assert all(abs(sums[name]) < 0.005 for name in seen - refunds)


# --- the planted truths ------------------------------------------------------------------------


def profiles(company: Exports, which: str) -> tuple[list[str], np.ndarray]:
    names = [name for name in company.contacts[0] if name.startswith(which)]
    rows = [r for r in company.contacts if r[names[0]]]
    values = np.array([[float(r[name]) for name in names] for r in rows])
    return [r["Record ID"] for r in rows], (values - values.mean(axis=0)) / values.std(axis=0)


def test_t01_four_personas_can_be_found_again(planted: Exports) -> None:
    records, features = profiles(planted, "First profile")
    truth = [planted.truth["T01"]["persona"][record] for record in records]
    found = KMeans(4, n_init=10, random_state=0).fit_predict(features)
    assert adjusted_rand_score(truth, found) >= 0.85
    sizes = sorted(Counter(found.tolist()).values())
    assert np.allclose(np.array(sizes) / 4500, [0.12, 0.21, 0.27, 0.40], atol=0.03)


def test_t02_the_null_company_has_one_cloud(null: Exports, planted: Exports) -> None:
    records, features = profiles(null, "First profile")
    truth = [null.truth["T01"]["persona"][record] for record in records]
    found = KMeans(4, n_init=4, random_state=0).fit_predict(features)
    assert abs(adjusted_rand_score(truth, found)) < 0.02
    _, other = profiles(planted, "First profile")
    assert np.allclose(np.corrcoef(features.T), np.corrcoef(other.T), atol=0.08)


def test_t03_mobile_checkout_breaks_in_weeks_30_to_36(planted: Exports) -> None:
    started, paid = planted.checkout_by_week("mobile")
    broken = slice(29, 36)
    assert 50 < started.mean() < 65
    assert paid[broken].sum() / started[broken].sum() == pytest.approx(0.30, abs=0.05)
    rest_started, rest_paid = np.delete(started, broken), np.delete(paid, broken)
    assert rest_paid.sum() / rest_started.sum() == pytest.approx(0.55, abs=0.02)
    alarms = below_limits(started, paid)
    assert min(alarms) in (30, 31)
    assert max(alarms) in (35, 36)
    assert below_limits(*planted.checkout_by_week("desktop")) == []
    assert started.tolist() == planted.truth["T03"]["mobile_checkout_by_week"]
    assert paid.tolist() == planted.truth["T03"]["mobile_paid_by_week"]


def test_t03_is_quiet_in_the_null_company(null: Exports) -> None:
    assert below_limits(*null.checkout_by_week("mobile")) == []
    assert below_limits(*null.checkout_by_week("desktop")) == []


def test_t04_conversion_rises_while_each_device_falls(planted: Exports) -> None:
    shares = np.zeros((2, 3))  # first and last half-year: mobile, desktop, all
    for place, weeks in enumerate((range(1, 27), range(79, 105))):
        here = [s for s in planted.sessions.values() if s["week"] in weeks]
        for kind, devices in enumerate((["mobile"], ["desktop"], ["mobile", "desktop"])):
            chosen = [s for s in here if s["device"] in devices]
            shares[place, kind] = np.mean(["paid" in s["events"] for s in chosen])
    assert shares[1, 2] > shares[0, 2] + 0.02
    assert shares[1, 0] == pytest.approx(shares[0, 0] - 0.02, abs=0.01)
    assert shares[1, 1] == pytest.approx(shares[0, 1] - 0.02, abs=0.015)


def double_charge_rates(company: Exports) -> np.ndarray:
    """Active exposed customers, their exposures and complaints a week, before and after the fix."""
    exposed = {company.person[r["Email"]] for r in company.contacts} & set(
        company.truth["T05"]["exposed"]
    )
    left = company.truth["T11"]["left_day"]
    user = {r["Shop User ID"]: r["Record ID"] for r in company.contacts if r["Shop User ID"]}
    rows = []
    for first, last in ((40, 52), (92, 104)):
        days = range(7 * (first - 1), 7 * last)
        active = np.mean([sum((left[e] or 9999) > day for e in exposed) for day in days])
        exposures = sum(
            (date.fromisoformat(e["timestamp"][:10]) - FIRST_DAY).days in days
            for e in company.events
            if e.get("topic") == "double charge" and user[e["user_id"]] in exposed
        )
        complaints = sum(
            opened_day(t) in days for t in company.tickets if t["Topic"] == "double charge"
        )
        rows.append((active, exposures / 13, complaints / 13))
    return np.array(rows)


def test_t05_complaints_fall_because_customers_left(planted: Exports) -> None:
    (n0, e0, c0), (n1, e1, c1) = double_charge_rates(planted)
    assert (e1 / n1) / (e0 / n0) == pytest.approx(0.70, abs=0.08)
    left = (n1 - n0) * (c0 / n0 + c1 / n1) / 2
    assert left / (c1 - c0) == pytest.approx(0.76, abs=0.10)
    fixed = {line[0]: line[5] for line in planted.lines("glitch_log.csv")}
    assert fixed["double charge"] == "30/06/2025"  # the first day of week 53


def lapse_rate(company: Exports, voice: int) -> tuple[int, float]:
    """Leavers and weeks at risk since the first exposure, by how it was voiced."""
    left = company.truth["T11"]["left_day"]
    leavers, weeks = 0, 0.0
    for record, (how, since) in company.truth["T06"]["of"].items():
        if how == voice:
            leavers += left[record] is not None
            weeks += ((left[record] or 728) - since) / 7
    return leavers, weeks


def test_t06_the_silent_leave_faster_than_the_answered(planted: Exports) -> None:
    rates = {}
    for voice, hazard in ((1, 0.030), (2, 0.040), (3, 0.010)):
        leavers, weeks = lapse_rate(planted, voice)
        spread = 1.96 * np.sqrt(hazard / weeks)
        assert leavers / weeks == pytest.approx(hazard, abs=1.25 * spread)
        rates[voice] = leavers / weeks
    assert rates[1] > 2 * rates[3]
    # the silent never wrote about it; the others did
    voices = planted.truth["T06"]["of"]
    wrote = {
        planted.person[t["Requester email"]]
        for t in planted.tickets
        if t["Topic"] == "double charge"
    }
    assert wrote == {record for record, (how, _) in voices.items() if how > 1}


def test_t06_nobody_acts_after_leaving(planted: Exports) -> None:
    left = planted.truth["T11"]["left_day"]
    user = {r["Shop User ID"]: r["Record ID"] for r in planted.contacts if r["Shop User ID"]}
    buyers = {person: day for person, day in left.items() if day is not None}
    for person, days in planted.order_days.items():
        assert days[-1] <= buyers.get(person, 728)
    for event in planted.events:
        person = user.get(event.get("user_id", "-"), "")
        if person in buyers:
            day = (date.fromisoformat(event["timestamp"][:10]) - FIRST_DAY).days
            assert day <= buyers[person] + 1


def test_t07_the_coupon_glitch_is_truly_fixed(planted: Exports, null: Exports) -> None:
    before, after = planted.truth["T07"]["exposures_per_active_week"]
    assert after / before == pytest.approx(0.15, abs=0.03)
    before, after = null.truth["T07"]["exposures_per_active_week"]
    assert after / before == pytest.approx(1.0, abs=0.1)


def test_t08_new_revenue_hides_departing_veterans(planted: Exports) -> None:
    opening, newcomers = planted.index()
    point = opening[0] / 96.5
    total = (opening + newcomers) / point
    assert total[11] == pytest.approx(104.8, abs=0.1)
    assert total[23] == pytest.approx(126.0, abs=0.1)
    assert opening[11] / point == pytest.approx(65.2, abs=0.1)
    assert opening[23] / point == pytest.approx(42.5, abs=0.1)
    assert np.allclose(opening[1:] / opening[:-1], 0.965, atol=0.001)


def test_t08_the_null_company_keeps_its_veterans(null: Exports) -> None:
    opening, _ = null.index()
    assert np.allclose(opening / opening[0], 1.0, atol=0.001)


def test_t09_refunds_over_20_are_passed_on(planted: Exports, null: Exports) -> None:
    def rates(company: Exports) -> list[float]:
        over = [t for t in company.tickets if t["Policy"] == "refund over 20"]
        other = [t for t in company.tickets if t["Policy"] != "refund over 20"]
        return [sum(t["Level"] == "2" for t in side) / len(side) for side in (over, other)]

    assert rates(planted) == pytest.approx([0.30, 0.06], abs=0.03)
    assert rates(null) == pytest.approx([0.08, 0.08], abs=0.025)
    decided = Counter(
        t["Resolution"]
        for t in planted.tickets
        if t["Policy"] == "refund over 20" and t["Level"] == "2" and t["Resolution"]
    )
    assert decided["refunded"] / decided.total() == pytest.approx(0.71, abs=0.07)


def test_t10_agents_differ_by_case_mix_only(planted: Exports) -> None:
    over = [t for t in planted.tickets if t["Policy"] == "refund over 20"]
    table = Counter((t["Agent"], t["Level"]) for t in over)
    agents = sorted({agent for agent, _ in table})
    assert len(agents) == 4
    counts = [[table[agent, "1"], table[agent, "2"]] for agent in agents]
    assert stats.chi2_contingency(counts).pvalue > 0.01
    assert len({t["Agent"] for t in planted.tickets}) == 20


def test_t11_each_persona_has_its_pace(planted: Exports) -> None:
    persona, left = planted.truth["T01"]["persona"], planted.truth["T11"]["left_day"]
    away = set(planted.truth["T12"]["returned"])
    time, gaps, people = np.zeros(4), np.zeros(4), np.zeros(4)
    for person, days in planted.order_days.items():
        if person not in away:
            until = min(left[person] or 728, 728)
            time[persona[person]] += until - days[0]
            gaps[persona[person]] += len(days) - 1
            people[persona[person]] += 1
    # a renewal process counts t / mean + (cv^2 - 1) / 2 renewals; here cv^2 is near a fifth
    mean = time / (gaps + 0.4 * people)
    assert mean == pytest.approx([30, 90, 45, 18], rel=0.05)


def test_the_first_weeks_are_like_the_others() -> None:
    """Who has long been buying does so evenly from the first day on: t / mean purchases by t."""
    draws, people = Draws(3, "pace"), 200_000
    mean = np.full(people, 30.0)
    first = _first_waits(mean, draws)[:, None]
    bought = np.concatenate([first, first + np.cumsum(_gaps(mean, 8, draws), axis=1)], axis=1)
    by_tenth = np.histogram(bought, bins=np.arange(0, 91, 3))[0]
    assert by_tenth == pytest.approx(np.full(30, people / 10), rel=0.03)


def test_t12_states_are_those_of_the_truth(planted: Exports) -> None:
    truth = planted.truth["T12"]
    assert planted.order_days == truth["order_days"]
    rest = [[] for _ in range(len(planted.contacts) - 4500)]
    days = list(planted.order_days.values()) + rest
    states = lifecycle_states(days, as_of=727, **truth["rules"])
    assert states == truth["states"]
    assert states["returned"] == 270
    assert sum(states.values()) == 6480
    # any limit between the longest natural gap and the shortest long silence gives the same 270
    back = {
        person
        for person, days in planted.order_days.items()
        if len(days) > 1 and days[-1] - days[-2] > 185 and 727 - days[-1] <= 185
    }
    assert back == set(truth["returned"])


def test_t12_nobody_returns_in_the_null_company(null: Exports) -> None:
    assert null.truth["T12"]["states"]["returned"] == 0
    days = null.order_days.values()
    assert max(b - a for d in days for a, b in pairwise(d)) < 180


def test_t13_duplicates_and_decoys(planted: Exports) -> None:
    contact = {record["Record ID"]: record for record in planted.contacts}
    duplicates = planted.truth["T13"]["duplicates"]
    assert len(duplicates) == 480
    buying = set(planted.order_days)
    for record, original, kind in duplicates:
        copy, first = contact[record], contact[original]
        assert copy["Email"] != first["Email"]
        assert copy["First Name"] == first["First Name"]
        assert (copy["Last Name"] == first["Last Name"]) == (kind == "new e-mail")
        assert record not in buying  # purchases stay with the first record
    decoys = planted.truth["T13"]["decoys"]
    assert len(decoys) == 60
    for a, b in decoys:
        assert contact[a]["Street Address"] == contact[b]["Street Address"]
        assert digits(contact[a]["Phone Number"]) == digits(contact[b]["Phone Number"])
        assert contact[a]["First Name"] != contact[b]["First Name"]


def test_t14_strangers_by_channel(planted: Exports) -> None:
    for channel, rate in (("Chat", 0.52), ("Phone", 0.20), ("Web form", 0.31)):
        here = [t for t in planted.tickets if t["Source"] == channel]
        strange = np.mean([t["Recognised"] == "no" for t in here])
        assert strange == pytest.approx(rate, abs=3 * np.sqrt(rate * (1 - rate) / len(here)))


def drivers(company: Exports) -> np.ndarray:
    """Standardised weights of the four items on satisfaction."""
    items = ("Delivery", "Ease of ordering", "Price", "Packaging colour")
    rows = [a for a in company.answers if a["Delivery"]]
    x = np.array([[float(a[item]) for item in items] for a in rows])
    y = np.array([float(a[CSAT]) for a in rows])
    x, y = (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()
    assert 1_050 < len(rows) < 1_350
    return np.linalg.lstsq(x, y, rcond=None)[0]


def test_t15_delivery_drives_most_and_the_placebo_nothing(planted: Exports, null: Exports) -> None:
    delivery, ease, price, placebo = drivers(planted)
    assert delivery > ease > price > 0.08
    assert abs(placebo) < 0.07
    assert np.abs(drivers(null)).max() < 0.1


def nps(scores: list[int]) -> float:
    return 100 * float(np.mean([(s >= 9) - (s <= 6) for s in scores]))


def test_t16_promoters_answer_oftener(planted: Exports, null: Exports) -> None:
    assert planted.truth["T16"]["true_nps"] == pytest.approx(12.0, abs=0.1)
    answered = list(scored(planted, NPS, "relationship").values())
    asked = sum(a["Custom Data 1"] == "relationship" for a in planted.answers)
    assert asked == 4500
    assert nps(answered) == pytest.approx(30, abs=4)
    assert planted.truth["T16"]["answer_ratio"] == pytest.approx(1.6, abs=0.12)
    assert nps(list(scored(null, NPS, "relationship").values())) == pytest.approx(12, abs=4)


def test_t17_the_company_talks_at_its_customers(planted: Exports) -> None:
    purposes = Counter(m["Purpose"] for m in planted.messages)
    assert purposes["ask"] / purposes["give"] == pytest.approx(5.0, abs=0.2)
    asked = {m["Conversation ID"]: m for m in planted.messages if m["Direction"] == "in"}
    human = {
        m["Conversation ID"]: m
        for m in planted.messages
        if m["Direction"] == "out" and m["Automatic"] == "no"
    }
    unanswered = np.mean([thread not in human for thread in asked])
    assert unanswered == pytest.approx(0.23, abs=0.02)
    hours = [
        (
            datetime.fromisoformat(human[thread]["Sent at (Europe/Berlin)"])
            - datetime.fromisoformat(asked[thread]["Sent at (Europe/Berlin)"])
        ).total_seconds()
        / 3600
        for thread in asked.keys() & human.keys()
    ]
    assert np.median(hours) == pytest.approx(9.0, abs=0.6)


def uplift(company: Exports) -> tuple[float, float]:
    listed = company.truth["T18"]["listed_on_day"]
    old = {r["Merged Record IDs"]: r["Record ID"] for r in company.contacts}
    arms: dict[str, list[bool]] = {"called": [], "held out": []}
    for call in company.calls:
        if call["List"] == "Thank-you calls December 2025":
            person = old.get(call["Record ID"], call["Record ID"])
            days = company.order_days.get(person, [])
            arms[call["Arm"]].append(any(listed < day <= listed + 14 for day in days))
    assert len(arms["called"]) == len(arms["held out"]) == 2000
    return float(np.mean(arms["called"])), float(np.mean(arms["held out"]))


def test_t18_calls_bring_four_points(planted: Exports, null: Exports) -> None:
    assert uplift(planted) == pytest.approx((0.16, 0.12), abs=0.001)
    assert uplift(null) == pytest.approx((0.12, 0.12), abs=0.001)


@pytest.mark.parametrize("company", ["planted", "null"])
def test_t19_retention_is_constant_although_the_youngest_look_worse(
    company: str, request: pytest.FixtureRequest
) -> None:
    exports: Exports = request.getfixturevalue(company)
    left = exports.truth["T11"]["left_day"]
    before = {r["Record ID"] for r in exports.contacts if r["Create Date"] < str(FIRST_DAY)}
    kept, ever = defaultdict(list), defaultdict(list)
    for person, days in exports.order_days.items():
        if person not in before:
            quarter = days[0] // 91
            ever[quarter].append(len(days) > 1)
            if quarter < 7:  # seen for long enough
                kept[quarter].append((left[person] or 9999) > days[0] + 91)
    table = [[sum(kept[q]), len(kept[q]) - sum(kept[q])] for q in sorted(kept) if kept[q]]
    assert len(table) == 7
    assert stats.chi2_contingency(table).pvalue > 0.01
    early = [again for quarter in range(6) for again in ever[quarter]]
    assert np.mean(ever[7]) < np.mean(early) - 0.15  # the trap


def test_t20_every_planted_fault_is_there(planted: Exports) -> None:
    told = planted.truth["T20"]

    shop = planted.lines("shop_orders_export.csv")[1:]
    field = {name: place for place, name in enumerate(planted.lines("shop_orders_export.csv")[0])}
    orders = [line for line in shop if line[field["Total"]]]
    faults = told["shop_orders_export.csv"]
    assert len(shop) == faults["records"]
    assert sum(line[field["Total"]][0] == "-" for line in orders) == faults["negative_amounts"] > 0
    repeated = len(orders) - len({line[0] for line in orders})
    assert repeated == faults["repeated_orders"] == round(0.005 * faults["orders"])
    nameless = [line for line in orders if not line[1] and not line[field["Phone"]]]
    assert len(nameless) == faults["orders_without_any_id"] == round(0.02 * faults["orders"])
    guarded = sum(
        line[field[name]][:1] == "'" for line in shop for name in ("Billing Zip", "Phone")
    )
    assert guarded == faults["guarded_cells"]
    by_phone = {line[0] for line in orders if not line[1] and line[field["Phone"]]}
    named = [name for name in by_phone if not name.endswith("-R1")]
    assert len(named) == faults["orders_by_phone_number_only"]
    assert all(order["person"] for order in planted.orders if order["Name"] in by_phone)

    desk = planted.lines("helpdesk_tickets.csv", encoding="utf-8-sig")
    faults = told["helpdesk_tickets.csv"]
    assert len(desk) == 1 + faults["records"] + faults["footer_lines"]
    assert desk[-1] == ["Help desk report: 9045 tickets exported 29/06/2026"]
    tickets = desk[1:-1]
    assert len(tickets) - len({tuple(line) for line in tickets}) == faults["repeated_rows"] == 45
    assert sum(line[11][4] == "-" for line in tickets) == faults["iso_dates"] > 200
    late = {line[0] for line in tickets if line[25] == "late import"}
    assert len(late) == faults["late_import"] > 40
    blank = {line[0] for line in tickets if not line[9]}
    assert len(blank) == faults["blank_requester"] > 120

    survey = planted.lines("survey_responses.csv")
    assert len(survey) == told["survey_responses.csv"]["records"] + 2
    assert [cell for cell in survey[1] if cell][:3] == ["Response"] * 3
    messages = planted.lines("messages.csv")
    assert len(messages) - 1 == told["messages.csv"]["records"]
    assert len(messages) - 1 - len(planted.messages) == told["messages.csv"]["repeated_rows"]
    with gzip.open(planted.folder / "web_events.jsonl.gz", "rb") as file:
        lines = file.read().splitlines()
    assert len(lines) == told["web_events.jsonl.gz"]["records"]
    assert len(lines) - len(set(lines)) == told["web_events.jsonl.gz"]["repeated_rows"] > 1000
    assert len(planted.calls) == told["outreach_calls.csv"]["records"]
    assert told["outreach_calls.csv"]["old_record_ids"] > 0
    raw = (planted.folder / "outreach_calls.csv").read_bytes()
    assert "Krähwinkel".encode("cp1252") in raw


def test_t20_the_null_company_is_clean(null: Exports) -> None:
    told = null.truth["T20"]
    faults = ("repeated_orders", "orders_without_any_id", "negative_amounts")
    assert [told["shop_orders_export.csv"][name] for name in faults] == [0, 0, 0]
    faults = ("repeated_rows", "blank_requester", "iso_dates", "late_import", "footer_lines")
    assert [told["helpdesk_tickets.csv"][name] for name in faults] == [0, 0, 0, 0, 0]


def test_t21_the_login_loop_appears_in_week_70(planted: Exports) -> None:
    weeks = Counter(opened_day(t) // 7 + 1 for t in planted.tickets if t["Topic"] == "login loop")
    assert min(weeks) == 70
    assert max(weeks, key=lambda week: weeks[week]) == 74
    assert [weeks[w] for w in range(1, 105)] == planted.truth["T21"]["tickets_by_week"]
    told = planted.truth["T21"]["comments_by_week"]
    assert sum(told[:69]) == 0
    assert told.index(max(told)) == 73


def test_t22_bargain_hunters_grow_by_four_points(planted: Exports, null: Exports) -> None:
    told = planted.truth["T22"]
    assert told["share_after"] - told["share_before"] == pytest.approx(0.04, abs=0.001)
    assert null.truth["T22"]["moved"] == []
    name = "Latest profile: Discount share"
    moved = set(told["moved"])
    shift = [
        float(r[name]) - float(r[name.replace("Latest", "First")])
        for r in planted.contacts
        if r["Record ID"] in moved and planted.truth["T01"]["persona"][r["Record ID"]] in (0, 2)
    ]
    assert np.mean(shift) > 15


def test_t23_a_good_recovery_pleases_and_does_not_sell(planted: Exports, null: Exports) -> None:
    def means(company: Exports) -> list[float]:
        topic = {t["Ticket ID"]: t["Topic"] for t in company.tickets}
        found: dict[bool, list[int]] = {True: [], False: []}
        for answer in company.answers:
            if answer[CSAT] and answer["Custom Data 1"] != "relationship":
                damaged = topic.get(answer["Custom Data 2"]) == "damaged on arrival"
                if damaged or answer["Custom Data 1"] == "after delivery":
                    found[damaged].append(int(answer[CSAT]))
        assert len(found[True]) > 150
        return [float(np.mean(found[True])), float(np.mean(found[False]))]

    recovered, undisturbed = means(planted)
    assert recovered - undisturbed > 0.3
    recovered, undisturbed = means(null)
    assert recovered - undisturbed == pytest.approx(0.0, abs=0.2)
    assert len(planted.truth["T23"]["recovered"]) == 420


def test_comments_are_varied_and_hold_only_made_up_personal_data(planted: Exports) -> None:
    question = "What is the main reason for your answer?"
    comments = [a[question] for a in planted.answers if a[question]]
    assert len(comments) > 4_200
    assert len(set(comments)) > 2_500
    addresses = {a for text in comments for a in re.findall(r"[\w.]+@[\w.]+\w", text)}
    assert addresses
    assert all(address.endswith(".example") for address in addresses)
    assert any("DE89 3704" in text for text in comments)
    assert any("\n" in text for text in comments)
    assert any(text.startswith(("Todo", "Sehr", "Très")) for text in comments)
