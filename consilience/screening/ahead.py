"""What a reviewer reads next: the best record that still waits for him, blind to what others decided on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError
from consilience.screening import ending
from consilience.screening.deciding import stage_of
from consilience.screening.protocol import Stage
from consilience.screening.state import PENDING, Record, State
from consilience.screening.workflow import is_open_to

if TYPE_CHECKING:
    from consilience.screening.review import Review

MOST = 1000
# What another reviewer may have left in an export: neither is shown to one who has yet to judge.
HIDDEN = ("label", "extra")


def ahead(review: Review, reviewer: str | None, stage: str, count: int) -> dict[str, Any]:
    """The `screen next` object: one record, and in `more` those after it where several are asked for."""
    if not 1 <= count <= MOST:
        raise BadInputError(f"{count} records", where="--count", expected=f"1 to {MOST}")
    at = stage_of(stage)
    state = review.reload()
    if review.protocol_edited():
        with review.changing():
            pass  # notes it
    name = review.reviewer(reviewer)
    found = list(islice(_waiting(review, state, name, at), count))
    shown = [_shown(review, id, score, at) for id, score in found]
    first = shown[0] if shown else {"id": None, "record": None, "score": None, "criteria": [], "flag": None}
    return {
        **first, "reviewer": name, "stage": at, "remaining": remaining(state, name, at),
        "stop": ending.told(review), **({"more": shown[1:]} if count > 1 else {}), "warnings": review.told(),
    }  # fmt: skip


def remaining(state: State, reviewer: str, stage: Stage) -> int:
    """How many units still wait for a reviewer at a stage."""
    if stage == "full_text":
        return sum(1 for id in state.units(stage) if _is_open(state, id, reviewer, stage))
    settled = sum(1 for id in state.outcomes(stage) if not _is_open(state, id, reviewer, stage))
    if state.accepted is None:
        return state.count_units() - settled
    return sum(1 for id in state.units(stage) if _is_open(state, id, reviewer, stage))


def _waiting(review: Review, state: State, reviewer: str, stage: Stage) -> Iterator[tuple[str, float | None]]:
    if stage == "full_text":
        yield from ((id, None) for id in state.units(stage) if _is_open(state, id, reviewer, stage))
        return
    order = review.order()
    review.warnings += order.warnings
    drawn = ending.audited(review)
    if drawn is not None and _is_open(state, drawn, reviewer, stage):
        yield drawn, None
    for id, score in order.through(state):
        if id != drawn and _is_open(state, id, reviewer, stage):
            yield id, score


def _is_open(state: State, id: str, reviewer: str, stage: Stage) -> bool:
    known = state.outcomes(stage).get(id, PENDING)
    if known.result != "pending" or (state.accepted is not None and state.outcome(id, stage).result != "pending"):
        return False
    if id not in state.outcomes(stage):  # nobody has judged it: most of a review, most of the time
        return True
    mode = state.protocol.mode if state.protocol else "single"
    return is_open_to(state.decisions(id, stage), known, reviewer, mode)


def _shown(review: Review, id: str, score: float | None, stage: Stage) -> dict[str, Any]:
    record: Record = review.records()[id]
    flag = review.state.flag_of(id)
    return {
        "id": id, "record": {key: value for key, value in record.items() if key not in HIDDEN},
        "score": score, "criteria": review.criteria(record), "flag": flag.status if flag else None,
    }  # fmt: skip
