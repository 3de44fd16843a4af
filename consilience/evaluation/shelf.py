"""The indexes alone, opened to be measured: of a home, or of a throw-away one over a suite's own corpus.

No graph is made and no sentence chosen: what a retrieval suite measures, and times, is `Index.search`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ValidationError

from consilience import home, indexes
from consilience.clocks import parse_day
from consilience.corpora import fold, passages, recordfiles, snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import SHARDS, Commit, Store, load
from consilience.errors import BadInputError, first_problem
from consilience.evaluation.remembered import Remembered
from consilience.home import Rooms
from consilience.indexes import dense
from consilience.indexes.profile import Profile
from consilience.indexes.views import read_intent
from consilience.kg.synonyms import synonyms
from consilience.models import Embedding
from consilience.models.encoders import Encoder

Embed = Callable[[str | Encoder], Embedding]
Patch = Mapping[str, Any]


@dataclass
class Shelf:
    """One snapshot with its index by one profile, and as many variants of that index as are asked for."""

    corpus: Corpus
    commits: Sequence[Commit]
    profile: Profile
    embed: Callable[[str | Encoder], Remembered]
    now: datetime
    scratch: Path
    spent: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def index(self) -> indexes.Index:
        """The index, opened when first asked."""
        return indexes.Index(self.corpus, self.profile, self.embed(self.profile.dense.embedding), synonyms)

    def search(self, query: str, *, top: int, retriever: str, as_of: str | None = None) -> dict[str, Any]:
        """The ids of at most `top` documents, best first, as `hits` of a `search` object."""
        found = self.index.search(query, top=top, clocks=self.clocks(as_of), retriever=retriever,
                                  intent=read_intent(None, query))  # fmt: skip
        ids = self.corpus.table["id"]
        return {"hits": [{"id": ids[hit.row].as_py()} for hit in found]}

    def shown(self, as_of: str | None) -> frozenset[str]:
        """The ids of all documents that a question as of that day may see."""
        rows = self.corpus.visible(self.clocks(as_of)).nonzero()[0]
        return frozenset(self.corpus.table["id"].take(rows).to_pylist())

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every document as (id, title and abstract)."""
        ids = self.corpus.table["id"]
        for row in self.corpus.visible(self.clocks(None)).nonzero()[0]:
            fields = self.corpus.document(int(row)).fields
            yield ids[int(row)].as_py(), f"{fields.get('title', '')} {fields.get('abstract', '')}"

    def variant(self, patch: Patch) -> Shelf:
        """The same documents by a profile that differs by `patch`, built unless that shapes only how it is asked."""
        profile = patched(self.profile, patch)
        if profile == self.profile:
            return Shelf(self.corpus, self.commits, profile, self.embed, self.now, self.scratch, self.spent)
        corpus = Corpus(Store(self._beside()), self.corpus.name)
        target = indexes.folder_of(corpus, profile)
        made = Shelf(corpus, self.commits, profile, self.embed, self.now, self.scratch)
        if not target.exists() and profile.built == self.profile.built:
            _linked(indexes.folder_of(self.corpus, self.profile), target)
            made.spent = {**self.spent, "build_seconds": None}
        else:
            made.spent = built(corpus, self.commits, profile, self.embed(profile.dense.embedding))
        return made

    def cost(self, retriever: str) -> dict[str, Any]:
        """What this retriever stands on: bytes on disk, and, for the whole index, the seconds it took to build."""
        folder = indexes.folder_of(self.corpus, self.profile)
        parts = [folder] if retriever == "hybrid" else [folder / retriever]
        seconds = {"build_seconds": self.spent.get("build_seconds")} if retriever == "hybrid" else {}
        size = sum(path.stat().st_size for part in parts for path in home.files_in(part))
        return {"bytes": size, **{name: value for name, value in seconds.items() if value is not None}}

    def provenance(self) -> dict[str, Any]:
        """What made the rankings: the same names, the same rankings."""
        embedding = self.embed(self.profile.dense.embedding)
        return {
            "snapshot": self.corpus.name,
            "index": self.profile.version,
            "config": self.profile.model_dump(mode="json"),
            "models": {"embedding": embedding.name},
            # Narrower headings come from the home, not from the profile.
            "mesh": tree.edition if (tree := self.index.lexical.mesh.tree()) else None,
            "documents": int(self.corpus.visible(self.clocks(None)).sum()),
        }

    def clocks(self, as_of: str | None) -> Clocks:
        """The clocks of a question as of that day, or of now."""
        day = parse_day(as_of) if as_of is not None else self.now.date()
        return Clocks(day, self.now, explicit=as_of is not None)

    def _beside(self) -> Rooms:
        """A throw-away home with the same facts, for the indexes that a home shall not keep."""
        root = self.scratch / "variants"
        if not (root / "corpora").exists():
            (root / "corpora").mkdir(parents=True)
            (root / "corpora" / "store").symlink_to(self.corpus.store.rooms.corpora, target_is_directory=True)
        return Rooms(root)


