"""An update adds a part and shares the others; searched together they are the index built anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from consilience.corpora import forget
from consilience.indexes import folder_of
from consilience.indexes.dense import Dense, Entries, assemble, parts
from consilience.indexes.profile import DenseProfile
from consilience.refresh import Refresh
from tests.making import TinyHome, at, paper

KINDS = ("flat", "hnsw", "ivf_sq8", "ivf_pq")
SIZE, DIMENSION = 3000, 32
SMALL: dict[str, Any] = {"least": 500, "narrow": 50}
CHANCE = np.random.default_rng(1)


def unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


TOPICS = CHANCE.normal(size=(40, DIMENSION))
VECTORS = unit(TOPICS[CHANCE.integers(40, size=SIZE)] + CHANCE.normal(size=(SIZE, DIMENSION)))
QUERIES = unit(TOPICS[CHANCE.integers(40, size=25)] + CHANCE.normal(size=(25, DIMENSION)))
EVERYTHING = np.ones(SIZE, bool)


class Given:
    """No model: the tests bring vectors."""

    name, dimension = "given", DIMENSION

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise NotImplementedError

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        raise NotImplementedError


class Built:
    """Snapshots one after the other, each a set of texts that are their own passages and rows."""

    def __init__(self, folder: Path, profile: DenseProfile) -> None:
        self._folder, self._profile = folder, profile
        self.folders: list[Path] = []
        self.asked = 0

    def add(self, texts: Sequence[int], *, anew: bool = False) -> Dense:
        folder = self._folder / str(len(self.folders) + 1)
        numbers = np.asarray(texts, np.int32)
        keys = pa.array([f"{n:024x}" for n in texts], pa.string())
        assemble(folder, Entries(numbers, numbers, keys), self._vectors, self._profile,
                 [] if anew else self.folders[-1:])  # fmt: skip
        self.folders.append(folder)
        return Dense(folder, Given(), self._profile)

    def _vectors(self, keys: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked = len(keys)
        return VECTORS.take([int(key, 16) for key in keys], axis=0)

    def files(self, number: int) -> dict[str, int]:
        folder = self.folders[number]
        return {str(p.relative_to(folder)): p.stat().st_ino for p in folder.rglob("*") if p.is_file()}


def shape(index: Dense) -> list[int]:
    return [part.vectors for part in index.parts]


@pytest.mark.parametrize("seed", range(3))
def test_after_adding_and_removing_a_flat_index_answers_to_the_bit_as_one_built_anew(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    updated, anew = Built(tmp_path / "updated", DenseProfile()), Built(tmp_path / "anew", DenseProfile())
    held = set(chance.sample(range(SIZE), 2000))
    shapes = set()
    for _ in range(8):
        one, other = updated.add(sorted(held)), anew.add(sorted(held), anew=True)
        shapes.add(len(one.parts))
        for query in QUERIES:
            allowed = np.random.default_rng(chance.randrange(99)).random(SIZE) < chance.choice([1.0, 0.3, 0.01])
            assert one.nearest(query, 20, allowed) == other.nearest(query, 20, allowed)
        held -= set(chance.sample(sorted(held), 30))
        held |= set(chance.sample(range(SIZE), 60))
    assert len(shapes) > 2  # deltas were there to be searched


@pytest.mark.parametrize("kind", KINDS[1:])
def test_an_updated_approximate_index_keeps_its_recall_and_merges_to_the_one_built_anew(
    tmp_path: Path, kind: Any
) -> None:
    profile = DenseProfile(kind=kind, **SMALL)
    built = Built(tmp_path / "updated", profile)
    built.add(range(2700))
    index = built.add(range(100, 2900))
    assert [part.kind for part in index.parts] == [kind, "flat"] and shape(index) == [2700, 200]
    exact = Built(tmp_path / "exact", DenseProfile()).add(range(100, 2900))
    shares = [len({h.row for h in index.nearest(q, 10, EVERYTHING)} & {h.row for h in exact.nearest(q, 10, EVERYTHING)})
              for q in QUERIES]  # fmt: skip
    assert np.mean(shares) >= 9.5
    assert all(hit.row >= 100 for query in QUERIES for hit in index.nearest(query, 50, EVERYTHING))
    merged = built.add(range(100, 3000))
    anew = Built(tmp_path / "anew", profile)
    assert shape(merged) == shape(anew.add(range(100, 3000))) == [2900]
    for name in built.files(-1):
        assert (built.folders[-1] / name).read_bytes() == (anew.folders[-1] / name).read_bytes()


def test_an_update_writes_what_is_new_and_links_the_rest(tmp_path: Path) -> None:
    built = Built(tmp_path, DenseProfile(kind="hnsw", **SMALL))
    built.add(range(2900))
    built.add(range(2950))
    before, after = built.files(0), built.files(1)
    shared = {name for name in after if before.get(name) == after[name]}
    assert shared == {name for name in before if name.startswith("base-")} and len(shared) == 3
    assert built.asked == 50
    assert sum((built.folders[1] / name).stat().st_size for name in after.keys() - shared) < 60_000


def test_deltas_are_merged_when_they_are_too_large_or_too_many(tmp_path: Path) -> None:
    built = Built(tmp_path, DenseProfile())
    assert shape(built.add(range(1000))) == [1000]
    for n in range(1, parts.MOST_DELTAS + 1):
        assert len(built.add(range(1000 + n)).parts) == n + 1
    assert shape(built.add(range(1020))) == [1000, 20]
    assert shape(built.add(range(1111))) == [1000, 20, 91]
    assert shape(built.add(range(1112))) == [1112]


def test_an_index_is_built_anew_when_too_much_of_it_is_dead(tmp_path: Path) -> None:
    built = Built(tmp_path, DenseProfile())
    built.add(range(1000))
    assert shape(built.add(range(200, 1000))) == [1000]
    assert shape(built.add(range(201, 1000))) == [799]


def test_of_several_earlier_indexes_the_one_that_holds_most_is_built_on(tmp_path: Path) -> None:
    numbers = np.arange(1000, dtype=np.int32)

    def lay(name: str, count: int, earlier: Sequence[Path]) -> Path:
        of = Entries(numbers[:count], numbers[:count], pa.array([f"{n:024x}" for n in numbers[:count]]))
        assemble(tmp_path / name, of, lambda keys: VECTORS[[int(key, 16) for key in keys]], DenseProfile(), earlier)
        return tmp_path / name

    less, more = lay("less", 920, []), lay("more", 960, [])
    assert [part.vectors for part in parts.read(lay("next", 1000, [less, more, tmp_path / "none"]))] == [960, 40]


def test_equal_texts_share_one_vector_and_each_entry_is_found(tmp_path: Path) -> None:
    texts = pa.array(["a" * 24, "b" * 24, "a" * 24])
    of = Entries(np.array([0, 1, 2], np.int32), np.array([5, 6, 7], np.int32), texts)
    assemble(tmp_path / "made", of, lambda keys: VECTORS[: len(keys)], DenseProfile())
    index = Dense(tmp_path / "made", Given())
    assert shape(index) == [2]
    assert [(h.row, h.passage) for h in index.nearest(VECTORS[0], 2, np.ones(9, bool))] == [(5, 0), (7, 2)]
    only = np.zeros(9, bool)
    only[7] = True
    assert [h.row for h in index.nearest(VECTORS[0], 2, only)] == [7]


# ---------------------------------------------------------------- in a home


def refreshed(home: TinyHome) -> Path:
    index = home.index()
    return folder_of(index.corpus, index.profile) / "dense"


def papers(first: int, last: int) -> list[Any]:
    return [
        paper(n, f"Velorine, zinc and group {n}", abstract=f"Result number {n} of many.") for n in range(first, last)
    ]


def test_a_home_is_updated_part_by_part(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *papers(1, 60), known=0)
    first = refreshed(home)
    home.load("pubmed26n0002.xml", *papers(60, 63), known=1)
    second = refreshed(home)
    assert [part.vectors for part in parts.read(second)] == [59, 3]
    base = parts.read(first)[0].name
    assert (first / base / "exact.faiss").stat().st_ino == (second / base / "exact.faiss").stat().st_ino


def test_the_vectors_of_a_forgotten_document_are_in_no_part(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *papers(1, 60), known=0)
    refreshed(home)
    home.load("pubmed26n0002.xml", *papers(60, 63), known=1)
    refreshed(home)  # the document lies in a base that two snapshots share
    now = Refresh.of(home.rooms)
    cut = now.snapshot().passages
    gone = cut.filter(pc.equal(cut["id"], "PMID:7"))["embedded"].to_pylist()
    vectors = [now.embedding.encode([f"Velorine, zinc and group {n} Result number {n} of many."])[0] for n in (7, 8)]

    def holders(vector: npt.NDArray[np.float32]) -> list[Path]:
        return [p for p in home.rooms.indexes.rglob("*") if p.is_file() and vector.tobytes() in p.read_bytes()]

    assert [path.name for path in holders(vectors[0])].count("exact.faiss") == 2
    forget.forget(home.store, "PMID:7", "consent withdrawn", at(2))
    assert holders(vectors[0]) == []
    again = refreshed(home)
    assert holders(vectors[0]) == [] and holders(vectors[1])
    assert [part.vectors for part in parts.read(again)] == [61]
    assert not set(gone) & set(pq.read_table(next(again.glob("base-*")) / "keys.parquet")["embedded"].to_pylist())
