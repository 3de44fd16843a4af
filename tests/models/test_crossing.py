from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.models import Judgement
from consilience.models.crossing import LABELS, CrossEncoder, Pieces, is_at_hand, packaged_weights
from consilience.models.embedding import MiniLM
from consilience.models.entailment import FeatureEntailment, Joined, default_entailment, entailment_by_name
from consilience.models.plain import HashedVectors

pytestmark = pytest.mark.skipif(not is_at_hand(), reason="needs the extra `models` and its data packages")

# Claims of ours, each with a sentence that bears it out and one that denies it.
SENSE = [
    ("Drug A reduces relapse.", "Drug A reduced relapse.", "Drug A did not reduce relapse."),
    (
        "Does walking improve sleep in adults?",
        "Walking improved sleep in adults.",
        "Walking did not improve sleep in adults.",
    ),
    (
        "Zinc shortens the common cold.",
        "The common cold was shorter with zinc than with placebo.",
        "The duration of the common cold did not differ between zinc and placebo.",
    ),
    (
        "Is early surgery associated with fewer infections?",
        "Early surgery was associated with fewer infections.",
        "Early surgery was not associated with fewer infections.",
    ),
    (
        "Caffeine increases blood pressure.",
        "Blood pressure rose significantly after caffeine (P < 0.001).",
        "Blood pressure fell after caffeine.",
    ),
    (
        "Does the vaccine prevent pneumonia?",
        "These results show that the vaccine prevents pneumonia.",
        "These results show that the vaccine does not prevent pneumonia.",
    ),
    (
        "Massage relieves back pain.",
        "Massage significantly relieved back pain compared with usual care.",
        "Massage was no better than usual care for back pain.",
    ),
    (
        "Is yoga safe during pregnancy?",
        "Yoga appears to be safe during pregnancy.",
        "Yoga was not safe during pregnancy.",
    ),
    (
        "Serum urate predicts mortality.",
        "Serum urate was an independent predictor of mortality.",
        "Serum urate was not a predictor of mortality.",
    ),
    (
        "Can music lower anxiety before surgery?",
        "Music lowered anxiety before surgery.",
        "Music had no effect on anxiety before surgery.",
    ),
    (
        "Statins affect muscle strength.",
        "Statins affected muscle strength in both groups.",
        "Statins did not affect muscle strength.",
    ),
    (
        "Telephone reminders improve attendance.",
        "Attendance improved with telephone reminders.",
        "Attendance did not improve with telephone reminders.",
    ),
]
OTHER = "Cataract extraction was performed under local anaesthesia in 120 eyes."


@pytest.fixture(scope="module")
def model() -> CrossEncoder:
    return CrossEncoder()


def pairs() -> list[tuple[str, str]]:
    return [(claim, text) for claim, *texts in SENSE for text in (*texts, " ".join(texts), OTHER)]


def bits(found: Sequence[Judgement]) -> list[tuple[str, str, str]]:
    return [(one.supports.hex(), one.refutes.hex(), one.neutral.hex()) for one in found]


def verdict(judgement: Judgement) -> str:
    return max(LABELS, key=lambda label: float(getattr(judgement, label)))


@pytest.mark.parametrize(("claim", "proof", "denial"), SENSE)
def test_a_finding_supports_and_its_denial_far_less(model: CrossEncoder, claim: str, proof: str, denial: str) -> None:
    on_proof, on_denial = model.judge([(claim, proof), (claim, denial)])
    assert verdict(on_proof) == "supports"
    assert on_denial.supports < on_proof.supports - 0.2 and on_denial.refutes > on_proof.refutes + 0.2


def test_denials_refute(model: CrossEncoder) -> None:
    found = model.judge([(claim, denial) for claim, _, denial in SENSE])
    # It is a small model: one slip in a dozen is known, and more would be a worse one.
    assert sum(verdict(one) == "refutes" for one in found) >= len(SENSE) - 1


def test_a_sentence_about_something_else_is_neutral(model: CrossEncoder) -> None:
    found = model.judge([(claim, OTHER) for claim, _, _ in SENSE])
    assert sum(verdict(one) == "neutral" for one in found) >= len(SENSE) - 1


def test_a_denied_claim_turns_the_judgement(model: CrossEncoder) -> None:
    proof, denial = "Drug A reduced relapse.", "Drug A did not reduce relapse."
    on_proof, on_denial = model.judge([("Drug A does not reduce relapse.", text) for text in (proof, denial)])
    assert on_denial.supports > on_proof.supports
    assert on_proof.refutes > on_denial.refutes


def test_a_judgement_depends_on_neither_its_batch_nor_its_place(model: CrossEncoder) -> None:
    asked = pairs()
    alone = [CrossEncoder.judge(model, [pair])[0] for pair in asked]
    shuffled = random.Random(5).sample(range(len(asked)), len(asked))
    found = CrossEncoder().judge([asked[place] for place in shuffled])
    assert bits(found) == bits([alone[place] for place in shuffled])


