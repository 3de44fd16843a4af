"""A coarse copy names candidates, and its bound proves that nothing was missed: the same hits, to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from consilience.errors import StoreDamagedError
from consilience.indexes.dense import Dense, Entries, assemble, parts
from consilience.indexes.dense.coarse import Coarse, write
from consilience.indexes.dense.library import engine
from consilience.indexes.profile import DenseProfile

Vectors = npt.NDArray[np.float32]
SIZE, DIMENSION = 3000, 40
LARGE = DenseProfile(least=500)


class Given:
    """No model: the tests bring vectors."""

    name, dimension = "given", DIMENSION

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise NotImplementedError

    def encode_query(self, text: str) -> Vectors:
        raise NotImplementedError


def unit(vectors: npt.NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def loose(chance: np.random.Generator) -> Vectors:
    return unit(chance.normal(size=(SIZE, DIMENSION)))


def tied(chance: np.random.Generator) -> Vectors:
    """Ten vectors, each three hundred times."""
    return np.asarray(np.repeat(loose(chance)[:10], SIZE // 10, axis=0)[chance.permutation(SIZE)], np.float32)


def close(chance: np.random.Generator) -> Vectors:
    """All so near to one that codes cannot tell them apart."""
    return unit(loose(chance)[0] + chance.normal(size=(SIZE, DIMENSION)) * 1e-5)


def uneven(chance: np.random.Generator) -> Vectors:
    """One number in each vector outweighs all others, and most of these are coded as nothing."""
    made = chance.normal(size=(SIZE, DIMENSION)) * 1e-3
    made[:, 7] += 1.0
    return unit(made)


SHAPES = {shape.__name__: shape(np.random.default_rng(1)) for shape in (loose, tied, close, uneven)}


def made(folder: Path, vectors: Vectors, rows: npt.NDArray[np.int32], earlier: list[Path] | None = None) -> Dense:
    numbers = np.arange(len(rows), dtype=np.int32)
    of = Entries(numbers, rows, pa.array([f"{n:024x}" for n in numbers], pa.string()))
    assemble(folder, of, lambda keys: vectors[[int(key, 16) for key in keys]], LARGE, earlier or [])
    return Dense(folder, Given(), LARGE)


@pytest.fixture(scope="module", params=SHAPES)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dense:
    """Two passages a document in a base, and a delta with some more."""
    folder, vectors = tmp_path_factory.mktemp("coarse"), SHAPES[request.param]
    rows = np.sort(np.arange(SIZE, dtype=np.int32) % (SIZE // 2))
    made(folder / "base", vectors, rows[: SIZE - 200])
    index = made(folder / "next", vectors, rows, [folder / "base"])
    assert [part.coarse is not None for part in index.opened] == [True, False]
    return index


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 700), share=st.sampled_from([1.0, 0.9, 0.4, 0.1]))
def test_hits_are_those_of_exact_search_to_the_bit(index: Dense, seed: int, limit: int, share: float) -> None:
    chance, exactly = np.random.default_rng(seed), index.exactly()
    allowed = chance.random(SIZE // 2) < share
    stored = np.concatenate([part.vectors for part in index.opened])
    query = unit(stored[chance.integers(SIZE)] + chance.normal(size=(1, DIMENSION)) * chance.choice([0, 0.01, 0.3]))[0]
    assert index.nearest(query, limit, allowed) == exactly.nearest(query, limit, allowed)
    assert index._ranked(query, limit, allowed, documents=True) == exactly._ranked(
        query, limit, allowed, documents=True
    )


numbers = st.floats(-1, 1, width=32).map(np.float32)


@settings(max_examples=150, deadline=None)
@given(
    vectors=arrays(np.float32, st.tuples(st.integers(1, 30), st.just(16)), elements=numbers),
    query=arrays(np.float32, 16, elements=numbers),
)
def test_what_is_not_named_is_below_the_bound(
    tmp_path_factory: pytest.TempPathFactory, vectors: Vectors, query: Vectors
) -> None:
    folder, faiss = tmp_path_factory.mktemp("bound"), engine()
    # Some that are named first, so that others are not.
    whole = np.concatenate([np.tile(query, (520, 1)), vectors])
    write(faiss, folder, whole)
    coarse = Coarse.read(faiss, folder)
    assert coarse is not None
    named, bound = coarse.candidates(query, 1, None)
    products = whole.astype(np.float64) @ query.astype(np.float64)
    products[named] = -math.inf
    assert len(named) == 501 and products.max() <= bound + 1e-6


def test_its_files_are_the_same_every_time(tmp_path: Path) -> None:
    rows = np.arange(SIZE, dtype=np.int32)
    for name in ("one", "two"):
        made(tmp_path / name, SHAPES["loose"], rows)
    one, two = (sorted((tmp_path / name).rglob("coarse.*")) for name in ("one", "two"))
    assert [path.name for path in one] == ["coarse.faiss", "coarse.json"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_small_part_has_none(tmp_path: Path) -> None:
    small = made(tmp_path / "small", SHAPES["loose"], np.arange(LARGE.least - 1, dtype=np.int32))
    assert small.opened[0].coarse is None and not list(tmp_path.rglob("coarse.*"))


def test_without_its_files_the_vectors_themselves_are_asked(tmp_path: Path) -> None:
    rows = np.arange(SIZE, dtype=np.int32)
    before = made(tmp_path / "index", SHAPES["loose"], rows).nearest(SHAPES["loose"][3], 20, np.ones(SIZE, bool))
    for path in tmp_path.rglob("coarse.*"):
        path.unlink()
    without = Dense(tmp_path / "index", Given(), LARGE)
    assert without.opened[0].coarse is None
    assert without.nearest(SHAPES["loose"][3], 20, np.ones(SIZE, bool)) == before


@pytest.mark.parametrize("name", ["coarse.faiss", "coarse.json"])
def test_half_a_file_is_damage(tmp_path: Path, name: str) -> None:
    made(tmp_path / "index", SHAPES["loose"], np.arange(SIZE, dtype=np.int32))
    path = parts.read(tmp_path / "index")[0].path / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreDamagedError, match="unreadable"):
        Dense(tmp_path / "index", Given(), LARGE)
