"""Whose stages give customers trouble?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from cxkit import charts
from cxkit.experience import (
    Journey,
    glitches,
    in_words,
    journey,
    owners,
    placed,
    spots,
    trails,
)
from cxkit.experience import told as answers_of
from cxkit.notes import end_note
from cxkit.passages import whom
from cxkit.result import Result, counted
from cxkit.stats.intervals import ENOUGH, Interval
from cxkit.stats.rates import poisson, shared_out
from cxkit.workspace import Workspace, query_text

QUESTION = "Whose stages give customers trouble?"
_NOBODY = "no owner named"
_KINDS = ("glitches", "tickets", "bad answers")


def friction_owners(
    workspace: Workspace,
    *,
    stages: Sequence[str] | None = None,
    optional: Sequence[str] | None = None,
    within_days: int | None = None,
    where: Mapping[str, str] | None = None,
    since: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Share out the friction that customers meet among the owners of the stages.

    Friction is a glitch that was met or told of, a ticket, and a bad answer to a survey or review
    (see `journey_map`, whose arguments these are). Its owner is the one that the glitch register
    names for its topic, else the owner of its stage: `[journey] owners` in the settings, else whom
    the register names for the stage's glitches. Large stages have more of everything: so beside
    the shares stand rates per 100 passages of the owner's stages.

    Returns:
        One row per owner and kind ("glitches", "tickets", "bad answers"), the owner with most
        friction first, "no owner named" last: owner, kind, friction, share_of_kind with a bootstrap
        interval over customers (_low, _high), passages (of the owner's stages), per_100 (passages)
        with Garwood's interval, topic (the most frequent). Friction at no stage and of no owner
        counts for "no owner named". A report leaves out rows that rest on fewer people than may
        stand alone.

    Raises:
        BadQuestion: as `journey_map` does.
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
    answers, met = answers_of(workspace, asked), glitches(workspace, asked)
    tickets = asked.only(
        workspace.query("friction_owners", since=asked.since, as_of=asked.until), "customer_key"
    )
    trail, passages = _trail(workspace, asked, [answers, met, tickets])
    of_stage = owners(workspace, asked)
    found = pl.concat(
        [
            _owned(met, asked, trail, of_stage, "glitches"),
            _owned(tickets, asked, trail, of_stage, "tickets"),
            _owned(_bad(answers), asked, trail, of_stage, "bad answers"),
        ]
    )
    table = _table(found, _bases(passages, asked, of_stage), workspace.least)
    return Result(
        name="friction_owners",
        question=QUESTION,
        table=table,
        finding=_finding(table, found, where),
        caveats=(*_caveats(table, found, workspace.least), *end_note(workspace, as_of)),
        sql="\n".join(map(query_text, ("friction_owners", "glitches_met", "journey_map"))),
        as_of=asked.until,
        n=found.height,
        draw=_chart,
        chosen=whom(where, since),
    )


def _trail(
    workspace: Workspace, asked: Journey, told: Sequence[pl.DataFrame]
) -> tuple[list[pl.DataFrame], list[int]]:
    """Return where those were who met something, and the passages of each stage."""
    people = pl.concat([rows["customer_key"].cast(pl.Int64) for rows in told])
    passages = [0] * len(asked.plan.stages)
    trail: list[pl.DataFrame] = []
    for there, found in trails(workspace, asked) if asked.until else ():
        trail.append(spots(there, found, people, sum(passages)))
        for place in range(len(passages)):
            passages[place] += int((found.places == place).sum())
    return trail, passages


def _bad(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the bad answers as friction: their topic is the moment that they are about."""
    return answers.filter(pl.col("tone") == -1).select(
        "customer_key",
        "at",
        pl.col("moment").fill_null("any moment").alias("topic"),
        "moment",
        pl.lit(None, pl.String).alias("owner"),
    )


def _owned(
    rows: pl.DataFrame,
    asked: Journey,
    trail: list[pl.DataFrame],
    of_stage: dict[int, str],
    kind: str,
) -> pl.DataFrame:
    """Give each row its owner: customer_key, kind, owner, topic."""
    here = placed(rows, asked, trail, strangers=kind != "bad answers")
    owner = pl.col("place").replace_strict(of_stage, default=None, return_dtype=pl.String)
    return here.select(
        "customer_key",
        kind=pl.lit(kind),
        owner=pl.coalesce("owner", owner, pl.lit(_NOBODY)),
        topic="topic",
    )


def _bases(passages: list[int], asked: Journey, of_stage: dict[int, str]) -> dict[str, int]:
    """Return the passages of each owner's stages; a stage of several owners counts for each."""
    bases: dict[str, int] = {}
    for place, base in enumerate(asked.bases):
        for owner in of_stage.get(place, _NOBODY).split(", "):
            bases[owner] = bases.get(owner, 0) + passages[base]
    return bases


