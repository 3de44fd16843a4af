"""QuantCI: the recall that the ranker's own probabilities expect, less a margin (Yang et al., DocEng 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from consilience.screening.stopping.rule import BEYOND, Next, Seen

# Probabilities of the unread are multiplied by this, lest they fall short: a cautious guess, fitted to nothing.
FALLS_SHORT = 2.0


@dataclass(frozen=True, slots=True)
class Quantile:
    """The chance, by a normal approximation, that more includes are unread than the target allows."""

    target: float
    confidence: float
    name: ClassVar[str] = "quantile"
    audits: ClassVar[bool] = False
    statistic: ClassVar[str] = "probability, by the ranker's own probabilities, that the target is missed"

    def every(self, records: int) -> int:
        """A look at every tenth record, or at two hundred in all where there are more."""
        return max(10, records // 200)

    def value(self, seen: Seen) -> float | None:
        """One-sided, with the variance of independent records; None where the ranker gives no probabilities."""
        if seen.chances is None or not seen.found:
            return None
        chances = np.minimum(FALLS_SHORT * seen.chances, 1.0)
        spread = float(np.sqrt((chances * (1 - chances)).sum()))
        over = seen.found * (1 - self.target) / self.target - float(chances.sum())
        if spread == 0:
            return 0.0 if over >= 0 else 1.0
        return NormalDist().cdf(-over / spread)

    def wants(self, seen: Seen) -> Next:
        """Always the best of the ranking."""
        return "rank"

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        return (
            f"Recall of at least {self.target:g} among these records is what the ranker's own probabilities expect, "
            f"with a margin for a nominal confidence of {self.confidence:g}. They were learnt from records that the "
            f"ranker chose, so this is a heuristic and no guarantee. {BEYOND}"
        )

    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the claim to hold."""
        return (
            f"the ranker's probabilities of the unread, times {FALLS_SHORT:g}, are right on average",
            "records are includes independently of each other",
        )

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {
            "rule": self.name, "target": self.target, "confidence": self.confidence, "falls_short": FALLS_SHORT,
        }  # fmt: skip
