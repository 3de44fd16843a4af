"""Arithmetic on counts: published values, and refusal of what is not given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.reasoning.calculator import Counts, effect, effects, read


def test_a_difference_of_risks_has_the_interval_that_newcombe_published() -> None:
    # Newcombe, Stat Med 1998;17:873, table II, column (a): 56/70 against 48/80, method 10.
    found = effect("ARR", Counts(48, 80, 56, 70))
    assert found.value == pytest.approx(20.0)
    assert (found.low, found.high) == (pytest.approx(5.24, abs=0.005), pytest.approx(33.39, abs=0.005))


def test_ratios_have_the_values_and_intervals_of_their_closed_forms() -> None:
    # Physicians' Health Study: 104 of 11,037 on aspirin and 189 of 11,034 on placebo had an infarction (Agresti 2.2).
    counts = Counts(104, 11_037, 189, 11_034)
    odds, risk = effect("OR", counts), effect("RR", counts)
    assert (1 / (odds.value or 0), 1 / (odds.high or 0), 1 / (odds.low or 0)) == pytest.approx(
        (1.832, 1.440, 2.331), abs=0.001
    )
    assert (1 / (risk.value or 0), 1 / (risk.high or 0), 1 / (risk.low or 0)) == pytest.approx(
        (1.818, 1.433, 2.306), abs=0.001
    )
    assert effect("RRR", counts).value == pytest.approx(100 - 100 / 1.818, abs=0.02)


def test_a_number_needed_to_treat_is_the_difference_turned_over() -> None:
    difference, needed = effect("ARR", Counts(48, 80, 56, 70)), effect("NNT", Counts(48, 80, 56, 70))
    assert (needed.measure, needed.value, needed.crosses) == ("NNT", pytest.approx(5.0), False)
    assert (needed.low, needed.high) == (
        pytest.approx(100 / (difference.high or 0)), pytest.approx(100 / (difference.low or 0))
    )  # fmt: skip


def test_a_difference_that_may_be_nothing_has_a_number_that_runs_through_infinity() -> None:
    needed = effect("NNT", Counts(12, 100, 20, 100))
    assert needed.crosses
    assert needed.value == pytest.approx(12.5)
    assert "13 people" in needed.working
    assert "infinity" in needed.working


def test_more_events_among_the_treated_are_a_number_needed_to_harm_unless_they_are_wished_for() -> None:
    assert effect("NNT", Counts(56, 70, 48, 80)).measure == "NNH"
    assert effect("NNH", Counts(56, 70, 48, 80, wished=True)).measure == "NNT"


def test_what_the_counts_leave_undefined_has_no_value_and_says_why() -> None:
    none = {each.measure: each for each in effects(Counts(0, 50, 5, 50))}
    assert none["RR"].value is none["RRR"].value is none["OR"].value is None
    assert "without events" in none["RR"].working
    assert effect("NNT", Counts(5, 50, 5, 50)).value is None


@pytest.mark.parametrize("counts", [(-1, 10, 1, 10), (11, 10, 1, 10), (0, 0, 1, 10), (1, 10, 1, 10**10)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadInputError):
        Counts(*counts)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_value_lies_within_its_interval(treated: int, controls: int, data: st.DataObject) -> None:
    counts = Counts(data.draw(st.integers(0, treated)), treated, data.draw(st.integers(0, controls)), controls)
    for each in effects(counts):
        if each.value is not None and each.low is not None and each.high is not None and not each.crosses:
            assert each.low <= each.value + 1e-9
            assert each.value <= each.high + 1e-9


@pytest.mark.parametrize(
    ("question", "measure", "counts"),
    [
        ("12 of 100 treated and 20 of 100 controls died: what is the NNT?", "NNT", Counts(12, 100, 20, 100)),
        ("In the placebo group 20/100 died and with the drug 12/100 died. What is the relative risk reduction?", "RRR",
         Counts(12, 100, 20, 100)),
        ("Odds ratio of infarction, 104 of 11,037 on treatment versus 189 of 11,034 on placebo?", "OR",
         Counts(104, 11_037, 189, 11_034)),
        ("30 out of 40 in the intervention arm recovered, 20 out of 40 controls: number needed to treat?", "NNT",
         Counts(30, 40, 20, 40, wished=True)),
    ],
)  # fmt: skip
def test_counts_are_read_off_the_question(question: str, measure: str, counts: Counts) -> None:
    asked = read(question)
    assert asked is not None
    assert (asked.measure, asked.counts) == (measure, counts)


@pytest.mark.parametrize(
    ("event", "wished"),
    [("recovered", True), ("were cured", True), ("died", False), ("did not respond", False),
     ("of healthy people fell ill", False)],
)  # fmt: skip
def test_events_that_are_wished_for_turn_the_benefit_round(event: str, wished: bool) -> None:
    asked = read(f"12 of 100 treated and 20 of 100 controls {event}: what is the NNT?")
    assert asked is not None
    assert asked.counts is not None
    assert asked.counts.wished is wished


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Calculate the NNT of aspirin", "0 given"),
        ("12 of 100 treated died: what is the ARR?", "1 given"),
        ("5 of 10 and 7 of 12 died: what is the RR?", "which group"),
        ("14 of 10 treated and 7 of 12 controls died: what is the RR?", "no counts"),
    ],
)
def test_a_missing_slot_is_named_and_not_guessed(question: str, missing: str) -> None:
    asked = read(question)
    assert asked is not None
    assert asked.counts is None
    assert missing in asked.missing


@pytest.mark.parametrize(
    "question",
    ["What is the odds ratio of stroke in smokers?", "Does aspirin reduce the absolute risk of stroke?",
     "Did 12 of 100 patients recover in the trial?", "Is the number needed to treat lower in women?"],
)  # fmt: skip
def test_a_question_to_the_literature_is_no_sum(question: str) -> None:
    assert read(question) is None


@pytest.mark.parametrize(
    ("question", "measure", "value"),
    [
        ("How many falls were prevented if 12 of 100 treated and 20 of 100 controls fell?", "ARR", 8.0),
        ("12 of 100 on velorine and 20 of 100 on placebo fell: how many falls does it prevent?", "ARR", 8.0),
        ("12 of 100 treated, 20 of 100 controls fell: how many people must be treated to prevent a fall?", "NNT", 12.5),
    ],
)
def test_a_measure_may_be_asked_for_in_other_words(question: str, measure: str, value: float) -> None:
    asked = read(question)
    assert asked
    assert asked.counts
    assert (asked.measure, effect(asked.measure, asked.counts).value) == (measure, pytest.approx(value))


@pytest.mark.parametrize(
    "question",
    ["How many falls does vitamin D prevent?", "How many strokes were avoided in 3 of 10 trials?",
     "In 3 of 10 trials and 2 of 8 cohorts, how many more falls were seen?"],
)  # fmt: skip
def test_a_number_that_only_the_literature_has_is_no_sum(question: str) -> None:
    assert read(question) is None
