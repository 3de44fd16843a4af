"""Evidence rows as the graph reads them, and the edges folded out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from consilience.corpora.marks import Held
from consilience.kg.belief import Belief, Evidence, belief, noisy_or
from consilience.kg.schema import Certainty
from consilience.records import Span

# Directions that cannot both hold; for these a plain row (no direction) supports whichever prevails.
_OPPOSED = {
    "affects": ("increases", "decreases"),
    "associated_with": ("increases", "decreases"),
    "prevents": ("decreases",),
    "compared_with": ("superior", "inferior", "no_difference"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One claim of one document, as seen on the clocks asked.

    `closures` are the times its document was out of force (retracted, superseded), as far as they had begun.
    """

    subject: str
    predicate: str
    object: str
    subject_name: str
    object_name: str
    negated: bool
    direction: str
    hedged: bool
    confidence: float
    span: Span
    section: str
    design: str
    study: str
    published: date
    known_from: datetime
    closures: tuple[Held, ...]
    weight: float
    closed: Held | None

    @property
    def void(self) -> bool:
        """Say whether the row counts for nothing, its document being out of force."""
        return self.closed is not None

    @property
    def closed_by(self) -> str | None:
        """What closed a void row: the notice, or where none is named the document itself."""
        return (self.closed.notice or self.span.id) if self.closed else None

    def counts_on(self, day: date) -> bool:
        """Say whether the row was published and in force on a day not later than the one asked."""
        return self.published <= day and not any(closure.holds_on(day) for closure in self.closures)

    @property
    def edge(self) -> tuple[str, str, str]:
        """What the row is about: subject, predicate, object."""
        return (self.subject, self.predicate, self.object)

    def as_json(self, *, refutes: bool) -> dict[str, Any]:
        """The row with its span, for a chain that reads evidence by evidence."""
        return {
            "subject": self.subject, "predicate": self.predicate, "object": self.object,
            "subject_name": self.subject_name, "object_name": self.object_name,
            "negated": self.negated, "direction": self.direction, "hedged": self.hedged, "refutes": refutes,
            "confidence": self.confidence, "weight": self.weight, "id": self.span.id, "span": self.span.as_json(),
            "section": self.section, "design": self.design, "study": self.study,
            "published": self.published.isoformat(), "known_from": instant(self.known_from),
            "void": self.void, "closed_by": self.closed_by,
        }  # fmt: skip


def labelled(row: Row) -> dict[str, Any]:
    """The span of a row, with the status of a document whose word no longer counts."""
    return {**row.span.as_json(), **({"status": row.closed.kind} if row.closed else {})}


@dataclass(frozen=True, slots=True)
class Edge:
    """All rows about one subject, predicate and object, folded: nothing in it is stored."""

    rows: tuple[Row, ...]
    direction: str
    belief: Belief

    @classmethod
    def of(cls, rows: Sequence[Row], certainty: Certainty) -> Edge:
        """Fold the rows of one edge; void ones are kept for show and count for nothing."""
        live = [row for row in rows if not row.void]
        direction = prevailing(live or rows, certainty)
        votes = (Evidence(row.study, row.weight, refutes(row, direction)) for row in live)
        return cls(tuple(rows), direction, belief(votes, cap=certainty.cap))

    @property
    def name(self) -> tuple[str, str, str]:
        """Subject, predicate, object."""
        return self.rows[0].edge

    @property
    def supporting(self) -> list[Row]:
        """Rows for the edge, void ones included."""
        return [row for row in self.rows if not refutes(row, self.direction)]

    @property
    def refuting(self) -> list[Row]:
        """Rows against the edge, void ones included."""
        return [row for row in self.rows if refutes(row, self.direction)]

    @property
    def is_current(self) -> bool:
        """Say whether any row still counts."""
        return any(not row.void for row in self.rows)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts the better believed first, then the more often studied, then by name."""
        return (-self.belief.value, -self.belief.independent_studies, self.name)

    def as_json(self) -> dict[str, Any]:
        """The edge object of the contract; closed only when all of its support is void."""
        first, supporting = self.rows[0], self.supporting
        closed = bool(supporting) and all(row.void for row in supporting)
        shown = [row for row in self.rows if closed or not row.void]
        closings = [row.closed for row in supporting if row.closed]
        closers = sorted({row.closed_by for row in supporting if row.closed_by})
        return {
            "subject": first.subject, "predicate": first.predicate, "object": first.object,
            "subject_name": first.subject_name, "object_name": first.object_name, "direction": self.direction,
            "holds_from": min(row.published for row in supporting).isoformat() if supporting else None,
            "holds_until": max(c.since for c in closings).isoformat() if closed else None,
            "known_from": instant(min(row.known_from for row in self.rows)),
            "known_until": instant(max(c.known_from for c in closings)) if closed else None,
            "belief": self.belief.value, "disbelief": self.belief.disbelief,
            "independent_studies": self.belief.independent_studies,
            "supporting": [labelled(row) for row in shown if not refutes(row, self.direction)],
            "refuting": [labelled(row) for row in shown if refutes(row, self.direction)],
            "closed_by": (", ".join(closers) or None) if closed else None,
        }  # fmt: skip


def prevailing(rows: Iterable[Row], certainty: Certainty) -> str:
    """The direction most of the weight speaks for; "" when no row has one."""
    mass: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.direction in _OPPOSED.get(row.predicate, ()) and not row.negated:
            studies = mass.setdefault(row.direction, {})
            studies[row.study] = max(studies.get(row.study, 0.0), row.weight)
    total = {direction: noisy_or(studies.values(), cap=certainty.cap) for direction, studies in mass.items()}
    return min(total, key=lambda direction: (-total[direction], direction), default="")


def refutes(row: Row, direction: str) -> bool:
    """Say whether a row speaks against its edge: it denies it, finds no effect, or claims the other direction."""
    if row.negated:
        return True
    if row.direction == "no_difference" and row.predicate != "compared_with":
        return True
    return bool(row.direction and direction) and row.direction != direction


def by_edge(rows: Iterable[Row], certainty: Certainty) -> list[Edge]:
    """Edges of rows in any order, best believed first."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.edge, []).append(row)
    return sorted((Edge.of(group, certainty) for group in grouped.values()), key=lambda edge: edge.rank)


