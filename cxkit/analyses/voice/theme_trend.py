"""Which themes came up or rose, and since when?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion
from cxkit.notes import end_note
from cxkit.periods import EVERY, by_person, person_effect
from cxkit.result import Result, counted, verb
from cxkit.spoken import OTHER, UNTAGGED, shown_apart, spoken, theme_order
from cxkit.stats.clustered import effective, within_effect
from cxkit.stats.control import p_chart
from cxkit.stats.cusum import limit_for, rise
from cxkit.stats.intervals import ENOUGH, said, wilson
from cxkit.workspace import Workspace, query_text

QUESTION = "Which themes came up or rose, and since when?"
_FEW = 6  # periods from which a rise can be told
_PANELS = 4
_SCHEMA: dict[str, Any] = {
    "theme": pl.String,
    "begins": pl.Date,
    "comments": pl.Int64,
    "mentions": pl.Int64,
    "people": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "past_share": pl.Float64,
    "past_share_low": pl.Float64,
    "past_share_high": pl.Float64,
    "state": pl.String,
    "cusum": pl.Float64,
    "limit": pl.Float64,
    "p_value": pl.Float64,
    "design_effect": pl.Float64,
    "rising": pl.Int64,
    "rose": pl.Date,
    "alarm": pl.Date,
    "peak": pl.Date,
    "found_by": pl.String,
}
# what tells how many wrote in a week or month, and of what
_OF_A_PERIOD = (
    "comments mentions people share share_low share_high past_share_low past_share_high state cusum"
).split()
_Row = dict[str, Any]


def theme_trend(
    workspace: Workspace,
    *,
    every: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find the themes that came up or rose, from which week on, and when that could be known.

    What counts is the share of all comments, so that more comments of everything are no rise.
    Each theme is judged against its own past by a CUSUM that starts itself: each week by the weeks
    before it alone, a person once a week (Page 1954; Hawkins 1987); where the same people write in
    many weeks, people are taken for independent, not weeks. The limit is set so that, where
    no theme moved, any alarm in all weeks of all themes comes in one of a hundred companies
    (Siegmund 1985), and 5 people have to have made the rise. Weeks that are not over are shown and
    not judged. Themes are those of `themes`.

    Args:
        workspace: an open store.
        every: "week", which begins on Monday, or "month"; default: weeks, or in a report, where no
            week is of enough people to be shown, months.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per theme and week or month, risen themes first, the latest first: theme, begins
        (first day), comments (of all themes), mentions (comments of this one; a comment may have
        several), people (who wrote them), share with Wilson's interval (_low, _high; on as many
        comments as the people are worth), past_share (before the rise, or of all weeks where there
        is none) and its control limits (_low, _high; three standard deviations, Laney's where weeks
        differ by more than chance), state ("judged", "unfinished", or "too few" where the whole
        is), cusum, limit, p_value (of the theme: chance of sums as high), design_effect (by how
        many times fewer comments of different people would say as much), rising (1 in the weeks of
        the rise, else 0), and, of a theme that rose, rose (the first week of it), alarm (the week
        after which it was sure), peak (the week of the surest high share). "no theme" rises where a
        theme is missing from the book. n is the number of dated comments. In a report, themes of
        few people go into 'other'; the figures of weeks in which few people wrote are null, and
        these weeks count nowhere.

    Raises:
        BadQuestion: where `every` is neither "week" nor "month".
        BadThemes: where the theme book kept with the store has a fault.
    """
    if every is None:
        weekly = theme_trend(workspace, every="week", as_of=as_of)
        if weekly.n and _seen(weekly.table).is_empty():
            monthly = theme_trend(workspace, every="month", as_of=as_of)
            return monthly if "judged" in _seen(monthly.table)["state"] else weekly
        return weekly
    if not isinstance(every, str) or every not in EVERY:
        raise BadQuestion(f"every is {every!r}; give 'week' or 'month'.")
    until = workspace.moment(as_of)
    zone = workspace.settings.company.timezone
    told = spoken(workspace, until)
    dated = workspace.query("theme_trend", as_of=until, zone=zone, every=every)
    days = dated.unique("feedback_id", keep="first").drop("today")
    comments = told.comments.join(days, on="feedback_id", how="inner", maintain_order="left")
    themes = told.themes.join(
        comments.select("row", "begins"), on="row", how="inner", maintain_order="left"
    )
    table = _table(
        _numbered(comments),
        shown_apart(themes, workspace.least),
        every,
        dated["today"][0] if dated.height else None,
        workspace.least,
    )
    table = table.with_columns(found_by=pl.lit(told.found_by))
    return Result(
        name="theme_trend",
        question=QUESTION,
        table=table,
        finding=_finding(table, comments.height, every, workspace.least),
        caveats=(
            *_caveats(table, told.comments.height - comments.height, every, workspace.least),
            *(told.notes if comments.height else ()),
            *end_note(workspace, as_of),
        ),
        sql=query_text("theme_trend"),
        as_of=until,
        n=comments.height,
        draw=_chart,
    )


