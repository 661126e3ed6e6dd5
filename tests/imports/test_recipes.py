"""Recipes: what they may say, how a file is known, and how its records become rows."""

from dataclasses import replace
from datetime import datetime as dt

import polars as pl
import pytest
from imports.helping import note, rows, take_in, write

import cxkit as cx
from cxkit import store
from cxkit.errors import BadRecipe
from cxkit.imports import layout, publish, recipes, records, sources
from cxkit.imports.publish import Account, Source
from cxkit.imports.rows import File
from cxkit.settings import Settings


def recipe(tmp_path, text):
    """Return the exports that a recipe's text describes."""
    path = tmp_path / "vendor.toml"
    path.write_text(text, encoding="utf-8")
    return recipes.load(path).exports


def build(tmp_path, exports, **files):
    """Publish files that exports of one recipe read; returns their accounts by name."""
    folder = write(tmp_path / "exports", **files)
    made = []
    for path in sorted(folder.iterdir()):
        out = tmp_path / "staged" / f"{path.name}.parquet"
        staged = records.stage(path, out, path.name)
        first = [list(staged.names)] if staged.names else layout.head(out, staged)
        names = recipes.unique([cell or "" for cell in first[0]])
        export = next(e for e in exports if set(e.header) <= set(names))
        match = recipes.Match(export, names, 0 if staged.names else 1)
        account = Account(path.name, path.name, export.name, staged.counted)
        file = File(out, staged, layout.lay_out(out, staged, match), export, "UTC")
        made.append(Source(account, staged, match, file))
    with store.draft(tmp_path / "store") as draft:
        publish.fill(draft, made)
        store.publish(tmp_path / "store", draft, files=[], settings=Settings(), suggested={})
    return {
        s.account.source_file: (
            s.account.records,
            s.account.loaded,
            s.account.set_aside,
            s.account.duplicate,
            s.account.skipped,
        )
        for s in made
    }


def test_every_recipe_of_the_house_loads_and_names_each_export_once():
    made = recipes.recipes()
    names = [export.name for recipe in made for export in recipe.exports]
    assert len(set(names)) == len(names) > 10
    assert len({recipe.vendor for recipe in made}) == len(made)


def test_every_column_that_makes_a_file_known_is_named_once():
    for made in recipes.recipes():
        for export in made.exports:
            plain = [recipes.plain(name) for name in export.header]
            assert len(set(plain)) == len(plain), export.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'vendor = "x"\ncolour = "red"',
            "vendor.toml has 'colour'. It knows: own_ids, suggests, vendor.",
        ),
        (
            '[[exports]]\nname = "a"',
            "vendor.toml: a has no header. Name the columns that make the file known.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\n[[exports.rows]]\ntable = "visits"',
            "vendor.toml: a fills 'visits'. The tables are: customers, events, feedback, issues, "
            "messages, orders, outreach, subscriptions, tickets.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\n[[exports.rows]]\ntable = "issues"\n'
            '[exports.rows.columns]\nwhen = "b"',
            "vendor.toml: a fills issues.when. It has: first_seen, fixed_at, logged_at, owner, "
            "stage, topic.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\n[[exports.rows]]\ntable = "issues"\n'
            '[exports.rows.columns]\nfixed_at = { column = "b", format = "backwards" }',
            "vendor.toml: a: issues.fixed_at has the format 'backwards'. "
            "It knows: day first, month first.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\n[[exports.rows]]\ntable = "orders"\n'
            '[exports.rows.columns]\namount = { column = "b", take = "mean" }',
            "vendor.toml: a: orders.amount takes 'mean'. It knows: first, last, least, most, sum.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\n[[exports.rows]]\ntable = "tickets"\n'
            '[exports.rows.columns]\nresolved_at = { column = "b", since = "c", unit = "days" }',
            "vendor.toml: a: tickets.resolved_at has the unit 'days'. "
            "It knows: hours, minutes, seconds.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\nquirk = "magic"',
            "vendor.toml: a has the quirk 'magic'. It knows: mapped, qualtrics, scores, survey.",
        ),
        (
            '[[exports]]\nname = "a"\nheader = ["b"]\ncells = { b = "magic" }',
            "vendor.toml: a mends by 'magic'. "
            "It knows: first of several, none if zero, whole number.",
        ),
    ],
)
def test_a_recipe_that_names_what_does_not_exist_is_refused(tmp_path, text, message):
    with pytest.raises(BadRecipe) as problem:
        recipe(tmp_path, text)
    assert str(problem.value) == message


