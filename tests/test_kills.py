"""Whatever moment a process is killed at, running it again leads to the same bytes."""

from __future__ import annotations

import random
from pathlib import Path

from tests.killing import calls, disturbed, same, undisturbed


def test_a_home_whose_processes_were_killed_five_times_is_that_of_one_left_in_peace(tmp_path: Path) -> None:
    course = calls(tmp_path / "files")
    peaceful, seconds = undisturbed(tmp_path / "peaceful", course)
    same(peaceful, disturbed(tmp_path / "killed", course, seconds, random.Random(5), kills=5))
