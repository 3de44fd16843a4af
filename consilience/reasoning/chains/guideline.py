"""The guideline chain: the recommendations in force on the day."""

from __future__ import annotations

from consilience.indexes.filters import Filters
from consilience.reasoning.chains.actions import Actions
from consilience.reasoning.evidence import Finding

TOP = 5
_IN_FORCE = Filters(statuses=("active", "corrected", "concern"))


def guideline_chain(at: Actions) -> list[Finding]:
    """Look for recommendations about the question and its parts, in force on the day asked about."""
    sources = at.ground.corpus.among("source", ["guidelines"])
    if not sources.any():
        return []
    rows: list[int] = []
    for query in (at.task.question, *at.task.parts):
        rows += at.search(
            query, top=TOP, among="guidelines in force", where=sources, filters=_IN_FORCE, action="guideline"
        )
    return at.sentences(rows, per_document=1)
