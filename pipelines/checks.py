"""What must be true of a refresh before anyone sees it: plain functions, told to Dagster by the files in defs/."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.marks import REINSTATED
from consilience.corpora.store import Commit, Store
from consilience.doctor import quarantine
from consilience.indexes import Index, cluster, dense
from consilience.indexes.dense.kinds import read_exact
from consilience.indexes.dense.search import recalls
from consilience.indexes.filters import sight
from consilience.indexes.lexical import Lexical
from consilience.reasoning.evidence import BARRED
from consilience.records import sha256

LARGEST_FALL = 0.005
# NLM deletes some thousands of 40 million a year; a file gone wrong can delete anything.
LARGEST_DELETION = 0.02
# Of what was read: NLM's own files have next to none.
LARGEST_QUARANTINE = 0.01
# Of what exact search finds, by as many queries.
SMALLEST_RECALL, QUERIES = 0.95, 1000
SHOWN = 100
_BATCH = 10_000
_EXAMPLES = 5
_REASON = 120  # characters of a reason
_TRIED = 50
_DAYS = 15


Row = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something holds, in one sentence, with the figures it rests on, and rows and counts to look at."""

    holds: bool
    told: str
    figures: Mapping[str, int | float] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def documents_are_unique(corpus: Corpus) -> Finding:
    """Each document has one version in force."""
    ids = _in_force(corpus.table)["id"]
    counts = pc.value_counts(ids.combine_chunks())
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    examples = ", ".join(sorted(twice)[:_EXAMPLES])
    told = f"{len(twice)} documents have two versions in force: {examples}" if twice else "one version each"
    return Finding(not twice, told, {"documents": len(ids), "twice": len(twice)})


def documents_stay(corpus: Corpus, before: Corpus | None) -> Finding:
    """No more than 0.5 % of the documents vanish between two snapshots, unless DeleteCitation took them."""
    if before is None:
        return Finding(True, "there was no snapshot before")
    was, now = _in_force(before.table)["id"], _in_force(corpus.table)["id"]
    deleted = corpus.table.filter(pc.and_(pc.is_null(corpus.table["known_until"]), corpus.table["deleted"]))["id"]
    accounted = pa.chunked_array([*now.chunks, *deleted.chunks], pa.string())
    gone = was.filter(pc.invert(pc.is_in(was, accounted)))
    share = len(gone) / len(was) if len(was) else 0.0
    told = f"{len(gone)} of {len(was)} documents are gone without a deletion"
    return Finding(share <= LARGEST_FALL, told, {"before": len(was), "now": len(now), "gone": len(gone)})


def quotes_are_verbatim(corpus: Corpus, claims: Path) -> Finding:
    """The quote of every claim is what its document's version says at its place."""

    # Claims come in the order of their texts, so one text at hand is enough.
    @lru_cache(maxsize=2)
    def text(seq: int, row: int, name: str) -> tuple[str, str]:
        found = corpus.store.texts(seq)[name][row].as_py() or ""
        return found, sha256(found)

    wrong = (row for row in _claims(corpus, claims) if not _says(row, text))
    examples = [f"{row['id']} {row['field']}[{row['start']}:{row['end']}]" for row in islice(wrong, _EXAMPLES)]
    misquoted = len(examples) + sum(1 for _ in wrong)
    told = f"{misquoted} claims misquote: {', '.join(examples)}" if misquoted else "every quote stands where it says"
    return Finding(not misquoted, told, {"claims": pq.read_metadata(claims).num_rows, "misquoted": misquoted})


