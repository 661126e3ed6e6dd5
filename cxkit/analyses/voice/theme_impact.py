"""What does each theme go with in the score: where people speak of it, and for the whole?"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.result import Result, counted, verb
from cxkit.spoken import OTHER, UNTAGGED, left_blank, shown_apart, spoken, theme_order
from cxkit.stats import impact
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.differencing import tells_of_few
from cxkit.stats.intervals import ENOUGH, wilson
from cxkit.text.own_rating import SCALES
from cxkit.workspace import Workspace, query_text

QUESTION = "What does each theme go with in the score: where people speak of it, and for the whole?"
_NAMES = {"nps": "NPS", "csat": "CSAT", "stars": "the star rating", "ces": "CES"}
_UNITS = {"nps": " points"}
_SCHEMA: dict[str, Any] = {
    "theme": pl.String,
    "mentions": pl.Int64,
    "people": pl.Int64,
    "without": pl.Int64,
    "share_of_answers": pl.Float64,
    "share_of_answers_low": pl.Float64,
    "share_of_answers_high": pl.Float64,
    "score_with": pl.Float64,
    "score_without": pl.Float64,
    "drag": pl.Float64,
    "drag_low": pl.Float64,
    "drag_high": pl.Float64,
    "impact": pl.Float64,
    "impact_low": pl.Float64,
    "impact_high": pl.Float64,
    "q_value": pl.Float64,
    "metric": pl.String,
    "found_by": pl.String,
}
_Row = dict[str, Any]


def theme_impact(
    workspace: Workspace,
    *,
    metric: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Tell two figures apart: how low the score is where a theme is named, and what it weighs.

    The drag of a theme is the score of the answers whose comment speaks of it less the score of
    the other answers with a comment. Its impact is the score of all answers with a comment less
    the score of those that do not speak of it: by how much the whole would differ without them. A
    theme that few name may have a large drag and hardly any impact. Both are below 0 where the
    theme goes with low scores. The score is NPS in points, or the mean of the ratings on their
    scale; one metric on its usual scale, never several pooled. Themes are those of `themes`.

    Args:
        workspace: an open store.
        metric: "nps", "csat", "stars" or "ces"; default: the one with the most commented answers.
        as_of: read what was given until this moment; default: the latest time in the data.

    Returns:
        One row per theme, lowest impact first, then "no theme": theme, mentions (answers whose
        comment speaks of it), people (who gave them), without (the other answers with a comment),
        share_of_answers (mentions of both, with Wilson's interval on as many answers as the people
        are worth, _low, _high), score_with, score_without, drag and impact (each with _low and
        _high, bootstrap by person), q_value (of the drag, Benjamini-Hochberg over the themes
        judged), metric, found_by. Drag and impact are null where fewer than 30 answers or people
        speak of the theme or do not; an interval is null where all scores of each side are the
        same. An answer may speak of several themes of a book. n is the
        number of answers with a comment. In a report, themes of few people go into 'other', and the
        figures of a row are null where few people speak of the theme or few do not, or where rows
        that overlap could be subtracted until they tell of few.

    Raises:
        BadQuestion: where there is no such metric.
        BadThemes: where the theme book kept with the store has a fault.
    """
    if metric is not None and not (isinstance(metric, str) and metric in SCALES):
        raise BadQuestion(f"No metric is called {metric!r}. There are: {listed(SCALES)}.")
    until = workspace.moment(as_of)
    answers = workspace.query(
        "theme_impact",
        metrics=list(SCALES),
        lowest=[scale[0] for scale in SCALES.values()],
        most=[scale[1] for scale in SCALES.values()],
        as_of=until,
    )
    usual = answers.filter("usual", "sound")
    left_out = {
        "on another scale than the usual one": answers.filter(~pl.col("usual")).height,
        "whose score is not on its scale": answers.filter("usual", ~pl.col("sound")).height,
    }
    metric = metric or _most_commented(usual)
    told = spoken(workspace, until)
    rated = _valued(usual.filter(pl.col("metric") == metric))
    commented = rated.filter(pl.col("comment_ids").is_not_null())
    themes = _of_answers(commented, told.comments, told.themes)
    least = workspace.least
    table = _table(commented, shown_apart(themes, least), metric, told.found_by, least)
    return Result(
        name="theme_impact",
        question=QUESTION,
        table=table,
        finding=_finding(table, commented.height, any(left_out.values())),
        caveats=(
            *_caveats(table, rated, usual, left_out, least),
            *_named(themes, table, least),
            *(told.notes if commented.height else ()),
        ),
        sql=query_text("theme_impact"),
        as_of=until,
        n=commented.height,
        draw=_chart,
    )


