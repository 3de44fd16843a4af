"""Words and Boolean queries, with both clocks inside the engine."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from consilience.corpora.corpus import Clocks, Corpus
from consilience.errors import BadInputError, StoreDamagedError
from consilience.indexes import Index, counts, lexical
from consilience.indexes.filters import Filters, sight
from consilience.indexes.lexical import Lexical, indexed_texts, is_boolean
from consilience.indexes.profile import LexicalProfile
from consilience.records import Deletion, MeshHeading
from tests.making import TinyHome, clocks, ids, paper

MESH = (MeshHeading("Common Cold"),)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    home = TinyHome.make(tmp_path_factory.mktemp("lexical") / "home")
    home.load("pubmed26n0001.xml",
              paper(1, "Zinc for colds", abstract="Zinc lozenges shortened colds.", mesh=MESH, published="2001"),
              paper(2, "Velorine, TNF-α", abstract='Randomised at 2:1, 5" tube.', types=["D016449"], published="2005"),
              paper(3, "Colds in winter", abstract="Nothing about metals.", published=None), known=0)  # fmt: skip
    home.load("pubmed26n0002.xml", paper(1, "Zinc for colds, revised", published="2001"), Deletion("2", "1"), known=10)
    return home.index()


def texts(corpus: Corpus, row: int) -> dict[str, str]:
    document = corpus.document(row)
    return indexed_texts(document.fields, document.meta)


def found(index: Index, query: str, on: Clocks | None = None, designs: Sequence[str] = ()) -> list[str]:
    seen = sight(index.corpus, on or clocks(known=0), Filters(designs=tuple(designs)))
    return ids(index.corpus, [found.row for found in index.lexical.search(query, 10, seen)])


def test_words_are_stemmed_folded_and_greek_is_spelled_out(index: Index) -> None:
    assert found(index, "lozenge") == ["PMID:1"]
    assert found(index, "shortening of a COLD") == ["PMID:1", "PMID:3"]
    assert found(index, "tnf-alpha") == found(index, "TNF α") == ["PMID:2"]
    assert found(index, "the of and") == found(index, "unheard") == found(index, "?!") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"zinc lozenges"', ["PMID:1"]),
        ('"lozenges zinc"', []),
        ("colds AND metals", ["PMID:3"]),
        ("colds NOT metals", ["PMID:1"]),
        ("lozenges OR velorine", ["PMID:1", "PMID:2"]),
        ("(lozenges OR metals) AND title:winter", ["PMID:3"]),
        ('mesh:"common cold"', ["PMID:1"]),
        ("design:rct AND velorine", ["PMID:2"]),
    ],
)
def test_boolean_queries_mean_what_they_say(index: Index, query: str, expected: list[str]) -> None:
    assert is_boolean(query)
    assert sorted(found(index, query)) == expected


@pytest.mark.parametrize(
    "query", ["randomised at 2:1", 'a 5" tube', "velorine (new)", "what about velorine: any good?"]
)
def test_what_people_write_is_no_boolean_query(index: Index, query: str) -> None:
    assert not is_boolean(query)
    assert "PMID:2" in found(index, query)


@pytest.mark.parametrize("query", ["zinc AND (", "AND", "title:zinc AND nosuch:zinc", "title:* OR zinc"])
def test_a_boolean_query_that_cannot_be_read_says_what_can(index: Index, query: str) -> None:
    with pytest.raises(BadInputError) as caught:
        found(index, query)
    assert "title:word" in caught.value.expected


def test_a_query_cannot_talk_its_way_past_the_clocks(index: Index) -> None:
    with pytest.raises(BadInputError):
        found(index, "zinc OR slot:[0 TO *]", clocks("2001-12-31", 0))
    for query in ("all[sb] NOT unheard", "zinc AND NOT unheard", "1800:3000[dp]", "zinc OR velorine OR metals"):
        assert set(found(index, query, clocks("2001-12-31", 0))) <= {"PMID:1"}


def test_each_clock_shows_the_version_of_its_time(index: Index) -> None:
    assert found(index, "zinc velorine colds", clocks("2001-12-30", 0)) == []
    assert found(index, "zinc velorine colds", clocks("2001-12-31", 0)) == ["PMID:1"]
    assert sorted(found(index, "zinc velorine colds", clocks(known=0))) == ["PMID:1", "PMID:2", "PMID:3"]
    assert sorted(found(index, "zinc velorine colds", clocks(known=10))) == ["PMID:1", "PMID:3"]
    assert found(index, "zinc velorine colds", clocks(known=-1)) == []
    assert found(index, "revised", clocks(known=9)) == [] and found(index, "lozenges", clocks(known=10)) == []


def test_designs_narrow_the_search(index: Index) -> None:
    assert found(index, "velorine colds", designs=["rct"]) == ["PMID:2"]
    assert found(index, "velorine colds", designs=["cohort"]) == []


def test_document_frequencies_count_what_is_in_sight_alone(index: Index) -> None:
    terms = index.lexical.terms("zinc colds")
    assert index.lexical.document_frequencies(terms, clocks(known=0)) == {"zinc": 1, "cold": 2}
    assert index.lexical.document_frequencies(terms, clocks("2004-01-01", 0)) == {"zinc": 1, "cold": 1}
    assert index.lexical.document_frequencies(terms, clocks(known=-1)) == {"zinc": 0, "cold": 0}


def test_on_random_clocks_no_row_is_found_that_is_not_visible_and_none_is_missed(tmp_path: Path) -> None:
    chance, home = random.Random(1), TinyHome.make(tmp_path / "home")
    for known in range(4):
        papers = [paper(n, f"word {known}", published=chance.choice(["2001", "2002 Mar", "2003 Mar 5", None]))
                  for n in chance.sample(range(30), 12)]  # fmt: skip
        home.load(f"pubmed26n{known + 1:04d}.xml", *papers, Deletion(str(chance.randrange(30)), "1"), known=known)
    index = home.index()
    for _ in range(60):
        day = date(2000, 6, 1) + timedelta(days=chance.randrange(1400)) if chance.random() < 0.8 else None
        on = clocks(day, chance.randrange(-1, 5))
        rows = {found.row for found in index.lexical.search("word", 1000, sight(index.corpus, on))}
        assert rows == set(index.corpus.visible(on).nonzero()[0].tolist())


def test_equal_scores_are_ordered_by_row_also_at_the_cut(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("a.xml", *(paper(n, "the same words") for n in range(15)), known=0)
    index = home.index()
    rows = [found.row for found in index.lexical.search("same words", 15, sight(index.corpus, clocks()))]
    assert rows == list(range(15))
    assert [found.row for found in index.lexical.search("same words", 4, sight(index.corpus, clocks()))] == rows[:4]


def test_a_missing_index_is_damage(index: Index, tmp_path: Path) -> None:
    with pytest.raises(StoreDamagedError):
        Lexical(tmp_path, index.corpus, index.profile.lexical)


def test_scores_are_the_bm25_formula_over_what_is_in_sight(index: Index) -> None:
    """Robertson and Zaragoza's formula, written out over plain token lists."""
    on = clocks(known=0)
    query = "zinc cold"
    shown = [int(row) for row in index.corpus.visible(on).nonzero()[0]]
    profile, expected = index.profile.lexical, dict.fromkeys(shown, 0.0)
    for field, weight in profile.weights.items():
        told = {row: index.lexical.terms(texts(index.corpus, row)[field]) for row in shown}
        mean = sum(map(len, told.values())) / len(told)
        for term in index.lexical.terms(query):
            n = sum(term in terms for terms in told.values())
            idf = math.log(1 + (len(told) - n + 0.5) / (n + 0.5))
            for row, terms in told.items():
                tf = terms.count(term)
                norm = profile.k1 * (1 - profile.b + profile.b * len(terms) / mean) if mean else profile.k1
                expected[row] += weight * idf * tf * (profile.k1 + 1) / (tf + norm)
    found = {hit.row: hit.score for hit in index.lexical.search(query, 50, sight(index.corpus, on))}
    assert found.keys() == {row for row, score in expected.items() if score}
    for row, score in found.items():
        assert score == pytest.approx(expected[row], abs=1e-9)


