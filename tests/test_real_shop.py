"""The real shop: every number of every finding, counted again from the CSV files alone.

Nothing here reads cxkit's tables: DuckDB reads the files as text, and Python walks each person's
journey by the words of the documentation, not by the query of the analysis.
"""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import sqrt
from statistics import NormalDist
from typing import ClassVar
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest

import cxkit as cx
from cxkit.stats.clustered import design_effect
from cxkit.text.themes import theme_book

FILES = {
    "customers": "olist_customers_dataset.csv",
    "items": "olist_order_items_dataset.csv",
    "payments": "olist_order_payments_dataset.csv",
    "reviews": "olist_order_reviews_dataset.csv",
    "orders": "olist_orders_dataset.csv",
    "categories": "product_category_name_translation.csv",
}
STAGES = ["ordered", "approved", "handed to carrier", "delivered", "reviewed"]
ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.fixture(scope="module")
def ws(shared, tmp_path_factory):
    """The shop as cxkit sees it."""
    store = tmp_path_factory.mktemp("real shop") / "store"
    cx.import_exports(shared / "company", store=store)
    workspace = cx.open(store)
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def files(shared):
    """The shop as its files say it: one table of text per file, and two of plain counting."""
    connection = duckdb.connect()
    for name, file in FILES.items():
        connection.execute(
            f"create table {name} as select * from read_csv($1, all_varchar = true, "
            """header = true, delim = ',', quote = '"', escape = '"')""",
            [str(shared / "company" / file)],
        )
    connection.execute("""
        create table bought as
        select customer_unique_id as person, customer_state as state, order_id,
            order_purchase_timestamp[:10]::date as day,
            order_status in ('canceled', 'unavailable') as cancelled,
            (select sum(payment_value::decimal(12, 2)) from payments as p
                where p.order_id = o.order_id) as paid
        from orders as o join customers using (customer_id)
    """)
    connection.execute("""
        create table ended as
        select greatest(
            max(order_purchase_timestamp), max(order_approved_at),
            max(order_delivered_carrier_date), max(order_delivered_customer_date),
            (select max(review_answer_timestamp) from reviews)
        ) as moment from orders
    """)
    yield connection
    connection.close()


def one(files, text):
    """Return the single row of a query."""
    (row,) = files.execute(text).fetchall()
    return row


def numbers(text):
    """Return the numbers of a sentence, in order: '1,057' is 1057, '22.0' is 22.0."""
    found = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)
    return [float(number.replace(",", "")) for number in found]


def share(part, whole):
    """Return a share with Wilson's interval, in per cent with one decimal.

    Its ends are the two shares p from which `part` lies exactly 1.96 standard errors away: the
    roots of (part / whole - p)^2 = z^2 p (1 - p) / whole, a quadratic equation.
    """
    z2, seen = NormalDist().inv_cdf(0.975) ** 2, part / whole
    a, b, c = 1 + z2 / whole, -(2 * seen + z2 / whole), seen**2
    root = sqrt(b * b - 4 * a * c)
    ends = ((-b - root) / (2 * a), (-b + root) / (2 * a))
    return [round(100 * value, 1) for value in (seen, *ends)]


