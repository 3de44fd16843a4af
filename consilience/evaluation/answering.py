"""An answering suite: all chains beside one chain, plain BM25, no documents at all and the commonest answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from consilience.errors import BadInputError
from consilience.evaluation import calibration
from consilience.evaluation.bootstrap import Statistic, mean, ratio
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import AnsweringSuite
from consilience.evaluation.engine import Engine, Grounded, Judging, attempt
from consilience.evaluation.measures import (
    ANSWERS,
    CitationCheck,
    accuracy,
    check_citations,
    decided,
    macro_f1,
    sureness,
)
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, ordered, timed, usable
from consilience.models import Entailment
from consilience.reasoning import CHAINS, ask

if TYPE_CHECKING:
    from consilience.evaluation.folds import Folds

# How each system is asked; `ask` leaves it to the router how many chains.
_OPTIONS: dict[str, dict[str, Any]] = {
    "all_chains": {"chains": len(CHAINS)},
    "ask": {},
    "one_chain": {"chains": 1},
    "bm25_only": {"chains": 1, "retriever": "lexical"},
}
# The judge reads the question beside no evidence: what it thinks before anything is found.
NO_RETRIEVAL = "no_retrieval"
_PROVENANCE = ("snapshot", "index", "kg", "config", "models", "code")


def answer(
    suite: AnsweringSuite, questions: Sequence[Question], engine: Engine, *, answers: str, clock: Clock,
    folds: Folds | None = None,
) -> Outcome:  # fmt: skip
    """Asks every question of every system, and scores verdicts and citations.

    With `folds` each question is answered by a judge, and weighed by numbers, that have not learnt from it.
    """
    gold = [_gold(question) for question in questions]
    _check_gold(gold, answers)
    names = ordered(suite.systems, "all_chains")
    skipped: dict[str, str] = {}
    asked: dict[str, Replies] = {}
    for name in (name for name in names if name != "majority"):
        if name == NO_RETRIEVAL and not isinstance(engine, Judging):
            skipped[name] = "this engine hands out no judge"
            continue
        replies = timed(name, (_ask(engine, question, name, suite, folds) for question in questions), clock)
        if usable(name, replies, main=name == names[0], skipped=skipped):
            asked[name] = replies
    predicted = {name: [decided(reply, answers) for reply in replies.values] for name, replies in asked.items()}
    if "majority" in names:
        predicted["majority"] = [commonest(gold)] * len(gold)
    checks = {name: _checks(questions, replies, engine) for name, replies in asked.items()}
    shown = [name for name in names if name in predicted]
    details = tuple(
        _detail(place, question, gold, {name: predicted[name] for name in shown}, asked, checks)
        for place, question in enumerate(questions)
    )
    systems = tuple(_scored(name, own, asked.get(name)) for name, own in statistics(details, answers).items())
    warnings = tuple(
        f"{name}: {len(replies.failures)} questions failed and count as wrong"
        for name, replies in asked.items()
        if replies.failures
    )
    return Outcome(
        len(gold), systems, details, skipped, warnings, provenance=_provenance(answers, asked),
        curves=calibration.curves({name: _columns(name, details, answers) for name in asked}),
    )  # fmt: skip


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


def _ask(
    engine: Engine, question: Question, system: str, suite: AnsweringSuite, folds: Folds | None
) -> Callable[[], dict[str, Any]]:
    as_of = question.as_of or suite.as_of
    text = question.question or question.query
    name = suite.format or "plain"

    def alone() -> dict[str, Any]:
        return prior(folds.judge(name, question.id) if folds else cast(Judging, engine).entailment(), text)

    def unseen(folds: Folds) -> dict[str, Any]:
        options = _OPTIONS[system]
        if not isinstance(engine, Grounded):
            raise BadInputError("This engine hands out no ground.", where="judges", expected="a home")
        ground = folds.ground(engine.ground(as_of), name, question.id)
        retriever = options.get("retriever", ground.retriever)
        return ask(text, replace(ground, retriever=retriever), number=options.get("chains"))

    if system == NO_RETRIEVAL:
        return lambda: attempt(alone)
    if folds is not None:
        return lambda: attempt(lambda: unseen(folds))
    return lambda: attempt(lambda: engine.ask(text, as_of=as_of, **_OPTIONS[system]))


def prior(judge: Entailment, text: str) -> dict[str, Any]:
    """What a judge makes of a question when it reads nothing beside it, as an `ask` reply."""
    (told,) = judge.judge([(text, "")])
    shares = {"yes": told.supports, "no": told.refutes, "mixed": 0.0, "insufficient": told.neutral}
    return {"verdict": max(shares, key=shares.__getitem__), "probabilities": shares}


def _columns(name: str, details: Sequence[Mapping[str, Any]], answers: str) -> tuple[list[float], list[float]]:
    """How sure a system was of each question, and whether it was right."""
    sure = [sureness(each["probabilities"].get(name) or {}, answers) for each in details]
    return sure, [float(each["predicted"][name] == each["gold"]) for each in details]


def _checks(questions: Sequence[Question], replies: Replies, engine: Engine) -> list[CitationCheck]:
    return [
        check_citations(reply, question.relevant, engine)
        for question, reply in zip(questions, replies.values, strict=True)
    ]


def statistics(details: Sequence[Mapping[str, Any]], answers: str) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, computed from what the details say and nothing else."""
    systems = list(details[0]["predicted"]) if details else []
    return {name: _statistics(name, details, answers) for name in systems}


def _statistics(name: str, details: Sequence[Mapping[str, Any]], answers: str) -> dict[str, Statistic]:
    gold, predicted = [each["gold"] for each in details], [each["predicted"][name] for each in details]
    found: dict[str, Statistic] = {
        "accuracy": mean(accuracy(gold, predicted)),
        "macro-F1": macro_f1(gold, predicted, ANSWERS[answers]),
    }
    if name not in details[0]["counts"]:
        return found
    found |= calibration.statistics(*_columns(name, details, answers))
    if name == NO_RETRIEVAL:
        return found
    found["abstained"] = mean([float(bool(each["abstained"][name])) for each in details])
    return {**found, **_citation_statistics([CitationCheck(**each["counts"][name]) for each in details])}


def _scored(name: str, own: Mapping[str, Statistic], replies: Replies | None) -> Scored:
    return Scored(name, own, len(replies.values), replies.seconds, replies.times) if replies else Scored(name, own)


def _citation_statistics(checks: Sequence[CitationCheck]) -> dict[str, Statistic]:
    found = {
        "cited": ratio([c.cited for c in checks], [c.sentences for c in checks]),
        "quotes_hold": ratio([c.holding for c in checks], [c.quotes for c in checks]),
    }
    if any(check.relevant for check in checks):
        relevant = [check.relevant_cited for check in checks]
        found["citation_precision"] = ratio(relevant, [c.documents for c in checks])
        found["citation_recall"] = ratio(relevant, [c.relevant for c in checks])
    return found


def _detail(
    place: int,
    question: Question,
    gold: Sequence[str],
    predicted: Mapping[str, Sequence[str]],
    asked: Mapping[str, Replies],
    checks: Mapping[str, Sequence[CitationCheck]],
) -> dict[str, Any]:
    replies = {name: found.values[place] for name, found in asked.items()}
    return {
        "id": question.id,
        "question": question.question or question.query,
        "gold": gold[place],
        "predicted": {name: given[place] for name, given in predicted.items()},
        "probabilities": {name: reply.get("probabilities") for name, reply in replies.items()},
        "abstained": {name: reply.get("abstained") for name, reply in replies.items()},
        "counts": {name: asdict(own[place]) for name, own in checks.items()},
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
