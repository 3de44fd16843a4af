"""One contract for every retriever: whoever joins `RETRIEVERS` is held to all of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from consilience import indexes
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import Item
from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.cluster import Cluster
from consilience.indexes.filters import Filters, Found, Retriever, Sight
from consilience.indexes.profile import ClusterProfile, DenseProfile, Profile
from consilience.records import Deletion, Mark, MeshHeading
from consilience.refresh import Refresh
from tests.making import TinyHome, advice, clocks, ids, paper

MILVUS = "milvus lite"
HAS_MILVUS = all(map(find_spec, ("pymilvus", "milvus_lite")))
KINDS: tuple[str, ...] = get_args(DenseProfile.model_fields["kind"].annotation)
WORDS = "pain sleep zinc cold children fever dose trial cohort placebo liver kidney rats women smoke heart".split()
HEADINGS = [
    MeshHeading("Humans", "D006801"),
    MeshHeading("Animals", "D000818"),
    MeshHeading("Rats", "D051381"),
    MeshHeading("Aged", "D000368"),
    MeshHeading("Aspirin", "D001241"),
    MeshHeading("Zinc", "D015032"),
    MeshHeading("Rare Word", "D999999"),
]
TYPES = ["D016449", "D016454", "D016428", "D000076942"]
RARE = [200, 230, 260]
DAY = date(2000, 1, 1)


def some(chance: random.Random, number: int) -> Item:
    """A paper about velorine, with headings, types, languages and dates at random."""
    words = chance.choices(WORDS, k=chance.randrange(2, 30))
    day = DAY + timedelta(days=chance.randrange(7000))
    headings = chance.sample(HEADINGS[:-1], chance.randrange(4)) + (HEADINGS[-1:] if number in RARE else [])
    return paper(
        number, f"Velorine, {' '.join(words[:3])}", abstract=f"Velorine {' '.join(words)}.",
        published=chance.choice([day.isoformat(), str(day.year), None]),
        types=chance.sample(TYPES, chance.randrange(3)),
        mesh=tuple(headings), languages=tuple(chance.sample(["eng", "fre", "ger"], chance.randrange(3))),
    )  # fmt: skip


def first(folder: Path) -> TinyHome:
    """290 papers, 20 of them known five days later, and two versions of a guideline."""
    chance, home = random.Random(1), TinyHome.make(folder / "home")
    home.load("pubmed26n0001.xml", *(some(chance, number) for number in range(270)), known=0)
    home.load("pubmed26n0002.xml", *(some(chance, number) for number in range(270, 290)), known=5)
    home.load("advice.jsonl", advice("1", "2001-01-01"), advice("2", "2009-01-01"), known=5, kind="guidelines")
    return home


def second(home: TinyHome) -> None:
    """Another 60 papers, 30 revised, 20 deleted, 20 retracted or doubted, some of them taken back."""
    chance = random.Random(2)
    late: list[Item] = [some(chance, number) for number in range(400, 460)]
    late += [replace(some(chance, number), source_version="2") for number in range(0, 60, 2)]  # type: ignore[arg-type]
    late += [Deletion(str(number), "1") for number in range(61, 101, 2)]
    home.load("pubmed26n0003.xml", *late, known=10)
    marks = [
        Mark(f"PMID:{number}", kind, DAY + timedelta(days=chance.randrange(7000)))
        for number in range(100, 120)
        for kind in chance.sample(("retracted", "concern", "corrected", "reinstated"), 2)
    ]
    home.load("list.csv", *marks, known=15, kind="retractions")


def profile_of(kind: str, cluster: ClusterProfile | None = None) -> Profile:
    """A profile in which even a small corpus is searched by the approximate kinds, but for the narrowest filters."""
    dense = {"kind": kind, "embedding": "hashed", "least": 256, "narrow": 8}
    known = {name: value for name, value in dense.items() if name in DenseProfile.model_fields}
    return Profile(dense=DenseProfile.model_validate(known), cluster=cluster)


def index_of(home: TinyHome, kind: str, cluster: ClusterProfile | None = None) -> Index:
    corpus, now, profile = home.corpus(), Refresh.of(home.rooms), profile_of(kind, cluster)
    now.embeddings()
    indexes.build(corpus, now.commits, profile, now.embedding)
    return Index(corpus, profile, now.embedding)


@dataclass
class Hybrid:
    """Both engines fused, as a retriever like the others."""

    index: Index

    def search(self, query: str, limit: int, sight: Sight) -> Sequence[Found]:
        hits = self.index.search(query, top=limit, clocks=sight.clocks, filters=sight.filters, where=sight.allowed)
        return [Found(hit.row, hit.score, hit.passage) for hit in hits]


@dataclass
class Tried:
    """A retriever over one home, and what tells its sights."""

    index: Index
    retriever: Retriever

    @property
    def corpus(self) -> Corpus:
        return self.index.corpus

    def ask(self, query: str, limit: int, on: Clocks, filters: Filters | None = None) -> list[Found]:
        return list(self.retriever.search(query, limit, self.index.sights.of(on, filters)))

    def told(self, found: Sequence[Found]) -> list[tuple[str, str, float]]:
        """Documents, versions and scores: what may be compared between homes."""
        documents = [self.corpus.document(each.row) for each in found]
        return [(d.id, d.version, each.score) for d, each in zip(documents, found, strict=True)]


Make = Callable[[TinyHome], Tried]


def lexical(home: TinyHome) -> Tried:
    index = index_of(home, KINDS[0])
    return Tried(index, index.lexical)


def dense(kind: str, home: TinyHome) -> Tried:
    index = index_of(home, kind)
    return Tried(index, index.dense)


def hybrid(home: TinyHome) -> Tried:
    index = index_of(home, KINDS[0])
    return Tried(index, Hybrid(index))


def milvus(home: TinyHome) -> Tried:
    """Milvus Lite: what its questions mean is tested so, never the type of an index, which Lite may accept unbuilt."""
    index = index_of(home, KINDS[0], ClusterProfile(index="FLAT", narrow=8))
    return Tried(index, index.dense)


# Another engine joins here: its name, and what makes it over a home that was just loaded.
RETRIEVERS: list[tuple[str, Make]] = [
    ("lexical", lexical),
    *((f"dense-{kind}", partial(dense, kind)) for kind in KINDS),
    ("hybrid", hybrid),
    (MILVUS, milvus),
]
MADE = [(name, make) for name, make in RETRIEVERS if name != MILVUS or HAS_MILVUS]
# These name candidates by what the index holds; the others rank all that is allowed.
APPROXIMATE = {f"dense-{kind}" for kind in KINDS if kind != "flat"}


@dataclass
class Three:
    """One retriever over a home before its second load, after it, and over a home that was built at once."""

    name: str
    before: Tried
    after: Tried
    anew: Tried

    @property
    def is_exact(self) -> bool:
        return self.name not in APPROXIMATE


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Three]]:
    updated, anew = first(tmp_path_factory.mktemp("updated")), first(tmp_path_factory.mktemp("anew"))
    early = {name: make(updated) for name, make in MADE}
    for home in (updated, anew):
        second(home)
    made = {name: Three(name, early[name], make(updated), make(anew)) for name, make in MADE}
    yield made
    for each in (of for three in made.values() for of in (three.before, three.after, three.anew)):
        if isinstance(each.retriever, Cluster):
            each.retriever.close()


@pytest.fixture(params=[name for name, _ in RETRIEVERS])
def three(homes: dict[str, Three], request: pytest.FixtureRequest) -> Three:
    if request.param not in homes:
        pytest.skip("pymilvus or milvus-lite is not installed: the extra cluster")
    return homes[request.param]


def random_query(chance: random.Random) -> str:
    return " ".join(["velorine", *chance.choices(WORDS, k=chance.randrange(4))])


def random_clocks(chance: random.Random) -> Clocks:
    day = None if chance.random() < 0.3 else (DAY + timedelta(days=chance.randrange(-100, 7200))).isoformat()
    return clocks(day, chance.choice([-1, 0, 4, 5, 9, 10, 15, 99]))


def random_filters(chance: random.Random) -> Filters:
    def maybe(*values: str) -> list[str]:
        return chance.sample(values, chance.randrange(1, len(values))) if chance.random() < 0.35 else []

    return Filters.read(
        design=maybe("rct", "review", "unknown"), mesh=maybe("aspirin", "D015032", "RARE WORD", "No Such Heading"),
        publication_type=maybe(*TYPES), language=maybe("eng", "French", "de"), species=maybe("humans", "animals"),
        status=maybe("active", "retracted", "concern", "corrected", "superseded", "preprint"),
    )  # fmt: skip


def test_at_most_so_many_documents_come_each_once_best_first_ties_by_row(three: Three) -> None:
    for limit in (1, 7, 1000):
        found = three.after.ask("velorine for pain in children", limit, clocks())
        assert 1 <= len(found) <= limit
        assert found == sorted(found, key=lambda each: (-each.score, each.row))
        assert len(set(ids(three.after.corpus, [each.row for each in found]))) == len(found)


def test_a_shorter_answer_begins_a_longer_one(three: Three) -> None:
    if not three.is_exact:
        pytest.skip("an approximate index may find more when it looks further")
    for seed in range(20):
        query = random_query(random.Random(seed))
        longer = three.after.ask(query, 150, clocks())
        assert [three.after.ask(query, limit, clocks()) for limit in (1, 10, 60)] == [
            longer[:1],
            longer[:10],
            longer[:60],
        ]


def test_nothing_out_of_sight_is_found_whatever_the_clocks_and_filters(three: Three) -> None:
    chance, narrowed = random.Random(3), 0
    for _ in range(60):
        on, filters = random_clocks(chance), random_filters(chance)
        rows = [each.row for each in three.after.ask(random_query(chance), 1000, on, filters)]
        lawful = by_hand(three.after.corpus, on, filters)
        assert set(rows) <= lawful
        narrowed += bool(rows) and len(lawful) < 40
    assert narrowed > 3


def by_hand(corpus: Corpus, on: Clocks, filters: Filters) -> set[int]:
    """The rows that the clocks show and every filter lets through, read record by record."""
    species = {"humans": {"Humans", "Aged"}, "animals": {"Animals", "Rats"}}
    found = set()
    for row in corpus.visible(on).nonzero()[0].tolist():
        document = corpus.document(row)
        headings = {term for name, ui, *_ in document.meta.get("mesh", ()) for term in (name, ui)}
        types = {ui for _, ui in document.meta.get("publication_types", ())}
        about = {name for name, tags in species.items() if tags & headings}
        statuses = {corpus.status(document.id, on).name, *(["preprint"] if document.preprint else [])}
        bears = [
            (filters.designs, {document.design}),
            (filters.mesh, {term.casefold() for term in headings} | headings),
            (filters.publication_types, types),
            (filters.languages, set(document.meta.get("languages", ()))),
            (filters.species, {"humans"} if document.source == "guidelines" else about),
            (filters.statuses, statuses),
        ]
        if all(not asked or {a.casefold() for a in asked} & {b.casefold() for b in borne} for asked, borne in bears):
            found.add(row)
    return found


def test_what_a_narrow_filter_leaves_is_found_whole(three: Three) -> None:
    rare = Filters.read(mesh=["D999999"])
    for query in ("velorine", "velorine for pain in children"):
        for limit in (3, 1000):
            rows = [each.row for each in three.after.ask(query, limit, clocks(), rare)]
            assert sorted(ids(three.after.corpus, rows)) == [f"PMID:{number}" for number in RARE]


def test_every_document_in_sight_that_bears_the_word_is_found(three: Three) -> None:
    if not three.is_exact:
        pytest.skip("an approximate index promises most, not all")
    for on in (clocks(), clocks("2010-06-30", 9), clocks(known=0)):
        shown = three.after.corpus.visible(on)
        papers = shown & ~three.after.corpus.among("source", ["guidelines"])
        rows = {each.row for each in three.after.ask("velorine", 1000, on)}
        assert set(papers.nonzero()[0]) <= rows <= set(shown.nonzero()[0])


def test_where_nothing_is_in_sight_or_asked_for_nothing_is_found(three: Three) -> None:
    assert three.after.ask("velorine", 10, clocks("1990-01-01")) == []
    assert three.after.ask("velorine", 10, clocks(known=-1)) == []
    assert three.after.ask("velorine", 10, clocks(), Filters.read(mesh=["No Such Heading"])) == []
    assert three.after.ask("velorine", 0, clocks()) == []


def test_the_same_question_has_the_same_answer(three: Three) -> None:
    chance = random.Random(4)
    for _ in range(10):
        query, on, filters = random_query(chance), random_clocks(chance), random_filters(chance)
        assert three.after.ask(query, 20, on, filters) == three.after.ask(query, 20, on, filters)


def test_eight_threads_get_the_answers_of_one(three: Three) -> None:
    chance = random.Random(5)
    asked = [(random_query(chance), 20, random_clocks(chance), random_filters(chance)) for _ in range(40)]
    alone = [three.after.ask(*each) for each in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda each: three.after.ask(*each), asked)) == alone


def test_an_index_brought_up_to_date_answers_as_one_built_anew(three: Three) -> None:
    chance = random.Random(6)
    for _ in range(20):
        query, on, filters = random_query(chance), random_clocks(chance), random_filters(chance)
        answers = [tried.told(tried.ask(query, 30, on, filters)) for tried in (three.after, three.anew)]
        assert answers[0] == answers[1]


def test_what_is_loaded_later_moves_no_score_and_no_place(three: Three) -> None:
    chance, compared = random.Random(7), 0
    for _ in range(40):
        query, filters = random_query(chance), random_filters(chance) if chance.random() < 0.5 else None
        on = replace(random_clocks(chance), known_at=clocks(known=chance.choice([0, 4, 5, 9])).known_at)
        then, now = (tried.told(tried.ask(query, 30, on, filters)) for tried in (three.before, three.after))
        if three.is_exact:
            assert then == now
        # Which candidates an approximate index names may hang on what it holds; what they are worth may not.
        scores = {(id, version): score for id, version, score in then}
        shared = [(scores[id, version], score) for id, version, score in now if (id, version) in scores]
        assert all(one == other for one, other in shared)
        compared += len(shared)
    assert compared > 200


# ---------------------------------------------------------------- of the index's own search


@pytest.fixture
def index(homes: dict[str, Three]) -> Index:
    return homes["hybrid"].after.index


each_retriever = pytest.mark.parametrize("retriever", indexes.RETRIEVERS)


@each_retriever
def test_a_hit_tells_its_parts_and_rows_given_narrow_the_search(index: Index, retriever: str) -> None:
    hits = index.search("velorine pain", top=10, clocks=clocks(), retriever=retriever)
    assert all(hit.parts and set(hit.parts) <= {"lexical", "dense", "neighbours"} for hit in hits)
    only = np.zeros(index.corpus.table.num_rows, bool)
    only[index.corpus.rows_by_id["PMID:7"]] = True
    found = index.search("velorine pain", top=10, clocks=clocks(), retriever=retriever, where=only)
    assert ids(index.corpus, [hit.row for hit in found]) == ["PMID:7"]


def test_a_passage_found_belongs_to_the_document_found(index: Index) -> None:
    hits = index.search("velorine pain", top=50, clocks=clocks(), retriever="dense")
    passages = index.corpus.passages
    assert all(hit.passage is not None and passages["id"][hit.passage] == index.corpus.table["id"][hit.row]
               for hit in hits)  # fmt: skip


def test_a_boolean_query_is_answered_by_words_alone_unless_vectors_are_asked_for(index: Index) -> None:
    exactly = index.search("title:zinc AND title:velorine", top=9, clocks=clocks())
    titles = [index.corpus.document(hit.row).fields["title"].lower() for hit in exactly]
    assert titles and all("zinc" in title for title in titles)
    assert all(set(hit.parts) == {"lexical"} for hit in exactly)
    by_vectors = index.search("title:zinc AND title:velorine", top=1000, clocks=clocks(), retriever="dense")
    by_words = index.search("title:zinc AND title:velorine", top=1000, clocks=clocks())
    assert {hit.row for hit in by_vectors} == {hit.row for hit in by_words}


def test_an_unknown_retriever_is_refused_by_name(index: Index) -> None:
    with pytest.raises(BadInputError, match="fuzzy"):
        index.search("velorine", top=1, clocks=clocks(), retriever="fuzzy")
