"""How single decisions become an outcome, and how far two reviewers agree.

- `single`: the last decision counts.
- `dual`: two reviewers, blind to each other; equal decisions are the outcome, others a conflict for an adjudicator.
- `liberal` (liberal-accelerated): one include, or one unclear at title and abstract, carries a record on; an exclude
  needs a second one.

At title and abstract `unclear` carries on as an include does, and is no conflict with one; at full text it must be
settled. Two exclusions at full text for different reasons are a conflict, since PRISMA counts one reason a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consilience.screening.protocol import Mode, Stage
from consilience.screening.state import PENDING, Decision, Outcome, reviewers_of


def outcome_of(decisions: Mapping[str, Decision], adjudication: Decision | None, mode: Mode, stage: Stage) -> Outcome:
    """What the decisions in force on one unit, by reviewer, come to."""
    if adjudication is not None:
        return Outcome(adjudication.decision, adjudication.reason, (adjudication.reviewer,), adjudicated=True)
    made = sorted(decisions.values(), key=lambda decision: decision.seq)
    if not made:
        return PENDING
    if mode == "single":
        return _told(made[-1:])
    if mode == "liberal":
        carrying = [each for each in made if _carries(each, stage)]
        if carrying:
            return _told(carrying[:1])
    return _agreed(made, stage) if len(made) > 1 else PENDING


def _agreed(made: Sequence[Decision], stage: Stage) -> Outcome:
    words = {each.decision for each in made}
    if stage == "title_abstract" and words == {"include", "unclear"}:
        return Outcome("include", "", reviewers_of(made))
    reasons = {each.reason for each in made} if stage == "full_text" and words == {"exclude"} else {""}
    undecided = stage == "full_text" and words == {"unclear"}
    if len(words) > 1 or len(reasons) > 1 or undecided:
        return Outcome("conflict", "", reviewers_of(made))
    return _told(made)


def _told(made: Sequence[Decision]) -> Outcome:
    first = made[0]
    return Outcome(first.decision, first.reason if first.decision == "exclude" else "", reviewers_of(made))


def _carries(decision: Decision, stage: Stage) -> bool:
    return decision.decision == "include" or (decision.decision == "unclear" and stage == "title_abstract")


def is_open_to(decisions: Mapping[str, Decision], outcome: Outcome, reviewer: str, mode: Mode) -> bool:
    """Say whether a unit still waits for this reviewer: he has not decided, and his decision is needed."""
    if reviewer in decisions or outcome.result != "pending":
        return False
    return mode == "single" or len(decisions) < 2


# ---------------------------------------------------------------- agreement


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two reviewers agree on the records that both judged: first judgements, before anything was discussed.

    `kappa` is Cohen's, None where it is undefined: nothing judged, or a reviewer who always said the same. `pabak` is
    the prevalence- and bias-adjusted kappa, 2 po - 1.
    """

    reviewers: tuple[str, str]
    both_on: int
    both_off: int
    only_first: int
    only_second: int

    @property
    def records(self) -> int:
        """How many records both judged."""
        return self.both_on + self.both_off + self.only_first + self.only_second

    @property
    def observed(self) -> float | None:
        """The share on which they agree."""
        return (self.both_on + self.both_off) / self.records if self.records else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None where a marginal is 0."""
        n, observed = self.records, self.observed
        first, second = self.both_on + self.only_first, self.both_on + self.only_second
        if observed is None or first in (0, n) or second in (0, n):
            return None
        expected = (first * second + (n - first) * (n - second)) / (n * n)
        return (observed - expected) / (1 - expected)

    @property
    def pabak(self) -> float | None:
        """2 po - 1."""
        return None if self.observed is None else 2 * self.observed - 1

    def as_json(self) -> dict[str, object]:
        """The agreement as an object; `table` is on/off of the first against the second reviewer."""
        return {
            "reviewers": list(self.reviewers), "records": self.records, "observed": _rounded(self.observed),
            "kappa": _rounded(self.kappa), "pabak": _rounded(self.pabak),
            "table": {"both_on": self.both_on, "only_first": self.only_first, "only_second": self.only_second,
                      "both_off": self.both_off},
        }  # fmt: skip


def agreement(first: str, second: str, judged: Sequence[Mapping[str, Decision]]) -> Agreement:
    """How far two reviewers agree, from the first judgement of each on each unit; unclear counts as include."""
    table = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for unit in judged:
        if first in unit and second in unit:
            table[(unit[first].decision != "exclude", unit[second].decision != "exclude")] += 1
    return Agreement((first, second), table[(True, True)], table[(False, False)], table[(True, False)],
                     table[(False, True)])  # fmt: skip


def first_judgements(history: Sequence[Decision]) -> dict[str, Decision]:
    """The first decision of each reviewer."""
    return {each.reviewer: each for each in reversed(history)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
