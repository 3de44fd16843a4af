"""What a refresh costs for what changed: `python -m consilience.evaluation.benchmark_refresh [FILE...]`.

A home is filled from record files (JSONL, or synthetic records without any) and refreshed by the command line itself:
once in full, once with nothing new, once after a list of retractions, and after updates of k of its n documents. All in
one run on one machine, so that the ratios to the full refresh mean something; the goal is at most 1 % for nothing new
and k/n + 5 % for an update. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTHING_NEW, BEYOND_SHARE = 0.01, 0.05
_MAIN = "import sys; from consilience.cli import main; sys.exit(main())"
_WORDS = """aspirin stroke zinc placebo insulin mortality adults children reduced increased risk trial randomised cohort
    diabetes hypertension pain fever infection dose weeks compared group outcome heart failure cancer survival therapy
    treatment prevents asthma effect patients daily mean difference interval control year follow""".split()


def records(files: Sequence[Path], number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """The records of these JSONL files, or so many synthetic ones."""
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    if not files:
        for n in range(number):
            title, *rest = (" ".join(chance.choices(_WORDS, k=14)).capitalize() + "." for _ in range(10))
            yield {"pmid": str(99000001 + n), "title": title, "abstract": " ".join(rest), "year": 2000 + n % 25}


class Bench:
    """One throw-away home, worked on by the command line on a clock that moves a day with each file."""

    def __init__(self, folder: Path, embedding: str) -> None:
        self._folder, self._day = folder, 0
        self.home = folder / "home"
        self._call("init", str(self.home))
        profile = self.home / "indexes" / "exact.yaml"
        profile.write_text(profile.read_text().replace("embedding: minilm", f"embedding: {embedding}"))

    def load(self, kind: str, name: str, lines: Sequence[str]) -> None:
        """Commit one file to the corpora."""
        self._day += 1
        path = self._folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._call("ingest", kind, str(path), "--home", str(self.home), "--json")

    def refresh(self) -> dict[str, Any]:
        """The wall-clock seconds of one `consilience refresh`, start-up included, and what it had to do."""
        started = time.perf_counter()
        usage = self._call("refresh", "--home", str(self.home), "--json")["usage"]
        work = {name: value for name, value in usage.items() if isinstance(value, int)}
        return {"seconds": round(time.perf_counter() - started, 2), **work}

    def _call(self, *words: str) -> dict[str, Any]:
        environment = {**os.environ, "CONSILIENCE_NOW": f"2026-01-{self._day + 1:02d}T00:00:00Z"}
        command = [sys.executable, "-c", _MAIN, *words]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        return dict(json.loads(done.stdout)) if "--json" in words else {}


def revised(record: dict[str, Any], number: int) -> dict[str, Any]:
    """The record with one more sentence: a new version, with claims of its own."""
    return {
        **record,
        "abstract": f"{record.get('abstract') or ''} In revision {number} aspirin reduced stroke.".strip(),
    }


def measure(
    files: Sequence[Path], *, number: int, shares: Sequence[float], embedding: str, folder: Path
) -> dict[str, Any]:
    """Fill a home in `folder` and refresh it in every way; the JSON object told above."""
    chance = random.Random(20260101)  # noqa: S311 - the same sample each time
    all_of_it = list(records(files, number, chance))
    bench = Bench(folder, embedding)
    bench.load("records", "all.jsonl", [json.dumps(record) for record in all_of_it])
    full = bench.refresh()
    told: dict[str, Any] = {"documents": len(all_of_it), "embedding": embedding, "full": full}

    def ratio(found: dict[str, Any], goal: float) -> dict[str, Any]:
        return {**found, "ratio": round(found["seconds"] / full["seconds"], 4), "goal": round(goal, 4)}

    told["nothing new"] = ratio(bench.refresh(), NOTHING_NEW)
    listed = [f"{record['pmid']},,2024-05-06,retracted" for record in all_of_it if record.get("pmid")][:10]
    if listed:
        bench.load("retractions", "list.csv", ["pmid,notice_pmid,date,kind", *listed])
        told["a list of retractions"] = ratio(bench.refresh(), BEYOND_SHARE)
    told["updates"] = []
    for n, share in enumerate(shares):
        some = chance.sample(all_of_it, max(1, round(share * len(all_of_it))))
        bench.load("records", f"update{n}.jsonl", [json.dumps(revised(record, n)) for record in some])
        k = len(some)
        told["updates"].append({"k": k, **ratio(bench.refresh(), k / len(all_of_it) + BEYOND_SHARE)})
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="records as JSONL, plain or gzipped")
    parser.add_argument("--number", type=int, default=2000, help="how many synthetic records, without FILE")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.1], help="k/n of each update")
    parser.add_argument("--embedding", default="minilm", help="as in indexes/exact.yaml")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="consilience-bench-") as folder:
        found = measure(given.files, number=given.number, shares=given.shares, embedding=given.embedding,
                        folder=Path(folder))  # fmt: skip
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
