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
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from consilience.corpora.store import Store
from consilience.evaluation import datasets
from consilience.home import find, init
from consilience.indexes import Index
from consilience.indexes import profile as profiles
from consilience.models import Embedding
from consilience.models.embedding import embedding_by_name

FAR, QUERIES, TOP = 40_000_000, 200, 100
_ASKED = ("query", "question", "claim")
_NOW = Clocks(date(2100, 1, 1), datetime(2100, 1, 1, tzinfo=UTC), explicit=False)


def newest(home: Path) -> Corpus:
    """The snapshot of a home that was made last."""
    store = Store(find(home))
    return Corpus(store, max((store.folder / "snapshots").glob("[!.]*"), key=lambda at: at.stat().st_mtime).name)


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


@dataclass
class _NoModel:
    """Stands where the embedding would: no text lacks a vector, and questions were embedded before."""

    name: str
    dimension: int
    known: dict[str, Any] = field(default_factory=dict)

    def encode(self, texts: Sequence[str]) -> Any:
        raise NotImplementedError

    def encode_query(self, text: str) -> Any:
        return self.known[text]


def built(home: Path, name: str, model: Embedding) -> dict[str, Any]:
    """Build the index of a home here, and tell what it took."""
    corpus, profile = newest(home), profiles.load(find(home), name)
    clock, burnt = time.perf_counter(), time.process_time()
    indexes.build(corpus, corpus.store.commits(), profile, model)
    told = {"build_s": time.perf_counter() - clock, "build_cpu_s": time.process_time() - burnt}
    folder, snapshots = indexes.folder_of(corpus, profile), snapshot.folder_of(corpus.store, corpus.name)
    parts = {path.name: path for path in folder.iterdir() if path.is_dir()} | {"snapshot": snapshots}
    told |= {f"{part}_bytes": _bytes(path) for part, path in sorted(parts.items())}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**told, "passages": corpus.passages.num_rows, "build_peak_mb": peak / (1024**2 if _BYTES else 1024)}


# macOS tells bytes where Linux tells kilobytes.
_BYTES = sys.platform == "darwin"


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def searched(home: Path, name: str, model: Embedding, queries: Sequence[str]) -> dict[str, Any]:
    """Open the index of a home here, ask it, and tell memory and milliseconds."""
    before = _memory()
    corpus = newest(home)
    index = Index(corpus, profiles.load(find(home), name), model)
    spent: list[tuple[float, float]] = []
    for query in (queries[0], *queries):
        clock, burnt = time.perf_counter(), time.process_time()
        index.search(query, top=TOP, clocks=_NOW)
        spent.append((time.perf_counter() - clock, time.process_time() - burnt))
    after = _memory()
    told = {f"open_{kind}_mb": (after[kind] - before[kind]) / 1024 for kind in after}
    clocks, processor = (1000 * np.array(each) for each in zip(*spent[1:], strict=True))
    told |= {"first_ms": 1000 * spent[0][0], "search_p50_ms": float(np.median(clocks))}
    return {
        **told,
        "search_p95_ms": float(np.quantile(clocks, 0.95)),
        "search_cpu_ms": float(np.median(processor)),
    }


def _memory() -> dict[str, int]:
    """KB of this process: its own, and of mapped files, which the system may take back; empty off Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[key].split()[0]) for name, key in (("own", "RssAnon"), ("mapped", "RssFile"))}


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
            steps = [_alone(step, root, name, Path(scratch)) for step in ("build", "search")]
            told.append({"documents": size, **steps[0], **steps[1]})
            shutil.rmtree(root)
    return {"profile": name, "queries": len(queries), "top": TOP, "sizes": told, "lines": _lines(told)}


def _lines(told: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    sizes = [each["documents"] for each in told]
    named = [name for name in told[0] if name != "documents"] if len(sizes) > 1 else []
    return {name: line(sizes, [each[name] for each in told]) for name in named}


def _alone(step: str, home: Path, name: str, scratch: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "consilience.evaluation.benchmark_growth", str(home)]
    command += ["--profile", name, "--step", step, "--given", str(scratch)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))  # noqa: S603


def one(step: str, home: Path, name: str, scratch: Path) -> dict[str, Any]:
    """One step on one home, in this process."""
    given = json.loads((scratch / "given.json").read_text(encoding="utf-8"))
    known = dict(zip(given["queries"], np.load(scratch / "queries.npy"), strict=True))
    model = _NoModel(given["name"], given["dimension"], known)
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "build": lambda: built(home, name, model),
        "search": lambda: searched(home, name, model, given["queries"]),
    }
    return steps[step]()


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(float(value), 3) if isinstance(value, float) else value


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
        asked = (
            [str(next(row[key] for key in _ASKED if key in row)) for row in datasets.rows(given.queries)]
            if given.queries
            else [corpus.document(int(row)).fields.get("title", "") for row in np.flatnonzero(corpus.alive)]
        )
        queries = asked[:: max(1, len(asked) // QUERIES)][:QUERIES]
        model = embedding_by_name(profiles.load(find(given.home), profiles.DEFAULT).dense.embedding)
        sizes = [*(size for size in given.sizes if size < whole), whole]
        told = measure(given.home, queries, sizes, given.profile, model)
    sys.stdout.write(json.dumps(_rounded(told), indent=None if given.step else 1) + "\n")


if __name__ == "__main__":
    main()
