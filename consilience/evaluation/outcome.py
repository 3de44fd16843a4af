"""What a run of a suite found, before it is told: one set of statistics a system, over the same questions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, Statistic, difference, estimate

log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Scored:
    """One system's figures, and what they cost."""

    name: str
    statistics: Mapping[str, Statistic]
    calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found over `n` questions (or runs); the first system is the one the suite is about."""

    n: int
    systems: tuple[Scored, ...]
    details: tuple[dict[str, Any], ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    groups: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def warned(self, warnings: Iterable[str]) -> Outcome:
        """The same outcome with warnings put first."""
        return replace(self, warnings=(*warnings, *self.warnings))

    @property
    def main(self) -> Scored:
        """The system whose figures are the suite's own."""
        return self.systems[0]


@dataclass(frozen=True, slots=True)
class Replies:
    """What a system answered to every question, in order, and how long it took."""

    values: list[dict[str, Any]]
    seconds: float

    @property
    def failures(self) -> list[str]:
        """The messages of the failed calls."""
        return [reply["error"]["message"] for reply in self.values if "error" in reply]


def timed(name: str, calls: Iterable[Callable[[], dict[str, Any]]], clock: Clock) -> Replies:
    """Every reply of one system, and the seconds they took together."""
    start = clock()
    values = [call() for call in calls]
    seconds = clock() - start
    log.info("%s: %d calls in %.1f s", name, len(values), seconds)
    return Replies(values, seconds)


def ordered(systems: Iterable[str], main: str) -> list[str]:
    """The systems without repeats, the main one first if it is among them."""
    return sorted(dict.fromkeys(systems), key=lambda name: name != main)


def usable(name: str, replies: Replies, *, main: bool, skipped: dict[str, str]) -> bool:
    """False, with the reason in `skipped`, when a system failed on everything; for the main one that is an error."""
    if len(replies.failures) < len(replies.values):
        return True
    if main:
        raise BadInputError(f"Every question failed: {replies.failures[0]}", where=name, expected="a working system")
    skipped[name] = replies.failures[0]
    return False


def measured(outcome: Outcome, draws: Draws) -> tuple[dict[str, Any], dict[str, Any]]:
    """The main system's measures, and every other system's with the paired difference from the main one."""
    measures = {name: estimate(of, outcome.n, draws).as_json() for name, of in outcome.main.statistics.items()}
    baselines = {
        system.name: {name: _beside(outcome, name, of, draws) for name, of in system.statistics.items()}
        for system in outcome.systems[1:]
    }
    return measures, baselines


def _beside(outcome: Outcome, name: str, statistic: Statistic, draws: Draws) -> dict[str, Any]:
    figure = estimate(statistic, outcome.n, draws).as_json()
    ours = outcome.main.statistics.get(name)
    if ours is None:
        return figure
    return {**figure, "difference": estimate(difference(ours, statistic), outcome.n, draws).as_json()}
