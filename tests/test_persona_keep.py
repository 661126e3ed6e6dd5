"""Personas that are kept survive imports and damage; tags lose nobody and change no snapshot."""

import json

import polars as pl
import pytest
from company import company
from kinds import PEOPLE, SETTINGS, contacts, orders

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
    told = dict(funnel.table.select("segment", "customers").rows())
    assert told == sizes
    assert told[quiet] == 60
    with pytest.raises(BadQuestion, match="no field 'persona'"):
        cx.stage_funnel(shop, stages=["ordered"], by="persona")
    assert cx.score(tagged, by="persona").n == 0


def test_where_no_groups_hold_everyone_is_no_persona(tmp_path):
    ws = company(tmp_path, orders=orders(PEOPLE[:40]))
    funnel = cx.stage_funnel(
        cx.tag_customers(ws, as_of="2026-03-01"), stages=["ordered"], by="persona", within_days=1,
        as_of="2026-03-01",
    )  # fmt: skip
    assert funnel.table.select("segment", "customers").rows() == [("no persona", 40)]
