"""BUSCAR: a hypergeometric test on the tail of what was read (Callaghan and Müller-Hansen, Systematic Reviews 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from consilience.screening.stopping.rule import BEYOND, FIRST, Labels, Next, Seen

EVERY = 10


@dataclass(frozen=True, slots=True)
class Buscar:
    """The smallest p over all tails that the target is missed, at repeated looks."""

    target: float
    confidence: float
    name: ClassVar[str] = "buscar"
    audits: ClassVar[bool] = False
    statistic: ClassVar[str] = "smallest p over all tails read that the target is missed"

    def every(self, records: int) -> int:
        """A look at every tenth record, as its authors have it."""
        return EVERY

    def value(self, seen: Seen) -> float | None:
        """The smallest p."""
        return smallest_p(seen.labels, seen.records, self.target)

    def wants(self, seen: Seen) -> Next:
        """Always the best of the ranking."""
        return "rank"

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        return (
            f"Recall of at least {self.target:g} among these records, at a nominal confidence of {self.confidence:g}, "
            "if the rule stopped before the last record. Assumes that the records read last are a random draw from "
            "those not found before, although they were ranked, and takes the smallest p over many tails at repeated "
            f"looks (every {EVERY} records from {FIRST}), uncorrected. {BEYOND}"
        )

    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the claim to hold."""
        return (
            "an include is at least as likely to be read next as any other unread record",
            "the smallest of many p at repeated looks is taken as if it were one: no correction",
        )

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {
            "rule": self.name, "target": self.target, "confidence": self.confidence, "every": EVERY, "first": FIRST,
        }  # fmt: skip


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
