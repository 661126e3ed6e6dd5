"""Every vendor's layout: made-up exports under the vendor's own headers, known by content alone."""

import csv
import gzip
import io
import json
import random
from datetime import datetime as dt
from decimal import Decimal as D

import pytest
from imports.helping import account, adds_up, note, rows, take_in

from cxkit.imports import recipes

SHOPIFY_ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Total,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Zip,"
    "Billing Phone,Cancelled at,Refunded Amount,Id,Source,Phone\n"
)
QUALTRICS = (
    "StartDate,EndDate,Status,Progress,Finished,RecordedDate,ResponseId,RecipientEmail,"
    "DistributionChannel,UserLanguage,Q1_NPS_GROUP,Q1,Q2\n"
    "Startdatum,Enddatum,Antworttyp,Fortschritt,Beendet,Aufgezeichnet,Antwort-ID,E-Mail,Kanal,"
    'Sprache,"Würden Sie uns\nweiterempfehlen? - Gruppe","Würden Sie uns\nweiterempfehlen?",'
    "Warum?\n"
) + ",".join(
    '"' + json.dumps({"ImportId": name, **zone}).replace('"', '""') + '"'
    for name, zone in [
        ("startDate", {"timeZone": "America/Denver"}), ("endDate", {}), ("status", {}),
        ("progress", {}), ("finished", {}), ("recordedDate", {}), ("_recordId", {}),
        ("recipientEmail", {}), ("distributionChannel", {}), ("userLanguage", {}),
        ("QID1_NPS_GROUP", {}), ("QID1", {}), ("QID2_TEXT", {}),
    ]
) + "\n"  # fmt: skip
XES = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
  <global scope="event"><string key="concept:name" value="none"/></global>
  <trace><string key="concept:name" value="A-1"/><string key="channel" value="web"/>
    <event><string key="concept:name" value="received"/>
      <date key="time:timestamp" value="2024-01-02T10:00:00.000+01:00"/></event>
    <event><string key="concept:name" value="sent &amp; paid">
      <string key="concept:name" value="not this"/></string>
      <date key="time:timestamp" value="2024-01-03T10:00:00.000+01:00"/></event>
  </trace>
