"""Merging what several retrievers found: by their scores, each brought to one scale, or by rank alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consilience.indexes.filters import Found
from consilience.indexes.profile import FusionProfile

Ranked = list[tuple[int, float]]


def fuse(rankings: Mapping[str, Sequence[Found]], profile: FusionProfile, depth: int | None = None) -> Ranked:
    """Rows with their fused score, best first, ties by row; each ranking is best first and was cut at `depth`."""
    cut = depth or profile.depth
    weights = {name: profile.weights.get(name, 1.0) for name in rankings}  # type: ignore[call-overload]
    fused = _by_rank(rankings, weights, profile) if profile.method == "ranks" else _by_score(
        rankings, weights, profile, cut)  # fmt: skip
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))


def _by_score(
    rankings: Mapping[str, Sequence[Found]], weights: Mapping[str, float], profile: FusionProfile, depth: int
) -> dict[int, float]:
    """A weighted mean of scores, each retriever's best set to 1.

    Where ranks see the same steps everywhere, scores see a list whose best stands out, and one that is flat.
    Bruch et al. 2023, "An analysis of fusion functions for hybrid retrieval", ACM TOIS 42(1).
    """
    whole = sum(weights.values()) or 1.0
    fused = {hit.row: 0.0 for found in rankings.values() for hit in found}
    for name, found in rankings.items():
        scores, missing = scaled(found, depth, spread=profile.method == "spread")
        for row in fused:
            fused[row] += weights[name] / whole * scores.get(row, missing)
    return fused


def scaled(found: Sequence[Found], depth: int, *, spread: bool = False) -> tuple[dict[int, float], float]:
    """Each row's score as a share of the best one, between 0 and 1, and that of a row that was not found.

    What a list cut at `depth` leaves out scores no better than its last, and is taken to score as much; what a list
    that holds all there is leaves out scores 0. With `spread`, the last of a cut list is 0.
    """
    last = max(0.0, found[-1].score) if len(found) >= depth else 0.0
    zero = last if spread else 0.0
    best = found[0].score - zero if found else 0.0
    if best <= 0:  # all score the same, or nothing scores at all
        return {hit.row: float(hit.score > 0) for hit in found}, 0.0
    return {hit.row: max(0.0, hit.score - zero) / best for hit in found}, (last - zero) / best


def _by_rank(
    rankings: Mapping[str, Sequence[Found]], weights: Mapping[str, float], profile: FusionProfile
) -> dict[int, float]:
    """The sum of weight / (damping + rank), Cormack et al., SIGIR 2009."""
    fused: dict[int, float] = {}
    for name, found in rankings.items():
        for rank, hit in enumerate(found, start=1):
            fused[hit.row] = fused.get(hit.row, 0.0) + weights[name] / (profile.damping + rank)
    return fused
