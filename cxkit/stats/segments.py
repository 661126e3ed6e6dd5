"""How to keep a breakdown readable without losing anybody from its total."""

import polars as pl

MOST = 8  # segments that a chart can show side by side


def gathered(table: pl.DataFrame, size: str, most: int = MOST) -> pl.DataFrame:
    """Rename all but the largest values of `segment` to 'other', so that rows can be added up.

    Segments are ranked by the sum of `size`, ties by name; the table comes back in that order,
    'other' last. A single segment beyond `most` keeps its name: 'other' would say less.

    >>> table = pl.DataFrame({"segment": ["a", "b", "c"], "n": [1, 2, 3]})
    >>> gathered(table, "n", most=1)["segment"].to_list()
    ['c', 'other', 'other']
    """
    ranked = (
        table.group_by("segment")
        .agg(pl.col(size).sum())
        .sort(size, "segment", descending=[True, False])["segment"]
        .to_list()
    )
    kept = ranked if len(ranked) <= most + 1 else ranked[:most]
    places = {name: place for place, name in enumerate(kept)}
    place = pl.col("segment").replace_strict(places, default=len(kept), return_dtype=pl.Int64)
    return table.sort(place, maintain_order=True).with_columns(
        segment=pl.when(pl.col("segment").is_in(kept))
        .then(pl.col("segment"))
        .otherwise(pl.lit("other"))
    )
