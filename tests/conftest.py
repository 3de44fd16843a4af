"""Fixtures: the development data if it is there, and homes that are thrown away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Path:
    """The development data that lies beside the checkout, named by CONSILIENCE_DATA; never part of the repository."""
    named = os.environ.get("CONSILIENCE_DATA")
    if not named:
        pytest.skip("CONSILIENCE_DATA is not set: tests on real data are skipped")
    return Path(named)


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests neither see the developer's home nor his clock."""
    monkeypatch.delenv("CONSILIENCE_HOME", raising=False)
    monkeypatch.delenv("CONSILIENCE_NOW", raising=False)
