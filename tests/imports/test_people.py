"""Who is who: ids link only where records say so, and never two people through a shared one."""

from imports.helping import rows
from imports.test_recipes import build, recipe

CRM = """
vendor = "CRM"
[[exports]]
name = "crm"
header = ["Id", "Mail", "Phone", "Login", "Former"]
key = ["Id"]
[exports.person]
ids = { customer = "Id" }
aliases = { email = "Mail", phone = "Phone", login = "Login" }
merged = "Former"
[[exports.rows]]
table = "customers"
[exports.rows.columns]
region = "Region"

[[exports]]
name = "desk"
header = ["Contact", "Contact mail"]
key = ["Contact"]
person = { ids = { contact = "Contact" }, aliases = { email = "Contact mail" } }
[[exports.rows]]
table = "customers"
[exports.rows.columns]
source = { value = "desk" }

[[exports]]
name = "shop"
header = ["Order", "Buyer mail", "Buyer phone"]
key = ["Order"]
person = { aliases = { email = "Buyer mail", phone = "Buyer phone" } }
[[exports.rows]]
table = "orders"
[exports.rows.columns]
order_id = "Order"
ordered_at = "Day"

[[exports]]
name = "web"
header = ["cookie", "login", "event"]
person = { aliases = { login = "login" }, visitor = "cookie" }
[[exports.rows]]
table = "events"
[exports.rows.columns]
event = "event"
occurred_at = "at"

[[exports]]
name = "calls"
header = ["Called", "List"]
person = { ids = { customer = "Called" } }
[[exports.rows]]
table = "outreach"
[exports.rows.columns]
list = "List"
listed_at = "On"

[[exports]]
name = "reviews"
header = ["Review", "Of order"]
key = ["Review"]
person = { through = { orders = "Of order" } }
[[exports.rows]]
table = "feedback"
[exports.rows.columns]
feedback_id = "Review"
score = "Stars"
"""

PEOPLE = (
    "Id,Mail,Phone,Login,Former,Region\n"
    "1,Ann@x.test,+49 151 000-1,u1,,North\n"
    "2,bo@x.test,+49 151 000-2,u2,70; 71,South\n"
    "3,cy@x.test,0049 151 0002,u3,,South\n"  # shares a phone with 2
)


def test_aliases_find_the_person_however_they_are_written(tmp_path):
    orders = (
        "Order,Buyer mail,Buyer phone,Day\n"
        "a,ANN@X.TEST,,2024-01-01\n"
        "b,,'+491510001,2024-01-02\n"
        "c,,0049151 0002,2024-01-03\n"
        "d,guest@x.test,,2024-01-04\n"
        "e,not an address,12,2024-01-05\n"
    )
    accounts = build(tmp_path, recipe(tmp_path, CRM), crm_csv=PEOPLE, shop_csv=orders)
    assert accounts["shop.csv"] == (6, 4, 1, 0, 1)
    assert rows(tmp_path, "select order_id, customer_id from orders order by 1") == [
        ("a", "1"),
        ("b", "1"),
        ("c", "phone:491510002"),  # of two people: it links nobody
        ("d", "email:guest@x.test"),  # nobody else knows this address
    ]
    assert rows(tmp_path, "select column_name, value, reason from set_aside") == [
        ("Buyer mail or Buyer phone", None, "no id")
    ]
    assert rows(
        tmp_path,
        "select column_name, cells, reason from doubts where source_file = 'all files'",
    ) == [("phone", 1, "belongs to several people")]


def test_former_ids_stand_for_the_id_they_were_merged_into(tmp_path):
    calls = "Called,List,On\n1,spring,2024-03-01\n70,spring,2024-03-01\n71,autumn,2024-09-01\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=PEOPLE, calls_csv=calls)
    assert rows(tmp_path, "select list, customer_id from outreach order by all") == [
        ("autumn", "2"),
        ("spring", "1"),
        ("spring", "2"),
    ]
    assert rows(tmp_path, "select alias, customer_id from aliases where alias like 'cust%'") == [
        ("customer:70", "2"),
        ("customer:71", "2"),
    ]


