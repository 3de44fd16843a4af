"""One judge for several chains: a pair that one of them has had judged is not judged again for another."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock

from consilience.models import Entailment, Judgement

Pair = tuple[str, str]


class SharedJudge:
    """Judges each (claim, evidence text) pair once for all the threads that ask it.

    A judgement is a pure function of its pair, so that sharing it shares no evidence. A pair that another thread is
    having judged is waited for; if that fails, it is judged here, so that a crash costs only the chain it happened to.
    """

    def __init__(self, judge: Entailment) -> None:
        self._judge = judge
        self.name = judge.name
        self._known: dict[Pair, Future[Judgement]] = {}
        self._lock = Lock()

    def judge(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """One judgement for each pair, in order; the new ones in one batch."""
        with self._lock:
            mine = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
            told = {pair: self._known.setdefault(pair, Future()) for pair in pairs}
        self._work(mine, told)
        return [self._waited(pair, told[pair]) for pair in pairs]

    def _work(self, mine: Sequence[Pair], told: dict[Pair, Future[Judgement]]) -> None:
        if not mine:
            return
        try:
            judged = self._judge.judge(mine)
        except BaseException as error:
            with self._lock:
                for pair in mine:
                    del self._known[pair]
            for pair in mine:
                told[pair].set_exception(error)
            raise
        for pair, judgement in zip(mine, judged, strict=True):
            told[pair].set_result(judgement)

    def _waited(self, pair: Pair, told: Future[Judgement]) -> Judgement:
        try:
            return told.result()
        except Exception:  # it failed in another chain, perhaps over another pair of its batch
            return self._judge.judge([pair])[0]
