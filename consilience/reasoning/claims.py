"""Judging a claim against the corpus, against named documents, or against a text that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from consilience.errors import BadInputError
from consilience.models import Entailment
from consilience.reasoning import chains
from consilience.reasoning.body import rounded
from consilience.reasoning.chain import Ground, Task
from consilience.reasoning.cite import Citations, hints, stance
from consilience.reasoning.evidence import Finding
from consilience.reasoning.question import checked_question
from consilience.reasoning.verify import FLOOR, Unit, Verification, verify
from consilience.records import Span, normal_space, sha256
from consilience.text import sentences


def verify_claim(claim: str, ground: Ground, *, against: Sequence[str] = ()) -> dict[str, Any]:
    """Judge a claim against the corpus, or against named documents, whether they are near it or not."""
    statement = checked_question(claim, "claim")
    barred: list[str] = []
    if against:
        reader = ground.reader(statement)
        rows = [ground.corpus.row_of(document.strip(), ground.clocks) for document in against]
        barred = [d.id for row in dict.fromkeys(rows) if reader.is_barred(d := ground.corpus.document(row))]
        # The asker chose the documents: none is too far from the claim to be read.
        findings = [_near(f) for f in reader.read("passage", rows, per_document=3)]
    else:
        findings = [f for outcome in chains.run(list(chains.CHAINS), Task(statement), ground) for f in outcome.findings]
    joint = verify(findings, ground.weighing)
    cited = Citations(ground.corpus, ground.clocks)
    verdict, probabilities = _three(joint)
    cited.numbers([u.finding for u in _bearing(joint.units, verdict)][:5])
    warnings = [f"{name} is retracted, superseded, deleted or a notice, and counts for nothing" for name in barred]
    return {"claim": statement, "verdict": verdict, "probabilities": probabilities, "citations": cited.rows,
            "warnings": [*warnings, *hints(ground.corpus, cited.rows, ground.clocks)]}  # fmt: skip


def _near(finding: Finding) -> Finding:
    return replace(finding, relevance=max(finding.relevance, FLOOR + 0.2), standing=1.0)


def _bearing(units: Sequence[Unit], verdict: str) -> Sequence[Unit]:
    """The units a verdict rests on: those of its stance, else those that lean its way, the weightiest first."""
    if verdict == "insufficient":
        return units
    side, other = ("supports", "refutes") if verdict == "supported" else ("refutes", "supports")
    plain = [u for u in units if stance(u.finding) == side]
    return plain or [u for u in units if getattr(u, side) > getattr(u, other)]


def _three(joint: Verification) -> tuple[str, dict[str, float]]:
    unsettled = joint.mixed + joint.insufficient
    probabilities = rounded({"supported": joint.yes, "refuted": joint.no, "insufficient": unsettled})
    verdict = (
        "insufficient" if unsettled >= max(joint.yes, joint.no) else "supported" if joint.yes > joint.no else "refuted"
    )
    return verdict, probabilities


def verify_text(claim: str, evidence_text: str, entailment: Entailment) -> dict[str, Any]:
    """Judge a claim against a text that is given; no corpus is needed."""
    statement = checked_question(claim, "claim")
    text = normal_space(evidence_text)
    if not text:
        raise BadInputError("the evidence text is empty", where="evidence_text", expected="at least one word")
    bounds = list(sentences(text))[:200]
    whole, *each = entailment.judge([(statement, text[:4000]), *((statement, text[a:b]) for a, b in bounds)])
    values = {"supported": whole.supports, "refuted": whole.refutes, "insufficient": whole.neutral}
    verdict = max(("insufficient", "refuted", "supported"), key=lambda name: values[name])
    pull = {"supported": "supports", "refuted": "refutes", "insufficient": "neutral"}[verdict]
    (start, end), _ = max(zip(bounds, each, strict=True), key=lambda item: (getattr(item[1], pull), -item[0][0]))
    span = Span("REC:" + sha256(text)[:16], sha256(text)[:12], "text", start, end, text[start:end], sha256(text))
    citation = {**span.as_json(), "stance": pull, "title": "", "published": None, "design": "unknown",
                "status": "active", "study": span.id}  # fmt: skip
    return {"claim": statement, "verdict": verdict, "probabilities": rounded(values), "citations": [citation]}
