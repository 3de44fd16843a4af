from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.screening.measures import Curve

LABELS = st.lists(st.integers(0, 1), min_size=2, max_size=120).filter(lambda labels: 0 < sum(labels) < len(labels))


def read_until(labels: list[int], found: int) -> int:
    seen = 0
    for rank, label in enumerate(labels, start=1):
        seen += label
        if seen >= found:
            return rank
    raise AssertionError


@given(LABELS)
def test_wss_counts_the_records_left_when_95_percent_are_found(labels: list[int]) -> None:
    k = read_until(labels, math.ceil(sum(labels) * 95 / 100))
    assert Curve.of(labels).wss95() == pytest.approx(1 - k / len(labels) - 0.05)


@given(LABELS)
def test_recall_is_cut_at_a_rounded_tenth(labels: list[int]) -> None:
    cut = round(0.1 * len(labels))
    assert Curve.of(labels).recall_at_tenth() == pytest.approx(sum(labels[:cut]) / sum(labels))


@given(LABELS)
def test_atd_is_the_mean_rank_of_the_includes(labels: list[int]) -> None:
    ranks = [rank for rank, label in enumerate(labels, start=1) if label]
    assert Curve.of(labels).atd() == pytest.approx(sum(ranks) / len(ranks))


@given(LABELS)
def test_loss_is_the_area_a_perfect_order_would_have_gained(labels: list[int]) -> None:
    n, r = len(labels), sum(labels)
    area = sum(sum(labels[:rank]) for rank in range(1, n + 1))
    best = sum(min(rank, r) for rank in range(1, n + 1))
    worst = sum(max(0, rank - (n - r)) for rank in range(1, n + 1))
    assert Curve.of(labels).loss() == pytest.approx((best - area) / (best - worst))
    # The formula as ASReview prints it.
    assert Curve.of(labels).loss() == pytest.approx((r * (n - (r - 1) / 2) - area) / (r * (n - r)))


def test_a_perfect_order_loses_nothing_and_the_worst_everything() -> None:
    assert Curve.of([1, 1, 1, 0, 0, 0, 0]).loss() == 0
    assert Curve.of([0, 0, 0, 0, 1, 1, 1]).loss() == 1


def test_nineteen_of_twenty_are_95_percent() -> None:
    labels = [1] * 19 + [0] * 80 + [1]
    assert Curve.of(labels).wss95() == pytest.approx(1 - 19 / 100 - 0.05)


@pytest.mark.parametrize("labels", [[], [0, 0]])
def test_nothing_relevant_leaves_the_measures_undefined(labels: list[int]) -> None:
    curve = Curve.of(labels)
    assert (curve.wss95(), curve.recall_at_tenth(), curve.atd(), curve.loss()) == (None, None, None, None)


def test_the_loss_of_includes_alone_is_undefined() -> None:
    assert Curve.of([1, 1]).loss() is None
    assert Curve.of([1, 1]).atd() == 1.5