def _most_commented(answers: pl.DataFrame) -> str:
    written = answers.group_by("metric").agg(n=pl.col("comment_ids").count())
    ranked = written.sort(pl.col("n"), "metric", descending=[True, False])
    return str(ranked["metric"].first() or "nps")


def _valued(answers: pl.DataFrame) -> pl.DataFrame:
    """Give each answer what it adds to the score, and a number for its person."""
    _, _, bad, good = SCALES["nps"]
    points = (
        pl.when(pl.col("score") >= good).then(100.0).when(pl.col("score") <= bad).then(-100.0)
    ).otherwise(0.0)
    value = pl.when(pl.col("metric") == "nps").then(points).otherwise(pl.col("score"))
    return answers.with_columns(
        value=value.cast(pl.Float64), person=pl.col("customer_key").rank("dense").cast(pl.Int64)
    )


def _of_answers(
    answers: pl.DataFrame, comments: pl.DataFrame, themes: pl.DataFrame
) -> pl.DataFrame:
    """Return one row per answer and theme of its comment; `row` numbers the answers."""
    numbered = answers.with_row_index("row").select(
        pl.col("row").cast(pl.Int64), "customer_key", feedback_id="comment_ids"
    )
    numbered = numbered.explode("feedback_id")  # a record may hold several comments
    # an id that stands twice would double its answers
    whose = comments.select("feedback_id", comment="row").unique("feedback_id", keep="first")
    of = themes.select("theme", comment="row")
    return (
        numbered.join(whose, on="feedback_id", how="left", maintain_order="left")
        .join(of, on="comment", how="left", maintain_order="left")
        .select("row", pl.col("theme").fill_null(UNTAGGED), "customer_key")
        .unique(maintain_order=True)
        # of several comments one may speak of a theme and the other of none
        .filter((pl.col("theme") != UNTAGGED) | (pl.len().over("row") == 1))
    )


def _table(
    answers: pl.DataFrame, themes: pl.DataFrame, metric: str, found_by: str, least: int
) -> pl.DataFrame:
    names = theme_order(themes)
    places = {name: set(themes.filter(pl.col("theme") == name)["row"]) for name in names}
    judged = [name for name in names if name not in (OTHER, UNTAGGED)]
    told: dict[str, impact.Theme] = {}
    if judged:
        held = [[row in places[name] for name in judged] for row in range(answers.height)]
        figures = impact.theme_impact(answers["value"].to_list(), held, answers["person"].to_list())
        told = dict(zip(judged, figures, strict=True))
    telling = _telling(answers, places, least)
    rows = [
        {"theme": name} if name in telling else _row(answers, name, places[name], told.get(name))
        for name in names
    ]
    table = pl.DataFrame(
        [{**row, "metric": metric, "found_by": found_by} for row in rows], schema=_SCHEMA
    ).with_columns(pl.selectors.float().fill_nan(None))
    last = pl.col("theme").replace_strict({OTHER: 1, UNTAGGED: 2}, default=0)
    return table.sort(
        last, "impact", "mentions", "theme", descending=[False, False, True, False], nulls_last=True
    )


def _row(answers: pl.DataFrame, name: str, rows: set[int], told: impact.Theme | None) -> _Row:
    """Return what is said of a theme."""
    spoke = pl.Series([row in rows for row in range(answers.height)], dtype=pl.Boolean)
    of, rest = answers.filter(spoke), answers.filter(~spoke)
    marked = answers.with_columns(spoke=spoke)
    each = marked.group_by("person").agg(x=pl.col("spoke").sum(), n=pl.len())
    effect = design_effect(each["x"].to_list(), each["n"].to_list())
    share = wilson(*effective(of.height, answers.height, effect))
    row = {
        "theme": name,
        "mentions": of.height,
        "people": of["person"].n_unique(),
        "without": rest.height,
        "share_of_answers": share.value,
        "share_of_answers_low": share.low,
        "share_of_answers_high": share.high,
        "score_with": of["value"].mean(),
        "score_without": rest["value"].mean(),
    }
    if told is not None:
        for field in ("drag", "impact"):
            told_of = getattr(told, field)
            row |= {
                field: told_of.value,
                f"{field}_low": told_of.low,
                f"{field}_high": told_of.high,
            }
        row["q_value"] = told.q_value
    return row


