"""Are we answering?"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.result import Result, counted, lasted, verb
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.intervals import ENOUGH, wilson
from cxkit.stats.survival import kaplan_meier
from cxkit.text.intents import find_intents
from cxkit.workspace import Workspace, query_text

QUESTION = "Are we answering?"
# what stands in a row -> how a sentence says it: of whom, and what was done
_SAID = {
    "messages answered": ("message", "were answered by a person"),
    "tickets answered": ("ticket", "got a first reply"),
    "tickets resolved": ("ticket", "were resolved"),
    "questions in comments answered": ("question in a comment", "were answered"),
    "suggestions acknowledged": ("suggestion", "were acknowledged"),
    "complaints in comments answered": ("complaint in a comment", "were answered"),
    "complaints in comments settled": ("complaint in a comment", "were settled"),
}
_KINDS = {
    "message": "messages answered",
    "ticket": "tickets answered",
    "ticket resolved": "tickets resolved",
}
_INTENTS = {
    "asking": "questions in comments answered",
    "suggesting": "suggestions acknowledged",
    "complaining": "complaints in comments answered",
}
_SETTLED = "complaints in comments settled"  # in its place, where tickets tell more
_EPISODE_DAYS = 7  # contacts of one customer no further apart are taken to be of one matter
_Row = dict[str, Any]
_SCHEMA: dict[str, Any] = {
    "what": pl.String,
    "requests": pl.Int64,
    "customers": pl.Int64,
    "unfinished": pl.Int64,
    "base": pl.Int64,
    "in_time": pl.Int64,
    "by_reply": pl.Int64,
    "by_ticket": pl.Int64,
    "without_ticket": pl.Int64,
    "share_in_time": pl.Float64,
    "share_in_time_low": pl.Float64,
    "share_in_time_high": pl.Float64,
    "median_days": pl.Float64,
    "median_days_of_answered": pl.Float64,
}


def answered(
    workspace: Workspace,
    *,
    within_days: int = 14,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Count the requests of customers that the company answers in time, and how long it takes.

    A message is answered where a person (no automatic reply) writes back in its thread; where
    threads are not told, to the same customer and not to ask for something. A ticket is answered by
    its first reply. Comments that ask, suggest or complain (see `intents`) are answered where the
    survey's export says when the company wrote back; without a date of their own they count from
    the invitation. Requests whose days are not over at the end of the data are left out of the
    share and stay in the median time, which counts those still waiting (Kaplan and Meier 1958).

    A complaint in a comment is settled by a reply or, where its customer opened a ticket within 7
    days before or after, once that ticket is resolved (of several: all of them), whichever comes
    first. The time of resolution is the last one, so a ticket opened again is open until then; one
    that was closed before the comment settled nothing of it, nor did one of which the status alone
    (closed, solved, resolved, done) tells that it is. Where no export tells of replies to
    comments, only complaints with such a ticket count.

    Args:
        workspace: an open store.
        within_days: how many days an answer may take.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per kind of request, of kinds there are: what, requests, customers, unfinished (of
        them: their days are not over), base (the others), in_time, by_reply and by_ticket (of
        complaints settled in time: by which), without_ticket (complaints whose days are over, left
        out since no export tells of replies and no ticket is near), share_in_time with Wilson's
        interval (_low, _high; on as many requests as the customers are worth), median_days (null
        where more than half wait for ever) and median_days_of_answered, which leaves out whoever
        still waits and is too short. n is the sum of the requests.

    Raises:
        BadQuestion: where within_days is below 1.
    """
    whole_number("within_days", within_days)
    until = workspace.moment(as_of)
    rows = workspace.query("answered", as_of=until)
    told, undated = pl.col("asked_at").is_not_null(), pl.col("kind") == "undated"
    sent = dict(rows.filter(~told & ~undated).select("kind", "times").iter_rows())
    near = workspace.query("comment_tickets", as_of=until, days=_EPISODE_DAYS)
    rows = rows.join(near, on=["feedback_id", "customer_id"], how="left", maintain_order="left")
    requests = _requests(rows.filter(told), any(kind.startswith("company ") for kind in sent))
    table = _table(requests, until, within_days)
    return Result(
        name="answered",
        question=QUESTION,
        table=table,
        finding=_finding(table, within_days),
        caveats=_caveats(table, rows, requests, sent, within_days),
        sql=f"{query_text('answered')}\n{query_text('comment_tickets')}",
        as_of=until,
        n=int(table["requests"].sum()),
        draw=_chart,
    )


