"""Chains: each alone, and none of them Boolean."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import pytest

from consilience.errors import StoreDamagedError
from consilience.indexes import folder_of
from consilience.indexes.lexical import is_boolean
from consilience.models import Judgement
from consilience.reasoning import Ground, ask
from consilience.reasoning.chain import CHAINS, passage_chain, prose, run
from tests.making import paper

PAPERS = [
    paper(1, "Velorine for pain", abstract="Velorine eased pain in a trial of adults.", types=["D016449"]),
    paper(2, "Bramble for sleep", abstract="Bramble changed nothing for sleepers."),
]
GroundOf = Callable[..., Ground]


class Broken:
    """A model that cannot be reached."""

    name = "broken"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """Never answers."""
        raise ConnectionError(f"{len(pairs)} pairs were not judged")


@pytest.mark.parametrize(
    "question",
    ['Does "tight" control help?', "Is the OR of death above 1?", "Does it NOT help AND harm?", "A trial, title:x?"],
)
def test_a_question_is_never_read_as_a_boolean_query(question: str) -> None:
    assert is_boolean(question)
    assert not is_boolean(prose(question))


def test_a_question_without_operators_is_searched_as_it_stands() -> None:
    assert prose("Does aspirin at a 2:1 ratio help?") == "Does aspirin at a 2:1 ratio help?"


def test_quotes_in_a_question_do_not_hide_what_answers_it(ground_of: GroundOf) -> None:
    found = passage_chain('Does "velorine" ease the pain of Ruritanians?', ground_of(*PAPERS)).findings
    assert found[0].document == "PMID:1"


def test_the_crash_of_a_model_is_told_by_each_chain_and_answered_by_abstaining(ground_of: GroundOf) -> None:
    ground = ground_of(*PAPERS, entailment=Broken())
    answer = ask("Does velorine ease pain?", ground)
    assert {chain["error"] for chain in answer["chains"] if chain["name"] in ("passage", "counter")} == {
        "ConnectionError"
    }
    assert "chains that failed: passage, " in answer["abstained"]["detail"]


def test_a_damaged_store_is_no_abstention(ground_of: GroundOf) -> None:
    ground = ground_of(*PAPERS)
    shutil.rmtree(folder_of(ground.corpus, ground.index.profile) / "dense")
    with pytest.raises(StoreDamagedError):
        run(list(CHAINS), "Does velorine ease pain?", ground)
