"""What can these exports answer, and what should be collected next?"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts, schema
from cxkit.notes import end_note, link_note
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.value import LEAST_RETURNING
from cxkit.text.language import detect_languages
from cxkit.workspace import Workspace, query_text

QUESTION = "What can these exports answer, and what should be collected next?"
_NEARLY_ALL = 0.9  # of the rows: less is "partly"
_STALE_DAYS = 31  # older than the newest data by more than a monthly export


class Need(NamedTuple):
    """A field that an analysis lives on, or (`wished`) is weaker without.

    `sparse` fields are empty in many good rows, so their number counts and not their share.
    `least` is the fewest rows that have to have it, `share` the least part of them. `if_any`: a
    table that no export fills is no flaw, since not every company has a chat or a shop.
    """

    analysis: str
    table: str
    field: str
    collect_next: str
    wished: bool = False
    sparse: bool = False
    least: int = ENOUGH
    if_any: bool = False
    share: float = _NEARLY_ALL


_ORDER_ID = "export the customer's e-mail or number with every order"
_ORDER_TIME = "export the time of every order"
_LONGER = "import a longer history of orders: only there do customers come back"
_HABITS = "import a longer history of orders: one purchase shows no habits"
_MESSAGE_ID = "export the customer's e-mail with every message"
_KNOWN_SINCE = "export since when each contact is known"
_USER_ID = "export the user's id with web events: who logs in once can be followed"
_EVENT = "export the name and the channel of every event"
_DESK_ID = "export the requester's e-mail with every ticket"
_COMMENT = "ask an open question in the survey and export its answers"
_JOURNEY = "name the stages in the settings: [journey] stages"
_DATED = "export events, or orders and tickets with times"
_SCORES = "export the survey's answers"
_LINKED = "send surveys with a personal link"
NEEDS = (
    Need("identity_links", "customers", "customer_id", "export the contact list", least=2),
    Need(
        "identity_links",
        "customers",
        "attributes",
        "export names, addresses and telephone numbers with the contact list",
        least=2,
    ),
    Need("lifecycle", "orders", "customer_id", _ORDER_ID),
    Need("lifecycle", "orders", "ordered_at", _ORDER_TIME),
    Need("lifecycle", "orders", "amount", "export what each order cost", wished=True),
    Need(
        "lifecycle",
        "customers",
        "customer_id",
        "export the contact list: only there stand those who never bought",
        wished=True,
    ),
    Need("lapse_curve", "orders", "customer_id", _ORDER_ID),
    Need("lapse_curve", "orders", "ordered_at", _ORDER_TIME),
    Need(
        "lapse_curve",
        "orders",
        "repeated",
        _LONGER,
        sparse=True,
        least=10,
    ),
    Need("lifecycle_moves", "orders", "customer_id", _ORDER_ID),
    Need("lifecycle_moves", "orders", "ordered_at", _ORDER_TIME),
    Need("lifecycle_history", "orders", "customer_id", _ORDER_ID),
    Need("lifecycle_history", "orders", "ordered_at", _ORDER_TIME),
    Need("lapse_groups", "orders", "customer_id", _ORDER_ID),
    Need("lapse_groups", "orders", "repeated", _LONGER, sparse=True, least=10),
    Need("prospect_conversion", "orders", "customer_id", _ORDER_ID),
    Need("prospect_conversion", "customers", "known_since", _KNOWN_SINCE, wished=True),
    Need("best_customers", "orders", "customer_id", _ORDER_ID),
    Need("best_customers", "orders", "ordered_at", _ORDER_TIME),
    Need("best_customers", "orders", "repeated", _LONGER, share=LEAST_RETURNING),
    Need("best_customers", "orders", "amount", "export what each order cost", wished=True),
    Need("value_check", "orders", "customer_id", _ORDER_ID),
    Need("value_check", "orders", "ordered_at", _ORDER_TIME),
    Need("value_check", "orders", "repeated", _LONGER, share=LEAST_RETURNING),
    Need("rfm", "orders", "customer_id", _ORDER_ID),
    Need("rfm", "orders", "ordered_at", _ORDER_TIME),
    Need("rfm", "orders", "amount", "export what each order cost", wished=True),
    Need(
        "contract_retention",
        "subscriptions",
        "known",
        "export the customer's number with every month of a contract",
        if_any=True,
    ),
    Need("personas", "orders", "customer_id", _ORDER_ID),
    Need("personas", "orders", "repeated", _HABITS, sparse=True),
    Need("persona_cards", "orders", "customer_id", _ORDER_ID),
    Need("persona_cards", "orders", "repeated", _HABITS, sparse=True),
    Need("persona_drift", "orders", "customer_id", _ORDER_ID),
    Need("persona_drift", "orders", "repeated", _HABITS, sparse=True),
    Need(
        "channel_fit",
        "customers",
        "preferred_channel",
        "ask customers through which channel they want to hear from you",
        sparse=True,
    ),
    Need("channel_fit", "messages", "known", _MESSAGE_ID, if_any=True),
    Need(
        "stage_funnel", "settings", "journey", "name the stages in the settings: [journey] stages"
    ),
    Need(
        "stage_people", "settings", "journey", "name the stages in the settings: [journey] stages"
    ),
    Need("stage_people", "timeline", "stage", "export events, or orders and tickets with times"),
    Need("stage_funnel", "timeline", "stage", "export events, or orders and tickets with times"),
    Need(
        "stage_amounts", "settings", "journey", "name the stages in the settings: [journey] stages"
    ),
    Need(
        "stage_amounts", "timeline", "amount", "export the value of baskets and orders", sparse=True
    ),
    Need("stage_funnel", "entrants", "known", _USER_ID, wished=True, if_any=True),
    Need("stage_funnel", "sessions", "known", _USER_ID, wished=True, if_any=True),
    Need(
        "drop_reasons", "settings", "journey", "name the stages in the settings: [journey] stages"
    ),
    Need("drop_reasons", "timeline", "stage", "export events, or orders and tickets with times"),
    Need("drop_reasons", "entrants", "known", _USER_ID, wished=True, if_any=True),
    Need("activation", "orders", "customer_id", _ORDER_ID),
    Need("activation", "orders", "repeated", _LONGER, sparse=True, least=10),
    Need("activation", "messages", "known", _MESSAGE_ID, wished=True, if_any=True),
    Need("effort", "settings", "journey", "name the stages in the settings: [journey] stages"),
    Need("effort", "timeline", "stage", "export events, or orders and tickets with times"),
    Need(
        "handoffs",
        "tickets",
        "transfers",
        "export how often each ticket changed teams",
        if_any=True,
    ),
    Need(
        "handoffs",
        "tickets",
        "resolved_at",
        "export when each ticket was resolved",
        if_any=True,
    ),
    Need("handoffs", "tickets", "topic", "export what each ticket is about", if_any=True),
    Need(
        "handoffs",
        "tickets",
        "asked_again",
        "export how often customers had to say again who or what",
        wished=True,
        if_any=True,
    ),
    Need("bad_touches", "orders", "customer_id", _ORDER_ID),
    Need("bad_touches", "orders", "repeated", _LONGER, sparse=True, least=10),
    Need("bad_touches", "events", "known", _USER_ID, wished=True, if_any=True),
    Need("bad_touches", "tickets", "known", _DESK_ID, wished=True, if_any=True),
    Need("bad_touches", "messages", "known", _MESSAGE_ID, wished=True, if_any=True),
    Need(
        "time_to_stage", "settings", "journey", "name the stages in the settings: [journey] stages"
    ),
    Need("time_to_stage", "timeline", "stage", "export events, or orders and tickets with times"),
    Need("transitions", "timeline", "touchpoint", "export what happens to customers"),
    Need("top_paths", "timeline", "touchpoint", "export what happens to customers"),
    Need("step_matrix", "timeline", "touchpoint", "export what happens to customers"),
    Need("sessions", "events", "event", _EVENT, if_any=True),
    Need("sessions", "events", "channel", _EVENT, wished=True, if_any=True),
    *(
        need
        for name in ("stage_breaks", "stage_change", "stage_trend")
        for need in (
            Need(name, "settings", "journey", "name the stages in the settings: [journey] stages"),
            Need(name, "timeline", "stage", "export events, or orders and tickets with times"),
        )
    ),
    Need("stage_funnel", "settings", "journey", _JOURNEY),
    Need("stage_funnel", "timeline", "stage", _DATED),
    Need("stage_funnel", "entrants", "known", _USER_ID, wished=True, if_any=True),
    Need("stage_funnel", "sessions", "known", _USER_ID, wished=True, if_any=True),
    Need("journey_map", "settings", "journey", _JOURNEY),
    Need("journey_map", "timeline", "stage", _DATED),
    Need("journey_order", "settings", "journey", _JOURNEY),
    Need("journey_order", "timeline", "stage", _DATED),
    Need("moments_of_truth", "settings", "journey", _JOURNEY),
    Need("moments_of_truth", "feedback", "score", _SCORES, sparse=True),
    Need("mood_by_wait", "settings", "journey", _JOURNEY),
    Need("mood_by_wait", "feedback", "score", _SCORES, sparse=True),
    Need("friction_owners", "settings", "journey", _JOURNEY),
    Need("friction_owners", "timeline", "stage", _DATED),
    Need("journeys", "timeline", "touchpoint", "export what happens to customers", least=1),
    Need("journeys", "events", "known", _USER_ID, wished=True, if_any=True, least=1),
    Need("journeys", "tickets", "known", _DESK_ID, wished=True, if_any=True, least=1),
    Need(
        "journeys",
        "messages",
        "known",
        _MESSAGE_ID,
        wished=True,
        if_any=True,
        least=1,
    ),
    Need(
        "journeys",
        "feedback",
        "known",
        _LINKED,
        wished=True,
        if_any=True,
        least=1,
    ),
    Need("score", "feedback", "score", _SCORES, sparse=True),
    Need("score_trend", "feedback", "score", _SCORES, sparse=True),
    Need("score_trend", "feedback", "given_at", "export when each answer was given", sparse=True),
    Need("score_weighted", "feedback", "score", _SCORES, sparse=True),
    Need("score_weighted", "feedback", "known", _LINKED),
    Need(
        "score_weighted",
        "feedback",
        "silent",
        "export the invitations too, answered or not",
        sparse=True,
    ),
    Need("score_weighted", "orders", "customer_id", _ORDER_ID),
    Need("score", "feedback", "known", _LINKED, wished=True),
    Need(
        "score",
        "feedback",
        "invited_at",
        "export the invitations too, answered or not",
        wished=True,
        sparse=True,
    ),
    Need("sentiment", "feedback", "comment", _COMMENT, sparse=True),
    Need(
        "sentiment",
        "comments",
        "english",
        "read the quotes themselves: the scorer reads English and leaves other languages out",
    ),
    Need("quotes", "feedback", "comment", _COMMENT, sparse=True),
    Need("rating_text_gap", "feedback", "score", _SCORES, sparse=True),
    Need("rating_text_gap", "feedback", "comment", _COMMENT, sparse=True),
    Need(
        "rating_text_gap",
        "comments",
        "english",
        "read the quotes themselves: the scorer reads English and leaves other languages out",
    ),
    Need("model_card", "feedback", "score", _SCORES, sparse=True),
    Need("model_card", "feedback", "comment", _COMMENT, sparse=True),
    Need("predicted_ratings", "feedback", "score", _SCORES, sparse=True),
    Need("predicted_ratings", "feedback", "comment", _COMMENT, sparse=True),
    Need("themes", "feedback", "comment", _COMMENT, sparse=True),
    Need("theme_impact", "feedback", "comment", _COMMENT, sparse=True),
    Need("theme_impact", "feedback", "score", _SCORES, sparse=True),
    Need("theme_trend", "feedback", "comment", _COMMENT, sparse=True),
    Need(
        "theme_trend", "feedback", "given_at", "export when each comment was written", sparse=True
    ),
    Need("after_theme", "feedback", "comment", _COMMENT, sparse=True),
    Need("after_theme", "feedback", "known", _LINKED),
    Need("after_theme", "orders", "customer_id", _ORDER_ID, wished=True),
    Need("telling_words", "feedback", "comment", _COMMENT, sparse=True),
    Need("telling_words", "feedback", "score", _SCORES, wished=True, sparse=True),
    Need("comments_to_code", "feedback", "comment", _COMMENT, sparse=True),
    Need("intents", "feedback", "comment", _COMMENT, sparse=True),
    Need(
        "intents",
        "comments",
        "english",
        "read the quotes themselves: intents are read in English only",
    ),
    Need(
        "answered",
        "timeline",
        "answered",
        "export messages of both sides, or when tickets and comments were answered",
        sparse=True,
    ),
    Need("answered", "messages", "known", _MESSAGE_ID, wished=True, if_any=True),
    Need(
        "answered",
        "feedback",
        "answered_at",
        "export when the company wrote back to each answer",
        wished=True,
        sparse=True,
        if_any=True,
    ),
    Need(
        "drivers",
        "feedback",
        "aspects",
        "ask to rate single aspects beside the overall score, and export each aspect's words",
        sparse=True,
    ),
)
_COLUMNS: dict[str, Any] = {
    "analysis": pl.String,
    "field": pl.String,
    "need": pl.String,
    "state": pl.String,
    "rows": pl.Int64,
    "filled_share": pl.Float64,
    "linked_share": pl.Float64,
    "latest": pl.Datetime("us"),
    "days_old": pl.Int64,
    "reason": pl.String,
    "collect_next": pl.String,
}
_NAMED = 3  # analyses that the sentence names one by one
_COLOURS = {
    "missing": "#D55E00",
    "partly": "#E69F00",
    "would help": "#56B4E9",
    "absent": "#BBBBBB",
    "good": "#009E73",
}


def readiness(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Say for each analysis whether the exports carry it, and what would make it better.

    Each analysis needs some fields and wishes for others. A field is judged by three things:

    - filled: in at least 90 % of the rows of its table, and in at least 30 of them (lapse_curve:
      10 orders that follow an earlier one, as survival groups ask for; best_customers and
      value_check: 30 of them, and 5 % of all orders; identity_links: 2 contacts; journeys: 1).
      Scores, comments and invitations are empty in many good rows, so only their number counts. Of
      orders those count that the analyses count: neither cancelled nor refunds.
    - linkable (fields called `known`): at least 90 % are known, of what the analysis counts. Of
      tickets, messages and feedback that is rows; of sessions, those one of whose events belongs
      to somebody; of events, people and visitors, each counted once; of entrants, whoever enters
      the journey of the settings.
    - fresh: the newest row of the table is at most 31 days older than `as_of` (not asked of
      contact lists). A comment counts as readable for sentiment where it is in English, and more
      than half of them have to be.

    A needed field is missing (no row has it), partly there (it fails a bar) or good; a wished one
    that fails "would help"; a table that a company may do without is absent where it is empty, and
    an analysis of nothing else is left out.
    The verdict of an analysis is no-go where a needed field is missing, limited where anything
    fails a bar, and go otherwise. Filled is not the same as true.

    Args:
        workspace: an open store.
        as_of: the moment from which freshness is counted; default: the latest time in the data.

    Returns:
        One row per analysis and field: analysis, verdict, field (table.column), need (needed or
        wished), state, rows (of the table, or people), filled_share, linked_share (with a known
        person), latest, days_old, reason, collect_next (null where the field is good). The
        finding names the field to collect next: the one that holds up most analyses. The caveats
        count aloud what is odd in the exports: rows set aside, duplicates, unread cells, rows of
        nobody, negative amounts, times without a zone or a time of day, rows out of order, ties,
        former ids, an end of the data that few rows make, and links.
    """
    until = workspace.moment(as_of)
    journey = workspace.settings.journey
    held = workspace.query(
        "readiness",
        analyses=[need.analysis for need in NEEDS],
        tables=[need.table for need in NEEDS],
        fields=[need.field for need in NEEDS],
        entry=[t for stage in journey.stages[:1] for t in journey.touchpoints_of(stage)],
    )
    texts = workspace.sql(
        "select comment from feedback where comment <> '' order by feedback_id limit 2000"
    )["comment"]
    table = _judged(held, len(journey.stages), _english(texts), until)
    dirt = pl.concat(
        [workspace.query("dirt"), workspace.query("dirt_of_files")], how="vertical_relaxed"
    )
    return Result(
        name="readiness",
        question=QUESTION,
        table=table,
        finding=_finding(table),
        caveats=(
            *_caveats(dirt, workspace.tables),
            *_late(workspace.snapshot.get("late", {})),
            *end_note(workspace),
            *link_note(workspace, until),
        ),
        sql=query_text("readiness"),
        as_of=until,
        n=sum(workspace.tables.get(name, 0) for name in schema.TABLES),
        draw=_chart,
    )


