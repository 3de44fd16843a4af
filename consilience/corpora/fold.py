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
from consilience.corpora.store import Commit, Store, source_rank
from consilience.home import name_of
from consilience.records import pmid_curie, shard_of

VERSION = "fold.5"
# The kind of a commit without rows: the numbered files of its year up to its number are the whole baseline.
BASELINE = "baseline"
# What stands in a numbered file for a record that could not be read: it says nothing, least of all a deletion.
UNREAD = "unread"
_INSTANT = pa.timestamp("us", tz="UTC")
Orders = Mapping[int, tuple[int, int] | None]
_KEYS = ("op", "id", "position", "source", "source_version", "version", "revised")
_CARRIED = ("published_start", "published", "design", "design_basis", "preprint", "study", "doi", "registry",
            "sample_size", "guideline", "guideline_version", "withdrawn", "supersedes", "marks")  # fmt: skip
# What rules of ours make of a record and its version does not tell: the last time it was read counts, by the rules of
# then (see design.VERSION), whenever it came into force.
_BY_OUR_RULES = ("design", "design_basis", "preprint", "study", "sample_size")

HISTORY = pa.schema([
    ("id", pa.string()), ("version", pa.string()), ("source_version", pa.string()), ("source", pa.string()),
    ("seq", pa.int32()), ("row", pa.int32()),
    ("known_from", _INSTANT), ("known_until", _INSTANT), ("deleted", pa.bool_()),
    ("revised", pa.date32()), ("published_start", pa.date32()), ("published", pa.date32()),
    ("design", pa.string()), ("design_basis", pa.string()), ("preprint", pa.bool_()), ("study", pa.string()),
    ("doi", pa.string()), ("registry", pa.string()), ("sample_size", pa.int32()),
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
    shards = list(shards)
    stale = [s for s in shards if (last := touched_last(commits, s)) and not history_path(store, s, last).exists()]
    tables: dict[int, list[pa.Table]] = defaultdict(list)
    for commit in commits:
        if stale and (commit.quarantined or set(commit.shards) & set(stale)):
            for shard, table in _by_shard(store, commit, stale):
                tables[shard].append(table)
    for shard in stale:
        segments.write(history_path(store, shard, touched_last(commits, shard)), _history(tables[shard], commits))
    for shard in shards:  # not only the stale ones: a killed run may have written and not removed
        segments.keep_last(history_path(store, shard, 0).parent)
    return stale


def _by_shard(store: Store, commit: Commit, shards: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
    table = store.rows(commit.seq, [*_KEYS, "shard", *_CARRIED])
    rows = pa.array(range(table.num_rows), pa.int32())
    table = table.append_column("row", rows).append_column("seq", pa.array([commit.seq] * table.num_rows, pa.int32()))
    table = pa.concat_tables([table, pa.Table.from_pylist(list(_unread(store, commit)), schema=table.schema)])
    for shard in shards:
        part = table.filter(pc.equal(table["shard"], shard))
        if part.num_rows:
            yield shard, part


def _unread(store: Store, commit: Commit) -> Iterator[dict[str, Any]]:
    """Rows for what a numbered file holds of documents and could not be read, where their PMID can be told."""
    if not (commit.quarantined and commit.order and commit.kind == "pubmed"):
        return
    bad = store.quarantine(commit.seq)
    for position, raw in zip(bad["position"].to_pylist(), bad["raw"].to_pylist(), strict=True):
        if pmid := pmid_in(raw):
            document = pmid_curie(pmid)
            yield {"op": UNREAD, "id": document, "shard": shard_of(document), "position": position, "source": "pubmed",
                   "seq": commit.seq}  # fmt: skip


_OWN = re.compile(r"<(?:MedlineCitation|BookDocument)\b[^>]*>\s*<PMID\b[^>]*>[^<0-9]*([0-9]{1,8})[^<0-9]*</PMID>")
_LISTED = re.compile(r"""<ArticleId IdType=["']pubmed["']>\s*([0-9]{1,8})\s*</ArticleId>""")


def pmid_in(raw: str) -> str | None:
    """The PMID of a record that could not be read, if it can be told; those of what it cites or corrects are not it."""
    found = _OWN.search(raw) or _LISTED.search(raw.partition("<ReferenceList")[0])
    return (found[1].lstrip("0") or None) if found else None


def _history(tables: list[pa.Table], commits: Sequence[Commit]) -> pa.Table:
    known: dict[int, datetime] = {c.seq: c.known_at for c in commits}
    table = pa.concat_tables(tables).filter(pc.field("op").isin(["put", "delete", UNREAD]))
    facts: dict[str, list[tuple[Fact, int]]] = defaultdict(list)
    columns = [table[name].to_pylist() for name in ("id", "seq", "row", *_KEYS[:1], *_KEYS[2:])]
    for index, (document, *key) in enumerate(zip(*columns, strict=True)):
        facts[document].append((Fact(*key), index))
    out: dict[str, list[Any]] = {name: [] for name in ("id", "take", "read", "known_from", "known_until", "deleted")}
    orders = {c.seq: c.order for c in commits}
    reloaded, generations = reloads(commits), generations_of(commits)
    for document in sorted(facts):
        where = dict(facts[document])
        read = {(fact.source, fact.version): index for fact, index in facts[document] if fact.op == "put"}
        for interval in intervals([fact for fact, _ in facts[document]], orders, reloaded, generations):
            out["id"].append(document)
            out["take"].append(where[interval.fact])
            out["read"].append(read.get((interval.fact.source, interval.fact.version), where[interval.fact]))
            out["known_from"].append(known[interval.from_seq])
            out["known_until"].append(known[interval.until_seq] if interval.until_seq else None)
            out["deleted"].append(interval.deleted)
    carried = table.take(pa.array(out["take"], pa.int64()))
    ruled = table.select(_BY_OUR_RULES).take(pa.array(out["read"], pa.int64()))
    given = {"known_from": out["known_from"], "known_until": out["known_until"], "deleted": out["deleted"]}
    given |= {name: ruled[name].combine_chunks() for name in _BY_OUR_RULES}
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


def generations_of(commits: Sequence[Commit]) -> dict[int, int]:
    """The commits that declared a baseline whole, each with its year; a later one of the same year says nothing new."""
    found: dict[int, int] = {}
    for commit in commits:
        if commit.kind == BASELINE and commit.order and commit.order[0] not in found.values():
            found[commit.seq] = commit.order[0]
    return found


def intervals(
    facts: Sequence[Fact], orders: Orders, reloaded: Mapping[int, int], generations: Mapping[int, int]
) -> list[Interval]:
    """The history of one document: which fact was in force after each commit that bears on it.

    `reloaded` maps a numbered file's commit to the one that replaced it with other bytes; `generations` maps the commit
    that declared a baseline whole to its year. From then on what numbered files of earlier years put no longer counts,
    so what the new baseline left out is deleted (sources §1.3), but not what it holds and could not be read.
    """
    newest = max(generations.values(), default=0)
    if (
        len(facts) == 1
        and facts[0].op == "put"
        and facts[0].seq not in reloaded
        and not _before(newest, facts[0], orders)
    ):
        return [Interval(facts[0], facts[0].seq, None, False)]
    moments = {f.seq for f in facts} | {reloaded[f.seq] for f in facts if f.seq in reloaded} | set(generations)
    found: list[Interval] = []
    for seq in sorted(moments):
        heard = [f for f in facts if f.seq <= seq]
        standing = [f for f in heard if reloaded.get(f.seq, seq + 1) > seq]
        year = max((year for said, year in generations.items() if said <= seq), default=0)
        of_year = [f for f in standing if f.op == "delete" or not _before(year, f, orders)]
        # What could not be read replaces nothing: it stands as it stood, unless a file deletes it.
        counted = standing if any(f.op == UNREAD for f in of_year) else of_year
        winner = in_force([f for f in counted if f.op != UNREAD], orders)
        # A deleted document is remembered as it would stand without its deletion, whatever came first.
        fact = winner or in_force(_puts(standing), orders) or in_force(_puts(heard), orders)
        gone = winner is None and {f.op for f in counted} != {UNREAD}
        last = found[-1] if found else None
        if fact is None or (last and (last.fact.version, last.deleted) == (fact.version, gone)):
            continue
        if last:
            found[-1] = last._replace(until_seq=seq)
        found.append(Interval(fact, seq, None, gone))
    return found


def _before(year: int, fact: Fact, orders: Orders) -> bool:
    order = orders[fact.seq]
    return order is not None and order[0] < year


def _puts(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.op == "put"]


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
