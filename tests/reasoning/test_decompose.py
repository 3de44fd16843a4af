"""Taking questions apart: parts that can be looked for alone, and what a question says of its four slots."""

from __future__ import annotations

import re

import pytest

from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.reasoning.decompose import PARTS, decompose

_NAMES = {
    "Chemical": ["Velorine", "Bramblate", "Zinc", "Warfarin"],
    "Disease": ["Stroke", "Migraine", "Asthma", "Bleeding", "Dementia"],
    "Outcome": ["Mortality"],
}
LINKER = Linker(
    merge([("corpus", [(name, f"MESH:D{kind[:2]}{n}", kind) for kind, names in _NAMES.items()
                       for n, name in enumerate(names)])], [], {})
)  # fmt: skip
_PRONOUN = re.compile(r"\b(it|its|they|them|their|this|these|those|he|she)\b", re.IGNORECASE)


def parts(question: str) -> tuple[str, ...]:
    return decompose(question, LINKER).parts


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the effect of velorine on stroke and mortality?",
         ("What is the effect of velorine on stroke?", "What is the effect of velorine on mortality?")),
        ("Is velorine or zinc versus warfarin better for stroke?",
         ("Is velorine versus warfarin better for stroke?", "Is zinc versus warfarin better for stroke?")),
        ("Does velorine ease migraine in children and adults?",
         ("Does velorine ease migraine in children?", "Does velorine ease migraine in adults?")),
        ("Do velorine and zinc prevent stroke?", ("Does velorine prevent stroke?", "Does zinc prevent stroke?")),
        ("Does velorine prevent stroke? Does it cause bleeding?",
         ("Does velorine prevent stroke?", "Does velorine cause bleeding?")),
    ],
)  # fmt: skip
def test_a_question_of_several_things_is_searched_for_each(question: str, expected: tuple[str, ...]) -> None:
    assert parts(question) == expected


@pytest.mark.parametrize(
    "question",
    ["Does velorine prevent stroke?", "Is there an association between migraine and stroke?", "Do they help?",
     "Is velorine better than zinc for migraine in adults?", "Does grommeting help and soothe?",
     "Does the combination of velorine and zinc prevent stroke?", ""],
)  # fmt: skip
def test_a_question_of_one_topic_is_left_as_it_is(question: str) -> None:
    assert parts(question) == ()


@pytest.mark.parametrize(
    "question",
    [
        "Do velorine, bramblate, zinc and warfarin prevent stroke, migraine, asthma and dementia in men and women?",
        "Do velorine, bramblate and zinc prevent stroke and dementia in men and women? Do they cause bleeding?",
        "Does velorine, and does its metabolite, ease migraine and asthma? Are these lasting? Is it safe in children?",
    ],
)
def test_parts_are_few_name_a_thing_each_and_hold_no_pronoun(question: str) -> None:
    found = parts(question)
    assert len(found) <= PARTS
    for part in found:
        assert LINKER.mentions(part)
        assert not _PRONOUN.search(part)


def test_what_a_writer_gives_is_held_to_the_same_rules() -> None:
    def writer(_question: str) -> list[str]:
        return ["Does it work?", "Is the sky blue?", "Does velorine ease migraine at night?", "x" * 900,
                "Does velorine ease  asthma at night?", *(f"Does zinc ease asthma {n}?" for n in range(9))]  # fmt: skip

    found = decompose("Does velorine help at night?", LINKER, writer).parts
    assert found[:2] == ("Does velorine ease migraine at night?", "Does velorine ease asthma at night?")
    assert len(found) == PARTS


def test_a_writer_of_nothing_sound_leaves_it_to_the_rules() -> None:
    found = decompose("Do velorine and zinc prevent stroke?", LINKER, lambda _question: ["Does it?"]).parts
    assert found == ("Does velorine prevent stroke?", "Does zinc prevent stroke?")


def test_the_four_slots_are_read_by_rule() -> None:
    asked = "Is velorine better than zinc for migraine in pregnant women with asthma?"
    assert decompose(asked, LINKER).slots == {
        "population": "pregnant women with asthma", "intervention": "velorine", "comparator": "zinc",
        "outcome": "migraine",
    }  # fmt: skip


def test_slots_that_a_question_leaves_open_are_not_there() -> None:
    assert decompose("Does velorine work?", LINKER).slots == {"intervention": "velorine"}
