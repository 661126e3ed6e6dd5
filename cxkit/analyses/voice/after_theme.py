"""What did people do next who wrote of a theme, against those who wrote of other things?"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import whole_number
from cxkit.lapse import LapseRule, lapse_rule
from cxkit.notes import end_note
from cxkit.result import Result, counted, verb
from cxkit.spoken import OTHER, UNTAGGED, left_blank, shown_apart, spoken, theme_order
from cxkit.stats.clustered import contrast_effect, design_effect, effective
from cxkit.stats.differencing import sides_tell_of_few
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg, newcombe, shares_p, wilson
from cxkit.workspace import Workspace, query_text

QUESTION = "What did people do next who wrote of a theme, against those who wrote of other things?"
_LAPSED = "lapsed"  # no deed, but that none came: of customers, for as long as the lapse limit
_DEEDS = {
    "bought": "buy",
    "came back": "come back",
    "contacted": "get in touch again",
    _LAPSED: "lapse",
}
_DONE = {
    "bought": "bought",
    "came back": "came back",
    "contacted": "got in touch again",
    _LAPSED: "lapsed",
}
_SCHEMA: dict[str, Any] = {
    "theme": pl.String,
    "did": pl.String,
    "within_days": pl.Int64,
    "people": pl.Int64,
    "people_did": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "others": pl.Int64,
    "others_people": pl.Int64,
    "others_did": pl.Int64,
    "others_share": pl.Float64,
    "others_share_low": pl.Float64,
    "others_share_high": pl.Float64,
    "change": pl.Float64,
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "q_value": pl.Float64,
    "found_by": pl.String,
}
_EXPECTED = 5  # deeds, and people without them, that each side would have if both were alike
_Row = dict[str, Any]
_Key = tuple[str, str]  # theme, did
_Sides = list[list[bool]]  # who wrote of the theme, and the others: true where a comment counts


def after_theme(
    workspace: Workspace,
    *,
    within_days: int = 90,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Compare what people did after they wrote of a theme with what others did after they wrote.

    Who wrote of a theme counts once, from the first comment that speaks of it and can be followed.
    Compared with are the comments of people who had not written of it by then; so whoever writes
    often, and buys often, is on both sides as often as chance brings it, and no side is of the
    busier people. One person may have several comments there: intervals and tests take people for
    independent, not comments. A deed counts on the days after the comment, up to `within_days`;
    only comments whose days lie wholly in the data are counted, of each kind of deed by itself.
    Themes are those of `themes`.

    Lapsed is who then bought nothing for as long as the lapse limit of `lifecycle`, whatever
    `within_days` is. It is told of customers alone: who had bought, and was not silent for longer
    than the limit, when they wrote; a prospect cannot leave, and who had left cannot leave again.
    Everybody is followed for the same days from the comment on, so nobody counts as a customer for
    having bought later, and a purchase after those days is a return, not a stay. Of customers it
    is "bought" turned round where the limit is `within_days`; else the days differ as well.

    Args:
        workspace: an open store.
        within_days: how long after a comment a deed counts; for "lapsed" it is the lapse limit.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per theme and deed ("bought": a purchase; "came back": a visit or other event;
        "contacted": a ticket or message; "lapsed": a customer's silence), of deeds that the data
        hold: theme, did, within_days, people (who wrote of it), people_did, share with Wilson's
        interval (_low, _high), others (comments of people who had not), others_people, others_did,
        others_share (_low, _high), change (share less others_share, with Newcombe's interval, _low,
        _high), q_value (Benjamini-Hochberg over themes and deeds), found_by. change is null below
        30 people on a side, and where a deed is so rare, or so common, that 5 of either kind are
        not to be expected on a side (Cochran 1954). n is the number of comments that could be
        followed for any deed. In a report, themes of few people go into 'other', and the figures of
        a row are null where a side is of few, or where few could be worked out from several rows.

    Raises:
        BadQuestion: where within_days is below 1.
        BadThemes: where the theme book kept with the store has a fault.
    """
    whole_number("within_days", within_days)
    until = workspace.moment(as_of)
    zone = workspace.settings.company.timezone
    told = spoken(workspace, until)
    limit = lapse_rule(workspace, until)
    deeds = workspace.query(
        "after_theme", as_of=until, zone=zone, within_days=within_days, lapse_days=limit.days
    )
    no_deeds = deeds["did"].has_nulls()  # there are comments to follow, and nothing to follow
    deeds = deeds.drop_nulls("did")
    whose = told.comments.select("feedback_id", "row", "customer_key").unique(
        "feedback_id", keep="first", maintain_order=True
    )
    deeds = deeds.unique(["feedback_id", "did"], keep="first", maintain_order=True).join(
        whose, on="feedback_id", how="inner", maintain_order="left"
    )
    followed = deeds.filter("followed")
    followed = followed.with_columns(
        person=pl.col("customer_key").rank("dense").cast(pl.Int64)
    ).sort("did", "day", "feedback_id")
    rows = followed["row"].unique()
    themes = told.themes.filter(pl.col("row").is_in(rows.to_list()))
    least = workspace.least
    table = _table(followed, shown_apart(themes, least), told.found_by, least)
    return Result(
        name="after_theme",
        question=QUESTION,
        table=table,
        finding=_finding(table, told.comments.height, no_deeds, len(rows), within_days),
        caveats=(
            *_caveats(table, told.comments.height, deeds, limit, least),
            *(told.notes if table.height else ()),
            *end_note(workspace, as_of),
        ),
        sql=query_text("after_theme"),
        as_of=until,
        n=len(rows),
        draw=_chart,
    )


