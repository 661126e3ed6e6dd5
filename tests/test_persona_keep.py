"""Personas that are kept survive imports and damage; tags lose nobody and change no snapshot."""

import json
from datetime import date, timedelta
from statistics import NormalDist

import polars as pl
import pytest
from company import company, events
from kinds import FIELDS, LATER, PEOPLE, SETTINGS, contacts, orders

import cxkit as cx
from cxkit.errors import BadQuestion, CxError

MOVED = {f"q{n:02}": "l" for n in range(12)}


@pytest.fixture
def shop(tmp_path) -> cx.Workspace:
    return company(tmp_path, SETTINGS, customers=contacts(), orders=orders())


def test_kept_personas_score_next_months_export(shop, tmp_path):
    assert cx.kept_personas(shop) is None
    path = cx.keep_personas(shop)
    assert path == tmp_path / "personas.json"
    assert not list(tmp_path.glob("*.tmp"))
    model = cx.kept_personas(shop)
    assert cx.persona_of(shop, model=model).equals(cx.persona_of(shop))
    # the next import publishes another snapshot; the model stays, and scores the new people
    later = company(tmp_path, SETTINGS, customers=contacts(MOVED), orders=orders(PEOPLE[::-1]))
    assert cx.kept_personas(later) == model
    assert cx.persona_of(later, model=model).equals(cx.persona_of(shop))


def test_the_same_people_keep_their_name(shop, tmp_path):
    path = cx.keep_personas(shop)
    text = path.read_text(encoding="utf-8")
    cx.keep_personas(shop)
    assert path.read_text(encoding="utf-8") == text
    told = json.loads(text)
    told["personas"][0]["name"] = "the quiet ones"
    path.write_text(json.dumps(told), encoding="utf-8")
    cx.keep_personas(shop)
    names = [persona.name for persona in cx.kept_personas(shop).personas]
    assert names[0] == "the quiet ones"
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"features": []}', '{"prepared": 3, "personas": 4}', "\ud83d"],
)
def test_a_damaged_model_is_one_sentence(shop, tmp_path, text):
    (tmp_path / "personas.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CxError) as told:
        cx.kept_personas(shop)
    assert str(told.value) == (
        f"personas.json of '{tmp_path.name}' is damaged: rename it, and keep the personas again "
        "with cx.keep_personas(ws)."
    )
    with pytest.raises(CxError, match="is damaged"):
        cx.tag_customers(shop)
    cx.keep_personas(shop)
    assert cx.kept_personas(shop) is not None


@pytest.mark.parametrize("place", ["centre", "differences"])
@pytest.mark.parametrize("wrong", [[], [1.0], [1.0, 2.0, float("nan")], ["a", "b", "c"]])
def test_a_model_that_does_not_fit_itself_is_damaged(shop, place, wrong):
    path = cx.keep_personas(shop)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["personas"][1][place] = wrong
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(CxError, match="is damaged"):
        cx.kept_personas(shop)


def test_a_folder_in_the_place_of_the_model_is_damaged(shop, tmp_path):
    (tmp_path / "personas.json").mkdir()
    with pytest.raises(CxError, match="is damaged"):
        cx.kept_personas(shop)


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": ["nope", "nada"]},
        {"features": "abc"},
        {"features": [["a"], 3]},
        {"personas": []},
        {"as_of": 5},
        {"as_of": "soon"},
        {"as_of": "2026-01-01T00:00:00+02:00"},
        {"strength": {"2": "x"}},
        {"strength": {"two": 0.9}},
        {"strength": {"2": 10**400}},
        {"prepared": {"features": [], "dropped": {}}},
    ],
)
def test_a_model_that_parses_and_is_none_is_damaged(shop, wrong):
    path = cx.keep_personas(shop)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | wrong))
    for ask in (cx.kept_personas, cx.tag_customers, cx.persona_cards, cx.persona_drift):
        with pytest.raises(CxError, match="is damaged"):
            ask(shop)


@pytest.mark.parametrize(
    "wrong", [{"sd": 0}, {"sd": "x"}, {"low": None}, {"name": 3}, {"levels": ["a"]}, {"more": 1}]
)
def test_a_feature_that_cannot_score_is_damaged(shop, wrong):
    path = cx.keep_personas(shop)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["prepared"]["features"][0] |= wrong
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(CxError, match="is damaged"):
        cx.kept_personas(shop)


@pytest.mark.parametrize("wrong", ["x", 5, True, ["region"], b"x", "", 0, [], {}, False])
@pytest.mark.parametrize("ask", [cx.tag_customers, cx.persona_of, cx.persona_drift])
def test_a_model_that_is_none_is_one_sentence(shop, ask, wrong):
    with pytest.raises(BadQuestion) as told:
        ask(shop, model=wrong)
    assert str(told.value).startswith(f"model is {wrong!r}, which is no persona model. Give ")


