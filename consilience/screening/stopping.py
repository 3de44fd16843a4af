"""When reading may stop: rules by name, each of which states what it claims and what that rests on.

Only rules without a known patent are here: no knee, no budget, no target set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError

Labels = npt.NDArray[np.int64]


class Rule(Protocol):
    """Decides from the labels read so far, in order, whether reading may stop."""

    name: ClassVar[str]

    def stops(self, seen: Labels, records: int) -> bool:
        """Say whether to stop after `seen`, out of `records` in all."""
        ...

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Buscar:
    """The hypergeometric test of Callaghan and Müller-Hansen (Systematic Reviews 2020), at repeated looks."""

    target: float
    confidence: float
    every: int = 10
    first: int = 20
    name: ClassVar[str] = "buscar"

    def stops(self, seen: Labels, records: int) -> bool:
        """Say whether it is a look and missing the target has become improbable."""
        read = len(seen)
        due = read >= self.first and (read - self.first) % self.every == 0
        return due and smallest_p(seen, records, self.target) < 1 - self.confidence

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        return (
            f"Recall of at least {self.target:g} among these records, at a nominal confidence of {self.confidence:g}, "
            "if the rule stopped before the last record. Assumes that the records read last are a random draw from "
            "those not found before, although they were ranked, and takes the smallest p over many tails at repeated "
            f"looks (every {self.every} records from {self.first}), uncorrected. "
            "It says nothing of records the search missed."
        )

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {
            "rule": self.name,
            "target": self.target,
            "confidence": self.confidence,
            "every": self.every,
            "first": self.first,
        }


@dataclass(frozen=True, slots=True)
class ReadAll:
    """No rule: every record is read."""

    target: float
    confidence: float
    name: ClassVar[str] = "none"

    def stops(self, seen: Labels, records: int) -> bool:
        """Never."""
        return False

    def claim(self) -> str:
        """What may be said when everything was read."""
        return (
            f"No rule: every record is read, so the target of {self.target:g} (confidence {self.confidence:g}) is met "
            "among these records by reading alone. It says nothing of records the search missed."
        )

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {"rule": self.name, "target": self.target, "confidence": self.confidence}


RULES: Mapping[str, Callable[[float, float], Rule]] = {Buscar.name: Buscar, ReadAll.name: ReadAll}


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


def smallest_p(seen: Labels, records: int, target: float) -> float:
    """The smallest p, over all tails of what was read, that the target recall is still missed.

    Of the tails with the same number of hits the longest has the smallest p: the records left unread stay the
    same while the draws that found nothing grow. So one tail for each number of hits is enough.
    """
    from scipy.stats import hypergeom

    read, found = len(seen), int(seen.sum())
    if not read:
        return 1.0
    starts = np.concatenate(([0], np.flatnonzero(seen) + 1))
    starts = starts[starts < read]
    draws = read - starts
    hits = found - np.arange(len(starts))
    missed = np.floor(found / target + 1 - (found - hits))
    population = records - starts
    p = hypergeom.cdf(hits, population, np.minimum(missed, population), draws)
    return float(np.where(missed > population, 0.0, p).min())


def stopping_place(policy: Rule, labels: Labels) -> int | None:
    """How many records are read before `policy` stops; None if it never does."""
    records = len(labels)
    return next((read for read in range(1, records) if policy.stops(labels[:read], records)), None)
