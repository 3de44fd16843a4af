"""Names that answer: what is a candidate, which stand first, where a list ends, and what each stands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.reasoning import Ground, ask
from consilience.reasoning.candidates import key_of, names, quantities
from consilience.reasoning.items import items
from consilience.reasoning.naming import Passage
from consilience.reasoning.quoted import nearest_first
from consilience.reasoning.wanted import wanted
from tests.making import paper

GroundOf = Callable[..., Ground]
LINKER = Linker(
    merge([("corpus", [("Velorine", "MESH:D000001", "Chemical"), ("Blue fever", "MESH:D000002", "Disease")])], [], {})
)


def plain(_: str) -> float:
    """Every word is as rare as any other."""
    return 5.0


def found(question: str, *texts: str, kind: str = "factoid") -> list[str]:
    passages = [Passage(text, f"PMID:{at}", 1.0, 1.0) for at, text in enumerate(texts)]
    return [item.text for item in items(question, kind, passages, LINKER, plain)]


@pytest.mark.parametrize(
    ("question", "sort", "count"),
    [
        ("Which two drugs are included in the Zorvan pill?", "chemical", 2),
        ("What percentage of adults have blue fever?", "number", None),
        ("When was velorine approved?", "time", None),
        ("What does QLK stand for?", "spelling", None),
        ("Which gene is mutated in blue fever?", "gene", None),
        ("Which drug target does velorine have?", "gene", None),
        ("Which company makes velorine?", "party", None),
        ("Velorine is used for which disease?", "disease", None),
        ("List 3 symptoms of blue fever.", "disease", 3),
        ("What is velorine?", "other", None),
    ],
)
def test_what_a_question_wants_is_read_off_its_words(question: str, sort: str, count: int | None) -> None:
    want = wanted(question)
    assert (want.sort, want.count) == (sort, count)


@pytest.mark.parametrize(
    "text",
    [
        "The anti-QLK7 antibody (velorine) binds IL-1β, TNF-α and 14-3-3.",
        "Velorine lowers blue fever: 15% of 1,200 adults, 4 to 6 weeks, 2.5 mg.",
        "▼ “Odd” quotes, µg/ml… and\u2003spaces é combining e\u0301.",
    ],
)
def test_every_candidate_stands_word_for_word_where_it_says(text: str) -> None:
    seen = [*names(text), *quantities(text)]
    assert seen
    assert all(text[name.start : name.end] == name.text and name.key == key_of(name.text) for name in seen)


def test_what_is_acted_against_is_named_and_function_words_are_not() -> None:
    keys = {name.key for name in names("Velorine, an anti-QLK7 antibody, is used against the fever.")}
    assert {"qlk7", "qlk7 antibody", "fever"} <= keys
    assert not {"an", "is", "used", "against", "the"} & keys


def test_numbers_come_with_what_they_count() -> None:
    said = [name.text for name in quantities("Of 1,200 adults 15% had it for 4 to 6 weeks; three genes, < 200 kb.")]
    assert said == ["1,200", "15%", "4 to 6 weeks", "three", "< 200 kb"]


def test_the_answer_is_what_independent_studies_name_beside_the_question_and_not_the_question_itself() -> None:
    texts = [
        "Mutations in QLK7 cause blue fever.",
        "Blue fever is a rare disease that is caused by QLK7.",
        "Blue fever was also seen with the marker ZZT1 in one family.",
    ]
    answers = found("Which gene is mutated in blue fever?", *texts)
    assert answers[0] == "QLK7"
    assert not {"blue fever", "Blue fever", "fever", "gene"} & set(answers)


def test_a_short_form_and_the_long_one_a_text_gives_it_are_one_name() -> None:
    texts = ["Quell factor kinase (QFK) is raised by velorine.", "Velorine raises QFK.", "QFK rises with velorine."]
    answers = found("Which kinase does velorine raise?", *texts)
    assert answers[0] == "QFK"
    assert not any("Quell" in answer for answer in answers)


def test_how_a_name_is_spelt_out_may_be_answered_with_the_question_s_own_words() -> None:
    text = "Quell factor kinase (QFK) is raised."
    assert found("What does QFK stand for?", text)[0] == "Quell factor kinase"


def test_a_list_of_two_has_two_and_a_list_ends_where_names_stop_standing_out() -> None:
    text = "The Zorvan pill contains the drugs Velorine and Tamsidol."
    assert set(found("Which two drugs are included in the Zorvan pill?", text, kind="list")) == {"Velorine", "Tamsidol"}
    far = "Weather was fine in the region and people walked in gardens."
    many = found("Which drugs are included in the Zorvan pill?", text, text + " ", far, kind="list")
    assert {"Velorine", "Tamsidol"} <= set(many)
    assert "gardens" not in many


def test_nothing_to_read_is_no_answer() -> None:
    assert found("Which gene?") == found("Which gene?", "") == found("", "of the and", kind="list") == []


def test_the_order_of_passages_changes_nothing() -> None:
    texts = ["Mutations in QLK7 cause blue fever.", "In blue fever QLK7 is lost.", "Blue fever: ZZT1, not QLK7."]
    read = [Passage(text, f"PMID:{at}", 0.9, 0.5) for at, text in enumerate(texts)]
    told = set()
    for order in permutations(read):
        ordered = [passage for passage, _ in nearest_first((passage, None) for passage in order)]
        found = items("Which gene is mutated in blue fever?", "factoid", ordered, LINKER, plain)
        told.add(repr([(i.text, i.chance, [ordered[at].study for at in i.places]) for i in found]))
    assert len(told) == 1


def test_every_item_stands_in_every_quotation_it_is_cited_to(ground_of: GroundOf) -> None:
    ground = ground_of(
        paper(1, "QLK7 in blue fever", abstract="In blue fever the gene QLK7 is mutated. It lasts 4 to 6 weeks."),
        paper(2, "Kinases", abstract="Quell like kinase 7 (QLK7) is mutated in blue fever. Nothing else is known."),
        paper(3, "Gardens", abstract="A garden programme improved mood."),
    )
    answer = ask("Which gene is mutated in blue fever?", ground)
    assert answer["items"][0]["text"] == "QLK7"
    for item in answer["items"]:
        quotes = [answer["citations"][number]["quote"] for number in item["citations"]]
        assert quotes and all(item["text"] in quote for quote in quotes)
    assert {c["stance"] for c in answer["citations"]} == {"neutral"}
    assert 0 < answer["confidence"] < 1


def test_a_summary_quotes_several_documents_once_and_says_nothing_twice(ground_of: GroundOf) -> None:
    same = "Velorine has the role of a messenger between cells."
    ground = ground_of(
        paper(1, "Velorine one", abstract=same), paper(2, "Velorine two", abstract=same + " It is made in the liver."),
        paper(3, "Velorine three", abstract="The role of velorine in sleep is to slow the heart."),
    )  # fmt: skip
    said = [s["text"] for s in ask("What is the role of velorine?", ground)["sentences"]]
    assert said.count(same) == 1
    assert any("sleep" in text for text in said)


def test_a_question_about_nothing_that_is_there_is_abstained_from(ground_of: GroundOf) -> None:
    answer = ask("Which gene is mutated in zebra palsy?", ground_of(paper(1, "Gardens", abstract="Mood improved.")))
    assert answer["abstained"]["reason"] == "no_evidence"
    assert answer["items"] == answer["sentences"] == answer["citations"] == []


@pytest.mark.parametrize(
    "text",
    [
        "A" * 40_000,
        "A1-" * 20_000,
        "(" * 20_000,
        "1," * 20_000,
        "x (" + "y " * 9_000 + ")",
        "\u0301" * 9_000,
        "a b " * 9_000,
    ],
)
@pytest.mark.parametrize("question", ["Which gene raises pain?", "How many genes raise pain?"])
def test_hostile_words_stall_nothing(text: str, question: str) -> None:
    began = time.process_time()
    passage: Any = Passage(f"Pain is raised by BRCA1. {text}", "PMID:1", 1.0, 1.0)
    items(question, "list", [passage] * 3, LINKER, plain)
    assert time.process_time() - began < 20