def index_is_whole(corpus: Corpus, folder: Path) -> Finding:
    """The dense index has an entry, with a vector of its own text, for every passage of every live row; the lexical
    one has every live row.
    """
    import duckdb
    import tantivy

    with duckdb.connect() as connection:
        row = connection.execute(_LIVE, _tables(corpus)).fetchone()
    passages = row[0] if row else 0
    rows = int(corpus.alive.sum())
    vectors, owners = _entries(corpus, folder)
    indexed = tantivy.Index.open(str(folder / "lexical")).searcher().num_docs
    told = f"{owners} entries with {vectors} vectors for {passages} passages, {indexed} texts for {rows} rows"
    figures = {"passages": passages, "vectors": vectors, "rows": rows, "indexed": indexed}
    return Finding(vectors == owners == passages and indexed == rows, told, figures)


def vectors_have_length(folder: Path) -> Finding:
    """No vector is zero: it would be as near to one question as to any other."""
    zero = count = 0
    for vectors in _vectors(folder):
        count += len(vectors)
        for start in range(0, len(vectors), _BATCH):
            # A norm that is not a number counts as none.
            zero += int((~(np.linalg.norm(vectors[start : start + _BATCH], axis=1) > 0)).sum())
    return Finding(not zero, f"{zero} of {count} vectors are zero", {"vectors": count, "zero": zero})


def near_is_exact_enough(corpus: Corpus, index: Index) -> Finding:
    """An approximate index finds 95 % of what exact search finds among the first 10 and 100, for up to 1,000 titles."""
    if not isinstance(index.dense, dense.Dense):
        return Finding(True, "vectors are searched by Milvus, which is not measured here")
    kinds = sorted({part.kind for part in index.dense.parts} - {"flat"})
    if not kinds:
        return Finding(True, "vectors are searched exactly")
    titles = _titles(corpus)
    shares = recalls(index.dense, index.embedding.encode(titles), np.ones(corpus.table.num_rows, bool))
    figures = {"queries": len(titles), **{f"recall@{depth}": round(share, 4) for depth, share in shares.items()}}
    told = f"{', '.join(kinds)}: " + ", ".join(f"{name} {value}" for name, value in figures.items())
    return Finding(all(share >= SMALLEST_RECALL for share in shares.values()), told, figures)


def deletions_are_few(corpus: Corpus, before: Corpus | None) -> Finding:
    """No more than 2 % of the documents in force before are deleted now."""
    if before is None:
        return Finding(True, "there was no snapshot before")
    was = _in_force(before.table)["id"]
    dead = pc.and_(pc.is_null(corpus.table["known_until"]), corpus.table["deleted"])
    gone = was.filter(pc.is_in(was, corpus.table.filter(dead)["id"].combine_chunks()))
    share = len(gone) / len(was) if len(was) else 0.0
    told = f"{len(gone)} of {len(was)} documents were deleted"
    rows = [{"id": document} for document in sorted(gone.to_pylist())[:SHOWN]]
    figures = {"before": len(was), "deleted": len(gone), "share": share}
    return Finding(share <= LARGEST_DELETION, told, figures, rows)


def quarantine_is_small(store: Store, commits: Sequence[Commit]) -> Finding:
    """Less than 1 % of what was read could not be used; the reasons are counted."""
    bad = sum(c.quarantined for c in commits)
    read = bad + sum(c.records + c.deletions + c.marks for c in commits)
    reasons = Counter(row["reason"][:_REASON] for row in quarantine(store)) if bad else Counter()
    share = bad / read if read else 0.0
    rows: list[Row] = [{"file": c.file, "quarantined": c.quarantined} for c in commits if c.quarantined]
    told = f"{bad} of {read} records could not be used"
    figures = {"quarantined": bad, "read": read, "share": share}
    return Finding(share < LARGEST_QUARANTINE or not bad, told, figures, rows[:SHOWN], dict(reasons.most_common()))


