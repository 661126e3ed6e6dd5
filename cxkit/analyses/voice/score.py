"""How content do customers say they are?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import listed
from cxkit.notes import apart_note
from cxkit.result import Result, counted, verb
from cxkit.scores import (
    RULES,
    alike_note,
    bound,
    difference,
    mean_of,
    rule_of,
    scale_notes,
    score_of,
    shown,
)
from cxkit.settings import Settings
from cxkit.stats import intervals
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "How content do customers say they are?"
_HIDDEN = "Too few customers answered each score for a report to show one."
_COUNTS = (
    "given answers top bottom total squares invited responded voices voices_tenure "
    "voices_squares silent silent_tenure silent_squares"
).split()
_KEYS = ["metric", "scale", "segment"]


def score(
    workspace: Workspace,
    *,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Score the surveys: NPS, CSAT, CES and stars, each with its interval and response rate.

    NPS is the share of 9-10 less the share of 0-6, in points, with the adjusted-Wald interval
    (Rocks 2016). The others are the share in the top box (4-5 of 5, 5-7 of 7), in per cent, with
    Wilson's interval. Answers of one customer are alike: intervals and tests take customers for
    independent, not answers. Scales are never pooled: answers on another scale than the usual one
    stand in rows of their own, with a mean and no score. Whether a high CES means easy or hard
    stands in the settings (`[surveys] ces_high`); unsaid, seven points are read as CES 2.0 and
    five are not scored.

    Args:
        workspace: an open store.
        by: `touchpoint` or `question` of the survey, `region`, `source` or `preferred_channel` of
            the customer, or a field of the customers' attributes.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per metric, scale and segment ("all" without `by`): metric, scale, segment,
        answers, customers (who gave them; an answer of nobody known counts as one), invited,
        response_share with Wilson's interval (of those invited; null where no
        unanswered invitation is recorded), score, score_low, score_high, unit, mean, mean_low,
        mean_high (Student's t), q_value (with `by`: does the segment differ from the rest of the
        same metric? Benjamini-Hochberg over the segments). Answers outside the scale are left
        out and counted in a caveat.
    """
    until = workspace.moment(as_of)
    rows = workspace.query(
        "score",
        **bound(),
        as_of=until,
        by=workspace.segment(by, own=("touchpoint", "question")),
    ).with_columns(pl.col(_COUNTS).fill_null(0))
    known = pl.col("metric").is_in(list(RULES))
    people = _people(rows.filter(known), workspace.least)
    whole = _scored(people, workspace.settings)
    few = (pl.col("customers") > 0) & (pl.col("customers") < workspace.least)
    hidden = whole.filter(few)
    table = whole.with_columns(
        pl.when(~few).then(pl.selectors.float()),
        segment=pl.when(few & bool(by)).then(pl.lit("other")).otherwise("segment"),
    )
    return Result(
        name="score",
        question=QUESTION,
        table=table,
        finding=_finding(table, by)
        if hidden.height < whole.height or whole.is_empty()
        else _HIDDEN,
        caveats=(
            *_hidden_note(hidden, workspace.least),
            *_caveats(table, people, rows.filter(~known), by, workspace.settings),
        ),
        sql=query_text("score"),
        as_of=until,
        n=int(table["answers"].sum()),
        draw=_chart,
    )


