"""What must be true of a refresh before anyone sees it: plain functions, told to Dagster by the files in defs/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import snapshot
from consilience.corpora.corpus import Corpus
from consilience.records import sha256

LARGEST_FALL = 0.005
_BATCH = 10_000
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something holds, in one sentence, with the figures it rests on."""

    holds: bool
    told: str
    figures: Mapping[str, int | float] = field(default_factory=dict)


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
    """The dense index holds every passage of every live row, the lexical one every live row."""
    import duckdb
    import tantivy

    with duckdb.connect() as connection:
        row = connection.execute(_LIVE, _tables(corpus)).fetchone()
    passages = row[0] if row else 0
    rows = int(corpus.alive.sum())
    vectors = _vectors(folder).ntotal
    owners = pq.read_metadata(folder / "dense" / "rows.parquet").num_rows
    indexed = tantivy.Index.open(str(folder / "lexical")).searcher().num_docs
    told = f"{vectors} vectors and {owners} owners for {passages} passages, {indexed} texts for {rows} rows"
    figures = {"passages": passages, "vectors": vectors, "rows": rows, "indexed": indexed}
    return Finding(vectors == owners == passages and indexed == rows, told, figures)


def vectors_have_length(folder: Path) -> Finding:
    """No vector is zero: it would be as near to one question as to any other."""
    index = _vectors(folder)
    zero = 0
    for start in range(0, index.ntotal, _BATCH):
        block = index.reconstruct_n(start, min(_BATCH, index.ntotal - start))
        # A norm that is not a number counts as none.
        zero += int((~(np.linalg.norm(block, axis=1) > 0)).sum())
    return Finding(not zero, f"{zero} of {index.ntotal} vectors are zero", {"vectors": index.ntotal, "zero": zero})


def _vectors(folder: Path) -> Any:
    import faiss

    return faiss.read_index(str(folder / "dense" / "flat.faiss"), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)


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
