"""Chains: each alone, and none of them Boolean."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import pytest

from consilience.errors import StoreDamagedError
from consilience.indexes import folder_of
from consilience.models import Judgement
from consilience.reasoning import Ground, ask
from consilience.reasoning.chain import CHAINS, passage_chain, run
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
    ['Does "velorine" ease the pain of Ruritanians?', "Is the OR of pain with velorine above 1?",
     "Does velorine NOT ease pain AND harm?", "Velorine, title:pain?", "velorine[au] pain"],
)  # fmt: skip
def test_a_question_is_never_read_as_a_boolean_query(ground_of: GroundOf, question: str) -> None:
    assert passage_chain(question, ground_of(*PAPERS)).findings[0].document == "PMID:1"


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
