"""A cassette: what a language model replied, kept by the hash of what it was asked, to be played again.

A file of JSON lines, only ever added to: `{"asking", "model", "reply": {"text", "sent", "received"}}`, or `"error"` in
place of `"reply"`. No prompt and no key is in it; the words of replies are.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.errors import BadInputError
from consilience.models.language import Asking, LanguageError, Reply, Server
from consilience.records import canonical_json

_LONGEST = 256 << 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Reply(_Part):
    text: str
    sent: Annotated[int, Field(ge=0)]
    received: Annotated[int, Field(ge=0)]


class _Line(_Part):
    asking: str
    model: str
    reply: _Reply | None = None
    error: str | None = None


class Cassette:
    """A server that replies as it once did; with another behind it, it asks that what is new, and writes it down."""

    def __init__(self, path: Path, server: Server | None = None) -> None:
        self.path = path
        self._server = server
        self._lock = threading.Lock()
        whole = _whole(path) if server is None or path.exists() else b""
        if server is not None and whole:
            _cut(path, len(whole))
        self._lines = {line.asking: line for line in _lines(path.name, whole)}

    @property
    def model(self) -> str:
        """The one model whose replies these are."""
        models = sorted({line.model for line in self._lines.values()})
        if len(models) != 1:
            raise BadInputError(
                f"the cassette holds replies of {len(models)} models", where=self.path.name,
                expected="a file recorded with one model, by CONSILIENCE_CASSETTE",
            )  # fmt: skip
        return models[0]

    def __call__(self, asking: Asking, seconds: float) -> Reply:
        """The reply on record, or from now on record: one asking has one reply, however often it is made."""
        with self._lock:
            line = self._lines.get(asking.key) or self._recorded(asking, seconds)
        if line.reply is None:
            raise LanguageError(line.error or "the language model failed", where="model")
        return Reply(line.reply.text, line.reply.sent, line.reply.received)

    def _recorded(self, asking: Asking, seconds: float) -> _Line:
        if self._server is None:
            raise LanguageError("the cassette holds no reply to what is asked", where="model")
        try:
            told = self._server(asking, seconds)
            reply = _Reply(text=told.text, sent=told.sent, received=told.received)
            line = _Line(asking=asking.key, model=asking.model, reply=reply)
        except LanguageError as error:
            line = _Line(asking=asking.key, model=asking.model, error=error.message)
        try:
            with self.path.open("ab") as handle:
                handle.write((canonical_json(line.model_dump(exclude_none=True)) + "\n").encode())
        except OSError:
            raise BadInputError(
                "the cassette cannot be written", where="CONSILIENCE_CASSETTE", expected="a file that may be written"
            ) from None
        self._lines[asking.key] = line
        return line


def _whole(path: Path) -> bytes:
    """The bytes of all whole lines; what a kill tore off at the end was never replied with."""
    try:
        if path.stat().st_size > _LONGEST:
            raise BadInputError("the cassette is too large", where=path.name, expected=f"at most {_LONGEST:,} bytes")
        raw = path.read_bytes()
    except OSError:
        raise BadInputError("the cassette cannot be read", where=path.name, expected="a recorded file") from None
    return raw[: raw.rfind(b"\n") + 1]


def _cut(path: Path, length: int) -> None:
    with suppress(OSError):  # a file that may not be written is told of at the first reply
        if path.stat().st_size > length:
            os.truncate(path, length)


def _lines(name: str, whole: bytes) -> Iterator[_Line]:
    for number, each in enumerate(whole.splitlines(), start=1):
        try:
            yield _Line.model_validate_json(each)
        except ValidationError:
            raise BadInputError(
                "the cassette is damaged", where=f"{name}, line {number}", expected="a recorded reply"
            ) from None