def _table(followed: pl.DataFrame, themes: pl.DataFrame, found_by: str, least: int) -> pl.DataFrame:
    sides: dict[_Key, pl.DataFrame] = {}
    rows: dict[_Key, _Row] = {}
    for name in theme_order(themes):
        spoke = themes.filter(pl.col("theme") == name)["row"].to_list()
        marked = followed.with_columns(spoke=pl.col("row").is_in(spoke))
        firsts = {did: _firsts(of) for (did,), of in marked.group_by("did", maintain_order=True)}
        for did, of in firsts.items():
            told = _row(of, least)
            if did == _LAPSED and _few_apart(firsts["bought"], of, least):
                told = {}
            if told:
                sides[name, did] = of
            rows[name, did] = told
    for key in _telling(sides, least):
        rows[key] = {}
    days = dict(followed.select("did", "within_days").iter_rows())
    filled = [
        {"theme": name, "did": did, "within_days": days[did]} | row
        for (name, did), row in rows.items()
    ]
    table = pl.DataFrame(filled, schema=_SCHEMA, orient="row").with_columns(
        pl.selectors.float().fill_nan(None), found_by=pl.lit(found_by)
    )
    judged = table.with_row_index("at").filter(
        pl.col("change").is_not_null(), ~pl.col("theme").is_in([OTHER, UNTAGGED])
    )
    q_values: list[float | None] = [None] * table.height
    found = benjamini_hochberg(judged["q_value"].to_list())
    for at, q_value in zip(judged["at"], found, strict=True):
        q_values[at] = q_value
    return table.with_columns(pl.Series("q_value", q_values, dtype=pl.Float64))


