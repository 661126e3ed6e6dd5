"""How is each vendor's export read? Recipes as data: `recipes/*.toml`, known by their columns.

A recipe file describes the exports of one vendor or company that belong together. Adding a
vendor is adding a file; `docs` and `CONTRIBUTING` describe its words, which are the fields below.
A mapping that someone confirmed becomes an `Export` too, so there is one way through.

Wherever a recipe names a column it may name others that a vendor used before or since, and leave
a part open: "Created (UTC) | Created date (UTC)", "Opened (*)". `fitted` puts the file's own names
in their place once the file is there. For a person's ids, "Phone & Billing Phone" takes the first
that a record fills.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cxkit import schema
from cxkit.errors import BadRecipe, listed
from cxkit.imports.types import FORMATS, UNITS
from cxkit.settings import Mapped

FOLDER = Path(__file__).with_name("recipes")
TAKES = ("first", "last", "sum", "least", "most")
_HEADER_WITHIN = 30  # records that are searched for the header


@dataclass(frozen=True)
class Reading:
    """Where one canonical column comes from. In TOML a bare text is `{ column = "…" }`."""

    column: tuple[str, ...] = ()  # the file's column; of several, the first that is filled
    text: str = ""  # columns joined, as in "{Title}\n{Body}"
    value: str = ""  # the same in every row
    json: tuple[str, ...] = ()  # columns kept together as a JSON object
    format: str = ""  # day first, month first, decimal comma, decimal point
    zone: str = ""  # of naive times, where it is not the company's
    values: Mapping[str, str] = field(default_factory=dict)  # the file's word -> ours
    true_when: tuple[str, ...] = ()  # words that mean yes; any other means no
    filled: bool = False  # yes where the cell is filled, no where it is empty
    pattern: str = ""  # only what the first group of this pattern finds in the cell
    path: str = ""  # only what stands at this JSONPath of the cell
    since: str = ""  # the cell is a time that has passed since this column; `unit` says in what
    unit: str = ""  # minutes, hours, seconds; empty where it is written as h:mm:ss
    times: str = ""  # the cell times this column: a price and a quantity
    take: str = "first"  # how the records of a part become one value: see TAKES

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the file that the reading looks at."""
        beside = (name for name in (self.since, self.times) if name)
        return (*self.column, *re.findall(r"\{(.+?)\}", self.text), *self.json, *beside)


@dataclass(frozen=True)
class Rows:
    """The rows of one canonical table that a record gives; a record may give several."""

    table: str
    columns: Mapping[str, Reading]
    when: tuple[str, ...] = ()  # only where all these columns are filled
    unless: tuple[str, ...] = ()  # and all these are empty
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # and hold one of the words
    part: bool = False  # no row of its own: it fills columns of a row with the same key


@dataclass(frozen=True)
class Person:
    """What a record says about who it is about: the first that is filled names the person.

    `ids` hold one value per person (the kind "customer" is the customer_id itself), `aliases` may
    hold several; each maps a kind to a column. `merged` lists former customer ids, split by ";".
    `through` finds the person in a row of another table: `{ orders = "order_id" }`.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    visitor: str = ""
    merged: str = ""
    through: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the file that say who it is."""
        said = (*self.ids.values(), *self.aliases.values(), *self.through.values())
        return tuple(name for name in (*said, self.visitor, self.merged) if name)


@dataclass(frozen=True)
class Export:
    """One kind of file: how it is known and what its records become."""

    name: str
    header: tuple[str, ...]  # columns that such a file has
    rows: tuple[Rows, ...] = ()
    person: Person = Person()
    lacks: tuple[str, ...] = ()  # columns that such a file does not have
    header_rows: int = 1
    key: tuple[str, ...] = ()  # columns that make a record the same in the next export
    version: tuple[str, ...] = ()  # the times that say which of two is newer: the latest of them
    grows: str = ""  # an amount that only grows: of two with the same times, more is newer
    lines: bool = False  # several records with one key are one thing: an order and its lines
    zone: str = ""  # of naive times, where it is not the company's
    footer: str = ""  # a pattern that the first cell of every line below the rows fits
    leave_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # test answers and such
    cells: Mapping[str, str] = field(default_factory=dict)  # column -> how `quirks` mends its ids
    quirk: str = ""  # a function of `quirks`, for what no word says
    skip: str = ""  # why a known file gives no rows
    by_value: bool = False  # customer ids that are e-mail addresses link as such
    note: str = ""

    @property
    def wanted(self) -> set[str]:
        """The columns that are read."""
        named = {n for rows in self.rows for r in rows.columns.values() for n in r.columns}
        conditions = {n for r in self.rows for n in (*r.when, *r.unless, *r.where)}
        kept = {*self.key, *self.version, self.grows, *self.leave_out} - {""}
        return named | conditions | set(self.person.columns) | kept