def test_cards_drift_and_tags_speak_of_the_same_personas(shop):
    """Two features are kept, of the three that the settings name, and one group is renamed."""
    path = cx.keep_personas(shop, features=FIELDS[:2])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["personas"][0]["name"] = "the quiet ones"
    path.write_text(json.dumps(told), encoding="utf-8")
    tagged = cx.tag_customers(shop).sql(
        "select attributes ->> '$.persona' as persona, count(*) from customers group by all"
    )
    cards = cx.persona_cards(shop)
    drift = cx.persona_drift(shop, later=LATER[:2])
    assert "the quiet ones" in tagged["persona"].to_list()
    sizes = cards.table.filter(about="size").select("persona", "customers")
    assert sorted(sizes.rows()) == sorted(tagged.rows())
    now = drift.table.filter(part="share").select("persona", "customers_before")
    assert sorted(now.rows()) == sorted(tagged.rows())
    people = cx.persona_of(shop).group_by("persona").agg(pl.len().cast(pl.Int64))
    assert sorted(people.rows()) == sorted(tagged.rows())
    note = "The personas are those that are kept with the store (as of "
    for result in (cards, drift):
        assert sum(caveat.startswith(note) for caveat in result.caveats) == 1
    # whoever asks for features gets groups found anew
    asked = cx.persona_cards(shop, features=FIELDS)
    assert "the quiet ones" not in asked.table["persona"].to_list()
    assert not any(caveat.startswith(note) for caveat in asked.caveats)


def test_groups_found_anew_say_that_others_are_kept(shop, tmp_path):
    """Ten quiet ones have grown loud since the model was kept."""
    fresh = cx.personas(shop)
    assert not any("kept" in caveat for caveat in fresh.caveats)
    cx.keep_personas(shop)
    note = (
        "These groups are found anew. A model of 3 personas is kept with the store (as of 27 Mar "
        "2026): persona_of, persona_cards, persona_drift and by='persona' follow it, unless other "
        "features are asked for. Matched to it, the groups put {} elsewhere (adjusted Rand index "
        "{})."
    )
    again = cx.personas(shop)
    assert again.table.equals(fresh.table)
    assert note.format("0.0 % (0.0–2.9) of 129 people", "1.00") in again.caveats
    later = cx.personas(shop, features=LATER)
    assert note.format("0.0 % (0.0–2.9) of 129 people", "1.00") in later.caveats
    now = company(tmp_path, SETTINGS, customers=contacts(MOVED), orders=orders())
    moved = [c for c in cx.personas(now, features=LATER).caveats if "found anew" in c]
    assert "9.3 % (5.4–15.6) of 129 people elsewhere (adjusted Rand index 0.7" in moved[0]
    (tmp_path / "personas.json").write_text("{")
    assert any("is damaged" in caveat for caveat in cx.personas(now).caveats)
    assert cx.personas(now).table.equals(fresh.table)


def test_the_day_of_a_kept_model_is_the_companys(tmp_path):
    """The last order is of 23:30 UTC: in Berlin it is the next day."""
    bought = orders()
    bought[0] |= {"ordered_at": "2026-03-27T23:30"}
    zone = {"company": {"currency": "EUR", "timezone": "Europe/Berlin"}}
    ws = company(tmp_path, SETTINGS | zone, customers=contacts(), orders=bought)
    cx.keep_personas(ws)
    told = (
        "The personas are those that are kept with the store (as of 28 Mar 2026), not found anew."
    )
    assert told in cx.persona_cards(ws).caveats
    assert told in cx.persona_drift(ws).caveats


