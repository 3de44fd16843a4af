"""A linking suite: damaged copies and near neighbours of real records among real ones; which are taken for one?

Records go through the same facts, fold, keys and links as a home's. Their PMIDs are taken away first, so that only
what a record says of itself can tell. Half of a file's records, told by a hash of their ids, is for development.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consilience import home
from consilience.corpora import duplicates, fold, keys, links, pubmed, recordfiles, snapshot, studies, trials
from consilience.corpora.store import SHARDS, Store
from consilience.corpora.units import Linked, Units
from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Statistic, ratio
from consilience.evaluation.damage import NEIGHBOURS, OF_ONE_STUDY, copied, neighbour, stripped
from consilience.evaluation.definition import LinkingSuite
from consilience.evaluation.outcome import Clock, Outcome, Scored
from consilience.records import Record, shard_of

_KNOWN = datetime(2000, 1, 1, tzinfo=UTC)
_FOREVER, _LAST_DAY = 2**62, 10**6
# How authors write one number; the last digits are those of the record.
_NOTATIONS = ("Trial registration: {0}.", "({1} {2})", "Registered as {1}-{2}.", "ClinicalTrials.gov number, {0}.",
              "registration no. {1}: {2}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One record of the pool: what it is a copy of, and which study it is of, if of another record's."""

    record: Record
    origin: str = ""
    study: str = ""
    marks: tuple[str, ...] = ()


@dataclass
class Found:
    """What one system joined: for each record the others it takes for the same document, and its study."""

    same: Mapping[str, set[str]] = field(default_factory=dict)
    study: Mapping[str, set[str]] = field(default_factory=dict)


def link(suite: LinkingSuite, paths: Mapping[str, Path], *, clock: Clock) -> Outcome:
    """Makes the pool of each file, lets every system link it, and scores them record by record."""
    cases: list[Case] = []
    found: dict[str, Found] = {name: Found({}, {}) for name in ("rules", "exact_doi", "exact_title")}
    seconds = 0.0
    for place, (name, path) in enumerate(paths.items()):
        own = list(_pool(suite, name, path, random.Random(suite.seed + place)))  # noqa: S311
        start = clock()
        units = _linked([case.record for case in own])
        seconds += clock() - start
        found["rules"] = _merged(found["rules"], _by_rules(units, own))
        for system, key in (("exact_doi", _doi), ("exact_title", _exact)):
            found[system] = _merged(found[system], _by_key(own, key))
        cases += own
    if not any(case.origin for case in cases):
        raise BadInputError("No record of the file can be copied.", where="data", expected="records with titles")
    systems = tuple(
        Scored(
            name, _statistics(cases, what), len(cases) if name == "rules" else 0, seconds if name == "rules" else 0.0
        )
        for name, what in found.items()
    )
    return Outcome(
        len(cases), systems, details=tuple(_details(cases, found["rules"])), groups=_groups(cases, found["rules"]),
        provenance={"seed": suite.seed, "half": suite.half, "linking": [keys.VERSION, duplicates.VERSION,
                                                                        studies.VERSION]},
    )  # fmt: skip


# ---------------------------------------------------------------- the pool


def _pool(suite: LinkingSuite, name: str, path: Path, chance: random.Random) -> Iterator[Case]:
    usable = [r for r in _records(path) if shard_of(r.id, 2) == (suite.half == "final")]
    chance.shuffle(usable)
    kept = usable[: suite.records]
    titled = [r for r in kept if len(r.fields.get("title", "")) >= suite.shortest_title or r.fields.get("abstract")]
    copies, rest = titled[: suite.copies], titled[suite.copies :]
    for record in kept:
        yield Case(stripped(record, f"{name}/{record.id}"))
    for record in copies:
        made, done = copied(record, f"{name}/copy/{record.id}", chance)
        yield Case(made, origin=f"{name}/{record.id}", marks=done)
    near = [r for r in rest if len(r.fields.get("title", "")) >= suite.shortest_title]
    for number, record in enumerate(near[: suite.neighbours]):
        kind = list(NEIGHBOURS)[number % len(NEIGHBOURS)]
        made = neighbour(record, kind, f"{name}/{kind}/{record.id}", chance)
        yield Case(made, study=f"{name}/{record.id}" if kind in OF_ONE_STUDY else "", marks=(kind,))
    yield from _registered(suite, name, kept, chance)