def _numbered(comments: pl.DataFrame) -> pl.DataFrame:
    person = pl.col("customer_key").rank("dense").cast(pl.Int64)
    return comments.select("row", "customer_key", "begins", person=person)


def _table(
    comments: pl.DataFrame, themes: pl.DataFrame, every: str, today: date | None, least: int
) -> pl.DataFrame:
    if comments.is_empty() or today is None:
        return pl.DataFrame(schema=_SCHEMA)
    names = theme_order(themes)
    first, last = comments["begins"].min(), comments["begins"].max()
    begins = pl.date_range(first, last, EVERY[every], eager=True)  # type: ignore[arg-type]
    ends = begins.dt.offset_by(EVERY[every])
    periods = pl.DataFrame({"begins": begins, "over": ends.dt.offset_by("-1d") <= today})
    few = _of_few(comments, least)
    # whatever they moved, the sum of the next week or the share of the past, would tell of them
    seen = ~pl.col("begins").is_in(few)
    comments, themes = comments.filter(seen), themes.filter(seen)
    counts = periods.join(
        comments.group_by("begins").agg(
            comments=pl.len().cast(pl.Int64), writers=pl.col("person").n_unique()
        ),
        on="begins",
        how="left",
        maintain_order="left",
    ).with_columns(pl.col("comments", "writers").fill_null(0))
    counts = counts.with_columns(blank=~seen)
    over = counts.filter("over", ~pl.col("blank"))
    enough = int(over["comments"].sum()) >= ENOUGH and over.height >= _FEW
    limit = limit_for(over.height, len(names))
    people = comments.select("row", "person")
    frames = []
    for name in names:
        of = themes.filter(pl.col("theme") == name).join(people, on="row", maintain_order="left")
        frames.append(_series(name, of, comments, counts, limit, enough))
    table = pl.concat(frames).with_columns(pl.when(seen).then(pl.col(_OF_A_PERIOD)))
    rank = {name: place for place, name in enumerate(names)}
    order = (
        table.group_by("theme")
        .agg(pl.col("rose").first())
        .with_columns(
            rank=pl.col("theme").replace_strict(rank, return_dtype=pl.Int64),
            # a theme that has a name says more than comments of none
            named=~pl.col("theme").is_in([UNTAGGED, OTHER]),
        )
        .sort(
            pl.col("rose").is_null(), "named", "rose", "rank",
            descending=[False, True, True, False],
        )["theme"]
        .to_list()
    )  # fmt: skip
    places = {name: place for place, name in enumerate(order)}
    return table.sort(pl.col("theme").replace_strict(places, return_dtype=pl.Int64), "begins")


def _of_few(comments: pl.DataFrame, least: int) -> list[date]:
    """Return the periods in which fewer than `least` people wrote.

    Where they are too few together the next larger one is among them, or the total would tell.
    """
    wrote = comments.group_by("begins").agg(pl.col("person").unique()).sort(
        pl.col("person").list.len(), "begins"
    )  # fmt: skip
    found: list[date] = []
    people: set[int] = set()
    for begins, who in wrote.rows():
        if len(who) >= least and (not found or len(people) >= least):
            break
        found.append(begins)
        people.update(who)
    return found


