"""What is the whole journey like, stage by stage?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.cards import Card
from cxkit.experience import (
    INTENTS,
    Journey,
    glitches,
    in_words,
    journey,
    moments,
    owners,
    placed,
    told,
)
from cxkit.map_cells import cells, opportunities
from cxkit.map_cells import page as printed
from cxkit.notes import end_note
from cxkit.passages import whom
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.scores import ces_note
from cxkit.stats.intervals import ENOUGH, add_wilson, mean, said
from cxkit.stats.rates import poisson
from cxkit.tally import ends, left, stage_counts, tallied, three
from cxkit.text.excerpts import most_typical
from cxkit.workspace import Workspace, query_text

QUESTION = "What is the whole journey like, stage by stage?"
_WORDS = 4  # "Great!" tells nothing
_COUNTED = ("comments", *(f"{words}s" for words, _ in INTENTS))


def journey_map(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
    page: bool = False,
) -> Result:
    """Draw the journey map from the data: one column per stage, and what happens there.

    Who reaches a stage and who goes on is counted as `stage_funnel` counts. All else is per
    passage: a passage begins with a touchpoint of the stage, lasts as long as touchpoints of no
    other stage follow, each at most `within_days` after the one before, and what happens in that
    time belongs to it. A stage of `[journey] afterwards` of which no row of the timeline speaks has
    no reach and no time; its glitches are counted by the passages of the stage before it.

    Answers and glitches belong to the stage that their survey or the glitch register names, by any
    name in `[journey] touchpoints`. An answer that names no moment, and a glitch of no such stage,
    belong to the stage that the person passed last, at most `within_days` before. The mood of an
    answer is its score on a scale from -100 to 100, or where it has none how its words sound. CES
    on five points is a score once the settings say which end is good, as for `score`.

    Args:
        workspace: an open store.
        stages: stage names, first to last; default: the journey of the settings.
        optional: stages that may be skipped; default: those of the settings.
        within_days: the window; default: the settings'.
        where: only people of whom this is true, as in `{"device": "mobile"}`: `channel` or `device`
            of their first entry, or a field as in `stage_funnel`'s `by`.
        since: count nothing before this day; default: the beginning of the data.
        as_of: count what was known at this moment; default: the latest time in the data.
        page: draw one page to print, with the quotes, in place of the chart.

    Returns:
        One row per stage: place, stage, optional, unit (who is counted: customers, or
        visitors as well), entered and of them visitors (whom nobody could link to a customer),
        reached, share_reached, passages, actions (the most frequent touchpoints, per 100
        passages), median_days (from entering to the next required stage, Kaplan-Meier; null: half
        never go on in time), median_days_on (of those who did), share_leak (of those who reached
        it, who went no further: neither to an optional stage that follows nor to the next
        required one), contacts and contacts_per_100 (tickets opened and messages in, per 100
        passages; one with which a passage begins belongs to the stage before: it is what led
        there), glitches and glitches_per_100, top_glitch (with how often), mood, answers,
        share_heard (of the passages: somebody told of it), share_bad (of the answers), comments
        (whose words could be judged), asks, complaints and suggestions (how many of these), ask,
        complaint and suggestion (the most typical sentence, masked) with ask_id, complaint_id and
        suggestion_id (of the answer), owner, next_step, share_next_step and share_silent (of
        `leavers`), moment_of_truth (see `moments_of_truth`), opportunity. Shares and mood come
        with _low and _high: Wilson's interval, Student's of the mood; rates with Garwood's.
        Null where there are no data.

    Raises:
        BadQuestion: where there is no stage, a touchpoint counts as two stages, or nobody is such
            as `where` says.
    """
    asked = journey(
        workspace,
        stages=stages,
        optional=optional,
        within_days=within_days,
        where=where,
        since=since,
        as_of=as_of,
    )
    answers, met = told(workspace, asked), glitches(workspace, asked)
    tally, trail = tallied(
        workspace, asked, pl.concat([answers["customer_key"], met["customer_key"]])
    )
    answers = placed(answers, asked, trail)
    met = placed(met, asked, trail, strangers=True)
    table = stage_counts(tally, asked)
    table = table.hstack(_glitches(met, table, workspace.least)).hstack(_moods(answers, table))
    table = _named(workspace, table, asked, answers)
    table = _hidden(table, workspace.least)
    table = table.with_columns(opportunity=pl.Series(opportunities(table), dtype=pl.String))
    return Result(
        name="journey_map",
        question=QUESTION,
        table=table,
        finding=_finding(table, asked.plan.days, where),
        caveats=(
            *_caveats(table, asked, answers, met),
            *ces_note(workspace, asked.until),
            *end_note(workspace, as_of),
        ),
        sql="\n".join(map(query_text, ("passages", "journey_map", "glitches_met"))),
        as_of=asked.until,
        n=int(table["entered"][0] or 0),
        draw=None if page else _chart,
        chosen=whom(where, since),
        deal=_cards if page else None,
    )


def _glitches(met: pl.DataFrame, table: pl.DataFrame, least: int) -> pl.DataFrame:
    """Count the glitches of each stage per 100 passages; null where none are ever recorded.

    A topic is named where at least `least` people met it.
    """
    people = pl.col("customer_key").n_unique().alias("people")
    here = met.drop_nulls("place")
    counts = {
        place: (n, who) for place, n, who in here.group_by("place").agg(pl.len(), people).rows()
    }
    many = [counts.get(place, (0, 0)) for place in range(table.height)]
    topics = here.group_by("place", "topic").agg(pl.len(), people)
    topics = topics.filter(pl.col("people") >= least)
    topics = topics.sort("len", "topic", descending=[True, False])
    top = {place: f"{topic} ({n:,})" for place, topic, n, _ in reversed(topics.rows())}
    base = table["passages"].to_list()
    known = met.height > 0
    rates = [
        poisson(n, b) if known else poisson(0, 0) for (n, _), b in zip(many, base, strict=True)
    ]
    return pl.DataFrame(
        {
            "glitches": pl.Series([n if known else None for n, _ in many], dtype=pl.Int64),
            "_met": pl.Series([who or None for _, who in many], dtype=pl.Int64),
            **ends("glitches_per_100", rates, 100),
            "top_glitch": pl.Series([top.get(p) for p in range(table.height)], dtype=pl.String),
        }
    )


def _moods(answers: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Sum up what was said at each stage: mood, coverage, and what was asked for."""
    rows: list[dict[str, Any]] = []
    for place in range(table.height):
        here = answers.filter(pl.col("place") == place)
        felt = here["mood"].drop_nulls()
        heard = here.filter(pl.col("mood").is_not_null())
        rows.append(
            {
                "_mood": mean(len(felt), float(felt.sum()), float((felt * felt).sum()), -1, 1),
                "answers": len(felt),
                "_heard": heard["stay"].drop_nulls().n_unique(),
                "_bad": int((here["tone"] == -1).sum()),
                "_people": here["customer_key"].n_unique(),
                "comments": int(here["judged"].sum()),
                **_words(here, answers),
            }
        )
    quoted = {
        name: pl.Series([row[name] for row in rows], dtype=pl.String)
        for words, _ in INTENTS
        for name in (words, f"{words}_id")
    }
    frame = pl.DataFrame(
        {
            **{
                name: pl.Series([row[name] for row in rows], dtype=pl.Int64)
                for name in ("answers", "_heard", "_bad", "_people", *_COUNTED)
            },
            "_passages": table["passages"],
            **quoted,
            **ends("mood", [row["_mood"] for row in rows], 100),
        }
    )
    frame = add_wilson(frame, "_heard", "_passages", "share_heard")
    frame = add_wilson(frame, "_bad", "answers", "share_bad")
    said_of = [f"{words}{end}" for words, _ in INTENTS for end in ("s", "", "_id")]
    return frame.select(
        *three("mood"),
        "answers",
        "_people",
        "share_heard",
        *three("share_bad"),
        "comments",
        *said_of,
    )


