"""One contract for every retriever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from consilience.corpora.corpus import Clocks
from consilience.corpora.store import Item
from consilience.errors import BadInputError
from consilience.indexes import RETRIEVERS, Hit, Index
from consilience.indexes.filters import Filters
from consilience.records import Deletion
from tests.making import TinyHome, clocks, ids, paper

QUERY = "velorine for pain in children"
LONG = " ".join(f"In group {n} velorine eased the pain of children." for n in range(60))


FIRST: list[Item] = [
    *(
        paper(n, f"Velorine for pain {n}", abstract="Children slept." * (n % 3), published=f"{2000 + n}")
        for n in range(12)
    ),
    paper(50, "Velorine in many words", abstract=LONG, published="2003", types=["D016449"]),
    paper(51, "Velorine undated", published=None),
]
SECOND: list[Item] = [
    *(paper(n, f"Velorine, pain and children, no. {n}", published="1999") for n in range(100, 130)),
    paper(3, "Pain, revised", published="2003"),
    Deletion("4", "1"),
]


def first(folder: Path) -> TinyHome:
    home = TinyHome.make(folder / "home")
    home.load("pubmed26n0001.xml", *FIRST, known=0)
    return home


def second(home: TinyHome) -> Index:
    home.load("pubmed26n0002.xml", *SECOND, known=10)
    return home.index()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return second(first(tmp_path_factory.mktemp("both")))


each_retriever = pytest.mark.parametrize("retriever", RETRIEVERS)


def told(index: Index, hits: list[Hit]) -> list[tuple[str, str, float, dict[str, float]]]:
    return [(d.id, d.version, h.score, dict(h.parts)) for h in hits for d in [index.corpus.document(h.row)]]


@each_retriever
@pytest.mark.parametrize("top", [1, 7, 1000])
def test_at_most_top_documents_come_each_once_best_first(index: Index, retriever: str, top: int) -> None:
    hits = index.search(QUERY, top=top, clocks=clocks(), retriever=retriever)
    assert 1 <= len(hits) <= top
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert len({*ids(index.corpus, [h.row for h in hits])}) == len(hits)
    assert all(set(h.parts) <= {"lexical", "dense"} and h.parts for h in hits)
    assert hits == index.search(QUERY, top=1000, clocks=clocks(), retriever=retriever)[:top]


@each_retriever
@pytest.mark.parametrize(
    "on", [clocks("2002-12-31", 0), clocks("2002-12-31", 10), clocks(known=0), clocks(known=-1), clocks("1998-01-01")]
)  # fmt: skip
def test_nothing_published_or_loaded_later_is_found(index: Index, retriever: str, on: Clocks) -> None:
    rows = [h.row for h in index.search(QUERY, top=1000, clocks=on, retriever=retriever)]
    assert set(rows) <= set(index.corpus.visible(on).nonzero()[0].tolist())
    if retriever != "lexical":
        assert len(rows) == index.corpus.visible(on).sum()


@each_retriever
def test_the_same_question_has_the_same_answer(index: Index, retriever: str) -> None:
    fresh = Index(index.corpus, index.profile, index.embedding)
    asked = [i.search(QUERY, top=20, clocks=clocks(), retriever=retriever) for i in (index, index, fresh)]
    assert asked[0] == asked[1] == asked[2]


@each_retriever
def test_what_is_loaded_later_changes_no_earlier_answer(index: Index, tmp_path: Path, retriever: str) -> None:
    then = first(tmp_path).index()
    on = clocks("2006-12-31", 5)
    before = told(then, then.search(QUERY, top=10, clocks=on, retriever=retriever))
    assert told(index, index.search(QUERY, top=10, clocks=on, retriever=retriever)) == before


@each_retriever
def test_when_the_home_was_refreshed_changes_no_answer(index: Index, tmp_path: Path, retriever: str) -> None:
    home = first(tmp_path)
    home.index()
    again = second(home)
    hits = told(again, again.search(QUERY, top=30, clocks=clocks(), retriever=retriever))
    assert hits == told(index, index.search(QUERY, top=30, clocks=clocks(), retriever=retriever))


@each_retriever
def test_designs_and_rows_narrow_the_search(index: Index, retriever: str) -> None:
    trials = index.search(QUERY, top=10, clocks=clocks(), retriever=retriever, filters=Filters(designs=("rct",)))
    assert ids(index.corpus, [h.row for h in trials]) == ["PMID:50"]
    only = np.zeros(index.corpus.table.num_rows, bool)
    only[index.corpus.rows_by_id["PMID:7"]] = True
    assert ids(
        index.corpus, [h.row for h in index.search(QUERY, top=10, clocks=clocks(), retriever=retriever, where=only)]
    ) == ["PMID:7"]


def test_a_passage_found_belongs_to_the_document_found(index: Index) -> None:
    hits = index.search(QUERY, top=50, clocks=clocks(), retriever="dense")
    passages = index.corpus.passages
    assert all(h.passage is not None and passages["id"][h.passage] == index.corpus.table["id"][h.row] for h in hits)


def test_a_boolean_query_is_answered_by_words_alone_unless_vectors_are_asked_for(index: Index) -> None:
    exactly = index.search('"velorine undated"', top=9, clocks=clocks())
    assert ids(index.corpus, [h.row for h in exactly]) == ["PMID:51"]
    assert len(index.search('"velorine undated"', top=9, clocks=clocks(), retriever="dense")) == 9


def test_an_unknown_retriever_is_refused_by_name(index: Index) -> None:
    with pytest.raises(BadInputError, match="fuzzy"):
        index.search(QUERY, top=1, clocks=clocks(), retriever="fuzzy")
