"""Which build of FAISS is installed, and how it is made to give the same bytes twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

from consilience.errors import BadInputError


def engines(installed: Callable[[str], str] = installed_version) -> list[str]:
    """Which builds of FAISS are installed: `faiss-cpu`, `faiss-gpu`, or, wrongly, both."""
    found = []
    for name in ("faiss-cpu", "faiss-gpu"):
        with contextlib.suppress(PackageNotFoundError):
            installed(name)
            found.append(name)
    return found


def engine() -> Any:
    """The FAISS module; two builds under one import name would break each other silently, so both are refused."""
    if len(found := engines()) != 1:
        raise BadInputError(
            f"FAISS is installed {'twice: ' + ' and '.join(found) if found else 'not at all'}",
            where="faiss",
            expected="one of the extras cpu and gpu",
        )
    import faiss

    return faiss


@contextlib.contextmanager
def one_thread(faiss: Any) -> Iterator[None]:
    """Let FAISS work on one thread: the graph of an HNSW built on two depends on which of them came first."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
