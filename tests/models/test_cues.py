from __future__ import annotations

import pytest

from consilience.models.cues import read, stem


@pytest.mark.parametrize(
    "family",
    [
        ("increase", "increases", "increased", "increasing"),
        ("association", "associations", "associated"),
        ("reduce", "reduces", "reduced", "reduction"),
        ("inhibits", "inhibition", "inhibitor"),
        ("study", "studies"),
    ],
)
def test_inflections_share_a_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("It reduced mortality.", "down"),
        ("It did not improve survival.", "not-good"),
        ("It didn't improve survival.", "not-good"),
        ("There was no significant difference.", "null"),
        ("Rates were similar in both arms.", "equal"),
        ("It fell (P < 0.001).", "p-low"),
        ("It fell (p = .12).", "p-high"),
        ("Further research is needed.", "unclear"),
        ("It may help.", "hedge"),
    ],
)
def test_a_cue_is_heard(text: str, cue: str) -> None:
    assert cue in read(text).whole.cues


def test_a_negation_ends_with_its_clause() -> None:
    cues = read("It did not lower mortality, but improved mobility.").whole.cues
    assert "not-down" in cues
    assert "good" in cues
    assert "not-good" not in cues


def test_a_direction_belongs_to_the_words_near_it() -> None:
    signs = read("Exposure increased apoptosis; it reduced proliferation.").whole.signs
    assert signs[stem("apoptosis")] == 1
    assert signs[stem("proliferation")] == -1


def test_words_of_evidence_are_content_and_cue_words_are_not() -> None:
    found = read("Metformin significantly reduced glucose.").whole.content
    assert found == {stem("metformin"), stem("glucose")}
