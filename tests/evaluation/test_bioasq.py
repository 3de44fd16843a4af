"""BioASQ's measures against values worked out by hand, and against a second computation that shares nothing."""

from __future__ import annotations

import numpy as np
import pytest

from consilience.evaluation import bioasq
from consilience.evaluation.bioasq import Stretch, alike, documents, listed, official, reciprocal_rank, snippets


def test_a_factoid_is_worth_the_reciprocal_rank_of_its_first_right_name_among_five() -> None:
    gold = [["TNF", "tumour necrosis factor"], ["cachectin"]]
    assert reciprocal_rank(gold, ["IL-6", "tnf"]) == 0.5
    assert reciprocal_rank(gold, ["Tumour  Necrosis Factor", "cachectin"]) == 1.0
    assert reciprocal_rank(gold, ["a", "b", "c", "d", "e", "TNF"]) == 0.0
    assert reciprocal_rank(gold, []) == reciprocal_rank([], ["TNF"]) == 0.0


def test_names_are_alike_without_article_plural_hyphen_and_accent_and_official_ones_but_for_case() -> None:
    assert alike("the IL-β receptors") == alike("IL beta receptor")
    assert official("IL-1") != official("IL 1")
    assert reciprocal_rank([["mast cells"]], ["Mast cell"]) == 0.0
    assert reciprocal_rank([["mast cells"]], ["Mast cell"], alike) == 1.0
    assert alike("?") == "?"


def test_a_list_counts_a_gold_item_once_and_a_synonym_given_beside_it_as_one_too_many() -> None:
    gold = [["aspirin", "ASA"], ["ramipril"], ["atorvastatin"]]
    found = listed(gold, ["Aspirin", "ASA", "ramipril", "ramipril"])
    assert (found.precision, found.recall) == (2 / 3, 2 / 3)
    assert found.f1 == pytest.approx(2 / 3)
    assert listed(gold, []).f1 == listed([], ["x"]).f1 == 0.0


def _slow_list(gold: list[list[str]], given: list[str]) -> tuple[float, float]:
    """The same the long way round: every pair looked at, golds crossed off."""
    left, hits, distinct = [[s.lower() for s in each] for each in gold], 0, []
    for name in given:
        if name.lower() not in distinct:
            distinct.append(name.lower())
    for each in left:
        for name in distinct:
            if name in each:
                hits += 1
                break
    hits = min(hits, len(distinct))
    return (hits / len(distinct) if distinct else 0.0), (hits / len(gold) if gold else 0.0)


def test_lists_and_ranks_equal_a_second_computation_on_random_answers() -> None:
    draw = np.random.default_rng(3)
    words = [f"{letter}{number}" for letter in "ABC" for number in range(6)]
    for _ in range(200):
        gold = [list(draw.choice(words, draw.integers(1, 3), replace=False)) for _ in range(draw.integers(1, 6))]
        given = [str(name).lower() for name in draw.choice(words, draw.integers(0, 9))]
        found = listed(gold, given)
        assert (found.precision, found.recall) == pytest.approx(_slow_list(gold, given))
        flat = {name.lower() for each in gold for name in each}
        first = [place for place in range(min(5, len(given))) if given[place] in flat]
        assert reciprocal_rank(gold, given) == (1 / (first[0] + 1) if first else 0.0)


def _characters(stretches: list[Stretch]) -> set[tuple[str, str, int]]:
    return {(document, field, at) for document, field, start, end in stretches for at in range(start, end)}


def test_snippets_are_compared_character_by_character_however_they_overlap() -> None:
    draw = np.random.default_rng(5)

    def some() -> list[Stretch]:
        starts = draw.integers(0, 60, draw.integers(0, 7))
        places = [(f"PMID:{draw.integers(1, 3)}", str(draw.choice(["title", "abstract"]))) for _ in starts]
        return [(*place, int(at), int(at + draw.integers(1, 25))) for place, at in zip(places, starts, strict=True)]

    for _ in range(200):
        gold, given = some(), some()
        due, shown = _characters(gold), _characters(given)
        found = snippets(gold, given)
        assert found.precision == pytest.approx(len(due & shown) / len(shown) if shown else 0.0)
        assert found.recall == pytest.approx(len(due & shown) / len(due) if due else 0.0)


def test_documents_count_once_however_often_they_are_cited() -> None:
    found = documents(["PMID:1", "PMID:2"], ["PMID:1", "PMID:1", "PMID:3"])
    assert (found.precision, found.recall) == (0.5, 0.5)


def test_every_figure_is_a_mean_over_the_questions_of_its_kind() -> None:
    rows = [
        {"answer": "yes", "systems": {"s": {"answer": "yes", "scores": {}}}},
        {"answer": "no", "systems": {"s": {"answer": "yes", "scores": {}}}},
        {"answer": None, "systems": {"s": {"answer": None, "scores": {"MRR": 0.5}}}},
        {"answer": None, "systems": {"s": {"answer": None, "scores": {"list F1": 1.0}}}},
    ]
    own = {name: float(of.of(np.ones((1, 4)))[0]) for name, of in bioasq.statistics(rows)["s"].items()}
    assert own == pytest.approx({"yes/no accuracy": 0.5, "yes/no macro-F1": 1 / 3, "MRR": 0.5, "list F1": 1.0})
