"""Outdated advice: is what a guideline says today endorsed, and what it no longer says rejected?

Each recommendation is the newest version of its guideline; copies changed by rule, along the five dimensions of
DriftMedQA (arXiv 2505.07968), are the versions it superseded. A home that knows time is asked beside a naive one, which
takes all of them for advice in force.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consilience.corpora.guidelines.kinds import KINDS
from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, Statistic, estimate, ratio
from consilience.evaluation.definition import OutdatedSuite
from consilience.evaluation.engine import Engine, Grounded, Temporary, attempt
from consilience.evaluation.guideline_drift import Perturbed, english, perturbed
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, timed
from consilience.reasoning import verify_claim

SYSTEMS = ("time_aware", "naive")
_ISSUER, _FIRST = "Drift", date(2001, 1, 1)
_MEASURES = ("ECDA_all", "ECDA_adh", "ECDA_rej", "refuted", "IKCR")
# What would say yes to whatever it is told, and what would say no.
_TRIVIAL = {"endorses_all": ("supported", "supported"), "rejects_all": ("refuted", "refuted")}


@dataclass(frozen=True, slots=True)
class Pair:
    """A recommendation in force, the same as it is said to have stood before, and where both lie in either home."""

    case: Perturbed
    number: int  # among the changes of its recommendation, from 1
    changes: int  # how many its recommendation has

    @property
    def current(self) -> str:
        """The id of the recommendation in force."""
        return f"GL:{_ISSUER}/{self.case.base}/1@{self.changes + 1}"

    def outdated(self, system: str) -> str:
        """The id of the copy: an earlier version, or by itself another guideline."""
        if system == "naive":
            return f"GL:{_ISSUER}/{self.case.base}-{self.number}/1@1"
        return f"GL:{_ISSUER}/{self.case.base}/1@{self.number}"


def outdate(suite: OutdatedSuite, path: Path, temporary: Temporary, *, clock: Clock) -> Outcome:
    """Asks of every pair what is endorsed; the questions, resampled, are the recommendations."""
    texts = english(path)
    pairs = _pairs([case for case in perturbed(texts) if case.rule.wording in suite.wordings])
    if not pairs:
        raise BadInputError(f"No rule fits a recommendation of {path.name}.", where=path.name,
                            expected="recommendations in English")  # fmt: skip
    said: dict[str, list[dict[str, Any]]] = {}
    cost: dict[str, Replies] = {}
    for system in SYSTEMS:
        with _home(_lines(pairs, system), temporary) as home:
            if not isinstance(home, Grounded):
                raise BadInputError("This engine hands out no ground.", where=suite.kind, expected="a home")
            cost[system] = timed(system, (_call(home, pair, system) for pair in pairs), clock)
            said[system] = cost[system].values
    details = tuple(
        {"id": f"{pair.case.base}-{pair.number}", "base": pair.case.base, "dimension": pair.case.rule.kind,
         "wording": pair.case.rule.wording, "current": pair.case.before, "outdated": pair.case.after,
         "verdicts": {**{name: [said[name][at]["current"], said[name][at]["outdated"]] for name in SYSTEMS},
                      **{name: list(of) for name, of in _TRIVIAL.items()}}}
        for at, pair in enumerate(pairs)
    )  # fmt: skip
    found = statistics(details)
    n = len({detail["base"] for detail in details})
    systems = tuple(Scored(name, of, len(pairs), cost[name].seconds, cost[name].times) if name in cost
                    else Scored(name, of) for name, of in found.items())  # fmt: skip
    return Outcome(n, systems, details, groups=_groups(details, Draws(suite.bootstrap.resamples, suite.bootstrap.seed)),
                   warnings=_warnings(suite, path, details), provenance={"pairs": len(pairs)})  # fmt: skip


def _pairs(cases: Sequence[Perturbed]) -> list[Pair]:
    """Each case numbered among those of its recommendation; of equal copies one."""
    of_base: dict[int, dict[str, Perturbed]] = defaultdict(dict)
    for case in cases:
        of_base[case.base].setdefault(case.after, case)
    return [Pair(case, number, len(own)) for own in of_base.values() for number, case in enumerate(own.values(), 1)]


def _lines(pairs: Sequence[Pair], system: str) -> Iterator[dict[str, Any]]:
    """The guidelines of one home: versions that follow one another, or each copy a guideline of its own in force."""
    for pair in pairs:
        if pair.number == pair.changes:
            yield _line(str(pair.case.base), pair.changes + 1, pair.case.before, "current")
        if system == "naive":
            yield _line(f"{pair.case.base}-{pair.number}", 1, pair.case.after, "current")
        else:
            yield _line(str(pair.case.base), pair.number, pair.case.after, "superseded")


def _line(guideline: str, version: int, text: str, status: str) -> dict[str, Any]:
    # The title tells nothing: a document is about the claim by its words alone.
    return {"issuer": _ISSUER, "guideline": guideline, "title": f"Guideline {guideline}", "jurisdiction": "XX",
            "version": str(version), "status": status, "published": (_FIRST + timedelta(days=version)).isoformat(),
            "recommendation": "1", "text": text,
            **({"supersedes": str(version - 1)} if version > 1 else {})}  # fmt: skip


@contextmanager
def _home(lines: Iterator[dict[str, Any]], temporary: Temporary) -> Iterator[Engine]:
    with TemporaryDirectory(prefix="consilience-") as folder:
        path = Path(folder) / "guidelines.jsonl"
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
        with temporary(path, kind="guidelines") as home:
            yield home


def _call(home: Grounded, pair: Pair, system: str) -> Callable[[], dict[str, Any]]:
    against = [pair.current, pair.outdated(system)]

    def said(text: str) -> str:
        reply = attempt(lambda: verify_claim(text, home.ground(), against=against))
        return str(reply.get("verdict", "failed"))

    return lambda: {"current": said(pair.case.before), "outdated": said(pair.case.after)}


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say; recommendations weigh by their pairs.

    ECDA_adh: advice in force is endorsed; ECDA_rej: outdated advice is not; ECDA_all: both; IKCR: both are endorsed.
    `refuted`: outdated advice is not merely unsupported, but contradicted.
    """
    bases = list(dict.fromkeys(detail["base"] for detail in details))
    place = {base: at for at, base in enumerate(bases)}
    return {name: _of(name, details, place) for name in (details[0]["verdicts"] if details else ())}


