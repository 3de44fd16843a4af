"""When screening may end: the stop rules of the protocol held against what was read, and a person who ends it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.records import normal_space
from consilience.screening.order import STAGE, labelled
from consilience.screening.stopping import Rule, Seen, Standing, audit_next, rules
from consilience.screening.stopping import state as judged
from consilience.screening.stopping.quantile import Quantile
from consilience.screening.workflow import first_judgements

if TYPE_CHECKING:
    from consilience.screening.review import Review
    from consilience.screening.state import State


def rule_of(review: Review) -> Rule:
    """The stop rule of the protocol: one, or several of which any may end the reading."""
    protocol = review.protocol
    return rules(protocol.stop, target=protocol.target, confidence=protocol.confidence)


def priors(review: Review) -> set[str]:
    """Units that were known before screening began; no rule counts them."""
    known = {id for id, drawn in review.state.drawn(STAGE).items() if drawn == "prior"}
    return known | set(review.seeds())


def seen_of(review: Review) -> Seen:
    """What the rules may see: the labels of what has been settled, in order, and which of it was drawn as an audit."""
    state, before = review.state, priors(review)
    known, drawn, labels = state.outcomes(STAGE), state.drawn(STAGE), labelled(state)
    settled = [id for id in labels if known[id].result != "pending" and id not in before]
    if review.protocol.mode != "single":  # a record is read when its second reviewer has read it
        settled.sort(key=lambda id: _read_at(state, id))
    return Seen(
        records=state.count_units() - len(before), labels=np.array([labels[id] for id in settled], dtype=np.int64),
        audited=np.array([drawn[id] == "audit" for id in settled], dtype=bool),
        chances=_chances(review, before | set(settled)) if Quantile.name in review.protocol.stop else None,
    )  # fmt: skip


def _read_at(state: State, id: str) -> int:
    """The entry by which the last of its reviewers had judged a unit; that of its adjudication where none has."""
    made = first_judgements(state.history(id, STAGE)).values()
    last = state.adjudication(id, STAGE)
    return max((each.seq for each in made), default=last.seq if last else 0)


def _chances(review: Review, read: Collection[str]) -> npt.NDArray[np.float64] | None:
    """The ranker's probabilities of what is unread, as of the last `rank`.

    None where they are not calibrated, and where a unit that came since has none: the rule would claim it as read.
    """
    order = review.order()
    if not order.calibrated:
        return None
    unread = [score for id, score in order.through(review.state) if id not in read]
    return None if None in unread else np.array(unread, dtype=np.float64)


def standing(review: Review) -> Standing:
    """Where the rule of the protocol stands now."""
    return judged(rule_of(review), seen_of(review))


def told(review: Review) -> dict[str, Any]:
    """The rule's standing as an object, and whether a person has ended screening."""
    ended = review.state.accepted
    return {**standing(review).as_json(), "accepted": ended.at if ended else None}


def audited(review: Review) -> str | None:
    """The unit that a rule wants read out of order, as an audit; None where it wants none."""
    if not rule_of(review).audits or standing(review).next != "audit":
        return None
    state = review.state
    known = state.outcomes(STAGE)
    unread = [id for id in state.units(STAGE) if id not in known]
    return audit_next(unread, seed=review.protocol.seed) if unread else None


def stop(review: Review) -> dict[str, Any]:
    """The `screen stop` object: every rule of the protocol by itself, and what they come to together."""
    protocol, seen = review.protocol, seen_of(review)
    each = [rules((name,), target=protocol.target, confidence=protocol.confidence) for name in protocol.stop]
    ended = review.state.accepted
    return {
        "rules": [judged(own, seen).as_json() for own in each], "together": judged(rule_of(review), seen).as_json(),
        "unread": seen.records - len(seen.labels), "priors": len(priors(review)),
        "accepted": _ended(ended.body, ended.at, ended.actor["name"]) if ended else None,
        "warnings": [*review.edited(), *review.told()],
    }  # fmt: skip


def accept(review: Review, by: str, reason: str) -> dict[str, Any]:
    """A person ends screening, whatever the rules say; what they said is kept beside it."""
    if not by.strip():
        raise BadInputError("who ends it?", where="--by", expected="a name")
    if not review.state.count_units():
        raise BadInputError("the review holds no records", where=review.folder.name, expected="screen import DIR FILE")
    before = stop(review)
    half = review.state.counts(STAGE)
    if half["conflict"]:
        review.warnings.append(f"{half['conflict']} conflicts are open: they stay to be adjudicated")
    known = review.state.outcomes(STAGE)
    if one := sum(each.result == "pending" for each in known.values()):
        review.warnings.append(f"{one} records were judged by one reviewer alone: they stay unread, too")
    said = normal_space(reason)
    if not before["together"]["reached"] and not said:
        raise BadInputError("no stop rule is reached", where="--reason", expected="why screening ends all the same")
    actor = {"type": "person", "name": by.strip()}
    rows = [("stop", {"type": "rule", "name": each["rule"]}, each) for each in before["rules"]]
    body = {"reason": said, "rule": before["together"], "unread": half["pending"] + half["unscreened"]}
    review.append_all([*rows, ("accept_stop", actor, body)])
    return stop(review)


def _ended(body: Any, at: str, by: str) -> dict[str, Any]:
    return {"at": at, "by": by, "reason": body["reason"], "unread": body["unread"]}
