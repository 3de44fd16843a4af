"""The GPU names what the processor names. Skipped where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from consilience.indexes.dense import Dense, Entries, assemble, engines
from consilience.indexes.dense.exact import OnGpuByFaiss, OnTorch
from consilience.indexes.dense.library import engine
from consilience.indexes.profile import DenseProfile

pytestmark = pytest.mark.gpu
SIZE, DIMENSION = 50_000, 384


def skip_without_gpu() -> None:
    if not Path("/dev/nvidiactl").exists() and not Path("/dev/dxg").exists():
        pytest.skip("no GPU")
    if engines() == ["faiss-gpu"] and engine().get_num_gpus():
        return
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("neither faiss-gpu nor torch can use the GPU")


class Given:
    """No model: the test brings vectors."""

    name, dimension = "given", DIMENSION

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise NotImplementedError

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        raise NotImplementedError


def unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_gpu()
    folder = tmp_path_factory.mktemp("gpu") / "flat"
    vectors = unit(np.random.default_rng(1).normal(size=(SIZE, DIMENSION)))
    numbers = np.arange(SIZE, dtype=np.int32)
    of = Entries(numbers, numbers, pa.array([f"{n:024x}" for n in numbers]))
    assemble(folder, of, lambda keys: vectors[[int(key, 16) for key in keys]], DenseProfile())
    return folder


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01, 0.0005])
def test_gpu_and_processor_give_the_same_hits_and_scores(folder: Path, share: float) -> None:
    processor, gpu = (Dense(folder, Given(), DenseProfile(device=device)) for device in ("cpu", "gpu"))
    wanted = OnGpuByFaiss if engines() == ["faiss-gpu"] else OnTorch
    assert all(isinstance(part.exact, wanted) for part in gpu.opened)
    allowed = np.random.default_rng(2).random(SIZE) < share
    for query in unit(np.random.default_rng(3).normal(size=(50, DIMENSION))):
        assert gpu.nearest(query, 100, allowed) == processor.nearest(query, 100, allowed)
