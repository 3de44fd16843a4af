"""What the benchmarks share."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.evaluation.bench import KnownVectors, evenly, latency, memory, newest, peak, questions, rounded, taken
from consilience.evaluation.bench import snapshots as snapshots_of
from tests.making import TinyHome, paper


def test_questions_are_taken_from_all_over_a_file_whatever_they_are_called(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    names = ("query", "question", "claim")
    file.write_text("".join(json.dumps({"id": n, names[n % 3]: f"Is zinc {n}?"}) + "\n" for n in range(9)))
    assert questions(file, 3) == ["Is zinc 0?", "Is zinc 3?", "Is zinc 6?"]
    assert questions(file, 100) == [f"Is zinc {n}?" for n in range(9)]
    assert evenly(np.arange(7, dtype=np.float32), 3).tolist() == [0, 2, 4]


def test_the_newest_snapshot_is_the_one_made_last(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    with pytest.raises(BadInputError, match="no snapshot"):
        newest(home.rooms.root)
    home.load("pubmed26n0001.xml", paper(1, "Velorine"), known=0)
    first = home.corpus().name
    home.load("pubmed26n0002.xml", paper(2, "Zinc"), known=10)
    second = home.corpus().name
    assert newest(home.rooms.root).name == second
    assert [corpus.name for corpus in snapshots_of(home.rooms)] == [second, first]


def test_only_vectors_that_were_given_are_known() -> None:
    first, second = np.eye(2, dtype=np.float32)
    known = KnownVectors("given", 2, {"zinc": first, "pain": second})
    assert known.encode(["pain", "zinc", "pain"]).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert known.encode([]).shape == (0, 2)
    for ask in (known.encode_query, lambda text: known.encode(["zinc", text])):
        with pytest.raises(KeyError, match="no vector was given for the text 'sleep'"):
            ask("sleep")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_what_is_held_beyond_what_was_is_told_in_mib() -> None:
    before = memory()
    held = np.ones(64 * 2**20, np.uint8)
    assert 60 < taken(before)["own"] < 80
    assert len(held) / 2**20 < peak() < 2**20


def test_times_are_told_in_milliseconds_and_rounded_at_any_depth() -> None:
    assert latency([0.001 * n for n in range(101)]) == pytest.approx({"p50_ms": 50, "p95_ms": 95})
    told = {"a": 1.23456, "b": [{"c": np.float64(0.0004)}, "x", 3], "d": None}
    assert rounded(told) == {"a": 1.235, "b": [{"c": 0.0}, "x", 3], "d": None}
