"""The main job on real input, in full: minutes to build, then every line shown by a command and its figures printed.

CONSILIENCE_ACCEPT_HOME names a home that is kept and used again; without it one is built and thrown away.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, open_home

CLI = [str(Path(sys.executable).with_name("consilience"))]


def run(*arguments: str | Path, home: Path, check: bool = True) -> dict[str, Any]:
    done = subprocess.run([*CLI, *map(str, arguments), "--home", str(home), "--json"], capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr[-2000:] + done.stdout[-2000:]
    assert "Traceback" not in done.stderr
    return {**json.loads(done.stdout), "exit": done.returncode}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        yield from map(json.loads, handle)


@pytest.fixture(scope="module")
def data() -> Path:
    named = os.environ.get("CONSILIENCE_DATA")
    assert named, "CONSILIENCE_DATA names the folder of the development data"
    return Path(named)


@pytest.fixture(scope="module")
def home(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("CONSILIENCE_ACCEPT_HOME")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("accept") / "home"
    if folder.exists():
        return folder
    subprocess.run([*CLI, "init", str(folder)], check=True, capture_output=True)
    started = time.monotonic()
    run("ingest", "pubmed", *sorted((data / "pubmed_xml").glob("*.xml.gz")), home=folder)
    run("ingest", "records", data / "corpus" / "abstracts.jsonl.gz", home=folder)
    report = run("refresh", home=folder)
    minutes = (time.monotonic() - started) / 60
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"\ningest and refresh: {minutes:.1f} min, peak {peak:.2f} GB; {report['documents']}, "
          f"{report['passages']} passages, {report['claims']} claims")  # fmt: skip
    assert minutes < 25
    assert peak < 4
    return folder


@pytest.fixture(scope="module")
def opened(home: Path) -> Home:
    return open_home(home)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


@pytest.mark.parametrize("option", [[], ["--offline"]])
def test_a_second_refresh_writes_nothing_and_is_quick(home: Path, option: list[str]) -> None:
    before, started = listing(home), time.monotonic()
    report = run("refresh", *option, home=home)
    seconds = time.monotonic() - started
    print(f"\nsecond refresh {option}: {seconds:.2f} s")
    assert report["changed"] is False
    assert listing(home) == before
    assert seconds < 5


def test_every_span_of_twenty_answers_is_in_what_show_prints(home: Path, data: Path, tmp_path: Path) -> None:
    asked = [r["question"] for r in lines(data / "qa" / "pubmedqa.jsonl.gz")][:10]
    asked += [r["question"] for r in lines(data / "qa" / "bioasq.jsonl.gz")][:10]
    batch, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    batch.write_text("".join(json.dumps({"id": str(n), "question": q}) + "\n" for n, q in enumerate(asked)))
    subprocess.run([*CLI, "ask", "--batch", str(batch), "--out", str(out), "--json", "--home", str(home)], check=True)
    answers = [json.loads(line)["result"] for line in out.read_text().splitlines()]
    spans = [span for answer in answers for span in answer["citations"]]
    for span in spans:
        shown = run("show", span["id"], "--version", span["version"], home=home)
        text = shown["fields"][span["field"]]
        assert text[span["start"] : span["end"]] == span["quote"]
        assert hashlib.sha256(text.encode()).hexdigest() == span["sha256"] == shown["sha256"][span["field"]]
    abstained = sum(bool(answer["abstained"]) for answer in answers)
    print(f"\n{len(spans)} spans of {len(answers)} answers exact; {abstained} abstained")
    assert len(answers) == len(asked)
    assert spans


def test_no_document_claim_or_citation_is_later_than_either_clock(opened: Home, data: Path) -> None:
    chance = random.Random(20260101)
    questions = [r["question"] for r in lines(data / "qa" / "pubmedqa.jsonl.gz")]
    moments = [commit.known_at for commit in opened.store.commits()]
    known_from = {c.seq: c.known_at for c in opened.store.commits()}
    corpus = opened.view.corpus
    seen = 0
    for _ in range(200):
        day = date(1976, 1, 1) + timedelta(days=chance.randrange(16_000))
        instant = chance.choice([*moments, datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)])
        question = chance.choice(questions)
        on = {"as_of": day.isoformat(), "known_at": instant.isoformat()}
        found = [*opened.search(question, **on)["hits"], *opened.ask(question, **on)["citations"]]
        entity = next((m.identifier for m in opened.view.linker.mentions(question)), None)
        edges = opened.graph_about(entity, **on)["rows"] if entity else []
        spans = [span for edge in edges for span in (*edge["supporting"], *edge["refuting"])]
        for hit in [*found, *({"id": s["id"], "version": s["version"]} for s in spans)]:
            rows = [r for r in corpus.rows_by_id[hit["id"]] if corpus.table["version"][r].as_py() == hit["version"]]
            assert any(
                corpus.table["published"][r].as_py() <= day
                and known_from[corpus.table["seq"][r].as_py()] <= instant
                and corpus.table["known_from"][r].as_py() <= instant
                for r in rows
            ), (question, on, hit["id"])
            seen += 1
    print(f"\n200 pairs, {seen} documents, claims and citations looked at: none later than its clocks")
    assert seen > 200


def test_bad_files_are_refused_by_name_and_nothing_is_lost(home: Path, data: Path, tmp_path: Path) -> None:
    whole = (data / "pubmed_xml" / "sk8erjs69_pubmed_result_2015.xml.gz").read_bytes()
    chained = zip("bcdefghi", "abcdefgh", strict=True)
    entities = b"".join(b'<!ENTITY %s "%s">' % (n.encode(), 10 * (b"&%s;" % p.encode())) for n, p in chained)
    bad = {
        "truncated.xml.gz": whole[: len(whole) // 2],
        "corrupt.xml.gz": gzip.compress(gzip.decompress(whole)[:200_000] + b"<<<&&&" * 10),
        "wrong.xml.gz": gzip.compress(b"<html><body>503 Service Unavailable</body></html>"),
        "bomb.xml": b'<?xml version="1.0"?><!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaaaaaaaa">'
        + entities
        + b"]><PubmedArticleSet><PubmedArticle>&i;</PubmedArticle></PubmedArticleSet>",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    with gzip.open(tmp_path / "zeros.xml.gz", "wb", compresslevel=1) as handle:
        for _ in range(1000):
            handle.write(bytes(1_000_000))
    before = run("status", home=home)
    started = time.monotonic()
    report = run("ingest", "pubmed", *sorted(tmp_path.glob("*.xml*")), home=home, check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    told = {line["file"]: line["error"]["message"] for line in report["files"]}
    print(f"\n{json.dumps(told, indent=1)}\n{time.monotonic() - started:.1f} s, peak {peak:.2f} GB")
    assert report["exit"] == 1
    assert {line["status"] for line in report["files"]} == {"refused"}
    assert run("status", home=home) == before


@pytest.mark.parametrize("suite", ["pubmedqa", "scifact"])
def test_the_first_baselines(home: Path, suite: str) -> None:
    report = run("evaluate", suite, home=home)
    print(f"\n{suite}: {json.dumps({'measures': report['measures'], 'baselines': report['baselines']})}")
    assert report["n"] == {"pubmedqa": 500, "scifact": 809}[suite]