def _english(texts: pl.Series) -> tuple[int, int]:
    """Count comments, and those in the one language that the scorer reads."""
    languages = detect_languages(texts)["language"].drop_nulls()
    return len(languages), int((languages == "en").sum())


def _judged(
    held: pl.DataFrame, stages: int, english: tuple[int, int], until: datetime | None
) -> pl.DataFrame:
    rows = []
    for need, row in zip(NEEDS, held.iter_rows(named=True), strict=True):
        count, filled = row["rows"] or 0, row["filled"] or 0
        if need.field == "known":
            filled = row["linked"] or 0
        if need.table == "settings":
            count = filled = stages
        if need.table == "comments":
            count, filled = english
        days = (until - row["latest"]).days if until and row["latest"] else None
        reason = _flaw(need, count, filled, days)
        state = "absent" if need.if_any and count == 0 else "good"
        if reason:
            state = "missing" if filled == 0 else "partly"
            state = "would help" if need.wished else state
        rows.append(
            {
                "analysis": need.analysis,
                "field": f"{need.table}.{need.field}",
                "need": "wished" if need.wished else "needed",
                "state": state,
                "rows": count,
                "filled_share": filled / count if count else None,
                "linked_share": row["linked"] / count
                if count and row["linked"] is not None
                else None,
                "latest": row["latest"],
                "days_old": days,
                "reason": reason,
                "collect_next": need.collect_next if reason else None,
            }
        )
    states = pl.col("state")
    verdict = (
        pl.when((states == "missing").any().over("analysis"))
        .then(pl.lit("no-go"))
        .when((~states.is_in(["good", "absent"])).any().over("analysis"))
        .then(pl.lit("limited"))
        .otherwise(pl.lit("go"))
    )
    asked = (states != "absent").any().over("analysis")  # nobody has to have contracts
    frame = pl.DataFrame(rows, schema=_COLUMNS).filter(asked)
    return frame.select("analysis", verdict.alias("verdict"), pl.exclude("analysis"))


