"""The graph, read-only: edges folded out of dated evidence, as published by one day and known by one instant."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.corpora.corpus import Clocks, days
from consilience.corpora.marks import CLOSING, Held, held, turned
from consilience.corpora.units import Linked, Units
from consilience.errors import BadInputError, StoreDamagedError
from consilience.kg import schema
from consilience.kg.evidence import Edge, Row, by_edge, changed, crossings, refutes, timeline
from consilience.kg.schema import Certainty
from consilience.records import Span

if TYPE_CHECKING:
    import pyarrow as pa

MARKS = "marks.parquet"
_INSTANT = "timestamp[us, tz=UTC]"
CLAIMS_COLUMNS: Mapping[str, str] = {
    "subject": "string", "predicate": "string", "object": "string", "subject_name": "string", "object_name": "string",
    "negated": "bool", "direction": "string", "hedged": "bool", "confidence": "double",
    "id": "string", "version": "string", "field": "string", "start": "int32", "end": "int32", "quote": "string",
    "sha256": "string", "section": "string", "design": "string", "study": "string",
    "published": "date32", "known_from": _INSTANT, "known_until": _INSTANT,
}  # fmt: skip
_COLUMNS = tuple(name for name in CLAIMS_COLUMNS if name != "known_until")
# Instants travel as microseconds: DuckDB renders zoned timestamps only with an extra package.
_READ = ", ".join(f'epoch_us("{name}")' if CLAIMS_COLUMNS[name] == _INSTANT else f'"{name}"' for name in _COLUMNS)
# Nothing later than the two clocks may pass here; every question reads through this one condition.
_VISIBLE = """
    published <= $as_of AND epoch_us(known_from) <= $known_at
    AND (known_until IS NULL OR $known_at < epoch_us(known_until))
"""
_ORDER = "ORDER BY subject, predicate, object, published, id, version, field, start, negated, direction"
# Claims that came, went or were published between two clocks, or whose documents' standing moved.
_TOUCHED = """
    FROM read_parquet($claims) WHERE (epoch_us(known_from) > $instant AND epoch_us(known_from) <= $last_instant)
    OR (epoch_us(known_until) > $instant AND epoch_us(known_until) <= $last_instant)
    OR (published > $day AND published <= $last_day) OR id IN (SELECT unnest($moved::VARCHAR[]))
"""
_EVENTS = f"""
    SELECT subject, predicate, object,
        max(greatest(CASE WHEN epoch_us(known_from) > $instant AND epoch_us(known_from) <= $last_instant
                          THEN epoch_us(known_from) END,
                     CASE WHEN epoch_us(known_until) > $instant AND epoch_us(known_until) <= $last_instant
                          THEN epoch_us(known_until) END)),
        max(CASE WHEN published > $day AND published <= $last_day THEN published END)
    {_TOUCHED} GROUP BY ALL
"""
# Of an entity with very many edges only the most studied are folded and ranked, each of them whole.
_MAX_EDGES = 2_000


def claims_schema() -> pa.Schema:
    """The Arrow schema of the claims table; `published` and `known_until` may be null."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "bool": pa.bool_(), "double": pa.float64(), "int32": pa.int32(), "date32": pa.date32(),
        _INSTANT: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return pa.schema([(name, kinds[kind]) for name, kind in CLAIMS_COLUMNS.items()])


