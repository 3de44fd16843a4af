"""Vectors by each kind of index, on the same vectors and cores in one run.

    python -m consilience.evaluation.benchmark_dense HOME --queries questions.jsonl.gz

The vectors are those that a home keeps; nothing is embedded but the questions (without `--queries`, stored vectors are
asked). Every kind at every size has a process of its own. Prints one JSON object: what building, opening, asking and an
update of 1 % cost, how much of exact search is found, over all there is and under filters, and what our call adds to
FAISS's own on the same index. `--grow N` adds a size of N vectors, made by shaking the real ones and marked synthetic.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora import segments
from consilience.corpora.store import SHARDS, Store
from consilience.evaluation import bench
from consilience.home import find
from consilience.indexes import dense
from consilience.indexes import profile as profiles
from consilience.indexes.dense.kinds import probes_for
from consilience.indexes.dense.library import one_thread
from consilience.indexes.dense.search import recalls
from consilience.indexes.dense.vectors import rows_of
from consilience.indexes.filters import Mask
from consilience.indexes.profile import DenseProfile
from consilience.models import Embedding

Kind = Literal["flat", "hnsw", "ivf_sq8", "ivf_pq"]
KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivf_sq8", "ivf_pq")
TOP, QUERIES = 100, 300
SHARES = (0.5, 0.05, 0.005)
_CHANGED = 0.01
_MODULE = "consilience.evaluation.benchmark_dense"
# How far a synthetic vector lies from the real one it was made of, in its own length.
_SHAKEN = 0.5


def stored(home: Path, embedding: Embedding) -> dense.Vectors:
    """The vectors a home keeps by one model, shape (n, dimension); shuffled, so that any first part is fair."""
    store = Store(find(home))
    paths = [p for shard in range(SHARDS) for p in segments.paths(dense.vectors_folder(store, embedding, shard))]
    kept = [rows_of(pq.read_table(path, columns=["vector"])["vector"], embedding.dimension) for path in paths]
    vectors = np.concatenate([np.zeros((0, embedding.dimension), np.float32), *kept])
    return cast(dense.Vectors, vectors[np.random.default_rng(1).permutation(len(vectors))])


def questions(path: Path | None, embedding: Embedding, vectors: dense.Vectors) -> dense.Vectors:
    """At most so many questions of a file, embedded, or as many of the vectors."""
    asked = bench.questions(path, QUERIES) if path else []
    return embedding.encode(asked) if asked else bench.evenly(vectors, QUERIES).copy()


def grown(vectors: dense.Vectors, size: int) -> dense.Vectors:
    """So many vectors: the real ones, then shaken copies of them."""
    chance = np.random.default_rng(2)
    copies = vectors[chance.integers(len(vectors), size=max(0, size - len(vectors)))]
    noise = chance.standard_normal(copies.shape, np.float32)
    copies = copies + noise * (_SHAKEN / np.sqrt(copies.shape[1]))
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    return cast(dense.Vectors, np.concatenate([vectors, copies]).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Vectors and questions as one process finds them, with the index it makes of all but the last 1 %."""

    folder: Path
    vectors: dense.Vectors
    profile: DenseProfile

    def assemble(self, name: str, size: int, earlier: Sequence[Path] = ()) -> float:
        """Build over the first so many vectors; the seconds it took."""
        numbers = np.arange(size, dtype=np.int32)
        entries = dense.Entries(numbers, numbers, pa.array([f"{n:024x}" for n in range(size)], pa.string()))
        started = time.perf_counter()
        dense.assemble(self.folder / name, entries, self._given, self.profile, earlier)
        return time.perf_counter() - started

    def _given(self, keys: Sequence[str]) -> dense.Vectors:
        return cast(dense.Vectors, self.vectors[np.array([int(key, 16) for key in keys], int)])


def measured(folder: Path, kind: Kind, given: DenseProfile | None = None) -> dict[str, Any]:
    """What one kind costs and finds, on `vectors.npy` and `queries.npy` in a folder."""
    vectors, queries = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    profile = (given or DenseProfile()).model_copy(update={"kind": kind})
    size = len(vectors) - round(len(vectors) * _CHANGED)
    of = _Asked(folder / kind, vectors, profile)
    told: dict[str, Any] = {"build_s": round(of.assemble("base", size), 3)}
    base = folder / kind / "base"
    told["update_s"] = round(of.assemble("next", len(vectors), [base]), 3)
    before = {path.stat().st_ino for path in _files(base)}
    told["update_bytes"] = sum(
        p.stat().st_size for p in _files(base.with_name("next")) if p.stat().st_ino not in before
    )
    told["bytes"] = sum(path.stat().st_size for path in _files(base))
    told["kind"] = dense.parts.read(base)[0].kind
    return {**told, **_searched(base, profile, queries, size)}