def rhythms() -> list[dict[str, object]]:
    """Sixty who buy for about 10 every 20 days or so, and sixty for 100 every 60."""
    rows = []
    for kind, (gap, amount) in enumerate(((20, 10), (60, 100))):
        for n in range(60):
            one, other = (NormalDist().inv_cdf(((n * step) % 60 + 0.5) / 60) for step in (7, 19))
            for k in range(420 // gap):
                day = date(2025, 1, 1) + timedelta(days=round(k * (gap + 3 * one)))
                row = {"order_id": f"{kind}-{n}-{k}", "customer_id": f"{kind}-{n}"}
                row |= {"ordered_at": str(day), "currency": "EUR"}
                rows.append(row | {"amount": round(amount + 2 * other, 2)})
    return rows


def test_personas_made_of_silences_cannot_show_that_they_lapse_apart(tmp_path):
    ws = company(tmp_path, orders=rhythms())
    cx.keep_personas(ws, features=["median_gap_days", "mean_basket"])
    tagged = cx.tag_customers(ws)
    limits = cx.lapse_groups(tagged, by="persona")
    assert limits.table.height == 2
    note = (
        "The personas were grouped by median gap days, counted from the same purchases: that some "
        "are silent for longer is partly how they were made. The limits describe them; they are "
        "no evidence that the personas differ."
    )
    assert limits.caveats[0] == note
    assert note in cx.lifecycle(tagged, lapse_by="persona").caveats
    assert note not in cx.lifecycle(tagged).caveats
    # of a basket and visits it is no more than a description
    tagged.made_from["persona"] = ("mean_basket", "refund_share")
    assert cx.lapse_groups(tagged, by="persona").caveats[0] == (
        "The personas were grouped by mean basket and refund share, counted from the same "
        "purchases: read a difference as a description, not as evidence."
    )


def test_personas_of_other_fields_may_be_compared_by_their_silences(shop):
    limits = cx.lapse_groups(cx.tag_customers(shop), by="persona")
    assert limits.table.height == 3
    assert not any("were grouped by" in caveat for caveat in limits.caveats)


def test_nothing_to_keep(tmp_path):
    ws = company(tmp_path, orders=orders(PEOPLE[:5]))
    with pytest.raises(BadQuestion, match="no personas to keep"):
        cx.keep_personas(ws)
    assert not (tmp_path / "personas.json").exists()


def test_tags_lose_nobody_and_change_nothing(tmp_path):
    """b00 has orders and no row in the contact list; x never bought."""
    rows = [row for row in contacts() if row["customer_id"] != "b00"]
    rows[0] |= {"region": "North"}
    rows.append({"customer_id": "x"})
    ws = company(tmp_path, SETTINGS, customers=rows, orders=orders())
    tagged = cx.tag_customers(ws)
    assert "persona" not in ws.sql("select attributes from customers where region = 'North'").item()
    there = tagged.sql(
        "select customer_id, region, attributes ->> '$.persona' as persona, "
        "attributes ->> '$.\"Then: Spend\"' as spend from customers order by customer_id"
    )
    assert there["customer_id"].to_list() == sorted([*PEOPLE, "x"])
    expected = cx.persona_of(ws).with_columns(pl.col("persona").fill_null("no persona"))
    both = there.join(expected, on="customer_id", how="left", suffix="_expected")
    assert both["persona"].to_list() == both["persona_expected"].to_list()
    assert there.filter(customer_id="b00")["persona"].item() == "no persona"  # no field is known
    assert there.filter(customer_id="q00").row(0)[1] == "North"
    assert there.filter(customer_id="q00")["spend"].item() is not None


def test_analyses_by_persona(shop):
    tagged = cx.tag_customers(shop)
    funnel = cx.stage_funnel(tagged, stages=["ordered"], by="persona", within_days=1)
    sizes = dict(cx.personas(shop).table.unique("persona").select("persona", "customers").rows())
    quiet = max(sizes, key=sizes.__getitem__)
    told = dict(funnel.table.select("segment", "reached").rows())
    assert told == sizes
    assert told[quiet] == 60
    with pytest.raises(BadQuestion, match="no field 'persona'"):
        cx.stage_funnel(shop, stages=["ordered"], by="persona")
    assert cx.score(tagged, by="persona").n == 0


def test_personas_of_buyers_cannot_say_who_buys(tmp_path):
    """Forty known since before they bought, forty who never did: only the first have a persona."""
    never = [f"v{n:02}" for n in range(40)]
    rows = [{"customer_id": who, "known_since": "2025-02-01"} for who in (*PEOPLE[60:100], *never)]
    looks = events(*(f"{row['customer_id']} 2025-02-01 look" for row in rows))
    ws = company(tmp_path, customers=rows, orders=orders(), events=looks)
    tagged = cx.tag_customers(ws)
    assert cx.prospect_conversion(tagged, by=None).n == 80
    for as_of in (None, "2025-03-01"):  # before the purchase the persona is known all the same
        with pytest.raises(BadQuestion) as told:
            cx.prospect_conversion(tagged, by="persona", as_of=as_of)
        assert str(told.value).startswith(
            "by is 'persona', which is known only of people who bought (40 of 80 prospects): "
        )
    funnel = cx.stage_funnel(tagged, stages=["look", "ordered"], by="persona", within_days=90)
    reached = dict(funnel.table.filter(place=2).select("segment", "reached").rows())
    assert reached == {"no persona": 40, "missing": 0}
    assert "a difference of" not in funnel.finding  # one side alone
    assert any(note.startswith("Personas are of buyers only") for note in funnel.caveats)


def test_personas_of_all_contacts_are_not_said_to_be_of_buyers(tmp_path):
    ws = company(tmp_path, SETTINGS, customers=contacts(), orders=orders(PEOPLE[:100]))
    funnel = cx.stage_funnel(cx.tag_customers(ws), stages=["ordered"], by="persona", within_days=1)
    assert not any("buyers only" in note for note in funnel.caveats)


def test_a_past_moment_says_that_fields_are_of_today(shop):
    note = "Fields of the contact list are as they stand in the latest export, not as of "
    for ask in (cx.personas, cx.persona_cards):
        past = [c for c in ask(shop, as_of="2025-12-01").caveats if c.startswith(note)]
        assert past == [f"{note}01 Dec 2025."]
        assert not any(c.startswith(note) for c in ask(shop).caveats)


def test_where_no_groups_hold_everyone_is_no_persona(tmp_path):
    ws = company(tmp_path, orders=orders(PEOPLE[:40]))
    funnel = cx.stage_funnel(
        cx.tag_customers(ws, as_of="2026-03-01"), stages=["ordered"], by="persona", within_days=1,
        as_of="2026-03-01",
    )  # fmt: skip
    assert funnel.table.select("segment", "reached").rows() == [("no persona", 40)]
