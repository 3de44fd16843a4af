from __future__ import annotations

from pathlib import Path

import pytest

from tests.screening.test_screening_review import kill_again_and_again


@pytest.mark.accept
def test_fifty_kills_lose_no_decision(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 50, 1000)
