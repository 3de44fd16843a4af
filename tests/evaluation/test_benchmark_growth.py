"""The benchmark of growth measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.evaluation.bench import newest
from consilience.evaluation.benchmark_growth import cut, line, measure
from consilience.models.plain import HashedVectors
from tests.making import TinyHome, paper


def test_each_size_is_built_and_asked_and_a_line_goes_through_them(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *(paper(n, f"Velorine and zinc in group {n}") for n in range(1, 41)), known=0)
    home.index()
    root = home.rooms.root
    half = newest(cut(root, tmp_path / "half", 20, "exact"))
    assert half.table.num_rows == half.passages.num_rows == 20
    assert set(half.table["id"].to_pylist()) < set(newest(root).table["id"].to_pylist())

    told = measure(root, ["zinc", "group 7"], [10, 40], "exact", HashedVectors())
    small, large = told["sizes"]
    assert (small["documents"], small["passages"], large["passages"]) == (10, 10, 40)
    assert small["dense_bytes"] < large["dense_bytes"] and small["lexical_bytes"] < large["lexical_bytes"]
    assert all(each["build_cpu_s"] > 0 and each["search_p50_ms"] <= each["search_p95_ms"] for each in told["sizes"])
    assert told["lines"]["passages"] == pytest.approx({"start": 0, "a_million": 1e6, "r2": 1, "at_40000000": 4e7})


def test_a_line_tells_how_badly_it_fits() -> None:
    assert line([1, 2, 3], [2.0, 4.0, 6.0], far=10) == pytest.approx(
        {"start": 0, "a_million": 2e6, "r2": 1, "at_10": 20}
    )
    assert line([1, 2, 3], [1.0, 0.0, 1.0], far=10)["r2"] == pytest.approx(0)
