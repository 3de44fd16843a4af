"""A model loaded once for each worker, batches streamed through it: here, in processes of this machine, or on Ray."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from consilience.errors import BadInputError, ConsilienceError

In = TypeVar("In")
Out = TypeVar("Out")

# How many batches a worker of Ray may be ahead of the one who reads: one in work, one waiting, one on its way back.
_AHEAD = 3


class Engine(BaseModel):
    """Where batches are worked on, and by how many workers; `gpus` is what Ray gives each of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["local", "ray"] = "local"
    workers: int = Field(default=1, ge=1, le=1024)
    gpus: float = Field(default=0, ge=0)


class FailedBatchError(RuntimeError):
    """The work on one batch failed, for a reason that is none of ours; the message names the batch, from 0."""


def map_batches(
    make: Callable[[], Callable[[In], Out]], batches: Iterable[In], engine: Engine | None = None
) -> Iterator[Out]:
    """What the made function returns for each batch, in order; few batches are held at any time.

    `make` is called once by each worker. With more than one, or on Ray, it, the batches and the results are pickled.
    One of our own errors comes back as it was, with a note of its batch; any other as a `FailedBatchError`.
    """
    chosen = engine or Engine()
    if chosen.name == "ray":
        results = _on_ray(make, batches, chosen)
    elif chosen.workers > 1:
        results = _in_processes(make, batches, chosen.workers)
    else:
        worker = _Worker(make)
        results = (worker(number, batch) for number, batch in enumerate(batches))
    with contextlib.closing(results):
        for result in results:
            yield result.value if isinstance(result, _Done) else result.throw()


@dataclass(frozen=True, slots=True)
class _Done(Generic[Out]):
    value: Out


@dataclass(frozen=True, slots=True)
class _Failed:
    """What went wrong with one batch, in a form that every engine can send back."""

    batch: int
    why: str
    trace: str = ""
    ours: ConsilienceError | None = None

    def throw(self) -> Any:
        error: Exception = self.ours or FailedBatchError(f"batch {self.batch} failed: {self.why}")
        error.add_note(f"in batch {self.batch}\n{self.trace}".strip())
        raise error


class _Worker(Generic[In, Out]):
    """Makes what it works with at its first batch, and never raises."""

    def __init__(self, make: Callable[[], Callable[[In], Out]]) -> None:
        self._make = make
        self._work: Callable[[In], Out] | None = None

    def __call__(self, number: int, batch: In) -> _Done[Out] | _Failed:
        try:
            self._work = self._work or self._make()
            return _Done(self._work(batch))
        except ConsilienceError as error:
            return _Failed(number, error.message, traceback.format_exc(), error)
        except Exception as error:  # whatever a model does; the caller decides
            return _Failed(number, f"{type(error).__name__}: {error}", traceback.format_exc())


_Results = Iterator[_Done[Out] | _Failed]


def _in_processes(make: Callable[[], Callable[[In], Out]], batches: Iterable[In], count: int) -> Any:
    """Batch n goes to process n modulo `count`, which holds one at a time: so order is kept, and no pipe fills up."""
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    waiting: list[tuple[int, Connection] | None] = [None] * count
    lines: list[Connection] = []
    with contextlib.ExitStack() as stack:
        for number, batch in enumerate(batches):
            place = number % count
            if place == len(lines):
                lines.append(_started(spawn, make, stack))
            earlier = waiting[place]
            result = _received(*earlier) if earlier else None
            if isinstance(result, _Failed):
                yield result
                return
            with contextlib.suppress(ConnectionError):  # told in its turn, when its result is waited for
                lines[place].send((number, batch))
            waiting[place] = (number, lines[place])
            if result is not None:
                yield result
        for pending in sorted((each for each in waiting if each), key=lambda each: each[0]):
            yield _received(*pending)


def _started(spawn: Any, make: Any, stack: contextlib.ExitStack) -> Connection:
    mine, its = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(its, make), daemon=True)
    process.start()
    its.close()
    stack.callback(process.join)
    stack.callback(process.terminate)
    stack.callback(mine.close)
    return mine  # type: ignore[no-any-return]


