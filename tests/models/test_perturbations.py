"""Statements made wrong by rule: minimal, grammatical, the same every time, and found by the check of their kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.models.checks import mismatches
from consilience.models.perturbations import KINDS, Named, mutants

# The check that is made for what each kind puts wrong.
CHECK = {"number": "number", "unit": "number", "negation": "negation", "direction": "direction", "entity": "entity",
         "population": "population"}  # fmt: skip
SENTENCES = (
    "Aspirin reduced stroke by 12% in 412 adults over 5 years.",
    "Treatment with metformin 500 mg twice daily lowered weight in women.",
    "Children with asthma who took 5-10 mg daily did not have fewer attacks.",
    "There was no significant difference in mortality between the two groups.",
    "Higher doses increased bleeding in older patients with heart failure.",
    "Warfarin was superior to aspirin in atrial fibrillation.",
    "Infusion of 0.5 μg/kg improved pain scores after 24 hours in rats.",
    "Of 2,041 men, 3.5 % died within 30 days.",
    "Early feeding prevents allergy in infants.",
    "Simvastatin cannot be recommended for dementia.",
    "Mortality was lower with early surgery (12.5 vs 18.0 %).",
    "Vitamin D does not prevent fractures in women.",
)


def of_kind(kind: str, text: str, **options: object) -> list[str]:
    return [mutant.text for mutant in mutants(text, each=9, **options) if mutant.kind == kind]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_stands_against_itself_and_its_mutants_do_not(text: str) -> None:
    assert mismatches(text, text) == ()
    made = mutants(text)
    assert len(made) >= 2
    for mutant in made:
        assert CHECK[mutant.kind] in {found.kind for found in mismatches(mutant.text, text)}, mutant


def test_every_kind_is_made_of_these_sentences() -> None:
    assert {mutant.kind for text in SENTENCES for mutant in mutants(text)} == set(KINDS)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200) | st.sampled_from(SENTENCES), st.integers(0, 5))
def test_a_mutant_differs_in_one_place_and_comes_again(text: str, seed: int) -> None:
    made = mutants(text, seed=seed, each=3)
    assert made == mutants(text, seed=seed, each=3)
    for mutant in made:
        assert mutant.text != text
        assert text[mutant.start : mutant.start + len(mutant.was)] == mutant.was
        assert mutant.text.endswith(mutant.now + text[mutant.start + len(mutant.was) :])
    for kind in KINDS:
        assert sum(mutant.kind == kind for mutant in made) <= 3


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("unit", "A dose of 500 mg was given.", "A dose of 500 g was given."),
        ("unit", "It was followed for 12 weeks.", "It was followed for 12 months."),
        ("unit", "It was given once daily.", "It was given once weekly."),
        ("negation", "Aspirin reduces pain.", "Aspirin does not reduce pain."),
        ("negation", "Aspirin reduced pain.", "Aspirin did not reduce pain."),
        ("negation", "Aspirin did not reduce pain.", "Aspirin reduced pain."),
        ("negation", "Aspirin can help.", "Aspirin cannot help."),
        ("negation", "If pain is severe, aspirin is useful.", "If pain is severe, aspirin is not useful."),
        ("negation", "There was no difference in pain.", "There was a clear difference in pain."),
        ("direction", "There was an increase in pain.", "There was a decrease in pain."),
        ("direction", "Higher doses were used.", "Lower doses were used."),
        ("direction", "It was more likely to fail.", "It was less likely to fail."),
        ("population", "It helps children.", "It helps adults."),
    ],
)
def test_a_mutant_is_the_sentence_with_the_opposite_put_in(kind: str, text: str, expected: str) -> None:
    assert expected in of_kind(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "The odds ratio was given with a 95% CI."),
        ("number", "In 2007 the trial ended."),
        ("population", "It helps pregnant women."),
        ("negation", "It did not work and was not safe, nor cheap, and it is no cure."),
        ("direction", "The high-dose-increase arm closed."),
        ("unit", "It changed daily life."),
        ("entity", "Influenza vaccines prevent influenza."),
        ("entity", "It worked."),
    ],
)
def test_what_would_give_itself_away_is_left_alone(kind: str, text: str) -> None:
    made = of_kind(kind, text)
    assert not made or (kind == "negation" and all("not not" not in one for one in made))


def test_a_range_stays_a_range() -> None:
    assert all(float(text.split("-")[1].split(" ")[0]) > 10 for text in of_kind("number", "Give 5-10 mg."))


def test_names_are_swapped_for_those_the_caller_gives() -> None:
    text = "Velorine eased pain."
    (made,) = of_kind("entity", text, named=[Named(0, 8, "Chemical")], others={"Chemical": ["Velorine", "tamsidol"]})
    assert made == "Tamsidol eased pain."


def test_another_seed_may_choose_another_place() -> None:
    text = "Aspirin lowered pressure by 10 mmHg, weight by 4 kg and pain by 30 %."
    assert len({mutants(text, seed=seed)[0].text for seed in range(8)}) > 1