</log>
"""

# vendor, the export, the recipe, (records, loaded, set aside, duplicate, skipped), question, rows
VENDORS = [
    (
        "zendesk csv",
        "Summation column,Id,Requester,Requester id,Requester email,Assignee,Group,Subject,Tags,"
        "Status,Priority,Via,Ticket type,Created at,Updated at,Solved at,Satisfaction Score,"
        "Reopens,First reply time in minutes,Impact [list]\n"
        "1,70,Ann,9001,Ann@x.test,Kim,Support,Late,a b,Solved,-,Mail,Problem,2024-03-01 10:00,"
        "2024-03-03 09:00,2024-03-02 10:00,Good,1,90,High\n"
        "1,70,Ann,9001,Ann@x.test,Kim,Support,Late,a b,Open,-,Mail,Problem,2024-03-01 10:00,"
        "2024-03-01 12:00,,Not Offered,0,90,High\n"
        "1,71,Bo,9002,,,Support,Bill,,Open,-,Chat,,2024-03-05 10:00,2024-03-05 10:00,,Offered,,,\n",
        "Zendesk tickets",
        (4, 2, 0, 1, 1),
        "select ticket_id, customer_id, opened_at, first_reply_at, status, reopened from tickets",
        [
            ("70", "email:ann@x.test", dt(2024, 3, 1, 10), dt(2024, 3, 1, 11, 30), "Solved", 1),
            ("71", "zendesk:9002", dt(2024, 3, 5, 10), None, "Open", None),
        ],
    ),
    (
        "zendesk satisfaction",
        "Id,Requester,Subject,Status,Created at,Updated at,Satisfaction Score\n"
        "1,Ann,a,Closed,2024-03-01 10:00,2024-03-02 10:00,Bad\n"
        "2,Ann,a,Closed,2024-03-01 10:00,2024-03-02 10:00,Offered\n"
        "3,Ann,a,Closed,2024-03-01 10:00,2024-03-02 10:00,Not Offered\n",
        "Zendesk tickets",
        (4, 3, 0, 0, 1),
        "select feedback_id, metric, score, scale, given_at, invited_at from feedback",
        [
            ("1 satisfaction", "csat", 1.0, 5, dt(2024, 3, 2, 10), None),
            ("2 satisfaction", "csat", None, 5, None, dt(2024, 3, 2, 10)),
        ],
    ),
    (
        "zendesk json",
        '{"id": 5, "created_at": "2024-03-01T10:00:00Z", "updated_at": "2024-03-02T10:00:00Z",'
        ' "subject": "Late", "status": "solved", "via": {"channel": "email"}, "requester_id": 7,'
        ' "satisfaction_rating": {"score": "good"},'
        ' "metric_set": {"reply_time_in_minutes": {"calendar": 30}}}\n',
        "Zendesk tickets (API)",
        (1, 1, 0, 0, 0),
        "select ticket_id, t.customer_id, first_reply_at, channel, score "
        "from tickets as t, feedback",
        [("5", "zendesk:7", dt(2024, 3, 1, 10, 30), "email", 5.0)],
    ),
    (
        "intercom, another zone",
        "Conversation ID,Conversation started at (Asia/Tokyo),Updated at (Asia/Tokyo),"
        "Conversation rating,Conversation rating remark,Current conversation state,"
        "Teammate currently assigned\n"
        "15664330000131,2024-03-01 09:00:00,2024-03-01 10:00:00,4,fine,Closed,Kim\n"
        "15664330000132,2024-03-01 10:00:00,2024-03-01 10:00:00,,alas,Open,\n",
        "Intercom conversations",
        (3, 2, 0, 0, 1),
        "select ticket_id, opened_at, status, metric, score, comment, given_at from tickets "
        "join feedback on starts_with(feedback_id, ticket_id) order by 1",
        [
            ("15664330000131", dt(2024, 3, 1), "Closed", "csat", 4.0, "fine", dt(2024, 3, 1, 1)),
            ("15664330000132", dt(2024, 3, 1, 1), "Open", "comment", None, "alas",
             dt(2024, 3, 1, 1)),
        ],
    ),
    (
        "freshdesk, another case",
        "Ticket Id,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,"
        "Resolved time,Closed time,Last update time,Initial response time,"
        "First response time (in Hrs),Resolution time (in Hrs),Survey results,Full name,Email\n"
        "7,Late,Closed,Low,Email,Delay,Kim,A,2024-03-01 10:00:00,,2024-03-08 10:00:00,,"
        "2024-03-09 10:00:00,2024-03-01 12:00:00,02:00:00,168:00:00,Very Happy,Ann,ann@x.test\n",
        "Freshdesk tickets",
        (2, 1, 0, 0, 1),
        "select ticket_id, t.customer_id, first_reply_at, resolved_at, topic, score, scale "
        "from tickets as t, feedback",
        [("7", "email:ann@x.test", dt(2024, 3, 1, 12), dt(2024, 3, 8, 10), "Delay", 6.0, 7)],
    ),
    (
        "hubspot contacts",
        '"Record ID","First Name","Last Name","Email","Phone Number","Create Date",'
        '"Original Source","Associated Company","Merged Record IDs"\n'
        '"123456789012","Ann","Lee","ann@x.test","+44 20 7946 0001","2024-03-01 10:00","Organic",'
        '"A; B","11;12"\n',
        "HubSpot contacts",
        (2, 1, 0, 0, 1),
        "select customer_id, known_since, source, (select list(alias order by alias) from aliases) "
        "from customers",
        [("123456789012", dt(2024, 3, 1, 10), "Organic",
          ["customer:11", "customer:12", "email:ann@x.test", "phone:442079460001"])],
    ),
    (
        "hubspot deals",
        "Record ID,Deal Name,Deal Stage,Close Date,Create Date,Amount,Associated Contact IDs\n"
        '1,Big,Closed won,2024-03-05 00:00,2024-03-01 10:00,"1,200.50",77;78\n'
        "2,Small,Contract sent,,2024-03-01 10:00,5,77\n",
        "HubSpot deals",
        (3, 1, 0, 0, 2),
        "select order_id, customer_id, ordered_at, amount from orders",
        [("1", "77", dt(2024, 3, 5), D("1200.50"))],
    ),
    (
        "hubspot tickets",
        "Ticket ID,Ticket name,Ticket status,Pipeline,Create Date,Close Date,Source,Category\n"
        "5,Late parcel,Closed,Support,2024-03-01 10:00,2024-03-02 10:00,Email,Delivery\n",
        "HubSpot tickets",
        (2, 1, 0, 0, 1),
        "select ticket_id, subject, topic, opened_at, resolved_at from tickets",
        [("5", "Late parcel", "Delivery", dt(2024, 3, 1, 10), dt(2024, 3, 2, 10))],
    ),
    (
        "salesforce report",
        (
            '"Case Number","Subject","Status","Date/Time Opened","Date/Time Closed","Case Owner"\n'
            '"00001","Größe","Closed","3/14/2024 9:05 PM","3/15/2024 12:00 AM","Kim"\n'
            '"00002","a","New","31/02/2024 25:61","","Kim"\n'
            '"00003","b"\n\n"Case report"\n"Copyright (c) 2000-2024 salesforce.com, inc."\n'
            '"Generated By: Kim 3/1/2024 10:00 AM"\n'
        ).encode("cp1252"),
        "Salesforce cases",
        (8, 1, 2, 0, 5),
        "select ticket_id, subject, opened_at, resolved_at from tickets",
        [("00001", "Größe", dt(2024, 3, 14, 21, 5), dt(2024, 3, 15))],
    ),
    (
        "salesforce api",
        "Id,CaseNumber,Subject,Status,CreatedDate,ClosedDate,SuppliedEmail,Origin\n"
        "500x,00009,Late,Closed,2024-03-01T10:00:00.000+0000,,ann@x.test,Web\n",
        "Salesforce cases",
        (2, 1, 0, 0, 1),
        "select ticket_id, customer_id, opened_at, channel from tickets",
        [("00009", "email:ann@x.test", dt(2024, 3, 1, 10), "Web")],
    ),
    (
        "shopify orders",
        SHOPIFY_ORDERS
        + "#1,ann@x.test,paid,2024-03-30 10:00:00 +0100,,,EUR,9,10.00,2024-03-30 10:00:00 +0100,"
        "1,Tea,9,,'01067,,,0.00,71,web,'+4930123456\n"
        "#1,,,,,,,,,,2,Cup,1,,,,,,,,\n"
        "#2,,paid,,,,EUR,5,5.00,2024-03-31 10:00:00 +0200,1,Pot,5,,,'+49 30 123456,"
        "2024-04-01 10:00:00 +0200,0.00,72,web,\n",
        "Shopify orders",
        (4, 3, 0, 0, 1),
        "select order_id, customer_id, ordered_at, amount, product, cancelled from orders",
        [
            ("#1", "email:ann@x.test", dt(2024, 3, 30, 9), D("10.00"), "Tea", False),
            ("#2", "email:ann@x.test", dt(2024, 3, 31, 8), D("5.00"), "Pot", True),
        ],
    ),
    (
        "shopify customers",
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,"
        "Default Address Country Code,Default Address Zip,Phone,Total Spent,Total Orders,Tags\n"
        "'6600000000001,Ann,Lee,,no,Bondi,AU,'0200,'+61412000900,27.32,0,vip\n",
        "Shopify customers",
        (2, 1, 0, 0, 1),
        "select customer_id, consent, region, attributes, (select list(alias) from aliases) "
        "from customers",
        [("shopify:6600000000001", False, "AU",
          '{"First Name":"Ann","Last Name":"Lee","Default Address City":"Bondi",'
          '"Default Address Zip":"0200","Total Spent":"27.32","Total Orders":"0","Tags":"vip"}',
          ["phone:61412000900"])],
    ),
    (
        "shopify customers, older",
        "First Name,Last Name,Email,Company,Address1,City,Country,Country Code,Zip,Phone,"
        "Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt\n"
        "Ann,Lee,ann@x.test,,1 Main St,Bondi,Australia,AU,'0200,,yes,1.00,1,,,no\n",
        "Shopify customers",
        (2, 1, 0, 0, 1),
        "select customer_id, consent, region from customers",
        [("email:ann@x.test", True, "AU")],
    ),
    (
        "woocommerce",
        "order_id,order_number_formatted,order_number,date,status,order_total,payment_method,"
        "customer_user,billing_email,customer_note,order_item_1,order_item_2\n"
        "49,WC-49,49,5/31/2016 0:37,completed,273,paypal,0,ann@x.test,,"
        "product_id:77|1|30|size: M,product_id:78|2|5|\n"
        "50,WC-50,50,6/1/2016 0:37,cancelled,1,paypal,3,,,name:Mug|quantity:1,\n",
        "WooCommerce orders",
        (3, 2, 0, 0, 1),
        "select order_id, customer_id, ordered_at, amount, product, cancelled from orders",
        [
            ("49", "email:ann@x.test", dt(2016, 5, 31, 0, 37), D("273.00"), "77", False),
            ("50", "woocommerce:3", dt(2016, 6, 1, 0, 37), D("1.00"), "Mug", True),
        ],
    ),
    (
        "stripe, another header and day first",
        "id,Description,Seller Message,Created date (UTC),Amount,Amount Refunded,Currency,"
        "Converted Amount,Fee,Mode,Status,Customer ID,Customer Email,Captured,Card Last4\r\n"
        'ch_1,Plan,ok,31/03/2024 23:30,"1,010.00",0.00,eur,,1,Live,Paid,cus_1,ann@x.test,true,0042'
        "\r\nch_2,Plan,no,01/04/2024 00:30,5.50,0.00,usd,,1,Live,Failed,cus_1,ann@x.test,true,0042"
        "\r\n",
        "Stripe payments",
        (3, 2, 0, 0, 1),
        "select order_id, customer_id, ordered_at, amount, currency, cancelled from orders",
        [
            ("ch_1", "email:ann@x.test", dt(2024, 3, 31, 23, 30), D("1010.00"), "EUR", False),
            ("ch_2", "email:ann@x.test", dt(2024, 4, 1, 0, 30), D("5.50"), "USD", True),
        ],
    ),
    (
        "ga4, packed",
        gzip.compress(
            b'{"event_date": "20240301", "event_timestamp": "1709251201234567", "event_name":'
            b' "purchase", "event_params": [{"key": "page_location", "value": {"string_value":'
            b' "https://x.test/a"}}, {"key": "ga_session_id", "value": {"int_value": "17"}}],'
            b' "user_pseudo_id": "7.1", "user_id": null, "device": {"category": "mobile"},'
            b' "traffic_source": {"medium": "organic"}, "ecommerce": {"purchase_revenue": 9.5}}\n'
            b'{"event_date": "20240301", "event_timestamp": "1709251200000000", "event_name":'
            b' "page_view", "event_params": [], "user_pseudo_id": null, "user_id": "u1"}\n'
        ),
        "GA4 events",
        (2, 2, 0, 0, 0),
        "select event, customer_id, visitor_id, occurred_at, session, topic, device, amount "
        "from events order by occurred_at",
        [
            ("page_view", "user:u1", None, dt(2024, 3, 1), None, None, None, None),
            ("purchase", None, "7.1", dt(2024, 3, 1, 0, 0, 1, 234567), "17", "https://x.test/a",
             "mobile", D("9.50")),
        ],
    ),
    (
        "segment tracks",
        "id,received_at,sent_at,original_timestamp,timestamp,anonymous_id,user_id,event,event_text,"
        "context_page_path\n"
        "m1,2024-03-01 10:00:09,2024-03-01 10:00:01,2024-03-01 10:00:00,2024-03-01 10:00:02,v1,u1,"
        "order_completed,Order Completed,/pay\n"
        "m1,2024-03-01 10:00:09,2024-03-01 10:00:01,2024-03-01 10:00:00,2024-03-01 10:00:02,v1,u1,"
        "order_completed,Order Completed,/pay\n",
        "Segment tracks",
        (3, 1, 0, 1, 1),
        "select event_id, event, customer_id, visitor_id, occurred_at, topic from events",
        [("m1", "Order Completed", "user:u1", "v1", dt(2024, 3, 1, 10, 0, 2), "/pay")],
    ),
    (
        "segment pages",
        "id,anonymous_id,user_id,received_at,sent_at,timestamp,url,path,title\n"
        "m2,v1,,2024-03-01 10:00:00,2024-03-01 10:00:00,2024-03-01 10:00:00,https://x.test/a,/a,A\n",
        "Segment pages",
        (2, 1, 0, 0, 1),
        "select event, visitor_id, topic from events",
        [("page viewed", "v1", "/a")],
    ),
    (
        "mixpanel",
        '{"event": "Paid", "properties": {"time": 1709251200, "distinct_id": "u0", "$insert_id":'
        ' "0a", "mp_processing_time_ms": 1709251200001}}\n'
        '{"event": "Paid", "properties": {"time": 1709251200, "distinct_id": "u0", "$insert_id":'
        ' "0a", "mp_processing_time_ms": 1709251299999}}\n',
        "Mixpanel events",
        (2, 1, 0, 1, 0),
        "select event, customer_id, occurred_at from events",
        [("Paid", "mixpanel:u0", dt(2024, 3, 1))],
    ),
    (
        "amplitude",
        '{"server_received_time": "2024-03-02 00:00:00.000000", "event_time":'
        ' "2024-03-01 10:00:00.500000", "event_type": "watch", "user_id": null, "device_id": "d1",'
        ' "amplitude_id": 75, "$insert_id": "i1", "uuid": "f-1", "event_properties": {"a": 1}}\n',
        "Amplitude events",
        (1, 1, 0, 0, 0),
        "select event_id, event, customer_id, visitor_id, occurred_at from events",
        [("f-1", "watch", "amplitude:75", "d1", dt(2024, 3, 1, 10, 0, 0, 500000))],
    ),
    (
        "mailchimp, unsubscribed",
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
        "CC,REGION,LAST_CHANGED,LEID,EUID,UNSUB_TIME,UNSUB_REASON,NOTES,TAGS\n"
        'ann@x.test,Ann,Lee,3,,,2024-03-01 10:00:00,DE,BE,2024-03-02 10:00:00,55,0a,'
        '2024-03-02 10:00:00,N/A,,"""VIP"",""Blog"""\n',
        "Mailchimp audience",
        (2, 1, 0, 0, 1),
        "select customer_id, known_since, consent, region from customers",
        [("email:ann@x.test", dt(2024, 3, 1, 10), False, "DE")],
    ),
    (
        "surveymonkey",
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,"
        "Last Name,Custom Data 1,How likely is it that you would recommend us to a friend?,"
        "Which do you use?,,How satisfied are you with ...,,Why?\n"
        ",,,,,,,,,Response,Web,App,Delivery,Price,Open-Ended Response\n"
        "114,4,03/16/2024 03:47:00,03/16/2024 03:50:00,,ann@x.test,,,shop,"
        "Extremely likely - 10,Web,,4,2,fine\n"
        "115,4,03/17/2024 03:47:00,03/17/2024 03:50:00,,,,,,,Web,,,,alas\n",
        "SurveyMonkey answers",
        (4, 2, 0, 0, 2),
        "select feedback_id, customer_id, given_at, metric, score, scale, comment from feedback",
        [
            ("114 csat", "email:ann@x.test", dt(2024, 3, 16, 3, 50), "csat", 4.0, 5, None),
            ("114 csat 2", "email:ann@x.test", dt(2024, 3, 16, 3, 50), "csat", 2.0, 5, None),
            ("114 nps", "email:ann@x.test", dt(2024, 3, 16, 3, 50), "nps", 10.0, 10, "fine"),
            ("115 nps", None, dt(2024, 3, 17, 3, 50), "nps", None, 10, "alas"),
        ],
    ),
    (
        "qualtrics",
        QUALTRICS
        + "2024-03-01 10:00:00,2024-03-01 10:05:00,IP-Adresse,100,True,2024-03-01 10:05:01,R_1,"
        "ann@x.test,anonymous,DE,Promoter,9,gut\n"
        "2024-03-01 10:00:00,2024-03-01 10:05:00,Survey Preview,100,True,2024-03-01 10:05:01,R_2,"
        ",preview,DE,Detractor,0,\n"
        "2024-07-01 10:00:00,2024-07-01 10:05:00,IP-Adresse,42,False,2024-07-01 10:05:01,R_3,"
        ",anonymous,DE,Detractor,3,\n",
        "Qualtrics answers",
        (6, 2, 0, 0, 4),
        "select feedback_id, customer_id, given_at, metric, score, comment, question "
        "from feedback",
        [
            ("R_1 nps", "email:ann@x.test", dt(2024, 3, 1, 17, 5, 1), "nps", 9.0, "gut",
             "Würden Sie uns\nweiterempfehlen?"),
            ("R_3 nps", None, dt(2024, 7, 1, 16, 5, 1), "nps", 3.0, None,
             "Würden Sie uns\nweiterempfehlen?"),
        ],
    ),
    (
        "typeform, piped text",
        "#,Hi {{field:1}}, how likely are you to recommend us?,<b>What</b> could be better?,"
        "Start Date (UTC),Submit Date (UTC),Network ID\n".replace(
            "Hi {{field:1}}, how likely are you to recommend us?",
            '"Hi {{field:1}}, how likely are you to recommend us?"',
        )
        + "0a,8,more tea,2024-03-01 10:00:00,2024-03-01 10:05:00,n1\n",
        "Typeform answers",
        (2, 1, 0, 0, 1),
        "select feedback_id, given_at, metric, score, comment from feedback",
        [("0a nps", dt(2024, 3, 1, 10, 5), "nps", 8.0, "more tea")],
    ),
    (
        "google forms, day first",
        'Timestamp,"On a scale of 0-10, how likely are you to recommend us?",Comments,'
        "Email Address\n"
        "13/02/2024 10:00:00,9,fine,ann@x.test\n1/02/2024 10:00:00,0,,\n",
        "Google Forms answers",
        (3, 2, 0, 0, 1),
        "select customer_id, given_at, metric, score, comment from feedback order by given_at",
        [
            (None, dt(2024, 2, 1, 10), "nps", 0.0, None),
            ("email:ann@x.test", dt(2024, 2, 13, 10), "nps", 9.0, "fine"),
        ],
    ),
    (
        "google forms, named zone",
        "Zeitstempel,Würden Sie uns weiterempfehlen?,Warum?\n"
        "2024/03/01 9:50:00 PM MEZ,9,gut\n2024/07/01 9:50:00 AM GMT+2,2,\n",
        "Google Forms answers",
        (3, 2, 0, 0, 1),
        "select given_at, score, comment from feedback order by given_at",
        [(dt(2024, 3, 1, 20, 50), 9.0, "gut"), (dt(2024, 7, 1, 7, 50), 2.0, None)],
    ),
    (
        "delighted",
        '[{"id": "5", "person": {"id": "9", "email": "ann@x.test"}, "survey_type": "nps",'
        ' "score": 9, "comment": "fine", "permalink": "p", "created_at": 1709251200,'
        ' "updated_at": 1709251200, "tags": []},'
        ' {"id": "6", "person": {"id": "9"}, "survey_type": "csat", "score": 4, "comment": null,'
        ' "permalink": "p", "created_at": 1709251260, "updated_at": null}]',
        "Delighted responses",
        (2, 2, 0, 0, 0),
        "select feedback_id, customer_id, given_at, metric, score, scale from feedback",
        [
            ("5", "email:ann@x.test", dt(2024, 3, 1), "nps", 9.0, 10),
            ("6", "email:ann@x.test", dt(2024, 3, 1, 0, 1), "csat", 4.0, 5),
        ],
    ),
    (
        "google play",
        (
            "Package Name,App Version Code,App Version Name,Reviewer Language,Device,"
            "Review Submit Date and Time,Review Submit Millis Since Epoch,"
            "Review Last Update Date and Time,Review Last Update Millis Since Epoch,Star Rating,"
            "Review Title,Review Text,Developer Reply Date and Time,Developer Reply Text,"
            "Review Link\n"
            "a.b,1,1.0,de,Pixel,2024-03-01T10:00:00Z,1,2024-03-01T10:00:00Z,1,2,,langsam,,,L?r=1\n"
            "a.b,1,1.0,de,Pixel,2024-03-01T10:00:00Z,1,2024-03-05T10:00:00Z,1,4,Besser,schnell,"
            "2024-03-06T10:00:00Z,danke,L?r=1\n"
        ).encode("utf-16"),
        "Google Play reviews",
        (3, 1, 0, 1, 1),
        "select feedback_id, given_at, answered_at, score, comment from feedback",
        [("L?r=1", dt(2024, 3, 1, 10), dt(2024, 3, 6, 10), 4.0, "Besser\nschnell")],
    ),
    (
        "online retail",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
        "536365,71053,LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom\n"
        "C536379,D,Discount,-1,2010-12-01 09:41:00,27.50,14527.0,United Kingdom\n"
        "536366,1,MUG,1,2010-12-01 09:00:00,1,,United Kingdom\n",
        "Online Retail invoices",
        (5, 3, 1, 0, 1),
        "select order_id, customer_id, amount, product, status from orders",
        [
            ("536365", "17850", D("22.08"), "HEART", "sold"),
            ("C536379", "14527", D("-27.50"), "Discount", "returned"),
        ],
    ),
    (
        "telco churn",
        "customerID,gender,SeniorCitizen,tenure,Contract,MonthlyCharges,TotalCharges,Churn\n"
        "7590-V,Female,0,0,Two year,29.85, ,No\n",
        "Telco customers",
        (2, 1, 0, 0, 1),
        "select customer_id, attributes from customers",
        [("7590-V", '{"gender":"Female","SeniorCitizen":"0","tenure":"0","Contract":"Two year",'
          '"MonthlyCharges":"29.85","Churn":"No"}')],
    ),
    (
        "event log csv",
        "CaseID,ActivityID,CompleteTimestamp\n2,1,2012-04-03 16:55:38\n2,8,2012-04-03 16:55:53\n",
        "Event log",
        (3, 2, 0, 0, 1),
        "select customer_id, case_id, event, occurred_at from events order by occurred_at",
        [
            ("case:2", "2", "1", dt(2012, 4, 3, 16, 55, 38)),
            ("case:2", "2", "8", dt(2012, 4, 3, 16, 55, 53)),
        ],
    ),
    (
        "event log xes",
        XES,
        "Event log (XES)",
        (2, 2, 0, 0, 0),
        "select customer_id, channel, event, occurred_at from events order by occurred_at",
        [
            ("case:A-1", "web", "received", dt(2024, 1, 2, 9)),
            ("case:A-1", "web", "sent & paid", dt(2024, 1, 3, 9)),
        ],
    ),
    (
        "german report",
        (
            "Kundenreport;;;;\nStand: 01.05.2024;;;;\n;;;;\n"
            "Kundennr.;Datum;Umsatz (€);Bewertung;Kommentar\n"
            "000007;22.04.2024 04:15;44.522,01;1,7;schön\n"
            "000008;23.04.2024 04:15;0,99;;\n"
            "Summe;;44.523,00;;\n"
        ).encode("cp1252"),
        "Customer report",
        (7, 2, 0, 0, 5),
        "select o.customer_id, ordered_at, amount, score, comment from orders as o "
        "left join feedback using (customer_id) order by 1",
        [
            ("000007", dt(2024, 4, 22, 4, 15), D("44522.01"), 1.7, "schön"),
            ("000008", dt(2024, 4, 23, 4, 15), D("0.99"), None, None),
        ],
    ),
    (
        "list of scores",
        "id,score,comment\n1,9,fine\n2,0,\n",
        "List of scores",
        (3, 2, 0, 0, 1),
        "select feedback_id, metric, score, scale, given_at, comment from feedback",
        [("1", "nps", 9.0, 10, None, "fine"), ("2", "nps", 0.0, 10, None, None)],
    ),
    (
        "list of purchases",
        "customer_id,order_dt,order_products,order_amount\n00001,19970101,1,11.77\n"
        "00001,19970112,5,77.00\n",
        "List of purchases",
        (3, 2, 0, 0, 1),
        "select customer_id, ordered_at, amount from orders order by 2",
        [
            ("00001", dt(1997, 1, 1), D("11.77")),
            ("00001", dt(1997, 1, 12), D("77.00")),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "recipe", "counts", "sql", "expected"),
    [case[1:] for case in VENDORS],
    ids=[case[0] for case in VENDORS],
)
def test_a_vendors_export_becomes_the_rows_it_says(
    tmp_path, content, recipe, counts, sql, expected
):
    """The file's name says nothing, so only its content can make it known."""
    result = take_in(tmp_path, export_dat=content)
    line = result.table.row(0, named=True)
    assert (line["recipe"], account(result, "export.dat")) == (recipe, counts), line["note"]
    assert rows(tmp_path, sql) == expected