def _series(
    name: str,
    of: pl.DataFrame,
    comments: pl.DataFrame,
    counts: pl.DataFrame,
    limit: float,
    enough: bool,
) -> pl.DataFrame:
    """Judge one theme, period by period."""
    own = of.group_by("begins").agg(
        mentions=pl.len().cast(pl.Int64), who=pl.col("person").unique().sort()
    )
    frame = counts.join(own, on="begins", how="left", maintain_order="left").with_columns(
        pl.col("mentions").fill_null(0), people=pl.col("who").list.len().fill_null(0).cast(pl.Int64)
    )
    spoke = comments.with_columns(one=pl.col("row").is_in(of["row"].to_list()))
    each = spoke.group_by(pl.col("person").alias("customer_key"), "begins").agg(
        followed=pl.col("one").sum(), entered=pl.len()
    )
    alike = within_effect(by_person(each.sort("begins", "customer_key"), frame["begins"].to_list()))
    over = frame.filter("over")
    weekly = each.with_columns(followed=(pl.col("followed") > 0).cast(pl.Int64), entered=pl.lit(1))
    found = rise(
        over["people"].to_list(),
        over["writers"].to_list(),
        limit,
        [[] if who is None else who.to_list() for who in over["who"]],
        person_effect(weekly),
    )
    start = found.start if enough and found.alarm is not None else None
    baseline = [bool(over["comments"][at]) and (start is None or at < start) for at in
                range(over.height)]  # fmt: skip
    # a rise in the first weeks has no past: all weeks then stand for it
    if not any(baseline):
        baseline = [True] * over.height
    late = frame.height - over.height
    x, n = ((frame[column] / alike).to_list() for column in ("mentions", "comments"))
    limits = p_chart(x, n, baseline + [False] * late, laney=True)
    shares = [
        wilson(*effective(x, n, alike)) for x, n in frame.select("mentions", "comments").rows()
    ]
    rising = [0] * frame.height
    peak = None
    if start is not None and found.alarm is not None:
        end = _end(over, start, found.alarm, limits.centre)
        rising[start : end + 1] = [1] * (end + 1 - start)
        # the surest height: a week of two comments is no peak
        written = [at for at in range(start, end + 1) if over["comments"][at]]
        peak = over["begins"][max(written, key=lambda at: (shares[at].low, -at))]
    state = pl.when("over").then(pl.lit("judged" if enough else "too few"))
    return frame.select(
        pl.lit(name).alias("theme"),
        "begins",
        "comments",
        "mentions",
        "people",
        pl.Series("share", [share.value for share in shares]).fill_nan(None),
        pl.Series("share_low", [share.low for share in shares]).fill_nan(None),
        pl.Series("share_high", [share.high for share in shares]).fill_nan(None),
        pl.lit(limits.centre).fill_nan(None).alias("past_share"),
        pl.Series("past_share_low", limits.low).fill_nan(None),
        pl.Series("past_share_high", limits.high).fill_nan(None),
        state.otherwise(pl.lit("unfinished")).alias("state"),
        pl.Series("cusum", [*found.sums, *[None] * late], dtype=pl.Float64),
        pl.lit(limit).alias("limit"),
        pl.lit(found.p if enough else None, pl.Float64).alias("p_value"),
        pl.lit(person_effect(each)).alias("design_effect"),
        pl.Series("rising", rising, dtype=pl.Int64),
        pl.lit(None if start is None else over["begins"][start], pl.Date).alias("rose"),
        pl.lit(
            None if start is None or found.alarm is None else over["begins"][found.alarm], pl.Date
        ).alias("alarm"),
        pl.lit(peak, pl.Date).alias("peak"),
    )


def _end(over: pl.DataFrame, start: int, alarm: int, past: float) -> int:
    """Return the last period of a rise: up to it shares are nearer to those of its start."""
    rows = over.select("mentions", "comments").rows()
    high = sum(x for x, _ in rows[start : alarm + 1]) / sum(n for _, n in rows[start : alarm + 1])
    total, most, end = 0.0, 0.0, alarm
    for at in range(alarm + 1, len(rows)):
        x, n = rows[at]
        total += x - n * (past + high) / 2
        if total > most:
            most, end = total, at
    return end