def instant(when: datetime) -> str:
    """`2026-01-02T03:04:05Z`."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def timeline(edge: Edge, certainty: Certainty, as_of: date) -> list[dict[str, Any]]:
    """Belief at each day something was published or closed, as it is seen now; unchanged days are left out."""
    turns = (day for row in edge.rows for closure in row.closures for day in (closure.since, closure.until))
    days = {row.published for row in edge.rows} | {day for day in turns if day}
    points: list[dict[str, Any]] = []
    for day in sorted(d for d in days if d <= as_of):
        then = [row for row in edge.rows if row.counts_on(day)]
        votes = (Evidence(row.study, row.weight, refutes(row, edge.direction)) for row in then)
        now = belief(votes, cap=certainty.cap)
        point = {
            "date": day.isoformat(),
            "belief": now.value,
            "independent_studies": now.independent_studies,
        }
        if not points or {**points[-1], "date": ""} != {**point, "date": ""}:
            points.append(point)
    return points


def crossings(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Days on which belief went over or under one half."""
    levels = [(False, "")] + [(point["belief"] > 0.5, point["date"]) for point in points]
    return [day for (was, _), (now, day) in pairwise(levels) if was != now]


_TOLD = ("belief", "disbelief", "independent_studies", "direction", "holds_from", "holds_until", "closed_by")


def changed(
    old: Edge | None, new: Edge | None, events: Iterable[datetime | date], moved: Mapping[str, datetime | date]
) -> dict[str, Any] | None:
    """One edge on two clocks as a row of changes, or None where nothing in force came or went.

    `events` are when its rows came or went, `moved` when the standing of a document did.
    """
    what = _change(old, new)
    edge = new or old
    if not what or edge is None:
        return None
    was, now = ({(r.span.id, r.span.version) for r in e.rows if not r.void} if e else set() for e in (old, new))
    # A document read again under a new version is told only where nothing else explains the change.
    documents = {d for d, _ in was} ^ {d for d, _ in now} or {d for d, _ in was ^ now}
    closers = {r.closed_by for r in (new.rows if new else ()) if r.closed and r.span.id in documents} - {None}
    when = [*events, *(moved[d] for d in documents if d in moved)]
    heard = [moment for moment in when if isinstance(moment, datetime)]
    first = edge.rows[0]
    return {
        "at": instant(max(heard)) if heard else max(when).isoformat(), "kind": "claim", "what": what,
        "id": " ".join(edge.name), "before": _told(old), "after": _told(new),
        "because": [*sorted(documents), *sorted(str(c) for c in closers - documents)],
        "subject": first.subject, "predicate": first.predicate, "object": first.object,
        "subject_name": first.subject_name, "object_name": first.object_name,
    }  # fmt: skip


def _change(old: Edge | None, new: Edge | None) -> str:
    """What happened to an edge; "" when nothing in force came or went."""
    was, now = bool(old and old.is_current), bool(new and new.is_current)
    if old is None or new is None or not (was and now):
        if was == now:
            return ""
        return ("restored" if old else "appeared") if now else ("closed" if new else "vanished")
    a, b = old.belief, new.belief
    if (a.value - a.disbelief) * (b.value - b.disbelief) < 0 or (
        old.direction != new.direction and old.direction and new.direction
    ):
        return "turned"
    if (a.value, -a.disbelief, a.independent_studies) != (b.value, -b.disbelief, b.independent_studies):
        gain = (b.value - a.value) or (a.disbelief - b.disbelief) or (b.independent_studies - a.independent_studies)
        return "stronger" if gain > 0 else "weaker"
    live = ({r.span.id for r in e.rows if not r.void} for e in (old, new))
    return "evidence" if next(live) != next(live) else ""


def _told(edge: Edge | None) -> dict[str, Any] | None:
    whole = edge.as_json() if edge else {}
    return {name: whole[name] for name in _TOLD} if whole else None
