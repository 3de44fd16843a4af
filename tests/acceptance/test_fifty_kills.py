"""Fifty kills at random moments of loading and refreshing: the same store, byte for byte, each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.killing import Call, calls, disturbed, same, undisturbed


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Call], Path, list[float]]:
    folder = tmp_path_factory.mktemp("kills")
    course = calls(folder / "files")
    return course, *undisturbed(folder / "peaceful", course)


@pytest.mark.parametrize("seed", range(10))
def test_five_kills_at_random_moments_leave_no_trace(
    peaceful: tuple[list[Call], Path, list[float]], tmp_path: Path, seed: int
) -> None:
    course, home, seconds = peaceful
    same(home, disturbed(tmp_path / "killed", course, seconds, random.Random(seed), kills=5))
