"""How soon do prospects buy, and does it differ by where they came from?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, whole_number
from cxkit.notes import end_note, link_note, purchases_note
from cxkit.persona_keep import FIELD
from cxkit.result import Result, counted, verb
from cxkit.stats.intervals import ENOUGH, Interval, benjamini_hochberg
from cxkit.stats.segments import gathered
from cxkit.stats.survival import ended_by, kaplan_meier, log_rank_p
from cxkit.workspace import Workspace, query_text

QUESTION = "How soon do prospects buy, and does it differ by where they came from?"
_WATCHED = 10  # people still watched: a curve that fewer carry is not drawn
_POINTS = 20  # per curve
_FROM_THE_START = ("source", "channel", "touchpoint")
_FAR = 3  # times `within_days`: a curve is told no further


def prospect_conversion(
    workspace: Workspace,
    *,
    by: str | None = "source",
    within_days: int = 90,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Follow prospects from the day they became known to their first purchase, group by group.

    The share that has bought after so many days is one less the Kaplan-Meier estimate: whoever
    has not bought by `as_of` is watched until then and counts as that, not as lost. Left out, and
    counted, is who ordered on the day they became known (they never were prospects), who was known
    before the first order in the data (an earlier purchase could not be seen), and who looks like
    one person with somebody known before them (see `identity_links`).

    Args:
        workspace: an open store.
        by: `source`, `region` or `preferred_channel` of the customer, a field of the customers'
            attributes, or `channel` or `touchpoint` with which they became known ('missing' where
            nothing had happened by the end of that day); None: all.
        within_days: the days for which the finding gives the share.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        About 20 rows per group, the largest group first (beyond eight in 'other'): segment, people,
        bought (of them, by as_of), days, at_risk (still watched and without a purchase just before
        that day), converted_share with its log-log interval (_low, _high), within_days, q_value
        (does the group's pace over `within_days` differ from the others'? Log-rank test, among
        people of one source where the groups are not the sources, Benjamini-Hochberg). A group's
        rows end where fewer than 10 people are watched, or at three times `within_days`.

    Raises:
        BadQuestion: where within_days is no whole number from 1 on, or `by` is no field, or one
            that is known only of people who bought, as personas of buyers are.
    """
    whole_number("within_days", within_days)
    until = workspace.moment(as_of)
    people = workspace.query(
        "prospect_conversion",
        as_of=until,
        zone=workspace.settings.company.timezone,
        by=workspace.segment(by, own=("channel", "touchpoint")),
    )
    _check_known_of_all(workspace, people, by)
    prospects = gathered(
        people.filter(pl.col("kind") == "prospect").with_columns(one=1),
        "one",
        least=workspace.least,
    )
    table = _curves(prospects, within_days, by)
    whole = _rate(prospects, within_days)
    return Result(
        name="prospect_conversion",
        question=QUESTION,
        table=table,
        finding=_finding(table, prospects, whole, within_days, by),
        caveats=(
            *_caveats(people, prospects, table, within_days, by),
            *end_note(workspace, as_of),
            *purchases_note(workspace, until),
            *link_note(workspace, until),
        ),
        sql=query_text("prospect_conversion"),
        as_of=until,
        n=prospects.height,
        draw=_chart,
    )


def _check_known_of_all(workspace: Workspace, people: pl.DataFrame, by: str | None) -> None:
    """Refuse a field that only buyers have: it says who bought before the curves do.

    Of a persona a few people settle it; another field of few people may be filled by chance.
    """
    if by is None or by in _FROM_THE_START:
        return
    prospects = people.filter(pl.col("kind") == "prospect")
    bought = workspace.sql(
        "select distinct customer_key from people join sales using (customer_id) where purchase"
    )
    told = prospects.filter(pl.col("segment") != "missing")
    others = prospects.height - told.height
    sure = told.height >= (1 if by == FIELD else ENOUGH)
    if sure and others and told.join(bought, on="customer_key", how="anti").is_empty():
        raise BadQuestion(
            f"by is '{by}', which is known only of people who bought ({told.height:,} of "
            f"{prospects.height:,} prospects): whoever has it has converted, so it cannot say who "
            "converts. Ask by what was known from the start, such as 'source'."
        )


