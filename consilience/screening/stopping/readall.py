"""No rule: every record is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from consilience.screening.stopping.rule import Next, Seen


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Never stops before the last record."""

    target: float
    confidence: float
    name: ClassVar[str] = "none"
    audits: ClassVar[bool] = False
    statistic: ClassVar[str] = "none: every record is read"

    def every(self, records: int) -> int:
        """No look is needed before the end."""
        return max(records, 1)

    def value(self, seen: Seen) -> float | None:
        """Not defined."""
        return None

    def wants(self, seen: Seen) -> Next:
        """Always the best of the ranking."""
        return "rank"

    def claim(self) -> str:
        """What may be said when everything was read."""
        return (
            f"No rule: every record is read, so the target of {self.target:g} (confidence {self.confidence:g}) is met "
            "among these records by reading alone. It says nothing of records the search missed."
        )

    def assumptions(self) -> tuple[str, ...]:
        """None."""
        return ()

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {"rule": self.name, "target": self.target, "confidence": self.confidence}
