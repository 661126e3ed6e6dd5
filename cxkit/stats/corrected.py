"""How large is a share really, when those who sorted the cases made mistakes?"""

import numpy as np

from cxkit.stats.intervals import Interval


def corrected_share(
    observed: tuple[int, int],
    sensitivity: tuple[int, int],
    specificity: tuple[int, int],
    *,
    rounds: int = 2_000,
) -> Interval:
    """Return the share that a sorter with known mistakes stands for, with a 95 % interval.

    Each argument is a count and its base: `observed`, the cases sorted in, of all; `sensitivity`,
    those sorted in of all that belong in; `specificity`, those left out of all that do not; the
    latter two on cases that people have sorted by hand. p = (observed + specificity - 1) /
    (sensitivity + specificity - 1), kept within 0 and 1 (Rogan & Gladen 1978). The interval draws
    all three rates anew, each as its count leaves it uncertain (Jeffreys), so few hand-sorted cases
    make it wide, also where all of them were sorted rightly.
    Not-a-number where a base is 0, or where the sorter tells no more than chance.

    >>> corrected_share((300, 1000), (80, 100), (90, 100))
    Interval(value=0.28..., low=0.20..., high=0.36...)
    >>> corrected_share((50, 1000), (80, 100), (90, 100)).value
    0.0
    """
    counts = np.array([observed, sensitivity, specificity], dtype=float)
    if (counts[:, 1] <= 0).any():
        return Interval(float("nan"), float("nan"), float("nan"))
    rates = counts[:, 0] / counts[:, 1]
    value = _corrected(rates)
    if np.isnan(value):
        return Interval(float("nan"), float("nan"), float("nan"))
    draw = np.random.default_rng(0)  # fixed: the same counts give the same interval
    hits, misses = counts[:, 0] + 0.5, counts[:, 1] - counts[:, 0] + 0.5
    drawn = draw.beta(hits, misses, size=(rounds, 3))
    shares = _corrected(drawn.T)
    low, high = np.nanquantile(shares, [0.025, 0.975])
    # where a draw is clipped at an end, the value itself is still within its interval
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def _corrected(rates: np.ndarray) -> np.ndarray:
    """Apply Rogan and Gladen's formula to observed share, sensitivity and specificity.

    >>> round(float(_corrected(np.array([0.3, 0.8, 0.9]))), 4)
    0.2857
    """
    observed, sensitivity, specificity = rates
    telling = sensitivity + specificity - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip((observed + specificity - 1) / telling, 0, 1)
    return np.where(telling > 0, share, np.nan)
