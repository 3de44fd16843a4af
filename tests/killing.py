"""Homes filled by real processes on fixed clocks, some of which are killed on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilience import init_home, open_home
from consilience.contract import canonical
from tests.yearfiles import Article, packed, write

CLI = Path(sys.executable).with_name("consilience")
LAST = "2027-02-01T00:00:00Z"
# What a fresh interpreter needs before it touches the home.
_STARTUP = 0.2


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command line at a fixed instant."""

    now: str
    words: tuple[str, ...]

    def start(self, home: Path) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own, to be killed with all it started."""
        env = {**os.environ, "CONSILIENCE_NOW": self.now}
        command = [str(CLI), *self.words, "--home", str(home)]
        return subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)  # fmt: skip

    def run(self, home: Path) -> float:
        """Run it to its end; return the seconds it took."""
        started = time.monotonic()
        process = self.start(home)
        out, _ = process.communicate()
        assert process.returncode == 0, out.decode()
        return time.monotonic() - started

    def killed_after(self, home: Path, seconds: float) -> bool:
        """Kill it so long after its start; say whether it was still running."""
        process = self.start(home)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)  # not yet waited for, so the group is still its own
        process.communicate()
        return process.returncode == -signal.SIGKILL


def calls(files: Path) -> list[Call]:
    """Loading and refreshing the sample corpus, its update, and a baseline of the next year that leaves much out."""
    sample = Path(__file__).parent.parent / "corpora" / "sample"
    new = write(files, "pubmed27n0001", packed([Article(99000001, "Zinc"), Article(99000901, "Velorine", notice=7)]))
    first, second = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    return [
        Call(first, ("ingest", "pubmed", str(sample / "pubmed26n0001.xml.gz"))),
        Call(first, ("refresh",)),
        Call(second, ("ingest", "pubmed", str(sample / "pubmed26n0002.xml.gz"))),
        Call(second, ("ingest", "guidelines", str(sample / "guidelines.jsonl"))),
        Call(LAST, ("ingest", "pubmed", "--baseline", str(new))),
        Call(LAST, ("refresh",)),
    ]


def new_home(folder: Path) -> Path:
    """A home with vectors that need no model."""
    init_home(folder)
    profile = folder / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
    return folder


def undisturbed(folder: Path, course: Sequence[Call]) -> tuple[Path, list[float]]:
    """A home on which every call ran to its end, and how long each took."""
    home = new_home(folder)
    return home, [call.run(home) for call in course]


def disturbed(
    folder: Path, course: Sequence[Call], seconds: Sequence[float], chance: random.Random, kills: int
) -> Path:
    """A home on which so many calls were killed at random moments, each started again until it came to its end."""
    home = new_home(folder)
    weights = [max(taken - _STARTUP, 0.1) for taken in seconds]
    chosen = chance.choices(range(len(course)), weights, k=kills)
    for number, call in enumerate(course):
        for _ in range(chosen.count(number)):
            # One that was quicker than its kill has done its work: then there is less of it left to kill.
            longest = seconds[number]
            while not call.killed_after(home, chance.uniform(min(_STARTUP, longest / 2), longest)):
                longest /= 2
        call.run(home)
    return home


def stored(home: Path) -> dict[str, bytes]:
    """Every file of the three stores, but the word index's own: its engine names them at random."""
    found = {}
    for room in ("corpora", "indexes", "kg"):
        for path in sorted((home / room / "store").rglob("*")):
            if path.is_file() and not (path.parent.name == "lexical" and path.suffix != ".npy"):
                found[str(path.relative_to(home))] = path.read_bytes()
    return found


def word_files(home: Path) -> list[tuple[str, str]]:
    """Where the word index's own files lie, and of what kind each is."""
    found = (home / "indexes" / "store").glob("*/*/lexical/*")
    return sorted((str(p.parent.relative_to(home)), p.suffix or p.name) for p in found if p.suffix != ".npy")


def answers(home: Path) -> list[str]:
    """What the home says to a few questions, at its last instant and at earlier ones."""
    opened = open_home(home, now=LAST)
    said: list[dict[str, Any]] = []
    for known in ("2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z", LAST):
        for query in ("insulin mortality", 'title:trial AND "stroke"', "velorine", "zinc colds children"):
            for retriever in ("lexical", "hybrid"):
                hits = opened.search(query, known_at=known, retriever=retriever, top=30)
                said.append({"schema": "consilience/search/1", **hits})
    return [canonical(each) for each in said]


def same(one: Path, other: Path) -> None:
    """Assert that two homes hold the same, byte for byte, with nothing half done, and that they answer alike."""
    left, right = stored(one), stored(other)
    assert left.keys() == right.keys()
    assert [name for name in left if left[name] != right[name]] == []
    assert not [name for name in right if "staging" in name]
    assert word_files(one) == word_files(other)
    assert answers(one) == answers(other)