def test_every_export_of_the_recipes_knows_its_own_header_best():
    for recipe in recipes.recipes():
        for export in recipe.exports:
            header = [name.split(" | ")[0].replace("*", "x") for name in export.header]
            found = recipes.match([header], False, ())
            assert found is not None
            assert found.export.name == export.name


def test_no_two_recipes_claim_one_header():
    """The vendor's full header fits one recipe better than all others."""
    for name, content, wanted, *_ in VENDORS:
        if isinstance(content, bytes) or not content[0].isalnum():
            continue
        header = next(csv.reader(io.StringIO(content)))
        fitting = [
            export
            for recipe in recipes.recipes()
            for export in recipe.exports
            if recipes.fits(export, header)
        ]
        most = max(len(export.header) for export in fitting)
        assert [e.name for e in fitting if len(e.header) == most] == [wanted], name


@pytest.mark.parametrize("names", [("a_csv", "b_csv"), ("b_csv", "a_csv")])
def test_an_order_that_was_refunded_stays_refunded_whichever_export_came_first(tmp_path, names):
    """Two exports of one day: nothing but the refund tells which is the later."""
    line = (
        "#1,ann@x.test,{},2024-03-01 10:00:00 +0100,,,EUR,9,10.00,2024-03-01 10:00:00 +0100,"
        "1,Tea,9,,,,,{},71,web,\n"
    )
    paid = SHOPIFY_ORDERS + line.format("paid", "0.00")
    refunded = SHOPIFY_ORDERS + line.format("refunded", "10.00")
    result = take_in(tmp_path, **dict(zip(names, (paid, refunded), strict=True)))
    assert adds_up(result)
    assert rows(tmp_path, "select status, amount from orders") == [("refunded", D("10.00"))]


