"""How biomedical text becomes terms."""

from __future__ import annotations

import pytest

from consilience.indexes import analysis


def terms(text: str, *, stem: bool = True) -> list[str]:
    found: list[str] = analysis.tokenizer(stem=stem).analyze(analysis.normalised(text))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TNF-α", ["tnf", "alpha"]),
        ("IFNγ", ["ifn", "gamma"]),
        ("Ω-3", ["omega", "3", "omega3"]),
        ("β2-agonists", ["beta", "2", "beta2", "agonist"]),
        ("ΔΨm", ["delta", "psi", "m"]),
        ("10 \u00b5g, 10\u03bcg", ["10", "mu", "g"] * 2),
    ],
)
def test_greek_letters_of_both_cases_are_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("re\u0301sume\u0301", ["resum"]), ("Mu\u0308ller", ["muller"]), ("\u0130stanbul", ["istanbul"])],
)
def test_an_accent_is_no_end_of_a_word_however_it_is_written(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("text", ["IL-6", "IL6", "il6", "IL\u20136", "(IL-6)", "IL-6,"])
def test_a_name_with_a_number_is_one_word_and_its_parts(text: str) -> None:
    assert terms(text) == ["il", "6", "il6"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COVID-19", ["covid", "19", "covid19"]),
        ("CO2", ["co", "2", "co2"]),
        ("5-HT", ["5", "ht"]),
        ("1,25-dihydroxyvitamin D3", ["1", "25", "dihydroxyvitamin", "d", "3", "d3"]),
        ("(S)-ketamine", ["s", "ketamin"]),
        ("HbA1c", ["hba1c"]),
        ("interleukin 6", ["interleukin", "6"]),
    ],
)
def test_names_of_genes_and_chemicals_keep_what_tells_them_apart(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 mg", ["10", "mg"]),
        ("10mg/ml", ["10", "mg", "ml"]),
        ("2.5 %", ["2p5"]),
        ("2\u00b75%", ["2p5"]),
        ("p<0.05", ["p", "0p05"]),
        ("1,000,000 IU", ["1000000", "iu"]),
        ("1,25", ["1", "25"]),
        ("10mgs", ["10mgs"]),
        ("in 2001.", ["2001"]),
    ],
)
def test_numbers_are_words_apart_from_their_units(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_what_makes_a_question_of_a_sentence_is_no_term() -> None:
    assert terms("Does zinc shorten colds? How might it, and for whom?") == ["zinc", "shorten", "cold"]
    assert terms("Colds shortened", stem=False) == ["colds", "shortened"]


@pytest.mark.parametrize("text", ["", " ", "6", "α", "a" * 3000 + "6", "1," * 3000, "\u00b7.5"])
def test_odd_texts_are_analysed(text: str) -> None:
    assert len(terms(text)) <= 3000
