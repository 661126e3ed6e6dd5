"""Do we reach people by the channel that they asked for?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import end_note, link_note
from cxkit.result import Result, counted
from cxkit.stats.agreement import kappa
from cxkit.stats.intervals import ENOUGH, Interval, add_wilson, said, wilson
from cxkit.stats.segments import gathered
from cxkit.text.channels import channel_names
from cxkit.workspace import Workspace, query_text

QUESTION = "Do we reach people by the channel that they asked for?"
_OTHER = "other"
_SUMS = [
    "base", "base_contacts", "squares", "customers", "contacts", "mainly", "own_squares",
    "products",
]  # fmt: skip
_DONE_BY = {
    "e-mail": "written to by e-mail",
    "phone": "phoned",
    "letter": "sent letters",
    "chat": "written to in a chat",
    "text message": "sent text messages",
}


def channel_fit(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Set the channel that people asked for against those used by us, and by themselves.

    What we send counts where it was our move: messages out and outreach that reached the person,
    without automatic replies and without answers in a thread that the person began. What people
    use themselves are the threads that they began, and their tickets. Names such as E-mail, email
    and Mail are one channel.

    Args:
        workspace: an open store.
        as_of: count what was known at this moment; default: the latest time in the data.

    Returns:
        One row per side (company, person), wanted and used channel: side, wanted, used, base
        (people who asked for `wanted` and had any contact), customers (of them by `used`), share
        with Wilson's interval, mainly (people whose most used channel it was; ties go to the
        latest), base_contacts, contacts, contacts_share with Wilson's interval for as many
        contacts as count independently of each other (Korn and Graubard 1998: several go to one
        person).
    """
    until = workspace.moment(as_of)
    told = workspace.query("channel_names", as_of=until)
    counts = workspace.query("channel_fit", as_of=until, **channel_names(told["channel"]))
    table = _table(_gather(counts, workspace.least))
    wanted = int(told["customers"].sum())
    return Result(
        name="channel_fit",
        question=QUESTION,
        table=table,
        finding=_finding(table, wanted),
        caveats=(
            *_caveats(table),
            *end_note(workspace, as_of),
            *link_note(workspace, until),
        ),
        sql=query_text("channel_fit"),
        as_of=until,
        n=_base(table, "company"),
        draw=_chart,
    )


def _gather(counts: pl.DataFrame, least: int) -> pl.DataFrame:
    """Add up the wanted channels of few people: in a report none of them stands alone."""
    sides = []
    for side in counts["side"].unique(maintain_order=True):
        rows = counts.filter(pl.col("side") == side).with_columns(
            segment="wanted", _size=pl.col("base") / pl.len().over("wanted")
        )
        sides.append(gathered(rows, "_size", most=20, least=least).drop("_size"))
    if not sides:
        return counts
    return (
        pl.concat(sides)
        .drop("wanted")
        .rename({"segment": "wanted"})
        .group_by("side", "wanted", "used", maintain_order=True)
        .agg(pl.col(_SUMS).sum())
    )


def _table(counts: pl.DataFrame) -> pl.DataFrame:
    frame = add_wilson(counts, "customers", "base", "share")
    ends = [_clustered(row) for row in counts.iter_rows(named=True)]
    return frame.with_columns(
        contacts_share=pl.Series([i.value for i in ends], dtype=pl.Float64),
        contacts_share_low=pl.Series([i.low for i in ends], dtype=pl.Float64),
        contacts_share_high=pl.Series([i.high for i in ends], dtype=pl.Float64),
    ).select(
        "side",
        "wanted",
        "used",
        "base",
        "customers",
        "share",
        "share_low",
        "share_high",
        "mainly",
        "base_contacts",
        "contacts",
        "contacts_share",
        "contacts_share_low",
        "contacts_share_high",
    )


def _clustered(row: dict[str, Any]) -> Interval:
    """Return a share of contacts, with Wilson's interval for the independent ones among them."""
    n, hits = row["base_contacts"], row["contacts"]
    p = hits / n
    spread = row["own_squares"] - 2 * p * row["products"] + p * p * row["squares"]
    people = row["base"]
    variance = spread / n**2 * people / (people - 1) if people > 1 else 0.0
    worth = min(float(n), p * (1 - p) / variance) if variance > 0 else float(people)
    return Interval(p, *wilson(p * worth, worth)[1:])


def _base(table: pl.DataFrame, side: str) -> int:
    rows = table.filter(pl.col("side") == side).unique("wanted")
    return int(rows["base"].sum())


