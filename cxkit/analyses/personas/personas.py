"""Which kinds of customers are there, and do they hold?"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.notes import link_note
from cxkit.persona_keep import beside_kept
from cxkit.persona_model import Fitted, carded, common_prefix, fields_note, fit_personas
from cxkit.result import Result, counted, verb
from cxkit.stats.clusters import DRAWS, HIGHLY, NAMED, NOT_KNOWN, STABLE, STRONG
from cxkit.stats.intervals import ENOUGH, add_wilson
from cxkit.workspace import Workspace, query_text

QUESTION = "Which kinds of customers are there, and do they hold?"
_TOGETHER = "small groups, put together"
_COLOURS = dict(
    zip(
        ("much lower", "lower", "like the others", "higher", "much higher"),
        charts.DIVERGING,
        strict=True,
    )
)
_ANOTHER = dict(enumerate("third fourth fifth sixth seventh eighth ninth tenth".split(), start=3))


def personas(
    workspace: Workspace,
    *,
    features: Sequence[str] | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find groups of customers who behave alike, and say how far each of them can be trusted.

    The search is always made anew. Where `keep_personas` has kept a model, `persona_of`, the cards,
    drift and tags follow that one; a caveat then says how many people these groups put elsewhere.

    Args:
        workspace: an open store.
        features: what to group by: fields of the contact list, or of behaviour; default:
            `personas.features` of the settings, else behaviour. Behaviour is
            repeat_orders_per_year, median_gap_days, mean_basket, refund_share, evening_share
            (from 18:00 in the company's zone), weekend_share, mobile_share, main_channel_share
            (orders through the channel that the company sells most through), product_variety
            (different products per order), tickets_per_order, visits_per_order. Shares need three
            orders, a rate a year 90 days.
        as_of: count what was known at this moment; default: the latest time in the data. Fields
            of the contact list are as they stand in the latest export.

    Returns:
        One row per persona and feature, the largest persona first: persona, named, holds (in
        words), customers, share of those assigned with Wilson's interval, jaccard, feature; of a
        number low_quartile, median, high_quartile and median_of_all; of a category one row per
        value, with share_with and share_with_of_all; difference (to all others, in standard
        deviations), compared (the same in words). No rows where no groups hold. In a report groups
        of fewer than `privacy.smallest_group` people are one, 'other', without a jaccard.

        Groups come from k-means on prepared features (see `stats.clusters`). There are as many as
        the largest number whose prediction strength is at least .8 and of which any two are
        tighter than data without groups cut in two; a group whose bootstrap Jaccard similarity is
        below .6 gets no name. Names come from the two features that differ most, or three where
        two would be another's name.

    Raises:
        BadQuestion: where a feature is not known, or is a protected trait such as age or gender.
    """
    fitted = fit_personas(workspace, features, as_of)
    until = workspace.moment(as_of)
    table = _table(fitted, workspace.least)
    return Result(
        name="personas",
        question=QUESTION,
        table=table,
        finding=_finding(table, fitted),
        caveats=(
            *_caveats(fitted),
            *_together(table, fitted),
            *beside_kept(workspace, fitted, as_of),
            *fields_note(workspace, fitted.model.features, until),
            *link_note(workspace, until),
        ),
        sql=query_text("personas"),
        as_of=until,
        n=fitted.people.height,
        draw=_chart,
    )


_SCHEMA = {
    "persona": pl.String,
    "named": pl.Boolean,
    "holds": pl.String,
    "customers": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "jaccard": pl.Float64,
    "feature": pl.String,
    "low_quartile": pl.Float64,
    "median": pl.Float64,
    "high_quartile": pl.Float64,
    "median_of_all": pl.Float64,
    "share_with": pl.Float64,
    "share_with_of_all": pl.Float64,
    "difference": pl.Float64,
    "compared": pl.String,
}


