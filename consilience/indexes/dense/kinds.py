"""The kinds of FAISS index: how each is trained, what it costs to ask, and how it is read off the disk.

Every kind only names candidates. Their scores come from the exact vectors, so that a hit is worth the same in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.indexes.dense.library import one_thread
from consilience.indexes.dense.vectors import Vectors
from consilience.indexes.profile import DenseProfile

Places = npt.NDArray[np.int64]
# FAISS asks for 39 vectors a cell to train k-means well, and for as many a code word of a product quantizer.
_A_CELL = 40
# More than so many a cell no longer moves a centroid that matters, and k-means takes half of a build.
_SAMPLED = 64
_BITS = 8


def lists_for(size: int, profile: DenseProfile) -> int:
    """Into how many cells an inverted file of so many vectors is cut: 4 * sqrt(size), fewer where training starves."""
    wanted = profile.lists or round(4 * math.sqrt(size))
    return max(1, min(wanted, size // _A_CELL))


def probes_for(lists: int, profile: DenseProfile) -> int:
    """How many cells a query looks into: 8 * sqrt(lists), a share that falls as they become more."""
    return min(lists, profile.probes or math.ceil(8 * math.sqrt(lists)))


def subspaces_for(dimension: int, profile: DenseProfile) -> int:
    """How many bytes a vector is quantized to: the one named, or one for eight dimensions, as far as it divides."""
    wanted = min(dimension, profile.subspaces or max(1, dimension // 8))
    return next(m for m in range(wanted, 0, -1) if dimension % m == 0)


def too_few(size: int, profile: DenseProfile) -> bool:
    """Say whether so few vectors are searched exactly, whatever the profile asks for: nothing could be trained."""
    return profile.kind != "flat" and size < max(profile.least, 1 << _BITS if profile.kind == "ivf_pq" else 1)


def trained(faiss: Any, exact: Vectors, profile: DenseProfile) -> Any | None:
    """The approximate index over these vectors (shape (n, dimension)), or None where exact search does its work.

    On one thread, with FAISS's own fixed seeds: the same vectors make the same bytes.
    """
    if profile.kind == "flat" or too_few(len(exact), profile):
        return None
    with one_thread(faiss):
        index = _BUILDERS[profile.kind](faiss, exact.shape[1], len(exact), profile)
        index.train(exact)
        index.add(exact)
    return index


def _hnsw(faiss: Any, dimension: int, _: int, profile: DenseProfile) -> Any:
    index = faiss.IndexHNSWFlat(dimension, profile.links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = profile.build_effort
    return index


def _ivf_sq8(faiss: Any, dimension: int, size: int, profile: DenseProfile) -> Any:
    codes = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(
        _centroids(faiss, dimension), dimension, lists_for(size, profile), codes, faiss.METRIC_INNER_PRODUCT
    )
    return _sampling(index)


def _ivf_pq(faiss: Any, dimension: int, size: int, profile: DenseProfile) -> Any:
    index = faiss.IndexIVFPQ(
        _centroids(faiss, dimension), dimension, lists_for(size, profile), subspaces_for(dimension, profile), _BITS,
        faiss.METRIC_INNER_PRODUCT,
    )  # fmt: skip
    index.pq.cp.min_points_per_centroid = 1  # a sample too small is told by `least`, not on the error stream
    return _sampling(index)


def _centroids(faiss: Any, dimension: int) -> Any:
    return faiss.IndexFlatIP(dimension)


def _sampling(index: Any) -> Any:
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = _SAMPLED, 1
    return index


_BUILDERS: dict[str, Callable[[Any, int, int, DenseProfile], Any]] = {
    "hnsw": _hnsw, "ivf_sq8": _ivf_sq8, "ivf_pq": _ivf_pq,
}  # fmt: skip


def write_exact(faiss: Any, path: Path, vectors: Vectors) -> None:
    """Write exact vectors as a flat inner product index."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(path))


def write_near(faiss: Any, path: Path, index: Any) -> None:
    """Write an approximate index; the vectors of a graph are those beside it, and are not written twice."""
    faiss.write_index(index, str(path), faiss.IO_FLAG_SKIP_STORAGE if hasattr(index, "hnsw") else 0)


def read_exact(faiss: Any, path: Path) -> tuple[Any, Vectors]:
    """A flat index mapped into memory, and the same vectors as an array (shape (n, dimension)) over the map."""
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY)
    if not index.ntotal:
        return index, np.zeros((0, index.d), np.float32)
    flat = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    return index, flat.reshape(index.ntotal, index.d)


@dataclass(frozen=True, slots=True)
class Near:
    """An approximate index mapped into memory; a graph reads the exact vectors beside it."""

    index: Any
    exact: Any
    profile: DenseProfile
    faiss: Any

    @classmethod
    def read(cls, faiss: Any, path: Path, exact: Any, profile: DenseProfile) -> Near:
        """Open what `write_near` wrote."""
        # Two flags for one thing: lists are mapped by the one, graphs and flat codes by the other.
        graph = profile.kind == "hnsw"
        mapped = faiss.IO_FLAG_MMAP_IFC if graph else faiss.IO_FLAG_MMAP
        index = faiss.read_index(str(path), mapped | faiss.IO_FLAG_READ_ONLY)
        if graph:
            index.storage, index.own_fields = exact, False
        else:  # 32 threads a query, to read ahead what is mostly there: without them it takes a third of the time
            faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
        return cls(index, exact, profile, faiss)

    def candidates(self, vector: Vectors, count: int, places: Places | None, effort: int) -> Places:
        """About `count` places near a vector among those allowed (None: all), in no order.

        The fewer are allowed, the wider it looks: a graph walks, and a cell holds, in vain what is masked.
        """
        share = 1.0 if places is None else len(places) / self.index.ntotal
        wider = effort / share
        options = {} if places is None else {"sel": selector(self.faiss, self.index.ntotal, places)}
        if self.profile.kind == "hnsw":
            wide = min(self.index.ntotal, math.ceil(max(self.profile.search_effort * wider, count)))
            asked = self.faiss.SearchParametersHNSW(efSearch=wide, **options)
        else:
            lists = self.index.nlist
            probes = min(lists, math.ceil(probes_for(lists, self.profile) * wider))
            asked = self.faiss.SearchParametersIVF(nprobe=probes, **options)
        if self.profile.kind == "ivf_pq":
            count *= self.profile.refine
        found = self.index.search(vector.reshape(1, -1), min(count, self.index.ntotal), params=asked)[1][0]
        return np.asarray(found[found >= 0], np.int64)


def selector(faiss: Any, size: int, places: Places) -> Any:
    """Some of so many places as the mask that FAISS takes."""
    allowed = np.zeros(size, bool)
    allowed[places] = True
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
