"""The figures of the cross-encoder's card: what a model has not seen, with intervals, beside majority and features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.models import Entailment
from consilience.models.training.courses import abstracts, fold_of, is_left_out
from consilience.models.training.made import made
from consilience.models.training.sets import SEED, Pair, clinifact, evidence_inference, healthver, pubmedqa, scifact

Matrix = npt.NDArray[np.float64]
Judge = Callable[[Sequence[Pair]], Matrix]

LABELS = ("supports", "refutes", "neutral")
_RESAMPLED = 1000
_BINS = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """A set to measure, and whether its judges are those of its folds."""

    name: str
    pairs: list[Pair]
    folded: bool = False


def measured_sets(data: Path) -> list[Measured]:
    """What the card tells of, none of it seen by who judges it."""
    asked, claimed, trials = pubmedqa(data), scifact(data), clinifact(data, "validation")
    by_rule = [pair for pair in made(abstracts(data)) if is_left_out(pair)]
    found = [
        Measured("PubMedQA, conclusion", _of_kind(asked, "sentences"), folded=True),
        Measured("PubMedQA, abstract without it", _of_kind(asked, "abstract"), folded=True),
        Measured("SciFact, rationales", _of_kind(claimed, "sentences"), folded=True),
        Measured("SciFact, abstracts", _of_kind(claimed, "abstract"), folded=True),
        Measured("CliniFact validation, shortened", _of_kind(trials, "sentences")),
        Measured("CliniFact validation, abstracts", _of_kind(trials, "abstract")),
        Measured("Evidence Inference, articles left out", [p for p in evidence_inference(data) if is_left_out(p)]),
        Measured("HealthVer dev", healthver(data)),
    ]
    kinds = sorted({pair.kind for pair in by_rule})
    return found + [Measured(f"by rule, {kind}, abstracts left out", _of_kind(by_rule, kind)) for kind in kinds]


def table(data: Path, whole: Entailment, folds: Sequence[Entailment], plain: Entailment) -> dict[str, dict[str, Any]]:
    """Every figure by set: those of the cross-encoder with intervals, `features:...` of the older model, majority."""
    found: dict[str, dict[str, Any]] = {}
    for one in measured_sets(data):
        rows = crossed(one.pairs, folds) if one.folded else judged(one.pairs, whole)
        older = judged(one.pairs, plain)
        found[one.name] = with_intervals(one.pairs, rows) | {
            f"features:{name}": value for name, value in figures(_codes(one.pairs), older).items()
        }
        if one.name.startswith("CliniFact"):  # what is told apart with ease would hide what is not
            kept = [row for row, pair in enumerate(one.pairs) if pair.label != "neutral"]
            found[f"{one.name}, evidence against inconclusive"] = with_intervals(
                [one.pairs[row] for row in kept], rows[kept]
            )
    return found


def judged(pairs: Sequence[Pair], model: Entailment) -> Matrix:
    """Probabilities in the order of `LABELS`, shape (pairs, 3)."""
    found = model.judge([(pair.claim, pair.evidence) for pair in pairs])
    return np.array([[one.supports, one.refutes, one.neutral] for one in found]).reshape(len(pairs), len(LABELS))


def crossed(pairs: Sequence[Pair], folds: Sequence[Entailment]) -> Matrix:
    """Probabilities by the model of each pair's fold, which has not seen its group."""
    fold = fold_of(pairs)
    found = np.zeros((len(pairs), len(LABELS)))
    for number, model in enumerate(folds):
        rows = [row for row, pair in enumerate(pairs) if fold[pair.group] == number]
        found[rows] = judged([pairs[row] for row in rows], model)
    return found


def figures(truth: npt.NDArray[np.int64], rows: Matrix) -> dict[str, float]:
    """Accuracy, macro-F1 over the classes that occur, AUROC of supports against refutes, calibration error."""
    from sklearn.metrics import f1_score, roc_auc_score

    guess = rows.argmax(axis=1) if (truth == 2).any() else rows[:, :2].argmax(axis=1)
    decided = truth < 2
    odds = np.log(rows[decided, 0] + 1e-12) - np.log(rows[decided, 1] + 1e-12)
    both = len(set(truth[decided].tolist())) == 2
    return {
        "accuracy": float((guess == truth).mean()),
        "macro_f1": float(f1_score(truth, guess, average="macro", labels=sorted(set(truth.tolist())), zero_division=0)),
        "auroc": float(roc_auc_score(truth[decided] == 0, odds)) if both else float("nan"),
        "ece": calibration_error(truth, rows),
    }


def calibration_error(truth: npt.NDArray[np.int64], rows: Matrix) -> float:
    """How far the probability of the likeliest class is from how often it is right, over 15 bins."""
    sure, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    places = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = [abs(sure[places == one].sum() - right[places == one].sum()) for one in range(_BINS)]
    return float(sum(gaps) / len(truth))


def with_intervals(pairs: Sequence[Pair], rows: Matrix) -> dict[str, Any]:
    """The figures with 95 % intervals, groups drawn 1,000 times with replacement, beside the majority's."""
    truth = _codes(pairs)
    groups: dict[str, list[int]] = {}
    for row, pair in enumerate(pairs):
        groups.setdefault(pair.group, []).append(row)
    members = [np.array(found) for found in groups.values()]
    chance = np.random.default_rng(SEED)
    drawn: dict[str, list[float]] = {}
    for _ in range(_RESAMPLED):
        kept = np.concatenate([members[place] for place in chance.integers(len(members), size=len(members))])
        for name, value in figures(truth[kept], rows[kept]).items():
            drawn.setdefault(name, []).append(value)
    most = np.zeros_like(rows)
    most[:, np.bincount(truth).argmax()] = 1.0
    found: dict[str, Any] = {"pairs": len(pairs), "groups": len(members)}
    for name, value in figures(truth, rows).items():
        low, high = np.nanpercentile(drawn[name], [2.5, 97.5])
        found[name] = [round(value, 3), round(float(low), 3), round(float(high), 3)]
    majority = figures(truth, most)
    return found | {f"majority:{name}": round(majority[name], 3) for name in ("accuracy", "macro_f1")}


def temperature(pairs: Sequence[Pair], rows: Matrix) -> float:
    """What the scores are to be divided by, so that the pairs' labels are likeliest."""
    from scipy.optimize import minimize_scalar

    truth, scores = _codes(pairs), np.log(rows + 1e-12)

    def surprise(log_heat: float) -> float:
        cooled = scores / np.exp(log_heat)
        cooled -= np.log(np.exp(cooled - cooled.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + cooled.max(
            axis=1, keepdims=True
        )
        return -float(cooled[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-2, 2), method="bounded").x))


def heat_left(data: Path, folds: Sequence[Entailment]) -> float:
    """The temperature that the folds' judgements of PubMedQA and SciFact still want; 1 where none is wanted."""
    sets = [one.pairs for one in measured_sets(data) if one.folded]
    rows = np.vstack([crossed(pairs, folds) for pairs in sets])
    return temperature([pair for pairs in sets for pair in pairs], rows)


def rounded(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Figures to three places, as the card tells them; none where there is none, e.g. an AUROC of one class."""
    return {name: {key: _rounded(value) for key, value in row.items()} for name, row in found.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return None if any(np.isnan(value)) else value
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 3)
    return value


def _of_kind(pairs: Sequence[Pair], kind: str) -> list[Pair]:
    return [pair for pair in pairs if pair.kind == kind]


def _codes(pairs: Sequence[Pair]) -> npt.NDArray[np.int64]:
    return np.array([LABELS.index(pair.label) for pair in pairs], dtype=np.int64)