def test_a_chain_of_merges_leads_to_its_end_and_a_circle_nowhere(tmp_path):
    people = "Id,Mail,Phone,Login,Former,Region\n1,,,,2,\n2,,,,3,\n3,,,,4,\n8,,,,9,\n9,,,,8,\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=people)
    assert rows(tmp_path, "select customer_id from customers order by 1") == [
        ("1",), ("8",), ("9",),
    ]  # fmt: skip
    assert rows(tmp_path, "select alias, customer_id from aliases order by 1") == [
        ("customer:2", "1"),
        ("customer:3", "1"),
        ("customer:4", "1"),
    ]


def test_a_visitor_is_the_person_that_one_of_its_events_names(tmp_path):
    web = (
        "cookie,login,event,at\n"
        "v1,,visited,2024-01-01 10:00\n"
        "v1,u1,paid,2024-01-01 10:05\n"
        "v2,u1,visited,2024-01-02 10:00\n"
        "v2,u2,visited,2024-01-02 11:00\n"
        "v2,,visited,2024-01-02 12:00\n"
        "v3,,visited,2024-01-03 10:00\n"
        ",,visited,2024-01-04 10:00\n"
    )
    accounts = build(tmp_path, recipe(tmp_path, CRM), crm_csv=PEOPLE, web_csv=web)
    assert accounts["web.csv"] == (8, 7, 0, 0, 1)
    assert rows(tmp_path, "select visitor_id, customer_id from events order by occurred_at") == [
        ("v1", "1"),
        ("v1", "1"),
        ("v2", "1"),
        ("v2", "2"),
        ("v2", None),  # two people share the device
        ("v3", None),
        (None, None),
    ]
    assert rows(tmp_path, "select customer_id, known from people order by 1") == [
        ("1", True),
        ("2", True),
        ("3", True),
        ("visitor:v2", False),
        ("visitor:v3", False),
    ]


def test_ids_of_two_systems_meet_under_one_email(tmp_path):
    desk = "Contact,Contact mail\n77,ann@x.test\n78,new@x.test\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=PEOPLE, desk_csv=desk)
    assert rows(tmp_path, "select customer_id, source, region from customers order by 1") == [
        ("1", "desk", "North"),
        ("2", None, "South"),
        ("3", None, "South"),
        ("contact:78", "desk", None),
    ]


def test_an_email_of_two_people_joins_nobody(tmp_path):
    people = "Id,Mail,Phone,Login,Former,Region\n1,us@x.test,,,,\n2,us@x.test,,,,\n"
    desk = "Contact,Contact mail\n77,us@x.test\n"
    shop = "Order,Buyer mail,Buyer phone,Day\na,us@x.test,,2024-01-01\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=people, desk_csv=desk, shop_csv=shop)
    assert rows(tmp_path, "select customer_id from people order by 1") == [
        ("1",), ("2",), ("contact:77",), ("email:us@x.test",),
    ]  # fmt: skip


def test_ids_that_would_join_two_people_through_a_third_join_nobody(tmp_path):
    """Contact 77 wrote from Ann's address once and from Bo's once: it is neither."""
    people = "Id,Mail,Phone,Login,Former,Region\n1,ann@x.test,,,,\n2,bo@x.test,,,,\n"
    desk = "Contact,Contact mail\n77,ann@x.test\n"
    later = "Contact,Contact mail\n77,bo@x.test\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=people, desk_csv=desk, later_csv=later)
    assert rows(tmp_path, "select customer_id from people order by 1") == [
        ("1",), ("2",), ("contact:77",),
    ]  # fmt: skip


def test_a_row_finds_its_person_through_another_table(tmp_path):
    orders = "Order,Buyer mail,Buyer phone,Day\na,ann@x.test,,2024-01-01\n"
    reviews = "Review,Of order,Stars\nr1,a,5\nr2,unknown,1\n"
    build(tmp_path, recipe(tmp_path, CRM), crm_csv=PEOPLE, shop_csv=orders, reviews_csv=reviews)
    assert rows(tmp_path, "select feedback_id, customer_id, score from feedback order by 1") == [
        ("r1", "1", 5.0),
        ("r2", None, 1.0),
    ]
