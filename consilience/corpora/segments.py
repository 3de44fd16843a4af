"""Derived rows kept per shard in append-only segments, each named by the last commit it covers.

A segment that exists is done and never changes, so a step that was killed goes on where it stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consilience.home import STAGED, name_of, publish


def due(folder: Path, through: int, suffix: str = "") -> Path | None:
    """The segment that a shard still lacks to reach commit `through`, or None when it has it or holds nothing."""
    target = folder / f"{name_of(through)}{suffix}.parquet"
    return target if through and not target.exists() else None


def paths(folder: Path) -> list[Path]:
    """The finished segments of one shard, oldest first."""
    return sorted(folder.glob("[0-9]*.parquet"))


def read(folder: Path, schema: pa.Schema | None = None) -> pa.Table | None:
    """All rows of one shard, or None if it has no segment."""
    tables = [pq.read_table(path, schema=schema) for path in paths(folder)]
    return pa.concat_tables(tables) if tables else None


def values(folder: Path, *columns: str) -> set[Any]:
    """The distinct values of a column, or tuples of several, over all segments of a shard."""
    found: set[Any] = set()
    for path in paths(folder):
        table = pq.read_table(path, columns=list(columns))
        lists = [table[name].to_pylist() for name in columns]
        found.update(lists[0] if len(lists) == 1 else zip(*lists, strict=True))
    return found


def keep_last(folder: Path) -> None:
    """Remove all segments but the last, where each holds all that the ones before it held."""
    for older in paths(folder)[:-1]:
        older.unlink(missing_ok=True)


def write(target: Path, table: pa.Table, *, compression: str = "zstd") -> None:
    """Publish one segment, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f"{STAGED}{target.name}")
    pq.write_table(table, staged, compression=compression, use_dictionary=compression != "none")
    publish(staged, target)