def _firsts(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the first comments that speak of a theme, and those of people who had not yet."""
    before = pl.col("spoke").cast(pl.Int64).cum_sum().over("person") - pl.col("spoke")
    return rows.filter(before == 0)


def _few_apart(bought: pl.DataFrame, lapsed: pl.DataFrame, least: int) -> bool:
    """Say whether two rows over the same days, one taken from the other, would tell of few people.

    Of customers both say the same: what is left are those who were none.
    """
    if bought["within_days"][0] != lapsed["within_days"][0]:
        return False
    both = pl.concat([bought, lapsed]).unique(["row", "spoke"], keep="none")
    return any(own["person"].n_unique() < least for _, own in both.group_by("spoke"))


def _telling(sides: dict[_Key, pl.DataFrame], least: int) -> set[_Key]:
    """Return the themes and deeds that a report leaves blank, so that none tells of few people.

    Rows of one deed overlap, on either side. Both sides of a row together are all but the later
    comments of those who wrote of the theme: so of any two rows the few whose later comments count
    in one of them alone are looked for as well. Over the same days "lapsed" is "bought" turned
    round.
    """
    blank: set[_Key] = set()
    if not least:
        return blank
    days = {did: rows["within_days"][0] for (_, did), rows in sides.items()}
    for deed in days:
        if deed == _LAPSED and days.get("bought") == days[deed]:
            continue
        same = {deed, _LAPSED} if deed == "bought" and days.get(_LAPSED) == days[deed] else {deed}
        some = {key: rows for key, rows in sides.items() if key[1] in same}
        whose = pl.concat(some.values()).unique("row").sort("row")
        people = whose["person"].to_list()
        held = {
            key: [_marks(whose, rows.filter(pl.col("spoke") == side)) for side in (True, False)]
            for key, rows in some.items()
        }

        def tell(
            keys: Iterable[_Key], held: dict[_Key, _Sides] = held, people: list[int] = people
        ) -> bool:
            of, rest = zip(*(held[key] for key in keys), strict=True)
            return sides_tell_of_few(of, rest, people, least)

        blank |= left_blank({key: sum(held[key][0]) for key in some}, tell)
    return blank


def _marks(whose: pl.DataFrame, rows: pl.DataFrame) -> list[bool]:
    return whose["row"].is_in(rows["row"].to_list()).to_list()


def _row(rows: pl.DataFrame, least: int) -> _Row:
    """Compare the first comments that speak of a theme with those of people who had not yet.

    Of a side of fewer than `least` people nothing is said, nor of the other: both together may be
    known.
    """
    of, rest = rows.filter("spoke"), rows.filter(~pl.col("spoke"))
    heads = of.height, rest["person"].n_unique()
    if any(0 < people < least for people in heads):
        return {}
    x, n = int(of["done"].sum()), of.height
    y, m = int(rest["done"].sum()), rest.height
    each = rows.group_by("person", "spoke").agg(x=pl.col("done").sum(), n=pl.len())
    each = each.sort("spoke", "person")
    group = each["spoke"].cast(pl.Int64).to_list()
    people = each["person"].to_list()
    counts = each["x"].to_list(), each["n"].to_list()
    alone = each.filter(~pl.col("spoke"))
    share = wilson(x, n)
    others = wilson(*effective(y, m, design_effect(alone["x"].to_list(), alone["n"].to_list())))
    row = {
        "people": n,
        "people_did": x,
        "share": share.value,
        "share_low": share.low,
        "share_high": share.high,
        "others": m,
        "others_people": heads[1],
        "others_did": y,
        "others_share": others.value,
        "others_share_low": others.low,
        "others_share_high": others.high,
    }
    rare = min(x + y, n + m - x - y) * min(n, m) < _EXPECTED * (n + m)
    if min(heads) >= ENOUGH and not rare:
        effect = contrast_effect(people, group, *counts, [-1.0, 1.0])
        sides = *effective(x, n, effect), *effective(y, m, effect)
        gap = newcombe(*sides)
        row |= {"change": gap.value, "change_low": gap.low, "change_high": gap.high}
        row["q_value"] = shares_p(*sides)  # still a p-value: corrected when all are known
    return row


def _sure(table: pl.DataFrame) -> pl.DataFrame:
    """Return what surely differs, the surest distance first."""
    near = pl.min_horizontal(pl.col("change_low").abs(), pl.col("change_high").abs())
    return table.filter(pl.col("q_value") < 0.05).sort(
        near, "theme", "did", descending=[True, False, False]
    )


def _finding(table: pl.DataFrame, comments: int, no_deeds: bool, followed: int, days: int) -> str:
    if not comments:
        return "There are no comments: what people did after them cannot be said."
    if no_deeds:
        return (
            "Cannot say: the data hold no purchases, no visits or other events and no tickets or "
            "messages of known people, so what they did next is not known."
        )
    if not followed:
        return (
            f"Cannot say: of {counted(comments, 'comment')} none is of a known person whose "
            f"{counted(days, 'day')} afterwards lie in the data."
        )
    judged = table.filter(pl.col("q_value").is_not_null())
    if judged.is_empty():
        return (
            f"Cannot say: {counted(followed, 'comment')} could be followed, and no theme is named "
            f"by {ENOUGH} people, and not by {ENOUGH} others, of whom enough did something next."
        )
    sure = _sure(judged)
    if sure.is_empty():
        spans = dict(judged.select("did", "within_days").iter_rows())
        parts = []
        if deeds := [_DEEDS[did] for did in spans if did != _LAPSED]:
            parts = [f"{_either(deeds)} more or less often within {counted(days, 'day')}"]
        if _LAPSED in spans:
            parts.append(
                f"lapse more or less often (buy nothing within {counted(spans[_LAPSED], 'day')})"
            )
        return (
            f"After none of {counted(judged['theme'].n_unique(), 'theme')} is it sure that people "
            f"{', or '.join(parts)}{',' * (len(parts) > 1)} than after other comments "
            f"({counted(followed, 'comment')} followed)."
        )
    return f"{_told(sure.row(0, named=True))} (associated with, not caused by)."


def _either(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _told(row: _Row) -> str:
    ends = f"{100 * row['change_low']:+.1f} to {100 * row['change_high']:+.1f}"
    days = counted(row["within_days"], "day")
    who, did = "people", f"{_DONE[row['did']]} within {days}"
    if row["did"] == _LAPSED:
        who, did = "customers", f"lapsed (bought nothing within {days})"
    return (
        f"Of {row['people']:,} {who} who wrote of '{row['theme']}' {100 * row['share']:.1f} % "
        f"({100 * row['share_low']:.1f}–{100 * row['share_high']:.1f}) {did}, against "
        f"{100 * row['others_share']:.1f} % after {counted(row['others'], 'other comment')}: "
        f"{100 * row['change']:+.1f} points ({ends})"
    )


def _caveats(
    table: pl.DataFrame, comments: int, deeds: pl.DataFrame, limit: LapseRule, least: int
) -> tuple[str, ...]:
    notes = [f"Also: {_told(row)}." for row in _sure(table).rows(named=True)[1:6]]
    if not comments:
        return ()
    silences = deeds.filter(did=_LAPSED)
    told = (
        deeds.filter(pl.col("did") != _LAPSED)
        .group_by("did", maintain_order=True)
        .agg(known=pl.len(), followed=pl.col("followed").sum())
    )
    for (known, followed), alike in told.group_by("known", "followed", maintain_order=True):
        done = _either([_DONE[did] for did in alike["did"]])
        notes.append(
            f"{done[0].upper()}{done[1:]} or not is told of {followed:,} of "
            f"{counted(comments, 'comment')}; the days after {known - followed:,} are not wholly "
            f"in the data, and {comments - known:,} are of nobody known or have no date."
        )
    if silences.height:
        could, ripe = int(silences["could"].sum()), int(silences["followed"].sum())
        note = (
            f"Lapsed or not is told of {ripe:,} of {counted(could, 'comment')} of customers; the "
            f"{counted(limit.days, 'day')} after {could - ripe:,} are not wholly in the data."
        )
        if never := silences.height - could:
            note += (
                f" {never:,} more {verb(never, 'are')} left out: the data hold no purchase of "
                f"these people in the {counted(limit.days, 'day')} before they wrote, so that "
                "nothing tells that they were customers then."
            )
        notes += [note, limit.source]
    missing = [_DEEDS[did] for did in _DEEDS if did not in set(deeds["did"])]
    if missing:
        notes.append(f"The data do not tell whether people {_either(missing)}.")
    blank = table["people"].null_count()
    if blank:
        notes.append(
            f"Left blank: {counted(blank, 'row')} where a side, or what sets it apart from "
            f"other rows, is of fewer than {least} people."
        )
    few = table.filter(pl.col("change").is_null(), ~pl.col("theme").is_in([OTHER, UNTAGGED]))[
        "theme"
    ].n_unique()
    if few:
        notes.append(
            f"Of {counted(few, 'theme')} something cannot be said: fewer than {ENOUGH} people, or "
            f"fewer than {_EXPECTED} expected to do so."
        )
    if table["change"].count():
        notes.append(
            "Who writes of a theme differs in more than the theme: when they wrote, after what, "
            "and how often they buy anyway."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    judged = table.filter(pl.col("q_value").is_not_null())
    if judged.is_empty():
        return charts.nothing("Too few people to say what they did next")
    sure = _sure(judged)
    title = "After no theme do people surely do otherwise than after others"
    if sure.height:
        row = sure.row(0, named=True)
        more = "more" if row["change"] > 0 else "less"
        title = f"After '{row['theme']}' people {_DEEDS[row['did']]} {more} often than after others"
    panels = []
    for (did,), rows in judged.group_by("did", maintain_order=True):
        least, most = rows["change_low"].min() or 0.0, rows["change_high"].max() or 0.0
        ends = [105 * min(float(least), 0), 105 * max(float(most), 0)]  # type: ignore[arg-type]
        panels.append(
            rows.sort("change").select(
                "theme",
                "people",
                (pl.col("change", "change_low", "change_high") * 100),
                unit=pl.lit(f"{_DONE[str(did)]}: points more than after other comments"),
                ends=pl.lit(ends, pl.List(pl.Float64)),
            )
        )
    drawn = pl.concat(panels)
    return charts.dots(
        drawn,
        value="change",
        low="change_low",
        high="change_high",
        label="theme",
        unit="unit",
        ends="ends",
        title=title,
        texts=[
            f"{value:+.1f} · n = {n:,}" for value, n in drawn.select("change", "people").iter_rows()
        ],
    )
