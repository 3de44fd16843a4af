"""Vectors by content: each text is embedded once, whatever snapshot asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.batches import Engine, map_batches
from consilience.corpora import passages, segments
from consilience.corpora.fold import touched_last
from consilience.corpora.store import Commit, Store
from consilience.errors import StoreDamagedError
from consilience.home import Progress, fingerprint
from consilience.models import Embedding

Vectors = npt.NDArray[np.float32]
# The texts to embed, by the segment they go into and by their key.
Group = dict[Path, dict[str, str]]

# How many texts are embedded in one call: enough to fill batches of every length.
_TOGETHER = 2000


def vectors_folder(store: Store, embedding: Embedding, shard: int) -> Path:
    """Where the vectors of one model and shard are kept: a cache by content, never rebuilt for its own sake."""
    return store.rooms.indexes / "vectors" / fingerprint([embedding.name, embedding.dimension]) / f"{shard:02d}"


def form(dimension: int) -> pa.Schema:
    """How vectors are kept: the key of a text, and its vector."""
    return pa.schema({"embedded": pa.string(), "vector": pa.list_(pa.float32(), dimension)})


def table_of(keys: Sequence[str], vectors: Vectors) -> pa.Table:
    """Vectors of shape (len(keys), dimension) in the form they are kept in."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), vectors.shape[1])
    return pa.table([pa.array(keys, pa.string()), values], schema=form(vectors.shape[1]))


def rows_of(column: pa.ChunkedArray, dimension: int) -> Vectors:
    """The vectors of such a column, shape (len(column), dimension); they may only be read."""
    values: Vectors = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return values.reshape(-1, dimension)


def embed(
    store: Store,
    commits: Sequence[Commit],
    shards: Iterable[int],
    embedding: Embedding,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> int:
    """Embed the passages that have no vector yet, one segment a shard; return how many were embedded.

    Small shards are embedded together, so that batches stay full; a kill costs at most the groups in work.
    """
    wanted = list(shards)
    pending: deque[tuple[Group, int]] = deque()  # what is in work, in order

    def texts() -> Iterator[list[str]]:
        for group, done in _groups(store, commits, wanted, embedding):
            if found := [text for of_shard in group.values() for text in of_shard.values()]:
                pending.append((group, done))
                yield found
            else:  # nothing new in it, which must be remembered too
                _write_all(group, np.zeros((0, embedding.dimension), np.float32))

    count = 0
    for vectors in map_batches(partial(_encoder, embedding), texts(), engine):
        group, done = pending.popleft()
        _write_all(group, vectors)
        count += len(vectors)
        if progress:
            progress("embeddings", done, len(wanted))
    if progress:
        progress("embeddings", len(wanted), len(wanted))
    return count


def _encoder(embedding: Embedding) -> Callable[[Sequence[str]], Vectors]:
    return embedding.encode


def _groups(
    store: Store, commits: Sequence[Commit], wanted: Sequence[int], embedding: Embedding
) -> Iterator[tuple[Group, int]]:
    """The texts without a vector of some shards at a time, by segment and key, and how many shards are done then."""
    group: Group = {}
    for done, shard in enumerate(wanted, start=1):
        # Named by how passages are cut, too: another cut has texts without a vector, beside those that keep theirs.
        folder = vectors_folder(store, embedding, shard)
        target = segments.due(folder, touched_last(commits, shard), f"-{passages.VERSION}")
        if target is not None:
            group[target] = _unembedded(store, shard, target.parent)
        if sum(map(len, group.values())) >= _TOGETHER or done == len(wanted):
            yield group, done
            group = {}


def _write_all(group: Group, vectors: Vectors) -> None:
    at = 0
    for target, of_shard in group.items():
        segments.write(target, table_of(list(of_shard), vectors[at : at + len(of_shard)]), compression="none")
        at += len(of_shard)


def _unembedded(store: Store, shard: int, folder: Path) -> dict[str, str]:
    known = segments.values(folder, "embedded")
    texts: dict[str, str] = {}
    cut = segments.read(passages.folder_of(store, shard), passages.PASSAGES)
    for row in cut.to_pylist() if cut is not None else []:
        if row["embedded"] not in known and row["embedded"] not in texts:
            piece = passages.Piece(row["field"], row["start"], row["end"])
            texts[row["embedded"]] = passages.embedded_text(passages.fields_at(store, row["seq"], row["row"]), piece)
    return texts


def vectors_of(store: Store, embedding: Embedding, wanted: Mapping[str, int]) -> Vectors:
    """The vectors of these texts, each named with its shard, in order; shape (len(wanted), dimension)."""
    made = np.empty((len(wanted), embedding.dimension), np.float32)
    by_shard: dict[int, dict[str, int]] = {}
    for place, (key, shard) in enumerate(wanted.items()):
        by_shard.setdefault(shard, {})[key] = place
    for shard, missing in by_shard.items():
        # The newest first: what an update lacks is in the segment written last, and no other need be read.
        for path in reversed(segments.paths(vectors_folder(store, embedding, shard))):
            if missing:
                _fill(made, path, missing)
        if missing:
            raise StoreDamagedError(
                "a passage has no vector", where="indexes/store/vectors", expected="delete that folder and refresh"
            )
    return made


def _fill(made: Vectors, path: Path, missing: dict[str, int]) -> None:
    keys = pq.read_table(path, columns=["embedded"])["embedded"].to_pylist()
    found = [(line, missing.pop(key)) for line, key in enumerate(keys) if key in missing]
    if found:
        lines, places = (list(each) for each in zip(*found, strict=True))
        made[places] = rows_of(pq.read_table(path, columns=["vector"])["vector"], made.shape[1])[lines]
