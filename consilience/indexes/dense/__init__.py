"""FAISS over passages: embedded once per text, in parts that never change, with both clocks as a selector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.corpus import Corpus
from consilience.indexes.dense import parts
from consilience.indexes.dense.library import engine, engines
from consilience.indexes.dense.search import Dense
from consilience.indexes.dense.vectors import Vectors, embed, vectors_folder, vectors_of
from consilience.indexes.profile import DenseProfile
from consilience.models import Embedding
from consilience.records import shard_of

__all__ = ["Dense", "Entries", "Vectors", "assemble", "build", "embed", "engine", "engines", "parts", "vectors_folder"]


@dataclass(frozen=True, slots=True)
class Entries:
    """What is found by vectors: passages, the document row of each, and the key of its text; all of one length.

    A passage has an entry for every row that says it, and equal texts share one vector.
    """

    passages: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    texts: pa.Array


def build(
    folder: Path, corpus: Corpus, embedding: Embedding, profile: DenseProfile | None = None,
    earlier: Iterable[Path] = (),
) -> int:  # fmt: skip
    """Write the index of a snapshot on the parts of earlier ones (their folders); return how many entries it has."""
    passages, rows = entries_of(corpus)
    texts = corpus.passages["embedded"].combine_chunks()

    def vectors(keys: Sequence[str]) -> Vectors:
        shards = _shards(corpus, texts, keys)
        return vectors_of(corpus.store, embedding, {key: shards[key] for key in keys})

    entries = Entries(passages, rows, texts.take(pa.array(passages)))
    assemble(folder, entries, vectors, profile or DenseProfile(), earlier)
    return len(rows)


def assemble(
    folder: Path, entries: Entries, vectors: Callable[[Sequence[str]], Vectors], profile: DenseProfile,
    earlier: Iterable[Path] = (),
) -> None:  # fmt: skip
    """Write an index of these entries; `vectors` is asked for those of texts that no earlier part has.

    `rows.parquet` says of each entry where its vector lies: in which part, at which place.
    """
    folder.mkdir(parents=True)
    made = parts.make(engine(), folder, parts.plan(entries.texts.unique(), earlier), vectors, profile)
    part, place = parts.places_of(made, entries.texts)
    order = np.lexsort((entries.rows, entries.passages, place, part))
    columns: dict[str, npt.NDArray[Any]] = {
        "part": part, "place": place, "passage": entries.passages, "row": entries.rows
    }  # fmt: skip
    pq.write_table(pa.table({name: values[order] for name, values in columns.items()}), folder / "rows.parquet")


def entries_of(corpus: Corpus) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Each passage with each live row of its version, in the order of passages."""
    rows_of: dict[tuple[str, str], list[int]] = {}
    versions = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
    for row, key in enumerate(versions):
        if corpus.alive[row]:
            rows_of.setdefault(key, []).append(row)
    cut = zip(corpus.passages["id"].to_pylist(), corpus.passages["version"].to_pylist(), strict=True)
    found = [(passage, row) for passage, key in enumerate(cut) for row in rows_of.get(key, ())]
    pairs = np.array(found, np.int32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _shards(corpus: Corpus, texts: pa.Array, keys: Sequence[str]) -> dict[str, int]:
    """The shard of a document that says each of these texts: where its vector is kept."""
    wanted = set(keys)
    pairs = zip(texts.to_pylist(), corpus.passages["id"].to_pylist(), strict=True)
    return {key: shard_of(document) for key, document in pairs if key in wanted}
