"""Feedback among what was found: documents that say the same as other good ones rise, odd ones out fall."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consilience.indexes.profile import NeighboursProfile

Floats = npt.NDArray[np.float64]


def agreed(scores: Floats, vectors: npt.NDArray[np.float32], profile: NeighboursProfile) -> Floats:
    """The change of each score, from the scores of the documents most like it; shapes (n,) and (n, dimension).

    A score moves by `share` towards the mean of all others, weighted by cosine ** `sharpness`: documents relevant to
    one question resemble each other (van Rijsbergen 1979; Diaz 2005, "Regularizing ad hoc retrieval scores", CIKM).
    A document without a vector is like none, and keeps its score.
    """
    precise = vectors.astype(np.float64)
    alike = np.clip(precise @ precise.T, 0.0, 1.0) ** profile.sharpness
    np.fill_diagonal(alike, 0.0)
    weight = alike.sum(axis=1)
    around = np.divide(alike @ scores, weight, out=scores.copy(), where=weight > 0)
    change: Floats = profile.share * (around - scores)
    return change
