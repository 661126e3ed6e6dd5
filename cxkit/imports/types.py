"""From text to typed cells, a column at a time: no format is ever guessed in silence.

A reading is decided once for a whole column: `evidence` looks at every cell, `decide` says which
order of day and month or which decimal mark the column proves, and `typed` converts. What stays
unclear ends empty and is counted; it is never turned into the likelier of two values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cache
from zoneinfo import available_timezones

import polars as pl

DAY_FIRST, MONTH_FIRST = "day first", "month first"
COMMA, POINT = "decimal comma", "decimal point"
FORMATS = {"time": (DAY_FIRST, MONTH_FIRST), "number": (COMMA, POINT)}
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}

# What exporters write for "nothing". Not in texts: a customer may well write "none".
_NOTHING = ("", "null", "\\n", "nan", "n/a", "#n/a")
_YES = ("yes", "y", "true", "t", "1", "on", "ja", "j", "wahr", "oui", "sim", "si", "sí", "x")
_NO = ("no", "n", "false", "f", "0", "off", "nein", "falsch", "non", "não", "nao")

# Offsets, and the abbreviations that Google writes behind the times of its sheets.
_OFFSETS = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "CET": 60, "MEZ": 60, "CEST": 120,
    "MESZ": 120, "EET": 120, "OEZ": 120, "EEST": 180, "OESZ": 180, "EST": -300, "EDT": -240,
    "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
}  # fmt: skip
_ZONED = "|".join((r"(?:GMT|UTC)?[+-]\d{2}:?\d{2}", r"(?:GMT|UTC)?[+-]\d{1,2}", *_OFFSETS))
_CLOCK = (
    r"(?:[T ,]+(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?\s*(?P<zone>" + _ZONED + r")?$"
)
# no 25:61, which proves nothing about the day before it
_REAL_CLOCK = r"^\S+(?:[T ,]+(?:[01]?\d|2[0-3]):[0-5]\d(?:\D|$).*)?$"
_PLAIN = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
_SHAPES = {
    "iso": r"^(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _CLOCK,
    "dotted": r"^(?P<one>\d{1,2})\.(?P<two>\d{1,2})\.(?P<y>\d{4}|\d{2})" + _CLOCK,
    "slashed": r"^(?P<one>\d{1,2})[/-](?P<two>\d{1,2})[/-](?P<y>\d{4}|\d{2})" + _CLOCK,
    "named": r"^(?P<d>\d{1,2})[ .-]+(?P<month>[A-Za-z]{3,9})\.?[ ,-]+(?P<y>\d{4})" + _CLOCK,
    "titled": r"^(?P<month>[A-Za-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})" + _CLOCK,
    "compact": r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?P<h>)(?P<mi>)(?P<s>)(?P<f>)"
    r"(?P<half>)(?P<zone>)$",
}
_UNIX = r"^\d{9,10}(?:\.\d+)?$|^\d{13}$|^\d{16}$"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_NUMBER = (
    r"^\(?[-+−]?\s?(?:[A-Za-z]{0,3}\p{Sc}|[A-Z]{3})?\s?[-+−]?"
    r"(\d[\d.,'’\s]*|[.,]\d+)((?:[eE][-+]?\d+)?)\s?(?:\p{Sc}|[A-Z]{3}|%)?[-)]?$"
)


@dataclass(frozen=True)
class Evidence:
    """What the cells of one column prove about how it is written. Sums over batches."""

    filled: int = 0
    plain: int = 0  # YYYY-MM-DD HH:MM:SS to the letter
    unix: int = 0
    iso: int = 0
    dotted: int = 0
    slashed: int = 0
    named: int = 0
    titled: int = 0
    compact: int = 0
    day_first: int = 0  # dates with a day above 12 in the first place
    month_first: int = 0
    dots_month_first: int = 0
    unclear_dates: int = 0  # slashed dates that read both ways
    zoned: int = 0  # times that say their offset
    comma: int = 0  # numbers whose decimal mark can only be a comma
    point: int = 0
    unclear_numbers: int = 0

    @property
    def ways(self) -> dict[str, int]:
        """Cells by the way in which a date is written, as one example shows it."""
        return {
            "2024-12-31": max(self.plain, self.iso),
            "31.12.2024": self.dotted,
            "31/12/2024": self.slashed,
            "31 Dec 2024": self.named,
            "Dec 31, 2024": self.titled,
            "20241231": self.compact,
            "1735603200": self.unix,
        }

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Evidence)))


@dataclass(frozen=True)
class How:
    """How one column is read, once that is decided. `order` and `mark` are empty where unclear."""

    order: str = ""
    dots: str = DAY_FIRST
    mark: str = ""
    zone: str = "UTC"
    plain: bool = False
    shapes: tuple[str, ...] = tuple(_SHAPES)
    unix: bool = True


def evidence(kind: str, cells: pl.Series) -> Evidence:
    """Return what one batch of a column proves; `cells` are trimmed, null where empty."""
    cells = cells.drop_nulls()
    if kind == "time":
        return _time_evidence(cells)
    if kind in ("money", "number", "count"):
        return _number_evidence(cells)
    return Evidence(filled=cells.len())


def _time_evidence(cells: pl.Series) -> Evidence:
    plain = int(cells.str.contains(_PLAIN).sum())
    if plain == cells.len():
        return Evidence(filled=plain, plain=plain)
    seen = {name: int(cells.str.contains(shape).sum()) for name, shape in _SHAPES.items()}
    one, two = _first_two(cells, "slashed")
    dot_one, dot_two = _first_two(cells, "dotted")
    real = cells.str.contains(_REAL_CLOCK)
    return Evidence(
        filled=cells.len(),
        plain=plain,
        unix=int(cells.str.contains(_UNIX).sum()),
        **seen,
        day_first=int(((one > 12) & (one <= 31) & (two <= 12) & real).sum()),
        month_first=int(((one <= 12) & (two > 12) & (two <= 31) & real).sum()),
        dots_month_first=int(((dot_one <= 12) & (dot_two > 12)).sum()),
        unclear_dates=int(((one <= 12) & (two <= 12) & (one != two)).sum()),
        zoned=int(
            cells.str.contains(rf":\d\d[\d:.,]*\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:{_ZONED})$").sum()
        ),
    )


def _first_two(cells: pl.Series, shape: str) -> tuple[pl.Series, pl.Series]:
    groups = cells.str.extract_groups(_SHAPES[shape]).struct
    return groups.field("one").cast(pl.Int32), groups.field("two").cast(pl.Int32)


def _number_evidence(cells: pl.Series) -> Evidence:
    digits = cells.str.extract(_NUMBER, 1).drop_nulls().str.replace_all(r"[\s'’]", "")
    comma = _proves(digits, ",", r"\.")
    point = _proves(digits, r"\.", ",")
    unclear = digits.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$")
    return Evidence(
        filled=cells.len(),
        comma=int(comma.sum()),
        point=int(point.sum()),
        unclear_numbers=int(unclear.sum()),
    )


def _proves(digits: pl.Series, mark: str, other: str) -> pl.Series:
    """Whether a number can only be read with `mark` as its decimal mark."""
    return digits.str.contains(
        rf"^\d*{mark}(?:\d{{1,2}}|\d{{4,}})$"  # 12,5
        rf"|^(?:0|\d{{4,}}){mark}\d{{3}}$"  # 0,125 and 1234,567
        rf"|^\d{{1,3}}(?:{other}\d{{3}})+{mark}\d+$"  # 1.234,5
        rf"|^\d{{1,3}}(?:{other}\d{{3}}){{2,}}$"  # 1.234.567
    )


def decide(found: Evidence, pooled: Evidence, declared: str, zone: str) -> How:
    """Return how to read a column from what it proves; `pooled` is its whole file's evidence.

    A declared format wins. A column without proof of its own follows the other columns of its
    file; where those disagree too it stays unclear.
    """
    order = declared if declared in FORMATS["time"] else ""
    mark = declared if declared in FORMATS["number"] else ""
    for seen in (found, pooled):
        day_first, month_first = _without_strays(seen.day_first, seen.month_first)
        comma, point = _without_strays(seen.comma, seen.point)
        if not order and bool(day_first) != bool(month_first):
            order = DAY_FIRST if day_first else MONTH_FIRST
        if not mark and bool(comma) != bool(point):
            mark = COMMA if comma else POINT
        if (day_first and month_first) or (comma and point):
            break  # the column contradicts itself: others cannot settle it
    return How(
        order=order,
        dots=MONTH_FIRST if found.dots_month_first else DAY_FIRST,
        mark=mark,
        zone=zone,
        plain=found.plain == found.filled,
        shapes=tuple(name for name in _SHAPES if getattr(found, name)),
        unix=found.unix > 0,
    )


def _without_strays(one: int, other: int) -> tuple[int, int]:
    """Drop a proof that stands against fifty others: a misspelt cell, which is then set aside.

    >>> _without_strays(1, 60), _without_strays(2, 60)
    ((0, 60), (2, 60))
    """
    return (one if one * 50 > other else 0, other if other * 50 > one else 0)


def question(found: Evidence, how: How) -> str:
    """Return what the reader has to say about a column, or nothing where it is clear.

    >>> question(Evidence(slashed=3, unclear_dates=3), How())
    'does 03/04 mean 3 April or 4 March?'
    """
    if found.unclear_dates and not how.order:
        return "does 03/04 mean 3 April or 4 March?"
    if found.unclear_numbers and not how.mark:
        return "does 1,234 mean a thousand or one and a bit?"
    return ""


def clean(cell: pl.Expr, kind: str) -> pl.Expr:
    """Trim a cell and empty it where it says nothing; spreadsheets' apostrophe guards go."""
    if kind == "text":
        held = cell.str.replace(r"^'([=+\-@])", "$1")
        return pl.when(held.str.strip_chars() != "").then(held)
    held = cell.str.strip_chars().str.replace(r"^'([=+\-@\d])", "$1")
    return pl.when(~held.str.to_lowercase().is_in(_NOTHING)).then(held)


