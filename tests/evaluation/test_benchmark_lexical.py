"""The benchmark of words measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.evaluation.benchmark_lexical import Bench, measure, one


def test_our_call_is_measured_beside_the_bare_engine_and_every_system_is_built(sample_home: Path) -> None:
    pytest.importorskip("bm25s")
    told = measure(Bench(sample_home), sizes=[20], rounds=2)
    assert told["documents"] > 20 and told["queries"] > 0 and not told["missing"]
    for seen in ("all in sight", "half in sight"):
        for when in ("unasked", "new questions", "again"):
            assert told["search"][seen][when]["ratio"] > 0
    assert {name: [each["documents"] for each in sizes] for name, sizes in told["systems"].items()} == {
        "ours": [20], "tantivy": [20], "bm25s": [20], "rank_bm25": [20],
    }  # fmt: skip
    [ours] = told["systems"]["ours"]
    assert ours["new"] == 1 and ours["update_s"] > 0


@pytest.mark.parametrize("name", ["ours", "tantivy", "bm25s", "rank_bm25"])
def test_a_system_is_built_on_the_first_documents_alone(sample_home: Path, name: str) -> None:
    if name == "bm25s":
        pytest.importorskip(name)
    told = one(name, Bench(sample_home, documents=7))
    assert told["documents"] == 7
    assert told["build_s"] > 0 and told["p95_ms"] > 0
