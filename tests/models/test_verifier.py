"""The verifier: the judge and the checks must agree, and it fails closed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.models import Judgement
from consilience.models.checks import Mismatch, mismatches
from consilience.models.verifier import CODES, WEIGHTS, score, verified, verified_all


class Credulous:
    """A judge that believes whatever it is told, so that only the checks can object."""

    name = "credulous"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        return [Judgement(0.98, 0.01, 0.01) for _ in pairs]


EVIDENCE = "In 412 adults with asthma, velorine 20 mg daily reduced attacks by 31% (95% CI 12 to 46; P = 0.002)."


@pytest.mark.parametrize(
    "claim",
    [
        EVIDENCE,
        "Velorine reduced attacks in adults with asthma.",
        "Velorine 20 mg daily reduced attacks of asthma by 31%.",
        "Attacks fell by about 31% (p < 0.05) with velorine.",
        "In 412 patients velorine lowered the number of attacks.",
        "Velorine, 0.02 g/day, reduced attacks.",
    ],
)
def test_what_the_evidence_says_in_other_words_passes(claim: str) -> None:
    assert verified(claim, EVIDENCE, Credulous()).passes


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("Velorine reduced attacks by 13%.", "1E"),
        ("Velorine 20 g daily reduced attacks.", "1E"),
        ("Velorine 20 mg twice daily reduced attacks.", "1E"),
        ("Velorine did not reduce attacks in asthma.", "2B"),
        ("Velorine increased attacks in asthma.", "2B"),
        ("Velorine reduced attacks in adults with malaria.", "4A"),
        ("Aspirin reduced attacks in adults with asthma.", "4A"),
        ("Velorine reduced attacks in children with asthma.", "4A"),
        ("Velorine reduced attacks in mice with asthma.", "4A"),
        ("Velorine reduced IL-6 and attacks in asthma.", "4A"),
    ],
)
def test_one_thing_changed_fails_by_its_code_whatever_the_judge_believes(claim: str, code: str) -> None:
    told = verified(claim, EVIDENCE, Credulous())
    assert not told.passes
    assert code in told.codes
    assert len(told.codes) == len(told.reasons)


def test_the_rest_of_the_document_may_say_of_whom_the_evidence_speaks() -> None:
    claim, span = "Velorine reduced attacks in children.", "Velorine reduced attacks."
    assert not verified(claim, span, Credulous()).passes
    assert verified(claim, span, Credulous(), context="A trial in 90 children.").passes
    assert not verified("Velorine reduced attacks by 9%.", span, Credulous(), context="It fell by 9%.").passes


def test_the_rest_of_the_document_does_not_excuse_another_name_than_the_evidence_has() -> None:
    span, context = (
        "Velorine reduced attacks of asthma in adults.",
        "Warfarin did not. Children with gout were left out.",
    )
    assert verified("Velorine reduced attacks.", span, Credulous(), context=context).passes
    for claim in ("Velorine reduced attacks of gout.", "Velorine reduced attacks of asthma in children."):
        assert "4A" in verified(claim, span, Credulous(), context=context).codes


def test_an_abbreviation_that_the_evidence_spells_out_is_no_new_name() -> None:
    evidence = "In atrial fibrillation, stroke was less frequent with velorine."
    assert verified("In AF, stroke was less frequent with velorine.", evidence, Credulous()).passes


@pytest.mark.parametrize(
    ("judgement", "passes"), [((0.4, 0.35, 0.25), True), ((0.3, 0.4, 0.3), False), ((0.3, 0.3, 0.4), False)]
)
def test_without_more_support_than_anything_else_nothing_passes(
    judgement: tuple[float, float, float], passes: bool
) -> None:
    class Fixed(Credulous):
        def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
            return [Judgement(*judgement) for _ in pairs]

    told = verified("Velorine eased pain.", "Pain was eased by velorine.", Fixed())
    assert told.passes is passes
    assert ("2B" in told.codes) is not passes


def test_no_evidence_is_never_enough() -> None:
    told = verified("Velorine eased pain.", "  ", Credulous())
    assert (told.passes, told.score, told.codes) == (False, 0.0, ("2D",))


def test_a_claim_is_judged_the_same_alone_and_among_others() -> None:
    cases = [("Velorine reduced attacks.", EVIDENCE, ""), ("Velorine increased attacks.", EVIDENCE, "")]
    assert verified_all(cases, Credulous()) == [verified(a, b, Credulous(), context=c) for a, b, c in cases]


shares = st.tuples(*[st.floats(0.001, 1)] * 3).map(lambda s: Judgement(*(x / sum(s) for x in s)))
found = st.lists(st.builds(Mismatch, st.sampled_from(sorted(WEIGHTS)), st.booleans(), st.just("why")), max_size=4)


@given(shares, found, st.sampled_from(sorted(WEIGHTS)))
def test_a_further_mismatch_never_raises_the_score(judgement: Judgement, those: list[Mismatch], kind: str) -> None:
    before = score(judgement, those)
    assert 0 <= score(judgement, [*those, Mismatch(kind, True, "why")]) <= before <= 1


@given(st.text(max_size=120), st.text(max_size=200))
def test_any_text_is_read_and_every_finding_has_a_code(claim: str, evidence: str) -> None:
    assert {one.kind for one in mismatches(claim, evidence)} <= CODES.keys() & WEIGHTS.keys()
    assert not [one for one in mismatches(claim, claim) if one.kind in ("negation", "direction")]
