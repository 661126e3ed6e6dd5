"""What drives satisfaction, and where should we start?"""

from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.result import Result, counted
from cxkit.scores import ces_note, rule_of
from cxkit.settings import Settings
from cxkit.stats.importance import MOST_DRIVERS, Importance, asymmetry, importance
from cxkit.stats.intervals import ENOUGH, Interval, ratio
from cxkit.workspace import Workspace, query_text

QUESTION = "What drives satisfaction, and where should we start?"
_NAMES = {"csat": "CSAT", "nps": "NPS", "ces": "CES", "stars": "the star rating"}
_PER_DRIVER = 10  # answers that a regression needs for each driver
_ANSWERED = 0.5  # of the answers with the score: an aspect that fewer rate is left out
_LOW, _HIGH = 0.25, 0.9  # how far up its scale a low and a high rating lies: 1-2 and 5 of 5
_ALIKE = 0.8  # ratings that go together more closely cannot be told apart
_COST, _BRING = "low ratings cost more", "high ratings bring more"
_OTHERWISE = {_COST: "high ones bring", _BRING: "low ones cost"}
_PLACES = ("start here", "keep it up", "can wait", "more than enough")
_FIGURES = (
    "mean performance_share importance_share weight_share own_effect q_value penalty reward "
    "uneven_q_value"
).split()
_SCHEMA: dict[str, Any] = {
    "driver": pl.String,
    "answers": pl.Int64,
    "scale": pl.Int64,
    **{
        f"{name}{end}": pl.Float64
        for name in _FIGURES
        for end in (("",) if name.endswith("q_value") else ("", "_low", "_high"))
    },
    "uneven": pl.String,
    "place": pl.String,
}
_Row = dict[str, Any]


class _Answers(NamedTuple):
    """The answers that have the score and rate every aspect: one entry each."""

    names: list[str]  # the aspects
    scales: list[int]
    ratings: pl.DataFrame  # a column per aspect, in the same order
    score: pl.Series
    person: pl.Series
    left_out: list[str]  # aspects that too few rate


