"""Reading the first documents again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from consilience.errors import BadInputError
from consilience.indexes.profile import RerankProfile
from consilience.indexes.rerank import reranked
from consilience.models.reranking import reranker_by_name
from tests.making import TinyHome, advice, clocks, paper

MERGED = [(7, 0.9), (3, 0.8), (5, 0.5), (1, 0.1)]


class Longest:
    """Prefers the longer text."""

    name = "longest"

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.array([float(len(text)) for text in texts])


class Silent(Longest):
    """Says nothing."""

    name = "silent"

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.zeros(0)


def test_what_was_read_again_is_ordered_by_the_reranker_and_stays_above_the_rest() -> None:
    found, read = reranked("q", MERGED, ["a", "aaa", "aa"], Longest(), RerankProfile())
    assert found == [(3, 0.9), (5, pytest.approx(0.7)), (7, 0.5), (1, 0.1)]
    assert read == {7: 1.0, 3: 3.0, 5: 2.0}


def test_its_share_says_how_much_it_weighs() -> None:
    texts = ["a", "aaa", "aa"]
    assert reranked("q", MERGED, texts, Longest(), RerankProfile(share=0))[0] == MERGED
    found, _ = reranked("q", MERGED, texts, Longest(), RerankProfile(share=0.5))
    assert dict(found) == pytest.approx({7: 0.7, 3: 0.85, 5: 0.6, 1: 0.1})


def test_a_reranker_that_skips_a_text_is_refused() -> None:
    with pytest.raises(BadInputError, match="0 scores for 2 texts"):
        reranked("q", MERGED, ["a", "b"], Silent(), RerankProfile())


def test_a_score_that_is_no_number_is_refused() -> None:
    class Lost(Longest):
        def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
            return np.array([1.0, np.nan])

    with pytest.raises(BadInputError, match="no number"):
        reranked("q", MERGED, ["a", "b"], Lost(), RerankProfile())


def test_a_reranker_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match="no reranker"):
        reranker_by_name("wishful")


def test_a_search_shows_what_the_reranker_gave(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load(
        "pubmed26n0001.xml", *(paper(n, "Velorine" + " works" * n, published="2001") for n in range(1, 5)), known=0
    )
    index = home.index()
    plain = index.search("velorine", top=4, clocks=clocks())
    index.reranker = Longest()
    hits = index.search("velorine", top=4, clocks=clocks())
    assert {hit.row for hit in hits} == {hit.row for hit in plain}
    assert [hit.parts["rerank"] for hit in hits] == sorted((h.parts["rerank"] for h in hits), reverse=True)
    assert all("rerank" not in hit.parts for hit in plain)


def test_all_that_a_document_says_is_read_again_a_recommendation_too(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("rest.json", advice("1", "2001"), known=0)
    home.load("pubmed26n0001.xml", paper(1, "Rest", abstract="Rest is long.", published="2001"), known=0)
    read: list[str] = []

    class Listening(Longest):
        def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
            read.extend(texts)
            return np.ones(len(texts))

    index = home.index()
    index.reranker = Listening()
    index.search("rest", top=2, clocks=clocks())
    assert sorted(read) == ["Rest Rest 1 hours, says 1.", "Rest Rest is long."]