_HAS = {
    "known": "belongs to anybody known",
    "repeated": "follows another of its customer",
    "aspects": "rates an aspect beside an overall score",
    "answered": "is a request of which something tells when it was answered",
    "silent": "is an invitation that nobody answered",
}
_LACK = {"known": "belong to nobody known", "repeated": "follow no other of their customer"}
_HAVING = {
    "known": "of somebody known",
    "repeated": "that follow another of their customer",
    "aspects": "that rate an aspect beside an overall score",
    "answered": "that are requests of which something tells when they were answered",
    "silent": "that are invitations that nobody answered",
}
_PEOPLE = {"events": "people and visitors with events", "entrants": "who enter the journey"}


def _flaw(need: Need, rows: int, filled: int, days: int | None) -> str | None:
    """Say what is wrong with a field in half a sentence; None where nothing is."""
    if need.table == "settings":
        return None if rows > 1 else "the settings name no journey"
    if need.table == "comments":
        foreign = 1 - filled / rows if rows else 0.0
        return f"{foreign:.0%} of the comments are not English" if foreign > 0.5 else None
    if rows == 0 and need.if_any:
        return None
    unlinked = _unlinked(need.table, rows, filled) if need.table in _PEOPLE else None
    if unlinked or need.table == "entrants":
        return unlinked
    if rows == 0 and need.table == "orders":
        return "no row of orders is a purchase"
    if rows == 0:
        return f"the table {need.table} is empty"
    if filled == 0:
        return f"no row of {need.table} {_HAS.get(need.field, f'has {need.field}')}"
    if filled < need.least:
        having = _HAVING.get(need.field, f"with {need.field}")
        return f"only {counted(filled, 'row')} of {need.table} {having}"
    if not need.sparse and filled < need.share * rows:
        lack = _LACK.get(need.field, f"have no {need.field}")
        those = (
            f"{rows:,} sessions" if need.table == "sessions" else f"{rows:,} rows of {need.table}"
        )
        return f"{100 * (1 - filled / rows):.0f} % of {those} {lack}"
    if need.table != "customers" and days is not None and days > _STALE_DAYS:
        if need.table == "orders":
            return f"the newest purchase is {counted(days, 'day')} old"
        return f"the newest row of {need.table} is {counted(days, 'day')} old"
    return None


