"""Levels of certainty: where a design starts, what is taken away and why, and whose word wins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consilience.models import Judgement
from consilience.reasoning import Ground
from consilience.reasoning.certainty import NO_STUDY, Interval, certainty, intervals
from consilience.reasoning.evidence import TIERS, Finding
from consilience.reasoning.verify import Unit, verify
from tests.making import advice, paper

GroundOf = Callable[..., Ground]
TIER_OF = {design: tier for tier, designs in enumerate(TIERS) for design in designs}


def units(ground: Ground, *designs: str, relevance: float = 0.9, refute: bool = False) -> list[Unit]:
    """A unit for each design, on the documents of the ground in order."""
    made = []
    for row, design in enumerate(designs):
        told = Judgement(0.05, 0.9, 0.05) if refute else Judgement(0.9, 0.05, 0.05)
        document = ground.corpus.document(row)
        made.append(
            Finding("passage", row, document.id, document.id, design, "abstract", 0, 9, told, TIER_OF[design], 2010,
                    relevance, 1.0)
        )  # fmt: skip
    return list(verify(made).units)


@pytest.mark.parametrize(("text", "found"), [
    ("(HR 0.80, 95% CI 0.70 to 0.92)", [Interval(0.70, 0.92, True)]),
    ("odds ratio 1.4 (95% confidence interval [CI], 0.9-2.1)", [Interval(0.9, 2.1, True)]),
    ("mean difference -1.2 (95% CI -2.0 to -0.4)", [Interval(-2.0, -0.4, False)]),
    ("RR 0·95 (95% CI 0·80–1·13)", [Interval(0.80, 1.13, True)]),
    ("aged 20 to 30", []),
])  # fmt: skip
def test_intervals_are_read_with_what_they_are_of(text: str, found: list[Interval]) -> None:
    assert intervals(text) == found


def test_an_interval_crosses_one_for_a_ratio_and_nought_for_a_difference() -> None:
    assert Interval(0.8, 1.13, True).crosses
    assert not Interval(-2.0, -0.4, False).crosses
    assert Interval(0.5, 1.5, True).holds_an_effect
    assert not Interval(0.9, 1.1, True).holds_an_effect


def two(ground_of: GroundOf, first: str = "It eased pain.", second: str = "It eased pain too.") -> Ground:
    return ground_of(paper(1, "One", abstract=first), paper(2, "Two", abstract=second))


@pytest.mark.parametrize(("designs", "level"), [
    (("meta_analysis", "rct"), "high"), (("rct", "rct"), "high"), (("cohort", "cohort"), "low"),
    (("case_report", "case_report"), "very_low"), (("editorial", "letter"), "very_low"),
])  # fmt: skip
def test_design_sets_where_it_starts(ground_of: GroundOf, designs: tuple[str, str], level: str) -> None:
    ground = two(ground_of)
    told = certainty(units(ground, *designs), (), ground.corpus)
    assert (told["level"], told["basis"]) == (level, "design_prior")
    assert any(reason.startswith("not assessed: risk of bias") for reason in told["reasons"])


def test_every_downgrade_says_why(ground_of: GroundOf) -> None:
    ground = two(ground_of)
    single = units(ground, "rct")
    assert "single study" in " ".join(certainty(single, (), ground.corpus)["reasons"])
    assert certainty(single, (), ground.corpus)["level"] == "moderate"
    both = units(ground, "rct", "rct")
    torn = certainty(both, units(ground, "rct", "rct", refute=True), ground.corpus)
    assert (torn["level"], "inconsistency" in " ".join(torn["reasons"])) == ("low", True)
    far = certainty(units(ground, "rct", "rct", relevance=0.6), (), ground.corpus)
    assert (far["level"], "indirectness" in " ".join(far["reasons"])) == ("moderate", True)


@pytest.mark.parametrize(("text", "level", "reason"), [
    ("It eased pain.", "moderate", "inconsistency: a single publication"),
    ("It eased pain (RR 0.8, 95% CI 0.7 to 0.9; I2 = 55%).", "moderate", "inconsistency: a single publication"),
    ("It eased pain (RR 0.8, 95% CI 0.7 to 0.9; I² 12%).", "high", "design: 1 meta analysis"),
    ("It eased pain (I-squared of 84.5 %).", "moderate", "inconsistency: what is pooled differs considerably"),
])  # fmt: skip
def test_a_synthesis_that_stands_alone_has_to_say_that_what_it_pools_agrees(
    ground_of: GroundOf, text: str, level: str, reason: str
) -> None:
    ground = two(ground_of, text, text)
    told = certainty(units(ground, "meta_analysis"), (), ground.corpus)
    assert (told["level"], reason in "; ".join(told["reasons"])) == (level, True)


def test_considerable_heterogeneity_counts_beside_a_trial_that_agrees(ground_of: GroundOf) -> None:
    ground = two(ground_of, *["It eased pain (I2 = 90%)."] * 2)
    assert certainty(units(ground, "meta_analysis", "rct"), (), ground.corpus)["level"] == "moderate"


def test_an_interval_that_includes_no_effect_is_imprecise(ground_of: GroundOf) -> None:
    wide = "Pain was eased (RR 0.80, 95% CI 0.60 to 1.10)."
    ground = two(ground_of, wide, wide)
    told = certainty(units(ground, "rct", "rct"), (), ground.corpus)
    assert (told["level"], "imprecision" in " ".join(told["reasons"])) == ("moderate", True)
    assert certainty(units(ground, "rct", "rct"), (), ground.corpus, verdict="no")["level"] == "moderate"


def test_a_large_effect_raises_what_observation_shows(ground_of: GroundOf) -> None:
    large = "The risk was higher (RR 3.2, 95% CI 2.4 to 4.3)."
    ground = two(ground_of, large, large)
    told = certainty(units(ground, "cohort", "cohort"), (), ground.corpus)
    assert (told["level"], "large effect" in " ".join(told["reasons"])) == ("moderate", True)


@pytest.mark.parametrize(("confidence", "level"), [(0.9, "high"), (0.7, "moderate"), (0.55, "low"), (0.48, "very_low")])
def test_nothing_is_more_certain_than_its_verdict_is_likely(ground_of: GroundOf, confidence: float, level: str) -> None:
    ground = two(ground_of)
    told = certainty(units(ground, "rct", "rct"), (), ground.corpus, confidence=confidence)
    assert told["level"] == level
    assert any("capped" in reason for reason in told["reasons"]) is (level != "high")


@pytest.mark.parametrize(("confidence", "basis"), [(0.9, "stated"), (0.45, "design_prior")])
def test_a_stated_level_wins_beside_a_verdict_that_holds(ground_of: GroundOf, confidence: float, basis: str) -> None:
    ground = ground_of(advice("2010", "2010-01-01", direction="for", certainty="moderate"))
    told = certainty(units(ground, "guideline"), (), ground.corpus, confidence=confidence)
    assert told["basis"] == basis
    assert "stated by" in " ".join(told["reasons"]) or "states moderate" in " ".join(told["reasons"])


def test_no_study_no_level(ground_of: GroundOf) -> None:
    assert certainty([], (), two(ground_of).corpus) == NO_STUDY