def utc(text):
    """Return a local time of the shop in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC).replace(tzinfo=None)


# Which kinds of customers are there?


def test_personas_say_what_one_purchase_cannot_carry(ws, files):
    found = cx.personas(ws)
    buyers, once = one(
        files,
        """select count(*), count(*) filter (orders = 1) from (
            select person, count(distinct order_id) as orders
            from bought where not cancelled group by person
        )""",
    )
    assert found.finding == (
        f"Personas cannot be found among {buyers:,} buyers: of 11 features only mean basket tells "
        f"them apart; {once:,} ({100 * once / buyers:.1f} %) have bought once only, and one "
        "purchase shows no habits."
    )
    assert found.table.is_empty()
    often = one(
        files,
        """select count(*) from (
            select person from bought where not cancelled
            group by person having count(distinct order_id) >= 3
        )""",
    )[0]
    assert f"evening share (known of {often:,} of {buyers:,})" in " ".join(found.caveats)


# Did every row arrive?


def test_where_no_persona_holds_nothing_is_made_of_it(ws):
    """One purchase each, no wanted channel: every question says so instead of inventing kinds."""
    none = "There are no personas that hold, so "
    assert cx.persona_cards(ws).finding == f"{none}there are no cards (see personas)."
    assert cx.persona_drift(ws).finding == f"{none}nobody can have become another."
    assert cx.channel_fit(ws).finding == (
        "Nobody's wanted channel is known, so nothing can be compared with it."
    )
    tagged = cx.tag_customers(ws)
    kinds = tagged.sql(
        "select attributes ->> '$.persona' as persona, count(*) as customers from customers "
        "where attributes ->> '$.persona' is not null group by all"
    )
    assert kinds.rows() == [("no persona", cx.personas(ws).n)]


def test_every_record_of_the_six_files_is_accounted_for(ws, files):
    result = cx.import_report(ws)
    told = {row.pop("file"): row for row in result.table.to_dicts()}
    assert sorted(told) == sorted(FILES.values())
    rows = {name: one(files, f"select count(*) from {name}")[0] for name in FILES}
    for name, file in FILES.items():
        loaded = 0 if name == "categories" else rows[name]
        counts = [told[file][at] for at in ("records", "loaded", "set_aside", "duplicate")]
        assert counts == [rows[name] + 1, loaded, 0, 0], file
        assert told[file]["skipped"] == rows[name] + 1 - loaded, file  # the header, or all of it
    records, loaded = sum(rows.values()) + 6, sum(rows.values()) - rows["categories"]
    assert numbers(result.finding) == [records, 6, loaded, 0, 0, records - loaded]
    assert result.finding.startswith("All ")
    assert numbers(cx.set_aside(ws).finding) == [records]
    assert cx.set_aside(ws).table.is_empty()
    assert cx.unknown_exports(ws).table.is_empty()


# What can these exports answer?


def test_readiness_says_what_the_files_hold(ws, files):
    result = cx.readiness(ws)
    rows = {(row["analysis"], row["field"]): row for row in result.table.to_dicts()}
    verdicts = {row["analysis"]: row["verdict"] for row in rows.values()}
    assert verdicts.pop("sentiment") in ("limited", "no-go")
    assert verdicts.pop("intents") in ("limited", "no-go")
    assert verdicts.pop("rating_text_gap") == "no-go"  # the comments are Portuguese
    assert verdicts.pop("answered") == "no-go"  # nothing tells when the shop wrote back
    assert verdicts.pop("score_weighted") == "no-go"  # nor whom it asked in vain
    assert verdicts.pop("drivers") == "no-go"  # the reviews rate no single aspects
    # no parcel was handed over or delivered in the last weeks of the data
    assert verdicts.pop("journeys") == "limited"
    # the last orders of all were cancelled
    for name in (
        "lifecycle",
        "lapse_curve",
        "lifecycle_moves",
        "lifecycle_history",
        "lapse_groups",
        "rfm",
        "after_theme",
    ):
        assert verdicts.pop(name) == "limited", name
    # and hardly anybody comes back
    assert verdicts.pop("best_customers") == verdicts.pop("value_check") == "limited"
    for name in ("personas", "persona_cards", "persona_drift", "activation", "bad_touches"):
        assert verdicts.pop(name) == "limited", name
    # no export says since when somebody is known, or which channel they want
    assert verdicts.pop("prospect_conversion") == "limited"
    assert verdicts.pop("channel_fit") == "no-go"
    assert verdicts.pop("sessions") == "no-go"  # the shop exports no visits
    assert set(verdicts.values()) == {"go"}
    full = len(verdicts)  # what was not taken out above
    assert numbers(result.finding)[:2] == [full, len({row["analysis"] for row in rows.values()})]
    (idle,) = one(
        files,
        "select (select moment from ended)::timestamp::date - max(day) from bought "
        "where not cancelled",
    )
    told = rows["lifecycle", "orders.ordered_at"]["reason"]
    assert told.startswith("the newest purchase is ")
    assert abs(numbers(told)[0] - idle) <= 1  # UTC days
    (quiet,) = one(
        files,
        """
        select (select moment from ended)::timestamp::date - greatest(max(order_approved_at),
            max(order_delivered_carrier_date), max(order_delivered_customer_date))::date
        from orders
        """,
    )
    assert abs(numbers(rows["journeys", "events.known"]["reason"])[0] - quiet) <= 1  # UTC days
    people, purchases, reviews, said = one(
        files,
        r"""
        select (select count(distinct customer_unique_id) from customers),
            (select count(*) from bought where not cancelled), count(*),
            count(*) filter (regexp_matches(
                concat(review_comment_title, review_comment_message), '[^ \t\r\n]'))
        from reviews
        """,
    )
    assert rows["lifecycle", "customers.customer_id"]["rows"] == people
    assert rows["lifecycle", "orders.ordered_at"]["rows"] == purchases
    assert rows["score", "feedback.score"]["rows"] == reviews
    assert rows["sentiment", "feedback.comment"]["filled_share"] == pytest.approx(said / reviews)
    touched = one(
        files,
        """
        select count(order_purchase_timestamp) + count(order_approved_at)
            + count(order_delivered_carrier_date) + count(order_delivered_customer_date)
            + (select count(*) from reviews)
        from orders
        """,
    )[0]
    assert rows["stage_funnel", "timeline.stage"]["rows"] == touched
    # the timeline is every row of orders, events and feedback once more
    assert result.n == people + touched


def test_the_ties_are_those_of_the_files(ws, files):
    (tied,) = one(
        files,
        """
        with moments as (
            unpivot (
                select customer_unique_id, order_id, order_purchase_timestamp, order_approved_at,
                    order_delivered_carrier_date, order_delivered_customer_date
                from orders join customers using (customer_id)
            ) on columns('order_.*_(at|timestamp|date)') into name stage value moment
        ),
        all_moments as (
            select customer_unique_id as person, moment from moments
            union all
            select customer_unique_id, review_answer_timestamp
            from reviews join orders using (order_id) join customers using (customer_id)
        )
        select sum(together)::bigint from (
            select count(*) as together from all_moments group by person, moment having together > 1
        )
        """,
    )
    (caveat,) = (c for c in cx.readiness(ws).caveats if "share customer and instant" in c)
    assert numbers(caveat)[0] == tied


# After how long a silence has a customer lapsed, and who has?


@pytest.fixture(scope="module")
def silences(files):
    """Days of silence after each day of purchase, and whether it ended."""
    return files.execute("""
        select person, coalesce(following, moment[:10]::date) - day as days,
            following is not null as returned
        from (
            select person, day, lead(day) over (partition by person order by day) as following
            from (select distinct person, day from bought where not cancelled)
        ) cross join ended
    """).fetchall()


def test_hardly_anybody_returns(ws, files, silences):
    result = cx.lapse_curve(ws)
    buyers = {person for person, _, _ in silences}
    still, share_still = 1.0, {-1: 1.0}  # by the definition: one factor for every day
    for day in range(max(days for _, days, _ in silences) + 1):
        watched = sum(days >= day for _, days, _ in silences)
        ended = sum(days == day and returned for _, days, returned in silences)
        still *= 1 - ended / watched
        share_still[day] = still
    told = result.table.to_dicts()
    assert len(told) > 300
    for row in told:
        day = row["silent_days"]
        assert row["at_risk"] == sum(days >= day for _, days, _ in silences)
        assert row["still_silent_share"] == pytest.approx(share_still[day], abs=1e-12)
        assert row["return_share"] == pytest.approx(
            1 - share_still[day + 90] / share_still[day], abs=1e-12
        )
    best = max(1 - share_still[d + 90] / share_still[d] for d in range(len(share_still) - 91))
    assert numbers(result.finding) == [round(100 * best, 1), len(buyers), 90]
    assert result.finding.startswith("Silence does not say who has lapsed")
    returned = {person for person, _, back in silences if back}
    assert numbers(result.caveats[0]) == [len(buyers) - len(returned), len(buyers)]


def test_the_lifecycle_states_are_those_of_the_files(ws, files):
    states = {
        state: tuple(rest)
        for state, *rest in files.execute("""
        with days as (
            select person, day, day - lag(day) over (partition by person order by day) as gap
            from (select distinct person, day from bought where not cancelled)
        ),
        buyers as (
            select person, count(*) as purchases, last(gap order by day) as last_gap,
                any_value(moment)[:10]::date - max(day) as silence,
                any_value(moment)[:10]::date - min(day) as tenure
            from days cross join ended group by person
        ),
        spent as (
            select person, count(*) as orders, sum(paid) as revenue
            from bought where not cancelled group by person
        )
        select case
                when purchases is null then 'prospect'
                when silence > 90 then 'lapsed'
                when tenure <= 30 then 'new'
                when last_gap > 90 then 'returned'
                when purchases >= 4 then 'loyal'
                else 'active'
            end as state, count(*), coalesce(sum(orders), 0)::bigint,
            coalesce(sum(revenue), 0)::double
        from (select distinct person from bought)
        left join buyers using (person) left join spent using (person)
        group by 1
        """).fetchall()
    }
    result = cx.lifecycle(ws)
    told = {row["state"]: row for row in result.table.to_dicts()}
    assert list(told) == ["prospect", "new", "active", "loyal", "returned", "lapsed"]
    people = one(files, "select count(distinct customer_unique_id) from customers")[0]
    for state, row in told.items():
        customers, orders, revenue = states.get(state, (0, 0, 0.0))
        assert (row["customers"], row["orders"]) == (customers, orders), state
        assert row["revenue"] == pytest.approx(revenue, abs=0.005), state
        if customers:
            ends = [round(100 * row[f"share{end}"], 1) for end in ("", "_low", "_high")]
            assert ends == share(customers, people), state
    assert sum(row["customers"] for row in told.values()) == result.n == people
    never, lapsed = states["prospect"][0], states["lapsed"][0]
    assert numbers(result.finding) == [
        *(people, never, *share(never, people)),
        *(lapsed, *share(lapsed, people - never), people - never, 90),
    ]
    cancelled, tried = one(
        files,
        """
        select (select count(*) from bought where cancelled), count(*)
        from (select person from bought group by person having bool_and(cancelled))
        """,
    )
    told_aloud = " ".join(result.caveats)
    assert f"No purchases: {cancelled:,} cancelled orders." in told_aloud
    assert f"{tried:,} of those who have never bought did place an order" in told_aloud
    assert tried == never


class Lives:
    """Every person's days of purchase and the first moment they are seen, walked in Python."""

    def __init__(self, files):
        self.days, self.seen, self.ordered = {}, {}, {}
        rows = files.execute("""
            select customer_unique_id, order_status in ('canceled', 'unavailable'),
                order_purchase_timestamp, order_approved_at, order_delivered_carrier_date,
                order_delivered_customer_date,
                (select list(review_answer_timestamp) from reviews
                    where reviews.order_id = orders.order_id)
            from orders join customers using (customer_id)
        """).fetchall()
        for person, cancelled, *dates, reviews in rows:
            days, day = self.days.setdefault(person, set()), datetime.fromisoformat(dates[0]).date()
            self.ordered[person] = min(day, self.ordered.get(person, day))
            if not cancelled:
                days.add(day)
            seen = [
                datetime.fromisoformat(text).date() for text in (*dates, *(reviews or [])) if text
            ]
            self.seen[person] = min([*seen, self.seen.get(person, seen[0])])
        self.end = datetime.fromisoformat(files.execute("from ended").fetchone()[0]).date()

    def state(self, person, on, limit=90):
        """The state of a person at the end of a day, by the words of the documentation."""
        if self.seen[person] > on:
            return "not yet known"
        days = sorted(day for day in self.days[person] if day <= on)
        if not days:
            return "prospect"
        if (on - days[-1]).days > limit:
            return "lapsed"
        if (on - days[0]).days <= 30:
            return "new"
        if len(days) > 1 and (days[-1] - days[-2]).days > limit:
            return "returned"
        return "loyal" if len(days) >= 4 else "active"