def _table(fitted: Fitted, least: int) -> pl.DataFrame:
    rows = []
    model = fitted.model
    people = carded(fitted, least)
    prefix = common_prefix([feature.name for feature in model.prepared.features])
    known = {persona.name: persona for persona in model.personas}
    folded = people.filter(~pl.col("persona").is_in(list(known)))["persona"].unique().to_list()
    for name in [*(name for name in known if name in set(people["persona"])), *folded]:
        persona = known.get(name)
        group = people.filter(pl.col("persona") == name)
        about = {
            "persona": name,
            "named": persona is not None and persona.named,
            "holds": _holds(persona.jaccard) if persona else _TOGETHER,
            "customers": group.height,
            "assigned": fitted.assigned,
            "jaccard": round(persona.jaccard, 6) if persona else None,
        }
        gaps = iter(persona.differences if persona else model.apart(people, name))
        for feature in model.prepared.features:
            name = feature.name.removeprefix(prefix).replace("_", " ")
            if feature.levels:
                parts = _parts(group[feature.name], feature.levels, least)
                for level, part, of_all in zip(feature.levels, parts, feature.shares, strict=True):
                    told = {"share_with": part, "share_with_of_all": of_all}
                    rows.append(about | told | _apart(f"{name}: {level}", next(gaps)))
            else:
                values = group[feature.name].cast(pl.Float64)
                spread = {
                    "low_quartile": values.quantile(0.25, "linear"),
                    "median": values.median(),
                    "high_quartile": values.quantile(0.75, "linear"),
                    "median_of_all": people[feature.name].cast(pl.Float64).median(),
                }
                rows.append(about | spread | _apart(name, next(gaps)))
    frame = pl.DataFrame(rows, schema=_SCHEMA | {"assigned": pl.Int64})
    return add_wilson(frame, "customers", "assigned", "share").select(*_SCHEMA)


def _parts(values: pl.Series, levels: Sequence[str], least: int) -> list[float | None]:
    """Return the share of `values` at each level; null where it is that of too few to show.

    The level that nothing has is that it is not known.
    """
    told = values.fill_null(NOT_KNOWN)
    counts = [int((told == level).sum()) for level in levels]
    return [None if 0 < count < least else count / max(1, len(told)) for count in counts]


def _together(table: pl.DataFrame, fitted: Fitted) -> tuple[str, ...]:
    """Return the caveat of groups that a report does not show alone."""
    alone = table.filter(pl.col("holds") != _TOGETHER)["persona"].n_unique()
    hidden = len(fitted.model.personas) - alone
    if not hidden:
        return ()
    return (
        f"{hidden} of the groups stand together as 'other': a report shows none of too few people "
        "alone.",
    )


def _apart(feature: str, difference: float) -> dict[str, Any]:
    return {
        "feature": feature,
        "difference": round(difference, 6),
        "compared": _compared(difference),
    }


def _holds(jaccard: float) -> str:
    if jaccard < NAMED:
        return "does not hold"
    if jaccard < STABLE:
        return "doubtful"
    return "stable" if jaccard < HIGHLY else "highly stable"


def _compared(difference: float) -> str:
    """Put a standardised difference into words: from .5 medium, from .8 large (Cohen 1988)."""
    if abs(difference) < 0.5:
        return "like the others"
    much = "much " if abs(difference) >= 0.8 else ""
    return much + ("higher" if difference > 0 else "lower")


def _finding(table: pl.DataFrame, fitted: Fitted) -> str:
    people, model = fitted.people.height, fitted.model
    base = f"{people:,} {fitted.word}s" if fitted.word == "buyer" else f"{people:,} people"
    if not people:
        return "There are no buyers, and nobody has the fields asked for: personas cannot be found."
    if people < 2 * ENOUGH:
        one = "1 person" if fitted.word == "person" else "1 buyer"
        return f"The data hold {one if people == 1 else base} only: too few for personas."
    usable = [feature.name.replace("_", " ") for feature in model.prepared.features]
    if len(model.features) == 1:
        return f"Personas cannot be found among {base} by one feature alone: name two or more."
    if len(usable) < 2:
        only = f"only {usable[0]} tells" if usable else "none tells"
        return (
            f"Personas cannot be found among {base}: of {counted(len(model.features), 'feature')} "
            f"{only} them apart{_once(fitted)}."
        )
    if fitted.groups is None:
        return (
            f"Too little is known for personas: only {fitted.assigned:,} of {base} "
            f"{verb(fitted.assigned, 'have')} at least half of the {len(usable)} features."
        )
    strength = fitted.groups.strength
    if not strength:
        return f"No stable groups among {base}: hardly any of them differ from each other."
    if not model.personas:
        best = max(strength, key=lambda k: strength[k])
        if fitted.groups.apart:
            why = (
                f"{_numbers(fitted.groups.apart)} come back in fresh samples, but are no tighter "
                "than in data that have none"
            )
        else:
            why = f"the best, {best}, do not come back in fresh samples (prediction strength "
            why += f"{_point(strength[best])}, {_point(STRONG)} is asked for)"
        return f"No stable groups among {base}: {why}."
    named = [persona.jaccard for persona in model.personas if persona.named]
    lost = [persona.jaccard for persona in model.personas if not persona.named]
    count = len(named)
    if not named:
        return (
            f"{len(lost)} groups are found among {base}, but none of them holds ({_range(lost)})."
        )
    said = (
        f"{counted(count, 'group')} {verb(count, 'hold')} (stability {_range(named)}) among {base}"
    )
    if lost:
        which = "another does not" if len(lost) == 1 else f"{len(lost)} others do not"
        return (
            f"{said}; {which} ({_range(lost)}) and {'is' if len(lost) == 1 else 'are'} not named."
        )
    more = len(model.personas) + 1
    if more in strength:
        told = f"prediction strength {_point(strength[more])}"
        if strength[more] >= STRONG:
            told = "it is another one cut in two"
        return f"{said}; a{'n' * (more == 8)} {_ANOTHER[more]} does not ({told})."
    return f"{said}."