def _requests(rows: pl.DataFrame, company_writes: bool) -> pl.DataFrame:
    """Name what each row stands for; a comment stands for each thing that it wants."""
    rows, kind = rows.with_columns(untold=pl.lit(False)), pl.col("kind")
    plain = rows.filter(kind != "comment").with_columns(
        what=kind.replace_strict(_KINDS, default=None, return_dtype=pl.String)
    )
    # an export that never says when the company wrote back does not say that it did not
    columns = ["what", "customer_id", "asked_at", "replied_at", "tickets", "resolved_at"]
    columns += ["untimed", "untold"]
    parts = [
        own.select(columns)
        for (name,), own in plain.group_by("kind")
        if own["replied_at"].count() or (name == "message" and company_writes)
    ]
    written = rows.filter(kind == "comment")
    replies = bool(written["replied_at"].count())
    if replies or written["tickets"].count():
        wanted = [
            own.filter(intent).with_columns(what=pl.lit(what)).select(columns)
            for own in _wanting(written)
            for intent, what in _INTENTS.items()
        ]
        parts += [_settled(pl.concat(wanted), replies)]
    empty = plain.clear().select(columns)
    requests = pl.concat([empty, *parts]).with_row_index("row")
    customer = pl.coalesce("customer_id", pl.format("request {}", "row"))
    return requests.with_columns(customer_id=customer)


def _settled(wanted: pl.DataFrame, replies: bool) -> pl.DataFrame:
    """Let a complaint, and nothing else, count as settled by its ticket too, where any has one.

    Where no replies are told, nothing tells of complaints without one, nor of other requests.
    """
    complains = pl.col("what") == _INTENTS["complaining"]
    wanted = wanted.with_columns(pl.when(complains).then(pl.col("tickets", "resolved_at")))
    if not wanted["tickets"].count():
        return wanted if replies else wanted.clear()
    return wanted.filter(pl.lit(replies) | complains).with_columns(
        what=pl.when(complains).then(pl.lit(_SETTLED)).otherwise("what"),
        untold=pl.lit(not replies) & pl.col("tickets").is_null(),
    )


