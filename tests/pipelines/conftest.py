"""One home, refreshed through Dagster once; tests that spoil it get a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from consilience import home as homes
from consilience.refresh import Refresh
from pipelines.defs.resources import HomeResource
from pipelines.run import materialize_all

NOW = "2026-01-31T12:00:00Z"


@dataclass(frozen=True)
class Built:
    """A refreshed home and the Dagster instance that saw it happen."""

    path: Path
    instance: dg.DagsterInstance
    success: bool

    @property
    def resource(self) -> HomeResource:
        """The home as assets get it."""
        return HomeResource(path=str(self.path), now=NOW)

    @property
    def refresh(self) -> Refresh:
        """The home as the library sees it."""
        return Refresh.of(self.resource.rooms())


def new_home(path: Path) -> Path:
    """The sample corpus, with vectors that need no model."""
    homes.init(path)
    profile = path / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
    return path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Never written to by a test."""
    path = new_home(tmp_path_factory.mktemp("pipelines") / "home")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Built(path, instance, materialize_all(path, instance, now=NOW))


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Iterator[Built]:
    """A copy of the refreshed home, to spoil; its instance has seen nothing yet."""
    path = tmp_path / "home"
    shutil.copytree(built.path, path)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Built(path, instance, built.success)