def _unlinked(table: str, people: int, known: int) -> str | None:
    """Say how many of the people that an analysis counts are visitors; None where few are."""
    if known >= _NEARLY_ALL * people:
        return None
    share = 100 * (1 - known / people)
    return (
        f"{share:.0f} % of the {people:,} {_PEOPLE[table]} are visitors whom nobody could link "
        "to a person"
    )


def _finding(table: pl.DataFrame) -> str:
    verdicts = table.unique("analysis", maintain_order=True)["verdict"].to_list()
    able = verdicts.count("go")
    if able == len(verdicts):
        return f"All {len(verdicts)} questions can be answered in full."
    parts = [f"{able} of {len(verdicts)} questions can be answered in full"]
    ranks = {"missing": 0, "partly": 1, "would help": 2}
    for verdict, verb in (("limited", "limited"), ("no-go", "not possible")):
        flaws = table.filter((pl.col("verdict") == verdict) & pl.col("reason").is_not_null())
        if flaws.is_empty():
            continue
        names = [f"'{name}'" for name in flaws["analysis"].unique(maintain_order=True)]
        worst = flaws.sort(
            pl.col("state").replace_strict(ranks, return_dtype=pl.Int64), maintain_order=True
        ).row(0, named=True)
        first = f"{worst['analysis']!r}: " if len(names) > 1 else ""
        many = "is" if len(names) == 1 else "are"
        # the chart and the table name them all
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED + 1 else ""
        told = ", ".join(names[:_NAMED] if more else names)
        parts.append(f"{told}{more} {many} {verb} ({first}{worst['reason']})")
    parts.append(f"collect next: {_next(table)}")
    return "; ".join(parts) + "."


