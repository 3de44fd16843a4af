"""Finding documents: lexical, dense and both fused, on two clocks, behind one call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import Commit, digest_of
from consilience.errors import BadInputError
from consilience.home import fingerprint, publish, staging
from consilience.indexes import dense, lexical
from consilience.indexes.fuse import fuse
from consilience.indexes.profile import Profile
from consilience.models import Embedding

Retriever = Literal["lexical", "dense", "hybrid"]
_INPUTS = "inputs"
RETRIEVERS: tuple[str, ...] = get_args(Retriever)


@dataclass(frozen=True, slots=True)
class Hit:
    """One document found: its row, its score, what each retriever gave it, its best passage if one is known."""

    row: int
    score: float
    parts: Mapping[str, float]
    passage: int | None = None


def folder_of(corpus: Corpus, profile: Profile) -> Path:
    """Where the index of one snapshot by one profile lies."""
    return corpus.store.rooms.indexes / profile.version / corpus.name


@dataclass(frozen=True, slots=True)
class Built:
    """What building an index came to: whether it was written, with how many rows, and how many were analysed.

    An index that was taken over whole has no rows of its own; a row is analysed if no earlier index knows its words.
    """

    written: bool
    indexed: int = 0
    analysed: int = 0


def build(corpus: Corpus, commits: Sequence[Commit], profile: Profile, embedding: Embedding) -> Built:
    """Build the index of a snapshot unless it is there; take over what an earlier one of the same profile has."""
    target = folder_of(corpus, profile)
    if target.exists():
        return Built(written=False)
    indexed = analysed = 0
    with staging(corpus.store.rooms.indexes, "index") as scratch:
        made = scratch / "made"
        inputs = _inputs(snapshot.folder_of(corpus.store, corpus.name))
        earlier = sorted(path for path in target.parent.glob(f"[!.]*/{_INPUTS}"))
        same = next((path.parent for path in earlier if path.read_text(encoding="utf-8") == inputs), None)
        if same:  # a retraction changes what documents are worth, not what they say
            shutil.copytree(same, made, copy_function=_link)
        else:
            made.mkdir()
            analysed = lexical.build(made / "lexical", corpus, profile.lexical, _earlier(corpus, earlier))
            dense.build(made / "dense", corpus, commits, embedding)
            indexed = int(corpus.alive.sum())
            (made / _INPUTS).write_text(inputs, encoding="utf-8")
        publish(made, target)
    return Built(True, indexed, analysed)


def _inputs(made_of: Path) -> str:
    """The name of what an index is made from, beside its profile: the rows of a snapshot."""
    return fingerprint([digest_of(made_of / f"{name}.parquet") for name in ("documents", "passages")])


def _earlier(corpus: Corpus, built: Sequence[Path]) -> lexical.Earlier | None:
    """The largest index built before whose snapshot is still there."""
    found: lexical.Earlier | None = None
    for path in built:
        documents = snapshot.folder_of(corpus.store, path.parent.name) / "documents.parquet"
        if documents.exists():
            table = pq.read_table(documents, columns=["id", "version", "deleted"])
            rows = {(document, version): row for row, (document, version, gone) in enumerate(
                zip(*(column.to_pylist() for column in table.columns), strict=True)) if not gone}  # fmt: skip
            if found is None or len(rows) > len(found.rows):
                found = lexical.Earlier(path.parent / "lexical", rows)
    return found


def _link(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without links
        shutil.copyfile(old, new)


@dataclass
class Index:
    """The index of one snapshot, opened for reading; parts are loaded when first asked."""

    corpus: Corpus
    profile: Profile
    embedding: Embedding
    _encoded: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @cached_property
    def lexical(self) -> lexical.Lexical:
        """The Tantivy half."""
        return lexical.Lexical(folder_of(self.corpus, self.profile) / "lexical", self.corpus, self.profile.lexical)

    @cached_property
    def dense(self) -> dense.Dense:
        """The FAISS half."""
        return dense.Dense(folder_of(self.corpus, self.profile) / "dense")

    def search(
        self, query: str, *, top: int, clocks: Clocks, retriever: str = "hybrid", designs: Sequence[str] = (),
        where: npt.NDArray[np.bool_] | None = None,
    ) -> list[Hit]:  # fmt: skip
        """At most `top` documents, best first; an empty list is an answer, not an error.

        `where` narrows the rows further (shape: rows of the corpus), beyond the clocks and `designs`.
        """
        if retriever not in RETRIEVERS:
            raise BadInputError(f"no retriever {retriever!r}", where="retriever", expected=", ".join(RETRIEVERS))
        fusion = self.profile.fusion
        depth = max(top, fusion.depth)
        visible = self._visible(clocks, designs, where)
        rankings: dict[str, list[int]] = {}
        scores: dict[str, dict[int, float]] = {}
        passages: dict[int, int] = {}
        if retriever != "dense":
            wide = depth if where is None else depth * 5
            found = [(row, s) for row, s in self.lexical.search(query, wide, clocks, designs=designs) if visible[row]]
            rankings["lexical"], scores["lexical"] = [row for row, _ in found[:depth]], dict(found)
        if retriever != "lexical" and not (retriever == "hybrid" and lexical.is_boolean(query)):
            best: dict[int, float] = {}
            for row, passage, cosine in self.dense.search(self._vector(query), depth * 2, visible):
                if row not in best:
                    best[row], passages[row] = cosine, passage
            rankings["dense"], scores["dense"] = list(best)[:depth], best
        if len(rankings) == 1:
            ((name, rows),) = rankings.items()
            merged = [(row, scores[name][row]) for row in rows]
        else:
            merged = fuse(
                rankings, weights={str(name): weight for name, weight in fusion.weights.items()}, damping=fusion.damping
            )
        return [
            Hit(row, score, {name: got[row] for name, got in scores.items() if row in got}, passages.get(row))
            for row, score in merged[:top]
        ]

    def _visible(
        self, clocks: Clocks, designs: Sequence[str], where: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.bool_]:
        visible = self.corpus.visible(clocks)
        if designs:
            visible &= self.corpus.among("design", designs)
        return visible if where is None else visible & where

    def _vector(self, query: str) -> npt.NDArray[np.float32]:
        found = self._encoded.get(query)
        if found is None:
            if len(self._encoded) > 256:
                self._encoded.clear()
            found = self._encoded[query] = self.embedding.encode_query(query)
        return found
