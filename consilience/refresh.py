"""Bringing indexes and graph up to the facts: small steps, each done once, each safe to repeat.

A step's result is named by what it was made from; if it is there, the step does nothing. `publish` at the end moves one
pointer, `corpora/store/current.json`: questions see all of a refresh or none of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from consilience import indexes
from consilience.clocks import instant_text
from consilience.corpora import fold, passages, snapshot
from consilience.corpora.corpus import Corpus
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.errors import StoreDamagedError
from consilience.home import Rooms, write_atomically
from consilience.indexes import dense
from consilience.indexes.profile import Profile
from consilience.indexes.profile import load as load_profile
from consilience.kg import build as graph
from consilience.models import Embedding
from consilience.records import canonical_json

Progress = Callable[[str, int, int], None]
ALL_SHARDS = range(SHARDS)
PROFILE = "exact"
_BY_CONTENT = ("vectors", "evidence")


@dataclass(frozen=True, slots=True)
class Pointer:
    """What questions see: one snapshot, with the index and the graph built from it."""

    snapshot: str
    index: str
    kg: str
    commits: int
    refreshed_at: str

    def as_json(self) -> dict[str, Any]:
        """The pointer file's object."""
        return {name: getattr(self, name) for name in self.__slots__}


def current(rooms: Rooms) -> Pointer | None:
    """The last completed refresh, if there was one."""
    path = rooms.corpora / "current.json"
    try:
        return Pointer(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    except (ValueError, TypeError) as error:
        raise StoreDamagedError(
            "the pointer to the last refresh is unreadable", where="corpora/store/current.json",
            expected="delete it and refresh",
        ) from error  # fmt: skip


@dataclass
class Refresh:
    """One refresh of one home, step by step; every step may be run alone and again."""

    store: Store
    commits: Sequence[Commit]

    @classmethod
    def of(cls, rooms: Rooms) -> Refresh:
        """The refresh that would bring this home up to its last commit."""
        store = Store(rooms)
        return cls(store, store.commits())

    @cached_property
    def profile(self) -> Profile:
        """The index profile of this home."""
        return load_profile(self.store.rooms, PROFILE)

    @cached_property
    def embedding(self) -> Embedding:
        """The embedding model the profile names, loaded."""
        from consilience.models.embedding import embedding_by_name

        return embedding_by_name(self.profile.dense.embedding)

    @cached_property
    def extractor(self) -> graph.Extractor:
        """The claim extractor, with its vocabulary loaded."""
        return graph.Extractor.load()

    @property
    def target(self) -> tuple[str, str, str]:
        """The names of what this refresh makes: snapshot, index, graph."""
        return snapshot.snapshot_id(self.commits), self.profile.version, graph.version(self.store.rooms)

    @property
    def is_done(self) -> bool:
        """Say whether questions already see what this refresh would make."""
        now = current(self.store.rooms)
        return (
            now is not None
            and (now.snapshot, now.index, now.kg) == self.target
            and all(folder.exists() for folder in self._folders(*self.target))
        )

    def citations(self, shards: Iterable[int] = ALL_SHARDS) -> list[int]:
        """Fold the facts of these shards; return the shards that changed."""
        return fold.build(self.store, self.commits, shards)

    def passages(self, shards: Iterable[int] = ALL_SHARDS) -> list[int]:
        """Cut the new versions of these shards into passages."""
        return passages.build(self.store, self.commits, shards)

    def embeddings(self, shards: Iterable[int] = ALL_SHARDS, progress: Progress | None = None) -> int:
        """Embed the new passages of these shards."""
        return dense.embed(self.store, self.commits, shards, self.embedding, progress)

    def claims(self, shards: Iterable[int] = ALL_SHARDS, progress: Progress | None = None) -> int:
        """Extract the claims of the new versions of these shards."""
        return graph.extract_shards(self.store, self.commits, shards, self.extractor, progress)

    def snapshot(self) -> Corpus:
        """Write the snapshot of the corpus."""
        return Corpus(self.store, snapshot.build(self.store, self.commits))

    def index(self) -> bool:
        """Build both indexes of the snapshot."""
        return indexes.build(self.snapshot(), self.commits, self.profile, self.embedding)

    def graph(self) -> bool:
        """Build the graph's table of the snapshot."""
        return graph.build(self.snapshot(), self.commits, self.extractor)

    def publish(self, now: datetime) -> Pointer:
        """Let questions see it; keep the state before, which open readers may still use."""
        before = current(self.store.rooms)
        name, index, graph_version = self.target
        made = Pointer(name, index, graph_version, len(self.commits), instant_text(now))
        body = (canonical_json(made.as_json()) + "\n").encode()
        write_atomically(self.store.folder / "current.json", body)
        self._prune({name, *([before.snapshot] if before else [])})
        return made

    def _folders(self, name: str, index: str, graph_version: str) -> tuple[Path, ...]:
        rooms = self.store.rooms
        return (snapshot.folder_of(self.store, name), rooms.indexes / index / name, rooms.kg / graph_version / name)

    def _prune(self, keep: set[str]) -> None:
        """Remove what was made of snapshots nobody reads any more; vectors and evidence rows are kept by content."""
        rooms = self.store.rooms
        made = [*(self.store.folder / "snapshots").glob("*"), *rooms.indexes.glob("*/*"), *rooms.kg.glob("*/*")]
        for folder in made:
            if folder.name not in keep and folder.parent.name not in _BY_CONTENT and folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)


def run(rooms: Rooms, now: datetime, progress: Progress | None = None) -> tuple[Pointer, bool]:
    """Do all the steps in order unless nothing changed; return the pointer and whether anything was written."""
    refresh = Refresh.of(rooms)
    if refresh.is_done:
        pointer = current(rooms)
        if pointer is not None:
            return pointer, False
    told = progress or (lambda step, done, total: None)
    with rooms.writing():
        refresh = Refresh.of(rooms)
        refresh.store.clear_leftovers()
        for step, act in (("citations", refresh.citations), ("passages", refresh.passages)):
            told(step, 0, 1)
            act()
            told(step, 1, 1)
        refresh.embeddings(progress=progress)
        refresh.claims(progress=progress)
        for step, finish in (("snapshot", refresh.snapshot), ("index", refresh.index), ("graph", refresh.graph)):
            told(step, 0, 1)
            finish()
            told(step, 1, 1)
        return refresh.publish(now), True
