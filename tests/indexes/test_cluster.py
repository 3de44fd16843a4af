"""Vectors on Milvus, beside what every retriever is held to: tested with Milvus Lite, on this machine alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from consilience import indexes
from consilience.api import Home
from consilience.corpora.corpus import Clocks
from consilience.errors import BadInputError, BusyError, StoreDamagedError
from consilience.home import init
from consilience.indexes import Index, cluster
from consilience.indexes.cluster import Cluster, expression
from consilience.indexes.filters import Filters
from consilience.indexes.profile import ClusterProfile, DenseProfile, Profile, load
from consilience.models.plain import HashedVectors
from consilience.records import Deletion, MeshHeading
from consilience.refresh import Refresh
from tests.making import TinyHome, at, clocks, paper

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("pymilvus", "milvus_lite"))),
    reason="pymilvus or milvus-lite is not installed: the extra cluster",
)
FAISS = Profile(dense=DenseProfile(embedding="hashed"))
MILVUS = FAISS.model_copy(update={"cluster": ClusterProfile(narrow=0)})
WORDS = "pain sleep zinc cold fever dose trial cohort placebo liver".split()
ODD = 'A "quoted" \\ {braced} heading'


def first(folder: Path) -> TinyHome:
    """60 papers, every third about an oddly named heading, every fifth without a date; some of several passages."""
    chance, home = random.Random(1), TinyHome.make(folder)
    papers = [
        paper(
            number, f"Velorine {number}", abstract=f"{' '.join(chance.choices(WORDS, k=40 + 400 * (number % 2)))}.",
            published=None if number % 5 == 0 else f"{2000 + number % 20}-03-01",
            mesh=(MeshHeading(ODD, "D000001"),) if number % 3 == 0 else (),
            languages=("eng",) if number % 2 else ("fre",), types=["D016449"] if number % 7 == 0 else [],
        )
        for number in range(60)
    ]  # fmt: skip
    home.load("pubmed26n0001.xml", *papers, known=0)
    return home


def second(home: TinyHome) -> None:
    """Ten papers revised, two deleted, two new ones."""
    revised = [paper(n, "Zinc anew", abstract="Pain and zinc.", source_version="2") for n in range(10)]
    fresh = [paper(n, "Zinc", abstract="Sleep.") for n in (70, 71)]
    home.load("pubmed26n0002.xml", *revised, *fresh, Deletion("20", "1"), Deletion("21", "1"), known=10)


def opened(home: TinyHome, profile: Profile) -> Index:
    corpus, now = home.corpus(), Refresh.of(home.rooms)
    now.embeddings()
    indexes.build(corpus, now.commits, profile, now.embedding)
    return Index(corpus, profile, now.embedding)


def milvus(index: Index) -> Cluster:
    assert isinstance(index.dense, Cluster)
    return index.dense


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Index]]:
    home = first(tmp_path_factory.mktemp("milvus") / "home")
    second(home)
    searched = opened(home, MILVUS)
    yield searched, opened(home, FAISS)
    milvus(searched).close()


def index_dimension(both: tuple[Index, Index]) -> int:
    return both[0].embedding.dimension


def moments(chance: random.Random) -> Clocks:
    day = chance.choice([None, "1999-01-01", "2005-03-01", "2012-06-01", "2030-01-01"])
    return clocks(day, chance.choice([-1, 0, 5, 10, 99]))


def some_filters(chance: random.Random) -> Filters:
    return Filters.read(
        design=chance.choice([[], ["rct"], ["unknown", "rct"]]), mesh=chance.choice([[], [ODD], ["d000001", "x"]]),
        language=chance.choice([[], ["eng"]]), publication_type=chance.choice([[], ["D016449"]]),
    )  # fmt: skip


def test_the_expression_alone_lets_milvus_see_what_the_clocks_and_filters_show(both: tuple[Index, Index]) -> None:
    index, chance, counts = both[0], random.Random(2), set()
    of = milvus(index)
    for _ in range(60):
        seen = index.sights.of(moments(chance), some_filters(chance))
        found = of._milvus.call("query", of._collection, filter=expression(seen, of._last), output_fields=["id"])
        lawful = {each.decode() for each in of._ids[seen.allowed[of.rows]].tolist()}
        assert {each["id"] for each in found} == lawful
        counts.add(len(lawful))
    assert len(counts) > 8


def test_hits_scores_and_passages_are_those_of_faiss_to_the_last_bit(both: tuple[Index, Index]) -> None:
    chance = random.Random(3)
    for _ in range(30):
        query, on, filters = " ".join(chance.choices(WORDS, k=3)), moments(chance), some_filters(chance)
        answers = [index.dense.search(query, 15, index.sights.of(on, filters)) for index in both]
        assert answers[0] == answers[1]
        rows = [found.row for found in answers[1]]
        aside = np.full(index_dimension(both), 0.1, np.float32)
        seen = both[0].sights.of(on, filters)
        one, other = (index.dense.search(query, 15, seen, towards=aside) for index in both)
        assert one == other
        assert np.array_equal(*(index.dense.best_passages(query, rows) for index in both))


def test_a_question_is_embedded_once_for_all_that_a_search_does(tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(HashedVectors):
        def encode_query(self, text: str) -> npt.NDArray[np.float32]:
            asked.append(text)
            return super().encode_query(text)

    home = first(tmp_path / "home")
    built = opened(home, MILVUS)
    index = Index(built.corpus, MILVUS, Counting())
    rows = [found.row for found in index.dense.search("zinc pain", 5, index.sights.of(clocks(None, 99)))]
    assert len(rows) == 5 and index.dense.best_passages("zinc pain", rows).any()
    assert asked == ["zinc pain"]
    milvus(index).close()


def test_rows_and_statuses_that_no_field_tells_are_found_whole(
    both: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Milvus is asked for so little at a time that it has to be asked by name."""
    monkeypatch.setattr(cluster, "_MOST", 4)
    monkeypatch.setattr(cluster, "_SPARE", 0)
    chance = random.Random(4)
    for _ in range(20):
        query, seed = " ".join(chance.choices(WORDS, k=3)), chance.randrange(1000)
        where = np.random.default_rng(seed).random(both[0].corpus.table.num_rows) < 0.3
        answers = [index.dense.search(query, 6, index.sights.of(clocks(), None, where)) for index in both]
        assert answers[0] == answers[1]


