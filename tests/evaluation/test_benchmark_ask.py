"""The benchmark of whole answers measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.evaluation.benchmark_ask import measure, opened
from consilience.home import find
from tests.making import TinyHome


def test_an_answer_is_measured_beside_its_chains_and_a_plain_search(sample_home: Path) -> None:
    asked = [f"Does zinc shorten colds {n}?" for n in range(4)]
    told = measure(lambda: opened(find(sample_home), "features"), asked, ["passage", "graph", "guideline"])
    assert told["documents"] > 20 and told["queries"] == 4
    for way in ("ask", "one_chain", "chains", "sequential", "search"):
        assert 0 < told[way]["p50_ms"] <= told[way]["p95_ms"]
    assert told["parallel_over_sequential"] > 0 and told["ask_over_search"] > 0
    assert told["chains"].keys() == {"p50_ms", "p95_ms"} and told["names"] == ["passage", "graph", "guideline"]


def test_a_home_without_an_index_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no index"):
        opened(TinyHome.make(tmp_path / "home").rooms, "features")
