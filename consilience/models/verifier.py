"""The verifier: does a text say what is claimed? Entailment's judgement joined with the deterministic checks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consilience.models import Entailment, Judgement
from consilience.models.checks import Mismatch, Names, mismatches

# What a mismatch takes from the log odds that the claim is right, near the coefficients of a logistic regression on the
# mutants of SciFact's, PubMedQA's and titles' claims: a judge hears a `not` and an opposite, hardly a number or a name.
# The first where the evidence says another of its kind in its place, the second where it is only not there.
WEIGHTS = {
    "number": (4.0, 3.0), "negation": (0.75, 0.75), "direction": (1.5, 1.5), "entity": (3.0, 0.3),
    "population": (5.0, 1.0),
}  # fmt: skip
# The error codes (DAS, hallucination taxonomy; see reasoning.codes) that a mismatch of each kind is.
CODES = {"number": "1E", "negation": "2B", "direction": "2B", "entity": "4A", "population": "4A"}
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifier says of a claim: how likely it is right, whether it may stand, and what is wrong.

    `reasons` say it in words, `codes` name each of them.
    """

    score: float
    passes: bool
    codes: tuple[str, ...]
    reasons: tuple[str, ...]


def verified(
    claim: str, evidence: str, entailment: Entailment, names: Names | None = None, *, context: str = ""
) -> Verified:
    """Whether `evidence`, the text of the cited spans, says the claim.

    It fails closed: a claim passes when the judge hears support before anything else and no check finds anything.
    `context` is the rest of the spans' document, which may say of what and of whom they speak.
    """
    return verified_all([(claim, evidence, context)], entailment, names)[0]


def verified_all(
    cases: Sequence[tuple[str, str, str]], entailment: Entailment, names: Names | None = None
) -> list[Verified]:
    """The verifier's word on every (claim, evidence, context), the judge asked once."""
    judged = entailment.judge([(claim, evidence) for claim, evidence, _ in cases])
    return [
        _joined(judgement, mismatches(claim, evidence, context=context, names=names), bool(evidence.strip()))
        for judgement, (claim, evidence, context) in zip(judged, cases, strict=True)
    ]


def score(judgement: Judgement, found: Sequence[Mismatch]) -> float:
    """The probability of support over refutation, its odds lowered by what the checks found; each kind counts once."""
    undecided = judgement.neutral / 2 + _LEAST
    odds = math.log((judgement.supports + undecided) / (judgement.refutes + undecided))
    worst: dict[str, float] = {}
    for one in found:
        worst[one.kind] = max(worst.get(one.kind, 0.0), WEIGHTS[one.kind][not one.replaced])
    return 1 / (1 + math.exp(sum(sorted(worst.values())) - odds))


def _joined(judgement: Judgement, found: Sequence[Mismatch], has_evidence: bool) -> Verified:
    if not has_evidence:
        return Verified(0.0, False, ("2D",), ("there is no evidence",))
    told = [(CODES[one.kind], one.why) for one in dict.fromkeys(found)] or list(_unheard(judgement))
    return Verified(score(judgement, found), not told, tuple(code for code, _ in told), tuple(why for _, why in told))


def _unheard(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """Why the judge does not hear support; asked only where no check can say what is wrong."""
    if judgement.refutes >= judgement.supports and judgement.refutes >= judgement.neutral:
        yield "2B", f"the evidence speaks against it ({judgement.refutes:.2f})"
    elif judgement.neutral >= judgement.supports:
        yield "2B", f"the evidence does not settle it ({judgement.neutral:.2f})"
