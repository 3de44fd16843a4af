"""HTTP as NLM asks for it: paced, patient, never redirected, and silent about secrets.

What goes wrong is a `FaultError`, a word and a sentence. No body, address or exception of the HTTP library is kept in
it: any of them may carry the key (sources §2.3, §6).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from consilience.corpora.deadline import Alarm, Deadline, Line, alarm
from consilience.corpora.throttle import Throttle
from consilience.errors import BadInputError, BusyError
from consilience.home import Rooms

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

T = TypeVar("T")
AGENT = "consilience"
_SELDOM = 3  # tries of what costs a minute each
_AGAIN = 6
# A host of plain labels, or an IPv6 address, and a port: no user, no password, nothing to decode.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_AUTHORITY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_PACKINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True}  # those we ask for; each with whether it packs


class FaultError(Exception):
    """One request that came to nothing: `kind` in a word, `told` in a sentence without secrets.

    `tries` is how often in all it is worth asking (1: never again), `wait` the seconds the server asked for.
    """

    def __init__(self, kind: str, told: str, *, tries: int = 1, wait: float = 0.0) -> None:
        super().__init__(f"{kind}: {told}")
        self.kind = kind
        self.told = told
        self.tries = tries
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to go on asking; the figures are those of sources §2.5."""

    tries: int = 6
    longest_backoff: float = 16.0
    budget: float = 600.0  # seconds of waiting between tries, over all requests of one call
    connect: float = 10.0
    read: float = 60.0
    begin: float = 120.0  # seconds until the headers of a reply are there
    grace: float = 60.0  # seconds in which a body may come as slowly as it likes
    slowest: float = 10_000.0  # bytes a second, on the average, from then on


@dataclass
class Network:
    """What every request of a process shares: clock, sleep, chance, and one throttle for each host and pace.

    `sleep` and `alarm` keep the time of `clock`.
    """

    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default_factory=lambda: secrets.SystemRandom().random)
    alarm: Alarm = alarm
    _throttles: dict[tuple[str, float], Throttle] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def throttle(self, url: str, rate: float) -> Throttle:
        """The one throttle of this host at this pace."""
        name = (urlsplit(url).netloc, rate)
        with self._lock:
            if name not in self._throttles:
                self._throttles[name] = Throttle(rate, clock=self.clock, sleep=self.sleep)
            return self._throttles[name]

    @contextlib.contextmanager
    def web(self, url: str, rate: float) -> Iterator[Web]:
        """A client for one host, open for one call."""
        import httpx

        policy = self.policy
        # In debugging it writes down the headers of replies, and one of those may repeat the key.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        client: httpx.Client | None = None  # else its exception tells the proxy's password, or a path
        with contextlib.suppress(httpx.InvalidURL, ValueError, ImportError, OSError):
            # A proxy of the environment is for the world outside, never for this machine.
            client = httpx.Client(
                timeout=httpx.Timeout(policy.read, connect=policy.connect), follow_redirects=False,
                headers={"User-Agent": AGENT, "Accept-Encoding": "gzip"}, trust_env=not is_loopback(url),
            )  # fmt: skip
        if client is None:
            raise BadInputError(
                "the proxy or the certificates that the environment names cannot be used", where="environment",
                expected="HTTPS_PROXY=http://HOST:PORT, a readable SSL_CERT_FILE, or neither",
            )  # fmt: skip
        with client:
            yield Web(self, self.throttle(url, rate), client)


