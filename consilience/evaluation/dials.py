"""Noise and misinformation, dialled: what answers become as fewer of the documents at hand are to the point.

After MedRGB (robustness to noise, sufficiency, counterfactual documents), with verdicts in place of a language model:
a throw-away home holds the documents of all questions, and each is asked over a few of them.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation import calibration, distraction
from consilience.evaluation.among import among
from consilience.evaluation.answering import commonest, prior
from consilience.evaluation.bootstrap import Draws, Statistic, estimate, mean
from consilience.evaluation.datasets import Question, Row, record_id
from consilience.evaluation.definition import DialsSuite
from consilience.evaluation.engine import Engine, Grounded, Judging, Shows, Temporary, attempt
from consilience.evaluation.measures import ANSWERS, accuracy, decided, macro_f1, sureness
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, timed
from consilience.models.perturbations import mutants
from consilience.reasoning import Ground, ask
from consilience.text import sentences

CLEAN = "all signal"
# A sentence is turned into its opposite by the first of these rules that fits.
_TURNS = ("negation", "direction")
_SUFFIX = "-turned"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what is put before it: its own documents, those turned round, and other questions'."""

    question: Question
    signals: tuple[str, ...]
    turned: Mapping[str, str]
    noise: tuple[str, ...]
    aside: str


def dial(
    suite: DialsSuite, questions: Sequence[Question], records: Iterator[Row], engine: Engine, temporary: Temporary, *,
    answers: str, clock: Clock,
) -> Outcome:  # fmt: skip
    """Asks every question over each mixture of documents, and once without any."""
    held = _documents(questions, records, engine)
    usable = [question for question in questions if len(_signals(question, held)) >= suite.at_least]
    if not usable:
        raise BadInputError(
            "No question has enough documents.", where=suite.kind, expected=f"at least {suite.at_least} relevant ones"
        )
    turned = {name: row for name, own in held.items() if (row := counterfactual(own)) is not None}
    with _home([*held.values(), *turned.values()], temporary) as home:
        if not isinstance(home, Grounded) or not isinstance(home, Judging):
            raise BadInputError("This engine hands out no ground.", where=suite.kind, expected="a home")
        cases = _cases(suite, questions, usable, held, turned, home)
        replies = {name: timed(name, (_call(suite, home, case, name) for case in cases), clock)
                   for name in (CLEAN, *levels(suite), "no_retrieval")}  # fmt: skip
    gold = [case.question.verdict or case.question.answer or "" for case in cases]
    details = tuple(_detail(at, case, gold[at], replies, answers) for at, case in enumerate(cases))
    found = statistics(details, answers)
    systems = (Scored(name, own, len(cases), replies[name].seconds, replies[name].times) if name in replies
               else Scored(name, own) for name, own in found.items())  # fmt: skip
    draws = Draws(suite.bootstrap.resamples, suite.bootstrap.seed)
    told = (*_left_out(suite, len(questions) - len(usable), len(held) - len(turned)),
            *(f"{name}: {len(own.failures)} questions failed and count as wrong" for name, own in replies.items()
              if own.failures))  # fmt: skip
    return Outcome(len(cases), tuple(systems), details, warnings=told,
                   curves=tuple(_curves(suite, found, len(cases), draws)), provenance={"answers": answers})  # fmt: skip


def _left_out(suite: DialsSuite, questions: int, documents: int) -> Iterator[str]:
    if questions:
        yield f"{questions} questions left out: fewer than {suite.at_least} documents of theirs are at hand"
    if documents and "misinformation" in suite.dials:
        yield f"no rule turns {documents} documents round: they are left out of `misinformation`"


def levels(suite: DialsSuite) -> list[str]:
    """The mixtures by name, beside the clean one: `noise 40%` has two signals among five."""
    shares = [share for share in suite.shares if share < 100]
    dialled = [name for name in suite.dials if name != "asides"]
    asides = ["asides"] if "asides" in suite.dials else []
    return [*(f"{name} {share}%" for name in dialled for share in shares), *asides]


def mixed(case: Asked, level: str, documents: int) -> list[str]:
    """The documents of one mixture. Where a question has few of its own, others join in proportion."""
    if level in (CLEAN, "asides"):
        return list(case.signals[:documents])
    name, told = level.removesuffix("%").split(" ")
    share = int(told)
    if name == "misinformation":
        own = case.signals[:documents]
        true = (share * len(own) + 50) // 100
        return [*own[:true], *(case.turned[each] for each in own[true:] if each in case.turned)]
    # Halves are rounded up, in whole numbers: 1.5 is not to hang on the last bit of a quotient.
    wanted = (share * documents + 50) // 100
    taken = min(wanted, len(case.signals))
    others = documents - wanted if taken == wanted else (taken * (100 - share) + share // 2) // share
    return [*case.signals[:taken], *case.noise[:others]]


def counterfactual(row: Row) -> Row | None:
    """The record with every sentence turned into its opposite that a rule can turn, under an id of its own.

    None where no rule fits.
    """
    fields = {name: turned_round(str(row.get(name) or "")) for name in ("title", "abstract")}
    if all(fields[name] == (row.get(name) or "") for name in fields):
        return None
    kept = {key: value for key, value in row.items() if key not in ("id", "pmid", "doi")}
    return {**kept, "id": "TURNED:" + record_id(row).replace(":", "-") + _SUFFIX, **fields}


def turned_round(text: str) -> str:
    """The text with each sentence turned into its opposite, as far as rules can: by negation, else by direction."""
    parts, end = [], 0
    for start, stop in sentences(text):
        found = {mutant.kind: mutant.text for mutant in reversed(mutants(text[start:stop]))}
        turns = [found[kind] for kind in _TURNS if kind in found]
        parts += [text[end:start], turns[0] if turns else text[start:stop]]
        end = stop
    return "".join([*parts, text[end:]])


def _documents(questions: Sequence[Question], records: Iterator[Row], engine: Engine) -> dict[str, Row]:
    """The relevant documents of all questions as records: those of the suite's corpus, or else of the home."""
    wanted = {name for question in questions for name, grade in question.relevant.items() if grade > 0}
    found = {name: row for row in records if (name := record_id(row)) in wanted}
    if found or not isinstance(engine, Shows):
        return dict(sorted(found.items()))
    shown = {name: attempt(partial(engine.show, name)) for name in sorted(wanted)}
    return {name: _as_record(name, of) for name, of in shown.items() if "error" not in of}


def _as_record(name: str, shown: Mapping[str, Any]) -> Row:
    fields, types = shown["fields"], shown.get("record", {}).get("publication_types") or ()
    return {"id": name, "title": fields.get("title", ""), "abstract": fields.get("abstract", ""),
            "published": shown.get("published"),
            "publication_types": [{"name": label, "ui": ui} for label, ui in types]}  # fmt: skip


def _signals(question: Question, held: Mapping[str, Row]) -> tuple[str, ...]:
    return tuple(name for name, grade in question.relevant.items() if grade > 0 and name in held)


@contextmanager
def _home(rows: Sequence[Row], temporary: Temporary) -> Iterator[Engine]:
    with TemporaryDirectory(prefix="consilience-") as folder:
        path = Path(folder) / "documents.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        with temporary(path) as home:
            yield home


def _cases(
    suite: DialsSuite, everyone: Sequence[Question], usable: Sequence[Question], held: Mapping[str, Row],
    turned: Mapping[str, Row], home: Grounded,
) -> list[Asked]:  # fmt: skip
    together: dict[str, set[str]] = defaultdict(set)
    for question in everyone:
        for name in question.relevant:
            together[name] |= question.relevant.keys()
    chance = random.Random(suite.seed)  # noqa: S311
    found = []
    for question in usable:
        # What any question names beside one of its own is of its subject, and no noise.
        near = {other for name in question.relevant for other in together[name]}
        noise = _near(question, held.keys() - near, home.ground(question.as_of or suite.as_of), suite.documents)
        signals = _signals(question, held)
        opposite = {name: str(turned[name]["id"]) for name in signals if name in turned}
        aside = distraction.drawn(chance, question.text, distraction.TEMPLATES, suite.entities)
        found.append(Asked(question, signals, opposite, noise, aside))
    return found


def _near(question: Question, others: Set[str], ground: Ground, count: int) -> tuple[str, ...]:
    """Of other questions' documents those that a search for this one finds first."""
    index, ids = among(ground, others).index, ground.corpus.table["id"]
    hits = index.search(question.text, top=count, clocks=ground.clocks, retriever=ground.retriever, syntax="words")
    return tuple(ids[hit.row].as_py() for hit in hits)


def _call(suite: DialsSuite, home: Any, case: Asked, level: str) -> Callable[[], dict[str, Any]]:
    text = case.question.question or case.question.query
    if level == "no_retrieval":
        return lambda: attempt(lambda: prior(home.entailment(), text))
    asked = distraction.distracted(text, case.aside) if level == "asides" else text
    documents = mixed(case, level, suite.documents)
    as_of = case.question.as_of or suite.as_of
    return lambda: attempt(lambda: ask(asked, among(home.ground(as_of), documents), number=suite.chains))


def _detail(at: int, case: Asked, gold: str, replies: Mapping[str, Replies], answers: str) -> dict[str, Any]:
    own = {name: of.values[at] for name, of in replies.items()}
    return {
        "id": case.question.id,
        "question": case.question.text,
        "gold": gold,
        "signals": len(case.signals),
        "noise": len(case.noise),
        "predicted": {name: decided(reply, answers) for name, reply in own.items()},
        "probabilities": {name: reply.get("probabilities") for name, reply in own.items()},
        "abstained": {name: bool(reply.get("abstained")) for name, reply in own.items()},
        "errors": {name: reply["error"]["message"] for name, reply in own.items() if "error" in reply},
    }


def statistics(details: Sequence[Mapping[str, Any]], answers: str) -> dict[str, dict[str, Statistic]]:
    """Every mixture's statistics, from what the details say; `wrong` are answers given, and not the key's."""
    gold = [each["gold"] for each in details]
    found: dict[str, dict[str, Statistic]] = {}
    for name in details[0]["predicted"] if details else ():
        predicted = [each["predicted"][name] for each in details]
        silent = [each["abstained"][name] for each in details]
        right = accuracy(gold, predicted)
        sure = [sureness(each["probabilities"][name] or {}, answers) for each in details]
        found[name] = {
            "accuracy": mean(right),
            "macro-F1": macro_f1(gold, predicted, ANSWERS[answers]),
            "abstained": mean([float(each) for each in silent]),
            "wrong": mean([float(not still and not ok) for still, ok in zip(silent, right, strict=True)]),
            "ECE": calibration.statistics(sure, right)["ECE"],
        }
    if details:
        most = [commonest(gold)] * len(gold)
        found["majority"] = {"accuracy": mean(accuracy(gold, most)), "macro-F1": macro_f1(gold, most, ANSWERS[answers])}
    return found


def _curves(
    suite: DialsSuite, found: Mapping[str, Mapping[str, Statistic]], n: int, draws: Draws
) -> Iterator[dict[str, Any]]:
    for name in (each for each in suite.dials if each != "asides"):
        series: dict[str, list[list[float]]] = {}
        for measure in ("accuracy", "abstained", "wrong"):
            at = {share: f"{name} {share}%" if share < 100 else CLEAN for share in sorted({*suite.shares, 100})}
            series[measure] = [
                [share, of.value, *(of.ci95 or (of.value, of.value))]
                for share, level in at.items()
                if (of := estimate(found[level][measure], n, draws)).value is not None
            ]
        title = f"Answers by the share of {suite.documents} documents that are to the point ({name} for the rest)"
        yield {"name": name, "title": title, "x": "% of documents to the point", "y": "share of questions",
               "diagonal": False, "series": series}  # fmt: skip
