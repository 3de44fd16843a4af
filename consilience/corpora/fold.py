"""Facts in order -> citations: which version of each document was in force when.

The fold is a pure function of the facts: it does not depend on the order in which files arrived, only on the order
they state, so a file loaded late or twice leads to the same citations. Its result is a history: one row for every
interval of corpus time in which one version of one document was live (or the document was deleted).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consilience.corpora import segments
from consilience.corpora.store import Commit, Store, name_of, source_rank

VERSION = "fold.2"
_INSTANT = pa.timestamp("us", tz="UTC")
Orders = Mapping[int, tuple[int, int] | None]
_KEYS = ("op", "id", "position", "source", "source_version", "version", "revised")
_CARRIED = ("published_start", "published", "design", "design_basis", "preprint", "study", "guideline",
            "guideline_version", "withdrawn", "supersedes", "marks")  # fmt: skip

HISTORY = pa.schema([
    ("id", pa.string()), ("version", pa.string()), ("source_version", pa.string()), ("source", pa.string()),
    ("seq", pa.int32()), ("row", pa.int32()),
    ("known_from", _INSTANT), ("known_until", _INSTANT), ("deleted", pa.bool_()),
    ("revised", pa.date32()), ("published_start", pa.date32()), ("published", pa.date32()),
    ("design", pa.string()), ("design_basis", pa.string()), ("preprint", pa.bool_()), ("study", pa.string()),
    ("guideline", pa.string()), ("guideline_version", pa.string()), ("withdrawn", pa.bool_()),
    ("supersedes", pa.string()), ("marks", pa.string()),
])  # fmt: skip


class Fact(NamedTuple):
    """The keys of one row of one commit: what the fold decides by."""

    seq: int
    row: int
    op: str
    position: int
    source: str
    source_version: str
    version: str
    revised: date | None


class Interval(NamedTuple):
    """One fact in force from one commit until another; `deleted` when it is only remembered."""

    fact: Fact
    from_seq: int
    until_seq: int | None
    deleted: bool


def touched_last(commits: Sequence[Commit], shard: int) -> int:
    """The number of the last commit with a row in `shard`, 0 if none: the name of what is derived from it."""
    return next((c.seq for c in reversed(commits) if shard in c.shards), 0)


def history_path(store: Store, shard: int, through: int) -> Path:
    """Where one shard's citations lie, as of one commit."""
    return store.folder / "citations" / VERSION / f"{shard:02d}" / f"{name_of(through)}.parquet"


def build(store: Store, commits: Sequence[Commit], shards: Iterable[int]) -> list[int]:
    """Bring the citations of these shards up to the last commit; return the shards that were written."""
    stale = [s for s in shards if (last := touched_last(commits, s)) and not history_path(store, s, last).exists()]
    if not stale:
        return []
    tables: dict[int, list[pa.Table]] = defaultdict(list)
    for commit in commits:
        if set(commit.shards) & set(stale):
            for shard, table in _by_shard(store, commit, stale):
                tables[shard].append(table)
    for shard in stale:
        path = history_path(store, shard, touched_last(commits, shard))
        older = segments.paths(path.parent)
        segments.write(path, _history(tables[shard], commits))
        for old in older:
            old.unlink(missing_ok=True)
    return stale


