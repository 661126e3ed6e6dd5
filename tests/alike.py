"""Companies in which nothing changes, of people whose visits are alike."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2025, 1, 6)  # a Monday


def of_people(
    seed: int, people: int, visits: int, shape: float, *, stretches: bool = False, weeks: int = 70
) -> pl.DataFrame:
    """Make people who each go on from 'visit' to 'cart' at a rate of their own that never changes.

    The device is drawn once for each and means nothing. With `stretches` each is there for 6 to 30
    of the weeks alone, so that others come later than came at first.
    """
    draws = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        rate, device = draws.beta(shape, shape), str(draws.choice(["mobile", "desktop"]))
        first, length = 0, weeks
        if stretches:
            first, length = int(draws.integers(0, weeks - 30)), int(draws.integers(6, 30))
        hours = draws.choice(length * 7 * 24, visits, replace=False)
        for hour, goes in zip(hours.tolist(), draws.random(visits) < rate, strict=True):
            at = START + timedelta(weeks=first, hours=hour)
            rows += [
                (f"p{person}", at + timedelta(minutes=2 * n), event, device)
                for n, event in enumerate(["visit", "cart"][: 1 + goes])
            ]
    columns = ["customer_id", "occurred_at", "event", "device"]
    return pl.DataFrame(rows, schema=columns, orient="row")
