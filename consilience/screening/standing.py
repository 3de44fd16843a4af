"""How a review stands: its counts, who judged how much, where reviewers agree or not, whether its ledger is sound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.clocks import Clock
from consilience.errors import BadInputError, StoreDamagedError
from consilience.screening import ending
from consilience.screening.ahead import remaining
from consilience.screening.deciding import stage_of
from consilience.screening.ledger import Entry, damaged
from consilience.screening.protocol import STAGES, Stage, from_words, read_protocol
from consilience.screening.shelf import digest_of, is_hash
from consilience.screening.state import DECISIONS, Decision, Imported, State
from consilience.screening.workflow import agreement, first_judgements

if TYPE_CHECKING:
    from consilience.screening.review import Review


def made(
    folder: Path, protocol: Path | None, *, question: str | None, title: str, reviewers: Sequence[str], mode: str,
    now: Clock,
) -> Review:  # fmt: skip
    """A new review, by a protocol in YAML or by a question alone."""
    from consilience.screening.review import Review

    if (protocol is None) == (question is None):
        raise BadInputError(
            "one of the two is needed", where="screen new", expected="--protocol FILE, or --question TEXT"
        )
    if protocol is not None:
        if title or reviewers or mode != "single":
            raise BadInputError("the protocol says that", where="screen new", expected="--protocol FILE alone")
        found = read_protocol(protocol)
        return Review.create(folder, found, now=now, written=protocol.read_text(encoding="utf-8-sig"))
    return Review.create(folder, from_words(question or "", title=title, reviewers=reviewers, mode=mode), now=now)


def status(review: Review) -> dict[str, Any]:
    """The `screen status` object."""
    state, protocol = review.state, review.protocol
    return {
        "title": protocol.title, "mode": protocol.mode, "reviewers": list(protocol.reviewers),
        "protocol": {"digest": protocol.digest, "version": protocol.version, "versions": len(state.protocols)},
        "records": len(state.places), "duplicates": state.duplicates, "units": state.count_units(),
        "imports": [_imported(each) for each in state.imports],
        "stages": {stage: {"units": len(state.units(stage)), **state.counts(stage)} for stage in STAGES},
        "reasons": state.reasons(), "judged": [row for stage in STAGES for row in judged(state, stage)],
        "agreement": [row for stage in STAGES for row in agreed(state, stage)],
        "ranked": _ranked(state.ranks[-1], state) if state.ranks else None, "stop": ending.told(review),
        "flags": [flag_json(state, id) for id in sorted(state.flags)],
        "updates": len(state.updates), "ledger": {"seq": state.seq, "sha256": state.head},
        "warnings": [*_cautions(review), *review.edited(), *review.told()],
    }  # fmt: skip


def judged(state: State, stage: Stage) -> list[dict[str, Any]]:
    """How much each reviewer has judged at a stage, and what waits for him; by name.

    What he decided is counted only where the record is settled: else the counts would tell the other reviewer.
    """
    found: dict[str, Counter[str]] = {}
    kinds: dict[str, str] = {}
    for id in state.decided(stage):
        for name, decision in state.decisions(id, stage).items():
            waits = state.outcome(id, stage).result == "pending"
            found.setdefault(name, Counter())["waiting" if waits else decision.decision] += 1
            kinds[name] = decision.actor["type"]
    known = state.protocol.reviewers if state.protocol else ()
    names = dict.fromkeys([*known, *sorted(found)])
    return [
        {"stage": stage, "reviewer": name, "type": kinds.get(name, "person"),
         **{word: found.get(name, Counter())[word] for word in (*DECISIONS, "waiting")},
         "remaining": remaining(state, name, stage)}
        for name in names
    ]  # fmt: skip


def agreed(state: State, stage: Stage) -> list[dict[str, Any]]:
    """How far each two reviewers agree at a stage, from their first judgements."""
    units = [found for id in state.decided(stage) if len(found := first_judgements(state.history(id, stage))) > 1]
    names = sorted({name for unit in units for name in unit})
    pairs = (agreement(a, b, units) for a, b in combinations(names, 2))
    return [{"stage": stage, **each.as_json()} for each in pairs if each.records]


def conflicts(review: Review, stage: str) -> dict[str, Any]:
    """The `screen conflicts` object; only records that both have judged are in conflict, so nothing is given away."""
    at, state = stage_of(stage), review.state
    rows = []
    for id in state.conflicts(at):
        record = review.records()[id]
        made = sorted(state.decisions(id, at).values(), key=lambda decision: decision.reviewer)
        rows.append({"id": id, "title": record.get("title") or "", "decisions": [told(each) for each in made]})
    return {"stage": at, "rows": rows, "warnings": [*review.edited(), *review.told()]}


def duplicates(review: Review) -> dict[str, Any]:
    """The `screen duplicates` object; what is `possible` alone, papers of one trial in one year, is never merged."""
    from consilience.screening import dedup

    state, shelf = review.state, review.records()
    rows = [
        {"master": master, "title": str(shelf[master].get("title") or ""),
         "members": [{"id": id, "basis": state.basis_of(id)} for id in members[1:]]}
        for master, members in sorted(state.clusters.items(), key=lambda item: state.places[item[0]])
    ]  # fmt: skip
    units = [record for record in shelf.all() if state.master_of(record["id"]) == record["id"]]
    possible = [{"a": pair.a, "b": pair.b, "basis": pair.basis} for pair in dedup.flags(units)
                if not {(pair.a, pair.b), (pair.b, pair.a)} & state.apart]  # fmt: skip
    return {"rows": rows, "possible": possible, "records": len(state.places), "duplicates": state.duplicates,
            "warnings": review.told()}  # fmt: skip


def told(made: Decision) -> dict[str, Any]:
    """One decision as an object."""
    return {
        "reviewer": made.reviewer, "decision": made.decision, "reason": made.reason, "criterion": made.criterion,
        "quote": dict(made.quote) if made.quote else None, "at": made.at, "protocol": made.protocol, "seq": made.seq,
    }  # fmt: skip


def flag_json(state: State, id: str) -> dict[str, Any]:
    """A flagged record: what befell its document, and what was decided on it before."""
    flag = state.flags[id]
    results = {stage: state.outcome(id, stage).result for stage in STAGES}
    return {"id": id, "document": flag.document, "status": flag.status, "since": flag.since, "notice": flag.notice,
            "outcomes": results}  # fmt: skip


def proven(review: Review, head: str | None) -> dict[str, Any]:
    """The `screen ledger` object of a sound review; the first fault is an error that says how to repair it."""
    if head is not None and not re.fullmatch("[0-9a-f]{8,64}", head.strip().lower()):
        raise BadInputError("that is no hash", where="--head", expected="the hash of an entry, or its first 8 digits")
    faults = review.ledger.verify(head=head.strip().lower() if head else None)
    if faults:
        raise damaged(review.ledger.path, faults[0])
    state = review.reload()
    review.records().check()
    broken = [fault for each in state.imports if (fault := _raw_fault(review, each))]
    if broken:
        raise StoreDamagedError(broken[0], where="imports", expected="put the file back from a copy; its "
                                "name is the SHA-256 of its content")  # fmt: skip
    kinds = Counter(entry.kind for entry in review.ledger.entries())
    return {"entries": state.seq, "head": state.head, "kinds": dict(sorted(kinds.items())), "files": len(state.imports),
            "machines": _machines(state), "warnings": review.told()}  # fmt: skip


def _raw_fault(review: Review, each: Imported) -> str | None:
    found = sorted((review.folder / "imports").glob(f"{each.raw}*")) if is_hash(each.raw) else []
    if not found:
        return f"imports/{each.raw}, the export {each.file}, is missing"
    return None if digest_of(found[0]) == each.raw else f"imports/{found[0].name} is not what its name says"


def _machines(state: State) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "type": type_, "name": name, "version": version, "entries": count}
        for (kind, type_, name, version), count in sorted(state.machines.items())
    ]


def _imported(each: Imported) -> dict[str, Any]:
    return {"file": each.file, "at": each.at, "sha256": each.raw, "records": len(each.ids), "via": each.via,
            "database": each.database, "living": each.living}  # fmt: skip


def _ranked(entry: Entry, state: State) -> dict[str, Any]:
    since = len(state.outcomes("title_abstract")) - entry.body["labelled"]
    return {"at": entry.at, "order": entry.body["order"], "labelled": entry.body["labelled"],
            "units": entry.body["units"], "since": since}  # fmt: skip


def _cautions(review: Review) -> list[str]:
    state = review.state
    lost = [name for name in review.protocol.seeds if not review.named(name)]
    found = [f"the seed {name} is not among the records" for name in lost]
    decided = [flag for flag in state.flags.values() if state.outcome(flag.id, "title_abstract").result != "pending"]
    grave = [flag for flag in decided if flag.status in ("retracted", "deleted", "concern")]
    return [*found, *(f"{flag.document} was decided on and is {flag.status}" for flag in grave)]
