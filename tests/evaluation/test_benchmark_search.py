"""The benchmark of whole searches measures what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.evaluation.bench import questions
from consilience.evaluation.benchmark_search import FIGURE, measure, opened
from consilience.home import find
from tests.making import TinyHome


def test_a_search_is_measured_beside_its_parts(sample_home: Path, tmp_path: Path) -> None:
    asked = tmp_path / "questions.jsonl"
    asked.write_text("".join(json.dumps({"question": f"Does zinc shorten colds {n}?"}) + "\n" for n in range(8)))
    told = measure(lambda: opened(find(sample_home)), questions(asked, 4), rounds=3)
    assert told["documents"] > 20 and told["queries"] == 4
    for way in ("embedding", "hybrid", "lexical", "dense", "hybrid, vector known"):
        assert 0 < told[way]["p50_ms"] <= told[way]["p95_ms"]
    assert told["rounds"] == sorted(told["rounds"]) and told[FIGURE] == told["rounds"][1]


def test_a_home_without_an_index_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no index"):
        opened(TinyHome.make(tmp_path / "home").rooms)
