"""The exports as each tool writes them, with the dirt that real exports have (T20)."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cxkit.demo.company import (
    DAY,
    DAYS,
    FEATURES,
    FIRST_DAY,
    Effects,
    offset,
    settle,
)
from cxkit.demo.desk import (
    AGENTS,
    GROUPS,
    TICKET_CHANNELS,
    TOPICS,
    Tickets,
    glitch_log,
)
from cxkit.demo.draws import Bools, Draws, Floats, Ints
from cxkit.demo.files import csv_text, write_gzip, write_text, write_xlsx
from cxkit.demo.lives import TRIAL_DAY, Lives, Trial
from cxkit.demo.messages import Messages
from cxkit.demo.orders import CATEGORIES, DEVICES, PHONE, PLACES, PRODUCTS, STORE, Orders
from cxkit.demo.people import Contacts
from cxkit.demo.surveys import ITEMS, SUPPORT, SURVEYS, Answers
from cxkit.demo.texts import (
    COMPLAINING,
    MIXED,
    NEGATIVE,
    POSITIVE,
    PRAISING,
    THEME_WEIGHTS,
    Comments,
    subjects,
)
from cxkit.demo.visits import ARRIVED_BY, EVENTS, GUIDES, NOBODY, Events

Lines = list[list[str]]


@dataclass
class Dirt:
    """T20: what was spoiled on purpose, file by file, with exact counts; and the records."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, file: str, **counts: int) -> None:
        """Keep the counts of one file."""
        self.counts.setdefault(file, {}).update(counts)


@dataclass(frozen=True)
class Clerk:
    """What every writer needs: where to write, what to spoil, and who is who."""

    folder: Path
    contacts: Contacts
    effects: Effects
    dirt: Dirt
    seed: int

    def draws(self, file: str) -> Draws:
        """The random numbers of one file."""
        return Draws(self.seed, "export " + file)

    def emails(self, person: Ints, use_second: Bools | None = None) -> list[str]:
        """The address of each person; where asked, that of their duplicate record (T13)."""
        second = {
            int(self.contacts.person[record]): self.contacts.email[record]
            for record in range(self.contacts.people, len(self.contacts.email))
        }
        first = self.contacts.email
        if use_second is None:
            return [first[p] for p in person.tolist()]
        return [
            second.get(p, first[p]) if use else first[p]
            for p, use in zip(person.tolist(), use_second.tolist(), strict=True)
        ]


def clock(seconds: Ints, pattern: str) -> list[str]:
    """Write local seconds since day 0 as text; negative ones as nothing."""
    start = int((FIRST_DAY - date(1970, 1, 1)).total_seconds())
    series = pl.Series(np.where(seconds < 0, 0, seconds) + start, dtype=pl.Int64)
    texts = pl.from_epoch(series, time_unit="s").dt.strftime(pattern).to_list()
    return [text if s >= 0 else "" for text, s in zip(texts, seconds.tolist(), strict=True)]


