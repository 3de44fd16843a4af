"""Public files become our documented forms; bad lines are named."""

from __future__ import annotations

import gzip
import json

import pytest

from consilience.errors import BadInputError, RefusedFileError
from consilience.evaluation import datasets

PUBMEDQA = {
    "pmid": "77",
    "question": "Does tamsidol help?",
    "contexts": ["Sleep was poor.", "Sleep improved."],
    "labels": ["BACKGROUND", "RESULTS"],
    "long_answer": "It helps.",
    "final_decision": "maybe",
    "year": 2011,
}
SCIFACT = {"id": 5, "claim": "Velorine lowers mortality.", "cited_doc_ids": [9, 12], "evidence": []}
BIOASQ = {
    "id": "b1",
    "type": "yesno",
    "question": "Is bravexin safe?",
    "documents": ["3", "4", "3"],
    "snippets": [
        {"pmid": "3", "section": "abstract", "start": 40, "text": "Later words."},
        {"pmid": "3", "section": "abstract", "start": 0, "text": "First words."},
        {"pmid": "3", "section": "title", "start": 0, "text": "A title."},
        {"pmid": "3", "section": "abstract", "start": 0, "text": "First words."},
    ],
    "exact_answer": "Yes",
}


def test_each_public_form_is_known_by_its_keys(write_lines) -> None:
    forms = {"pubmedqa": PUBMEDQA, "scifact": SCIFACT, "bioasq": BIOASQ, "plain": {"id": "q", "query": "x"}}
    assert {datasets.detect(write_lines(f"{form}.jsonl", row)) for form, row in forms.items()} == set(forms)
    for form, row in forms.items():
        assert datasets.detect(write_lines(f"{form}.jsonl", row)) == form


def test_pubmedqa_asks_the_question_alone_and_its_corpus_keeps_the_conclusion_back(write_lines) -> None:
    path = write_lines("p.jsonl", PUBMEDQA)
    (question,) = datasets.questions(path)
    assert (question.id, question.answer, question.relevant) == ("77", "maybe", {"PMID:77": 1})
    (record,) = datasets.records(path, "pubmedqa")
    assert record["abstract"] == "BACKGROUND: Sleep was poor. RESULTS: Sleep improved."
    assert "helps" not in json.dumps(record)


def test_scifact_counts_every_cited_abstract_as_relevant(write_lines) -> None:
    (question,) = datasets.questions(write_lines("s.jsonl", SCIFACT))
    assert question.relevant == {"SCIFACT:9": 1, "SCIFACT:12": 1}
    corpus = write_lines("c.jsonl", {"doc_id": 9, "title": "T.", "abstract": ["One. ", "Two."]})
    assert list(datasets.records(corpus, "scifact")) == [{"id": "SCIFACT:9", "title": "T.", "abstract": "One. Two."}]


def test_bioasq_snippets_are_joined_in_their_order_and_only_their_documents_are_relevant(write_lines) -> None:
    path = write_lines("b.jsonl", BIOASQ, {**BIOASQ, "id": "b2", "type": "list", "exact_answer": [["x"]]})
    first, second = datasets.questions(path)
    assert (first.answer, second.answer, list(first.relevant)) == ("yes", None, ["PMID:3"])
    assert list(datasets.records(path, "bioasq")) == [
        {"pmid": "3", "title": "A title.", "abstract": "First words. Later words."}
    ]


def test_bare_numbers_in_relevant_are_pmids_and_grades_are_kept(write_lines) -> None:
    path = write_lines("q.jsonl", {"id": 1, "query": "x", "relevant": {"12": 2, "PMID:13": 0}, "as_of": 2003})
    (question,) = datasets.questions(path)
    assert (question.id, question.relevant, question.as_of) == ("1", {"PMID:12": 2, "PMID:13": 0}, "2003")


