"""A report computed again from its own details: figures, intervals, tests, and the hash it is named by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from consilience.errors import BadInputError, StoreDamagedError
from consilience.evaluation import (
    answering,
    claims,
    dials,
    distraction,
    exact,
    outdated,
    report,
    retrieval,
    sentences,
    stages,
)
from consilience.evaluation.bootstrap import Draws, Statistic
from consilience.evaluation.datasets import rows
from consilience.evaluation.definition import (
    AnsweringSuite,
    ClaimsSuite,
    DialsSuite,
    DistractionSuite,
    ExactSuite,
    OutdatedSuite,
    RetrievalSuite,
    SentencesSuite,
    StagesSuite,
    Suite,
)
from consilience.evaluation.made import code
from consilience.evaluation.outcome import Outcome, Scored, measured
from consilience.records import sha256

_SUITE: TypeAdapter[Suite] = TypeAdapter(Suite)
# The figures of a report, in the order in which a reader would miss them.
_FIGURES = ("measures", "baselines", "pairs", "stages")

Details = Sequence[dict[str, Any]]


def check(folder: Path) -> dict[str, Any]:
    """The report's object with `checked`: how many figures its details give again; a contradiction is an error.

    So is a page that says something else than the report. Of suites whose questions are not kept one by one only the
    hashes are held.
    """
    told = _report(folder)
    details = list(rows(folder / "details.jsonl")) if (folder / "details.jsonl").is_file() else []
    if folder.name != report.name_of(told):
        raise _contradicts("the report is not the one its folder is named by", folder)
    if told["provenance"].get("details_sha256") != sha256(report.lines(details)):
        raise _contradicts("the details are not those of the report", folder)
    found = _again(told, details, _suite(told, folder))
    for key, again in found.items():
        if (place := next(_differ(told[key], again, key), None)) is not None:
            raise _contradicts(f"the details give another {place}", folder)
    _read_alike(folder, told)
    return {**told, "checked": sum(_count(of) for of in found.values())}


def _report(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise BadInputError(
            "There is no report to be read.", where=folder.name, expected="a folder of evaluation/runs"
        ) from failure
    if not isinstance(told, dict) or not {"suite", "provenance", *_FIGURES} <= told.keys():
        raise BadInputError("This is no report of an evaluation.", where=folder.name, expected="report.json")
    return told


def _read_alike(folder: Path, told: Mapping[str, Any]) -> None:
    """Hold the pages that people read to the report, where this very code wrote them; pictures are as they stand."""
    if told["provenance"].get("code") != code():
        return
    pictures = report.pictures_in(folder)
    ways = [report.pages(told, pictures, could_draw=could) for could in {True, bool(pictures)}]
    for name in ("report.md", "index.html"):
        there = folder / name
        if not there.is_file() or there.read_text(encoding="utf-8") not in [way[name] for way in ways]:
            raise _contradicts(f"{name} does not say what the report says", folder)


def _suite(told: Mapping[str, Any], folder: Path) -> Suite:
    try:
        return _SUITE.validate_python(told["provenance"].get("definition"))
    except ValidationError:
        raise BadInputError(
            "The report's suite is of a form that this version does not read.", where=folder.name,
            expected="a report of this version; evaluate again",
        ) from None  # fmt: skip


def _again(told: Mapping[str, Any], details: Details, suite: Suite) -> dict[str, Any]:
    """Every figure that the details give."""
    draws = Draws(suite.bootstrap.resamples, suite.bootstrap.seed)
    found: dict[str, Any] = {}
    if isinstance(suite, RetrievalSuite):
        systems = retrieval.statistics(details, suite.measures)
    elif isinstance(suite, AnsweringSuite):
        systems = answering.statistics(details, told["provenance"]["answers"])
    elif isinstance(suite, ExactSuite):
        systems = exact.statistics(details)
    elif isinstance(suite, ClaimsSuite):
        systems = claims.statistics(details)
    elif isinstance(suite, DialsSuite):
        systems = dials.statistics(details, told["provenance"]["answers"])
    elif isinstance(suite, OutdatedSuite):
        systems = outdated.statistics(details)
    elif isinstance(suite, SentencesSuite):
        systems = sentences.statistics(details)
    elif isinstance(suite, DistractionSuite):
        systems = distraction.statistics(details)
    elif isinstance(suite, StagesSuite):
        values = stages.by_set(details, suite.measure)
        systems = {name: {suite.measure: stages.pooled(own)} for name, own in values.items()}
        sides = [stages.Sides.of(side) for side in told["provenance"]["sides"]]
        found["stages"] = stages.table(sides, values, draws)
    else:
        return {}
    again = measured(_outcome(told, systems, told["n"]), draws)
    return {"measures": again.measures, "baselines": again.baselines, "pairs": again.pairs, **found}


def _outcome(told: Mapping[str, Any], systems: Mapping[str, Mapping[str, Statistic]], n: int) -> Outcome:
    # JSON sorts its keys: the order of systems and measures is the report's own.
    names = [told["system"], *dict.fromkeys(pair["over"] for pair in told["pairs"] if pair["system"] == told["system"])]
    names += [name for name in systems if name not in names]
    measures = list(dict.fromkeys(pair["measure"] for pair in told["pairs"]))
    return Outcome(n, tuple(Scored(name, _ordered(systems[name], measures)) for name in names if name in systems))


def _ordered(statistics: Mapping[str, Statistic], measures: Sequence[str]) -> dict[str, Statistic]:
    return {name: statistics[name] for name in [*measures, *statistics] if name in statistics}


def _differ(told: Any, again: Any, place: str) -> Iterator[str]:
    """Where two figures differ by more than the last place they are told to."""
    if isinstance(told, Mapping) and isinstance(again, Mapping):
        for key in dict.fromkeys((*told, *again)):
            yield from _differ(told.get(key), again.get(key), f"{place} {key}")
    elif isinstance(told, list | tuple) and isinstance(again, list | tuple) and len(told) == len(again):
        for at, (one, other) in enumerate(zip(told, again, strict=True)):
            yield from _differ(one, other, f"{place} {at}")
    elif isinstance(told, float) and isinstance(again, float):
        if abs(told - again) > 2e-6:
            yield place
    elif told != again:
        yield place


def _count(of: Any) -> int:
    """How many numbers there are."""
    if isinstance(of, Mapping):
        return sum(map(_count, of.values()))
    if isinstance(of, list | tuple):
        return sum(map(_count, of))
    return int(isinstance(of, float | int) and not isinstance(of, bool))


def _contradicts(message: str, folder: Path) -> StoreDamagedError:
    return StoreDamagedError(message, where=folder.name, expected="a report as it was written; evaluate again")