def _next(table: pl.DataFrame) -> str:
    """Return what would help most: the step that holds up most analyses, needed fields first."""
    ranks = {"missing": 0, "partly": 1, "would help": 2}
    steps = (
        table.drop_nulls("collect_next")
        .group_by("collect_next", maintain_order=True)
        .agg(
            pl.col("state").replace_strict(ranks, return_dtype=pl.Int64).min().alias("rank"),
            pl.col("analysis").n_unique().alias("helps"),
        )
        .sort("rank", "helps", descending=[False, True], maintain_order=True)
    )
    return str(steps["collect_next"][0])


_TOLD = {
    "set aside": "{rows} of {where} set aside: {what}.",
    "duplicate": "{rows} of {where} repeated another and counted once.",
    "unread": "{cells} of {where} left empty or unused: {what}.",
    "nobody": "{rows} of {where} without any id: counted, but part of nobody's journey.",
    "visitor": "{rows} of the timeline belong to visitors whom nobody could link to a person.",
    "negative": "{rows} of {where} with a negative amount: taken as refunds.",
    "stranger": "{people} in {where} missing from the contact list.",
    "date only": "{rows} of {where} at midnight sharp: a date without a time of day, it seems.",
    "out of order": "{rows} of {where} stand more than a day below later ones: late arrivals or "
    "repeats, put in their place in time.",
    "former": "{rows} of the table aliases are former ids: they stand for the person they were "
    "merged into.",
    "told": "{where}: {what}.",
    "tie": "{rows} of the timeline share customer and instant with another: the order of the "
    "journey decides which came first.",
}


