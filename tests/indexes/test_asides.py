"""Sentences of a query that are beside the point."""

from __future__ import annotations

import pytest

from consilience.evaluation.datasets import questions
from consilience.evaluation.distraction import HALVES, distracted
from consilience.indexes.asides import is_aside, to_the_point

QUESTION = "Does metformin lower HbA1c in adults with type 2 diabetes?"


# What is kept for safety: what people and animals do may reach the patient, and "my cat" may be whom it is about.
KEPT = {
    "My cat was operated on because of {entity}.",
    "Last week, his barber told him about {entity}.",
    "His car broke down, which he calls a case of {entity}.",
    "By the way, her parrot can say {entity}.",
    "A colleague of hers gave a talk on {entity}.",
}


@pytest.mark.parametrize("template", HALVES["seen"])
def test_a_bystander_and_a_figure_of_speech_are_left_out(template: str) -> None:
    asked = distracted(QUESTION, template.format(entity="gout"))
    assert to_the_point(asked) == (asked if template in KEPT else QUESTION)


def test_some_asides_that_the_rules_were_not_written_for_are_left_out_too() -> None:
    unseen = HALVES["unseen"]
    assert sum(is_aside(template.format(entity="gout")) for template in unseen) >= len(unseen) * 0.2


INFECTIOUS = (
    "tuberculosis", "meningitis", "measles", "scabies", "hepatitis C", "COVID-19", "influenza", "HIV", "ringworm",
    "a fever", "MRSA", "a chlamydial infection", "toxoplasmosis", "syphilis", "chickenpox", "a cough",
)  # fmt: skip


@pytest.mark.parametrize("disease", INFECTIOUS)
@pytest.mark.parametrize(
    "who", ["Her roommate", "The patient's coworker", "A friend of his", "His dog", "Her ex-husband"]
)
def test_what_passes_from_one_to_another_is_never_left_out(who: str, disease: str) -> None:
    assert not is_aside(f"{who} has {disease}.")


@pytest.mark.parametrize("query", [
    "My wife is pregnant. Is ibuprofen safe?",
    "Patient's father had CRC at 40. Should she be screened?",
    "My dog bit me yesterday. Which antibiotic is best?",
    "Her roommate has tuberculosis. Should she be tested?",
    "The patient's coworker was diagnosed with meningococcal meningitis. Is prophylaxis needed?",
    "His friend gave him methadone. How should he be monitored?",
    "Her cat scratched her two weeks ago. What causes her lymphadenopathy?",
    "His car hit a tree at 60 mph. Which imaging is indicated?",
    "Her house has peeling lead paint. What is the first test?",
    "His company makes batteries. What explains his neuropathy?",
    "My parrot died last week. What causes atypical pneumonia?",
    "Her garden was full of roses she pruned. What treats the nodules?",
    "The patient's pet rabbit had kits. Could it be tularemia?",
    "His motorcycle crashed. What is the best analgesic?",
    "Her friend told her to stop warfarin. Is bridging required?",
    "His boss has him on night shifts. Does modafinil help?",
    "A friend of his shares needles with him. Which tests are needed?",
    "The patient describes her pain, figuratively, as an elephant on her chest. What is the first-line test?",
    "He takes a supplement from a shop called Herbal Life and has jaundice. What is the cause?",
    "Her trainer recommends 20 g creatine daily. Is it safe for kidneys?",
    "His teammate has mononucleosis. When may he play again?",
    "Her employer uses benzene. Does that cause leukaemia?",
    "My cat just had kittens. What should be avoided in pregnancy?",
    "Her restaurant serves raw oysters. What causes her sepsis?",
    "His daughter-in-law is 30 weeks pregnant. Is the live zoster vaccine safe for him?",
    "Her budget does not allow dulaglutide. What is an alternative?",
    "Her book recommends vitamin A 50,000 IU. Is that toxic?",
    "And his friend smokes indoors. Does this worsen asthma?",
    "The dog next door has rabies. What to do?",
    "Her neighbour sprays pesticides. Does that cause Parkinson disease?",
    "Her boat ran on a leaking engine. Is hyperbaric oxygen indicated?",
    "While her nanny takes isoniazid, the baby coughs. What is next?",
    "His roommate takes rifampicin. What is indicated?",
    "My ex-husband has HIV. Which test is needed?",
    "My ex-wife was diagnosed with chlamydia. What treatment do I need?",
    "Her ex-boyfriend has gonorrhoea. What is first-line therapy?",
    "Her team has been vomiting since the picnic. Which pathogen is likely?",
    "A colleague of hers fell ill with the same rash. What is the diagnosis?",
    "His landlord has not repaired the boiler. Why the headache?",
    "The patient's dog has hookworm. What explains the itchy foot?",
    "Her teacher has noticed staring spells. Is ethosuximide effective?",
    "Her teacher says the child cannot sit still. Is methylphenidate effective?",
    "Her babysitter found an empty bottle of paracetamol. When is acetylcysteine given?",
    "My friend has chest pain radiating to the left arm. Is aspirin indicated?",
    "My neighbour, 70, takes warfarin and has nosebleeds. What should be done?",
    "My colleague is pregnant. Is ibuprofen safe in the third trimester?",
    "My cat has diabetes. Is glargine effective?",
    "My mother-in-law has atrial fibrillation. Is apixaban better than warfarin?",
    "Her sister-in-law has a BRCA1 mutation. Should she be tested?",
    "The patient's friend noted that the seizure lasted ten minutes. Is lorazepam first-line?",
    "His coach saw the patient collapse. Which drug is given?",
])  # fmt: skip
def test_what_could_matter_to_the_patient_is_searched_for(query: str) -> None:
    assert to_the_point(query) == query