@pytest.fixture(scope="module")
def lives(files):
    return Lives(files)


def test_the_moves_are_those_of_each_persons_days(ws, lives):
    result = cx.lifecycle_moves(ws, since="2018-03-31", as_of="2018-08-31")
    since, until = datetime(2018, 3, 31).date(), datetime(2018, 8, 31).date()
    moves = Counter((lives.state(p, since), lives.state(p, until)) for p in lives.days)
    moves.pop(("not yet known", "not yet known"), None)
    for row in result.table.to_dicts():
        assert row["customers"] == moves.pop((row["state_before"], row["state"]), 0)
    assert not moves
    rows = result.table.to_dicts()
    lapsed = [r for r in rows if r["state"] == "lapsed" and r["state_before"] not in
              ("lapsed", "prospect", "not yet known")]  # fmt: skip
    most = max(lapsed, key=lambda row: row["customers"])
    gone = sum(r["customers"] for r in rows if r["state_before"] == "lapsed")
    stayed = next(r for r in rows if r["state_before"] == r["state"] == "lapsed")["customers"]
    assert numbers(result.finding) == [
        *(most["people_before"], 31, 2018, most["customers"]),
        *share(most["customers"], most["people_before"]),
        *(31, 2018, gone, gone - stayed, *share(gone - stayed, gone)),
    ]
    assert f"of {most['people_before']:,} {most['state_before']} on" in result.finding.lower()


