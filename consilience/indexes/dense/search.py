"""Asking the parts of a built index: candidates from each, scored exactly, documents by their best passage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from consilience.errors import StoreDamagedError
from consilience.indexes.dense import kinds, parts
from consilience.indexes.dense.coarse import Coarse
from consilience.indexes.dense.exact import Exact, OnProcessor, exact_search
from consilience.indexes.dense.kinds import Near, Places
from consilience.indexes.dense.library import engine, one_thread
from consilience.indexes.dense.vectors import Vectors
from consilience.indexes.filters import Found, Mask, Sight
from consilience.indexes.profile import DenseProfile
from consilience.models import Embedding

# An engine adds in single precision and in an order of its own: two that differ by less may change places.
_ROUNDING = 1e-5
_SPARE = 20
# How many times an approximate index or copy is asked, four times as much each time, before the vectors are.
_TRIES = 2
# The questions whose vectors an open index keeps: a search asks for one more than once, and people ask again.
_QUESTIONS = 256


@dataclass(frozen=True, slots=True)
class Opened:
    """One part, mapped into memory."""

    # The array is over the memory map of the index, which must outlive it.
    vectors: Vectors
    index: Any
    exact: Exact
    near: Near | None
    coarse: Coarse | None = None

    def candidates(
        self, vector: Vectors, count: int, places: Places | None, tried: int, profile: DenseProfile
    ) -> tuple[Places, float]:
        """At least the `count` nearest of those places, as this part's kind finds them.

        And what the cosines of all others are below, where that is more than the `count`-th of what was found.
        """
        size = len(self.vectors) if places is None else len(places)
        if tried < _TRIES and size > count:
            if self.near is not None and size > profile.narrow:
                return self.near.candidates(vector, count, places, 4**tried), -1.0
            if self.coarse is not None and size >= profile.least:
                return self.coarse.candidates(vector, count, places)
        return self.exact.nearest(vector, count, places), -1.0


class Dense:
    """A built index of vectors, memory-mapped for reading: `rows` and `passages` tell whose each entry is."""

    def __init__(self, folder: Path, embedding: Embedding, profile: DenseProfile | None = None) -> None:
        self._embedding, self._profile = embedding, profile or DenseProfile()
        self._vector = remembering(embedding)
        self.parts = parts.read(folder)
        if not self.parts or not all((part.path / "exact.faiss").exists() for part in self.parts):
            raise StoreDamagedError("the dense index is missing", where="indexes/store", expected="consilience refresh")
        owners = pq.read_table(folder / "rows.parquet")
        self.passages: npt.NDArray[np.int32] = owners["passage"].to_numpy()
        self.rows: npt.NDArray[np.int32] = owners["row"].to_numpy()
        self._starts = np.cumsum([0, *(part.vectors for part in self.parts)])
        # Vectors of all parts are numbered through; entries are sorted by this number.
        self._at = self._starts[owners["part"].to_numpy()] + owners["place"].to_numpy()
        self._first = np.searchsorted(self._at, np.arange(self._starts[-1] + 1))
        # Mostly each vector has one entry, and a mask of entries is one of vectors.
        self._one_each = len(self._at) == self._starts[-1] and bool((np.diff(self._first) == 1).all())
        self._faiss = engine()
        self.opened = [self._open(self._faiss, part) for part in self.parts]

    def _open(self, faiss: Any, part: parts.Part) -> Opened:
        try:
            index, vectors = kinds.read_exact(faiss, part.path / "exact.faiss")
            near = Near.read(faiss, part.path / "near.faiss", index, self._profile) if part.kind != "flat" else None
            coarse = Coarse.read(faiss, part.path)
        except (RuntimeError, ValueError, TypeError) as error:  # what FAISS and JSON say of a file that is not whole
            raise StoreDamagedError(
                "the dense index is unreadable", where="indexes/store", expected="delete that folder and refresh"
            ) from error
        # An approximate index is asked on the processor: only what is searched exactly gains by a GPU.
        exact = exact_search(faiss, index, vectors, self._profile.device if near is None else "cpu")
        return Opened(vectors, index, exact, near, coarse if isinstance(exact, OnProcessor) else None)

    def exactly(self) -> Dense:
        """The same index searched exactly: what an approximate one is measured by."""
        other = copy(self)
        other.opened = [replace(part, near=None, coarse=None) for part in self.opened]
        return other

    def search(self, query: str, limit: int, sight: Sight, *, towards: Vectors | None = None) -> list[Found]:
        """The best documents in sight by the cosine of their best passage, best first, ties by row.

        The query's vector is moved by `towards`, where that is given, shape (dimension,).
        """
        return self._ranked(moved(self._vector(query), towards), limit, sight.allowed, documents=True)

    def nearest(self, vector: npt.NDArray[np.float32], limit: int, allowed: Mask) -> list[Found]:
        """The best passages among allowed document rows: their cosine, best first, ties by row.

        A query without a word the model knows has no direction, and finds nothing.
        """
        return self._ranked(vector, limit, allowed, documents=False)

    def best_passages(self, query: str, rows: Sequence[int]) -> Vectors:
        """The vector of that passage of each row which is nearest to a query, shape (rows, dimension); else zeros."""
        asked = self._vector(query)
        best = np.zeros((len(rows), self._embedding.dimension), np.float32)
        by_row, sorted_rows = self._by_row
        starts, ends = (np.searchsorted(sorted_rows, rows, side=side).tolist() for side in ("left", "right"))
        for line, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if start < end:  # row by row: a product with all of them would add otherwise, and might choose otherwise
                own = self._stored(by_row[start:end])
                best[line] = own[int(np.argmax(own @ asked))]
        return best

    @cached_property
    def _by_row(self) -> tuple[Places, npt.NDArray[np.int32]]:
        """The entries in the order of their rows, those of one row in their own, and these rows."""
        order = np.argsort(self.rows, kind="stable")
        return order, self.rows[order]

    def _stored(self, entries: Places) -> Vectors:
        at = self._at[entries]
        if len(self.opened) == 1:
            return np.asarray(self.opened[0].vectors[at], np.float32)
        places = zip(np.searchsorted(self._starts, at, side="right") - 1, at, strict=True)
        return np.stack([self.opened[part].vectors[place - self._starts[part]] for part, place in places])

    def _ranked(self, vector: Vectors, limit: int, allowed: Mask, *, documents: bool) -> list[Found]:
        """Ask for more until so many are surely the best, or all have been seen.

        A document of many passages must not keep others out, nor a tie at the last place be cut by an engine's order.
        """
        entries = allowed[self.rows]
        if limit < 1 or not vector.any() or not entries.any():
            return []
        places, count = self._allowed(entries), limit * (2 if documents else 1) + _SPARE
        tried = 0
        while True:
            with one_thread(self._faiss):  # a single query is never shared out, and a second thread would only wait
                numbers, scores, floor = self._candidates(vector, count, places, tried)
            hits = self._hits(numbers, scores, entries)
            if documents:
                hits = hits[np.sort(np.unique(hits["row"], return_index=True)[1])]
            if floor is None or (len(hits) >= limit and hits["score"][limit - 1] > floor + _ROUNDING):
                return [Found(int(row), float(score), int(passage)) for score, row, passage in hits[:limit].tolist()]
            count, tried = count * 4, tried + 1

    def _allowed(self, entries: Mask) -> list[Places | None]:
        """The places of each part that an allowed entry is at; None for all of them."""
        there = entries
        if not self._one_each:
            there = np.zeros(self._starts[-1], bool)
            there[self._at[entries]] = True
        pieces = (there[start:end] for start, end in zip(self._starts, self._starts[1:], strict=False))
        return [None if piece.all() else np.flatnonzero(piece) for piece in pieces]

    def _candidates(
        self, vector: Vectors, count: int, places: Sequence[Places | None], tried: int
    ) -> tuple[Places, npt.NDArray[np.float64], float | None]:
        """The vectors found (numbered through), their cosines, and what all others are below; None if there is none."""
        numbers, scores, floor = [], [], None
        for start, part, allowed in zip(self._starts, self.opened, places, strict=False):
            size = len(part.vectors) if allowed is None else len(allowed)
            if not size:
                continue
            found, bound = part.candidates(vector, count, allowed, tried, self._profile)
            found, cosines = _scored(part.vectors, found, vector, count)
            numbers.append(found + start)
            scores.append(cosines)
            if len(found) < size:
                floor = max(floor if floor is not None else -1.0, bound, cosines.min() if len(cosines) else 1.0)
        return np.concatenate(numbers), np.concatenate(scores), floor

    def _hits(self, numbers: Places, scores: npt.NDArray[np.float64], entries: Mask) -> npt.NDArray[Any]:
        """The allowed entries of these vectors, best first, ties by row and passage."""
        counts = self._first[numbers + 1] - self._first[numbers]
        before = np.cumsum(counts) - counts
        each = np.repeat(self._first[numbers] - before, counts) + np.arange(counts.sum())
        kept = entries[each]
        each, scored = each[kept], np.repeat(scores, counts)[kept]
        order = np.lexsort((self.passages[each], self.rows[each], -scored))
        hits = np.empty(len(each), [("score", np.float64), ("row", np.int32), ("passage", np.int32)])
        hits["score"], hits["row"], hits["passage"] = scored[order], self.rows[each][order], self.passages[each][order]
        return hits


def remembering(embedding: Embedding) -> Callable[[str], Vectors]:
    """How a question becomes its vector, shape (dimension,): embedded once while it is among the last so many."""
    return lru_cache(_QUESTIONS)(embedding.encode_query)


def moved(vector: Vectors, towards: Vectors | None) -> Vectors:
    """The sum of both as a unit vector; a query without a direction keeps none."""
    if towards is None or not vector.any():
        return vector
    whole = vector.astype(np.float64) + towards
    return np.asarray(whole / (np.linalg.norm(whole) or 1.0), np.float32)


def recalls(
    index: Dense, queries: Vectors, allowed: Mask, depths: Sequence[int] = (10, 100)
) -> dict[int, float]:  # fmt: skip
    """Of the passages that exact search finds among the first so many, the share that the index finds."""
    exactly, deepest = index.exactly(), max(depths)
    found: dict[int, list[float]] = {depth: [] for depth in depths}
    for query in queries:
        wanted, got = (each.nearest(query, deepest, allowed) for each in (exactly, index))
        for depth in depths:
            best = {(hit.row, hit.passage) for hit in wanted[:depth]}
            shared = best & {(hit.row, hit.passage) for hit in got[:depth]}
            found[depth].append(len(shared) / len(best) if best else 1.0)
    return {depth: float(np.mean(shares)) if shares else 1.0 for depth, shares in found.items()}


def _scored(
    vectors: Vectors, found: Places, vector: Vectors, count: int
) -> tuple[Places, npt.NDArray[np.float64]]:  # fmt: skip
    """The best `count` of some candidates with their cosines, to the last bit the same in whatever part they lie."""
    near = vectors[found]
    if len(found) > count:
        best = np.argpartition(-(near @ vector), count - 1)[:count]
        found, near = found[best], near[best]
    return found, cosines(near, vector)


def cosines(near: Vectors, vector: Vectors) -> npt.NDArray[np.float64]:
    """The cosines of some unit vectors, shape (n,), to the last bit the same whichever engine holds them.

    Row by row and in double precision: a matrix product adds in an order that depends on its neighbours.
    """
    summed = (near.astype(np.float64) * vector.astype(np.float64)).sum(axis=1)
    return np.asarray(summed.astype(np.float32), np.float64)
