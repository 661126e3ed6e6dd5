"""Who may be the same person under two ids?"""

from datetime import date, datetime
from itertools import combinations

import polars as pl

from cxkit import charts
from cxkit.imports.identity import LEAST
from cxkit.notes import link_effect
from cxkit.result import Result, counted
from cxkit.workspace import Workspace, query_text

QUESTION = "Who may be the same person under two ids?"
_WHO = ("customer_id", "other_id", "name", "other_name")  # not shown in a report


def identity_links(workspace: Workspace, *, as_of: date | datetime | str | None = None) -> Result:
    """Show pairs of ids that look like one person, and what merging them would change.

    Two entries of the contact lists are compared where they share the given name and one of
    postcode, date of birth, telephone number or e-mail name. A pair has a point for each of seven
    fields in which it agrees: given name (to the letter), surname (Jaro-Winkler similarity of at
    least 0.85), date of birth, street (Levenshtein similarity of at least 0.85, the same house
    number), town (postcode; where one has none, the town's name), telephone number, the part of
    the e-mail address before the @ where it says more than the name. Four points make a proposal.
    A household that shares surname, address and telephone has other given names, so it is none.
    Ids that records name together (an e-mail address, a merge in the CRM) are linked without
    asking; nothing proposed here is merged until `accept_links` is called, and what
    `reject_links` was told is not proposed again.

    Args:
        workspace: an open store.
        as_of: the moment up to which orders are counted; default: the latest time in the data.

    Returns:
        One row per pair: customer_id, other_id, score (points, 4 to 7), reasons, name and
        other_name (initials), orders and other_orders (purchases), touchpoints and
        other_touchpoints (rows of the timeline), merge_changes (in words). The caveats count
        people and buyers before and after, and the pairs that were rejected. n is the number of
        known people. A report shows no ids and no initials. The scoring is that of published work
        on the Febrl records (an exact given name, then agreeing fields), with telephone and e-mail
        beside them.
    """
    until = workspace.moment(as_of)
    table = workspace.query("identity_links", as_of=until)
    effect = link_effect(workspace, until)
    caveats = (*_caveats(table, effect), *_rejected(table, workspace))
    if workspace.least and table.height:
        table = table.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in _WHO)
        caveats += ("The report names nobody: ask identity_links(ws) for the ids.",)
    return Result(
        name="identity_links",
        question=QUESTION,
        table=table,
        finding=_finding(table, effect),
        caveats=caveats,
        sql=query_text("identity_links"),
        as_of=until,
        n=effect["people"],
        draw=_chart if table.height else None,
    )


def _finding(table: pl.DataFrame, effect: dict[str, int]) -> str:
    people = effect["people"]
    if people < 2:
        return "Fewer than two people are known: nobody can be counted twice."
    if table.is_empty():
        return f"No two of the {people:,} known people look like one person."
    look = "looks" if table.height == 1 else "look"
    return (
        f"{counted(table.height, 'pair')} {look} like one person each (score of "
        f"{LEAST} or more of 7): {people:,} known people may be about "
        f"{effect['people_linked']:,}."
    )


def _caveats(table: pl.DataFrame, effect: dict[str, int]) -> tuple[str, ...]:
    if table.is_empty():
        return ("Only people of whom a contact list gives the name can be compared.",)
    changes = (
        table["merge_changes"]
        .value_counts(sort=True, name="pairs")
        .sort("pairs", "merge_changes", descending=[True, False])
    )
    told = ", ".join(f"{pairs:,} times {change}" for change, pairs in changes.iter_rows())
    return (
        "Nothing was merged: every number of every analysis counts these ids apart.",
        f"With all of them merged {told}: {effect['people']:,} known people would be "
        f"{effect['people_linked']:,}, and {counted(effect['buyers'], 'buyer')} "
        f"{effect['buyers_linked']:,}.",
        "Two people made one is worse than one counted twice: read the reasons first. Then "
        "cx.accept_links(store, pairs=[(one, other)]) or cx.accept_links(store, min_score=5), and "
        "import again; cx.reject_links(store, pairs=[(one, other)]) keeps two apart for good. A "
        "line taken out of [people] in cx.toml undoes either.",
        "Only people of whom a contact list gives the name can be compared; a slip in the given "
        "name hides a pair.",
    )


def _rejected(table: pl.DataFrame, workspace: Workspace) -> tuple[str, ...]:
    different = workspace.settings.people.different
    pairs = {tuple(sorted(pair)) for ids in different for pair in combinations(ids, 2)}
    if not pairs:
        return ()
    waiting = len(pairs & set(table.select("customer_id", "other_id").rows()))
    stands = "stands" if waiting == 1 else "stand"
    still = f" {waiting:,} of them still {stands} here until the next import." if waiting else ""
    was, it = ("was", "it") if len(pairs) == 1 else ("were", "them")
    return (
        f"{counted(len(pairs), 'pair')} {was} rejected (see [people] different in cx.toml): "
        f"imports no longer propose {it}.{still}",
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    counts = table.group_by("score").agg(pairs=pl.len()).sort("score", descending=True)
    return charts.bars(
        counts.with_columns(score=pl.format("{} of 7 fields agree", "score")),
        length="pairs",
        label="score",
        title=f"{counted(table.height, 'pair')} of ids may be one person each",
        unit="pairs of ids",
        texts=[f"{n:,}" for n in counts["pairs"]],
    )
