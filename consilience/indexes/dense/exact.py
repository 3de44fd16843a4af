"""Exact search over the vectors of one part: on the processor, or on a GPU with FAISS or, without its GPU build, torch.

Each names candidates, a few more than are wanted; scores and order are made from the vectors by the processor, so
that all of them give the same hits.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from consilience.errors import BadInputError
from consilience.indexes.dense.kinds import Places
from consilience.indexes.dense.library import engines
from consilience.indexes.dense.vectors import Vectors

Device = Literal["auto", "cpu", "gpu"]
# The devices of NVIDIA's driver, natively and under Windows: asking torch instead costs a second and more.
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
# What the k-selection of FAISS can give on a GPU.
_MOST_ON_GPU = 2048


class Exact(Protocol):
    """Finds the nearest of some vectors."""

    def nearest(self, vector: Vectors, count: int, places: Places | None) -> Places:
        """The `count` nearest of those places (None: all), or all there are, in no order."""
        ...


class OnProcessor:
    """FAISS over a memory map."""

    def __init__(self, faiss: Any, index: Any) -> None:
        self._faiss, self._index = faiss, index

    def nearest(self, vector: Vectors, count: int, places: Places | None) -> Places:
        """Of few places only the vectors of those are read."""
        size = self._index.ntotal if places is None else len(places)
        if count >= size:
            return np.arange(size, dtype=np.int64) if places is None else places
        options = None if places is None else self._faiss.SearchParameters(sel=self._faiss.IDSelectorArray(places))
        return np.asarray(self._index.search(vector.reshape(1, -1), count, params=options)[1][0], np.int64)


class OnGpuByFaiss:
    """FAISS on a GPU; it takes no mask there, so what is masked is asked for too, and left out."""

    def __init__(self, faiss: Any, index: Any) -> None:
        self._size, self._processor = index.ntotal, OnProcessor(faiss, index)
        self._resources = faiss.StandardGpuResources()
        self._index = faiss.index_cpu_to_gpu(self._resources, 0, index)

    def nearest(self, vector: Vectors, count: int, places: Places | None) -> Places:
        """A mask that leaves too little of what a GPU can select is searched by the processor."""
        size = self._size if places is None else len(places)
        asked = min(self._size, count * self._size // max(1, size) * 2 if size < self._size else count)
        if count >= size or asked > _MOST_ON_GPU:
            return self._processor.nearest(vector, count, places)
        found = np.asarray(self._index.search(vector.reshape(1, -1), asked)[1][0], np.int64)
        kept = found if places is None else found[np.isin(found, places)]
        return kept[:count] if len(kept) >= count else self._processor.nearest(vector, count, places)


class OnTorch:
    """One product with all vectors on a torch device."""

    def __init__(self, vectors: Vectors, device: str) -> None:
        import torch

        self._torch, self._device = torch, device
        # Copied: torch would warn that what it was handed may only be read.
        self._vectors = torch.from_numpy(np.array(vectors)).to(device)

    def nearest(self, vector: Vectors, count: int, places: Places | None) -> Places:
        """In single precision throughout: half of it would lose candidates."""
        torch = self._torch
        size = len(self._vectors) if places is None else len(places)
        if count >= size:
            return np.arange(size, dtype=np.int64) if places is None else places
        with torch.inference_mode():
            scores = torch.mv(self._vectors, torch.from_numpy(np.array(vector)).to(self._device))
            among = None if places is None else torch.from_numpy(places).to(self._device)
            best = torch.topk(scores if among is None else scores[among], count, sorted=False).indices
            found: Places = (best if among is None else among[best]).cpu().numpy()
        return found


def exact_search(faiss: Any, index: Any, vectors: Vectors, device: Device) -> Exact:
    """The search a profile asks for: `auto` takes a GPU where there is one, `gpu` refuses to do without."""
    if device == "cpu" or not (on_gpu := _on_gpu(faiss, index, vectors, device)):
        return OnProcessor(faiss, index)
    return on_gpu


def _on_gpu(faiss: Any, index: Any, vectors: Vectors, device: Device) -> Exact | None:
    if len(vectors) and any(Path(driver).exists() for driver in _DRIVERS):
        if engines() == ["faiss-gpu"] and faiss.get_num_gpus():
            return OnGpuByFaiss(faiss, index)
        if find_spec("torch"):
            import torch

            if torch.cuda.is_available():
                return OnTorch(vectors, "cuda")
    if device == "gpu" and len(vectors):
        raise BadInputError(
            "no GPU can be used", where="dense.device",
            expected="cpu or auto; or an NVIDIA GPU with faiss-gpu or a CUDA build of torch",
        )  # fmt: skip
    return None