def patched(profile: Profile, patch: Patch) -> Profile:
    """The profile with some of its settings changed.

    Sections are merged, everything below them is replaced: `{lexical: {weights: {text: 1}}}` leaves no other weight.
    """
    whole = {name: _fields(getattr(profile, name)) for name in Profile.model_fields}
    for name, of in patch.items():
        section = whole.get(name)
        whole[name] = {**section, **of} if isinstance(section, Mapping) and isinstance(of, Mapping) else of
    try:
        return Profile.model_validate(whole)
    except ValidationError as error:
        raise BadInputError(
            f"profile {first_problem(error)}", where=json.dumps(patch), expected=", ".join(Profile.model_fields)
        ) from None


def _fields(part: Any) -> Any:
    """A section by its settings, those that are no part of the version too."""
    names = type(part).model_fields if isinstance(part, BaseModel) else ()
    return {name: getattr(part, name) for name in names} if names else part


def _linked(old: Path, new: Path) -> None:
    """The same files under another name; they are only read."""
    for path in home.files_in(old):
        place = new / path.relative_to(old)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())


def built(corpus: Corpus, commits: Sequence[Commit], profile: Profile, embedding: Remembered) -> dict[str, Any]:
    """Build the index of a snapshot, vectors first; tell the seconds of both, and how many vectors were had already."""
    start = time.perf_counter()
    before = embedding.embedded, embedding.known
    dense.embed(corpus.store, commits, range(SHARDS), embedding)
    between = time.perf_counter()
    indexes.build(corpus, commits, profile, embedding)
    return {
        "embedding_seconds": round(between - start, 3),
        "embedded": embedding.embedded - before[0],
        "vectors_known": embedding.known - before[1],
        "build_seconds": round(time.perf_counter() - between, 3),
    }


@dataclass(frozen=True, slots=True)
class Shelves:
    """Makes shelves for one home: its profile and clock, its models, the folders in which vectors may lie already."""

    profile: Profile
    embed: Embed
    now: datetime
    keep: Path | None = None
    known: tuple[Path, ...] = ()
    mesh: Path | None = None

    @contextmanager
    def over(self, corpus: Corpus, commits: Sequence[Commit]) -> Iterator[Shelf]:
        """A home's own index; what variants need is built beside it and goes when the context ends."""
        with TemporaryDirectory(prefix="consilience-") as folder:
            scratch = Path(folder)
            # A home's texts leave no vectors outside it: what is erased there must be gone.
            embed = _once(replace(self, keep=None), scratch)
            yield Shelf(corpus, commits, self.profile, embed, self.now, scratch)

    def prime(self, store: Store) -> None:
        """Lay vectors where a refresh of this store looks for them: those that are had already, the others made now."""
        with store.rooms.writing(), TemporaryDirectory(prefix="consilience-") as folder:
            commits = store.commits()
            fold.build(store, commits, range(SHARDS))
            passages.build(store, commits, range(SHARDS))
            embedding = _once(self, Path(folder))(self.profile.dense.embedding)
            dense.embed(store, commits, range(SHARDS), embedding)

    @contextmanager
    def filled(self, file: Path) -> Iterator[Shelf]:
        """A throw-away home of one file of records, with everything that searching needs."""
        with TemporaryDirectory(prefix="consilience-") as folder:
            scratch = Path(folder)
            store = Store(home.init(scratch / "home"))
            if self.mesh and self.mesh.is_dir():  # the tree of the home that is measured
                store.rooms.corpora.mkdir(parents=True, exist_ok=True)
                (store.rooms.corpora / "mesh").symlink_to(self.mesh.resolve(), target_is_directory=True)
            embed = _once(self, scratch)
            start = time.perf_counter()
            with store.rooms.writing():
                line = load(store, "records", file, recordfiles.read, known_at=self.now, reader=recordfiles.VERSION,
                            order=None)  # fmt: skip
                if "error" in line:
                    raise BadInputError(f"the corpus cannot be read: {line['error']['message']}", where=file.name)
                commits = store.commits()
                fold.build(store, commits, range(SHARDS))
                passages.build(store, commits, range(SHARDS))
                corpus = Corpus(store, snapshot.build(store, commits))
                loaded = round(time.perf_counter() - start, 3)
                spent = built(corpus, commits, self.profile, embed(self.profile.dense.embedding))
            spent = {"load_seconds": loaded, "quarantined": line["quarantined"], **spent}
            yield Shelf(corpus, commits, self.profile, embed, self.now, scratch, spent)


def _once(shelves: Shelves, scratch: Path) -> Callable[[str | Encoder], Remembered]:
    """Each embedding by its name, made once."""
    made: dict[str | Encoder, Remembered] = {}

    def embed(name: str | Encoder) -> Remembered:
        if name not in made:
            own = shelves.keep or scratch / "vectors"
            made[name] = Remembered(shelves.embed(name), own, shelves.known)
        return made[name]

    return embed


def resident() -> int | None:
    """Bytes of memory this process holds now; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
