"""What any count of people or purchases has to say beside it: links, the data's end, gaps."""

from collections.abc import Sequence
from datetime import datetime

from cxkit.result import counted
from cxkit.stats.intervals import ENOUGH
from cxkit.workspace import Workspace

_QUIET = 5  # purchases that a silence should have brought, so that it is none by chance


def link_effect(
    workspace: Workspace,
    until: datetime | None,
    stages: Sequence[Sequence[str]] = (),
    entered_by: datetime | None = None,
) -> dict[str, int]:
    """Count what the proposed links between people known at `until` would change.

    `stages` are the touchpoints of each stage of a funnel: who had one of the first stage's
    until `entered_by` has entered it.
    """
    return workspace.query(
        "link_effect",
        as_of=until,
        entry=[touchpoint for stage in stages[:1] for touchpoint in stage],
        walked=[touchpoint for stage in stages for touchpoint in stage],
        entered_by=entered_by,
    ).row(0, named=True)


def link_note(
    workspace: Workspace,
    until: datetime | None,
    of: str = "people",
    stages: Sequence[Sequence[str]] = (),
    entered_by: datetime | None = None,
) -> tuple[str, ...]:
    """Return the caveats of a total of people: what links change in it, applied or proposed.

    `of` is what is counted: people, buyers, or those who entered a funnel (see `link_effect`).
    Nothing where no link was accepted, and none is proposed that would change the total.
    """
    proposed = workspace.tables.get("proposed_links")
    effect = link_effect(workspace, until, stages, entered_by) if proposed else {}
    return (*_applied(workspace), *_not_applied(effect, of))


def apart_note(by: str, kinds: str = "Segments") -> str:
    """Return the caveat of every difference between segments.

    >>> apart_note("region")[:44]
    'Segments by region differ in more than regio'
    """
    return (
        f"{kinds} by {by} differ in more than {by}: a difference is associated with it, not caused "
        "by it."
    )


def end_note(workspace: Workspace, as_of: object = None) -> tuple[str, ...]:
    """Return the caveat of an as-of moment that nobody named and few rows make.

    These rows stand more than 30 days after all others and are at most 1 % of all dated rows
    (or one alone), where there are at least 30: a date typed wrong, or a plan for later.
    """
    if as_of is not None:
        return ()
    found = workspace.query("end_of_data", zone=workspace.settings.company.timezone)
    return tuple(
        f"The data end on {row['newest']:%d %b %Y} by no more than {row['rows']:,} of "
        f"{row['dated']:,} dated rows (in {row['tables']}): all others are of "
        f"{row['ends_on']:%d %b %Y} or before. If the late date is a slip, ask with "
        f"as_of='{row['ends_on']}'."
        for row in found.iter_rows(named=True)
    )


def purchases_note(workspace: Workspace, until: datetime | None) -> tuple[str, ...]:
    """Return the caveats of what an analysis of purchases cannot see at `until`.

    That orders stop before it, where at the pace of the year before at least five should have
    come since (by chance none would in less than 1 % of cases); that orders begin shortly
    before it; that people pay without an order.
    """
    if until is None:
        return ()
    zone = workspace.settings.company.timezone
    seen = workspace.query("purchases_seen", as_of=until, zone=zone).row(0, named=True)
    today, notes = f"{seen['today']:%d %b %Y}", []
    many = seen["purchases"] >= ENOUGH
    if many and seen["expected"] >= _QUIET:
        notes.append(
            f"The last purchase is of {seen['last_day']:%d %b %Y}, "
            f"{counted(seen['silent_days'], 'day')} before {today}; at the pace of the year up "
            f"to it {seen['expected']:,.0f} more would have come since. If the export just "
            f"lacks them, ask with as_of='{seen['last_day']}'."
        )
    if seen["first_day"] is None and seen["orders"]:
        notes.append(
            f"No purchase is known up to {today}: whoever had bought by then counts as a prospect."
        )
    elif many and seen["seen_days"] < workspace.settings.lifecycle.horizon_days:
        notes.append(
            f"The orders begin on {seen['first_day']:%d %b %Y}, "
            f"{counted(seen['seen_days'], 'day')} before {today}: whoever bought earlier "
            "counts as one who did not."
        )
    if seen["subscribers"]:
        who = "person pays" if seen["subscribers"] == 1 else "people pay"
        notes.append(
            f"{seen['subscribers']:,} {who} for a subscription without an order: only orders "
            "count as purchases here."
        )
    return tuple(notes)


def _applied(workspace: Workspace) -> tuple[str, ...]:
    """Say which of the accepted links the snapshot has applied."""
    same = workspace.settings.people.same
    ids = sorted({one for group in same for one in group})
    person = workspace.persons(ids) if ids else {}
    done = [group for group in same if len({person[one] for one in group}) == 1]
    if not done:
        return ()
    joined = {one for group in done for one in group}
    people = len({person[one] for one in joined})
    return (
        f"{len(done):,} accepted {'link is' if len(done) == 1 else 'links are'} applied: "
        f"{len(joined):,} ids count as {people:,} {'person' if people == 1 else 'people'} "
        "(see [people] same in cx.toml).",
    )


def _not_applied(effect: dict[str, int], of: str) -> tuple[str, ...]:
    """Say what the proposed links would make of a total."""
    pairs = effect.get("pairs" if of == "people" else f"pairs_of_{of}", 0)
    if not pairs:
        return ()
    before, after = effect[of], effect[f"{of}_linked"]
    between = {"people": "", "buyers": " between buyers", "entered": " of people who entered"}[of]
    if of == "entered":
        fewer = f"{after:,} entered instead of {before:,}, and " if after < before else ""
        change = f"{fewer}some may have got further"
    else:
        noun = "person" if after == 1 else "people"
        noun = noun if of == "people" else "buyer" if after == 1 else "buyers"
        change = f"{after:,} {noun} instead of {before:,}"
    if of == "people" and effect["buyers_linked"] < effect["buyers"]:
        change += f", and {effect['buyers_linked']:,} buyers instead of {effect['buyers']:,}"
    return (
        f"{pairs:,} proposed {'link' if pairs == 1 else 'links'}{between} "
        f"{'is not applied: with it' if pairs == 1 else 'are not applied: with them'} "
        f"{change} (see identity_links).",
    )
