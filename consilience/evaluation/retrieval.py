"""A retrieval suite: several retrievers over the same queries, beside plain BM25, chance, and the best there could be.

Figures are computed from the lines of `details.jsonl` and nothing else, so that anybody can compute them again.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from consilience.evaluation.bootstrap import mean
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import RetrievalSuite, Variant
from consilience.evaluation.engine import Dated, Searches, Texts, Varied, attempt
from consilience.evaluation.measures import ranking
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, timed, usable
from consilience.evaluation.reference import ReferenceBM25
from consilience.evaluation.shelf import resident

SHOWN = 10

Detail = dict[str, Any]
Search = Callable[[Question, int, str | None], list[str]]


def retrieve(suite: RetrievalSuite, questions: Sequence[Question], engine: Searches, *, clock: Clock) -> Outcome:
    """Ranks every query by every system, and scores the rankings."""
    systems = in_order(suite.systems)
    skipped: dict[str, str] = {}
    found: dict[str, Replies] = {}
    costs: dict[str, Mapping[str, Any]] = {}
    for name, system in systems.items():
        replies, costs[name] = _ranked_by(system, suite, questions, engine, clock)
        if isinstance(replies, str):
            skipped[name] = replies
        elif usable(name, replies, main=name == next(iter(systems)), skipped=skipped):
            found[name] = replies
    details = tuple(_detail(place, question, suite, found) for place, question in enumerate(questions))
    scores = scored(details, suite.measures)
    for detail, *rows in zip(details, *_by_question(scores), strict=True):
        detail["measures"] = dict(zip(scores, rows, strict=True))
    return Outcome(
        len(questions),
        tuple(
            Scored(name, _means(scores[name]), len(own.values), own.seconds, own.times, costs[name])
            for name, own in found.items()
        ),
        details,
        skipped,
        _warnings(questions, found, engine),
        usage={"corpus": engine.spent} if hasattr(engine, "spent") else {},
        provenance=engine.provenance() if isinstance(engine, Varied) else {},
    )


def in_order(systems: Sequence[str | Variant]) -> dict[str, str | Variant]:
    """The systems by name, `hybrid` first if it is among them."""
    named = {system if isinstance(system, str) else system.name: system for system in systems}
    return dict(sorted(named.items(), key=lambda item: item[0] != "hybrid"))


def scored(details: Sequence[Detail], measures: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Each measure for each question by system, from what the details say; a query without hits scores zero."""
    relevant = {detail["id"]: detail["relevant"] for detail in details}
    systems = list(details[0]["ranks"]) if details else []
    return {
        name: ranking(measures, relevant, {detail["id"]: _ranking(detail, name) for detail in details})
        for name in systems
    }


def _ranking(detail: Detail, name: str) -> list[str]:
    """The ranking as far as measures see it: judged documents at their ranks, and anything else between them."""
    places = {rank: document for document, rank in detail["ranks"][name].items()}
    longer = " " * max(map(len, detail["relevant"]), default=0)  # than any judged id: it is none of them
    return [places.get(rank, f"{longer}{rank}") for rank in range(1, detail["returned"][name] + 1)]


def _means(scores: Mapping[str, list[float]]) -> dict[str, Any]:
    return {measure: mean(values) for measure, values in scores.items()}


