"""Error codes: what is wrong with an answer, ours or another's, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.cli import run
from consilience.contract import validated
from consilience.errors import BadInputError
from consilience.reasoning import Ground
from consilience.reasoning.codes import CODES, Auditor
from tests.making import clocks, paper
from tests.models.test_verifier import Credulous

GroundOf = Callable[..., Ground]
SENTENCE = "In 412 adults, velorine 20 mg daily reduced attacks of asthma by 31%."
TEXT = f"RESULTS: {SENTENCE} CONCLUSIONS: It is not so that velorine cures asthma."
GONE = paper(2, abstract=SENTENCE, links=[("RetractionIn", "9", "J Synth. 2015 Mar 2;1(1):1")])
START = TEXT.index(SENTENCE)


@pytest.fixture
def auditor(ground_of: GroundOf) -> Auditor:
    ground = ground_of(
        paper(1, abstract=TEXT), GONE, paper(3, title="Bread", abstract="Bread rises better in warm kitchens.")
    )
    return Auditor(ground.corpus, clocks(), Credulous(), ground.linker)


def answer(text: str = SENTENCE, **changes: Any) -> dict[str, Any]:
    """Another system's answer: identifiers and quotations, no offsets."""
    citation = {"id": "PMID:1", "quote": SENTENCE, **changes}
    return {"question": "Does velorine help in asthma?", "sentences": [{"text": text, "citations": [0]}],
            "citations": [citation]}  # fmt: skip


def codes(auditor: Auditor, given: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found.code, found.where) for found in auditor.codes_of(given)]


def test_an_answer_that_quotes_rightly_has_no_code(auditor: Auditor) -> None:
    assert codes(auditor, answer()) == []
    assert codes(auditor, answer("Velorine reduced attacks of asthma by 31%.")) == []
    assert codes(auditor, answer(field="abstract", start=START, end=START + len(SENTENCE))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "PMID:98765432"}, ("2A", "citations[0]")),
        ({"id": ""}, ("2A", "citations[0]")),
        ({"version": "0123456789ab"}, ("2F", "citations[0]")),
        ({"title": "A trial that nobody ran"}, ("2F", "citations[0]")),
        ({"published": "1950-01-01"}, ("2F", "citations[0]")),
        ({"quote": "Velorine reduced attacks of asthma by 90%."}, ("2E", "citations[0]")),
        ({"field": "abstract", "start": 0, "end": len(SENTENCE)}, ("2E", "citations[0]")),
        ({"field": "abstract", "start": START, "end": START + len(SENTENCE), "sha256": "0" * 64},
         ("2E", "citations[0]")),
        ({"quote": ""}, ("2D", "citations[0]")),
        ({"id": "PMID:2"}, ("1C", "citations[0]")),
        ({"id": "PMID:3", "quote": "Bread rises better in warm kitchens."}, ("2C", "citations[0]")),
    ],
)  # fmt: skip
def test_a_citation_that_is_wrong_is_named(
    auditor: Auditor, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in codes(auditor, answer(**changes))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Velorine reduced attacks of asthma by 13%.", "1E"),
        ("Velorine did not reduce attacks of asthma.", "2B"),
        ("Velorine reduced attacks of asthma in children.", "4A"),
        ("Warfarin reduced attacks of asthma.", "4A"),
        ("Bread rises in kitchens.", "2C"),
        ("Velorine reduced attacks of asthma (PMID 12345678).", "2A"),
    ],
)
def test_a_sentence_that_its_source_does_not_say_is_named(auditor: Auditor, text: str, code: str) -> None:
    assert (code, "sentences[0]") in codes(auditor, answer(text))


def test_a_piece_cut_out_of_its_sentence_is_read_with_the_rest(auditor: Auditor) -> None:
    piece = "velorine cures asthma."
    found = codes(auditor, answer("Velorine cures asthma.", quote=piece))
    assert ("2B", "sentences[0]") in found


def test_a_sentence_without_a_source_or_with_one_that_is_not_there(auditor: Auditor) -> None:
    bare, beyond = answer(), answer()
    bare["sentences"][0]["citations"] = []
    beyond["sentences"][0]["citations"] = [1, True, "0"]
    assert codes(auditor, bare) == [("2D", "sentences[0]")]
    assert codes(auditor, beyond) == [("2A", "sentences[0]")] * 3


def test_an_item_that_its_source_does_not_name(auditor: Auditor) -> None:
    given = {**answer(), "items": [{"text": "velorine", "citations": [0]}, {"text": "warfarin", "citations": [0]}]}
    assert codes(auditor, given) == [("2B", "items[1]")]


def test_what_is_no_answer_is_refused(auditor: Auditor) -> None:
    with pytest.raises(BadInputError, match="sentences"):
        auditor.codes_of({"sentences": "all good"})
    assert auditor.codes_of({}) == []


def test_own_answers_have_no_code_and_a_spoilt_one_fails_the_command(sample_home: Path, tmp_path: Path) -> None:
    home = open_home(sample_home)
    lines = (Path(__file__).parents[2] / "evaluation" / "data" / "sample.jsonl").read_text().splitlines()
    asked = (home.ask(row["question"], as_of=row.get("as_of")) for row in map(json.loads, lines))
    told = json.loads(json.dumps(next(answer for answer in asked if answer["sentences"])))
    assert validated("audit", home.audit(told))["counts"] == {}
    spoilt = json.loads(json.dumps(told))
    spoilt["citations"][0]["id"] = "PMID:98765432"
    good, bad = tmp_path / "good.json", tmp_path / "bad.jsonl"
    good.write_text(json.dumps(told, indent=1))
    bad.write_text(json.dumps(told) + "\n" + json.dumps({"id": "second", "result": spoilt}) + "\n")
    assert run(["audit", str(good), "--home", str(sample_home), "--json"]) == 0
    assert run(["audit", str(bad), "--home", str(sample_home), "--json"]) == 1
    both = home.audit([told, {"id": "second", **spoilt}])
    assert [row["id"] for row in both["answers"]] == [0, "second"]
    assert both["counts"].keys() <= CODES.keys()
    assert "2A" in both["counts"]
