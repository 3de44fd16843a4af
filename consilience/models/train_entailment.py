"""Train the entailment weights from data whose licence allows it: `python -m consilience.models.train_entailment`.

SciFact (CC BY 4.0), CliniFact (MIT) and the CC BY / CC0 articles of Evidence Inference v2 (annotations MIT) train;
PubMedQA (MIT) only on demand, HealthVer never. No text enters the weights: features are counts of cue classes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.models import Embedding
from consilience.models.cues import read
from consilience.models.entailment import FEATURES, LABELS, VERSION, Layer, Matrix, features, nearness
from consilience.text import sentences

SEED = 13
# Chosen by cross-validation on the training sets among .005, .02, .05, .2: flat.
_STRENGTH = 0.02
# How many rationale sentences SciFact's annotators marked, out of 20 rationales.
_RATIONALE_LENGTHS = (1,) * 18 + (2, 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled claim and evidence; pairs of one group stay on one side of a split."""

    claim: str
    evidence: str
    label: str
    group: str
    kind: str = "sentences"


def scifact(data: Path) -> list[Pair]:
    """Claims against rationales and whole abstracts; a cited abstract without evidence is neutral."""
    corpus = {document["doc_id"]: document for document in _lines(data, "scifact_corpus")}
    found: list[Pair] = []
    for row in _lines(data, "scifact_claims"):
        claim, group = row["claim"], f"scifact:{row['id']}"
        for identifier in row["cited_doc_ids"]:
            document = corpus[identifier]
            marked = [one for one in row["evidence"] if one["doc_id"] == identifier]
            label = {"SUPPORT": "supports", "CONTRADICT": "refutes"}[marked[0]["label"]] if marked else "neutral"
            rationales = [" ".join(document["abstract"][i] for i in one["sentences"]) for one in marked]
            found.extend(Pair(claim, rationale, label, group) for rationale in rationales)
            if not marked:
                count = _RATIONALE_LENGTHS[(7 * row["id"] + identifier) % len(_RATIONALE_LENGTHS)]
                found.append(Pair(claim, _nearest(claim, document["abstract"], count), label, group))
            whole = " ".join([document["title"] + ".", *document["abstract"]])
            found.append(Pair(claim, whole, label, group, "abstract"))
    return found


def clinifact(data: Path, split: str = "train") -> list[Pair]:
    """Trial claims against abstracts, whole and shortened; a result that is not significant refutes superiority."""
    labels = {"evidence": "supports", "inconclusive": "refutes", "no_info": "neutral"}
    found: list[Pair] = []
    for row in _lines(data, "clinifact"):
        if row["split"] != split:
            continue
        title, abstract, label = row["article_title"], row["article_abstract"], labels[row["label_name"]]
        parts = [abstract[start:end] for start, end in sentences(abstract)]
        short = " ".join([title, _nearest(row["claim"], parts[:-2], 2), *parts[-2:]])
        found.append(Pair(row["claim"], f"{title} {abstract}", label, row["nctId"], "abstract"))
        found.append(Pair(row["claim"], short, label, row["nctId"]))
    return found


_RISES = ("{i} increases {o} compared with {c}", "{o} is higher with {i} than with {c}", "Does {i} increase {o}?")
_FALLS = ("{i} reduces {o} compared with {c}", "{o} is lower with {i} than with {c}", "Does {i} decrease {o}?")
_SAME = ("{i} does not affect {o} compared with {c}", "There is no difference in {o} between {i} and {c}")
_DIFFERS = ("{i} affects {o} compared with {c}", "Does {i} affect {o} compared with {c}?")
# template family -> the finding that makes it true
_TRUE_OF = {_RISES: {"up"}, _FALLS: {"down"}, _SAME: {"none"}, _DIFFERS: {"up", "down"}}


def evidence_inference(data: Path) -> list[Pair]:
    """Sentences made of intervention, outcome and comparator, against the rationale; another article's is neutral."""
    free = {a["pmcid"] for a in _lines(data, "evidence_inference_articles") if a["license_class"] in ("CC-by", "CC0")}
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _lines(data, "evidence_inference"):
        if row["pmcid"] in free and row["valid_label"] and row["valid_reasoning"] and row["evidence"].strip():
            kept.setdefault((row["prompt_id"], row["label"]), row)
    chosen = random.Random(SEED)  # noqa: S311 - sampling, not secrets
    rows = list(kept.values())
    return [pair for row in rows for pair in _prompted(row, chosen.choice(rows), chosen)]


