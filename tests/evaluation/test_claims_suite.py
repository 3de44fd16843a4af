"""Claims suites: labels, systems and figures, over the judge that comes with the package."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from consilience import Home, open_home
from consilience.errors import BadInputError
from consilience.evaluation import run
from consilience.evaluation.check import check
from consilience.evaluation.claims import statistics, verdict
from consilience.evaluation.claimsets import cases
from consilience.models import Judgement

LINES = [
    {"id": "a", "claim": "Zinc shortens the common cold.", "evidence": "Zinc shortened colds by two days (p = 0.01).",
     "label": "supported"},
    {"id": "b", "claim": "Zinc shortens the common cold.", "evidence": "Zinc did not shorten colds (p = 0.7).",
     "label": "refuted"},
    {"id": "c", "claim": "Zinc shortens the common cold.", "evidence": "Trains ran late in March.",
     "label": "insufficient"},
    {"id": "d", "claim": "Aspirin lowers fever.", "evidence": "Aspirin lowered fever in 40 adults.",
     "label": "supported"},
]  # fmt: skip


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now="2026-02-01T00:00:00Z")


@pytest.fixture
def evaluated(tmp_path: Path, write_lines: Any, home: Home) -> Any:
    def call(**keys: Any) -> dict[str, Any]:
        path = tmp_path / "claims-mine.yaml"
        path.write_text(yaml.safe_dump({"kind": "claims", "data": "claims.jsonl", **keys}))
        return run(path, home, data=None, temporary=home.temporary, shelving=home.shelf, runs=tmp_path / "runs")

    write_lines("claims.jsonl", *LINES)
    return call


def test_our_own_claims_are_judged_by_every_system_and_the_report_follows_from_its_details(evaluated) -> None:
    result = evaluated()
    assert (result["n"], result["system"]) == (4, "verify")
    assert list(result["baselines"]) == ["judge", "features", "word_overlap", "claim_alone", "majority"]
    assert result["baselines"]["majority"]["accuracy"]["value"] == 0.5
    assert result["baselines"]["majority"]["F1 refuted"]["value"] == 0.0
    assert {curve["name"] for curve in result["curves"]} == {"reliability", "risk-coverage"}
    assert check(Path(result["report"]))["checked"] > 100
    assert set(result["usage"]["seconds_per_question"]) == {"verify", "judge", "features", "claim_alone"}


def test_claims_are_held_against_named_documents_and_against_what_is_found(evaluated, write_lines) -> None:
    write_lines("claims.jsonl", {"id": 1, "claim": "Quillane healed bone in adults.", "cited_doc_ids": [7],
                                 "evidence": [{"doc_id": 7, "label": "SUPPORT", "sentences": [0]}]},
                {"id": 2, "claim": "Quillane causes fever.", "cited_doc_ids": [7, 8], "evidence": []})  # fmt: skip
    write_lines("docs.jsonl", {"doc_id": 7, "title": "Quillane", "abstract": ["Quillane healed bone in 40 adults."]},
                {"doc_id": 8, "title": "Another", "abstract": ["Trains ran late."]})  # fmt: skip
    systems = ["against", "retrieved", "majority"]
    result = evaluated(format="scifact", corpus={"path": "docs.jsonl", "format": "scifact"}, systems=systems)
    assert (result["n"], result["system"], result["skipped"]) == (2, "against", {})
    details = [json.loads(line) for line in (Path(result["report"]) / "details.jsonl").read_text().splitlines()]
    assert [detail["gold"] for detail in details] == ["supported", "insufficient"]
    # Whatever is made of it, the document was read: of nothing at all a claim would be wholly insufficient.
    assert all(details[0]["probabilities"][name]["insufficient"] < 1 for name in systems[:2])
    assert all(sum(own.values()) == pytest.approx(1) for detail in details for own in detail["probabilities"].values())


def test_sides_leave_out_what_is_neither_and_ask_which_of_two_is_likelier() -> None:
    shares = {"supported": 0.2, "refuted": 0.1, "insufficient": 0.7}
    details = [{"gold": gold, "probabilities": {"x": shares}} for gold in ("supported", "refuted", "insufficient")]
    told = statistics(details)["x"]
    import numpy as np

    every = np.ones((1, 3))
    assert float(told["accuracy"].of(every)[0]) == pytest.approx(1 / 3)
    assert float(told["accuracy sides"].of(every)[0]) == pytest.approx(1 / 2)
    assert np.isnan(told["accuracy sides"].of(np.array([[0.0, 0.0, 3.0]]))[0])


def test_a_tie_goes_to_the_more_cautious_label_and_a_failure_to_none() -> None:
    assert verdict({"supported": 0.4, "refuted": 0.4, "insufficient": 0.2}) == "refuted"
    assert verdict({"supported": 0.3, "refuted": 0.3, "insufficient": 0.3}) == "insufficient"
    assert verdict({}) == "undecided"


def test_public_forms_are_known_by_their_keys_and_only_what_was_kept_back_is_read(tmp_path: Path) -> None:
    row = {"nctId": "NCT1", "PMID": "1", "claim": "A is superior to B", "article_title": "t", "article_abstract": "a",
           "label_name": "inconclusive"}  # fmt: skip
    path = tmp_path / "trials.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps({**row, "split": split}) + "\n" for split in ("train", "validation"))
    (case,) = cases(path, None, iter(()))
    assert (case.label, case.texts, case.group) == ("refuted", (("", "t a"),), "NCT1")


@pytest.mark.parametrize("line", [{"id": "a", "claim": "x", "evidence": "y"}, {**LINES[0], "odd": 1}])
def test_a_line_that_is_no_claim_is_named(write_lines, line) -> None:
    with pytest.raises(BadInputError, match=r"(?:label|odd)") as refused:
        cases(write_lines("bad.jsonl", LINES[0], {**line, "id": "z"}), None, iter(()))
    assert "claim 2" in str(refused.value.where)


def test_a_document_that_a_claim_cites_and_nobody_has_is_told(write_lines) -> None:
    path = write_lines("far.jsonl", {"id": 1, "claim": "x", "cited_doc_ids": [9], "evidence": []})
    with pytest.raises(BadInputError, match="names a document that is not there"):
        cases(path, None, iter(()))


@pytest.mark.real
def test_public_claims_have_the_labels_their_sources_tell(data_dir: Path) -> None:
    from collections import Counter

    from consilience.evaluation.datasets import records

    corpus = records(data_dir / "evidence/scifact_corpus.jsonl.gz", "scifact")
    told = Counter(case.label for case in cases(data_dir / "evidence/scifact_claims.jsonl.gz", None, corpus))
    assert sum(told.values()) == 809 and told["insufficient"] == 304
    held = Counter(case.label for case in cases(data_dir / "evidence/healthver.jsonl.gz", None, iter(())))
    assert held == {"insufficient": 993, "supported": 533, "refuted": 391}
    assert len(cases(data_dir / "evidence/clinifact.jsonl.gz", None, iter(()))) == 316


@dataclass(frozen=True)
class Knowing:
    """A judge that keeps the claims it was asked about."""

    name: str
    asked: list[str]

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """Neutral about everything."""
        self.asked.extend(claim for claim, _ in pairs)
        return [Judgement(0.1, 0.1, 0.8) for _ in pairs]


def test_each_claim_and_question_is_judged_by_the_judge_that_has_not_seen_it(home: Home, write_lines: Any) -> None:
    from consilience.evaluation.answering import answer
    from consilience.evaluation.claims import claim
    from consilience.evaluation.datasets import Question
    from consilience.evaluation.definition import AnsweringSuite, ClaimsSuite
    from consilience.evaluation.folds import Folds

    judges = [Knowing("zero", []), Knowing("one", [])]
    given = cases(write_lines("claims.jsonl", *LINES[1:]), None, iter(()))
    unseen = Folds({"plain": {"b": 0, "c": 0, "d": 1}, "pubmedqa": {"7": 1}}, lambda fold: judges[fold], {})
    suite = ClaimsSuite(kind="claims", data="claims.jsonl", systems=("verify", "judge", "claim_alone"))
    claim(suite, given, home, clock=lambda: 0.0, folds=unseen)
    assert set(judges[0].asked) == {LINES[1]["claim"]} and set(judges[1].asked) == {LINES[3]["claim"]}
    judges[0].asked.clear()
    judges[1].asked.clear()
    asking = AnsweringSuite(kind="answering", data="-", format="pubmedqa", systems=("one_chain", "no_retrieval"))
    question = Question(id="7", question="Does postmenopausal hormone therapy prevent heart disease?", answer="no")
    told = answer(asking, [question], home, answers="yes/no/maybe", clock=lambda: 0.0, folds=unseen)
    assert [system.name for system in told.systems] == ["one_chain", "no_retrieval"]
    assert len(judges[1].asked) > 1 and not judges[0].asked


def test_a_suite_that_judges_nothing_takes_no_judges(tmp_path: Path, home: Home, write_lines: Any) -> None:
    write_lines("questions.jsonl", {"id": "a", "query": "zinc", "relevant": [1]})
    path = tmp_path / "finding.yaml"
    path.write_text("kind: retrieval\ndata: questions.jsonl\n")
    with pytest.raises(BadInputError, match="has no judges"):
        run(path, home, data=None, temporary=home.temporary, shelving=home.shelf, runs=tmp_path, judges=tmp_path)