def _registered(suite: LinkingSuite, name: str, kept: Sequence[Record], chance: random.Random) -> Iterator[Case]:
    """Companions of records that name one trial: another record's text with the number in another notation."""
    texts = [r for r in kept if r.fields.get("abstract") and not trials.numbers_in(r.fields["abstract"])]
    named = [(r, n) for r in kept for n in [trials.numbers_in(" ".join(r.fields.values()))] if len(n) == 1]
    for (record, (number,)), other in zip(named[: suite.neighbours], reversed(texts), strict=False):
        said = re.fullmatch(r"([A-Z]+)(\d+)", number)
        if said:
            told = chance.choice(_NOTATIONS).format(number, *said.groups())
            fields = {"title": f"Further results, series {other.id}",
                      "abstract": f"{chance.choice(_LEADS)} {told}"}  # fmt: skip
            made = replace_fields(stripped(other, f"{name}/registered/{record.id}"), fields)
            yield Case(made, study=f"{name}/{record.id}", marks=("registration",))


_LEADS = (
    "We followed the participants for two more years.",
    "Costs were compared in a sample.",
    "Quality of life rose.",
)


def replace_fields(record: Record, fields: Mapping[str, str]) -> Record:
    """The same record with other words, none of its DOI, people or place."""
    return Record(id=record.id, source="records", fields=fields, events=record.events)


def _records(path: Path) -> list[Record]:
    read = pubmed.read if path.name.endswith((".xml", ".xml.gz")) else recordfiles.read
    found = {item.id: item for item in read(path) if isinstance(item, Record) and any(item.fields.values())}
    return [found[name] for name in sorted(found)]


# ---------------------------------------------------------------- systems


def _linked(records: Iterable[Record]) -> Units:
    """The units that a home loaded with these records would have."""
    with TemporaryDirectory(prefix="consilience-") as folder:
        store = Store(home.init(Path(folder) / "home"))
        store.commit("records", Path("pool"), records, known_at=_KNOWN, order=None, reader="linking", digest="pool")
        commits = store.commits()
        fold.build(store, commits, range(SHARDS))
        table = links.build(store, commits, snapshot.history(store, commits))
        return Linked(table).units(_FOREVER, _LAST_DAY, explicit=False)


def _by_rules(units: Units, cases: Sequence[Case]) -> Found:
    names = [case.record.id for case in cases]
    return Found(
        {name: {other for other, _ in units.duplicates_of(name)} for name in names},
        {name: {other for other, _ in units.study_members(name)} for name in names},
    )


def _by_key(cases: Sequence[Case], key: Any) -> Found:
    groups: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        if text := key(case.record):
            groups[text].add(case.record.id)
    same = {name: group - {name} for group in groups.values() for name in group}
    return Found(same, same)


def _doi(record: Record) -> str:
    return record.doi


def _exact(record: Record) -> str:
    return re.sub(r"[\W_]+", " ", record.fields.get("title", "").lower()).strip()


def _merged(a: Found, b: Found) -> Found:
    return Found({**a.same, **b.same}, {**a.study, **b.study})


# ---------------------------------------------------------------- scores