def _prompted(row: Mapping[str, Any], other: Mapping[str, Any], chosen: random.Random) -> Iterator[Pair]:
    finding = {"increased": "up", "decreased": "down", "difference": "none"}[row["label"].split()[-1]]
    names = {"i": row["intervention"], "o": row["outcome"], "c": row["comparator"]}
    for family in (_RISES, _FALLS, chosen.choice((_SAME, _DIFFERS))):
        label = "supports" if finding in _TRUE_OF[family] else "refutes"
        yield Pair(chosen.choice(family).format(**names), row["evidence"], label, row["pmcid"])
    if other["pmcid"] != row["pmcid"]:
        claim = chosen.choice(_RISES + _FALLS + _DIFFERS).format(**names)
        yield Pair(claim, other["evidence"], "neutral", row["pmcid"])


def pubmedqa(data: Path) -> list[Pair]:
    """Questions against the authors' conclusion, and against the abstract without it; maybe is neutral."""
    labels = {"yes": "supports", "no": "refutes", "maybe": "neutral"}
    rows = list(_lines(data, "pubmedqa", folder="qa"))
    conclusions = [Pair(r["question"], r["long_answer"], labels[r["final_decision"]], r["pmid"]) for r in rows]
    contexts = [
        Pair(r["question"], " ".join(r["contexts"]), labels[r["final_decision"]], r["pmid"], "abstract") for r in rows
    ]
    return conclusions + contexts


def healthver(data: Path) -> list[Pair]:
    """Claims about COVID-19 against evidence: for evaluation only."""
    labels = {"Supports": "supports", "Refutes": "refutes", "Neutral": "neutral"}
    return [Pair(r["claim"], r["evidence"], labels[r["label"]], r["id"]) for r in _lines(data, "healthver")]


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write the weights, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m consilience.models.train_entailment", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with evidence/ and qa/")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name(f"entailment.{VERSION}.json"))
    parser.add_argument("--with-pubmedqa", action="store_true", help="train on PubMedQA's development half too")
    parser.add_argument("--report", action="store_true", help="also measure (minutes)")
    chosen = parser.parse_args(arguments)
    from consilience.models.embedding import MiniLM

    embedding = MiniLM()
    train = ["scifact", "clinifact", "evidence_inference", *(["pubmedqa"] if chosen.with_pubmedqa else [])]
    sets = _sets(chosen.data)
    studies = {"plain": Study(sets, None), "embedding": Study(sets, embedding)}
    models = {name: study.train(train) for name, study in studies.items()}
    stored = {"version": VERSION, "embedding": "all-MiniLM-L6-v2", "seed": SEED, "trained_on": train, "models": models}
    chosen.out.write_text(json.dumps(stored, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    if chosen.report:
        base = train[:3]
        measured = {name: study.report(base) for name, study in studies.items()}
        sys.stdout.write(json.dumps(measured, indent=1) + "\n")


def _sets(data: Path) -> dict[str, list[Pair]]:
    return {
        "scifact": scifact(data),
        "clinifact": clinifact(data),
        "clinifact_validation": clinifact(data, "validation"),
        "evidence_inference": evidence_inference(data),
        "pubmedqa": pubmedqa(data),
        "healthver": healthver(data),
    }


def _rows(pairs: Sequence[Pair], embedding: Embedding | None) -> npt.NDArray[np.float64]:
    texts = [(pair.claim, pair.evidence) for pair in pairs]
    matrix = features(texts)
    return np.hstack([matrix, nearness(texts, embedding)]) if embedding else matrix


def _nearest(claim: str, parts: Sequence[str], count: int) -> str:
    wanted = read(claim).whole.content
    shared = [len(wanted & read(part).whole.content) for part in parts]
    best = sorted(range(len(parts)), key=lambda index: (-shared[index], index))[:count]
    return " ".join(parts[index] for index in sorted(best))


def _lines(data: Path, name: str, folder: str = "evidence") -> Iterator[dict[str, Any]]:
    with gzip.open(data / folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
