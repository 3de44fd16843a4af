"""What a search may see: filters as people ask for them, masks kept and masks made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.filters import Filters, Sights, sight
from consilience.records import Mark, MeshHeading
from tests.making import TinyHome, at, clocks, ids, paper

RETRACTED = at(2).date()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    home = TinyHome.make(tmp_path_factory.mktemp("filters") / "home")
    zinc = (MeshHeading("Zinc", "D015032"), MeshHeading("Humans", "D006801"))
    home.load("pubmed26n0001.xml", paper(1, mesh=zinc, languages=("eng",)), paper(2, languages=("fre",)),
              paper(3, types=["D000076942"]), known=0)  # fmt: skip
    home.load("list.csv", Mark("PMID:1", "retracted", RETRACTED), known=5, kind="retractions")
    later = (MeshHeading("Aspirin", "D001241"),)
    home.load("pubmed26n0002.xml", paper(4, mesh=later, published="2015-01-01"), known=9)
    return home.index()


def allowed(index: Index, filters: Filters, as_of: str | None = None, known: int = 10) -> list[str]:
    seen = index.sights.of(clocks(as_of, known), filters)
    return sorted(ids(index.corpus, seen.allowed.nonzero()[0].tolist()))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"mesh": ["zinc"]}, [1]),
        ({"mesh": ["d015032", "  Aspirin "]}, [1, 4]),
        ({"language": ["French"]}, [2]),
        ({"language": ["en", "fr"]}, [1, 2]),
        ({"species": ["humans"], "language": ["fre"]}, []),
        ({"status": ["active"]}, [2, 3, 4]),
        ({"status": ["retracted", "preprint"]}, [1, 3]),
        ({"publication_type": ["D000076942"]}, [3]),
        ({}, [1, 2, 3, 4]),
    ],
)
def test_filters_leave_what_bears_one_value_of_each(
    index: Index, asked: dict[str, list[str]], found: list[int]
) -> None:
    assert allowed(index, Filters.read(**asked)) == [f"PMID:{number}" for number in found]  # type: ignore[arg-type]


def test_a_status_is_the_one_on_the_clocks(index: Index) -> None:
    retracted = Filters.read(status=["retracted"])
    assert allowed(index, retracted, RETRACTED.isoformat(), 5) == ["PMID:1"]
    assert allowed(index, retracted, at(1).date().isoformat(), 5) == []
    assert allowed(index, retracted, RETRACTED.isoformat(), 4) == []


def test_masks_that_are_kept_are_those_made_anew_and_cannot_be_written(index: Index) -> None:
    asked = [
        Filters.read(mesh=["zinc"]),
        Filters.read(status=["active"]),
        Filters.read(),
        Filters.read(species=["humans"]),
    ]
    kept = Sights(index.corpus, lambda: index.facets)

    def once(place: int) -> bool:
        on, filters = clocks("2014-01-01" if place % 3 else None, place % 11), asked[place % 4]
        seen, anew = kept.of(on, filters), Sights(index.corpus, lambda: index.facets).of(on, filters)
        assert not seen.shown.flags.writeable
        return np.array_equal(seen.allowed, anew.allowed) and np.array_equal(seen.shown, anew.shown)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(132)))
    for number in range(500):
        kept.of(clocks(), Filters.read(mesh=[f"heading {number}"]))
    assert len(kept._masks) <= 64


def test_what_no_document_in_sight_bears_is_told_and_nothing_of_later_ones(index: Index) -> None:
    aspirin = Filters.read(mesh=["Aspirin"])
    assert index.sights.notes(clocks(known=9), aspirin) == [
        "2 documents in sight state no MeSH heading, and that filter leaves them out"
    ]
    assert "no document in sight bears the MeSH heading 'Aspirin'" in index.sights.notes(clocks(known=8), aspirin)
    assert index.sights.notes(clocks(), Filters.read(status=["concern"], design=["rct"])) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"language": ["Klingon"]}, "eng English"),
        ({"species": ["mice"]}, "humans, animals"),
        ({"status": ["deleted"]}, "active, corrected, concern, superseded, retracted, preprint"),
        ({"mesh": ["  "]}, "Aspirin"),
        ({"publication_type": [""]}, "Randomized"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(asked: dict[str, list[str]], expected: str) -> None:
    with pytest.raises(BadInputError) as refused:
        Filters.read(**asked)  # type: ignore[arg-type]
    assert expected in refused.value.expected and refused.value.where == next(iter(asked))


def test_what_was_asked_is_told_under_the_names_of_the_options() -> None:
    filters = Filters.read(design=["rct"], language=["English", "en"], status=["active"], publication_type=["Review"])
    assert filters.as_json() == {"design": ["rct"], "publication_type": ["Review"], "language": ["eng"],
                                 "status": ["active"]}  # fmt: skip


def test_a_corpus_without_an_index_cannot_be_asked_for_headings(index: Index) -> None:
    assert sight(index.corpus, clocks(), Filters(designs=("rct",))).allowed.sum() == 0
    with pytest.raises(ValueError, match="of an index"):
        sight(index.corpus, clocks(), Filters(mesh=("zinc",)))
