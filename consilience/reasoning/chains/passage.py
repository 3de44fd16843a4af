"""The passage chain: documents by the question's words and meaning, and what they conclude."""

from __future__ import annotations

from consilience.indexes.filters import Filters
from consilience.reasoning.chains.actions import Actions
from consilience.reasoning.evidence import Finding
from consilience.reasoning.verify import Verification, verify

TOP = 10
# Of each part of a question: parts widen what is looked at, and crowd nothing out.
PART = 5
# Fewer independent studies near the question than this are too few to stop at.
_ENOUGH = 2
# Where comparable studies disagree, those are asked that weigh most (sources: the pyramid of kg/certainty.yaml).
_STRONGEST = Filters(designs=("meta_analysis", "systematic_review", "rct"))


def passage_chain(at: Actions) -> list[Finding]:
    """Search for the question and its parts and read; look once more where that leaves too little, or two sides."""
    task = at.task
    rows = at.search(task.question, top=TOP)
    for part in task.parts:
        rows += at.search(part, top=PART)
    findings = at.sentences(rows)
    joint = verify(findings)
    if not _settled(joint) and at.next_round():
        findings += at.sentences(_followed_up(at, joint))
    return findings


def _settled(joint: Verification) -> bool:
    return len(joint.units) >= _ENOUGH and joint.verdict != "mixed"


def _followed_up(at: Actions, joint: Verification) -> list[int]:
    """The rows of a second round: by the bare slots where too little was near, else by the strongest designs."""
    task = at.task
    if len(joint.units) >= _ENOUGH:
        return at.search(task.question, top=PART, among="trials and reviews", filters=_STRONGEST)
    slots = " ".join(task.slots[name] for name in ("intervention", "comparator", "outcome") if name in task.slots)
    return at.search(slots, top=PART) if slots else []
