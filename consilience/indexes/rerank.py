"""Reading the first few documents again, with a model that sees query and text together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consilience.errors import BadInputError
from consilience.indexes.fuse import Ranked
from consilience.indexes.profile import RerankProfile
from consilience.models.reranking import Reranker


def reranked(
    query: str, merged: Ranked, texts: Sequence[str], reranker: Reranker, profile: RerankProfile
) -> tuple[Ranked, dict[int, float]]:
    """The ranking with its first `len(texts)` documents weighed anew, and what the reranker gave each of those.

    Its scores are laid over the range that those documents had, so that none falls below what was not read.
    """
    first = merged[: len(texts)]
    if not first:
        return merged, {}
    given = reranker.scores(query, texts)
    if len(given) != len(first):
        raise BadInputError(
            f"{reranker.name} gave {len(given)} scores for {len(first)} texts",
            where="rerank.model",
            expected="one each",
        )
    if not np.isfinite(given).all():  # it would order nothing, and is no number of JSON
        raise BadInputError(
            f"{reranker.name} gave a score that is no number",
            where="rerank.model",
            expected="a model that scores every text",
        )
    best, worst = first[0][1], first[-1][1]
    low, spread = float(given.min()), float(given.max() - given.min())
    read = {row: float(score) for (row, _), score in zip(first, given, strict=True)}

    def mixed(row: int, fused: float) -> float:
        laid = worst + (best - worst) * ((read[row] - low) / spread if spread else 1.0)
        return (1 - profile.share) * fused + profile.share * laid

    changed = sorted(((row, mixed(row, fused)) for row, fused in first), key=lambda item: (-item[1], -read[item[0]]))
    return [*changed, *merged[len(first) :]], read
