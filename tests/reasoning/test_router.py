"""The router: which chains a question is given, and what is not read about at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consilience import contract
from consilience.reasoning import CHAINS, ROUTES, Ground, ask, nothing_loaded
from consilience.reasoning.question import parse
from consilience.reasoning.router import route
from tests.making import paper

GroundOf = Callable[..., Ground]
PAPER = paper(1, "Velorine for pain", abstract="Velorine eased pain in a trial of adults.", types=["D016449"])
SUM = "12 of 100 treated and 20 of 100 controls died: what is the NNT?"


@pytest.mark.parametrize(
    ("question", "sort"),
    [
        ("Does aspirin prevent stroke?", "polar"),
        ("Do phase I trials of velorine show harm?", "polar"),
        ("Can elevated troponin I levels predict death?", "polar"),
        ("Should my patients with gout take velorine?", "polar"),
        ("Which gene is mutated in cystic fibrosis?", "open"),
        ("What do guidelines recommend for gout?", "guidance"),
        ("Is aspirin recommended for primary prevention?", "guidance"),
        ("A 45-year-old man presents with fever and rash. What is the diagnosis?", "case"),
        ("Which drug is best in gout? A) velorine B) zinc C) iron D) salt", "options"),
        (SUM, "arithmetic"),
        ("Should I take aspirin every day?", "advice"),
        ("What is the right dose of insulin for me?", "advice"),
        ("Can I stop my warfarin before surgery?", "advice"),
        ("I am 60 and have gout; is velorine safe?", "advice"),
    ],
)
def test_a_question_goes_where_its_form_sends_it(question: str, sort: str) -> None:
    found = route(parse(question))
    assert found.sort == sort
    assert found.chains == ROUTES[found.sort]
    assert bool(found.refused) is (sort in ("options", "advice"))


@pytest.mark.parametrize("question", ["Does aspirin prevent stroke?", "Which drug? A) zinc B) iron C) salt"])
def test_a_number_of_chains_asked_for_wins(question: str) -> None:
    assert [route(parse(question), number).chains for number in (1, 4)] == [("passage",), tuple(CHAINS)]


def test_no_number_of_chains_makes_advice_to_one_person_of_it() -> None:
    assert route(parse("Should I take aspirin?"), 4).chains == ()


@pytest.mark.parametrize("number", [None, 1, 4])
def test_a_sum_is_calculated_however_many_chains_are_asked_for(ground_of: GroundOf, number: int | None) -> None:
    answer = ask(SUM, ground_of(PAPER), number=number)
    assert (answer["calculation"]["value"], answer["chains"]) == (12.5, [])


def test_a_language_model_reads_the_options_of_an_examination() -> None:
    assert route(parse("Which drug? A) zinc B) iron C) salt"), writes=True).chains == ("passage",)


@pytest.mark.parametrize(
    ("question", "reason"),
    [("Should I take velorine?", "out_of_scope"), ("Which is it? A) velorine B) zinc C) iron", "out_of_scope"),
     ("12 of 100 treated died: what is the NNT?", "insufficient")],
)  # fmt: skip
def test_what_is_not_read_about_is_abstained_from_with_the_reason(
    ground_of: GroundOf, question: str, reason: str
) -> None:
    answer = ask(question, ground_of(PAPER))
    assert answer["abstained"]["reason"] == reason
    assert answer["abstained"]["detail"]
    assert answer["chains"] == answer["sentences"] == answer["citations"] == []


def test_a_sum_is_answered_with_its_working_and_without_a_sentence(ground_of: GroundOf) -> None:
    answer = ask(SUM, ground_of(PAPER))
    assert (answer["abstained"], answer["sentences"], answer["chains"]) == (None, [], [])
    made = contract.Calculation.model_validate(answer["calculation"])
    assert (made.measure, made.value, made.treated.events, made.control.total) == ("NNT", 12.5, 12, 100)
    assert "1 / 0.08" in made.working


def test_a_home_without_documents_still_calculates() -> None:
    assert nothing_loaded(SUM)["calculation"]["value"] == 12.5
    assert nothing_loaded("Does aspirin help?")["abstained"]["reason"] == "no_evidence"
    assert nothing_loaded("Should I take aspirin?")["abstained"]["reason"] == "out_of_scope"


def test_a_case_is_read_about_with_a_warning_that_it_is_no_advice(ground_of: GroundOf) -> None:
    answer = ask("A 45-year-old man presents with pain: does velorine ease pain?", ground_of(PAPER))
    assert [chain["name"] for chain in answer["chains"]] == ["passage"]
    assert "no advice" in answer["warnings"][0]
