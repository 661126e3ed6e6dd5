"""Random numbers that stay the same on every platform and with every numpy 2.

Only `Generator.random` is asked for; everything else is made from it here, because numpy may
change how its other methods use the stream.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Draws:
    """One stream of random numbers per subject: a change in one subject leaves the others alone."""

    def __init__(self, seed: int, subject: str) -> None:
        sequence = np.random.SeedSequence([seed, crc32(subject.encode())])
        self._generator = np.random.Generator(np.random.PCG64(sequence))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """Even numbers from `low` up to, not including, `high`."""
        return low + (high - low) * self._generator.random(shape)

    def even(self, size: int) -> Floats:
        """Even numbers without bunching: one from each of `size` equal parts, in random order.

        Shares counted with them come out as planted, to within one case.
        """
        parts = np.argsort(self.uniform(size), kind="stable")
        return (parts + self.uniform(size)) / max(size, 1)

    def normal(self, *shape: int) -> Floats:
        """Standard normal numbers (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(*shape)))
        return radius * np.cos(2.0 * np.pi * self.uniform(*shape))

    def exponential(self, *shape: int) -> Floats:
        """Exponential numbers with mean 1."""
        return -np.log1p(-self.uniform(*shape))

    def lognormal(self, size: int, *, median: float, sigma: float) -> Floats:
        """Skewed waits and sizes, by their median."""
        return median * np.exp(sigma * self.normal(size))

    def integers(self, low: int, high: int, size: int) -> Ints:
        """Whole numbers from `low` up to, not including, `high`."""
        return low + np.floor(self.uniform(size) * (high - low)).astype(np.int64)

    def chance(self, probability: float | Floats, size: int) -> Bools:
        """True with the given probability."""
        return self.uniform(size) < probability

    def poisson(self, mean: Floats) -> Ints:
        """Poisson counts, one per mean; made for small means."""
        left, count = np.exp(mean), np.zeros(len(mean), dtype=np.int64)
        going = np.ones(len(mean), dtype=bool)
        while going.any():
            left = left * self.uniform(len(mean))
            going &= left > 1.0
            count += going
        return count

    def pick(self, weights: Sequence[float] | Floats, size: int) -> Ints:
        """Positions 0, 1, 2 … drawn by their weights."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        found: Ints = np.searchsorted(edges, self.uniform(size) * edges[-1], side="right")
        return np.minimum(found, len(edges) - 1)

    def sample(self, pool: Ints, size: int) -> Ints:
        """`size` different members of the pool, in random order."""
        if size > len(pool):
            raise ValueError(f"cannot draw {size} of {len(pool)}")
        return pool[np.argsort(self.uniform(len(pool)), kind="stable")[:size]]

    def shares(self, shares: Sequence[float], size: int) -> Ints:
        """Positions in exactly these shares (rounded), in random order."""
        ends = np.round(np.cumsum(shares) / np.sum(shares) * size).astype(np.int64)
        ordered: Ints = np.searchsorted(ends, np.arange(size), side="right").astype(np.int64)
        return ordered[np.argsort(self.uniform(size), kind="stable")]
