"""How sure a figure is: bootstrap intervals over questions and a paired randomisation test, seeded.

Every system sees the same resamples, so that the difference of two systems is a paired one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Weights = Floats
"""Shape (resamples, n): how often each question was drawn; every row sums to n."""

# The measures in which less is better; everywhere else more is.
LOWER_IS_BETTER = frozenset({"atd", "loss", "flips seen", "flips unseen", "ECE", "AURC", "wrong", "IKCR"})
# Differences below this are ties: the last bits of a sum are no win.
TIE = 1e-9
FLIPS = 10_000
# A block of resamples holds at most so many numbers (32 MiB), however many questions there are.
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """A figure of weighted questions, NaN where it is undefined; `values` has one a question where it is their mean."""

    of: Callable[[Weights], Floats]
    values: Floats | None = None


@dataclass(frozen=True, slots=True)
class Draws:
    """How resamples are drawn: `resamples` times, from this seed."""

    resamples: int = 1000
    seed: int = 0

    def weights(self, n: int) -> Iterator[Weights]:
        """All resamples of `n` questions, some rows at a time, the same whenever they are asked for."""
        generator = np.random.default_rng(self.seed)
        rows = max(1, _CELLS // n)
        for start in range(0, self.resamples, rows):
            size = min(rows, self.resamples - start)
            drawn = generator.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
            yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; both are absent when nothing defines them, the interval for one question too."""

    value: float | None
    ci95: tuple[float, float] | None

    def as_json(self) -> dict[str, Any]:
        """The measure object of the contract."""
        return {"value": self.value, "ci95": list(self.ci95) if self.ci95 else None}


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A figure over all `n` questions, and over each resample of them, shape (resamples,)."""

    value: float
    drawn: Floats
    n: int

    def __sub__(self, other: Spread) -> Spread:
        """The paired difference: both were computed from the same resamples."""
        return Spread(self.value - other.value, self.drawn - other.drawn, self.n)

    def estimate(self) -> Estimate:
        """The figure with the expanded 2.5 and 97.5 percentiles over the resamples."""
        if np.isnan(self.value):
            return Estimate(None, None)
        if self.n < 2:  # one question says nothing of others
            return Estimate(rounded(self.value), None)
        low, high = np.nanquantile(self.drawn, levels(self.n))
        return Estimate(rounded(self.value), (rounded(low), rounded(high)))


def levels(n: int) -> tuple[float, float]:
    """Between which shares of the resamples 95 % lie: .025 and .975, and further out where questions are few.

    Resamples of n questions spread too little, by sqrt((n - 1) / n) and as a normal does beside Student's t; this puts
    back what is missing (Hesterberg 2015, "What teachers should know about the bootstrap"): .007 and .993 for n = 9.
    """
    from scipy import stats

    tail = float(stats.norm.sf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)))
    return tail, 1 - tail


def spread(statistic: Statistic, n: int, draws: Draws) -> Spread:
    """The statistic over all `n` questions and over every resample of them."""
    if not n:
        return Spread(float("nan"), np.zeros(0), n)
    value = float(statistic.of(np.ones((1, n)))[0])
    return Spread(value, np.concatenate([statistic.of(weights) for weights in draws.weights(n)]), n)


def estimate(statistic: Statistic, n: int, draws: Draws) -> Estimate:
    """The statistic over all `n` questions with its interval."""
    return spread(statistic, n, draws).estimate()


def mean(values: Sequence[float] | Floats) -> Statistic:
    """The mean of one value a question."""
    column = np.asarray(values, dtype=np.float64)
    return Statistic(lambda weights: (weights @ column) / len(column), column)


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Statistic:
    """A ratio of sums, e.g. quotes that hold among all quotes; undefined when there is none."""
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)

    def of(weights: Weights) -> Floats:
        total = weights @ below
        return np.divide(weights @ above, total, out=np.full(len(weights), np.nan), where=total != 0)

    return Statistic(of)


@dataclass(frozen=True, slots=True)
class Paired:
    """One system beside another, question by question: how often better, equal, worse, and the chance of as much.

    `p` is of the two-sided randomisation test: had the two systems' results been swapped at random question by
    question, so often would their means have differed at least as much.
    """

    p: float
    wins: int
    ties: int
    losses: int

    def as_json(self) -> dict[str, Any]:
        """Its figures by name."""
        return {"p": rounded(self.p), "wins": self.wins, "ties": self.ties, "losses": self.losses}


def paired(differences: Floats, *, seed: int = 0, flips: int = FLIPS) -> list[Paired]:
    """One test a column of `differences`, shape (questions, pairs); all columns see the same swaps."""
    n, pairs = differences.shape
    observed, extreme = np.abs(differences.sum(axis=0)), np.zeros(pairs)
    generator, rows = np.random.default_rng(seed), max(1, _CELLS // max(n, 1))
    for start in range(0, flips, rows):
        signs = generator.integers(0, 2, (min(rows, flips - start), n), dtype=np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ differences) >= observed - TIE).sum(axis=0)
    # The swap that changes nothing is one of the possible ones (Phipson and Smyth 2010): no p is 0.
    chances = (extreme + 1) / (flips + 1)
    better, worse = (differences > TIE).sum(axis=0), (differences < -TIE).sum(axis=0)
    return [Paired(float(p), int(b), int(n - b - w), int(w)) for p, b, w in zip(chances, better, worse, strict=True)]


def holm(chances: Sequence[float]) -> list[float]:
    """The same p values held to the question whether any of them is a chance find (Holm 1979)."""
    adjusted, so_far = [1.0] * len(chances), 0.0
    for place, at in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        so_far = max(so_far, min(1.0, (len(chances) - place) * chances[at]))
        adjusted[at] = so_far
    return adjusted


def rounded(value: float) -> float:
    """Six places: enough for any table, few enough that the last bits of a sum leave the bytes alone."""
    return round(float(value), 6) + 0.0