def _caveats(dirt: pl.DataFrame, tables: dict[str, int]) -> tuple[str, ...]:
    notes = []
    for kind, where, what, rows in dirt.iter_rows():
        share = f" ({rows / tables[where]:.1%})".replace("%", " %") if where in tables else ""
        notes.append(
            _TOLD[kind].format(
                where=where,
                what=what,
                rows=counted(rows, "row") + (share if kind != "date only" else ""),
                cells=counted(rows, "cell"),
                people=counted(rows, "customer"),
            )
        )
    return tuple(notes)


def _late(late: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{counted(rows, 'row')} of {table} arrived with the last import, after later ones had: "
        "numbers of earlier days have changed."
        for table, rows in sorted(late.items())
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    """Show a row per question and a column per table of the data, with its worst field."""
    verdicts = table.unique("analysis", maintain_order=True)
    able = int((verdicts["verdict"] == "go").sum())
    worst = pl.col("state").replace_strict({state: n for n, state in enumerate(_COLOURS)})
    cells = (
        table.with_columns(
            pl.concat_str("analysis", pl.lit(": "), "verdict").alias("analysis"),
            held_in=pl.col("field").str.split(".").list.first(),
            worst=worst,
        )
        .sort("worst", maintain_order=True)
        .group_by("analysis", "held_in", maintain_order=True)
        .first()
    )
    order = table["analysis"].unique(maintain_order=True).to_list()
    places = {name: place for place, name in enumerate(order)}
    name = pl.col("analysis").str.split(":").list.first()
    return charts.heat(
        cells.sort(name.replace_strict(places), "held_in"),
        x="held_in",
        y="analysis",
        colour="state",
        colours=_COLOURS,
        title=f"{able} of {verdicts.height} questions can be answered in full",
    )