def _searched(base: Path, profile: DenseProfile, queries: dense.Vectors, size: int) -> dict[str, Any]:
    resting = bench.memory()
    index = dense.Dense(base, bench.KnownVectors("none", queries.shape[1]), profile)  # queries come as vectors here
    everything = np.ones(size, bool)
    raw, ours = _in_turns(queries, [_bare(index, profile), lambda query: index.nearest(query, TOP, everything)])
    told: dict[str, Any] = {"resident_mb": {name: round(mib) for name, mib in bench.taken(resting).items()}}
    told |= {**_latency(ours), "faiss_p50_ms": _latency(raw)["p50_ms"]}
    told["over_faiss"] = round(float(np.median(ours) / np.median(raw)), 3)
    told |= _recall(index, queries, everything)
    drawn = np.random.default_rng(3).random(size)
    told["filtered"] = {str(share): _narrowed(index, queries, drawn < share) for share in SHARES}
    return told


def _narrowed(index: dense.Dense, queries: dense.Vectors, allowed: Mask) -> dict[str, Any]:
    [ours] = _in_turns(queries, [lambda query: index.nearest(query, TOP, allowed)])
    return {**_latency(ours), **_recall(index, queries, allowed)}


def _recall(index: dense.Dense, queries: dense.Vectors, allowed: Mask) -> dict[str, float]:
    return {f"recall@{depth}": round(share, 4) for depth, share in recalls(index, queries, allowed).items()}


def _bare(index: dense.Dense, profile: DenseProfile) -> Callable[[dense.Vectors], Any]:
    """FAISS's own call on the index of the base, with the same parameters, and neither mask nor exact scores."""
    faiss = dense.engine()
    [opened] = index.opened
    if opened.near is None:
        return lambda query: opened.index.search(query.reshape(1, -1), TOP)
    bare, options = opened.near.index, faiss.SearchParametersHNSW(efSearch=profile.search_effort)
    if profile.kind != "hnsw":
        options = faiss.SearchParametersIVF(nprobe=probes_for(bare.nlist, profile))
    return lambda query: bare.search(query.reshape(1, -1), TOP, params=options)


def _in_turns(
    queries: dense.Vectors, calls: Sequence[Callable[[dense.Vectors], Any]]
) -> list[list[float]]:  # fmt: skip
    """The seconds of each call for each query, after one that is not counted; other work then hits all alike."""
    spent: list[list[float]] = [[] for _ in calls]
    with one_thread(dense.engine()):
        for number, query in enumerate((queries[0], *queries)):
            for call, times in zip(calls, spent, strict=True):
                started = time.perf_counter()
                call(query)
                if number:
                    times.append(time.perf_counter() - started)
    return spent


def _latency(times: Sequence[float]) -> dict[str, float]:
    return bench.rounded({**bench.latency(times), "per_s": round(1 / float(np.mean(times)), 1)})


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def measure(
    vectors: dense.Vectors, queries: dense.Vectors, sizes: Sequence[int], kinds: Sequence[Kind] = KINDS,
    *, real: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every kind at every size, with its ratios to exact search in the same run."""
    told: dict[str, Any] = {"queries": len(queries), "dimension": int(vectors.shape[1]), "top": TOP, "sizes": []}
    for size in sizes:
        with TemporaryDirectory(prefix="consilience-bench-") as scratch:
            folder = Path(scratch)
            np.save(folder / "vectors.npy", vectors[:size])
            np.save(folder / "queries.npy", queries)
            found = {kind: bench.alone(_MODULE, "--alone", kind, str(folder)) for kind in kinds}
        for each in found.values():
            if "flat" in found:
                each["p50_to_flat"] = round(each["p50_ms"] / found["flat"]["p50_ms"], 3)
        told["sizes"].append({"vectors": size, "synthetic": size > (real or len(vectors)), "kinds": found})
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a home that was refreshed")
    parser.add_argument("--queries", type=Path, help="questions as JSONL, plain or gzipped")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000], help="besides all there are")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--grow", type=int, default=0, metavar="N", help="one more size, of synthetic vectors")
    parser.add_argument("--alone", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        sys.stdout.write(json.dumps(measured(given.home, given.alone)) + "\n")
        return
    from consilience.models.embedding import embedding_by_name

    rooms = find(given.home)
    embedding = embedding_by_name(profiles.load(rooms, profiles.chosen(rooms)).dense.embedding)
    vectors = stored(given.home, embedding)
    queries, real = questions(given.queries, embedding, vectors), len(vectors)
    sizes = [*(size for size in given.sizes if size < real), real, *([given.grow] if given.grow > real else [])]
    found = measure(grown(vectors, max(sizes)), queries, sizes, given.kinds, real=real)
    sys.stdout.write(json.dumps({"embedding": embedding.name, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
