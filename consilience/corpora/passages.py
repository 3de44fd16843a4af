"""Citation -> passages: pieces short enough to embed, with stable ids and exact offsets."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import segments
from consilience.corpora.fold import VERSION as FOLD
from consilience.corpora.fold import history_path, touched_last
from consilience.corpora.store import TEXT_FIELDS, Commit, Store
from consilience.text import sentences

VERSION = "passages.2"
# MiniLM reads 256 word pieces, some 1,200 characters of abstract; a longer text would lose its conclusion.
LONGEST = 1200

PASSAGES = pa.schema([
    ("id", pa.string()), ("version", pa.string()), ("seq", pa.int32()), ("row", pa.int32()),
    ("passage", pa.string()), ("field", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    ("embedded", pa.string()),  # hash of the text that is embedded: the key of its vector
])  # fmt: skip


class Piece(NamedTuple):
    """A half-open stretch of one field."""

    field: str
    start: int
    end: int


def pieces(fields: dict[str, str | None]) -> list[Piece]:
    """Cut a document: each long field into near-equal runs of whole sentences, a lone title as itself.

    The title is not a passage of its own beside an abstract: it is embedded with each piece of it.
    """
    found = [piece for name in TEXT_FIELDS if name != "title" and fields.get(name)
             for piece in _cut(name, fields[name] or "")]  # fmt: skip
    title = fields.get("title")
    return found or ([Piece("title", 0, len(title))] if title else [])


def _cut(name: str, text: str) -> Iterator[Piece]:
    count = math.ceil(len(text) / LONGEST)
    if count == 1:
        yield Piece(name, 0, len(text))
        return
    goal = len(text) / count
    begin, number = 0, 1
    for (_, end), (following, further) in pairwise(sentences(text)):
        # Piece n ends with the sentence whose end is nearest to n goals, so that no small rest remains.
        if number < count and further - number * goal > number * goal - end:
            yield Piece(name, begin, end)
            begin, number = following, max(number, int(end / goal)) + 1
    yield Piece(name, begin, len(text))


def embedded_text(fields: dict[str, str | None], piece: Piece) -> str:
    """What is embedded for a piece: the title for context, then the piece."""
    text = (fields.get(piece.field) or "")[piece.start : piece.end]
    title = fields.get("title") or ""
    return text if piece.field == "title" or not title else f"{title} {text}"


def passage_id(document: str, version: str, piece: Piece) -> str:
    """`PMID:99000001@0a1b2c3d4e5f#abstract:0-512`: the same words for ever."""
    return f"{document}@{version}#{piece.field}:{piece.start}-{piece.end}"


def text_key(text: str) -> str:
    """The content hash under which a text's vector is cached."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def folder_of(store: Store, shard: int) -> Path:
    """Where one shard's passages lie."""
    return store.folder / "passages" / f"{FOLD}-{VERSION}" / f"{shard:02d}"


def build(store: Store, commits: Sequence[Commit], shards: Iterable[int]) -> list[int]:
    """Append the passages of versions not cut before, one segment a shard; return the shards written."""
    written = []
    for shard in shards:
        folder = folder_of(store, shard)
        target = segments.due(folder, touched_last(commits, shard))
        if target is None:
            continue
        done = segments.values(folder, "id", "version")
        rows = [row for seq, at, *key in _versions(store, commits, shard) if tuple(key) not in done
                for row in _rows(store, seq, at, *key)]  # fmt: skip
        segments.write(target, pa.Table.from_pylist(rows, schema=PASSAGES))
        written.append(shard)
    return written


def _versions(store: Store, commits: Sequence[Commit], shard: int) -> Iterator[tuple[int, int, str, str]]:
    history = pq.read_table(
        history_path(store, shard, touched_last(commits, shard)), columns=["seq", "row", "id", "version", "deleted"]
    )
    history = history.filter(pc.invert(history["deleted"]))
    seen: set[tuple[str, str]] = set()
    for seq, row, document, version, _ in zip(*(c.to_pylist() for c in history.columns), strict=True):
        if (document, version) not in seen:
            seen.add((document, version))
            yield seq, row, document, version


def _rows(store: Store, seq: int, row: int, document: str, version: str) -> Iterator[dict[str, object]]:
    fields = fields_at(store, seq, row)
    for piece in pieces(fields):
        yield {
            "id": document, "version": version, "seq": seq, "row": row, "passage": passage_id(document, version, piece),
            "field": piece.field, "start": piece.start, "end": piece.end,
            "embedded": text_key(embedded_text(fields, piece)),
        }  # fmt: skip


def fields_at(store: Store, seq: int, row: int) -> dict[str, str | None]:
    """The quotable fields of one stored row, read through the memory map."""
    table = store.texts(seq)
    return {name: table[name][row].as_py() for name in TEXT_FIELDS}