DESKS = {
    "zendesk_csv": "Id,Requester,Requester email,Subject,Status,Created at,Updated at\n"
    "1,Ann,ann@x.test,Late,Open,2024-03-01 10:00,2024-03-01 10:00\n"
    "2,Ann,ann@x.test,Bill,Open,2024-03-02 10:00,2024-03-02 10:00\n",
    "freshdesk_csv": "Ticket ID,Subject,Status,Priority,Source,Agent,Created time,"
    "Last update time,Email\n1,Gone,Open,Low,Portal,Kim,"
    "2024-03-05 10:00:00,2024-03-05 10:00:00,bo@x.test\n",
}


def test_equal_ids_of_two_vendors_are_two_things(tmp_path):
    result = take_in(tmp_path, **DESKS)
    assert adds_up(result)
    assert rows(tmp_path, "select ticket_id, subject, customer_id from tickets order by 1") == [
        ("1", "Gone", "email:bo@x.test"),
        ("2", "Bill", "email:ann@x.test"),
        ("Zendesk:1", "Late", "email:ann@x.test"),
    ]


def test_an_export_that_the_company_mapped_shares_the_ids_of_its_vendor(tmp_path):
    mapping = {"tickets": {"ticket_id": "no", "customer_id": "who", "opened_at": "at"}}
    own = "no,who,at,colour\n1,ann@x.test,2024-03-01 10:00:00,red\n"
    result = take_in(tmp_path, mapping, zendesk_csv=DESKS["zendesk_csv"], own_csv=own)
    assert adds_up(result)
    tickets = "select ticket_id, subject from tickets order by 1"
    assert rows(tmp_path, tickets) == [("1", "Late"), ("2", "Bill")]


