"""Belief: noisy-OR over independent studies, for against against."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.kg.belief import CAP, Evidence, belief

rows = st.lists(
    st.builds(Evidence, st.sampled_from("abcde"), st.floats(0, 1), st.booleans()),
    max_size=8,
)


def test_without_opposition_it_is_the_noisy_or_of_the_studies() -> None:
    assert belief([Evidence("a", 0.5), Evidence("b", 0.4)]).value == pytest.approx(1 - 0.5 * 0.6)


def test_five_papers_of_one_trial_are_one_vote() -> None:
    found = belief([Evidence("trial", weight) for weight in (0.2, 0.6, 0.4, 0.6, 0.1)])
    assert (found.value, found.independent_studies, found.supporting) == (0.6, 1, 1)


def test_nothing_is_believed_without_support_and_nothing_for_certain() -> None:
    assert belief([]).value == 0
    assert belief([Evidence("a", 0.8, refutes=True)]).value == 0
    assert belief([Evidence(str(i), 0.9) for i in range(50)]).value == CAP


def test_equal_sides_leave_both_under_one_half() -> None:
    found = belief([Evidence("a", 0.8), Evidence("b", 0.8, refutes=True)])
    assert found.value == found.disbelief < 0.5


def test_the_stronger_side_is_the_more_believed() -> None:
    found = belief([Evidence("a", 0.8), Evidence("b", 0.3, refutes=True)])
    assert found.value > 0.5 > found.disbelief


@given(rows.filter(lambda r: len(r) <= 5))
def test_order_changes_nothing(evidence: list[Evidence]) -> None:
    assert len({belief(order) for order in permutations(evidence)}) == 1


@given(rows, st.integers(0, 7), st.floats(0, 1))
def test_a_weaker_duplicate_of_a_study_changes_nothing(evidence: list[Evidence], which: int, factor: float) -> None:
    if evidence:
        twin = evidence[which % len(evidence)]
        again = Evidence(twin.study, twin.weight * factor, twin.refutes)
        assert belief([*evidence, again]) == belief(evidence)


@given(rows, st.floats(0, 1), st.booleans())
def test_more_support_never_lowers_and_more_refutation_never_raises(
    evidence: list[Evidence], weight: float, refutes: bool
) -> None:
    before, after = belief(evidence), belief([*evidence, Evidence("new", weight, refutes)])
    assert after.value <= before.value if refutes else after.value >= before.value
    assert 0 <= after.value + after.disbelief <= 1
