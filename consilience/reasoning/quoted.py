"""Questions that are not polar: the sentences nearest to them, and for factoids and lists the names these give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consilience.reasoning.body import SENTENCES, abstention
from consilience.reasoning.chain import Ground, Outcome
from consilience.reasoning.cite import Citations
from consilience.reasoning.evidence import Finding
from consilience.reasoning.items import items
from consilience.reasoning.question import Question
from consilience.reasoning.verify import FLOOR, Verification

_NOT_WEIGHED = {
    "level": "ungraded",
    "basis": "design_prior",
    "reasons": ["an open question: its sentences are quoted, not weighed against each other"],
}


def answer(
    question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground, cited: Citations
) -> dict[str, Any]:
    """The part of an answer that quotes: the nearest sentences, and the items they name."""
    # A question that is not polar is not supported or refuted: nearness and place in the document decide.
    seen: dict[Any, Finding] = {}
    for outcome in outcomes:
        for finding in outcome.findings:
            if finding.relevance >= FLOOR and finding.design != "notice":
                seen.setdefault(finding.key, finding)
    ranked = sorted(seen.values(), key=lambda f: (-f.relevance * f.weight, f.key))
    found: list[dict[str, Any]] = []
    if question.kind in ("factoid", "list"):
        texts = [_quote(ground, f) for f in ranked[:20]]
        found = items(question.text, ranked[:20], texts, ground.linker, cited)
    said = [s for f in ranked[:SENTENCES] if (s := cited.sentence(f))]
    abstained = None if said else abstention("insufficient", joint, outcomes, said)
    confidence = round(ranked[0].relevance, 6) if said else 0.0
    return {
        "abstained": abstained,
        "verdict": None,
        "probabilities": None,
        "sentences": said, "items": found, "confidence": confidence,
        "certainty": dict(_NOT_WEIGHED),
        "disagreements": [],
    }  # fmt: skip


def _quote(ground: Ground, finding: Finding) -> str:
    return ground.corpus.document(finding.row).fields[finding.field][finding.start : finding.end]