def guidelines_have_one_version(corpus: Corpus, clocks: Clocks) -> Finding:
    """Of each guideline one version at most is in force on the clocks."""
    columns = ("id", "guideline", "guideline_version")
    there = pa.array(corpus.visible(clocks) & corpus.among("source", ["guidelines"]))
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for row in corpus.table.select(columns).filter(there).to_pylist():
        if row["guideline"] and corpus.status(row["id"], clocks).name not in BARRED:
            held[" ".join(json.loads(row["guideline"]))][row["guideline_version"]] += 1
    several = {name: versions for name, versions in held.items() if len(versions) > 1}
    shown: list[Row] = [
        {"guideline": name, "version": version, "recommendations": count}
        for name, versions in sorted((several or held).items()) for version, count in sorted(versions.items())
    ]  # fmt: skip
    told = f"{len(several)} of {len(held)} guidelines have several versions in force" if several else (
        f"{len(held)} guidelines, one version each")  # fmt: skip
    return Finding(not several, told, {"guidelines": len(held), "several": len(several)}, shown[:SHOWN])


def what_was_retracted_is_barred(corpus: Corpus, index: Lexical, now: datetime) -> Finding:
    """Where the index finds a document that a record in force calls retracted, it is told as retracted.

    What records say is read off the records themselves, not off the marks that questions go by. At most 50 are tried.
    """
    on = Clocks(date.max, now, explicit=False)
    stated = sorted(_retracted(corpus, on))
    tried, wrong, found = stated[:_TRIED], set(), set()
    for document in tried:
        title = corpus.document(corpus.row_of(document, on)).fields.get("title", "")
        hits = index.search(title, 10, sight(corpus, on)) if title else []
        for name in {corpus.table["id"][row].as_py() for row, *_ in hits}.intersection(stated):
            found.add(name)
            if corpus.status(name, on).name not in BARRED:
                wrong.add(name)
    told = f"{len(wrong)} retracted documents are found as if in force: {', '.join(sorted(wrong)[:_EXAMPLES])}"
    figures = {"retracted": len(stated), "tried": len(tried), "found": len(found), "in_force": len(wrong)}
    return Finding(not wrong, told if wrong else f"{len(found)} found, all of them told as retracted", figures,
                   [{"id": name} for name in sorted(wrong)[:SHOWN]])  # fmt: skip


def _retracted(corpus: Corpus, on: Clocks) -> set[str]:
    """The documents known and not deleted that records in force call retracted, and none calls reinstated."""
    rows = corpus.table.select(["id", "marks"]).filter(pa.array(corpus.visible(on))).to_pylist()
    said = [(target, kind) for row in rows if row["marks"] for target, kind, *_ in json.loads(row["marks"])]
    back = {target for target, kind in said if kind == REINSTATED}
    return {target for target, kind in said if kind == "retracted"} & {row["id"] for row in rows} - back


def no_shortfall_is_open(outstanding: Sequence[Mapping[str, Any]]) -> Finding:
    """All that was announced was had."""
    rows: list[Row] = [
        {"source": each["source"], "kind": each["kind"], "since": each["since"], "missing": each["records_missing"],
         "detail": each["detail"][:_REASON]} for each in outstanding
    ]  # fmt: skip
    counts = Counter(f"{each['provider']}: {each['kind']}" for each in outstanding)
    told = f"{len(rows)} shortfalls are open" if rows else "nothing that was announced is missing"
    return Finding(not rows, told, {"shortfalls": len(rows)}, rows[:SHOWN], dict(counts.most_common()))


def saved_answers_stand(saved: Sequence[Mapping[str, Any]]) -> Finding:
    """Nothing that a saved answer cites was deleted, retracted or superseded, or lost the words quoted."""
    fallen = [each for each in saved if not each["stands"]]
    rows = [{"answer": each["name"], "asked_at": each["asked_at"], "because": reason["id"], "what": reason["what"],
             "since": reason["since"], "notice": reason["notice"]}
            for each in fallen for reason in each["reasons"]]  # fmt: skip
    told = f"{len(fallen)} of {len(saved)} saved answers no longer stand" if fallen else f"all {len(saved)} stand"
    counts = {"stand": len(saved) - len(fallen), "fallen": len(fallen)} if saved else {}
    return Finding(not fallen, told, {"saved": len(saved), "fallen": len(fallen)}, rows[:SHOWN], counts)


