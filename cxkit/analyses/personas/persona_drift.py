"""Who is another persona than before, and do the personas still fit?"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, names
from cxkit.notes import end_note, link_note
from cxkit.persona_keep import elsewhere, kept_for, kept_note
from cxkit.persona_model import (
    BEHAVIOUR,
    EXAMPLE,
    PersonaModel,
    checked_model,
    common_prefix,
    fields_note,
    fit_personas,
    persona_people,
)
from cxkit.result import Result, counted
from cxkit.safe import shown
from cxkit.stats.clusters import adjusted_rand, psi
from cxkit.stats.intervals import (
    ENOUGH,
    add_wilson,
    benjamini_hochberg,
    changed_p,
    newcombe_paired,
    said,
)
from cxkit.stats.segments import gathered, veiled
from cxkit.workspace import Workspace, query_text

QUESTION = "Who is another persona than before, and do the personas still fit?"
_REFIT = 0.25  # the population stability index from which a feature is no longer what it was
_AGREE = 0.6  # the adjusted Rand index below which groups found anew are others
_PSI_AT_LEAST = 200  # of fewer people chance alone moves the index that far
_HALF_A_YEAR = 182


class _Pair(NamedTuple):
    """The same people as they were and as they are: features named alike, as the model does."""

    model: PersonaModel
    before: pl.DataFrame
    after: pl.DataFrame
    refit: pl.DataFrame  # customer_id and the label that groups found anew give them
    refitted: int  # how many groups those are
    when: str  # the two moments, in words


def persona_drift(
    workspace: Workspace,
    *,
    features: Sequence[str] | None = None,
    later: Sequence[str] | None = None,
    before: date | datetime | str | None = None,
    as_of: date | datetime | str | None = None,
    model: PersonaModel | None = None,
) -> Result:
    """Score people at two moments with one frozen model: who moved, and is it time to refit?

    The two moments are two sets of fields of the contact list (`features` and `later`), or two
    dates. Shares before and after are of the same people; newcomers stand apart, since they differ
    by having just come.

    Args:
        workspace: an open store.
        features: as for `personas`; default: those of the model that is kept in the store, else
            as for `personas`.
        later: the same fields as measured later, in the same order; default: `personas.later` of
            the settings, where the features are those of the settings and none are given.
        before: the earlier date: features of behaviour are counted until then, and with `later`
            whoever bought first after it is a newcomer; default: for behaviour the date of the
            model that is kept, else half a year before `as_of`.
        as_of: the later date; default: the latest time in the data.
        model: the frozen model; default: the one that is kept in the store, where it has the same
            features, else the groups at the earlier moment.

    Returns:
        Rows of three kinds, told apart by `part`:
        share, one per persona: persona, customers of `base` people scored at both moments, share
        with Wilson's interval, customers_before, share_before, share_change with Newcombe's
        interval for paired shares (_low, _high), q_value (McNemar's exact test, Benjamini and
        Hochberg), newcomers (only scored later) and newcomer_share.
        moved, one per pair: persona, became, customers of `base` who were that persona, share with
        Wilson's interval.
        feature, one per feature: feature, psi (population stability index of the same people).
        In a report moves and newcomers of fewer than `privacy.smallest_group` people are null.

    Raises:
        BadQuestion: where `later` does not fit `features`, the earlier date is not earlier, or
            dates are asked for and no feature is one of behaviour.
    """
    until = workspace.moment(as_of)
    fields = workspace.settings.personas
    asked = None if features is None else names("features", features, EXAMPLE)
    frozen = checked_model(model)
    kept = None if frozen else kept_for(workspace, asked)
    frozen = frozen or kept
    chosen = tuple(fields.features) if asked is None else asked
    if asked is None and kept:
        chosen = kept.features
    if later is None and asked is None and chosen == tuple(fields.features):
        later = fields.later
    if later:
        told = names("later", later, EXAMPLE)
        pair = _by_fields(workspace, chosen, told, before, as_of, frozen)
    else:
        pair = _by_dates(workspace, asked, before, as_of, frozen)
    people = _people(pair, workspace.least)
    moves = workspace.query(
        "persona_drift", before=people["was"].to_list(), after=people["is"].to_list()
    )
    table = _veiled(_table(moves, pair, people), workspace.least)
    return Result(
        name="persona_drift",
        question=QUESTION,
        table=table,
        finding=_finding(table, pair, people, workspace.least),
        caveats=(
            *_caveats(table, pair, people, workspace.least),
            *((kept_note(workspace, kept),) if kept else ()),
            *fields_note(workspace, pair.model.features, until),
            *end_note(workspace, as_of),
            *link_note(workspace, until),
        ),
        sql=query_text("persona_drift"),
        as_of=until,
        n=people.drop_nulls(["was", "is"]).height,
        draw=_chart,
    )


def _by_fields(
    workspace: Workspace,
    features: tuple[str, ...],
    later: tuple[str, ...],
    before: date | datetime | str | None,
    as_of: date | datetime | str | None,
    model: PersonaModel | None,
) -> _Pair:
    if len(features) != len(later):
        raise BadQuestion(
            f"`later` names {counted(len(later), 'field')} and `features` {len(features)}. "
            "Name the same fields, in the same order."
        )
    frozen = model or fit_personas(workspace, features, as_of).model
    anew = fit_personas(workspace, later, as_of)
    if frozen.features != features:
        raise BadQuestion("The model has other features than those asked for. Ask for its own.")
    both = persona_people(workspace, (*features, *later), as_of)
    earlier = _earlier(workspace, before, workspace.moment(as_of))
    then = persona_people(workspace, features, earlier).filter(pl.col("orders").is_not_null())
    new = pl.col("orders").is_not_null() & ~pl.col("customer_id").is_in(
        then["customer_id"].to_list()
    )
    same = both.filter(~new)
    after = both.select("customer_id", **dict(zip(features, map(pl.col, later), strict=True)))
    one, other = (common_prefix(fields).strip(": ") for fields in (features, later))
    when = f"from '{one}' to '{other}'" if one and other else "from the first fields to the later"
    return _Pair(frozen, same.select("customer_id", *features), after, *_labels(anew), when)


def _earlier(
    workspace: Workspace, before: date | datetime | str | None, until: datetime | None
) -> datetime | None:
    """Return the earlier moment: as asked, else the end of the day half a year before."""
    if until is None:
        return None
    if before is None:
        return workspace.moment(until.date() - timedelta(days=_HALF_A_YEAR))
    earlier = workspace.moment(before)
    if earlier is not None and earlier >= until:
        raise BadQuestion(
            f"before is {shown(earlier)}, and the later moment is {shown(until)}. "
            "Name an earlier date."
        )
    return earlier


def _by_dates(
    workspace: Workspace,
    features: Sequence[str] | None,
    before: date | datetime | str | None,
    as_of: date | datetime | str | None,
    model: PersonaModel | None,
) -> _Pair:
    until = workspace.moment(as_of)
    kept_at = datetime.fromisoformat(model.as_of) if model and model.as_of else None
    if before is None and kept_at and until and kept_at < until:
        before = kept_at
    earlier = _earlier(workspace, before, until)
    frozen = model or fit_personas(workspace, features, earlier).model
    if not set(frozen.features) & set(BEHAVIOUR):
        raise BadQuestion(
            "Fields of the contact list stand in it once, so two dates show no drift. "
            "Name the fields that were measured later: later=[...]."
        )
    anew = fit_personas(workspace, frozen.features, until)
    frames = []
    for moment in (earlier, until):
        people = persona_people(workspace, frozen.features, moment)
        known = pl.any_horizontal(pl.col(frozen.features).is_not_null())
        frames.append(people.filter(pl.col("orders").is_not_null() | known))
    when = "from one moment to the next"
    if earlier is not None and until is not None:
        when = f"from {shown(earlier.date())} to {shown(until.date())}"
    return _Pair(frozen, frames[0], frames[1], *_labels(anew), when)


def _labels(fitted: Any) -> tuple[pl.DataFrame, int]:
    found = fitted.people.select("customer_id", pl.col("label").alias("anew"))
    return found, len(fitted.model.personas)


def _people(pair: _Pair, least: int) -> pl.DataFrame:
    """Return customer_id, was, is, anew of everyone who was or is a persona.

    In a report personas of fewer than `least` people are one, 'other'.
    """
    scored = [
        pair.model.assign(frame).select("customer_id", pl.col("persona").alias(name))
        for frame, name in ((pair.before, "was"), (pair.after, "is"))
    ]
    people = (
        scored[0]
        .join(scored[1], on="customer_id", how="full", coalesce=True)
        .filter(pl.col("was").is_not_null() | pl.col("is").is_not_null())
        .join(pair.refit, on="customer_id", how="left")
        .sort("customer_id")
    )
    both = people.drop_nulls(["was", "is"])
    names_ = [persona.name for persona in pair.model.personas]
    sizes = pl.DataFrame(
        {
            "name": names_,
            "segment": names_,
            "count": [min((both[side] == name).sum() for side in ("was", "is")) for name in names_],
        },
        schema={"name": pl.String, "segment": pl.String, "count": pl.Int64},
    )
    folded = gathered(sizes, "count", most=len(names_), least=least)
    shown_as = dict(folded.select("name", "segment").iter_rows())
    return people.with_columns(pl.col("was", "is").replace(shown_as))


_SCHEMA = {
    "part": pl.String,
    "persona": pl.String,
    "became": pl.String,
    "feature": pl.String,
    "base": pl.Int64,
    "customers": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "customers_before": pl.Int64,
    "share_before": pl.Float64,
    "share_change": pl.Float64,
    "share_change_low": pl.Float64,
    "share_change_high": pl.Float64,
    "q_value": pl.Float64,
    "newcomers": pl.Int64,
    "newcomer_share": pl.Float64,
    "psi": pl.Float64,
}


def _table(moves: pl.DataFrame, pair: _Pair, people: pl.DataFrame) -> pl.DataFrame:
    same = moves.drop_nulls(["before", "after"])
    new = moves.filter(pl.col("before").is_null())
    seen = set(people["was"].drop_nulls()) | set(people["is"].drop_nulls())
    order = [p.name for p in pair.model.personas if p.name in seen]
    order += sorted(seen - set(order))
    total = int(same["customers"].sum())

    def count(frame: pl.DataFrame, **wanted: str) -> int:
        return int(frame.filter(**wanted)["customers"].sum())

    rows: list[dict[str, Any]] = []
    for name in order:
        was, now, stayed = (
            count(same, before=name),
            count(same, after=name),
            count(same, before=name, after=name),
        )
        left, came = was - stayed, now - stayed
        change = newcombe_paired(stayed, left, came, total - stayed - left - came)
        rows.append(
            {
                "part": "share",
                "persona": name,
                "base": total,
                "customers": now,
                "customers_before": was,
                "share_before": was / total if total else None,
                "share_change": change.value if total else None,
                "share_change_low": change.low if total else None,
                "share_change_high": change.high if total else None,
                "q_value": changed_p(left, came),
                "newcomers": count(new, after=name),
                "newcomer_share": count(new, after=name) / n
                if (n := int(new["customers"].sum()))
                else None,
            }
        )
    for row, q in zip(rows, benjamini_hochberg([row["q_value"] for row in rows]), strict=True):
        row["q_value"] = q
    moved = [
        {
            "part": "moved",
            "persona": was,
            "became": now,
            "base": count(same, before=was),
            "customers": count(same, before=was, after=now),
        }
        for was in order
        for now in order
        if was == now or count(same, before=was, after=now)
    ]
    frame = pl.DataFrame(rows + moved + _features(pair, people), schema=_SCHEMA)
    shares = add_wilson(
        frame.drop("share", "share_low", "share_high"), "customers", "base", "share"
    )
    return shares.select(*_SCHEMA)


def _veiled(table: pl.DataFrame, least: int) -> pl.DataFrame:
    """Blank what is of fewer than `least` people.

    The smallest other move of a row or column is blank too where the blank ones would be simply
    the total less the rest, or too few together.
    """
    if not least:
        return table
    moves = {
        (row["persona"], row["became"]): row["customers"]
        for row in _rows(table, "moved")
        if row["customers"]
    }
    blank = {pair for pair, people in moves.items() if people < least}
    lines = [
        [pair for pair in moves if pair[side] == name]
        for side in (0, 1)
        for name in sorted({pair[side] for pair in moves})
    ]
    while True:
        more = set()
        for line in lines:
            hidden, seen = (
                [pair for pair in line if (pair in blank) is inside] for inside in (True, False)
            )
            few = len(hidden) < 2 or sum(moves[pair] for pair in hidden) < least
            if hidden and seen and few:
                more.add(min(seen, key=lambda pair: (moves[pair], pair)))
        if not more:
            break
        blank |= more
    hide = pl.struct("persona", "became").map_elements(
        lambda pair: (pair["persona"], pair["became"]) in blank, return_dtype=pl.Boolean
    )
    moved = pl.col("part") == "moved"
    few_new = pl.col("newcomers").is_between(1, least - 1)
    return table.with_columns(
        *(
            pl.when(moved & hide).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("customers", "share", "share_low", "share_high")
        ),
        *(
            pl.when(few_new).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("newcomers", "newcomer_share")
        ),
    )


def _features(pair: _Pair, people: pl.DataFrame) -> list[dict[str, Any]]:
    same = people.drop_nulls(["was", "is"]).select("customer_id")
    prefix = common_prefix([feature.name for feature in pair.model.prepared.features])
    one, other = (
        same.join(frame, on="customer_id", how="left", maintain_order="left")
        for frame in (pair.before, pair.after)
    )
    rows = []
    for feature in pair.model.prepared.features:
        kind = pl.String if feature.levels else pl.Float64
        index = psi(one[feature.name].cast(kind), other[feature.name].cast(kind, strict=False))
        rows.append(
            {
                "part": "feature",
                "feature": feature.name.removeprefix(prefix).replace("_", " "),
                "base": same.height,
                "psi": None if index is None else round(index, 6),
            }
        )
    return rows


def _rows(table: pl.DataFrame, part: str) -> list[dict[str, Any]]:
    return table.filter(pl.col("part") == part).to_dicts()


def _moved(people: pl.DataFrame) -> tuple[int, int]:
    both = people.drop_nulls(["was", "is"])
    return both.filter(pl.col("was") != pl.col("is")).height, both.height


def _points(row: dict[str, Any]) -> str:
    change, low, high = (
        100 * row[name] for name in ("share_change", "share_change_low", "share_change_high")
    )
    word = "grew" if change > 0 else "shrank"
    return f"'{row['persona']}' {word} by {abs(change):.1f} points ({low:+.1f} to {high:+.1f})"


def _finding(table: pl.DataFrame, pair: _Pair, people: pl.DataFrame, least: int) -> str:
    if not pair.model.personas:
        return "There are no personas that hold, so nobody can have become another."
    moved, base = _moved(people)
    if base == 0:
        return f"Nobody was scored at both moments, {pair.when}: drift cannot be told."
    if base < ENOUGH:
        return f"Only {counted(base, 'customer')} were scored at both moments: too few to say."
    sure = [row for row in _rows(table, "share") if row["q_value"] < 0.05]
    sure.sort(key=lambda row: -abs(row["share_change"]))
    shift = "; ".join(map(_points, sure[:2])) or "no persona's share surely changed"
    changed = veiled(moved, least) if 0 < moved < least else said(moved, base)
    return (
        f"Of {base:,} people scored at both moments {changed} changed persona "
        f"{pair.when}; {shift}. {_advice(table, pair, people)}"
    )


def _advice(table: pl.DataFrame, pair: _Pair, people: pl.DataFrame) -> str:
    """Say whether to find the groups anew."""
    drifted = [row["feature"] for row in _rows(table, "feature") if (row["psi"] or 0) > _REFIT]
    base = _moved(people)[1]
    if drifted and base >= _PSI_AT_LEAST:
        return f"Refit: {', '.join(drifted)} {_verb(drifted)} no longer spread as then (PSI > .25)."
    if not pair.refitted:
        return "Refit with care: groups found anew do not hold."
    index = _agreement(people)
    if index is not None and index < _AGREE:
        return f"Refit: groups found anew are others (adjusted Rand index {index:.2f})."
    if index is None:
        return "Whether to refit cannot be told."
    return f"Keep the model: groups found anew agree (adjusted Rand index {index:.2f})."


def _verb(words: Sequence[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _agreement(people: pl.DataFrame) -> float | None:
    both = people.drop_nulls(["is", "anew"])
    return adjusted_rand(both["is"].to_list(), both["anew"].to_list()) if both.height else None


def _caveats(table: pl.DataFrame, pair: _Pair, people: pl.DataFrame, least: int) -> tuple[str, ...]:
    base = _moved(people)[1]
    if not pair.model.personas or not base:
        return ()
    notes = [
        "The model is frozen: groups and names are those of the earlier moment. People near the "
        "border of two personas change sides by little, so some move in any case."
    ]
    indices = [
        f"{row['feature']} {row['psi']:.2f}"
        for row in _rows(table, "feature")
        if row["psi"] is not None
    ]
    if indices and base >= _PSI_AT_LEAST:
        notes.append(f"Population stability index (above .25: refit): {', '.join(indices)}.")
    elif indices:
        notes.append(
            f"The population stability index says little of {base:,} people: {', '.join(indices)}."
        )
    if pair.refitted:
        notes.append(_anew(pair, people, least))
    new = people.filter(pl.col("was").is_null())
    gone = people.filter(pl.col("is").is_null())
    if new.height:
        kinds = new["is"].value_counts().sort("count", "is", descending=[True, False])
        told = ", ".join(f"{veiled(n, least)} '{name}'" for name, n in kinds.iter_rows())
        few = "; too few to say" if new.height < ENOUGH else ""
        many = veiled(new.height, least)
        notes.append(f"{many[0].upper()}{many[1:]} newcomers are not in it: {told}{few}.")
    if gone.height:
        many = veiled(gone.height, least)
        notes.append(f"{many[0].upper()}{many[1:]} could be scored at the earlier moment only.")
    if table.filter(pl.col("part") == "moved")["customers"].null_count():
        notes.append(
            f"A report shows no moves of fewer than {least} people; others are left out with them "
            "where they would be the total less the rest."
        )
    if set(pair.model.features) & set(BEHAVIOUR):
        notes.append(
            "Behaviour is counted since the first order: the longer the past, the slower it moves."
        )
    return tuple(notes)


def _anew(pair: _Pair, people: pl.DataFrame, least: int) -> str:
    """Say how groups found anew differ, each matched to the persona that it shares most with."""
    both = people.drop_nulls(["is", "anew"])
    told = veiled(elsewhere(both["is"], both["anew"]), least)
    return (
        f"Groups found anew on the later data: {pair.refitted} (the model has "
        f"{len(pair.model.personas)}); matched to the personas, they put {told} of "
        f"{both.height:,} elsewhere."
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    moved = table.filter(pl.col("part") == "moved")
    stayed = int(moved.filter(pl.col("persona") == pl.col("became"))["customers"].sum())
    base = int(moved["customers"].sum())
    share = f"{1 - stayed / base:.0%}" if base else "nobody"
    title = f"{share} became another persona"
    if moved["customers"].null_count():  # a report without the small moves
        title = "Who became another persona"
    return charts.matrix(
        moved,
        x="became",
        y="persona",
        value="share",
        texts=[
            "not shown"
            if row["customers"] is None
            else f"{row['customers']:,} · {row['share'] or 0:.0%}"
            for row in moved.iter_rows(named=True)
        ],
        title=title,
        x_unit="persona later",
        y_unit="persona before",
    )