@pytest.mark.parametrize(
    "row",
    [
        {"id": "1", "query": "x", "relevent": []},
        {"id": "1"},
        {"query": "x"},
        {"id": "1", "query": "  "},
        {"id": "1", "question": "x", "answer": "perhaps"},
        {"id": "1", "question": "x", "answer": "yes", "verdict": "no"},
        {"id": "1", "query": "x", "as_of": "June"},
        {"id": "1", "query": "x", "relevant": "PMID:1"},
        {"id": "1", "query": "x", "relevant": [["PMID:1"]]},
        {"id": "1", "query": "x", "relevant": {"PMID:1": -1}},
    ],
)
def test_a_line_of_another_form_is_refused_and_named(write_lines, row) -> None:
    with pytest.raises(BadInputError) as refused:
        datasets.questions(write_lines("q.jsonl", {"id": "0", "query": "y"}, row))
    assert refused.value.where == "q.jsonl, question 2"


def test_an_id_that_stands_twice_is_refused(write_lines) -> None:
    with pytest.raises(BadInputError, match="twice"):
        datasets.questions(write_lines("q.jsonl", {"id": "1", "query": "x"}, {"id": 1, "query": "y"}))


@pytest.mark.parametrize("line", ["{", "[1]", "3", "[" * 100_000, '{"id": "\xff'])
def test_a_line_that_is_no_json_object_is_named_by_its_number(tmp_path, line) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"id": "1", "query": "x"}\n\n' + line.encode("latin-1"))
    with pytest.raises(BadInputError) as refused:
        datasets.questions(path)
    assert refused.value.where == "q.jsonl:3"


def test_a_line_without_end_is_not_read_into_memory(tmp_path) -> None:
    path = tmp_path / "q.jsonl.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(b" " * (datasets.MAX_LINE * 2))
        stream.write(b"x")
    with pytest.raises(BadInputError, match="too long"):
        list(datasets.rows(path))


def test_a_truncated_gzip_file_is_refused(tmp_path) -> None:
    path = tmp_path / "q.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(SCIFACT).encode() * 50)[:-12])
    with pytest.raises(RefusedFileError):
        list(datasets.rows(path))


def test_a_named_form_that_the_lines_do_not_have_is_refused(write_lines) -> None:
    with pytest.raises(BadInputError, match="pubmedqa form"):
        datasets.questions(write_lines("q.jsonl", {"id": "1", "query": "x"}), "pubmedqa")


def test_an_empty_file_is_refused(write_lines) -> None:
    with pytest.raises(BadInputError, match="no question"):
        datasets.questions(write_lines("q.jsonl"))


@pytest.mark.real
def test_the_real_sets_have_the_published_counts(data_dir) -> None:
    claims = datasets.questions(data_dir / "evidence/scifact_claims.jsonl.gz")
    documents = {row["id"] for row in datasets.records(data_dir / "evidence/scifact_corpus.jsonl.gz", "scifact")}
    assert (len(claims), len(documents)) == (809, 5183)
    assert all(set(claim.relevant) <= documents and claim.has_relevant for claim in claims)
    pubmedqa = datasets.questions(data_dir / "qa/pubmedqa.jsonl.gz")
    assert [sum(q.answer == name for q in pubmedqa) for name in ("yes", "no", "maybe")] == [276, 169, 55]
    bioasq = datasets.questions(data_dir / "qa/bioasq.jsonl.gz")
    assert (len(bioasq), sum(question.answer is not None for question in bioasq)) == (1497, 409)


@pytest.mark.real
def test_bioasq_documents_are_those_of_the_published_pool(data_dir) -> None:
    documents = list(datasets.records(data_dir / "qa/bioasq.jsonl.gz", "bioasq"))
    assert len(documents) == len({row["pmid"] for row in documents}) == 7808


@pytest.mark.parametrize("day", ["2005-13", "2005-02-30", "0000", "2005\n"])
def test_a_day_that_there_is_not_is_refused_before_anything_is_asked(write_lines, day) -> None:
    path = write_lines("q.jsonl", {"id": "a", "query": "x", "as_of": day, "relevant": [1]})
    with pytest.raises(BadInputError, match="as_of"):
        datasets.questions(path)
