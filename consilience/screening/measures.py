"""How well an order of reading finds the included records: WSS@95, recall@10%, ATD and loss.

A measure that its definition leaves undefined, such as a recall where nothing is relevant, is None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Curve:
    """The labels (1 include, 0 exclude) in the order in which the records were read."""

    labels: npt.NDArray[np.int64]

    @classmethod
    def of(cls, labels: Sequence[int]) -> Curve:
        """The curve of a plain sequence of labels."""
        return cls(np.asarray(labels, dtype=np.int64))

    @property
    def records(self) -> int:
        """How many records were read."""
        return len(self.labels)

    @property
    def includes(self) -> int:
        """How many of them are relevant."""
        return int(self.labels.sum())

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """The places of the relevant records, from 1."""
        return np.flatnonzero(self.labels) + 1

    def recall_at(self, read: int) -> float | None:
        """The share of the relevant records among the first `read`."""
        return float(self.labels[:read].sum() / self.includes) if self.includes else None

    def recall_at_tenth(self) -> float | None:
        """Recall in the first tenth, cut at round(.1 N)."""
        return self.recall_at(round(0.1 * self.records))

    def wss95(self) -> float | None:
        """Work saved over random reading at 95 % recall: 1 - k/N - .05, with k the records read to reach it."""
        if not self.includes:
            return None
        needed = -(-19 * self.includes // 20)  # ceil(.95 R) without a rounding error
        return float(1 - self.ranks[needed - 1] / self.records - 0.05)

    def atd(self) -> float | None:
        """Average time to discovery: the mean rank of the relevant records."""
        return float(self.ranks.mean()) if self.includes else None

    def loss(self) -> float | None:
        """The area lost to a perfect order, as a share of what the worst order loses: 0 perfect, 1 worst."""
        n, r = self.records, self.includes
        if r in (0, n):
            return None
        # In doubled whole numbers, so that a perfect order is exactly 0; a rank k counts in N - k + 1 of the sums.
        lost = r * (2 * n - r + 1) - 2 * int((n - self.ranks + 1).sum())
        return lost / (2 * r * (n - r))
