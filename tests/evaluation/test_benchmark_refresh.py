"""The benchmark of refreshing measures what it says."""

from __future__ import annotations

from pathlib import Path

from consilience.evaluation.benchmark_refresh import measure


def test_each_refresh_is_measured_beside_the_full_one(tmp_path: Path) -> None:
    told = measure([], number=4, shares=[0.5], embedding="hashed", folder=tmp_path)
    assert told["documents"] == told["full"]["embedded"] == told["full"]["analysed"] == 4
    assert "embedded" not in told["nothing new"] and told["nothing new"]["goal"] == 0.01
    assert told["a list of retractions"]["indexed"] == 0
    [update] = told["updates"]
    assert (update["k"], update["embedded"], update["extracted"], update["analysed"], update["goal"]) == (
        2,
        2,
        2,
        2,
        0.55,
    )
