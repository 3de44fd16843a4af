"""The status of every row at once: what `Corpus.status` says of one document, as a mask to search by."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import FOREVER, STATUSES, Clocks, Corpus, Mask, days, microseconds
from consilience.corpora.marks import REINSTATED

_ACTIVE = STATUSES.index("active")


class Standing:
    """The marks of a corpus as arrays: who is marked, how, from which day, known from and until when."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._marked = sorted(corpus.marks.keys() & corpus.rows_by_id.keys())
        marks = [(place, mark) for place, target in enumerate(self._marked) for mark in corpus.marks[target]]
        self._of = _array(place for place, _ in marks)
        self._since = _array(days(mark["since"]) for _, mark in marks)
        self._from = _array(microseconds(mark["known_from"]) for _, mark in marks)
        self._until = _array(microseconds(mark["known_until"]) if mark["known_until"] else FOREVER for _, mark in marks)
        self._status = _array(
            _ACTIVE if mark["kind"] == REINSTATED else STATUSES.index(mark["kind"]) for _, mark in marks
        )
        # What a reinstatement takes back is told mark by mark.
        self._intricate = sorted({place for place, mark in marks if mark["kind"] == REINSTATED})

    @cached_property
    def _turns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return np.unique(self._since), np.unique(np.concatenate([self._from, self._until]))

    def moment(self, clocks: Clocks) -> tuple[int, int]:
        """What of the clocks matters here: two clocks of one moment give every document the same status."""
        since, instants = self._turns
        day = int(np.searchsorted(since, days(clocks.as_of), "right"))
        return day, int(np.searchsorted(instants, clocks.instant, "right"))

    def at(self, clocks: Clocks) -> npt.NDArray[np.int8]:
        """The status of each row on the clocks, as its place in `STATUSES`; shape: rows of the corpus."""
        known = (self._from <= clocks.instant) & (clocks.instant < self._until) & (self._since <= days(clocks.as_of))
        worst = np.full(len(self._marked), _ACTIVE, np.int8)
        np.minimum.at(worst, self._of[known], self._status[known].astype(np.int8))
        for place in self._intricate:
            worst[place] = STATUSES.index(self._corpus.status(self._marked[place], clocks).name)
        found = np.full(self._corpus.table.num_rows, _ACTIVE, np.int8)
        for place in np.flatnonzero(worst != _ACTIVE):
            found[self._corpus.rows_by_id[self._marked[place]]] = worst[place]
        found[~self._corpus.alive] = STATUSES.index("deleted")
        return found

    def among(self, wanted: Iterable[str], clocks: Clocks) -> Mask:
        """Rows whose status on the clocks is one of `wanted`."""
        codes = [STATUSES.index(name) for name in wanted]
        found: Mask = np.isin(self.at(clocks), codes)
        return found


def _array(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.fromiter(values, np.int64)