def _words(here: pl.DataFrame, answers: pl.DataFrame) -> dict[str, Any]:
    """Count who asks, complains and suggests at a stage, and quote the most typical of each.

    Where the words cannot be judged the complaint is the comment beside the lowest score, if that
    was a bad one.
    """
    found: dict[str, Any] = {}
    judged = bool(here["judged"].any())
    for words, _ in INTENTS:
        own = here.filter(pl.col(words).is_not_null()).sort("feedback_id")
        found[f"{words}s"] = own.height if judged else None
        long = own.filter(pl.col(words).str.count_matches(r"\w+") >= _WORDS)
        others = [pl.col(words).eq_missing(pl.col(other)) for other, _ in INTENTS if other != words]
        alone = long.filter(~pl.any_horizontal(others))  # a question may sound like a complaint
        told = alone if alone.height else long
        quote = name = None
        if told.height:
            typical = most_typical(told[words].to_list(), answers[words].drop_nulls().to_list())
            quote, name = told[words][typical], told["feedback_id"][typical]
        found |= {words: quote, f"{words}_id": name}
    if answers["foreign"].any():
        bad = here.filter(
            pl.col("comment").str.count_matches(r"\w+") >= _WORDS, pl.col("mood") < 0
        ).sort("mood", "feedback_id")
        if bad.height:
            found |= {"complaint": bad["comment"][0], "complaint_id": bad["feedback_id"][0]}
    for words, _ in INTENTS:
        if found[words] is not None:
            safe = masked(pl.Series([found[words]], dtype=pl.String))
            found[words] = safe.str.replace_all(r"\s+", " ").str.strip_chars()[0]
    return found


