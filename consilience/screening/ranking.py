"""The active learner: which record is read next, learnt from the labels given so far.

A ridge regression in which the includes together weigh `balance` times the excludes. At these penalties nearly every
record is a support vector of ELAS's squared-hinge SVM, so that on the same features the two give nearly the same order;
but this one is a linear system, which one more label changes little. Replaying, its dual is kept and mended by a few
coordinates. Chosen on ADHD, BetaBlockers, Estrogens, NSAIDS, Opiods and Bannach-Brown; tried there and left out, for
they did not better it: sentence embeddings, character n-grams, words in place of stems, the hinge, centred or squared
similarities, a penalty that grows with the labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.records import canonical_json
from consilience.screening.features import Features, Settings, Vector

Rows = npt.NDArray[np.int64]
Similar = npt.NDArray[np.float32]

GRAM_RECORDS = 5000  # so many records have all their similarities in memory: 100 MB
_MENDED = 12  # coordinates for each new label: enough to stay with the exact solution
_FIRST = 10  # labels up to which it is solved in full
_TOLERANCE = 1e-3
_CHUNK = 20_000
_COMMON = 0.02  # a column that more of the rows have is multiplied as part of a dense matrix
_FOLDS = 5
_FEWEST = 3  # of either label, below which no probability can be told


@dataclass(frozen=True, slots=True)
class Ranking:
    """The unlabelled rows, best first; `probabilities` fall with the scores, and are calibrated only if it says so."""

    rows: Rows
    scores: Vector
    probabilities: Vector
    calibrated: bool
    key: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The rows in the order in which they were read, and the score each had when it was taken."""

    order: list[int]
    scores: list[float]


def order(features: Features, labels: Mapping[int, int], *, query: str = "", seed: int = 0) -> Ranking:
    """The order in which the rows without a label are read next; equal scores in an order drawn by `seed`.

    `query`, the protocol as plain text, counts as one more include: alone it is the start without any label, and it
    weighs less with every include that is found.
    """
    known = np.fromiter(labels, dtype=np.int64, count=len(labels))
    given = np.fromiter(labels.values(), dtype=np.int64, count=len(labels))
    examples, marks = _examples(features, known, given, query)
    every = _scores(features.vectors, examples, _solution(examples, marks, features.settings))
    waiting = np.setdiff1d(np.arange(features.vectors.shape[0]), known)
    scores = np.round(every[waiting], 9) + 0.0
    chance = np.random.default_rng(seed).permutation(len(waiting))
    best = np.lexsort((chance, -scores))
    slope, level, calibrated = _calibration(examples, marks, len(known), features.settings)
    asked = [
        features.key,
        features.settings.as_json(),
        [[int(row), int(own)] for row, own in labels.items()],
        query,
        seed,
    ]
    return Ranking(
        waiting[best],
        scores[best],
        np.round(_logistic(slope * scores[best] + level), 9),
        calibrated,
        hashlib.sha256(canonical_json(asked).encode()).hexdigest(),
    )


def replay(
    features: Features,
    labels: Rows,
    priors: Sequence[int],
    *,
    step: Callable[[int], int],
    query: str = "",
    similar: Similar | None = None,
) -> Replay:
    """A finished review read again from its priors, which are left out of the order.

    The model is trained again each time `step(n)` records have been read, n being those read before. Rows of equal
    score keep their order. `query` is what it is in `order`; `similar`, the `similarities` of the records and after
    them of the query if there is one, is made once where many replays share it.
    """
    learner: _Whole | _Incremental
    if len(labels) <= GRAM_RECORDS:
        learner = _Incremental(features, labels, query, similar)
    else:
        learner = _Whole(features, labels, query)
    learner.learn(priors)
    found: list[int] = []
    scores: list[float] = []
    waiting = np.ones(len(labels), dtype=np.bool_)
    waiting[list(priors)] = False
    left = int(waiting.sum())
    while left:
        taken = min(step(len(found)), left)
        own = np.where(waiting, learner.scores, -np.inf)
        best = [int(own.argmax())] if taken == 1 else np.argsort(-own, kind="stable")[:taken].tolist()
        found += best
        scores += [float(own[row]) for row in best]
        waiting[best] = False
        left -= taken
        if left:
            learner.learn(best)
    return Replay(found, scores)


