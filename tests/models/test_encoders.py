from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.models.embedding import embedding_by_name
from consilience.models.encoders import Encoder, SentenceTransformers, digest

TEXTS = ["aspirin prevents stroke", "cataract surgery", "a trial of aspirin in adults with stroke"]
WORDS = "aspirin prevents stroke cataract surgery a trial of in adults with query passage :".split()


@pytest.fixture(scope="module", autouse=True)
def offline() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip("sentence_transformers")


def bert(folder: Path, seed: int, width: int = 32) -> Path:
    """A BERT of random weights and a vocabulary of whole words, which does not say how to pool: so is MedCPT."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    torch.manual_seed(seed)
    model = BertModel(BertConfig(
        vocab_size=len(pieces), hidden_size=width, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5,
    ))  # fmt: skip
    model.save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def article(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("models") / "article", 1)


@pytest.fixture(scope="module")
def query(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("models") / "query", 2)


@pytest.fixture(scope="module")
def published(library: Any, article: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as sentence-transformers publishes one: with its pooling and its prompts."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("models") / "published"
    SentenceTransformer(str(article), prompts={"query": "query : ", "document": "passage : "}).save(str(folder))
    return folder


def pinned(folder: Path, **more: Any) -> SentenceTransformers:
    return SentenceTransformers(
        Encoder(**{"model": str(folder), "revision": digest(folder)[:12], "device": "cpu", **more})
    )


def states(folder: Path, text: str, most: int = 64) -> np.ndarray[Any, Any]:
    """The last hidden states of one text, by transformers alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    given = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt", truncation=True, max_length=most)
    with torch.no_grad():
        found: np.ndarray[Any, Any] = AutoModel.from_pretrained(folder).eval()(**given).last_hidden_state[0].numpy()
    return found


