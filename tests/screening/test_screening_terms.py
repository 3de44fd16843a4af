"""What the words of a protocol name."""

from __future__ import annotations

import pytest

from consilience.screening.terms import Concept, Lexicon, alternatives, is_nothing, population
from tests.wording import TREE, small_lexicon


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return small_lexicon()


def test_a_thing_has_its_other_names_its_kinds_and_its_heading(lexicon: Lexicon) -> None:
    found = lexicon.concept("Multiple Myeloma")
    assert found is not None
    assert found.core == ("multiple myeloma",)
    assert {"plasma cell myeloma", "myeloma"} <= {*found.other}
    assert "smoldering myeloma" in found.narrower
    assert found.headings == ("Multiple Myeloma",)


def test_an_inverted_name_is_no_second_one(lexicon: Lexicon) -> None:
    found = lexicon.concept("multiple myeloma")
    assert found is not None
    assert "myeloma multiple" not in found.other


def test_a_short_brand_that_is_a_word_is_no_name(lexicon: Lexicon) -> None:
    found = lexicon.concept("carbamazepine")
    assert found is not None
    assert "tegretol" in found.other
    assert "soma" not in found.other


def test_a_class_is_known_by_the_endings_of_its_drugs(lexicon: Lexicon) -> None:
    found = lexicon.concept("beta blockers")
    assert found is not None
    assert {"atenolol", "propranolol"} <= {*found.narrower}
    assert found.headings == ("Adrenergic beta-Antagonists",)


def test_a_cancer_is_indexed_as_neoplasms_of_its_site(lexicon: Lexicon) -> None:
    found = lexicon.concept("bladder cancer")
    assert found is not None
    assert found.headings == ("Urinary Bladder Neoplasms",)
    assert "bladder carcinoma" in found.other


def test_a_home_s_tree_gives_entry_terms_and_what_lies_below() -> None:
    found = small_lexicon(TREE).concept("dementia")
    assert found is not None
    assert "amentia" in found.other
    assert "alzheimer disease" in found.narrower
    assert found.below == ("Alzheimer Disease",)


def test_a_word_is_written_as_names_write_it(lexicon: Lexicon) -> None:
    assert lexicon.written("diabete mellitus") == "diabetes mellitus"


def test_who_is_sought_comes_before_what_is_required_beside(lexicon: Lexicon) -> None:
    found = population("Adult patients with dementia and atrial fibrillation and no previous stroke", lexicon)
    assert [concept.core for concept in found.heads] == [("dementia",)]
    assert [concept.core for concept in found.beside] == [("atrial fibrillation",)]
    assert [concept.core for concept in found.ages] == [("adult",)]


def test_a_list_of_diseases_is_one_of_alternatives(lexicon: Lexicon) -> None:
    found = population("Adults with dementia, frontal gnomia or multiple myeloma", lexicon)
    assert {concept.core for concept in found.heads} == {("dementia",), ("frontal gnomia",), ("multiple myeloma",)}
    assert found.beside == ()


def test_an_abbreviation_in_brackets_is_another_name(lexicon: Lexicon) -> None:
    found = population("Patients with relapsed/refractory multiple myeloma (RRMM)", lexicon)
    assert "rrmm" in found.heads[0].other
    assert len(found.heads) == 1


def test_a_phrase_that_nothing_knows_is_asked_by_its_telling_words(lexicon: Lexicon) -> None:
    found = alternatives("1. carbamazepine; 2. treatment with volume-based zonification", lexicon)
    assert [(concept.core, concept.known) for concept in found] == [
        (("carbamazepine",), True), (("volume zonification",), False)
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["N/A", "", "none", " No treatment with analgesics "])
def test_some_elements_ask_for_nothing(text: str, lexicon: Lexicon) -> None:
    assert is_nothing(text)
    assert alternatives(text, lexicon) == []


def test_a_concept_comes_back_from_json(lexicon: Lexicon) -> None:
    found = lexicon.concept("children")
    assert found is not None
    assert found.against
    assert Concept.read(found.as_json()) == found
