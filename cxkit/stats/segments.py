"""How to keep a breakdown readable without losing anybody from its total."""

import polars as pl

MOST = 8  # segments that a chart can show side by side
_MISSING = "missing"  # people of whom nothing says which segment they are


def gathered(
    table: pl.DataFrame,
    size: str,
    most: int = MOST,
    least: int = 0,
    people: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rename all but the largest values of `segment` to 'other', so that rows can be added up.

    Segments are ranked by the sum of `size`, ties by name; the table comes back in that order,
    'other' last. A single segment beyond `most` keeps its name: 'other' would say less. 'missing'
    is one of those kept, however small: who is of no known segment is not one of the others. No
    segment below `least` stands alone, 'missing' and 'other' neither: 'other' takes the next larger
    ones in until it is large enough, 'missing' last of all, since a group that is hidden alone can
    be worked out from the total. Where `size` counts no people, `people` has a row (or several)
    for each segment and customer_key in it: whom `least` counts.

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
    heads = dict(ranked if people is None else _people(people, "segment"))
    large = {name for name, _ in ranked if heads.get(name, 0) >= least}
    # a sort is stable: 'missing' first, then the others as they were, too small ones last
    order = sorted(ranked, key=lambda row: (row[0] not in large, row[0] != _MISSING))
    kept = len(order) if len(order) <= most + 1 else most
    if len(order) > 1:
        kept = min(kept, len(large))
    behind = _behind([name for name, _ in order], heads, people)
    while 0 < kept < len(order) and behind[kept] < least:
        kept -= 1
    alone = {name for name, _ in order[:kept]}
    places = {name: place for place, (name, _) in enumerate(ranked) if name in alone}
    place = pl.col("segment").replace_strict(places, default=len(ranked), return_dtype=pl.Int64)
    return table.sort(place, maintain_order=True).with_columns(
        segment=pl.when(pl.col("segment").is_in(list(places)))
        .then(pl.col("segment"))
        .otherwise(pl.lit("other"))
    )


def _people(people: pl.DataFrame, by: str) -> list[tuple[str, int]]:
    return people.group_by(by).agg(pl.col("customer_key").n_unique()).rows()


def _behind(order: list[str], heads: dict[str, int], people: pl.DataFrame | None) -> list[int]:
    """Return how many people are in the segments from each place on; everyone once."""
    count = [0] * (len(order) + 1)
    own = list(enumerate(heads.get(name, 0) for name in order))
    if people is not None:
        place = pl.col("segment").replace_strict(
            {name: place for place, name in enumerate(order)}, default=None, return_dtype=pl.Int64
        )
        last = people.group_by("customer_key").agg(place=place.max()).drop_nulls()
        own = last.group_by("place").len().rows()
    for at, number in own:
        count[at] = number
    for at in reversed(range(len(order))):
        count[at] += count[at + 1]
    return count


def veiled(count: int, least: int) -> str:
    """Return a count of people as a sentence says it; below `least` only that it is.

    >>> veiled(1204, 10), veiled(3, 10), veiled(3, 0)
    ('1,204', 'fewer than 10', '3')
    """
    return f"fewer than {least:,}" if 0 < count < least else f"{count:,}"
