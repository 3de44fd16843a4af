"""How sure a figure is: percentile bootstrap over questions, seeded, the same draws for every system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Statistic = Callable[[Indices], float]
"""A figure computed from the questions at these positions; NaN where it is undefined."""

# The measures in which less is better; everywhere else more is.
LOWER_IS_BETTER = frozenset({"atd", "loss"})


@dataclass(frozen=True, slots=True)
class Draws:
    """How resamples are drawn: `resamples` times, from this seed.

    Every statistic sees the same draws, so that the difference of two systems is a paired one.
    """

    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; both are absent when nothing defines them."""

    value: float | None
    ci95: tuple[float, float] | None

    def as_json(self) -> dict[str, Any]:
        """The measure object of the contract."""
        return {"value": self.value, "ci95": list(self.ci95) if self.ci95 else None}


def estimate(statistic: Statistic, n: int, draws: Draws) -> Estimate:
    """The statistic over all `n` questions, with the 2.5 and 97.5 percentiles over the resamples."""
    value = statistic(np.arange(n)) if n else float("nan")
    if np.isnan(value):
        return Estimate(None, None)
    generator = np.random.default_rng(draws.seed)
    drawn = np.array([statistic(generator.integers(0, n, n)) for _ in range(draws.resamples)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(_rounded(value), (_rounded(low), _rounded(high)))


def mean(values: Sequence[float]) -> Statistic:
    """The mean of one value a question."""
    column = np.asarray(values, dtype=np.float64)
    return lambda chosen: float(column[chosen].mean())


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Statistic:
    """A ratio of sums, e.g. quotes that hold among all quotes; undefined when there is none."""
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)

    def of(chosen: Indices) -> float:
        total = below[chosen].sum()
        return float(above[chosen].sum() / total) if total else float("nan")

    return of


def difference(first: Statistic, second: Statistic) -> Statistic:
    """How much higher the first figure is than the second, on the same questions."""
    return lambda chosen: first(chosen) - second(chosen)


def _rounded(value: float) -> float:
    # Six places: enough for any table, few enough that the last bits of a sum leave the bytes alone.
    return round(float(value), 6)