class Graph:
    """Answers about entities from one claims table, and from the marks about its documents that lie beside it.

    Every method is told both clocks. A row is seen when it was published by `as_of` and the corpus held it at
    `known_at`. It is void, and counts for nothing, while its document was out of force (retracted, superseded) on
    `as_of` as far as the corpus knew at `known_at`.
    """

    def __init__(self, claims: Path, *, certainty: Certainty | None = None, linked: Linked | None = None) -> None:
        import duckdb

        marks = claims.with_name(MARKS)
        if not (claims.is_file() and marks.is_file()):
            raise StoreDamagedError("there is no claims table", where=str(claims), expected="run consilience refresh")
        self._claims, self._marks_path = str(claims), marks
        self._connection = duckdb.connect(":memory:")
        self._lock = threading.Lock()
        self.certainty = certainty or schema.certainty()
        self._linked = linked

    @cached_property
    def _marks(self) -> dict[str, list[dict[str, Any]]]:
        """The marks about each document that can close its claims: few beside the claims."""
        import pyarrow.parquet as pq

        found: dict[str, list[dict[str, Any]]] = {}
        for mark in pq.read_table(self._marks_path).to_pylist():
            found.setdefault(mark["target"], []).append(mark)
        return found

    def closures(self, document: str, known_at: datetime) -> tuple[Held, ...]:
        """When a document was out of force, as known at an instant, by date."""
        told = self._marks.get(document)
        return tuple(mark for mark in held(told, known_at) if mark.kind in CLOSING) if told else ()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def about(
        self, entity_id: str, *, as_of: date, known_at: datetime, limit: int = 100, include_void: bool = False
    ) -> list[dict[str, Any]]:
        """Edges that touch an entity, best believed first; wholly void ones only if asked for."""
        edges = self._edges("(subject = $entity OR object = $entity)", as_of, known_at, entity=entity_id)
        return [edge.as_json() for edge in edges if edge.is_current or include_void][:limit]

    def history(
        self, subject: str, predicate: str | None = None, object: str | None = None, *, as_of: date, known_at: datetime
    ) -> list[dict[str, Any]]:
        """One row an edge, void ones too, with its dated evidence and how belief moved."""
        if predicate is not None and predicate not in (known := schema.schema().predicates):
            raise BadInputError(f"no predicate {predicate!r}", where="predicate", expected=", ".join(known))
        where = """subject = $subject AND ($predicate IS NULL OR predicate = $predicate)
                   AND ($object IS NULL OR object = $object)"""
        edges = self._edges(where, as_of, known_at, subject=subject, predicate=predicate, object=object)
        return [self._history(edge, as_of) for edge in edges]

    def _history(self, edge: Edge, as_of: date) -> dict[str, Any]:
        points = timeline(edge, self.certainty, as_of)
        evidence = [
            row.as_json(refutes=refutes(row, edge.direction)) for row in sorted(edge.rows, key=lambda r: r.published)
        ]
        return {**edge.as_json(), "evidence": evidence, "timeline": points, "crossed_half": crossings(points)}

    def between(
        self,
        a_ids: Collection[str],
        b_ids: Collection[str],
        *,
        as_of: date,
        known_at: datetime,
        include_void: bool = False,
    ) -> list[dict[str, Any]]:
        """Evidence rows that join two sets of entities, either way round, weightiest first."""
        if not a_ids or not b_ids:
            return []
        where = """((list_contains($a, subject) AND list_contains($b, object))
                 OR (list_contains($b, subject) AND list_contains($a, object)))"""
        edges = self._edges(where, as_of, known_at, a=sorted(a_ids), b=sorted(b_ids))
        rows = [(row, edge) for edge in edges for row in edge.rows if include_void or not row.void]
        rows.sort(
            key=lambda pair: (-pair[0].weight, pair[0].edge, pair[0].span.id, pair[0].span.field, pair[0].span.start)
        )
        return [
            {**row.as_json(refutes=refutes(row, edge.direction)), "belief": edge.belief.value} for row, edge in rows
        ]

    def conflicts(self, *, as_of: date, known_at: datetime, limit: int = 100) -> list[dict[str, Any]]:
        """Edges that studies still in force support and refute, the most evenly and strongly contested first.

        `since` is the day from which both sides had been published.
        """
        having = "bool_or(negated) AND NOT bool_and(negated) OR count(DISTINCT nullif(direction, '')) > 1"
        found = self._edges("true", as_of, known_at, having=having)
        edges = [edge for edge in found if edge.belief.supporting and edge.belief.refuting]
        edges.sort(key=lambda e: (-min(e.belief.value, e.belief.disbelief), e.name))
        return [{**edge.as_json(), "since": _contested_since(edge)} for edge in edges[:limit]]

    def paths(
        self, a: str, b: str, *, as_of: date, known_at: datetime, max_hops: int = 3, limit: int = 5
    ) -> list[dict[str, Any]]:
        """The best believed ways from one entity to another, as edges numbered by `path` and `hop`.

        An edge may be walked either way; a path is as believed as the product of its edges.
        """
        if a == b or max_hops < 1:
            raise BadInputError("a path needs two different entities and at least one hop", where=f"{a} -> {b}")
        net = self._network(a, b, as_of, known_at, max_hops)
        rows = []
        for number, (score, edges) in enumerate(_best_paths(net, a, b, max_hops, limit), 1):
            for hop, edge in enumerate(edges, 1):
                rows.append({**edge.as_json(), "path": number, "hop": hop, "path_belief": round(score, 6)})
        return rows

    def changes(self, before: Clocks, after: Clocks) -> list[dict[str, Any]]:
        """Edges that appeared, vanished, closed, were restored, turned or changed in strength between two clocks.

        Neither clock may run backwards. `because` are the documents whose word was won or lost, then what closed them;
        `at` is the instant at which the corpus learned of it, or the day that came where it knew before.
        """
        if before.as_of > after.as_of or before.known_at > after.known_at:
            raise BadInputError("the changes end before they begin", where="from", expected="the earlier of the two")
        days, instants = (before.as_of, after.as_of), (before.known_at, after.known_at)
        moved = {d: at for d, marks in self._marks.items() if (at := turned(marks, days, instants))}
        asked: dict[str, Any] = {
            "day": before.as_of, "last_day": after.as_of, "moved": sorted(moved),
            "instant": _microseconds(before.known_at), "last_instant": _microseconds(after.known_at),
        }  # fmt: skip
        where = f"(subject, predicate, object) IN (SELECT (subject, predicate, object) {_TOUCHED})"
        old, new = (
            {e.name: e for e in self._edges(where, on.as_of, on.known_at, limit=None, **asked)}
            for on in (before, after)
        )
        with self._lock:
            found = self._connection.execute(_EVENTS, {"claims": self._claims, **asked}).fetchall()
        events = {tuple(name): [_instant(heard)] if heard else [day] if day else [] for *name, heard, day in found}
        return [
            row for name in sorted(old | new)
            if (row := changed(old.get(name), new.get(name), events.get(name, ()), moved))
        ]  # fmt: skip

    def _network(self, a: str, b: str, as_of: date, known_at: datetime, max_hops: int) -> Any:
        """The part of the graph that lies on some walk of at most `max_hops` between two entities."""
        import networkx as nx

        net = nx.Graph()
        net.add_nodes_from([a, b])
        reached: set[str] = set()
        # Half of the hops from each end suffice: every edge of a path lies within them.
        for start, hops in ((a, (max_hops + 1) // 2), (b, max_hops // 2)):
            frontier = {start}
            for _ in range(hops):
                where = "(list_contains($ids, subject) OR list_contains($ids, object))"
                edges = [e for e in self._edges(where, as_of, known_at, ids=sorted(frontier)) if e.belief.value > 0]
                reached |= frontier
                for edge in edges:
                    _join(net, edge)
                frontier = {end for e in edges for end in (e.name[0], e.name[2])} - reached
        return net

    def _edges(
        self, where: str, as_of: date, known_at: datetime, *, having: str = "true", limit: int | None = _MAX_EDGES,
        **values: Any,
    ) -> list[Edge]:  # fmt: skip
        return by_edge(self._rows(where, having, as_of, known_at, {"limit": limit, **values}), self.certainty)

    def _rows(
        self, where: str, having: str, as_of: date, known_at: datetime, values: Mapping[str, Any]
    ) -> Iterator[Row]:
        if known_at.tzinfo is None:
            raise BadInputError("an instant needs its zone", where=str(known_at), expected="2026-01-02T03:04:05Z")
        moment = _microseconds(known_at)
        seen = f"FROM read_parquet($claims) WHERE {_VISIBLE} AND {where}"
        # Only texts of ours are put together here; whatever a caller gives travels as a value.
        query = f"""SELECT {_READ} {seen} AND (subject, predicate, object) IN (
            SELECT (subject, predicate, object) {seen} GROUP BY subject, predicate, object HAVING {having}
            ORDER BY count(DISTINCT study) DESC, subject, predicate, object LIMIT $limit) {_ORDER}"""
        asked = {"claims": self._claims, "as_of": as_of, "known_at": moment, **values}
        with self._lock:
            found = self._connection.execute(query, asked).fetchall()
        # Papers of one study count once. Without links each counts as what it says of itself.
        units = self._linked.units(moment, days(as_of), explicit=True) if self._linked else None
        for columns in found:
            yield self._row(columns, as_of, known_at, units)

    def _row(self, columns: Sequence[Any], as_of: date, known_at: datetime, units: Units | None) -> Row:
        value = dict(zip(_COLUMNS, columns, strict=True))
        span = Span(*(value[name] for name in ("id", "version", "field", "start", "end", "quote", "sha256")))
        # What is still to come by the clock is not shown, not even as a date.
        closures = tuple(
            c._replace(until=None) if c.until and c.until > as_of else c
            for c in self.closures(span.id, known_at)
            if c.since <= as_of
        )
        return Row(
            subject=value["subject"], predicate=value["predicate"], object=value["object"],
            subject_name=value["subject_name"] or value["subject"], object_name=value["object_name"] or value["object"],
            negated=value["negated"], direction=value["direction"] or "", hedged=value["hedged"],
            confidence=value["confidence"], span=span, section=value["section"] or "",
            design=value["design"] or "unknown",
            study=units.study_of(span.id) if units else value["study"] or value["id"],
            published=value["published"], known_from=_instant(value["known_from"]),
            closures=closures, closed=_closed(closures),
            weight=round(value["confidence"] * self.certainty.weight(value["design"]), 6),
        )  # fmt: skip


def _closed(closures: Sequence[Held]) -> Held | None:
    """The earliest closure still open, known from the first word of any: one source may have the better date."""
    still = [closure for closure in closures if closure.until is None]
    return still[0]._replace(known_from=min(closure.known_from for closure in still)) if still else None


def _contested_since(edge: Edge) -> str:
    sides = ([row.published for row in side if not row.void] for side in (edge.supporting, edge.refuting))
    return max(min(days) for days in sides).isoformat()


def _join(net: Any, edge: Edge) -> None:
    """Add an edge; of several predicates between two things the best believed stands for the step."""
    start, _, end = edge.name
    known = net.get_edge_data(start, end)
    if known is None or edge.rank < known["edge"].rank:
        net.add_edge(start, end, edge=edge)


def _best_paths(net: Any, a: str, b: str, max_hops: int, limit: int) -> Iterator[tuple[float, list[Edge]]]:
    """Simple paths in order of belief: a belief is at most 1, so the best unfinished walk bounds all it may become."""
    import networkx as nx

    left = nx.single_source_shortest_path_length(net, b, cutoff=max_hops)
    queue: list[tuple[float, tuple[str, ...]]] = [(-1.0, (a,))]
    while queue and limit > 0:
        negative, walk = heapq.heappop(queue)
        if walk[-1] == b:
            limit -= 1
            yield -negative, [net.edges[pair]["edge"] for pair in pairwise(walk)]
            continue
        for step in sorted(net[walk[-1]]):
            if step not in walk and len(walk) + left.get(step, max_hops + 1) <= max_hops:
                heapq.heappush(queue, (negative * net.edges[walk[-1], step]["edge"].belief.value, (*walk, step)))


def _microseconds(when: datetime) -> int:
    since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _instant(microseconds: int) -> datetime:
    from datetime import timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
