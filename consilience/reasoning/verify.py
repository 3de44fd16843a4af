"""Cross-chain verification: what independent studies, found by any chain, say together.

Every study counts once, however many papers report it and however many chains found it. A lower tier of evidence
speaks to the extent that the tiers above are silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consilience.reasoning.evidence import Finding

# How much one study of each evidence tier weighs at most: a design prior, not GRADE.
_PRIOR = (0.95, 0.9, 0.7, 0.4, 0.15)
# A lower tier is discounted by what the tiers above have settled, never to nothing: dissent is weighed, not erased.
_DEFERENCE = 0.85
# The judge was trained with classes of equal weight and hedges; retrieved conclusions are rarely neutral. Its
# probabilities are sharpened, neutral's discounted, and so is what many half-heard studies leave to `mixed` and
# `insufficient`. Chosen on the PubMedQA development half and the embedded corpus' questions together: in-sample .62
# and 31 of 43; chosen on one half and scored on the other, .62.
_DECISION, _NEUTRAL = 3.0, 0.1
_MIXED, _INSUFFICIENT = 0.7, 0.3
# Among comparable studies the later ones know of the earlier: weight halves for every so many years behind the newest.
_HALF_LIFE = 15.0
# Newer documents that are further from the question than this share of the nearest make nothing old.
_COMPARABLE = 0.8
# A study that weighs less than this share of the weightiest counts in the sum but is not quoted.
_TELLING = 0.35
# How fast a document's weight falls with its distance from the claim; below the floor it is about something else.
FLOOR = 0.45
_SHARPNESS = 4.0


@dataclass(frozen=True, slots=True)
class Unit:
    """One independent study's word on the question: its most telling finding, and how much it counts."""

    finding: Finding
    weight: float

    @property
    def tier(self) -> int:
        """The evidence tier of its finding, 0 the highest."""
        return self.finding.tier

    @property
    def supports(self) -> float:
        """The probability mass it adds in support."""
        return self.weight * self._share(self.finding.judgement.supports)

    @property
    def refutes(self) -> float:
        """The probability mass it adds against."""
        return self.weight * self._share(self.finding.judgement.refutes)

    def _share(self, probability: float) -> float:
        told = self.finding.judgement
        sides = told.supports**_DECISION + told.refutes**_DECISION
        return float(probability**_DECISION / (sides + _NEUTRAL * told.neutral**_DECISION))


@dataclass(frozen=True, slots=True)
class Verification:
    """The joint verdict: four probabilities that sum to 1, and the units they rest on, weightiest first."""

    yes: float
    no: float
    mixed: float
    insufficient: float
    units: Sequence[Unit]

    @property
    def telling(self) -> Sequence[Unit]:
        """The units that carry weight beside the heaviest: only these are worth a reader's time."""
        heaviest = max((unit.weight for unit in self.units), default=0.0)
        return [unit for unit in self.units if unit.weight >= _TELLING * heaviest]

    @property
    def verdict(self) -> str:
        """The likeliest of the four; a tie goes to the more cautious."""
        order = ("insufficient", "mixed", "no", "yes")
        return max(order, key=lambda name: (getattr(self, name), -order.index(name)))

    @property
    def confidence(self) -> float:
        """The probability of the verdict."""
        return float(getattr(self, self.verdict))


def verify(findings: Iterable[Finding]) -> Verification:
    """Join findings by study; order and repetition of chains and documents change nothing."""
    units = sorted(_units(findings), key=lambda u: (-u.weight, u.finding.document, u.finding.start))
    settled = 0.0
    silent_yes = silent_no = 1.0
    for tier in range(len(_PRIOR)):
        heard = 1.0 - _DEFERENCE * settled
        here_yes = here_no = 1.0
        for unit in sorted((u for u in units if u.tier == tier), key=lambda u: u.finding.key):
            here_yes *= 1.0 - heard * unit.supports
            here_no *= 1.0 - heard * unit.refutes
        silent_yes *= here_yes
        silent_no *= here_no
        settled = max(settled, 1.0 - here_yes, 1.0 - here_no)
    yes, no = 1.0 - silent_yes, 1.0 - silent_no
    only_yes, only_no, both, neither = yes * (1 - no), no * (1 - yes), yes * no, (1 - yes) * (1 - no)
    whole = only_yes + only_no + _MIXED * both + _INSUFFICIENT * neither
    return Verification(
        only_yes / whole, only_no / whole, _MIXED * both / whole, _INSUFFICIENT * neither / whole, units
    )


def _units(findings: Iterable[Finding]) -> Iterable[Unit]:
    by_study: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_study[finding.study].append(finding)
    # The study speaks by its weightiest sentence: a conclusion over a detail, whichever chain found it.
    spoken = [
        max(group, key=lambda f: (f.weight * f.relevance, f.document, f.field, -f.start)) for group in by_study.values()
    ]
    nearest = max((f.relevance for f in spoken), default=0.0)
    newest = max((f.year for f in spoken if f.relevance >= _COMPARABLE * nearest), default=0)
    for finding in spoken:
        age = max(0, newest - finding.year) if finding.year else 0
        weight = _PRIOR[finding.tier] * nearness(finding.relevance, nearest) * min(1.0, finding.weight)
        if weight > 0:
            yield Unit(finding, weight * 0.5 ** (age / _HALF_LIFE))


def nearness(relevance: float, nearest: float) -> float:
    """How much a document counts for being about the claim: 1 for the nearest, 0 below the floor."""
    if nearest < FLOOR or relevance < FLOOR:
        return 0.0
    return float((relevance / nearest) ** _SHARPNESS) * min(1.0, (nearest - FLOOR) / 0.2 + 0.25)
