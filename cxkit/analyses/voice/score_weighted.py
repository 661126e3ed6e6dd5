"""Would the score be another if customers of every kind had answered alike?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.lapse import lapse_rule
from cxkit.result import Result, counted
from cxkit.scores import (
    BOXES,
    RULES,
    bound,
    rule_of,
    score_of,
    shown,
    weighted_score,
)
from cxkit.settings import Settings
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.intervals import ENOUGH, wilson
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "Would the score be another if customers of every kind had answered alike?"
_LEAST = 10  # who answered in a state: below, it is weighted together with others
_FIELD = "lifecycle state"
_RAW, _WEIGHTED = "all, as answered", "all, weighted"
_SCHEMA: dict[str, Any] = {
    "metric": pl.String,
    "scale": pl.Int64,
    "state": pl.String,
    "invited": pl.Int64,
    "answers": pl.Int64,
    "response_share": pl.Float64,
    "response_share_low": pl.Float64,
    "response_share_high": pl.Float64,
    "weight": pl.Float64,
    "score": pl.Float64,
    "score_low": pl.Float64,
    "score_high": pl.Float64,
    "unit": pl.String,
}
_Row = dict[str, Any]


def score_weighted(
    workspace: Workspace,
    *,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Weight each score so that every state of the lifecycle counts as it was invited.

    Where loyal customers answer and lapsed ones do not, a score speaks for the loyal. The answers
    of a state are weighted by its share of the invitations over its share of the answers
    (post-stratification), beside the score as answered. That makes good for who answers by
    lifecycle and for nothing else. States in which fewer than ten people answered are weighted
    together; there have to be two kinds, 30 answers, and unanswered invitations. Answers of nobody
    known are left out, weighted or not.

    Args:
        workspace: an open store.
        as_of: count what was known at this moment, which is also when the states are told;
            default: the latest time in the data.

    Returns:
        Per metric one row for each state ("other": those too small), then "all, as answered" and
        "all, weighted": metric, scale, state, invited, answers, response_share with Wilson's
        interval (_low, _high), weight (of each answer of the state), score with _low and _high,
        unit. The interval of a weighted score is that of as many independent answers as the
        weighted ones are worth. Metrics that cannot be weighted have no rows. n is the number of
        answers.
    """
    until = workspace.moment(as_of)
    life, zone = workspace.settings.lifecycle, workspace.settings.company.timezone
    limit = lapse_rule(workspace, until)
    states = workspace.query(
        "score_weighted",
        as_of=until,
        zone=zone,
        lapse_days=limit.days,
        new_days=life.new_days,
        loyal_orders=life.loyal_orders,
    )
    told = workspace.with_field(_FIELD, states.rename({"state": _FIELD}))
    by = told.segment(_FIELD) if states.height else "all"
    rows = told.query("score", **bound(), as_of=until, by=by)
    told.close()
    rows = rows.with_columns(pl.col(*BOXES, "invited", "responded").fill_null(0))
    rows = rows.filter(pl.col("metric").is_in(list(RULES)))
    nobodys = int(rows.filter(pl.col("segment") == "missing")["answers"].sum())
    rows = rows.filter(pl.col("segment") != "missing")
    table, why = _table(rows, workspace.settings, max(_LEAST, workspace.least))
    every = table.filter(state=_RAW)
    return Result(
        name="score_weighted",
        question=QUESTION,
        table=table,
        finding=_finding(table, why),
        caveats=_caveats(table, why, limit.source, nobodys),
        sql=f"{query_text('score_weighted')}\n{query_text('score')}",
        as_of=until,
        n=int(every["answers"].sum()),
        draw=_chart,
    )


