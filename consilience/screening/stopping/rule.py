"""What a stop rule sees and what it says: the labels in the order of reading, and a standing with its claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]
Next = Literal["rank", "audit"]

BEYOND = "It says nothing of records the search missed, nor of labels that are wrong."


@dataclass(frozen=True, slots=True)
class Seen:
    """What a screener knows at an instant: nothing of the labels that are still to come.

    `records` counts what is read and unread, without priors; `labels` are those read, 1 include and 0 exclude, in the
    order of reading. `audited` marks the reads that were drawn at random (None: none was). `chances` are the ranker's
    calibrated probabilities of the unread, in any order (None: not known).
    """

    records: int
    labels: Labels
    audited: Flags | None = None
    chances: Vector | None = None

    @property
    def read(self) -> int:
        """How many records were read."""
        return len(self.labels)

    @property
    def found(self) -> int:
        """How many of them are includes."""
        return int(self.labels.sum())

    def first(self, read: int) -> Seen:
        """What was known when `read` records had been read; the ranker's probabilities hold only for now."""
        if read >= self.read:
            return self
        return Seen(self.records, self.labels[:read], None if self.audited is None else self.audited[:read])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rule stands: reached when `value` is below `limit`, or nothing is left to read.

    `next` says what the rule wants read now: the best of the ranking, or a record drawn at random.
    """

    rule: str
    reached: bool
    read: int
    found: int
    records: int
    statistic: str
    value: float | None
    limit: float | None
    claim: str
    assumptions: tuple[str, ...]
    next: Next = "rank"

    def as_json(self) -> dict[str, Any]:
        """The standing as an object of the contract."""
        return {
            "rule": self.rule, "reached": self.reached, "read": self.read, "found": self.found,
            "records": self.records, "statistic": self.statistic, "value": self.value, "limit": self.limit,
            "claim": self.claim, "assumptions": list(self.assumptions), "next": self.next,
        }  # fmt: skip


class Rule(Protocol):
    """Decides from what was read so far whether reading may stop."""

    name: ClassVar[str]
    audits: ClassVar[bool]  # whether it may want records drawn at random
    statistic: ClassVar[str]

    @property
    def target(self) -> float:
        """The recall that is to be reached."""
        ...

    @property
    def confidence(self) -> float:
        """The confidence asked for."""
        ...

    def every(self, records: int) -> int:
        """How many records lie between two looks."""
        ...

    def value(self, seen: Seen) -> float | None:
        """The statistic, which lets reading stop below `limit`; None where it is not defined."""
        ...

    def wants(self, seen: Seen) -> Next:
        """What is to be read next: the best of the ranking, or a draw at random."""
        ...

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        ...

    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the claim to hold."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        ...


def last_look(rule: Rule, read: int, records: int) -> int:
    """The last look at or before `read`: looks begin at 20 records; 0 before the first."""
    return 0 if read < FIRST else read - (read - FIRST) % rule.every(records)


FIRST = 20


def allowed(found: int, target: float) -> int:
    """How many includes may be left unread while the recall of `found` is still at least `target`."""
    return int(np.floor(found * (1 - target) / target + 1e-9))
