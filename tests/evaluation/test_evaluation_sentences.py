"""Which sentence is chosen: gold is found where it stands, every way is scored, and a report can be computed again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from consilience.errors import BadInputError
from consilience.evaluation import run
from consilience.evaluation.check import check
from consilience.evaluation.definition import SentencesSuite
from consilience.evaluation.sentences import CHOICES, Marked, choose, marked_sentences, statistics
from consilience.evaluation.shelf import Shelves
from consilience.indexes.profile import DenseProfile, Profile
from consilience.models.plain import HashedVectors

SHELVES = Shelves(
    Profile(dense=DenseProfile(embedding="hashed")), lambda _: HashedVectors(), datetime(2026, 1, 1, tzinfo=UTC)
)
RECORDS = [
    {"id": "one", "title": "Velorine", "abstract": "Stroke is common. Velorine lowered mortality. Sleep was not seen."},
    {"id": "two", "title": "Music", "abstract": "Singing is old. Music did not help mood at all. We thank the choir."},
    {"id": "three", "title": "Short", "abstract": "Velorine was never tried in mice."},
]
LINES: list[dict[str, Any]] = [
    {"id": "a", "query": "velorine mortality", "document": "one", "sentences": ["Velorine lowered  mortality."]},
    {"id": "b", "query": "singing is old", "document": "two", "sentences": ["Singing is old."]},
    {"id": "c", "query": "velorine mice", "document": "three", "sentences": ["Velorine was never tried in mice."]},
    {"id": "d", "query": "zinc", "document": "nowhere", "sentences": ["Zinc."]},
]


@pytest.fixture
def evaluated(tmp_path: Path, write_lines: Any, engine: Any, temporary: Any) -> dict[str, Any]:
    write_lines("records.jsonl", *RECORDS)
    write_lines("marked.jsonl", *LINES)
    path = tmp_path / "choosing.yaml"
    path.write_text(yaml.safe_dump(
        {"kind": "sentences", "data": "marked.jsonl", "corpus": ["records.jsonl"], "format": "plain"}
    ))  # fmt: skip

    def shelving(file: Path | None) -> Any:
        return SHELVES.filled(file or tmp_path / "records.jsonl")

    return run(path, engine, data=None, temporary=temporary, shelving=shelving, runs=tmp_path / "runs")


def test_every_way_orders_every_case_that_has_something_to_choose(evaluated: dict[str, Any]) -> None:
    assert evaluated["n"] == 2 and evaluated["warnings"][0].startswith("2 of 4 left out")
    assert {evaluated["system"], *evaluated["baselines"]} == set(CHOICES)
    assert evaluated["measures"]["hit@1"]["value"] == 1.0
    assert evaluated["baselines"]["in_order"]["hit@1"]["value"] == 0.5
    assert evaluated["baselines"]["in_order"]["RR"]["value"] == 0.75


def test_documents_of_one_question_are_told_to_be_alike(evaluated: dict[str, Any], write_lines: Any) -> None:
    again = {**LINES[1], "id": "e", "query": LINES[0]["query"]}
    case = [Marked.model_validate(line) for line in (LINES[0], again)]
    with SHELVES.filled(write_lines("records.jsonl", *RECORDS)) as shelf:
        suite = SentencesSuite(kind="sentences", data="marked.jsonl", systems=("in_order",))
        (told,) = choose(suite, case, shelf, clock=lambda: 0.0).warnings
    assert told.startswith("drawn and tested are 2 documents of 1 questions")
    assert not [warning for warning in evaluated["warnings"] if "alike" in warning]


def test_a_report_is_computed_again_from_its_orders(evaluated: dict[str, Any]) -> None:
    assert check(Path(evaluated["report"]))["checked"] > 0


def test_the_measures_count_ranks_of_gold() -> None:
    details = [
        {"gold": [2], "order": {"x": [2, 0, 1]}},
        {"gold": [0, 1, 2, 3, 4], "order": {"x": [5, 0, 1, 2, 3, 4]}},
    ]
    found = {name: own.values.tolist() for name, own in statistics(details)["x"].items() if own.values is not None}
    assert found == {"hit@1": [1.0, 0.0], "R@3": [1.0, 2 / 3], "RR": [1.0, 0.5]}
    assert statistics([]) == {}


def test_the_public_forms_are_read(tmp_path: Path, write_lines: Any) -> None:
    write_lines("corpus.jsonl", {"doc_id": 7, "title": "T", "abstract": ["First one. ", "Second one."]})
    evidence = [{"doc_id": number, "label": "SUPPORT", "sentences": [1]} for number in (7, 8)]
    claims = write_lines("claims.jsonl", {"id": 3, "claim": "C", "cited_doc_ids": [7, 8], "evidence": evidence})
    (scifact,) = marked_sentences(claims, [("scifact", tmp_path / "corpus.jsonl")])
    assert (scifact.document, scifact.sentences) == ("SCIFACT:7", ("Second one.",))
    qa = write_lines("qa.jsonl", {"pmid": "12", "question": "Q?", "long_answer": "Yes.", "final_decision": "yes"})
    assert marked_sentences(qa, [])[0].document == "PMID:12"
    snippets = [{"pmid": "5", "section": "abstract", "text": "A."}, {"pmid": "5", "section": "title", "text": "B"}]
    asked = write_lines("asked.jsonl", {"id": "x", "question": "Q?", "exact_answer": [], "snippets": snippets})
    assert marked_sentences(asked, [])[0].sentences == ("A.",)


def test_a_line_without_sentences_is_refused_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"id": "a", "query": "q", "document": "one"}).encode()))
    with pytest.raises(BadInputError, match="sentences"):
        marked_sentences(path, [], "plain")
