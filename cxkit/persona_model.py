"""Personas before anyone asks about them: who is grouped by what, and the model that is kept.

`personas`, the cards and every analysis by persona rest on the same three things: the features of
each person, the groups that were found in them, and a model that scores next month's export alike.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import polars as pl

from cxkit.errors import BadQuestion, listed, names
from cxkit.safe import shown
from cxkit.stats import clusters
from cxkit.stats.intervals import ENOUGH
from cxkit.stats.segments import gathered
from cxkit.workspace import Workspace

# What `personas.sql` knows of each buyer.
BEHAVIOUR = (
    "repeat_orders_per_year",
    "median_gap_days",
    "mean_basket",
    "refund_share",
    "evening_share",
    "weekend_share",
    "mobile_share",
    "main_channel_share",
    "product_variety",
    "tickets_per_order",
    "visits_per_order",
)
RHYTHM = BEHAVIOUR[:2]  # how often people buy, and after how long a silence
EXAMPLE = "['mean_basket', 'evening_share']"  # of features, in messages
_FIELDS = ("region", "source", "preferred_channel")

# Who people are by law or birth must not drive how they are treated.
_PROTECTED = set(
    "age ages birth birthday birthdate dob gender sex sexual religion religious belief ethnic "
    "ethnicity race racial nationality citizenship disability disabled health pregnant pregnancy "
    "political politics".split()
)
_CLEAR = 0.5  # a standardised difference from which a feature sets a group apart (Cohen 1988)
_FEATURES_AT_LEAST = 2


@dataclass(frozen=True)
class Persona:
    """One group of the model. `jaccard` below .6 is a group that does not hold: `named` is false.

    `differences` has one standardised difference to everyone else per column of the matrix.
    """

    name: str
    named: bool
    customers: int
    jaccard: float
    centre: tuple[float, ...]
    differences: tuple[float, ...]


@dataclass(frozen=True)
class PersonaModel:
    """Personas as they were found once, kept to score next month's export in the same way.

    Attributes:
        features: the fields that people are grouped by, as asked for.
        prepared: how their values become numbers.
        personas: the groups, the largest first; empty where no groups hold.
        strength: the prediction strength of each number of groups that was tried.
        as_of: the moment of the data, ISO 8601.
    """

    features: tuple[str, ...]
    prepared: clusters.Prepared
    personas: tuple[Persona, ...]
    strength: dict[int, float]
    as_of: str = ""

    def to_json(self) -> str:
        """Return the model as text, to be kept beside the store."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "PersonaModel":
        """Return the model that `to_json` wrote; BadQuestion where the text is none."""
        try:
            told = json.loads(text)
            features = told["features"]
            if not isinstance(features, list) or not all(isinstance(f, str) for f in features):
                raise ValueError("features that are no list of texts")
            made = [clusters.Feature(**_tuples(f)) for f in told["prepared"]["features"]]
            kept = [Persona(**_tuples(p)) for p in told["personas"]]
            prepared = clusters.Prepared(tuple(made), dict(told["prepared"]["dropped"]))
            if sorted(features) != sorted([*(f.name for f in made), *prepared.dropped]):
                raise ValueError("features of which nothing says how they become numbers")
            for feature in made:
                _check_feature(feature)
            width = sum(len(feature.levels) or 1 for feature in made)
            if len({persona.name for persona in kept}) < len(kept):
                raise ValueError("personas of one name")
            for persona in kept:
                numbers = (*persona.centre, *persona.differences, persona.jaccard)
                fits = len(persona.centre) == len(persona.differences) == width
                words = isinstance(persona.name, str) and isinstance(persona.named, bool)
                if not fits or not words or not all(map(isfinite, numbers)):
                    raise ValueError("a persona that does not fit the features")
            strength = {int(k): value for k, value in told["strength"].items()}
            moment = datetime.fromisoformat(told["as_of"]) if told["as_of"] != "" else None
            if not all(map(isfinite, strength.values())) or (moment and moment.tzinfo):
                raise ValueError("a strength or a moment that `to_json` does not write")
            return cls(tuple(features), prepared, tuple(kept), strength, told["as_of"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise BadQuestion(
                "This text is not a kept persona model. Give what `to_json` wrote."
            ) from None

    def assign(self, people: pl.DataFrame) -> pl.DataFrame:
        """Return customer_id, persona and margin of each row of `people`, in its order.

        `people` holds customer_id and the model's features. The persona is null for people of
        whom less than half of the features are known, and for all where no groups hold.
        """
        labels, margins = self.labels(people)
        words = [persona.name for persona in self.personas]
        return people.select("customer_id").with_columns(
            persona=pl.Series([None if n is None else words[n] for n in labels], dtype=pl.String),
            margin=pl.Series(margins, dtype=pl.Float64),
        )

    def labels(self, people: pl.DataFrame) -> tuple[list[int | None], list[float | None]]:
        """Return the number of each row's persona, 0 the largest, and its margin (see `assign`)."""
        if not self.personas or people.is_empty():
            return [None] * people.height, [None] * people.height
        centres = clusters.points(persona.centre for persona in self.personas)
        found, margins = clusters.assign(centres, self.prepared.matrix(people))
        known = self.prepared.known(people)
        return (
            [n if ok else None for n, ok in zip(found.tolist(), known, strict=True)],
            [m if ok else None for m, ok in zip(margins.tolist(), known, strict=True)],
        )

    def distances(self, people: pl.DataFrame, labels: Sequence[int]) -> list[float]:
        """Return how far each row is from the centre of the persona that `labels` gives it."""
        centres = clusters.points(persona.centre for persona in self.personas)
        return clusters.away(centres, self.prepared.matrix(people), labels)

    def apart(self, people: pl.DataFrame, name: str) -> list[float]:
        """Return the standardised differences of the rows whose `persona` is `name` to the rest."""
        inside = people["persona"].eq(name).cast(pl.Int8).to_numpy()
        matrix = self.prepared.matrix(people)
        if inside.all():  # there is no rest to differ from
            return [0.0] * int(matrix.shape[1])
        return clusters.differences(matrix, inside, 2)[1]


def _check_feature(feature: clusters.Feature) -> None:
    """Raise ValueError or TypeError where people could not be scored with `feature`."""
    numbers = (feature.low, feature.high, feature.mean, feature.sd, feature.fill, *feature.shares)
    words = (feature.name, *feature.levels)
    fits = feature.sd > 0 and len(feature.levels) == len(feature.shares)
    if not fits or not all(map(isfinite, numbers)) or not all(isinstance(w, str) for w in words):
        raise ValueError("a feature that is none")
    if feature.levels and not sum(share * (1 - share) for share in feature.shares) > 0:
        raise ValueError("shares of a category that is alike for all")


def checked_model(model: object) -> PersonaModel | None:
    """Return the argument `model` of an analysis; BadQuestion where it is something else."""
    if model is None or isinstance(model, PersonaModel):
        return model
    raise BadQuestion(
        f"model is {model!r}, which is no persona model. Give what cx.kept_personas(ws) returns, "
        "or leave it out."
    )


def _tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
    }


@dataclass(frozen=True)
class Fitted:
    """A model with what it was made from.

    people: customer_id, orders (null: none), the features, label (0 is the largest persona; null:
    unassigned) and margin. others: how many known people are not in it. groups: what k-means
    found; None where there was too little to look at, or nothing was found anew. assigned: of how
    many enough is known.
    """

    model: PersonaModel
    people: pl.DataFrame
    others: int
    groups: clusters.Groups | None
    assigned: int

    @property
    def word(self) -> str:
        """What to call the people: buyers, where all of them have bought."""
        return "person" if self.people["orders"].null_count() else "buyer"


_KEPT: "WeakKeyDictionary[Workspace, dict[object, Fitted]]" = WeakKeyDictionary()


def fit_personas(
    workspace: Workspace,
    features: Sequence[str] | None = None,
    as_of: date | datetime | str | None = None,
) -> Fitted:
    """Find the personas of `workspace`; asked twice, the same answer without the work.

    Raises BadQuestion where a feature is unknown or protected.
    """
    asked = _asked(workspace, features)
    until = workspace.moment(as_of)
    kept = _KEPT.setdefault(workspace, {})
    if (asked, until) not in kept:
        kept[asked, until] = _fit(workspace, asked, until)
    return kept[asked, until]


def persona_people(
    workspace: Workspace, features: Sequence[str], as_of: date | datetime | str | None = None
) -> pl.DataFrame:
    """Return customer_id, orders and `features` of every known person, sorted by customer_id.

    Fields of the contact list whose every value is a number are numbers, others are texts.
    """
    told = [name for name in features if name not in (*BEHAVIOUR, *_FIELDS)]
    frame = workspace.query(
        "personas",
        as_of=workspace.moment(as_of),
        zone=workspace.settings.company.timezone,
        paths=[f'$."{name}"' for name in told],
    )
    fields = [
        _read(frame["told"].list.get(n, null_on_oob=True), name) for n, name in enumerate(told)
    ]
    return frame.with_columns(fields).select("customer_id", "orders", *features)


def _read(values: pl.Series, name: str) -> pl.Series:
    words = values.cast(pl.String).str.strip_chars().replace("", None).alias(name)
    numbers = words.cast(pl.Float64, strict=False)
    if numbers.null_count() > words.null_count():
        return words
    return numbers.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()


def _asked(workspace: Workspace, features: Sequence[str] | None) -> tuple[str, ...]:
    """Return the features to use: the asked ones, else the settings', else behaviour."""
    asked = workspace.settings.personas.features if features is None else features
    chosen = names("features", asked, EXAMPLE) or BEHAVIOUR
    known = [*BEHAVIOUR, *_FIELDS]
    if set(chosen) - set(known):
        told = workspace.sql(
            "select distinct unnest(json_keys(attributes)) as field from customers order by field"
        )
        known += told["field"].to_list()
    for name in chosen:
        words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
        if _PROTECTED & set(re.findall(r"[a-z]+", words.lower())):
            raise BadQuestion(
                f"'{name}' is a protected trait: personas are made of what people do. "
                "Leave it out of `features`."
            )
        if name not in known:
            raise BadQuestion(f"There is no feature '{name}'. There are: {listed(known, 30)}.")
    if len(set(chosen)) < len(chosen):
        raise BadQuestion("`features` names a feature twice. Name each once.")
    return tuple(chosen)


def _fit(workspace: Workspace, features: tuple[str, ...], until: datetime | None) -> Fitted:
    everyone = persona_people(workspace, features, until)
    known = pl.any_horizontal(pl.col(features).is_not_null())
    people = everyone.filter(pl.col("orders").is_not_null() | known)
    prepared = clusters.prepare(people, features) if people.height else clusters.Prepared(())
    model = PersonaModel(features, prepared, (), {}, until.isoformat() if until else "")
    enough = people.filter(pl.Series(prepared.known(people), dtype=pl.Boolean))
    groups = None
    if len(prepared.features) >= _FEATURES_AT_LEAST and enough.height >= 2 * ENOUGH:
        matrix = prepared.matrix(enough)
        groups = clusters.find_groups(matrix, widths=prepared.widths)
        model = replace(
            model, strength=groups.strength, personas=_personas(prepared, matrix, groups)
        )
    labels, margins = model.labels(people)
    people = people.with_columns(
        label=pl.Series(labels, dtype=pl.Int64), margin=pl.Series(margins, dtype=pl.Float64)
    )
    return Fitted(model, people, everyone.height - people.height, groups, enough.height)


def _personas(
    prepared: clusters.Prepared, matrix: clusters.Matrix, groups: clusters.Groups
) -> tuple[Persona, ...]:
    if groups.k == 1:
        return ()
    differences = clusters.differences(matrix, groups.labels, groups.k)
    short = [_name(prepared, gaps, 2) for gaps in differences]
    made: list[Persona] = []
    for group in range(groups.k):
        holds = groups.jaccard[group] >= clusters.NAMED
        alone = short.count(short[group]) == 1
        name = short[group] if alone else _name(prepared, differences[group], 3)
        name = name if holds else "unnamed group"
        taken = sum(name == p.name or p.name.startswith(f"{name} (") for p in made)
        made.append(
            Persona(
                f"{name} ({taken + 1})" if taken else name,
                holds,
                int((groups.labels == group).sum()),
                groups.jaccard[group],
                tuple(groups.centres[group].tolist()),
                tuple(differences[group]),
            )
        )
    return tuple(made)


def _name(prepared: clusters.Prepared, differences: Sequence[float], most: int) -> str:
    """Name a group after the `most` features that set it apart most, where they do."""
    columns = [
        (feature.name, level)
        for feature in prepared.features
        for level in (feature.levels or (None,))
    ]
    prefix = common_prefix([feature.name for feature in prepared.features])
    order = sorted(range(len(columns)), key=lambda n: -abs(differences[n]))
    words: list[str] = []
    for place in order:
        if len(words) == most or (words and abs(differences[place]) < _CLEAR):
            break
        feature, level = columns[place]
        label = feature.removeprefix(prefix).replace("_", " ")
        if level is None:
            words.append(f"{'high' if differences[place] > 0 else 'low'} {label}")
        elif differences[place] > 0:  # that it is not the other level goes without saying
            words.append(f"{label} {level}")
    return ", ".join(words) or "everyone else"


def common_prefix(features: Sequence[str]) -> str:
    """Return what all names start with, up to a colon: it says nothing apart.

    >>> common_prefix(["First profile: Basket", "First profile: Pages"])
    'First profile: '
    """
    starts = {re.split(r"(?<=:) ", name)[0] for name in features}
    return f"{starts.pop()} " if len(starts) == 1 and len(features) > 1 else ""


def score_people(
    workspace: Workspace, model: PersonaModel, as_of: date | datetime | str | None = None
) -> Fitted:
    """Score people with a model that was found before, instead of finding groups anew."""
    everyone = persona_people(workspace, model.features, as_of)
    known = pl.any_horizontal(pl.col(model.features).is_not_null())
    people = everyone.filter(pl.col("orders").is_not_null() | known)
    labels, margins = model.labels(people)
    people = people.with_columns(
        label=pl.Series(labels, dtype=pl.Int64), margin=pl.Series(margins, dtype=pl.Float64)
    )
    assigned = people["label"].count()
    return Fitted(model, people, everyone.height - people.height, None, assigned)


def carded(fitted: Fitted, least: int) -> pl.DataFrame:
    """Return the assigned people with their card's name: in a report small groups share one."""
    names = [persona.name for persona in fitted.model.personas]
    people = fitted.people.filter(pl.col("label").is_not_null()).with_columns(
        persona=pl.col("label").replace_strict(
            list(range(len(names))), names, return_dtype=pl.String, default=None
        )
    )
    sizes = people["persona"].value_counts().rename({"persona": "segment"})
    folded = gathered(sizes.with_columns(name="segment"), "count", most=len(names), least=least)
    cards = dict(folded.select("name", "segment").iter_rows())
    return people.with_columns(pl.col("persona").replace(cards))


def fields_note(
    workspace: Workspace, features: Sequence[str], until: datetime | None
) -> tuple[str, ...]:
    """Return the caveat of a past moment where `features` are of the contact list."""
    if until is None or workspace.as_of is None or until >= workspace.as_of:
        return ()
    if not set(features) - set(BEHAVIOUR):
        return ()
    return (
        "Fields of the contact list are as they stand in the latest export, not as of "
        f"{day_of(workspace, until)}.",
    )


def day_of(workspace: Workspace, moment: datetime) -> str:
    """Return the day of a moment in UTC as the company writes it: in its own zone."""
    zone = ZoneInfo(workspace.settings.company.timezone)
    return shown(moment.replace(tzinfo=UTC).astimezone(zone).date())
