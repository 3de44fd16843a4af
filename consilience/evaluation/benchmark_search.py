"""What a question costs from its words to its hits, beside what its parts cost, in one run.

    python -m consilience.evaluation.benchmark_search HOME --queries questions.jsonl.gz

Prints one JSON object. Each question is embedded alone, then searched for the first time by both retrievers together
(`hybrid`, which embeds it once more), then with its vector known: by words, by vectors, and by both.
`hybrid_over_embedding_ms` is how much later the 95th of a hundred hybrid answers comes than the 95th embedding: what
must stay below ten. Every round opens the index anew; the round told is the middle one by that figure.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from consilience.corpora.corpus import Clocks
from consilience.errors import BadInputError
from consilience.evaluation import bench
from consilience.home import Rooms, find
from consilience.indexes import Index, folder_of
from consilience.indexes import profile as profiles
from consilience.models.embedding import embedding_by_name

TOP, QUERIES, ROUNDS = 10, 300, 5
FIGURE = "hybrid_over_embedding_ms"
# All that is dated is in sight.
_CLOCKS = Clocks(date(2200, 1, 1), datetime(2200, 1, 1, tzinfo=UTC), explicit=False)


def opened(rooms: Rooms) -> Index:
    """The index of the newest snapshot that has one, by the profile the home is refreshed by."""
    profile = profiles.load(rooms, profiles.chosen(rooms))
    for corpus in bench.snapshots(rooms):
        if folder_of(corpus, profile).exists():
            return Index(corpus, profile, embedding_by_name(profile.dense.embedding))
    raise BadInputError("this home has no index by its profile", where="HOME", expected="consilience refresh")


def measure(index: Callable[[], Index], asked: Sequence[str], rounds: int = ROUNDS) -> dict[str, Any]:
    """Milliseconds of each way of asking; `index` opens it anew for each round."""
    told = sorted((_round(index(), asked) for _ in range(rounds)), key=lambda each: float(each[FIGURE]))
    return {"queries": len(asked), "top": TOP, "rounds": [each[FIGURE] for each in told], **told[len(told) // 2]}


def _round(index: Index, asked: Sequence[str]) -> dict[str, Any]:
    seen, depth = index.sights.of(_CLOCKS), index.profile.fusion.depth
    ways: dict[str, Callable[[str], Any]] = {
        "embedding": index.embedding.encode_query,
        "hybrid": lambda query: index.search(query, top=TOP, clocks=_CLOCKS),
        "lexical": lambda query: index.lexical.search(query, depth, seen),
        "dense": lambda query: index.dense.search(query, depth, seen),
        "hybrid, vector known": lambda query: index.search(query, top=TOP, clocks=_CLOCKS),
    }
    for call in ways.values():  # opened and warm, by a question that is not measured
        call(f"{asked[0]} again")
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for query in asked:
        for name, call in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            call(query)
            spent[name].append((time.perf_counter() - started, time.process_time() - worked))
    told = {name: _spread(times) for name, times in spent.items()}
    over = round(told["hybrid"]["p95_ms"] - told["embedding"]["p95_ms"], 3)
    return {
        "documents": int(index.corpus.alive.sum()),
        "passages": index.corpus.passages.num_rows,
        FIGURE: over,
        **told,
    }


def _spread(times: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The middle and the 95th of a hundred on the clock, and the middle of what processors worked."""
    clocks, worked = zip(*times, strict=True)
    return bench.rounded({**bench.latency(clocks), "cpu_p50_ms": 1000 * float(np.median(worked))})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a home that was refreshed")
    parser.add_argument("--queries", type=Path, required=True, help="questions as JSONL, plain or gzipped")
    parser.add_argument("--count", type=int, default=QUERIES, help="how many of them")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    rooms = find(given.home)
    told = measure(lambda: opened(rooms), bench.questions(given.queries, given.count), given.rounds)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