def test_a_file_is_known_by_its_columns_in_any_order_and_case():
    header = ["ORDER_STATUS", "order_id", "Customer_ID ", "order_purchase_timestamp", "extra"]
    found = recipes.match([["a title"], header], False, ())
    assert found is not None
    assert (found.export.name, found.header_no) == ("Olist orders", 2)
    assert recipes.match([["order_id", "customer_id"]], False, ()) is None


SHOP = """
vendor = "Shop"
[[exports]]
name = "orders"
header = ["no", "total"]
key = ["no"]
version = "updated"
lines = true
person = { ids = { customer = "who" } }
[[exports.rows]]
table = "orders"
when = ["total"]
[exports.rows.columns]
order_id = "no"
ordered_at = "placed"
amount = "total"
status = { column = "state", values = { ok = "paid", back = "refunded" } }
cancelled = { column = "state", true_when = ["void"] }
channel = { value = "web" }
[[exports.rows]]
table = "orders"
part = true
[exports.rows.columns]
order_id = "no"
product = { column = "item" }
[[exports.rows]]
table = "events"
when = ["shipped"]
[exports.rows.columns]
event_id = { text = "{no} shipped" }
occurred_at = "shipped"
event = { value = "shipped" }
case_id = "no"
[[exports]]
name = "payments"
header = ["order", "paid"]
key = ["order", "seq"]
[[exports.rows]]
table = "orders"
part = true
[exports.rows.columns]
order_id = "order"
amount = { column = "paid", take = "sum" }
"""

HEAD = "no,who,placed,updated,total,state,shipped,item\n"
JANUARY = (
    HEAD
    + "1,ann,2024-01-05,2024-01-05,30.00,ok,2024-01-07,tea\n"
    + "1,,,,,,,cup\n"
    + "2,bo,2024-01-06,2024-01-06,5.00,ok,,cup\n"
    + "2,bo,2024-01-06,2024-01-06,5.00,ok,,cup\n"
)
FEBRUARY = (
    HEAD
    + "1,ann,2024-01-05,2024-02-01,30.00,back,2024-01-07,tea\n"
    + "1,,,,,,,cup\n"
    + "1,,,,,,,spoon\n"
    + "3,cy,2024-02-02,2024-02-02,9.00,void,soon,tea\n"
)


@pytest.mark.parametrize("names", [("a_csv", "b_csv"), ("b_csv", "a_csv")])
def test_orders_of_several_lines_keep_their_newest_version_whole(tmp_path, names):
    """The lines of order 1 come from one export: the one that was updated last."""
    files = dict(zip(names, (JANUARY, FEBRUARY), strict=True))
    accounts = build(tmp_path, recipe(tmp_path, SHOP), **files)
    january, february = (".".join(name.rsplit("_", 1)) for name in names)
    # of January's lines two are of an older version and one is repeated
    assert accounts == {january: (5, 1, 0, 3, 1), february: (5, 4, 0, 0, 1)}
    assert rows(
        tmp_path,
        "select order_id, customer_id, amount::double, status, cancelled, channel, product "
        "from orders order by 1",
    ) == [
        ("1", "ann", 30.0, "refunded", False, "web", "tea"),
        ("2", "bo", 5.0, "paid", False, "web", "cup"),
        ("3", "cy", 9.0, "void", True, "web", "tea"),
    ]


