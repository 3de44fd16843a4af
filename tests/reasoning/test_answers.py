"""Answers: what is said, what is left unsaid, and on whose word."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consilience.models.entailment import FeatureEntailment
from consilience.reasoning import Ground, ask, verify_claim, verify_text
from consilience.reasoning.weighing import packaged
from tests.making import clocks, paper

CLAIM = "Velorine eases pain"
SUPPORTED, HEDGED = (0.9, 0.05, 0.05), (0.6, 0.1, 0.3)
TRIAL = paper(1, abstract="Velorine seemed to ease pain.", types=["D016449"])
WORSE = paper(2, "Whether velorine reduces pain", abstract="Pain increased with velorine.", types=["D016449"])
GroundOf = Callable[..., Ground]


def test_a_verdict_with_nothing_to_quote_for_it_is_not_given(ground_of: GroundOf, by_word: Any) -> None:
    # A deaf judge hears support, but the one sentence says the opposite and is quoted for nothing.
    answer = ask("Velorine reduces pain", ground_of(WORSE, entailment=by_word({"increased": SUPPORTED})))
    assert max(answer["probabilities"], key=answer["probabilities"].__getitem__) == "yes"
    assert (answer["verdict"], answer["abstained"]["reason"]) == ("insufficient", "insufficient")
    assert answer["sentences"] == answer["citations"] == []


def test_a_verified_claim_shows_what_its_verdict_leans_on(ground_of: GroundOf, by_word: Any) -> None:
    judged = verify_claim(CLAIM, ground_of(TRIAL, entailment=by_word({"seemed": HEDGED})))
    assert judged["verdict"] == "supported"
    assert [span["id"] for span in judged["citations"]] == ["PMID:1"]


@pytest.mark.parametrize("day", ["2015-03-01", "2015-03-02"])
def test_an_article_that_fell_is_told_beside_its_preprint_and_does_not_take_it_down(
    ground_of: GroundOf, by_word: Any, day: str
) -> None:
    title = "Velorine eases pain after surgery of the knee: a randomised trial"
    more: dict[str, Any] = {"abstract": "Velorine eases pain.", "types": ["D016449"], "authors": ("Smith J", "Doe B")}
    notice = ("RetractionIn", "9", "J Synth. 2015 Mar 2;1(1):1")
    ground = ground_of(
        paper(1, title, links=[notice, ("UpdateOf", "2")], **more), paper(2, title, doi="10.1101/1", **more),
        on=clocks(day), entailment=by_word({"eases": (0.9, 0.05, 0.05)}),
    )  # fmt: skip
    for told in (ask(CLAIM, ground), verify_claim(CLAIM, ground)):
        assert "PMID:2" in {citation["id"] for citation in told["citations"]} or day == "2015-03-01"
        gone = [warning for warning in told["warnings"] if "PMID:1 of the same study" in warning]
        assert bool(gone) is (day == "2015-03-02")


@pytest.mark.parametrize("day", ["2015-03-01", "2015-03-02"])
def test_a_claim_verified_against_a_retracted_document_rests_on_nothing_and_says_why(
    ground_of: GroundOf, by_word: Any, day: str
) -> None:
    notice = ("RetractionIn", "9", "J Synth. 2015 Mar 2;1(1):1")
    ground = ground_of(
        paper(1, abstract="Velorine eases pain.", types=["D016449"], links=[notice]),
        on=clocks(day), entailment=by_word({"eases": (0.9, 0.05, 0.05)}),
    )  # fmt: skip
    judged = verify_claim(CLAIM, ground, against=[" PMID:1 "])
    gone = day == "2015-03-02"
    assert judged["verdict"] == ("insufficient" if gone else "supported")
    assert bool(judged["citations"]) is not gone
    assert [warning.split()[0] for warning in judged["warnings"]] == (["PMID:1"] if gone else [])


def test_a_text_that_is_given_is_judged_and_quoted_by_the_sentence() -> None:
    text = "The weather was fine. Velorine did not reduce pain in 200 adults."
    judged = verify_text("Velorine reduces pain", text, FeatureEntailment())
    (span,) = judged["citations"]
    assert text[span["start"] : span["end"]] == span["quote"]
    assert sum(judged["probabilities"].values()) == pytest.approx(1.0)


def test_a_word_made_to_stall_a_pattern_stalls_nothing(ground_of: GroundOf) -> None:
    hostile = paper(1, abstract=f"Which gene raises pain is known: BRCA1, {'A' * 4000}_ and {'A1' * 2000}_.")
    ground = ground_of(hostile)
    began = time.monotonic()
    answer = ask("Which gene raises pain?", ground)
    assert time.monotonic() - began < 5
    assert "BRCA1" in [item["text"] for item in answer["items"]]


@pytest.mark.parametrize("form", ["My cat is called Tom. {}", "{} My cat is called Tom."])
def test_an_aside_changes_no_answer_and_is_told_of(ground_of: GroundOf, by_word: Any, form: str) -> None:
    ground, asked = ground_of(TRIAL, entailment=by_word({"seemed": SUPPORTED})), "Does Velorine ease pain?"
    plain, told = ask(asked, ground, number=4), ask(form.format(asked), ground, number=4)
    assert (plain["verdict"], told["question"]) == ("yes", form.format(asked))
    assert told["warnings"] == ["left out, as beside the question: My cat is called Tom."]
    assert {**told, "question": asked, "warnings": [], "usage": {}} == {**plain, "usage": {}}


def test_a_chain_is_weighed_by_the_numbers_in_hand(ground_of: GroundOf, by_word: Any) -> None:
    ground = ground_of(TRIAL, entailment=by_word({"seemed": SUPPORTED}))
    doubting = replace(ground, weighing=replace(packaged(), doubt=5.0))
    answers = [ask(CLAIM, each, number=1) for each in (ground, doubting)]
    assert answers[0]["confidence"] != pytest.approx(answers[1]["confidence"], abs=0.01)
    for answer in answers:
        likeliest = max(answer["probabilities"].values())
        assert answer["chains"][0]["confidence"] == pytest.approx(likeliest, abs=1e-5)
