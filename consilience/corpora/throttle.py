"""One pace for all threads of a process: a token bucket of one token, so requests are spaced and never burst."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Throttle:
    """Lets `rate` requests a second pass, whoever asks; a server that says "later" holds all of them.

    With one token no window of a second sees more than `1 + rate` requests: 2.8 keeps NCBI's limit of 3.
    """

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = float("-inf")

    def wait(self) -> float:
        """Return when the next request may go, with the instant of the clock at which it was let go."""
        while True:
            with self._lock:
                now = self._clock()
                delay = self._next - now
                if delay <= 0:
                    self._next = now + 1 / self.rate
                    return now
            # Asked again afterwards: meanwhile another thread may have been told to wait longer.
            self._sleep(delay)

    def hold(self, seconds: float) -> None:
        """Let nothing pass for this long, as `Retry-After` asks."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
