"""One contract for every kind of FAISS index: the nearest, in sight, by their exact cosine, the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from consilience.errors import BadInputError, StoreDamagedError
from consilience.indexes.dense import Dense, Entries, assemble, parts
from consilience.indexes.dense.exact import OnTorch
from consilience.indexes.dense.kinds import lists_for, probes_for, subspaces_for
from consilience.indexes.filters import Mask
from consilience.indexes.profile import DenseProfile

KINDS = ("flat", "hnsw", "ivf_sq8", "ivf_pq")
SIZE, DIMENSION = 4000, 48
# Small enough that approximation is at work in what follows.
SMALL: dict[str, Any] = {"least": 1000, "narrow": 100}

each_kind = pytest.mark.parametrize("kind", KINDS)
each_approximate = pytest.mark.parametrize("kind", KINDS[1:])


class Given:
    """No model: the tests bring vectors."""

    name, dimension = "given", DIMENSION

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise NotImplementedError

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        raise NotImplementedError


def unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def of_topics(chance: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Vectors in 60 loose groups, as those of texts are."""
    topics = np.random.default_rng(7).normal(size=(60, DIMENSION))
    return unit(topics[chance.integers(60, size=count)] + chance.normal(size=(count, DIMENSION)))


VECTORS = of_topics(np.random.default_rng(1), SIZE)
QUERIES = of_topics(np.random.default_rng(2), 40)


def entries(rows: Sequence[int]) -> Entries:
    """Passage n is text n, said by the document row named."""
    numbers = np.arange(len(rows), dtype=np.int32)
    return Entries(numbers, np.asarray(rows, np.int32), pa.array([f"{n:024x}" for n in numbers], pa.string()))


def made(folder: Path, profile: DenseProfile, rows: Sequence[int] = range(SIZE)) -> Dense:
    if not folder.exists():
        assemble(folder, entries(rows), lambda keys: VECTORS[np.array([int(key, 16) for key in keys], int)], profile)
    return Dense(folder, Given(), profile)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


def best(query: npt.NDArray[np.float32], allowed: Mask, count: int) -> list[int]:
    scores = np.where(allowed, VECTORS.astype(np.float64) @ query, -9)
    return [int(row) for row in np.argsort(-scores, kind="stable")[: min(count, int(allowed.sum()))]]


def recall(index: Dense, allowed: Mask, count: int = 10) -> float:
    shares = []
    for query in QUERIES:
        wanted = set(best(query, allowed, count))
        found = {hit.row for hit in index.nearest(query, count, allowed)}
        assert found <= set(np.flatnonzero(allowed).tolist()) and len(found) == len(wanted)
        shares.append(len(found & wanted) / len(wanted))
    return float(np.mean(shares))


@each_kind
@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.005])
def test_the_nearest_in_sight_are_found_however_few_are_in_sight(folder: Path, kind: Any, share: float) -> None:
    index = made(folder / kind, DenseProfile(kind=kind, **SMALL))
    assert [part.kind for part in index.parts] == [kind]
    allowed = np.random.default_rng(3).random(SIZE) < share
    assert recall(index, allowed) >= (1.0 if kind == "flat" or share == 0.005 else 0.95)


@each_kind
def test_a_hit_is_worth_its_exact_cosine_in_every_kind(folder: Path, kind: Any) -> None:
    index = made(folder / kind, DenseProfile(kind=kind, **SMALL))
    for query in QUERIES:
        hits = index.nearest(query, 25, np.ones(SIZE, bool))
        exactly = [np.float32((VECTORS[h.row].astype(np.float64) * query.astype(np.float64)).sum()) for h in hits]
        assert [hit.score for hit in hits] == exactly
        assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.row))


