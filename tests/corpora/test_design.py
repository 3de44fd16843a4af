"""Study designs: from publication types, MeSH, and a record's own words, in that order of trust."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consilience.corpora import pubmed
from consilience.corpora.design import (
    ABSTRACT_CUES,
    SIZE_CUES,
    TITLE_CUES,
    Cue,
    design_of,
    is_preprint,
    sample_size_of,
)
from consilience.records import MeshHeading, Record
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


@pytest.mark.parametrize(
    ("title", "abstract", "design"),
    [
        ("Zinc lozenges", "A double blind trial was done.", "rct"),
        ("Zinc lozenges", "Forty men were allocated at random to zinc or placebo.", "rct"),
        ("Zinc for colds: an open, non-randomised study", "", "unknown"),
        ("A case of zinc poisoning", "", "case_report"),
        ("Copper deficiency in a young woman", "", "case_report"),
        ("Copper deficiency", "A 26-year-old man took zinc for years.", "case_report"),
        ("Copper deficiency", "Three patients with anaemia after zinc are described.", "case_report"),
        ("Zinc in 45-year-old men", "All 45-year-old men of one town were asked.", "unknown"),
        ("Zinc in prospect", "A prospective trial of 121 patients randomized to zinc or placebo.", "rct"),
    ],
)
def test_a_papers_own_words_tell_its_design(title: str, abstract: str, design: str) -> None:
    assert design_of(paper(1, title, abstract=abstract)).name == design


@pytest.mark.parametrize(
    ("abstract", "size"),
    [
        ("A total of 1,204 patients were randomised to zinc.", 1204),
        ("We enrolled 45 healthy adult volunteers.", 45),
        ("120 women with colds were randomly assigned.", 120),
        ("Patients (n = 88) took zinc.", 88),
        ("Rats (n = 12) were fed zinc in 2019.", None),
        ("", None),
    ],
)
def test_a_sample_size_is_told_only_where_it_is_stated_plainly(abstract: str, size: int | None) -> None:
    assert sample_size_of(paper(1, "Zinc", abstract=abstract)) == size


@pytest.mark.real
def test_words_alone_find_designs_that_indexers_gave(data_dir: Path) -> None:
    """Every second record with an abstract was not looked at when the cues were written: these are held out."""
    found = [
        record for record in pubmed.read(data_dir / "pubmed_xml" / "pubmed20n0014.xml.gz")
        if isinstance(record, Record) and record.fields.get("abstract")
    ][1::2]  # fmt: skip
    for name, ui, sensitivity, specificity in (
        ("rct", "D016449", 0.55, 0.99),
        ("case_report", "D002363", 0.33, 0.99),
    ):
        gold = [any(kind.ui == ui for kind in record.publication_types) for record in found]
        bare = [replace(record, publication_types=(), mesh=()) for record in found]
        told = [design_of(record).name == name for record in bare]
        hits = sum(a and b for a, b in zip(gold, told, strict=True))
        false = sum(b and not a for a, b in zip(gold, told, strict=True))
        assert hits / sum(gold) >= sensitivity
        assert 1 - false / (len(gold) - sum(gold)) >= specificity


@pytest.mark.parametrize("cue", [*TITLE_CUES, *ABSTRACT_CUES, *SIZE_CUES], ids=lambda cue: cue.pattern.pattern[:40])
@given(data=st.data())
@settings(derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_bears_a_cue_without_one_of_its_signs(cue: Cue, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(cue.pattern.pattern, re.IGNORECASE | re.ASCII)))
    assert any(sign in text.lower() for sign in cue.signs)
