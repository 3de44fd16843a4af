from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from consilience.batches import Engine, FailedBatchError, map_batches
from consilience.errors import BadInputError
from consilience.models.embedding import embedding_by_name
from tests.working import Doubling, encoder, making, nothing_to_make

BATCHES = [[number, number + 100] for number in range(12)]


ROOT = str(Path(__file__).parents[1])


@pytest.fixture(autouse=True)
def workers_can_import_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, started as a user would have it but smaller."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 << 20,
            _node_ip_address="127.0.0.1",
            runtime_env={"env_vars": {"PYTHONPATH": ROOT}},
        )  # fmt: skip
        yield
        ray.shutdown()


@pytest.fixture(params=["local", "processes", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "ray":
        request.getfixturevalue("cluster")
        return Engine(name="ray", workers=2)
    return Engine(workers=2 if request.param == "processes" else 1)


# Starting the workers of Ray takes seconds: what no engine does in a way of its own is tried without it.
@pytest.fixture(params=[1, 2])
def nearby(request: pytest.FixtureRequest) -> Engine:
    return Engine(workers=request.param)


def test_results_come_in_order_from_models_made_once_by_each_worker(engine: Engine, tmp_path: Path) -> None:
    found = list(map_batches(making(tmp_path), BATCHES * 2, engine))
    assert [doubled for _, doubled in found] == [[2 * number for number in batch] for batch in BATCHES * 2]
    workers = {process for process, _ in found}
    made = [path.name.partition("-")[0] for path in tmp_path.iterdir()]
    assert len(made) == len(set(made)) <= engine.workers
    assert {str(process) for process in workers} == set(made)
    assert (os.getpid() in workers) == (engine == Engine())


def test_few_batches_are_held_at_any_time(engine: Engine, tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[list[int]]:
        nonlocal taken
        while True:
            taken += 1
            yield [taken + 1000]

    results = map_batches(making(tmp_path), endless(), engine)
    for _ in range(10):
        next(results)
    results.close()  # type: ignore[attr-defined]
    assert taken <= 10 + 4 * engine.workers


def test_no_batches_have_no_results_and_make_no_model(engine: Engine, tmp_path: Path) -> None:
    assert list(map_batches(making(tmp_path), [], engine)) == []
    assert not list(tmp_path.iterdir())


def test_a_failure_names_its_batch_after_what_was_done_before(engine: Engine, tmp_path: Path) -> None:
    results = map_batches(making(tmp_path), [[1], [2], [13], [4]], engine)
    assert [next(results)[1], next(results)[1]] == [[2], [4]]
    with pytest.raises(FailedBatchError, match="batch 2 failed: ValueError: thirteen"):
        next(results)


def test_one_of_our_errors_comes_back_whole(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fourteen") as caught:
        list(map_batches(making(tmp_path), [[1], [14]], engine))
    assert (caught.value.where, caught.value.expected) == ("batch", "another number")
    assert any("in batch 1" in note for note in caught.value.__notes__)


def test_a_model_that_cannot_be_made_is_told(nearby: Engine) -> None:
    with pytest.raises(BadInputError, match="the model is not there"):
        list(map_batches(nothing_to_make, BATCHES, nearby))


def test_what_fails_while_batches_are_read_is_raised(engine: Engine, tmp_path: Path) -> None:
    def broken() -> Iterator[list[int]]:
        yield [1]
        raise KeyError("shard 7")

    with pytest.raises(KeyError, match="shard 7"):
        list(map_batches(making(tmp_path), broken(), engine))


def test_batches_larger_than_a_pipe_pass_both_ways(tmp_path: Path) -> None:
    large = [[number + 1000] * 200_000 for number in range(4)]
    found = list(map_batches(making(tmp_path), large, Engine(workers=2)))
    assert [len(doubled) for _, doubled in found] == [200_000] * 4


def test_embeddings_are_the_same_in_other_processes(nearby: Engine) -> None:
    texts = [[f"aspirin trial {n}", f"stroke {n}"] for n in range(5)]
    found = list(map_batches(partial(encoder, "hashed"), texts, nearby))
    assert np.vstack(found).tobytes() == embedding_by_name("hashed").encode(list(chain(*texts))).tobytes()


def test_a_process_that_ends_is_told(tmp_path: Path) -> None:
    with pytest.raises(FailedBatchError, match="batch 1 failed: its process ended"):
        list(map_batches(making(tmp_path), [[1], [15], [3], [4]], Engine(workers=2)))


def test_a_process_that_ends_between_two_batches_is_told(tmp_path: Path) -> None:
    def batches() -> Iterator[list[int]]:
        yield from ([1], [2])
        for process in multiprocessing.active_children():
            process.kill()
            process.join()
        yield from ([3], [4])

    with pytest.raises(FailedBatchError, match="its process ended"):
        list(map_batches(making(tmp_path), batches(), Engine(workers=2)))


def test_without_ray_the_engine_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInputError, match="not installed") as caught:
        list(map_batches(making(tmp_path), BATCHES, Engine(name="ray")))
    assert "consilience[cluster]" in caught.value.expected


def test_an_engine_is_described_without_surprises() -> None:
    assert Engine.model_validate({"name": "ray", "workers": 4, "gpus": 0.5}).workers == 4
    for wrong in ({"name": "spark"}, {"workers": 0}, {"nodes": 3}):
        with pytest.raises(ValidationError):
            Engine.model_validate(wrong)


def test_a_model_of_ones_own_needs_only_to_be_made(tmp_path: Path) -> None:
    work = Doubling(tmp_path)
    assert [doubled for _, doubled in map_batches(lambda: work, [[3]])] == [[6]]