def _serve(line: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    worker = _Worker(make)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            line.send(worker(*line.recv()))


def _received(number: int, line: Connection) -> Any:
    try:
        return line.recv()
    except (EOFError, OSError):  # between two results, or within one
        return _Failed(number, "its process ended")


def _on_ray(make: Callable[[], Callable[[In], Out]], batches: Iterable[In], engine: Engine) -> Any:
    """Ray Data: one task reads what a thread here feeds, a pool of actors works on it, the results are read here.

    Ray reads ahead as far as its object store goes; the feeder waits for the reader, so that memory stays bounded.
    """
    coming = iter(batches)
    first = list(islice(coming, 1))
    if not first:  # most refreshes have nothing to embed, and need no cluster for it
        return
    ray = _connected()
    from ray.util.queue import Queue

    feed = _Feed(chain(first, coming), Queue(actor_options={"num_cpus": 0}), engine.workers * _AHEAD)
    try:
        feed.start()
        early: dict[int, Any] = {}
        number = 0
        for row in _dataset(ray, make, feed.queue, engine).iter_rows():
            early[row["number"]] = row["result"]
            while number in early:  # actors overtake each other
                feed.room.release()
                yield pickle.loads(early.pop(number))  # noqa: S301 - our own workers made it
                number += 1
        if feed.error is not None:
            raise feed.error
    finally:
        feed.stop()


class _Feed(threading.Thread):
    """Puts numbered batches into the queue while there is room, and None at the end."""

    def __init__(self, batches: Iterable[Any], queue: Any, ahead: int) -> None:
        super().__init__(daemon=True, name="consilience-batches")
        self.queue, self.room = queue, threading.Semaphore(ahead)
        self.error: BaseException | None = None
        self._batches, self._stopped = batches, threading.Event()

    def run(self) -> None:
        try:
            for number, batch in enumerate(self._batches):
                self.room.acquire()
                if self._stopped.is_set():
                    return
                self.queue.put((number, pickle.dumps(batch)))
        except BaseException as error:  # the reader raises it
            self.error = error
        finally:
            with contextlib.suppress(Exception):  # the queue may be gone
                self.queue.put(None)

    def stop(self) -> None:
        """End the thread and the queue, whatever is still in them."""
        self._stopped.set()
        self.room.release()
        self.join(timeout=10)
        with contextlib.suppress(Exception):
            self.queue.shutdown(force=True)


def _connected() -> Any:
    """Ray, connected to the cluster that RAY_ADDRESS names or started on this machine alone; it tells nobody."""
    try:
        ray: Any = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise BadInputError(
            "the engine ray needs the library Ray, which is not installed",
            where="dense.engine", expected="pip install 'consilience[cluster]', or the engine local",
        ) from error  # fmt: skip
    if not ray.is_initialized():
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        address = os.environ.get("RAY_ADDRESS", "local")
        alone = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == "local" else {}
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **alone)
    return ray


def _dataset(ray: Any, make: Any, queue: Any, engine: Engine) -> Any:
    context = ray.data.DataContext.get_current().copy()
    # A batch is a block, however small: blocks put together would wait for each other and go to one worker.
    context.target_max_block_size = context.target_min_block_size = 1
    context.enable_progress_bars = False
    with ray.data.DataContext.current(context):
        # Read once: a second reading would miss what the first took from the queue.
        read = ray.data.read_datasource(_source(queue), override_num_blocks=1, num_cpus=0, max_retries=0)
        return read.map_batches(
            _Actor, fn_constructor_args=(make,), batch_size=None, batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=engine.workers), num_cpus=1, num_gpus=engine.gpus or None,
        )  # fmt: skip


class _Actor:
    """A worker as Ray Data wants one: tables in, tables out."""

    def __init__(self, make: Any) -> None:
        self._worker: _Worker[Any, Any] = _Worker(make)

    def __call__(self, table: Any) -> Any:
        import pyarrow as pa

        numbers = table["number"].to_pylist()
        batches = (pickle.loads(each.as_py()) for each in table["batch"])  # noqa: S301 - the feeder made it
        done = [pickle.dumps(self._worker(number, batch)) for number, batch in zip(numbers, batches, strict=True)]
        return pa.table({"number": numbers, "result": done})


def _source(queue: Any) -> Any:
    """The queue as a data source of one reading task."""
    import pyarrow as pa
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    def read() -> Iterator[Any]:
        while (item := queue.get()) is not None:
            yield pa.table({"number": [item[0]], "batch": [item[1]]})

    class Fed(Datasource):  # type: ignore[misc, unused-ignore]
        """What the feeder puts into the queue."""

        def estimate_inmemory_data_size(self) -> None:
            return None

        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            return [ReadTask(read, BlockMetadata(num_rows=None, size_bytes=None, exec_stats=None, input_files=None))]

    return Fed()  # type: ignore[no-untyped-call, unused-ignore]
