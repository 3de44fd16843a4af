from __future__ import annotations

import pytest

from consilience.models.checks import mismatches, numbers


def kinds(claim: str, evidence: str) -> set[str]:
    return {found.kind for found in mismatches(claim, evidence)}


def test_numbers_are_read_in_base_units() -> None:
    text = "2,041 adults took 0.5 g/day for 2 weeks; systolic pressure fell by 12 mm Hg (95% CI 8.1 to 15.9)."
    found = [(number.value, number.unit) for number in numbers(text)]
    assert found == [(2041, ""), (500, "mg/day"), (20160, "minute"), (12, "mmHg"), (95, "%"), (8.1, ""), (15.9, "")]


def test_a_number_knows_where_it_stands() -> None:
    text = "HbA1c fell by 0.9% with IL-6 blockade"
    (number,) = numbers(text)
    assert text[number.start : number.end] == "0.9%"


@pytest.mark.parametrize("text", ["HbA1c", "IL-6", "SARS-CoV-2", "no figures at all", ""])
def test_digits_inside_a_name_are_no_number(text: str) -> None:
    assert numbers(text) == ()


@pytest.mark.parametrize(
    ("claim", "evidence", "expected"),
    [
        ("Mortality fell by 5%.", "Mortality fell by 4.9%.", False),
        ("Mortality fell by 4%.", "Mortality fell by 4.9%.", True),
        ("Give 0.5 g daily.", "A dose of 500 mg was given.", False),
        ("Give 50 mg daily.", "A dose of 500 mg was given.", True),
        ("Treat for 7 days.", "Treatment lasted 1 week.", False),
        ("Treat for 10 days.", "Treatment lasted 1 week.", True),
        ("The hazard ratio was 1.", "The hazard ratio was 1.4.", True),
        ("Carriers are 1 in 5 million.", "Carriers were 1 in 2,000.", True),
        ("In 200 adults it worked.", "It worked in 40%.", False),
        ("It worked.", "It worked in 40%.", False),
        ("It worked in 40%.", "It worked.", False),
        ("A change of -3 kg.", "Participants lost 3 kg.", False),
    ],
)
def test_a_number_mismatches_only_numbers_of_its_unit(claim: str, evidence: str, expected: bool) -> None:
    assert any(found.kind == "number" and found.replaced for found in mismatches(claim, evidence)) is expected


@pytest.mark.parametrize(
    ("claim", "evidence", "expected"),
    [
        ("Aspirin reduces pain.", "Aspirin did not reduce pain.", True),
        ("Aspirin reduces pain.", "Aspirin doesn't reduce pain.", True),
        ("Aspirin does not reduce pain.", "Aspirin reduced pain.", True),
        ("Aspirin reduces pain.", "There was no significant difference in pain between aspirin and placebo.", True),
        ("Aspirin reduces pain.", "Aspirin reduced pain.", False),
        ("Aspirin does not reduce pain.", "Aspirin failed to reduce pain.", False),
        ("Aspirin reduces pain.", "Cataract surgery did not help. Aspirin reduced pain.", False),
        ("Aspirin reduces pain.", "Cataract surgery did not help.", False),
        ("", "Aspirin did not reduce pain.", False),
        ("Aspirin reduces pain.", "", False),
    ],
)
def test_negation_is_compared_in_the_nearest_sentence(claim: str, evidence: str, expected: bool) -> None:
    assert ("negation" in kinds(claim, evidence)) is expected


@pytest.mark.parametrize(
    ("claim", "evidence", "expected"),
    [
        ("Aspirin reduces pain.", "Pain increased with aspirin.", True),
        ("Aspirin raises mortality.", "Mortality was lower with aspirin.", True),
        ("Aspirin reduces pain.", "Pain was lower with aspirin.", False),
        ("Aspirin reduces pain.", "Aspirin did not reduce pain.", False),
        ("Aspirin reduces pain.", "Statins increased cramps.", False),
        ("Aspirin and pain.", "Pain increased with aspirin.", False),
    ],
)
def test_direction_is_compared_on_shared_words(claim: str, evidence: str, expected: bool) -> None:
    assert ("direction" in kinds(claim, evidence)) is expected
