"""Trains the weights of the feature model, and measures them.

No text enters the weights: features are counts of cue classes.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.models import Embedding
from consilience.models.entailment import FEATURES, LABELS, VERSION, Layer, Matrix, features, nearness
from consilience.models.training.sets import SEED, Pair, clinifact, evidence_inference, healthver, pubmedqa, scifact

# Chosen by cross-validation on the training sets among .005, .02, .05, .2: flat.
_STRENGTH = 0.02
_TRAIN = ("scifact", "clinifact", "evidence_inference")


def make(data: Path, out: Path, report: bool) -> None:
    """Write the weights of both layers, and print the figures as JSON if asked."""
    from consilience.models.embedding import MiniLM

    sets = {
        "scifact": scifact(data), "clinifact": clinifact(data), "clinifact_validation": clinifact(data, "validation"),
        "evidence_inference": evidence_inference(data), "pubmedqa": pubmedqa(data), "healthver": healthver(data),
    }  # fmt: skip
    studies = {"plain": Study(sets, None), "embedding": Study(sets, MiniLM())}
    models = {name: study.train(_TRAIN) for name, study in studies.items()}
    stored = {"version": VERSION, "embedding": "all-MiniLM-L6-v2", "seed": SEED, "trained_on": _TRAIN, "models": models}
    out.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")
    if report:
        measured = {name: study.report(_TRAIN) for name, study in studies.items()}
        sys.stdout.write(json.dumps(measured, indent=1) + "\n")


def fit(matrix: Matrix, labels: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """One layer of weights, as it is stored; classes weigh the same."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale[scale == 0] = 1.0
    codes = np.array([LABELS.index(label) for label in labels])
    model = LogisticRegression(C=_STRENGTH, max_iter=2000, class_weight="balanced")
    model.fit((matrix - mean) / scale, codes)
    kept = {"mean": mean, "scale": scale, "coefficients": model.coef_, "intercept": model.intercept_}
    return {"features": list(names), **{name: np.round(value, 5).tolist() for name, value in kept.items()}}


def figures(pairs: Sequence[Pair], probabilities: Matrix) -> dict[str, float]:
    """Accuracy and macro-F1 beside those of the majority, and how well support and refutation come apart."""
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    truth = np.array([LABELS.index(pair.label) for pair in pairs])
    guess = probabilities.argmax(axis=1)
    majority = np.full_like(truth, np.bincount(truth).argmax())
    decided = truth < 2
    odds = np.log(probabilities[decided, 0]) - np.log(probabilities[decided, 1])
    found = {
        "pairs": len(pairs),
        "accuracy": accuracy_score(truth, guess),
        "majority_accuracy": accuracy_score(truth, majority),
        "macro_f1": f1_score(truth, guess, average="macro"),
        "majority_macro_f1": f1_score(truth, majority, average="macro"),
        "auroc_supports_refutes": roc_auc_score(truth[decided] == 0, odds),
        "auroc_neutral": roc_auc_score(~decided, probabilities[:, 2]),
        "decided_accuracy": accuracy_score(truth[decided] == 0, odds > 0),
        "decided_majority": max(np.mean(truth[decided] == 0), np.mean(truth[decided] == 1)),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


class Study:
    """The sets with their feature rows, computed once, for one choice of embedding."""

    def __init__(self, sets: Mapping[str, list[Pair]], embedding: Embedding | None) -> None:
        self.sets = sets
        self.names = [*FEATURES, *(["nearness"] if embedding else [])]
        self._rows = {name: _rows(pairs, embedding) for name, pairs in sets.items()}

    def train(self, names: Sequence[str], keep: Callable[[Pair], bool] = lambda pair: True) -> dict[str, Any]:
        """Weights from the named sets, less the pairs that `keep` refuses."""
        chosen = [[index for index, pair in enumerate(self.sets[name]) if keep(pair)] for name in names]
        matrix = np.vstack([self._rows[name][rows] for name, rows in zip(names, chosen, strict=True)])
        labels = [self.sets[name][row].label for name, rows in zip(names, chosen, strict=True) for row in rows]
        return fit(matrix, labels, self.names)

    def score(self, weights: Mapping[str, Any], name: str) -> Matrix:
        """Probabilities for a whole set."""
        return Layer(weights).probabilities(self._rows[name])

    def crossed(self, name: str, others: Sequence[str], folds: int) -> Matrix:
        """Probabilities for a set, each from weights that saw the other sets and none of its group's fold."""
        groups = sorted({pair.group for pair in self.sets[name]})
        random.Random(SEED).shuffle(groups)  # noqa: S311 - folds, not secrets
        fold_of = {group: place % folds for place, group in enumerate(groups)}
        own = {id(pair): fold_of[pair.group] for pair in self.sets[name]}
        found = np.zeros((len(self.sets[name]), len(LABELS)))
        for fold in range(folds):
            weights = self.train([*others, name], lambda pair, fold=fold: own.get(id(pair)) != fold)  # type: ignore[misc]
            rows = [index for index, pair in enumerate(self.sets[name]) if own[id(pair)] == fold]
            found[rows] = self.score(weights, name)[rows]
        return found

    def report(self, train: Sequence[str]) -> dict[str, Any]:
        """Every figure of the model card."""
        weights = self.train(train)
        found: dict[str, Any] = {}
        for name in ("healthver", "clinifact_validation", "pubmedqa"):
            found |= self._by_kind(name, self.score(weights, name))
        found |= self._by_kind("scifact", self.crossed("scifact", [n for n in train if n != "scifact"], 5), "5-fold")
        left = {n: self.score(self.train([t for t in train if t != n]), n) for n in train}
        for name, probabilities in left.items():
            found |= self._by_kind(name, probabilities, "left out")
        return found | self._by_kind("pubmedqa", self.crossed("pubmedqa", train, 10), "10-fold, trained on")

    def _by_kind(self, name: str, probabilities: Matrix, how: str = "") -> dict[str, Any]:
        pairs = self.sets[name]
        kinds = sorted({pair.kind for pair in pairs})
        rows = {kind: [index for index, pair in enumerate(pairs) if pair.kind == kind] for kind in kinds}
        return {
            f"{name}, {kind}" + (f" ({how})" if how else ""): figures(
                [pairs[i] for i in rows[kind]], probabilities[rows[kind]]
            )
            for kind in kinds
        }


def _rows(pairs: Sequence[Pair], embedding: Embedding | None) -> npt.NDArray[np.float64]:
    texts = [(pair.claim, pair.evidence) for pair in pairs]
    matrix = features(texts)
    return np.hstack([matrix, nearness(texts, embedding)]) if embedding else matrix
