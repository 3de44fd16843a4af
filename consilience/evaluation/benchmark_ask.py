"""What an answer costs: asking with all chains and with one, side by side and one after another, beside a peer's step.

    python -m consilience.evaluation.benchmark_ask HOME --queries questions.jsonl.gz

Prints one JSON object. Each question is asked in every way before the next one is, so that what else the machine does
disturbs all ways alike. `ask` is the whole answer; `chains` the chains alone, side by side as `ask` runs them, and
`sequential` the same one after another: `parallel_over_sequential` is how long the former take as a share of the
latter, summed over the questions. `search` is one embedding with one search by words and vectors, what any retrieval
step of a peer costs at least; `ask_over_search` says how many of them an answer is worth.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from consilience.corpora.corpus import Clocks
from consilience.errors import BadInputError
from consilience.evaluation import bench
from consilience.evaluation.benchmark_search import opened as opened_index
from consilience.home import Rooms, find
from consilience.kg import build
from consilience.kg.graph import Graph
from consilience.kg.link import Linker
from consilience.models.entailment import default_entailment, entailment_by_name
from consilience.reasoning import CHAINS, Ground, ask, chains
from consilience.reasoning.chain import Task

QUERIES, TOP = 100, 10
# An answer without a language model is to come within so many milliseconds on two cores.
GOAL_MS = 1000.0
# All that is dated is in sight.
_CLOCKS = Clocks(date(2200, 1, 1), datetime(2200, 1, 1, tzinfo=UTC), explicit=False)


def opened(rooms: Rooms, entailment: str | None = None) -> Ground:
    """What questions of now are answered from: the newest snapshot that has an index, with its newest graph.

    The judge is the one of answers, unless another is named.
    """
    index = opened_index(rooms)
    tables = sorted(build.table_path(rooms, index.corpus.name, path.name) for path in rooms.kg.glob("[!.]*"))
    there = [path for path in tables if path.is_file()]
    if not there:
        raise BadInputError("this home has no graph of its index", where="HOME", expected="consilience refresh")
    graph = Graph(max(there, key=lambda path: path.stat().st_mtime), linked=index.corpus.linked)
    judge = entailment_by_name(entailment or default_entailment(index.embedding), index.embedding)
    return Ground(index.corpus, index, graph, Linker(build.vocabulary()), judge, _CLOCKS)


def measure(
    open_ground: Callable[[], Ground], asked: Sequence[str], names: Sequence[str] = tuple(CHAINS)
) -> dict[str, Any]:
    """Milliseconds of each way of asking, over the questions; chains are those of `names`."""
    before = bench.memory()
    ground = open_ground()
    ask(f"{asked[0]} again", ground)  # opened and warm, by a question that is not measured
    memory = {"taken": bench.taken(before), "peak": bench.peak()}
    ways = _ways(ground, names)
    for call in ways.values():
        call(f"{asked[0]} again")
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number, question in enumerate(asked):
        # Who comes first finds caches colder: every way takes its turn.
        turn = number % len(ways)
        for name, call in [*ways.items()][turn:] + [*ways.items()][:turn]:
            started = time.perf_counter()
            call(question)
            spent[name].append(time.perf_counter() - started)
    told: dict[str, Any] = {name: bench.latency(times) for name, times in spent.items()}
    return bench.rounded({
        "documents": int(ground.corpus.alive.sum()), "queries": len(asked), "names": list(names),
        "entailment": ground.entailment.name, **told,
        "within_goal": told["ask"]["p95_ms"] <= GOAL_MS,
        "parallel_over_sequential": sum(spent["chains"]) / sum(spent["sequential"]),
        "parallel_over_sequential_p50": float(np.median(np.divide(spent["chains"], spent["sequential"]))),
        "ask_over_search": told["ask"]["p50_ms"] / told["search"]["p50_ms"],
        "memory_mib": memory,
    })  # fmt: skip


def _ways(ground: Ground, names: Sequence[str]) -> dict[str, Callable[[str], object]]:
    # A judge remembers what it was asked: each way has one of its own, or all but the first would be asked nothing new.
    name = ground.entailment.name.split("/")[0]
    whole, one, beside, after = (
        replace(ground, entailment=entailment_by_name(name, ground.index.embedding)) for _ in range(4)
    )

    def search(question: str) -> None:
        ground.index.embedding.encode_query(question)
        ground.index.search(question, top=TOP, clocks=ground.clocks, retriever=ground.retriever, syntax="words")

    return {
        "ask": lambda question: ask(question, whole),
        "one_chain": lambda question: ask(question, one, number=1),
        "chains": lambda question: chains.run(list(names), Task(question), beside),
        "sequential": lambda question: [chains.run([name], Task(question), after) for name in names],
        "search": search,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a home that was refreshed")
    parser.add_argument("--queries", type=Path, required=True, help="questions as JSONL, plain or gzipped")
    parser.add_argument("--count", type=int, default=QUERIES, help="how many of them")
    parser.add_argument("--chains", nargs="+", choices=list(CHAINS), default=list(CHAINS))
    parser.add_argument("--entailment", help="the judge by name, if not that of answers")
    given = parser.parse_args()
    rooms = find(given.home)
    asked = bench.questions(given.queries, given.count)
    told = measure(lambda: opened(rooms, given.entailment), asked, given.chains)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
