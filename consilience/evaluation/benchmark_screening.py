"""What ranking a large review costs: its features made, its features from the cache, and an order from some labels.

    python -m consilience.evaluation.benchmark_screening --records cohen2006.jsonl.gz --count 100000

Prints one JSON object, in seconds on the clock and of the processor, and the most memory held. The records are mixed of
those of a file: the title and first half of the abstract of one, the second half and the headings of another.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from consilience.evaluation import bench, datasets
from consilience.screening.features import Features, features, text_of
from consilience.screening.ranking import order

_READ = 20_000  # records of the file that are mixed
T = TypeVar("T")


def mixed(records: Sequence[Mapping[str, Any]], count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """So many records, each made of two."""
    pairs = np.random.default_rng(seed).integers(0, len(records), (count, 2))
    return [_mixed(records[first], records[second]) for first, second in pairs.tolist()]


def _mixed(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    begun, ended = text_of(first, "abstract"), text_of(second, "abstract")
    whole = f"{begun[: len(begun) // 2]} {ended[len(ended) // 2 :]}"
    return {"title": text_of(first, "title"), "abstract": whole, "mesh": second.get("mesh") or []}


def measure(records: Sequence[Mapping[str, Any]], labelled: int, query: str) -> dict[str, Any]:
    """Seconds of each step, one after the other; every tenth of the labels is an include."""
    for name in ("scipy.sparse", "sklearn.feature_extraction", "sklearn.preprocessing"):
        import_module(name)
    held = bench.peak()
    chosen = np.random.default_rng(1).permutation(len(records))[:labelled].tolist()
    labels = {row: int(at % 10 == 0) for at, row in enumerate(chosen)}
    with TemporaryDirectory() as folder:
        told, steps = Path(folder), {}
        _, steps["features"] = _timed(lambda: features(records, cache=told))
        made, steps["features_cached"] = _timed(lambda: features(records, cache=told))
    _, steps["start"] = _timed(lambda: order(made, {}, query=query))
    _, steps["order"] = _timed(lambda: order(made, labels, query=query))
    return bench.rounded(
        {"records": len(records), "labels": labelled, "terms": _terms(made), "peak_mib_before": held} | steps
        | {"peak_mib": bench.peak()}
    )  # fmt: skip


def _terms(made: Features) -> int:
    return int(made.vectors.nnz)


def _timed(step: Callable[[], T]) -> tuple[T, dict[str, float]]:
    clock, worked = time.perf_counter(), time.process_time()
    found = step()
    return found, {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - worked}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, required=True, help="records as JSON lines, plain or gzipped")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=2_000)
    parser.add_argument("--query", default="randomised trials of drugs for pain")
    given = parser.parse_args()
    known = list(islice(datasets.rows(given.records), _READ))
    told = measure(mixed(known, given.count), given.labels, given.query)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