def _rate(people: pl.DataFrame, day: int) -> Interval | None:
    """Return the share that has bought by a day; None where too few were watched as long."""
    watched = int((people["days"] >= day).sum())
    if watched < _WATCHED:
        return None
    curve = kaplan_meier(people["days"].to_numpy(), people["bought"].to_numpy())
    return ended_by(curve, day, watched)


def _curves(prospects: pl.DataFrame, within_days: int, by: str | None) -> pl.DataFrame:
    rows: list[list[Any]] = []
    q_values = _q_values(prospects, within_days, by)
    for members in prospects.partition_by("segment", maintain_order=True):
        name = members["segment"][0]
        days = members["days"].sort(descending=True)
        reach = min(int(days[_WATCHED - 1]), _FAR * within_days) if len(days) >= _WATCHED else 0
        curve = kaplan_meier(members["days"].to_numpy(), members["bought"].to_numpy())
        grid = {*range(0, reach + 1, -(-max(reach, 1) // _POINTS)), within_days}
        for day in sorted(grid):
            watched = int((members["days"] >= day).sum())
            if day and watched < _WATCHED:
                continue
            share = ended_by(curve, day, watched) if day else Interval(0.0, 0.0, 0.0)
            base = [name, members.height, int(members["bought"].sum())]
            rows.append([*base, day, watched, *share, within_days, q_values.get(name)])
    kinds = {
        "segment": pl.String,
        **dict.fromkeys(("people", "bought", "days", "at_risk"), pl.Int64),
        **dict.fromkeys(("converted_share", "converted_low", "converted_high"), pl.Float64),
        "within_days": pl.Int64,
        "q_value": pl.Float64,
    }
    frame = pl.DataFrame(rows, schema=kinds, orient="row").rename(
        {"converted_low": "converted_share_low", "converted_high": "converted_share_high"}
    )
    return frame.with_columns(pl.selectors.float().fill_nan(None))


def _q_values(prospects: pl.DataFrame, within_days: int, by: str | None) -> dict[str, float]:
    """Set each group's pace over `within_days` against the others'."""
    days = prospects["days"].clip(0, within_days).to_numpy()
    bought = (prospects["bought"] & (prospects["days"] <= within_days)).to_numpy()
    strata = prospects["source"] if by != "source" else pl.Series(["all"] * prospects.height)
    sizes = prospects.group_by("segment", maintain_order=True).len()
    names = [
        name
        for name, people in sizes.iter_rows()
        if people >= ENOUGH and prospects.height - people >= ENOUGH
    ]
    codes = strata.rank("dense").to_numpy()
    p_values = [
        log_rank_p(days, bought, (prospects["segment"] == name).to_numpy(), codes) for name in names
    ]
    return dict(zip(names, benjamini_hochberg(p_values), strict=True))


def _rates(table: pl.DataFrame) -> pl.DataFrame:
    """Return one row per group that enough people carry as far as `within_days`."""
    return table.filter(pl.col("days") == pl.col("within_days"), pl.col("people") >= ENOUGH)


def _apart(table: pl.DataFrame) -> dict[str, Any] | None:
    """Return the group that surely differs from the others, the surest first."""
    rows = _rates(table).filter(pl.col("q_value") < 0.05).sort("q_value", "segment")
    return rows.row(0, named=True) if rows.height else None


def _rest(prospects: pl.DataFrame, name: str, within_days: int) -> tuple[Interval | None, int]:
    others = prospects.filter(pl.col("segment") != name)
    return _rate(others, within_days), others.height


def _said(share: Interval) -> str:
    value, low, high = (100 * end for end in share)
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"


def _finding(
    table: pl.DataFrame,
    prospects: pl.DataFrame,
    whole: Interval | None,
    within_days: int,
    by: str | None,
) -> str:
    people, bought = prospects.height, int(prospects["bought"].sum())
    if people == 0:
        return (
            "Nobody can be followed as a prospect: no one is known who had not ordered by the day "
            "they became known, after the data begin."
        )
    if people < ENOUGH:
        return (
            f"{counted(people, 'prospect')} can be followed, {_of_whom(bought, people)}: "
            "too few to say more."
        )
    if whole is None:
        return (
            f"Cannot say: of {people:,} prospects too few were watched for "
            f"{counted(within_days, 'day')}. Ask with a smaller within_days."
        )
    if bought == 0:
        return f"None of the {people:,} prospects has bought yet."
    start = (
        f"Within {counted(within_days, 'day')} of becoming known {_said(whole)} of {people:,} "
        "prospects bought"
    )
    if by is None:
        return f"{start}."
    if prospects["segment"].n_unique() == 1:
        only = prospects["segment"][0]
        return f"{start}; by {by} there is nothing to compare: all are '{only}'."
    apart = _apart(table)
    rest, others = _rest(prospects, apart["segment"], within_days) if apart else (None, 0)
    if apart is None or rest is None:
        return f"{start}; by {by} no group surely buys sooner or later than the others."
    own = Interval(*(apart[f"converted_share{end}"] for end in ("", "_low", "_high")))
    return (
        f"{start}; '{apart['segment']}' is associated with another pace: {_said(own)} of "
        f"{apart['people']:,}, against {_said(rest)} of {others:,} others."
    )


def _of_whom(bought: int, people: int) -> str:
    if people == 1:
        return "who bought" if bought else "who has not bought"
    return f"of whom {bought or 'none'} bought"


def _caveats(
    people: pl.DataFrame,
    prospects: pl.DataFrame,
    table: pl.DataFrame,
    within_days: int,
    by: str | None,
) -> tuple[str, ...]:
    kinds = dict(people.group_by("kind").len().iter_rows())
    notes = []
    if at_once := kinds.get("bought at once"):
        notes.append(
            f"Left out: {at_once:,} who bought on the day they became known or were first known by "
            "their purchase; they never were prospects."
        )
    if tried := kinds.get("ordered at once"):
        notes.append(
            f"Left out: {tried:,} who {verb(tried, 'are')} known by an order that was cancelled, "
            "refunded or could not be supplied: they meant to buy from the start."
        )
    if before := kinds.get("known before"):
        notes.append(
            f"Left out: {before:,} who {verb(before, 'were')} known before the first order in the "
            "data: whether they had bought before cannot be seen."
        )
    if twins := kinds.get("twin"):
        notes.append(
            f"Left out: {twins:,} who {verb(twins, 'look')} like one person with somebody known "
            "before them (see identity_links)."
        )
    if undated := kinds.get("undated"):
        notes.append(f"Left out: {undated:,} of whom no date says since when they are known.")
    if prospects.height < ENOUGH:
        return tuple(notes)
    waiting = prospects.filter(~pl.col("bought") & (pl.col("days") < within_days)).height
    if waiting:
        notes.append(
            f"{counted(waiting, 'prospect')} {verb(waiting, 'have')} been known for less than "
            f"{counted(within_days, 'day')} and {verb(waiting, 'have')} not bought: they are "
            "watched so far, not counted as lost."
        )
    if by is None or prospects["segment"].n_unique() < 2:
        return tuple(notes)
    reached = set(_rates(table)["segment"])
    few, young = [], []
    for name, size in prospects.group_by("segment", maintain_order=True).len().iter_rows():
        if size < ENOUGH:
            few.append(f"{size:,} in '{name}'")
        elif name not in reached:
            young.append(f"'{name}'")
    if few:
        notes.append(f"Too few prospects to say: {', '.join(few)}.")
    if young:
        notes.append(f"Too few were watched for {counted(within_days, 'day')}: {', '.join(young)}.")
    sources = prospects["source"].n_unique()
    if by != "source" and sources > 1:
        notes.append(f"Groups are compared among people of the same source ({sources} sources).")
    notes.append(
        f"People chose their {by} themselves, and those who mean to buy choose otherwise: a "
        "difference is associated with it, not caused by it."
    )
    if by not in _FROM_THE_START:
        notes.append(
            f"{by} is taken as it stands now: where it is filled in only when somebody buys, it "
            "picks its own winners."
        )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    apart = _apart(table)
    within = int(table["within_days"][0])
    title = f"How many prospects have bought, up to {counted(within, 'day')} and beyond"
    if _rates(table).height > 1:
        title = "No group surely buys sooner or later than the others"
    if apart:
        title = (
            f"'{apart['segment']}': {apart['converted_share']:.0%} have bought within "
            f"{counted(within, 'day')} of becoming known"
        )
    large = table.filter(pl.col("people") >= ENOUGH)
    named = (large if large.height else table).with_columns(
        label=pl.format("{} (n = {})", "segment", "people")
    )
    return charts.curves(
        named,
        x="days",
        y="converted_share",
        line="label",
        title=title,
        x_unit="days since they became known",
        y_unit="share who have bought",
        mark=(within, counted(within, "day")),
    )