def drivers(
    workspace: Workspace,
    *,
    metric: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Set the aspects that a survey asks about against its overall score: importance, performance.

    Importance is an aspect's part of R squared, of what the score varies: LMG, which averages over
    all orders of the aspects; relative weights (Johnson 2000) stand beside it, and in its place
    where there are more than ten. All parts add up to R squared. Performance is the mean rating.
    Both have intervals drawn by customer. Only answers with the score and every aspect count; CES
    on five points is a score once the settings say which end is good, as for `score`.

    Args:
        workspace: an open store.
        metric: the overall score: csat, nps, ces or stars; default: the one that most answers
            with rated aspects have.
        as_of: read what was answered until this moment; default: the latest time in the data.

    Returns:
        One row per aspect, the most important first: driver, answers, scale, mean and
        performance_share (how far up its scale the mean lies) with _low and _high, importance_share
        and weight_share (parts of R squared) with _low and _high, own_effect (its standardised
        coefficient beside all others) with _low, _high and q_value, penalty and reward (points of
        the score that low and high ratings go with, against those between; null below 10 of each)
        with _low and _high, uneven_q_value (does one point down cost more, or less, than one point
        up brings?), uneven, and place: "start here" (important and rated low), "keep it up", "can
        wait", "more than enough", or "unclear" where an interval crosses the mean. Figures are null
        below 30 answers or customers, or 10 answers per aspect. n is the number of answers.

    Raises:
        BadQuestion: where metric is not one of the four.
    """
    if metric is not None and not (isinstance(metric, str) and metric in _NAMES):
        raise BadQuestion(f"No overall score is called {metric!r}. There are: {listed(_NAMES)}.")
    until = workspace.moment(as_of)
    rows = workspace.query("drivers", as_of=until)
    scored, other_scales = _one_scale(rows, workspace.settings)
    chosen = metric or _most_answered(scored)
    answers = _complete(scored, chosen)
    n, people = answers.score.len(), answers.person.n_unique()
    told: Importance | None = None
    if n >= max(ENOUGH, _PER_DRIVER * len(answers.names)) and people >= ENOUGH:
        told = importance(
            answers.ratings.to_numpy(), answers.score.to_numpy(), answers.person.to_numpy()
        )
    if told and not told.r_squared.value >= 0:
        told = None  # everybody gives the same score
    table = _table(answers, told)
    if people < workspace.least:  # the means are those of people whom a report does not show
        table = table.with_columns(pl.when(False).then(pl.selectors.float()))
    return Result(
        name="drivers",
        question=QUESTION,
        table=table,
        finding=_finding(table, chosen, n, people, told),
        caveats=(
            *_caveats(table, answers, chosen, other_scales, told),
            *ces_note(workspace, until),
        ),
        sql=query_text("drivers"),
        as_of=until,
        n=n,
        draw=_chart,
    )


def _one_scale(rows: pl.DataFrame, settings: Settings) -> tuple[pl.DataFrame, int]:
    """Keep the commonest scale of each aspect, and of each score one that it has; count the others.

    A score is one on the scales by which `score` reads it.
    """
    is_item = pl.col("metric") == "item"
    counts = rows.group_by("metric", "asked", "scale").len()
    scored = pl.Series(
        [
            metric == "item" or bool(rule_of(metric, scale, settings))
            for metric, scale in counts.select("metric", "scale").iter_rows()
        ],
        dtype=pl.Boolean,
    )
    order = counts.filter(scored).sort("len", "scale", descending=True, nulls_last=True)
    commonest = order.unique(["metric", "asked"], keep="first", maintain_order=True)
    rows = rows.join(
        commonest.select("metric", "asked", usual="scale", has=pl.lit(True)),
        on=["metric", "asked"],
        how="left",
        maintain_order="left",
    )
    least = pl.when(pl.col("metric") == "nps").then(0).when(is_item).then(0).otherwise(1)
    sound = pl.col("score").is_between(least, pl.col("usual").fill_null(float("inf")))
    same = pl.col("scale").is_null() | (pl.col("scale") == pl.col("usual"))
    kept = rows.filter(pl.col("has") & same & sound).with_columns(scale="usual")
    return kept.drop("usual", "has"), rows.height - kept.height


def _most_answered(rows: pl.DataFrame) -> str:
    """Return the score that most answers have; of equals the first of the house's order."""
    counts = dict(rows.filter(pl.col("metric") != "item").group_by("metric").len().iter_rows())
    return max(_NAMES, key=lambda name: counts.get(name, 0))


def _complete(rows: pl.DataFrame, metric: str) -> _Answers:
    """Keep the answers with the score and all aspects; one of nobody known is a person's own."""
    scores = rows.filter(pl.col("metric") == metric).group_by("answer", maintain_order=True)
    overall = scores.agg(overall=pl.col("score").mean(), customer=pl.col("customer_id").first())
    items = rows.filter(pl.col("metric") == "item").join(overall, on="answer")
    counts = items.group_by("asked").agg(pl.col("answer").n_unique(), pl.col("scale").first())
    counts = counts.with_columns(pl.col("scale").fill_null(5)).sort("asked")
    enough = pl.col("answer") >= _ANSWERED * max(counts["answer"].to_list(), default=0)
    names = counts.filter(enough)["asked"].to_list()
    wide = overall
    for place, name in enumerate(names):
        rated = items.filter(pl.col("asked") == name).group_by("answer")
        wide = wide.join(rated.agg(pl.col("score").mean().alias(f"aspect {place}")), on="answer")
    wide = wide.head(wide.height if names else 0).sort("answer")
    person = pl.coalesce("customer", pl.format("answer {}", "answer")).rank("dense")
    return _Answers(
        names,
        counts.filter(enough)["scale"].to_list(),
        wide.select(f"aspect {place}" for place in range(len(names))),
        wide["overall"],
        wide.select(person=person.cast(pl.Int64) - 1)["person"],
        counts.filter(~enough)["asked"].to_list(),
    )


def _table(answers: _Answers, told: Importance | None) -> pl.DataFrame:
    """Describe each aspect; only means where nothing can be told of importance."""
    if not answers.names:
        return pl.DataFrame(schema=_SCHEMA)
    rows: list[_Row] = []
    heights = _heights(answers)
    sides = []
    if told:
        zeros = [_least(one) for one in answers.ratings]
        bounds = [
            [
                zero + part * (scale - zero)
                for zero, scale in zip(zeros, answers.scales, strict=True)
            ]
            for part in (_LOW, _HIGH)
        ]
        sides = asymmetry(
            answers.ratings.to_numpy(), answers.score.to_numpy(), answers.person.to_numpy(), *bounds
        )
    average = heights.mean_horizontal()
    for place, name in enumerate(answers.names):
        rating, height = answers.ratings.to_series(place), heights.to_series(place)
        row: _Row = {
            "driver": name,
            "answers": answers.score.len(),
            "scale": answers.scales[place],
            **_ends("mean", _mean(rating, answers.person)),
            **_ends("performance_share", _mean(height, answers.person)),
        }
        if told:
            one, side = told.drivers[place], sides[place]
            many = len(answers.names) > MOST_DRIVERS
            row |= _ends("importance_share", one.weight if many else one.lmg)
            row |= _ends("weight_share", one.weight) | _ends("own_effect", one.alone)
            row |= {"q_value": one.q_value, "uneven_q_value": side.q_value}
            row |= _ends("penalty", side.penalty) | _ends("reward", side.reward)
            row["uneven"] = _uneven(side.q_value, side.per_point.value)
            above = _mean(height - average, answers.person)
            row["place"] = _place(one.above_mean, above)
        rows.append(row)
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    table = table.with_columns(pl.selectors.float().fill_nan(None))
    return table.sort("importance_share", "driver", descending=[True, False], nulls_last=True)


def _heights(answers: _Answers) -> pl.DataFrame:
    """Return how far up its scale each rating lies, so that scales can stand side by side."""
    return pl.DataFrame(
        [
            ((one - _least(one)) / (scale - _least(one) or 1)).rename(one.name)
            for one, scale in zip(answers.ratings, answers.scales, strict=True)
        ]
    )


def _least(ratings: pl.Series) -> int:
    """A scale begins at 1 unless somebody gave a 0."""
    return 0 if (ratings == 0).any() else 1


def _mean(values: pl.Series, person: pl.Series) -> Interval:
    """Return a mean with an interval that takes people for independent, not their answers."""
    sums = (
        pl.DataFrame({"person": person, "value": values.rename("value")})
        .group_by("person", maintain_order=True)
        .agg(pl.col("value").sum(), n=pl.len().cast(pl.Float64))
    )
    return ratio(sums["value"], sums["n"])


def _ends(name: str, told: Interval) -> _Row:
    return {name: told.value, f"{name}_low": told.low, f"{name}_high": told.high}


def _uneven(q_value: float, per_point: float) -> str | None:
    """Say in words whether low ratings cost more than high ones bring; None: too few of either."""
    if q_value != q_value:
        return None
    if q_value >= 0.05:
        return "not surely"
    return _COST if per_point > 0 else _BRING


def _place(importance: Interval, performance: Interval) -> str:
    if not (importance.low > 0 or importance.high < 0):
        return "unclear"
    if not (performance.low > 0 or performance.high < 0):
        return "unclear"
    if importance.value > 0:
        return _PLACES[0] if performance.value < 0 else _PLACES[1]
    return _PLACES[2] if performance.value < 0 else _PLACES[3]


def _finding(table: pl.DataFrame, metric: str, n: int, people: int, told: Importance | None) -> str:
    name = _NAMES[metric]
    if table.is_empty():
        return "Cannot say: no survey rates single aspects beside an overall score."
    aspects = counted(table.height, "aspect")
    if told is None:
        if min(n, people) < ENOUGH or n < _PER_DRIVER * table.height:
            return (
                f"Cannot say what drives {name}: {counted(n, 'answer')} of "
                f"{counted(people, 'customer')} rate {aspects} beside it, and it takes at least "
                f"{max(ENOUGH, _PER_DRIVER * table.height):,}, of {ENOUGH} customers."
            )
        return f"Cannot say what drives {name}: all {n:,} answers give the same score."
    whole = 100 * told.r_squared.value
    of = f"Of {counted(n, 'answer')}"
    if told.p_value >= 0.05:
        return (
            f"{of} none of the {aspects} surely goes with {name}: together they describe "
            f"{whole:.1f} % of its variation, as they may by chance."
        )
    first = table.row(0, named=True)
    text = f"{of} the {aspects} together describe {whole:.1f} % of how {name} varies"
    if table.height == 1:
        return f"{text}: '{first['driver']}' is the only one asked about."
    second = table.row(1, named=True)
    close = second["importance_share_high"] >= first["importance_share_low"]
    but = f" (not surely more than '{second['driver']}')" if close else ""
    text += (
        f"; '{first['driver']}' goes with the largest part, {_points(first)} points{but}, and is "
        f"rated {first['mean']:.2f} of {first['scale']:,}"
    )
    start = table.filter(pl.col("place") == _PLACES[0])
    if start.is_empty():
        return f"{text}; no aspect is surely both important and rated below the others."
    best = start.row(0, named=True)
    if best["driver"] == first["driver"]:
        return f"{text}, below the average of the aspects: start there."
    return (
        f"{text}; start with '{best['driver']}': {_points(best)} points, and rated "
        f"{best['mean']:.2f} of {best['scale']:,}, below the average of the aspects."
    )


def _points(row: _Row) -> str:
    low, high = 100 * row["importance_share_low"], 100 * row["importance_share_high"]
    return f"{100 * row['importance_share']:.1f} ({low:.1f}–{high:.1f})"


def _caveats(
    table: pl.DataFrame,
    answers: _Answers,
    metric: str,
    other_scales: int,
    told: Importance | None,
) -> tuple[str, ...]:
    notes = []
    if told and table.height > 1:
        alike = answers.ratings.corr().to_numpy()
        pairs = [
            (float(alike[i, j]), answers.names[i], answers.names[j])
            for i in range(table.height)
            for j in range(i)
            if alike[i, j] == alike[i, j]
        ]
        if pairs:
            mean = sum(value for value, _, _ in pairs) / len(pairs)
            notes.append(
                f"Ratings of one answer resemble each other (r = {mean:.2f} on average): a good or "
                "bad mood colours all of them, so even an aspect that does nothing gets a part."
            )
        notes += [
            f"'{one}' and '{other}' go together so closely (r = {value:.2f}) that their parts "
            "cannot be told apart."
            for value, one, other in pairs
            if value >= _ALIKE
        ]
        quiet = table.filter(pl.col("q_value") >= 0.05)["driver"].to_list()
        if quiet and told.p_value < 0.05:
            notes.append(
                f"{listed(quiet)} may have no part of {'its' if len(quiet) == 1 else 'their'} own: "
                "beside the other aspects none is sure, and what goes with it may be theirs."
            )
        notes += [
            f"Of '{driver}' {uneven} than {_OTHERWISE[uneven]}, point for point."
            for driver, uneven in table.select("driver", "uneven").rows()
            if uneven in _OTHERWISE
        ]
    if told:
        notes.append(
            f"Importance says what goes with {_NAMES[metric]}, not what would raise it: try a "
            "change on some customers before you make it for all."
        )
        notes.append("Who answers may care for other things than who keeps silent.")
    if told and len(answers.names) > MOST_DRIVERS:
        notes.append(
            f"With more than {MOST_DRIVERS} aspects importance is by relative weights, not LMG."
        )
    if answers.left_out:
        notes.append(
            f"Left out, since fewer than half of these answers rate it: {listed(answers.left_out)}."
        )
    if other_scales:
        notes.append(
            f"Left out: {counted(other_scales, 'rating')} on another scale than the usual one."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    if table["importance_share"].null_count() == table.height:
        return charts.nothing("Too few answers to say what drives the score")
    start = table.filter(pl.col("place") == _PLACES[0])["driver"].to_list()
    title = "No aspect is surely both important and rated below the others"
    if start:
        title = f"Important and rated below the others: {listed(start)}"
    return charts.crosses(
        table,
        x="performance_share",
        y="importance_share",
        label="driver",
        title=title,
        x_unit="performance: how far up its scale the mean rating lies",
        y_unit="importance: part of what the score varies",
        corners=("start here", "keep it up", "can wait", "more than enough"),
        highlight=[place == _PLACES[0] for place in table["place"]],
    )