def test_a_question_that_says_too_little_alone_keeps_what_stands_before_it() -> None:
    aside = "His neighbour has gout."
    assert to_the_point(f"{aside} Is aspirin safe?") == f"{aside} Is aspirin safe?"
    assert to_the_point(f"{aside} {QUESTION}") == QUESTION
    same = "Which gouty patients should receive allopurinol before urate falls?"
    assert to_the_point(f"His neighbour has gouty joints. {same}") == f"His neighbour has gouty joints. {same}"


@pytest.mark.parametrize("query", [
    "Her mother died of breast cancer. Should a BRCA test be offered?",
    "The patient's heart rate is 120. Is digoxin safe?",
    "A dog bite wound is two days old. Does amoxicillin prevent infection?",
    "Cat scratch disease was suspected. What is first-line treatment?",
    "Our results show that losartan lowers uric acid. Is this known?",
    "His friend has gout.",
    "Does his dog need gout treatment? Does his cat?",
])  # fmt: skip
def test_family_history_findings_questions_and_a_lone_sentence_stay(query: str) -> None:
    assert to_the_point(query) == query


def test_what_only_says_asides_stays_whole() -> None:
    assert to_the_point("His dog has gout. Her cat has asthma.") == "His dog has gout. Her cat has asthma."


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "form"), [("evidence/scifact_claims.jsonl.gz", "scifact"), ("qa/bioasq.jsonl.gz", "bioasq"),
                       ("qa/pubmedqa.jsonl.gz", "pubmedqa")],
)  # fmt: skip
def test_no_real_question_loses_a_word(data_dir, file: str, form: str) -> None:  # type: ignore[no-untyped-def]
    changed = [asked.text for asked in questions(data_dir / file, form) if to_the_point(asked.text) != asked.text]
    assert changed == []


def test_what_another_has_may_pass_to_a_patient_but_not_to_a_question_that_stands_alone() -> None:
    contact, shared = "Her neighbour has tuberculosis.", "Her neighbour has gout and so does he."
    assert [is_aside(contact), is_aside(contact, alone=True), is_aside(shared, alone=True)] == [False, True, False]
