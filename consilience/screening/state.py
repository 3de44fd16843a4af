"""What a review's ledger amounts to: records, clusters, decisions and their outcomes, as a fold over its entries.

A pure function: the same entries give the same state. Nothing here reads a file or a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from consilience.errors import StoreDamagedError
from consilience.screening.ledger import Entry
from consilience.screening.protocol import STAGES, Protocol, Stage, protocol_of

Record = Mapping[str, Any]
"""One bibliographic record: id, title, abstract, authors[], journal, year, volume, issue, pages, keywords[], mesh[],
publication_types[], source {file, position}, extra, and pmid?, doi?, url?, language?, label? (0, 1 or None)."""

Word = Literal["include", "exclude", "unclear"]
Result = Literal["include", "exclude", "unclear", "conflict", "pending", "unscreened"]
Drawn = Literal["rank", "audit", "prior"]
Via = Literal["database", "register", "website", "organisation", "citation"]
DECISIONS: tuple[Word, ...] = get_args(Word)
VIAS: tuple[Via, ...] = get_args(Via)
# The reason at full text that PRISMA counts in a box of its own.
NOT_RETRIEVED = "not retrieved"


@dataclass(frozen=True, slots=True)
class Imported:
    """One file of records as it came in: `raw` and `records` are the SHA-256 of the export and of what was read of it.

    `ids` are the review's names for its records, in the file's order; those that it had already are not among them.
    `via` is how the records were found, as PRISMA tells them apart, `database` where; `living` marks an update's.
    """

    seq: int
    at: str
    file: str
    raw: str
    records: str
    ids: tuple[str, ...]
    via: Via
    database: str
    living: bool
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer, a person or a model, decided on one record at one stage, on which input, under which protocol.

    `input` is the SHA-256 of the record's line, `prior` the hash of the entry it supersedes, `drawn` how the record was
    come by: in the order of the ranking, as a draw that audits a stop rule, or known before.
    """

    seq: int
    at: str
    id: str
    stage: Stage
    reviewer: str
    decision: Word
    reason: str
    criterion: str
    quote: Mapping[str, Any] | None
    input: str
    protocol: str
    actor: Mapping[str, str]
    sha256: str
    prior: str
    drawn: Drawn = "rank"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the decisions on a record come to at one stage; `reason` that of an exclusion, `by` those who decided."""

    result: Result
    reason: str = ""
    by: tuple[str, ...] = ()
    adjudicated: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """What befell a record's document in the home's corpus: `retracted`, `deleted`, `concern`, `corrected` ..."""

    id: str
    status: str
    since: str | None
    notice: str
    document: str


PENDING = Outcome("pending")
UNSCREENED = Outcome("unscreened")


@dataclass
class State:
    """A review as its ledger tells it. Made by `fold`; read it, never change it.

    A *unit* is what is screened: a record, or a cluster of duplicates, named by its master.
    """

    seq: int = 0
    head: str = ""
    protocol: Protocol | None = None
    protocol_file: str = ""  # the SHA-256 of protocol.yaml as it was noted last
    protocols: list[tuple[int, str]] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    searches: list[Entry] = field(default_factory=list)
    ranks: list[Entry] = field(default_factory=list)
    stops: list[Entry] = field(default_factory=list)
    accepted: Entry | None = None
    exports: list[Entry] = field(default_factory=list)
    notes: list[Entry] = field(default_factory=list)
    updates: list[Entry] = field(default_factory=list)
    labels: dict[str, dict[str, Entry]] = field(default_factory=dict)
    flags: dict[str, Flag] = field(default_factory=dict)
    apart: set[tuple[str, str]] = field(default_factory=set)  # a person took them apart: no import joins them
    machines: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    _master: dict[str, str] = field(default_factory=dict, repr=False)
    _members: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _basis: dict[str, str] = field(default_factory=dict, repr=False)
    _history: dict[tuple[Stage, str], dict[str, list[Decision]]] = field(default_factory=dict, repr=False)
    _withdrawn: dict[tuple[Stage, str], set[str]] = field(default_factory=dict, repr=False)
    _adjudicated: dict[tuple[Stage, str], Decision] = field(default_factory=dict, repr=False)
    _touched: dict[Stage, dict[str, Drawn]] = field(default_factory=dict, repr=False)
    _outcomes: dict[Stage, dict[str, Outcome]] = field(default_factory=dict, repr=False)
    _closed_records: int = 0

    # ---------------------------------------------------------------- records and units

    @property
    def records(self) -> Iterable[str]:
        """The ids of all records, in the order in which they came."""
        return self.places.keys()

    def master_of(self, id: str) -> str:
        """The unit of a record: the master of its cluster, or itself."""
        return self._master.get(id, id)

    def members_of(self, id: str) -> tuple[str, ...]:
        """The records of a unit, its master first."""
        master = self.master_of(id)
        return tuple(self._members.get(master, (master,)))

    @property
    def clusters(self) -> dict[str, tuple[str, ...]]:
        """Every cluster of two records or more, by its master, which stands first in it."""
        return {master: tuple(members) for master, members in self._members.items()}

    def basis_of(self, id: str) -> str:
        """Why a record is in its cluster; empty for a master and for a record alone."""
        return self._basis.get(id, "")

    @property
    def duplicates(self) -> int:
        """How many records are in a cluster under another one as its master."""
        return len(self._master)

    def units(self, stage: Stage = "title_abstract") -> list[str]:
        """What is to be screened at a stage: all units first, at full text those that were carried on."""
        if stage == "title_abstract":
            return [id for id in self.places if id not in self._master]
        first = self.outcomes("title_abstract")
        return [id for id in self.places if id in first and first[id].result in ("include", "unclear")]

    def count_units(self) -> int:
        """How many units there are."""
        return len(self.places) - len(self._master)

    # ---------------------------------------------------------------- decisions

    def decisions(self, id: str, stage: Stage) -> dict[str, Decision]:
        """The decision in force of each reviewer on a unit, by reviewer."""
        found: dict[str, Decision] = {}
        for member in self.members_of(id):
            gone = self._withdrawn.get((stage, member), ())
            for reviewer, history in self._history.get((stage, member), {}).items():
                last = history[-1]
                if reviewer not in gone and (reviewer not in found or found[reviewer].seq < last.seq):
                    found[reviewer] = last
        return found

    def history(self, id: str, stage: Stage) -> list[Decision]:
        """Every decision on a unit, superseded ones too, in order; adjudications are not among them."""
        found = (
            each
            for member in self.members_of(id)
            for history in self._history.get((stage, member), {}).values()
            for each in history
        )
        return sorted(found, key=lambda decision: decision.seq)

    def adjudication(self, id: str, stage: Stage) -> Decision | None:
        """The last adjudication of a unit."""
        found = [each for member in self.members_of(id) if (each := self._adjudicated.get((stage, member)))]
        return max(found, key=lambda decision: decision.seq, default=None)

    def decided(self, stage: Stage) -> Iterator[str]:
        """The units on which anybody has decided at a stage, in the order of the first decision."""
        return iter(self.drawn(stage))

    def drawn(self, stage: Stage) -> dict[str, Drawn]:
        """How each unit anybody decided on was come by at first, in the order of the first decision."""
        found: dict[str, Drawn] = {}
        for id, drawn in self._touched.get(stage, {}).items():
            if id in self.places:
                found.setdefault(self._master.get(id, id), drawn)
        return found

    def outcome(self, id: str, stage: Stage) -> Outcome:
        """What the decisions on a unit come to, by the mode of the protocol."""
        master = self.master_of(id)
        found = self.outcomes(stage).get(master, PENDING)
        if found.result == "pending" and stage == "title_abstract" and self._is_closed(master):
            return UNSCREENED
        return found

    def outcomes(self, stage: Stage) -> dict[str, Outcome]:
        """The outcome of every unit anybody has decided on at a stage; all others are pending."""
        if stage not in self._outcomes:
            from consilience.screening.workflow import outcome_of

            mode = self.protocol.mode if self.protocol else "single"
            self._outcomes[stage] = {
                id: outcome_of(self.decisions(id, stage), self.adjudication(id, stage), mode, stage)
                for id in self.decided(stage)
            }
        return self._outcomes[stage]

    def counts(self, stage: Stage) -> dict[str, int]:
        """How many units have which outcome at a stage; they sum up to the units of the stage."""
        units = set(self.units(stage))
        found = Counter(each.result for id, each in self.outcomes(stage).items() if id in units)
        open_ = [id for id in units if self.outcomes(stage).get(id, PENDING).result == "pending"]
        closed = sum(map(self._is_closed, open_)) if stage == "title_abstract" else 0
        found["pending"], found["unscreened"] = len(open_) - closed, closed
        return {name: found[name] for name in ("include", "exclude", "unclear", "conflict", "pending", "unscreened")}

    def reasons(self, stage: Stage = "full_text") -> dict[str, int]:
        """How many units were excluded at a stage for which reason; the most frequent first."""
        units = set(self.units(stage))
        found = Counter(e.reason for id, e in self.outcomes(stage).items() if id in units and e.result == "exclude")
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def flag_of(self, id: str) -> Flag | None:
        """What befell the document of a unit; a flag outlasts that the unit got another master."""
        return next((self.flags[each] for each in self.members_of(id) if each in self.flags), None)

    def conflicts(self, stage: Stage) -> list[str]:
        """The units on which reviewers disagree, in the order of the first decision."""
        return [id for id, each in self.outcomes(stage).items() if each.result == "conflict"]

    def _is_closed(self, master: str) -> bool:
        """Say whether screening was ended for a unit: what came in after that is open again."""
        return self.accepted is not None and self.places[master][0] < self._closed_records

    # ---------------------------------------------------------------- the fold

    def extend(self, entries: Iterable[Entry]) -> None:
        """Go on with further entries, in their order."""
        for entry in entries:
            try:
                _FOLDS[entry.kind](self, entry)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise StoreDamagedError(
                    f"entry {entry.seq} of the ledger ({entry.kind}) cannot be understood", where="ledger.jsonl",
                    expected="the version of consilience that wrote it",
                ) from error  # fmt: skip
            self.seq, self.head = entry.seq, entry.sha256
            if entry.actor["type"] != "person":
                actor = entry.actor
                self.machines[(entry.kind, actor["type"], actor["name"], actor.get("version", ""))] += 1

    def summary(self) -> dict[str, Any]:
        """The state as plain data, without what only the ledger's hashes tell: equal for reviews that stand alike."""
        return {
            "records": list(self.places),
            "clusters": {master: list(members) for master, members in sorted(self._members.items())},
            "outcomes": {
                stage: {id: [e.result, e.reason, e.adjudicated] for id, e in sorted(self.outcomes(stage).items())}
                for stage in STAGES
            },
            "decisions": {
                stage: {
                    id: {name: [d.decision, d.reason, d.criterion] for name, d in sorted(found.items())}
                    for id in sorted(self.decided(stage))
                    if (found := self.decisions(id, stage))
                }
                for stage in STAGES
            },
            "flags": {id: flag.status for id, flag in sorted(self.flags.items())},
        }


