"""Merging rankings, by scores on one scale and by rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.indexes.filters import Found
from consilience.indexes.fuse import fuse, scaled
from consilience.indexes.profile import FusionProfile

SCORES = st.floats(-1, 50, allow_nan=False)
RANKINGS = st.dictionaries(
    st.sampled_from(["lexical", "dense"]), st.dictionaries(st.integers(0, 20), SCORES, max_size=10).map(
        lambda scores: [Found(*pair) for pair in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))]
    ),
)  # fmt: skip
METHODS = st.sampled_from(["scores", "spread", "ranks"])
TWO = {"lexical": [Found(7, 20.0), Found(8, 10.0)], "dense": [Found(8, 0.8), Found(9, 0.4)]}


def test_by_rank_a_score_is_the_sum_of_weight_by_damped_rank() -> None:
    found = fuse(TWO, FusionProfile(method="ranks", weights={"lexical": 2.0, "dense": 1.0}, damping=60))
    assert [row for row, _ in found] == [8, 7, 9]
    assert [score for _, score in found] == pytest.approx([2 / 62 + 1 / 61, 2 / 61, 1 / 62])


def test_by_score_a_score_is_the_weighted_mean_of_shares_of_the_best() -> None:
    found = fuse(TWO, FusionProfile(weights={"lexical": 3.0, "dense": 1.0}))
    assert [row for row, _ in found] == [7, 8, 9]
    assert [score for _, score in found] == pytest.approx([0.75, 0.75 * 0.5 + 0.25, 0.25 * 0.5])


def test_what_a_cut_list_leaves_out_scores_as_its_last_and_what_a_whole_one_leaves_out_nothing() -> None:
    found = [Found(1, 9.0), Found(2, 6.0), Found(3, 3.0)]
    assert scaled(found, 3) == ({1: 1.0, 2: pytest.approx(2 / 3), 3: pytest.approx(1 / 3)}, pytest.approx(1 / 3))
    assert scaled(found, 4)[1] == 0.0 and scaled([], 200) == ({}, 0.0)
    assert scaled(found, 3, spread=True) == ({1: 1.0, 2: 0.5, 3: 0.0}, 0.0)


def test_a_retriever_that_is_sure_outweighs_one_to_which_all_is_alike() -> None:
    rankings = {"lexical": [Found(1, 10.0), Found(2, 9.9)], "dense": [Found(2, 0.9), Found(1, 0.1)]}
    assert [row for row, _ in fuse(rankings, FusionProfile(depth=2))] == [2, 1]


def test_scores_of_nothing_are_no_scores() -> None:
    assert scaled([Found(1, -0.1)], 200) == ({1: 0.0}, 0.0)
    assert scaled([Found(1, 0.5), Found(2, -0.5)], 2) == ({1: 1.0, 2: 0.0}, 0.0)
    assert scaled([Found(1, 9.0), Found(2, 9.0)], 2, spread=True)[0] == {1: 1.0, 2: 1.0}


def test_another_scale_of_a_retriever_changes_no_order() -> None:
    larger = {**TWO, "lexical": [Found(hit.row, hit.score * 1000) for hit in TWO["lexical"]]}
    assert fuse(larger, FusionProfile()) == fuse(TWO, FusionProfile())


@given(RANKINGS, METHODS)
def test_every_row_comes_once_best_first_and_ties_by_row(rankings: dict[str, list[Found]], method: str) -> None:
    found = fuse(rankings, FusionProfile.model_validate({"method": method, "depth": 5}))
    assert {row for row, _ in found} == {hit.row for hits in rankings.values() for hit in hits}
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0])) and len(found) == len(dict(found))


@given(RANKINGS)
def test_by_score_nothing_is_worth_more_than_1_or_less_than_0(rankings: dict[str, list[Found]]) -> None:
    assert all(0 <= score <= 1 + 1e-12 for _, score in fuse(rankings, FusionProfile()))


@given(st.lists(st.integers(), unique=True, max_size=10), METHODS)
def test_one_ranking_alone_keeps_its_order(rows: list[int], method: str) -> None:
    ranking = {"dense": [Found(row, 1.0 / place) for place, row in enumerate(rows, start=1)]}
    profile = FusionProfile.model_validate({"method": method, "damping": 0})
    assert [row for row, _ in fuse(ranking, profile)] == rows
