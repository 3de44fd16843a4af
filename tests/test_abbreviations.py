"""Abbreviations as texts define them, beside scispaCy's detector as an oracle."""

from __future__ import annotations

import pytest

from consilience.abbreviations import abbreviations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patients with coronary heart disease (CHD) and more.", [("CHD", "coronary heart disease")]),
        ("CHD (coronary heart disease) is common.", [("CHD", "coronary heart disease")]),
        ("Type 2 diabetes mellitus (T2DM; n = 5).", [("T2DM", "Type 2 diabetes mellitus")]),
        ("Blood loss was small (mean 12 ml).", []),
        ("Two arms (see Table).", []),
        ("(ABC) stands alone.", []),
    ],
)
def test_a_short_form_gets_the_words_that_spell_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(abbreviations(text)) == expected


def test_the_same_pairs_as_scispacy_on_plain_definitions() -> None:
    import spacy
    from scispacy.abbreviation import AbbreviationDetector

    text = (
        "Angiotensin converting enzyme (ACE) inhibitors were given in congestive heart failure (CHF). "
        "The New York Heart Association (NYHA) class fell; left ventricular ejection fraction (LVEF) rose."
    )
    nlp = spacy.blank("en")
    doc = AbbreviationDetector(nlp)(nlp(text))
    oracle = {(short.text, short._.long_form.text) for short in doc._.abbreviations}
    assert set(abbreviations(text)) == oracle