def test_the_history_is_that_of_each_persons_days(ws, lives):
    result = cx.lifecycle_history(ws, every_days=91)
    staying = {}
    for (day,), rows in result.table.group_by("day", maintain_order=True):
        states = Counter(lives.state(person, day) for person in lives.days)
        states.pop("not yet known", None)
        told = dict(rows.select("state", "customers").iter_rows())
        assert {name: count for name, count in told.items() if count} == dict(states), day
        buyers = sum(states.values()) - states["prospect"]
        staying[day] = (buyers - states["lapsed"], buyers)
    assert lives.end in staying
    now, buyers = staying[lives.end]
    first = min(staying)
    able = {
        day: counts
        for day, counts in staying.items()
        if counts[1] >= 30 and day > first + timedelta(days=90)
    }
    then, most = min(able), max(able, key=lambda day: able[day][0])
    assert numbers(result.finding) == [
        *(now, *share(now, buyers), buyers, lives.end.day, lives.end.year),
        *(*able[then], then.day, then.year, able[most][0], most.day, most.year),
    ]


def test_one_time_buyers_carry_no_rhythm_and_the_text_says_so(ws, lives):
    buyers = [days for days in lives.days.values() if days]
    once = sum(len(days) == 1 for days in buyers)
    assert once > 0.96 * len(buyers)
    (told,) = (c for c in cx.lifecycle(ws).caveats if "no loyal class to speak of" in c)
    assert numbers(told) == [once, *share(once, len(buyers)), len(buyers)]
    groups = cx.lapse_groups(ws, by="region")
    assert groups.finding.startswith("By region no kind of the ")
    assert numbers(groups.finding) == [len(buyers)]
    assert groups.table["buyers"].sum() == len(buyers)
    assert groups.table["once"].sum() == once


def test_hardly_anybody_can_be_followed_as_a_prospect(ws, lives):
    """The shop knows people by their first order; a few reviews are dated before it."""
    result = cx.prospect_conversion(ws)
    bought = {p: min(days) <= lives.seen[p] for p, days in lives.days.items() if days}
    reviewed = [
        p for p in lives.days if lives.seen[p] < lives.ordered[p] and not bought.get(p, False)
    ]
    assert result.n == len(reviewed) < 0.01 * len(lives.days)
    assert result.finding.startswith("Cannot say: of ")
    assert numbers(result.finding) == [len(reviewed), 90]
    at_once = sum(bought.values())
    assert numbers(result.caveats[0]) == [at_once]
    assert numbers(result.caveats[1]) == [len(lives.days) - at_once - len(reviewed)]
    assert "cancelled" in result.caveats[1]


# Who is best, and can that be said?


@pytest.fixture(scope="module")
def bought_by(files):
    """Per buyer: days of purchase, days since the last, all paid for what was not cancelled."""
    return {
        person: (days, silence, paid)
        for person, days, silence, paid in files.execute("""
        select person, count(distinct day), any_value(moment)[:10]::date - max(day),
            coalesce(sum(paid), 0)::double
        from bought cross join ended where not cancelled group by person
        """).fetchall()
    }


