"""Measures against values worked out by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from consilience.evaluation.measures import ANSWERS, UNDECIDED, check_citations, decided, macro_f1, ranking


def test_ranking_measures_equal_hand_computed_values() -> None:
    relevant = {"q1": {"a": 1, "b": 1, "c": 1}, "q2": {"d": 2, "e": 1}}
    ranked = {"q1": ["x", "a", "y", "b"], "q2": ["e", "d"]}
    scores = ranking(["nDCG@10", "R@10", "RR"], relevant, ranked)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    first = (1 / math.log2(3) + 1 / math.log2(5)) / ideal
    second = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert scores["nDCG@10"] == pytest.approx([first, second])
    assert scores["R@10"] == pytest.approx([2 / 3, 1.0])
    assert scores["RR"] == pytest.approx([0.5, 1.0])


def test_a_query_without_hits_scores_zero_and_stays_in_its_place() -> None:
    scores = ranking(["nDCG@10", "RR"], {"q1": {"a": 1}, "q2": {"b": 1}}, {"q1": [], "q2": ["b"]})
    assert scores == {"nDCG@10": [0.0, 1.0], "RR": [0.0, 1.0]}


def test_the_order_of_the_list_decides_and_a_repeated_hit_counts_once() -> None:
    many = [f"x{place}" for place in range(9)]
    scores = ranking(["R@10", "RR"], {"q": {"a": 1, "z": 1}}, {"q": ["a", "a", *many, "z"]})
    assert scores == {"R@10": [0.5], "RR": [1.0]}


@pytest.mark.parametrize(
    ("masses", "three", "two"),
    [
        ((0.5, 0.2, 0.1, 0.2), "yes", "yes"),
        ((0.3, 0.2, 0.25, 0.25), "maybe", "yes"),
        ((0.1, 0.4, 0.2, 0.3), "maybe", "no"),
        ((0.0, 0.0, 0.0, 1.0), "maybe", UNDECIDED),
        ((0.4, 0.4, 0.1, 0.1), UNDECIDED, UNDECIDED),
    ],
)
def test_maybe_is_mixed_and_insufficient_together(masses: tuple[float, ...], three: str, two: str) -> None:
    reply = {"verdict": "insufficient", "probabilities": dict(zip(ANSWERS["verdict"], masses, strict=True))}
    assert decided(reply, "yes/no/maybe") == three
    assert decided(reply, "yes/no") == two
    assert decided(reply, "verdict") == "insufficient"


def test_a_failed_reply_is_undecided_and_a_bare_verdict_is_enough() -> None:
    assert {decided({"error": {"message": "no"}}, answers) for answers in ANSWERS} == {UNDECIDED}
    assert decided({"verdict": "mixed"}, "yes/no/maybe") == "maybe"


def test_macro_f1_equals_scikit_learn_on_random_answers_and_on_resamples() -> None:
    generator = np.random.default_rng(7)
    classes = list(ANSWERS["yes/no/maybe"])
    gold = list(generator.choice(classes, 60, p=[0.6, 0.3, 0.1]))
    predicted = list(generator.choice([*classes, UNDECIDED], 60))
    of = macro_f1(gold, predicted, classes)
    for chosen in (np.arange(60), generator.integers(0, 60, 60), generator.integers(0, 60, 60)):
        known, given = [gold[i] for i in chosen], [predicted[i] for i in chosen]
        weights = np.bincount(chosen, minlength=60).astype(float)[None, :]
        assert of.of(weights)[0] == pytest.approx(
            f1_score(known, given, labels=classes, average="macro", zero_division=0)
        )


def test_macro_f1_of_always_yes_is_worked_out_by_hand() -> None:
    of = macro_f1(["yes", "yes", "no"], ["yes", "yes", "yes"], ["yes", "no"])
    assert of.of(np.ones((1, 3)))[0] == pytest.approx((2 * 2 / (2 + 3) + 0) / 2)


def test_only_a_verbatim_quote_at_its_own_place_holds(engine) -> None:
    reply = engine.ask("Does velorine lower mortality after stroke?")
    good = check_citations(reply, {"PMID:1": 1, "PMID:9": 1, "PMID:8": 0}, engine)
    assert (good.sentences, good.cited, good.quotes, good.holding) == (1, 1, 3, 3)
    assert (good.documents, good.relevant_cited, good.relevant) == (3, 1, 2)
    first, *rest = reply["citations"]
    for wrong in (
        {**first, "start": 1},
        {**first, "start": 1, "end": first["end"] + 1},
        {**first, "quote": first["quote"].upper()},
        {**first, "sha256": "0" * 64},
        {**first, "field": "title"},
        {**first, "start": None},
    ):
        assert check_citations({**reply, "citations": [wrong, *rest]}, {}, engine).holding == 2


def test_a_sentence_that_points_nowhere_is_not_cited(engine) -> None:
    sentences = [{"text": "a", "citations": [3]}, {"text": "b", "citations": []}, {"text": "c", "citations": [0]}]
    reply = {**engine.ask("Does velorine lower mortality after stroke?"), "sentences": sentences}
    assert check_citations(reply, {}, engine).cited == 1