def _people(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """Keep the largest segments, add up the others, and put the usual scale of a metric first."""
    ranks = {metric: place for place, metric in enumerate(RULES)}
    scales = {metric: rule.most for metric, rule in RULES.items()}
    metric = pl.col("metric")
    # in a report each score is guarded by itself: a segment large in one may be small in another
    parts = rows.partition_by("metric", "scale", maintain_order=True) if least else [rows]
    return (
        pl.concat(
            gathered(part, "answers", least=least, people=part.filter(pl.col("answers") > 0))
            for part in parts or [rows]
        )
        .group_by(*_KEYS, "customer_key", maintain_order=True)
        .agg(
            pl.col(_COUNTS).sum(),
            pl.col("touchpoints").list.explode(keep_nulls=False, empty_as_null=False),
        )
        .with_columns(usual=pl.col("scale") == metric.replace_strict(scales, return_dtype=pl.Int64))
        .filter(((pl.col("given") > 0) | (pl.col("invited") > 0)).any().over(_KEYS))
        .sort(
            metric.replace_strict(ranks, return_dtype=pl.Int64),
            "usual",
            "scale",
            descending=[False, True, False],
            maintain_order=True,
        )
    )


def _hidden_note(hidden: pl.DataFrame, least: int) -> tuple[str, ...]:
    names = [RULES[metric].name for metric in hidden["metric"].unique(maintain_order=True)]
    if not names:
        return ()
    return (
        f"Fewer than {least} customers answered {listed(names)} on one scale: a report does not "
        "show what they gave.",
    )


def _scored(people: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    # an export without one unanswered invitation is an export of answers, not of invitations
    silence = pl.col("invited") - pl.col("responded")
    asked = people.with_columns(silence=silence.sum().over("metric", "scale"))
    rows = []
    for (metric, scale, segment), whose in asked.group_by(_KEYS, maintain_order=True):
        some = whose.filter(pl.col("answers") > 0)
        rule = rule_of(metric, scale, settings)
        nothing = intervals.Interval(*[float("nan")] * 3)
        rows.append(
            [
                metric,
                scale,
                segment,
                whose["answers"].sum(),
                some.height,
                whose["invited"].sum(),
                *(_response(whose) if whose["silence"][0] else nothing),
                *(score_of(metric, some) if rule else nothing),
                rule.unit if rule else "",
                *mean_of(metric, scale, some),
            ]
        )
    schema = {
        "metric": pl.String,
        "scale": pl.Int64,
        "segment": pl.String,
        **dict.fromkeys(("answers", "customers", "invited"), pl.Int64),
        **dict.fromkeys(
            ("response_share", "response_share_low", "response_share_high"), pl.Float64
        ),
        **dict.fromkeys(("score", "score_low", "score_high"), pl.Float64),
        "unit": pl.String,
        **dict.fromkeys(("mean", "mean_low", "mean_high"), pl.Float64),
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    q_values = pl.Series("q_value", _q_values(people, table), dtype=pl.Float64)
    return table.with_columns(q_values).with_columns(pl.selectors.float().fill_nan(None))


def _response(people: pl.DataFrame) -> intervals.Interval:
    """Return the share of the invitations that were answered."""
    asked = people.filter(pl.col("invited") > 0)
    x, n = (asked[name].to_numpy() for name in ("responded", "invited"))
    return intervals.wilson(*effective(float(x.sum()), float(n.sum()), design_effect(x, n)))


def _q_values(people: pl.DataFrame, table: pl.DataFrame) -> list[float | None]:
    """Test each segment against the rest of its metric; null where there is nothing to compare."""
    values: list[float | None] = []
    for (metric, scale), rows in table.group_by("metric", "scale", maintain_order=True):
        whole = people.filter(metric=metric, scale=scale).filter(pl.col("answers") > 0)
        p_values = [
            difference(
                metric,
                whole.group_by("customer_key", group=(pl.col("segment") != segment).cast(pl.Int64))
                .agg(pl.col("answers", "top", "bottom", "total", "squares").sum())
                .sort("group", "customer_key"),
            )[1]
            for segment in rows["segment"]
            if rows.height > 1 and rows["unit"][0]
        ]
        values += intervals.benjamini_hochberg(p_values) if p_values else [None] * rows.height
    return values


def _finding(table: pl.DataFrame, by: str | None) -> str:
    scored = table.filter(pl.col("score").is_not_null())
    if scored.is_empty():
        invited = int(table["invited"].sum())
        asked = f"None of the {invited:,} invitations has" if invited else "No survey has"
        asked = "The one invitation lacks" if invited == 1 else asked
        return f"{asked} an answer on a usual scale: there is no score to give."
    if by:
        return _segments_differ(scored, by)
    said = []
    for row in scored.iter_rows(named=True):
        name, n = RULES[row["metric"]].name, row["answers"]
        base = counted(n, "answer")
        if row["response_share"] is not None:
            base += f" ({100 * row['response_share']:.1f} % of {row['invited']:,} invited)"
        if n < ENOUGH:
            said.append(f"{name} has too few answers to say ({n:,})")
        else:
            said.append(f"{name} is {shown(row)} from {base}")
    text = "; ".join(said) + "."
    return text[0].upper() + text[1:]


def _most_answered(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the metric with the most answers."""
    sizes = scored.group_by("metric", maintain_order=True).agg(pl.col("answers").sum())
    return scored.filter(pl.col("metric") == sizes["metric"][sizes["answers"].arg_max() or 0])


def _standing_out(scored: pl.DataFrame) -> dict[str, Any] | None:
    """Return the segment that differs from the rest: the lowest such, else the highest."""
    rows = _most_answered(scored)
    apart = rows.filter((pl.col("q_value") < 0.05) & (pl.col("answers") >= ENOUGH)).sort("score")
    if apart.is_empty():
        return None
    below = _rest(rows, apart.row(0, named=True)) > apart["score"][0]
    return apart.row(0 if below else -1, named=True)


def _rest(rows: pl.DataFrame, row: dict[str, Any]) -> float:
    """Return the score of all other segments together, of which it is the weighted mean."""
    others = rows.filter(pl.col("segment") != row["segment"])
    answers = others["answers"].to_list()
    return float(sum(s * n for s, n in zip(others["score"], answers, strict=True)) / sum(answers))


def _segments_differ(scored: pl.DataFrame, by: str) -> str:
    rows = _most_answered(scored)
    name, n = RULES[rows["metric"][0]].name, int(rows["answers"].sum())
    if rows.height == 1:
        return (
            f"{'The one answer' if n == 1 else f'All {n:,} answers'} to {name} "
            f"{verb(n, 'fall')} in one segment, '{rows['segment'][0]}': by "
            f"{by} there is nothing to compare."
        )
    row = _standing_out(scored)
    if row is None:
        return (
            f"By {by} no segment's {name} surely differs from the others' ({counted(n, 'answer')})."
        )
    rest = _rest(rows, row)
    unit = f"{rest:+.1f} points" if row["metric"] == "nps" else f"{rest:.1f} %"
    side = "lower" if row["score"] < rest else "higher"
    return (
        f"By {by} '{row['segment']}' has a {side} {name} than the others: {shown(row)} from "
        f"{row['answers']:,} answers, against {unit} from {n - row['answers']:,}."
    )


def _caveats(
    table: pl.DataFrame,
    people: pl.DataFrame,
    others: pl.DataFrame,
    by: str | None,
    settings: Settings,
) -> tuple[str, ...]:
    notes: list[str] = []
    names = {metric: rule.name for metric, rule in RULES.items()}
    for (metric,), whose in people.filter("usual").group_by("metric", maintain_order=True):
        name, row = names[metric], whose.select(pl.col(_COUNTS).sum()).row(0, named=True)
        if row["answers"] and row["invited"] == row["responded"]:
            notes.append(
                f"No unanswered invitation to {name} is recorded: how many were asked and kept "
                "silent cannot be said, and they may feel otherwise."
            )
        elif told := _answerers_differ(row):
            notes.append(f"Those who answered {name} {told}")
        elif row["answers"]:
            notes.append(f"Those who kept silent about {name} may feel otherwise.")
        moments = whose["touchpoints"].explode().drop_nulls().n_unique()
        if moments > 1 and not by:
            notes.append(
                f"{name[0].upper()}{name[1:]} pools answers about {moments} moments: "
                'ask by="touchpoint" to see them apart.'
            )
        if row["given"] > row["answers"]:
            notes.append(
                f"Left out: {counted(row['given'] - row['answers'], 'answer')} to {name} outside "
                "its scale."
            )
        notes += alike_note(metric, whose.filter(pl.col("answers") > 0))
    counts = table.group_by("metric", "scale", maintain_order=True).agg(pl.col("answers").sum())
    notes += scale_notes(counts, settings)
    for metric, given in others.group_by("metric").agg(pl.col("given").sum()).sort("metric").rows():
        if given and not metric:
            notes.append(
                f"Left out: {counted(given, 'score')} of which nothing says whether it is NPS, "
                "CSAT, CES or stars: give it a metric in the mapping or the recipe."
            )
        elif given:
            notes.append(
                f"Left out: {counted(given, 'answer')} to '{metric}', which is no score of its own."
            )
    if by:
        notes += [
            f"Only {counted(answers, 'answer')} to {names[metric]} in '{segment}': too few to say."
            for metric, segment, answers in table.select("metric", "segment", "answers").rows()
            if 0 < answers < ENOUGH
        ]
        notes.append(apart_note(by))
    return tuple(notes)


def _answerers_differ(row: dict[str, int]) -> str:
    """Say how long those who answered had been known, where it surely differs from the silent."""
    if min(row["voices"], row["silent"]) < ENOUGH:
        return ""
    voices = row["voices"], row["voices_tenure"], row["voices_squares"]
    silent = row["silent"], row["silent_tenure"], row["silent_squares"]
    if intervals.means_p(*voices, *silent) >= 0.05:
        return ""
    answered, kept = voices[1] / voices[0], silent[1] / silent[0]
    side = "longer" if answered > kept else "for a shorter time"
    return (
        f"had been known {side}: {answered:,.0f} days on average when asked, against {kept:,.0f} "
        f"of those who kept silent. The score speaks for those known {side}."
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    scored = table.filter(pl.col("score").is_not_null())
    if scored.is_empty():
        return charts.nothing("No survey has an answer")
    parts = scored["segment"].n_unique() > 1 or scored["segment"][0] != "all"
    names = pl.col("metric").replace_strict({metric: rule.name for metric, rule in RULES.items()})
    scored = scored.with_columns(
        name=names,
        axis=pl.concat_str(names, pl.col("unit"), separator=", "),
        ends=pl.when(pl.col("metric") == "nps").then([-100, 100]).otherwise([0, 100]),
    )
    row = scored.row(0, named=True)
    title = f"{row['name']} is {shown(row)}"
    if parts:
        apart = _standing_out(scored)
        title = f"No segment's {RULES[_most_answered(scored)['metric'][0]].name} stands out"
        if apart:
            title = f"{apart['name']} of '{apart['segment']}' stands out: {shown(apart)}"
    return charts.dots(
        scored,
        value="score",
        low="score_low",
        high="score_high",
        label="segment" if parts else "name",
        unit="axis",
        ends="ends",
        title=title,
        texts=[
            f"{row['score']:.1f} · n = {row['answers']:,}"
            + (" (too few to say)" if row["answers"] < ENOUGH else "")
            for row in scored.iter_rows(named=True)
        ],
    )
