"""What an index costs as the corpus grows, and what that comes to for many documents.

    python -m consilience.evaluation.benchmark_growth HOME --queries questions.jsonl.gz

Cuts the newest snapshot of a home down to so many documents, evenly spaced, builds its index by a profile in a process
of its own (texts and vectors are those of the home: nothing is embedded), and opens and asks it in another. Prints one
JSON object: seconds by the clock and of the processor, peak memory, bytes by part, memory after opening, latency of a
hybrid search without embedding the question; then a straight line through the sizes and where it leads.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience import indexes
from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus
from consilience.evaluation import bench
from consilience.evaluation.bench import newest
from consilience.home import find, init
from consilience.indexes import Index
from consilience.indexes import profile as profiles
from consilience.models import Embedding
from consilience.models.embedding import embedding_by_name

FAR, QUERIES, TOP = 40_000_000, 200, 100
_MODULE = "consilience.evaluation.benchmark_growth"
_NOW = Clocks(date(2100, 1, 1), datetime(2100, 1, 1, tzinfo=UTC), explicit=False)


def cut(home: Path, folder: Path, documents: int, name: str) -> Path:
    """A home whose snapshot has so many rows of another's, and whose facts and vectors are the other's own."""
    whole, made = newest(home), init(folder)
    if name != profiles.DEFAULT and not (made.root / "indexes" / f"{name}.yaml").exists():
        shutil.copy(find(home).root / "indexes" / f"{name}.yaml", made.root / "indexes")
    target = made.corpora / "snapshots" / whole.name
    target.mkdir(parents=True)
    rows = np.arange(documents, dtype=np.int64) * whole.table.num_rows // documents
    kept = whole.table.take(pa.array(rows))
    passages = whole.passages
    pq.write_table(kept, target / "documents.parquet")
    pq.write_table(passages.filter(pc.is_in(_keys(passages), _keys(kept))), target / "passages.parquet")
    for path in snapshot.folder_of(whole.store, whole.name).iterdir():
        if not (target / path.name).exists():
            shutil.copy(path, target)
    for source, links in ((whole.store.folder, made.corpora), (whole.store.rooms.indexes, made.indexes)):
        links.mkdir(parents=True, exist_ok=True)
        for path in source.resolve().iterdir():
            if path.name in ("commits", "texts", "records", "passages", "citations", "vectors"):
                (links / path.name).symlink_to(path)
    return made.root


def _keys(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(table["id"], table["version"], "|")


def built(home: Path, name: str, model: Embedding) -> dict[str, Any]:
    """Build the index of a home here, and tell what it took."""
    corpus, profile = newest(home), profiles.load(find(home), name)
    clock, burnt = time.perf_counter(), time.process_time()
    indexes.build(corpus, corpus.store.commits(), profile, model)
    told = {"build_s": time.perf_counter() - clock, "build_cpu_s": time.process_time() - burnt}
    folder, snapshots = indexes.folder_of(corpus, profile), snapshot.folder_of(corpus.store, corpus.name)
    parts = {path.name: path for path in folder.iterdir() if path.is_dir()} | {"snapshot": snapshots}
    told |= {f"{part}_bytes": _bytes(path) for part, path in sorted(parts.items())}
    return {**told, "passages": corpus.passages.num_rows, "build_peak_mb": bench.peak()}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def searched(home: Path, name: str, model: Embedding, queries: Sequence[str]) -> dict[str, Any]:
    """Open the index of a home here, ask it, and tell memory and milliseconds."""
    before = bench.memory()
    corpus = newest(home)
    index = Index(corpus, profiles.load(find(home), name), model)
    spent: list[tuple[float, float]] = []
    for query in (queries[0], *queries):
        clock, burnt = time.perf_counter(), time.process_time()
        index.search(query, top=TOP, clocks=_NOW)
        spent.append((time.perf_counter() - clock, time.process_time() - burnt))
    told = {f"open_{kind}_mb": mib for kind, mib in bench.taken(before).items()}
    clocks, processor = zip(*spent[1:], strict=True)
    told |= {"first_ms": 1000 * spent[0][0], **{f"search_{name}": ms for name, ms in bench.latency(clocks).items()}}
    return {**told, "search_cpu_ms": 1000 * float(np.median(processor))}


def line(sizes: Sequence[int], values: Sequence[float], far: int = FAR) -> dict[str, float]:
    """The straight line of least squares through some sizes: at none, for a million more, how well, and far away."""
    at, seen = np.asarray(sizes, float), np.asarray(values, float)
    slope, start = (float(each) for each in np.polyfit(at, seen, 1))
    spread = float(np.square(seen - seen.mean()).sum())
    left = float(np.square(seen - (start + slope * at)).sum())
    fit = 1.0 - left / spread if spread else 1.0
    return {"start": start, "a_million": slope * 1e6, "r2": fit, f"at_{far}": start + slope * far}


def measure(home: Path, queries: Sequence[str], sizes: Sequence[int], name: str, model: Embedding) -> dict[str, Any]:
    """Every size in processes of its own, and the lines through them."""
    vectors = np.stack([model.encode_query(query) for query in queries])
    told = []
    with TemporaryDirectory(prefix="consilience-grow-") as scratch:
        given = {"name": model.name, "dimension": model.dimension, "queries": list(queries)}
        (Path(scratch) / "given.json").write_text(json.dumps(given), encoding="utf-8")
        np.save(Path(scratch) / "queries.npy", vectors)
        for size in sizes:
            root = cut(home, Path(scratch) / f"home-{size}", size, name)
            words = [str(root), "--profile", name, "--given", scratch, "--step"]
            steps = [bench.alone(_MODULE, *words, step) for step in ("build", "search")]
            told.append({"documents": size, **steps[0], **steps[1]})
            shutil.rmtree(root)
    return {"profile": name, "queries": len(queries), "top": TOP, "sizes": told, "lines": _lines(told)}


def _lines(told: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    sizes = [each["documents"] for each in told]
    named = [name for name in told[0] if name != "documents"] if len(sizes) > 1 else []
    return {name: line(sizes, [each[name] for each in told]) for name in named}


def one(step: str, home: Path, name: str, scratch: Path) -> dict[str, Any]:
    """One step on one home, in this process: no text lacks a vector, and the questions were embedded before."""
    given = json.loads((scratch / "given.json").read_text(encoding="utf-8"))
    known = dict(zip(given["queries"], np.load(scratch / "queries.npy"), strict=True))
    model = bench.KnownVectors(given["name"], given["dimension"], known)
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "build": lambda: built(home, name, model),
        "search": lambda: searched(home, name, model, given["queries"]),
    }
    return steps[step]()


def titles(corpus: Corpus) -> list[str]:
    """What is asked without a file: titles of documents, spread over the snapshot."""
    rows = np.flatnonzero(corpus.alive)
    return bench.evenly([corpus.document(int(row)).fields.get("title", "") for row in rows], QUERIES)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a home that was refreshed")
    parser.add_argument("--queries", type=Path, help="questions as JSONL, plain or gzipped; else titles")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000], help="besides all there are")
    parser.add_argument("--profile", default=profiles.DEFAULT)
    parser.add_argument("--step", choices=("build", "search"), help=argparse.SUPPRESS)
    parser.add_argument("--given", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        told = one(given.step, given.home, given.profile, given.given)
    else:
        corpus = newest(given.home)
        whole = corpus.table.num_rows
        queries = bench.questions(given.queries, QUERIES) if given.queries else titles(corpus)
        model = embedding_by_name(profiles.load(find(given.home), profiles.DEFAULT).dense.embedding)
        sizes = [*(size for size in given.sizes if size < whole), whole]
        told = measure(given.home, queries, sizes, given.profile, model)
    sys.stdout.write(json.dumps(bench.rounded(told), indent=None if given.step else 1) + "\n")


if __name__ == "__main__":
    main()