def _by_shard(store: Store, commit: Commit, shards: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
    table = store.rows(commit.seq, [*_KEYS, "shard", *_CARRIED])
    rows = pa.array(range(table.num_rows), pa.int32())
    table = table.append_column("row", rows).append_column("seq", pa.array([commit.seq] * table.num_rows, pa.int32()))
    for shard in shards:
        part = table.filter(pc.equal(table["shard"], shard))
        if part.num_rows:
            yield shard, part


def _history(tables: list[pa.Table], commits: Sequence[Commit]) -> pa.Table:
    known: dict[int, datetime] = {c.seq: c.known_at for c in commits}
    table = pa.concat_tables(tables).filter(pc.not_equal(pc.field("op"), "mark"))
    facts: dict[str, list[tuple[Fact, int]]] = defaultdict(list)
    columns = [table[name].to_pylist() for name in ("id", "seq", "row", *_KEYS[:1], *_KEYS[2:])]
    for index, (document, *key) in enumerate(zip(*columns, strict=True)):
        facts[document].append((Fact(*key), index))
    out: dict[str, list[Any]] = {name: [] for name in ("id", "take", "known_from", "known_until", "deleted")}
    orders = {c.seq: c.order for c in commits}
    reloaded = reloads(commits)
    for document in sorted(facts):
        where = dict(facts[document])
        for interval in intervals([fact for fact, _ in facts[document]], orders, reloaded):
            out["id"].append(document)
            out["take"].append(where[interval.fact])
            out["known_from"].append(known[interval.from_seq])
            out["known_until"].append(known[interval.until_seq] if interval.until_seq else None)
            out["deleted"].append(interval.deleted)
    carried = table.take(pa.array(out["take"], pa.int64()))
    given = {"known_from": out["known_from"], "known_until": out["known_until"], "deleted": out["deleted"]}
    return pa.table(
        {f.name: pa.array(given[f.name], f.type) if f.name in given else carried[f.name].cast(f.type) for f in HISTORY}
    )


def reloads(commits: Sequence[Commit]) -> dict[int, int]:
    """Each numbered file's commit that a later commit of the same number replaced, and by which."""
    found: dict[int, int] = {}
    latest: dict[tuple[str, tuple[int, int]], int] = {}
    for commit in commits:
        if commit.order:
            key = (commit.kind, commit.order)
            if key in latest:
                found[latest[key]] = commit.seq
            latest[key] = commit.seq
    return found


def intervals(facts: Sequence[Fact], orders: Orders, reloaded: Mapping[int, int]) -> list[Interval]:
    """The history of one document: which fact was in force after each commit that touched it.

    `reloaded` maps a numbered file's commit to the one that replaced it with other bytes.
    """
    if len(facts) == 1 and facts[0].op == "put" and facts[0].seq not in reloaded:
        return [Interval(facts[0], facts[0].seq, None, False)]
    moments = {f.seq for f in facts} | {reloaded[f.seq] for f in facts if f.seq in reloaded}
    found: list[Interval] = []
    for seq in sorted(moments):
        winner = in_force([f for f in facts if f.seq <= seq and reloaded.get(f.seq, seq + 1) > seq], orders)
        last = found[-1] if found else None
        if winner is None and (last is None or last.deleted):
            continue
        if winner and last and not last.deleted and winner.version == last.fact.version:
            continue
        if last:
            found[-1] = last._replace(until_seq=seq)
        # A deleted document is remembered by the last version that was live.
        found.append(Interval(winner or found[-1].fact, seq, None, winner is None))
    return found


def in_force(facts: Sequence[Fact], orders: Orders) -> Fact | None:
    """The fact in force after all of `facts`, or None when the document is deleted.

    PubMed XML wins over NBIB over other records (contract §2); a tombstone speaks for all of them.
    """
    pubmed: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.source == "pubmed":
            pubmed[fact.source_version or "1"].append(fact)
    if pubmed:
        live = [last for group in pubmed.values() if (last := _last(group, orders)).op == "put"]
        return max(live, key=lambda f: _number(f.source_version), default=None)
    return max(facts, key=lambda f: (-source_rank(f.source), f.revised or date.min, f.seq, f.position), default=None)


def _last(group: Sequence[Fact], orders: Orders) -> Fact:
    # Numbered files state an order; a file without a number is placed by DateRevised (contract §2).
    numbered = max(
        (f for f in group if orders[f.seq]), key=lambda f: (orders[f.seq] or (0, 0), f.seq, f.position), default=None
    )
    loose = max((f for f in group if not orders[f.seq]), key=lambda f: (_revision(f), f.seq, f.position), default=None)
    if numbered is None or loose is None:
        return numbered or loose or group[0]
    return loose if numbered.op == "put" and _revision(loose) > _revision(numbered) else numbered


def _revision(fact: Fact) -> tuple[date, bool]:
    """Where a fact stands by date: a deletion after what was revised that day, one without any date after all."""
    gone = fact.op == "delete"
    return fact.revised or (date.max if gone else date.min), gone


def _number(source_version: str) -> int:
    return int(source_version) if re.fullmatch(r"[0-9]{1,9}", source_version) else 1
