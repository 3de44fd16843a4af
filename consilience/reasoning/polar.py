"""Yes, no, mixed or insufficient: a verdict across chains, with the sentences of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consilience.reasoning.body import SENTENCES, abstention, rounded
from consilience.reasoning.certainty import NO_STUDY, certainty
from consilience.reasoning.chain import Ground, Outcome
from consilience.reasoning.cite import Citations, stance
from consilience.reasoning.evidence import NOT_STUDIES
from consilience.reasoning.question import Question
from consilience.reasoning.verify import Unit, Verification


def answer(
    question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground, cited: Citations
) -> dict[str, Any]:
    """The part of an answer that says yes, no, mixed or insufficient, and on which sentences of either side."""
    probabilities = rounded({name: getattr(joint, name) for name in ("yes", "no", "mixed", "insufficient")})
    verdict = joint.verdict
    for_it = [u for u in joint.telling if stance(u.finding) == "supports"]
    against = [u for u in joint.telling if stance(u.finding) == "refutes"]
    carrying, opposing = (for_it, against) if verdict != "no" else (against, for_it)
    carried = [s for unit in carrying[:SENTENCES] if (s := cited.sentence(unit.finding))]
    other = opposing[: 2 if verdict != "mixed" else SENTENCES]
    sentences_ = [*carried, *(s for unit in other if (s := cited.sentence(unit.finding)))]
    # A verdict may come of many half-heard voices; with nothing to quote for it, it is not given.
    abstained = abstention(verdict, joint, outcomes, sentences_ if verdict == "mixed" else carried)
    return {
        "abstained": abstained,
        "verdict": "insufficient" if abstained else verdict,
        "probabilities": probabilities,
        "sentences": sentences_,
        "items": [],
        "confidence": probabilities["insufficient" if abstained else verdict],
        "certainty": dict(NO_STUDY) if abstained else certainty(carrying, opposing, ground.corpus),
        "disagreements": _disagreements(question, for_it, against, cited),
    }


def _disagreements(
    question: Question, for_it: Sequence[Unit], against: Sequence[Unit], cited: Citations
) -> list[dict[str, Any]]:
    supporting, refuting = [[u for u in side if u.finding.design not in NOT_STUDIES][:5] for side in (for_it, against)]
    if not supporting or not refuting:
        return []
    sides = [cited.numbers([u.finding for u in side]) for side in (supporting, refuting)]
    if not all(sides):
        return []
    explanation = f"{_told(cited, sides[0])} in favour; {_told(cited, sides[1])} against"
    return [{"claim": question.text, "supporting": sides[0], "refuting": sides[1], "explanation": explanation}]


def _told(cited: Citations, numbers: Sequence[int]) -> str:
    rows = [cited.rows[n] for n in numbers]
    designs = ", ".join(sorted({str(r["design"]).replace("_", " ") for r in rows}))
    years = sorted(r["published"][:4] for r in rows if r["published"])
    when = f", {years[0]}-{years[-1]}" if years else ""
    return f"{len(rows)} {'study' if len(rows) == 1 else 'studies'} ({designs}{when})"