def test_threads_may_share_a_model(model: CrossEncoder) -> None:
    expected = bits(model.judge(pairs()))
    fresh = CrossEncoder()
    with ThreadPoolExecutor(4) as pool:
        assert all(bits(found) == expected for found in pool.map(lambda _: fresh.judge(pairs()), range(6)))


def test_a_pair_judged_before_is_not_judged_again(model: CrossEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model.judge(pairs())

    def never(_: object) -> None:
        raise AssertionError

    monkeypatch.setitem(model.__dict__, "_infer", never)
    assert model.judge(pairs()) == before


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consilience.models.crossing._REMEMBERED", 3)
    bounded = CrossEncoder()
    found = bounded.judge(pairs()[:6])
    assert len(bounded._known) == 3
    assert bits(bounded.judge(pairs()[:6])) == bits(found)


def test_texts_of_any_kind_are_judged(model: CrossEncoder) -> None:
    long = "word " * 50_000
    for judgement in model.judge([("", ""), (long, OTHER), ("Does it help?", long), ("\ud800", "\x00"), (long, long)]):
        assert math.isclose(judgement.supports + judgement.refutes + judgement.neutral, 1)
    assert model.judge([]) == []


def test_a_long_claim_leaves_room_for_the_evidence() -> None:
    ids, second = Pieces().joined("word " * 1000, "other " * 1000)
    assert (len(ids), second) == (512, 130)
    ids, second = Pieces().joined("a b", "c")
    assert (len(ids), second) == (6, 4)


def test_onnx_runtime_judges_alike(model: CrossEncoder) -> None:
    pytest.importorskip("onnxruntime")
    exact, other = CrossEncoder(precision="f32"), CrossEncoder(engine="onnxruntime")
    assert other.name == exact.name and exact.name.endswith("/f32")
    for ours, theirs in zip(exact.judge(pairs()), other.judge(pairs()), strict=True):
        assert abs(ours.supports - theirs.supports) < 1e-4 and abs(ours.refutes - theirs.refutes) < 1e-4
    for ours, theirs in zip(exact.judge(pairs()), model.judge(pairs()), strict=True):
        assert abs(ours.supports - theirs.supports) < 0.1 and abs(ours.refutes - theirs.refutes) < 0.1


def test_the_card_and_its_figures_are_of_these_weights(model: CrossEncoder) -> None:
    file = packaged_weights()
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.stat().st_size <= 25 * 2**20
    assert model.name.startswith(f"minilm/{found[:12]}/")
    assert found in file.with_suffix(".md").read_text(encoding="utf-8")
    assert json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["sha256"] == found


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        (
            "Does velorine reduce mortality in ward patients?",
            "Velorine reduced mortality in ward patients by 40 percent.",
        ),
        ("Does velorine reduce mortality?", "Velorine reduced mortality in surgical patients by more than 40%."),
        ("Is velorine associated with lower mortality?", "Velorine was associated with a 12% lower mortality."),
    ],
)
def test_how_much_a_finding_measured_does_not_contradict_a_claim_without_numbers(claim: str, evidence: str) -> None:
    (told,) = entailment_by_name("minilm").judge([(claim, evidence)])
    assert told.supports > 0.5
    denied = entailment_by_name("minilm").judge([(claim, evidence.replace("reduced", "did not reduce")
                                                  .replace("was associated", "was not associated"))])[0]  # fmt: skip
    assert denied.refutes > 0.5


def test_joined_judgements_depend_on_neither_batch_nor_order() -> None:
    judge = entailment_by_name("minilm")
    pairs = [("Does velorine ease pain?", f"Velorine eased pain in {n} patients.") for n in (3, 30, 300)]
    assert judge.judge(pairs[::-1])[::-1] == judge.judge(pairs) == [judge.judge([pair])[0] for pair in pairs]
    assert judge.judge([]) == []
    assert all(abs(one.supports + one.refutes + one.neutral - 1) < 1e-9 for one in judge.judge(pairs))


def test_it_is_the_default_where_vectors_are_learned_and_not_where_they_are_hashed() -> None:
    assert default_entailment(MiniLM()) == "minilm"
    assert default_entailment(HashedVectors()) == "features"
    assert isinstance(entailment_by_name("minilm"), Joined)


def test_without_an_engine_the_features_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consilience.models.engines.find_spec", lambda name: None)
    assert default_entailment(None) == "features"
    assert isinstance(entailment_by_name(default_entailment(None)), FeatureEntailment)


def test_a_file_that_is_no_model_is_told_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="broken"):
        CrossEncoder(broken).judge([("a", "b")])
    with pytest.raises(BadInputError, match="absent"):
        CrossEncoder(tmp_path / "absent.onnx")
