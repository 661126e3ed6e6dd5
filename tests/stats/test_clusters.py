"""Groups: published figures, cases that fit on paper, and companies with and without groups."""

import os
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxkit.demo.company import FEATURES, NULL, PLANTED, PROFILES, Effects
from cxkit.demo.draws import Draws
from cxkit.demo.people import Buyers, make_buyers
from cxkit.stats import clusters
from cxkit.stats.clusters import (
    adjusted_rand,
    assign,
    find_groups,
    gower,
    matched,
    prediction_strength,
    prepare,
    psi,
)

NULL_SEEDS = 50 if os.environ.get("CXKIT_THOROUGH") == "1" else 5


def buyers(seed: int, effects: Effects, profile: str = "full") -> tuple[Buyers, np.ndarray]:
    """Draw a company's buyers and prepare their six features."""
    drawn = make_buyers(PROFILES[profile], effects, Draws(seed, "people"))
    frame = pl.DataFrame(drawn.features, schema=list(FEATURES))
    return drawn, prepare(frame, frame.columns).matrix(frame)


# --- published figures -------------------------------------------------------------------------


def test_gower_on_the_flowers(shared):
    flowers = pl.read_csv(shared / "reference" / "flower.csv").drop("rownames")
    apart = gower(flowers.with_columns(pl.col("V4").cast(pl.String)), asymmetric=["V3"])
    pairs = apart[np.triu_indices(18, 1)]
    figures = [pairs.min(), *np.quantile(pairs, [0.25, 0.5]), pairs.mean()]
    figures += [np.quantile(pairs, 0.75), pairs.max()]
    assert [round(float(f), 4) for f in figures] == [0.1418, 0.4164, 0.5101, 0.5098, 0.6051, 0.8875]


def test_gower_leaves_out_what_is_not_known():
    frame = pl.DataFrame({"a": [0, 10, None], "b": [None, "x", "y"], "c": [False, True, True]})
    assert gower(frame)[0, 1:].tolist() == [1.0, 1.0]
    assert gower(frame)[1, 2] == 0.5  # another b, the same c
    assert np.isnan(gower(pl.DataFrame({"a": [1, None]}))[0, 1])
    # two who both lack it are not alike by that
    assert np.isnan(gower(pl.DataFrame({"a": [0, 0, 1]}), asymmetric=["a"])[0, 1])


# --- preparation -------------------------------------------------------------------------------


def test_what_cannot_be_used_is_said():
    frame = pl.DataFrame(
        {
            "good": [float(n % 7) for n in range(100)],
            "constant": [3] * 100,
            "nobody": pl.Series([None] * 100, dtype=pl.Float64),
            "rare": [1.0 * n if n < 40 else None for n in range(100)],
            "nearly": [1] * 96 + [2] * 4,
            "words": [f"text {n}" for n in range(100)],
        }
    )
    assert prepare(frame, frame.columns).dropped == {
        "constant": "alike for all",
        "nobody": "known of nobody",
        "rare": "known of 40 of 100",
        "nearly": "alike for at least 95 %",
        "words": "100 different texts",
    }


def test_numbers_are_logged_capped_and_standardised():
    skewed = pl.DataFrame({"spent": [np.expm1(n / 100) for n in range(1, 999)] + [1e9]})
    made = prepare(skewed, ["spent"])
    (feature,) = made.features
    assert feature.log
    matrix = made.matrix(skewed)
    assert abs(matrix.mean()) < 1e-9
    assert matrix.std() == pytest.approx(1)
    assert matrix[-1] == matrix[-2]  # an outlier counts no more than the highest hundredth
    even = prepare(pl.DataFrame({"gap": [-1.0, 0.0, 1.0] * 20}), ["gap"])
    assert not even.features[0].log


def test_next_months_rows_are_treated_alike():
    frame = pl.DataFrame({"n": [1.0, 2.0, 3.0, None], "kind": ["a", "a", "b", "b"]})
    made = prepare(frame, ["n", "kind"])
    assert made.widths == (2,)
    later = pl.DataFrame({"n": [2.0, None], "kind": ["b", "never seen"]})
    matrix = made.matrix(later)
    assert matrix[0].tolist() == made.matrix(frame)[1, :1].tolist() + matrix[0, 1:].tolist()
    assert matrix[0, 0] == matrix[1, 0]  # not known is the middle
    # a category has half the variance of a number, all its columns together
    assert made.matrix(frame)[:, 1:].var(axis=0).sum() == pytest.approx(0.5)
    assert made.known(later) == [True, True]
    assert made.known(pl.DataFrame({"n": [None], "kind": [None]})) == [False]