def typed(kind: str, cells: pl.Series, how: How) -> pl.Series:
    """Convert cleaned cells; null where one cannot be read."""
    if kind in ("id", "text", "category"):
        return cells
    if kind == "time":
        return _time(cells, how)
    if kind == "yes_no":
        word = pl.col("cell").str.to_lowercase()
        answer = pl.when(word.is_in(_YES)).then(True).when(word.is_in(_NO)).then(False)
        return cells.to_frame("cell").select(answer).to_series()
    number = _number(cells, how.mark)
    if kind == "money":
        return number.cast(pl.Decimal(18, 2), strict=False)
    value = number.cast(pl.Float64, strict=False)
    if kind == "count":
        return value.set(value != value.round(0), None).cast(pl.Int64, strict=False)
    return value


def _number(cells: pl.Series, mark: str) -> pl.Series:
    """Return numbers as texts that every computer reads: 1234.56."""
    minus = cells.str.contains(r"[(−]|^\D*-|-$")
    found = cells.str.extract_groups(_NUMBER).struct.rename_fields(["digits", "power"])
    digits = pl.col("digits").str.replace_all(r"[\s'’]", "")
    by_comma = pl.when(digits.str.contains(r"^(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d*)?$")).then(
        digits.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    )
    by_point = pl.when(digits.str.contains(r"^(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?$")).then(
        digits.str.replace_all(",", "", literal=True)
    )
    if mark == COMMA:
        value = by_comma
    elif mark == POINT:
        value = by_point
    else:  # each number that can be read in one way only
        one_way = ~digits.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$")
        value = pl.when(one_way).then(pl.coalesce(by_comma, by_point))
    sign = pl.when(pl.col("minus")).then(pl.lit("-")).otherwise(pl.lit(""))
    frame = found.struct.unnest().with_columns(minus.alias("minus"))
    return frame.select(sign + value + pl.col("power").fill_null("")).to_series()


