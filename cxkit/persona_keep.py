"""Personas put to use: kept beside the store for next month, and as a field for other analyses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from cxkit import store as store_
from cxkit.errors import BadQuestion, CxError, names
from cxkit.persona_model import (
    BEHAVIOUR,
    EXAMPLE,
    RHYTHM,
    Fitted,
    PersonaModel,
    checked_model,
    day_of,
    fit_personas,
    score_people,
)
from cxkit.stats.clusters import adjusted_rand, matched
from cxkit.stats.intervals import said
from cxkit.stats.segments import veiled
from cxkit.workspace import Workspace

FILE_NAME = "personas.json"
FIELD = "persona"  # what `tag_customers` calls it
NOBODY = "no persona"
_THE_SAME = 0.5  # Jaccard similarity from which a group found anew keeps its earlier name


def keep_personas(
    workspace: Workspace,
    *,
    features: Sequence[str] | None = None,
    as_of: date | datetime | str | None = None,
) -> Path:
    """Keep the personas of today, to score next month's export with: returns the file's path.

    The model is written into the store as `personas.json`, in one step; imports leave it alone.
    Where one was kept before, a group that shares more than half of its people with an earlier
    one (both together; labels matched by the Hungarian method) keeps that one's name.

    Args:
        workspace: an open store.
        features: as for `personas`.
        as_of: as for `personas`.

    Raises:
        BadQuestion: where no groups hold, so that there is nothing to keep.
        NotWritten: where the store cannot be written.
    """
    fitted = fit_personas(workspace, features, as_of)
    model = fitted.model
    if not model.personas:
        raise BadQuestion(
            "There are no personas to keep: no groups hold. Ask cx.personas(...) for the reason."
        )
    try:
        before = kept_personas(workspace)
    except CxError:  # a damaged one is replaced
        before = None
    if before is not None:
        model = _named_as_before(model, before, fitted.people["label"], workspace, as_of)
    return store_.keep_text(workspace.store, FILE_NAME, model.to_json() + "\n")


def kept_personas(workspace: Workspace) -> PersonaModel | None:
    """Return the personas that `keep_personas` kept in the store; None where none were.

    Raises CxError where the file is damaged.
    """
    path = workspace.store / FILE_NAME
    try:
        model = PersonaModel.from_json(path.read_text(encoding="utf-8"))
        if not model.personas:
            raise BadQuestion("No personas: `keep_personas` keeps no such model.")
        return model
    except FileNotFoundError:
        return None
    except (BadQuestion, UnicodeDecodeError, OSError):
        raise CxError(
            f"{FILE_NAME} of '{workspace.store.name}' is damaged: rename it, and keep the "
            "personas again with cx.keep_personas(ws)."
        ) from None


def kept_for(workspace: Workspace, features: Sequence[str] | None) -> PersonaModel | None:
    """Return the kept model where no features are asked for, or its own; else None.

    One rule for `persona_of`, cards, drift and tags: they speak of the same personas.
    """
    kept = kept_personas(workspace)
    return kept if kept and (features is None or tuple(features) == kept.features) else None


def kept_note(workspace: Workspace, model: PersonaModel) -> str:
    """Return the caveat of an answer that rests on the kept model."""
    return (
        f"The personas are those that are kept with the store{_kept_at(workspace, model)}, not "
        "found anew."
    )


def beside_kept(
    workspace: Workspace, fitted: Fitted, as_of: date | datetime | str | None
) -> tuple[str, ...]:
    """Return the caveat of groups found anew beside a kept model: who follows which, how near."""
    try:
        kept = kept_personas(workspace)
    except CxError as problem:  # groups found anew do not rest on it
        return (str(problem),)
    if kept is None:
        return ()
    note = (
        f"These groups are found anew. A model of {len(kept.personas)} personas is kept with the "
        f"store{_kept_at(workspace, kept)}: persona_of, persona_cards, persona_drift and "
        "by='persona' follow it, unless other features are asked for."
    )
    known = kept.assign(score_people(workspace, kept, as_of).people).drop_nulls("persona")
    both = known.join(
        fitted.people.select("customer_id", "label").drop_nulls(), on="customer_id", how="inner"
    )
    if both.is_empty():
        return (note,)
    moved, base = elsewhere(both["persona"], both["label"]), both.height
    if 0 < moved < workspace.least:
        told = f"{veiled(moved, workspace.least)} of {base:,} people"
    else:
        told = f"{said(moved, base)} of {base:,} people"
    index = adjusted_rand(both["persona"].to_list(), both["label"].to_list())
    return (
        f"{note} Matched to it, the groups put {told} elsewhere (adjusted Rand index {index:.2f}).",
    )


def elsewhere(personas: pl.Series, labels: pl.Series) -> int:
    """Count whom groups found anew put elsewhere, each matched to the persona it shares most with.

    >>> elsewhere(pl.Series(["a", "a", "a", "b", "b"]), pl.Series([1, 1, 0, 0, 0]))
    1
    """
    order = sorted(personas.unique())
    old = personas.replace_strict(order, range(len(order)), return_dtype=pl.Int64).to_list()
    pairs = matched(old, labels.to_list())
    return sum(pairs[n] != o for n, o in zip(labels, old, strict=True))


def _kept_at(workspace: Workspace, model: PersonaModel) -> str:
    if not model.as_of:
        return ""
    return f" (as of {day_of(workspace, datetime.fromisoformat(model.as_of))})"


def persona_of(
    workspace: Workspace,
    *,
    features: Sequence[str] | None = None,
    as_of: date | datetime | str | None = None,
    model: PersonaModel | None = None,
) -> pl.DataFrame:
    """Say which persona each customer is, as the cards, drift and tags do.

    Args:
        workspace: an open store.
        features: as for `personas`; default: those of the personas that are kept in the store,
            which people are then scored with, else as for `personas`.
        as_of: count what was known at this moment; default: the latest time in the data.
        model: a model to score these people with; default: the kept one, where it has the same
            features, else groups found anew.

    Returns:
        One row per person in it, sorted by customer_id: customer_id, persona (null: too little is
        known, or no groups hold), margin (0: between two personas, 1: at the middle of one).

    Raises:
        BadQuestion: where a feature is unknown or protected, or `model` is no persona model.
        CxError: where the kept personas are damaged.
    """
    asked = None if features is None else names("features", features, EXAMPLE)
    frozen = checked_model(model) or kept_for(workspace, asked)
    if frozen is None:
        fitted = fit_personas(workspace, asked, as_of)
        return fitted.model.assign(fitted.people)
    return frozen.assign(score_people(workspace, frozen, as_of).people)


def tag_customers(
    workspace: Workspace,
    *,
    model: PersonaModel | None = None,
    as_of: date | datetime | str | None = None,
) -> Workspace:
    """Return the workspace with each customer's persona, so that analyses can be asked by it.

    `ws = cx.tag_customers(ws)`, then `cx.stage_funnel(ws, by="persona")`. Buyers of whom too
    little is known, and everyone where no groups hold, are 'no persona'; people who could have
    none, such as visitors, are 'missing'.

    Args:
        workspace: an open store; it stays as it is.
        model: a model to score the people with; default: the one kept in the store, else groups
            found anew.
        as_of: the persona as of this moment; default: the latest time in the data. Fields of the
            contact list are as they stand in the latest export.

    Raises:
        BadQuestion: where `model` is no persona model.
        CxError: where the kept model is damaged.
    """
    chosen = checked_model(model) or kept_personas(workspace)
    people = persona_of(workspace, model=chosen, as_of=as_of)
    values = people.select("customer_id", pl.col("persona").fill_null(NOBODY).alias(FIELD))
    prepared = (chosen or fit_personas(workspace, None, as_of).model).prepared
    return workspace.with_field(FIELD, values, [feature.name for feature in prepared.features])


def rhythm_note(workspace: Workspace, by: str | None) -> tuple[str, ...]:
    """Return the caveat of silences compared by personas that silences helped to make.

    A persona of a contact list's own, or of fields that say nothing of orders, has none.
    """
    made = workspace.made_from.get(FIELD, ()) if by == FIELD else ()
    rhythm = [name for name in made if name in RHYTHM]
    others = [name for name in made if name in BEHAVIOUR and name not in RHYTHM]
    if rhythm:
        return (
            f"The personas were grouped by {_listed(rhythm)}, counted from the same purchases: "
            "that some are silent for longer is partly how they were made. The limits describe "
            "them; they are no evidence that the personas differ.",
        )
    if others:
        return (
            f"The personas were grouped by {_listed(others)}, counted from the same purchases: "
            "read a difference as a description, not as evidence.",
        )
    return ()


def _listed(features: Sequence[str]) -> str:
    words = [name.replace("_", " ") for name in features]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _named_as_before(
    model: PersonaModel,
    before: PersonaModel,
    labels: pl.Series,
    workspace: Workspace,
    as_of: date | datetime | str | None,
) -> PersonaModel:
    """Return `model` with the earlier names of those groups that are still the same people."""
    called = [persona.name for persona in before.personas]
    earlier = persona_of(workspace, model=before, as_of=as_of)
    people = fit_personas(workspace, model.features, as_of).people
    both = (
        people.select("customer_id", new=labels)
        .join(earlier, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            old=pl.col("persona").replace_strict(called, range(len(called)), default=None)
        )
        .drop_nulls(["old", "new"])
    )
    pairs = matched(both["old"].to_list(), both["new"].to_list())
    kept = {}
    for new, old in pairs.items():
        one, other = pl.col("new") == new, pl.col("old") == old
        shared, either = both.select((one & other).sum(), (one | other).sum().alias("either")).row(
            0
        )
        if either and shared / either > _THE_SAME and model.personas[new].named:
            kept[new] = called[old]
    taken = set(kept.values())
    personas = []
    for place, persona in enumerate(model.personas):
        name = kept.get(place, persona.name)
        while place not in kept and name in taken:
            name = f"{name} (new)"
        taken.add(name)
        personas.append(replace(persona, name=name))
    return replace(model, personas=tuple(personas))