@dataclass(frozen=True)
class Recipe:
    """One recipe file: its exports, and the settings that it suggests."""

    vendor: str
    exports: tuple[Export, ...]
    suggests: Mapping[str, Any] = field(default_factory=dict)
    own_ids: bool = True  # ids mean something within this vendor; False: they are the company's
    stamp: str = ""  # the hash of the file


@dataclass(frozen=True)
class Match:
    """A file that is known: by which export, from which header, on which record."""

    export: Export
    names: tuple[str, ...]  # the file's columns, in order
    header_no: int  # the record that holds them; 0 where the format names its columns
    recipe: Recipe | None = None
    told: str = ""  # what was decided about the names


@cache
def recipes(folder: Path = FOLDER) -> tuple[Recipe, ...]:
    """Return the recipes of a folder. Raises BadRecipe where one names what does not exist."""
    return tuple(load(path) for path in sorted(folder.glob("*.toml")))


def load(path: Path) -> Recipe:
    """Read one recipe file."""
    content = path.read_bytes()
    told = tomllib.loads(content.decode("utf-8"))
    exports = tuple(_export(item, path.name) for item in told.pop("exports", ()))
    known = {"vendor", "suggests", "own_ids"}
    if set(told) - known:
        raise BadRecipe(
            f"{path.name} has '{listed(set(told) - known)}'. It knows: {listed(known)}."
        )
    return Recipe(
        told.get("vendor", path.stem),
        exports,
        told.get("suggests", {}),
        told.get("own_ids", True),
        hashlib.sha256(content).hexdigest(),
    )


def _export(told: dict[str, Any], where: str) -> Export:
    from cxkit.imports import quirks  # which read the files that recipes describe

    where = f"{where}: {told.get('name', 'an export')}"
    rows = tuple(_rows(item, where) for item in told.pop("rows", ()))
    person = _filled(Person, told.pop("person", {}), where)
    if isinstance(told.get("version"), str):
        told["version"] = [told["version"]]
    export: Export = replace(_filled(Export, told, where), rows=rows, person=person)
    if not export.header:
        raise BadRecipe(f"{where} has no header. Name the columns that make the file known.")
    for word in export.cells.values():
        if word not in quirks.CELLS:
            raise BadRecipe(f"{where} mends by '{word}'. It knows: {listed(quirks.CELLS)}.")
    if export.quirk and export.quirk not in quirks.FILES:
        raise BadRecipe(
            f"{where} has the quirk '{export.quirk}'. It knows: {listed(quirks.FILES)}."
        )
    return export


def _rows(told: dict[str, Any], where: str) -> Rows:
    table = told.get("table", "")
    if table not in schema.TABLES:
        raise BadRecipe(f"{where} fills '{table}'. The tables are: {listed(schema.TABLES)}.")
    kinds = {column.name: column.kind for column in schema.TABLES[table].columns}
    columns = {}
    for name, item in told.pop("columns", {}).items():
        if name not in kinds:
            raise BadRecipe(f"{where} fills {table}.{name}. It has: {listed(kinds, 20)}.")
        columns[name] = _reading(item, kinds[name], f"{where}: {table}.{name}")
    made: Rows = replace(_filled(Rows, told, where), columns=columns)
    return made


def _reading(told: Any, kind: str, where: str) -> Reading:
    told = {"column": told} if isinstance(told, str) else dict(told)
    if isinstance(told.get("column"), str):
        told["column"] = [told["column"]]
    reading: Reading = _filled(Reading, told, where)
    formats = FORMATS.get("number" if kind in ("money", "count") else kind, ())
    if reading.format and reading.format not in formats:
        raise BadRecipe(f"{where} has the format '{reading.format}'. It knows: {listed(formats)}.")
    if reading.unit not in ("", *UNITS):
        raise BadRecipe(f"{where} has the unit '{reading.unit}'. It knows: {listed(UNITS)}.")
    if reading.take not in TAKES:
        raise BadRecipe(f"{where} takes '{reading.take}'. It knows: {listed(TAKES)}.")
    return reading


