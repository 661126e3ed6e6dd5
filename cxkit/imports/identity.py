"""Who may be one person under two ids? Proposed at every import until accepted or rejected.

What people agree in is compared in SQL, with the rules of Jaro and Winkler and of Levenshtein:
    contact_fields -> reached -> identities -> likely_pairs -> agreed -> proposed_links
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import duckdb
import polars as pl

from cxkit import settings
from cxkit.errors import BadQuestion, listed
from cxkit.imports.queries import run
from cxkit.result import counted
from cxkit.workspace import Workspace

LEAST = 4  # points of seven: fewer are as often two people as one

# What exports call a field, the likeliest name first; "billing" and the like are left off.
_CALLED = {
    "given_name": "first name,firstname,given name,givenname,vorname,first,forename,prenom,nombre",
    "surname": "last name,lastname,surname,family name,nachname,last,nom,apellido,apellidos",
    "name": "name,full name,display name",
    "birth_date": "date of birth,birth date,birthdate,birthday,dob,geburtsdatum",
    "street": "street address,street,address1,address 1,address line 1,address,strasse",
    "city": "city,town,suburb,ort,stadt,locality",
    "postcode": "postal code,postcode,zip,zip code,zipcode,plz",
    "region": "state,state region,province,province code,county",
    "phone": "phone,phone number,telephone,mobile,mobile phone,mobile phone number,telefon",
    "email": "email,e mail,email address,additional emails,work email",
}


def propose(connection: duckdb.DuckDBPyConnection, different: Iterable[Sequence[str]] = ()) -> None:
    """Fill the draft's `proposed_links` from customers, held and link, less those rejected."""
    names = [(name, kind) for kind, known in _CALLED.items() for name in known.split(",")]
    called = {"names": [name for name, _ in names], "kinds": [kind for _, kind in names]}
    run(connection, "contact_fields.sql", **called)
    for step in ("reached.sql", "identities.sql", "likely_pairs.sql", "agreed.sql"):
        run(connection, step)
    connection.register("different", _frame(_every_two(different)))
    run(connection, "rejected_links.sql")
    connection.unregister("different")
    run(connection, "proposed_links.sql", least=LEAST)


def merge_accepted(
    connection: duckdb.DuckDBPyConnection,
    same: Sequence[Sequence[str]],
    kinds: Iterable[str],
) -> None:
    """Point `link` at one person for all ids that the settings call the same."""
    pairs = [(ids[0], other) for ids in same for other in ids[1:]]
    if not pairs:
        return
    connection.register("same", _frame(pairs))
    run(connection, "accepted_links.sql", kinds=sorted(set(kinds) - {"customer"}))
    connection.unregister("same")


def _frame(pairs: Iterable[Sequence[str]]) -> pl.DataFrame:
    return pl.DataFrame(list(pairs), {"one": pl.String, "other": pl.String}, orient="row")


def accept_links(
    store: str | Path,
    *,
    pairs: Iterable[Sequence[str]] | None = None,
    min_score: int | None = None,
) -> Path:
    """Keep that some ids are one person, for the next import to merge; returns `cx.toml`'s path.

    `pairs` names them, as in `[("48210000011", "48210007744")]`; `min_score` takes every proposal
    of `identity_links` with at least so many points that was not rejected. They are written as
    `[people] same` into the store's `cx.toml`, one line each: take a line out, import again, and
    the two are two again. The later word counts: a pair named here that `reject_links` had kept
    apart is kept apart no longer. Import the exports again to see the merge.

    Raises BadQuestion, and keeps nothing, where neither or both are given, where an id is not
    known, where no proposal has the points and stands unrejected, or where all that is accepted
    would make one person of two ids that were rejected.
    """
    if (pairs is None) == (min_score is None):
        raise BadQuestion("Say which links to accept: name pairs of ids, or a min_score.")
    workspace = Workspace(store)
    try:
        people = workspace.settings.people
        same, different = _sorted(people.same), _sorted(_every_two(people.different))
        if min_score is not None:
            found = workspace.sql(
                "select customer_id, other_id from proposed_links where score >= $least",
                least=min_score,
            ).rows()
            if not found:
                raise BadQuestion(
                    f"No proposed link has {counted(min_score, 'point')} or more. "
                    "See which there are with identity_links."
                )
            found = [pair for pair in found if tuple(sorted(pair)) not in different]
            if not found:
                raise BadQuestion(
                    f"Every proposed link of {counted(min_score, 'point')} or more was rejected. "
                    "To accept one all the same, name it as a pair."
                )
        else:
            found = [tuple(ids) for ids in pairs or ()]
            _check(workspace, found)
    finally:
        workspace.close()
    apart = different - _sorted(_every_two(found))
    same |= _sorted(found)
    joined = _joined_of(same, apart)
    if joined:
        raise BadQuestion(
            f"Together the accepted links would make {joined[0]} and {joined[1]} one person, and "
            "these two were rejected. Reject one of the links between them, or accept that pair."
        )
    return _keep(store, same, apart)