def _named(
    workspace: Workspace, table: pl.DataFrame, asked: Journey, answers: pl.DataFrame
) -> pl.DataFrame:
    """Add who is asked about each stage, and where it was decided who comes back."""
    asked_of = owners(workspace, asked)
    truths: dict[int, str] = {}
    for moment in sorted(moments(workspace, asked, answers), key=lambda m: -abs(m.effect)):
        if moment.q_value is not None and moment.q_value <= 0.05:
            truths.setdefault(
                moment.place,
                f"{said(moment.good_returned, moment.good)} of {moment.good:,} came back after a "
                f"good experience, {said(moment.bad_returned, moment.bad)} of {moment.bad:,} after "
                "a bad one",
            )
    places = range(table.height)
    return table.with_columns(
        owner=pl.Series([asked_of.get(place) for place in places], dtype=pl.String),
        moment_of_truth=pl.Series([truths.get(place) for place in places], dtype=pl.String),
    )


def _hidden(table: pl.DataFrame, least: int) -> pl.DataFrame:
    """Empty the cells of a report that rest on fewer people than may stand alone."""
    of = {
        "reached": ("actions", "median_days", "median_days_on", *three("share_leak"),
                    *three("contacts_per_100"), "contacts"),
        "leavers": ("next_step", *three("share_next_step"), *three("share_silent")),
        "_people": (*three("mood"), *three("share_bad"), "share_heard", *_COUNTED,
                    *(f"{words}{end}" for words, _ in INTENTS for end in ("", "_id"))),
        "_met": ("glitches", *three("glitches_per_100"), "top_glitch"),
    }  # fmt: skip
    return table.with_columns(
        pl.when(pl.col(base).is_null() | (pl.col(base) >= least)).then(pl.col(name)).alias(name)
        for base, names in of.items()
        for name in names
    ).drop("_people", "_met")


def _finding(table: pl.DataFrame, days: int, where: Mapping[str, str] | None) -> str:
    first = table.row(0, named=True)
    who = f" with {in_words(where)}" if where else ""
    if not first["entered"]:
        return f"Nobody{who} entered at '{first['stage']}' at least {counted(days, 'day')} ago."
    required = table.filter(~pl.col("optional"))
    last = required.row(-1, named=True)
    entered = first["entered"]
    start = f"Of {counted(entered, first['unit'])}{who} at '{first['stage']}'"
    parts = [f"{start} {said(last['reached'] or 0, entered)} got to '{last['stage']}'"]
    if required.height == 1:
        parts = [f"{counted(entered, first['unit'])}{who} entered at '{first['stage']}'"]
    if entered < ENOUGH:
        return f"{parts[0]} within {counted(days, 'day')}: too few to say more."
    worst = _extreme(table, "share_leak", "reached")
    if worst and left(worst):
        parts.append(f"'{worst['stage']}' leaks most, {said(left(worst), worst['reached'])}")
    sad = _extreme(table, "mood", "answers", lowest=True)
    if sad:
        parts.append(
            f"'{sad['stage']}' has the lowest mood, {sad['mood']:+.0f} ({sad['mood_low']:+.0f} to "
            f"{sad['mood_high']:+.0f}, n = {sad['answers']:,})"
        )
    elif table["answers"].sum() >= ENOUGH:
        parts.append("no stage's mood is surely the lowest")
    return f"{'; '.join(parts)}."


def _extreme(
    table: pl.DataFrame, column: str, base: str, *, lowest: bool = False
) -> dict[str, Any] | None:
    """Return the stage that is worst in a measure; of the mood only where that is sure."""
    known = table.filter(pl.col(column).is_not_null() & (pl.col(base) >= ENOUGH))
    known = known.sort(column, "place", descending=[not lowest, False])
    if known.is_empty() or (lowest and known.height < 2):
        return None
    worst = known.row(0, named=True)
    if lowest:
        high, rest = worst[f"{column}_high"], known[column][1:].mean()
        if high is None or not isinstance(rest, float) or high >= rest:
            return None
    return worst