def unit(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(vector / np.linalg.norm(vector))


def test_the_first_token_pooled_is_what_transformers_gives(article: Path) -> None:
    found = pinned(article, pooling="cls", normalize=False).encode(TEXTS)
    assert found.shape == (3, 32)
    assert found.dtype == np.float32
    assert np.allclose(found, [states(article, text)[0] for text in TEXTS], atol=1e-5)
    assert not np.allclose(np.linalg.norm(found, axis=1), 1, atol=0.1)


def test_the_mean_pooled_and_normalised_is_what_transformers_gives(article: Path) -> None:
    found = pinned(article, pooling="mean").encode(TEXTS)
    assert np.allclose(found, [unit(states(article, text).mean(axis=0)) for text in TEXTS], atol=1e-5)


def test_pooling_named_overrides_the_published_one(published: Path) -> None:
    found = pinned(published, pooling="cls", passage_prompt="").encode(TEXTS)
    assert np.allclose(found, [unit(states(published, text)[0]) for text in TEXTS], atol=1e-5)


def test_passages_and_queries_have_their_own_encoders(article: Path, query: Path) -> None:
    both = pinned(article, pooling="cls", normalize=False, query_model=str(query), query_revision=digest(query)[:12])
    assert np.allclose(both.encode(TEXTS[:1])[0], states(article, TEXTS[0])[0], atol=1e-5)
    assert np.allclose(both.encode_query(TEXTS[0]), states(query, TEXTS[0])[0], atol=1e-5)
    assert not np.allclose(both.encode_query(TEXTS[0]), both.encode(TEXTS[:1])[0], atol=0.1)


def test_two_encoders_of_different_width_are_refused(article: Path, library: Any, tmp_path: Path) -> None:
    wide = bert(tmp_path / "wide", 3, width=48)
    both = pinned(article, pooling="cls", query_model=str(wide), query_revision=digest(wide)[:12])
    with pytest.raises(BadInputError, match="48 numbers and the passage model 32"):
        both.encode_query(TEXTS[0])


def test_prompts_stand_before_what_they_are_for(article: Path) -> None:
    prompted = pinned(article, pooling="mean", query_prompt="query : ", passage_prompt="passage : ")
    assert np.allclose(
        prompted.encode_query(TEXTS[0]), unit(states(article, f"query : {TEXTS[0]}").mean(axis=0)), atol=1e-5
    )
    assert np.allclose(
        prompted.encode(TEXTS[:1])[0], unit(states(article, f"passage : {TEXTS[0]}").mean(axis=0)), atol=1e-5
    )


def test_published_prompts_apply_until_others_are_named(article: Path, published: Path) -> None:
    own, named = pinned(published), pinned(published, query_prompt="", passage_prompt="")
    assert np.allclose(own.encode_query(TEXTS[0]), unit(states(article, f"query : {TEXTS[0]}").mean(axis=0)), atol=1e-5)
    assert np.allclose(own.encode(TEXTS[:1]), unit(states(article, f"passage : {TEXTS[0]}").mean(axis=0)), atol=1e-5)
    assert np.allclose(named.encode_query(TEXTS[0]), unit(states(article, TEXTS[0]).mean(axis=0)), atol=1e-5)
    assert np.allclose(named.encode(TEXTS[:1]), unit(states(article, TEXTS[0]).mean(axis=0)), atol=1e-5)


def test_only_so_many_tokens_are_read(article: Path) -> None:
    long = " ".join(WORDS * 2)
    found = pinned(article, pooling="mean", max_tokens=8).encode([long])[0]
    assert np.allclose(found, unit(states(article, long, 8).mean(axis=0)), atol=1e-5)
    assert np.isfinite(pinned(article, pooling="mean").encode(["aspirin " * 5000])).all()


def test_more_tokens_than_the_model_has_places_for_are_refused(article: Path) -> None:
    with pytest.raises(BadInputError, match="no more than 64 tokens"):
        pinned(article, pooling="mean", max_tokens=65).encode(TEXTS)


def test_half_precision_is_near_and_has_another_name(article: Path) -> None:
    exact, coarse = pinned(article, pooling="mean"), pinned(article, pooling="mean", precision="bfloat16")
    assert (exact.encode(TEXTS) * coarse.encode(TEXTS)).sum(axis=1).min() > 0.99
    assert coarse.encode(TEXTS).dtype == np.float32
    assert exact.name != coarse.name


def test_no_texts_give_no_vectors(article: Path) -> None:
    embedding = pinned(article, pooling="mean")
    assert embedding.encode([]).shape == (0, 32)
    assert embedding.dimension == 32


def test_the_name_tells_apart_whatever_shapes_the_vectors(article: Path, query: Path) -> None:
    of_query = {"query_model": str(query), "query_revision": digest(query)[:12]}
    kinds: list[dict[str, Any]] = [
        {"pooling": "cls"}, {"pooling": "mean"}, {"pooling": "cls", "normalize": False}, {"pooling": "cls", **of_query},
        {"pooling": "cls", "passage_prompt": "passage : "}, {"pooling": "cls", "max_tokens": 16},
    ]  # fmt: skip
    assert len({pinned(article, **kind).name for kind in kinds}) == len(kinds)
    assert pinned(article, pooling="cls").name.startswith(f"sentence-transformers:article@{digest(article)[:12]}/")


def test_the_name_keeps_the_vectors_when_only_questions_or_machines_change(article: Path) -> None:
    kinds: list[dict[str, Any]] = [{}, {"query_prompt": "query : "}, {"batch": 2}, {"device": "auto"}]
    assert len({pinned(article, pooling="cls", **kind).name for kind in kinds}) == 1


def test_other_weights_under_one_name_are_refused(article: Path, query: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(article, tmp_path / "model")
    pin = digest(moved)[:12]
    assert pin == digest(article)[:12]
    shutil.copyfile(query / "model.safetensors", moved / "model.safetensors")
    with pytest.raises(BadInputError, match="other than the one pinned") as caught:
        SentenceTransformers(Encoder(model=str(moved), revision=pin, pooling="cls"))
    assert digest(moved)[:12] in caught.value.expected


def test_a_model_without_a_pin_is_refused_with_the_pin_it_has(article: Path) -> None:
    with pytest.raises(BadInputError, match="not pinned") as caught:
        SentenceTransformers(Encoder(model=str(article)))
    assert digest(article)[:12] in caught.value.expected
    with pytest.raises(BadInputError, match="not pinned to a commit") as caught:
        SentenceTransformers(Encoder(model="nobody/nothing", revision="0123456789ab"))
    assert "40 hexadecimal digits" in caught.value.expected


def test_a_model_that_is_nowhere_is_told_in_a_sentence(library: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="neither in the cache nor"):
        SentenceTransformers(Encoder(model="nobody/nothing", revision="0" * 40))
    with pytest.raises(BadInputError, match="there is no model in"):
        SentenceTransformers(Encoder(model=str(tmp_path / "absent"), revision="0" * 40))


def test_a_commit_in_the_cache_is_loaded_without_a_network(
    article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(article, tmp_path / "models--nobody--tiny" / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    cached = SentenceTransformers(Encoder(model="nobody/tiny", revision=commit, pooling="cls"))
    assert cached.name.startswith("sentence-transformers:nobody/tiny@0123456789ab/")
    assert np.allclose(cached.encode(TEXTS), pinned(article, pooling="cls").encode(TEXTS), atol=1e-6)


def test_a_model_that_does_not_say_how_it_pools_is_refused(article: Path) -> None:
    with pytest.raises(BadInputError, match="does not say how") as caught:
        pinned(article).encode(TEXTS)
    assert "cls" in caught.value.expected


def test_code_that_comes_with_a_model_is_never_run(published: Path, tmp_path: Path) -> None:
    hostile, mark = shutil.copytree(published, tmp_path / "hostile"), tmp_path / "ran"
    (hostile / "own.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own: pass\n")
    modules = json.loads((hostile / "modules.json").read_text())
    modules[1]["type"] = "own.Own"
    (hostile / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInputError, match="cannot be loaded"):
        pinned(hostile).encode(TEXTS)
    shutil.copyfile(published / "modules.json", hostile / "modules.json")
    described = json.loads((hostile / "config.json").read_text())
    described["auto_map"], described["model_type"] = {"AutoConfig": "own.Own", "AutoModel": "own.Own"}, "own"
    (hostile / "config.json").write_text(json.dumps(described))
    with pytest.raises(BadInputError, match="cannot be loaded"):
        pinned(hostile).encode(TEXTS)
    assert not mark.exists()


def test_a_damaged_model_is_told_in_a_sentence(article: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(article, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="cannot be loaded") as caught:
        pinned(broken, pooling="cls").encode(TEXTS)
    assert "\n" not in caught.value.message


def test_a_vector_that_is_no_number_is_refused(article: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(article, tmp_path / "broken")
    weights = {name: np.full_like(each, np.nan) for name, each in load_file(broken / "model.safetensors").items()}
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInputError, match="no number"):
        pinned(broken, pooling="cls").encode(TEXTS)
    with pytest.raises(BadInputError, match="no number"):
        pinned(broken, pooling="cls").encode_query(TEXTS[0])


def test_a_missing_library_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(BadInputError, match="not installed") as caught:
        SentenceTransformers(Encoder(model="nobody/nothing"))
    assert "consilience[encoders]" in caught.value.expected


def test_a_gpu_that_is_not_there_is_refused(article: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BadInputError, match="no GPU"):
        pinned(article, pooling="cls", device="cuda").encode(TEXTS)


@pytest.mark.gpu
def test_a_gpu_gives_the_vectors_of_the_processor(article: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    there, here = pinned(article, pooling="mean", device="cuda"), pinned(article, pooling="mean", device="cpu")
    assert there.name == here.name
    assert np.allclose(there.encode(TEXTS), here.encode(TEXTS), atol=1e-4)


def test_a_short_name_stands_for_a_published_model(published: Path) -> None:
    named = embedding_by_name(f"sentence-transformers:{published}@{digest(published)[:12]}")
    assert named.name == pinned(published).name
    with pytest.raises(BadInputError, match="'main' is not the revision"):
        embedding_by_name("sentence-transformers:nobody/nothing@main")


def test_threads_share_one_model(article: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    embedding = pinned(article, pooling="mean")
    alone = [embedding.encode_query(text) for text in TEXTS]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(embedding.encode_query, TEXTS * 10))
    assert np.allclose(together, alone * 10, atol=1e-6)
