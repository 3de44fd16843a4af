"""Cross-chain verification: what independent studies, found by any chain, say together.

Every study counts once, however many papers report it and however many chains found it. A lower tier of evidence
speaks to the extent that the tiers above are silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consilience.reasoning.evidence import Finding

# Evidence tiers (sources §4.4) and how much one study of each weighs at most: a design prior, not GRADE.
TIERS: tuple[tuple[str, ...], ...] = (
    ("meta_analysis", "systematic_review", "guideline"),
    ("rct",),
    ("controlled_trial", "cohort", "case_control", "observational", "unknown"),
    ("cross_sectional", "case_report", "preclinical", "review"),
    ("editorial", "letter", "comment"),
)
_PRIOR = (0.95, 0.9, 0.7, 0.4, 0.15)
TIER_OF = {design: tier for tier, designs in enumerate(TIERS) for design in designs}
# A lower tier is discounted by what the tiers above have settled, never to nothing: dissent is weighed, not erased.
_DEFERENCE = 0.85
# How fast a document's weight falls with its distance from the claim; below the floor it is about something else.
FLOOR = 0.45
_SHARPNESS = 4.0


@dataclass(frozen=True, slots=True)
class Unit:
    """One independent study's word on the question: its most telling finding, and how much it counts."""

    finding: Finding
    tier: int
    weight: float

    @property
    def supports(self) -> float:
        """The probability mass it adds in support."""
        return self.weight * self.finding.judgement.supports

    @property
    def refutes(self) -> float:
        """The probability mass it adds against."""
        return self.weight * self.finding.judgement.refutes


@dataclass(frozen=True, slots=True)
class Verification:
    """The joint verdict: four probabilities that sum to 1, and the units they rest on, weightiest first."""

    yes: float
    no: float
    mixed: float
    insufficient: float
    units: Sequence[Unit]

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
    for tier in range(len(TIERS)):
        heard = 1.0 - _DEFERENCE * settled
        here_yes = here_no = 1.0
        for unit in sorted((u for u in units if u.tier == tier), key=lambda u: u.finding.key):
            here_yes *= 1.0 - heard * unit.supports
            here_no *= 1.0 - heard * unit.refutes
        silent_yes *= here_yes
        silent_no *= here_no
        settled = max(settled, 1.0 - here_yes, 1.0 - here_no)
    yes, no = 1.0 - silent_yes, 1.0 - silent_no
    return Verification(yes * (1 - no), no * (1 - yes), yes * no, (1 - yes) * (1 - no), units)


def _units(findings: Iterable[Finding]) -> Iterable[Unit]:
    by_study: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_study[finding.study].append(finding)
    relevances = [f.relevance for group in by_study.values() for f in group]
    nearest = max(relevances, default=0.0)
    for group in by_study.values():
        # The study speaks by its weightiest sentence: a conclusion over a detail, whichever chain found it.
        best = max(group, key=lambda f: (f.weight * f.relevance, f.document, f.field, -f.start))
        tier = TIER_OF.get(best.design, 3)
        weight = _PRIOR[tier] * nearness(best.relevance, nearest) * best.weight
        if weight > 0:
            yield Unit(best, tier, weight)


def nearness(relevance: float, nearest: float) -> float:
    """How much a document counts for being about the claim: 1 for the nearest, 0 below the floor."""
    if nearest < FLOOR or relevance < FLOOR:
        return 0.0
    return float((relevance / nearest) ** _SHARPNESS) * min(1.0, (nearest - FLOOR) / 0.2 + 0.25)
