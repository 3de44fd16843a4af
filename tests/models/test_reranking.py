"""Cross-encoders, with a BERT of random weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.models.encoders import digest
from consilience.models.reranking import reranker_by_name

TEXTS = ["aspirin prevents stroke", "cataract surgery", "a trial"]


@pytest.fixture(scope="module", autouse=True)
def offline() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


def crossing(folder: Path, labels: int) -> Path:
    pytest.importorskip("sentence_transformers")
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *" ".join(TEXTS).split()]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    torch.manual_seed(1)
    BertForSequenceClassification(BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5, num_labels=labels,
    )).save_pretrained(folder)  # fmt: skip
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crossing(tmp_path_factory.mktemp("models") / "cross", 1)


def test_each_text_has_a_score_that_depends_on_the_query_and_threads_share_the_model(model: Path) -> None:
    reranker = reranker_by_name(f"cross-encoder:{model}@{digest(model)}")
    alone = reranker.scores("aspirin", TEXTS)
    assert alone.shape == (3,) and len(set(alone.tolist())) == 3
    assert not np.allclose(alone, reranker.scores("surgery", TEXTS))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: reranker.scores("aspirin", TEXTS), range(12)):
            assert np.array_equal(found, alone)
    assert reranker.name == f"cross-encoder:cross@{digest(model)[:12]}"


@pytest.mark.parametrize("pin", ["", "@" + "0" * 64])
def test_a_model_without_a_pin_or_with_another_is_refused_with_the_one_it_has(model: Path, pin: str) -> None:
    with pytest.raises(BadInputError, match="pinned") as caught:
        reranker_by_name(f"cross-encoder:{model}{pin}")
    assert caught.value.where == "rerank.revision" and digest(model)[:12] in caught.value.expected


def test_a_model_with_several_labels_is_refused_when_it_is_asked(tmp_path: Path) -> None:
    several = crossing(tmp_path / "several", 3)
    with pytest.raises(BadInputError, match="several scores"):
        reranker_by_name(f"cross-encoder:{several}@{digest(several)}").scores("aspirin", TEXTS)


def test_a_damaged_model_is_told_in_a_sentence(model: Path, tmp_path: Path) -> None:
    broken = crossing(tmp_path / "broken", 1)
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="cannot be loaded") as caught:
        reranker_by_name(f"cross-encoder:{broken}@{digest(broken)}").scores("aspirin", TEXTS)
    assert "\n" not in caught.value.message
