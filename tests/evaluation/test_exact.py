"""A suite of exact answers, end to end over a throw-away home: what is asked, scored, and computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consilience import home, open_home
from consilience.evaluation import datasets
from consilience.evaluation.check import check

TRUE = "Mutations in QLK7 cause blue fever."
DOCUMENTS = [
    {"pmid": "99000001", "title": "QLK7 in blue fever", "abstract": f"{TRUE} It is rare."},
    {"pmid": "99000002", "title": "Blue fever", "abstract": "In blue fever the gene QLK7 is lost. Velorine helps."},
    {"pmid": "99000003", "title": "Gardens", "abstract": "A garden programme improved mood in nursing homes."},
    {
        "pmid": "99000004",
        "title": "The Zorvan pill",
        "abstract": "Two drugs are included in the Zorvan pill: Velorine and Tamsidol.",
    },
]
QUESTIONS: list[dict[str, Any]] = [
    {"id": "f", "question": "Which gene is mutated in blue fever?", "kind": "factoid", "names": [["QLK7", "quell 7"]],
     "relevant": ["99000001", "99000002"], "snippets": [{"id": "PMID:99000001", "text": TRUE}]},
    {"id": "l", "question": "Which two drugs are included in the Zorvan pill?", "kind": "list",
     "names": [["velorine"], ["tamsidol"]], "relevant": ["99000004"]},
    {"id": "y", "question": "Did a garden programme improve mood?", "kind": "polar", "answer": "yes",
     "relevant": ["99000003"]},
]  # fmt: skip


@pytest.fixture
def report(tmp_path: Path, write_lines: Any) -> dict[str, Any]:
    root = tmp_path / "home"
    rooms = home.init(root)
    suite = {"kind": "exact", "data": "asked.jsonl", "corpus": ["held.jsonl"]}
    for name, rows in (("asked", QUESTIONS), ("held", DOCUMENTS)):
        (rooms.evaluation / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (rooms.evaluation / "mine.yaml").write_text(json.dumps(suite))
    told = open_home(root).evaluate("mine")
    return {**told, "folder": root / told["report"]}


def test_exact_answers_are_scored_for_every_system_and_follow_from_the_details(report: dict[str, Any]) -> None:
    measures = {name: of["value"] for name, of in report["measures"].items()}
    assert (measures["strict"], measures["MRR"], measures["list F1"]) == (1.0, 1.0, 1.0)
    assert measures["kind read"] == measures["quotes_hold"] == measures["cited"] == 1.0
    assert measures["snippet R"] == measures["document R"] == 1.0
    assert 0 < measures["snippet P"] < 1
    assert set(report["baselines"]) == {"one_chain", "bm25_only", "documents_given", "majority"}
    assert report["baselines"]["documents_given"]["document P"]["value"] == 0.5
    assert report["baselines"]["majority"]["yes/no accuracy"]["value"] == 1.0
    assert "MRR" not in report["baselines"]["majority"]
    assert check(report["folder"])["checked"] > 60


def test_bioasq_lines_keep_their_kind_their_names_and_their_snippets(write_lines: Any) -> None:
    line = {
        "id": "q", "type": "list", "question": "Which?", "documents": ["7"], "exact_answer": [["a", "b"], ["c"]],
        "snippets": [{"pmid": "7", "section": "sections.0", "start": 0, "end": 3, "text": "a c"}],
    }  # fmt: skip
    (question,) = datasets.questions(write_lines("b.jsonl", line))
    assert (question.kind, question.names) == ("list", (("a", "b"), ("c",)))
    assert [(s.id, s.field, s.text) for s in question.snippets] == [("PMID:7", "abstract", "a c")]
