"""How sure and how right: figures of calibration on columns small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from consilience.evaluation.bootstrap import Draws, estimate
from consilience.evaluation.calibration import curves, statistics


def figures(sure: list[float], right: list[float]) -> dict[str, float]:
    every = np.ones((1, len(sure)))
    return {name: float(of.of(every)[0]) for name, of in statistics(sure, right).items()}


def test_one_that_is_as_often_right_as_it_says_has_no_error() -> None:
    told = figures([0.75] * 8, [1, 1, 1, 0] * 2)
    assert told["ECE"] == pytest.approx(0)
    assert told["AURC"] == pytest.approx(0.25)
    assert told["accuracy@80%"] == pytest.approx(0.75) and told["gain@80%"] == pytest.approx(0)


def test_one_that_is_sure_and_wrong_is_off_by_all_of_it() -> None:
    assert figures([1.0] * 4, [0] * 4)["ECE"] == pytest.approx(1)


def test_silence_on_the_least_sure_fifth_gains_where_the_mistakes_lie_there() -> None:
    told = figures([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 1, 1, 0])
    assert told["accuracy@80%"] == pytest.approx(1) and told["gain@80%"] == pytest.approx(0.2)
    # Risk is 0 up to 4/5, then (c - 4/5) / c: its integral to 1 is 1/5 - 4/5 ln(5/4).
    assert told["AURC"] == pytest.approx(0.2 - 0.8 * np.log(1.25))
    backwards = figures([0.5, 0.6, 0.7, 0.8, 0.9], [1, 1, 1, 1, 0])
    assert backwards["gain@80%"] < 0 and backwards["AURC"] > told["AURC"]


def test_errors_in_bins_do_not_cancel_out() -> None:
    # Half is under-confident by .4 and half over-confident by .4; on the whole they would be even.
    assert figures([0.6] * 5 + [0.4] * 5, [1] * 5 + [0] * 5)["ECE"] == pytest.approx(0.4)


def test_no_figure_depends_on_the_order_of_questions() -> None:
    chance = np.random.default_rng(0)
    sure = chance.choice([0.3, 0.5, 0.5, 0.9], 60)
    right = (chance.random(60) < sure).astype(float)
    order = chance.permutation(60)
    assert figures(list(sure), list(right)) == pytest.approx(figures(list(sure[order]), list(right[order])))


def test_figures_have_intervals_around_them() -> None:
    chance = np.random.default_rng(1)
    sure = chance.random(200)
    right = (chance.random(200) < sure).astype(float)
    for name, of in statistics(list(sure), list(right)).items():
        told = estimate(of, 200, Draws(300))
        assert told.value is not None and told.ci95 is not None
        # ECE of a sample is biased upwards, so its interval may lie above it.
        assert told.ci95[0] <= told.ci95[1] and (name == "ECE" or told.ci95[0] <= told.value <= told.ci95[1])


def test_curves_end_at_all_questions_and_are_left_out_where_there_are_none() -> None:
    reliability, risk = curves({"a": ([0.9, 0.6, 0.5, 0.5], [1, 1, 0, 1])})
    assert risk["series"]["a"][-1] == [1.0, 0.25]
    assert reliability["series"]["a"][-1] == [0.9, 1.0]
    assert curves({}) == []
