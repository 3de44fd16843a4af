"""A coarse copy of a part's vectors that names candidates for exact search, and says how far off it can be.

One byte a number instead of four: exact search waits for memory, and reads a quarter of it this way. Codes and the
query are whole numbers, so their product is the same on every processor, and what rounding cost either is bounded; a
vector that is not named is surely no nearer than the bound, and what the exact vectors say beyond it is proven.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilience.indexes.dense.kinds import Places, selector
from consilience.indexes.dense.vectors import Vectors
from consilience.records import canonical_json

_CODES, _SCALE = "coarse.faiss", "coarse.json"
_LARGEST = 127
# So many more candidates are named than are wanted: the bound must lie below those that are.
_SPARE = 500
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Scale:
    """What a code is worth: a number is `step` times its code, and no vector is further off than `error`.

    `longest` is the length of the longest vector of codes, in steps.
    """

    step: float
    error: float
    longest: float


def write(faiss: Any, folder: Path, exact: Vectors) -> None:
    """Write the coarse copy of vectors, shape (n, dimension), n > 0, beside them; it is made the same every time."""
    step = float(np.abs(exact).max()) / _LARGEST or 1.0
    index = faiss.IndexScalarQuantizer(
        exact.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    error = longest = 0.0
    for start in range(0, len(exact), _CHUNK):
        given = exact[start : start + _CHUNK].astype(np.float64)
        codes = np.rint(given / step)
        off = given - codes * step
        error = max(error, math.sqrt(float((off * off).sum(axis=1).max())))
        longest = max(longest, math.sqrt(float((codes * codes).sum(axis=1).max())))
        index.add(codes.astype(np.float32))
    faiss.write_index(index, str(folder / _CODES))
    scale = asdict(Scale(step, error, longest))
    (folder / _SCALE).write_text(canonical_json(scale) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Coarse:
    """The coarse copy of one part, mapped into memory."""

    index: Any
    scale: Scale
    faiss: Any

    @classmethod
    def read(cls, faiss: Any, folder: Path) -> Coarse | None:
        """Open what `write` wrote; None where a part is too small to have one."""
        if not (folder / _SCALE).exists():
            return None
        index = faiss.read_index(str(folder / _CODES), faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY)
        return cls(index, Scale(**json.loads((folder / _SCALE).read_text(encoding="utf-8"))), faiss)

    def candidates(self, vector: Vectors, count: int, places: Places | None) -> tuple[Places, float]:
        """More than `count` places among those allowed (None: all), and what the cosines of all others are below.

        With x a vector, c its codes, q the query and k its codes, in steps of s and t: q.x - s t k.c is
        q.(x - s c) + (q - t k).(s c), and each product is at most that of the two lengths.
        """
        query, scale = vector.astype(np.float64), self.scale
        step = float(np.abs(query).max()) / _LARGEST or 1.0
        codes = np.rint(query / step)
        size = self.index.ntotal
        options = None if places is None else self.faiss.SearchParameters(sel=selector(self.faiss, size, places))
        wanted = min(count + _SPARE, size if places is None else len(places))
        products, found = self.index.search(codes.astype(np.float32).reshape(1, -1), wanted, params=options)
        unsure = math.hypot(*query) * scale.error + math.hypot(*(query - step * codes)) * scale.step * scale.longest
        return np.asarray(found[0], np.int64), float(products[0, -1]) * step * scale.step + unsure
