"""Under which ids one document is held: what befalls one record of it befalls every copy.

A record with an id of its own and a PMID is the paper of that PMID, whether that is loaded or not; the duplicates are
those of `links`, unless people decided that two are apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consilience.corpora import keys, segments
from consilience.corpora.fold import touched_last
from consilience.corpora.links import APART, DUPLICATE
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.records import pmid_curie

_NUMBERED = pa.schema([keys.KEYS.field(name) for name in ("id", "version", "pmid")])
# Another name of a document, from one instant until another; None is for good.
Name = tuple[str, datetime, datetime | None]
Mark = dict[str, Any]


def copies(store: Store, commits: Sequence[Commit], history: pa.Table, links: pa.Table) -> dict[str, list[Name]]:
    """The other ids of each document, and when this corpus knew them for one."""
    windows: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for a, b, start, end in (*_linked(links), *_numbered(store, commits, history)):
        windows[a, b].append((start, end))
        windows[b, a].append((start, end))
    found: dict[str, list[Name]] = defaultdict(list)
    for (a, b), known in windows.items():
        found[a] += [(b, start, end) for start, end in _joined(known)]
    return dict(found)


def _linked(links: pa.Table) -> Iterator[tuple[str, str, datetime, datetime | None]]:
    apart = _apart(links)
    for row in links.filter(pc.equal(links["kind"], DUPLICATE)).to_pylist():
        if (row["a"], row["b"]) not in apart:
            yield row["a"], row["b"], row["known_from"], row["known_until"]


def _apart(links: pa.Table) -> set[tuple[str, str]]:
    held = links.filter(pc.equal(links["kind"], APART))
    pairs = set(zip(held["a"].to_pylist(), held["b"].to_pylist(), strict=True))
    return pairs | {(b, a) for a, b in pairs}


def _numbered(
    store: Store, commits: Sequence[Commit], history: pa.Table
) -> Iterator[tuple[str, str, datetime, datetime | None]]:
    """Records that have a PMID and another id, as an export with ids of its own makes them."""
    own = history.filter(pc.invert(pc.starts_with(history["id"], "PMID:")))
    own = own.filter(pc.and_(pc.is_null(own["guideline_version"]), pc.invert(own["deleted"])))
    if not own.num_rows:
        return
    shards = [shard for shard in range(SHARDS) if touched_last(commits, shard)]
    keys.build(store, commits, shards)
    tables = [t for s in shards if (t := segments.read(keys.folder_of(store, s), _NUMBERED)) is not None]
    known = pa.concat_tables([_NUMBERED.empty_table(), *tables])
    known = known.filter(pc.greater(known["pmid"], 0))
    pmids = {(row["id"], row["version"]): row["pmid"] for row in known.to_pylist()}
    for row in own.select(["id", "version", "known_from", "known_until"]).to_pylist():
        if pmid := pmids.get((row["id"], row["version"])):
            yield row["id"], pmid_curie(str(pmid)), row["known_from"], row["known_until"]


def _joined(windows: Iterable[tuple[datetime, datetime | None]]) -> list[tuple[datetime, datetime | None]]:
    """Windows that touch or overlap as one: a new version of a copy is a copy still."""
    found: list[tuple[datetime, datetime | None]] = []
    for start, end in sorted(windows, key=lambda w: w[0]):
        last = found[-1] if found else None
        if last and (last[1] is None or start <= last[1]):
            found[-1] = (last[0], None if last[1] is None or end is None else max(last[1], end))
        else:
            found.append((start, end))
    return found


def spread(marks: Iterable[Mark], of: Mapping[str, Sequence[Name]], links: pa.Table) -> Iterator[Mark]:
    """The same marks about every copy, known when both were; where no notice is named they name the one they are of."""
    apart = _apart(links)
    for mark in marks:
        reached, waiting = {mark["target"]}, [(mark["target"], mark["known_from"], mark["known_until"])]
        while waiting:
            document, start, end = waiting.pop()
            near = [n for n in of.get(document, ()) if n[0] not in reached and (n[0], mark["target"]) not in apart]
            for other, since, until in near:
                first, last = max(start, since), min((t for t in (end, until) if t), default=None)
                if last is None or first < last:
                    reached.add(other)
                    waiting.append((other, first, last))
                    yield {**mark, "target": other, "notice": mark["notice"] or mark["target"],
                           "known_from": first, "known_until": last}  # fmt: skip


__all__ = ["copies", "spread"]