def _telling(answers: pl.DataFrame, places: dict[str, set[int]], least: int) -> set[str]:
    """Return the themes whose figures a report leaves blank, so that none tells of few people.

    What one side of a theme says is the whole, which is known, less the other side.
    """
    if not least:
        return set()
    people = answers["person"].to_list()
    held = {name: [row in rows for row in range(answers.height)] for name, rows in places.items()}

    def tell(names: Iterable[str]) -> bool:
        groups = [held[name] for name in names]
        return tells_of_few(list(zip(*groups, strict=True)), people, least)

    return left_blank({name: len(rows) for name, rows in places.items()}, tell)


def _few(answers: pl.DataFrame, least: int) -> bool:
    """Tell whether answers are of so few people that what they say is said of those people."""
    return 0 < answers["person"].n_unique() < least


def _finding(table: pl.DataFrame, n: int, left_out: bool) -> str:
    if n == 0:
        which = "no score on the usual scale" if left_out else "no score"
        return f"Cannot say: {which} has a comment beside it."
    name = _NAMES[table["metric"][0]]
    judged = table.filter(pl.col("drag").is_not_null())
    if judged.is_empty():
        answers = f"{counted(n, 'answer')} with a comment"
        if set(table["theme"]) <= {OTHER, UNTAGGED}:
            return f"Cannot say what goes with {name}: in {answers} no theme is found."
        return (
            f"Too few to say what goes with {name}: of {answers} no theme is named by {ENOUGH} "
            f"people and left unnamed by {ENOUGH}."
        )
    sure = judged.filter(pl.col("q_value") < 0.05)
    if sure.is_empty():
        return (
            f"None of {counted(judged.height, 'theme')} surely goes with a lower or higher "
            f"{name.removeprefix('the ')} ({counted(n, 'answer')} with a comment)."
        )
    worst = _foremost(sure)
    lower = worst["drag"] < 0
    side = "lower" if lower else "higher"
    other = "higher" if lower else "lower"
    alike = ""
    if worst["drag_low"] is None:
        alike = (
            f": all {worst['mentions']:,} count the same, and so do all {worst['without']:,} "
            "others; how sure this figure is cannot be said"
        )
    return (
        f"Where people write of '{worst['theme']}' {name} is {_apart(worst, 'drag')} {side} "
        f"({worst['mentions']:,} of {counted(n, 'answer')} with a comment{alike}); without those "
        "answers "
        f"the whole would read {_apart(worst, 'impact')} {other} (associated with, not caused by)."
    )


def _foremost(sure: pl.DataFrame) -> _Row:
    """Return the theme that weighs most on the score; where none lowers it, that lifts it most."""
    low = sure.filter(pl.col("drag") < 0)
    return (low if low.height else sure.sort(-pl.col("impact"))).row(0, named=True)


def _apart(row: _Row, field: str) -> str:
    """Say how far apart, without a sign: 42 points (30-54)."""
    digits = 1 if row["metric"] == "nps" else 2
    ends = [row[field], row[f"{field}_low"], row[f"{field}_high"]]
    if ends[1] is None:
        return f"{abs(row[field]):.{digits}f}{_UNITS.get(row['metric'], '')}"
    value, low, high = ends if row["drag"] > 0 else (-ends[0], -ends[2], -ends[1])
    between = f"{low:.{digits}f} to {high:.{digits}f}" if low < 0 else (
        f"{low:.{digits}f}–{high:.{digits}f}"
    )  # fmt: skip
    return f"{value:.{digits}f}{_UNITS.get(row['metric'], '')} ({between})"