def _table(found: pl.DataFrame, bases: dict[str, int], least: int) -> pl.DataFrame:
    rows = []
    for kind in _KINDS:
        here = found.filter(pl.col("kind") == kind)
        shares = shared_out(here["customer_key"], here["owner"])
        for owner, share in shares.items():
            own = here.filter(pl.col("owner") == owner)
            if own["customer_key"].n_unique() < least:
                continue
            topic = next(iter(_topics(own, least)), None)
            rows.append(_row(owner, kind, own.height, share, bases.get(owner, 0), topic))
    three = ("", "_low", "_high")
    frame = pl.DataFrame(
        rows,
        schema={"owner": pl.String, "kind": pl.String, "friction": pl.Int64}
        | {f"share_of_kind{end}": pl.Float64 for end in three}
        | {"passages": pl.Int64}
        | {f"per_100{end}": pl.Float64 for end in three}
        | {"topic": pl.String},
        orient="row",
    )
    kinds = dict(zip(_KINDS, range(len(_KINDS)), strict=True))
    return frame.fill_nan(None).sort(
        pl.col("owner") == _NOBODY,
        -pl.col("friction").sum().over("owner"),
        "owner",
        pl.col("kind").replace_strict(kinds, return_dtype=pl.Int64),
    )


def _topics(rows: pl.DataFrame, least: int) -> list[str]:
    """Name the topics, the most frequent first, that at least so many people met."""
    people = pl.col("customer_key").n_unique().alias("people")
    topics = rows.group_by("topic").agg(pl.len(), people).filter(pl.col("people") >= least)
    return topics.sort("len", "topic", descending=[True, False])["topic"].drop_nulls().to_list()


def _row(
    owner: str, kind: str, many: int, share: Interval, base: int, topic: str | None
) -> tuple[str | int | float | None, ...]:
    rate = poisson(many, base)
    return (owner, kind, many, *share, base, *(100 * value for value in rate), topic)


def _finding(table: pl.DataFrame, found: pl.DataFrame, where: Mapping[str, str] | None) -> str:
    who = f" of customers with {in_words(where)}" if where else ""
    if found.is_empty():
        return f"No glitch, ticket or bad answer{who} is known: there is no friction to share out."
    named = table.filter(pl.col("owner") != _NOBODY)
    if named.is_empty():
        return (
            f"Nobody is named as owner of {_cases(found)}{who}: name owners in "
            "the settings, [journey] owners, or in the glitch register."
        )
    if found.height < ENOUGH:
        return f"{_cases(found)}{who} in all: too few to say whose they are."
    parts = []
    for kind in _KINDS:
        rows = named.filter(pl.col("kind") == kind).sort("friction", descending=True)
        base = found.filter(pl.col("kind") == kind).height
        if rows.height and base >= ENOUGH:
            row = rows.row(0, named=True)
            alike = rows.filter(pl.col("friction") == row["friction"])["owner"].sort().to_list()
            have = f"{alike[0]} has" if len(alike) == 1 else f"{' and '.join(alike)} each have"
            parts.append(f"{have} {_share(row)} of {base:,} {kind}")
    rates = named.filter((pl.col("kind") == "glitches") & (pl.col("passages") >= ENOUGH))
    most = rates.sort("per_100", descending=True).head(1)
    for row in most.iter_rows(named=True):
        parts.append(
            f"per 100 passages {row['owner']} has most glitches, {row['per_100']:.1f} "
            f"({row['per_100_low']:.1f}–{row['per_100_high']:.1f})"
        )
    outside = _outside_marketing(found)
    return f"{'; '.join(parts)}{outside}."


def _cases(found: pl.DataFrame) -> str:
    return f"{counted(found.height, 'case')} of friction"


def _share(row: Mapping[str, float]) -> str:
    low, high = row["share_of_kind_low"], row["share_of_kind_high"]
    return f"{100 * row['share_of_kind']:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def _outside_marketing(found: pl.DataFrame) -> str:
    """Say how much friction is not marketing's, where a team of that name owns some of it."""
    marketing = found["owner"].str.to_lowercase().str.contains("marketing")
    if not marketing.any():
        return ""
    share = 1 - marketing.sum() / found.height
    return f"; {100 * share:.0f} % of all friction is outside marketing"


def _caveats(table: pl.DataFrame, found: pl.DataFrame, least: int) -> tuple[str, ...]:
    if found.is_empty():
        return ()
    notes = [
        "An owner is who can mend a stage, not who is to blame; friction is associated with it.",
        "Several rows may be one trouble: a glitch that is met, a ticket about it and a bad answer "
        "are three.",
    ]
    nobody = found.filter(pl.col("owner") == _NOBODY)
    if nobody.height:
        named = ", ".join(f"'{topic}'" for topic in _topics(nobody, least)[:3])
        about = f", most about {named}" if named else ""
        notes.append(
            f"{nobody.height:,} of {_cases(found)} have no owner{about}: name one in [journey] "
            "owners or in the glitch register."
        )
    if table.filter(pl.col("owner").str.contains(", ")).height:
        notes.append(
            "Where a stage has several owners, friction of no known topic is theirs together."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    first = table.filter(pl.col("owner") != _NOBODY)
    top = first["owner"][0] if first.height else _NOBODY
    share = table.group_by("owner").agg(pl.col("friction").sum())
    part = share.filter(pl.col("owner") == top)["friction"][0] / share["friction"].sum()
    return charts.bars(
        table.with_columns(label=pl.format("{}: {}", "owner", "kind")),
        length="share_of_kind",
        low="share_of_kind_low",
        high="share_of_kind_high",
        label="label",
        title=f"{top} has {part:.0%} of all friction"
        if first.height
        else "Nobody is named as owner of the friction",
        unit="share of the friction of this kind (at the bars: how much, and per 100 passages)",
        texts=[
            f"{row['friction']:,}"
            + (f" · {row['per_100']:.1f} per 100" if row["per_100"] is not None else "")
            for row in table.iter_rows(named=True)
        ],
        highlight=[owner == top and first.height > 0 for owner in table["owner"]],
    )