def test_nothing_is_foretold_of_a_shop_where_hardly_anybody_returns(ws, files, bought_by):
    result = cx.best_customers(ws)
    buyers, again = len(bought_by), sum(days > 1 for days, _, _ in bought_by.values())
    paid = sorted((paid for _, _, paid in bought_by.values()), reverse=True)
    tenth = -(-buyers // 10)
    top = round(100 * sum(paid[:tenth]) / sum(paid), 1)
    share_again = round(100 * again / buyers, 1)
    assert numbers(result.finding) == [buyers, again, share_again, tenth, buyers, top]
    assert result.finding.startswith("Who will be best cannot be said: of ")
    assert result.finding.endswith("which is no forecast.")
    assert numbers(result.caveats[0]) == [buyers - again, buyers]
    told = result.table.to_dicts()
    assert [row["past_spend"] for row in told] == pytest.approx(paid, abs=0.005)
    for row in told:
        days, silence, spent = bought_by[row["customer_id"]]
        assert (row["purchases"], row["silent_days"]) == (days, silence)
        assert row["past_spend"] == pytest.approx(spent, abs=0.005)
        expected = [row[name] for name in row if name.startswith(("expected", "best_expected"))]
        assert expected == [None] * 8
        assert row["alive_share"] is row["gone_quiet"] is None


def test_the_check_of_the_model_says_why_there_is_none(ws, files):
    result = cx.value_check(ws)
    assert result.table.is_empty()
    before, again = one(
        files,
        """
        with days as (
            select distinct person, day, moment[:10]::date as today
            from bought cross join ended where not cancelled
        ),
        earlier as (
            select person, count(*) as days from days
            where day <= today - ((today - (select min(day) from days)) // 3)::integer
            group by person
        )
        select count(*), count(*) filter (days > 1) from earlier
        """,
    )
    assert numbers(result.finding) == [before, again, round(100 * again / before, 1)]
    assert result.n == before


def test_rfm_tells_recency_alone(ws, bought_by):
    result = cx.rfm(ws)
    buyers = len(bought_by)
    once = sum(days == 1 for days, _, _ in bought_by.values())
    assert numbers(result.finding) == [buyers, once, *share(once, buyers), 1]
    assert result.finding.endswith("and the classes tell recency alone.")
    assert numbers(result.caveats[0]) == [once, buyers, 1, 5]

    def fifth(values, value):  # by hand: the rank between two values, and one day more
        cuts = []
        for part in (0.2, 0.4, 0.6, 0.8):
            place = part * (len(values) - 1)
            low = int(place)
            cuts.append(values[low] + (place - low) * (values[low + 1] - values[low]) + 1)
        return 1 + sum(value >= cut for cut in cuts)

    silences_, counts = (sorted(row[at] for row in bought_by.values()) for at in (1, 0))
    classes = {}
    for days, silence, paid in bought_by.values():
        pair = (6 - fifth(silences_, silence), fifth(counts, days))
        held, spent = classes.get(pair, (0, 0.0))
        classes[pair] = (held + 1, spent + paid)
    for row in result.table.iter_rows(named=True):
        spans = [[int(part) for part in row[name].split("–")] for name in ("recency", "frequency")]
        inside = [
            held
            for pair, held in classes.items()
            if all(span[0] <= score <= span[-1] for span, score in zip(spans, pair, strict=True))
        ]
        assert row["customers"] == sum(held for held, _ in inside), row["segment"]
        revenue = sum(paid for _, paid in inside)
        assert (row["revenue"] or 0) == pytest.approx(revenue, abs=0.005), row["segment"]
    assert result.table["customers"].sum() == buyers


def test_there_are_no_contracts(ws):
    assert cx.contract_retention(ws).finding == (
        "There are no subscriptions: how long contracts last cannot be asked."
    )


# How far do customers get, and where do they stop?


class Walks:
    """Every person's moments per stage, and how far each got, by the words of stage_funnel."""

    ROUTES: ClassVar = {"all": (0, 1, 2, 3, 4), "without approval": (0, 2, 3, 4)}

    def __init__(self, files):
        self.moments, self.states = {}, {}
        rows = files.execute("""
            select customer_unique_id, customer_state, order_purchase_timestamp,
                order_approved_at, order_delivered_carrier_date, order_delivered_customer_date,
                (select list(review_answer_timestamp) from reviews
                    where reviews.order_id = orders.order_id)
            from orders join customers using (customer_id)
        """).fetchall()
        for person, state, *dates, reviews in rows:
            self.states[person] = state
            stages = self.moments.setdefault(person, ([], [], [], [], []))
            for stage, text in zip(stages, dates, strict=False):
                stage += [utc(text)] if text else []
            stages[4].extend(utc(text) for text in reviews or [])
        self.end = utc(files.execute("select moment from ended").fetchone()[0])

    def reached(self, person, days, route):
        """How many stages the person passed in order, from their best start; 0: no old entry."""
        stages, window = self.moments[person], timedelta(days=days)
        best = 0
        for start in stages[0]:
            if start > self.end - window:
                continue
            now, count = start, 1
            for stage in route[1:]:
                later = [t for t in stages[stage] if now <= t <= start + window]
                if not later:
                    break
                now, count = min(later), count + 1
            best = max(best, count)
        return best

    def otherwise(self, days, stage):
        """How many stopped right before a stage, though they have it at another time."""
        return sum(
            self.reached(person, days, self.ROUTES["all"]) == stage
            and any(moment <= self.end for moment in self.moments[person][stage])
            for person in self.states
        )

    def counts(self, days, route="all", states=None):
        """Return the people at each stage of the route, and those whose entry is too young."""
        path = self.ROUTES[route]
        far = [
            self.reached(person, days, path)
            for person, state in self.states.items()
            if states is None or state in states
        ]
        return [sum(f > step for f in far) for step in range(len(path))], far.count(0)


@pytest.fixture(scope="module")
def walks(files):
    """The journeys as the files say them."""
    return Walks(files)


@pytest.mark.parametrize("days", [30, 120])
def test_the_funnel_counts_what_a_walk_through_each_journey_counts(ws, walks, days):
    counts, young = walks.counts(days)
    result = cx.stage_funnel(ws, within_days=days)
    assert result.table["stage"].to_list() == STAGES
    assert result.table["reached"].to_list() == counts
    assert result.table["lost"].to_list() == [None, *(a - b for a, b in pairwise(counts))]
    assert set(result.table["left_out"]) == {young}
    assert counts[0] + young == len(walks.states)
    losses = [
        ((before - after) / before, before - after, before) for before, after in pairwise(counts)
    ]
    _, lost, base = max(losses)
    assert numbers(result.finding) == [
        *(counts[0], *share(counts[-1], counts[0]), days),
        *(*share(lost, base), base),
    ]
    place = losses.index(max(losses))
    assert f"between '{STAGES[place]}' and '{STAGES[place + 1]}'" in result.finding
    assert numbers(result.caveats[0]) == [young, days]
    told = result.table["otherwise"].to_list()
    assert told[1:] == [walks.otherwise(days, stage) for stage in range(1, len(STAGES))]
    # everybody reviewed, if not always after the parcel came and in time
    assert any(f"{told[4]:,} of the {counts[3] - counts[4]:,} who" in c for c in result.caveats)


def test_120_days_are_the_settings_of_the_shop(ws):
    assert cx.stage_funnel(ws).table.equals(cx.stage_funnel(ws, within_days=120).table)


def test_an_optional_approval_is_walked_both_ways(ws, walks):
    (straight, _), (around, _) = walks.counts(120), walks.counts(120, "without approval")
    result = cx.stage_funnel(ws, optional=["approved"])
    told = dict(result.table.select("stage", "reached").iter_rows())
    assert [told[stage] for stage in STAGES if stage != "approved"] == around
    assert told["approved"] == straight[1]
    skipped = around[1] - straight[2]
    assert result.table.filter(stage="approved")["skipped"].to_list() == [skipped]
    assert f"{straight[1]:,} passed it, and {skipped:,} went on" in " ".join(result.caveats)
    lost = max(pairwise(around), key=lambda step: 1 - step[1] / step[0])
    assert numbers(result.finding) == [
        *(around[0], *share(around[-1], around[0]), 120),
        *(*share(lost[0] - lost[1], lost[0]), lost[0]),
    ]


def test_the_funnel_by_region_adds_up_and_names_the_region_apart(ws, walks):
    result = cx.stage_funnel(ws, by="region")
    told = {
        segment: rows["reached"].to_list()
        for (segment,), rows in result.table.group_by("segment", maintain_order=True)
    }
    named = [segment for segment in told if segment != "other"]
    counted = {state: walks.counts(120, states={state})[0] for state in named}
    counted["other"] = walks.counts(120, states=set(walks.states.values()) - set(named))[0]
    assert told == counted
    assert [sum(step) for step in zip(*told.values(), strict=True)] == walks.counts(120)[0]
    rj = counted["RJ"]
    rest = [all_ - own for all_, own in zip(walks.counts(120)[0], rj, strict=True)]
    kept, others = share(rj[3], rj[2]), share(rest[3], rest[2])
    *said, gap, low, high = numbers(result.finding)  # of a fall, without its signs
    assert said == [*kept, rj[2], *others, rest[2]]
    assert gap == round(100 * (rest[3] / rest[2] - rj[3] / rj[2]), 1)
    # Newcombe's interval: the distances to Wilson's ends, squared and added (one decimal is lost)
    for end, mine, theirs in ((low, 1, 2), (high, 2, 1)):
        far = sqrt((kept[mine] - kept[0]) ** 2 + (others[theirs] - others[0]) ** 2)
        assert abs(end - gap) == pytest.approx(far, abs=0.15)
    assert "'handed to carrier' to 'delivered', 'RJ' keeps" in result.finding


# How content do customers say they are, and in which language?


def reviewed(files, state=None):
    """Return reviews, those of 4 or 5 stars, stars and their squares, a row per person."""
    return files.execute(
        """
        select count(*), count(*) filter (stars >= 4), sum(stars), sum(stars * stars)
        from (select review_score::int as stars, order_id from reviews)
        join orders using (order_id) join customers using (customer_id)
        where coalesce(customer_state = $1, $1 is null)
        group by customer_unique_id
        """,
        [state],
    ).fetchall()


def stars_of(people):
    """Return the share of 4 and 5 stars with its interval: people are independent, not reviews."""
    n, top = [row[0] for row in people], [row[1] for row in people]
    effect = design_effect(top, n)
    return share(sum(top) / effect, sum(n) / effect)


def test_the_star_rating_is_that_of_the_files(ws, files):
    n, mean = one(files, "select count(*), avg(review_score::int) from reviews")
    people = reviewed(files)
    result = cx.score(ws)
    row = result.table.row(0, named=True)
    assert (result.table.height, row["metric"], row["answers"]) == (1, "stars", n)
    assert row["customers"] == len(people)
    assert numbers(result.finding) == [*stars_of(people), n]
    assert row["mean"] == pytest.approx(mean)
    # the variance of a ratio of two sums over people, all but independent here
    off = sum((stars - mean * k) ** 2 for k, _, stars, _ in people) * len(people)
    half = 1.9602 * sqrt(off / (len(people) - 1)) / n
    assert row["mean_low"] == pytest.approx(mean - half, abs=1e-4)
    assert row["mean_high"] == pytest.approx(mean + half, abs=1e-4)
    assert row["response_share"] is None
    assert any("No unanswered invitation" in caveat for caveat in result.caveats)


def test_the_region_that_stands_out_is_the_lowest(ws, files):
    counts = {
        state: (n, top)
        for state, n, top in files.execute("""
        select customer_state, count(*), count(*) filter (review_score::int >= 4)
        from reviews join orders using (order_id) join customers using (customer_id) group by 1
        """).fetchall()
    }
    result = cx.score(ws, by="region")
    named = result.table.filter(result.table["segment"] != "other")
    for row in named.to_dicts():
        n, _ = counts[row["segment"]]
        ends = [round(row[name], 1) for name in ("score", "score_low", "score_high")]
        told = [n, *stars_of(reviewed(files, row["segment"]))]
        assert [row["answers"], *ends] == told, row["segment"]
    assert named.height == 8
    n, _ = counts["RJ"]
    rest_n, rest_top = (sum(c[i] for s, c in counts.items() if s != "RJ") for i in (0, 1))
    assert numbers(result.finding) == [
        *(*stars_of(reviewed(files, "RJ")), n),
        *(round(100 * rest_top / rest_n, 1), rest_n),
    ]
    assert "'RJ' has a lower star rating" in result.finding


def test_the_stars_of_two_quarters_are_those_of_the_files(ws, files):
    """The last quarter that is over, against the one before."""
    result = cx.score_trend(ws)
    rows = {row["begins"].isoformat(): row for row in result.table.to_dicts()}
    for begins, n, top in files.execute(
        """
        select date_trunc('quarter', review_answer_timestamp::timestamp)::date::text, count(*),
            count(*) filter (review_score::int >= 4)
        from reviews group by all
        """
    ).fetchall():
        assert rows[begins]["answers"] == n
        assert rows[begins]["score"] == pytest.approx(100 * top / n)
    assert sum(row["answers"] for row in rows.values()) == result.n
    assert numbers(result.finding)[5] == rows["2018-07-01"]["answers"]
    assert "no sure change" in result.finding
    assert result.caveats[0].startswith("Q4 2018 is not over: its ")


def test_the_comments_are_portuguese_and_nobody_scores_them(ws, files):
    said, portuguese, english = one(
        files,
        r"""
        select count(*),
            count(*) filter (regexp_matches(text, '(^|[^\w])(o|a|os|as|que|não|nao|muito|produto|'
                || 'e|de|do|da|com|em|prazo|bom|boa|entrega|recebi|chegou|recomendo|ótimo|otimo|'
                || 'para|pra|uma|um|meu|minha|foi|veio|antes|loja)([^\w]|$)')),
            count(*) filter (regexp_matches(text,
                '(^|[^\w])(the|and|was|this|is|my|not|with|very|it)([^\w]|$)'))
        from (
            select lower(concat_ws(' ', review_comment_title, review_comment_message)) as text
            from reviews
        ) where trim(text, e' \t\r\n') <> ''
        """,
    )
    assert portuguese > 0.85 * said and english < 0.01 * said
    result = cx.sentiment(ws)
    foreign, comments = numbers(result.finding)
    assert comments == result.n == said
    assert foreign >= portuguese and foreign > 0.99 * said
    assert result.finding.startswith("Cannot say") and "Portuguese" in result.finding
    assert result.table["share_of_scored"].drop_nulls().is_empty()
    levels = result.table.filter(~result.table["sentiment"].str.starts_with("not scored"))
    assert levels["comments"].sum() == 0 and levels.height == 5


def test_the_quotes_are_the_customers_words(ws, files):
    result = cx.quotes(ws)
    assert result.finding.startswith("Customers have written")
    assert numbers(result.finding) == [cx.sentiment(ws).n, 10]
    assert set(result.table["sentiment"]) == {None}
    for row in result.table.to_dicts():
        review, order = row["feedback_id"].split()
        title, message, stars = files.execute(
            "select review_comment_title, review_comment_message, review_score from reviews "
            "where review_id = $1 and order_id = $2",
            [review, order],
        ).fetchone()
        words = re.findall(r"\w+", f"{title or ''} {message or ''}")
        assert re.findall(r"\w+", row["comment"]) == words
        assert row["score"] == float(stars)


# What do people write of whose parcel came late?

BOOK = theme_book("""
[[themes]]
name = "não chegou"
include = ["não recebi", "nao recebi", "não chegou", "nao chegou", "não entregue", "aguardando",
    "esperando", "atras*", "correios"]
[[themes]]
name = "no prazo"
include = ["antes do prazo", "no prazo", "dentro do prazo", "rápida", "rapida", "rápido", "rapido"]
[[themes]]
name = "produto errado"
include = ["errado", "errada", "diferente", "trocar", "devolver", "defeito", "quebrado", "faltando"]
""")


@pytest.fixture
def with_book(ws):
    cx.keep_themes(ws, BOOK)
    yield ws
    (ws.store / "themes.toml").unlink()


def test_late_parcels_are_heard_in_the_words_people_use(ws, files):
    """Words of people whose parcel came after the promised day, against those served in time."""
    came = files.execute("""
        select customer_unique_id as person,
            bool_or(order_delivered_customer_date[:10] > order_estimated_delivery_date[:10]) as late
        from orders join customers using (customer_id)
        where order_delivered_customer_date is not null group by 1
    """).fetchall()
    late = {person for person, was in came if was}
    told = pl.DataFrame(
        {
            "customer_id": [person for person, _ in came],
            "delivery": ["late" if was else "in time" for _, was in came],
        }
    )
    result = cx.telling_words(ws.with_field("delivery", told), by="delivery")
    words = {side: rows.rows_by_key("word", named=True, unique=True)
             for (side,), rows in result.table.group_by("side")}  # fmt: skip
    waiting = {"correios", "atraso", "recebi", "esperando", "aguardando", "atrasado"}
    assert len(waiting & set(words["late"])) >= 4, "the post, delay, received, waiting"
    assert "prazo" in words["in time"], "in (or before) the time promised"
    assert not waiting & set(words["in time"])
    # one of the words, counted again by person in the files
    wrote = {}
    for person, text in files.execute("""
        select customer_unique_id, lower(concat_ws(' ', review_comment_title,
            review_comment_message))
        from reviews join orders using (order_id) join customers using (customer_id)
        where trim(concat_ws('', review_comment_title, review_comment_message), e' \\t\\r\\n') <> ''
    """).fetchall():
        wrote.setdefault(person, []).append(text)
    known = {person for person, _ in came} & set(wrote)
    post = {p for p in known if any(re.search(r"\bcorrei[aeo]?s?\b", text) for text in wrote[p])}
    row = words["late"]["correios"]
    assert (row["base"], row["others_base"]) == (len(known & late), len(known - late))
    assert (row["people"], row["others"]) == (len(post & late), len(post - late))


def test_the_parcel_that_did_not_come_weighs_most_on_the_stars(with_book, files):
    result = cx.theme_impact(with_book)
    row = result.table.row(0, named=True)
    assert row["theme"] == "não chegou"
    assert row["drag_high"] < -1.4 and row["impact_high"] < -0.3
    assert result.table.filter(theme="no prazo")["drag_low"][0] > 1.5
    commented = one(
        files,
        """select count(*), sum(review_score::int) from reviews where trim(concat_ws('',
        review_comment_title, review_comment_message), e' \\t\\r\\n') <> ''""",
    )
    assert result.n == commented[0]
    n, x = row["mentions"], row["score_with"]
    whole = commented[1] / commented[0]
    assert row["impact"] == pytest.approx(whole - (commented[1] - n * x) / (commented[0] - n))


def test_waiting_rose_in_the_winter_in_which_parcels_came_late(with_book):
    """The weeks in which fewer parcels arrived (see the breaks below) are those of the words."""
    table = cx.theme_trend(with_book).table
    row = table.filter(theme="não chegou").row(0, named=True)
    assert row["rose"] is not None
    assert datetime(2017, 11, 27).date() <= row["rose"] <= datetime(2018, 1, 8).date()
    waits = table.filter(theme="não chegou", rising=1)["begins"]
    assert waits[-1] >= datetime(2018, 3, 19).date()
    assert table.filter(theme="no prazo")["rose"].null_count() == table.height // 4


def test_hardly_anybody_of_the_shop_buys_twice_so_nothing_is_said(with_book):
    result = cx.after_theme(with_book)
    assert result.finding.startswith("Cannot say: ")
    assert set(result.table["did"]) == {"bought", "lapsed"}
    # nearly everybody falls silent, whatever they wrote of
    assert result.table.filter(did="lapsed")["share"].min() > 0.97
    assert result.table["change"].null_count() == result.table.height


# Where do orders stop, and since when?

STEPS = {
    "ordered → approved": ("order_purchase_timestamp", "order_approved_at"),
    "approved → handed to carrier": ("order_approved_at", "order_delivered_carrier_date"),
    "handed to carrier → delivered": (
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
    ),
}
FOLLOWED = """
    with moments as (
        select customer_unique_id as person, customer_state as state,
            {a}::timestamp at time zone 'America/Sao_Paulo' as a,
            {b}::timestamp at time zone 'America/Sao_Paulo' as b,
            date_trunc('week', {a}::timestamp)::date as week,
            (select moment::timestamp at time zone 'America/Sao_Paulo' from ended) as moment
        from orders join customers using (customer_id)
        where {a} is not null
    )
    select {by}, count(*), count(*) filter (b between a and a + interval 2880 hours)
    from moments where a <= moment - interval 2880 hours and ({where}) group by 1
"""
WEEK = timedelta(days=7)


def test_orders_go_on_step_by_step_and_week_by_week(ws, files):
    found = cx.stage_breaks(ws, unit="order", by=None).table
    for step, (a, b) in STEPS.items():
        rows = found.filter(step=step).select("week", "entered", "followed").rows()
        told = {week: (n, x) for week, n, x in rows if n}
        text = FOLLOWED.format(by="week", a=a, b=b, where="true")
        assert told == {week: (n, x) for week, n, x in files.execute(text).fetchall()}


def test_where_orders_stop_and_since_when(ws, files):
    found = cx.stage_breaks(ws, unit="order", by="region")
    said = re.fullmatch(
        r"From the week of (\S+ \S+ \S+) to that of (\S+ \S+ \S+) \(until .*\) the share that went "
        r"on from 'handed to carrier' to 'delivered' in 'RJ' fell to (.*); since then it is (.*)\. "
        r"At this step .* did not move\. 5 other breaks stand below\.",
        found.finding,
    )
    assert said
    first, last = (datetime.strptime(day, "%d %b %Y").date() for day in said.group(1, 2))
    assert (str(first), str(last)) == ("2017-11-27", "2018-04-09")
    a, b = STEPS["handed to carrier → delivered"]
    weeks = files.execute(FOLLOWED.format(by="week", a=a, b=b, where="state = 'RJ'")).fetchall()
    parts = [[0, 0], [0, 0], [0, 0]]
    judged = set(found.table.filter(state="judged", segment="RJ")["week"])
    for week, n, x in weeks:
        if week in judged:
            part = parts[0 if week < first else 1 if week <= last else 2]
            part[0] += x
            part[1] += n
    (y, m), (x, n), _ = parts
    change = 100 * (x / n - y / m)
    told = numbers(said.group(3))
    # a few people ordered twice: their orders are taken together, which makes intervals wider
    effects = [1.0, 1.0, 1.0]
    for number, (begins, ends) in enumerate(
        ((min(judged), first), (first, last + WEEK), (last + WEEK, max(judged) + WEEK))
    ):
        where = f"state = 'RJ' and week >= '{begins}' and week < '{ends}'"
        text = FOLLOWED.format(by="person", a=a, b=b, where=where)
        each = files.execute(text).fetchall()
        assert [sum(who[place] for who in each) for place in (1, 2)] == parts[number][::-1]
        effects[number] = design_effect([x for *_, x in each], [n for _, n, _ in each])
    assert 1 < max(effects) < 1.2
    before, inside, since = (
        share(part / effect, whole / effect)
        for (part, whole), effect in zip(parts, effects, strict=True)
    )
    assert told[:4] == [*inside, n]
    assert told[4:8] == [*before, m]
    assert numbers(said.group(4)) == since
    assert told[8] == round(abs(change), 1)
    assert x / n < y / m
    # and more sharply than any other state's: of the weeks alike, the others did not fall so
    others = files.execute(FOLLOWED.format(by="week", a=a, b=b, where="state <> 'RJ'")).fetchall()
    inside = [(n, x) for week, n, x in others if first <= week <= last]
    before = [(n, x) for week, n, x in others if week < first]
    rest = [sum(x for _, x in part) / sum(n for n, _ in part) for part in (inside, before)]
    assert rest[0] - rest[1] > x / n - y / m + 0.05


# How do late deliveries change the review score?


def test_who_waits_long_or_in_vain_is_less_content(ws, files):
    """Waits and moods from the files alone: the wait is a fact of each person's own rows."""
    result = cx.mood_by_wait(ws)
    orders = files.execute("""
        select customer_unique_id, order_id, order_purchase_timestamp,
            order_delivered_customer_date
        from orders join customers using (customer_id)
    """).fetchall()
    bought, there, whose = {}, {}, {}
    for person, order, purchased, delivered in orders:
        whose[order] = person
        bought.setdefault(person, []).append(utc(purchased))
        if delivered:
            there.setdefault(person, []).append(utc(delivered))
    reviews = files.execute(
        "select review_id, order_id, review_answer_timestamp, review_score from reviews"
    ).fetchall()
    waits, in_vain = [], []
    for _, order, answered, score in reviews:
        if order not in whose or not answered:
            continue
        person, given = whose[order], utc(answered)
        arrived = max((at for at in there.get(person, ()) if at <= given), default=None)
        begun = [at for at in bought[person] if at <= (arrived or given)]
        if not begun:
            continue
        mood = 50 * (int(score) - 3)
        if arrived is None:
            in_vain.append(mood)
        else:
            waits.append(((arrived - max(begun)).total_seconds() / 86400, mood))
    waits.sort()
    quarters = [sorted(waits)[len(waits) * n // 4][0] for n in (1, 2, 3)]
    slow = [mood for days, mood in waits if days >= quarters[2]]
    quick = [mood for days, mood in waits if days < quarters[0]]
    table = result.table
    assert abs(table["answers"][0] - len(quick)) <= 3  # a review's number may stand twice
    assert abs(table["answers"][3] - len(slow)) <= 3
    assert abs(table["answers"][4] - len(in_vain)) <= 3
    for row, moods in ((0, quick), (3, slow), (4, in_vain)):
        assert table["mood"][row] == pytest.approx(sum(moods) / len(moods), abs=0.3)
    said = numbers(result.finding)
    assert said[0] == round(quarters[2], 1)
    assert table["mood"][0] > table["mood"][3] > table["mood"][4], "the longer, the less content"
    assert "no sure difference" not in result.finding


def test_the_map_of_the_shop_counts_as_the_funnel_does(ws):
    funnel, table = cx.stage_funnel(ws).table, cx.journey_map(ws).table
    assert table["reached"].to_list() == funnel["reached"].to_list()
    heard = table.filter(stage="delivered")
    assert heard["answers"][0] > 8_000
    assert table["glitches"].null_count() == 5, "the shop's files name no glitch"
    assert table["contacts"].null_count() == 5, "and no contact"


def test_what_becomes_of_an_order_is_no_visit(ws):
    """All events of the shop are dates of its orders: nobody is seen to visit anything."""
    assert cx.sessions(ws).n == 0
    assert cx.stage_trend(ws).table["unit"].unique().to_list() == ["customer"]
    assert cx.stage_trend(ws).n > 7000
    assert "Nobody entered" not in cx.stage_change(ws).finding
    assert "too few" not in cx.stage_breaks(ws).finding
    assert "reach 'reviewed' within" in cx.activation(ws).finding
    assert "half would need 1 step and" in cx.effort(ws).finding
