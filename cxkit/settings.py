"""What the company tells cxkit once: `cx.toml` in the store, typed and checked.

Defaults come first, then what the recipes in use suggest (a journey), then what `cx.toml` says.
The file is written by the first notebook or by hand, and kept for next month's export.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from cxkit.errors import BadSettings, listed

FILE_NAME = "cx.toml"
_LEGAL_FORMS = frozenset(
    "ab ag as aps bv co corp eirl gmbh inc kg lda limited llc llp ltd ltda nv oy plc pty sa sarl "
    "sas se sl slu spa srl".split()
)


@dataclass(frozen=True)
class Company:
    """Who the company is: `timezone` places days, weeks and months, and is printed on charts.

    `brands` are names of what it sells, or what people call it: `name` and they are left out where
    anything is learned from comments.
    """

    name: str = ""
    timezone: str = "UTC"
    currency: str = ""
    brands: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the company and its brands, without the legal form.

        >>> Company("Oakli Shoes Ltd.", brands=("Oaklinia",)).names
        ('Oakli Shoes', 'Oaklinia')
        """
        words = self.name.split()
        while len(words) > 1 and words[-1].lower().replace(".", "").strip(",") in _LEGAL_FORMS:
            words.pop()
        name = " ".join(words).rstrip(",")
        return tuple(one for one in (name, *self.brands) if one)


@dataclass(frozen=True)
class Journey:
    """The stages of the journey, first to last, and the touchpoints that count as each.

    A stage without an entry in `touchpoints` is the touchpoint of the same name; surveys and the
    glitch register may name a stage by any of its touchpoints. A stage in `optional` may be
    skipped. `within_days` is the longest time from the first stage to any later. `afterwards` are
    stages that only the journey map shows, behind the others: a delivery of which surveys and
    tickets speak. `owners` says who is asked about a stage.
    """

    stages: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    touchpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within_days: int = 30
    afterwards: tuple[str, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)

    def touchpoints_of(self, stage: str) -> tuple[str, ...]:
        """Return the touchpoints that count as `stage`."""
        return tuple(self.touchpoints.get(stage, (stage,)))


@dataclass(frozen=True)
class Lifecycle:
    """When a customer counts as lapsed, new and loyal.

    A customer is lapsed when, after their silence, the chance of an order in the next
    `horizon_days` is at most `return_share`; a fixed `lapse_days` (0: found from the data)
    overrides that. New: first order within `new_days`. Loyal: at least `loyal_orders` orders.
    """

    horizon_days: int = 90
    return_share: float = 0.20
    lapse_days: int = 0
    new_days: int = 30
    loyal_orders: int = 4


@dataclass(frozen=True)
class Personas:
    """What personas are made of: fields of the contact list, or features of behaviour.

    Without `features` it is how people behave (see `personas`). `later` names the same fields as
    measured later, in the same order, to see who has moved; it may be empty.
    """

    features: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surveys:
    """What the exports do not say of the surveys: whether a high CES means "easy" or "hard".

    CES 2.0 asks for agreement that it was easy, from 1 to 7; that of 2010 for effort, from 1 to 5.
    Empty: seven points are taken as CES 2.0, and five are not scored.
    """

    ces_high: str = ""


@dataclass(frozen=True)
class Privacy:
    """In reports segments of fewer than `smallest_group` people go into 'other'; at least 5."""

    smallest_group: int = 10


@dataclass(frozen=True)
class People:
    """What somebody said about ids, beyond what the exports say: `same = [[a, b], ...]`.

    The next import merges the ids of a line in `same`; a line taken out makes them two again. The
    ids of a line in `different` are several people: no import proposes any two of them as one.
    """

    same: tuple[tuple[str, ...], ...] = ()
    different: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Mapped:
    """A mapping that someone confirmed for one layout of export, known by its `header`.

    `columns` maps canonical columns to the file's columns; `formats` holds what was asked and
    answered about a canonical column (a date order, a decimal mark).
    """

    file: str
    table: str
    header: tuple[str, ...]
    columns: Mapping[str, str]
    formats: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """All settings of one store."""

    company: Company = Company()
    journey: Journey = Journey()
    lifecycle: Lifecycle = Lifecycle()
    personas: Personas = Personas()
    surveys: Surveys = Surveys()
    privacy: Privacy = Privacy()
    people: People = People()
    imports: tuple[Mapped, ...] = ()


