"""How long do personas of many customers take, and which step takes it?

`python benchmarks/personas.py [CUSTOMERS]` (default 1,000,000) draws a table of 12 features with
four groups in it, in a process of its own, and prints the seconds and shares of preparing, finding
(split into strength, comparison, k-means, stability) and assigning, and the peak of memory.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from cxkit.stats import clusters

FEATURES = 12


def drawn(customers: int) -> pl.DataFrame:
    """Four groups of unequal size; half of the features are skewed, a tenth is missing in two."""
    random = np.random.default_rng(7)
    group = random.choice(4, customers, p=[0.4, 0.27, 0.21, 0.12])
    centres = 1.2 * (2.0 * random.integers(0, 2, (4, FEATURES)) - 1)
    values = (centres[group] + random.standard_normal((customers, FEATURES))).astype(np.float64)
    values[:, :6] = np.exp(values[:, :6])
    values[random.random(customers) < 0.1, 10:] = np.nan
    frame = pl.DataFrame(values, schema=[f"feature {n}" for n in range(FEATURES)])
    return frame.fill_nan(None)


def timed(spent: dict[str, float], name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def running(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return run(*given, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started

    return running


def main(customers: int) -> None:
    frame = drawn(customers)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent: dict[str, float] = {}
    steps = ("prediction_strength", "apart_p", "bootstrap_jaccard")
    for step in steps:
        setattr(clusters, step, timed(spent, step, getattr(clusters, step)))
    started = time.perf_counter()
    prepared = timed(spent, "prepare", clusters.prepare)(frame, frame.columns)
    matrix = timed(spent, "matrix", prepared.matrix)(frame)
    groups = timed(spent, "find_groups", clusters.find_groups)(matrix)
    timed(spent, "assign again", clusters.assign)(groups.centres, matrix)
    total = time.perf_counter() - started
    spent["k-means and assigning"] = spent.pop("find_groups") - sum(spent[s] for s in steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{customers:,} customers x {FEATURES} features: {groups.k} groups in {total:.1f} s")
    print("strength:", {k: round(value, 2) for k, value in groups.strength.items()})
    for step, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {step:24} {seconds:6.1f} s  {seconds / total:4.0%}")
    print(f"peak of memory {peak:,.0f} MB ({before:,.0f} MB with the table alone)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
