"""How often each term stands in each document: what BM25 needs to score by the documents in sight and no others.

An engine scores by everything it holds, also by what was published or loaded later than a question may know. So the
engine finds the candidates, and they are scored here, by the formula of Robertson and Zaragoza (2009) with
idf = ln(1 + (N - n + 0.5) / (n + 0.5)), over statistics of what the clocks show.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

K1, B = 1.2, 0.75


def idf(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """The weight of each term, from the number of documents with it among `total`."""
    return {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in frequencies.items()}


@lru_cache(maxsize=1_000_000)
def term_key(term: str) -> int:
    """A term as 64 bits; two of a million terms share one with a chance of three in a hundred million."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "little")


class Writer:
    """Collects the term counts of one field, document after document, in the order of their rows."""

    def __init__(self, earlier: Counts | None = None) -> None:
        self._earlier = earlier
        self._terms: list[npt.NDArray[np.uint64]] = []
        self._counts: list[npt.NDArray[np.uint16]] = []

    def add(self, terms: Sequence[str]) -> None:
        """The next row's terms, with repetition; none for a row that is not indexed."""
        counted = Counter(terms)
        keys = np.fromiter((term_key(term) for term in counted), np.uint64, len(counted))
        order = np.argsort(keys)
        values = np.fromiter((min(n, 65535) for n in counted.values()), np.uint16, len(counted))
        self._terms.append(keys[order])
        self._counts.append(values[order])

    def carry(self, row: int) -> None:
        """The next row's counts, as they stand in this row of the earlier ones."""
        assert self._earlier is not None
        terms, values = self._earlier.of(row)
        self._terms.append(terms)
        self._counts.append(values)

    def save(self, folder: Path, field: str) -> None:
        """Three arrays: keys, counts, and where each row begins."""
        starts = np.cumsum([0, *(len(terms) for terms in self._terms)], dtype=np.int64)
        np.save(folder / f"{field}-terms.npy", np.concatenate([np.empty(0, np.uint64), *self._terms]))
        np.save(folder / f"{field}-counts.npy", np.concatenate([np.empty(0, np.uint16), *self._counts]))
        np.save(folder / f"{field}-starts.npy", starts)


class Counts:
    """The term counts of one field, memory-mapped."""

    def __init__(self, folder: Path, field: str) -> None:
        # Seen as plain arrays: a slice of a memmap costs ten times as much.
        self._terms, self._counts, self._starts = (
            np.asarray(np.load(folder / f"{field}-{part}.npy", mmap_mode="r")) for part in ("terms", "counts", "starts")
        )

    def of(self, row: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint16]]:
        """The keys and counts of one row."""
        begin, end = self._starts[row], self._starts[row + 1]
        return self._terms[begin:end], self._counts[begin:end]

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many terms each row has."""
        summed = np.concatenate([[0], np.cumsum(self._counts, dtype=np.int64)])
        found: npt.NDArray[np.int64] = np.diff(summed[self._starts])
        return found

    def frequencies(self, rows: Sequence[int], terms: Sequence[str]) -> npt.NDArray[np.float64]:
        """How often each term stands in each row, shape (rows, terms)."""
        wanted = np.fromiter((term_key(term) for term in terms), np.uint64, len(terms))
        found = np.zeros((len(rows), len(terms)))
        for line, row in enumerate(rows):
            begin, end = self._starts[row], self._starts[row + 1]
            if end > begin:
                keys = self._terms[begin:end]
                at = np.minimum(np.searchsorted(keys, wanted), end - begin - 1)
                found[line] = np.where(keys[at] == wanted, self._counts[begin:end][at], 0)
        return found

    def bm25(
        self, rows: Sequence[int], idf: Mapping[str, float], visible: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """The BM25 score of each row for terms with these idf, lengths measured against what is visible."""
        lengths = self.lengths
        mean = lengths[visible].mean() if visible.any() else 0.0
        frequencies = self.frequencies(rows, list(idf))
        norms = K1 * (1 - B + B * lengths[list(rows)] / mean) if mean else np.full(len(rows), K1)
        weights = np.fromiter(idf.values(), np.float64, len(idf))
        scores: npt.NDArray[np.float64] = (frequencies * (K1 + 1) / (frequencies + norms[:, None])) @ weights
        return scores