def test_an_update_sends_what_changed_and_removes_what_is_no_more(tmp_path: Path) -> None:
    home = first(tmp_path / "home")
    now, early = opened(home, MILVUS), opened(home, FAISS)
    of = milvus(now)
    second(home)
    corpus, beside = home.corpus(), indexes.folder_of(now.corpus, MILVUS).parent
    Refresh.of(home.rooms).embeddings()

    def sent(name: str, given: Index) -> int:
        assert MILVUS.cluster
        return cluster.build(tmp_path / name, corpus, now.embedding, MILVUS.cluster, given.facets, beside)

    later = opened(home, FAISS)
    wanted = len(later.dense.rows)
    ended = {int(row) for row in np.flatnonzero(later.corpus.known_until < at(9_999).timestamp() * 1e6)}
    new = {int(row) for row in np.flatnonzero(later.corpus.known_from == at(10).timestamp() * 1e6)}
    changed = int(np.isin(later.dense.rows, sorted(ended | new)).sum())
    assert 0 < changed < wanted
    assert (sent("once", later), sent("again", later)) == (changed, 0)
    for query in WORDS:  # who has the snapshot before still open sees nothing of it, even asking about later
        answers = [index.dense.search(query, 30, index.sights.of(clocks(known=99))) for index in (now, early)]
        assert answers[0] == answers[1]
    # What no snapshot wants goes, and what somebody took away comes back.
    stray = of._milvus.call("get", of._collection, ids=[of._ids[0].decode()], output_fields=["*"])[0]
    of._milvus.call("upsert", of._collection, data=[{**stray, "id": "f" * 24}])
    of._milvus.call("delete", of._collection, ids=[of._ids[1].decode(), of._ids[2].decode()])
    assert sent("mended", later) == 2
    assert of._milvus.call("query", of._collection, filter="", output_fields=["count(*)"])[0]["count(*)"] == wanted
    of._milvus.call("drop_collection", of._collection)
    with pytest.raises(StoreDamagedError, match="collection"):
        _ = Index(now.corpus, MILVUS, now.embedding).dense
    assert sent("anew", later) == wanted
    of.close()


def test_the_packaged_profile_refreshes_and_answers_by_milvus_lite(tmp_path: Path) -> None:
    home = first(tmp_path / "home")
    file = home.rooms.root / "indexes" / "cluster.yaml"
    assert load(init(tmp_path / "packaged"), "cluster").cluster == ClusterProfile()
    assert file.exists()
    here = Home(home.rooms, lambda: at(5))
    assert here.refresh(profile="cluster")["profile"] == "cluster"
    found = here.search("zinc for pain and sleep", top=5)
    assert len(found["hits"]) == 5 and all("dense" in hit["parts"] for hit in found["hits"])
    index = here.view.index
    assert index.search("zinc", top=9, clocks=clocks(), retriever="dense")
    milvus(index).close()


@pytest.mark.parametrize(
    "uri", ["https://user:secret@milvus.test:19530", "../elsewhere.db", "/tmp/it.db", "ftp://milvus.test", "x.db\n"]
)
def test_an_address_with_credentials_or_outside_the_home_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="uri"):
        ClusterProfile(uri=uri)


def test_a_cluster_is_asked_only_if_enabled_and_a_token_goes_by_https_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def failing(**more: object) -> str:
        with pytest.raises((BadInputError, BusyError)) as caught:
            cluster._connected(ClusterProfile.model_validate(more), tmp_path)
        assert caught.value.__cause__ is None
        return json.dumps(caught.value.as_json())

    monkeypatch.setenv(cluster.TOKEN, "root:very-secret")
    told = [failing(uri="http://milvus.test:19530"), failing(uri="http://milvus.test:19530", enabled=True)]
    assert "not enabled" in told[0] and "https" in told[1]
    assert all("very-secret" not in each for each in [*told, caplog.text, *capfd.readouterr()])


def test_a_cluster_that_does_not_answer_is_an_error_without_its_address_or_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    import socket

    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv(cluster.TOKEN, "root:very-secret")
        monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
        with pytest.raises(BusyError) as caught:
            cluster._connected(
                ClusterProfile(uri=f"http://127.0.0.1:{taken.getsockname()[1]}", enabled=True), tmp_path
            )  # fmt: skip
    told = [json.dumps(caught.value.as_json()), caplog.text, *capfd.readouterr()]
    assert all("very-secret" not in each and "127.0.0.1" not in each for each in told)
