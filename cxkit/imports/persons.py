"""Who is a record about? Its ids and aliases as "kind:value" texts, strongest first."""

import polars as pl

from cxkit.imports.columns import Columns
from cxkit.imports.recipes import Export

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"

SAID = {"said": pl.Int64, "alias": pl.String, "strong": pl.Boolean}
MERGED = {"former": pl.String, "alias": pl.String}


def _refs(export: Export, columns: Columns) -> list[tuple[str, pl.Expr]]:
    """Return (kind, "kind:value") for every id that the file holds."""
    refs = []
    for kind, name in [*export.person.ids.items(), *export.person.aliases.items()]:
        cell = columns.cell(name)
        if cell is None:
            continue
        marked = pl.lit(f"{kind}:") + cell
        email = pl.when(cell.str.contains(_EMAIL)).then(pl.lit("email:") + cell.str.to_lowercase())
        if kind == "email":
            marked = email
        elif kind == "customer" and export.by_value:
            marked = pl.coalesce(email, marked)  # in a mapping, an e-mail address may be the id
        elif kind == "phone":
            digits = cell.str.replace_all(r"\D", "").str.strip_prefix("00")
            marked = pl.when(digits.str.len_chars() >= 6).then(pl.lit("phone:") + digits)
        refs.append((kind, marked))
    return refs


def through(export: Export, columns: Columns) -> list[pl.Expr]:
    """Return the row of another table through which the person is found, as two columns."""
    for table, name in export.person.through.items():
        cell = columns.cell(name)
        if cell is not None:
            return [pl.lit(table).alias("through_table"), cell.alias("through_id")]
    return []


def person(export: Export, columns: Columns) -> pl.Expr:
    """Return the strongest id of a record; null where it has none.

    A row that is found through another table (a review through its order) names that row.
    """
    refs = [marked for _, marked in _refs(export, columns)]
    for table, name in export.person.through.items():
        cell = columns.cell(name)
        if cell is not None:
            refs.append(pl.lit(f"{table}:") + cell)
    return pl.coalesce(*refs, pl.lit(None, pl.String))


def visitor(export: Export, columns: Columns) -> pl.Expr:
    """Return the browser or device; null where the file has none."""
    cell = columns.cell(export.person.visitor)
    return pl.lit(None, pl.String) if cell is None else cell


def said(records: pl.DataFrame, export: Export, columns: Columns, first: int) -> pl.DataFrame:
    """Return the ids that records hold together: what one record says about one person.

    `said` numbers what was said, from `first` on; `strong` ids belong to one person each.
    """
    refs = _refs(export, columns)
    if export.person.visitor:
        refs.append(("visitor", pl.lit("visitor:") + visitor(export, columns)))
    if len(refs) < 2:
        return pl.DataFrame(schema=SAID)
    together = records.select(marked.alias(kind) for kind, marked in refs)
    together = together.unique(maintain_order=True).with_row_index("said", first)
    strong = list(export.person.ids)
    return (
        together.filter(pl.sum_horizontal(pl.col(kind).is_not_null() for kind, _ in refs) > 1)
        .unpivot(index="said", variable_name="kind", value_name="alias")
        .drop_nulls("alias")
        .select(
            pl.col("said").cast(pl.Int64), "alias", pl.col("kind").is_in(strong).alias("strong")
        )
    )


def merged(records: pl.DataFrame, export: Export, columns: Columns) -> pl.DataFrame:
    """Return former customer ids and the id that each was merged into."""
    cell = columns.cell(export.person.merged)
    own = columns.cell(export.person.ids.get("customer", ""))
    if cell is None or own is None:
        return pl.DataFrame(schema=MERGED)
    former = pl.lit("customer:") + pl.col("former").str.strip_chars()
    return (
        records.select(cell.str.split(";").alias("former"), alias=pl.lit("customer:") + own)
        .drop_nulls()
        .explode("former")
        .select(former.alias("former"), "alias")
        .filter((pl.col("former") != "customer:") & (pl.col("former") != pl.col("alias")))
    )
