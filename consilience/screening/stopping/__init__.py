"""When reading may stop: rules by name, each of which states what it claims and what that rests on.

Only rules without a known patent are here: no knee, no budget, no target set. See `evaluation/stopping.yaml` for how
often each kept its word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from consilience.errors import BadInputError
from consilience.screening.stopping.audit import Audit, audit_key, audit_next
from consilience.screening.stopping.buscar import Buscar, smallest_p
from consilience.screening.stopping.quantile import Quantile
from consilience.screening.stopping.readall import ReadAll
from consilience.screening.stopping.rule import FIRST, Flags, Labels, Rule, Seen, Standing, Vector, last_look
from consilience.screening.stopping.tail import Tail
from consilience.screening.stopping.together import How, Together

RULES: Mapping[str, Callable[[float, float], Rule]] = {
    own.name: own for own in (Tail, Buscar, Audit, Quantile, ReadAll)
}
DEFAULT_RULE = Tail.name


@dataclass(frozen=True, slots=True)
class Played:
    """Where a replayed review stopped: how many records were read by then, and how many includes were among them."""

    read: int
    found: int
    stopped: bool  # False: everything was read


def rule(name: str, *, target: float, confidence: float) -> Rule:
    """The rule called `name` for a target recall and a confidence."""
    if name not in RULES:
        raise BadInputError(f"there is no stop rule {name!r}", where="stop", expected=" or ".join(sorted(RULES)))
    if not 0 < target <= 1:
        raise BadInputError(f"a target recall of {target!r} cannot be met", where="target", expected="0 < target <= 1")
    if not 0 < confidence < 1:
        raise BadInputError(
            f"{confidence!r} is no confidence a test can have", where="confidence", expected="0 < confidence < 1"
        )
    return RULES[name](target, confidence)


def rules(names: Sequence[str], *, target: float, confidence: float, combine: How = "any") -> Rule:
    """One rule of several names; a single name is that rule itself."""
    if not names:
        raise BadInputError("no stop rule is named", where="stop", expected=" or ".join(sorted(RULES)))
    each = [rule(name, target=target, confidence=confidence) for name in dict.fromkeys(names)]
    return each[0] if len(each) == 1 else Together(each, combine, target, confidence)


def state(rule: Rule, seen: Seen) -> Standing:
    """Where `rule` stands at its last look; with nothing left to read it is reached."""
    look = last_look(rule, seen.read, seen.records)
    known = seen.first(look)
    value = rule.value(known) if look else None
    limit = 1 - rule.confidence
    done = 0 < seen.records <= seen.read
    return Standing(
        rule=rule.name, reached=done or (value is not None and value < limit), read=seen.read, found=seen.found,
        records=seen.records, statistic=rule.statistic, value=value, limit=limit, claim=rule.claim(),
        assumptions=rule.assumptions(), next=rule.wants(known) if look and not done else "rank",
    )  # fmt: skip


def stopping_place(policy: Rule, labels: Labels) -> int | None:
    """How many records of a finished order are read before `policy` stops; None if it never does."""
    played = play(policy, labels)
    return played.read if played.stopped else None


def play(policy: Rule, labels: Labels, *, seed: int = 0, chances: Callable[[int], Vector] | None = None) -> Played:
    """Read a finished order until `policy` stops.

    Where it wants draws at random, those are taken by `seed` out of the order, which otherwise stays as it is: what
    an audited include would have taught the ranker is left out. `chances` gives the ranker's probabilities of the
    unread after a number of reads.
    """
    records = len(labels)
    if not policy.audits:
        for read in range(FIRST, records, policy.every(records)):
            seen = Seen(records, labels[:read], None, chances(read) if chances else None)
            if _stops(policy, seen):
                return Played(read, seen.found, stopped=True)
        return Played(records, int(labels.sum()), stopped=False)
    return _play_audited(policy, labels, seed, chances)


def _play_audited(policy: Rule, labels: Labels, seed: int, chances: Callable[[int], Vector] | None) -> Played:
    records = len(labels)
    drawn = np.random.default_rng(seed).permutation(records)
    queues = {"rank": iter(range(records)), "audit": iter(drawn.tolist())}
    unread = np.ones(records, dtype=bool)
    read: list[int] = []
    audited: list[bool] = []
    until, wanted = FIRST, "rank"
    while len(read) < records:
        row = next(row for row in queues[wanted] if unread[row])
        unread[row] = False
        read.append(row)
        audited.append(wanted == "audit")
        if len(read) == until and until < records:
            seen = _seen(records, labels[read], audited, chances)
            if _stops(policy, seen):
                return Played(until, seen.found, stopped=True)
            wanted = policy.wants(seen)
            until += policy.every(records)
    return Played(records, int(labels.sum()), stopped=False)


def _seen(records: int, labels: Labels, audited: Sequence[bool], chances: Callable[[int], Vector] | None) -> Seen:
    return Seen(records, labels, np.array(audited, dtype=bool), chances(len(labels)) if chances else None)


def _stops(policy: Rule, seen: Seen) -> bool:
    value = policy.value(seen)
    return value is not None and value < 1 - policy.confidence


__all__ = [
    "DEFAULT_RULE", "RULES", "Flags", "Labels", "Played", "Rule", "Seen", "Standing", "Vector", "audit_key",
    "audit_next", "last_look", "play", "rule", "rules", "smallest_p", "state", "stopping_place",
]  # fmt: skip
