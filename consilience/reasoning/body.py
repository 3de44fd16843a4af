"""What answers of every kind share: shares that sum to 1, and why an answer abstains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from consilience.reasoning.chain import Outcome
from consilience.reasoning.verify import FLOOR, Verification

# How many sentences an answer says at most of one side.
SENTENCES = 4


def rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares to six places that still sum to 1: the last takes what rounding leaves."""
    *others, last = shares
    values = {name: math.floor(shares[name] * 1e6) / 1e6 for name in others}
    return {**values, last: round(1.0 - sum(values.values()), 6)}


def abstention(
    verdict: str, joint: Verification, outcomes: Sequence[Outcome], said: Sequence[Mapping[str, Any]]
) -> dict[str, str] | None:
    """Why nothing is answered, as the contract's `abstained`; None when something is.

    `no_evidence` when no document in force is near the question; `conflicting` when studies contradict each other and
    neither side prevails; `insufficient` when what they say settles nothing, or nothing can be quoted for the verdict.
    """
    failed = [o.name for o in outcomes if o.error]
    detail = f"; chains that failed: {', '.join(failed)}" if failed else ""
    if not joint.units:
        nearest = max((f.relevance for o in outcomes for f in o.findings), default=0.0)
        why = f"no document in force is near the question (nearest {nearest:.2f}, needed {FLOOR:.2f})"
        return {"reason": "no_evidence", "detail": why + detail}
    near = f"{len(joint.units)} {'study is' if len(joint.units) == 1 else 'studies are'} near the question"
    if verdict != "insufficient" and said:
        return None
    if joint.is_torn:
        return {"reason": "conflicting", "detail": f"{near}, and they contradict each other{detail}"}
    settles = "what they say settles neither side" if verdict == "insufficient" else f"none says {verdict} plainly"
    return {"reason": "insufficient", "detail": f"{near}, but {settles}{detail}"}
