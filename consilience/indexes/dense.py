"""FAISS over passages: exact inner product, embedded once per text, with both clocks as a selector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.corpus import Corpus
from consilience.corpora.fold import touched_last
from consilience.corpora.passages import PASSAGES, Piece, embedded_text, fields_at, segments
from consilience.corpora.store import SHARDS, Commit, Store, name_of
from consilience.errors import StoreDamagedError
from consilience.home import fingerprint, publish
from consilience.models import Embedding

Progress = Callable[[str, int, int], None]


def vectors_folder(store: Store, embedding: Embedding, shard: int) -> Path:
    """Where the vectors of one model and shard are kept: a cache by content, never rebuilt for its own sake."""
    return store.rooms.indexes / "vectors" / fingerprint([embedding.name, embedding.dimension]) / f"{shard:02d}"


def embed(
    store: Store, commits: Sequence[Commit], shards: Iterable[int], embedding: Embedding, progress: Progress | None = None
) -> int:
    """Embed the passages that have no vector yet, one segment a shard; return how many were embedded."""
    count = 0
    wanted = list(shards)
    for done, shard in enumerate(wanted):
        target = vectors_folder(store, embedding, shard) / f"{name_of(touched_last(commits, shard))}.parquet"
        if target.stem != name_of(0) and not target.exists():
            texts = _unembedded(store, shard, target.parent)
            _write(target, texts, embedding)
            count += len(texts)
        if progress:
            progress("embeddings", done + 1, len(wanted))
    return count


def _unembedded(store: Store, shard: int, folder: Path) -> dict[str, str]:
    known = {key for path in segments(folder) for key in pq.read_table(path, columns=["embedded"])["embedded"].to_pylist()}
    texts: dict[str, str] = {}
    for path in segments(store.folder / "passages" / f"{shard:02d}"):
        for row in pq.read_table(path, schema=PASSAGES).to_pylist():
            if row["embedded"] not in known and row["embedded"] not in texts:
                piece = Piece(row["field"], row["start"], row["end"])
                texts[row["embedded"]] = embedded_text(fields_at(store, row["seq"], row["row"]), piece)
    return texts


def _write(target: Path, texts: dict[str, str], embedding: Embedding) -> None:
    vectors = embedding.encode(list(texts.values())) if texts else np.zeros((0, embedding.dimension), np.float32)
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), embedding.dimension)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}")
    table = pa.table({"embedded": pa.array(list(texts), pa.string()), "vector": values})
    pq.write_table(table, staged, compression="none", use_dictionary=False)
    publish(staged, target)


def build(folder: Path, corpus: Corpus, commits: Sequence[Commit], embedding: Embedding) -> int:
    """Write the flat index of a snapshot: FAISS id i is line i of `rows.parquet` (passage, document row)."""
    import faiss

    folder.mkdir(parents=True)
    index = faiss.IndexFlatIP(embedding.dimension)
    owners: list[tuple[int, int]] = []
    rows_of = _rows_of_versions(corpus)
    documents, versions, keys = (corpus.passages[name].to_pylist() for name in ("id", "version", "embedded"))
    position = 0
    for shard in range(SHARDS):
        if not touched_last(commits, shard):
            continue
        size = sum(pq.read_metadata(p).num_rows for p in segments(corpus.store.folder / "passages" / f"{shard:02d}"))
        where, vectors = _vectors(corpus.store, embedding, shard)
        taken: list[int] = []
        for passage in range(position, position + size):
            for row in rows_of.get((documents[passage], versions[passage]), ()):
                if keys[passage] not in where:
                    raise StoreDamagedError(
                        "a passage has no vector", where="indexes/store/vectors", expected="delete that folder and refresh"
                    )
                taken.append(where[keys[passage]])
                owners.append((passage, row))
        if taken:
            index.add(np.ascontiguousarray(vectors[taken]))
        position += size
    faiss.write_index(index, str(folder / "flat.faiss"))
    pq.write_table(
        pa.table({"passage": pa.array([p for p, _ in owners], pa.int32()), "row": pa.array([r for _, r in owners], pa.int32())}),
        folder / "rows.parquet",
    )  # fmt: skip
    return len(owners)


def _rows_of_versions(corpus: Corpus) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    pairs = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
    for row, key in enumerate(pairs):
        if corpus.alive[row]:
            found.setdefault(key, []).append(row)
    return found


def _vectors(store: Store, embedding: Embedding, shard: int) -> tuple[dict[str, int], npt.NDArray[np.float32]]:
    tables = [pq.read_table(path) for path in segments(vectors_folder(store, embedding, shard))]
    table = pa.concat_tables(tables).combine_chunks()
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    where = {key: i for i, key in enumerate(table["embedded"].to_pylist())}
    return where, flat.reshape(-1, embedding.dimension).astype(np.float32, copy=False)


class Dense:
    """A built FAISS index, memory-mapped for reading."""

    def __init__(self, folder: Path) -> None:
        import faiss

        path = folder / "flat.faiss"
        if not path.exists():
            raise StoreDamagedError("the dense index is missing", where="indexes/store", expected="consilience refresh")
        self._faiss = faiss
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        owners = pq.read_table(folder / "rows.parquet")
        self.passages: npt.NDArray[np.int32] = owners["passage"].to_numpy()
        self.rows: npt.NDArray[np.int32] = owners["row"].to_numpy()

    def search(
        self, vector: npt.NDArray[np.float32], limit: int, visible: npt.NDArray[np.bool_]
    ) -> list[tuple[int, int, float]]:
        """The best passages among visible document rows: (row, passage, cosine), best first, ties by passage."""
        if not len(self.rows) or limit < 1:
            return []
        allowed = visible[self.rows]
        selector = self._faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        options: Any = self._faiss.SearchParameters(sel=selector)
        scores, found = self._index.search(vector.reshape(1, -1), min(limit + 20, len(self.rows)), params=options)
        hits = [(int(self.rows[i]), int(self.passages[i]), float(s)) for s, i in zip(scores[0], found[0], strict=True) if i >= 0]
        return sorted(hits, key=lambda hit: (-hit[2], hit[1], hit[0]))[:limit]