def _caveats(
    table: pl.DataFrame,
    rated: pl.DataFrame,
    usual: pl.DataFrame,
    left_out: dict[str, int],
    least: int,
) -> tuple[str, ...]:
    notes = []
    written = rated.filter(pl.col("comment_ids").is_not_null())
    rest = rated.filter(pl.col("comment_ids").is_null())
    metric = str(rated["metric"].first() or "")
    if rated.height:
        name, digits = _NAMES[metric], 1 if metric == "nps" else 2
        told = (
            f"{written.height:,} of {counted(rated.height, 'answer')} to {name} "
            f"{verb(written.height, 'have')} a comment"
        )
        if written.height and rest.height and not (_few(written, least) or _few(rest, least)):
            told += (
                f" and give {_mean(written):.{digits}f}; the {rest.height:,} without one give "
                f"{_mean(rest):.{digits}f}, and what they would speak of is not known"
            )
        notes.append(f"{told}.")
    blank = table["mentions"].null_count()
    if blank:
        notes.append(
            f"Left blank: {counted(blank, 'row')} where fewer than {least} people speak of the "
            "theme, or fewer do not, or which would tell of so few by what other rows say."
        )
    few = table.filter(~pl.col("theme").is_in([OTHER, UNTAGGED]), pl.col("drag").is_null())
    if few.height and written.height:
        notes.append(
            f"Too few to say of {counted(few.height, 'theme')}: {ENOUGH} answers of {ENOUGH} "
            "people have to name it, and as many not."
        )
    others = (
        usual.filter(pl.col("metric") != metric, pl.col("comment_ids").is_not_null())
        .group_by("metric")
        .len()
        .sort("metric")
    )
    notes += [
        f"Scales are never pooled: ask metric='{other}' for {_NAMES[other]} "
        f"({counted(n, 'answer')} with a comment)."
        for other, n in others.rows()
    ]
    notes += [f"Left out: {counted(n, 'answer')} {why}." for why, n in left_out.items() if n]
    if table["drag"].count():
        notes.append(
            "Who names a theme differs from the others in more than the theme: a drag is "
            "associated with it, not what mending it would bring."
        )
    return tuple(notes)


def _named(themes: pl.DataFrame, table: pl.DataFrame, least: int) -> tuple[str, ...]:
    """Say how many answers name a theme at all, where neither side is of few people."""
    sides = themes.group_by(none=pl.col("theme") == UNTAGGED).agg(
        n=pl.col("row").n_unique(), people=pl.col("customer_key").n_unique()
    )
    if sides.is_empty() or sides["people"].min() < least:  # type: ignore[operator]
        return ()
    if not table.filter(theme=UNTAGGED).filter(pl.col("mentions").is_null()).is_empty():
        return ()
    named, without = (int(sides.filter(none=side)["n"].sum()) for side in (False, True))
    return (
        f"{named:,} of {counted(named + without, 'answer')} with a comment "
        f"{verb(named, 'name')} a theme, {without:,} {verb(without, 'name')} none.",
    )


def _mean(answers: pl.DataFrame) -> float:
    return float(answers["value"].sum()) / answers.height


def _chart(table: pl.DataFrame) -> charts.Figure:
    judged = table.filter(pl.col("drag").is_not_null())
    if judged.is_empty():
        return charts.nothing("Too few answers to say what a theme goes with")
    name = _NAMES[judged["metric"][0]]
    sure = judged.filter(pl.col("q_value") < 0.05)
    title = f"No theme surely goes with a lower or higher {name.removeprefix('the ')}"
    if sure.height:
        worst = _foremost(sure)
        weighs = "weighs most on" if worst["drag"] < 0 else "goes with the highest of"
        title = f"'{worst['theme']}' {weighs} {name}"
    units = {
        "drag": f"drag: {name} where it is named, less where it is not",
        "impact": f"impact: {name} of all, less that of those who do not name it",
    }
    panels = []
    for field, unit in units.items():
        ends = pl.min_horizontal(pl.col(field, f"{field}_low").min(), 0.0)
        most = pl.max_horizontal(pl.col(field, f"{field}_high").max(), 0.0)
        panels.append(
            judged.select(
                "theme",
                "mentions",
                value=field,
                low=f"{field}_low",
                high=f"{field}_high",
                unit=pl.lit(unit),
                ends=pl.concat_list(ends * 1.05, most * 1.05),
            )
        )
    drawn = pl.concat(panels)
    digits = 1 if judged["metric"][0] == "nps" else 2
    return charts.dots(
        drawn,
        value="value",
        low="low",
        high="high",
        label="theme",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{value:+.{digits}f} · n = {n:,}"
            for value, n in drawn.select("value", "mentions").iter_rows()
        ],
    )