def fold(entries: Iterable[Entry]) -> State:
    """The state that a ledger's entries amount to."""
    state = State()
    state.extend(entries)
    return state


def _protocol(state: State, entry: Entry) -> None:
    before = state.protocol
    state.protocol = protocol_of(entry.body["protocol"], where=f"ledger.jsonl, entry {entry.seq}")
    state.protocol_file = entry.body.get("file", "")
    state.protocols.append((entry.seq, state.protocol.digest))
    if before is None or before.mode != state.protocol.mode:
        state._outcomes.clear()


def _import(state: State, entry: Entry) -> None:
    body, number = entry.body, len(state.imports)
    ids = tuple(body["ids"])
    state.imports.append(
        Imported(entry.seq, entry.at, body["file"], body["raw"], body["records"], ids, body["via"], body["database"],
                 body.get("living", False), body["counts"])
    )  # fmt: skip
    state.places.update((id, (number, row)) for row, id in enumerate(ids))


def _merge(state: State, entry: Entry) -> None:
    for cluster in entry.body["clusters"]:
        joined: list[str] = []
        for id in cluster["members"]:
            joined += (each for each in state.members_of(id) if each not in joined)
        if len(joined) < 2:
            continue
        master = cluster["master"]
        together = set(joined)
        state.apart = {(a, b) for a, b in state.apart if not (a in together and b in together)}
        for id in joined:
            state._members.pop(id, None)
            if id != master:
                state._master[id] = master
                state._basis.setdefault(id, cluster.get("basis", {}).get(id, ""))
        state._master.pop(master, None)
        state._basis.pop(master, None)
        state._members[master] = [master, *(each for each in joined if each != master)]
    state._outcomes.clear()