def test_one_record_gives_several_rows_and_a_bad_further_one_is_a_doubt(tmp_path):
    build(tmp_path, recipe(tmp_path, SHOP), a_csv=FEBRUARY)
    assert rows(tmp_path, "select event_id, customer_id, occurred_at, case_id from events") == [
        ("1 shipped", "ann", dt(2024, 1, 7), "1")
    ]
    assert rows(tmp_path, "select column_name, cells, example, reason from doubts") == [
        ("shipped", 1, "soon", "not a date")
    ]


def test_parts_fill_columns_of_rows_and_lonely_ones_are_left_out(tmp_path):
    orders = HEAD + "1,ann,2024-01-05,,1.00,ok,,tea\n2,bo,2024-01-06,,,ok,,cup\n"
    payments = "order,seq,paid\n1,1,10.00\n1,2,5.50\n1,2,5.50\n9,1,3.00\n"
    accounts = build(tmp_path, recipe(tmp_path, SHOP), orders_csv=orders, payments_csv=payments)
    # order 2 has no total: its line would fill a row that there is not
    assert accounts["orders.csv"] == (3, 1, 0, 0, 2)
    assert accounts["payments.csv"] == (5, 2, 0, 1, 2)
    assert rows(tmp_path, "select order_id, amount::double, product from orders") == [
        ("1", 1.0, "tea")
    ]


SURVEY = """
vendor = "Survey"
[[exports]]
name = "answers"
header = ["Id", "How was ...?"]
header_rows = 2
key = ["Id"]
person = { aliases = { email = "Mail" } }
[[exports.rows]]
table = "feedback"
when = ["How was ...?: Tea"]
[exports.rows.columns]
feedback_id = { text = "{Id} tea" }
score = "How was ...?: Tea"
comment = "Why?"
[[exports.rows]]
table = "feedback"
when = ["How was ...?: Cup"]
unless = ["How was ...?: Tea"]
[exports.rows.columns]
feedback_id = { text = "{Id} cup" }
score = "How was ...?: Cup"
"""


def test_a_header_of_two_rows_names_the_items_of_a_question(tmp_path):
    text = (
        "Id,Mail,How was ...?,,Why?\n"
        ",,Tea,Cup,Open-Ended Response\n"
        '1,Ann@X.test,5,4,"first\nsecond"\n'
        "2,,,3,\n"
        "3,,,,\n"
    )
    accounts = build(tmp_path, recipe(tmp_path, SURVEY), answers_csv=text)
    assert accounts == {"answers.csv": (5, 2, 0, 0, 3)}, "two headers, and one said nothing"
    assert rows(
        tmp_path, "select feedback_id, customer_id, score, comment from feedback order by 1"
    ) == [("1 tea", "email:ann@x.test", 5.0, "first\nsecond"), ("2 cup", None, 3.0, None)]


def test_columns_kept_together_are_one_json_object(tmp_path):
    text = """
    vendor = "CRM"
    [[exports]]
    name = "people"
    header = ["Id", "City"]
    person = { ids = { customer = "Id" } }
    [[exports.rows]]
    table = "customers"
    [exports.rows.columns]
    attributes = { json = ["City", "Zip"] }
    """
    build(tmp_path, recipe(tmp_path, text), a_csv='Id,City,Zip\n1,"O""slo",007\n2,,\n3,,1\n')
    assert rows(tmp_path, "select customer_id, attributes from customers order by 1") == [
        ("1", '{"City":"O\\"slo","Zip":"007"}'),
        ("2", None),
        ("3", '{"Zip":"1"}'),
    ]


def test_recipes_that_suggest_unlike_settings_suggest_neither():
    def source(vendor, **company):
        made = recipes.Recipe(vendor, (), {"company": company})
        export = recipes.Export("x", ("a",))
        return Source(Account("f", "h"), None, recipes.Match(export, ("a",), 1, made))

    one = source("one", timezone="Europe/Berlin", currency="EUR")
    other = source("other", timezone="Asia/Tokyo", currency="EUR")
    assert sources.suggested_by([one, other]) == {"company": {"currency": "EUR"}}


