"""What is the whole journey like, stage by stage?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts
from cxkit.cards import Band, Card, Row
from cxkit.experience import (
    CONTACTS,
    Journey,
    contact_kinds,
    glitches,
    in_words,
    journey,
    moments,
    owners,
    placed,
    spots,
    told,
    trails,
    who_enters,
)
from cxkit.notes import end_note
from cxkit.passages import micros
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.stats.intervals import ENOUGH, add_wilson, mean, said
from cxkit.stats.rates import poisson
from cxkit.stats.stays import (
    Waits,
    doings,
    last_rows,
    median_of_ended,
    median_wait,
    next_kinds,
    seated,
    waits,
)
from cxkit.stats.walks import onward, people, rows_of, walk
from cxkit.workspace import Workspace, query_text

QUESTION = "What is the whole journey like, stage by stage?"
_DAY = 86_400_000_000  # microseconds
_STANDS_OUT = 1.25  # times the other stages' mean, beyond doubt: then it is an opportunity
_ACTIONS = 3  # named per stage
_ID = 18  # characters of an answer's id that the chart shows; the table has it whole
_WORDS = 4  # "Great!" tells nothing
_INTERVALS = ("", "_low", "_high")


class _Tally(NamedTuple):
    """What was counted of some of the people, stage by stage: added up over all parts."""

    reached: list[int]
    went_on: list[int | None]  # of those: to the next required stage
    stays: list[int]
    waits: list[list[Waits]]
    contacts: list[int]
    doings: list[Counter[int]]
    steps: list[Counter[int]]  # what the leavers did next


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
    answer is its score on a scale from -100 to 100, or where it has none how its words sound.

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
        visitors as well), entered and reached, share_reached,
        passages, actions (the most frequent touchpoints, per 100 passages), median_days (from
        entering to the next required stage, Kaplan-Meier; null: half never go on in time),
        median_days_on (of those who did), share_leak (of those who reached it, who did not go on),
        contacts and contacts_per_100 (tickets opened and messages in, per 100 passages), glitches
        and glitches_per_100, top_glitch (with how often), mood, answers, share_heard (of the
        passages: somebody told of it), share_bad (of the answers), quote and quote_id (the most
        negative comment, masked), owner, next_step, share_next_step and share_silent (of
        `leavers`), moment_of_truth (see `moments_of_truth`), opportunity. Shares and mood
        come with _low and _high: Wilson's interval, Student's of the mood; rates with Garwood's.
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
    tally, trail = _counted(
        workspace, asked, pl.concat([answers["customer_key"], met["customer_key"]])
    )
    answers = placed(answers, asked, trail)
    met = placed(met, asked, trail, strangers=True)
    table = _counts(tally, asked)
    table = table.hstack(_glitches(met, table, asked)).hstack(_moods(answers, table, asked))
    table = _named(workspace, table, asked, answers)
    table = table.with_columns(unit=pl.lit(who_enters(workspace, asked)))
    table = _hidden(table, workspace.least)
    table = table.with_columns(opportunity=pl.Series(_opportunities(table), dtype=pl.String))
    return Result(
        name="journey_map",
        question=QUESTION,
        table=table,
        finding=_finding(table, asked.plan.days, where),
        caveats=(*_caveats(table, asked, answers, met), *end_note(workspace, as_of)),
        sql="\n".join(map(query_text, ("passages", "journey_map", "glitches_met"))),
        as_of=asked.until,
        n=int(table["entered"][0] or 0),
        draw=None if page else _chart,
        deal=_cards if page else None,
    )


def _counted(
    workspace: Workspace, asked: Journey, heard: pl.Series
) -> tuple[_Tally, list[pl.DataFrame]]:
    """Count along the timeline; also return where those were who said or met something."""
    size = len(asked.plan.stages)
    tally = _Tally(
        [0] * size,
        [None] * size,
        [0] * size,
        [[] for _ in range(size)],
        [0] * size,
        [Counter() for _ in range(size)],
        [Counter() for _ in range(size)],
    )
    trail: list[pl.DataFrame] = []
    if asked.until is None:
        return tally, trail
    for there, found in trails(workspace, asked):
        if len(heard):
            trail.append(spots(there, found, heard, sum(tally.stays)))
        _add(tally, asked, there, found)
    return tally, trail


def _add(tally: _Tally, asked: Journey, there: Any, found: Any) -> None:
    plan, until = asked.plan, asked.until
    assert until is not None
    size, start = len(plan.stages), micros(plan.latest_start(until))
    walked = walk(there, plan.steps, plan.within, start)
    contacts = seated(there, found, contact_kinds(asked), size, plan.within).tolist()
    done = doings(there, found, plan.kinds, plan.within)
    own = rows_of(there, asked.own_kinds)
    for place in range(size):
        here = walked[plan.step_of[place]].rows
        tally.reached[place] += len(people(there, here))
        tally.contacts[place] += contacts[place]
        for kind in done[place].nonzero()[0].tolist():
            tally.doings[place][kind] += int(done[place][kind])
        starts = found.rows[found.places == place]
        tally.stays[place] += len(starts)
        following = next((p for p in range(place + 1, size) if asked.required[p]), None)
        if following is None:
            continue
        further = plan.onward_of[place] if plan.optional[place] else plan.step_of[following]
        assert further is not None
        on = walked[further].rows
        tally.went_on[place] = (tally.went_on[place] or 0) + len(people(there, on))
        here_to_next = [plan.steps[plan.step_of[p]] for p in (place, following)]
        ends = onward(there, starts, here_to_next, plan.within)[-1]
        tally.waits[place].append(waits(there, starts, ends, plan.within, micros(until)))
        left = last_rows(there, here, on)
        left = left[there.at[left] <= start]
        tally.steps[place].update(next_kinds(there, left, own, plan.within))


def _counts(tally: _Tally, asked: Journey) -> pl.DataFrame:
    plan = asked.plan
    names = {kind: name for name, kind in asked.kinds.items()}
    does = {kind: names[kind] for kind in asked.own_kinds if names[kind] not in asked.glitch_names}
    seen = [bool(known) for known in plan.kinds]
    asks = bool(contact_kinds(asked))  # where nobody records contacts there are no data
    bases = [tally.stays[base] for base in asked.bases]
    rates = [
        poisson(count, base) if there and asks else poisson(0, 0)
        for count, base, there in zip(tally.contacts, tally.stays, seen, strict=True)
    ]
    steps = [_next_step(counts, names) for counts in tally.steps]
    frame = pl.DataFrame(
        {
            "place": list(range(1, len(plan.stages) + 1)),
            "stage": list(plan.stages),
            "optional": list(plan.optional),
            "entered": [tally.reached[0]] * len(plan.stages),
            "reached": [n if there else None for n, there in zip(tally.reached, seen, strict=True)],
            "_went_on": tally.went_on,
            "passages": bases,
            "actions": [
                _actions(counts, stays, does, own)
                for counts, stays, own in zip(tally.doings, tally.stays, plan.kinds, strict=True)
            ],
            "median_days": [_days(median_wait(parts)) for parts in tally.waits],
            "median_days_on": [_days(median_of_ended(parts)) for parts in tally.waits],
            "contacts": [
                n if there and asks else None for n, there in zip(tally.contacts, seen, strict=True)
            ],
            **_ends("contacts_per_100", rates, 100),
            "next_step": [step for step, _, _, _ in steps],
            "_step": [many for _, many, _, _ in steps],
            "_silent": [silent for _, _, silent, _ in steps],
            "leavers": [base for _, _, _, base in steps],
        },
        schema_overrides={
            "reached": pl.Int64,
            "_went_on": pl.Int64,
            "actions": pl.String,
            "median_days": pl.Float64,
            "median_days_on": pl.Float64,
            "contacts": pl.Int64,
            "next_step": pl.String,
        },
    ).with_columns(_left=pl.col("reached") - pl.col("_went_on"))
    frame = add_wilson(frame, "reached", "entered", "share_reached")
    frame = add_wilson(frame, "_left", "reached", "share_leak")
    frame = add_wilson(frame, "_step", "leavers", "share_next_step")
    frame = add_wilson(frame, "_silent", "leavers", "share_silent")
    return frame.select(
        "place",
        "stage",
        "optional",
        "entered",
        "reached",
        *_three("share_reached"),
        "passages",
        "actions",
        "median_days",
        "median_days_on",
        *_three("share_leak"),
        "contacts",
        *_three("contacts_per_100"),
        "leavers",
        "next_step",
        *_three("share_next_step"),
        *_three("share_silent"),
    )


def _three(name: str) -> list[str]:
    return [f"{name}{end}" for end in _INTERVALS]


def _ends(name: str, values: Sequence[Any], times: float = 1) -> dict[str, pl.Series]:
    """Return intervals as three columns; not-a-number becomes null."""
    return {
        column: pl.Series([times * value[end] for value in values], dtype=pl.Float64).fill_nan(None)
        for end, column in enumerate(_three(name))
    }


def _days(wait: int | None) -> float | None:
    return None if wait is None else wait / _DAY


def _actions(
    counts: Counter[int], stays: int, names: dict[int, str], own: Sequence[int]
) -> str | None:
    """Name what is done most, per 100 passages, beside the touchpoint of a stage that has one."""
    known = [one for one in counts.items() if one[0] in names and [one[0]] != list(own)]
    most = sorted(known, key=lambda one: (-one[1], names[one[0]]))[:_ACTIONS]
    return ", ".join(f"{names[kind]} {_rate(100 * n / stays)}" for kind, n in most) or None


def _rate(value: float) -> str:
    """Return a rate per 100 as it is read: whole numbers, smaller ones with one decimal."""
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}"


def _next_step(counts: Counter[int], names: dict[int, str]) -> tuple[str | None, int, int, int]:
    """Say what most leavers did next, how many of them, how many were silent, and of how many."""
    base = sum(counts.values())
    steps: Counter[str] = Counter()
    for kind, many in counts.items():
        name = names.get(kind, "silence")
        steps["contacted support" if name in CONTACTS else name] += many
    silent = steps["silence"]
    most = min(steps.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
    return (most[0] if base else None), most[1], silent, base


def _glitches(met: pl.DataFrame, table: pl.DataFrame, asked: Journey) -> pl.DataFrame:
    """Count the glitches of each stage per 100 passages; null where none are ever recorded."""
    counts = dict(met.drop_nulls("place").group_by("place").len().iter_rows())
    many = [int(counts.get(place, 0)) for place in range(table.height)]
    topics = met.drop_nulls("place").group_by("place", "topic").len()
    topics = topics.sort("len", "topic", descending=[True, False])
    top = {place: f"{topic} ({n:,})" for place, topic, n in reversed(topics.rows())}
    base = table["passages"].to_list()
    rates = [
        poisson(n if len(met) else 0, b if len(met) else 0) for n, b in zip(many, base, strict=True)
    ]
    return pl.DataFrame(
        {
            "glitches": pl.Series(many if len(met) else [None] * table.height, dtype=pl.Int64),
            **_ends("glitches_per_100", rates, 100),
            "top_glitch": pl.Series([top.get(p) for p in range(table.height)], dtype=pl.String),
        }
    )


def _moods(answers: pl.DataFrame, table: pl.DataFrame, asked: Journey) -> pl.DataFrame:
    """Sum up what was said at each stage: mood, coverage and the worst words."""
    rows = []
    for place in range(table.height):
        here = answers.filter(pl.col("place") == place)
        felt = here["mood"].drop_nulls()
        value = mean(len(felt), float(felt.sum()), float((felt * felt).sum()), -1, 1)
        heard = here.filter(pl.col("mood").is_not_null())["stay"].drop_nulls().n_unique()
        rows.append(
            {
                "_mood": value,
                "answers": len(felt),
                "_heard": heard,
                "_bad": int((here["tone"] == -1).sum()),
                **_worst_words(here),
            }
        )
    frame = pl.DataFrame(
        {
            "answers": [row["answers"] for row in rows],
            "_heard": [row["_heard"] for row in rows],
            "_bad": [row["_bad"] for row in rows],
            "_passages": table["passages"],
            "quote": pl.Series([row["quote"] for row in rows], dtype=pl.String),
            "quote_id": pl.Series([row["quote_id"] for row in rows], dtype=pl.String),
            **_ends("mood", [row["_mood"] for row in rows], 100),
        }
    )
    frame = add_wilson(frame, "_heard", "_passages", "share_heard")
    frame = add_wilson(frame, "_bad", "answers", "share_bad")
    return frame.select(
        *_three("mood"), "answers", "share_heard", *_three("share_bad"), "quote", "quote_id"
    )


def _worst_words(here: pl.DataFrame) -> dict[str, str | None]:
    """Return the comment that sounds worst, masked; the worst scored where words cannot be judged.

    Only of bad experiences: where nobody complains there is no complaint to show.
    """
    bad = here.filter(
        pl.col("comment").str.count_matches(r"\w+") >= _WORDS, pl.col("mood") < 0
    ).sort("sentiment", "mood", "feedback_id", nulls_last=True)
    if bad.is_empty():
        return {"quote": None, "quote_id": None}
    quote = masked(bad["comment"].head(1)).str.replace_all(r"\s+", " ").str.strip_chars()
    return {"quote": quote[0], "quote_id": bad["feedback_id"][0]}


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
    """Empty the cells of a report that rest on fewer people or answers than may stand alone."""
    of = {
        "reached": ("actions", "median_days", "median_days_on", *_three("share_leak"),
                    *_three("contacts_per_100"), "contacts"),
        "leavers": ("next_step", *_three("share_next_step"), *_three("share_silent")),
        "answers": (*_three("mood"), *_three("share_bad"), "quote", "quote_id", "share_heard"),
    }  # fmt: skip
    return table.with_columns(
        pl.when(pl.col(base).is_null() | (pl.col(base) >= least)).then(pl.col(name)).alias(name)
        for base, names in of.items()
        for name in names
    )


class _Measure(NamedTuple):
    """A measure that may stand out: its column, the larger the worse, and how it is said."""

    column: str
    said: str
    of: str


_MEASURES = (
    _Measure("share_leak", "{value} leave", "leak"),
    _Measure("contacts_per_100", "{value} contacts per 100 passages", "contacts"),
    _Measure("glitches_per_100", "{value} glitches per 100 passages", "glitches"),
    _Measure("share_bad", "{value} of the answers are bad", "bad answers"),
)


def _opportunities(table: pl.DataFrame) -> list[str | None]:
    """Say of each stage which measure stands out against the other stages, and whom to ask."""
    return [_opportunity(table, place) for place in range(table.height)]


def _standing_out(table: pl.DataFrame, place: int) -> tuple[float, _Measure, float, float] | None:
    """Return by how much, which measure, its value and the mean of the other stages."""
    found = []
    for measure in _MEASURES:
        values = table[measure.column].to_list()
        others = [v for p, v in enumerate(values) if p != place and v is not None]
        low = table[f"{measure.column}_low"][place]
        base = table["answers" if measure.column == "share_bad" else "passages"][place]
        if values[place] is None or not others or low is None or base < ENOUGH:
            continue
        usual = sum(others) / len(others)
        if low > usual and values[place] >= _STANDS_OUT * usual:
            found.append(
                (values[place] / usual if usual else float("inf"), measure, values[place], usual)
            )
    return max(found, key=lambda one: one[0], default=None)


def _opportunity(table: pl.DataFrame, place: int) -> str | None:
    found = _standing_out(table, place)
    if found is None:
        known = [m for m in _MEASURES if table[m.column][place] is not None]
        return "Nothing stands out here." if known else None
    _, measure, value, usual = found
    share = measure.column.startswith("share")
    text, other = (f"{100 * one:.0f} %" if share else _rate(one) for one in (value, usual))
    owner = table["owner"][place]
    whom = f"Ask {owner}." if owner else "No owner named."
    return f"{measure.said.format(value=text)}, elsewhere {other}. {whom}"


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
    if worst:
        parts.append(f"'{worst['stage']}' leaks most, {said(_left(worst), worst['reached'])}")
    sad = _extreme(table, "mood", "answers", lowest=True)
    if sad:
        parts.append(
            f"'{sad['stage']}' has the lowest mood, {sad['mood']:+.0f} ({sad['mood_low']:+.0f} to "
            f"{sad['mood_high']:+.0f}, n = {sad['answers']:,})"
        )
    elif table["answers"].sum() >= ENOUGH:
        parts.append("no stage's mood is surely the lowest")
    return f"{'; '.join(parts)}."


def _left(row: Mapping[str, Any]) -> int:
    return round(float(row["share_leak"]) * int(row["reached"]))


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
                "Most comments are not English: moods are scores alone, and quotes those of the "
                "lowest scores."
            )
        notes.append(
            "Nothing tells yet whether a comment asks, complains or suggests: the quote is the "
            "most negative one."
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
    return charts.bands(_cells(table, words=70), title=_title(table))


def _title(table: pl.DataFrame) -> str:
    """Say in the title what the map shows first: where most leave, and where the mood is lowest."""
    worst = _extreme(table, "share_leak", "reached")
    sad = _extreme(table, "mood", "answers", lowest=True)
    parts = []
    if worst:
        parts.append(f"'{worst['stage']}' leaks most ({100 * worst['share_leak']:.0f} % leave)")
    if sad:
        parts.append(f"'{sad['stage']}' has the lowest mood ({sad['mood']:+.0f})")
    entered = counted(int(table["entered"][0] or 0), table["unit"][0])
    return " · ".join(parts) or f"The journey of {entered}"


def _cells(table: pl.DataFrame, words: int) -> pl.DataFrame:
    """Return the cells of the map, band by band: see `charts.bands`."""
    rows = table.to_dicts()
    most = {
        name: max((row[f"{name}_high"] or row[name] or 0 for row in rows), default=0) or 1
        for name in ("contacts_per_100", "glitches_per_100")
    }
    moods = [row[end] for row in rows for end in _three("mood") if row[end] is not None]
    most |= {"least_mood": min([0, *moods]), "most_mood": max([20, *moods])}
    out = {row["place"] - 1: _standing_out(table, row["place"] - 1) for row in rows}
    cells = []
    for band, kind, told_of in _BANDS:
        for row in rows:
            found = out[row["place"] - 1]
            cell = told_of(row, found[1].column if found else "", most, words)
            cells.append({"column": row["stage"], "band": band, "kind": kind, **_BLANK, **cell})
    texts = ("column", "band", "kind", "text", "more", "hover")
    return pl.DataFrame(
        cells,
        schema=dict.fromkeys(texts, pl.String)
        | dict.fromkeys(("at", "low", "high", "middle"), pl.Float64)
        | {"marked": pl.Boolean},
    )


_BLANK: dict[str, Any] = {
    "text": None, "more": None, "hover": None, "at": None, "low": None, "high": None,
    "middle": None, "marked": False,
}  # fmt: skip
_Cell = dict[str, Any]


def _reach_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["reached"] is None or not row["entered"]:
        return {}
    return {
        "text": f"{row['share_reached']:.0%}",
        "more": f"{row['reached']:,}{' · may be skipped' if row['optional'] else ''}",
        "at": row["share_reached"],
        "low": row["share_reached_low"],
        "high": row["share_reached_high"],
        "hover": f"{said(row['reached'], row['entered'])} of {row['entered']:,} who entered",
    }


def _actions_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["reached"] is None or not row["passages"]:
        return {}
    text = row["actions"] or "nothing else"
    return {"text": text, "hover": f"{text} (per 100 of {row['passages']:,} passages)"}


def _mood_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    least, wide = most["least_mood"], most["most_mood"] - most["least_mood"]
    middle = {"middle": -least / wide}
    if row["mood"] is None:
        return {"hover": "nobody's answer speaks of it", **middle}
    low, high = row["mood_low"], row["mood_high"]
    interval = "" if low is None else f" ({low:+.0f} to {high:+.0f})"
    few = " (few)" if row["answers"] < ENOUGH else ""
    return {
        "text": f"{row['mood']:+.0f}",
        "more": f"n {row['answers']:,}{few}",
        **middle,
        "at": (row["mood"] - least) / wide,
        "low": None if low is None else (low - least) / wide,
        "high": None if high is None else (high - least) / wide,
        "marked": out == "share_bad",
        "hover": f"mood {row['mood']:+.0f}{interval} on a scale from -100 to 100, of "
        f"{counted(row['answers'], 'answer')}{few}; {row['share_heard'] or 0:.1%} of the passages "
        f"were heard of; {row['share_bad'] or 0:.0%} of the answers are bad",
    }


def _leak_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["share_leak"] is None:
        return {"text": "the last stage", "at": None} if row["reached"] is not None else {}
    return {
        "text": f"{row['share_leak']:.0%}",
        "at": row["share_leak"],
        "low": row["share_leak_low"],
        "high": row["share_leak_high"],
        "marked": out == "share_leak",
        "hover": f"{said(_left(row), row['reached'])} of {row['reached']:,} who came here "
        "did not go on to the next required stage in time",
    }


def _time_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["median_days_on"] is None:
        return {"text": "–"} if row["reached"] is not None else {}
    on = f"{_span(row['median_days_on'])} if they go on"
    if row["median_days"] is None:
        return {"text": on, "hover": f"half never go on in time; {on} (median)"}
    text = _span(row["median_days"])
    return {
        "text": text,
        "hover": f"half of all passages have gone on after {text} (Kaplan-Meier); of those that go "
        f"on half have after {_span(row['median_days_on'])}",
    }


def _contacts_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    return _rate_cell(row, "contacts", out, most, "tickets opened and messages in")


def _glitches_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    cell = _rate_cell(row, "glitches", out, most, "glitches met or told of")
    return cell | {"more": row["top_glitch"]} if cell else cell


def _rate_cell(row: _Cell, name: str, out: str, most: _Cell, what: str) -> _Cell:
    column = f"{name}_per_100"
    if row[column] is None:
        return {}
    ends = [row[f"{column}{end}"] for end in _INTERVALS]
    return {
        "text": _rate(ends[0]),
        "at": min(1.0, ends[0] / most[column]),
        "low": ends[1] / most[column],
        "high": min(1.0, ends[2] / most[column]),
        "marked": out == column,
        "hover": f"{row[name]:,} {what} in {row['passages']:,} passages: {_rate(ends[0])} per 100 "
        f"({_rate(ends[1])}–{_rate(ends[2])})",
    }


def _next_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["next_step"] is None:
        return {"text": "–"} if row["reached"] is not None else {}
    text = f"{row['share_next_step']:.0%} {row['next_step']}"
    if row["next_step"] != "silence":
        text += f", {row['share_silent']:.0%} silence"
    return {"text": text, "hover": f"{text}: what {row['leavers']:,} who left did next"}


def _words_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    if row["quote"] is None:
        return {}
    quote = (
        row["quote"]
        if len(row["quote"]) <= words
        else f"{row['quote'][:words].rsplit(' ', 1)[0]} …"
    )
    return {
        "text": f"“{quote}”",
        "more": row["quote_id"][:_ID] + "…" * (len(row["quote_id"]) > _ID),
        "hover": f"“{row['quote']}” ({row['quote_id']})",
    }


def _owner_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    return {"text": row["owner"] or "no owner named"}


def _chance_cell(row: _Cell, out: str, most: _Cell, words: int) -> _Cell:
    text = row["opportunity"]
    if row["moment_of_truth"]:
        text = f"Moment of truth. {text}"
    return {"text": text, "marked": bool(out), "hover": row["moment_of_truth"] or text}


_BANDS = (
    ("Reach", "bars", _reach_cell),
    ("They also do, per 100", "words", _actions_cell),
    ("Mood", "curve", _mood_cell),
    ("Worst words", "words", _words_cell),
    ("Leave here", "bars", _leak_cell),
    ("Leavers next", "words", _next_cell),
    ("Time to go on (median)", "words", _time_cell),
    ("Contacts per 100", "bars", _contacts_cell),
    ("Glitches per 100", "bars", _glitches_cell),
    ("Opportunity", "words", _chance_cell),
    ("Owner", "words", _owner_cell),
)


def _span(days: float) -> str:
    """Return a time as it is read: 40 s, 4 min, 2.5 h, 12 d.

    >>> [_span(days) for days in (0.0005, 0.0018, 0.1, 12)]
    ['43 s', '2.6 min', '2.4 h', '12 d']
    """
    for unit, size in (("d", 1.0), ("h", 1 / 24), ("min", 1 / 1440)):
        if days >= size:
            value = days / size
            return (
                f"{value:.0f} {unit}"
                if value >= 9.95 or value == int(value)
                else f"{value:.1f} {unit}"
            )
    return f"{days * 86400:.0f} s"


def _cards(table: pl.DataFrame) -> list[Card]:
    cells = _cells(table, words=150)
    bands = []
    for name in cells["band"].unique(maintain_order=True):
        rows = cells.filter(pl.col("band") == name).to_dicts()
        bands.append(
            Band(
                name,
                rows[0]["kind"],
                tuple(
                    Row(
                        row["text"] or "",
                        row["more"] or "",
                        row["at"],
                        row["low"],
                        row["high"],
                        1.0 if row["marked"] else None,
                    )
                    for row in rows
                ),
                rows[0]["middle"] or 0.0,
            )
        )
    entered = counted(int(table["entered"][0] or 0), table["unit"][0])
    return [
        Card(
            f"The journey of {entered}",
            f"{_title(table)}. ▲ stands out against the other stages; the mood goes from -100 to "
            "100; thin lines are 95 % intervals.",
            columns=tuple(table["stage"]),
            bands=tuple(bands),
        )
    ]