def reject_links(store: str | Path, *, pairs: Iterable[Sequence[str]]) -> Path:
    """Keep that some ids are different people, so that no import proposes them as one again.

    `pairs` names them, as in `[("48210000011", "48210007744")]`. They are written as
    `[people] different` into the store's `cx.toml`, one line each: take a line out, import again,
    and the two may be proposed again. The later word counts: a pair that `accept_links` had made
    one is two again from the next import on. Returns the path of `cx.toml`.

    A rejection is about likeness alone: ids that an export names together stay one person. Raises
    BadQuestion, and keeps nothing, where an id is not known, or where two ids are one person for
    another reason: by what the exports say, or by way of other accepted links.
    """
    found = [tuple(ids) for ids in pairs]
    workspace = Workspace(store)
    try:
        _check(workspace, found)
        people = workspace.settings.people
        rejected = _sorted(_every_two(found))
        merged = _merged(workspace, rejected - _sorted(_every_two(people.same)))
    finally:
        workspace.close()
    same = _sorted(people.same) - rejected
    if merged:
        raise BadQuestion(
            f"{merged[0]} and {merged[1]} are one person here by what the exports say, not by "
            "likeness: mend the export that names both, and import it again."
        )
    joined = _joined_of(same, rejected)
    if joined:
        raise BadQuestion(
            f"{joined[0]} and {joined[1]} are one person by way of other accepted links. "
            "Take one of those out of [people] same in cx.toml first."
        )
    return _keep(store, same, _sorted(_every_two(people.different)) | rejected)


def _every_two(groups: Iterable[Sequence[str]]) -> Iterator[tuple[str, str]]:
    return (pair for ids in groups for pair in combinations(ids, 2))


def _sorted(groups: Iterable[Sequence[str]]) -> set[tuple[str, ...]]:
    return {tuple(sorted(set(ids))) for ids in groups}


def _joined_of(
    same: Iterable[Sequence[str]], apart: Iterable[tuple[str, ...]]
) -> tuple[str, ...] | None:
    """Return the first pair of `apart` that `same` makes one person, by however many steps."""
    circle: dict[str, set[str]] = {}
    for ids in same:
        whole = set(ids).union(*(circle.get(one, ()) for one in ids))
        circle.update(dict.fromkeys(whole, whole))
    return next((pair for pair in sorted(apart) if pair[1] in circle.get(pair[0], ())), None)


def _merged(workspace: Workspace, pairs: set[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the first pair whose ids are one person in the store."""
    person = workspace.persons(sorted({one for pair in pairs for one in pair}))
    return next((pair for pair in sorted(pairs) if person[pair[0]] == person[pair[1]]), None)


def _keep(store: str | Path, same: set[tuple[str, ...]], different: set[tuple[str, ...]]) -> Path:
    """Write both lists, each in its order; an empty one only where the file has it."""
    before = settings.load(Path(store)).people
    told = {"same": sorted(same), "different": sorted(different)}
    return settings.keep(
        Path(store),
        {"people": {name: ids for name, ids in told.items() if ids or getattr(before, name)}},
    )


def _check(workspace: Workspace, pairs: Sequence[Sequence[str]]) -> None:
    """Refuse ids that nobody has."""
    if not pairs or any(len(set(ids)) < 2 for ids in pairs):
        raise BadQuestion("A link is between at least two different ids: [(one, other), ...].")
    asked = sorted({one for ids in pairs for one in ids})
    known = workspace.sql(
        "select customer_id from people where known and list_contains($asked, customer_id) "
        "union select alias[10:] from aliases "
        "where starts_with(alias, 'customer:') and list_contains($asked, alias[10:])",
        asked=asked,
    )["customer_id"]
    strange = set(asked) - set(known)
    if strange:
        raise BadQuestion(f"Nobody has the id {listed(strange, 5)}. Look in the table people.")
