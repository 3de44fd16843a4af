"""Fitting the weights by which names are ranked (`consilience/reasoning/items.v1.json`), and judging them fairly.

    home = open_home("a home with the documents")
    examples = [example(q, home.ground()) for q in questions(path) if q.names]
    told = fit(examples)                    # what items.v1.json holds
    ranks = cross_validated(examples)       # every question's names, by weights fitted without it

The chance that a question's right names come first is made as large as it can be (a softmax over its candidates), then
a logistic curve turns what speaks for a name into the chance that it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.evaluation.bioasq import alike
from consilience.evaluation.datasets import Question
from consilience.reasoning import Ground
from consilience.reasoning.items import Item, apart
from consilience.reasoning.naming import FEATURES, Reading, asked_words, gathered
from consilience.reasoning.quoted import nearest_first, passages, rarity
from consilience.reasoning.wanted import wanted

Floats = npt.NDArray[np.float64]
# How many documents are read for a question, how hard weights are held to zero, how many parts questions are cut into.
_TOP, _HELD, _FOLDS = 10, 20.0, 5


@dataclass(frozen=True, slots=True)
class Example:
    """One question: its candidates' names, their features, shape (candidates, features), and which are right."""

    id: str
    keys: Sequence[str]
    texts: Sequence[str]
    values: Floats
    right: npt.NDArray[np.bool_]


def example(question: Question, ground: Ground) -> Example:
    """The candidates that a search for the question gives, as an answer would read them."""
    text = question.question or question.query
    reader = ground.reader(text)
    hits = ground.index.search(text, top=_TOP, clocks=ground.clocks, retriever=ground.retriever, syntax="words")
    documents = [ground.corpus.document(hit.row) for hit in hits]
    found = [
        each
        for document in documents
        for each in passages(reader, document.row, document.id, reader.relevance(document))
    ]
    read = [passage for passage, _ in nearest_first(found)]
    want, asked, rare = wanted(text), asked_words(text), rarity(ground)
    candidates = gathered(want, read, asked)
    values = Reading(want, read, {word: rare(word) for word in asked}, rare, ground.linker).features(candidates)
    known = {alike(synonym) for synonyms in question.names for synonym in synonyms}
    right = np.array([alike(candidate.text) in known for candidate in candidates], dtype=bool)
    table = np.array(values, dtype=np.float64).reshape(-1, len(FEATURES))
    return Example(question.id, [c.key for c in candidates], [c.text for c in candidates], table, right)


def fit(examples: Sequence[Example]) -> dict[str, Any]:
    """The weights, and the curve that makes chances of them, as `items.v1.json` holds them."""
    from sklearn.linear_model import LogisticRegression

    usable = [each for each in examples if len(each.texts)]
    whole = np.concatenate([each.values for each in usable])
    spread = whole.std(axis=0) + 1e-9
    weights = _listwise([each for each in usable if each.right.any()], spread)
    pulls = [each.values @ weights for each in usable]
    sides = np.concatenate([np.stack([own, own.max() - own], axis=1) for own in pulls])
    curve = LogisticRegression(C=100.0, max_iter=500).fit(sides, np.concatenate([each.right for each in usable]))
    own, behind = (round(float(value), 4) for value in curve.coef_[0])
    told = {name: round(float(value), 4) for name, value in zip(FEATURES, weights, strict=True)}
    return {"weights": told, "own": own, "behind": behind, "bias": round(float(curve.intercept_[0]), 4)}


def cross_validated(examples: Sequence[Example], *, seed: int = 0) -> list[list[Item]]:
    """Every question's names, best first, by weights fitted on the other four fifths of the questions."""
    folds = np.random.default_rng(seed).integers(0, _FOLDS, len(examples))
    found: list[list[Item]] = [[] for _ in examples]
    for fold in range(_FOLDS):
        told = fit([each for each, own in zip(examples, folds, strict=True) if own != fold])
        for at in np.flatnonzero(folds == fold):
            found[at] = ranked(examples[at], told)
    return found


def ranked(each: Example, told: dict[str, Any]) -> list[Item]:
    """The names of one question by given weights."""
    if not len(each.texts):
        return []
    pulls = each.values @ np.array([told["weights"][name] for name in FEATURES])
    scores = told["bias"] + told["own"] * pulls + told["behind"] * (pulls.max() - pulls)
    named = zip(each.keys, each.texts, scores, strict=True)
    items = [Item(key, text, float(1 / (1 + np.exp(-score))), ()) for key, text, score in named]
    return apart(sorted(items, key=lambda item: (-item.chance, item.text)))


def _listwise(examples: Sequence[Example], spread: Floats) -> Floats:
    """The weights under which right names have the greatest share of the softmax over a question's candidates."""
    from scipy.optimize import minimize

    table = np.concatenate([each.values for each in examples]) / spread
    right = np.concatenate([each.right for each in examples])
    sizes = np.array([len(each.texts) for each in examples])
    starts, of = np.r_[0, np.cumsum(sizes)[:-1]], np.repeat(np.arange(len(sizes)), sizes)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = table @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, starts)[of])
        every, good = np.add.reduceat(powers, starts), np.add.reduceat(powers * right, starts) + 1e-12
        slope = table.T @ (powers / every[of] - powers * right / good[of]) + _HELD * weights
        return float((np.log(every) - np.log(good)).sum() + _HELD * weights @ weights / 2), slope

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x / spread, dtype=np.float64)
