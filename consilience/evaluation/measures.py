"""What is measured: ranking, verdicts and citations, each as one value a question or as a statistic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilience.errors import ConsilienceError, StoreDamagedError
from consilience.evaluation.bootstrap import Floats, Statistic, Weights
from consilience.evaluation.engine import Shows
from consilience.records import sha256

RANKING = ("nDCG@10", "R@10", "R_cap@10", "R@100", "RR")
# Recall at k of the best there could be in k places (as BEIR tells it for TREC-COVID, Thakur et al. 2021).
_CAPPED = re.compile(r"R_cap@([1-9]\d{0,5})")

ANSWERS: dict[str, tuple[str, ...]] = {
    "yes/no/maybe": ("yes", "no", "maybe"),
    "yes/no": ("yes", "no"),
    "verdict": ("yes", "no", "mixed", "insufficient"),
}
UNDECIDED = "undecided"


def ranking(
    names: Sequence[str], relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[str]]
) -> dict[str, list[float]]:
    """Each ranking measure for each query, in the order of `relevant`; a query without hits scores zero."""
    import ir_measures
    from ir_measures import Qrel, ScoredDoc

    qrels = [Qrel(query, document, grade) for query, known in relevant.items() for document, grade in known.items()]
    # Ranks as scores: ties at the retriever were broken there and must not be broken anew.
    run = [
        ScoredDoc(query, document, -float(rank))
        for query, documents in ranked.items()
        for rank, document in enumerate(dict.fromkeys(documents))
    ]
    wanted = {parsed(name): name for name in dict.fromkeys(map(_uncapped, names))}
    table: dict[str, dict[str, float]] = {name: {} for name in wanted.values()}
    for metric in ir_measures.iter_calc(list(wanted), qrels, run):
        table[wanted[metric.measure]][metric.query_id] = float(metric.value)
    return {
        name: [table[_uncapped(name)].get(query, 0.0) * _share(name, known) for query, known in relevant.items()]
        for name in names
    }


def parsed(name: str) -> Any:
    """The measure that `ir_measures` knows by this name; capped recall stands for the recall it is made from."""
    import ir_measures

    try:
        return ir_measures.parse_measure(_uncapped(name))
    except (NameError, SyntaxError, ValueError, AssertionError, AttributeError, TypeError) as failure:
        known = "no measure of ir_measures, e.g. nDCG@10, nor capped recall, R_cap@10"
        raise ValueError(f"{name!r} is {known}") from failure


def _uncapped(name: str) -> str:
    return f"R@{capped[1]}" if (capped := _CAPPED.fullmatch(name)) else name


def _share(name: str, known: Mapping[str, int]) -> float:
    """What turns recall at k into capped recall: its best is 1 also where more than k documents are relevant."""
    capped, relevant = _CAPPED.fullmatch(name), sum(grade > 0 for grade in known.values())
    return relevant / min(int(capped[1]), relevant) if capped and relevant else 1.0


def decided(reply: Mapping[str, Any], answers: str) -> str:
    """The class an `ask` reply is scored as; an abstention is scored too, never left out.

    For yes/no/maybe the largest of yes, no and mixed + insufficient; for yes/no the larger of the two.
    A tie, a failure or a reply without a verdict is `undecided`, which is always wrong.
    """
    if answers == "verdict":
        verdict = reply.get("verdict")
        return verdict if verdict in ANSWERS["verdict"] else UNDECIDED
    mass = _mass(reply)
    if mass is None:
        return UNDECIDED
    weights = {"yes": mass["yes"], "no": mass["no"]}
    if answers == "yes/no/maybe":
        weights["maybe"] = mass["mixed"] + mass["insufficient"]
    best = max(weights.values())
    winners = [name for name, weight in weights.items() if math.isclose(weight, best, abs_tol=1e-12)]
    return winners[0] if len(winners) == 1 else UNDECIDED


def sureness(probabilities: Mapping[str, float], answers: str) -> float:
    """How sure a reply is of the class it is scored as, 0..1: what calibration is held to.

    For yes/no what is undecided is split evenly between the two, for there is no third answer.
    """
    mass = {name: float(probabilities.get(name, 0.0)) for name in ANSWERS["verdict"]}
    undecided = mass["mixed"] + mass["insufficient"]
    if answers == "verdict":
        return max(mass.values())
    if answers == "yes/no":
        return max(mass["yes"], mass["no"]) + undecided / 2
    return max(mass["yes"], mass["no"], undecided)


def _mass(reply: Mapping[str, Any]) -> dict[str, float] | None:
    verdict, given = reply.get("verdict"), reply.get("probabilities")
    if isinstance(given, Mapping):
        return {name: float(given.get(name, 0.0)) for name in ANSWERS["verdict"]}
    if verdict in ANSWERS["verdict"]:
        return {name: float(name == verdict) for name in ANSWERS["verdict"]}
    return None


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> list[float]:
    """1 for each question answered as the key says, else 0."""
    return [float(known == given) for known, given in zip(gold, predicted, strict=True)]


def macro_f1(gold: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> Statistic:
    """The unweighted mean of F1 over the classes; a class never given and never due counts as zero."""
    due = np.array([[known == name for name in classes] for known in gold], dtype=np.float64)
    given = np.array([[guess == name for name in classes] for guess in predicted], dtype=np.float64)

    def of(weights: Weights) -> Floats:
        either = weights @ due + weights @ given
        f1: Floats = 2 * (weights @ (due * given)) / np.maximum(either, 1)
        return np.asarray(f1.mean(axis=1))

    return Statistic(of)


def f1_of(gold: Sequence[str], predicted: Sequence[str], name: str) -> Statistic:
    """F1 of one class, by itself."""
    return macro_f1(gold, predicted, (name,))


@dataclass(frozen=True, slots=True)
class CitationCheck:
    """What can be decided about one answer's citations without judging its meaning."""

    sentences: int
    cited: int
    quotes: int
    holding: int
    documents: int
    relevant_cited: int
    relevant: int


