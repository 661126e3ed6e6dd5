"""How far do two ways of sorting the same people agree, beyond chance?"""

from collections.abc import Sequence
from math import sqrt

from cxkit.stats.intervals import Interval, Z


def kappa(table: Sequence[Sequence[int]]) -> Interval:
    """Return Cohen's kappa of a square table of counts, with its large-sample interval.

    1: wholly alike; 0: no more than by chance. Rows and columns name the same kinds in the same
    order. Method: Cohen (1960); variance of Fleiss, Cohen and Everitt (1969). Not-a-number where
    nobody was counted, or where only one kind occurs.

    >>> kappa([[20, 5], [10, 15]])
    Interval(value=0.39..., low=0.15..., high=0.64...)
    """
    n = sum(map(sum, table))
    places = range(len(table))
    rows = [sum(table[i]) / n if n else 0.0 for i in places]
    columns = [sum(table[i][j] for i in places) / n if n else 0.0 for j in places]
    chance = sum(r * c for r, c in zip(rows, columns, strict=True))
    if not n or chance >= 1:
        return Interval(float("nan"), float("nan"), float("nan"))
    alike = sum(table[i][i] for i in places) / n
    value = (alike - chance) / (1 - chance)
    spread = sum(table[i][i] / n * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in places)
    spread += (1 - value) ** 2 * sum(
        table[i][j] / n * (columns[i] + rows[j]) ** 2 for i in places for j in places if i != j
    )
    spread -= (value - chance * (1 - value)) ** 2
    half = Z * sqrt(max(0.0, spread) / n) / (1 - chance)
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))
