"""Outdated advice: pairs, homes that know time and that do not, and what the figures count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from consilience import Home, open_home
from consilience.evaluation import run
from consilience.evaluation.check import check
from consilience.evaluation.outdated import statistics


def told(*verdicts: tuple[int, str, str]) -> dict[str, float]:
    details = [{"base": base, "verdicts": {"x": [now, then]}} for base, now, then in verdicts]
    bases = len({base for base, _, _ in verdicts})
    return {name: float(of.of(np.ones((1, bases)))[0]) for name, of in statistics(details)["x"].items()}


def test_endorsing_both_is_a_conflict_and_endorsing_only_what_is_in_force_is_right() -> None:
    figures = told((0, "supported", "refuted"), (0, "supported", "supported"), (1, "insufficient", "insufficient"),
                   (1, "supported", "insufficient"))  # fmt: skip
    assert figures == {"ECDA_all": 0.5, "ECDA_adh": 0.75, "ECDA_rej": 0.75, "refuted": 0.25, "IKCR": 0.25}


def test_a_failure_rejects_nothing() -> None:
    assert told((0, "supported", "failed"))["ECDA_rej"] == 0.0


def test_a_home_that_knows_time_is_told_beside_one_that_does_not(tmp_path: Path, sample_home: Path) -> None:
    text = "We recommend velorine, 75 mg daily, in adults with stroke."
    line = {"issuer": "Example", "guideline": "velorine", "title": "Velorine", "version": "1", "status": "current",
            "published": "2020-01-01", "recommendation": "1", "text": text}  # fmt: skip
    (tmp_path / "advice.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "old.yaml").write_text(yaml.safe_dump({"kind": "outdated", "data": "advice.jsonl",
                                                       "wordings": ["known"]}))  # fmt: skip
    asked: dict[str, Any] = {}
    home = open_home(sample_home, now="2026-02-01T00:00:00Z")

    def temporary(path: Path, *, kind: str = "records") -> Any:
        asked[f"{len(asked)}"] = [json.loads(row) for row in path.read_text().splitlines()]
        return Home.temporary(home, path, kind=kind)  # type: ignore[arg-type]

    result = run(tmp_path / "old.yaml", home, data=None, temporary=temporary, shelving=home.shelf,
                 runs=tmp_path / "runs")  # fmt: skip
    aware, naive = asked["0"], asked["1"]
    assert [row["status"] for row in aware].count("current") == 1 and {row["status"] for row in naive} == {"current"}
    assert len({row["guideline"] for row in aware}) == 1 and len({row["guideline"] for row in naive}) == len(naive)
    assert result["n"] == 1 and result["provenance"]["pairs"] == len(aware) - 1 > 3
    assert list(result["baselines"]) == ["naive", "endorses_all", "rejects_all"]
    assert result["baselines"]["endorses_all"]["IKCR"]["value"] == 1.0
    assert result["baselines"]["rejects_all"]["ECDA_adh"]["value"] == 0.0
    assert result["measures"]["ECDA_adh"]["value"] >= result["baselines"]["naive"]["ECDA_adh"]["value"] - 1e-9
    details = [json.loads(row) for row in (Path(result["report"]) / "details.jsonl").read_text().splitlines()]
    assert all("failed" not in said for row in details for said in row["verdicts"].values())
    assert check(Path(result["report"]))["checked"] > 20