def _time(cells: pl.Series, how: How) -> pl.Series:
    if how.plain:
        local = pl.col("cell").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
        return cells.to_frame("cell").select(to_utc(local, how.zone)).to_series()
    readings = [_shaped(cells, name, how) for name in how.shapes]
    if how.unix:
        readings.append(cells.to_frame("cell").select(_unix(pl.col("cell"))).to_series())
    if not readings:
        return pl.Series(cells.name, [None] * cells.len(), dtype=pl.Datetime("us"))
    frame = pl.DataFrame({str(place): reading for place, reading in enumerate(readings)})
    return frame.select(pl.coalesce(pl.all())).to_series()


def _unix(cell: pl.Expr) -> pl.Expr:
    number = pl.when(cell.str.contains(_UNIX)).then(cell)
    whole = number.str.extract(r"^(\d+)").cast(pl.Int64)
    length = number.str.extract(r"^(\d+)").str.len_chars()
    fraction = (number.str.extract(r"(\.\d+)$").cast(pl.Float64) * 1e6).cast(pl.Int64).fill_null(0)
    micros = (
        pl.when(length <= 10)
        .then(whole * 1_000_000 + fraction)
        .when(length == 13)
        .then(whole * 1_000)
        .otherwise(whole)
    )
    return micros.cast(pl.Datetime("us"))