def _point(value: float) -> str:
    """Write a stability as the literature does: .83."""
    return f"{value:.2f}".removeprefix("0")


def _range(values: Sequence[float]) -> str:
    low, high = _point(min(values)), _point(max(values))
    return low if low == high else f"{low}–{high}"


def _draws(p: float) -> str:
    as_tight = round(p * (DRAWS + 1)) - 1
    return f"{as_tight or 'none'} of {DRAWS}"


def _numbers(tried: dict[int, float]) -> str:
    *fewer, most = (str(k) for k in sorted(tried))
    return f"{', '.join(fewer)} or {most} groups" if fewer else f"{most} groups"


def _once(fitted: Fitted) -> str:
    orders = fitted.people["orders"].drop_nulls()
    once = int((orders == 1).sum())
    if not len(orders) or once * 2 < len(orders):
        return ""
    return (
        f"; {once:,} ({once / len(orders):.1%}) {verb(once, 'have')} bought once only, and "
        "one purchase shows no habits"
    ).replace("%", " %")


def _caveats(fitted: Fitted) -> tuple[str, ...]:
    model, groups, people = fitted.model, fitted.groups, fitted.people
    notes = []
    if groups is not None and groups.strength:
        tried = ", ".join(f"{k} {_point(value)}" for k, value in groups.strength.items())
        notes.append(
            "There are as many groups as one half of the people foretells in the other "
            f"(prediction strength at least {_point(STRONG)}): {tried}."
        )
        if model.personas:
            as_tight = _draws(groups.apart[groups.k])
            notes.append(
                "Neighbouring groups are two: cutting data with the same spread and correlations "
                f"but without groups gave halves as tight in {as_tight} draws."
            )
    if groups is not None and groups.checked < fitted.assigned:
        notes.append(
            f"Whether groups hold was tried on {groups.checked:,} of the {fitted.assigned:,}, "
            "drawn at random; everyone is assigned."
        )
    if groups is not None and (once := _once(fitted)):
        notes.append(once.removeprefix("; ") + ": they are told apart by what one order can tell.")
    if people.height > fitted.assigned and groups is not None:
        none = people.height - fitted.assigned
        notes.append(
            f"{none:,} {verb(none, 'are')} in no group: less than half of their features are known."
        )
    if fitted.others:
        who = "person" if fitted.others == 1 else "people"
        notes.append(
            f"Not in it: {fitted.others:,} known {who} who {verb(fitted.others, 'have')} not "
            "bought and of whom none of the features is known."
        )
    if model.prepared.dropped and people.height:
        left = [f"{k.replace('_', ' ')} ({why})" for k, why in model.prepared.dropped.items()]
        notes.append(f"Features left out: {'; '.join(left)}.")
    missing = [
        f"{feature.name.replace('_', ' ')} ({part:.0%})".replace("%", " %")
        for feature in model.prepared.features
        if (part := people[feature.name].null_count() / people.height) >= 0.005
    ]
    if missing and groups is not None:
        notes.append(f"Not known of some, and taken as the middle: {', '.join(missing)}.")
    return tuple(notes)


def _chart(table: pl.DataFrame) -> charts.Figure:
    drawn = table.with_columns(
        who=pl.format("{} · {} %", "persona", (100 * pl.col("share")).round().cast(pl.Int64))
    )
    kinds = table["persona"].n_unique()
    return charts.heat(
        drawn,
        x="feature",
        y="who",
        colour="compared",
        colours=_COLOURS,
        title=f"{kinds} kinds of customers, and how each differs from the others",
    )
