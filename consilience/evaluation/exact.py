"""An exact-answers suite: questions of every kind, by BioASQ's measures, found for or with their documents given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from consilience.errors import BadInputError, ConsilienceError, StoreDamagedError
from consilience.evaluation import bioasq
from consilience.evaluation.among import among
from consilience.evaluation.answering import commonest
from consilience.evaluation.bioasq import Stretch
from consilience.evaluation.bootstrap import Statistic, mean, ratio
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import ExactSuite
from consilience.evaluation.engine import Engine, Grounded, Shows, attempt
from consilience.evaluation.measures import CitationCheck, check_citations, decided
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, ordered, timed, usable
from consilience.reasoning import ask
from consilience.records import normal_space

# How each system is asked; the documents given are asked over by their own ground.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "all_chains": {}, "one_chain": {"chains": 1}, "bm25_only": {"chains": 1, "retriever": "lexical"},
}  # fmt: skip
_GIVEN, _MAJORITY = "documents_given", "majority"


def answer_exactly(suite: ExactSuite, questions: Sequence[Question], engine: Engine, *, clock: Clock) -> Outcome:
    """Asks every question of every system; its kind is for the system to read off it, and is scored too."""
    names = ordered(suite.systems, "all_chains")
    skipped: dict[str, str] = {}
    asked: dict[str, Replies] = {}
    for name in (name for name in names if name != _MAJORITY):
        if name == _GIVEN and not isinstance(engine, Grounded):
            skipped[name] = "this engine does not say what its answers stand on"
            continue
        replies = timed(name, (_call(engine, question, name, suite) for question in questions), clock)
        if usable(name, replies, main=name == names[0], skipped=skipped):
            asked[name] = replies
    gold = [_stretches(question, engine) for question in questions]
    polar = [question.answer for question in questions if question.answer]
    rows = []
    for at, question in enumerate(questions):
        own = {name: _scored(question, found.values[at], gold[at], engine) for name, found in asked.items()}
        if _MAJORITY in names and polar:
            own[_MAJORITY] = {"answer": commonest(polar), "scores": {}}
        told = {"id": question.id, "question": question.question or question.query, "kind": question.kind}
        rows.append({**told, "answer": question.answer, "names": [list(n) for n in question.names], "systems": own})
    found = statistics(rows)
    systems = tuple(_system(name, found[name], asked.get(name)) for name in names if name in found)
    lost = sum(not stretches for stretches, question in zip(gold, questions, strict=True) if question.snippets)
    warnings = [f"{name}: {len(replies.failures)} questions failed and count as wrong"
                for name, replies in asked.items() if replies.failures]  # fmt: skip
    if lost:
        warnings.append(f"{lost} questions have no snippet in the corpus word for word: sentences of theirs score 0")
    return Outcome(len(rows), systems, tuple(rows), skipped, tuple(warnings), provenance={"measures": "BioASQ Task B"})


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say and nothing else."""
    found = bioasq.statistics(details)
    for name, own in found.items():
        told = [each["systems"][name] for each in details]
        if name == _MAJORITY:
            continue
        own["kind read"] = ratio([float(each["kind_read"]) for each in told], [float(each["due"]) for each in told])
        own["abstained"] = mean([float(bool(each["abstained"])) for each in told])
        checks = [CitationCheck(**each["counts"]) for each in told]
        own["cited"] = ratio([c.cited for c in checks], [c.sentences for c in checks])
        own["quotes_hold"] = ratio([c.holding for c in checks], [c.quotes for c in checks])
    return found


def _system(name: str, own: Mapping[str, Statistic], replies: Replies | None) -> Scored:
    return Scored(name, own, len(replies.values), replies.seconds, replies.times) if replies else Scored(name, own)


def _call(engine: Engine, question: Question, name: str, suite: ExactSuite) -> Callable[[], dict[str, Any]]:
    text, as_of = question.question or question.query, question.as_of or suite.as_of
    if name == _GIVEN and isinstance(engine, Grounded):
        given = [document for document, grade in question.relevant.items() if grade > 0]
        return lambda: attempt(lambda: ask(text, among(engine.ground(as_of), given)))
    return lambda: attempt(lambda: engine.ask(text, as_of=as_of, **_OPTIONS[name]))


def _scored(question: Question, reply: Mapping[str, Any], gold: Sequence[Stretch], engine: Engine) -> dict[str, Any]:
    """What one answer is worth: its exact answer, its sentences' snippets and documents, its citations."""
    kind = question.kind or ("polar" if question.answer else "")
    citations: list[Mapping[str, Any]] = list(reply.get("citations") or [])
    places = {place for sentence in reply.get("sentences") or () for place in sentence["citations"]}
    said = [citations[place] for place in sorted(places)]
    scores = bioasq.scores(kind, question.names, reply)
    if question.snippets:
        shown = bioasq.snippets(gold, [(each["id"], each["field"], each["start"], each["end"]) for each in said])
        read = bioasq.documents({each.id for each in question.snippets}, [each["id"] for each in said])
        scores |= {"snippet P": shown.precision, "snippet R": shown.recall, "snippet F1": shown.f1,
                   "document P": read.precision, "document R": read.recall}  # fmt: skip
    return {
        "answer": decided(reply, "yes/no") if question.answer else None,
        "items": [str(item["text"]) for item in reply.get("items") or ()],
        "scores": scores,
        "due": bool(kind), "kind_read": bool(kind) and reply.get("kind") == kind,
        "abstained": reply.get("abstained"),
        "confidence": reply.get("confidence"),
        "cited": [[each["id"], each["field"], each["start"], each["end"]] for each in said],
        "counts": asdict(check_citations(reply, question.relevant, engine)),
        "error": reply["error"]["message"] if "error" in reply else None,
    }  # fmt: skip


def _stretches(question: Question, engine: Engine) -> list[Stretch]:
    """Where the question's snippets stand in the documents of this home; one that is not there is left out."""
    if not isinstance(engine, Shows):
        raise BadInputError("This engine shows no documents.", where="snippets", expected="a home, refreshed")
    found: list[Stretch] = []
    for snippet in question.snippets:
        try:
            shown = engine.show(snippet.id)
        except StoreDamagedError:
            raise
        except ConsilienceError:
            continue
        text = shown.get("fields", {}).get(snippet.field, "")
        words = normal_space(snippet.text)
        if (start := text.find(words)) >= 0:
            found.append((snippet.id, snippet.field, start, start + len(words)))
    return found
