"""A retrieval suite: several retrievers over the same queries, beside the reference BM25."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from consilience.evaluation.bootstrap import mean
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import RetrievalSuite
from consilience.evaluation.engine import Engine, attempt
from consilience.evaluation.measures import ranking
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, ordered, timed, usable
from consilience.evaluation.reference import ReferenceBM25

ReadTexts = Callable[[], Iterator[tuple[str, str]]]

SHOWN = 10


def retrieve(
    suite: RetrievalSuite, questions: Sequence[Question], engine: Engine, *, texts: ReadTexts | None, clock: Clock
) -> Outcome:
    """Ranks every query by every system, and scores the rankings."""
    names = ordered(suite.systems, "hybrid")
    skipped: dict[str, str] = {}
    found: dict[str, Replies] = {}
    for name in names:
        replies = _ranked_by(name, suite, questions, engine, texts=texts, clock=clock, skipped=skipped)
        if replies and usable(name, replies, main=name == names[0], skipped=skipped):
            found[name] = replies
    scores = {name: _scores(suite, questions, replies) for name, replies in found.items()}
    systems = tuple(_scored(name, found[name], scores[name]) for name in found)
    details = tuple(_detail(place, question, found, scores) for place, question in enumerate(questions))
    return Outcome(len(questions), systems, details, skipped, _warnings(questions, found))


def _ranked_by(
    name: str,
    suite: RetrievalSuite,
    questions: Sequence[Question],
    engine: Engine,
    *,
    texts: ReadTexts | None,
    clock: Clock,
    skipped: dict[str, str],
) -> Replies | None:
    if name != "rank_bm25":
        return timed(name, (_search(engine, question, name, suite) for question in questions), clock)
    reference = _reference(suite, texts)
    if isinstance(reference, str):
        skipped[name] = reference
        return None
    return timed(name, (_reference_search(reference, question, suite.top) for question in questions), clock)


def _search(engine: Engine, question: Question, retriever: str, suite: RetrievalSuite) -> Callable[[], dict[str, Any]]:
    as_of = question.as_of or suite.as_of
    return lambda: attempt(lambda: engine.search(question.text, top=suite.top, retriever=retriever, as_of=as_of))


def _reference_search(reference: ReferenceBM25, question: Question, top: int) -> Callable[[], dict[str, Any]]:
    return lambda: {"hits": [{"id": document} for document in reference.search(question.text, top)]}


def _reference(suite: RetrievalSuite, texts: ReadTexts | None) -> ReferenceBM25 | str:
    """The reference over the same texts, or the reason why there is none."""
    if texts is None:
        return "this engine does not hand out its texts"
    held = list(islice(texts(), suite.reference_cap + 1))
    if len(held) > suite.reference_cap:
        return f"more than {suite.reference_cap} documents (reference_cap)"
    if any(not document for document, _ in held):
        return "a record of the corpus has no id, PMID or DOI to be known by"
    return ReferenceBM25(held)


def _documents(reply: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in reply.get("hits", [])]


def _scores(suite: RetrievalSuite, questions: Sequence[Question], replies: Replies) -> dict[str, list[float]]:
    relevant = {question.id: question.relevant for question in questions}
    ranked = {question.id: _documents(reply) for question, reply in zip(questions, replies.values, strict=True)}
    return ranking(suite.measures, relevant, ranked)


def _scored(name: str, replies: Replies, scores: dict[str, list[float]]) -> Scored:
    statistics = {measure: mean(values) for measure, values in scores.items()}
    return Scored(name, statistics, len(replies.values), replies.seconds)


def _detail(
    place: int, question: Question, found: dict[str, Replies], scores: dict[str, dict[str, list[float]]]
) -> dict[str, Any]:
    return {
        "id": question.id,
        "query": question.text,
        "relevant": question.relevant,
        "hits": {name: _documents(replies.values[place])[:SHOWN] for name, replies in found.items()},
        "measures": {
            name: {measure: round(values[place], 6) for measure, values in table.items()}
            for name, table in scores.items()
        },
    }


def _warnings(questions: Sequence[Question], found: dict[str, Replies]) -> tuple[str, ...]:
    warnings = [
        f"{name}: {len(replies.failures)} queries failed and score nothing"
        for name, replies in found.items()
        if replies.failures
    ]
    if "rank_bm25" in found and any(question.as_of for question in questions):
        warnings.append("rank_bm25 sees no dates: it ranks documents later than as_of too")
    return tuple(warnings)
