"""Passages embedded by several workers are what one would have made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.batches import Engine
from consilience.indexes import dense
from consilience.models.embedding import embedding_by_name
from consilience.refresh import Refresh
from tests.making import TinyHome, clocks, paper


def vectors(folder: Path, engine: Engine | None, told: list[tuple[int, int]] | None = None) -> dict[str, bytes]:
    """What embedding a home of 60 papers leaves behind, by file."""
    home = TinyHome.make(folder)
    home.load("a.xml", *(paper(n, f"Zinc for colds {n}.", abstract=f"Dose {n}.") for n in range(60)), known=0)
    now = Refresh.of(home.rooms)
    now.citations()
    now.passages()
    tell = None if told is None else lambda _, done, of: told.append((done, of))
    assert dense.embed(home.store, now.commits, range(64), embedding_by_name("hashed"), tell, engine) == 60
    assert dense.embed(home.store, now.commits, range(64), embedding_by_name("hashed"), None, engine) == 0
    kept = home.rooms.indexes / "vectors"
    return {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*.parquet")}


def test_two_processes_leave_the_same_files_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = vectors(tmp_path / "one", None)
    assert len(alone) > 10
    monkeypatch.setattr("consilience.indexes.dense.vectors._TOGETHER", 8)
    told: list[tuple[int, int]] = []
    assert vectors(tmp_path / "two", Engine(workers=2), told) == alone
    assert told == sorted(told)
    assert told[-1] == (64, 64)


def test_a_refresh_embeds_where_its_profile_says(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    profile = home.rooms.root / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: hashed", "embedding: hashed\n  engine: {workers: 2}"))
    home.load("a.xml", paper(1, "Zinc for colds."), known=0)
    assert Refresh.of(home.rooms).profile.dense.engine == Engine(workers=2)
    assert home.index().search("zinc", top=1, clocks=clocks(), retriever="dense")
