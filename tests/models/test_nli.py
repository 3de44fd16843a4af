"""A model of natural language inference by name, with a BERT of random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from consilience.errors import BadInputError
from consilience.models.encoders import digest
from consilience.models.entailment import entailment_by_name

PAIRS = [
    ("aspirin prevents stroke", "a trial"),
    ("a trial", "aspirin prevents stroke in a trial"),
    ("stroke", "stroke"),
]
LABELS = ("contradiction", "entailment", "neutral")


@pytest.fixture(scope="module", autouse=True)
def offline() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


def judging(folder: Path, labels: tuple[str, ...]) -> Path:
    pytest.importorskip("sentence_transformers")
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"aspirin prevents stroke in a trial".split()]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    torch.manual_seed(1)
    BertForSequenceClassification(BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5, id2label=dict(enumerate(labels)),
    )).save_pretrained(folder)  # fmt: skip
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judging(tmp_path_factory.mktemp("models") / "nli", LABELS)


def test_a_model_of_a_folder_judges_each_pair_the_same_in_any_batch(model: Path) -> None:
    judge = entailment_by_name(f"transformers:{model}@{digest(model)}")
    found = judge.judge(PAIRS)
    assert judge.name == f"transformers:nli@{digest(model)[:12]}"
    assert found == [judge.judge([pair])[0] for pair in PAIRS]
    assert len({one.supports for one in found}) == 3
    assert all(math.isclose(one.supports + one.refutes + one.neutral, 1) for one in found)
    assert judge.judge([]) == []


def test_the_labels_say_which_score_is_which(model: Path, tmp_path: Path) -> None:
    turned = judging(tmp_path / "turned", ("ENTAILMENT", "CONTRADICTION", "NEUTRAL"))
    ours = entailment_by_name(f"transformers:{model}@{digest(model)}").judge(PAIRS)
    theirs = entailment_by_name(f"transformers:{turned}@{digest(turned)}").judge(PAIRS)
    for one, other in zip(ours, theirs, strict=True):
        assert math.isclose(one.supports, other.refutes) and math.isclose(one.refutes, other.supports)


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c"), (*LABELS, "unsure")])
def test_a_model_with_other_labels_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    other = judging(tmp_path / "other", labels)
    with pytest.raises(BadInputError, match="has the labels"):
        entailment_by_name(f"transformers:{other}@{digest(other)}").judge(PAIRS)


def test_a_model_without_its_pin_is_refused(model: Path) -> None:
    with pytest.raises(BadInputError, match="pinned") as caught:
        entailment_by_name(f"transformers:{model}")
    assert caught.value.where == "entailment.revision"


def test_a_damaged_model_is_told_in_a_sentence(tmp_path: Path) -> None:
    broken = judging(tmp_path / "broken", LABELS)
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="cannot be loaded") as caught:
        entailment_by_name(f"transformers:{broken}@{digest(broken)}").judge(PAIRS)
    assert "\n" not in caught.value.message
