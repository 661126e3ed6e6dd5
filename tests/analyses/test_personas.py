"""Personas: features counted by hand, groups as planted, and every way of having none."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import polars as pl
import pytest
from company import company, events

import cxkit as cx
from cxkit.errors import BadQuestion, BadSettings
from cxkit.persona_model import BEHAVIOUR, persona_people

ZONE = {"company": {"timezone": "Europe/Berlin"}}


def order(number: int, customer: str, when: str, **more: Any) -> dict[str, Any]:
    known = {"order_id": f"o{number}", "customer_id": customer, "ordered_at": when}
    return {**known, "amount": 10, "currency": "EUR"} | more


# ann: six orders on five days; bob: one order and a refund; cid: only a cancelled order
ORDERS = [
    order(1, "ann", "2026-01-01T17:30", amount=20, device="mobile", channel="web", product="a"),
    order(2, "ann", "2026-01-01T18:30", amount=40, device="desktop", channel="web", product="a"),
    order(3, "ann", "2026-01-03T10:00", amount=30, device="Mobile app", channel="app", product="b"),
    order(4, "ann", "2026-02-02T10:00", amount=30, channel="web", product="a"),
    order(5, "ann", "2026-02-12T10:00", amount=None, channel="web"),
    order(6, "ann", "2026-04-01T21:00", amount=30, channel="web"),
    order(7, "bob", "2026-03-01T10:00", amount=50, device="mobile", channel="app"),
    order(8, "bob", "2026-03-05T10:00", amount=-50),
    order(9, "cid", "2026-03-05T10:00", cancelled=True),
]
TICKETS = [
    {"ticket_id": "t1", "customer_id": "ann", "opened_at": "2026-01-05"},
    {"ticket_id": "t2", "customer_id": "ann", "opened_at": "2026-01-06"},
    {"ticket_id": "t3", "customer_id": "ann", "opened_at": "2026-01-07"},
]


def test_features_of_three_people_by_hand(tmp_path):
    visits = [{**e, "session": f"s{n}"} for n, e in enumerate(events("ann 2026-01-01 visit"))]
    visits += [{**e, "session": "s9"} for e in events("bob 2026-01-01 visit", "bob 2026-01-02 buy")]
    ws = company(tmp_path, ZONE, orders=ORDERS, tickets=TICKETS, events=visits)
    people = persona_people(ws, BEHAVIOUR)
    ann, bob, cid = people.iter_rows(named=True)
    assert (ann["orders"], bob["orders"], cid["orders"]) == (6, 1, None)
    assert ann["repeat_orders_per_year"] == pytest.approx(4 * 365.25 / 90)  # 1 Jan to 1 Apr
    assert ann["median_gap_days"] == 20  # of 2, 30, 10 and 48
    assert ann["mean_basket"] == 30  # of the five that have an amount
    assert (ann["refund_share"], bob["refund_share"]) == (0, 0.5)
    assert ann["evening_share"] == pytest.approx(3 / 6)  # 18:30, 19:30 and 23:00 in Berlin
    assert ann["weekend_share"] == pytest.approx(1 / 6)  # Saturday 3 January
    assert ann["mobile_share"] == pytest.approx(2 / 3)
    assert ann["main_channel_share"] == pytest.approx(5 / 6)
    assert ann["product_variety"] == pytest.approx(2 / 4)
    assert (ann["tickets_per_order"], bob["tickets_per_order"]) == (0.5, 0)
    assert (ann["visits_per_order"], bob["visits_per_order"]) == (pytest.approx(1 / 6), 1)
    # one order is no habit, and a month is no year
    lacking = [name for name in BEHAVIOUR if bob[name] is None]
    assert lacking == [
        "repeat_orders_per_year", "median_gap_days", "evening_share", "weekend_share",
        "mobile_share", "main_channel_share", "product_variety",
    ]  # fmt: skip
    assert [cid[name] for name in BEHAVIOUR] == [None] * len(BEHAVIOUR)


def test_what_happened_later_is_not_counted(tmp_path):
    ws = company(tmp_path, ZONE, orders=ORDERS, tickets=TICKETS)
    ann = persona_people(ws, BEHAVIOUR, "2026-01-05").row(0, named=True)
    assert (ann["orders"], ann["mean_basket"], ann["median_gap_days"]) == (3, 30, 2)
    assert ann["tickets_per_order"] == pytest.approx(1 / 3)
    assert ann["visits_per_order"] is None  # no visit is known of anyone


# --- a company with three kinds of customers -----------------------------------------------------


def contacts(rows: int = 240, seed: int = 1) -> list[dict[str, Any]]:
    """Half thrifty, a third busy, the rest loud; every tenth has no field at all."""
    random = np.random.default_rng(seed)
    kinds = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    centres = np.array([[10, 5, 0.3], [30, 15, 0.3], [10, 15, 0.8]])
    values = centres[kinds] + random.standard_normal((rows, 3)) * [2, 1, 0.05]
    made = []
    for n, (spend, visits, talk) in enumerate(values.tolist()):
        told = {"P: Spend": f"{spend:.2f}", "P: Visits": f"{visits:.2f}", "P: Talk": f"{talk:.3f}"}
        told |= {"Age": "33", "Note": f"text {n}", "Plan": "basic" if kinds[n] else "free"}
        made.append(
            {
                "customer_id": f"c{n:03}",
                "attributes": json.dumps(told if n % 10 else {"P: Spend": told["P: Spend"]}),
            }
        )
    return made


FIELDS = ["P: Spend", "P: Visits", "P: Talk"]
BOUGHT = [order(n, f"c{n:03}", "2026-01-01") for n in range(240)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> cx.Workspace:
    told = {"personas": {"features": FIELDS}}
    folder = tmp_path_factory.mktemp("shop")
    return company(folder, told, customers=contacts(), orders=BOUGHT)


def test_three_kinds_and_their_names(shop):
    found = cx.personas(shop)
    assert found.n == 240
    assert re.fullmatch(
        r"3 groups hold \(stability (\.\d\d–)?(\.\d\d|1\.00)\) among 240 buyers; "
        r"a fourth does not \(prediction strength \.\d\d\)\.",
        found.finding,
    )
    assert found.table.columns[:8] == [
        "persona", "named", "holds", "customers", "share", "share_low", "share_high", "jaccard",
    ]  # fmt: skip
    assert found.table["feature"].to_list() == ["Spend", "Visits", "Talk"] * 3
    names = found.table["persona"].unique(maintain_order=True).to_list()
    assert names[0].startswith("low Visits")
    assert names[1].startswith("high Spend")
    assert names[2].startswith("high Talk")
    first = found.table.row(0, named=True)
    assert first["low_quartile"] < first["median"] < first["high_quartile"]
    assert first["share_low"] < first["share"] < first["share_high"]
    sizes = found.table.unique("persona")["customers"]
    assert sizes.sum() == 216  # 24 of 240 have one field of three
    assert "24 are in no group: less than half of their features are known." in found.caveats
    title = found.chart().layout.title.text
    assert "3 kinds of customers" in title


def test_persona_of_says_who_is_what(shop):
    people = cx.persona_of(shop)
    assert people.columns == ["customer_id", "persona", "margin"]
    assert people["customer_id"].to_list() == [f"c{n:03}" for n in range(240)]
    assert people.filter(pl.col("persona").is_null())["customer_id"].to_list() == [
        f"c{n:03}" for n in range(0, 240, 10)
    ]
    counts = dict(people.drop_nulls()["persona"].value_counts().iter_rows())
    table = cx.personas(shop).table.unique("persona")
    assert counts == dict(table.select("persona", "customers").iter_rows())
    assert people["margin"].drop_nulls().is_between(0, 1).all()


def test_a_kept_model_scores_alike(shop):
    from cxkit.persona_model import fit_personas

    model = fit_personas(shop).model
    again = cx.PersonaModel.from_json(model.to_json())
    assert again == model
    assert cx.persona_of(shop, model=again).equals(cx.persona_of(shop))
    with pytest.raises(BadQuestion, match="not a kept persona model"):
        cx.PersonaModel.from_json('{"features": 3}')


def test_the_same_export_in_any_order_gives_the_same_bytes(tmp_path, shop):
    rows = contacts()
    random = np.random.default_rng(2)
    shuffled = [rows[n] for n in random.permutation(len(rows))]
    orders = [BOUGHT[n] for n in random.permutation(len(BOUGHT))]
    again = company(tmp_path, {"personas": {"features": FIELDS}}, customers=shuffled, orders=orders)
    one, other = cx.personas(shop), cx.personas(again)
    assert one.table.write_csv() == other.table.write_csv()
    assert (one.finding, one.caveats) == (other.finding, other.caveats)
    assert cx.persona_of(shop).write_csv() == cx.persona_of(again).write_csv()


def test_categories_may_be_features(shop):
    found = cx.personas(shop, features=[*FIELDS, "Plan"])
    plans = found.table.filter(pl.col("feature").str.starts_with("Plan: "))
    assert plans["persona"].n_unique() == 3
    levels = ["Plan: (not known)", "Plan: basic", "Plan: free"]
    assert plans["feature"].to_list() == levels * plans["persona"].n_unique()
    assert plans["median"].null_count() == plans.height
    for _, group in plans.group_by("persona"):
        assert group["share_with"].sum() == pytest.approx(1)
    assert plans["share_with_of_all"][:3].sum() == pytest.approx(1)
    found.chart()


def test_what_may_not_be_asked(shop):
    with pytest.raises(BadQuestion, match="'Age' is a protected trait"):
        cx.personas(shop, features=["P: Spend", "Age"])
    with pytest.raises(
        BadQuestion, match=r"no feature 'Spend'. There are: .*P: Spend.*mean_basket"
    ):
        cx.personas(shop, features=["Spend"])
    with pytest.raises(BadQuestion, match="twice"):
        cx.personas(shop, features=["P: Spend", "P: Spend"])
    with pytest.raises(BadQuestion, match="give a list of texts"):
        cx.personas(shop, features="P: Spend")


@pytest.mark.parametrize(
    "name", ["gender", "Sex", "birthDate", "Date of birth", "Age group", "customer_nationality"]
)
def test_protected_traits_are_known_by_their_names(shop, name):
    with pytest.raises(BadQuestion, match="protected trait"):
        cx.personas(shop, features=[name, "P: Spend"])


def test_settings_are_checked(tmp_path):
    with pytest.raises(BadSettings, match="names a field twice"):
        company(tmp_path, {"personas": {"features": ["a", "a"]}})
    with pytest.raises(BadSettings, match="as many fields"):
        company(tmp_path, {"personas": {"features": ["a", "b"], "later": ["c"]}})


# --- when there is nothing to find ---------------------------------------------------------------


def said(folder: Path, **tables: Any) -> tuple[str, str]:
    """Return finding and caveats of a company without groups, having looked at all else."""
    features = tables.pop("features", None)
    ws = company(folder, **tables)
    found = cx.personas(ws, features=features)
    found.chart()
    assert found.table.is_empty()
    assert cx.persona_of(ws, features=features)["persona"].null_count() == found.n
    return found.finding, " ".join(found.caveats)


def test_nobody_one_and_five(tmp_path):
    nobody = "There are no buyers, and nobody has the fields asked for: personas cannot be found."
    assert said(tmp_path / "empty")[0] == nobody
    finding, caveats = said(tmp_path / "prospects", customers=contacts())
    assert finding == nobody
    assert "240 known people who have not bought" in caveats
    assert said(tmp_path / "one", orders=ORDERS[:1])[0] == (
        "The data hold 1 buyer only: too few for personas."
    )
    five = [order(n, f"c{n}", f"2026-01-0{n + 1}") for n in range(5)]
    assert said(tmp_path / "five", orders=five)[0] == (
        "The data hold 5 buyers only: too few for personas."
    )


def test_all_alike_and_all_but_one(tmp_path):
    finding, caveats = said(tmp_path / "alike", orders=BOUGHT)
    assert finding == (
        "Personas cannot be found among 240 buyers: of 11 features none tells them apart; 240 "
        "(100.0 %) have bought once only, and one purchase shows no habits."
    )
    assert "mean basket (alike for all)" in caveats
    assert "mobile share (known of nobody)" in caveats
    spending = [{**row, "amount": n} for n, row in enumerate(BOUGHT)]
    assert said(tmp_path / "basket", orders=spending)[0] == (
        "Personas cannot be found among 240 buyers: of 11 features only mean basket tells them "
        "apart; 240 (100.0 %) have bought once only, and one purchase shows no habits."
    )


def test_features_that_cannot_be_used_are_named(tmp_path):
    rows = contacts()
    for row in rows:
        told = json.loads(row["attributes"])
        row["attributes"] = json.dumps(told | {"Same": "1", "Never": "", "Odd": "nan"})
    ws = company(tmp_path, customers=rows, orders=BOUGHT)
    found = cx.personas(ws, features=[*FIELDS, "Same", "Never", "Odd", "Note"])
    assert not found.table.is_empty()
    assert (
        "Features left out: Same (alike for all); Never (known of nobody); Odd (known of nobody); "
        "Note (216 different texts)." in found.caveats
    )


def test_one_cloud_has_no_groups(tmp_path):
    random = np.random.default_rng(8)
    rows = [
        {"customer_id": f"c{n:03}", "attributes": json.dumps({"a": f"{a:.3f}", "b": f"{b:.3f}"})}
        for n, (a, b) in enumerate(random.standard_normal((240, 2)).tolist())
    ]
    finding, caveats = said(tmp_path, customers=rows, orders=BOUGHT, features=["a", "b"])
    assert finding.startswith("No stable groups among 240 buyers: ")
    assert "prediction strength at least .80" in caveats


def test_one_feature_alone_makes_no_persona(shop):
    assert cx.personas(shop, features=["P: Spend"]).finding == (
        "Personas cannot be found among 240 buyers by one feature alone: name two or more."
    )


def test_the_as_of_date_is_told(shop):
    assert cx.personas(shop).as_of == datetime(2026, 1, 1)


@pytest.mark.parametrize("wrong", ["region", 5, [3], {"region"}])
def test_features_that_are_no_list_are_answered_with_an_example(tmp_path, wrong):
    ws = company(tmp_path, orders=ORDERS)
    for ask in (cx.personas, cx.persona_cards, cx.persona_drift):
        with pytest.raises(BadQuestion) as told:
            ask(ws, features=wrong)
        assert str(told.value) == (
            f"features is {wrong!r}; give a list of texts, as in ['mean_basket', 'evening_share']."
        )


def test_a_report_puts_small_groups_together(tmp_path, monkeypatch):
    """60 quiet, 36 busy and 33 loud ones; a report must show 35 or more."""
    settings = {**kinds.SETTINGS, "privacy": {"smallest_group": 35}}
    ws = company(tmp_path, settings, customers=kinds.contacts(), orders=kinds.orders())
    seen = cx.personas(ws)
    note = "2 of the groups stand together as 'other': a report shows none of too few people alone."
    assert note not in seen.caveats
    monkeypatch.setenv("CXKIT_REPORT", "1")
    told = cx.personas(ws)
    assert note in told.caveats
    quiet = seen.table["persona"][0]
    sizes = told.table.unique("persona", maintain_order=True)
    assert sizes.select("persona", "customers", "jaccard").rows() == [
        (quiet, 60, seen.table["jaccard"][0]), ("other", 69, None),
    ]  # fmt: skip
    own, others = (told.table.filter(persona=name) for name in (quiet, "other"))
    assert own.equals(seen.table.filter(persona=quiet))
    # the others differ from the quiet ones as these differ from them
    assert others["difference"].to_list() == pytest.approx((-own["difference"]).to_list(), abs=1e-6)
    assert others["holds"].unique().to_list() == ["small groups, put together"]
    told.chart()


def test_a_report_shows_no_value_of_a_few(tmp_path, monkeypatch):
    """Of the quiet ones three live in the north, of the busy ones 18, of the loud ones nobody."""
    north = {"q00", "q01", "q02", *(f"b{n:02}" for n in range(18))}
    people = [
        row | {"region": "North" if row["customer_id"] in north else "South"}
        for row in kinds.contacts()
    ]
    ws = company(tmp_path, kinds.SETTINGS, customers=people, orders=kinds.orders())
    features = [*kinds.FIELDS, "region"]
    north = cx.personas(ws, features=features).table.filter(feature="region: North")
    assert sorted(north["share_with"].to_list()) == [0, 0.05, 0.5]
    monkeypatch.setenv("CXKIT_REPORT", "1")
    north = cx.personas(ws, features=features).table.filter(feature="region: North")
    assert sorted(north["share_with"].to_list(), key=str) == [0, 0.5, None]
    cards = cx.persona_cards(ws, features=features).table.filter(about="region", item="North")
    assert sorted(cards["customers"].to_list()) == [0, 18]
