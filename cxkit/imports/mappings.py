"""What do the columns of an unknown file mean? Shown as a guess, kept once someone confirms it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from cxkit import settings
from cxkit.errors import BadFile, BadRecipe, listed
from cxkit.imports import guess, layout, process, recipes, records, types
from cxkit.imports.records import Staged
from cxkit.imports.sources import Arrived, guesses_for, staged_path
from cxkit.result import Result

_LOOKS = 20_000  # records in which a date or number may prove how it is written

MappingOf = Mapping[str, Mapping[str, str]]


def guess_mapping(file: str | Path) -> Result:
    """Show what the columns of an unknown file could mean, each with a confidence from 0 to 1.

    The table has one row per column of the file: column, table, meaning (the canonical column,
    empty where none fits), confidence, three values that show their form and hide what they say,
    and asks (what nobody but you can know: does 03/04 mean 3 April? Empty where it is clear).
    Nothing is kept; `confirm_mapping` does that. Raises BadFile where the file holds no table.
    """
    path = _file(file)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "staged.parquet"
        staged = process.stage(path, out, "")
        first = [list(staged.names)] if staged.names else layout.head(out, staged)
        match = recipes.match(first, bool(staged.names), ())
        header_no = match.header_no if match else 0 if staged.names else layout.guess_header(first)
        if header_no is None:
            raise BadFile(f"{path.name} has no header. Add a row with the columns' names.")
        names = match.names if match else recipes.unique([c or "" for c in first[header_no - 1]])
        if staged.names and not match:
            names = staged.names
        names = layout.named(out, staged, names, header_no).names
        best = guesses_for(out, staged, names, header_no)
        body = pl.scan_parquet(out).slice(header_no)
        sample = body.head(200).select(staged.cells).collect()
        asked = _asked(body, staged.cells)
    meaning = {c: (n, fit) for n, (c, fit) in best[0].columns.items()} if best else {}
    lines = []
    for place, name in enumerate(names):
        if not name or place >= len(staged.cells):
            continue
        values = sample[f"c{place}"].drop_nulls()
        shown = values.filter(values != "").unique(maintain_order=True).head(3).to_list()
        found, fit = meaning.get(name, ("", 0.0))
        examples = [guess.shape(value) for value in [*shown, "", "", ""][:3]]
        table = best[0].table if found else ""
        lines.append((name, table, found, fit, *examples, asked[place]))
    columns = ["column", "table", "meaning", "confidence"]
    columns += ["example_1", "example_2", "example_3", "asks"]
    kinds = {name: pl.Float64 if name == "confidence" else pl.String for name in columns}
    if match:
        finding = f"{path.name} is known: {match.export.name}. It needs no mapping."
    elif best:
        finding = best[0].question() + "."
    else:
        finding = f"No customer table was recognised in the {len(lines)} columns of {path.name}."
    return Result(
        "guess_mapping",
        f"What do the columns of {path.name} mean?",
        pl.DataFrame(lines, schema=kinds, orient="row"),
        finding,
        n=staged.read,
    )


def _asked(body: pl.LazyFrame, columns: Sequence[str]) -> list[str]:
    """Return for each column the question that its cells leave open, from as many as it takes."""
    cells = body.head(_LOOKS).select(columns).collect()
    questions = [""] * len(columns)
    for kind in ("number", "time"):
        found = [
            types.evidence(kind, cells.select(types.clean(pl.col(column), kind)).to_series())
            for column in columns
        ]
        pooled = types.pool(found)
        for place, seen in enumerate(found):
            asks = types.question(seen, types.decide(seen, pooled, "", "UTC"))
            questions[place] = asks or questions[place]
    return questions


def confirm_mapping(
    store: str | Path,
    file: str | Path,
    mapping: MappingOf,
    formats: Mapping[str, str] | None = None,
) -> Path:
    """Keep what a file's columns mean in the store's `cx.toml`, for every file with its header.

    `mapping` is canonical table -> {canonical column: the file's column}; `formats` answers what
    the import asked: `{"occurred_at": "day first"}` or `{"amount": "decimal comma"}`. Import the
    file again to load it. Returns the path of `cx.toml`. Raises BadRecipe where a table or a
    column does not exist.
    """
    mapping = _mapping(mapping)
    path = _file(file)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "staged.parquet"
        staged = process.stage(path, out, "")
        header = _header_with(out, staged, mapping)
    if header is None:
        named = listed({column for columns in mapping.values() for column in columns.values()})
        raise BadRecipe(f"{path.name} has no row that names the columns {named}.")
    return _keep(Path(store), path.name, header, mapping, formats or {})


def confirm_all(home: Path, arrived: Sequence[Arrived], mapping: MappingOf) -> None:
    """Keep a mapping for every arrived file that has its columns."""
    mapping = _mapping(mapping)
    kept = 0
    for item in arrived:
        staged = records.known(staged_path(home, item.sha256))
        if staged is None:
            continue
        header = _header_with(staged_path(home, item.sha256), staged, mapping)
        if header is not None:
            _keep(home, item.name, header, mapping, {})
            kept += 1
    if not kept:
        named = listed({column for columns in mapping.values() for column in columns.values()})
        raise BadRecipe(
            f"No file has the columns of the mapping: {named}. "
            "Look at a file's columns with guess_mapping(file)."
        )


def _file(file: str | Path) -> Path:
    path = Path(file)
    if not path.is_file():
        raise BadFile(f"There is no file '{path.name}'. Give the path of one export.")
    return path


def _mapping(mapping: object) -> MappingOf:
    """Return `mapping` where it has the shape of one; BadRecipe otherwise."""
    tables = mapping.items() if isinstance(mapping, Mapping) else [("", None)]
    for table, columns in tables:
        texts = [table, *columns, *columns.values()] if isinstance(columns, Mapping) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise BadRecipe(
                f"The mapping is {mapping!r}. Write it as "
                '{"orders": {"order_id": "Order no", "customer_id": "E-mail"}}.'
            )
    return mapping  # type: ignore[return-value]


def _header_with(path: Path, staged: Staged, mapping: MappingOf) -> tuple[str, ...] | None:
    """Return the header of a staged file, where it has the columns that a mapping names."""
    wanted = {recipes.plain(name) for columns in mapping.values() for name in columns.values()}
    first = [list(staged.names)] if staged.names else layout.head(path, staged)
    for cells in first:
        cells = [*cells, *[None] * (staged.width - len(cells))]
        places = [f"column {i}" for i in range(1, len(cells) + 1)]  # of columns without a name
        own = [(cell or "").strip() for cell in cells]
        own = [n or (p if p in wanted else "") for n, p in zip(own, places, strict=True)]
        while own and not own[-1]:
            own.pop()
        names = recipes.unique(own)
        if wanted <= {recipes.plain(name) for name in names}:
            return names
    return None


def _keep(
    home: Path,
    name: str,
    header: tuple[str, ...],
    mapping: MappingOf,
    formats: Mapping[str, str],
) -> Path:
    recipes.from_mapping(mapping, header, formats, "")  # refuses what does not exist
    kept = [
        asdict(
            settings.Mapped(
                name, table, header, columns, {n: f for n, f in formats.items() if n in columns}
            )
        )
        for table, columns in mapping.items()
    ]
    home.mkdir(parents=True, exist_ok=True)
    return settings.keep(home, {"imports": kept})
