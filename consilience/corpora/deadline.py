"""A limit on a whole request: the timeouts of an HTTP client begin anew with every byte, and a server may drip them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

# Calls a function after so many seconds, unless what it returns is called before.
Alarm = Callable[[float, Callable[[], None]], Callable[[], None]]


def alarm(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """Call `act` on a thread of its own after so many seconds, and return what calls that off."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer.cancel


class Line:
    """The connection a client speaks over, as its `trace` tells it."""

    def __init__(self) -> None:
        self._socket: Any = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a connection that was just made, or made secret."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def cut(self) -> None:
        """End whatever waits on the connection; closing it is left to its owner."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which forgets that what comes is encrypted.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Deadline:
    """Cuts one request off whose reply has not begun, or comes more slowly than it must."""

    def __init__(
        self, line: Line, *, begin: float, grace: float, slowest: float, clock: Callable[[], float], alarm: Alarm
    ) -> None:
        """Allow `begin` seconds to the end of the headers, then `grace` seconds and one for every `slowest` bytes."""
        self._line, self._clock, self._alarm = line, clock, alarm
        self._begin, self._grace, self._slowest = begin, grace, slowest
        self._lock = threading.RLock()
        self._response: httpx.Response | None = None
        self._is_over = self._is_missed = False

    @property
    def is_missed(self) -> bool:
        """Say whether the request was cut off; what came of it may then look whole and is not."""
        return self._is_missed

    def __enter__(self) -> Deadline:
        self._since = self._clock()
        self._cancel = self._alarm(self._begin, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_over = True
            self._cancel()

    def began(self, response: httpx.Response) -> None:
        """The headers are there: from now on the body has to come."""
        with self._lock:
            self._response, self._since = response, self._clock()
            self._cancel()
            self._cancel = self._alarm(self._grace, self._look)

    def _look(self) -> None:
        with self._lock:
            if self._is_over:  # the connection may carry another request by now
                return
            left = self._since + self._allowed() - self._clock()
            if left > 0:
                self._cancel = self._alarm(left, self._look)
            else:
                self._is_missed = True
                self._line.cut()

    def _allowed(self) -> float:
        if self._response is None:
            return self._begin
        return self._grace + self._response.num_bytes_downloaded / self._slowest
