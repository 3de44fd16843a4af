from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from consilience.errors import BadInputError, StoreDamagedError
from consilience.models import Judgement
from consilience.models.embedding import MiniLM
from consilience.models.entailment import FEATURES, FeatureEntailment, entailment_by_name, features, packaged_weights
from consilience.models.plain import HashedVectors

CLAIM = "Aspirin reduces the risk of stroke."
QUESTION = "Does aspirin reduce the risk of stroke?"
FOR = "Aspirin significantly reduced the risk of stroke (P < 0.001)."
AGAINST = "Aspirin did not reduce the risk of stroke; there was no significant difference (P = 0.62)."
OTHER = "Cataract extraction was performed under local anaesthesia in 120 eyes."


@pytest.fixture(scope="module")
def model() -> FeatureEntailment:
    return FeatureEntailment()


def verdict(judgement: Judgement) -> str:
    return max(("supports", "refutes", "neutral"), key=lambda label: float(getattr(judgement, label)))


@pytest.mark.parametrize("claim", [CLAIM, QUESTION])
@pytest.mark.parametrize(("evidence", "expected"), [(FOR, "supports"), (AGAINST, "refutes"), (OTHER, "neutral")])
def test_plain_cases_are_judged_as_a_reader_would(
    model: FeatureEntailment, claim: str, evidence: str, expected: str
) -> None:
    assert verdict(model.judge([(claim, evidence)])[0]) == expected


def test_a_negated_claim_turns_the_judgement(model: FeatureEntailment) -> None:
    denied = "Aspirin does not reduce the risk of stroke."
    on_for, on_against = model.judge([(denied, FOR), (denied, AGAINST)])
    assert on_against.supports > on_for.supports
    assert on_for.refutes > on_against.refutes


def test_probabilities_sum_to_one(model: FeatureEntailment) -> None:
    for judgement in model.judge([(CLAIM, FOR), ("", ""), ("?", OTHER), (CLAIM, "")]):
        assert math.isclose(judgement.supports + judgement.refutes + judgement.neutral, 1)
        assert min(judgement.supports, judgement.refutes, judgement.neutral) >= 0


def test_a_judgement_does_not_depend_on_its_batch(model: FeatureEntailment) -> None:
    pairs = [(CLAIM, FOR), (QUESTION, AGAINST), (CLAIM, OTHER)] * 5
    assert model.judge(pairs) == [model.judge([pair])[0] for pair in pairs]


def test_no_pairs_give_no_judgements(model: FeatureEntailment) -> None:
    assert model.judge([]) == []


def test_every_feature_has_a_column() -> None:
    assert features([(CLAIM, FOR)]).shape == (1, len(FEATURES))
    assert len(set(FEATURES)) == len(FEATURES)


def test_an_embedding_it_was_not_trained_with_is_left_aside(model: FeatureEntailment) -> None:
    other = FeatureEntailment(HashedVectors())
    assert other.name == model.name
    assert other.judge([(CLAIM, FOR)]) == model.judge([(CLAIM, FOR)])


def test_minilm_adds_nearness_and_shows_in_the_name(model: FeatureEntailment) -> None:
    pytest.importorskip("openvino")
    near = FeatureEntailment(MiniLM())
    assert near.name.startswith(model.name + "+all-MiniLM")
    paraphrase = "Acetylsalicylic acid lowered cerebral infarction rates."
    assert near.judge([(CLAIM, paraphrase)])[0].neutral < near.judge([(CLAIM, OTHER)])[0].neutral


def test_weights_for_other_features_are_refused() -> None:
    weights = packaged_weights()
    weights["models"]["plain"]["features"][0] = "renamed"
    with pytest.raises(StoreDamagedError):
        FeatureEntailment(weights=weights)


def test_the_weights_hold_numbers_and_feature_names_alone() -> None:
    weights = packaged_weights()
    assert len(json.dumps(weights)) < 200_000
    for layer in weights["models"].values():
        assert set(layer) == {"features", "mean", "scale", "coefficients", "intercept"}
        assert set(layer["features"]) <= {*FEATURES, "nearness"}


def test_models_are_chosen_by_name() -> None:
    assert isinstance(entailment_by_name("features"), FeatureEntailment)
    with pytest.raises(BadInputError, match="nonesuch") as caught:
        entailment_by_name("nonesuch")
    assert "features" in caught.value.expected


@pytest.mark.real
def test_training_without_its_embedding_gives_the_packaged_weights(data_dir: Path) -> None:
    from consilience.models.training.features import Study
    from consilience.models.training.sets import clinifact, evidence_inference, scifact

    sets = {
        "scifact": scifact(data_dir),
        "clinifact": clinifact(data_dir),
        "evidence_inference": evidence_inference(data_dir),
    }
    trained = Study(sets, None).train(list(sets))
    stored = packaged_weights()["models"]["plain"]
    assert trained["features"] == stored["features"]
    for ours, theirs in zip(trained["coefficients"], stored["coefficients"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