def test_a_survey_without_a_known_question_asks_one(tmp_path):
    text = (
        "Respondent ID,Collector ID,Start Date,End Date,Favourite colour\n,,,,Response\n"
        "1,4,03/16/2024 03:47:00,03/16/2024 03:50:00,blue\n"
    )
    result = take_in(tmp_path, a_csv=text)
    assert account(result, "a.csv") == (3, 0, 0, 0, 3)
    assert note(result, "a.csv").startswith("No question of it was recognised as NPS, CSAT, CES")


def test_a_record_whose_time_cannot_be_read_is_set_aside(tmp_path):
    """Feedback without a time is an invitation without an answer; one with a bad time is not."""
    text = (
        "#,How likely are you to recommend us?,Start Date (UTC),Submit Date (UTC),Network ID\n"
        "a,9,2024-03-01 10:00:00,2024-03-01 10:05:00,n\nb,8,2024-03-01 10:00:00,soon,n\n"
        "c,,2024-03-01 10:00:00,,n\n"
    )
    result = take_in(tmp_path, a_csv=text)
    assert account(result, "a.csv") == (4, 2, 1, 0, 1)
    assert rows(tmp_path, "select column_name, value, reason from set_aside") == [
        ("Submit Date (UTC)", "soon", "not a date")
    ]