def load(store: Path, suggested: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of `store`: defaults, then `suggested`, then its `cx.toml`.

    Raises BadSettings where a section, a name or a value is not one that cxkit knows.
    """
    settings = overlay(Settings(), suggested or {}, "the recipe")
    path = Path(store) / FILE_NAME
    if not path.is_file():
        return settings
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSettings(f"{FILE_NAME} is not valid TOML: {problem}. Mend that line.") from None
    return overlay(settings, told, FILE_NAME)


def overlay(settings: Settings, told: Mapping[str, Any], where: str) -> Settings:
    """Return `settings` with the values that `told` holds, each checked; `where` names the source.

    >>> overlay(Settings(), {"company": {"timezone": "Europe/Berlin"}}, "cx.toml").company.timezone
    'Europe/Berlin'
    """
    changes: dict[str, Any] = {}
    for section, values in told.items():
        if section not in {f.name for f in fields(Settings)}:
            known = listed(f.name for f in fields(Settings))
            raise BadSettings(f"{where} has a section '{section}'. The sections are: {known}.")
        if section == "imports" and not isinstance(values, list | tuple):
            raise BadSettings(f"{where}: imports is a list; each entry starts with [[imports]].")
        if section == "imports":
            changes[section] = tuple(_filled(Mapped, item, where, section) for item in values)
        else:
            changes[section] = _filled(
                type(getattr(settings, section)), values, where, section, getattr(settings, section)
            )
    made = replace(settings, **changes)
    _check(made, where)
    return made


def _filled(kind: Any, values: Any, where: str, section: str, start: Any = None) -> Any:
    """Fill a settings section from a TOML table, refusing names and types it does not know."""
    known = {f.name: f for f in fields(kind)}
    if not isinstance(values, Mapping):
        raise BadSettings(f"{where}: [{section}] should be a table of names and values.")
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise BadSettings(f"{where}: [{section}] has '{name}'. It knows: {listed(known)}.")
        read[name] = _read(value, str(known[name].type), f"{where}: {section}.{name}")
    try:
        return replace(start, **read) if start is not None else kind(**read)
    except TypeError:
        missing = listed(set(known) - set(read))
        raise BadSettings(f"{where}: [{section}] lacks one of: {missing}.") from None


def _read(value: Any, kind: str, name: str) -> Any:
    """Check one value against the type that the dataclass declares."""
    if "Mapping" in kind and isinstance(value, Mapping):
        if "tuple" in kind:
            return {key: _read(item, "tuple", name) for key, item in value.items()}
        if all(isinstance(item, str) for item in value.values()):
            return dict(value)
    elif kind.startswith("tuple[tuple") and isinstance(value, list | tuple):
        return tuple(_read(item, "tuple", name) for item in value)
    elif "tuple" in kind and isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return tuple(value)
    elif "int" in kind and isinstance(value, int) and not isinstance(value, bool):
        return value
    elif "float" in kind and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif "str" in kind and isinstance(value, str):
        return value
    raise BadSettings(f"{name} is {value!r}, which is not the kind of value it takes.")


def _check(settings: Settings, where: str) -> None:
    """Refuse values that no analysis could use."""
    zone, life = settings.company.timezone, settings.lifecycle
    stages, people = settings.journey.stages, settings.people
    both = {frozenset(ids) for ids in people.same} & {frozenset(ids) for ids in people.different}
    kinds = settings.personas
    problems = [
        (zone not in available_timezones(), f"company.timezone is '{zone}', not an IANA zone name"),
        (len(set(stages)) < len(stages), "journey.stages names a stage twice"),
        (bool(set(settings.journey.optional) - set(stages)), "journey.optional is not in stages"),
        (settings.journey.within_days < 1, "journey.within_days is below 1"),
        (not 0 < life.return_share < 1, "lifecycle.return_share is not between 0 and 1"),
        (life.horizon_days < 1, "lifecycle.horizon_days is below 1"),
        (life.lapse_days < 0, "lifecycle.lapse_days is below 0"),
        (life.new_days < 1, "lifecycle.new_days is below 1"),
        (life.loyal_orders < 2, "lifecycle.loyal_orders is below 2"),
        (len(set(kinds.features)) < len(kinds.features), "personas.features names a field twice"),
        (
            bool(kinds.later) and len(kinds.later) != len(kinds.features),
            "personas.later does not name as many fields as personas.features",
        ),
        (
            settings.surveys.ces_high not in ("", "easy", "hard"),
            f"surveys.ces_high is '{settings.surveys.ces_high}', neither 'easy' nor 'hard'",
        ),
        (any(len(ids) < 2 for ids in people.same), "people.same names an id alone"),
        (any(len(ids) < 2 for ids in people.different), "people.different names an id alone"),
        (bool(both), "people.same and people.different name the same ids"),
        (settings.privacy.smallest_group < 5, "privacy.smallest_group is below 5"),
    ]
    for wrong, text in problems:
        if wrong:
            raise BadSettings(f"{where}: {text}. Mend it and run again.")


def as_told(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain lists and dictionaries, as `overlay` reads them."""
    return _plain(settings)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(item) for name, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def keep(store: Path, told: Mapping[str, Any]) -> Path:
    """Write the values of `told` into the store's `cx.toml`, leaving the rest and its comments.

    `told` has the shape of the file: `{"company": {"timezone": "Europe/Berlin"}}`. An entry of
    "imports" replaces the one with the same header. Returns the file's path. Raises BadSettings,
    and writes nothing, where the result would not load.
    """
    import tomlkit
    from tomlkit.items import Array

    path = Path(store) / FILE_NAME
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    document = tomlkit.parse(text)
    for section, values in told.items():
        if section == "imports":
            headers = [list(item["header"]) for item in values]
            kept = [m for m in document.get(section, []) if list(m["header"]) not in headers]
            tables = tomlkit.aot()
            for item in [*kept, *values]:
                tables.append(tomlkit.item(_plain(item)))
            document[section] = tables
        else:
            if not isinstance(values, Mapping):
                raise BadSettings(f"{section} is {values!r}; give a table of names and values.")
            table = document.setdefault(section, tomlkit.table())
            table.update(_plain(values))
            for value in table.values():
                if isinstance(value, Array) and value and isinstance(value[0], list):
                    value.multiline(True)  # one line per entry, to take out by hand
    written = tomlkit.dumps(document)
    overlay(Settings(), tomllib.loads(written), FILE_NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(written, encoding="utf-8", newline="\n")
    temporary.replace(path)
    return path