class _Whole:
    """Solved anew from all labels at each training: for sets too large for their similarities to be kept."""

    def __init__(self, features: Features, labels: Rows, query: str) -> None:
        self._features, self._labels, self._query = features, labels, query
        self._known: list[int] = []
        self.scores = np.zeros(len(labels))

    def learn(self, rows: Sequence[int]) -> None:
        self._known += rows
        known = np.array(self._known, dtype=np.int64)
        examples, marks = _examples(self._features, known, self._labels[known], self._query)
        self.scores = _scores(self._features.vectors, examples, _solution(examples, marks, self._features.settings))


class _Incremental:
    """The same model, its dual mended label by label: the coordinate that is furthest off goes first."""

    def __init__(self, features: Features, labels: Rows, query: str, similar: Similar | None) -> None:
        asked = bool(query.strip())
        self._similar = similarities(features, query) if similar is None else similar
        self._marks = np.append(np.where(labels == 1, 1.0, -1.0), [1.0] * asked)  # the query is one more include
        self._settings = features.settings
        size = len(self._marks)
        self._records = len(labels)
        self._known = np.zeros(size, dtype=np.int64)
        self._count = 0
        self._dual = np.zeros(size)
        self._all = np.zeros(size)
        if asked:
            self.learn([size - 1])

    @property
    def scores(self) -> Vector:
        return self._all[: self._records]

    def learn(self, rows: Sequence[int]) -> None:
        self._known[self._count : self._count + len(rows)] = rows
        self._count += len(rows)
        if not self._count:
            return  # a start without anything: every score is zero
        known = self._known[: self._count]
        marks, dual, ahead = self._marks[known], self._dual[known], self._all[known]
        ridge = _ridge(marks, self._settings)
        whole = self._similar[known, known] + 1.0 + ridge
        most = len(rows) * _MENDED if self._count > _FIRST else _FIRST * _MENDED
        for _ in range(most):
            off = marks - ahead - ridge * dual
            worst = int((off * off / whole).argmax())
            by = off[worst] / whole[worst]
            if abs(off[worst] * by) < _TOLERANCE**2:
                break
            dual[worst] += by
            self._all += by * (self._similar[known[worst]] + 1.0)
            ahead = self._all[known]
        self._dual[known] = dual


def similarities(features: Features, query: str = "") -> Similar:
    """The cosine of every two records, and of the query where there is one, on a grid on which equal records are equal.

    Columns that many rows have are multiplied as a dense matrix, on one thread: otherwise the sums would depend on how
    many there are.
    """
    from scipy.sparse import vstack
    from threadpoolctl import threadpool_limits

    vectors = vstack([features.vectors, features.of(query)]) if query.strip() else features.vectors
    by_column = vectors.tocsc()
    common = np.diff(by_column.indptr) > _COMMON * vectors.shape[0]
    dense, rare = by_column[:, common].toarray(), by_column[:, ~common].tocsr()
    with threadpool_limits(1):
        found = dense @ dense.T
    found += (rare @ rare.T).toarray()
    return np.asarray(np.rint(found * 131072) / 131072, dtype=np.float32)


def _examples(features: Features, known: Rows, labels: Rows, query: str) -> tuple[Any, Vector]:
    """What is learnt from: the labelled rows and, where there is one, the query as an include."""
    from scipy.sparse import vstack

    rows = [features.vectors[known]]
    marks = np.where(labels == 1, 1.0, -1.0)
    if query.strip():
        rows.append(features.of(query))
        marks = np.append(marks, 1.0)
    return vstack(rows, format="csr").astype(np.float64), marks


