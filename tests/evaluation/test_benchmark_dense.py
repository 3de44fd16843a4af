"""The benchmark of vectors measures what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilience.evaluation.benchmark_dense import KINDS, grown, measure, measured, questions, stored
from consilience.indexes.profile import DenseProfile
from consilience.models.plain import HashedVectors
from tests.making import TinyHome, paper


def test_every_kind_is_measured_beside_exact_search(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *(paper(n, f"Velorine and zinc in group {n}") for n in range(1, 40)), known=0)
    home.index()
    vectors = stored(home.rooms.root, HashedVectors())
    assert vectors.shape == (39, 256)
    told = measure(vectors, questions(None, HashedVectors(), vectors), [39], ["flat"])
    [size] = told["sizes"]
    flat = size["kinds"]["flat"]
    assert (size["vectors"], size["synthetic"]) == (39, False)
    assert flat["recall@10"] == flat["recall@100"] == flat["filtered"]["0.05"]["recall@10"] == 1.0
    assert (
        flat["kind"] == "flat" and flat["p50_to_flat"] == 1.0 and flat["bytes"] > 39 * 1024 and flat["over_faiss"] > 0
    )


def test_an_approximate_kind_is_measured_where_there_is_enough_to_train_on(tmp_path: Path) -> None:
    real = np.random.default_rng(1).normal(size=(300, 16)).astype(np.float32)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    vectors = grown(real, 1500)
    assert vectors.shape == (1500, 16) and (vectors[:300] == real).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "queries.npy", real[:20])
    for kind in KINDS:
        told = measured(tmp_path, kind, DenseProfile(least=500, narrow=10))
        assert told["kind"] == kind
        assert told["recall@10"] >= 0.9 and told["update_bytes"] < told["bytes"] / 3