def _filled(kind: Any, told: Mapping[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    if set(told) - known:
        unknown = listed(set(told) - known)
        raise BadRecipe(f"{where} has '{unknown}'. It knows: {listed(known, 20)}.")
    start = {"table": "", "columns": {}} if kind is Rows else {}
    start = {"name": "", "header": ()} if kind is Export else start
    return kind(**start | {k: _frozen(v) for k, v in told.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return value


def plain(name: str) -> str:
    """Return a column's name as names are compared: without case and doubled blanks.

    >>> plain(" Date/Time  Opened ")
    'date/time opened'
    """
    return " ".join(name.split()).casefold()


def _meant(name: str, names: Sequence[str]) -> list[str]:
    """Return the file's columns that a recipe means by a name, in the file's order."""
    seen = _seen(tuple(names))
    if plain(name) in seen:
        return [seen[plain(name)]]
    for one in name.split(" | "):
        if plain(one) in seen:
            return [seen[plain(one)]]
        if "*" in one:
            open_ = ".*".join(re.escape(part) for part in plain(one).split("*"))
            found = [own for own in names if own and re.fullmatch(open_, plain(own), re.DOTALL)]
            if found:
                return found
    return []


@lru_cache(128)
def _seen(names: tuple[str, ...]) -> dict[str, str]:
    return {plain(own): own for own in reversed(names) if own}


def fitted(export: Export, names: Sequence[str]) -> Export:
    """Return the export with the file's own names in place of those that a recipe leaves open."""

    def one(name: str) -> str:
        found = _meant(name, names)
        if not found and " & " in name:
            parts = [part for part in name.split(" & ") if _meant(part, names)]
            return " & ".join(map(one, parts or name.split(" & ")[:1]))
        return found[0] if found else name.split(" | ")[0]

    def all_(named: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one(name) for name in named))

    def keys(named: Mapping[str, Any]) -> dict[str, Any]:
        return {one(name): item for name, item in named.items()}

    def values(named: Mapping[str, str]) -> dict[str, str]:
        return {kind: one(name) for kind, name in named.items()}

    person = replace(
        export.person,
        ids=values(export.person.ids),
        aliases=values(export.person.aliases),
        visitor=one(export.person.visitor),
        merged=one(export.person.merged),
        through=values(export.person.through),
    )
    taken = {plain(name) for name in (*person.columns, *export.key)}

    def reading(told: Reading) -> Reading:
        kept = [own for name in told.json for own in _meant(name, names)]
        if any("*" in name for name in told.json):
            kept = [own for own in kept if plain(own) not in taken]
        return replace(
            told,
            column=all_(told.column),
            text=re.sub(r"\{(.+?)\}", lambda found: "{" + one(found[1]) + "}", told.text),
            json=tuple(dict.fromkeys(kept)),
            since=one(told.since),
            times=one(told.times),
        )

    return replace(
        export,
        person=person,
        rows=tuple(
            replace(
                rows,
                columns={name: reading(told) for name, told in rows.columns.items()},
                when=all_(rows.when),
                unless=all_(rows.unless),
                where=keys(rows.where),
            )
            for rows in export.rows
        ),
        key=all_(export.key),
        version=all_(export.version),
        grows=one(export.grows),
        leave_out=keys(export.leave_out),
        cells=keys(export.cells),
    )


def from_mapping(
    table_columns: Mapping[str, Mapping[str, str]],
    header: Sequence[str],
    formats: Mapping[str, str],
    note: str,
) -> Export:
    """Return the export that a mapping describes: canonical table -> {its column: the file's}.

    Orders without a number of their own are known by all that is mapped of them. Raises BadRecipe
    where a table or column does not exist, or where the table cannot do without one.
    """
    rows, person = [], Person()
    key: tuple[str, ...] = ()
    for table, columns in table_columns.items():
        if table not in schema.TABLES:
            raise BadRecipe(
                f"There is no table '{table}'. The tables are: {listed(schema.TABLES)}."
            )
        kinds = {column.name: column.kind for column in schema.TABLES[table].columns}
        unknown = set(columns) - set(kinds)
        if unknown:
            raise BadRecipe(
                f"{table} has no column '{listed(unknown)}'. It has: {listed(kinds, 20)}."
            )
        absent = {c for c in columns.values() if plain(c) not in {plain(h) for h in header}}
        if absent:
            raise BadRecipe(
                f"The file has no column '{listed(absent)}'. It has: {listed(header, 20)}."
            )
        made = {"order_id"} if table == "orders" else set()
        lacking = [n for n in schema.TABLES[table].required if n not in {*columns, *made}]
        if lacking:
            raise BadRecipe(
                f"{table} cannot do without {listed(lacking)}. "
                "Say which of the file's columns holds it."
            )
        said = columns.get("customer_id")
        if said:
            person = replace(person, ids={"customer": said})
        if "visitor_id" in columns:
            person = replace(person, visitor=columns["visitor_id"])
        own_key = [name for name in schema.TABLES[table].key if name in columns]
        if len(table_columns) == 1 and len(own_key) == len(schema.TABLES[table].key):
            key = tuple(columns[name] for name in own_key)
        readings = {
            name: Reading(column=(column,), format=formats.get(name, ""))
            for name, column in columns.items()
            if name not in ("customer_id", "visitor_id")
        }
        if made - set(columns):
            whole = " ".join(f"{{{column}}}" for column in columns.values())
            readings["order_id"] = Reading(text=whole)
        rows.append(Rows(table, readings))
    feedback = table_columns.get("feedback", {})
    return Export(
        f"mapped to {' and '.join(table_columns)}",
        tuple(header),
        tuple(rows),
        person,
        key=key,
        by_value=True,
        quirk="mapped" if "score" in feedback and "metric" not in feedback else "",
        note=note,
    )


def from_settings(imports: Sequence[Mapped]) -> tuple[Export, ...]:
    """Return the confirmed mappings of `cx.toml`; entries of one header are one export."""
    by_header: dict[tuple[str, ...], list[Mapped]] = {}
    for item in imports:
        if item.columns:
            by_header.setdefault(item.header, []).append(item)
    return tuple(
        from_mapping(
            {item.table: item.columns for item in items},
            header,
            {name: form for item in items for name, form in item.formats.items()},
            "mapped as confirmed in cx.toml",
        )
        for header, items in by_header.items()
    )


def with_formats(export: Export, names: Sequence[str], imports: Sequence[Mapped]) -> Export:
    """Return the export with the formats that `cx.toml` declares for files of this header."""
    formats: dict[str, str] = {}
    for item in imports:
        if not item.columns and _same(item.header, names):
            formats.update(item.formats)
    if not formats:
        return export
    return replace(
        export,
        rows=tuple(
            replace(
                rows,
                columns={
                    name: replace(reading, format=formats.get(name, reading.format))
                    for name, reading in rows.columns.items()
                },
            )
            for rows in export.rows
        ),
    )


def fits(export: Export, names: Sequence[str]) -> bool:
    """Whether a header has all columns that make an export known, and none that it lacks."""
    return all(_meant(name, names) for name in export.header) and not any(
        _meant(name, names) for name in export.lacks
    )


def match(
    head: Sequence[Sequence[str | None]], named: bool, mapped: Sequence[Export]
) -> Match | None:
    """Return the export that the file's first records belong to, or None where none is known.

    `head` holds the cells of the first records (only the names, where `named`). A confirmed
    mapping goes before a recipe; of several recipes the one that knows most columns wins.
    """
    for number, cells in enumerate(head[:_HEADER_WITHIN], 1):
        names = tuple((cell or "").strip() for cell in cells)
        place = 0 if named else number
        for export in mapped:
            if _same(export.header, names):
                return Match(export, unique(names), place)
        fitting = [
            (export, recipe)
            for recipe in recipes()
            for export in recipe.exports
            if fits(export, names)
        ]
        if fitting:
            export, recipe = max(fitting, key=lambda pair: len(pair[0].header))
            return Match(export, unique(names), place, recipe)
    return None


def _same(header: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a header has these names, but for columns that it leaves without one at its sides.

    A wider record elsewhere in the file widens all, and a column may be called by its place.
    """

    def own(given: Sequence[str]) -> list[str]:
        made = [plain(name) for name in given]
        made = ["" if name == f"column {i}" else name for i, name in enumerate(made, 1)]
        filled = [i for i, name in enumerate(made) if name]
        return made[filled[0] : filled[-1] + 1] if filled else [plain(name) for name in given]

    return own(header) == own(unique(names))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that are all different: the second "CSAT" becomes "CSAT (2)".

    >>> unique(["CSAT", "", "CSAT"])
    ('CSAT', '', 'CSAT (2)')
    """
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[plain(name)] = times = seen.get(plain(name), 0) + 1
        made.append(name if times == 1 or not name else f"{name} ({times})")
    return tuple(made)