def test_staged_cells_are_texts_in_numbered_columns(tmp_path):
    folder = write(tmp_path, orders_csv="a,a,b\n1,2,3\n")
    staged = records.stage(folder / "orders.csv", tmp_path / "out.parquet", "hash")
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert frame.columns == ["record_no", "line_no", "width", "fault", "raw_text", "c0", "c1", "c2"]
    assert set(frame.select(staged.cells).dtypes) == {pl.String}
    assert records.known(tmp_path / "out.parquet") == staged


WORDS = """
vendor = "Desk"
[[exports]]
name = "desk"
header = ["No | Number", "Opened (*)"]
lacks = ["Deleted"]
key = ["No | Number"]
leave_out = { State = ["test*"] }
cells = { "No | Number" = "whole number" }
[[exports.rows]]
table = "tickets"
[exports.rows.columns]
ticket_id = "No | Number"
opened_at = "Opened (*)"
resolved_at = { column = "Took", since = "Opened (*)" }
first_reply_at = { column = "Wait", since = "Opened (*)", unit = "minutes" }
topic = { column = "Labels", pattern = "topic:([^,]+)" }
channel = { column = "Via", path = "$.source.kind" }
subject = { text = "{No | Number}: {Opened (*)}" }
[[exports.rows]]
table = "events"
where = { State = ["re-opened", "won*"] }
[exports.rows.columns]
occurred_at = "Opened (*)"
event = "State"
amount = { column = "Price", times = "Pieces" }
"""


def test_words_for_names_durations_parts_of_cells_and_conditions(tmp_path):
    (export,) = recipe(tmp_path, WORDS)
    header = ["NUMBER", "opened (UTC)", "Took", "Wait", "Labels", "Via", "State", "Price", "Pieces"]
    assert recipes.fits(export, header)
    assert not recipes.fits(export, [*header, "deleted"])
    export = recipes.fitted(export, header)
    text = ",".join(header) + (
        '\n7.0,2024-03-01 10:00,153:05:59,1.5,"x,topic:Late,y","{""source"":{""kind"":""mail""}}",'
        "WON it,2.50,3\n8,2024-03-01 10:00,soon,,,,open,2.50,3\n9,2024-03-01 10:00,,,,,Test 1,,\n"
    )
    assert build(tmp_path, [replace(export, header=("NUMBER",))], a_csv=text) == {
        "a.csv": (4, 2, 0, 0, 2)
    }
    assert rows(
        tmp_path,
        "select ticket_id, resolved_at, first_reply_at, topic, channel, subject from tickets",
    ) == [
        ("7", dt(2024, 3, 7, 19, 5, 59), dt(2024, 3, 1, 10, 1, 30), "Late", "mail",
         "7: 2024-03-01 10:00"),
        ("8", None, None, None, None, "8: 2024-03-01 10:00"),
    ]  # fmt: skip
    assert rows(tmp_path, "select event, amount::double from events") == [("WON it", 7.5)]
    assert rows(tmp_path, "select column_name, example, reason from doubts") == [
        ("Took", "soon", "not a duration")
    ]


def test_a_name_is_the_files_own_before_it_is_a_pattern():
    """A column that is really called "a | b" or "a*" is meant by that name."""
    one = recipes.Export("x", ("q",), key=("a | b", "c*", "d | e", "f"))
    names = ["b", "a | b", "c1", "c*", "e", "E2"]
    assert recipes.fitted(one, names).key == ("a | b", "c*", "e", "f")


@pytest.mark.parametrize(
    ("cells", "metric", "scale"),
    [
        (["0", "10", "7"], "nps", 10),
        (["1", "5", "4"], "item", 5),
        (["1.5", "6", "4"], "item", 7),
        (["80", "99", "4"], "item", 100),
    ],
)
def test_the_scale_of_bare_scores_is_what_their_range_shows(tmp_path, cells, metric, scale):
    text = "id,score,comment\n" + "".join(f"{i},{c},\n" for i, c in enumerate(cells))
    take_in(tmp_path, a_csv=text)
    assert rows(tmp_path, "select distinct metric, scale from feedback") == [(metric, scale)]


