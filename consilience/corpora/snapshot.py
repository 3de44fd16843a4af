"""One state of the corpus, ready for questions: every version ever in force, its passages, and what befell it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import fold, passages, segments
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.home import fingerprint, publish, staging

VERSION = "snapshot.1"
_INSTANT = pa.timestamp("us", tz="UTC")
MARKS = pa.schema([
    ("target", pa.string()), ("kind", pa.string()), ("since", pa.date32()), ("notice", pa.string()),
    ("known_from", _INSTANT), ("known_until", _INSTANT),
])  # fmt: skip


def snapshot_id(commits: Sequence[Commit]) -> str:
    """The name of the state after these commits: same files loaded at the same instants, same name."""
    facts = [[c.seq, c.sha256, c.known_at.isoformat(), c.file] for c in commits]
    return fingerprint([facts, fold.VERSION, passages.VERSION, VERSION])


def folder_of(store: Store, name: str) -> Path:
    """Where a snapshot lies."""
    return store.folder / "snapshots" / name


def build(store: Store, commits: Sequence[Commit]) -> str:
    """Write the snapshot of these commits, unless it is there; citations and passages must be up to date."""
    name = snapshot_id(commits)
    target = folder_of(store, name)
    if target.exists():
        return name
    with staging(store.folder, "snapshot") as scratch:
        made = scratch / "made"
        made.mkdir()
        history = _concatenate(made / "documents.parquet", fold.HISTORY, _histories(store, commits))
        _concatenate(made / "passages.parquet", passages.PASSAGES, _passages(store, commits))
        pq.write_table(_marks(store, commits, history), made / "marks.parquet", compression="zstd")
        publish(made, target)
    return name


def _concatenate(path: Path, schema: pa.Schema, parts: Iterator[pa.Table]) -> pa.Table:
    kept = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part)
            kept.append(part)
    return pa.concat_tables(kept) if kept else schema.empty_table()


def _histories(store: Store, commits: Sequence[Commit]) -> Iterator[pa.Table]:
    for shard in range(SHARDS):
        if last := fold.touched_last(commits, shard):
            yield pq.read_table(fold.history_path(store, shard, last), schema=fold.HISTORY)


def _passages(store: Store, commits: Sequence[Commit]) -> Iterator[pa.Table]:
    for shard in range(SHARDS):
        table = segments.read(passages.folder_of(store, shard), passages.PASSAGES)
        if table is not None:
            yield table


def _marks(store: Store, commits: Sequence[Commit], history: pa.Table) -> pa.Table:
    rows = [*_stated(history), *_listed(store, commits), *_supersessions(history)]
    unique = {tuple(row.values()): row for row in rows}
    ordered = sorted(unique.values(), key=lambda r: (r["target"], r["kind"], r["since"], r["known_from"], r["notice"]))
    return pa.Table.from_pylist(ordered, schema=MARKS)


def _stated(history: pa.Table) -> Iterator[dict[str, Any]]:
    """What records in force say of themselves and of others, while they are in force."""
    speaking = history.filter(pc.and_(pc.is_valid(history["marks"]), pc.invert(history["deleted"])))
    notices = _published_by_id(history, {m[3] for text in speaking["marks"].to_pylist() for m in json.loads(text)})
    for row in speaking.select(["marks", "revised", "published", "known_from", "known_until"]).to_pylist():
        for target, kind, since, notice in json.loads(row["marks"]):
            base = {"target": target, "kind": kind, "notice": notice, "known_until": row["known_until"]}
            if since:
                yield {**base, "since": date.fromisoformat(since), "known_from": row["known_from"]}
                continue
            fallback = row["revised"] or row["published"] or row["known_from"].date()
            dated, known = notices.get(notice, (None, None))
            if dated is None or known is None:
                yield {**base, "since": fallback, "known_from": row["known_from"]}
                continue
            if known > row["known_from"]:  # until its notice is loaded, the mark is dated by what was known
                yield {**base, "since": fallback, "known_from": row["known_from"], "known_until": known}
            yield {**base, "since": dated, "known_from": max(known, row["known_from"])}


def _published_by_id(history: pa.Table, ids: set[str]) -> dict[str, tuple[date | None, datetime | None]]:
    found: dict[str, tuple[date | None, datetime | None]] = {}
    wanted = history.filter(pc.is_in(history["id"], pa.array(sorted(ids), pa.string())))
    for row in wanted.select(["id", "published", "known_from"]).to_pylist():
        if row["id"] not in found:
            found[row["id"]] = (row["published"], row["known_from"])
    return found


def _listed(store: Store, commits: Sequence[Commit]) -> Iterator[dict[str, Any]]:
    """Marks from retraction lists: a second source, known from the day it was loaded."""
    for commit in commits:
        if commit.marks:
            table = pq.read_table(store.rows_path(commit.seq), columns=["marks"], filters=[("op", "=", "mark")])
            for text in table["marks"].to_pylist():
                for target, kind, since, notice in json.loads(text):
                    yield {"target": target, "kind": kind, "since": date.fromisoformat(since), "notice": notice,
                           "known_from": commit.known_at, "known_until": None}  # fmt: skip


def _supersessions(history: pa.Table) -> Iterator[dict[str, Any]]:
    """A guideline's version gives way, whole, to the next one published; a withdrawn one to nothing."""
    rows = history.filter(pc.and_(pc.is_valid(history["guideline"]), pc.invert(history["deleted"]))).to_pylist()
    versions: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["published"]:
            versions[row["guideline"]][row["guideline_version"]].append(row)
    for by_version in versions.values():
        ordered = sorted(by_version.values(), key=lambda group: min(r["published"] for r in group))
        for group, later in pairwise(ordered):
            first = min(later, key=lambda r: (r["published"], r["known_from"], r["id"]))
            for row in group:
                yield {"target": row["id"], "kind": "superseded", "since": first["published"], "notice": first["id"],
                       "known_from": max(first["known_from"], row["known_from"]), "known_until": None}  # fmt: skip
        for row in (r for r in ordered[-1] if r["withdrawn"]):
            # Its source says that it is out of force but not since when: since the day this corpus was told.
            yield {
                "target": row["id"],
                "kind": "superseded",
                "since": row["known_from"].date(),
                "notice": row["id"],
                "known_from": row["known_from"],
                "known_until": row["known_until"],
            }
