"""Merging rankings by reciprocal rank: scores of different retrievers share no scale, ranks do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def fuse(
    rankings: Mapping[str, Sequence[int]], *, weights: Mapping[str, float], damping: int
) -> list[tuple[int, float]]:
    """Rows with their fused score, best first: sum of weight / (damping + rank), ties by row.

    Reciprocal rank fusion, Cormack et al., SIGIR 2009.
    """
    score: dict[int, float] = {}
    for name, rows in rankings.items():
        for rank, row in enumerate(rows, start=1):
            score[row] = score.get(row, 0.0) + weights.get(name, 1.0) / (damping + rank)
    return sorted(score.items(), key=lambda item: (-item[1], item[0]))