def _table(rows: pl.DataFrame, settings: Settings, least: int) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of each metric, and of the others why they cannot be weighted."""
    told: list[_Row] = []
    why: list[str] = []
    for metric, rule in RULES.items():
        for scale in sorted(rows.filter(metric=metric)["scale"].unique(), reverse=True):
            own = rule_of(metric, scale, settings)
            people = rows.filter(metric=metric, scale=scale)
            n = int(people["answers"].sum())
            if own is None and n:
                why.append(f"{rule.name} on a scale up to {scale} has no score (see score)")
            if own is None or not n:
                continue
            voices = people.filter(pl.col("answers") > 0)
            people = gathered(people, "answers", least=least, people=voices)
            heads = people.filter(pl.col("answers") > 0)["segment"].value_counts()["count"]
            if people["invited"].sum() == people["responded"].sum():
                why.append(f"no unanswered invitation to {rule.name} is recorded")
            elif n < ENOUGH:
                why.append(f"{rule.name} has only {counted(n, 'answer')} of known customers")
            elif len(heads) < 2 or min(heads.to_list()) < least:
                why.append(
                    f"no two states of the lifecycle have {least} people each who answered "
                    f"{rule.name}"
                )
            else:
                told += _weighted(metric, scale, own.unit, people)
    table = pl.DataFrame(told, schema=_SCHEMA, orient="row")
    return table.with_columns(pl.selectors.float().fill_nan(None)), why


def _weighted(metric: str, scale: int, unit: str, people: pl.DataFrame) -> list[_Row]:
    invited, answers = (pl.col(name).sum() for name in ("invited", "answers"))
    share = invited.over("segment") / invited / (answers.over("segment") / answers)
    people = people.with_columns(weight=share)
    voices = people.filter(pl.col("answers") > 0)
    parts = [
        (name[0], asked, score_of(metric, asked.filter(pl.col("answers") > 0)))
        for name, asked in people.group_by("segment", maintain_order=True)
    ]
    parts.append((_RAW, people, score_of(metric, voices)))
    parts.append((_WEIGHTED, people, weighted_score(metric, voices)))
    rows = []
    for state, asked, score in parts:
        x, n = (asked[name].to_numpy() for name in ("responded", "invited"))
        counts = effective(float(x.sum()), float(n.sum()), design_effect(x, n))
        alone = state not in (_RAW, _WEIGHTED)
        row = dict.fromkeys(_SCHEMA) | {
            "metric": metric,
            "scale": scale,
            "state": state,
            "invited": asked["invited"].sum(),
            "answers": asked["answers"].sum(),
            "weight": asked["weight"][0] if alone else None,
            "unit": unit,
        }
        ends = ("", "_low", "_high")
        row |= {f"response_share{e}": v for e, v in zip(ends, wilson(*counts), strict=True)}
        rows.append(row | {f"score{e}": v for e, v in zip(ends, score, strict=True)})
    return rows


def _pairs(table: pl.DataFrame) -> list[tuple[_Row, _Row]]:
    """Return the two rows of each metric as a whole: as answered, and weighted."""
    raw, weighted = (table.filter(state=name).rows(named=True) for name in (_RAW, _WEIGHTED))
    return list(zip(raw, weighted, strict=True))


def _finding(table: pl.DataFrame, why: list[str]) -> str:
    if table.is_empty():
        reason = f": {'; '.join(why)}" if why else ": there are no answers on a usual scale"
        return f"No score can be weighted by lifecycle{reason}."
    told = []
    for raw, weighted in _pairs(table):
        sign = "+" if raw["metric"] == "nps" else ""
        ends = f"({raw['score_low']:{sign}.1f} to {raw['score_high']:{sign}.1f})"
        told.append(
            f"{RULES[raw['metric']].name} is {shown(weighted)} weighted by lifecycle, and "
            f"{raw['score']:{sign}.1f} {ends} as answered by {raw['answers']:,} of "
            f"{raw['invited']:,} invited"
        )
    text = "; ".join(told) + "."
    return text[0].upper() + text[1:]


def _caveats(table: pl.DataFrame, why: list[str], limit: str, nobodys: int) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        "Weighting makes good for who answers by lifecycle, and for nothing else: within a state "
        "those who kept silent may feel otherwise. So the weighted score may be nearer to what all "
        "who were invited would say, but it is not that, and theirs may lie outside of both "
        "intervals."
    ]
    states = table.filter(~pl.col("state").is_in([_RAW, _WEIGHTED]))
    for (metric,), rows in states.group_by("metric", maintain_order=True):
        ends = rows.sort("response_share").rows(named=True)
        least, most = ends[0], ends[-1]
        notes.append(
            f"{RULES[metric].name} was answered most often by '{most['state']}' "
            f"({100 * most['response_share']:.1f} % of {most['invited']:,}) and least by "
            f"'{least['state']}' ({100 * least['response_share']:.1f} % of {least['invited']:,})."
        )
    if (states["state"] == "other").any():
        notes.append(
            f"States in which fewer than {_LEAST} people answered are weighted together as 'other'."
        )
    notes += [f"{reason[0].upper()}{reason[1:]}: not weighted." for reason in why]
    if nobodys:
        notes.append(
            f"Left out, weighted or not: {counted(nobodys, 'answer')} of nobody known, whose state "
            "cannot be told."
        )
    notes.append(limit)
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    """Draw the scores of the states beside the whole, of the metric with the largest change."""
    pairs = _pairs(table)
    if not pairs:
        return charts.nothing("No score can be weighted by lifecycle")
    raw, weighted = max(pairs, key=lambda pair: abs(pair[1]["score"] - pair[0]["score"]))
    name = RULES[raw["metric"]].name
    sign = "+" if raw["metric"] == "nps" else ""
    least = -100 if raw["metric"] == "nps" else 0
    rows = table.filter(metric=raw["metric"], scale=raw["scale"])
    return charts.dots(
        rows.with_columns(
            axis=pl.concat_str(pl.lit(name), pl.col("unit"), separator=", "),
            ends=pl.lit([least, 100]),
        ),
        value="score",
        low="score_low",
        high="score_high",
        label="state",
        unit="axis",
        ends="ends",
        title=f"{name} is {weighted['score']:{sign}.1f} weighted by lifecycle, "
        f"{raw['score']:{sign}.1f} as answered",
        texts=[
            f"{row['score']:.1f} · {row['answers']:,} of {row['invited']:,} answered"
            for row in rows.iter_rows(named=True)
        ],
    )
