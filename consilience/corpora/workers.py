"""Processes of our own that do pieces of one job; the results come back in the order of the pieces."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, TypeVar

from consilience.errors import ConsilienceError

_T = TypeVar("_T")
_R = TypeVar("_R")
_PIPE = 1 << 20  # bytes that a pipe may hold, where the system lets us say
_MOST = 8  # beyond this the one process that unpacks and writes is the slower side
# Not multiprocessing: it would run the caller's own script again in each process, or fork one that has threads.
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from consilience.corpora.workers import serve; serve()"
)


class WorkerDiedError(ConsilienceError):
    """A process that did a piece of a job ended before it answered."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector from walking many young records again and again, which hold no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Workers:
    """At most `count` processes, each started when it is first needed and ended with the `with` block."""

    def __init__(self, count: int | None = None) -> None:
        wanted = min(_MOST, cores()) if count is None else count
        self.count = wanted if sys.executable else 1  # a program that embeds Python has no interpreter to start
        self._idle: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="worker") if self.count > 1 else None
        for _ in range(self.count):
            self._idle.put(None)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            if process := self._idle.get():
                _end(process)

    def map(self, function: Callable[[_T], _R], pieces: Iterable[_T], *, where: str = "") -> Iterator[_R]:
        """Yield `function(piece)` for each piece in order; with one worker it is called here.

        No more pieces are asked for than keep the workers busy, so that memory stays flat. An error of the function
        is raised here, and so is WorkerDiedError, which names `where` the pieces come from.
        """
        if self._threads is None:
            yield from map(function, pieces)
            return
        pending: deque[Future[_R]] = deque()
        try:
            for piece in pieces:
                pending.append(self._threads.submit(self._ask, function, piece, where))
                if len(pending) > 2 * self.count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _ask(self, function: Callable[[_T], _R], piece: _T, where: str) -> _R:
        process = self._idle.get()
        try:
            process = process or _start()
            done, answer = _exchange(process, (function, piece))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            if process:
                _end(process)
            process = None
            message = "a process that read a part of the file died"
            raise WorkerDiedError(message, where=where, expected="enough memory") from error
        finally:
            self._idle.put(process)
        if not done:
            raise answer
        result: _R = answer
        return result


def _start() -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", _CODE, json.dumps(sys.path)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=_PIPE)  # noqa: S603 - our own code


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end by closing what it reads from."""
    with contextlib.suppress(OSError):
        process.communicate()


def _exchange(process: subprocess.Popen[bytes], task: Any) -> tuple[bool, Any]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    pickle.dump(task, process.stdin, protocol=5)
    process.stdin.flush()
    answer: tuple[bool, Any] = pickle.load(process.stdout)  # noqa: S301 - from a process that runs our own code
    return answer


def serve() -> None:
    """Answer tasks on standard input until it ends; what a worker runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it decides when to stop
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while True:
        try:
            function, piece = pickle.load(tasks)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        _answer(function, piece, answers)


def _answer(function: Callable[[Any], Any], piece: Any, answers: IO[bytes]) -> None:
    answer: tuple[bool, Any]
    try:
        answer = (True, function(piece))
    except Exception as error:
        answer = (False, error)
    pickle.dump(answer, answers, protocol=5)
    answers.flush()


__all__ = ["WorkerDiedError", "Workers", "cores", "serve", "uncollected"]
