from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience.evaluation import benchmark_embedding as bench


def test_every_kind_is_measured_in_a_process_of_its_own_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.jsonl"
    lines = [{"title": f"Zinc {n}", "abstract": ["Colds were shorter. ", f"Dose {n}."]} for n in range(30)]
    file.write_text("\n".join(map(json.dumps, lines)))
    found = bench.measure([file], number=20, kinds=["hashed", "cuda"], rounds=2)
    hashed, cuda = found["kinds"]
    assert hashed["abstracts_per_second"] > 0
    assert len(hashed["seconds"]) == 2
    assert hashed["peak_megabytes"]["here"] > 10
    assert cuda.get("abstracts_per_second") or cuda["not_run"]
    assert "Traceback" not in str(cuda)


def test_the_sample_is_the_same_each_time_and_cut_as_passages_are(tmp_path: Path) -> None:
    count, passages = bench.texts([], 50)
    assert (count, passages) == bench.texts([], 50)
    assert count == 50
    assert len(passages) >= 50
