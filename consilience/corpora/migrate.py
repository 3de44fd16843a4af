"""Bringing a store of an older layout up to this one: one function for each step, one commit at a time.

Nothing a source said is touched: a step only derives what a later layout keeps beside it. The commit file is rewritten
last and tells the layout of its rows, so a killed migration goes on with the commits it had not reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.design import sample_size_of
from consilience.corpora.store import LAYOUT, ROWS, Store, layout_of, layout_refused
from consilience.errors import StoreDamagedError
from consilience.home import Progress, publish, staging, write_atomically
from consilience.records import Record, canonical_json


def migrate(store: Store, progress: Progress | None = None) -> tuple[int, int]:
    """Bring every commit up to `store.LAYOUT` under the writer's lock; return how many there are, and were rewritten.

    A second run writes nothing. A store of a newer layout than ours is refused before anything is written.
    """
    with store.rooms.writing():
        found = list(_commits(store.folder))
        if newer := next((body for _, body in found if layout_of(body) > LAYOUT), None):
            raise layout_refused(newer)
        stale = [(path, body) for path, body in found if layout_of(body) < LAYOUT]
        for done, (path, body) in enumerate(stale, start=1):
            for layout in range(layout_of(body), LAYOUT):
                STEPS[layout](store, int(path.stem))
                body["layout"] = layout + 1
                write_atomically(path, (canonical_json(body) + "\n").encode())
            if progress:
                progress("migrate", done, len(stale))
        return len(found), len(stale)


def _commits(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((folder / "commits").glob("[0-9]*.json")):
        try:
            yield path, dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StoreDamagedError(
                "a commit is unreadable", where=f"corpora/store/commits/{path.name}", expected="restore from a backup"
            ) from error


def _to_2(store: Store, seq: int) -> None:
    """Layout 2 keeps doi, registry and sample_size as columns; a killed step is simply done again."""
    path = store.rows_path(seq)
    try:
        with staging(store.folder, "migrate") as scratch:
            staged = scratch / path.name
            with pq.ParquetFile(path) as old, pq.ParquetWriter(staged, ROWS, compression="zstd") as facts:
                for group in range(old.num_row_groups):  # one a batch of the writer's: the same bytes as a fresh load
                    rows = [{**row, **_derived(row)} for row in old.read_row_group(group).to_pylist()]
                    facts.write_batch(pa.RecordBatch.from_pylist(rows, schema=ROWS))
            publish(staged, path)
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreDamagedError(
            "a file of facts is missing or unreadable", where=f"corpora/store/records/{path.name}",
            expected="restore from a backup",
        ) from error  # fmt: skip


def _derived(row: Mapping[str, Any]) -> dict[str, Any]:
    if row["op"] != "put":
        return {}
    meta = json.loads(row["meta"] or "{}")
    registry = meta.get("registry_ids")
    return {
        "doi": meta.get("doi"), "registry": canonical_json(registry) if registry else None,
        "sample_size": sample_size_of(Record(row["id"], row["source"], {"abstract": row["abstract"] or ""})),
    }  # fmt: skip


# The step from each layout to the next.
STEPS: dict[int, Callable[[Store, int], None]] = {1: _to_2}