@each_kind
def test_the_same_vectors_make_the_same_bytes(folder: Path, tmp_path: Path, kind: Any) -> None:
    profile = DenseProfile(kind=kind, **SMALL)
    once, twice = made(folder / kind, profile), made(tmp_path / "again", profile)
    files = sorted(path.relative_to(folder / kind) for path in (folder / kind).rglob("*") if path.is_file())
    assert len(files) == (6 if kind == "flat" else 5)
    assert all((folder / kind / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in files)
    assert once.nearest(QUERIES[0], 10, np.ones(SIZE, bool)) == twice.nearest(QUERIES[0], 10, np.ones(SIZE, bool))


@each_kind
def test_documents_of_many_passages_keep_no_other_out(tmp_path: Path, kind: Any) -> None:
    # The document of row 0 says the 1,500 passages nearest to the query, and each other row one.
    query = QUERIES[0]
    near = best(query, np.ones(SIZE, bool), 1500)
    rows = np.arange(SIZE, dtype=np.int32) + 1
    rows[near] = 0
    index = made(tmp_path / kind, DenseProfile(kind=kind, **SMALL), rows.tolist())
    hits = index._ranked(query, 30, np.ones(SIZE + 1, bool), documents=True)
    assert [hit.row for hit in hits[:1]] == [0] and len({hit.row for hit in hits}) == len(hits) == 30
    others = np.ones(SIZE, bool)
    others[near] = False
    found, wanted = {hit.row - 1 for hit in hits[1:]}, set(best(query, others, 29))
    assert found == wanted if kind == "flat" else len(found & wanted) >= 27


def test_all_documents_are_found_when_all_are_asked_for(tmp_path: Path) -> None:
    for kind in KINDS:
        index = made(
            tmp_path / kind, DenseProfile.model_validate({"kind": kind, **SMALL}), [n // 7 for n in range(SIZE)]
        )
        hits = index._ranked(QUERIES[1], 10_000, np.ones(SIZE, bool), documents=True)
        assert sorted(hit.row for hit in hits) == list(range(-(-SIZE // 7)))


def test_equal_vectors_are_ranked_by_row_and_never_cut_by_an_engines_order(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    rows = chance.permutation(300).astype(np.int32)
    index_of = Entries(np.arange(300, dtype=np.int32), rows, pa.array([f"{n:024x}" for n in range(300)]))
    assemble(tmp_path / "ties", index_of, lambda keys: np.repeat(VECTORS[:1], len(keys), 0), DenseProfile())
    hits = Dense(tmp_path / "ties", Given()).nearest(VECTORS[0], 5, np.ones(300, bool))
    assert [hit.row for hit in hits] == [0, 1, 2, 3, 4]


@each_approximate
def test_too_few_vectors_are_searched_exactly_and_it_is_told(tmp_path: Path, kind: Any) -> None:
    index = made(tmp_path / kind, DenseProfile(kind=kind), range(500))
    assert [part.kind for part in index.parts] == ["flat"]
    assert parts.told(tmp_path / kind) == f"500 vectors are too few for {kind}: they are searched exactly"
    assert not (tmp_path / kind / index.parts[0].name / "near.faiss").exists()


@each_kind
def test_an_index_of_nothing_finds_nothing(tmp_path: Path, kind: Any) -> None:
    index = made(tmp_path / kind, DenseProfile(kind=kind), [])
    assert index.nearest(QUERIES[0], 5, np.ones(9, bool)) == []


@each_approximate
def test_few_but_enough_vectors_are_trained_on_what_there_is(tmp_path: Path, kind: Any) -> None:
    index = made(tmp_path / kind, DenseProfile(kind=kind, least=1, narrow=0), range(256))
    assert [part.kind for part in index.parts] == [kind]
    assert len(index.nearest(QUERIES[0], 10, np.ones(256, bool))) == 10


def test_parameters_follow_from_how_many_vectors_there_are() -> None:
    plain = DenseProfile()
    assert [lists_for(n, plain) for n in (10, 4000, 25_600, 1_000_000)] == [1, 100, 640, 4000]
    assert [probes_for(n, plain) for n in (1, 100, 4000)] == [1, 80, 506]
    assert [subspaces_for(d, plain) for d in (384, 256, 5, 770)] == [48, 32, 1, 77]
    named = DenseProfile(lists=9, probes=4, subspaces=100)
    assert (lists_for(4000, named), probes_for(9, named), subspaces_for(384, named)) == (9, 4, 96)


@each_kind
def test_what_is_searched_is_read_off_the_disk_as_it_is_needed(folder: Path, kind: Any) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    index = made(folder / kind, DenseProfile(kind=kind, **SMALL))
    mapped = maps.read_text()
    assert str(index.parts[0].path / "exact.faiss") in mapped
    assert kind == "flat" or str(index.parts[0].path / "near.faiss") in mapped


@each_approximate
def test_a_spoiled_file_is_damage_that_says_how_to_repair(tmp_path: Path, kind: Any) -> None:
    profile = DenseProfile(kind=kind, **SMALL)
    path = made(tmp_path / kind, profile).parts[0].path / "near.faiss"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreDamagedError) as caught:
        made(tmp_path / kind, profile)
    assert "refresh" in caught.value.expected


def test_torch_names_the_same_hits_as_faiss(folder: Path) -> None:
    pytest.importorskip("torch")
    index = made(folder / "flat", DenseProfile())
    other = OnTorch(VECTORS, "cpu")
    for share in (1.0, 0.3, 0.001):
        allowed = np.random.default_rng(4).random(SIZE) < share
        places = None if share == 1.0 else np.flatnonzero(allowed)
        for query in QUERIES[:10]:
            hits = index.nearest(query, 20, allowed)
            assert {hit.row for hit in hits} == set(other.nearest(query, min(20, len(hits)), places).tolist())


def test_a_gpu_that_is_not_there_is_missed_unless_the_processor_may_do(tmp_path: Path) -> None:
    if Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists():
        pytest.skip("there is a GPU here: see test_dense_gpu.py")
    index = made(tmp_path / "flat", DenseProfile())
    auto = Dense(tmp_path / "flat", Given(), DenseProfile(device="auto"))
    assert auto.nearest(QUERIES[0], 5, np.ones(SIZE, bool)) == index.nearest(QUERIES[0], 5, np.ones(SIZE, bool))
    with pytest.raises(BadInputError, match="GPU"):
        Dense(tmp_path / "flat", Given(), DenseProfile(device="gpu"))
