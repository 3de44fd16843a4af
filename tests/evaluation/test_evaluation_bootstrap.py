"""Intervals cover what they should, are seeded, and are paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from consilience.evaluation.bootstrap import Draws, difference, estimate, mean, ratio


def test_the_interval_of_a_mean_covers_a_known_mean_about_95_times_in_100() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        values = generator.normal(0.6, 0.2, 80)
        low, high = estimate(mean(list(values)), 80, Draws(300, seed=trial)).ci95 or (1, 0)
        covered += low <= 0.6 <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_the_interval_agrees_with_the_percentile_bootstrap_of_scipy() -> None:
    values = np.random.default_rng(2).random(100)
    low, high = estimate(mean(list(values)), 100, Draws(4000, seed=0)).ci95 or (1, 0)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", random_state=0)
    assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.005)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    statistic = mean([0.0, 1.0, 1.0, 0.0, 1.0, 0.5, 0.2])
    assert estimate(statistic, 7, Draws(200, 3)) == estimate(statistic, 7, Draws(200, 3))
    assert estimate(statistic, 7, Draws(200, 3)).ci95 != estimate(statistic, 7, Draws(200, 4)).ci95


def test_the_difference_is_paired_so_that_a_constant_gain_has_no_spread() -> None:
    values = list(np.random.default_rng(3).random(30))
    gain = difference(mean([value + 0.1 for value in values]), mean(values))
    assert estimate(gain, 30, Draws()).as_json() == {"value": 0.1, "ci95": [0.1, 0.1]}


def test_a_figure_that_nothing_defines_is_absent() -> None:
    assert estimate(ratio([0, 0], [0, 0]), 2, Draws()).as_json() == {"value": None, "ci95": None}
    assert estimate(mean([]), 0, Draws()).as_json() == {"value": None, "ci95": None}


def test_a_ratio_weighs_by_its_denominator() -> None:
    assert estimate(ratio([1, 9], [10, 10]), 2, Draws()).value == 0.5
    assert estimate(ratio([1, 0], [1, 3]), 2, Draws()).value == 0.25
