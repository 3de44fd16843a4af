"""How certain a body of evidence is: a design prior with reasons, called that unless a source states a level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from consilience.corpora.corpus import Corpus
from consilience.reasoning.verify import Unit

NO_STUDY = {"level": "ungraded", "basis": "design_prior", "reasons": ["no study bears on it"]}
LEVELS = ("very_low", "low", "moderate", "high")
# Where a body of evidence of each tier starts (GRADE: randomised high, observational low).
_START = (3, 3, 1, 0, 0)


def certainty(units: Sequence[Unit], opposing: Sequence[Unit], corpus: Corpus) -> dict[str, Any]:
    """The contract's `certainty` object for the units that carry a verdict."""
    if not units:
        return dict(NO_STUDY)
    stated = _stated(units, corpus)
    if stated:
        return stated
    best = min(unit.tier for unit in units)
    level = _START[best]
    designs = Counter(unit.finding.design.replace("_", " ") for unit in units)
    reasons = ["design: " + ", ".join(f"{count} {name}" for name, count in sorted(designs.items()))]
    if any(unit.tier <= best for unit in opposing):
        level -= 1
        reasons.append("consistency: studies of the same standing disagree")
    if len([u for u in units if u.tier <= max(best, 1)]) < 2 and best > 0:
        level -= 1
        reasons.append("precision: it rests on a single study of its standing")
    if max(unit.finding.relevance for unit in units) < 0.7:
        level -= 1
        reasons.append("directness: no study matches the whole question")
    return {"level": LEVELS[max(0, level)], "basis": "design_prior", "reasons": reasons}


def _stated(units: Sequence[Unit], corpus: Corpus) -> dict[str, Any] | None:
    """A level that a guideline in force states itself."""
    for unit in units:
        guideline = corpus.document(unit.finding.row).meta.get("guideline", {})
        level = str(guideline.get("certainty_norm") or guideline.get("certainty") or "").lower().replace(" ", "_")
        if level in LEVELS:
            return {"level": level, "basis": "stated", "reasons": [f"stated by {unit.finding.document}"]}
    return None
