"""Finding documents: lexical, dense and both fused, on two clocks, behind one call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import Commit, digest_of
from consilience.errors import BadInputError
from consilience.home import fingerprint, publish, staging
from consilience.indexes import dense, lexical
from consilience.indexes.filters import Filters, Found, Mask, sight
from consilience.indexes.fuse import fuse
from consilience.indexes.profile import Profile
from consilience.models import Embedding

_INPUTS = "inputs"
RETRIEVERS = ("lexical", "dense", "hybrid")


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

    @cached_property
    def lexical(self) -> lexical.Lexical:
        """The Tantivy half."""
        return lexical.Lexical(folder_of(self.corpus, self.profile) / "lexical", self.corpus, self.profile.lexical)

    @cached_property
    def dense(self) -> dense.Dense:
        """The FAISS half."""
        return dense.Dense(folder_of(self.corpus, self.profile) / "dense", self.embedding)

    def search(
        self, query: str, *, top: int, clocks: Clocks, retriever: str = "hybrid", filters: Filters | None = None,
        where: Mask | None = None,
    ) -> list[Hit]:  # fmt: skip
        """At most `top` documents, best first; an empty list is an answer, not an error.

        `where` narrows the rows further (shape: rows of the corpus), beyond the clocks and `filters`.
        """
        if retriever not in RETRIEVERS:
            raise BadInputError(f"no retriever {retriever!r}", where="retriever", expected=", ".join(RETRIEVERS))
        fusion = self.profile.fusion
        depth = max(top, fusion.depth)
        seen = sight(self.corpus, clocks, filters, where)
        rankings: dict[str, list[Found]] = {}
        if retriever != "dense":
            rankings["lexical"] = self.lexical.search(query, depth, seen)
        if retriever != "lexical" and not (retriever == "hybrid" and lexical.is_boolean(query)):
            rankings["dense"] = self.dense.search(query, depth, seen)
        if len(rankings) == 1:
            (only,) = rankings.values()
            merged = [(found.row, found.score) for found in only]
        else:
            merged = fuse(
                {name: [found.row for found in ranking] for name, ranking in rankings.items()},
                weights={str(name): weight for name, weight in fusion.weights.items()}, damping=fusion.damping,
            )  # fmt: skip
        scores = {name: {found.row: found.score for found in ranking} for name, ranking in rankings.items()}
        passages = {found.row: found.passage for found in rankings.get("dense", ())}
        return [
            Hit(row, score, {name: got[row] for name, got in scores.items() if row in got}, passages.get(row))
            for row, score in merged[:top]
        ]