def _ridge(marks: Vector, settings: Settings) -> Vector:
    """How far each example may miss its mark: 1 / 2C times its weight. Weights have mean 1, less early for excludes."""
    includes = marks > 0
    many, few = int(includes.sum()), len(marks) - int(includes.sum())
    if not many or not few:
        return np.full(len(marks), 0.5 / settings.penalty)
    weights = np.where(includes, 1.0, many / (settings.balance * few))
    weights *= len(weights) / weights.sum()
    weights[~includes] *= min(1.0, many / settings.trusted)
    return np.asarray(0.5 / (settings.penalty * weights))


def _solution(examples: Any, marks: Vector, settings: Settings) -> Vector:
    """The dual of the ridge, by conjugate gradients; sums are made without BLAS, whose order depends on its threads."""
    if not len(marks):
        return marks
    ridge = _ridge(marks, settings)
    across = examples.T.tocsr()
    scale = 1.0 / (2.0 + ridge)
    found = np.zeros(len(marks))
    off = marks.copy()
    turned = scale * off
    along, size = turned.copy(), float((off * turned).sum())
    enough = 1e-18 * size
    for _ in range(2 * len(marks) + 20):
        if size <= enough:
            break
        pushed = examples @ (across @ along) + along.sum() + ridge * along
        stride = size / float((along * pushed).sum())
        found += stride * along
        off -= stride * pushed
        turned = scale * off
        before, size = size, float((off * turned).sum())
        along = turned + (size / before) * along
    return found


def _scores(vectors: Any, examples: Any, dual: Vector) -> Vector:
    weights = examples.T.tocsr() @ dual
    level = float(dual.sum())
    return np.asarray(np.concatenate([part @ weights for part in _chunks(vectors)]) + level)


def _chunks(vectors: Any) -> Iterator[Any]:
    for at in range(0, max(vectors.shape[0], 1), _CHUNK):
        yield vectors[at : at + _CHUNK].astype(np.float64)


def _calibration(examples: Any, marks: Vector, labelled: int, settings: Settings) -> tuple[float, float, bool]:
    """Slope and level of the log odds by score (Platt 1999), from scores that did not know the label they are of.

    Held out are every fifth include and every fifth exclude in turn, of the first `labelled` examples; the query, if
    there is one, is never held out. With fewer than three of either nothing is known: then the odds follow the score.
    """
    includes = marks > 0
    if min(int(includes[:labelled].sum()), int((~includes[:labelled]).sum())) < _FEWEST:
        return 1.0, 0.0, False
    fold = np.where(includes, includes.cumsum(), (~includes).cumsum()) % _FOLDS
    fold[labelled:] = _FOLDS
    held = np.zeros(len(marks))
    for number in range(_FOLDS):
        out = fold == number
        if out.any():
            taught = examples[~out]
            held[out] = _scores(examples[out], taught, _solution(taught, marks[~out], settings))
    return (*_platt(held[:labelled], includes[:labelled]), True)


def _platt(scores: Vector, includes: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The logistic fit by Newton's steps on Platt's smoothed targets; the slope is held above zero."""
    many = int(includes.sum())
    few = len(includes) - many
    aims = np.where(includes, (many + 1) / (many + 2), 1 / (few + 2))
    slope, level = 0.0, float(np.log((many + 1) / (few + 1)))
    for _ in range(100):
        likely = _logistic(slope * scores + level)
        spread = likely * (1 - likely) + 1e-12
        off = aims - likely
        first, second = float((off * scores).sum()) - 1e-6 * slope, float(off.sum())
        a, b, c = float((spread * scores**2).sum()) + 1e-6, float((spread * scores).sum()), float(spread.sum())
        divisor = a * c - b * b
        if divisor <= 1e-12:
            break
        by_slope, by_level = (c * first - b * second) / divisor, (a * second - b * first) / divisor
        longest = max(abs(by_slope) / 5, abs(by_level) / 2, 1.0)
        slope, level = slope + by_slope / longest, level + by_level / longest
        if abs(by_slope) + abs(by_level) < 1e-9:
            break
    return max(slope, 1e-3), level


def _logistic(odds: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))