def test_xes_with_entities_is_refused_and_a_cut_one_too(tmp_path):
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE log [<!ENTITY a "aaaa">]>\n<log>&a;</log>'
    result = take_in(tmp_path, a_xes=XES, b_xes=bomb, c_xes=XES[:-60])
    assert note(result, "b.xes").startswith("It is XML with a document type of its own")
    assert note(result, "c.xes").startswith("The XML breaks off or is misspelt on line")
    assert rows(tmp_path, "select count(*) from events") == [(2,)]


def test_xes_and_its_csv_are_one_log(tmp_path):
    text = (
        "case:concept:name,concept:name,time:timestamp,case:channel\n"
        "A-1,received,2024-01-02 10:00:00+01:00,web\n"
    )
    take_in(tmp_path, a_xes=gzip.compress(XES.encode()), b_csv=text)
    assert rows(tmp_path, "select count(*), count(distinct customer_id) from events") == [(3, 1)]


# -- real headers on synthetic rows, held against what was planted ---------------------------------


@pytest.fixture(scope="module")
def synthetic(shared, tmp_path_factory):
    """Each synthetic export imported alone, under a name that says nothing."""
    folder = shared / "exports_synthetic"
    made = {}
    for number, path in enumerate(sorted(folder.iterdir())):
        if path.name in ("truth.json", "empty.csv", "login_page.csv"):
            continue
        home = tmp_path_factory.mktemp("alone")
        result = take_in(home, **{f"export{number}_dat": path.read_bytes()})
        made[path.name] = (home, result.table.row(0, named=True))
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return folder, made, truth