def _shaped(cells: pl.Series, shape: str, how: How) -> pl.Series:
    """Read the cells of one shape, from the parts that its pattern names."""
    parts = cells.str.extract_groups(_SHAPES[shape]).struct.unnest()
    if shape in ("dotted", "slashed"):
        day, month = _day_and_month(how.dots if shape == "dotted" else how.order)
    elif shape in ("named", "titled"):
        name = pl.col("month").str.slice(0, 3).str.to_lowercase()
        numbers = [str(n) for n in range(1, 13)]
        day, month = pl.col("d"), name.replace_strict(list(_MONTHS), numbers, default=None)
    else:
        day, month = pl.col("d"), pl.col("m")
    century = pl.when(pl.col("y").cast(pl.Int32) < 70).then(pl.lit("20")).otherwise(pl.lit("19"))
    short = pl.col("y").str.len_chars() == 2
    year = pl.when(short).then(century + pl.col("y")).otherwise(pl.col("y"))
    hour, half = _whole(pl.col("h")), pl.col("half").str.to_lowercase().str.slice(0, 1)
    hour = (
        pl.when((half == "p") & (hour < 12))
        .then(hour + 12)
        .when((half == "a") & (hour == 12))
        .then(0)
        .otherwise(hour)
    )
    clock = [_whole(pl.col("mi")).cast(pl.String), _whole(pl.col("s")).cast(pl.String)]
    written = [year, month, day, hour.cast(pl.String), *clock]
    text = pl.concat_str([part.str.zfill(2) for part in written], separator=" ")
    local = text.str.to_datetime("%Y %m %d %H %M %S", strict=False, time_unit="us")
    fraction = _whole(pl.col("f").str.pad_end(6, "0").str.slice(0, 6))
    read = parts.select(
        (local + pl.duration(microseconds=fraction)).alias("local"),
        _offset(pl.col("zone")).alias("offset"),
    )
    utc = pl.coalesce(pl.col("local") - pl.col("offset"), to_utc(pl.col("local"), how.zone))
    return read.select(utc).to_series()


def _day_and_month(order: str) -> tuple[pl.Expr, pl.Expr]:
    one, two = pl.col("one"), pl.col("two")
    if order == DAY_FIRST:
        return one, two
    if order == MONTH_FIRST:
        return two, one
    # only the dates that read in one way
    first, second = one.cast(pl.Int32), two.cast(pl.Int32)
    by_day, by_month = (first > 12) | (first == second), second > 12
    return (
        pl.when(by_day).then(one).when(by_month).then(two),
        pl.when(by_day).then(two).when(by_month).then(one),
    )


def _whole(digits: pl.Expr) -> pl.Expr:
    return digits.cast(pl.Int64, strict=False).fill_null(0)


def _offset(zone: pl.Expr) -> pl.Expr:
    """Read `+02:00`, `+0200`, `+02`, `GMT+2`, `MESZ` or `Z` as a duration; null without one."""
    sign = pl.when(zone.str.contains("-", literal=True)).then(-1).otherwise(1)
    hours = zone.str.extract(r"[+-](\d{1,2})").cast(pl.Int64)
    minutes = zone.str.extract(r"[+-]\d{2}:?(\d{2})").cast(pl.Int64).fill_null(0)
    named = zone.replace_strict(_OFFSETS, default=None, return_dtype=pl.Int64)
    return pl.duration(minutes=pl.coalesce(named, sign * (hours * 60 + minutes)))


def zone_called(name: str) -> str:
    """Return the time zone of that name as the database of zones writes it; empty without one.

    >>> zone_called("EUROPE/BERLIN"), zone_called("GMT"), zone_called("Middle/Earth")
    ('Europe/Berlin', 'UTC', '')
    """
    return "UTC" if name.upper() in ("UTC", "GMT") else _zones().get(name.casefold(), "")


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}


def to_utc(local: pl.Expr, zone: str) -> pl.Expr:
    """Read naive times as times of `zone`.

    The doubled hour in autumn is its first occurrence; the missing hour in spring is read as if
    the clock had not been put forward.
    """
    if zone == "UTC":
        return local
    hour = pl.duration(hours=1)
    there = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    before = (local - hour).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(there, before + hour).dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def passed(start: pl.Series, cells: pl.Series, unit: str) -> pl.Series:
    """Return the times that lie a duration after `start`: "153:05:59", or a number of `unit`."""
    parts = cells.str.extract_groups(r"^(\d+):(\d{1,2})(?::(\d{1,2}))?$").struct.rename_fields(
        ["h", "m", "s"]
    )
    clock = parts.struct.unnest().select(
        pl.col("h").cast(pl.Int64) * 3600
        + pl.col("m").cast(pl.Int64) * 60
        + pl.col("s").cast(pl.Int64).fill_null(0)
    )
    number = _number(cells, POINT).cast(pl.Float64, strict=False) * UNITS.get(unit, 3600)
    seconds = clock.to_series().cast(pl.Float64)
    seconds = seconds.zip_with(seconds.is_not_null(), number)
    micros = (seconds * 1e6).round(0).cast(pl.Int64)
    frame = pl.DataFrame({"start": start, "micros": micros})
    return frame.select(pl.col("start") + pl.duration(microseconds=pl.col("micros"))).to_series()


def pool(found: Iterable[Evidence]) -> Evidence:
    """Return the evidence of several columns together, for those without proof of their own."""
    total = Evidence()
    for one in found:
        total = total + one
    return replace(total, unclear_dates=0, unclear_numbers=0)