def test_one_field_scores_as_bm25s_does(tmp_path: Path) -> None:
    """Its method `lucene` is the same formula, less the factor k1 + 1 that changes no order."""
    bm25s = pytest.importorskip("bm25s")
    chance, home = random.Random(5), TinyHome.make(tmp_path / "home")
    words = "zinc cold velorine sleep pain dose child fever trial cohort".split()
    said = [" ".join(chance.choices(words, k=chance.randrange(1, 30))) for _ in range(60)]
    home.load("a.xml", *(paper(n, text) for n, text in enumerate(said)), known=0)
    index = home.index()
    profile = LexicalProfile(weights={"text": 1.0})
    lexical.build(tmp_path / "text", index.corpus, profile)
    ours = Lexical(tmp_path / "text", index.corpus, profile)
    terms = {d.id: ours.terms(d.fields["title"]) for d in map(index.corpus.document, range(60))}
    peer = bm25s.BM25(method="lucene", k1=profile.k1, b=profile.b, dtype="float64")
    peer.index(list(terms.values()), show_progress=False)
    for _ in range(20):
        asked = list(dict.fromkeys(ours.terms(" ".join(chance.choices(words, k=3)))))
        theirs = dict(zip(terms, peer.get_scores(asked), strict=True))
        for hit in ours.search(" ".join(asked), 100, sight(index.corpus, clocks())):
            told = theirs[index.corpus.document(hit.row).id] * (profile.k1 + 1)
            assert hit.score == pytest.approx(told, abs=1e-6)


def test_a_narrow_mask_is_searched_to_its_end(tmp_path: Path) -> None:
    """What matches in a few rows is found, however much else scores higher."""
    home = TinyHome.make(tmp_path / "home")
    home.load("a.xml", *(paper(n, "zinc zinc zinc") for n in range(600)), known=0)
    home.load("b.xml", *(paper(1000 + n, "zinc and many other words about colds") for n in range(4)), known=0)
    index = home.index()
    where = np.zeros(index.corpus.table.num_rows, bool)
    few = sorted(index.corpus.rows_by_id[f"PMID:{1000 + n}"][0] for n in range(4))
    where[few] = True
    for query in ("zinc", "zinc AND colds"):
        hits = index.lexical.search(query, 3, sight(index.corpus, clocks(), where=where))
        assert [hit.row for hit in hits] == few[:3]


def test_a_colon_before_a_blank_is_punctuation(index: Index) -> None:
    assert index.lexical.search('"zinc" lozenges: colds', 5, sight(index.corpus, clocks(known=0)))
    assert index.lexical.search('title:zinc AND "colds"', 5, sight(index.corpus, clocks(known=0)))


def test_a_term_that_two_chains_work_out_at_once_is_kept_and_counted_once() -> None:
    scope = counts.Scope(np.ones(1, np.bool_), np.ones((1, 1)))
    large = counts.Scores(np.broadcast_to(np.int64(0), 1_900_000), np.broadcast_to(np.float64(0), 1_900_000))
    for term in ("a", "a", "a", "b", "b", "c"):
        scope.keep(term, large)
    assert [scope.get(term) is not None for term in "abc"] == [False, True, True]