# file, table, the column that holds the vendor's key
KEYS = {
    "orders_export_1.csv": ("orders", "order_id", 120),
    "orders_export_2 (1).csv": ("orders", "order_id", 120),
    "customers_export.csv": ("customers", "customer_id", 60),
    "tickets-export.csv": ("tickets", "ticket_id", 200),
    "zendesk_tickets.json": ("tickets", "ticket_id", 200),
    "freshdesk_tickets.csv": ("tickets", "ticket_id", 200),
    "hubspot-crm-exports-all-contacts.csv": ("customers", "customer_id", 200),
    "salesforce_cases_report.csv": ("tickets", "ticket_id", 200),
    "unified_payments.csv": ("orders", "order_id", 200),
    "subscribed_members_export.csv": ("customers", "customer_id", 200),
    "surveymonkey_responses.csv": ("feedback", "feedback_id", 200),
    "qualtrics_nps.csv": ("feedback", "feedback_id", 188),
    "typeform_responses.csv": ("feedback", "feedback_id", 200),
    "NPS (Responses) - Form Responses 1.csv": ("feedback", "feedback_id", 200),
    "reviews_com.example.app_202405.csv": ("feedback", "feedback_id", 200),
    "ga4_events_20240301.json.gz": ("events", "event_id", 600),
    "mixpanel_export.jsonl": ("events", "event_id", 200),
    "intercom_conversations.csv": ("tickets", "ticket_id", 200),
    "Umsatz_Export.csv": ("orders", "order_id", 200),
    "woocommerce_orders.csv": ("orders", "order_id", 200),
    "helpdesk_report.xlsx": ("tickets", "ticket_id", 200),
    "open_quote.csv": ("feedback", "feedback_id", 400),
    "truncated_download.csv": ("tickets", "ticket_id", 149),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_synthetic_export_loads_without_a_question_and_with_the_right_keys(synthetic, name):
    _, made, truth = synthetic
    home, line = made[name]
    told = truth[name]
    assert line["recipe"], line["note"]
    assert "?" not in line["note"]
    assert line["records"] == sum(line[n] for n in ("loaded", "set_aside", "duplicate", "skipped"))
    table, key, keys = KEYS[name]
    assert rows(home, f"select count(distinct {key}) from {table}") == [(keys,)]
    if name in ("truncated_download.csv", "open_quote.csv"):
        assert (line["set_aside"], line["duplicate"]) == (1, 0)
        return
    rejects = {item["key"] for item in told.get("rejects", ())}
    aside = rows(home, "select raw_text from set_aside")
    assert len(aside) == len(rejects) == line["set_aside"]
    assert all(any(key in text for key in rejects) for (text,) in aside)
    assert line["duplicate"] == told["records"] - told.get("unique", told["records"])
    previews = told.get("preview_rows", 0)
    assert line["loaded"] == told["records"] - line["duplicate"] - len(rejects) - previews


def cells(folder, name, column, encoding="utf-8", delimiter=","):
    """Read one column with the csv module, apart from cxkit."""
    with (folder / name).open(encoding=encoding, newline="") as file:
        return [row[column] or "" for row in csv.DictReader(file, delimiter=delimiter)]


def test_the_sums_of_the_synthetic_exports_are_the_planted_ones(synthetic):
    folder, made, truth = synthetic

    def total(name, table="orders", column="amount"):
        return rows(made[name][0], f"select sum({column})::double from {table}")[0][0]

    assert total("orders_export_1.csv") == truth["orders_export_1.csv"]["sum_total"]
    money = [float(c.replace(",", "")) for c in cells(folder, "unified_payments.csv", "Amount")]
    assert total("unified_payments.csv") == pytest.approx(sum(money))
    paid = [float(c) for c in cells(folder, "woocommerce_orders.csv", "order_total")]
    assert total("woocommerce_orders.csv") == sum(paid)
    for name, column, encoding in [
        ("typeform_responses.csv", "How likely are you to recommend us?", "utf-8"),
        ("surveymonkey_responses.csv", "How likely are you to recommend us?", "utf-8"),
        ("reviews_com.example.app_202405.csv", "Star Rating", "utf-16"),
        ("intercom_conversations.csv", "Conversation rating", "utf-8"),
    ]:
        scores = [int(c) for c in cells(folder, name, column, encoding) if c.isdigit()]
        assert total(name, "feedback", "score") == sum(scores), name
    text = (folder / "Umsatz_Export.csv").read_bytes().decode("cp1252")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    cents = [int(line[2].replace(".", "").replace(",", "")) for line in lines if line[0].isdigit()]
    assert total("Umsatz_Export.csv") == pytest.approx(sum(cents) / 100)
    assert rows(made["surveymonkey_responses.csv"][0], "select count(score) from feedback") == [
        (200 - truth["surveymonkey_responses.csv"]["nps_blank"],)
    ]
    assert rows(made["ga4_events_20240301.json.gz"][0], "select count(*) - count(visitor_id), "
                "min(occurred_at) from events") == [(12, dt(2024, 3, 1))]  # fmt: skip


@pytest.mark.parametrize("order", [("a_csv", "b_csv"), ("b_csv", "a_csv")])
def test_two_overlapping_order_exports_are_two_hundred_orders(shared, tmp_path, order):
    folder = shared / "exports_synthetic"
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    after = told["orders_export_2 (1).csv"]["after_both"]
    names = ("orders_export_1.csv", "orders_export_2 (1).csv")
    contents = [(folder / name).read_bytes() for name in names]
    assert adds_up(take_in(tmp_path, **dict(zip(order, contents, strict=True))))
    assert rows(
        tmp_path,
        "select count(*), count(*) filter (status = 'refunded'), sum(amount)::double from orders",
    ) == [(after["orders"], after["refunded"], after["sum_total"])]


@pytest.mark.parametrize("seed", range(3))
def test_a_header_in_another_order_case_and_dialect_is_the_same_export(synthetic, tmp_path, seed):
    folder, made, _ = synthetic
    chance = random.Random(seed)
    for name in ("tickets-export.csv", "customers_export.csv", "qualtrics_nps.csv",
                 "unified_payments.csv", "woocommerce_orders.csv"):  # fmt: skip
        table = list(csv.reader(io.StringIO((folder / name).read_bytes().decode("utf-8-sig"))))
        places = list(range(len(table[0])))
        chance.shuffle(places)
        table[0] = [chance.choice([cell.upper(), cell.lower()]) for cell in table[0]]
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=chance.choice(",;\t|"), quoting=csv.QUOTE_ALL)
        writer.writerows([row[place] for place in places] for row in table)
        home = tmp_path / name
        result = take_in(home, a_txt=out.getvalue().encode(chance.choice(["utf-8", "utf-16"])))
        line = result.table.row(0, named=True)
        counts = ("recipe", "records", "loaded", "set_aside", "duplicate", "skipped")
        assert [line[n] for n in counts] == [made[name][1][n] for n in counts], line["note"]