def _risen(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the rows of each theme that rose, the latest first."""
    rose = table.filter(pl.col("rose").is_not_null())
    return rose.partition_by("theme", maintain_order=True)


def _seen(table: pl.DataFrame) -> pl.DataFrame:
    """Return the weeks or months in which enough people wrote to be shown."""
    return table.filter(pl.col("comments").is_not_null())


def _finding(table: pl.DataFrame, n: int, every: str, least: int) -> str:
    if not n:
        return "There are no dated comments: whether a theme rose cannot be said."
    blank = table.filter(pl.col("comments").is_null())
    table = _seen(table)
    if table.is_empty():
        return (
            f"In no {every} {least} people or more wrote: a report does not say whether a theme "
            "rose."
        )
    if blank.height:
        n = int(table.filter(theme=table["theme"][0])["comments"].sum())
    judged = table.filter(pl.col("state") == "judged")
    if judged.is_empty():
        return (
            f"{counted(n, 'comment')} in {counted(table['begins'].n_unique(), every)}: too few to "
            f"say whether a theme rose (it takes {ENOUGH} comments in {_FEW} finished {every}s)."
        )
    names = set(judged["theme"])
    if names <= {UNTAGGED, OTHER}:
        return f"Cannot say: {counted(n, 'comment')} {verb(n, 'have')} no themes that can be shown."
    found = _risen(table)
    many = counted(judged["begins"].n_unique(), every)
    if not found:
        themes = counted(len(names - {UNTAGGED, OTHER}), "theme")
        return (
            f"No theme came up or rose: in {many} of {counted(n, 'comment')} none of {themes} took "
            "a larger share than its own past and chance would bring."
        )
    text = _told(found[0], every)
    if len(found) > 1:
        also = [_called(rows["theme"][0]) for rows in found[1:6]]
        text += f" Also up: {', '.join(also)}."
    return text


def _called(theme: str) -> str:
    return {UNTAGGED: "comments of no theme", OTHER: "the other themes"}.get(theme, f"'{theme}'")


def _told(rows: pl.DataFrame, every: str) -> str:
    one = rows.row(0, named=True)
    up = rows.filter(pl.col("rising") == 1)
    before = rows.filter(pl.col("begins") < one["rose"])
    (x, n), (y, m), alike = _counts(up), _counts(before), one["design_effect"]
    past = f"{said(*effective(y, m, alike))} of {m:,} before" if m else "nothing known before"
    what = {UNTAGGED: "no theme at all"}.get(one["theme"], _called(one["theme"]))
    end = up["begins"][-1]
    ended = end < rows.filter(pl.col("state") == "judged")["begins"][-1]
    brief = ended and end == one["rose"]
    when = (
        f"From the {every} of {_day(one['rose'])} {f'until that of {_day(end)}' if ended else 'on'}"
    )
    when = f"In the {every} of {_day(one['rose'])}" if brief else when
    share = f"{said(*effective(x, n, alike))} of {counted(n, 'comment')}" if n else "a larger share"
    told = f"{when} {share} spoke of {what}, against {past}"
    if one["peak"] is not None and not brief:
        peak = rows.filter(pl.col("begins") == one["peak"]).row(0, named=True)
        told += f"; most in the {every} of {_day(one['peak'])} "
        told += f"({peak['mentions']:,} of {peak['comments']:,})"
    known = f"that of {_day(one['alarm'])}"
    if one["alarm"] == (one["rose"] if brief else one["peak"]):
        known = f"that {every}"
    elif ended and one["alarm"] == end:
        known = f"the last of these {every}s"
    return f"{told}, and sure at the end of {known}."


def _counts(rows: pl.DataFrame) -> tuple[int, int]:
    return int(rows["mentions"].sum()), int(rows["comments"].sum())


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _caveats(table: pl.DataFrame, undated: int, every: str, least: int) -> tuple[str, ...]:
    notes = [f"Also: {_told(rows, every)}" for rows in _risen(table)[1:4]]
    if notes or _risen(table):
        notes.append(
            "The weeks of a rise are chosen because they are high: how high it is by itself is "
            "somewhat overstated. It is associated with what happened then, not explained by it."
        )
    judged = table.filter(pl.col("state") == "judged")
    if judged.height:
        notes.append(
            "Where no theme moved, any alarm at all comes in one of a hundred companies; a rise "
            "that is small or slow may take long to be sure, or never be."
        )
    young = table.filter(pl.col("state") == "unfinished")["begins"].unique().sort()
    if len(young):
        notes.append(
            f"The {every} from {_day(young[0])} on is not over: it is shown and not judged."
        )
    blank = table.filter(pl.col("comments").is_null())["begins"].n_unique()
    if blank:
        notes.append(
            f"Left blank, and out of the shares told here: {counted(blank, every)} in which fewer "
            f"than {least} people wrote, or by which those could be worked out."
        )
    if undated:
        notes.append(f"Left out: {counted(undated, 'comment')} without a date.")
    if table["found_by"].eq("words alone").any():
        notes.append(
            "Proposed by the words alone, a new and small theme may hide within a larger one: a "
            "theme book finds it sooner."
        )
    if table.height:
        notes.append(
            "Shares are of those who wrote: a theme also rises where fewer write of other things."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    judged = table.filter(pl.col("state") == "judged")
    if judged.is_empty():
        return charts.nothing("Too few comments to say whether a theme rose")
    found = _risen(table)
    shown = table["theme"].unique(maintain_order=True).to_list()[: max(1, len(found))][:_PANELS]
    title = "No theme rose above its own past"
    if found:
        one = found[0].row(0, named=True)
        title = f"{_called(one['theme'])} rose from {_day(one['rose'])} on"
        title += f", and {len(found) - 1:,} more" if len(found) > 1 else ""
    here = table.filter(pl.col("theme").is_in(shown))
    above = (pl.col("share") > pl.col("past_share_high")) & (pl.col("state") == "judged")
    return charts.control(
        here,
        x="begins",
        y="share",
        centre="past_share",
        low="past_share_low",
        high="past_share_high",
        panel="theme",
        marked="rising",
        pale=here["state"].eq_missing("unfinished").to_list(),
        outside=here.select(above.fill_null(False))["share"].to_list(),
        title=title,
        x_unit="written in the time that begins on",
        y_unit="share of comments",
    )