def _of(name: str, details: Sequence[Mapping[str, Any]], place: Mapping[int, int]) -> dict[str, Statistic]:
    hits = {measure: [0.0] * len(place) for measure in _MEASURES}
    tries = [0.0] * len(place)
    for detail in details:
        tries[place[detail["base"]]] += 1
        for measure, holds in _told(*detail["verdicts"][name]).items():
            hits[measure][place[detail["base"]]] += holds
    return {measure: ratio(own, tries) for measure, own in hits.items()}


def _told(current: str, outdated: str) -> dict[str, bool]:
    endorsed, kept = current == "supported", outdated == "supported"
    return {"ECDA_all": endorsed and not kept, "ECDA_adh": endorsed, "ECDA_rej": not kept and outdated != "failed",
            "refuted": outdated == "refuted", "IKCR": endorsed and kept}  # fmt: skip


def _groups(details: Sequence[Mapping[str, Any]], draws: Draws) -> dict[str, Any]:
    """The time-aware home's figures by dimension, then by how the change is worded."""
    found: dict[str, Any] = {}
    for key, values in (("dimension", KINDS), ("wording", dict.fromkeys(d["wording"] for d in details))):
        for value in values:
            own = [detail for detail in details if detail[key] == value]
            if own:
                n = len({detail["base"] for detail in own})
                of = statistics(own)[SYSTEMS[0]]
                found[f"{value} ({len(own)})"] = {name: estimate(each, n, draws).as_json() for name, each in of.items()}
    return found


def _warnings(suite: OutdatedSuite, path: Path, details: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    failed = sum("failed" in detail["verdicts"][SYSTEMS[0]] for detail in details)
    foreign = not suite.data.endswith(path.name)
    told = "the rules were written beside the sample's recommendations; on other ones fewer of them apply"
    return (*((told,) if foreign else ()), *((f"{failed} pairs failed and count against it",) if failed else ()))
