"""How far dated evidence commits us to a claim: noisy-OR over independent studies, for and against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

CAP = 0.99


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement for or against a claim; `study` is its independent unit, `weight` lies in [0, 1]."""

    study: str
    weight: float
    refutes: bool = False


@dataclass(frozen=True, slots=True)
class Belief:
    """What the evidence commits to: `value` for the claim, `disbelief` against it, the rest undecided."""

    value: float
    disbelief: float
    independent_studies: int
    supporting: int
    refuting: int


def belief(evidence: Iterable[Evidence], *, cap: float = CAP) -> Belief:
    """Weigh evidence, in any order, to what it commits us to.

    Five papers of one trial are one vote: only the greatest weight of a study counts on each side. Each side is a
    noisy-OR of its studies; the two are combined by Dempster's rule, so that what they contradict each other in
    counts for neither. Without opposition the value is the noisy-OR itself; without support it is 0.
    """
    strongest: dict[tuple[bool, str], float] = {}
    for row in evidence:
        side = (row.refutes, row.study)
        strongest[side] = max(strongest.get(side, 0.0), min(max(row.weight, 0.0), 1.0))
    for_it = _either(strongest, False, cap)
    against = _either(strongest, True, cap)
    agreed = 1 - for_it * against  # never 0: both are capped below 1
    return Belief(
        value=round(for_it * (1 - against) / agreed, 6),
        disbelief=round(against * (1 - for_it) / agreed, 6),
        independent_studies=len({study for _, study in strongest}),
        supporting=sum(not refutes for refutes, _ in strongest),
        refuting=sum(refutes for refutes, _ in strongest),
    )


def noisy_or(weights: Iterable[float], *, cap: float = CAP) -> float:
    """The chance that at least one of several independent statements holds, at most `cap`.

    Sorted first, since rounding of a product depends on the order of its factors.
    """
    return min(cap, 1 - prod(1 - weight for weight in sorted(weights)))


def _either(strongest: dict[tuple[bool, str], float], refutes: bool, cap: float) -> float:
    return noisy_or((weight for (against, _), weight in strongest.items() if against is refutes), cap=cap)
