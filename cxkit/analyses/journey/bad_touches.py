"""Does each further bad touch go with a higher risk of losing a customer?"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed, names, whole_number
from cxkit.lapse import LapseRule, lapse_rule
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.result import Result, counted
from cxkit.scores import ces_note
from cxkit.stats.hazard import Hazards, cox
from cxkit.stats.intervals import ENOUGH
from cxkit.workspace import Workspace, query_text

QUESTION = "Does each further bad touch go with a higher risk of losing a customer?"
_WORDS = re.compile(r"glitch|error|fail|crash|declin|reject|broken|escalat", re.IGNORECASE)
_KINDS = ("low score", "unanswered message")  # only when named: they hang on what customers do
_LEAST = 10  # lapses that a group would have at everyone's rate, to tell its hazard
_STEPS = 3  # bad touches; more count as many
_EACH = "each further one"


def bad_touches(
    workspace: Workspace,
    *,
    bad: Sequence[str] | None = None,
    answer_days: int = 7,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Set the risk of lapsing beside how many bad touches a customer has met by then.

    A Cox model with time since the first purchase as its clock: at each lapse, whoever left is
    compared with those who were still there on that day of theirs, by the number of bad touches
    that each had met up to then. So nobody is counted as safe for having stayed long enough to
    meet many. Who comes more often meets more, and who buys seldom is silent for long without
    having left: purchases, and days of other visits, so far per 30 days are in the model. A visit
    that brought a bad touch is not among them: with it, those who met one would be compared with
    people who come more often than they do.

    A customer lapses when they buy no more for longer than the lapse limit (see `lapse_curve`).
    Nobody sees when in that silence they left: the day is set as far from their last visit (an
    order, or an event that is no part of an order) as a day at random is, where visits come at
    their pace. A bad touch after the last purchase can only be met by those who are still there.
    Where it is a visit, it moves that day on for those who leave as well, so that their days up to
    it are not counted as days without it; what comes after the day counts for nothing, and until
    it is met it counts for nobody. Everyone is watched up to one lapse limit before `as_of`, since
    a later lapse cannot be seen yet. Several bad touches of a person on one day are one.

    By default only what the company does to the customer counts. A low score needs an answer: where
    everyone is asked once, after some purchase of theirs, those with few purchases are asked early,
    and any answer goes with a short stay, whatever was answered. An unanswered message needs
    somebody who writes. Both count when named; those compared are then alike in the answers, or in
    tickets and messages, so far (in these also where escalations count).

    Where ordinary silences are often longer than the lapse limit, some who have not left are
    counted as lapsed: that draws a ratio towards 1, not away from it.

    Args:
        workspace: an open store.
        bad: what counts as bad: touchpoints, "low score" (of a survey: NPS up to 6, else the lowest
            two fifths of the scale; CES on five points once the settings say which end is good) and
            "unanswered message" (no person's reply in time). Default: touchpoints whose name says
            so (glitch, error, fail, crash, declin, reject, broken, escalat, as in 'glitch seen',
            'ticket escalated') and events about a topic of the glitch register.
        answer_days: after so many days without a reply a message is unanswered.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per step: step ("none", "1", "2", "3 or more" and, last, "each further one"; steps
        at which fewer than 10 would lapse at everyone's rate are joined), customers (that were at
        that step for a time), person_days, lapses, hazard_ratio (against none; of the last row: per
        step, as a line) with its interval (_low, _high), and crude_ratio with its interval, without
        regard to purchases, visits and contacts. Null: too few to say.

    Raises:
        BadQuestion: where `bad` names what the data do not have, or answer_days is no whole number.
    """
    whole_number("answer_days", answer_days)
    chosen = _chosen(workspace, bad)
    until = workspace.moment(as_of)
    zone = workspace.settings.company.timezone
    marks = workspace.query(
        "bad_marks",
        touchpoints=[kind for kind in chosen if kind not in _KINDS],
        topics=bad is None,
        low="low score" in chosen,
        days=answer_days if "unanswered message" in chosen else None,
        as_of=until,
        zone=zone,
    )
    rule = lapse_rule(workspace, until)
    days = marks.group_by("customer_key", "day").agg(pl.col("at").min())
    days = days.sort("customer_key", "day")
    stays = workspace.query(
        "bad_touches",
        keys=days["customer_key"].to_list(),
        at=days["at"].to_list(),
        lapse_days=rule.days,
        as_of=until,
        zone=zone,
    )
    table = _steps(stays, _same(chosen))
    met = stays.filter(pl.col("bad") > 0)["customer_key"].unique()
    kinds = marks.filter(pl.col("customer_key").is_in(met.implode()))
    return Result(
        name="bad_touches",
        question=QUESTION,
        table=table,
        finding=_finding(table, stays, chosen),
        caveats=(
            *_caveats(table, stays, kinds, rule),
            *(ces_note(workspace, until) if "low score" in chosen else ()),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until, "buyers"),
        ),
        sql=f"{query_text('bad_marks')}\n{query_text('bad_touches')}",
        as_of=until,
        n=stays["customer_key"].n_unique(),
        draw=_chart,
    )


