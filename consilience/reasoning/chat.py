"""A server of `/v1/chat/completions`, asked by the patient client that is never redirected and tells no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.corpora.web import FaultError, Network, Policy, body_of, safe_url
from consilience.errors import BadInputError
from consilience.models.language import Asking, LanguageError, Reply, tokens
from consilience.records import canonical_json

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

_LONGEST_REPLY = 1 << 20
_TRIES = 4
_GRACE = 10.0  # seconds for a body that has begun: nobody streams here
_SLOWEST = 100_000.0  # bytes a second from then on
_RATE = 20.0  # requests a second at most
_HIDDEN = "[key]"
_SECRET = 8  # characters: a shorter one, such as the EMPTY that local servers are given, is none
# What a key may be in a header; the library's own complaint would quote it.
_KEY = re.compile(r"[\x21-\x7e]*", re.ASCII)
# Asked again after these; what was too slow once would only be so again.
_PASSING = frozenset({"throttled", "outage", "connection"})


class _Open(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Message(_Open):
    content: str


class _Choice(_Open):
    message: _Message


class _Usage(_Open):
    prompt_tokens: int = Field(ge=0, le=10**8)
    completion_tokens: int = Field(ge=0, le=10**8)


class _Completion(_Open):
    choices: list[_Choice] = Field(min_length=1)


class _Counted(_Open):
    usage: _Usage


@dataclass(frozen=True, slots=True)
class ChatServer:
    """One server of chat completions; the key shows in no text of it."""

    network: Network
    base: str
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str], network: Network) -> ChatServer:
        """The server that OPENAI_BASE_URL names, such as `http://127.0.0.1:8080/v1`: without it nothing is asked."""
        base, key = environment.get("OPENAI_BASE_URL", "").strip(), environment.get("OPENAI_API_KEY", "").strip()
        if not base:
            raise BadInputError(
                "no server of language models is named", where="OPENAI_BASE_URL",
                expected="its address, such as http://127.0.0.1:8080/v1",
            )  # fmt: skip
        if not _KEY.fullmatch(key):
            raise BadInputError("the key cannot be sent", where="OPENAI_API_KEY", expected="printable ASCII, no blanks")
        return cls(network, safe_url(base, where="OPENAI_BASE_URL"), key)

    def __call__(self, asking: Asking, seconds: float) -> Reply:
        """The server's reply; 429 and 5xx are asked again within the time that is left, anything else is not."""
        try:
            body = self._body(asking, seconds)
        except FaultError as fault:
            told = fault.told
        else:
            return self._reply(asking, body)
        # Out here, so that no exception that knows the request is the context of this one.
        raise LanguageError(f"the language model failed: {told}", where="model")

    def _body(self, asking: Asking, seconds: float) -> bytes:
        from tenacity import Retrying, retry_if_exception

        clock = self.network.clock
        until = clock() + seconds

        def is_enough(state: RetryCallState) -> bool:
            return state.attempt_number >= _TRIES or clock() + state.upcoming_sleep >= until

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, FaultError) and error.kind in _PASSING),
            stop=is_enough, wait=self._pause, sleep=self.network.sleep, reraise=True,
        )  # fmt: skip
        content = canonical_json(asking.body()).encode("utf-8", "replace")
        return retrying(lambda: self._once(content, max(0.1, until - clock())))

    def _once(self, content: bytes, seconds: float) -> bytes:
        policy = Policy(
            tries=1, budget=0.0, connect=min(10.0, seconds), read=seconds, begin=seconds,
            grace=min(_GRACE, seconds), slowest=_SLOWEST,
        )  # fmt: skip
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        with replace(self.network, policy=policy).web(self.base, _RATE) as web:
            return web.ask("POST", f"{self.base}chat/completions", _read, content=content, headers=lambda: headers)

    def _pause(self, state: RetryCallState) -> float:
        """Full jitter under 1-2-4 s, and never less than the server asked for."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, FaultError) else 0.0
        return max(self.network.chance() * 2.0 ** (state.attempt_number - 1), asked)

    def _reply(self, asking: Asking, body: bytes) -> Reply:
        """What the body says, the key struck out of it should the server repeat it."""
        try:
            text: str | None = _Completion.model_validate_json(body).choices[0].message.content
        except ValidationError:
            text = None
        if text is None:
            raise LanguageError("the language model's server answered in a form of its own", where="model")
        text = text.replace(self.key, _HIDDEN) if len(self.key) >= _SECRET else text
        try:
            usage = _Counted.model_validate_json(body).usage
            return Reply(text, usage.prompt_tokens, usage.completion_tokens)
        except ValidationError:  # a server that does not count, or counts what cannot be
            return Reply(text, asking.most[0], tokens(text))


def _read(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise FaultError("refused", f"its server refused the request (HTTP {response.status_code})")
    return body_of(response, _LONGEST_REPLY)
