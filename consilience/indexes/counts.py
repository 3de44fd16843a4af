"""Which documents each term stands in, and how often: BM25 over the documents in sight and no others.

An engine scores by everything it holds, also by what was published or loaded later than a question may know. Here
every document with a word of the query is scored, by the formula of Robertson and Zaragoza (2009) with Lucene's
idf = ln(1 + (N - n + 0.5) / (n + 0.5)), over statistics of what the clocks show.

A document has a slot, the number by which it was added; slots are only ever added, so that a run of them, once
written, serves every later index by a hard link. Runs of like size are merged: there are never many.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Documents are turned round in blocks: what is held in memory while a large corpus is built.
_BLOCK = 65_536
# A run is merged with the one before it unless that one is so many times larger.
_APART = 8
# What one scope remembers, in postings of 16 bytes, and what an entry costs besides.
_KEPT, _ENTRY = 4_000_000, 32
# The best are looked for among the best of so many groups for each one wanted.
_GROUPS = 6


@dataclass(frozen=True, slots=True)
class BM25:
    """The constants of the formula, and what each field weighs; one without a weight is not scored."""

    k1: float
    b: float
    weights: Mapping[str, float]


def weight_of(n: int, total: int) -> float:
    """The inverse document frequency of a term that stands in `n` documents of `total`."""
    return math.log(1 + (total - n + 0.5) / (n + 0.5))


def idf(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """The weight of each term, from the number of documents with it among `total`."""
    return {term: weight_of(n, total) for term, n in frequencies.items()}


def key_of(*parts: str) -> int:
    """Strings as 64 bits; two of a million terms share a key with a chance of three in a hundred million."""
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest(), "little")


def keys_of(parts: Sequence[tuple[str, ...]]) -> npt.NDArray[np.uint64]:
    """The key of each tuple of strings."""
    return np.fromiter((key_of(*part) for part in parts), np.uint64, len(parts))


@dataclass(frozen=True, slots=True)
class Run:
    """The documents of consecutive slots: for each term, by its key, the slots it stands in and how often.

    `terms` is sorted; the documents with term i are `slots[starts[i]:starts[i + 1]]`, ascending; `lengths` counts the
    terms of each document, shape (fields, documents).
    """

    terms: npt.NDArray[np.uint64]
    starts: Ints
    slots: npt.NDArray[np.int32]
    counts: npt.NDArray[np.uint16]
    lengths: npt.NDArray[np.int32]

    @property
    def size(self) -> int:
        """How many documents it holds."""
        return int(self.lengths.shape[1])

    def of(self, key: np.uint64) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]] | None:
        """The slots with a term and how often it stands in each; None where it stands in none."""
        at = int(np.searchsorted(self.terms, key))
        if at == len(self.terms) or self.terms[at] != key:
            return None
        begin, end = self.starts[at], self.starts[at + 1]
        return self.slots[begin:end], self.counts[begin:end]

    def save(self, folder: Path, first: int) -> None:
        """Write it, named by its first slot."""
        for part in fields(self):
            np.save(folder / f"{first:010d}-{part.name}.npy", getattr(self, part.name))

    @classmethod
    def load(cls, folder: Path, first: int) -> Run:
        """The run of a folder that begins at a slot, memory-mapped."""
        # Seen as plain arrays: a slice of a memmap costs ten times as much.
        return cls(*(
            np.asarray(np.load(folder / f"{first:010d}-{part.name}.npy", mmap_mode="r")) for part in fields(cls)
        ))  # fmt: skip


class Writer:
    """Collects the terms of documents and turns them round; the first has the slot `first`."""

    def __init__(self, names: Sequence[str], first: int = 0) -> None:
        self._names = names
        self._runs: list[Run] = []
        self._first = first
        self._clear()

    def _clear(self) -> None:
        self._vocabulary: dict[tuple[int, str], int] = {}
        self._numbers: list[npt.NDArray[np.uint32]] = []
        self._lengths: list[tuple[int, ...]] = []

    def add(self, document: Mapping[str, Sequence[str]]) -> None:
        """The next document: the terms of each of its fields, with repetition."""
        known = self._vocabulary
        told = [(field, term) for field, name in enumerate(self._names) for term in document[name]]
        self._numbers.append(np.array([known.setdefault(each, len(known)) for each in told], np.uint32))
        self._lengths.append(tuple(len(document[name]) for name in self._names))
        if len(self._lengths) == _BLOCK:
            self._turn()

    def run(self) -> Run:
        """All that was added."""
        if self._lengths or not self._runs:
            self._turn()
        return merged(self._runs)

    def _turn(self) -> None:
        sizes = np.fromiter((len(numbers) for numbers in self._numbers), np.int64, len(self._numbers))
        numbers = np.concatenate([np.empty(0, np.uint32), *self._numbers])
        keys = keys_of([(self._names[field], term) for field, term in self._vocabulary])
        order = np.argsort(keys)
        place = np.empty(len(keys), np.uint64)
        place[order] = np.arange(len(keys), dtype=np.uint64)
        owners = np.repeat(np.arange(self._first, self._first + len(sizes), dtype=np.uint64), sizes)
        pairs, counts = np.unique((place[numbers] << np.uint64(32)) | owners, return_counts=True)
        starts = np.searchsorted(pairs >> np.uint64(32), np.arange(len(keys) + 1, dtype=np.uint64))
        slots = (pairs & np.uint64(0xFFFFFFFF)).astype(np.int32)
        lengths = np.array(self._lengths, np.int32).reshape(-1, len(self._names)).T
        times = np.minimum(counts, 65535).astype(np.uint16)
        self._runs.append(Run(keys[order], starts.astype(np.int64), slots, times, np.ascontiguousarray(lengths)))
        self._first += len(sizes)
        self._clear()


def merged(runs: Sequence[Run]) -> Run:
    """One run of several that follow one another."""
    if len(runs) == 1:
        return runs[0]
    terms = np.unique(np.concatenate([run.terms for run in runs]))
    places = [np.searchsorted(terms, run.terms) for run in runs]
    sizes = np.zeros(len(terms), np.int64)
    for run, place in zip(runs, places, strict=True):
        sizes[place] += np.diff(run.starts)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    slots, counts = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.uint16)
    free = starts[:-1].copy()  # where the next document of each term goes
    for run, place in zip(runs, places, strict=True):
        lengths = np.diff(run.starts)
        into = np.repeat(free[place] - run.starts[:-1], lengths)
        into += np.arange(len(into))
        slots[into], counts[into] = run.slots, run.counts
        free[place] += lengths
    return Run(terms, starts, slots, counts, np.concatenate([run.lengths for run in runs], axis=1))


def runs(folder: Path) -> list[Run]:
    """The runs of a folder, by slot."""
    return [Run.load(folder, first) for first in _firsts(folder)]


def _firsts(folder: Path) -> list[int]:
    return sorted(int(path.name.partition("-")[0]) for path in folder.glob("*-lengths.npy"))


def compact(folder: Path) -> None:
    """Merge the last runs of a folder while they are of like size, so that a later one is much the smaller."""
    starts, found = _firsts(folder), runs(folder)
    kept = len(found)
    while kept > 1 and found[kept - 2].size < _APART * sum(run.size for run in found[kept - 1 :]):
        kept -= 1
    if kept < len(found):
        whole = merged(found[kept - 1 :])
        for first in starts[kept - 1 :]:
            for path in folder.glob(f"{first:010d}-*.npy"):
                path.unlink()  # never written over: it may be a link to what an earlier index reads
        whole.save(folder, starts[kept - 1])


class Scope:
    """What statistics count: the slots in sight (shape: slots) and what follows from them.

    Keeps what it has worked out of a term, up to so many postings: words that stand in many documents are asked often.
    Chains ask side by side: a term that two of them work out at once is kept, and counted, once.
    """

    def __init__(self, shown: Mask, norms: Floats) -> None:
        self.shown = shown
        self.total = int(shown.sum())
        self.norms = norms  # k1 * (1 - b + b * length / mean length), shape (fields, slots)
        self._kept: dict[str, Scores] = {}
        self._size = 0
        self._lock = Lock()

    def keep(self, term: str, found: Scores) -> Scores:
        """Remember what a term comes to, and forget the ones known longest."""
        with self._lock:
            if term not in self._kept:
                self._kept[term] = found
                self._size += len(found.slots) + _ENTRY
            while self._size > _KEPT:
                oldest = next(iter(self._kept))
                self._size -= len(self._kept.pop(oldest).slots) + _ENTRY
        return found

    def get(self, term: str) -> Scores | None:
        """What a term comes to, if it is known."""
        return self._kept.get(term)


class Scores(NamedTuple):
    """The documents in sight with one term, field after field, and what it adds to the score of each."""

    slots: Ints
    values: Floats


class Postings:
    """The runs of one index, read as one; fields add to a score by their weights."""

    def __init__(self, runs: Sequence[Run], names: Sequence[str], bm25: BM25) -> None:
        self._runs = runs
        self._fields = {name: number for number, name in enumerate(names)}
        self._bm25 = bm25
        empty = np.empty((len(names), 0), np.int32)
        self._lengths = np.concatenate([empty, *(run.lengths for run in runs)], axis=1)
        self.size = self._lengths.shape[1]

    def scope(self, shown: Mask) -> Scope:
        """The statistics of the slots in sight."""
        means = self._lengths[:, shown].sum(axis=1, dtype=np.int64) / max(int(shown.sum()), 1)
        means[means == 0] = 1.0  # nobody has a word there
        k1, b = self._bm25.k1, self._bm25.b
        return Scope(shown, k1 * (1 - b + b * self._lengths / means[:, None]))

    def frequency(self, field: str, term: str, scope: Scope) -> int:
        """In how many documents in sight a term stands in a field."""
        return len(self._standing(field, term, scope)[0])

    def scores(self, terms: Sequence[str], scope: Scope, weights: Mapping[str, float] | None = None) -> Floats:
        """BM25 of every slot, 0 where no term stands or what stands is out of sight; shape (slots).

        A term counts as often as `weights` says, once if it says nothing.
        """
        found = [scope.get(term) or scope.keep(term, self._scores(term, scope)) for term in terms]
        if not found:
            return np.zeros(self.size)
        if weights:
            found = [Scores(slots, values * weights.get(term, 1.0))
                     for term, (slots, values) in zip(terms, found, strict=True)]  # fmt: skip
        slots, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return np.bincount(slots, values, self.size).astype(np.float64, copy=False)

    def _scores(self, term: str, scope: Scope) -> Scores:
        slots, values = [], []
        for name, weight in self._bm25.weights.items():
            where, times = self._standing(name, term, scope)
            full = weight * weight_of(len(where), scope.total) * (self._bm25.k1 + 1)
            slots.append(where)
            values.append(full * (times / (times + scope.norms[self._fields[name]][where])))
        return Scores(np.concatenate(slots), np.concatenate(values))

    def _standing(self, field: str, term: str, scope: Scope) -> tuple[Ints, Floats]:
        """The slots in sight with a term in a field, ascending, and how often it stands in each."""
        key = np.uint64(key_of(field, term))
        pieces = [piece for run in self._runs if (piece := run.of(key))]
        if not pieces:
            return np.empty(0, np.int64), np.empty(0)
        slots = np.concatenate([piece[0] for piece in pieces]).astype(np.int64)
        times = np.concatenate([piece[1] for piece in pieces]).astype(np.float64)
        if scope.total == self.size:
            return slots, times
        seen = scope.shown[slots]
        return slots[seen], times[seen]


def best(scores: Floats, limit: int) -> Ints:
    """The places of the best `limit` scores above zero, and of all that tie with the last; in order of place."""
    # The best of each group: as many of these as are wanted stand at or above the last of them.
    groups = len(scores) // max(1, len(scores) // (_GROUPS * limit))
    tops = scores[: len(scores) // groups * groups].reshape(-1, groups).max(axis=0) if groups else scores
    least = _largest(tops, limit)
    found = np.flatnonzero(scores >= least) if least > 0 else np.flatnonzero(scores > 0)
    return found[scores[found] >= _largest(scores[found], limit)]


def _largest(values: Floats, number: int) -> float:
    """The value that so many are at or above; 0 if there are not so many."""
    return float(np.partition(values, -number)[-number]) if len(values) >= number else 0.0