def _chosen(workspace: Workspace, bad: Sequence[str] | None) -> list[str]:
    known = workspace.sql("select unnest(enum_range(null::touchpoint_name))::varchar as name")
    touchpoints = known["name"].to_list()
    if bad is None:
        return [name for name in touchpoints if _WORDS.search(name)]
    asked = names("bad", bad, "['ticket escalated', 'low score']")
    strangers = [name for name in asked if name not in (*touchpoints, *_KINDS)]
    if strangers or not asked:
        told = f"'{strangers[0]}' is nothing that the data have" if strangers else "bad is empty"
        raise BadQuestion(f"{told}. There are: {listed([*touchpoints, *_KINDS], 30)}.")
    return list(dict.fromkeys(asked))


def _same(chosen: Sequence[str]) -> list[str]:
    """Return in what those are alike who are compared: occasions on which the bad could happen."""
    same, kinds = ["buying", "other"], set(chosen)
    if "low score" in kinds and "feedback given" not in kinds:
        same.append("answers")
    if kinds & {"unanswered message", "ticket escalated"} and not kinds & {
        "message in", "ticket opened",
    }:  # fmt: skip
        same.append("contacts")
    return same


def _labels(top: int) -> list[str]:
    """Return the names of the steps where `top` and more are one."""
    return ["none", *(str(step) for step in range(1, top)), f"{top} or more"]


def _lapses(stays: pl.DataFrame, top: int) -> pl.DataFrame:
    return (
        stays.group_by(step=pl.col("bad").clip(0, top))
        .agg(
            customers=pl.col("customer_key").n_unique().cast(pl.Int64),
            person_days=(pl.col("stop") - pl.col("start")).sum().cast(pl.Int64),
            lapses=pl.col("ended").sum().cast(pl.Int64),
        )
        .sort("step")
    )


def _steps(stays: pl.DataFrame, same: Sequence[str]) -> pl.DataFrame:
    """Fit the model once per step and once per further touch, with and without the visits."""
    kinds: dict[str, Any] = {"step": pl.String}
    kinds |= dict.fromkeys(["customers", "person_days", "lapses"], pl.Int64)
    ratios = ["hazard_ratio", "crude_ratio"]
    kinds |= {f"{name}{end}": pl.Float64 for name in ratios for end in ("", "_low", "_high")}
    if stays.is_empty():
        return pl.DataFrame(schema=kinds)
    top = _STEPS
    counts = _lapses(stays, top)
    # asked of the days watched, not of the lapses: else those with luck alone would speak
    while top > 1 and _expected(counts, top) < _LEAST:
        top -= 1
        counts = _lapses(stays, top)
    least = min(_expected(counts, 0), _expected(counts, top))
    able = least >= _LEAST and stays["customer_key"].n_unique() >= ENOUGH
    told = stays.with_columns(
        # per 30 days, since a month in which all is new says little
        *(
            (pl.col(days) / (pl.max_horizontal("start", 30) / 30)).log1p().alias(name)
            for name, days in (("buying", "purchases"), ("other", "others"))
        ),
        pl.col("answers", "contacts").log1p(),
        pl.col("bad").clip(0, top).alias("each"),
        *((pl.col("bad").clip(0, top) == step).alias(f"at_{step}") for step in range(1, top + 1)),
    )
    dummies = [f"at_{step}" for step in range(1, top + 1)]
    same = [name for name in same if told[name].n_unique() > 1]
    wanted = [[*dummies, *same], dummies, ["each", *same], ["each"]]
    by_step, crude, line, crude_line = [cox(told, f) if able else None for f in wanted]
    rows: list[tuple[Any, ...]] = []
    for place, label in enumerate(_labels(top)):
        both = [(1.0, 1.0, 1.0) if able else _NONE] * 2
        if place:
            enough = _expected(counts, place) >= _LEAST
            both = [_ratio(fit if enough else None, place - 1) for fit in (by_step, crude)]
        rows.append((label, *_at(counts, place), *both[0], *both[1]))
    whole = (stays["customer_key"].n_unique(), *(int(counts[n].sum()) for n in counts.columns[2:]))
    rows.append((_EACH, *whole, *_ratio(line, 0), *_ratio(crude_line, 0)))
    return pl.DataFrame(rows, schema=kinds, orient="row")


_NONE: tuple[float | None, ...] = (None, None, None)


def _at(counts: pl.DataFrame, step: int) -> tuple[int, int, int]:
    """Return customers, days and lapses of a step; none where nobody is there."""
    row = counts.filter(pl.col("step") == step).select("customers", "person_days", "lapses").rows()
    return row[0] if row else (0, 0, 0)


def _expected(counts: pl.DataFrame, step: int) -> float:
    """Return how many would lapse at a step if all steps had one rate."""
    rate = int(counts["lapses"].sum()) / max(int(counts["person_days"].sum()), 1)
    return rate * _at(counts, step)[1]


def _ratio(fit: Hazards | None, place: int) -> tuple[float | None, ...]:
    return tuple(fit.ratio(place)) if fit is not None and fit.settled else _NONE


