from __future__ import annotations

import pytest

from consilience.models.training.made import Abstract, abstract, made, question, stretch

TEXT = (
    "Relapse is common after drug withdrawal. The aim was to determine whether zorbamide reduces relapse in adults. "
    "Eighty adults took zorbamide 20 mg daily or placebo for 12 weeks. "
    "Relapse occurred in 10% of adults on zorbamide and in 40% on placebo (P < 0.001). "
    "CONCLUSIONS: Zorbamide reduces relapse in adults after drug withdrawal. Longer trials are needed."
)
TITLE = "Zorbamide reduces relapse in adults: a randomised trial."
OTHERS = [
    ("99000002", "Walking improves sleep in adults.", TEXT.replace("relapse", "sleep").replace("Zorbamide", "Walking")),
    ("99000003", "Effects of placebo on relapse", TEXT.replace("adults", "children")),
    ("99000004", "Zorbamide and relapse in adults", TEXT.replace("12 weeks", "two years")),
]


def all_of() -> list[Abstract]:
    rows = [("99000001", TITLE, TEXT), *OTHERS]
    return [found for row in rows if (found := abstract(*row))]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("Aspirin reduces mortality in adults", ("Does aspirin reduce mortality in adults?", True)),
        ("Aspirin does not reduce mortality", ("Does aspirin reduce mortality?", False)),
        ("ACE inhibitors are not safe in pregnancy", ("Are ACE inhibitors safe in pregnancy?", False)),
        ("Statins improve survival after stroke", ("Do statins improve survival after stroke?", True)),
        ("Yoga can relieve back pain.", ("Can yoga relieve back pain?", True)),
        ("Effects of aspirin on mortality", None),
        ("Does aspirin reduce mortality?", None),
        ("A programme that reduces mortality", None),
    ],
)
def test_a_statement_becomes_the_question_that_it_answers(statement: str, expected: tuple[str, bool] | None) -> None:
    assert question(statement) == expected


def test_a_title_is_borne_out_by_its_conclusion_and_turned_round_refuted() -> None:
    pairs = [pair for pair in made(all_of()) if pair.kind == "title" and pair.group == "99000001"]
    supported = {pair.claim for pair in pairs if pair.label == "supports"}
    assert {"Zorbamide reduces relapse in adults.", "Does zorbamide reduce relapse in adults?"} <= supported
    refuted = {pair.claim for pair in pairs if pair.label == "refutes"}
    assert refuted & {"Zorbamide does not reduce relapse in adults.", "Zorbamide increases relapse in adults."}
    assert not supported & refuted


def test_a_conclusion_is_held_against_the_results_before_it_and_never_against_itself() -> None:
    pairs = [pair for pair in made(all_of()) if pair.kind == "results" and pair.group == "99000001"]
    assert {pair.label for pair in pairs} == {"supports", "refutes"}
    assert all("reduces relapse in adults after" not in pair.evidence for pair in pairs)


def test_a_neighbours_conclusion_is_neutral() -> None:
    pairs = [pair for pair in made(all_of()) if pair.kind == "neighbour"]
    assert {pair.label for pair in pairs} == {"neutral"}


def test_the_same_abstracts_give_the_same_pairs() -> None:
    assert made(all_of()) == made(all_of())


@pytest.mark.parametrize("text", ["Too short.", TEXT.replace(",", " ,").replace(". ", " . ")])
def test_what_is_too_short_or_cut_into_words_makes_no_pairs(text: str) -> None:
    assert abstract("99000005", TITLE, text) is None


def test_registrations_at_the_end_are_dropped() -> None:
    found = abstract("99000006", TITLE, TEXT + " Trial registration: NCT00000000.")
    assert found is not None and found.parts[-1] == "Longer trials are needed."


def test_a_stretch_is_the_last_whole_sentences_within_seven_hundred_characters() -> None:
    text = " ".join(f"This is sentence number {number} of many." for number in range(60))
    assert stretch(text).endswith("59 of many.") and stretch(text).startswith("This is sentence")
    assert 600 < len(stretch(text)) <= 700
