"""Personas put to use: kept beside the store for next month, and as a field for other analyses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from cxkit import store as store_
from cxkit.errors import BadQuestion, CxError
from cxkit.persona_model import PersonaModel, checked_model, fit_personas, persona_of
from cxkit.safe import shown
from cxkit.stats.clusters import matched
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

    One rule for the cards, drift and tags: they speak of the same personas.
    """
    kept = kept_personas(workspace)
    return kept if kept and (features is None or tuple(features) == kept.features) else None


def kept_note(model: PersonaModel) -> str:
    """Return the caveat of an answer that rests on the kept model."""
    of = f" (as of {shown(datetime.fromisoformat(model.as_of))})" if model.as_of else ""
    return f"The personas are those that are kept with the store{of}, not found anew."


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
    return workspace.with_field(FIELD, values)


def _named_as_before(
    model: PersonaModel,
    before: PersonaModel,
    labels: pl.Series,
    workspace: Workspace,
    as_of: date | datetime | str | None,
) -> PersonaModel:
    """Return `model` with the earlier names of those groups that are still the same people."""
    names = [persona.name for persona in before.personas]
    earlier = persona_of(workspace, model=before, as_of=as_of)
    people = fit_personas(workspace, model.features, as_of).people
    both = (
        people.select("customer_id", new=labels)
        .join(earlier, on="customer_id", how="left", maintain_order="left")
        .with_columns(old=pl.col("persona").replace_strict(names, range(len(names)), default=None))
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
            kept[new] = names[old]
    taken = set(kept.values())
    personas = []
    for place, persona in enumerate(model.personas):
        name = kept.get(place, persona.name)
        while place not in kept and name in taken:
            name = f"{name} (new)"
        taken.add(name)
        personas.append(replace(persona, name=name))
    return replace(model, personas=tuple(personas))