def _said(row: dict[str, Any], name: str = "hazard_ratio") -> str:
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f}–{row[f'{name}_high']:.2f})"


def _finding(table: pl.DataFrame, stays: pl.DataFrame, chosen: Sequence[str]) -> str:
    buyers, lapses = stays["customer_key"].n_unique(), int(stays["ended"].sum() or 0)
    if buyers == 0:
        return (
            "Nobody's first purchase is one lapse limit old: what goes with a lapse cannot be said."
        )
    met = stays.filter(pl.col("bad") > 0)["customer_key"].n_unique()
    if met == 0:
        hold = ", ".join(repr(kind) for kind in chosen)
        hold = f"the data hold none of {hold}" if hold else "name in bad what counts as one"
        return f"No bad touch of {counted(buyers, 'buyer')} is known: {hold}."
    base = (
        f"{counted(lapses, 'lapse')} of {counted(buyers, 'buyer')}, {met:,} of whom met a bad touch"
    )
    each = table.row(-1, named=True)
    if each["hazard_ratio"] is None:
        return (
            f"Cannot say: {base}; with and without one, customers have to be watched for so long "
            f"that {_LEAST} would lapse at everyone's rate."
        )
    several = f", up to {table.height - 2}," if table.height > 3 else ""
    what = "Each further bad touch" if several else "Having met a bad touch"
    if each["hazard_ratio_low"] <= 1 <= each["hazard_ratio_high"]:
        return (
            f"{what}{several} goes with no surely higher or lower risk of lapsing at the same pace "
            f"of buying and visits: {_said(each)} times the risk ({base})."
        )
    return (
        f"{what}{several} is associated with {_said(each)} times the risk of lapsing at the same "
        f"pace of buying and visits ({base})."
    )


def _caveats(
    table: pl.DataFrame, stays: pl.DataFrame, kinds: pl.DataFrame, rule: LapseRule
) -> tuple[str, ...]:
    notes = [rule.source]
    if kinds.height:
        counts = kinds.group_by("kind").agg(days=pl.len(), people=pl.col("customer_key").n_unique())
        told = ", ".join(
            f"'{kind}' on {counted(days, 'day')} of {people:,}"
            for kind, days, people in counts.sort("days", "kind", descending=[True, False]).rows()
        )
        notes.append(
            f"Bad touches of buyers at any time: {told}; several of a person on one day are one."
        )
    if table.is_empty() or table["hazard_ratio"][-1] is None:
        return tuple(notes)
    if kinds.filter(pl.col("kind") == "low score").height:
        notes.append(
            "Where everyone is asked once in their time as a customer, those who were asked early "
            "also had a short life, and a low score looks worse than it is."
        )
    each = table.row(-1, named=True)
    if (each["hazard_ratio"] > 1) != (each["crude_ratio"] > 1):
        notes.append(
            f"Without regard to purchases, visits and contacts it is {_said(each, 'crude_ratio')} "
            "times the risk, the other way round: who comes more often meets more and stays "
            "longer, so read the figure at the same pace."
        )
    few = table.filter(pl.col("hazard_ratio").is_null())
    if few.height:
        notes.append(
            f"Too few days watched to say, after so many bad touches: {', '.join(few['step'])}."
        )
    notes.append(
        "Whoever meets a bad touch may differ in more than their visits, and the model takes the "
        "ratio to be the same at all times: associated with, not caused by."
    )
    return tuple(notes)


def _step_label(step: str) -> str:
    number, _, more = step.partition(" ")
    if number == "none":
        return "no bad touch"
    return f"{number} bad touch{'es' if step != '1' else ''}{more and f' {more}'}"


def _chart(table: pl.DataFrame) -> charts.Figure:
    shown = table.filter(pl.col("hazard_ratio").is_not_null(), pl.col("step") != _EACH)
    if shown.height < 2:
        return charts.nothing("Too few lapses to tell the risk after bad touches")
    each = table.row(-1, named=True)
    sure = not each["hazard_ratio_low"] <= 1 <= each["hazard_ratio_high"]
    title = (
        f"{'Each further' if table.height > 3 else 'A'} bad touch goes with "
        f"{each['hazard_ratio']:.1f} times the risk of lapsing"
        if sure
        else "No sure link between bad touches and lapsing"
    )
    longest = max(shown["hazard_ratio_high"].max(), 2)  # type: ignore[type-var]
    framed = shown.with_columns(
        label=pl.Series([_step_label(step) for step in shown["step"]]),
        unit=pl.lit("times the risk of lapsing (none = 1), at the same pace of buying and visits"),
        ends=pl.lit([0.0, 1.1 * float(longest)], dtype=pl.List(pl.Float64)),  # type: ignore[arg-type]
    )
    return charts.dots(
        framed,
        value="hazard_ratio",
        low="hazard_ratio_low",
        high="hazard_ratio_high",
        label="label",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{row['hazard_ratio']:.2f} · {counted(row['lapses'], 'lapse')}"
            for row in shown.iter_rows(named=True)
        ],
    )
