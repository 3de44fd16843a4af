"""Processes that do pieces of one job, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import isqrt, sqrt

import pytest

from consilience.corpora.workers import WorkerDiedError, Workers, cores


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_pieces(count: int) -> None:
    with Workers(count) as workers:
        assert list(workers.map(isqrt, (n * n for n in range(50)))) == list(range(50))
        assert list(workers.map(isqrt, ())) == []


def test_no_more_pieces_are_asked_for_than_keep_the_workers_busy() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[int]:
        for n in range(1000):
            asked.append(n)
            yield n

    with Workers(2) as workers:
        results = workers.map(isqrt, pieces())
        next(results)
        assert len(asked) < 10
        assert len(list(results)) == 999


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_the_function_is_raised_here_and_the_workers_go_on(count: int) -> None:
    with Workers(count) as workers:
        with pytest.raises(ValueError, match="math domain"):
            list(workers.map(sqrt, (1.0, -1.0, 4.0)))
        assert list(workers.map(sqrt, (9.0,))) == [3.0]


def test_an_error_of_the_pieces_is_raised_too() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    with Workers(2) as workers, pytest.raises(LookupError):
        list(workers.map(isqrt, pieces()))


def test_a_worker_that_dies_is_an_error_and_another_takes_its_place() -> None:
    with Workers(2) as workers:
        with pytest.raises(WorkerDiedError) as died:
            list(workers.map(os._exit, (1,), where="some.xml.gz"))
        assert died.value.where == "some.xml.gz"
        assert list(workers.map(isqrt, (16, 25))) == [4, 5]


def test_what_a_worker_prints_does_not_mix_with_its_answers() -> None:
    with Workers(2) as workers:
        assert list(workers.map(print, ("one", "two"))) == [None, None]


def test_there_is_a_core_to_work_on() -> None:
    assert cores() >= 1
    assert Workers().count >= 1
