"""Which words does one group use more than another?"""

from collections.abc import Mapping

import numpy as np
import polars as pl


def keyness(
    first: Mapping[str, float], second: Mapping[str, float], *, prior: float = 500.0
) -> pl.DataFrame:
    """Compare how often two groups use each word, without being fooled by rare ones.

    `first` and `second` hold counts by word. The log-odds of each word in each group are computed
    with a Dirichlet prior that holds `prior` words, spread as the words of both groups together
    are; z is their difference over its standard error (Monroe, Colaresi & Quinn 2008, equations 15
    to 20 and 22). |z| > 1.96 stands out, but where many words are compared some do so by chance.

    Returns:
        One row per word: word, first, second (counts), log_odds (above 0: more in the first), z;
        highest z first, ties by word. A group without words gives no rows.

    >>> keyness({"late": 8, "the": 10}, {"late": 1, "the": 11}, prior=15.0).rows()
    [('late', 8.0, 1.0, 0.86..., 1.69...), ('the', 10.0, 11.0, -0.86..., -2.81...)]
    """
    words = sorted({word for group in (first, second) for word, n in group.items() if n > 0})
    one = np.array([first.get(word, 0) for word in words], dtype=float)
    other = np.array([second.get(word, 0) for word in words], dtype=float)
    schema = dict.fromkeys(("first", "second", "log_odds", "z"), pl.Float64)
    # of one word alone the odds are boundless
    if len(words) < 2 or not one.sum() or not other.sum():
        return pl.DataFrame(schema={"word": pl.String, **schema})
    spread = prior * (one + other) / (one + other).sum()
    here, there = one + spread, other + spread
    log_odds = np.log(here / (here.sum() - here)) - np.log(there / (there.sum() - there))
    z = log_odds / np.sqrt(1 / here + 1 / there)
    table = pl.DataFrame(
        {"word": words, "first": one, "second": other, "log_odds": log_odds, "z": z},
        schema={"word": pl.String, **schema},
    )
    return table.sort("z", "word", descending=[True, False])