def _wanting(written: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Put beside the comments whether they ask, suggest and complain, question by question."""
    for question, own in written.group_by("question", maintain_order=True):
        found = find_intents(own["comment"], question=question[0])
        yield own.with_columns(found.select(pl.col(list(_INTENTS)).fill_null(False)))


def _table(requests: pl.DataFrame, until: datetime | None, within_days: int) -> pl.DataFrame:
    rows = []
    for what in _SAID:
        own = requests.filter(pl.col("what") == what)
        if own.is_empty() or until is None:
            continue
        done = pl.min_horizontal("replied_at", "resolved_at")
        waited = pl.coalesce(done, pl.lit(until)) - pl.col("asked_at")
        own = own.with_columns(
            days=waited.dt.total_milliseconds().clip(0) / 86_400_000,
            over=done.is_not_null(),
            finished=pl.col("asked_at") <= until - timedelta(days=within_days),
        ).with_columns(in_time=pl.col("over") & (pl.col("days") <= within_days))
        without = own.filter("untold", "finished").height
        own = own.filter(~pl.col("untold"))
        ripe = own.filter("finished")
        each = ripe.group_by("customer_id", maintain_order=True).agg(
            pl.col("in_time").sum().cast(pl.Float64), n=pl.len().cast(pl.Float64)
        )
        row: _Row = {
            "what": what,
            "requests": own.height,
            "customers": own["customer_id"].n_unique(),
            "unfinished": own.height - ripe.height,
            "base": ripe.height,
            "in_time": int(ripe["in_time"].sum()),
        }
        if what == _SETTLED:
            by_reply = pl.col("replied_at") <= pl.coalesce("resolved_at", "replied_at")
            row["by_reply"] = ripe.filter("in_time", by_reply).height
            row["by_ticket"] = row["in_time"] - row["by_reply"]
            row["without_ticket"] = without
        if ripe.height:
            effect = design_effect(each["in_time"].to_numpy(), each["n"].to_numpy())
            share = wilson(*effective(row["in_time"], ripe.height, effect))
            names = ("share_in_time", "share_in_time_low", "share_in_time_high")
            row |= dict(zip(names, share, strict=True))
        if own.height >= ENOUGH:
            curve = kaplan_meier(own["days"].to_numpy(), own["over"].to_numpy())
            row["median_days"] = curve.median
            row["median_days_of_answered"] = own.filter("over")["days"].median()
        rows.append(row)
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _finding(table: pl.DataFrame, within_days: int) -> str:
    if table.is_empty():
        return (
            "Cannot say: there are no messages of customers, and no tickets or comments of which "
            "the exports tell when they were answered."
        )
    told: list[str] = []
    for row in table.iter_rows(named=True):
        noun, done = _SAID[row["what"]]
        if row["base"] < ENOUGH:
            continue
        low, high = 100 * row["share_in_time_low"], 100 * row["share_in_time_high"]
        of = f"of {row['base']:,} {_many(noun)}"
        if row["without_ticket"]:
            every = row["base"] + row["without_ticket"]
            of = f"of the {row['base']:,} of {every:,} {_many(noun)} that have a ticket"
        said = f"{of} {100 * row['share_in_time']:.1f} % "
        said += f"({low:.1f}–{high:.1f}) {done}"
        if not told:
            said += f" within {counted(within_days, 'day')}"
            if row["median_days"] is not None:
                said += f", half within {lasted(row['median_days'])}"
        if row["by_ticket"] is not None:
            said += f" ({row['by_reply']:,} by a reply, {row['by_ticket']:,} by a ticket)"
        told.append(said)
    if not told:
        few = max(table["base"].to_list())
        return (
            f"Too few to say whether customers are answered: at most {counted(few, 'request')} of "
            f"a kind had {counted(within_days, 'day')} time."
        )
    text = "; ".join(told)
    return text[0].upper() + text[1:] + "."


def _many(noun: str) -> str:
    """Write a noun of several words in the plural.

    >>> _many("question in a comment"), _many("ticket")
    ('questions in comments', 'tickets')
    """
    return f"{noun.removesuffix(' in a comment')}s" + (
        " in comments" if noun.endswith(" in a comment") else ""
    )


def _caveats(
    table: pl.DataFrame,
    rows: pl.DataFrame,
    requests: pl.DataFrame,
    sent: dict[str, int],
    within_days: int,
) -> tuple[str, ...]:
    notes = []
    kinds = set(table["what"])
    if "messages answered" not in kinds:
        whose = "any" if "message" not in set(rows["kind"]) else "the company's own"
        notes.append(f"Whether messages are answered cannot be said: no export holds {whose}.")
    if nobodys := sent.get("nobody"):
        notes.append(
            f"Left out: {counted(nobodys, 'message')} without a thread and of nobody known, of "
            "which no answer could be found."
        )
    for kind, name in (("ticket", "tickets answered"), ("ticket resolved", "tickets resolved")):
        if name not in kinds and kind in set(rows["kind"]):
            notes.append(f"Nothing tells when {name.replace(' ', ' were ')}.")
    notes += _tickets_said(rows, requests)
    wants = {*_INTENTS.values(), _SETTLED}
    if not kinds & wants and "comment" in set(rows["kind"]):
        notes.append(
            "Whether comments are answered cannot be said: no export tells when somebody wrote "
            "back, or no comment in English wants anything."
        )
    comments = rows.filter(pl.col("kind").is_in(["comment", "undated"]))
    if comments["replied_at"].count():
        undated = comments.filter(pl.col("kind") == "undated")
        wanting = sum(
            own.filter(pl.any_horizontal(list(_INTENTS))).height for own in _wanting(undated)
        )
        if wanting:
            notes.append(
                f"Left out: {counted(wanting, 'comment')} that {verb(wanting, 'ask')}, "
                f"{verb(wanting, 'suggest')} or {verb(wanting, 'complain')}, of which nothing "
                "tells when."
            )
    left_out = [
        f"{row['unfinished']:,} of {row['requests']:,} ({row['what']})"
        for row in table.iter_rows(named=True)
        if row["unfinished"]
    ]
    if left_out:
        notes.append(
            f"Left out of the shares, since their {counted(within_days, 'day')} are not over: "
            f"{', '.join(left_out)}."
        )
    short = table.filter(pl.col("median_days") > 1.1 * pl.col("median_days_of_answered"))
    notes += [
        f"Of '{row['what']}' the median of those answered alone "
        f"({lasted(row['median_days_of_answered'])}) is too short: it leaves out who still waits."
        for row in short.iter_rows(named=True)
    ]
    asks, gives = sent.get("company ask", 0), sent.get("company give", 0)
    if asks + gives >= ENOUGH:
        times = f"{asks / gives:.1f} times for each time it" if gives else "and never"
        notes.append(
            f"The company asks {times} gives (help, thanks, content): {asks:,} messages against "
            f"{gives:,}."
        )
    if kinds & wants:
        notes.append(
            "What a comment wants is read by rules, which make mistakes: see the analysis intents."
        )
    if kinds:
        notes.append(
            "An answer in time may still be none that helps: this counts, it does not read."
        )
    return tuple(notes)


def _tickets_said(rows: pl.DataFrame, requests: pl.DataFrame) -> list[str]:
    """Say how far tickets tell whether complaints in comments were settled."""
    near = f"a ticket within {_EPISODE_DAYS} days that was not closed before"
    complains = pl.col("what").is_in([_INTENTS["complaining"], _SETTLED])
    untimed = requests.filter(complains, "untimed").height
    notes = []
    if untimed:
        notes.append(
            f"Beside {counted(untimed, 'complaint')} in comments stands a ticket that is closed, "
            "of which nothing tells when: it is taken for none."
        )
    answered = requests.filter(what=_INTENTS["complaining"]).height
    if answered:
        return [
            *notes,
            f"Nothing but a reply settles the {counted(answered, 'complaint')} in comments: beside "
            f"none stands {near}.",
        ]
    own = requests.filter(what=_SETTLED)
    if own.is_empty():
        return notes
    beside = own.filter(pl.col("tickets").is_not_null())
    still = beside["resolved_at"].null_count()
    replies = rows.filter(kind="comment")["replied_at"].count()
    notes.append(
        f"Beside {beside.height:,} of {counted(own.height, 'complaint')} in comments stands "
        f"{near}, still open in {still:,}; that it is of the same matter is taken for granted."
    )
    if not replies:
        without, left = own.height - beside.height, ""
        if without:
            left = f"{counted(without, 'complaint')} without a ticket {verb(without, 'are')} left "
            left += "out, and "
        notes.append(
            f"No export tells when somebody replied to a comment: {left}nothing is said of "
            "questions and suggestions in comments."
        )
    return notes


def _chart(table: pl.DataFrame) -> charts.Figure:
    rows = table.filter(pl.col("base") > 0)
    if rows.is_empty():
        return charts.nothing("Nobody has asked anything, or their time is not over")
    least = rows.sort("share_in_time", "what").row(0, named=True)
    return charts.bars(
        rows,
        length="share_in_time",
        low="share_in_time_low",
        high="share_in_time_high",
        label="what",
        title=f"Least often done: {least['what']}, {least['share_in_time']:.0%} of "
        f"{least['base']:,}{_with_ticket(least)}",
        unit="share of the requests that were answered in time",
        texts=[
            f"{row['in_time']:,} of {row['base']:,} · {row['share_in_time']:.0%}{_with_ticket(row)}"
            for row in rows.iter_rows(named=True)
        ],
    )


def _with_ticket(row: _Row) -> str:
    """Say that a share is of those with a ticket alone, where others are left out."""
    if not row["without_ticket"]:
        return ""
    return f" with a ticket ({row['base'] + row['without_ticket']:,} in all)"
