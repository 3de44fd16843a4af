"""Vectors that are computed once: an embedding beside a folder of what it has said before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.passages import text_key
from consilience.home import STAGED, fingerprint, publish
from consilience.indexes.dense.vectors import Vectors, form, rows_of, table_of
from consilience.models import Embedding


class Remembered:
    """An embedding that asks its model only for texts of which no folder holds a vector.

    Folders are laid out as `indexes/store/vectors` is, `<model>/**/*.parquet` with the columns `embedded` (the text's
    key) and `vector`, so that a home's own vectors serve too. What is new goes to `own`; questions are never kept,
    because how long they take is measured.
    """

    def __init__(self, model: Embedding, own: Path, others: Iterable[Path] = ()) -> None:
        self.name, self.dimension = model.name, model.dimension
        self.embedded = self.known = 0
        self._model = model
        self._own = own / fingerprint([model.name, model.dimension])
        self._others = [folder / self._own.name for folder in others]
        self._places: dict[str, tuple[Path, int]] | None = None

    def __getattr__(self, name: str) -> Any:
        """Whatever else the model has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension), L2-normalised, in order."""
        keys = [text_key(text) for text in texts]
        found = self._kept(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        self.known, self.embedded = self.known + len(found), self.embedded + len(missing)
        if missing:
            vectors = self._model.encode(list(missing.values()))
            self._keep(list(missing), vectors)
            found |= dict(zip(missing, vectors, strict=True))
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, self.dimension), np.float32)

    def encode_query(self, text: str) -> Vectors:
        """One vector of shape (dimension,), L2-normalised."""
        return self._model.encode_query(text)

    def _kept(self, wanted: set[str]) -> dict[str, Vectors]:
        if self._places is None:
            wanted_form, folders = form(self.dimension), (self._own, *self._others)
            self._places = {key: place for folder in folders for key, place in _places(folder, wanted_form)}
        by_file: dict[Path, list[tuple[str, int]]] = {}
        for key in wanted & self._places.keys():
            path, row = self._places[key]
            by_file.setdefault(path, []).append((key, row))
        found: dict[str, Vectors] = {}
        for path, places in by_file.items():
            column = pq.read_table(path, columns=["vector"])["vector"].take([row for _, row in places])
            values = rows_of(column, self.dimension)
            found |= {key: vector for (key, _), vector in zip(places, values, strict=True)}
        return found

    def _keep(self, keys: list[str], vectors: Vectors) -> None:
        target = self._own / f"{fingerprint(sorted(keys))}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{STAGED}{os.getpid()}-{target.name}")
        pq.write_table(table_of(keys, vectors), staged, compression="none", use_dictionary=False)
        publish(staged, target)
        if self._places is not None:
            self._places |= {key: (target, row) for row, key in enumerate(keys)}


def _places(folder: Path, wanted: pa.Schema) -> Iterable[tuple[str, tuple[Path, int]]]:
    """Where each text's vector lies; a file of another form, or a torn one, holds none of ours."""
    for path in sorted(folder.glob("**/[!.]*.parquet")):
        try:
            if pq.read_schema(path).equals(wanted):
                for row, key in enumerate(pq.read_table(path, columns=["embedded"])["embedded"].to_pylist()):
                    yield key, (path, row)
        except (pa.ArrowInvalid, OSError):
            continue
