"""A criteria suite: labels by criterion as the order to start screening in, before anyone has labelled a record.

Beside it BM25 with the protocol's words on the same text, and the sum of both. Records of equal score are taken in
random order on average, in closed form: the order of a file decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import mean
from consilience.evaluation.datasets import rows
from consilience.evaluation.definition import ScreeningCriteriaSuite
from consilience.evaluation.outcome import Clock, Outcome, Scored
from consilience.evaluation.reference import ReferenceBM25
from consilience.screening.judge import VALUES, Judge, criterion_scores
from consilience.screening.protocol import Protocol, protocol_of
from consilience.screening.terms import Lexicon

SYSTEMS = ("criteria", "criteria_and_bm25", "bm25", "random")
READ = (20, 50)
_NAME_OF = {value: label for label, value in VALUES.items()}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One review: its records as the screener sees them, 1 for each include, and its protocol."""

    group: str
    name: str
    records: Sequence[Mapping[str, Any]]
    labels: npt.NDArray[np.int64]
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Scores:
    """What each system gave the records of one review; `matrix` has the shape (records, criteria)."""

    review: Labelled
    criteria: tuple[str, ...]
    matrix: Floats
    by_system: Mapping[str, Floats]


def label_criteria(
    suite: ScreeningCriteriaSuite, reviews: Sequence[Labelled], *, clock: Clock, lexicon: Lexicon | None = None
) -> Outcome:
    """Labels every record of every review by every criterion, and says how good an order that gives."""
    start = clock()
    lexicon = lexicon or Lexicon.load()
    loading = clock() - start
    found: list[Scores] = []
    spent = 0.0
    for review in reviews:
        judge = Judge.of(review.protocol, lexicon)
        start = clock()
        matrix = criterion_scores(review.records, judge).astype(np.float64)
        spent += clock() - start
        found.append(_scores(review, tuple(test.name for test in judge.tests), matrix))
    records = sum(len(review.records) for review in reviews)
    systems = [Scored(system, {name: mean([measure(each.by_system[system], each.review.labels) for each in found])
                               for name, measure in _MEASURES.items()},
                      records if system == "criteria" else 0, spent if system == "criteria" else 0.0)
               for system in SYSTEMS]  # fmt: skip
    return Outcome(
        len(reviews), tuple(systems), details=tuple(row for each in found for row in _details(each)),
        groups={each.review.name: _group(each) for each in found},
        usage={"lexicon_seconds": round(loading, 1), "seconds_per_1000_records": round(1000 * spent / records, 3)},
        provenance={"units": "reviews", "records": records, "lexicon": lexicon.version,
                    "without": _without(found)},
    )  # fmt: skip


def _scores(review: Labelled, criteria: tuple[str, ...], matrix: Floats) -> Scores:
    query = " ".join([review.protocol.title, *(line for lines in review.protocol.pico.values() for line in lines)])
    texts = [(str(place), f"{record.get('title') or ''} {record.get('abstract') or ''}")
             for place, record in enumerate(review.records)]  # fmt: skip
    words = ReferenceBM25(texts).scores(query)
    whole = matrix.mean(axis=1)
    return Scores(review, criteria, matrix, {
        "criteria": whole, "bm25": words, "criteria_and_bm25": _standard(whole) + _standard(words),
        "random": np.zeros(len(words)),
    })  # fmt: skip


def _standard(values: Floats) -> Floats:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread else np.zeros(len(values))


def auc(scores: Floats, labels: npt.NDArray[np.int64]) -> float:
    """How often an include scores above an exclude, equal scores counted half."""
    from scipy.stats import rankdata

    includes = int(labels.sum())
    excludes = len(labels) - includes
    ranks = rankdata(scores)
    return float((ranks[labels == 1].sum() - includes * (includes + 1) / 2) / (includes * excludes))


def recall_at(scores: Floats, labels: npt.NDArray[np.int64], read: int) -> float:
    """The share of the includes among the first `read`, on average over the orders of equal scores."""
    if read >= len(labels):
        return 1.0
    edge = np.sort(scores)[::-1][read - 1]
    above, equal = scores > edge, scores == edge
    drawn = (read - above.sum()) / equal.sum()
    return float((labels[above].sum() + drawn * labels[equal].sum()) / labels.sum())


_MEASURES: Mapping[str, Callable[[Floats, npt.NDArray[np.int64]], float]] = {
    "AUC": auc, **{f"recall@{read}": partial(recall_at, read=read) for read in READ}
}  # fmt: skip


def _details(each: Scores) -> Iterable[dict[str, Any]]:
    """For each criterion: how its labels fall, how well it orders alone, and what the order is without it."""
    labels, whole = each.review.labels, auc(each.by_system["criteria"], each.review.labels)
    for place, name in enumerate(each.criteria):
        column = each.matrix[:, place]
        rest = np.delete(each.matrix, place, axis=1)
        without = auc(rest.mean(axis=1), labels) if rest.shape[1] else 0.5
        yield {
            "group": each.review.group, "review": each.review.name, "criterion": name,
            "labels": {_NAME_OF[value]: int(count) for value, count in sorted(Counter(column.tolist()).items())},
            "AUC": round(auc(column, labels), 4), "AUC_without": round(without, 4),
            "adds": round(whole - without, 4),
        }  # fmt: skip


def _without(found: Sequence[Scores]) -> dict[str, float]:
    """What leaving one criterion out costs in AUC, on average over the reviews that have it."""
    costs: dict[str, list[float]] = {}
    for each in found:
        for row in _details(each):
            costs.setdefault(row["criterion"], []).append(row["adds"])
    return {name: round(sum(values) / len(values), 4) for name, values in costs.items()}


def _group(each: Scores) -> dict[str, Any]:
    labels = each.review.labels
    figures = {f"{name} {system}": measure(each.by_system[system], labels)
               for name, measure in _MEASURES.items() for system in SYSTEMS[:-1]}  # fmt: skip
    return {name: {"value": round(value, 4), "ci95": None} for name, value in figures.items()}


def labelled(path: Path, bodies: Mapping[str, Any], *, group: str, label: str, name: str) -> list[Labelled]:
    """The reviews of a file that we have protocols of; a review without an include is left out."""
    kept: dict[str, tuple[list[Mapping[str, Any]], list[int]]] = {}
    for row in rows(path):
        review = str(row.get(group))
        if review in bodies:
            records, labels = kept.setdefault(review, ([], []))
            # What a screener sees: no label is among it.
            records.append({key: row[key] for key in ("title", "abstract", "mesh", "keywords", "publication_types")
                            if key in row})  # fmt: skip
            labels.append(int(row.get(label) in (1, "1", "Included")))
    found = [
        Labelled(name, review, records, np.asarray(labels, np.int64), protocol_of(bodies[review], where=review))
        for review, (records, labels) in kept.items()
        if 0 < sum(labels) < len(labels)
    ]
    if not found:
        raise BadInputError("No review of the file has a protocol.", where=path.name, expected=", ".join(bodies))
    return found
