"""What a search may see: both clocks and the filters, made once for a question and held inside every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import Clocks, Corpus

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Filters:
    """Properties a document must have; within one the values are alternatives, and none given means any."""

    designs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """The rows of a corpus that one search may see, shape of both masks: rows of the corpus.

    `shown` is what the clocks show: what statistics count. `allowed` is what of it may be found.
    """

    clocks: Clocks
    filters: Filters
    shown: Mask
    allowed: Mask


class Found(NamedTuple):
    """A document row that one retriever found, its score, and its best passage where the retriever knows one."""

    row: int
    score: float
    passage: int | None = None


class Retriever(Protocol):
    """Anything that ranks documents for a query."""

    def search(self, query: str, limit: int, sight: Sight) -> Sequence[Found]:
        """At most `limit` rows in sight, each once, best first, ties by row; nothing else counts."""
        ...


def sight(corpus: Corpus, clocks: Clocks, filters: Filters | None = None, where: Mask | None = None) -> Sight:
    """What these clocks and filters leave in sight; `where` narrows the rows further."""
    filters = filters or Filters()
    shown = corpus.visible(clocks)
    allowed = shown
    if filters.designs:
        allowed = allowed & corpus.among("design", filters.designs)
    if where is not None:
        allowed = allowed & where
    return Sight(clocks, filters, shown, allowed)