# --- groups ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [2026, 7, 11])
def test_t01_four_groups_are_found_as_planted(seed):
    drawn, matrix = buyers(seed, PLANTED)
    found = find_groups(matrix)
    assert found.k == 4
    assert adjusted_rand(drawn.persona, found.labels) >= 0.85
    shares = np.bincount(found.labels) / len(found.labels)
    assert shares == pytest.approx([0.40, 0.27, 0.21, 0.12], abs=0.03)
    assert min(found.jaccard) >= 0.75
    assert all(found.stable)
    # two and three groups come back as well: the largest number that holds is taken
    assert min(found.strength[2], found.strength[3]) >= 0.8 > found.strength[5]


@pytest.mark.timeout(1800)
def test_t02_no_groups_where_none_are_planted():
    quiet = [find_groups(buyers(seed, NULL)[1]).k == 1 for seed in range(1, NULL_SEEDS + 1)]
    assert sum(quiet) >= 0.96 * NULL_SEEDS


def shapes(name: str, rows: int = 600) -> np.ndarray:
    """Clouds without groups of several shapes; k-means cuts all of them."""
    random = np.random.default_rng(3)
    if name == "even":  # a stretched box
        return random.random((rows, 3)) * [4, 1, 1]
    if name == "skewed":
        return np.exp(0.8 * random.standard_normal((rows, 3)) * [2, 1, 1])
    if name == "counted":  # most have none, some one, few two
        return random.poisson(0.4, (rows, 3)).astype(float)
    root = random.standard_normal((rows, 1))
    return np.hstack([root, root, root]) + 0.2 * random.standard_normal((rows, 3))


@pytest.mark.parametrize("name", ["even", "skewed", "counted", "drawn out"])
def test_a_shape_alone_makes_no_groups(name):
    frame = pl.DataFrame(shapes(name), schema=["a", "b", "c"])
    made = prepare(frame, frame.columns)
    assert find_groups(made.matrix(frame)).k == 1


def test_a_category_alone_makes_no_groups():
    random = np.random.default_rng(4)
    frame = pl.DataFrame(
        {
            "n": random.standard_normal(600),
            "m": random.standard_normal(600),
            "kind": random.choice(["a", "b"], 600),
        }
    )
    made = prepare(frame, frame.columns)
    assert find_groups(made.matrix(frame), widths=made.widths).k == 1


def test_mixed_features_show_groups():
    random = np.random.default_rng(5)
    group = random.choice(3, 900, p=[0.5, 0.3, 0.2])
    centres = np.array([[-2, -2], [2, -2], [0, 2]])
    numbers = centres[group] + 0.7 * random.standard_normal((900, 2))
    likely = np.where(random.random(900) < 0.8, group, random.choice(3, 900))
    frame = pl.DataFrame(
        {"n": numbers[:, 0], "m": numbers[:, 1], "kind": [f"kind {n}" for n in likely]}
    )
    made = prepare(frame, frame.columns)
    found = find_groups(made.matrix(frame), widths=made.widths)
    assert found.k == 3
    assert adjusted_rand(group, found.labels) > 0.95


def test_categories_that_go_together_show_groups():
    random = np.random.default_rng(9)
    group = random.choice(2, 500)
    told = np.where(random.random((500, 5)) < 0.9, group[:, None], 1 - group[:, None])
    frame = pl.DataFrame({f"field {n}": [f"level {v}" for v in told[:, n]] for n in range(5)})
    made = prepare(frame, frame.columns)
    found = find_groups(made.matrix(frame), widths=made.widths)
    assert found.k == 2
    assert adjusted_rand(group, found.labels) > 0.9


def test_a_group_cut_in_two_is_no_second_group():
    """A feature that is noise in all groups is the widest way through each of them."""
    random = np.random.default_rng(6)
    group = random.choice(3, 3000, p=[0.6, 0.2, 0.2])
    centres = np.array([[-3, -3, 0], [3, -3, 0], [0, 3, 0]])
    matrix = centres[group] + random.standard_normal((3000, 3)) * [0.5, 0.5, 2.0]
    found = find_groups((matrix - matrix.mean(axis=0)) / matrix.std(axis=0))
    assert found.strength[4] >= 0.8  # a cut through the largest comes back every time
    assert found.apart[4] > clusters.APART
    assert found.k == 3


