"""What kind of answer a question wants."""

from __future__ import annotations

import pytest

from consilience.reasoning.question import parse


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Does aspirin prevent stroke?", "polar"),
        ("Is the CHA2DS2-VASc score useful?", "polar"),
        ("Early mobilisation after stroke: does it help?", "polar"),
        ("Aspirin prevents stroke", "polar"),
        ("Which drugs are used for the treatment of gout?", "list"),
        ("What are the symptoms of Lyme disease?", "list"),
        ("List the human genes encoding the dishevelled proteins.", "list"),
        ("Which gene is mutated in cystic fibrosis?", "factoid"),
        ("How many exons does the human dystrophin gene have?", "factoid"),
        ("What is the role of p53 in apoptosis?", "summary"),
        ("How does metformin lower blood glucose?", "summary"),
        ("Describe the mechanism of action of statins.", "summary"),
        ("Dupilumab is used for the treatment of which disease?", "factoid"),
        ("The drug combination is made of which compounds?", "list"),
        ("Aspirin helps people, and which dose does: is it low?", "polar"),
        ("Please mention the adverse effects of warfarin.", "list"),
    ],
)
def test_the_kind_is_read_off_the_form(text: str, kind: str) -> None:
    assert parse(text).kind == kind


def test_white_space_is_normalised() -> None:
    assert parse("  Does\taspirin\n help? ").text == "Does aspirin help?"
