"""What a snapshot's vectors lie in: immutable parts, one base and the deltas after it, shared by hard links.

A part is a folder: `exact.faiss` with the vectors, `keys.parquet` with the text each is of, and beside them
`near.faiss`, an approximate index, or in a large part that is searched exactly, `coarse.faiss` and its scale. A
vector's place in its part never changes. An update links the parts it finds and adds one with what they lack; when too
much lies in deltas, or too much is of texts that are gone, all is built anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.errors import StoreDamagedError
from consilience.home import fingerprint, same_file
from consilience.indexes.dense import coarse, kinds
from consilience.indexes.dense.vectors import Vectors
from consilience.indexes.profile import DenseProfile
from consilience.records import canonical_json

MANIFEST = "parts.json"
# Shares of all vectors: a delta is searched exactly, and what is dead is masked, each at a cost that must stay small.
LARGEST_DELTA, LARGEST_DEAD = 0.1, 0.2
# Each part costs a query some tens of microseconds.
MOST_DELTAS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One part in a folder of parts: its name, how many vectors it holds, and the kind that searches them."""

    folder: Path
    name: str
    kind: str
    vectors: int

    @property
    def path(self) -> Path:
        """Where its files lie."""
        return self.folder / self.name

    def keys(self) -> pa.Array:
        """The text of each vector, by its key."""
        return pq.read_table(self.path / "keys.parquet")["embedded"].combine_chunks()

    def as_json(self) -> dict[str, Any]:
        """Its line in the manifest."""
        return {"name": self.name, "kind": self.kind, "vectors": self.vectors}


@dataclass(frozen=True, slots=True)
class Layout:
    """Parts to be taken over, and the keys of one to be made, a base if nothing is taken over."""

    kept: tuple[Part, ...]
    fresh: pa.Array


def read(folder: Path) -> tuple[Part, ...]:
    """The parts of a built index, base first; none where there is no manifest."""
    return tuple(Part(folder, each["name"], each["kind"], each["vectors"]) for each in _manifest(folder)["parts"])


def told(folder: Path) -> str:
    """Why a base is not of the kind its profile names; empty where it is."""
    return str(_manifest(folder)["told"])


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {"parts": [], "told": ""}
    except ValueError as error:
        raise StoreDamagedError(
            "the dense index is unreadable", where="indexes/store", expected="delete that folder and refresh"
        ) from error


def plan(wanted: pa.Array, earlier: Iterable[Path]) -> Layout:
    """How the vectors of these distinct keys are to lie, given indexes of the same profile built before."""
    best, held, dead = _best(wanted, earlier)
    if not best:
        return Layout((), wanted)
    base, *deltas = best
    in_deltas = sum(part.vectors for part in deltas)
    fresh = wanted.filter(pc.invert(held))
    if in_deltas + len(fresh) > LARGEST_DELTA * len(wanted) or dead > LARGEST_DEAD * sum(p.vectors for p in best):
        return Layout((), wanted)
    if len(fresh) and len(deltas) >= MOST_DELTAS:
        return Layout((base,), wanted.filter(pc.invert(pc.is_in(wanted, base.keys()))))
    return Layout(best, fresh)


def _best(wanted: pa.Array, earlier: Iterable[Path]) -> tuple[tuple[Part, ...], Any, int]:
    """Of the indexes built before the one that holds most of what is wanted: its parts, which keys, how many dead."""
    found: tuple[tuple[Part, ...], Any, int] = ((), None, 0)
    most = 0
    for folder in earlier:
        if parts := read(folder):
            keys = pa.concat_arrays([part.keys() for part in parts])
            held = pc.is_in(wanted, keys)
            if (count := pc.sum(held).as_py() or 0) > most:
                most, found = count, (parts, held, len(keys) - count)
    return found


def make(
    faiss: Any, folder: Path, layout: Layout, vectors_of: Callable[[Sequence[str]], Vectors], profile: DenseProfile
) -> tuple[Part, ...]:
    """Write a folder of parts with its manifest; deltas are exact, whatever the kind of the base."""
    for part in layout.kept:
        shutil.copytree(part.path, folder / part.name, copy_function=same_file)
    made = [Part(folder, part.name, part.kind, part.vectors) for part in layout.kept]
    if len(layout.fresh) or not made:
        keys = layout.fresh.to_pylist()
        made.append(_write(faiss, folder, keys, vectors_of(keys), profile if not made else None))
    asked, size = profile.kind, made[0].vectors
    why = f"{size} vectors are too few for {asked}: they are searched exactly" if made[0].kind != asked else ""
    body = {"parts": [part.as_json() for part in made], "told": why}
    (folder / MANIFEST).write_text(canonical_json(body) + "\n", encoding="utf-8")
    return tuple(made)


def _write(faiss: Any, folder: Path, keys: Sequence[str], vectors: Vectors, profile: DenseProfile | None) -> Part:
    """Write one part: a base by its profile, a delta without."""
    name = f"{'delta' if profile is None else 'base'}-{fingerprint(list(keys))}"
    path = folder / name
    path.mkdir()
    kinds.write_exact(faiss, path / "exact.faiss", vectors)
    pq.write_table(pa.table({"embedded": pa.array(keys, pa.string())}), path / "keys.parquet", compression="zstd")
    near = kinds.trained(faiss, vectors, profile) if profile else None
    if near is not None:
        kinds.write_near(faiss, path / "near.faiss", near)
    elif profile and len(vectors) >= profile.least:
        coarse.write(faiss, path, vectors)
    return Part(folder, name, profile.kind if profile and near is not None else "flat", len(keys))


def places_of(parts: Sequence[Part], keys: pa.Array) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """The part and the place in it of each of these keys, all of which are held."""
    part_of, place_of = np.zeros(len(keys), np.int16), np.zeros(len(keys), np.int32)
    for number, part in enumerate(parts):
        at = pc.index_in(keys, part.keys()).to_numpy(zero_copy_only=False).astype(np.float64)
        here = ~np.isnan(at)
        part_of[here], place_of[here] = number, at[here]
    return part_of, place_of
