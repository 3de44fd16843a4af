"""One process loads and refreshes while others ask: every answer is that of one finished refresh, and none fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, open_home
from consilience.errors import BusyError
from tests.killing import CLI, new_home
from tests.yearfiles import Article, packed, write

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROUNDS = 5
KEPT, CHANGING, GOING = 99000001, 99000002, 99000003

# Loads and refreshes each file at an instant of its own: by these the answers can be asked for again.
WRITER = """
import sys
from consilience import open_home
home, *files = sys.argv[1:]
for number, file in enumerate(files):
    opened = open_home(home, now=f"2026-01-{number + 1:02d}T00:00:00Z")
    assert opened.ingest_pubmed([file])["files"][0]["status"] != "refused"
    opened.refresh()
"""

QUESTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "search": lambda home, **on: home.search("aspirin stroke zinc", retriever="hybrid", **on),
    "Boolean": lambda home, **on: home.search('"prevents stroke" NOT placebo', **on),
    "show": lambda home, **on: home.show(f"PMID:{CHANGING}", **on),
    "ask": lambda home, **on: home.ask("Does aspirin prevent stroke?", **on),
    "verify": lambda home, **on: home.verify("Aspirin prevents stroke.", **on),
    "about": lambda home, **on: home.graph_about("aspirin", **on),
    "status": lambda home, **on: home.status() if not on else {},
}


def files(folder: Path) -> list[Path]:
    """Each round revises one citation, adds a few, and deletes or brings back another."""
    made = []
    for number in range(ROUNDS):
        new = [Article(99000100 + 10 * number + n, f"Zinc, {number}.{n}") for n in range(4)]
        going = [] if number % 2 else [Article(GOING, f"Aspirin and stroke, {number}")]
        changed = Article(CHANGING, f"Aspirin in stroke, revised {number}", "Aspirin reduces stroke. " * (number + 1))
        data = packed([Article(KEPT, "Aspirin"), changed, *going, *new], gone=[GOING] if number % 2 else [])
        made.append(write(folder, f"pubmed26n{number + 1:04d}", data))
    return made


def told(answer: Mapping[str, Any]) -> str:
    """What an answer says, less what tells of the store and of files that wait."""
    kept = {k: v for k, v in answer.items() if k not in ("usage", "known_at", "warnings", "schema")}
    kept["provenance"] = {k: v for k, v in answer.get("provenance", {}).items() if k != "snapshot"}
    return json.dumps(kept, sort_keys=True)


def written(home: Path, made: list[Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home), *map(str, made)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def fresh(home: Path, *words: str) -> dict[str, Any]:
    """The answer of a process of its own."""
    command = [str(CLI), *words, "--home", str(home), "--json"]
    environment = {**os.environ, "CONSILIENCE_NOW": NOW.isoformat()}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def asked(home: Home, going: Callable[[], bool]) -> dict[str, list[str]]:
    """The answers to each question, in the order they came."""
    found: dict[str, list[str]] = {name: [] for name in QUESTIONS}
    while going():
        for name, ask in QUESTIONS.items():
            found[name].append(told(ask(home)))
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, list[str]]]]:
    """A home that was filled while it was asked, and what each reader was told."""
    folder = tmp_path_factory.mktemp("concurrent")
    home, made = new_home(folder / "home"), files(folder / "files")
    out, _ = (first := written(home, made[:1])).communicate()
    assert first.returncode == 0, out
    opened = open_home(home, now=NOW)
    with ThreadPoolExecutor(2) as pool:
        writer = written(home, made)

        def going() -> bool:
            return writer.poll() is None

        readers = [pool.submit(asked, opened, going) for _ in range(2)]  # two threads of one long-lived home
        processes: list[str] = []
        while going():
            processes.append(told(fresh(home, "search", "aspirin stroke zinc")))
        answers = [reader.result() for reader in readers]
        out, _ = writer.communicate()
    assert writer.returncode == 0, out
    return home, [*answers, {"search": processes}]


def replayed(home: Home, name: str) -> list[str]:
    """What each finished refresh says, asked for by what was known then."""
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(ROUNDS)]
    return [told(QUESTIONS[name](home, known_at=known)) for known in moments]


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "status"])
def test_every_answer_is_that_of_one_refresh_and_they_come_in_order(
    course: tuple[Path, list[dict[str, list[str]]]], name: str
) -> None:
    root, readers = course
    valid = replayed(open_home(root, now=NOW), name)
    told_of = [answers[name] for answers in readers if name in answers]
    for said in told_of:
        assert set(said) <= set(valid)
        places = [valid.index(each) for each in said]
        assert said and places == sorted(places)
    assert len({each for said in told_of for each in said}) > 1  # they did see it change


def test_what_was_kept_for_readers_goes_when_they_have_gone(course: tuple[Path, list[dict[str, list[str]]]]) -> None:
    root, _ = course
    pointer = open_home(root, now=NOW).refresh()
    assert pointer["changed"] is False
    made = [*root.glob("corpora/store/snapshots/*"), *root.glob("indexes/store/[0-9a-f]*/*"),
            *root.glob("kg/store/[0-9a-f]*/*")]  # fmt: skip
    made = [path for path in made if path.parent.name != "evidence"]
    assert {path.name for path in made} == {pointer["snapshot"]} and len(made) == 3, made


def test_a_refresh_waits_as_long_as_it_is_told_and_then_says_that_the_home_is_busy(tmp_path: Path) -> None:
    opened = open_home(new_home(tmp_path / "home"), now=NOW)
    opened.ingest_pubmed([write(tmp_path, "pubmed26n0001", packed([Article(KEPT, "Aspirin")]))])
    command = [str(CLI), "refresh", "--wait", "0.2", "--json", "--home", str(opened.rooms.root)]
    with opened.rooms.writing():
        with pytest.raises(BusyError):
            opened.refresh(wait=0.1)
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "busy")
        assert opened.search("aspirin")["hits"] == []  # asking waits for nobody
    assert opened.refresh()["changed"]
