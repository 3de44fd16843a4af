"""Reciprocal rank fusion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.indexes.fuse import fuse

RANKINGS = st.dictionaries(
    st.sampled_from(["lexical", "dense"]), st.lists(st.integers(0, 20), unique=True, max_size=10)
)


def test_a_score_is_the_sum_of_weight_by_damped_rank() -> None:
    found = fuse({"lexical": [7, 8], "dense": [8]}, weights={"lexical": 2.0}, damping=60)
    assert [row for row, _ in found] == [8, 7]
    assert [score for _, score in found] == pytest.approx([2 / 62 + 1 / 61, 2 / 61])


@given(RANKINGS)
def test_every_row_comes_once_best_first_and_ties_by_row(rankings: dict[str, list[int]]) -> None:
    found = fuse(rankings, weights={}, damping=60)
    assert {row for row, _ in found} == {row for rows in rankings.values() for row in rows}
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0])) and len(found) == len(dict(found))


@given(st.lists(st.integers(), unique=True, max_size=10))
def test_one_ranking_alone_keeps_its_order(rows: list[int]) -> None:
    assert [row for row, _ in fuse({"dense": rows}, weights={}, damping=0)] == rows
