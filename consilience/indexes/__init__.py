"""Finding documents: lexical, dense and both fused, on two clocks, behind one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import Commit
from consilience.errors import BadInputError
from consilience.home import publish, staging
from consilience.indexes import dense, lexical
from consilience.indexes.fuse import fuse
from consilience.indexes.profile import Profile
from consilience.models import Embedding

Retriever = Literal["lexical", "dense", "hybrid"]
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


def build(corpus: Corpus, commits: Sequence[Commit], profile: Profile, embedding: Embedding) -> bool:
    """Build the index of a snapshot unless it is there; say whether anything was written."""
    target = folder_of(corpus, profile)
    if target.exists():
        return False
    with staging(corpus.store.rooms.indexes, "index") as scratch:
        made = scratch / "made"
        made.mkdir()
        lexical.build(made / "lexical", corpus, profile.lexical)
        dense.build(made / "dense", corpus, commits, embedding)
        publish(made, target)
    return True


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
