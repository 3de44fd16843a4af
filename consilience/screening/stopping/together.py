"""Several rules as one: reading may stop when any of them says so, or only when all do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from consilience.screening.stopping.rule import Next, Rule, Seen, last_look

How = Literal["any", "all"]


@dataclass(frozen=True, slots=True)
class Together:
    """Rules of one target and confidence; with "any", errors add up, and the claim says so."""

    rules: Sequence[Rule]
    how: How
    target: float
    confidence: float
    name: ClassVar[str] = "together"
    audits: ClassVar[bool] = True  # as far as one of them does
    statistic: ClassVar[str] = "the statistic that decides: the smallest of any, the largest of all"

    def every(self, records: int) -> int:
        """As often as the rule that looks most often."""
        return min(rule.every(records) for rule in self.rules)

    def value(self, seen: Seen) -> float | None:
        """The smallest of the statistics for "any", the largest for "all"; None where that one is not defined."""
        values = [rule.value(seen.first(last_look(rule, seen.read, seen.records))) for rule in self.rules]
        known = [value for value in values if value is not None]
        if self.how == "all":
            return max(known) if len(known) == len(values) else None
        return min(known, default=None)

    def wants(self, seen: Seen) -> Next:
        """A draw at random if one of them wants it."""
        return "audit" if any(rule.wants(seen) == "audit" for rule in self.rules if rule.audits) else "rank"

    def claim(self) -> str:
        """What each of them claims."""
        several = " Any of these rules may have stopped it: their chances of error add up." if self.how == "any" else ""
        return " ".join(f"{rule.name}: {rule.claim()}" for rule in self.rules) + several

    def assumptions(self) -> tuple[str, ...]:
        """What each of them assumes."""
        return tuple(f"{rule.name}: {said}" for rule in self.rules for said in rule.assumptions())

    def as_json(self) -> dict[str, Any]:
        """How they are combined, and each of them."""
        return {"rule": self.name, "how": self.how, "rules": [rule.as_json() for rule in self.rules]}
