"""Intervals cover what they should, are seeded, and are paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from consilience.evaluation import bootstrap
from consilience.evaluation.bootstrap import Draws, estimate, holm, levels, mean, paired, ratio, spread


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
    values = np.random.default_rng(3).random(30)
    more, less = (spread(mean(column), 30, Draws()) for column in (values + 0.1, values))
    assert (more - less).estimate().as_json() == {"value": 0.1, "ci95": [0.1, 0.1]}


def test_a_figure_that_nothing_defines_is_absent() -> None:
    assert estimate(ratio([0, 0], [0, 0]), 2, Draws()).as_json() == {"value": None, "ci95": None}
    assert estimate(mean([]), 0, Draws()).as_json() == {"value": None, "ci95": None}


def test_one_question_gives_a_figure_and_no_interval() -> None:
    assert estimate(mean([0.4]), 1, Draws()).as_json() == {"value": 0.4, "ci95": None}


def test_a_ratio_weighs_by_its_denominator() -> None:
    assert estimate(ratio([1, 9], [10, 10]), 2, Draws()).value == 0.5
    assert estimate(ratio([1, 0], [1, 3]), 2, Draws()).value == 0.25


def test_resamples_are_the_same_in_one_block_and_in_many(monkeypatch) -> None:
    whole = np.concatenate(list(Draws(200, 5).weights(40)))
    monkeypatch.setattr(bootstrap, "_CELLS", 40 * 7)
    pieces = list(Draws(200, 5).weights(40))
    assert len(pieces) > 20
    assert np.array_equal(np.concatenate(pieces), whole)
    assert (whole.sum(axis=1) == 40).all()


def test_intervals_of_few_questions_reach_further_and_cover_more() -> None:
    generator, plain, expanded = np.random.default_rng(4), 0, 0
    for trial in range(300):
        of = spread(mean(generator.beta(1.5, 6, 9)), 9, Draws(300, seed=trial))
        low, high = of.estimate().ci95 or (1, 0)
        expanded += low <= 0.2 <= high
        low, high = np.quantile(of.drawn, [0.025, 0.975])
        plain += low <= 0.2 <= high
    assert expanded - plain > 300 * 0.015
    assert levels(9) == pytest.approx((0.0072, 0.9928), abs=1e-3)
    assert levels(10_000) == pytest.approx((0.025, 0.975), abs=1e-4)


def test_the_p_of_a_pair_is_the_share_of_all_swaps_that_differ_as_much() -> None:
    ours, theirs = np.array([0.9, 0.4, 0.7, 1.0, 0.2, 0.8, 0.6]), np.array([0.1, 0.5, 0.3, 0.2, 0.3, 0.1, 0.0])
    theirs_exact = stats.permutation_test(
        (ours, theirs), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    (found,) = paired((ours - theirs)[:, None])
    assert found.p == pytest.approx(theirs_exact.pvalue, abs=0.01)
    assert (found.wins, found.ties, found.losses) == (5, 0, 2)


def test_under_no_difference_p_is_below_one_in_twenty_about_one_time_in_twenty() -> None:
    noise = np.random.default_rng(6).normal(0, 1, (40, 400))
    share = np.mean([test.p < 0.05 for test in paired(noise, flips=1000)])
    assert 0.025 < share < 0.08


def test_equal_systems_have_p_one_and_no_p_is_zero() -> None:
    same, apart = paired(np.stack([np.zeros(50), np.ones(50)], axis=1))
    assert (same.p, same.ties) == (1.0, 50)
    assert 0 < apart.p < 0.001


def test_holm_holds_the_smallest_p_to_all_of_them_and_never_turns_their_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []
