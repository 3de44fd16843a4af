"""Suites: definitions in evaluation/*.yaml, run over real questions, told as one contract object."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from consilience.errors import BadInputError
from consilience.evaluation import report
from consilience.evaluation.answering import answer, kind_of_answers
from consilience.evaluation.bootstrap import LOWER_IS_BETTER, Draws
from consilience.evaluation.datasets import Question, questions, record_id, records
from consilience.evaluation.definition import (
    AnsweringSuite,
    CorpusFile,
    GuidelineChangesSuite,
    Hold,
    LinkingSuite,
    RetrievalSuite,
    Sample,
    ScreeningSuite,
    Suite,
    load_baselines,
    load_suite,
)
from consilience.evaluation.engine import Engine, Temporary, Texts
from consilience.evaluation.guideline_drift import drift
from consilience.evaluation.linking import link
from consilience.evaluation.outcome import Clock, Outcome, measured
from consilience.evaluation.retrieval import ReadTexts, retrieve
from consilience.evaluation.screening import screen

DATA_VARIABLE = "CONSILIENCE_DATA"
_LIBRARIES = ("ir-measures", "numpy", "pytrec-eval-terrier", "rank-bm25")


# These make their cases out of a file, and have neither questions to draw from nor a corpus of their own.
_NO_QUESTIONS = (ScreeningSuite, LinkingSuite, GuidelineChangesSuite)


@dataclass(frozen=True, slots=True)
class Plan:
    """A suite with its files found: nothing in it can be wrong with the call any more."""

    path: Path
    suite: Suite
    data: Path
    data_name: str
    own_data: bool
    corpus: tuple[tuple[CorpusFile, Path], ...]
    sample: Sample | None
    holds: tuple[Hold, ...]


def run(
    suite_path: Path,
    engine: Engine,
    *,
    data: Path | None,
    temporary: Temporary,
    runs: Path,
    limit: int | None = None,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """Runs one suite and returns the contract's evaluate object, with `report`: the folder it was written to.

    `data` takes the place of the suite's own file, and its form is told by its keys; `limit` asks that many
    questions, drawn by seed 0.
    """
    plan = planned(suite_path, data=data, limit=limit)
    started = clock()
    outcome = _outcome(plan, engine, temporary, clock)
    result = _result(plan, outcome, clock() - started)
    folder = report.write(result, outcome.details, runs)
    return {**result, "report": str(folder)}


def planned(suite_path: Path, *, data: Path | None = None, limit: int | None = None) -> Plan:
    """The suite with every file it needs, or the error that names what is missing and what to set."""
    suite, folder = load_suite(suite_path), suite_path.parent
    if data is not None and not data.is_file():
        raise BadInputError("There is no such data file.", where=str(data), expected="a JSON lines file")
    corpus = () if isinstance(suite, _NO_QUESTIONS) else suite.corpus
    baselines = folder / "baselines.yaml"
    holds = load_baselines(baselines).holds if baselines.is_file() else ()
    return Plan(
        path=suite_path,
        suite=suite,
        data=data or found(suite.data, folder),
        data_name=data.name if data else suite.data,
        own_data=data is None,
        corpus=tuple((file, found(file.path, folder)) for file in corpus),
        sample=_sample(suite, limit),
        holds=tuple(hold for hold in holds if hold.suite == suite_path.stem),
    )


def found(name: str, folder: Path) -> Path:
    """A file named in a suite: beside the suite, or under the folder that CONSILIENCE_DATA names."""
    root = os.environ.get(DATA_VARIABLE)
    for place in [folder, *([Path(root)] if root else [])]:
        if (place / name).is_file():
            return place / name
    raise BadInputError(
        f"The data file {name} is not there.",
        where=name,
        expected=f"set {DATA_VARIABLE} to the folder that holds it, or give a file with --data",
    )


def _sample(suite: Suite, limit: int | None) -> Sample | None:
    if isinstance(suite, _NO_QUESTIONS):
        if limit is not None:
            raise BadInputError(f"A {suite.kind} suite has no sample.", where="limit", expected="less in the suite")
        return None
    if limit is None:
        return suite.sample
    if limit < 1:
        raise BadInputError("The limit is too small.", where="limit", expected="at least 1")
    return Sample(n=limit)


def _outcome(plan: Plan, engine: Engine, temporary: Temporary, clock: Clock) -> Outcome:
    suite = plan.suite
    if isinstance(suite, ScreeningSuite):
        return screen(suite, plan.data, engine, clock=clock, draws=_draws(suite))
    if isinstance(suite, LinkingSuite):
        also = {} if plan.own_data is False else {name: found(name, plan.path.parent) for name in suite.also}
        return link(suite, {plan.data_name: plan.data, **also}, clock=clock)
    if isinstance(suite, GuidelineChangesSuite):
        return drift(suite, plan.data, clock=clock)
    usable, warnings = _usable(plan, suite)
    asked = _drawn(usable, plan.sample)
    with _corpus(plan, engine, temporary) as (tried, texts):
        if isinstance(suite, RetrievalSuite):
            return retrieve(suite, asked, tried, texts=texts, clock=clock).warned(warnings)
        # Told from the whole file: a small sample may hold no maybe.
        answers = suite.answers or kind_of_answers(usable)
        return answer(suite, asked, tried, answers=answers, clock=clock).warned(warnings)


def _usable(plan: Plan, suite: RetrievalSuite | AnsweringSuite) -> tuple[list[Question], list[str]]:
    """The questions this suite can score, and how many it cannot."""
    everything = questions(plan.data, suite.format if plan.own_data else None)
    if isinstance(suite, RetrievalSuite):
        kept, lack = [question for question in everything if question.has_relevant], "relevant document"
    else:
        kept, lack = [question for question in everything if question.answer or question.verdict], "answer or verdict"
    if not kept:
        raise BadInputError(f"No question has a known {lack}.", where=plan.data.name, expected=f"a {lack} a line")
    left_out = len(everything) - len(kept)
    warnings = [f"{left_out} questions left out: no known {lack}"] if left_out else []
    return kept, warnings


def _drawn(kept: list[Question], sample: Sample | None) -> list[Question]:
    if sample is None or sample.n >= len(kept):
        return kept
    places = np.random.default_rng(sample.seed).choice(len(kept), size=sample.n, replace=False)
    return [kept[place] for place in sorted(places)]


@contextmanager
def _corpus(plan: Plan, engine: Engine, temporary: Temporary) -> Iterator[tuple[Engine, ReadTexts | None]]:
    """The engine to try and its texts: the current home's, or a throw-away one over the suite's own corpus."""
    if not plan.corpus:
        yield engine, engine.texts if isinstance(engine, Texts) else None
        return
    with TemporaryDirectory(prefix="consilience-") as folder:
        path = _one_file(plan, Path(folder))
        with temporary(path) as own:
            yield own, lambda: ((record_id(row), _text(row)) for row in records(path, "records"))


def _one_file(plan: Plan, folder: Path) -> Path:
    """The corpus as one file of records; of two records with one id the first counts."""
    path = folder / f"{plan.path.stem}.jsonl"
    seen: set[str] = set()
    with path.open("w", encoding="utf-8") as stream:
        for file, source in plan.corpus:
            for row in records(source, file.format):
                name = record_id(row)
                if not name or name not in seen:
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                seen.add(name)
    return path


def _text(row: Mapping[str, Any]) -> str:
    return f"{row.get('title') or ''} {row.get('abstract') or ''}"


def _result(plan: Plan, outcome: Outcome, seconds: float) -> dict[str, Any]:
    measures, baselines = measured(outcome, _draws(plan.suite))
    result: dict[str, Any] = {
        "suite": plan.path.stem,
        "data": plan.data_name,
        "n": outcome.n,
        "system": outcome.main.name,
        "measures": measures,
        "baselines": baselines,
        "groups": dict(outcome.groups),
        "skipped": dict(outcome.skipped),
        "warnings": list(outcome.warnings),
        "provenance": _provenance(plan, outcome),
        "usage": _usage(outcome, seconds),
    }
    result["holds"] = [_checked(hold, result, own_data=plan.own_data) for hold in plan.holds]
    return result


def _provenance(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {
        "suite_sha256": file_sha256(plan.path),
        "data_sha256": file_sha256(plan.data),
        "corpus_sha256": {file.path: file_sha256(path) for file, path in plan.corpus},
        "bootstrap": plan.suite.bootstrap.model_dump(),
        "sample": plan.sample.model_dump() if plan.sample else None,
        "libraries": {name: version(name) for name in _LIBRARIES},
        **outcome.provenance,
    }


def _usage(outcome: Outcome, seconds: float) -> dict[str, Any]:
    each = {system.name: round(system.seconds / system.calls, 4) for system in outcome.systems if system.calls}
    return {"seconds": round(seconds, 3), "seconds_per_question": each}


def _checked(hold: Hold, result: Mapping[str, Any], *, own_data: bool) -> dict[str, Any]:
    """Whether a number to hold is held; None when other questions were asked, or when it was not measured."""
    figures = {result["system"]: result["measures"], **result["baselines"]}
    now = figures.get(hold.system, {}).get(hold.measure, {}).get("value")
    comparable = own_data and now is not None and result["n"] == hold.n
    worse = 0.0 if now is None else (now - hold.value) * (1 if hold.measure in LOWER_IS_BETTER else -1)
    return {
        "system": hold.system,
        "measure": hold.measure,
        "value": hold.value,
        "tolerance": hold.tolerance,
        "found": now,
        "held": worse <= hold.tolerance + 1e-9 if comparable else None,
    }


def _draws(suite: Suite) -> Draws:
    return Draws(suite.bootstrap.resamples, suite.bootstrap.seed)


def file_sha256(path: Path) -> str:
    """Lower-case hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def suites(folder: Path) -> Sequence[str]:
    """The names of the suites defined in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != "baselines")