def _caveats(
    table: pl.DataFrame, asked: Journey, answers: pl.DataFrame, met: pl.DataFrame
) -> tuple[str, ...]:
    notes = []
    visitors, first = int(table["visitors"][0]), asked.plan.stages[0]
    if visitors:
        notes.append(
            f"{visitors:,} of the {table['entered'][0]:,} at '{first}' {verb(visitors, 'are')} "
            f"{'a visitor' if visitors == 1 else 'visitors'} whom nobody could link to a customer: "
            "whoever buys becomes known, so those left did not get far, and the leaks of devices "
            "and channels on which fewer are known look larger. One person with two browsers "
            "counts twice."
        )
    unseen = [
        (stage, asked.plan.stages[asked.bases[place]])
        for place, (stage, known) in enumerate(
            zip(asked.plan.stages, asked.plan.kinds, strict=True)
        )
        if not known
    ]
    for stage, base in unseen:
        notes.append(
            f"No row of the timeline has the stage '{stage}': its reach and time are not known"
            + (f", and its glitches are per 100 passages of '{base}'." if base != stage else ".")
        )
    felt = answers.filter(pl.col("mood").is_not_null())
    if felt.height:
        by_time = felt.filter(~pl.col("named") & pl.col("place").is_not_null()).height
        nowhere = felt.filter(pl.col("place").is_null())
        strange = sorted(nowhere["moment"].drop_nulls().unique().to_list())
        if by_time:
            notes.append(
                f"{by_time:,} of {counted(felt.height, 'answer')} {verb(by_time, 'name')} no "
                f"moment and {verb(by_time, 'stand')} at the stage passed last, "
                f"at most {counted(asked.plan.days, 'day')} before."
            )
        if nowhere.height:
            moments_named = ", ".join(f"'{moment}'" for moment in strange[:3])
            of = f" (about {moments_named}: name it in [journey] touchpoints)" if strange else ""
            notes.append(
                f"{nowhere.height:,} of {counted(felt.height, 'answer')} "
                f"{verb(nowhere.height, 'belong')} to no stage{of}."
            )
        notes.append("The mood is of those who answered; who kept silent may feel differently.")
        if answers["foreign"].any():
            notes.append(
                "Most comments are not English: moods are scores alone, complaints the comments "
                "beside the lowest scores, and asks and suggestions are not known."
            )
    if answers["beyond"].sum():
        notes.append(
            f"{counted(int(answers['beyond'].sum()), 'score')} outside of the scale asked for: "
            "left out of the mood."
        )
    if answers["judged"].any():
        notes.append(
            "Whether a comment complains, asks or suggests is judged by its words, and wrongly at "
            "times: the quote is the most typical one, the counts say how many were judged so."
        )
    lost = met.filter(pl.col("place").is_null()).height
    if lost:
        notes.append(
            f"{lost:,} of {met.height:,} {'glitch' if met.height == 1 else 'glitches'} "
            f"{verb(lost, 'belong')} to no stage."
        )
    small = table.filter((pl.col("answers") > 0) & (pl.col("answers") < ENOUGH))["stage"].to_list()
    if small:
        stages = ", ".join(f"'{stage}'" for stage in small)
        notes.append(f"The mood at {stages} rests on fewer than {ENOUGH} answers: too few to say.")
    notes.append(
        "What stands out at a stage is associated with it: the stages differ in who comes so far."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    return charts.bands(cells(table, words=70), title=_title(table))


def _title(table: pl.DataFrame) -> str:
    """Say in the title what the map shows first: where most leave, and where the mood is lowest."""
    worst = _extreme(table, "share_leak", "reached")
    sad = _extreme(table, "mood", "answers", lowest=True)
    parts = []
    if worst and left(worst):
        parts.append(f"'{worst['stage']}' leaks most ({100 * worst['share_leak']:.0f} % leave)")
    if sad:
        parts.append(f"'{sad['stage']}' has the lowest mood ({sad['mood']:+.0f})")
    entered = counted(int(table["entered"][0] or 0), table["unit"][0])
    return " · ".join(parts) or f"The journey of {entered}"


def _cards(table: pl.DataFrame) -> list[Card]:
    return [printed(table, _title(table))]
