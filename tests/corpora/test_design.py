"""Study designs: from publication types, MeSH, and a record's own words, in that order of trust."""

from __future__ import annotations

from typing import Any

import pytest

from consilience.corpora.design import design_of, is_preprint
from consilience.records import MeshHeading
from tests.making import advice, paper


def mesh(*names: str) -> tuple[MeshHeading, ...]:
    return tuple(MeshHeading(name) for name in names)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"types": ["D016428", "D016449"]}, ("rct", "pt")),
        ({"types": ["D016449", "D017418", "D016454"]}, ("meta_analysis", "pt")),
        ({"types": ["D016454", "D000078182"]}, ("systematic_review", "pt")),
        ({"types": ["D016440"], "title": "Retraction: a randomized trial"}, ("notice", "pt")),
        ({"types": ["D017429"]}, ("controlled_trial", "pt")),  # phase IV
        ({"types": ["D016429"]}, ("unknown", "none")),  # a clinical conference is no trial
        ({"types": ["D016454"], "title": "Zinc: a systematic review"}, ("systematic_review", "text")),
        ({"types": ["D016454"], "abstract": "We were randomly told."}, ("review", "pt")),
        ({"types": ["D064888"]}, ("observational", "pt")),
        ({"types": ["D064888"], "mesh": mesh("Cohort Studies", "Humans")}, ("cohort", "mesh")),
        ({"mesh": mesh("Animals", "Double-Blind Method")}, ("preclinical", "mesh")),
        ({"mesh": mesh("Animals", "Humans", "Double-Blind Method")}, ("rct", "mesh")),
        ({"title": "Zinc: a randomised, double-blind trial"}, ("rct", "text")),
        ({"title": "Zinc", "abstract": "Patients were randomly assigned."}, ("rct", "text")),
        ({"title": "Zinc", "abstract": "Mice were fed."}, ("preclinical", "text")),
        ({"title": "Zinc"}, ("unknown", "none")),
    ],
)  # fmt: skip
def test_a_design_is_read_from_the_strongest_ground(about: dict[str, Any], expected: tuple[str, str]) -> None:
    found = design_of(paper(1, **about))
    assert (found.name, found.basis) == expected


@pytest.mark.parametrize(
    ("title", "design"),
    [
        ("Retraction: Zinc for colds", "notice"),
        ("Notice of Retraction. Zinc for colds", "notice"),
        ("Retraction notice to “Zinc for colds”", "notice"),
        ("Erratum to: Zinc for colds", "notice"),
        ("RETRACTED: Zinc for colds: a randomized trial", "rct"),
        ("Gingival retraction cords: a randomized trial", "rct"),
        ("Retraction of the lung during surgery: a cohort", "cohort"),
    ],
)
def test_a_notice_is_told_from_what_it_is_about_and_from_surgery(title: str, design: str) -> None:
    assert design_of(paper(1, title)).name == design


def test_a_recommendation_is_a_guideline_and_a_preprint_says_so_by_type() -> None:
    assert design_of(advice("1", "2010")).name == "guideline"
    assert is_preprint(paper(1, types=["D000076942"])) and not is_preprint(paper(1))