MEANT = {"feedback": {"customer_id": "Who", "given_at": "When"}}


@pytest.mark.parametrize(
    ("column", "cells", "metric", "scale", "told"),
    [
        ("Stars", ["1", "5", "4,5"], "stars", 5, "1 to 5"),
        ("Kunden-Bewertung", ["1", "5", ""], "stars", 5, "1 to 5"),
        ("starRating", ["5", "5", "5"], "stars", 5, "1 to 5"),
        ("NPS_score", ["0", "10", "7"], "nps", 10, "0 to 10"),
        ("npsScore", ["3", "4", "5"], "nps", 10, "0 to 10"),
        ("CSAT (1-5)", ["1", "5", "4"], "csat", 5, "1 to 5"),
        ("Satisfaction", ["2", "3", "3"], "csat", 5, "1 to 5"),
        ("Effort", ["1", "7", "4"], "ces", 7, "1 to 7"),
    ],
)
def test_a_mapped_score_has_the_metric_that_its_columns_name_says(
    tmp_path, column, cells, metric, scale, told
):
    result = take_in(tmp_path, scored(column), a_csv=answers(column, cells))
    assert rows(tmp_path, "select distinct metric, scale from feedback") == [(metric, scale)]
    assert note(result, "a.csv").startswith(
        f"Mapped as confirmed in cx.toml. '{column}' is read as {metric}, {told}. "
    )
    assert "nothing says" not in " ".join(cx.score(cx.open(tmp_path / "store")).caveats)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("Stars", ["1", "10", "4"]),  # of ten
        ("Rating", ["0", "5", "4"]),  # a zero is no star
        ("NPS", ["-100", "33", "50"]),  # a score of many, not an answer
        ("CSAT", ["1", "7", "4"]),
        ("Effort", ["1", "5", "4"]),  # of five or of seven?
        ("Score", ["1", "5", "4"]),
        ("Stars", ["", "", ""]),
    ],
)
def test_a_name_that_the_answers_do_not_bear_out_says_nothing(tmp_path, column, cells):
    result = take_in(tmp_path, scored(column), a_csv=answers(column, cells))
    assert rows(tmp_path, "select distinct metric, scale from feedback") == [(None, None)]
    assert "is read as" not in note(result, "a.csv")


def test_a_metric_or_scale_that_is_mapped_is_the_files_own(tmp_path):
    text = "Who,When,Stars,Kind,Of\nann,2024-01-31,5,csat,5\nbo,2024-01-30,4,ces,7\n"
    told = scored("Stars")["feedback"] | {"metric": "Kind", "scale": "Of"}
    take_in(tmp_path, {"feedback": told}, a_csv=text)
    found = rows(tmp_path, "select metric, scale from feedback order by 1")
    assert found == [("ces", 7), ("csat", 5)]


def test_a_guessed_score_has_the_metric_of_its_columns_name(tmp_path):
    text = "Response ID,Submitted at,Customer ID,CSAT\n" + "".join(
        f"r{i},2024-01-{i + 1:02} 10:00,c{i},{1 + i % 5}\n" for i in range(20)
    )
    result = take_in(tmp_path, a_csv=text)
    assert rows(tmp_path, "select distinct metric, scale from feedback") == [("csat", 5)]
    assert note(result, "a.csv").startswith("Guessed with 95% confidence: ")
    assert "'CSAT' is read as csat, 1 to 5" in note(result, "a.csv")


def scored(column):
    return {"feedback": {**MEANT["feedback"], "score": column}}


def answers(column, cells):
    lines = [f'c{i},2024-01-3{i},"{cell}"\n' for i, cell in enumerate(cells)]
    return f"Who,When,{column}\n" + "".join(lines).replace("2024-01-32", "2024-01-29")
