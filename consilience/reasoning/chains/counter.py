"""The counter chain: looks for what would refute the question's lean, in documents worded the other way."""

from __future__ import annotations

import re

from consilience.indexes.boolean import strategy
from consilience.indexes.filters import Mask
from consilience.reasoning.chains.actions import Actions
from consilience.reasoning.evidence import Finding
from consilience.reasoning.verify import verify

TOP = 10
# How many documents tell which way the evidence leans, before the other way is looked for.
_LEAN = 5
# How abstracts word an absent or opposite effect, harms, and an effect: each a strategy, and a pattern for sentences.
_NULL = (
    "no significant difference", "no significant differences", "no difference", "no differences", "not associated",
    "no association", "no effect", "no benefit", "no evidence", "not significantly", "no significant", "did not",
    "was not", "were not", "ineffective", "failed", "similar between",
)  # fmt: skip
_HARM = ("adverse events", "adverse effects", "side effects", "increased risk", "harm", "toxicity", "complications")
_EFFECT = (
    "significantly reduced", "significantly improved", "significantly higher", "significantly lower",
    "significantly associated", "was associated with", "were associated with", "effective", "superior", "predictor",
    "beneficial", "independent risk factor",
)  # fmt: skip


def counter_chain(at: Actions) -> list[Finding]:
    """Read which way the first documents lean, search among those worded the other way, keep what speaks against."""
    question = at.task.question
    read = at.sentences(at.search(question, top=_LEAN))
    leans_yes = verify(read, at.ground.weighing).verdict != "no"
    if at.next_round():
        among = [("null results", _NULL)] if leans_yes else [("positive results", _EFFECT)]
        for name, wording in among:
            rows = at.search(question, top=TOP, among=name, where=_worded(at, wording))
            read += at.sentences(rows, preferred=_pattern(wording))
    if leans_yes and (treatment := at.task.slots.get("intervention")) and at.next_round():
        asked = " ".join((treatment, at.task.slots.get("outcome", "")))
        rows = at.search(asked, top=_LEAN, among="harms", where=_worded(at, _HARM))
        read += at.sentences(rows, preferred=_pattern(_HARM))
    return [finding for finding in read if _against(finding, leans_yes)]


def _against(finding: Finding, leans_yes: bool) -> bool:
    told = finding.judgement
    against, along = (told.refutes, told.supports) if leans_yes else (told.supports, told.refutes)
    return against > max(along, told.neutral)


def _worded(at: Actions, wording: tuple[str, ...]) -> Mask:
    """The rows whose texts are worded so, shape: rows of the corpus."""
    index = at.ground.index
    asked = strategy.read(" OR ".join(f'"{phrase}"[tiab]' for phrase in wording), "pubmed")
    return index.lexical.run(index.sights.of(at.ground.clocks)).whole(asked)


def _pattern(wording: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(wording)})\b", re.IGNORECASE)