def check_citations(reply: Mapping[str, Any], relevant: Mapping[str, int], engine: object) -> CitationCheck:
    """Counts sentences that are cited, quotes that hold, and cited documents that are known to be relevant.

    A quote holds when it is exactly the text at its place in the document shown by the engine, whose field has the
    stated hash; an engine that shows no document has its quotes held against their own offsets.
    """
    citations: list[Mapping[str, Any]] = list(reply.get("citations") or [])
    sentences = list(reply.get("sentences") or [])
    known = {document for document, grade in relevant.items() if grade > 0}
    named = {citation.get("id") for citation in citations} if known else set()
    return CitationCheck(
        sentences=len(sentences),
        cited=sum(_is_cited(sentence, len(citations)) for sentence in sentences),
        quotes=len(citations),
        holding=sum(_holds(citation, engine) for citation in citations),
        documents=len(named),
        relevant_cited=len(named & known),
        relevant=len(known),
    )


def _is_cited(sentence: Mapping[str, Any], citations: int) -> bool:
    places = sentence.get("citations") or []
    return bool(places) and all(isinstance(place, int) and 0 <= place < citations for place in places)


def _holds(citation: Mapping[str, Any], engine: object) -> bool:
    start, end, quote = citation.get("start"), citation.get("end"), citation.get("quote")
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(quote, str)):
        return False
    if not (quote and 0 <= start < end and len(quote) == end - start):
        return False
    if not isinstance(engine, Shows):
        return True
    text = _shown(engine, citation)
    return text is not None and text[start:end] == quote and sha256(text) == citation.get("sha256")


def _shown(engine: Shows, citation: Mapping[str, Any]) -> str | None:
    try:
        shown = engine.show(str(citation.get("id")), version=citation.get("version"))
    except StoreDamagedError:
        raise
    except ConsilienceError:
        return None
    text = shown.get("fields", {}).get(citation.get("field"))
    return text if isinstance(text, str) else None
