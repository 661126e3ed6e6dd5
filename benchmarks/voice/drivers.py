"""Do the intervals of drivers and theme impact hold what they promise, on made-up answers?

Run: python benchmarks/voice/drivers.py [SETS]   (200 sets by default)

Drivers: ratings with one halo (r = .5) and a placebo, as `tests/stats/test_importance.py` makes
them; the truth is worked out from the correlations. Themes: 600 people with one to four answers
and a level of their own; 24 themes, of which four go with planted differences and 20 with nothing.
A null is flagged where its q-value is below .05; within each set, the q-values are of its own
themes or drivers alone. "all null": sets in which nothing is planted.
"""

from __future__ import annotations

import sys

import numpy as np

from cxkit.stats.impact import theme_impact
from cxkit.stats.importance import _lmg, _relative_weights, asymmetry, importance

WEIGHTS = np.array([0.5, 0.3, 0.2, 0.0])
PLANTED = {0: (0.06, -1.2), 1: (0.10, -0.6), 2: (0.20, 0.3), 3: (0.35, -0.15)}  # share, difference


def true_parts(weights: np.ndarray, halo: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """LMG and relative weights in the population."""
    k = len(weights)
    inside = np.full((k, k), halo) + (1 - halo) * np.eye(k)
    with_score = inside @ weights
    whole = np.block([[inside, with_score[:, None]], [with_score[None], np.zeros((1, 1))]])
    whole[k, k] = weights @ inside @ weights + noise**2
    return _lmg(whole[None])[0], _relative_weights(whole[None])[0]


def ratings(
    draw: np.random.Generator, n: int, weights: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    half = np.sqrt(0.5)
    x = half * draw.normal(size=(n, 1)) + half * draw.normal(size=(n, len(weights)))
    return x, x @ weights + noise * draw.normal(size=n)


def drivers(sets: int, n: int) -> None:
    parts, weights = true_parts(WEIGHTS, 0.5, 0.5)
    held, of = np.zeros(3), 0
    null, all_null, uneven, judged = 0, 0, 0, 0
    for seed in range(sets):
        draw = np.random.default_rng(seed)
        x, y = ratings(draw, n, WEIGHTS, 0.5)
        told = importance(x, y, np.arange(n), rounds=500).drivers
        for j, one in enumerate(told):
            held[0] += one.lmg.low <= parts[j] <= one.lmg.high
            held[1] += one.weight.low <= weights[j] <= one.weight.high
            above = parts[j] - parts.mean()
            held[2] += one.above_mean.low <= above <= one.above_mean.high
            of += 1
        null += told[3].q_value < 0.05
        five = np.clip(np.round(3.65 + 0.95 * x), 1, 5)
        sides = asymmetry(five, y, np.arange(n), [2] * 4, [5] * 4, rounds=500)
        uneven += sum(one.q_value < 0.05 for one in sides)
        judged += sum(one.q_value == one.q_value for one in sides)
        x, y = ratings(draw, n, np.zeros(4), 1.0)
        all_null += sum(
            one.q_value < 0.05 for one in importance(x, y, np.arange(n), rounds=500).drivers
        )
    for name, many in zip(("LMG", "relative weight", "above the mean"), held, strict=True):
        say(f"{name}: interval holds the truth, n = {n:,}", "92-97 %", many, of, 0.92, 0.97)
    say(f"placebo flagged beside three drivers, n = {n:,}", "<= 5 %", null, sets, 0, 0.05)
    say(f"drivers flagged where all are null, n = {n:,}", "<= 5 %", all_null, 4 * sets, 0, 0.05)
    say(f"even drivers called uneven, n = {n:,}", "<= 5 %", uneven, judged, 0, 0.05)


def themes(sets: int) -> None:
    held, of = np.zeros(2), 0
    by_theme = {theme: np.zeros(2) for theme in PLANTED}
    null, nulls, all_null = 0, 0, 0
    for seed in range(sets):
        draw = np.random.default_rng(10_000 + seed)
        for planted in (True, False):
            person = np.repeat(np.arange(600), draw.integers(1, 5, 600))
            shares = draw.uniform(0.05, 0.4, 24)
            shares[list(PLANTED)] = [share for share, _ in PLANTED.values()]
            # who mentions a theme once mentions it again: half the time it is a trait
            trait = draw.random((600, 24)) < shares
            now = draw.random((len(person), 24)) < shares
            mentions = np.where(draw.random(now.shape) < 0.5, trait[person], now)
            y = 3.6 + 0.6 * draw.normal(size=600)[person] + 0.8 * draw.normal(size=len(person))
            if planted:
                for theme, (_, difference) in PLANTED.items():
                    y = y + difference * mentions[:, theme]
            told = theme_impact(y, mentions, person, rounds=500)
            if not planted:
                all_null += sum(one.q_value < 0.05 for one in told)
                continue
            for theme, (share, difference) in PLANTED.items():
                one = told[theme]
                hit = np.array(
                    [
                        one.drag.low <= difference <= one.drag.high,
                        one.impact.low <= share * difference <= one.impact.high,
                    ]
                )
                by_theme[theme] += hit
                held += hit
                of += 1
            rest = [one for theme, one in enumerate(told) if theme not in PLANTED]
            null += sum(one.q_value < 0.05 for one in rest)
            nulls += len(rest)
    for name, many in zip(("drag", "impact"), held, strict=True):
        say(f"{name}: interval holds the planted effect", "92-97 %", many, of, 0.92, 0.97)
    for theme, hits in by_theme.items():
        share, difference = PLANTED[theme]
        for name, many in zip(("drag", "impact"), hits, strict=True):
            what = f"  {name} of {difference:+.2f}, mentioned by {share:.0%}"
            say(what, "92-97 %", many, sets, 0.92, 0.97)
    say("null themes flagged beside four that matter", "<= 5 %", null, nulls, 0, 0.05)
    say("themes flagged where all are null", "<= 5 %", all_null, 24 * sets, 0, 0.05)


def say(what: str, bar: str, many: float, of: int, least: float, most: float) -> None:
    share = many / of
    verdict = "ok" if least <= share <= most else "MISSED"
    print(f"{what:62} {bar:>8} {100 * share:6.1f} % {of:7,}  {verdict}", flush=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{'what':62} {'bar':>8} measured       n")
    themes(count)
    for size in (150, 1_200):
        drivers(count, size)
