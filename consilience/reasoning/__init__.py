"""Asking: several chains side by side, one verification across them, an answer made of checked quotations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from consilience.errors import BadInputError
from consilience.models import Entailment
from consilience.reasoning import chain as chains
from consilience.reasoning.certainty import NO_STUDY, certainty
from consilience.reasoning.chain import CHAINS, Ground, Outcome
from consilience.reasoning.cite import Citations, hints, stance
from consilience.reasoning.evidence import NOT_STUDIES, Finding
from consilience.reasoning.items import items
from consilience.reasoning.question import Question, parse
from consilience.reasoning.verify import FLOOR, Unit, Verification, verify
from consilience.records import Span, normal_space, sha256
from consilience.text import sentences

# Part of the hash that answers name as their configuration.
VERSION = "reasoning.1"
LONGEST_QUESTION = 2000
SENTENCES = 4
_NOT_WEIGHED = {
    "level": "ungraded",
    "basis": "design_prior",
    "reasons": ["an open question: its sentences are quoted, not weighed against each other"],
}


def checked_question(text: str, what: str = "question") -> str:
    """A question with white space normalised; empty or overlong ones are refused."""
    asked = normal_space(text)
    if not asked:
        raise BadInputError(f"the {what} is empty", where=what, expected="at least one word")
    if len(asked) > LONGEST_QUESTION:
        raise BadInputError(f"the {what} is too long", where=what, expected=f"at most {LONGEST_QUESTION} characters")
    return asked


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
    compose = _polar if question.kind == "polar" else _open
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
    polar = question.kind == "polar"
    return {
        "question": question.text, "kind": question.kind,
        "abstained": {"reason": "no_evidence", "detail": "nothing has been loaded and refreshed yet"},
        "verdict": "insufficient" if polar else None,
        "probabilities": {"yes": 0.0, "no": 0.0, "mixed": 0.0, "insufficient": 1.0} if polar else None,
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


def _polar(
    question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground, cited: Citations
) -> dict[str, Any]:
    probabilities = _rounded({name: getattr(joint, name) for name in ("yes", "no", "mixed", "insufficient")})
    verdict = joint.verdict
    for_it = [u for u in joint.telling if stance(u.finding) == "supports"]
    against = [u for u in joint.telling if stance(u.finding) == "refutes"]
    carrying, opposing = (for_it, against) if verdict != "no" else (against, for_it)
    carried = [s for unit in carrying[:SENTENCES] if (s := cited.sentence(unit.finding))]
    other = opposing[: 2 if verdict != "mixed" else SENTENCES]
    sentences_ = [*carried, *(s for unit in other if (s := cited.sentence(unit.finding)))]
    # A verdict may come of many half-heard voices; with nothing to quote for it, it is not given.
    abstained = _abstention(verdict, joint, outcomes, sentences_ if verdict == "mixed" else carried)
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


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares to six places that still sum to 1: the last takes what rounding leaves."""
    *others, last = shares
    values = {name: math.floor(shares[name] * 1e6) / 1e6 for name in others}
    return {**values, last: round(1.0 - sum(values.values()), 6)}


def _abstention(
    verdict: str, joint: Verification, outcomes: Sequence[Outcome], said: Sequence[Mapping[str, Any]]
) -> dict[str, str] | None:
    failed = [o.name for o in outcomes if o.error]
    detail = f"; chains that failed: {', '.join(failed)}" if failed else ""
    if not joint.units:
        nearest = max((f.relevance for o in outcomes for f in o.findings), default=0.0)
        why = f"no document in force is near the question (nearest {nearest:.2f}, needed {FLOOR:.2f})"
        return {"reason": "no_evidence", "detail": why + detail}
    if verdict == "insufficient" or not said:
        why = f"{len(joint.units)} studies are near the question, but what they say settles neither side"
        return {"reason": "insufficient", "detail": why + detail}
    return None


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


def _open(
    question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground, cited: Citations
) -> dict[str, Any]:
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
    abstained = None if said else _abstention("insufficient", joint, outcomes, said)
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
        findings = [f for outcome in chains.run(list(CHAINS), statement, ground) for f in outcome.findings]
    joint = verify(findings)
    cited = Citations(ground.corpus, ground.clocks)
    verdict, probabilities = _three(joint)
    cited.numbers([u.finding for u in _bearing(joint.units, verdict)][:5])
    warnings = [f"{name} is retracted, superseded, deleted or a notice, and counts for nothing" for name in barred]
    return {"claim": statement, "verdict": verdict, "probabilities": probabilities, "citations": cited.rows,
            "warnings": [*warnings, *hints(ground.corpus, cited.rows, ground.clocks)]}  # fmt: skip


def _near(finding: Finding) -> Finding:
    values = {name: getattr(finding, name) for name in Finding.__slots__}
    return Finding(**{**values, "relevance": max(finding.relevance, FLOOR + 0.2)})


def _bearing(units: Sequence[Unit], verdict: str) -> Sequence[Unit]:
    """The units a verdict rests on: those of its stance, else those that lean its way, the weightiest first."""
    if verdict == "insufficient":
        return units
    side, other = ("supports", "refutes") if verdict == "supported" else ("refutes", "supports")
    plain = [u for u in units if stance(u.finding) == side]
    return plain or [u for u in units if getattr(u, side) > getattr(u, other)]


def _three(joint: Verification) -> tuple[str, dict[str, float]]:
    unsettled = joint.mixed + joint.insufficient
    probabilities = _rounded({"supported": joint.yes, "refuted": joint.no, "insufficient": unsettled})
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
    return {"claim": statement, "verdict": verdict, "probabilities": _rounded(values), "citations": [citation]}


__all__ = ["CHAINS", "Ground", "ask", "verify_claim", "verify_text"]
