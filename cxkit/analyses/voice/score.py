"""How content do customers say they are?"""

from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts
from cxkit.result import Result, counted, verb
from cxkit.stats import intervals
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace, query_text

QUESTION = "How content do customers say they are?"


class _Rule(NamedTuple):
    """How the answers to one metric become a score: its scale, and where the top box begins."""

    name: str
    least: int
    most: int
    top: int
    unit: str


# NPS: Reichheld 2003. CES 2.0: Dixon, Toman and DeLisi 2013.
_RULES = {
    "nps": _Rule("NPS", 0, 10, 9, "points"),
    "csat": _Rule("CSAT", 1, 5, 4, "% top box (4-5 of 5)"),
    "ces": _Rule("CES", 1, 7, 5, "% top box (5-7 of 7)"),
    "stars": _Rule("star rating", 1, 5, 4, "% top box (4-5 of 5)"),
}
_COUNTS = (
    "given answers touchpoints top bottom total squares invited responded voices voices_tenure "
    "voices_squares silent silent_tenure silent_squares"
).split()


def score(
    workspace: Workspace,
    *,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Score the surveys: NPS, CSAT, CES and stars, each with its interval and response rate.

    NPS is the share of 9-10 less the share of 0-6, in points, with the adjusted-Wald interval
    (Rocks 2016). The others are the share in the top box (4-5 of 5, 5-7 of 7), in per cent, with
    Wilson's interval. Scales are never pooled: answers on another scale than the usual one stand
    in rows of their own, with a mean and no score.

    Args:
        workspace: an open store.
        by: `touchpoint` or `question` of the survey, `region`, `source` or `preferred_channel` of
            the customer, or a field of the customers' attributes.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per metric, scale and segment ("all" without `by`): metric, scale, segment,
        answers, invited, response_share with Wilson's interval (of those invited; null where no
        unanswered invitation is recorded), score, score_low, score_high, unit, mean, mean_low,
        mean_high (Student's t), q_value (with `by`: does the segment differ from the rest of the
        same metric? Benjamini-Hochberg over the segments). Answers outside the scale are left
        out and counted in a caveat.
    """
    until = workspace.moment(as_of)
    counts = workspace.query(
        "score",
        metrics=list(_RULES),
        least=[rule.least for rule in _RULES.values()],
        most=[rule.most for rule in _RULES.values()],
        top=[rule.top for rule in _RULES.values()],
        as_of=until,
        by=workspace.segment(by, own=("touchpoint", "question")),
    ).fill_null(0)
    known = _summed(counts.filter(pl.col("metric").is_in(list(_RULES))), workspace.least)
    table = _scored(known)
    return Result(
        name="score",
        question=QUESTION,
        table=table,
        finding=_finding(table, by),
        caveats=_caveats(table, known, counts.filter(~pl.col("metric").is_in(list(_RULES))), by),
        sql=query_text("score"),
        as_of=until,
        n=int(table["answers"].sum()),
        draw=_chart,
    )


def _summed(counts: pl.DataFrame, least: int) -> pl.DataFrame:
    """Keep the largest segments, add up the others, and put the usual scale of a metric first."""
    ranks = {metric: place for place, metric in enumerate(_RULES)}
    scales = {metric: rule.most for metric, rule in _RULES.items()}
    metric = pl.col("metric")
    return (
        gathered(counts, "answers", least=least)
        .group_by("metric", "scale", "segment", maintain_order=True)
        .agg(pl.col(_COUNTS).sum())
        .with_columns(usual=pl.col("scale") == metric.replace_strict(scales, return_dtype=pl.Int64))
        .filter((pl.col("given") > 0) | (pl.col("invited") > 0))
        .sort(
            metric.replace_strict(ranks, return_dtype=pl.Int64),
            "usual",
            "scale",
            descending=[False, True, False],
            maintain_order=True,
        )
    )


def _scored(counts: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for row in counts.iter_rows(named=True):
        rule, n = _RULES[row["metric"]], row["answers"]
        value = intervals.Interval(*[float("nan")] * 3)
        if row["usual"] and row["metric"] == "nps":
            value = intervals.nps(row["top"], row["bottom"], n)
        elif row["usual"]:
            value = intervals.Interval(*(100 * end for end in intervals.wilson(row["top"], n)))
        least = 0 if row["metric"] == "nps" else 1
        mean = intervals.mean(n, row["total"], row["squares"], least, row["scale"])
        rows.append([*value, rule.unit if row["usual"] else "", *mean])
    names = ["score", "score_low", "score_high", "unit", "mean", "mean_low", "mean_high"]
    kinds = [pl.String if name == "unit" else pl.Float64 for name in names]
    figures = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    # an export without one unanswered invitation is an export of answers, not of invitations
    silence = (pl.col("invited") - pl.col("responded")).sum().over("metric", "scale")
    frame = counts.with_columns(asked=pl.when(silence > 0).then("invited"))
    frame = intervals.add_wilson(frame, "responded", "asked", "response_share")
    return (
        pl.concat([frame, figures], how="horizontal")
        .with_columns(pl.Series("q_value", _q_values(counts), dtype=pl.Float64))
        .with_columns(pl.selectors.float().fill_nan(None))
        .select(
            "metric",
            "scale",
            "segment",
            "answers",
            "invited",
            "response_share",
            "response_share_low",
            "response_share_high",
            *names,
            "q_value",
        )
    )


def _q_values(counts: pl.DataFrame) -> list[float | None]:
    """Test each segment against the rest of its metric; null where there is nothing to compare."""
    values: list[float | None] = []
    for (metric, _), rows in counts.group_by("metric", "scale", maintain_order=True):
        whole = {name: int(rows[name].sum()) for name in ("answers", "top", "bottom")}
        p_values = []
        for row in rows.iter_rows(named=True):
            rest = {name: whole[name] - row[name] for name in whole}
            p_values.append(
                intervals.nps_p(*_boxes(row), *_boxes(rest))
                if metric == "nps"
                else intervals.shares_p(row["top"], row["answers"], rest["top"], rest["answers"])
            )
        alone = rows.height == 1 or not rows["usual"][0]
        values += [None] * rows.height if alone else intervals.benjamini_hochberg(p_values)
    return values


def _boxes(row: dict[str, int]) -> tuple[int, int, int]:
    return row["top"], row["bottom"], row["answers"]


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
        name, n = _RULES[row["metric"]].name, row["answers"]
        base = counted(n, "answer")
        if row["response_share"] is not None:
            base += f" ({100 * row['response_share']:.1f} % of {row['invited']:,} invited)"
        if n < ENOUGH:
            said.append(f"{name} has too few answers to say ({n:,})")
        else:
            said.append(f"{name} is {_shown(row)} from {base}")
    text = "; ".join(said) + "."
    return text[0].upper() + text[1:]


def _shown(row: dict[str, Any]) -> str:
    """Write a score with its interval: +28.4 points (+25.6 to +31.2)."""
    sign, unit = ("+", "points") if row["metric"] == "nps" else ("", "% in the top box")
    ends = f"{row['score_low']:{sign}.1f} to {row['score_high']:{sign}.1f}"
    return f"{row['score']:{sign}.1f} {unit} ({ends})"


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
    name, n = _RULES[rows["metric"][0]].name, int(rows["answers"].sum())
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
        f"By {by} '{row['segment']}' has a {side} {name} than the others: {_shown(row)} from "
        f"{row['answers']:,} answers, against {unit} from {n - row['answers']:,}."
    )


def _caveats(
    table: pl.DataFrame, counts: pl.DataFrame, others: pl.DataFrame, by: str | None
) -> tuple[str, ...]:
    notes = []
    names = {metric: rule.name for metric, rule in _RULES.items()}
    usual = (
        counts.filter("usual").group_by("metric", maintain_order=True).agg(pl.col(_COUNTS).sum())
    )
    for row in usual.iter_rows(named=True):
        name = names[row["metric"]]
        if row["answers"] and row["invited"] == row["responded"]:
            notes.append(
                f"No unanswered invitation to {name} is recorded: how many were asked and kept "
                "silent cannot be said, and they may feel otherwise."
            )
        elif told := _answerers_differ(row):
            notes.append(f"Those who answered {name} {told}")
        elif row["answers"]:
            notes.append(f"Those who kept silent about {name} may feel otherwise.")
        if row["touchpoints"] > 1 and not by:
            notes.append(
                f"{name[0].upper()}{name[1:]} pools answers about {row['touchpoints']} moments: "
                'ask by="touchpoint" to see them apart.'
            )
        if row["given"] > row["answers"]:
            notes.append(
                f"Left out: {counted(row['given'] - row['answers'], 'answer')} to {name} outside "
                "its scale."
            )
    for row in counts.filter(~pl.col("usual")).iter_rows(named=True):
        notes.append(
            f"In a row of its own, with a mean and no score: {names[row['metric']]} on a scale up "
            f"to {row['scale']} ({counted(row['answers'], 'answer')})."
        )
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
        notes.append(
            f"Segments by {by} differ in more than {by}: a difference is associated with it, not "
            "caused by it."
        )
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
    names = pl.col("metric").replace_strict({metric: rule.name for metric, rule in _RULES.items()})
    scored = scored.with_columns(
        name=names,
        axis=pl.concat_str(names, pl.col("unit"), separator=", "),
        ends=pl.when(pl.col("metric") == "nps").then([-100, 100]).otherwise([0, 100]),
    )
    row = scored.row(0, named=True)
    title = f"{row['name']} is {_shown(row)}"
    if parts:
        apart = _standing_out(scored)
        title = f"No segment's {_RULES[_most_answered(scored)['metric'][0]].name} stands out"
        if apart:
            title = f"{apart['name']} of '{apart['segment']}' stands out: {_shown(apart)}"
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
