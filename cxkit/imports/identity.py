"""Who may be one person under two ids? Proposed at every import, merged only when accepted.

What people agree in is compared in SQL, with the rules of Jaro and Winkler and of Levenshtein:
    contact_fields -> reached -> identities -> likely_pairs -> agreed -> proposed_links
"""

from collections.abc import Iterable, Sequence
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


def propose(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the draft's `proposed_links` from customers, held and link."""
    names = [(name, kind) for kind, known in _CALLED.items() for name in known.split(",")]
    called = {"names": [name for name, _ in names], "kinds": [kind for _, kind in names]}
    run(connection, "contact_fields.sql", **called)
    for step in ("reached.sql", "identities.sql", "likely_pairs.sql", "agreed.sql"):
        run(connection, step)
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
    frame = pl.DataFrame(pairs, schema={"one": pl.String, "other": pl.String}, orient="row")
    connection.register("same", frame)
    run(connection, "accepted_links.sql", kinds=sorted(set(kinds) - {"customer"}))
    connection.unregister("same")


def accept_links(
    store: str | Path,
    *,
    pairs: Iterable[Sequence[str]] | None = None,
    min_score: int | None = None,
) -> Path:
    """Keep that some ids are one person, for the next import to merge; returns `cx.toml`'s path.

    `pairs` names them, as in `[("48210000011", "48210007744")]`; `min_score` takes every proposal
    of `identity_links` with at least so many points. They are written as `[people] same` into the
    store's `cx.toml`, one line each: take a line out, import again, and the two are two again.
    Import the exports again to see the merge. Raises BadQuestion, and keeps nothing, where
    neither or both are given, where an id is not known, or where no proposal has the points.
    """
    if (pairs is None) == (min_score is None):
        raise BadQuestion("Say which links to accept: name pairs of ids, or a min_score.")
    workspace = Workspace(store)
    try:
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
        else:
            found = [tuple(ids) for ids in pairs or ()]
            _check(workspace, found)
        held = workspace.settings.people.same
    finally:
        workspace.close()
    same = sorted({tuple(sorted(ids)) for ids in (*held, *found)})
    return settings.keep(Path(store), {"people": {"same": same}})


def _check(workspace: Workspace, pairs: Sequence[Sequence[str]]) -> None:
    """Refuse ids that nobody has."""
    if not pairs or any(len(set(ids)) < 2 for ids in pairs):
        raise BadQuestion("A link joins at least two different ids: [(one, other), ...].")
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