def statistics(details: Sequence[Detail], measures: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every system's statistics, computed anew from details."""
    return {name: _means(own) for name, own in scored(details, measures).items()}


def _by_question(scores: Mapping[str, Mapping[str, list[float]]]) -> list[list[dict[str, float]]]:
    return [
        [dict(zip(own, map(_six, row), strict=True)) for row in zip(*own.values(), strict=True)]
        for own in scores.values()
    ]


def _six(value: float) -> float:
    return round(value, 6)


def _ranked_by(
    system: str | Variant, suite: RetrievalSuite, questions: Sequence[Question], engine: Searches, clock: Clock
) -> tuple[Replies | str, dict[str, Any]]:
    """Every reply of one system, or the reason why there is none; and what it cost before the first question."""
    gc.collect()
    held, start = resident(), clock()
    if isinstance(system, str) and system in _BASELINES:
        made = _BASELINES[system](suite, engine)
        cost: dict[str, Any] = {"build_seconds": round(clock() - start, 3)} if system == "rank_bm25" else {}
    else:
        asked = system if isinstance(system, Variant) else Variant(name=system, retriever=system)  # type: ignore[arg-type]
        made, cost = _ours(asked, engine)
    if isinstance(made, str):
        return made, cost
    search = made
    attempt(lambda: _reply(search, questions[0], suite))  # opens what is opened on the first question
    now = resident()
    if held is not None and now is not None:
        cost["resident_bytes"] = max(0, now - held)
    name = system if isinstance(system, str) else system.name
    return timed(name, (_asked(search, question, suite) for question in questions), clock), cost


def _asked(search: Search, question: Question, suite: RetrievalSuite) -> Callable[[], dict[str, Any]]:
    return lambda: attempt(lambda: _reply(search, question, suite))


def _reply(search: Search, question: Question, suite: RetrievalSuite) -> dict[str, Any]:
    return {"hits": search(question, suite.top, question.as_of or suite.as_of)}


def _ours(system: Variant, engine: Searches) -> tuple[Search | str, dict[str, Any]]:
    if not isinstance(engine, Varied):
        return ("this engine has no variants" if system.profile else _search(engine, system.retriever)), {}
    # Opened anew even without a change, so that one system's memory is not another's.
    tried = engine.variant(system.profile)
    cost = tried.cost(system.retriever) if isinstance(tried, Varied) else {}
    return _search(tried, system.retriever), cost


def _search(engine: Searches, retriever: str) -> Search:
    def search(question: Question, top: int, as_of: str | None) -> list[str]:
        hits = engine.search(question.text, top=top, retriever=retriever, as_of=as_of)["hits"]
        return [str(hit["id"]) for hit in hits]

    return search


def _rank_bm25(suite: RetrievalSuite, engine: Searches) -> Search | str:
    """The reference over the same texts, held to the documents that the day shows."""
    if not isinstance(engine, Texts):
        return "this engine does not hand out its texts"
    held = list(islice(engine.texts(), suite.reference_cap + 1))
    if len(held) > suite.reference_cap:
        return f"more than {suite.reference_cap} documents (reference_cap)"
    reference, shown = ReferenceBM25(held), _shown(engine)

    def search(question: Question, top: int, as_of: str | None) -> list[str]:
        among = shown(as_of) if as_of and isinstance(engine, Dated) else None
        return reference.search(question.text, top, among=among)

    return search


def _random(suite: RetrievalSuite, engine: Searches) -> Search | str:
    """A draw from all documents that the day shows, by the question's id."""
    if not isinstance(engine, Texts):
        return "this engine does not hand out its texts"
    shown = _shown(engine)

    @lru_cache(maxsize=8)
    def population(as_of: str | None) -> list[str]:
        return sorted(shown(as_of))

    def search(question: Question, top: int, as_of: str | None) -> list[str]:
        everything = population(as_of)
        return random.Random(question.id).sample(everything, min(top, len(everything)))  # noqa: S311

    return search


def _ceiling(suite: RetrievalSuite, engine: Searches) -> Search | str:
    """The relevant documents that are there, the most relevant first: no retriever can do better."""
    if not isinstance(engine, Texts):
        return "this engine does not hand out its texts"
    shown = _shown(engine)

    def search(question: Question, top: int, as_of: str | None) -> list[str]:
        there = shown(as_of)
        known = [(-grade, name) for name, grade in question.relevant.items() if grade > 0 and name in there]
        return [name for _, name in sorted(known)[:top]]

    return search


_BASELINES: dict[str, Callable[[RetrievalSuite, Searches], Search | str]] = {
    "rank_bm25": _rank_bm25,
    "random": _random,
    "ceiling": _ceiling,
}


def _shown(engine: Texts) -> Callable[[str | None], frozenset[str]]:
    """The ids of the documents that a day shows; all of them where the engine knows no days."""

    @lru_cache(maxsize=8)
    def shown(as_of: str | None) -> frozenset[str]:
        return engine.shown(as_of) if isinstance(engine, Dated) else frozenset(name for name, _ in engine.texts())

    return shown


def _detail(place: int, question: Question, suite: RetrievalSuite, found: Mapping[str, Replies]) -> Detail:
    replies = {name: own.values[place] for name, own in found.items()}
    # As measures see them: a document that came twice counts where it came first.
    ranked = {name: list(dict.fromkeys(reply.get("hits", ()))) for name, reply in replies.items()}
    return {
        "id": question.id,
        "query": question.text,
        "as_of": question.as_of or suite.as_of,
        "relevant": question.relevant,
        "hits": {name: documents[:SHOWN] for name, documents in ranked.items()},
        "returned": {name: len(documents) for name, documents in ranked.items()},
        "ranks": {
            name: {document: rank for rank, document in enumerate(documents, start=1) if document in question.relevant}
            for name, documents in ranked.items()
        },
        "errors": {name: reply["error"]["message"] for name, reply in replies.items() if "error" in reply},
    }


def _warnings(questions: Sequence[Question], found: Mapping[str, Replies], engine: Searches) -> tuple[str, ...]:
    warnings = [
        f"{name}: {len(replies.failures)} queries failed and score nothing"
        for name, replies in found.items()
        if replies.failures
    ]
    if isinstance(engine, Texts):
        there = _shown(engine)(None)
        relevant = {name for question in questions for name, grade in question.relevant.items() if grade > 0}
        if absent := len(relevant - there):
            warnings.append(
                f"{absent} of {len(relevant)} relevant documents are not in the corpus: nothing can find them"
            )
    if "rank_bm25" in found and any(question.as_of for question in questions):
        dated = isinstance(engine, Dated)
        warnings.append(
            "rank_bm25 counts words of documents later than as_of too"
            if dated
            else "rank_bm25 sees no dates: it ranks documents later than as_of too"
        )
    return tuple(warnings)
