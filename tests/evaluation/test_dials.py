"""Mixtures of documents: what is put before a question is what the dial says, and answers know nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from consilience import Home, open_home, reasoning
from consilience.errors import BadInputError
from consilience.evaluation import run
from consilience.evaluation.among import among
from consilience.evaluation.check import check
from consilience.evaluation.datasets import Question
from consilience.evaluation.dials import CLEAN, Asked, counterfactual, mixed, turned_round


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now="2026-02-01T00:00:00Z")


def asked(signals: int) -> Asked:
    own = tuple(f"S{n}" for n in range(signals))
    return Asked(Question(id="q", question="?"), own, {name: f"T{name}" for name in own},
                 tuple(f"N{n}" for n in range(20)), "An aside.")  # fmt: skip


@pytest.mark.parametrize(
    ("share", "signal", "noise"), [(100, 5, 0), (80, 4, 1), (60, 3, 2), (40, 2, 3), (20, 1, 4), (0, 0, 5)]
)
def test_a_share_of_five_documents_is_to_the_point_and_the_others_are_not(share: int, signal: int, noise: int) -> None:
    documents = mixed(asked(9), CLEAN if share == 100 else f"noise {share}%", 5)
    assert [name[0] for name in documents] == ["S"] * signal + ["N"] * noise


def test_where_a_question_has_one_document_others_join_in_proportion() -> None:
    told = {share: mixed(asked(1), f"noise {share}%", 5) for share in (60, 40, 20, 0)}
    assert [len(told[share]) for share in (60, 40, 20, 0)] == [2, 3, 5, 5]
    assert [documents[0][0] for documents in told.values()] == ["S", "S", "S", "N"]


def test_misinformation_stands_in_the_place_of_the_very_documents_it_contradicts() -> None:
    assert mixed(asked(5), "misinformation 40%", 5) == ["S0", "S1", "TS2", "TS3", "TS4"]
    assert mixed(asked(5), "misinformation 0%", 5) == [f"TS{n}" for n in range(5)]


def test_a_document_turned_round_says_the_opposite_under_a_name_of_its_own() -> None:
    row = {"pmid": "99000001", "title": "Velorine and stroke", "abstract": "Velorine reduced stroke. It is cheap."}
    turned = counterfactual(row)
    assert turned is not None and turned["id"] == "TURNED:PMID-99000001-turned" and "pmid" not in turned
    assert "reduced stroke" not in turned["abstract"] and "Velorine" in turned["abstract"]
    assert turned_round("Trains 12.") == "Trains 12."
    assert counterfactual({"id": "X:1", "title": "Trains", "abstract": ""}) is None


def test_an_answer_among_some_documents_knows_of_no_others(home: Home) -> None:
    question, chosen = "Does postmenopausal hormone therapy prevent coronary heart disease?", ["PMID:99000001"]
    told = reasoning.ask(question, among(home.ground(), chosen))
    assert {citation["id"] for citation in told["citations"]} <= set(chosen) and told["citations"]
    whole = reasoning.ask(question, home.ground())
    assert len({citation["id"] for citation in whole["citations"]}) > 1


def test_an_answer_among_no_documents_abstains(home: Home) -> None:
    told = reasoning.ask(
        "Does postmenopausal hormone therapy prevent coronary heart disease?", among(home.ground(), [])
    )
    assert told["abstained"]["reason"] == "no_evidence" and told["verdict"] == "insufficient"


@pytest.fixture
def evaluated(tmp_path: Path, write_lines: Any, home: Home) -> Any:
    def call(**keys: Any) -> dict[str, Any]:
        path = tmp_path / "dials-mine.yaml"
        path.write_text(yaml.safe_dump({"kind": "dials", "data": "questions.jsonl", **keys}))
        return run(path, home, data=None, temporary=home.temporary, shelving=home.shelf, runs=tmp_path / "runs")

    write_lines(
        "questions.jsonl",
        {"id": "a", "question": "Does velorine reduce stroke?", "answer": "yes", "relevant": ["X:1", "X:2"]},
        {"id": "b", "question": "Does tamsidol improve sleep?", "answer": "no", "relevant": ["X:3", "X:4"]},
        {"id": "c", "question": "Is zorbatine toxic?", "answer": "no", "relevant": ["X:9"]},
    )
    write_lines(
        "docs.jsonl",
        {"id": "X:1", "title": "Velorine trial", "abstract": "Velorine significantly reduced stroke in 412 adults."},
        {"id": "X:2", "title": "Velorine registry", "abstract": "Velorine reduced stroke in 3,000 adults."},
        {"id": "X:3", "title": "Tamsidol in children", "abstract": "Tamsidol did not improve sleep in 90 children."},
        {"id": "X:4", "title": "Tamsidol in adults", "abstract": "Tamsidol failed to improve sleep in 80 adults."},
    )
    return call


def test_a_dials_suite_tells_every_mixture_beside_the_clean_one(evaluated) -> None:
    result = evaluated(corpus="docs.jsonl", documents=2, shares=[100, 50, 0], answers="yes/no")
    assert (result["n"], result["system"]) == (2, CLEAN)
    assert list(result["baselines"]) == [
        "noise 50%", "noise 0%", "misinformation 50%", "misinformation 0%", "asides", "no_retrieval", "majority",
    ]  # fmt: skip
    assert result["warnings"] == ["1 questions left out: fewer than 1 documents of theirs are at hand"]
    assert result["baselines"]["noise 0%"]["abstained"]["value"] == 1.0
    turned = result["baselines"]["misinformation 0%"]["accuracy"]["value"]
    assert turned < result["measures"]["accuracy"]["value"]
    noise = next(curve for curve in result["curves"] if curve["name"] == "noise")
    assert [point[0] for point in noise["series"]["abstained"]] == [0, 50, 100]
    assert check(Path(result["report"]))["checked"] > 50


def test_a_suite_whose_questions_have_no_documents_is_refused(evaluated) -> None:
    with pytest.raises(BadInputError, match="enough documents"):
        evaluated(corpus="docs.jsonl", at_least=3)