def _split(state: State, entry: Entry) -> None:
    """One record leaves its cluster; a master that leaves hands over to the next."""
    for id in entry.body["ids"]:
        members = list(state.members_of(id))
        state.apart.update((id, each) for each in members if each != id)
        if len(members) < 2:
            continue
        state._members.pop(members[0])
        members.remove(id)
        for each in (id, members[0]):
            state._master.pop(each, None)
            state._basis.pop(each, None)
        if len(members) > 1:
            state._members[members[0]] = members
            state._master.update((each, members[0]) for each in members[1:])
    state._outcomes.clear()


def _decision_of(entry: Entry) -> Decision:
    body = entry.body
    return Decision(
        entry.seq, entry.at, body["id"], body["stage"], body["reviewer"], body["decision"], body.get("reason", ""),
        body.get("criterion", ""), body.get("quote"), body.get("input", ""), body.get("protocol", ""), entry.actor,
        entry.sha256, body.get("prior", ""), body.get("drawn", "rank"),
    )  # fmt: skip


def _decision(state: State, entry: Entry) -> None:
    made = _decision_of(entry)
    key = (made.stage, made.id)
    state._history.setdefault(key, {}).setdefault(made.reviewer, []).append(made)
    state._withdrawn.get(key, set()).discard(made.reviewer)
    state._touched.setdefault(made.stage, {}).setdefault(made.id, made.drawn)
    _again(state, made.id, made.stage)


