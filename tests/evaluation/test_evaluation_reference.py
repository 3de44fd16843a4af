"""The reference baseline gives rank_bm25's own scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from consilience.evaluation.reference import EPSILON, K1, B, ReferenceBM25, words

TEXTS = st.lists(
    st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "il", "6", "mg"]), min_size=1).map(" ".join), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, query=st.lists(st.sampled_from(["ab", "cd", "ef", "zz", "6"]), unique=True))
def test_scores_are_those_of_rank_bm25_to_the_last_bit(texts: list[str], query: list[str]) -> None:
    theirs = BM25Okapi([words(text) for text in texts], k1=K1, b=B, epsilon=EPSILON).get_scores(query)
    ours = ReferenceBM25([(str(place), text) for place, text in enumerate(texts)]).scores(" ".join(query))
    assert np.array_equal(ours, theirs)


def test_a_document_without_a_word_of_the_query_is_not_found(engine) -> None:
    reference = ReferenceBM25(engine.texts())
    assert reference.search("velorine mortality", 10)[:2] == ["PMID:1", "PMID:2"]
    assert reference.search("unheard", 10) == []
    assert len(reference.search("in adults", 2)) == 2


def test_no_text_at_all_finds_nothing() -> None:
    assert ReferenceBM25([]).search("anything", 5) == []
    assert ReferenceBM25([("PMID:1", "")]).search("anything", 5) == []
