"""Asking: several chains side by side, one verification across them, an answer made of checked quotations."""

from __future__ import annotations

from typing import Any

from consilience.errors import BadInputError
from consilience.reasoning import chain as chains
from consilience.reasoning import polar, quoted
from consilience.reasoning.certainty import NO_STUDY
from consilience.reasoning.chain import CHAINS, Ground, Outcome
from consilience.reasoning.cite import Citations, hints
from consilience.reasoning.claims import verify_claim, verify_text
from consilience.reasoning.question import Question, checked_question, parse
from consilience.reasoning.verify import verify

# Part of the hash that answers name as their configuration.
VERSION = "reasoning.1"


def checked_number(number: int | None) -> int | None:
    """How many chains to run; None means all."""
    if number is not None and not 1 <= number <= len(CHAINS):
        raise BadInputError(f"{number} chains were asked for", where="chains", expected=f"1 to {len(CHAINS)}")
    return number


def ask(text: str, ground: Ground, *, number: int | None = None, trace: bool = False) -> dict[str, Any]:
    """Answer one question from what the clocks show; what cannot be supported is not said."""
    question = parse(checked_question(text))
    outcomes = chains.run(list(CHAINS)[: checked_number(number)], question.text, ground)
    joint = verify(f for outcome in outcomes for f in outcome.findings)
    cited = Citations(ground.corpus, ground.clocks)
    compose = polar.answer if question.kind == "polar" else quoted.answer
    body = compose(question, joint, outcomes, ground, cited)
    body["chains"] = [_chain(outcome, question, trace) for outcome in outcomes]
    body["citations"] = cited.rows
    if body["abstained"]:
        body.update(sentences=[], items=[], citations=[], disagreements=[])
    warnings = hints(ground.corpus, body["citations"], ground.clocks)
    return {"question": question.text, "kind": question.kind, **body, "warnings": warnings}


def nothing_loaded(text: str) -> dict[str, Any]:
    """The answer of an empty home."""
    question = parse(text)
    is_polar = question.kind == "polar"
    return {
        "question": question.text, "kind": question.kind,
        "abstained": {"reason": "no_evidence", "detail": "nothing has been loaded and refreshed yet"},
        "verdict": "insufficient" if is_polar else None,
        "probabilities": {"yes": 0.0, "no": 0.0, "mixed": 0.0, "insufficient": 1.0} if is_polar else None,
        "sentences": [], "citations": [], "items": [], "confidence": 0.0, "disagreements": [], "chains": [],
        "certainty": dict(NO_STUDY),
    }  # fmt: skip


def _chain(outcome: Outcome, question: Question, trace: bool) -> dict[str, Any]:
    alone = verify(outcome.findings)
    verdict = alone.verdict if outcome.findings else "insufficient"
    return {
        "name": outcome.name, "question": outcome.question,
        "verdict": verdict if question.kind == "polar" else None,
        "confidence": round(alone.confidence, 6),
        "independent_studies": len(alone.units),
        "steps": [step.as_json() for step in outcome.steps] if trace else len(outcome.steps),
        "error": outcome.error,
    }  # fmt: skip


__all__ = ["CHAINS", "Ground", "ask", "checked_question", "verify_claim", "verify_text"]