def zoned(seconds: Ints) -> list[str]:
    """As Shopify writes times: local, with the zone's distance from UTC."""
    texts = clock(seconds, "%Y-%m-%d %H:%M:%S")
    hours = (offset(seconds) // 3600).tolist()
    return [f"{text} +0{h}00" if text else "" for text, h in zip(texts, hours, strict=True)]


def cents(amount: int) -> str:
    """Write cents as euros, with a decimal point."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def _spoil(lines: Lines, share: float, draws: Draws) -> int:
    """Repeat a share of the lines, to the letter, at the end; return how many."""
    again = np.sort(draws.sample(np.arange(len(lines)), round(share * len(lines))))
    lines.extend(list(lines[i]) for i in again.tolist())
    return len(again)


# --- CRM ---------------------------------------------------------------------------------------

CRM_HEADER = [
    "Record ID",
    "First Name",
    "Last Name",
    "Email",
    "Phone Number",
    "Street Address",
    "City",
    "Postal Code",
    "Country/Region",
    "Sales Region",
    "Create Date",
    "Original Source",
    "Preferred Channel",
    "Marketing Consent",
    "Contact Owner",
    "Shop User ID",
    "Merged Record IDs",
    *(f"First profile: {name}" for name in FEATURES),
    *(f"Latest profile: {name}" for name in FEATURES),
]


def write_contacts(clerk: Clerk, features: Floats, latest: Floats, has_latest: Bools) -> None:
    """All records, duplicates among them (T13), with the behaviour profiles (T01, T22)."""
    contacts = clerk.contacts
    draws = clerk.draws("crm")
    style = draws.integers(0, 3, len(contacts.email))
    before_data = contacts.created < 0
    day_zero = FIRST_DAY.toordinal()
    lines = []
    for record in np.argsort(contacts.created, kind="stable").tolist():
        minute = int(contacts.created[record]) // 60
        day = date.fromordinal(day_zero + minute // 1440)
        profiles = [""] * (2 * len(FEATURES))
        if record < len(features):
            profiles[: len(FEATURES)] = [f"{value:.1f}" for value in features[record].tolist()]
            if has_latest[record]:
                profiles[len(FEATURES) :] = [f"{value:.1f}" for value in latest[record].tolist()]
        lines.append(
            [
                contacts.record_id[record],
                contacts.first[record],
                contacts.last[record],
                contacts.email[record],
                _phone(contacts.phone[record], int(style[record])),
                contacts.street[record],
                contacts.city[record],
                contacts.zip_code[record],
                contacts.country[record],
                contacts.region[record],
                f"{day} {minute % 1440 // 60:02d}:{minute % 60:02d}",
                contacts.source[record],
                contacts.channel[record],
                "yes" if contacts.consent[record] else "no",
                contacts.owner[record],
                contacts.user_id[record],
                contacts.merged_ids[record],
                *profiles,
            ]
        )
    name = "crm_contacts.xlsx"
    write_xlsx(clerk.folder / name, [CRM_HEADER, *lines], sheet="Contacts")
    clerk.dirt.note(
        name,
        records=len(lines),
        duplicate_people=len(contacts.email) - contacts.people,
        merged=sum(1 for ids in contacts.merged_ids if ids),
        created_before_data=int(before_data.sum()),
    )


def _phone(number: str, style: int) -> str:
    """The same digits, written as three different people would."""
    if not number or style == 0:
        return number
    mark = " " if style == 1 else "-"
    return f"{number[:3]} {number[3:7]}{mark}{number[7:]}"


# --- shop --------------------------------------------------------------------------------------

SHOP_HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,"
    "Billing City,Billing Zip,Billing Country,Phone,Notes,Cancelled at,Payment Method,"
    "Refunded Amount,Id,Tags,Source,Device"
).split(",")
_FIELD = {name: place for place, name in enumerate(SHOP_HEADER)}


def write_orders(clerk: Clerk, orders: Orders) -> None:
    """One order a block: the order's own fields stand on its first line only."""
    draws, contacts = clerk.draws("orders"), clerk.contacts
    count = len(orders.buyer)
    created = zoned(orders.second)
    sent_at = orders.second + draws.integers(4 * 3600, 40 * 3600, count)
    fulfilled = zoned(settle(np.where(sent_at > DAYS * DAY - 1, -1, sent_at)))
    no_email = (orders.place == PHONE) & contacts.phone_is_unique[orders.buyer]
    no_email &= draws.chance(0.5, count)
    capitals = draws.chance(0.03, count)  # some type their address with a capital
    lines_of = _line_items(orders, draws)
    status = np.where(
        orders.refund_cents == 0, 0, np.where(orders.refund_cents < orders.cents, 1, 2)
    )
    blocks: list[tuple[int, Lines]] = []
    for i, buyer in enumerate(orders.buyer.tolist()):
        total, items = int(orders.cents[i]), lines_of[i]
        shipping = 490 if total < 5000 and orders.place[i] not in (STORE,) and total > 1500 else 0
        goods = sum(quantity * price for quantity, _, price, _ in items)
        discount = goods + shipping - total
        email = contacts.email[buyer]
        email = email.capitalize() if capitals[i] else email
        email = "" if no_email[i] else email
        first = _blank(orders.number(i), email)
        _fill(first, {
            "Financial Status": ("paid", "partially_refunded", "refunded")[status[i]],
            "Paid at": created[i],
            "Fulfillment Status": "fulfilled" if fulfilled[i] else "unfulfilled",
            "Fulfilled at": fulfilled[i],
            "Accepts Marketing": "yes" if contacts.consent[buyer] else "no",
            "Currency": "EUR",
            "Subtotal": cents(goods - discount),
            "Shipping": cents(shipping),
            "Taxes": cents(total * 19 // 119),
            "Total": cents(total),
            "Discount Code": "GARDEN15" if discount else "",
            "Discount Amount": cents(discount),
            "Shipping Method": "" if orders.place[i] == STORE else "Standard",
            "Created at": created[i],
            "Billing Name": f"{contacts.first[buyer]} {contacts.last[buyer]}",
            "Billing City": contacts.city[buyer],
            "Billing Zip": "'" + contacts.zip_code[buyer],
            "Billing Country": contacts.country[buyer],
            "Phone": "'" + contacts.phone[buyer] if contacts.phone[buyer] else "",
            "Payment Method": ("card", "wallet", "invoice", "cash")[
                3 if orders.place[i] == STORE else i * 7 % 3
            ],
            "Refunded Amount": cents(int(orders.refund_cents[i])),
            "Id": str(5_870_000_000_000 + 32_771 * i),
            "Source": PLACES[orders.place[i]],
            "Device": DEVICES[orders.device[i]],
        })  # fmt: skip
        block = [first]
        for place, (quantity, product, price, sku) in enumerate(items):
            line = first if place == 0 else _blank(orders.number(i), email)
            _fill(line, {
                "Lineitem quantity": str(quantity),
                "Lineitem name": product,
                "Lineitem price": cents(price),
                "Lineitem sku": sku,
            })  # fmt: skip
            if place:
                block.append(line)
        blocks.append((int(orders.second[i]), block))

    refunds = _refund_lines(clerk, orders, no_email)
    others = _other_orders(clerk, orders, draws)
    ordered = sorted(
        [*((at, 0, n, b) for n, (at, b) in enumerate(blocks)), *refunds, *others],
        key=lambda item: item[:3],
    )
    again = np.sort(
        draws.sample(np.arange(count), round(0.005 * count) if clerk.effects.dirt else 0)
    )
    repeated = [line for i in again.tolist() for line in blocks[i][1]]
    lines = [line for *_, block in ordered for line in block] + repeated
    name = "shop_orders_export.csv"
    write_text(clerk.folder / name, csv_text([SHOP_HEADER, *lines]))
    clerk.dirt.note(
        name,
        records=len(lines),
        orders=count,
        refund_rows=len(refunds),
        negative_amounts=len(refunds),
        cancelled_orders=sum(1 for item in others if item[1] == 2),
        orders_without_any_id=sum(1 for item in others if item[1] == 3),
        orders_by_phone_number_only=int(no_email.sum()),
        repeated_orders=len(again),
        repeated_rows=len(repeated),
        guarded_cells=sum(
            (line[_FIELD["Billing Zip"]][:1] == "'") + (line[_FIELD["Phone"]][:1] == "'")
            for line in lines
        ),
        emails_with_capitals=int((capitals & ~no_email).sum()),
    )


def _blank(name: str, email: str) -> list[str]:
    line = [""] * len(SHOP_HEADER)
    line[0], line[1] = name, email
    return line


def _fill(line: list[str], values: dict[str, str]) -> None:
    for name, value in values.items():
        line[_FIELD[name]] = value


def _line_items(orders: Orders, draws: Draws) -> list[list[tuple[int, str, int, str]]]:
    """Quantity, name, price and stock number of each line; they add up to the order's goods."""
    count = len(orders.buyer)
    share = draws.uniform(count, 2, low=0.15, high=0.45)
    second = draws.integers(0, 8, 2 * count)
    items = []
    for i in range(count):
        total = int(orders.cents[i])
        free = orders.place[i] == STORE or total >= 5000 or total <= 1500
        goods = total if free else total - 490
        if orders.discounted[i]:
            goods = round(goods / 0.85)
        parts = [int(goods * share[i, n]) for n in range(int(orders.lines[i]) - 1)]
        parts.insert(0, goods - sum(parts))
        lines = []
        for n, price in enumerate(parts):
            category = CATEGORIES[orders.category[i] if n == 0 else int(second[2 * i + n - 1])]
            products = PRODUCTS[category]
            place = (int(orders.product[i]) + n) % len(products)
            pair = price % 2 == 0 and price < 4000
            sku = f"{category[:2].upper()}-{place + 1:03d}"
            lines.append((1 + pair, f"{category} - {products[place]}", price // (1 + pair), sku))
        items.append(lines)
    return items


_Block = tuple[int, int, int, Lines]


def _refund_lines(clerk: Clerk, orders: Orders, no_email: Bools) -> list[_Block]:
    """T20: money given back stands as a row of its own with a negative total."""
    given = np.flatnonzero(orders.refund_cents > 0)
    when = settle(orders.refund_second[given])
    blocks = []
    for i, second, text in zip(given.tolist(), when.tolist(), zoned(when), strict=True):
        buyer = int(orders.buyer[i])
        email = "" if no_email[i] else clerk.contacts.email[buyer]
        line = _blank(orders.number(i) + "-R1", email)
        _fill(line, {
            "Financial Status": "refunded",
            "Currency": "EUR",
            "Total": cents(-int(orders.refund_cents[i])),
            "Created at": text,
            "Phone": "'" + clerk.contacts.phone[buyer] if clerk.contacts.phone[buyer] else "",
            "Notes": f"refund of {orders.number(i)}",
            "Id": str(5_990_000_000_000 + 32_771 * i),
            "Tags": "refund",
            "Source": PLACES[orders.place[i]],
        })  # fmt: skip
        blocks.append((second, 1, i, [line]))
    return blocks


def _other_orders(clerk: Clerk, orders: Orders, draws: Draws) -> list[_Block]:
    """Cancelled orders, and walk-in customers of the store without any id (T20)."""
    count = len(orders.buyer)
    cancelled = np.sort(draws.sample(np.arange(count), round(0.01 * count)))
    walk_in = np.sort(
        draws.sample(np.arange(count), round(0.02 * count) if clerk.effects.dirt else 0)
    )
    blocks = []
    for kind, chosen in ((2, cancelled), (3, walk_in)):
        # shortly after an order of somebody else: any time at which the shop is open
        second = orders.second[chosen] - 1800
        made, voided = zoned(second), zoned(second + 1500)
        amount = draws.integers(1800, 9000, len(chosen))
        category = draws.integers(0, len(CATEGORIES), len(chosen))
        for n, i in enumerate(chosen.tolist()):
            number = f"#BW{(800_000 if kind == 2 else 900_000) + n + 1}"
            who = int(orders.buyer[i])
            line = _blank(number, clerk.contacts.email[who] if kind == 2 else "")
            product = PRODUCTS[CATEGORIES[category[n]]][0]
            _fill(line, {
                "Financial Status": "voided" if kind == 2 else "paid",
                "Paid at": "" if kind == 2 else made[n],
                "Fulfillment Status": "unfulfilled" if kind == 2 else "fulfilled",
                "Currency": "EUR",
                "Subtotal": cents(int(amount[n])),
                "Shipping": "0.00",
                "Taxes": cents(int(amount[n]) * 19 // 119),
                "Total": cents(int(amount[n])),
                "Discount Amount": "0.00",
                "Created at": made[n],
                "Lineitem quantity": "1",
                "Lineitem name": f"{CATEGORIES[category[n]]} - {product}",
                "Lineitem price": cents(int(amount[n])),
                "Cancelled at": voided[n] if kind == 2 else "",
                "Payment Method": "invoice" if kind == 2 else "cash",
                "Refunded Amount": "0.00",
                "Id": str((6_100_000_000_000 if kind == 2 else 6_200_000_000_000) + 97 * n),
                "Tags": "" if kind == 2 else "walk-in",
                "Source": PLACES[PHONE] if kind == 2 else PLACES[STORE],
            })  # fmt: skip
            blocks.append((int(second[n]), kind, n, [line]))
    return blocks


# --- help desk ---------------------------------------------------------------------------------

DESK_HEADER = (
    "Ticket ID,Subject,Status,Priority,Type,Topic,Source,Agent,Group,Requester email,Customer No,"
    "Created time,First reply time,Resolved time,Reopens,Level,Escalated time,Escalation reason,"
    "Policy,Policy amount,Transfers,Resolution,Recognised,Asked again,Product,Tags"
).split(",")
_REPLACED = str.maketrans("0123456789", "4719382605")  # T20: digits that look like an id


def write_tickets(clerk: Clerk, tickets: Tickets) -> None:
    """One line a ticket; late ones and repeated ones at the end, then a footer (T20)."""
    draws, contacts, dirty = clerk.draws("tickets"), clerk.contacts, clerk.effects.dirt
    count = len(tickets.person)
    day_first = "%d/%m/%Y %H:%M"
    opened = clock(tickets.opened, day_first)
    iso = draws.chance(0.03 if dirty else 0.0, count)
    opened_iso = clock(tickets.opened, "%Y-%m-%d %H:%M")
    replied, resolved = clock(tickets.replied, day_first), clock(tickets.resolved, day_first)
    passed_on = clock(tickets.escalated_at, day_first)
    topics = [TOPICS[t] for t in tickets.topic.tolist()]
    subject = subjects([topic.name for topic in topics], draws)
    # complaints of T06 keep their sender; elsewhere some write from their second address
    ordinary = ~np.isin(tickets.topic, (0, 1, 3))
    email = clerk.emails(tickets.person, ordinary & draws.chance(0.25, count))
    no_email = ordinary & draws.chance(0.025 if dirty else 0.0, count)
    late = ordinary & draws.chance(0.01 if dirty else 0.0, count)
    urgent = draws.pick((70, 22, 8), count)
    lines = []
    for i, topic in enumerate(topics):
        euros = float(tickets.refund_eur[i])
        escalated = bool(tickets.escalated[i])
        lines.append([
            str(300_001 + i),
            subject[i],
            "Open" if not resolved[i] else "Closed",
            ("Low", "Medium", "High")[urgent[i]],
            "Problem" if topic.stage else "Request",
            topic.name,
            TICKET_CHANNELS[tickets.channel[i]],
            AGENTS[tickets.agent[i]],
            GROUPS[tickets.agent[i] // 4],
            "" if no_email[i] else email[i],
            contacts.record_id[tickets.person[i]].translate(_REPLACED),
            opened_iso[i] if iso[i] else opened[i],
            replied[i],
            resolved[i],
            str(tickets.reopens[i]),
            "2" if escalated else "1",
            passed_on[i],
            tickets.reason[i],
            tickets.policy[i],
            f"{euros:.2f}" if euros else "",
            str(tickets.transfers[i]),
            tickets.resolution[i],
            "yes" if tickets.recognised[i] else "no",
            str(tickets.asked_again[i]),
            CATEGORIES[tickets.category[i]],
            "late import" if late[i] else "",
        ])  # fmt: skip
    on_time = [line for line, is_late in zip(lines, late, strict=True) if not is_late]
    on_time.extend(line for line, is_late in zip(lines, late, strict=True) if is_late)
    repeated = _spoil(on_time, 0.005 if dirty else 0.0, draws)
    name = "helpdesk_tickets.csv"
    text = csv_text([DESK_HEADER, *on_time], newline="\r\n")
    if dirty:
        text += f"Help desk report: {len(on_time)} tickets exported 29/06/2026\r\n"
    write_text(clerk.folder / name, text, encoding="utf-8-sig")
    clerk.dirt.note(
        name,
        records=len(on_time),
        tickets=count,
        repeated_rows=repeated,
        blank_requester=int(no_email.sum()),
        iso_dates=sum(1 for line in on_time if line[11][:4].isdigit()),
        late_import=int(late.sum()),
        footer_lines=int(dirty),
        replaced_digit_ids=len(on_time),
    )


def write_glitches(clerk: Clerk) -> None:
    """The register as the company keeps it: what it claims need not be so (T05)."""

    def day(number: int) -> str:
        return "" if number < 0 else f"{FIRST_DAY + timedelta(days=number):%d/%m/%Y}"

    header = ["Glitch", "Stage", "First seen", "Logged", "Owner", "Fixed", "Status", "Note"]
    lines = [
        [
            g.topic,
            g.stage,
            day(g.first_seen),
            day(g.logged),
            g.owner,
            day(g.fixed),
            "open" if g.fixed < 0 else "fixed",
            g.note,
        ]
        for g in glitch_log()
    ]
    write_text(clerk.folder / "glitch_log.csv", csv_text([header, *lines]))
    clerk.dirt.note("glitch_log.csv", records=len(lines))


# --- survey ------------------------------------------------------------------------------------

SURVEY_HEADERS = (
    [
        "Respondent ID",
        "Collector ID",
        "Invite Sent",
        "Start Date",
        "End Date",
        "Email Address",
        "First Name",
        "Last Name",
        "Custom Data 1",
        "Custom Data 2",
        "How likely are you to recommend Brindlewick to a friend?",
        "Overall, how satisfied are you with Brindlewick?",
        "Brindlewick made it easy for me to handle my issue.",
        "How satisfied are you with ...",
        "",
        "",
        "",
        "What is the main reason for your answer?",
        "Reply Sent",
    ],
    [*[""] * 10, *["Response"] * 3, *ITEMS, "Open-Ended Response", ""],
)


def write_answers(clerk: Clerk, answers: Answers, orders: Orders) -> None:
    """One line an invitation, answered or not, under two header lines."""
    draws, contacts = clerk.draws("survey"), clerk.contacts
    count = len(answers.person)
    month_first = "%m/%d/%Y %H:%M:%S"
    invited, ended = clock(answers.invited, month_first), clock(answers.answered, month_first)
    began = np.where(answers.answered < 0, -1, answers.answered - draws.integers(40, 400, count))
    started, replied = clock(settle(began), month_first), clock(answers.replied, month_first)
    email = clerk.emails(answers.person)
    anonymous = (answers.answered >= 0) & draws.chance(0.03 if clerk.effects.dirt else 0.0, count)
    anonymous &= answers.survey != 0  # T16 needs to know who answered the relationship survey
    lines = []
    for i in range(count):
        person, survey, about = (int(c[i]) for c in (answers.person, answers.survey, answers.about))
        named = not anonymous[i]
        case = "" if about < 0 else str(300_001 + about) if survey == SUPPORT else ""
        if about >= 0 and survey != SUPPORT:
            case = orders.number(about)
        scores = (answers.nps[i], answers.csat[i], answers.ces[i], *answers.items[i])
        lines.append([
            str(118_000_000_000 + 7919 * i),
            str(400_000_001 + survey),
            invited[i],
            started[i],
            ended[i],
            email[i] if named else "",
            contacts.first[person] if named else "",
            contacts.last[person] if named else "",
            SURVEYS[survey],
            case,
            *("" if score < 0 else str(score) for score in scores),
            answers.comment[i],
            replied[i],
        ])  # fmt: skip
    name = "survey_responses.csv"
    write_text(clerk.folder / name, csv_text([*SURVEY_HEADERS, *lines]))
    clerk.dirt.note(
        name,
        records=len(lines),
        header_rows=2,
        answered=int((answers.answered >= 0).sum()),
        comments=sum(1 for text in answers.comment if text),
        anonymous_answers=int(anonymous.sum()),
    )


# --- web events --------------------------------------------------------------------------------


def write_events(clerk: Clerk, events: Events, orders: Orders) -> None:
    """One JSON object a line; keys without a value are left out."""
    draws, contacts = clerk.draws("events"), clerk.contacts
    count = len(events.second)
    utc = clock(np.maximum(events.second - offset(events.second), 0), "%Y-%m-%dT%H:%M:%S")
    millis = draws.integers(0, 1000, count)
    pages = (*(c.lower() for c in CATEGORIES), *GUIDES)
    topics = ("", "double charge", "coupon rejected")
    users = [*contacts.user_id, ""]
    browser = (events.visitor.astype(np.uint64) * np.uint64(2_246_822_519)) % np.uint64(2**32)
    lines = []
    columns = zip(
        range(count),
        utc,
        millis.tolist(),
        events.event.tolist(),
        browser.tolist(),
        events.person.tolist(),
        events.logged_in.tolist(),
        events.session.tolist(),
        events.device.tolist(),
        events.arrived_by.tolist(),
        events.page.tolist(),
        events.topic.tolist(),
        events.order.tolist(),
        strict=True,
    )
    for (
        key,
        at,
        ms,
        event,
        visitor,
        person,
        known,
        session,
        device,
        by,
        page,
        topic,
        order,
    ) in columns:
        line = (
            f'{{"message_id":"m{key:07d}","timestamp":"{at}.{ms:03d}Z","event":"{EVENTS[event]}",'
            f'"anonymous_id":"a{visitor:08x}"'
        )
        if known and person != NOBODY and users[person]:
            line += f',"user_id":"{users[person]}"'
        line += (
            f',"session_id":"s{session}","channel":"{"app" if device == 2 else "web"}",'
            f'"device":"{DEVICES[device]}"'
        )
        if by >= 0:
            line += f',"source":"{ARRIVED_BY[by]}"'
        if page >= 0:
            line += f',"page":"{pages[page]}"'
        if topic:
            line += f',"topic":"{topics[topic]}"'
        if order >= 0:
            line += f',"order":"{orders.number(order)}","value":{cents(int(orders.cents[order]))}'
        lines.append(line + "}")
    again = np.sort(
        draws.sample(np.arange(count), round(0.005 * count) if clerk.effects.dirt else 0)
    )
    lines.extend([lines[i] for i in again.tolist()])
    name = "web_events.jsonl.gz"
    write_gzip(clerk.folder / name, "\n".join(lines) + "\n")
    clerk.dirt.note(name, records=len(lines), events=count, repeated_rows=len(again))


# --- messages and calls ------------------------------------------------------------------------

MESSAGE_HEADER = (
    "Message ID,Conversation ID,Sent at (Europe/Berlin),Direction,Purpose,Type,Channel,Automatic,"
    "User email,Teammate"
).split(",")


def write_messages(clerk: Clerk, messages: Messages) -> None:
    """One line a message; the time zone stands in the header."""
    draws = clerk.draws("messages")
    count = len(messages.person)
    sent = clock(messages.sent, "%Y-%m-%d %H:%M:%S")
    # a whole conversation comes from one address
    second = (messages.thread % 4 == 1) & (messages.thread < messages.replies_due)
    email = clerk.emails(messages.person, second)
    helper = draws.integers(0, len(AGENTS), count)
    lines = [
        [
            f"msg_{700_001 + i}",
            f"c{10_001 + int(messages.thread[i])}",
            sent[i],
            "in" if messages.inbound[i] else "out",
            messages.purpose[i],
            messages.kind[i],
            messages.channel[i],
            "yes" if messages.automatic[i] else "no",
            email[i],
            AGENTS[helper[i]] if messages.kind[i] == "help" else "",
        ]
        for i in range(count)
    ]
    repeated = _spoil(lines, 0.005 if clerk.effects.dirt else 0.0, draws)
    name = "messages.csv"
    write_text(clerk.folder / name, csv_text([MESSAGE_HEADER, *lines]))
    clerk.dirt.note(name, records=len(lines), messages=count, repeated_rows=repeated)


CALL_HEADER = (
    "List;Record ID;Name;Listed on;Arm;Reached on;Kind;Minutes;Value at list;Outcome"
).split(";")
TRIAL_LIST = "Thank-you calls December 2025"
BEST_LIST = "Best customers March 2026"
SMALL_LIST = "Welcome calls May 2026"


def write_calls(clerk: Clerk, trial: Trial, lives: Lives, spent: Floats) -> None:
    """T18: a random trial, a list without a hold-out, and one too small to tell."""
    draws, contacts = clerk.draws("calls"), clerk.contacts
    buyers = len(spent)
    small = max(6, round(0.0133 * buyers))
    best = np.argsort(-spent, kind="stable")[: max(10, round(0.0266 * buyers))]
    newest = np.argsort(-lives.joined, kind="stable")[: 2 * small]
    listed = [
        (TRIAL_LIST, TRIAL_DAY, p, c) for p, c in zip(trial.person, trial.called, strict=True)
    ]
    listed += [(BEST_LIST, 620, p, True) for p in best]
    listed += [(SMALL_LIST, 690, p, n % 2 == 0) for n, p in enumerate(newest)]
    reached = draws.chance(0.74, len(listed))
    after = draws.integers(0, 3, len(listed))
    minutes = draws.lognormal(len(listed), median=4.5, sigma=0.5)
    said = draws.pick((50, 30, 14, 6), len(listed))
    order = np.argsort(draws.uniform(len(listed)), kind="stable")
    lines = []
    old_ids = 0
    for n in sorted(order.tolist(), key=lambda n: listed[n][1]):
        name, day, who, called = listed[n]
        person = int(who)
        talked = bool(called and reached[n])
        old = contacts.merged_ids[person]  # the list was made before the records were merged
        old_ids += bool(old)
        value = spent[person] / 2 if person < buyers else 0.0
        lines.append([
            name,
            old or contacts.record_id[person],
            f"{contacts.first[person]} {contacts.last[person]}",
            f"{FIRST_DAY + timedelta(days=day):%d.%m.%Y}",
            "called" if called else "held out",
            f"{FIRST_DAY + timedelta(days=day + int(after[n])):%d.%m.%Y}" if talked else "",
            "call",
            f"{minutes[n]:.1f}".replace(".", ",") if talked else "",
            f"{value:.2f}".replace(".", ","),
            ("friendly talk", "asked for help", "call again", "no calls please")[said[n]]
            if talked
            else "",
        ])  # fmt: skip
    name = "outreach_calls.csv"
    text = csv_text([CALL_HEADER, *lines], delimiter=";", newline="\r\n")
    write_text(clerk.folder / name, text, encoding="cp1252")
    clerk.dirt.note(name, records=len(lines), old_record_ids=old_ids)


# --- review portal --------------------------------------------------------------------------------

PORTAL_HEADER = ["Date", "Stars", "Review", "Answered"]


def write_reviews(clerk: Clerk) -> None:
    """A portal's export that no recipe knows: it waits until someone says what its columns mean.

    Every day of the month is at most 12, so not even the order of day and month can be proved.
    """
    draws, count = clerk.draws("portal"), 60
    comments = Comments(draws, count)
    stars = draws.pick((12, 8, 14, 26, 40), count) + 1
    mood = np.where(stars >= 4, POSITIVE, np.where(stars == 3, MIXED, NEGATIVE))
    themes = draws.pick(THEME_WEIGHTS, count)
    month, day = draws.integers(1, 7, count), draws.integers(1, 13, count)
    lines = []
    for n in np.lexsort((day, month)).tolist():
        intent = PRAISING if mood[n] == POSITIVE else COMPLAINING
        text = comments.write(n, int(themes[n]), int(mood[n]), intent)
        answered = "yes" if n % 3 else "no"
        lines.append([f"{day[n]:02d}/{month[n]:02d}/2026", str(stars[n]), text, answered])
    name = "review_portal.csv"
    write_text(clerk.folder / name, csv_text([PORTAL_HEADER, *lines]))
    clerk.dirt.note(name, records=count)
