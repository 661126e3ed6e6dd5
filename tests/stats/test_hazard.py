"""The Cox model against published figures, a brute force, and 400 simulations."""

from math import exp, log

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.stats.hazard import cox


def test_gehan_efron(shared):
    """Freireich (1963): beta 1.572 with Efron's ties; R gives the error 0.4124."""
    rows = pl.read_csv(shared / "reference" / "gehan.csv").select(
        start=0, stop="time", ended=pl.col("cens") == 1, control=pl.col("treat") == "control"
    )
    fit = cox(rows, ["control"])
    assert fit.settled
    assert fit.log_ratio[0] == pytest.approx(1.572, abs=0.0005)
    assert fit.error[0] == pytest.approx(0.4124, abs=0.0005)
    assert fit.ratio().value == pytest.approx(exp(1.5721), abs=0.003)


def test_a_stretch_that_is_cut_is_the_same_stretch(shared):
    rows = pl.read_csv(shared / "reference" / "gehan.csv").select(
        start=0.0,
        stop=pl.col("time").cast(pl.Float64),
        ended=pl.col("cens") == 1,
        x=(pl.col("treat") == "control").cast(pl.Int64),
    )
    halves = pl.concat(
        [
            rows.with_columns(stop=pl.col("stop") / 2, ended=pl.lit(False)),
            rows.with_columns(start=pl.col("stop") / 2),
        ]
    )
    whole, cut = cox(rows, ["x"]), cox(halves.sample(fraction=1, shuffle=True, seed=1), ["x"])
    assert cut.log_ratio[0] == pytest.approx(whole.log_ratio[0])
    assert cut.error[0] == pytest.approx(whole.error[0])
    assert cut.log_likelihood == pytest.approx(whole.log_likelihood)


def likelihood(rows, beta):
    """Efron's partial likelihood, term by term."""
    value = 0.0
    for time in {stop for _, stop, ended, _ in rows if ended}:
        there = [exp(beta * x) for start, stop, _, x in rows if start < time <= stop]
        ends = [x for _, stop, ended, x in rows if ended and stop == time]
        value += sum(beta * x for x in ends)
        tied = sum(exp(beta * x) for x in ends)
        value -= sum(log(sum(there) - k / len(ends) * tied) for k in range(len(ends)))
    return value


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans(), st.integers(0, 2)),
        min_size=3,
        max_size=25,
    )
)
def test_no_other_coefficient_is_likelier(drawn):
    rows = [(start, start + long, ended, x) for start, long, ended, x in drawn]
    fit = cox(pl.DataFrame(rows, schema=["start", "stop", "ended", "x"], orient="row"), ["x"])
    if not fit.settled:
        return
    best = likelihood(rows, fit.log_ratio[0])
    for step in (-0.1, -0.001, 0.001, 0.1):
        assert likelihood(rows, fit.log_ratio[0] + step) <= best + 1e-9
    size = 1e-4  # the error is that of the curve's bend
    around = [likelihood(rows, fit.log_ratio[0] + size * k) for k in (-1, 0, 1)]
    bend = -(around[0] - 2 * around[1] + around[2]) / size**2
    if bend > 1e-3:
        assert fit.error[0] == pytest.approx(bend**-0.5, rel=1e-2)


def test_two_features_are_told_apart():
    draw = np.random.default_rng(3)
    x, z = draw.integers(0, 2, 4000), draw.normal(size=4000)
    z = z + x  # they go together
    stop = draw.exponential(1 / np.exp(0.5 * x + 0.3 * z))
    told = {"start": 0.0, "stop": np.minimum(stop, 1.0), "ended": stop < 1.0, "x": x, "z": z}
    fit = cox(pl.DataFrame(told), ["x", "z"])
    for place, true in enumerate((0.5, 0.3)):
        assert fit.log_ratio[place] == pytest.approx(true, abs=3 * fit.error[place])
        assert fit.error[place] < 0.08


def test_nobody_nothing_and_all_at_once():
    none = pl.DataFrame(schema=dict.fromkeys(["start", "stop", "x"], pl.Float64))
    assert not cox(none.with_columns(ended=pl.lit(True)), ["x"]).settled
    same = pl.DataFrame({"start": [0, 0], "stop": [1, 1], "ended": [True, True], "x": [0, 1]})
    assert not cox(same.with_columns(ended=pl.lit(False)), ["x"]).settled
    assert not cox(same.with_columns(x=1), ["x"]).settled
    sure = pl.DataFrame({"start": 0, "stop": range(1, 9), "ended": [True] * 4 + [False] * 4})
    assert not cox(sure.with_columns(x=pl.Series([1] * 4 + [0] * 4)), ["x"]).settled


def growing(draw: np.random.Generator, ratio: float, people: int = 150) -> pl.DataFrame:
    """Make people who meet bad touches as time goes by; each multiplies their weekly hazard."""
    weeks = 40
    met = np.cumsum(draw.random((people, weeks)) < 0.05, axis=1).clip(0, 3)
    met = np.column_stack([np.zeros(people, int), met[:, :-1]])
    left = draw.exponential(size=(people, weeks)) / (0.02 * ratio**met)
    over = np.where((left < 1).any(axis=1), (left < 1).argmax(axis=1), weeks - 1)
    rows = np.arange(weeks) <= over[:, None]
    who, week = np.nonzero(rows)
    ended = (left[who, week] < 1) & (week == over[who])
    stop = week + np.where(ended, left[who, week], 1.0)
    return pl.DataFrame({"start": week, "stop": stop, "ended": ended, "x": met[who, week]})


@pytest.mark.parametrize("ratio", [1.0, 1.4])
def test_intervals_cover_the_truth(ratio):
    draw = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        found = cox(growing(draw, ratio), ["x"]).ratio()
        covered += found.low <= ratio <= found.high
    assert 0.93 <= covered / 400 <= 0.97
