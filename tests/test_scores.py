"""Scores of people who answer again and again: do intervals and tests hold what they promise?"""

import numpy as np
import polars as pl
import pytest

from cxkit import scores
from cxkit.settings import Settings, Surveys
from cxkit.stats.intervals import levels_p

ROUNDS = 1500
TOP = {"nps": 0.45, "csat": 0.6}
BOTTOM = {"nps": 0.25, "csat": 0.0}


def people(rng, metric, count, alike, group=0, first=0):
    """Draw people with one to six answers each, which are more alike the smaller `alike` is."""
    up, down = TOP[metric], BOTTOM[metric]
    shares = np.clip(alike * np.array([down, 1 - up - down, up]), 1e-9, None)
    own = rng.dirichlet(shares, size=count)
    answers = rng.integers(1, 7, count)
    boxes = np.array([rng.multinomial(n, p) for n, p in zip(answers, own, strict=True)])
    return pl.DataFrame(
        {
            "customer_key": np.arange(first, first + count),
            "group": np.full(count, group),
            "answers": answers,
            "top": boxes[:, 2],
            "bottom": boxes[:, 0],
            "total": 10 * boxes[:, 2],
            "squares": 100 * boxes[:, 2],
        }
    )


@pytest.mark.parametrize(("metric", "count", "alike"), [("nps", 40, 0.5), ("csat", 60, 1.0)])
def test_the_interval_of_a_score_holds_the_truth(metric, count, alike):
    rng = np.random.default_rng([11, count])
    truth = 100 * (TOP[metric] - BOTTOM[metric])
    held = naive = 0
    for _ in range(ROUNDS):
        drawn = people(rng, metric, count, alike)
        _, low, high = scores.score_of(metric, drawn)
        held += low <= truth <= high
        n = drawn["answers"].sum()
        rate, down = drawn["top"].sum() / n, drawn["bottom"].sum() / n
        error = 196 * ((rate + down - (rate - down) ** 2) / n) ** 0.5
        naive += abs(100 * (rate - down) - truth) <= error
    assert 0.93 <= held / ROUNDS <= 0.97
    assert naive / ROUNDS < 0.90  # what taking each answer for itself would do


@pytest.mark.parametrize("metric", ["nps", "csat"])
def test_equal_scores_seldom_seem_to_differ(metric):
    """Of people who are partly in both, as in two quarters."""
    rng = np.random.default_rng(12)
    alarms = held = 0
    for _ in range(ROUNDS):
        one = people(rng, metric, 50, 1.0)
        two = people(rng, metric, 50, 1.0, group=1, first=40)
        gap, p = scores.difference(metric, pl.concat([one, two]))
        alarms += p < 0.05
        held += gap.low <= 0 <= gap.high
    assert alarms / ROUNDS <= 0.07
    assert 0.93 <= held / ROUNDS <= 0.975


@pytest.mark.parametrize("metric", ["nps", "csat"])
def test_a_series_of_noise_has_no_story(metric):
    """A change counts where the last two differ and the whole varies by more than chance."""
    rng = np.random.default_rng(13)
    alarms = 0
    for _ in range(400):
        series = [people(rng, metric, 40, 1.0, first=100 * n) for n in range(6)]
        levels = [scores.level_of(metric, each) for each in series]
        last = [each.with_columns(group=pl.lit(n)) for n, each in enumerate(series[:3:-1])]
        _, p = scores.difference(metric, pl.concat(last))
        alarms += p < 0.05 and levels_p(*zip(*levels, strict=True)) < 0.05
    assert alarms / 400 <= 0.04


def test_the_same_people_are_their_own_measure():
    rng = np.random.default_rng(14)
    held = 0
    for _ in range(ROUNDS):
        own = rng.dirichlet([0.3, 0.3, 0.4], size=40)
        rows = [
            pl.DataFrame(
                {
                    "customer_key": np.arange(40),
                    "group": np.full(40, group),
                    "answers": np.ones(40, int),
                    "top": np.array(boxes)[:, 2],
                    "bottom": np.array(boxes)[:, 0],
                }
            )
            for group in (0, 1)
            for boxes in [[rng.multinomial(1, p) for p in own]]
        ]
        n, gap = scores.paired("nps", pl.concat(rows))
        assert n == 40
        held += gap.low <= 0 <= gap.high
    assert 0.93 <= held / ROUNDS <= 0.97


def test_a_weighted_score_holds_the_truth_where_only_the_state_tells_who_answers():
    """Loyal people answer three times as often and are twice as content: truth +20, naive +50."""
    rng = np.random.default_rng(15)
    shares = {"loyal": (0.1, 0.1, 0.8), "lapsed": (0.5, 0.3, 0.2)}
    raw_held = held = 0
    for _ in range(ROUNDS):
        asked = {"loyal": 200, "lapsed": 200}
        parts = []
        for state, chance in (("loyal", 0.6), ("lapsed", 0.2)):
            boxes = rng.multinomial(rng.binomial(asked[state], chance), shares[state])
            count = int(boxes.sum())
            kind = np.repeat([0, 1, 2], boxes)
            parts.append(
                pl.DataFrame(
                    {"answers": np.ones(count, int), "top": kind == 2, "bottom": kind == 0}
                )
                .with_columns(pl.col("top", "bottom").cast(pl.Int64), weight=pl.lit(200 / count))
                .with_columns(total="top", squares="top")
            )
        drawn = pl.concat(parts)
        raw, weighted = scores.score_of("nps", drawn), scores.weighted_score("nps", drawn)
        raw_held += raw.low <= 20 <= raw.high
        held += weighted.low <= 20 <= weighted.high
    assert raw_held / ROUNDS < 0.05
    assert 0.93 <= held / ROUNDS <= 0.985  # Kish's size does not know that states differ


def test_which_answers_are_scored():
    easy = Settings(surveys=Surveys(ces_high="easy"))
    assert scores.rule_of("ces", 7, Settings()) == scores.RULES["ces"]
    assert scores.rule_of("ces", 5, Settings()) is None
    assert scores.rule_of("ces", 5, easy).top == 4
    assert scores.rule_of("csat", 7, easy) is None
    assert scores.rule_of("item", 5, easy) is None
