"""Is a system as often right as it says, and is it right more often where it is surer?

Every figure is computed from two columns, how sure a system was and whether it was right. Questions on which it was
equally sure are one group that shares its mistakes: no figure depends on the order in which questions stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilience.evaluation.bootstrap import Floats, Statistic, Weights, rounded

BINS = 10
# A system may keep silent on the least confident fifth.
ANSWERED = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Shares of the questions in groups of equal confidence, the surest first, each of shape (resamples, groups)."""

    confidence: Floats  # shape (groups,)
    mass: Floats
    right: Floats
    end: Floats

    @property
    def start(self) -> Floats:
        return self.end - self.mass

    @property
    def accuracy(self) -> Floats:
        return np.divide(self.right, self.mass, out=np.zeros_like(self.right), where=self.mass > 0)


def _grouped(sure: Floats, right: Floats) -> Callable[[Weights], _Groups]:
    order = np.argsort(-sure, kind="stable")
    levels, starts = np.unique(-sure[order], return_index=True)

    def of(weights: Weights) -> _Groups:
        drawn = weights[:, order] / weights.sum(axis=1, keepdims=True)
        mass = np.add.reduceat(drawn, starts, axis=1)
        hits = np.add.reduceat(drawn * right[order], starts, axis=1)
        return _Groups(-levels, mass, hits, mass.cumsum(axis=1))

    return of


def _within(groups: _Groups, low: float, high: float) -> Floats:
    """How much of each group's mass lies between two shares of all questions."""
    inside: Floats = np.clip(np.minimum(groups.end, high) - np.maximum(groups.start, low), 0.0, None)
    return inside


def statistics(sure: Sequence[float], right: Sequence[float]) -> dict[str, Statistic]:
    """Expected calibration error, area under the risk-coverage curve, and what silence on the least sure fifth gains.

    ECE has ten bins of equal mass (Nixon et al. 2019). The area is the mean error over all shares answered (Geifman
    and El-Yaniv 2017). `gain@80%` is the accuracy on the surest four fifths, less that on all.
    """
    groups = _grouped(np.asarray(sure, np.float64), np.asarray(right, np.float64))
    return {
        "ECE": Statistic(lambda weights: _error(groups(weights))),
        "AURC": Statistic(lambda weights: _area(groups(weights))),
        "accuracy@80%": Statistic(lambda weights: _kept(groups(weights))),
        "gain@80%": Statistic(lambda weights: _gain(groups(weights))),
    }


def _error(groups: _Groups) -> Floats:
    total = np.zeros(len(groups.mass))
    gap = groups.accuracy - groups.confidence
    for at in range(BINS):
        total += np.abs((_within(groups, at / BINS, (at + 1) / BINS) * gap).sum(axis=1))
    return total


def _area(groups: _Groups) -> Floats:
    """The integral of risk over coverage, in closed form: within a group errors come evenly."""
    rate = 1.0 - groups.accuracy
    before = np.cumsum(groups.mass - groups.right, axis=1) - (groups.mass - groups.right)
    start, end = groups.start, groups.end
    first = start <= 1e-12
    ratio = np.divide(end, start, out=np.ones_like(end), where=~first)
    area: Floats = (rate * groups.mass + np.where(first, 0.0, (before - rate * start) * np.log(ratio))).sum(axis=1)
    return area


def _kept(groups: _Groups) -> Floats:
    share: Floats = (_within(groups, 0.0, ANSWERED) * groups.accuracy).sum(axis=1) / ANSWERED
    return share


def _gain(groups: _Groups) -> Floats:
    gain: Floats = _kept(groups) - groups.right.sum(axis=1)
    return gain


def curves(columns: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> list[dict[str, Any]]:
    """The reliability plot and the risk-coverage curve of every system, as a report keeps them."""
    made = {name: _grouped(np.asarray(sure, np.float64), np.asarray(right, np.float64))(np.ones((1, len(sure))))
            for name, (sure, right) in columns.items() if len(sure)}  # fmt: skip
    if not made:
        return []
    return [
        {"name": "reliability", "title": "How often right by how sure, in ten bins of equal size",
         "x": "how sure", "y": "accuracy", "diagonal": True,
         "series": {name: _reliability(groups) for name, groups in made.items()}},
        {"name": "risk-coverage", "title": "Errors among the surest answers, by the share of questions answered",
         "x": "share answered", "y": "share of them wrong", "diagonal": False,
         "series": {name: _risks(groups) for name, groups in made.items()}},
    ]  # fmt: skip


def _reliability(groups: _Groups) -> list[list[float]]:
    found = []
    for at in reversed(range(BINS)):
        part = _within(groups, at / BINS, (at + 1) / BINS)[0]
        if (mass := float(part.sum())) > 0:
            sure, right = float(part @ groups.confidence) / mass, float(part @ groups.accuracy[0]) / mass
            found.append([rounded(sure), rounded(right)])
    return found


def _risks(groups: _Groups) -> list[list[float]]:
    """The risk at every twentieth of coverage."""
    found = []
    for step in range(1, 21):
        kept = _within(groups, 0.0, step / 20)[0]
        found.append([step / 20, rounded(float(kept @ (1.0 - groups.accuracy[0])) / (step / 20))])
    return found
