"""Vectors: embedded once a text, searched among what is visible, exactly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from consilience.corpora.passages import embedded_text, pieces, text_key
from consilience.errors import StoreDamagedError
from consilience.indexes import Index, dense, folder_of
from consilience.indexes.dense.search import remembering
from consilience.indexes.dense.vectors import form, rows_of, table_of
from consilience.models.plain import HashedVectors
from consilience.records import Deletion
from consilience.refresh import Refresh
from tests.making import TinyHome, clocks, paper

WORDS = "zinc velorine cold pain sleep trial cohort children fever dose".split()


class Counting(HashedVectors):
    """Hashed vectors that remember what they were asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += texts
        return super().encode(texts)


def random_home(folder: Path, chance: random.Random) -> TinyHome:
    home = TinyHome.make(folder)
    for known in range(3):
        papers = [paper(n, " ".join(chance.choices(WORDS, k=4)), published=chance.choice(["2001", "2003 Mar 5", None]),
                        abstract=" ".join(chance.choices(WORDS, k=10)) + ".")
                  for n in chance.sample(range(25), 12)]  # fmt: skip
        home.load(f"pubmed26n{known + 1:04d}.xml", *papers, Deletion(str(chance.randrange(25)), "1"), known=known)
    return home


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return random_home(tmp_path_factory.mktemp("dense") / "home", random.Random(2)).index()


def test_on_random_clocks_the_best_visible_passages_are_found_exactly(index: Index) -> None:
    chance, corpus = random.Random(3), index.corpus
    texts = {row: " ".join(corpus.document(row).fields.values()) for row in range(corpus.table.num_rows)}
    for _ in range(40):
        day = date(2000, 6, 1) + timedelta(days=chance.randrange(1400)) if chance.random() < 0.8 else None
        visible = corpus.visible(clocks(day, chance.randrange(-1, 4)))
        vector = index.embedding.encode_query(" ".join(chance.choices(WORDS, k=3)))
        expected = {
            row: float(index.embedding.encode([texts[row]])[0] @ vector) for row in visible.nonzero()[0].tolist()
        }
        found = index.dense.nearest(vector, 5, visible)
        assert all(score == pytest.approx(expected[row], abs=1e-5) for row, score, _ in found)
        assert [hit.score for hit in found] == pytest.approx(sorted(expected.values(), reverse=True)[:5], abs=1e-5)
        assert all(corpus.table["id"][row] == corpus.passages["id"][passage] for row, _, passage in found)
        assert all(corpus.table["version"][row] == corpus.passages["version"][passage] for row, _, passage in found)


def test_a_query_without_a_direction_finds_nothing(index: Index) -> None:
    everything = np.ones(index.corpus.table.num_rows, bool)
    assert index.dense.nearest(index.embedding.encode_query(""), 5, everything) == []
    assert index.dense.nearest(index.embedding.encode_query("zinc"), 0, everything) == []
    assert index.dense.nearest(index.embedding.encode_query("zinc"), 5, ~everything) == []


def test_a_text_is_embedded_once_however_often_it_comes(tmp_path: Path) -> None:
    home, model = TinyHome.make(tmp_path / "home"), Counting()

    def embed() -> list[str]:
        corpus, now = home.corpus(), Refresh.of(home.rooms)
        model.asked.clear()
        assert dense.embed(home.store, now.commits, range(64), model) == len(model.asked)
        assert dense.embed(home.store, now.commits, range(64), model) == 0
        assert corpus.passages.num_rows >= len(model.asked)
        return sorted(model.asked)

    home.load("pubmed26n0001.xml", paper(1, "Zinc."), paper(2, "Pain.", abstract="Less."), known=0)
    assert embed() == ["Pain. Less.", "Zinc."]
    home.load(
        "pubmed26n0002.xml", paper(1, "Zinc.", revised="2020-01-01"), paper(2, "Pain.", abstract="More."), known=1
    )
    assert embed() == ["Pain. More."]


def test_what_is_embedded_is_the_passage_with_its_title(index: Index) -> None:
    passage = index.corpus.passages.slice(0, 1).to_pylist()[0]
    row = index.corpus.rows_by_id[passage["id"]][0]
    fields: dict[str, str | None] = dict(index.corpus.document(row).fields)
    [piece] = pieces(fields)
    assert text_key(embedded_text(fields, piece)) == passage["embedded"]


def test_a_lost_vector_or_index_is_damage_that_says_how_to_repair(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("a.xml", paper(1), known=0)
    index = home.index()
    for path in (home.rooms.indexes / "vectors").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(StoreDamagedError, match="no vector") as caught:
        dense.build(tmp_path / "again", index.corpus, index.embedding)
    assert "refresh" in caught.value.expected
    [vectors] = (folder_of(index.corpus, index.profile) / "dense").rglob("exact.faiss")
    vectors.write_bytes(vectors.read_bytes()[:-4])
    with pytest.raises(StoreDamagedError, match="unreadable"):
        _ = index.dense
    vectors.unlink()
    with pytest.raises(StoreDamagedError, match="missing"):
        _ = index.dense


def test_vectors_come_back_from_a_file_as_they_were_kept(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    table = table_of([f"key {n}" for n in range(6)], vectors)
    pq.write_table(table, tmp_path / "kept.parquet")
    kept = pq.read_table(tmp_path / "kept.parquet")
    assert kept.schema.equals(form(5)) and kept["embedded"].to_pylist() == [f"key {n}" for n in range(6)]
    assert np.array_equal(rows_of(kept["vector"], 5), vectors)
    assert np.array_equal(rows_of(kept["vector"].take([4, 1]), 5), vectors[[4, 1]])
    assert rows_of(table_of([], vectors[:0])["vector"], 5).shape == (0, 5)


def test_a_question_is_embedded_once_for_all_that_a_search_does(index: Index) -> None:
    model = Counting()
    opened = dense.Dense(folder_of(index.corpus, index.profile) / "dense", model, index.profile.dense)
    seen = index.sights.of(clocks(None, 99))
    rows = [found.row for found in opened.search("zinc pain", 5, seen)]
    assert len(rows) == 5 and opened.best_passages("zinc pain", rows).any()
    assert opened.search("zinc pain", 5, seen) and model.asked == ["zinc pain"]


def test_of_the_questions_asked_only_the_last_are_remembered() -> None:
    model = Counting()
    vector = remembering(model)
    for number in range(1000):
        assert np.array_equal(vector(f"zinc {number}"), vector(f"zinc {number}"))
    assert len(model.asked) == 1000
    vector("zinc 999")
    assert len(model.asked) == 1000
    vector("zinc 0")
    assert model.asked[1000:] == ["zinc 0"]


def test_two_builds_of_faiss_under_one_name_are_noticed() -> None:
    assert dense.engines(lambda name: "1") == ["faiss-cpu", "faiss-gpu"]
    assert len(dense.engines()) == 1
