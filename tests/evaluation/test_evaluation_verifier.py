"""The verifier's suite: claims made wrong by rule or by people, and whether they are told from right ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, estimate
from consilience.evaluation.definition import VerifierSuite
from consilience.evaluation.verifier import Pair, auroc, cases, pairs, tell_apart
from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.models import Entailment, Judgement
from consilience.models.entailment import FeatureEntailment

LINES = [
    {"id": "a", "claim": "Velorine reduced attacks of asthma by 31% in adults.",
     "evidence": "In 412 adults with asthma velorine reduced attacks by 31%."},
    {"id": "b", "claim": "Tamsidol 20 mg daily improved sleep in children.",
     "evidence": "Sleep improved in children who took tamsidol, 20 mg daily."},
    {"id": "c", "claim": "Corlastat did not lower cholesterol in older men.",
     "evidence": "Cholesterol was not lowered by corlastat in older men."},
    {"id": "d", "claim": "Bravexin prevents migraine.", "evidence": "Migraine was as frequent as with placebo.",
     "label": "refuted"},
    {"id": "e", "claim": "Bravexin is cheap.", "evidence": "Migraine is common.", "label": "insufficient"},
]  # fmt: skip


class Home:
    """An engine that hands out the plain judge."""

    def entailment(self, name: str | None = None) -> Entailment:
        return FeatureEntailment()


@pytest.fixture
def linker() -> Linker:
    known = [("Velorine", "MESH:D000001", "Chemical"), ("Tamsidol", "MESH:D000002", "Chemical")]
    return Linker(merge([("corpus", known)], [], {}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "claims.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def ticks() -> float:
    return 0.0


def test_right_claims_are_put_wrong_and_refuted_ones_left_as_they_are(file: Path, linker: Linker) -> None:
    given = pairs(file, None)
    assert [pair.id for pair in given] == ["a", "b", "c", "d"]
    made = cases(given, linker, seed=0)
    assert [case.kind for case in made if case.pair == 3] == ["refuted"]
    assert {case.kind for case in made} == {"right", "refuted", "number", "unit", "negation", "direction", "entity",
                                            "population"}  # fmt: skip
    swapped = next(case.claim for case in made if case.pair == 0 and case.kind == "entity")
    assert swapped.startswith("Tamsidol reduced attacks")


def test_the_verifier_is_told_beside_its_parts_and_beside_chance(file: Path, linker: Linker) -> None:
    suite = VerifierSuite(kind="verifier", data=file.name)
    outcome = tell_apart(suite, pairs(file, None), Home(), linker, clock=ticks)
    figures = {
        system.name: {name: estimate(of, outcome.n, Draws(100)).value for name, of in system.statistics.items()}
        for system in outcome.systems
    }
    assert list(figures) == ["verifier", "entailment", "checks", "features", "word_overlap", "majority"]
    assert figures["majority"]["auroc"] == 0.5
    assert figures["checks"]["auroc"] == 1.0
    assert figures["verifier"]["auroc_number"] == 1.0
    assert figures["verifier"]["caught_entity"] == 1.0
    assert "kept" not in figures["checks"]
    assert figures["entailment"] == figures["features"]
    assert len(outcome.details) == sum(group["claims"]["n"] for group in outcome.groups.values())


def test_each_pair_may_have_a_judge_that_has_not_seen_it(file: Path, linker: Linker) -> None:
    asked: list[str] = []

    class Unseen:
        name = "unseen"

        def judge(self, those: Sequence[tuple[str, str]]) -> list[Judgement]:
            return [Judgement(0.1, 0.1, 0.8) for _ in those]

    def judge_for(pair: Pair) -> Entailment:
        asked.append(pair.number)
        return Unseen()

    suite = VerifierSuite(kind="verifier", data=file.name, systems=("entailment",))
    outcome = tell_apart(suite, pairs(file, None), Home(), linker, clock=ticks, judges=judge_for)
    assert set(asked) == {"a", "b", "c", "d"}
    assert {row["scores"]["entailment"] for row in outcome.details} == {0.5}
    assert outcome.provenance["unseen"] is True


def test_area_under_the_curve_is_the_chance_of_the_right_order_and_weighs_ties_half() -> None:
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    right = np.array([True, True, False, False])
    figure = auroc(scores, right, np.arange(4))
    assert figure.of(np.ones((1, 4)))[0] == pytest.approx(3.5 / 4)
    assert figure.of(np.array([[1.0, 0.0, 1.0, 0.0]]))[0] == 1.0
    assert np.isnan(figure.of(np.array([[1.0, 1.0, 0.0, 0.0]]))[0])


def test_it_agrees_with_the_library_on_any_weights() -> None:
    from sklearn.metrics import roc_auc_score

    chance = np.random.default_rng(0)
    scores, right = chance.integers(0, 9, 60) / 8, chance.random(60) < 0.4
    weights = chance.integers(0, 4, (5, 60)).astype(float)
    figure = auroc(scores, right, np.arange(60)).of(weights)
    expected = [roc_auc_score(right, scores, sample_weight=row) for row in weights]
    assert figure == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    ['{"id": "a", "claim": "x"}', '{"cited_doc_ids": [1]}', '{"id": "a", "claim": "x", "evidence": "y", "z": 1}'],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(BadInputError):
        pairs(path, None)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "corpus", "least"),
    [("evidence/healthver.jsonl.gz", "", 900), ("qa/pubmedqa.jsonl.gz", "", 900),
     ("evidence/scifact_claims.jsonl.gz", "evidence/scifact_corpus.jsonl.gz", 800),
     ("corpus/abstracts.jsonl.gz", "", 1000)],
)  # fmt: skip
def test_the_public_sets_are_read(data_dir: Path, name: str, corpus: str, least: int) -> None:
    found = pairs(data_dir / name, None, [data_dir / corpus] if corpus else [])
    assert len(found) >= least
    assert all(pair.claim and pair.evidence for pair in found)
