"""Feedback among what was found."""

from __future__ import annotations

import numpy as np
import pytest

from consilience.indexes.neighbours import agreed
from consilience.indexes.profile import NeighboursProfile

ALIKE = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)


def test_a_score_moves_by_the_share_towards_those_of_its_likes() -> None:
    assert agreed(np.array([1.0, 0.5, 0.8]), ALIKE, NeighboursProfile(share=0.2)) == pytest.approx([-0.1, 0.1, 0.0])


def test_the_more_alike_weigh_the_more_and_sharpness_says_how_much() -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], np.float32)
    change = agreed(np.array([0.0, 1.0, 0.5]), vectors, NeighboursProfile(share=1.0, sharpness=2))
    assert change[0] == pytest.approx((0.64 * 1.0 + 0.36 * 0.5) / (0.64 + 0.36), rel=1e-6)
    blunt = agreed(np.array([0.0, 1.0, 0.5]), vectors, NeighboursProfile(share=1.0, sharpness=0))
    assert blunt[0] == pytest.approx(0.75)


def test_without_a_vector_a_likeness_or_a_share_nothing_moves() -> None:
    scores = np.array([1.0, 0.2, 0.1])
    assert not agreed(scores, np.zeros((3, 2), np.float32), NeighboursProfile()).any()
    assert not agreed(scores, np.array([[1, 0], [-1, 0], [0, 1]], np.float32), NeighboursProfile()).any()
    assert not agreed(scores, ALIKE, NeighboursProfile(share=0)).any()


def test_no_score_leaves_the_range_of_the_scores() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = random.random(50)
    moved = scores + agreed(scores, vectors, NeighboursProfile(share=1.0))
    assert scores.min() <= moved.min() and moved.max() <= scores.max()