def _statistics(cases: Sequence[Case], found: Found) -> dict[str, Statistic]:
    """Shares of the records: copies joined to their origin, others joined to nothing else; likewise for studies."""
    truth = _truth(cases)
    same = [(bool(c.origin), c.origin in found.same.get(c.record.id, ())) for c in cases]
    alone = [not found.same.get(c.record.id, set()) - truth[c.record.id][0] for c in cases]
    study = [(bool(c.study), c.study in found.study.get(c.record.id, ())) for c in cases]
    apart = [not found.study.get(c.record.id, set()) - truth[c.record.id][1] for c in cases]
    every = [1.0] * len(cases)
    return {
        "sensitivity": ratio([a and b for a, b in same], [a for a, _ in same]),
        "specificity": ratio(alone, every),
        "neighbour_specificity": ratio([_is_near(c) and ok for c, ok in zip(cases, alone, strict=True)],
                                       [_is_near(c) for c in cases]),
        "study_sensitivity": ratio([a and b for a, b in study], [a for a, _ in study]),
        "study_specificity": ratio(apart, every),
    }  # fmt: skip


def _is_near(case: Case) -> bool:
    return bool(case.marks) and not case.origin


def _truth(cases: Sequence[Case]) -> dict[str, tuple[set[str], set[str]]]:
    """For each record the others that are the same document, and those of the same study."""
    same: dict[str, set[str]] = defaultdict(set)
    study: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        same[case.origin or case.record.id].add(case.record.id)
        study[_study(case)].add(case.record.id)
    numbered: dict[str, set[str]] = defaultdict(set)
    for case in cases:  # real papers that name one trial are of one study
        for number in trials.numbers_in(" ".join(case.record.fields.values())):
            numbered[number] |= study[_study(case)]
    return {
        case.record.id: (
            same[case.origin or case.record.id],
            study[_study(case)].union(*(
                numbered[n] for n in trials.numbers_in(" ".join(case.record.fields.values()))
            )),
        )
        for case in cases
    }  # fmt: skip


def _study(case: Case) -> str:
    return case.study or case.origin or case.record.id


def _groups(cases: Sequence[Case], found: Found) -> dict[str, Any]:
    """Each damage's sensitivity and each neighbour's specificity and study sensitivity, with Wilson's intervals."""
    truth = _truth(cases)
    tallies: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    dois = {case.record.id: case.record.doi for case in cases}
    for case in cases:
        name, ours = case.record.id, truth[case.record.id]
        # One DOI joins two records whatever else was done to them: the rest is the harder half.
        alone = (
            ("no common DOI",)
            if case.origin and not (dois[case.origin] and case.record.doi == dois[case.origin])
            else ()
        )
        for mark in (*case.marks, *alone):
            if case.origin:
                tallies[mark]["sensitivity"].append(case.origin in found.same.get(name, ()))
            else:
                tallies[mark]["specificity"].append(not found.same.get(name, set()) - ours[0])
                if case.study:
                    tallies[mark]["study_sensitivity"].append(case.study in found.study.get(name, ()))
    return {
        mark: {measure: {"value": round(sum(hits) / len(hits), 6), "ci95": wilson(sum(hits), len(hits)), "n": len(hits)}
               for measure, hits in of.items()}
        for mark, of in sorted(tallies.items())
    }  # fmt: skip


def wilson(hits: int, n: int) -> list[float]:
    """Wilson's 95 % interval of a share, which is of use where nearly all are right."""
    z = 1.959964
    middle, spread = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return [round((middle - spread) / (n + z * z), 6), round((middle + spread) / (n + z * z), 6)]


def _details(cases: Sequence[Case], found: Found) -> Iterator[dict[str, Any]]:
    """The records that came out wrong, and how many there were of each sort."""
    truth = _truth(cases)
    yield {"id": "counts", **Counter("copy" if c.origin else "neighbour" if c.marks else "record" for c in cases)}
    for case in cases:
        name = case.record.id
        wrong = sorted(found.same.get(name, set()) - truth[name][0])
        astray = sorted(found.study.get(name, set()) - truth[name][1])
        missed = case.origin and case.origin not in found.same.get(name, ())
        parted = case.study and case.study not in found.study.get(name, ())
        if wrong or astray or missed or parted:
            yield {"id": name, "marks": list(case.marks), "wrong": wrong, "astray": astray,
                   "missed": case.origin if missed else None, "parted": case.study if parted else None}  # fmt: skip
