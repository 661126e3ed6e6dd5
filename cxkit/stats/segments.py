"""How to keep a breakdown readable without losing anybody from its total."""

import polars as pl

MOST = 8  # segments that a chart can show side by side
_MISSING = "missing"  # people of whom nothing says which segment they are


def gathered(table: pl.DataFrame, size: str, most: int = MOST, least: int = 0) -> pl.DataFrame:
    """Rename all but the largest values of `segment` to 'other', so that rows can be added up.

    Segments are ranked by the sum of `size`, ties by name; the table comes back in that order,
    'other' last. A single segment beyond `most` keeps its name: 'other' would say less. 'missing'
    is one of those kept, however small: who is of no known segment is not one of the others. No
    segment below `least` stands alone, 'missing' and 'other' neither: 'other' takes the next larger
    ones in until it is large enough, 'missing' last of all, since a group that is hidden alone can
    be worked out from the total.

    >>> table = pl.DataFrame({"segment": ["a", "b", "c"], "n": [1, 2, 3]})
    >>> gathered(table, "n", most=1)["segment"].to_list()
    ['c', 'other', 'other']
    """
    sizes = (
        table.group_by("segment")
        .agg(pl.col(size).sum())
        .sort(size, "segment", descending=[True, False])
    )
    ranked = sizes.rows()
    # a sort is stable: 'missing' first, then the others as they were
    order = sorted(ranked, key=lambda row: row[0] != _MISSING or row[1] < least)
    counts = [count for _, count in order]
    kept = len(order) if len(order) <= most + 1 else most
    if len(order) > 1:
        kept = min(kept, sum(count >= least for count in counts))
    while 0 < kept < len(order) and sum(counts[kept:]) < least:
        kept -= 1
    alone = {name for name, _ in order[:kept]}
    places = {name: place for place, (name, _) in enumerate(ranked) if name in alone}
    place = pl.col("segment").replace_strict(places, default=len(ranked), return_dtype=pl.Int64)
    return table.sort(place, maintain_order=True).with_columns(
        segment=pl.when(pl.col("segment").is_in(list(places)))
        .then(pl.col("segment"))
        .otherwise(pl.lit("other"))
    )


def veiled(count: int, least: int) -> str:
    """Return a count of people as a sentence says it; below `least` only that it is.

    >>> veiled(1204, 10), veiled(3, 10), veiled(3, 0)
    ('1,204', 'fewer than 10', '3')
    """
    return f"fewer than {least:,}" if 0 < count < least else f"{count:,}"
