"""What kind of answer a question wants."""

from __future__ import annotations

import pytest

from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.reasoning.question import parse, to_the_point

LINKER = Linker(
    merge([("made", [("Aspirin", "MESH:D001241", "Chemical"), ("Gout", "MESH:D006073", "Disease")])], [], {})
)
ASKED = "Does aspirin prevent stroke?"


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


@pytest.mark.parametrize(
    "aside",
    ["My cat is called Tom.", "Hello there!", "Her neighbour was recently diagnosed with gout.",
     "His boss has malaria.", "Thank you very much."],
)  # fmt: skip
def test_what_is_beside_the_question_is_left_out_before_it_and_after_it(aside: str) -> None:
    assert to_the_point(f"{aside} {ASKED}", LINKER) == (ASKED, [aside])
    assert to_the_point(f"{ASKED} {aside}", LINKER) == (ASKED, [aside])


@pytest.mark.parametrize(
    "text",
    [
        ASKED,
        "Aspirin prevents stroke. It is cheap.",
        "She is pregnant. Does aspirin prevent stroke?",
        "Patients had atrial fibrillation. Does aspirin prevent stroke?",
        "Gout was excluded. Does aspirin prevent stroke?",
        "The dose was 75 mg. Does aspirin prevent stroke?",
        "Smokers were asked. Does aspirin prevent stroke?",
        "Her neighbour was recently diagnosed with gout. Does aspirin help in gout?",
        "Her neighbour was recently diagnosed with gout. Does it help against aspirin?",
        "My cat is called Tom. Should I take aspirin?",
        "My cat is called Tom. What is best?",
        "Renal function is impaired. Does aspirin prevent stroke?",
        "His kidneys are failing. Does aspirin prevent stroke?",
        "A man has fever. His boss has tuberculosis. Does aspirin prevent stroke?",
        "My aspirin is called Tom. Does aspirin prevent stroke?",
        "Does aspirin prevent stroke? Does aspirin cause bleeding?",
    ],
)
def test_what_may_matter_to_the_question_stays(text: str) -> None:
    assert to_the_point(text, LINKER) == (text, [])
