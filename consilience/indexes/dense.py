"""FAISS over passages: exact inner product, embedded once per text, with both clocks as a selector."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora import passages, segments
from consilience.corpora.corpus import Corpus
from consilience.corpora.fold import touched_last
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.errors import BadInputError, StoreDamagedError
from consilience.home import Progress, fingerprint
from consilience.indexes.filters import Found, Mask, Sight
from consilience.models import Embedding

# How many texts are embedded in one call: enough to fill batches of every length.
_TOGETHER = 2000


def engines(installed: Callable[[str], str] = installed_version) -> list[str]:
    """Which builds of FAISS are installed: `faiss-cpu`, `faiss-gpu`, or, wrongly, both."""
    found = []
    for name in ("faiss-cpu", "faiss-gpu"):
        with contextlib.suppress(PackageNotFoundError):
            installed(name)
            found.append(name)
    return found


def engine() -> Any:
    """The FAISS module; two builds under one import name would break each other silently, so both are refused."""
    if len(found := engines()) != 1:
        raise BadInputError(
            f"FAISS is installed {'twice: ' + ' and '.join(found) if found else 'not at all'}",
            where="faiss",
            expected="one of the extras cpu and gpu",
        )
    import faiss

    return faiss


def vectors_folder(store: Store, embedding: Embedding, shard: int) -> Path:
    """Where the vectors of one model and shard are kept: a cache by content, never rebuilt for its own sake."""
    return store.rooms.indexes / "vectors" / fingerprint([embedding.name, embedding.dimension]) / f"{shard:02d}"


def embed(
    store: Store,
    commits: Sequence[Commit],
    shards: Iterable[int],
    embedding: Embedding,
    progress: Progress | None = None,
) -> int:
    """Embed the passages that have no vector yet, one segment a shard; return how many were embedded.

    Small shards are embedded together, so that batches stay full; a kill costs at most one such group.
    """
    wanted = list(shards)
    group: dict[Path, dict[str, str]] = {}
    count = 0
    for done, shard in enumerate(wanted):
        # Named by how passages are cut, too: another cut has texts without a vector, beside those that keep theirs.
        folder = vectors_folder(store, embedding, shard)
        target = segments.due(folder, touched_last(commits, shard), f"-{passages.VERSION}")
        if target is not None:
            group[target] = _unembedded(store, shard, target.parent)
        if sum(map(len, group.values())) >= _TOGETHER or done == len(wanted) - 1:
            count += _encode(group, embedding)
            group = {}
        if progress:
            progress("embeddings", done + 1, len(wanted))
    return count


def _encode(group: dict[Path, dict[str, str]], embedding: Embedding) -> int:
    texts = [text for of_shard in group.values() for text in of_shard.values()]
    vectors = embedding.encode(texts) if texts else np.zeros((0, embedding.dimension), np.float32)
    at = 0
    for target, of_shard in group.items():
        _write(target, list(of_shard), vectors[at : at + len(of_shard)])
        at += len(of_shard)
    return len(texts)


def _unembedded(store: Store, shard: int, folder: Path) -> dict[str, str]:
    known = segments.values(folder, "embedded")
    texts: dict[str, str] = {}
    cut = segments.read(passages.folder_of(store, shard), passages.PASSAGES)
    for row in cut.to_pylist() if cut is not None else []:
        if row["embedded"] not in known and row["embedded"] not in texts:
            piece = passages.Piece(row["field"], row["start"], row["end"])
            texts[row["embedded"]] = passages.embedded_text(passages.fields_at(store, row["seq"], row["row"]), piece)
    return texts


def _write(target: Path, keys: list[str], vectors: npt.NDArray[np.float32]) -> None:
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), vectors.shape[1])
    segments.write(target, pa.table({"embedded": pa.array(keys, pa.string()), "vector": values}), compression="none")


def build(folder: Path, corpus: Corpus, commits: Sequence[Commit], embedding: Embedding) -> int:
    """Write the flat index of a snapshot: FAISS id i is line i of `rows.parquet` (passage, document row)."""
    faiss = engine()
    folder.mkdir(parents=True)
    index = faiss.IndexFlatIP(embedding.dimension)
    owners: list[tuple[int, int]] = []
    rows_of = _rows_of_versions(corpus)
    documents, versions, keys = (corpus.passages[name].to_pylist() for name in ("id", "version", "embedded"))
    position = 0
    for shard in (s for s in range(SHARDS) if touched_last(commits, s)):
        cut = segments.read(passages.folder_of(corpus.store, shard), passages.PASSAGES)
        size = cut.num_rows if cut is not None else 0
        here = [(passage, row) for passage in range(position, position + size)
                for row in rows_of.get((documents[passage], versions[passage]), ())]  # fmt: skip
        if here:
            index.add(_vectors(corpus.store, embedding, shard, [keys[passage] for passage, _ in here]))
        owners += here
        position += size
    faiss.write_index(index, str(folder / "flat.faiss"))
    columns = {"passage": [passage for passage, _ in owners], "row": [row for _, row in owners]}
    pq.write_table(pa.table({n: pa.array(v, pa.int32()) for n, v in columns.items()}), folder / "rows.parquet")
    return len(owners)


def _rows_of_versions(corpus: Corpus) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    pairs = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
    for row, key in enumerate(pairs):
        if corpus.alive[row]:
            found.setdefault(key, []).append(row)
    return found


def _vectors(store: Store, embedding: Embedding, shard: int, keys: Sequence[str]) -> npt.NDArray[np.float32]:
    """The vectors of these texts, shape (len(keys), dimension)."""
    table = segments.read(vectors_folder(store, embedding, shard))
    where = {key: i for i, key in enumerate(table["embedded"].to_pylist())} if table is not None else {}
    if table is None or any(key not in where for key in keys):
        raise StoreDamagedError(
            "a passage has no vector", where="indexes/store/vectors", expected="delete that folder and refresh"
        )
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(-1, embedding.dimension).astype(np.float32, copy=False)
    return np.ascontiguousarray(vectors[[where[key] for key in keys]])


class Dense:
    """A built FAISS index, memory-mapped for reading."""

    def __init__(self, folder: Path, embedding: Embedding) -> None:
        faiss = engine()
        path = folder / "flat.faiss"
        if not path.exists():
            raise StoreDamagedError("the dense index is missing", where="indexes/store", expected="consilience refresh")
        self._faiss = faiss
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        self._embedding = embedding
        self._encoded: dict[str, npt.NDArray[np.float32]] = {}
        owners = pq.read_table(folder / "rows.parquet")
        self.passages: npt.NDArray[np.int32] = owners["passage"].to_numpy()
        self.rows: npt.NDArray[np.int32] = owners["row"].to_numpy()

    def search(self, query: str, limit: int, sight: Sight) -> list[Found]:
        """The best documents in sight by the cosine of their best passage, best first, ties by row."""
        best: dict[int, Found] = {}
        for found in self.nearest(self._vector(query), limit * 2, sight.allowed):
            best.setdefault(found.row, found)
        return list(best.values())[:limit]

    def nearest(self, vector: npt.NDArray[np.float32], limit: int, allowed: Mask) -> list[Found]:
        """The best passages among allowed document rows: their cosine, best first, ties by row.

        A query without a word the model knows has no direction, and finds nothing.
        """
        if not len(self.rows) or limit < 1 or not vector.any():
            return []
        selector = self._faiss.IDSelectorBitmap(np.packbits(allowed[self.rows], bitorder="little"))
        options: Any = self._faiss.SearchParameters(sel=selector)
        scores, found = self._index.search(vector.reshape(1, -1), min(limit + 20, len(self.rows)), params=options)
        hits = [
            Found(int(self.rows[i]), float(s), int(self.passages[i]))
            for s, i in zip(scores[0], found[0], strict=True)
            if i >= 0
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.row, hit.passage))[:limit]

    def _vector(self, query: str) -> npt.NDArray[np.float32]:
        found = self._encoded.get(query)
        if found is None:
            if len(self._encoded) > 256:
                self._encoded.clear()
            found = self._encoded[query] = self._embedding.encode_query(query)
        return found