def designs(corpus: Corpus) -> dict[str, int]:
    """How many documents in force have which design, the commonest first."""
    counts = pc.value_counts(_in_force(corpus.table)["design"].combine_chunks()).to_pylist()
    return {each["values"]: each["counts"] for each in sorted(counts, key=lambda c: (-c["counts"], c["values"]))}


def records_a_day(commits: Sequence[Commit]) -> dict[str, int]:
    """How many records were loaded on each of the last days on which any was."""
    found: Counter[str] = Counter()
    for commit in commits:
        found[commit.known_at.date().isoformat()] += commit.records
    return dict(sorted(found.items())[-_DAYS:])


def _vectors(folder: Path) -> Iterator[dense.Vectors]:
    """The vectors of each part, over a memory map that lives until the next is asked for."""
    for part in dense.parts.read(folder / "dense"):
        _index, vectors = read_exact(dense.engine(), part.path / "exact.faiss")
        yield vectors


def _entries(corpus: Corpus, folder: Path) -> tuple[int, int]:
    """How many entries have a vector of the text that their passage is embedded by, and how many there are."""
    entries = pq.read_table(folder / "dense" / "rows.parquet")
    if (folder / "dense" / cluster.COLLECTION).exists():  # the build asked Milvus for all of them
        return entries.num_rows, entries.num_rows
    texts = corpus.passages["embedded"].combine_chunks()
    whole = 0
    for number, (part, vectors) in enumerate(zip(dense.parts.read(folder / "dense"), _vectors(folder), strict=True)):
        here = entries.filter(pc.equal(entries["part"], number))
        here = here.filter(pc.less(here["place"], len(vectors)))
        whole += pc.sum(pc.equal(part.keys().take(here["place"]), texts.take(here["passage"]))).as_py() or 0
    return whole, entries.num_rows


def _titles(corpus: Corpus) -> list[str]:
    """At most 1,000 titles, evenly spaced over the live rows: the same ones each time."""
    rows = np.flatnonzero(corpus.alive)
    step = max(1, -(-len(rows) // QUERIES))
    texts = (corpus.document(int(row)).fields.get("title", "") for row in rows[::step])
    return [text for text in texts if text]


def _in_force(table: pa.Table) -> pa.Table:
    return table.filter(pc.and_(pc.is_null(table["known_until"]), pc.invert(table["deleted"])))


def _tables(corpus: Corpus) -> dict[str, str]:
    folder = snapshot.folder_of(corpus.store, corpus.name)
    return {name: str(folder / f"{name}.parquet") for name in ("documents", "passages")}


_LIVE = """
SELECT count(*) FROM read_parquet($passages) p
JOIN read_parquet($documents) d ON d.id = p.id AND d.version = p.version AND NOT d.deleted
"""
# A version read twice lies in two places with the same text; either will do.
_PLACES = """
WITH places AS (
    SELECT id, version, min(seq) AS seq, arg_min("row", seq) AS "row" FROM read_parquet($documents) GROUP BY id, version
)
SELECT c.id, c.version, c.field, c."start", c."end", c.quote, c.sha256, p.seq, p."row"
FROM read_parquet($claims) c LEFT JOIN places p ON p.id = c.id AND p.version = c.version
ORDER BY p.seq, p."row", c.field
"""


def _claims(corpus: Corpus, claims: Path) -> Iterator[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        found = connection.execute(_PLACES, {"documents": _tables(corpus)["documents"], "claims": str(claims)})
        names = [column[0] for column in found.description or ()]
        while rows := found.fetchmany(_BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def _says(row: Mapping[str, Any], text: Callable[[int, int, str], tuple[str, str]]) -> bool:
    if row["seq"] is None or not row["quote"]:
        return False
    found, digest = text(row["seq"], row["row"], row["field"])
    return (found[row["start"] : row["end"]], digest) == (row["quote"], row["sha256"])
