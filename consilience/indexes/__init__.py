"""Finding documents: lexical, dense and both fused, on two clocks, behind one call."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import Commit, digest_of
from consilience.errors import BadInputError
from consilience.home import fingerprint, publish, same_file, staging
from consilience.indexes import cluster, dense, facets, lexical
from consilience.indexes.asides import to_the_point
from consilience.indexes.boolean import run, strategy
from consilience.indexes.expand import Again, Expander, Synonyms
from consilience.indexes.filters import Filters, Found, Mask, Sights
from consilience.indexes.fuse import Ranked, fuse
from consilience.indexes.neighbours import agreed
from consilience.indexes.profile import Intent, Profile
from consilience.indexes.rerank import reranked
from consilience.indexes.views import Viewer
from consilience.models import Embedding
from consilience.models.reranking import Reranker, reranker_by_name

_INPUTS = "inputs"
_FACETS = "facets"
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
    return corpus.store.rooms.indexes / profile.built / corpus.name


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
            shutil.copytree(same, made, copy_function=same_file)
        else:
            made.mkdir()
            before = _earlier(corpus, earlier)
            analysed = lexical.build(made / "lexical", corpus, profile.lexical, before)
            known = facets.Facets(before.folder.parent / _FACETS) if before else None
            facets.build(made / _FACETS, corpus, known, before.rows if before else None)
            if profile.cluster:
                bearing = facets.Facets(made / _FACETS)
                cluster.build(made / "dense", corpus, embedding, profile.cluster, bearing, target.parent)
            else:
                vectors = [path.parent / "dense" for path in earlier]
                dense.build(made / "dense", corpus, embedding, profile.dense, vectors)
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


@dataclass
class Index:
    """The index of one snapshot, opened for reading; parts are loaded when first asked."""

    corpus: Corpus
    profile: Profile
    embedding: Embedding
    synonyms: Callable[[], Synonyms] | None = None

    @cached_property
    def lexical(self) -> lexical.Lexical:
        """The Tantivy half."""
        return lexical.Lexical(folder_of(self.corpus, self.profile) / "lexical", self.corpus, self.profile.lexical)

    @cached_property
    def dense(self) -> cluster.Searched:
        """The half of vectors: FAISS, or Milvus where the profile names one."""
        folder = folder_of(self.corpus, self.profile)
        if (named := self.profile.cluster) is not None:
            return cluster.Cluster(folder / "dense", self.corpus, self.embedding, named, folder.parent)
        return dense.Dense(folder / "dense", self.embedding, self.profile.dense)

    @cached_property
    def facets(self) -> facets.Facets:
        """What each row bears that filters ask for."""
        return facets.Facets(folder_of(self.corpus, self.profile) / _FACETS)

    @cached_property
    def sights(self) -> Sights:
        """What searches may see: by both clocks, and by what documents bear."""
        # By what refers to nothing here: in a circle, a reader that is dropped would go on holding its snapshot.
        return Sights(self.corpus, partial(facets.Facets, folder_of(self.corpus, self.profile) / _FACETS))

    @cached_property
    def viewer(self) -> Viewer:
        """What scores hits by several views, where their intent asks for it."""
        return Viewer(self.corpus, self.profile.views)

    @cached_property
    def expander(self) -> Expander:
        """What asks a query again in other words, where the profile has it do so."""
        named = self.synonyms() if self.synonyms and self.profile.expansion.synonyms else None
        return Expander(self.corpus, self.lexical, self.dense, self.embedding, self.profile.expansion, named)

    @cached_property
    def reranker(self) -> Reranker | None:
        """What reads the first documents again, where the profile names one."""
        name = self.profile.rerank.model
        return reranker_by_name(name) if name else None

    def counted(self, asked: strategy.Strategy, clocks: Clocks, filters: Filters | None = None) -> list[run.Counted]:
        """Each line of a Boolean strategy with how many documents in sight it finds."""
        return [found for found, _ in self.lexical.run(self.sights.of(clocks, filters)).lines(asked)]

    def cautions(self, asked: strategy.Strategy) -> list[str]:
        """What of a Boolean strategy is run here otherwise than PubMed or Ovid would."""
        return run.cautions(asked, self.lexical.mesh.tree)

    def search(
        self, query: str, *, top: int, clocks: Clocks, retriever: str = "hybrid", filters: Filters | None = None,
        where: Mask | None = None, intent: Intent = "relevance", syntax: str = "auto",
    ) -> list[Hit]:  # fmt: skip
        """At most `top` documents, best first by what the profile weighs for the intent; an empty list is an answer.

        `where` narrows the rows further (shape: rows of the corpus), beyond the clocks and `filters`. By its `syntax`
        the query is words, or Boolean: then it says which documents are found, and the retriever ranks them (hybrid as
        lexical does).
        """
        if retriever not in RETRIEVERS:
            raise BadInputError(f"no retriever {retriever!r}", where="retriever", expected=", ".join(RETRIEVERS))
        asked = strategy.of_query(query, syntax)
        boolean = asked is not None
        if self.profile.query.asides and not boolean:
            query = to_the_point(query)
        depth = max(top, self.profile.fusion.depth)
        seen = self.sights.of(clocks, filters, where)
        if asked is not None and retriever == "dense":  # vectors rank what the strategy finds, and nothing else
            seen = replace(seen, allowed=self.lexical.run(seen).whole(asked))
            query = run.scored_text(asked)

        def found(again: Again) -> tuple[dict[str, list[Found]], Ranked]:
            rankings: dict[str, list[Found]] = {}
            if retriever != "dense":
                rankings["lexical"] = self.lexical.search(query, depth, seen, syntax=syntax, added=again.terms)
            if retriever != "lexical" and not (retriever == "hybrid" and boolean):
                rankings["dense"] = self.dense.search(query, depth, seen, towards=again.towards)
            return rankings, self._merged(rankings, depth)

        rankings, merged = found(Again())
        if self.profile.expansion.on and not boolean:
            again = self.expander.again(query, merged, clocks, retriever)
            rankings, merged = found(again) if again else (rankings, merged)
        scores = {name: {found.row: found.score for found in ranking} for name, ranking in rankings.items()}
        if retriever == "hybrid" and not boolean:
            merged, scores["neighbours"] = self._agreed(query, merged)
            merged, scores["rerank"] = self._reread(query, merged)
        passages = {found.row: found.passage for found in rankings.get("dense", ())}
        views: dict[int, Mapping[str, float]] = {}
        if merged and self.viewer.has(intent):
            first = [row for row, _ in merged[: self.profile.views.depth]]
            viewed = self.viewer.ordered(merged, self.dense.best_passages(query, first), intent, clocks)
            merged, views = [(row, score) for row, score, _ in viewed], {row: seen for row, _, seen in viewed}
        return [
            Hit(row, score, {**{name: got[row] for name, got in scores.items() if row in got}, **views.get(row, {})},
                passages.get(row))
            for row, score in merged[:top]
        ]  # fmt: skip

    def _merged(self, rankings: Mapping[str, list[Found]], depth: int) -> Ranked:
        if len(rankings) > 1:
            return fuse(rankings, self.profile.fusion, depth)
        (only,) = rankings.values()
        return [(found.row, found.score) for found in only]

    def _reread(self, query: str, merged: Ranked) -> tuple[Ranked, dict[int, float]]:
        """The first documents by what the profile's reranker makes of their texts, if it names one."""
        if self.reranker is None:
            return merged, {}
        first = [self.corpus.document(row).fields for row, _ in merged[: self.profile.rerank.documents]]
        texts = [" ".join(fields.values()) for fields in first]
        return reranked(query, merged, texts, self.reranker, self.profile.rerank)

    def _agreed(self, query: str, merged: Ranked) -> tuple[Ranked, dict[int, float]]:
        """The best documents moved towards what resembles them, and by how much each was moved."""
        profile = self.profile.neighbours
        first = merged[: profile.documents]
        if profile.share == 0 or len(first) < 2:
            return merged, {}
        rows = [row for row, _ in first]
        changes = agreed(np.array([score for _, score in first]), self.dense.best_passages(query, rows), profile)
        moved = dict(zip(rows, changes.tolist(), strict=True))
        ordered = [(row, score + moved.get(row, 0.0)) for row, score in merged]
        return sorted(ordered, key=lambda item: (-item[1], item[0])), moved
