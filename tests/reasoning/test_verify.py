"""Cross-chain verification: closed forms and invariants."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.models import Judgement
from consilience.reasoning.evidence import TIERS, Finding
from consilience.reasoning.verify import FLOOR, verify

TIER_OF = {design: tier for tier, designs in enumerate(TIERS) for design in designs}
DESIGNS = sorted(TIER_OF)


def finding(
    study: str, *, supports: float = 0.0, refutes: float = 0.0, design: str = "rct", relevance: float = 0.9,
    chain: str = "passage", weight: float = 1.0,
) -> Finding:  # fmt: skip
    judgement = Judgement(supports, refutes, 1.0 - supports - refutes)
    return Finding(
        chain, 0, f"PMID:{study}", study, design, "abstract", 0, 10, judgement, TIER_OF[design], 2000, relevance, weight
    )


@st.composite
def findings(draw: st.DrawFn) -> list[Finding]:
    shares = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: sum(pair) <= 1)
    made = []
    for number in range(draw(st.integers(0, 8))):
        supports, refutes = draw(shares)
        made.append(
            finding(
                str(number), supports=supports, refutes=refutes, design=draw(st.sampled_from(DESIGNS)),
                relevance=draw(st.floats(0, 1)), weight=draw(st.floats(0.1, 1)),
            )
        )  # fmt: skip
    return made


@given(findings())
def test_the_four_probabilities_sum_to_one(made: list[Finding]) -> None:
    joint = verify(made)
    assert joint.yes + joint.no + joint.mixed + joint.insufficient == pytest.approx(1.0)


@given(findings(), st.randoms())
def test_order_of_chains_and_documents_never_matters(made: list[Finding], random: object) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert verify(shuffled) == verify(made)


@given(findings())
def test_a_chain_run_twice_adds_nothing(made: list[Finding]) -> None:
    joint, doubled = verify(made), verify([*made, *(replace(f, chain="again") for f in made)])
    assert (joint.yes, joint.no, joint.mixed) == (doubled.yes, doubled.no, doubled.mixed)


def test_two_papers_of_one_trial_count_once() -> None:
    one = finding("NCT:NCT99000001", supports=0.8)
    assert verify([one]).yes == verify([one, replace(one, document="PMID:2")]).yes


def test_two_independent_trials_count_more_than_one() -> None:
    assert (
        verify([finding("1", supports=0.6), finding("2", supports=0.6)]).yes > verify([finding("1", supports=0.6)]).yes
    )


def test_a_poisoned_minority_does_not_flip_the_verdict() -> None:
    good = [finding(str(n), supports=0.8, refutes=0.1) for n in range(3)]
    assert verify([*good, finding("bad", refutes=0.9, design="letter")]).verdict == "yes"
    assert verify([*good, finding("bad", refutes=0.9, design="cohort")]).verdict == "yes"


def test_trials_outweigh_earlier_cohorts_without_erasing_them() -> None:
    cohorts = [finding(f"c{n}", supports=0.8, refutes=0.05, design="cohort") for n in range(4)]
    trials = [finding(f"t{n}", refutes=0.85, supports=0.05) for n in range(3)]
    assert verify(cohorts).verdict == "yes"
    joint = verify([*cohorts, *trials])
    assert joint.verdict == "no"
    assert joint.no < 0.999
    assert len(joint.units) == 7


def test_trials_that_disagree_are_mixed() -> None:
    joint = verify([finding("1", supports=0.9), finding("2", refutes=0.9)])
    assert joint.verdict == "mixed"


@given(st.integers(0, 8))
def test_noise_alone_settles_nothing(count: int) -> None:
    assert verify([finding(str(n), supports=0.05, refutes=0.05) for n in range(count)]).verdict == "insufficient"


def test_documents_about_something_else_settle_nothing() -> None:
    far = [finding(str(n), supports=0.9, relevance=FLOOR - 0.1) for n in range(5)]
    assert verify(far).verdict == "insufficient"
    assert not verify(far).units
