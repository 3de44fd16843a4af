"""A fixed slice of real data, end to end: 2,000 abstracts, 200 questions, every promise checked."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, contract, init_home, open_home
from consilience.records import sha256

pytestmark = pytest.mark.real
NOW = "2026-01-01T00:00:00Z"


def rows(path: Path) -> Any:
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        yield from map(json.loads, handle)


@pytest.fixture(scope="module")
def questions(real_data: Path) -> list[dict[str, Any]]:
    return list(islice(rows(real_data / "qa" / "pubmedqa.jsonl.gz"), 200))


@pytest.fixture(scope="module")
def home(real_data: Path, questions: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The abstracts the questions were made from, among 1,800 others."""
    folder = tmp_path_factory.mktemp("slice")
    wanted = {question["pmid"] for question in questions}
    pool = list(rows(real_data / "corpus" / "abstracts.jsonl.gz"))
    chosen = [r for r in pool if r["pmid"] in wanted] + [r for r in pool if r["pmid"] not in wanted][:1800]
    (folder / "slice.jsonl").write_text("".join(json.dumps(r) + "\n" for r in chosen), "utf-8")
    init_home(folder / "home")
    opened = open_home(folder / "home", now=NOW)
    assert opened.ingest_records([folder / "slice.jsonl"])["records"] == len(chosen) == 2000
    assert opened.refresh()["documents"]["active"] == 2000
    return opened


@pytest.fixture(scope="module")
def answers(home: Home, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [home.ask(question["question"]) for question in questions]


def test_every_span_of_two_hundred_answers_is_exact(home: Home, answers: list[dict[str, Any]]) -> None:
    spans = [span for answer in answers for span in contract.validated("ask", answer)["citations"]]
    assert len(spans) > 100
    for span in spans:
        text = home.show(span["id"], version=span["version"])["fields"][span["field"]]
        assert text[span["start"] : span["end"]] == span["quote"]
        assert sha256(text) == span["sha256"]


def test_the_abstract_a_question_was_made_from_is_found(home: Home, questions: list[dict[str, Any]]) -> None:
    found = sum(
        f"PMID:{question['pmid']}" in {hit["id"] for hit in home.search(question["question"])["hits"]}
        for question in questions
    )
    assert found / len(questions) > 0.95


def test_verdicts_beat_always_yes(questions: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
    def told(answer: dict[str, Any]) -> str:
        shares = answer["probabilities"]
        by_class = {"yes": shares["yes"], "no": shares["no"], "maybe": shares["mixed"] + shares["insufficient"]}
        return max(by_class, key=lambda name: by_class[name])

    right = sum(told(answer) == question["final_decision"] for question, answer in zip(questions, answers, strict=True))
    always_yes = sum(question["final_decision"] == "yes" for question in questions)
    assert right > always_yes


@pytest.mark.parametrize("day", ["1995-12-31", "2003-06-30", "2010-01-01"])
def test_nothing_later_than_the_day_is_found_or_cited(home: Home, questions: list[dict[str, Any]], day: str) -> None:
    for question in questions[:20]:
        hits = home.search(question["question"], as_of=day)["hits"]
        cited = home.ask(question["question"], as_of=day)["citations"]
        assert all(each["published"] <= day for each in (*hits, *cited))


def test_nothing_is_known_before_it_was_loaded(home: Home, questions: list[dict[str, Any]]) -> None:
    for question in questions[:20]:
        assert home.search(question["question"], known_at="2025-12-31")["hits"] == []
        assert home.ask(question["question"], known_at="2025-12-31")["abstained"]["reason"] == "no_evidence"
