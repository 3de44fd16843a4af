"""One state of the corpus, ready for questions: every version ever in force, its passages, and what befell it."""

from __future__ import annotations

import json
import re
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

VERSION = "snapshot.2"
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
    # In an order of their own, since that of the segments tells when the home was refreshed.
    order = [(name, "ascending") for name in ("id", "version", "field", "start")]
    for shard in range(SHARDS):
        table = segments.read(passages.folder_of(store, shard), passages.PASSAGES)
        if table is not None:
            yield table.sort_by(order)


def _marks(store: Store, commits: Sequence[Commit], history: pa.Table) -> pa.Table:
    rows = [*_stated(history), *_listed(store, commits), *_supersessions(history)]
    unique = {tuple(row.values()): row for row in rows}
    ordered = sorted(unique.values(), key=lambda r: (r["target"], r["kind"], r["since"], r["known_from"], r["notice"]))
    return pa.Table.from_pylist(ordered, schema=MARKS)


def _stated(history: pa.Table) -> Iterator[dict[str, Any]]:
    """What records in force say of themselves and of others, while they are in force."""
    speaking = history.filter(pc.and_(pc.is_valid(history["marks"]), pc.invert(history["deleted"])))
    notices = _publications(history, {m[3] for text in speaking["marks"].to_pylist() for m in json.loads(text)})
    first_told: dict[tuple[str, str, str], date] = {}
    for row in speaking.select(["id", "marks", "revised", "published", "known_from", "known_until"]).to_pylist():
        for target, kind, since, notice in json.loads(row["marks"]):
            base = {"target": target, "kind": kind, "notice": notice}
            if since:
                window = {"known_from": row["known_from"], "known_until": row["known_until"]}
                yield {**base, "since": date.fromisoformat(since), **window}
                continue
            # The revision that first said so counts; later ones only say it again (sources §4.1).
            revised = row["revised"] or row["published"] or row["known_from"].date()
            told = first_told.setdefault((row["id"], target, kind), revised)
            for dated, start, end in _dated(row["known_from"], row["known_until"], told, notices.get(notice, [])):
                yield {**base, "since": dated, "known_from": start, "known_until": end}


Publication = tuple[date, datetime, datetime | None]


def _dated(
    start: datetime, end: datetime | None, fallback: date, notice: Sequence[Publication]
) -> Iterator[tuple[date, datetime, datetime | None]]:
    """A mark's time of being known, cut where its notice became known, changed its date or was deleted."""
    turns = {t for _, *window in notice for t in window if t and start < t and (end is None or t < end)}
    for since, until in pairwise([*sorted({start, *turns}), end]):
        assert since is not None  # only the last end is open
        known = (when for when, a, b in notice if a <= since and (b is None or since < b))
        yield next(known, fallback), since, until


def _publications(history: pa.Table, ids: set[str]) -> dict[str, list[Publication]]:
    """When each of these documents was published, as was known from one instant until another."""
    found: dict[str, list[Publication]] = defaultdict(list)
    asked = pc.is_in(history["id"], pa.array(sorted(ids), pa.string()))
    wanted = history.filter(pc.and_(asked, pc.and_(pc.is_valid(history["published"]), pc.invert(history["deleted"]))))
    for row in wanted.select(["id", "published", "known_from", "known_until"]).to_pylist():
        found[row["id"]].append((row["published"], row["known_from"], row["known_until"]))
    return found


def _listed(store: Store, commits: Sequence[Commit]) -> Iterator[dict[str, Any]]:
    """Marks from retraction lists: a second source, known from the day it was loaded."""
    for commit in commits:
        if commit.marks:
            for text in store.rows(commit.seq, ["marks"], op="mark")["marks"].to_pylist():
                for target, kind, since, notice in json.loads(text):
                    yield {"target": target, "kind": kind, "notice": notice, "since": date.fromisoformat(since),
                           "known_from": commit.known_at, "known_until": None}  # fmt: skip


def _supersessions(history: pa.Table) -> Iterator[dict[str, Any]]:
    """A guideline's version gives way, whole, to every later one; a withdrawn one to nothing."""
    rows = history.filter(pc.and_(pc.is_valid(history["guideline"]), pc.invert(history["deleted"]))).to_pylist()
    versions: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["withdrawn"]:
            # Its source says that it is out of force but not since when: since the day this corpus was told.
            yield _superseded(row["id"], row["known_from"].date(), row["id"], row, row)
        if row["published"]:
            versions[row["guideline"]][row["guideline_version"]].append(row)
            for target in json.loads(row["supersedes"] or "[]"):
                yield _superseded(target, row["published"], row["id"], row, row)
    for by_version in versions.values():
        ordered = [by_version[name] for name in sorted(by_version, key=lambda name: _place(name, by_version[name]))]
        for position, group in enumerate(ordered):
            successors = sorted((r for version in ordered[position + 1 :] for r in version), key=lambda r: r["id"])
            # One recommendation speaks for all that came out with it.
            later = {(r["published"], r["known_from"], r["known_until"]): r for r in reversed(successors)}
            for row in group:
                for by in later.values():
                    if by["known_until"] is None or row["known_from"] < by["known_until"]:
                        yield _superseded(row["id"], by["published"], by["id"], row, by)


def _superseded(target: str, since: date, notice: str, row: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    return {"target": target, "kind": "superseded", "notice": notice, "since": since,
            "known_from": max(row["known_from"], by["known_from"]), "known_until": by["known_until"]}  # fmt: skip


def _place(name: str, rows: Sequence[dict[str, Any]]) -> tuple[date, list[tuple[int, str]]]:
    """Where a version stands: by its first publication, as last stated; of one day, 2.10 comes after 2.9."""
    last = {row["id"]: row["published"] for row in rows}
    parts = re.split(r"([0-9]+)", name)
    return min(last.values()), [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