def test_the_same_rows_give_the_same_groups_to_the_last_bit():
    _, matrix = buyers(7, PLANTED, "small")
    one, other = find_groups(matrix), find_groups(matrix.copy())
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.centres.tobytes() == other.centres.tobytes()
    assert (one.strength, one.apart, one.jaccard) == (other.strength, other.apart, other.jaccard)


def test_the_largest_group_comes_first():
    _, matrix = buyers(7, PLANTED, "small")
    sizes = np.bincount(find_groups(matrix).labels).tolist()
    assert sizes == sorted(sizes, reverse=True)


def test_too_little_to_group():
    for matrix in (np.zeros((0, 3)), np.zeros((1, 3)), np.arange(15.0).reshape(5, 3)):
        found = find_groups(matrix)
        assert (found.k, found.strength, found.labels.tolist()) == (1, {}, [0] * len(matrix))
    assert find_groups(np.ones((500, 3))).k == 1


def test_many_rows_are_checked_on_a_sample_and_all_assigned(monkeypatch):
    drawn, matrix = buyers(7, PLANTED)
    monkeypatch.setattr(clusters, "_CHECKED", 1000)
    monkeypatch.setattr(clusters, "_FIT", 2000)
    found = find_groups(matrix)
    assert (found.k, found.checked, len(found.labels)) == (4, 1000, 4500)
    assert adjusted_rand(drawn.persona, found.labels) >= 0.85


def test_prediction_strength_of_two_far_points():
    far = np.array([[0.0], [0.1], [0.2], [0.3], [9.0], [9.1], [9.2], [9.3]] * 10)
    assert prediction_strength(far, 2) == 1.0
    assert prediction_strength(far, 5) < 0.8


def test_a_margin_says_how_clear_it_is():
    labels, margin = assign(np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 3.0]]))
    assert labels.tolist() == [0, 0]
    assert margin.tolist() == pytest.approx([2 / 3, 0])


# --- comparing groupings and features ----------------------------------------------------------


def test_labels_are_matched_by_whom_they_share():
    assert matched([0, 0, 1, 1, 2], [2, 2, 0, 0, 1]) == {0: 1, 1: 2, 2: 0}
    # the larger overlap wins, and a third group is new
    assert matched([0, 0, 0, 1], [7, 7, 8, 9]) == {7: 0, 8: 2, 9: 1}


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.permutations([0, 1, 2, 3]))
def test_what_groups_are_called_does_not_matter(labels, names):
    other = [names[label] for label in labels]
    assert adjusted_rand(labels, other) == 1.0
    pairs = matched(labels, other)
    assert [pairs[label] for label in other] == labels


def test_adjusted_rand_by_hand():
    # 15 pairs: 2 together in both, 3 and 6 in each: (2 - 18/15) / ((3 + 6)/2 - 18/15)
    one, other = [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 2]
    assert adjusted_rand(one, other) == pytest.approx((2 - 1.2) / (4.5 - 1.2))


def test_psi_by_hand():
    before = pl.Series(["a"] * 50 + ["b"] * 50)
    after = pl.Series(["a"] * 80 + ["b"] * 20)
    assert psi(before, after) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    assert psi(before, pl.Series([], dtype=pl.String)) is None
    numbers = pl.Series(range(100))
    assert psi(numbers, numbers) == 0
    assert psi(numbers, numbers + 50) > 0.25
    assert psi(numbers, pl.Series([None] * 60 + list(range(40)))) > 0.25


@pytest.mark.parametrize("huge", [1e308, 1e200])
def test_numbers_too_large_are_told_as_that(huge):
    frame = pl.DataFrame({"a": [-huge, huge] * 50 + [float(n) for n in range(20)]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = prepare(frame, ["a"])
    assert made.features == ()
    assert made.dropped == {"a": "numbers too large to measure their spread"}


def test_a_single_huge_number_is_held_at_the_limit():
    frame = pl.DataFrame({"a": [float(n) for n in range(300)] + [1e308]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matrix = prepare(frame, ["a"]).matrix(frame)
    assert abs(matrix).max() < 10
