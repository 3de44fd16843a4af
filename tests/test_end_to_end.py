"""From the embedded corpus to cited answers: the promises that everything else rests on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, contract, init_home, open_home
from consilience.errors import BadInputError, NotFoundError
from consilience.records import sha256
from tests.conftest import BASELINE, UPDATE

INSULIN = "Does intensive insulin therapy reduce mortality in critically ill patients?"
QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "evaluation" / "data" / "sample.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now=UPDATE)


@pytest.fixture(scope="module")
def answers(home: Home) -> list[dict[str, Any]]:
    return [home.ask(question["question"], as_of=question["as_of"]) for question in QUESTIONS]


def test_the_same_question_has_another_answer_once_the_evidence_has_turned(home: Home) -> None:
    assert home.ask(INSULIN, as_of="2003")["verdict"] == "yes"
    assert home.ask(INSULIN, as_of="2012")["verdict"] == "no"


def test_every_answer_is_what_the_contract_says(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        contract.validated("ask", answer)


def test_every_span_is_verbatim_in_the_document_version_it_names(home: Home, answers: list[dict[str, Any]]) -> None:
    spans = [span for answer in answers for span in answer["citations"]]
    assert len(spans) > 50
    for span in spans:
        shown = home.show(span["id"], version=span["version"])
        text = shown["fields"][span["field"]]
        assert text[span["start"] : span["end"]] == span["quote"]
        assert sha256(text) == span["sha256"]


def test_every_sentence_is_one_of_its_quotations(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        for sentence in answer["sentences"]:
            assert sentence["text"] in {answer["citations"][n]["quote"] for n in sentence["citations"]}


def test_nothing_later_than_the_day_is_cited(answers: list[dict[str, Any]]) -> None:
    for question, answer in zip(QUESTIONS, answers, strict=True):
        assert all(span["published"] <= answer["as_of"] for span in answer["citations"]), question["id"]


def test_retracted_superseded_and_deleted_documents_support_nothing(answers: list[dict[str, Any]]) -> None:
    statuses = {span["status"] for answer in answers for span in answer["citations"]}
    assert statuses <= {"active", "corrected", "concern"}


def test_most_dated_questions_get_the_verdict_a_reader_would_give(answers: list[dict[str, Any]]) -> None:
    right = sum(answer["verdict"] == question["verdict"] for question, answer in zip(QUESTIONS, answers, strict=True))
    assert right / len(QUESTIONS) > 0.5


def test_a_retraction_counts_from_the_day_it_was_known_and_not_before(home: Home) -> None:
    before, after = (home.show("PMID:99000184", known_at=instant)["status"] for instant in (BASELINE, UPDATE))
    assert (before, after) == ("active", "retracted")
    asked_early = home.show("PMID:99000184", as_of="2020-09-30")
    assert (asked_early["status"], asked_early["retracted_since"]) == ("active", "2020-10-09")


def test_an_earlier_instant_gives_the_earlier_answers_byte_for_byte(home: Home, tmp_path: Path) -> None:
    init_home(tmp_path / "home")
    earlier = open_home(tmp_path / "home", now=BASELINE)
    sample = tmp_path / "home" / "corpora" / "sample"
    earlier.ingest_pubmed([sample / "pubmed26n0001.xml.gz"])
    earlier.ingest_guidelines([sample / "guidelines.jsonl"])
    earlier.refresh()

    def told(opened: Home, question: dict[str, Any], **on: str) -> str:
        answer = opened.ask(question["question"], as_of=question["as_of"], **on)
        return contract.canonical(contract.validated("ask", answer))

    for question in QUESTIONS:
        assert told(home, question, known_at=BASELINE) == told(earlier, question), question["id"]


def test_a_deleted_citation_is_gone_now_and_still_there_at_the_instant_before(home: Home) -> None:
    assert home.show("PMID:99000332")["status"] == "deleted"
    assert home.show("PMID:99000332", known_at=BASELINE)["status"] == "active"
    title = home.show("PMID:99000332")["fields"]["title"]
    assert "PMID:99000332" not in {hit["id"] for hit in home.search(title)["hits"]}
    assert "PMID:99000332" in {hit["id"] for hit in home.search(title, known_at=BASELINE)["hits"]}


def test_the_recommendation_in_force_is_that_of_the_day(home: Home) -> None:
    old = "GL:Consilience Example Society/aspirin-primary-prevention/1@2002"
    assert home.show(old, as_of="2010")["status"] == "active"
    assert home.show(old)["status"] == "superseded"


def test_the_same_question_gives_the_same_bytes(home: Home) -> None:
    once, again = (contract.canonical(contract.validated("ask", home.ask(INSULIN))) for _ in range(2))
    assert once == again


def test_noise_is_answered_by_abstaining(home: Home) -> None:
    answer = home.ask("Does the quokka prefer basalt over granite in telescopes?")
    assert answer["abstained"]["reason"] in ("no_evidence", "insufficient")
    assert answer["verdict"] == "insufficient"
    assert not answer["sentences"]


def test_a_claim_is_verified_against_the_documents_that_are_named(home: Home) -> None:
    against = home.search(INSULIN, as_of="2012", design=["meta_analysis"])["hits"][0]["id"]
    judged = home.verify("Intensive insulin therapy does not reduce mortality", against=[against])
    assert {span["id"] for span in judged["citations"]} <= {against}
    contract.validated("verify", judged)


@pytest.mark.parametrize("retriever", ["lexical", "dense", "hybrid"])
def test_search_hits_are_what_the_contract_says(home: Home, retriever: str) -> None:
    found = contract.validated("search", home.search("aspirin primary prevention", retriever=retriever, top=5))
    assert len(found["hits"]) == 5


def test_boolean_queries_are_run_and_bad_ones_explained(home: Home) -> None:
    hits = home.search('aspirin AND "myocardial infarction"')["hits"]
    for hit in hits:
        fields = home.show(hit["id"])["fields"].values()
        assert "aspirin" in " ".join(fields).lower()
    with pytest.raises(BadInputError):
        home.search('aspirin AND (stroke OR "')


def test_bad_input_is_told_before_work_starts(home: Home) -> None:
    for call in (
        lambda: home.ask("  "),
        lambda: home.ask("x?", as_of="soon"),
        lambda: home.search("x", retriever="magic"),
    ):
        with pytest.raises(BadInputError):
            call()
    with pytest.raises(NotFoundError):
        home.show("PMID:1")


def test_a_refresh_with_nothing_new_changes_nothing(sample_home: Path) -> None:
    def listing() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in sample_home.rglob("*") if path.is_file()}

    before = listing()
    assert open_home(sample_home, now="2026-03-01T00:00:00Z").refresh()["changed"] is False
    assert listing() == before
