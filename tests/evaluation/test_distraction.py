"""Distraction as a suite: what it counts, and that a filter which is there is seen."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.errors import BadInputError
from consilience.evaluation.check import check
from consilience.evaluation.distraction import HALVES, TEMPLATES, distract, distracted, drawn, overlap, statistics
from consilience.evaluation.suite import planned, run
from tests.conftest import UPDATE


def test_the_halves_share_no_template() -> None:
    assert len(TEMPLATES) == 52 == len(set(TEMPLATES))
    assert not {*HALVES["seen"]} & {*HALVES["unseen"]} and [*HALVES["seen"], *HALVES["unseen"]] == [*TEMPLATES]


def test_an_entity_that_the_question_names_is_no_distraction() -> None:
    chance = random.Random(0)
    names = ["gout", "Gout arthritis", "mumps"]
    for _ in range(50):
        assert "gout" not in drawn(chance, "Is gout painful?", ["He has {entity}."], names)
    assert distracted("Why?", "He has mumps.") == "He has mumps. Why?"


def test_the_share_that_stays_is_counted_wherever_it_stands() -> None:
    assert overlap(["1", "2", "3", "4"], ["4", "9", "1"]) == 0.5
    assert overlap([], ["1"]) == 1.0


def test_figures_follow_from_the_details() -> None:
    hits = {"plain": ["a", "b"], "seen": ["b", "a"], "unseen": ["c", "a"]}
    detail = {"id": "1", "relevant": {"a": 1}, "hits": {"with the filter": hits}}
    other = {"id": "2", "relevant": {"z": 1}, "hits": {"with the filter": {key: ["z"] for key in hits}}}
    figures = {name: of.values.mean() for name, of in statistics([detail, other])["with the filter"].items()
               if of.values is not None}  # fmt: skip
    lost = (1 + 1 / 1.5849625) / 2
    assert figures == pytest.approx({
        "nDCG@10": 1.0, "overlap@10 seen": 1.0, "flips seen": 0.5, "nDCG@10 seen": lost,
        "overlap@10 unseen": 0.75, "flips unseen": 0.5, "nDCG@10 unseen": lost,
    })  # fmt: skip


@pytest.fixture
def suite(tmp_path: Path, sample_home: Path) -> Path:
    """A suite over titles of the sample home's own papers."""
    home = open_home(sample_home, now=UPDATE)
    found = [home.view.corpus.document(int(row)) for row in home.view.corpus.alive.nonzero()[0][:40]]
    titles = [(document.id, document.fields["title"]) for document in found]
    lines = [json.dumps({"id": name, "query": title, "relevant": [name]}) for name, title in titles if " " in title]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    file = tmp_path / "distraction.yaml"
    file.write_text("{kind: distraction, data: data.jsonl, entities: [gout, mumps, scurvy]}")
    return file


def test_the_filter_keeps_more_of_a_ranking_than_stays_without_it(suite: Path, sample_home: Path) -> None:
    home = open_home(sample_home, now=UPDATE)
    result = run(suite, home, data=None, temporary=home.temporary, shelving=home.shelf, runs=suite.parent / "runs")
    found, without = result["measures"], result["baselines"]["without"]
    assert result["system"] == "with the filter" and result["n"] > 20
    assert found["flips seen"]["value"] <= without["flips seen"]["value"]  # what might matter stays, and distracts
    assert without["overlap@10 seen"]["value"] < found["overlap@10 seen"]["value"]
    assert found["nDCG@10"]["value"] == without["nDCG@10"]["value"]
    assert check(Path(result["report"]))["checked"] > 40


def test_an_engine_of_one_profile_is_refused(suite: Path) -> None:
    class Plain:
        def search(self, query: str, *, top: int, retriever: str, as_of: str | None = None) -> dict[str, Any]:
            return {"hits": []}

    with pytest.raises(BadInputError, match="no variants"):
        distract(planned(suite).suite, [], Plain(), clock=lambda: 0.0)  # type: ignore[arg-type]