def _withdrawn(state: State, entry: Entry) -> None:
    """The reviewer's decisions on the whole unit: else one on a duplicate would take their place."""
    stage, reviewer = entry.body["stage"], entry.body["reviewer"]
    for member in state.members_of(entry.body["id"]):
        if reviewer in state._history.get((stage, member), {}):
            state._withdrawn.setdefault((stage, member), set()).add(reviewer)
    _again(state, entry.body["id"], stage)


def _adjudication(state: State, entry: Entry) -> None:
    made = _decision_of(entry)
    state._adjudicated[(made.stage, made.id)] = made
    state._touched.setdefault(made.stage, {}).setdefault(made.id, made.drawn)
    _again(state, made.id, made.stage)


def _again(state: State, id: str, stage: Stage) -> None:
    """Judge one unit anew, where outcomes were asked for before."""
    known = state._outcomes.get(stage)
    touched = state._touched.get(stage, {})
    if known is None or not any(member in touched for member in state.members_of(id)):
        return
    from consilience.screening.workflow import outcome_of

    master = state.master_of(id)
    mode = state.protocol.mode if state.protocol else "single"
    known[master] = outcome_of(state.decisions(master, stage), state.adjudication(master, stage), mode, stage)


def _accept_stop(state: State, entry: Entry) -> None:
    state.accepted = entry
    state._closed_records = len(state.imports)


def _label(state: State, entry: Entry) -> None:
    state.labels.setdefault(entry.body["id"], {})[entry.body["criterion"]] = entry


def _update(state: State, entry: Entry) -> None:
    state.updates.append(entry)
    # An update looks at every record the corpus knows: what it does not flag is flagged no more.
    state.flags = {each["id"]: Flag(**each) for each in entry.body["flags"]}


def _kept(name: str) -> Any:
    def keep(state: State, entry: Entry) -> None:
        getattr(state, name).append(entry)

    return keep


_FOLDS: Mapping[str, Any] = {
    "protocol": _protocol, "import": _import, "merge": _merge, "split": _split, "search": _kept("searches"),
    "rank": _kept("ranks"), "label": _label, "decision": _decision, "withdrawn": _withdrawn,
    "adjudication": _adjudication, "stop": _kept("stops"), "accept_stop": _accept_stop, "export": _kept("exports"),
    "note": _kept("notes"), "update": _update,
}  # fmt: skip


def reviewers_of(decisions: Sequence[Decision]) -> tuple[str, ...]:
    """Who decided, each once, in order."""
    return tuple(dict.fromkeys(each.reviewer for each in decisions))