def _company(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter((pl.col("side") == "company") & (pl.col("wanted") != _OTHER))


def _agreement(table: pl.DataFrame) -> Interval:
    """Return Cohen's kappa of the wanted channel and the one that we use most."""
    rows = _company(table)
    kinds = sorted({*rows["wanted"], *rows["used"]})
    cells = {(r["wanted"], r["used"]): r["mainly"] for r in rows.iter_rows(named=True)}
    return kappa([[cells.get((one, other), 0) for other in kinds] for one in kinds])


def _finding(table: pl.DataFrame, wanted: int) -> str:
    if not wanted:
        return "Nobody's wanted channel is known, so nothing can be compared with it."
    rows = _company(table)
    base = _base(rows, "company")
    if not base:
        return (
            f"{counted(wanted, 'customer')} asked for a channel, but no message or call of ours to "
            "them is in the data."
        )
    if base < ENOUGH:
        return (
            f"Only {counted(base, 'customer')} who asked for a channel {_were(base)} contacted: "
            "too few to say."
        )
    kept = rows.filter(pl.col("wanted") == pl.col("used"))
    on, all_ = int(kept["customers"].sum()), base
    first = f"Of {all_:,} people who asked for a channel and were contacted, {said(on, all_)} were "
    first += "ever reached by it."
    worst = _astray(rows)
    if worst is None:
        return first
    done = _done_by(worst["used"])
    told = (
        f"{said(worst['customers'], worst['base'])} of the {worst['base']:,} contacted people who "
        f"asked for {_asked(worst['wanted'])} were {done} at least once"
    )
    index = _agreement(table)
    if rows["wanted"].n_unique() > 1 and index.value == index.value:
        told += (
            f"; the wanted channel and the one we use most agree with kappa {index.value:.2f} "
            f"({index.low:.2f}–{index.high:.2f})"
        )
    return f"{told}."


def _astray(rows: pl.DataFrame) -> dict[str, Any] | None:
    """Return the channel that most people were contacted by who had asked for another."""
    astray = rows.filter(
        (pl.col("wanted") != pl.col("used"))
        & (pl.col("base") >= ENOUGH)
        & (pl.col("customers") > 0)
    ).sort("customers", "wanted", "used", descending=[True, False, False])
    return astray.row(0, named=True) if astray.height else None


def _done_by(channel: str) -> str:
    return _DONE_BY.get(channel, f"contacted by {channel}")


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def _asked(channel: str) -> str:
    return {"phone": "the phone", "letter": "letters", "chat": "chat"}.get(channel, channel)


def _caveats(table: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = []
    kept = _company(table).filter(pl.col("wanted") == pl.col("used"))
    for row in kept.sort("base", "wanted", descending=[True, False]).iter_rows(named=True):
        if row["base"] < ENOUGH:
            notes.append(
                f"Only {counted(row['base'], 'person').replace('persons', 'people')} who asked for "
                f"{_asked(row['wanted'])} {_were(row['base'])} contacted: too few to say."
            )
        else:
            low, high = 100 * row["contacts_share_low"], 100 * row["contacts_share_high"]
            notes.append(
                f"Who asked for {_asked(row['wanted'])} got {100 * row['contacts_share']:.1f} % "
                f"({low:.1f}–{high:.1f}) of {row['base_contacts']:,} contacts that way "
                f"({row['base']:,} people)."
            )
    themselves = table.filter((pl.col("side") == "person") & (pl.col("wanted") == pl.col("used")))
    base = _base(table, "person")
    if base >= ENOUGH:
        notes.append(
            f"Of {base:,} people who came to us, {said(int(themselves['customers'].sum()), base)} "
            "ever used the channel that they ask for."
        )
    notes.append(
        "A wish may be old, and some people can be reached in one way only: ask before you "
        "reroute. Answers in threads that people began, and automatic replies, are not counted."
    )
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    rows = _company(table)
    side, what = ("company", "reached by us") if rows.height else ("person", "used by them")
    rows = table.filter((pl.col("side") == side) & (pl.col("wanted") != _OTHER))
    kept = rows.filter(pl.col("wanted") == pl.col("used"))
    base = int(rows.unique("wanted")["base"].sum())
    on = int(kept["customers"].sum())
    drawn = rows.with_columns(asked=pl.format("{} · {} people", "wanted", "base")).sort(
        "base", "wanted", "used", descending=[True, False, False]
    )
    title = f"{on / base if base else 0:.0%} were ever {what} by the channel they asked for"
    worst = _astray(rows) if side == "company" else None
    if worst:
        title = (
            f"{worst['customers'] / worst['base']:.0%} of those who asked for "
            f"{_asked(worst['wanted'])} were {_done_by(worst['used'])} at least once"
        )
    return charts.matrix(
        drawn,
        x="used",
        y="asked",
        value="share",
        texts=[f"{row['customers']:,} · {row['share']:.0%}" for row in drawn.iter_rows(named=True)],
        title=title,
        x_unit="channel used",
        y_unit="channel asked for",
    )
