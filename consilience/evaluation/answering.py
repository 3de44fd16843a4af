"""An answering suite: all chains beside one chain, plain BM25 and the commonest answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Statistic, mean, ratio
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import AnsweringSuite
from consilience.evaluation.engine import Engine, attempt
from consilience.evaluation.measures import ANSWERS, CitationCheck, accuracy, check_citations, decided, macro_f1
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, ordered, timed, usable

# How each system is asked.
_OPTIONS: dict[str, dict[str, Any]] = {
    "all_chains": {},
    "one_chain": {"chains": 1},
    "bm25_only": {"chains": 1, "retriever": "lexical"},
}
_PROVENANCE = ("snapshot", "index", "kg", "config", "models", "code")


def answer(
    suite: AnsweringSuite, questions: Sequence[Question], engine: Engine, *, answers: str, clock: Clock
) -> Outcome:
    """Asks every question of every system, and scores verdicts and citations."""
    gold = [_gold(question) for question in questions]
    _check_gold(gold, answers)
    names = ordered(suite.systems, "all_chains")
    skipped: dict[str, str] = {}
    asked: dict[str, Replies] = {}
    for name in (name for name in names if name in _OPTIONS):
        replies = timed(name, (_ask(engine, question, name, suite) for question in questions), clock)
        if usable(name, replies, main=name == names[0], skipped=skipped):
            asked[name] = replies
    predicted = {name: [decided(reply, answers) for reply in replies.values] for name, replies in asked.items()}
    if "majority" in names:
        predicted["majority"] = [commonest(gold)] * len(gold)
    checks = {name: _checks(questions, replies, engine) for name, replies in asked.items()}
    systems = tuple(
        _scored(name, gold, predicted[name], answers, replies=asked.get(name), checks=checks.get(name))
        for name in names
        if name in predicted
    )
    details = tuple(_detail(place, question, gold, predicted, asked) for place, question in enumerate(questions))
    warnings = tuple(
        f"{name}: {len(replies.failures)} questions failed and count as wrong"
        for name, replies in asked.items()
        if replies.failures
    )
    return Outcome(len(gold), systems, details, skipped, warnings, provenance=_provenance(answers, asked))


def kind_of_answers(questions: Sequence[Question]) -> str:
    """`verdict` when the file gives verdicts; yes/no when no answer is maybe; else yes/no/maybe."""
    if any(question.verdict for question in questions):
        return "verdict"
    return "yes/no/maybe" if any(question.answer == "maybe" for question in questions) else "yes/no"


def commonest(gold: Sequence[str]) -> str:
    """The answer given most often; of equals the first in the alphabet."""
    counts = Counter(gold)
    return min(counts, key=lambda name: (-counts[name], name))


def _gold(question: Question) -> str:
    return question.verdict or question.answer or ""


def _check_gold(gold: Sequence[str], answers: str) -> None:
    if strange := sorted(set(gold) - set(ANSWERS[answers])):
        raise BadInputError(f"The answer {strange[0]!r} is not one of {answers}.", where="data", expected=answers)


def _ask(engine: Engine, question: Question, system: str, suite: AnsweringSuite) -> Callable[[], dict[str, Any]]:
    as_of = question.as_of or suite.as_of
    text = question.question or question.query
    return lambda: attempt(lambda: engine.ask(text, as_of=as_of, **_OPTIONS[system]))


def _checks(questions: Sequence[Question], replies: Replies, engine: Engine) -> list[CitationCheck]:
    return [
        check_citations(reply, question.relevant, engine)
        for question, reply in zip(questions, replies.values, strict=True)
    ]


def _scored(
    name: str,
    gold: Sequence[str],
    predicted: Sequence[str],
    answers: str,
    *,
    replies: Replies | None,
    checks: list[CitationCheck] | None,
) -> Scored:
    statistics: dict[str, Statistic] = {
        "accuracy": mean(accuracy(gold, predicted)),
        "macro-F1": macro_f1(gold, predicted, ANSWERS[answers]),
    }
    if replies is None or checks is None:
        return Scored(name, statistics)
    statistics["abstained"] = mean([float(bool(reply.get("abstained"))) for reply in replies.values])
    return Scored(name, {**statistics, **_citation_statistics(checks)}, len(replies.values), replies.seconds)


def _citation_statistics(checks: Sequence[CitationCheck]) -> dict[str, Statistic]:
    statistics = {
        "cited": ratio([c.cited for c in checks], [c.sentences for c in checks]),
        "quotes_hold": ratio([c.holding for c in checks], [c.quotes for c in checks]),
    }
    if any(check.relevant for check in checks):
        found = [check.relevant_cited for check in checks]
        statistics["citation_precision"] = ratio(found, [c.documents for c in checks])
        statistics["citation_recall"] = ratio(found, [c.relevant for c in checks])
    return statistics


def _detail(
    place: int,
    question: Question,
    gold: Sequence[str],
    predicted: Mapping[str, Sequence[str]],
    asked: Mapping[str, Replies],
) -> dict[str, Any]:
    replies = {name: found.values[place] for name, found in asked.items()}
    return {
        "id": question.id,
        "question": question.question or question.query,
        "gold": gold[place],
        "predicted": {name: given[place] for name, given in predicted.items()},
        "probabilities": {name: reply.get("probabilities") for name, reply in replies.items()},
        "abstained": {name: reply.get("abstained") for name, reply in replies.items()},
        "cited": {name: _cited_ids(reply) for name, reply in replies.items()},
        "errors": {name: reply["error"]["message"] for name, reply in replies.items() if "error" in reply},
    }


def _cited_ids(reply: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(citation.get("id")) for citation in reply.get("citations") or []))


def _provenance(answers: str, asked: Mapping[str, Replies]) -> dict[str, Any]:
    """How answers were scored, and which state of the home gave them."""
    replies = (reply for found in asked.values() for reply in found.values if reply.get("provenance"))
    engine = next(replies, {}).get("provenance", {})
    return {"answers": answers, **{key: engine[key] for key in _PROVENANCE if key in engine}}
