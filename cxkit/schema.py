"""The canonical tables as data: columns, types, units, meaning, required or not.

Every other part reads this page: imports cast to these types, the store creates these tables,
`docs/data.md` is written from it, and `readiness` asks it what an analysis needs.
"""

from dataclasses import dataclass

# The reading types. Each has one SQL type; imports knows how to read each from text.
SQL_TYPES = {
    "id": "VARCHAR",  # kept to the letter: leading zeros and long digits survive
    "text": "VARCHAR",
    "category": "VARCHAR",  # few distinct values: a channel, a status
    "time": "TIMESTAMP",  # UTC
    "money": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "count": "BIGINT",
    "yes_no": "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One column of a canonical table."""

    name: str
    kind: str  # a key of SQL_TYPES
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One canonical table.

    `key` names the columns that make a row the same row in next month's export. `time` is the
    column that places a row on the timeline (None: the table is not dated).
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    time: str | None
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called `name`; KeyError where there is none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which a row is set aside."""
        return tuple(column.name for column in self.columns if column.required)


def _table(
    name: str, meaning: str, key: str, time: str | None, *columns: tuple[str, str, str]
) -> Table:
    made = tuple(
        Column(title.rstrip("*"), kind, text, required=title.endswith("*"))
        for title, kind, text in columns
    )
    return Table(name, meaning, tuple(key.split()), time, made)


_PERSON = ("customer_id", "id", "the person, as resolved over all ids they are known by")
_PERSON_REQUIRED = ("customer_id*", *_PERSON[1:])

# A star marks a column without which the row is set aside.
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "customers",
            "One row per person that a contact list, CRM or shop knows.",
            "customer_id",
            None,
            _PERSON_REQUIRED,
            ("known_since", "time", "when the company first knew the person"),
            ("preferred_channel", "category", "the channel that the person asked for"),
            ("consent", "yes_no", "whether the person may be contacted"),
            ("source", "category", "where the person came from: the first channel"),
            ("region", "category", "country, state or sales region"),
            ("attributes", "text", "other fields of the export, as a JSON object"),
        ),
        _table(
            "orders",
            "One row per order; several lines of one order are one row.",
            "order_id",
            "ordered_at",
            ("order_id*", "id", "the order's number"),
            _PERSON_REQUIRED,
            ("ordered_at*", "time", "when the order was placed"),
            ("amount", "money", "what the customer pays, in `currency`; a refund is negative"),
            ("currency", "category", "ISO 4217 code"),
            ("channel", "category", "shop, web, app, phone …"),
            ("device", "category", "mobile, desktop …"),
            ("product", "category", "the product or category of the first line"),
            ("status", "category", "the status that the shop gives"),
            ("cancelled", "yes_no", "true where the order did not come to a purchase"),
        ),
        _table(
            "events",
            "One row per thing that happened on the web, in the app or in a shop.",
            "event_id",
            "occurred_at",
            ("event_id", "id", "the tool's own id; without one, the row's content"),
            _PERSON,
            ("visitor_id", "id", "a browser or device, where the person is not known"),
            ("occurred_at*", "time", "when it happened"),
            ("event*", "category", "what happened: a touchpoint of the journey"),
            ("channel", "category", "web, app, shop, phone …"),
            ("device", "category", "mobile, desktop …"),
            ("session", "id", "the visit that the event belongs to"),
            ("case_id", "id", "the order, ticket or case that the event belongs to"),
            ("topic", "category", "what it was about: a page, a product, a glitch"),
            ("amount", "money", "a value that the tool recorded"),
        ),
        _table(
            "tickets",
            "One row per request to the help desk.",
            "ticket_id",
            "opened_at",
            ("ticket_id*", "id", "the ticket's number"),
            _PERSON,
            ("opened_at*", "time", "when the customer asked"),
            ("first_reply_at", "time", "first human reply"),
            ("resolved_at", "time", "last time it was resolved; empty while open"),
            ("topic", "category", "what it was about"),
            ("subject", "text", "the subject line"),
            ("channel", "category", "phone, chat, e-mail, web …"),
            ("status", "category", "the status that the desk gives"),
            ("reopened", "count", "times reopened after it was resolved"),
            ("level", "count", "support level that closed it; 1 is the front line"),
            ("escalated_at", "time", "when it was passed to a higher level"),
            ("escalation_reason", "category", "no permission, no skill …"),
            ("agent", "category", "who handled it"),
            ("policy", "category", "the rule that applied: refund over 20 …"),
            ("transfers", "count", "moves between teams"),
            ("resolution", "category", "how it ended: refunded, explained …"),
            ("recognised", "yes_no", "whether the desk knew at first touch who it was"),
            ("asked_again", "count", "times the customer had to say again who or what"),
        ),
        _table(
            "messages",
            "One row per message between the company and a person.",
            "message_id",
            "sent_at",
            ("message_id", "id", "the tool's own id; without one, the row's content"),
            _PERSON_REQUIRED,
            ("thread", "id", "the conversation"),
            ("sent_at*", "time", "when it was sent"),
            ("direction*", "category", "in (from the customer) or out (from the company)"),
            ("purpose", "category", "ask (sell, survey) or give (help, thanks, content)"),
            ("channel", "category", "e-mail, chat, phone …"),
            ("automatic", "yes_no", "true for a reply that no person wrote"),
        ),
        _table(
            "feedback",
            "One row per answer to a survey or review; an invitation without an answer counts.",
            "feedback_id",
            "given_at",
            ("feedback_id", "id", "the tool's own id; without one, the row's content"),
            _PERSON,
            ("invited_at", "time", "when the person was asked"),
            ("given_at", "time", "when the person answered; empty where they did not"),
            (
                "metric",
                "category",
                "nps (0-10), csat (1-5), ces (1-7; on 1-5, or where a high answer means effort, "
                "[surveys] ces_high in cx.toml says so), stars (1-5), item (one aspect, named in "
                "`question`) or comment",
            ),
            ("score", "number", "the answer, on `scale`"),
            ("scale", "count", "the highest answer possible: 5, 7 or 10"),
            ("question", "text", "the question that was asked"),
            ("comment", "text", "what the person wrote"),
            ("touchpoint", "category", "the moment that the feedback is about"),
            ("answered_at", "time", "when the company replied"),
        ),
        _table(
            "subscriptions",
            "One row per customer and month of a contract.",
            "customer_id month",
            "month",
            _PERSON_REQUIRED,
            ("month*", "time", "first day of the month"),
            ("amount*", "money", "recurring revenue of that month"),
            ("currency", "category", "ISO 4217 code"),
        ),
        _table(
            "issues",
            "The glitch register: one row per known glitch.",
            "topic",
            None,
            ("topic*", "category", "the glitch, as tickets and events name it"),
            ("stage", "category", "the stage of the journey that it hits"),
            ("first_seen", "time", "when it was first noticed"),
            ("owner", "category", "the team that owns it"),
            ("logged_at", "time", "when it was recorded"),
            ("fixed_at", "time", "when the log says that it was fixed"),
        ),
        _table(
            "outreach",
            "One row per person on an outreach list.",
            "list customer_id",
            "listed_at",
            ("list*", "category", "the list's name"),
            _PERSON_REQUIRED,
            ("listed_at*", "time", "when the list was made"),
            ("arm", "category", "called, held out …"),
            ("contacted_at", "time", "when the person was reached; empty where not"),
            ("kind", "category", "call, e-mail, letter …"),
        ),
    )
}

# Every canonical row says where it came from.
PROVENANCE = (
    Column("source_file", "text", "the export that the row came from"),
    Column("record_no", "count", "the record's number in that file, counted from 1"),
)

# What stands beside the canonical tables in a snapshot: written by `store`, read by analyses.
SNAPSHOT_TABLES: dict[str, tuple[str, tuple[Column, ...]]] = {
    "people": (
        "One row per person or unlinked visitor, with the dense key that the timeline uses.",
        (
            Column("customer_key", "count", "0, 1, 2 … in the order of customer_id"),
            Column("customer_id", "id", "the person's id, or `visitor:` and the visitor's id"),
            Column("known", "yes_no", "false for a visitor that nobody could link to a person"),
        ),
    ),
    "timeline": (
        "Every dated row of all tables, sorted by (customer_key, occurred_at, rank).",
        (
            Column("customer_key", "count", "who: see people"),
            Column("occurred_at", "time", "when, in UTC"),
            Column("rank", "count", "the declared order among rows of the same instant"),
            Column("touchpoint", "category", "what happened: ordered, ticket opened, an event …"),
            Column("stage", "category", "the stage of the journey that the touchpoint belongs to"),
            Column("channel", "category", "where it happened"),
            Column("device", "category", "on what"),
            Column("direction", "category", "in, out or empty"),
            Column("amount", "number", "money, where there is any"),
            Column(
                "source",
                "category",
                "the canonical table that the row comes from; events of an order and of no session "
                "are `order dates`: what the company does, and no part of a visit",
            ),
            Column("case_id", "id", "the order, ticket, session or thread it belongs to"),
            Column("date_only", "yes_no", "true where the export gave a date without a time"),
        ),
    ),
    "aliases": (
        "Every other id that a person is known by; links are deterministic.",
        (
            Column("alias", "id", "kind and value, as in `email:ann@example.test`"),
            Column("customer_id", "id", "the person"),
        ),
    ),
    "proposed_links": (
        "One row per pair of ids that look like one person; nothing was merged.",
        (
            Column("customer_id", "id", "the lesser of the two ids"),
            Column("other_id", "id", "the other"),
            Column("person_id", "id", "the least of all ids that the proposals would make one"),
            Column("score", "count", "in how many of seven fields the two agree"),
            Column("reasons", "text", "in which, in words"),
            Column("name", "text", "the first one's initials"),
            Column("other_name", "text", "the other one's initials"),
        ),
    ),
    "files": (
        "One row per imported file: records = loaded + set_aside + duplicate + skipped.",
        (
            Column("source_file", "text", "the file's name"),
            Column("sha256", "id", "the hash of its content"),
            Column("recipe", "category", "the recipe or mapping that read it"),
            Column("records", "count", "records in the file, by the independent counter"),
            Column("loaded", "count", "records that became rows"),
            Column("set_aside", "count", "records kept in set_aside, with the reason"),
            Column("duplicate", "count", "records that say again what another record says"),
            Column("skipped", "count", "headers, footers, blank lines and rows not asked for"),
            Column("note", "text", "what was decided or found, in plain words"),
        ),
    ),
    "set_aside": (
        "One row per record that could not be loaded, whole, with the reason.",
        (
            Column("source_file", "text", "the file's name"),
            Column("sha256", "id", "the hash of the file's content"),
            Column("record_no", "count", "the record's number, counted from 1"),
            Column("line_no", "count", "the line that the record starts on, counted from 1"),
            Column("raw_text", "text", "the record as it stood in the file"),
            Column("column_name", "text", "the column at fault, as the file calls it"),
            Column("value", "text", "the value at fault"),
            Column("reason", "category", "a short code: no id, not a date …"),
            Column("hint", "text", "what to do about it"),
        ),
    ),
    "doubts": (
        "One row per column with cells that could not be read; the rows themselves are loaded.",
        (
            Column("source_file", "text", "the file's name"),
            Column("column_name", "text", "the column, as the file calls it"),
            Column("cells", "count", "cells that were left empty"),
            Column("example", "text", "one of them, to the letter"),
            Column("reason", "category", "a short code: not a date, not a number …"),
        ),
    ),
}


def ddl(name: str) -> str:
    """Return the `create table` statement of a canonical or snapshot table.

    >>> ddl("aliases")
    'create table aliases (alias VARCHAR, customer_id VARCHAR)'
    """
    if name in TABLES:
        columns = TABLES[name].columns + PROVENANCE
    else:
        columns = SNAPSHOT_TABLES[name][1]
    return f"create table {name} ({', '.join(f'{c.name} {SQL_TYPES[c.kind]}' for c in columns)})"