# the real exports that a recipe reads; every other one ends in one clear question
KNOWN = {
    "amplitude__amplitude_event_data.csv": ("Amplitude events", 10),
    "bpi__helpdesk.csv": ("Event log", 13_619),
    "bpi__receipt.csv": ("Event log (XES)", 8_577),
    "bpi__running-example.csv": ("Event log (XES)", 42),
    "ga4_flat__event_data.csv": ("GA4 events (flat)", 6),
    "ibm__Telco-Customer-Churn.csv": ("Telco customers", 7_043),
    "qualtrics__sample.csv": ("Qualtrics answers", 0),
    "segment__example_segment_pages.csv": ("Segment pages", 1),
    "uci_online_retail__2010-12-01.csv": ("Online Retail invoices", 1_924),
    "zendesk__ticket_data.csv": ("Zendesk tickets (API)", 10),
    "zendesk__user_data.csv": ("Zendesk users", 9),
}


def test_every_real_export_is_known_or_ends_in_one_question(shared, tmp_path):
    from cxkit.imports import import_exports

    result = import_exports(shared / "exports", store=tmp_path / "store")
    assert adds_up(result)
    for line in result.table.iter_rows(named=True):
        if line["file"] in KNOWN:
            assert (line["recipe"], line["loaded"]) == KNOWN[line["file"]], line["file"]
        else:
            assert (line["recipe"], line["loaded"]) == ("", 0), line["file"]
            assert line["note"], line["file"]
    retail = list(
        csv.DictReader(
            (shared / "exports" / "uci_online_retail__2010-12-01.csv")
            .open(encoding="utf-8", newline="")
        )
    )  # fmt: skip
    lines = {tuple(row.values()) for row in retail if row["CustomerID"]}
    cents = sum(round(int(line[3]) * float(line[5]) * 100) for line in lines)
    assert rows(tmp_path, "select (sum(amount) * 100)::bigint from orders") == [(cents,)]