class Web:
    """One open client: its requests wait their turn, and the patience of one call is spent only once."""

    def __init__(self, network: Network, throttle: Throttle, client: httpx.Client) -> None:
        self._network = network
        self._throttle = throttle
        self._client = client
        self._waited = 0.0
        self._line = Line()

    @property
    def is_worn_out(self) -> bool:
        """Say whether the budget of waiting is spent: from now on every request is tried once."""
        return self._waited >= self._network.policy.budget

    def ask(
        self, method: str, url: str, consume: Callable[[httpx.Response], T], *,
        form: Mapping[str, str] | None = None, content: bytes | None = None,
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> T:  # fmt: skip
        """Send a request until `consume` has read its reply; the last fault is raised when it is not worth it.

        `headers` are asked for anew at each try: a download goes on from where it broke off.
        """
        from tenacity import Retrying, retry_if_exception

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, FaultError) and error.tries > 1),
            stop=self._is_enough, wait=self._pause, sleep=self._sleep, reraise=True,
        )  # fmt: skip
        return retrying(lambda: self._once(method, url, consume, form, content, headers()))

    def _once(
        self, method: str, url: str, consume: Callable[[httpx.Response], T], form: Mapping[str, str] | None,
        content: bytes | None, headers: Mapping[str, str],
    ) -> T:  # fmt: skip
        import httpx

        self._throttle.wait()
        tries, deadline = self._network.policy.tries, self._deadline()
        fault = FaultError("timeout", "the service answers too slowly", tries=_SELDOM)
        try:
            with deadline, self._client.stream(
                method, url, data=form, content=content, headers=dict(headers),
                extensions={"trace": self._line.trace},
            ) as response:  # fmt: skip
                deadline.began(response)
                self._check(response)
                found = consume(response)
            if not deadline.is_missed:
                return found
        except FaultError:
            if not deadline.is_missed:
                raise
        except httpx.TimeoutException:
            fault = FaultError("timeout", "the service did not answer in time", tries=tries)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL):
            if not deadline.is_missed:
                fault = FaultError("connection", "the connection failed or broke off", tries=tries)
        # Out here, so that no exception of the library, which knows the request, is its context.
        raise fault

    def _deadline(self) -> Deadline:
        network, policy = self._network, self._network.policy
        return Deadline(
            self._line, begin=policy.begin, grace=policy.grace, slowest=policy.slowest, clock=network.clock,
            alarm=network.alarm,
        )  # fmt: skip

    def _check(self, response: httpx.Response) -> None:
        """Judge what the status alone tells; 4xx are left to the caller, who may know their bodies."""
        status, tries = response.status_code, self._network.policy.tries
        if status == 429:
            wait = retry_after(response.headers.get("Retry-After", ""))
            if self._waited + wait <= self._network.policy.budget:  # else nobody waits for it
                self._throttle.hold(wait)
            raise FaultError("throttled", "the service limits our rate (HTTP 429)", tries=tries, wait=wait)
        if status >= 500:
            raise FaultError("outage", f"the service is out of order (HTTP {status})", tries=tries)
        if not 200 <= status < 300 and status < 400:
            raise FaultError("redirected", f"the service redirects, which is refused (HTTP {status})")

    def _is_enough(self, state: RetryCallState) -> bool:
        policy = self._network.policy
        if state.attempt_number >= min(_fault_of(state).tries, policy.tries):
            return True
        if self._waited + state.upcoming_sleep > policy.budget:
            self._waited = policy.budget
            return True
        return False

    def _pause(self, state: RetryCallState) -> float:
        """Full jitter under 1-2-4-8-16 s, and never less than the server asked for."""
        policy = self._network.policy
        ceiling = min(policy.longest_backoff, 2.0 ** (state.attempt_number - 1))
        return max(self._network.chance() * ceiling, _fault_of(state).wait)

    def _sleep(self, seconds: float) -> None:
        self._waited += seconds
        self._network.sleep(seconds)


def _fault_of(state: RetryCallState) -> FaultError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, FaultError) else FaultError("internal", "no fault")


def body_of(response: httpx.Response, longest: int) -> bytes:
    """The whole body, unpacked, of at most `longest` bytes; the library would unpack a bomb before it is counted."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in _PACKINGS:
        raise FaultError("unparsable", "the reply is packed in a way that was not asked for", tries=_SELDOM)
    unpack = zlib.decompressobj(wbits=31) if _PACKINGS[packing] else None
    broken = FaultError("truncated", "the reply is packed and cannot be unpacked", tries=_AGAIN)
    found = bytearray()
    for chunk in response.iter_raw():
        try:
            found += unpack.decompress(chunk, longest + 1 - len(found)) if unpack else chunk
        except zlib.error:
            raise broken from None
        if len(found) > longest:
            raise FaultError("too_long", f"the reply is longer than {longest:,} bytes")
        if unpack and unpack.unused_data:
            raise broken
    if unpack and not unpack.eof:
        raise broken
    return bytes(found)


def retry_after(text: str) -> float:
    """The seconds a `Retry-After` header asks for, given as a number or as a date; 0 when it says neither."""
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def is_loopback(url: str) -> bool:
    """Say whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def safe_url(url: str, *, where: str = "url") -> str:
    """A base address with one slash at its end: https, or http on this machine, and nothing secret in it."""
    try:
        parts = urlsplit(url)
        # So strict that the client cannot read another host out of it.
        odd = not _AUTHORITY.fullmatch(parts.netloc) or any(sign in url for sign in "?#\\")
        _ = parts.port
    except ValueError:
        parts, odd = urlsplit(""), True
    plain = url.isascii() and url.isprintable() and " " not in url
    if odd or not plain or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
        raise BadInputError(
            "not an address to fetch from", where=where, expected="https://…, or http:// on this machine"
        )
    return url.rstrip("/") + "/"


@contextlib.contextmanager
def fetching(rooms: Rooms) -> Iterator[None]:
    """Let one process of a home speak to the network at a time, so that their paces do not add up."""
    if not rooms.writable:
        raise BadInputError("the packaged home is read-only", where="home", expected="run consilience init DIR")
    rooms.corpora.mkdir(parents=True, exist_ok=True)
    with (rooms.corpora / ".network.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError("another process is fetching for this home", expected="try again when it is done") from None
        yield
