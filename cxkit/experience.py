"""What customers did, met and said, stage by stage: the journey for maps and comparisons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from cxkit.errors import BadQuestion
from cxkit.funnels import Plan, plan
from cxkit.passages import COMPANYS, beginning, chosen, kinds, kinds_of, micros, passages, slices
from cxkit.passages import in_words as in_words
from cxkit.stats.intervals import ENOUGH, Interval, benjamini_hochberg, newcombe, shares_p
from cxkit.stats.stays import Stays, stays
from cxkit.stats.walks import Log, log
from cxkit.text.excerpts import sentence_at
from cxkit.text.intents import find_intents
from cxkit.text.scoring import mostly_foreign, score_comments
from cxkit.workspace import Workspace

CONTACTS = ("ticket opened", "message in")
INTENTS = (("ask", "asking"), ("complaint", "complaining"), ("suggestion", "suggesting"))
RETURN_DAYS = 90
_COMPANYS = (*COMPANYS, "refunded")
_GLITCHES = ("glitch", "error", "crash", "fail")  # in the name of an event
_EARLIEST = datetime(1900, 1, 1)
_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Journey:
    """Which journey of whom is looked at.

    `bases` is for each stage the one whose passages it is counted by: its own, or that before it
    where no row of the timeline speaks of it. `names` leads from whatever a survey or the glitch
    register calls a stage to its place. `who` are the people asked for; None: everyone.
    """

    plan: Plan
    bases: tuple[int, ...]
    names: Mapping[str, int]
    kinds: Mapping[str, int]
    since: datetime
    until: datetime | None
    who: pl.Series | None

    @property
    def required(self) -> list[bool]:
        """Whether each stage is one that all have to pass."""
        return [not optional for optional in self.plan.optional]

    @property
    def own_kinds(self) -> list[int]:
        """The kinds of what customers do or meet, not of what the company does."""
        return [kind for name, kind in self.kinds.items() if name not in _COMPANYS]

    @property
    def glitch_names(self) -> list[str]:
        """The touchpoints that are glitches by their name."""
        return [name for name in self.kinds if any(word in name.lower() for word in _GLITCHES)]

    def only(self, rows: pl.DataFrame, key: str) -> pl.DataFrame:
        """Return the rows of the people asked for."""
        return rows if self.who is None else rows.filter(pl.col(key).is_in(self.who.implode()))


def journey(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Journey:
    """Return the journey that the arguments of `journey_map` describe; it explains them.

    Raises BadQuestion where they do not fit together.
    """
    told = workspace.settings.journey
    if stages is None:
        more = [stage for stage in told.afterwards if stage not in told.stages]
        stages = [*told.stages, *more]
        optional = [*(told.optional if optional is None else optional), *more]
    asked = plan(workspace, stages=stages, optional=optional, within_days=within_days)
    twice = next((stage for stage in asked.stages if asked.stages.count(stage) > 1), None)
    if twice is not None:
        raise BadQuestion(f"'{twice}' is named twice. A map shows each stage once.")
    names: dict[str, int] = {}
    for place, (stage, touchpoints) in enumerate(zip(asked.stages, asked.touchpoints, strict=True)):
        for touchpoint in touchpoints:
            if names.setdefault(touchpoint.lower(), place) != place:
                raise BadQuestion(
                    f"'{touchpoint}' counts as '{asked.stages[names[touchpoint.lower()]]}' and as "
                    f"'{stage}'. On a map each touchpoint belongs to one stage."
                )
    for place, stage in enumerate(asked.stages):
        names.setdefault(stage.lower(), place)
    bases: list[int] = []
    for place, known in enumerate(asked.kinds):
        bases.append(place if known or not bases else bases[-1])
    until, begins = workspace.moment(as_of), beginning(workspace, since)
    return Journey(
        asked,
        tuple(bases),
        names,
        kinds(workspace),
        begins or _EARLIEST,
        until,
        chosen(workspace, asked.touchpoints[0], where, begins, until),
    )


def who_enters(workspace: Workspace, asked: Journey) -> str:
    """Name who is counted: where strangers pass the first stage, not all are customers."""
    strangers = workspace.sql(
        "select exists (select 1 from timeline semi join (from people where not known) "
        "using (customer_key) where list_contains($first, touchpoint::varchar))",
        first=list(asked.plan.touchpoints[0]),
    ).item()
    return "visitor or customer" if strangers else "customer"


def trails(workspace: Workspace, asked: Journey) -> Iterator[tuple[Log, Stays]]:
    """Yield what happened and the stays at the stages, some ten million rows at a time."""
    for part in slices(workspace):
        rows = passages(workspace, asked.until, people=part)
        if asked.since > _EARLIEST:
            rows = rows.filter(pl.col("at") >= micros(asked.since))
        there = log(asked.only(rows, "who"))
        yield there, stays(there, asked.plan.kinds, asked.plan.within)


def told(workspace: Workspace, asked: Journey) -> pl.DataFrame:
    """Return what customers said: one row per answer to a survey or review, by person and time.

    The columns are customer_key, at, moment (as the survey calls it), mood (-1 to 1: the mean of
    the scores, or how the comment sounds where there is no score), tone (1 good, -1 bad, 0
    neither, null unknown; of scores within their scale), comment, sentiment (-1 to 1), ask,
    complaint and suggestion (the sentence of the comment that is one), judged (whether it was
    looked at for these), feedback_id, beyond (scores outside of their scale), and foreign: whether
    the comments cannot be judged since most are in another language.
    """
    answers = asked.only(
        workspace.query("journey_map", since=asked.since, as_of=asked.until), "customer_key"
    )
    scores = score_comments(answers["comment"])
    foreign = mostly_foreign(scores)
    felt = pl.lit(None, pl.Float64) if foreign else pl.col("sentiment")
    tone = pl.when(felt >= 0.1).then(1).when(felt <= -0.1).then(-1).when(felt.is_not_null()).then(0)
    wants = find_intents(answers["comment"])
    return answers.with_columns(scores["score"].alias("sentiment")).select(
        "customer_key",
        "at",
        "moment",
        pl.coalesce("score_mood", felt).alias("mood"),
        pl.coalesce("tone", tone).cast(pl.Int64).alias("tone"),
        "comment",
        felt.alias("sentiment"),
        *(_sentences(answers["comment"], wants, *names, foreign=foreign) for names in INTENTS),
        (wants["reason"].is_null() & ~pl.lit(foreign)).alias("judged"),
        "feedback_id",
        "beyond",
        pl.lit(foreign).alias("foreign"),
    )


def _sentences(
    comments: pl.Series, wants: pl.DataFrame, name: str, intent: str, *, foreign: bool
) -> pl.Series:
    """Return of each comment the sentence that is an ask, say; null where it has none."""
    found: list[str | None] = []
    for comment, has, spans in zip(comments, wants[intent], wants["spans"], strict=True):
        if not has or foreign:
            found.append(None)
            continue
        first = next((span for span in spans if span["intent"] == intent), None)
        found.append(sentence_at(comment, first["start"], first["end"]) if first else comment)
    return pl.Series(name, found, dtype=pl.String)


def glitches(workspace: Workspace, asked: Journey) -> pl.DataFrame:
    """Return the glitches that customers met or told of: customer_key, at, topic, moment, owner.

    A glitch is an event or a ticket whose topic stands in the glitch register, or an event that is
    called one. Who meets one and opens a ticket about it within two days met it once.
    """
    names = asked.glitch_names
    met = pl.DataFrame(
        schema={"customer_key": pl.Int32, "at": pl.Int64, "topic": pl.String}
        | dict.fromkeys(("moment", "owner"), pl.String)
    )
    if names or workspace.tables["issues"]:
        met = workspace.query("glitches_met", names=names, since=asked.since, as_of=asked.until)
    return asked.only(met, "customer_key")


def placed(
    rows: pl.DataFrame, asked: Journey, trails: Sequence[pl.DataFrame], *, strangers: bool = False
) -> pl.DataFrame:
    """Add to rows of people their stage: place, stay (null: none known), named (by its moment).

    A row belongs to the stage that its `moment` names, and of that to the person's latest passage
    so far. One without a moment belongs to the stage that the person passed last, at most the
    window ago; so does, with `strangers`, one whose moment is no stage.
    """
    known = pl.col("moment").str.to_lowercase().replace_strict(
        dict(asked.names), default=None, return_dtype=pl.Int64
    )  # fmt: skip
    bases = dict(enumerate(asked.bases))
    rows = rows.with_columns(
        pl.col("customer_key").cast(pl.Int64),
        named=known,
        base=known.replace_strict(bases, default=None, return_dtype=pl.Int64),
    ).sort("at", maintain_order=True)
    spots = pl.concat(trails) if trails else _spots(None, None, 0)
    spots = spots.sort("at", maintain_order=True)
    by_name = rows.filter(pl.col("named").is_not_null()).join_asof(
        spots.rename({"at": "since"}),
        left_on="at",
        right_on="since",
        by_left=["customer_key", "base"],
        by_right=["customer_key", "place"],
        check_sortedness=False,
        coalesce=False,
    )
    by_time = rows.filter(pl.col("named").is_null()).join_asof(
        spots.rename({"at": "since"}),
        left_on="at",
        right_on="since",
        by="customer_key",
        check_sortedness=False,
        coalesce=False,
    )
    late = pl.col("at") - pl.col("since") > asked.plan.within
    here = ~late & (pl.col("moment").is_null() | strangers)
    by_time = by_time.with_columns(
        place=pl.when(here).then("place"), stay=pl.when(here).then("stay")
    )
    named = by_name.with_columns(place="named")
    keep = [name for name in rows.columns if name not in ("named", "base")]
    return pl.concat(
        [
            named.select(*keep, "place", "stay", named=pl.lit(True)),
            by_time.select(*keep, "place", "stay", named=pl.lit(False)),
        ]
    ).sort("customer_key", "at", maintain_order=True)


def spots(there: Log, found: Stays, people: pl.Series, first: int) -> pl.DataFrame:
    """Return the rows at stages of some people: customer_key, at, place, stay (from `first`)."""
    return _spots(there, found, first).filter(
        pl.col("customer_key").is_in(people.cast(pl.Int64).implode())
    )


def _spots(there: Log | None, found: Stays | None, first: int) -> pl.DataFrame:
    schema = dict.fromkeys(("customer_key", "at", "place", "stay"), pl.Int64)
    if there is None or found is None:
        return pl.DataFrame(schema=schema)
    return pl.DataFrame(
        {
            "customer_key": there.who[found.there],
            "at": there.at[found.there],
            "place": found.places[found.stay],
            "stay": found.stay,
        },
    ).with_columns(pl.all().cast(pl.Int64)).with_columns(pl.col("stay") + first)  # fmt: skip


class Moment(NamedTuple):
    """One stage and moment: who came back after a good experience there, and who after a bad one.

    `gap` is the difference of the two shares; `effect` the same on the arcsine scale (Cohen's h);
    `q_value` allows for all moments that were compared, and is None where too few answered.
    """

    place: int
    moment: str
    good: int
    good_returned: int
    bad: int
    bad_returned: int
    gap: Interval
    effect: float
    q_value: float | None


def moments(workspace: Workspace, asked: Journey, answers: pl.DataFrame) -> list[Moment]:
    """Compare who came back within 90 days after good and bad experiences, moment by moment.

    `answers` are placed. A person's first answer of a moment counts, where 90 days were watched
    since. Coming back is a later order, or a later passage of the first stage.
    """
    from math import asin, sqrt

    if asked.until is None or answers.is_empty():
        return []
    ripe = answers.filter(
        pl.col("place").is_not_null()
        & pl.col("tone").is_not_null()
        & (pl.col("tone") != 0)
        & (pl.col("at") <= micros(asked.until) - RETURN_DAYS * _DAY)
    ).with_columns(pl.col("moment").fill_null("any"))
    ripe = ripe.unique(["customer_key", "place", "moment"], keep="first", maintain_order=True)
    if ripe.is_empty():
        return []
    back = workspace.query(
        "moments_of_truth",
        keys=ripe["customer_key"].to_list(),
        at=ripe["at"].to_list(),
        touchpoints=[*asked.plan.touchpoints[0], "ordered"],
        as_of=asked.until,
    )
    counts = (
        ripe.with_columns(
            returned=(back["returned_at"] - ripe["at"] <= RETURN_DAYS * _DAY).fill_null(False)
        )
        .group_by("place", "moment", "tone")
        .agg(n=pl.len(), returned=pl.col("returned").sum())
    )
    cells = dict.fromkeys(counts.select("place", "moment").rows(), (0, 0, 0, 0))
    for place, moment, tone, n, returned in counts.rows():
        good, good_back, bad, bad_back = cells[place, moment]
        cells[place, moment] = (
            (n, returned, bad, bad_back) if tone == 1 else (good, good_back, n, returned)
        )
    compared = {
        cell: shares_p(good_back, good, bad_back, bad)
        for cell, (good, good_back, bad, bad_back) in cells.items()
        if min(good, bad) >= ENOUGH
    }
    sure = dict(zip(compared, benjamini_hochberg(list(compared.values())), strict=True))
    found = []
    for (place, moment), (good, good_back, bad, bad_back) in sorted(cells.items()):
        effect = float("nan")
        if good and bad:
            effect = 2 * (asin(sqrt(good_back / good)) - asin(sqrt(bad_back / bad)))
        gap = newcombe(good_back, good, bad_back, bad)
        found.append(
            Moment(
                place,
                moment,
                good,
                good_back,
                bad,
                bad_back,
                gap,
                effect,
                sure.get((place, moment)),
            )
        )
    return found


def owners(workspace: Workspace, asked: Journey) -> dict[int, str]:
    """Return who is asked about each stage: whom the settings name, else the glitch register.

    Of a stage whose glitches have several owners all are named, those of most glitches first.
    """
    named = workspace.settings.journey.owners
    register = workspace.sql(
        "select stage, owner, count(*) as glitches from issues "
        "where stage is not null and owner is not null "
        "group by all order by glitches desc, owner"
    )
    found: dict[int, dict[str, None]] = {}
    for stage, owner, _ in register.iter_rows():
        place = asked.names.get(stage.lower())
        if place is not None:
            found.setdefault(place, {})[owner] = None
    told: dict[int, str] = {place: ", ".join(names) for place, names in found.items()}
    return told | {
        place: named[stage] for place, stage in enumerate(asked.plan.stages) if stage in named
    }


def contact_kinds(asked: Journey) -> tuple[int, ...]:
    """Return the kinds of contacts that customers make."""
    return kinds_of(dict(asked.kinds), CONTACTS)
